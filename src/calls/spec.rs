//! The registry of mutating operations: for each, what it gives back, whether it may be repeated, what it risks and
//! which IAM actions it takes. A call that does not stand here cannot stand in a plan.

use serde::{Deserialize, Serialize};

/// What a change may cost those who use the account while it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Adds; disturbs nothing.
    Safe,
    /// May cut traffic, access or uptime.
    Disruptive,
    /// Cannot be taken back.
    Irreversible,
}

impl Risk {
    /// The word for people and documents.
    pub fn word(self) -> &'static str {
        match self {
            Risk::Safe => "safe",
            Risk::Disruptive => "disruptive",
            Risk::Irreversible => "irreversible",
        }
    }
}

/// Whether a call may be made again when it is not known what became of the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// The input carries an idempotency token of AWS's; the same call gives the same thing.
    Token,
    /// Doing it twice leaves the same state as doing it once.
    Harmless,
    /// It would make a second thing: look first.
    LookFirst,
}

/// What an operation does to whether the thing that it names is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// Nothing.
    Stays,
    /// It takes it down. It is called only after it was shown that the thing can come up again.
    TakesDown,
    /// It brings it up. Once it took effect, a change never rolls back by itself.
    BringsUp,
}

/// What is known of an operation.
#[derive(Debug)]
pub struct Spec {
    /// The IAM prefix of the service.
    pub service: &'static str,
    /// The operation.
    pub operation: &'static str,
    /// Names of the outputs that are kept; all else of the reply is dropped.
    pub outputs: &'static [&'static str],
    /// Whether it may be repeated.
    pub repeat: Repeat,
    /// What it risks when it stands in a way back, where no action speaks for it.
    pub risk: Risk,
    /// IAM actions that it can take beside its own ([`Spec::action`]): some of them only with certain inputs, which
    /// `plan::permissions` knows.
    pub permissions: &'static [&'static str],
    /// What it does to whether a thing is up.
    pub power: Power,
    /// Whether it only records: nothing works otherwise because of it. Where it fails after the point of no return, or on
    /// a way back, it is left over for a person to do.
    pub bookkeeping: bool,
}

const fn spec(
    service: &'static str,
    operation: &'static str,
    outputs: &'static [&'static str],
    repeat: Repeat,
    risk: Risk,
    permissions: &'static [&'static str],
) -> Spec {
    Spec { service, operation, outputs, repeat, risk, permissions, power: Power::Stays, bookkeeping: false }
}

impl Spec {
    const fn takes_down(self) -> Self {
        Self { power: Power::TakesDown, ..self }
    }
    const fn brings_up(self) -> Self {
        Self { power: Power::BringsUp, ..self }
    }
    const fn records(self) -> Self {
        Self { bookkeeping: true, ..self }
    }
}

use Repeat::{Harmless, LookFirst, Token};
use Risk::{Disruptive, Irreversible, Safe};

/// What making an encrypted volume or snapshot takes
/// (<https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html>).
const TAGGED_AND_ENCRYPTED: &[&str] =
    &["ec2:CreateTags", "kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"];

/// What bringing up an instance takes of the keys of its encrypted disks
/// (<https://repost.aws/knowledge-center/kms-iam-ec2-permission>).
const DISKS_KEYS: &[&str] = &["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey"];

