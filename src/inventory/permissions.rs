//! Which IAM actions reading each kind of thing takes, as data. Names are those of AWS's service authorization reference
//! (<https://docs.aws.amazon.com/service-authorization/latest/reference/>), which for S3 are not those of the operations.
//! Nothing here reads.

use super::FamilyKind;

/// When a reading of a kind takes an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum When {
    /// Always.
    Always,
    /// When a thing is read by its id.
    ById,
    /// When what was read before asks for it; the text says what.
    Fact(&'static str),
}

/// One IAM action of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reading {
    /// `ec2:DescribeVolumes`
    pub action: &'static str,
    /// When it is taken.
    pub when: When,
    /// Whether IAM lets it be scoped to the thing that is read; else it stands on `*`.
    pub scoped: bool,
}

const fn on_all(action: &'static str) -> Reading {
    Reading { action, when: When::Always, scoped: false }
}

const fn on_one(action: &'static str) -> Reading {
    Reading { action, when: When::Always, scoped: true }
}

impl FamilyKind {
    /// Every kind.
    pub const ALL: &'static [FamilyKind] = &[
        FamilyKind::SecurityGroups,
        FamilyKind::SecurityGroupRules,
        FamilyKind::PrefixLists,
        FamilyKind::NetworkInterfaces,
        FamilyKind::Vpcs,
        FamilyKind::FlowLogs,
        FamilyKind::Instances,
        FamilyKind::InstanceStatuses,
        FamilyKind::InstanceTypes,
        FamilyKind::Volumes,
        FamilyKind::VolumeModifications,
        FamilyKind::Snapshots,
        FamilyKind::Removals,
        FamilyKind::ManagedInstances,
        FamilyKind::LogGroups,
        FamilyKind::Keys,
        FamilyKind::EbsDefaults,
        FamilyKind::Trails,
        FamilyKind::Roles,
        FamilyKind::Buckets,
    ];

    /// The IAM actions that reading this kind takes.
    pub fn permissions(self) -> &'static [Reading] {
        match self {
            FamilyKind::SecurityGroups => const { &[on_all("ec2:DescribeSecurityGroups")] },
            FamilyKind::SecurityGroupRules => const { &[on_all("ec2:DescribeSecurityGroupRules")] },
            FamilyKind::PrefixLists => PREFIX_LISTS,
            FamilyKind::NetworkInterfaces => const { &[on_all("ec2:DescribeNetworkInterfaces")] },
            FamilyKind::Vpcs => const { &[on_all("ec2:DescribeVpcs")] },
            FamilyKind::FlowLogs => const { &[on_all("ec2:DescribeFlowLogs")] },
            FamilyKind::Instances => INSTANCES,
            FamilyKind::InstanceStatuses => const { &[on_all("ec2:DescribeInstanceStatus")] },
            FamilyKind::InstanceTypes => const { &[on_all("ec2:DescribeInstanceTypes")] },
            FamilyKind::Volumes => const { &[on_all("ec2:DescribeVolumes")] },
            FamilyKind::VolumeModifications => const { &[on_all("ec2:DescribeVolumesModifications")] },
            FamilyKind::Snapshots => const { &[on_all("ec2:DescribeSnapshots")] },
            FamilyKind::Removals => REMOVALS,
            FamilyKind::ManagedInstances => const { &[on_all("ssm:DescribeInstanceInformation")] },
            FamilyKind::LogGroups => LOG_GROUPS,
            FamilyKind::Keys => const { &[on_one("kms:DescribeKey")] },
            FamilyKind::EbsDefaults => const { &[on_all("ec2:GetEbsEncryptionByDefault"), on_all("ec2:GetEbsDefaultKmsKeyId")] },
            FamilyKind::Trails => TRAILS,
            FamilyKind::Roles => ROLES,
            FamilyKind::Buckets => BUCKETS,
        }
    }
}

const NAMED: When = When::Fact("a rule names a prefix list");

static PREFIX_LISTS: &[Reading] = &[
    Reading { action: "ec2:DescribeManagedPrefixLists", when: NAMED, scoped: false },
    Reading { action: "ec2:GetManagedPrefixListEntries", when: NAMED, scoped: true },
];

static INSTANCES: &[Reading] = &[on_all("ec2:DescribeInstances"), Reading { action: "ec2:DescribeInstanceAttribute", when: When::ById, scoped: true }];

const OF_SNAPSHOTS: When = When::Fact("a snapshot is to be deleted");
const OF_VOLUMES: When = When::Fact("a volume is to be deleted");

static REMOVALS: &[Reading] = &[
    Reading { action: "ec2:DescribeImages", when: OF_SNAPSHOTS, scoped: false },
    Reading { action: "ec2:DescribeLockedSnapshots", when: OF_SNAPSHOTS, scoped: false },
    Reading { action: "ec2:ListSnapshotsInRecycleBin", when: OF_SNAPSHOTS, scoped: false },
    Reading { action: "ec2:ListVolumesInRecycleBin", when: OF_VOLUMES, scoped: false },
    on_all("rbin:ListRules"),
    Reading { action: "rbin:GetRule", when: When::Fact("a rule of the Recycle Bin is there"), scoped: true },
];

static LOG_GROUPS: &[Reading] =
    &[on_all("logs:DescribeLogGroups"), Reading { action: "logs:ListTagsForResource", when: When::Fact("the log group is there"), scoped: true }];

const THERE: When = When::Fact("a trail is there");

static TRAILS: &[Reading] = &[
    on_all("cloudtrail:DescribeTrails"),
    Reading { action: "cloudtrail:GetTrailStatus", when: THERE, scoped: true },
    Reading { action: "cloudtrail:GetEventSelectors", when: THERE, scoped: true },
    Reading { action: "cloudtrail:ListTags", when: THERE, scoped: true },
];

const ROLE_THERE: When = When::Fact("the role is there");

static ROLES: &[Reading] = &[
    on_one("iam:GetRole"),
    Reading { action: "iam:ListRolePolicies", when: ROLE_THERE, scoped: true },
    Reading { action: "iam:GetRolePolicy", when: When::Fact("the role has an inline policy"), scoped: true },
    Reading { action: "iam:ListAttachedRolePolicies", when: ROLE_THERE, scoped: true },
];

const OURS: When = When::Fact("the bucket is there and ours");

const fn of_ours(action: &'static str) -> Reading {
    Reading { action, when: OURS, scoped: true }
}

/// `HeadBucket` is allowed by `s3:ListBucket`, `ListBuckets` by `s3:ListAllMyBuckets`; the encryption and the block of
/// public access have names of their own (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html>).
static BUCKETS: &[Reading] = &[
    on_one("s3:ListBucket"),
    Reading { action: "s3:ListAllMyBuckets", when: When::Fact("S3 answers that the bucket is forbidden"), scoped: false },
    of_ours("s3:GetBucketLocation"),
    of_ours("s3:GetBucketPolicy"),
    of_ours("s3:GetBucketPublicAccessBlock"),
    of_ours("s3:GetBucketVersioning"),
    of_ours("s3:GetEncryptionConfiguration"),
    of_ours("s3:GetBucketTagging"),
];
