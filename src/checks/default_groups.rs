//! The check on the default security group of each VPC: it has no rules, in neither direction. Any rule
//! counts, whatever its source: this check does not ask who is let in, but whether anybody has decided it.

use serde_json::{Value, json};

use super::{
    Check, KnownAs,
    security_groups::{self, judged, rules_of, rules_want, silence, tags, traffic},
};
use crate::{
    finding::{Severity, Verdict},
    inventory::{Fact, FamilyKind, Inventory, SecurityGroup, SecurityGroupRule, Want},
    resource::{Kind, ResourceId},
};

/// The id of the check.
pub const HAS_RULES: &str = "default-security-group-has-rules";

/// The checks of this family.
pub static CHECKS: &[Check] = &[Check {
    id: HAS_RULES,
    title: "The default security group of a VPC has rules",
    why: "Whatever is launched without naming a group gets this one, and with it a reach that nobody has \
          decided about. With no rules such a launch reaches nothing, and somebody notices.",
    severity: Severity::Medium,
    kind: Kind::SecurityGroup,
    known_as: KNOWN_AS,
    // A rule that is rewritten was a rule before.
    triggers: &[
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:AuthorizeSecurityGroupEgress",
        "ec2:CreateVpc",
        "ec2:CreateDefaultVpc",
    ],
    scanned: true,
    reads: |region| vec![Want::all(region, FamilyKind::SecurityGroups)],
    reads_one: |inventory, resource, _| reads_one(inventory, resource),
    resources,
    judge: |inventory, resource, _| judge(inventory, resource),
    silence,
    tags,
}];

const KNOWN_AS: KnownAs = &[
    ("security-hub", &["EC2.2"]),
    ("cis-1.2.0", &["4.3"]),
    ("cis-1.4.0", &["5.3"]),
    ("cis-1.5.0", &["5.4"]),
    ("cis-2.0.0", &["5.4"]),
    ("cis-3.0.0", &["5.4"]),
    ("cis-4.0.0", &["5.5"]),
    ("cis-5.0.0", &["5.5"]),
    ("cis-6.0.0", &["6.5"]),
    ("cis-7.0.0", &["6.5"]),
    ("pci-dss-3.2.1", &["PCI.EC2.2"]),
    ("prowler", &["ec2_securitygroup_default_restrict_traffic"]),
    ("prowler-2", &["check43"]),
    ("config-managed", &["vpc-default-security-group-closed"]),
];

/// Returns whether a group is the default one of its VPC; `None` where AWS names no name. The name is
/// reserved (<https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html>).
pub fn is_default(group: &SecurityGroup) -> Option<bool> {
    (!group.name.is_empty()).then(|| group.name == "default")
}

/// Returns whether a group is known to be another than the default one.
fn is_other(inventory: &Inventory, resource: &ResourceId) -> bool {
    let region = inventory.regions.get(resource.region());
    let group = region.and_then(|place| place.security_groups.get(resource.id()).known().copied());
    group.is_some_and(|group| is_default(group) == Some(false))
}

/// Returns the wants for a group: the rules of a default group only. The listing of groups does not show
/// those for what leaves.
fn reads_one(inventory: &Inventory, resource: &ResourceId) -> Vec<Want> {
    let (region, id) = (resource.region(), resource.id());
    let mut wants = vec![Want::id(region, FamilyKind::SecurityGroups, id)];
    wants.extend((!is_other(inventory, resource)).then(|| rules_want(region, id)));
    wants
}

/// Returns the default groups of this account's VPCs. That of a VPC which another account shares is for that
/// account to judge and to change.
fn resources(inventory: &Inventory, regions: &[String]) -> Vec<ResourceId> {
    let mut all = security_groups::resources(inventory, regions);
    all.retain(|group| !is_other(inventory, group));
    all
}

fn judge(inventory: &Inventory, resource: &ResourceId) -> Verdict {
    let group = match judged(inventory, resource) {
        Ok((_, group)) => group,
        Err(verdict) => return verdict,
    };
    match is_default(group) {
        Some(true) => {}
        Some(false) => {
            return Verdict::Ok(Some(format!("{} is not the default group of its VPC", group.name)));
        }
        None => return Verdict::Unknown("AWS names no name of the security group".to_owned()),
    }
    match rules_of(inventory, resource.region(), resource.id()) {
        Fact::Known(rules) if rules.is_empty() => Verdict::Ok(None),
        Fact::Known(rules) => Verdict::Violates(evidence(group, &rules)),
        silent => Verdict::Unknown(format!(
            "the rules of the security group: {}",
            silent.silence().unwrap_or("absent")
        )),
    }
}

