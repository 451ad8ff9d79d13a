//! The verdicts on rules that look alike: the bad ones, and every one that only looks bad.

use super::*;
use crate::{
    inventory::{Caller, PrefixList, SecurityGroup},
    resource::Owner,
};

/// The exposures of ports, in the order of the checks.
const OF_PORTS: [Exposure; 4] =
    [Exposure::AdminPort, Exposure::DatabasePort, Exposure::AllTraffic, Exposure::OtherPort];
const REGION: &str = "us-east-1";

fn rule(id: &str, protocol: &str, from: i32, to: i32, source: &str) -> SecurityGroupRule {
    let mut rule = SecurityGroupRule {
        id: id.into(),
        group_id: "sg-1".into(),
        ip_protocol: protocol.into(),
        from_port: from,
        to_port: to,
        ..SecurityGroupRule::default()
    };
    match source {
        s if s.starts_with("pl-") => rule.prefix_list_id = Some(s.into()),
        s if s.starts_with("sg-") => rule.referenced_group_id = Some(s.into()),
        s if s.contains(':') => rule.cidr_ipv6 = Some(s.into()),
        s => rule.cidr_ipv4 = Some(s.into()),
    }
    rule
}

fn account(rules: Vec<SecurityGroupRule>, lists: Vec<PrefixList>) -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let mut inventory = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
    let region = inventory.region_mut(REGION);
    region.security_groups.read(&Selector::All, Fact::Known(()));
    region.security_groups.put(
        "sg-1",
        SecurityGroup { id: "sg-1".into(), owner_id: "123456789012".into(), ..SecurityGroup::default() },
    );
    region.security_group_rules.read(&Selector::All, Fact::Known(()));
    for rule in rules {
        region.security_group_rules.put(rule.id.clone(), rule);
    }
    for list in lists {
        region.prefix_lists.put(list.id.clone(), list);
    }
    inventory
}

fn says(rules: Vec<SecurityGroupRule>) -> [&'static str; 4] {
    says_with(rules, Vec::new())
}

fn says_with(rules: Vec<SecurityGroupRule>, lists: Vec<PrefixList>) -> [&'static str; 4] {
    let inventory = account(rules, lists);
    let resource = inventory.owner.security_group(REGION, "sg-1");
    OF_PORTS.map(|e| judge(&inventory, &resource, e, &Value::Null).word())
}

const NONE: [&str; 4] = ["ok", "ok", "ok", "ok"];
const ADMIN: [&str; 4] = ["violates", "ok", "ok", "ok"];
const DATA: [&str; 4] = ["ok", "violates", "ok", "ok"];
const EVERYTHING: [&str; 4] = ["ok", "ok", "violates", "ok"];
const OTHER: [&str; 4] = ["ok", "ok", "ok", "violates"];

#[test]
fn a_listed_port_open_to_the_world_violates_over_tcp_and_udp_by_word_and_by_number() {
    for (protocol, port) in
        [("tcp", 22), ("6", 22), ("tcp", 445), ("udp", 3389), ("17", 161), ("tcp", 5985), ("tcp", 5986)]
    {
        assert_eq!(says(vec![rule("sgr-1", protocol, port, port, "0.0.0.0/0")]), ADMIN, "{protocol} {port}");
        assert_eq!(says(vec![rule("sgr-1", protocol, port, port, "::/0")]), ADMIN, "{protocol} {port}");
    }
    assert_eq!(says(vec![rule("sgr-1", "tcp", 5432, 5432, "0.0.0.0/0")]), DATA);
    assert_eq!(says(vec![rule("sgr-1", "udp", 11211, 11211, "::/0")]), DATA);
}

#[test]
fn a_range_counts_for_every_list_that_it_meets() {
    assert_eq!(
        says(vec![rule("sgr-1", "tcp", 20, 4000, "0.0.0.0/0")]),
        ["violates", "violates", "ok", "violates"]
    );
    assert_eq!(says(vec![rule("sgr-1", "tcp", 8000, 8085, "0.0.0.0/0")]), OTHER);
}

#[test]
fn everything_open_is_one_finding_and_the_port_checks_say_where_it_is() {
    for (protocol, from, to) in [
        ("-1", -1, -1),
        ("tcp", 0, 65535),
        ("udp", 0, 65535),
        ("tcp", 1, 65535),
        ("tcp", -1, -1),
        ("6", 0, 65535),
    ] {
        assert_eq!(
            says(vec![rule("sgr-1", protocol, from, to, "0.0.0.0/0")]),
            EVERYTHING,
            "{protocol} {from}-{to}"
        );
    }
    let inventory = account(vec![rule("sgr-1", "-1", -1, -1, "::/0")], vec![]);
    let resource = inventory.owner.security_group(REGION, "sg-1");
    assert!(matches!(judge(&inventory, &resource, Exposure::AdminPort, &Value::Null),
            Verdict::Ok(Some(note)) if note.contains("sgr-1") && note.contains("all-traffic")));
}

