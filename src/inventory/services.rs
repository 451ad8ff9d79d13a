//! Facts about services beside EC2: trails, buckets, roles, log groups, Systems Manager, the defaults of EBS.
//! Plain data under AWS's own names; nothing here judges.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Fact, Record, Tags,
    about::{About, Arn},
    permissions::{On, Reading, When, on_all, on_one},
};
use crate::resource::Kind;

/// A trail (`cloudtrail:DescribeTrails` with shadow trails, then status and selectors in its home region).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Trail {
    /// ARN.
    pub id: String,
    /// Name.
    pub name: String,
    /// The region in which it can be changed.
    pub home_region: String,
    /// `true` if it records all regions.
    pub is_multi_region: bool,
    /// `true` if it belongs to the organization; members cannot change it.
    pub is_organization: bool,
    /// Bucket that it delivers to.
    pub s3_bucket_name: String,
    /// Prefix in the bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3_key_prefix: Option<String>,
    /// `true` if digests are written.
    pub log_file_validation: bool,
    /// `true` if events of global services are recorded.
    pub include_global_service_events: bool,
    /// ARN of its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    /// `true` if it logs now.
    pub is_logging: Fact<bool>,
    /// The error of the last delivery, empty when there was none.
    pub latest_delivery_error: Fact<String>,
    /// The time of its last delivery.
    pub latest_delivery_time: Fact<Timestamp>,
    /// The time at which logging was last started.
    pub start_logging_time: Fact<Timestamp>,
    /// `true` if it records management events, reads and writes, of all services.
    pub all_management_events: Fact<bool>,
    /// The management events that it does not record, in words, where it is known not to record them all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub management_gaps: Vec<String>,
    /// Tags.
    pub tags: Fact<Tags>,
}

impl Trail {
    /// The gap of a trail that records no management events.
    pub const NO_MANAGEMENT: &'static str = "management events";

    /// Returns whether it is known to record no management events at all.
    pub fn records_no_management(&self) -> bool {
        self.management_gaps == [Self::NO_MANAGEMENT]
    }
}

const THERE: When = When::Fact("a trail is there");

const READ_TRAILS: &[Reading] = &[
    on_all("cloudtrail:DescribeTrails"),
    Reading { action: "cloudtrail:GetTrailStatus", when: THERE, on: On::Thing },
    Reading { action: "cloudtrail:GetEventSelectors", when: THERE, on: On::Thing },
    Reading { action: "cloudtrail:ListTags", when: THERE, on: On::Thing },
];

impl Record for Trail {
    const ABOUT: About = About {
        kind: Some(Kind::Trail),
        by_arn: true,
        arn: Arn { one: &[], any: "cloudtrail:*:{account}:trail/*" },
        of_others: true,
        ..About::read_by(READ_TRAILS)
    };
    const VOLATILE: &'static [&'static str] =
        &["latest_delivery_time", "latest_delivery_error", "start_logging_time"];
    fn tags(&self) -> Option<&Tags> {
        self.tags.known()
    }
    fn filters(&self) -> Vec<(&'static str, &str)> {
        // A listing from one region shows its own trails and the multi-region ones; the others that it shows
        // are recorded by the listing itself, so every trail answers for its home region only.
        vec![("region", &self.home_region)]
    }
}

/// A bucket, read by name. A bucket of somebody else is known with `owned = false` and nothing more.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bucket {
    /// Name.
    pub id: String,
    /// `true` if this account owns it (`s3:HeadBucket` with `ExpectedBucketOwner`).
    pub owned: bool,
    /// The region that it is in.
    pub region: Fact<String>,
    /// Its policy, as JSON.
    pub policy: Fact<Value>,
    /// `true` if all four settings of its public access block are on.
    pub public_access_blocked: Fact<bool>,
    /// `Enabled`, `Suspended`; absent when never set.
    pub versioning: Fact<String>,
    /// `AES256`, `aws:kms`.
    pub encryption: Fact<String>,
    /// The key of the encryption as it was set, when it is `aws:kms` with a key of one's own.
    pub encryption_key: Fact<String>,
    /// Tags.
    pub tags: Fact<Tags>,
}

const OURS: When = When::Fact("the bucket is there and ours");

const fn of_ours(action: &'static str) -> Reading {
    Reading { action, when: OURS, on: On::Thing }
}

