//! Policies against what AWS's service authorization reference says of each action: which resources IAM can
//! bind it to, and by which conditions. The table is our own reading of the pages that each part names, kept
//! to what redress uses; an action that is new must be looked up there before it stands here.

use std::{
    collections::BTreeSet,
    process::{Command, Stdio},
};

use redress::{
    calls::SPECS,
    inventory::{FamilyKind, permissions::On},
};
use serde_json::Value;

/// An action, the kinds of resources that IAM asks about it (none: it must stand on `*`), and the condition
/// keys of ours that it knows beside those of the request.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

const TAGGED: &str = "aws:ResourceTag/redress:run";
const KEY: &[&str] = &["key"];
const VIA: &[&str] = &["kms:ViaService"];

const REFERENCE: &[Row] = &[
    // https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
    ("ec2:AuthorizeSecurityGroupIngress", &["security-group", "security-group-rule"], &[]),
    ("ec2:RevokeSecurityGroupIngress", &["security-group"], &[]),
    ("ec2:AuthorizeSecurityGroupEgress", &["security-group", "security-group-rule"], &[]),
    ("ec2:RevokeSecurityGroupEgress", &["security-group"], &[]),
    ("ec2:CreateFlowLogs", &["vpc-flow-log", "vpc"], &[]),
    ("ec2:DeleteFlowLogs", &["vpc-flow-log"], &[TAGGED]),
    ("ec2:CreateSnapshot", &["snapshot", "volume"], &[]),
    ("ec2:CreateSnapshots", &["instance", "snapshot", "volume"], &[]),
    ("ec2:CopySnapshot", &["snapshot"], &[]),
    ("ec2:DeleteSnapshot", &["snapshot"], &[TAGGED]),
    ("ec2:CreateVolume", &["volume", "snapshot"], &[]),
    ("ec2:CopyVolumes", &["volume"], &[]),
    ("ec2:DeleteVolume", &["volume"], &[TAGGED]),
    ("ec2:EnableEbsEncryptionByDefault", &[], &[]),
    ("ec2:DisableEbsEncryptionByDefault", &[], &[]),
    ("ec2:ModifySubnetAttribute", &["subnet"], &[]),
    ("ec2:CreateNetworkAclEntry", &["network-acl"], &[]),
    ("ec2:DeleteNetworkAclEntry", &["network-acl"], &[]),
    ("ec2:CreateRoute", &["route-table"], &[]),
    ("ec2:ReplaceRoute", &["route-table"], &[]),
    ("ec2:DeleteRoute", &["route-table"], &[]),
    ("ec2:AssociateRouteTable", &["route-table", "subnet"], &[]),
    ("ec2:ReplaceRouteTableAssociation", &["route-table", "subnet"], &[]),
    ("ec2:DisassociateRouteTable", &["route-table", "subnet"], &[]),
    ("ec2:RestoreSnapshotFromRecycleBin", &["snapshot"], &[]),
    ("ec2:RestoreVolumeFromRecycleBin", &["volume"], &[]),
    ("ec2:ListSnapshotsInRecycleBin", &[], &[]),
    ("ec2:ListVolumesInRecycleBin", &[], &[]),
    ("ec2:AttachVolume", &["instance", "volume"], &[TAGGED]),
    ("ec2:DetachVolume", &["instance", "volume"], &[TAGGED]),
    ("ec2:StopInstances", &["instance"], &[]),
    ("ec2:StartInstances", &["instance"], &[]),
    ("ec2:ModifyInstanceAttribute", &["instance", "volume"], &[]),
    (
        "ec2:CreateTags",
        &["instance", "network-acl", "security-group-rule", "snapshot", "volume", "vpc-flow-log"],
        &["ec2:CreateAction", "aws:TagKeys"],
    ),
    ("ec2:DeleteTags", &["instance", "network-acl", "snapshot", "volume"], &["aws:TagKeys"]),
    ("ec2:ModifyVpcEndpoint", &["vpc-endpoint", "route-table", "security-group", "subnet"], &[]),
    ("ec2:GetManagedPrefixListEntries", &["prefix-list"], &[]),
    ("ec2:DescribeInstanceAttribute", &["instance"], &[]),
    ("ec2:DescribeVpcAttribute", &["vpc"], &[]),
    ("ec2:DescribeSnapshotAttribute", &["snapshot"], &[]),
    ("ec2:ModifySnapshotAttribute", &["snapshot"], &["ec2:Add/group", "ec2:Remove/group"]),
    ("ec2:DescribeImageAttribute", &["image"], &[]),
    ("ec2:ModifyImageAttribute", &["image"], &["ec2:Add/group", "ec2:Remove/group"]),
    ("ec2:GetImageBlockPublicAccessState", &[], &[]),
    ("ec2:EnableImageBlockPublicAccess", &[], &[]),
    ("ec2:DisableImageBlockPublicAccess", &[], &[]),
    ("ec2:GetSnapshotBlockPublicAccessState", &[], &[]),
    ("ec2:EnableSnapshotBlockPublicAccess", &[], &[]),
    ("ec2:DisableSnapshotBlockPublicAccess", &[], &[]),
    ("ec2:GetEbsEncryptionByDefault", &[], &[]),
    ("ec2:DescribeVpcBlockPublicAccessOptions", &[], &[]),
    ("ec2:DescribeVpcBlockPublicAccessExclusions", &[], &[]),
    ("ec2:GetEbsDefaultKmsKeyId", &[], &[]),
    // https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html
    ("organizations:DescribeOrganization", &[], &[]),
    // https://docs.aws.amazon.com/service-authorization/latest/reference/list_servicequotas.html
    ("servicequotas:GetServiceQuota", &[], &[]),
    // https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
    ("logs:CreateLogGroup", &["log-group"], &[]),
    ("logs:TagResource", &["log-group"], &[]),
    ("logs:PutRetentionPolicy", &["log-group"], &[]),
    ("logs:DeleteLogGroup", &["log-group"], &[]),
    ("logs:DeleteRetentionPolicy", &["log-group"], &[]),
    ("logs:ListTagsForResource", &["log-group"], &[]),
    ("logs:DescribeLogGroups", &[], &[]),
    ("logs:DescribeAccountPolicies", &[], &[]),
    ("logs:CreateLogDelivery", &[], &[]),
    ("logs:DeleteLogDelivery", &[], &[]),
    // https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
    ("iam:CreateRole", &["role"], &[]),
    ("iam:TagRole", &["role"], &[]),
    ("iam:PutRolePolicy", &["role"], &[]),
    ("iam:DeleteRolePolicy", &["role"], &[]),
    ("iam:DeleteRole", &["role"], &[]),
    ("iam:GetAccountPasswordPolicy", &[], &[]),
    ("iam:UpdateAccountPasswordPolicy", &[], &[]),
    ("iam:DeleteAccountPasswordPolicy", &[], &[]),
    ("iam:PassRole", &["role"], &["iam:PassedToService"]),
    ("iam:GetRole", &["role"], &[]),
    ("iam:ListRolePolicies", &["role"], &[]),
    ("iam:GetRolePolicy", &["role"], &[]),
    ("iam:ListAttachedRolePolicies", &["role"], &[]),
    ("iam:UpdateAccessKey", &["user"], &[]),
    ("iam:GetLoginProfile", &["user"], &[]),
    ("iam:ListMFADevices", &["user"], &[]),
    ("iam:PutUserPolicy", &["user"], &[]),
    ("iam:DeleteUserPolicy", &["user"], &[]),
    ("iam:DeleteLoginProfile", &["user"], &[]),
    ("iam:CreateGroup", &["group"], &[]),
    ("iam:PutGroupPolicy", &["group"], &[]),
    ("iam:AddUserToGroup", &["group"], &[]),
    ("iam:RemoveUserFromGroup", &["group"], &[]),
    ("iam:CreateAccessKey", &["user"], &[]),
    ("iam:DeleteAccessKey", &["user"], &[]),
    ("iam:TagUser", &["user"], &[]),
    ("iam:UntagUser", &["user"], &[]),
    ("iam:AttachUserPolicy", &["user"], &["iam:PolicyARN"]),
    ("iam:DetachUserPolicy", &["user"], &["iam:PolicyARN"]),
    ("iam:UpdateServiceSpecificCredential", &["user"], &[]),
    ("iam:UpdateSSHPublicKey", &["user"], &[]),
    ("iam:UpdateSigningCertificate", &["user"], &[]),
    ("iam:ListServiceSpecificCredentials", &["user"], &[]),
    ("iam:ListSSHPublicKeys", &["user"], &[]),
    ("iam:ListSigningCertificates", &["user"], &[]),
    // https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html
    ("secretsmanager:CreateSecret", &["secret"], &[]),
    ("secretsmanager:DescribeSecret", &["secret"], &[]),
    ("secretsmanager:PutSecretValue", &["secret"], &[]),
    ("secretsmanager:UpdateSecretVersionStage", &["secret"], &[]),
    ("secretsmanager:DeleteSecret", &["secret"], &[TAGGED]),
    ("secretsmanager:TagResource", &["secret"], &[]),
    ("iam:GetUser", &["user"], &[]),
    ("iam:ListGroupsForUser", &["user"], &[]),
    ("iam:ListUserPolicies", &["user"], &[]),
    ("iam:GetUserPolicy", &["user"], &[]),
    ("iam:ListAttachedUserPolicies", &["user"], &[]),
    ("iam:ListUserTags", &["user"], &[]),
    ("iam:ListAccessKeys", &["user"], &[]),
    ("iam:GetAccessKeyLastUsed", &["user"], &[]),
    ("iam:ListGroupPolicies", &["group"], &[]),
    ("iam:GetGroupPolicy", &["group"], &[]),
    ("iam:ListAttachedGroupPolicies", &["group"], &[]),
    ("iam:GetPolicy", &["policy"], &[]),
    ("iam:GetPolicyVersion", &["policy"], &[]),
    ("iam:ListPolicyVersions", &["policy"], &[]),
    ("iam:ListEntitiesForPolicy", &["policy"], &[]),
    ("iam:CreatePolicyVersion", &["policy"], &[]),
    ("iam:SetDefaultPolicyVersion", &["policy"], &[]),
    ("iam:DeletePolicyVersion", &["policy"], &[]),
    ("iam:GenerateServiceLastAccessedDetails", &["role"], &[]),
    ("iam:GetServiceLastAccessedDetails", &[], &[]),
    ("iam:SimulatePrincipalPolicy", &["role"], &[]),
    ("iam:GetAccountAuthorizationDetails", &[], &[]),
    ("iam:GetCredentialReport", &[], &[]),
    ("iam:GenerateCredentialReport", &[], &[]),
    ("iam:GetAccountSummary", &[], &[]),
    // https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudtrail.html
    ("cloudtrail:CreateTrail", &["trail"], &[]),
    ("cloudtrail:AddTags", &["trail"], &[]),
    ("cloudtrail:UpdateTrail", &["trail"], &[]),
    ("cloudtrail:StartLogging", &["trail"], &[]),
    ("cloudtrail:StopLogging", &["trail"], &[]),
    ("cloudtrail:DeleteTrail", &["trail"], &[]),
    ("cloudtrail:GetTrailStatus", &["trail"], &[]),
    ("cloudtrail:GetEventSelectors", &["trail"], &[]),
    ("cloudtrail:ListTags", &["trail"], &[]),
    ("cloudtrail:DescribeTrails", &[], &[]),
    ("cloudtrail:LookupEvents", &[], &[]),
    // https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecurityhub.html
    ("securityhub:BatchUpdateFindings", &["hub"], &[]),
    // https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
    ("s3:CreateBucket", &["bucket"], &[]),
    ("s3:PutBucketOwnershipControls", &["bucket"], &[]),
    ("s3:DeleteBucket", &["bucket"], &[]),
    ("s3:PutBucketTagging", &["bucket"], &[]),
    ("s3:PutBucketPublicAccessBlock", &["bucket"], &[]),
    ("s3:PutBucketVersioning", &["bucket"], &[]),
    ("s3:PutEncryptionConfiguration", &["bucket"], &[]),
    ("s3:PutBucketPolicy", &["bucket"], &[]),
    ("s3:ListBucket", &["bucket"], &[]),
    ("s3:ListAllMyBuckets", &[], &[]),
    ("s3:GetBucketLocation", &["bucket"], &[]),
    ("s3:GetBucketPolicy", &["bucket"], &[]),
    ("s3:GetBucketPublicAccessBlock", &["bucket"], &[]),
    ("s3:GetBucketVersioning", &["bucket"], &[]),
    ("s3:GetEncryptionConfiguration", &["bucket"], &[]),
    ("s3:GetBucketTagging", &["bucket"], &[]),
    // https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html
    ("kms:CreateGrant", KEY, &["kms:ViaService", "kms:GrantIsForAWSResource"]),
    ("kms:Decrypt", KEY, VIA),
    ("kms:DescribeKey", KEY, VIA),
    ("kms:DisableKeyRotation", KEY, VIA),
    ("kms:EnableKeyRotation", KEY, VIA),
    ("kms:GenerateDataKeyWithoutPlaintext", KEY, VIA),
    ("kms:GetKeyPolicy", KEY, VIA),
    ("kms:GetKeyRotationStatus", KEY, VIA),
    ("kms:ListKeys", &[], &[]),
    ("kms:ListResourceTags", KEY, VIA),
    ("kms:ReEncryptFrom", KEY, VIA),
    ("kms:ReEncryptTo", KEY, VIA),
    // https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsrecyclebin.html
    ("rbin:ListRules", &[], &[]),
    ("rbin:GetRule", &["rule"], &[]),
    // https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html
    ("elasticloadbalancing:DescribeListeners", &[], &[]),
    ("elasticloadbalancing:DescribeLoadBalancers", &[], &[]),
    ("elasticloadbalancing:DescribeRules", &[], &[]),
    ("elasticloadbalancing:DescribeSSLPolicies", &[], &[]),
    ("elasticloadbalancing:DescribeTags", &[], &[]),
    ("elasticloadbalancing:DescribeTargetGroups", &[], &[]),
    ("elasticloadbalancing:DescribeTargetHealth", &[], &[]),
    ("elasticloadbalancing:ModifyListener", &["listener"], &[]),
    ("elasticloadbalancing:CreateWebACLAssociation", &["loadbalancer"], &[]),
    ("elasticloadbalancing:DeleteWebACLAssociation", &["loadbalancer"], &[]),
    ("elasticloadbalancing:GetLoadBalancerWebACL", &["loadbalancer"], &[]),
    ("elasticloadbalancing:SetWebAcl", &["loadbalancer"], &[]),
    // https://docs.aws.amazon.com/service-authorization/latest/reference/list_awswafv2.html
    ("wafv2:AssociateWebACL", &["loadbalancer", "regional"], &[]),
    ("wafv2:DisassociateWebACL", &["loadbalancer"], &[]),
    ("wafv2:GetWebACL", &["regional"], &[]),
    ("wafv2:GetWebACLForResource", &["loadbalancer", "regional"], &[]),
    ("wafv2:ListWebACLs", &[], &[]),
    // https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonroute53.html
    ("route53:ListHostedZonesByVPC", &[], &[]),
    // https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscertificatemanager.html
    ("acm:DescribeCertificate", &["certificate"], &[]),
    // https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
    ("ssm:DescribeInstanceInformation", &[], &[]),
];

