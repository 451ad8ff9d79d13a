//! Plans of the demo account: all that a plan promises, with the playbooks that come with redress.

use std::collections::BTreeSet;

use redress::{finding::Verdict, plan::digest};

use super::world::{Wish, demo, plan, survey};

#[test]
fn the_plan_of_the_demo_account_adds_up_closes_what_it_plans_and_opens_nothing() {
    let (stand, wish) = (demo(), Wish::default());
    let (seen, plan) = (survey(&stand, &wish), plan(&stand, &wish));
    let found: BTreeSet<_> = seen.findings.iter().filter(|f| !matches!(f.verdict, Verdict::Ok(_))).map(redress::finding::Finding::key).collect();
    assert_eq!(plan.counts.values().sum::<usize>(), found.len() + seen.unjudged.len());
    assert!(!plan.changes.is_empty());
    let failed: Vec<_> = plan.skipped.iter().filter(|s| s.reason.contains("fails in the rehearsal")).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(plan.rehearsal.not_rehearsed.is_empty(), "{:#?}", plan.rehearsal.not_rehearsed);
    assert!(plan.rehearsal.opens.is_empty(), "{:#?}", plan.rehearsal.opens);
    assert!(plan.rehearsal.differences.is_empty(), "{:#?}", plan.rehearsal.differences);
    assert!(plan.rehearsal.undo_restores);
    let planned: BTreeSet<_> = plan.changes.iter().flat_map(|c| &c.findings).collect();
    assert_eq!(plan.rehearsal.closes.iter().collect::<BTreeSet<_>>(), planned);
    assert!(digest::verify(&plan));
}

#[test]
fn the_same_account_gives_the_same_plan_byte_for_byte() {
    let text = || serde_json::to_string(&plan(&demo(), &Wish::default())).unwrap();
    assert_eq!(text(), text());
}
