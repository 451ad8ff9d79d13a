//! What a run that was interrupted may still call, held to the account on the twin: an honest one is borne
//! out wherever it was killed, and one whose files were edited in a detail of a disk is not.

use std::collections::BTreeSet;

use redress::{
    engine::{
        left::{Judged, judged, left},
        undo,
    },
    journal::Outcome,
    plan::{Plan, PlanKind},
    twin::{Fault, FaultKind, When},
};
use serde_json::{Value, json};

use super::{
    ends::End,
    laws::{for_every_action, undoing},
    marks,
    stand::{Kill, Stand, block_on, hold, stage, today, yes},
    world,
};

/// The account's word on what is left of the run of a stand.
pub(crate) fn said(stand: &Stand, plan: &Plan) -> Judged {
    block_on(left(plan, &stand.story(), today(), &stand.account(), &stage)).judged
}

/// Fails where something is left of a run that the account does not bear out in every detail.
pub(crate) fn borne_out(stand: &Stand, plan: &Plan, what: &str) {
    let said = said(stand, plan);
    assert!(said.beyond.is_empty() && said.unknown.is_empty(), "{what}: {said:#?}");
    let disks: Vec<_> = said
        .claims
        .iter()
        .filter(|(id, _)| {
            plan.change(id)
                .is_some_and(|c| ["encrypt", "snapshot"].iter().any(|word| c.action.as_str().contains(word)))
        })
        .collect();
    assert!(disks.is_empty(), "{what}: only the files say {disks:#?}");
    let served: Vec<_> = said
        .claims
        .iter()
        .filter(|(id, _)| {
            plan.kind == PlanKind::Plan && plan.change(id).is_some_and(|c| c.findings.is_empty())
        })
        .collect();
    assert!(served.is_empty(), "{what}: only the files say {served:#?}");
}

/// A change of each kind of a plan, and what they come after.
fn few(stand: &Stand, plan: &Plan) -> Plan {
    let (mut ids, mut kinds) = (BTreeSet::new(), BTreeSet::new());
    for change in &plan.changes {
        if kinds.insert(format!("{} {:?} {}", change.action, change.resource.kind(), change.before["state"]))
        {
            ids.insert(change.id.clone());
        }
    }
    for change in plan.changes.iter().rev() {
        if ids.contains(&change.id) {
            ids.extend(change.after.iter().cloned());
        }
    }
    world::select(stand, plan, &ids)
}

#[test]
fn an_honest_run_is_borne_out_wherever_it_was_killed_and_so_is_its_undo() {
    for_every_action(|stand, plan| {
        let plan = &few(stand, plan);
        let fresh = hold(&stand.twin).clone();
        stand.run(plan, yes(plan), None).unwrap().unwrap();
        for kill in End::of(stand).kills(1, 5) {
            let other = Stand::new(fresh.clone());
            other.killed(plan, kill);
            borne_out(&other, plan, &format!("{kill:?}"));
        }
        let back = undoing(stand, plan).plan;
        let (done, events) = (hold(&stand.twin).clone(), hold(&stand.events).clone());
        let second = second_run(&Stand::new(done.clone()));
        second.run(&back, yes(&back), None).unwrap().unwrap();
        for kill in End::of(&second).kills(2, 5) {
            let first = Stand::new(done.clone());
            hold(&first.events).clone_from(&events);
            let other = second_run(&first);
            if other.run(&back, yes(&back), Some(kill)).is_some() {
                continue;
            }
            borne_out(&other, &back, &format!("undo, {kill:?}"));
            let anew = undo::plan(
                &first.story(),
                plan,
                None,
                first.identity(),
                hold(&first.twin).now(),
                jiff::SignedDuration::from_hours(1),
            );
            let said = block_on(judged("run-1", &anew.calls(plan), &first.account()));
            assert!(
                said.beyond.is_empty() && said.unknown.is_empty(),
                "undo planned anew, {kill:?}: {said:#?}"
            );
        }
    });
}

#[test]
fn a_run_that_was_killed_on_its_way_back_is_borne_out() {
    for failing in ["CopySnapshot", "DetachVolume", "AttachVolume"] {
        for from in [2] {
            let start = || {
                let stand = world::demo();
                let (plan, _) = world::one_instance(&stand);
                hold(&stand.twin).faults.script.push(Fault {
                    at: When::Operation(failing.to_owned(), from),
                    kind: FaultKind::Denied,
                    times: 1,
                    seen: 0,
                });
                (stand, plan)
            };
            let (stand, plan) = start();
            stand.run(&plan, yes(&plan), None).unwrap().unwrap();
            for kill in End::of(&stand).kills(9, 23) {
                let (other, plan) = start();
                if other.run(&plan, yes(&plan), Some(kill)).is_none() {
                    borne_out(&other, &plan, &format!("{failing} {from}, {kill:?}"));
                }
            }
        }
    }
}

