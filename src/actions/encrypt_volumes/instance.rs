//! The change for an instance: all its unencrypted disks in one stop. Its steps in order: a warm set of
//! snapshots while it runs, mark, stop, the final set, encrypted copies, volumes, the swap at each device,
//! start, tags on the old volumes. Copies of volumes take the place of both sets and all that is made of
//! them.

use serde_json::{Value, json};

use super::{
    Parameters, Via,
    applications::{self, Applications},
    capacity,
    disks::disks_of,
    doubles::may_be_copied,
    guards, instance_of, key,
    parts::{Disk, Job},
    passes::{WARM, WARM_COPY},
    restartable::restartable,
    targets,
    trial::trials,
    way,
};
use crate::{
    actions::{Context, GuardNote, Proposal, Refusal, quota, support::need},
    calls::{KeptOnce, Risk, Step, reference},
    inventory::{CapacityReservation, Instance, Volume},
    resource::ResourceId,
};

/// Seconds that an instance is given to stop; Windows and databases take their time.
pub(super) const STOP_WITHIN: u64 = 1800;
/// Seconds that a volume is given to be attached or detached.
pub(super) const SWAP_WITHIN: u64 = 600;
/// The number of data volumes that CreateSnapshots can leave out, at most.
pub(super) const MOST_EXCLUDED: usize = 40;

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
    let (volumes, disks) = disks_of(context, instance)?;
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
    let parameters = &way::chosen(context, &disks, parameters);
    may_be_copied(&disks, parameters)?;
    let addresses = guards::addresses(context, instance, parameters)?;
    guard_notes.push(address_note(&addresses));
    let left = targets::left_without(context, instance, parameters)?;
    guard_notes.extend(targets::note(instance, parameters));
    let reservation = capacity::held(context, instance, parameters)?;
    guard_notes.extend(capacity::note(instance, reservation));
    let replaced = disks.iter().map(|disk| disk.volume);
    guard_notes.extend(quota::storage_note(context.inventory, context.region, replaced));
    let (key, own_key) = key::chosen(context, parameters)?;
    let job = Job { owner: &context.inventory.owner, region: context.region, key, own_key, parameters };
    let restartable = restartable(context, instance, &volumes, &job)?;
    guard_notes.extend(restartable.notes);
    let applications = applications::of(context, instance);
    guard_notes.extend(applications.note());
    let swap = Swap { applications, job, instance, disks, volumes, reservation, others: restartable.others };
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
        proof: swap.proofs(target, &addresses),
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
    /// The checks of its applications before the stop.
    pub(super) applications: Applications,
    pub(super) instance: &'a Instance,
    /// The disks that are replaced, the root first.
    pub(super) disks: Vec<Disk<'a>>,
    /// All disks: device, volume, DeleteOnTermination.
    pub(super) volumes: Vec<(&'a str, &'a Volume, bool)>,
    /// The capacity reservation for the start, where one is required.
    pub(super) reservation: Option<&'a CapacityReservation>,
    /// Customer managed keys of disks that stay.
    pub(super) others: Vec<String>,
}

impl Swap<'_> {
    pub(super) fn runs(&self) -> bool {
        self.instance.state == "running"
    }
    pub(super) fn warm(&self) -> bool {
        self.runs() && self.job.parameters.pre_snapshot && !self.doubles()
    }
    pub(super) fn copies(&self) -> bool {
        self.job.parameters.via == Via::Copy
    }
    /// Returns whether the disks are copied as volumes, without a snapshot.
    pub(super) fn doubles(&self) -> bool {
        self.job.parameters.via == Via::VolumeCopy
    }

    fn steps(&self) -> Result<Vec<Step>, Refusal> {
        let (job, disks) = (&self.job, &self.disks);
        let of_warm = |d: &Disk<'_>| reference::output(WARM, &format!("Snapshots/{}", d.volume.id));
        let mut steps = Vec::new();
        steps.push(self.mark());
        if self.warm() {
            steps.push(self.snapshots(
                WARM,
                "while it runs, so that the final snapshots hold only what changed since",
            )?);
            if self.copies() {
                steps.extend(job.copies(disks, WARM_COPY, &of_warm)?);
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
        steps.extend(self.new_volumes()?);
        for disk in disks {
            steps.extend(self.swap(disk));
        }
        if self.runs() {
            steps.push(self.start());
        }
        steps.extend(disks.iter().map(|disk| job.replaced(disk)));
        steps.extend(self.warm_gone());
        steps.push(self.unmark());
        Ok(steps)
    }

    /// Makes the encrypted volumes of what the disks hold now that nothing can write to them.
    fn new_volumes(&self) -> Result<Vec<Step>, Refusal> {
        let (job, disks) = (&self.job, &self.disks);
        let kept_once = self
            .runs()
            .then(|| KeptOnce { step: "start".to_owned(), reason: "it may hold newer data".to_owned() });
        if self.doubles() {
            return job.doubles(disks, kept_once.as_ref(), &|act| self.last_written(act));
        }
        let final_one = |d: &Disk<'_>| reference::output("snapshot", &format!("Snapshots/{}", d.volume.id));
        let mut steps = vec![self.snapshots("snapshot", "in its final state")?];
        if self.copies() {
            steps.extend(job.copies(disks, "copy", &final_one)?);
        }
        let source = |d: &Disk<'_>| match self.copies() {
            true => reference::output(&format!("copy-{}", d.n), "SnapshotId"),
            false => final_one(d),
        };
        steps.extend(job.volumes(disks, &source, kept_once.as_ref(), &self.still_down())?);
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
}

/// Estimates the least and the most downtime in minutes of disks that are copied as volumes: six for stop,
/// start and status checks, one for each disk's swap, and one or two for all copies, which can be used at
/// once.
pub(super) fn downtime_of_doubles(disks: usize) -> [u64; 2] {
    [1, 2].map(|copies| 6 + disks as u64 + copies)
}

/// Estimates the least and the most downtime in minutes: six for stop, start and status checks, one for each
/// disk's swap, and for each pass over the data one at least. At most it is a minute for every 4 GiB: of a
/// snapshot after a warm set a tenth of that, of a copy all, since changing the encryption "could result in a
/// full (not incremental) copy" (<https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html>).
pub(super) fn downtime(gib: i32, disks: usize, copies: bool, warm: bool) -> [u64; 2] {
    let gib = u64::try_from(gib).unwrap_or(0);
    let (fixed, whole) = (6 + disks as u64, gib.div_ceil(4).max(1));
    let snapshots = if warm { gib.div_ceil(40).max(1) } else { whole };
    let [least, most] = if copies { [2, snapshots + whole] } else { [1, snapshots] };
    [fixed + least, fixed + most]
}
