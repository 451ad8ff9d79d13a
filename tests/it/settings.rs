//! Remedies that are one setting, through the built program on an emulator, with boto3 as the witness: found,
//! planned, set, proved and set back.

use serde_json::{Value, json};

use crate::{clinic_desk::Desk, proxy::Proxy};

const SEED: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
ec2.enable_ebs_encryption_by_default()
for subnet in ec2.describe_subnets()["Subnets"]:
    ec2.modify_subnet_attribute(SubnetId=subnet["SubnetId"], MapPublicIpOnLaunch={"Value": False})
vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{n}.0/24", AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"] for n in (1, 2)]
for subnet, value in zip(subnets, (True, False)):
    ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": value})
print(json.dumps({"public": subnets[0], "private": subnets[1]}))
"#;

const LOOK: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
print(json.dumps({s["SubnetId"]: s["MapPublicIpOnLaunch"] for s in ec2.describe_subnets()["Subnets"]}))
"#;

fn shown(desk: &Desk) -> Value {
    serde_json::from_str(&desk.python(LOOK, "")).unwrap()
}

#[test]
fn a_subnet_gives_out_no_public_addresses_any_more_and_does_again_after_an_undo() {
    let (desk, seed) = Desk::seeded(SEED);
    let (public, private) = (seed["public"].as_str().unwrap(), seed["private"].as_str().unwrap());
    let before = shown(&desk);
    let scan = desk.ends(0, "scan --region us-east-1 --check subnet-auto-public-ip --format json").json();
    let found: Vec<&Value> =
        scan["findings"].as_array().unwrap().iter().map(|finding| &finding["resource"]["id"]).collect();
    assert_eq!(found, [public]);
    desk.ends(0, "plan --region us-east-1 --check subnet-auto-public-ip -o plan.json");
    desk.ends(0, "apply plan.json --auto-approve --max-risk disruptive");
    let after = shown(&desk);
    assert_eq!((&after[public], &after[private]), (&json!(false), &json!(false)));
    desk.ends(0, "verify last");
    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
    assert_eq!(shown(&desk), before, "everything is as it was");
}

#[test]
fn encryption_by_default_is_not_turned_on_under_a_key_that_is_not_known() {
    let (desk, _) = Desk::seeded(SEED);
    desk.python(
        "import boto3; boto3.client('ec2', region_name='us-east-1').disable_ebs_encryption_by_default()",
        "",
    );
    // The emulator has no GetEbsDefaultKmsKeyId, so that the finding is shown and nothing is planned.
    let plan =
        desk.ends(4, "plan --region us-east-1 --check ebs-default-encryption-off --format json").json();
    assert_eq!(plan["changes"], json!([]));
    let reason = plan["skipped"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("default key"), "{reason}");
}

/// Listeners, bad ones and such that look alike. The emulator shows a security policy at plain listeners too,
/// and makes every ARN one of an application load balancer.
const LISTENERS: &str = r#"
import json
import boto3

ec2, elb = boto3.client("ec2", region_name="us-east-1"), boto3.client("elbv2", region_name="us-east-1")
subnets = [s["SubnetId"] for s in ec2.describe_subnets()["Subnets"][:2]]
def balancer(name, **tags):
    more = {"Tags": [{"Key": k.replace("__", "/"), "Value": v} for k, v in tags.items()]} if tags else {}
    return elb.create_load_balancer(Name=name, Subnets=subnets, **more)["LoadBalancers"][0]["LoadBalancerArn"]
def listener(balancer, port, protocol, policy=None):
    more = {"SslPolicy": policy, "Certificates": [{"CertificateArn": "arn:aws:iam::123456789012:server-certificate/c"}]} if policy else {}
    actions = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}]
    return elb.create_listener(LoadBalancerArn=balancer, Protocol=protocol, Port=port, DefaultActions=actions, **more)["Listeners"][0]["ListenerArn"]
