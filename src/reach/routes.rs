//! The hop of a route table: it leads the packets of a subnet to an internet gateway, or not, and the table
//! of a gateway takes in the packets that come by it. The most specific destination counts
//! (<https://docs.aws.amazon.com/vpc/latest/userguide/RouteTables.html#route-tables-priority>).

use std::{cmp::Reverse, net::IpAddr};

use ipnet::IpNet;

use super::answer::{Answer, Because};
use crate::{
    checks::{
        network_acls::ways::{Family, in_order, opened_by},
        routes::line,
        security_groups::world::is_wide,
    },
    inventory::{
        Region, Route, RouteTable,
        routes::{EGRESS_ONLY, GATEWAY, NAT_GATEWAY, PEERING},
    },
};

/// The member of a route to a transit gateway.
const TRANSIT_GATEWAY: &str = "TransitGatewayId";

/// The way of a table to the internet, for one address family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// To this internet gateway, by this route.
    Gateway { id: String, route: String },
    /// It is not known, for this reason.
    Unknown(String),
    /// Nowhere by which somebody comes in: the reason.
    Nowhere(String),
}

/// The place to which a route leads the replies to a connection from the internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leads {
    /// An internet gateway, by which the connection came.
    Gateway,
    /// A firewall, a machine, or something else that may pass them on.
    Perhaps,
    /// A place from which they do not get back to whoever is on the internet.
    Elsewhere,
}

/// Returns the place to which a route leads; `None` for one that AWS does not use.
fn leads(route: &Route) -> Option<Leads> {
    match route.state.as_str() {
        "active" => {}
        "blackhole" => return Some(Leads::Elsewhere),
        "filtered" => return None,
        _ => return Some(Leads::Perhaps),
    }
    if route.is_to_internet_gateway() {
        return Some(Leads::Gateway);
    }
    let gateway = route.to(GATEWAY);
    let private = gateway.is_some_and(|id| id == "local" || id.starts_with("vgw-"));
    let other = [EGRESS_ONLY, NAT_GATEWAY, PEERING, TRANSIT_GATEWAY].iter().any(|to| route.to(to).is_some());
    Some(if private || other { Leads::Elsewhere } else { Leads::Perhaps })
}

/// A route with its networks; none where those of its prefix list are not known.
struct Read<'i> {
    route: &'i Route,
    leads: Leads,
    nets: Option<Vec<IpNet>>,
}

fn read<'i>(known: &Region, route: &'i Route) -> Option<Read<'i>> {
    Some(Read { route, leads: leads(route)?, nets: networks(known, route) })
}

fn networks(known: &Region, route: &Route) -> Option<Vec<IpNet>> {
    let to = route.destination.as_str();
    if !to.starts_with("pl-") {
        return to.parse().ok().map(|net| vec![net]);
    }
    let list = known.prefix_lists.get(to);
    let entries = list.known().and_then(|list| list.entries.known())?;
    entries.iter().map(|entry| entry.parse().ok()).collect()
}

/// Returns the way of a table to the internet.
pub(super) fn way(known: &Region, table: &RouteTable, family: Family) -> Way {
    let all: Vec<Read<'_>> = table.routes.iter().filter_map(|route| read(known, route)).collect();
    if let Some(found) = world(&all, family, true) {
        let id = found.route.to(GATEWAY).unwrap_or_default().to_owned();
        return Way::Gateway { id, route: line(found.route) };
    }
    if world(&all, family, false).is_some() {
        let doubt =
            all.iter().find(|one| one.nets.is_none() || one.leads == Leads::Perhaps && wide(one, family));
        let doubt = doubt.or(all.iter().find(|one| one.leads == Leads::Perhaps));
        let route = doubt.map_or_else(|| "a route".to_owned(), |one| line(one.route));
        return Way::Unknown(format!(
            "redress could not find out whether replies get back to the internet by {route} of {}",
            table.id
        ));
    }
    let instead = all.iter().find(|one| one.leads == Leads::Elsewhere && wide(one, family));
    Way::Nowhere(match instead {
        Some(one) => {
            format!("{} leads {}, by which nobody on the internet comes in", table.id, line(one.route))
        }
        None => format!("{} has no {} route to an internet gateway", table.id, family.word()),
    })
}

fn wide(one: &Read<'_>, family: Family) -> bool {
    one.nets.iter().flatten().any(|net| Family::of(net) == family && is_wide(net))
}

