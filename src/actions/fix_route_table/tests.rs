//! The action on small accounts: the routes that go, who takes their packets, and the tables that it leaves.

use super::*;
use crate::{
    actions::{GuardResult, Options, make::sound},
    calls::{Test, WayBack},
    inventory::{Caller, Fact, NatGateway, Route, RouteTableAssociation, Selector, routes},
    resource::Owner,
};

const R: &str = "us-east-1";

fn route(destination: &str, member: &str, id: &str, state: &str) -> Route {
    Route {
        destination: destination.into(),
        target: [(member.to_owned(), id.to_owned())].into(),
        instance_owner_id: None,
        state: state.into(),
        origin: "CreateRoute".into(),
    }
}

fn local() -> Route {
    Route { origin: "CreateRouteTable".into(), ..route("10.0.0.0/16", routes::GATEWAY, "local", "active") }
}

fn dead(destination: &str) -> Route {
    route(destination, routes::NAT_GATEWAY, "nat-dead", "blackhole")
}

fn account(more: Vec<Route>) -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let mut it = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
    let region = it.region_mut(R);
    region.nat_gateways.read(&Selector::All, Fact::Known(()));
    let table = RouteTable {
        id: "rtb-1".into(),
        vpc_id: "vpc-1".into(),
        owner_id: "123456789012".into(),
        routes: [vec![local()], more].concat(),
        associations: vec![RouteTableAssociation { main: true, ..RouteTableAssociation::default() }],
        ..RouteTable::default()
    };
    region.route_tables.put("rtb-1", table);
    it
}

fn propose_with(inventory: &Inventory, with: Value) -> Result<Proposal, Refusal> {
    let options = Options::default();
    let context = Context { inventory, region: R, checks: &[], options: &options };
    FixRouteTable.propose(&context, &inventory.owner.ec2(R, "route-table", "rtb-1"), &with)
}

fn propose(inventory: &Inventory) -> Result<Proposal, Refusal> {
    propose_with(inventory, json!({}))
}

