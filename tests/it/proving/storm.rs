//! What goes wrong in a run: faults of the account, deaths of the process, hands of other people. All thrown
//! from the seed.

use redress::{
    calls::Call,
    inventory::{Fact, FamilyKind, Inventory, SecurityGroupRule},
    plan::Plan,
    twin::{DeniedRead, Fault, FaultKind, Faults, Twin, When},
};
use serde_json::json;

use super::{dice::Dice, life::Fate, people::Deed};

/// What somebody else does under the run; the number chooses the thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meddling {
    RuleAdded(usize),
    RuleGone(usize),
    InstanceStopped(usize),
    InstanceStarted(usize),
    InstanceGone(usize),
    VolumeGone(usize),
    VolumeTagged(usize),
    SnapshotGone(usize),
    VpcGone(usize),
    GroupGone(usize),
    RoleGone(usize),
    LogGroupGone(usize),
    TrailGone(usize),
    FlowLogGone(usize),
    BucketGone(usize),
    TrailStopped(usize),
    KeyDisabled(usize),
    GroupTagged(usize),
    DiskDetached(usize),
    DiskAttached(usize),
    Person(Deed),
}

impl Meddling {
    fn throw(dice: &mut Dice) -> Self {
        let n = dice.below(6);
        use Meddling::*;
        let all = [
            RuleAdded,
            RuleGone,
            InstanceStopped,
            InstanceStarted,
            InstanceGone,
            VolumeGone,
            VolumeTagged,
            SnapshotGone,
            VpcGone,
            GroupGone,
            RoleGone,
            LogGroupGone,
            TrailGone,
            FlowLogGone,
        ];
        dice.pick(&all)(n)
    }

    /// Those that were added later, so that older numbers still mean what they meant.
    pub fn throw_later(dice: &mut Dice) -> Self {
        let n = dice.below(6);
        use Meddling::*;
        let all = [BucketGone, TrailStopped, KeyDisabled, GroupTagged];
        dice.pick(&all)(n)
    }

    /// What people do to instances and their disks, who do not know that somebody else is at work on them.
    pub fn throw_hands(dice: &mut Dice) -> Self {
        let n = dice.below(6);
        use Meddling::*;
        let all = [
            InstanceStarted,
            InstanceStarted,
            InstanceStarted,
            InstanceStopped,
            InstanceStopped,
            DiskDetached,
            DiskAttached,
        ];
        dice.pick(&all)(n)
    }