/// Returns the route with which a table leads the world to an internet gateway. `surely` leaves out whatever
/// is in doubt; otherwise all doubts count for it.
fn world<'r, 'i>(all: &'r [Read<'i>], family: Family, surely: bool) -> Option<&'r Read<'i>> {
    let whole: Option<IpNet> = family.whole().parse().ok();
    let mut list: Vec<(Reverse<u8>, bool, i32, bool, IpNet)> = Vec::new();
    let mut first = Vec::new();
    for (number, one) in (0..).zip(all) {
        let allows = match one.leads {
            Leads::Gateway => true,
            Leads::Perhaps => !surely,
            Leads::Elsewhere => false,
        };
        // Of routes to the same network, one that somebody has made comes before one that is propagated.
        let propagated = one.route.origin == "EnableVgwRoutePropagation";
        match &one.nets {
            Some(nets) => {
                let nets =
                    nets.iter().map(|net| (Reverse(net.prefix_len()), propagated, number, allows, *net));
                list.extend(nets);
            }
            // Its networks may be any: they take the world away, or lead it in.
            None if allows != surely => first.extend(whole.map(|net| (number, allows, net))),
            None => {}
        }
    }
    list.sort_by_key(|(length, propagated, number, ..)| (*length, *propagated, *number));
    let routes = list.into_iter().map(|(_, _, number, allows, net)| (number, allows, net));
    let decided = in_order(first.into_iter().chain(routes), family);
    all.get(usize::try_from(opened_by(&decided, family)?).ok()?)
}

