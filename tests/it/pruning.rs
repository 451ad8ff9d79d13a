//! `prune` on the twin: what is proved before a thing is deleted is proved again directly before each call,
//! after a crash and when a call is repeated too; what an undo leaves behind is offered in its time.

use std::time::Duration;

use jiff::SignedDuration;
use redress::{
    calls::Call,
    engine::{gather::gather, left::left, prune},
    inventory::{BinRule, Fact, FamilyKind, Inventory, Removal, tag},
    journal::Outcome,
    plan::{Change, Plan, rehearse::Rules},
    playbook,
    twin::{Fault, FaultKind, Twin, When},
};
use serde_json::json;

use super::{
    before::encrypting,
    stand::{Kill, Stand, block_on, hold, stage, today, yes},
    world,
};

/// A month, and what is kept for a month has passed.
const A_MONTH: Duration = Duration::from_secs(32 * 86_400);

/// What prune plans on this account, and why it keeps the rest.
fn pruning(stand: &Stand) -> prune::Pruning {
    let account = stand.account();
    let (who, regions) =
        (stand.identity(), hold(&stand.twin).truth().regions.keys().cloned().collect::<Vec<_>>());
    let empty = Inventory::empty(who.owner.clone(), who.caller.clone(), hold(&stand.twin).now());
    let known = block_on(gather(&account, empty, &mut |known: &Inventory| prune::needs(known, &regions)));
    let rules = Rules::new(&regions, &playbook::assemble(playbook::builtin(), Vec::new()).unwrap());
    let now = hold(&stand.twin).now();
    prune::plan(&known, &regions, who, now, SignedDuration::from_hours(1), &stage, &rules)
}

/// An account in which the disks of an instance were encrypted long ago, the change that did it, and the plan
/// that prunes.
fn long_after() -> (Twin, Change, Plan) {
    let stand = world::demo();
    let plan = encrypting(&stand, "app");
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    assert_eq!(stand.story().changes[&plan.changes[0].id].outcome(), Some(Outcome::Verified));
    hold(&stand.twin).pass(A_MONTH);
    let found = pruning(&stand);
    assert!(found.plan.changes.len() > 4, "{:?}", found.kept);
    let twin = hold(&stand.twin).clone();
    (twin, plan.changes[0].clone(), found.plan)
}

/// What somebody does to what is relied on.
type Spoil = fn(&mut Twin, &Change);

fn disable_keys(twin: &mut Twin, change: &Change) {
    let keys = &mut twin.truth_mut().region_mut(&change.region).keys;
    keys.items.change_all(|key| key.key_state = "PendingDeletion".into());
}
fn stop(twin: &mut Twin, change: &Change) {
    twin.perform(&Call::new(
        "ec2",
        &change.region,
        "StopInstances",
        json!({ "InstanceIds": [change.resource.id()] }),
    ))
    .unwrap();
    twin.pass(Duration::from_secs(300));
}
fn hold_all(twin: &mut Twin, change: &Change) {
    let region = twin.truth_mut().region_mut(&change.region);
    let volumes: Vec<String> = region.volumes.known().map(|(id, _)| id.to_owned()).collect();
    let snapshots: Vec<String> = region.snapshots.known().map(|(id, _)| id.to_owned()).collect();
    volumes.iter().for_each(|id| {
        drop(region.volumes.get_mut(id).unwrap().tags.insert(tag::HOLD.into(), "audit".into()))
    });
    snapshots.iter().for_each(|id| {
        drop(region.snapshots.get_mut(id).unwrap().tags.insert(tag::HOLD.into(), "audit".into()))
    });
}
fn deny_keys(twin: &mut Twin, change: &Change) {
    let denied = json!({ "family": "keys", "region": change.region });
    twin.faults.denied_reads.push(serde_json::from_value(denied).unwrap());
}
const SPOILS: [Spoil; 4] = [disable_keys, stop, hold_all, deny_keys];

fn there(stand: &Stand, change: &Change) -> bool {
    let family =
        if change.resource.id().starts_with("vol-") { FamilyKind::Volumes } else { FamilyKind::Snapshots };
    hold(&stand.twin)
        .truth()
        .json(&change.region, family, change.resource.id())
        .known()
        .is_some_and(|thing| thing["state"] != "deleting")
}

