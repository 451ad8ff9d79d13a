//! The check on subnets that are declared private, and whose route table leads to the internet all the same.
//! Which subnets are private is never guessed: a tag declares it.

use std::collections::BTreeSet;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{is_made, judged, line, resources, silence, strange, tags};
use crate::{
    checks::{Check, patterns, security_groups::world::cover_half},
    finding::{Severity, Verdict},
    inventory::{FamilyKind, Inventory, Region, Route, RouteTable, Selector, Subnet, Want},
    resource::{Kind, ResourceId},
};

/// The id of the check.
pub const PUBLIC: &str = "route-table-public-by-accident";

/// The parameter of the check: the tags that declare a subnet private.
pub const PRIVATE: &str = "private";

/// The check.
pub(super) const CHECK: Check = Check {
    id: PUBLIC,
    title: "A subnet that is declared private has a default route to an internet gateway",
    why: "Whoever places something in the subnet counts on its being out of reach. With a public address and \
          an open port it is not.",
    severity: Severity::High,
    kind: Kind::RouteTable,
    known_as: &[],
    triggers: &[
        "ec2:CreateRoute",
        "ec2:ReplaceRoute",
        "ec2:AssociateRouteTable",
        "ec2:ReplaceRouteTableAssociation",
        "ec2:DisassociateRouteTable",
    ],
    scanned: true,
    reads: |region| vec![Want::all(region, FamilyKind::RouteTables), Want::all(region, FamilyKind::Subnets)],
    reads_one: |inventory, resource, _| wants(inventory, resource),
    resources,
    judge,
    silence,
    tags,
};

/// The tags that declare a subnet private: `Key=pattern` or `Key`, any of which is enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Declared(Vec<String>);

impl Default for Declared {
    fn default() -> Self {
        Self(vec!["Tier=private".to_owned()])
    }
}

impl TryFrom<Vec<String>> for Declared {
    type Error = String;

    fn try_from(mut all: Vec<String>) -> Result<Self, String> {
        if all.is_empty() || all.iter().any(|tag| tag.is_empty() || tag.starts_with('=')) {
            return Err("name the tags that declare a subnet private, such as \"Tier=private\"".to_owned());
        }
        all.sort_unstable();
        all.dedup();
        Ok(Self(all))
    }
}

impl From<Declared> for Vec<String> {
    fn from(declared: Declared) -> Self {
        declared.0
    }
}

impl Declared {
    /// Returns the tag that declares a subnet private, as the subnet has it.
    pub fn tag(&self, subnet: &Subnet) -> Option<String> {
        let found = self.0.iter().find_map(|pattern| patterns::tagged(pattern, &subnet.tags));
        found.map(|(key, value)| format!("{key}={value}"))
    }
}

/// A table that leads subnets to the internet which are declared private.
#[derive(Debug, Clone, PartialEq)]
pub struct Accident<'a> {
    /// The routes that lead there, in the order of their destinations.
    pub routes: Vec<&'a Route>,
    /// The subnets that are declared private, in the order of their ids.
    pub private: Vec<&'a Subnet>,
    /// The other subnets whose packets the table routes.
    pub others: Vec<&'a Subnet>,
}

/// Returns whether a route that somebody has made leads to an internet gateway.
///
/// # Errors
/// A word of AWS's that redress does not know.
fn leads_out(route: &Route) -> Result<bool, String> {
    if !route.is_to_internet_gateway() {
        return Ok(false);
    }
    match (route.state.as_str(), is_made(route)) {
        ("blackhole" | "filtered", _) | ("active", Some(false)) => Ok(false),
        ("active", Some(true)) => Ok(true),
        _ => Err(strange(route)),
    }
}

