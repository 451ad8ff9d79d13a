//! Calls that change buckets.

use aws_sdk_s3::{
    Client,
    error::BuildError,
    types::{
        BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, ObjectOwnership, PublicAccessBlockConfiguration, ServerSideEncryption,
        ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule, Tag, Tagging, VersioningConfiguration,
    },
};
use serde::Deserialize;

use super::{errors, input, input::Tag as InputTag, nothing, once};
use crate::calls::{Call, CallError, Outcome};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct CreateBucket {
    bucket: String,
    create_bucket_configuration: Option<Location>,
    object_ownership: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Location {
    location_constraint: String,
}

/// `CreateBucket`
pub async fn create_bucket(s3: &Client, call: &Call) -> Outcome {
    let i: CreateBucket = input(call)?;
    let place = |l: Location| {
        let constraint = BucketLocationConstraint::from(l.location_constraint.as_str());
        CreateBucketConfiguration::builder().location_constraint(constraint).build()
    };
    let request = s3
        .create_bucket()
        .bucket(i.bucket)
        .set_create_bucket_configuration(i.create_bucket_configuration.map(place))
        .set_object_ownership(i.object_ownership.as_deref().map(ObjectOwnership::from));
    once(call, request.send()).await?;
    nothing()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct DeleteBucket {
    bucket: String,
    expected_bucket_owner: Option<String>,
}

/// `DeleteBucket`: AWS refuses while anything is in it.
pub async fn delete_bucket(s3: &Client, call: &Call) -> Outcome {
    let i: DeleteBucket = input(call)?;
    once(call, s3.delete_bucket().bucket(i.bucket).set_expected_bucket_owner(i.expected_bucket_owner).send()).await?;
    nothing()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct PutTagging {
    bucket: String,
    tagging: TagSet,
    expected_bucket_owner: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct TagSet {
    tag_set: Vec<InputTag>,
}

/// `PutBucketTagging`: the whole set of tags.
pub async fn put_tagging(s3: &Client, call: &Call) -> Outcome {
    let i: PutTagging = input(call)?;
    let tag = |t: InputTag| Tag::builder().key(t.key).value(t.value.unwrap_or_default()).build();
    let tags = i.tagging.tag_set.into_iter().map(tag).collect::<Result<Vec<_>, _>>().map_err(|e| refused(call, &e))?;
    let tagging = Tagging::builder().set_tag_set(Some(tags)).build().map_err(|e| refused(call, &e))?;
    once(call, s3.put_bucket_tagging().bucket(i.bucket).tagging(tagging).set_expected_bucket_owner(i.expected_bucket_owner).send()).await?;
    nothing()
}

fn refused(call: &Call, error: &BuildError) -> CallError {
    errors::bad_input(&call.name(), error)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct PutPublicAccessBlock {
    bucket: String,
    public_access_block_configuration: PublicAccessBlock,
    expected_bucket_owner: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct PublicAccessBlock {
    block_public_acls: bool,
    ignore_public_acls: bool,
    block_public_policy: bool,
    restrict_public_buckets: bool,
}

/// `PutPublicAccessBlock`
pub async fn put_public_access_block(s3: &Client, call: &Call) -> Outcome {
    let i: PutPublicAccessBlock = input(call)?;
    let block = PublicAccessBlockConfiguration::builder()
        .block_public_acls(i.public_access_block_configuration.block_public_acls)
        .ignore_public_acls(i.public_access_block_configuration.ignore_public_acls)
        .block_public_policy(i.public_access_block_configuration.block_public_policy)
        .restrict_public_buckets(i.public_access_block_configuration.restrict_public_buckets)
        .build();
    let request = s3.put_public_access_block().bucket(i.bucket).public_access_block_configuration(block);
    once(call, request.set_expected_bucket_owner(i.expected_bucket_owner).send()).await?;
    nothing()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct PutVersioning {
    bucket: String,
    versioning_configuration: Versioning,
    expected_bucket_owner: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Versioning {
    status: String,
}

/// `PutBucketVersioning`
pub async fn put_versioning(s3: &Client, call: &Call) -> Outcome {
    let i: PutVersioning = input(call)?;
    let status = BucketVersioningStatus::from(i.versioning_configuration.status.as_str());
    let versioning = VersioningConfiguration::builder().status(status).build();
    let request = s3.put_bucket_versioning().bucket(i.bucket).versioning_configuration(versioning);
    once(call, request.set_expected_bucket_owner(i.expected_bucket_owner).send()).await?;
    nothing()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct PutEncryption {
    bucket: String,
    server_side_encryption_configuration: Encryption,
    expected_bucket_owner: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Encryption {
    rules: Vec<EncryptionRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct EncryptionRule {
    apply_server_side_encryption_by_default: ByDefault,
    bucket_key_enabled: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ByDefault {
    #[serde(rename = "SSEAlgorithm")]
    algorithm: String,
    #[serde(rename = "KMSMasterKeyID")]
    key: Option<String>,
}

/// `PutBucketEncryption`
pub async fn put_encryption(s3: &Client, call: &Call) -> Outcome {
    let i: PutEncryption = input(call)?;
    let rule = |r: EncryptionRule| {
        let algorithm = ServerSideEncryption::from(r.apply_server_side_encryption_by_default.algorithm.as_str());
        let by_default =
            ServerSideEncryptionByDefault::builder().sse_algorithm(algorithm).set_kms_master_key_id(r.apply_server_side_encryption_by_default.key).build()?;
        let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(by_default);
        Ok(rule.set_bucket_key_enabled(r.bucket_key_enabled).build())
    };
    let rules = i.server_side_encryption_configuration.rules.into_iter().map(rule);
    let rules = rules.collect::<Result<Vec<_>, BuildError>>().map_err(|e| refused(call, &e))?;
    let configuration = ServerSideEncryptionConfiguration::builder().set_rules(Some(rules)).build().map_err(|e| refused(call, &e))?;
    let request = s3.put_bucket_encryption().bucket(i.bucket).server_side_encryption_configuration(configuration);
    once(call, request.set_expected_bucket_owner(i.expected_bucket_owner).send()).await?;
    nothing()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct PutPolicy {
    bucket: String,
    policy: String,
    confirm_remove_self_bucket_access: Option<bool>,
    expected_bucket_owner: Option<String>,
}

/// `PutBucketPolicy`
pub async fn put_policy(s3: &Client, call: &Call) -> Outcome {
    let i: PutPolicy = input(call)?;
    let request = s3
        .put_bucket_policy()
        .bucket(i.bucket)
        .policy(i.policy)
        .set_confirm_remove_self_bucket_access(i.confirm_remove_self_bucket_access)
        .set_expected_bucket_owner(i.expected_bucket_owner);
    once(call, request.send()).await?;
    nothing()
}
