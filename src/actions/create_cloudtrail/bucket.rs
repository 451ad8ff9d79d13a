//! The bucket of a new trail: created, blocked from the public, versioned, encrypted, and open to this one
//! trail over TLS only. No protection of an existing bucket is lowered, and no statement of its policy is
//! lost.

use serde_json::{Value, json};

use super::{Plan, bucket_passed, once_logging};
use crate::{
    actions::{
        GuardNote, Refusal, make,
        support::{known, need, tag_list},
    },
    calls::{Act, Call, Expect, Step, WayBack, reference},
    checks::trails::bucket::{Delivery, delivery, tls_only},
    inventory::{Bucket, FamilyKind, Inventory, Trail, tag},
    services::{
        Operation, Planned,
        bucket::{
            CreateBucket, CreateBucketConfiguration, DeleteBucket, PublicAccessBlock, PutBucketEncryption,
            PutBucketPolicy, PutBucketTagging, PutBucketVersioning, PutPublicAccessBlock,
            ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
            Tagging, VersioningConfiguration,
        },
    },
};

/// The reason for keeping the settings of a bucket that existed before.
const NOT_LOWERED: &str = "the protection of a bucket is not lowered again";

/// Returns the steps that make the bucket ready, and the note of the guard for its name.
///
/// # Errors
/// A refusal if the name belongs to somebody else, or if the bucket is not redress's and may not be used.
pub fn steps(plan: &Plan, inventory: &Inventory) -> Result<(Vec<Step>, GuardNote), Refusal> {
    let name = plan.bucket.as_str();
    let Some(found) = known(inventory.buckets.get(name), &format!("bucket {name}"))? else {
        return Ok((fresh(plan)?, bucket_passed(format!("no bucket named {name} was found"))));
    };
    if !found.owned {
        return Err(Refusal::Refused(format!(
            "the bucket name {name} is owned by somebody else: logs would go to them; give the parameter \
             `bucket` another value"
        )));
    }
    let tags = known(found.tags.as_ref(), &format!("the tags of bucket {name}"))?;
    let ours = tags.is_some_and(|t| t.contains_key(tag::RUN));
    if !ours && !plan.parameters.reuse_bucket {
        return Err(Refusal::Refused(format!(
            "bucket {name} exists in this account and was not made by redress: give `reuse_bucket = true` to \
             use it, or the parameter `bucket` another value"
        )));
    }
    let note = if ours {
        format!("bucket {name} was made by redress before")
    } else {
        format!("bucket {name} exists; reuse_bucket was given")
    };
    Ok((reused(plan, found)?, bucket_passed(note)))
}

fn fresh(plan: &Plan) -> Result<Vec<Step>, Refusal> {
    let name = plan.bucket.as_str();
    let create = CreateBucket {
        bucket: name.to_owned(),
        // S3 accepts no constraint that names us-east-1.
        create_bucket_configuration: (plan.home != "us-east-1")
            .then(|| CreateBucketConfiguration { location_constraint: plan.home.clone() }),
        object_ownership: Some("BucketOwnerEnforced".to_owned()),
    };
    let there = make::is("", FamilyKind::Buckets, name, "/owned", true);
    // In us-east-1 AWS reports success when this account creates a bucket that it already owns.
    let free = make::gone("", FamilyKind::Buckets, name)
        .meaning(&format!("somebody has created bucket {name} in the meantime"));
    let create = make::act(Call::of(&plan.home, &create), vec![there]).only_if(vec![free]);
    let delete = DeleteBucket { bucket: name.to_owned(), expected_bucket_owner: owner(plan) };
    let delete = make::act(Call::of(&plan.home, &delete), vec![make::gone("", FamilyKind::Buckets, name)]);
    let way_back =
        make::back_or_keep(vec![delete], &format!("bucket {name} stays: it may hold logs"), once_logging());
    let covered = || WayBack::ByStep("create-bucket".to_owned());
    Ok(vec![
        make::step("create-bucket", format!("create bucket {name}"), create, way_back),
        make::step("tag-bucket", format!("tag bucket {name} as redress's"), tagging(plan)?, covered()),
        make::step("block-public", format!("block bucket {name} from the public"), blocked(plan), covered()),
        make::step("version-bucket", format!("keep versions in bucket {name}"), versioned(plan), covered()),
        make::step("encrypt-bucket", format!("encrypt bucket {name}"), encrypted(plan), covered()),
        make::step(
            "bucket-policy",
            format!("let the trail write to bucket {name}, by TLS only"),
            with_policy(plan, &policy(plan)),
            covered(),
        ),
    ])
}

