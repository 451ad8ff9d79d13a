//! The check on small accounts: the groups that endpoints have, and what lets the world in to them.

use super::*;
use crate::{
    inventory::{Caller, SecurityGroup, SecurityGroupRule},
    resource::Owner,
};

const R: &str = "us-east-1";

fn rule(protocol: &str, from: i32, to: i32, source: &str) -> SecurityGroupRule {
    let is = |yes: bool| yes.then(|| source.to_owned());
    SecurityGroupRule {
        group_id: "sg-1".into(),
        ip_protocol: protocol.into(),
        from_port: from,
        to_port: to,
        cidr_ipv4: is(source.contains('.')),
        cidr_ipv6: is(source.contains(':')),
        prefix_list_id: is(source.starts_with("pl-")),
        ..SecurityGroupRule::default()
    }
}

fn account(kind: &str, rules: &[SecurityGroupRule]) -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let mut it = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
    let region = it.region_mut(R);
    region.security_groups.read(&Selector::All, Fact::Known(()));
    region.vpc_endpoints.read(&Selector::All, Fact::Known(()));
    region.security_group_rules.read(&Selector::by("group-id", "sg-1"), Fact::Known(()));
    for id in ["sg-1", "sg-2"] {
        let owner_id = "123456789012".to_owned();
        region.security_groups.put(id, SecurityGroup { id: id.into(), owner_id, ..SecurityGroup::default() });
    }
    let endpoint = VpcEndpoint {
        id: "vpce-1".into(),
        endpoint_type: kind.into(),
        service_name: "com.amazonaws.us-east-1.ssm".into(),
        groups: vec!["sg-0".into(), "sg-1".into()],
        ..VpcEndpoint::default()
    };
    region.vpc_endpoints.put("vpce-1", endpoint);
    for (n, rule) in rules.iter().enumerate() {
        let id = format!("sgr-{n}");
        region.security_group_rules.put(id.clone(), SecurityGroupRule { id, ..rule.clone() });
    }
    it
}

fn verdict(it: &Inventory, group: &str) -> Verdict {
    (CHECKS[0].judge)(it, &it.owner.security_group(R, group), &Value::Null)
}

#[test]
fn whoever_lets_the_world_in_on_443_or_more_is_found_with_the_endpoints() {
    for bad in [
        rule("tcp", 443, 443, "0.0.0.0/0"),
        rule("tcp", 443, 443, "::/0"),
        rule("tcp", 400, 500, "0.0.0.0/0"),
        rule("tcp", 0, 65535, "0.0.0.0/0"),
        rule("-1", -1, -1, "0.0.0.0/0"),
        rule("tcp", 443, 443, "8.0.0.0/6"),
    ] {
        let it = account("Interface", std::slice::from_ref(&bad));
        match verdict(&it, "sg-1") {
            Verdict::Violates(with) => {
                assert_eq!(with["endpoints"], json!(["vpce-1 (com.amazonaws.us-east-1.ssm)"]));
                assert_eq!(with["rules"][0]["rule"], "sgr-0");
            }
            other => panic!("{bad:?}: {other:?}"),
        }
    }
    let halves = [rule("tcp", 443, 443, "0.0.0.0/1"), rule("tcp", 443, 443, "128.0.0.0/1")];
    assert!(matches!(verdict(&account("Interface", &halves), "sg-1"), Verdict::Violates(with)
        if with["rules"].as_array().unwrap().len() == 2));
}

#[test]
fn what_looks_alike_is_fine() {
    for good in [
        rule("tcp", 443, 443, "10.0.0.0/8"),
        rule("tcp", 443, 443, "203.0.113.0/24"),
        rule("udp", 443, 443, "0.0.0.0/0"),
        rule("tcp", 80, 80, "0.0.0.0/0"),
        SecurityGroupRule { is_egress: true, ..rule("-1", -1, -1, "0.0.0.0/0") },
    ] {
        let it = account("Interface", std::slice::from_ref(&good));
        assert_eq!(verdict(&it, "sg-1"), Verdict::Ok(None), "{good:?}");
    }
    let open = [rule("tcp", 443, 443, "0.0.0.0/0")];
    for kind in ["Gateway", "GatewayLoadBalancer", "Resource", "Bridge"] {
        let it = account(kind, &open);
        assert!(matches!(verdict(&it, "sg-1"), Verdict::Ok(Some(_))), "{kind}");
        assert_eq!((CHECKS[0].resources)(&it, &[R.to_owned()]), []);
    }
    let it = account("Interface", &open);
    assert!(matches!(verdict(&it, "sg-2"), Verdict::Ok(Some(why)) if why.contains("no interface endpoint")));
    assert_eq!((CHECKS[0].resources)(&it, &[R.to_owned()]), [it.owner.security_group(R, "sg-1")]);
}

#[test]
fn what_was_not_read_is_unknown() {
    let open = [rule("tcp", 443, 443, "0.0.0.0/0")];
    for fact in [Fact::unknown("AccessDenied"), Fact::NotRead] {
        let mut it = account("Interface", &open);
        it.region_mut(R).vpc_endpoints.read(&Selector::All, fact.clone());
        assert!(matches!(verdict(&it, "sg-1"), Verdict::Unknown(why) if why.contains("the VPC endpoints")));
        assert!((CHECKS[0].silence)(&it, R).is_some_and(|why| why.contains("VPC endpoints")));
        let mut it = account("Interface", &open);
        it.region_mut(R).security_group_rules.read(&Selector::by("group-id", "sg-1"), fact);
        assert!(matches!(verdict(&it, "sg-1"), Verdict::Unknown(why) if why.contains("the rules")));
    }
    let list = account("Interface", &[rule("tcp", 443, 443, "pl-1")]);
    assert!(matches!(verdict(&list, "sg-1"), Verdict::Unknown(why) if why.contains("pl-1")));
}

#[test]
fn rules_are_read_only_of_groups_that_endpoints_have() {
    let it = account("Interface", &[]);
    let wants = |it: &Inventory, group: &str| {
        (CHECKS[0].reads_one)(it, &it.owner.security_group(R, group), &Value::Null)
    };
    assert!(wants(&it, "sg-1").contains(&rules_want(R, "sg-1")));
    assert!(!wants(&it, "sg-2").contains(&rules_want(R, "sg-2")));
    let mut unread = account("Interface", &[]);
    unread.region_mut(R).vpc_endpoints.read(&Selector::All, Fact::NotRead);
    assert!(wants(&unread, "sg-1").contains(&Want::all(R, FamilyKind::VpcEndpoints)));
}
