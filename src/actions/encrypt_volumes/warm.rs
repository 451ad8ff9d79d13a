//! The end of the warm set and its copies. They only shorten the stop: once the instance runs on its new
//! disks, nothing needs them, and scanners would report the unencrypted ones for as long as they are kept.

use serde_json::Value;

use super::{
    instance::Swap,
    parts::{Disk, Job},
    passes::{WARM, WARM_COPY},
};
use crate::{
    actions::make,
    calls::{Step, Undo, WayBack, reference},
};

impl Swap<'_> {
    /// Returns the steps that delete the warm set and its copies, which the change itself has made.
    pub(super) fn warm_gone(&self) -> Vec<Step> {
        let of_set = |disk: &Disk<'_>| {
            let id = reference::output(WARM, &format!("Snapshots/{}", disk.volume.id));
            self.gone(disk, WARM.to_owned(), format!("warm-gone-{}", disk.n), "first snapshot", id)
        };
        let of_copies = |disk: &Disk<'_>| {
            let copy = format!("{WARM_COPY}-{}", disk.n);
            let id = reference::output(&copy, "SnapshotId");
            self.gone(disk, copy, format!("warm-gone-copy-{}", disk.n), "copy of the first snapshot", id)
        };
        let copies = self.disks.iter().filter(|_| self.copies()).map(of_copies);
        copies.chain(self.disks.iter().map(of_set)).filter(|_| self.warm()).collect()
    }

    fn gone(&self, disk: &Disk<'_>, made_by: String, name: String, what: &str, id: Value) -> Step {
        let title = format!("delete the {what} of {}, which nothing needs any more", disk.words());
        make::step(name, title, self.job.delete_snapshot(id), WayBack::ByStep(made_by))
    }
}

impl Job<'_> {
    /// Builds the undo of a step that makes snapshots of the warm set: a rollback deletes them, and a later
    /// undo finds them gone.
    pub(super) fn warm_back(&self, ids: Vec<Value>) -> WayBack {
        WayBack::Calls {
            rollback: ids.into_iter().map(|id| self.delete_snapshot(id)).collect(),
            undo: Undo::Calls(Vec::new()),
            kept_once: None,
            redo: false,
        }
    }
}
