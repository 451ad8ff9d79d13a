//! An account in memory: an inventory that is the truth, a clock of its own, things under way, and a dial of faults. It
//! is pure and synchronous, and must never say of something that it was not told that it is absent.

pub mod account;
mod balancing;
mod capacity;
mod content;
pub mod demo;
mod due;
mod errors;
mod faults;
mod keys;
mod learn;
mod policy;
mod read;
mod services;
#[cfg(test)]
mod tests;
mod trial;
mod views;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use account::{TwinAccount, TwinError};
pub use content::{Content, Stale};
pub use faults::{DeniedCall, DeniedRead, Fault, FaultKind, Faults, When};

use self::{
    content::Contents,
    due::{Due, Effect},
    errors::unknown,
    views::Lagging,
};
use crate::{
    calls::{Call, CallError, Outcome, Outputs},
    inventory::{Attachment, Fact, Family, FamilyKind, Inventory, Record, Region, Scope, Snapshot, Volume},
    plan::Stage,
};

/// The version of the form in which a twin is saved.
pub const FORMAT: &str = "redress.twin/1";

/// An account in memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Twin {
    /// [`FORMAT`].
    format: String,
    /// The account as it is.
    truth: Inventory,
    /// The virtual clock.
    now: Timestamp,
    /// From where ids come, together with how many were made.
    seed: u64,
    /// How many ids were made.
    ids: u64,
    /// How many mutating calls were made.
    calls: u64,
    /// What is under way.
    #[serde(default)]
    due: Vec<Due>,
    /// Calls with a ClientToken, by region, operation and token.
    #[serde(default)]
    replays: BTreeMap<String, Replay>,
    /// What was made and does not show yet.
    #[serde(default)]
    hidden: Vec<Hidden>,
    /// Interfaces of stopped instances that will have an automatic public address again.
    #[serde(default)]
    addresses_to_come: BTreeSet<String>,
    /// Buckets that were made here and hold nothing.
    #[serde(default)]
    empty_buckets: BTreeSet<String>,
    /// Snapshots that are copies.
    #[serde(default)]
    copies: BTreeSet<String>,
    /// What is in the Recycle Bin.
    #[serde(default, skip_serializing_if = "Bin::is_empty")]
    bin: Bin,
    /// How new what its disks hold is.
    #[serde(default)]
    contents: Contents,
    /// Mappings of instances that are not shown as they are.
    #[serde(default)]
    lagging: Vec<Lagging>,
    /// Roles that still seem to have a policy which was deleted, and until when.
    #[serde(default)]
    lagging_roles: BTreeMap<String, Timestamp>,
    /// Quotas that are higher than AWS's own, by the code of the error.
    #[serde(default)]
    quotas: BTreeMap<String, usize>,
    /// What goes wrong, and when.
    #[serde(default)]
    pub faults: Faults,
    /// What will go wrong later with what the call makes that is under way now.
    #[serde(skip)]
    fate: Option<FaultKind>,
}

/// A call with a token, to be answered again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Replay {
    input: Value,
    outputs: Outputs,
}

/// What was deleted and can be restored, by id.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Bin {
    snapshots: BTreeMap<String, Snapshot>,
    volumes: BTreeMap<String, Volume>,
}

impl Bin {
    fn is_empty(&self) -> bool {
        self.snapshots.is_empty() && self.volumes.is_empty()
    }
}

/// Something that reads do not show yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Hidden {
    family: FamilyKind,
    id: String,
    until: Timestamp,
}

