//! Plain HTTP of load balancers, through the built program on an emulator, with boto3 as the witness: found,
//! planned, redirected, proved and set back; and what is left alone.

use serde_json::{Value, json};

use crate::clinic_desk::Desk;

/// Load balancers with a listener of HTTP. The emulator takes any target for healthy as soon as it is
/// registered, and shows a security policy at listeners of HTTP.
const HTTP: &str = r#"
import datetime
import json
import boto3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ec2, elb, acm = (boto3.client(s, region_name="us-east-1") for s in ("ec2", "elbv2", "acm"))
vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
subnets = [s["SubnetId"] for s in ec2.describe_subnets()["Subnets"][:2]]

def certificate(days):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "web.example")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
        .not_valid_before(now - datetime.timedelta(days=90)).not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("web.example")]), False).sign(key, hashes.SHA256()))
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    return acm.import_certificate(Certificate=made.public_bytes(pem), PrivateKey=plain)["CertificateArn"]

def group(name, *ports):
    made = ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
    for port in ports:
        ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=[{"IpProtocol": "tcp", "FromPort": port,
            "ToPort": port, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
    return made

valid, open_to, half = certificate(90), group("open", 80, 443), group("half", 80)

def balancer(name, sg=None, tags=()):
    more = {"Tags": [{"Key": k, "Value": v} for k, v in tags]} if tags else {}
    return elb.create_load_balancer(Name=name, Subnets=subnets, SecurityGroups=[sg or open_to], **more)["LoadBalancers"][0]["LoadBalancerArn"]

def targets(name, *addresses):
    made = elb.create_target_group(Name=name, Protocol="HTTP", Port=8080, VpcId=vpc, TargetType="ip")["TargetGroups"][0]["TargetGroupArn"]
    if addresses:
        elb.register_targets(TargetGroupArn=made, Targets=[{"Id": a, "Port": 8080} for a in addresses])
    return made

def listen(balancer, protocol, port, actions, cert=None):
    more = {"Certificates": [{"CertificateArn": cert}], "SslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06"} if cert else {}
    return elb.create_listener(LoadBalancerArn=balancer, Protocol=protocol, Port=port, DefaultActions=actions, **more)["Listeners"][0]["ListenerArn"]

def forward(group):
    return [{"Type": "forward", "TargetGroupArn": group}]

def both(name, action, sg=None, tags=(), cert=None):
    b = balancer(name, sg, tags)
    listen(b, "HTTPS", 443, action, cert or valid)
    return listen(b, "HTTP", 80, action)

app, second, empty = targets("app", "10.0.0.7"), targets("second", "10.0.0.8"), targets("empty")
split = [{"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": second, "Weight": 1},
    {"TargetGroupArn": app, "Weight": 9}], "TargetGroupStickinessConfig": {"Enabled": True, "DurationSeconds": 300}}}]
