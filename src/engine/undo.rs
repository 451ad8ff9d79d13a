//! The undo of a run: its recorded undo acts, in reverse order, as a plan of its own that is shown, approved
//! and journaled like any other. Building it is pure; only its rehearsal reads.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{MakeStage, as_it_is, bare::bare, gather::afresh, marks, prune::PRUNE};
use crate::{
    account::{Account, Identity},
    actions::prune,
    calls::{self, Act, Bindings, Power, Purpose, Step, Undo, Unresolved, WayBack, mark, still},
    finding::FindingKey,
    inventory::{FamilyKind, Inventory, Scope, Want},
    journal::{ChangeStory, Outcome, Story, down},
    plan::{
        Change, Plan, PlanKind, Restore, digest, propose,
        reach::{Lead, Way},
        rehearse::rehearse_undo,
    },
};

/// A plan that undoes a run, and the changes of the run that it leaves, each with the reason.
#[derive(Debug, Clone, PartialEq)]
pub struct Undoing {
    /// The plan.
    pub plan: Plan,
    /// Changes of the run that it does not undo, each with the reason.
    pub refused: Vec<(String, String)>,
}

impl Undoing {
    /// Fits the undo to the account as it is now: an instance that is off stays off, and other differences
    /// since the run are named.
    pub fn fit(&mut self, facts: &Inventory) {
        let restored = as_it_is::Restored::by(&self.plan.changes);
        self.plan.changes.iter_mut().for_each(|change| as_it_is::take(change, facts, &restored));
        // A resource that was deleted for good cannot be restored.
        let deleted = self.plan.changes.iter().filter(|change| change.playbook == PRUNE);
        let lost: BTreeMap<String, String> =
            deleted.filter_map(|c| Some((c.id.clone(), prune::in_bin(&c.resource, facts).err()?))).collect();
        if !lost.is_empty() {
            self.plan.changes.retain(|change| !lost.contains_key(&change.id));
            self.refused.extend(lost);
            self.plan.counts = counts(&self.plan.changes, &self.refused);
        }
        digest::seal(&mut self.plan);
    }

    /// Returns the calls of the undo, each with the change of the run that it undoes.
    pub fn calls<'c>(&self, run: &'c Plan) -> Vec<Lead<'c>> {
        let of = |undo: &Change| run.change(&undo.id).map(|change| (change, undo.steps.clone()));
        let all = self.plan.changes.iter().filter_map(of);
        all.flat_map(|(change, steps)| {
            steps.into_iter().map(move |step| Lead {
                change,
                way: Way::Back,
                act: step.act,
                kept: false,
                of: None,
            })
        })
        .collect()
    }

    /// Fits the undo to the account as it is now, tries it on a copy of that, and seals the result into the
    /// plan. Findings that the run had closed are open again afterwards.
    pub async fn rehearse(&mut self, run: &Plan, account: &dyn Account, stage: MakeStage<'_>) {
        let facts = afresh(account, &mut |known| needs(run, &self.plan, known)).await;
        self.fit(&facts);
        let mut rehearsal = rehearse_undo(&self.plan.changes, stage(facts).as_ref());
        let tried = run.changes.iter().filter(|c| rehearsal.predicted.contains_key(&c.id));
        let said: BTreeSet<FindingKey> = tried.flat_map(|c| &c.findings).cloned().collect();
        // The run's files may list too few of them, so the results of the rehearsal count as well.
        rehearsal.opens =
            said.into_iter().chain(rehearsal.opens).collect::<BTreeSet<_>>().into_iter().collect();
        self.plan.rehearsal = rehearsal;
        digest::seal(&mut self.plan);
    }
}

