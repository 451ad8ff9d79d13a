//! The password policy of an account, through the built program on an emulator, with boto3 as the witness:
//! found, raised in one update, proved and set back, or deleted where there was none.

use serde_json::{Value, json};

use crate::{clinic_desk::Desk, proxy::Proxy};

/// A policy that asks for much in some things and for nothing in others.
const WEAK: &str = r#"
import boto3

boto3.client("iam").update_account_password_policy(
    MinimumPasswordLength=16, RequireSymbols=True, AllowUsersToChangePassword=True, MaxPasswordAge=365, PasswordReusePrevention=3,
)
print("{}")
"#;

const NONE: &str = "print('{}')";

/// The policy, as it is shown, or null.
const SHOWN: &str = r#"
import json
import boto3

iam = boto3.client("iam")
try:
    print(json.dumps(iam.get_account_password_policy()["PasswordPolicy"]))
except iam.exceptions.NoSuchEntityException:
    print("null")
"#;

const CHECK: &str = "--region us-east-1 --check password-policy-weak";

fn shown(desk: &Desk) -> Value {
    serde_json::from_str(&desk.python(SHOWN, "")).unwrap()
}

/// The members of an update, as the proxy has seen them.
fn sent(proxy: &Proxy) -> Vec<Vec<(String, String)>> {
    let form = |body: &str| {
        let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    proxy.log().iter().filter(|seen| seen.change.is_some()).map(|seen| form(&seen.body)).collect()
}

#[test]
fn a_weak_policy_is_raised_in_one_update_that_loosens_nothing_and_is_set_back_whole() {
    let (mut desk, _) = Desk::seeded(WEAK);
    let proxy = Proxy::before(&desk.endpoint);
    desk.endpoint.clone_from(&proxy.url);
    let before = shown(&desk);
    let scan = desk.ends(0, &format!("scan {CHECK} --format json")).json();
    let finding = &scan["findings"][0];
    assert_eq!(finding["resource"]["arn"], json!(format!("arn:aws:iam::{}:root", desk.keys.account)));
    let lacks = finding["evidence"]["lacks"].to_string();
    assert!(lacks.contains("the last 3 passwords") && lacks.contains("uppercase"), "{lacks}");
    assert!(!lacks.contains("16"), "{lacks}");

    desk.ends(0, &format!("plan {CHECK} -o plan.json"));
    assert_eq!(shown(&desk), before, "a plan changes nothing");
    desk.ends(0, "apply plan.json --auto-approve");
    let after = shown(&desk);
    let mut expected = before.clone();
    for member in ["RequireNumbers", "RequireUppercaseCharacters", "RequireLowercaseCharacters"] {
        expected[member] = json!(true);
    }
    expected["PasswordReusePrevention"] = json!(24);
    assert_eq!(after, expected, "16 characters, 365 days and the right of users are as they were");
    let calls = sent(&proxy);
    assert_eq!(calls.len(), 1, "{calls:?}");
    let members = calls[0].iter().filter(|(name, _)| name != "Action" && name != "Version").count();
    assert_eq!(members, 9, "all members, since a member that is left out is reset: {calls:?}");
    desk.ends(0, "verify last");
    assert_eq!(desk.ends(0, &format!("scan {CHECK} --format json")).json()["findings"], json!([]));

    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
    assert_eq!(shown(&desk), before, "everything is as it was");
}

#[test]
fn no_policy_becomes_one_and_none_again_and_what_somebody_has_changed_since_is_theirs() {
    let (desk, _) = Desk::seeded(NONE);
    assert_eq!(shown(&desk), Value::Null);
    let apply = format!("apply {CHECK} --auto-approve");
    desk.ends(0, &apply);
    let after = shown(&desk);
    assert_eq!(
        [&after["MinimumPasswordLength"], &after["PasswordReusePrevention"], &after["ExpirePasswords"]],
        [&json!(14), &json!(24), &json!(false)]
    );
    assert_eq!(after["AllowUsersToChangePassword"], false, "a right that nobody asked for");
    desk.ends(0, "verify last");
    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
    assert_eq!(shown(&desk), Value::Null, "none, and not one with default values");

    desk.ends(0, &apply);
    let theirs = "import boto3; boto3.client('iam').update_account_password_policy(MinimumPasswordLength=30)";
    desk.python(theirs, "");
    let changed = shown(&desk);
    desk.ends(4, "undo last --auto-approve --max-risk disruptive");
    assert_eq!(shown(&desk), changed);
}

#[test]
fn an_update_that_somebody_makes_between_plan_and_call_is_not_overwritten() {
    let (desk, _) = Desk::seeded(WEAK);
    desk.ends(0, &format!("plan {CHECK} -o plan.json"));
    let theirs = "import boto3; boto3.client('iam').update_account_password_policy(MinimumPasswordLength=40, \
                  HardExpiry=True, RequireSymbols=True)";
    desk.python(theirs, "");
    let changed = shown(&desk);
    desk.ends(4, "apply plan.json --auto-approve");
    assert_eq!(shown(&desk), changed);
}

#[test]
fn an_age_comes_only_with_a_playbook_that_asks_for_it_and_says_who_may_change_passwords() {
    let (desk, _) = Desk::seeded(NONE);
    let playbook = |with: &str| {
        std::fs::create_dir_all(desk.path("books")).unwrap();
        let text = format!(
            "id = \"password-policy\"\ntitle = \"P\"\nfinding = \"password-policy-weak\"\n[check]\n\
             max_age_days = 90\n[[action]]\nuse = \"raise-password-policy\"\n{with}\n"
        );
        std::fs::write(desk.path("books/own.toml"), text).unwrap();
    };
    playbook("");
    let plan = desk.ends(4, &format!("plan {CHECK} --playbooks books --format json")).json();
    let reason = plan["skipped"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("raise-password-policy.let_users_change=true"), "{reason}");
    playbook("with = { let_users_change = true }");
    let plan = desk.ends(0, &format!("plan {CHECK} --playbooks books -o plan.json --format json")).json();
    assert_eq!(plan["changes"][0]["risk"], "disruptive");
    let impact = plan["changes"][0]["impact"].to_string();
    assert!(impact.contains("older than 90 days expire at once"), "{impact}");
    desk.ends(0, "apply plan.json --playbooks books --auto-approve --max-risk disruptive");
    let after = shown(&desk);
    assert_eq!(
        [&after["MaxPasswordAge"], &after["HardExpiry"], &after["AllowUsersToChangePassword"]],
        [&json!(90), &json!(false), &json!(true)]
    );
}

#[test]
fn findings_of_scanners_on_the_policy_are_confirmed_on_the_account() {
    let (desk, _) = Desk::seeded(WEAK);
    let account = &desk.keys.account;
    let row = |control: &str, id: &str, prowler: bool| {
        let (generator, product) = match prowler {
            true => (
                format!("prowler-{control}"),
                json!({ "ProviderName": "Prowler", "ProviderVersion": "5.46.0" }),
            ),
            false => (format!("security-control/{control}"), json!({})),
        };
        let of = match prowler {
            true => format!("{account}:product/{account}/default"),
            false => ":product/aws/securityhub".to_owned(),
        };
        json!({
            "SchemaVersion": "2018-10-08", "Id": format!("f-{control}"),
            "ProductArn": format!("arn:aws:securityhub:us-east-1:{of}"),
            "GeneratorId": generator, "AwsAccountId": account, "Severity": { "Label": "MEDIUM" },
            "Title": "passwords", "Description": "passwords", "ProductFields": product,
            "RecordState": "ACTIVE", "Workflow": { "Status": "NEW" }, "Types": [],
            "CreatedAt": "2026-11-22T06:26:40Z", "UpdatedAt": "2026-11-22T06:26:40Z",
            "Resources": [{ "Type": "AwsIamPasswordPolicy", "Id": id, "Partition": "aws",
                "Region": "us-east-1" }],
            "Compliance": if prowler { json!({ "Status": "FAILED" }) } else {
                json!({ "Status": "FAILED", "SecurityControlId": control }) },
        })
    };
    let pseudo = format!("arn:aws:iam:us-east-1:{account}:password-policy");
    let whole = format!("AWS::::Account:{account}");
    let rows = json!([
        row("iam_password_policy_reuse_24", &pseudo, true),
        row("iam_password_policy_uppercase", "password_policy", true),
        row("IAM.16", &whole, false),
    ]);
    std::fs::write(desk.path("findings.json"), rows.to_string()).unwrap();
    let scan = desk.ends(0, "scan --region us-east-1 --findings findings.json --format json").json();
    assert_eq!(scan["findings"].as_array().unwrap().len(), 1, "{}", scan["findings"]);
    let answers: Vec<&Value> =
        scan["intake"]["suspicions"].as_array().unwrap().iter().map(|one| &one["answer"]).collect();
    assert!(
        !answers.is_empty() && answers.iter().all(|one| **one == json!("confirmed")),
        "{}",
        scan["intake"]
    );
    let plan = desk.ends(0, "plan --region us-east-1 --findings findings.json --format json").json();
    assert_eq!(plan["changes"][0]["action"], "raise-password-policy");
}
