//! The check on access keys: an active one is used.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Check;
use crate::{
    finding::{Severity, Verdict},
    inventory::{AccessKey, Fact, FamilyKind, Inventory, LastUse, Want},
    resource::{Kind, ResourceId},
};

/// The id of the check.
pub const UNUSED: &str = "access-key-unused";
/// Its parameter: the days after which a key counts as unused.
pub const DAYS: &str = "days";
/// The days that it takes where none are given, as Security Hub does.
pub const USUAL: u32 = 90;

/// The checks of this family.
pub static CHECKS: &[Check] = &[Check {
    id: UNUSED,
    title: "An active access key has not been used for a long time, or never",
    why: "An access key never expires: whoever finds it in an old file or repository can use it, and nobody \
          misses it.",
    severity: Severity::Medium,
    kind: Kind::AccessKey,
    known_as: &[
        ("security-hub", &["IAM.8", "IAM.22"]),
        ("cis-1.2.0", &["1.3"]),
        ("cis-1.4.0", &["1.12"]),
        ("cis-1.5.0", &["1.12"]),
        ("cis-2.0.0", &["1.12"]),
        ("cis-3.0.0", &["1.12"]),
        ("cis-4.0.0", &["1.12"]),
        ("cis-5.0.0", &["1.11"]),
        ("cis-6.0.0", &["2.11"]),
        ("cis-7.0.0", &["2.11"]),
        ("prowler", &["iam_user_accesskey_unused"]),
        ("config-managed", &["iam-user-unused-credentials-check"]),
    ],
    triggers: &["iam:CreateAccessKey", "iam:UpdateAccessKey"],
    judge,
    ..OF_KEYS
}];

/// The part that all checks on access keys share: those of users who have an active one are listed.
pub(super) const OF_KEYS: Check = Check {
    id: "",
    title: "",
    why: "",
    severity: Severity::Medium,
    kind: Kind::AccessKey,
    known_as: &[],
    triggers: &[],
    scanned: true,
    reads: |_| vec![listing()],
    reads_one: |_, resource, _| vec![Want::id("", FamilyKind::AccessKeys, resource.id())],
    resources: |inventory, _| {
        let known = inventory.access_keys.known().map(|(id, _)| id);
        let unknown = inventory.access_keys.items.unknown().into_iter().map(|(id, _)| id.as_str());
        let arn = |id: &str| FamilyKind::AccessKeys.resource(&inventory.owner, "", id);
        known.chain(unknown).filter_map(arn).collect()
    },
    judge: |_, _, _| Verdict::Unknown("it judges nothing".to_owned()),
    silence: |inventory, _| {
        let listed = inventory.access_keys.listed(&listing().selector);
        listed.silence().map(|why| format!("access keys: {why}"))
    },
    tags: |inventory, resource| {
        let key = inventory.access_keys.get(resource.id());
        key.known().and_then(|key| key.tags.known().cloned()).unwrap_or_default()
    },
};

/// Returns the question for the keys that are active.
fn listing() -> Want {
    Want::by("", FamilyKind::AccessKeys, AccessKey::STATUS, AccessKey::ACTIVE)
}

/// Returns the days after which a key counts as unused.
pub fn days(with: &Value) -> u32 {
    with.get(DAYS).and_then(Value::as_u64).and_then(|days| u32::try_from(days).ok()).unwrap_or(USUAL)
}

/// Returns the time before which the last use of a key is too long ago.
pub fn since(now: Timestamp, days: u32) -> Option<Timestamp> {
    now.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).ok()
}

/// Returns the time from which the age of a key counts: its last use, or for one that was never used its
/// creation.
///
/// # Errors
/// The reason for which it is not known.
pub fn last_sign(key: &AccessKey) -> Result<Timestamp, String> {
    let created = || match &key.created {
        Fact::Known(time) => Ok(*time),
        silent => Err(format!("when it was created: {}", silent.silence().unwrap_or("there is no answer"))),
    };
    match &key.last_used {
        // A key that is activated again may have been used before it was created only by a clock that is
        // wrong.
        Fact::Known(LastUse { date, .. }) => Ok(*date),
        Fact::Absent => created(),
        silent => Err(format!("its last use: {}", silent.silence().unwrap_or("there is no answer"))),
    }
}

/// Describes the last use of a key.
pub fn last_use(key: &AccessKey) -> String {
    match &key.last_used {
        Fact::Known(LastUse { date, region, service }) => {
            let place = if region == "N/A" { String::new() } else { format!(" in {region}") };
            format!("last used on {} for {service}{place}", day(*date))
        }
        _ => match &key.created {
            Fact::Known(created) => format!("created on {} and never used", day(*created)),
            _ => "never used".to_owned(),
        },
    }
}

/// Returns the day of a time, in UTC.
pub(super) fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

