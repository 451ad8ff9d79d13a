//! Facts about how IAM users sign in and what they may do then, asked for each user by itself: the credential
//! report, which has some of it, may be four hours old. No password and no seed of a device is part of them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Fact, Record,
    about::{About, Arn},
    permissions::{On, Reading, When},
};

/// Returns an action that IAM authorizes on the user, whom the id does not name alone.
const fn of_user(action: &'static str) -> Reading {
    Reading { action, when: When::Always, on: On::Any }
}

/// The ARNs of users, of which no single one can be named by an id.
const ANY_USER: Arn = Arn { one: &[], any: "iam::{account}:user/*" };

/// The password of an IAM user for the console (`iam:GetLoginProfile`, and `iam:GetUser` for its last use);
/// absent for a user without one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoginProfile {
    /// The name of the user.
    pub id: String,
    /// The time at which the user got a password.
    pub created: Fact<Timestamp>,
    /// Its last use; absent where AWS has recorded none.
    pub last_used: Fact<Timestamp>,
}

impl Record for LoginProfile {
    const ABOUT: About = About {
        arn: ANY_USER,
        not_found: "NoSuchEntity",
        ..About::read_by(&[of_user("iam:GetLoginProfile"), of_user("iam:GetUser")])
    };
    const VOLATILE: &'static [&'static str] = &["last_used"];
}

/// The MFA devices of an IAM user (`iam:ListMFADevices`), virtual ones and others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MfaDevices {
    /// The name of the user.
    pub id: String,
    /// Their serial numbers.
    pub devices: Vec<String>,
}

impl Record for MfaDevices {
    const ABOUT: About = About {
        arn: ANY_USER,
        not_found: "NoSuchEntity",
        ..About::read_by(&[of_user("iam:ListMFADevices")])
    };
}

/// That an IAM user is in a group (`iam:ListGroupsForUser`); absent where it is not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Membership {
    /// `GROUP/USER`: neither name has a slash.
    pub id: String,
}

impl Membership {
    /// Returns the id of the membership of a user in a group.
    pub fn of(group: &str, user: &str) -> String {
        format!("{group}/{user}")
    }
}

impl Record for Membership {
    const ABOUT: About = About {
        arn: ANY_USER,
        not_found: "NoSuchEntity",
        ..About::read_by(&[of_user("iam:ListGroupsForUser")])
    };
}

/// An inline policy of an IAM user (`iam:GetUserPolicy`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserPolicy {
    /// `USER/POLICY`.
    pub id: String,
    /// The policy, as JSON.
    pub document: Value,
}

impl UserPolicy {
    /// Returns the id of a policy of a user.
    pub fn of(user: &str, policy: &str) -> String {
        format!("{user}/{policy}")
    }
}

impl Record for UserPolicy {
    const ABOUT: About =
        About { arn: ANY_USER, not_found: "NoSuchEntity", ..About::read_by(&[of_user("iam:GetUserPolicy")]) };
}
