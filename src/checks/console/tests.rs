//! Users of small accounts: whose password is unused, who signs in without MFA, and what is not known.

use super::*;
use crate::{
    inventory::{Caller, IamGroup, LoginProfile, MfaDevices},
    resource::Owner,
};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const NOW: &str = "2026-11-22T10:00:00Z";

/// Builds an account with a user that has an old password, never used, and no MFA.
fn account() -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let mut it = Inventory::empty(owner, Caller::default(), time(NOW));
    let old = || Fact::Known(time("2024-01-01T00:00:00Z"));
    let row = CredentialRow {
        id: "bo".into(),
        generated: Fact::Known(time("2026-11-22T09:00:00Z")),
        user_created: old(),
        password_enabled: Fact::Known(true),
        password_last_used: Fact::Absent,
        password_last_changed: old(),
        mfa_active: Fact::Known(false),
        keys: Vec::new(),
    };
    let user = User {
        id: "bo".into(),
        groups: Fact::Known(vec!["staff".into()]),
        inline_policies: Fact::Known([].into()),
        ..User::default()
    };
    let staff =
        IamGroup { id: "staff".into(), inline_policies: Fact::Known([].into()), ..IamGroup::default() };
    it.credential_reports.put("bo", row);
    it.users.put("bo", user);
    it.iam_groups.put("staff", staff);
    it.credential_reports.read(&Selector::All, Fact::Known(()));
    it
}

fn judged(it: &Inventory, check: &str, with: &Value) -> Verdict {
    (crate::checks::find(check).unwrap().judge)(it, &it.owner.user("bo"), with)
}

fn of(check: &str, change: impl FnOnce(&mut Inventory)) -> Verdict {
    let mut it = account();
    change(&mut it);
    judged(&it, check, &Value::Null)
}

fn row_of(it: &mut Inventory) -> &mut CredentialRow {
    it.credential_reports.get_mut("bo").unwrap()
}

#[test]
fn the_latest_of_use_setting_and_creation_counts() {
    assert!(
        matches!(of(UNUSED, |_| {}), Verdict::Violates(e) if e["use"] == "set on 2024-01-01 and never used")
    );
    let recent = || Fact::Known(time("2026-11-01T00:00:00Z"));
    let changes: [fn(&mut CredentialRow, Fact<Timestamp>); 3] = [
        |row, at| row.password_last_used = at,
        |row, at| row.password_last_changed = at,
        |row, at| row.user_created = at,
    ];
    for change in changes {
        assert_eq!(of(UNUSED, |it| change(row_of(it), recent())), Verdict::Ok(None));
    }
    // The report is older than the reading of the user and of the password itself.
    let old = || Fact::Known(time("2024-01-01T00:00:00Z"));
    for (created, last_used) in [(recent(), Fact::Absent), (old(), recent())] {
        let login = LoginProfile { id: "bo".into(), created, last_used };
        assert_eq!(of(UNUSED, |it| it.login_profiles.put("bo", login)), Verdict::Ok(None));
    }
    let it = account();
    assert!(matches!(judged(&it, UNUSED, &json!({ "days": 3000 })), Verdict::Ok(None)));
    let edge = |text: &str| of(UNUSED, |it| row_of(it).password_last_used = Fact::Known(time(text)));
    assert_eq!(edge("2026-08-24T10:00:00Z"), Verdict::Ok(None), "90 days to the second");
    assert!(matches!(edge("2026-08-24T09:59:59Z"), Verdict::Violates(_)));
}

#[test]
fn who_has_no_password_is_fine_and_a_fresh_answer_beats_the_report() {
    for check in [UNUSED, WITHOUT_MFA] {
        assert_eq!(of(check, |it| row_of(it).password_enabled = Fact::Known(false)), Verdict::Ok(None));
        let gone = of(check, |it| {
            it.login_profiles.items.insert("bo".into(), Fact::Absent);
        });
        assert_eq!(gone, Verdict::Ok(None), "the report still shows a password that was deleted");
        let came = of(check, |it| {
            row_of(it).password_enabled = Fact::Known(false);
            let login = LoginProfile {
                id: "bo".into(),
                created: Fact::Known(time("2024-01-01T00:00:00Z")),
                last_used: Fact::Absent,
            };
            it.login_profiles.put("bo", login);
        });
        assert!(matches!(came, Verdict::Violates(_)));
    }
    let devices = |devices: &[&str]| MfaDevices {
        id: "bo".into(),
        devices: devices.iter().map(|one| (*one).to_owned()).collect(),
    };
    assert_eq!(of(WITHOUT_MFA, |it| it.mfa_devices.put("bo", devices(&["arn:mfa"]))), Verdict::Ok(None));
    assert_eq!(of(WITHOUT_MFA, |it| row_of(it).mfa_active = Fact::Known(true)), Verdict::Ok(None));
    let lost = of(WITHOUT_MFA, |it| {
        row_of(it).mfa_active = Fact::Known(true);
        it.mfa_devices.put("bo", devices(&[]));
    });
    assert!(matches!(lost, Verdict::Violates(_)));
}

