//! The check on the defaults for EBS: new volumes are encrypted, whoever creates them.

use serde_json::{Value, json};

use super::{
    Check,
    one::{Info, Rule},
};
use crate::{
    finding::{Severity, Verdict},
    inventory::{EbsDefaults, Fact},
    resource::Kind,
};

/// The id of the check on encryption by default.
pub const ENCRYPTION_OFF: &str = "ebs-default-encryption-off";

/// The checks of this family.
pub static CHECKS: &[Check] = &[Check::of::<EncryptionOff>()];

struct EncryptionOff;

impl Rule for EncryptionOff {
    type On = EbsDefaults;
    const INFO: Info = Info {
        id: ENCRYPTION_OFF,
        title: "New volumes of a region are encrypted only where their maker asks for it",
        why: "Every launch, copy and restore that forgets to ask leaves an unencrypted disk behind, which \
              later can only be replaced, not encrypted.",
        severity: Severity::Medium,
        kind: Kind::EbsDefaults,
        known_as: &[
            ("security-hub", &["EC2.7"]),
            ("cis-7.0.0", &["6.1.1"]),
            ("prowler", &["ec2_ebs_default_encryption"]),
            ("config-managed", &["ec2-ebs-encryption-by-default"]),
        ],
        triggers: &["ec2:DisableEbsEncryptionByDefault"],
    };

    fn judge(defaults: &EbsDefaults, _: &Value) -> Verdict {
        match &defaults.encryption_by_default {
            Fact::Known(false) => Verdict::Violates(json!({ "key": defaults.kms_key_id.known() })),
            Fact::Known(true) => Verdict::Ok(None),
            silent => Verdict::Unknown(format!(
                "encryption by default: {}",
                silent.silence().unwrap_or("the answer holds no value")
            )),
        }
    }
}
