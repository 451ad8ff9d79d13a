//! What must hold after a run, and after its undo, whatever happened in between. Looks at the account as it
//! truly is and at the journal, and at nothing that the engine believes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use redress::{
    calls::{Step, WayBack},
    cli::exit::Exit,
    engine::LAG,
    inventory::{Inventory, SecurityGroupRule, Tags, tag},
    journal::{Event, Outcome, StepState, StepStory, Story, document::RunDocument},
    plan::{Change, Plan, PlanKind},
    twin::{Stale, Twin},
};

use super::{
    census,
    ground::Ground,
    life::{State, Truth},
};

pub type Held = Result<(), String>;

/// Something that a run has made: family, id, its tags, and what tells it from others made by the same step.
struct Made {
    family: &'static str,
    id: String,
    tags: Tags,
    part: String,
}

fn made(inventory: &Inventory) -> Vec<Made> {
    let mut all = Vec::new();
    let mut add = |family, id: &str, tags: &Tags, part: String| {
        if tags.contains_key(tag::TOKEN) {
            all.push(Made { family, id: id.to_owned(), tags: tags.clone(), part });
        }
    };
    for region in inventory.regions.values() {
        region.security_group_rules.known().for_each(|(id, r)| add("rule", id, &r.tags, body(r)));
        region.flow_logs.known().for_each(|(id, l)| add("flow log", id, &l.tags, l.resource_id.clone()));
        region.snapshots.known().for_each(|(id, s)| add("snapshot", id, &s.tags, s.volume_id.clone()));
        region.volumes.known().for_each(|(id, v)| add("volume", id, &v.tags, String::new()));
    }
    all
}

/// A rule without its id and tags.
fn body(rule: &SecurityGroupRule) -> String {
    let source = [&rule.cidr_ipv4, &rule.cidr_ipv6, &rule.prefix_list_id, &rule.referenced_group_id]
        .map(|s| s.as_deref().unwrap_or(""));
    format!(
        "{} {} {} {}-{} {source:?} {:?}",
        rule.group_id, rule.is_egress, rule.ip_protocol, rule.from_port, rule.to_port, rule.description
    )
}

/// After a run has come to its end.
pub fn after_run(before: &Inventory, state: &State, plan: &Plan, story: &Story) -> Held {
    let now = state.twin.inventory();
    counts(plan, story)?;
    no_duplicates(&now)?;
    let runs = [(plan, story, state.events.as_slice())];
    no_orphans(&now, &runs, state)?;
    census::accounted(before, &now, state, &runs)?;
    instances(before, None, &now, state, plan, story)?;
    rules(before, &now, state, plan, story)?;
    rolled_back(state, plan, story)
}

/// Counts add up, reasons are given, the exit code is true.
fn counts(plan: &Plan, story: &Story) -> Held {
    if !story.ended {
        return Err("the run came to its end and the journal does not say so".to_owned());
    }
    let document = RunDocument::of(story, plan);
    if document.counts.values().sum::<usize>() != plan.changes.len() {
        return Err(format!("{} changes, but counted {:?}", plan.changes.len(), document.counts));
    }
    let mut worst = 0;
    for change in &plan.changes {
        let told = &story.changes[&change.id];
        let Some(outcome) = told.outcome() else { return Err(format!("{} has no outcome", change.id)) };
        let good = matches!(outcome, Outcome::Verified | Outcome::Restored);
        if !good && told.reason.trim().is_empty() {
            return Err(format!("{} is {} without a reason", change.id, outcome.word()));
        }
        if outcome == Outcome::Stuck && !says_what_to_do(change, &told.reason) {
            return Err(format!("{} is stuck and does not say what to do: {}", change.id, told.reason));
        }
        // The order of the exit codes, the gravest last, written down once more.
        let rank = match outcome {
            Outcome::Verified | Outcome::Restored | Outcome::AlreadyFixed => 0,
            Outcome::Drifted
            | Outcome::Blocked
            | Outcome::Refused
            | Outcome::NotApproved
            | Outcome::Skipped => 1,
            Outcome::Unverified => 2,
            Outcome::Failed => 3,
            Outcome::RolledBack => 4,
            Outcome::Stuck => 5,
        };
        worst = worst.max(rank);
    }
    let expected = [0, 4, 7, 1, 5, 6][worst];
    let exit = Exit::of_run(story).code();
    if exit == expected {
        Ok(())
    } else {
        Err(format!("the exit code is {exit}, and the outcomes say {expected}"))
    }
}

