//! The laws of the design, for every registered action, on the twin's demo account: what a change does, that
//! it does nothing else, that it can be taken back, done twice, killed anywhere, and that it yields to
//! somebody else.

use std::collections::BTreeSet;

use super::{
    ends::{End, outcomes},
    stand::{Limit, Stand, block_on, hold, stage, yes},
    world,
};
use redress::{
    actions::{self, Context, Options},
    calls::Call,
    engine::{EngineError, undo},
    finding::Verdict,
    inventory::{FamilyKind, Inventory, Selector, Want, permissions::When, tag},
    journal::{Event, Outcome, Story},
    plan::{Change, Plan, permissions},
};

/// The plan of everything that the demo account needs, from the built-in playbooks.
fn whole_plan(stand: &Stand) -> Plan {
    world::plan(stand, &world::Wish::default())
}

/// The part of the plan that one action does, with what that part needs.
fn part(stand: &Stand, plan: &Plan, action: &str) -> Plan {
    let mut ids: BTreeSet<String> =
        plan.changes.iter().filter(|c| c.action.iter().any(|a| a == action)).map(|c| c.id.clone()).collect();
    assert!(!ids.is_empty(), "the demo account has nothing for {action} to mend");
    // What answers no finding is made for others only, so one of them belongs to the part.
    for lonely in
        plan.changes.iter().filter(|c| ids.contains(&c.id) && c.findings.is_empty()).collect::<Vec<_>>()
    {
        ids.extend(plan.changes.iter().find(|c| c.after.contains(&lonely.id)).map(|c| c.id.clone()));
    }
    loop {
        let needed: Vec<String> =
            plan.changes.iter().filter(|c| ids.contains(&c.id)).flat_map(|c| c.after.clone()).collect();
        let before = ids.len();
        ids.extend(needed);
        if ids.len() == before {
            break;
        }
    }
    world::select(stand, plan, &ids)
}

/// The actions that a plan of the demo account shows; `prune` has tests of its own, and those that a person asks
/// for by name have nothing to do there.
fn shown() -> Vec<&'static str> {
    actions::all()
        .iter()
        .map(|a| a.name())
        .filter(|name| {
            !["prune", "block-addresses", "deny-user", "revoke-credentials", "revoke-role-sessions"]
                .contains(name)
        })
        .collect()
}

/// The part of a plan that can be undone; none where AWS has a reverse for nothing of it.
pub fn undoable(stand: &Stand, plan: &Plan) -> Option<Plan> {
    let ids: BTreeSet<String> =
        plan.changes.iter().filter(|c| Change::reversible(&c.steps)).map(|c| c.id.clone()).collect();
    (!ids.is_empty()).then(|| {
        if ids.len() == plan.changes.len() { plan.clone() } else { world::select(stand, plan, &ids) }
    })
}

/// Runs a law over every action, on a fresh demo account each, and tells which action broke it.
pub fn for_every_action(law: impl Fn(&Stand, &Plan)) {
    let whole = whole_plan(&world::demo());
    for action in shown() {
        let stand = world::demo_for(action);
        let base = if world::has_own(action) { whole_plan(&stand) } else { whole.clone() };
        let plan = part(&stand, &base, action);
        println!(
            "--- {action}: {} changes, {} calls",
            plan.changes.len(),
            plan.changes.iter().map(|c| c.steps.len()).sum::<usize>()
        );
        law(&stand, &plan);
    }
}

pub fn all_are(story: &Story, plan: &Plan, wanted: &[Outcome]) {
    for change in &plan.changes {
        let told = &story.changes[&change.id];
        assert!(
            told.outcome().is_some_and(|o| wanted.contains(&o)),
            "{} {}: {:?}: {}",
            change.id,
            change.summary,
            told.phase,
            told.reason
        );
    }
}

/// The things that look different in two inventories, in the form in which footprints compare.
fn changed(before: &Inventory, after: &Inventory) -> BTreeSet<(String, FamilyKind, String)> {
    let mut found = BTreeSet::new();
    let (before, after) = (world::things(before), world::things(after));
    for key in before.keys().chain(after.keys()) {
        if before.get(key) != after.get(key) {
            found.insert(key.clone());
        }
    }
    found
}

/// Whether a change of the plan says that it touches this thing, or a run made it.
fn announced(
    plan: &Plan,
    before: &Inventory,
    after: &Inventory,
    thing: &(String, FamilyKind, String),
) -> bool {
    let (region, family, id) = thing;
    let touched = |want: &Want| {
        want.family == *family
            && (want.region == *region || region.is_empty())
            && [before, after].iter().any(|i| {
                i.select_json(want).known().is_some_and(|found| found.iter().any(|(found, _)| found == id))
            })
    };
    let made = |inventory: &Inventory| {
        let json = inventory.json(region, *family, id);
        let tags = json.known().and_then(|j| j.get("tags").cloned());
        tags.is_some_and(|t| {
            t.get(tag::RUN).is_some() || t.pointer(&format!("/known/{}", tag::RUN)).is_some()
        })
    };
    made(after) || plan.changes.iter().any(|c| c.touches.iter().any(touched))
}