fn reused(plan: &Plan, found: &Bucket) -> Result<Vec<Step>, Refusal> {
    let name = plan.bucket.as_str();
    need(found.region.as_ref(), &format!("the region of bucket {name}"))?;
    let kept = || WayBack::Kept(format!("bucket {name}: {NOT_LOWERED}"));
    let mut steps = Vec::new();
    if known(found.public_access_blocked.as_ref(), "the bucket's public access block")? != Some(&true) {
        steps.push(make::step(
            "block-public",
            format!("block bucket {name} from the public"),
            blocked(plan),
            kept(),
        ));
    }
    if known(found.versioning.as_ref(), "the bucket's versioning")?.map(String::as_str) != Some("Enabled") {
        steps.push(make::step(
            "version-bucket",
            format!("keep versions in bucket {name}"),
            versioned(plan),
            kept(),
        ));
    }
    let encryption = known(found.encryption.as_ref(), "the bucket's encryption")?.map(String::as_str);
    let strong_enough =
        if plan.parameters.key.is_empty() { encryption.is_some() } else { encryption == Some("aws:kms") };
    if !strong_enough {
        steps.push(make::step("encrypt-bucket", format!("encrypt bucket {name}"), encrypted(plan), kept()));
    }
    let former = known(found.policy.as_ref(), "the bucket's policy")?;
    let whole = merged(plan, former)?;
    if former != Some(&whole) {
        let way_back = match former {
            Some(former) => {
                make::back(vec![with_policy(plan, former).only_if(vec![policy_is(plan, whole.clone())])])
            }
            None => WayBack::Kept(format!(
                "bucket {name}: its policy lets the trail write and demands TLS, and stays"
            )),
        };
        // The policy is set as a whole: a statement that somebody has added since would be lost.
        let act =
            with_policy(plan, &whole).only_if(vec![policy_is(plan, former.cloned().unwrap_or_default())]);
        steps.push(make::step(
            "bucket-policy",
            format!("let the trail write to bucket {name}, by TLS only"),
            act,
            way_back,
        ));
    }
    Ok(steps)
}

/// Merges the missing statements into the former policy.
fn merged(plan: &Plan, former: Option<&Value>) -> Result<Value, Refusal> {
    let Some(former) = former else { return Ok(policy(plan)) };
    let trail = Trail { id: plan.trail.to_string(), s3_bucket_name: plan.bucket.clone(), ..Trail::default() };
    let ours = policy(plan);
    let ours = |n: usize| ours["Statement"][n].clone();
    let mut statements = match &former["Statement"] {
        Value::Array(all) => all.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    let mut lacking = match delivery(former, &trail, &plan.owner.account) {
        Delivery::Allowed => Vec::new(),
        Delivery::Missing(_) => vec![ours(0), ours(1)],
        Delivery::Unprovable(why) => {
            return Err(Refusal::Unknown(format!(
                "redress could not find out whether CloudTrail can deliver to bucket {}: {why}",
                plan.bucket
            )));
        }
    };
    if !tls_only(former) {
        lacking.push(ours(2));
    }
    if lacking.is_empty() {
        return Ok(former.clone());
    }
    // The Sid may belong to a statement of ours for another trail already, and must be unique in a policy.
    let taken =
        |sid: &Value| former["Statement"].as_array().is_some_and(|all| all.iter().any(|s| &s["Sid"] == sid));
    for mut statement in lacking {
        if taken(&statement["Sid"]) {
            statement["Sid"] = json!(format!(
                "{}{}",
                statement["Sid"].as_str().unwrap_or_default(),
                plan.parameters.name.replace(|c: char| !c.is_ascii_alphanumeric(), "")
            ));
        }
        statements.push(statement);
    }
    let mut whole = former.clone();
    whole["Statement"] = Value::Array(statements);
    Ok(whole)
}

/// Returns the policy of a bucket of our own
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html>).
fn policy(plan: &Plan) -> Value {
    let arn = plan.owner.bucket(&plan.bucket);
    let service = json!({ "Service": "cloudtrail.amazonaws.com" });
    json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "CloudTrailLooksAtTheAcl", "Effect": "Allow", "Principal": service,
            "Action": "s3:GetBucketAcl", "Resource": arn,
          "Condition": { "StringEquals": { "aws:SourceArn": plan.trail } } },
        { "Sid": "CloudTrailWrites", "Effect": "Allow", "Principal": service, "Action": "s3:PutObject",
          "Resource": format!("{arn}/AWSLogs/{}/*", plan.owner.account),
          "Condition": { "StringEquals": { "s3:x-amz-acl": "bucket-owner-full-control",
          "aws:SourceArn": plan.trail } } },
        { "Sid": "OnlyByTls", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [arn,
            format!("{arn}/*")],
          "Condition": { "Bool": { "aws:SecureTransport": "false" } } },
    ] })
}

