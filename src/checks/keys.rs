//! The check on KMS keys: AWS rotates those of the customer.

use serde_json::{Value, json};

use super::{
    Check,
    one::{Info, Rule},
};
use crate::{
    finding::{Severity, Verdict},
    inventory::{CustomerKey, Fact},
    resource::Kind,
};

/// The id of the check on rotation.
pub const ROTATION_OFF: &str = "kms-rotation-off";

/// The checks of this family.
pub static CHECKS: &[Check] = &[Check::of::<RotationOff>()];

struct RotationOff;

impl Rule for RotationOff {
    type On = CustomerKey;
    const INFO: Info = Info {
        id: ROTATION_OFF,
        title: "A customer managed KMS key is never rotated",
        why: "Everything that is encrypted under the key is encrypted with one and the same material for as \
              long as the key exists.",
        severity: Severity::Medium,
        kind: Kind::Key,
        known_as: &[
            ("security-hub", &["KMS.4"]),
            ("cis-1.2.0", &["2.8"]),
            ("cis-1.4.0", &["3.8"]),
            ("cis-1.5.0", &["3.8"]),
            ("cis-2.0.0", &["3.8"]),
            ("cis-3.0.0", &["3.6"]),
            ("cis-4.0.0", &["3.6"]),
            ("cis-5.0.0", &["3.6"]),
            ("cis-6.0.0", &["4.6"]),
            ("cis-7.0.0", &["4.6"]),
            ("pci-dss-3.2.1", &["PCI.KMS.1"]),
            ("prowler", &["kms_cmk_rotation_enabled"]),
            ("prowler-2", &["check28"]),
            ("config-managed", &["cmk-backing-key-rotation-enabled"]),
            ("custodian", &["kms-key/key-rotation-status"]),
        ],
        triggers: &["kms:CreateKey", "kms:DisableKeyRotation"],
    };

    /// Returns whether a scan judges the key: a key that is out of use is no finding, and is not shown to be
    /// rotated either.
    fn is_scanned(key: &CustomerKey) -> bool {
        key.is_understood().is_err() || key.is_rotatable().is_err() || key.is_enabled().is_ok()
    }

