//! Facts about the sharing of snapshots and images: those that others may use, and the setting of the account
//! that keeps them from being shared with everybody. Plain data under AWS's own names; nothing here judges.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Fact, Record, Tags,
    about::{About, Arn},
    permissions::{On, Reading, When, on_all},
};
use crate::resource::Kind;

/// The name of the group that is everybody with an account of AWS's.
pub const ALL: &str = "all";
/// The value of `ManagedBy` for a setting that a declarative policy of the organization decides
/// (<https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_declarative.html>).
pub const OF_ORGANIZATION: &str = "declarative-policy";
/// The state in which nothing keeps things of the region from being shared with everybody.
pub const UNBLOCKED: &str = "unblocked";
/// The state in which nothing more can be shared with everybody.
pub const NEW_BLOCKED: &str = "block-new-sharing";
/// The state in which nothing more can be shared with everybody, and what is shared is hidden.
pub const ALL_BLOCKED: &str = "block-all-sharing";

/// A snapshot of this account with those who may use it (`ec2:DescribeSnapshots` with
/// `RestorableByUserIds=all`, `ec2:DescribeSnapshotAttribute`). Only those that everybody may use are listed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SnapshotShare {
    /// `snap-...`
    pub id: String,
    /// `all`, where everybody may use it.
    pub group: Option<String>,
    /// The accounts that may use it, sorted.
    pub accounts: Vec<String>,
    /// The volume it was taken of; an arbitrary one for a copy.
    pub volume_id: String,
    /// The time at which it was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Timestamp>,
    /// Tags.
    pub tags: Tags,
}

impl Record for SnapshotShare {
    const ABOUT: About = About {
        // The ARN of a snapshot contains no account.
        arn: Arn { one: &["ec2:*::snapshot/{id}"], any: "ec2:*::snapshot/*" },
        not_found: "InvalidSnapshot.NotFound",
        ..About::read_by(&[
            on_all("ec2:DescribeSnapshots"),
            Reading {
                action: "ec2:DescribeSnapshotAttribute",
                when: When::Fact("a snapshot is found"),
                on: On::Thing,
            },
        ])
    };
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

/// The setting of the account by which nobody can share snapshots of a region with everybody
/// (`ec2:GetSnapshotBlockPublicAccessState`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SnapshotBlock {
    /// `block-all-sharing`, `block-new-sharing`, `unblocked`.
    pub state: String,
    /// `account` or `declarative-policy`.
    pub managed_by: String,
}

impl SnapshotBlock {
    /// The one id under which it is kept.
    pub const ID: &'static str = "snapshot-block-public-access";
}

impl Record for SnapshotBlock {
    const ABOUT: About = About {
        kind: Some(Kind::SnapshotBlock),
        arn: Arn { one: &["ec2:*:{account}:{id}"], any: "" },
        ..About::read_by(&[on_all("ec2:GetSnapshotBlockPublicAccessState")])
    };
}

/// An image of this account that everybody may use, or that is read by its id (`ec2:DescribeImages` with
/// `Owners=self`, `ec2:DescribeImageAttribute`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Image {
    /// `ami-...`
    pub id: String,
    /// Its name.
    pub name: String,
    /// `all`, where everybody may use it.
    pub group: Option<String>,
    /// The accounts, organizations and organizational units that may use it, sorted.
    pub accounts: Vec<String>,
    /// The time at which somebody last launched it, as AWS records it about a day later.
    pub last_launched: Fact<Timestamp>,
    /// Tags.
    pub tags: Tags,
}

const FOUND: When = When::Fact("an image is found");

impl Record for Image {
    const ABOUT: About = About {
        kind: Some(Kind::Image),
        // Nor does that of an image.
        arn: Arn { one: &["ec2:*::image/{id}"], any: "ec2:*::image/*" },
        ..About::of_ec2(
            &[
                on_all("ec2:DescribeImages"),
                Reading { action: "ec2:DescribeImageAttribute", when: FOUND, on: On::Thing },
            ],
            "ami",
            "image",
            "InvalidAMIID.NotFound",
        )
    };
    const VOLATILE: &'static [&'static str] = &["last_launched"];
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
    fn tags_mut(&mut self) -> Option<&mut Tags> {
        Some(&mut self.tags)
    }
}

/// The setting of the account by which nobody can share images of a region with everybody
/// (`ec2:GetImageBlockPublicAccessState`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageBlock {
    /// `block-new-sharing`, `unblocked`.
    pub state: String,
    /// `account` or `declarative-policy`.
    pub managed_by: String,
}

impl ImageBlock {
    /// The one id under which it is kept.
    pub const ID: &'static str = "image-block-public-access";
}

impl Record for ImageBlock {
    const ABOUT: About = About {
        kind: Some(Kind::ImageBlock),
        arn: Arn { one: &["ec2:*:{account}:{id}"], any: "" },
        ..About::read_by(&[on_all("ec2:GetImageBlockPublicAccessState")])
    };
}
