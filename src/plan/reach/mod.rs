//! The reach of a change: the calls that a change of its action may make at all, and the things of the
//! account on which it may make them. A run that is resumed or undone brings calls and ids from its files;
//! before any of them is called, the registry of actions and today's facts must confirm them. Pure.

mod associations;
mod cards;
mod credentials;
mod disks;
mod entries;
mod form;
mod held;
mod identities;
mod labels;
mod lineage;
mod made;
mod policies;
mod revocations;
mod routes;
mod settings;
mod versions;
mod volumes;

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::Value;

use self::{disks::Disks, made::Made};

use super::{Change, PlanKind};
use crate::{
    actions,
    calls::{Act, Call, Expect, Test, find},
    inventory::{Fact, FamilyKind, Inventory, Scope, Want, tag},
    resource::Kind,
    services::{Operation, Spec, instance, spec::Names, tag as tags, volume},
};

/// The reason for which a call is not confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beyond {
    /// A call that no change of this action makes, or not on this thing.
    Never(String),
    /// A call that cannot be judged.
    Unknown(String),
}

/// The direction of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Towards the purpose of the change.
    Forth,
    /// Towards the earlier state.
    Back,
}

/// A call that a run may still make.
#[derive(Debug, Clone, PartialEq)]
pub struct Lead<'c> {
    /// The change that it belongs to.
    pub change: &'c Change,
    /// The direction of the call.
    pub way: Way,
    /// The call, with the conditions before and after it.
    pub act: Act,
    /// `true` if a rollback leaves it out once the change has brought something up.
    pub kept: bool,
    /// The step that it undoes, where it is called only if the change fails.
    pub of: Option<&'c str>,
}

/// The runs that a call belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Of<'r> {
    /// The run that made the resources.
    pub run: &'r str,
    /// The run that makes the call: another one where it undoes the first.
    pub by: &'r str,
    /// `true` if it undoes another run.
    pub undoes: bool,
    /// The time of the call.
    pub now: Timestamp,
}

/// The operations of a change that recovers resources that a run has left down; it has no action.
const RECOVERS: &[Spec] = &[
    <volume::AttachVolume>::SPEC,
    <instance::ModifyInstanceAttribute>::SPEC,
    <instance::StartInstances>::SPEC,
    <tags::CreateTags>::SPEC,
    <tags::DeleteTags>::SPEC,
];

/// Returns the operations that changes of an action make, forward and back.
fn operations(action: &str) -> &'static [Spec] {
    match actions::find(action) {
        Some(action) => action.operations(),
        None if action == PlanKind::Recover.word() => RECOVERS,
        None => &[],
    }
}

/// Returns whether changes of an action make this operation.
fn makes<O: Operation>(action: &str) -> bool {
    operations(action).iter().any(|spec| spec.is(O::SPEC.service, O::SPEC.operation))
}

/// Returns the things that a call acts on. A thing that it makes is none, nor is one that a step before it
/// has yet to make.
fn targets(call: &Call) -> Vec<(FamilyKind, String)> {
    let of = |(names, value): (&'static Names, &Value)| {
        let ids: Vec<String> = match value {
            Value::Array(ids) => ids.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            one => one.as_str().map(str::to_owned).into_iter().collect(),
        };
        ids.into_iter().filter_map(|id| Some((names.family.or_else(|| FamilyKind::of_id(&id))?, id)))
    };
    named(call).flat_map(of).collect()
}

/// Returns the members of a call's input that name the things it acts on, as far as they are given. A thing
/// that is made is compared with the proposal; nothing of its name exists yet.
fn named(call: &Call) -> impl Iterator<Item = (&'static Names, &Value)> {
    let all = find(&call.service, &call.operation).map_or(&[][..], |spec| spec.names);
    all.iter().filter(|names| names.there).filter_map(|names| Some((names, call.input.pointer(names.at)?)))
}

