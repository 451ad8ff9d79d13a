//! Groups of interface endpoints: the clients in the VPC keep their way, others are named, and a group that
//! is shared is left to its users.

use super::*;
use crate::{
    checks::endpoint_groups::OPEN_GROUP,
    inventory::{Vpc, VpcEndpoint},
};

/// Returns a clinic with an endpoint and its interface behind the group.
fn clinic(rules: Vec<SecurityGroupRule>) -> Clinic {
    let mut it = Clinic::new(rules).checks(&[OPEN_GROUP]);
    let region = it.inventory.region_mut(REGION);
    region.vpc_endpoints.read(&Selector::All, Fact::Known(()));
    let endpoint = VpcEndpoint {
        id: "vpce-1".into(),
        endpoint_type: "Interface".into(),
        service_name: "com.amazonaws.us-east-1.ssm".into(),
        vpc_id: "vpc-1".into(),
        groups: vec!["sg-1".into()],
        ..VpcEndpoint::default()
    };
    region.vpc_endpoints.put("vpce-1", endpoint);
    let vpc = Vpc {
        id: "vpc-1".into(),
        cidr_block: "10.10.0.0/16".into(),
        more_cidr_blocks: vec!["10.11.0.0/16".into(), "2001:db8:10::/56".into()],
        ..Vpc::default()
    };
    region.vpcs.put("vpc-1", vpc);
    let interface = NetworkInterface {
        id: "eni-e".into(),
        groups: vec!["sg-1".into()],
        interface_type: "vpc_endpoint".into(),
        requester_managed: true,
        vpc_id: "vpc-1".into(),
        ..NetworkInterface::default()
    };
    region.network_interfaces.put("eni-e", interface);
    it
}

fn https(source: &str) -> SecurityGroupRule {
    rule("tcp", 443, 443, source)
}

#[test]
fn all_ranges_of_the_vpc_keep_https_and_come_before_the_world_goes() {
    let it = clinic(vec![https("0.0.0.0/0"), https("::/0"), https("sg-7")]);
    let proposal = it.propose().unwrap();
    let operations: Vec<_> = proposal.steps.iter().map(|s| s.act.call.operation.as_str()).collect();
    assert_eq!(operations, ["AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"]);
    assert!(proposal.guards.iter().any(|g| g.guard == "endpoint-clients"), "{:?}", proposal.guards);
    assert!(proposal.impact.iter().any(|line| line.contains("vpce-1") && line.contains("peered")));
    let after = it.whole(&proposal);
    assert_eq!(
        after,
        [
            "tcp 443 from 10.10.0.0/16",
            "tcp 443 from 10.11.0.0/16",
            "tcp 443 from 2001:db8:10::/56",
            "tcp 443 from sg-7"
        ]
    );
}

#[test]
fn a_range_that_is_let_in_already_or_never_was_gets_no_rule() {
    let it = clinic(vec![https("0.0.0.0/0"), https("10.0.0.0/12")]);
    let proposal = it.propose().unwrap();
    assert_eq!(it.whole(&proposal), ["tcp 443 from 10.0.0.0/12"], "and IPv6 was not let in before");
    let it = clinic(vec![https("0.0.0.0/0")]).with(json!({ "allow": ["10.0.0.0/8", "198.51.100.0/24"] }));
    let proposal = it.propose().unwrap();
    assert_eq!(it.whole(&proposal), ["tcp 443 from 10.0.0.0/8", "tcp 443 from 198.51.100.0/24"]);
}

#[test]
fn a_rule_for_more_than_443_leaves_443_for_the_vpc_whatever_is_found_of_it() {
    for (strategy, checks) in [
        ("narrow", &[OPEN_GROUP][..]),
        ("revoke", &[OPEN_GROUP, ALL]),
        ("narrow", &[ALL]),
        ("revoke", &[ADMIN, ALL]),
    ] {
        let mut it = clinic(vec![rule("-1", -1, -1, "0.0.0.0/0")]);
        it = it.checks(checks).with(json!({ "strategy": strategy }));
        let proposal = it.propose().unwrap();
        assert_eq!(
            it.whole(&proposal),
            ["tcp 443 from 10.10.0.0/16", "tcp 443 from 10.11.0.0/16"],
            "{strategy} {checks:?}"
        );
    }
    let it = clinic(vec![ssh("0.0.0.0/0")]).checks(&[ADMIN]);
    let proposal = it.propose().unwrap();
    assert_eq!(it.whole(&proposal), [""; 0], "no endpoint listens there");
}

