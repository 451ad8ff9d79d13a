//! Runs whose plan and journal were edited together, and sealed again so that every sum fits: nothing is
//! called that the account does not bear out, and what is shown of the rest is the calls.

use serde_json::{Value, json};

use crate::forged::{Desk, applied_and_edited, at, interrupted, walk};

const WORLD: &str = "0.0.0.0/0";
const ADMIN: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
const EVIL: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::666666666666:root"},"Action":"sts:AssumeRole"}]}"#;

/// A call that looks as if it had never taken effect.
fn act(service: &str, region: &str, operation: &str, input: Value) -> Value {
    json!({
        "call": { "service": service, "region": region, "operation": operation, "input": input },
        "recognise": { "looks": { "expect": [{ "region": "", "family": "buckets", "id": "no-such-bucket",
        "test": "exists" }] } }
    })
}

/// Puts a call in the place of the steps of a change, under the name of its first.
fn replace(change: &mut Value, act: &Value) {
    let mut step = json!({ "name": change["steps"][0]["name"], "title": "look at it",
        "way_back": { "kept": "nothing to take back" } });
    (step["call"], step["recognise"]) = (act["call"].clone(), act["recognise"].clone());
    change["steps"] = json!([step]);
    (change["risk"], change["summary"]) = (json!("irreversible"), json!("look at it"));
}

/// Says that a change is of another action, where one is named.
fn pretend(change: &mut Value, action: &str) {
    if action.is_empty() {
        return;
    }
    (change["action"], change["uses"]) = (json!(action), json!([{ "use": action, "with": {} }]));
}

/// Runs a command without flags and with these: the call is refused for the same reason.
fn refused(desk: &Desk, command: &str, flags: &str, says: &str, act: &Value) {
    for flags in ["", flags] {
        let said = desk.run(&format!("{command} {flags}"));
        assert_eq!((said.code, said.err.contains(says)), (4, true), "{act}\nexpected {says}\n{}", said.err);
    }
}

#[test]
fn what_the_account_does_not_bear_out_is_not_called_by_resume() {
    let desk = Desk::new();
    let before = desk.account();
    let change = |action: &str| desk.plan["changes"][at(&desk.plan, action)].clone();
    let (trail, group) = (change("raise-cloudtrail"), change("tighten-security-group"));
    let (arn, home) = (trail["resource"].as_str().unwrap(), trail["region"].as_str().unwrap());
    let group =
        (group["resource"].as_str().unwrap().rsplit('/').next().unwrap(), group["region"].as_str().unwrap());
    let disk = change("encrypt-volumes");
    let (instance, place) =
        (disk["resource"].as_str().unwrap().rsplit('/').next().unwrap(), disk["region"].as_str().unwrap());
    let open = json!({ "BlockPublicAcls": false, "IgnorePublicAcls": false, "BlockPublicPolicy": false,
        "RestrictPublicBuckets": false });
    let world = json!([{ "IpProtocol": "-1", "IpRanges": [{ "CidrIp": WORLD }] }]);
    let volume = json!({ "AvailabilityZone": format!("{place}a"), "Size": 8, "VolumeType": "gp3",
        "Encrypted": true, "KmsKeyId": format!("arn:aws:kms:{place}:123456789012:key/k"),
        "SnapshotId": "snap-0ffffffffffffffff", "ClientToken": "t" });
    // Of which change the files are, as which action they have it, the call, and why it is not made.
    let cases: Vec<(&str, &str, Value, &str)> = vec![
        (
            "raise-cloudtrail",
            "create-cloudtrail",
            act("cloudtrail", home, "DeleteTrail", json!({ "Name": arn })),
            "would delete",
        ),
        (
            "raise-cloudtrail",
            "create-cloudtrail",
            act("cloudtrail", home, "StopLogging", json!({ "Name": arn })),
            "stops a trail",
        ),
        (
            "raise-cloudtrail",
            "create-cloudtrail",
            act("cloudtrail", home, "UpdateTrail", json!({ "Name": arn, "S3BucketName": "b" })),
            "is no call of",
        ),
        (
            "raise-cloudtrail",
            "",
            act("cloudtrail", home, "UpdateTrail", json!({ "Name": arn, "S3BucketName": "attacker" })),
            "gives S3BucketName",
        ),
        (
            "raise-cloudtrail",
            "",
            act("cloudtrail", home, "UpdateTrail", json!({ "Name": arn, "EnableLogFileValidation": false })),
            "takes something from a trail",
        ),
        (
            "raise-cloudtrail",
            "create-cloudtrail",
            act(
                "s3",
                home,
                "PutPublicAccessBlock",
                json!({ "Bucket": "larkspur-audit", "PublicAccessBlockConfiguration": open }),
            ),
            "nor did run",
        ),
        (
            "raise-cloudtrail",
            "create-cloudtrail",
            act("s3", home, "PutBucketPolicy", json!({ "Bucket": "larkspur-audit", "Policy": ADMIN })),
            "is not what",
        ),
        (
            "raise-cloudtrail",
            "create-cloudtrail",
            act("s3", home, "DeleteBucket", json!({ "Bucket": "larkspur-audit" })),
            "would delete",
        ),
        (
            "raise-cloudtrail",
            "create-cloudtrail",
            act("s3", home, "CreateBucket", json!({ "Bucket": "evil-bucket" })),
            "is not what",
        ),
        (
            "ensure-delivery-role",
            "",
            act(
                "iam",
                "us-east-1",
                "CreateRole",
                json!({ "RoleName": "EvilAdmin", "AssumeRolePolicyDocument": EVIL }),
            ),
            "is not what ensure-delivery-role makes",
        ),
        (
            "ensure-delivery-role",
            "",
            act(
                "iam",
                "us-east-1",
                "PutRolePolicy",
                json!({ "RoleName": "redress-vpc-flow-logs-us-east-1", "PolicyName": "deliver-vpc-flow-logs",
                    "PolicyDocument": ADMIN }),
            ),
            "is not what ensure-delivery-role makes",
        ),
        (
            "tighten-security-group",
            "",
            act(
                "ec2",
                group.1,
                "AuthorizeSecurityGroupIngress",
                json!({ "GroupId": group.0, "IpPermissions": world }),
            ),
            "is not what",
        ),
        (
            "encrypt-volumes",
            "",
            act("ec2", place, "CreateVolume", volume),
            "the account has no such snapshot",
        ),
        (
            "encrypt-volumes",
            "",
            act(
                "ec2",
                place,
                "ModifyInstanceAttribute",
                json!({ "InstanceId": instance, "UserData": { "Value": "IyEvYmluL3No" } }),
            ),
            "gives UserData",
        ),
    ];
    for (of, pretended, act, says) in cases {
        let run = interrupted(&desk, of, |plan, events| {
            let place = at(plan, of);
            let change = &mut plan["changes"][place];
            pretend(change, pretended);
            replace(change, &act);
            events[2]["call"] = act["call"].clone();
        });
        let flags = "--auto-approve --max-risk disruptive --allow-irreversible create-cloudtrail \
                     --allow-irreversible encrypt-volumes";
        refused(&desk, &format!("resume {run}"), flags, says, &act);
        assert_eq!(desk.account(), before, "{act}");
    }
}