fn judge(inventory: &Inventory, resource: &ResourceId, with: &Value) -> Verdict {
    let key = match inventory.access_keys.get(resource.id()) {
        Fact::Known(key) => key,
        Fact::Absent => return Verdict::Ok(Some("the access key no longer exists".to_owned())),
        silent => {
            return Verdict::Unknown(format!("the access key: {}", silent.silence().unwrap_or_default()));
        }
    };
    match key.status.as_str() {
        AccessKey::INACTIVE | "Expired" => return Verdict::Ok(None),
        AccessKey::ACTIVE => {}
        other => return Verdict::Unknown(format!("its status is {other:?}, which redress does not know")),
    }
    let days = days(with);
    match (last_sign(key), since(inventory.read_at, days)) {
        (Err(why), _) => Verdict::Unknown(why),
        (_, None) => Verdict::Unknown(format!("{days} days ago is no time that a calendar has")),
        (Ok(sign), Some(limit)) if sign < limit => Verdict::Violates(json!({
            "user": key.user,
            "use": last_use(key),
            "unused_for_days": days,
            "note": "AWS can be four hours late with the last use",
        })),
        _ => Verdict::Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks,
        inventory::{Caller, Selector, Tags},
        resource::Owner,
    };

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn key() -> AccessKey {
        AccessKey {
            id: "AKIA1".into(),
            user: "bo".into(),
            status: "Active".into(),
            created: Fact::Known(time("2024-01-01T00:00:00Z")),
            last_used: Fact::Absent,
            tags: Fact::Known(Tags::new()),
            ..AccessKey::default()
        }
    }

    fn used(date: &str) -> Fact<LastUse> {
        Fact::Known(LastUse { date: time(date), region: "us-east-1".into(), service: "s3".into() })
    }

    fn account(key: Fact<AccessKey>) -> Inventory {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let mut account = Inventory::empty(owner, Caller::default(), time("2026-11-22T10:00:00Z"));
        account.access_keys.items.insert("AKIA1".into(), key);
        account
    }

    fn judged(key: Fact<AccessKey>, with: &Value) -> Verdict {
        let account = account(key);
        judge(&account, &account.owner.access_key("AKIA1"), with)
    }

    #[test]
    fn a_key_is_unused_by_its_last_use_or_by_its_creation_where_it_was_never_used() {
        let violates =
            |key: AccessKey| matches!(judged(Fact::Known(key), &Value::Null), Verdict::Violates(_));
        assert!(violates(key()), "never used, and old");
        assert!(
            !violates(AccessKey { created: Fact::Known(time("2026-11-01T00:00:00Z")), ..key() }),
            "it is new"
        );
        assert!(violates(AccessKey { last_used: used("2026-08-24T09:59:59Z"), ..key() }));
        assert!(
            !violates(AccessKey { last_used: used("2026-08-24T10:00:00Z"), ..key() }),
            "90 days to the second"
        );
        let verdict = judged(
            Fact::Known(AccessKey { last_used: used("2026-10-01T00:00:00Z"), ..key() }),
            &json!({ "days": 45 }),
        );
        assert!(matches!(verdict, Verdict::Violates(with) if with["use"]
            == "last used on 2026-10-01 for s3 in us-east-1" && with["unused_for_days"] == 45));
    }

    #[test]
    fn only_the_word_that_says_so_makes_a_key_inactive() {
        for status in ["Inactive", "Expired"] {
            let verdict = judged(Fact::Known(AccessKey { status: status.into(), ..key() }), &Value::Null);
            assert_eq!(verdict, Verdict::Ok(None), "{status}");
        }
        for status in ["", "Suspended"] {
            let verdict = judged(Fact::Known(AccessKey { status: status.into(), ..key() }), &Value::Null);
            assert!(matches!(verdict, Verdict::Unknown(_)), "{status}");
        }
    }

    #[test]
    fn what_was_not_read_is_unknown() {
        for key in [
            Fact::unknown("AccessDenied"),
            Fact::NotRead,
            Fact::Known(AccessKey { last_used: Fact::unknown("AccessDenied"), ..key() }),
            Fact::Known(AccessKey { last_used: Fact::NotRead, ..key() }),
            Fact::Known(AccessKey { created: Fact::unknown("?"), ..key() }),
        ] {
            assert!(matches!(judged(key.clone(), &Value::Null), Verdict::Unknown(_)), "{key:?}");
        }
    }

    #[test]
    fn a_scan_that_could_not_list_keys_says_so() {
        let mut account = account(Fact::unknown("AccessDenied: of bo"));
        let check = checks::find(UNUSED).unwrap();
        let regions = ["us-east-1".to_owned()];
        let (_, unjudged) = checks::run(&account, &regions, &[check], |_| Value::Null);
        assert_eq!(unjudged.len(), 1);
        account.access_keys.read(&Selector::by("status", "Active"), Fact::Known(()));
        let (findings, unjudged) = checks::run(&account, &regions, &[check], |_| Value::Null);
        assert!(unjudged.is_empty());
        assert!(matches!(&findings[0].verdict, Verdict::Unknown(why) if why.contains("of bo")));
    }
}
