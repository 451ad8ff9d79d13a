//! Disks that a lost run has replaced but not marked as replaced. `redress prune` offers an old disk only by
//! that tag, once its date has passed; a recovery sets the tag where the account proves the replacement, and
//! otherwise names the resources that will never be offered for deletion.

use serde_json::{Map, json};

use super::kept_step;
use crate::{
    actions::{make, prune, support::tag_list},
    calls::{Act, Call, Step},
    inventory::{FamilyKind, Instance, Snapshot, Tags, Volume, tag},
    services::{Planned, tag::CreateTags},
};

/// An old disk and the copy that took its place at a device.
pub(super) struct Replaced<'v> {
    pub(super) old: &'v Volume,
    new: &'v Volume,
    device: &'v str,
}

/// Returns the disks of an instance that the run of its mark has replaced, as far as the account proves it:
/// the copy that this run made of the disk is at its device, the old disk is free, both carry the tags of the
/// run, and the instance was not started since the copy was made. A copy is made only while the instance is
/// down, of its last data, so that nothing is on the old disk that is not on the copy.
pub(super) fn proved<'v>(volumes: &'v [Volume], instance: &Instance) -> Vec<Replaced<'v>> {
    let carries = |tags: &Tags, key: &str, value: &str| tags.get(key).is_some_and(|is| is == value);
    let ours = |tags: &Tags, device: &str| {
        tags.contains_key(tag::RUN)
            && tags.get(tag::RUN) == instance.tags.get(tag::RUN)
            && carries(tags, tag::INSTANCE, &instance.id)
            && carries(tags, tag::DEVICE, device)
    };
    let unwritten = |new: &Volume| {
        let made_since =
            instance.launch_time.zip(new.create_time).is_some_and(|(launched, made)| launched < made);
        instance.state == "stopped" && made_since
    };
    let one = |new: &'v Volume| {
        let [place] = new.attachments.as_slice() else { return None };
        let device = place.device.as_str();
        let at_its_place = place.instance_id == instance.id
            && place.state == "attached"
            && new.encrypted
            && ours(&new.tags, device);
        let old = volumes.iter().find(|old| carries(&new.tags, tag::SOURCE, &old.id))?;
        let free = old.state == "available"
            && old.attachments.is_empty()
            && ours(&old.tags, device)
            && !old.tags.contains_key(tag::REPLACED_BY);
        (at_its_place && free && unwritten(new)).then_some(Replaced { old, new, device })
    };
    volumes.iter().filter_map(one).collect()
}

impl Replaced<'_> {
    /// Builds the step that tags the old disk, as the last steps of its run would have. Where somebody has
    /// moved one of the two since, the act is left out.
    pub(super) fn step(&self, n: usize, region: &str, instance: &str) -> Step {
        let [old, new] = [self.old.id.as_str(), self.new.id.as_str()];
        let is =
            |volume: &str, at: &str, value: &str| make::is(region, FamilyKind::Volumes, volume, at, value);
        let call = CreateTags::<Planned> {
            resources: vec![old.into()],
            tags: tag_list(&Map::from_iter([(tag::REPLACED_BY.to_owned(), json!(new))])),
        };
        let looks = vec![is(old, &format!("/tags/{}", tag::REPLACED_BY), new)];
        let place = [
            is(new, "/attachments/0/instance_id", instance),
            is(new, "/attachments/0/device", self.device),
            is(old, "/state", "available"),
        ];
        let act: Act = make::act(Call::of(region, &call), looks).only_if(place.to_vec()).or_leave();
        kept_step(format!("replaced-{n}"), format!("tag {old} with what replaced it: {new}"), act)
    }
}

/// Lists the volumes and snapshots that runs have left and that `redress prune` never offers, each with the
/// reason. `settled` are those that a recovery puts to use or marks.
pub(super) fn never_offered(
    volumes: &[Volume],
    snapshots: &[Snapshot],
    run: Option<&str>,
    settled: &[String],
) -> Vec<String> {
    let of = |tags: &Tags| tags.get(tag::RUN).is_some_and(|of| run.is_none_or(|run| run == of));
    let idle = volumes.iter().filter(|v| {
        of(&v.tags) && v.state == "available" && v.attachments.is_empty() && !settled.contains(&v.id)
    });
    let volumes = idle.filter_map(|v| Some((&v.id, prune::never_offered_volume(v)?, "DeleteVolume")));
    let snapshots = snapshots
        .iter()
        .filter(|s| of(&s.tags))
        .filter_map(|s| Some((&s.id, prune::never_offered_snapshot(s)?, "DeleteSnapshot")));
    let words = |(id, why, operation): (&String, &str, &str)| {
        format!(
            "{id} stays, and `redress prune` never offers it: {why}. Delete it by hand (ec2:{operation}) \
             once all runs and nothing needs it"
        )
    };
    volumes.chain(snapshots).map(words).collect()
}