/// Returns the networks of a destination; those of a prefix list only where its entries were read.
fn networks(known: &Region, route: &Route) -> Result<Vec<IpNet>, String> {
    let to = route.destination.as_str();
    let parsed =
        |cidr: &str| cidr.parse().map_err(|_| format!("{cidr:?} of the route {} is no network", line(route)));
    if !to.starts_with("pl-") {
        return parsed(to).map(|network| vec![network]);
    }
    let list = known.prefix_lists.get(to);
    let entries = list.known().and_then(|list| list.entries.known());
    let entries = entries.ok_or_else(|| format!("the networks of prefix list {to} were not read"))?;
    entries.iter().map(|entry| parsed(entry)).collect()
}

/// Returns the routes by which a table leads half of all packets or more to an internet gateway, in the order
/// of their destinations: each by itself, or else all of them together.
///
/// # Errors
/// The reason for which it is not known.
pub fn ways_out<'a>(known: &Region, table: &'a RouteTable) -> Result<Vec<&'a Route>, String> {
    let (mut all, mut unread) = (Vec::new(), None);
    for route in &table.routes {
        if leads_out(route)? {
            match networks(known, route) {
                Ok(networks) => all.push((route, networks)),
                Err(why) => unread = Some(why),
            }
        }
    }
    all.sort_by_key(|(route, _)| &route.destination);
    let mut wide: Vec<&Route> = Vec::new();
    wide.extend(all.iter().filter(|(_, networks)| cover_half(networks)).map(|(route, _)| *route));
    if wide.is_empty() && cover_half(all.iter().flat_map(|(_, networks)| networks)) {
        wide.extend(all.iter().map(|(route, _)| *route));
    }
    match unread {
        Some(why) if wide.is_empty() => Err(why),
        _ => Ok(wide),
    }
}

/// Returns what a table leads to the internet by accident; `None` where there is nothing of it.
///
/// # Errors
/// The reason for which it is not known.
pub fn survey<'a>(
    known: &'a Region,
    table: &'a RouteTable,
    declared: &Declared,
) -> Result<Option<Accident<'a>>, String> {
    let routes = ways_out(known, table)?;
    if routes.is_empty() {
        return Ok(None);
    }
    let (private, others): (Vec<&Subnet>, Vec<&Subnet>) =
        routed(known, table)?.into_iter().partition(|subnet| declared.tag(subnet).is_some());
    Ok((!private.is_empty()).then_some(Accident { routes, private, others }))
}

/// Returns the subnets whose packets a table routes: those that are associated with it, and, of the main
/// table, those that are associated with none
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/RouteTables.html>).
fn routed<'a>(known: &'a Region, table: &RouteTable) -> Result<Vec<&'a Subnet>, String> {
    let of_vpc = Selector::by("vpc-id", &table.vpc_id);
    let subnets = known.subnets.select(&of_vpc);
    let subnets = subnets.known().ok_or_else(|| format!("the subnets: {}", unread(subnets.silence())))?;
    let own = |table: &RouteTable| -> BTreeSet<String> {
        table.associations.iter().filter_map(|association| association.subnet_id.clone()).collect()
    };
    let mut elsewhere = BTreeSet::new();
    let is_main = table.associations.iter().any(|association| association.main);
    if is_main {
        let tables = known.route_tables.select(&of_vpc);
        let tables =
            tables.known().ok_or_else(|| format!("the other tables: {}", unread(tables.silence())))?;
        elsewhere = tables.iter().filter(|(id, _)| *id != table.id).flat_map(|(_, t)| own(t)).collect();
    }
    let own = own(table);
    let is_routed = |id: &str| own.contains(id) || is_main && !elsewhere.contains(id);
    Ok(subnets.iter().filter(|(id, _)| is_routed(id)).map(|(_, subnet)| *subnet).collect())
}

fn unread(silence: Option<&str>) -> &str {
    silence.unwrap_or("not read")
}

