//! The tags by which redress finds again what it created, and the name by which it recognises its own calls.
//! Only names and nothing else; they are part of what users see.

/// The name under which redress calls AWS: every request has `lib/redress/VERSION` in its `User-Agent`, which
/// CloudTrail records as `userAgent`.
pub const AGENT: &str = "redress";

/// The run that created the resource.
pub const RUN: &str = "redress:run";
/// The step that created the resource, as `change/step`.
pub const STEP: &str = "redress:step";
/// The token of the call that created the resource: hex SHA-256 of run, step and attempt.
pub const TOKEN: &str = "redress:token";
/// The resource from which it was created.
pub const SOURCE: &str = "redress:source";
/// The instance to which it belongs.
pub const INSTANCE: &str = "redress:instance";
/// The device of the instance.
pub const DEVICE: &str = "redress:device";
/// `true` if the volume is deleted when its instance is terminated, a setting that is lost when a volume is
/// attached.
pub const DELETE_ON_TERMINATION: &str = "redress:delete-on-termination";
/// The EBS card of the instance, where it is another than 0, to which AWS attaches a volume otherwise.
pub const EBS_CARD: &str = "redress:ebs-card";
/// The state in which the run found the instance: `running` or `stopped`.
pub const STATE: &str = "redress:state";
/// The date until which it is kept (`2026-12-22`); `redress prune` may plan its deletion afterwards.
pub const EXPIRES: &str = "redress:expires";
/// The resource that replaced it.
pub const REPLACED_BY: &str = "redress:replaced-by";
/// The set that a snapshot belongs to: all snapshots of it carry the same value.
pub const SET: &str = "redress:set";
/// The number of newest completed sets of its instance that a backup must keep, whatever their dates.
pub const KEEP_LAST: &str = "redress:keep-last";
/// Set by a person: findings on this resource are suppressed, and the value is the reason.
pub const IGNORE: &str = "redress:ignore";
/// Set by a person: prune never deletes the resource.
pub const HOLD: &str = "redress:hold";
/// On a network ACL, before a network: it is blocked there (`redress:block:203.0.113.7/32`). The value names
/// the entries, and the time until which it is blocked.
pub const BLOCK: &str = "redress:block:";
/// On an IAM user, before the id of an access key: the key was replaced, and the value is the key that came
/// in its place.
pub const KEY_REPLACED: &str = "redress:replaced-by:";
/// On an IAM user, before the id of an access key: the key was deactivated after it was replaced, and the
/// value is the date.
pub const KEY_RETIRED: &str = "redress:retired:";
/// On a secret: the user whose access keys are delivered there.
pub const KEYS_OF: &str = "redress:access-keys-of";