#[test]
fn ranges_and_endpoints_that_are_not_known_are_no_reason_to_act() {
    let unknown = |it: &Clinic| match it.propose() {
        Err(Refusal::Unknown(why)) => why,
        other => panic!("{other:?}"),
    };
    let mut it = clinic(vec![https("0.0.0.0/0")]);
    it.inventory.region_mut(REGION).vpcs.items.insert("vpc-1".into(), Fact::NotRead);
    assert!(unknown(&it).contains("which ranges vpc-1 has"), "{}", unknown(&it));
    let mut it = clinic(vec![https("0.0.0.0/0")]);
    it.inventory.region_mut(REGION).vpcs.get_mut("vpc-1").unwrap().more_cidr_blocks.push("?".into());
    assert!(unknown(&it).contains("no network"));
    let mut it = clinic(vec![https("0.0.0.0/0")]);
    it.inventory.region_mut(REGION).vpc_endpoints.read(&Selector::All, Fact::unknown("AccessDenied"));
    assert!(unknown(&it).contains("which endpoints have sg-1"), "{}", unknown(&it));
    let mut it = clinic(vec![https("0.0.0.0/0")]);
    it.inventory.region_mut(REGION).vpc_endpoints.get_mut("vpce-1").unwrap().groups.clear();
    assert_eq!(it.propose(), Err(Refusal::Nothing("no interface endpoint has sg-1".into())));
}

#[test]
fn a_finding_on_a_group_that_others_use_is_refused_and_theirs_are_not() {
    let declines = |it: &Clinic, check: &str| {
        let group = it.inventory.owner.security_group(REGION, "sg-1");
        TightenSecurityGroup.declines(&it.inventory, check, &group, &json!({}))
    };
    let own = clinic(vec![https("0.0.0.0/0")]);
    assert_eq!(declines(&own, OPEN_GROUP), Ok(()));
    let shared = clinic(vec![https("0.0.0.0/0")]).instance("running", &["sg-1"]);
    match declines(&shared, OPEN_GROUP) {
        Err(Refusal::Refused(why)) => {
            assert!(why.contains("eni-1 of i-1") && why.contains("a group of its own"), "{why}")
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(declines(&shared, ALL), Ok(()));
    let mut unread = clinic(vec![https("0.0.0.0/0")]);
    unread.inventory.region_mut(REGION).network_interfaces.read(&Selector::All, Fact::NotRead);
    assert!(matches!(declines(&unread, OPEN_GROUP), Err(Refusal::Unknown(why)) if why.contains("sg-1")));
}

#[test]
fn more_is_read_only_where_an_endpoint_is_behind_the_group() {
    let wants = |it: &Clinic| {
        let context =
            Context { inventory: &it.inventory, region: REGION, checks: &it.checks, options: &it.options };
        let group = it.inventory.owner.security_group(REGION, "sg-1");
        TightenSecurityGroup.needs(&context, &group, &json!({}))
    };
    let endpoints = Want::all(REGION, FamilyKind::VpcEndpoints);
    let vpc = Want::id(REGION, FamilyKind::Vpcs, "vpc-1");
    let asked = wants(&clinic(vec![https("0.0.0.0/0")]));
    assert!(asked.contains(&endpoints) && asked.contains(&vpc));
    let other = wants(&clinic(vec![https("0.0.0.0/0")]).checks(&[ALL]));
    assert!(!other.contains(&endpoints) && other.contains(&vpc));
    let none = wants(&Clinic::new(vec![ssh("0.0.0.0/0")]));
    assert!(!none.contains(&endpoints) && !none.contains(&vpc));
}
