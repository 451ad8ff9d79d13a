//! From findings to groups: the playbook that answers a finding, the resource on which it does, and the
//! findings that one change answers together. Findings that no change can answer are set aside with the
//! reason. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    SkippedKind,
    guards::{self, OnResource},
    propose::{add, region_of},
    request::Request,
};
use crate::{
    actions::{self, ActionUse, GuardNote, Refusal},
    finding::{Finding, FindingKey, Severity, Verdict},
    inventory::Inventory,
    playbook::{Approve, Playbook, matching},
    resource::ResourceId,
};

/// The outcome of a finding that no change answers: the kind and the reason.
pub(super) type SkipReason = (SkippedKind, String);

/// Findings that one change answers.
#[derive(Debug, Clone)]
pub(super) struct Group<'a> {
    /// The actions.
    pub uses: &'a [ActionUse],
    /// The resource that they change.
    pub resource: ResourceId,
    /// The region of the change.
    pub region: String,
    /// The playbooks that ask for it, in the order in which they were loaded.
    pub playbooks: Vec<&'a Playbook>,
    /// The findings that it answers.
    pub findings: Vec<&'a Finding>,
    /// The guards that were asked.
    pub guards: Vec<GuardNote>,
}

impl Group<'_> {
    /// Returns the checks whose findings it answers.
    pub fn checks(&self) -> Vec<String> {
        self.findings.iter().map(|f| f.check.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }
    /// Returns the highest severity of its findings.
    pub fn severity(&self) -> Option<Severity> {
        self.findings.iter().map(|f| f.severity).max()
    }
    /// Returns the protected tags of all its playbooks.
    pub fn protected(&self) -> Vec<String> {
        let all: BTreeSet<&String> = self.playbooks.iter().flat_map(|p| &p.guard.protected_tags).collect();
        all.into_iter().cloned().collect()
    }
}

/// Returns the fate of a finding whose change is refused.
pub(super) fn fate_of(refusal: Refusal) -> SkipReason {
    match refusal {
        Refusal::Refused(reason) => (SkippedKind::Refused, reason),
        Refusal::Unknown(reason) => (SkippedKind::Unknown, reason),
        Refusal::Nothing(reason) => (SkippedKind::Refused, format!("nothing to do: {reason}")),
    }
}

/// Sorts all findings into groups and fates. A finding whose verdict is `ok` is none and has no fate.
pub(super) fn gather<'a>(request: &Request<'a>) -> (Vec<Group<'a>>, BTreeMap<FindingKey, SkipReason>) {
    let mut fates = BTreeMap::new();
    let mut open: BTreeMap<(Vec<Lane<'a>>, ResourceId), Vec<Answer<'a>>> = BTreeMap::new();
    let mut ignored: BTreeMap<ResourceId, String> = BTreeMap::new();
    for (key, finding) in once_each(request.findings) {
        match answer(request, finding) {
            Ok(answer) => {
                let names: Vec<Lane<'_>> = answer.uses.iter().map(lane).collect();
                open.entry((names, answer.resource.clone())).or_default().push(answer);
            }
            Err(fate) => {
                if fate.0 == SkippedKind::Suppressed {
                    note_ignored(request, finding, &mut ignored);
                }
                fates.insert(key, fate);
            }
        }
    }
    let conflicts = conflicts(open.values().flatten());
    let mut groups = Vec::new();
    for ((_, resource), answers) in open {
        let against = answers
            .iter()
            .find_map(|a| a.uses.iter().find_map(|u| conflicts.get(&(lane(u), resource.clone()))));
        let fate = match against {
            Some(reason) => Err((SkippedKind::Conflict, reason.clone())),
            None => group(request, resource, &answers, &ignored).map_err(fate_of),
        };
        match fate {
            Ok(group) => groups.push(group),
            Err(fate) => fates.extend(answers.iter().map(|a| (a.finding.key(), fate.clone()))),
        }
    }
    (groups, fates)
}

/// Returns each finding once: the same one from two sources counts once, a violation before other verdicts,
/// then the higher severity.
fn once_each(findings: &[Finding]) -> BTreeMap<FindingKey, &Finding> {
    let rank = |f: &Finding| (matches!(f.verdict, Verdict::Violates(_)), f.severity);
    let mut all: BTreeMap<FindingKey, &Finding> = BTreeMap::new();
    for finding in findings.iter().filter(|f| !matches!(f.verdict, Verdict::Ok(_))) {
        let seen = all.entry(finding.key()).or_insert(finding);
        if rank(finding) > rank(seen) {
            *seen = finding;
        }
    }
    all
}

/// The answer of playbooks to one finding.
#[derive(Debug, Clone)]
struct Answer<'a> {
    finding: &'a Finding,
    playbooks: Vec<&'a Playbook>,
    uses: &'a [ActionUse],
    resource: ResourceId,
}

