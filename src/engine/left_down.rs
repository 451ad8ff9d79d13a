//! Instances that finished changes have left down. A change that is stuck, or not proved, keeps its turn as
//! long as nothing has brought its instance up. The changes behind it take nothing down, and end with the
//! reason. A person may have brought the instance up in the meantime, so the account is read; the journal
//! alone does not decide.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    Engine, EngineError, begin::Instead, ledger::SharedJournal, marks, named::Failure, turns::down_in,
};
use crate::{
    calls::{Call, Power},
    inventory::{Fact, FamilyKind, Inventory, Scope, Want},
    journal::{ChangeStory, Outcome, Story},
    plan::Change,
};

/// Seconds that a started instance may take to pass its status checks before the start counts as failed.
const COMING_WITHIN: u64 = 900;

/// The state of an instance that was left down, as the account shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Shown {
    /// It runs and passes its checks, or is gone for good.
    Up,
    /// It is coming up. The text is the observed state.
    Coming(String),
    /// It is down, or not shown to be up. The text is the observed state.
    Down(String),
}

/// The instances that the other finished changes of a run have left down in a region.
#[derive(Debug, Default)]
pub(super) struct LeftDown {
    /// The changes whose instances are shown to be up by now.
    pub up: BTreeSet<String>,
    /// The other changes, with the state in the account and the remedy.
    still: BTreeMap<String, (Shown, String)>,
}

/// The verdict for a change that waits.
pub(super) enum Verdict {
    /// Another change will move.
    Wait,
    /// An instance that was left down is coming up.
    LookAgain,
    /// Nothing will move. The text is the reason.
    InVain(String),
}

impl LeftDown {
    /// Judges the wait of a change, in seconds, where `most` changes may have something down at once.
    pub fn verdict(&self, most: usize, waited: u64) -> Verdict {
        let coming = self.still.values().filter(|(shown, _)| matches!(shown, Shown::Coming(_))).count();
        match self.still.len() {
            still if still < most => Verdict::Wait,
            still if still - coming < most && waited < COMING_WITHIN => Verdict::LookAgain,
            _ => Verdict::InVain(self.words()),
        }
    }

    fn words(&self) -> String {
        let one = |(change, (shown, how)): (&String, &(Shown, String))| match shown {
            Shown::Up => None,
            Shown::Coming(seen) | Shown::Down(seen) => Some(format!("{seen} ({change} of this run){how}")),
        };
        let all: Vec<String> = self.still.iter().filter_map(one).collect();
        format!("nothing more is taken down there: {}. Make this change anew afterwards", all.join("; "))
    }
}

/// Returns the other finished changes that have something down in a region by their calls, with the
/// instances.
pub(super) fn over_and_down(story: &Story, region: &str, change: &str) -> BTreeMap<String, BTreeSet<String>> {
    let over = story
        .changes
        .iter()
        .filter(|(id, told)| *id != change && told.outcome().is_some() && down_in(told).contains(region));
    over.map(|(id, told)| (id.clone(), taken_down(told, region))).collect()
}

/// Returns the instances that calls of a change took down in a region.
fn taken_down(told: &ChangeStory, region: &str) -> BTreeSet<String> {
    let calls = told
        .steps
        .iter()
        .filter_map(|step| step.call.as_ref())
        .filter(|call| call.region == region && call.power() == Power::TakesDown);
    calls.flat_map(Call::instances).map(str::to_owned).collect()
}

/// Classifies an instance by these facts.
fn shown(facts: &Inventory, region: &str, id: &str) -> Shown {
    let state = match facts.json(region, FamilyKind::Instances, id) {
        Fact::Known(instance) => instance.get("state").and_then(Value::as_str).unwrap_or_default().to_owned(),
        Fact::Absent => return Shown::Up,
        silent => {
            return Shown::Down(format!(
                "redress cannot determine whether {id} is up: {}",
                silent.silence().unwrap_or_default()
            ));
        }
    };
    match state.as_str() {
        "terminated" | "shutting-down" => Shown::Up,
        "pending" => Shown::Coming(format!("{id} is starting")),
        "running" => checks(facts, region, id),
        _ => Shown::Down(format!("{id} is still down: its state is {state}")),
    }
}

