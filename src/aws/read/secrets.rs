//! Reads secrets of Secrets Manager by name, never their content.

use aws_sdk_secretsmanager::Client;
use futures::{StreamExt, stream};

use super::{
    Ask, Members, not_listed,
    page::{some, text, time},
};
use crate::{
    aws::{errors, retry::reading},
    inventory::{Fact, Secret},
};

/// The number of secrets that are read at once.
const AT_ONCE: usize = 4;

/// Calls `secretsmanager:DescribeSecret`.
pub async fn secrets(secrets: &Client, ask: &Ask) -> Members<Secret> {
    let Ask::Ids(names) = ask else { return not_listed("secrets") };
    let all = stream::iter(names.clone()).map(|name| async move {
        let secret = secret(secrets, &name).await;
        (name, secret)
    });
    Ok(all.buffered(AT_ONCE).collect().await)
}

async fn secret(secrets: &Client, name: &str) -> Fact<Secret> {
    const OPERATION: &str = "secretsmanager:DescribeSecret";
    let found = match reading(OPERATION, || secrets.describe_secret().secret_id(name).send()).await {
        Ok(found) => found,
        Err(error) => return errors::fact(&error),
    };
    // A name may also be the beginning of an ARN, or an ARN, and so lead to another secret.
    if found.name.as_deref() != Some(name) {
        return Fact::unknown(format!("the answer is about another secret ({OPERATION})"));
    }
    let versions = found.version_ids_to_stages.unwrap_or_default();
    let labels = versions.into_iter().flat_map(|(id, labels)| {
        labels.into_iter().map(move |label| (label, id.clone())).collect::<Vec<_>>()
    });
    let secret = Secret {
        id: name.to_owned(),
        arn: text(found.arn),
        kms_key_id: some(found.kms_key_id),
        deleted_date: time(found.deleted_date).map_or(Fact::Absent, Fact::Known),
        owning_service: some(found.owning_service),
        rotation_enabled: found.rotation_enabled.unwrap_or_default(),
        tags: found
            .tags
            .unwrap_or_default()
            .into_iter()
            .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
            .collect(),
        ..Secret::default()
    };
    Fact::Known(secret.labelled(labels.collect()))
}
