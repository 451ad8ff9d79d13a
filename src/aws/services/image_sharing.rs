//! The requests that change the sharing of images.

use aws_sdk_ec2::types;

use super::{OnAws, To, nothing, once};
use crate::{
    calls::{Call, Outcome},
    services::image_sharing::{
        DisableImageBlockPublicAccess, EnableImageBlockPublicAccess, LaunchPermission, ModifyImageAttribute,
    },
};

impl OnAws for ModifyImageAttribute {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let change = types::LaunchPermissionModifications::builder()
            .set_add(groups(self.launch_permission.add))
            .set_remove(groups(self.launch_permission.remove))
            .build();
        let request = to.ec2().modify_image_attribute().image_id(self.image_id).launch_permission(change);
        once(call, request.send()).await?;
        nothing()
    }
}

/// Converts groups; none at all is left out.
fn groups(groups: Vec<LaunchPermission>) -> Option<Vec<types::LaunchPermission>> {
    let group =
        |one: LaunchPermission| types::LaunchPermission::builder().group(one.group.as_str().into()).build();
    (!groups.is_empty()).then(|| groups.into_iter().map(group).collect())
}

impl OnAws for EnableImageBlockPublicAccess {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let state = self.image_block_public_access_state.as_str().into();
        let request = to.ec2().enable_image_block_public_access().image_block_public_access_state(state);
        once(call, request.send()).await?;
        nothing()
    }
}

impl OnAws for DisableImageBlockPublicAccess {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(call, to.ec2().disable_image_block_public_access().send()).await?;
        nothing()
    }
}
