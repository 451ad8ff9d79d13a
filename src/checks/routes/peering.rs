//! The check on routes to peering connections that cover more than the peer VPC has. A route that is just as
//! wide as a CIDR of the peer is none of them: which part of that network is needed, nothing in the account
//! shows.

use ipnet::IpNet;
use serde_json::{Value, json};

use super::{is_made, judged, line, reads, resources, silence, strange, tags};
use crate::{
    checks::{Check, KnownAs},
    finding::{Severity, Verdict},
    inventory::{
        Fact, FamilyKind, Inventory, PeeredVpc, Region, Route, RouteTable, VpcPeeringConnection, Want,
        routes::PEERING,
    },
    resource::{Kind, ResourceId},
};

/// The id of the check.
pub const BROAD: &str = "route-table-broad-peering-route";

/// The check.
pub(super) const CHECK: Check = Check {
    id: BROAD,
    title: "A route to a peering connection covers more than the peer VPC",
    why: "It takes packets for networks that the peer does not have, and lets in every network that is added \
          to the peer later: an error or an intruder on one side reaches the other without anybody's doing.",
    severity: Severity::Low,
    kind: Kind::RouteTable,
    known_as: KNOWN_AS,
    triggers: &["ec2:CreateRoute", "ec2:ReplaceRoute"],
    scanned: true,
    reads,
    reads_one: |inventory, resource, _| wants(inventory, resource),
    resources,
    judge: |inventory, resource, _| judge(inventory, resource),
    silence,
    tags,
};

const KNOWN_AS: KnownAs = &[
    ("cis-1.4.0", &["5.4"]),
    ("cis-1.5.0", &["5.5"]),
    ("cis-2.0.0", &["5.5"]),
    ("cis-3.0.0", &["5.5"]),
    ("cis-4.0.0", &["5.6"]),
    ("cis-5.0.0", &["5.6"]),
    ("cis-6.0.0", &["6.6"]),
    ("cis-7.0.0", &["6.6"]),
    ("prowler", &["vpc_peering_routing_tables_with_least_privilege"]),
];

/// The width of a route to a peering connection, against the networks of the peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Width {
    /// It covers these networks of the peer, and more.
    Broad(Vec<IpNet>),
    /// It covers networks of the peer and nothing else.
    Fits {
        /// `true` if it covers a whole CIDR of the peer.
        whole: bool,
    },
    /// It leads to networks that the peer does not have.
    Elsewhere,
}

/// Returns the destination of a route that counts here: an active one to a peering connection, which somebody
/// has made for a network. The networks of a prefix list are decided elsewhere.
///
/// # Errors
/// A word of AWS's that redress does not know.
pub fn destination(route: &Route) -> Result<Option<IpNet>, String> {
    if route.to(PEERING).is_none() || route.destination.starts_with("pl-") {
        return Ok(None);
    }
    match (route.state.as_str(), is_made(route)) {
        ("blackhole" | "filtered", _) | ("active", Some(false)) => Ok(None),
        ("active", Some(true)) => {
            let network = route.destination.parse().map(Some);
            network.map_err(|_| format!("the destination of the route {} is no network", line(route)))
        }
        _ => Err(strange(route)),
    }
}

/// Returns the side of a peering connection that is not this VPC.
fn peer<'c>(connection: &'c VpcPeeringConnection, vpc: &str) -> Option<&'c PeeredVpc> {
    match (connection.requester.vpc_id == vpc, connection.accepter.vpc_id == vpc) {
        (true, false) => Some(&connection.accepter),
        (false, true) => Some(&connection.requester),
        (true, true) | (false, false) => None,
    }
}

/// Returns the networks of the peer behind a route.
///
/// # Errors
/// The reason for which they are not known.
pub fn networks(known: &Region, table: &RouteTable, route: &Route) -> Result<Vec<IpNet>, String> {
    let id = route.to(PEERING).unwrap_or_default();
    let connection = match known.vpc_peering_connections.get(id) {
        Fact::Known(connection) => connection,
        Fact::Absent => return Err(format!("AWS shows no peering connection {id}")),
        silent => return Err(format!("{id}: {}", silent.silence().unwrap_or_default())),
    };
    if connection.status != "active" {
        return Err(format!("{id} is not active, but {:?}", connection.status));
    }
    let peer = peer(connection, &table.vpc_id)
        .ok_or_else(|| format!("{id} does not show which of its sides is the peer of {}", table.vpc_id))?;
    let all: Result<Vec<IpNet>, _> = peer.cidrs.iter().chain(&peer.ipv6_cidrs).map(|c| c.parse()).collect();
    let all = all.map_err(|_| format!("a CIDR of the peer behind {id} is no network"))?;
    // AWS shows the networks of another account's VPC only while the connection is active.
    if all.is_empty() {
        return Err(format!("AWS shows no networks of the peer behind {id}"));
    }
    Ok(all)
}