    pub fn name(self) -> &'static str {
        match self {
            Meddling::InstanceGone(_)
            | Meddling::VolumeGone(_)
            | Meddling::SnapshotGone(_)
            | Meddling::VpcGone(_)
            | Meddling::GroupGone(_) => "vanished",
            Meddling::RoleGone(_)
            | Meddling::LogGroupGone(_)
            | Meddling::TrailGone(_)
            | Meddling::FlowLogGone(_)
            | Meddling::RuleGone(_) => "vanished",
            Meddling::BucketGone(_) => "vanished",
            Meddling::InstanceStarted(_) => "started by somebody",
            Meddling::InstanceStopped(_) => "stopped by somebody",
            Meddling::DiskDetached(_) => "detached by somebody",
            Meddling::DiskAttached(_) => "attached by somebody",
            Meddling::Person(deed) => deed.name(),
            _ => "changed by somebody",
        }
    }

    /// Does it; the ids of what it is about. Nothing where there is no such thing.
    pub fn act(self, twin: &mut Twin) -> Vec<String> {
        if let Meddling::Person(deed) = self {
            return deed.act(twin);
        }
        if let Some(hand) = self.hand(twin.truth()) {
            return hand.act(twin);
        }
        let truth = twin.truth_mut();
        let name = truth.regions.keys().next().unwrap().clone();
        macro_rules! drop_one {
            ($family:expr, $n:expr) => {{
                let ids: Vec<String> = $family.known().map(|(id, _)| id.to_owned()).collect();
                let Some(id) = ids.get($n % ids.len().max(1)).cloned() else { return Vec::new() };
                $family.items.remove(&id);
                vec![id]
            }};
        }
        macro_rules! change_one {
            ($family:expr, $n:expr, $change:expr) => {{
                let ids: Vec<String> = $family.known().map(|(id, _)| id.to_owned()).collect();
                let Some(id) = ids.get($n % ids.len().max(1)).cloned() else { return Vec::new() };
                $change($family.get_mut(&id).unwrap());
                vec![id]
            }};
        }
        match self {
            Meddling::RoleGone(n) => return drop_one!(truth.roles, n),
            Meddling::TrailGone(n) => return drop_one!(truth.trails, n),
            Meddling::BucketGone(n) => return drop_one!(truth.buckets, n),
            Meddling::TrailStopped(n) => {
                return change_one!(truth.trails, n, |t: &mut redress::inventory::Trail| t.is_logging =
                    Fact::Known(false));
            }
            _ => {}
        }
        let region = truth.region_mut(&name);
        match self {
            Meddling::RuleAdded(n) => {
                let ids: Vec<String> = region.security_groups.known().map(|(id, _)| id.to_owned()).collect();
                let Some(group) = ids.get(n % ids.len().max(1)) else { return Vec::new() };
                let rule = SecurityGroupRule {
                    id: format!("sgr-somebody-{n}"),
                    group_id: group.clone(),
                    ip_protocol: "tcp".to_owned(),
                    from_port: 9_000,
                    to_port: 9_000,
                    cidr_ipv4: Some("10.9.0.0/16".to_owned()),
                    ..SecurityGroupRule::default()
                };
                region.security_group_rules.put(rule.id.clone(), rule.clone());
                vec![rule.id, group.clone()]
            }
            Meddling::RuleGone(n) => {
                let rules = &mut region.security_group_rules;
                let of: Vec<String> = rules.known().map(|(_, r)| r.group_id.clone()).collect();
                let mut ids = drop_one!(rules, n);
                ids.extend(of.get(n % of.len().max(1)).cloned());
                ids
            }
            Meddling::InstanceGone(n) => {
                let ids: Vec<String> = region.instances.known().map(|(id, _)| id.to_owned()).collect();
                let Some(id) = ids.get(n % ids.len().max(1)).cloned() else { return Vec::new() };
                let instance = region.instances.get_mut(&id).unwrap();
                instance.state = "terminated".to_owned();
                let mut touched = vec![id.clone()];
                for device in std::mem::take(&mut instance.devices) {
                    touched.push(device.volume_id.clone());
                    if device.delete_on_termination {
                        region.volumes.items.remove(&device.volume_id);
                    } else if let Some(volume) = region.volumes.get_mut(&device.volume_id) {
                        volume.attachments.clear();
                        volume.state = "available".to_owned();
                    }
                }
                touched
            }
            Meddling::VolumeGone(n) => {
                let ids: Vec<String> = region
                    .volumes
                    .known()
                    .filter(|(_, v)| v.attachments.is_empty())
                    .map(|(id, _)| id.to_owned())
                    .collect();
                let Some(id) = ids.get(n % ids.len().max(1)).cloned() else { return Vec::new() };
                region.volumes.items.remove(&id);
                vec![id]
            }
            Meddling::VolumeTagged(n) => {
                change_one!(region.volumes, n, |v: &mut redress::inventory::Volume| {
                    v.tags.insert("Touched".to_owned(), "by somebody".to_owned());
                })
            }
            Meddling::SnapshotGone(n) => drop_one!(region.snapshots, n),
            Meddling::VpcGone(n) => drop_one!(region.vpcs, n),
            Meddling::GroupGone(n) => {
                let ids = drop_one!(region.security_groups, n);
                region
                    .security_group_rules
                    .items
                    .retain(|_, r| r.as_ref().known().is_none_or(|r| r.group_id != ids[0]));
                ids
            }
            Meddling::LogGroupGone(n) => drop_one!(region.log_groups, n),
            Meddling::FlowLogGone(n) => drop_one!(region.flow_logs, n),
            Meddling::KeyDisabled(n) => {
                change_one!(region.keys, n, |k: &mut redress::inventory::Key| "Disabled"
                    .clone_into(&mut k.key_state))
            }
            Meddling::GroupTagged(n) => {
                change_one!(region.security_groups, n, |g: &mut redress::inventory::SecurityGroup| {
                    g.tags.insert("Touched".to_owned(), "by somebody".to_owned());
                })
            }
            Meddling::RoleGone(_)
            | Meddling::TrailGone(_)
            | Meddling::BucketGone(_)
            | Meddling::TrailStopped(_) => Vec::new(),
            Meddling::InstanceStopped(_)
            | Meddling::InstanceStarted(_)
            | Meddling::DiskDetached(_)
            | Meddling::DiskAttached(_)
            | Meddling::Person(_) => Vec::new(),
        }
    }

    /// The call of somebody's hand on an instance or a disk of its, where there is something for it to do.
    fn hand(self, truth: &Inventory) -> Option<Hand> {
        let (name, region) = truth.regions.iter().next()?;
        let call = |operation: &str, input| Call::new("ec2", name, operation, input);
        let of_state = |n: usize, state: &str| {
            let ids: Vec<&str> =
                region.instances.known().filter(|(_, i)| i.state == state).map(|(id, _)| id).collect();
            ids.get(n % ids.len().max(1)).map(|id| (*id).to_owned())
        };
        let loose = |n: usize| {
            let ids: Vec<&str> =
                region.volumes.known().filter(|(_, v)| v.state == "available").map(|(id, _)| id).collect();
            ids.get(n % ids.len().max(1)).map(|id| (*id).to_owned())
        };
        match self {
            Meddling::InstanceStopped(n) => of_state(n, "running").map(|id| Hand {
                call: call("StopInstances", json!({ "InstanceIds": [id] })),
                touched: vec![id],
            }),
            Meddling::InstanceStarted(n) => of_state(n, "stopped").map(|id| Hand {
                call: call("StartInstances", json!({ "InstanceIds": [id] })),
                touched: vec![id],
            }),
            Meddling::DiskDetached(n) => {
                let disks: Vec<_> = region
                    .instances
                    .known()
                    .flat_map(|(id, i)| i.devices.iter().map(move |d| (id, d)))
                    .collect();
                let (instance, disk) = *disks.get(n % disks.len().max(1))?;
                let call = call(
                    "DetachVolume",
                    json!({ "VolumeId": disk.volume_id, "InstanceId": instance, "Device": disk.device_name }),
                );
                Some(Hand { call, touched: vec![instance.to_owned(), disk.volume_id.clone()] })
            }
            Meddling::DiskAttached(n) => {
                let (volume, instance) =
                    (loose(n)?, of_state(n, "running").or_else(|| of_state(n, "stopped"))?);
                let call = call(
                    "AttachVolume",
                    json!({ "VolumeId": volume, "InstanceId": instance, "Device": "/dev/sdz" }),
                );
                Some(Hand { call, touched: vec![volume, instance] })
            }
            _ => None,
        }
    }
}

