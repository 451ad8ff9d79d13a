//! Route tables: on the twin, what somebody else does in between; and through the built program on an
//! emulator, with boto3 as the witness. The emulator shows blackholes only since the tests teach it to
//! (`moto_server.py`).

use redress::{
    inventory::{FamilyKind, NatGateway, VpcPeeringConnection},
    journal::Outcome,
    plan::Plan,
    twin::{DeniedRead, demo},
};
use serde_json::{Value, json};

use super::{
    clinic_desk::Desk,
    half_done,
    laws::undoing,
    stand::{Kill, Stand, hold, yes},
    world,
};

const BLACKHOLE: &str = "route-table-blackhole-route";

/// The plan that answers this check on the demo account, and the table.
fn planned(stand: &Stand, check: &str) -> (Plan, String) {
    let whole = world::plan(stand, &world::Wish::default());
    let all: Vec<_> =
        whole.changes.iter().filter(|c| c.findings.iter().any(|finding| finding.check == check)).collect();
    let [change] = all.as_slice() else { panic!("{all:?}") };
    let (id, table) = (change.id.clone(), change.resource.id().to_owned());
    (world::select(stand, &whole, &[id].into()), table)
}

fn operations(stand: &Stand) -> Vec<String> {
    hold(&stand.called).iter().map(|call| call.operation.clone()).collect()
}

fn routes(stand: &Stand, table: &str) -> Vec<redress::inventory::Route> {
    stand.settled().regions[demo::MAIN].route_tables.get(table).known().unwrap().routes.clone()
}

#[test]
fn a_target_that_exists_again_and_one_that_may_not_be_read_keep_the_route() {
    for denied in [false, true] {
        let stand = world::demo_for("fix-route-table");
        let (plan, table) = planned(&stand, BLACKHOLE);
        let before = routes(&stand, &table);
        let dead = before.iter().find(|route| route.state == "blackhole").unwrap().towards().to_owned();
        if denied {
            let family = FamilyKind::VpcPeeringConnections;
            hold(&stand.twin).faults.denied_reads = vec![DeniedRead { family, region: None, member: None }];
        } else {
            let again = VpcPeeringConnection { id: dead.clone(), ..VpcPeeringConnection::default() };
            hold(&stand.twin).truth_mut().region_mut(demo::MAIN).vpc_peering_connections.put(dead, again);
        }
        let _ = stand.run(&plan, yes(&plan), None).unwrap();
        assert_eq!(operations(&stand), [""; 0], "{denied}");
        assert_eq!(routes(&stand, &table), before);
    }
}

#[test]
fn each_route_is_looked_at_directly_before_its_call_and_a_run_goes_on_after_it_died() {
    let stand = || {
        let stand = world::demo_for("fix-route-table");
        let table = {
            let mut twin = hold(&stand.twin);
            let region = twin.truth_mut().region_mut(demo::MAIN);
            let (id, _) = region.route_tables.known().find(|(_, t)| t.tags["Name"] == "main-public").unwrap();
            let id = id.to_owned();
            let more = world::route("10.81.0.0/16", "NatGatewayId", "nat-0123456789abcdef0");
            let more = redress::inventory::Route { state: "blackhole".into(), ..more };
            region.route_tables.get_mut(&id).unwrap().routes.push(more);
            id
        };
        (stand, table)
    };
    let (first, table) = stand();
    let (plan, _) = planned(&first, BLACKHOLE);
    assert_eq!(plan.changes[0].steps.len(), 2);
    // The second target is there by then: its route stays, and the first does not come back.
    hold(&first.then).push((
        "DeleteRoute".to_owned(),
        Box::new(|twin| {
            let again = NatGateway { id: "nat-0123456789abcdef0".into(), ..NatGateway::default() };
            twin.truth_mut().region_mut(demo::MAIN).nat_gateways.put(again.id.clone(), again);
        }),
    ));
    first.run(&plan, yes(&plan), None).unwrap().unwrap();
    let told = &first.story().changes[&plan.changes[0].id];
    assert_eq!(told.outcome(), Some(Outcome::Verified), "{}", told.reason);
    assert_eq!(operations(&first), ["DeleteRoute"]);
    assert!(routes(&first, &table).iter().any(|route| route.destination == "10.81.0.0/16"));

    for kill in [Kill::AfterCall(1), Kill::BeforeCall(2)] {
        let (other, table) = stand();
        let (plan, _) = planned(&other, BLACKHOLE);
        other.killed(&plan, kill);
        half_done::borne_out(&other, &plan, "nothing has changed");
        // What the action would not remove today is not removed because a file says so.
        let mut forged = serde_json::to_value(&plan).unwrap();
        forged["changes"][0]["steps"][1]["call"]["input"]["DestinationCidrBlock"] = json!("0.0.0.0/0");
        let said = half_done::said(&other, &serde_json::from_value(forged).unwrap());
        assert!(said.beyond.iter().any(|why| why.contains("is not what fix-route-table makes")), "{said:#?}");
        other.run(&plan, Vec::new(), None).unwrap().unwrap();
        assert_eq!(other.story().changes[&plan.changes[0].id].outcome(), Some(Outcome::Verified), "{kill:?}");
        assert!(routes(&other, &table).iter().all(|route| route.state != "blackhole"));
    }
}

