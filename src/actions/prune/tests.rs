//! Tests of `prune`: what it must do and what it must never do, on small hand-made inventories.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! What prune deletes and what it leaves, on inventories made by hand.

use super::*;
use crate::{
    actions::{Options, make::sound},
    inventory::{Caller, InstanceStatus, compute::Attachment},
    resource::Owner,
};

const R: &str = "us-east-1";

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

/// On the 22nd: an old volume (kept until the 21st) with its replacement attached, and four backups of i-1, of which the
/// oldest three are past their date and the newest failed.
fn account() -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let mut inventory = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
    let region = inventory.region_mut(R);
    let old = tags(&[(tag::RUN, "r"), (tag::EXPIRES, "2026-11-21"), (tag::REPLACED_BY, "vol-new"), (tag::INSTANCE, "i-1")]);
    region.volumes.put("vol-old", Volume { id: "vol-old".into(), state: "available".into(), tags: old, ..Volume::default() });
    let attachments = vec![Attachment { instance_id: "i-1".into(), state: "attached".into(), ..Attachment::default() }];
    let new =
        Volume { id: "vol-new".into(), state: "in-use".into(), encrypted: true, attachments, tags: tags(&[(tag::SOURCE, "vol-old")]), ..Volume::default() };
    region.volumes.put("vol-new", new);
    let ok = InstanceStatus { id: "i-1".into(), system_status: "ok".into(), instance_status: "ok".into(), events: Vec::new() };
    region.instance_statuses.put("i-1", ok);
    region.snapshots.read(&Selector::All, Fact::Known(()));
    for (n, state) in [(1, "completed"), (2, "completed"), (3, "completed"), (4, "error")] {
        let id = format!("snap-{n}");
        let set = format!("set-{n}");
        let all = [(tag::RUN, "r"), (tag::EXPIRES, "2026-11-20"), (tag::SET, set.as_str()), (tag::INSTANCE, "i-1"), (tag::KEEP_LAST, "2")];
        let start_time = Some(format!("2026-11-1{n}T00:00:00Z").parse().unwrap());
        region.snapshots.put(id.clone(), Snapshot { id, state: state.into(), start_time, tags: tags(&all), ..Snapshot::default() });
    }
    inventory
}
fn propose(it: &Inventory, target: &ResourceId) -> Result<Proposal, Refusal> {
    let options = Options::default();
    Prune.propose(&Context { inventory: it, region: R, checks: &[], options: &options }, target, &Value::Null)
}
fn old(it: &mut Inventory) -> &mut Volume {
    it.region_mut(R).volumes.get_mut("vol-old").unwrap()
}

#[test]
fn what_has_expired_and_was_replaced_may_go_and_it_cannot_be_taken_back() {
    let it = account();
    let proposal = propose(&it, &it.owner.volume(R, "vol-old")).unwrap();
    sound::steps(&proposal.steps);
    assert_eq!(proposal.risk, Risk::Irreversible);
    assert!(matches!(proposal.steps[0].way_back, WayBack::Cannot(_)));
    assert_eq!(proposal.steps[0].act.call, Call::new("ec2", R, "DeleteVolume", json!({ "VolumeId": "vol-old" })));
    assert_eq!(proposal.proof[0].check, "volume-gone");
}

#[test]
fn a_volume_stays_for_each_reason_there_is() {
    type Row = (fn(&mut Inventory), &'static str);
    let rows: &[Row] = &[
        (|it| drop(old(it).tags.insert(tag::EXPIRES.into(), "2026-11-22".into())), "kept until 2026-11-22"),
        (|it| drop(old(it).tags.insert(tag::EXPIRES.into(), "soon".into())), "no date"),
        (|it| drop(old(it).tags.remove(tag::EXPIRES)), "no date until when"),
        (|it| drop(old(it).tags.insert(tag::HOLD.into(), "audit".into())), "audit"),
        (|it| drop(old(it).tags.remove(tag::RUN)), "not made or kept by redress"),
        (|it| drop(old(it).tags.remove(tag::REPLACED_BY)), "what replaced it"),
        (|it| old(it).state = "in-use".into(), "attached to nothing"),
        (|it| it.region_mut(R).volumes.get_mut("vol-new").unwrap().encrypted = false, "not encrypted"),
        (|it| it.region_mut(R).volumes.get_mut("vol-new").unwrap().attachments.clear(), "attached to none"),
        (|it| drop(it.region_mut(R).volumes.items.insert("vol-new".into(), Fact::Absent)), "only one that holds its data"),
        (|it| it.region_mut(R).instance_statuses.get_mut("i-1").unwrap().instance_status = "impaired".into(), "fails its status checks"),
    ];
    for (change, word) in rows {
        let mut it = account();
        change(&mut it);
        let said = propose(&it, &it.owner.volume(R, "vol-old"));
        assert!(matches!(&said, Err(Refusal::Refused(why)) if why.contains(word)), "{word}: {said:?}");
    }
}

#[test]
fn what_is_not_known_stays() {
    let mut it = account();
    it.region_mut(R).volumes.items.remove("vol-new");
    assert!(matches!(propose(&it, &it.owner.volume(R, "vol-old")), Err(Refusal::Unknown(_))));
    let mut it = account();
    it.region_mut(R).instance_statuses.items.clear();
    assert!(matches!(propose(&it, &it.owner.volume(R, "vol-old")), Err(Refusal::Unknown(_))));
    let mut it = account();
    it.region_mut(R).snapshots.reads.clear();
    assert!(matches!(propose(&it, &it.owner.snapshot(R, "snap-1")), Err(Refusal::Unknown(_))), "other backups were not listed");
}

#[test]
fn the_last_completed_backups_stay_whatever_their_date() {
    let it = account();
    let may_go = |it: &Inventory, n: u8| propose(it, &it.owner.snapshot(R, &format!("snap-{n}"))).is_ok();
    assert_eq!([1, 2, 3, 4].map(|n| may_go(&it, n)), [true, false, false, true], "two are kept; the failed one is no backup");
    let mut it = account();
    for n in [1, 2, 3] {
        it.region_mut(R).snapshots.get_mut(&format!("snap-{n}")).unwrap().state = "error".into();
    }
    assert_eq!([1, 2, 3, 4].map(|n| may_go(&it, n)), [false; 4], "none is completed");
}

#[test]
fn a_set_counts_as_completed_only_when_all_its_members_are() {
    let mut it = account();
    let mut member = it.region_mut(R).snapshots.get("snap-3").known().copied().unwrap().clone();
    (member.id, member.state) = ("snap-3b".into(), "pending".into());
    it.region_mut(R).snapshots.put("snap-3b", member);
    assert!(matches!(propose(&it, &it.owner.snapshot(R, "snap-1")), Err(Refusal::Refused(_))), "only two sets are completed, and two are kept");
}

#[test]
fn candidates_are_all_that_redress_dated_each_with_its_answer() {
    let it = account();
    let found = candidates(&it, R, it.read_at);
    let may: Vec<&str> = found.iter().filter(|(_, r)| r.is_ok()).map(|(id, _)| id.id()).collect();
    assert_eq!((found.len(), may), (5, vec!["snap-1", "snap-4", "vol-old"]));
    assert!(candidates(&it, "eu-west-1", it.read_at).is_empty());
}
