//! The reads of a plan's changes while they are applied, proved, rolled back and undone. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Grant, Used, acts, keys};
use crate::{
    actions,
    calls::{Expect, Recognise, Test},
    checks,
    inventory::{
        Caller, FamilyKind, Inventory, Selector, Want,
        about::Arn,
        permissions::{On, Reading, When},
    },
    plan::{Change, Plan},
    resource::Owner,
};

/// The reads of one kind: the ids, where all are known before, and the way in which they are read.
#[derive(Default)]
struct Asked {
    ids: BTreeSet<String>,
    /// `true` if some ids are not known before, but follow from facts.
    more: bool,
    by_id: bool,
    listed: bool,
    /// `true` if only guards ask for it, and perhaps not.
    perhaps: bool,
}

/// Returns the grants for the reads of a plan.
pub(super) fn of_plan(plan: &Plan, owner: &Owner) -> Vec<Grant> {
    let mut asked: BTreeMap<FamilyKind, Asked> = BTreeMap::new();
    let mut regions: BTreeSet<String> = plan.regions.iter().cloned().collect();
    for change in &plan.changes {
        regions.insert(change.region.clone());
        of_change(plan, change, owner, &mut asked, &mut regions);
    }
    regions.remove("");
    let place = json!({ "StringEquals": { "aws:RequestedRegion": regions } });
    let mut grants = Vec::new();
    for (kind, asked) in &asked {
        for reading in kind.permissions() {
            let needed = match reading.when {
                When::ById if !asked.by_id => continue,
                When::Listed if !asked.listed => continue,
                When::Fact(_) => Used::Perhaps,
                _ if asked.perhaps => Used::Perhaps,
                _ => Used::Called,
            };
            grants.push(grant(*kind, reading, asked, owner, &place, needed));
        }
    }
    grants
}

fn grant(
    kind: FamilyKind,
    reading: &Reading,
    asked: &Asked,
    owner: &Owner,
    place: &Value,
    used: Used,
) -> Grant {
    let all = || BTreeSet::from([any_of(kind, owner)]);
    let named = || {
        if asked.more || asked.ids.is_empty() {
            all()
        } else {
            asked.ids.iter().flat_map(|id| arns(kind, id, owner)).collect()
        }
    };
    let resources = match reading.on {
        On::All => BTreeSet::from(["*".to_owned()]),
        On::Thing => named(),
        On::Any => all(),
        On::Only { id_prefix, arn: form } => asked
            .ids
            .iter()
            .filter(|id| id.starts_with(id_prefix))
            .map(|id| Arn::written(form, owner, "*", id))
            .collect(),
    };
    // IAM, Route 53 and S3's list of buckets are called in one region, whichever regions the plan has.
    let of_one_region = ["s3:", "route53:", "iam:"].iter().any(|service| reading.action.starts_with(service));
    let regional = reading.on == On::All && !of_one_region;
    Grant {
        action: reading.action.to_owned(),
        resources,
        condition: if regional { place.clone() } else { json!({}) },
        used,
    }
}

