//! Access keys that are made and deleted, as IAM treats them
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html>). A key has no secret
//! here: the twin only records that this process would have it.

use super::{OnTwin, done, output};
use crate::{
    calls::Outcome,
    inventory::{AccessKey, Fact, FamilyKind, Selector},
    services::access_key::{CreateAccessKey, DeleteAccessKey},
    twin::{
        Twin,
        errors::{must, refuse, unknown},
        take_away,
    },
};

/// The number of access keys that a user can have, active or not
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>).
const MOST: usize = 2;

impl OnTwin for CreateAccessKey {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        let name = self.user_name.as_str();
        let user = must(t.truth.users.get(name), name, || {
            refuse("NoSuchEntity", format!("The user with name {name} cannot be found."))
        })?;
        let tags = Fact::Known(user.tags.clone());
        let of_user = Selector::by(AccessKey::USER, name);
        match t.truth.access_keys.select(&of_user) {
            Fact::Known(keys) if keys.len() >= MOST => {
                return Err(refuse("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2"));
            }
            Fact::Known(_) | Fact::Absent => {}
            silent => {
                return Err(unknown(&format!("the keys of {name}"), silent.silence().unwrap_or("not read")));
            }
        }
        let id = t.fresh("AKIA").replace('-', "").to_ascii_uppercase();
        t.made(FamilyKind::AccessKeys, &id);
        t.secrets_held.insert(id.clone());
        let key = AccessKey {
            id: id.clone(),
            user: name.to_owned(),
            status: AccessKey::ACTIVE.to_owned(),
            created: Fact::Known(t.now),
            last_used: Fact::Absent,
            tags,
            ..AccessKey::default()
        };
        t.truth.access_keys.put(id.clone(), key);
        output(CreateAccessKey::KEY, id)
    }
}

impl OnTwin for DeleteAccessKey {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        let (id, user) = (&self.access_key_id, self.user_name.as_str());
        let absent = || refuse("NoSuchEntity", format!("The Access Key with id {id} cannot be found."));
        let key = must(t.truth.access_keys.get(id), id, absent)?;
        if key.user != user {
            return Err(absent());
        }
        take_away(&mut t.truth.access_keys, id);
        done()
    }
}
