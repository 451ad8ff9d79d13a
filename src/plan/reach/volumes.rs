//! The volumes that take the place of others, compared with the account: their size, type, speed, key and
//! tags, and the moment of which a copy of a volume is. Pure.

use serde_json::Value;

use super::{
    disks::Disks,
    labels::{Labels, tag_in},
    lineage,
};
use crate::{
    actions::{encrypt_volumes::speed, support::carried},
    calls::{Act, Call},
    inventory::{Volume, tag},
};

/// Checks that a call copies a disk that the run replaces, as it is, while nothing can write to it.
pub(super) fn double(disks: &Disks<'_>, act: &Act, claims: &mut Vec<String>) -> Result<(), String> {
    let (call, input) = (&act.call, &act.call.input);
    let of = text(input, "SourceVolumeId");
    let Some(old) = disks.volume(of).filter(|old| disks.is_old(&old.id)) else {
        return Err(format!("copies {of}, which the run does not replace, as the account shows"));
    };
    match tag_in(call, tag::SOURCE) {
        Some(said) if said == of => {}
        said => {
            return Err(format!("copies {of}, and is tagged as made of {}", said.unwrap_or("nothing")));
        }
    }
    let otherwise =
        sized_otherwise(old, input).or_else(|| written_otherwise(&[("VolumeType", &old.volume_type)], input));
    if let Some(what) = otherwise {
        return Err(format!("{what}; it is to be like {}", old.id));
    }
    under_key(disks, call, claims)?;
    replacement(disks, old, Labels::of(call, "volume")?, claims)?;
    lineage::holds_what_its_step_says(disks, act)
}

/// Checks the tags of a volume that takes the place of another.
pub(super) fn replacement(
    disks: &Disks<'_>,
    old: &Volume,
    labels: Labels<'_>,
    claims: &mut Vec<String>,
) -> Result<(), String> {
    let labels = labels.with(disks.place_tags())?;
    // Released versions did not set this tag.
    let goes = disks.devices(&old.id).into_iter().find(|device| disks.goes_with(device) == Some(true));
    if let Some(device) = goes.filter(|_| !labels.has(tag::DELETE_ON_TERMINATION)) {
        claims.push(format!("the volume for {device} is not tagged as going with the instance"));
    }
    labels.hold(
        disks,
        Some(&old.id),
        &carried(&old.tags),
        &[tag::SOURCE, tag::INSTANCE, tag::DEVICE, tag::DELETE_ON_TERMINATION, tag::EBS_CARD],
        claims,
    )
}

/// Returns the first detail in which a volume would differ from the one that it is to replace.
pub(super) fn unlike(old: &Volume, input: &Value) -> Option<String> {
    let zone = ("AvailabilityZone", &old.availability_zone);
    sized_otherwise(old, input)
        .or_else(|| written_otherwise(&[zone, ("VolumeType", &old.volume_type)], input))
}

/// Returns the first number in which a volume would differ from the one that it is to replace.
fn sized_otherwise(old: &Volume, input: &Value) -> Option<String> {
    let (iops, throughput) = speed(old);
    let number = |name: &str| input.get(name).and_then(Value::as_i64);
    let words = |n: Option<i64>| n.map_or_else(|| "nothing".to_owned(), |n| n.to_string());
    let numbers = [("Size", Some(old.size)), ("Iops", iops), ("Throughput", throughput)]
        .map(|(name, is)| (name, is.map(i64::from)));
    numbers
        .into_iter()
        .find(|(name, is)| number(name) != *is || (is.is_none() && input.get(*name).is_some()))
        .map(|(name, is)| format!("has {name} {}; the account shows {}", words(number(name)), words(is)))
}

/// Returns the first of these members in which an input has another text.
fn written_otherwise(texts: &[(&str, &String)], input: &Value) -> Option<String> {
    texts
        .iter()
        .find(|(name, is)| text(input, name) != is.as_str())
        .map(|(name, is)| format!("has {name} {}; the account shows {is}", text(input, name)))
}

/// Checks the key: a run encrypts everything under the key that it began with; before that, under the one
/// that the action takes today.
pub(super) fn under_key(disks: &Disks<'_>, call: &Call, claims: &mut Vec<String>) -> Result<(), String> {
    let (key, keys) = (text(&call.input, "KmsKeyId"), disks.keys());
    if keys.contains(key) {
        return Ok(());
    }
    if !keys.is_empty() {
        let is = keys.into_iter().collect::<Vec<_>>().join(", ");
        return Err(format!("encrypts under {key}; the run has encrypted under {is} so far"));
    }
    if disks.key_of_today().is_none_or(|today| today != key) {
        claims.push(format!("the new resource is encrypted under {key}"));
    }
    Ok(())
}

fn text<'v>(input: &'v Value, name: &str) -> &'v str {
    input.get(name).and_then(Value::as_str).unwrap_or_default()
}