/// Returns the member in which a call names nothing, where it has one: AWS takes such a call for another one.
/// A reference names a thing that a step before it has yet to make.
pub fn nameless(call: &Call) -> Option<&str> {
    let refers = |value: &Value| {
        value.as_object().is_some_and(|map| map.keys().all(|key| key.starts_with('$')) && map.len() == 1)
    };
    let one = |value: &Value| value.as_str().is_some_and(|id| !id.is_empty()) || refers(value);
    let whole = |value: &Value| {
        one(value) || value.as_array().is_some_and(|ids| !ids.is_empty() && ids.iter().all(one))
    };
    named(call).find(|(_, value)| !whole(value)).and_then(|(names, _)| names.at.rsplit('/').next())
}

/// Returns the first thing that a call names twice in a list, with the member.
fn twice(call: &Call) -> Option<(&str, &str)> {
    let nested = call.input.as_object()?.values().filter_map(Value::as_object).flatten();
    call.input.as_object()?.iter().chain(nested).find_map(|(name, value)| {
        let mut seen = BTreeSet::new();
        let again = value.as_array()?.iter().filter_map(Value::as_str).find(|id| !seen.insert(*id))?;
        Some((name.as_str(), again))
    })
}

/// Builds a condition that never holds for the thing that a call acts on, with its meaning: a call with this
/// condition is not made.
pub fn never(call: &Call, means: &str) -> Option<Expect> {
    let (family, id) = targets(call).into_iter().next()?;
    Some(
        Expect::new(
            place(call, family),
            family,
            id,
            "/id",
            Test::OneOf { good: Vec::new(), never: Vec::new(), late: Vec::new() },
        )
        .meaning(means),
    )
}

fn place(call: &Call, family: FamilyKind) -> &str {
    family.asked_in(&call.region)
}

/// Returns the facts that must be read to judge any call of a change.
pub fn needs_of(change: &Change, known: &Inventory) -> Scope {
    let mut scope = made::needs(change, known);
    scope.extend(disks::needs(change, known));
    scope.extend(associations::needs(change, known));
    if change.resource.kind() == Kind::Instance {
        scope.insert(disks::copies(change));
    }
    if change.resource.kind() == Kind::AccessKey {
        scope.insert(Want::id("", FamilyKind::AccessKeys, change.resource.id()));
    }
    scope
}

/// Returns the facts that must be read beyond those for one call.
pub fn needs(change: &Change, call: &Call) -> Scope {
    let mut scope: Scope =
        targets(call).into_iter().map(|(family, id)| Want::id(place(call, family), family, id)).collect();
    let replaced = call
        .input
        .get("Tags")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|tag| tag["Key"] == tag::REPLACED_BY);
    scope.extend(
        replaced
            .filter_map(|tag| tag["Value"].as_str())
            .map(|id| Want::id(&call.region, FamilyKind::Volumes, id)),
    );
    if matches!(call.operation.as_str(), "RevokeSecurityGroupIngress" | "RevokeSecurityGroupEgress") {
        scope.insert(crate::checks::security_groups::rules_want(&change.region, change.resource.id()));
    }
    scope
}

/// Operations that make or set something: their input must be the one that the action makes today.
const MAKES: [&str; 15] = [
    "CreateAccessKey",
    "CreateSecret",
    "PutSecretValue",
    "CreateNetworkAclEntry",
    "CreateFlowLogs",
    "CreateLogGroup",
    "PutRetentionPolicy",
    "CreateRole",
    "PutRolePolicy",
    "CreateBucket",
    "PutBucketTagging",
    "PutPublicAccessBlock",
    "PutBucketVersioning",
    "PutBucketEncryption",
    "CreateTrail",
];

/// The reach of one change of a run on today's facts.
#[derive(Debug)]
pub struct Reach<'a> {
    change: &'a Change,
    run: &'a str,
    facts: &'a Inventory,
    made: Made,
    /// The disks of the change, where it is about disks; or the reason for which they could not be read.
    disks: Option<Result<Disks<'a>, String>>,
}

impl<'a> Reach<'a> {
    /// Returns the reach of a change of this run.
    pub fn of(change: &'a Change, of: Of<'a>, facts: &'a Inventory) -> Self {
        let disks = disks::is_about_disks(change).then(|| Disks::of(change, of, facts));
        Self { change, run: of.run, facts, made: Made::of(change, of.run, facts), disks }
    }

