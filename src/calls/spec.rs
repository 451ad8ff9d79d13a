//! The registry of mutating operations: for each, what it gives back, whether it may be repeated, what it risks and
//! which IAM actions it takes. A call that does not stand here cannot stand in a plan.

use serde::{Deserialize, Serialize};
use serde_json::Value;

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

/// How long an operation and what is waited for after it are expected to take. AWS promises nothing; no outcome hangs on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// So many seconds.
    Seconds(u64),
    /// A pass over the data of a disk, of which only what has changed counts where there was one before.
    PassOverChanges,
    /// A pass over all data of a disk.
    Pass,
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
    /// How long it is expected to take.
    pub takes: Takes,
    /// How many of what it makes AWS lets be pending at once in its region, those of all callers together.
    pub pending: Option<usize>,
}

const fn spec(
    service: &'static str,
    operation: &'static str,
    outputs: &'static [&'static str],
    repeat: Repeat,
    risk: Risk,
    permissions: &'static [&'static str],
) -> Spec {
    Spec { service, operation, outputs, repeat, risk, permissions, power: Power::Stays, bookkeeping: false, takes: Takes::Seconds(5), pending: None }
}

impl Spec {
    const fn takes_down(self) -> Self {
        Self { power: Power::TakesDown, ..self }
    }
    const fn brings_up(self) -> Self {
        Self { power: Power::BringsUp, ..self }
    }
    const fn pending_at_most(self, most: usize) -> Self {
        Self { pending: Some(most), ..self }
    }
    const fn takes(self, takes: Takes) -> Self {
        Self { takes, ..self }
    }
    const fn records(self) -> Self {
        Self { bookkeeping: true, ..self }
    }
}

use Repeat::{Harmless, LookFirst, Token};
use Risk::{Disruptive, Irreversible, Safe};

/// How many snapshot copies AWS lets be pending in a destination region
/// (<https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html>).
pub const MOST_COPIES: usize = 20;

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
    spec("ec2", "CreateSnapshot", &["SnapshotId"], LookFirst, Safe, &["ec2:CreateTags"]).takes(Takes::PassOverChanges),
    spec("ec2", "CreateSnapshots", &["Snapshots"], LookFirst, Safe, &["ec2:CreateTags"]).takes(Takes::PassOverChanges),
    spec("ec2", "CopySnapshot", &["SnapshotId"], LookFirst, Safe, TAGGED_AND_ENCRYPTED).takes(Takes::Pass).pending_at_most(MOST_COPIES),
    spec("ec2", "DeleteSnapshot", &[], Harmless, Irreversible, &[]),
    spec("ec2", "CreateVolume", &["VolumeId"], Token, Safe, TAGGED_AND_ENCRYPTED).takes(Takes::Seconds(30)),
    spec("ec2", "DeleteVolume", &[], Harmless, Irreversible, &[]),
    spec("ec2", "RestoreSnapshotFromRecycleBin", &[], Harmless, Safe, &[]),
    spec("ec2", "RestoreVolumeFromRecycleBin", &[], Harmless, Safe, &[]),
    spec("ec2", "AttachVolume", &[], Harmless, Disruptive, &[]).takes(Takes::Seconds(30)),
    spec("ec2", "DetachVolume", &[], Harmless, Disruptive, &[]).takes(Takes::Seconds(30)),
    spec("ec2", "StopInstances", &[], Harmless, Disruptive, &[]).takes_down().takes(Takes::Seconds(180)),
    spec("ec2", "StartInstances", &[], Harmless, Safe, DISKS_KEYS).brings_up().takes(Takes::Seconds(300)),
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
/// or an action goes below it. Taking away what the change itself has made risks nothing.
pub fn floor(steps: &[super::Step]) -> Risk {
    let risk = |(at, step): (usize, &super::Step)| {
        let spec = find(&step.act.call.service, &step.act.call.operation)?;
        let own = spec.risk == Risk::Irreversible && names_only_own(&step.act.call.input, &steps[..at]);
        Some(if own { Risk::Safe } else { spec.risk })
    };
    steps.iter().enumerate().filter_map(risk).max().unwrap_or(Risk::Safe)
}

/// Whether an input names nothing but what earlier steps of the same change make: declared outputs of calls whose effect is
/// known by the token that they set, and which nothing else can stand for.
fn names_only_own(input: &Value, earlier: &[super::Step]) -> bool {
    let made = |reference: &Value| {
        let text = |name: &str| reference.get(name).and_then(Value::as_str);
        let (Some(step), Some(name), None) = (text("step"), text("name"), reference.get("change")) else { return false };
        let name = name.split('/').next().unwrap_or_default();
        earlier.iter().find(|s| s.name == step).is_some_and(|s| {
            let declared = find(&s.act.call.service, &s.act.call.operation).is_some_and(|spec| spec.outputs.contains(&name));
            declared && matches!(s.act.recognise, super::Recognise::Tagged { .. }) && s.act.observe.iter().all(|o| o.name != name)
        })
    };
    match input {
        Value::Object(members) => match members.get("$output") {
            Some(reference) => members.len() == 1 && made(reference),
            None => !members.is_empty() && members.values().all(|value| names_only_own(value, earlier)),
        },
        _ => false,
    }
}

/// The entry of an operation.
pub fn find(service: &str, operation: &str) -> Option<&'static Spec> {
    SPECS.iter().find(|s| s.service == service && s.operation == operation)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        actions::make,
        calls::{Call, Observe, Shape, Step, WayBack, reference},
        inventory::FamilyKind,
    };

    #[test]
    fn taking_away_what_the_change_itself_made_risks_nothing_and_all_else_what_the_registry_says() {
        let step = |name: &str, act| make::step(name, name, act, WayBack::Kept("x".to_owned()));
        let call = |operation: &str, input| Call::new("ec2", "us-east-1", operation, input);
        let made = make::making(call("CreateVolume", json!({})), FamilyKind::Volumes, "VolumeId", Shape::Id, None);
        let gone = |id: Value| step("gone", make::act(call("DeleteVolume", json!({ "VolumeId": id })), Vec::new()));
        let own = || gone(reference::output("made", "VolumeId"));
        assert_eq!(floor(&[step("made", made.clone()), own()]), Risk::Safe);
        let other: [Vec<Step>; 5] = [
            vec![step("made", made.clone()), gone(json!("vol-1"))],
            vec![own(), step("made", made.clone())],
            vec![step("made", made.clone()), gone(reference::output("made", "Another"))],
            vec![step("made", made.clone()), gone(reference::output_of("c2", "made", "VolumeId"))],
            vec![
                step(
                    "made",
                    made.clone().observing([Observe {
                        name: "VolumeId".into(),
                        region: "us-east-1".into(),
                        family: FamilyKind::Volumes,
                        id: json!("vol-1"),
                        at: "/id".into(),
                        anew: true,
                    }]),
                ),
                own(),
            ],
        ];
        for steps in other {
            assert_eq!(floor(&steps), Risk::Irreversible, "{steps:?}");
        }
    }
}
