//! Private DNS of interface endpoints, through the built program on an emulator, with boto3 as the witness. The
//! emulator ignores `PrivateDnsEnabled` of `ModifyVpcEndpoint`: the tests' own server sets it (`moto_server.py`),
//! and what was sent is looked at, too. It looks at no setting of DNS, no zone and no other endpoint.

use serde_json::{Value, json};

use crate::{clinic_desk::Desk, proxy::Proxy};

/// Endpoints without private DNS, and such that look alike.
const SEED: &str = r#"
import json
import boto3

ec2, route53 = (boto3.client(s, region_name="us-east-1") for s in ("ec2", "route53"))
n = 0

def vpc(hostnames=True):
    global n
    n += 1
    made = ec2.create_vpc(CidrBlock=f"10.{n}.0.0/16")["Vpc"]["VpcId"]
    if hostnames:
        ec2.modify_vpc_attribute(VpcId=made, EnableDnsHostnames={"Value": True})
    subnet = ec2.create_subnet(VpcId=made, CidrBlock=f"10.{n}.1.0/24", AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="https", Description="https", VpcId=made)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
        "IpRanges": [{"CidrIp": f"10.{n}.0.0/16"}]}])
    return made, subnet, group

def endpoint(place, service, kind="Interface", private=False, group=None, **more):
    made, subnet, https = place
    if kind == "Interface":
        more |= {"SubnetIds": [subnet], "SecurityGroupIds": [group or https], "PrivateDnsEnabled": private}
    return ec2.create_vpc_endpoint(VpcId=made, ServiceName=service, VpcEndpointType=kind, **more)["VpcEndpoint"]["VpcEndpointId"]

def aws(service):
    return f"com.amazonaws.us-east-1.{service}"

main, bare, zoned = vpc(), vpc(hostnames=False), vpc()
shut = ec2.create_security_group(GroupName="shut", Description="shut", VpcId=main[0])["GroupId"]
route53.create_hosted_zone(Name="us-east-1.amazonaws.com", CallerReference="1", HostedZoneConfig={"PrivateZone": True},
    VPC={"VPCRegion": "us-east-1", "VPCId": zoned[0]})
ids = {
    "ssm": endpoint(main, aws("ssm")),
    "shut": endpoint(main, aws("kms"), group=shut),
    "second": endpoint(main, aws("sqs")),
    "s3": endpoint(main, aws("s3")),
    "stack": endpoint(main, aws("logs"), TagSpecifications=[{"ResourceType": "vpc-endpoint", "Tags": [{"Key": "kubernetes.io/cluster/blue", "Value": "owned"}]}]),
    "bare": endpoint(bare, aws("ssm")),
    "zoned": endpoint(zoned, aws("ssm")),
    "first": endpoint(main, aws("sqs"), private=True),
    "gateway": endpoint(main, aws("dynamodb"), "Gateway"),
    "vendor": endpoint(main, "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0"),
}
print(json.dumps(ids))
"#;

/// Everything that is shown of each endpoint.
const SHOWN: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
print(json.dumps({e["VpcEndpointId"]: e for e in ec2.describe_vpc_endpoints()["VpcEndpoints"]}, default=str))
"#;

const CHECK: &str = "--region us-east-1 --playbook-set strict --check vpc-endpoint-no-private-dns";

fn shown(desk: &Desk) -> Value {
    serde_json::from_str(&desk.python(SHOWN, "")).unwrap()
}

