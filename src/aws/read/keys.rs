//! Reads KMS keys, by what they are asked for: id, ARN or alias.

use aws_sdk_kms::Client;
use futures::{StreamExt, stream};

use super::{Ask, Members, not_listed, page::text};
use crate::{
    aws::{errors, retry::reading},
    inventory::{Fact, Key},
};

/// `kms:DescribeKey`
pub async fn keys(kms: &Client, ask: &Ask) -> Members<Key> {
    let Ask::Ids(ids) = ask else { return not_listed("keys") };
    let keys = stream::iter(ids.clone()).map(|id| async move {
        let key = key(kms, &id).await;
        (id, key)
    });
    Ok(keys.buffered(4).collect().await)
}

async fn key(kms: &Client, id: &str) -> Fact<Key> {
    match reading("kms:DescribeKey", || kms.describe_key().key_id(id).send()).await {
        Ok(answer) => answer.key_metadata.map_or(Fact::unknown("the answer is empty (kms:DescribeKey)"), |m| {
            Fact::Known(Key {
                id: id.to_owned(),
                arn: text(m.arn),
                key_state: text(m.key_state),
                key_spec: text(m.key_spec),
                key_usage: text(m.key_usage),
                key_manager: text(m.key_manager),
            })
        }),
        Err(error) => errors::fact(&error),
    }
}
