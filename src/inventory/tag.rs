//! The tags by which redress finds again what it made, and the name by which it knows its own calls. Only names and
//! nothing else; they are part of what users see.

/// The name under which redress calls AWS: every request says `lib/redress/VERSION` in its `User-Agent`, which CloudTrail
/// keeps as `userAgent`.
pub const AGENT: &str = "redress";

/// Which run made the thing.
pub const RUN: &str = "redress:run";
/// Which step of which change made it, as `change/step`.
pub const STEP: &str = "redress:step";
/// The token of the call that made it: hex SHA-256 of run, step and attempt.
pub const TOKEN: &str = "redress:token";
/// What it was made from.
pub const SOURCE: &str = "redress:source";
/// Which instance it belongs to.
pub const INSTANCE: &str = "redress:instance";
/// At which device of the instance.
pub const DEVICE: &str = "redress:device";
/// Whether it goes when its instance is terminated, which attaching a volume forgets.
pub const DELETE_ON_TERMINATION: &str = "redress:delete-on-termination";
/// In which state the run found the instance: `running` or `stopped`.
pub const STATE: &str = "redress:state";
/// Until when it is kept, as a date (`2026-12-22`); `redress prune` may plan its deletion afterwards.
pub const EXPIRES: &str = "redress:expires";
/// What took its place.
pub const REPLACED_BY: &str = "redress:replaced-by";
/// Snapshots that belong together carry the same value.
pub const SET: &str = "redress:set";
/// How many of the newest completed sets of its instance a backup wants to be kept, whatever their dates.
pub const KEEP_LAST: &str = "redress:keep-last";
/// Set by a person: findings on this resource are suppressed, and the value says why.
pub const IGNORE: &str = "redress:ignore";
/// Set by a person: prune leaves the thing alone.
pub const HOLD: &str = "redress:hold";
