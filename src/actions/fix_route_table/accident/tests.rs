//! Private subnets on small accounts: what becomes of their default routes, and what they are needed for.

use serde_json::{Value, json};

use super::*;
use crate::{
    actions::{Action, Context, Options, Proposal, fix_route_table::FixRouteTable, make::sound},
    calls::{Risk, WayBack},
    inventory::{
        Caller, EgressOnlyGateway, Fact, LoadBalancer, NetworkInterface, RouteTable, RouteTableAssociation,
        Selector, routes,
    },
    resource::Owner,
};

pub const R: &str = "us-east-1";

pub fn to_gateway(destination: &str) -> Route {
    Route {
        destination: destination.into(),
        target: [(routes::GATEWAY.to_owned(), "igw-1".to_owned())].into(),
        state: "active".into(),
        origin: "CreateRoute".into(),
        ..Route::default()
    }
}

pub fn association(subnet: &str) -> RouteTableAssociation {
    RouteTableAssociation { subnet_id: Some(subnet.into()), ..RouteTableAssociation::default() }
}

pub fn subnet(id: &str, tier: &str, zone: &str) -> Subnet {
    Subnet {
        id: id.into(),
        vpc_id: "vpc-1".into(),
        availability_zone: zone.into(),
        tags: [("Tier".to_owned(), tier.to_owned())].into(),
        ..Subnet::default()
    }
}

pub fn nat(id: &str, subnet: &str) -> NatGateway {
    NatGateway {
        id: id.into(),
        vpc_id: "vpc-1".into(),
        subnet_id: Some(subnet.into()),
        state: "available".into(),
        connectivity_type: Some("public".into()),
        ..NatGateway::default()
    }
}

/// Builds a table that leads one private subnet to the internet over IPv4 and IPv6, with a NAT gateway of
/// each zone and an egress-only gateway elsewhere in the VPC.
pub fn account() -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let mut it = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
    let region = it.region_mut(R);
    for selector in [Selector::All, Selector::by("vpc-id", "vpc-1")] {
        region.route_tables.read(&selector, Fact::Known(()));
        region.subnets.read(&selector, Fact::Known(()));
        region.network_interfaces.read(&selector, Fact::Known(()));
        region.nat_gateways.read(&selector, Fact::Known(()));
        region.load_balancers.read(&selector, Fact::Known(()));
    }
    let table = RouteTable {
        id: "rtb-1".into(),
        vpc_id: "vpc-1".into(),
        owner_id: "123456789012".into(),
        routes: vec![to_gateway("::/0"), to_gateway("0.0.0.0/0")],
        associations: vec![association("subnet-a")],
        ..RouteTable::default()
    };
    region.route_tables.put("rtb-1", table);
    // The table of the public subnets.
    let main = RouteTableAssociation { main: true, ..RouteTableAssociation::default() };
    let public = RouteTable {
        id: "rtb-2".into(),
        vpc_id: "vpc-1".into(),
        routes: vec![to_gateway("0.0.0.0/0")],
        associations: vec![main],
        ..RouteTable::default()
    };
    region.route_tables.put("rtb-2", public);
    for (id, tier, zone) in [
        ("subnet-a", "private", "us-east-1a"),
        ("subnet-b", "public", "us-east-1a"),
        ("subnet-c", "public", "us-east-1b"),
    ] {
        region.subnets.put(id, subnet(id, tier, zone));
    }
    region.nat_gateways.put("nat-b", nat("nat-b", "subnet-b"));
    region.nat_gateways.put("nat-c", nat("nat-c", "subnet-c"));
    let out = EgressOnlyGateway {
        id: "eigw-1".into(),
        vpc_id: "vpc-1".into(),
        state: "attached".into(),
        ..EgressOnlyGateway::default()
    };
    region.egress_only_gateways.put("eigw-1", out);
    it
}

/// Puts an interface in the private subnet that something uses.
pub fn used(it: &mut Inventory, edit: impl Fn(&mut NetworkInterface)) {
    let mut eni = NetworkInterface {
        id: "eni-1".into(),
        vpc_id: "vpc-1".into(),
        subnet_id: "subnet-a".into(),
        status: "in-use".into(),
        ..NetworkInterface::default()
    };
    edit(&mut eni);
    it.region_mut(R).network_interfaces.put("eni-1", eni);
}

