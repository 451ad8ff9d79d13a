//! Reads the obstacles to the deletion of snapshots and volumes, and the retention of both in the Recycle
//! Bin. An endpoint without the operations has no locks, no bin rules and an empty bin.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types;
use aws_sdk_rbin::types::{ResourceTag, ResourceType, RuleStatus};
use futures::{StreamExt, stream};
use jiff::Timestamp;

use super::{
    super::clients::Regional,
    Ask, Members, not_listed,
    page::{pages, some, text, time},
};
use crate::{
    aws::{errors, retry::reading},
    calls::{CallError, ErrorClass},
    inventory::{BinRule, Fact, Removal},
};

/// The resources in the Recycle Bin, each with the time until which it is kept.
type Bin = BTreeMap<String, Option<Timestamp>>;

/// Calls `ec2:DescribeImages`, `ec2:DescribeLockedSnapshots`, `ec2:DescribeSnapshotAttribute`,
/// `ec2:ListSnapshotsInRecycleBin`, `ec2:ListVolumesInRecycleBin`, `rbin:ListRules` and `rbin:GetRule`; one
/// may be missing without the others.
pub async fn removals(clients: &Regional, ask: &Ask) -> Members<Removal> {
    let Ask::Ids(ids) = ask else { return not_listed("deletions") };
    let (snapshots, volumes): (Vec<String>, Vec<String>) =
        ids.iter().cloned().partition(|id| id.starts_with("snap-"));
    let mut found = Vec::new();
    if !snapshots.is_empty() {
        let shared =
            stream::iter(snapshots.clone()).map(|id| shared(clients, id)).buffered(4).collect::<Vec<_>>();
        let (images, locks, shared, bin, rules) = futures::join!(
            images(clients, &snapshots),
            locks(clients),
            shared,
            snapshot_bin(clients),
            rules(clients, ResourceType::EbsSnapshot)
        );
        for (id, shared) in snapshots.into_iter().zip(shared) {
            let images = of(&images, |all| {
                Fact::Known(all.get(&id).cloned().unwrap_or_default().into_iter().collect())
            });
            let lock = of(&locks, |all| all.get(&id).cloned().map_or(Fact::Absent, Fact::Known));
            found.push(removal(id, Of { images, lock, shared }, &bin, &rules));
        }
    }
    if !volumes.is_empty() {
        let (bin, rules) = futures::join!(volume_bin(clients), rules(clients, ResourceType::EbsVolume));
        found.extend(volumes.into_iter().map(|id| removal(id, Of::default(), &bin, &rules)));
    }
    Ok(found)
}

/// The facts that only snapshots have.
struct Of {
    images: Fact<Vec<String>>,
    lock: Fact<String>,
    shared: Fact<Vec<String>>,
}

impl Default for Of {
    fn default() -> Self {
        Self { images: Fact::Known(Vec::new()), lock: Fact::Absent, shared: Fact::Known(Vec::new()) }
    }
}

fn removal(
    id: String,
    of_it: Of,
    bin: &Result<Bin, CallError>,
    rules: &Result<Vec<BinRule>, CallError>,
) -> (String, Fact<Removal>) {
    let Of { images, lock, shared } = of_it;
    let in_bin = of(bin, |bin| Fact::Known(bin.contains_key(&id)));
    let in_bin_until = bin.as_ref().ok().and_then(|bin| bin.get(&id).copied().flatten());
    let rules = of(rules, |rules| Fact::Known(rules.clone()));
    (id.clone(), Fact::Known(Removal { id, images, lock, shared, rules, in_bin, in_bin_until }))
}

fn of<A, T>(answer: &Result<A, CallError>, told: impl FnOnce(&A) -> Fact<T>) -> Fact<T> {
    match answer {
        Ok(answer) => told(answer),
        Err(error) => Fact::unknown(error),
    }
}

/// Returns an empty answer where the endpoint does not have the operation.
fn or_none<T: Default>(answer: Result<T, CallError>) -> Result<T, CallError> {
    match answer {
        Err(error) if error.class == ErrorClass::Unsupported => Ok(T::default()),
        answer => answer,
    }
}

