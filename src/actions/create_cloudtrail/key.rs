//! The key of a new trail's log files, proved usable before the first call: CloudTrail checks it only when
//! the trail is created, and by then the bucket has been made.
//!
//! Rules:
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/encrypting-cloudtrail-log-files-with-aws-kms.html>.

use serde_json::Value;

use super::Plan;
use crate::{
    actions::{
        GuardNote, Refusal,
        support::{known, need},
    },
    checks::policy::{Request, Unproved, allows},
    inventory::Inventory,
    resource::{account_in, region_in},
};

/// Checks that CloudTrail can use the key that was asked for; returns the note of the guard.
///
/// # Errors
/// A refusal that names what is wrong with the key, or what is not known.
pub(super) fn usable(plan: &Plan, inventory: &Inventory) -> Result<Option<GuardNote>, Refusal> {
    let Some(key) = plan.key() else { return Ok(None) };
    let place = region_in(&key).unwrap_or_default();
    if place != plan.bucket_region {
        return Err(Refusal::Refused(format!(
            "the key {key} is in {place} and bucket {} in {}: CloudTrail takes keys of the bucket's region \
             only",
            plan.bucket, plan.bucket_region
        )));
    }
    let Some(found) = known(inventory.key(place, &key), &format!("KMS key {key}"))? else {
        return Err(Refusal::Refused(format!(
            "there is no key {key}: correct the parameter `key`, or make the key"
        )));
    };
    found.proves_usable().map_err(|shown| {
        Refusal::Refused(format!("the key {key} cannot encrypt log files: {shown}; give another one"))
    })?;
    if account_in(&key) != Some(plan.owner.account.as_str()) {
        return Ok(Some(GuardNote::not_checked(
            "key",
            format!(
                "the policy of {key} can only be read by the account that owns it: CloudTrail checks it when \
                 the trail is created, and the change is rolled back if it does not let CloudTrail use it"
            ),
        )));
    }
    let policy = need(inventory.key_policy(place, &key), &format!("the policy of {key}"))?;
    admits(plan, &policy.policy, &key)?;
    Ok(Some(GuardNote::passed("key", format!("{key} is enabled, and its policy lets CloudTrail use it"))))
}

/// Checks the two statements that CloudTrail needs in the policy of a key
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html>).
fn admits(plan: &Plan, policy: &Value, key: &str) -> Result<(), Refusal> {
    let trail = plan.trail.as_str();
    let context = [
        ("aws:SourceArn", trail),
        ("aws:SourceAccount", plan.owner.account.as_str()),
        ("aws:PrincipalIsAWSService", "true"),
        ("kms:EncryptionContext:aws:cloudtrail:arn", trail),
    ];
    // The encryption context belongs to the calls that encrypt.
    let requests = [("kms:DescribeKey", &context[..3]), ("kms:GenerateDataKey", &context[..])];
    for (action, context) in requests {
        let request =
            Request { principal: Some("cloudtrail.amazonaws.com"), action, resource: Some(key), context };
        match allows(policy, &request) {
            Ok(()) => {}
            Err(Unproved::NotAllowed) => {
                return Err(Refusal::Refused(format!(
                    "the policy of {key} does not let cloudtrail.amazonaws.com call {action} for {trail}: \
                     add the statements of AWS's page on key policies for CloudTrail to it first"
                )));
            }
            Err(Unproved::MayBeDenied(sid)) => {
                return Err(Refusal::Unknown(format!(
                    "redress could not find out whether CloudTrail can use {key}: the Deny statement {sid:?} \
                     of its policy may apply to {action}"
                )));
            }
        }
    }
    Ok(())
}
