//! The words and proofs of a swap: who is affected, what it costs, what shows that it succeeded.

use serde_json::{Value, json};

use super::{
    doubles, guards,
    instance::{Swap, downtime, downtime_of_doubles},
    parts::Disk,
    to_encrypt, way,
};
use crate::{
    actions::Proof,
    inventory::{CapacityReservation, FamilyKind, Instance, Volume, Want, tag},
    resource::ResourceId,
};

impl Swap<'_> {
    /// Returns the proofs of the change. Where its public address is lost, the instance must have another one
    /// again.
    pub(super) fn proofs(&self, target: &ResourceId, addresses: &guards::Addresses) -> Vec<Proof> {
        let chosen = |id: &str| self.disks.iter().any(|d| d.volume.id == id);
        let devices: Vec<Value> = self
            .volumes
            .iter()
            .map(|(device, volume, dot)| {
                let key = chosen(&volume.id).then_some(&self.job.key);
                let mut planned = json!({ "device": device, "delete_on_termination": dot,
                    "encrypted": volume.encrypted || key.is_some(), "key": key });
                if let Some(card) = volume.card_at(&self.instance.id) {
                    planned["ebs_card_index"] = card.into();
                }
                planned
            })
            .collect();
        let mut with = json!({ "state": self.instance.state, "devices": devices });
        if !addresses.lost.is_empty() {
            with["public_address"] = true.into();
        }
        let mut proofs =
            vec![Proof { check: "instance-disks-as-planned".into(), resource: target.clone(), with }];
        proofs.extend(self.disks.iter().flat_map(|d| self.job.proofs(d)));
        proofs
    }

    /// Describes what may keep the instance down: AWS holds no room for a stopped instance
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html>).
    pub(super) fn room(&self) -> String {
        let Instance { id, instance_type, availability_zone: zone, placement_group, .. } = self.instance;
        if let Some(CapacityReservation { id: held, .. }) = self.reservation {
            return format!(
                "the capacity reservation {held} holds room for {id} while it is stopped, unless another \
                 instance that matches takes its place there: then it stays down with its encrypted disks \
                 until there is room"
            );
        }
        let group = placement_group
            .as_ref()
            .map_or_else(String::new, |g| format!(", less likely still in the placement group {g}"));
        format!(
            "AWS holds no room for {id} while it is stopped: if there is none for a {instance_type} in \
             {zone} at the start{group}, it stays down with its encrypted disks until there is; an on-demand \
             capacity reservation, made beforehand, holds room"
        )
    }

    /// Returns the resources that an undo restores: the new volumes and the snapshots stay and are named by
    /// their steps.
    pub(super) fn touches(&self) -> Vec<Want> {
        let old = self.disks.iter().map(|d| Want::id(self.job.region, FamilyKind::Volumes, &d.volume.id));
        [Want::id(self.job.region, FamilyKind::Instances, &self.instance.id)].into_iter().chain(old).collect()
    }

    pub(super) fn disks_json(&self, after: bool) -> Value {
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

    pub(super) fn impact(&self, addresses: &guards::Addresses) -> Vec<String> {
        let gib: i32 = self.disks.iter().map(|d| d.volume.size).sum();
        let id = &self.instance.id;
        let mut impact = vec![match self.runs() {
            true => {
                let [least, most] = match self.doubles() {
                    true => downtime_of_doubles(self.disks.len()),
                    false => downtime(gib, self.disks.len(), self.copies(), self.warm()),
                };
                let how = match (self.warm(), self.copies()) {
                    _ if self.doubles() => {
                        "the disks are copied as volumes, whatever their size: such a copy can be used at \
                         once"
                    }
                    (true, true) => {
                        "most is in snapshots before the stop; the copies after it may be whole again, \
                         and via = \"direct\" makes none"
                    }
                    (true, false) => "most is in snapshots before the stop",
                    (false, _) => "all is copied while it is stopped",
                };
                format!(
                    "{id} is stopped and started again: expected downtime {least} to {most} minutes ({gib} \
                     GiB; {how}); AWS promises no duration, so it may take longer"
                )
            }
            false => format!("no downtime: {id} is stopped, and stays so; it must not be started meanwhile"),
        }];
        if self.runs() {
            impact.push(self.room());
        }
        impact.extend(way::words(&self.disks, self.job.parameters));
        impact.extend(self.doubles().then(doubles::room));
        impact.push(self.job.first_reads(&self.disks));
        impact.extend(self.job.later_starts(id));
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
            "device names, private addresses and settings stay; mounts by volume id (/dev/disk/by-id) break, \
             mounts by UUID or label do not"
                .to_owned(),
        );
        if self.instance.platform_details.starts_with("Windows") {
            impact.push(
                "Windows may give other drive letters to its disks after a stop and start: look at them \
                 afterwards"
                    .to_owned(),
            );
        }
        impact.push(self.job.shown_by_scanners(self.disks.len()));
        impact.push(self.job.paid_twice(("the old volumes", "are")));
        impact
    }
}
