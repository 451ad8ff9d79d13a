//! Networks that are blocked at a network ACL: whether one is, and until when. A tag of the ACL records a
//! block, since its entries can carry none; only blocks that are recorded are ever lifted.

use std::collections::BTreeMap;

use ipnet::IpNet;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::ways::Family;
use crate::{
    checks::{
        Check,
        one::{Info, Rule},
    },
    finding::{Severity, Verdict},
    inventory::{AclEntry, Fact, Inventory, NetworkAcl, tag},
    resource::{Kind, ResourceId},
};

/// The id of the check on networks that a person wants blocked.
pub const UNBLOCKED: &str = "network-acl-unblocked-address";
/// The id of the check on blocks whose time has passed.
pub const EXPIRED: &str = "block-expired";
/// The parameter of the first: the networks.
pub const ADDRESSES: &str = "addresses";
/// Another one: the time until which they are blocked.
pub const UNTIL: &str = "until";

/// Both directions, as AWS names them by `Egress`.
pub const DIRECTIONS: [bool; 2] = [false, true];

/// The check on networks that are to be blocked: those that a playbook lists, or that `redress block` names.
pub(super) const TO_BLOCK: Check = Check::of::<Unblocked>();

/// The check on blocks whose time has passed.
pub(super) const TO_LIFT: Check = Check {
    id: EXPIRED,
    title: "A network ACL still blocks a network whose time has passed",
    why: "Addresses change hands: after a while a block keeps out somebody else, and takes the place of \
          an entry that is needed.",
    severity: Severity::Low,
    judge: |inventory, resource, _| judge_expired(inventory, resource),
    ..Check::of::<Unblocked>()
};

struct Unblocked;

impl Rule for Unblocked {
    type On = NetworkAcl;
    const INFO: Info = Info {
        id: UNBLOCKED,
        title: "A network ACL lets packets of a network pass that is to be blocked",
        why: "Somebody has asked for the block: the network is a source of attacks, or a place that data \
              goes to.",
        severity: Severity::High,
        kind: Kind::NetworkAcl,
        known_as: &[],
        triggers: &[],
    };
    fn is_own(acl: &NetworkAcl, inventory: &Inventory) -> bool {
        inventory.owner.owns(&acl.owner_id)
    }
    fn judge(acl: &NetworkAcl, with: &Value) -> Verdict {
        if acl.subnets.is_empty() {
            return Verdict::Ok(None);
        }
        let given = with.get(ADDRESSES).cloned().unwrap_or_else(|| json!([]));
        let Ok(networks) = serde_json::from_value::<Vec<IpNet>>(given) else {
            return Verdict::Unknown(format!("its parameter {ADDRESSES} is no list of networks"));
        };
        let Ok(until) =
            serde_json::from_value::<Option<Timestamp>>(with.get(UNTIL).cloned().unwrap_or_default())
        else {
            return Verdict::Unknown(format!("its parameter {UNTIL} is no time"));
        };
        let mut passes = Vec::new();
        match blocks(acl) {
            Err(why) => return Verdict::Unknown(why),
            // A block of others has no tag, and no end that could be another.
            Ok(all) => passes.extend(all.iter().filter_map(|b| other_end(b, &networks, until))),
        }
        for network in &networks {
            for egress in DIRECTIONS {
                match lets_pass(acl.entries(egress), network) {
                    Ok(None) => {}
                    Ok(Some(number)) => passes.push(format!("{} {network}: entry {number}", way(egress))),
                    Err(why) => return Verdict::Unknown(why),
                }
            }
        }
        match passes.is_empty() {
            true => Verdict::Ok(None),
            false => {
                Verdict::Violates(json!({ "vpc": acl.vpc_id, "subnets": acl.subnets, "passes": passes }))
            }
        }
    }
}

/// Describes a block of one of these networks that ends at another time.
fn other_end(block: &Block, networks: &[IpNet], until: Option<Timestamp>) -> Option<String> {
    let is_other = networks.contains(&block.network) && block.until != until;
    is_other.then(|| format!("{}: {}", block.network, block.tag().1))
}