    /// Checks that the change may make a call on the things that it names. Returns the claims about the call
    /// for which only the files of the run vouch, one sentence each.
    ///
    /// # Errors
    /// The reason for which it may not, or for which this cannot be determined.
    pub fn bears(&self, lead: &Lead<'_>) -> Result<Vec<String>, Beyond> {
        let (way, call) = (lead.way, &lead.act.call);
        let never = |why: String| Beyond::Never(format!("{} {why}", call.name()));
        self.form(way, call).map_err(never)?;
        for (family, id) in targets(call) {
            self.target(call, family, &id)?;
        }
        let mut claims: Vec<String> = self.content(lead).map_err(never)?.into_iter().collect();
        match &self.disks {
            Some(Ok(disks)) => claims.extend(held::borne_out(disks, lead).map_err(never)?),
            Some(Err(why)) => return Err(Beyond::Unknown(format!("{}: {why}", call.name()))),
            None => {}
        }
        Ok(claims)
    }

    fn form(&self, way: Way, call: &Call) -> Result<(), String> {
        let change = self.change;
        if !change.action.iter().any(|action| operations(action).iter().any(|spec| call.is_of(spec))) {
            return Err(format!("is no call of {}", change.action));
        }
        let home = change.resource.region();
        let at_home = call.region == change.region && (home.is_empty() || home == change.region);
        // A parameter may name the region for a resource that has none itself.
        if !(at_home || home.is_empty() && self.made.goes_to(&call.region)) {
            return Err(format!(
                "goes to {:?}, and the change is in {:?}, on {}",
                call.region, change.region, change.resource
            ));
        }
        let foreign = |tag: &Value| {
            tag.get("Key").and_then(Value::as_str).is_none_or(|key| !key.starts_with("redress:"))
        };
        // AWS takes an empty list for all tags.
        let own = |tags: &Vec<Value>| !tags.is_empty() && !tags.iter().any(foreign);
        if call.operation.ends_with("Tags")
            && !call.input.get("Tags").and_then(Value::as_array).is_some_and(own)
        {
            return Err("is about tags that are not redress's own, or all that there are".to_owned());
        }
        if let Some(member) = nameless(call) {
            return Err(format!("names nothing in {member}"));
        }
        if let Some((member, id)) = twice(call) {
            return Err(format!("names {id} twice in {member}"));
        }
        form::checked(change, way, call, &self.facts.owner.account)
    }