#[test]
fn a_deletion_that_was_begun_before_a_crash_is_not_made_once_what_it_relies_on_is_gone() {
    let (twin, encrypted, plan) = long_after();
    for spoil in SPOILS {
        let stand = Stand::new(twin.clone());
        assert!(
            stand.run(&plan, yes(&plan), Some(Kill::BeforeCall(1))).is_none(),
            "killed between the intent and the call"
        );
        spoil(&mut hold(&stand.twin), &encrypted);
        stand.run(&plan, Vec::new(), None).unwrap().unwrap();
        let calls = hold(&stand.called).iter().map(Call::name).collect::<Vec<_>>();
        assert_eq!(calls, Vec::<String>::new());
        for change in &plan.changes {
            assert!(there(&stand, change), "{}", change.resource);
            let told = &stand.story().changes[&change.id];
            assert!(
                matches!(told.outcome(), Some(Outcome::Blocked | Outcome::Refused)),
                "{:?}: {}",
                told.phase,
                told.reason
            );
        }
    }
}

#[test]
fn a_deletion_that_is_tried_again_is_proved_again() {
    let (mut twin, encrypted, plan) = long_after();
    twin.faults.script.push(Fault {
        at: When::Operation(plan.changes[0].steps[0].act.call.operation.clone(), 1),
        kind: FaultKind::Throttled,
        times: 1,
        seen: 0,
    });
    for spoil in SPOILS {
        let stand = Stand::new(twin.clone());
        let change = encrypted.clone();
        let hand = Box::new(move |twin: &mut Twin| spoil(twin, &change));
        hold(&stand.then).push((plan.changes[0].steps[0].act.call.operation.clone(), hand));
        stand.run(&plan, yes(&plan), None).unwrap().unwrap();
        assert_eq!(hold(&stand.called).len(), 1, "the one that was throttled");
        assert!(plan.changes.iter().all(|change| there(&stand, change)));
    }
}

#[test]
fn a_deletion_is_made_after_a_crash_while_all_that_it_relies_on_stands() {
    let (twin, _, plan) = long_after();
    for kill in [Kill::BeforeCall(1), Kill::AfterCall(1), Kill::BeforeCall(3)] {
        let stand = Stand::new(twin.clone());
        assert!(stand.run(&plan, yes(&plan), Some(kill)).is_none());
        stand.run(&plan, Vec::new(), None).unwrap().unwrap();
        let story = stand.story();
        assert!(
            plan.changes.iter().all(|c| story.changes[&c.id].outcome() == Some(Outcome::Verified)),
            "{kill:?}"
        );
        assert!(!plan.changes.iter().any(|change| there(&stand, change)));
    }
}

/// An account in which an encryption was undone, and what it has left: its snapshots, and the encrypted
/// volumes.
fn undone() -> (Stand, Change, Vec<String>, Vec<String>) {
    let stand = world::demo();
    let plan = encrypting(&stand, "app");
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    hold(&stand.twin).pass(Duration::from_secs(5 * 86_400));
    let undoing = super::laws::undoing(&stand, &plan);
    let second = stand.again();
    second.run(&undoing.plan, yes(&undoing.plan), None).unwrap().unwrap();
    assert!(second.story().changes.values().all(|c| c.outcome() == Some(Outcome::Restored)));
    let change = plan.changes[0].clone();
    let truth = hold(&stand.twin).truth().regions[&change.region].clone();
    let volumes: Vec<String> = truth
        .volumes
        .known()
        .filter(|(_, v)| v.tags.contains_key(tag::RUN))
        .map(|(id, _)| id.to_owned())
        .collect();
    let snapshots: Vec<String> = truth
        .snapshots
        .known()
        .filter(|(_, s)| s.tags.contains_key(tag::RUN))
        .map(|(id, _)| id.to_owned())
        .collect();
    assert!(volumes.len() == 2 && snapshots.len() >= 4, "{volumes:?} {snapshots:?}");
    (second.again(), change, volumes, snapshots)
}

fn offered(pruning: &prune::Pruning) -> Vec<String> {
    let mut ids: Vec<String> = pruning.plan.changes.iter().map(|c| c.resource.id().to_owned()).collect();
    ids.sort();
    ids
}

