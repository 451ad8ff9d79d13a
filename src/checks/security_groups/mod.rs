//! Checks on security groups: admin ports, database ports, everything, or any port that nobody has authorised
//! open to the world. [`exposure`] defines an open rule, [`world`] the world, and [`crate::checks::ports`]
//! the ports; this file builds verdicts.

pub mod exposure;
mod known;
pub mod traffic;
pub mod world;

use serde_json::{Value, json};

use super::{Check, ports::Authorised};
use crate::{
    finding::{Severity, Verdict},
    inventory::{
        Fact, Family, FamilyKind, Inventory, PrefixList, Region, SecurityGroup, SecurityGroupRule, Selector,
        Tags, Want,
    },
    resource::{Kind, ResourceId},
};
use exposure::{Exposure, Offence, Survey, survey};

const TRIGGERS: &[&str] = &["ec2:AuthorizeSecurityGroupIngress", "ec2:ModifySecurityGroupRules"];

/// The checks of this family.
pub static CHECKS: &[Check] = &[
    Check {
        id: "security-group-open-admin-port",
        title: "A security group opens an administration port to the world",
        why: "Ports such as 22 and 3389 are found by scanners within minutes; one weak password, leaked key \
              or unpatched service behind them gives away the machine.",
        severity: Severity::Critical,
        kind: Kind::SecurityGroup,
        known_as: known::ADMIN_PORT,
        triggers: TRIGGERS,
        scanned: true,
        reads,
        reads_one: |inventory, resource, with| reads_one(inventory, resource, Exposure::AdminPort, with),
        resources,
        judge: |inventory, resource, with| judge(inventory, resource, Exposure::AdminPort, with),
        silence,
        tags,
    },
    Check {
        id: "security-group-open-database-port",
        title: "A security group opens a database port to the world",
        why: "Databases and caches often trust whoever reaches them; those that are open to the world are \
              read, held to ransom or used to amplify attacks.",
        severity: Severity::High,
        kind: Kind::SecurityGroup,
        known_as: known::DATABASE_PORT,
        triggers: TRIGGERS,
        scanned: true,
        reads,
        reads_one: |inventory, resource, with| reads_one(inventory, resource, Exposure::DatabasePort, with),
        resources,
        judge: |inventory, resource, with| judge(inventory, resource, Exposure::DatabasePort, with),
        silence,
        tags,
    },
    Check {
        id: "security-group-open-all-traffic",
        title: "A security group opens everything to the world",
        why: "A rule for all traffic, all of TCP or all of UDP opens every service that runs now or is ever \
              started there, administration and databases included.",
        severity: Severity::Critical,
        kind: Kind::SecurityGroup,
        known_as: known::ALL_TRAFFIC,
        triggers: TRIGGERS,
        scanned: true,
        reads,
        reads_one: |inventory, resource, with| reads_one(inventory, resource, Exposure::AllTraffic, with),
        resources,
        judge: |inventory, resource, with| judge(inventory, resource, Exposure::AllTraffic, with),
        silence,
        tags,
    },
    Check {
        id: "security-group-open-other-port",
        title: "A security group opens a port to the world that nobody has authorised",
        why: "Whatever listens there now, or is started there later, is reached by everybody. A service that \
              is meant for the public belongs on an authorised port; the others are mostly left over.",
        severity: Severity::Medium,
        kind: Kind::SecurityGroup,
        known_as: known::OTHER_PORT,
        triggers: TRIGGERS,
        scanned: true,
        reads,
        reads_one: |inventory, resource, with| reads_one(inventory, resource, Exposure::OtherPort, with),
        resources,
        judge: |inventory, resource, with| judge(inventory, resource, Exposure::OtherPort, with),
        silence,
        tags,
    },
];

/// Returns the want for the rules of a group.
pub fn rules_want(region: &str, group: &str) -> Want {
    Want::by(region, FamilyKind::SecurityGroupRules, "group-id", group)
}

/// Returns the rules of a group, if they were listed.
pub fn rules_of<'a>(inventory: &'a Inventory, region: &str, group: &str) -> Fact<Vec<&'a SecurityGroupRule>> {
    let Some(region) = inventory.regions.get(region) else { return Fact::NotRead };
    let rules = region.security_group_rules.select(&Selector::by("group-id", group));
    rules.map(|rules| rules.into_iter().map(|(_, rule)| rule).collect())
}

/// Returns the wants for the prefix lists that the inbound rules of a group name, as far as the rules are
/// known.
pub fn lists_of(inventory: &Inventory, region: &str, group: &str) -> Vec<Want> {
    lists_in(inventory, region, group, |rule| !rule.is_egress)
}

/// Returns the wants for the prefix lists of those rules of a group that are picked.
pub fn lists_in(
    inventory: &Inventory,
    region: &str,
    group: &str,
    picked: impl Fn(&SecurityGroupRule) -> bool,
) -> Vec<Want> {
    let rules = rules_of(inventory, region, group);
    let rules = rules.known().into_iter().flatten().filter(|rule| picked(rule));
    rules
        .filter_map(|r| r.prefix_list_id.as_ref())
        .map(|id| Want::id(region, FamilyKind::PrefixLists, id))
        .collect()
}

fn reads(region: &str) -> Vec<Want> {
    vec![Want::all(region, FamilyKind::SecurityGroups)]
}

