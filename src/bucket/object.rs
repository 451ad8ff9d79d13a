//! Objects of one bucket, read and conditionally written. Repeats requests that were throttled or lost: a
//! conditional write that took effect although its answer was lost is recognised by its content. It knows
//! nothing of runs and locks.

use std::time::Duration;

use aws_sdk_s3::{Client, primitives::ByteStream};
use jiff::Timestamp;

use crate::{
    aws::{
        errors,
        retry::{random, reading},
    },
    calls::CallError,
};

/// The number of times that a write is tried.
const TRIES: u32 = 7;

/// A bucket, and a client for its region.
pub struct Bucket {
    pub client: Client,
    pub name: String,
}

/// The condition on which an object is written.
#[derive(Debug, Clone, Copy)]
pub enum Condition<'a> {
    /// There is no object with this key.
    Absent,
    /// The object still has this ETag.
    Is(&'a str),
}

/// The outcome of a conditional write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// Written, with this ETag.
    Written(String),
    /// The condition did not hold.
    Refused,
}

/// An object as it is.
pub struct Got {
    pub etag: String,
    pub body: Vec<u8>,
    pub modified: Option<Timestamp>,
}

impl Bucket {
    /// Returns the region of the bucket, if it differs from the given one.
    pub async fn elsewhere(&self, region: &str) -> Result<Option<String>, CallError> {
        let other = |there: Option<&str>| there.filter(|r| *r != region).map(str::to_owned);
        match self.client.head_bucket().bucket(&self.name).send().await {
            Ok(answer) => Ok(other(answer.bucket_region())),
            Err(error) => {
                let there = error.raw_response().and_then(|r| r.headers().get("x-amz-bucket-region"));
                match other(there) {
                    Some(region) => Ok(Some(region)),
                    None => Err(errors::call_error("s3:HeadBucket", &error)),
                }
            }
        }
    }

    /// Reads an object, if there is one of this key.
    pub async fn get(&self, key: &str) -> Result<Option<Got>, CallError> {
        let answer =
            reading("s3:GetObject", || self.client.get_object().bucket(&self.name).key(key).send()).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if error.code == "NoSuchKey" => return Ok(None),
            Err(error) => return Err(error),
        };
        let etag = answer.e_tag.unwrap_or_default();
        let modified = answer.last_modified.and_then(|m| Timestamp::from_second(m.secs()).ok());
        let body = answer
            .body
            .collect()
            .await
            .map_err(|e| errors::in_body("s3:GetObject", "Incomplete", &e.to_string()))?;
        Ok(Some(Got { etag, body: body.to_vec(), modified }))
    }

    /// Writes an object if the condition holds.
    pub async fn put(&self, key: &str, body: &[u8], condition: Condition<'_>) -> Result<Put, CallError> {
        let mut tries = 0;
        loop {
            let put = self
                .client
                .put_object()
                .bucket(&self.name)
                .key(key)
                .content_type("application/json")
                .body(ByteStream::from(body.to_vec()));
            let put = match condition {
                Condition::Absent => put.if_none_match("*"),
                Condition::Is(etag) => put.if_match(etag),
            };
            let error = match put.send().await {
                Ok(answer) => return Ok(Put::Written(answer.e_tag.unwrap_or_default())),
                Err(error) => errors::call_error("s3:PutObject", &error),
            };
            tries += 1;
            match error.code.as_str() {
                "PreconditionFailed" | "NoSuchKey" if tries == 1 => return Ok(Put::Refused),
                "PreconditionFailed" | "NoSuchKey" => return self.refused_or_own(key, body).await,
                // Two conditional writes at once: AWS asks to try again.
                "ConditionalRequestConflict" | "OperationAborted" if tries < TRIES => {}
                _ if (error.class.passes() || error.class.effect_unknown()) && tries < TRIES => {}
                _ => return Err(error),
            }
            // Full jitter, as everywhere: several machines may write to one bucket.
            tokio::time::sleep(Duration::from_millis(random() % (200 << tries))).await;
        }
    }

    /// Returns the outcome of a refused write: written, if an earlier try of it, whose answer was lost, took
    /// effect.
    async fn refused_or_own(&self, key: &str, body: &[u8]) -> Result<Put, CallError> {
        let there = self.get(key).await?;
        Ok(there.filter(|got| got.body == body).map_or(Put::Refused, |got| Put::Written(got.etag)))
    }

    /// Deletes an object that still has this ETag.
    pub async fn delete(&self, key: &str, etag: &str) -> Result<(), CallError> {
        let deleted = self.client.delete_object().bucket(&self.name).key(key).if_match(etag).send().await;
        deleted.map(|_| ()).map_err(|error| errors::call_error("s3:DeleteObject", &error))
    }

    /// Lists all keys under a prefix.
    pub async fn keys(&self, prefix: &str) -> Result<Vec<String>, CallError> {
        Ok(self.list(prefix, false).await?.0)
    }

    /// Lists the folders right under a prefix.
    pub async fn folders(&self, prefix: &str) -> Result<Vec<String>, CallError> {
        Ok(self.list(prefix, true).await?.1)
    }

    /// Returns whether there is any object under a prefix.
    pub async fn any(&self, prefix: &str) -> Result<bool, CallError> {
        let list = || self.client.list_objects_v2().bucket(&self.name).prefix(prefix).max_keys(1).send();
        Ok(reading("s3:ListObjectsV2", list).await?.contents.is_some_and(|c| !c.is_empty()))
    }

    async fn list(&self, prefix: &str, folders: bool) -> Result<(Vec<String>, Vec<String>), CallError> {
        let (mut keys, mut under, mut token) = (Vec::new(), Vec::new(), None::<String>);
        loop {
            let list = || {
                let list = self
                    .client
                    .list_objects_v2()
                    .bucket(&self.name)
                    .prefix(prefix)
                    .set_continuation_token(token.clone());
                if folders { list.delimiter("/").send() } else { list.send() }
            };
            let page = reading("s3:ListObjectsV2", list).await?;
            keys.extend(page.contents.unwrap_or_default().into_iter().filter_map(|o| o.key));
            under.extend(page.common_prefixes.unwrap_or_default().into_iter().filter_map(|p| p.prefix));
            match page.next_continuation_token {
                Some(next) => token = Some(next),
                None => return Ok((keys, under)),
            }
        }
    }
}