#[test]
fn a_rule_for_a_port_beside_one_for_everything_is_a_finding_of_its_own() {
    let rules = vec![rule("sgr-1", "-1", -1, -1, "0.0.0.0/0"), rule("sgr-2", "tcp", 22, 22, "0.0.0.0/0")];
    assert_eq!(says(rules), ["violates", "ok", "violates", "ok"]);
}

#[test]
fn what_only_looks_open_is_not() {
    let innocent = [
        rule("sgr-1", "tcp", 443, 443, "0.0.0.0/0"),
        rule("sgr-2", "tcp", 22, 22, "203.0.113.0/24"),
        rule("sgr-3", "tcp", 22, 22, "10.0.0.0/8"),
        rule("sgr-4", "tcp", 22, 22, "fc00::/7"),
        rule("sgr-5", "tcp", 22, 22, "sg-2"),
        rule("sgr-6", "-1", -1, -1, "sg-1"),
        rule("sgr-7", "icmp", 8, -1, "0.0.0.0/0"),
        rule("sgr-8", "icmp", 22, 22, "0.0.0.0/0"),
        rule("sgr-9", "1", 22, 22, "0.0.0.0/0"),
        rule("sgr-10", "icmpv6", 22, 22, "::/0"),
        rule("sgr-11", "58", -1, -1, "::/0"),
        rule("sgr-12", "50", -1, -1, "0.0.0.0/0"),
        rule("sgr-13", "tcp", 80, 80, "::/0"),
    ];
    for innocent in &innocent {
        assert_eq!(says(vec![innocent.clone()]), NONE, "{}", traffic::line(innocent));
    }
    assert_eq!(says(innocent.to_vec()), NONE);
}

fn other(rules: Vec<SecurityGroupRule>, with: &Value) -> Verdict {
    let inventory = account(rules, vec![]);
    judge(&inventory, &inventory.owner.security_group(REGION, "sg-1"), Exposure::OtherPort, with)
}

#[test]
fn a_port_that_nobody_has_authorised_violates_over_tcp_and_udp() {
    for (protocol, port) in [("tcp", 8080), ("6", 25), ("udp", 53), ("udp", 443), ("udp", 514), ("17", 27017)]
    {
        for source in ["0.0.0.0/0", "::/0", "0.0.0.0/1"] {
            assert_eq!(says(vec![rule("sgr-1", protocol, port, port, source)]), OTHER, "{protocol} {port}");
        }
    }
    assert_eq!(says(vec![rule("sgr-1", "tcp", 80, 443, "0.0.0.0/0")])[3], "violates", "81 to 442 are open");
    assert_eq!(says(vec![rule("sgr-1", "tcp", 22, 23, "0.0.0.0/0")]), ADMIN, "each of its ports is listed");
    let quarters = ["0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/2"];
    let rules: Vec<_> =
        (0..4).map(|n| rule(&format!("sgr-{n}"), "tcp", 8000 + n, 9000, quarters[n as usize])).collect();
    let Verdict::Violates(evidence) = other(rules, &Value::Null) else { panic!("ok") };
    assert_eq!(evidence["rules"].as_array().unwrap().len(), 4, "they meet at 8003 to 9000");
}

#[test]
fn what_is_authorised_is_open_on_purpose_and_nothing_beside_it() {
    let with = json!({ AUTHORISED: ["tcp/443", "udp/1194", "tcp/8000-8010"] });
    let open = |protocol, from, to| other(vec![rule("sgr-1", protocol, from, to, "0.0.0.0/0")], &with).word();
    for (protocol, from, to) in
        [("tcp", 443, 443), ("udp", 1194, 1194), ("tcp", 8000, 8010), ("tcp", 8003, 8003)]
    {
        assert_eq!(open(protocol, from, to), "ok", "{protocol} {from}-{to}");
    }
    for (protocol, from, to) in
        [("tcp", 80, 80), ("tcp", 1194, 1194), ("tcp", 8000, 8011), ("tcp", 7999, 8001)]
    {
        assert_eq!(open(protocol, from, to), "violates", "{protocol} {from}-{to}");
    }
    let none = json!({ AUTHORISED: [] });
    assert_eq!(other(vec![rule("sgr-1", "tcp", 443, 443, "0.0.0.0/0")], &none).word(), "violates");
    let broken = json!({ AUTHORISED: ["443"] });
    assert_eq!(other(vec![], &broken).word(), "unknown", "nothing is taken for authorised");
}

