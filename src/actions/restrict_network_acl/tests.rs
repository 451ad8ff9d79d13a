//! Tests of `restrict-network-acl`: which entries are added, where, and what is refused.

use serde_json::json;

use super::*;
use crate::{
    actions::{Options, make::sound},
    inventory::{AclEntry, Caller, Fact, Inventory, Selector},
    resource::Owner,
};

const R: &str = "us-east-1";
const ACCOUNT: &str = "123456789012";

fn entry(action: &str, protocol: &str, ports: Option<(i32, i32)>, network: &str) -> AclEntry {
    let v6 = network.contains(':');
    AclEntry {
        action: action.into(),
        protocol: protocol.into(),
        cidr_block: (!v6).then(|| network.into()),
        ipv6_cidr_block: v6.then(|| network.into()),
        from_port: ports.map(|(from, _)| from),
        to_port: ports.map(|(_, to)| to),
        ..AclEntry::default()
    }
}

fn everything(network: &str) -> AclEntry {
    entry("allow", "-1", None, network)
}

/// Builds an account with one network ACL that has these inbound entries and AWS's own last one.
fn account(entries: &[(i32, AclEntry)]) -> Inventory {
    let owner = Owner { partition: "aws".into(), account: ACCOUNT.into() };
    let mut it = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
    let region = it.region_mut(R);
    let mut inbound: std::collections::BTreeMap<i32, AclEntry> = entries.iter().cloned().collect();
    inbound.insert(32_767, entry("deny", "-1", None, "0.0.0.0/0"));
    let acl = NetworkAcl {
        id: "acl-1".into(),
        vpc_id: "vpc-1".into(),
        owner_id: ACCOUNT.into(),
        subnets: vec!["subnet-1".into(), "subnet-2".into()],
        inbound,
        ..NetworkAcl::default()
    };
    region.network_acls.read(&Selector::All, Fact::Known(()));
    region.network_acls.put("acl-1", acl);
    let vpc = Vpc {
        id: "vpc-1".into(),
        cidr_block: "10.10.0.0/16".into(),
        more_cidr_blocks: vec!["10.11.0.0/16".into(), "2001:db8:10::/56".into()],
        owner_id: ACCOUNT.into(),
        ..Vpc::default()
    };
    region.vpcs.put("vpc-1", vpc);
    it
}

fn acl(it: &mut Inventory) -> &mut NetworkAcl {
    it.region_mut(R).network_acls.get_mut("acl-1").unwrap()
}

fn propose_with(
    it: &Inventory,
    checks: &[&str],
    with: Value,
    options: &Options,
) -> Result<Proposal, Refusal> {
    let checks: Vec<String> = checks.iter().map(|c| (*c).to_owned()).collect();
    let context = Context { inventory: it, region: R, checks: &checks, options };
    RestrictNetworkAcl.propose(&context, &it.owner.ec2(R, "network-acl", "acl-1"), &with)
}

fn propose(it: &Inventory, with: Value) -> Result<Proposal, Refusal> {
    propose_with(it, &[OPEN_ADMIN_PORT], with, &Options::default())
}

fn added(proposal: &Proposal) -> Vec<&str> {
    sound::steps(&proposal.steps);
    proposal.steps.iter().map(|step| step.title.as_str()).collect()
}

