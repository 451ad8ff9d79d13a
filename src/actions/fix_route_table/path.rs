//! The way of packets: the most specific destination counts
//! (<https://docs.aws.amazon.com/vpc/latest/userguide/RouteTables.html#route-tables-priority>). A route that
//! goes leaves its packets to the next wider one.

use ipnet::IpNet;

use crate::{
    actions::{Refusal, support},
    checks::routes::line,
    inventory::{Fact, FamilyKind, Region, Route, RouteTable, Want},
};

/// Returns the wants for the prefix lists that are destinations in a table.
pub fn lists(region: &str, table: &RouteTable) -> Vec<Want> {
    let lists =
        table.routes.iter().map(|route| route.destination.as_str()).filter(|to| to.starts_with("pl-"));
    lists.map(|id| Want::id(region, FamilyKind::PrefixLists, id)).collect()
}

/// Returns the networks of a destination: one, or those of a prefix list.
///
/// # Errors
/// A refusal where they are not known.
pub fn networks(known: &Region, route: &Route) -> Result<Vec<IpNet>, Refusal> {
    let to = route.destination.as_str();
    let parsed = |cidr: &str| {
        cidr.parse::<IpNet>().map_err(|_| {
            Refusal::Unknown(format!(
                "redress could not find out where the route {} leads: {cidr:?} is no network",
                line(route)
            ))
        })
    };
    if !to.starts_with("pl-") {
        return parsed(to).map(|network| vec![network]);
    }
    let list = support::need(known.prefix_lists.get(to), &format!("prefix list {to}"))?;
    let entries: Fact<&Vec<String>> = list.entries.as_ref();
    support::need(entries, &format!("the networks of prefix list {to}"))?.iter().map(|e| parsed(e)).collect()
}

/// Returns the routes that take the packets of `gone` among those that are left, in the order of their
/// destinations. Without any, the packets are dropped.
///
/// # Errors
/// A refusal where the networks of a prefix list, or the target of such a route, are not known.
pub fn takers<'t>(known: &Region, left: &'t [Route], gone: &Route) -> Result<Vec<&'t Route>, Refusal> {
    let mut all = Vec::new();
    for route in left.iter().filter(|route| route.state != "filtered") {
        all.push((route, networks(known, route)?));
    }
    let mut found: Vec<&Route> = Vec::new();
    for network in networks(known, gone)? {
        let width = |(_, all): &(&Route, Vec<IpNet>)| {
            all.iter().filter(|wider| wider.contains(&network)).map(IpNet::prefix_len).max()
        };
        let narrowest = all.iter().filter_map(width).max();
        let next = all.iter().filter(|one| narrowest.is_some() && width(one) == narrowest);
        found.extend(next.map(|(route, _)| *route));
    }
    found.sort_by_key(|route| &route.destination);
    found.dedup();
    match found.iter().find(|route| route.target.is_empty()) {
        None => Ok(found),
        Some(nowhere) => Err(Refusal::Unknown(format!(
            "redress could not find out where packets to {} would go: AWS names no target of the route {}",
            gone.destination, nowhere.destination
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{PrefixList, routes::GATEWAY};

    fn route(destination: &str, gateway: &str) -> Route {
        Route {
            destination: destination.into(),
            target: [(GATEWAY.to_owned(), gateway.to_owned())].into(),
            state: "active".into(),
            origin: "CreateRoute".into(),
            ..Route::default()
        }
    }

    fn found(routes: &[(&str, &str)], gone: &str) -> Vec<String> {
        let left: Vec<Route> = routes.iter().map(|(to, by)| route(to, by)).collect();
        let mut known = Region::default();
        let entries = Fact::Known(vec!["10.0.0.0/9".to_owned(), "192.0.2.0/24".to_owned()]);
        known.prefix_lists.put("pl-1", PrefixList { id: "pl-1".into(), entries, ..PrefixList::default() });
        let gone = route(gone, "gone");
        takers(&known, &left, &gone).unwrap().iter().map(|route| line(route)).collect()
    }

    #[test]
    fn the_narrowest_route_that_covers_the_destination_takes_its_packets() {
        let all =
            [("0.0.0.0/0", "igw-1"), ("10.0.0.0/8", "vgw-1"), ("10.8.0.0/16", "local"), ("::/0", "igw-1")];
        assert_eq!(found(&all, "10.8.1.0/24"), ["10.8.0.0/16 to local"]);
        assert_eq!(found(&all, "10.9.0.0/16"), ["10.0.0.0/8 to vgw-1"]);
        assert_eq!(found(&all, "11.0.0.0/8"), ["0.0.0.0/0 to igw-1"]);
        assert_eq!(found(&all, "2001:db8::/32"), ["::/0 to igw-1"]);
        assert_eq!(found(&all[1..3], "0.0.0.0/0"), [""; 0], "narrower routes keep what is theirs");
    }

    #[test]
    fn a_prefix_list_counts_by_its_networks_on_either_side() {
        let all = [("0.0.0.0/0", "igw-1"), ("10.0.0.0/8", "vgw-1"), ("pl-1", "vgw-2")];
        assert_eq!(found(&all, "10.1.0.0/16"), ["pl-1 to vgw-2"]);
        assert_eq!(found(&all, "10.200.0.0/16"), ["10.0.0.0/8 to vgw-1"]);
        assert_eq!(found(&all[..2], "pl-1"), ["0.0.0.0/0 to igw-1", "10.0.0.0/8 to vgw-1"]);
    }

    #[test]
    fn a_prefix_list_that_was_not_read_is_unknown() {
        let left = [route("pl-2", "vgw-1")];
        let gone = route("10.0.0.0/8", "gone");
        assert!(matches!(takers(&Region::default(), &left, &gone), Err(Refusal::Unknown(_))));
    }
}
