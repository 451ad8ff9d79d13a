//! The check on the way out: no security group lets everything out to everywhere. AWS gives every new group
//! such a rule; the check asks whether anybody has decided what is needed, and runs where a playbook asks.

use serde_json::{Value, json};

use super::{
    Check,
    default_groups::is_default,
    ports::Authorised,
    security_groups::{
        self,
        exposure::{Exposure, survey},
        judged, rules_of, rules_want, silence, tags, traffic,
    },
};
use crate::{
    finding::{Severity, Verdict},
    inventory::{Fact, FamilyKind, Inventory, SecurityGroupRule, Want},
    resource::{Kind, ResourceId},
};

/// The id of the check.
pub const OPEN_EGRESS: &str = "security-group-open-egress";

/// The checks of this family.
pub static CHECKS: &[Check] = &[Check {
    id: OPEN_EGRESS,
    title: "A security group lets everything out to everywhere",
    why: "Whoever breaks in fetches tools and sends data out over any port, to any address. A way out that \
          names what is needed is the last that stops it, and shows the attempt in flow logs.",
    severity: Severity::Low,
    kind: Kind::SecurityGroup,
    known_as: &[],
    // AWS gives a new group a rule that lets everything out.
    triggers: &[
        "ec2:AuthorizeSecurityGroupEgress",
        "ec2:CreateSecurityGroup",
        "ec2:ModifySecurityGroupRules",
    ],
    scanned: true,
    reads: |region| vec![Want::all(region, FamilyKind::SecurityGroups)],
    reads_one: |inventory, resource, _| reads_one(inventory, resource),
    resources,
    judge: |inventory, resource, _| judge(inventory, resource),
    silence,
    tags,
}];

/// Returns the wants for a group; the listing of groups does not show the rules for what leaves.
fn reads_one(inventory: &Inventory, resource: &ResourceId) -> Vec<Want> {
    let (region, id) = (resource.region(), resource.id());
    let mut wants = vec![Want::id(region, FamilyKind::SecurityGroups, id)];
    wants.extend((!is_a_default(inventory, resource)).then(|| rules_want(region, id)));
    wants
}

/// Returns whether a group is known to be the default one of its VPC.
fn is_a_default(inventory: &Inventory, resource: &ResourceId) -> bool {
    let region = inventory.regions.get(resource.region());
    let group = region.and_then(|place| place.security_groups.get(resource.id()).known().copied());
    group.is_some_and(|group| is_default(group) == Some(true))
}

/// Returns the groups of this account but for the default ones, of which another check asks that they have no
/// rules at all.
fn resources(inventory: &Inventory, regions: &[String]) -> Vec<ResourceId> {
    let mut all = security_groups::resources(inventory, regions);
    all.retain(|group| !is_a_default(inventory, group));
    all
}

fn judge(inventory: &Inventory, resource: &ResourceId) -> Verdict {
    let (place, group) = match judged(inventory, resource) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    match is_default(group) {
        Some(false) => {}
        Some(true) => {
            return Verdict::Ok(Some(
                "the default group of a VPC is for default-security-group-has-rules".to_owned(),
            ));
        }
        None => return Verdict::Unknown("AWS names no name of the security group".to_owned()),
    }
    let rules = match rules_of(inventory, resource.region(), resource.id()) {
        Fact::Known(rules) => rules,
        silent => {
            return Verdict::Unknown(format!(
                "the rules of the security group: {}",
                silent.silence().unwrap_or("absent")
            ));
        }
    };
    let survey = survey(&rules, &place.prefix_lists, Exposure::Egress, &Authorised::default());
    if !survey.offences.is_empty() {
        let rules: Vec<Value> = survey.offences.iter().map(|offence| evidence(offence.rule)).collect();
        return Verdict::Violates(json!({ "rules": rules }));
    }
    match survey.unknown.as_slice() {
        [] => Verdict::Ok(None),
        unknown => Verdict::Unknown(unknown.join("; ")),
    }
}

