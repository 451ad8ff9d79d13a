//! Views that lag behind each other: an instance's block device mappings still show a volume that is
//! detached, or do not show one yet that is attached, while the volume itself shows the true state. AWS calls
//! that expected (<https://github.com/kubernetes/kubernetes/issues/77389>).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Twin;
use crate::inventory::{Instance, compute::Device};

/// A mapping of an instance that is not shown as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Lagging {
    instance: String,
    device: Device,
    /// `true` for a mapping that is gone and still shown; `false` for one that exists and is not shown.
    gone: bool,
    until: Timestamp,
}

impl Lagging {
    pub(super) fn is_under_way(&self, now: Timestamp) -> bool {
        self.until > now
    }
}

impl Twin {
    /// Makes an instance lag behind a mapping that has been added, or removed, for a while.
    pub(super) fn mapping_lags(&mut self, instance: &str, device: &Device, gone: bool) {
        self.lagging.retain(|l| {
            l.is_under_way(self.now) && !(l.instance == instance && l.device.volume_id == device.volume_id)
        });
        if let Some(until) = self.views_lag_until() {
            self.lagging.push(Lagging { instance: instance.to_owned(), device: device.clone(), gone, until });
        }
    }

    /// Returns whether an instance still seems to have a mapping at a device, or seems not to have it yet.
    pub(super) fn lags_at(&self, instance: &str, device: &str, gone: bool) -> bool {
        self.lagging.iter().any(|l| {
            l.is_under_way(self.now)
                && l.gone == gone
                && l.instance == instance
                && l.device.device_name == device
        })
    }

    /// Makes IAM lag behind the deletion of a policy of a role for a while
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>).
    pub(super) fn role_lags(&mut self, role: &str) {
        if let Some(until) = self.views_lag_until() {
            self.lagging_roles.insert(role.to_owned(), until);
        }
    }

    /// Returns the time until which views lag behind what is done now, if they do.
    fn views_lag_until(&self) -> Option<Timestamp> {
        let lag = std::time::Duration::from_secs(self.faults.view_lag);
        (!lag.is_zero()).then(|| self.now.checked_add(lag).unwrap_or(Timestamp::MAX))
    }

    /// Makes other services lag behind a new policy of a role for a while
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>).
    pub(super) fn role_is_young(&mut self, role: &str) {
        if let Some(until) = self.views_lag_until() {
            self.young_roles.insert(role.to_owned(), until);
        }
    }

    /// Returns whether the policy of a role does not count everywhere yet.
    pub(super) fn is_young(&self, role: &str) -> bool {
        self.young_roles.get(role).is_some_and(|until| *until > self.now)
    }

    /// Returns whether a role still seems to have a policy that was deleted.
    pub(super) fn seems_to_have_policies(&self, role: &str) -> bool {
        self.lagging_roles.get(role).is_some_and(|until| *until > self.now)
    }

    /// Shows the instance as its lagging view has it.
    pub(super) fn show_lagging(&self, instance: &mut Instance) {
        for lagging in self.lagging.iter().filter(|l| l.is_under_way(self.now) && l.instance == instance.id) {
            if !lagging.gone {
                instance.devices.retain(|d| d.volume_id != lagging.device.volume_id);
            } else if !instance.devices.iter().any(|d| d.volume_id == lagging.device.volume_id) {
                instance.devices.push(lagging.device.clone());
            }
        }
        instance.devices.sort_by(|a, b| (&a.device_name, &a.volume_id).cmp(&(&b.device_name, &b.volume_id)));
    }
}
