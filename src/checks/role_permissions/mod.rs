//! The check on what roles may do: no policy of the account's own allows a service that the role does not
//! use. It holds service last accessed information against the policies. Pure.

pub mod granted;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use self::granted::Granted;
use super::{
    Check,
    access_keys::{day, since},
};
use crate::{
    finding::{Severity, Verdict},
    inventory::{Fact, FamilyKind, Inventory, Role, RoleUse, Selector, Tags, Want},
    resource::{Kind, ResourceId, account_in},
};

/// The id of the check.
pub const UNUSED: &str = "role-unused-permissions";
/// Its parameter: the days without use after which a service counts as unused.
pub const DAYS: &str = "days";
/// The days that it takes where none are given.
pub const USUAL: u32 = 90;
/// The days for which IAM keeps the last use at most
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html>).
pub const KEPT: u32 = 400;
/// Another one: the services that never count as unused.
pub const KEEP: &str = "keep";
/// The services that it takes where none are given: what other services do with a key on behalf of a role
/// need not show among the uses of the role.
pub const USUALLY_KEPT: &[&str] = &["kms"];

/// The checks of this family.
pub static CHECKS: &[Check] = &[Check {
    id: UNUSED,
    title: "A policy of a role allows services that the role has not used for a long time, or never",
    why: "Whoever gets a session of the role gets all that its policies allow. Nobody misses a service that \
          the role does not use, until somebody else uses it.",
    severity: Severity::Low,
    kind: Kind::Role,
    known_as: &[],
    triggers: &[],
    scanned: true,
    reads: |_| vec![Want::all("", FamilyKind::Roles), Want::all("", FamilyKind::ManagedPolicies)],
    reads_one: needs,
    resources: |inventory, _| {
        let known = inventory.roles.known().map(|(id, _)| id);
        let unknown = inventory.roles.items.unknown().into_iter().map(|(id, _)| id.as_str());
        known.chain(unknown).map(|name| inventory.owner.role(name)).collect()
    },
    judge,
    silence: |inventory, _| {
        let listed = inventory.roles.listed(&Selector::All);
        listed.silence().map(|why| format!("roles: {why}"))
    },
    tags: |inventory, resource| {
        inventory.roles.get(resource.id()).known().map_or_else(Tags::new, |role| role.tags.clone())
    },
}];

/// The parameters of the check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The days without use after which a service counts as unused.
    pub days: u32,
    /// The services that never do, in small letters.
    pub keep: BTreeSet<String>,
}

impl Terms {
    /// Reads the parameters; those that are not given have their usual values.
    pub fn of(with: &Value) -> Self {
        let days = with.get(DAYS).and_then(Value::as_u64).and_then(|days| u32::try_from(days).ok());
        let keep = with
            .get(KEEP)
            .and_then(Value::as_array)
            .map(|all| all.iter().filter_map(Value::as_str).map(str::to_lowercase).collect());
        let usually = || USUALLY_KEPT.iter().map(|one| (*one).to_owned()).collect();
        Self { days: days.unwrap_or(USUAL), keep: keep.unwrap_or_else(usually) }
    }
}

/// Returns the policies of the account's own that are attached to a role, by their ARNs.
pub fn own_policies(role: &Role) -> impl Iterator<Item = &str> {
    let attached = role.attached_policies.known().into_iter().flatten();
    attached.map(String::as_str).filter(|arn| account_in(arn) != Some("aws"))
}

/// Describes why nobody can change what a role may do, where that is so.
pub fn fixed(role: &Role) -> Option<&'static str> {
    if role.is_of_service() {
        return Some("it is linked to a service of AWS, which alone decides what it may do");
    }
    if role.is_of_identity_center() {
        return Some("it is one of IAM Identity Center's: its permission set decides what it may do");
    }
    None
}

/// Returns whether a role has policies of the account's own.
fn has_own(role: &Role) -> bool {
    own_policies(role).next().is_some() || role.inline_policies.known().is_some_and(|all| !all.is_empty())
}

/// Returns the facts to read to judge a role. A report on its uses is made only where it decides something.
fn needs(inventory: &Inventory, resource: &ResourceId, with: &Value) -> Vec<Want> {
    let mut wants = vec![Want::id("", FamilyKind::Roles, resource.id())];
    let Fact::Known(role) = inventory.roles.get(resource.id()) else { return wants };
    if fixed(role).is_some() || !has_own(role) || is_young(inventory, role, &Terms::of(with)) != Ok(false) {
        return wants;
    }
    wants.extend(own_policies(role).map(|arn| Want::id("", FamilyKind::ManagedPolicies, arn)));
    wants.push(Want::id("", FamilyKind::RoleUses, &role.arn));
    wants
}