/// Returns what becomes of packets for an address that come in by an internet gateway with these tables, of
/// which it has one at most; without an address, of packets for any. `None` where they go straight to it
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/gateway-route-tables.html>).
pub(super) fn taken_in(
    known: &Region,
    gateway: &str,
    tables: &[&RouteTable],
    to: Option<IpAddr>,
) -> Option<Because> {
    for table in tables {
        let mut all: Vec<Read<'_>> = table.routes.iter().filter_map(|route| read(known, route)).collect();
        let length = |one: &Read<'_>| {
            let nets = one.nets.iter().flatten();
            let has = |net: &&IpNet| to.is_none_or(|address| net.contains(&address));
            nets.filter(has).map(IpNet::prefix_len).max()
        };
        all.retain(|one| one.nets.is_none() || length(one).is_some());
        all.sort_by_key(|one| Reverse(one.nets.as_ref().map_or(Some(u8::MAX), |_| length(one))));
        let straight = |one: &Read<'_>| one.nets.is_some() && one.route.to(GATEWAY) == Some("local");
        let led = match to {
            Some(_) => all.first().filter(|one| !straight(one)),
            None => all.iter().find(|one| !straight(one)),
        };
        if let Some(one) = led {
            let what = format!("what comes in by {gateway} is led {} first ({})", line(one.route), table.id);
            let dropped = to.is_some() && one.nets.is_some() && one.route.state == "blackhole";
            return Some((if dropped { Answer::No } else { Answer::Unknown }, what));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Fact, PrefixList, routes::INTERFACE};

    fn route(destination: &str, member: &str, target: &str) -> Route {
        Route {
            destination: destination.into(),
            target: [(member.to_owned(), target.to_owned())].into(),
            state: "active".into(),
            origin: "CreateRoute".into(),
            ..Route::default()
        }
    }

    fn igw(destination: &str) -> Route {
        route(destination, GATEWAY, "igw-1")
    }

    fn known() -> Region {
        let mut known = Region::default();
        for (id, entry) in [("pl-s3", "198.51.100.0/24"), ("pl-world", "0.0.0.0/0")] {
            let entries = Fact::Known(vec![entry.to_owned()]);
            known.prefix_lists.put(id, PrefixList { id: id.into(), entries, ..PrefixList::default() });
        }
        known
    }

    fn of(routes: &[Route], family: Family) -> Way {
        let routes = routes.to_vec();
        way(&known(), &RouteTable { id: "rtb-1".into(), routes, ..RouteTable::default() }, family)
    }

    fn v4(routes: &[Route]) -> &'static str {
        match of(routes, Family::V4) {
            Way::Gateway { id, .. } if id == "igw-1" => "yes",
            Way::Gateway { .. } => "another",
            Way::Unknown(_) => "unknown",
            Way::Nowhere(_) => "no",
        }
    }

    fn state(state: &str, route: Route) -> Route {
        Route { state: state.into(), ..route }
    }

    #[test]
    fn the_world_is_led_out_by_a_default_route_a_broad_one_and_a_list_of_everything() {
        for to in ["0.0.0.0/0", "128.0.0.0/1", "pl-world"] {
            assert_eq!(v4(&[igw(to), route("10.0.0.0/16", GATEWAY, "local")]), "yes", "{to}");
        }
        let quarters: Vec<Route> = (0..4).map(|n| igw(&format!("{}.0.0.0/2", n * 64))).collect();
        assert_eq!(v4(&quarters), "yes");
        for to in ["198.51.100.0/24", "10.0.0.0/8", "pl-s3", "::/0"] {
            assert_eq!(v4(&[igw(to)]), "no", "{to}");
        }
        assert_eq!(v4(&[]), "no");
    }

    #[test]
    fn what_only_leads_out_or_nowhere_is_no_way_in() {
        for (member, target) in [
            (NAT_GATEWAY, "nat-1"),
            (PEERING, "pcx-1"),
            (TRANSIT_GATEWAY, "tgw-1"),
            (GATEWAY, "vgw-1"),
            (EGRESS_ONLY, "eigw-1"),
        ] {
            assert_eq!(v4(&[route("0.0.0.0/0", member, target)]), "no", "{target}");
        }
        assert_eq!(v4(&[state("blackhole", igw("0.0.0.0/0"))]), "no");
        assert_eq!(v4(&[state("filtered", igw("0.0.0.0/0"))]), "no");
        let only_out = of(&[route("::/0", EGRESS_ONLY, "eigw-1"), igw("0.0.0.0/0")], Family::V6);
        assert!(matches!(&only_out, Way::Nowhere(why) if why.contains("::/0 to eigw-1")), "{only_out:?}");
        assert!(matches!(of(&[igw("::/0")], Family::V6), Way::Gateway { .. }));
    }

    #[test]
    fn what_may_pass_replies_on_and_what_is_not_understood_is_unknown() {
        for (member, target) in
            [(GATEWAY, "vpce-1"), (INTERFACE, "eni-1"), ("CarrierGatewayId", "cagw-1"), ("NewId", "new-1")]
        {
            assert_eq!(v4(&[route("0.0.0.0/0", member, target)]), "unknown", "{target}");
        }
        assert_eq!(v4(&[state("resting", igw("0.0.0.0/0"))]), "unknown");
        assert_eq!(v4(&[igw("pl-unread")]), "unknown");
        // Nobody knows how much of the world such a list takes away.
        assert_eq!(v4(&[igw("0.0.0.0/0"), route("pl-unread", GATEWAY, "vpce-1")]), "unknown");
        assert_eq!(v4(&[igw("0.0.0.0/0"), route("pl-s3", GATEWAY, "vpce-1")]), "yes");
    }

    #[test]
    fn a_more_specific_route_takes_its_part_and_no_more() {
        let default = igw("0.0.0.0/0");
        let fire = |to: &str| route(to, GATEWAY, "vpce-1");
        assert_eq!(v4(&[default.clone(), fire("203.0.113.0/24")]), "yes");
        assert_eq!(v4(&[default.clone(), fire("0.0.0.0/1")]), "yes", "half of the world is left");
        assert_eq!(v4(&[default.clone(), fire("0.0.0.0/1"), fire("128.0.0.0/1")]), "unknown");
        let dead = |to: &str| state("blackhole", fire(to));
        assert_eq!(v4(&[default, dead("0.0.0.0/1"), dead("128.0.0.0/1")]), "no");
    }

    #[test]
    fn a_gateway_with_a_table_of_its_own_leads_packets_elsewhere() {
        let table = |routes: &[Route]| RouteTable {
            id: "rtb-9".into(),
            routes: routes.to_vec(),
            ..RouteTable::default()
        };
        let to: Option<IpAddr> = "10.0.1.5".parse().ok();
        let local = route("10.0.0.0/16", GATEWAY, "local");
        let fire = route("10.0.1.0/24", GATEWAY, "vpce-1");
        let of = |routes: &[Route], to| {
            taken_in(&known(), "igw-1", &[&table(routes)], to).map(|(answer, _)| answer)
        };
        assert_eq!(of(std::slice::from_ref(&local), to), None);
        assert_eq!(of(&[local.clone(), fire.clone()], to), Some(Answer::Unknown));
        assert_eq!(of(&[local.clone(), state("blackhole", fire.clone())], to), Some(Answer::No));
        let other: Option<IpAddr> = "10.0.2.5".parse().ok();
        assert_eq!(of(&[local.clone(), fire.clone()], other), None);
        assert_eq!(
            of(&[local.clone(), fire], None),
            Some(Answer::Unknown),
            "of addresses that nobody has yet"
        );
        assert_eq!(taken_in(&known(), "igw-1", &[], to), None);
    }
}