impl Twin {
    /// An account that is as the inventory says, at the time when that was read. The same seed and the same calls give
    /// the same ids.
    pub fn new(inventory: Inventory, seed: u64) -> Self {
        let now = inventory.read_at;
        let mut twin = Self {
            format: FORMAT.to_owned(),
            truth: inventory,
            now,
            seed,
            ids: 0,
            calls: 0,
            due: Vec::new(),
            replays: BTreeMap::new(),
            hidden: Vec::new(),
            addresses_to_come: BTreeSet::new(),
            empty_buckets: BTreeSet::new(),
            copies: BTreeSet::new(),
            bin: Bin::default(),
            contents: Contents::default(),
            lagging: Vec::new(),
            lagging_roles: BTreeMap::new(),
            quotas: BTreeMap::new(),
            faults: Faults::default(),
            fate: None,
        };
        twin.settle_devices();
        twin
    }

    /// A copy of a user's account to rehearse on.
    pub fn from_inventory(inventory: Inventory) -> Self {
        Self::new(inventory, 0)
    }

    /// The account as it is now, whole.
    pub fn inventory(&self) -> Inventory {
        Inventory { read_at: self.now, ..self.truth.clone() }
    }

    /// The account as it is now, without a copy; its `read_at` is when the twin was made.
    pub fn truth(&self) -> &Inventory {
        &self.truth
    }

    /// The account, to be changed by hand: what somebody else does to it.
    pub fn truth_mut(&mut self) -> &mut Inventory {
        &mut self.truth
    }

    /// What time it is there.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// How many mutating calls were made.
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// Answers a scope as AWS would: only what is asked, `Unknown` where it is denied, and what the twin does not know
    /// stays unsaid.
    pub fn read(&self, scope: &Scope) -> Inventory {
        read::read(self, scope)
    }

    /// Makes one mutating call. On an error nothing has happened, but where the fault dial says that only the reply
    /// was lost.
    pub fn perform(&mut self, call: &Call) -> Outcome {
        self.calls += 1;
        if let Some(error) = self.faults.refused(self.now, call) {
            return Err(error);
        }
        let fault = self.faults.strike(self.calls, call);
        if let Some(error) = fault.and_then(|f| f.before(call)) {
            return Err(error);
        }
        self.fate = fault;
        let outcome = services::perform(self, call).map_err(|error| errors::meant_for(&call.operation, error));
        self.fate = None;
        match (outcome, fault.and_then(|f| f.after(call))) {
            (Ok(_), Some(lost)) => Err(lost),
            (outcome, _) => outcome,
        }
    }

    /// Makes a call in somebody else's name: no fault strikes it, and it is not counted.
    ///
    /// # Errors
    /// As AWS refuses it.
    pub fn by_hand(&mut self, call: &Call) -> Outcome {
        services::perform(self, call)
    }

    /// Lets virtual time pass; what falls due on the way happens in its order.
    pub fn pass(&mut self, time: Duration) {
        let until = self.now.checked_add(time).unwrap_or(Timestamp::MAX);
        while let Some(next) = (0..self.due.len()).filter(|&n| self.due[n].at <= until).min_by_key(|&n| (self.due[n].at, n)) {
            let due = self.due.remove(next);
            self.now = self.now.max(due.at);
            due::happen(self, &due);
        }
        self.now = until;
        self.hidden.retain(|h| h.until > until);
        self.lagging.retain(|l| l.is_under_way(until));
    }

    /// Moves the clock forward to a time, if it is behind.
    pub fn catch_up(&mut self, time: Timestamp) {
        if let Ok(behind) = Duration::try_from(time.duration_since(self.now)) {
            self.pass(behind);
        }
    }

    /// What is known of a region; nothing can be said of a region that was never read.
    fn region(&self, region: &str) -> Result<&Region, CallError> {
        self.truth.regions.get(region).ok_or_else(|| unknown(&format!("region {region}"), "not read"))
    }

    fn region_mut(&mut self, region: &str) -> &mut Region {
        self.truth.region_mut(region)
    }

    /// A new id, e.g. of the prefix `snap`.
    fn fresh(&mut self, prefix: &str) -> String {
        self.ids += 1;
        let digest = Sha256::digest(format!("{}|{}", self.seed, self.ids));
        let hex: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("{prefix}-0{hex}")
    }