/// Returns whether a role is too young for its uses to show anything.
///
/// # Errors
/// The reason for which that is not known.
pub fn is_young(inventory: &Inventory, role: &Role, terms: &Terms) -> Result<bool, String> {
    let created =
        role.created.known().ok_or_else(|| silent("when it was created", role.created.silence()))?;
    Ok(since(inventory.read_at, terms.days).is_none_or(|limit| *created >= limit))
}

fn silent(what: &str, why: Option<&str>) -> String {
    format!("{what}: {}", why.unwrap_or("there is no answer"))
}

/// The services that a role does not use, each with the time of its last use, if there was one.
pub type Unused = BTreeMap<String, Option<Timestamp>>;

/// Returns the services of a report that were not used since a time.
///
/// # Errors
/// The reason for which that is not known of one of them.
pub fn unused(used: &RoleUse, limit: Timestamp, terms: &Terms) -> Result<Unused, String> {
    let mut all = Unused::new();
    for (service, used) in &used.services {
        if terms.keep.contains(&service.to_lowercase()) {
            continue;
        }
        match &used.last_used {
            Fact::Known(time) if *time >= limit => {}
            Fact::Known(time) => drop(all.insert(service.clone(), Some(*time))),
            Fact::Absent => drop(all.insert(service.clone(), None)),
            silence => return Err(silent(&format!("the last use of {service}"), silence.silence())),
        }
    }
    Ok(all)
}

/// Describes the last use of a service.
pub fn last_use(time: Option<Timestamp>) -> String {
    time.map_or_else(|| "never".to_owned(), day)
}

fn judge(inventory: &Inventory, resource: &ResourceId, with: &Value) -> Verdict {
    match inventory.roles.get(resource.id()) {
        Fact::Known(role) => of_role(inventory, role, &Terms::of(with)).unwrap_or_else(Verdict::Unknown),
        Fact::Absent => Verdict::Ok(Some("the role no longer exists".to_owned())),
        silence => Verdict::Unknown(silent("the role", silence.silence())),
    }
}

/// Judges a role.
///
/// # Errors
/// The reason for which that is not possible.
fn of_role(inventory: &Inventory, role: &Role, terms: &Terms) -> Result<Verdict, String> {
    if let Some(why) = fixed(role) {
        return Ok(Verdict::Ok(Some(why.to_owned())));
    }
    let inline = &role.inline_policies;
    let inline = inline.known().ok_or_else(|| silent("its inline policies", inline.silence()))?;
    let attached = &role.attached_policies;
    let attached = attached.known().ok_or_else(|| silent("its attached policies", attached.silence()))?;
    if !has_own(role) {
        let why = "all of its policies are AWS's own, which nobody can narrow: attach others that allow less";
        return Ok(Verdict::Ok((!attached.is_empty()).then(|| why.to_owned())));
    }
    if is_young(inventory, role, terms)? {
        return Ok(Verdict::Ok(None));
    }
    let limit = since(inventory.read_at, terms.days).ok_or("the days lie before all time")?;
    let uses = inventory.role_uses.get(&role.arn);
    let uses = uses.known().ok_or_else(|| silent("what it has used", uses.silence()))?;
    let unused = unused(uses, limit, terms)?;
    let mut found = BTreeMap::new();
    for (name, document) in inline {
        found.insert(name.as_str(), of_policy(name, document, &unused)?);
    }
    for arn in own_policies(role) {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        let policy = inventory.managed_policies.get(arn);
        let policy = policy.known().ok_or_else(|| silent(&format!("policy {name}"), policy.silence()))?;
        found.insert(arn, of_policy(name, &policy.document, &unused)?);
    }
    found.retain(|_, services| !services.is_empty());
    if found.is_empty() {
        return Ok(Verdict::Ok(None));
    }
    let named: BTreeSet<&String> = found.values().flatten().collect();
    let last: BTreeMap<&String, String> =
        named.iter().map(|service| (*service, last_use(unused.get(*service).copied().flatten()))).collect();
    Ok(Verdict::Violates(
        json!({ "role": role.id, "days": terms.days, "last_used": last, "policies": found }),
    ))
}

/// Returns the unused services that a policy allows.
///
/// # Errors
/// The reason for which the policy cannot be understood.
fn of_policy(name: &str, document: &Value, unused: &Unused) -> Result<Vec<String>, String> {
    let granted = Granted::of(document).map_err(|why| format!("policy {name}: {why}"))?;
    Ok(unused.keys().filter(|service| granted.has(service)).cloned().collect())
}

#[cfg(test)]
mod tests;
