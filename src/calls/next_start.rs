//! The next start of an instance that is taken down, and whether its disks allow it: the key of every disk
//! that will be attached then must be usable. A key that was disabled or is to be deleted "has no immediate
//! effect" while the disk is attached, and the next start fails
//! (<https://docs.aws.amazon.com/kms/latest/developerguide/unusable-kms-keys.html>). Evaluating it is pure;
//! reading is the engine's.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Act, Bindings, Power, Standing, expect::worse};
use crate::{
    inventory::{Fact, FamilyKind, Inventory, Key, Reason, Scope, Volume, Want},
    resource::region_in,
};

/// The next start of the instances that a call takes down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextStart {
    region: String,
    /// The instances that go down.
    instances: BTreeSet<String>,
    /// Volumes that are attached between the stop and the start, with their devices.
    coming: BTreeMap<String, String>,
    /// Volumes that are detached between the stop and the start.
    leaving: BTreeSet<String>,
    /// Keys of volumes that are created between the stop and the start.
    made_under: BTreeSet<String>,
}

/// A reason to doubt that a disk's key lets its instance start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// The key does not let it start.
    WouldNot(String),
    /// It is not known whether the key lets it start.
    NotKnown(Reason),
}

impl From<Doubt> for Standing {
    fn from(doubt: Doubt) -> Self {
        match doubt {
            Doubt::WouldNot(why) => Standing::NotYet(why),
            Doubt::NotKnown(why) => Standing::Unknown(why),
        }
    }
}