fn of_change(
    plan: &Plan,
    change: &Change,
    owner: &Owner,
    asked: &mut BTreeMap<FamilyKind, Asked>,
    regions: &mut BTreeSet<String>,
) {
    let caller = Caller { arn: plan.caller.clone(), ..Caller::default() };
    let nothing = Inventory::empty(owner.clone(), caller, plan.created);
    let mut wants: Vec<Want> = change.touches.clone();
    wants.extend(keys(change).into_iter().map(|key| Want::key(&change.region, key)));
    for proof in &change.proof {
        wants.extend(
            checks::find(&proof.check)
                .into_iter()
                .flat_map(|check| (check.reads_one)(&nothing, &proof.resource, &proof.with)),
        );
    }
    for (act, used) in acts(change) {
        wants.extend(of_input(&act.call.input, change));
        if used == Used::Perhaps {
            continue;
        }
        let observed =
            act.observe.iter().map(|o| Expect::new(&o.region, o.family, o.id.clone(), &o.at, Test::Exists));
        let expected = act.wait.iter().flat_map(|w| &w.until).chain(&act.before).cloned();
        for expect in expected.chain(observed) {
            let entry = asked.entry(expect.family).or_default();
            if expect.test.lists() {
                entry.listed = true;
                continue;
            }
            entry.by_id = true;
            let ids = expect.ids().into_iter().filter(|id| !id.is_empty());
            if holds_reference(&expect.id) { entry.more = true } else { entry.ids.extend(ids) }
        }
        // Before such a call the engine counts the copies that are in progress, those of others included.
        if act.outlasts() {
            asked.entry(FamilyKind::Volumes).or_default().listed = true;
            asked.entry(FamilyKind::VolumeStatuses).or_default().by_id = true;
        }
        // A call that took effect is looked for only after a lost reply.
        if let Recognise::Tagged { family, .. } = &act.recognise {
            asked.entry(*family).or_insert_with(|| Asked { perhaps: true, more: true, ..Asked::default() });
        }
        if let Recognise::Beside { family, .. } = &act.recognise {
            asked.entry(*family).or_default().listed = true;
        }
    }
    for want in wants {
        regions.insert(want.region.clone());
        let entry = asked.entry(want.family).or_default();
        entry.perhaps = false;
        match want.selector {
            Selector::Id(id) => {
                entry.ids.insert(id);
                entry.by_id = true;
            }
            Selector::All | Selector::By(..) => entry.listed = true,
        }
    }
    for one in &change.uses {
        let Some(action) = actions::find(&one.action) else { continue };
        for around in action.reads(change.resource.kind()) {
            let known = asked.contains_key(&around.family);
            let entry = asked.entry(around.family).or_default();
            entry.by_id = true;
            entry.perhaps |= !known && around.perhaps;
            entry.more |= around.more;
            entry.listed |= around.listed;
        }
    }
}

/// Returns the things that a call's input names and that are read by name: keys, and for flow logs their
/// destination.
fn of_input(input: &Value, change: &Change) -> Vec<Want> {
    let text = |name: &str| input.get(name).and_then(Value::as_str);
    let mut wants = Vec::new();
    wants.extend(text("KmsKeyId").map(|key| Want::key(&change.region, key)));
    // The key of a trail is proved by its policy.
    let of_trail = text("KmsKeyId").filter(|_| input.get("S3BucketName").is_some());
    wants.extend(of_trail.map(|key| Want::key_policy(&change.region, key)));
    wants.extend(text("LogGroupName").map(|name| Want::id(&change.region, FamilyKind::LogGroups, name)));
    wants.extend(
        text("DeliverLogsPermissionArn")
            .map(|arn| Want::id("", FamilyKind::Roles, arn.rsplit('/').next().unwrap_or(arn))),
    );
    let bucket = text("LogDestination")
        .and_then(|arn| arn.split(":::").nth(1))
        .and_then(|path| path.split('/').next());
    wants.extend(bucket.map(|name| Want::id("", FamilyKind::Buckets, name)));
    wants
}

fn holds_reference(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(key, v)| key.starts_with('$') || holds_reference(v)),
        Value::Array(items) => items.iter().any(holds_reference),
        _ => false,
    }
}

/// Returns the ARN pattern for any of a kind.
pub(super) fn any_of(kind: FamilyKind, owner: &Owner) -> String {
    match kind.about().arn.any {
        "" => "*".to_owned(),
        any if kind.about().of_others => Arn::written(&any.replace("{account}", "*"), owner, "*", ""),
        any => Arn::written(any, owner, "*", ""),
    }
}

/// Returns the ARNs for one of a kind.
fn arns(kind: FamilyKind, id: &str, owner: &Owner) -> Vec<String> {
    match kind.about().arn.one {
        _ if id.starts_with("arn:") => vec![id.to_owned()],
        [] => vec![any_of(kind, owner)],
        one => one.iter().map(|form| Arn::written(form, owner, "*", id)).collect(),
    }
}
