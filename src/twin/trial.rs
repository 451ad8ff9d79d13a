//! A trial of a call without effect, as EC2's `DryRun`: it shows whether the caller may make the call.
//! Nothing is changed, counted or struck by a fault.

use super::Twin;
use crate::{
    calls::{Call, Tried, find},
    inventory::{Copying, Fact, Region},
    services::{Sent, volume::CopyVolumes},
};

impl Twin {
    /// Checks whether the caller may make a call. A resource in the wrong state does not matter here, as on
    /// AWS (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StopInstances.html>, DryRun).
    pub fn try_call(&self, call: &Call) -> Tried {
        match find(&call.service, &call.operation) {
            Some(spec) if spec.can_be_tried() => {}
            _ => return Tried::CannotTell(format!("{} has no DryRun", call.name())),
        }
        if let Some(error) = self.faults.lacking(call) {
            return Tried::Missing(error.to_string());
        }
        match self.faults.refused(self.now, call) {
            Some(error) if error.code == "UnauthorizedOperation" => Tried::Denied(error.to_string()),
            Some(error) => Tried::CannotTell(error.to_string()),
            None => Tried::Allowed,
        }
    }

    /// Tries to copy a volume with encryption.
    pub(super) fn copying(&self, place: &Region, region: &str, id: &str) -> Fact<Copying> {
        if place.volumes.get(id).known().is_none() {
            return Fact::unknown(format!("InvalidVolume.NotFound: the volume '{id}' does not exist"));
        }
        let copy = CopyVolumes::<Sent> {
            source_volume_id: id.to_owned(),
            volume_type: None,
            size: None,
            iops: None,
            throughput: None,
            encrypted: Some(true),
            kms_key_id: None,
            tag_specifications: Vec::new(),
            client_token: String::new(),
        };
        let call = Call::of(region, &copy);
        match self.try_call(&call) {
            Tried::Missing(_) => Fact::Known(Copying::Unsupported),
            Tried::Allowed => Fact::Known(Copying::Possible),
            Tried::Denied(_) => Fact::Known(Copying::Denied),
            Tried::CannotTell(why) => Fact::unknown(why),
        }
    }
}