to_https = [{"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}]
ids = {
    "web": both("web", forward(app)),
    "split": both("split", split),
    "bare": listen(balancer("bare"), "HTTP", 80, forward(app)),
    "rules": both("rules", forward(app)),
    "sick": both("sick", forward(empty)),
    "half": both("half", forward(app), half),
    "foreign": both("foreign", forward(app), cert="arn:aws:iam::123456789012:server-certificate/c"),
    "cluster": both("cluster", forward(app), tags=[("elbv2.k8s.aws/cluster", "blue")]),
}
elb.create_rule(ListenerArn=ids["rules"], Priority=10, Actions=forward(second),
    Conditions=[{"Field": "path-pattern", "Values": ["/.well-known/acme-challenge/*"]}])
fine = balancer("fine")
listen(fine, "HTTPS", 443, forward(app), valid)
ids["fine"] = listen(fine, "HTTP", 80, to_https)
by_rule = balancer("by-rule")
listen(by_rule, "HTTPS", 443, forward(app), valid)
ids["by_rule"] = listen(by_rule, "HTTP", 80, to_https)
elb.create_rule(ListenerArn=ids["by_rule"], Priority=1, Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}],
    Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/health"]}}])
print(json.dumps(ids))
"#;

/// Everything that is shown of each listener, with its rules. A lone action has no place here: AWS may show one, the
/// emulator shows what was sent.
const SHOWN: &str = r#"
import json
import boto3

elb = boto3.client("elbv2", region_name="us-east-1")
all = [l for b in elb.describe_load_balancers()["LoadBalancers"] for l in elb.describe_listeners(LoadBalancerArn=b["LoadBalancerArn"])["Listeners"]]
print(json.dumps({l["ListenerArn"]: {**l, "Rules": elb.describe_rules(ListenerArn=l["ListenerArn"])["Rules"]} for l in all}))
"#;

const CHECK: &str = "--region us-east-1 --check load-balancer-plain-http";

fn shown(desk: &Desk) -> Value {
    serde_json::from_str(&desk.python(SHOWN, "")).unwrap()
}

#[test]
fn plain_http_is_redirected_where_https_serves_the_same_and_is_forwarded_again_after_an_undo() {
    let (desk, seed) = Desk::seeded(HTTP);
    let id = |name: &str| seed[name].as_str().unwrap();
    let before = shown(&desk);
    let scan = desk.ends(0, &format!("scan {CHECK} --format json")).json();
    let mut found: Vec<&str> =
        scan["findings"].as_array().unwrap().iter().map(|f| f["resource"]["arn"].as_str().unwrap()).collect();
    let mut bad: Vec<&str> =
        seed.as_object().unwrap().keys().filter(|key| *key != "fine").map(|key| id(key)).collect();
    found.sort_unstable();
    bad.sort_unstable();
    assert_eq!(found, bad, "internal or not, by the default action or by a rule");
    let plan = desk.ends(4, &format!("plan {CHECK} -o plan.json --format json")).json();
    assert_eq!(shown(&desk), before, "a plan changes nothing");
    let refused = plan["skipped"].as_array().unwrap();
    for (name, part) in [
        ("bare", "no listener of HTTPS"),
        ("rules", "rule 10 (path-pattern /.well-known/acme-challenge/*: forward)"),
        ("by_rule", "rule 1 (path-pattern /health: fixed-response)"),
        ("sick", "no target that is healthy (it has none)"),
        ("half", "let 0.0.0.0/0 in on port 80 and not on port 443"),
        ("foreign", "which Certificate Manager does not have"),
        ("cluster", "the AWS Load Balancer Controller"),
    ] {
        let one = refused.iter().find(|one| one["finding"]["resource"] == json!(id(name)));
        let reason = one.unwrap_or_else(|| panic!("{name}: {refused:?}"))["reason"].as_str().unwrap();
        assert!(reason.contains(part), "{name}: {reason}");
    }
    assert_eq!(refused.len(), 7, "{refused:?}");
    desk.ends(0, "apply plan.json --auto-approve --max-risk disruptive");
    let mut expected = before.clone();
    let redirect = json!([{ "Type": "redirect", "RedirectConfig": { "Protocol": "HTTPS", "Port": "443",
        "Host": "#{host}", "Path": "/#{path}", "Query": "#{query}", "StatusCode": "HTTP_301" } }]);
    for name in ["web", "split"] {
        expected[id(name)]["DefaultActions"] = redirect.clone();
        let rules = expected[id(name)]["Rules"].as_array_mut().unwrap();
        assert_eq!(rules.len(), 1, "the default rule");
        rules[0]["Actions"] = redirect.clone();
    }
    assert_eq!(shown(&desk), expected, "the default actions of two listeners, and nothing else");
    desk.ends(0, "verify last");
    let again = desk.ends(4, &format!("plan {CHECK} --format json")).json();
    assert_eq!(again["changes"], json!([]), "what is done is not done again");
    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
    let after = shown(&desk);
    for name in ["web", "split"] {
        let groups = |of: &Value| {
            let mut all = of[id(name)]["DefaultActions"][0]["ForwardConfig"]["TargetGroups"].clone();
            all.as_array_mut().into_iter().for_each(|all| all.sort_by_key(ToString::to_string));
            all
        };
        assert_eq!(groups(&after), groups(&before), "{name}");
    }
    let mut sorted = before.clone();
    for member in
        ["/DefaultActions/0/ForwardConfig/TargetGroups", "/Rules/0/Actions/0/ForwardConfig/TargetGroups"]
    {
        let shown = after[id("split")].pointer(member).unwrap().clone();
        *sorted[id("split")].pointer_mut(member).unwrap() = shown;
    }
    assert_eq!(
        after, sorted,
        "everything is as it was, but for the order of groups, which AWS does not promise"
    );
}

#[test]
fn nothing_is_redirected_where_a_read_is_denied_or_somebody_was_faster() {
    let (desk, seed) = Desk::seeded(HTTP);
    let web = seed["web"].as_str().unwrap();
    desk.ends(4, &format!("plan {CHECK} -o plan.json"));
    // Somebody takes HTTPS away after the plan was made.
    let gone = format!(
        "import boto3; elb = boto3.client('elbv2', region_name='us-east-1'); web = '{web}'; \
         all = elb.describe_listeners(LoadBalancerArn=web.replace(':listener/', ':loadbalancer/').rsplit('/', 1)[0]); \
         [elb.delete_listener(ListenerArn=l['ListenerArn']) for l in all['Listeners'] if l['Protocol'] == 'HTTPS']"
    );
    desk.python(&gone, "");
    let before = shown(&desk);
    let applied = desk.run("apply plan.json --auto-approve --max-risk disruptive --format json");
    assert_eq!(shown(&desk)[web], before[web], "{}\n{}", applied.out, applied.err);
    let split = seed["split"].as_str().unwrap();
    assert_eq!(shown(&desk)[split]["DefaultActions"][0]["Type"], json!("redirect"), "the other one goes on");
    // Somebody has set it otherwise since: an undo leaves that alone.
    let other = format!(
        "import boto3; boto3.client('elbv2', region_name='us-east-1').modify_listener(ListenerArn='{split}', \
         DefaultActions=[{{'Type': 'redirect', 'RedirectConfig': {{'Protocol': 'HTTPS', 'Port': '8443', \
         'StatusCode': 'HTTP_302'}}}}])"
    );
    desk.python(&other, "");
    let theirs = shown(&desk);
    desk.run("undo last --auto-approve --max-risk disruptive");
    assert_eq!(shown(&desk), theirs, "what somebody else has set stays");
}