/// `HeadBucket` is allowed by `s3:ListBucket`, `ListBuckets` by `s3:ListAllMyBuckets`; the encryption and the
/// block of public access have names of their own
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html>).
const READ_BUCKETS: &[Reading] = &[
    on_one("s3:ListBucket"),
    Reading {
        action: "s3:ListAllMyBuckets",
        when: When::Fact("S3 answers that the bucket is forbidden"),
        on: On::All,
    },
    of_ours("s3:GetBucketLocation"),
    of_ours("s3:GetBucketPolicy"),
    of_ours("s3:GetBucketPublicAccessBlock"),
    of_ours("s3:GetBucketVersioning"),
    of_ours("s3:GetEncryptionConfiguration"),
    of_ours("s3:GetBucketTagging"),
];

impl Record for Bucket {
    const ABOUT: About = About {
        kind: Some(Kind::Bucket),
        arn: Arn { one: &["s3:::{id}"], any: "s3:::*" },
        ..About::read_by(READ_BUCKETS)
    };
    fn tags(&self) -> Option<&Tags> {
        self.tags.known()
    }
}

/// An IAM role: a listing reads it by `iam:GetAccountAuthorizationDetails`, a reading by name by
/// `iam:GetRole` and the lists of its policies.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Role {
    /// Name.
    pub id: String,
    /// ARN.
    pub arn: String,
    /// The time at which it was created.
    pub created: Fact<Timestamp>,
    /// The principals that may assume it, as JSON.
    pub trust_policy: Value,
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

impl Role {
    fn has_path(&self, path: &str) -> bool {
        self.arn.split(":role/").nth(1).is_some_and(|name| name.starts_with(path))
    }
    /// Returns whether it is linked to a service of AWS, which alone can change it
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html>).
    pub fn is_of_service(&self) -> bool {
        self.has_path("aws-service-role/")
    }
    /// Returns whether it is one of IAM Identity Center's, whose permission sets decide on it
    /// (<https://docs.aws.amazon.com/singlesignon/latest/userguide/permissionsetsconcept.html>).
    pub fn is_of_identity_center(&self) -> bool {
        self.has_path("aws-reserved/")
    }
}

const ROLE_THERE: When = When::Fact("the role is there");

const READ_ROLES: &[Reading] = &[
    Reading { action: "iam:GetAccountAuthorizationDetails", when: When::Listed, on: On::All },
    Reading { action: "iam:ListRolePolicies", when: ROLE_THERE, on: On::Thing },
    Reading { action: "iam:GetRolePolicy", when: When::Fact("the role has an inline policy"), on: On::Thing },
    Reading { action: "iam:ListAttachedRolePolicies", when: ROLE_THERE, on: On::Thing },
    Reading { action: "iam:GetRole", when: When::ById, on: On::Thing },
];

impl Record for Role {
    const ABOUT: About = About {
        kind: Some(Kind::Role),
        arn: Arn { one: &["iam::{account}:role/{id}"], any: "iam::{account}:role/*" },
        ..About::read_by(READ_ROLES)
    };
    // A role that a resumed run makes again is not as old as one that was made at once.
    const VOLATILE: &'static [&'static str] = &["created"];
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
    fn tags_mut(&mut self) -> Option<&mut Tags> {
        Some(&mut self.tags)
    }
}

/// A log group (`logs:DescribeLogGroups`, `logs:ListTagsForResource`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogGroup {
    /// Name.
    pub id: String,
    /// Retention in days; `None` means for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_in_days: Option<i32>,
    /// The account-level retention policy that decides on it, in the place of what is set on the log group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_policy_name: Option<String>,
    /// `true` if its deletion is refused until that protection is removed.
    pub deletion_protection: bool,
    /// ARN of its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    /// Bytes stored.
    pub stored_bytes: i64,
    /// Tags.
    pub tags: Fact<Tags>,
}

const READ_LOG_GROUPS: &[Reading] = &[
    on_all("logs:DescribeLogGroups"),
    Reading { action: "logs:ListTagsForResource", when: When::Fact("the log group is there"), on: On::Thing },
];

