//! The account's own checks of the applications on an instance, over HTTP: where they pass before the stop,
//! they must pass again after the start. AWS's status checks show that the instance is reachable, and nothing
//! of what it is there for
//! (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-application-status-checks.html>).

use crate::{
    actions::{Context, GuardNote, make, support::region},
    calls::Wait,
    inventory::{Fact, FamilyKind, Instance},
};

/// The guard on the checks of the applications.
const GUARD: &str = "application-status";
/// Seconds that such checks are given beyond AWS's own: AWS begins them 10 minutes after a launch at the
/// latest, and repeats them every minute.
const MORE: u64 = 900;

/// The application status of an instance before its stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applications {
    /// There are no checks.
    None,
    /// They pass.
    Pass,
    /// They show something else, or what they show is not known.
    Other(String),
}

/// Returns the application status of an instance that runs.
pub fn of(context: &Context<'_>, instance: &Instance) -> Applications {
    if instance.state != "running" {
        return Applications::None;
    }
    let Ok(region) = region(context.inventory, context.region) else { return Applications::None };
    match region.application_statuses.get(&instance.id) {
        Fact::Absent => Applications::None,
        Fact::Known(status) => match status.status.as_str() {
            "not-applicable" => Applications::None,
            "ok" => Applications::Pass,
            "" => Applications::Other("the answer has no status".to_owned()),
            other => Applications::Other(format!("the status is {other}")),
        },
        silent @ (Fact::Unknown(_) | Fact::NotRead) => {
            Applications::Other(silent.silence().unwrap_or_default().to_owned())
        }
    }
}

impl Applications {
    /// Notes whether the checks are part of the proof that the instance is as it was.
    pub fn note(&self) -> Option<GuardNote> {
        match self {
            Self::None => None,
            Self::Pass => Some(GuardNote::passed(
                GUARD,
                "its application status checks pass, and are waited for after the start",
            )),
            Self::Other(why) => Some(GuardNote::not_checked(
                GUARD,
                format!("its application status checks are not waited for after the start: {why}"),
            )),
        }
    }

    /// Adds the checks to the wait for a start, where they passed before the stop.
    pub fn wait_for(&self, region: &str, instance: &str, wait: &mut Wait) {
        if *self == Self::Pass {
            wait.until.push(make::is(region, FamilyKind::ApplicationStatuses, instance, "/status", "ok"));
            wait.at_most += MORE;
        }
    }
}
