//! The reach of a change: which calls a change of its action may make at all, on which things of the account. A run that is gone on
//! with or taken back brings calls and ids from its files; before any of them is called, the registry of actions and today's facts
//! must bear them out. Pure.

use jiff::{civil::Date, tz::TimeZone};
use serde_json::Value;

use super::Change;
use crate::{
    calls::Call,
    inventory::{Fact, FamilyKind, Inventory, Scope, Want, tag},
};

/// Why a call is not borne out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beyond {
    /// No change of this action makes it, or not on this thing.
    Never(String),
    /// It cannot be told.
    Unknown(String),
}

/// The operations that changes of an action make, forward and back.
fn operations(action: &str) -> &'static [&'static str] {
    match action {
        "tighten-security-group" => &["AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"],
        "enable-flow-logs" => &["CreateFlowLogs", "DeleteFlowLogs"],
        "ensure-log-group" => &["CreateLogGroup", "DeleteLogGroup", "PutRetentionPolicy", "DeleteRetentionPolicy"],
        "ensure-delivery-role" => &["CreateRole", "DeleteRole", "PutRolePolicy", "DeleteRolePolicy"],
        "raise-cloudtrail" => &["UpdateTrail", "StartLogging", "StopLogging"],
        "create-cloudtrail" => &[
            "CreateBucket",
            "DeleteBucket",
            "PutBucketTagging",
            "PutPublicAccessBlock",
            "PutBucketVersioning",
            "PutBucketEncryption",
            "PutBucketPolicy",
            "CreateTrail",
            "DeleteTrail",
            "StartLogging",
            "StopLogging",
            "UpdateTrail",
        ],
        "encrypt-volumes" => &[
            "CreateTags",
            "DeleteTags",
            "StopInstances",
            "StartInstances",
            "CreateSnapshot",
            "CreateSnapshots",
            "CopySnapshot",
            "DeleteSnapshot",
            "CreateVolume",
            "DeleteVolume",
            "ModifyInstanceAttribute",
            "DetachVolume",
            "AttachVolume",
        ],
        "snapshot-instance" => &["CreateSnapshots", "DeleteSnapshot"],
        "prune" => &["DeleteSnapshot", "DeleteVolume", "RestoreSnapshotFromRecycleBin", "RestoreVolumeFromRecycleBin"],
        "recover" => &["AttachVolume", "ModifyInstanceAttribute", "StartInstances", "DeleteTags"],
        _ => &[],
    }
}

/// The members of an input that name what the call acts on.
const NAMES: [(&str, FamilyKind); 12] = [
    ("GroupId", FamilyKind::SecurityGroups),
    ("InstanceId", FamilyKind::Instances),
    ("InstanceIds", FamilyKind::Instances),
    ("VolumeId", FamilyKind::Volumes),
    ("SnapshotId", FamilyKind::Snapshots),
    ("SourceSnapshotId", FamilyKind::Snapshots),
    ("FlowLogIds", FamilyKind::FlowLogs),
    ("logGroupName", FamilyKind::LogGroups),
    ("RoleName", FamilyKind::Roles),
    ("Bucket", FamilyKind::Buckets),
    ("Name", FamilyKind::Trails),
    ("TrailName", FamilyKind::Trails),
];

/// What ids of EC2 begin with, for members that take ids of any kind.
const BEGINNINGS: [(&str, FamilyKind); 5] = [
    ("i-", FamilyKind::Instances),
    ("vol-", FamilyKind::Volumes),
    ("snap-", FamilyKind::Snapshots),
    ("sg-", FamilyKind::SecurityGroups),
    ("vpc-", FamilyKind::Vpcs),
];

