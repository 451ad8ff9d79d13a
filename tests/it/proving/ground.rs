//! Random accounts of one to five things, cut out of the demo account and varied, and plans of them: some of
//! the checks, some of the playbooks' parameters. The same number gives the same account and the same plan.

use std::sync::LazyLock;

use jiff::Timestamp;
use redress::{
    account::Identity,
    actions::Options,
    checks::{self, Check},
    engine::survey,
    inventory::{Inventory, Region},
    journal::Decision,
    plan::{Plan, build::Limits, rehearse::Rules},
    playbook::{self, Playbook, set},
    twin::{Twin, demo},
};

use super::{
    dice::Dice,
    ends::Quiet,
    life::{Door, State, live, story},
};
use crate::stand::{block_on, stage};

const BEGIN: &str = "2026-11-22T10:00:00Z";

static DEMO: LazyLock<Inventory> = LazyLock::new(|| demo::inventory(BEGIN.parse::<Timestamp>().unwrap()));

/// The demo account without the things that the ground picks from.
static BARE: LazyLock<Inventory> = LazyLock::new(|| {
    let mut bare = DEMO.clone();
    bare.trails.items.clear();
    for region in bare.regions.values_mut() {
        region.security_groups.items.clear();
        region.security_group_rules.items.clear();
        region.network_interfaces.items.clear();
        region.vpcs.items.clear();
        region.flow_logs.items.clear();
        region.instances.items.clear();
        region.instance_statuses.items.clear();
        region.managed_instances.items.clear();
        region.volumes.items.clear();
        region.snapshots.items.clear();
    }
    bare
});

/// What a plan is made with: the built-in playbooks, each time set differently.
static PLAYBOOKS: LazyLock<Vec<Vec<Playbook>>> = LazyLock::new(|| {
    const SETTINGS: &[&[&str]] = &[
        &[],
        &["encrypt-volumes.via=\"direct\""],
        &[
            "encrypt-volumes.via=\"copy\"",
            "encrypt-volumes.pre_snapshot=false",
            "tighten-security-group.strategy=\"split\"",
        ],
        &[
            "encrypt-volumes.via=\"copy\"",
            "tighten-security-group.allow=[\"203.0.113.0/24\"]",
            "tighten-security-group.keep=[\"443/tcp to 0.0.0.0/0\", \"all to 10.0.0.0/8\"]",
            "enable-flow-logs.retention_days=365",
        ],
        &["tighten-security-group.strategy=\"revoke\"", "encrypt-volumes.allow_address_change=true"],
        &[
            "enable-flow-logs.destination=\"s3\"",
            "enable-flow-logs.bucket=\"larkspur-flow-logs\"",
            "encrypt-volumes.via=\"direct\"",
            "encrypt-volumes.pre_snapshot=false",
            "rotate-access-key.region=\"us-east-1\"",
        ],
    ];
    let one = |settings: &&[&str]| {
        let mut playbooks = playbook::assemble(playbook::builtin(), Vec::new()).unwrap();
        for setting in *settings {
            // A pair of settings may only make sense together; what is refused is left as it is.
            let _ = set::override_parameter(&mut playbooks, setting);
        }
        // What was there before is never gone here: prune, and the deletion of keys, are proved elsewhere.
        playbooks.retain(|playbook| playbook.id != "deleted-access-keys");
        playbooks
    };
    SETTINGS.iter().map(one).collect()
});

/// An account with a plan for it.
pub struct Ground {
    pub twin: Twin,
    pub plan: Plan,
    pub identity: Identity,
    /// By which rules the plan's findings were found.
    pub rules: Rules,
    /// How the plan ends when nothing disturbs it and everything is approved.
    pub quiet: Quiet,
}

impl Ground {
    /// The account of this number: the first variant of it for which there is something to plan.
    pub fn new(number: u64) -> Self {
        (0..).find_map(|variant| Self::variant(number, variant)).unwrap()
    }

