//! Versions of customer managed policies, as IAM treats them
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-versioning.html>).

use super::{OnTwin, done, role::document};
use crate::{
    calls::{CallError, Outcome},
    inventory::{Fact, PolicyVersion, PolicyVersions},
    services::policy::{CreatePolicyVersion, DeletePolicyVersion, SetDefaultPolicyVersion},
    twin::{
        Twin,
        errors::{must, refuse},
    },
};

fn no_policy(arn: &str) -> CallError {
    refuse("NoSuchEntity", format!("Policy {arn} does not exist or is not attachable."))
}

fn no_version(arn: &str, version: &str) -> CallError {
    refuse("NoSuchEntity", format!("Policy {arn} version {version} does not exist or is not attachable."))
}

fn policy<'t>(t: &'t Twin, arn: &str) -> Result<&'t PolicyVersions, CallError> {
    must(t.truth.policy_versions.get(arn), arn, || no_policy(arn))
}

/// Puts a version in force, wherever the policy is read.
fn in_force(t: &mut Twin, arn: &str, version: &str) {
    let Some(policy) = t.truth.policy_versions.get_mut(arn) else { return };
    let Some(document) = policy.versions.get(version).map(|version| version.document.clone()) else { return };
    version.clone_into(&mut policy.default_version);
    policy.document = document.clone();
    if let Some(listed) = t.truth.managed_policies.get_mut(arn) {
        listed.document = document;
    }
}

/// Returns the number of a version: 3 for `v3`.
fn number(version: &str) -> u64 {
    version.strip_prefix('v').and_then(|number| number.parse().ok()).unwrap_or_default()
}

impl OnTwin for CreatePolicyVersion {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        let (arn, document) = (self.policy_arn.as_str(), document(&self.policy_document)?);
        let found = policy(t, arn)?;
        if found.versions.len() >= PolicyVersions::MOST {
            let most = PolicyVersions::MOST;
            return Err(refuse(
                "LimitExceeded",
                format!(
                    "A managed policy can have up to {most} versions. Before you create a new version, \
                         you must delete an existing version."
                ),
            ));
        }
        // The number of a version that was deleted is never given again.
        let last = found.versions.keys().map(|version| number(version)).max().unwrap_or_default();
        let last = t.policy_numbers.get(arn).copied().unwrap_or_default().max(last);
        let (name, created) = (format!("v{}", last + 1), Fact::Known(t.now));
        t.policy_numbers.insert(arn.to_owned(), last + 1);
        if let Some(found) = t.truth.policy_versions.get_mut(arn) {
            found.versions.insert(name.clone(), PolicyVersion { created, document });
            found.names = found.versions.keys().cloned().collect();
        }
        if self.set_as_default {
            in_force(t, arn, &name);
        }
        done()
    }
}

impl OnTwin for SetDefaultPolicyVersion {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        let (arn, version) = (self.policy_arn.as_str(), self.version_id.as_str());
        if !policy(t, arn)?.versions.contains_key(version) {
            return Err(no_version(arn, version));
        }
        in_force(t, arn, version);
        done()
    }
}

impl OnTwin for DeletePolicyVersion {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        let (arn, version) = (self.policy_arn.as_str(), self.version_id.as_str());
        let found = policy(t, arn)?;
        if !found.versions.contains_key(version) {
            return Err(no_version(arn, version));
        }
        if found.default_version == version {
            return Err(refuse("DeleteConflict", "Cannot delete the default version of a policy."));
        }
        if let Some(found) = t.truth.policy_versions.get_mut(arn) {
            found.versions.remove(version);
            found.names = found.versions.keys().cloned().collect();
        }
        done()
    }
}