/// The ports of Security Hub's EC2.19.
#[rustfmt::skip]
const HIGH_RISK: [i32; 24] = [20, 21, 22, 23, 25, 110, 135, 143, 445, 1433, 1434, 3000, 3306, 3389, 4333, 5000,
    5432, 5500, 5601, 8080, 8088, 8888, 9200, 9300];

#[test]
fn every_port_but_80_and_443_is_found_by_some_check_so_that_together_they_answer_ec2_18_and_ec2_19() {
    for port in (1..=65535).step_by(97).chain(HIGH_RISK) {
        let found = says(vec![rule("sgr-1", "tcp", port, port, "0.0.0.0/0")]);
        assert_eq!(found.contains(&"violates"), ![80, 443].contains(&port), "{port}");
    }
}

#[test]
fn traffic_that_leaves_is_not_judged() {
    let out = SecurityGroupRule { is_egress: true, ..rule("sgr-1", "-1", -1, -1, "0.0.0.0/0") };
    assert_eq!(says(vec![out]), NONE);
}

#[test]
fn halves_and_quarters_are_the_world_and_every_one_of_them_is_named() {
    let quarters = ["0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/2"];
    let rules: Vec<_> =
        quarters.iter().enumerate().map(|(n, q)| rule(&format!("sgr-{n}"), "tcp", 22, 22, q)).collect();
    let inventory = account(rules, vec![]);
    let Verdict::Violates(evidence) =
        judge(&inventory, &inventory.owner.security_group(REGION, "sg-1"), Exposure::AdminPort, &Value::Null)
    else {
        panic!("ok")
    };
    assert_eq!(evidence["rules"].as_array().unwrap().len(), 4);
}

#[test]
fn evidence_names_rule_source_ports_and_services() {
    let open = SecurityGroupRule {
        description: Some("temporary".into()),
        ..rule("sgr-9", "tcp", 20, 25, "0.0.0.0/0")
    };
    let inventory = account(vec![open], vec![]);
    let Verdict::Violates(evidence) =
        judge(&inventory, &inventory.owner.security_group(REGION, "sg-1"), Exposure::AdminPort, &Value::Null)
    else {
        panic!("ok")
    };
    let expected = json!({ "rules": [{
        "rule": "sgr-9", "source": "0.0.0.0/0", "protocol": "tcp", "ports": "20-25", "services": ["22 SSH",
        "23 Telnet"], "description": "temporary"
    }] });
    assert_eq!(evidence, expected);
}

fn list(entries: Fact<Vec<String>>) -> PrefixList {
    PrefixList { id: "pl-1".into(), entries, ..PrefixList::default() }
}

#[test]
fn a_prefix_list_is_as_open_as_its_entries() {
    let ssh = || vec![rule("sgr-1", "tcp", 22, 22, "pl-1")];
    let entries = |all: &[&str]| list(Fact::Known(all.iter().map(|s| s.to_string()).collect()));
    assert_eq!(says_with(ssh(), vec![entries(&["203.0.113.0/24", "0.0.0.0/0"])]), ADMIN);
    assert_eq!(says_with(ssh(), vec![entries(&["0.0.0.0/1", "128.0.0.0/1"])]), ADMIN);
    assert_eq!(says_with(ssh(), vec![entries(&["203.0.113.0/24"])]), NONE);
}

#[test]
fn a_prefix_list_that_was_not_read_makes_the_check_unknown_unless_another_rule_violates_it() {
    let ssh = rule("sgr-1", "tcp", 22, 22, "pl-1");
    let denied = || list(Fact::Unknown("UnauthorizedOperation".into()));
    assert_eq!(says(vec![ssh.clone()]), ["unknown", "ok", "ok", "ok"]);
    assert_eq!(says_with(vec![ssh.clone()], vec![denied()]), ["unknown", "ok", "ok", "ok"]);
    assert_eq!(
        says_with(vec![rule("sgr-1", "-1", -1, -1, "pl-1")], vec![denied()]),
        ["ok", "ok", "unknown", "ok"]
    );
    assert_eq!(says_with(vec![ssh, rule("sgr-2", "tcp", 22, 22, "0.0.0.0/0")], vec![denied()]), ADMIN);
    assert_eq!(says_with(vec![rule("sgr-1", "tcp", 443, 443, "pl-1")], vec![denied()]), NONE);
}

