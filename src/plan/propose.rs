//! From uses of actions on one resource to one proposal and one change, on the facts at hand. Used when a
//! plan is built and again, on fresh facts, before a change is applied. Pure.

use serde_json::{Map, Value};

use super::{
    Change, Stage, guards,
    play::{AllOutputs, REHEARSAL, Stop, play_steps},
};
use crate::{
    actions::{
        self, Action, ActionUse, Context, GuardNote, GuardResult, Options, Prerequisite, Proposal, Refusal,
    },
    calls::{Act, Bindings, Expect, KeptOnce, Recognise, Step, Test, Undo, Wait, WayBack, before},
    checks,
    inventory::{Inventory, Scope},
    resource::ResourceId,
};

fn find(name: &str) -> Result<&'static dyn Action, Refusal> {
    actions::find(name)
        .ok_or_else(|| Refusal::Refused(format!("this redress has no action {name}: see `redress actions`")))
}

/// Returns the facts that must be read for these uses: for the actions, the proofs, the waits of the steps,
/// the things that they touch and their prerequisites, each as far as they are known yet. Called again, with
/// the new facts merged in, until it asks for nothing that it has not asked for before.
pub fn needs(
    inventory: &Inventory,
    uses: &[ActionUse],
    resource: &ResourceId,
    region: &str,
    checks: &[String],
    options: &Options,
) -> Scope {
    let context = Context { inventory, region, checks, options };
    let mut scope = Scope::new();
    for one in uses {
        gather(&context, &one.action, resource, &one.with, &mut Vec::new(), &mut scope);
    }
    scope
}

/// Adds the needs of one use and those of its prerequisites. `seen` stops a circle of prerequisites.
fn gather(
    context: &Context<'_>,
    name: &str,
    resource: &ResourceId,
    with: &Value,
    seen: &mut Vec<(String, ResourceId)>,
    scope: &mut Scope,
) {
    let key = (name.to_owned(), resource.clone());
    let Some(action) = actions::find(name).filter(|_| !seen.contains(&key)) else { return };
    seen.push(key);
    scope.extend(action.needs(context, resource, with));
    let Ok(proposal) = action.propose(context, resource, with) else { return };
    scope.extend(proposal.touches);
    for proof in &proposal.proof {
        if let Some(check) = checks::find(&proof.check) {
            scope.extend((check.reads_one)(context.inventory, &proof.resource, &proof.with));
        }
    }
    let outputs = AllOutputs::new();
    for step in &proposal.steps {
        let bindings = Bindings {
            run: REHEARSAL,
            started: context.inventory.read_at,
            change: "",
            step: &step.name,
            attempt: 1,
            outputs: &outputs,
        };
        // A resource that a step will make cannot be read yet.
        let until = step.act.wait.iter().flat_map(|w| &w.until).filter_map(|e| e.resolve(&bindings).ok());
        scope.extend(until.flat_map(|e| e.scope()));
        scope.extend(before::scopes(&step.act, &bindings).filter_map(Result::ok).flatten());
    }
    for needed in &proposal.prerequisites {
        let region = region_of(&needed.resource, context.region).to_owned();
        gather(
            &Context { region: &region, ..*context },
            needed.action,
            &needed.resource,
            &needed.with,
            seen,
            scope,
        );
    }
}

/// Returns the region of a change on a resource: its own, or for a global one the region of the change that
/// asks.
pub(super) fn region_of<'a>(resource: &'a ResourceId, asking: &'a str) -> &'a str {
    if resource.region().is_empty() { asking } else { resource.region() }
}

/// Returns the prerequisites of several uses, each evaluated on the facts as they are now.
pub(super) fn prerequisites(
    context: &Context<'_>,
    uses: &[ActionUse],
    resource: &ResourceId,
) -> Vec<Prerequisite> {
    let mut all: Vec<Prerequisite> = Vec::new();
    for one in uses {
        let proposal = find(&one.action).and_then(|action| action.propose(context, resource, &one.with));
        for needed in proposal.into_iter().flat_map(|p| p.prerequisites) {
            if !all.contains(&needed) {
                all.push(needed);
            }
        }
    }
    all
}

