//! Private subnets that share a route table with public ones: on the twin, wherever the run dies; and through
//! the built program on an emulator, killed between its calls, with boto3 as the witness.

use redress::{
    inventory::{Inventory, RouteTable, RouteTableAssociation, Subnet},
    journal::Outcome,
    plan::Plan,
    twin::demo,
};
use serde_json::{Value, json};

use super::{
    clinic_desk::Desk,
    half_done,
    kill_stand::{behind_proxy, moto},
    laws::undoing,
    proxy::{At, Fault},
    stand::{Kill, Stand, hold, yes},
    world,
};

const VPC: &str = "vpc-0ca11ab1e00000001";
/// The main table, which routes a private and a public subnet to the internet.
const MAIN: &str = "rtb-0ca11ab1e00000001";
/// A table with two private subnets and a public one.
const SHARED: &str = "rtb-0ca11ab1e00000002";
/// The table that is named for private subnets.
pub const PRIVATE: &str = "rtb-0ca11ab1e00000003";

/// Adds a VPC whose private subnets share their tables with public ones.
pub fn furnish(truth: &mut Inventory) {
    let account = truth.owner.account.clone();
    let region = truth.region_mut(demo::MAIN);
    let own = |id: &str, of: &str| RouteTableAssociation {
        id: format!("rtbassoc-{id}"),
        subnet_id: (!of.is_empty()).then(|| of.to_owned()),
        main: of.is_empty(),
        state: Some("associated".into()),
        ..RouteTableAssociation::default()
    };
    let out = world::route("0.0.0.0/0", "GatewayId", "igw-0ca11ab1e00000001");
    for (id, routes, associations) in [
        (MAIN, vec![out.clone()], vec![own("main", "")]),
        (SHARED, vec![out], ["a", "b", "c"].map(|n| own(n, &format!("subnet-{n}"))).to_vec()),
        (PRIVATE, vec![], vec![]),
    ] {
        let table = RouteTable {
            id: id.into(),
            vpc_id: VPC.into(),
            owner_id: account.clone(),
            routes,
            associations,
            tags: [("Name".to_owned(), id.to_owned())].into(),
            ..RouteTable::default()
        };
        region.route_tables.put(id, table);
    }
    for (n, tier) in [("a", "private"), ("b", "private"), ("c", "public"), ("d", "private"), ("e", "public")]
    {
        let subnet = Subnet {
            id: format!("subnet-{n}"),
            vpc_id: VPC.into(),
            owner_id: account.clone(),
            availability_zone: "us-east-1a".into(),
            tags: [("Tier".to_owned(), tier.to_owned())].into(),
            ..Subnet::default()
        };
        region.subnets.put(subnet.id.clone(), subnet);
    }
}

/// The plan for the private subnets of one table alone.
fn planned(table: &str) -> (Stand, Plan) {
    let stand = world::demo();
    furnish(hold(&stand.twin).truth_mut());
    let whole = world::plan(&stand, &world::Wish::default());
    let change = whole.changes.iter().find(|change| change.resource.id() == table).unwrap();
    let plan = world::select(&stand, &whole, &[change.id.clone()].into());
    (stand, plan)
}

/// The subnets of each table of the VPC.
fn subnets(stand: &Stand) -> Value {
    let settled = stand.settled();
    let tables = settled.regions[demo::MAIN].route_tables.known().filter(|(_, table)| table.vpc_id == VPC);
    let of = |table: &RouteTable| {
        let mut all: Vec<_> = table.associations.iter().filter_map(|a| a.subnet_id.clone()).collect();
        all.sort_unstable();
        all
    };
    tables.map(|(id, table)| (id.to_owned(), json!(of(table)))).collect::<serde_json::Map<_, _>>().into()
}

fn before() -> Value {
    json!({ MAIN: [], SHARED: ["subnet-a", "subnet-b", "subnet-c"], PRIVATE: [] })
}

