//! `restrict-network-acl` through the built program on an emulator, with boto3 as the witness: bad network ACLs
//! and such that look alike are found, closed to the world, proved and set back.

use serde_json::{Value, json};

use crate::clinic_desk::Desk;

/// The emulator's own ACLs lack AWS's last entries, which deny the rest; redress counts them all the same.
const SEED: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.8.0.0/16")
def acl(name, number, entries):
    made = ec2.create_network_acl(VpcId=vpc, TagSpecifications=[{"ResourceType": "network-acl", "Tags": [{"Key": "Name", "Value": name}]}])["NetworkAcl"]["NetworkAclId"]
    for rule, action, protocol, ports, cidr in entries:
        more = {"PortRange": {"From": ports[0], "To": ports[1]}} if ports else {}
        more["Ipv6CidrBlock" if ":" in cidr else "CidrBlock"] = cidr
        ec2.create_network_acl_entry(NetworkAclId=made, RuleNumber=rule, Protocol=protocol, RuleAction=action, Egress=False, **more)
    ec2.create_network_acl_entry(NetworkAclId=made, RuleNumber=100, Protocol="-1", RuleAction="allow", Egress=True, CidrBlock="0.0.0.0/0")
    if number:
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.7.{number}.0/24", AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]
        old = next(a for n in ec2.describe_network_acls()["NetworkAcls"] for a in n["Associations"] if a["SubnetId"] == subnet)
        ec2.replace_network_acl_association(AssociationId=old["NetworkAclAssociationId"], NetworkAclId=made)
    return made
world, six = "0.0.0.0/0", "::/0"
print(json.dumps({
    "open": acl("open", 1, [(100, "allow", "6", (443, 443), world), (110, "allow", "6", (0, 1023), world), (111, "allow", "6", (22, 22), six), (120, "allow", "6", (22, 22), "198.51.100.0/24")]),
    "halves": acl("halves", 2, [(100, "allow", "-1", None, "0.0.0.0/1"), (110, "allow", "-1", None, "128.0.0.0/1")]),
    "crowded": acl("crowded", 3, [(1, "allow", "-1", None, world)]),
    "denied": acl("denied", 4, [(90, "deny", "6", (22, 22), world), (91, "deny", "6", (3389, 3389), world), (100, "allow", "-1", None, world)]),
    "udp": acl("udp", 5, [(100, "allow", "17", (0, 65535), world), (110, "allow", "6", (443, 443), world)]),
    "office": acl("office", 6, [(100, "allow", "6", (22, 22), "203.0.113.0/24")]),
    "unused": acl("unused", 0, [(100, "allow", "-1", None, world)]),
}))
"#;

const LOOK: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
def line(e):
    ports = e.get("PortRange", {})
    return [e["Egress"], e["RuleNumber"], e["RuleAction"], e["Protocol"], ports.get("From"), ports.get("To"), e.get("CidrBlock") or e.get("Ipv6CidrBlock")]
print(json.dumps({a["NetworkAclId"]: sorted(line(e) for e in a["Entries"]) for a in ec2.describe_network_acls()["NetworkAcls"]}))
"#;

const CHECKS: &str =
    "--region us-east-1 --check network-acl-open-admin-port --check network-acl-open-remote-desktop";

fn shown(desk: &Desk) -> Value {
    serde_json::from_str(&desk.python(LOOK, "")).unwrap()
}

fn found<'v>(scan: &'v Value, check: &str) -> Vec<&'v str> {
    let mut all: Vec<&str> = scan["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["check"] == check)
        .map(|finding| finding["resource"]["id"].as_str().unwrap())
        .collect();
    all.sort_unstable();
    all
}

fn sorted<'v>(seed: &'v Value, names: &[&str]) -> Vec<&'v str> {
    let mut all: Vec<&str> = names.iter().map(|name| seed[*name].as_str().unwrap()).collect();
    all.sort_unstable();
    all
}

