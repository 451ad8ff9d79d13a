//! The action on small accounts: the routes that go, who takes their packets, and the tables that it leaves.

use super::*;
use crate::{
    actions::{GuardResult, Options, make::sound},
    calls::{Purpose, Test, WayBack},
    inventory::{
        Caller, Fact, NatGateway, PeeredVpc, Route, RouteTableAssociation, Selector, VpcPeeringConnection,
        routes,
    },
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
    region.route_tables.read(&Selector::All, Fact::Known(()));
    region.subnets.read(&Selector::All, Fact::Known(()));
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

fn to_peer(destination: &str) -> Route {
    route(destination, routes::PEERING, "pcx-1", "active")
}

/// Builds a VPC of 10.0.0.0/16 whose peer has 10.2.0.0/16, 10.3.0.0/16 and an IPv6 network.
fn peered(more: Vec<Route>) -> Inventory {
    let mut it = account(more);
    let peer = PeeredVpc {
        vpc_id: "vpc-2".into(),
        cidrs: vec!["10.2.0.0/16".into(), "10.3.0.0/16".into()],
        ipv6_cidrs: vec!["2001:db8:1::/56".into()],
        ..PeeredVpc::default()
    };
    let connection = VpcPeeringConnection {
        id: "pcx-1".into(),
        status: "active".into(),
        requester: PeeredVpc { vpc_id: "vpc-1".into(), ..PeeredVpc::default() },
        accepter: peer,
        ..VpcPeeringConnection::default()
    };
    it.region_mut(R).vpc_peering_connections.put("pcx-1", connection);
    it
}

/// Returns operation, destination and name of each step.
fn calls(proposal: &Proposal) -> Vec<String> {
    let of = |step: &Step| {
        let input = &step.act.call.input;
        let to = ["DestinationCidrBlock", "DestinationIpv6CidrBlock"].into_iter().find_map(|m| input.get(m));
        format!("{} {} {}", step.name, step.act.call.operation, to.and_then(Value::as_str).unwrap())
    };
    proposal.steps.iter().map(of).collect()
}

#[test]
fn the_networks_of_the_peer_come_before_the_broad_route_goes_and_go_after_it_is_back() {
    let proposal = propose(&peered(vec![to_peer("10.0.0.0/8"), to_peer("2001:db8::/32")])).unwrap();
    sound::steps(&proposal.steps);
    assert_eq!(
        calls(&proposal),
        [
            "add-1 CreateRoute 10.2.0.0/16",
            "add-2 CreateRoute 10.3.0.0/16",
            "add-3 CreateRoute 2001:db8:1::/56",
            "remove-1 DeleteRoute 10.0.0.0/8",
            "remove-2 DeleteRoute 2001:db8::/32",
        ]
    );
    assert_eq!(proposal.risk, Risk::Disruptive);
    let done = ["add-1", "add-2", "add-3", "remove-1", "remove-2"];
    assert_eq!(
        sound::going_back(&proposal.steps, &done, Purpose::Undo),
        [
            "CreateRoute remove-2",
            "CreateRoute remove-1",
            "DeleteRoute add-3",
            "DeleteRoute add-2",
            "DeleteRoute add-1"
        ]
    );
    let said = proposal.impact.join("\n");
    assert!(said.contains("packets to 10.2.0.0/16, 10.3.0.0/16 go to pcx-1 as before"), "{said}");
    assert!(said.contains("all others to 10.0.0.0/8 are dropped by the table"), "{said}");
}

#[test]
fn a_network_that_has_a_route_already_is_not_added_again() {
    let all = vec![to_peer("10.0.0.0/8"), to_peer("10.0.0.0/7"), to_peer("10.2.0.0/16")];
    assert_eq!(
        calls(&propose(&peered(all)).unwrap()),
        [
            "add-1 CreateRoute 10.3.0.0/16",
            "remove-1 DeleteRoute 10.0.0.0/7",
            "remove-2 DeleteRoute 10.0.0.0/8",
        ]
    );
    // Both networks together have a route that fits.
    let whole = vec![to_peer("10.0.0.0/8"), to_peer("10.2.0.0/15")];
    assert_eq!(calls(&propose(&peered(whole)).unwrap()), ["remove-1 DeleteRoute 10.0.0.0/8"]);
    let fits = vec![to_peer("10.2.0.0/16"), to_peer("10.3.7.0/24"), to_peer("10.2.0.0/15")];
    assert!(matches!(propose(&peered(fits)), Err(Refusal::Nothing(_))));
}

#[test]
fn a_network_that_is_taken_or_of_the_vpc_itself_is_refused() {
    let elsewhere = route("10.2.0.0/16", "TransitGatewayId", "tgw-1", "active");
    let why = refused(&peered(vec![to_peer("10.0.0.0/8"), elsewhere]));
    assert!(why.contains("go by 10.2.0.0/16 to tgw-1 (active) now"), "{why}");
    // A route in between takes the packets already.
    let between = route("10.2.0.0/15", "TransitGatewayId", "tgw-1", "active");
    assert!(refused(&peered(vec![to_peer("10.0.0.0/8"), between])).contains("go by 10.2.0.0/15 to tgw-1"));
    let waiting = Route { state: "blackhole".into(), ..to_peer("10.2.0.0/16") };
    assert!(refused(&peered(vec![to_peer("10.0.0.0/8"), waiting])).contains("(blackhole) now"));
    let mut overlapping = peered(vec![to_peer("10.0.0.0/8")]);
    let connection = overlapping.region_mut(R).vpc_peering_connections.get_mut("pcx-1").unwrap();
    connection.accepter.cidrs = vec!["10.0.128.0/17".into()];
    let why = refused(&overlapping);
    assert!(why.contains("10.0.128.0/17") && why.contains("overlaps with 10.0.0.0/16 of vpc-1"), "{why}");
}

#[test]
fn old_and_new_routes_side_by_side_must_fit_and_no_way_to_the_internet_is_opened() {
    let filler =
        |n: usize| (0..n).map(|n| route(&format!("192.168.{n}.0/24"), "TransitGatewayId", "tgw-1", "active"));
    let full = peered(filler(47).chain([to_peer("10.0.0.0/8")]).collect());
    let why = refused(&full);
    assert!(why.contains("49 + 2 routes where the limit is 50"), "{why}");
    assert!(propose_with(&full, json!({ "route_limit": 51 })).is_ok());
    assert!(propose(&peered(filler(46).chain([to_peer("10.0.0.0/8")]).collect())).is_ok());
    let igw = route("0.0.0.0/0", routes::GATEWAY, "igw-1", "active");
    let open = peered(vec![to_peer("10.0.0.0/8"), igw]);
    assert!(refused(&open).contains("would go to the internet by 0.0.0.0/0 to igw-1"));
    assert!(propose_with(&open, json!({ "allow_internet_gateway": true })).is_ok());
}

#[test]
fn both_findings_on_a_table_are_one_change_and_each_alone_is_its_own() {
    let it = peered(vec![to_peer("10.0.0.0/8"), dead("10.2.9.0/24")]);
    let whole = propose(&it).unwrap();
    let names: Vec<&str> = whole.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["delete-1", "add-1", "add-2", "remove-1"]);
    assert_eq!((whole.risk, whole.proof.len()), (Risk::Irreversible, 2));
    // The route that comes takes the packets of the one that goes.
    assert!(whole.impact[0].ends_with("then they go by 10.2.0.0/16 to pcx-1"), "{}", whole.impact[0]);
    let options = Options::default();
    for (check, names) in [(BLACKHOLE, &["delete-1"][..]), (BROAD, &["add-1", "add-2", "remove-1"])] {
        let checks = [check.to_owned()];
        let context = Context { inventory: &it, region: R, checks: &checks, options: &options };
        let target = it.owner.ec2(R, "route-table", "rtb-1");
        let part = FixRouteTable.propose(&context, &target, &json!({})).unwrap();
        assert_eq!(part.steps.iter().map(|step| step.name.as_str()).collect::<Vec<_>>(), names);
    }
}

