//! `enable-ebs-default-encryption`: new volumes and copies of snapshots of a region are encrypted, whoever
//! creates them.

use serde_json::json;

use super::{
    Around, Context, Refusal,
    concern::Concern,
    setting::{Nothing, SHOWS_WITHIN, Setting, Switch},
    support,
};
use crate::{
    calls::{Call, Risk},
    checks::ebs_defaults::ENCRYPTION_OFF,
    inventory::{EbsDefaults, Fact, FamilyKind, Inventory, Want},
    resource::Kind,
    services::{
        Operation,
        ebs_defaults::{DisableEbsEncryptionByDefault, EnableEbsEncryptionByDefault},
    },
};

/// The action `enable-ebs-default-encryption`.
pub static ENABLE_EBS_DEFAULT_ENCRYPTION: Setting<EbsDefaults, Nothing> = Setting {
    name: "enable-ebs-default-encryption",
    title: "Has new volumes of a region encrypted, whoever makes them",
    page: include_str!("enable_ebs_default_encryption.md"),
    answers: &[ENCRYPTION_OFF],
    target: Kind::EbsDefaults,
    member: "/encryption_by_default/known",
    shows_within: SHOWS_WITHIN,
    concerns: &[(FamilyKind::EbsDefaults, Concern::these(&["encryption_by_default"]))],
    of_checks: &[],
    parameters: &[],
    operations: &[
        <EnableEbsEncryptionByDefault as Operation>::SPEC,
        <DisableEbsEncryptionByDefault as Operation>::SPEC,
    ],
    reads: &[Around::found(FamilyKind::Keys)],
    needs: |context, _| {
        key_of(context.inventory, context.region)
            .map(|key| Want::id(context.region, FamilyKind::Keys, key))
            .into_iter()
            .collect()
    },
    switch,
};

/// Returns the key under which new volumes are encrypted, if it is known.
fn key_of<'i>(inventory: &'i Inventory, region: &str) -> Option<&'i str> {
    let defaults = inventory.regions.get(region)?.ebs_defaults.get(EbsDefaults::ID).known().copied()?;
    defaults.kms_key_id.known().map(String::as_str)
}

fn switch(context: &Context<'_>, defaults: &EbsDefaults, _: &Nothing) -> Result<Switch, Refusal> {
    let region = context.region;
    if *support::need(
        defaults.encryption_by_default.as_ref(),
        &format!("EBS encryption by default in {region}"),
    )? {
        return Err(Refusal::Nothing(format!("new volumes of {region} are encrypted")));
    }
    let key = support::need(defaults.kms_key_id.as_ref(), &format!("the default key for EBS in {region}"))?;
    let own = !key.ends_with(EbsDefaults::AWS_KEY);
    usable(context, key, own)?;
    let who = "Auto Scaling, EMR, Batch and whoever else launches instances needs to be allowed to use it, \
               or launches fail with Client.InternalError";
    let mut impact = vec![format!(
        "every new volume and copy of a snapshot in {region} is encrypted under {key}; those that exist stay \
         as they are"
    )];
    impact.extend(own.then(|| format!("{key} is a key of the account: {who}")));
    impact.extend((!own).then(|| {
        "snapshots and images that are made from then on are encrypted under AWS's key, and cannot be shared \
         with another account"
            .to_owned()
    }));
    Ok(Switch {
        summary: format!("encrypt new volumes of {region} by default"),
        set: Call::of(region, &EnableEbsEncryptionByDefault {}),
        back: Call::of(region, &DisableEbsEncryptionByDefault {}),
        was: json!(false),
        becomes: json!(true),
        risk: if own { Risk::Disruptive } else { Risk::Safe },
        impact,
        not_restored: vec!["volumes and snapshots that are made in the meantime stay encrypted".to_owned()],
        prerequisites: Vec::new(),
    })
}

/// Checks that volumes can be encrypted under the key: with a disabled one, no instance of the region could
/// be launched any more.
fn usable(context: &Context<'_>, key: &str, own: bool) -> Result<(), Refusal> {
    let place = support::region(context.inventory, context.region)?;
    match place.keys.get(key) {
        Fact::Known(known) => known.proves_usable().map_err(|shown| {
            Refusal::Refused(format!(
                "new volumes would be encrypted under {key}, whose {shown}: no volume could be made; choose \
                 another default key first"
            ))
        }),
        Fact::Absent if !own => Ok(()),
        fact => support::need(fact, &format!("the default key {key}")).map(|_| ()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        actions::{Action, Options, Proposal, make::sound},
        calls::Purpose,
        inventory::{Caller, Key},
        resource::Owner,
    };

    fn propose(on: Fact<bool>, key: &str, known: Fact<Key>) -> Result<Proposal, Refusal> {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let target = FamilyKind::EbsDefaults.resource(&owner, "us-east-1", EbsDefaults::ID).unwrap();
        let mut inventory =
            Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
        let region = inventory.region_mut("us-east-1");
        region.ebs_defaults.put(
            EbsDefaults::ID,
            EbsDefaults { encryption_by_default: on, kms_key_id: Fact::Known(key.to_owned()) },
        );
        region.keys.items.insert(key.into(), known);
        let context =
            Context { inventory: &inventory, region: "us-east-1", checks: &[], options: &Options::default() };
        ENABLE_EBS_DEFAULT_ENCRYPTION.propose(&context, &target, &json!({}))
    }

    fn key(state: &str) -> Fact<Key> {
        let (key_spec, key_usage) = ("SYMMETRIC_DEFAULT".to_owned(), "ENCRYPT_DECRYPT".to_owned());
        Fact::Known(Key { key_state: state.to_owned(), key_spec, key_usage, ..Key::default() })
    }

    #[test]
    fn it_is_turned_on_and_off_again() {
        let proposal = propose(Fact::Known(false), EbsDefaults::AWS_KEY, Fact::Absent).unwrap();
        sound::steps(&proposal.steps);
        assert_eq!(
            (proposal.steps[0].act.call.name().as_str(), proposal.risk),
            ("ec2:EnableEbsEncryptionByDefault", Risk::Safe)
        );
        assert_eq!(
            sound::going_back(&proposal.steps, &["set"], Purpose::Undo),
            ["DisableEbsEncryptionByDefault set"]
        );
        assert!(matches!(
            propose(Fact::Known(true), EbsDefaults::AWS_KEY, Fact::Absent),
            Err(Refusal::Nothing(_))
        ));
    }

    #[test]
    fn a_key_that_does_not_work_or_is_not_known_keeps_it_off() {
        let own = "arn:aws:kms:us-east-1:123456789012:key/k";
        assert_eq!(propose(Fact::Known(false), own, key("Enabled")).unwrap().risk, Risk::Disruptive);
        assert!(matches!(propose(Fact::Known(false), own, key("Disabled")),
                Err(Refusal::Refused(why)) if why.contains("Disabled")));
        assert!(matches!(
            propose(Fact::Known(false), own, Fact::Unknown("denied".into())),
            Err(Refusal::Unknown(_))
        ));
        assert!(matches!(propose(Fact::Known(false), own, Fact::Absent), Err(Refusal::Refused(_))));
        assert!(matches!(
            propose(Fact::Unknown("denied".into()), own, key("Enabled")),
            Err(Refusal::Unknown(_))
        ));
    }
}