/// Another run on the same account.
fn second_run(stand: &Stand) -> Stand {
    let mut second = stand.again();
    "run-2".clone_into(&mut second.name);
    second
}

#[test]
fn a_disk_that_was_kept_before_its_copy_was_made_goes_with_its_instance_again_after_a_recovery() {
    let stand = world::demo();
    let (plan, id) = world::one_instance(&stand);
    let keep = 1 + plan.changes[0].steps.iter().position(|s| s.name == "keep-old-1").unwrap();
    stand.killed(&plan, Kill::AfterCall(keep));
    let goes = |stand: &Stand| {
        let settled = stand.settled();
        let instance = settled.regions[&plan.changes[0].region]
            .instances
            .get(&id)
            .known()
            .map(|i| (*i).clone())
            .unwrap();
        instance
            .devices
            .iter()
            .find(|d| d.device_name == instance.root_device_name)
            .unwrap()
            .delete_on_termination
    };
    assert!(!goes(&stand));
    let back = second_run(&stand);
    let plan = marks::found(&back, None).plan;
    back.run(&plan, yes(&plan), None).unwrap().unwrap();
    assert!(goes(&stand));
}

#[test]
fn what_only_the_files_would_have_a_rollback_call_is_withheld_where_nobody_said_yes() {
    let stand = world::demo();
    let whole = world::plan(&stand, &world::Wish::default());
    let id =
        whole.changes.iter().find(|c| c.action == "tighten-security-group").map(|c| c.id.clone()).unwrap();
    let plan = world::select(&stand, &whole, &[id.clone()].into());
    // Its start, that of the change, the intent and the result.
    stand.killed(&plan, Kill::AfterRecord(4));
    // The rules are shut; the files say that this has failed, and that the world was let in before.
    let mut edited = serde_json::to_value(&plan).unwrap();
    let step = &mut edited["changes"][0]["steps"][0];
    let never = json!([{ "region": plan.changes[0].region, "family": "security-groups",
        "id": plan.changes[0].resource.id(), "at": "/id", "test": { "is": "x" } }]);
    step["wait"] = json!({ "until": never, "at_most": 5, "why": "until it is so" });
    step["recognise"] = json!({ "looks": { "expect": never } });
    for act in step["way_back"]["calls"]["rollback"].as_array_mut().unwrap() {
        act["call"]["input"]["IpPermissions"] =
            json!([{ "IpProtocol": "-1", "IpRanges": [{ "CidrIp": "0.0.0.0/0" }] }]);
    }
    let edited: Plan = serde_json::from_value(edited).unwrap();
    let left = block_on(left(&edited, &stand.story(), today(), &stand.account(), &stage));
    assert!(left.judged.back.contains_key(&id) && !left.judged.ahead.contains(&id), "{:#?}", left.judged);
    let calls = hold(&stand.called).len();
    stand.run(&left.withheld(&edited), yes(&edited), None).unwrap().unwrap();
    let later: Vec<String> = hold(&stand.called)[calls..].iter().map(|c| c.operation.clone()).collect();
    assert!(!later.contains(&"AuthorizeSecurityGroupIngress".to_owned()), "{later:?}");
    let told = &stand.story().changes[&id];
    assert!(
        told.outcome() == Some(Outcome::Stuck) && told.reason.contains("nobody has approved it"),
        "{:?}: {}",
        told.phase,
        told.reason
    );
}

/// The run of a change that makes what others need, killed in the middle, and its plan with another name of a
/// log group in that change alone: its parameters, words and calls fit each other.
fn half_a_role() -> (Stand, Plan, String, [Plan; 2]) {
    let stand = world::demo();
    let whole = world::plan(&stand, &world::Wish::default());
    let flow = whole.changes.iter().find(|c| c.action == "enable-flow-logs").unwrap();
    let ids = flow.after.iter().chain([&flow.id]).cloned().collect();
    let plan = world::select(&stand, &whole, &ids);
    let role = plan.changes.iter().find(|c| c.action == "ensure-delivery-role").unwrap();
    let made = 1 + plan.changes.iter().take_while(|c| c.id != role.id).map(|c| c.steps.len()).sum::<usize>();
    stand.killed(&plan, Kill::AfterCall(made));
    let name = role.uses[0].with["log_group"].as_str().unwrap().to_owned();
    let as_edited = |edit: &dyn Fn(&mut Value)| -> Plan {
        let mut edited = serde_json::to_value(&plan).unwrap();
        edited["changes"].as_array_mut().unwrap().iter_mut().for_each(edit);
        serde_json::from_value(edited).unwrap()
    };
    let renamed = |change: &mut Value| {
        *change = serde_json::from_str(&change.to_string().replace(&name, "/somebody/elses")).unwrap()
    };
    // In the change alone; and in all that needs it, too.
    let alone = as_edited(&|change| {
        if change["action"] == "ensure-delivery-role" {
            renamed(change);
        }
    });
    let all = as_edited(&renamed);
    (stand, plan.clone(), role.id.clone(), [alone, all])
}