/// Compares a destination with the networks of the peer.
pub fn width(destination: IpNet, peer: &[IpNet]) -> Width {
    let together = IpNet::aggregate(&peer.to_vec());
    if together.iter().any(|network| network.contains(&destination)) {
        let whole = peer.iter().any(|network| destination.contains(network));
        return Width::Fits { whole };
    }
    let mut inside: Vec<IpNet> =
        peer.iter().copied().filter(|network| destination.contains(network)).collect();
    inside.sort_unstable();
    inside.dedup();
    if inside.is_empty() { Width::Elsewhere } else { Width::Broad(inside) }
}

/// Returns the facts of the check: the table, and the peering connections that its routes lead to.
pub fn wants(inventory: &Inventory, resource: &ResourceId) -> Vec<Want> {
    let (region, id) = (resource.region(), resource.id());
    let mut wants = vec![Want::id(region, FamilyKind::RouteTables, id)];
    let table = inventory.regions.get(region).map(|place| place.route_tables.get(id));
    let routes = table.as_ref().and_then(|table| table.known().map(|table| table.routes.as_slice()));
    let counting =
        routes.unwrap_or_default().iter().filter(|route| matches!(destination(route), Ok(Some(_))));
    let connections = counting.filter_map(|route| route.to(PEERING));
    wants.extend(connections.map(|id| Want::id(region, FamilyKind::VpcPeeringConnections, id)));
    wants
}

