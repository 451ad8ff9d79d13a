//! Guards of planning: the owners of a resource, the tags that protect it, the number of resources that one
//! playbook may touch. Guards that need to know the effects of an action (lock-out) belong to the actions.
//! Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    actions::{GuardNote, Options, Refusal, support},
    finding::Severity,
    inventory::{Fact, FamilyKind, Inventory, Tags, tag},
    playbook::{Guard, Playbook, matching},
    resource::{Kind, ResourceId},
};

/// The limits that the user set on the command line in place of the playbooks' own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// `--max-changes`: the largest number of changes of a playbook.
    pub max_changes: Option<usize>,
    /// `--max-percent`: the largest part of the resources of a kind, in percent.
    pub max_percent: Option<u8>,
}

/// The number of resources of a kind up to which a percentage means nothing.
pub const FEW: usize = 40;

/// Returns the family that contains a resource, with its region and id there.
fn place(resource: &ResourceId) -> Option<(&str, FamilyKind, &str)> {
    let family = FamilyKind::of_resource(resource.kind())?;
    Some((family.home(resource.region()), family, family.key(resource)))
}

/// The tags of a resource, as far as they are known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OnResource {
    /// The tags that were read.
    pub tags: Tags,
    /// The reason why they could not be read, where that was tried.
    pub unread: Option<String>,
}

/// Returns the tags of a resource. Some services list tags by a call of their own, which may be denied while
/// the resource itself can be read.
pub fn tags_of(inventory: &Inventory, resource: &ResourceId) -> OnResource {
    let Some((region, family, id)) = place(resource) else { return OnResource::default() };
    let tags = inventory.family(region, family).and_then(|family| family.tags(id)).cloned();
    let silence = || match inventory.json(region, family, id) {
        Fact::Known(form) => form.pointer("/tags/unknown").and_then(Value::as_str).map(str::to_owned),
        Fact::Absent | Fact::Unknown(_) | Fact::NotRead => None,
    };
    let unread = if tags.is_none() { silence() } else { None };
    OnResource { tags: tags.unwrap_or_default(), unread }
}

/// Returns whether a resource is known not to exist.
pub fn is_gone(inventory: &Inventory, resource: &ResourceId) -> bool {
    place(resource)
        .is_some_and(|(region, family, id)| matches!(inventory.json(region, family, id), Fact::Absent))
}

/// Asks the guards that need only a resource's tags: a person's wish, protected tags, ownership.
///
/// # Errors
/// A refusal that names the tag, and the flag or the edit that loosens the guard.
pub fn of_tags(
    resource: &ResourceId,
    on: &OnResource,
    protected: &[String],
    options: &Options,
) -> Result<Vec<GuardNote>, Refusal> {
    let what = format!("{} {}", resource.kind().words(), resource.id());
    let tags = &on.tags;
    if let Some(why) = tags.get(tag::IGNORE) {
        return Err(Refusal::Refused(format!(
            "{what} is tagged {}={why:?}, so it is left alone: take the tag away to have it changed",
            tag::IGNORE
        )));
    }
    let guard = Guard { protected_tags: protected.to_vec(), ..Guard::default() };
    if let Some(tag) = matching::protected(&guard, tags) {
        return Err(Refusal::Refused(format!(
            "{what} has the protected tag {tag}: take it out of the playbook's protected_tags to have it \
             changed"
        )));
    }
    let manager = support::managed_by(tags);
    if let Some(why) = on.unread.as_ref().filter(|_| manager.is_none()) {
        if !protected.is_empty() {
            return Err(Refusal::Unknown(format!(
                "the tags of {what} could not be read, and protected_tags of its playbook may leave it alone \
                 ({}): {why}",
                protected.join(", ")
            )));
        }
        let note = format!(
            "the tags of {what} could not be read, so that redress could not find out whether anything else \
             manages it: {why}"
        );
        return Ok(vec![GuardNote::not_checked("ownership", note)]);
    }
    let mut notes = vec![support::ownership(&what, manager, options)?];
    if !protected.is_empty() {
        notes.push(GuardNote::passed(
            "protected-tags",
            format!("{what} has none of {}", protected.join(", ")),
        ));
    }
    Ok(notes)
}

/// One change that a playbook asks for, as far as limits need it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim<'a> {
    /// The index by which the caller knows it.
    pub index: usize,
    /// The playbook.
    pub playbook: &'a str,
    /// The highest severity of its findings.
    pub severity: Option<Severity>,
    /// The region of the change.
    pub region: &'a str,
    /// The resource that it changes.
    pub resource: &'a ResourceId,
}

/// Returns the changes that go beyond a playbook's limits, each with the reason. Too large a part of all
/// resources of a kind shows that the selection is wrong, so that nothing of it can be trusted: all of the
/// playbook's changes go. Too many changes are only many: those of the highest severity stay.
pub(super) fn beyond_limits(
    claims: &[Claim<'_>],
    inventory: &Inventory,
    playbooks: &[Playbook],
    limits: Limits,
) -> BTreeMap<usize, String> {
    let mut beyond = BTreeMap::new();
    let ids: BTreeSet<&str> = claims.iter().map(|c| c.playbook).collect();
    for id in ids {
        let guard = playbooks.iter().find(|p| p.id == id).map_or_else(Guard::default, |p| p.guard.clone());
        let mut own: Vec<&Claim<'_>> = claims.iter().filter(|c| c.playbook == id).collect();
        if let Some(reason) =
            too_large_a_part(&own, inventory, limits.max_percent.unwrap_or(guard.max_percent), id)
        {
            beyond.extend(own.iter().map(|c| (c.index, reason.clone())));
            continue;
        }
        let most = limits.max_changes.unwrap_or(guard.max_changes);
        let count = own.len();
        own.sort_by(|a, b| (b.severity, a.region, a.resource).cmp(&(a.severity, b.region, b.resource)));
        for claim in own.into_iter().skip(most) {
            let reason = format!(
                "blast radius: playbook {id} wants {count} changes and may make {most}, the most severe \
                 first: plan again after these are done, or give --max-changes {count}"
            );
            beyond.insert(claim.index, reason);
        }
    }
    beyond
}

fn too_large_a_part(
    claims: &[&Claim<'_>],
    inventory: &Inventory,
    percent: u8,
    playbook: &str,
) -> Option<String> {
    let kinds: BTreeSet<Kind> = claims.iter().map(|c| c.resource.kind()).collect();
    kinds.into_iter().find_map(|kind| {
        let touched = claims
            .iter()
            .filter(|c| c.resource.kind() == kind)
            .map(|c| c.resource)
            .collect::<BTreeSet<_>>()
            .len();
        let read = count(inventory, kind);
        (read > FEW && touched * 100 > usize::from(percent) * read).then(|| {
            let needed = (touched * 100).div_ceil(read);
            format!(
                "blast radius: playbook {playbook} would change {touched} of {read} {}s, more than {percent} \
                 percent, which looks like a wrong selection: narrow its [match], or give --max-percent \
                 {needed}",
                kind.words()
            )
        })
    })
}

/// Counts the known resources of a kind.
fn count(inventory: &Inventory, kind: Kind) -> usize {
    let family = FamilyKind::of_resource(kind);
    inventory.families().filter(|(_, of, _)| Some(*of) == family).map(|(_, _, things)| things.count()).sum()
}
