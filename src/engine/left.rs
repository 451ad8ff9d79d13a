//! What is left of a run that was interrupted, and whether today's playbooks and facts bear it out: a run's files are claims, as a
//! plan's file is. Reads only.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{MakeStage, gather::afresh};
use crate::{
    account::Account,
    calls::{Act, Bindings, Call, Purpose, way_back},
    inventory::{Inventory, Scope},
    journal::{Phase, Story},
    plan::{
        Change, Plan, PlanKind,
        again::{self, PlanAgain, Today},
        reach::{self, Beyond, Leads, Reach, Way},
    },
};

/// What is left of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Left {
    /// The changes that go on, in the order of the plan: those that were begun as the plan says, the others as they are made now.
    pub plan: Plan,
    /// Those of them in which something was called already.
    pub begun: Vec<String>,
    /// How the others stand when they are made again.
    pub again: PlanAgain,
    /// What the account says of the calls of those that were begun.
    pub judged: Judged,
}

/// What the account says of calls that a run's files would have made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judged {
    /// Calls that nothing bears out, each with the reason.
    pub beyond: Vec<String>,
    /// Calls of which that cannot be told.
    pub unknown: Vec<String>,
    /// What only the files say, by change: who is let in again, to what something is set back.
    pub claims: BTreeMap<String, Vec<String>>,
}

/// What is left of a run. `of_run` is the run that made what is taken back, for an undo.
pub async fn left(plan: &Plan, story: &Story, today: &Today, account: &dyn Account, stage: MakeStage<'_>) -> Left {
    let (mut begun, mut waiting) = (Vec::new(), Vec::new());
    for change in &plan.changes {
        let told = story.changes.get(&change.id);
        match told.map(|t| &t.phase) {
            Some(Phase::Ended(_)) => {}
            Some(Phase::Forward | Phase::Back(_)) if told.is_some_and(|t| !t.steps.is_empty()) => begun.push(change.clone()),
            _ if story.decision(&change.id).is_some_and(|d| d.approved) => waiting.push(change.clone()),
            _ => {}
        }
    }
    let judged = begun_judged(plan, story, &begun, today, account).await;
    // What comes after a change that is over or goes on is made again as it will find the account.
    let alone = |c: Change| Change { after: c.after.iter().filter(|id| waiting.iter().any(|w| w.id == **id)).cloned().collect(), ..c };
    let open = Plan { changes: waiting.iter().cloned().map(alone).collect(), ..plan.clone() };
    let again = match plan.kind.restores() {
        // It was made again whole, from its run or from the tags.
        true => PlanAgain { plan: open, unlike: BTreeMap::new(), own: BTreeMap::new() },
        false => {
            let facts = afresh(account, &mut |known| again::all_needs(plan, &open.changes, today, known)).await;
            again::all_again(&open, plan, today, stage(facts).as_ref())
        }
    };
    let ids: Vec<String> = begun.iter().map(|c| c.id.clone()).collect();
    let now = |c: &Change| begun.iter().find(|b| b.id == c.id).cloned().or_else(|| again.plan.change(&c.id).cloned());
    let shown = Plan { changes: plan.changes.iter().filter_map(now).collect(), skipped: Vec::new(), ..plan.clone() };
    // What the file says of its rehearsal was seen before anything was done.
    let mut shown = Plan { rehearsal: again.plan.rehearsal.clone(), ..shown };
    shown.rehearsal.not_rehearsed.extend(ids.iter().map(|id| format!("{id}: it was begun, and goes on from where it stands")));
    Left { plan: shown, begun: ids, again, judged }
}

/// Judges all calls that changes may still make which were begun. Parameters that no playbook of today says are claims as well.
async fn begun_judged(plan: &Plan, story: &Story, begun: &[Change], today: &Today, account: &dyn Account) -> Judged {
    let run = plan.of_run.as_deref().unwrap_or(&story.head.run);
    let calls: Vec<Leads<'_>> = begun.iter().flat_map(|c| may_be_called(plan, c, story).into_iter().map(move |(way, call)| (c, way, call))).collect();
    let mut judged = judged(run, &calls, account).await;
    for change in begun {
        let own = again::own_uses(change, today);
        if !own.is_empty() {
            judged.claims.entry(change.id.clone()).or_default().extend(own);
        }
    }
    judged
}

/// Judges calls of changes on today's facts.
pub async fn judged(run: &str, calls: &[Leads<'_>], account: &dyn Account) -> Judged {
    let mut judged = Judged::default();
    if calls.is_empty() {
        return judged;
    }
    let changes: BTreeMap<&str, &Change> = calls.iter().map(|(change, ..)| (change.id.as_str(), *change)).collect();
    let of_calls: Scope = calls.iter().flat_map(|(change, _, call)| reach::needs(change, call)).collect();
    let needs = |known: &Inventory| changes.values().flat_map(|change| reach::needs_of(change, known)).chain(of_calls.iter().cloned()).collect();
    let facts = afresh(account, &mut |known| needs(known)).await;
    let mut reaches: BTreeMap<&str, Reach<'_>> = BTreeMap::new();
    for (change, way, call) in calls {
        let reach = reaches.entry(&change.id).or_insert_with(|| Reach::of(change, run, &facts));
        match reach.bears(*way, call) {
            Ok(None) => {}
            Ok(Some(claim)) => {
                let all = judged.claims.entry(change.id.clone()).or_default();
                if !all.contains(&claim) {
                    all.push(claim);
                }
            }
            Err(Beyond::Never(why)) => judged.beyond.push(format!("{}: {why}", change.id)),
            Err(Beyond::Unknown(why)) => judged.unknown.push(format!("{}: {why}", change.id)),
        }
    }
    judged
}

/// All calls that a change may still make, each with the way that it leads and with the outputs that the journal holds. What is on its
/// way back goes forward no more.
fn may_be_called(plan: &Plan, change: &Change, story: &Story) -> Vec<(Way, Call)> {
    let Some(told) = story.changes.get(&change.id) else { return Vec::new() };
    let (outputs, done) = (story.outputs(), told.done());
    let call = |step: &str, act: &Act| {
        let head = &story.head;
        let bindings = Bindings { run: &head.run, started: head.started, change: &change.id, step, attempt: 1, outputs: &outputs };
        Call { input: resolved(&bindings, &act.call.input), ..act.call.clone() }
    };
    let all: Vec<String> = change.steps.iter().map(|s| s.name.clone()).collect();
    let back = way_back(&change.steps, &all, Purpose::Rollback);
    let (forth, reverse) = if plan.kind == PlanKind::Undo { (Way::Back, Way::Forth) } else { (Way::Forth, Way::Back) };
    let goes_on = !matches!(told.phase, Phase::Back(_));
    let forward = change.steps.iter().filter(|s| goes_on && !done.contains(&s.name)).map(|s| (forth, call(&s.name, &s.act)));
    forward.chain(back.iter().map(|b| (reverse, call(&b.of, &b.act)))).collect()
}

/// An input with the references resolved that stand for something already.
fn resolved(bindings: &Bindings<'_>, value: &Value) -> Value {
    match value {
        Value::Object(map) if map.len() == 1 && map.keys().all(|key| key.starts_with('$')) => bindings.resolve(value).unwrap_or_else(|_| value.clone()),
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), resolved(bindings, v))).collect(),
        Value::Array(items) => items.iter().map(|v| resolved(bindings, v)).collect(),
        literal => literal.clone(),
    }
}
