//! Blocks that have ended, and those that have not.

use serde_json::json;

use super::*;
use crate::{
    actions::{Options, make::sound},
    inventory::{Caller, Fact, Selector},
    resource::Owner,
};

const R: &str = "us-east-1";

/// Builds an account with a network ACL that has a block of each end, with its entries under 90 and 89 and so
/// on.
fn account(ends: &[&str]) -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let mut it = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
    let mut acl = NetworkAcl {
        id: "acl-1".into(),
        owner_id: "123456789012".into(),
        subnets: vec!["subnet-1".into()],
        ..NetworkAcl::default()
    };
    for (n, end) in (1..).zip(ends) {
        let block = Block {
            network: format!("203.0.113.{n}/32").parse().unwrap(),
            numbers: [Some(100 - 2 * n), Some(99 - 2 * n)],
            until: (!end.is_empty()).then(|| end.parse().unwrap()),
        };
        let (key, value) = block.tag();
        acl.tags.insert(key, value);
        for (egress, number) in DIRECTIONS.into_iter().zip(block.numbers) {
            acl.entries_mut(egress).insert(number.unwrap(), Block::entry(&block.network));
        }
    }
    let region = it.region_mut(R);
    region.network_acls.read(&Selector::All, Fact::Known(()));
    region.network_acls.put("acl-1", acl);
    it
}

fn propose(it: &Inventory) -> Result<Proposal, Refusal> {
    let options = Options::default();
    let context = Context { inventory: it, region: R, checks: &[], options: &options };
    LiftBlocks.propose(&context, &it.owner.ec2(R, "network-acl", "acl-1"), &json!({}))
}

#[test]
fn only_what_has_ended_goes_the_tag_last() {
    let it = account(&["2026-11-22T10:00:00Z", "2026-11-22T10:00:01Z", ""]);
    let proposal = propose(&it).unwrap();
    sound::steps(&proposal.steps);
    assert_eq!(sound::names(&proposal.steps), ["remove-98", "remove-97-out", "untag-203.0.113.1/32"]);
    assert_eq!(proposal.after["inbound"].as_array().unwrap().len(), 2);
    let back = sound::going_back(&proposal.steps, &["remove-98"], crate::calls::Purpose::Undo);
    assert_eq!(back, ["CreateNetworkAclEntry remove-98"]);
    assert!(matches!(propose(&account(&["", "2027-01-01T00:00:00Z"])), Err(Refusal::Nothing(_))));
}

#[test]
fn an_entry_that_somebody_has_changed_stays_and_a_tag_that_is_not_understood_acts_on_nothing() {
    let mut it = account(&["2026-11-22T10:00:00Z"]);
    let acl = it.region_mut(R).network_acls.get_mut("acl-1").unwrap();
    acl.inbound.get_mut(&98).unwrap().protocol = "6".into();
    let proposal = propose(&it).unwrap();
    assert_eq!(sound::names(&proposal.steps), ["remove-97-out", "untag-203.0.113.1/32"]);
    assert!(proposal.impact.iter().any(|line| line.contains("entry 98") && line.contains("stays as it is")));
    let acl = it.region_mut(R).network_acls.get_mut("acl-1").unwrap();
    acl.tags.insert("redress:block:203.0.113.1/32".into(), "soon".into());
    assert!(matches!(propose(&it), Err(Refusal::Unknown(_))));
}