fn evidence(rule: &SecurityGroupRule) -> Value {
    let mut evidence = json!({
        "rule": rule.id,
        "destination": traffic::source(rule),
        "protocol": rule.ip_protocol,
        "ports": traffic::ports(rule),
    });
    if let Some(said) = rule.description.as_ref().filter(|d| !d.is_empty()) {
        evidence["description"] = json!(said);
    }
    evidence
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        inventory::{Caller, SecurityGroup, Selector},
        resource::Owner,
    };

    const R: &str = "us-east-1";

    fn out(protocol: &str, from: i32, to: i32, destination: &str) -> SecurityGroupRule {
        let is = |yes: bool| yes.then(|| destination.to_owned());
        SecurityGroupRule {
            group_id: "sg-1".into(),
            is_egress: true,
            ip_protocol: protocol.into(),
            from_port: from,
            to_port: to,
            cidr_ipv4: is(destination.contains('.')),
            cidr_ipv6: is(destination.contains(':')),
            prefix_list_id: is(destination.starts_with("pl-")),
            referenced_group_id: is(destination.starts_with("sg-")),
            ..SecurityGroupRule::default()
        }
    }

    fn account(name: &str, rules: &[SecurityGroupRule]) -> Inventory {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let mut it = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
        let region = it.region_mut(R);
        region.security_groups.read(&Selector::All, Fact::Known(()));
        region.security_group_rules.read(&Selector::by("group-id", "sg-1"), Fact::Known(()));
        let (id, owner_id, name) = ("sg-1".to_owned(), "123456789012".to_owned(), name.to_owned());
        let group = SecurityGroup { id, owner_id, name, ..SecurityGroup::default() };
        region.security_groups.put("sg-1", group);
        for (n, rule) in rules.iter().enumerate() {
            let id = format!("sgr-{n}");
            region.security_group_rules.put(id.clone(), SecurityGroupRule { id, ..rule.clone() });
        }
        it
    }

    fn verdict(it: &Inventory) -> Verdict {
        judge(it, &it.owner.security_group(R, "sg-1"))
    }

    #[test]
    fn everything_or_all_of_a_transport_to_everywhere_is_found() {
        for bad in [
            out("-1", -1, -1, "0.0.0.0/0"),
            out("-1", -1, -1, "::/0"),
            out("tcp", 0, 65535, "0.0.0.0/0"),
            out("udp", 1, 65535, "0.0.0.0/0"),
            out("tcp", 0, 65535, "8.0.0.0/6"),
        ] {
            match verdict(&account("web", std::slice::from_ref(&bad))) {
                Verdict::Violates(with) => {
                    assert_eq!(with["rules"][0]["destination"], traffic::source(&bad));
                }
                other => panic!("{bad:?}: {other:?}"),
            }
        }
        let halves = [out("-1", -1, -1, "0.0.0.0/1"), out("-1", -1, -1, "128.0.0.0/1")];
        assert!(matches!(verdict(&account("web", &halves)), Verdict::Violates(_)));
    }

    #[test]
    fn a_way_out_that_somebody_has_bounded_is_fine() {
        let inbound = SecurityGroupRule { is_egress: false, ..out("-1", -1, -1, "0.0.0.0/0") };
        for good in [
            out("tcp", 443, 443, "0.0.0.0/0"),
            out("-1", -1, -1, "10.0.0.0/8"),
            out("-1", -1, -1, "sg-9"),
            // Its owner has chosen the entries of a list, which are not even read.
            out("-1", -1, -1, "pl-1"),
            out("icmp", -1, -1, "0.0.0.0/0"),
            inbound,
        ] {
            assert_eq!(verdict(&account("web", std::slice::from_ref(&good))), Verdict::Ok(None), "{good:?}");
        }
    }

    #[test]
    fn a_default_group_is_for_another_check_and_what_is_not_read_is_unknown() {
        let open = [out("-1", -1, -1, "0.0.0.0/0")];
        let default = account("default", &open);
        assert!(matches!(verdict(&default), Verdict::Ok(Some(why)) if why.contains("has-rules")));
        assert_eq!(resources(&default, &[R.to_owned()]), []);
        assert!(matches!(verdict(&account("", &open)), Verdict::Unknown(_)));
        assert_eq!(resources(&account("", &open), &[R.to_owned()]).len(), 1);
        let mut unread = account("web", &open);
        unread.region_mut(R).security_group_rules.reads.clear();
        assert!(matches!(verdict(&unread), Verdict::Unknown(why) if why.contains("the rules")));
    }
}
