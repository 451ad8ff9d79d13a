//! The check on the security groups of interface endpoints: they let in whoever is named, and not the world.
//! An endpoint has private addresses only; its world is whoever is routed to the VPC.

use serde_json::{Value, json};

use super::{
    Check,
    ports::Authorised,
    security_groups::{
        self, evidence,
        exposure::{Exposure, survey},
        judged, lists_of, rules_of, rules_want, shown_closed, tags,
    },
};
use crate::{
    finding::{Severity, Verdict},
    inventory::{Fact, FamilyKind, Inventory, Selector, VpcEndpoint, Want, endpoints::OF_GROUP},
    resource::{Kind, ResourceId},
};

/// The id of the check.
pub const OPEN_GROUP: &str = "vpc-endpoint-open-security-group";

/// The checks of this family.
pub static CHECKS: &[Check] = &[Check {
    id: OPEN_GROUP,
    title: "A security group lets the world in to an interface VPC endpoint",
    why: "Whoever is routed to the VPC reaches the endpoint: peers, branch offices and whatever is connected \
          later. It then carries their traffic under the policy that was meant for the VPC.",
    severity: Severity::Medium,
    kind: Kind::SecurityGroup,
    known_as: &[],
    triggers: &["ec2:AuthorizeSecurityGroupIngress", "ec2:ModifySecurityGroupRules"],
    scanned: true,
    reads: |region| {
        vec![Want::all(region, FamilyKind::SecurityGroups), Want::all(region, FamilyKind::VpcEndpoints)]
    },
    reads_one: |inventory, resource, _| reads_one(inventory, resource),
    resources,
    judge: |inventory, resource, _| judge(inventory, resource),
    silence,
    tags,
}];

/// Returns the interface endpoints that have a group, if the endpoints of the region were listed.
pub fn endpoints_of<'a>(inventory: &'a Inventory, region: &str, group: &str) -> Fact<Vec<&'a VpcEndpoint>> {
    let Some(place) = inventory.regions.get(region) else { return Fact::NotRead };
    let family = &place.vpc_endpoints;
    family.listed(&Selector::All).map(|()| {
        let all = family.items.picked(&Selector::by(OF_GROUP, group));
        all.into_iter().map(|(_, endpoint)| endpoint).filter(|endpoint| endpoint.is_interface()).collect()
    })
}

/// Returns the wants for a group: the endpoints, and its rules only where one of them has it.
fn reads_one(inventory: &Inventory, resource: &ResourceId) -> Vec<Want> {
    let (region, id) = (resource.region(), resource.id());
    let mut wants =
        vec![Want::id(region, FamilyKind::SecurityGroups, id), Want::all(region, FamilyKind::VpcEndpoints)];
    let Fact::Known(endpoints) = endpoints_of(inventory, region, id) else { return wants };
    if !endpoints.is_empty() && !is_closed(inventory, resource) {
        wants.push(rules_want(region, id));
        wants.extend(lists_of(inventory, region, id));
    }
    wants
}

/// Returns whether the listing of groups shows that a group does not let the world in to endpoints.
fn is_closed(inventory: &Inventory, resource: &ResourceId) -> bool {
    let Some(place) = inventory.regions.get(resource.region()) else { return false };
    let closed =
        |group: &_| shown_closed(group, &place.prefix_lists, Exposure::Endpoint, &Authorised::default());
    place.security_groups.get(resource.id()).known().is_some_and(|group| closed(group))
}

/// Returns the groups of this account that interface endpoints have.
fn resources(inventory: &Inventory, regions: &[String]) -> Vec<ResourceId> {
    let mut all = security_groups::resources(inventory, regions);
    all.retain(|group| match endpoints_of(inventory, group.region(), group.id()) {
        Fact::Known(endpoints) => !endpoints.is_empty(),
        _ => false,
    });
    all
}

fn judge(inventory: &Inventory, resource: &ResourceId) -> Verdict {
    let place = match judged(inventory, resource) {
        Ok((place, _)) => place,
        Err(verdict) => return verdict,
    };
    let endpoints = match endpoints_of(inventory, resource.region(), resource.id()) {
        Fact::Known(endpoints) => endpoints,
        silent => {
            return Verdict::Unknown(format!("the VPC endpoints: {}", silent.silence().unwrap_or("absent")));
        }
    };
    if endpoints.is_empty() {
        return Verdict::Ok(Some("no interface endpoint has the security group".to_owned()));
    }
    let rules = match rules_of(inventory, resource.region(), resource.id()) {
        Fact::Known(rules) => rules,
        Fact::NotRead if is_closed(inventory, resource) => return Verdict::Ok(None),
        silent => {
            return Verdict::Unknown(format!(
                "the rules of the security group: {}",
                silent.silence().unwrap_or("absent")
            ));
        }
    };
    let survey = survey(&rules, &place.prefix_lists, Exposure::Endpoint, &Authorised::default());
    if survey.offences.is_empty() {
        return match survey.unknown.as_slice() {
            [] => Verdict::Ok(None),
            unknown => Verdict::Unknown(unknown.join("; ")),
        };
    }
    let rules: Vec<Value> = survey.offences.iter().map(evidence).collect();
    let mut found = json!({ "endpoints": endpoints.iter().map(|one| named(one)).collect::<Vec<_>>(),
        "rules": rules });
    if !survey.unknown.is_empty() {
        found["unknown"] = json!(survey.unknown);
    }
    Verdict::Violates(found)
}

/// Returns the id of an endpoint with its service.
pub fn named(endpoint: &VpcEndpoint) -> String {
    format!("{} ({})", endpoint.id, endpoint.service_name)
}

/// Returns the reason for which no group of a region can be judged.
fn silence(inventory: &Inventory, region: &str) -> Option<String> {
    let of_groups = security_groups::silence(inventory, region);
    of_groups.or_else(|| {
        let endpoints = &inventory.regions.get(region)?.vpc_endpoints;
        endpoints.listed(&Selector::All).silence().map(|why| format!("VPC endpoints: {why}"))
    })
}

#[cfg(test)]
mod tests;
