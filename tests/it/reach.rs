//! Whether the world reaches what a finding is about, through the built program on an emulator: an interface with
//! an Elastic IP in a public subnet, one in a private subnet, one behind a network ACL that denies the port, and
//! a group that nobody uses. The emulator has no VPC Block Public Access: there it is unknown, and a server in
//! front of it answers as AWS does.

use std::{
    io::Write,
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use redress::{
    engine::{gather::gather, survey},
    inventory::{Fact, FamilyKind, Inventory, PublicAccessOptions, VpcPublicAccess},
    reach::{self, Reached, Reaches},
    twin::{DeniedRead, demo},
};
use serde_json::{Value, json};

use crate::{
    clinic_desk::Desk,
    proxy::{forward, request},
    stand::{Stand, block_on, hold},
    world::{self, Wish},
};

/// Four groups that open SSH to the world, and who uses them.
const SEED: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
world = "0.0.0.0/0"
vpc = ec2.create_vpc(CidrBlock="10.6.0.0/16")["Vpc"]["VpcId"]
igw = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
ec2.attach_internet_gateway(InternetGatewayId=igw, VpcId=vpc)
public = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
ec2.create_route(RouteTableId=public, DestinationCidrBlock=world, GatewayId=igw)
def subnet(number, table):
    id = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.6.{number}.0/24", AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]
    if table:
        ec2.associate_route_table(RouteTableId=table, SubnetId=id)
    return id
def group(name):
    id = ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=id, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": world}]}])
    return id
def machine(group, subnet, elastic):
    one = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, SubnetId=subnet, SecurityGroupIds=[group])["Instances"][0]
    if elastic:
        ec2.associate_address(InstanceId=one["InstanceId"], AllocationId=ec2.allocate_address(Domain="vpc")["AllocationId"])
    return one["InstanceId"]
open_, shut, guarded = subnet(1, public), subnet(2, None), subnet(3, public)
acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
for rule, action, ports, out in [(90, "deny", (22, 22), False), (100, "allow", (0, 65535), False), (100, "allow", (0, 65535), True)]:
    ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=rule, Protocol="6", RuleAction=action, Egress=out, CidrBlock=world, PortRange={"From": ports[0], "To": ports[1]})
old = next(a for n in ec2.describe_network_acls()["NetworkAcls"] for a in n["Associations"] if a["SubnetId"] == guarded)
ec2.replace_network_acl_association(AssociationId=old["NetworkAclAssociationId"], NetworkAclId=acl)
ids = {name: group(name) for name in ("public", "private", "guarded", "unused")}
machine(ids["public"], open_, True)
machine(ids["private"], shut, False)
machine(ids["guarded"], guarded, True)
shown = ec2.describe_network_interfaces(Filters=[{"Name": "group-id", "Values": [ids["public"]]}])["NetworkInterfaces"]
print(json.dumps({**ids, "igw": igw, "vpc": vpc, "eni": shown[0]["NetworkInterfaceId"], "address": shown[0]["Association"]["PublicIp"]}))
"#;

const SCAN: &str = "scan --region us-east-1 --check security-group-open-admin-port";

/// What the server answers about VPC Block Public Access: an answer for each of the two operations.
type Block = [String; 2];

const OPTIONS: &str = "DescribeVpcBlockPublicAccessOptions";
const EXCLUSIONS: &str = "DescribeVpcBlockPublicAccessExclusions";

/// VPC Block Public Access in this mode, with these members of an exclusion, if there is one.
fn block(mode: &str, exclusion: Option<(&str, &str, &str)>) -> Block {
    let options = format!(
        "<{OPTIONS}Response><vpcBlockPublicAccessOptions><awsAccountId>123456789012</awsAccountId>\
         <state>update-complete</state><internetGatewayBlockMode>{mode}</internetGatewayBlockMode>\
         </vpcBlockPublicAccessOptions></{OPTIONS}Response>"
    );
    let one = exclusion.map_or_else(String::new, |(resource, mode, state)| {
        format!(
            "<item><exclusionId>vpcbpa-exclude-1</exclusionId><resourceArn>arn:aws:ec2:us-east-1:1:{resource}\
             </resourceArn><internetGatewayExclusionMode>{mode}</internetGatewayExclusionMode>\
             <state>{state}</state></item>"
        )
    });
    let exclusions = format!(
        "<{EXCLUSIONS}Response><vpcBlockPublicAccessExclusionSet>{one}</vpcBlockPublicAccessExclusionSet>\
         </{EXCLUSIONS}Response>"
    );
    [options, exclusions]
}

/// A server in front of the emulator that has VPC Block Public Access; it ends with the test process.
struct Front {
    url: String,
    block: Arc<Mutex<Block>>,
}