fn evidence(group: &SecurityGroup, rules: &[&SecurityGroupRule]) -> Value {
    let rule = |rule: &&SecurityGroupRule| json!({ "rule": rule.id, "lets": traffic::line(rule) });
    json!({ "vpc": group.vpc_id, "rules": rules.iter().map(rule).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        inventory::{Caller, Selector},
        resource::Owner,
    };

    const R: &str = "us-east-1";

    fn account(name: &str, owner_id: &str, rules: &[SecurityGroupRule]) -> Inventory {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let mut it = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
        let region = it.region_mut(R);
        region.security_groups.read(&Selector::All, Fact::Known(()));
        region.security_group_rules.read(&Selector::by("group-id", "sg-1"), Fact::Known(()));
        let group = SecurityGroup {
            id: "sg-1".into(),
            name: name.into(),
            vpc_id: "vpc-1".into(),
            owner_id: owner_id.into(),
            ..SecurityGroup::default()
        };
        region.security_groups.put("sg-1", group);
        for (n, rule) in rules.iter().enumerate() {
            let id = format!("sgr-{n}");
            let rule = SecurityGroupRule { id: id.clone(), group_id: "sg-1".into(), ..rule.clone() };
            region.security_group_rules.put(id, rule);
        }
        it
    }

    fn verdict(it: &Inventory) -> Verdict {
        judge(it, &it.owner.security_group(R, "sg-1"))
    }

    fn rule(is_egress: bool) -> SecurityGroupRule {
        SecurityGroupRule { is_egress, ip_protocol: "-1".into(), ..SecurityGroupRule::default() }
    }

    const OWN: &str = "123456789012";

    #[test]
    fn any_rule_counts_in_either_direction_and_whatever_its_source() {
        let from = |make: fn(&mut SecurityGroupRule)| {
            let mut rule = rule(false);
            make(&mut rule);
            rule
        };
        for rule in [
            from(|r| r.cidr_ipv4 = Some("10.0.0.1/32".into())),
            from(|r| r.cidr_ipv6 = Some("fd00::/8".into())),
            from(|r| r.prefix_list_id = Some("pl-1".into())),
            from(|r| r.referenced_group_id = Some("sg-1".into())),
            SecurityGroupRule { cidr_ipv4: Some("0.0.0.0/0".into()), ..rule(true) },
        ] {
            let Verdict::Violates(evidence) = verdict(&account("default", OWN, &[rule])) else { panic!() };
            assert_eq!((&evidence["vpc"], evidence["rules"].as_array().unwrap().len()), (&json!("vpc-1"), 1));
        }
        assert_eq!(verdict(&account("default", OWN, &[])), Verdict::Ok(None));
    }

    #[test]
    fn only_the_default_groups_of_the_account_are_judged() {
        let all = |it: &Inventory| resources(it, &[R.to_owned()]).len();
        assert_eq!(all(&account("default", OWN, &[])), 1);
        for (name, owner) in [("default-web", OWN), ("Default", OWN), ("default", "999988887777")] {
            assert_eq!(all(&account(name, owner, &[rule(true)])), 0, "{name} of {owner}");
        }
        let Verdict::Ok(Some(why)) = verdict(&account("default-web", OWN, &[rule(true)])) else { panic!() };
        assert!(why.contains("not the default group"), "{why}");
    }

    #[test]
    fn what_was_not_read_is_unknown_and_never_empty() {
        let group = SecurityGroup { id: "sg-1".into(), name: "default".into(), ..SecurityGroup::default() };
        let named = SecurityGroup { name: String::new(), ..group.clone() };
        let mut it = account("default", OWN, &[]);
        it.region_mut(R).security_group_rules.reads.clear();
        assert!(matches!(verdict(&it), Verdict::Unknown(why) if why.contains("not read")));
        let denied = Fact::unknown("AccessDenied");
        it.region_mut(R).security_group_rules.read(&Selector::by("group-id", "sg-1"), denied.clone());
        assert!(matches!(verdict(&it), Verdict::Unknown(why) if why.contains("AccessDenied")));
        let mut nameless = account("default", OWN, &[]);
        nameless.region_mut(R).security_groups.put("sg-1", named);
        assert!(matches!(verdict(&nameless), Verdict::Unknown(_)));
        assert_eq!(resources(&nameless, &[R.to_owned()]).len(), 1, "and it is not left out of a scan");
        it.region_mut(R).security_groups.items.insert("sg-1".into(), denied.map(|()| group));
        assert!(matches!(verdict(&it), Verdict::Unknown(why) if why.contains("AccessDenied")));
    }

    #[test]
    fn the_rules_of_other_groups_are_not_read_for_it() {
        let target = |it: &Inventory| it.owner.security_group(R, "sg-1");
        let wants = |name: &str| {
            let it = account(name, OWN, &[]);
            reads_one(&it, &target(&it)).contains(&rules_want(R, "sg-1"))
        };
        assert_eq!((wants("default"), wants("web"), wants("")), (true, false, true));
    }
}