#[test]
fn every_action_fixes_its_findings_and_changes_nothing_else() {
    for_every_action(|stand, plan| {
        let before = stand.settled();
        stand.run(plan, yes(plan), None).unwrap().unwrap();
        all_are(&stand.story(), plan, &[Outcome::Verified, Outcome::AlreadyFixed]);
        let after = stand.settled();
        for finding in plan.changes.iter().flat_map(|c| &c.findings) {
            let verdict = world::judge(stand, finding);
            assert!(matches!(verdict, Verdict::Ok(_) | Verdict::Retained(_)), "{finding:?}: {verdict:?}");
        }
        for thing in changed(&before, &after) {
            assert!(announced(plan, &before, &after, &thing), "{thing:?} was changed and no change says so");
        }
    });
}

#[test]
fn the_calls_are_those_of_the_plan_and_no_others() {
    for_every_action(|stand, plan| {
        stand.run(plan, yes(plan), None).unwrap().unwrap();
        let planned: Vec<String> =
            plan.changes.iter().flat_map(|c| &c.steps).map(|s| s.act.call.name()).collect();
        let called: Vec<String> = hold(&stand.called).iter().map(Call::name).collect();
        let fixed_already =
            outcomes(&stand.story()).values().filter(|o| **o == Outcome::AlreadyFixed).count();
        if fixed_already == 0 {
            assert_eq!(called, planned);
        } else {
            assert!(called.iter().all(|c| planned.contains(c)));
        }
    });
}

/// The undo of what a stand did, rehearsed.
pub fn undoing(stand: &Stand, plan: &Plan) -> undo::Undoing {
    let mut undoing = undo::plan(
        &stand.story(),
        plan,
        None,
        stand.identity(),
        hold(&stand.twin).now(),
        jiff::SignedDuration::from_hours(1),
    );
    block_on(undoing.rehearse(plan, &stand.account(), &stage));
    undoing
}

#[test]
fn undo_brings_back_what_was_but_for_what_the_plan_named() {
    for_every_action(|stand, plan| {
        let Some(plan) = &undoable(stand, plan) else { return };
        let before = stand.settled();
        stand.run(plan, yes(plan), None).unwrap().unwrap();
        let undoing = undoing(stand, plan);
        assert!(undoing.refused.is_empty(), "{:?}", undoing.refused);
        let shown = &undoing.plan.rehearsal;
        assert!(shown.undo_restores, "{:?} {:?}", shown.differences, shown.not_rehearsed);
        let second = stand.again();
        second.run(&undoing.plan, yes(&undoing.plan), None).unwrap().unwrap();
        all_are(&second.story(), &undoing.plan, &[Outcome::Restored]);
        let named = plan.changes.iter().any(|c| !c.not_restored.is_empty());
        let after = stand.settled();
        assert_eq!(world::bodies(&before), world::bodies(&after));
        for thing in changed(&before, &after).into_iter().filter(|(_, family, _)| !world::made_anew(*family))
        {
            let (region, family, id) = &thing;
            // What was there before is as it was; what is new was made by the run and was named as kept.
            let was = before.json(region, *family, id);
            assert!(named && was.known().is_none(), "{thing:?} is not as it was, or not named");
        }
    });
}

#[test]
fn applying_twice_calls_nothing_the_second_time() {
    for_every_action(|stand, plan| {
        stand.run(plan, yes(plan), None).unwrap().unwrap();
        let second = stand.again();
        second.run(plan, yes(plan), None).unwrap().unwrap();
        assert_eq!(*hold(&second.called), Vec::<Call>::new());
        all_are(&second.story(), plan, &[Outcome::AlreadyFixed]);
    });
}

#[test]
fn killed_before_and_after_every_call_and_record_it_comes_to_the_same_end() {
    for_every_action(|stand, plan| {
        let fresh = hold(&stand.twin).clone();
        stand.run(plan, yes(plan), None).unwrap().unwrap();
        let whole = End::of(stand);
        for kill in whole.kills(1, 1) {
            let other = Stand::new(fresh.clone());
            other.killed(plan, kill);
            other.run(plan, yes(plan), None).unwrap().unwrap();
            whole.is_that_of(&other, kill);
        }
    });
}

#[test]
fn a_change_by_somebody_else_means_drifted_or_refused_and_nothing_is_called() {
    for_every_action(|stand, plan| {
        if !world::meddle(stand, plan) {
            return;
        }
        stand.run(plan, yes(plan), None).unwrap().unwrap();
        let story = stand.story();
        let met: Vec<_> = outcomes(&story)
            .into_iter()
            .filter(|(_, o)| matches!(o, Outcome::Drifted | Outcome::Refused | Outcome::Blocked))
            .collect();
        assert!(!met.is_empty(), "nobody noticed: {:?}", outcomes(&story));
        for (id, _) in met {
            assert!(story.changes[&id].steps.is_empty(), "{id} has called something");
        }
    });
}

