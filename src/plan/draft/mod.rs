//! Drafting changes: their prerequisites, their order, their limits, and their steps, each made on the stage
//! as the changes before it leave it. Pure.

mod frame;

use std::collections::{BTreeMap, BTreeSet};

use frame::{frame, of_group, of_prerequisite};

use super::{
    Change, SkippedKind, Stage, evidence,
    grouping::{Group, SkipReason, fate_of},
    guards::{self, Claim},
    order::{Place, order},
    play::{AllOutputs, Stop, play},
    propose::{add, filled, prerequisites, propose, region_of},
    request::Request,
};
use crate::{
    actions::{self, ActionUse, Context, GuardNote, Prerequisite, Proposal, Refusal},
    finding::FindingKey,
    resource::ResourceId,
};

/// A change before its steps are made.
#[derive(Debug, Clone)]
struct Draft {
    uses: Vec<ActionUse>,
    resource: ResourceId,
    region: String,
    playbook: String,
    ask: bool,
    protected: Vec<String>,
    findings: Vec<FindingKey>,
    checks: Vec<String>,
    sources: Vec<String>,
    guards: Vec<GuardNote>,
    place: Place,
}

/// The outcome of a draft in one pass.
#[derive(Debug, Clone)]
enum State {
    /// It is the change with this id.
    Planned(String),
    /// A prerequisite whose state is reached already.
    Fulfilled,
    /// The change of this draft does all of its work.
    DoneBy(usize),
    /// It is not made.
    Not(Reason),
}

/// The reason for which a draft is not made.
#[derive(Debug, Clone)]
struct Reason {
    fate: SkipReason,
    /// The draft whose change is to blame, where one is; it is named by the id that it has in the end.
    after: Option<usize>,
}

impl From<SkipReason> for Reason {
    fn from(fate: SkipReason) -> Self {
        Self { fate, after: None }
    }
}

/// All drafts of a plan.
pub(super) struct Drafts<'r, 'a> {
    request: &'r Request<'a>,
    drafts: Vec<Draft>,
    /// The first draft that uses an action on a resource.
    by_use: BTreeMap<(String, ResourceId), usize>,
    /// Drafts that are not made, for good.
    excluded: BTreeMap<usize, Reason>,
    /// Prerequisites that nobody needs any more.
    idle: BTreeSet<usize>,
    /// Drafts whose work the change of another one does, each with that other one.
    merged: BTreeMap<usize, usize>,
    states: BTreeMap<usize, State>,
}