impl NextStart {
    /// Returns the next start after the first of these acts, where that act takes something down. The acts
    /// between it and the one that brings it up change the disks that are attached then.
    pub fn after<'a>(mut acts: impl Iterator<Item = &'a Act>, bindings: &Bindings<'_>) -> Option<Self> {
        let stop = acts.next().filter(|act| act.power() == Power::TakesDown)?;
        let mut next = Self::of_act(stop, bindings)?;
        acts.take_while(|act| act.power() != Power::BringsUp).for_each(|act| next.pass(act, bindings));
        Some(next)
    }

    /// Returns the start to which these acts lead for instances that are down already. The acts before it
    /// change the disks that are attached then.
    pub fn ahead<'a>(acts: impl Iterator<Item = &'a Act>, bindings: &Bindings<'_>) -> Option<Self> {
        let acts: Vec<&Act> = acts.collect();
        let at = acts.iter().position(|act| act.power() == Power::BringsUp)?;
        let mut next = Self::of_act(acts[at], bindings)?;
        acts[..at].iter().for_each(|act| next.pass(act, bindings));
        Some(next)
    }

    /// Returns the next start of these instances, on the disks that they have.
    pub fn of(region: &str, instances: BTreeSet<String>) -> Self {
        let (coming, leaving, made_under) = Default::default();
        Self { region: region.to_owned(), instances, coming, leaving, made_under }
    }

    fn of_act(act: &Act, bindings: &Bindings<'_>) -> Option<Self> {
        let ids = bindings.resolve(act.call.input.get("InstanceIds")?).ok()?;
        Some(Self::of(
            &act.call.region,
            ids.as_array()?.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        ))
    }

    fn pass(&mut self, act: &Act, bindings: &Bindings<'_>) {
        let text =
            |member: &str| bindings.resolve(act.call.input.get(member)?).ok()?.as_str().map(str::to_owned);
        match (act.call.operation.as_str(), text("VolumeId")) {
            ("AttachVolume", Some(volume)) => {
                self.leaving.remove(&volume);
                self.coming.insert(volume, text("Device").unwrap_or_default());
            }
            ("DetachVolume", Some(volume)) => {
                self.coming.remove(&volume);
                self.leaving.insert(volume);
            }
            // The volume that is attached does not exist yet, but its key does.
            ("CreateVolume" | "CopyVolumes", None) => self.made_under.extend(text("KmsKeyId")),
            _ => {}
        }
    }

    /// Returns the scope to read, as far as it is known: the instances, their disks, and the keys of those.
    pub fn wants(&self, known: Option<&Inventory>) -> Scope {
        let want = |family, id: &str| Want::id(&self.region, family, id);
        let mut scope: Scope = self.instances.iter().map(|id| want(FamilyKind::Instances, id)).collect();
        scope.extend(self.made_under.iter().map(|key| want(FamilyKind::Keys, key)));
        let Some(known) = known else { return scope };
        for (_, _, volume) in self.disks(known) {
            scope.insert(want(FamilyKind::Volumes, &volume));
            let key = self
                .volume(known, &volume)
                .known()
                .filter(|v| v.encrypted)
                .and_then(|v| v.kms_key_id.clone());
            scope.extend(key.map(|key| want(FamilyKind::Keys, &key)));
        }
        scope
    }

    /// Returns instance, device and volume of each disk at the next start.
    fn disks(&self, known: &Inventory) -> Vec<(String, String, String)> {
        let mut all = Vec::new();
        let place = known.regions.get(&self.region);
        for id in &self.instances {
            let Some(instance) = place.and_then(|place| place.instances.get(id).known().copied()) else {
                continue;
            };
            let stays = instance
                .devices
                .iter()
                .filter(|d| !self.leaving.contains(&d.volume_id) && !self.coming.contains_key(&d.volume_id));
            all.extend(stays.map(|d| (id.clone(), d.device_name.clone(), d.volume_id.clone())));
        }
        let host = self.instances.first().cloned().unwrap_or_default();
        all.extend(self.coming.iter().map(|(volume, device)| (host.clone(), device.clone(), volume.clone())));
        all
    }

    fn volume<'a>(&self, known: &'a Inventory, id: &str) -> Fact<&'a Volume> {
        known.regions.get(&self.region).map_or(Fact::NotRead, |place| place.volumes.get(id))
    }

    /// Evaluates against an inventory whether the instances will come up again, as far as the keys of their
    /// disks are concerned.
    pub fn standing(&self, inventory: &Inventory) -> Standing {
        let unknown = self
            .doubts(inventory)
            .into_iter()
            .filter(|doubt| matches!(doubt, Doubt::NotKnown(_)))
            .map(Standing::from)
            .reduce(worse);
        unknown.or_else(|| self.would_not(inventory).map(Standing::NotYet)).unwrap_or(Standing::Holds)
    }

    /// Returns the reasons for which the instances surely do not come up again, regardless of any unknown
    /// facts: each key that does not work, with its disk and its state.
    pub fn would_not(&self, inventory: &Inventory) -> Option<String> {
        let all: Vec<String> = self
            .doubts(inventory)
            .into_iter()
            .filter_map(|d| if let Doubt::WouldNot(why) = d { Some(why) } else { None })
            .collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// Returns every reason against the start, including facts that are not known.
    fn doubts(&self, inventory: &Inventory) -> Vec<Doubt> {
        let mut doubts = Vec::new();
        for id in &self.instances {
            let found =
                inventory.regions.get(&self.region).map_or(Fact::NotRead, |place| place.instances.get(id));
            if found.known().is_none() {
                doubts.push(Doubt::NotKnown(silent(&found, &format!("instance {id}"))));
            }
        }
        for (instance, device, id) in self.disks(inventory) {
            let what = format!("{device} of {instance} ({id})");
            match self.volume(inventory, &id) {
                Fact::Known(volume) if !volume.encrypted => {}
                Fact::Known(volume) => {
                    doubts.extend(key_of(inventory, &self.region, &instance, &what, volume).err())
                }
                Fact::Absent => doubts.push(Doubt::WouldNot(format!(
                    "{instance} would not start again: {what} does not exist"
                ))),
                other => doubts.push(Doubt::NotKnown(silent(&other, &what))),
            }
        }
        let host = self.instances.first().map_or("", String::as_str);
        doubts.extend(
            self.made_under.iter().filter_map(|arn| {
                key(inventory, &self.region, host, "the volumes to be attached", arn).err()
            }),
        );
        doubts
    }
}

fn silent<T>(fact: &Fact<T>, what: &str) -> Reason {
    Reason::new(
        fact.cause().unwrap_or_default(),
        format!("{what} is not known: {}", fact.silence().unwrap_or("it does not exist")),
    )
}

/// Returns the key of an encrypted disk, shown to be usable.
///
/// # Errors
/// The doubt about the key.
pub fn key_of<'a>(
    inventory: &'a Inventory,
    region: &str,
    instance: &str,
    what: &str,
    volume: &Volume,
) -> Result<&'a Key, Doubt> {
    match &volume.kms_key_id {
        Some(arn) => key(inventory, region, instance, what, arn),
        None => Err(Doubt::NotKnown(
            format!(
                "redress could not find out under which key {what} is encrypted, and {instance} starts again \
                 only with that key"
            )
            .into(),
        )),
    }
}

