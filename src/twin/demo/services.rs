//! The company's trails, buckets, roles, log groups and keys, and its defaults for EBS. Data only.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{ACCOUNT, MAIN, OTHER, hours_before, tags};
use crate::inventory::{
    Bucket, CustomerKey, EbsDefaults, Fact, Inventory, Key, LogGroup, PasswordPolicy, PublicAccessOptions,
    Role, Trail, VpcPublicAccess,
};

const AUDIT: &str = "larkspur-audit";
const FLOW_LOGS: &str = "larkspur-flow-logs";

pub(super) fn furnish(company: &mut Inventory, now: Timestamp) {
    trails(company, now);
    let service = |service: &str, bucket: &str| {
        json!({ "Version": "2012-10-17", "Statement": [
            { "Sid": "Acl", "Effect": "Allow", "Principal": { "Service": service },
                "Action": "s3:GetBucketAcl", "Resource": format!("arn:aws:s3:::{bucket}") },
            { "Sid": "Write", "Effect": "Allow", "Principal": { "Service": service },
                "Action": "s3:PutObject", "Resource": format!("arn:aws:s3:::{bucket}/*"),
              "Condition": { "StringEquals": { "aws:SourceAccount": ACCOUNT } } },
        ]})
    };
    bucket(company, AUDIT, Fact::Known(service("cloudtrail.amazonaws.com", AUDIT)));
    bucket(company, FLOW_LOGS, Fact::Known(service("delivery.logs.amazonaws.com", FLOW_LOGS)));
    bucket(company, "larkspur-tiles", Fact::Absent);
    let taken = Bucket { id: "larkspur-logs".to_owned(), owned: false, ..Bucket::default() };
    company.buckets.put(taken.id.clone(), taken);
    roles(company, now);
    // Long enough for the rules of some years ago, and with a right that an update must not take.
    let policy = PasswordPolicy {
        minimum_password_length: 8,
        require_numbers: true,
        require_lowercase_characters: true,
        allow_users_to_change_password: true,
        password_reuse_prevention: Some(5),
        ..PasswordPolicy::default()
    };
    company.password_policies.put(PasswordPolicy::ID, policy);
    let lab = LogGroup {
        id: "/larkspur/lab".to_owned(),
        tags: Fact::Known(tags(&[("Team", "lab")])),
        ..LogGroup::default()
    };
    company.region_mut(MAIN).log_groups.put(lab.id.clone(), lab);
    keys(company);
}

fn trails(company: &mut Inventory, now: Timestamp) {
    let trail = |name: &str, home: &str, logs: bool| Trail {
        id: company.owner.trail(home, name).to_string(),
        name: name.to_owned(),
        home_region: home.to_owned(),
        s3_bucket_name: AUDIT.to_owned(),
        s3_key_prefix: Some(name.to_owned()),
        log_file_validation: logs,
        include_global_service_events: true,
        is_logging: Fact::Known(logs),
        latest_delivery_error: Fact::Known(String::new()),
        latest_delivery_time: hours_before(now, if logs { 1 } else { 24 * 40 })
            .map_or(Fact::Absent, Fact::Known),
        all_management_events: Fact::Known(true),
        tags: Fact::Known(tags(&[("Team", "security")])),
        ..Trail::default()
    };
    // One that somebody has stopped, in one region, without validation; one that logs, but only its own
    // region.
    for trail in [trail("company-audit", MAIN, false), trail("europe-audit", OTHER, true)] {
        company.trails.put(trail.id.clone(), trail);
    }
}

fn bucket(company: &mut Inventory, name: &str, policy: Fact<Value>) {
    let bucket = Bucket {
        id: name.to_owned(),
        owned: true,
        region: Fact::Known(MAIN.to_owned()),
        policy,
        public_access_blocked: Fact::Known(true),
        versioning: Fact::Known("Enabled".to_owned()),
        encryption: Fact::Known("AES256".to_owned()),
        encryption_key: Fact::Absent,
        tags: Fact::Known(tags(&[("Team", "security")])),
    };
    company.buckets.put(name, bucket);
}