    fn variant(number: u64, variant: u64) -> Option<Self> {
        let mut dice = Dice::new(number, 1_000 + variant);
        let keys = number * super::SHARE >= super::KEYS;
        let inventory = if keys { with_keys(&mut dice) } else { account(&mut dice) };
        let identity = Identity {
            owner: inventory.owner.clone(),
            caller: inventory.caller.clone(),
            endpoint: "twin:test".to_owned(),
        };
        let twin = Twin::new(inventory, number);
        let scanned: Vec<&'static Check> = checks::all().filter(|c| c.scanned).collect();
        let mut wanted: Vec<&'static Check> = scanned.iter().copied().filter(|_| dice.percent(60)).collect();
        if keys {
            wanted.retain(|c| c.id != "ebs-volume-unencrypted");
            wanted.extend(scanned.iter().copied().filter(|c| c.id == "ebs-volume-unencrypted"));
        } else if wanted.is_empty() {
            wanted.push(scanned[dice.below(scanned.len())]);
        }
        let regions: Vec<String> = twin.truth().regions.keys().cloned().collect();
        let playbooks = &PLAYBOOKS[dice.below(PLAYBOOKS.len())];
        let wish = survey::Wish {
            regions: &regions,
            checks: &wanted,
            playbooks,
            options: &Options::default(),
            valid_for: jiff::SignedDuration::from_hours(24 * 7),
            observed: Default::default(),
            limits: Limits::default(),
            also: Default::default(),
            narrow: None,
            waivers: &Default::default(),
        };
        let door = Door::quiet(twin, identity.clone());
        let plan = block_on(survey::plan(&door, &wish, &stage)).1;
        let twin = door.into_twin();
        if plan.changes.is_empty() {
            return None;
        }
        let rules = Rules::new(&regions, playbooks);
        let quiet = undisturbed(&twin, &plan, &identity);
        Some(Self { twin, plan, identity, rules, quiet })
    }
}

fn undisturbed(twin: &Twin, plan: &Plan, identity: &Identity) -> Quiet {
    let decisions: Vec<Decision> = plan.changes.iter().map(|c| super::yes(&c.id)).collect();
    let (mut state, _) = live(State::new(twin.clone()), identity, plan, "run-1", &decisions, Vec::new());
    super::settle(&mut state);
    Quiet::of(&story(&state.events), state.twin.truth())
}

fn account(dice: &mut Dice) -> Inventory {
    let mut account = BARE.clone();
    let region = if dice.percent(80) { demo::MAIN } else { demo::OTHER };
    let from = &DEMO.regions[region];
    // Only the region where things are: the fewer reads, the faster.
    account.regions.retain(|name, _| name == region);
    let trails = dice.percent(40);
    if trails {
        for (id, trail) in DEMO.trails.known().filter(|(_, t)| t.home_region == region || t.is_multi_region) {
            account.trails.put(id, trail.clone());
        }
    }
    let to = account.region_mut(region);
    for _ in 0..dice.upto(3) {
        match dice.below(10) {
            0..=3 => instance(dice, from, to),
            4..=6 => {
                group(from, to, &one_of(dice, from.security_groups.known().map(|(id, _)| id.to_owned())))
            }
            7 => {
                let loose = from
                    .volumes
                    .known()
                    .filter(|(_, v)| v.attachments.is_empty())
                    .map(|(id, _)| id.to_owned());
                let id = one_of(dice, loose);
                if let Some(volume) = from.volumes.get(&id).known() {
                    to.volumes.put(id, (*volume).clone());
                }
            }
            _ => {
                let id = one_of(dice, from.vpcs.known().map(|(id, _)| id.to_owned()));
                to.vpcs.put(id.clone(), (*from.vpcs.get(&id).known().unwrap()).clone());
                for (log, flow) in from.flow_logs.known().filter(|(_, l)| l.resource_id == id) {
                    to.flow_logs.put(log, flow.clone());
                }
            }
        }
    }
    account
}