    /// Something happens after so many seconds.
    fn later(&mut self, seconds: u64, region: &str, effect: Effect) {
        let at = self.now.checked_add(Duration::from_secs(seconds)).unwrap_or(Timestamp::MAX);
        self.due.push(Due { at, region: region.to_owned(), effect });
    }

    /// Something was made: lists may lag behind.
    fn made(&mut self, family: FamilyKind, id: &str) {
        if self.faults.list_lag > 0 {
            let until = self.now.checked_add(Duration::from_secs(self.faults.list_lag)).unwrap_or(Timestamp::MAX);
            self.hidden.push(Hidden { family, id: id.to_owned(), until });
        }
    }

    fn is_hidden(&self, family: FamilyKind, id: &str) -> bool {
        self.hidden.iter().any(|h| h.until > self.now && h.family == family && h.id == id)
    }

    /// Devices stand in the order of their names, so that a disk that is swapped back leaves no trace. Whether a disk goes
    /// with its instance is an attribute of the instance's block device mapping, which the volume only repeats
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/preserving-volumes-on-termination.html>); where an emulator
    /// does not repeat it, the mapping is believed.
    fn settle_devices(&mut self) {
        for region in self.truth.regions.values_mut() {
            let ids: Vec<String> = region.instances.known().map(|(id, _)| id.to_owned()).collect();
            ids.iter().for_each(|id| settle_devices_of(region, id));
        }
    }
}

/// The same for one instance. What is in order already is not written to: copies of the account share it.
fn settle_devices_of(region: &mut Region, id: &str) {
    let Region { instances, volumes, .. } = region;
    let Some(instance) = instances.get(id).known().copied() else { return };
    if !instance.devices.is_sorted_by(|a, b| a.device_name <= b.device_name)
        && let Some(instance) = instances.get_mut(id)
    {
        instance.devices.sort_by(|a, b| a.device_name.cmp(&b.device_name));
    }
    let Some(instance) = instances.get(id).known().copied() else { return };
    for device in &instance.devices {
        let differs = |a: &Attachment| a.instance_id == instance.id && a.delete_on_termination != device.delete_on_termination;
        if volumes.get(&device.volume_id).known().is_some_and(|v| v.attachments.iter().any(differs))
            && let Some(volume) = volumes.get_mut(&device.volume_id)
        {
            volume.attachments.iter_mut().filter(|a| differs(a)).for_each(|a| a.delete_on_termination = device.delete_on_termination);
        }
    }
}

/// Takes a member away: forgotten where the family is known whole, else remembered as absent.
fn take_away<T: Record>(family: &mut Family<T>, id: &str) {
    if matches!(family.reads.get("*"), Some(Fact::Known(()))) {
        family.items.remove(id);
    } else {
        family.items.insert(id.to_owned(), Fact::Absent);
    }
}

impl Stage for Twin {
    fn inventory(&self) -> Inventory {
        Twin::inventory(self)
    }
    fn facts(&self) -> &Inventory {
        self.truth()
    }
    fn perform(&mut self, call: &Call) -> Outcome {
        Twin::perform(self, call)
    }
    fn pass(&mut self, time: Duration) {
        Twin::pass(self, time);
    }
    fn allow(&mut self, code: &str, quota: usize) {
        let most = self.quotas.entry(code.to_owned()).or_insert(quota);
        *most = quota.max(*most);
    }
    fn under_way(&self, ids: &[String]) -> bool {
        self.due.iter().any(|due| ids.is_empty() || ids.iter().any(|id| id == due.effect.on()))
    }
    fn learn(&mut self, facts: Inventory) {
        let told = learn::instances_of(&facts);
        learn::learn(&mut self.truth, facts);
        for (name, id) in told {
            settle_devices_of(self.truth.region_mut(&name), &id);
        }
    }
    fn missing(&self, scope: &Scope) -> Vec<String> {
        read::missing(self, scope)
    }
    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}
