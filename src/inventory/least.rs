//! Facts about what a role may do and what it has done: service last accessed information, and the versions
//! and holders of a customer managed policy. Nothing here judges.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Fact, Record, Tags,
    about::{About, Arn},
    permissions::{On, Reading, When, on_one},
};

/// The use of one service by a role. IAM counts attempts, also those that were denied.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html>
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceUse {
    /// The time of the last attempt; absent if there was none in the time for which IAM keeps it.
    pub last_used: Fact<Timestamp>,
    /// The actions that IAM tracks one by one and that the role has tried, with the time of the last attempt.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub actions: BTreeMap<String, Timestamp>,
}

/// The services that the policies of a role allow, with their use, by the ARN of the role
/// (`iam:GenerateServiceLastAccessedDetails`, `iam:GetServiceLastAccessedDetails`). The report is made anew
/// for each reading, which changes nothing in the account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RoleUse {
    /// ARN of the role.
    pub id: String,
    /// The services by the prefix of their actions: `s3`. One that is not here is not tracked, or not
    /// allowed.
    pub services: BTreeMap<String, ServiceUse>,
}

const READ_USES: &[Reading] = &[
    on_one("iam:GenerateServiceLastAccessedDetails"),
    Reading { action: "iam:GetServiceLastAccessedDetails", when: When::Always, on: On::All },
];

impl Record for RoleUse {
    const ABOUT: About = About {
        arn: Arn { one: &[], any: "iam::{account}:role/*" },
        not_found: "NoSuchEntity",
        ..About::read_by(READ_USES)
    };
    const VOLATILE: &'static [&'static str] = &["services"];
}

/// A version of a customer managed policy. It never changes, and its name is never given to another one.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-versioning.html>
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyVersion {
    /// The time at which it was created.
    pub created: Fact<Timestamp>,
    /// The policy, as JSON.
    pub document: Value,
}

/// The versions of a customer managed policy and the identities that have it, read by its ARN.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyVersions {
    /// ARN of the policy.
    pub id: String,
    /// The name of the version in force: `v3`.
    pub default_version: String,
    /// The version in force, as JSON.
    pub document: Value,
    /// The names of all versions, sorted as texts.
    pub names: Vec<String>,
    /// All versions by their names.
    pub versions: BTreeMap<String, PolicyVersion>,
    /// The identities that have the policy, or are bounded by it: `role/NAME`, `user/NAME`, `group/NAME`.
    pub holders: Vec<String>,
    /// Tags.
    pub tags: Tags,
}

impl PolicyVersions {
    /// The versions that AWS keeps of a policy at most
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>).
    pub const MOST: usize = 5;
}

const READ_VERSIONS: &[Reading] = &[
    on_one("iam:GetPolicy"),
    on_one("iam:ListPolicyVersions"),
    on_one("iam:GetPolicyVersion"),
    on_one("iam:ListEntitiesForPolicy"),
];

impl Record for PolicyVersions {
    const ABOUT: About = About {
        arn: Arn { one: &[], any: "iam::{account}:policy/*" },
        not_found: "NoSuchEntity",
        ..About::read_by(READ_VERSIONS)
    };
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

/// The decision that IAM would take about one action of a role, on any resource and without the values that
/// conditions may ask for (`iam:SimulatePrincipalPolicy`). Nothing is done by it.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Simulation {
    /// The ARN of the role and the action: `ARN#s3:ListBucket`.
    pub id: String,
    /// `allowed`, `explicitDeny` or `implicitDeny`.
    pub decision: String,
}

impl Simulation {
    /// The decision for an action that is allowed.
    pub const ALLOWED: &'static str = "allowed";

    /// Returns the id of the simulation of an action.
    pub fn of(role: &str, action: &str) -> String {
        format!("{role}#{action}")
    }

    /// Returns the role and the action of an id. No action has the character between them.
    pub fn parts(id: &str) -> Option<(&str, &str)> {
        id.rsplit_once('#')
    }
}

// The id does not name the role alone.
const READ_SIMULATIONS: &[Reading] =
    &[Reading { action: "iam:SimulatePrincipalPolicy", when: When::Always, on: On::Any }];

impl Record for Simulation {
    const ABOUT: About = About {
        arn: Arn { one: &[], any: "iam::{account}:role/*" },
        not_found: "NoSuchEntity",
        ..About::read_by(READ_SIMULATIONS)
    };
    const VOLATILE: &'static [&'static str] = &["decision"];
}