/// Returns the wants for a group: its rules only where the listing of groups does not show already that they
/// open nothing, which of most groups it does.
fn reads_one(inventory: &Inventory, resource: &ResourceId, exposure: Exposure, with: &Value) -> Vec<Want> {
    let authorised = authorised(with).unwrap_or_default();
    let (region, id) = (resource.region(), resource.id());
    if let Some(place) = inventory.regions.get(region)
        && place
            .security_groups
            .get(id)
            .known()
            .is_some_and(|group| shown_closed(group, &place.prefix_lists, exposure, &authorised))
    {
        return Vec::new();
    }
    let mut wants = vec![Want::id(region, FamilyKind::SecurityGroups, id), rules_want(region, id)];
    wants.extend(lists_of(inventory, region, id));
    wants
}

/// Returns the groups of this account; a group that another account shares with it is for that account to
/// judge and to change.
pub(super) fn resources(inventory: &Inventory, regions: &[String]) -> Vec<ResourceId> {
    let mut all = Vec::new();
    for name in regions.iter().filter(|name| silence(inventory, name).is_none()) {
        let Some(region) = inventory.regions.get(name) else { continue };
        let own = region.security_groups.known().filter(|(_, g)| inventory.owner.owns(&g.owner_id));
        all.extend(own.map(|(id, _)| inventory.owner.security_group(name, id)));
    }
    all
}

/// The parameter of the check on other ports: those that may be open to the world.
pub const AUTHORISED: &str = "authorised";

/// Reads the ports that may be open to the world from the parameters of a check; the default where they do
/// not name any.
pub fn authorised(with: &Value) -> Result<Authorised, String> {
    let Some(given) = with.get(AUTHORISED) else { return Ok(Authorised::default()) };
    serde_json::from_value(given.clone()).map_err(|why| format!("its parameter {AUTHORISED}: {why}"))
}

/// Returns the group that is judged, with its region.
///
/// # Errors
/// The verdict on a group that does not exist, or that could not be read.
pub(super) fn judged<'a>(
    inventory: &'a Inventory,
    resource: &ResourceId,
) -> Result<(&'a Region, &'a SecurityGroup), Verdict> {
    let Some(region) = inventory.regions.get(resource.region()) else {
        return Err(Verdict::Unknown("the region was not read".to_owned()));
    };
    match region.security_groups.get(resource.id()) {
        Fact::Known(group) => Ok((region, group)),
        Fact::Absent => Err(Verdict::Ok(Some("the security group no longer exists".to_owned()))),
        silent => {
            Err(Verdict::Unknown(format!("the security group: {}", silent.silence().unwrap_or_default())))
        }
    }
}

fn judge(inventory: &Inventory, resource: &ResourceId, exposure: Exposure, with: &Value) -> Verdict {
    let authorised = match authorised(with) {
        Ok(authorised) => authorised,
        Err(why) => return Verdict::Unknown(why),
    };
    let (region, group) = match judged(inventory, resource) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    match rules_of(inventory, resource.region(), resource.id()) {
        Fact::Known(rules) => verdict(&survey(&rules, &region.prefix_lists, exposure, &authorised)),
        Fact::NotRead if shown_closed(group, &region.prefix_lists, exposure, &authorised) => {
            Verdict::Ok(None)
        }
        silent => Verdict::Unknown(format!(
            "the rules of the security group: {}",
            silent.silence().unwrap_or("absent")
        )),
    }
}

/// Returns whether the listing of groups shows that nothing of a group is exposed, and nothing about that is
/// unknown.
pub(super) fn shown_closed(
    group: &SecurityGroup,
    lists: &Family<PrefixList>,
    exposure: Exposure,
    authorised: &Authorised,
) -> bool {
    let Fact::Known(shown) = &group.inbound else { return false };
    survey(&shown.iter().collect::<Vec<_>>(), lists, exposure, authorised) == Survey::default()
}

fn verdict(survey: &Survey<'_>) -> Verdict {
    if !survey.offences.is_empty() {
        let rules: Vec<Value> = survey.offences.iter().map(evidence).collect();
        let mut evidence = json!({ "rules": rules });
        if !survey.unknown.is_empty() {
            evidence["unknown"] = json!(survey.unknown);
        }
        return Verdict::Violates(evidence);
    }
    if !survey.unknown.is_empty() {
        return Verdict::Unknown(survey.unknown.join("; "));
    }
    let everything: Vec<&str> = survey.left_to_all_traffic.iter().map(|r| r.id.as_str()).collect();
    let note = || {
        format!(
            "{} opens everything to the world: that is the finding of security-group-open-all-traffic",
            everything.join(", ")
        )
    };
    Verdict::Ok((!everything.is_empty()).then(note))
}

/// Describes an open rule.
pub(super) fn evidence(offence: &Offence<'_>) -> Value {
    let rule = offence.rule;
    let mut evidence = json!({
        "rule": rule.id,
        "source": traffic::source(rule),
        "protocol": rule.ip_protocol,
        "ports": traffic::ports(rule),
        "services": offence.services.iter().map(|s| s.words()).collect::<Vec<_>>(),
    });
    if let Some(said) = rule.description.as_ref().filter(|d| !d.is_empty()) {
        evidence["description"] = json!(said);
    }
    evidence
}

/// Returns the reason for which no group of a region can be judged, if they could not be listed.
pub(super) fn silence(inventory: &Inventory, region: &str) -> Option<String> {
    let Some(region) = inventory.regions.get(region) else { return Some("not read".to_owned()) };
    region.security_groups.listed(&Selector::All).silence().map(|why| format!("security groups: {why}"))
}

/// Returns the tags of a group.
pub(super) fn tags(inventory: &Inventory, resource: &ResourceId) -> Tags {
    let group = inventory.regions.get(resource.region()).map(|r| r.security_groups.get(resource.id()));
    group.and_then(|g| g.known().map(|g| g.tags.clone())).unwrap_or_default()
}

#[cfg(test)]
mod tests;
