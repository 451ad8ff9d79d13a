//! Flow logs as AWS treats them: what decides in the place of what was set, what it changes by itself, and
//! what it shows late.

use std::collections::BTreeSet;

use redress::{
    inventory::{Fact, RetentionPolicy},
    journal::{Event, Outcome},
    plan::{Change, Plan},
    playbook,
    twin::{DeniedCall, Fault, FaultKind, Twin, When},
};
use serde_json::{Value, json};

use super::{
    half_done::said,
    laws::{all_are, undoing},
    stand::{Kill, Stand, hold, yes},
    world,
};

const REGION: &str = "us-east-1";

/// A plan with one change that makes a flow log in the region, and what it needs.
fn one_log(stand: &Stand) -> Plan {
    let whole = world::plan(stand, &world::Wish::default());
    let is_it = |c: &&Change| c.action == "enable-flow-logs" && c.region == REGION;
    let change = whole.changes.iter().find(is_it).expect("a VPC without a flow log");
    let ids: BTreeSet<String> = change.after.iter().chain([&change.id]).cloned().collect();
    world::select(stand, &whole, &ids)
}

fn of<'p>(plan: &'p Plan, action: &str) -> &'p Change {
    plan.changes.iter().find(|c| c.action == action).unwrap_or_else(|| panic!("no {action}"))
}

fn keeps_a_year(stand: &Stand) {
    let days = Fact::Known(365);
    let policy = RetentionPolicy { id: "org-default".into(), days, ..RetentionPolicy::default() };
    hold(&stand.twin).truth_mut().region_mut(REGION).retention_policies.put("org-default", policy);
}

fn refuse(stand: &Stand, operation: &str) {
    hold(&stand.twin).faults.script.push(Fault {
        at: When::Operation(operation.to_owned(), 1),
        kind: FaultKind::Denied,
        times: 1,
        seen: 0,
    });
}

#[test]
fn where_a_policy_of_the_account_decides_how_long_logs_are_kept_the_plan_and_the_result_name_it() {
    let stand = world::demo();
    keeps_a_year(&stand);
    let plan = one_log(&stand);
    let group = of(&plan, "ensure-log-group");
    assert!(group.impact.iter().any(|line| line.contains("org-default") && line.contains("365 days")));
    assert!(plan.rehearsal.failed.is_empty() && plan.rehearsal.not_rehearsed.is_empty());
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    all_are(&stand.story(), &plan, &[Outcome::Verified]);
    let reason = stand.story().changes[&group.id].reason.clone();
    assert!(reason.contains("org-default"), "{reason}");
    all_are(&stand.verify(&plan), &plan, &[Outcome::Verified]);
    let back = undoing(&stand, &plan).plan;
    let second = stand.again();
    second.run(&back, yes(&back), None).unwrap().unwrap();
    all_are(&second.story(), &back, &[Outcome::Restored]);
}

#[test]
fn a_policy_of_the_account_that_comes_after_the_plan_keeps_no_log_group_from_being_made() {
    let stand = world::demo();
    let plan = one_log(&stand);
    hold(&stand.then).push((
        "CreateLogGroup".to_owned(),
        Box::new(|twin| {
            let policy =
                RetentionPolicy { id: "new".into(), days: Fact::Absent, ..RetentionPolicy::default() };
            twin.truth_mut().region_mut(REGION).retention_policies.put("new", policy);
        }),
    ));
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    let story = stand.story();
    let outcome = |action: &str| story.changes[&of(&plan, action).id].outcome();
    assert_eq!(outcome("ensure-log-group"), Some(Outcome::Verified));
    // The plan of the flow log promised other days.
    assert_eq!(outcome("enable-flow-logs"), Some(Outcome::Drifted));
}

#[test]
fn a_log_group_that_somebody_protects_meanwhile_stays_when_its_change_is_rolled_back() {
    let stand = world::demo();
    let plan = one_log(&stand);
    let group = of(&plan, "ensure-log-group").clone();
    refuse(&stand, "PutRetentionPolicy");
    let name = group.resource.id().to_owned();
    hold(&stand.then).push((
        "CreateLogGroup".to_owned(),
        Box::new(move |twin| {
            let groups = &mut twin.truth_mut().region_mut(REGION).log_groups;
            groups.get_mut(&name).unwrap().deletion_protection = true;
        }),
    ));
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    let told = stand.story().changes[&group.id].clone();
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{}", told.reason);
    assert!(!hold(&stand.called).iter().any(|call| call.operation == "DeleteLogGroup"));
}

