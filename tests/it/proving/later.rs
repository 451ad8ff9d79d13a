//! Long after a run: what people did to its instances meanwhile must not keep an undo from bringing the disks
//! back, and what prune deletes must be held, readable and no older, by something else.

use std::time::Duration;

use jiff::SignedDuration;
use redress::{
    engine::{gather::gather, prune},
    inventory::{Fact, FamilyKind, Instance, Inventory, Key, Volume},
    journal::{Outcome, Story},
    plan::Plan,
    twin::Twin,
};

use super::{
    Tally,
    dice::Dice,
    ground::Ground,
    laws::Held,
    life::{Door, End, State, live, story},
    yes,
};
use crate::stand::{block_on, stage};

/// More than what is kept by default is kept for.
const A_MONTH: Duration = Duration::from_secs(32 * 86_400);

/// What somebody does to the instance of an applied change that has nothing to do with its disks: a tag, a
/// stop, another group. Gives back whether there was such an instance.
pub fn meddle_beside(dice: &mut Dice, state: &mut State, plan: &Plan, story: &Story) -> Option<&'static str> {
    let applied = plan.changes.iter().filter(|c| {
        c.action == "encrypt-volumes" && story.changes[&c.id].outcome() == Some(Outcome::Verified)
    });
    let ids: Vec<&str> = applied.map(|c| c.resource.id()).filter(|id| id.starts_with("i-")).collect();
    if ids.is_empty() {
        return None;
    }
    let id = (*dice.pick(&ids)).to_owned();
    let name = state.twin.truth().regions.keys().next()?.clone();
    match dice.below(3) {
        0 => {
            let call = redress::calls::Call::new(
                "ec2",
                &name,
                "StopInstances",
                serde_json::json!({ "InstanceIds": [id] }),
            );
            state.twin.by_hand(&call).ok()?;
            state.twin.pass(Duration::from_secs(60));
            Some("stopped beside it")
        }
        1 => {
            instance(&mut state.twin, &name, &id)?
                .tags
                .insert("Touched".to_owned(), "by somebody".to_owned());
            Some("tagged beside it")
        }
        _ => {
            instance(&mut state.twin, &name, &id)?.instance_type = "m7i.large".to_owned();
            Some("resized beside it")
        }
    }
}

fn instance<'a>(twin: &'a mut Twin, region: &str, id: &str) -> Option<&'a mut Instance> {
    twin.truth_mut().region_mut(region).instances.get_mut(id)
}

/// A month later: somebody's hands, then prune, and law 14 for each of its deletions.
pub fn pruned(dice: &mut Dice, mut state: State, ground: &Ground, tally: &mut Tally) -> Held {
    state.twin.faults = redress::twin::Faults::default();
    state.twin.pass(A_MONTH);
    meddle(dice, &mut state.twin);
    let regions: Vec<String> = state.twin.truth().regions.keys().cloned().collect();
    let events = std::mem::take(&mut state.events);
    let door = Door::on(state, ground.identity.clone());
    let empty = Inventory::empty(ground.identity.owner.clone(), ground.identity.caller.clone(), door.time());
    let known = block_on(gather(&door, empty, &mut |known: &Inventory| prune::needs(known, &regions)));
    let plan = prune::plan(
        &known,
        &regions,
        &ground.identity,
        door.time(),
        SignedDuration::from_hours(1),
        &stage,
        &ground.rules,
    )
    .plan;
    let mut state = door.into_state();
    if plan.changes.is_empty() {
        state.events = events;
        return Ok(());
    }
    tally.meet("pruned");
    if dice.percent(50) {
        meddle(dice, &mut state.twin);
    }
    let decisions: Vec<_> = plan.changes.iter().map(|c| yes(&c.id)).collect();
    let (mut state, end) = live(state, &ground.identity, &plan, "run-3", &decisions, Vec::new());
    if !matches!(end, End::Over) {
        return Err(format!("an undisturbed prune did not come to its end: {end:?}"));
    }
    let deleted =
        story(&state.events).changes.values().filter(|c| c.outcome() == Some(Outcome::Verified)).count();
    (0..deleted).for_each(|_| tally.meet("deleted by prune"));
    super::offences(&mut state, Some(&plan), false)
}

/// What may befall an instance, a key and a disk within a month.
fn meddle(dice: &mut Dice, twin: &mut Twin) {
    use super::storm::Meddling::{
        DiskDetached, InstanceStarted, InstanceStopped, KeyDisabled, SnapshotGone, VolumeGone,
    };
    let n = dice.below(6);
    let hands = match dice.below(8) {
        0 | 1 => vec![KeyDisabled(n)],
        2 => vec![InstanceStopped(n)],
        3 => vec![InstanceStopped(n), DiskDetached(n)],
        4 => vec![VolumeGone(n)],
        5 => vec![SnapshotGone(n)],
        6 => vec![InstanceStopped(n), InstanceStarted(n)],
        _ => Vec::new(),
    };
    for hand in hands {
        hand.act(twin);
        twin.pass(Duration::from_secs(300));
    }
}

/// Whether something else holds what this volume or snapshot holds, as new and readable.
pub fn held_elsewhere(twin: &Twin, region: &str, id: &str) -> bool {
    let Some(known) = twin.truth().regions.get(region) else { return true };
    let content =
        if id.starts_with("snap-") { twin.content_of_snapshot(id) } else { twin.content(region, id) };
    // What was there before the twin was made is not redress's, and not known.
    if content.of.is_empty() {
        return true;
    }
    let opens = |key: &Key, arn: &str| key.arn == arn && key.key_state == "Enabled";
    let readable = |encrypted: bool, key: Option<&str>| {
        !encrypted || key.is_some_and(|arn| known.keys.known().any(|(_, k)| opens(k, arn)))
    };
    let as_new = |other: redress::twin::Content| other.of == content.of && other.written >= content.written;
    let volumes = known
        .volumes
        .known()
        .filter(|(other, v)| *other != id && readable(v.encrypted, v.kms_key_id.as_deref()));
    let snapshots = known.snapshots.known().filter(|(other, s)| {
        *other != id && s.state == "completed" && readable(s.encrypted, s.kms_key_id.as_deref())
    });
    volumes
        .map(|(other, _)| twin.content(region, other))
        .chain(snapshots.map(|(other, _)| twin.content_of_snapshot(other)))
        .any(as_new)
}

/// Whether the keys of all encrypted disks of an instance can be read and are enabled: it is shown that it
/// comes up again.
pub fn comes_up(twin: &Twin, region: &str, id: &str, stays: impl Fn(&Volume) -> bool) -> bool {
    let Some(known) = twin.truth().regions.get(region) else { return true };
    let Fact::Known(instance) = known.instances.get(id) else { return true };
    let disks = instance.devices.iter().filter_map(|d| known.volumes.get(&d.volume_id).known().copied());
    let unread = twin.faults.denied_reads.iter().any(|d| d.family == FamilyKind::Keys);
    disks.filter(|v| v.encrypted && stays(v)).all(|v| {
        let key = v.kms_key_id.as_deref();
        !unread && known.keys.known().any(|(_, k)| Some(k.arn.as_str()) == key && k.key_state == "Enabled")
    })
}
