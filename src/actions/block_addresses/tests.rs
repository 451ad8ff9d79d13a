//! Blocks on small accounts: which entries are added, where, and what is never blocked.

use serde_json::json;

use super::*;
use crate::{
    actions::{Options, make::sound},
    checks,
    finding::Verdict,
    inventory::{AclEntry, Caller, Fact, PrefixList, Selector, Vpc},
    resource::Owner,
};

const R: &str = "us-east-1";
const ACCOUNT: &str = "123456789012";

fn entry(action: &str, protocol: &str, network: &str) -> AclEntry {
    let v6 = network.contains(':');
    AclEntry {
        action: action.into(),
        protocol: protocol.into(),
        cidr_block: (!v6).then(|| network.into()),
        ipv6_cidr_block: v6.then(|| network.into()),
        ..AclEntry::default()
    }
}

/// Builds an account with a default network ACL that lets everything pass under number 100, both ways.
fn account() -> Inventory {
    let owner = Owner { partition: "aws".into(), account: ACCOUNT.into() };
    let mut it = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
    let region = it.region_mut(R);
    let all = [(100, entry("allow", "-1", "0.0.0.0/0")), (101, entry("allow", "-1", "::/0"))];
    let acl = NetworkAcl {
        id: "acl-1".into(),
        vpc_id: "vpc-1".into(),
        owner_id: ACCOUNT.into(),
        is_default: true,
        subnets: vec!["subnet-1".into()],
        inbound: all.clone().into(),
        outbound: all.into(),
        ..NetworkAcl::default()
    };
    region.network_acls.read(&Selector::All, Fact::Known(()));
    region.network_acls.put("acl-1", acl);
    let vpc = Vpc {
        id: "vpc-1".into(),
        cidr_block: "10.10.0.0/16".into(),
        more_cidr_blocks: vec!["2001:db8:10::/56".into()],
        owner_id: ACCOUNT.into(),
        ..Vpc::default()
    };
    region.vpcs.put("vpc-1", vpc);
    it
}

fn acl(it: &mut Inventory) -> &mut NetworkAcl {
    it.region_mut(R).network_acls.get_mut("acl-1").unwrap()
}

fn propose_with(it: &Inventory, with: Value, options: &Options) -> Result<Proposal, Refusal> {
    let context = Context { inventory: it, region: R, checks: &[], options };
    BlockAddresses.propose(&context, &it.owner.ec2(R, "network-acl", "acl-1"), &with)
}

fn propose(it: &Inventory, addresses: &[&str]) -> Result<Proposal, Refusal> {
    propose_with(it, json!({ "addresses": addresses }), &Options::default())
}