fn key<'a>(
    inventory: &'a Inventory,
    region: &str,
    instance: &str,
    what: &str,
    arn: &str,
) -> Result<&'a Key, Doubt> {
    let would_not = |why: String| {
        Doubt::WouldNot(format!("{instance} would not start again: the KMS key {arn} of {what} {why}"))
    };
    let key = match inventory.regions.get(region).map_or(Fact::NotRead, |place| place.keys.get(arn)) {
        Fact::Known(key) => key,
        Fact::Absent => return Err(would_not("does not exist".to_owned())),
        other => {
            return Err(Doubt::NotKnown(silent(
                &other,
                &format!("the KMS key {arn} of {what}, without which {instance} does not start again,"),
            )));
        }
    };
    key.proves_usable().map_err(|why| {
        let remedy = if key.key_state == "Enabled" {
            "Look at it with `aws kms describe-key`"
        } else {
            "Enable it, or cancel its deletion"
        };
        would_not(format!("cannot be used: {why}, which shows only at the next start. {remedy}"))
    })?;
    match region_in(&key.arn).unwrap_or_default() {
        at if at == region => Ok(key),
        at => Err(would_not(format!("is in {at:?}, not in {region}"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        actions::make,
        calls::{AllOutputs, Call},
        inventory::{Caller, Device, Instance},
        resource::Owner,
    };

    const R: &str = "us-east-1";

    fn act(operation: &str, input: Value) -> Act {
        make::act(Call::new("ec2", R, operation, input), Vec::new())
    }

    /// Returns acts: stop, detach vol-new, attach vol-old, create a volume, start, and an attachment after
    /// the start.
    fn acts() -> Vec<Act> {
        let place = |volume: &str| json!({ "VolumeId": volume, "InstanceId": "i-1", "Device": "/dev/sda1" });
        vec![
            act("StopInstances", json!({ "InstanceIds": ["i-1"] })),
            act("DetachVolume", place("vol-new")),
            act("AttachVolume", place("vol-old")),
            act(
                "AttachVolume",
                json!({ "VolumeId": { "$output": { "step": "volume", "name": "VolumeId" } },
                    "InstanceId": "i-1", "Device": "/dev/sdg" }),
            ),
            act("CreateVolume", json!({ "Encrypted": true, "KmsKeyId": arn("made") })),
            act("StartInstances", json!({ "InstanceIds": ["i-1"] })),
            act("AttachVolume", place("vol-later")),
        ]
    }

    fn arn(name: &str) -> String {
        format!("arn:aws:kms:{R}:123456789012:key/{name}")
    }

    fn next(acts: &[Act]) -> Option<NextStart> {
        let outputs = AllOutputs::new();
        let started = "2026-11-22T10:00:00Z".parse().unwrap();
        NextStart::after(
            acts.iter(),
            &Bindings { run: "r", started, change: "c1", step: "stop", attempt: 1, outputs: &outputs },
        )
    }

    fn inventory() -> Inventory {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let mut it = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
        let region = it.region_mut(R);
        let device = |name: &str, volume: &str| Device {
            device_name: name.into(),
            volume_id: volume.into(),
            ..Device::default()
        };
        let devices = vec![device("/dev/sda1", "vol-new"), device("/dev/sdf", "vol-stays")];
        region.instances.put("i-1", Instance { id: "i-1".into(), devices, ..Instance::default() });
        for (id, key) in [("vol-new", Some("new")), ("vol-stays", Some("stays")), ("vol-old", None)] {
            region.volumes.put(
                id,
                Volume {
                    id: id.into(),
                    encrypted: key.is_some(),
                    kms_key_id: key.map(arn),
                    ..Volume::default()
                },
            );
        }
        for name in ["new", "stays", "made"] {
            let [key_state, key_usage, key_spec] =
                ["Enabled", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT"].map(str::to_owned);
            region.keys.put(
                arn(name),
                Key { id: arn(name), arn: arn(name), key_state, key_usage, key_spec, ..Key::default() },
            );
        }
        it
    }

    #[test]
    fn the_disks_that_stay_or_come_count_and_those_that_leave_do_not() {
        let (next, it) = (next(&acts()).unwrap(), inventory());
        let wants: Vec<String> = next.wants(Some(&it)).into_iter().map(|want| want.to_string()).collect();
        for word in ["i-1", "vol-stays", "vol-old", "key/stays", "key/made"] {
            assert!(wants.iter().any(|want| want.ends_with(word)), "{word}: {wants:?}");
        }
        for word in ["vol-new", "key/new", "vol-later"] {
            assert!(!wants.iter().any(|want| want.ends_with(word)), "{word}: {wants:?}");
        }
        assert_eq!(next.standing(&it), Standing::Holds);
    }

    #[test]
    fn what_takes_nothing_down_has_no_next_start() {
        assert_eq!(next(&acts()[1..]), None);
        assert_eq!(next(&[]), None);
    }

    #[test]
    fn every_key_that_is_not_shown_to_be_usable_counts_and_one_that_cannot_be_read_is_not_known() {
        let harm = |name: &str, harm: fn(&mut Key)| {
            let mut it = inventory();
            harm(it.region_mut(R).keys.get_mut(&arn(name)).unwrap());
            next(&acts()).unwrap().standing(&it)
        };
        for name in ["stays", "made"] {
            for (change, word) in [
                ((|k| k.key_state = "Disabled".into()) as fn(&mut Key), "its state is Disabled"),
                (|k| k.key_state.clear(), "its state is not known"),
                (|k| k.key_usage.clear(), "its usage is not known"),
                (|k| k.key_spec = "RSA_2048".into(), "its spec is RSA_2048"),
                (|k| k.arn = k.arn.replace(R, "eu-west-1"), "eu-west-1"),
            ] {
                let standing = harm(name, change);
                assert!(
                    matches!(&standing, Standing::NotYet(why) if why.contains(word) && why.contains(&arn(name))),
                    "{name} {word}: {standing:?}"
                );
            }
        }
        assert_eq!(harm("new", |k| k.key_state.clear()), Standing::Holds, "it leaves");
        let mut it = inventory();
        it.region_mut(R).keys.items.insert(arn("stays"), Fact::Unknown("AccessDenied".into()));
        assert!(matches!(next(&acts()).unwrap().standing(&it), Standing::Unknown(_)));
        let mut it = inventory();
        it.region_mut(R).volumes.items.insert("vol-old".into(), Fact::Absent);
        assert!(matches!(next(&acts()).unwrap().standing(&it), Standing::NotYet(_)));
    }

    #[test]
    fn all_keys_that_do_not_work_are_named_whatever_else_cannot_be_read() {
        let mut it = inventory();
        for name in ["stays", "made"] {
            it.region_mut(R).keys.get_mut(&arn(name)).unwrap().key_state = "Disabled".into();
        }
        let all = next(&acts()).unwrap().would_not(&it).unwrap();
        assert!(all.contains(&arn("stays")) && all.contains(&arn("made")), "{all}");
        it.region_mut(R).keys.items.insert(arn("made"), Fact::Unknown("AccessDenied".into()));
        assert!(matches!(next(&acts()).unwrap().standing(&it), Standing::Unknown(_)));
        assert!(
            next(&acts())
                .unwrap()
                .would_not(&it)
                .is_some_and(|why| why.contains(&arn("stays")) && !why.contains(&arn("made")))
        );
        assert_eq!(next(&acts()).unwrap().would_not(&inventory()), None);
    }

    #[test]
    fn the_start_of_what_is_down_already_has_the_disks_that_are_attached_before_it() {
        let start =
            make::act(Call::new("ec2", R, "StartInstances", json!({ "InstanceIds": ["i-1"] })), Vec::new());
        let attach = |volume: &str| {
            make::act(
                Call::new(
                    "ec2",
                    R,
                    "AttachVolume",
                    json!({ "VolumeId": volume, "InstanceId": "i-1", "Device": "/dev/sdg" }),
                ),
                Vec::new(),
            )
        };
        let outputs = AllOutputs::new();
        let started = "2026-11-22T10:00:00Z".parse().unwrap();
        let bindings =
            Bindings { run: "r", started, change: "c1", step: "start", attempt: 1, outputs: &outputs };
        let mut it = inventory();
        it.region_mut(R).keys.get_mut(&arn("made")).unwrap().key_state = "PendingDeletion".into();
        it.region_mut(R).volumes.put(
            "vol-back",
            Volume {
                id: "vol-back".into(),
                encrypted: true,
                kms_key_id: Some(arn("made")),
                ..Volume::default()
            },
        );
        let ahead = |acts: &[Act]| NextStart::ahead(acts.iter(), &bindings);
        assert_eq!(ahead(&[attach("vol-back")]), None, "nothing is started");
        assert_eq!(ahead(std::slice::from_ref(&start)).unwrap().standing(&it), Standing::Holds);
        let why = ahead(&[attach("vol-back"), start]).unwrap().would_not(&it).unwrap();
        assert!(why.contains("/dev/sdg of i-1 (vol-back)") && why.contains("PendingDeletion"), "{why}");
    }
}
