//! What is to be read: data handed to the reading seam. Nothing here reads.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use super::Selector;

/// The kinds of things that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FamilyKind {
    /// `ec2:DescribeSecurityGroups`; filters `group-id`.
    SecurityGroups,
    /// `ec2:DescribeSecurityGroupRules`; filters `group-id`, `tag:K`.
    SecurityGroupRules,
    /// `ec2:DescribeManagedPrefixLists` and `ec2:GetManagedPrefixListEntries`; by id.
    PrefixLists,
    /// `ec2:DescribeNetworkInterfaces`; filters `group-id`, `attachment.instance-id`.
    NetworkInterfaces,
    /// `ec2:DescribeVpcs`.
    Vpcs,
    /// `ec2:DescribeFlowLogs`; filters `resource-id`, `tag:K`.
    FlowLogs,
    /// `ec2:DescribeInstances` with `ec2:DescribeInstanceAttribute` when read by id.
    Instances,
    /// `ec2:DescribeInstanceStatus`; by id.
    InstanceStatuses,
    /// `ec2:DescribeInstanceTypes`; by name.
    InstanceTypes,
    /// `ec2:DescribeVolumes`; filters `attachment.instance-id`, `tag:K`.
    Volumes,
    /// `ec2:DescribeVolumesModifications`; by volume id.
    VolumeModifications,
    /// `ec2:DescribeSnapshots` with `OwnerIds=self`; filters `volume-id`, `tag:K`.
    Snapshots,
    /// What stands in the way of the deletion of a snapshot or volume, and what the Recycle Bin keeps: `ec2:DescribeImages`,
    /// `DescribeLockedSnapshots`, `ListSnapshotsInRecycleBin`, `ListVolumesInRecycleBin`, `rbin:ListRules`, `GetRule`; by id.
    Removals,
    /// `ssm:DescribeInstanceInformation`.
    ManagedInstances,
    /// `logs:DescribeLogGroups`; by name.
    LogGroups,
    /// `kms:DescribeKey`; by id, ARN or alias.
    Keys,
    /// `ec2:GetEbsEncryptionByDefault`, `ec2:GetEbsDefaultKmsKeyId`; the one id is `account`.
    EbsDefaults,
    /// `cloudtrail:DescribeTrails`, `GetTrailStatus`, `GetEventSelectors`, `ListTags`; filter `region`, or by ARN.
    Trails,
    /// `iam:GetRole`, `ListRolePolicies`, `GetRolePolicy`, `ListAttachedRolePolicies`; by name.
    Roles,
    /// `s3:HeadBucket` and the bucket's settings; by name.
    Buckets,
}

/// One thing to read: a kind, where, and which of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Want {
    /// Where; empty for roles and buckets; for trails the region from which they are looked at.
    pub region: String,
    /// The kind.
    pub family: FamilyKind,
    /// Which of them.
    pub selector: Selector,
}

impl Want {
    /// All of a kind.
    pub fn all(region: &str, family: FamilyKind) -> Self {
        Self { region: region.to_owned(), family, selector: Selector::All }
    }
    /// The one with this id.
    pub fn id(region: &str, family: FamilyKind, id: impl Into<String>) -> Self {
        Self { region: region.to_owned(), family, selector: Selector::Id(id.into()) }
    }
    /// Those that a filter picks.
    pub fn by(region: &str, family: FamilyKind, name: &str, value: impl Into<String>) -> Self {
        Self { region: region.to_owned(), family, selector: Selector::by(name, value) }
    }
    /// The trails that can be seen from a region.
    pub fn trails(region: &str) -> Self {
        Self::by(region, FamilyKind::Trails, "region", region)
    }
}

impl fmt::Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = serde_json::to_value(self.family).ok();
        let family = family.as_ref().and_then(|v| v.as_str()).unwrap_or("?");
        let place = if self.region.is_empty() { "global" } else { &self.region };
        write!(f, "{place}/{family}/{}", self.selector.key())
    }
}

/// Everything that one reading is to answer.
pub type Scope = BTreeSet<Want>;
