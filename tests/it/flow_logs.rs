//! Flow logs as AWS treats them: what decides in the place of what was set, what it changes by itself, and
//! what it shows late.

use std::collections::BTreeSet;

use redress::{
    inventory::{Fact, RetentionPolicy},
    journal::Outcome,
    plan::{Change, Plan},
    twin::{Fault, FaultKind, When},
};

use super::{
    laws::{all_are, undoing},
    stand::{Stand, hold, yes},
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
fn a_policy_of_the_account_that_comes_after_the_plan_keeps_no_log_from_being_made() {
    let stand = world::demo();
    let plan = one_log(&stand);
    hold(&stand.then).push((
        "CreateLogGroup".to_owned(),
        Box::new(|twin| {
            let policy = RetentionPolicy { id: "new".into(), days: Fact::Absent, ..RetentionPolicy::default() };
            twin.truth_mut().region_mut(REGION).retention_policies.put("new", policy);
        }),
    ));
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    all_are(&stand.story(), &plan, &[Outcome::Verified]);
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
