//! Reads KMS keys: those in use by the name that was asked for (id, ARN or alias), and the customer's keys
//! with their rotation.

use aws_sdk_kms::{Client, types::KeyMetadata};
use futures::{StreamExt, stream};

use super::{
    Ask, Members, not_listed,
    page::{pages, some, text},
};
use crate::{
    aws::{errors, retry::reading},
    calls::CallError,
    inventory::{CustomerKey, Fact, Key, KeyPolicy, Tags},
};

/// The number of keys that are read at once.
const AT_ONCE: usize = 8;

/// Calls `kms:DescribeKey`.
pub async fn keys(kms: &Client, ask: &Ask) -> Members<Key> {
    let Ask::Ids(ids) = ask else { return not_listed("keys") };
    let keys = stream::iter(ids.clone()).map(|id| async move {
        let key =
            described(kms, &id).await.map_or_else(|error| errors::fact(&error), |m| Fact::Known(key(&id, m)));
        (id, key)
    });
    Ok(keys.buffered(4).collect().await)
}

/// Calls `kms:GetKeyPolicy`. The only name that a key policy can have is `default`
/// (<https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyPolicy.html>).
pub async fn policies(kms: &Client, ask: &Ask) -> Members<KeyPolicy> {
    let Ask::Ids(ids) = ask else { return not_listed("policies of keys") };
    let policies = stream::iter(ids.clone()).map(|id| async move {
        let policy = policy(kms, &id).await;
        (id, policy)
    });
    Ok(policies.buffered(4).collect().await)
}

async fn policy(kms: &Client, id: &str) -> Fact<KeyPolicy> {
    const OPERATION: &str = "kms:GetKeyPolicy";
    match reading(OPERATION, || kms.get_key_policy().key_id(id).policy_name("default").send()).await {
        Ok(answer) => match serde_json::from_str(answer.policy.as_deref().unwrap_or_default()) {
            Ok(policy) => Fact::Known(KeyPolicy { id: id.to_owned(), policy }),
            Err(error) => Fact::unknown(format!("the policy cannot be parsed: {error} ({OPERATION})")),
        },
        Err(error) => errors::fact(&error),
    }
}

async fn described(kms: &Client, id: &str) -> Result<KeyMetadata, CallError> {
    const OPERATION: &str = "kms:DescribeKey";
    let answer = reading(OPERATION, || kms.describe_key().key_id(id).send()).await?;
    answer.key_metadata.ok_or_else(|| errors::in_body(OPERATION, "Broken", "the answer is empty"))
}

fn key(id: &str, m: KeyMetadata) -> Key {
    Key {
        id: id.to_owned(),
        arn: text(m.arn),
        key_state: text(m.key_state),
        key_spec: text(m.key_spec),
        key_usage: text(m.key_usage),
        key_manager: text(m.key_manager),
    }
}

/// The states of a key (<https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html>).
const STATES: &[&str] = &[
    "Enabled",
    "Disabled",
    "Creating",
    "PendingDeletion",
    "PendingImport",
    "PendingReplicaDeletion",
    "Unavailable",
    "Updating",
];

/// Calls `kms:ListKeys`, and for each key `kms:DescribeKey`; for those that AWS can rotate also
/// `kms:GetKeyRotationStatus` and `kms:ListResourceTags`. A key that cannot be read is unknown, and the
/// others are not.
pub async fn customer_keys(kms: &Client, ask: &Ask) -> Members<CustomerKey> {
    let (ids, listed) = match ask {
        Ask::All => (listed(kms).await?, true),
        Ask::Ids(ids) => (ids.clone(), false),
        Ask::By(..) => return not_listed("keys"),
    };
    let keys = stream::iter(ids).map(|id| async move {
        let key = customer_key(kms, &id).await;
        (id, key)
    });
    let all: Vec<_> = keys.buffered(AT_ONCE).collect().await;
    // AWS's own keys are in the list too, and nobody can change them.
    let is_own =
        |(_, key): &(String, Fact<CustomerKey>)| key.known().is_none_or(|key| key.key_manager != "AWS");
    Ok(all.into_iter().filter(|key| !listed || is_own(key)).collect())
}