/// Tables with routes whose targets are deleted, and such that look alike.
const SEED: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
def subnet(vpc, cidr):
    return ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]
def table(vpc, **routes):
    id = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    for to, target in routes.items():
        ec2.create_route(RouteTableId=id, DestinationCidrBlock=to.replace("_", ".").replace("x", "/")[1:], **target)
    return id
vpc, peer = (ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"] for cidr in ("10.9.0.0/16", "10.8.0.0/16"))
inside = subnet(vpc, "10.9.1.0/24")
igw = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
ec2.attach_internet_gateway(InternetGatewayId=igw, VpcId=vpc)
nats = [ec2.create_nat_gateway(SubnetId=inside, ConnectivityType="private")["NatGateway"]["NatGatewayId"] for _ in range(3)]
eni = ec2.create_network_interface(SubnetId=inside)["NetworkInterface"]["NetworkInterfaceId"]
to_nat = [{"NatGatewayId": nat} for nat in nats]
ids = {
    "dead": table(vpc, n10_7_0_0x16=to_nat[0], n10_6_0_0x16={"NetworkInterfaceId": eni}, n0_0_0_0x0=to_nat[2]),
    "open": table(vpc, n10_7_0_0x16=to_nat[0], n0_0_0_0x0={"GatewayId": igw}),
    "young": table(vpc, n10_7_0_0x16=to_nat[1]),
    "fine": table(vpc, n10_7_0_0x16=to_nat[2]),
}
ec2.delete_network_interface(NetworkInterfaceId=eni)
for nat in (nats[0], nats[0], nats[1]):
    ec2.delete_nat_gateway(NatGatewayId=nat)
print(json.dumps(ids))
"#;

/// The destinations of each table, with their states.
const SHOWN: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
print(json.dumps({t["RouteTableId"]: {r["DestinationCidrBlock"]: r["State"] for r in t["Routes"]} for t in ec2.describe_route_tables()["RouteTables"]}))
"#;

fn shown(desk: &Desk) -> Value {
    serde_json::from_str(&desk.python(SHOWN, "")).unwrap()
}

#[test]
fn routes_whose_targets_are_gone_are_removed_for_good_and_only_when_that_is_allowed() {
    let (desk, seed) = Desk::seeded(SEED);
    let id = |name: &str| seed[name].as_str().unwrap();
    let before = shown(&desk);
    assert_eq!(before[id("young")]["10.7.0.0/16"], json!("blackhole"));
    let check = "--region us-east-1 --check route-table-blackhole-route";
    let scan = desk.ends(0, &format!("scan {check} --format json")).json();
    let violating = |finding: &&Value| finding["verdict"] == "violates";
    let mut found: Vec<&str> = scan["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(violating)
        .map(|f| f["resource"]["id"].as_str().unwrap())
        .collect();
    let mut dead = [id("dead"), id("open")];
    found.sort_unstable();
    dead.sort_unstable();
    assert_eq!(found, dead, "{scan:#}");
    let plan = desk.ends(4, &format!("plan {check} -o plan.json --format json")).json();
    let refused = plan["skipped"].as_array().unwrap();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0]["reason"].as_str().unwrap().contains("would go to the internet"), "{refused:?}");
    let kept = plan["changes"][0]["not_restored"].to_string();
    assert!(kept.contains("10.7.0.0/16 to nat-") && kept.contains("10.6.0.0/16 to eni-"), "{kept}");
    desk.ends(4, "apply plan.json --auto-approve --max-risk disruptive");
    assert_eq!(shown(&desk), before, "a flag for disruptive changes does not allow it");
    desk.ends(0, "apply plan.json --auto-approve --allow-irreversible fix-route-table");
    let mut after = before.clone();
    let routes = after[id("dead")].as_object_mut().unwrap();
    routes.remove("10.7.0.0/16");
    routes.remove("10.6.0.0/16");
    assert_eq!(shown(&desk), after, "these routes, and nothing else");
    desk.ends(0, "verify last");
}

