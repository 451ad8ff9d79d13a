//! The checks on the rotation of access keys: an old key is replaced, a key that was replaced is deactivated
//! once nobody uses it, and deleted once it was inactive for a while. Marks on the user show how far a
//! rotation is; they are all that one run knows of another.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Check, LATER,
    access_keys::{DAYS, OF_KEYS, day, last_sign, last_use},
};
use crate::{
    finding::{Severity, Verdict},
    inventory::{AccessKey, Fact, FamilyKind, Inventory, Selector, Tags, Want, tag},
    resource::ResourceId,
};

/// The id of the check on keys that are old.
pub const OLD: &str = "access-key-old";
/// The id of the check on keys that were replaced and are active still.
pub const REPLACED: &str = "access-key-replaced";
/// The id of the check on keys that were replaced, deactivated, and exist still.
pub const RETIRED: &str = "access-key-retired";
/// The id of the check that proves that a new key was delivered; `with`: [`Delivered`].
pub const DELIVERED: &str = "access-key-delivered";

/// The days after which a key is old where none are given, as CIS and Security Hub have it.
pub const OLD_AFTER: u32 = 90;
/// The days for which nobody may have used a replaced key before it is deactivated.
pub const UNUSED_FOR: u32 = 7;
/// The days for which a replaced key stays inactive before it can be deleted.
pub const KEPT_FOR: u32 = 30;

/// The checks of this family.
pub static CHECKS: &[Check] = &[
    Check {
        id: OLD,
        title: "An active access key is old",
        why: "An access key never expires: the longer it is in use, the more copies of it there are, and the \
              more people who have left know it.",
        known_as: &[
            ("security-hub", &["IAM.3"]),
            ("cis-1.2.0", &["1.4"]),
            ("cis-1.4.0", &["1.14"]),
            ("cis-1.5.0", &["1.14"]),
            ("cis-2.0.0", &["1.14"]),
            ("cis-3.0.0", &["1.14"]),
            ("cis-4.0.0", &["1.14"]),
            ("cis-5.0.0", &["1.13"]),
            ("cis-6.0.0", &["2.13"]),
            ("cis-7.0.0", &["2.12"]),
            ("prowler", &["iam_rotate_access_key_90_days"]),
            ("config-managed", &["access-keys-rotated"]),
        ],
        reads_one: |inventory, resource, _| with_those_of_its_user(inventory, resource),
        judge: |inventory, resource, with| {
            of_active(inventory, resource, |key| old(inventory, key, days(with, OLD_AFTER)))
        },
        ..OF_KEYS
    },
    Check {
        id: REPLACED,
        title: "An access key that was replaced is still active, and nobody uses it any more",
        why: "Another key came in its place: the old one only serves whoever should not have it.",
        reads_one: |inventory, resource, _| with_those_of_its_user(inventory, resource),
        judge: |inventory, resource, with| {
            of_active(inventory, resource, |key| replaced(inventory, key, days(with, UNUSED_FOR)))
        },
        ..OF_KEYS
    },
    Check {
        id: RETIRED,
        title: "An access key that was replaced and deactivated still exists",
        why: "A user has two access keys at most, inactive ones included: while the old one exists, the new \
              one cannot be replaced.",
        severity: Severity::Low,
        judge: judge_retired,
        ..OF_KEYS
    },
    Check {
        id: DELIVERED,
        title: "A new access key was not delivered as planned",
        why: "A key whose secret nobody has is of no use, and a rotation that goes on with it takes the old \
              one from whoever needs it.",
        scanned: false,
        reads_one: |inventory, resource, with| {
            let mut wants = with_those_of_its_user(inventory, resource);
            if let Ok(delivered) = delivered_of(with) {
                wants.push(Want::id(&delivered.region, FamilyKind::Secrets, delivered.secret));
            }
            wants
        },
        judge: judge_delivered,
        ..OF_KEYS
    },
];

/// The delivery of an access key, for the check that proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivered {
    /// The region of the secret.
    pub region: String,
    /// The name of the secret.
    pub secret: String,
}

