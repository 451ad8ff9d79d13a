//! A whole plan that is made again: everything that a person is shown of it.

use std::collections::BTreeMap;

use super::{Today, Unlike, again, needs};
use crate::{
    calls::Bindings,
    inventory::{FamilyKind, Inventory, Scope, Want},
    plan::{
        Change, Plan, Rehearsal, Stage, digest,
        play::{AllOutputs, REHEARSAL, play},
        rehearse::{Rehearsed, Rules, rehearse},
    },
    resource::Kind,
};

/// A whole plan, made again on facts.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanAgain {
    /// The plan as it may be shown: changes that are the same as made now, and the result of their rehearsal
    /// now. Changes that failed in the rehearsal are named only there.
    pub plan: Plan,
    /// Changes that are not done as the plan describes them, each with the reason.
    pub unlike: BTreeMap<String, Unlike>,
    /// The parts of each change that only the plan contains, by its id.
    pub own: BTreeMap<String, Vec<String>>,
}

/// Returns the facts that must be read to make changes of a plan again.
pub fn all_needs(plan: &Plan, changes: &[Change], today: &Today, known: &Inventory) -> Scope {
    let one = |change: &Change| needs(plan, change, today, known);
    // An instance may have other disks after a change of the plan; only the complete list of snapshots covers
    // those.
    let disks = changes.iter().filter(|change| change.resource.kind() == Kind::Instance);
    changes
        .iter()
        .flat_map(one)
        .chain(disks.map(|change| Want::all(&change.region, FamilyKind::Snapshots)))
        .collect()
}

/// Makes the changes of a plan again, each on the stage as the changes before it leave it, and rehearses
/// those that are the same. `whole` is the plan that they belong to, where `plan` is only a part of it.
pub fn all_again(plan: &Plan, whole: &Plan, today: &Today, stage: &dyn Stage) -> PlanAgain {
    let (mut work, mut outputs) = (stage.fork(), AllOutputs::new());
    let started = stage.inventory().read_at;
    let (mut changes, mut unlike, mut own) = (Vec::new(), BTreeMap::<String, Unlike>::new(), BTreeMap::new());
    for change in &plan.changes {
        let missing =
            change.after.iter().find(|id| unlike.get(*id).is_some_and(|u| !matches!(u, Unlike::Fixed(_))));
        if let Some(id) = missing {
            unlike.insert(
                change.id.clone(),
                Unlike::Unknown(format!("{id}, which it comes after, is not done")),
            );
            continue;
        }
        let bindings = Bindings {
            run: REHEARSAL,
            started,
            change: &change.id,
            step: "proof",
            attempt: 1,
            outputs: &outputs,
        };
        let mut made = again(whole, change, &work.inventory(), today, work.as_ref(), &bindings);
        // A change whose findings an earlier one closes too was planned all the same, and is made if the
        // earlier one is not.
        if matches!(made, Err(Unlike::Fixed(_))) {
            made = again(whole, change, &stage.inventory(), today, stage, &bindings);
        }
        match made {
            Err(reason) => drop(unlike.insert(change.id.clone(), reason)),
            Ok(made) => {
                let (mut trial, mut more) = (work.fork(), outputs.clone());
                if play(trial.as_mut(), &made.change, started, &mut more).is_ok() {
                    (work, outputs) = (trial, more);
                }
                own.extend((!made.own.is_empty()).then(|| (change.id.clone(), made.own)));
                changes.push(made.change);
            }
        }
    }
    let Rehearsed { mut rehearsal, failed } =
        rehearse(&changes, stage, &Rules::new(&whole.regions, &today.playbooks));
    // A plan that is made now does not contain them either.
    changes.retain(|change| !failed.contains_key(&change.id));
    rehearsal.differences.extend(failed.iter().map(|(id, reason)| format!("{id}: {reason}")));
    rehearsal.failed.extend(failed.into_keys());
    PlanAgain { plan: shown(plan, changes, rehearsal), unlike, own }
}

/// Returns a plan with these changes in the place of its own. The findings that the file names as opened
/// count whatever the rehearsal shows now: the file was made from more facts than are read again.
pub(super) fn shown(plan: &Plan, mut changes: Vec<Change>, mut rehearsal: Rehearsal) -> Plan {
    for key in &plan.rehearsal.opens {
        if !rehearsal.opens.contains(key) {
            rehearsal.opens.push(key.clone());
        }
    }
    for change in &mut changes {
        for source in &mut change.sources {
            source.insert_str(0, "according to the file: ");
        }
        if let Some(evidence) = &mut change.evidence {
            evidence.claimed = true;
        }
        if let Some(reach) = &mut change.reach {
            reach.claimed = true;
        }
    }
    let mut shown = Plan { changes, rehearsal, digest: String::new(), ..plan.clone() };
    digest::seal(&mut shown);
    shown
}
