//! The age of the content of each disk. The twin holds no data: a content is identified by the disk that it
//! comes from and the moment of its last write. An instance that runs may write to its disks at any moment,
//! so their content is always as new as now; a snapshot holds the content at the moment when it was begun,
//! and a disk created from a snapshot holds the content of the snapshot.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Twin;
use crate::inventory::{Fact, Instance};

/// The content of a volume or a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The volume to which it was first written.
    pub of: String,
    /// The time of its last write.
    pub written: Timestamp,
}

/// Older content that came into use at a start, or at an attachment to an instance that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stale {
    /// The time at which it came into use.
    pub at: Timestamp,
    /// The id of the instance.
    pub instance: String,
    /// The name of the device.
    pub device: String,
    /// The id of the volume.
    pub volume: String,
    /// The content of the volume.
    pub holds: Content,
    /// The content last written at that device.
    pub last: Content,
}

/// The contents of an account's disks. A disk without an entry has not been written to since the twin was
/// created.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Contents {
    volumes: BTreeMap<String, Content>,
    snapshots: BTreeMap<String, Content>,
    /// The content last written at each device of each instance, as `instance device`.
    devices: BTreeMap<String, Content>,
    stale: Vec<Stale>,
}

/// Returns whether disks attached to an instance in this state may be written to.
fn writes(instance: &Instance) -> bool {
    ["running", "stopping"].contains(&instance.state.as_str())
}

fn place(instance: &str, device: &str) -> String {
    format!("{instance} {device}")
}

impl Twin {
    /// Returns the present content of a volume.
    pub fn content(&self, region: &str, volume: &str) -> Content {
        let known = self.truth.regions.get(region);
        let attached = known.and_then(|r| r.volumes.get(volume).known().copied()).is_some_and(|v| {
            let runs =
                |id: &str| known.and_then(|r| r.instances.get(id).known().copied()).is_some_and(writes);
            v.attachments.iter().any(|a| a.state != "attaching" && runs(&a.instance_id))
        });
        let mut content = self.contents.volumes.get(volume).cloned().unwrap_or_else(|| untouched(volume));
        if attached {
            content.written = self.now;
        }
        content
    }

    /// Returns the content of a snapshot. One that existed before the twin was created is older than any
    /// write here.
    pub fn content_of_snapshot(&self, snapshot: &str) -> Content {
        let foreign = || Content { of: String::new(), written: Timestamp::MIN };
        self.contents.snapshots.get(snapshot).cloned().unwrap_or_else(foreign)
    }

    /// Returns each time that older content came into use.
    pub fn stale(&self) -> &[Stale] {
        &self.contents.stale
    }

    /// Records the content of a snapshot that is begun.
    pub(super) fn content_kept(&mut self, region: &str, snapshot: &str, volume: &str) {
        let content = self.content(region, volume);
        self.contents.snapshots.insert(snapshot.to_owned(), content);
    }

    /// Records the content of a copy of a snapshot.
    pub(super) fn content_copied(&mut self, copy: &str, source: &str) {
        let content = self.content_of_snapshot(source);
        self.contents.snapshots.insert(copy.to_owned(), content);
    }

    /// Records the content of a new volume, from a snapshot or empty.
    pub(super) fn content_made(&mut self, volume: &str, snapshot: Option<&str>) {
        let content = match snapshot {
            Some(snapshot) => self.content_of_snapshot(snapshot),
            None => Content { of: volume.to_owned(), written: self.now },
        };
        self.contents.volumes.insert(volume.to_owned(), content);
    }

    /// Records the content of a copy of a volume: the one of the moment.
    pub(super) fn content_doubled(&mut self, region: &str, copy: &str, source: &str) {
        let content = self.content(region, source);
        self.contents.volumes.insert(copy.to_owned(), content);
    }

    /// Fixes the content of an instance's disks at what it has written until now: it stops, or one of them is
    /// leaving it.
    pub(super) fn content_settles(&mut self, region: &str, instance: &str) {
        let known = self.truth.regions.get(region).map(|r| r.instances.get(instance));
        let Some(Fact::Known(of)) = known else { return };
        let devices: Vec<(String, String)> =
            of.devices.iter().map(|d| (d.device_name.clone(), d.volume_id.clone())).collect();
        for (device, volume) in devices {
            let content = self.content(region, &volume);
            let last =
                self.contents.devices.entry(place(instance, &device)).or_insert_with(|| content.clone());
            if last.written < content.written {
                *last = content.clone();
            }
            self.contents.volumes.insert(volume, content);
        }
    }

    /// Compares the content of a volume that comes into use at a device with the content last written there,
    /// and records it if it is older or comes from another disk.
    pub(super) fn content_in_use(&mut self, region: &str, instance: &str, device: &str, volume: &str) {
        let holds = self.content(region, volume);
        let Some(last) = self.contents.devices.get_mut(&place(instance, device)) else { return };
        if holds.of == last.of && holds.written >= last.written {
            return;
        }
        let last = std::mem::replace(last, holds.clone());
        let (at, instance, device, volume) =
            (self.now, instance.to_owned(), device.to_owned(), volume.to_owned());
        self.contents.stale.push(Stale { at, instance, device, volume, holds, last });
    }
}

fn untouched(volume: &str) -> Content {
    Content { of: volume.to_owned(), written: Timestamp::UNIX_EPOCH }
}
