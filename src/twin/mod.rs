//! An account in memory: an inventory that is the truth, a clock of its own, effects under way, and a dial of
//! faults. It is pure and synchronous, and must never report something as absent about which it has no facts.

pub mod account;
mod balancing;
mod capacity;
mod content;
pub mod demo;
mod effect;
mod errors;
mod faults;
mod keys;
mod learn;
mod policy;
mod read;
mod scheduled;
mod services;
mod simulate;
#[cfg(test)]
mod tests;
mod trial;
mod views;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

pub use account::{TwinAccount, TwinError};
pub use content::{Content, Stale};
pub use faults::{DeniedCall, DeniedRead, Fault, FaultKind, Faults, When};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use self::{
    content::Contents,
    effect::{Due, Effect},
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
    /// The seed of the ids, which are made of it and their number.
    seed: u64,
    /// The number of ids that were created.
    ids: u64,
    /// The number of mutating calls that were made.
    calls: u64,
    /// The effects that are under way.
    #[serde(default)]
    due: Vec<Due>,
    /// Calls with a ClientToken, by region, operation and token.
    #[serde(default)]
    replays: BTreeMap<String, Replay>,
    /// The new resources that do not show in reads yet.
    #[serde(default)]
    hidden: Vec<Hidden>,
    /// Interfaces of stopped instances that will have an automatic public address again.
    #[serde(default)]
    addresses_to_come: BTreeSet<String>,
    /// Buckets that were created here and hold nothing.
    #[serde(default)]
    empty_buckets: BTreeSet<String>,
    /// Snapshots that are copies.
    #[serde(default)]
    copies: BTreeSet<String>,
    /// The content of the Recycle Bin.
    #[serde(default, skip_serializing_if = "Bin::is_empty")]
    bin: Bin,
    /// The age of the content of the disks.
    #[serde(default)]
    contents: Contents,
    /// Mappings of instances that are not shown as they are.
    #[serde(default)]
    lagging: Vec<Lagging>,
    /// Roles that still seem to have a policy which was deleted, each with the time until which it seems so.
    #[serde(default)]
    lagging_roles: BTreeMap<String, Timestamp>,
    /// Roles whose new policy does not count everywhere yet, each with the time until which it does not.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    young_roles: BTreeMap<String, Timestamp>,
    /// The number of the last version of each policy that was made here, by its ARN.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    policy_numbers: BTreeMap<String, u64>,
    /// Quotas that are higher than AWS's own, by the code of the error.
    #[serde(default)]
    quotas: BTreeMap<String, usize>,
    /// The faults, and the calls that they hit.
    #[serde(default)]
    pub faults: Faults,
    /// The fault that will hit the product of the current call later.
    #[serde(skip)]
    fate: Option<FaultKind>,
    /// The access keys that were created here and whose secrets the process still has: it is not saved.
    #[serde(skip)]
    secrets_held: BTreeSet<String>,
}

/// A call with a token, to be answered again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Replay {
    input: Value,
    outputs: Outputs,
}

/// The deleted resources that can be restored, by id.
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

/// A resource that reads do not show yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Hidden {
    family: FamilyKind,
    id: String,
    until: Timestamp,
}

