//! How new the content of each disk is. The twin holds no data: a content is known by the disk that it comes from and by the
//! moment of its last write. An instance that runs may write to its disks at any moment, so their content is always as new as
//! now; a snapshot holds what was there when it was begun, and what is made from a snapshot holds what that held.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Twin;
use crate::inventory::{Fact, Instance};

/// What a volume or a snapshot holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The volume to which it was first written.
    pub of: String,
    /// When it was last written to.
    pub written: Timestamp,
}

/// Older content that came into use at a start, or at an attachment to an instance that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stale {
    /// When.
    pub at: Timestamp,
    /// On which instance.
    pub instance: String,
    /// At which device.
    pub device: String,
    /// Which volume.
    pub volume: String,
    /// What it holds.
    pub holds: Content,
    /// What was last written at that device.
    pub last: Content,
}

/// The contents of an account's disks. What has no entry was not written to since the twin was made.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Contents {
    volumes: BTreeMap<String, Content>,
    snapshots: BTreeMap<String, Content>,
    /// What was last written at each device of each instance, as `instance device`.
    devices: BTreeMap<String, Content>,
    stale: Vec<Stale>,
}

/// Whether what is attached to an instance in this state may be written to.
fn writes(instance: &Instance) -> bool {
    ["running", "stopping"].contains(&instance.state.as_str())
}

fn place(instance: &str, device: &str) -> String {
    format!("{instance} {device}")
}

impl Twin {
    /// What a volume holds now.
    pub fn content(&self, region: &str, volume: &str) -> Content {
        let known = self.truth.regions.get(region);
        let attached = known.and_then(|r| r.volumes.get(volume).known().copied()).is_some_and(|v| {
            let runs = |id: &str| known.and_then(|r| r.instances.get(id).known().copied()).is_some_and(writes);
            v.attachments.iter().any(|a| a.state != "attaching" && runs(&a.instance_id))
        });
        let mut content = self.contents.volumes.get(volume).cloned().unwrap_or_else(|| untouched(volume));
        if attached {
            content.written = self.now;
        }
        content
    }

    /// What a snapshot holds. One that was there before the twin was made is older than all that is written here.
    pub fn content_of_snapshot(&self, snapshot: &str) -> Content {
        let foreign = || Content { of: String::new(), written: Timestamp::MIN };
        self.contents.snapshots.get(snapshot).cloned().unwrap_or_else(foreign)
    }

    /// Each time that older content came into use.
    pub fn stale(&self) -> &[Stale] {
        &self.contents.stale
    }

    /// A snapshot of a volume is begun.
    pub(super) fn content_kept(&mut self, region: &str, snapshot: &str, volume: &str) {
        let content = self.content(region, volume);
        self.contents.snapshots.insert(snapshot.to_owned(), content);
    }

    /// A snapshot is copied.
    pub(super) fn content_copied(&mut self, copy: &str, source: &str) {
        let content = self.content_of_snapshot(source);
        self.contents.snapshots.insert(copy.to_owned(), content);
    }

    /// A volume is made, of a snapshot or empty.
    pub(super) fn content_made(&mut self, volume: &str, snapshot: Option<&str>) {
        let content = match snapshot {
            Some(snapshot) => self.content_of_snapshot(snapshot),
            None => Content { of: volume.to_owned(), written: self.now },
        };
        self.contents.volumes.insert(volume.to_owned(), content);
    }

    /// What an instance has written until now stays on its disks: it stops, or one of them is leaving it.
    pub(super) fn content_settles(&mut self, region: &str, instance: &str) {
        let known = self.truth.regions.get(region).map(|r| r.instances.get(instance));
        let Some(Fact::Known(of)) = known else { return };
        let devices: Vec<(String, String)> = of.devices.iter().map(|d| (d.device_name.clone(), d.volume_id.clone())).collect();
        for (device, volume) in devices {
            let content = self.content(region, &volume);
            let last = self.contents.devices.entry(place(instance, &device)).or_insert_with(|| content.clone());
            if last.written < content.written {
                *last = content.clone();
            }
            self.contents.volumes.insert(volume, content);
        }
    }

    /// A volume comes into use at a device: what it holds is compared with what was last written there.
    pub(super) fn content_in_use(&mut self, region: &str, instance: &str, device: &str, volume: &str) {
        let holds = self.content(region, volume);
        let Some(last) = self.contents.devices.get_mut(&place(instance, device)) else { return };
        if holds.of == last.of && holds.written >= last.written {
            return;
        }
        let last = std::mem::replace(last, holds.clone());
        let (at, instance, device, volume) = (self.now, instance.to_owned(), device.to_owned(), volume.to_owned());
        self.contents.stale.push(Stale { at, instance, device, volume, holds, last });
    }
}

fn untouched(volume: &str) -> Content {
    Content { of: volume.to_owned(), written: Timestamp::UNIX_EPOCH }
}