/// What a person is told to do with an instance and its disks.
const IN_WORDS: [&str; 8] = [
    "attach ",
    "detach ",
    "start ",
    "stop ",
    "turn DeleteOnTermination",
    "take the tags",
    "check whether",
    "should hold",
];

/// Whether a reason tells a person what to do: calls to make, in AWS's words or in plain ones and with the
/// ids that they need, or where to look and what it was like.
fn says_what_to_do(change: &Change, reason: &str) -> bool {
    let Some((_, told)) = reason.split_once("A person is needed: ") else { return false };
    let calls = |step: &Step| match &step.way_back {
        WayBack::Calls { rollback, .. } => {
            rollback.iter().chain([&step.act]).map(|act| act.call.name()).collect()
        }
        _ => vec![step.act.call.name()],
    };
    let named = change.steps.iter().flat_map(calls).any(|name| told.contains(&name));
    let in_words = IN_WORDS.iter().any(|words| told.contains(words));
    (named || in_words || told.contains("redress show"))
        && !told.contains("$output")
        && !told.contains("$token")
}

fn no_duplicates(now: &Inventory) -> Held {
    let mut seen: BTreeMap<(String, String), String> = BTreeMap::new();
    for thing in made(now) {
        let key = (thing.tags[tag::TOKEN].clone(), thing.part.clone());
        // Copies of snapshots all say the same volume; each has a step of its own.
        if let Some(other) = seen.insert(key, thing.id.clone()) {
            return Err(format!(
                "duplicate {}: {other} and {} were made by one step {:?}",
                thing.family,
                thing.id,
                thing.tags.get(tag::STEP)
            ));
        }
    }
    Ok(())
}

/// A run as it is looked at: its plan, its state, its events.
pub type Run<'a> = (&'a Plan, &'a Story, &'a [(Timestamp, Event)]);