#[test]
fn what_an_undo_has_left_is_offered_in_its_time_and_the_disks_in_use_stay() {
    let (stand, change, volumes, snapshots) = undone();
    let early = pruning(&stand);
    assert_eq!(offered(&early), Vec::<String>::new());
    assert!(
        volumes.iter().all(|id| early
            .kept
            .iter()
            .any(|why| why.contains(id.as_str()) && why.contains("is kept until"))),
        "{:?}",
        early.kept
    );
    // The snapshots' time has passed, that of the volumes counts from the undo on.
    hold(&stand.twin).pass(Duration::from_secs(27 * 86_400));
    assert_eq!(offered(&pruning(&stand)), snapshots, "{:?}", pruning(&stand).kept);
    hold(&stand.twin).pass(Duration::from_secs(5 * 86_400));
    let found = pruning(&stand);
    let mut all = [volumes.clone(), snapshots].concat();
    all.sort();
    assert_eq!(offered(&found), all, "{:?}", found.kept);
    let of_volume = found.plan.changes.iter().find(|c| c.resource.id() == volumes[0]).unwrap();
    assert!(
        of_volume.impact.iter().any(|line| line.contains("is on no other volume")),
        "{:?}",
        of_volume.impact
    );
    stand.run(&found.plan, yes(&found.plan), None).unwrap().unwrap();
    let story = stand.story();
    assert!(
        found.plan.changes.iter().all(|c| story.changes[&c.id].outcome() == Some(Outcome::Verified)),
        "{:?}",
        story.changes
    );
    let truth = hold(&stand.twin).truth().regions[&change.region].clone();
    let instance = truth.instances.get(change.resource.id()).known().copied().unwrap().clone();
    assert!(
        instance.state == "running"
            && instance.devices.iter().all(|d| truth.volumes.get(&d.volume_id).known().is_some())
    );
}

#[test]
fn what_an_undo_has_left_stays_while_what_holds_in_its_place_is_not_proved_to_be_in_use() {
    let (stand, change, volumes, _) = undone();
    hold(&stand.twin).pass(A_MONTH);
    let base = hold(&stand.twin).clone();
    for (spoil, all) in [
        (stop as Spoil, true),
        (hold_all as Spoil, true),
        (lost_disk as Spoil, true),
        (attach_one as Spoil, false),
    ] {
        let stand = Stand::new(base.clone());
        spoil(&mut hold(&stand.twin), &change);
        let found = pruning(&stand);
        let ids = offered(&found);
        assert!(!ids.contains(&volumes[0]), "{ids:?}");
        assert!(!all || ids.iter().all(|id| !volumes.contains(id)), "{ids:?}");
    }
}

/// Both disks of the instance are detached, one of them for good.
fn lost_disk(twin: &mut Twin, change: &Change) {
    stop(twin, change);
    let region = twin.truth_mut().region_mut(&change.region);
    let devices = std::mem::take(&mut region.instances.get_mut(change.resource.id()).unwrap().devices);
    for device in devices {
        region.volumes.items.remove(&device.volume_id);
    }
}

/// The first of the volumes that were left is attached again.
fn attach_one(twin: &mut Twin, change: &Change) {
    let region = twin.truth().regions[&change.region].clone();
    let (id, _) = region.volumes.known().find(|(_, v)| v.tags.contains_key(tag::RUN)).unwrap();
    let input = json!({ "VolumeId": id, "InstanceId": change.resource.id(), "Device": "/dev/sdx" });
    twin.perform(&Call::new("ec2", &change.region, "AttachVolume", input)).unwrap();
    twin.pass(Duration::from_secs(60));
}

/// Sets what AWS says about the deletion of this thing.
fn set_removal(twin: &mut Twin, change: &Change, removal: Removal) {
    let id = change.resource.id().to_owned();
    let lock = if removal.lock == Fact::NotRead { Fact::Absent } else { removal.lock };
    let images = Fact::Known(removal.images.known().cloned().unwrap_or_default());
    let rules = Fact::Known(removal.rules.known().cloned().unwrap_or_default());
    let shared = Fact::Known(removal.shared.known().cloned().unwrap_or_default());
    let known = Removal {
        id: id.clone(),
        images,
        lock,
        shared,
        rules,
        in_bin: Fact::Known(false),
        in_bin_until: None,
    };
    twin.truth_mut().region_mut(&change.region).removals.put(id, known);
}

/// The first deletion of a snapshot.
fn of_snapshot(plan: &Plan) -> &Change {
    plan.changes.iter().find(|c| c.resource.id().starts_with("snap-")).unwrap()
}

