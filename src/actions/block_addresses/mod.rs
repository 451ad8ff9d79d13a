//! `block-addresses`: a network ACL drops all packets from and to networks that a person names. It must never
//! drop those of the VPC itself, of AWS's health checkers, or of the person who asks.
//! [`crate::actions::lift_blocks`] takes the entries out again.

mod guards;

use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Action, Around, Context, Parameter, Proof, Proposal, Refusal,
    acl_entries::{self, LIMITS, OVER, Placed, subnets},
    allowed::{self, Allowed},
    concern::{self, Concern},
    make, support,
};
use crate::{
    calls::{Act, Call, Expect, Risk, Step, Test, WayBack},
    checks::network_acls::blocks::{ADDRESSES, Block, DIRECTIONS, UNBLOCKED, UNTIL, blocks, lets_pass},
    inventory::{FamilyKind, Inventory, NetworkAcl, Want},
    resource::{Kind, ResourceId},
    services::{
        Operation, Sent, Spec,
        network_acl::{CreateNetworkAclEntry, DeleteNetworkAclEntry},
        tag::{CreateTags, DeleteTags, Tag},
    },
};

/// The action `block-addresses`.
pub struct BlockAddresses;

/// The name of the action.
pub const NAME: &str = "block-addresses";

/// The parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The networks.
    #[serde(deserialize_with = "allowed::together")]
    pub addresses: Vec<Allowed>,
    /// The time until which they are blocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The number of entries of a direction.
    #[serde(deserialize_with = "acl_entries::limit")]
    pub entry_limit: usize,
}

impl Default for Params {
    fn default() -> Self {
        Self { addresses: Vec::new(), until: None, entry_limit: *LIMITS.start() }
    }
}

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "addresses",
        kind: "list of CIDRs",
        default: "[]",
        doc: "The networks whose packets are dropped, in both directions. `redress block` sets them.",
    },
    Parameter {
        name: "until",
        kind: "time such as 2026-12-08T10:00:00Z",
        default: "never",
        doc: "The time from which a scan reports the block as `block-expired`.",
    },
    Parameter {
        name: "entry_limit",
        kind: "number, 20 to 40",
        default: "20",
        doc: "How many entries of a direction the quota of the account allows, AWS's own counted.",
    },
];