/// What the reference says of an action. Descriptions of EC2 cannot be bound, but for the one that stands
/// above.
fn row(action: &str) -> Option<Row> {
    let of_ec2 = action.starts_with("ec2:Describe").then_some(("", &[][..], &[][..]));
    REFERENCE.iter().find(|(name, ..)| *name == action).copied().or(of_ec2)
}

/// `snapshot` of `arn:aws:ec2:us-east-1::snapshot/snap-1`
fn kind(arn: &str) -> &str {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    if parts[2] == "s3" { "bucket" } else { parts[5].split(['/', ':']).next().unwrap() }
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().unwrap().iter().map(|v| v.as_str().unwrap())
}

/// Where a policy is not as the reference has it. A standing role may stand on `*`, a plan's only where IAM
/// binds nothing.
fn wrong(policy: &Value, standing: bool) -> Vec<String> {
    let mut all = Vec::new();
    for statement in policy["Statement"].as_array().unwrap() {
        for action in strings(&statement["Action"]) {
            let Some((_, kinds, conditions)) = row(action) else {
                all.push(format!("{action} is not in the table"));
                continue;
            };
            for resource in strings(&statement["Resource"]) {
                let fits = if resource == "*" {
                    standing || kinds.is_empty()
                } else {
                    kinds.contains(&kind(resource))
                };
                if !fits {
                    all.push(format!("{action} cannot be bound to {resource}, or should be bound"));
                }
            }
            for key in statement["Condition"]
                .as_object()
                .into_iter()
                .flatten()
                .flat_map(|(_, keys)| keys.as_object().unwrap().keys())
            {
                if !conditions.contains(&key.as_str()) && key != "aws:RequestedRegion" {
                    all.push(format!("{action} does not know the condition {key}"));
                }
            }
        }
    }
    all
}