fn delivered_of(with: &Value) -> Result<Delivered, serde_json::Error> {
    let mut with = with.clone();
    with.as_object_mut().map(|with| with.remove(LATER));
    serde_json::from_value(with)
}

/// Returns the facts to read about a key and the others of its user.
fn with_those_of_its_user(inventory: &Inventory, resource: &ResourceId) -> Vec<Want> {
    let mut wants = vec![Want::id("", FamilyKind::AccessKeys, resource.id())];
    if let Fact::Known(key) = inventory.access_keys.get(resource.id()) {
        wants.push(of_user(&key.user));
    }
    wants
}

/// Returns the question for all keys of a user.
pub fn of_user(user: &str) -> Want {
    Want::by("", FamilyKind::AccessKeys, AccessKey::USER, user)
}

/// Returns the number of days in the parameters of a check.
fn days(with: &Value, usual: u32) -> u32 {
    with.get(DAYS).and_then(Value::as_u64).and_then(|days| u32::try_from(days).ok()).unwrap_or(usual)
}

/// Returns the time so many days after another.
pub fn days_after(time: Timestamp, days: u32) -> Timestamp {
    time.checked_add(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MAX)
}

/// Returns the tags of the user of a key.
fn tags(key: &AccessKey) -> Result<&Tags, Verdict> {
    match &key.tags {
        Fact::Known(tags) => Ok(tags),
        silent => {
            let why = silent.silence().unwrap_or("there is no answer");
            Err(Verdict::Unknown(format!("how far its rotation is: the tags of user {}: {why}", key.user)))
        }
    }
}

/// Returns the key that came in the place of this one, by the marks on its user.
pub fn successor<'k>(key: &AccessKey, tags: &'k Tags) -> Option<&'k str> {
    tags.get(&format!("{}{}", tag::KEY_REPLACED, key.id)).map(String::as_str)
}

/// Returns the mark that contains the date at which a key was deactivated after it was replaced.
fn retired_mark<'k>(key: &AccessKey, tags: &'k Tags) -> Option<&'k String> {
    tags.get(&format!("{}{}", tag::KEY_RETIRED, key.id))
}

/// Returns the date at which a key was deactivated after it was replaced, by the marks on its user.
pub fn retired_on(key: &AccessKey, tags: &Tags) -> Option<Timestamp> {
    format!("{}T00:00:00Z", retired_mark(key, tags)?).parse().ok()
}

/// Judges a key that signs requests; every other one is fine.
fn of_active(inventory: &Inventory, resource: &ResourceId, judge: impl Fn(&AccessKey) -> Verdict) -> Verdict {
    match inventory.access_keys.get(resource.id()) {
        Fact::Known(key) => match key.status.as_str() {
            AccessKey::ACTIVE => judge(key),
            AccessKey::INACTIVE | "Expired" => Verdict::Ok(None),
            other => Verdict::Unknown(format!("its status is {other:?}, which redress does not know")),
        },
        Fact::Absent => Verdict::Ok(Some("the access key no longer exists".to_owned())),
        silent => Verdict::Unknown(format!("the access key: {}", silent.silence().unwrap_or_default())),
    }
}

fn old(inventory: &Inventory, key: &AccessKey, days: u32) -> Verdict {
    let created = match &key.created {
        Fact::Known(created) => *created,
        silent => {
            let why = silent.silence().unwrap_or("there is no answer");
            return Verdict::Unknown(format!("when it was created: {why}"));
        }
    };
    if days_after(created, days) >= inventory.read_at {
        return Verdict::Ok(None);
    }
    let mut evidence = json!({
        "user": key.user,
        "created": day(created),
        "older_than_days": days,
        "use": last_use(key),
    });
    match tags(key).map(|tags| successor(key, tags)) {
        Err(unknown) => return unknown,
        Ok(None) => {}
        Ok(Some(new)) => match replacement(inventory, key, new) {
            Ok(_) => {
                return Verdict::Ok(Some(format!(
                    "it was replaced by {new}, and waits until nobody uses it any more: it is deactivated \
                     by {REPLACED} then"
                )));
            }
            Err(NotReplaced::Unknown(why)) => return Verdict::Unknown(why),
            Err(NotReplaced::Stalled(why)) => {
                evidence["stalled"] = json!(format!("{why}; {}", unmark(key)));
            }
        },
    }
    Verdict::Violates(evidence)
}

