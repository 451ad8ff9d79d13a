//! Plans without a playbook: those that bring something back, and those that delete. Pure.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::{
    account::Identity,
    actions::Options,
    plan::{Change, Plan, PlanKind, Rehearsal, document::FORMAT},
};

/// Builds a plan of these changes, for the account of this identity; not sealed yet.
pub fn bare(
    kind: PlanKind,
    who: &Identity,
    regions: &[String],
    created: Timestamp,
    valid_for: SignedDuration,
    changes: Vec<Change>,
) -> Plan {
    Plan {
        format: FORMAT.to_owned(),
        account: who.owner.account.clone(),
        partition: who.owner.partition.clone(),
        endpoint: who.endpoint.clone(),
        regions: regions.to_vec(),
        caller: who.caller.arn.clone(),
        created,
        expires: created.checked_add(valid_for).unwrap_or(created),
        options: Options::default(),
        playbooks: BTreeMap::new(),
        counts: BTreeMap::from([("changes".to_owned(), changes.len())]),
        changes,
        skipped: Vec::new(),
        origins: Vec::new(),
        rehearsal: Rehearsal::default(),
        digest: String::new(),
        kind,
        of_run: None,
    }
}
