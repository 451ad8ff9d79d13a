//! The account of what an actor did: the part of `redress.investigation/1` that follows from events alone.
//! Data only. Every text is short and without control characters, but its content is up to whoever wrote the
//! events.

use jiff::Timestamp;
use serde::Serialize;

use super::Target;
use crate::intake::Report;

/// The account of what an actor did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Investigation {
    /// The actor.
    pub target: Target,
    /// The start of the period that was asked for.
    pub since: Option<Timestamp>,
    /// The end of that period.
    pub until: Option<Timestamp>,
    /// The inputs, each with its format and the reason why it is not whole.
    pub inputs: Vec<Report>,
    /// The numbers of events.
    pub counts: Counts,
    /// The time of the first event of the actor.
    pub first: Option<Timestamp>,
    /// The time of the last one.
    pub last: Option<Timestamp>,
    /// The callers that acted, by their ARNs.
    pub callers: Listing<Counted>,
    /// The access keys that signed.
    pub keys: Listing<Counted>,
    /// The accounts in which it acted.
    pub accounts: Listing<Counted>,
    /// The regions.
    pub regions: Listing<Counted>,
    /// The addresses, and the services that called on its behalf.
    pub addresses: Listing<Counted>,
    /// The user agents.
    pub agents: Listing<Counted>,
    /// The calls, by service and name.
    pub calls: Listing<Counted>,
    /// The calls that failed, by their error codes.
    pub failures: Listing<Failure>,
    /// The calls of others that made the actor or gave it its credentials.
    pub origins: Listing<Origin>,
    /// The sessions that it was given: for other roles, or for itself.
    pub sessions: Listing<Session>,
    /// The things that it made, opened, ran or took, in the order of time.
    pub effects: Listing<Effect>,
    /// The times at which it acted.
    pub timeline: Timeline,
    /// The things that the events cannot show, in sentences.
    pub notes: Vec<String>,
}

/// The numbers of events: `matched`, `others`, `outside` and `unreadable` add up to `read`; `reads`,
/// `changes` and `failed` to `matched`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// The events in all inputs.
    pub read: u64,
    /// The events of the actor within the period.
    pub matched: u64,
    /// The events of others.
    pub others: u64,
    /// The events of the actor before or after the period.
    pub outside: u64,
    /// The records that could not be read.
    pub unreadable: u64,
    /// The events of the actor that have no time; they count as within any period.
    pub untimed: u64,
    /// Calls that succeeded and only read.
    pub reads: u64,
    /// Calls that succeeded and did not only read.
    pub changes: u64,
    /// Calls that failed.
    pub failed: u64,
    /// The calls among them that were not allowed.
    pub denied: u64,
}

/// Entries, and what came beyond the number that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listing<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// The number of events under other names, which are not kept.
    pub beyond: u64,
}

impl<T> Listing<T> {
    /// Makes entries of what was kept.
    pub fn of<K, F: FnMut((K, Figures)) -> T>((kept, beyond): (Vec<(K, Figures)>, u64), entry: F) -> Self {
        Self { entries: kept.into_iter().map(entry).collect(), beyond }
    }
}

/// The number of events of something, and when they were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// All events.
    pub events: u64,
    /// Those that failed, denied ones included.
    pub failed: u64,
    /// Those that were not allowed.
    pub denied: u64,
    /// The time of the first.
    pub first: Option<Timestamp>,
    /// The time of the last.
    pub last: Option<Timestamp>,
}

/// Something by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// The name.
    pub name: String,
    /// Its events.
    #[serde(flatten)]
    pub figures: Figures,
}

impl From<(String, Figures)> for Counted {
    fn from((name, figures): (String, Figures)) -> Self {
        Self { name, figures }
    }
}

/// Calls that failed with one error code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The call.
    pub call: String,
    /// The error code.
    pub code: String,
    /// Its events.
    #[serde(flatten)]
    pub figures: Figures,
}

/// A call of somebody that made the actor or gave it its credentials.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct OriginName {
    /// The call.
    pub call: String,
    /// The caller, by its ARN.
    pub by: String,
    /// The access key that signed.
    pub key: String,
    /// The address.
    pub from: String,
}

/// Calls of one caller that made the actor or gave it its credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The call and the caller.
    #[serde(flatten)]
    pub name: OriginName,
    /// Its events.
    #[serde(flatten)]
    pub figures: Figures,
}

/// The credentials that a call gave.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct SessionName {
    /// The call: `sts:AssumeRole`.
    pub call: String,
    /// The role, by its ARN; empty where the session is the caller's own.
    pub role: String,
    /// The name of the session.
    pub session: String,
    /// The id of the new access key; empty where CloudTrail left it out.
    pub key: String,
}

/// A session that the actor was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Session {
    /// The role and the key.
    #[serde(flatten)]
    pub name: SessionName,
    /// Its events.
    #[serde(flatten)]
    pub figures: Figures,
}

/// The kind of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectKind {
    /// Something that was not there before.
    Made,
    /// Something that lets more in, or shows less, than before; or a setting that a check asks about.
    Loosened,
    /// Code that ran, or a session on a machine.
    Ran,
    /// A secret that was read.
    Took,
}

impl EffectKind {
    /// All kinds, in the order of reports.
    pub const ALL: [Self; 4] = [Self::Made, Self::Loosened, Self::Ran, Self::Took];

    /// Returns the kind in a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Loosened => "loosened",
            Self::Ran => "ran",
            Self::Took => "took",
        }
    }
}

/// An effect, by what it was and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct EffectName {
    /// Its kind.
    pub kind: EffectKind,
    /// The call.
    pub call: String,
    /// The thing in words: `access key`.
    pub what: String,
    /// The thing's ARN, id or name, as the event has it; `account` for a setting of the account.
    pub resource: String,
    /// Further members that the table of effects names, such as the policy that was attached.
    pub detail: String,
    /// The region.
    pub region: String,
    /// The account.
    pub account: String,
}

/// Something that the actor made, opened, ran or took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Effect {
    /// The kind, the thing and the place.
    #[serde(flatten)]
    pub name: EffectName,
    /// Its events.
    #[serde(flatten)]
    pub figures: Figures,
}

/// The times at which the actor acted.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Timeline {
    /// The events hour by hour, without hours in which there were none.
    pub hours: Vec<Hour>,
    /// The number of events in hours beyond the number that is kept.
    pub beyond: u64,
    /// The calls that did not only read, succeeded or not, and the secrets that were taken; of many the first
    /// and the last.
    pub entries: Vec<Entry>,
    /// The number of entries between them that are left out.
    pub left_out: u64,
}

/// An hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Hour {
    /// Its start.
    pub from: Timestamp,
    /// All events.
    pub events: u64,
    /// The calls that succeeded and did not only read.
    pub changes: u64,
    /// The calls that failed, denied ones included.
    pub failed: u64,
    /// The calls that were not allowed.
    pub denied: u64,
}

/// A call in the timeline.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Entry {
    /// The time.
    pub at: Timestamp,
    /// The call.
    pub call: String,
    /// The error code, empty for a call that succeeded.
    pub code: String,
    /// The kinds of its effects.
    pub kinds: Vec<EffectKind>,
    /// The things that it made, opened, ran or took.
    pub resources: Vec<String>,
    /// The region.
    pub region: String,
    /// The address.
    pub from: String,
    /// The caller, by its ARN.
    pub by: String,
}
