//! The names by which redress reads AWS's answers outside of the SDK's types, and the codes of errors,
//! against botocore's models: what a describe operation is asked, what an export reads with nothing but AWS's
//! own operations, and which codes of errors are declared.

use std::{collections::BTreeSet, fs, path::Path};

use redress::inventory::{FamilyKind, ForFamily, Stored};
use serde::{Deserializer, de::Visitor, forward_to_deserialize_any};
use serde_json::json;

use crate::models::ask;

/// Reads a source file.
pub(crate) fn source(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the literals of a source file before its unit tests, without its comments.
pub(crate) fn literals(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    let mut parts = code.split('"');
    // Outside, inside, outside: an escaped quote belongs to the inside.
    parts.next();
    while let Some(mut inside) = parts.next().map(str::to_owned) {
        while inside.ends_with('\\') && !inside.ends_with("\\\\") {
            inside.push('"');
            inside.push_str(parts.next().unwrap_or_default());
        }
        found.push(inside);
        parts.next();
    }
    found
}

/// Asks a type for the names of its members, and for nothing else.
struct Members<'m>(&'m mut Vec<&'static str>);

impl<'de> Deserializer<'de> for Members<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(serde::de::Error::custom("only members are asked for"))
    }
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        members: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.extend(members);
        self.deserialize_any(visitor)
    }
    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// The members of a kind, and those that change by themselves.
struct Parts;

