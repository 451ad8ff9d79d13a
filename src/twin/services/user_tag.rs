//! Tags of IAM users, as IAM treats them. An access key shows those of its user.

use super::{
    OnTwin, done,
    tag::{checked, within_limit},
};
use crate::{
    calls::{CallError, Outcome},
    inventory::{AccessKey, Fact, Selector, Tags},
    services::user_tag::{TagUser, UntagUser},
    twin::{
        Twin,
        errors::{must, refuse},
    },
};

impl OnTwin for TagUser {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        let name = self.user_name.as_str();
        let mut tags = present(t, name)?;
        tags.extend(checked(&self.tags, "InvalidInput")?);
        within_limit(&tags)?;
        set(t, name, tags);
        done()
    }
}

impl OnTwin for UntagUser {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        let name = self.user_name.as_str();
        let mut tags = present(t, name)?;
        tags.retain(|key, _| !self.tag_keys.contains(key));
        set(t, name, tags);
        done()
    }
}

fn present(t: &Twin, name: &str) -> Result<Tags, CallError> {
    let user = must(t.truth.users.get(name), name, || {
        refuse("NoSuchEntity", format!("The user with name {name} cannot be found."))
    })?;
    Ok(user.tags.clone())
}

fn set(t: &mut Twin, name: &str, tags: Tags) {
    let keys = t.truth.access_keys.items.picked(&Selector::by(AccessKey::USER, name));
    let keys: Vec<String> = keys.into_iter().map(|(id, _)| id.to_owned()).collect();
    for id in keys {
        if let Some(key) = t.truth.access_keys.get_mut(&id) {
            key.tags = Fact::Known(tags.clone());
        }
    }
    if let Some(user) = t.truth.users.get_mut(name) {
        user.tags = tags;
    }
}