#[test]
fn what_is_made_for_others_is_what_they_need_today_or_a_person_says_so() {
    let (stand, plan, role, edited) = half_a_role();
    let honest = said(&stand, &plan);
    assert!(honest.beyond.is_empty() && honest.claims.is_empty() && honest.ahead.is_empty(), "{honest:#?}");
    for edited in edited {
        let said = said(&stand, &edited);
        assert!(said.ahead.contains(&role), "no flag speaks for it: {said:#?}");
        let claims = said.claims[&role].join("; ");
        assert!(claims.contains("needs ensure-delivery-role") || claims.contains("log_group is"), "{claims}");
    }
}

#[test]
fn what_is_made_for_nobody_is_a_claim() {
    let (stand, plan, role, _) = half_a_role();
    let without = |keep: &dyn Fn(&redress::plan::Change) -> bool| Plan {
        changes: plan.changes.iter().filter(|c| keep(c)).cloned().collect(),
        ..plan.clone()
    };
    let said = said(&stand, &without(&|c| c.action != "enable-flow-logs"));
    assert!(
        said.ahead.contains(&role) && said.claims[&role][0].contains("needs ensure-delivery-role"),
        "{said:#?}"
    );
}

#[test]
fn a_call_goes_to_the_region_of_its_change_and_to_no_other() {
    let (stand, plan, role, _) = half_a_role();
    for region in ["", "us-gov-west-1", "eu-west-1"] {
        let mut edited = serde_json::to_value(&plan).unwrap();
        let change =
            edited["changes"].as_array_mut().unwrap().iter_mut().find(|c| c["id"] == role.as_str()).unwrap();
        for step in change["steps"].as_array_mut().unwrap() {
            step["way_back"]["calls"]["rollback"][0]["call"]["region"] = json!(region);
        }
        let said = said(&stand, &serde_json::from_value(edited).unwrap());
        assert!(said.beyond.iter().any(|why| why.contains(&format!("goes to {region:?}"))), "{said:#?}");
    }
}

/// What is said of the undo of a run of flow logs whose plan somebody edited.
fn undone_as(edit: impl Fn(&mut Value)) -> Judged {
    let stand = world::demo();
    let whole = world::plan(&stand, &world::Wish::default());
    let flows = whole.changes.iter().filter(|c| c.action == "enable-flow-logs" && c.region == "us-east-1");
    let plan =
        world::select(&stand, &whole, &flows.flat_map(|c| c.after.iter().chain([&c.id])).cloned().collect());
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    let mut edited = serde_json::to_value(&plan).unwrap();
    edited["changes"].as_array_mut().unwrap().iter_mut().for_each(edit);
    let edited: Plan = serde_json::from_value(edited).unwrap();
    let anew = undo::plan(
        &stand.story(),
        &edited,
        None,
        stand.identity(),
        hold(&stand.twin).now(),
        jiff::SignedDuration::from_hours(1),
    );
    block_on(judged("run-1", &anew.calls(&edited), &stand.account()))
}

#[test]
fn what_a_run_made_is_taken_back_by_the_change_that_made_it_and_once() {
    let honest = undone_as(|_| {});
    assert!(honest.beyond.is_empty() && honest.claims.is_empty(), "{honest:#?}");
    // A change about something else would leave unsaid which finding is open again.
    let root = json!("arn:aws:iam::123456789012:root");
    for action in ["enable-flow-logs", "ensure-delivery-role"] {
        let said = undone_as(|change| {
            if change["action"] == action {
                change["resource"] = root.clone();
            }
        });
        assert!(
            said.beyond.iter().any(|why| why.contains("does not belong to") || why.contains("is not what")),
            "{action}: {said:#?}"
        );
    }
    let said = undone_as(|change| {
        let id = &mut change["steps"][0]["way_back"]["calls"]["rollback"][0]["call"]["input"]["FlowLogIds"];
        if id.is_object() {
            *id = json!(["fl-1", "fl-1"]);
        }
    });
    assert!(said.beyond.iter().any(|why| why.contains("names fl-1 twice in FlowLogIds")), "{said:#?}");
}