/// Returns the scope to read for a rehearsal of the undo of these changes: the resources that they touch,
/// those in their calls, and the facts that their actions rest on.
fn needs(run: &Plan, undo: &Plan, known: &Inventory) -> Scope {
    let mut scope: Scope = undo.changes.iter().flat_map(|c| c.touches.iter().cloned()).collect();
    scope.extend(
        undo.changes.iter().filter(|c| c.playbook == PRUNE).flat_map(|c| prune::in_bin_wants(&c.resource)),
    );
    for call in undo.changes.iter().flat_map(|c| &c.steps).map(|s| &s.act.call) {
        named(&call.region, &call.input, &mut scope);
    }
    for change in run.changes.iter().filter(|c| undo.change(&c.id).is_some()) {
        scope.extend(propose::needs(
            known,
            &change.uses,
            &change.resource,
            &change.region,
            &propose::checks_of(change),
            &run.options,
        ));
    }
    scope
}

/// Adds the resources in the input of a call to the scope, recognised by the prefixes of EC2's ids. A
/// resource inside a restored one, such as the prefix list of a rule, is named nowhere else any more.
fn named(region: &str, input: &Value, scope: &mut Scope) {
    const KINDS: [FamilyKind; 4] =
        [FamilyKind::PrefixLists, FamilyKind::SecurityGroups, FamilyKind::Volumes, FamilyKind::Instances];
    match input {
        Value::String(id) => {
            let whole = id
                .split_once('-')
                .is_some_and(|(_, rest)| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_hexdigit()));
            let named = FamilyKind::of_id(id).filter(|kind| whole && KINDS.contains(kind));
            scope.extend(named.map(|family| Want::id(region, family, id)));
        }
        Value::Array(all) => all.iter().for_each(|one| named(region, one, scope)),
        Value::Object(members) => members.values().for_each(|one| named(region, one, scope)),
        _ => {}
    }
}

/// Builds the plan that undoes a run, or its changes in `only`.
pub fn plan(
    story: &Story,
    plan: &Plan,
    only: Option<&BTreeSet<String>>,
    who: &Identity,
    created: Timestamp,
    valid_for: SignedDuration,
) -> Undoing {
    let mut refused = Vec::new();
    let mut changes: Vec<Change> = Vec::new();
    for change in plan.changes.iter().rev().filter(|c| only.is_none_or(|ids| ids.contains(&c.id))) {
        match take_back(story, plan, change, &changes) {
            Ok(undo) => changes.push(undo),
            Err(Some(reason)) => refused.push((change.id.clone(), reason)),
            Err(None) => {}
        }
    }
    let counts = counts(&changes, &refused);
    let mut undo = Plan {
        account: plan.account.clone(),
        partition: plan.partition.clone(),
        endpoint: plan.endpoint.clone(),
        counts,
        of_run: Some(story.head.run.clone()),
        ..bare(PlanKind::Undo, who, &plan.regions, created, valid_for, changes)
    };
    digest::seal(&mut undo);
    Undoing { plan: undo, refused }
}

fn counts(changes: &[Change], refused: &[(String, String)]) -> BTreeMap<String, usize> {
    BTreeMap::from([("changes".to_owned(), changes.len()), ("refused".to_owned(), refused.len())])
}