/// A call that somebody makes, and what it is about.
struct Hand {
    call: Call,
    touched: Vec<String>,
}

impl Hand {
    /// What was touched; nothing where it was refused.
    fn act(self, twin: &mut Twin) -> Vec<String> {
        if twin.by_hand(&self.call).is_ok() { self.touched } else { Vec::new() }
    }
}

const KINDS: &[(FaultKind, &str)] = &[
    (FaultKind::Throttled, "throttled"),
    (FaultKind::ServerError, "5xx before the effect"),
    (FaultKind::ServerErrorAfter, "5xx after the effect"),
    (FaultKind::LostReply, "reply lost"),
    (FaultKind::Timeout, "timeout before the effect"),
    (FaultKind::TimeoutAfter, "timeout after the effect"),
    (FaultKind::NotVisibleYet, "not visible yet"),
    (FaultKind::Busy, "too many at once"),
    (FaultKind::Denied, "denied midway"),
    (FaultKind::ExpiredCredentials, "credentials expired"),
    (FaultKind::Quota, "quota"),
    (FaultKind::NoCapacity, "no capacity"),
    (FaultKind::SnapshotFails, "snapshot ends in error"),
    (FaultKind::VolumeDies, "volume dies of its key"),
    (FaultKind::FallsBack, "falls back to stopped"),
];

/// How hard a fault presses, in hundredths of what the engine must bear without any outcome hanging on it.
/// What leaves open whether it took effect costs the whole time in which lists lag; two of those and it may
/// rightly lose its patience.
fn pressure(kind: FaultKind, times: u32) -> u32 {
    use FaultKind::*;
    match kind {
        Throttled | NotVisibleYet | Busy | NoCapacity => times * 10,
        ServerError | ServerErrorAfter | LostReply | Timeout | TimeoutAfter => times * 50,
        // Renewed before the run goes on.
        ExpiredCredentials => 0,
        Denied | Quota | SnapshotFails | VolumeDies | FallsBack => 1_000,
    }
}

/// Faults of the account.
pub struct Storm {
    pub faults: Faults,
    pub names: Vec<&'static str>,
    /// Whether all of it passes.
    pub passes: bool,
}

/// Faults of the account for a run of so many calls.
pub fn faults(dice: &mut Dice, calls: usize, from: u64) -> Storm {
    let mut script = Vec::new();
    let mut names = Vec::new();
    let mut pressed = 0;
    for _ in 0..*dice.pick(&[0, 0, 1, 1, 1, 2, 3]) {
        let (kind, name) = *dice.pick(KINDS);
        let at = match kind {
            FaultKind::NoCapacity | FaultKind::FallsBack => {
                When::Operation("StartInstances".to_owned(), u32::try_from(dice.upto(2)).unwrap())
            }
            FaultKind::VolumeDies => {
                When::Operation("CreateVolume".to_owned(), u32::try_from(dice.upto(2)).unwrap())
            }
            FaultKind::SnapshotFails => {
                let operation = *dice.pick(&["CreateSnapshots", "CreateSnapshot", "CopySnapshot"]);
                When::Operation(operation.to_owned(), u32::try_from(dice.upto(2)).unwrap())
            }
            _ => When::Call(from + dice.upto(calls + 2) as u64),
        };
        let times = match kind {
            FaultKind::ExpiredCredentials => 1_000,
            FaultKind::Denied => *dice.pick(&[1, 1, 2, 1_000]),
            _ => *dice.pick(&[1, 1, 1, 2, 5, 40]),
        };
        pressed += pressure(kind, times);
        script.push(Fault { at, kind, times, seen: 0 });
        names.push(name);
    }
    let list_lag = *dice.pick(&[0, 0, 0, 0, 2, 30, 120, 300]);
    if list_lag > 0 {
        names.push("list lag");
    }
    Storm { faults: Faults { script, list_lag, ..Faults::default() }, names, passes: pressed <= 50 }
}

