//! The remainder of an interrupted run, and whether today's playbooks and facts support it: a run's files are
//! claims, as a plan's file is. Reads only.

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

/// The remainder of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Left {
    /// The changes that go on, in the order of the plan: those that were begun as they are in the plan, the
    /// others as they are made now.
    pub plan: Plan,
    /// The ids of those in which something was called already.
    pub begun: Vec<String>,
    /// The result of making the others again.
    pub again: PlanAgain,
    /// The verdict, from the account, on the calls of the changes that were begun.
    pub judged: Judged,
    /// Changes that were not begun and fail in today's rehearsal, each with the reason: they are not begun
    /// either.
    pub failing: BTreeMap<String, String>,
}

/// The verdict, from the account, on the calls that a run's files would make.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judged {
    /// Calls that no fact supports, each with the reason.
    pub beyond: Vec<String>,
    /// Calls for which it is not known whether facts support them.
    pub unknown: Vec<String>,
    /// Claims of the files alone, by change: sources that are let in again, values that are restored.
    pub claims: BTreeMap<String, Vec<String>>,
    /// The changes whose next calls rest on the files alone.
    pub ahead: BTreeSet<String>,
    /// The steps, by change, whose rollback rests on the files alone.
    pub back: BTreeMap<String, BTreeSet<String>>,
}

/// Determines the remainder of a run. For an undo, `plan.of_run` names the run that it undoes.
pub async fn left(
    plan: &Plan,
    story: &Story,
    today: &Today,
    account: &dyn Account,
    stage: MakeStage<'_>,
) -> Left {
    let (mut begun, mut waiting) = (Vec::new(), Vec::new());
    for change in &plan.changes {
        let told = story.changes.get(&change.id);
        match told.map(|t| &t.phase) {
            Some(Phase::Ended(_)) => {}
            Some(Phase::Forward | Phase::Back(_)) if told.is_some_and(|t| !t.steps.is_empty()) => {
                begun.push(change.clone())
            }
            _ if story.decision(&change.id).is_some_and(|d| d.approved) => waiting.push(change.clone()),
            _ => {}
        }
    }
    let judged = begun_judged(plan, story, &begun, today, account).await;
    // A change that comes after one that is over or goes on is made again on the account as it will find it.
    let with: BTreeSet<&str> = waiting.iter().map(|c| c.id.as_str()).collect();
    let alone = |c: Change| Change {
        after: c.after.iter().filter(|id| with.contains(id.as_str())).cloned().collect(),
        ..c
    };
    let open = Plan { changes: waiting.iter().cloned().map(alone).collect(), ..plan.clone() };
    let again = match plan.kind.restores() {
        // The undo was made again as a whole, from its run or from the tags.
        true => PlanAgain { plan: open, unlike: BTreeMap::new(), own: BTreeMap::new() },
        false => {
            let facts =
                afresh(account, &mut |known| again::all_needs(plan, &open.changes, today, known)).await;
            let open = again::open_only(&open, &facts, today);
            again::all_again(&open, plan, today, stage(facts).as_ref())
        }
    };
    let ids: Vec<String> = begun.iter().map(|c| c.id.clone()).collect();
    let (on_begun, failing) = failing(plan, &ids, &again);
    // The rehearsal does not include half-done changes: a change that comes after one and fails is put to a
    // person all the same.
    let asked = |c: &Change| on_begun.contains(&c.id).then(|| Change { ask: true, ..c.clone() });
    let now = |c: &Change| {
        begun
            .iter()
            .find(|b| b.id == c.id)
            .cloned()
            .or_else(|| again.plan.change(&c.id).cloned())
            .or_else(|| asked(c))
    };
    let shown =
        Plan { changes: plan.changes.iter().filter_map(now).collect(), skipped: Vec::new(), ..plan.clone() };
    // The rehearsal in the file was made before anything was done.
    let mut shown = Plan { rehearsal: again.plan.rehearsal.clone(), ..shown };
    shown
        .rehearsal
        .not_rehearsed
        .extend(ids.iter().map(|id| format!("{id}: it was begun, and goes on from where it stands")));
    Left { plan: shown, begun: ids, again, judged, failing }
}

/// Splits the changes that fail in today's rehearsal: those that come after a half-done change, and the
/// others with the reason.
fn failing(plan: &Plan, begun: &[String], again: &PlanAgain) -> (BTreeSet<String>, BTreeMap<String, String>) {
    let mut behind: BTreeSet<&str> = begun.iter().map(String::as_str).collect();
    for change in &plan.changes {
        if change.after.iter().any(|id| behind.contains(id.as_str())) {
            behind.insert(&change.id);
        }
    }
    let (on_begun, others): (Vec<&String>, Vec<&String>) =
        again.plan.rehearsal.failed.iter().partition(|id| behind.contains(id.as_str()));
    let why = |id: &String| {
        reason_of(&again.plan.rehearsal.differences, id).unwrap_or("it does not go through").to_owned()
    };
    (on_begun.into_iter().cloned().collect(), others.into_iter().map(|id| (id.clone(), why(id))).collect())
}

