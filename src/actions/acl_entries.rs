//! Entries of network ACLs, as actions add and remove them: an entry cannot be changed, only be there or not.

use serde::{Deserialize, Deserializer, de::Error};
use serde_json::{Value, json};

use super::{Context, GuardNote, Refusal, make, support};
use crate::{
    calls::{Act, Call, Expect, Step},
    inventory::{AclEntry, FamilyKind, NetworkAcl, Want},
    services::network_acl::{CreateNetworkAclEntry, DeleteNetworkAclEntry},
};

/// The error code for a network ACL that would have more entries than the quota allows.
pub const OVER: &str = "NetworkAclEntryLimitExceeded";
/// The numbers from which on entries are AWS's own, which count, too.
pub const RESERVED: i32 = 32_767;
/// The number of entries of a direction that every account may have, and the one that it can ask for
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-nacls>).
pub const LIMITS: std::ops::RangeInclusive<usize> = 20..=40;
/// Seconds within which an entry has to show.
const SHOWS_WITHIN: u64 = 300;

/// An entry with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// `true` for what leaves.
    pub egress: bool,
    /// Its number.
    pub number: i32,
    /// The entry.
    pub entry: AclEntry,
}

/// Reads a limit of entries, which lies within the quotas of AWS.
///
/// # Errors
/// Another number.
pub fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let limit = usize::deserialize(deserializer)?;
    if LIMITS.contains(&limit) {
        return Ok(limit);
    }
    let (least, most) = (LIMITS.start(), LIMITS.end());
    Err(D::Error::custom(format!("{limit} entries: the quota of AWS is {least}, and {most} at most")))
}

/// Returns the facts about an ACL, and about its VPC once the ACL is known.
pub fn needs(context: &Context<'_>, id: &str) -> Vec<Want> {
    let region = context.region;
    let known = context.inventory.regions.get(region);
    let acl = known.and_then(|known| known.network_acls.get(id).known().copied());
    let vpc = acl.map(|acl| Want::id(region, FamilyKind::Vpcs, &acl.vpc_id));
    std::iter::once(Want::id(region, FamilyKind::NetworkAcls, id)).chain(vpc).collect()
}

/// Checks that an ACL is this account's, and that nothing else manages it.
///
/// # Errors
/// A refusal that names the owner, or the manager and the flag.
pub fn owner(context: &Context<'_>, acl: &NetworkAcl) -> Result<GuardNote, Refusal> {
    if !context.inventory.owner.owns(&acl.owner_id) {
        return Err(Refusal::Refused(format!(
            "{} belongs to account {}: only that account can change it",
            acl.id, acl.owner_id
        )));
    }
    support::ownership(&acl.id, support::managed_by(&acl.tags), context.options)
}

/// Refuses more entries of a direction than the quota allows, AWS's own counted.
///
/// # Errors
/// A refusal that names the numbers, and `advice`.
pub fn fits(acl: &NetworkAcl, egress: bool, more: usize, limit: usize, advice: &str) -> Result<(), Refusal> {
    let entries = acl.entries(egress);
    // An endpoint may leave AWS's own entry out, and it counts all the same.
    let own = usize::from(!entries.keys().any(|number| *number >= RESERVED));
    let now = entries.len() + own;
    if more == 0 || now + more <= limit {
        return Ok(());
    }
    let direction = if egress { "outbound" } else { "inbound" };
    Err(Refusal::Refused(format!(
        "{} would have {now} + {more} {direction} entries where the limit is {limit}: {advice}, or set \
         entry_limit if the quota of the account is higher",
        acl.id
    )))
}

/// Returns the place of an entry in the facts about its ACL.
fn at(egress: bool, number: i32) -> String {
    format!("/{}/{number}", if egress { "outbound" } else { "inbound" })
}

fn is(region: &str, acl: &str, placed: &Placed, value: Value) -> Expect {
    make::is(region, FamilyKind::NetworkAcls, acl, &at(placed.egress, placed.number), value)
}

fn adding(region: &str, acl: &str, placed: &Placed) -> Act {
    let call = CreateNetworkAclEntry::of(acl, placed.egress, placed.number, &placed.entry);
    let there = is(region, acl, placed, json!(placed.entry));
    let free = is(region, acl, placed, Value::Null)
        .meaning("somebody has made an entry with that number since the plan was made");
    make::act_until(Call::of(region, &call), vec![there], SHOWS_WITHIN, "until the entry can be seen")
        .only_if(vec![free])
}

fn deleting(region: &str, acl: &str, placed: &Placed) -> Act {
    let call = DeleteNetworkAclEntry {
        network_acl_id: acl.to_owned(),
        rule_number: placed.number,
        egress: placed.egress,
    };
    let gone = is(region, acl, placed, Value::Null);
    let there = is(region, acl, placed, json!(placed.entry)).meaning("somebody has changed the entry since");
    make::act_until(Call::of(region, &call), vec![gone], SHOWS_WITHIN, "until the entry is gone")
        .only_if(vec![there])
}

/// Builds the step that adds an entry, where its number is still free.
pub fn add(region: &str, acl: &str, placed: &Placed) -> Step {
    let title = format!("add {}", words(placed));
    let back = make::back(vec![deleting(region, acl, placed)]);
    make::step(name(&placed.entry.action, placed), title, adding(region, acl, placed), back)
}

/// Builds the step that removes an entry, if it is still the same.
pub fn remove(region: &str, acl: &str, placed: &Placed) -> Step {
    let title = format!("remove {}", words(placed));
    let back = make::back(vec![adding(region, acl, placed)]);
    make::step(name("remove", placed), title, deleting(region, acl, placed), back)
}

fn name(what: &str, placed: &Placed) -> String {
    let out = if placed.egress { "-out" } else { "" };
    format!("{what}-{}{out}", placed.number)
}

fn words(placed: &Placed) -> String {
    match placed.egress {
        false => format!("entry {}: {}", placed.number, placed.entry.line()),
        true => format!("outbound entry {}: {}", placed.number, placed.entry.line_out()),
    }
}

/// Returns the subnets of an ACL in words.
pub fn subnets(acl: &NetworkAcl) -> String {
    match acl.subnets.as_slice() {
        [one] => format!("subnet {one}"),
        all => format!("{} subnets", all.len()),
    }
}

/// Returns the entries of both directions as lines, with some added and some gone, so that a diff can be
/// drawn.
pub fn lines(acl: &NetworkAcl, new: &[Placed], gone: &[Placed]) -> Value {
    let of = |egress: bool| {
        let mut all = acl.entries(egress).clone();
        let there = |placed: &&Placed| placed.egress == egress;
        all.extend(new.iter().filter(there).map(|placed| (placed.number, placed.entry.clone())));
        for placed in gone.iter().filter(there) {
            all.remove(&placed.number);
        }
        let line = |entry: &AclEntry| if egress { entry.line_out() } else { entry.line() };
        all.iter().map(|(number, entry)| format!("{number:>5} {}", line(entry))).collect::<Vec<_>>()
    };
    json!({ "inbound": of(false), "outbound": of(true) })
}
