//! Plans of the demo account: all that a plan promises, with the playbooks that come with redress.

use std::collections::BTreeSet;

use redress::{
    finding::Verdict,
    inventory::Quota,
    plan::{Plan, digest},
};

use super::{
    stand::hold,
    world::{Wish, demo, plan, survey},
};

#[test]
fn the_plan_of_the_demo_account_adds_up_closes_what_it_plans_and_opens_nothing() {
    let (stand, wish) = (demo(), Wish::default());
    let (seen, plan) = (survey(&stand, &wish), plan(&stand, &wish));
    let found: BTreeSet<_> = seen
        .findings
        .iter()
        .filter(|f| !matches!(f.verdict, Verdict::Ok(_)))
        .map(redress::finding::Finding::key)
        .collect();
    assert_eq!(plan.counts.values().sum::<usize>(), found.len() + seen.unjudged.len());
    assert!(!plan.changes.is_empty());
    let failed: Vec<_> =
        plan.skipped.iter().filter(|s| s.reason.contains("fails in the rehearsal")).collect();
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

/// Changes that would fail are dropped from a plan; how long something takes on a twin is made up and drops
/// nothing.
#[test]
fn a_disk_of_16_tib_and_the_first_backup_of_it_are_planned_with_the_defaults() {
    let stand = demo();
    let mut twin = hold(&stand.twin);
    let region = twin.truth_mut().region_mut(redress::twin::demo::MAIN);
    let ids: Vec<String> =
        region.volumes.known().filter(|(_, v)| v.volume_type == "gp3").map(|(id, _)| id.to_owned()).collect();
    ids.iter().for_each(|id| region.volumes.get_mut(id).unwrap().size = 16_384);
    region.snapshots.items.clear();
    drop(twin);
    let skipped = |plan: &Plan| {
        let fails = |reason: &str| reason.contains("fails in the rehearsal");
        plan.skipped.iter().map(|s| s.reason.clone()).filter(|reason| fails(reason)).collect::<Vec<_>>()
    };
    let full = skipped(&plan(&stand, &Wish::default()));
    assert!(!full.is_empty(), "they and their copies exceed the 50 TiB of gp3 that AWS has by default");
    assert!(
        full.iter().all(|why| why.contains("VolumeLimitExceeded") && why.contains("50 TiB")),
        "{full:#?}"
    );
    let quota = Quota { id: Quota::storage("gp3").unwrap().to_owned(), value: 1000 };
    hold(&stand.twin).truth_mut().region_mut(redress::twin::demo::MAIN).quotas.put(quota.id.clone(), quota);
    let plan = plan(&stand, &Wish::default());
    let failed = skipped(&plan);
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(plan.rehearsal.not_rehearsed.is_empty(), "{:#?}", plan.rehearsal.not_rehearsed);
    for action in ["encrypt-volumes", "snapshot-instance"] {
        let large = |c: &&redress::plan::Change| {
            c.action == action
                && serde_json::to_string(*c).unwrap().contains(&format!("\"at_most\":{}", 16_384 * 25))
        };
        assert!(plan.changes.iter().any(|c| large(&c)), "{action}");
    }
}

#[test]
fn what_only_takes_longer_in_a_rehearsal_than_is_waited_for_is_not_rehearsed_and_stays_in_the_plan() {
    let stand = demo();
    let mut wish = Wish::default();
    let made = plan(&stand, &wish).changes.len();
    for playbook in &mut wish.playbooks {
        for one in playbook.actions.iter_mut().filter(|a| a.action == "encrypt-volumes") {
            one.with = serde_json::json!({ "via": "copy", "snapshot_timeout": 1 });
        }
    }
    let mut twin = hold(&stand.twin);
    twin.truth_mut().region_mut(redress::twin::demo::MAIN).volumes.items.change_all(|volume| volume.size = 1);
    drop(twin);
    let plan = plan(&stand, &wish);
    assert_eq!(plan.changes.len(), made);
    assert!(
        plan.rehearsal.not_rehearsed.iter().any(|r| r.contains("how long it takes until the snapshot")),
        "{:#?}",
        plan.rehearsal.not_rehearsed
    );
    assert!(!plan.rehearsal.undo_restores);
}