/// Classifies a running instance by its status checks. As long as they do not pass, they may pass later.
fn checks(facts: &Inventory, region: &str, id: &str) -> Shown {
    let status = facts.json(region, FamilyKind::InstanceStatuses, id);
    let of = |member: &str| {
        status
            .known()
            .and_then(|status| status.get(member)?.as_str().map(str::to_owned))
            .unwrap_or_else(|| "not known".to_owned())
    };
    let [system, instance] = [of("system_status"), of("instance_status")];
    match system == "ok" && instance == "ok" {
        true => Shown::Up,
        false => Shown::Coming(format!(
            "{id} runs and is not shown to pass its status checks (system {system}, instance {instance})"
        )),
    }
}

impl Engine<'_> {
    /// Returns the instances that the other finished changes of this run have left down in a region, by the
    /// account as it is now.
    ///
    /// # Errors
    /// A halt where the credentials have ended.
    pub(super) async fn left_down(
        &self,
        region: &str,
        change: &str,
        journal: &SharedJournal<'_>,
    ) -> Result<LeftDown, Failure> {
        let over = journal.look(|story| over_and_down(story, region, change));
        let mut left = LeftDown::default();
        if over.is_empty() {
            return Ok(left);
        }
        let both = |id: &String| {
            [FamilyKind::Instances, FamilyKind::InstanceStatuses]
                .map(|family| Want::id(region, family, id.as_str()))
        };
        let scope: Scope = over.values().flatten().flat_map(both).collect();
        let facts = self.account.read(&scope).await;
        if let Some(halt) = EngineError::of_facts(&facts) {
            return Err(Failure::Halt(halt));
        }
        for (id, instances) in over {
            match instances.iter().map(|instance| shown(&facts, region, instance)).max() {
                None | Some(Shown::Up) => drop(left.up.insert(id)),
                Some(down) => {
                    let marked = journal.look(|story| {
                        story.changes.get(&id).is_some_and(|told| !marks::standing(told).is_empty())
                    });
                    let run = &journal.head().run;
                    let how = if marked {
                        format!(": {} bring it up", marks::recover(run))
                    } else {
                        format!(": `redress show {run}` shows the reason")
                    };
                    left.still.insert(id, (down, how));
                }
            }
        }
        Ok(left)
    }

    /// Keeps a change that would take something down from beginning where the limit is reached by instances
    /// that were left down.
    ///
    /// # Errors
    /// The reason, with the remedy.
    pub(super) async fn nothing_left_down(
        &self,
        change: &Change,
        journal: &SharedJournal<'_>,
    ) -> Result<(), Instead> {
        let down = change.steps.iter().filter(|step| step.act.power() == Power::TakesDown);
        let regions: BTreeSet<&str> = down.map(|step| step.act.call.region.as_str()).collect();
        for region in regions {
            let left = match self.left_down(region, &change.id, journal).await {
                Ok(left) => left,
                Err(Failure::Halt(error)) => return Err(Instead::Halt(error)),
                Err(Failure::Failed(why) | Failure::Gone(why)) => return Err((Outcome::Blocked, why).into()),
            };
            if let Verdict::InVain(why) = left.verdict(self.stop_at_once.max(1), 0) {
                return Err((Outcome::Blocked, format!("{why}. Nothing was called")).into());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        inventory::{Caller, Instance, InstanceStatus},
        resource::Owner,
    };

    #[test]
    fn an_instance_is_up_only_in_a_state_and_with_a_status_that_prove_it() {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let mut facts = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
        let mut shown_as = |state: &str, status: &str| {
            let region = facts.region_mut("r");
            region.instances.put("i-1", Instance { state: state.into(), ..Instance::default() });
            let status = InstanceStatus {
                system_status: status.into(),
                instance_status: "ok".into(),
                ..InstanceStatus::default()
            };
            region.instance_statuses.put("i-1", status);
            shown(&facts, "r", "i-1")
        };
        assert!(matches!(shown_as("running", "ok"), Shown::Up));
        assert!(matches!(shown_as("running", "ok-so-far"), Shown::Coming(_)), "a status of later");
        assert!(matches!(shown_as("resuming", "ok"), Shown::Down(why) if why.contains("resuming")));
    }
}
