//! The traffic that other groups of an interface still let through is named, and nothing else.

use super::*;
use crate::{actions::RESIDUAL, checks::egress::OPEN_EGRESS};

fn beside(rule: SecurityGroupRule) -> SecurityGroupRule {
    SecurityGroupRule { group_id: "sg-2".into(), ..rule }
}

/// Returns the residual of a clinic whose instance has another group with these rules.
fn residual(it: Clinic, others: Vec<SecurityGroupRule>) -> Vec<String> {
    let mut it = it.instance("stopped", &["sg-1", "sg-2"]);
    for (n, rule) in others.into_iter().enumerate() {
        let id = format!("sgr-beside-{n}");
        let rule = SecurityGroupRule { id: id.clone(), ..beside(rule) };
        it.inventory.region_mut(REGION).security_group_rules.put(id, rule);
    }
    let impact = it.propose().unwrap().impact;
    impact.into_iter().filter(|line| line.starts_with(RESIDUAL)).collect()
}

fn out(rule: SecurityGroupRule) -> SecurityGroupRule {
    SecurityGroupRule { is_egress: true, ..rule }
}

#[test]
fn the_same_traffic_from_the_world_by_another_group_is_named_with_the_group() {
    let it = || Clinic::new(vec![ssh("0.0.0.0/0")]);
    let named = residual(it(), vec![rule("tcp", 20, 30, "0.0.0.0/0"), rule("-1", -1, -1, "0.0.0.0/1")]);
    assert_eq!(
        named,
        ["residual: sg-2, another group of 1 interface(s) behind it, still lets in tcp 20-30 from \
             0.0.0.0/0, all traffic from 0.0.0.0/1"]
    );
    for other in [
        rule("tcp", 80, 80, "0.0.0.0/0"),
        rule("udp", 22, 22, "0.0.0.0/0"),
        ssh("203.0.113.0/24"),
        ssh("10.0.0.0/8"),
        ssh("::/0"),
        ssh("sg-9"),
        out(ssh("0.0.0.0/0")),
    ] {
        assert_eq!(residual(it(), vec![other.clone()]), [""; 0], "{}", traffic::line(&other));
    }
}

#[test]
fn of_the_way_out_everything_that_still_goes_to_the_world_is_named() {
    let all = out(rule("-1", -1, -1, "0.0.0.0/0"));
    let it = || {
        Clinic::new(vec![all.clone()])
            .checks(&[OPEN_EGRESS])
            .with(json!({ "direction": "egress", "keep": ["443/tcp to 0.0.0.0/0"] }))
    };
    let named = residual(it(), vec![all.clone(), out(rule("tcp", 25, 25, "0.0.0.0/0"))]);
    assert!(named[0].contains("still lets out all traffic to 0.0.0.0/0, tcp 25 to 0.0.0.0/0"), "{named:?}");
    assert_eq!(residual(it(), vec![rule("-1", -1, -1, "0.0.0.0/0")]), [""; 0]);
}

#[test]
fn rules_that_were_not_read_are_not_taken_for_none() {
    let mut it = Clinic::new(vec![ssh("0.0.0.0/0")]).instance("stopped", &["sg-1", "sg-2"]);
    let rules = &mut it.inventory.region_mut(REGION).security_group_rules;
    rules.reads.clear();
    rules.read(&Selector::by("group-id", "sg-1"), Fact::Known(()));
    let impact = it.propose().unwrap().impact;
    assert!(
        impact.iter().any(|line| line.starts_with(RESIDUAL) && line.contains("could not find out what sg-2")),
        "{impact:?}"
    );
}
