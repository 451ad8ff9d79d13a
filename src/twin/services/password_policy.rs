//! The password policy of the account, as IAM treats it: a call sets all of it.

use super::{OnTwin, done};
use crate::{
    calls::{CallError, Outcome},
    inventory::PasswordPolicy,
    services::password_policy::{DeleteAccountPasswordPolicy, UpdateAccountPasswordPolicy},
    twin::{
        Twin,
        errors::{must, refuse, unknown},
        take_away,
    },
};

/// Checks a number against the bounds of AWS's model.
fn within(name: &str, number: Option<i32>, least: i32, most: i32) -> Result<(), CallError> {
    match number {
        Some(number) if !(least..=most).contains(&number) => {
            Err(refuse("ValidationError", format!("{number} at {name} is not between {least} and {most}")))
        }
        _ => Ok(()),
    }
}

impl OnTwin for UpdateAccountPasswordPolicy {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        within("minimumPasswordLength", Some(self.minimum_password_length), 6, 128)?;
        within("maxPasswordAge", self.max_password_age, 1, 1095)?;
        within("passwordReusePrevention", self.password_reuse_prevention, 1, 24)?;
        if let Some(why) = t.truth.password_policies.get(PasswordPolicy::ID).silence() {
            return Err(unknown("the password policy", why));
        }
        t.truth.password_policies.put(PasswordPolicy::ID, PasswordPolicy::from(&self));
        done()
    }
}

impl OnTwin for DeleteAccountPasswordPolicy {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        let absent =
            || refuse("NoSuchEntity", "The account policy with name PasswordPolicy cannot be found.");
        must(t.truth.password_policies.get(PasswordPolicy::ID), "the password policy", absent)?;
        take_away(&mut t.truth.password_policies, PasswordPolicy::ID);
        done()
    }
}
