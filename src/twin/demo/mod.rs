//! The demo account: a believable small company, Larkspur Maps, in two regions, about which everything is
//! known. For every family it has something bad, something good that looks alike, and something between. Data
//! only.

mod balancing;
mod compute;
mod endpoints;
mod identities;
mod network;
mod permissions;
mod routes;
mod services;
mod sharing;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};

use super::{Twin, read};
use crate::{
    inventory::{Caller, Fact, Inventory, Tags},
    resource::Owner,
};

/// The region where most of it is.
pub const MAIN: &str = "us-east-1";
/// The other region.
pub const OTHER: &str = "eu-west-1";
/// The account.
pub const ACCOUNT: &str = "123456789012";
/// The company's office, from which its people work.
pub const OFFICE: &str = "203.0.113.0/24";

/// Builds the demo account as it is at a time.
pub fn demo(now: Timestamp) -> Twin {
    Twin::new(inventory(now), 42)
}

/// Builds the demo account as an inventory.
pub fn inventory(now: Timestamp) -> Inventory {
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let owner = Owner { partition: "aws".to_owned(), account: ACCOUNT.to_owned() };
    let caller = Caller { arn: format!("arn:aws:iam::{ACCOUNT}:user/robin"), host: Fact::Absent };
    let mut company = Inventory::empty(owner, caller, now);
    for region in [MAIN, OTHER] {
        company.region_mut(region);
    }
    network::furnish(&mut company);
    routes::furnish(&mut company);
    compute::furnish(&mut company, now);
    services::furnish(&mut company, now);
    sharing::furnish(&mut company, now);
    balancing::furnish(&mut company, now);
    endpoints::furnish(&mut company);
    identities::furnish(&mut company, now);
    permissions::furnish(&mut company, now);
    read::all_is_known(&mut company);
    company
}

/// Returns the id of the n-th resource of a kind: always the same, and as long as AWS's.
pub(crate) fn id(prefix: &str, n: u64) -> String {
    let kind = prefix.bytes().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    format!("{prefix}-0{:016x}", (kind.wrapping_mul(1_000) + n).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

fn named(name: &str) -> Tags {
    tags(&[("Name", name)])
}

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn hours_before(now: Timestamp, hours: i64) -> Option<Timestamp> {
    now.checked_sub(SignedDuration::from_hours(hours)).ok()
}
