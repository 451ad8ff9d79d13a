//! The policies that narrow a session to a plan, the narrowest first. AWS takes few characters, so that a
//! policy with every resource fits a small plan only; a wider one still keeps every other action out.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Grant, Policy};

/// The characters that AWS takes of a policy that narrows a session
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_GetScopedCredentials.html>).
const TAKEN: usize = 2048;

/// Words with which the names of actions begin that only read.
const READS: &[&str] = &["Describe", "Get", "List", "Head", "Lookup"];

/// A policy that narrows a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionPolicy {
    /// The policy as JSON.
    pub document: String,
    /// The calls that the session may make under it, as the end of a sentence.
    pub allows: &'static str,
}

/// Returns the policies for a session that does what these grants are for, as far as AWS takes their length:
/// the grants themselves, their actions on any resource, and those with all reads of their services.
pub fn session_policies(grants: &[Grant]) -> Vec<SessionPolicy> {
    let all = [
        (exact(grants), "exactly the calls of the plan, on its resources"),
        (on_any(actions(grants)), "the actions of the plan, on any resource"),
        (
            on_any(reads_by_service(grants)),
            "the changing actions of the plan, on any resource, and reads of its services",
        ),
    ];
    all.into_iter()
        .map(|(policy, allows)| SessionPolicy { document: policy.to_string(), allows })
        .filter(|policy| policy.document.chars().count() <= TAKEN)
        .collect()
}

/// Returns the least policy without what AWS does not need in it.
fn exact(grants: &[Grant]) -> Value {
    let mut policy = serde_json::to_value(Policy::of(grants)).unwrap_or_default();
    for statement in policy["Statement"].as_array_mut().into_iter().flatten() {
        if let Some(statement) = statement.as_object_mut() {
            statement.remove("Sid");
        }
    }
    policy
}

fn actions(grants: &[Grant]) -> BTreeSet<String> {
    grants.iter().map(|grant| grant.action.clone()).collect()
}

fn reads_by_service(grants: &[Grant]) -> BTreeSet<String> {
    let wider = |action: String| {
        let Some((service, name)) = action.split_once(':') else { return action };
        match READS.iter().find(|word| name.starts_with(**word)) {
            Some(word) => format!("{service}:{word}*"),
            None => action,
        }
    };
    actions(grants).into_iter().map(wider).collect()
}

fn on_any(actions: BTreeSet<String>) -> Value {
    json!({ "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::permissions::{Used, on_all};

    fn grant(action: &str, resource: &str) -> Grant {
        Grant { resources: BTreeSet::from([resource.to_owned()]), ..on_all(action) }
    }

    #[test]
    fn a_small_plan_is_narrowed_to_its_resources_and_a_large_one_to_its_actions() {
        let few = [grant("ec2:DescribeVpcs", "*"), grant("ec2:DeleteVolume", "arn:aws:ec2:r:1:volume/vol-1")];
        let policies = session_policies(&few);
        assert_eq!(policies.len(), 3);
        assert!(policies[0].document.contains("vol-1") && !policies[0].document.contains("Sid"));
        assert!(!policies[1].document.contains("vol-1") && policies[1].document.contains("ec2:DescribeVpcs"));
        assert!(
            policies[2].document.contains("ec2:Describe*")
                && policies[2].document.contains("ec2:DeleteVolume")
        );
        let many: Vec<Grant> =
            (0..200).map(|n| grant("ec2:DeleteVolume", &format!("arn:volume/vol-{n}"))).collect();
        let policies = session_policies(&many);
        assert_eq!(policies.len(), 2, "every resource does not fit");
        assert!(policies.iter().all(|policy| policy.document.chars().count() <= TAKEN));
        assert_eq!(many[0].used, Used::Called);
    }

    #[test]
    fn a_plan_of_too_many_actions_has_no_policy_that_fits() {
        let many: Vec<Grant> = (0..300).map(|n| grant(&format!("ec2:Delete{n}"), "*")).collect();
        assert!(session_policies(&many).is_empty());
    }
}
