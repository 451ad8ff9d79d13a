//! `enable-kms-rotation`: AWS creates new key material for a customer managed key at intervals.

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::json;

use super::{
    Context, Parameter, Refusal,
    concern::Concern,
    setting::{SHOWS_WITHIN, Setting, Switch},
    support,
};
use crate::{
    calls::{Call, Risk},
    checks::keys::ROTATION_OFF,
    inventory::{CustomerKey, FamilyKind},
    resource::Kind,
    services::{
        Operation,
        key::{DisableKeyRotation, EnableKeyRotation, PERIOD},
    },
};

/// The action `enable-kms-rotation`.
pub static ENABLE_KMS_ROTATION: Setting<CustomerKey, Params> = Setting {
    name: "enable-kms-rotation",
    title: "Has AWS rotate a customer managed KMS key",
    page: include_str!("enable_kms_rotation.md"),
    answers: &[ROTATION_OFF],
    target: Kind::Key,
    member: "/rotation/known",
    shows_within: SHOWS_WITHIN,
    concerns: &[(FamilyKind::CustomerKeys, Concern::these(&["rotation"]))],
    of_checks: &[],
    parameters: &[Parameter {
        name: "period_days",
        kind: "number of days, 90 to 2560",
        default: "AWS's own, which is 365",
        doc: "How many days lie between two rotations.",
    }],
    operations: &[<EnableKeyRotation as Operation>::SPEC, <DisableKeyRotation as Operation>::SPEC],
    reads: &[],
    needs: |_, _| Vec::new(),
    switch,
};

/// The parameters of the action.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The days from one rotation to the next; `None` stands for AWS's own choice.
    #[serde(deserialize_with = "period", skip_serializing_if = "Option::is_none")]
    pub period_days: Option<i32>,
}

fn period<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i32>, D::Error> {
    let days = i32::deserialize(deserializer)?;
    if PERIOD.contains(&days) {
        Ok(Some(days))
    } else {
        Err(D::Error::custom(format!(
            "{days} days: AWS rotates a key every {} to {} days",
            PERIOD.start(),
            PERIOD.end()
        )))
    }
}