/// The reason for which the key that was to come in the place of another is not known to do so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotReplaced {
    /// It never will: the rotation goes on only when a person takes off its mark.
    Stalled(String),
    /// It is not known.
    Unknown(String),
}

impl From<NotReplaced> for Verdict {
    fn from(why: NotReplaced) -> Self {
        match why {
            NotReplaced::Stalled(why) => Verdict::Ok(Some(format!("{why}: this one stays"))),
            NotReplaced::Unknown(why) => Verdict::Unknown(why),
        }
    }
}

/// Returns the key that has come in the place of another, by the mark on its user.
///
/// # Errors
/// The reason for which it is not known, or for which it never will.
pub fn replacement<'i>(
    inventory: &'i Inventory,
    key: &AccessKey,
    new: &str,
) -> Result<&'i AccessKey, NotReplaced> {
    let unknown = |why: String| NotReplaced::Unknown(format!("access key {new}, which replaced it{why}"));
    let keys = &inventory.access_keys;
    // A scan lists all keys of a user who has an active one.
    let active = Selector::by(AccessKey::STATUS, AccessKey::ACTIVE);
    let are_listed =
        [of_user(&key.user).selector, active].iter().any(|listing| keys.listed(listing).known().is_some());
    let found = match keys.get(new) {
        Fact::Known(found) if found.user == key.user && found.status == AccessKey::ACTIVE => found,
        Fact::NotRead if !are_listed => return Err(unknown(", was not read".to_owned())),
        Fact::Known(_) | Fact::Absent | Fact::NotRead => {
            return Err(NotReplaced::Stalled(format!(
                "it was replaced by {new}, which is not an active key of user {} any more",
                key.user
            )));
        }
        Fact::Unknown(why) => return Err(unknown(format!(": {why}"))),
    };
    // Two keys that stand in each other's place, or a key in its own, would leave the user without one.
    match key.tags.known().and_then(|tags| successor(found, tags)) {
        None => Ok(found),
        Some(next) => Err(NotReplaced::Stalled(format!(
            "it was replaced by {new}, which a mark says was replaced by {next}"
        ))),
    }
}

/// Describes how a rotation that is stalled goes on.
pub fn unmark(key: &AccessKey) -> String {
    format!(
        "to rotate it again, take the tag {}{} off user {}, and plan again",
        tag::KEY_REPLACED,
        key.id,
        key.user
    )
}

/// Returns the time from which a replaced key can be deactivated: nobody has used it for so many days, and
/// its replacement exists for as long.
///
/// # Errors
/// The reason for which that is not known, or for which it never can.
pub fn free_from(
    inventory: &Inventory,
    key: &AccessKey,
    new: &str,
    days: u32,
) -> Result<Timestamp, NotReplaced> {
    let new = replacement(inventory, key, new)?;
    let Fact::Known(created) = new.created else {
        let why = format!("when access key {}, which replaced it, was created", new.id);
        return Err(NotReplaced::Unknown(why));
    };
    let sign = last_sign(key).map_err(NotReplaced::Unknown)?;
    Ok(days_after(sign.max(created), days))
}

