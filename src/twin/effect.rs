//! Effects that are due at a later time: data only; [`super::scheduled`] lets them happen.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An effect that will happen later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Due {
    /// The time of the effect.
    pub at: Timestamp,
    /// The region of the resource.
    pub region: String,
    /// The effect itself.
    pub effect: Effect,
}

/// An effect that happens by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Effect {
    /// A stopping instance is stopped.
    Stopped(String),
    /// A pending instance runs.
    Running(String),
    /// A pending instance falls back to stopped, with the reason.
    FellBack(String, String),
    /// A running instance passes its checks.
    StatusOk(String),
    /// A running instance has been checked by its load balancers.
    TargetLookedAt(String),
    /// A snapshot is complete.
    SnapshotDone(String),
    /// A snapshot has failed.
    SnapshotFailed(String),
    /// A volume is ready.
    VolumeReady(String),
    /// A volume failed: its key does not work.
    VolumeFailed(String),
    /// A volume disappears as if it had never been: its key does not exist.
    VolumeVanished(String),
    /// A copy of a volume is initialised.
    CopyInitialised(String),
    /// An attachment is complete.
    Attached(String),
    /// A detachment is complete.
    Detached(String),
    /// The retention of a resource in the Recycle Bin is over.
    LeavesBin(String),
    /// A flow log delivers for the first time, or fails to.
    FlowLogDelivers(String),
    /// A trail delivers for the first time, or fails to.
    TrailDelivers(String),
}

impl Effect {
    /// Returns the id of the resource on which it happens.
    pub fn on(&self) -> &str {
        match self {
            Effect::Stopped(id)
            | Effect::Running(id)
            | Effect::FellBack(id, _)
            | Effect::StatusOk(id)
            | Effect::TargetLookedAt(id) => id,
            Effect::SnapshotDone(id) | Effect::SnapshotFailed(id) | Effect::LeavesBin(id) => id,
            Effect::VolumeReady(id)
            | Effect::VolumeFailed(id)
            | Effect::VolumeVanished(id)
            | Effect::CopyInitialised(id)
            | Effect::Attached(id)
            | Effect::Detached(id) => id,
            Effect::FlowLogDelivers(id) | Effect::TrailDelivers(id) => id,
        }
    }
}
