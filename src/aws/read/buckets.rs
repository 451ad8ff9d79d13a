//! Reads buckets by name: whose they are, and the settings of those of this account.

use aws_sdk_s3::{Client, error::SdkError, types};
use futures::{StreamExt, stream};
use serde_json::Value;

use super::{Ask, Members, Reader, not_listed, page::some};
use crate::{
    aws::{errors, retry::reading},
    calls::{CallError, ErrorClass},
    inventory::{Bucket, Fact, Reason, Tags},
};

/// Calls `s3:HeadBucket` and reads the settings of each bucket.
pub async fn buckets(reader: Reader<'_>, ask: &Ask) -> Members<Bucket> {
    let Ask::Ids(names) = ask else { return not_listed("buckets") };
    let buckets = stream::iter(names.clone()).map(|name| async move {
        let bucket = bucket(reader, &name).await;
        (name, bucket)
    });
    Ok(buckets.buffered(4).collect().await)
}

async fn bucket(reader: Reader<'_>, name: &str) -> Fact<Bucket> {
    let region = located(reader, name).await;
    let regional = reader.clients.region(region.as_deref().unwrap_or_default());
    let s3 = regional.s3();
    let head = reading("s3:HeadBucket", || {
        s3.head_bucket().bucket(name).expected_bucket_owner(reader.account).send()
    })
    .await;
    match head {
        Ok(_) => Fact::Known(settings(s3, name, reader.account).await),
        Err(error) if error.class == ErrorClass::Denied => {
            not_allowed(s3, name, &error, region.is_some()).await
        }
        Err(error) => errors::fact(&error),
    }
}

/// Returns the region of a bucket: S3 sends it to everybody in a header, whatever the rest of the answer is.
/// Whatever answers in its place, or for a bucket that does not exist, sends none.
async fn located(reader: Reader<'_>, name: &str) -> Option<String> {
    let base = reader.clients.region("");
    let region = reading("s3:HeadBucket", || async {
        match base.s3().head_bucket().bucket(name).send().await {
            Ok(answer) => Ok(answer.bucket_region),
            Err(error) => match error
                .raw_response()
                .and_then(|r| r.headers().get("x-amz-bucket-region"))
                .map(str::to_owned)
            {
                Some(region) => Ok(Some(region)),
                None => Err(error),
            },
        }
    });
    // A failure shows in the request that follows, in the region at hand.
    some(region.await.ok().flatten())
}

/// Resolves the answer "forbidden", which has two meanings: the bucket is somebody else's, or it is ours and
/// may not be read. The list of our own buckets distinguishes the two, for one that `exists`: a policy of a
/// VPC endpoint or of the organization forbids to look for a bucket that does not.
async fn not_allowed(s3: &Client, name: &str, denied: &CallError, exists: bool) -> Fact<Bucket> {
    match owns(s3, name).await {
        Ok(false) if !exists => Fact::Unknown(Reason::new(
            Reason::from(denied).cause(),
            format!(
                "{denied}; the account has no such bucket, and S3 does not show that anybody else has one"
            ),
        )),
        Ok(false) => Fact::Known(Bucket { id: name.to_owned(), owned: false, ..Bucket::default() }),
        Ok(true) => Fact::unknown(denied),
        Err(error) => Fact::Unknown(Reason::new(
            Reason::from(&error).cause(),
            format!("{denied}; whose bucket it is could not be read either: {error}"),
        )),
    }
}

async fn owns(s3: &Client, name: &str) -> Result<bool, CallError> {
    let mut token = None;
    loop {
        let request = s3.list_buckets().prefix(name).max_buckets(1000).set_continuation_token(token);
        let page = reading("s3:ListBuckets", || request.clone().send()).await?;
        if page.buckets.unwrap_or_default().iter().any(|b| b.name.as_deref() == Some(name)) {
            return Ok(true);
        }
        token = page.continuation_token.filter(|t| !t.is_empty());
        if token.is_none() {
            return Ok(false);
        }
    }
}

async fn settings(s3: &Client, name: &str, owner: &str) -> Bucket {
    let (region, policy, public_access_blocked, versioning, encrypted, tags) = futures::join!(
        region(s3, name, owner),
        policy(s3, name, owner),
        public_access_blocked(s3, name, owner),
        versioning(s3, name, owner),
        encryption(s3, name, owner),
        tags(s3, name, owner),
    );
    let (encryption, encryption_key) = encrypted;
    Bucket {
        id: name.to_owned(),
        owned: true,
        region,
        policy,
        public_access_blocked,
        versioning,
        encryption,
        encryption_key,
        tags,
    }
}

async fn region(s3: &Client, name: &str, owner: &str) -> Fact<String> {
    match reading("s3:GetBucketLocation", || {
        s3.get_bucket_location().bucket(name).expected_bucket_owner(owner).send()
    })
    .await
    {
        // The oldest two regions have names of their own here.
        Ok(answer) => Fact::Known(match some(answer.location_constraint).as_deref() {
            None => "us-east-1".to_owned(),
            Some("EU") => "eu-west-1".to_owned(),
            Some(region) => region.to_owned(),
        }),
        Err(error) => errors::fact(&error),
    }
}

