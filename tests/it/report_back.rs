//! Closing the loop: Security Hub is told of what a run has set right and of nothing else, only when asked,
//! and what it does not take is said; outcomes as OCSF can be read again. The emulator does not have
//! `BatchUpdateFindings`: a server in front of it answers that, and what is asserted on is what was sent.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use serde_json::{Value, json};

use crate::{
    clinic_desk::Desk,
    proxy::{forward, request},
    support::{Keys, moto},
};

/// What the server answers to the next requests: a status line and a body; then it resolves whatever it is
/// asked to.
type Script = Vec<(&'static str, Value)>;

/// What a request asked for: the region it was signed for, and its body.
type Asked = (String, Value);

#[derive(Default)]
struct State {
    asked: Mutex<Vec<Asked>>,
    script: Mutex<Script>,
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Security Hub, in front of the emulator; it ends with the test process.
struct Hub {
    url: String,
    state: Arc<State>,
}

impl Hub {
    fn before(upstream: &str) -> Hub {
        let upstream = upstream.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let (url, state) = (format!("http://{}", listener.local_addr().unwrap()), Arc::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (state, upstream) = (Arc::clone(&shared), upstream.clone());
                thread::spawn(move || drop(serve(stream, &upstream, &state)));
            }
        });
        Hub { url, state }
    }

    /// The requests since this was last asked.
    fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut hold(&self.state.asked))
    }

    fn answers(&self, script: Script) {
        *hold(&self.state.script) = script;
    }
}

fn serve(mut client: TcpStream, upstream: &str, state: &State) -> std::io::Result<()> {
    let Some(request) = request(&mut client)? else { return Ok(()) };
    if !request.starts_with(b"PATCH /findings/batchupdate ") {
        return client.write_all(&forward(upstream, &request)?);
    }
    let text = String::from_utf8_lossy(&request).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let region = head
        .split("/securityhub/aws4_request")
        .next()
        .and_then(|before| before.rsplit('/').next())
        .unwrap_or_default()
        .to_owned();
    let body: Value = serde_json::from_str(body).unwrap();
    hold(&state.asked).push((region, body.clone()));
    let all = json!({"ProcessedFindings": body["FindingIdentifiers"], "UnprocessedFindings": []});
    let mut script = hold(&state.script);
    let (status, answer) = if script.is_empty() { ("200 OK", all) } else { script.remove(0) };
    let (answer, kind) =
        (answer.to_string(), if status.starts_with("200") { "" } else { "x-amzn-ErrorType: " });
    let kind = if kind.is_empty() {
        String::new()
    } else {
        format!("{kind}{}\r\n", status.rsplit(' ').next().unwrap_or_default())
    };
    write!(
        client,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{kind}Content-Length: {}\r\nConnection: \
         close\r\n\r\n{answer}",
        answer.len()
    )
}

const SEED: &str = "
import boto3, json
ec2 = boto3.client('ec2')
vpc = ec2.describe_vpcs()['Vpcs'][0]['VpcId']
def group(name):
    made = ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)['GroupId']
    ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=[dict(IpProtocol='tcp', FromPort=22, ToPort=22, IpRanges=[dict(CidrIp='0.0.0.0/0')])])
    return made
print(json.dumps([group(name) for name in ('one', 'two')]))
";

const REOPEN: &str = "
import boto3, sys
boto3.client('ec2').authorize_security_group_ingress(GroupId='GROUP', IpPermissions=[dict(IpProtocol='tcp', FromPort=22, ToPort=22, IpRanges=[dict(CidrIp='0.0.0.0/0')])])
";

pub(crate) const PRODUCT: &str = "arn:aws:securityhub:us-east-1::product/aws/securityhub";
const COMMON: &str = "--region us-east-1 --format json";

struct Clinic {
    desk: Desk,
    hub: Hub,
    keys: Keys,
    groups: Vec<String>,
}

impl Clinic {
    /// An account with two groups that let the world in, and Security Hub in front of it.
    fn new() -> Clinic {
        let keys = moto().account();
        let groups: Vec<String> = serde_json::from_str(&moto().python(&keys, SEED)).unwrap();
        let hub = Hub::before(&moto().url());
        let mut desk = Desk::with(moto(), keys.clone());
        desk.endpoint.clone_from(&hub.url);
        Clinic { desk, hub, keys, groups }
    }

    fn arn(&self, n: usize) -> String {
        format!("arn:aws:ec2:us-east-1:{}:security-group/{}", self.keys.account, self.groups[n])
    }