/// Judges all calls that begun changes may still make. Parameters that are in no playbook of today are claims
/// as well, and so is a resource for other changes that do not need it in this form.
async fn begun_judged(
    plan: &Plan,
    story: &Story,
    begun: &[Change],
    today: &Today,
    account: &dyn Account,
) -> Judged {
    let by = story.head.run.as_str();
    let of = Of {
        run: plan.of_run.as_deref().unwrap_or(by),
        by,
        undoes: plan.kind == PlanKind::Undo,
        now: account.now(),
    };
    let leads: Vec<Lead<'_>> = begun.iter().flat_map(|c| may_be_called(plan, c, story)).collect();
    let mut judged = judged_of(of, &leads, account).await;
    // A change that is rolled back creates nothing any more.
    let goes_on = |change: &Change| {
        story.changes.get(&change.id).is_some_and(|told| matches!(told.phase, Phase::Forward))
    };
    let serves = |change: &Change| goes_on(change) && again::serves(change);
    let serving = |known: &Inventory| {
        begun.iter().filter(|c| serves(c)).flat_map(|c| again::needs(plan, c, today, known)).collect()
    };
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

/// Judges the calls that undo a run, on today's facts.
pub async fn judged(run: &str, leads: &[Lead<'_>], account: &dyn Account) -> Judged {
    judged_of(Of { run, by: run, undoes: true, now: account.now() }, leads, account).await
}

async fn judged_of(of: Of<'_>, leads: &[Lead<'_>], account: &dyn Account) -> Judged {
    let mut judged = Judged::default();
    if leads.is_empty() {
        return judged;
    }
    let changes: BTreeMap<&str, &Change> =
        leads.iter().map(|lead| (lead.change.id.as_str(), lead.change)).collect();
    let of_calls: Scope = leads.iter().flat_map(|lead| reach::needs(lead.change, &lead.act.call)).collect();
    let needs = |known: &Inventory| {
        changes
            .values()
            .flat_map(|change| reach::needs_of(change, known))
            .chain(of_calls.iter().cloned())
            .collect()
    };
    let facts = afresh(account, &mut |known| needs(known)).await;
    let reaches: BTreeMap<&str, Reach<'_>> =
        changes.iter().map(|(id, change)| (*id, Reach::of(change, of, &facts))).collect();
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

/// Lists all calls that a change may still make, each with its direction and with the outputs that the
/// journal holds. A change that is rolled back makes no more forward calls. A rollback may leave calls out;
/// the journal determines which, so all of them count.
fn may_be_called<'c>(plan: &Plan, change: &'c Change, story: &Story) -> Vec<Lead<'c>> {
    let Some(told) = story.changes.get(&change.id) else { return Vec::new() };
    let (outputs, done) = (story.outputs(), told.done());
    let resolved = |step: &str, act: &Act| {
        let head = &story.head;
        let bindings = Bindings {
            run: &head.run,
            started: head.started,
            change: &change.id,
            step,
            attempt: 1,
            outputs: &outputs,
        };
        Act { call: Call { input: resolved(&bindings, &act.call.input), ..act.call.clone() }, ..act.clone() }
    };
    let (forth, reverse) =
        if plan.kind == PlanKind::Undo { (Way::Back, Way::Forth) } else { (Way::Forth, Way::Back) };
    let mut leads = Vec::new();
    let goes_back = matches!(told.phase, Phase::Back(_));
    if !goes_back {
        let open = change.steps.iter().filter(|step| !done.contains(&step.name));
        leads.extend(open.map(|step| Lead {
            change,
            way: forth,
            act: resolved(&step.name, &step.act),
            kept: false,
            of: None,
        }));
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
    /// Returns the plan of the run without rollbacks that rest on the files alone: nobody has approved those.
    /// A change of that kind that fails is left to a person.
    #[must_use]
    pub fn withheld(&self, plan: &Plan) -> Plan {
        const NOBODY: &str = "only the run's files contain this rollback, and nobody has approved it";
        let one = |change: &Change| {
            let mut change = change.clone();
            let steps = self.judged.back.get(&change.id);
            for step in
                change.steps.iter_mut().filter(|step| steps.is_some_and(|steps| steps.contains(&step.name)))
            {
                let WayBack::Calls { rollback, .. } = &mut step.way_back else { continue };
                rollback.iter_mut().for_each(|act| act.before.extend(reach::never(&act.call, NOBODY)));
            }
            change
        };
        Plan { changes: plan.changes.iter().map(one).collect(), ..plan.clone() }
    }
}

/// Checks whether the step of this name brings something up.
fn brings_up(change: &Change, name: &str) -> bool {
    change.steps.iter().any(|step| step.name == name && step.act.power() == Power::BringsUp)
}

/// Resolves the references of an input that have a value already.
fn resolved(bindings: &Bindings<'_>, value: &Value) -> Value {
    match value {
        Value::Object(map) if map.len() == 1 && map.keys().all(|key| key.starts_with('$')) => {
            bindings.resolve(value).unwrap_or_else(|_| value.clone())
        }
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), resolved(bindings, v))).collect(),
        Value::Array(items) => items.iter().map(|v| resolved(bindings, v)).collect(),
        literal => literal.clone(),
    }
}
