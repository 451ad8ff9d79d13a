//! The instances that a change has down by the journal: its calls took them down, and none is known to have
//! brought them up again. Pure; whether somebody has brought them up in the meantime is known only from the
//! account.

use std::collections::BTreeSet;

use super::{ChangeStory, StepState, StepStory};
use crate::{
    calls::{Call, Power, mark},
    plan::Change,
};

impl ChangeStory {
    /// Returns the instances that the change has down, each with its region: a call that takes the instance
    /// down took effect, or may have, and no later call is known to have brought it up.
    pub fn down(&self) -> BTreeSet<(&str, &str)> {
        let mut down = BTreeSet::new();
        let instances = |call| Call::instances(call).map(|id| (call.region.as_str(), id));
        for StepStory { call, state, .. } in &self.steps {
            let Some(call) = call else { continue };
            match (call.power(), state) {
                (Power::TakesDown, StepState::Intended | StepState::Called | StepState::Settled) => {
                    down.extend(instances(call))
                }
                // A start that was left out: somebody else has brought the instance up.
                (Power::BringsUp, StepState::Settled | StepState::Left) => {
                    let up: BTreeSet<_> = instances(call).collect();
                    down.retain(|instance| !up.contains(instance));
                }
                (Power::TakesDown | Power::BringsUp | Power::Stays, _) => {}
            }
        }
        down
    }

    /// Returns the ids of the instances that the change has down while it is not over, and of those that it
    /// was to bring up and has not.
    pub fn down_while_open(&self, change: &Change) -> Vec<String> {
        if self.outcome().is_some() || self.steps.is_empty() {
            return Vec::new();
        }
        let mut all: BTreeSet<&str> = self.down().into_iter().map(|(_, id)| id).collect();
        let up = |name: &str| {
            self.step(name).is_some_and(|step| matches!(step.state, StepState::Settled | StepState::Left))
        };
        if change.steps.iter().all(|step| step.act.power() != Power::TakesDown) {
            let starts =
                change.steps.iter().filter(|step| step.act.power() == Power::BringsUp && !up(&step.name));
            all.extend(starts.flat_map(|step| step.act.call.instances()));
        }
        all.into_iter().map(str::to_owned).collect()
    }
}

/// Describes the instances that an interrupted run has down, and the commands that bring them up; `None`
/// where it has none.
pub fn words(run: &str, down: &[String]) -> Option<String> {
    let (is, it) = if down.len() == 1 { ("is", "it") } else { ("are", "them") };
    let lost = mark::recover(run);
    (!down.is_empty()).then(|| {
        format!(
            "{} {is} down by the journal of this run: `redress resume {run}` goes on and brings {it} up; \
             where it cannot be resumed, {lost} bring {it} up on volumes that are there",
            down.join(", ")
        )
    })
}