    fn judge(key: &CustomerKey, _: &Value) -> Verdict {
        if let Err(why) = key.is_understood() {
            return Verdict::Unknown(why);
        }
        // Scanners report such keys too: the note gives the reason for which nothing is proposed.
        if let Err(why) = key.is_rotatable() {
            return Verdict::Ok(Some(why));
        }
        match (&key.rotation, key.is_enabled()) {
            (Fact::Known(false), Err(why)) => Verdict::Unknown(why),
            (Fact::Known(false), Ok(())) => {
                Verdict::Violates(json!({ "spec": key.key_spec, "origin": key.origin }))
            }
            (Fact::Known(true), _) => Verdict::Ok(None),
            (silent, _) => Verdict::Unknown(format!(
                "its rotation: {}",
                silent.silence().unwrap_or("the answer holds no value")
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks,
        inventory::{Caller, Inventory, Selector, Tags, tag},
        resource::Owner,
    };

    const R: &str = "us-east-1";

    fn key() -> CustomerKey {
        CustomerKey::not_rotated("k")
    }

    fn account(key: Fact<CustomerKey>) -> Inventory {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let mut inventory =
            Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
        let keys = &mut inventory.region_mut(R).customer_keys;
        keys.items.insert("k".into(), key);
        keys.read(&Selector::All, Fact::Known(()));
        inventory
    }

    fn found(key: Fact<CustomerKey>) -> Vec<crate::finding::Finding> {
        let (findings, unjudged) =
            checks::run(&account(key), &[R.to_owned()], &[checks::find(ROTATION_OFF).unwrap()], |_| {
                Value::Null
            });
        assert!(unjudged.is_empty());
        findings
    }

    #[test]
    fn a_key_that_aws_could_rotate_and_does_not_is_a_finding() {
        let tags = Tags::from([(tag::IGNORE.to_owned(), "reviewed".to_owned())]);
        let findings = found(Fact::Known(CustomerKey { tags: Fact::Known(tags), ..key() }));
        assert_eq!(findings[0].resource.as_str(), "arn:aws:kms:us-east-1:123456789012:key/k");
        assert!(matches!(findings[0].verdict, Verdict::Violates(_)));
        assert_eq!(findings[0].suppressed, Some("reviewed".into()));
        assert!(found(Fact::Known(CustomerKey { rotation: Fact::Known(true), ..key() })).is_empty());
    }

    #[test]
    fn a_key_that_could_not_be_read_is_unknown_and_never_fine() {
        for fact in [
            Fact::unknown("AccessDenied"),
            Fact::Known(CustomerKey { rotation: Fact::unknown("AccessDenied"), ..key() }),
        ] {
            assert!(matches!(&found(fact)[0].verdict, Verdict::Unknown(why) if why.contains("AccessDenied")));
        }
    }

    #[test]
    fn a_key_that_is_out_of_use_is_left_out_of_scans_and_proves_nothing() {
        for state in ["Disabled", "PendingDeletion", "Updating"] {
            let key = |rotation| {
                Fact::Known(CustomerKey { key_state: state.into(), rotation: Fact::Known(rotation), ..key() })
            };
            assert!(found(key(false)).is_empty() && found(key(true)).is_empty());
            let resource = account(key(false)).owner.key(R, "k");
            let judged = |rotation| {
                (checks::find(ROTATION_OFF).unwrap().judge)(&account(key(rotation)), &resource, &Value::Null)
            };
            assert!(matches!(judged(false), Verdict::Unknown(why) if why.contains(state)));
            assert_eq!(judged(true), Verdict::Ok(None));
        }
    }

    #[test]
    fn a_word_that_aws_adds_later_is_unknown_and_no_reason_for_anything() {
        let keys = [
            CustomerKey { key_manager: "PARTNER".into(), ..key() },
            CustomerKey { key_usage: "TRANSLATE".into(), ..key() },
            CustomerKey { key_spec: "SYMMETRIC_512".into(), ..key() },
            CustomerKey { origin: "ELSEWHERE".into(), ..key() },
            CustomerKey { origin: String::new(), ..key() },
        ];
        for key in keys {
            let findings = found(Fact::Known(key.clone()));
            assert!(
                matches!(&findings[0].verdict, Verdict::Unknown(why) if why.contains("know")),
                "{key:?}: {findings:?}"
            );
        }
    }

    #[test]
    fn a_key_that_aws_cannot_rotate_is_fine_with_the_reason() {
        let primary = Some("arn:aws:kms:eu-west-1:123456789012:key/mrk-1".to_owned());
        let cases = [
            (CustomerKey { origin: "EXTERNAL".into(), ..key() }, "imported"),
            (CustomerKey { origin: "AWS_CLOUDHSM".into(), ..key() }, "custom key store"),
            (CustomerKey { origin: "EXTERNAL_KEY_STORE".into(), ..key() }, "custom key store"),
            (CustomerKey { replica_of: primary, ..key() }, "key/mrk-1, in eu-west-1"),
            (CustomerKey { key_spec: "RSA_2048".into(), ..key() }, "RSA_2048"),
            (
                CustomerKey { key_spec: "HMAC_256".into(), key_usage: "GENERATE_VERIFY_MAC".into(), ..key() },
                "GENERATE_VERIFY_MAC",
            ),
            (CustomerKey { key_manager: "AWS".into(), ..key() }, "AWS manages it"),
        ];
        for (key, word) in cases {
            let findings = found(Fact::Known(key));
            assert!(
                matches!(&findings[0].verdict, Verdict::Ok(Some(why)) if why.contains(word)),
                "{word}: {findings:?}"
            );
        }
    }
}
