//! Access keys: which of them a run may delete, which marks it may set on a user, and the account as it was
//! before a rotation began. Nothing marks an access key, so that its user, its age and its use decide. Pure.

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use serde_json::Value;

use super::tag_of;
use crate::{
    calls::Call,
    checks::key_rotation::{retired_on, successor},
    inventory::{AccessKey, Fact, FamilyKind, Inventory, Secret, Selector, tag},
    plan::Change,
    resource::Kind,
};

/// Returns the access key that a change is about.
fn of_change<'i>(change: &Change, facts: &'i Inventory) -> Option<&'i AccessKey> {
    if change.resource.kind() != Kind::AccessKey {
        return None;
    }
    facts.access_keys.get(change.resource.id()).known().copied()
}

/// Minutes by which the clock of a machine and that of AWS differ at most: AWS takes no request that was
/// signed at another time
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>).
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(15);

/// Returns the time at which a run began, which its id contains.
fn began(run: &str) -> Option<Timestamp> {
    let time = DateTime::strptime("%Y%m%dT%H%M%SZ", run.split('-').next()?).ok()?;
    time.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp())
}

/// Returns whether a key can be the one that a run has made for a change: it is of the same user, and not the
/// one that the change is about; it was made since the run began, and nobody has used it.
fn may_be_new(key: &AccessKey, change: &Change, run: &str, facts: &Inventory) -> bool {
    let of_user = of_change(change, facts).is_some_and(|old| old.user == key.user && old.id != key.id);
    of_user && since_run(key.created.known(), run) && key.last_used.is_absent()
}

/// Returns whether something was created since a run began. The id of a run that redress names contains its
/// time.
pub(super) fn since_run(created: Option<&Timestamp>, run: &str) -> bool {
    created.is_some_and(|created| {
        began(run).is_none_or(|began| began.checked_sub(CLOCKS_DIFFER).is_ok_and(|from| from <= *created))
    })
}

/// Returns whether a call may delete one of the things that it names: a key that the run can have made, or
/// the key of the change where its rotation is over. A user is only named.
pub(super) fn may_delete(
    call: &Call,
    change: &Change,
    run: &str,
    facts: &Inventory,
    (family, id): (FamilyKind, &str),
) -> bool {
    if call.operation != "DeleteAccessKey" {
        return false;
    }
    if family == FamilyKind::Users {
        return true;
    }
    let Fact::Known(key) = facts.access_keys.get(id) else { return false };
    let is_over = || {
        let retired = key.tags.known().is_some_and(|tags| retired_on(key, tags).is_some());
        id == change.resource.id() && key.status == AccessKey::INACTIVE && retired
    };
    may_be_new(key, change, run, facts) || is_over()
}

/// Describes why a run may not delete a thing, as the end of a sentence about it.
pub(super) fn not_made(family: FamilyKind) -> &'static str {
    if family == FamilyKind::AccessKeys {
        "cannot have made, or which somebody uses"
    } else {
        "did not make, as its tags show"
    }
}

/// Returns whether a thing of an identity belongs to a change about an access key: its user, the keys of that
/// user, and the secret in which they are delivered.
pub(super) fn belongs(
    change: &Change,
    family: FamilyKind,
    id: &str,
    thing: &Value,
    facts: &Inventory,
) -> bool {
    let Some(key) = of_change(change, facts) else { return false };
    let of_key =
        family == FamilyKind::AccessKeys && thing.get("user").and_then(Value::as_str) == Some(&key.user);
    let of_user = family == FamilyKind::Users && key.user == id;
    of_key || of_user || family == FamilyKind::Secrets && tag_of(thing, tag::KEYS_OF) == Some(&key.user)
}

/// Returns whether a call ends what is left of a key that is gone: it deletes it once more, or takes
/// redress's marks about it off a user. The account does not show any more whose key it was, and nobody loses
/// anything.
pub(super) fn ends_what_is_gone(call: &Call, change: &Change, facts: &Inventory) -> bool {
    change.resource.kind() == Kind::AccessKey
        && facts.access_keys.get(change.resource.id()).is_absent()
        && matches!(call.operation.as_str(), "DeleteAccessKey" | "UntagUser")
}

/// Checks that the marks on a user that a call sets or takes off are redress's own, about the key of the
/// change.
///
/// # Errors
/// The mark that is not.
pub(super) fn marks(change: &Change, call: &Call) -> Result<(), String> {
    let list = |member: &str| call.input.get(member).and_then(Value::as_array).into_iter().flatten();
    let set = list("Tags").map(|tag| tag["Key"].as_str().unwrap_or_default());
    let names: Vec<&str> = set.chain(list("TagKeys").filter_map(Value::as_str)).collect();
    let key = change.resource.id();
    let own = |name: &&str| {
        [tag::KEY_REPLACED, tag::KEY_RETIRED].iter().any(|mark| name.strip_prefix(mark) == Some(key))
    };
    match names.iter().find(|name| !own(name)) {
        None if names.is_empty() => Err("names no tag".to_owned()),
        None => Ok(()),
        Some(name) => Err(format!("is about the tag {name:?}, which is no mark of redress's on {key}")),
    }
}

/// Returns the claim of a call that leads the readers of a secret to another version: nothing records which
/// one they had before.
pub(super) fn led_back(call: &Call) -> Option<String> {
    let text = |member: &str| call.input[member].as_str().unwrap_or_default();
    Some(format!("readers of secret {} get version {}", text("SecretId"), text("MoveToVersionId")))
}

/// Forgets what a run may have made for a change about an access key: the secret, the new key, and the mark.
pub(super) fn forget(change: &Change, run: &str, left: &mut Inventory) {
    let Some(old) = of_change(change, left).cloned() else { return };
    let of_user = left.access_keys.select(&Selector::by(AccessKey::USER, old.user.as_str()));
    let new: Vec<String> = of_user
        .known()
        .into_iter()
        .flatten()
        .filter(|(_, key)| may_be_new(key, change, run, left))
        .map(|(id, _)| (*id).to_owned())
        .collect();
    let marked = old.tags.known().and_then(|tags| successor(&old, tags)).map(str::to_owned);
    if let Some(Fact::Known(tags)) = left.access_keys.get_mut(&old.id).map(|key| &mut key.tags)
        && marked.is_none_or(|marked| new.contains(&marked))
    {
        tags.remove(&format!("{}{}", tag::KEY_REPLACED, old.id));
    }
    for id in new {
        left.access_keys.items.insert(id, Fact::Absent);
    }
    for name in left.regions.keys().cloned().collect::<Vec<_>>() {
        let secrets = &mut left.region_mut(&name).secrets;
        let own = |(_, secret): &(&str, &Secret)| secret.tags.get(tag::RUN).is_some_and(|of| of == run);
        let made: Vec<String> = secrets.known().filter(own).map(|(id, _)| id.to_owned()).collect();
        made.into_iter().for_each(|id| drop(secrets.items.insert(id, Fact::Absent)));
    }
}

#[cfg(test)]
mod tests;