fn answer<'a>(request: &Request<'a>, finding: &'a Finding) -> Result<Answer<'a>, SkipReason> {
    let Asked { playbooks, uses, resource } = asked(request.playbooks, request.inventory, finding)?;
    Ok(Answer { finding, playbooks, uses, resource })
}

/// The changes that playbooks ask for because of a finding.
pub(super) struct Asked<'a> {
    /// The playbooks that ask for it, in the order in which they were loaded.
    pub playbooks: Vec<&'a Playbook>,
    /// The actions.
    pub uses: &'a [ActionUse],
    /// The resource that they change.
    pub resource: ResourceId,
}

/// Finds the changes that playbooks ask for because of a finding.
///
/// # Errors
/// The fate of the finding where there are none.
pub(super) fn asked<'a>(
    playbooks: &'a [Playbook],
    inventory: &Inventory,
    finding: &Finding,
) -> Result<Asked<'a>, SkipReason> {
    if let Some(why) = &finding.suppressed {
        return Err((SkippedKind::Suppressed, why.words()));
    }
    match &finding.verdict {
        Verdict::Retained(by) => return Err((SkippedKind::Retained, by.clone())),
        Verdict::Unknown(reason) => return Err((SkippedKind::Unknown, reason.clone())),
        Verdict::Violates(_) | Verdict::Ok(_) => {}
    }
    let playbooks = matching::answering(playbooks, finding);
    let Some(first) = playbooks.first() else {
        return Err((
            SkippedKind::Unmapped,
            format!("no playbook answers {} here: see `redress playbooks list`", finding.check),
        ));
    };
    if let Some(never) = playbooks.iter().find(|p| p.approve == Approve::Never) {
        return Err((
            SkippedKind::Refused,
            format!("reported only: playbook {} has approve = \"never\"", never.id),
        ));
    }
    if first.actions.is_empty() {
        return Err((SkippedKind::Refused, format!("playbook {} names no action", first.id)));
    }
    if let Some(other) = playbooks.iter().find(|p| p.actions != first.actions) {
        return Err((
            SkippedKind::Conflict,
            contradiction(first, other, &format!("{} on {}", finding.check, finding.resource)),
        ));
    }
    for one in &first.actions {
        if let Some(action) = actions::find(&one.action) {
            action.declines(inventory, &finding.check, &finding.resource, &one.with).map_err(fate_of)?;
        }
    }
    let resource = target(inventory, first, finding).map_err(fate_of)?;
    Ok(Asked { uses: &first.actions, playbooks, resource })
}

/// Returns the playbook that was loaded first; a change names it.
pub(super) fn first_playbook<'a>(all: &[Playbook], some: &[&'a Playbook]) -> Option<&'a Playbook> {
    some.iter().min_by_key(|p| all.iter().position(|q| q.id == p.id)).copied()
}

fn contradiction(one: &Playbook, other: &Playbook, what: &str) -> String {
    format!(
        "playbooks {} ({}) and {} ({}) want different things about {what}: let only one of them match, or \
         give both the same actions and parameters",
        one.id, one.source, other.id, other.source
    )
}

/// Returns the resource on which a playbook's actions answer a finding.
fn target(inventory: &Inventory, playbook: &Playbook, finding: &Finding) -> Result<ResourceId, Refusal> {
    playbook.actions.iter().try_fold(finding.resource.clone(), |resource, one| {
        match actions::find(&one.action) {
            Some(action) => action.retarget(inventory, &resource, &one.with),
            None => Err(Refusal::Refused(format!(
                "playbook {} uses the action {}, which this redress does not have",
                playbook.id, one.action
            ))),
        }
    })
}

