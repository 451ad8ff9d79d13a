//! The change for an instance: all its unencrypted disks in one stop. Its steps in order: a warm set of
//! snapshots while it runs, mark, stop, the final set, encrypted copies, volumes, the swap at each device,
//! start, tags on the old volumes.

use serde_json::{Value, json};

use super::{
    Parameters, Via, capacity, guards, instance_of, key, needed_volume,
    parts::{Disk, Job},
    restartable::restartable,
    targets, to_encrypt,
    trial::trials,
};
use crate::{
    actions::{
        Context, GuardNote, Proof, Proposal, Refusal, make,
        support::{need, tag_specifications},
    },
    calls::{Act, KeptOnce, Risk, Shape, Step, Test, Undo, WayBack, mark, reference},
    inventory::{CapacityReservation, FamilyKind, Instance, Tags, Volume, Want, tag},
    resource::ResourceId,
    services::{
        Operation, Planned,
        instance::{ModifyInstanceAttribute, StartInstances, StopInstances},
        snapshot::{CreateSnapshots, InstanceSpecification},
        volume::{AttachVolume, DetachVolume},
    },
};

/// Seconds that an instance is given to stop; Windows and databases take their time.
const STOP_WITHIN: u64 = 1800;
/// Seconds that an instance is given to run after a start, its status checks not counted.
const START_WITHIN: u64 = 600;
/// Seconds that a volume is given to be attached or detached.
const SWAP_WITHIN: u64 = 600;
/// The step that takes the warm set of snapshots, which is never swapped in.
const WARM: &str = "warm";
/// The steps that copy that set, without their numbers.
const WARM_COPY: &str = "warm-copy";
/// The number of data volumes that CreateSnapshots can leave out, at most.
const MOST_EXCLUDED: usize = 40;

/// Returns `true` for steps whose snapshots were taken while the instance could still write: they are not fit
/// to be swapped in.
pub fn is_warm(step: &str) -> bool {
    step.strip_prefix(WARM_COPY).map_or(step == WARM, |n| n.starts_with('-'))
}

/// Proposes the change for an instance.
///
/// # Errors
/// A refusal.
pub fn propose(
    context: &Context<'_>,
    target: &ResourceId,
    parameters: &Parameters,
) -> Result<Proposal, Refusal> {
    let instance = need(
        instance_of(context.inventory, context.region, target.id()),
        &format!("instance {}", target.id()),
    )?;
    let mut volumes: Vec<(&str, &Volume, bool)> = Vec::new();
    for device in &instance.devices {
        volumes.push((
            &device.device_name,
            needed_volume(context, &device.volume_id)?,
            device.delete_on_termination,
        ));
    }
    volumes.sort_by_key(|(device, ..)| (*device != instance.root_device_name, device.to_string()));
    let chosen = volumes.iter().filter(|(_, v, _)| to_encrypt(v)).enumerate();
    let disks: Vec<Disk<'_>> = chosen
        .map(|(at, &(device, volume, dot))| Disk {
            n: at + 1,
            volume,
            place: Some((&instance.id, device)),
            delete_on_termination: dot,
        })
        .collect();
    if disks.is_empty() {
        return Err(Refusal::Nothing(format!(
            "all disks of {} are encrypted, or are to be ignored",
            instance.id
        )));
    }
    let mut guard_notes = guards::instance(context, instance)?;
    for disk in &disks {
        guards::volume(context, &disk.volume.id)?;
    }
    let addresses = guards::addresses(context, instance, parameters)?;
    guard_notes.push(address_note(&addresses));
    let left = targets::left_without(context, instance, parameters)?;
    guard_notes.extend(targets::note(instance, parameters));
    let reservation = capacity::held(context, instance, parameters)?;
    guard_notes.extend(capacity::note(instance, reservation));
    let (key, own_key) = key::chosen(context, parameters)?;
    let job = Job { owner: &context.inventory.owner, region: context.region, key, own_key, parameters };
    let restartable = restartable(context, instance, &volumes, &job)?;
    guard_notes.extend(restartable.notes);
    let swap = Swap { job, instance, disks, volumes, reservation, others: restartable.others };
    Ok(Proposal {
        summary: format!(
            "replace {} of the {} disks of {} by encrypted copies",
            swap.disks.len(),
            swap.volumes.len(),
            instance.id
        ),
        steps: swap.steps()?,
        risk: Risk::Disruptive,
        impact: [swap.impact(&addresses), targets::impact(instance, &left)].concat(),
        before: json!({ "state": instance.state, "disks": swap.disks_json(false) }),
        after: json!({ "state": instance.state, "disks": swap.disks_json(true) }),
        proof: swap.proofs(target),
        not_restored: addresses
            .lost
            .iter()
            .map(|ip| format!("the public address {ip}, which is no Elastic IP"))
            .collect(),
        guards: guard_notes,
        touches: swap.touches(),
        prerequisites: Vec::new(),
    })
}

