//! The work of a scan and of a plan grows in a line with the account: counted in members looked at, not by a
//! clock.

use super::*;
use crate::inventory::table::looked;

/// Builds an account of so many groups, of which every tenth is open to the world.
fn large(groups: usize) -> Inventory {
    let ids: Vec<String> = (0..groups).map(|n| format!("sg-{n:06}")).collect();
    let mut inventory = account(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let rules = &mut inventory.region_mut(REGION).security_group_rules;
    let mut n = 0;
    rules.items.change_all(|rule| {
        if n % 10 != 0 {
            rule.cidr_ipv4 = Some("10.0.0.0/8".to_owned());
        }
        n += 1;
    });
    inventory
}

/// Counts the members that some work looks at.
fn cost<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = looked();
    let made = work();
    (looked() - before, made)
}

#[test]
fn the_work_of_a_scan_and_of_a_plan_grows_in_a_line_with_the_account() {
    let figures = [100, 400].map(|groups| {
        let inventory = large(groups);
        let (scanned, findings) = cost(|| scan(&inventory));
        assert_eq!(findings.len(), groups / 10);
        let everything = Limits { max_changes: Some(usize::MAX), max_percent: Some(100) };
        let world =
            World { limits: everything, ..World::new(inventory, vec![closing("p", Value::Null, &[])]) };
        let (needed, _) = cost(|| super::super::build::needs(&world.request()));
        let (planned, plan) = cost(|| world.plan());
        assert_eq!(plan.changes.len(), groups / 10);
        [scanned, needed, planned]
    });
    for (what, n) in [("scan", 0), ("needs", 1), ("plan", 2)] {
        let (small, large) = (figures[0][n], figures[1][n]);
        assert!(large <= small * 4 + 100, "{what}: {small} members looked at in 100 groups, {large} in 400");
    }
}
