//! The proof that a bucket accepts flow logs: its policy must let the delivery service in, and its encryption
//! must not prevent it. Changing the policy is up to its owner: AWS's own changes of it are set back.

use serde_json::{Value, json};

use super::params::Bucket;
use crate::{
    actions::{Refusal, make, support},
    calls::{Act, Call, Expect, Test},
    checks::policy::{Request, Unproved, allows},
    inventory::{self, Fact, FamilyKind, Inventory, Tags},
    resource::Owner,
    services::bucket::PutBucketPolicy,
};

const SERVICE: &str = "delivery.logs.amazonaws.com";

/// A bucket that accepts flow logs.
pub struct Accepting {
    /// Its policy.
    pub policy: Value,
    /// The region that it is in.
    pub region: String,
    /// Its tags.
    pub tags: Fact<Tags>,
}

/// Returns the bucket, once its policy is proved to let in this account's flow logs of a region.
///
/// # Errors
/// A refusal with the statements that are missing; [`Refusal::Unknown`] where the policy or encryption is not
/// known.
pub fn proved(inventory: &Inventory, region: &str, bucket: &Bucket) -> Result<Accepting, Refusal> {
    let name = &bucket.name;
    let known = support::need(inventory.buckets.get(name), &format!("bucket {name}"))?;
    if !known.owned {
        return Err(Refusal::Refused(format!(
            "bucket {name} belongs to another account: its policy cannot be proved from here; name a bucket \
             of this account"
        )));
    }
    encryption(known)?;
    let policy = support::known(known.policy.as_ref(), &format!("the policy of bucket {name}"))?;
    let missing = || serde_json::to_string(&statements(inventory, region, bucket)).unwrap_or_default();
    let Some(policy) = policy else {
        return Err(Refusal::Refused(format!(
            "bucket {name} has no policy that lets flow logs in: add these statements to it: {}",
            missing()
        )));
    };
    match judged(inventory, region, bucket, policy) {
        Ok(()) => Ok(Accepting {
            policy: policy.clone(),
            region: support::need(known.region.as_ref(), &format!("the region of bucket {name}"))?.clone(),
            tags: known.tags.clone(),
        }),
        Err(Unproved::NotAllowed) => Err(Refusal::Refused(format!(
            "the policy of bucket {name} is not proved to let flow logs in: add these statements to it: {}",
            missing()
        ))),
        Err(Unproved::MayBeDenied(sid)) => Err(Refusal::Refused(format!(
            "the policy of bucket {name} may deny the delivery of flow logs ({sid}): except {SERVICE} from \
             that statement"
        ))),
    }
}

/// Builds the act that sets the bucket's policy back where AWS has changed it. AWS adds the destination of
/// each new flow log to the policy, or puts one of its own in its place, where the caller may change the
/// policy (<https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-permissions.html>,
/// <https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-troubleshooting.html>).
pub fn set_back(owner: &Owner, bucket: &str, accepting: &Accepting) -> Act {
    let policy = |test| Expect::new("", FamilyKind::Buckets, bucket, "/policy/known", test);
    make::act_until(
        Call::of(&accepting.region, &PutBucketPolicy::of(bucket, &accepting.policy, &owner.account)),
        vec![policy(Test::Is(accepting.policy.clone()))],
        120,
        "until the former policy can be seen",
    )
    .only_if(vec![
        policy(Test::Unlike(accepting.policy.clone()))
            .meaning(&format!("the policy of bucket {bucket} is as it was")),
    ])
    .or_leave()
}

/// Refuses a bucket that encrypts with a KMS key: delivery then also needs the policy of the key, and a key
/// given by its ARN; what is not proved is not used
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-cmk-policy.html>).
fn encryption(bucket: &inventory::Bucket) -> Result<(), Refusal> {
    let encryption =
        support::known(bucket.encryption.as_ref(), &format!("the encryption of bucket {}", bucket.id))?;
    match encryption.map(String::as_str) {
        Some(kind) if kind.starts_with("aws:kms") => Err(Refusal::Refused(format!(
            "bucket {} encrypts with a KMS key, and the key's policy is not proved to let {SERVICE} use it: \
             without that AWS drops the logs in silence; name a bucket with SSE-S3",
            bucket.id
        ))),
        _ => Ok(()),
    }
}

fn judged(inventory: &Inventory, region: &str, bucket: &Bucket, policy: &Value) -> Result<(), Unproved> {
    let owner = &inventory.owner;
    let source = format!("arn:{}:logs:{region}:{}:*", owner.partition, owner.account);
    let context = [
        ("aws:SourceAccount", owner.account.as_str()),
        ("aws:SourceArn", source.as_str()),
        ("aws:SecureTransport", "true"),
        ("aws:PrincipalIsAWSService", "true"),
        ("s3:x-amz-acl", "bucket-owner-full-control"),
    ];
    let objects = format!("{}/AWSLogs/{}/*", bucket.arn(owner).trim_end_matches('/'), owner.account);
    let put = Request {
        principal: Some(SERVICE),
        action: "s3:PutObject",
        resource: Some(&objects),
        context: &context,
    };
    allows(policy, &put)?;
    let itself = owner.bucket(&bucket.name);
    allows(
        policy,
        &Request {
            action: "s3:GetBucketAcl",
            resource: Some(itself.as_str()),
            context: &context[..4],
            ..put
        },
    )
}

/// Returns the statements that let flow logs in
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-permissions.html>), for the whole bucket:
/// AWS adds a destination to the policy with each new flow log that the policy does not cover so
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-troubleshooting.html>).
pub fn statements(inventory: &Inventory, region: &str, bucket: &Bucket) -> Value {
    let owner = &inventory.owner;
    let source =
        json!({ "aws:SourceArn": format!("arn:{}:logs:{region}:{}:*", owner.partition, owner.account) });
    json!([
        {
            "Sid": "AWSLogDeliveryWrite",
            "Effect": "Allow",
            "Principal": { "Service": SERVICE },
            "Action": "s3:PutObject",
            "Resource": format!("{}/*", owner.bucket(&bucket.name)),
            "Condition": { "StringEquals": { "aws:SourceAccount": owner.account,
            "s3:x-amz-acl": "bucket-owner-full-control" }, "ArnLike": source },
        },
        {
            "Sid": "AWSLogDeliveryAclCheck",
            "Effect": "Allow",
            "Principal": { "Service": SERVICE },
            "Action": ["s3:GetBucketAcl", "s3:ListBucket"],
            "Resource": owner.bucket(&bucket.name),
            "Condition": { "StringEquals": { "aws:SourceAccount": owner.account }, "ArnLike": source },
        },
    ])
}