async fn listed(kms: &Client) -> Result<Vec<String>, CallError> {
    let keys = pages!("kms:ListKeys", kms.list_keys().limit(1000), keys, set_marker, next_marker);
    Ok(keys.into_iter().filter_map(|key| some(key.key_id)).collect())
}

async fn customer_key(kms: &Client, id: &str) -> Fact<CustomerKey> {
    let metadata = match described(kms, id).await {
        Ok(metadata) => metadata,
        Err(error) => return errors::fact(&error),
    };
    if let Some(what) = strange(&metadata) {
        return Fact::unknown(format!("{what}, which redress does not know (kms:DescribeKey)"));
    }
    let mut key = of_customer(id, metadata);
    let said = [
        ("KeyManager", &key.key_manager),
        ("KeyState", &key.key_state),
        ("KeySpec", &key.key_spec),
        ("KeyUsage", &key.key_usage),
        ("Origin", &key.origin),
    ];
    if let Some((member, _)) = said.iter().find(|(_, value)| value.is_empty()) {
        return Fact::unknown(format!("the answer holds no {member} (kms:DescribeKey)"));
    }
    if key.is_rotatable().is_ok() {
        (key.rotation, key.tags) = futures::join!(rotation(kms, id), tags(kms, id));
    }
    Fact::Known(key)
}

/// Describes a state of a key, or a type of a multi-Region key, that AWS has added later: it may mean
/// anything.
fn strange(m: &KeyMetadata) -> Option<String> {
    let kind = m.multi_region_configuration.as_ref().and_then(|c| c.multi_region_key_type.as_ref());
    if let Some(kind) = kind.filter(|kind| !matches!(kind.as_str(), "PRIMARY" | "REPLICA")) {
        return Some(format!("it is a multi-Region key of the type {}", kind.as_str()));
    }
    let state = m.key_state.as_ref().filter(|state| !STATES.contains(&state.as_str()))?;
    Some(format!("its state is {}", state.as_str()))
}

fn of_customer(id: &str, m: KeyMetadata) -> CustomerKey {
    let regions = m
        .multi_region_configuration
        .filter(|c| c.multi_region_key_type.as_ref().is_some_and(|kind| kind.as_str() == "REPLICA"));
    CustomerKey {
        id: id.to_owned(),
        key_state: text(m.key_state),
        key_spec: text(m.key_spec),
        key_usage: text(m.key_usage),
        key_manager: text(m.key_manager),
        origin: text(m.origin),
        replica_of: regions.map(|c| text(c.primary_key.and_then(|primary| primary.arn))),
        ..CustomerKey::default()
    }
}

async fn rotation(kms: &Client, id: &str) -> Fact<bool> {
    match reading("kms:GetKeyRotationStatus", || kms.get_key_rotation_status().key_id(id).send()).await {
        Ok(answer) => Fact::Known(answer.key_rotation_enabled),
        Err(error) => Fact::unknown(&error),
    }
}

async fn tags(kms: &Client, id: &str) -> Fact<Tags> {
    // A key has at most 50 tags, and a page holds them all
    // (<https://docs.aws.amazon.com/kms/latest/APIReference/API_ListResourceTags.html>).
    match reading("kms:ListResourceTags", || kms.list_resource_tags().key_id(id).limit(50).send()).await {
        Ok(answer) => Fact::Known(
            answer.tags.unwrap_or_default().into_iter().map(|tag| (tag.tag_key, tag.tag_value)).collect(),
        ),
        Err(error) => Fact::unknown(&error),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_kms::types::MultiRegionConfiguration;

    use super::*;

    #[test]
    fn a_state_and_a_type_of_keys_that_aws_adds_later_are_named() {
        let key = |kind: &str, state: &str| {
            let regions = MultiRegionConfiguration::builder().multi_region_key_type(kind.into()).build();
            let key = KeyMetadata::builder().key_id("k").key_state(state.into());
            key.multi_region_configuration(regions).build().unwrap()
        };
        for state in STATES {
            assert_eq!(["PRIMARY", "REPLICA"].map(|kind| strange(&key(kind, state))), [None, None]);
        }
        assert!(strange(&key("WITNESS", "Enabled")).is_some_and(|what| what.contains("WITNESS")));
        assert!(strange(&key("PRIMARY", "Quarantined")).is_some_and(|what| what.contains("Quarantined")));
    }
}