#[test]
fn the_world_is_denied_and_nobody_else_and_let_in_again_after_an_undo() {
    let (desk, seed) = Desk::seeded(SEED);
    let (before, open) = (shown(&desk), seed["open"].as_str().unwrap());
    let scan = desk.ends(0, &format!("scan {CHECKS} --format json")).json();
    assert_eq!(
        found(&scan, "network-acl-open-admin-port"),
        sorted(&seed, &["open", "halves", "crowded"]),
        "and no default ACL"
    );
    assert_eq!(found(&scan, "network-acl-open-remote-desktop"), sorted(&seed, &["halves", "crowded"]));
    let plan =
        desk.ends(4, &format!("plan {CHECKS} --allow-cidr 203.0.113.0/24 -o plan.json --format json")).json();
    assert_eq!(shown(&desk), before, "a plan changes nothing");
    let reasons: Vec<&str> =
        plan["skipped"].as_array().unwrap().iter().map(|s| s["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons.iter().filter(|why| why.contains("3389")).count(), 2, "{reasons:?}");
    assert!(reasons.iter().any(|why| why.contains("free numbers below 1")), "{reasons:?}");
    desk.ends(0, "apply plan.json --allow-cidr 203.0.113.0/24 --auto-approve --max-risk disruptive");
    let after = shown(&desk);
    let added = |name: &str| -> Vec<Value> {
        let id = seed[name].as_str().unwrap();
        let was = before[id].as_array().unwrap();
        let now = after[id].as_array().unwrap();
        assert!(was.iter().all(|entry| now.contains(entry)), "what was there is as it was");
        now.iter().filter(|entry| !was.contains(entry)).cloned().collect()
    };
    let ssh = |number: i32, action: &str, cidr: &str| json!([false, number, action, "6", 22, 22, cidr]);
    assert_eq!(
        added("open"),
        [
            ssh(104, "deny", "::/0"),
            ssh(105, "allow", "10.7.0.0/16"),
            ssh(106, "allow", "10.8.0.0/16"),
            ssh(107, "allow", "198.51.100.0/24"),
            ssh(108, "allow", "203.0.113.0/24"),
            ssh(109, "deny", "0.0.0.0/0"),
        ],
        "{}",
        after[open]
    );
    desk.ends(0, "verify last");
    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
    assert_eq!(shown(&desk), before, "everything is as it was");
}

#[test]
fn the_price_of_port_3389_can_be_accepted() {
    let (desk, seed) = Desk::seeded(SEED);
    let halves = seed["halves"].as_str().unwrap();
    let accepted = "--set restrict-network-acl.ephemeral=true";
    let text = desk.ends(4, &format!("plan {CHECKS} {accepted} -o plan.json")).out;
    assert!(text.contains("64,000"), "{text}");
    desk.ends(0, &format!("apply plan.json {accepted} --auto-approve --max-risk disruptive"));
    let entries = shown(&desk);
    let denied: Vec<&Value> =
        entries[halves].as_array().unwrap().iter().filter(|entry| entry[2] == "deny").collect();
    assert_eq!(denied.iter().map(|e| &e[4]).collect::<Vec<_>>(), [&json!(3389), &json!(22)], "{denied:?}");
    let scan = desk.ends(0, &format!("scan {CHECKS} --format json")).json();
    assert_eq!(found(&scan, "network-acl-open-remote-desktop"), sorted(&seed, &["crowded"]));
}

#[test]
fn an_undo_leaves_an_entry_that_somebody_has_changed() {
    let (desk, seed) = Desk::seeded(SEED);
    let halves = seed["halves"].as_str().unwrap();
    desk.ends(4, &format!("plan {CHECKS} -o plan.json"));
    desk.ends(0, "apply plan.json --auto-approve --max-risk disruptive");
    let theirs = format!(
        "import boto3; boto3.client('ec2', region_name='us-east-1').replace_network_acl_entry(NetworkAclId='{halves}', \
         RuleNumber=99, Protocol='6', RuleAction='deny', Egress=False, CidrBlock='198.51.100.0/24', \
         PortRange={{'From': 22, 'To': 22}})"
    );
    desk.python(&theirs, "");
    let before = shown(&desk);
    let said = desk.run("undo last --auto-approve --max-risk disruptive");
    assert_ne!(said.code, Some(0), "{}", said.err);
    assert_eq!(shown(&desk)[halves], before[halves], "{}{}", said.out, said.err);
}