/// The things that a call acts on. What it makes is none, nor what a step before it is yet to make.
fn targets(call: &Call) -> Vec<(FamilyKind, String)> {
    let mut all = Vec::new();
    for (name, value) in members(call) {
        let ids: Vec<&str> = match value {
            Value::Array(ids) => ids.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect(),
        };
        let named = naming(call, name);
        let any = matches!(name.as_str(), "Resources" | "ResourceIds");
        for id in ids {
            let kind = named.or_else(|| BEGINNINGS.iter().find(|(begins, _)| any && id.starts_with(begins))).map(|(_, family)| *family);
            all.extend(kind.map(|family| (family, id.to_owned())));
        }
    }
    all
}

/// The members of a call's input in which a thing may be named.
fn members(call: &Call) -> impl Iterator<Item = (&String, &Value)> {
    let nested = call.input.get("InstanceSpecification").and_then(Value::as_object).into_iter().flatten();
    call.input.as_object().into_iter().flatten().chain(nested)
}

/// The member of this name, where it names what the call acts on.
fn naming(call: &Call, name: &str) -> Option<&'static (&'static str, FamilyKind)> {
    NAMES.iter().find(|(member, family)| *member == name && (*family != FamilyKind::Trails || call.service == "cloudtrail"))
}

/// The member in which a call names nothing, where it has one: AWS takes such a call for another one. A reference names what a step
/// before it is yet to make.
pub fn nameless(call: &Call) -> Option<&str> {
    let refers = |value: &Value| value.as_object().is_some_and(|map| map.keys().all(|key| key.starts_with('$')) && map.len() == 1);
    let one = |value: &Value| value.as_str().is_some_and(|id| !id.is_empty()) || refers(value);
    let whole = |value: &Value| one(value) || value.as_array().is_some_and(|ids| !ids.is_empty() && ids.iter().all(one));
    members(call).find(|(name, value)| naming(call, name).is_some() && !whole(value)).map(|(name, _)| name.as_str())
}

fn place(call: &Call, family: FamilyKind) -> &str {
    match family {
        FamilyKind::Roles | FamilyKind::Buckets => "",
        _ => &call.region,
    }
}

/// What must be read to tell whether a call is borne out.
pub fn needs(change: &Change, call: &Call) -> Scope {
    let mut scope: Scope =
        targets(call).into_iter().filter(|(family, _)| *family != FamilyKind::Trails).map(|(family, id)| Want::id(place(call, family), family, id)).collect();
    if change.resource.kind() == crate::resource::Kind::Instance {
        scope.insert(Want::by(&change.region, FamilyKind::Snapshots, &format!("tag:{}", tag::INSTANCE), change.resource.id()));
    }
    scope
}

/// Checks that a change of this action, in this run, may make a call on what it names.
///
/// # Errors
/// Why not, or why that cannot be told.
pub fn borne_out(change: &Change, run: &str, call: &Call, facts: &Inventory) -> Result<(), Beyond> {
    let never = |why: String| Err(Beyond::Never(format!("{} {why}", call.name())));
    if !change.action.split('+').any(|action| operations(action).contains(&call.operation.as_str())) {
        return never(format!("is no call of {}", change.action));
    }
    if matches!(call.service.as_str(), "ec2" | "logs") && call.region != change.region {
        return never(format!("goes to {}, and the change is in {}", call.region, change.region));
    }
    let foreign = |tag: &Value| tag.get("Key").and_then(Value::as_str).is_none_or(|key| !key.starts_with("redress:"));
    if call.operation.ends_with("Tags") && call.input.get("Tags").and_then(Value::as_array).is_none_or(|tags| tags.iter().any(foreign)) {
        return never("is about tags that are not redress's own".to_owned());
    }
    if let Some(member) = nameless(call) {
        return never(format!("names nothing in {member}"));
    }
    for (family, id) in targets(call) {
        if family == FamilyKind::Trails {
            let (arn, name) = (change.resource.as_str(), change.resource.id());
            if change.resource.kind() == crate::resource::Kind::Trail && id != arn && id != name && !arn.ends_with(&format!("/{id}")) {
                return never(format!("is about the trail {id}, and the change is about {arn}"));
            }
            continue;
        }
        let thing = match facts.json(place(call, family), family, &id) {
            Fact::Known(thing) => thing,
            // What is not there is neither changed nor lost by a call.
            Fact::Absent => continue,
            silent => return Err(Beyond::Unknown(format!("{}: {id}: {}", call.name(), silent.silence().unwrap_or_default()))),
        };
        let due = || change.action == "prune" && id == change.resource.id() && may_go(&thing, facts.read_at.to_zoned(TimeZone::UTC).date());
        if call.operation.starts_with("Delete") && !call.operation.ends_with("Tags") && !may_delete(call, run, &thing, change, &id) && !due() {
            return never(format!("would delete {id}, which run {run} did not make, as its tags say"));
        }
        if !within(change, run, family, &id, &thing, facts) {
            return never(format!("is about {id}, which does not belong to {}", change.resource));
        }
    }
    Ok(())
}

