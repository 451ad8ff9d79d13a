//! Log groups, as CloudWatch Logs treats them
//! (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/Welcome.html>).

use super::{OnTwin, done};
use crate::{
    calls::{CallError, Outcome},
    inventory::{Fact, FamilyKind, LogGroup, retention::deciding},
    services::log_group::{CreateLogGroup, DeleteLogGroup, DeleteRetentionPolicy, PutRetentionPolicy},
    twin::{
        Twin,
        errors::{must, refuse, unknown},
        take_away,
    },
};

/// Days that a retention can have.
const DAYS: &[i32] = &[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

impl OnTwin for CreateLogGroup {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let name = &self.log_group_name;
        let clean = |c: char| c.is_ascii_alphanumeric() || "._-/#".contains(c);
        if name.is_empty() || name.len() > 512 || name.starts_with("aws/") || !name.chars().all(clean) {
            return Err(refuse(
                "InvalidParameterException",
                format!("{name:?} is not the name of a log group"),
            ));
        }
        if self.tags.keys().any(|key| key.starts_with("aws:")) {
            return Err(refuse("InvalidParameterException", "tag keys that begin with aws: are reserved"));
        }
        match t.region(region)?.log_groups.get(name) {
            Fact::Absent => {}
            Fact::Known(_) => {
                return Err(refuse(
                    "ResourceAlreadyExistsException",
                    "The specified log group already exists",
                ));
            }
            silent => {
                return Err(unknown(
                    &format!("the log group {name}"),
                    silent.silence().unwrap_or("not read"),
                ));
            }
        }
        t.made(FamilyKind::LogGroups, name);
        let group = LogGroup {
            id: name.clone(),
            kms_key_id: self.kms_key_id,
            tags: Fact::Known(self.tags),
            ..LogGroup::default()
        };
        t.region_mut(region).log_groups.put(name.clone(), group);
        set_retention(t, region, name, None)
    }
}

fn absent() -> CallError {
    refuse("ResourceNotFoundException", "The specified log group does not exist.")
}

impl OnTwin for PutRetentionPolicy {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        if !DAYS.contains(&self.retention_in_days) {
            return Err(refuse(
                "InvalidParameterException",
                format!("{} is not one of the retentions that can be set", self.retention_in_days),
            ));
        }
        set_retention(t, region, &self.log_group_name, Some(self.retention_in_days))
    }
}

impl OnTwin for DeleteRetentionPolicy {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        set_retention(t, region, &self.log_group_name, None)
    }
}

/// Sets the retention of a log group. An account-level policy that applies decides in its place, and a
/// reading shows what the policy decides
/// (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>).
fn set_retention(t: &mut Twin, region: &str, name: &str, days: Option<i32>) -> Outcome {
    let known = t.region(region)?;
    must(known.log_groups.get(name), name, absent)?;
    // Policies that were not read may exist. The retention that is set is saved all the same, and no call
    // depends on it.
    let policy = deciding(&known.retention_policies, name).known().map(|policy| (*policy).clone());
    if let Some(group) = t.region_mut(region).log_groups.get_mut(name) {
        (group.retention_in_days, group.retention_policy_name) = match policy {
            Some(policy) => (policy.days.known().copied(), Some(policy.id)),
            None => (days, group.retention_policy_name.take()),
        };
    }
    done()
}

impl OnTwin for DeleteLogGroup {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let name = &self.log_group_name;
        let group = must(t.region(region)?.log_groups.get(name), name, absent)?;
        if group.deletion_protection {
            return Err(refuse(
                "ValidationException",
                "The log group cannot be deleted while its deletion protection is enabled.",
            ));
        }
        take_away(&mut t.region_mut(region).log_groups, name);
        done()
    }
}
