//! Log groups, as CloudWatch Logs treats them
//! (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/Welcome.html>).

use serde::Deserialize;

use super::done;
use crate::{
    calls::{CallError, Outcome},
    inventory::{Fact, FamilyKind, LogGroup, Tags},
    twin::{
        Twin,
        errors::{must, refuse, unknown},
        take_away,
    },
};

/// Days that a retention can have.
const DAYS: &[i32] = &[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Create {
    log_group_name: String,
    kms_key_id: Option<String>,
    #[serde(default)]
    tags: Tags,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PutRetention {
    log_group_name: String,
    retention_in_days: i32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Named {
    log_group_name: String,
}

pub(super) fn create(t: &mut Twin, region: &str, input: Create) -> Outcome {
    let name = &input.log_group_name;
    let clean = |c: char| c.is_ascii_alphanumeric() || "._-/#".contains(c);
    if name.is_empty() || name.len() > 512 || !name.chars().all(clean) {
        return Err(refuse("InvalidParameterException", format!("{name:?} is not the name of a log group")));
    }
    if input.tags.keys().any(|key| key.starts_with("aws:")) {
        return Err(refuse("InvalidParameterException", "tag keys that begin with aws: are reserved"));
    }
    match t.region(region)?.log_groups.get(name) {
        Fact::Absent => {}
        Fact::Known(_) => return Err(refuse("ResourceAlreadyExistsException", "The specified log group already exists")),
        silent => return Err(unknown(&format!("the log group {name}"), silent.silence().unwrap_or("not read"))),
    }
    t.made(FamilyKind::LogGroups, name);
    let group = LogGroup { id: name.clone(), kms_key_id: input.kms_key_id, tags: Fact::Known(input.tags), ..LogGroup::default() };
    t.region_mut(region).log_groups.put(name.clone(), group);
    done()
}

fn absent() -> CallError {
    refuse("ResourceNotFoundException", "The specified log group does not exist.")
}

pub(super) fn put_retention(t: &mut Twin, region: &str, input: PutRetention) -> Outcome {
    if !DAYS.contains(&input.retention_in_days) {
        return Err(refuse("InvalidParameterException", format!("{} is not one of the retentions that can be set", input.retention_in_days)));
    }
    set_retention(t, region, &input.log_group_name, Some(input.retention_in_days))
}

pub(super) fn delete_retention(t: &mut Twin, region: &str, input: Named) -> Outcome {
    set_retention(t, region, &input.log_group_name, None)
}

fn set_retention(t: &mut Twin, region: &str, name: &str, days: Option<i32>) -> Outcome {
    must(t.region(region)?.log_groups.get(name), name, absent)?;
    if let Some(group) = t.region_mut(region).log_groups.get_mut(name) {
        group.retention_in_days = days;
    }
    done()
}

pub(super) fn delete(t: &mut Twin, region: &str, input: Named) -> Outcome {
    let name = &input.log_group_name;
    must(t.region(region)?.log_groups.get(name), name, absent)?;
    take_away(&mut t.region_mut(region).log_groups, name);
    done()
}
