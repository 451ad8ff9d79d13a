//! The conditions directly before the calls of a swap: nobody has started the instance since its disks were
//! last written, its disks are where the plan saw them, and this run is the one that works on it.

use serde_json::{Value, json};

use super::instance::Swap;
use crate::{
    actions::make,
    calls::{Act, Expect, mark, reference, still},
    inventory::FamilyKind,
};

impl Swap<'_> {
    /// Expects the disks that the plan saw at their devices, and no others.
    pub(super) fn as_planned(&self) -> Vec<Expect> {
        let id = self.instance.id.as_str();
        let mut all: Vec<Expect> = self
            .volumes
            .iter()
            .flat_map(|(device, volume, _)| self.at_device(device, &json!(volume.id)))
            .collect();
        let further = make::is(
            self.job.region,
            FamilyKind::Instances,
            id,
            &format!("/devices/{}", self.volumes.len()),
            Value::Null,
        );
        all.push(further.meaning(&format!("{id} has another disk than the plan saw: make a new plan")));
        all
    }

    /// Expects a volume at its device of the instance.
    pub(super) fn at_device(&self, device: &str, volume: &Value) -> Vec<Expect> {
        let id = self.instance.id.as_str();
        let is =
            |at: &str, value: &str| make::is(self.job.region, FamilyKind::Volumes, volume.clone(), at, value);
        let meaning = format!("the volume is not attached to {id} at {device}");
        [is("/attachments/0/instance_id", id), is("/attachments/0/device", device)]
            .map(|e| e.meaning(&meaning))
            .into()
    }

    fn marked(&self) -> Expect {
        mark::of(self.job.region, &self.instance.id, reference::run())
    }

    /// Returns the conditions directly before the instance goes down.
    pub(super) fn may_stop(&self) -> Vec<Expect> {
        let id = self.instance.id.as_str();
        let runs = make::is(self.job.region, FamilyKind::Instances, id, "/state", "running")
            .meaning(&format!("somebody else has stopped {id}"));
        [runs, self.marked()].into_iter().chain(self.as_planned()).collect()
    }

    /// Returns the conditions before anything is created for the swap.
    pub(super) fn still_down(&self) -> Vec<Expect> {
        let mut all = still::down(self.job.region, &self.instance.id);
        all.push(self.marked());
        all
    }

    /// Guards the act that copies the final content of the disks: an instance that is started after it has
    /// newer data than the copies.
    pub(super) fn last_written(&self, act: Act) -> Act {
        act.only_if(self.still_down()).only_if(self.as_planned()).observing([still::launch_time(
            self.job.region,
            &self.instance.id,
            still::LAUNCH,
            false,
        )])
    }

    /// Guards an act that swaps disks, or that brings up the instance with the swapped disks.
    pub(super) fn only_while_down(&self, act: Act) -> Act {
        let (region, id) = (self.job.region, self.instance.id.as_str());
        act.only_if(still::down(region, id)).observing([still::launch_time(region, id, still::LAUNCH, false)])
    }

    /// Guards the stop itself: from here on a launch time that changes is somebody else's start.
    pub(super) fn observing_stop(&self, act: Act) -> Act {
        act.observing(
            [still::LAUNCH, still::AT_STOP]
                .map(|name| still::launch_time(self.job.region, &self.instance.id, name, true)),
        )
    }

    /// Guards the start of an undo or rollback: an instance that somebody else has started or stopped since
    /// is left as it is.
    pub(super) fn only_own_stop(&self, act: Act) -> Act {
        let (region, id) = (self.job.region, self.instance.id.as_str());
        let stops = make::one_of(
            region,
            FamilyKind::Instances,
            id,
            "/state",
            vec![json!("stopping"), json!("stopped")],
        );
        let meaning = format!("somebody else has started {id}");
        act.only_if(vec![
            stops.meaning(&meaning),
            still::not_started(region, id, still::AT_STOP).meaning(&meaning),
        ])
        .or_leave()
    }

    /// Guards the stop of a later undo: an instance that is stopped already stays stopped.
    pub(super) fn only_if_it_runs(&self, act: Act) -> Act {
        let id = self.instance.id.as_str();
        let runs = make::one_of(
            self.job.region,
            FamilyKind::Instances,
            id,
            "/state",
            vec![json!("pending"), json!("running")],
        );
        act.only_if(vec![runs.meaning(&format!("{id} is stopped already, and stays so"))]).or_leave()
    }
}