#[test]
fn a_listing_that_was_not_read_is_never_fine() {
    let mut inventory = account(vec![], vec![]);
    let resource = inventory.owner.security_group(REGION, "sg-1");
    let regions = [REGION.to_owned()];
    inventory
        .region_mut(REGION)
        .security_group_rules
        .read(&Selector::All, Fact::Unknown("AccessDenied".into()));
    assert_eq!(judge(&inventory, &resource, Exposure::AdminPort, &Value::Null).word(), "unknown");
    assert_eq!(resources(&inventory, &regions), [resource]);
    inventory.region_mut(REGION).security_groups.read(&Selector::All, Fact::Unknown("AccessDenied".into()));
    assert_eq!(silence(&inventory, REGION).as_deref(), Some("security groups: AccessDenied"));
    assert!(resources(&inventory, &regions).is_empty());
    assert_eq!(silence(&inventory, "eu-west-1").as_deref(), Some("not read"));
}

#[test]
fn what_must_be_read_for_one_group_grows_with_what_is_known() {
    let inventory = account(vec![rule("sgr-1", "tcp", 22, 22, "pl-1")], vec![]);
    let resource = inventory.owner.security_group(REGION, "sg-1");
    assert!(reads_one(&inventory, &resource, Exposure::AdminPort, &Value::Null).contains(&Want::id(
        REGION,
        FamilyKind::PrefixLists,
        "pl-1"
    )));
    let other = inventory.owner.security_group("eu-west-1", "sg-1");
    assert_eq!(reads_one(&inventory, &other, Exposure::AdminPort, &Value::Null).len(), 2);
}

#[test]
fn the_listing_of_groups_alone_shows_only_that_a_group_is_closed() {
    let shown = |rules: Vec<SecurityGroupRule>| {
        let mut inventory = account(Vec::new(), Vec::new());
        let region = inventory.region_mut(REGION);
        region.security_group_rules = Family::default();
        let unnamed = rules
            .into_iter()
            .map(|rule| SecurityGroupRule { id: String::new(), group_id: String::new(), ..rule })
            .collect();
        region.security_groups.get_mut("sg-1").unwrap().inbound = Fact::Known(unnamed);
        let resource = inventory.owner.security_group(REGION, "sg-1");
        let asked = OF_PORTS.map(|e| !reads_one(&inventory, &resource, e, &Value::Null).is_empty());
        let verdicts = OF_PORTS.map(|e| judge(&inventory, &resource, e, &Value::Null).word());
        for (asked, verdict) in asked.into_iter().zip(verdicts) {
            assert_eq!(
                asked,
                verdict == "unknown",
                "the rules are read where the listing does not settle it"
            );
        }
        verdicts
    };
    assert_eq!(shown(vec![]), NONE);
    assert_eq!(
        shown(vec![
            rule("a", "tcp", 22, 22, "10.0.0.0/8"),
            rule("b", "tcp", 443, 443, "0.0.0.0/0"),
            rule("c", "-1", -1, -1, "sg-2")
        ]),
        NONE
    );
    assert_eq!(shown(vec![rule("a", "tcp", 22, 22, "0.0.0.0/0")]), ["unknown", "ok", "ok", "ok"]);
    assert_eq!(
        shown(vec![rule("a", "tcp", 3306, 3306, "0.0.0.0/1"), rule("b", "tcp", 3306, 3306, "128.0.0.0/1")]),
        ["ok", "unknown", "ok", "ok"]
    );
    assert_eq!(
        shown(vec![rule("a", "-1", -1, -1, "::/0")]),
        ["unknown", "unknown", "unknown", "unknown"],
        "the notes name the rule"
    );
    assert_eq!(
        shown(vec![rule("a", "tcp", 22, 22, "pl-1")]),
        ["unknown", "ok", "ok", "ok"],
        "a prefix list may hold the world"
    );
}

#[test]
fn a_group_of_another_account_is_not_a_resource_of_this_one() {
    let mut inventory = account(vec![], vec![]);
    let shared =
        SecurityGroup { id: "sg-2".into(), owner_id: "999999999999".into(), ..SecurityGroup::default() };
    inventory.region_mut(REGION).security_groups.put("sg-2", shared);
    let own: Vec<String> =
        resources(&inventory, &[REGION.to_owned()]).iter().map(|r| r.id().to_owned()).collect();
    assert_eq!(own, ["sg-1"]);
}
