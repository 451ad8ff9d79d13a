//! A trial of a call without effect, as EC2's `DryRun`: it shows whether the caller may make the call.
//! Nothing is changed, counted or struck by a fault.

use super::Twin;
use crate::calls::{Call, Tried, find};

impl Twin {
    /// Checks whether the caller may make a call. A resource in the wrong state does not matter here, as on
    /// AWS (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StopInstances.html>, DryRun).
    pub fn try_call(&self, call: &Call) -> Tried {
        match find(&call.service, &call.operation) {
            Some(spec) if spec.can_be_tried() => {}
            _ => return Tried::CannotTell(format!("{} has no DryRun", call.name())),
        }
        match self.faults.refused(self.now, call) {
            Some(error) if error.code == "UnauthorizedOperation" => Tried::Denied(error.to_string()),
            Some(error) => Tried::CannotTell(error.to_string()),
            None => Tried::Allowed,
        }
    }
}
