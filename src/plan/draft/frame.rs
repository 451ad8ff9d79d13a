//! Drafts as they begin: of a group of findings, or of a resource that others need; and the change that a
//! draft becomes.

use super::Draft;
use crate::{
    actions::{self, ActionUse, GuardNote, Prerequisite},
    finding::FindingKey,
    plan::{ActionNames, Change, grouping::Group, order::Place},
    playbook::Approve,
};

pub(super) fn of_group(group: &Group<'_>) -> Draft {
    let orders = group.uses.iter().filter_map(|u| actions::find(&u.action)).map(actions::Action::order);
    let playbook = group.playbooks.first().map(|p| p.id.clone()).unwrap_or_default();
    let mut findings: Vec<FindingKey> = group.findings.iter().map(|f| f.key()).collect();
    findings.sort();
    Draft {
        uses: group.uses.to_vec(),
        resource: group.resource.clone(),
        region: group.region.clone(),
        playbook,
        ask: group.playbooks.iter().any(|p| p.approve != Approve::Auto),
        protected: group.protected(),
        findings,
        checks: group.checks(),
        sources: reported(group),
        guards: group.guards.clone(),
        place: Place {
            prerequisite: false,
            // Several actions take the place of the first of them.
            order: orders.min().unwrap_or_default(),
            severity: group.severity(),
            region: group.region.clone(),
            resource: group.resource.clone(),
            action: ActionNames::of(group.uses.iter().map(|u| u.action.as_str())),
            needs: Vec::new(),
        },
    }
}

/// Returns the tools that reported the findings of a group, beside our own scan; each once.
pub(super) fn reported(group: &Group<'_>) -> Vec<String> {
    let mut sources: Vec<String> = Vec::new();
    for source in group.findings.iter().flat_map(|f| &f.sources).filter(|s| *s != "scan") {
        if !sources.contains(source) {
            sources.push(source.clone());
        }
    }
    sources
}

pub(super) fn of_prerequisite(
    asking: &Draft,
    needed: &Prerequisite,
    region: String,
    order: u8,
    guards: Vec<GuardNote>,
) -> Draft {
    Draft {
        uses: vec![ActionUse { action: needed.action.to_owned(), with: needed.with.clone() }],
        resource: needed.resource.clone(),
        region: region.clone(),
        playbook: asking.playbook.clone(),
        ask: asking.ask,
        protected: asking.protected.clone(),
        findings: Vec::new(),
        checks: Vec::new(),
        sources: Vec::new(),
        guards,
        place: Place {
            prerequisite: true,
            order,
            severity: asking.place.severity,
            region,
            resource: needed.resource.clone(),
            action: ActionNames::of([needed.action]),
            needs: Vec::new(),
        },
    }
}

/// Builds a change without the parts that its proposal provides.
pub(super) fn frame(id: String, draft: &Draft, after: Vec<String>) -> Change {
    Change {
        after,
        findings: draft.findings.clone(),
        playbook: draft.playbook.clone(),
        uses: draft.uses.clone(),
        ask: draft.ask,
        protected: draft.protected.clone(),
        sources: draft.sources.clone(),
        ..Change::frame(id, draft.place.action.clone(), &draft.resource, &draft.region)
    }
}
