//! The sharing of snapshots, as EC2 treats it.

use super::{
    OnTwin, done,
    sharing::{may_share, of_account},
};
use crate::{
    calls::Outcome,
    inventory::{
        SnapshotBlock,
        sharing::{ALL, ALL_BLOCKED, NEW_BLOCKED, UNBLOCKED},
    },
    services::snapshot_sharing::{
        ADD, DisableSnapshotBlockPublicAccess, EnableSnapshotBlockPublicAccess, ModifySnapshotAttribute,
        PERMISSION, REMOVE,
    },
    twin::{
        Twin,
        errors::{must, refuse},
    },
};

impl OnTwin for ModifySnapshotAttribute {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let id = &self.snapshot_id;
        must(t.region(region)?.snapshot_shares.get(id), id, || {
            refuse("InvalidSnapshot.NotFound", format!("The snapshot '{id}' does not exist."))
        })?;
        let adds = self.operation_type == ADD;
        if self.attribute != PERMISSION
            || !(adds || self.operation_type == REMOVE)
            || self.group_names != [ALL]
        {
            return Err(refuse("InvalidParameterValue", "The twin knows this call for everybody only"));
        }
        let block = t.region(region)?.snapshot_blocks.get(SnapshotBlock::ID);
        if adds && let Some(block) = block.known() {
            may_share("snapshots", &block.state)?;
        }
        if let Some(share) = t.region_mut(region).snapshot_shares.get_mut(id) {
            share.group = adds.then(|| ALL.to_owned());
        }
        done()
    }
}

impl OnTwin for EnableSnapshotBlockPublicAccess {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        if ![ALL_BLOCKED, NEW_BLOCKED].contains(&self.state.as_str()) {
            return Err(refuse("InvalidParameterValue", format!("State cannot be {:?}", self.state)));
        }
        set(t, region, &self.state)
    }
}

impl OnTwin for DisableSnapshotBlockPublicAccess {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        set(t, region, UNBLOCKED)
    }
}

fn set(t: &mut Twin, region: &str, state: &str) -> Outcome {
    let block = t.region(region)?.snapshot_blocks.get(SnapshotBlock::ID);
    let block = must(block, "the block on public snapshots", || {
        refuse("InternalError", "every region has a state of the block")
    })?;
    of_account(&block.managed_by)?;
    if let Some(block) = t.region_mut(region).snapshot_blocks.get_mut(SnapshotBlock::ID) {
        block.state = state.to_owned();
    }
    done()
}