impl ForFamily for Parts {
    type Out = (Vec<&'static str>, &'static [&'static str]);
    fn of<T: Stored>(self) -> Self::Out {
        let mut members = Vec::new();
        let _ = T::deserialize(Members(&mut members));
        (members, T::VOLATILE)
    }
}

#[test]
fn what_a_kind_says_of_itself_names_members_that_it_has() {
    for family in FamilyKind::ALL {
        let (members, volatile) = family.with(Parts);
        assert!(!members.is_empty(), "{family:?}");
        let about = family.about();
        let asked = about.asked.iter().flat_map(|asked| asked.members).map(|(pointer, _)| *pointer);
        let named = asked.chain(about.reason).map(|pointer| pointer.trim_start_matches('/'));
        for name in named.chain(volatile.iter().copied()) {
            let first = name.split('/').next().unwrap_or_default();
            assert!(members.contains(&first), "{family:?} has no {name}: {members:?}");
        }
    }
}

#[test]
fn what_a_describe_operation_is_asked_is_in_awss_model() {
    let mut questions = Vec::new();
    for family in FamilyKind::ALL {
        let Some(asked) = &family.about().asked else { continue };
        let mut about = |side: &str, path: String, word: &str| {
            questions
                .push(json!({ "service": "ec2", "operation": asked.operation, "side": side, "path": path,
                "word": word }));
        };
        // The filters that a member takes are in its documentation only.
        about("in", asked.filters.to_owned(), asked.id);
        about("in", format!("{}[].Name", asked.filters), "");
        about("in", format!("{}[].Values", asked.filters), "");
        about("out", asked.at.to_owned(), "");
        for (_, member) in asked.members {
            about("out", format!("{}.{member}", asked.at), "");
        }
        if family.with(Parts).0.contains(&"tags") {
            about("out", format!("{}.{}[].Key", asked.at, asked.tags), "");
            about("out", format!("{}.{}[].Value", asked.at, asked.tags), "");
        }
    }
    assert!(questions.len() > 40);
    ask("paths", &questions);
}

/// Paths in the input (`in`) or the answer (`out`) of an operation.
type Paths = (&'static str, &'static str, &'static str, &'static [&'static str]);

/// The members of the rules that are added, alike in both directions.
const PERMISSIONS: &[&str] = &[
    "IpPermissions[].IpProtocol",
    "IpPermissions[].FromPort",
    "IpPermissions[].ToPort",
    "IpPermissions[].IpRanges[].CidrIp",
    "IpPermissions[].Ipv6Ranges[].CidrIpv6",
    "IpPermissions[].PrefixListIds[].PrefixListId",
    "IpPermissions[].UserIdGroupPairs[].GroupId",
];

/// What an export asks AWS and reads there (`src/plan/export/facts.rs`, `before.rs`, `shell.rs`).
const READ: &[Paths] = &[
    ("ec2", "DescribeInstanceStatus", "in", &["InstanceIds", "IncludeAllInstances"]),
    (
        "ec2",
        "DescribeInstanceStatus",
        "out",
        &[
            "InstanceStatuses[0].SystemStatus.Status",
            "InstanceStatuses[0].InstanceStatus.Status",
            "InstanceStatuses[0].AttachedEbsStatus.Status",
        ],
    ),
    ("ec2", "DescribeApplicationStatus", "in", &["InstanceIds"]),
    (
        "ec2",
        "DescribeApplicationStatus",
        "out",
        &["ApplicationStatuses.Instances[0].ApplicationStatus.Status"],
    ),
    (
        "ec2",
        "DescribeInstances",
        "out",
        &[
            "Reservations[0].Instances[0].BlockDeviceMappings[].DeviceName",
            "Reservations[0].Instances[0].BlockDeviceMappings[].Ebs.VolumeId",
            "Reservations[0].Instances[0].BlockDeviceMappings[].Ebs.DeleteOnTermination",
        ],
    ),
    ("ec2", "DescribeInstances", "in", &["Filters[].Name", "Filters[].Values"]),
    ("ec2", "DescribeFlowLogs", "in", &["Filter[].Name", "Filter[].Values"]),
    ("ec2", "DescribeFlowLogs", "out", &["FlowLogs"]),
    ("ec2", "DescribeSecurityGroupRules", "in", &["Filters[].Name", "Filters[].Values"]),
    (
        "ec2",
        "DescribeSecurityGroupRules",
        "out",
        &[
            "SecurityGroupRules[].IpProtocol",
            "SecurityGroupRules[].FromPort",
            "SecurityGroupRules[].ToPort",
            "SecurityGroupRules[].CidrIpv4",
            "SecurityGroupRules[].CidrIpv6",
            "SecurityGroupRules[].PrefixListId",
            "SecurityGroupRules[].ReferencedGroupInfo.GroupId",
        ],
    ),
    ("ec2", "DescribeRouteTables", "in", &["Filters[].Name", "Filters[].Values"]),
    (
        "ec2",
        "DescribeRouteTables",
        "out",
        &[
            "RouteTables[0].Routes[].DestinationCidrBlock",
            "RouteTables[0].Routes[].DestinationIpv6CidrBlock",
            "RouteTables[0].Routes[].DestinationPrefixListId",
            "RouteTables[0].Routes[].State",
            "RouteTables[0].Associations[].RouteTableAssociationId",
            "RouteTables[0].Associations[].SubnetId",
            "RouteTables[0].Associations[].Main",
            "RouteTables[0].Associations[].AssociationState.State",
        ],
    ),
    ("ec2", "DescribeVolumes", "out", &["Volumes[0].Tags[].Key", "Volumes[0].Tags[].Value"]),
    ("ec2", "DescribeSnapshotAttribute", "in", &["SnapshotId", "Attribute"]),
    ("ec2", "DescribeSnapshotAttribute", "out", &["CreateVolumePermissions[].Group"]),
    ("ec2", "DescribeImageAttribute", "in", &["ImageId", "Attribute"]),
    ("ec2", "DescribeImageAttribute", "out", &["LaunchPermissions[].Group"]),
    ("ec2", "GetImageBlockPublicAccessState", "out", &["ImageBlockPublicAccessState"]),
    ("ec2", "GetSnapshotBlockPublicAccessState", "out", &["State"]),
    ("ec2", "GetEbsEncryptionByDefault", "out", &["EbsEncryptionByDefault"]),
    ("ec2", "DescribeNetworkAcls", "in", &["NetworkAclIds"]),
    ("ec2", "DescribeNetworkAcls", "out", &["NetworkAcls"]),
    ("elbv2", "DescribeListeners", "in", &["ListenerArns"]),
    ("elbv2", "DescribeListeners", "out", &["Listeners[0].SslPolicy", "Listeners[0].DefaultActions"]),
    ("wafv2", "GetWebACLForResource", "in", &["ResourceArn"]),
    ("wafv2", "GetWebACLForResource", "out", &["WebACL.ARN"]),
    ("kms", "GetKeyRotationStatus", "in", &["KeyId"]),
    ("kms", "GetKeyRotationStatus", "out", &["KeyRotationEnabled"]),
    ("logs", "DescribeLogGroups", "in", &["logGroupNamePrefix"]),
    (
        "logs",
        "DescribeLogGroups",
        "out",
        &["logGroups[].logGroupName", "logGroups[].retentionInDays", "logGroups[].deletionProtectionEnabled"],
    ),
    ("cloudtrail", "GetTrailStatus", "in", &["Name"]),
    ("cloudtrail", "GetTrailStatus", "out", &["IsLogging"]),
    ("cloudtrail", "DescribeTrails", "in", &["trailNameList"]),
    (
        "cloudtrail",
        "DescribeTrails",
        "out",
        &[
            "trailList[0].Name",
            "trailList[0].IsMultiRegionTrail",
            "trailList[0].LogFileValidationEnabled",
            "trailList[0].IncludeGlobalServiceEvents",
        ],
    ),
    ("iam", "GetRole", "in", &["RoleName"]),
    ("iam", "GetRole", "out", &["Role.RoleName"]),
    ("iam", "GetRolePolicy", "in", &["RoleName", "PolicyName"]),
    ("iam", "GetRolePolicy", "out", &["PolicyName"]),
    ("iam", "ListGroupPolicies", "in", &["GroupName"]),
    ("iam", "ListGroupPolicies", "out", &["PolicyNames"]),
    ("iam", "ListAttachedGroupPolicies", "in", &["GroupName"]),
    ("iam", "ListAttachedGroupPolicies", "out", &["AttachedPolicies"]),
    ("iam", "GetGroupPolicy", "in", &["GroupName", "PolicyName"]),
    ("iam", "GetGroupPolicy", "out", &["PolicyName"]),
    ("iam", "GetLoginProfile", "in", &["UserName"]),
    ("iam", "GetLoginProfile", "out", &["LoginProfile.UserName"]),
    ("iam", "GetUser", "in", &["UserName"]),
    (
        "iam",
        "GetUser",
        "out",
        &["User.PasswordLastUsed", "User.UserName", "User.UserId", "User.Tags[].Value"],
    ),
    ("iam", "ListMFADevices", "in", &["UserName"]),
    ("iam", "ListMFADevices", "out", &["MFADevices"]),
    ("iam", "ListGroupsForUser", "in", &["UserName"]),
    ("iam", "ListGroupsForUser", "out", &["Groups[].GroupName"]),
    ("iam", "GetUserPolicy", "in", &["UserName", "PolicyName"]),
    ("iam", "GetUserPolicy", "out", &["PolicyName"]),
    ("iam", "GetAccessKeyLastUsed", "in", &["AccessKeyId"]),
    ("iam", "GetAccessKeyLastUsed", "out", &["AccessKeyLastUsed.LastUsedDate"]),
    ("iam", "ListServiceSpecificCredentials", "in", &["UserName"]),
    (
        "iam",
        "ListServiceSpecificCredentials",
        "out",
        &["ServiceSpecificCredentials[].ServiceSpecificCredentialId", "ServiceSpecificCredentials[].Status"],
    ),
    ("iam", "ListSSHPublicKeys", "in", &["UserName"]),
    ("iam", "ListSSHPublicKeys", "out", &["SSHPublicKeys[].SSHPublicKeyId", "SSHPublicKeys[].Status"]),
    ("iam", "ListSigningCertificates", "in", &["UserName"]),
    ("iam", "ListSigningCertificates", "out", &["Certificates[].CertificateId", "Certificates[].Status"]),
    ("iam", "ListAccessKeys", "in", &["UserName"]),
    ("iam", "ListAccessKeys", "out", &["AccessKeyMetadata[].AccessKeyId", "AccessKeyMetadata[].Status"]),
    (
        "iam",
        "GetAccountPasswordPolicy",
        "out",
        &[
            "PasswordPolicy.MinimumPasswordLength",
            "PasswordPolicy.RequireSymbols",
            "PasswordPolicy.RequireNumbers",
            "PasswordPolicy.RequireUppercaseCharacters",
            "PasswordPolicy.RequireLowercaseCharacters",
            "PasswordPolicy.AllowUsersToChangePassword",
            "PasswordPolicy.MaxPasswordAge",
            "PasswordPolicy.PasswordReusePrevention",
            "PasswordPolicy.HardExpiry",
        ],
    ),
    ("s3", "HeadBucket", "in", &["Bucket"]),
    ("sts", "GetCallerIdentity", "out", &["Account"]),
    // The inputs of planned calls that `before.rs` looks into, and the outputs of them that `shell.rs` keeps.
    ("ec2", "ModifyInstanceAttribute", "in", &["InstanceId"]),
    ("ec2", "ModifyInstanceAttribute", "in", &["BlockDeviceMappings[0].DeviceName"]),
    ("ec2", "ModifyInstanceAttribute", "in", &["BlockDeviceMappings[0].Ebs.DeleteOnTermination"]),
    ("ec2", "ModifyVpcEndpoint", "in", &["VpcEndpointId", "PolicyDocument", "PrivateDnsEnabled"]),
    ("ec2", "CreateFlowLogs", "in", &["ResourceIds"]),
    ("ec2", "CreateFlowLogs", "out", &["FlowLogIds"]),
    ("ec2", "CreateSnapshot", "in", &["VolumeId"]),
    ("ec2", "CreateSnapshot", "out", &["SnapshotId"]),
    ("ec2", "CopySnapshot", "out", &["SnapshotId"]),
    ("ec2", "CreateVolume", "out", &["VolumeId"]),
    ("ec2", "CopyVolumes", "out", &["Volumes[].VolumeId"]),
    ("ec2", "CreateSnapshots", "in", &["InstanceSpecification.InstanceId"]),
    ("ec2", "CreateSnapshots", "out", &["Snapshots[].VolumeId", "Snapshots[].SnapshotId"]),
    ("ec2", "RevokeSecurityGroupIngress", "in", &["GroupId", "SecurityGroupRuleIds"]),
    ("ec2", "AuthorizeSecurityGroupIngress", "out", &["SecurityGroupRules[].SecurityGroupRuleId"]),
    ("ec2", "RevokeSecurityGroupEgress", "in", &["GroupId", "SecurityGroupRuleIds"]),
    ("ec2", "AuthorizeSecurityGroupEgress", "out", &["SecurityGroupRules[].SecurityGroupRuleId"]),
    ("ec2", "DescribeNetworkInterfaces", "in", &["IncludeManagedResources"]),
    ("ec2", "AuthorizeSecurityGroupIngress", "in", PERMISSIONS),
    ("ec2", "AuthorizeSecurityGroupEgress", "in", PERMISSIONS),
    ("cloudtrail", "CreateTrail", "out", &["TrailARN"]),
];

/// Names that are none of a member: codes of errors, which have a test of their own.
const NO_MEMBERS: &[&str] = &[
    "NotFoundException",
    "TrailNotFoundException",
    "NoSuchEntity",
    "ListenerNotFound",
    "WAFNonexistentItemException",
];

/// Returns the words of a literal that are written like members of AWS's: `VolumeId`, `logGroups`.
fn names(literal: &str) -> impl Iterator<Item = &str> {
    let words = literal.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|word| {
        let capitals = word.chars().filter(char::is_ascii_uppercase).count();
        let small = word.chars().any(|c| c.is_ascii_lowercase());
        small && (capitals > 1 || capitals == 1 && !word.starts_with(|c: char| c.is_ascii_uppercase()))
    })
}

#[test]
fn what_an_export_reads_is_in_awss_models_and_nothing_that_it_reads_is_left_out_here() {
    let mut questions = Vec::new();
    let mut known: BTreeSet<&str> = NO_MEMBERS.iter().copied().collect();
    for (service, operation, side, paths) in READ {
        known.insert(operation);
        for path in *paths {
            known.extend(path.split(['.', '[', ']']));
            questions.push(
                json!({ "service": service, "operation": operation, "side": side, "path": path, "word": "" }),
            );
        }
    }
    ask("paths", &questions);
    let asked = ["src/plan/export/facts.rs", "src/plan/export/people.rs", "src/plan/export/before.rs"]
        .map(|file| (file, source(file)));
    for (file, text) in &asked {
        let all = literals(text);
        assert!(all.len() > 30, "{file}: {all:?}");
        for literal in &all {
            // A sentence for people may name what it likes.
            let sentence = literal.split_whitespace().filter(|word| word.len() > 1).count() > 3;
            let unknown: Vec<_> = names(literal)
                .filter(|name| !known.contains(name))
                .filter(|_| !sentence || literal.contains("sort("))
                .collect();
            assert!(
                unknown.is_empty(),
                "{file}: {unknown:?} of {literal:?} is not in the table of this test"
            );
        }
    }
}

/// Codes that no model declares, each with the reason.
const IN_NO_MODEL: &[(&str, &[&str])] = &[
    // EC2's model declares no errors at all
    // (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>).
    (
        "ec2",
        &[
            "RequestLimitExceeded",
            "BandwidthLimitExceeded",
            "ServerInternal",
            "Unavailable",
            "IncorrectState",
            "IncorrectInstanceState",
            "IncorrectModificationState",
            "VolumeInUse",
            "ConcurrentTagAccess",
            "ResourceContentionFault",
            "InvalidPermission.Duplicate",
            "RouteAlreadyExists",
            "Resource.AlreadyAssociated",
            "InvalidPermission.NotFound",
            "InvalidSecurityGroupRuleId.NotFound",
            "InvalidGroup.Duplicate",
            "FlowLogAlreadyExists",
            "NetworkAclEntryAlreadyExists",
            "ConcurrentSnapshotLimitExceeded",
            "PendingSnapshotLimitExceeded",
            "SnapshotCreationPerVolumeRateExceeded",
            "ResourceLimitExceeded",
            "CopyVolumesLimitExceeded",
            "ConcurrentCopyVolumeLimitExceeded",
            "InsufficientInstanceCapacity",
            "InsufficientHostCapacity",
            "InsufficientVolumeCapacity",
            "ReservationCapacityExceeded",
            "UnauthorizedOperation",
            "AuthFailure",
            "OptInRequired",
            "Blocked",
            "PendingVerification",
        ],
    ),
    // S3's model declares few of its codes
    // (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>).
    (
        "s3",
        &[
            "SlowDown",
            "InternalError",
            "OperationAborted",
            "TooManyBuckets",
            "ExpiredToken",
            "SignatureDoesNotMatch",
            "InvalidAccessKeyId",
            "InvalidToken",
            "TokenRefreshRequired",
            "RequestTimeTooSkewed",
            "NoSuchBucketPolicy",
            "NoSuchTagSet",
            "NoSuchPublicAccessBlockConfiguration",
            "ServerSideEncryptionConfigurationNotFoundError",
            "RequestTimeout",
        ],
    ),
    // Errors that are common to all services
    // (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonErrors.html>), and those of front ends.
    (
        "common",
        &[
            "RateExceeded",
            "InternalFailure",
            "InternalServiceError",
            "ServiceUnavailable",
            "NotAuthorized",
            "RequestExpired",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "IncompleteSignature",
            "IncompleteSignatureException",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
        ],
    ),
    // An answer to HEAD has a status and no code.
    ("status", &["Forbidden", "NotFound"]),
];

/// Services whose errors redress classifies.
const SERVICES: &[&str] = &[
    "ec2",
    "s3",
    "iam",
    "logs",
    "cloudtrail",
    "kms",
    "elbv2",
    "wafv2",
    "rbin",
    "ssm",
    "sts",
    "securityhub",
    "service-quotas",
];

fn declared() -> BTreeSet<String> {
    let services: Vec<_> = SERVICES.iter().map(|service| json!({ "service": service })).collect();
    ask("errors", &services).into_iter().filter_map(|code| code.as_str().map(str::to_owned)).collect()
}

#[test]
fn every_code_of_an_error_is_declared_by_a_model_or_listed_with_the_reason_why_it_is_not() {
    let (declared, text) = (declared(), source("src/aws/errors/mod.rs"));
    let lists = text.split("pub fn says_absent").next().unwrap_or_default();
    let codes: BTreeSet<String> = lists
        .split("&[&str] = &[")
        .skip(1)
        .flat_map(|list| literals(&format!("[{}", list.split("];").next().unwrap_or_default())))
        .collect();
    assert!(codes.len() > 80, "{codes:?}");
    let listed: BTreeSet<&str> = IN_NO_MODEL.iter().flat_map(|(_, codes)| *codes).copied().collect();
    for code in &codes {
        assert_ne!(
            declared.contains(code),
            listed.contains(code.as_str()),
            "{code}: either a model declares it, or the list of this test has it"
        );
    }
    for code in listed {
        assert!(codes.contains(code), "{code} is in the list of this test, and not in src/aws/errors");
    }
}

#[test]
fn the_code_for_a_missing_resource_is_one_of_ec2s_or_declared_by_its_service() {
    let declared = declared();
    let ec2 = |code: &str| code.starts_with("Invalid") && code.ends_with(".NotFound");
    let codes = FamilyKind::ALL.iter().map(|family| family.about().not_found).filter(|code| !code.is_empty());
    let mut seen = 0;
    for code in codes.chain(NO_MEMBERS.iter().copied()) {
        seen += 1;
        assert!(ec2(code) || declared.contains(code), "{code}");
    }
    assert!(seen > 10);
}