impl Front {
    fn before(upstream: &str) -> Front {
        let upstream = upstream.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let block = Arc::new(Mutex::new(block("off", None)));
        let shared = Arc::clone(&block);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (block, upstream) = (Arc::clone(&shared), upstream.clone());
                thread::spawn(move || drop(serve(stream, &upstream, &block)));
            }
        });
        Front { url, block }
    }

    fn has(&self, block: Block) {
        *self.block.lock().unwrap_or_else(PoisonError::into_inner) = block;
    }
}

fn serve(mut client: TcpStream, upstream: &str, block: &Mutex<Block>) -> std::io::Result<()> {
    let Some(request) = request(&mut client)? else { return Ok(()) };
    let text = String::from_utf8_lossy(&request).into_owned();
    let asked = [OPTIONS, EXCLUSIONS].iter().position(|name| text.contains(&format!("Action={name}&")));
    let Some(which) = asked else { return client.write_all(&forward(upstream, &request)?) };
    let answer = block.lock().unwrap_or_else(PoisonError::into_inner)[which].clone();
    write!(
        client,
        "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}",
        answer.len()
    )
}

/// Whether the world reaches what is found.
fn reach(stand: &Stand) -> Reaches {
    let survey::Survey { inventory, findings, .. } = world::survey(stand, &Wish::default());
    let (account, with) = (stand.account(), |_: &str| Value::Null);
    let needs = &mut |known: &Inventory| reach::needs(known, &findings, &with);
    let inventory = block_on(gather(&account, inventory, needs));
    reach::of(&inventory, &findings, &with)
}

/// The answer about the group of the demo account's jump host.
fn of_jump(change: impl FnOnce(&Stand)) -> Reached {
    let stand = world::demo();
    change(&stand);
    let all = reach(&stand);
    let truth = stand.settled();
    let groups = &truth.regions[demo::MAIN].security_groups;
    let (jump, _) = groups.known().find(|(_, group)| group.name == "jump").unwrap();
    let (_, reach) = all
        .iter()
        .find(|(key, _)| key.resource.id() == jump && key.check == "security-group-open-admin-port")
        .unwrap();
    reach.verdict
}

fn with_block(stand: &Stand, change: impl FnOnce(&mut VpcPublicAccess)) {
    let mut twin = hold(&stand.twin);
    change(twin.truth_mut().region_mut(demo::MAIN).vpc_public_access.get_mut(VpcPublicAccess::ID).unwrap());
}

#[test]
fn on_the_twin_each_mode_of_the_block_counts_and_what_may_not_be_read_is_unknown() {
    assert_eq!(of_jump(|_| {}), Reached::Reachable);
    let mode = |mode: &'static str| {
        move |stand: &Stand| {
            let options = PublicAccessOptions { mode: mode.into(), state: "update-complete".into() };
            with_block(stand, |block| block.options = Fact::Known(options));
        }
    };
    assert_eq!(of_jump(mode("block-ingress")), Reached::NotReachable);
    assert_eq!(of_jump(mode("block-bidirectional")), Reached::NotReachable);
    assert_eq!(of_jump(mode("block-tomorrow")), Reached::Unknown);
    let deny = |family: FamilyKind| {
        move |stand: &Stand| {
            hold(&stand.twin).faults.denied_reads = vec![DeniedRead { family, region: None, member: None }];
        }
    };
    for family in [
        FamilyKind::VpcPublicAccess,
        FamilyKind::RouteTables,
        FamilyKind::NetworkAcls,
        FamilyKind::NetworkInterfaces,
    ] {
        assert_eq!(of_jump(deny(family)), Reached::Unknown, "{family:?}");
    }
    // The one that decides about an interface without an address.
    assert_eq!(of_jump(deny(FamilyKind::LoadBalancers)), Reached::Reachable);
}

#[test]
fn no_plan_rests_on_what_is_read_for_it() {
    let (stand, wish) = (world::demo(), Wish::default());
    let plan = world::plan(&stand, &wish);
    let _ = reach(&stand);
    let mut noted = world::plan(&stand, &wish);
    noted.reached(&reach(&stand));
    assert!(noted.changes.iter().any(|change| change.reach.is_some()));
    for (one, other) in plan.changes.iter().zip(&noted.changes) {
        assert_eq!(one.essence(), other.essence());
    }
    assert_eq!((plan.skipped, plan.rehearsal, plan.counts), (noted.skipped, noted.rehearsal, noted.counts));
}

/// The answers about the internet by the names of the groups.
fn reaches(desk: &Desk, seed: &Value) -> Value {
    let scan = desk.ends(0, &format!("{SCAN} --format json")).json();
    let mut all = json!({});
    for name in ["public", "private", "guarded", "unused"] {
        let of = |finding: &&Value| finding["resource"]["id"] == seed[name];
        let found = scan["findings"].as_array().unwrap().iter().find(of).unwrap();
        assert_eq!(found["verdict"], "violates", "the finding stays as it is");
        all[name] = found["reach"].clone();
    }
    all
}