web = balancer("web", Team="web")
ids = {
    "old": listener(web, 443, "HTTPS", "ELBSecurityPolicy-2016-08"),
    "quantum": listener(web, 8443, "HTTPS", "ELBSecurityPolicy-TLS13-1-0-PQ-2025-09"),
    "sound": listener(web, 9443, "HTTPS", "ELBSecurityPolicy-TLS-1-2-2017-01"),
    "plain": listener(web, 80, "HTTP"),
    "cluster": listener(balancer("shop", **{"elbv2.k8s.aws__cluster": "blue"}), 443, "HTTPS", "ELBSecurityPolicy-2016-08"),
}
print(json.dumps(ids))
"#;

/// Everything that is shown of each listener.
const SHOWN: &str = r#"
import json
import boto3

elb = boto3.client("elbv2", region_name="us-east-1")
all = [l for b in elb.describe_load_balancers()["LoadBalancers"] for l in elb.describe_listeners(LoadBalancerArn=b["LoadBalancerArn"])["Listeners"]]
print(json.dumps({l["ListenerArn"]: l for l in all}))
"#;

#[test]
fn a_listener_speaks_no_broken_tls_any_more_and_does_again_after_an_undo() {
    let (desk, seed) = Desk::seeded(LISTENERS);
    let id = |name: &str| seed[name].as_str().unwrap();
    let shown = |desk: &Desk| serde_json::from_str::<Value>(&desk.python(SHOWN, "")).unwrap();
    let (before, check) = (shown(&desk), "--region us-east-1 --check load-balancer-weak-tls");
    let scan = desk.ends(0, &format!("scan {check} --format json")).json();
    let mut found: Vec<&str> =
        scan["findings"].as_array().unwrap().iter().map(|f| f["resource"]["arn"].as_str().unwrap()).collect();
    let mut bad = [id("old"), id("quantum"), id("cluster")];
    found.sort_unstable();
    bad.sort_unstable();
    assert_eq!(found, bad);
    let plan = desk.ends(4, &format!("plan {check} -o plan.json --format json")).json();
    assert_eq!(shown(&desk), before, "a plan changes nothing");
    let refused = plan["skipped"].as_array().unwrap();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0]["reason"].as_str().unwrap().contains("the AWS Load Balancer Controller"));
    desk.ends(0, "apply plan.json --auto-approve --max-risk disruptive");
    let after = shown(&desk);
    let mut expected = before.clone();
    expected[id("old")]["SslPolicy"] = json!("ELBSecurityPolicy-TLS13-1-2-2021-06");
    expected[id("quantum")]["SslPolicy"] = json!("ELBSecurityPolicy-TLS13-1-2-PQ-2025-09");
    assert_eq!(after, expected, "the policies, and nothing else");
    desk.ends(0, "verify last");
    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
    assert_eq!(shown(&desk), before, "everything is as it was");
}

/// Endpoints with open policies, and such that look alike. The emulator takes any service name.
const ENDPOINTS: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.8.1.0/24", AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]
table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
everything = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["*"], "Resource": "*"}
def endpoint(service, kind, *statements, **more):
    if statements:
        more["PolicyDocument"] = json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, indent=2)
    more |= {"RouteTableIds": [table]} if kind == "Gateway" else {"SubnetIds": [subnet]}
    return ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=service, VpcEndpointType=kind, **more)["VpcEndpoint"]["VpcEndpointId"]
def aws(service):
    return f"com.amazonaws.us-east-1.{service}"