#[test]
fn a_role_that_seems_to_have_its_policy_for_a_while_goes_all_the_same_when_its_run_is_undone() {
    let stand = world::demo();
    let plan = one_log(&stand);
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    hold(&stand.twin).faults.view_lag = 90;
    let back = undoing(&stand, &plan).plan;
    let second = stand.again();
    second.run(&back, yes(&back), None).unwrap().unwrap();
    all_are(&second.story(), &back, &[Outcome::Restored]);
    let role = of(&plan, "ensure-delivery-role").resource.id().to_owned();
    assert!(hold(&stand.twin).truth().roles.get(&role).is_absent());
    let tries = hold(&second.called).iter().filter(|call| call.operation == "DeleteRole").count();
    assert!(tries > 1, "IAM refused it at first");
}

#[test]
fn a_flow_log_waits_for_its_young_role_and_is_tried_again_where_that_was_too_short() {
    for (lag, tries) in [(10, 1), (90, 2)] {
        let stand = world::demo();
        let plan = one_log(&stand);
        hold(&stand.twin).faults.view_lag = lag;
        stand.run(&plan, yes(&plan), None).unwrap().unwrap();
        all_are(&stand.story(), &plan, &[Outcome::Verified]);
        let made = hold(&stand.called).iter().filter(|call| call.operation == "CreateFlowLogs").count();
        assert!(made >= tries && (tries > 1 || made == 1), "a lag of {lag} s: {made} tries");
    }
}

const BUCKET: &str = "larkspur-flow-logs";

/// The demo account, whose bucket lets flow logs in under one prefix alone: AWS adds to such a policy.
fn with_a_narrow_policy() -> Stand {
    let stand = world::demo();
    let mut policy = policy(&stand);
    policy["Statement"][1]["Resource"] = json!(format!("arn:aws:s3:::{BUCKET}/vpc/*"));
    set_policy(&mut hold(&stand.twin), policy);
    stand
}

fn policy(stand: &Stand) -> Value {
    hold(&stand.twin).truth().buckets.get(BUCKET).known().unwrap().policy.known().unwrap().clone()
}

fn set_policy(twin: &mut Twin, policy: Value) {
    twin.truth_mut().buckets.get_mut(BUCKET).unwrap().policy = Fact::Known(policy);
}

/// A plan with one change that makes a flow log to the bucket.
fn to_the_bucket(stand: &Stand) -> Plan {
    let mut wish = world::Wish::default();
    for setting in ["destination=s3", "bucket=larkspur-flow-logs/vpc"] {
        let setting = format!("enable-flow-logs.{setting}");
        playbook::override_parameter(&mut wish.playbooks, &setting).unwrap();
    }
    let whole = world::plan(stand, &wish);
    let is_it = |c: &&Change| c.action == "enable-flow-logs" && c.region == REGION;
    let change = whole.changes.iter().find(is_it).expect("a VPC without a flow log");
    world::select(stand, &whole, &[change.id.clone()].into())
}

fn times(stand: &Stand, operation: &str) -> usize {
    hold(&stand.called).iter().filter(|call| call.operation == operation).count()
}

#[test]
fn what_aws_adds_to_the_policy_of_a_bucket_is_set_back_and_the_undo_finds_it_as_it_was() {
    let stand = with_a_narrow_policy();
    let was = policy(&stand);
    let plan = to_the_bucket(&stand);
    assert!(plan.rehearsal.undo_restores, "{:?}", plan.rehearsal.differences);
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    all_are(&stand.story(), &plan, &[Outcome::Verified]);
    assert_eq!((times(&stand, "PutBucketPolicy"), policy(&stand)), (1, was.clone()));
    all_are(&stand.verify(&plan), &plan, &[Outcome::Verified]);
    // Its owner's later changes stay.
    let mut later = was;
    later["Statement"][1]["Sid"] = json!("Renamed");
    set_policy(&mut hold(&stand.twin), later.clone());
    let back = undoing(&stand, &plan).plan;
    let second = stand.again();
    second.run(&back, yes(&back), None).unwrap().unwrap();
    all_are(&second.story(), &back, &[Outcome::Restored]);
    assert_eq!((times(&second, "PutBucketPolicy"), policy(&stand)), (0, later));
}

