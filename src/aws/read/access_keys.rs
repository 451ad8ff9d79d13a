//! Reads access keys of IAM users. Every request names the user: where none is named, AWS takes the caller
//! for it.

use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_iam::{Client, types::AccessKeyMetadata};
use futures::{StreamExt, stream};

use super::{
    Ask, Members, Reader, credential_report, not_listed,
    page::{text, time},
};
use crate::{
    aws::{errors, retry::reading},
    calls::CallError,
    inventory::{AccessKey, Fact, LastUse, Tags},
    services::user::UserName,
};

/// The number of users or keys that are read at once.
const AT_ONCE: usize = 8;
const LAST_USED: &str = "iam:GetAccessKeyLastUsed";
const LIST: &str = "iam:ListAccessKeys";

/// The context of a reading: the client, and the key that signs its requests.
struct Keys<'r> {
    iam: &'r Client,
    own: Option<String>,
}

/// Answers questions about access keys. The keys of an id are found by its user (`iam:GetAccessKeyLastUsed`,
/// `iam:ListAccessKeys`); those that are active by the credential report, so that a user without an active
/// key costs no request. A key that was made since the report is not among them.
pub async fn access_keys(reader: Reader<'_>, iam: &Client, ask: &Ask) -> Members<AccessKey> {
    let keys = Keys { iam, own: own_key(reader).await };
    match ask {
        Ask::Ids(ids) => {
            let each = stream::iter(ids.clone()).map(|id| async {
                let key = keys.by_id(&id).await;
                (id, key)
            });
            Ok(each.buffered(AT_ONCE).collect().await)
        }
        Ask::By(name, words) if name == AccessKey::STATUS && words == &[AccessKey::ACTIVE] => {
            let rows = credential_report::report(iam).await?;
            // One about which the report is silent may have a key.
            let users = rows.into_iter().filter(|row| row.has_active_key() != Fact::Known(false));
            let users: Vec<String> = users.map(|row| row.id).filter(|name| !name.starts_with('<')).collect();
            let all = stream::iter(users).map(|user| keys.of_listed(user)).buffered(AT_ONCE);
            Ok(all.collect::<Vec<_>>().await.into_iter().flatten().collect())
        }
        Ask::By(name, users) if name == AccessKey::USER => {
            let mut all = Vec::new();
            for user in users {
                all.extend(keys.of_user(user).await?);
            }
            Ok(all)
        }
        Ask::All | Ask::By(..) => not_listed("access keys"),
    }
}

/// Returns the id of the key that signs the requests.
async fn own_key(reader: Reader<'_>) -> Option<String> {
    let provider = reader.clients.config().credentials_provider()?;
    Some(provider.provide_credentials().await.ok()?.access_key_id().to_owned())
}

impl Keys<'_> {
    async fn by_id(&self, id: &str) -> Fact<AccessKey> {
        let (user, last_used) = match self.last_use(id).await {
            Ok(found) => found,
            Err(error) => return errors::fact(&error),
        };
        let listed = match self.listed(&user).await {
            Ok(listed) => listed,
            Err(error) => return errors::fact(&error),
        };
        match listed.into_iter().find(|key| key.access_key_id.as_deref() == Some(id)) {
            Some(key) => Fact::Known(AccessKey { last_used, tags: self.tags(&user).await, ..self.key(key) }),
            None => Fact::Absent,
        }
    }

    /// Returns the user of a key, and its last use.
    async fn last_use(&self, id: &str) -> Result<(UserName, Fact<LastUse>), CallError> {
        let answer =
            reading(LAST_USED, || self.iam.get_access_key_last_used().access_key_id(id).send()).await?;
        let user = UserName::try_from(answer.user_name.unwrap_or_default())
            .map_err(|_| errors::in_body(LAST_USED, "Incomplete", "the answer names no user"))?;
        let last_used = match answer.access_key_last_used {
            None => Fact::unknown(format!("the answer does not contain it ({LAST_USED})")),
            Some(used) => match time(used.last_used_date) {
                Some(date) => Fact::Known(LastUse { date, region: used.region, service: used.service_name }),
                None => Fact::Absent,
            },
        };
        Ok((user, last_used))
    }

    async fn listed(&self, user: &UserName) -> Result<Vec<AccessKeyMetadata>, CallError> {
        // A user has two keys at most, and a page holds more
        // (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>).
        let answer = reading(LIST, || self.iam.list_access_keys().user_name(user.as_str()).send()).await?;
        if answer.is_truncated {
            return Err(errors::in_body(LIST, "Incomplete", "the answer does not contain all keys"));
        }
        Ok(answer.access_key_metadata)
    }

    /// Returns the keys of a user of the credential report. One that cannot be read is a member under the
    /// name of the user; one that is gone has none.
    async fn of_listed(&self, user: String) -> Vec<(String, Fact<AccessKey>)> {
        match self.of_user(&user).await {
            Ok(keys) => keys,
            Err(error) if errors::fact::<()>(&error).is_absent() => Vec::new(),
            Err(error) => vec![(user, Fact::unknown(&error))],
        }
    }

    async fn of_user(&self, user: &str) -> Members<AccessKey> {
        let name = UserName::try_from(user).map_err(|why| errors::bad_input(LIST, why))?;
        let listed = self.listed(&name).await?;
        let tags = self.tags(&name).await;
        let each = listed.into_iter().map(|key| async {
            let key = AccessKey { tags: tags.clone(), ..self.key(key) };
            // The last use of a key that signs nothing decides nothing.
            let last_used = match key.status == AccessKey::INACTIVE {
                true => Fact::NotRead,
                false => match self.last_use(&key.id).await {
                    Ok((_, last_used)) => last_used,
                    Err(error) => Fact::unknown(&error),
                },
            };
            (key.id.clone(), Fact::Known(AccessKey { last_used, ..key }))
        });
        Ok(stream::iter(each).buffered(AT_ONCE).collect().await)
    }

    fn key(&self, key: AccessKeyMetadata) -> AccessKey {
        let id = text(key.access_key_id);
        AccessKey {
            user: text(key.user_name),
            status: text(key.status),
            created: time(key.create_date).map_or_else(
                || Fact::unknown(format!("the answer does not contain it ({LIST})")),
                Fact::Known,
            ),
            of_caller: self.own.as_ref() == Some(&id),
            id,
            ..AccessKey::default()
        }
    }

    async fn tags(&self, user: &UserName) -> Fact<Tags> {
        const OPERATION: &str = "iam:ListUserTags";
        // A user has 50 tags at most, and a page holds them all.
        match reading(OPERATION, || self.iam.list_user_tags().user_name(user.as_str()).send()).await {
            Ok(answer) if answer.is_truncated => {
                Fact::unknown(format!("the answer does not contain all of them ({OPERATION})"))
            }
            Ok(answer) => Fact::Known(answer.tags.into_iter().map(|tag| (tag.key, tag.value)).collect()),
            Err(error) => Fact::unknown(&error),
        }
    }
}
