//! The calls and the records of a life have hooks: by them the process dies without a word, finds the disk
//! full or loses its run to another process. A call that a law forbids is noted.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use redress::{
    calls::{Call, Outcome, Until},
    inventory::{FamilyKind, Inventory},
    journal::{Event, Log, StoreError},
};

use super::life::{Door, Fate, State, hold};
use crate::stand::down_now;

impl Door {
    /// Lets changes that run side by side go ahead, now more and now less of them, so that their steps
    /// interleave.
    pub async fn turn(&self) {
        let times = {
            let mut state = hold(&self.state);
            if state.jobs > 1 { state.turns.below(4) } else { 0 }
        };
        for _ in 0..times {
            tokio::task::yield_now().await;
        }
    }

    /// Makes a call, unless the process is dead or dies of it.
    pub fn strike(&self, call: &Call) -> Option<Outcome> {
        let mut state = hold(&self.state);
        state.calls += 1;
        let n = state.calls;
        // Side by side, a call whose intent is on the disk may come after another change found the disk full.
        if state.full && state.jobs == 1 {
            state.breach(format!("{} was called although the journal cannot be written", call.name()));
        }
        if state.taken {
            state.breach(format!(
                "{} was called although another process has taken the run over",
                call.name()
            ));
        }
        // What somebody does at the very moment of the call cannot have been seen.
        let offence = {
            let State { watch, twin, events, .. } = &mut *state;
            watch.before(twin, events, call)
        };
        state.visit(n);
        if state.fated(&Fate::KilledBeforeCall(n)) {
            state.die("killed before a call");
        }
        if state.dead {
            return None;
        }
        state.offences.extend(offence);
        let announced = state
            .events
            .iter()
            .rev()
            .take(60)
            .any(|(_, e)| matches!(e, Event::Intent { call: intended, .. } if intended == call));
        if !announced {
            state.breach(format!("{} was called without its intent", call.name()));
        }
        if call.operation == "StopInstances" {
            let truth = state.twin.truth();
            let is_up =
                |stop: &Call| !stop.input.to_string().split('"').any(|id| is_down(truth, &call.region, id));
            let down =
                down_now(state.events.iter().map(|(_, e)| e), is_up).remove(&call.region).unwrap_or_default();
            if down.len() > 1 {
                state.breach(format!(
                    "{} are down at once in {}",
                    down.into_iter().collect::<Vec<_>>().join(" and "),
                    call.region
                ));
            }
        }
        let outcome = state.twin.perform(call);
        if outcome.is_ok() {
            state.announced(call);
            let State { watch, twin, events, .. } = &mut *state;
            watch.after(twin, events, call);
        }
        if state.fated(&Fate::KilledAfterCall(n)) {
            state.die("killed after a call");
            return None;
        }
        Some(outcome)
    }
}

fn is_down(truth: &Inventory, region: &str, id: &str) -> bool {
    let instance = truth.json(region, FamilyKind::Instances, id);
    instance.known().is_some_and(|i| matches!(i["state"].as_str(), Some("stopping" | "stopped" | "pending")))
}

pub struct Paper(pub Arc<Mutex<State>>);

impl Log for Paper {
    fn append(&mut self, at: Timestamp, event: &Event) -> Result<(), StoreError> {
        let mut state = hold(&self.0);
        let gone = || {
            let error = std::io::Error::other("no space left on device");
            Err(StoreError::Io { path: "journal.jsonl".into(), what: "write the journal", error })
        };
        state.records += 1;
        let n = state.records;
        if state.fated(&Fate::DiskFullAt(n)) {
            state.met.push("disk full");
            state.full = true;
        }
        if state.fated(&Fate::KilledBeforeRecord(n)) {
            state.die("killed before a record");
        }
        if state.taken {
            return Err(lost());
        }
        if state.dead || state.full {
            return gone();
        }
        state.events.push((at, event.clone()));
        state.note(at, event);
        if state.fated(&Fate::KilledAfterRecord(n)) {
            state.die("killed after a record");
            return gone();
        }
        if state.fated(&Fate::TakenOver(n)) {
            state.met.push("taken over by another process");
            state.taken = true;
        }
        Ok(())
    }
    fn may_call(&mut self) -> Result<Until, StoreError> {
        if hold(&self.0).taken { Err(lost()) } else { Ok(Until::EVER) }
    }
}

fn lost() -> StoreError {
    StoreError::Lost { place: "the lock".to_owned(), why: "another process has it now".to_owned() }
}