impl Action for BlockAddresses {
    fn name(&self) -> &'static str {
        NAME
    }
    fn title(&self) -> &'static str {
        "Drops all packets from and to named networks at a network ACL, until a time"
    }
    fn doc(&self) -> &'static str {
        include_str!("page.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &[UNBLOCKED]
    }
    fn target(&self) -> Kind {
        Kind::NetworkAcl
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        const {
            &[
                Around::named(FamilyKind::NetworkAcls),
                Around::found(FamilyKind::Vpcs),
                Around::found(FamilyKind::PrefixLists),
            ]
        }
    }
    fn parameters(&self) -> &'static [Parameter] {
        PARAMETERS
    }
    fn of_checks(&self) -> &'static [(&'static str, &'static str)] {
        &[(UNBLOCKED, ADDRESSES), (UNBLOCKED, UNTIL)]
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        support::decode::<Params>(with)
    }
    fn needs(&self, context: &Context<'_>, target: &ResourceId, _: &Value) -> Vec<Want> {
        let mut wants = acl_entries::needs(context, target.id());
        wants.extend(guards::needs(context));
        wants
    }
    fn operations(&self) -> &'static [Spec] {
        const {
            &[
                <CreateNetworkAclEntry as Operation>::SPEC,
                <DeleteNetworkAclEntry as Operation>::SPEC,
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
    fn quotas(&self, _: &Inventory, _: &str, with: &Value) -> Vec<(&'static str, usize)> {
        support::params::<Params>(with).map(|params| (OVER, params.entry_limit)).into_iter().collect()
    }
    fn is_remade(&self) -> bool {
        true
    }
    fn propose(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Proposal, Refusal> {
        let params: Params = support::params(with)?;
        let (region, id) = (context.region, target.id());
        let known = support::region(context.inventory, region)?;
        let acl = support::need(known.network_acls.get(id), &format!("network ACL {id}"))?;
        let owner_guard = acl_entries::owner(context, acl)?;
        let networks: Vec<IpNet> = params.addresses.iter().map(|allowed| allowed.0).collect();
        let guards = guards::all(context, acl, &networks)?;
        let made = made(acl, &networks, params.until)?;
        if made.is_empty() {
            return Err(Refusal::Nothing(format!("{id} lets no packet of these networks pass")));
        }
        for egress in DIRECTIONS {
            let more = made.iter().flat_map(|one| &one.new).filter(|new| new.egress == egress).count();
            acl_entries::fits(acl, egress, more, params.entry_limit, "block fewer networks")?;
        }
        let named: Vec<String> = made.iter().map(|one| one.block.network.to_string()).collect();
        let mut with = json!({ ADDRESSES: params.addresses });
        if let Some(until) = params.until {
            with[UNTIL] = json!(until);
        }
        Ok(Proposal {
            summary: format!("drop packets from and to {} at {id} of {}", named.join(", "), subnets(acl)),
            steps: made.iter().flat_map(|one| steps(region, acl, one)).collect(),
            risk: risk(&made),
            impact: impact(acl, &made, params.until),
            before: acl_entries::lines(acl, &[], &[]),
            after: acl_entries::lines(
                acl,
                &made.iter().flat_map(|one| one.new.clone()).collect::<Vec<_>>(),
                &[],
            ),
            proof: vec![Proof { check: UNBLOCKED.to_owned(), resource: target.clone(), with }],
            not_restored: Vec::new(),
            guards: std::iter::once(owner_guard).chain(guards).collect(),
            touches: vec![Want::id(region, FamilyKind::NetworkAcls, id)],
            prerequisites: Vec::new(),
        })
    }
}

/// A block that is made, or whose end is set anew.
struct Made {
    block: Block,
    /// The tag as it is, where there is one.
    was: Option<Block>,
    /// The entries that it takes.
    new: Vec<Placed>,
}

/// Returns the blocks to make, in the order of their networks.
fn made(acl: &NetworkAcl, networks: &[IpNet], until: Option<Timestamp>) -> Result<Vec<Made>, Refusal> {
    let unclear = |why| Refusal::Unknown(format!("{}: {why}", acl.id));
    let present = blocks(acl).map_err(unclear)?;
    let (mut all, mut taken) = (Vec::new(), Vec::new());
    for network in networks {
        let was = present.iter().find(|block| block.network == *network).copied();
        let mut passing = [None, None];
        for (at, egress) in passing.iter_mut().zip(DIRECTIONS) {
            *at = lets_pass(acl.entries(egress), network).map_err(unclear)?;
        }
        let mut numbers = was.map_or([None, None], |was| was.numbers);
        let mut new = Vec::new();
        for (n, egress) in DIRECTIONS.into_iter().enumerate() {
            let Some(below) = passing[n] else { continue };
            let number = free(acl, &taken, below).ok_or_else(|| crowded(acl, network, below))?;
            taken.push(number);
            numbers[n] = Some(number);
            new.push(Placed { egress, number, entry: Block::entry(network) });
        }
        let block = Block { network: *network, numbers, until };
        // What others' entries block is theirs, and gets no end.
        if !new.is_empty() || was.is_some_and(|was| was.until != until) {
            all.push(Made { block, was, new });
        }
    }
    Ok(all)
}

/// Returns the highest number below another that is free in both directions: a script over AWS's own commands
/// can only ask whether a number is taken at all.
fn free(acl: &NetworkAcl, taken: &[i32], below: i32) -> Option<i32> {
    let is_free = |number: &i32| {
        !(acl.inbound.contains_key(number) || acl.outbound.contains_key(number) || taken.contains(number))
    };
    (1..below).rev().find(is_free)
}

fn crowded(acl: &NetworkAcl, network: &IpNet, below: i32) -> Refusal {
    Refusal::Refused(format!(
        "{} has no free number below {below}, whose entry lets {network} pass, and AWS cannot renumber an \
         entry: add that entry again under a higher number, and delete it there",
        acl.id
    ))
}

/// Builds the steps of a block. The tag comes first: no entry is ever without the record of its end. Where
/// the tag has another value by then, somebody has blocked the network anew, and its entries stay.
fn steps(region: &str, acl: &NetworkAcl, made: &Made) -> Vec<Step> {
    let (key, value) = made.block.tag();
    let mut all = vec![tag(region, &acl.id, made)];
    for new in &made.new {
        let mut step = acl_entries::add(region, &acl.id, new);
        if let WayBack::Calls { rollback, .. } = &mut step.way_back {
            rollback.iter_mut().for_each(|act| act.before.push(is_tagged(region, &acl.id, &key, &value)));
        }
        all.push(step);
    }
    all
}

fn tag(region: &str, acl: &str, made: &Made) -> Step {
    let (key, value) = made.block.tag();
    let was = made.was.map(|was| was.tag().1);
    let back = match &was {
        Some(was) => tagging(region, acl, &key, was),
        None => untagging(region, acl, &key, &value),
    };
    let before = tagged(region, acl, &key, was.map_or(Value::Null, Value::from)).meaning(CHANGED);
    make::step(
        format!("tag-{}", made.block.network),
        format!("record the block of {} in a tag", made.block.network),
        tagging(region, acl, &key, &value).only_if(vec![before]),
        make::back(vec![back.only_if(vec![is_tagged(region, acl, &key, &value)])]),
    )
}

/// The explanation where the tag of a block is not as it was.
const CHANGED: &str = "somebody has blocked the network anew, or lifted the block, since";
/// Seconds within which a tag has to show.
const SHOWS_WITHIN: u64 = 300;

fn tagged(region: &str, acl: &str, key: &str, value: Value) -> Expect {
    let at = format!("/tags/{}", key.replace('~', "~0").replace('/', "~1"));
    Expect::new(region, FamilyKind::NetworkAcls, acl, &at, Test::Is(value))
}

/// Expects the tag of a block to have this value still.
pub fn is_tagged(region: &str, acl: &str, key: &str, value: &str) -> Expect {
    tagged(region, acl, key, json!(value)).meaning(CHANGED)
}

/// Builds the call that sets a tag of a network ACL.
pub fn tagging(region: &str, acl: &str, key: &str, value: &str) -> Act {
    let tags = vec![Tag { key: key.to_owned(), value: Some(value.to_owned()) }];
    let call = CreateTags::<Sent> { resources: vec![acl.to_owned()], tags };
    let there = vec![tagged(region, acl, key, json!(value))];
    make::act_until(Call::of(region, &call), there, SHOWS_WITHIN, "until the tag can be seen")
}

/// Builds the call that removes a tag of a network ACL, if it still has this value.
pub fn untagging(region: &str, acl: &str, key: &str, value: &str) -> Act {
    let tags = vec![Tag { key: key.to_owned(), value: Some(value.to_owned()) }];
    let call = DeleteTags::<Sent> { resources: vec![acl.to_owned()], tags };
    let gone = vec![tagged(region, acl, key, Value::Null)];
    make::act_until(Call::of(region, &call), gone, SHOWS_WITHIN, "until the tag is gone")
}

fn impact(acl: &NetworkAcl, made: &[Made], until: Option<Timestamp>) -> Vec<String> {
    let mut all = vec![format!("subnets with the network ACL: {}", acl.subnets.join(", "))];
    for one in made.iter().filter(|one| one.new.is_empty()) {
        all.push(format!("{} is blocked already: only its end changes", one.block.network));
    }
    if made.iter().any(|one| !one.new.is_empty()) {
        all.push("connections that stand are cut at once: a network ACL knows no connections".to_owned());
        all.push(
            "whoever comes by a proxy, such as CloudFront, has the proxy's address here and is not kept out"
                .to_owned(),
        );
    }
    all.push(match until {
        Some(until) => {
            format!("the block stays until it is lifted; from {until} on a scan reports block-expired")
        }
        None => "the block has no end: an undo lifts what the run has added".to_owned(),
    });
    all
}

/// Returns the risk: an end that changes disturbs nobody.
fn risk(made: &[Made]) -> Risk {
    match made.iter().all(|one| one.new.is_empty()) {
        true => Risk::Safe,
        false => Risk::Disruptive,
    }
}

#[cfg(test)]
mod tests;
