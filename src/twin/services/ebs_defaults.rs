//! The defaults for EBS, as EC2 treats them.

use super::{OnTwin, done};
use crate::{
    calls::Outcome,
    inventory::{EbsDefaults, Fact},
    services::ebs_defaults::{DisableEbsEncryptionByDefault, EnableEbsEncryptionByDefault},
    twin::{Twin, errors::unknown},
};

impl OnTwin for EnableEbsEncryptionByDefault {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        set(t, region, true)
    }
}

impl OnTwin for DisableEbsEncryptionByDefault {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        set(t, region, false)
    }
}

fn set(t: &mut Twin, region: &str, on: bool) -> Outcome {
    if let Some(why) = t.region(region)?.ebs_defaults.get(EbsDefaults::ID).silence() {
        return Err(unknown("the defaults for EBS", why));
    }
    if let Some(defaults) = t.region_mut(region).ebs_defaults.get_mut(EbsDefaults::ID) {
        defaults.encryption_by_default = Fact::Known(on);
    }
    done()
}