impl<'r, 'a> Drafts<'r, 'a> {
    /// Builds the drafts for all groups and for their prerequisites.
    pub fn new(request: &'r Request<'a>, groups: &[Group<'a>]) -> Self {
        let mut drafts: Vec<Draft> =
            groups.iter().map(of_group).map(|draft| settled(request, draft)).collect();
        drafts.sort_by(|a, b| {
            (&a.place.order, b.place.severity, &a.region, &a.resource).cmp(&(
                &b.place.order,
                a.place.severity,
                &b.region,
                &b.resource,
            ))
        });
        let (excluded, idle, merged, states) =
            (BTreeMap::new(), BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
        let mut all = Self {
            request,
            drafts: Vec::with_capacity(drafts.len()),
            by_use: BTreeMap::new(),
            excluded,
            idle,
            merged,
            states,
        };
        for draft in drafts {
            let takes = draft.uses.iter().any(evidence::takes_networks);
            if let Some(Err(reason)) = request.observed.get(&draft.resource).filter(|_| takes) {
                all.excluded.insert(all.drafts.len(), (SkippedKind::Refused, reason.clone()).into());
            }
            all.push(draft);
        }
        let mut next = 0;
        while next < all.drafts.len() {
            all.link(next);
            next += 1;
        }
        all
    }

    fn push(&mut self, draft: Draft) {
        for used in &draft.uses {
            self.by_use.entry((used.action.clone(), draft.resource.clone())).or_insert(self.drafts.len());
        }
        self.drafts.push(draft);
    }

    /// Links a draft to the drafts that it needs, which are added where they are new.
    fn link(&mut self, index: usize) {
        let draft = self.drafts[index].clone();
        let context = Context {
            inventory: self.request.inventory,
            region: &draft.region,
            checks: &draft.checks,
            options: self.request.options,
        };
        for needed in prerequisites(&context, &draft.uses, &draft.resource) {
            match self.provide(&draft, &needed) {
                Ok(Some(at)) => {
                    let place = &mut self.drafts[index].place;
                    if at != index && !place.needs.contains(&at) {
                        place.needs.push(at);
                    }
                }
                Ok(None) => {}
                Err(fate) => {
                    self.excluded.insert(index, fate.into());
                    return;
                }
            }
        }
    }

    /// Returns the draft that makes a prerequisite; `None` where the prerequisite exists already.
    fn provide(&mut self, asking: &Draft, needed: &Prerequisite) -> Result<Option<usize>, SkipReason> {
        if let Some(at) = self.by_use.get(&(needed.action.to_owned(), needed.resource.clone())).copied() {
            let there = &mut self.drafts[at];
            if !there.uses.iter().any(|u| u.action == needed.action && u.with == needed.with) {
                let reason = format!(
                    "playbooks {} and {} need {} on {} with different parameters: give both the same, or let \
                     only one of them match",
                    there.playbook, asking.playbook, needed.action, needed.resource
                );
                return Err((SkippedKind::Conflict, reason));
            }
            // A prerequisite of a change that needs no approval needs none either.
            there.ask &= asking.ask || !there.place.prerequisite;
            return Ok(Some(at));
        }
        let region = region_of(&needed.resource, &asking.region).to_owned();
        let context = Context {
            inventory: self.request.inventory,
            region: &region,
            checks: &[],
            options: self.request.options,
        };
        let action = actions::find(needed.action).ok_or_else(|| {
            (SkippedKind::Refused, format!("it needs the action {}, which does not exist", needed.action))
        })?;
        let unmet = |refusal| {
            let (kind, reason) = fate_of(refusal);
            (kind, unmet(needed.action, &needed.resource, &reason))
        };
        match action.propose(&context, &needed.resource, &needed.with) {
            Ok(_) if needed.for_a_finding => Err((SkippedKind::Refused, unasked(needed))),
            Ok(_) => {
                let tags = guards::tags_of(self.request.inventory, &needed.resource);
                let notes = guards::of_tags(&needed.resource, &tags, &asking.protected, self.request.options)
                    .map_err(unmet)?;
                self.push(of_prerequisite(asking, needed, region, action.order(), notes));
                Ok(Some(self.drafts.len() - 1))
            }
            Err(Refusal::Nothing(_)) => Ok(None),
            Err(refusal) => Err(unmet(refusal)),
        }
    }

    /// Corrections after all changes were made, in their order. Each returns whether it has moved or taken
    /// out anything: then the changes are made again, since others may build on it.
    const CORRECTIONS: [fn(&mut Self) -> bool; 3] = [Self::merge, Self::prune_idle, Self::apply_limits];

    /// Makes the changes, and makes them again until there is nothing to correct.
    pub fn settle(&mut self) -> Vec<Change> {
        loop {
            let changes = self.make_all();
            if !Self::CORRECTIONS.iter().any(|correct| correct(self)) {
                return changes;
            }
        }
    }

    /// Takes out the changes that failed in the rehearsal, with the reason.
    pub fn drop_failed(&mut self, failed: &BTreeMap<String, String>) {
        for (index, state) in &self.states {
            if let State::Planned(id) = state
                && let Some(reason) = failed.get(id)
            {
                self.excluded.insert(*index, (SkippedKind::Refused, in_rehearsal(reason)).into());
            }
        }
    }

    /// Returns the fates of the findings that no change answers, after the last pass.
    pub fn fates(&self) -> Vec<(FindingKey, SkipReason)> {
        let mut all = Vec::new();
        for (index, draft) in self.drafts.iter().enumerate() {
            if let Some(State::Not(Reason { fate: (kind, reason), after })) = self.states.get(&index) {
                let fate = match after.and_then(|at| self.states.get(&at)) {
                    Some(State::Planned(id)) => (*kind, format!("after change {id}: {reason}")),
                    _ => (*kind, reason.clone()),
                };
                all.extend(draft.findings.iter().map(|key| (key.clone(), fate.clone())));
            }
        }
        all
    }

    /// Makes the changes of all drafts, in order, on a fork of the stage.
    fn make_all(&mut self) -> Vec<Change> {
        let places: Vec<Place> = self.drafts.iter().map(|d| d.place.clone()).collect();
        let mut pass = Pass {
            request: self.request,
            stage: self.request.stage.fork(),
            outputs: AllOutputs::new(),
            changes: Vec::new(),
            made_by: BTreeMap::new(),
        };
        self.states.clear();
        for index in order(&places) {
            if self.idle.contains(&index) || self.merged.contains_key(&index) {
                continue;
            }
            let after =
                self.excluded.get(&index).map_or_else(|| self.needed(index), |reason| Err(reason.clone()));
            let state = after.map_or_else(State::Not, |after| pass.one(index, &self.drafts[index], after));
            self.states.insert(index, state);
        }
        pass.changes
    }

    /// Returns the ids of the changes that a draft comes after.
    fn needed(&self, index: usize) -> Result<Vec<String>, Reason> {
        let mut after = Vec::new();
        for at in &self.drafts[index].place.needs {
            let mut at = at;
            while let Some(other) = self.merged.get(at) {
                at = other;
            }
            let needed = &self.drafts[*at];
            let unmet = |reason: &str| unmet(needed.place.action.as_str(), &needed.resource, reason);
            match self.states.get(at) {
                Some(State::Planned(id)) if !after.contains(id) => after.push(id.clone()),
                Some(State::Planned(_) | State::Fulfilled | State::DoneBy(_)) => {}
                Some(State::Not(Reason { fate: (kind, reason), after })) => {
                    return Err(Reason { fate: (*kind, unmet(reason)), after: *after });
                }
                None => return Err((SkippedKind::Refused, unmet("the two need each other")).into()),
            }
        }
        // `c9` before `c10`.
        after.sort_by_key(|id| (id.len(), id.clone()));
        Ok(after)
    }

    /// Moves the findings of drafts whose work another draft's change does to that draft, and returns whether
    /// there were any.
    fn merge(&mut self) -> bool {
        let done: Vec<(usize, usize)> = self
            .states
            .iter()
            .filter_map(|(i, s)| if let State::DoneBy(at) = s { Some((*i, *at)) } else { None })
            .collect();
        for (index, at) in &done {
            let from = self.drafts[*index].clone();
            let to = &mut self.drafts[*at];
            add(&mut to.findings, from.findings);
            to.findings.sort();
            add(&mut to.checks, from.checks);
            to.checks.sort();
            add(&mut to.protected, from.protected);
            add(&mut to.guards, from.guards);
            add(&mut to.sources, from.sources);
            to.place.severity = to.place.severity.max(from.place.severity);
            to.ask |= from.ask;
            self.merged.insert(*index, *at);
        }
        !done.is_empty()
    }

    /// Takes out prerequisites that no planned change needs, and returns whether there were any.
    fn prune_idle(&mut self) -> bool {
        let planned = |index: &usize| matches!(self.states.get(index), Some(State::Planned(_)));
        let needed: BTreeSet<usize> =
            (0..self.drafts.len()).filter(planned).flat_map(|i| self.drafts[i].place.needs.clone()).collect();
        let idle: Vec<usize> = (0..self.drafts.len())
            .filter(|i| {
                planned(i)
                    && self.drafts[*i].place.prerequisite
                    && self.drafts[*i].findings.is_empty()
                    && !needed.contains(i)
            })
            .collect();
        // The drafts that needed it stay out for the reason that they have now: without it they would have
        // another.
        for (index, state) in &self.states {
            if let State::Not(reason) = state
                && self.drafts[*index].place.needs.iter().any(|at| idle.contains(at))
            {
                self.excluded.insert(*index, reason.clone());
            }
        }
        self.idle.extend(&idle);
        !idle.is_empty()
    }

    /// Takes out the changes beyond the playbooks' limits, and returns whether there were any.
    fn apply_limits(&mut self) -> bool {
        let planned =
            self.drafts.iter().enumerate().filter(|(i, d)| {
                !d.place.prerequisite && matches!(self.states.get(i), Some(State::Planned(_)))
            });
        let claims: Vec<Claim<'_>> = planned
            .map(|(index, d)| Claim {
                index,
                playbook: &d.playbook,
                severity: d.place.severity,
                region: &d.region,
                resource: &d.resource,
            })
            .collect();
        let beyond = guards::beyond_limits(
            &claims,
            self.request.inventory,
            self.request.playbooks,
            self.request.limits,
        );
        let any = !beyond.is_empty();
        self.excluded
            .extend(beyond.into_iter().map(|(index, reason)| (index, (SkippedKind::Refused, reason).into())));
        any
    }
}

/// One pass in progress.
struct Pass<'r, 'a> {
    request: &'r Request<'a>,
    stage: Box<dyn Stage>,
    outputs: AllOutputs,
    changes: Vec<Change>,
    /// The drafts of those changes, by the ids of the changes.
    made_by: BTreeMap<String, usize>,
}

impl Pass<'_, '_> {
    /// Makes one change on the stage as it stands, and plays it there.
    fn one(&mut self, index: usize, draft: &Draft, after: Vec<String>) -> State {
        let proposal = match proposed(self.request, draft, self.stage.as_ref()) {
            // It leaves all the work to its prerequisite.
            Ok(proposal) if proposal.steps.is_empty() && !after.is_empty() => {
                match self.made_by.get(&after[0]) {
                    Some(at) => return State::DoneBy(*at),
                    None => proposal,
                }
            }
            Ok(proposal) => proposal,
            Err(Refusal::Nothing(_)) if draft.place.prerequisite => return State::Fulfilled,
            Err(refusal) => {
                let culprit = self.culprit(draft);
                return match (&refusal, culprit) {
                    (Refusal::Nothing(_), Some(at)) => State::DoneBy(at),
                    _ => State::Not(Reason { fate: fate_of(refusal), after: culprit }),
                };
            }
        };
        let change = filled(
            frame(format!("c{}", self.changes.len() + 1), draft, after),
            proposal,
            draft.guards.clone(),
        );
        let (mut trial, mut outputs) = (self.stage.fork(), self.outputs.clone());
        let started = self.request.inventory.read_at;
        match play(trial.as_mut(), &change, started, &mut outputs) {
            Ok(_) => (self.stage, self.outputs) = (trial, outputs),
            // It stays in the plan, which notes that it was not rehearsed.
            Err(Stop::Unknown(_)) => {}
            Err(Stop::Failed(reason)) => {
                return State::Not((SkippedKind::Refused, in_rehearsal(&reason)).into());
            }
        }
        let id = change.id.clone();
        self.changes.push(change);
        self.made_by.insert(id.clone(), index);
        State::Planned(id)
    }

    /// Returns the draft after whose change this one is first refused; `None` where it is refused anyway.
    fn culprit(&self, draft: &Draft) -> Option<usize> {
        let (mut stage, mut outputs) = (self.request.stage.fork(), AllOutputs::new());
        proposed(self.request, draft, stage.as_ref()).ok()?;
        for change in &self.changes {
            let mut trial = stage.fork();
            if play(trial.as_mut(), change, self.request.inventory.read_at, &mut outputs).is_ok() {
                stage = trial;
            }
            if proposed(self.request, draft, stage.as_ref()).is_err() {
                return self.made_by.get(&change.id).copied();
            }
        }
        None
    }
}

fn proposed(request: &Request<'_>, draft: &Draft, stage: &dyn Stage) -> Result<Proposal, Refusal> {
    propose(
        &stage.inventory(),
        &draft.uses,
        &draft.resource,
        &draft.region,
        &draft.checks,
        request.options,
        stage,
    )
}

/// Decides in the parameters of a draft what they leave to the facts.
fn settled(request: &Request<'_>, mut draft: Draft) -> Draft {
    let context = Context {
        inventory: request.inventory,
        region: &draft.region,
        checks: &draft.checks,
        options: request.options,
    };
    for one in &mut draft.uses {
        if let Some(action) = actions::find(&one.action) {
            one.with = action.settled(&context, &draft.resource, &one.with);
        }
        if let Some(Ok(nets)) = request.observed.get(&draft.resource) {
            evidence::allow(one, nets);
        }
    }
    draft
}

fn unmet(action: &str, resource: &ResourceId, reason: &str) -> String {
    format!("it needs {action} on {resource} before: {reason}")
}

/// Describes a change that is made only for a finding of its own, and that no playbook makes here.
fn unasked(needed: &Prerequisite) -> String {
    unmet(
        needed.action,
        &needed.resource,
        "no playbook plans that for a finding of its own. Somebody may have set the finding aside, its check \
         may not be among those of the plan, or its playbook may leave it out",
    )
}

fn in_rehearsal(reason: &str) -> String {
    format!("it fails in the rehearsal: {reason}")
}
