//! Secrets, as Secrets Manager treats them
//! (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/Welcome.html>). They have no content here.

use std::collections::BTreeMap;

use super::{OnTwin, done, tag::checked};
use crate::{
    calls::{CallError, Outcome},
    inventory::{Fact, FamilyKind, Secret},
    services::secret::{CreateSecret, DeleteSecret, PutSecretValue, UpdateSecretVersionStage},
    twin::{
        Twin,
        errors::{must, refuse, unknown},
        take_away,
    },
};

/// The number of labels that a version can have
/// (<https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>).
const LABELS: usize = 20;

impl OnTwin for CreateSecret {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let name = &self.name;
        let clean = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c);
        if name.is_empty() || name.len() > 512 || !name.chars().all(clean) {
            return Err(refuse("InvalidParameterException", format!("{name:?} is no name of a secret")));
        }
        match t.region(region)?.secrets.get(name) {
            Fact::Absent => {}
            Fact::Known(found) if found.deleted_date.known().is_some() => {
                return Err(refuse(
                    "InvalidRequestException",
                    "a secret with this name is already scheduled for deletion",
                ));
            }
            Fact::Known(_) => {
                return Err(refuse("ResourceExistsException", format!("the secret {name} already exists")));
            }
            silent => {
                return Err(unknown(&format!("the secret {name}"), silent.silence().unwrap_or("not read")));
            }
        }
        let tags = checked(&self.tags, "InvalidParameterException")?;
        let owner = &t.truth.owner;
        let arn =
            format!("arn:{}:secretsmanager:{region}:{}:secret:{name}-aBcDeF", owner.partition, owner.account);
        t.made(FamilyKind::Secrets, name);
        let secret = Secret {
            id: name.clone(),
            arn,
            kms_key_id: self.kms_key_id,
            deleted_date: Fact::Absent,
            tags,
            ..Secret::default()
        };
        t.region_mut(region).secrets.put(name.clone(), secret);
        done()
    }
}

impl OnTwin for PutSecretValue {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let key = &self.secret_string.access_key_id;
        if !t.secrets_held.contains(key) {
            return Err(refuse("SecretLost", format!("the secret of {key} is not held by this process")));
        }
        let mut labels = usable(t, region, &self.secret_id)?.labels.clone();
        let token = &self.client_request_token;
        if !(32..=64).contains(&token.len()) {
            return Err(refuse("InvalidParameterException", "a token has 32 to 64 characters"));
        }
        if self.version_stages.is_empty() || self.version_stages.len() > LABELS {
            return Err(refuse("InvalidParameterException", "a version has 1 to 20 labels"));
        }
        self.version_stages.iter().for_each(|label| moved(&mut labels, label, token));
        set(t, region, &self.secret_id, labels)
    }
}

impl OnTwin for UpdateSecretVersionStage {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let mut labels = usable(t, region, &self.secret_id)?.labels.clone();
        let label = &self.version_stage;
        // AWS asks for the version that has the label, so that nobody moves one unseen.
        if labels.get(label) != Some(&self.remove_from_version_id) {
            let message = format!("the version that has {label} must be named in RemoveFromVersionId");
            return Err(refuse("InvalidParameterException", message));
        }
        if !labels.values().any(|version| *version == self.move_to_version_id) {
            let message = format!("there is no version {}", self.move_to_version_id);
            return Err(refuse("ResourceNotFoundException", message));
        }
        moved(&mut labels, label, &self.move_to_version_id);
        set(t, region, &self.secret_id, labels)
    }
}

impl OnTwin for DeleteSecret {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        usable(t, region, &self.secret_id)?;
        take_away(&mut t.region_mut(region).secrets, &self.secret_id);
        done()
    }
}

/// Moves a label to a version. The version that loses `AWSCURRENT` gets `AWSPREVIOUS`, as AWS does it by
/// itself.
fn moved(labels: &mut BTreeMap<String, String>, label: &str, to: &str) {
    let had = labels.insert(label.to_owned(), to.to_owned());
    if let Some(had) = had.filter(|had| label == Secret::CURRENT && had != to) {
        labels.insert(PREVIOUS.to_owned(), had);
    }
}

fn set(t: &mut Twin, region: &str, name: &str, labels: BTreeMap<String, String>) -> Outcome {
    if let Some(secret) = t.region_mut(region).secrets.get_mut(name) {
        *secret = std::mem::take(secret).labelled(labels);
    }
    done()
}

/// The label of the version that was current before.
const PREVIOUS: &str = "AWSPREVIOUS";

/// Finds a secret that is not going to be deleted.
fn usable<'t>(t: &'t Twin, region: &str, name: &str) -> Result<&'t Secret, CallError> {
    let found = must(t.region(region)?.secrets.get(name), name, || {
        refuse("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    })?;
    match &found.deleted_date {
        Fact::Absent => Ok(found),
        Fact::Known(_) => {
            Err(refuse("InvalidRequestException", "the secret was marked for deletion and cannot be changed"))
        }
        silent => Err(unknown(&format!("whether {name} is deleted"), silent.silence().unwrap_or("not read"))),
    }
}
