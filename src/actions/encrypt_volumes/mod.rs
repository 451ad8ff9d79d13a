//! `encrypt-volumes`: the unencrypted disks of an instance are replaced by encrypted copies, all in one stop;
//! detached volumes one by one. AWS cannot encrypt a volume in place. A replaced volume is kept, with tags
//! that name its replacement.

mod afterwards;
mod applications;
mod capacity;
mod detached;
mod disks;
mod doubles;
mod guards;
mod instance;
mod key;
mod parts;
mod passes;
mod restartable;
mod still;
mod swap_steps;
mod swap_words;
mod targets;
mod trial;
mod warm;
mod way;

pub use parts::speed;
pub use passes::is_warm;
use way::Chosen;

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::Value;

use super::{
    Action, Around, Context, Options, Parameter, Proposal, Refusal,
    concern::{self, Concern},
    quota,
    support::{need, params, region},
};
use crate::{
    checks::{snapshots::instance as instance_of, volumes::volume},
    inventory::{Fact, FamilyKind, Inventory, Volume, Want, tag},
    resource::{Kind, ResourceId},
    services::{self, Operation, Spec, volume::INITIALIZATION_RATES},
};

/// An action that replaces unencrypted volumes by encrypted copies.
pub struct EncryptVolumes;

/// The way from the disk to the encrypted volume.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Via {
    /// As the facts allow it: by copies of volumes, or directly.
    #[default]
    Auto,
    /// By an encrypted copy of a snapshot.
    Copy,
    /// Directly from a snapshot: the volume is encrypted while it is created.
    Direct,
    /// By a copy of the volume itself, without a snapshot.
    VolumeCopy,
}

/// The need for a capacity reservation that holds room for the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Reservation {
    /// No reservation is looked for.
    #[default]
    Ignore,
    /// A reservation is required: the instance is not stopped without one.
    Required,
}

impl Reservation {
    fn is_default(&self) -> bool {
        *self == Reservation::default()
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Parameters {
    via: Via,
    key: String,
    keep_days: u16,
    allow_address_change: bool,
    // A member that is newer than the released format is written to a plan only where it is asked for: plans
    // without it mean the default.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    allow_last_target: bool,
    #[serde(skip_serializing_if = "Reservation::is_default")]
    capacity_reservation: Reservation,
    pre_snapshot: bool,
    snapshot_timeout: u32,
    health_timeout: u32,
    #[serde(deserialize_with = "rate", skip_serializing_if = "Option::is_none")]
    initialization_rate: Option<i32>,
    /// The reason for the way, where planning has chosen it; plans alone have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    chosen: Option<Chosen>,
}

/// Deserializes the rate at which new volumes are loaded.
fn rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i32>, D::Error> {
    let rate = i32::deserialize(deserializer)?;
    match INITIALIZATION_RATES.contains(&rate) {
        true => Ok(Some(rate)),
        false => Err(D::Error::custom(format!(
            "{rate} MiB/s: AWS loads a volume at {} to {}",
            INITIALIZATION_RATES.start(),
            INITIALIZATION_RATES.end()
        ))),
    }
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            via: Via::Auto,
            key: String::new(),
            keep_days: 30,
            allow_address_change: false,
            allow_last_target: false,
            capacity_reservation: Reservation::Ignore,
            pre_snapshot: true,
            snapshot_timeout: 6 * 3600,
            health_timeout: 900,
            initialization_rate: None,
            chosen: None,
        }
    }
}

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "via",
        kind: "\"auto\", \"volume-copy\", \"direct\" or \"copy\"",
        default: "\"auto\"",
        doc: "The way to the encrypted volume. `volume-copy` copies the volume itself (a stop of minutes and \
              no snapshot; five such copies of a region may be in progress), `direct` makes it straight from \
              a final snapshot, `copy` copies that snapshot with encryption first (slowest; an encrypted \
              snapshot is left). `auto` takes `volume-copy` where planning finds that AWS would copy, else \
              `direct`.",
    },
    Parameter {
        name: "key",
        kind: "key id, ARN or alias",
        default: "\"\"",
        doc: "KMS key; empty for the account's default key for EBS, else `alias/aws/ebs`.",
    },
    Parameter {
        name: "keep_days",
        kind: "days",
        default: "30",
        doc: "How long the old volumes and the snapshots are kept before `redress prune` may plan their \
              deletion.",
    },
    Parameter {
        name: "allow_address_change",
        kind: "true or false",
        default: "false",
        doc: "Whether an instance may be stopped whose public address is not an Elastic IP: it comes back \
              with another.",
    },
    Parameter {
        name: "allow_last_target",
        kind: "true or false",
        default: "false",
        doc: "Whether an instance may be stopped that is the only healthy target of a load balancer's target \
              group: what it serves is down meanwhile.",
    },
    Parameter {
        name: "capacity_reservation",
        kind: "\"ignore\" or \"required\"",
        default: "\"ignore\"",
        doc: "Whether an instance that runs is stopped only where an On-Demand Capacity Reservation holds \
              room for its start: an open one that matches, or the one that it targets.",
    },
    Parameter {
        name: "pre_snapshot",
        kind: "true or false",
        default: "true",
        doc: "Whether a first set of snapshots, and encrypted copies of it, is made while the instance still \
              runs, so that the final ones hold only what changed since. Copies of volumes need none.",
    },
    Parameter {
        name: "snapshot_timeout",
        kind: "seconds",
        default: "21600",
        doc: "How long to wait at least for one set of snapshots, or one copy; for disks of more than 864 \
              GiB it is 25 seconds a GiB of the largest.",
    },
    Parameter {
        name: "health_timeout",
        kind: "seconds",
        default: "900",
        doc: "How long the instance may take from start to passing its status checks.",
    },
    Parameter {
        name: "initialization_rate",
        kind: "number of MiB/s, 100 to 300",
        default: "AWS's own, which is not promised",
        doc: "The rate at which a new volume is loaded from its snapshot, so that its disks are fast again \
              after a known time. AWS bills it by the GiB, and takes none for copies of volumes.",
    },
];

