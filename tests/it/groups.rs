//! Security groups of interface endpoints and the way out of groups, through the built program on an emulator,
//! with boto3 as the witness.

use serde_json::{Value, json};

use super::clinic_desk::Desk;

/// A VPC with three ranges, and endpoints with groups that are open, bounded, shared and open in two ways. The
/// emulator gives the interfaces of endpoints the default group, so one of somebody's stands for a second user.
const ENDPOINTS: &str = r#"
import ipaddress
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.9.0.0/16")
ranges = [a["CidrBlock"] for a in ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["CidrBlockAssociationSet"]]
# The emulator makes up a range, and may write a group of it with a zero before it; AWS does not.
ranges6 = [str(ipaddress.ip_network(a["Ipv6CidrBlock"])) for a in ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"]]
subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.8.1.0/24", AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]
ids = {"ranges": ranges, "ranges6": ranges6}
def group(name, *permissions):
    ids[name] = ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
    for permission in permissions:
        ec2.authorize_security_group_ingress(GroupId=ids[name], IpPermissions=[permission],
            TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": [{"Key": "Team", "Value": name}]}])
    return ids[name]
def tcp(port, *cidrs, **more):
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": c, "Description": "agents"} for c in cidrs]} | more
def endpoint(service, *groups):
    return ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=f"com.amazonaws.us-east-1.{service}", VpcEndpointType="Interface",
                                   SubnetIds=[subnet], SecurityGroupIds=list(groups))["VpcEndpoint"]["VpcEndpointId"]
ids["ssm"] = endpoint("ssm", group("open", tcp(443, "0.0.0.0/0", "10.20.0.0/16", Ipv6Ranges=[{"CidrIpv6": "::/0"}])))
ids["kms"] = endpoint("kms", ids["open"], group("bounded", tcp(443, "10.8.0.0/16")))
ids["sts"] = endpoint("sts", group("everything", {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}))
ids["logs"] = endpoint("logs", group("shared", tcp(443, "0.0.0.0/0")))
ids["interface"] = ec2.create_network_interface(SubnetId=subnet, Groups=[ids["shared"]])["NetworkInterface"]["NetworkInterfaceId"]
group("web", tcp(443, "0.0.0.0/0"))
print(json.dumps(ids))
"#;

/// All rules by group, without ids and redress's own tags.
const LOOK: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
found = {g["GroupId"]: [] for g in ec2.describe_security_groups()["SecurityGroups"]}
for rule in ec2.describe_security_group_rules()["SecurityGroupRules"]:
    other = rule.get("ReferencedGroupInfo", {}).get("GroupId") or rule.get("PrefixListId")
    tags = sorted((t["Key"], t["Value"]) for t in rule.get("Tags", []) if not t["Key"].startswith("redress:"))
    found[rule["GroupId"]].append([rule["IsEgress"], rule["IpProtocol"], rule.get("FromPort", -1), rule.get("ToPort", -1),
                                   rule.get("CidrIpv4") or rule.get("CidrIpv6") or other, rule.get("Description") or None, tags])
print(json.dumps({group: sorted(rules, key=json.dumps) for group, rules in found.items()}))
"#;

fn shown(desk: &Desk) -> Value {
    serde_json::from_str(&desk.python(LOOK, "")).unwrap()
}

fn found(scan: &Value) -> Vec<&str> {
    let all = scan["findings"].as_array().unwrap();
    let mut ids: Vec<&str> = all.iter().map(|one| one["resource"]["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids
}

/// The traffic of a group's rules of one direction: `tcp 443 10.8.0.0/16`.
fn lines(shown: &Value, group: &str, is_egress: bool) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let rules = shown[group].as_array().unwrap().iter().filter(|rule| rule[0] == is_egress);
    let mut all: Vec<String> =
        rules.map(|rule| format!("{} {} {}", text(&rule[1]), rule[2], text(&rule[4]))).collect();
    all.sort();
    all
}

fn reasons(plan: &Value) -> Vec<&str> {
    plan["skipped"].as_array().unwrap().iter().map(|one| one["reason"].as_str().unwrap()).collect()
}

#[test]
fn an_endpoint_lets_in_the_ranges_of_its_vpc_and_the_world_again_after_an_undo() {
    let (desk, seed) = Desk::seeded(ENDPOINTS);
    let id = |name: &str| seed[name].as_str().unwrap();
    let check = "--region us-east-1 --check vpc-endpoint-open-security-group";
    let before = shown(&desk);
    let scan = desk.ends(0, &format!("scan {check} --format json")).json();
    let mut bad = ["open", "everything", "shared"].map(id);
    bad.sort_unstable();
    assert_eq!(found(&scan), bad);
    let open = scan["findings"].as_array().unwrap().iter().find(|one| one["resource"]["id"] == id("open"));
    let endpoints = open.unwrap()["evidence"]["endpoints"].to_string();
    assert!(endpoints.contains(id("ssm")) && endpoints.contains(id("kms")), "{endpoints}");
    let plan = desk.ends(4, &format!("plan {check} -o plan.json --format json")).json();
    assert_eq!(shown(&desk), before, "a plan changes nothing");
    let refused = reasons(&plan);
    assert!(refused.len() == 1 && refused[0].contains(id("interface")), "{refused:?}");
    desk.ends(0, "apply plan.json --auto-approve --max-risk disruptive");
    let after = shown(&desk);
    let of = |list: &str| seed[list].as_array().unwrap().iter().map(|net| net.as_str().unwrap());
    let mut kept: Vec<String> = of("ranges").map(|net| format!("tcp 443 {net}")).collect();
    kept.sort();
    assert_eq!(lines(&after, id("everything"), false), kept);
    kept.extend(of("ranges6").map(|net| format!("tcp 443 {net}")));
    kept.push("tcp 443 10.20.0.0/16".to_owned());
    kept.sort();
    assert_eq!(lines(&after, id("open"), false), kept);
    for (group, rules) in before.as_object().unwrap() {
        if ![id("open"), id("everything")].contains(&group.as_str()) {
            assert_eq!(&after[group], rules, "{group}");
        }
    }
    desk.ends(0, "verify last");
    let left = desk.ends(0, &format!("scan {check} --format json")).json();
    assert_eq!(found(&left), [id("shared")]);
    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
    assert_eq!(shown(&desk), before, "everything is as it was");
}

/// Groups with the rule that AWS makes, with all of TCP for IPv6, and such that are bounded or only look alike.
const EGRESS: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
ids = {"list": ec2.create_managed_prefix_list(PrefixListName="mirrors", AddressFamily="IPv4", MaxEntries=2,
                                              Entries=[{"Cidr": "198.51.100.0/24"}])["PrefixList"]["PrefixListId"]}
everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
def group(name, keep=True, *permissions):
    ids[name] = ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
    if not keep:
        ec2.revoke_security_group_egress(GroupId=ids[name], IpPermissions=[everything])
    for permission in permissions:
        ec2.authorize_security_group_egress(GroupId=ids[name], IpPermissions=[permission],
            TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": [{"Key": "Team", "Value": name}]}])
    return ids[name]
def tcp(first, last, **to):
    return {"IpProtocol": "tcp", "FromPort": first, "ToPort": last} | to
group("made")
ec2.authorize_security_group_ingress(GroupId=ids["made"], IpPermissions=[tcp(22, 22, IpRanges=[{"CidrIp": "0.0.0.0/0"}])])
group("v6", False, tcp(0, 65535, Ipv6Ranges=[{"CidrIpv6": "::/0", "Description": "for the move"}]), tcp(5432, 5432, IpRanges=[{"CidrIp": "10.8.0.0/16"}]))
group("bounded", False, tcp(443, 443, IpRanges=[{"CidrIp": "0.0.0.0/0"}]))
group("inside", False, {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]})
group("listed", False, {"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": ids["list"]}]})
group("closed", False)
print(json.dumps(ids))
"#;