fn address_note(addresses: &guards::Addresses) -> GuardNote {
    match addresses.lost.as_slice() {
        [] => GuardNote::passed("address", "no public address is lost by the stop"),
        lost => GuardNote::loosened(
            "address",
            format!("{} changes; allow_address_change was given", lost.join(", ")),
        ),
    }
}

/// The swap of an instance's disks.
pub struct Swap<'a> {
    pub(super) job: Job<'a>,
    pub(super) instance: &'a Instance,
    /// The disks that are replaced, the root first.
    disks: Vec<Disk<'a>>,
    /// All disks: device, volume, DeleteOnTermination.
    pub(super) volumes: Vec<(&'a str, &'a Volume, bool)>,
    /// The capacity reservation for the start, where one is required.
    reservation: Option<&'a CapacityReservation>,
    /// Customer managed keys of disks that stay.
    others: Vec<String>,
}

impl Swap<'_> {
    fn runs(&self) -> bool {
        self.instance.state == "running"
    }
    fn warm(&self) -> bool {
        self.runs() && self.job.parameters.pre_snapshot
    }
    fn copies(&self) -> bool {
        self.job.parameters.via == Via::Copy
    }

    fn steps(&self) -> Result<Vec<Step>, Refusal> {
        let (job, disks) = (&self.job, &self.disks);
        let of = |step: &'static str| {
            move |d: &Disk<'_>| reference::output(step, &format!("Snapshots/{}", d.volume.id))
        };
        let mut steps = Vec::new();
        steps.push(self.mark());
        if self.warm() {
            steps.push(self.snapshots(
                WARM,
                "while it runs, so that the final snapshots hold only what changed since",
            )?);
            if self.copies() {
                steps.extend(job.copies(disks, WARM_COPY, &of(WARM))?);
            }
        }
        if self.runs() {
            steps.extend(self.trials()?);
        }
        for disk in disks {
            steps.push(job.tag_old(disk)?);
            steps.extend(self.keep_old(disk));
        }
        if self.runs() {
            steps.push(self.announce());
            steps.push(self.stop());
        }
        steps.push(self.snapshots("snapshot", "in its final state")?);
        if self.copies() {
            steps.extend(job.copies(disks, "copy", &of("snapshot"))?);
        }
        let kept_once = self
            .runs()
            .then(|| KeptOnce { step: "start".to_owned(), reason: "it may hold newer data".to_owned() });
        let source = |d: &Disk<'_>| {
            if self.copies() {
                reference::output(&format!("copy-{}", d.n), "SnapshotId")
            } else {
                of("snapshot")(d)
            }
        };
        steps.extend(job.volumes(disks, &source, kept_once.as_ref(), &self.still_down())?);
        for disk in disks {
            steps.extend(self.swap(disk));
        }
        if self.runs() {
            steps.push(self.start());
        }
        steps.extend(disks.iter().map(|disk| job.replaced(disk)));
        steps.push(self.unmark());
        Ok(steps)
    }

    /// Shows that the volumes can be created, and every key used, while the instance is still running.
    fn trials(&self) -> Result<Vec<Step>, Refusal> {
        let copy = |d: &Disk<'_>| reference::output(&format!("{WARM_COPY}-{}", d.n), "SnapshotId");
        let set = |d: &Disk<'_>| reference::output(WARM, &format!("Snapshots/{}", d.volume.id));
        let of: Option<&dyn Fn(&Disk<'_>) -> Value> = match (self.warm(), self.copies()) {
            (true, true) => Some(&copy),
            (true, false) => Some(&set),
            (false, _) => None,
        };
        trials(&self.job, &self.disks, of, &self.others)
    }

    /// Takes one consistent set of snapshots of the disks that are replaced
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSnapshots.html>).
    fn snapshots(&self, name: &'static str, when: &str) -> Result<Step, Refusal> {
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
            tag_specifications: tag_specifications("snapshot", &Tags::new(), &tags)?,
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
        let way_back = self.job.snapshots_back(ids, "the set of unencrypted snapshots");
        Ok(make::step(
            name,
            format!("snapshot the unencrypted disks of {}, {when}", self.instance.id),
            act,
            way_back,
        ))
    }

    /// Builds a call that changes the state of the instance. `states` are the state during the transition and
    /// the one at its end.
    fn instance_state(
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
    fn stopping(&self) -> Act {
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
    fn starting(&self) -> Act {
        let start = StartInstances { instance_ids: vec![self.instance.id.clone()] };
        // `stopped` may still be shown for a moment after the call, so it counts as failed only later.
        let mut act = self.instance_state(
            &start,
            ["pending", "running"],
            &["terminated", "shutting-down", "stopping"],
            START_WITHIN,
            "until the instance runs",
        );
        for expect in act.wait.iter_mut().flat_map(|w| &mut w.until) {
            if let Test::OneOf { late, .. } = &mut expect.test {
                late.push(json!("stopped"));
            }
        }
        act
    }

    fn stop(&self) -> Step {
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
    fn start(&self) -> Step {
        let (region, id) = (self.job.region, self.instance.id.as_str());
        let mut act = self.starting();
        if let Some(wait) = &mut act.wait {
            let ok = |at: &str| make::is(region, FamilyKind::InstanceStatuses, id, at, "ok");
            let volumes = vec![json!("ok"), json!("not-applicable"), Value::Null];
            let reached =
                make::one_of(region, FamilyKind::InstanceStatuses, id, "/attached_ebs_status", volumes);
            wait.until.extend([ok("/system_status"), ok("/instance_status"), reached]);
            wait.at_most = START_WITHIN + u64::from(self.job.parameters.health_timeout);
            wait.why = format!("until {id} runs on the encrypted disks and passes its status checks");
        }
        let undo = Undo::Calls(vec![self.only_if_it_runs(self.stopping())]);
        let way_back = WayBack::Calls { rollback: vec![self.stopping()], undo, kept_once: None, redo: true };
        make::step("start", format!("start {id}"), self.only_while_down(act).or_leave(), way_back)
    }

    /// Tags the instance before anything else, so that it can be found if the run is lost, and no other run
    /// begins on it.
    fn mark(&self) -> Step {
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
    fn unmark(&self) -> Step {
        make::step(
            "unmark",
            format!("take the tag off {}", self.instance.id),
            self.marking(false),
            WayBack::ByStep("mark".to_owned()),
        )
    }
    fn marking(&self, on: bool) -> Act {
        let (region, id) = (self.job.region, self.instance.id.as_str());
        if on { mark::on(region, id, &self.instance.state) } else { mark::off(region, id, reference::run()) }
    }
    /// Announces the stop to runs of other state directories, which cannot see this one's turns. A rollback
    /// withdraws the announcement before the mark is removed.
    fn announce(&self) -> Step {
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
    fn keep_old(&self, disk: &Disk<'_>) -> Option<Step> {
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
    fn swap(&self, disk: &Disk<'_>) -> Vec<Step> {
        let device = disk.place.map_or("", |(_, device)| device);
        let old = || json!(disk.volume.id);
        let (n, words) = (disk.n, disk.words());
        let mut steps = Vec::new();
        let (detach, attach) = (self.detach(device, old()), self.attach(device, old()));
        steps.push(make::step(
            format!("detach-{n}"),
            format!("detach {words}"),
            detach,
            make::back_and_forth(attach),
        ));
        let (attach, detach) = (self.attach(device, disk.new_id()), self.detach(device, disk.new_id()));
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

    fn detach(&self, device: &str, volume: Value) -> Act {
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

    fn attach(&self, device: &str, volume: Value) -> Act {
        let attach = AttachVolume::<Planned> {
            volume_id: volume.clone().into(),
            instance_id: self.instance.id.clone(),
            device: device.to_owned(),
        };
        let looks =
            |at: &str, value: &str| make::is(self.job.region, FamilyKind::Volumes, volume.clone(), at, value);
        let place =
            [looks("/attachments/0/instance_id", &self.instance.id), looks("/attachments/0/device", device)];
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
    fn deletes(&self, device: &str, volume: Value, on: bool) -> Act {
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

    fn proofs(&self, target: &ResourceId) -> Vec<Proof> {
        let chosen = |id: &str| self.disks.iter().any(|d| d.volume.id == id);
        let devices: Vec<Value> = self
            .volumes
            .iter()
            .map(|(device, volume, dot)| {
                let key = chosen(&volume.id).then_some(&self.job.key);
                json!({ "device": device, "delete_on_termination": dot,
                    "encrypted": volume.encrypted || key.is_some(), "key": key })
            })
            .collect();
        let with = json!({ "state": self.instance.state, "devices": devices });
        let mut proofs =
            vec![Proof { check: "instance-disks-as-planned".into(), resource: target.clone(), with }];
        proofs.extend(self.disks.iter().flat_map(|d| self.job.proofs(d)));
        proofs
    }

    /// Describes what may keep the instance down: AWS holds no room for a stopped instance
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html>).
    fn room(&self) -> String {
        let Instance { id, instance_type, availability_zone: zone, placement_group, .. } = self.instance;
        if let Some(CapacityReservation { id: held, .. }) = self.reservation {
            return format!(
                "the capacity reservation {held} holds room for {id} while it is stopped, unless another \
                 instance that matches takes its place there: then it \
                 stays down with its encrypted disks until there is room"
            );
        }
        let group = placement_group
            .as_ref()
            .map_or_else(String::new, |g| format!(", less likely still in the placement group {g}"));
        format!(
            "AWS holds no room for {id} while it is stopped: if there is none for a {instance_type} in \
             {zone} at the start{group}, it stays down with its encrypted disks until there is; \
             an on-demand capacity reservation, made beforehand, holds room"
        )
    }

    /// Returns the resources that an undo restores: the new volumes and the snapshots stay and are named by
    /// their steps.
    fn touches(&self) -> Vec<Want> {
        let old = self.disks.iter().map(|d| Want::id(self.job.region, FamilyKind::Volumes, &d.volume.id));
        [Want::id(self.job.region, FamilyKind::Instances, &self.instance.id)].into_iter().chain(old).collect()
    }

    fn disks_json(&self, after: bool) -> Value {
        let one = |(device, volume, dot): &(&str, &Volume, bool)| {
            let key = self
                .disks
                .iter()
                .any(|d| d.volume.id == volume.id)
                .then_some(&self.job.key)
                .filter(|_| after);
            json!({
                "device": device, "size_gib": volume.size, "delete_on_termination": dot,
                "encrypted": volume.encrypted || key.is_some(), "key": key.or(volume.kms_key_id.as_ref()),
            })
        };
        self.volumes.iter().map(one).collect()
    }

    fn impact(&self, addresses: &guards::Addresses) -> Vec<String> {
        let gib: i32 = self.disks.iter().map(|d| d.volume.size).sum();
        let id = &self.instance.id;
        let mut impact = vec![match self.runs() {
            true => {
                let minutes = downtime(gib, self.disks.len(), self.copies(), self.warm());
                let how = if self.warm() {
                    "most is copied before the stop"
                } else {
                    "all is copied while it is stopped"
                };
                format!(
                    "{id} is stopped and started again: expected downtime about {minutes} minutes ({gib} \
                     GiB; {how})"
                )
            }
            false => format!("no downtime: {id} is stopped, and stays so; it must not be started meanwhile"),
        }];
        if self.runs() {
            impact.push(self.room());
        }
        impact.push(format!(
            "disks that are replaced: {}",
            self.disks.iter().map(Disk::words).collect::<Vec<_>>().join(", ")
        ));
        let ignored: Vec<&str> = self
            .volumes
            .iter()
            .filter(|(_, v, _)| !v.encrypted && !to_encrypt(v))
            .map(|(device, ..)| *device)
            .collect();
        if !ignored.is_empty() {
            impact.push(format!("left as they are, by their tag {}: {}", tag::IGNORE, ignored.join(", ")));
        }
        impact.extend(addresses.kept.iter().map(|ip| format!("the Elastic IP {ip} stays")));
        impact.extend(
            addresses
                .lost
                .iter()
                .map(|ip| format!("the public address {ip} is lost; the instance comes back with another")),
        );
        impact.push(
            "device names, private addresses and settings stay; mounts by volume id (/dev/disk/by-id) \
                   break, mounts by UUID or label do not"
                .to_owned(),
        );
        impact.push(format!(
            "the storage is paid twice until the old volumes and the snapshots are pruned, {} days after the \
             run at the earliest",
            self.job.parameters.keep_days
        ));
        impact
    }
}

/// Estimates the downtime in minutes: six for stop, start and status checks, one for each disk's swap, and
/// for each pass over the data (snapshot; copy) a minute for every 4 GiB, of which a warm set leaves a tenth.
fn downtime(gib: i32, disks: usize, copies: bool, warm: bool) -> u64 {
    let gib = u64::try_from(gib).unwrap_or(0);
    let passes = if copies { 2 } else { 1 };
    let minutes = (gib * passes).div_ceil(if warm { 40 } else { 4 });
    6 + disks as u64 + minutes
}