#[test]
fn what_the_account_does_not_bear_out_is_not_called_by_undo() {
    type Case = (&'static str, &'static str, Value, &'static str);
    let open = json!({ "BlockPublicAcls": false, "IgnorePublicAcls": false, "BlockPublicPolicy": false,
        "RestrictPublicBuckets": false });
    let cases: [Case; 4] = [
        (
            "raise-cloudtrail",
            "create-cloudtrail",
            act(
                "s3",
                "us-east-1",
                "PutPublicAccessBlock",
                json!({ "Bucket": "larkspur-audit", "PublicAccessBlockConfiguration": open }),
            ),
            "nor did run",
        ),
        (
            "ensure-delivery-role",
            "",
            act(
                "iam",
                "us-east-1",
                "PutRolePolicy",
                json!({ "RoleName": "redress-vpc-flow-logs-us-east-1", "PolicyName": "deliver-vpc-flow-logs",
                    "PolicyDocument": ADMIN }),
            ),
            "is not what ensure-delivery-role makes",
        ),
        (
            "ensure-delivery-role",
            "",
            act(
                "iam",
                "us-east-1",
                "CreateRole",
                json!({ "RoleName": "EvilAdmin", "AssumeRolePolicyDocument": EVIL }),
            ),
            "is not what ensure-delivery-role makes",
        ),
        (
            "raise-cloudtrail",
            "",
            act(
                "cloudtrail",
                "us-east-1",
                "UpdateTrail",
                json!({ "Name": "arn:aws:cloudtrail:us-east-1:123456789012:trail/company-audit",
                    "S3BucketName": "x" }),
            ),
            "gives S3BucketName",
        ),
    ];
    for (of, pretended, act, says) in cases {
        let desk = Desk::new();
        let run = applied_and_edited(&desk, of, |change| {
            pretend(change, pretended);
            for step in change["steps"].as_array_mut().unwrap() {
                step["way_back"] = json!({ "calls": { "rollback": [act] } });
            }
        });
        let before = desk.account();
        refused(&desk, &format!("undo {run}"), "--auto-approve --max-risk disruptive", says, &act);
        assert_eq!(desk.account(), before, "{act}");
    }
}

#[test]
fn who_is_let_in_again_is_shown_by_the_call_and_no_flag_for_safe_changes_speaks_for_it() {
    let desk = Desk::new();
    let run = applied_and_edited(&desk, "tighten-security-group", |change| {
        change["summary"] = json!("add a tag");
        for act in change["steps"][0]["way_back"]["calls"]["rollback"].as_array_mut().unwrap() {
            act["call"]["input"]["IpPermissions"] =
                json!([{ "IpProtocol": "-1", "IpRanges": [{ "CidrIp": WORLD }] }]);
        }
    });
    let before = desk.account();
    let said = desk.ends(4, &format!("undo {run} --auto-approve"));
    for words in [
        "above --max-risk safe",
        "according to the run's files: undo: add a tag",
        "AuthorizeSecurityGroupIngress",
        "nothing in the account bears this out",
        WORLD,
    ] {
        assert!(said.err.contains(words), "{words}\n{}", said.err);
    }
    assert_eq!(desk.account(), before, "nothing was called");
}

#[test]
fn what_is_half_done_is_shown_by_its_calls_and_claims_no_rehearsal() {
    let desk = Desk::new();
    let run = interrupted(&desk, "tighten-security-group", |plan, _| {
        let place = at(plan, "tighten-security-group");
        plan["changes"][place]["summary"] = json!("look at it");
        plan["changes"][place]["steps"][0]["title"] = json!("look");
    });
    let said = desk.ends(4, &format!("resume {run} --auto-approve"));
    for words in ["according to the run's files: look at it", "RevokeSecurityGroupIngress"] {
        assert!(said.err.contains(words), "{words}\n{}", said.err);
    }
    assert!(!said.err.contains("rehearsed: closes"), "{}", said.err);
}

#[test]
fn a_run_that_nobody_began_asks_as_the_playbooks_of_today_do() {
    let desk = Desk::new();
    let before = desk.account();
    let run = interrupted(&desk, "ensure-delivery-role", |plan, events| {
        events.truncate(1);
        for (change, decision) in
            plan["changes"].as_array().unwrap().iter().zip(events[0]["decisions"].as_array_mut().unwrap())
        {
            decision["approved"] = json!(change["risk"] == "safe");
        }
    });
    let said = desk.ends(2, &format!("resume {run}"));
    assert!(said.err.contains("there is no terminal to ask at"), "{}", said.err);
    assert_eq!(desk.account(), before, "nothing was called");
    desk.ends(4, &format!("resume {run} --auto-approve"));
    assert_ne!(desk.account(), before, "the flag speaks for what is safe");
}

#[test]
fn a_parameter_that_only_the_run_says_is_no_flags_to_approve_for_all_changes_but_its_own() {
    let mut desk = Desk::new();
    desk.ends(
        0,
        "plan --account twin:demo --allow-cidr 203.0.113.0/24 --check security-group-open-admin-port --quiet \
         -o plan.json",
    );
    desk.plan = serde_json::from_str(&std::fs::read_to_string(desk.folder.path().join("plan.json")).unwrap())
        .unwrap();
    let before = desk.account();
    let run = interrupted(&desk, "tighten-security-group", |_, _| {});
    let said = desk.ends(4, &format!("resume {run} --auto-approve --max-risk disruptive"));
    for words in [
        "is half done and stays so",
        "only the run's files claim this",
        "tighten-security-group.allow",
        "on a terminal, where a person sees it",
    ] {
        assert!(said.err.contains(words), "{words}\n{}", said.err);
    }
    assert_eq!(desk.account(), before, "nothing was called");
    let run = interrupted(&desk, "tighten-security-group", |_, _| {});
    desk.run(&format!("resume {run} --auto-approve --max-risk disruptive --allow-cidr 203.0.113.0/24"));
    assert_ne!(desk.account(), before, "its own flag speaks for it");
}

/// Fills the tags of an instance, as somebody else might: a mark finds no room there.
fn fill_tags(desk: &Desk, region: &str, instance: &str) {
    let path = walk(desk.folder.path()).into_iter().find(|p| p.ends_with("twin/demo.json")).unwrap();
    let mut twin: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let tags = twin["truth"]["regions"][region]["instances"]["items"][instance]["known"]["tags"]
        .as_object_mut()
        .unwrap();
    (tags.len()..50).for_each(|n| drop(tags.insert(format!("cost-{n}"), json!("x"))));
    std::fs::write(&path, twin.to_string()).unwrap();
}

#[test]
fn what_fails_in_its_rehearsal_at_resume_is_not_begun() {
    let desk = Desk::new();
    let is_it = |c: &&Value| {
        c["action"] == "encrypt-volumes" && c["resource"].as_str().is_some_and(|r| r.contains(":instance/"))
    };
    let change = desk.plan["changes"].as_array().unwrap().iter().find(is_it).unwrap().clone();
    let (id, region) = (change["id"].as_str().unwrap(), change["region"].as_str().unwrap());
    let waiting = |desk: &Desk| {
        interrupted(desk, "encrypt-volumes", |_, events| {
            events.truncate(1);
            for decision in events[0]["decisions"].as_array_mut().unwrap() {
                decision["approved"] = json!(decision["change"] == id);
            }
        })
    };
    let run = waiting(&desk);
    fill_tags(&desk, region, change["resource"].as_str().unwrap().rsplit('/').next().unwrap());
    let before = desk.account();
    for flags in ["", "--auto-approve --max-risk disruptive"] {
        let run = if flags.is_empty() { run.clone() } else { waiting(&desk) };
        let said = desk.run(&format!("resume {run} {flags}"));
        for words in [
            &format!("{id} is not begun: it fails in its rehearsal on the account as it is now"),
            "TagLimitExceeded",
        ] {
            assert!(said.err.contains(words), "{words}\n{}", said.err);
        }
        assert_ne!(said.code, 0, "{}", said.err);
        assert_eq!(desk.account(), before, "nothing was called");
    }
}