#[test]
fn a_policy_that_aws_replaces_whole_is_set_back_too() {
    let stand = with_a_narrow_policy();
    let was = policy(&stand);
    let plan = to_the_bucket(&stand);
    hold(&stand.then).push((
        "CreateFlowLogs".to_owned(),
        Box::new(|twin| set_policy(twin, json!({ "Id": "AWSLogDeliveryWrite20150319", "Statement": [] }))),
    ));
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    all_are(&stand.story(), &plan, &[Outcome::Verified]);
    assert_eq!(policy(&stand), was);
}

#[test]
fn a_caller_who_may_not_change_the_policy_has_nothing_to_set_back() {
    let stand = with_a_narrow_policy();
    let was = policy(&stand);
    let plan = to_the_bucket(&stand);
    let least = redress::plan::permissions::of_plan(&plan);
    assert!(!least.iter().any(|grant| grant.action == "s3:PutBucketPolicy"));
    hold(&stand.twin).faults.denied_calls =
        vec![DeniedCall { operation: "PutBucketPolicy".to_owned(), resource: None }];
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    all_are(&stand.story(), &plan, &[Outcome::Verified]);
    assert_eq!((times(&stand, "PutBucketPolicy"), policy(&stand)), (0, was));
}

#[test]
fn where_the_policy_cannot_be_set_back_at_first_the_rollback_does_it() {
    let stand = with_a_narrow_policy();
    let was = policy(&stand);
    let plan = to_the_bucket(&stand);
    refuse(&stand, "PutBucketPolicy");
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    all_are(&stand.story(), &plan, &[Outcome::RolledBack]);
    assert_eq!((times(&stand, "DeleteFlowLogs"), times(&stand, "PutBucketPolicy")), (1, 2));
    assert_eq!(policy(&stand), was);
}

#[test]
fn a_run_that_is_killed_before_the_policy_was_set_back_may_do_so_when_a_person_approves_it() {
    let stand = with_a_narrow_policy();
    let was = policy(&stand);
    let plan = to_the_bucket(&stand);
    stand.killed(&plan, Kill::AfterCall(1));
    assert_ne!(policy(&stand), was);
    let said = said(&stand, &plan);
    assert!(said.beyond.is_empty() && said.unknown.is_empty(), "{said:#?}");
    let claims: Vec<&String> = said.claims.values().flatten().collect();
    assert!(claims.iter().any(|claim| claim.contains("gets its former policy back")), "{claims:?}");
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    all_are(&stand.story(), &plan, &[Outcome::Verified]);
    assert_eq!(policy(&stand), was);
}

#[test]
fn a_run_that_left_the_policy_changed_is_undone_with_the_policy_of_before() {
    let stand = with_a_narrow_policy();
    let was = policy(&stand);
    let plan = to_the_bucket(&stand);
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    // As if AWS had changed it only after the last look at it.
    let late = json!({ "Id": "AWSLogDeliveryWrite20150319", "Statement": [] });
    set_policy(&mut hold(&stand.twin), late);
    let shown = hold(&stand.twin).inventory().footprint(&plan.changes[0].touches);
    for (_, event) in hold(&stand.events).iter_mut() {
        if let Event::ChangeEnded { outcome, after, .. } = event {
            (*outcome, *after) = (Outcome::Unverified, shown.clone());
        }
    }
    let back = undoing(&stand, &plan).plan;
    let second = stand.again();
    second.run(&back, yes(&back), None).unwrap().unwrap();
    all_are(&second.story(), &back, &[Outcome::Restored]);
    assert_eq!((times(&second, "PutBucketPolicy"), policy(&stand)), (1, was));
}