/// What happens to the process in one life.
pub fn fates(dice: &mut Dice, plan: &Plan, last: bool) -> Vec<Fate> {
    let steps: usize = plan.changes.iter().map(|c| c.steps.len()).sum();
    let (calls, records) = (steps + 2, 3 * steps + 2 * plan.changes.len() + 3);
    let mut fates = Vec::new();
    if dice.percent(12) {
        fates.push(Fate::Meddled(dice.upto(calls), Meddling::throw(dice)));
    }
    if dice.percent(8) {
        let family = *dice.pick(&[
            FamilyKind::Volumes,
            FamilyKind::Snapshots,
            FamilyKind::Instances,
            FamilyKind::SecurityGroupRules,
            FamilyKind::FlowLogs,
        ]);
        fates.push(Fate::ReadsDenied(
            dice.upto(calls),
            DeniedRead { family, region: None, member: None },
            *dice.pick(&[5, 120, 900, 86_400]),
        ));
    }
    if last {
        return fates;
    }
    match dice.below(14) {
        0 | 1 => fates.push(Fate::KilledBeforeCall(dice.upto(calls))),
        2..=4 => fates.push(Fate::KilledAfterCall(dice.upto(calls))),
        5 | 6 => fates.push(Fate::KilledBeforeRecord(dice.upto(records))),
        7 | 8 => fates.push(Fate::KilledAfterRecord(dice.upto(records))),
        9 => fates.push(Fate::KilledInPause(dice.upto(20))),
        10 => fates.push(Fate::DiskFullAt(dice.upto(records))),
        11 => fates.push(Fate::StopAskedAt(dice.upto(calls), dice.upto(2))),
        _ => {}
    }
    fates
}

/// The end of the credentials in the middle of a life, if it comes to that: soon, in a long wait, or just
/// when the way back could still be made; with or without a word about when.
pub fn credentials_end(dice: &mut Dice, plan: &Plan) -> Option<Fate> {
    let calls = plan.changes.iter().map(|c| c.steps.len()).sum::<usize>() + 2;
    let thrown = (
        dice.percent(15),
        dice.upto(calls),
        *dice.pick(&[1, 20, 90, 300, 600, 750, 900, 1_200, 3_600]),
        dice.percent(60),
    );
    thrown.0.then_some(Fate::CredentialsEnd(thrown.1, thrown.2, thrown.3))
}

/// What becomes of keys in one life: somebody disables one, or they cannot be read for a while, now and then
/// just where something is about to be stopped.
pub fn keys(dice: &mut Dice, plan: &Plan) -> Option<Fate> {
    let calls = plan.changes.iter().map(|c| c.steps.len()).sum::<usize>() + 2;
    let unread = DeniedRead { family: FamilyKind::Keys, region: None, member: None };
    let (kind, n, which, seconds) =
        (dice.below(10), dice.upto(calls), dice.below(6), *dice.pick(&[900, 86_400]));
    match kind {
        0 => Some(Fate::Meddled(n, Meddling::KeyDisabled(which))),
        1 => Some(Fate::MeddledInPause(8 * n, Meddling::KeyDisabled(which))),
        2 => Some(Fate::ReadsDenied(n, unread, seconds)),
        3 => Some(Fate::ReadsDeniedInPause(8 * n, unread, seconds)),
        4 => Some(Fate::MeddledAtStop(Meddling::KeyDisabled(which))),
        5 => Some(Fate::KeysUnreadAtStop(seconds)),
        _ => None,
    }
}

/// The loss of the lease in one life, if it comes to that.
pub fn taken_over(dice: &mut Dice, plan: &Plan) -> Option<Fate> {
    let records = plan.changes.iter().map(|c| 3 * c.steps.len() + 2).sum::<usize>();
    let thrown = (dice.percent(25), dice.upto(records));
    thrown.0.then_some(Fate::TakenOver(thrown.1))
}
