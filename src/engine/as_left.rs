//! The state that an unsuccessful change leaves in the account: which instances of the change are down and
//! which key of a disk keeps them down, and which instances somebody has started since, on which disks. It
//! only reads; facts that it cannot read are left out.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Engine, EngineError, ledger::SharedJournal};
use crate::{
    calls::{Call, NextStart, Power, still},
    inventory::{Device, Instance, Inventory, tag},
    journal::{ChangeStory, Outcome, StepState, StepStory, Story},
    plan::Change,
};

/// The instances of a change after an unsuccessful end.
#[derive(Debug)]
pub(super) struct AsLeft {
    region: String,
    facts: Inventory,
    instances: BTreeSet<String>,
}

impl Engine<'_> {
    /// Reads the instances that calls of a change have started or stopped or whose disks they have changed,
    /// with their disks and the keys of those.
    pub(super) async fn as_left(&self, change: &Change, journal: &SharedJournal<'_>) -> AsLeft {
        let instances =
            journal.look(|story| story.changes.get(&change.id).map(worked_on)).unwrap_or_default();
        let (region, identity) = (change.region.clone(), self.account.identity());
        let next = NextStart::of(&region, instances.clone());
        let facts = match instances.is_empty() {
            true => Inventory::empty(identity.owner.clone(), identity.caller.clone(), self.account.now()),
            false => self.in_one_read(&mut next.wants(None), Some(&next)).await,
        };
        AsLeft { region, facts, instances }
    }

    /// Adds the keys that keep the instances of the change down to the reason of its end.
    pub(super) async fn with_dead_keys(
        &self,
        change: &Change,
        outcome: Outcome,
        reason: String,
        journal: &SharedJournal<'_>,
    ) -> String {
        match outcome {
            Outcome::Stuck
            | Outcome::Unverified
            | Outcome::RolledBack
            | Outcome::Failed
            | Outcome::Blocked => {}
            Outcome::Verified
            | Outcome::Restored
            | Outcome::AlreadyFixed
            | Outcome::Drifted
            | Outcome::Refused
            | Outcome::NotApproved
            | Outcome::Skipped => {
                return reason;
            }
        }
        self.as_left(change, journal).await.with_dead_keys(reason)
    }

    /// Writes the reason for which a run stops here, with the keys that keep the instances of its open
    /// changes down.
    pub(super) async fn stopped(
        &self,
        error: &EngineError,
        changes: &[Change],
        journal: &SharedJournal<'_>,
    ) -> String {
        let mut reason = error.to_string();
        if matches!(error, EngineError::Credentials(_)) {
            return reason;
        }
        let is_down = |story: &Story, id: &str| {
            story.changes.get(id).is_some_and(|told| told.outcome().is_none() && !told.down().is_empty())
        };
        for change in changes.iter().filter(|change| journal.look(|story| is_down(story, &change.id))) {
            reason.extend(self.as_left(change, journal).await.dead_keys().map(|why| format!(". {why}")));
        }
        reason
    }
}

/// Returns the instances that calls of a change have started or stopped, or whose disks they have changed.
fn worked_on(told: &ChangeStory) -> BTreeSet<String> {
    let calls = told.steps.iter().filter_map(|step| step.call.as_ref());
    let of = |call: &Call| -> Vec<String> {
        let swapped = call.input.get("InstanceId").and_then(Value::as_str).filter(|_| swaps(call));
        let turned = call.instances().filter(|_| call.power() != Power::Stays);
        turned.chain(swapped).map(str::to_owned).collect()
    };
    calls.flat_map(of).collect()
}

/// Checks whether a call attaches a disk to an instance or detaches it.
pub(super) fn swaps(call: &Call) -> bool {
    matches!(call.operation.as_str(), "AttachVolume" | "DetachVolume")
}

impl AsLeft {
    fn instance(&self, id: &str) -> Option<&Instance> {
        self.facts.regions.get(&self.region)?.instances.get(id).known().copied()
    }

    /// Lists each key that surely keeps an instance down, with its disk, its state and the remedy; `None`
    /// where no instance is down or no key is the cause.
    fn dead_keys(&self) -> Option<String> {
        let is_down = |id: &&String| {
            self.instance(id)
                .is_some_and(|i| !matches!(i.state.as_str(), "running" | "terminated" | "shutting-down"))
        };
        let down: BTreeSet<String> = self.instances.iter().filter(is_down).cloned().collect();
        NextStart::of(&self.region, down).would_not(&self.facts)
    }

    /// Adds those keys to the reason of an end.
    pub(super) fn with_dead_keys(&self, reason: String) -> String {
        match self.dead_keys().filter(|why| !reason.contains(why.as_str())) {
            Some(why) => format!("{reason}. {why}"),
            None => reason,
        }
    }

    /// Describes, for each instance that somebody has started since the change stopped it or last copied its
    /// disks, the disks that it has now. Starts by the change itself do not count here.
    pub(super) fn started_since(&self, told: &ChangeStory) -> Vec<String> {
        let own = |step: &&StepStory| {
            let starts = step.call.as_ref().is_some_and(|call| call.power() == Power::BringsUp);
            starts && matches!(step.state, StepState::Called | StepState::Settled)
        };
        if told.steps.iter().any(|step| own(&step)) {
            return Vec::new();
        }
        let started = |instance: &&Instance| match instance.state.as_str() {
            "pending" | "running" => true,
            "stopping" | "stopped" => was_started(instance, told),
            _ => false,
        };
        self.instances
            .iter()
            .filter_map(|id| self.instance(id))
            .filter(started)
            .map(|instance| self.on_what(instance))
            .collect()
    }

    fn on_what(&self, instance: &Instance) -> String {
        let volumes = self.facts.regions.get(&self.region).map(|place| &place.volumes);
        let made_from = |id: &str| Some(volumes?.get(id).known()?.tags.get(tag::SOURCE)?.clone());
        let disk = |device: &Device| {
            let from = made_from(&device.volume_id)
                .map(|source| format!(" (made from {source})"))
                .unwrap_or_default();
            format!("{} has {}{from}", device.device_name, device.volume_id)
        };
        let disks: Vec<String> = instance.devices.iter().map(disk).collect();
        let now = if instance.state == "running" { "runs" } else { &format!("is {} now", instance.state) };
        format!(
            "{} was started since by somebody else and {now}, on disks of before and of this run mixed: {}",
            instance.id,
            disks.join(", ")
        )
    }
}

/// Checks whether an instance has another launch time than the change has observed, or a later one than the
/// copies of its disks.
fn was_started(instance: &Instance, told: &ChangeStory) -> bool {
    let Some(launched) = instance.launch_time else { return false };
    let observed = [still::LAUNCH, still::AT_STOP]
        .iter()
        .find_map(|name| told.observed.get(*name)?.as_str()?.parse::<jiff::Timestamp>().ok());
    let copied = || {
        told.steps
            .iter()
            .filter(|s| s.call.as_ref().is_some_and(|call| call.operation == "CreateSnapshots"))
            .map(|s| s.at)
            .max()
    };
    observed.map_or_else(|| copied().is_some_and(|at| launched > at), |then| launched != then)
}