const BROAD: &str = "route-table-broad-peering-route";

/// The destinations of a table that lead to a peering connection.
fn peered(stand: &Stand, table: &str) -> Vec<String> {
    let mut all: Vec<String> = routes(stand, table)
        .into_iter()
        .filter(|route| route.target.contains_key("VpcPeeringConnectionId"))
        .map(|route| route.destination)
        .collect();
    all.sort_unstable();
    all
}

#[test]
fn a_broad_route_is_narrowed_wherever_the_run_dies_and_comes_back_with_an_undo() {
    let stand = world::demo();
    let (plan, table) = planned(&stand, BROAD);
    let before = routes(&stand, &table);
    assert_eq!(peered(&stand, &table), ["10.0.0.0/8"]);
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    assert_eq!(operations(&stand), ["CreateRoute", "DeleteRoute"]);
    assert_eq!(peered(&stand, &table), ["10.10.0.0/16"]);
    let undoing = undoing(&stand, &plan);
    assert!(undoing.plan.rehearsal.undo_restores, "{:?}", undoing.plan.rehearsal.differences);
    let second = stand.again();
    second.run(&undoing.plan, yes(&undoing.plan), None).unwrap().unwrap();
    assert_eq!(operations(&second), ["CreateRoute", "DeleteRoute"]);
    let (mut was, mut is) = (before, routes(&second, &table));
    was.sort_by_key(|r| r.destination.clone());
    is.sort_by_key(|r| r.destination.clone());
    assert_eq!(is, was);

    for kill in [Kill::AfterCall(1), Kill::BeforeCall(2)] {
        let stand = world::demo();
        let (plan, table) = planned(&stand, BROAD);
        stand.killed(&plan, kill);
        half_done::borne_out(&stand, &plan, "nothing has changed");
        // A route that the action does not make is not made because a file says so.
        for (step, to) in [(0, "0.0.0.0/0"), (1, "10.70.0.0/16")] {
            let mut forged = serde_json::to_value(&plan).unwrap();
            forged["changes"][0]["steps"][step]["call"]["input"]["DestinationCidrBlock"] = json!(to);
            let said = half_done::said(&stand, &serde_json::from_value(forged).unwrap());
            let beyond = said.beyond.iter().any(|why| why.contains("is not what fix-route-table makes"));
            // The first call is done by then.
            assert!(beyond || step == 0, "{to}: {said:#?}");
        }
        stand.run(&plan, Vec::new(), None).unwrap().unwrap();
        assert_eq!(stand.story().changes[&plan.changes[0].id].outcome(), Some(Outcome::Verified), "{kill:?}");
        assert_eq!(peered(&stand, &table), ["10.10.0.0/16"]);
    }
}

#[test]
fn a_network_of_the_peer_that_loses_its_route_before_the_broad_one_goes_brings_back_what_was() {
    let stand = world::demo();
    let (plan, table) = planned(&stand, BROAD);
    let of = table.clone();
    hold(&stand.then).push((
        "CreateRoute".to_owned(),
        Box::new(move |twin| {
            let table = twin.truth_mut().region_mut(demo::MAIN).route_tables.get_mut(&of).unwrap();
            let narrow = table.routes.iter_mut().find(|route| route.destination == "10.10.0.0/16").unwrap();
            narrow.target = [("TransitGatewayId".to_owned(), "tgw-1".to_owned())].into();
        }),
    ));
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    let told = &stand.story().changes[&plan.changes[0].id];
    assert_ne!(told.outcome(), Some(Outcome::Verified), "{}", told.reason);
    assert!(!operations(&stand).contains(&"DeleteRoute".to_owned()), "{:?}", operations(&stand));
    let left = routes(&stand, &table);
    assert!(left.iter().any(|route| route.destination == "10.0.0.0/8"), "{left:?}");
    assert!(left.iter().any(|route| route.target.contains_key("TransitGatewayId")), "it is somebody else's");
}

