//! The rotation of KMS keys, as KMS treats it.

use super::{OnTwin, done};
use crate::{
    calls::Outcome,
    inventory::Fact,
    services::key::{DisableKeyRotation, EnableKeyRotation, PERIOD},
    twin::{
        Twin,
        errors::{must, refuse, unknown},
    },
};

impl OnTwin for EnableKeyRotation {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        if self.rotation_period_in_days.is_some_and(|days| !PERIOD.contains(&days)) {
            return Err(refuse("ValidationException", "RotationPeriodInDays is from 90 to 2560"));
        }
        set(t, region, &self.key_id, true)
    }
}

impl OnTwin for DisableKeyRotation {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        set(t, region, &self.key_id, false)
    }
}

fn set(t: &mut Twin, region: &str, id: &str, on: bool) -> Outcome {
    let key = must(t.region(region)?.customer_keys.get(id), id, || {
        refuse("NotFoundException", format!("Key '{id}' does not exist"))
    })?;
    if let Err(why) = key.is_rotatable() {
        return Err(refuse("UnsupportedOperationException", why));
    }
    if key.is_enabled().is_err() {
        let code = if key.key_state == "Disabled" { "DisabledException" } else { "KMSInvalidStateException" };
        return Err(refuse(code, format!("{id} is {}", key.key_state)));
    }
    if matches!(key.rotation, Fact::Unknown(_) | Fact::NotRead) {
        return Err(unknown(&format!("the rotation of {id}"), key.rotation.silence().unwrap_or_default()));
    }
    if let Some(key) = t.region_mut(region).customer_keys.get_mut(id) {
        key.rotation = Fact::Known(on);
    }
    done()
}
