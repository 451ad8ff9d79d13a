//! The check on the root user: it has no access keys.

use serde_json::json;

use super::Check;
use crate::{
    finding::{Severity, Verdict},
    inventory::{AccountSummary, Fact, FamilyKind, Inventory, Tags, Want},
    resource::Kind,
};

/// The id of the check.
pub const ROOT_ACCESS_KEY: &str = "root-access-key";

/// The steps that a person takes: no other identity may.
const STEPS: &str = "sign in as the root user, see under Security credentials what uses the key, give that a \
                     role, then deactivate the key and delete it; in an organization with central root \
                     access, \
                     a session of sts:AssumeRoot can do the same";

/// The checks of this family.
pub static CHECKS: &[Check] = &[Check {
    id: ROOT_ACCESS_KEY,
    title: "The root user of the account has an access key",
    why: "A key of the root user can do everything in the account, and no policy of the account can restrict \
          it. Only the root user itself can deactivate it.",
    severity: Severity::Critical,
    kind: Kind::Account,
    known_as: &[
        ("security-hub", &["IAM.4"]),
        ("cis-1.2.0", &["1.12"]),
        ("cis-1.4.0", &["1.4"]),
        ("cis-1.5.0", &["1.4"]),
        ("cis-2.0.0", &["1.4"]),
        ("cis-3.0.0", &["1.4"]),
        ("cis-4.0.0", &["1.4"]),
        ("cis-5.0.0", &["1.3"]),
        ("cis-6.0.0", &["2.3"]),
        ("cis-7.0.0", &["2.4"]),
        ("prowler", &["iam_no_root_access_key"]),
        ("config-managed", &["iam-root-access-key-check"]),
    ],
    triggers: &["iam:CreateAccessKey"],
    scanned: true,
    reads: |_| vec![Want::all("", FamilyKind::AccountSummaries)],
    reads_one: |_, _, _| vec![Want::all("", FamilyKind::AccountSummaries)],
    resources: |inventory, _| vec![inventory.owner.root()],
    judge: |inventory, _, _| judge(inventory),
    // The account is judged once; that verdict includes a summary that could not be read.
    silence: |_, _| None,
    tags: |_, _| Tags::new(),
}];

fn judge(inventory: &Inventory) -> Verdict {
    let summary = match inventory.account_summaries.get(AccountSummary::ID) {
        Fact::Known(summary) => summary,
        silent => {
            let why = silent.silence().unwrap_or("there is none");
            return Verdict::Unknown(format!("the summary of the account: {why}"));
        }
    };
    match &summary.root_access_keys {
        Fact::Known(0) => Verdict::Ok(None),
        Fact::Known(keys) => Verdict::Violates(json!({ "access_keys": keys, "steps": STEPS })),
        silent => Verdict::Unknown(format!(
            "the access keys of the root user: {}",
            silent.silence().unwrap_or("there is no answer")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{inventory::Caller, resource::Owner};

    fn judged(summary: Fact<AccountSummary>) -> Verdict {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let mut account = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
        account.account_summaries.items.insert(AccountSummary::ID.into(), summary);
        judge(&account)
    }

    #[test]
    fn a_key_of_the_root_user_is_found_with_the_steps_and_what_is_not_known_is_not_fine() {
        let with = |root_access_keys| Fact::Known(AccountSummary { root_access_keys, ..Default::default() });
        assert_eq!(judged(with(Fact::Known(0))), Verdict::Ok(None));
        assert!(matches!(judged(with(Fact::Known(1))), Verdict::Violates(with)
                if with["steps"].as_str().is_some_and(|steps| steps.contains("sts:AssumeRoot"))));
        for silent in [with(Fact::NotRead), Fact::unknown("AccessDenied"), Fact::Absent, Fact::NotRead] {
            assert!(matches!(judged(silent.clone()), Verdict::Unknown(_)), "{silent:?}");
        }
    }
}