#[test]
fn private_subnets_get_the_named_table_wherever_the_run_dies_and_theirs_again_with_an_undo() {
    for (table, after, calls) in [
        (SHARED, json!({ MAIN: [], SHARED: ["subnet-c"], PRIVATE: ["subnet-a", "subnet-b"] }), 2),
        (MAIN, json!({ MAIN: [], SHARED: before()[SHARED], PRIVATE: ["subnet-d"] }), 1),
    ] {
        for kill in (1..=calls).flat_map(|n| [Kill::BeforeCall(n), Kill::AfterCall(n)]) {
            let (stand, plan) = planned(table);
            assert_eq!(subnets(&stand), before());
            stand.killed(&plan, kill);
            half_done::borne_out(&stand, &plan, &format!("{kill:?}"));
            stand.run(&plan, Vec::new(), None).unwrap().unwrap();
            let told = &stand.story().changes[&plan.changes[0].id];
            assert_eq!(told.outcome(), Some(Outcome::Verified), "{kill:?}: {}", told.reason);
            assert_eq!(subnets(&stand), after, "{kill:?}");
            let undoing = undoing(&stand, &plan);
            assert!(undoing.plan.rehearsal.undo_restores, "{:?}", undoing.plan.rehearsal.differences);
            let second = stand.again();
            second.killed(&undoing.plan, kill);
            half_done::borne_out(&second, &undoing.plan, &format!("undo, {kill:?}"));
            second.run(&undoing.plan, Vec::new(), None).unwrap().unwrap();
            let told = &second.story().changes[&undoing.plan.changes[0].id];
            assert_eq!(told.outcome(), Some(Outcome::Restored), "{kill:?}: {}", told.reason);
            assert_eq!(subnets(&second), before(), "{kill:?}");
        }
    }
}

#[test]
fn a_table_that_leads_out_by_then_gets_no_subnet_and_one_that_was_moved_comes_back() {
    let (stand, plan) = planned(SHARED);
    hold(&stand.then).push((
        "ReplaceRouteTableAssociation".to_owned(),
        Box::new(|twin| {
            let table = twin.truth_mut().region_mut(demo::MAIN).route_tables.get_mut(PRIVATE).unwrap();
            table.routes.push(world::route("0.0.0.0/0", "GatewayId", "igw-0ca11ab1e00000001"));
        }),
    ));
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    let told = &stand.story().changes[&plan.changes[0].id];
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{}", told.reason);
    assert_eq!(subnets(&stand), before());
}

#[test]
fn an_association_that_the_action_does_not_change_is_not_changed_because_a_file_says_so() {
    for (member, value) in [
        ("AssociationId", "rtbassoc-c"),
        ("AssociationId", "rtbassoc-main"),
        ("RouteTableId", MAIN),
        ("RouteTableId", "rtb-00000000000000001"),
    ] {
        let (stand, plan) = planned(SHARED);
        stand.killed(&plan, Kill::BeforeCall(2));
        let mut forged = serde_json::to_value(&plan).unwrap();
        forged["changes"][0]["steps"][1]["call"]["input"][member] = json!(value);
        let said = half_done::said(&stand, &serde_json::from_value(forged).unwrap());
        assert!(!said.beyond.is_empty(), "{member} {value}: {said:#?}");
    }
}

/// Private subnets at a table that a public one has, too, and at the main one, and tables for them.
const SEED: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
igw = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
ec2.attach_internet_gateway(InternetGatewayId=igw, VpcId=vpc)
count = iter(range(1, 99))
def table(*routes):
    id = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    return [ec2.create_route(RouteTableId=id, DestinationCidrBlock="0.0.0.0/0", **route) for route in routes] and id or id
def subnet(tier, of=None):
    id = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{next(count)}.0/24", AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]
    ec2.create_tags(Resources=[id], Tags=[{"Key": "Tier", "Value": tier}])
    if of:
        ec2.associate_route_table(RouteTableId=of, SubnetId=id)
    return id
main = next(t["RouteTableId"] for t in ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"])
ec2.create_route(RouteTableId=main, DestinationCidrBlock="0.0.0.0/0", GatewayId=igw)
shared = table({"GatewayId": igw})
ids = {name: subnet(name.split("-")[0], of) for name, of in [
    ("private-a", shared), ("private-b", shared), ("public-c", shared), ("private-d", None), ("public-e", None)]}
spare = ec2.allocate_address(Domain="vpc")["AllocationId"]
nat = ec2.create_nat_gateway(SubnetId=ids["public-c"], AllocationId=spare, ConnectivityType="public")["NatGateway"]["NatGatewayId"]
address = ec2.allocate_address(Domain="vpc")["AllocationId"]
image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=ids["private-a"])["Instances"][0]["InstanceId"]
ec2.associate_address(AllocationId=address, InstanceId=instance)
print(json.dumps({**ids, "main": main, "shared": shared, "local": table(), "natted": table({"NatGatewayId": nat}), "open": table({"GatewayId": igw})}))
"#;

/// The subnets of each table, by the tables' own listing, and the default routes.
const SHOWN: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
print(json.dumps({t["RouteTableId"]: {
    "subnets": sorted(a["SubnetId"] for a in t["Associations"] if "SubnetId" in a),
    "out": [r.get("NatGatewayId") or r["GatewayId"] for r in t["Routes"] if r["DestinationCidrBlock"] == "0.0.0.0/0"],
} for t in ec2.describe_route_tables()["RouteTables"]}))
"#;

