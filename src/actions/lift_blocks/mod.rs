//! `lift-blocks`: the entries of blocks whose time has passed leave a network ACL. It must never touch an
//! entry that somebody has changed, or one that no tag of a block names.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Action, Around, Context, Parameter, Proof, Proposal, Refusal,
    acl_entries::{self, OVER, Placed, subnets},
    block_addresses::{is_tagged, tagging, untagging},
    concern::{self, Concern},
    make, support,
};
use crate::{
    calls::{Risk, Step},
    checks::network_acls::blocks::{self, Block, DIRECTIONS, EXPIRED},
    inventory::{FamilyKind, Inventory, NetworkAcl, Want},
    resource::{Kind, ResourceId},
    services::{
        Operation, Spec,
        network_acl::{CreateNetworkAclEntry, DeleteNetworkAclEntry},
        tag::{CreateTags, DeleteTags},
    },
};

/// The action `lift-blocks`.
pub struct LiftBlocks;

/// The parameters, of which there are none: the tags of the network ACL decide.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {}

/// A block that ends.
struct Over {
    block: Block,
    /// Its entries that are as they were made.
    entries: Vec<Placed>,
    /// The numbers that its tag names and that are another's by now, or nobody's.
    others: Vec<i32>,
}

impl Action for LiftBlocks {
    fn name(&self) -> &'static str {
        "lift-blocks"
    }
    fn title(&self) -> &'static str {
        "Lets networks pass again at a network ACL whose block has ended"
    }
    fn doc(&self) -> &'static str {
        include_str!("page.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &[EXPIRED]
    }
    fn target(&self) -> Kind {
        Kind::NetworkAcl
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        const { &[Around::named(FamilyKind::NetworkAcls)] }
    }
    fn parameters(&self) -> &'static [Parameter] {
        &[]
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        support::decode::<Params>(with)
    }
    fn needs(&self, context: &Context<'_>, target: &ResourceId, _: &Value) -> Vec<Want> {
        vec![Want::id(context.region, FamilyKind::NetworkAcls, target.id())]
    }
    fn operations(&self) -> &'static [Spec] {
        const {
            &[
                <DeleteNetworkAclEntry as Operation>::SPEC,
                <CreateNetworkAclEntry as Operation>::SPEC,
                <CreateTags as Operation>::SPEC,
                <DeleteTags as Operation>::SPEC,
            ]
        }
    }
    fn concerns(&self) -> concern::Table {
        const {
            const MEMBERS: &[&str] = &["inbound", "outbound", "tags"];
            &[(FamilyKind::NetworkAcls, Concern::these(MEMBERS).lists(MEMBERS))]
        }
    }
    fn quotas(&self, inventory: &Inventory, region: &str, _: &Value) -> Vec<(&'static str, usize)> {
        // An undo brings back what was there: whatever the quota is, it had room for that.
        let acls = inventory.regions.get(region).map(|region| &region.network_acls);
        let sizes = acls.into_iter().flat_map(|acls| acls.known());
        let most = sizes.flat_map(|(_, acl)| DIRECTIONS.map(|egress| acl.entries(egress).len())).max();
        most.map(|most| (OVER, most)).into_iter().collect()
    }
    fn is_remade(&self) -> bool {
        true
    }
    fn propose(&self, context: &Context<'_>, target: &ResourceId, _: &Value) -> Result<Proposal, Refusal> {
        let (region, id) = (context.region, target.id());
        let known = support::region(context.inventory, region)?;
        let acl = support::need(known.network_acls.get(id), &format!("network ACL {id}"))?;
        let owner_guard = acl_entries::owner(context, acl)?;
        let present =
            blocks::blocks(acl).map_err(|why| Refusal::Unknown(format!("{id}: {why}")))?.into_iter();
        let over: Vec<Over> = present
            .filter(|block| block.is_over(context.inventory.read_at))
            .map(|block| over(acl, block))
            .collect();
        if over.is_empty() {
            return Err(Refusal::Nothing(format!("no block of {id} has ended")));
        }
        let named: Vec<String> = over.iter().map(|one| one.block.network.to_string()).collect();
        let gone: Vec<Placed> = over.iter().flat_map(|one| one.entries.clone()).collect();
        Ok(Proposal {
            summary: format!("let {} pass again at {id} of {}", named.join(", "), subnets(acl)),
            steps: over.iter().flat_map(|one| steps(region, id, one)).collect(),
            risk: Risk::Disruptive,
            impact: impact(acl, &over),
            before: acl_entries::lines(acl, &[], &[]),
            after: acl_entries::lines(acl, &[], &gone),
            proof: vec![Proof { check: EXPIRED.to_owned(), resource: target.clone(), with: Value::Null }],
            not_restored: Vec::new(),
            guards: vec![owner_guard],
            touches: vec![Want::id(region, FamilyKind::NetworkAcls, id)],
            prerequisites: Vec::new(),
        })
    }
}

/// Finds the entries of a block that ends.
fn over(acl: &NetworkAcl, block: Block) -> Over {
    let entry = Block::entry(&block.network);
    let named = DIRECTIONS.into_iter().zip(block.numbers).filter_map(|(egress, n)| Some((egress, n?)));
    let (mut entries, mut others) = (Vec::new(), Vec::new());
    for (egress, number) in named {
        match acl.entries(egress).get(&number) == Some(&entry) {
            true => entries.push(Placed { egress, number, entry: entry.clone() }),
            false => others.push(number),
        }
    }
    Over { block, entries, others }
}

/// Builds the steps that end a block. Its tag goes last: as long as an entry is there, its end is recorded.
fn steps(region: &str, acl: &str, over: &Over) -> Vec<Step> {
    let (key, value) = over.block.tag();
    let still = || vec![is_tagged(region, acl, &key, &value)];
    let mut all: Vec<Step> =
        over.entries.iter().map(|entry| acl_entries::remove(region, acl, entry)).collect();
    for step in &mut all {
        step.act.before.extend(still());
    }
    all.push(make::step(
        format!("untag-{}", over.block.network),
        format!("remove the tag of the block of {}", over.block.network),
        untagging(region, acl, &key, &value).only_if(still()),
        make::back(vec![tagging(region, acl, &key, &value)]),
    ));
    all
}

fn impact(acl: &NetworkAcl, over: &[Over]) -> Vec<String> {
    let mut all = vec![format!(
        "packets of these networks are let pass again as the other entries say, in {}",
        acl.subnets.join(", ")
    )];
    all.extend(over.iter().filter(|one| !one.others.is_empty()).map(|one| {
        let numbers: Vec<String> = one.others.iter().map(ToString::to_string).collect();
        format!(
            "entry {} of the block of {} is gone, or somebody has changed it: it stays as it is",
            numbers.join(" and "),
            one.block.network
        )
    }));
    all
}

#[cfg(test)]
mod tests;
