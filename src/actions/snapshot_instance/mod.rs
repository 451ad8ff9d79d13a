//! `snapshot-instance`: a backup of all volumes of an instance at one moment. Retention is not its task: it
//! records until when and how many are to be kept, and `prune` goes by that.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Action, Around, Context, GuardNote, Parameter, Proof, Proposal, Refusal,
    concern::{self, Concern},
    make, quota,
    support::{
        TAG_LIMIT, carried, decode, known, need, params, recovery_tags, region, snapshot_patience, tag_list,
    },
};
use crate::{
    calls::{Call, Risk, Shape, Step, Wait, WayBack, reference},
    checks::snapshots::{DEFAULT_HOURS, DEFAULT_TAG, instance as instance_of},
    inventory::{Fact, FamilyKind, Instance, Tags, Want, tag},
    resource::{Kind, ResourceId},
    services::{
        Operation, Planned, Spec,
        snapshot::{CreateSnapshots, DeleteSnapshot, InstanceSpecification},
        tag::{Tag, TagSpecification},
    },
};

/// An action that backs up all volumes of an instance.
pub struct SnapshotInstance;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Parameters {
    keep_days: u16,
    keep_last: u16,
    tag: String,
    max_age_hours: u16,
    timeout: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            keep_days: 30,
            keep_last: 3,
            tag: DEFAULT_TAG.to_owned(),
            max_age_hours: u16::try_from(DEFAULT_HOURS).unwrap_or(24),
            timeout: 6 * 3600,
        }
    }
}

impl Action for SnapshotInstance {
    fn name(&self) -> &'static str {
        "snapshot-instance"
    }
    fn title(&self) -> &'static str {
        "Back up all volumes of an instance at one moment"
    }
    fn doc(&self) -> &'static str {
        include_str!("page.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &["instance-backup-stale"]
    }
    fn target(&self) -> Kind {
        Kind::Instance
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        const {
            &[
                Around::named(FamilyKind::Instances),
                Around::named(FamilyKind::Volumes),
                Around::named(FamilyKind::Quotas),
                Around::named(FamilyKind::Snapshots),
            ]
        }
    }
    fn parameters(&self) -> &'static [Parameter] {
        &[
            Parameter {
                name: "keep_days",
                kind: "days",
                default: "30",
                doc: "How long the backup is kept before `redress prune` may plan its deletion.",
            },
            Parameter {
                name: "keep_last",
                kind: "number",
                default: "3",
                doc: "How many of the newest completed sets of the instance are kept, whatever their age; at \
                      least one.",
            },
            Parameter {
                name: "tag",
                kind: "Key=value",
                default: "\"Backup=true\"",
                doc: "The tag that the snapshots carry beside the instance's own.",
            },
            Parameter {
                name: "max_age_hours",
                kind: "hours",
                default: "24",
                doc: "A backup younger than this is enough; the same as the check's.",
            },
            Parameter {
                name: "timeout",
                kind: "seconds",
                default: "21600",
                doc: "How long to wait at least until the snapshots are completed; for disks of more than \
                      864 GiB it is 25 seconds a GiB of the largest.",
            },
        ]
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        let value = decode::<Parameters>(with)?;
        if value["keep_last"] == 0 {
            return Err(serde::de::Error::custom(
                "keep_last is 0: at least the last completed backup is always kept; give 1 or more",
            ));
        }
        if value["tag"].as_str().is_none_or(|t| t.split_once('=').is_none_or(|(key, _)| key.is_empty())) {
            return Err(serde::de::Error::custom("tag must look like Key=value, as in \"Backup=true\""));
        }
        Ok(value)
    }
    fn needs(&self, context: &Context<'_>, target: &ResourceId, _: &Value) -> Vec<Want> {
        let mut wants = vec![Want::id(target.region(), FamilyKind::Instances, target.id())];
        if let Fact::Known(instance) = instance_of(context.inventory, target.region(), target.id()) {
            wants.extend(
                instance.devices.iter().map(|d| Want::id(target.region(), FamilyKind::Volumes, &d.volume_id)),
            );
        }
        wants.extend(quota::storage_wants(target.region(), []));
        wants
    }
    fn operations(&self) -> &'static [Spec] {
        const { &[<CreateSnapshots>::SPEC, <DeleteSnapshot>::SPEC] }
    }
    fn concerns(&self) -> concern::Table {
        const { &[(FamilyKind::Instances, Concern::THERE)] }
    }
    fn propose(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Proposal, Refusal> {
        let parameters: Parameters = params(with)?;
        let instance = need(
            instance_of(context.inventory, target.region(), target.id()),
            &format!("instance {}", target.id()),
        )?;
        refuse(instance)?;
        let sizes = sizes(context, instance)?;
        let gib: i64 = sizes.iter().copied().map(i64::from).sum();
        let largest = sizes.into_iter().max().unwrap_or_default();
        let (tags, dropped) = tags(instance, &parameters)?;
        let count = instance.devices.len();
        let mut impact = vec![
            format!(
                "{count} snapshots, {gib} GiB of disks: only what changed since the former snapshots is \
                 stored and paid"
            ),
            format!(
                "the instance goes on; the set is kept {} days, and as one of the last {} longer",
                parameters.keep_days, parameters.keep_last
            ),
        ];
        if !dropped.is_empty() {
            impact.push(format!(
                "the snapshots cannot carry all tags of the instance (AWS allows {TAG_LIMIT}); left out: {}",
                dropped.join(", ")
            ));
        }
        Ok(Proposal {
            summary: format!("snapshot all {count} volumes of {} at one moment", instance.id),
            steps: vec![self.step(target.region(), instance, largest, &parameters, tags)],
            risk: Risk::Safe,
            impact,
            before: json!({ "young_backup": false }),
            after: json!({ "young_backup": true, "snapshots": count }),
            proof: vec![Proof {
                check: "instance-backup-stale".into(),
                resource: target.clone(),
                with: json!({ "tag": "", "max_age_hours": parameters.max_age_hours }),
            }],
            not_restored: Vec::new(),
            guards: [GuardNote::passed("uptime", "a snapshot of a running instance stops nothing")]
                .into_iter()
                .chain(quota::storage_note(context.inventory, context.region, []))
                .collect(),
            touches: vec![Want::id(target.region(), FamilyKind::Instances, target.id())],
            prerequisites: Vec::new(),
        })
    }
    fn order(&self) -> u8 {
        20
    }
}