    /// A finding of Security Hub about these resources.
    fn finding(&self, id: &str, arns: &[String]) -> Value {
        let resources: Vec<Value> = arns
            .iter()
            .map(|arn| {
                json!({"Type": "AwsEc2SecurityGroup", "Id": arn, "Partition": "aws",
                "Region": "us-east-1"})
            })
            .collect();
        json!({"SchemaVersion": "2018-10-08", "Id": id, "ProductArn": PRODUCT,
            "GeneratorId": "security-control/EC2.13", "AwsAccountId": self.keys.account,
            "Region": "us-east-1", "Title": "ssh", "Description": "ssh", "CreatedAt": "2026-11-22T06:00:00Z",
            "UpdatedAt": "2026-11-22T06:00:00Z",
            "Severity": {"Label": "HIGH"}, "Types": ["Software and Configuration Checks"],
            "Compliance": {"Status": "FAILED", "SecurityControlId": "EC2.13"},
            "Workflow": {"Status": "NEW"}, "RecordState": "ACTIVE", "Resources": resources})
    }

    fn write(&self, findings: &[Value]) {
        fs::write(self.desk.path("hub.json"), json!({ "Findings": findings }).to_string()).unwrap();
    }

    fn apply(&self, more: &str) -> crate::clinic_desk::Said {
        self.desk.ends(
            0,
            &format!(
                "apply {COMMON} --allow-cidr 203.0.113.0/24 --findings hub.json --auto-approve --max-risk \
                 disruptive {more}"
            ),
        )
    }
}

fn ids(asked: &Asked) -> BTreeSet<String> {
    asked.1["FindingIdentifiers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["Id"].as_str().unwrap().to_owned())
        .collect()
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn security_hub_is_told_of_what_is_proved_again_and_of_nothing_else() {
    let clinic = Clinic::new();
    let (desk, hub) = (&clinic.desk, &clinic.hub);
    let (one, two) = (clinic.arn(0), clinic.arn(1));
    let with = |id: &str, key: &str, value: &str| {
        let mut finding = clinic.finding(id, std::slice::from_ref(&one));
        finding[key] = value.into();
        finding
    };
    clinic.write(&[
        clinic.finding("one", std::slice::from_ref(&one)),
        clinic.finding("one-again", std::slice::from_ref(&one)),
        clinic.finding("two", std::slice::from_ref(&two)),
        clinic.finding("both", &[one.clone(), two.clone()]),
        clinic.finding(
            "elsewhere-too",
            &[
                one.clone(),
                "arn:aws:ec2:us-east-1:999999999999:security-group/sg-0aaaaaaaaaaaaaaa2".to_owned(),
            ],
        ),
        with("of-another-account", "AwsAccountId", "999999999999"),
        with("of-another-region", "ProductArn", "arn:aws:securityhub:eu-west-1::product/aws/securityhub"),
        with("of-no-product", "ProductArn", "arn:aws:securityhub:us-east-1::product/../hub"),
    ]);
    clinic.apply("");
    moto().python(&clinic.keys, &REOPEN.replace("GROUP", &clinic.groups[1]));
    desk.ends(7, "verify last --format json");
    assert_eq!(hub.asked(), [], "nothing is told unasked");

    let said =
        desk.ends(7, "verify last --format json --report-back securityhub --report-back file:outcomes.json");
    let asked = hub.asked();
    assert_eq!(asked.len(), 1, "{}", said.err);
    let (region, body) = &asked[0];
    assert_eq!((region.as_str(), ids(&asked[0])), ("us-east-1", set(&["one", "one-again"])), "{}", said.err);
    assert_eq!(body["Workflow"], json!({"Status": "RESOLVED"}));
    assert_eq!(body["Note"]["UpdatedBy"], "redress");
    let run = said.json();
    let note = body["Note"]["Text"].as_str().unwrap();
    assert!(note.contains(run["run"].as_str().unwrap()) && note.chars().count() <= 512, "{note}");
    assert_eq!(body.as_object().unwrap().len(), 3, "nothing else is said: {body}");
    assert!(body["FindingIdentifiers"].as_array().unwrap().iter().all(|f| f["ProductArn"] == PRODUCT));
    for left in [
        "two: ",
        "both: ",
        "elsewhere-too: ",
        "of-another-account: ",
        "of-another-region: ",
        "of-no-product: ",
    ] {
        assert!(said.err.contains(&format!("left as it is: {left}")), "{left}\n{}", said.err);
    }
    assert_eq!((&run["told"][0]["resolved"], &run["told"][0]["region"]), (&json!(2), &json!("us-east-1")));
    let shown = desk.ends(0, "show last --format text");
    assert!(
        shown.out.contains("2 of 2 findings resolved")
            && shown.out.contains("reports to Security Hub in us-east-1"),
        "{}",
        shown.out
    );

    let outcomes: Value =
        serde_json::from_str(&fs::read_to_string(desk.path("outcomes.json")).unwrap()).unwrap();
    let status: Vec<(&str, &str)> = outcomes
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["finding_info"]["uid"].as_str().unwrap(), e["status"].as_str().unwrap()))
        .collect();
    assert!(
        status.contains(&("one", "Resolved"))
            && status.contains(&("two", "In Progress"))
            && status.contains(&("both", "In Progress")),
        "{status:?}"
    );
    // Read again, what is resolved is closed, and what is not is looked into: our own check still says so.
    let again = desk.ends(0, &format!("scan {COMMON} --findings outcomes.json")).json();
    let open: Vec<&Value> =
        again["findings"].as_array().unwrap().iter().map(|f| &f["resource"]["arn"]).collect();
    assert_eq!(open, [&json!(two)], "{}", again["intake"]);
}

