//! The EBS cards at which disks belong, as the account shows it: by attachments, and by tags once a disk is
//! detached. A card other than the default one has limits of its own. Pure.

use std::collections::BTreeSet;

use super::disks::Disks;
use crate::{
    calls::Call,
    inventory::{Volume, tag},
};

/// Returns the EBS cards at which a volume belongs, by its attachment, its tags and the tags of things that
/// were made from it, or that it was made from.
fn of(disks: &Disks<'_>, id: &str) -> BTreeSet<i32> {
    let source = disks.volume(id).and_then(|v| v.tags.get(tag::SOURCE));
    let kin = |v: &Volume| {
        v.id == id || Some(&v.id) == source || v.tags.get(tag::SOURCE).is_some_and(|of| of == id)
    };
    let tagged = |v: &Volume| v.tags.get(tag::EBS_CARD).filter(|_| disks.belongs(&v.tags))?.parse().ok();
    let here = |v: &Volume| v.card_at(disks.change.resource.id());
    disks.volumes.iter().filter(|v| kin(v)).flat_map(|v| [here(v), tagged(v)]).flatten().collect()
}

/// Checks that a volume is attached at the EBS card at which it belongs. Runs of released versions name none.
///
/// # Errors
/// The card that the account shows.
pub(super) fn attached(disks: &Disks<'_>, call: &Call, id: &str) -> Result<(), String> {
    at(call, &of(disks, id), id)
}

/// Checks the same of a volume that is yet to be made, by the tag that it will carry.
///
/// # Errors
/// The card that the tag names.
pub(super) fn of_tag(call: &Call, tagged: Option<&str>) -> Result<(), String> {
    let said = tagged.and_then(|card| card.parse().ok());
    at(call, &said.into_iter().collect(), "the volume")
}

/// Checks the tag that records the card of the disk `of`.
///
/// # Errors
/// The card that the account shows.
pub(super) fn tagged(disks: &Disks<'_>, disk: Option<&str>, said: &str) -> Result<(), String> {
    let cards = disk.map(|id| of(disks, id)).unwrap_or_default();
    match said.parse().is_ok_and(|card| cards.contains(&card)) {
        true => Ok(()),
        false => Err(format!("sets {}={said}; the account shows {}", tag::EBS_CARD, words(&cards))),
    }
}

fn at(call: &Call, cards: &BTreeSet<i32>, what: &str) -> Result<(), String> {
    let Some(card) = call.input.get("EbsCardIndex") else { return Ok(()) };
    match cards.iter().any(|is| card.as_i64() == Some(i64::from(*is))) {
        true => Ok(()),
        false => Err(format!("attaches {what} at the EBS card {card}; the account shows {}", words(cards))),
    }
}

fn words(cards: &BTreeSet<i32>) -> String {
    match cards.is_empty() {
        true => "none but the default".to_owned(),
        false => cards.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}
