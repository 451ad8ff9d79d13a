//! The versions that a run may put in force or delete, and those that it may not.

use serde_json::json;

use super::*;
use crate::{
    actions::{Action, Context, Options, least_privilege_role::LeastPrivilegeRole, terms::ActionUse},
    calls::{Expect, Step},
    plan::ActionNames,
    twin::{Twin, demo},
};

const RUN: &str = "20261122T100000Z-123456";
const POLICY: &str = "arn:aws:iam::123456789012:policy/tile-renderer";

fn before() -> Inventory {
    demo::inventory("2026-11-22T10:00:00Z".parse().unwrap())
}

fn steps() -> Vec<Step> {
    let (it, options) = (before(), Options::default());
    let context = Context { inventory: &it, region: "us-east-1", checks: &[], options: &options };
    LeastPrivilegeRole.propose(&context, &it.owner.role("tile-renderer"), &json!({})).unwrap().steps
}

fn change() -> Change {
    let action = "least-privilege-role";
    let (role, names) = (before().owner.role("tile-renderer"), ActionNames::of([action]));
    Change {
        uses: vec![ActionUse { action: action.to_owned(), with: json!({}) }],
        steps: steps(),
        ..Change::frame("c1".into(), names, &role, "us-east-1")
    }
}

/// Returns the account after the run, changed by somebody.
fn after(change: impl FnOnce(&mut PolicyVersions)) -> Inventory {
    let mut twin = Twin::new(before(), 1);
    twin.perform(&steps()[0].act.call).unwrap();
    change(twin.truth_mut().policy_versions.get_mut(POLICY).unwrap());
    twin.inventory()
}

fn call(operation: &str, version: &str) -> Call {
    Call::new("iam", "us-east-1", operation, json!({ "PolicyArn": POLICY, "VersionId": version }))
}

fn back(facts: &Inventory, call: Call) -> Option<Option<String>> {
    let act = crate::actions::make::act(call, Vec::<Expect>::new());
    borne_out(&change(), facts, RUN, (Way::Back, &act))
}

#[test]
fn the_former_version_comes_back_and_only_the_one_that_the_run_has_made_goes() {
    let it = after(|_| {});
    let claim = back(&it, call("SetDefaultPolicyVersion", "v2")).unwrap().unwrap();
    assert!(claim.contains("v2") && claim.contains("allows more"), "{claim}");
    assert_eq!(back(&it, call("DeletePolicyVersion", "v3")), Some(None));
    assert_eq!(back(&it, call("DeletePolicyVersion", "v2")), None, "it is not the run's");
    assert_eq!(back(&it, call("DeletePolicyVersion", "v9")), Some(None), "it is gone");
    assert_eq!(back(&it, call("SetDefaultPolicyVersion", "v9")), None, "there is none");
    let old = after(|policy| {
        policy.versions.get_mut("v3").unwrap().created = Fact::Known("2026-11-01T00:00:00Z".parse().unwrap());
    });
    assert_eq!(back(&old, call("DeletePolicyVersion", "v3")), None, "it is older than the run");
    let other = after(|policy| policy.versions.get_mut("v1").unwrap().document = json!({ "Statement": [] }));
    assert_eq!(back(&other, call("SetDefaultPolicyVersion", "v1")), None, "it is not wider");
}

#[test]
fn a_version_is_made_only_as_the_action_makes_it_or_where_it_is_in_force() {
    let act = steps().remove(0).act;
    let forth = |facts: &Inventory, act: &Act| borne_out(&change(), facts, RUN, (Way::Forth, act));
    assert_eq!(forth(&before(), &act), None, "the proposal of today decides");
    assert_eq!(forth(&after(|_| {}), &act), Some(None));
    let mut wide = act.clone();
    let all = json!({ "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] });
    wide.call.input["PolicyDocument"] = json!(all.to_string());
    assert_eq!(forth(&after(|_| {}), &wide), None);
    let set = crate::actions::make::act(call("SetDefaultPolicyVersion", "v1"), Vec::new());
    assert_eq!(forth(&after(|_| {}), &set), None, "that is a way back");
}

#[test]
fn the_policy_is_of_the_role_of_the_change_whoever_else_has_it_by_now() {
    let of = |facts: &Inventory| is_of_role(&change(), facts, FamilyKind::PolicyVersions, POLICY);
    assert!(of(&after(|_| {})));
    assert!(of(&after(|policy| policy.holders.push("user/sam".into()))));
    assert!(!of(&after(|policy| policy.holders = vec!["role/other".into()])));
    assert!(!is_of_role(&change(), &before(), FamilyKind::PolicyVersions, "arn:aws:iam::1:policy/none"));
}

#[test]
fn a_policy_is_narrower_by_the_actions_of_statements_that_allow_and_by_nothing_else() {
    let policy = |statements: serde_json::Value| json!({ "Statement": statements });
    let (allow, deny) = (
        |actions: serde_json::Value| json!({ "Effect": "Allow", "Action": actions, "Resource": "*" }),
        json!({ "Effect": "Deny", "Action": "s3:*", "Resource": "*" }),
    );
    let more = policy(json!([allow(json!(["s3:*", "sqs:*"])), allow(json!("sns:*")), deny]));
    assert!(is_narrower(&policy(json!([allow(json!(["s3:*"])), deny])), &more));
    assert!(!is_narrower(&more, &more));
    let mut elsewhere = allow(json!(["s3:*"]));
    elsewhere["Resource"] = json!("arn:aws:s3:::b");
    assert!(!is_narrower(&policy(json!([elsewhere, deny])), &more));
    let mut softer = deny.clone();
    softer["Action"] = json!("s3:DeleteBucket");
    assert!(!is_narrower(&policy(json!([allow(json!(["s3:*"])), softer])), &more));
}
