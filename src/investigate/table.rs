//! The table of effects: the calls that make something, open or weaken something, run code or take a secret,
//! each with the members of its event that name the thing. Only these members are kept of an event. Intake
//! knows the calls already that redress has checks for: they stand here only where the event has more to
//! name; the names of services, events and members are AWS's.

use super::document::EffectKind::{self, Loosened, Made, Ran, Took};

/// A call with its effect. A path begins with `q` for the request or `r` for the response; `*` stands for
/// each element of a list, `!principals` for those that a policy lets in, `!rules` for those of a security
/// group, `!members` for the names of the members.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The call, without a version behind its name.
    pub call: &'static str,
    /// Its kind.
    pub kind: EffectKind,
    /// The thing in words.
    pub what: &'static str,
    /// The paths of its name: the first that leads to something counts.
    pub named: &'static [&'static str],
    /// The paths of further members to show.
    pub with: &'static [&'static str],
    /// Conditions, one of which must hold: a path that leads to something, or to this value (`path=value`).
    pub only: &'static [&'static str],
}

const fn row(
    call: &'static str,
    kind: EffectKind,
    what: &'static str,
    named: &'static [&'static str],
) -> Row {
    Row { call, kind, what, named, with: &[], only: &[] }
}

impl Row {
    const fn with(self, with: &'static [&'static str]) -> Self {
        Self { with, ..self }
    }

    const fn only(self, only: &'static [&'static str]) -> Self {
        Self { only, ..self }
    }
}

const TRUST: &[&str] = &["q/assumeRolePolicyDocument/!principals"];
const GROUP: &[&str] = &["q/groupId", "r/securityGroupRuleSet/*/groupId"];
const RULES: &[&str] = &["q/!rules"];
const POLICY: &[&str] = &["q/policyDocument/!principals"];