/// Records the other resource that a change would have to touch to answer a finding that a person has set
/// aside.
fn note_ignored(request: &Request<'_>, finding: &Finding, ignored: &mut BTreeMap<ResourceId, String>) {
    for playbook in matching::answering(request.playbooks, finding) {
        if let Ok(resource) = target(request.inventory, playbook, finding)
            && resource != finding.resource
        {
            ignored
                .insert(resource, format!("{} {}", finding.resource.kind().words(), finding.resource.id()));
        }
    }
}

/// An action, and the part of a resource that it changes.
type Lane<'a> = (&'a str, &'static str);

fn lane(one: &ActionUse) -> Lane<'_> {
    (one.action.as_str(), actions::lane(one))
}

/// A playbook, and the parameters with which it uses one action on one resource.
type Wanted<'a> = (&'a Playbook, Vec<&'a Value>);

/// Finds the actions that two playbooks want on the same resource with different parameters, with the reason.
fn conflicts<'b, 'a: 'b>(
    answers: impl Iterator<Item = &'b Answer<'a>>,
) -> BTreeMap<(Lane<'a>, ResourceId), String> {
    let mut wanted: BTreeMap<(Lane<'a>, ResourceId), Vec<Wanted<'a>>> = BTreeMap::new();
    for answer in answers {
        let names: BTreeSet<Lane<'a>> = answer.uses.iter().map(lane).collect();
        for name in names {
            let with: Vec<&'a Value> =
                answer.uses.iter().filter(|u| lane(u) == name).map(|u| &u.with).collect();
            let all = wanted.entry((name, answer.resource.clone())).or_default();
            all.extend(answer.playbooks.iter().map(|p| (*p, with.clone())));
        }
    }
    let mut found = BTreeMap::new();
    for ((name, resource), all) in wanted {
        let Some((first, with)) = all.first() else { continue };
        if let Some((other, _)) = all.iter().find(|(_, w)| w != with) {
            let reason = contradiction(first, other, &format!("{} on {resource}", name.0));
            found.insert((name, resource), reason);
        }
    }
    found
}

/// Builds one group, once the guards that need only tags have nothing against it.
fn group<'a>(
    request: &Request<'a>,
    resource: ResourceId,
    answers: &[Answer<'a>],
    ignored: &BTreeMap<ResourceId, String>,
) -> Result<Group<'a>, Refusal> {
    let mut group = Group {
        uses: &[],
        region: String::new(),
        playbooks: Vec::new(),
        findings: Vec::new(),
        guards: Vec::new(),
        resource,
    };
    for answer in answers {
        group.uses = answer.uses;
        group.findings.push(answer.finding);
        let new = answer
            .playbooks
            .iter()
            .filter(|p| !group.playbooks.iter().any(|known| known.id == p.id))
            .copied()
            .collect::<Vec<_>>();
        group.playbooks.extend(new);
    }
    group.playbooks.sort_by_key(|p| request.playbooks.iter().position(|q| q.id == p.id));
    let asking = group.findings.iter().map(|f| f.region.as_str()).find(|r| !r.is_empty());
    let asking = asking.or(request.regions.first().map(String::as_str)).unwrap_or_default();
    group.region = region_of(&group.resource, asking).to_owned();
    if let Some(what) = ignored.get(&group.resource) {
        return Err(Refusal::Refused(format!(
            "the change would touch {what} too, which is tagged {}: take the tag away to have all of it \
             changed",
            crate::inventory::tag::IGNORE
        )));
    }
    let protected = group.protected();
    let mut on: BTreeMap<&ResourceId, OnResource> = BTreeMap::new();
    for finding in &group.findings {
        on.entry(&finding.resource).or_default().tags.extend(finding.tags.clone());
    }
    for resource in group.findings.iter().map(|f| &f.resource).chain([&group.resource]) {
        let read = guards::tags_of(request.inventory, resource);
        let entry = on.entry(resource).or_default();
        entry.tags.extend(read.tags);
        entry.unread = read.unread;
    }
    let mut notes = Vec::new();
    for (resource, on) in on {
        add(&mut notes, guards::of_tags(resource, &on, &protected, request.options)?);
    }
    group.guards = notes;
    Ok(group)
}