#[test]
fn only_what_is_named_goes_out_and_everything_again_after_an_undo() {
    let (desk, seed) = Desk::seeded(EGRESS);
    let id = |name: &str| seed[name].as_str().unwrap();
    let check = "--region us-east-1 --playbook-set strict --check security-group-open-egress";
    let before = shown(&desk);
    let scan = desk.ends(0, &format!("scan {check} --format json")).json();
    let mut bad = ["made", "v6"].map(id);
    bad.sort_unstable();
    assert_eq!(found(&scan), bad);
    let default = desk.ends(0, "scan --region us-east-1 --format json").json().to_string();
    assert!(!default.contains("security-group-open-egress"), "a default scan does not ask");
    let plan = desk.ends(4, &format!("plan {check} --format json")).json();
    let refused = reasons(&plan);
    assert!(refused.len() == 2 && refused.iter().all(|why| why.contains("keep")), "{refused:?}");
    let own = |keep: &str| {
        std::fs::create_dir_all(desk.path("own")).unwrap();
        let text = format!(
            "id = \"security-group-open-egress\"\ntitle = \"Only what is needed\"\n\
             finding = \"security-group-open-egress\"\nsets = [\"strict\"]\n[[action]]\n\
             use = \"tighten-security-group\"\nwith = {{ direction = \"egress\", keep = [{keep}] }}\n"
        );
        std::fs::write(desk.path("own/egress.toml"), text).unwrap();
    };
    own("\"all to ::/0\"");
    let bad = desk.ends(2, &format!("plan {check} --playbooks own"));
    assert!(bad.err.contains("name ports") && bad.err.contains("egress.toml"), "{}", bad.err);
    own(&format!(
        "\"443/tcp to 0.0.0.0/0\", \"443/tcp to ::/0\", \"80/tcp to {}\", \"53/udp to 10.8.0.2\"",
        id("list")
    ));
    let keep = "--playbooks own";
    // Both directions of one group, in one plan.
    let both = check.replace("--check", "--check security-group-open-admin-port --check");
    let plan = desk.ends(0, &format!("plan {both} {keep} -o plan.json --format json")).json();
    assert_eq!(plan["changes"].as_array().unwrap().len(), 3, "{plan}");
    assert_eq!(shown(&desk), before, "a plan changes nothing");
    desk.ends(
        0,
        &format!("apply plan.json --playbook-set strict {keep} --auto-approve --max-risk disruptive"),
    );
    let after = shown(&desk);
    let list = id("list");
    let mut made =
        vec!["tcp 443 0.0.0.0/0".to_owned(), format!("tcp 80 {list}"), "udp 53 10.8.0.2/32".to_owned()];
    made.sort();
    assert_eq!(lines(&after, id("made"), true), made, "nothing of IPv6, which did not go out before");
    assert_eq!(lines(&after, id("made"), false), [""; 0], "and the port is closed");
    let v6 = ["tcp 443 ::/0", "tcp 5432 10.8.0.0/16"];
    assert_eq!(lines(&after, id("v6"), true), v6, "nothing of IPv4, which the list is of");
    for (group, rules) in before.as_object().unwrap() {
        if ![id("made"), id("v6")].contains(&group.as_str()) {
            assert_eq!(&after[group], rules, "{group}");
        }
    }
    desk.ends(0, "verify last");
    assert_eq!(found(&desk.ends(0, &format!("scan {check} --format json")).json()), [""; 0]);
    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
    assert_eq!(shown(&desk), before, "everything is as it was");
    assert_eq!(before[id("v6")][0][5], json!("for the move"));
}