impl Action for EncryptVolumes {
    fn name(&self) -> &'static str {
        "encrypt-volumes"
    }
    fn title(&self) -> &'static str {
        "Replace unencrypted volumes by encrypted copies"
    }
    fn doc(&self) -> &'static str {
        include_str!("page.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &["ebs-volume-unencrypted"]
    }
    /// Returns the kind that it changes, volumes; those of one instance together, as a change of the instance
    /// ([`Action::retarget`]).
    fn target(&self) -> Kind {
        Kind::Volume
    }
    fn reads(&self, target: Kind) -> &'static [Around] {
        const OF_INSTANCE: &[Around] = &[
            Around::named(FamilyKind::Instances),
            Around::named(FamilyKind::InstanceStatuses),
            Around::named(FamilyKind::ApplicationStatuses),
            Around::named(FamilyKind::InstanceTypes),
            Around::named(FamilyKind::NetworkInterfaces),
            Around::named(FamilyKind::TargetGroups),
            Around::named(FamilyKind::Volumes),
            Around::named(FamilyKind::VolumeModifications),
            Around::named(FamilyKind::EbsDefaults),
            Around::named(FamilyKind::Keys),
            Around::named(FamilyKind::Snapshots),
            Around::named(FamilyKind::Quotas),
        ];
        // A detached volume has no instance around it.
        const OF_VOLUME: &[Around] = &[
            Around::named(FamilyKind::Volumes),
            Around::named(FamilyKind::VolumeModifications),
            Around::named(FamilyKind::EbsDefaults),
            Around::named(FamilyKind::Keys),
            Around::named(FamilyKind::Snapshots),
            Around::named(FamilyKind::Quotas),
        ];
        if target == Kind::Volume { OF_VOLUME } else { OF_INSTANCE }
    }
    fn parameters(&self) -> &'static [Parameter] {
        PARAMETERS
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        let given = Parameters::deserialize(with)?;
        // Somebody may have edited one of a plan's parameters: the reason for another way goes.
        let chosen = given.chosen.filter(|chosen| chosen.via() == given.via);
        serde_json::to_value(Parameters { chosen, ..given }).map_err(toml::de::Error::custom)
    }

    fn settled(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Value {
        let Ok(parameters) = params::<Parameters>(with) else { return with.clone() };
        serde_json::to_value(way::settled(context, target, &parameters)).unwrap_or_else(|_| with.clone())
    }
    fn unsettled(&self, planned: &Value, asked: &Value) -> Value {
        match (params::<Parameters>(planned), params::<Parameters>(asked)) {
            (Ok(planned), Ok(asked)) if asked.via == Via::Auto => {
                serde_json::to_value(Parameters { via: Via::Auto, chosen: None, ..planned })
                    .unwrap_or_default()
            }
            _ => planned.clone(),
        }
    }

    fn retarget(
        &self,
        inventory: &Inventory,
        resource: &ResourceId,
        _: &Value,
    ) -> Result<ResourceId, Refusal> {
        if resource.kind() == Kind::Instance {
            return Ok(resource.clone());
        }
        let volume =
            need(volume(inventory, resource.region(), resource.id()), &format!("volume {}", resource.id()))?;
        match volume.attachments.as_slice() {
            [] => Ok(resource.clone()),
            _ if let Some(held) = volume.held_by_service() => {
                Err(Refusal::Refused(guards::held_by_service(&volume.id, held)))
            }
            [one] => Ok(inventory.owner.instance(resource.region(), &one.instance_id)),
            several => Err(Refusal::Refused(guards::multi_attach(&volume.id, several.len()))),
        }
    }

    fn needs(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Vec<Want> {
        let Ok(parameters) = params::<Parameters>(with) else { return Vec::new() };
        let mut wants = key::wants(context, &parameters.key);
        wants.extend(way::want(context, target, &parameters));
        match target.kind() {
            Kind::Instance => {
                wants.extend(instance_wants(context, target));
                wants.extend(capacity::wants(context, target, &parameters));
            }
            _ => wants.extend(volume_wants(target.region(), target.id())),
        }
        let quotas = |disks: &[parts::Disk<'_>]| {
            quota::storage_wants(target.region(), disks.iter().map(|disk| disk.volume))
        };
        wants.extend(way::with_disks(context, target, quotas).unwrap_or_default());
        wants
    }

    fn operations(&self) -> &'static [Spec] {
        const {
            &[
                <services::tag::CreateTags>::SPEC,
                <services::tag::DeleteTags>::SPEC,
                <services::instance::StopInstances>::SPEC,
                <services::instance::StartInstances>::SPEC,
                <services::instance::ModifyInstanceAttribute>::SPEC,
                <services::snapshot::CreateSnapshot>::SPEC,
                <services::snapshot::CreateSnapshots>::SPEC,
                <services::snapshot::CopySnapshot>::SPEC,
                <services::snapshot::DeleteSnapshot>::SPEC,
                <services::volume::CreateVolume>::SPEC,
                <services::volume::CopyVolumes>::SPEC,
                <services::volume::DeleteVolume>::SPEC,
                <services::volume::DetachVolume>::SPEC,
                <services::volume::AttachVolume>::SPEC,
            ]
        }
    }
    fn concerns(&self) -> concern::Table {
        const DISKS: Concern = Concern::these(&["devices"]).lists(&["devices"]).power(&["state"]);
        const {
            &[
                (FamilyKind::Instances, DISKS),
                (FamilyKind::Volumes, Concern::these(&["attachments", "state"])),
            ]
        }
    }
    fn propose(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Proposal, Refusal> {
        let parameters: Parameters = params(with)?;
        match target.kind() {
            Kind::Instance => instance::propose(context, target, &parameters),
            Kind::Volume => detached::propose(context, target, &parameters),
            other => Err(Refusal::Refused(format!(
                "encrypt-volumes changes instances and volumes, not a {}",
                other.words()
            ))),
        }
    }

    fn order(&self) -> u8 {
        10
    }
}

/// Returns the facts that determine the key that the action uses today with these parameters.
pub fn key_wants(inventory: &Inventory, region: &str, with: &Value) -> Vec<Want> {
    key::wants(
        &keyed(inventory, region, &Options::default()),
        with.get("key").and_then(Value::as_str).unwrap_or_default(),
    )
}

/// Returns the ARN of that key, usable or not.
pub fn key_of(inventory: &Inventory, region: &str, with: &Value) -> Option<String> {
    key::arn(
        &keyed(inventory, region, &Options::default()),
        with.get("key").and_then(Value::as_str).unwrap_or_default(),
    )
}

fn keyed<'a>(inventory: &'a Inventory, region: &'a str, options: &'a Options) -> Context<'a> {
    Context { inventory, region, checks: &[], options }
}

