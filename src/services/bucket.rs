//! S3 buckets.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Form, Operation, Planned, Sent,
    spec::{
        Repeat::Harmless,
        Risk::{Irreversible, Safe},
        Spec, When, also, names, spec,
    },
    tag::Tag,
};
use crate::inventory::FamilyKind::Buckets;

/// A call that creates a bucket.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateBucket {
    /// The bucket.
    pub bucket: String,
    /// The location of the bucket; S3 accepts none in us-east-1.
    pub create_bucket_configuration: Option<CreateBucketConfiguration>,
    /// `BucketOwnerEnforced` for a bucket without ACLs.
    pub object_ownership: Option<String>,
}

impl Operation for CreateBucket {
    type Planned = Self;
    const SPEC: Spec = spec("s3", "CreateBucket", Harmless, Safe)
        .on(&[names("/Bucket", Buckets)])
        .takes_also(&[also("s3:PutBucketOwnershipControls", When::Given("ObjectOwnership"))]);
}

/// The location of a bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateBucketConfiguration {
    /// The region.
    pub location_constraint: String,
}

/// A call that deletes a bucket, which must be empty.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteBucket {
    /// The bucket.
    pub bucket: String,
    /// The account that must own the bucket.
    pub expected_bucket_owner: Option<String>,
}

impl Operation for DeleteBucket {
    type Planned = Self;
    const SPEC: Spec = spec("s3", "DeleteBucket", Harmless, Irreversible).on(&[names("/Bucket", Buckets)]);
}

/// A call that replaces all tags of a bucket.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketTagging.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct PutBucketTagging<F: Form = Sent> {
    /// The bucket.
    pub bucket: String,
    /// The tags.
    pub tagging: Tagging<F>,
    /// The account that must own the bucket.
    pub expected_bucket_owner: Option<String>,
}

impl<F: Form> Operation for PutBucketTagging<F> {
    type Planned = PutBucketTagging<Planned>;
    const SPEC: Spec = spec("s3", "PutBucketTagging", Harmless, Safe).on(&[names("/Bucket", Buckets)]);
}

/// The tags of a bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct Tagging<F: Form = Sent> {
    /// The tags.
    pub tag_set: Vec<Tag<F>>,
}

/// A call that sets the public access block of a bucket.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutPublicAccessBlock.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PutPublicAccessBlock {
    /// The bucket.
    pub bucket: String,
    /// The four settings.
    pub public_access_block_configuration: PublicAccessBlock,
    /// The account that must own the bucket.
    pub expected_bucket_owner: Option<String>,
}

impl Operation for PutPublicAccessBlock {
    type Planned = Self;
    const SPEC: Spec = spec("s3", "PutPublicAccessBlock", Harmless, Safe)
        .on(&[names("/Bucket", Buckets)])
        .named_by_iam("s3:PutBucketPublicAccessBlock");
}

/// A public access block of a bucket. AWS takes a missing setting for false.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "the four settings of AWS")]
pub struct PublicAccessBlock {
    /// New public ACLs are refused.
    pub block_public_acls: bool,
    /// Public ACLs are ignored.
    pub ignore_public_acls: bool,
    /// Public policies are refused.
    pub block_public_policy: bool,
    /// Only the account and AWS services may use a bucket with a public policy.
    pub restrict_public_buckets: bool,
}

/// A call that sets the versioning of a bucket.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketVersioning.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PutBucketVersioning {
    /// The bucket.
    pub bucket: String,
    /// The setting.
    pub versioning_configuration: VersioningConfiguration,
    /// The account that must own the bucket.
    pub expected_bucket_owner: Option<String>,
}

impl Operation for PutBucketVersioning {
    type Planned = Self;
    const SPEC: Spec = spec("s3", "PutBucketVersioning", Harmless, Safe).on(&[names("/Bucket", Buckets)]);
}

/// The versioning of a bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct VersioningConfiguration {
    /// `Enabled` or `Suspended`.
    pub status: String,
}

/// A call that sets the default encryption of a bucket.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketEncryption.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PutBucketEncryption {
    /// The bucket.
    pub bucket: String,
    /// The setting.
    pub server_side_encryption_configuration: ServerSideEncryptionConfiguration,
    /// The account that must own the bucket.
    pub expected_bucket_owner: Option<String>,
}

impl Operation for PutBucketEncryption {
    type Planned = Self;
    const SPEC: Spec = spec("s3", "PutBucketEncryption", Harmless, Safe)
        .on(&[names("/Bucket", Buckets)])
        .named_by_iam("s3:PutEncryptionConfiguration");
}

/// The default encryption of a bucket, for new objects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ServerSideEncryptionConfiguration {
    /// One rule.
    pub rules: Vec<ServerSideEncryptionRule>,
}

/// A rule of encryption.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ServerSideEncryptionRule {
    /// The encryption of an object whose request names none.
    pub apply_server_side_encryption_by_default: ServerSideEncryptionByDefault,
    /// `true` for an S3 Bucket Key, which saves calls of KMS.
    pub bucket_key_enabled: Option<bool>,
}

/// The encryption of objects whose request names none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSideEncryptionByDefault {
    /// `AES256` or `aws:kms`.
    #[serde(rename = "SSEAlgorithm")]
    pub algorithm: String,
    /// The key.
    #[serde(rename = "KMSMasterKeyID")]
    pub key: Option<String>,
}

/// A call that sets the policy of a bucket.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PutBucketPolicy {
    /// The bucket.
    pub bucket: String,
    /// The policy, as JSON text.
    pub policy: String,
    /// `true` to accept a policy that locks out the caller.
    pub confirm_remove_self_bucket_access: Option<bool>,
    /// The account that must own the bucket.
    pub expected_bucket_owner: Option<String>,
}

impl PutBucketPolicy {
    /// Creates the call that sets this policy on a bucket of an account, and locks nobody of it out.
    pub fn of(bucket: &str, policy: &Value, account: &str) -> Self {
        Self {
            bucket: bucket.to_owned(),
            policy: policy.to_string(),
            confirm_remove_self_bucket_access: Some(false),
            expected_bucket_owner: Some(account.to_owned()),
        }
    }
}

impl Operation for PutBucketPolicy {
    type Planned = Self;
    const SPEC: Spec = spec("s3", "PutBucketPolicy", Harmless, Safe).on(&[names("/Bucket", Buckets)]);
}