fn shown(desk: &Desk) -> Value {
    serde_json::from_str(&desk.python(SHOWN, "")).unwrap()
}

const CHECK: &str = "--region us-east-1 --check route-table-public-by-accident";

/// Writes the playbook with this table for private subnets.
fn named(desk: &Desk, table: &str) {
    let playbook = include_str!("../../playbooks/private-subnets.toml");
    let _ = std::fs::create_dir(desk.path("own"));
    let text = format!("{playbook}with = {{ private_tables = [\"{table}\"] }}\n");
    std::fs::write(desk.path("own/private-subnets.toml"), text).unwrap();
}

#[test]
fn private_subnets_get_another_table_and_public_ones_keep_theirs_and_all_is_back_after_an_undo() {
    let (desk, seed) = Desk::seeded(SEED);
    let id = |name: &str| seed[name].as_str().unwrap().to_owned();
    let before = shown(&desk);
    let reason = |of: &str, plan: &Value| {
        let skipped = plan["skipped"].as_array().unwrap();
        let one = skipped.iter().find(|s| s.to_string().contains(&id(of))).unwrap();
        one["reason"].as_str().unwrap().to_owned()
    };
    let refused =
        |flags: &str| desk.ends(4, &format!("plan {CHECK} {flags} -o plan.json --format json")).json();
    let plan = refused("");
    assert_eq!(plan["changes"], json!([]));
    assert!(reason("shared", &plan).contains("(private_tables)"), "{plan:#}");
    named(&desk, &id("open"));
    assert!(reason("shared", &refused("--playbooks own")).contains("itself"));
    // An instance with a public address has no other way out.
    named(&desk, &id("local"));
    let plan = refused("--playbooks own");
    assert!(reason("shared", &plan).contains("the only way to the internet for eni-"), "{plan:#}");
    assert_eq!(plan["changes"].as_array().unwrap().len(), 1, "{plan:#}");

    named(&desk, &id("natted"));
    let plan = desk.ends(0, &format!("plan {CHECK} --playbooks own -o plan.json --format json")).json();
    assert_eq!(plan["changes"].as_array().unwrap().len(), 2, "{plan:#}");
    let script = desk.ends(0, "export plan.json --to aws-cli --way-back").out;
    for said in ["disassociate-route-table", "Associations[?SubnetId==", "RouteTableAssociationId"] {
        assert!(script.contains(said), "{said}: {script}");
    }
    let machines = desk.ends(0, "export plan.json --to step-functions").out;
    assert!(machines.contains("replaceRouteTableAssociation"), "{machines}");
    assert_eq!(shown(&desk), before, "a plan or an export writes nothing");
    desk.ends(0, "apply plan.json --playbooks own --auto-approve --max-risk disruptive");
    let mut after = before.clone();
    let mut moved = ["private-a", "private-b", "private-d"].map(id);
    moved.sort_unstable();
    after[id("natted")]["subnets"] = json!(moved);
    after[id("shared")]["subnets"] = json!([id("public-c")]);
    assert_eq!(shown(&desk), after, "these subnets, and nothing else");
    desk.ends(0, "verify last");
    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
    assert_eq!(shown(&desk), before, "everything is as it was");
}

#[test]
fn a_run_that_dies_between_its_calls_goes_on_and_so_does_its_undo() {
    for n in [1, 2, 3] {
        let desk = Desk::with(moto(), moto().account());
        let seed: Value = serde_json::from_str(&desk.python(SEED, "")).unwrap();
        let id = |name: &str| seed[name].as_str().unwrap().to_owned();
        named(&desk, &id("natted"));
        let before = shown(&desk);
        let (desk, proxy) = behind_proxy(desk);
        let killed = |line: &str| {
            proxy.go_wrong(Some((At::Change(n), Fault::KillAfter)));
            let mut started = desk.start(line);
            assert!(proxy.watch(started.child.take().unwrap()).is_none(), "{line} ended by itself");
            proxy.go_wrong(None);
        };
        killed(&format!("apply {CHECK} --playbooks own --auto-approve --max-risk disruptive"));
        desk.ends(0, "resume last --playbooks own --auto-approve --max-risk disruptive");
        let after = shown(&desk);
        assert_eq!(after[id("shared")]["subnets"], json!([id("public-c")]), "{n}");
        assert_eq!(after[id("natted")]["subnets"].as_array().unwrap().len(), 3, "{n}");
        desk.ends(0, "verify last");
        killed("undo last --auto-approve --max-risk disruptive");
        desk.ends(0, "resume last --auto-approve --max-risk disruptive");
        assert_eq!(shown(&desk), before, "{n}");
    }
}