/// An account with several instances that run, each with an open disk; of most of them another disk stays
/// under a key of one's own.
fn with_keys(dice: &mut Dice) -> Inventory {
    let mut account = BARE.clone();
    account.regions.retain(|name, _| name == demo::MAIN);
    let (from, to) = (&DEMO.regions[demo::MAIN], account.region_mut(demo::MAIN));
    for _ in 0..2 + dice.below(3) {
        instance(dice, from, to);
    }
    let own = own_key(to);
    let devices: Vec<Vec<String>> =
        to.instances.known().map(|(_, i)| i.devices.iter().map(|d| d.volume_id.clone()).collect()).collect();
    for disks in devices {
        let stays = dice.percent(80) && disks.len() > 1;
        for (n, disk) in disks.iter().enumerate() {
            let volume = to.volumes.get_mut(disk).unwrap();
            volume.encrypted = n > 0 && stays;
            volume.kms_key_id = volume.encrypted.then(|| own.clone());
        }
    }
    let ids: Vec<String> =
        to.instances.known().filter(|(_, i)| i.state == "stopped").map(|(id, _)| id.to_owned()).collect();
    for id in ids {
        "running".clone_into(&mut to.instances.get_mut(&id).unwrap().state);
        let status = to.instance_statuses.get_mut(&id).unwrap();
        for word in [&mut status.system_status, &mut status.instance_status, &mut status.attached_ebs_status]
        {
            "ok".clone_into(word);
        }
    }
    account
}

/// The ARN of a key of one's own that can be used: the demo account has one that was disabled.
fn own_key(to: &mut Region) -> String {
    let mut key = to.keys.get("alias/retired").known().copied().unwrap().clone();
    (key.id, key.arn) = ("alias/own".to_owned(), key.arn.replace("555555555503", "555555555505"));
    "Enabled".clone_into(&mut key.key_state);
    let arn = key.arn.clone();
    to.keys.put(key.id.clone(), key);
    arn
}

fn one_of(dice: &mut Dice, ids: impl Iterator<Item = String>) -> String {
    let ids: Vec<String> = ids.collect();
    if ids.is_empty() { String::new() } else { dice.pick(&ids).clone() }
}

fn group(from: &Region, to: &mut Region, id: &str) {
    let Some(group) = from.security_groups.get(id).known().copied() else { return };
    to.security_groups.put(id, group.clone());
    for (rule, body) in from.security_group_rules.known().filter(|(_, r)| r.group_id == id) {
        to.security_group_rules.put(rule, body.clone());
    }
}

/// An instance with its disks, interfaces and groups; whether it runs, which disks are encrypted and whether
/// it wants backups is thrown.
fn instance(dice: &mut Dice, from: &Region, to: &mut Region) {
    let id = one_of(dice, from.instances.known().map(|(id, _)| id.to_owned()));
    let mut instance = (*from.instances.get(&id).known().unwrap()).clone();
    if dice.percent(20) && instance.public_ip.is_none() {
        instance.state = if instance.state == "running" { "stopped" } else { "running" }.to_owned();
    }
    if dice.percent(30) {
        instance.tags.insert("Backup".to_owned(), "true".to_owned());
    }
    for device in &instance.devices {
        let mut volume = (*from.volumes.get(&device.volume_id).known().unwrap()).clone();
        if dice.percent(40) {
            volume.encrypted = false;
            volume.kms_key_id = None;
        }
        // A swap, its undo and a recovery bring a data disk back to its own EBS card.
        if device.device_name != instance.root_device_name {
            volume.attachments.iter_mut().for_each(|a| a.ebs_card_index = Some(1));
        }
        for (snap, snapshot) in from.snapshots.known().filter(|(_, s)| s.volume_id == volume.id) {
            to.snapshots.put(snap, snapshot.clone());
        }
        to.volumes.put(volume.id.clone(), volume);
    }
    for (eni, interface) in
        from.network_interfaces.known().filter(|(_, i)| i.instance_id.as_deref() == Some(&id))
    {
        to.network_interfaces.put(eni, interface.clone());
    }
    for sg in &instance.security_groups {
        group(from, to, sg);
    }
    if let Some(managed) = from.managed_instances.get(&id).known() {
        to.managed_instances.put(id.clone(), (*managed).clone());
    }
    let mut status = (*from.instance_statuses.get(&id).known().unwrap()).clone();
    let health = if instance.state == "running" { "ok" } else { "not-applicable" };
    (status.system_status, status.instance_status, status.attached_ebs_status) =
        (health.to_owned(), health.to_owned(), health.to_owned());
    to.instance_statuses.put(id.clone(), status);
    to.instances.put(id, instance);
}
