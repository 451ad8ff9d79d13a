//! Facts about the identities of an account: IAM users, groups, customer managed policies, access keys, and
//! the summary of the account. Secrets are no part of them: AWS shows the secret of an access key once, to
//! whoever creates it. Nothing here judges.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Fact, Record, Tags,
    about::{About, Arn},
    permissions::{On, Reading, When, on_all},
};
use crate::resource::Kind;

/// The IAM action that lists users, groups and policies with all that they may do.
const LISTED: Reading =
    Reading { action: "iam:GetAccountAuthorizationDetails", when: When::Listed, on: On::All };

const fn by_id(action: &'static str) -> Reading {
    Reading { action, when: When::ById, on: On::Thing }
}

/// An IAM user: a listing reads it by `iam:GetAccountAuthorizationDetails`, a reading by name by
/// `iam:GetUser` and the lists of its groups and policies.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct User {
    /// Name. It is unique in the account, whatever the path.
    pub id: String,
    /// ARN, with the path.
    pub arn: String,
    /// `AIDA...`: the id that no later user of the same name has.
    pub user_id: String,
    /// The time at which it was created.
    pub created: Fact<Timestamp>,
    /// The time at which its password was last used; a listing does not read it, see
    /// [`super::CredentialRow`].
    pub password_last_used: Fact<Timestamp>,
    /// The names of its groups.
    pub groups: Fact<Vec<String>>,
    /// Inline policies by name, as JSON.
    pub inline_policies: Fact<BTreeMap<String, Value>>,
    /// ARNs of attached policies.
    pub attached_policies: Fact<Vec<String>>,
    /// ARN of the policy that bounds what it may do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<String>,
    /// Tags.
    pub tags: Tags,
}

const READ_USERS: &[Reading] = &[
    LISTED,
    by_id("iam:GetUser"),
    by_id("iam:ListGroupsForUser"),
    by_id("iam:ListUserPolicies"),
    Reading { action: "iam:GetUserPolicy", when: When::Fact("the user has an inline policy"), on: On::Thing },
    by_id("iam:ListAttachedUserPolicies"),
];

impl Record for User {
    const ABOUT: About = About {
        kind: Some(Kind::User),
        // IAM authorizes on the ARN with the path, which a name does not show.
        arn: Arn {
            one: &["iam::{account}:user/{id}", "iam::{account}:user/*/{id}"],
            any: "iam::{account}:user/*",
        },
        not_found: "NoSuchEntity",
        ..About::read_by(READ_USERS)
    };
    const VOLATILE: &'static [&'static str] = &["password_last_used"];
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
    fn tags_mut(&mut self) -> Option<&mut Tags> {
        Some(&mut self.tags)
    }
    fn complete(&mut self, earlier: &Self) {
        if self.password_last_used == Fact::NotRead {
            self.password_last_used = earlier.password_last_used.clone();
        }
    }
}

/// An IAM group: a listing reads it by `iam:GetAccountAuthorizationDetails`, a reading by name by the lists
/// of its policies.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IamGroup {
    /// Name.
    pub id: String,
    /// Inline policies by name, as JSON.
    pub inline_policies: Fact<BTreeMap<String, Value>>,
    /// ARNs of attached policies.
    pub attached_policies: Fact<Vec<String>>,
}

const READ_GROUPS: &[Reading] = &[
    LISTED,
    by_id("iam:ListGroupPolicies"),
    Reading {
        action: "iam:GetGroupPolicy",
        when: When::Fact("the group has an inline policy"),
        on: On::Thing,
    },
    by_id("iam:ListAttachedGroupPolicies"),
];

impl Record for IamGroup {
    const ABOUT: About = About {
        kind: Some(Kind::Group),
        arn: Arn {
            one: &["iam::{account}:group/{id}", "iam::{account}:group/*/{id}"],
            any: "iam::{account}:group/*",
        },
        not_found: "NoSuchEntity",
        ..About::read_by(READ_GROUPS)
    };
}

