//! Load balancers without a web ACL, through the built program on an emulator, with boto3 as the witness: found,
//! associated with the web ACL that is named, proved and taken off again.

use serde_json::{Value, json};

use crate::clinic_desk::Desk;

/// Load balancers without a web ACL, and such that look alike. The emulator makes every load balancer an
/// application one, by its ARN, and leaves the old web ACL in force where another is associated.
const SEED: &str = r#"
import json
import boto3

ec2, elb, waf = (boto3.client(s, region_name="us-east-1") for s in ("ec2", "elbv2", "wafv2"))
vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.7.{n}.0/24", AvailabilityZone=f"us-east-1{z}")["Subnet"]["SubnetId"] for n, z in ((1, "a"), (2, "b"))]
seen = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "m"}

def balancer(name, scheme="internet-facing", tags=()):
    more = {"Tags": [{"Key": k, "Value": v} for k, v in tags]} if tags else {}
    return elb.create_load_balancer(Name=name, Subnets=subnets, Scheme=scheme, **more)["LoadBalancers"][0]["LoadBalancerArn"]

def rule(name, priority, **more):
    rate = {"RateBasedStatement": {"Limit": 2000, "AggregateKeyType": "IP"}}
    return {"Name": name, "Priority": priority, "Statement": rate, "VisibilityConfig": seen, **more}

def acl(name, *rules, default="Allow"):
    return waf.create_web_acl(Name=name, Scope="REGIONAL", DefaultAction={default: {}}, VisibilityConfig=seen, Rules=list(rules))["Summary"]["ARN"]

group = {"ManagedRuleGroupStatement": {"VendorName": "AWS", "Name": "AWSManagedRulesCommonRuleSet"}}
ids = {
    "edge": acl("edge", rule("later", 2, Action={"Count": {}}), rule("floods", 1, Action={"Block": {}}),
        rule("core", 3, OverrideAction={"None": {}}) | {"Statement": group}),
    "other": acl("other", rule("all", 1, Action={"Count": {}})),
    "empty": acl("empty"),
    "closed": acl("closed", rule("floods", 1, Action={"Block": {}}), default="Block"),
    "managed": acl("FMManagedWebACLV2-edge-1", rule("floods", 1, Action={"Block": {}})),
    "open": balancer("open"),
    "second": balancer("second"),
    "cluster": balancer("cluster", tags=[("elbv2.k8s.aws/cluster", "blue")]),
    "has": balancer("has"),
    "inside": balancer("inside", "internal"),
}
waf.associate_web_acl(WebACLArn=ids["other"], ResourceArn=ids["has"])
print(json.dumps(ids))
"#;

/// Everything that is shown of each load balancer, with its web ACL, and of each web ACL.
const SHOWN: &str = r#"
import json
import boto3

elb, waf = (boto3.client(s, region_name="us-east-1") for s in ("elbv2", "wafv2"))
balancers = {b["LoadBalancerArn"]: b for b in elb.describe_load_balancers()["LoadBalancers"]}
acls = {a["ARN"]: a for a in waf.list_web_acls(Scope="REGIONAL")["WebACLs"]}
has = {arn: waf.get_web_acl_for_resource(ResourceArn=arn).get("WebACL", {}).get("ARN") for arn in balancers}
print(json.dumps({"has": has, "balancers": balancers, "acls": acls}, default=str))
"#;

const SET: &str = "--playbook-set strict";
const CHECK: &str = "--region us-east-1 --playbook-set strict --check load-balancer-without-web-acl";

fn shown(desk: &Desk) -> Value {
    serde_json::from_str(&desk.python(SHOWN, "")).unwrap()
}

/// The reason for which nothing is planned for a load balancer.
fn reason<'p>(plan: &'p Value, arn: &str) -> &'p str {
    let skipped = plan["skipped"].as_array().unwrap();
    let one = skipped.iter().find(|one| one["finding"]["resource"] == json!(arn));
    one.unwrap_or_else(|| panic!("{arn}: {skipped:?}"))["reason"].as_str().unwrap()
}