fn refused(result: Result<Proposal, Refusal>) -> String {
    match result {
        Err(Refusal::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_network_is_denied_both_ways_below_the_entry_that_lets_it_pass_after_its_end_is_recorded() {
    let with = json!({ "addresses": ["203.0.113.7/32"], "until": "2026-12-08T10:00:00Z" });
    let proposal = propose_with(&account(), with, &Options::default()).unwrap();
    sound::steps(&proposal.steps);
    assert_eq!(sound::names(&proposal.steps), ["tag-203.0.113.7/32", "deny-99", "deny-98-out"]);
    assert_eq!(
        proposal.steps[0].act.call.input["Tags"],
        json!([{ "Key": "redress:block:203.0.113.7/32", "Value": "in 99 out 98 until 2026-12-08T10:00:00Z" }])
    );
    assert_eq!(
        proposal.steps[2].act.call.input,
        json!({ "NetworkAclId": "acl-1", "RuleNumber": 98, "Protocol": "-1", "RuleAction": "deny",
            "Egress": true,
            "CidrBlock": "203.0.113.7/32" })
    );
    assert_eq!(proposal.after["inbound"][0], json!("   99 deny all traffic from 203.0.113.7/32"));
    assert_eq!(proposal.after["outbound"][0], json!("   98 deny all traffic to 203.0.113.7/32"));
    assert_eq!(proposal.risk, Risk::Disruptive);
    let v6 = propose(&account(), &["2001:db8:666::/64"]).unwrap();
    assert_eq!(
        v6.steps[1].act.call.input["RuleNumber"],
        json!(100 - 1),
        "below 101, which 100 is not free for"
    );
}

#[test]
fn what_others_block_already_is_left_and_an_own_block_can_get_another_end() {
    let mut it = account();
    for egress in DIRECTIONS {
        acl(&mut it).entries_mut(egress).insert(50, entry("deny", "-1", "203.0.113.0/24"));
    }
    assert!(matches!(propose(&it, &["203.0.113.7/32"]), Err(Refusal::Nothing(_))));
    let block =
        Block { network: "203.0.113.7/32".parse().unwrap(), numbers: [Some(99), Some(98)], until: None };
    let (key, value) = block.tag();
    acl(&mut it).tags.insert(key, value);
    let with = json!({ "addresses": ["203.0.113.7/32"], "until": "2026-12-08T10:00:00Z" });
    let proposal = propose_with(&it, with.clone(), &Options::default()).unwrap();
    assert_eq!(sound::names(&proposal.steps), ["tag-203.0.113.7/32"]);
    assert!(proposal.impact.iter().any(|line| line.contains("only its end changes")));
    let verdict = |with: &Value| {
        let check = checks::find(UNBLOCKED).unwrap();
        (check.judge)(&it, &it.owner.ec2(R, "network-acl", "acl-1"), with)
    };
    assert!(matches!(verdict(&with), Verdict::Violates(_)));
    assert_eq!(verdict(&json!({ "addresses": ["203.0.113.7/32"] })), Verdict::Ok(None));
}

#[test]
fn the_vpc_itself_aws_and_the_person_are_never_blocked() {
    for own in ["10.10.3.4/32", "10.0.0.0/8", "2001:db8:10::5/128", "169.254.169.254/32", "fd00:ec2::254/128"]
    {
        assert!(refused(propose(&account(), &[own])).contains("is of "), "{own}");
    }
    let me = Options {
        my_address: Some(("203.0.113.7".parse().unwrap(), "--my-address".into())),
        allow_lockout: true,
        ..Options::default()
    };
    let why = refused(propose_with(&account(), json!({ "addresses": ["203.0.113.0/24"] }), &me));
    assert!(why.contains("your own address 203.0.113.7"), "{why}");
    let mut it = account();
    let list = PrefixList {
        id: "pl-1".into(),
        name: "com.amazonaws.us-east-1.route53-healthchecks".into(),
        owner_id: "AWS".into(),
        max_entries: None,
        entries: Fact::Known(vec!["198.51.100.128/26".into()]),
    };
    it.region_mut(R).prefix_lists.read(&Selector::by("prefix-list-name", &list.name), Fact::Known(()));
    it.region_mut(R).prefix_lists.put("pl-1", list);
    assert!(refused(propose(&it, &["198.51.100.130/32"])).contains("Route 53 checks health"));
    let notes = propose(&it, &["203.0.113.7/32"]).unwrap().guards;
    let checkers = notes.iter().find(|note| note.guard == "health-checkers").unwrap();
    assert_eq!(checkers.result.word(), "not-checked", "the list of IPv6 was not read");
}

#[test]
fn numbers_and_room_must_be_there() {
    let mut low = account();
    acl(&mut low).inbound.insert(1, entry("allow", "6", "0.0.0.0/0"));
    assert!(refused(propose(&low, &["203.0.113.7/32"])).contains("no free number below 1"));
    let mut full = account();
    for number in 200..217 {
        acl(&mut full).outbound.insert(number, entry("allow", "17", "198.51.100.0/24"));
    }
    assert!(refused(propose(&full, &["203.0.113.7/32"])).contains("outbound entries"));
    let more = json!({ "addresses": ["203.0.113.7/32"], "entry_limit": 40 });
    propose_with(&full, more, &Options::default()).unwrap();
    let mut odd = account();
    acl(&mut odd).inbound.insert(1, entry("count", "-1", "0.0.0.0/0"));
    assert!(matches!(propose(&odd, &["203.0.113.7/32"]), Err(Refusal::Unknown(_))));
}
