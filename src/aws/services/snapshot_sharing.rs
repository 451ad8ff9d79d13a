//! The requests that change the sharing of snapshots.

use super::{OnAws, To, nothing, once};
use crate::{
    calls::{Call, Outcome},
    services::snapshot_sharing::{
        DisableSnapshotBlockPublicAccess, EnableSnapshotBlockPublicAccess, ModifySnapshotAttribute,
    },
};

impl OnAws for ModifySnapshotAttribute {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to
            .ec2()
            .modify_snapshot_attribute()
            .snapshot_id(self.snapshot_id)
            .attribute(self.attribute.as_str().into())
            .operation_type(self.operation_type.as_str().into())
            .set_group_names(Some(self.group_names));
        once(call, request.send()).await?;
        nothing()
    }
}

impl OnAws for EnableSnapshotBlockPublicAccess {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to.ec2().enable_snapshot_block_public_access().state(self.state.as_str().into());
        once(call, request.send()).await?;
        nothing()
    }
}

impl OnAws for DisableSnapshotBlockPublicAccess {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(call, to.ec2().disable_snapshot_block_public_access().send()).await?;
        nothing()
    }
}
