//! Whether the credentials last until an instance that is stopped could be up again. Who loses them in between leaves it
//! down. Lengths of time are estimates; the bounds of the waits themselves would forbid nearly everything.

use std::time::Duration;

use super::{Engine, apply::not_begun, ledger::Ledger};
use crate::{calls::Step, plan::Change};

/// Seconds that a call and what it waits for are expected to take at most, as seen of volumes of up to 100 GiB. Snapshots
/// of volumes take longer the more has changed on them
/// (<https://docs.aws.amazon.com/ebs/latest/userguide/ebs-creating-snapshot.html>).
fn expected(operation: &str) -> u64 {
    match operation {
        "CreateSnapshot" | "CreateSnapshots" | "CopySnapshot" => 600,
        "StopInstances" | "StartInstances" => 180,
        "CreateVolume" | "AttachVolume" | "DetachVolume" => 30,
        _ => 5,
    }
}

/// How long the steps take from the first stop of an instance on; `None` where none is stopped.
fn downtime(steps: &[Step]) -> Option<Duration> {
    let stop = steps.iter().position(|s| s.act.call.operation == "StopInstances")?;
    // Half again, for the way back of what fails midway.
    let seconds: u64 = steps[stop..].iter().map(|s| expected(&s.act.call.operation)).sum();
    Some(Duration::from_secs(seconds * 3 / 2))
}

impl Engine<'_> {
    /// Why a change that stops an instance may not go on to do so, asked before its first step and again before the stop.
    pub(super) async fn time_is_short(&self, change: &Change, next: usize, ledger: &Ledger<'_>) -> Option<String> {
        let steps = &change.steps[next..];
        let stops = next == 0 || steps.first().is_some_and(|s| s.act.call.operation == "StopInstances");
        // Once it is stopped, going on is what brings it up again.
        if !stops || !steps.first().is_some_and(|s| not_begun(change, s, ledger)) {
            return None;
        }
        let needed = downtime(steps)?;
        let ends = self.account.credentials_expire().await?;
        let left = ends.duration_since(self.account.now());
        if left.is_positive() && left.unsigned_abs() >= needed {
            return None;
        }
        let (left, needed) = (left.as_secs().max(0) / 60, needed.as_secs().div_ceil(60));
        Some(format!(
            "the credentials end at {ends:.0}, in {left} min, and the instance could be down for {needed} min: it was not stopped. \
             Renew them and make the change then"
        ))
    }
}