/// Returns the account that must own the bucket when a call on it arrives.
fn owner(plan: &Plan) -> Option<String> {
    Some(plan.owner.account.clone())
}

fn setting(plan: &Plan, operation: &impl Operation, at: &str, value: Value) -> Act {
    make::act(
        Call::of(&plan.bucket_region, operation),
        vec![make::is("", FamilyKind::Buckets, plan.bucket.as_str(), at, value)],
    )
}

fn tagging(plan: &Plan) -> Result<Act, Refusal> {
    let tagging = Tagging { tag_set: tag_list(&plan.recovery()?) };
    let put = PutBucketTagging::<Planned> {
        bucket: plan.bucket.clone(),
        tagging,
        expected_bucket_owner: owner(plan),
    };
    Ok(setting(plan, &put, "/tags/known/redress:run", reference::run()))
}

fn blocked(plan: &Plan) -> Act {
    let all = PublicAccessBlock {
        block_public_acls: true,
        ignore_public_acls: true,
        block_public_policy: true,
        restrict_public_buckets: true,
    };
    let put = PutPublicAccessBlock {
        bucket: plan.bucket.clone(),
        public_access_block_configuration: all,
        expected_bucket_owner: owner(plan),
    };
    setting(plan, &put, "/public_access_blocked/known", json!(true))
}

fn versioned(plan: &Plan) -> Act {
    let versioning_configuration = VersioningConfiguration { status: "Enabled".to_owned() };
    let put = PutBucketVersioning {
        bucket: plan.bucket.clone(),
        versioning_configuration,
        expected_bucket_owner: owner(plan),
    };
    setting(plan, &put, "/versioning/known", json!("Enabled"))
}

fn encrypted(plan: &Plan) -> Act {
    let (algorithm, key) = match plan.parameters.key.as_str() {
        "" => ("AES256", None),
        key => ("aws:kms", Some(key.to_owned())),
    };
    let bucket_key_enabled = key.is_some().then_some(true);
    let by_default = ServerSideEncryptionByDefault { algorithm: algorithm.to_owned(), key };
    let rules = vec![ServerSideEncryptionRule {
        apply_server_side_encryption_by_default: by_default,
        bucket_key_enabled,
    }];
    let put = PutBucketEncryption {
        bucket: plan.bucket.clone(),
        server_side_encryption_configuration: ServerSideEncryptionConfiguration { rules },
        expected_bucket_owner: owner(plan),
    };
    setting(plan, &put, "/encryption/known", json!(algorithm))
}

fn policy_is(plan: &Plan, policy: Value) -> Expect {
    let meaning = format!("somebody has changed the policy of bucket {}", plan.bucket);
    make::is("", FamilyKind::Buckets, plan.bucket.as_str(), "/policy/known", policy).meaning(&meaning)
}

fn with_policy(plan: &Plan, policy: &Value) -> Act {
    let put = PutBucketPolicy::of(&plan.bucket, policy, &plan.owner.account);
    setting(plan, &put, "/policy/known", policy.clone())
}