/// All effects.
pub static TABLE: &[Row] = &[
    // Identities and credentials.
    row("iam:CreateUser", Made, "user", &["r/user/arn", "q/userName"]),
    row("iam:CreateAccessKey", Made, "access key", &["r/accessKey/accessKeyId"])
        .with(&["r/accessKey/userName", "q/userName"]),
    row("iam:CreateLoginProfile", Made, "console password of user", &["q/userName"]),
    row("iam:CreateServiceSpecificCredential", Made, "service credential of user", &["q/userName"]),
    row("iam:UploadSSHPublicKey", Made, "SSH key of user", &["q/userName"]),
    row("iam:UploadSigningCertificate", Made, "signing certificate of user", &["q/userName"]),
    row("iam:CreateRole", Made, "role", &["r/role/arn", "q/roleName"]).with(TRUST),
    row("iam:CreateGroup", Made, "group", &["r/group/arn", "q/groupName"]),
    row("iam:CreatePolicy", Made, "policy", &["r/policy/arn", "q/policyName"]),
    row("iam:CreateInstanceProfile", Made, "instance profile", &["q/instanceProfileName"]),
    row("iam:CreateSAMLProvider", Made, "SAML provider", &["r/sAMLProviderArn", "q/name"]),
    row("iam:CreateOpenIDConnectProvider", Made, "OIDC provider", &["r/openIDConnectProviderArn", "q/url"]),
    row("iam:CreatePolicyVersion", Loosened, "new version of policy", &["q/policyArn"]),
    row("iam:SetDefaultPolicyVersion", Loosened, "version in force of policy", &["q/policyArn"])
        .with(&["q/versionId"]),
    row("iam:AttachUserPolicy", Loosened, "policy on user", &["q/userName"]).with(&["q/policyArn"]),
    row("iam:AttachRolePolicy", Loosened, "policy on role", &["q/roleName"]).with(&["q/policyArn"]),
    row("iam:AttachGroupPolicy", Loosened, "policy on group", &["q/groupName"]).with(&["q/policyArn"]),
    row("iam:PutUserPolicy", Loosened, "inline policy of user", &["q/userName"]).with(&["q/policyName"]),
    row("iam:PutRolePolicy", Loosened, "inline policy of role", &["q/roleName"]).with(&["q/policyName"]),
    row("iam:PutGroupPolicy", Loosened, "inline policy of group", &["q/groupName"]).with(&["q/policyName"]),
    row("iam:AddUserToGroup", Loosened, "groups of user", &["q/userName"]).with(&["q/groupName"]),
    row("iam:AddRoleToInstanceProfile", Loosened, "role of instance profile", &["q/instanceProfileName"])
        .with(&["q/roleName"]),
    row("iam:UpdateAssumeRolePolicy", Loosened, "trust policy of role", &["q/roleName"]).with(POLICY),
    row("iam:UpdateLoginProfile", Loosened, "console password of user", &["q/userName"]),
    row("iam:UpdateAccessKey", Loosened, "access key", &["q/accessKeyId"])
        .with(&["q/userName"])
        .only(&["q/status=Active"]),
    row("iam:DeactivateMFADevice", Loosened, "MFA of user", &["q/userName"]),
    row("iam:DeleteVirtualMFADevice", Loosened, "MFA device", &["q/serialNumber"]),
    row("iam:DeleteUserPermissionsBoundary", Loosened, "permissions boundary of user", &["q/userName"]),
    row("iam:DeleteRolePermissionsBoundary", Loosened, "permissions boundary of role", &["q/roleName"]),
    row("iam:UpdateAccountPasswordPolicy", Loosened, "password policy", &[]),
    row("iam:DeleteAccountPasswordPolicy", Loosened, "password policy", &[]),
    row("organizations:LeaveOrganization", Loosened, "membership in the organization", &[]),
    row("organizations:CreateAccount", Made, "account", &["r/createAccountStatus/id"]),
    // Machines and networks.
    row("ec2:RunInstances", Made, "instance", &["r/instancesSet/*/instanceId"])
        .with(&["r/instancesSet/*/instanceType"]),
    row(
        "ec2:RequestSpotInstances",
        Made,
        "spot request",
        &["r/spotInstanceRequestSet/*/spotInstanceRequestId"],
    ),
    row("ec2:CreateLaunchTemplate", Made, "launch template", &["r/launchTemplate/launchTemplateId"]),
    row("ec2:CreateKeyPair", Made, "key pair", &["q/keyName"]),
    row("ec2:ImportKeyPair", Made, "key pair", &["q/keyName"]),
    row("ec2:CreateSecurityGroup", Made, "security group", &["r/groupId"]).with(&["q/groupName"]),
    row("ec2:AuthorizeSecurityGroupIngress", Loosened, "inbound rules of security group", GROUP).with(RULES),
    row("ec2:AuthorizeSecurityGroupEgress", Loosened, "outbound rules of security group", GROUP).with(RULES),
    row("ec2:CreateVpc", Made, "VPC", &["r/vpc/vpcId"]),
    row("ec2:CreateSubnet", Made, "subnet", &["r/subnet/subnetId"]),
    row("ec2:CreateInternetGateway", Made, "internet gateway", &["r/internetGateway/internetGatewayId"]),
    row("ec2:CreateNetworkInterface", Made, "network interface", &["r/networkInterface/networkInterfaceId"]),
    row("ec2:CreateVpcEndpoint", Made, "VPC endpoint", &["r/vpcEndpoint/vpcEndpointId"]),
    row(
        "ec2:CreateVpcPeeringConnection",
        Made,
        "peering connection",
        &["r/vpcPeeringConnection/vpcPeeringConnectionId"],
    ),
    row("ec2:AcceptVpcPeeringConnection", Loosened, "peering connection", &["q/vpcPeeringConnectionId"]),
    row("ec2:AllocateAddress", Made, "address", &["r/publicIp"]),
    row("ec2:CreateTrafficMirrorSession", Made, "traffic mirror", &["q/networkInterfaceId"]),
    row("ec2:CreateVolume", Made, "volume", &["r/volumeId"]),
    row("ec2:CreateSnapshot", Made, "snapshot", &["r/snapshotId"]).with(&["q/volumeId"]),
    row("ec2:CreateSnapshots", Made, "snapshot", &["r/snapshotSet/*/snapshotId"]),
    row("ec2:CopySnapshot", Made, "snapshot", &["r/snapshotId"]).with(&["q/sourceSnapshotId"]),
    row("ec2:CreateImage", Made, "image", &["r/imageId"]).with(&["q/instanceId"]),
    row("ec2:CopyImage", Made, "image", &["r/imageId"]),
    row("ec2:ModifySnapshotAttribute", Loosened, "sharing of snapshot", &["q/snapshotId"])
        .with(&["q/createVolumePermission/add/*/userId", "q/createVolumePermission/add/*/group"])
        .only(&["q/createVolumePermission/add/*/userId", "q/createVolumePermission/add/*/group"]),
    row("ec2:ModifyImageAttribute", Loosened, "sharing of image", &["q/imageId"])
        .with(&["q/launchPermission/add/*/userId", "q/launchPermission/add/*/group"])
        .only(&["q/launchPermission/add/*/userId", "q/launchPermission/add/*/group"]),
    row("ec2:ModifyInstanceAttribute", Loosened, "attribute of instance", &["q/instanceId"])
        .with(&["q/!members"]),
    row(
        "ec2:ModifyInstanceMetadataOptions",
        Loosened,
        "metadata service of instance",
        &["q/instanceId", "q/ModifyInstanceMetadataOptionsRequest/InstanceId"],
    )
    .only(&["q/httpTokens=optional", "q/ModifyInstanceMetadataOptionsRequest/HttpTokens=optional"]),
    row(
        "ec2:AssociateIamInstanceProfile",
        Loosened,
        "role of instance",
        &["q/instanceId", "q/AssociateIamInstanceProfileRequest/InstanceId"],
    )
    .with(&["q/AssociateIamInstanceProfileRequest/IamInstanceProfile/Name"]),
    row(
        "ec2:ReplaceIamInstanceProfileAssociation",
        Loosened,
        "role of instance",
        &["r/iamInstanceProfileAssociation/instanceId"],
    ),
    row("ec2:AttachInternetGateway", Loosened, "internet gateway of VPC", &["q/vpcId"]),
    row("ec2:EnableSerialConsoleAccess", Loosened, "serial console", &[]),
    row("ec2:DisableImageBlockPublicAccess", Loosened, "block of public images", &[]),
    row("ec2:DisableSnapshotBlockPublicAccess", Loosened, "block of public snapshots", &[]),
    row("ec2:DeleteFlowLogs", Loosened, "flow log", &["q/FlowLogId", "q/DeleteFlowLogsRequest/FlowLogId"]),
    row("ec2:GetPasswordData", Took, "password of instance", &["q/instanceId"]),
    row("ec2:DescribeInstanceAttribute", Took, "user data of instance", &["q/instanceId"])
        .only(&["q/attribute=userData"]),
    row("ec2-instance-connect:SendSSHPublicKey", Ran, "SSH key on instance", &["q/instanceId"])
        .with(&["q/instanceOSUser"]),
    row("ec2-instance-connect:SendSerialConsoleSSHPublicKey", Ran, "SSH key on instance", &["q/instanceId"]),
    row("ssm:SendCommand", Ran, "command on", &["q/instanceIds/*", "q/targets/*/key"])
        .with(&["q/documentName"]),
    row("ssm:StartSession", Ran, "session on", &["q/target"]),
    row("ssm:ResumeSession", Ran, "session", &["q/sessionId"]),
    row("ssm:CreateAssociation", Made, "association", &["q/name"]),
    row("autoscaling:CreateAutoScalingGroup", Made, "Auto Scaling group", &["q/autoScalingGroupName"]),
    row("ecs:RunTask", Ran, "task", &["q/taskDefinition"]).with(&["q/cluster"]),
    row("ecs:ExecuteCommand", Ran, "command in task", &["q/task"]).with(&["q/cluster"]),
    row("ecs:RegisterTaskDefinition", Made, "task definition", &["q/family"]),
    row("eks:CreateCluster", Made, "cluster", &["q/name"]),
    row("eks:CreateAccessEntry", Loosened, "access to cluster", &["q/name"]).with(&["q/principalArn"]),
    row("lambda:CreateFunction", Made, "function", &["r/functionArn", "q/functionName"]),
    row("lambda:UpdateFunctionCode", Loosened, "code of function", &["q/functionName"]),
    row("lambda:UpdateFunctionConfiguration", Loosened, "configuration of function", &["q/functionName"])
        .with(&["q/!members"]),
    row("lambda:AddPermission", Loosened, "policy of function", &["q/functionName"]).with(&["q/principal"]),
    row("lambda:CreateFunctionUrlConfig", Loosened, "address of function", &["q/functionName"])
        .with(&["q/authType"]),
    row("lambda:Invoke", Ran, "function", &["q/functionName"]),
    row("cloudformation:CreateStack", Made, "stack", &["r/stackId", "q/stackName"]),
    row("codebuild:StartBuild", Ran, "build", &["q/projectName"]),
    row("glue:CreateDevEndpoint", Made, "development endpoint", &["q/endpointName"]),
    row("sagemaker:CreatePresignedNotebookInstanceUrl", Ran, "notebook", &["q/notebookInstanceName"]),
    row("bedrock:InvokeModel", Ran, "model", &["q/modelId"]),
    row("bedrock:InvokeModelWithResponseStream", Ran, "model", &["q/modelId"]),
    row("bedrock:Converse", Ran, "model", &["q/modelId"]),
    row("bedrock:PutUseCaseForModelAccess", Loosened, "access to models", &[]),
    row("bedrock:PutFoundationModelEntitlement", Loosened, "access to model", &["q/modelId"]),
    row("bedrock:CreateFoundationModelAgreement", Loosened, "access to model", &["q/modelId"]),
    // Data and secrets.
    row("s3:CreateBucket", Made, "bucket", &["q/bucketName"]),
    row("s3:PutBucketPolicy", Loosened, "policy of bucket", &["q/bucketName"])
        .with(&["q/bucketPolicy/!principals"]),
    row("s3:PutBucketAcl", Loosened, "ACL of bucket", &["q/bucketName"]).with(&["q/x-amz-acl"]),
    row("s3:PutObjectAcl", Loosened, "ACL of an object in bucket", &["q/bucketName"]).with(&["q/x-amz-acl"]),
    row("s3:PutBucketPublicAccessBlock", Loosened, "public access block of bucket", &["q/bucketName"]),
    row("s3:DeleteBucketPublicAccessBlock", Loosened, "public access block of bucket", &["q/bucketName"]),
    row("s3:DeleteAccountPublicAccessBlock", Loosened, "public access block", &[]),
    row("s3:PutBucketReplication", Loosened, "replication of bucket", &["q/bucketName"]),
    row("s3:PutBucketLifecycle", Loosened, "lifecycle of bucket", &["q/bucketName"]),
    row("s3:PutBucketVersioning", Loosened, "versioning of bucket", &["q/bucketName"])
        .only(&["q/VersioningConfiguration/Status=Suspended"]),
    row("secretsmanager:GetSecretValue", Took, "secret", &["q/secretId"]),
    row("secretsmanager:BatchGetSecretValue", Took, "secrets", &["q/secretIdList/*", "q/filters/*/values/*"]),
    row("secretsmanager:PutResourcePolicy", Loosened, "policy of secret", &["q/secretId"]),
    row("ssm:GetParameter", Took, "parameter", &["q/name"]).only(&["q/withDecryption=true"]),
    row("ssm:GetParameters", Took, "parameter", &["q/names/*"]).only(&["q/withDecryption=true"]),
    row("ssm:GetParametersByPath", Took, "parameters under", &["q/path"]).only(&["q/withDecryption=true"]),
    row("rds:CreateDBInstance", Made, "database", &["r/dBInstanceArn", "q/dBInstanceIdentifier"]),
    row("rds:CreateDBSnapshot", Made, "snapshot of database", &["q/dBSnapshotIdentifier"]),
    row("rds:CopyDBSnapshot", Made, "snapshot of database", &["q/targetDBSnapshotIdentifier"]),
    row("rds:RestoreDBInstanceFromDBSnapshot", Made, "database", &["q/dBInstanceIdentifier"]),
    row("rds:ModifyDBSnapshotAttribute", Loosened, "sharing of snapshot", &["q/dBSnapshotIdentifier"])
        .with(&["q/valuesToAdd/*"])
        .only(&["q/valuesToAdd/*"]),
    row("rds:ModifyDBInstance", Loosened, "database", &["q/dBInstanceIdentifier"]).with(&["q/!members"]),
    row("rds:StartExportTask", Took, "export of", &["q/sourceArn"]).with(&["q/s3BucketName"]),
    row("ecr:SetRepositoryPolicy", Loosened, "policy of repository", &["q/repositoryName"]),
    row("kms:CreateKey", Made, "key", &["r/keyMetadata/arn"]),
    row("kms:CreateGrant", Loosened, "grant on key", &["q/keyId"]).with(&["q/granteePrincipal"]),
    row("kms:PutKeyPolicy", Loosened, "policy of key", &["q/keyId"]).with(&["q/policy/!principals"]),
    row("kms:DisableKey", Loosened, "key", &["q/keyId"]),
    row("kms:ScheduleKeyDeletion", Loosened, "key", &["q/keyId"]),
    row("sns:AddPermission", Loosened, "policy of topic", &["q/topicArn"]),
    row("sqs:AddPermission", Loosened, "policy of queue", &["q/queueUrl"]),
    row(
        "elasticloadbalancing:CreateLoadBalancer",
        Made,
        "load balancer",
        &["r/loadBalancers/*/loadBalancerArn"],
    ),
    row("elasticloadbalancing:CreateListener", Made, "listener", &["r/listeners/*/listenerArn"]),
    // Records of what happens, and those who watch.
    row("cloudtrail:CreateTrail", Made, "trail", &["r/trailARN", "q/name"]),
    row("cloudtrail:DeleteTrail", Loosened, "trail", &["q/name"]),
    row("cloudtrail:StopLogging", Loosened, "logging of trail", &["q/name"]),
    row("cloudtrail:DeleteEventDataStore", Loosened, "event data store", &["q/eventDataStore"]),
    row("config:StopConfigurationRecorder", Loosened, "recorder", &["q/configurationRecorderName"]),
    row("config:DeleteConfigurationRecorder", Loosened, "recorder", &["q/configurationRecorderName"]),
    row("config:DeleteDeliveryChannel", Loosened, "delivery channel", &["q/deliveryChannelName"]),
    row("guardduty:DeleteDetector", Loosened, "detector", &["q/detectorId"]),
    row("guardduty:UpdateDetector", Loosened, "detector", &["q/detectorId"]).only(&["q/enable=false"]),
    row("guardduty:CreateFilter", Loosened, "filter of findings", &["q/name"]),
    row("guardduty:CreateIPSet", Loosened, "trusted addresses", &["q/name"]),
    row("guardduty:StopMonitoringMembers", Loosened, "members of detector", &["q/detectorId"]),
    row("securityhub:DisableSecurityHub", Loosened, "Security Hub", &[]),
    row("macie2:DisableMacie", Loosened, "Macie", &[]),
    row("access-analyzer:DeleteAnalyzer", Loosened, "analyzer", &["q/analyzerName"]),
    row("inspector2:Disable", Loosened, "Inspector", &[]),
    row("logs:DeleteLogGroup", Loosened, "log group", &["q/logGroupName"]),
    row("logs:DeleteLogStream", Loosened, "log stream", &["q/logStreamName"]).with(&["q/logGroupName"]),
    row("logs:PutRetentionPolicy", Loosened, "retention of log group", &["q/logGroupName"])
        .with(&["q/retentionInDays"]),
    row(
        "route53resolver:DeleteResolverQueryLogConfig",
        Loosened,
        "DNS query log",
        &["q/resolverQueryLogConfigId"],
    ),
];

/// Returns the row of a call.
pub fn row_of(call: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.call == call)
}
