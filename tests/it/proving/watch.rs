//! What is watched call by call, over all lives of a run: that no change takes its instance down again once
//! it was started, and that no more instances are down at once than was asked for.

use std::collections::BTreeMap;

use super::later::{comes_up, held_elsewhere};
use jiff::Timestamp;
use redress::{
    calls::Call,
    inventory::{Instance, Volume, tag},
    journal::Event,
    plan::PlanKind,
    twin::Twin,
};

/// How many instances of a region may be down at once because of one run.
const DOWN_AT_ONCE: usize = 1;

/// What is remembered of the calls so far.
#[derive(Debug, Default, Clone)]
pub struct Watch {
    /// Instances that the run has stopped, each with what is known of its last stop or start.
    down: BTreeMap<String, Down>,
}

/// An instance that a change has stopped, and perhaps called to start since.
#[derive(Debug, Clone)]
struct Down {
    change: String,
    /// When it was last started, as of the run's last call. A later start is somebody else's.
    launched: Option<Timestamp>,
    /// Whether the run has called for its start.
    started: bool,
}

impl Down {
    /// Whether it is down because of the run: it has not come up since, or has fallen back from the run's own
    /// start.
    fn still(&self, twin: &Twin, region: &str, id: &str) -> bool {
        let Some(instance) = instance(twin, region, id) else { return false };
        // After the run's own start, a stop that a user asked for is somebody else's.
        let asked = instance
            .state_reason
            .as_deref()
            .is_some_and(|reason| reason.starts_with("Client.UserInitiatedShutdown"));
        let down = matches!(instance.state.as_str(), "stopping" | "stopped");
        down && instance.launch_time == self.launched && !(self.started && asked)
    }
}

fn ids(call: &Call) -> impl Iterator<Item = &str> {
    call.input["InstanceIds"].as_array().into_iter().flatten().filter_map(|id| id.as_str())
}

fn instance<'a>(twin: &'a Twin, region: &str, id: &str) -> Option<&'a Instance> {
    twin.truth().regions.get(region)?.instances.get(id).known().copied()
}

fn state<'a>(twin: &'a Twin, region: &str, id: &str) -> &'a str {
    instance(twin, region, id).map_or("", |i| &i.state)
}

fn is(events: &[(Timestamp, Event)], of: PlanKind) -> bool {
    matches!(events.first(), Some((_, Event::RunStarted { kind, .. })) if *kind == of)
}

/// The change and the step whose intent this call has.
fn meant<'a>(events: &'a [(Timestamp, Event)], call: &Call) -> Option<(&'a str, &'a str)> {
    events.iter().rev().find_map(|(_, event)| match event {
        Event::Intent { change, step, call: intended, .. } if intended == call => {
            Some((change.as_str(), step.as_str()))
        }
        _ => None,
    })
}

/// Whether the change has called for a start of the instance before.
fn started(events: &[(Timestamp, Event)], change: &str, id: &str) -> bool {
    events.iter().any(|(_, event)| match event {
        Event::Intent { change: of, call, .. } => {
            of == change && call.operation == "StartInstances" && ids(call).any(|i| i == id)
        }
        _ => false,
    })
}

impl Watch {
    /// Looks at a call before it is made, and at the account as it is then; what is wrong with it.
    pub fn before(&mut self, twin: &Twin, events: &[(Timestamp, Event)], call: &Call) -> Option<String> {
        let (change, step) = meant(events, call)?;
        if let ("DeleteVolume" | "DeleteSnapshot", true) =
            (call.operation.as_str(), is(events, PlanKind::Prune))
        {
            let id =
                call.input["VolumeId"].as_str().or(call.input["SnapshotId"].as_str()).unwrap_or_default();
            let held = held_elsewhere(twin, &call.region, id);
            return (!held).then(|| {
                format!(
                    "law 14 (deleted): {step} of {change} deletes {id}, and nothing else that can be read \
                     holds what it holds"
                )
            });
        }
        if call.operation != "StopInstances" {
            return None;
        }
        // An undo may take off the very disk that cannot be read: what its run has put in does not count.
        let stays = |volume: &Volume| is(events, PlanKind::Plan) || !volume.tags.contains_key(tag::SOURCE);
        if (is(events, PlanKind::Plan) || is(events, PlanKind::Undo))
            && let Some(id) = ids(call).find(|id| {
                state(twin, &call.region, id) == "running" && !comes_up(twin, &call.region, id, stays)
            })
        {
            return Some(format!(
                "law 14 (stopped): {step} of {change} stops {id}, a disk of which was not shown to be \
                 readable at the next start"
            ));
        }
        let running = ids(call).filter(|id| ["running", "pending"].contains(&state(twin, &call.region, id)));
        for id in running {
            if started(events, change, id) {
                return Some(format!(
                    "law 15 (down again): {step} of {change} takes {id} down again, which the change had \
                     started"
                ));
            }
            self.down.retain(|other, down| other != id && down.still(twin, &call.region, other));
            if self.down.len() >= DOWN_AT_ONCE {
                let others: Vec<String> =
                    self.down.iter().map(|(other, down)| format!("{other} ({})", down.change)).collect();
                return Some(format!(
                    "law 15 (several down): {step} of {change} takes {id} down while {} is down",
                    others.join(", ")
                ));
            }
        }
        None
    }

    /// Remembers what a call has done.
    pub fn after(&mut self, twin: &Twin, events: &[(Timestamp, Event)], call: &Call) {
        let launched = |id: &str| instance(twin, &call.region, id).and_then(|i| i.launch_time);
        match (call.operation.as_str(), meant(events, call)) {
            ("StopInstances", Some((change, _))) => {
                let down =
                    |id: &str| Down { change: change.to_owned(), launched: launched(id), started: false };
                self.down.extend(ids(call).map(|id| (id.to_owned(), down(id))));
            }
            ("StartInstances", _) => {
                for id in ids(call) {
                    let was = self.down.get_mut(id);
                    was.into_iter().for_each(|down| (down.launched, down.started) = (launched(id), true));
                }
            }
            _ => {}
        }
    }
}