#[test]
fn the_web_acl_that_is_named_is_associated_and_taken_off_again() {
    let (desk, seed) = Desk::seeded(SEED);
    let id = |name: &str| seed[name].as_str().unwrap();
    let before = shown(&desk);
    let scan = desk.ends(0, &format!("scan {CHECK} --format json")).json();
    let mut found: Vec<&str> =
        scan["findings"].as_array().unwrap().iter().map(|f| f["resource"]["arn"].as_str().unwrap()).collect();
    let mut bad = ["open", "second", "cluster"].map(id);
    found.sort_unstable();
    bad.sort_unstable();
    assert_eq!(found, bad);

    let plan = desk.ends(4, &format!("plan {CHECK} --format json")).json();
    assert_eq!(plan["changes"], json!([]), "no web ACL is named");
    assert!(reason(&plan, id("open")).contains("no web ACL is named"), "{plan}");
    let elsewhere = id("edge").replace("us-east-1", "eu-west-1");
    for (named, part) in [
        ("empty", "nothing would be protected"),
        ("closed", "every request would be refused"),
        ("FMManagedWebACLV2-edge-1", "Firewall Manager"),
        ("nobody", "there is no regional web ACL nobody"),
        (elsewhere.as_str(), "is in eu-west-1"),
    ] {
        let line = format!("plan {CHECK} --set associate-web-acl.web_acl=\"{named}\" --format json");
        let plan = desk.ends(4, &line).json();
        let why = reason(&plan, id("open"));
        assert!(why.contains(part), "{named}: {why}");
    }

    let edge = "associate-web-acl.web_acl=\"edge\"";
    let plan = desk.ends(4, &format!("plan {CHECK} --set {edge} -o plan.json --format json")).json();
    assert_eq!(plan["changes"].as_array().unwrap().len(), 2, "{plan}");
    assert!(reason(&plan, id("cluster")).contains("the AWS Load Balancer Controller"), "{plan}");
    let impact = plan["changes"][0]["impact"].to_string();
    for part in ["rules that block: floods", "does not read: core", "only count: later", "is allowed"] {
        assert!(impact.contains(part), "{part}: {impact}");
    }
    assert_eq!(shown(&desk), before, "a plan changes nothing");

    // Somebody gives one of them another web ACL after the plan was made.
    let other = format!(
        "import boto3; boto3.client('wafv2', region_name='us-east-1').associate_web_acl(WebACLArn='{}', \
         ResourceArn='{}')",
        id("other"),
        id("second")
    );
    desk.python(&other, "");
    desk.ends(0, &format!("apply plan.json {SET} --set {edge} --auto-approve --max-risk disruptive"));
    let mut expected = before.clone();
    expected["has"][id("open")] = seed["edge"].clone();
    expected["has"][id("second")] = seed["other"].clone();
    assert_eq!(shown(&desk), expected, "one association, and nothing else; no web ACL was replaced");
    desk.ends(0, "verify last");
    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
    let mut expected = before;
    expected["has"][id("second")] = seed["other"].clone();
    assert_eq!(shown(&desk), expected, "everything of the run's is as it was");
}

#[test]
fn a_web_acl_that_somebody_has_associated_since_stays() {
    let (desk, seed) = Desk::seeded(SEED);
    let id = |name: &str| seed[name].as_str().unwrap();
    let edge = format!("associate-web-acl.web_acl=\"{}\"", id("edge"));
    desk.ends(4, &format!("plan {CHECK} --set {edge} -o plan.json"));
    desk.ends(0, &format!("apply plan.json {SET} --set {edge} --auto-approve --max-risk disruptive"));
    let theirs = format!(
        "import boto3; waf = boto3.client('wafv2', region_name='us-east-1'); \
         waf.disassociate_web_acl(ResourceArn='{}'); waf.associate_web_acl(WebACLArn='{}', ResourceArn='{}')",
        id("open"),
        id("other"),
        id("open")
    );
    desk.python(&theirs, "");
    let before = shown(&desk);
    assert_eq!(before["has"][id("second")], seed["edge"]);
    desk.ends(4, "undo last --auto-approve --max-risk disruptive");
    let mut expected = before;
    expected["has"][id("second")] = Value::Null;
    assert_eq!(shown(&desk), expected, "only what is still the run's is undone");
}