/// Returns the facts of the check: the table and, where it leads to the internet, the subnets and tables of
/// its VPC.
pub fn wants(inventory: &Inventory, resource: &ResourceId) -> Vec<Want> {
    let (region, id) = (resource.region(), resource.id());
    let mut wants = vec![Want::id(region, FamilyKind::RouteTables, id)];
    let table = inventory.regions.get(region).map(|place| place.route_tables.get(id));
    let Some(table) = table.as_ref().and_then(|table| table.known().copied()) else { return wants };
    let out = table.routes.iter().filter(|route| leads_out(route) == Ok(true));
    let lists = out.map(|route| route.destination.as_str()).filter(|to| to.starts_with("pl-"));
    wants.extend(lists.map(|id| Want::id(region, FamilyKind::PrefixLists, id)));
    let known = inventory.regions.get(region);
    if known.is_some_and(|known| ways_out(known, table).is_ok_and(|ways| !ways.is_empty())) {
        let of_vpc = |family| Want::by(region, family, "vpc-id", &table.vpc_id);
        wants.push(of_vpc(FamilyKind::Subnets));
        if table.associations.iter().any(|association| association.main) {
            wants.push(of_vpc(FamilyKind::RouteTables));
        }
    }
    wants
}

fn judge(inventory: &Inventory, resource: &ResourceId, with: &Value) -> Verdict {
    let declared = match with.get(PRIVATE).cloned().map(serde_json::from_value::<Declared>).transpose() {
        Ok(declared) => declared.unwrap_or_default(),
        Err(why) => return Verdict::Unknown(format!("its parameter {PRIVATE}: {why}")),
    };
    let (known, table) = match judged(inventory, resource) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    match survey(known, table, &declared) {
        Ok(None) => Verdict::Ok(None),
        Ok(Some(found)) => Verdict::Violates(evidence(table, &found, &declared)),
        Err(why) => Verdict::Unknown(format!(
            "redress could not find out whether the table leads private subnets to the internet: {why}"
        )),
    }
}