/// Returns the prerequisites that do not exist yet.
pub(super) fn unmade(context: &Context<'_>, uses: &[ActionUse], resource: &ResourceId) -> Vec<Prerequisite> {
    let mut all = prerequisites(context, uses, resource);
    all.retain(|needed| {
        let here = Context { region: region_of(&needed.resource, context.region), ..*context };
        let made =
            find(needed.action).and_then(|action| action.propose(&here, &needed.resource, &needed.with));
        !matches!(made, Err(Refusal::Nothing(_)))
    });
    all
}

/// Proposes these uses together. Each is proposed on the state that the one before it leaves behind, as the
/// stage shows it; a use that finds nothing to do is left out.
///
/// # Errors
/// The refusal of the first that refuses, or `Nothing` where all find nothing to do.
pub fn propose(
    inventory: &Inventory,
    uses: &[ActionUse],
    resource: &ResourceId,
    region: &str,
    checks: &[String],
    options: &Options,
    stage: &dyn Stage,
) -> Result<Proposal, Refusal> {
    if let [only] = uses {
        return find(&only.action)?.propose(
            &Context { inventory, region, checks, options },
            resource,
            &only.with,
        );
    }
    let mut work = stage.fork();
    work.learn(inventory.clone());
    let (mut facts, mut outputs) = (inventory.clone(), AllOutputs::new());
    let (mut parts, mut nothing) = (Vec::new(), Vec::new());
    for (n, one) in uses.iter().enumerate() {
        let context = Context { inventory: &facts, region, checks, options };
        let mut part = match find(&one.action)?.propose(&context, resource, &one.with) {
            Ok(part) => part,
            Err(Refusal::Nothing(reason)) => {
                nothing.push(reason);
                continue;
            }
            Err(refusal) => return Err(refusal),
        };
        let with = format!("{}-", n + 1);
        prefix(&mut part.steps, &with);
        part.proof.iter_mut().for_each(|proof| prefix_references(&mut proof.with, &with));
        if n + 1 < uses.len() {
            let started = work.inventory().read_at;
            play_steps(work.as_mut(), REHEARSAL, &part.steps, started, &mut outputs)
                .map_err(|stop| unplayed(&one.action, &stop))?;
            facts = work.inventory();
        }
        parts.push((one.action.as_str(), part));
    }
    compose(parts).ok_or_else(|| Refusal::Nothing(nothing.join("; ")))
}

fn unplayed(action: &str, stop: &Stop) -> Refusal {
    match stop {
        Stop::Unknown(reason) => Refusal::Unknown(format!(
            "what comes after {action} cannot be planned, because its outcome is unknown: {reason}"
        )),
        Stop::Failed(reason) => Refusal::Refused(format!("{action} would fail: {reason}")),
    }
}

/// Joins several proposals to one: `None` for none.
fn compose(parts: Vec<(&str, Proposal)>) -> Option<Proposal> {
    let several = parts.len() > 1;
    let (mut before, mut after) = (Map::new(), Map::new());
    let mut whole: Option<Proposal> = None;
    for (action, part) in parts {
        before.insert(action.to_owned(), part.before.clone());
        after.insert(action.to_owned(), part.after.clone());
        whole = Some(match whole {
            None => part,
            Some(mut whole) => {
                whole.summary = format!("{}; then {}", whole.summary.trim_end_matches('.'), part.summary);
                whole.steps.extend(part.steps);
                whole.risk = whole.risk.max(part.risk);
                add(&mut whole.impact, part.impact);
                add(&mut whole.proof, part.proof);
                add(&mut whole.not_restored, part.not_restored);
                add(&mut whole.guards, part.guards);
                add(&mut whole.touches, part.touches);
                add(&mut whole.prerequisites, part.prerequisites);
                whole
            }
        });
    }
    if several && let Some(whole) = &mut whole {
        (whole.before, whole.after) = (Value::Object(before), Value::Object(after));
    }
    whole
}

