//! `redress block` and the end of a block, through the built program on an emulator, with boto3 as the witness; and
//! on the twin, what somebody else does in between.

use std::fs;

use serde_json::{Value, json};

use super::{clinic_desk::Desk, support};

/// A VPC whose subnets have the default network ACL or one of their own, and another VPC.
const SEED: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
def acl(vpc):
    return ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"][0]["NetworkAclId"]
vpc, other = (ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"] for cidr in ("10.9.0.0/16", "10.8.0.0/16"))
subnets = [ec2.create_subnet(VpcId=v, CidrBlock=c)["Subnet"]["SubnetId"] for v, c in ((vpc, "10.9.1.0/24"), (vpc, "10.9.2.0/24"), (other, "10.8.1.0/24"))]
own = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
for egress in (False, True):
    ec2.create_network_acl_entry(NetworkAclId=own, RuleNumber=90, Protocol="-1", RuleAction="allow", Egress=egress, CidrBlock="0.0.0.0/0")
default = acl(vpc)
associations = next(a["Associations"] for a in ec2.describe_network_acls(NetworkAclIds=[default])["NetworkAcls"])
first = next(a["NetworkAclAssociationId"] for a in associations if a["SubnetId"] == subnets[0])
ec2.replace_network_acl_association(AssociationId=first, NetworkAclId=own)
unused = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
print(json.dumps({"vpc": vpc, "own": own, "default": default, "unused": unused, "other": acl(other), "subnet": subnets[0]}))
"#;

/// The entries and the tags of every network ACL.
const SHOWN: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
print(json.dumps({a["NetworkAclId"]: {
    "entries": sorted(f'{"out" if e["Egress"] else "in"} {e["RuleNumber"]} {e["RuleAction"]} {e["Protocol"]} {e.get("CidrBlock") or e.get("Ipv6CidrBlock")}' for e in a["Entries"]),
    "tags": {t["Key"]: t["Value"] for t in a.get("Tags", [])}}
    for a in ec2.describe_network_acls()["NetworkAcls"]}))
"#;

fn shown(desk: &Desk) -> Value {
    serde_json::from_str(&desk.python(SHOWN, "")).unwrap()
}

/// The command that a plan's output names as the next one, without the program.
fn next(out: &str) -> String {
    let line = out.lines().find(|line| line.contains("redress apply")).unwrap_or_else(|| panic!("{out}"));
    line[line.find("apply").unwrap()..].trim().to_owned()
}

/// Applies a plan by the command that was shown as the next one, and returns the id of the run.
fn applied(desk: &Desk, line: &str) -> String {
    let script = format!("exec \"$0\" {line} --auto-approve --max-risk disruptive --format json");
    let done = support::at_home("/bin/sh", desk.folder.path())
        .args(["-c", &script, env!("CARGO_BIN_EXE_redress")])
        .envs(desk.keys.environment(desk.moto))
        .env("AWS_ENDPOINT_URL", &desk.endpoint)
        .env("REDRESS_LAG_SECONDS", "0")
        .output()
        .unwrap();
    assert!(done.status.success(), "{line}\n{}", String::from_utf8_lossy(&done.stderr));
    let run: Value = serde_json::from_slice(&done.stdout).unwrap();
    run["run"].as_str().unwrap().to_owned()
}

#[test]
fn an_address_is_blocked_both_ways_wherever_a_subnet_is_until_its_time_has_passed() {
    let (desk, seed) = Desk::seeded(SEED);
    let id = |name: &str| seed[name].as_str().unwrap().to_owned();
    let before = shown(&desk);
    let block = format!("block 203.0.113.7 --vpc {} --until 1m --region us-east-1 -o block.json", id("vpc"));
    let said = desk.ends(0, &block);
    assert_eq!(shown(&desk), before, "a plan changes nothing");
    let plan: Value = serde_json::from_str(&fs::read_to_string(desk.path("block.json")).unwrap()).unwrap();
    let mut planned: Vec<&str> =
        plan["changes"].as_array().unwrap().iter().map(|c| c["resource"].as_str().unwrap()).collect();
    planned.sort_unstable();
    let named = |acl: &str| planned.iter().any(|arn| arn.ends_with(&id(acl)));
    assert!(planned.len() == 2 && named("own") && named("default"), "{planned:?}");

    // Without the parameters that only the file contains, nothing is applied.
    let refused = desk.ends(4, "apply block.json --auto-approve --max-risk disruptive");
    assert!(
        format!("{}{}", refused.out, refused.err).contains("no playbook of today asks for block-addresses"),
        "{}",
        refused.err
    );
    assert_eq!(shown(&desk), before);
    assert_eq!(plan["rehearsal"]["closes"].as_array().unwrap().len(), 2, "{:#}", plan["rehearsal"]);
    let first = applied(&desk, &next(&said.out));
    let after = shown(&desk);
    for (acl, numbers) in [("own", [89, 88]), ("default", [99, 98])] {
        let entries = after[id(acl)]["entries"].as_array().unwrap();
        let [inbound, outbound] = numbers;
        for entry in
            [format!("in {inbound} deny -1 203.0.113.7/32"), format!("out {outbound} deny -1 203.0.113.7/32")]
        {
            assert!(entries.contains(&json!(entry)), "{entries:?}");
        }
        assert_eq!(entries.len(), before[id(acl)]["entries"].as_array().unwrap().len() + 2);
    }
    for acl in ["unused", "other"] {
        assert_eq!(after[id(acl)], before[id(acl)]);
    }
    // Another end is set without touching an entry; the undo of the first run would end the second's block.
    let later = desk.ends(0, &block.replace("--until 1m", "--until 5d"));
    let second = applied(&desk, &next(&later.out));
    let extended = shown(&desk);
    assert_eq!(extended[id("own")]["entries"], after[id("own")]["entries"]);
    assert_ne!(extended[id("own")]["tags"], after[id("own")]["tags"]);
    desk.ends(4, &format!("undo {first} --auto-approve --max-risk disruptive"));
    assert_eq!(shown(&desk), extended, "nothing is undone");
    desk.ends(0, &format!("undo {second} --auto-approve --max-risk disruptive"));
    assert_eq!(shown(&desk), after, "the first end is back");
    // A block that stands is no finding; one whose time has passed is, and is lifted.
    let check = "--region us-east-1 --check block-expired";
    let violating = || {
        let scan = desk.ends(0, &format!("scan {check} --format json")).json();
        let all = scan["findings"].as_array().unwrap().clone();
        all.iter().filter(|finding| finding["verdict"] == "violates").count()
    };
    assert_eq!(violating(), 0);
    let value =
        |acl: &str| after[id(acl)]["tags"]["redress:block:203.0.113.7/32"].as_str().unwrap().to_owned();
    for acl in ["own", "default"] {
        let (numbers, _) =
            value(acl).split_once(" until ").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        desk.python(
            "import boto3, sys\nboto3.client('ec2', region_name='us-east-1').create_tags(Resources=[sys.argv[1]], \
             Tags=[{'Key': 'redress:block:203.0.113.7/32', 'Value': ' '.join(sys.argv[2:])}])",
            &format!("{} {numbers} until 2026-01-01T00:00:00Z", id(acl)),
        );
    }
    assert_eq!(violating(), 2);
    desk.ends(0, &format!("plan {check} -o lift.json"));
    desk.ends(0, "apply lift.json --auto-approve --max-risk disruptive");
    assert_eq!(shown(&desk), before, "everything passes again, and no tag is left");
    desk.ends(0, "verify last");
    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
    assert_eq!(shown(&desk)[id("own")]["entries"], after[id("own")]["entries"], "the entries are back");
}

#[test]
fn what_cannot_be_blocked_is_refused_with_a_reason_and_nothing_is_changed() {
    let (desk, seed) = Desk::seeded(SEED);
    let id = |name: &str| seed[name].as_str().unwrap().to_owned();
    let before = shown(&desk);
    let block = |address: &str, place: &str| format!("block {address} {place} --region us-east-1");
    let vpc = format!("--vpc {}", id("vpc"));
    for (address, why) in [
        ("example.org", "cannot be blocked"),
        ("203.0.113.7/24", "outside of its prefix"),
        ("0.0.0.0/0", "near"),
    ] {
        let said = desk.ends(2, &block(address, &vpc));
        assert!(said.err.contains(why), "{address}: {}", said.err);
    }
    desk.ends(2, &block("203.0.113.7", ""));
    let nowhere = desk.ends(2, &block("203.0.113.7", "--vpc vpc-0123456789abcdef0"));
    assert!(nowhere.err.contains("no network ACL of this account"), "{}", nowhere.err);
    let own = desk.ends(4, &format!("{} --format json", block("10.9.2.7", &vpc))).json();
    assert!(own["skipped"][0]["reason"].as_str().unwrap().contains("is of 10.9.0.0/16"), "{own}");
    let me = format!("{} --my-address 203.0.113.7 --format json", block("203.0.113.0/24", &vpc));
    let me = desk.ends(4, &me).json();
    assert!(me["skipped"][0]["reason"].as_str().unwrap().contains("your own address"), "{me}");
    let one = desk
        .ends(0, &format!("{} --format json", block("203.0.113.7", &format!("--subnet {}", id("subnet")))));
    assert_eq!(one.json()["changes"].as_array().unwrap().len(), 1, "the network ACL of that subnet alone");
    assert_eq!(shown(&desk), before);
}