fn answer<'v>(reach: &'v Value, hop: &str) -> &'v Value {
    let hops = reach["hops"].as_array().unwrap();
    hops.iter().find(|one| one["hop"] == hop).map_or(&Value::Null, |one| &one["answer"])
}

#[test]
fn each_hop_is_read_off_the_account_and_a_block_that_no_endpoint_has_is_unknown() {
    let (mut desk, seed) = Desk::seeded(SEED);
    // The emulator alone: all hops of the public one but the block are known.
    let alone = reaches(&desk, &seed);
    assert_eq!(alone["public"]["verdict"], "unknown", "{alone:#}");
    assert_eq!(answer(&alone["public"], "route"), "yes");
    assert_eq!(answer(&alone["public"], "network-acl"), "yes");
    assert_eq!(answer(&alone["public"], "block-public-access"), "unknown");
    let closed = |all: &Value, name: &str, hop: &str| {
        assert_eq!(all[name]["verdict"], "not-reachable", "{name}: {all:#}");
        assert_eq!(answer(&all[name], hop), "no", "{name}: {all:#}");
    };
    closed(&alone, "private", "address");
    closed(&alone, "guarded", "network-acl");
    closed(&alone, "unused", "interface");

    let front = Front::before(&desk.endpoint);
    desk.endpoint = front.url.clone();
    let open = reaches(&desk, &seed);
    assert_eq!(open["public"]["verdict"], "reachable", "{open:#}");
    let path = format!(
        "{} at {}, through {}",
        seed["eni"].as_str().unwrap(),
        seed["address"].as_str().unwrap(),
        seed["igw"].as_str().unwrap()
    );
    assert_eq!(open["public"]["reason"], json!(path));
    closed(&open, "private", "address");
    closed(&open, "guarded", "network-acl");

    let vpc = format!("vpc/{}", seed["vpc"].as_str().unwrap());
    let states = [
        (block("block-ingress", None), "not-reachable"),
        (block("block-bidirectional", Some((&vpc, "allow-bidirectional", "create-complete"))), "reachable"),
        (block("block-bidirectional", Some((&vpc, "allow-egress", "create-complete"))), "not-reachable"),
        (block("block-ingress", Some((&vpc, "allow-bidirectional", "delete-complete"))), "not-reachable"),
        (block("block-ingress", Some((&vpc, "allow-bidirectional", "delete-in-progress"))), "unknown"),
        (block("block-some", None), "unknown"),
    ];
    for (state, expected) in states {
        front.has(state.clone());
        assert_eq!(reaches(&desk, &seed)["public"]["verdict"], expected, "{state:?}");
    }
}

#[test]
fn what_the_world_reaches_comes_first_in_each_report_and_a_plan_keeps_it_beside_the_work() {
    let (mut desk, seed) = Desk::seeded(SEED);
    let front = Front::before(&desk.endpoint);
    desk.endpoint = front.url.clone();
    let public = seed["public"].as_str().unwrap();
    for format in ["text", "markdown", "html"] {
        let said = desk.ends(0, &format!("{SCAN} --format {format}")).out;
        // Where the findings are shown, and not where commands name them.
        let first = ["private", "guarded", "unused"].map(|name| said.find(seed[name].as_str().unwrap()));
        let own = said.find(public);
        assert!(
            own.is_some() && first.iter().all(|other| other.is_some() && own < *other),
            "{format}: {said}"
        );
        assert!(said.contains("the internet reaches it"), "{said}");
    }
    let plan = "plan --region us-east-1 --check security-group-open-admin-port --allow-cidr 203.0.113.0/24";
    let text = desk.ends(0, &format!("{plan} -o plan.json")).out;
    assert!(text.contains("reach") && text.contains("the internet reaches it: eni-"), "{text}");
    let written: Value = serde_json::from_str(&super::clinic_desk::text(&desk.path("plan.json"))).unwrap();
    let changes = written["changes"].as_array().unwrap();
    let of = changes.iter().find(|change| change["resource"].as_str().unwrap().ends_with(public)).unwrap();
    assert_eq!(of["reach"]["verdict"], "reachable");
    // The way in closes between plan and apply: no step of the change is another for that.
    front.has(block("block-ingress", None));
    let shown = desk.ends(0, "show plan.json").out;
    assert!(shown.contains("the internet reaches it"), "{shown}");
    desk.ends(0, "apply plan.json --allow-cidr 203.0.113.0/24 --auto-approve --max-risk disruptive");
    desk.ends(0, "verify last");
}