/// Adds the items that the list does not contain yet.
pub(super) fn add<T: PartialEq>(all: &mut Vec<T>, more: Vec<T>) {
    for one in more {
        if !all.contains(&one) {
            all.push(one);
        }
    }
}

/// Prefixes the names of steps, and every mention of them.
fn prefix(steps: &mut [Step], with: &str) {
    for step in steps {
        step.name.insert_str(0, with);
        prefix_act(&mut step.act, with);
        match &mut step.way_back {
            WayBack::Calls { rollback, undo, kept_once, redo: _ } => {
                rollback.iter_mut().for_each(|act| prefix_act(act, with));
                if let Undo::Calls(acts) = undo {
                    acts.iter_mut().for_each(|act| prefix_act(act, with));
                }
                if let Some(KeptOnce { step, reason: _ }) = kept_once {
                    step.insert_str(0, with);
                }
            }
            WayBack::ByStep(step) => step.insert_str(0, with),
            WayBack::Kept(_) | WayBack::Cannot(_) => {}
        }
    }
}

fn prefix_act(act: &mut Act, with: &str) {
    prefix_references(&mut act.call.input, with);
    act.before.iter_mut().for_each(|e| prefix_expect(e, with));
    act.observe.iter_mut().for_each(|o| prefix_references(&mut o.id, with));
    if let Some(Wait { until, .. }) = &mut act.wait {
        until.iter_mut().for_each(|e| prefix_expect(e, with));
    }
    if let Recognise::Looks { expect, outputs } = &mut act.recognise {
        expect.iter_mut().for_each(|e| prefix_expect(e, with));
        outputs.values_mut().for_each(|v| prefix_references(v, with));
    }
}

fn prefix_expect(expect: &mut Expect, with: &str) {
    prefix_references(&mut expect.id, with);
    match &mut expect.test {
        Test::Is(value) | Test::Unlike(value) => prefix_references(value, with),
        Test::OneOf { good, .. } => good.iter_mut().for_each(|value| prefix_references(value, with)),
        Test::Exists | Test::Gone | Test::Earlier(_) | Test::NoneBy(_) | Test::OnlyBy { .. } => {}
    }
}

/// Prefixes only references to steps of the same change; those to another change's steps name that change.
fn prefix_references(value: &mut Value, with: &str) {
    match value {
        Value::Object(map) => {
            if let Some(Value::Object(reference)) = map.get_mut("$output") {
                if !reference.contains_key("change")
                    && let Some(Value::String(step)) = reference.get_mut("step")
                {
                    step.insert_str(0, with);
                }
                return;
            }
            map.values_mut().for_each(|v| prefix_references(v, with));
        }
        Value::Array(items) => items.iter_mut().for_each(|v| prefix_references(v, with)),
        _ => {}
    }
}

/// Builds a change from a proposal; everything that the proposal does not contain is taken from `frame`.
pub(super) fn filled(frame: Change, proposal: Proposal, guards: Vec<GuardNote>) -> Change {
    let mut not_restored = proposal.not_restored;
    add(&mut not_restored, Change::kept(&proposal.steps));
    let mut notes = guards;
    // A guard that the action itself has evaluated more closely need not be listed twice.
    notes.retain(|n| {
        n.result != GuardResult::Passed || !proposal.guards.iter().any(|own| own.guard == n.guard)
    });
    add(&mut notes, proposal.guards);
    Change {
        summary: proposal.summary,
        risk: proposal.risk,
        reversible: Change::reversible(&proposal.steps),
        not_restored,
        before: proposal.before,
        after_state: proposal.after,
        impact: proposal.impact,
        proof: proposal.proof,
        steps: proposal.steps,
        guards: notes,
        touches: proposal.touches,
        ..frame
    }
}

/// Returns the checks whose findings a change answers.
pub fn checks_of(change: &Change) -> Vec<String> {
    let mut ids: Vec<String> = change.findings.iter().map(|key| key.check.clone()).collect();
    ids.sort();
    ids.dedup();
    ids
}

