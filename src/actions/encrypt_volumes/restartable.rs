//! The check that a stopped instance can be started again. The key of every encrypted disk counts, also of
//! those that stay: disabling a key or scheduling its deletion "has no immediate effect" while the disk is
//! attached, and the next start fails
//! (<https://docs.aws.amazon.com/kms/latest/developerguide/unusable-kms-keys.html>).

use std::collections::BTreeSet;

use super::parts::Job;
use crate::{
    actions::{Context, GuardNote, Refusal},
    calls::next_start::{Doubt, key_of},
    inventory::{FamilyKind, Instance, Key, Volume, Want},
};

/// The result of looking at the encrypted disks of an instance.
#[derive(Debug, Default)]
pub struct Restartable {
    /// Notes on what was looked at, and what was not.
    pub notes: Vec<GuardNote>,
    /// ARNs of customer managed keys of disks that stay: only their use shows whether the caller may use
    /// them.
    pub others: Vec<String>,
}

/// Returns the key of a disk as a fact to read, if the disk is encrypted.
pub fn want(region: &str, volume: &Volume) -> Option<Want> {
    volume.kms_key_id.as_ref().filter(|_| volume.encrypted).map(|key| Want::id(region, FamilyKind::Keys, key))
}

/// Looks at the key of every encrypted disk. For an instance that is stopped already it only notes what is
/// wrong: nothing is taken down.
///
/// # Errors
/// A refusal: a key that does not work, or of which that is not known.
pub fn restartable(
    context: &Context<'_>,
    instance: &Instance,
    volumes: &[(&str, &Volume, bool)],
    job: &Job<'_>,
) -> Result<Restartable, Refusal> {
    let looked = keys(context, instance, volumes);
    let notes = |looked: &[(&str, &Key)]| match looked {
        [] => GuardNote::passed(
            "restartable",
            "no disk that stays is encrypted: no other key is needed for a start",
        ),
        all => GuardNote::passed(
            "restartable",
            format!(
                "the keys of {} are enabled",
                all.iter().map(|(device, _)| *device).collect::<Vec<_>>().join(", ")
            ),
        ),
    };
    let mut found = Restartable::default();
    match looked {
        Ok(all) => {
            found.notes.push(notes(&all));
            let own = all
                .iter()
                .filter(|(_, key)| key.key_manager != "AWS" && key.arn != job.key)
                .map(|(_, key)| key.arn.clone());
            found.others = own.collect::<BTreeSet<_>>().into_iter().collect();
        }
        Err(refusal) if instance.state == "running" => return Err(refusal),
        Err(Refusal::Refused(why) | Refusal::Unknown(why) | Refusal::Nothing(why)) => {
            found.notes.push(GuardNote::not_checked(
                "restartable",
                format!("it is stopped already, and may not start: {why}"),
            ));
        }
    }
    if job.own_key {
        let who = format!(
            "whoever starts {} later must be allowed to use {} (kms:CreateGrant): whether they are was not \
             looked at",
            instance.id, job.key
        );
        found.notes.push(GuardNote::not_checked("later-starts", who));
    }
    Ok(found)
}

/// Returns the keys of the encrypted disks, all of them usable.
fn keys<'a>(
    context: &Context<'a>,
    instance: &Instance,
    volumes: &[(&'a str, &Volume, bool)],
) -> Result<Vec<(&'a str, &'a Key)>, Refusal> {
    let one = |(device, volume, _): &(&'a str, &Volume, bool)| {
        let what = format!("{device} of {} ({})", instance.id, volume.id);
        match key_of(context.inventory, context.region, &instance.id, &what, volume) {
            Ok(key) => Ok((*device, key)),
            Err(Doubt::WouldNot(why)) => Err(Refusal::Refused(format!("{why}, and plan again"))),
            Err(Doubt::NotKnown(why)) => Err(Refusal::Unknown(why.to_string())),
        }
    };
    volumes.iter().filter(|(_, v, _)| v.encrypted).map(one).collect()
}