#[test]
fn what_security_hub_does_not_take_is_said_and_is_no_success() {
    let clinic = Clinic::new();
    let (desk, hub) = (&clinic.desk, &clinic.hub);
    clinic.write(&[clinic.finding("one", &[clinic.arn(0)]), clinic.finding("two", &[clinic.arn(1)])]);
    clinic.apply("");
    let named = |id: &str| json!({"Id": id, "ProductArn": PRODUCT});
    let refused = |id: &str| {
        json!({"FindingIdentifier": named(id), "ErrorCode": "FindingNotFound",
        "ErrorMessage": "Finding Not Found"})
    };
    let back = "verify last --format json --report-back securityhub";

    hub.answers(vec![(
        "200 OK",
        json!({"ProcessedFindings": [named("one")], "UnprocessedFindings": [refused("two")]}),
    )]);
    let said = desk.ends(4, back);
    assert!(
        said.err.contains("did not update two: FindingNotFound")
            && said.err.contains("1 of 2 findings resolved, 1 refused"),
        "{}",
        said.err
    );
    assert_eq!(said.json()["told"][0]["refused"][0]["id"], "two");
    assert_eq!(hub.asked().len(), 1);

    hub.answers(vec![("200 OK", json!({"ProcessedFindings": [named("one")], "UnprocessedFindings": []}))]);
    let said = desk.ends(4, back);
    assert!(
        said.err.contains("two: NoAnswer"),
        "an answer that does not speak of a finding is no success: {}",
        said.err
    );
    hub.asked();

    hub.answers(vec![(
        "403 AccessDeniedException",
        json!({"Message": "User is not authorized to perform: securityhub:BatchUpdateFindings"}),
    )]);
    let said = desk.ends(1, back);
    assert!(
        said.err.contains("was not updated: AccessDeniedException")
            && said.err.contains("this needs securityhub:BatchUpdateFindings"),
        "{}",
        said.err
    );
    assert!(said.err.contains("hold all the same"), "{}", said.err);
    assert_eq!(said.json()["told"][2]["error"]["class"], "denied");
    assert_eq!(hub.asked().len(), 1, "what is denied is not asked again");

    hub.answers(vec![("429 TooManyRequestsException", json!({"Message": "slow down"}))]);
    let said = desk.ends(0, back);
    assert!(said.err.contains("2 of 2 findings resolved"), "{}", said.err);
    assert_eq!(hub.asked().len(), 2, "patience was asked for, and had");
}

#[test]
fn a_plan_file_alone_does_not_say_which_findings_are_answered() {
    let clinic = Clinic::new();
    let desk = &clinic.desk;
    clinic.write(&[clinic.finding("one", &[clinic.arn(0)])]);
    desk.ends(0, &format!("plan {COMMON} --allow-cidr 203.0.113.0/24 --findings hub.json -o plan.json"));
    let mut plan: Value = serde_json::from_str(&fs::read_to_string(desk.path("plan.json")).unwrap()).unwrap();
    for (id, control) in [("of-another-control", "EC2.2"), ("of-no-control", "EC2.999")] {
        let mut forged = plan["origins"][0].clone();
        (forged["finding"], forged["control"]) = (id.into(), control.into());
        plan["origins"].as_array_mut().unwrap().push(forged);
    }
    fs::write(desk.path("forged.json"), crate::hostile::sealed(plan)).unwrap();
    let said = desk.ends(
        0,
        "apply forged.json --format json --allow-cidr 203.0.113.0/24 --auto-approve --max-risk disruptive \
         --report-back securityhub",
    );
    assert_eq!(clinic.hub.asked().iter().map(ids).collect::<Vec<_>>(), [set(&["one"])], "{}", said.err);
    assert!(said.err.contains("claims that its changes answer these findings: one"), "{}", said.err);
    for left in [
        "left as it is: of-another-control: it is also about EC2.2",
        "left as it is: of-no-control: it is also about EC2.999",
    ] {
        assert!(said.err.contains(left), "{}", said.err);
    }
}

#[test]
fn an_apply_can_tell_at_once() {
    let clinic = Clinic::new();
    clinic.write(&[clinic.finding("one", &[clinic.arn(0)])]);
    let said = clinic.apply("--report-back securityhub --report-back file:outcomes.json");
    let asked = clinic.hub.asked();
    assert_eq!(asked.iter().map(ids).collect::<Vec<_>>(), [set(&["one"])], "{}", said.err);
    assert!(said.err.contains("1 of 1 findings resolved"), "{}", said.err);
    assert!(clinic.desk.path("outcomes.json").exists());
}
