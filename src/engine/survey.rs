//! Looking at an account: reads what checks need and runs them. Reads only.

use serde_json::Value;

use super::gather::gather;
use crate::{
    account::Account,
    checks::{self, Check, Unjudged},
    finding::Finding,
    inventory::{Inventory, Scope},
};

/// What was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// The facts.
    pub inventory: Inventory,
    /// What checks said of resources that are not simply fine.
    pub findings: Vec<Finding>,
    /// Where a check could not be run at all.
    pub unjudged: Vec<Unjudged>,
}

/// Reads what these checks need in these regions, and runs them. `parameters` gives a check's `with`.
pub async fn scan(account: &dyn Account, regions: &[String], checks: &[&'static Check], parameters: &(dyn Fn(&str) -> Value + Sync)) -> Survey {
    let who = account.identity();
    let empty = Inventory::empty(who.owner.clone(), who.caller.clone(), account.now());
    let inventory = gather(account, empty, &mut |known| needs(known, regions, checks, parameters)).await;
    let (findings, unjudged) = checks::run(&inventory, regions, checks, parameters);
    Survey { inventory, findings, unjudged }
}

/// What the listings of each check are, and what its resources ask for beyond them.
fn needs(known: &Inventory, regions: &[String], checks: &[&'static Check], parameters: &(dyn Fn(&str) -> Value + Sync)) -> Scope {
    let mut scope: Scope = regions.iter().flat_map(|region| checks.iter().flat_map(move |check| (check.reads)(region))).collect();
    for check in checks {
        let with = parameters(check.id);
        for resource in (check.resources)(known, regions) {
            scope.extend((check.reads_one)(known, &resource, &with));
        }
    }
    scope
}