/// Builds the change that undoes one change; `Err(None)` where nothing of it is in the account.
fn take_back(
    story: &Story,
    plan: &Plan,
    change: &Change,
    undone: &[Change],
) -> Result<Change, Option<String>> {
    let told = story.changes.get(&change.id).ok_or(None)?;
    match told.outcome() {
        Some(outcome) if outcome.applied() => {}
        Some(Outcome::Stuck) => return Err(Some(format!("it is stuck: {}", settle(story, told)))),
        Some(_) => return Err(None),
        None if told.steps.is_empty() => return Err(None),
        None => {
            let down = down::words(&story.head.run, &told.down_while_open(change))
                .map_or_else(String::new, |down| format!(". {down}"));
            return Err(Some(format!("it was interrupted: `redress resume {}` first{down}", story.head.run)));
        }
    }
    if told.undone_by.is_some() {
        return Err(None);
    }
    let after: Vec<String> = standing_on(story, plan, &change.id);
    if let Some(stands) = after.iter().find(|id| !undone.iter().any(|c| &&c.id == id)) {
        return Err(Some(format!("{stands} came after it and still stands: undo that too")));
    }
    let outputs = story.outputs();
    let mut steps = Vec::new();
    // No plan brings back a resource that prune deletes; the Recycle Bin may.
    let deletions =
        change.steps.iter().filter(|step| plan.kind == PlanKind::Prune && told.done().contains(&step.name));
    for (step, act) in deletions.filter_map(|step| Some((step, prune::restore(&step.act.call)?))) {
        let way_back = WayBack::Cannot(ITSELF.to_owned());
        steps.push(Step {
            name: format!("undo-{}", step.name),
            title: format!("restore {} from the Recycle Bin", change.resource.id()),
            act,
            way_back,
        });
    }
    let way = calls::way_back(&change.steps, &told.done(), Purpose::Undo);
    // An undo does not take down an instance that the run has taken down and not brought up again.
    let takes_down = way.iter().any(|back| back.act.power() == Power::TakesDown);
    for back in way {
        let bindings = Bindings {
            run: &story.head.run,
            started: story.head.started,
            change: &change.id,
            step: &back.of,
            attempt: 1,
            outputs: &outputs,
        };
        if back.act.corrects() && left_as_it_was(&back.act, told) {
            continue;
        }
        // A resource that was never created needs no undo.
        let Ok(mut act) = literal(&back.act, &bindings) else { continue };
        mark::or_of(&mut act, &story.head.run);
        if !takes_down {
            still::since_stop_of(&mut act, &told.observed);
        }
        let way_back = match back
            .redo
            .as_ref()
            .map(|act| literal(act, &bindings))
            .transpose()
            .map_err(|missing| Some(missing.to_string()))?
        {
            Some(act) => {
                WayBack::Calls { rollback: vec![act], undo: Undo::Same, kept_once: None, redo: true }
            }
            None => {
                mark::covered_by(&back).map_or_else(|| WayBack::Cannot(ITSELF.to_owned()), WayBack::ByStep)
            }
        };
        let title = mark::words(&act).unwrap_or_else(|| format!("undo {:?}", title_of(change, &back.of)));
        steps.push(Step { name: back.name.clone(), title, act, way_back });
    }
    // A mark alone undoes nothing.
    if mark::without(&steps).is_empty() {
        steps.clear();
    }
    Ok(undoing(change, told, steps, after))
}

/// Checks whether a run has left the members as they were that an act sets back: a change since then is
/// somebody else's, and stays.
fn left_as_it_was(act: &Act, told: &ChangeStory) -> bool {
    act.before.iter().flat_map(|expect| expect.ids().into_iter().map(move |id| (expect, id))).all(
        |(expect, id)| {
            let key = Want::id(&expect.region, expect.family, id).to_string();
            let member = expect.at.split('/').nth(1).unwrap_or_default();
            let of = |footprint: &Value| footprint.get(&key).and_then(|thing| thing.get(member)).cloned();
            of(&told.before).is_some_and(|was| of(&told.after) == Some(was))
        },
    )
}

/// Describes the task for a person about a change that is stuck.
fn settle(story: &Story, told: &ChangeStory) -> String {
    let run = &story.head.run;
    match marks::standing(told).is_empty() {
        true => format!("`redress show {run}` shows what is left to do by hand"),
        false => format!(
            "{} brings its instance back up; `redress show {run}` shows what is left to do by hand",
            marks::recover(run)
        ),
    }
}

fn undoing(change: &Change, told: &ChangeStory, steps: Vec<Step>, after: Vec<String>) -> Change {
    let risk = calls::floor(&steps);
    // A restored resource is not lost after all.
    let (kept, lost) = if change.playbook == PRUNE {
        (Vec::new(), Vec::new())
    } else {
        (Change::kept(&change.steps), change.not_restored.clone())
    };
    // Where everything stays on purpose, the found state is the target.
    let stays = steps.is_empty();
    let to = if stays { told.after.clone() } else { told.before.clone() };
    Change {
        after,
        playbook: change.playbook.clone(),
        summary: format!("undo: {}", change.summary),
        risk,
        reversible: false,
        not_restored: lost,
        before: change.after_state.clone(),
        after_state: if stays { change.after_state.clone() } else { change.before.clone() },
        impact: change
            .findings
            .iter()
            .filter(|_| !stays)
            .map(|f| format!("the finding {} will be open again", f.check))
            .collect(),
        steps,
        touches: change.touches.clone(),
        restore: Some(Restore { found: told.after.clone(), to, kept }),
        ..Change::frame(change.id.clone(), change.action.clone(), &change.resource, &change.region)
    }
}