/// A customer managed policy with its default version: a listing reads it by
/// `iam:GetAccountAuthorizationDetails`, a reading by ARN by `iam:GetPolicy` and `iam:GetPolicyVersion`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ManagedPolicy {
    /// ARN.
    pub id: String,
    /// The default version, as JSON.
    pub document: Value,
}

const READ_POLICIES: &[Reading] = &[LISTED, by_id("iam:GetPolicy"), by_id("iam:GetPolicyVersion")];

impl Record for ManagedPolicy {
    const ABOUT: About = About {
        arn: Arn { one: &[], any: "iam::{account}:policy/*" },
        not_found: "NoSuchEntity",
        ..About::read_by(READ_POLICIES)
    };
}

/// The last use of an access key, as far as AWS has recorded it: it can lag behind by four hours
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html>).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LastUse {
    /// The time.
    pub date: Timestamp,
    /// The region, as AWS names it.
    pub region: String,
    /// The service, as AWS names it: `s3`.
    pub service: String,
}

/// An access key of an IAM user, without its secret, which AWS does not show again. A reading by id asks
/// whose key it is (`iam:GetAccessKeyLastUsed`) and then lists that user's keys: no request leaves out the
/// name of the user, since AWS then takes the caller for it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccessKey {
    /// `AKIA...`
    pub id: String,
    /// The name of its user.
    pub user: String,
    /// `Active`, `Inactive` or `Expired`.
    pub status: String,
    /// The time at which it was created.
    pub created: Fact<Timestamp>,
    /// Its last use; absent for a key that was never used.
    pub last_used: Fact<LastUse>,
    /// `true` for the key that signs the requests of redress itself.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub of_caller: bool,
    /// The tags of its user: an access key has none of its own.
    pub tags: Fact<Tags>,
}

impl AccessKey {
    /// The filter by the status. A listing of those that are `Active` is as old as the credential report that
    /// leads to them.
    pub const STATUS: &'static str = "status";
    /// The filter by the name of the user.
    pub const USER: &'static str = "user";
    /// The status of a key that signs requests.
    pub const ACTIVE: &'static str = "Active";
    /// The status of a key that is deactivated.
    pub const INACTIVE: &'static str = "Inactive";
}

/// Builds a reading that IAM authorizes on the user, whom the id of a key does not name.
const fn of_user(action: &'static str, when: When) -> Reading {
    Reading { action, when, on: On::Any }
}

const READ_KEYS: &[Reading] = &[
    Reading { action: "iam:GetCredentialReport", when: When::Listed, on: On::All },
    Reading { action: "iam:GenerateCredentialReport", when: When::Listed, on: On::All },
    of_user("iam:GetAccessKeyLastUsed", When::Always),
    of_user("iam:ListAccessKeys", When::Always),
    of_user("iam:ListUserTags", When::Always),
];

impl Record for AccessKey {
    const ABOUT: About = About {
        kind: Some(Kind::AccessKey),
        // AWS has no ARN for a key; this one cannot be mistaken for another resource's.
        arn: Arn { one: &["iam::{account}:access-key/{id}"], any: "iam::{account}:user/*" },
        not_found: "NoSuchEntity",
        ..About::read_by(READ_KEYS)
    };
    // The tags are those of its user.
    const VOLATILE: &'static [&'static str] = &["last_used", "tags"];
    fn tags(&self) -> Option<&Tags> {
        self.tags.known()
    }
    fn filters(&self) -> Vec<(&'static str, &str)> {
        vec![(Self::STATUS, &self.status), (Self::USER, &self.user)]
    }
}

/// The summary of an account (`iam:GetAccountSummary`), as far as it is about the root user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountSummary {
    /// The number of access keys of the root user.
    pub root_access_keys: Fact<i32>,
    /// `true` if the root user has an MFA device.
    pub root_mfa: Fact<bool>,
}

impl AccountSummary {
    /// The one id under which it is kept.
    pub const ID: &'static str = "account";
}

impl Record for AccountSummary {
    const ABOUT: About = About::read_by(&[on_all("iam:GetAccountSummary")]);
}
