//! KMS keys as the other calls need them: found by id, ARN or alias, and checked for use. It must not judge a
//! key of which it has no facts.

use super::{Twin, errors::unknown};
use crate::{
    calls::CallError,
    inventory::{EbsDefaults, Fact, Key, Region},
};

/// The name of the key that AWS creates when it is needed for the first time.
const MADE_ON_FIRST_USE: &str = "key/aws-ebs-made-on-first-use";

/// Finds a key by its id, ARN or alias.
pub(super) fn find<'a>(region: &'a Region, asked: &str) -> Fact<&'a Key> {
    let direct = region.keys.get(asked);
    if direct.known().is_some() {
        return direct;
    }
    // An alias may be given by its ARN, and a key by the last part of its own.
    if let Some((_, alias)) = asked.split_once(":alias/") {
        return find(region, &format!("alias/{alias}"));
    }
    let is_it =
        |key: &Key| key.arn == asked || key.arn.rsplit_once(":key/").is_some_and(|(_, id)| id == asked);
    let by_arn = region.keys.known().find(|(_, key)| is_it(key));
    by_arn.map_or(direct, |(_, key)| Fact::Known(key))
}

/// A key for the encryption of a resource. EC2 checks it only after it has answered
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVolume.html>, KmsKeyId).
pub(super) struct Chosen {
    /// Its ARN, or the name that was asked for where there is no such key.
    pub arn: String,
    /// `true` if it can be used.
    pub works: bool,
    /// `true` if it exists.
    pub exists: bool,
}

/// Returns the key that was asked for, or the region's default for EBS.
pub(super) fn choose(twin: &Twin, region: &str, asked: Option<&str>) -> Result<Chosen, CallError> {
    let known = twin.region(region)?;
    let default;
    let asked = match asked {
        Some(asked) => asked,
        None => {
            default = default_key(known)?;
            default.as_str()
        }
    };
    match find(known, asked) {
        Fact::Known(key) => {
            Ok(Chosen { arn: key.arn.clone(), works: key.proves_usable().is_ok(), exists: true })
        }
        // AWS creates its own key for EBS when it is needed for the first time.
        Fact::Absent if asked == EbsDefaults::AWS_KEY => {
            let owner = &twin.truth.owner;
            Ok(Chosen {
                arn: owner_key_arn(&owner.partition, region, &owner.account),
                works: true,
                exists: true,
            })
        }
        Fact::Absent => Ok(Chosen { arn: asked.to_owned(), works: false, exists: false }),
        silent => Err(unknown(&format!("the key {asked}"), silent.silence().unwrap_or("not read"))),
    }
}

fn default_key(region: &Region) -> Result<String, CallError> {
    let defaults = region.ebs_defaults.get(EbsDefaults::ID);
    let key = match &defaults {
        Fact::Known(defaults) => defaults.kms_key_id.as_ref(),
        Fact::Absent => Fact::Absent,
        Fact::Unknown(reason) => Fact::Unknown(reason.clone()),
        Fact::NotRead => Fact::NotRead,
    };
    match key {
        Fact::Known(key) => Ok(key.clone()),
        Fact::Absent => Ok(EbsDefaults::AWS_KEY.to_owned()),
        silent => Err(unknown("the default key for EBS", silent.silence().unwrap_or("not read"))),
    }
}

fn owner_key_arn(partition: &str, region: &str, account: &str) -> String {
    format!("arn:{partition}:kms:{region}:{account}:{MADE_ON_FIRST_USE}")
}

/// Returns whether new volumes and copies are encrypted even if nobody asks.
pub(super) fn encrypted_by_default(twin: &Twin, region: &str) -> Result<bool, CallError> {
    let defaults = twin.region(region)?.ebs_defaults.get(EbsDefaults::ID);
    let fact = match &defaults {
        Fact::Known(defaults) => defaults.encryption_by_default.as_ref(),
        Fact::Absent => Fact::Absent,
        Fact::Unknown(reason) => Fact::Unknown(reason.clone()),
        Fact::NotRead => Fact::NotRead,
    };
    match fact {
        Fact::Known(on) => Ok(*on),
        Fact::Absent => Ok(false),
        silent => {
            Err(unknown("whether EBS encryption by default is on", silent.silence().unwrap_or("not read")))
        }
    }
}

/// Returns whether the key of an encrypted resource does not work.
///
/// # Errors
/// [`unknown`] where that is not known: a key that was not read may be disabled by now.
pub(super) fn is_broken(region: &Region, key: Option<&str>) -> Result<bool, CallError> {
    let Some(key) = key else { return Err(unknown("the key of an encrypted thing", "AWS does not name it")) };
    match find(region, key) {
        Fact::Known(key) => Ok(key.proves_usable().is_err()),
        _ if key.ends_with(MADE_ON_FIRST_USE) => Ok(false),
        Fact::Absent => Ok(true),
        silent => Err(unknown(&format!("the key {key}"), silent.silence().unwrap_or("not read"))),
    }
}