async fn policy(s3: &Client, name: &str, owner: &str) -> Fact<Value> {
    match reading("s3:GetBucketPolicy", || {
        s3.get_bucket_policy().bucket(name).expected_bucket_owner(owner).send()
    })
    .await
    {
        Ok(answer) => match answer.policy.as_deref().map(serde_json::from_str) {
            Some(Ok(policy)) => Fact::Known(policy),
            Some(Err(_)) => Fact::unknown("the policy is not JSON (s3:GetBucketPolicy)"),
            None => Fact::Absent,
        },
        Err(error) => errors::fact(&error),
    }
}

async fn public_access_blocked(s3: &Client, name: &str, owner: &str) -> Fact<bool> {
    match reading("s3:GetPublicAccessBlock", || {
        s3.get_public_access_block().bucket(name).expected_bucket_owner(owner).send()
    })
    .await
    {
        Ok(answer) => answer.public_access_block_configuration.map_or(Fact::Absent, |c| {
            let all =
                [c.block_public_acls, c.ignore_public_acls, c.block_public_policy, c.restrict_public_buckets];
            Fact::Known(all.iter().all(|on| *on == Some(true)))
        }),
        Err(error) => errors::fact(&error),
    }
}

async fn versioning(s3: &Client, name: &str, owner: &str) -> Fact<String> {
    let answer = reading("s3:GetBucketVersioning", || async {
        match s3.get_bucket_versioning().bucket(name).expected_bucket_owner(owner).send().await {
            Ok(answer) => Ok(some(answer.status)),
            Err(SdkError::ServiceError(error)) => match error.raw().body().bytes().and_then(renamed) {
                Some(status) => Ok(status),
                None => Err(SdkError::ServiceError(error)),
            },
            Err(error) => Err(error),
        }
    });
    match answer.await {
        Ok(status) => status.map_or(Fact::Absent, Fact::Known),
        Err(error) => errors::fact(&error),
    }
}

/// Returns the status in the answer as moto sends it: its outermost element has another name than AWS's,
/// which the SDK takes for a broken reply. `None` for anything else.
fn renamed(body: &[u8]) -> Option<Option<String>> {
    let text = std::str::from_utf8(body).ok().filter(|t| t.contains("<GetBucketVersioningResponse"))?;
    let status = text.split_once("<Status>").and_then(|(_, rest)| rest.split_once("</Status>"));
    Some(status.map(|(status, _)| status.to_owned()))
}

/// Returns the algorithm and the key of the default encryption.
async fn encryption(s3: &Client, name: &str, owner: &str) -> (Fact<String>, Fact<String>) {
    match reading("s3:GetBucketEncryption", || {
        s3.get_bucket_encryption().bucket(name).expected_bucket_owner(owner).send()
    })
    .await
    {
        Ok(answer) => {
            let rules = answer.server_side_encryption_configuration.map(|c| c.rules).unwrap_or_default();
            let rule = rules
                .into_iter()
                .find_map(|r: types::ServerSideEncryptionRule| r.apply_server_side_encryption_by_default);
            let Some(rule) = rule else { return (Fact::Absent, Fact::Absent) };
            (
                Fact::Known(rule.sse_algorithm.as_str().to_owned()),
                some(rule.kms_master_key_id).map_or(Fact::Absent, Fact::Known),
            )
        }
        Err(error) => (errors::fact(&error), errors::fact(&error)),
    }
}

/// Reads the tags of a bucket. One without tags has an empty set, though S3 answers with an error.
async fn tags(s3: &Client, name: &str, owner: &str) -> Fact<Tags> {
    match reading("s3:GetBucketTagging", || {
        s3.get_bucket_tagging().bucket(name).expected_bucket_owner(owner).send()
    })
    .await
    {
        Ok(answer) => Fact::Known(answer.tag_set.into_iter().map(|t| (t.key, t.value)).collect()),
        Err(error) if error.code == "NoSuchTagSet" => Fact::Known(Tags::new()),
        Err(error) => errors::fact(&error),
    }
}

#[cfg(test)]
mod tests {
    use super::renamed;

    #[test]
    fn only_the_emulators_form_of_the_answer_is_read_by_hand() {
        let answer = |inner: &str| {
            format!(
                "<?xml version=\"1.0\"?><GetBucketVersioningResponse \
                 xmlns=\"x\">{inner}</GetBucketVersioningResponse>"
            )
        };
        assert_eq!(renamed(answer("<Status>Enabled</Status>").as_bytes()), Some(Some("Enabled".to_owned())));
        assert_eq!(renamed(answer("").as_bytes()), Some(None));
        assert_eq!(renamed(b"<Error><Code>AccessDenied</Code></Error>"), None);
    }
}
