//! IAM users and their access keys, as IAM treats them
//! (<https://docs.aws.amazon.com/IAM/latest/APIReference/welcome.html>).

use super::{OnTwin, done};
use crate::{
    calls::{CallError, Outcome},
    inventory::{AccessKey, Credential, Fact, User, UserCredentials},
    services::user::{
        AttachUserPolicy, DetachUserPolicy, UpdateAccessKey, UpdateSSHPublicKey,
        UpdateServiceSpecificCredential, UpdateSigningCertificate, UserName,
    },
    twin::{
        Twin,
        errors::{must, refuse, unknown},
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

/// The managed policies that can be attached to a user
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>).
const ATTACHED: usize = 10;

fn no_user(name: &str) -> CallError {
    refuse("NoSuchEntity", format!("The user with name {name} cannot be found."))
}

/// Returns the user, whose policies must be known, to be changed in place.
fn user<'t>(t: &'t mut Twin, name: &UserName) -> Result<&'t mut User, CallError> {
    let name = name.as_str();
    let found = must(t.truth.users.get(name), name, || no_user(name))?;
    if let Some(why) = found.inline_policies.silence().or(found.attached_policies.silence()) {
        return Err(unknown(&format!("the policies of {name}"), why));
    }
    t.truth.users.get_mut(name).ok_or_else(|| no_user(name))
}

impl OnTwin for AttachUserPolicy {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        let user = user(t, &self.user_name)?;
        if let Fact::Known(attached) = &mut user.attached_policies
            && !attached.contains(&self.policy_arn)
        {
            if attached.len() >= ATTACHED {
                let message = format!("Cannot exceed quota for PoliciesPerUser: {ATTACHED}");
                return Err(refuse("LimitExceeded", message));
            }
            attached.push(self.policy_arn);
        }
        done()
    }
}

impl OnTwin for DetachUserPolicy {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        let user = user(t, &self.user_name)?;
        let Fact::Known(attached) = &mut user.attached_policies else { return done() };
        match attached.iter().position(|arn| *arn == self.policy_arn) {
            Some(at) => {
                attached.remove(at);
                done()
            }
            None => {
                let message = format!("Policy {} was not found.", self.policy_arn);
                Err(refuse("NoSuchEntity", message))
            }
        }
    }
}

/// Sets the status of a credential in one of the lists of a user.
fn set_status(
    t: &mut Twin,
    user: &UserName,
    list: fn(&mut UserCredentials) -> &mut Fact<Vec<Credential>>,
    (id, status): (&str, String),
) -> Outcome {
    let absent = || refuse("NoSuchEntity", format!("The credential with id {id} cannot be found."));
    must(t.truth.user_credentials.get(user.as_str()), user.as_str(), absent)?;
    let Some(of_user) = t.truth.user_credentials.get_mut(user.as_str()) else { return Err(absent()) };
    match list(of_user) {
        Fact::Known(all) => match all.iter_mut().find(|one| one.id == id) {
            Some(one) => {
                one.status = status;
                done()
            }
            None => Err(absent()),
        },
        silent => Err(unknown(&format!("the credentials of {user}"), silent.silence().unwrap_or("none"))),
    }
}

impl OnTwin for UpdateServiceSpecificCredential {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        let set = (self.service_specific_credential_id.as_str(), self.status);
        set_status(t, &self.user_name, |of| &mut of.service_specific, set)
    }
}

impl OnTwin for UpdateSSHPublicKey {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        set_status(t, &self.user_name, |of| &mut of.ssh_keys, (&self.ssh_public_key_id, self.status))
    }
}

impl OnTwin for UpdateSigningCertificate {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        set_status(t, &self.user_name, |of| &mut of.certificates, (&self.certificate_id, self.status))
    }
}
