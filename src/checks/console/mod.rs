//! Checks of passwords for the console: one that nobody uses, and one without MFA beside it. The users come
//! from the credential report, which may be four hours old; a change reads its user afresh.

pub mod policies;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Check, access_keys};
use crate::{
    finding::{Severity, Verdict},
    inventory::{CredentialRow, Fact, FamilyKind, Inventory, Selector, Tags, User, Want},
    resource::{Kind, ResourceId},
};

/// The id of the check on passwords that nobody uses.
pub const UNUSED: &str = "console-password-unused";
/// The id of the check on passwords without MFA.
pub const WITHOUT_MFA: &str = "user-without-mfa";
/// The parameter of the first: the days after which a password counts as unused.
pub const DAYS: &str = "days";

/// The checks of this family.
pub static CHECKS: &[Check] = &[
    Check {
        id: UNUSED,
        title: "A password for the console has not been used for a long time, or never",
        why: "Nobody misses a password that nobody uses, and nobody notices who finds it. Those who have \
              left keep their way in.",
        severity: Severity::Medium,
        kind: Kind::User,
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
            ("prowler", &["iam_user_console_access_unused"]),
            ("config-managed", &["iam-user-unused-credentials-check"]),
        ],
        triggers: &["iam:CreateLoginProfile", "iam:UpdateLoginProfile"],
        scanned: true,
        reads: |_| listings(),
        reads_one: |inventory, resource, _| wants(inventory, resource),
        resources,
        judge: unused,
        silence,
        tags,
    },
    Check {
        id: WITHOUT_MFA,
        title: "A user signs in to the console with a password alone",
        why: "A password that is guessed, reused or phished is enough to come in.",
        severity: Severity::Medium,
        kind: Kind::User,
        known_as: &[
            ("security-hub", &["IAM.5", "IAM.19"]),
            ("cis-1.2.0", &["1.2"]),
            ("cis-1.4.0", &["1.10"]),
            ("cis-1.5.0", &["1.10"]),
            ("cis-2.0.0", &["1.10"]),
            ("cis-3.0.0", &["1.10"]),
            ("cis-4.0.0", &["1.10"]),
            ("cis-5.0.0", &["1.9"]),
            ("cis-6.0.0", &["2.9"]),
            ("cis-7.0.0", &["2.10"]),
            ("prowler", &["iam_user_mfa_enabled_console_access"]),
            ("config-managed", &["mfa-enabled-for-iam-console-access", "iam-user-mfa-enabled"]),
        ],
        triggers: &["iam:CreateLoginProfile", "iam:DeactivateMFADevice"],
        scanned: true,
        reads: |_| {
            let groups = Want::all("", FamilyKind::IamGroups);
            listings().into_iter().chain([groups]).collect()
        },
        reads_one: |inventory, resource, _| {
            let name = resource.id();
            let mut all = wants(inventory, resource);
            all.push(Want::id("", FamilyKind::MfaDevices, name));
            let groups = inventory.users.get(name).known().and_then(|user| user.groups.known());
            all.extend(groups.into_iter().flatten().map(|name| Want::id("", FamilyKind::IamGroups, name)));
            all
        },
        resources,
        judge: without_mfa,
        silence,
        tags,
    },
];

/// Asks for the credential report and the users.
fn listings() -> Vec<Want> {
    [FamilyKind::CredentialReports, FamilyKind::Users].map(|family| Want::all("", family)).to_vec()
}

fn wants(_: &Inventory, resource: &ResourceId) -> Vec<Want> {
    let name = resource.id();
    vec![
        Want::all("", FamilyKind::CredentialReports),
        Want::id("", FamilyKind::Users, name),
        Want::id("", FamilyKind::LoginProfiles, name),
    ]
}

/// Returns the users that have a password, as far as the report shows it.
fn resources(inventory: &Inventory, _: &[String]) -> Vec<ResourceId> {
    let signs_in = |(name, row): &(&str, &CredentialRow)| {
        *name != CredentialRow::ROOT && row.password_enabled != Fact::Known(false)
    };
    let known = inventory.credential_reports.known().filter(signs_in);
    known.map(|(name, _)| inventory.owner.user(name)).collect()
}