impl Twin {
    /// Creates an account with the facts of the inventory, at the time when it was read. The same seed and
    /// the same calls give the same ids.
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
            young_roles: BTreeMap::new(),
            policy_numbers: BTreeMap::new(),
            quotas: BTreeMap::new(),
            faults: Faults::default(),
            fate: None,
            secrets_held: BTreeSet::new(),
        };
        twin.settle_devices();
        twin
    }

    /// Creates a copy of a user's account to rehearse on.
    pub fn from_inventory(inventory: Inventory) -> Self {
        Self::new(inventory, 0)
    }

    /// Returns the whole account as it is now.
    pub fn inventory(&self) -> Inventory {
        Inventory { read_at: self.now, ..self.truth.clone() }
    }

    /// Returns the account as it is now, without a copy; its `read_at` is the time when the twin was created.
    pub fn truth(&self) -> &Inventory {
        &self.truth
    }

    /// Returns the account, to be changed by hand, as somebody else would change it.
    pub fn truth_mut(&mut self) -> &mut Inventory {
        &mut self.truth
    }

    /// Returns the time of the virtual clock.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns the number of mutating calls that were made.
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// Answers a scope as AWS would: only what is asked, `Unknown` where it is denied, and `NotRead` for
    /// facts that the twin does not have.
    pub fn read(&self, scope: &Scope) -> Inventory {
        read::read(self, scope)
    }

    /// Makes one mutating call. On an error nothing has happened, unless the fault is one where only the
    /// reply was lost.
    pub fn perform(&mut self, call: &Call) -> Outcome {
        self.calls += 1;
        if let Some(error) = self.faults.lacking(call).or_else(|| self.faults.refused(self.now, call)) {
            return Err(error);
        }
        let fault = self.faults.strike(self.calls, call);
        if let Some(error) = fault.and_then(|f| f.before(call)) {
            return Err(error);
        }
        self.fate = fault;
        let outcome =
            services::perform(self, call).map_err(|error| errors::meant_for(&call.operation, error));
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

    /// Forgets the secrets of the access keys that were created, as a process does that ends.
    pub fn lose_secrets(&mut self) {
        self.secrets_held.clear();
    }

    /// Lets virtual time pass; effects that fall due on the way happen in their order.
    pub fn pass(&mut self, time: Duration) {
        let until = self.now.checked_add(time).unwrap_or(Timestamp::MAX);
        while let Some(next) =
            (0..self.due.len()).filter(|&n| self.due[n].at <= until).min_by_key(|&n| (self.due[n].at, n))
        {
            let due = self.due.remove(next);
            self.now = self.now.max(due.at);
            scheduled::happen(self, &due);
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

    /// Returns the facts of a region; an error for a region that was never read.
    fn region(&self, region: &str) -> Result<&Region, CallError> {
        self.truth.regions.get(region).ok_or_else(|| unknown(&format!("region {region}"), "not read"))
    }

    fn region_mut(&mut self, region: &str) -> &mut Region {
        self.truth.region_mut(region)
    }

    /// Creates a new id, e.g. of the prefix `snap`.
    fn fresh(&mut self, prefix: &str) -> String {
        self.ids += 1;
        let digest = Sha256::digest(format!("{}|{}", self.seed, self.ids));
        let hex: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("{prefix}-0{hex}")
    }

    /// Schedules an effect after so many seconds.
    fn later(&mut self, seconds: u64, region: &str, effect: Effect) {
        let at = self.now.checked_add(Duration::from_secs(seconds)).unwrap_or(Timestamp::MAX);
        self.due.push(Due { at, region: region.to_owned(), effect });
    }

    /// Hides a new resource from reads for as long as lists lag behind.
    fn made(&mut self, family: FamilyKind, id: &str) {
        if self.faults.list_lag > 0 {
            let until =
                self.now.checked_add(Duration::from_secs(self.faults.list_lag)).unwrap_or(Timestamp::MAX);
            self.hidden.push(Hidden { family, id: id.to_owned(), until });
        }
    }

    fn is_hidden(&self, family: FamilyKind, id: &str) -> bool {
        self.hidden.iter().any(|h| h.until > self.now && h.family == family && h.id == id)
    }

    /// Sorts devices by their names, so that a disk that is swapped back leaves no trace. A mapping's
    /// `DeleteOnTermination` is an attribute of the instance, which the volume only repeats
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/preserving-volumes-on-termination.html>); where
    /// an emulator does not repeat it, the mapping takes precedence.
    fn settle_devices(&mut self) {
        for region in self.truth.regions.values_mut() {
            let ids: Vec<String> = region.instances.known().map(|(id, _)| id.to_owned()).collect();
            ids.iter().for_each(|id| settle_devices_of(region, id));
        }
    }
}

/// Settles the devices of one instance. Devices that are in order already are not written to: copies of the
/// account share them.
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
        let differs = |a: &Attachment| {
            a.instance_id == instance.id && a.delete_on_termination != device.delete_on_termination
        };
        if volumes.get(&device.volume_id).known().is_some_and(|v| v.attachments.iter().any(differs))
            && let Some(volume) = volumes.get_mut(&device.volume_id)
        {
            volume
                .attachments
                .iter_mut()
                .filter(|a| differs(a))
                .for_each(|a| a.delete_on_termination = device.delete_on_termination);
        }
    }
}

/// Removes a member: without a trace where the family is known whole, else recorded as absent.
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
