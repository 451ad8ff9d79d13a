//! The rehearsal: a plan is tried on a copy of the user's own account before anyone sees it. The copy is
//! handed in as a [`Stage`]; nothing here knows who plays it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Change, Rehearsal, Stage, footprints, guards,
    play::{AllOutputs, Played, Stop, as_of, play, play_back, play_undo},
    together::{targets, together},
};
use crate::{
    calls::Test,
    checks::{self, Check},
    finding::{FindingKey, Verdict},
    inventory::{FamilyKind, Inventory, Selector, Want},
    playbook::{Playbook, check_parameters},
    resource::ResourceId,
};

/// The rules by which an account is judged before and after a rehearsal.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules {
    /// The regions that are judged.
    pub regions: Vec<String>,
    /// The parameters of checks, by their ids; null where there is none.
    pub parameters: BTreeMap<String, Value>,
}

impl Rules {
    /// Returns the rules that playbooks set.
    pub fn new(regions: &[String], playbooks: &[Playbook]) -> Self {
        let given = checks::all()
            .map(|check| (check.id.to_owned(), check_parameters(playbooks, check.id)))
            .filter(|(_, with)| !with.is_null());
        Self { regions: regions.to_vec(), parameters: given.collect() }
    }

    /// Returns the parameters of a check.
    pub fn with(&self, check: &str) -> Value {
        self.parameters.get(check).cloned().unwrap_or(Value::Null)
    }

    /// Returns the findings that violate the rules in an inventory.
    fn violations(&self, inventory: &Inventory) -> BTreeSet<FindingKey> {
        let scanned: Vec<&'static Check> = checks::all().filter(|c| c.scanned).collect();
        let (findings, _) = checks::run(inventory, &self.regions, &scanned, |id| self.with(id));
        findings.into_iter().filter(|f| matches!(f.verdict, Verdict::Violates(_))).map(|f| f.key()).collect()
    }

    /// Returns whether a finding violates the rules in an inventory.
    fn violated(&self, inventory: &Inventory, key: &FindingKey) -> bool {
        let judged = checks::find(&key.check)
            .map(|check| (check.judge)(inventory, &key.resource, &self.with(&key.check)));
        matches!(judged, Some(Verdict::Violates(_)))
    }

    /// Returns whether a finding is gone in an inventory although its resource exists. An unknown verdict
    /// does not count as gone.
    fn closed(&self, inventory: &Inventory, key: &FindingKey, by: &Change) -> bool {
        if guards::is_gone(inventory, &key.resource) && !deletes(by, key) {
            return false;
        }
        checks::find(&key.check).is_some_and(|check| {
            matches!(
                (check.judge)(inventory, &key.resource, &self.with(&key.check)),
                Verdict::Ok(_) | Verdict::Retained(_)
            )
        })
    }
}

/// Returns whether a change is meant to delete the resource of a finding: it waits until that is gone.
fn deletes(change: &Change, key: &FindingKey) -> bool {
    let waits = change.steps.iter().filter_map(|step| step.act.wait.as_ref());
    change.resource == key.resource
        && waits
            .flat_map(|wait| &wait.until)
            .any(|expect| expect.test == Test::Gone && expect.id == key.resource.id())
}

/// The result of a rehearsal.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rehearsed {
    /// The part that is stored in the plan.
    pub rehearsal: Rehearsal,
    /// Changes that failed, each with the reason, including those that come after a failed one. They do not
    /// belong in a plan.
    pub failed: BTreeMap<String, String>,
}

/// One rehearsal in progress.
struct Run<'a> {
    stage: Box<dyn Stage>,
    started: Timestamp,
    outputs: AllOutputs,
    /// The changes that were played, in order.
    done: Vec<&'a Change>,
    /// The changes that could not be played, each with the reason.
    silent: BTreeMap<&'a str, String>,
    rehearsed: Rehearsed,
}

/// Tries changes, in their order, on a fork of the stage, and then undoes them.
pub fn rehearse(changes: &[Change], stage: &dyn Stage, rules: &Rules) -> Rehearsed {
    let before = stage.inventory();
    let mut run = Run {
        stage: stage.fork(),
        started: before.read_at,
        outputs: AllOutputs::new(),
        done: Vec::new(),
        silent: BTreeMap::new(),
        rehearsed: Rehearsed::default(),
    };
    changes.iter().for_each(|change| run.one(change));
    let after = as_of(run.stage.inventory(), run.started);
    run.rehearsed.rehearsal.opens =
        rules.violations(&after).into_iter().filter(|key| !rules.violated(&before, key)).collect();
    let rehearsed = changes.iter().filter(|c| run.rehearsed.rehearsal.predicted.contains_key(&c.id));
    let closes: BTreeSet<FindingKey> = rehearsed
        .flat_map(|change| change.findings.iter().filter(|key| rules.closed(&after, key, change)))
        .cloned()
        .collect();
    run.rehearsed.rehearsal.closes = closes.into_iter().collect();
    run.rehearsed.rehearsal.differences = footprints::unpredicted(&before, &after, &run.done, &run.outputs);
    run.rehearsed.rehearsal.together = together(changes, &before);
    run.rehearsed.rehearsal.targets = targets(changes, &before);
    run.undo(&before);
    run.rehearsed
}