fn judge(inventory: &Inventory, resource: &ResourceId) -> Verdict {
    let (known, table) = match judged(inventory, resource) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    let (mut broad, mut unknown, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    for route in &table.routes {
        let to = match destination(route) {
            Ok(None) => continue,
            Ok(Some(to)) => to,
            Err(why) => {
                unknown.push(why);
                continue;
            }
        };
        match networks(known, table, route).map(|peer| width(to, &peer)) {
            Ok(Width::Broad(networks)) => broad.push(shown(route, &networks)),
            Ok(Width::Fits { whole: false }) => {}
            Ok(Width::Fits { whole: true }) => notes.push(format!(
                "the route {} is as wide as the peer VPC: which part of it is needed is not known",
                line(route)
            )),
            Ok(Width::Elsewhere) => {
                notes.push(format!("the route {} leads to no network of the peer VPC", line(route)));
            }
            Err(why) => unknown.push(format!("the networks behind the route {}: {why}", line(route))),
        }
    }
    match (broad.is_empty(), unknown.is_empty()) {
        (false, _) => Verdict::Violates(json!({ "vpc": table.vpc_id, "routes": broad })),
        (true, false) => Verdict::Unknown(unknown.join("; ")),
        (true, true) => Verdict::Ok((!notes.is_empty()).then(|| notes.join("; "))),
    }
}

fn shown(route: &Route, networks: &[IpNet]) -> Value {
    let peer: Vec<String> = networks.iter().map(IpNet::to_string).collect();
    json!({ "route": line(route), "peer": peer })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        inventory::{Caller, Selector},
        resource::Owner,
    };

    const R: &str = "us-east-1";

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    fn account(destination: &str, cidrs: &[&str], v6: &[&str]) -> Inventory {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let mut it = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
        let region = it.region_mut(R);
        region.route_tables.read(&Selector::All, Fact::Known(()));
        region.vpc_peering_connections.read(&Selector::All, Fact::Known(()));
        let route = Route {
            destination: destination.into(),
            target: [(PEERING.to_owned(), "pcx-1".to_owned())].into(),
            state: "active".into(),
            origin: "CreateRoute".into(),
            ..Route::default()
        };
        let table = RouteTable { vpc_id: "vpc-1".into(), routes: vec![route], ..RouteTable::default() };
        region.route_tables.put("rtb-1", table);
        let texts = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        let peer = PeeredVpc {
            vpc_id: "vpc-2".into(),
            cidrs: texts(cidrs),
            ipv6_cidrs: texts(v6),
            ..PeeredVpc::default()
        };
        let own = PeeredVpc { vpc_id: "vpc-1".into(), ..PeeredVpc::default() };
        let connection = VpcPeeringConnection {
            status: "active".into(),
            requester: peer,
            accepter: own,
            ..VpcPeeringConnection::default()
        };
        region.vpc_peering_connections.put("pcx-1", connection);
        it
    }

    fn verdict(it: &Inventory) -> Verdict {
        judge(it, &it.owner.ec2(R, "route-table", "rtb-1"))
    }

    #[test]
    fn a_route_is_broad_where_it_covers_more_than_the_networks_of_the_peer() {
        let peer = [net("10.2.0.0/16"), net("10.3.0.0/16"), net("2001:db8:1::/56")];
        let broad = |all: &[&str]| Width::Broad(all.iter().map(|one| net(one)).collect());
        for (to, expected) in [
            ("10.0.0.0/8", broad(&["10.2.0.0/16", "10.3.0.0/16"])),
            ("0.0.0.0/0", broad(&["10.2.0.0/16", "10.3.0.0/16"])),
            ("::/0", broad(&["2001:db8:1::/56"])),
            // The two networks together, and nothing else.
            ("10.2.0.0/15", Width::Fits { whole: true }),
            ("10.2.0.0/16", Width::Fits { whole: true }),
            ("10.2.7.0/24", Width::Fits { whole: false }),
            ("10.9.0.0/16", Width::Elsewhere),
            ("2001:db8:2::/56", Width::Elsewhere),
        ] {
            assert_eq!(width(net(to), &peer), expected, "{to}");
        }
    }

    #[test]
    fn the_verdict_names_the_networks_of_the_peer_whichever_side_that_is() {
        let it = account("10.0.0.0/8", &["10.2.0.0/16"], &[]);
        let Verdict::Violates(evidence) = verdict(&it) else { panic!() };
        assert_eq!(evidence["routes"], json!([{ "route": "10.0.0.0/8 to pcx-1", "peer": ["10.2.0.0/16"] }]));
        let note = |it: &Inventory| match verdict(it) {
            Verdict::Ok(Some(note)) => note,
            other => panic!("{other:?}"),
        };
        assert!(note(&account("10.2.0.0/16", &["10.2.0.0/16"], &[])).contains("as wide as the peer"));
        assert!(note(&account("::/0", &["10.2.0.0/16"], &[])).contains("leads to no network"));
        assert_eq!(verdict(&account("10.2.3.0/24", &["10.2.0.0/16"], &[])), Verdict::Ok(None));
    }

    #[test]
    fn a_connection_that_is_not_active_or_shows_nothing_is_unknown() {
        let unknown = |it: &Inventory| match verdict(it) {
            Verdict::Unknown(why) => why,
            other => panic!("{other:?}"),
        };
        assert!(unknown(&account("10.0.0.0/8", &[], &[])).contains("no networks of the peer"));
        let with = |edit: fn(&mut VpcPeeringConnection)| {
            let mut it = account("10.0.0.0/8", &["10.2.0.0/16"], &[]);
            edit(it.region_mut(R).vpc_peering_connections.get_mut("pcx-1").unwrap());
            it
        };
        for status in ["pending-acceptance", "deleting", "sleeping", ""] {
            let mut it = with(|_| {});
            it.region_mut(R).vpc_peering_connections.get_mut("pcx-1").unwrap().status = status.into();
            assert!(unknown(&it).contains("is not active"), "{status}");
        }
        assert!(unknown(&with(|c| c.accepter.vpc_id = "vpc-3".into())).contains("which of its sides"));
        assert!(unknown(&with(|c| c.requester.cidrs = vec!["everything".into()])).contains("no network"));
        let mut denied = with(|_| {});
        let items = &mut denied.region_mut(R).vpc_peering_connections.items;
        items.insert("pcx-1".into(), Fact::unknown("AccessDenied"));
        assert!(unknown(&denied).contains("AccessDenied"));
        items_gone(&mut denied);
        assert!(unknown(&denied).contains("AWS shows no peering connection"));
        let mut strange = with(|_| {});
        strange.region_mut(R).route_tables.get_mut("rtb-1").unwrap().routes[0].state = "frozen".into();
        assert!(unknown(&strange).contains("does not know"));
    }

    fn items_gone(it: &mut Inventory) {
        it.region_mut(R).vpc_peering_connections.items.insert("pcx-1".into(), Fact::Absent);
    }

    #[test]
    fn what_aws_adds_what_a_prefix_list_decides_and_what_drops_packets_is_left() {
        for edit in [
            |route: &mut Route| route.destination = "pl-1".into(),
            |route: &mut Route| route.origin = "Advertisement".into(),
            |route: &mut Route| route.state = "blackhole".into(),
        ] {
            let mut it = account("10.0.0.0/8", &["10.2.0.0/16"], &[]);
            edit(&mut it.region_mut(R).route_tables.get_mut("rtb-1").unwrap().routes[0]);
            assert_eq!(verdict(&it), Verdict::Ok(None));
        }
    }
}
