//! The sharing of images, as EC2 treats it.

use super::{
    OnTwin, done,
    sharing::{may_share, of_account},
};
use crate::{
    calls::Outcome,
    inventory::{
        ImageBlock,
        sharing::{ALL, NEW_BLOCKED, UNBLOCKED},
    },
    services::image_sharing::{
        DisableImageBlockPublicAccess, EnableImageBlockPublicAccess, LaunchPermission, ModifyImageAttribute,
    },
    twin::{
        Twin,
        errors::{must, refuse},
    },
};

impl OnTwin for ModifyImageAttribute {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let id = &self.image_id;
        must(t.region(region)?.images.get(id), id, || {
            refuse("InvalidAMIID.NotFound", format!("The image id '[{id}]' does not exist"))
        })?;
        let of_all = |list: &[LaunchPermission]| list.iter().any(|one| one.group == ALL);
        let (adds, removes) = (of_all(&self.launch_permission.add), of_all(&self.launch_permission.remove));
        if adds == removes {
            return Err(refuse("InvalidParameterValue", "The twin knows this call for everybody only"));
        }
        let block = t.region(region)?.image_blocks.get(ImageBlock::ID);
        if adds && let Some(block) = block.known() {
            may_share("images", &block.state)?;
        }
        if let Some(image) = t.region_mut(region).images.get_mut(id) {
            image.group = adds.then(|| ALL.to_owned());
        }
        done()
    }
}

impl OnTwin for EnableImageBlockPublicAccess {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        if self.image_block_public_access_state != NEW_BLOCKED {
            let state = &self.image_block_public_access_state;
            return Err(refuse("InvalidParameterValue", format!("the state cannot be {state:?}")));
        }
        set(t, region, NEW_BLOCKED)
    }
}

impl OnTwin for DisableImageBlockPublicAccess {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        set(t, region, UNBLOCKED)
    }
}

fn set(t: &mut Twin, region: &str, state: &str) -> Outcome {
    let block = t.region(region)?.image_blocks.get(ImageBlock::ID);
    let block = must(block, "the block on public images", || {
        refuse("InternalError", "every region has a state of the block")
    })?;
    of_account(&block.managed_by)?;
    if let Some(block) = t.region_mut(region).image_blocks.get_mut(ImageBlock::ID) {
        block.state = state.to_owned();
    }
    done()
}