/// Makes a change again from fresh facts, guards of its tags included, to be compared with the planned one.
///
/// # Errors
/// The reason for which the action or a guard refuses it now.
pub fn remake(
    change: &Change,
    inventory: &Inventory,
    options: &Options,
    stage: &dyn Stage,
) -> Result<Change, Refusal> {
    let mut notes = Vec::new();
    let on: std::collections::BTreeSet<&ResourceId> =
        change.findings.iter().map(|key| &key.resource).chain([&change.resource]).collect();
    for resource in on {
        add(
            &mut notes,
            guards::of_tags(resource, &guards::tags_of(inventory, resource), &change.protected, options)?,
        );
    }
    let proposal = propose(
        inventory,
        &change.uses,
        &change.resource,
        &change.region,
        &checks_of(change),
        options,
        stage,
    )?;
    Ok(filled(change.clone(), proposal, notes))
}

/// Describes the differences between a planned change and the same one made from fresh facts; `None` where
/// there are none. Everything that is done and everything that is shown of it counts.
pub fn differs(planned: &Change, fresh: &Change) -> Option<String> {
    let told: Vec<String> =
        done_differently(planned, fresh).into_iter().chain(told_differently(planned, fresh)).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// Lists the parts of a planned change that are described differently on fresh facts.
fn told_differently(planned: &Change, fresh: &Change) -> Vec<String> {
    let pairs = [
        (planned.summary == fresh.summary, "its summary"),
        (planned.playbook == fresh.playbook, "the playbook that asks for it"),
        (planned.before == fresh.before, "its state before"),
        (planned.after_state == fresh.after_state, "its state after"),
        (
            planned.reversible == fresh.reversible && alike(&planned.not_restored, &fresh.not_restored),
            "what undo does not restore",
        ),
        (alike(&deciding(planned), &deciding(fresh)), "what its guards found"),
        (alike(&planned.proof, &fresh.proof), "what proves it"),
        (alike(&planned.touches, &fresh.touches), "what it touches"),
    ];
    pairs
        .into_iter()
        .filter(|(same, _)| !same)
        .map(|(_, what)| format!("{what} is different in the plan"))
        .collect()
}

fn deciding(change: &Change) -> Vec<&GuardNote> {
    change.guards.iter().filter(|note| note.decides()).collect()
}

/// Returns whether two lists contain the same items, in whatever order.
fn alike<T: PartialEq>(a: &[T], b: &[T]) -> bool {
    a.iter().all(|one| b.contains(one)) && b.iter().all(|one| a.contains(one))
}

/// Describes the steps, risk and impact that would be different on fresh facts.
fn done_differently(planned: &Change, fresh: &Change) -> Option<String> {
    // Equal values have the same JSON form, which is slow to make.
    let same = planned.risk == fresh.risk && planned.impact == fresh.impact && planned.steps == fresh.steps;
    if same || planned.essence() == fresh.essence() {
        return None;
    }
    let mut all = Vec::new();
    if planned.risk != fresh.risk {
        all.push(format!("its risk was {} and is now {}", planned.risk.word(), fresh.risk.word()));
    }
    let find = |steps: &[Step], name: &str| steps.iter().find(|s| s.name == name).cloned();
    for step in &planned.steps {
        match find(&fresh.steps, &step.name) {
            None => all.push(format!("the step \"{}\" is not needed any more", step.title)),
            Some(now) if now.act.call != step.act.call => {
                all.push(format!("the step \"{}\" would be called differently: {}", step.title, now.title))
            }
            Some(now) if now != *step => all.push(format!(
                "the step \"{}\" would be waited for, recognised or undone differently",
                step.title
            )),
            Some(_) => {}
        }
    }
    let new = fresh.steps.iter().filter(|s| find(&planned.steps, &s.name).is_none());
    all.extend(new.map(|s| format!("there is a new step \"{}\"", s.title)));
    all.extend(
        planned
            .own_impact()
            .filter(|line| !fresh.impact.contains(line))
            .map(|line| format!("no longer so: {line}")),
    );
    all.extend(
        fresh.own_impact().filter(|line| !planned.impact.contains(line)).map(|line| format!("new: {line}")),
    );
    if all.is_empty() {
        all.push("the order of its steps or of its impact is another".to_owned());
    }
    Some(all.join("; "))
}