/// Returns the word for a direction, before a network.
fn way(egress: bool) -> &'static str {
    if egress { "to" } else { "from" }
}

/// Returns the number of the first entry that lets packets of a network pass; `None` where all are dropped.
/// An entry that denies a part counts for nothing: another may let the rest pass.
///
/// # Errors
/// The first entry before that which is not understood, and what about it.
pub fn lets_pass(entries: &BTreeMap<i32, AclEntry>, network: &IpNet) -> Result<Option<i32>, String> {
    for (number, entry) in entries {
        let of: IpNet = entry
            .network()
            .parse()
            .map_err(|_| format!("entry {number} is for {:?}, which is no network", entry.network()))?;
        if Family::of(&of) != Family::of(network) || !(of.contains(network) || network.contains(&of)) {
            continue;
        }
        match entry.action.as_str() {
            "allow" => return Ok(Some(*number)),
            "deny" if entry.protocol == "-1" && of.contains(network) => return Ok(None),
            "deny" => {}
            other => return Err(format!("entry {number} says {other:?}, which redress does not know")),
        }
    }
    // Nothing else is let pass (https://docs.aws.amazon.com/vpc/latest/userguide/nacl-rules.html).
    Ok(None)
}

/// A block that a tag of a network ACL records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// The network that is blocked.
    pub network: IpNet,
    /// The numbers of its entries, for what comes in and for what leaves; none where other entries did
    /// already.
    pub numbers: [Option<i32>; 2],
    /// The time until which it is blocked; none for a block without an end.
    pub until: Option<Timestamp>,
}

impl Block {
    /// Returns the entry of a block.
    pub fn entry(network: &IpNet) -> AclEntry {
        let of = |family: Family| (Family::of(network) == family).then(|| network.to_string());
        AclEntry {
            action: "deny".to_owned(),
            protocol: "-1".to_owned(),
            cidr_block: of(Family::V4),
            ipv6_cidr_block: of(Family::V6),
            ..AclEntry::default()
        }
    }

    /// Returns the key and the value of the tag.
    pub fn tag(&self) -> (String, String) {
        let number = |of: Option<i32>| of.map_or_else(|| "-".to_owned(), |number| number.to_string());
        let [inbound, outbound] = self.numbers.map(number);
        let until = self.until.map_or_else(|| "-".to_owned(), |until| until.to_string());
        (format!("{}{}", tag::BLOCK, self.network), format!("in {inbound} out {outbound} until {until}"))
    }

    /// Reads a tag; `None` for another tag.
    ///
    /// # Errors
    /// The tag is one of a block, and redress does not understand it.
    pub fn read(key: &str, value: &str) -> Option<Result<Block, String>> {
        let network = key.strip_prefix(tag::BLOCK)?;
        let words: Vec<&str> = value.split(' ').collect();
        let parsed = match words.as_slice() {
            ["in", inbound, "out", outbound, "until", until] => {
                Self::parsed(network, [inbound, outbound], until)
            }
            _ => None,
        };
        Some(parsed.ok_or_else(|| format!("the tag {key} is {value:?}, which redress does not understand")))
    }

    fn parsed(network: &str, numbers: [&str; 2], until: &str) -> Option<Block> {
        let given = |text: &str| (text != "-").then(|| text.to_owned());
        let number = |text: &str| given(text).map(|text| text.parse::<i32>()).transpose().ok();
        Some(Block {
            network: network.parse().ok()?,
            numbers: [number(numbers[0])?, number(numbers[1])?],
            until: given(until).map(|text| text.parse()).transpose().ok()?,
        })
    }

    /// Returns whether the block has ended at a time.
    pub fn is_over(&self, at: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= at)
    }
}

/// Returns the blocks of a network ACL.
///
/// # Errors
/// A tag that is not understood.
pub fn blocks(acl: &NetworkAcl) -> Result<Vec<Block>, String> {
    acl.tags.iter().filter_map(|(key, value)| Block::read(key, value)).collect()
}

