//! What is watched call by call, over all lives of a run: that no change takes its instance down again once it was started,
//! and that no more instances are down at once than was asked for.

use std::collections::BTreeMap;

use super::later::{comes_up, held_elsewhere};
use jiff::Timestamp;
use redress::{
    calls::Call,
    inventory::{Fact, Volume, tag},
    journal::Event,
    plan::PlanKind,
    twin::Twin,
};

/// How many instances of a region may be down at once because of one run.
const DOWN_AT_ONCE: usize = 1;

/// What is remembered of the calls so far.
#[derive(Debug, Default, Clone)]
pub struct Watch {
    /// Instances that the run has stopped and not started again, each with the change.
    down: BTreeMap<String, String>,
}

fn ids(call: &Call) -> impl Iterator<Item = &str> {
    call.input["InstanceIds"].as_array().into_iter().flatten().filter_map(|id| id.as_str())
}

fn state<'a>(twin: &'a Twin, region: &str, id: &str) -> &'a str {
    match twin.truth().regions.get(region).map(|r| r.instances.get(id)) {
        Some(Fact::Known(instance)) => &instance.state,
        _ => "",
    }
}

fn is(events: &[(Timestamp, Event)], of: PlanKind) -> bool {
    matches!(events.first(), Some((_, Event::RunStarted { kind, .. })) if *kind == of)
}

/// The change and the step whose intent this call has.
fn meant<'a>(events: &'a [(Timestamp, Event)], call: &Call) -> Option<(&'a str, &'a str)> {
    events.iter().rev().find_map(|(_, event)| match event {
        Event::Intent { change, step, call: intended, .. } if intended == call => Some((change.as_str(), step.as_str())),
        _ => None,
    })
}

/// Whether the change has called for a start of the instance before.
fn started(events: &[(Timestamp, Event)], change: &str, id: &str) -> bool {
    events.iter().any(|(_, event)| match event {
        Event::Intent { change: of, call, .. } => of == change && call.operation == "StartInstances" && ids(call).any(|i| i == id),
        _ => false,
    })
}

impl Watch {
    /// Looks at a call before it is made, and at the account as it is then; what is wrong with it.
    pub fn before(&mut self, twin: &Twin, events: &[(Timestamp, Event)], call: &Call) -> Option<String> {
        let (change, step) = meant(events, call)?;
        if let ("DeleteVolume" | "DeleteSnapshot", true) = (call.operation.as_str(), is(events, PlanKind::Prune)) {
            let id = call.input["VolumeId"].as_str().or(call.input["SnapshotId"].as_str()).unwrap_or_default();
            let held = held_elsewhere(twin, &call.region, id);
            return (!held).then(|| format!("law 14 (deleted): {step} of {change} deletes {id}, and nothing else that can be read holds what it holds"));
        }
        if call.operation != "StopInstances" {
            return None;
        }
        // An undo may take off the very disk that cannot be read: what its run has put in does not count.
        let stays = |volume: &Volume| is(events, PlanKind::Plan) || !volume.tags.contains_key(tag::SOURCE);
        if (is(events, PlanKind::Plan) || is(events, PlanKind::Undo))
            && let Some(id) = ids(call).find(|id| state(twin, &call.region, id) == "running" && !comes_up(twin, &call.region, id, stays))
        {
            return Some(format!("law 14 (stopped): {step} of {change} stops {id}, a disk of which was not shown to be readable at the next start"));
        }
        let running = ids(call).filter(|id| ["running", "pending"].contains(&state(twin, &call.region, id)));
        for id in running {
            if started(events, change, id) {
                return Some(format!("law 15 (down again): {step} of {change} takes {id} down again, which the change had started"));
            }
            self.down.retain(|other, _| other != id && !["running", "pending"].contains(&state(twin, &call.region, other)));
            if self.down.len() >= DOWN_AT_ONCE {
                return Some(format!("law 15 (several down): {step} of {change} takes {id} down while {:?} are down", self.down));
            }
        }
        None
    }

    /// Remembers what a call has done.
    pub fn after(&mut self, events: &[(Timestamp, Event)], call: &Call) {
        match (call.operation.as_str(), meant(events, call)) {
            ("StopInstances", Some((change, _))) => self.down.extend(ids(call).map(|id| (id.to_owned(), change.to_owned()))),
            ("StartInstances", _) => self.down.retain(|id, _| !ids(call).any(|i| i == id)),
            _ => {}
        }
    }
}