fn switch(context: &Context<'_>, key: &CustomerKey, params: &Params) -> Result<Switch, Refusal> {
    let id = &key.id;
    key.is_understood().map_err(|why| Refusal::Unknown(format!("key {id}: {why}")))?;
    key.is_rotatable()
        .and_then(|()| key.is_enabled())
        .map_err(|why| Refusal::Refused(format!("key {id}: {why}")))?;
    if *support::need(key.rotation.as_ref(), &format!("the rotation of key {id}"))? {
        return Err(Refusal::Nothing(format!("AWS rotates key {id}")));
    }
    let often =
        params.period_days.map_or_else(|| "once a year".to_owned(), |days| format!("every {days} days"));
    let mut impact = vec![
        format!(
            "AWS makes new material for {id} {often}; all older material is kept, and nothing is encrypted \
             anew"
        ),
        "the first and the second rotation each cost as much a month as the key itself: \
         https://aws.amazon.com/kms/pricing/"
            .to_owned(),
    ];
    impact.extend(key.tags.silence().map(|why| {
        format!("whether something else manages {id} is not known, since its tags could not be read: {why}")
    }));
    Ok(Switch {
        summary: format!("rotate key {id} {often}"),
        set: Call::of(
            context.region,
            &EnableKeyRotation { key_id: id.clone(), rotation_period_in_days: params.period_days },
        ),
        back: Call::of(context.region, &DisableKeyRotation { key_id: id.clone() }),
        was: json!(false),
        becomes: json!(true),
        risk: Risk::Safe,
        impact,
        not_restored: vec![format!("material that AWS makes for {id} in the meantime stays")],
        prerequisites: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        actions::{Action, Options, Proposal, make::sound},
        calls::Purpose,
        inventory::{Caller, Fact, Inventory, Tags},
        resource::Owner,
    };

    fn propose(key: Fact<CustomerKey>, with: &str) -> Result<Proposal, Refusal> {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let target = owner.key("us-east-1", "k");
        let mut inventory =
            Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
        inventory.region_mut("us-east-1").customer_keys.items.insert("k".into(), key);
        let context =
            Context { inventory: &inventory, region: "us-east-1", checks: &[], options: &Options::default() };
        let with = ENABLE_KMS_ROTATION.decode(toml::de::Deserializer::parse(with).unwrap()).unwrap();
        ENABLE_KMS_ROTATION.propose(&context, &target, &with)
    }

    fn key() -> CustomerKey {
        CustomerKey { tags: Fact::Known(Tags::new()), ..CustomerKey::not_rotated("k") }
    }

    #[test]
    fn rotation_is_turned_on_and_off_again_with_a_period_only_where_one_is_given() {
        let proposal = propose(Fact::Known(key()), "").unwrap();
        sound::steps(&proposal.steps);
        assert_eq!(
            (&proposal.steps[0].act.call.input, proposal.risk),
            (&json!({ "KeyId": "k" }), Risk::Safe)
        );
        assert_eq!(sound::going_back(&proposal.steps, &["set"], Purpose::Undo), ["DisableKeyRotation set"]);
        assert!(proposal.impact.iter().any(|line| line.contains("pricing")), "{:?}", proposal.impact);
        let proposal = propose(Fact::Known(key()), "period_days = 180").unwrap();
        assert_eq!(proposal.steps[0].act.call.input, json!({ "KeyId": "k", "RotationPeriodInDays": 180 }));
        assert!(proposal.summary.contains("every 180 days"));
    }

    #[test]
    fn a_period_that_aws_does_not_take_is_an_error_of_the_playbook() {
        for bad in ["period_days = 89", "period_days = 2561", "period_days = '365'", "period = 365"] {
            assert!(
                ENABLE_KMS_ROTATION.decode(toml::de::Deserializer::parse(bad).unwrap()).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_key_that_cannot_be_rotated_is_refused_with_what_to_do() {
        let primary = "arn:aws:kms:eu-west-1:123456789012:key/mrk-1";
        let cases = [
            (CustomerKey { origin: "EXTERNAL".into(), ..key() }, "kms:ImportKeyMaterial"),
            (CustomerKey { origin: "EXTERNAL_KEY_STORE".into(), ..key() }, "make a new key there"),
            (CustomerKey { replica_of: Some(primary.into()), ..key() }, primary),
            (
                CustomerKey { key_spec: "ECC_NIST_P256".into(), key_usage: "SIGN_VERIFY".into(), ..key() },
                "ECC_NIST_P256",
            ),
            (CustomerKey { key_state: "Disabled".into(), ..key() }, "state is Disabled"),
            (CustomerKey { key_state: "PendingDeletion".into(), ..key() }, "deletion is cancelled"),
            (
                CustomerKey {
                    tags: Fact::Known([("aws:cloudformation:stack-id".to_owned(), "s".to_owned())].into()),
                    ..key()
                },
                "CloudFormation",
            ),
        ];
        for (key, word) in cases {
            let answer = propose(Fact::Known(key), "").map(|proposal| proposal.summary);
            assert!(
                matches!(&answer, Err(Refusal::Refused(why)) if why.contains(word)),
                "{word}: {answer:?}"
            );
        }
    }

    #[test]
    fn what_is_rotated_already_or_is_not_known_is_left_and_unread_tags_are_said() {
        assert!(matches!(
            propose(Fact::Known(CustomerKey { rotation: Fact::Known(true), ..key() }), ""),
            Err(Refusal::Nothing(_))
        ));
        let unread = CustomerKey { rotation: Fact::unknown("AccessDenied"), ..key() };
        assert!(matches!(propose(Fact::Known(unread), ""),
                Err(Refusal::Unknown(why)) if why.contains("AccessDenied")));
        assert!(matches!(propose(Fact::unknown("AccessDenied"), ""), Err(Refusal::Unknown(_))));
        let untold =
            propose(Fact::Known(CustomerKey { tags: Fact::unknown("AccessDenied"), ..key() }), "").unwrap();
        assert!(
            untold.impact.iter().any(|line| line.contains("tags could not be read")),
            "{:?}",
            untold.impact
        );
    }
}