#[test]
fn a_snapshot_that_an_image_or_somebody_else_uses_or_that_is_locked_is_not_offered_and_not_deleted() {
    let (twin, _, plan) = long_after();
    let of = of_snapshot(&plan);
    let image = || Removal { images: Fact::Known(vec!["ami-0123".to_owned()]), ..Removal::default() };
    let lock = || Removal { lock: Fact::Known("compliance".to_owned()), ..Removal::default() };
    let shared = |with: &str| Removal { shared: Fact::Known(vec![with.to_owned()]), ..Removal::default() };
    let (other, public) = (shared("111122223333"), shared("all"));
    for (removal, word) in [
        (image(), "ami-0123"),
        (lock(), "is locked (compliance)"),
        (other, "account 111122223333"),
        (public, "with everybody"),
    ] {
        let stand = Stand::new(twin.clone());
        set_removal(&mut hold(&stand.twin), of, removal.clone());
        let found = pruning(&stand);
        assert!(!offered(&found).contains(&of.resource.id().to_owned()));
        assert!(
            found.kept.iter().any(|why| why.contains(of.resource.id()) && why.contains(word)),
            "{:?}",
            found.kept
        );
        // It is so only since the plan, between two tries.
        let stand = Stand::new(twin.clone());
        assert!(stand.run(&plan, yes(&plan), Some(Kill::BeforeCall(1))).is_none());
        set_removal(&mut hold(&stand.twin), of, removal);
        stand.run(&plan, Vec::new(), None).unwrap().unwrap();
        assert!(there(&stand, of), "{word}");
        assert!(
            !hold(&stand.called).iter().any(|call| call.input.to_string().contains(of.resource.id())),
            "nothing was called"
        );
    }
    let mut denied = twin;
    denied.faults.denied_reads.push(serde_json::from_value(json!({ "family": "removals" })).unwrap());
    let found = pruning(&Stand::new(denied));
    assert!(offered(&found).iter().all(|id| id.starts_with("vol-")), "what cannot be told is not deleted");
    assert!(found.plan.changes.iter().all(|c| c.impact.iter().any(|line| line.contains("cannot be told"))));
}

#[test]
fn what_a_rule_of_the_recycle_bin_keeps_comes_back_with_undo_until_its_date() {
    let (mut twin, _, plan) = long_after();
    assert!(plan.changes.iter().all(|c| c.impact.iter().any(|line| line.contains("gone for good"))));
    let rule = |days| Fact::Known(vec![BinRule { id: "rule-1".to_owned(), days, ..BinRule::default() }]);
    for (n, change) in plan.changes.iter().enumerate() {
        set_removal(
            &mut twin,
            change,
            Removal { rules: if n == 0 { rule(2) } else { rule(7) }, ..Removal::default() },
        );
    }
    let stand = Stand::new(twin);
    let plan = pruning(&stand).plan;
    assert!(
        plan.changes.iter().any(|c| c.resource.id().starts_with("snap-"))
            && plan.changes.iter().any(|c| c.resource.id().starts_with("vol-"))
    );
    assert!(
        plan.changes
            .iter()
            .skip(1)
            .all(|c| c.impact.iter().any(|line| line.contains("recoverable for 7 days after the deletion")))
    );
    let truth = |stand: &Stand| hold(&stand.twin).truth().regions[&plan.changes[0].region].clone();
    let before = truth(&stand);
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    let story = stand.story();
    let told = |change: &Change| story.changes[&change.id].reason.clone();
    assert!(
        plan.changes.iter().all(|c| told(c).contains("recoverable until 20")),
        "{}",
        told(&plan.changes[0])
    );
    // The first has left the bin by then.
    hold(&stand.twin).pass(Duration::from_secs(3 * 86_400));
    let undoing = super::laws::undoing(&stand, &plan);
    let refused: Vec<&str> = undoing.refused.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(refused, [plan.changes[0].id.as_str()]);
    assert!(undoing.refused[0].1.contains("not in the Recycle Bin"), "{:?}", undoing.refused);
    let second = stand.again();
    second.run(&undoing.plan, yes(&undoing.plan), None).unwrap().unwrap();
    let story = second.story();
    assert!(
        undoing.plan.changes.iter().all(|c| story.changes[&c.id].outcome() == Some(Outcome::Restored)),
        "{:?}",
        story.changes
    );
    assert_eq!(undoing.plan.changes.len(), plan.changes.len() - 1);
    let after = truth(&stand);
    for change in plan.changes.iter().skip(1) {
        let id = change.resource.id();
        assert_eq!(after.volumes.get(id).known(), before.volumes.get(id).known(), "{id}");
        assert_eq!(after.snapshots.get(id).known(), before.snapshots.get(id).known(), "{id}");
    }
    assert!(!there(&stand, &plan.changes[0]));
}

/// The volumes that a change replaces.
fn replaced(plan: &Plan) -> Vec<String> {
    let detached = plan.changes[0].steps.iter().filter(|s| s.act.call.operation == "DetachVolume");
    detached.map(|s| s.act.call.input["VolumeId"].as_str().unwrap().to_owned()).collect()
}