#[test]
fn the_names_of_a_service_lead_to_its_endpoint_and_past_it_again_after_an_undo() {
    let (mut desk, seed) = Desk::seeded(SEED);
    let proxy = Proxy::before(&desk.endpoint);
    desk.endpoint.clone_from(&proxy.url);
    let id = |name: &str| seed[name].as_str().unwrap();
    let before = shown(&desk);
    let scan = desk.ends(0, &format!("scan {CHECK} --format json")).json();
    let mut found: Vec<&str> =
        scan["findings"].as_array().unwrap().iter().map(|f| f["resource"]["id"].as_str().unwrap()).collect();
    let mut bad = ["ssm", "shut", "second", "s3", "stack", "bare", "zoned"].map(id);
    found.sort_unstable();
    bad.sort_unstable();
    assert_eq!(found, bad);
    assert!(scan["notes"].to_string().contains(id("vendor")), "{}", scan["notes"]);
    // Of the VPCs with such an endpoint, and of no other.
    let asked = proxy.asked();
    let count = |part: &str| asked.iter().filter(|one| one.contains(part)).count();
    assert_eq!((count("DescribeVpcAttribute"), count("hostedzonesbyvpc")), (6, 3), "{asked:?}");

    let plan = desk.ends(4, &format!("plan {CHECK} -o plan.json --format json")).json();
    assert_eq!(shown(&desk), before, "a plan changes nothing");
    let refused = plan["skipped"].as_array().unwrap();
    for (name, part) in [
        ("shut", "do not let all of 10.1.0.0/16 in on port 443"),
        ("second", "leads the names of com.amazonaws.us-east-1.sqs to itself already"),
        ("s3", "choose these by hand"),
        ("stack", "Kubernetes"),
        ("bare", "enableDnsHostnames is off"),
        ("zoned", "the private hosted zone us-east-1.amazonaws.com"),
    ] {
        let one = refused.iter().find(|one| one["finding"]["resource"].as_str().unwrap().ends_with(id(name)));
        let reason = one.unwrap_or_else(|| panic!("{name}: {refused:?}"))["reason"].as_str().unwrap();
        assert!(reason.contains(part), "{name}: {reason}");
    }
    assert_eq!(refused.len(), 6, "{refused:?}");
    assert!(plan["changes"][0]["impact"].to_string().contains("ssm.us-east-1.amazonaws.com"), "{plan}");

    desk.ends(0, "apply plan.json --playbook-set strict --auto-approve --max-risk disruptive");
    let sent: Vec<String> =
        proxy.log().iter().filter(|seen| seen.change.is_some()).map(|seen| seen.body.clone()).collect();
    let [one] = &sent[..] else { panic!("{sent:?}") };
    for part in
        ["Action=ModifyVpcEndpoint", &format!("VpcEndpointId={}", id("ssm")), "PrivateDnsEnabled=true"]
    {
        assert!(one.contains(part), "{part}: {one}");
    }
    assert!(!one.contains("PolicyDocument"), "nothing else is named: {one}");
    let mut expected = before.clone();
    expected[id("ssm")]["PrivateDnsEnabled"] = json!(true);
    assert_eq!(shown(&desk), expected, "one setting, and nothing else");
    desk.ends(0, "verify last");
    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
    assert!(proxy.log().iter().any(|seen| seen.body.contains("PrivateDnsEnabled=false")));
    assert_eq!(shown(&desk), before, "everything is as it was");
}

#[test]
fn a_zone_that_comes_after_the_plan_keeps_the_names() {
    let (desk, seed) = Desk::seeded(SEED);
    desk.ends(4, &format!("plan {CHECK} -o plan.json"));
    let zone = format!(
        "import boto3; vpc = boto3.client('ec2', region_name='us-east-1').describe_vpc_endpoints(VpcEndpointIds=['{}'])\
         ['VpcEndpoints'][0]['VpcId']; boto3.client('route53').create_hosted_zone(Name='ssm.us-east-1.amazonaws.com', \
         CallerReference='2', HostedZoneConfig={{'PrivateZone': True}}, VPC={{'VPCRegion': 'us-east-1', 'VPCId': vpc}})",
        seed["ssm"].as_str().unwrap()
    );
    desk.python(&zone, "");
    let before = shown(&desk);
    desk.run("apply plan.json --playbook-set strict --auto-approve --max-risk disruptive");
    assert_eq!(shown(&desk), before, "somebody was faster");
}
