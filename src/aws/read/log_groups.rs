//! Reads log groups: one by its exact name, with its tags, or all of them without.

use aws_sdk_cloudwatchlogs::{Client, types};
use futures::{StreamExt, stream};

use super::{
    Ask, Members, not_listed,
    page::{known, pages, some, text},
};
use crate::{
    aws::{errors, retry::reading},
    calls::CallError,
    inventory::{Fact, LogGroup, Tags},
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
        kms_key_id: some(group.kms_key_id),
        stored_bytes: group.stored_bytes.unwrap_or_default(),
        tags,
    }
}