/// A run that was killed after so many calls and lost, and what was recovered of it; the names of the old
/// volumes that will never be offered.
fn recovered(kill: impl Fn(&Plan) -> usize, meanwhile: &[&str]) -> (Stand, Plan, Vec<String>) {
    let stand = world::demo();
    let plan = encrypting(&stand, "app");
    stand.killed(&plan, Kill::AfterCall(kill(&plan)));
    hold(&stand.twin).pass(Duration::from_secs(600));
    for operation in meanwhile {
        hold(&stand.twin)
            .perform(&Call::new(
                "ec2",
                &plan.changes[0].region,
                operation,
                json!({ "InstanceIds": [plan.changes[0].resource.id()] }),
            ))
            .unwrap();
        hold(&stand.twin).pass(Duration::from_secs(600));
    }
    let found = super::marks::found(&stand, None);
    let mut back = stand.again();
    back.name = "run-2".to_owned();
    // Interrupted before its tags, it goes on: its files would call nothing that the account does not bear
    // out.
    let calls = found.plan.changes[0].steps.len();
    back.killed(&found.plan, Kill::BeforeCall(calls.saturating_sub(1).max(1)));
    let left = block_on(left(&found.plan, &back.story(), today(), &back.account(), &stage));
    assert!(left.judged.beyond.is_empty() && left.judged.claims.is_empty(), "{:#?}", left.judged);
    back.run(&found.plan, Vec::new(), None).unwrap().unwrap();
    assert_eq!(
        back.story().changes["c1"].outcome(),
        Some(Outcome::Restored),
        "{}",
        back.story().changes["c1"].reason
    );
    hold(&back.twin).pass(A_MONTH);
    (back, plan, found.stays)
}

fn start(plan: &Plan) -> usize {
    plan.changes[0].steps.iter().position(|s| s.act.call.operation == "StartInstances").unwrap()
}

#[test]
fn what_a_recovered_run_has_replaced_is_offered_after_its_date_where_that_is_proved() {
    let (stand, plan, stays) = recovered(start, &[]);
    assert_eq!(stays, Vec::<String>::new());
    let found = pruning(&stand);
    let offered: Vec<&str> = found.plan.changes.iter().map(|c| c.resource.id()).collect();
    for old in replaced(&plan) {
        assert!(offered.contains(&old.as_str()), "{old}: {offered:?} {:?}", found.kept);
    }
    // All that the run has made and that is in use no more is offered, and nothing that is in use.
    assert_eq!(found.kept, Vec::<String>::new());
    stand.again().run(&found.plan, yes(&found.plan), None).unwrap().unwrap();
    assert_eq!(
        hold(&stand.twin).truth().regions[&plan.changes[0].region]
            .instances
            .get(plan.changes[0].resource.id())
            .known()
            .unwrap()
            .state,
        "running"
    );
}

#[test]
fn an_old_disk_of_which_it_is_not_proved_what_replaced_it_is_named_and_never_offered() {
    // Somebody has started the instance: when, and on which disks before, nobody knows any more.
    for meanwhile in [&["StartInstances"][..], &["StartInstances", "StopInstances"]] {
        let (stand, plan, stays) = recovered(start, meanwhile);
        let found = pruning(&stand);
        for old in replaced(&plan) {
            assert!(
                stays.iter().any(|why| why.contains(&old) && why.contains("by hand")),
                "{meanwhile:?} {old}: {stays:?}"
            );
            assert!(
                found.plan.changes.iter().all(|c| c.resource.id() != old),
                "{meanwhile:?}: {old} is offered"
            );
        }
    }
}

#[test]
fn what_a_run_that_was_lost_between_two_swaps_has_replaced_is_told_from_what_it_has_not() {
    let first = |plan: &Plan| {
        plan.changes[0].steps.iter().position(|s| s.act.call.operation == "AttachVolume").unwrap() + 1
    };
    let (stand, plan, stays) = recovered(first, &[]);
    assert_eq!(stays, Vec::<String>::new());
    let (olds, offered) = (replaced(&plan), pruning(&stand).plan.changes);
    let region = hold(&stand.twin).truth().regions[&plan.changes[0].region].clone();
    for old in &olds {
        let attached = !region.volumes.get(old).known().unwrap().attachments.is_empty();
        assert_ne!(attached, offered.iter().any(|c| c.resource.id() == old), "{old}");
    }
}
