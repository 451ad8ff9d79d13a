//! The check of load balancers directly before an instance is stopped: every target group that has it as a
//! healthy target must have another one. The state may have changed since the plan was made, not least since
//! the run itself has just started another member, which load balancers check for a while before they send it
//! requests.

use std::{collections::BTreeSet, time::Duration};

use super::{
    Engine, EngineError, ProgressEvent,
    ledger::SharedJournal,
    named::{Failure, LastTarget, Named},
    turns::LOOK_AGAIN,
};
use crate::{
    actions::GuardResult,
    calls::{
        Power,
        serving::{self, LAST_TARGET, Others, serving},
    },
    inventory::{Cause, Fact, FamilyKind, Inventory, Reason, Region, Scope, Selector, Want},
    plan::Change,
};

/// The time for which another healthy target is waited for.
const HEALTHY_WITHIN: Duration = Duration::from_secs(15 * 60);

/// Returns the rule of a change for a stop that leaves a target group without a healthy target. An undo
/// states it in its plan.
pub(super) fn last_target(change: &Change) -> LastTarget {
    let loosened =
        change.guards.iter().any(|note| note.guard == LAST_TARGET && note.result == GuardResult::Loosened);
    if loosened || change.restore.is_some() { LastTarget::Goes } else { LastTarget::Stays }
}

/// The target groups that a stop would leave without a healthy target, as seen directly before it.
#[derive(Debug, PartialEq, Eq)]
enum Left {
    /// There are none, or they are not known, as the plan states.
    Nothing,
    /// There are some, and another target may become healthy in each.
    Coming(String),
    /// There are some, and in at least one no other target will become healthy.
    Bare(String),
    /// It is not known now.
    Unknown(Reason),
}

impl Left {
    fn of(facts: &Inventory, region: &str, instances: &[&str]) -> Self {
        // An account without any data on load balancers is not on AWS.
        let read = |place: &&Region| !matches!(place.target_groups.select(&Selector::All), Fact::NotRead);
        let Some(place) = facts.regions.get(region).filter(read) else { return Left::Nothing };
        let (mut coming, mut bare) = (BTreeSet::new(), BTreeSet::new());
        for id in instances {
            let serving = match serving(place, id) {
                Ok(serving) => serving,
                // A caller who may not read them saw that before the approval.
                Err(reason) if reason.cause() == Cause::Denied => return Left::Nothing,
                Err(reason) => return Left::Unknown(reason),
            };
            // A denial lasts; another failed read may succeed in a moment.
            if let Some((group, reason)) =
                serving.unread.iter().find(|(_, reason)| reason.cause() != Cause::Denied)
            {
                return Left::Unknown(Reason::new(
                    reason.cause(),
                    format!("the target group {group}: {reason}"),
                ));
            }
            for one in serving.left_without() {
                let left = if one.others == Others::Coming { &mut coming } else { &mut bare };
                left.insert(format!("{id} is the only healthy target of the target group {}", one.group));
            }
        }
        let words = |all: BTreeSet<String>| all.into_iter().collect::<Vec<_>>().join("; ");
        match (bare.is_empty(), coming.is_empty()) {
            (false, _) => Left::Bare(words(bare)),
            (true, false) => Left::Coming(words(coming)),
            (true, true) => Left::Nothing,
        }
    }
}

impl Engine<'_> {
    /// Waits, directly before a call that takes an instance down, until every target group that it serves has
    /// another healthy target.
    ///
    /// # Errors
    /// [`Failure::Gone`] where there will be none and the change is not allowed to go on; a halt where the
    /// run is to stop.
    pub(super) async fn another_target_stays(
        &self,
        named: Named<'_>,
        journal: &SharedJournal<'_>,
    ) -> Result<(), Failure> {
        if named.act.power() != Power::TakesDown || named.last_target == LastTarget::NotAsked {
            return Ok(());
        }
        let (region, since, turns) = (named.act.call.region.as_str(), self.account.now(), journal.turns());
        let ids: Vec<&str> = named.act.call.instances().collect();
        loop {
            let leaving = turns.leaving_beside(named.change);
            let mut facts = self
                .account
                .read(&scope(region, ids.iter().copied().chain(leaving.iter().map(String::as_str))))
                .await;
            if let Some(halt) = EngineError::of_facts(&facts) {
                return Err(Failure::Halt(halt));
            }
            // Nothing is awaited from here until these instances are noted as leaving, so no other change
            // comes in between.
            if leaving != turns.leaving_beside(named.change) {
                continue;
            }
            without(&mut facts, region, &leaving);
            let waited = self.account.now().duration_since(since).unsigned_abs();
            let Some(why) = verdict(Left::of(&facts, region, &ids), named, waited)? else {
                turns.leaves(named.change, &ids);
                return Ok(());
            };
            if self.stop.soon() || turns.are_closed() {
                return Err(named.stopped("before", ", which waited for another target"));
            }
            journal.forget_fresh(named.change);
            self.talk.on_progress(&ProgressEvent::ItsTurn {
                change: named.change.to_owned(),
                why,
                seconds: waited.as_secs(),
            });
            self.rest(LOOK_AGAIN, journal).await?;
        }
    }
}

/// Returns the reason to wait; `None` where the call may be made.
///
/// # Errors
/// [`Failure::Gone`] where the call may not be made.
fn verdict(left: Left, named: Named<'_>, waited: Duration) -> Result<Option<String>, Failure> {
    let gone = |why: String| {
        Err(Failure::Gone(format!("before {}: {why}. It was not stopped", named.act.call.name())))
    };
    let (in_vain, minutes) = (waited >= HEALTHY_WITHIN, waited.as_secs() / 60);
    match (left, named.last_target == LastTarget::Stays) {
        (Left::Nothing, _) | (Left::Bare(_), false) => Ok(None),
        (Left::Coming(_) | Left::Unknown(_), false) if in_vain => Ok(None),
        (Left::Bare(why), true) => gone(why),
        (Left::Coming(why), true) if in_vain => {
            gone(format!("{why}, and no other has become healthy in {minutes} min"))
        }
        (Left::Unknown(why), true) if in_vain => {
            gone(format!("it is unknown whether load balancers have another healthy target: {why}"))
        }
        (Left::Coming(why), _) => Ok(Some(format!("until another target is healthy: {why}"))),
        (Left::Unknown(why), _) => {
            Ok(Some(format!("until it is known whether load balancers have another healthy target: {why}")))
        }
    }
}

/// Sets the targets of instances that are about to be stopped to `initial`: they are not healthy now, but
/// come back.
fn without(facts: &mut Inventory, region: &str, leaving: &BTreeSet<String>) {
    let Some(place) = facts.regions.get_mut(region).filter(|_| !leaving.is_empty()) else { return };
    let names: BTreeSet<String> = leaving.iter().flat_map(|id| serving::names(place, id)).collect();
    place.target_groups.items.change_all(|group| {
        let Fact::Known(targets) = &mut group.targets else { return };
        targets
            .iter_mut()
            .filter(|target| names.contains(&target.id))
            .for_each(|target| target.state = "initial".to_owned());
    });
}

/// Returns the scope to read: the groups, and the addresses under which the instances may be registered.
fn scope<'a>(region: &str, ids: impl Iterator<Item = &'a str>) -> Scope {
    let of = |id: &str| {
        [
            Want::id(region, FamilyKind::Instances, id),
            Want::by(region, FamilyKind::NetworkInterfaces, "attachment.instance-id", id),
        ]
    };
    ids.flat_map(of).chain([Want::all(region, FamilyKind::TargetGroups)]).collect()
}