fn refuse(instance: &Instance) -> Result<(), Refusal> {
    if !matches!(instance.state.as_str(), "running" | "stopped") {
        return Err(Refusal::Refused(format!(
            "{} is {}: wait until it is running or stopped, and plan again",
            instance.id, instance.state
        )));
    }
    if instance.hibernation {
        return Err(Refusal::Refused(format!(
            "{} is set up to hibernate: AWS supports no sets of snapshots of it; back it up by hand",
            instance.id
        )));
    }
    if instance.devices.is_empty() {
        return Err(Refusal::Nothing(format!("{} has no EBS volumes", instance.id)));
    }
    Ok(())
}

/// Returns the size of each of the instance's volumes, in GiB.
fn sizes(context: &Context<'_>, instance: &Instance) -> Result<Vec<i32>, Refusal> {
    let volumes = &region(context.inventory, context.region)?.volumes;
    let sizes =
        instance.devices.iter().map(|d| known(volumes.get(&d.volume_id), &format!("volume {}", d.volume_id)));
    sizes.map(|v| v.map(|v| v.map_or(0, |v| v.size))).collect()
}

/// Returns the tags of the snapshots, and the keys of the instance's own tags for which there was no room.
fn tags(instance: &Instance, parameters: &Parameters) -> Result<(Vec<Tag<Planned>>, Vec<String>), Refusal> {
    let (key, value) = parameters.tag.split_once('=').unwrap_or((parameters.tag.as_str(), ""));
    let extra = [
        (tag::INSTANCE, json!(instance.id)),
        (tag::SET, reference::token()),
        (tag::EXPIRES, reference::date_after(i64::from(parameters.keep_days))),
        (tag::KEEP_LAST, json!(parameters.keep_last.max(1).to_string())),
    ];
    let mut own: Tags = carried(&instance.tags);
    own.entry("Name".to_owned()).or_insert_with(|| format!("backup of {}", instance.id));
    own.insert(key.to_owned(), value.to_owned());
    let room = TAG_LIMIT - extra.len() - 3;
    let spare: Vec<String> = own.keys().filter(|k| *k != "Name" && *k != key).cloned().collect();
    let dropped: Vec<String> = spare.into_iter().rev().take(own.len().saturating_sub(room)).collect();
    own.retain(|k, _| !dropped.contains(k));
    Ok((tag_list(&recovery_tags(&own, &extra)?), dropped))
}

impl SnapshotInstance {
    /// Builds the one step. It names no volumes: it takes those of the instance at that moment.
    fn step(
        &self,
        region: &str,
        instance: &Instance,
        largest: i32,
        parameters: &Parameters,
        tags: Vec<Tag<Planned>>,
    ) -> Step {
        let create = CreateSnapshots {
            instance_specification: InstanceSpecification {
                instance_id: instance.id.clone(),
                exclude_boot_volume: None,
                exclude_data_volume_ids: Vec::new(),
            },
            description: Some(format!("redress: backup of {}", instance.id)),
            tag_specifications: vec![TagSpecification { resource_type: "snapshot".to_owned(), tags }],
        };
        let until = vec![make::state(
            region,
            FamilyKind::Snapshots,
            reference::output("snapshot", "Snapshots"),
            &["completed"],
            &["error"],
        )];
        let wait = Some(Wait {
            until,
            at_most: snapshot_patience(parameters.timeout, largest),
            why: "until the snapshots are completed".to_owned(),
        });
        let shape = Shape::IdsBy("volume_id".to_owned(), instance.devices.len());
        let act = make::making(Call::of(region, &create), FamilyKind::Snapshots, "Snapshots", shape, wait);
        let kept = "a backup is kept; `redress prune` removes it when its time has passed".to_owned();
        make::step("snapshot", format!("snapshot all volumes of {}", instance.id), act, WayBack::Kept(kept))
    }
}

#[cfg(test)]
mod tests;
