//! The steps of a swap: the instance is stopped and started again, its disks are detached and attached.

use serde_json::{Value, json};

use super::{
    capacity,
    instance::{MOST_EXCLUDED, STOP_WITHIN, SWAP_WITHIN, Swap},
    parts::Disk,
    passes::WARM,
};
use crate::{
    actions::{Refusal, make, support::tag_specifications},
    calls::{Act, Expect, Shape, Step, Test, Undo, WayBack, mark, reference},
    inventory::{FamilyKind, Tags, tag},
    services::{
        Operation, Planned,
        instance::{ModifyInstanceAttribute, StartInstances, StopInstances},
        snapshot::{CreateSnapshots, InstanceSpecification},
        volume::{AttachVolume, DetachVolume},
    },
};

impl Swap<'_> {
    pub(super) fn stopping(&self) -> Act {
        let stop = StopInstances { instance_ids: vec![self.instance.id.clone()] };
        let act = self.instance_state(
            &stop,
            ["stopping", "stopped"],
            &["terminated", "shutting-down"],
            STOP_WITHIN,
            "until the instance is stopped",
        );
        self.observing_stop(act)
    }

    pub(super) fn starting(&self) -> Act {
        let start = StartInstances { instance_ids: vec![self.instance.id.clone()] };
        // `stopped` may still be shown for a moment after the call, so it counts as failed only later.
        let mut act = self.instance_state(
            &start,
            ["pending", "running"],
            &["terminated", "shutting-down", "stopping"],
            self.instance.start_within(),
            "until the instance runs",
        );
        for expect in act.wait.iter_mut().flat_map(|w| &mut w.until) {
            if let Test::OneOf { late, .. } = &mut expect.test {
                late.push(json!("stopped"));
            }
        }
        act
    }

    pub(super) fn stop(&self) -> Step {
        let back = self.only_own_stop(self.starting());
        let held = self
            .reservation
            .map(|r| capacity::still_held(self.job.region, self.instance, r))
            .unwrap_or_default();
        let act = self.stopping().only_if(self.may_stop()).only_if(held);
        make::step("stop", format!("stop {}", self.instance.id), act, make::back_and_forth(back))
    }

    /// Starts the instance and waits until it passes its status checks. That of its attached volumes is
    /// `not-applicable` on types for which AWS does not run it, and is left out by endpoints that do not have
    /// it (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceStatus.html>).
    pub(super) fn start(&self) -> Step {
        let (region, id) = (self.job.region, self.instance.id.as_str());
        let mut act = self.starting();
        if let Some(wait) = &mut act.wait {
            let ok = |at: &str| make::is(region, FamilyKind::InstanceStatuses, id, at, "ok");
            let volumes = vec![json!("ok"), json!("not-applicable"), Value::Null];
            let reached =
                make::one_of(region, FamilyKind::InstanceStatuses, id, "/attached_ebs_status", volumes);
            wait.until.extend([ok("/system_status"), ok("/instance_status"), reached]);
            wait.at_most = self.instance.start_within() + u64::from(self.job.parameters.health_timeout);
            wait.why = format!("until {id} runs on the encrypted disks and passes its status checks");
            self.applications.wait_for(region, id, wait);
        }
        let undo = Undo::Calls(vec![self.only_if_it_runs(self.stopping())]);
        let way_back = WayBack::Calls { rollback: vec![self.stopping()], undo, kept_once: None, redo: true };
        make::step("start", format!("start {id}"), self.only_while_down(act).or_leave(), way_back)
    }

    /// Tags the instance before anything else, so that it can be found if the run is lost, and no other run
    /// begins on it.
    pub(super) fn mark(&self) -> Step {
        let way_back = WayBack::Calls {
            rollback: vec![self.marking(false)],
            undo: Undo::Calls(Vec::new()),
            kept_once: None,
            redo: false,
        };
        make::step(
            "mark",
            format!("tag {} as being worked on", self.instance.id),
            self.marking(true),
            way_back,
        )
    }

    pub(super) fn unmark(&self) -> Step {
        make::step(
            "unmark",
            format!("take the tag off {}", self.instance.id),
            self.marking(false),
            WayBack::ByStep("mark".to_owned()),
        )
    }

    pub(super) fn marking(&self, on: bool) -> Act {
        let (region, id) = (self.job.region, self.instance.id.as_str());
        if on { mark::on(region, id, &self.instance.state) } else { mark::off(region, id, reference::run()) }
    }

    /// Announces the stop to runs of other state directories, which cannot see this one's turns. A rollback
    /// withdraws the announcement before the mark is removed.
    pub(super) fn announce(&self) -> Step {
        let (region, id) = (self.job.region, self.instance.id.as_str());
        let rollback = vec![mark::withdrawing(region, id)];
        let way_back =
            WayBack::Calls { rollback, undo: Undo::Calls(Vec::new()), kept_once: None, redo: false };
        make::step(
            "announce",
            format!("tag {id} as about to be stopped"),
            mark::announcing(region, id),
            way_back,
        )
    }

    /// Lets a disk outlive its instance, from before the stop and the hours of copying: whoever terminates
    /// the instance meanwhile destroys only the instance.
    pub(super) fn keep_old(&self, disk: &Disk<'_>) -> Option<Step> {
        let (device, old) = (disk.place.map_or("", |(_, device)| device), || json!(disk.volume.id));
        let back = self.deletes(device, old(), true).or_leave();
        let title = format!("let {} outlive the instance", disk.words());
        let step = make::step(
            format!("keep-old-{}", disk.n),
            title,
            self.deletes(device, old(), false),
            make::back_and_forth(back),
        );
        disk.delete_on_termination.then_some(step)
    }

    /// Puts the new volume in the place of the old one. An attached volume stays when the instance is
    /// terminated unless DeleteOnTermination is set again, so only disks that are deleted with their instance
    /// need it, in both directions.
    pub(super) fn swap(&self, disk: &Disk<'_>) -> Vec<Step> {
        let device = disk.place.map_or("", |(_, device)| device);
        let old = || json!(disk.volume.id);
        let (n, words) = (disk.n, disk.words());
        let mut steps = Vec::new();
        let (detach, attach) = (self.detach(device, old()), self.attach(disk, device, old()));
        steps.push(make::step(
            format!("detach-{n}"),
            format!("detach {words}"),
            detach,
            make::back_and_forth(attach),
        ));
        let (attach, detach) = (self.attach(disk, device, disk.new_id()), self.detach(device, disk.new_id()));
        steps.push(make::step(
            format!("attach-{n}"),
            format!("attach the encrypted volume at {device}"),
            attach,
            make::back_and_forth(detach),
        ));
        if disk.delete_on_termination {
            let back = self.deletes(device, disk.new_id(), false).or_leave();
            let title =
                format!("let the encrypted volume at {device} go with the instance, as the old one did");
            steps.push(make::step(
                format!("dot-{n}"),
                title,
                self.deletes(device, disk.new_id(), true),
                make::back_and_forth(back),
            ));
        }
        steps
    }

    pub(super) fn detach(&self, device: &str, volume: Value) -> Act {
        let detach = DetachVolume::<Planned> {
            volume_id: volume.clone().into(),
            instance_id: self.instance.id.clone(),
            device: device.to_owned(),
        };
        let until = vec![
            make::state(
                self.job.region,
                FamilyKind::Volumes,
                volume.clone(),
                &["available"],
                &["error", "deleting", "deleted"],
            ),
            make::is(self.job.region, FamilyKind::Volumes, volume.clone(), "/attachments", json!([])),
            make::mapped(self.job.region, &self.instance.id, device, Value::Null),
        ];
        let leaving = vec![Value::Null, json!("detaching"), json!("detached")];
        let under_way =
            vec![make::one_of(self.job.region, FamilyKind::Volumes, volume, "/attachments/0/state", leaving)];
        self.only_while_down(make::act_under_way(
            self.job.call(&detach),
            under_way,
            until,
            SWAP_WITHIN,
            "until the volume is detached",
        ))
    }

    /// Attaches a volume in the place of a disk. Every member of an attachment that the call takes is given
    /// again: a disk of another EBS card than the default one shares the limits of that card
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AttachVolume.html>).
    pub(super) fn attach(&self, disk: &Disk<'_>, device: &str, volume: Value) -> Act {
        let attach = AttachVolume::<Planned> {
            volume_id: volume.clone().into(),
            instance_id: self.instance.id.clone(),
            device: device.to_owned(),
            ebs_card_index: disk.card,
        };
        let looks =
            |at: &str, value: &str| make::is(self.job.region, FamilyKind::Volumes, volume.clone(), at, value);
        let at_card = disk.card.map(|card| {
            make::is(
                self.job.region,
                FamilyKind::Volumes,
                volume.clone(),
                "/attachments/0/ebs_card_index",
                card,
            )
        });
        let place: Vec<Expect> =
            [looks("/attachments/0/instance_id", &self.instance.id), looks("/attachments/0/device", device)]
                .into_iter()
                .chain(at_card)
                .collect();
        let coming = make::one_of(
            self.job.region,
            FamilyKind::Volumes,
            volume.clone(),
            "/attachments/0/state",
            vec![json!("attaching"), json!("attached")],
        );
        let under_way = place.iter().cloned().chain([coming]).collect();
        let both = [
            looks("/attachments/0/state", "attached"),
            make::mapped(self.job.region, &self.instance.id, device, volume.clone()),
        ];
        let until = place.iter().cloned().chain(both).collect();
        self.only_while_down(make::act_under_way(
            self.job.call(&attach),
            under_way,
            until,
            SWAP_WITHIN,
            "until the volume is attached",
        ))
    }

    /// Sets DeleteOnTermination, which AWS assumes to be `true` in a call that does not give it.
    pub(super) fn deletes(&self, device: &str, volume: Value, on: bool) -> Act {
        let call = self.job.call(&ModifyInstanceAttribute::goes_with(&self.instance.id, device, on));
        let act = make::act(
            call,
            vec![make::is(
                self.job.region,
                FamilyKind::Volumes,
                volume.clone(),
                "/attachments/0/delete_on_termination",
                on,
            )],
        );
        act.only_if(self.at_device(device, &volume))
    }

    /// Builds a call that changes the state of the instance. `states` are the state during the transition and
    /// the one at its end.
    pub(super) fn instance_state(
        &self,
        operation: &impl Operation,
        states: [&str; 2],
        never: &[&str],
        within: u64,
        why: &str,
    ) -> Act {
        let state = |good: &[&str], never: &[&str]| {
            vec![make::state(self.job.region, FamilyKind::Instances, self.instance.id.as_str(), good, never)]
        };
        make::act_under_way(
            self.job.call(operation),
            state(&states, &[]),
            state(&states[1..], never),
            within,
            why,
        )
    }

    /// Returns the tags that all disks which are replaced carry alike: all snapshots of a set get the same
    /// tags, and policies of organizations may require some on every new resource
    /// (<https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_examples_tagging.html>).
    fn tags_of_all(&self) -> Tags {
        let mut disks = self.disks.iter().map(|d| &d.volume.tags);
        let first = disks.next().cloned().unwrap_or_default();
        disks.fold(first, |alike, tags| {
            alike.into_iter().filter(|(key, value)| tags.get(key) == Some(value)).collect()
        })
    }

    /// Takes one consistent set of snapshots of the disks that are replaced
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSnapshots.html>).
    pub(super) fn snapshots(&self, name: &'static str, when: &str) -> Result<Step, Refusal> {
        let chosen = |id: &str| self.disks.iter().any(|d| d.volume.id == id);
        let (mut without_root, mut left_out) = (None, Vec::new());
        for (device, volume, _) in self.volumes.iter().filter(|(_, v, _)| !chosen(&v.id)) {
            // The root must be left out by this member and may not be in the list.
            match *device == self.instance.root_device_name {
                true => without_root = Some(true),
                false => left_out.push(volume.id.clone()),
            }
        }
        if left_out.len() > MOST_EXCLUDED {
            return Err(Refusal::Refused(format!(
                "{} has {} other disks, and AWS leaves out {MOST_EXCLUDED} of a set at most",
                self.instance.id,
                left_out.len()
            )));
        }
        let tags = [(tag::INSTANCE, json!(self.instance.id)), (tag::EXPIRES, self.job.expires())];
        let create = CreateSnapshots::<Planned> {
            instance_specification: InstanceSpecification {
                instance_id: self.instance.id.clone(),
                exclude_boot_volume: without_root,
                exclude_data_volume_ids: left_out,
            },
            description: Some(format!("redress: {} before encryption, {name}", self.instance.id)),
            tag_specifications: tag_specifications("snapshot", &self.tags_of_all(), &tags)?,
        };
        let ids: Vec<Value> = self
            .disks
            .iter()
            .map(|d| reference::output(name, &format!("Snapshots/{}", d.volume.id)))
            .collect();
        let wait = Some(self.job.completed(&self.disks, ids.clone(), "until the snapshots are completed"));
        let shape = Shape::IdsBy("volume_id".to_owned(), ids.len());
        let act = make::making(self.job.call(&create), FamilyKind::Snapshots, "Snapshots", shape, wait);
        let act = if name == WARM { act.only_if(self.as_planned()) } else { self.last_written(act) };
        let way_back = match name == WARM {
            true => self.job.warm_back(ids),
            false => self.job.snapshots_back(ids, "the set of unencrypted snapshots"),
        };
        Ok(make::step(
            name,
            format!("snapshot the unencrypted disks of {}, {when}", self.instance.id),
            act,
            way_back,
        ))
    }
}