fn silence(inventory: &Inventory, _: &str) -> Option<String> {
    let listed = inventory.credential_reports.listed(&Selector::All);
    listed.silence().map(|why| format!("the credential report: {why}"))
}

fn tags(inventory: &Inventory, resource: &ResourceId) -> Tags {
    inventory.users.get(resource.id()).known().map(|user| user.tags.clone()).unwrap_or_default()
}

/// Returns the row of the credential report of a user that has a password.
///
/// # Errors
/// The verdict on a user without one, or on one of which that is not known.
pub fn row<'i>(inventory: &'i Inventory, name: &str) -> Result<&'i CredentialRow, Verdict> {
    let login = inventory.login_profiles.get(name);
    if login.is_absent() {
        return Err(Verdict::Ok(None));
    }
    if let Some(why) = login.reason() {
        return Err(Verdict::Unknown(format!("whether user {name} has a password: {why}")));
    }
    let row = match inventory.credential_reports.get(name) {
        Fact::Known(row) => row,
        Fact::Absent if inventory.users.get(name).is_absent() => {
            return Err(Verdict::Ok(Some("the user no longer exists".to_owned())));
        }
        Fact::Absent => {
            return Err(Verdict::Unknown(format!(
                "user {name} is not in the credential report, of which AWS makes a new one every four hours"
            )));
        }
        silent => {
            let why = silent.silence().unwrap_or_default();
            return Err(Verdict::Unknown(format!("the credential report: {why}")));
        }
    };
    match (&row.password_enabled, login) {
        (_, Fact::Known(_)) | (Fact::Known(true), _) => Ok(row),
        (Fact::Known(false), _) => Err(Verdict::Ok(None)),
        (silent, _) => Err(Verdict::Unknown(format!(
            "whether user {name} has a password: {}",
            silent.silence().unwrap_or("AWS does not report it")
        ))),
    }
}

/// Returns the time from which the age of a password counts: its last use, or when it was set, or when its
/// user was created, whichever is the latest. AWS has recorded the use of passwords since October 2014.
///
/// # Errors
/// The reason for which it is not known.
pub fn last_sign(inventory: &Inventory, row: &CredentialRow) -> Result<Timestamp, String> {
    let login = inventory.login_profiles.get(&row.id).known().copied();
    let fresh = login.into_iter().flat_map(|login| [&login.created, &login.last_used]);
    let all: Vec<&Fact<Timestamp>> = [&row.password_last_used, &row.password_last_changed, &row.user_created]
        .into_iter()
        .chain(fresh)
        .collect();
    if let Some(why) = all.iter().find_map(|fact| fact.silence()) {
        return Err(format!("when the password of user {} was used or set: {why}", row.id));
    }
    let latest = all.into_iter().filter_map(Fact::known).max().copied();
    latest.ok_or_else(|| format!("AWS does not report when the password of user {} was set", row.id))
}

/// Describes the last use of a password.
pub fn last_use(inventory: &Inventory, row: &CredentialRow) -> String {
    let login = inventory.login_profiles.get(&row.id).known().copied();
    let fresh = login.and_then(|login| login.last_used.known());
    let day = |time: &Timestamp| time.strftime("%Y-%m-%d").to_string();
    match (row.password_last_used.known().max(fresh), row.password_last_changed.known()) {
        (Some(used), _) => format!("last used on {}", day(used)),
        (None, Some(set)) => format!("set on {} and never used", day(set)),
        (None, None) => "never used".to_owned(),
    }
}

/// Returns whether a policy of a user denies sessions, as redress denies them.
pub fn is_denied(user: &User) -> Fact<bool> {
    let denial = policies::denial();
    user.inline_policies.as_ref().map(|all| all.values().any(|policy| *policy == denial))
}

/// The reason for which nothing is left to do about a user that [`is_denied`].
const DENIED: &str = "a policy denies what is done in the console";

