//! The rates that AWS grants an account: for each service and operation the token bucket from which the pace
//! starts, with the page that documents it. Data only; `docs/pace.md` is made from it.

/// A token bucket: an operation takes one token, and is refused when there is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// The number of tokens that it holds at most.
    pub size: f64,
    /// The number of tokens that are added in a second.
    pub refill: f64,
}

/// Operations that have a bucket of this kind each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// The service, as in `ec2:DescribeVolumes`.
    pub service: &'static str,
    /// The operations: names, [`READS`], or [`REST`].
    pub operations: &'static [&'static str],
    /// The bucket of each of them, in each region.
    pub bucket: Bucket,
    /// The page that documents it.
    pub source: &'static str,
}

/// The entry for all operations that only read: `Describe*`, `List*`, `Get*`, `Search*`, `Lookup*`, `Head*`.
pub const READS: &str = "(reads)";
/// The entry for every operation that no other row of the service names.
pub const REST: &str = "(all else)";

const EC2: &str = "https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html";
const TRAIL: &str = "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html";
const KMS: &str = "https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html";
const STS: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html";
const HUB: &str = "https://docs.aws.amazon.com/securityhub/1.0/APIReference/Welcome.html";
const ROUTE53: &str = "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html";
const WAF: &str = "https://docs.aws.amazon.com/waf/latest/developerguide/limits.html";
const SECRETS: &str = "https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html";
const UNPUBLISHED: &str = "not published; a careful guess";

const fn row(
    service: &'static str,
    operations: &'static [&'static str],
    size: f64,
    refill: f64,
    source: &'static str,
) -> Row {
    Row { service, operations, bucket: Bucket { size, refill }, source }
}

/// The table. The first row that fits holds. Where AWS documents a rate alone, the bucket holds one second of
/// it.
pub const TABLE: &[Row] = &[
    row("ec2", &["RunInstances", "StartInstances"], 5.0, 2.0, EC2),
    row(
        "ec2",
        &["CreateSnapshot", "CreateSnapshots", "DeleteSnapshot", "CreateVolume", "DeleteVolume"],
        100.0,
        5.0,
        EC2,
    ),
    row("ec2", &["CreateTags", "DeleteTags"], 100.0, 10.0, EC2),
    row("ec2", &["CopyImage"], 100.0, 1.0, EC2),
    row("ec2", &["ModifySnapshotAttribute", "ModifyImageAttribute", "DeregisterImage"], 100.0, 5.0, EC2),
    row(
        "ec2",
        &["ModifyInstanceMetadataOptions", "ModifyNetworkInterfaceAttribute", "CreateNetworkInterface"],
        100.0,
        5.0,
        EC2,
    ),
    row(
        "ec2",
        &["AssociateIamInstanceProfile", "DisassociateIamInstanceProfile", "TerminateInstances"],
        100.0,
        5.0,
        EC2,
    ),
    row("ec2", &["CreateNatGateway"], 10.0, 1.0, EC2),
    row("ec2", &["CreateVpcEndpoint", "ModifyVpcEndpoint", "DeleteVpcEndpoints"], 4.0, 0.3, EC2),
    row("ec2", &["EnableSnapshotBlockPublicAccess", "DisableSnapshotBlockPublicAccess"], 1.0, 0.1, EC2),
    row("ec2", &["EnableImageBlockPublicAccess", "DisableImageBlockPublicAccess"], 1.0, 0.1, EC2),
    row("ec2", &["ModifyInstanceMetadataDefaults"], 2.0, 2.0, EC2),
    row("ec2", &["DescribeSecurityGroupReferences", "DescribeStaleSecurityGroups"], 20.0, 5.0, EC2),
    row("ec2", &["CreateStoreImageTask"], 50.0, 0.1, EC2),
    // Every listing of redress is paged or filtered; listings that are neither have half of this.
    row("ec2", &[READS], 100.0, 20.0, EC2),
    row("ec2", &[REST], 50.0, 5.0, EC2),
    row("cloudtrail", &["LookupEvents"], 2.0, 2.0, TRAIL),
    row("cloudtrail", &[READS], 10.0, 10.0, TRAIL),
    row("cloudtrail", &[REST], 1.0, 1.0, TRAIL),
    row("kms", &["DescribeKey"], 2000.0, 2000.0, KMS),
    row("kms", &["GetKeyPolicy", "GetKeyRotationStatus"], 1000.0, 1000.0, KMS),
    row("kms", &["ListKeys", "ListAliases"], 500.0, 500.0, KMS),
    row("kms", &[READS], 100.0, 100.0, KMS),
    row("kms", &["EnableKeyRotation", "PutKeyPolicy", "ScheduleKeyDeletion"], 15.0, 15.0, KMS),
    row("kms", &[REST], 5.0, 5.0, KMS),
    // Shared by all operations of the account in a region.
    row("sts", &[REST], 600.0, 600.0, STS),
    row("iam", &[READS], 15.0, 15.0, UNPUBLISHED),
    row("iam", &[REST], 5.0, 5.0, UNPUBLISHED),
    row("s3", &[READS], 50.0, 50.0, UNPUBLISHED),
    row("s3", &[REST], 5.0, 5.0, UNPUBLISHED),
    row("logs", &[READS], 10.0, 10.0, UNPUBLISHED),
    row("logs", &[REST], 5.0, 5.0, UNPUBLISHED),
    row("securityhub", &["BatchUpdateFindings"], 30.0, 10.0, HUB),
    row("elasticloadbalancing", &[READS], 10.0, 10.0, UNPUBLISHED),
    row("elasticloadbalancing", &[REST], 3.0, 3.0, UNPUBLISHED),
    row("organizations", &[READS], 2.0, 1.0, UNPUBLISHED),
    row("rbin", &[READS], 10.0, 5.0, UNPUBLISHED),
    // Five a second for the whole account, over all operations.
    row("route53", &[READS], 5.0, 5.0, ROUTE53),
    row("wafv2", &["AssociateWebACL", "DisassociateWebACL"], 1.0, 0.5, WAF),
    row("wafv2", &["GetWebACLForResource"], 1.0, 1.0, WAF),
    row("wafv2", &[READS], 5.0, 5.0, WAF),
    row("acm", &[READS], 5.0, 5.0, UNPUBLISHED),
    row("servicequotas", &[READS], 5.0, 5.0, UNPUBLISHED),
    row("ssm", &[REST], 5.0, 5.0, UNPUBLISHED),
    row("secretsmanager", &["DescribeSecret"], 10_000.0, 10_000.0, SECRETS),
    row("secretsmanager", &[REST], 50.0, 50.0, SECRETS),
];

/// The bucket of services that are not in the table.
const UNKNOWN: Bucket = Bucket { size: 1.0, refill: 1.0 };

/// Returns the documented bucket of an operation.
pub fn bucket(service: &str, operation: &str) -> Bucket {
    let fits = |row: &&Row| {
        let named = |name: &&str| *name == operation || *name == REST || (*name == READS && reads(operation));
        row.service == service && row.operations.iter().any(named)
    };
    TABLE.iter().find(fits).map_or(UNKNOWN, |row| row.bucket)
}

fn reads(operation: &str) -> bool {
    ["Describe", "List", "Get", "Search", "Lookup", "Head"].iter().any(|verb| operation.starts_with(verb))
}