/// Everything that carries a run's token stands in its journal, or its story says that this could not be
/// told.
fn no_orphans(now: &Inventory, runs: &[Run<'_>], state: &State) -> Held {
    let mut outputs = BTreeSet::new();
    for (_, _, events) in runs {
        for (_, event) in *events {
            if let Event::Result {
                result:
                    redress::journal::StepResult::Done { outputs: o }
                    | redress::journal::StepResult::Found { outputs: o },
                ..
            } = event
            {
                outputs.insert(serde_json::to_string(o).unwrap());
            }
        }
    }
    for thing in made(now) {
        let step = thing.tags.get(tag::STEP).cloned().unwrap_or_default();
        let Some((plan, story, _)) =
            runs.iter().find(|(_, s, _)| Some(&s.head.run) == thing.tags.get(tag::RUN))
        else {
            return Err(format!("{} {} carries a run that was not", thing.family, thing.id));
        };
        let (change, name) = step.split_once('/').unwrap_or_default();
        let Some(told) = story.changes.get(change) else {
            return Err(format!("{} carries the step {step:?} that was not", thing.id));
        };
        let recorded = outputs.iter().any(|o| o.contains(&thing.id));
        let open = told.step(name).is_some_and(|s| s.state == StepState::Intended);
        let admitted = open && told.outcome() == Some(Outcome::Stuck);
        if !recorded && !admitted {
            return Err(format!(
                "orphan: {} {} of {step} stands in no record; {:?}: {}",
                thing.family, thing.id, told.phase, told.reason
            ));
        }
        let gone_back = matches!(told.outcome(), Some(Outcome::RolledBack | Outcome::Failed));
        // What stays, on purpose or not, is named; what the way back made is what was there before.
        let forth = plan.changes.iter().any(|c| c.id == change && c.steps.iter().any(|s| s.name == name));
        if gone_back
            && forth
            && story.head.kind == PlanKind::Plan
            && !state.touched.contains(&thing.id)
            && !told.reason.contains(&thing.id)
        {
            return Err(format!(
                "left behind: {} {} of {step}, though {:?}: {}",
                thing.family, thing.id, told.phase, told.reason
            ));
        }
    }
    Ok(())
}

/// Whether the story says of a thing that a person must look after it.
fn said(story: &Story, plan: &Plan, ids: &[&str]) -> bool {
    plan.changes.iter().any(|c| {
        let told = &story.changes[&c.id];
        let about = ids.iter().any(|id| told.reason.contains(id) || c.resource.id() == *id);
        about && matches!(told.outcome(), Some(Outcome::Stuck | Outcome::Unverified))
    })
}

/// No instance is left stopped that ran, none runs that was stopped, no disk is missing. An undo may bring up
/// what its run has left down, as it was before that run.
fn instances(
    before: &Inventory,
    run: Option<&Inventory>,
    now: &Inventory,
    state: &State,
    plan: &Plan,
    story: &Story,
) -> Held {
    for (name, region) in &before.regions {
        for (id, was) in region.instances.known() {
            let touched = |id: &str| state.touched.contains(id);
            if touched(id) || was.devices.iter().any(|d| touched(&d.volume_id)) {
                continue;
            }
            let Some(is) = now.regions[name].instances.get(id).known().copied() else {
                return Err(format!("{id} is gone"));
            };
            let as_before_run = run.is_some_and(|run| {
                run.regions[name].instances.get(id).known().is_some_and(|i| i.state == is.state)
            });
            if is.state != was.state && !as_before_run && !said(story, plan, &[id]) {
                return Err(format!("{id} was {} and is {}, and nothing says so", was.state, is.state));
            }
            let devices = |i: &redress::inventory::Instance| {
                i.devices.iter().map(|d| d.device_name.clone()).collect::<BTreeSet<_>>()
            };
            if devices(is) != devices(was) && !said(story, plan, &[id]) {
                return Err(format!(
                    "{id} had disks at {:?} and has them at {:?}, and nothing says so",
                    devices(was),
                    devices(is)
                ));
            }
            let applied = plan.changes.iter().any(|c| {
                c.resource.id() == id
                    && story.changes[&c.id].outcome().is_some_and(|o| o.applied() || o == Outcome::Restored)
            });
            let volumes = |i: &redress::inventory::Instance| {
                i.devices.iter().map(|d| d.volume_id.clone()).collect::<BTreeSet<_>>()
            };
            if !applied && volumes(is) != volumes(was) && !said(story, plan, &[id]) {
                return Err(format!("{id} has other disks, and no change of it was applied"));
            }
        }
    }
    Ok(())
}

/// No rule is lost but those that an applied change was to take away, and none is new but those that it was
/// to add.
fn rules(before: &Inventory, now: &Inventory, state: &State, plan: &Plan, story: &Story) -> Held {
    for (name, region) in &before.regions {
        let bodies = |inventory: &Inventory, group: &str| -> BTreeSet<String> {
            inventory.regions[name]
                .security_group_rules
                .known()
                .filter(|(_, r)| r.group_id == group)
                .map(|(_, r)| body(r))
                .collect()
        };
        for (group, _) in region.security_groups.known().filter(|(id, _)| !state.touched.contains(*id)) {
            let of_group: Vec<_> = plan.changes.iter().filter(|c| c.resource.id() == group).collect();
            let stands =
                of_group.iter().any(|c| story.changes[&c.id].outcome().is_some_and(Outcome::applied));
            let (was, is) = (bodies(before, group), bodies(now, group));
            if was == is || said(story, plan, &[group]) {
                continue;
            }
            if !stands {
                return Err(format!(
                    "the rules of {group} are not as before, and no change of it stands: {:?}",
                    was.symmetric_difference(&is).collect::<Vec<_>>()
                ));
            }
            let revoked: BTreeSet<String> = of_group
                .iter()
                .flat_map(|c| &c.steps)
                .filter(|s| s.act.call.operation.starts_with("RevokeSecurityGroup"))
                .flat_map(|s| {
                    s.act.call.input["SecurityGroupRuleIds"].as_array().cloned().unwrap_or_default()
                })
                .filter_map(|id| {
                    region.security_group_rules.get(id.as_str().unwrap_or_default()).known().map(|r| body(r))
                })
                .collect();
            if let Some(lost) = was.difference(&is).find(|b| !revoked.contains(*b)) {
                return Err(format!("a rule of {group} was lost that was not in the plan: {lost}"));
            }
            // What is new was made by a step, whose token it carries; `no_orphans` follows that to the step.
            let tokenless = |r: &SecurityGroupRule| {
                r.group_id == group && !was.contains(&body(r)) && !r.tags.contains_key(tag::TOKEN)
            };
            if let Some((id, rule)) =
                now.regions[name].security_group_rules.known().find(|(_, r)| tokenless(r))
            {
                return Err(format!("{id} is new in {group} and no step made it: {}", body(rule)));
            }
        }
    }
    Ok(())
}

/// A change that says that everything is as it was tells the truth about what it touches: as it truly was
/// when it ended, against when it began. What somebody else did in between is named, unless no view could
/// show it yet.
fn rolled_back(state: &State, plan: &Plan, story: &Story) -> Held {
    for change in &plan.changes {
        let told = &story.changes[&change.id];
        let quiet = matches!(told.outcome(), Some(Outcome::RolledBack | Outcome::Failed))
            && told.reason.contains("as it was before");
        let nothing = matches!(told.outcome(), Some(o) if !o.applied() && !matches!(o,
            Outcome::RolledBack | Outcome::Stuck | Outcome::Failed | Outcome::Restored));
        // A call that AWS refused, or answered with "it is so already", has changed nothing.
        let done = |s: &StepStory| !matches!(s.state, StepState::NotDone | StepState::Left) && !s.theirs;
        if nothing && told.steps.iter().any(done) {
            return Err(format!("{} is {:?} but has called something", change.id, told.phase));
        }
        let Some(Truth { before: Some((began, was)), after: Some((ended, is)), .. }) =
            state.truths.get(&change.id)
        else {
            continue;
        };
        if !quiet || plan.changes.iter().filter(|c| c.resource == change.resource).count() > 1 {
            continue;
        }
        let shared = |want: &String| {
            plan.changes.iter().any(|c| c.id != change.id && c.touches.iter().any(|w| w.to_string() == *want))
        };
        // What somebody did a moment before a look may not have shown in it.
        let unseen = |at: &Timestamp| {
            [began, ended]
                .into_iter()
                .any(|look| at <= look && look.duration_since(*at).unsigned_abs() <= LAG)
        };
        let told_or_unseen = |want: &String| {
            let id = want.rsplit_once('/').map_or(want.as_str(), |(_, id)| id);
            told.reason.contains(want.as_str())
                || state.hands.get(id).is_some_and(|hands| hands.iter().any(unseen))
        };
        let differ = redress::plan::restore::differences(was, is);
        if let Some(want) = differ.iter().find(|w| !shared(w) && !told_or_unseen(w)) {
            return Err(format!(
                "{} says that all is as it was, but {want} is not: {} / {}: {}",
                change.id, was[want], is[want], told.reason
            ));
        }
    }
    Ok(())
}

/// Law 13: what is attached at a start is never older than what was last written there, but where a person
/// asked for an undo that brings it back.
pub fn stale(twin: &Twin, seen: &mut usize, undo: Option<&Plan>) -> Vec<String> {
    let asked =
        |instance: &str| undo.is_some_and(|plan| plan.changes.iter().any(|c| c.resource.id() == instance));
    let new = twin.stale().iter().skip(*seen).filter(|s| !asked(&s.instance));
    let all = new.map(|s| {
        format!(
            "law 13: at {} {} of {} holds what was written at {}, and last written there was {} at {}",
            s.at,
            s.volume,
            place(s),
            s.holds.written,
            s.last.of,
            s.last.written
        )
    });
    let all = all.collect();
    *seen = twin.stale().len();
    all
}

fn place(stale: &Stale) -> String {
    format!("{} {}", stale.instance, stale.device)
}

/// What is known after an undo.
pub struct Undone<'a> {
    /// The account before the run.
    pub before: &'a Inventory,
    /// The account before the undo.
    pub start: &'a Inventory,
    /// After it.
    pub state: &'a State,
    /// The journal of the run.
    pub first: &'a [(Timestamp, Event)],
    /// Whether nothing disturbed the undo.
    pub calm: bool,
    /// Whether somebody did something to an instance that has nothing to do with its disks.
    pub beside: bool,
}

