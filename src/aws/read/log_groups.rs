//! Reads log groups: one by its exact name, with its tags, or all of them without; and the account's
//! retention policies.

use aws_sdk_cloudwatchlogs::{
    Client, operation::describe_account_policies::builders::DescribeAccountPoliciesFluentBuilder, types,
};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use serde_json::Value;

use super::{
    Ask, Members, not_listed,
    page::{known, pages, some, text},
};
use crate::{
    aws::{errors, retry::reading},
    calls::{CallError, ErrorClass},
    inventory::{Fact, LogGroup, RetentionPolicy, Tags},
};

/// Calls `logs:DescribeLogGroups` and `logs:ListTagsForResource`.
pub async fn log_groups(logs: &Client, ask: &Ask) -> Members<LogGroup> {
    match ask {
        Ask::All => {
            Ok(known(listed(logs, None).await?.into_iter().map(|g| log_group(g, Fact::NotRead)), |g| &g.id))
        }
        Ask::By(..) => not_listed("log groups"),
        Ask::Ids(names) => {
            let groups = stream::iter(names.clone()).map(|name| async move {
                let group = one(logs, &name).await;
                (name, group)
            });
            Ok(groups.buffered(4).collect().await)
        }
    }
}

async fn listed(logs: &Client, prefix: Option<&str>) -> Result<Vec<types::LogGroup>, CallError> {
    let request = logs.describe_log_groups().set_log_group_name_prefix(prefix.map(str::to_owned)).limit(50);
    Ok(pages!("logs:DescribeLogGroups", request, log_groups))
}

/// Reads one log group. There is no read by name: the list by prefix also holds longer names.
async fn one(logs: &Client, name: &str) -> Fact<LogGroup> {
    let listed = match listed(logs, Some(name)).await {
        Ok(listed) => listed,
        Err(error) => return errors::fact(&error),
    };
    let Some(group) = listed.into_iter().find(|g| g.log_group_name.as_deref() == Some(name)) else {
        return Fact::Absent;
    };
    let tags = match group.log_group_arn.as_deref().or(group.arn.as_deref()) {
        Some(arn) => tags(logs, arn.trim_end_matches(":*")).await,
        None => Fact::unknown("the answer holds no ARN (logs:DescribeLogGroups)"),
    };
    Fact::Known(log_group(group, tags))
}

async fn tags(logs: &Client, arn: &str) -> Fact<Tags> {
    match reading("logs:ListTagsForResource", || logs.list_tags_for_resource().resource_arn(arn).send()).await
    {
        Ok(answer) => Fact::Known(answer.tags.unwrap_or_default().into_iter().collect()),
        Err(error) => Fact::unknown(&error),
    }
}

fn log_group(group: types::LogGroup, tags: Fact<Tags>) -> LogGroup {
    LogGroup {
        id: text(group.log_group_name),
        retention_in_days: group.retention_in_days,
        retention_policy_name: some(group.retention_policy_name),
        deletion_protection: group.deletion_protection_enabled.unwrap_or_default(),
        kms_key_id: some(group.kms_key_id),
        stored_bytes: group.stored_bytes.unwrap_or_default(),
        tags,
    }
}

/// Reads the account-level retention policies of a region by `logs:DescribeAccountPolicies`.
pub async fn retention_policies(logs: &Client, ask: &Ask) -> Members<RetentionPolicy> {
    if *ask != Ask::All {
        return not_listed("no single retention policies; retention policies");
    }
    let request = logs.describe_account_policies().policy_type(types::PolicyType::RetentionPolicy);
    match policies(request).await {
        // An endpoint that is not AWS's and has no policies of the account.
        Err(error) if error.class == ErrorClass::Unsupported => Ok(Vec::new()),
        listed => Ok(known(listed?.into_iter().map(retention_policy), |policy| &policy.id)),
    }
}

async fn policies(
    request: DescribeAccountPoliciesFluentBuilder,
) -> Result<Vec<types::AccountPolicy>, CallError> {
    Ok(pages!("logs:DescribeAccountPolicies", request, account_policies))
}

fn retention_policy(policy: types::AccountPolicy) -> RetentionPolicy {
    RetentionPolicy {
        id: text(policy.policy_name),
        days: days_of(policy.policy_document.as_deref().unwrap_or_default()),
        selection: some(policy.selection_criteria),
        updated: policy.last_updated_time.and_then(|ms| Timestamp::from_millisecond(ms).ok()),
    }
}

/// Returns the days in the document of a retention policy; absent for one that keeps events for ever
/// (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutAccountPolicy.html>).
fn days_of(document: &str) -> Fact<i32> {
    let document: Value = serde_json::from_str(document).unwrap_or_default();
    let days = &document["retentionInDays"];
    if days == "NEVER_EXPIRE" {
        return Fact::Absent;
    }
    let known = days.as_i64().and_then(|days| i32::try_from(days).ok());
    known.map_or_else(|| Fact::unknown("the policy's document names no number of days"), Fact::Known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_of_a_retention_policy_names_days_or_for_ever() {
        assert_eq!(days_of(r#"{"retentionInDays": 90, "enforcementMode": "NEW_ONLY"}"#), Fact::Known(90));
        assert_eq!(days_of(r#"{"retentionInDays": "NEVER_EXPIRE"}"#), Fact::Absent);
        assert!(matches!(days_of("{}"), Fact::Unknown(_)));
        assert!(matches!(days_of("no JSON"), Fact::Unknown(_)));
    }
}
