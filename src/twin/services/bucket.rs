//! Buckets and their settings, as S3 treats them
//! (<https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html>).

use serde_json::Value;

use super::{
    OnTwin, done,
    tag::{checked, within_limit},
};
use crate::{
    calls::{CallError, Outcome},
    inventory::{Bucket, Fact, FamilyKind},
    services::bucket::{
        CreateBucket, DeleteBucket, PutBucketEncryption, PutBucketPolicy, PutBucketTagging,
        PutBucketVersioning, PutPublicAccessBlock, ServerSideEncryptionByDefault, ServerSideEncryptionRule,
    },
    twin::{
        Twin,
        errors::{must, refuse, unknown},
        policy, take_away,
    },
};

impl OnTwin for CreateBucket {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let name = &self.bucket;
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let inner =
            name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.');
        if !(3..=63).contains(&name.len())
            || !inner
            || !ends(name.chars().next())
            || !ends(name.chars().last())
            || name.contains("..")
        {
            return Err(refuse("InvalidBucketName", format!("The specified bucket is not valid: {name:?}")));
        }
        match (region, self.create_bucket_configuration.map(|c| c.location_constraint).as_deref()) {
            ("us-east-1", None) => {}
            ("us-east-1", Some(_)) => {
                return Err(refuse(
                    "InvalidLocationConstraint",
                    "The specified location-constraint is not valid",
                ));
            }
            (region, Some(place)) if place == region => {}
            _ => {
                return Err(refuse(
                    "IllegalLocationConstraintException",
                    "The location constraint is incompatible for the region specific endpoint",
                ));
            }
        }
        match t.truth.buckets.get(name) {
            Fact::Absent => {}
            Fact::Known(bucket) if !bucket.owned => {
                return Err(refuse(
                    "BucketAlreadyExists",
                    "The requested bucket name is not available: somebody else has it.",
                ));
            }
            // In us-east-1 alone, creating one's own bucket again succeeds.
            Fact::Known(_) if region == "us-east-1" => return done(),
            Fact::Known(_) => {
                return Err(refuse(
                    "BucketAlreadyOwnedByYou",
                    "Your previous request to create the named bucket succeeded and you already own it.",
                ));
            }
            silent => {
                return Err(unknown(&format!("the bucket {name}"), silent.silence().unwrap_or("not read")));
            }
        }
        let bucket = Bucket {
            id: name.clone(),
            owned: true,
            region: Fact::Known(region.to_owned()),
            policy: Fact::Absent,
            public_access_blocked: Fact::Known(true),
            versioning: Fact::Absent,
            encryption: Fact::Known("AES256".to_owned()),
            encryption_key: Fact::Absent,
            tags: Fact::Absent,
        };
        t.made(FamilyKind::Buckets, name);
        t.empty_buckets.insert(name.clone());
        t.truth.buckets.put(name.clone(), bucket);
        done()
    }
}

impl OnTwin for DeleteBucket {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        let name = &self.bucket;
        ours(t, name, self.expected_bucket_owner.as_deref())?;
        if !t.empty_buckets.contains(name) {
            if t.truth.trails.known().any(|(_, trail)| {
                trail.s3_bucket_name == *name && trail.latest_delivery_time.known().is_some()
            }) {
                return Err(refuse("BucketNotEmpty", "The bucket you tried to delete is not empty"));
            }
            return Err(unknown(
                &format!("whether {name} is empty"),
                "objects are not part of the inventory",
            ));
        }
        t.empty_buckets.remove(name);
        take_away(&mut t.truth.buckets, name);
        done()
    }
}

/// Returns a bucket that belongs to this account and to the expected owner.
fn ours<'a>(t: &'a Twin, name: &str, expected: Option<&str>) -> Result<&'a Bucket, CallError> {
    let bucket = must(t.truth.buckets.get(name), name, || {
        refuse("NoSuchBucket", format!("The specified bucket does not exist: {name}"))
    })?;
    if bucket.owned && expected.is_none_or(|e| e == t.truth.owner.account) {
        Ok(bucket)
    } else {
        Err(refuse("AccessDenied", "Access Denied"))
    }
}

fn change(t: &mut Twin, name: &str, expected: Option<&str>, set: impl FnOnce(&mut Bucket)) -> Outcome {
    ours(t, name, expected)?;
    if let Some(bucket) = t.truth.buckets.get_mut(name) {
        set(bucket);
    }
    done()
}

impl OnTwin for PutBucketTagging {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        let tags = checked(&self.tagging.tag_set, "InvalidTag")?;
        within_limit(&tags)?;
        change(t, &self.bucket, self.expected_bucket_owner.as_deref(), |bucket| {
            bucket.tags = if tags.is_empty() { Fact::Absent } else { Fact::Known(tags) };
        })
    }
}

impl OnTwin for PutPublicAccessBlock {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        let set = &self.public_access_block_configuration;
        let all = set.block_public_acls
            && set.ignore_public_acls
            && set.block_public_policy
            && set.restrict_public_buckets;
        change(t, &self.bucket, self.expected_bucket_owner.as_deref(), |bucket| {
            bucket.public_access_blocked = Fact::Known(all)
        })
    }
}

impl OnTwin for PutBucketVersioning {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        let status = self.versioning_configuration.status;
        if !["Enabled", "Suspended"].contains(&status.as_str()) {
            return Err(refuse(
                "MalformedXML",
                format!("a versioning status is Enabled or Suspended, not {status:?}"),
            ));
        }
        change(t, &self.bucket, self.expected_bucket_owner.as_deref(), |bucket| {
            bucket.versioning = Fact::Known(status)
        })
    }
}

impl OnTwin for PutBucketEncryption {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        let Ok([rule]): Result<[ServerSideEncryptionRule; 1], _> =
            self.server_side_encryption_configuration.rules.try_into()
        else {
            return Err(refuse("MalformedXML", "a bucket has exactly one rule of encryption"));
        };
        let ServerSideEncryptionByDefault { algorithm, key } = rule.apply_server_side_encryption_by_default;
        match (algorithm.as_str(), &key) {
            ("AES256", None) | ("aws:kms" | "aws:kms:dsse", _) => {}
            ("AES256", Some(_)) => return Err(refuse("InvalidArgument", "a KMS key is only for aws:kms")),
            (other, _) => return Err(refuse("MalformedXML", format!("{other:?} is no algorithm of S3's"))),
        }
        change(t, &self.bucket, self.expected_bucket_owner.as_deref(), |bucket| {
            bucket.encryption = Fact::Known(algorithm);
            bucket.encryption_key = key.map_or(Fact::Absent, Fact::Known);
        })
    }
}

impl OnTwin for PutBucketPolicy {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        let malformed = |why: &str| refuse("MalformedPolicy", why);
        let document: Value = serde_json::from_str(&self.policy)
            .map_err(|e| malformed(&format!("Policies must be valid JSON: {e}")))?;
        if !document["Statement"].is_array() && !document["Statement"].is_object() {
            return Err(malformed("Missing required field Statement"));
        }
        if self.policy.len() > 20 * 1024 {
            return Err(malformed("a policy has at most 20 KB"));
        }
        let bucket = ours(t, &self.bucket, self.expected_bucket_owner.as_deref())?;
        if bucket.public_access_blocked == Fact::Known(true) && policy::is_public(&document) {
            return Err(refuse(
                "AccessDenied",
                "public policies are blocked by the BlockPublicPolicy block public access setting",
            ));
        }
        change(t, &self.bucket, self.expected_bucket_owner.as_deref(), |bucket| {
            bucket.policy = Fact::Known(document)
        })
    }
}