#[test]
fn what_redress_has_denied_is_retained_while_its_policy_is_there_as_it_was_written() {
    let denied = |check: &str, policy: Value| {
        of(check, |it| {
            let policies = [("any-name".to_owned(), policy)].into();
            it.users.get_mut("bo").unwrap().inline_policies = Fact::Known(policies);
        })
    };
    let mut weaker = policies::denial();
    weaker["Statement"][0]["Action"] = json!("s3:*");
    for check in [UNUSED, WITHOUT_MFA] {
        assert!(matches!(denied(check, policies::denial()), Verdict::Retained(_)), "{check}");
        assert!(matches!(denied(check, weaker.clone()), Verdict::Violates(_)), "{check}");
    }
    let group = |policy: Value| {
        of(WITHOUT_MFA, |it| {
            let policies = [("any-name".to_owned(), policy)].into();
            it.iam_groups.get_mut("staff").unwrap().inline_policies = Fact::Known(policies);
        })
    };
    let required = policies::mfa_required(&account().owner);
    assert!(matches!(group(required.clone()), Verdict::Retained(why) if why.contains("group staff")));
    let mut weaker = required;
    weaker["Statement"][3]["NotAction"].as_array_mut().unwrap().push(json!("iam:CreateAccessKey"));
    assert!(matches!(group(weaker), Verdict::Violates(_)));
}

#[test]
fn what_was_not_read_is_unknown_and_never_fine() {
    let denied = || Fact::unknown("AccessDenied");
    let both: [fn(&mut Inventory); 4] = [
        |it| it.credential_reports = Default::default(),
        |it| row_of(it).password_enabled = Fact::unknown("?"),
        |it| drop(it.login_profiles.items.insert("bo".into(), Fact::unknown("AccessDenied"))),
        |it| drop(it.credential_reports.items.remove("bo")),
    ];
    for (n, change) in both.into_iter().enumerate() {
        for check in [UNUSED, WITHOUT_MFA] {
            assert!(matches!(of(check, change), Verdict::Unknown(_)), "{check} {n}");
        }
    }
    for change in [
        (|it| row_of(it).password_last_used = Fact::unknown("?")) as fn(&mut Inventory),
        |it| row_of(it).password_last_changed = Fact::unknown("?"),
        |it| {
            let login =
                LoginProfile { id: "bo".into(), created: Fact::Absent, last_used: Fact::unknown("?") };
            it.login_profiles.put("bo", login);
        },
        |it| it.users.get_mut("bo").unwrap().inline_policies = Fact::unknown("AccessDenied"),
        |it| drop(it.users.items.insert("bo".into(), Fact::unknown("AccessDenied"))),
    ] {
        assert!(matches!(of(UNUSED, change), Verdict::Unknown(_)));
    }
    for change in [
        (|it| row_of(it).mfa_active = Fact::unknown("?")) as fn(&mut Inventory),
        |it| drop(it.mfa_devices.items.insert("bo".into(), Fact::unknown("AccessDenied"))),
        |it| it.users.get_mut("bo").unwrap().groups = Fact::unknown("AccessDenied"),
        |it| drop(it.iam_groups.items.insert("staff".into(), Fact::unknown("AccessDenied"))),
    ] {
        assert!(matches!(of(WITHOUT_MFA, change), Verdict::Unknown(_)));
    }
    let mut it = account();
    it.credential_reports.read(&Selector::All, denied());
    let check = crate::checks::find(UNUSED).unwrap();
    assert!((check.silence)(&it, "us-east-1").is_some_and(|why| why.contains("AccessDenied")));
    // The root user is nobody's to deny; a user that is gone is no finding.
    it.credential_reports.put(CredentialRow::ROOT, CredentialRow::default());
    assert!((check.resources)(&it, &[]).iter().all(|one| one.id() == "bo"));
    let gone = of(UNUSED, |it| {
        it.users.items.insert("bo".into(), Fact::Absent);
        it.credential_reports.items.remove("bo");
    });
    assert!(matches!(gone, Verdict::Ok(Some(why)) if why.contains("no longer exists")));
}
