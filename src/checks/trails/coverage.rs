//! The coverage of an account by trails that record the management events of all regions: one does, none
//! does, or that cannot be known from here. An unknown answer never counts as "none": a second copy of the
//! events is billed
//! (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-costs.html>).

use crate::{
    inventory::{Fact, Inventory, Trail},
    resource::account_in,
};

/// The answer for an account.
#[derive(Debug, Clone, PartialEq)]
pub enum Coverage<'a> {
    /// This trail records them.
    By(&'a Trail),
    /// This trail of another account covers the account; which events it records only its owner can read.
    ByOther(&'a Trail),
    /// No trail that is known does.
    None,
    /// Some trail may, for these reasons.
    Unknown(Vec<String>),
}

/// Returns who records the management events of all regions, other than the trail with the ARN `besides`.
///
/// A member account sees the trail of its organization and whether it logs, but may not read its event
/// selectors: such a trail covers the account while it logs in all regions
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-trail-organization.html>).
pub fn coverage<'a>(inventory: &'a Inventory, besides: Option<&str>) -> Coverage<'a> {
    let mut by_other = None;
    let mut unsure = Vec::new();
    for (arn, fact) in inventory.trails.items.iter().filter(|(arn, _)| Some(arn.as_str()) != besides) {
        let trail = match fact {
            Fact::Known(trail) if trail.is_multi_region => trail,
            Fact::Known(_) | Fact::Absent | Fact::NotRead => continue,
            Fact::Unknown(why) => {
                unsure.push(format!("redress could not read {arn}: {why}"));
                continue;
            }
        };
        let foreign = account_in(&trail.id) != Some(inventory.owner.account.as_str());
        // Nobody here can start it: while it is stopped, it covers nothing, whatever it would record.
        if foreign && trail.is_logging == Fact::Known(false) {
            continue;
        }
        match &trail.all_management_events {
            Fact::Known(true) => return Coverage::By(trail),
            Fact::Known(false) => {}
            _ if foreign && trail.is_organization && trail.is_logging == Fact::Known(true) => {
                by_other = by_other.or(Some(trail));
            }
            silent => unsure.push(unknown_events(arn, silent)),
        }
    }
    match (by_other, unsure.is_empty()) {
        (Some(trail), _) => Coverage::ByOther(trail),
        (None, true) => Coverage::None,
        (None, false) => Coverage::Unknown(unsure),
    }
}

/// Returns the note on an account that a trail of another account covers.
pub fn covered_by_other(trail: &Trail) -> String {
    format!(
        "the organization's trail {} logs in all regions; which events it records only account {} can read",
        trail.id,
        account_in(&trail.id).unwrap_or("that owns it")
    )
}

/// Phrases that the events which a trail records are not known.
pub fn unknown_events(arn: &str, fact: &Fact<bool>) -> String {
    let why = fact.silence().unwrap_or("not reported");
    format!("redress could not find out which events {arn} records: {why}")
}

/// Returns the note on the copy of management events that one trail more costs: the first copy in a region is
/// free, and each further one is billed for every event
/// (<https://aws.amazon.com/cloudtrail/pricing/>). Only trails that are seen from the region of that trail are
/// looked at; `None` where no other of those records any.
pub fn copies(inventory: &Inventory, region: &str, besides: Option<&str>) -> Option<String> {
    let seen = |trail: &Trail| trail.is_multi_region || trail.home_region == region;
    let others = inventory.trails.known().filter(|(arn, trail)| Some(*arn) != besides && seen(trail));
    let notes: Vec<String> = others.filter_map(|(_, trail)| copy_of(trail)).collect();
    (!notes.is_empty()).then(|| {
        format!("a second copy of management events is billed for every event: {}", notes.join("; "))
    })
}

/// Returns what a trail records of management events, in words; `None` if it records none.
fn copy_of(trail: &Trail) -> Option<String> {
    let arn = &trail.id;
    let stopped = if trail.is_logging == Fact::Known(false) { " once it is started" } else { "" };
    Some(match &trail.all_management_events {
        Fact::Known(true) if trail.is_multi_region => format!("{arn} records them{stopped}"),
        Fact::Known(true) => format!("{arn} records those of {}{stopped}", trail.home_region),
        Fact::Known(false) if trail.records_no_management() => return None,
        Fact::Known(false) if trail.management_gaps.is_empty() => {
            format!("{arn} records a part of them{stopped}")
        }
        Fact::Known(false) => {
            format!("{arn} records them, without {}{stopped}", trail.management_gaps.join(" and "))
        }
        silent => {
            let why = silent.silence().unwrap_or("AWS does not report which events it records");
            format!("{arn} may record them{stopped} ({why})")
        }
    })
}
