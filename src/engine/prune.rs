//! Planning the deletion of resources that earlier runs created or kept and whose time has passed. Pure:
//! facts in, plan out.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{MakeStage, bare::bare};
use crate::{
    account::Identity,
    actions::{ActionUse, Options, Refusal, prune::candidates},
    calls::Risk,
    inventory::{FamilyKind, Inventory, Scope, Want},
    plan::{
        ActionNames, Change, Plan, PlanKind, digest,
        propose::{self, remake},
        rehearse::{Rules, rehearse},
    },
    resource::ResourceId,
};

/// The action that prunes, and the playbook that its changes name.
pub const PRUNE: &str = "prune";

/// The families of which it is known when a resource may be deleted.
const DATED: [FamilyKind; 2] = [FamilyKind::Volumes, FamilyKind::Snapshots];

/// The result of planning.
#[derive(Debug, Clone, PartialEq)]
pub struct Pruning {
    /// The deletions.
    pub plan: Plan,
    /// The reasons for keeping each resource that is not in the plan.
    pub kept: Vec<String>,
    /// Changes that fail in the rehearsal, each with the reason.
    pub left_out: BTreeMap<String, String>,
}

/// Returns the scope to read: volumes and snapshots, and the facts for the deletion of each candidate.
pub fn needs(known: &Inventory, regions: &[String]) -> Scope {
    let mut scope: Scope = regions.iter().flat_map(|r| DATED.map(|family| Want::all(r, family))).collect();
    for (resource, _) in all(known, regions) {
        let frame = frame(String::new(), &resource);
        scope.extend(propose::needs(known, &frame.uses, &resource, &frame.region, &[], &Options::default()));
    }
    scope
}

/// Lists the listings that could not be read: without them nothing is known.
pub fn unread(known: &Inventory, regions: &[String]) -> Vec<String> {
    let listings = regions.iter().flat_map(|region| DATED.map(|family| Want::all(region, family)));
    listings
        .filter_map(|listing| known.select_json(&listing).silence().map(|why| format!("{listing}: {why}")))
        .collect()
}

fn all(inventory: &Inventory, regions: &[String]) -> Vec<(ResourceId, Result<(), Refusal>)> {
    regions.iter().flat_map(|region| candidates(inventory, region, inventory.read_at)).collect()
}

/// Builds the plan of deletions, rehearsed and sealed, with the reasons for the resources that must stay.
pub fn plan(
    known: &Inventory,
    regions: &[String],
    who: &Identity,
    created: Timestamp,
    valid_for: SignedDuration,
    stage: MakeStage<'_>,
    rules: &Rules,
) -> Pruning {
    let copy = stage(known.clone());
    let (mut changes, mut kept) = (Vec::<Change>::new(), Vec::new());
    for (resource, may_go) in all(known, regions) {
        let frame = frame(format!("c{}", changes.len() + 1), &resource);
        match may_go.and_then(|()| remake(&frame, known, &Options::default(), copy.as_ref())) {
            Ok(change) => changes.push(change),
            Err(Refusal::Refused(why) | Refusal::Unknown(why) | Refusal::Nothing(why)) => kept.push(why),
        }
    }
    let rehearsed = rehearse(&changes, copy.as_ref(), rules);
    changes.retain(|c| !rehearsed.failed.contains_key(&c.id));
    let mut plan = Plan {
        rehearsal: rehearsed.rehearsal,
        ..bare(PlanKind::Prune, who, regions, created, valid_for, changes)
    };
    digest::seal(&mut plan);
    Pruning { plan, kept, left_out: rehearsed.failed }
}

/// Builds a change that deletes this resource, before its steps are made.
fn frame(id: String, resource: &ResourceId) -> Change {
    Change {
        uses: vec![ActionUse { action: PRUNE.to_owned(), with: json!({}) }],
        risk: Risk::Irreversible,
        reversible: false,
        ..Change::frame(id, ActionNames::of([PRUNE]), resource, resource.region())
    }
}