/// Adds a delivery role whose policy does not allow logs to be written: the reason why the lab's flow log
/// fails.
fn roles(company: &mut Inventory, now: Timestamp) {
    let trust = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "Service": "vpc-flow-logs.amazonaws.com" },
            "Action": "sts:AssumeRole" },
    ]});
    let policy = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow",
        "Action": "logs:DescribeLogGroups", "Resource": "*" }] });
    let role = Role {
        id: "lab-flow-logs".to_owned(),
        arn: company.owner.role("lab-flow-logs").to_string(),
        created: hours_before(now, 24 * 300).map_or(Fact::Absent, Fact::Known),
        trust_policy: trust,
        inline_policies: Fact::Known([("deliver".to_owned(), policy)].into()),
        attached_policies: Fact::Known(Vec::new()),
        permissions_boundary: None,
        tags: tags(&[("Team", "lab")]),
    };
    company.roles.put(role.id.clone(), role);
}

/// Returns the ARN of one of the company's keys.
pub(super) fn key_arn(region: &str, key: &str) -> String {
    let last = match (region, key) {
        (MAIN, "ebs") => "11111111-2222-4333-8444-555555555501",
        (_, "ebs") => "11111111-2222-4333-8444-555555555502",
        (MAIN, "retired") => "11111111-2222-4333-8444-555555555503",
        (MAIN, "maps") => "11111111-2222-4333-8444-555555555505",
        _ => "11111111-2222-4333-8444-555555555504",
    };
    format!("arn:aws:kms:{region}:{ACCOUNT}:key/{last}")
}

fn keys(company: &mut Inventory) {
    let list = [
        (MAIN, "alias/aws/ebs", "ebs", "Enabled", "AWS"),
        (OTHER, "alias/aws/ebs", "ebs", "Enabled", "AWS"),
        (MAIN, "alias/retired", "retired", "Disabled", "CUSTOMER"),
        (OTHER, "alias/disks", "disks", "Enabled", "CUSTOMER"),
        (MAIN, "alias/maps", "maps", "Enabled", "CUSTOMER"),
    ];
    for (region, alias, name, state, manager) in list {
        let key = Key {
            id: alias.to_owned(),
            arn: key_arn(region, name),
            key_state: state.to_owned(),
            key_spec: "SYMMETRIC_DEFAULT".to_owned(),
            key_usage: "ENCRYPT_DECRYPT".to_owned(),
            key_manager: manager.to_owned(),
        };
        company.region_mut(region).keys.put(alias, key);
        if manager == "CUSTOMER" {
            // One is rotated, one is not, and one is disabled.
            let id = key_arn(region, name).rsplit('/').next().unwrap_or_default().to_owned();
            let key = CustomerKey {
                id: id.clone(),
                key_state: state.to_owned(),
                key_spec: "SYMMETRIC_DEFAULT".to_owned(),
                key_usage: "ENCRYPT_DECRYPT".to_owned(),
                key_manager: manager.to_owned(),
                origin: "AWS_KMS".to_owned(),
                replica_of: None,
                rotation: Fact::Known(name == "disks"),
                tags: Fact::Known(tags(&[("Team", name)])),
            };
            company.region_mut(region).customer_keys.put(id, key);
        }
    }
    for (region, on, key) in
        [(MAIN, false, "alias/aws/ebs".to_owned()), (OTHER, true, key_arn(OTHER, "disks"))]
    {
        let defaults = EbsDefaults { encryption_by_default: Fact::Known(on), kms_key_id: Fact::Known(key) };
        company.region_mut(region).ebs_defaults.put(EbsDefaults::ID, defaults);
        company.region_mut(region).vpc_public_access.put(VpcPublicAccess::ID, not_blocked());
    }
}

/// Returns VPC Block Public Access that nobody has ever turned on.
fn not_blocked() -> VpcPublicAccess {
    let options = PublicAccessOptions { mode: "off".to_owned(), state: "default-state".to_owned() };
    VpcPublicAccess { options: Fact::Known(options), exclusions: Fact::Known(Vec::new()) }
}