/// Tries the changes of an undo, in their order, on a fork of the stage. Reports whether every call succeeds,
/// whether the state before the run is restored, and which findings are open again.
pub fn rehearse_undo(changes: &[Change], stage: &dyn Stage) -> Rehearsal {
    let before = stage.inventory();
    let (mut stage, mut outputs, mut shown) = (stage.fork(), AllOutputs::new(), Rehearsal::default());
    let (started, mut opens) = (before.read_at, BTreeSet::new());
    for change in changes {
        if let Some(needed) = change.after.iter().find(|id| !shown.predicted.contains_key(*id)) {
            shown.not_rehearsed.push(format!(
                "{}: it comes after {needed}, which is not undone in the rehearsal",
                change.id
            ));
            continue;
        }
        let (mut trial, mut made) = (stage.fork(), outputs.clone());
        match play_undo(trial.as_mut(), change, started, &mut made) {
            Ok(None) => {
                (stage, outputs) = (trial, made);
                shown.predicted.insert(change.id.clone(), stage.inventory().footprint(&change.touches));
            }
            // It is undone, but something differs from the earlier state: the findings that this opens are
            // open all the same.
            Ok(Some(difference)) => {
                opens.extend(opened([change], &before, &as_of(trial.inventory(), started)));
                shown.differences.push(format!("{}: {difference}", change.id));
            }
            Err(Stop::Unknown(reason)) => shown.not_rehearsed.push(format!("{}: {reason}", change.id)),
            Err(Stop::Failed(reason)) => {
                shown.differences.push(format!("{}: {reason}", change.id));
                shown.failed.insert(change.id.clone());
            }
        }
    }
    let after = as_of(stage.inventory(), started);
    opens.extend(opened(changes.iter().filter(|c| shown.predicted.contains_key(&c.id)), &before, &after));
    shown.opens = opens.into_iter().collect();
    (shown.together, shown.targets) = (together(changes, &before), targets(changes, &before));
    shown.undo_restores = shown.differences.is_empty() && shown.not_rehearsed.is_empty();
    shown
}

/// Returns the findings on the resources of these changes that are open after, and were not before.
fn opened<'c>(
    changes: impl IntoIterator<Item = &'c Change>,
    before: &Inventory,
    after: &Inventory,
) -> Vec<FindingKey> {
    let volume = |want: &Want| {
        let Selector::Id(id) = &want.selector else { return None };
        (want.family == FamilyKind::Volumes).then(|| before.owner.volume(&want.region, id))
    };
    let about =
        |change: &'c Change| change.touches.iter().filter_map(volume).chain([change.resource.clone()]);
    let resources: BTreeSet<ResourceId> = changes.into_iter().flat_map(about).collect();
    let violates = |check: &Check, facts: &Inventory, resource: &ResourceId| {
        matches!((check.judge)(facts, resource, &Value::Null), Verdict::Violates(_))
    };
    let opens = |resource: &ResourceId| {
        let judged = |check: &&Check| check.scanned && check.kind == resource.kind();
        let all = checks::all()
            .filter(judged)
            .filter(|check| violates(check, after, resource) && !violates(check, before, resource));
        all.map(|check| FindingKey { check: check.id.to_owned(), resource: resource.clone() })
            .collect::<Vec<_>>()
    };
    resources.iter().flat_map(opens).collect()
}

impl<'a> Run<'a> {
    fn one(&mut self, change: &'a Change) {
        if let Some((needed, reason)) =
            change.after.iter().find_map(|id| self.rehearsed.failed.get(id).map(|r| (id, r)))
        {
            self.rehearsed
                .failed
                .insert(change.id.clone(), format!("it comes after {needed}, which fails: {reason}"));
            return;
        }
        if let Some(needed) = change.after.iter().find(|id| self.silent.contains_key(id.as_str())) {
            self.unknown(change, format!("it comes after {needed}, which was not rehearsed"));
            return;
        }
        let (mut trial, mut outputs) = (self.stage.fork(), self.outputs.clone());
        match play(trial.as_mut(), change, self.started, &mut outputs) {
            Ok(played) => {
                (self.stage, self.outputs) = (trial, outputs);
                let rehearsal = &mut self.rehearsed.rehearsal;
                rehearsal
                    .predicted
                    .insert(change.id.clone(), self.stage.inventory().footprint(&change.touches));
                match played {
                    Played::Done => self.done.push(change),
                    Played::AlreadyFixed => rehearsal.already_fixed.push(change.id.clone()),
                }
            }
            Err(Stop::Unknown(reason)) => self.unknown(change, reason),
            Err(Stop::Failed(reason)) => {
                self.rehearsed.failed.insert(change.id.clone(), reason);
            }
        }
    }

    fn unknown(&mut self, change: &'a Change, reason: String) {
        self.rehearsed.rehearsal.not_rehearsed.push(format!("{}: {reason}", change.id));
        self.silent.insert(&change.id, reason);
    }

    /// Undoes all changes and checks that everything is as it was.
    fn undo(&mut self, before: &Inventory) {
        let mut failures = Vec::new();
        for change in self.done.iter().rev() {
            if let Err(Stop::Unknown(reason) | Stop::Failed(reason)) =
                play_back(self.stage.as_mut(), change, self.started, &mut self.outputs)
            {
                failures.push(format!("undo of {} stops: {reason}", change.id));
            }
        }
        let named = footprints::named(&self.done, self.started, &self.outputs);
        let left = footprints::unrestored(before, &self.stage.inventory(), &self.done, &named);
        let rehearsal = &mut self.rehearsed.rehearsal;
        rehearsal.undo_restores =
            failures.is_empty() && left.is_empty() && rehearsal.not_rehearsed.is_empty();
        rehearsal.differences.extend(failures);
        rehearsal.differences.extend(left);
    }
}