fn printed(folder: &std::path::Path, line: &str) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redress"));
    command
        .args(line.split(' '))
        .env_clear()
        .env("HOME", folder)
        .env("REDRESS_STATE_DIR", folder.join("state"))
        .current_dir(folder)
        .stdin(Stdio::null());
    let output = command.output().unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{line}: {e}: {}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn every_action_is_in_the_reference_and_none_is_there_for_nothing() {
    let calls = SPECS
        .iter()
        .flat_map(|s| s.permissions.iter().map(|also| also.action.to_owned()).chain([s.action()]));
    let reads = FamilyKind::ALL.iter().flat_map(|k| k.permissions()).map(|r| r.action.to_owned());
    // What belongs to no plan: looking up events, and telling of findings.
    let beside = ["cloudtrail:LookupEvents", "securityhub:BatchUpdateFindings"].map(str::to_owned);
    let used: BTreeSet<String> = calls.chain(reads).chain(beside).collect();
    let unknown: Vec<&String> = used.iter().filter(|action| row(action).is_none()).collect();
    assert!(unknown.is_empty(), "look these up in the reference: {unknown:?}");
    let idle: Vec<&str> =
        REFERENCE.iter().map(|(name, ..)| *name).filter(|name| !used.contains(*name)).collect();
    assert!(idle.is_empty(), "nothing uses these: {idle:?}");
}

#[test]
fn a_reading_is_said_to_be_scoped_exactly_where_iam_scopes_it() {
    for reading in FamilyKind::ALL.iter().flat_map(|k| k.permissions()) {
        let (_, kinds, _) = row(reading.action).unwrap();
        assert_eq!(reading.on != On::All, !kinds.is_empty(), "{}", reading.action);
    }
}

#[test]
fn policies_bind_each_action_as_the_reference_says_that_iam_can() {
    let folder = tempfile::tempdir().unwrap();
    let plan = "plan --account twin:demo --allow-cidr 203.0.113.0/24 -o plan.json --format json";
    assert!(printed(folder.path(), plan)["changes"].as_array().unwrap().len() > 10);
    let policy = printed(folder.path(), "permissions plan.json");
    assert_eq!(wrong(&policy, false), Vec::<String>::new());
    for only in ["read", "write", "report-back"] {
        assert_eq!(
            wrong(&printed(folder.path(), &format!("permissions --all --only {only}")), true),
            Vec::<String>::new()
        );
    }
}