fn volume_wants(region: &str, id: &str) -> [Want; 2] {
    [Want::id(region, FamilyKind::Volumes, id), Want::id(region, FamilyKind::VolumeModifications, id)]
}

fn instance_wants(context: &Context<'_>, target: &ResourceId) -> Vec<Want> {
    let (region, id) = (target.region(), target.id());
    let mut wants = vec![
        Want::id(region, FamilyKind::Instances, id),
        Want::id(region, FamilyKind::InstanceStatuses, id),
        Want::id(region, FamilyKind::ApplicationStatuses, id),
        Want::by(region, FamilyKind::NetworkInterfaces, "attachment.instance-id", id),
    ];
    if let Fact::Known(instance) = instance_of(context.inventory, region, id) {
        wants.push(Want::id(region, FamilyKind::InstanceTypes, &instance.instance_type));
        if instance.state == "running" {
            wants.push(Want::all(region, FamilyKind::TargetGroups));
        }
        wants.extend(instance.devices.iter().flat_map(|d| volume_wants(region, &d.volume_id)));
        let disks = instance
            .devices
            .iter()
            .filter_map(|d| volume(context.inventory, region, &d.volume_id).known().copied());
        wants.extend(disks.filter_map(|v| restartable::want(region, v)));
    }
    wants
}

/// Returns whether a volume is to be replaced: it is unencrypted, and not tagged to be ignored.
fn to_encrypt(volume: &Volume) -> bool {
    !volume.encrypted && !volume.tags.contains_key(tag::IGNORE)
}

/// Returns the volume, or a refusal if it is not known.
fn needed_volume<'a>(context: &Context<'a>, id: &str) -> Result<&'a Volume, Refusal> {
    need(region(context.inventory, context.region)?.volumes.get(id), &format!("volume {id}"))
}

#[cfg(test)]
mod tests;