/// Returns the account's own images that are made of these snapshots, by snapshot.
async fn images(
    clients: &Regional,
    snapshots: &[String],
) -> Result<BTreeMap<String, BTreeSet<String>>, CallError> {
    let of = types::Filter::builder()
        .name("block-device-mapping.snapshot-id")
        .set_values(Some(snapshots.to_vec()))
        .build();
    // What is disabled or deprecated is an image all the same.
    let request = clients
        .ec2()
        .describe_images()
        .owners("self")
        .include_deprecated(true)
        .include_disabled(true)
        .filters(of);
    let images = pages!("ec2:DescribeImages", request, images);
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for image in images {
        let id = text(image.image_id);
        let disks = image
            .block_device_mappings
            .unwrap_or_default()
            .into_iter()
            .filter_map(|m| some(m.ebs?.snapshot_id));
        for snapshot in disks {
            uses.entry(snapshot).or_default().insert(id.clone());
        }
    }
    Ok(uses)
}

/// Returns the accounts that a snapshot is shared with, or `all` for everybody.
async fn shared(clients: &Regional, id: String) -> Fact<Vec<String>> {
    let request = clients
        .ec2()
        .describe_snapshot_attribute()
        .snapshot_id(id)
        .attribute(types::SnapshotAttributeName::CreateVolumePermission);
    let one = |permission: types::CreateVolumePermission| {
        some(permission.user_id).or_else(|| some(permission.group))
    };
    match reading("ec2:DescribeSnapshotAttribute", || request.clone().send()).await {
        Ok(answer) => Fact::Known(
            answer.create_volume_permissions.unwrap_or_default().into_iter().filter_map(one).collect(),
        ),
        Err(error) => errors::fact(&error),
    }
}

/// Returns the locks of snapshots that are in force: an expired one no longer protects.
async fn locks(clients: &Regional) -> Result<BTreeMap<String, String>, CallError> {
    let listed = async {
        let request = clients.ec2().describe_locked_snapshots().max_results(1000);
        let locked = pages!("ec2:DescribeLockedSnapshots", request, snapshots);
        let one = |lock: types::LockedSnapshotsInfo| Some((some(lock.snapshot_id)?, text(lock.lock_state)));
        Ok(locked.into_iter().filter_map(one).filter(|(_, state)| state != "expired").collect())
    };
    or_none(listed.await)
}

async fn snapshot_bin(clients: &Regional) -> Result<Bin, CallError> {
    let listed = async {
        let request = clients.ec2().list_snapshots_in_recycle_bin().max_results(1000);
        let all = pages!("ec2:ListSnapshotsInRecycleBin", request, snapshots);
        Ok(all
            .into_iter()
            .filter_map(|s: types::SnapshotRecycleBinInfo| {
                Some((some(s.snapshot_id)?, time(s.recycle_bin_exit_time)))
            })
            .collect())
    };
    or_none(listed.await)
}

async fn volume_bin(clients: &Regional) -> Result<Bin, CallError> {
    let listed = async {
        let request = clients.ec2().list_volumes_in_recycle_bin().max_results(500);
        let all = pages!("ec2:ListVolumesInRecycleBin", request, volumes);
        Ok(all
            .into_iter()
            .filter_map(|v: types::VolumeRecycleBinInfo| {
                Some((some(v.volume_id)?, time(v.recycle_bin_exit_time)))
            })
            .collect())
    };
    or_none(listed.await)
}

/// Returns the retention rules that are in force for resources of a type.
async fn rules(clients: &Regional, kind: ResourceType) -> Result<Vec<BinRule>, CallError> {
    let listed = async {
        let request = clients.rbin().list_rules().resource_type(kind).max_results(1000);
        let listed = pages!("rbin:ListRules", request, rules);
        let mut rules = Vec::new();
        for id in listed.into_iter().filter_map(|rule| some(rule.identifier)) {
            let rule = reading("rbin:GetRule", || clients.rbin().get_rule().identifier(&id).send()).await?;
            if rule.status == Some(RuleStatus::Available) {
                let days = rule.retention_period.map_or(0, |period| period.retention_period_value);
                rules.push(BinRule {
                    id,
                    days,
                    tags: pairs(rule.resource_tags),
                    but: pairs(rule.exclude_resource_tags),
                });
            }
        }
        Ok(rules)
    };
    or_none(listed.await)
}

fn pairs(tags: Option<Vec<ResourceTag>>) -> Vec<(String, String)> {
    tags.unwrap_or_default()
        .into_iter()
        .map(|tag| (tag.resource_tag_key, tag.resource_tag_value.unwrap_or_default()))
        .collect()
}
