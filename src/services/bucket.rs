//! S3 buckets.

use serde::{Deserialize, Serialize};

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

/// Creates a bucket.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateBucket {
    /// The bucket.
    pub bucket: String,
    /// Where it is; S3 takes none in us-east-1.
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

/// Where a bucket is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateBucketConfiguration {
    /// The region.
    pub location_constraint: String,
}

/// Deletes a bucket, which must be empty.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteBucket {
    /// The bucket.
    pub bucket: String,
    /// The account that must own it.
    pub expected_bucket_owner: Option<String>,
}

impl Operation for DeleteBucket {
    type Planned = Self;
    const SPEC: Spec = spec("s3", "DeleteBucket", Harmless, Irreversible).on(&[names("/Bucket", Buckets)]);
}

/// Sets the tags of a bucket, all of them.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketTagging.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct PutBucketTagging<F: Form = Sent> {
    /// The bucket.
    pub bucket: String,
    /// The tags.
    pub tagging: Tagging<F>,
    /// The account that must own it.
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

/// Sets how a bucket is kept from the public.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutPublicAccessBlock.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PutPublicAccessBlock {
    /// The bucket.
    pub bucket: String,
    /// The four settings.
    pub public_access_block_configuration: PublicAccessBlock,
    /// The account that must own it.
    pub expected_bucket_owner: Option<String>,
}

impl Operation for PutPublicAccessBlock {
    type Planned = Self;
    const SPEC: Spec = spec("s3", "PutPublicAccessBlock", Harmless, Safe).on(&[names("/Bucket", Buckets)]).named_by_iam("s3:PutBucketPublicAccessBlock");
}

/// How a bucket is kept from the public. AWS takes a missing setting for false.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "the four settings of AWS")]
pub struct PublicAccessBlock {
    /// Refuses new public ACLs.
    pub block_public_acls: bool,
    /// Ignores public ACLs.
    pub ignore_public_acls: bool,
    /// Refuses public policies.
    pub block_public_policy: bool,
    /// Lets only the account and AWS services use a bucket with a public policy.
    pub restrict_public_buckets: bool,
}

/// Sets whether a bucket keeps versions.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketVersioning.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PutBucketVersioning {
    /// The bucket.
    pub bucket: String,
    /// The setting.
    pub versioning_configuration: VersioningConfiguration,
    /// The account that must own it.
    pub expected_bucket_owner: Option<String>,
}

impl Operation for PutBucketVersioning {
    type Planned = Self;
    const SPEC: Spec = spec("s3", "PutBucketVersioning", Harmless, Safe).on(&[names("/Bucket", Buckets)]);
}

/// Whether a bucket keeps versions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct VersioningConfiguration {
    /// `Enabled` or `Suspended`.
    pub status: String,
}

/// Sets how a bucket encrypts new objects.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketEncryption.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PutBucketEncryption {
    /// The bucket.
    pub bucket: String,
    /// The setting.
    pub server_side_encryption_configuration: ServerSideEncryptionConfiguration,
    /// The account that must own it.
    pub expected_bucket_owner: Option<String>,
}

impl Operation for PutBucketEncryption {
    type Planned = Self;
    const SPEC: Spec = spec("s3", "PutBucketEncryption", Harmless, Safe).on(&[names("/Bucket", Buckets)]).named_by_iam("s3:PutEncryptionConfiguration");
}

/// How a bucket encrypts new objects.
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
    /// What holds where a request names nothing.
    pub apply_server_side_encryption_by_default: ServerSideEncryptionByDefault,
    /// Whether the bucket has a key of its own, which saves calls of KMS.
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

/// Sets the policy of a bucket.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PutBucketPolicy {
    /// The bucket.
    pub bucket: String,
    /// The policy, as JSON text.
    pub policy: String,
    /// Whether a policy that locks out the caller is taken.
    pub confirm_remove_self_bucket_access: Option<bool>,
    /// The account that must own it.
    pub expected_bucket_owner: Option<String>,
}

impl Operation for PutBucketPolicy {
    type Planned = Self;
    const SPEC: Spec = spec("s3", "PutBucketPolicy", Harmless, Safe).on(&[names("/Bucket", Buckets)]);
}