/// Two VPCs with a peering connection, and tables with routes to it, broad ones and such that look alike.
const PEERED: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
own, peer = (ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"] for cidr in ("10.9.0.0/16", "10.8.0.0/16"))
def peering(accept):
    id = ec2.create_vpc_peering_connection(VpcId=own, \
    PeerVpcId=peer)["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    return accept and ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=id) and id or id
def table(*routes):
    id = ec2.create_route_table(VpcId=own)["RouteTable"]["RouteTableId"]
    for to, target in routes:
        ec2.create_route(RouteTableId=id, DestinationCidrBlock=to, **target)
    return id
pcx, igw = {"VpcPeeringConnectionId": peering(True)}, {"GatewayId": ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]}
ec2.attach_internet_gateway(InternetGatewayId=igw["GatewayId"], VpcId=own)
print(json.dumps({
    "broad": table(("10.0.0.0/8", pcx)),
    "half": table(("0.0.0.0/0", pcx), ("10.8.0.0/16", pcx)),
    "open": table(("10.0.0.0/8", pcx), ("0.0.0.0/0", igw)),
    "exact": table(("10.8.0.0/16", pcx)),
    "narrow": table(("10.8.4.0/24", pcx)),
}))
"#;

#[test]
fn broad_routes_to_a_peer_are_narrowed_and_are_back_after_an_undo() {
    let (desk, seed) = Desk::seeded(PEERED);
    let id = |name: &str| seed[name].as_str().unwrap();
    let (before, check) = (shown(&desk), "--region us-east-1 --check route-table-broad-peering-route");
    let plan = desk.ends(4, &format!("plan {check} -o plan.json --format json")).json();
    let refused = plan["skipped"].as_array().unwrap();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0]["reason"].as_str().unwrap().contains("would go to the internet"), "{refused:?}");
    desk.ends(0, "apply plan.json --auto-approve --max-risk disruptive");
    let mut after = before.clone();
    let broad = after[id("broad")].as_object_mut().unwrap();
    broad.remove("10.0.0.0/8");
    broad.insert("10.8.0.0/16".to_owned(), json!("active"));
    after[id("half")].as_object_mut().unwrap().remove("0.0.0.0/0");
    assert_eq!(shown(&desk), after);
    desk.ends(0, "verify last");
    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
    assert_eq!(shown(&desk), before, "everything is as it was");
}

/// Subnets that are declared private and such that look alike, each with a table of its own but for the last
/// two; and what is in them.
const PRIVATE: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
elb = boto3.client("elbv2", region_name="us-east-1")
vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
igw = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
ec2.attach_internet_gateway(InternetGatewayId=igw, VpcId=vpc)
eigw = \
ec2.create_egress_only_internet_gateway(VpcId=vpc)["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"]
count = iter(range(1, 99))
def table():
    id = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=id, DestinationCidrBlock="0.0.0.0/0", GatewayId=igw)
    ec2.create_route(RouteTableId=id, DestinationIpv6CidrBlock="::/0", GatewayId=igw)
    return id
def subnet(tier, of):
    id = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{next(count)}.0/24", AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]
    ec2.create_tags(Resources=[id], Tags=[{"Key": "Tier", "Value": tier}])
    ec2.associate_route_table(RouteTableId=of, SubnetId=id)
    return id