pub fn propose(inventory: &Inventory, with: Value) -> Result<Proposal, Refusal> {
    let options = Options::default();
    let context = Context { inventory, region: R, checks: &[], options: &options };
    FixRouteTable.propose(&context, &inventory.owner.ec2(R, "route-table", "rtb-1"), &with)
}

pub fn refused(inventory: &Inventory, with: Value) -> String {
    match propose(inventory, with) {
        Err(Refusal::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

fn both() -> Value {
    json!({ "nat_gateways": ["nat-c", "nat-b", "nat-elsewhere"], "egress_only_gateways": ["eigw-1"] })
}

#[test]
fn without_a_replacement_the_routes_go_and_come_back() {
    let proposal = propose(&account(), json!({})).unwrap();
    sound::steps(&proposal.steps);
    let calls: Vec<&str> = proposal.steps.iter().map(|step| step.act.call.operation.as_str()).collect();
    assert_eq!(calls, ["DeleteRoute", "DeleteRoute"]);
    assert_eq!(proposal.risk, Risk::Disruptive);
    let WayBack::Calls { rollback, .. } = &proposal.steps[0].way_back else { panic!() };
    assert_eq!(
        rollback[0].call.input,
        json!({ "RouteTableId": "rtb-1", "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1" })
    );
    assert!(proposal.impact[0].contains("packets to 0.0.0.0/0 are dropped"), "{:?}", proposal.impact);
    assert_eq!(proposal.after, json!([]));
}

#[test]
fn a_replacement_takes_the_place_of_the_route_in_one_call() {
    let proposal = propose(&account(), both()).unwrap();
    sound::steps(&proposal.steps);
    let inputs: Vec<&Value> = proposal.steps.iter().map(|step| &step.act.call.input).collect();
    assert_eq!(
        inputs,
        [
            &json!({ "RouteTableId": "rtb-1", "DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-b" }),
            &json!({ "RouteTableId": "rtb-1", "DestinationIpv6CidrBlock": "::/0",
                "EgressOnlyInternetGatewayId": "eigw-1" }),
        ],
        "the NAT gateway in the zone of the subnet"
    );
    assert!(proposal.steps.iter().all(|step| step.act.call.operation == "ReplaceRoute"));
    let named = propose(&account(), json!({ "nat_gateways": ["nat-c"] })).unwrap();
    assert_eq!(named.steps[0].act.call.input["NatGatewayId"], json!("nat-c"), "what is named is meant");
}

#[test]
fn the_only_way_out_of_something_in_use_stays_unless_a_replacement_is_named() {
    let mut v4 = account();
    used(&mut v4, |eni| eni.public_ip = Some("198.51.100.4".into()));
    assert!(refused(&v4, json!({})).contains("(nat_gateways)"));
    let proposal = propose(&v4, both()).unwrap();
    assert!(
        proposal.impact.iter().any(|line| line.contains("eni-1 (198.51.100.4)")),
        "{:?}",
        proposal.impact
    );
    let mut v6 = account();
    used(&mut v6, |eni| eni.more_addresses = vec!["2001:db8::4".into()]);
    assert!(refused(&v6, json!({ "nat_gateways": ["nat-b"] })).contains("(egress_only_gateways)"));
    propose(&v6, both()).unwrap();
    // Without a public address the route is no way out.
    let mut inner = account();
    used(&mut inner, |eni| eni.private_ip = Some("10.0.0.4".into()));
    propose(&inner, json!({})).unwrap();
}

#[test]
fn what_works_by_the_route_keeps_it_whatever_is_named() {
    let mut translating = account();
    translating.region_mut(R).nat_gateways.put("nat-a", nat("nat-a", "subnet-a"));
    assert!(refused(&translating, both()).contains("holds the NAT gateway nat-a"));
    let mut regional = account();
    let everywhere = NatGateway { subnet_id: None, ..nat("nat-r", "") };
    regional.region_mut(R).nat_gateways.put("nat-r", everywhere);
    assert!(refused(&regional, json!({})).contains("regional NAT gateway nat-r"));
    let named = propose(&regional, json!({ "nat_gateways": ["nat-r"] })).unwrap();
    assert_eq!(named.steps[0].act.call.input["NatGatewayId"], json!("nat-r"));
    for scheme in ["internet-facing", "of a later kind"] {
        let mut balanced = account();
        let balancer = LoadBalancer {
            name: "shop".into(),
            scheme: scheme.into(),
            subnets: vec!["subnet-a".into()],
            ..LoadBalancer::default()
        };
        balanced.region_mut(R).load_balancers.put("arn", balancer);
        assert!(refused(&balanced, both()).contains("holds the load balancer shop"));
    }
    let mut classic = account();
    used(&mut classic, |eni| {
        eni.public_ip = Some("198.51.100.4".into());
        eni.requester_id = Some("amazon-elb".into());
    });
    assert!(refused(&classic, both()).contains("is a load balancer's"));
}

#[test]
fn a_table_that_others_need_and_replacements_that_do_not_fit_are_refused() {
    let mut shared = account();
    shared.region_mut(R).route_tables.get_mut("rtb-1").unwrap().associations.push(association("subnet-b"));
    assert!(refused(&shared, both()).contains("also routes the packets of subnet-b"));
    assert!(
        refused(&account(), json!({ "nat_gateways": ["nat-elsewhere"] })).contains("none is a NAT gateway")
    );
    let mut gone = account();
    gone.region_mut(R).egress_only_gateways.items.insert("eigw-x".into(), Fact::Absent);
    assert!(refused(&gone, json!({ "egress_only_gateways": ["eigw-x"] })).contains("none is an egress-only"));
    let mut two = account();
    two.region_mut(R).nat_gateways.put("nat-d", nat("nat-d", "subnet-b"));
    assert!(refused(&two, json!({ "nat_gateways": ["nat-b", "nat-d"] })).contains("is not certain"));
    let mut dead = account();
    dead.region_mut(R).route_tables.get_mut("rtb-2").unwrap().routes.clear();
    assert!(refused(&dead, json!({ "nat_gateways": ["nat-b"] })).contains("has no default route"));
    let mut list = account();
    list.region_mut(R).route_tables.get_mut("rtb-1").unwrap().routes = vec![to_gateway("pl-1")];
    let world = Fact::Known(vec!["0.0.0.0/0".to_owned()]);
    let all = crate::inventory::PrefixList { id: "pl-1".into(), entries: world, ..Default::default() };
    list.region_mut(R).prefix_lists.put("pl-1", all);
    assert!(refused(&list, both()).contains("leads to a prefix list"));
    let mut inner = account();
    inner.region_mut(R).nat_gateways.get_mut("nat-b").unwrap().connectivity_type = Some("private".into());
    assert!(refused(&inner, json!({ "nat_gateways": ["nat-b"] })).contains("takes nothing to the internet"));
}

#[test]
fn the_host_of_redress_keeps_its_way_to_aws() {
    let mut it = account();
    used(&mut it, |eni| eni.instance_id = Some("i-host".into()));
    it.caller.host = Fact::Known("i-host".into());
    assert!(refused(&it, json!({})).contains("redress itself runs on i-host"));
    it.caller.host = Fact::Known("i-other".into());
    propose(&it, json!({})).unwrap();
}

#[test]
fn what_was_not_read_is_unknown() {
    for clear in [
        |region: &mut crate::inventory::Region| region.network_interfaces.reads.clear(),
        |region: &mut crate::inventory::Region| region.nat_gateways.reads.clear(),
        |region: &mut crate::inventory::Region| region.load_balancers.reads.clear(),
        |region: &mut crate::inventory::Region| region.subnets.reads.clear(),
    ] {
        let mut it = account();
        clear(it.region_mut(R));
        assert!(matches!(propose(&it, json!({})), Err(Refusal::Unknown(_))));
    }
}