/// Returns the changes of the run that came after this one and still stand.
fn standing_on(story: &Story, plan: &Plan, id: &str) -> Vec<String> {
    let stands = |c: &&Change| {
        let told = story.changes.get(&c.id);
        c.after.iter().any(|a| a == id)
            && told.is_some_and(|t| t.outcome().is_some_and(Outcome::applied) && t.undone_by.is_none())
    };
    plan.changes.iter().filter(stands).map(|c| c.id.clone()).collect()
}

fn title_of<'a>(change: &'a Change, step: &str) -> &'a str {
    change.steps.iter().find(|s| s.name == step).map_or("", |s| s.title.as_str())
}

/// Returns the act with every reference to an output of the run replaced by its value.
fn literal(act: &Act, bindings: &Bindings<'_>) -> Result<Act, Unresolved> {
    // An act is plain data: its JSON form holds every reference, wherever it is. Facts are observed again.
    let json = serde_json::to_value(&*still::derived(act, None)).unwrap_or_default();
    let resolved = bindings.resolve_outputs(&json)?;
    serde_json::from_value(resolved)
        .map_err(|error| Unresolved { step: bindings.step.to_owned(), what: error.to_string() })
}

/// Checks whether the plan of an undo that was begun is the one that undoes its run: it equals a plan that is
/// made again from that run's files, and fitted as it was when it was planned, since the account has changed
/// through this undo itself.
pub fn is_of_run(planned: &Plan, undo: &str, story: &Story, run: &Plan, who: &Identity) -> bool {
    let mut story = story.clone();
    // Changes that this undo has undone so far count as not undone.
    for told in story.changes.values_mut().filter(|told| told.undone_by.as_deref() == Some(undo)) {
        told.undone_by = None;
    }
    let only: BTreeSet<String> = planned.changes.iter().map(|c| c.id.clone()).collect();
    let made = plan(&story, run, Some(&only), who, planned.created, SignedDuration::ZERO).plan.changes;
    let as_planned = |made: &Change, planned: &Change| {
        let mut made = made.clone();
        as_it_is::take_as(&mut made, planned);
        // An undo that an earlier version began sets no marks, and has other words.
        let unmarked = Change { steps: mark::without(&made.steps), ..made.clone() };
        [made, unmarked].into_iter().any(|made| is_same(made, planned))
    };
    made.len() == planned.changes.len()
        && made.iter().zip(&planned.changes).all(|(made, planned)| as_planned(made, planned))
}

/// The reason for which an undo is not undone step by step.
const ITSELF: &str = "this is itself the undo";

/// Checks whether a change of an undo that was made again is the planned one, in today's words or in those of
/// an earlier version.
pub fn is_same(now: Change, planned: &Change) -> bool {
    now == *planned || in_former_words(now) == *planned
}

/// Returns an undo in the words that earlier versions wrote into its plan.
fn in_former_words(mut change: Change) -> Change {
    let former = |text: &str, new: &str, old: &str| {
        text.strip_prefix(new).map_or_else(|| text.to_owned(), |rest| format!("{old}{rest}"))
    };
    change.summary = former(&change.summary, "undo: ", "take back: ");
    for step in &mut change.steps {
        step.title = former(&step.title, "undo \"", "take back \"");
        if step.way_back == WayBack::Cannot(ITSELF.to_owned()) {
            step.way_back = WayBack::Cannot("this is itself the way back".to_owned());
        }
    }
    change
}

/// Returns the changes of the original run that an undo run has undone.
pub fn taken_back(undo: &Story) -> Vec<String> {
    undo.changes
        .iter()
        .filter(|(_, c)| matches!(c.outcome(), Some(Outcome::Restored | Outcome::AlreadyFixed)))
        .map(|(id, _)| id.clone())
        .collect()
}
