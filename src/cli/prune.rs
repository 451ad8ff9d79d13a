//! `redress prune`: plans the deletion of what earlier runs made or kept and whose time has passed. Without
//! `--allow-irreversible prune` it only shows the plan.

use std::path::Path;

use serde_json::json;

use super::{
    account::{Door, stage},
    args::Approval,
    ask::{self, Policy},
    exit::Exit,
    fail::Fail,
    perform,
    plan::show,
    planning,
    session::Session,
};
use crate::{
    actions::{Options, Refusal, prune::candidates},
    engine::{self, gather::gather},
    inventory::{FamilyKind, Inventory, Scope, Want},
    plan::{
        Change, Plan, PlanKind, digest,
        propose::{self, remake},
        rehearse::{Rules, rehearse},
    },
    resource::ResourceId,
};

/// The action that prunes, and the playbook that its changes name.
const PRUNE: &str = "prune";

/// Plans the deletions; does them when that is allowed and approved.
///
/// # Errors
/// Bad input, no way to the account, nobody to ask.
pub async fn run(session: &Session, output: Option<&Path>, approval: &Approval) -> Result<Exit, Fail> {
    let policy = Policy::of(approval)?;
    let playbooks = session.playbooks()?;
    let state = session.state()?;
    let door = session.open().await?;
    let inventory = look(&door).await;
    let plan = plan(session, &door, &inventory, &Rules::new(&door.regions, &playbooks))?;
    if output.is_some() || plan.changes.is_empty() || !policy.allows(PRUNE) {
        show(session, &plan, output)?;
        if approval.auto_approve && !plan.changes.is_empty() && output.is_none() {
            return Err(Fail::held("nothing was deleted: a deletion cannot be taken back").hint("allow it by name: --allow-irreversible prune"));
        }
        return Ok(Exit::Done);
    }
    let id = engine::run_id(&plan, door.account.now());
    let _lock = perform::lock(session, state.as_ref(), &plan, &id, &door.account.identity().caller.arn)?;
    let door = session.under_lock(door)?;
    let decisions = ask::approve(session, &plan, &policy).await?;
    ask::any_approved(&decisions)?;
    perform::begin(session, &door, state.as_ref(), &id, &plan, decisions).await
}

/// Reads volumes and snapshots, and what the deletion of each candidate asks for.
async fn look(door: &Door) -> Inventory {
    let who = door.account.identity();
    let nothing = Inventory::empty(who.owner.clone(), who.caller.clone(), door.account.now());
    let mut needs = |known: &Inventory| -> Scope {
        let listings = door.regions.iter().flat_map(|r| [FamilyKind::Volumes, FamilyKind::Snapshots].map(|family| Want::all(r, family)));
        let mut scope: Scope = listings.collect();
        for (resource, _) in all(door, known) {
            let frame = frame(String::new(), &resource);
            scope.extend(propose::needs(known, &frame.uses, &resource, &frame.region, &[], &Options::default()));
        }
        scope
    };
    gather(door.account.as_ref(), nothing, &mut needs).await
}

fn all(door: &Door, inventory: &Inventory) -> Vec<(ResourceId, Result<(), Refusal>)> {
    door.regions.iter().flat_map(|region| candidates(inventory, region, inventory.read_at)).collect()
}

/// The plan of deletions, rehearsed and sealed. What must stay is told, with the reason.
fn plan(session: &Session, door: &Door, inventory: &Inventory, rules: &Rules) -> Result<Plan, Fail> {
    let mut unread = Vec::new();
    for region in &door.regions {
        for family in [FamilyKind::Volumes, FamilyKind::Snapshots] {
            let listing = Want::all(region, family);
            if let Some(why) = inventory.select_json(&listing).silence() {
                unread.push(format!("{listing}: {why}"));
            }
        }
    }
    if !unread.is_empty() {
        let fail = Fail::held("it cannot be told what earlier runs kept");
        return Err(unread.into_iter().fold(fail, Fail::why).hint("allow ec2:DescribeVolumes and ec2:DescribeSnapshots, or leave the region out"));
    }
    let copy = stage(inventory.clone());
    let mut changes: Vec<Change> = Vec::new();
    for (resource, may_go) in all(door, inventory) {
        let frame = frame(format!("c{}", changes.len() + 1), &resource);
        match may_go.and_then(|()| remake(&frame, inventory, &Options::default(), copy.as_ref())) {
            Ok(change) => changes.push(change),
            Err(Refusal::Refused(why) | Refusal::Unknown(why) | Refusal::Nothing(why)) => session.out.say(&format!("kept: {why}")),
        }
    }
    let rehearsed = rehearse(&changes, copy.as_ref(), rules);
    changes.retain(|c| !rehearsed.failed.contains_key(&c.id));
    for (id, why) in &rehearsed.failed {
        session.out.say(&format!("{id} is left out: {why}"));
    }
    let who = door.account.identity();
    let created = door.account.now();
    let mut plan = Plan {
        format: crate::plan::document::FORMAT.to_owned(),
        account: who.owner.account.clone(),
        partition: who.owner.partition.clone(),
        endpoint: who.endpoint.clone(),
        regions: door.regions.clone(),
        caller: who.caller.arn.clone(),
        created,
        expires: created.checked_add(planning::VALID_FOR).unwrap_or(created),
        options: Options::default(),
        playbooks: std::collections::BTreeMap::new(),
        counts: std::collections::BTreeMap::from([("changes".to_owned(), changes.len())]),
        changes,
        skipped: Vec::new(),
        origins: Vec::new(),
        rehearsal: rehearsed.rehearsal,
        digest: String::new(),
        kind: PlanKind::Prune,
        of_run: None,
    };
    digest::seal(&mut plan);
    Ok(plan)
}

/// A change that deletes this resource, before its steps are made.
fn frame(id: String, resource: &ResourceId) -> Change {
    Change {
        id,
        after: Vec::new(),
        findings: Vec::new(),
        playbook: PRUNE.to_owned(),
        action: PRUNE.to_owned(),
        uses: vec![crate::actions::ActionUse { action: PRUNE.to_owned(), with: json!({}) }],
        resource: resource.clone(),
        region: resource.region().to_owned(),
        summary: String::new(),
        risk: crate::calls::Risk::Irreversible,
        reversible: false,
        not_restored: Vec::new(),
        before: serde_json::Value::Null,
        after_state: serde_json::Value::Null,
        impact: Vec::new(),
        proof: Vec::new(),
        steps: Vec::new(),
        guards: Vec::new(),
        touches: Vec::new(),
        ask: true,
        protected: Vec::new(),
        sources: Vec::new(),
        restore: None,
    }
}