/// All operations that redress can make.
///
/// Outputs are: `SecurityGroupRuleIds` a list; `Snapshots` an object from volume id to snapshot id; `FlowLogIds` a
/// list; the rest single ids.
pub static SPECS: &[Spec] = &[
    spec("ec2", "AuthorizeSecurityGroupIngress", &["SecurityGroupRuleIds"], LookFirst, Safe, &["ec2:CreateTags"]),
    spec("ec2", "RevokeSecurityGroupIngress", &[], Harmless, Disruptive, &[]),
    spec("ec2", "CreateFlowLogs", &["FlowLogIds"], Token, Safe, &["ec2:CreateTags", "iam:PassRole", "logs:CreateLogDelivery"]),
    spec("ec2", "DeleteFlowLogs", &[], Harmless, Disruptive, &["logs:DeleteLogDelivery"]),
    spec("ec2", "CreateSnapshot", &["SnapshotId"], LookFirst, Safe, &["ec2:CreateTags"]),
    spec("ec2", "CreateSnapshots", &["Snapshots"], LookFirst, Safe, &["ec2:CreateTags"]),
    spec("ec2", "CopySnapshot", &["SnapshotId"], LookFirst, Safe, TAGGED_AND_ENCRYPTED),
    spec("ec2", "DeleteSnapshot", &[], Harmless, Irreversible, &[]),
    spec("ec2", "CreateVolume", &["VolumeId"], Token, Safe, TAGGED_AND_ENCRYPTED),
    spec("ec2", "DeleteVolume", &[], Harmless, Irreversible, &[]),
    spec("ec2", "AttachVolume", &[], Harmless, Disruptive, &[]),
    spec("ec2", "DetachVolume", &[], Harmless, Disruptive, &[]),
    spec("ec2", "StopInstances", &[], Harmless, Disruptive, &[]).takes_down(),
    spec("ec2", "StartInstances", &[], Harmless, Safe, DISKS_KEYS).brings_up(),
    spec("ec2", "ModifyInstanceAttribute", &[], Harmless, Safe, &[]),
    spec("ec2", "CreateTags", &[], Harmless, Safe, &[]).records(),
    spec("ec2", "DeleteTags", &[], Harmless, Safe, &[]).records(),
    spec("logs", "CreateLogGroup", &[], Harmless, Safe, &["logs:TagResource"]),
    spec("logs", "PutRetentionPolicy", &[], Harmless, Safe, &[]),
    spec("logs", "DeleteLogGroup", &[], Harmless, Irreversible, &[]),
    spec("logs", "DeleteRetentionPolicy", &[], Harmless, Safe, &[]),
    spec("iam", "CreateRole", &[], Harmless, Safe, &["iam:TagRole"]),
    spec("iam", "PutRolePolicy", &[], Harmless, Safe, &[]),
    spec("iam", "DeleteRolePolicy", &[], Harmless, Disruptive, &[]),
    spec("iam", "DeleteRole", &[], Harmless, Disruptive, &[]),
    spec("cloudtrail", "CreateTrail", &["TrailARN"], Harmless, Safe, &["cloudtrail:AddTags"]),
    spec("cloudtrail", "UpdateTrail", &[], Harmless, Safe, &[]),
    spec("cloudtrail", "StartLogging", &[], Harmless, Safe, &[]),
    spec("cloudtrail", "StopLogging", &[], Harmless, Disruptive, &[]),
    spec("cloudtrail", "DeleteTrail", &[], Harmless, Disruptive, &[]),
    spec("s3", "CreateBucket", &[], Harmless, Safe, &["s3:PutBucketOwnershipControls"]),
    spec("s3", "DeleteBucket", &[], Harmless, Irreversible, &[]),
    spec("s3", "PutBucketTagging", &[], Harmless, Safe, &[]),
    spec("s3", "PutPublicAccessBlock", &[], Harmless, Safe, &[]),
    spec("s3", "PutBucketVersioning", &[], Harmless, Safe, &[]),
    spec("s3", "PutBucketEncryption", &[], Harmless, Safe, &[]),
    spec("s3", "PutBucketPolicy", &[], Harmless, Safe, &[]),
];

impl Spec {
    /// Whether it can be tried without effect: EC2 has `DryRun` for all that redress calls there, the others have nothing.
    pub fn can_be_tried(&self) -> bool {
        self.service == "ec2"
    }

    /// The IAM action of the call itself. Those of S3 are not all named as the operation
    /// (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>).
    pub fn action(&self) -> String {
        match (self.service, self.operation) {
            ("s3", "PutPublicAccessBlock") => "s3:PutBucketPublicAccessBlock".to_owned(),
            ("s3", "PutBucketEncryption") => "s3:PutEncryptionConfiguration".to_owned(),
            (service, operation) => format!("{service}:{operation}"),
        }
    }
}

/// The least that a change with these steps risks: the gravest of what the registry says of its calls. No word of a file
/// or an action goes below it.
pub fn floor(steps: &[super::Step]) -> Risk {
    steps.iter().filter_map(|s| find(&s.act.call.service, &s.act.call.operation)).map(|s| s.risk).max().unwrap_or(Risk::Safe)
}

/// The entry of an operation.
pub fn find(service: &str, operation: &str) -> Option<&'static Spec> {
    SPECS.iter().find(|s| s.service == service && s.operation == operation)
}
