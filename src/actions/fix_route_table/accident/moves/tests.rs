//! Private subnets that share a table with others: the calls that give them another one, and what keeps them
//! where they are.

use serde_json::{Value, json};

use super::super::tests::{R, account, association, propose, refused, to_gateway, used};
use crate::{
    actions::{Refusal, make::sound},
    calls::{Act, WayBack},
    inventory::{Inventory, Route, RouteTable, RouteTableAssociation, routes},
};

fn route(destination: &str, member: &str, id: &str) -> Route {
    Route { target: [(member.to_owned(), id.to_owned())].into(), ..to_gateway(destination) }
}

/// Builds the account with a public subnet at the table of the private one, and a private table.
fn shared() -> Inventory {
    let mut it = account();
    let region = it.region_mut(R);
    let table = region.route_tables.get_mut("rtb-1").unwrap();
    table.associations = ["subnet-a", "subnet-b"]
        .map(|subnet| RouteTableAssociation { id: format!("rtbassoc-{subnet}"), ..association(subnet) })
        .into();
    let private = RouteTable {
        id: "rtb-p".into(),
        vpc_id: "vpc-1".into(),
        owner_id: "123456789012".into(),
        routes: vec![
            route("0.0.0.0/0", routes::NAT_GATEWAY, "nat-b"),
            route("::/0", routes::EGRESS_ONLY, "eigw-1"),
        ],
        ..RouteTable::default()
    };
    region.route_tables.put("rtb-p", private);
    it
}

/// Lets the main table route both subnets.
fn by_main() -> Inventory {
    let mut it = shared();
    let region = it.region_mut(R);
    let main = RouteTableAssociation { id: "rtbassoc-main".into(), main: true, ..Default::default() };
    region.route_tables.get_mut("rtb-1").unwrap().associations = vec![main];
    region.route_tables.get_mut("rtb-2").unwrap().associations = vec![association("subnet-c")];
    it
}

fn table<'t>(it: &'t mut Inventory, id: &str) -> &'t mut RouteTable {
    it.region_mut(R).route_tables.get_mut(id).unwrap()
}

fn named() -> Value {
    json!({ "private_tables": ["rtb-elsewhere", "rtb-p"] })
}

/// Builds it with a table of another VPC, which is named, too.
fn of_two() -> Inventory {
    let mut it = shared();
    elsewhere(&mut it);
    it
}

fn elsewhere(it: &mut Inventory) {
    let other = RouteTable { id: "rtb-elsewhere".into(), vpc_id: "vpc-2".into(), ..RouteTable::default() };
    it.region_mut(R).route_tables.put("rtb-elsewhere", other);
}

fn back(way_back: &WayBack) -> &Act {
    let WayBack::Calls { rollback, .. } = way_back else { panic!("{way_back:?}") };
    &rollback[0]
}

#[test]
fn an_association_is_replaced_and_comes_back_by_the_id_that_it_has_then() {
    let proposal = propose(&of_two(), named()).unwrap();
    sound::steps(&proposal.steps);
    let [step] = proposal.steps.as_slice() else { panic!("{:?}", proposal.steps) };
    assert_eq!(step.act.call.operation, "ReplaceRouteTableAssociation");
    assert_eq!(step.act.call.input, json!({ "AssociationId": "rtbassoc-subnet-a", "RouteTableId": "rtb-p" }));
    let back = back(&step.way_back);
    assert_eq!(
        back.call.input,
        json!({ "AssociationId": { "$observed": "association-1" }, "RouteTableId": "rtb-1" })
    );
    assert_eq!(back.observe[0].at, "/associations/subnet_id=subnet-a/id");
    assert_eq!(back.observe[0].id, json!("rtb-p"));
    assert_eq!(proposal.before[2], json!("subnet-a by rtb-1"));
    assert_eq!(proposal.after[2], json!("subnet-a by rtb-p"));
    let said = proposal.impact.join("\n");
    assert!(said.contains("packets to 0.0.0.0/0 go by nat-b instead of igw-1"), "{said}");
    assert!(said.contains("rtb-1 keeps its routes: the packets of subnet-b go as before"), "{said}");
}

#[test]
fn a_subnet_of_the_main_table_gets_an_association_and_loses_it_again() {
    let mut it = by_main();
    elsewhere(&mut it);
    let proposal = propose(&it, named()).unwrap();
    sound::steps(&proposal.steps);
    let [step] = proposal.steps.as_slice() else { panic!("{:?}", proposal.steps) };
    assert_eq!(step.act.call.operation, "AssociateRouteTable");
    assert_eq!(step.act.call.input, json!({ "RouteTableId": "rtb-p", "SubnetId": "subnet-a" }));
    let back = back(&step.way_back);
    assert_eq!(back.call.operation, "DisassociateRouteTable");
    assert!(back.before.iter().any(|e| e.at == "/associations/id=rtbassoc-main/main"), "{:?}", back.before);
    // Without its id, nothing could show later that it is still the main table.
    table(&mut it, "rtb-1").associations[0].id.clear();
    assert!(matches!(propose(&it, named()), Err(Refusal::Unknown(_))));
}

#[test]
fn a_table_of_private_subnets_alone_keeps_them_and_loses_the_route() {
    let mut it = of_two();
    table(&mut it, "rtb-1").associations.pop();
    let proposal = propose(&it, named()).unwrap();
    assert!(proposal.steps.iter().all(|step| step.act.call.operation == "DeleteRoute"));
}