impl Record for LogGroup {
    const ABOUT: About = About {
        kind: Some(Kind::LogGroup),
        // Some operations are authorized on the form with the trailing `:*`, some on the form without.
        arn: Arn {
            one: &["logs:*:{account}:log-group:{id}", "logs:*:{account}:log-group:{id}:*"],
            any: "logs:*:{account}:log-group:*",
        },
        overridden: &[("/retention_in_days", "/retention_policy_name")],
        ..About::read_by(READ_LOG_GROUPS)
    };
    const VOLATILE: &'static [&'static str] = &["stored_bytes"];
    fn tags(&self) -> Option<&Tags> {
        self.tags.known()
    }
}

impl LogGroup {
    /// Describes how long it keeps its events, and who decides that where it is not the log group's own
    /// setting.
    pub fn keeps(&self) -> String {
        let days = self.retention_in_days.map_or("for ever".to_owned(), |d| format!("{d} days"));
        match &self.retention_policy_name {
            Some(policy) => format!("{days}, as the account's retention policy {policy} decides"),
            None => days,
        }
    }
}

/// The account's defaults for EBS in a region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EbsDefaults {
    /// `ec2:GetEbsEncryptionByDefault`
    pub encryption_by_default: Fact<bool>,
    /// `ec2:GetEbsDefaultKmsKeyId`: an alias or an ARN.
    pub kms_key_id: Fact<String>,
}

impl EbsDefaults {
    /// The one id under which they are kept.
    pub const ID: &'static str = "account";
    /// AWS's own key for EBS, which AWS creates when it is first used.
    pub const AWS_KEY: &'static str = "alias/aws/ebs";
}

impl Record for EbsDefaults {
    const ABOUT: About = About {
        kind: Some(Kind::EbsDefaults),
        arn: Arn { one: &["ec2:*:{account}:{id}"], any: "" },
        ..About::read_by(&[on_all("ec2:GetEbsEncryptionByDefault"), on_all("ec2:GetEbsDefaultKmsKeyId")])
    };
}

/// A quota of the account in a region (`servicequotas:GetServiceQuota`): its applied value, where one other
/// than AWS's default may apply.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Quota {
    /// The codes of the service and of the quota: `vpc/L-0EA8095F`.
    pub id: String,
    /// The value that applies.
    pub value: usize,
}

impl Quota {
    /// The inbound, or the outbound, rules of a security group, for each of IPv4 and IPv6
    /// (<https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-security-groups>).
    pub const RULES_PER_GROUP: &'static str = "vpc/L-0EA8095F";
    /// The snapshots of a region (<https://docs.aws.amazon.com/ebs/latest/userguide/ebs-resource-quotas.html>).
    pub const SNAPSHOTS: &'static str = "ebs/L-309BACF6";

    /// Returns the quota of the storage of volumes of a type in a region, in TiB.
    pub fn storage(volume_type: &str) -> Option<&'static str> {
        Some(match volume_type {
            "gp2" => "ebs/L-D18FCD1D",
            "gp3" => "ebs/L-7A658B76",
            "io1" => "ebs/L-FD252861",
            "io2" => "ebs/L-09BD8365",
            "st1" => "ebs/L-82ACEF56",
            "sc1" => "ebs/L-17AF77E8",
            "standard" => "ebs/L-9CF3C2EB",
            _ => return None,
        })
    }

    /// Returns the quota of the IOPS of volumes of a type in a region; only two types have one.
    pub fn iops(volume_type: &str) -> Option<&'static str> {
        match volume_type {
            "io1" => Some("ebs/L-B3A130E6"),
            "io2" => Some("ebs/L-8D977E7E"),
            _ => None,
        }
    }
}

impl Record for Quota {
    const ABOUT: About =
        About { moves_by_itself: true, ..About::read_by(&[on_all("servicequotas:GetServiceQuota")]) };
}

/// The organization of the account (`organizations:DescribeOrganization`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Organization {
    /// `o-...`
    pub organization_id: String,
}

impl Organization {
    /// The one id under which it is kept.
    pub const ID: &'static str = "organization";
}

impl Record for Organization {
    const ABOUT: About = About::read_by(&[on_all("organizations:DescribeOrganization")]);
}

/// An instance that Systems Manager can reach (`ssm:DescribeInstanceInformation`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ManagedInstance {
    /// `i-...`
    pub id: String,
    /// `Online`, `ConnectionLost`, `Inactive`.
    pub ping_status: String,
}

impl Record for ManagedInstance {
    const ABOUT: About =
        About { moves_by_itself: true, ..About::read_by(&[on_all("ssm:DescribeInstanceInformation")]) };
}
