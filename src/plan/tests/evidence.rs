//! Evidence of use in a plan: which interfaces are asked about, and that it is no part of the work.

use super::*;
use crate::{
    evidence::{Count, Source, Use},
    inventory::{NetworkInterface, Want},
    plan::{
        Change, digest,
        evidence::{Asked, allow, needs},
        propose::differs,
    },
};

const TIGHTEN: &str = "tighten-security-group";

fn with(allow: &[&str]) -> Value {
    json!({ "strategy": "narrow", "allow": allow, "close_last_way_in": true, "rule_limit": 60 })
}

/// Builds an account of which one group is open, with an interface behind it.
fn open() -> World {
    let mut inventory = account(&["sg-1"]);
    let region = inventory.region_mut(REGION);
    region.network_interfaces.read(&Selector::All, Fact::Known(()));
    region.instances.read(&Selector::All, Fact::Known(()));
    region.network_interfaces.put(
        "eni-1",
        NetworkInterface {
            id: "eni-1".into(),
            groups: vec!["sg-1".into()],
            private_ip: Some("10.0.0.5".into()),
            public_ip: Some("203.0.113.80".into()),
            ..NetworkInterface::default()
        },
    );
    World::new(inventory, vec![playbook("tighten", vec![one(TIGHTEN, with(&[]))])])
}

fn used(flows: u64) -> Use {
    let address = "203.0.113.7".parse().unwrap();
    let peer = Source { address, flows, packets: flows, bytes: 60 * flows, last: None };
    Use {
        closes: "tcp 22 from 0.0.0.0/0".into(),
        interfaces: 1,
        from: Some(now()),
        to: Some(now()),
        accepted: Count { flows, packets: flows, bytes: 60 * flows, peers: vec![peer], ..Count::default() },
        ..Use::default()
    }
}

#[test]
fn the_interfaces_behind_a_group_are_asked_about_with_their_addresses() {
    let world = open();
    let plan = world.plan();
    assert_eq!(plan.changes.len(), 1, "{:?}", plan.skipped);
    let of_group = Want::by(REGION, FamilyKind::NetworkInterfaces, "group-id", "sg-1");
    assert_eq!(needs(&plan, &world.inventory), [of_group].into());
    let asked = Asked::of(&plan, &world.inventory);
    let interfaces = asked.questions[0].interfaces.as_ref().unwrap();
    assert_eq!(interfaces[0].id, "eni-1");
    assert_eq!(interfaces[0].addresses.len(), 2);
    // Where they could not be read, that is the answer.
    let mut denied = account(&["sg-1"]);
    let unread = Fact::unknown("AccessDenied");
    denied.region_mut(REGION).network_interfaces.read(&Selector::All, unread);
    let why = Asked::of(&plan, &denied).questions[0].interfaces.clone().unwrap_err();
    assert!(why.contains("AccessDenied") && why.contains("sg-1"), "{why}");
}

#[test]
fn evidence_is_in_the_file_and_under_the_digest_and_no_part_of_the_work() {
    let world = open();
    let bare = world.plan();
    let mut plan = bare.clone();
    let asked = Asked::of(&plan, &world.inventory);
    let found = asked.answered(vec![used(3)]);
    found.put(&mut plan, &Observed::new());
    assert!(!digest::verify(&plan), "the digest covers the evidence");
    digest::seal(&mut plan);
    let read = digest::parse(&serde_json::to_string(&plan).unwrap()).unwrap();
    assert_eq!(read, plan);
    assert_eq!(read.changes[0].evidence.as_ref().unwrap().uses[0].accepted.flows, 3);
    // Made again without logs it is the same change.
    assert_eq!(differs(&plan.changes[0], &bare.changes[0]), None);
    assert_eq!(plan.changes[0].essence(), bare.changes[0].essence());
    // Plans from before there was evidence have no such member, and neither have those without logs.
    let json = serde_json::to_value(&bare).unwrap();
    assert!(json["changes"][0].get("evidence").is_none());
}

#[test]
fn observed_networks_are_let_in_or_the_change_is_not_made() {
    let world = open();
    let plan = world.plan();
    let found = Asked::of(&plan, &world.inventory).answered(vec![used(3)]);
    let observed = found.observed(&plan);
    let nets = observed[&group("sg-1")].clone().unwrap();
    assert_eq!(nets.iter().map(ToString::to_string).collect::<Vec<_>>(), ["203.0.113.7/32"]);
    let mut use_ = one(TIGHTEN, with(&["198.51.100.0/24"]));
    allow(&mut use_, &nets);
    allow(&mut use_, &nets);
    assert_eq!(use_.with["allow"], json!(["198.51.100.0/24", "203.0.113.7/32"]), "each once");
    let mut other = one("disable-subnet-public-ip", json!({ "allow": [] }));
    allow(&mut other, &nets);
    assert_eq!(other.with, json!({ "allow": [] }), "an action without such a parameter is left");
    // Logs that do not show all: no change is made of it, with the reason.
    let gap = Use { uncovered: 1, uncovered_ids: vec!["eni-1".into()], ..used(3) };
    let observed = Asked::of(&plan, &world.inventory).answered(vec![gap]).observed(&plan);
    let refused = build(Request { observed: &observed, ..world.request() });
    assert!(refused.changes.is_empty());
    let (kind, why) = skipped(&refused, "sg-1");
    assert_eq!(kind, "refused");
    assert!(why.contains("no log covers eni-1"), "{why}");
}

#[test]
fn evidence_of_a_file_is_a_claim_of_the_file() {
    let world = open();
    let mut plan = world.plan();
    Asked::of(&plan, &world.inventory).answered(vec![used(3)]).put(&mut plan, &Observed::new());
    let shown = |change: &Change| crate::evidence::lines(change.evidence.as_ref().unwrap()).join("\n");
    assert!(!shown(&plan.changes[0]).contains("according to the file"));
    plan.changes[0].evidence.as_mut().unwrap().claimed = true;
    assert!(shown(&plan.changes[0]).starts_with("according to the file: tcp 22 from"));
}