#[test]
fn what_somebody_changed_since_the_run_is_not_undone() {
    for_every_action(|stand, plan| {
        stand.run(plan, yes(plan), None).unwrap().unwrap();
        let meddled = world::meddle_after(stand, plan);
        let undoing = undoing(stand, plan);
        let second = stand.again();
        second.run(&undoing.plan, yes(&undoing.plan), None).unwrap().unwrap();
        let story = second.story();
        for id in meddled {
            assert!(
                undoing.plan.rehearsal.differences.iter().any(|d| d.starts_with(&format!("{id}: "))),
                "{id} was not foretold"
            );
            let told = &story.changes[&id];
            assert_eq!(told.outcome(), Some(Outcome::Refused), "{id}: {}", told.reason);
            assert!(told.steps.is_empty());
        }
    });
}

#[test]
fn what_was_done_and_is_gone_again_before_the_proof_is_not_verified() {
    for_every_action(|stand, plan| {
        let mut before = hold(&stand.twin).clone();
        stand.run(plan, yes(plan), None).unwrap().unwrap();
        let events = hold(&stand.events).clone();
        let settled = |event: &Event| {
            if let Event::Settled { change, .. } = event { Some(change.clone()) } else { None }
        };
        let (last, change) =
            events.iter().enumerate().rev().find_map(|(n, (_, event))| Some((n, settled(event)?))).unwrap();
        // As if it had died right after its last step, and somebody had set everything back before it was
        // resumed.
        hold(&stand.events).truncate(last + 1);
        let passed = hold(&stand.twin).now().duration_since(before.now());
        before.pass(passed.unsigned_abs());
        *hold(&stand.twin) = before;
        stand.run(plan, Vec::new(), None).unwrap().unwrap();
        let told = &stand.story().changes[&change];
        assert_eq!(told.outcome(), Some(Outcome::Unverified), "{change}: {}", told.reason);
    });
}

#[test]
fn the_least_policy_of_a_plan_lets_every_action_read_all_that_it_asks_for() {
    let asked = std::cell::Cell::new(0);
    for_every_action(|stand, plan| {
        let inventory = stand.settled();
        let granted: BTreeSet<String> =
            permissions::of_plan(plan).into_iter().map(|grant| grant.action).collect();
        for change in &plan.changes {
            let context = Context {
                inventory: &inventory,
                region: &change.region,
                checks: &[],
                options: &Options::default(),
            };
            for one in &change.uses {
                for want in actions::find(&one.action).unwrap().needs(&context, &change.resource, &one.with) {
                    let by_id = matches!(want.selector, Selector::Id(_));
                    let perhaps =
                        |when: &When| matches!(when, When::Fact(_)) || by_id && *when == When::Listed;
                    let always = want.family.permissions().iter().filter(|reading| !perhaps(&reading.when));
                    let missing: Vec<&str> = always
                        .map(|reading| reading.action)
                        .filter(|action| !granted.contains(*action))
                        .collect();
                    assert!(
                        missing.is_empty(),
                        "{} reads {want}, and its policy has no {missing:?}",
                        one.action
                    );
                    asked.set(asked.get() + 1);
                }
            }
        }
    });
    assert!(asked.get() > 0);
}

#[test]
fn what_nobody_approved_is_not_done() {
    for_every_action(|stand, plan| {
        let before = stand.settled();
        let no = yes(plan)
            .into_iter()
            .map(|d| redress::journal::Decision { approved: false, by: "no".into(), ..d })
            .collect();
        stand.run(plan, no, None).unwrap().unwrap();
        assert!(hold(&stand.called).is_empty());
        assert!(changed(&before, &stand.settled()).is_empty());
        all_are(&stand.story(), plan, &[Outcome::NotApproved]);
    });
}

#[test]
fn a_journal_that_cannot_be_written_stops_the_run_before_the_call() {
    for_every_action(|stand, plan| {
        let error = stand.run_within(plan, yes(plan), Limit::Full(3));
        assert!(matches!(error, Err(EngineError::Store(_))));
        let intents = hold(&stand.events).iter().filter(|(_, e)| matches!(e, Event::Intent { .. })).count();
        assert!(hold(&stand.called).len() <= intents, "a call without its intent on disk");
    });
}

#[test]
fn counts_add_up_in_the_plan_of_the_demo_account() {
    let stand = world::demo();
    let seen = world::survey(&stand, &world::Wish::default());
    let plan = whole_plan(&stand);
    let total: usize = plan.counts.values().sum();
    let violations = seen.findings.iter().filter(|f| !matches!(f.verdict, Verdict::Ok(_))).count();
    assert_eq!(total, violations + seen.unjudged.len());
    assert_eq!(plan.counts["planned"], plan.changes.iter().map(|c| c.findings.len()).sum::<usize>());
    assert!(plan.rehearsal.opens.is_empty());
    assert!(plan.rehearsal.undo_restores, "{:?}", plan.rehearsal.differences);
    assert!(plan.rehearsal.not_rehearsed.is_empty(), "{:?}", plan.rehearsal.not_rehearsed);
}

#[test]
fn the_same_account_gives_the_same_plan_to_the_byte() {
    let text = |stand: &Stand| serde_json::to_string(&whole_plan(stand)).unwrap();
    assert_eq!(text(&world::demo()), text(&world::demo()));
}