#[test]
fn a_peer_that_is_not_known_is_unknown() {
    let with = |edit: fn(&mut VpcPeeringConnection)| {
        let mut it = peered(vec![to_peer("10.0.0.0/8")]);
        edit(it.region_mut(R).vpc_peering_connections.get_mut("pcx-1").unwrap());
        it
    };
    assert!(unknown(&with(|c| c.status = "pending-acceptance".into())).contains("not active"));
    let empty = with(|c| (c.accepter.cidrs, c.accepter.ipv6_cidrs) = (Vec::new(), Vec::new()));
    assert!(unknown(&empty).contains("no networks of the peer"));
    let mut denied = peered(vec![to_peer("10.0.0.0/8")]);
    let items = &mut denied.region_mut(R).vpc_peering_connections.items;
    items.insert("pcx-1".into(), Fact::unknown("AccessDenied"));
    assert!(unknown(&denied).contains("AccessDenied"));
}

fn closes(inventory: &Inventory) -> Result<Vec<Closing>, Refusal> {
    let options = Options::default();
    let context = Context { inventory, region: R, checks: &[], options: &options };
    FixRouteTable.closes(&context, &inventory.owner.ec2(R, "route-table", "rtb-1"), &json!({}))
}

#[test]
fn flow_logs_are_asked_about_the_packets_that_lose_their_route() {
    let mut it = account(vec![dead("10.0.0.0/8")]);
    it.region_mut(R).route_tables.reads.clear();
    assert!(matches!(closes(&it), Err(Refusal::Unknown(why)) if why.contains("a route table of their own")));
    let other = RouteTable {
        id: "rtb-2".into(),
        vpc_id: "vpc-1".into(),
        associations: vec![RouteTableAssociation {
            subnet_id: Some("subnet-own".into()),
            ..RouteTableAssociation::default()
        }],
        ..RouteTable::default()
    };
    let region = it.region_mut(R);
    region.route_tables.put("rtb-2", other);
    region.route_tables.read(&Selector::All, Fact::Known(()));
    let all = closes(&it).unwrap();
    let [one] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!(one.closes, "the route 10.0.0.0/8 to nat-dead");
    assert_eq!(one.way, crate::evidence::Way::Out);
    assert_eq!(one.stays[0].peers, ["10.0.0.0/16".parse().unwrap()], "the VPC itself is reached as before");
    assert!(one.at.has(&[], "subnet-of-the-main-table") && !one.at.has(&[], "subnet-own"));
}
