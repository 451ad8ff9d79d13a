//! What is left of a run that was interrupted, and whether today's playbooks and facts bear it out: a run's files are claims, as a
//! plan's file is. Reads only.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{MakeStage, gather::afresh};
use crate::{
    account::Account,
    calls::{Act, Bindings, Call, Power, WayBack},
    inventory::{Inventory, Scope},
    journal::{Phase, Story},
    plan::{
        Change, Plan, PlanKind,
        again::{self, PlanAgain, Today},
        document::reason_of,
        reach::{self, Beyond, Lead, Of, Reach, Way},
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
    /// Changes that were not begun and fail in the rehearsal of now, each with the reason: they are not begun either.
    pub failing: BTreeMap<String, String>,
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
    /// The changes of which only the files say what is called next.
    pub ahead: BTreeSet<String>,
    /// The steps, by change, of which only the files say how they are taken back if the change fails.
    pub back: BTreeMap<String, BTreeSet<String>>,
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
            let open = again::open_only(&open, &facts, today);
            again::all_again(&open, plan, today, stage(facts).as_ref())
        }
    };
    let ids: Vec<String> = begun.iter().map(|c| c.id.clone()).collect();
    let (on_begun, failing) = failing(plan, &ids, &again);
    // The rehearsal knows nothing of what is half done: what comes after that and fails is asked about all the same.
    let asked = |c: &Change| on_begun.contains(&c.id).then(|| Change { ask: true, ..c.clone() });
    let now = |c: &Change| begun.iter().find(|b| b.id == c.id).cloned().or_else(|| again.plan.change(&c.id).cloned()).or_else(|| asked(c));
    let shown = Plan { changes: plan.changes.iter().filter_map(now).collect(), skipped: Vec::new(), ..plan.clone() };
    // What the file says of its rehearsal was seen before anything was done.
    let mut shown = Plan { rehearsal: again.plan.rehearsal.clone(), ..shown };
    shown.rehearsal.not_rehearsed.extend(ids.iter().map(|id| format!("{id}: it was begun, and goes on from where it stands")));
    Left { plan: shown, begun: ids, again, judged, failing }
}

/// The changes that fail in the rehearsal of now: those that come after one that is half done, and the others with the reason.
fn failing(plan: &Plan, begun: &[String], again: &PlanAgain) -> (BTreeSet<String>, BTreeMap<String, String>) {
    let mut behind: BTreeSet<&str> = begun.iter().map(String::as_str).collect();
    for change in &plan.changes {
        if change.after.iter().any(|id| behind.contains(id.as_str())) {
            behind.insert(&change.id);
        }
    }
    let (on_begun, others): (Vec<&String>, Vec<&String>) = again.plan.rehearsal.failed.iter().partition(|id| behind.contains(id.as_str()));
    let why = |id: &String| reason_of(&again.plan.rehearsal.differences, id).unwrap_or("it does not go through").to_owned();
    (on_begun.into_iter().cloned().collect(), others.into_iter().map(|id| (id.clone(), why(id))).collect())
}

/// Judges all calls that changes may still make which were begun. Parameters that no playbook of today says are claims as well, and so
/// is what is made for others that do not need it so.
async fn begun_judged(plan: &Plan, story: &Story, begun: &[Change], today: &Today, account: &dyn Account) -> Judged {
    let by = story.head.run.as_str();
    let of = Of { run: plan.of_run.as_deref().unwrap_or(by), by, undoes: plan.kind == PlanKind::Undo, now: account.now() };
    let leads: Vec<Lead<'_>> = begun.iter().flat_map(|c| may_be_called(plan, c, story)).collect();
    let mut judged = judged_of(of, &leads, account).await;
    // What goes back makes nothing any more.
    let goes_on = |change: &Change| story.changes.get(&change.id).is_some_and(|told| matches!(told.phase, Phase::Forward));
    let serves = |change: &Change| goes_on(change) && again::serves(change);
    let serving = |known: &Inventory| begun.iter().filter(|c| serves(c)).flat_map(|c| again::needs(plan, c, today, known)).collect();
    let facts = afresh(account, &mut |known| serving(known)).await;
    for change in begun {
        let mut own = again::own_uses(change, today);
        if serves(change) {
            own.extend(again::own_for_others(plan, change, &facts, today));
        }
        if !own.is_empty() {
            judged.ahead.insert(change.id.clone());
            judged.claims.entry(change.id.clone()).or_default().extend(own);
        }
    }
    judged
}