fn replaced(inventory: &Inventory, key: &AccessKey, days: u32) -> Verdict {
    let new = match tags(key).map(|tags| successor(key, tags)) {
        Ok(Some(new)) => new,
        Ok(None) => return Verdict::Ok(None),
        Err(unknown) => return unknown,
    };
    match free_from(inventory, key, new, days) {
        Err(why) => why.into(),
        Ok(from) if from > inventory.read_at => Verdict::Ok(Some(format!(
            "it was replaced by {new}, and was {}: it can be deactivated from {} on, if nobody uses it until \
                 then",
            last_use(key),
            from.strftime("%Y-%m-%d %H:%M UTC")
        ))),
        Ok(_) => Verdict::Violates(json!({
            "user": key.user,
            "replaced_by": new,
            "use": last_use(key),
            "unused_for_days": days,
            "note": "AWS can be four hours late with the last use",
        })),
    }
}

fn judge_retired(inventory: &Inventory, resource: &ResourceId, with: &Value) -> Verdict {
    let key = match inventory.access_keys.get(resource.id()) {
        Fact::Known(key) => key,
        Fact::Absent => return Verdict::Ok(None),
        silent => {
            return Verdict::Unknown(format!("the access key: {}", silent.silence().unwrap_or_default()));
        }
    };
    if key.status != AccessKey::INACTIVE {
        return Verdict::Ok(None);
    }
    let days = days(with, KEPT_FOR);
    let tags = match tags(key) {
        Ok(tags) => tags,
        Err(unknown) => return unknown,
    };
    match (retired_on(key, tags), retired_mark(key, tags)) {
        (None, None) => Verdict::Ok(None),
        (None, Some(mark)) => Verdict::Unknown(format!(
            "since when it is inactive: the tag {}{} of user {} is {mark:?} and no date such as 2026-12-31",
            tag::KEY_RETIRED,
            key.id,
            key.user
        )),
        (Some(on), _) if days_after(on, days) > inventory.read_at => Verdict::Ok(Some(format!(
            "it was replaced and deactivated on {}: it can be deleted from {} on",
            day(on),
            day(days_after(on, days))
        ))),
        (Some(on), _) => Verdict::Violates(json!({
            "user": key.user,
            "inactive_since": day(on),
            "kept_for_days": days,
        })),
    }
}

fn judge_delivered(inventory: &Inventory, resource: &ResourceId, with: &Value) -> Verdict {
    let Ok(Delivered { region, secret }) = delivered_of(with) else {
        return Verdict::Unknown("what was planned cannot be read".to_owned());
    };
    let old = match inventory.access_keys.get(resource.id()) {
        Fact::Known(old) => old,
        // Later than at the end of the run, the old key may be gone.
        Fact::Absent if with.get(LATER).is_some() => return Verdict::Ok(None),
        Fact::Absent => return Verdict::Violates(json!({ "why": "the old key does not exist any more" })),
        silent => return Verdict::Unknown(format!("the old key: {}", silent.silence().unwrap_or_default())),
    };
    let new = match tags(old).map(|tags| successor(old, tags)) {
        Ok(Some(new)) => new,
        Ok(None) => return Verdict::Violates(json!({ "why": "no mark says which key has replaced it" })),
        Err(unknown) => return unknown,
    };
    match inventory.access_keys.select(&Selector::by(AccessKey::USER, &old.user)) {
        Fact::Known(keys) => match keys.iter().find(|(id, _)| *id == new) {
            Some((_, found)) if found.status == AccessKey::ACTIVE => {}
            Some((_, found)) => return Verdict::Violates(json!({ "new_key": new, "status": found.status })),
            None => return Verdict::Violates(json!({ "why": format!("access key {new} does not exist") })),
        },
        silent => return Verdict::Unknown(format!("its keys: {}", silent.silence().unwrap_or_default())),
    }
    let place = inventory.regions.get(&region);
    match place.map_or(Fact::NotRead, |place| place.secrets.get(&secret)) {
        Fact::Known(found) if found.labels.contains_key(new) => Verdict::Ok(None),
        Fact::Known(_) => Verdict::Violates(
            json!({ "why": format!("secret {secret} has no version with the label {new}") }),
        ),
        Fact::Absent => Verdict::Violates(json!({ "why": format!("secret {secret} does not exist") })),
        silent => Verdict::Unknown(format!("secret {secret}: {}", silent.silence().unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests;
