//! The proof that a bucket accepts flow logs: its policy must let the delivery service in, and its encryption
//! must not prevent it. The policy is only read; changing it is up to its owner.

use serde_json::{Value, json};

use super::params::Bucket;
use crate::{
    actions::{Refusal, support},
    checks::policy::{Request, Unproved, allows},
    inventory::{self, Inventory},
};

const SERVICE: &str = "delivery.logs.amazonaws.com";

/// Returns the bucket's policy, once it is proved to let in this account's flow logs of a region.
///
/// # Errors
/// A refusal with the statements that are missing; [`Refusal::Unknown`] where the policy or encryption is not
/// known.
pub fn proved(inventory: &Inventory, region: &str, bucket: &Bucket) -> Result<Value, Refusal> {
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
        Ok(()) => Ok(policy.clone()),
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
        ("s3:x-amz-acl", "bucket-owner-full-control"),
    ];
    let objects = format!("{}AWSLogs/{}/*", bucket.arn(owner), owner.account);
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
            context: &context[..3],
            ..put
        },
    )
}

/// Returns the statements that let flow logs in
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-permissions.html>).
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
            "Resource": format!("{}AWSLogs/{}/*", bucket.arn(owner), owner.account),
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
