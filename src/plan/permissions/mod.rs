//! The IAM permissions of a plan, and of everything redress can do: derived from the calls and readings
//! themselves, so that a plan needs no list of its own. Pure; the policies are shown to people and handed to
//! IAM by them.

mod grants;
mod policy;
mod reads;
mod scoped;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

pub use grants::of_call;
pub use policy::{Policy, Statement};
pub use scoped::{SessionPolicy, session_policies};

use super::{Change, Plan, PlanKind};
use crate::{
    actions::prune,
    calls::{Act, Call, Power, SPECS, Undo, WayBack},
    inventory::FamilyKind,
    resource::Owner,
};
use serde_json::{Value, json};

/// One action on some resources under some conditions, with the kind of its use.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    /// `ec2:CreateTags`
    pub action: String,
    /// ARNs, or `*`.
    pub resources: BTreeSet<String>,
    /// IAM's `Condition`, or an empty object.
    pub condition: Value,
    /// The kind of its use.
    pub used: Used,
}

/// The way in which a grant is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Used {
    /// By a request of redress's own.
    Called,
    /// By AWS within another call.
    Within,
    /// Only in some states of the account, or when a change must be undone.
    Perhaps,
}

/// Returns the grants that applying a plan needs: for its reads, its calls, its undo.
pub fn of_plan(plan: &Plan) -> Vec<Grant> {
    let owner = Owner { partition: plan.partition.clone(), account: plan.account.clone() };
    let mut all = reads::of_plan(plan, &owner);
    all.push(regions());
    for change in &plan.changes {
        let (to_role_only, keys) = (to_role_only(change), keys(change));
        // AWS changes with the caller's permissions what such an act sets back: without them there is nothing
        // to set back.
        for (act, used) in acts(change).into_iter().filter(|(act, _)| !act.corrects()) {
            all.extend(
                grants::of_call(&act.call, &owner, used)
                    .into_iter()
                    .filter(|g| !(to_role_only && g.action == "logs:DeleteLogDelivery")),
            );
            if act.power() == Power::BringsUp && !keys.is_empty() {
                all.extend(grants::of_disks(&act.call, &owner, &keys, used));
            }
        }
        // Its undo restores the snapshots and volumes that are in the Recycle Bin.
        let restored = change
            .steps
            .iter()
            .filter(|_| plan.kind == PlanKind::Prune)
            .filter_map(|step| prune::restore(&step.act.call));
        restored.for_each(|act| all.extend(grants::of_call(&act.call, &owner, Used::Perhaps)));
    }
    all
}

/// Returns the KMS keys that a change names: those of the disks that its instance has before, after and on
/// the way back.
fn keys(change: &Change) -> BTreeSet<String> {
    fn gather(value: &Value, keys: &mut BTreeSet<String>) {
        match value {
            Value::String(text)
                if text.starts_with("arn:") && text.contains(":kms:") && text.contains(":key/") =>
            {
                _ = keys.insert(text.clone());
            }
            Value::Array(items) => items.iter().for_each(|v| gather(v, keys)),
            Value::Object(members) => members.values().for_each(|v| gather(v, keys)),
            _ => {}
        }
    }
    let mut keys = BTreeSet::new();
    let inputs = change.steps.iter().map(|s| &s.act.call.input);
    [&change.before, &change.after_state]
        .into_iter()
        .chain(inputs)
        .for_each(|value| gather(value, &mut keys));
    keys
}

/// Returns the grant to list regions: redress asks which regions the account has before it does anything in
/// them.
fn regions() -> Grant {
    on_all("ec2:DescribeRegions")
}

fn on_all(action: &str) -> Grant {
    Grant {
        action: action.to_owned(),
        resources: BTreeSet::from(["*".to_owned()]),
        condition: json!({}),
        used: Used::Called,
    }
}

/// Returns whether the flow logs that a change makes deliver through a role: deleting them touches no log
/// delivery then. An undo does not record their destination.
fn to_role_only(change: &Change) -> bool {
    change.steps.iter().any(|s| {
        s.act.call.operation == "CreateFlowLogs" && s.act.call.input.get("DeliverLogsPermissionArn").is_some()
    })
}

/// Returns all acts of a change: its steps, then its rollbacks and undo. Rollbacks that differ from the undo
/// happen only when a step fails.
pub fn acts(change: &Change) -> Vec<(&Act, Used)> {
    let mut all: Vec<(&Act, Used)> = change.steps.iter().map(|s| (&s.act, Used::Called)).collect();
    for step in &change.steps {
        let WayBack::Calls { rollback, undo, .. } = &step.way_back else { continue };
        let same = matches!(undo, Undo::Same);
        all.extend(rollback.iter().map(|act| (act, if same { Used::Called } else { Used::Perhaps })));
        if let Undo::Calls(acts) = undo {
            all.extend(acts.iter().map(|act| (act, Used::Called)));
        }
    }
    all
}

/// Returns the grant for reporting back to Security Hub in these regions: beside everything else, and only
/// for users who ask for it. Security Hub is named by its hub
/// (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecurityhub.html>).
pub fn report_back(owner: &Owner, regions: &[String]) -> Grant {
    let hub = |region: &String| {
        format!("arn:{}:securityhub:{region}:{}:hub/default", owner.partition, owner.account)
    };
    Grant {
        action: "securityhub:BatchUpdateFindings".to_owned(),
        resources: regions.iter().map(hub).collect(),
        condition: json!({}),
        used: Used::Called,
    }
}

/// Returns the grants for every read that redress can make; CloudTrail's event history too, which no plan
/// needs.
pub fn all_reads() -> Vec<Grant> {
    let readings = FamilyKind::ALL.iter().flat_map(|kind| kind.permissions());
    readings.map(|r| on_all(r.action)).chain([regions(), on_all("cloudtrail:LookupEvents")]).collect()
}

/// Returns the grants for every call that redress can make, on any resource of the account, with the
/// conditions that hold for all of them: tags are set by the call that makes the resource, roles are passed
/// to flow logs only, and only resources that redress made are deleted.
pub fn all_writes(owner: &Owner) -> Vec<Grant> {
    SPECS
        .iter()
        .flat_map(|spec| grants::of_any(&Call::new(spec.service, "*", spec.operation, Value::Null), owner))
        .collect()
}