fn refused<T: std::fmt::Debug>(result: Result<T, Refusal>) -> String {
    match result {
        Err(Refusal::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_vpc_and_the_named_networks_come_before_the_deny() {
    let it = account(&[(100, everything("0.0.0.0/0"))]);
    let proposal = propose(&it, json!({ "allow": ["203.0.113.0/24"] })).unwrap();
    assert_eq!(
        added(&proposal),
        [
            "add entry 97: allow tcp/22 from 10.10.0.0/15",
            "add entry 98: allow tcp/22 from 203.0.113.0/24",
            "add entry 99: deny tcp/22 from 0.0.0.0/0",
        ]
    );
    assert_eq!(proposal.steps[0].act.call.input["CidrBlock"], "10.10.0.0/15");
    assert_eq!(proposal.proof.len(), 1);
}

#[test]
fn each_family_has_numbers_of_its_own() {
    let it = account(&[(100, everything("0.0.0.0/0")), (101, everything("::/0"))]);
    assert_eq!(
        added(&propose(&it, json!({})).unwrap()),
        [
            "add entry 98: allow tcp/22 from 10.10.0.0/15",
            "add entry 99: deny tcp/22 from 0.0.0.0/0",
            "add entry 96: allow tcp/22 from 2001:db8:10::/56",
            "add entry 97: deny tcp/22 from ::/0",
        ]
    );
}

#[test]
fn numbers_that_are_taken_in_either_direction_are_left() {
    let mut it =
        account(&[(99, entry("allow", "17", Some((53, 53)), "0.0.0.0/0")), (100, everything("0.0.0.0/0"))]);
    acl(&mut it).outbound.insert(98, everything("0.0.0.0/0"));
    assert_eq!(
        added(&propose(&it, json!({})).unwrap()),
        ["add entry 96: allow tcp/22 from 10.10.0.0/15", "add entry 97: deny tcp/22 from 0.0.0.0/0"]
    );
}

#[test]
fn earlier_entries_keep_their_place_and_later_ones_their_networks() {
    let it = account(&[
        (50, entry("deny", "6", Some((22, 22)), "198.51.100.0/24")),
        (100, everything("0.0.0.0/0")),
        (110, entry("allow", "6", Some((22, 22)), "192.0.2.0/24")),
    ]);
    assert_eq!(
        added(&propose(&it, json!({ "allow": ["198.51.100.0/24"] })).unwrap()),
        [
            "add entry 97: allow tcp/22 from 10.10.0.0/15",
            "add entry 98: allow tcp/22 from 192.0.2.0/24",
            "add entry 99: deny tcp/22 from 0.0.0.0/0",
        ],
        "nobody gains what entry 50 denies, and nobody loses what entry 110 names"
    );
}

#[test]
fn there_must_be_room_below_the_entry_that_opens() {
    let why = refused(propose(&account(&[(1, everything("0.0.0.0/0"))]), json!({})));
    assert!(why.contains("below 1") && why.contains("renumber"), "{why}");
    let between = account(&[
        (99, entry("deny", "6", Some((22, 22)), "198.51.100.0/24")),
        (100, everything("0.0.0.0/0")),
    ]);
    assert!(refused(propose(&between, json!({}))).contains("between 99 and 100"));
    let many: Vec<_> = (200..217).map(|n| (n, entry("allow", "17", Some((n, n)), "0.0.0.0/0"))).collect();
    let full = account(&[vec![(100, everything("0.0.0.0/0"))], many].concat());
    assert!(refused(propose(&full, json!({}))).contains("19 + 2"));
    assert!(propose(&full, json!({ "entry_limit": 21 })).is_ok());
}

#[test]
fn of_a_network_the_part_is_kept_that_comes_in() {
    let it = account(&[
        (100, everything("0.0.0.0/1")),
        (110, entry("deny", "-1", None, "203.0.113.0/25")),
        (120, entry("allow", "-1", None, "203.0.113.0/24")),
    ]);
    let proposal = propose(&it, json!({})).unwrap();
    assert!(added(&proposal).contains(&"add entry 98: allow tcp/22 from 203.0.113.128/25"), "{proposal:?}");
}

#[test]
fn the_impact_names_all_who_still_come_in() {
    let it = account(&[
        (50, entry("allow", "6", Some((22, 22)), "198.51.100.0/24")),
        (60, entry("deny", "6", Some((22, 22)), "10.10.0.0/17")),
        (100, everything("::/0")),
        (110, everything("0.0.0.0/0")),
    ]);
    let impact = propose(&it, json!({})).unwrap().impact;
    let line = "from outside of these subnets, port 22 is reached from 10.10.128.0/17, 10.11.0.0/16, \
                198.51.100.0/24, 2001:db8:10::/56 only";
    assert_eq!(impact[0], line);
    let none = account(&[(100, everything("::/0"))]);
    let mut alone = none.clone();
    let vpc = alone.region_mut(R).vpcs.get_mut("vpc-1").unwrap();
    vpc.more_cidr_blocks.clear();
    assert!(propose(&alone, json!({})).unwrap().impact[0].starts_with("nobody outside"));
}

#[test]
fn a_default_acl_and_one_of_others_are_left() {
    let mut it = account(&[(100, everything("0.0.0.0/0"))]);
    acl(&mut it).is_default = true;
    assert!(refused(propose(&it, json!({}))).contains("default network ACL"));
    acl(&mut it).owner_id = "999988887777".into();
    assert!(refused(propose(&it, json!({}))).contains("999988887777"));
    let mut managed = account(&[(100, everything("0.0.0.0/0"))]);
    acl(&mut managed).tags.insert("aws:cloudformation:stack-name".into(), "net".into());
    assert!(refused(propose(&managed, json!({}))).contains("CloudFormation"));
}

#[test]
fn the_price_of_a_high_port_must_be_accepted() {
    let it = account(&[(100, everything("0.0.0.0/0"))]);
    let declines =
        |check: &str, with: Value| RestrictNetworkAcl.declines(&it, check, &it.owner.root(), &with);
    let why = refused(declines(OPEN_REMOTE_DESKTOP, json!({})));
    assert!(why.contains("3389") && why.contains("ephemeral=true"), "{why}");
    assert_eq!(declines(OPEN_REMOTE_DESKTOP, json!({ "ephemeral": true })), Ok(()));
    assert_eq!(declines(OPEN_ADMIN_PORT, json!({})), Ok(()));
    let both = [OPEN_ADMIN_PORT, OPEN_REMOTE_DESKTOP];
    let proposal = propose_with(&it, &both, json!({ "ephemeral": true }), &Options::default()).unwrap();
    assert_eq!((proposal.steps.len(), proposal.proof.len()), (4, 2));
    assert!(proposal.impact.iter().any(|line| line.contains("64,000")), "{:?}", proposal.impact);
}

#[test]
fn your_own_address_is_not_cut() {
    let it = account(&[(100, everything("0.0.0.0/0"))]);
    let me = |allow_lockout| Options {
        my_address: Some(("203.0.113.7".parse().unwrap(), "--my-address".into())),
        allow_lockout,
        ..Options::default()
    };
    let with = |with, options: &Options| propose_with(&it, &[OPEN_ADMIN_PORT], with, options);
    assert!(refused(with(json!({}), &me(false))).contains("203.0.113.7"));
    let note = |proposal: Proposal| proposal.guards.into_iter().find(|g| g.guard == LOCK_OUT).unwrap().result;
    assert_eq!(note(with(json!({}), &me(true)).unwrap()).word(), "loosened");
    let kept = with(json!({ "allow": ["203.0.113.0/24"] }), &me(false)).unwrap();
    assert_eq!(note(kept).word(), "passed");
    assert_eq!(note(propose(&it, json!({})).unwrap()).word(), "not-checked");
}

#[test]
fn what_is_not_known_or_not_understood_never_acts() {
    let mut it = account(&[(100, everything("0.0.0.0/0"))]);
    it.region_mut(R).vpcs.items.insert("vpc-1".into(), Fact::unknown("AccessDenied"));
    assert!(matches!(propose(&it, json!({})), Err(Refusal::Unknown(_))));
    let odd = account(&[(90, entry("count", "-1", None, "0.0.0.0/0")), (100, everything("0.0.0.0/0"))]);
    assert!(matches!(propose(&odd, json!({})), Err(Refusal::Unknown(_))));
    let closed = account(&[(100, entry("allow", "6", Some((443, 443)), "0.0.0.0/0"))]);
    assert!(matches!(propose(&closed, json!({})), Err(Refusal::Nothing(_))));
}

#[test]
fn flow_logs_are_asked_about_the_port_in_the_subnets_of_the_acl() {
    let it = account(&[(100, everything("0.0.0.0/0"))]);
    let (checks, options) = ([OPEN_ADMIN_PORT.to_owned()], Options::default());
    let context = Context { inventory: &it, region: R, checks: &checks, options: &options };
    let with = json!({ "allow": ["203.0.113.0/24"] });
    let all = RestrictNetworkAcl.closes(&context, &it.owner.ec2(R, "network-acl", "acl-1"), &with).unwrap();
    let [one] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!(
        (one.closes.as_str(), one.traffic.ports, one.stateful),
        ("tcp 22 at acl-1", Some((22, 22)), false)
    );
    let texts = |nets: &[IpNet]| nets.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(texts(&one.peers), ["0.0.0.0/0"]);
    assert_eq!(texts(&one.stays[0].peers), ["10.10.0.0/15", "203.0.113.0/24"]);
    assert!(one.at.has(&[], "subnet-2") && !one.at.has(&[], "subnet-3"));
}