/// Judges the calls that take a run back, on today's facts.
pub async fn judged(run: &str, leads: &[Lead<'_>], account: &dyn Account) -> Judged {
    judged_of(Of { run, by: run, undoes: true, now: account.now() }, leads, account).await
}

async fn judged_of(of: Of<'_>, leads: &[Lead<'_>], account: &dyn Account) -> Judged {
    let mut judged = Judged::default();
    if leads.is_empty() {
        return judged;
    }
    let changes: BTreeMap<&str, &Change> = leads.iter().map(|lead| (lead.change.id.as_str(), lead.change)).collect();
    let of_calls: Scope = leads.iter().flat_map(|lead| reach::needs(lead.change, &lead.act.call)).collect();
    let needs = |known: &Inventory| changes.values().flat_map(|change| reach::needs_of(change, known)).chain(of_calls.iter().cloned()).collect();
    let facts = afresh(account, &mut |known| needs(known)).await;
    let reaches: BTreeMap<&str, Reach<'_>> = changes.iter().map(|(id, change)| (*id, Reach::of(change, of, &facts))).collect();
    for lead in leads {
        let id = lead.change.id.as_str();
        match reaches.get(id).map(|reach| reach.bears(lead)) {
            Some(Ok(claims)) => claims.into_iter().for_each(|claim| judged.claim(lead, claim)),
            Some(Err(Beyond::Never(why))) => judged.beyond.push(format!("{id}: {why}")),
            Some(Err(Beyond::Unknown(why))) => judged.unknown.push(format!("{id}: {why}")),
            None => {}
        }
    }
    judged
}

impl Judged {
    fn claim(&mut self, lead: &Lead<'_>, claim: String) {
        let change = &lead.change.id;
        match lead.of {
            Some(step) => drop(self.back.entry(change.clone()).or_default().insert(step.to_owned())),
            None => drop(self.ahead.insert(change.clone())),
        }
        let all = self.claims.entry(change.clone()).or_default();
        if !all.contains(&claim) {
            all.push(claim);
        }
    }
}

/// All calls that a change may still make, each with the way that it leads and with the outputs that the journal holds. What is on its
/// way back goes forward no more. A rollback may leave calls out; which, the journal says, so all of them count.
fn may_be_called<'c>(plan: &Plan, change: &'c Change, story: &Story) -> Vec<Lead<'c>> {
    let Some(told) = story.changes.get(&change.id) else { return Vec::new() };
    let (outputs, done) = (story.outputs(), told.done());
    let resolved = |step: &str, act: &Act| {
        let head = &story.head;
        let bindings = Bindings { run: &head.run, started: head.started, change: &change.id, step, attempt: 1, outputs: &outputs };
        Act { call: Call { input: resolved(&bindings, &act.call.input), ..act.call.clone() }, ..act.clone() }
    };
    let (forth, reverse) = if plan.kind == PlanKind::Undo { (Way::Back, Way::Forth) } else { (Way::Forth, Way::Back) };
    let mut leads = Vec::new();
    let goes_back = matches!(told.phase, Phase::Back(_));
    if !goes_back {
        let open = change.steps.iter().filter(|step| !done.contains(&step.name));
        leads.extend(open.map(|step| Lead { change, way: forth, act: resolved(&step.name, &step.act), kept: false, of: None }));
    }
    for step in change.steps.iter().rev() {
        let WayBack::Calls { rollback, kept_once, .. } = &step.way_back else { continue };
        let kept = kept_once.as_ref().is_some_and(|kept| brings_up(change, &kept.step));
        leads.extend(rollback.iter().map(|act| Lead {
            change,
            way: reverse,
            act: resolved(&step.name, act),
            kept,
            of: (!goes_back).then_some(step.name.as_str()),
        }));
    }
    leads
}

impl Left {
    /// The plan of the run, in which no change is taken back along a way that only the files bear out: nobody has said yes to that. A
    /// change that fails is left to a person there.
    #[must_use]
    pub fn withheld(&self, plan: &Plan) -> Plan {
        const NOBODY: &str = "only the run's files say that it is taken back so, and no person has said yes to that";
        let one = |change: &Change| {
            let mut change = change.clone();
            let steps = self.judged.back.get(&change.id);
            for step in change.steps.iter_mut().filter(|step| steps.is_some_and(|steps| steps.contains(&step.name))) {
                let WayBack::Calls { rollback, .. } = &mut step.way_back else { continue };
                rollback.iter_mut().for_each(|act| act.before.extend(reach::never(&act.call, NOBODY)));
            }
            change
        };
        Plan { changes: plan.changes.iter().map(one).collect(), ..plan.clone() }
    }
}

/// Whether the step of this name brings something up.
fn brings_up(change: &Change, name: &str) -> bool {
    change.steps.iter().any(|step| step.name == name && step.act.power() == Power::BringsUp)
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
