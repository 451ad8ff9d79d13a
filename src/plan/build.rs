//! Building a plan: from an inventory, findings and playbooks to changes in order, each finding with exactly
//! one fate, rehearsed and sealed. Pure: the same request gives the same bytes.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    Change, Plan, PlanKind, Skipped, SkippedKind, digest, document::FORMAT, draft, grouping, propose,
    rehearse::rehearse,
};
pub use super::{guards::Limits, request::Request};
use crate::{
    checks::{self, Unjudged},
    finding::FindingKey,
    inventory::Scope,
};

/// Returns the facts that must be read, beyond a scan, before the plan can be built, as far as they are known
/// yet. The caller reads those that it has not read for this plan, merges them into the inventory, and asks
/// again until nothing new comes.
pub fn needs(request: &Request<'_>) -> Scope {
    let rules = request.rules();
    let mut scope = Scope::new();
    let (groups, fates) = grouping::gather(request);
    for group in &groups {
        scope.extend(propose::needs(
            request.inventory,
            group.uses,
            &group.resource,
            &group.region,
            &group.checks(),
            request.options,
        ));
        for finding in &group.findings {
            if let Some(check) = checks::find(&finding.check) {
                scope.extend((check.reads_one)(
                    request.inventory,
                    &finding.resource,
                    &rules.with(&finding.check),
                ));
            }
        }
    }
    // The resource that answers a finding may itself not be known yet.
    let open =
        request.findings.iter().filter(|f| matches!(fates.get(&f.key()), Some((SkippedKind::Unknown, _))));
    for finding in open {
        for playbook in crate::playbook::matching::answering(request.playbooks, finding) {
            let checks = [finding.check.clone()];
            scope.extend(propose::needs(
                request.inventory,
                &playbook.actions,
                &finding.resource,
                finding.region.as_str(),
                &checks,
                request.options,
            ));
        }
    }
    scope
}

/// Builds the plan.
pub fn build(mut request: Request<'_>) -> Plan {
    request.stage.learn(request.inventory.clone());
    let (groups, mut fates) = grouping::gather(&request);
    let rules = request.rules();
    let mut drafts = draft::Drafts::new(&request, &groups);
    let (changes, rehearsal) = loop {
        let changes = drafts.settle();
        let rehearsed = rehearse(&changes, request.stage.as_ref(), &rules);
        if rehearsed.failed.is_empty() || changes.is_empty() {
            break (changes, rehearsed.rehearsal);
        }
        drafts.drop_failed(&rehearsed.failed);
    };
    fates.extend(drafts.fates());
    let mut skipped: Vec<Skipped> =
        fates.into_iter().map(|(finding, (kind, reason))| Skipped { finding, kind, reason }).collect();
    skipped.extend(request.unjudged.iter().map(|u| unjudged(&request, u)));
    let mut plan = Plan {
        format: FORMAT.to_owned(),
        account: request.inventory.owner.account.clone(),
        partition: request.inventory.owner.partition.clone(),
        endpoint: request.endpoint.to_owned(),
        regions: request.regions.to_vec(),
        caller: request.caller.to_owned(),
        created: request.created,
        expires: request.created.checked_add(request.valid_for).unwrap_or(Timestamp::MAX),
        options: request.options.clone(),
        playbooks: request.playbooks.iter().map(|p| (p.id.clone(), p.digest.clone())).collect(),
        counts: counts(&changes, &skipped),
        changes,
        skipped,
        origins: Vec::new(),
        rehearsal,
        digest: String::new(),
        kind: PlanKind::Plan,
        of_run: None,
    };
    digest::seal(&mut plan);
    plan
}

/// Turns a check that could not be run in a region into a skipped finding, which is shown and counted: nobody
/// knows what the check would have found there.
fn unjudged(request: &Request<'_>, unjudged: &Unjudged) -> Skipped {
    let finding = FindingKey { check: unjudged.check.clone(), resource: request.inventory.owner.root() };
    let place = if unjudged.region.is_empty() { "the account" } else { &unjudged.region };
    Skipped {
        finding,
        kind: SkippedKind::Unknown,
        reason: format!("not judged in {place}: {}", unjudged.reason),
    }
}

/// Counts findings by their outcome: `planned` and each kind of [`SkippedKind`], zeros included.
pub fn counts(changes: &[Change], skipped: &[Skipped]) -> BTreeMap<String, usize> {
    use SkippedKind::{Conflict, Refused, Retained, Suppressed, Unknown, Unmapped};
    let kinds = [Refused, Suppressed, Retained, Conflict, Unmapped, Unknown];
    let mut counts: BTreeMap<String, usize> = kinds
        .into_iter()
        .map(|kind| (kind.word().to_owned(), skipped.iter().filter(|s| s.kind == kind).count()))
        .collect();
    counts.insert("planned".to_owned(), changes.iter().map(|c| c.findings.len()).sum());
    counts
}
