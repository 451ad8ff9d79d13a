//! The KMS key under which the copies are encrypted: resolved to its ARN and proved usable before anything is
//! done, since EC2 checks a key only after it has accepted the call.

use super::Parameters;
use crate::{
    actions::{
        Context, Refusal,
        support::{need, region},
    },
    inventory::{EbsDefaults, Fact, FamilyKind, Want},
    resource::region_in,
};

/// Returns the facts that determine the key.
pub fn wants(context: &Context<'_>, asked: &str) -> Vec<Want> {
    let defaults = Want::id(context.region, FamilyKind::EbsDefaults, EbsDefaults::ID);
    match named(context, asked) {
        Ok(name) if asked.is_empty() => vec![defaults, Want::id(context.region, FamilyKind::Keys, name)],
        Ok(name) => vec![Want::id(context.region, FamilyKind::Keys, name)],
        Err(_) => vec![defaults],
    }
}

/// Returns the name of the key: the one that was asked for, else the account's default for EBS, else AWS's
/// own.
fn named(context: &Context<'_>, asked: &str) -> Result<String, Refusal> {
    if !asked.is_empty() {
        return Ok(asked.to_owned());
    }
    let what = "the account's default key for EBS";
    let defaults = region(context.inventory, context.region)?.ebs_defaults.get(EbsDefaults::ID);
    let own = match defaults {
        Fact::Known(defaults) => defaults.kms_key_id.clone(),
        other => other.map(|_| String::new()),
    };
    match own {
        Fact::Known(key) if !key.is_empty() => Ok(key),
        Fact::Known(_) | Fact::Absent => Ok(EbsDefaults::AWS_KEY.to_owned()),
        // An endpoint that does not have the operation has no such default; one that denies it may have.
        Fact::Unknown(reason) if unsupported(&reason) => Ok(EbsDefaults::AWS_KEY.to_owned()),
        silent => need(silent, what),
    }
}

/// Returns the ARN of the key, usable or not.
pub fn arn(context: &Context<'_>, asked: &str) -> Option<String> {
    let name = named(context, asked).ok()?;
    Some(region(context.inventory, context.region).ok()?.keys.get(&name).known()?.arn.clone())
}

fn unsupported(reason: &str) -> bool {
    let reason = reason.to_lowercase();
    reason.contains("not supported") || reason.contains("unsupported") || reason.contains("not implemented")
}

/// Returns the ARN of the key, proved usable, and whether it is one of the account's own rather than AWS's.
///
/// # Errors
/// A refusal that names what is wrong with the key, or what is not known.
pub fn chosen(context: &Context<'_>, parameters: &Parameters) -> Result<(String, bool), Refusal> {
    let name = named(context, &parameters.key)?;
    let found = region(context.inventory, context.region)?.keys.get(&name);
    if matches!(found, Fact::Absent) {
        let hint = "correct the parameter `key`, or make the key";
        return Err(Refusal::Refused(format!(
            "there is no key or alias {name} in {}: {hint}",
            context.region
        )));
    }
    let key = need(found, &format!("KMS key {name} in {}", context.region))?;
    let wrong = |what: &str, is: &str, must: &str| {
        Err(Refusal::Refused(format!(
            "KMS key {name}: its {what} is {is:?} and must be {must:?}: volumes under it could not be used; \
             choose another by the parameter `key`"
        )))
    };
    if key.key_state != "Enabled" {
        return wrong("state", &key.key_state, "Enabled");
    }
    if key.key_spec != "SYMMETRIC_DEFAULT" {
        return wrong("spec", &key.key_spec, "SYMMETRIC_DEFAULT");
    }
    if key.key_usage != "ENCRYPT_DECRYPT" {
        return wrong("usage", &key.key_usage, "ENCRYPT_DECRYPT");
    }
    let place = region_in(&key.arn).unwrap_or_default();
    if place != context.region {
        return wrong("region", place, context.region);
    }
    Ok((key.arn.clone(), key.key_manager != "AWS"))
}