fn unused(inventory: &Inventory, resource: &ResourceId, with: &Value) -> Verdict {
    let name = resource.id();
    let row = match row(inventory, name) {
        Ok(row) => row,
        Err(verdict) => return verdict,
    };
    let days = access_keys::days(with);
    match (last_sign(inventory, row), access_keys::since(inventory.read_at, days)) {
        (Err(why), _) => return Verdict::Unknown(why),
        (_, None) => return Verdict::Unknown(format!("{days} days ago is no time that a calendar has")),
        (Ok(sign), Some(limit)) if sign >= limit => return Verdict::Ok(None),
        _ => {}
    }
    let denied = match inventory.users.get(name) {
        Fact::Known(user) => is_denied(user),
        silent => silent.map(|_| false),
    };
    match denied {
        Fact::Known(true) => Verdict::Retained(DENIED.to_owned()),
        Fact::Known(false) => Verdict::Violates(json!({
            "use": last_use(inventory, row),
            "unused_for_days": days,
            "report_made": row.generated.known(),
        })),
        silent => Verdict::Unknown(format!(
            "the policies of user {name}: {}",
            silent.silence().unwrap_or("the user is not found")
        )),
    }
}

/// Returns the group of a user whose policy requires MFA, as redress requires it.
///
/// # Errors
/// The reason for which it is not known.
pub fn required_by<'i>(inventory: &'i Inventory, name: &str) -> Result<Option<&'i str>, String> {
    let user = match inventory.users.get(name) {
        Fact::Known(user) => user,
        silent => return Err(format!("user {name}: {}", silent.silence().unwrap_or("it is not found"))),
    };
    let groups = match &user.groups {
        Fact::Known(groups) => groups,
        silent => return Err(format!("the groups of user {name}: {}", silent.silence().unwrap_or_default())),
    };
    let mut unknown = None;
    for group in groups {
        match requires(inventory, group) {
            Fact::Known(true) => return Ok(Some(group)),
            Fact::Known(false) => {}
            silent => {
                let why = silent.silence().unwrap_or("it is not found").to_owned();
                unknown.get_or_insert(format!("the policies of group {group}: {why}"));
            }
        }
    }
    unknown.map_or(Ok(None), Err)
}

/// Returns whether a policy of a group requires MFA, as redress requires it.
pub fn requires(inventory: &Inventory, group: &str) -> Fact<bool> {
    match inventory.iam_groups.get(group) {
        Fact::Known(found) => {
            let required = policies::mfa_required(&inventory.owner);
            found.inline_policies.as_ref().map(|all| all.values().any(|policy| *policy == required))
        }
        silent => silent.map(|_| false),
    }
}

/// Returns whether a user has an MFA device: as it was asked for, or as the report shows it.
fn has_mfa(inventory: &Inventory, row: &CredentialRow) -> Fact<bool> {
    match inventory.mfa_devices.get(&row.id) {
        Fact::NotRead => row.mfa_active.clone(),
        asked => asked.map(|found| !found.devices.is_empty()),
    }
}

fn without_mfa(inventory: &Inventory, resource: &ResourceId, _: &Value) -> Verdict {
    let name = resource.id();
    let row = match row(inventory, name) {
        Ok(row) => row,
        Err(verdict) => return verdict,
    };
    match has_mfa(inventory, row) {
        Fact::Known(true) => return Verdict::Ok(None),
        Fact::Known(false) => {}
        silent => {
            let why = silent.silence().unwrap_or("the user is not found");
            return Verdict::Unknown(format!("whether user {name} has an MFA device: {why}"));
        }
    }
    // Who can do nothing in the console could not enrol a device, either.
    if inventory.users.get(name).known().is_some_and(|user| is_denied(user) == Fact::Known(true)) {
        return Verdict::Retained(DENIED.to_owned());
    }
    match required_by(inventory, name) {
        Ok(Some(group)) => Verdict::Retained(format!(
            "group {group} denies user {name} everything without MFA but to enrol a device, which is for the \
             person to do"
        )),
        Ok(None) => Verdict::Violates(json!({
            "use": last_use(inventory, row),
            "report_made": row.generated.known(),
        })),
        Err(why) => Verdict::Unknown(why),
    }
}

#[cfg(test)]
mod tests;