#[test]
fn a_table_that_does_not_fit_is_refused() {
    assert!(refused(&of_two(), json!({})).contains("(private_tables)"));
    assert!(
        refused(&of_two(), json!({ "private_tables": ["rtb-elsewhere"] })).contains("none is a route table")
    );
    let mut two = of_two();
    let more = RouteTable { id: "rtb-q".into(), ..table(&mut two, "rtb-p").clone() };
    two.region_mut(R).route_tables.put("rtb-q", more);
    assert!(refused(&two, json!({ "private_tables": ["rtb-p", "rtb-q"] })).contains("is not certain"));
    let mut out = of_two();
    table(&mut out, "rtb-p")
        .routes
        .push(Route { state: "blackhole".into(), ..to_gateway("198.51.100.0/24") });
    assert!(refused(&out, named()).contains("198.51.100.0/24 to igw-1 itself"));
    assert!(refused(&of_two(), json!({ "private_tables": ["rtb-1"] })).contains("to igw-1 itself"));
    let mut edge = of_two();
    let gateway = RouteTableAssociation { gateway_id: Some("igw-1".into()), ..Default::default() };
    table(&mut edge, "rtb-p").associations.push(gateway.clone());
    assert!(refused(&edge, named()).contains("what comes in by the gateway igw-1"));
    let mut own_edge = of_two();
    table(&mut own_edge, "rtb-1").associations.push(gateway);
    assert!(refused(&own_edge, named()).contains("also routes the packets of"));
    let mut theirs = of_two();
    table(&mut theirs, "rtb-p").owner_id = "999988887777".into();
    assert!(refused(&theirs, named()).contains("belongs to account 999988887777"));
    let mut dead = of_two();
    dead.region_mut(R).nat_gateways.get_mut("nat-b").unwrap().connectivity_type = Some("private".into());
    assert!(refused(&dead, named()).contains("nat-b takes nothing to the internet"));
    let mut unread = of_two();
    unread
        .region_mut(R)
        .route_tables
        .items
        .insert("rtb-elsewhere".into(), crate::inventory::Fact::Unknown("denied".into()));
    assert!(matches!(propose(&unread, named()), Err(Refusal::Unknown(_))));
}

#[test]
fn what_something_in_use_has_by_the_former_table_it_has_by_the_new_one() {
    let office = || route("10.20.0.0/16", routes::GATEWAY, "vgw-1");
    let mut it = of_two();
    table(&mut it, "rtb-1").routes.push(office());
    // Nothing is in the subnet: what it loses is named.
    let said = propose(&it, named()).unwrap().impact.join("\n");
    assert!(said.contains("lose the route 10.20.0.0/16 to vgw-1"), "{said}");
    used(&mut it, |_| {});
    let why = refused(&it, named());
    assert!(why.contains("rtb-p lacks the route 10.20.0.0/16 to vgw-1") && why.contains("eni-1"), "{why}");
    // Another target, and a narrower route that takes a part, are as bad as none.
    table(&mut it, "rtb-p").routes.push(route("10.20.0.0/16", routes::GATEWAY, "vgw-2"));
    assert!(refused(&it, named()).contains("10.20.0.0/16 to vgw-1"));
    table(&mut it, "rtb-p").routes.pop();
    table(&mut it, "rtb-p").routes.push(office());
    propose(&it, named()).unwrap();
    table(&mut it, "rtb-p").routes.push(route("10.20.4.0/24", "TransitGatewayId", "tgw-1"));
    assert!(refused(&it, named()).contains("part of the route 10.20.0.0/16 to vgw-1"));
    table(&mut it, "rtb-p").routes.pop();
    table(&mut it, "rtb-1").propagating_gateways.push("vgw-1".into());
    assert!(refused(&it, named()).contains("the routes that AWS adds from vgw-1"));
    table(&mut it, "rtb-1").propagating_gateways.clear();
    table(&mut it, "rtb-1").routes[2].state = "of a later kind".into();
    assert!(matches!(propose(&it, named()), Err(Refusal::Unknown(_))));
}

#[test]
fn the_only_way_out_of_something_in_use_is_kept_by_the_new_table_alone() {
    let public = |eni: &mut crate::inventory::NetworkInterface| eni.public_ip = Some("198.51.100.4".into());
    let mut it = of_two();
    used(&mut it, public);
    propose(&it, named()).unwrap();
    table(&mut it, "rtb-p").routes.retain(|route| route.destination.contains(':'));
    assert!(refused(&it, named()).contains("give rtb-p a route to a NAT gateway"));
    // Where a transit gateway leads, nothing shows.
    table(&mut it, "rtb-p").routes.push(route("0.0.0.0/0", "TransitGatewayId", "tgw-1"));
    assert!(refused(&it, named()).contains("the only way to the internet for eni-1"));
}

#[test]
fn what_works_by_the_former_table_stays_there() {
    let mut it = of_two();
    it.region_mut(R).nat_gateways.put("nat-a", super::super::tests::nat("nat-a", "subnet-a"));
    assert!(refused(&it, named()).contains("holds the NAT gateway nat-a"));
    let mut host = of_two();
    used(&mut host, |eni| eni.instance_id = Some("i-host".into()));
    host.caller.host = crate::inventory::Fact::Known("i-host".into());
    assert!(refused(&host, named()).contains("redress itself runs on i-host"));
}