    /// Checks one thing that a call acts on.
    fn target(&self, call: &Call, family: FamilyKind, id: &str) -> Result<(), Beyond> {
        let (change, run) = (self.change, self.run);
        let never = |why: String| Err(Beyond::Never(format!("{} {why}", call.name())));
        let raises = self.raises();
        if family == FamilyKind::Trails && raises && id != change.resource.as_str() {
            return never(format!("is about the trail {id}, and the change is about {}", change.resource));
        }
        let thing = match self.facts.json(place(call, family), family, id) {
            Fact::Known(thing) => thing,
            // Only the snapshots of the account are listed: a missing one may belong to another account.
            Fact::Absent if family == FamilyKind::Snapshots && uses_as_source(call) => {
                return never(format!("uses {id} as a source, and the account has no such snapshot"));
            }
            // A call neither changes nor loses a thing that does not exist; a thing that is made is compared
            // with the one that the action makes.
            Fact::Absent => return Ok(()),
            silent => {
                return Err(Beyond::Unknown(format!(
                    "{}: {id}: {}",
                    call.name(),
                    silent.silence().unwrap_or_default()
                )));
            }
        };
        if let Some(why) = thing.pointer("/tags/unknown") {
            return Err(Beyond::Unknown(format!("{}: the tags of {id}: {why}", call.name())));
        }
        let own = tag_of(&thing, tag::RUN) == Some(run);
        if uses_as_source(call) && family == FamilyKind::Snapshots && !own {
            return never(format!("uses {id} as a source, which run {run} did not make, as its tags show"));
        }
        let due = || {
            change.action == "prune"
                && id == change.resource.id()
                && may_go(&thing, self.facts.read_at.to_zoned(TimeZone::UTC).date())
        };
        let derived = || call.operation == "DeleteBucket" && self.made.back(call);
        let deletes = call.operation.starts_with("Delete")
            && !call.operation.ends_with("Tags")
            && !routes::is_about(call)
            && !identities::is_about(call)
            && !entries::is_about(call)
            && !revocations::is_about(call)
            && !versions::is_about(call);
        let made = own && tag_of(&thing, tag::REPLACED_BY).is_none();
        let of_key = || credentials::may_delete(call, change, run, self.facts, (family, id));
        let may_go_now = made || derived() || due() || of_key();
        if deletes && !may_go_now {
            let why = credentials::not_made(family);
            return never(format!("would delete {id}, or what is set on it, which run {run} {why}"));
        }
        // Settings of a thing are compared with the proposal, which is made only where the thing may be used.
        let proposed = || {
            family == FamilyKind::Buckets
                && (self.made.forth(call) || self.made.back(call) || call.operation == "PutBucketPolicy")
        };
        let named = matches!(family, FamilyKind::Roles | FamilyKind::LogGroups);
        let settles = family == FamilyKind::Buckets || (family == FamilyKind::Trails && !raises);
        let belongs = if identities::is_about(call) && identities::is_group(self.facts, family, id)
            || credentials::ends_what_is_gone(call, change, self.facts)
            || associations::is_about(call) && associations::is_of_vpc(change, self.facts, &thing)
            || versions::is_of_role(change, self.facts, family, id)
        {
            true
        } else if named {
            (own || revocations::is_about(call)) && id == change.resource.id()
        } else if settles {
            own || proposed()
        } else {
            raises && family == FamilyKind::Trails || within(change, run, family, id, &thing, self.facts)
        };
        if belongs {
            Ok(())
        } else {
            never(format!(
                "is about {id}, which does not belong to {}, nor did run {run} make it",
                change.resource
            ))
        }
    }

    /// Returns whether the change raises a trail that existed before it.
    fn raises(&self) -> bool {
        self.change.action == "raise-cloudtrail" && self.change.resource.kind() == Kind::Trail
    }

    /// Checks the things that a call makes, sets, opens or closes. Returns the claim for which only the files
    /// vouch.
    fn content(&self, lead: &Lead<'_>) -> Result<Option<String>, String> {
        let (change, way, call) = (self.change, lead.way, &lead.act.call);
        let made = if way == Way::Forth { self.made.forth(call) } else { self.made.back(call) };
        let otherwise = || Err(format!("is not what {} makes for {} today", change.action, change.resource));
        match call.operation.as_str() {
            _ if made => Ok(None),
            _ if entries::is_about(call) => {
                entries::borne_out(self.facts, way, call).map_or_else(otherwise, Ok)
            }
            _ if revocations::is_about(call) => {
                revocations::borne_out(change, way, call).map_or_else(otherwise, Ok)
            }
            _ if versions::is_about(call) => {
                versions::borne_out(change, self.facts, self.run, (way, &lead.act)).map_or_else(otherwise, Ok)
            }
            operation if MAKES.contains(&operation) => otherwise(),
            "PutBucketPolicy" => policies::claimed(change, self.facts, way, call).map_or_else(otherwise, Ok),
            "AuthorizeSecurityGroupIngress" | "AuthorizeSecurityGroupEgress" if way == Way::Forth => {
                otherwise()
            }
            "AuthorizeSecurityGroupIngress" | "AuthorizeSecurityGroupEgress" => {
                Ok(Some(format!("{} is opened again to {}", change.resource.id(), settings::sources(call))))
            }
            "RevokeSecurityGroupIngress" | "RevokeSecurityGroupEgress" => {
                self.revokes(way, call).map(|()| None)
            }
            "UpdateTrail" if way == Way::Back => {
                Ok(Some(format!("trail {} is set back", change.resource.id())))
            }
            _ if routes::is_about(call) => {
                routes::borne_out(change, self.facts, way, call).map_or_else(otherwise, Ok)
            }
            _ if associations::is_about(call) => {
                associations::borne_out(change, self.facts, lead).map_or_else(otherwise, Ok)
            }
            "ModifyListener" => Ok(self.sets_listener(call)),
            "UpdateAccountPasswordPolicy" | "DeleteAccountPasswordPolicy" => {
                self.sets_password_policy(way, call).map_or_else(otherwise, Ok)
            }
            "AssociateWebACL" | "DisassociateWebACL" => {
                self.sets_web_acl(way, call).map_or_else(otherwise, Ok)
            }
            "ModifyVpcEndpoint" => {
                policies::of_endpoint(change, self.facts, way, call).map_or_else(otherwise, Ok)
            }
            _ if identities::is_about(call) => {
                identities::borne_out(change, self.facts, way, call).map_or_else(otherwise, Ok)
            }
            "UpdateSecretVersionStage" => Ok(credentials::led_back(call)),
            "UpdateAccessKey"
            | "UpdateServiceSpecificCredential"
            | "UpdateSSHPublicKey"
            | "UpdateSigningCertificate" => self.sets_credential(way, call).map_or_else(otherwise, Ok),
            "StopLogging" if self.raises() => Ok(Some(format!("trail {} is stopped", change.resource.id()))),
            _ => Ok(None),
        }
    }
}