/// After an undo has come to its end.
pub fn after_undo(undone: &Undone<'_>, ground: &Ground, story: &Story, plan: &Plan, told: &Story) -> Held {
    let now = undone.state.twin.inventory();
    counts(plan, told)?;
    no_duplicates(&now)?;
    let runs = [(&ground.plan, story, undone.first), (plan, told, undone.state.events.as_slice())];
    no_orphans(&now, &runs, undone.state)?;
    census::accounted(undone.before, &now, undone.state, &runs)?;
    instances(undone.start, Some(undone.before), &now, undone.state, plan, told)?;
    rolled_back(undone.state, plan, told)?;
    if undone.calm && undone.state.touched.is_empty() {
        for change in &plan.changes {
            let end = &told.changes[&change.id];
            // What could not be read at the end of the run cannot be compared: it is said, and nothing is
            // called.
            let unread = end.outcome() == Some(Outcome::Blocked) && end.reason.contains("could not be read");
            if !unread && !matches!(end.outcome(), Some(Outcome::Restored | Outcome::AlreadyFixed)) {
                return Err(format!(
                    "an undisturbed undo of {} ({}) is {:?}: {}",
                    change.id, change.action, end.phase, end.reason
                ));
            }
        }
        let all_back = ground.plan.changes.iter().all(|c| {
            let outcome = story.changes[&c.id].outcome();
            !outcome.is_some_and(|o| matches!(o, Outcome::Stuck))
                && told.changes.get(&c.id).is_none_or(|t| t.outcome() != Some(Outcome::Blocked))
                && (!outcome.is_some_and(Outcome::applied) || told.changes.contains_key(&c.id))
        });
        if all_back {
            rules(undone.before, &now, undone.state, plan, told)?;
            same_disks(undone.before, &now, undone.beside)?;
        }
    }
    Ok(())
}

fn same_disks(before: &Inventory, now: &Inventory, beside: bool) -> Held {
    for (name, region) in &before.regions {
        for (id, was) in region.instances.known() {
            let Some(is) = now.regions[name].instances.get(id).known().copied() else {
                return Err(format!("{id} is gone"));
            };
            if is.devices != was.devices || (is.state != was.state && !beside) {
                return Err(format!(
                    "after the undo {id} is not as before: {:?} {} / {:?} {}",
                    was.devices, was.state, is.devices, is.state
                ));
            }
        }
    }
    Ok(())
}
