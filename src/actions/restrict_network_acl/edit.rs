//! The entries that close a port to the world: a deny below the entry that opens it, and before the deny an
//! allow for each network that keeps its way in. No entry is changed or removed. Pure arithmetic over numbers
//! and networks; a refusal names what there is no room for.

use ipnet::IpNet;

use crate::{
    actions::{Refusal, acl_entries::Placed},
    checks::{
        network_acls::ways::{Decided, Family, admitted, decided, opened_by},
        security_groups::world,
    },
    inventory::{AclEntry, NetworkAcl},
};

/// The last number that a customer's entry can have; those after it are AWS's.
const LAST: i32 = 32_766;

/// The entries that close ports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edit {
    /// The new entries, in the order in which they are added: who keeps a way in comes before the deny.
    pub new: Vec<Placed>,
}

/// Returns the entries that close these ports to the world, with `networks` let in as far as they come in
/// today.
///
/// # Errors
/// A refusal: an entry that is not understood, no numbers that are free.
pub fn edit(acl: &NetworkAcl, ports: &[u16], networks: &[IpNet]) -> Result<Edit, Refusal> {
    let mut all = Edit::default();
    for &port in ports {
        for family in Family::ALL {
            let entries = decided(&acl.inbound, port, family)
                .map_err(|why| Refusal::Unknown(format!("{}: {why}", acl.id)))?;
            if let Some(open) = opened_by(&entries, family) {
                close(acl, port, family, &entries, open, networks, &mut all)?;
            }
        }
    }
    Ok(all)
}

/// Adds the entries for one port and family, which the entry `open` opens.
fn close(
    acl: &NetworkAcl,
    port: u16,
    family: Family,
    entries: &[Decided],
    open: i32,
    networks: &[IpNet],
    all: &mut Edit,
) -> Result<(), Refusal> {
    // What comes later is shadowed by the deny: the networks that somebody has named there stay let in.
    let later = entries.iter().filter(|e| e.number > open && e.allows && !world::is_wide(&e.network));
    let named = networks.iter().copied().filter(|net| Family::of(net) == family);
    let wanted = IpNet::aggregate(&named.chain(later.map(|e| e.network)).collect());
    let kept: Vec<IpNet> = wanted.iter().flat_map(|net| admitted(entries, net, open)).collect();
    let before = entries.iter().map(|e| e.number).filter(|number| *number < open).max().unwrap_or(0);
    let numbers =
        free(acl, all, before, open, kept.len() + 1).ok_or_else(|| crowded(acl, port, before, open))?;
    let actions = kept.iter().map(|net| ("allow", net.to_string()));
    let actions = actions.chain([("deny", family.whole().to_owned())]);
    all.new.extend(numbers.into_iter().zip(actions).map(|(number, (action, network))| Placed {
        egress: false,
        number,
        entry: entry(action, port, family, network),
    }));
    Ok(())
}

fn entry(action: &str, port: u16, family: Family, network: String) -> AclEntry {
    let of = |wanted: Family| (wanted == family).then(|| network.clone());
    AclEntry {
        action: action.to_owned(),
        protocol: "6".to_owned(),
        cidr_block: of(Family::V4),
        ipv6_cidr_block: of(Family::V6),
        from_port: Some(port.into()),
        to_port: Some(port.into()),
        ..AclEntry::default()
    }
}

/// Returns the highest free numbers between two others, in order. A number that is taken in the other
/// direction is left, too: a script over AWS's own commands can only ask whether a number is taken at all.
fn free(acl: &NetworkAcl, all: &Edit, after: i32, below: i32, many: usize) -> Option<Vec<i32>> {
    let taken = |number: &i32| {
        acl.inbound.contains_key(number)
            || acl.outbound.contains_key(number)
            || all.new.iter().any(|new| new.number == *number)
    };
    let mut found: Vec<i32> =
        (after.max(0) + 1..below).rev().filter(|number| !taken(number)).take(many).collect();
    found.reverse();
    (found.len() == many).then_some(found)
}

fn crowded(acl: &NetworkAcl, port: u16, before: i32, open: i32) -> Refusal {
    let place = if before > 0 { format!("between {before} and {open}") } else { format!("below {open}") };
    let higher = if open < LAST {
        format!("add the one with number {open} again under a higher number, and delete it there")
    } else {
        "remove entries before it that are not needed".to_owned()
    };
    Refusal::Refused(format!(
        "{} has not enough free numbers {place} for the entries that close port {port}, and AWS cannot \
         renumber an entry: {higher}",
        acl.id
    ))
}