own = {"StringEquals": {"aws:PrincipalAccount": "123456789012"}}
partner = {"Sid": "ServicesOfAws", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::partner/*"}
print(json.dumps({
    "default": endpoint(aws("s3"), "Gateway"),
    "partner": endpoint(aws("s3"), "Interface", partner, everything),
    "ssm": endpoint(aws("ssm"), "Interface"),
    "sts": endpoint(aws("sts"), "Interface"),
    "stack": endpoint(aws("kms"), "Interface", TagSpecifications=[{"ResourceType": "vpc-endpoint", "Tags": [{"Key": "kubernetes.io/cluster/blue", "Value": "owned"}]}]),
    "bounded": endpoint(aws("dynamodb"), "Gateway", everything | {"Condition": own}),
    "odd": endpoint(aws("sqs"), "Interface", everything | {"Condition": {"StringEquals": {"aws:SourceVpc": vpc}}}),
    "vendor": endpoint("com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0", "Interface"),
}))
"#;

/// Everything that is shown of each endpoint.
const SHOWN_ENDPOINTS: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
print(json.dumps({e["VpcEndpointId"]: e for e in ec2.describe_vpc_endpoints()["VpcEndpoints"]}, default=str))
"#;

#[test]
fn an_endpoint_is_for_the_account_alone_and_gets_its_own_document_back_after_an_undo() {
    let (desk, seed) = Desk::seeded(ENDPOINTS);
    let id = |name: &str| seed[name].as_str().unwrap();
    let shown = |desk: &Desk| serde_json::from_str::<Value>(&desk.python(SHOWN_ENDPOINTS, "")).unwrap();
    let (before, check) = (shown(&desk), "--region us-east-1 --check vpc-endpoint-open-policy");
    let scan = desk.ends(4, &format!("scan {check} --format json")).json();
    let mut found: Vec<&str> =
        scan["findings"].as_array().unwrap().iter().map(|f| f["resource"]["id"].as_str().unwrap()).collect();
    let mut bad = ["default", "partner", "ssm", "sts", "stack"].map(id);
    found.sort_unstable();
    bad.sort_unstable();
    assert_eq!(found, bad);
    let unknown = scan["unknown"].as_array().unwrap();
    assert!(unknown.len() == 1 && unknown[0].to_string().contains(id("odd")), "{unknown:?}");
    let plan = desk.ends(4, &format!("plan {check} -o plan.json --format json")).json();
    assert_eq!(shown(&desk), before, "a plan changes nothing");
    let refused: Vec<String> = plan["skipped"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["reason"].as_str().unwrap().to_owned())
        .collect();
    for part in ["redress has no policy for that service", "Kubernetes"] {
        assert!(refused.iter().any(|why| why.contains(part)), "{part}: {refused:?}");
    }
    desk.ends(0, "apply plan.json --auto-approve --max-risk disruptive");
    let after = shown(&desk);
    let policy = |all: &Value, name: &str| -> Value {
        serde_json::from_str(all[id(name)]["PolicyDocument"].as_str().unwrap()).unwrap()
    };
    for name in ["default", "partner", "ssm"] {
        let statements = policy(&after, name)["Statement"].as_array().unwrap().clone();
        let own = statements.iter().find(|one| one["Sid"] == "OwnPrincipalsAndResources").unwrap();
        let account = own["Condition"]["StringEquals"]["aws:PrincipalAccount"].as_str().unwrap();
        assert_eq!(own["Condition"]["StringEquals"]["aws:ResourceAccount"], account);
        assert!(statements.iter().all(|one| one["Action"] != json!(["*"])), "{statements:?}");
    }
    assert_eq!(policy(&after, "partner")["Statement"][0], policy(&before, "partner")["Statement"][0]);
    let mut expected = before.clone();
    for name in ["default", "partner", "ssm"] {
        expected[id(name)]["PolicyDocument"] = after[id(name)]["PolicyDocument"].clone();
    }
    assert_eq!(after, expected, "the policies, and nothing else");
    desk.ends(0, "verify last");
    let scan = desk.ends(4, &format!("scan {check} --format json")).json();
    assert_eq!(scan["findings"].as_array().unwrap().len(), 2, "{scan}");
    // Somebody reformats one policy, and changes another.
    let meddle = format!(
        "import boto3, json; ec2 = boto3.client('ec2', region_name='us-east-1'); \
         get = lambda id: json.loads(ec2.describe_vpc_endpoints(VpcEndpointIds=[id])['VpcEndpoints'][0]['PolicyDocument']); \
         put = lambda id, policy: ec2.modify_vpc_endpoint(VpcEndpointId=id, PolicyDocument=json.dumps(policy, indent=1, sort_keys=True)); \
         put('{}', get('{}')); policy = get('{}'); policy['Statement'].pop(); put('{}', policy)",
        id("default"),
        id("default"),
        id("ssm"),
        id("ssm")
    );
    desk.python(&meddle, "");
    desk.ends(4, "undo last --auto-approve --max-risk disruptive");
    let back = shown(&desk);
    for name in ["default", "partner"] {
        assert_eq!(back[id(name)], before[id(name)], "exactly the former document");
    }
    assert_ne!(back[id("ssm")], before[id("ssm")], "what somebody has changed since is theirs");
}

/// Keys of every kind. The emulator rotates any key in any state, and replicas share their configuration with
/// their primary: what is shown of those that AWS cannot rotate is that redress asks for nothing.
const KEYS: &str = r#"
import json
import boto3

kms = boto3.client("kms", region_name="us-east-1")
def key(**more):
    return kms.create_key(**{"KeyUsage": "ENCRYPT_DECRYPT", **more})["KeyMetadata"]["KeyId"]
ids = {name: key() for name in ("still", "rotated", "disabled", "leaving")}
ids["imported"] = key(Origin="EXTERNAL")
ids["signing"] = key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
ids["replica"] = key(MultiRegion=True)
for name in ("rotated", "replica"):
    kms.enable_key_rotation(KeyId=ids[name])
kms.replicate_key(KeyId=ids["replica"], ReplicaRegion="eu-west-1")
kms.disable_key(KeyId=ids["disabled"])
kms.schedule_key_deletion(KeyId=ids["leaving"])
print(json.dumps(ids))
"#;

const ROTATION: &str = r#"
import json
import boto3

kms = boto3.client("kms", region_name="us-east-1")
print(json.dumps({k["KeyId"]: kms.get_key_rotation_status(KeyId=k["KeyId"])["KeyRotationEnabled"] for k in kms.list_keys()["Keys"]}))
"#;

const IN_BOTH: &str = "--region us-east-1 --region eu-west-1 --check kms-rotation-off";

#[test]
fn a_key_is_rotated_with_the_period_that_was_asked_for_and_not_any_more_after_an_undo() {
    let (mut desk, seed) = Desk::seeded(KEYS);
    let id = |name: &str| seed[name].as_str().unwrap();
    let rotation = |desk: &Desk| serde_json::from_str::<Value>(&desk.python(ROTATION, "")).unwrap();
    let before = rotation(&desk);
    // The emulator loses the period: what was sent is looked at.
    let proxy = Proxy::before(&desk.endpoint);
    desk.endpoint.clone_from(&proxy.url);
    let scan = desk.ends(0, &format!("scan {IN_BOTH} --format json")).json();
    let found: Vec<&Value> =
        scan["findings"].as_array().unwrap().iter().map(|finding| &finding["resource"]["id"]).collect();
    assert_eq!(found, [id("still")]);
    desk.ends(0, &format!("plan {IN_BOTH} --set enable-kms-rotation.period_days=180 -o plan.json"));
    let plan: Value = serde_json::from_str(&crate::clinic_desk::text(&desk.path("plan.json"))).unwrap();
    let inputs: Vec<&Value> = plan["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| &change["steps"][0]["call"]["input"])
        .collect();
    assert_eq!(inputs, [&json!({ "KeyId": id("still"), "RotationPeriodInDays": 180 })]);
    desk.ends(0, "apply plan.json --auto-approve --set enable-kms-rotation.period_days=180");
    let sent: Vec<Value> = proxy
        .log()
        .iter()
        .filter(|seen| seen.change.is_some())
        .map(|seen| serde_json::from_str(&seen.body).unwrap())
        .collect();
    assert_eq!(sent, [json!({ "KeyId": id("still"), "RotationPeriodInDays": 180 })]);
    let after = rotation(&desk);
    assert_eq!(after[id("still")], json!(true));
    desk.ends(0, "verify last");
    desk.ends(0, "undo last --auto-approve");
    assert_eq!(rotation(&desk), before, "everything is as it was");
}

#[test]
fn keys_that_aws_cannot_rotate_are_no_findings_and_each_has_its_reason() {
    let (desk, seed) = Desk::seeded(KEYS);
    let scan = desk.ends(0, &format!("scan {IN_BOTH} --format json")).json();
    assert_eq!(scan["findings"].as_array().unwrap().len(), 1, "{}", scan["findings"]);
    let id = |name: &str| seed[name].as_str().unwrap();
    let note = |name: &str, region: &str| {
        let is_it = |note: &&Value| {
            note["resource"]["arn"].as_str().unwrap().contains(region) && note["resource"]["id"] == id(name)
        };
        scan["notes"]
            .as_array()
            .unwrap()
            .iter()
            .find(is_it)
            .unwrap_or_else(|| panic!("{name}: {}", scan["notes"]))["note"]
            .as_str()
            .unwrap()
    };
    for (name, region, word) in [
        ("imported", "us-east-1", "imported"),
        ("signing", "us-east-1", "RSA_2048"),
        ("replica", "eu-west-1", ":kms:us-east-1:"),
    ] {
        assert!(note(name, region).contains(word), "{name}: {}", note(name, region));
    }
    let of_key = |name: &str| {
        scan["notes"].as_array().unwrap().iter().filter(|note| note["resource"]["id"] == id(name)).count()
    };
    assert_eq!(
        (of_key("disabled"), of_key("leaving"), &scan["unknown"]),
        (0, 0, &json!([])),
        "what is out of use is left out"
    );
}

#[test]
fn a_finding_of_prowler_on_a_key_is_confirmed_and_one_on_a_key_that_aws_cannot_rotate_is_told_why_not() {
    let (desk, seed) = Desk::seeded(KEYS);
    let account = &desk.keys.account;
    let row = |name: &str| {
        let arn = format!("arn:aws:kms:us-east-1:{account}:key/{}", seed[name].as_str().unwrap());
        json!({
            "SchemaVersion": "2018-10-08", "Id": format!("prowler-{name}"),
            "ProductArn": format!("arn:aws:securityhub:us-east-1:{account}:product/{account}/default"),
            "GeneratorId": "prowler-kms_cmk_rotation_enabled", "AwsAccountId": account,
            "Severity": { "Label": "MEDIUM" }, "Title": "rotation",
            "ProductFields": { "ProviderName": "Prowler", "ProviderVersion": "5.46.0" },
            "RecordState": "ACTIVE", "Workflow": { "Status": "NEW" },
            "Types": [], "CreatedAt": "2026-11-22T06:26:40Z", "UpdatedAt": "2026-11-22T06:26:40Z",
            "Description": "rotation",
            "Resources": [{ "Type": "AwsKmsKey", "Id": arn, "Partition": "aws", "Region": "us-east-1" }],
            "Compliance": { "Status": "FAILED" },
        })
    };
    std::fs::write(desk.path("prowler.json"), json!([row("still"), row("imported")]).to_string()).unwrap();
    let scan = desk.ends(0, "scan --region us-east-1 --findings prowler.json --format json").json();
    assert_eq!(scan["findings"].as_array().unwrap().len(), 1, "{}", scan["findings"]);
    assert_eq!(scan["findings"][0]["resource"]["id"], seed["still"]);
    assert_eq!(
        (scan["notes"].as_array().unwrap().len(), &scan["notes"][0]["resource"]["id"]),
        (1, &seed["imported"])
    );
    assert!(scan["notes"][0]["note"].as_str().unwrap().contains("rotate it on demand"));
    assert!(
        scan["intake"]["suspicions"][1]["remarks"][0].as_str().unwrap().contains("rotate it on demand"),
        "{}",
        scan["intake"]
    );
    let plan = desk.ends(0, "plan --region us-east-1 --findings prowler.json");
    let why = plan
        .err
        .lines()
        .find(|line| line.contains("1 not confirmed: "))
        .unwrap_or_else(|| panic!("{}", plan.err));
    assert!(why.contains("rotate it on demand"), "{why}");
}
