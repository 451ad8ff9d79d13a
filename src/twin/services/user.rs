//! IAM users and their access keys, as IAM treats them
//! (<https://docs.aws.amazon.com/IAM/latest/APIReference/welcome.html>).

use super::{OnTwin, done};
use crate::{
    calls::Outcome,
    inventory::AccessKey,
    services::user::UpdateAccessKey,
    twin::{
        Twin,
        errors::{must, refuse},
    },
};

impl OnTwin for UpdateAccessKey {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        if ![AccessKey::ACTIVE, AccessKey::INACTIVE].contains(&self.status.as_str()) {
            return Err(refuse("ValidationError", format!("{:?} is no status of a key", self.status)));
        }
        let (id, user) = (&self.access_key_id, self.user_name.as_str());
        let absent = || refuse("NoSuchEntity", format!("The Access Key with id {id} cannot be found."));
        let key = must(t.truth.access_keys.get(id), id, absent)?;
        if key.user != user {
            return Err(absent());
        }
        if let Some(key) = t.truth.access_keys.get_mut(id) {
            key.status = self.status;
        }
        done()
    }
}
