//! Roles whose policies are narrowed, and those of which none is.

use serde_json::json;

use super::*;
use crate::{
    actions::{
        Options,
        make::sound::{going_back, steps},
    },
    calls::{Purpose, find},
    checks,
    inventory::{Inventory, PolicyVersions},
    twin::{Twin, demo},
};

const NAME: &str = "tile-renderer";
const POLICY: &str = "arn:aws:iam::123456789012:policy/tile-renderer";

fn account() -> Inventory {
    demo::inventory("2026-11-22T10:00:00Z".parse().unwrap())
}

fn propose_of(account: &Inventory, name: &str, with: Value) -> Result<Proposal, Refusal> {
    let options = Options::default();
    let context = Context { inventory: account, region: "us-east-1", checks: &[], options: &options };
    LeastPrivilegeRole.propose(&context, &account.owner.role(name), &with)
}

fn propose(account: &Inventory) -> Result<Proposal, Refusal> {
    propose_of(account, NAME, json!({}))
}

fn refused(change: impl FnOnce(&mut Inventory)) -> String {
    let mut it = account();
    change(&mut it);
    match propose(&it) {
        Err(Refusal::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

fn policy(it: &mut Inventory) -> &mut PolicyVersions {
    it.policy_versions.get_mut(POLICY).unwrap()
}

fn role(it: &mut Inventory) -> &mut Role {
    it.roles.get_mut(NAME).unwrap()
}

#[test]
fn what_is_unused_goes_out_of_a_new_version_and_an_undo_puts_the_former_one_in_force() {
    let it = account();
    let proposal = propose(&it).unwrap();
    steps(&proposal.steps);
    let [step] = proposal.steps.as_slice() else { panic!("{:?}", proposal.steps) };
    let input = &step.act.call.input;
    assert_eq!((&input["PolicyArn"], &input["SetAsDefault"]), (&json!(POLICY), &json!(true)));
    let document: Value = serde_json::from_str(input["PolicyDocument"].as_str().unwrap()).unwrap();
    let stays = json!(["s3:GetObject", "s3:PutObject", "s3:ListBucket", "iam:PassRole"]);
    assert_eq!(document["Statement"][0]["Action"], stays);
    assert_eq!(document["Statement"][1], proposal.before[NAME]["Statement"][1], "the denial stays");
    assert_eq!(proposal.after[NAME], document);
    assert!(proposal.impact[0].contains("sns:Publish no longer") && proposal.impact[0].ends_with("never"));
    assert!(proposal.impact[1].contains("sqs:*") && proposal.impact[1].ends_with("2026-05-06"));
    assert_eq!(
        going_back(&proposal.steps, &["narrow-1"], Purpose::Undo),
        ["SetDefaultPolicyVersion narrow-1", "DeletePolicyVersion narrow-1"]
    );
    // Done and undone on the twin, which gives no version the name of another one.
    let mut twin = Twin::new(it.clone(), 1);
    twin.perform(&step.act.call).unwrap();
    let done = twin.inventory();
    let check = checks::find(UNUSED).unwrap();
    assert_eq!((check.judge)(&done, &done.owner.role(NAME), &proposal.proof[0].with).word(), "ok");
    assert!(matches!(propose(&done), Err(Refusal::Nothing(_))));
    let versions = done.policy_versions.get(POLICY).known().copied().unwrap();
    assert_eq!((versions.default_version.as_str(), versions.names.len()), ("v3", 3));
    let crate::calls::WayBack::Calls { rollback, .. } = &step.way_back else { panic!("{step:?}") };
    assert_eq!(find("iam", "DeletePolicyVersion").unwrap().operation, rollback[1].call.operation);
    twin.perform(&rollback[0].call).unwrap();
    let mut delete = rollback[1].call.clone();
    delete.input["VersionId"] = json!("v3");
    twin.perform(&delete).unwrap();
    assert_eq!(twin.inventory().policy_versions, it.policy_versions);
    twin.perform(&step.act.call).unwrap();
    assert_eq!(twin.inventory().policy_versions.get(POLICY).known().unwrap().default_version, "v4");
}

/// Returns the proofs and the note on simulations of an account in which IAM decides so about the one tracked
/// action.
fn simulated(it: &mut Inventory, decision: Option<&str>) -> (Vec<Proof>, GuardNote) {
    let id = Simulation::of(&role(it).arn, "s3:ListBucket");
    if let Some(decision) = decision {
        it.simulations.put(id.clone(), Simulation { id, decision: decision.into() });
    }
    let proposal = propose(it).unwrap();
    let note = proposal.guards.into_iter().find(|note| note.guard == SIMULATION).unwrap();
    (proposal.proof, note)
}

#[test]
fn what_was_seen_and_allowed_is_simulated_again_and_what_could_not_be_is_said() {
    let (proof, note) = simulated(&mut account(), Some("allowed"));
    assert_eq!(note.result, crate::actions::GuardResult::Passed, "{}", note.note);
    let still = &proof[1];
    assert_eq!(still.with, json!({ "actions": ["s3:ListBucket"] }));
    let check = checks::find(&still.check).unwrap();
    // The twin decides by the policies that it has.
    let mut twin = Twin::new(account(), 1);
    let judged = |twin: &Twin, with: &Value| {
        let known = twin.inventory();
        let scope = (check.reads_one)(&known, &still.resource, with).into_iter().collect();
        (check.judge)(&twin.read(&scope), &still.resource, with).word()
    };
    assert_eq!(judged(&twin, &still.with), "ok");
    assert_eq!(judged(&twin, &json!({ "actions": ["s3:DeleteBucket", "s3:ListBucket"] })), "violates");
    twin.perform(&propose(&account()).unwrap().steps[0].act.call).unwrap();
    assert_eq!(judged(&twin, &still.with), "ok");
    assert_eq!(judged(&twin, &json!({ "actions": ["sns:Publish"] })), "violates");
    assert_eq!(judged(&twin, &json!({ "actions": ["sns:Publish"], "later": true })), "ok");

    let (proof, note) = simulated(&mut account(), Some("implicitDeny"));
    assert_eq!((proof.len(), note.note.contains("allow 0")), (1, true), "{}", note.note);
    let mut denied = account();
    let id = Simulation::of(&role(&mut denied).arn, "s3:ListBucket");
    denied.simulations.items.insert(id, Fact::unknown("AccessDenied (iam:SimulatePrincipalPolicy)"));
    let (proof, note) = simulated(&mut denied, None);
    assert_eq!((proof.len(), note.result), (1, crate::actions::GuardResult::NotChecked));
    assert!(note.note.contains("not simulated") && note.note.contains("AccessDenied"), "{}", note.note);
}

#[test]
fn what_is_kept_or_used_within_more_days_stays() {
    let it = account();
    let of = |with: Value| propose_of(&it, NAME, with).map(|proposal| proposal.after[NAME].to_string());
    let kept = of(json!({ "days": 300, "keep": [] })).unwrap();
    assert!(kept.contains("sqs:*") && !kept.contains("sns"), "{kept}");
    let kept = of(json!({ "keep": ["SNS"] })).unwrap();
    assert!(kept.contains("sns:Publish") && !kept.contains("sqs"), "{kept}");
    assert!(matches!(propose_of(&it, "map-importer", json!({})), Err(Refusal::Nothing(_))));
    let parse = |with: &str| LeastPrivilegeRole.decode(toml::de::Deserializer::parse(with).unwrap());
    assert!(parse("days = 400").is_ok() && parse("days = 401").is_err(), "IAM keeps no more");
}

#[test]
fn policies_of_others_full_ones_and_young_ones_are_refused() {
    let Err(Refusal::Refused(shared)) = propose_of(&account(), "lab-batch", json!({})) else { panic!() };
    assert!(shared.contains("user/lab-importer"), "{shared}");
    let bounds = refused(|it| role(it).permissions_boundary = Some(POLICY.into()));
    assert!(bounds.contains("boundary"), "{bounds}");
    let full = refused(|it| {
        let policy = policy(it);
        let version = policy.versions["v1"].clone();
        policy.versions.extend(["v3", "v4", "v5"].map(|name| (name.to_owned(), version.clone())));
    });
    assert!(full.contains("5 versions") && full.contains("delete-policy-version"), "{full}");
    let young = refused(|it| {
        let created = Fact::Known(it.read_at);
        policy(it).versions.get_mut("v2").unwrap().created = created;
    });
    assert!(young.contains("younger"), "{young}");
    let managed = refused(|it| {
        policy(it).tags.insert("aws:cloudformation:stack-name".into(), "maps".into());
    });
    assert!(managed.contains("CloudFormation"), "{managed}");
}

#[test]
fn inline_policies_and_statements_that_name_no_service_are_refused_with_what_was_used() {
    let document = |actions: Value| {
        json!({ "Version": "2012-10-17", "Statement":
            [{ "Effect": "Allow", "Action": actions, "Resource": "arn:aws:s3:::larkspur-tiles/*" }] })
    };
    let inline = refused(|it| {
        role(it).inline_policies = Fact::Known([("own".to_owned(), document(json!("sqs:*")))].into());
    });
    assert!(inline.contains("inline policy own") && inline.contains("sqs"), "{inline}");
    let broad = refused(|it| policy(it).document = document(json!("*")));
    assert!(broad.contains("names no service") && broad.contains("has used s3"), "{broad}");
    let empty = refused(|it| policy(it).document = document(json!("sqs:*")));
    assert!(empty.contains("detach"), "{empty}");
}

#[test]
fn the_caller_s_role_those_for_emergencies_administrators_and_those_of_aws_are_never_touched() {
    let arn = "arn:aws:sts::123456789012:assumed-role/tile-renderer/s";
    assert!(refused(|it| it.caller.arn = arn.into()).contains("redress uses"));
    assert!(
        refused(|it| drop(role(it).tags.insert("break-glass".into(), "yes".into()))).contains("emergencies")
    );
    let linked = "arn:aws:iam::123456789012:role/aws-service-role/x.amazonaws.com/tile-renderer";
    assert!(refused(|it| role(it).arn = linked.into()).contains("linked to a service"));
    let admin = refused(|it| {
        let all = vec!["arn:aws:iam::aws:policy/AdministratorAccess".to_owned(), POLICY.to_owned()];
        role(it).attached_policies = Fact::Known(all);
    });
    assert!(admin.contains("administrator"), "{admin}");
    let mut of_aws = account();
    let all = vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned(), POLICY.to_owned()];
    role(&mut of_aws).attached_policies = Fact::Known(all);
    let told = propose(&of_aws).unwrap().impact.join("\n");
    assert!(told.contains("stays allowed: ReadOnlyAccess"), "{told}");
}

#[test]
fn what_was_not_read_is_unknown_and_nothing_is_proposed() {
    let unknown = |change: fn(&mut Inventory)| {
        let mut it = account();
        change(&mut it);
        assert!(matches!(propose(&it), Err(Refusal::Unknown(_))), "{:?}", propose(&it));
    };
    unknown(|it| {
        let arn = role(it).arn.clone();
        it.role_uses.items.insert(arn, Fact::unknown("ReportFailed"));
    });
    unknown(|it| drop(it.policy_versions.items.insert(POLICY.into(), Fact::unknown("AccessDenied"))));
    unknown(|it| role(it).inline_policies = Fact::unknown("AccessDenied"));
    unknown(|it| role(it).attached_policies = Fact::unknown("AccessDenied"));
    unknown(|it| role(it).created = Fact::NotRead);
    unknown(|it| policy(it).holders = vec!["role/other".into()]);
    unknown(|it| policy(it).versions.get_mut("v2").unwrap().created = Fact::NotRead);
}
