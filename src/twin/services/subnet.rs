//! Subnets, as `ec2:ModifySubnetAttribute` treats them.

use super::{OnTwin, done};
use crate::{
    calls::Outcome,
    services::subnet::ModifySubnetAttribute,
    twin::{
        Twin,
        errors::{must, refuse},
    },
};

impl OnTwin for ModifySubnetAttribute {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let id = &self.subnet_id;
        let subnet = must(t.region(region)?.subnets.get(id), id, || {
            refuse("InvalidSubnetID.NotFound", format!("The subnet ID '{id}' does not exist"))
        })?;
        // A subnet that is shared with this account is its owner's to change.
        if !t.truth.owner.owns(&subnet.owner_id) {
            return Err(refuse("UnauthorizedOperation", "You are not authorized to perform this operation."));
        }
        if let Some(subnet) = t.region_mut(region).subnets.get_mut(id) {
            subnet.map_public_ip_on_launch = self.map_public_ip_on_launch.value;
        }
        done()
    }
}