fn evidence(table: &RouteTable, found: &Accident<'_>, declared: &Declared) -> Value {
    let routes: Vec<String> = found.routes.iter().map(|route| line(route)).collect();
    let subnet = |subnet: &&Subnet| match declared.tag(subnet) {
        Some(tag) => format!("{} ({tag})", subnet.id),
        None => subnet.id.clone(),
    };
    let private: Vec<String> = found.private.iter().map(subnet).collect();
    let mut evidence = json!({ "vpc": table.vpc_id, "routes": routes, "private": private });
    if !found.others.is_empty() {
        evidence["others"] = json!(found.others.iter().map(subnet).collect::<Vec<_>>());
    }
    evidence
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        inventory::{Caller, Fact, PrefixList, RouteTableAssociation, routes::GATEWAY},
        resource::Owner,
    };

    const R: &str = "us-east-1";

    fn to_gateway(destination: &str) -> Route {
        Route {
            destination: destination.into(),
            target: [(GATEWAY.to_owned(), "igw-1".to_owned())].into(),
            state: "active".into(),
            origin: "CreateRoute".into(),
            ..Route::default()
        }
    }

    fn table(id: &str, routes: Vec<Route>, subnets: &[&str], main: bool) -> RouteTable {
        let of = |subnet: &&str| RouteTableAssociation {
            subnet_id: Some((*subnet).to_owned()),
            ..RouteTableAssociation::default()
        };
        let mut associations: Vec<_> = subnets.iter().map(of).collect();
        associations.extend(main.then(|| RouteTableAssociation { main, ..Default::default() }));
        RouteTable { id: id.into(), vpc_id: "vpc-1".into(), routes, associations, ..RouteTable::default() }
    }

    /// Builds an account in which the main table leads to the internet and routes `subnet-a` and `subnet-b`;
    /// `subnet-c` has its own.
    fn account(destination: &str) -> Inventory {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let mut it = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
        let region = it.region_mut(R);
        region.route_tables.read(&Selector::All, Fact::Known(()));
        region.subnets.read(&Selector::All, Fact::Known(()));
        region.route_tables.put("rtb-1", table("rtb-1", vec![to_gateway(destination)], &[], true));
        for (id, entry) in [("pl-world", "0.0.0.0/0"), ("pl-1", "198.51.100.0/24")] {
            let entries = Fact::Known(vec![entry.to_owned()]);
            let list = PrefixList { id: id.to_owned(), entries, ..PrefixList::default() };
            region.prefix_lists.put(id, list);
        }
        region.route_tables.put("rtb-2", table("rtb-2", vec![], &["subnet-c"], false));
        for (id, tier) in [("subnet-a", "private"), ("subnet-b", "public"), ("subnet-c", "private")] {
            let tags = [("Tier".to_owned(), tier.to_owned())].into();
            let subnet = Subnet { id: id.into(), vpc_id: "vpc-1".into(), tags, ..Subnet::default() };
            region.subnets.put(id, subnet);
        }
        it
    }

    fn verdict(it: &Inventory, with: &Value) -> Verdict {
        judge(it, &it.owner.ec2(R, "route-table", "rtb-1"), with)
    }

    #[test]
    fn a_default_route_counts_for_the_subnets_of_the_main_table_that_are_declared_private() {
        for to in ["0.0.0.0/0", "128.0.0.0/1", "::/0", "2000::/3", "pl-world"] {
            let Verdict::Violates(evidence) = verdict(&account(to), &Value::Null) else { panic!("{to}") };
            assert_eq!(evidence["private"], json!(["subnet-a (Tier=private)"]));
            assert_eq!(evidence["others"], json!(["subnet-b"]));
        }
        for to in ["198.51.100.0/24", "10.0.0.0/8", "pl-1", "2001:db8::/32"] {
            assert_eq!(verdict(&account(to), &Value::Null), Verdict::Ok(None), "{to}");
        }
    }

    #[test]
    fn routes_that_are_the_world_together_count_and_a_list_that_was_not_read_is_unknown() {
        let mut four = account("0.0.0.0/2");
        let routes = &mut four.region_mut(R).route_tables.get_mut("rtb-1").unwrap().routes;
        routes.extend(["64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/2"].map(to_gateway));
        let Verdict::Violates(evidence) = verdict(&four, &Value::Null) else { panic!() };
        assert_eq!(evidence["routes"].as_array().unwrap().len(), 4);
        let unread = account("pl-unread");
        assert!(matches!(verdict(&unread, &Value::Null), Verdict::Unknown(why) if why.contains("pl-unread")));
        assert!(wants(&unread, &unread.owner.ec2(R, "route-table", "rtb-1")).contains(&Want::id(
            R,
            FamilyKind::PrefixLists,
            "pl-unread"
        )));
    }

    #[test]
    fn nothing_is_private_that_no_tag_declares() {
        let it = account("0.0.0.0/0");
        assert_eq!(verdict(&it, &json!({ PRIVATE: ["Tier=internal"] })), Verdict::Ok(None));
        let Verdict::Violates(evidence) = verdict(&it, &json!({ PRIVATE: ["Tier=pub*"] })) else { panic!() };
        assert_eq!(evidence["private"], json!(["subnet-b (Tier=public)"]));
        assert!(matches!(verdict(&it, &json!({ PRIVATE: [] })), Verdict::Unknown(_)));
    }

    #[test]
    fn what_leads_nowhere_is_no_finding_and_what_was_not_read_is_unknown() {
        let mut dead = account("0.0.0.0/0");
        dead.region_mut(R).route_tables.get_mut("rtb-1").unwrap().routes[0].state = "blackhole".into();
        assert_eq!(verdict(&dead, &Value::Null), Verdict::Ok(None));
        dead.region_mut(R).route_tables.get_mut("rtb-1").unwrap().routes[0].state = "frozen".into();
        assert!(matches!(verdict(&dead, &Value::Null), Verdict::Unknown(_)));
        let mut unread = account("0.0.0.0/0");
        unread.region_mut(R).subnets.reads.clear();
        assert!(matches!(verdict(&unread, &Value::Null), Verdict::Unknown(why) if why.contains("subnets")));
        let mut denied = account("0.0.0.0/0");
        denied.region_mut(R).route_tables.reads.clear();
        assert!(matches!(verdict(&denied, &Value::Null), Verdict::Unknown(why) if why.contains("tables")));
    }
}