fn judge_expired(inventory: &Inventory, resource: &ResourceId) -> Verdict {
    let acl = inventory.regions.get(resource.region()).map(|region| region.network_acls.get(resource.id()));
    let Some(Fact::Known(acl)) = acl else {
        // Without the ACL the verdict is the same for every check.
        return (TO_BLOCK.judge)(inventory, resource, &Value::Null);
    };
    match blocks(acl) {
        Err(why) => Verdict::Unknown(why),
        Ok(all) => {
            let over = all.iter().filter(|block| block.is_over(inventory.read_at));
            let lines: Vec<String> = over.map(|b| format!("{}: {}", b.network, b.tag().1)).collect();
            match lines.is_empty() {
                true => Verdict::Ok(None),
                false => Verdict::Violates(json!({ "vpc": acl.vpc_id, "blocks": lines })),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

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

    #[test]
    fn a_network_is_blocked_where_a_deny_for_all_of_it_comes_before_any_allow() {
        type Case = (&'static [(&'static str, &'static str, &'static str)], Option<i32>);
        let cases: &[Case] = &[
            (&[("allow", "-1", "0.0.0.0/0")], Some(0)),
            (&[("deny", "-1", "203.0.113.7/32"), ("allow", "-1", "0.0.0.0/0")], None),
            (&[("deny", "-1", "203.0.113.0/24"), ("allow", "-1", "0.0.0.0/0")], None),
            // A deny for one protocol, or for a part, is none for all.
            (&[("deny", "6", "203.0.113.7/32"), ("allow", "-1", "0.0.0.0/0")], Some(1)),
            (&[("deny", "-1", "203.0.113.9/32"), ("allow", "17", "0.0.0.0/0")], Some(1)),
            // What lets others pass does not count; at the end everything is dropped.
            (&[("allow", "-1", "198.51.100.0/24"), ("allow", "-1", "::/0")], None),
        ];
        for (entries, expected) in cases {
            let entries = entries.iter().zip(0..).map(|((a, p, n), at)| (at, entry(a, p, n))).collect();
            assert_eq!(lets_pass(&entries, &net("203.0.113.7/32")), Ok(*expected), "{entries:?}");
        }
        let wide = [(1, entry("allow", "6", "203.0.113.9/32"))].into();
        assert_eq!(lets_pass(&wide, &net("203.0.113.0/24")), Ok(Some(1)), "a part of it passes");
        let odd = [(1, entry("count", "-1", "0.0.0.0/0"))].into();
        assert!(lets_pass(&odd, &net("203.0.113.7/32")).unwrap_err().contains("\"count\""));
    }

    #[test]
    fn a_tag_of_a_block_comes_back_as_it_went_and_others_are_left() {
        for (network, numbers, until) in [
            ("203.0.113.7/32", [Some(99), Some(99)], Some("2026-12-08T10:00:00Z".parse().unwrap())),
            ("2001:db8::/64", [None, Some(1)], None),
        ] {
            let block = Block { network: net(network), numbers, until };
            let (key, value) = block.tag();
            assert_eq!(Block::read(&key, &value), Some(Ok(block)), "{key} = {value}");
        }
        assert_eq!(Block::read("Name", "in 1 out 1 until -"), None);
        for bad in ["", "in 1 out 1", "in x out 1 until -", "in 1 out 1 until tomorrow"] {
            assert!(matches!(Block::read("redress:block:203.0.113.7/32", bad), Some(Err(_))), "{bad}");
        }
        let block = Block {
            network: net("203.0.113.7/32"),
            numbers: [None, None],
            until: Some("2026-12-08T10:00:00Z".parse().unwrap()),
        };
        assert!(block.is_over("2026-12-08T10:00:00Z".parse().unwrap()));
        assert!(!block.is_over("2026-12-08T09:59:59Z".parse().unwrap()));
        assert!(!Block { until: None, ..block }.is_over("2126-12-08T10:00:00Z".parse().unwrap()));
    }
}