/// Returns whether a call makes something from a snapshot.
fn uses_as_source(call: &Call) -> bool {
    matches!(call.operation.as_str(), "CopySnapshot" | "CreateVolume")
}

fn tag_of<'t>(thing: &'t Value, name: &str) -> Option<&'t str> {
    thing.get("tags").and_then(|tags| tags.get("known").unwrap_or(tags).get(name)).and_then(Value::as_str)
}

/// Returns whether an earlier run made or kept a thing, nobody holds it, and its date has passed. A thing
/// that an undo left has no date; its time is proved with everything else directly before the call.
fn may_go(thing: &Value, today: Date) -> bool {
    if tag_of(thing, tag::HOLD).is_some() || tag_of(thing, tag::RUN).is_none() {
        return false;
    }
    match tag_of(thing, tag::EXPIRES) {
        Some(date) => date.parse::<Date>().is_ok_and(|date| date < today),
        None => tag_of(thing, tag::SOURCE).is_some() && tag_of(thing, tag::REPLACED_BY).is_none(),
    }
}

/// Returns whether a thing belongs to the resource of a change, or was made or marked by the run.
fn within(
    change: &Change,
    run: &str,
    family: FamilyKind,
    id: &str,
    thing: &Value,
    facts: &Inventory,
) -> bool {
    let resource = change.resource.id();
    // A run makes things only for its changes.
    let whose = [(Kind::Instance, tag::INSTANCE), (Kind::Volume, tag::SOURCE)];
    let of = whose
        .into_iter()
        .find(|(kind, _)| *kind == change.resource.kind())
        .and_then(|(_, key)| tag_of(thing, key));
    let made = family != FamilyKind::FlowLogs
        && tag_of(thing, tag::RUN) == Some(run)
        && of.is_none_or(|of| of == resource);
    if id == family.key(&change.resource) || made || tag_of(thing, tag::INSTANCE) == Some(resource) {
        return true;
    }
    match family {
        FamilyKind::Volumes => {
            let attached = thing.get("attachments").and_then(Value::as_array).into_iter().flatten();
            attached.into_iter().any(|a| a.get("instance_id").and_then(Value::as_str) == Some(resource))
                || disks::was_copied(change, id, facts)
        }
        FamilyKind::Snapshots => thing.get("volume_id").and_then(Value::as_str) == Some(resource),
        FamilyKind::FlowLogs => thing.get("resource_id").and_then(Value::as_str) == Some(resource),
        FamilyKind::AccessKeys if change.resource.kind() == Kind::User => {
            thing.get("user").and_then(Value::as_str) == Some(resource)
        }
        // IAM is asked about the user of a key.
        FamilyKind::Users | FamilyKind::AccessKeys | FamilyKind::Secrets => {
            credentials::belongs(change, family, id, thing, facts)
        }
        _ => false,
    }
}