fn tag_of<'t>(thing: &'t Value, name: &str) -> Option<&'t str> {
    thing.get("tags").and_then(|tags| tags.get("known").unwrap_or(tags).get(name)).and_then(Value::as_str)
}

/// Whether a thing may be deleted on the way back: only what the run itself made. A bucket is tagged after it is made, and AWS deletes
/// none that holds anything.
fn may_delete(call: &Call, run: &str, thing: &Value, change: &Change, id: &str) -> bool {
    let made = tag_of(thing, tag::RUN) == Some(run) && tag_of(thing, tag::REPLACED_BY).is_none();
    match call.operation.as_str() {
        "DeleteBucket" => made || tag_of(thing, tag::RUN).is_none(),
        // A setting of a thing, or the inline policy of a role: it goes, the thing stays.
        "DeleteRetentionPolicy" | "DeleteRolePolicy" => id == change.resource.id(),
        _ => made,
    }
}

/// Whether an earlier run made or kept a thing, nobody holds it, and its date has passed. What an undo left has no date; its time is
/// proved with all else directly before the call.
fn may_go(thing: &Value, today: Date) -> bool {
    if tag_of(thing, tag::HOLD).is_some() || tag_of(thing, tag::RUN).is_none() {
        return false;
    }
    match tag_of(thing, tag::EXPIRES) {
        Some(date) => date.parse::<Date>().is_ok_and(|date| date < today),
        None => tag_of(thing, tag::SOURCE).is_some() && tag_of(thing, tag::REPLACED_BY).is_none(),
    }
}

/// Whether a thing belongs to the resource of a change, or was made or marked by the run.
fn within(change: &Change, run: &str, family: FamilyKind, id: &str, thing: &Value, facts: &Inventory) -> bool {
    let resource = change.resource.id();
    if id == resource || tag_of(thing, tag::RUN) == Some(run) || tag_of(thing, tag::INSTANCE) == Some(resource) {
        return true;
    }
    match family {
        FamilyKind::Volumes => {
            let attached = thing.get("attachments").and_then(Value::as_array).into_iter().flatten();
            attached.into_iter().any(|a| a.get("instance_id").and_then(Value::as_str) == Some(resource)) || was_copied(change, id, facts)
        }
        FamilyKind::Snapshots => thing.get("volume_id").and_then(Value::as_str) == Some(resource),
        FamilyKind::FlowLogs => thing.get("resource_id").and_then(Value::as_str) == Some(resource),
        FamilyKind::Buckets => tag_of(thing, tag::RUN).is_none() && change.action.contains("create-cloudtrail"),
        _ => false,
    }
}

/// Whether a snapshot of this volume was made for the instance of a change: a disk that was detached carries no mark yet.
fn was_copied(change: &Change, volume: &str, facts: &Inventory) -> bool {
    let want = Want::by(&change.region, FamilyKind::Snapshots, &format!("tag:{}", tag::INSTANCE), change.resource.id());
    let copied = |(_, snapshot): &(String, Value)| snapshot.get("volume_id").and_then(Value::as_str) == Some(volume);
    facts.select_json(&want).known().is_some_and(|all| all.iter().any(copied))
}
