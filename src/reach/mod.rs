//! The reach of findings: whether the world gets to what they are about, as far as the facts show: an
//! interface with an address of the internet, a route to an internet gateway, a network ACL that lets the
//! traffic in and the replies out, and no VPC Block Public Access. Pure: derived from an inventory and its
//! findings.
//!
//! ```text
//!  finding ─question─▶ traffic, and where ─place, paths─▶ hops, each yes, no or unknown ─answer─▶ reach
//! ```
//!
//! It orders findings and never changes, closes or hides one. A fact that was not read makes a hop unknown.

mod acls;
mod answer;
mod block;
mod needs;
mod paths;
mod place;
mod question;
mod routes;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

pub use answer::{Answer, At, Hop, Reach, Reached};
pub use needs::needs;

use crate::{
    finding::{Finding, FindingKey},
    inventory::Inventory,
};
use place::Place;
use question::Where;

/// The reach of findings; those that have nothing to do with the internet are not among them.
pub type Reaches = BTreeMap<FindingKey, Reach>;

/// Returns the reach of findings. `with` gives the parameters of a check.
pub fn of(inventory: &Inventory, findings: &[Finding], with: &dyn Fn(&str) -> Value) -> Reaches {
    let mut places: HashMap<&str, Place<'_>> = HashMap::new();
    let mut parameters: HashMap<&str, Value> = HashMap::new();
    let mut all = Reaches::new();
    for finding in findings {
        let with = parameters.entry(&finding.check).or_insert_with(|| with(&finding.check));
        let region = finding.resource.region();
        let Some(known) = inventory.regions.get(region) else { continue };
        let Some(question) = question::of(inventory, finding, with) else { continue };
        let place = places.entry(region).or_insert_with(|| Place::of(&inventory.owner, known));
        let (id, traffic) = (finding.resource.id(), question.traffic.as_slice());
        let reach = match &question.at {
            Where::Group => paths::of_group(place, id, traffic),
            Where::Subnets { vpc, subnets } => paths::of_subnets(place, vpc, subnets, traffic),
            Where::Launched { vpc } => paths::of_launched(place, vpc, id, traffic),
            Where::Balancer { arn } => paths::of_balancer(place, arn, traffic),
        };
        all.insert(finding.key(), reach);
    }
    all
}