fn refused(inventory: &Inventory) -> String {
    match propose(inventory) {
        Err(Refusal::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

fn unknown(inventory: &Inventory) -> String {
    match propose(inventory) {
        Err(Refusal::Unknown(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_route_goes_by_its_exact_destination_and_does_not_come_back() {
    let proposal = propose(&account(vec![dead("10.9.0.0/16"), dead("2001:db8::/32"), local()])).unwrap();
    sound::steps(&proposal.steps);
    let inputs: Vec<&Value> = proposal.steps.iter().map(|step| &step.act.call.input).collect();
    assert_eq!(
        inputs,
        [
            &json!({ "RouteTableId": "rtb-1", "DestinationCidrBlock": "10.9.0.0/16" }),
            &json!({ "RouteTableId": "rtb-1", "DestinationIpv6CidrBlock": "2001:db8::/32" }),
        ]
    );
    assert_eq!(proposal.risk, Risk::Irreversible);
    for step in &proposal.steps {
        let WayBack::Cannot(why) = &step.way_back else { panic!("{:?}", step.way_back) };
        assert!(why.contains("to nat-dead does not come back"), "{why}");
        let tests: Vec<&Test> = step.act.before.iter().map(|expect| &expect.test).collect();
        assert_eq!(tests, [&Test::Is(json!("blackhole")), &Test::Is(json!("nat-dead")), &Test::Gone]);
    }
    let said = proposal.impact.join("\n");
    assert!(said.contains("packets to 10.9.0.0/16 are dropped as before"), "{said}");
    assert!(said.contains("every subnet of vpc-1 without a table of its own"), "{said}");
}

#[test]
fn the_route_that_takes_the_packets_is_named_and_one_to_the_internet_is_refused() {
    let nat = account(vec![dead("10.9.0.0/16"), route("10.0.0.0/8", "TransitGatewayId", "tgw-1", "active")]);
    let proposal = propose(&nat).unwrap();
    assert!(proposal.impact[0].ends_with("then they go by 10.0.0.0/8 to tgw-1"), "{}", proposal.impact[0]);
    let open = account(vec![dead("10.9.0.0/16"), route("0.0.0.0/0", routes::GATEWAY, "igw-1", "active")]);
    let why = refused(&open);
    assert!(why.contains("would go to the internet by 0.0.0.0/0 to igw-1"), "{why}");
    assert!(why.contains("allow_internet_gateway"), "{why}");
    let loose = propose_with(&open, json!({ "allow_internet_gateway": true })).unwrap();
    assert!(loose.guards.iter().any(|guard| guard.result == GuardResult::Loosened));
    // Both go: the wider one takes nothing any more.
    let both = propose(&account(vec![dead("10.9.0.0/16"), dead("0.0.0.0/0")])).unwrap();
    assert!(both.impact.iter().all(|line| !line.contains("then they go")), "{:?}", both.impact);
}

#[test]
fn what_may_come_back_and_what_is_not_known_stays() {
    let mut shown = account(vec![dead("10.9.0.0/16")]);
    let deleted = NatGateway { id: "nat-dead".into(), state: "deleted".into(), ..NatGateway::default() };
    shown.region_mut(R).nat_gateways.put("nat-dead", deleted);
    assert!(matches!(propose(&shown), Err(Refusal::Nothing(_))));
    let mut denied = account(vec![dead("10.9.0.0/16")]);
    denied.region_mut(R).nat_gateways.read(&Selector::All, Fact::unknown("AccessDenied"));
    assert!(unknown(&denied).contains("AccessDenied"));
    for (state, origin) in [("frozen", "CreateRoute"), ("blackhole", "CreateTwin")] {
        let strange = Route {
            state: state.into(),
            origin: origin.into(),
            ..route("10.8.0.0/16", routes::GATEWAY, "vgw-1", "")
        };
        assert!(unknown(&account(vec![dead("10.9.0.0/16"), strange])).contains("does not know"));
    }
    let list = route("pl-1", routes::GATEWAY, "vpce-1", "active");
    assert!(unknown(&account(vec![dead("10.9.0.0/16"), list])).contains("prefix list pl-1"));
    let nowhere = Route { target: Default::default(), ..route("0.0.0.0/0", "", "", "active") };
    assert!(unknown(&account(vec![dead("10.9.0.0/16"), nowhere])).contains("names no target"));
    assert!(matches!(propose(&account(vec![])), Err(Refusal::Nothing(_))));
}

#[test]
fn tables_of_others_and_destinations_with_several_routes_are_refused() {
    let mut others = account(vec![dead("10.9.0.0/16")]);
    let table = others.region_mut(R).route_tables.get_mut("rtb-1").unwrap();
    table.owner_id = "999988887777".into();
    assert!(refused(&others).contains("999988887777"));
    let mut managed = account(vec![dead("10.9.0.0/16")]);
    let table = managed.region_mut(R).route_tables.get_mut("rtb-1").unwrap();
    table.tags.insert("aws:cloudformation:stack-id".into(), "x".into());
    assert!(refused(&managed).contains("--include-managed"));
    let propagated = Route {
        origin: "EnableVgwRoutePropagation".into(),
        ..route("10.9.0.0/16", routes::GATEWAY, "vgw-1", "active")
    };
    assert!(
        refused(&account(vec![dead("10.9.0.0/16"), propagated])).contains("several routes to 10.9.0.0/16")
    );
}

#[test]
fn the_targets_are_asked_for_by_id_and_prefix_lists_only_where_a_route_goes() {
    let needs = |it: &Inventory| {
        let options = Options::default();
        let context = Context { inventory: it, region: R, checks: &[], options: &options };
        FixRouteTable.needs(&context, &it.owner.ec2(R, "route-table", "rtb-1"), &Value::Null)
    };
    let list = route("pl-1", routes::GATEWAY, "vpce-1", "active");
    let mut it = account(vec![dead("10.9.0.0/16"), list]);
    it.region_mut(R).nat_gateways.reads.clear();
    let of_list = Want::id(R, FamilyKind::PrefixLists, "pl-1");
    assert!(needs(&it).contains(&Want::id(R, FamilyKind::NatGateways, "nat-dead")));
    assert!(!needs(&it).contains(&of_list));
    it.region_mut(R).nat_gateways.items.insert("nat-dead".into(), Fact::Absent);
    assert!(needs(&it).contains(&of_list));
}
