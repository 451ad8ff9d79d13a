//! The requests that change buckets.

use aws_sdk_s3::{
    error::BuildError,
    types::{
        self, BucketLocationConstraint, BucketVersioningStatus, ObjectOwnership,
        PublicAccessBlockConfiguration, ServerSideEncryption,
    },
};

use super::{OnAws, To, errors, nothing, once};
use crate::{
    calls::{Call, CallError, Outcome},
    services::{
        bucket::{
            CreateBucket, CreateBucketConfiguration, DeleteBucket, PutBucketEncryption, PutBucketPolicy,
            PutBucketTagging, PutBucketVersioning, PutPublicAccessBlock, ServerSideEncryptionRule,
        },
        tag::Tag,
    },
};

impl OnAws for CreateBucket {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let place = |l: CreateBucketConfiguration| {
            let constraint = BucketLocationConstraint::from(l.location_constraint.as_str());
            types::CreateBucketConfiguration::builder().location_constraint(constraint).build()
        };
        let request = to
            .s3()
            .create_bucket()
            .bucket(self.bucket)
            .set_create_bucket_configuration(self.create_bucket_configuration.map(place))
            .set_object_ownership(self.object_ownership.as_deref().map(ObjectOwnership::from));
        once(call, request.send()).await?;
        nothing()
    }
}

impl OnAws for DeleteBucket {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(
            call,
            to.s3()
                .delete_bucket()
                .bucket(self.bucket)
                .set_expected_bucket_owner(self.expected_bucket_owner)
                .send(),
        )
        .await?;
        nothing()
    }
}

impl OnAws for PutBucketTagging {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let tag = |t: Tag| types::Tag::builder().key(t.key).value(t.value.unwrap_or_default()).build();
        let tags = self
            .tagging
            .tag_set
            .into_iter()
            .map(tag)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| refused(call, &e))?;
        let tagging =
            types::Tagging::builder().set_tag_set(Some(tags)).build().map_err(|e| refused(call, &e))?;
        once(
            call,
            to.s3()
                .put_bucket_tagging()
                .bucket(self.bucket)
                .tagging(tagging)
                .set_expected_bucket_owner(self.expected_bucket_owner)
                .send(),
        )
        .await?;
        nothing()
    }
}

impl OnAws for PutPublicAccessBlock {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let block = PublicAccessBlockConfiguration::builder()
            .block_public_acls(self.public_access_block_configuration.block_public_acls)
            .ignore_public_acls(self.public_access_block_configuration.ignore_public_acls)
            .block_public_policy(self.public_access_block_configuration.block_public_policy)
            .restrict_public_buckets(self.public_access_block_configuration.restrict_public_buckets)
            .build();
        let request =
            to.s3().put_public_access_block().bucket(self.bucket).public_access_block_configuration(block);
        once(call, request.set_expected_bucket_owner(self.expected_bucket_owner).send()).await?;
        nothing()
    }
}

impl OnAws for PutBucketVersioning {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let status = BucketVersioningStatus::from(self.versioning_configuration.status.as_str());
        let versioning = types::VersioningConfiguration::builder().status(status).build();
        let request =
            to.s3().put_bucket_versioning().bucket(self.bucket).versioning_configuration(versioning);
        once(call, request.set_expected_bucket_owner(self.expected_bucket_owner).send()).await?;
        nothing()
    }
}

impl OnAws for PutBucketEncryption {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let rule = |r: ServerSideEncryptionRule| {
            let algorithm =
                ServerSideEncryption::from(r.apply_server_side_encryption_by_default.algorithm.as_str());
            let by_default = types::ServerSideEncryptionByDefault::builder()
                .sse_algorithm(algorithm)
                .set_kms_master_key_id(r.apply_server_side_encryption_by_default.key)
                .build()?;
            let rule = types::ServerSideEncryptionRule::builder()
                .apply_server_side_encryption_by_default(by_default);
            Ok(rule.set_bucket_key_enabled(r.bucket_key_enabled).build())
        };
        let rules = self.server_side_encryption_configuration.rules.into_iter().map(rule);
        let rules = rules.collect::<Result<Vec<_>, BuildError>>().map_err(|e| refused(call, &e))?;
        let configuration = types::ServerSideEncryptionConfiguration::builder()
            .set_rules(Some(rules))
            .build()
            .map_err(|e| refused(call, &e))?;
        let request = to
            .s3()
            .put_bucket_encryption()
            .bucket(self.bucket)
            .server_side_encryption_configuration(configuration);
        once(call, request.set_expected_bucket_owner(self.expected_bucket_owner).send()).await?;
        nothing()
    }
}

impl OnAws for PutBucketPolicy {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to
            .s3()
            .put_bucket_policy()
            .bucket(self.bucket)
            .policy(self.policy)
            .set_confirm_remove_self_bucket_access(self.confirm_remove_self_bucket_access)
            .set_expected_bucket_owner(self.expected_bucket_owner);
        once(call, request.send()).await?;
        nothing()
    }
}

fn refused(call: &Call, error: &BuildError) -> CallError {
    errors::bad_input(&call.name(), error)
}