ids = {name: table() for name in ("empty", "used", "public", "named", "natted", "balanced", "mixed")}
in_ = {name: subnet({"public": "public", "named": "not-private"}.get(name, "private"), ids[name]) for name in ids}
subnet("public", ids["mixed"])
address = ec2.allocate_address(Domain="vpc")["AllocationId"]
image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, \
SubnetId=in_["used"])["Instances"][0]["InstanceId"]
ec2.associate_address(AllocationId=address, InstanceId=instance)
ec2.create_nat_gateway(SubnetId=in_["natted"], ConnectivityType="private")
spare = ec2.allocate_address(Domain="vpc")["AllocationId"]
nat = ec2.create_nat_gateway(SubnetId=in_["public"], AllocationId=spare, ConnectivityType="public")["NatGateway"]["NatGatewayId"]
elb.create_load_balancer(Name="shop", Subnets=[in_["balanced"], in_["public"]], Scheme="internet-facing", Type="application")
print(json.dumps({**ids, "nat": nat, "eigw": eigw, "igw": igw}))
"#;

/// The targets of the default routes of each table.
const DEFAULTS: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
def target(route):
    return route.get("NatGatewayId") or route.get("EgressOnlyInternetGatewayId") or route.get("GatewayId")
print(json.dumps({t["RouteTableId"]: sorted(
    (r.get("DestinationCidrBlock") or r["DestinationIpv6CidrBlock"]) + " " + target(r)
    for r in t["Routes"] if target(r) != "local")
    for t in ec2.describe_route_tables()["RouteTables"]}))
"#;

#[test]
fn private_subnets_are_led_away_from_the_internet_only_where_nothing_needs_that_and_come_back() {
    let (desk, seed) = Desk::seeded(PRIVATE);
    let id = |name: &str| seed[name].as_str().unwrap().to_owned();
    let defaults = || -> Value { serde_json::from_str(&desk.python(DEFAULTS, "")).unwrap() };
    let before = defaults();
    let check = "--region us-east-1 --check route-table-public-by-accident";
    let scan = desk.ends(0, &format!("scan {check} --format json")).json();
    let violating = |finding: &&Value| finding["verdict"] == "violates";
    let found = scan["findings"].as_array().unwrap().iter().filter(violating);
    let mut found: Vec<String> = found.map(|f| f["resource"]["id"].as_str().unwrap().to_owned()).collect();
    found.sort_unstable();
    let mut wanted = ["empty", "used", "natted", "balanced", "mixed"].map(id);
    wanted.sort_unstable();
    assert_eq!(found, wanted, "{scan:#}");

    // Without a replacement only the subnet is led away in which nothing needs the route.
    let plan = desk.ends(4, &format!("plan {check} -o plan.json --format json")).json();
    let skipped = plan["skipped"].as_array().unwrap();
    let why = |name: &str| {
        let of = skipped.iter().find(|s| s.to_string().contains(&id(name))).unwrap();
        of["reason"].as_str().unwrap().to_owned()
    };
    assert!(why("used").contains("the only way to the internet for eni-"), "{}", why("used"));
    assert!(why("natted").contains("holds the NAT gateway"), "{}", why("natted"));
    assert!(why("balanced").contains("holds the load balancer shop"), "{}", why("balanced"));
    assert!(why("mixed").contains("for which no tag says"), "{}", why("mixed"));
    desk.ends(0, "apply plan.json --auto-approve --max-risk disruptive");
    let mut after = before.clone();
    after[id("empty")] = json!([]);
    assert_eq!(defaults(), after);
    desk.ends(0, "verify last");
    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
    assert_eq!(defaults(), before);

    // With replacements, what is in use keeps a way out.
    let playbook = include_str!("../../playbooks/private-subnets.toml");
    let gateways = format!(
        "with = {{ nat_gateways = [\"{}\"], egress_only_gateways = [\"{}\"] }}\n",
        id("nat"),
        id("eigw")
    );
    std::fs::create_dir(desk.path("own")).unwrap();
    std::fs::write(desk.path("own/private-subnets.toml"), format!("{playbook}{gateways}")).unwrap();
    let plan = desk.ends(4, &format!("plan {check} --playbooks own -o plan.json --format json")).json();
    let impact = plan["changes"].to_string();
    assert!(impact.contains("no longer reached from the internet: eni-"), "{plan:#}");
    desk.ends(0, "apply plan.json --playbooks own --auto-approve --max-risk disruptive");
    for name in ["empty", "used"] {
        after[id(name)] = json!([format!("0.0.0.0/0 {}", id("nat")), format!("::/0 {}", id("eigw"))]);
    }
    assert_eq!(defaults(), after);
    desk.ends(0, "verify last");
    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
    assert_eq!(defaults(), before);
}
