//! Every operation of the registry, made against moto in an order that makes sense, and seen again by
//! reading. What moto answers differently from AWS is said where it is met.

use std::collections::BTreeSet;

use redress::{
    account::Account,
    aws::AwsAccount,
    calls::{Call, ErrorClass, Outcome, Outputs, SPECS},
    inventory::{Fact, FamilyKind as K, Inventory, Scope, Want},
};
use serde_json::{Value, json};

use crate::{
    aws_calls_identities, aws_calls_networks, aws_calls_passwords, aws_calls_people, aws_calls_sharing,
    support::{Keys, moto},
};

pub const US: &str = "us-east-1";
const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// An account, and which operations it was asked to make.
pub struct Maker {
    account: AwsAccount,
    keys: Keys,
    made: BTreeSet<String>,
}

impl Maker {
    async fn new() -> Maker {
        let keys = moto().account();
        Maker { account: moto().connected(&keys, &[US]).await, keys, made: BTreeSet::new() }
    }

    async fn tries(&mut self, service: &str, operation: &str, input: Value) -> Outcome {
        self.made.insert(format!("{service}:{operation}"));
        self.account.call(&Call::new(service, US, operation, input)).await
    }

    pub async fn makes(&mut self, service: &str, operation: &str, input: Value) -> Outputs {
        let outputs = self
            .tries(service, operation, input)
            .await
            .unwrap_or_else(|error| panic!("{service}:{operation}: {error}"));
        let declared = redress::calls::find(service, operation).expect("registered").outputs;
        assert_eq!(
            outputs.keys().map(String::as_str).collect::<Vec<_>>(),
            declared,
            "{service}:{operation} gives what is declared"
        );
        outputs
    }

    pub async fn class_of(&mut self, service: &str, operation: &str, input: Value) -> ErrorClass {
        self.tries(service, operation, input).await.expect_err("it fails").class
    }

    pub async fn read(&self, wants: impl IntoIterator<Item = Want>) -> Inventory {
        self.account.read(&wants.into_iter().collect::<Scope>()).await
    }

    pub async fn json(&self, region: &str, family: K, id: &str) -> Value {
        match self.read([Want::id(region, family, id)]).await.json(region, family, id) {
            Fact::Known(json) => json,
            other => panic!("{id}: {other:?}"),
        }
    }

    pub async fn is_gone(&self, region: &str, family: K, id: &str) -> bool {
        self.read([Want::id(region, family, id)]).await.json(region, family, id).is_absent()
    }

    /// What a script prints.
    pub fn script(&self, script: &str) -> String {
        moto().python(&self.keys, script)
    }

    /// Things that redress does not make, made by a line of Python that prints one id.
    pub fn seed(&self, line: &str) -> String {
        let start = "import boto3, json\nec2, kms = boto3.client('ec2'), boto3.client('kms')\n";
        moto().python(&self.keys, &format!("{start}print({line})")).trim().to_owned()
    }
}

fn text(outputs: &Outputs, name: &str) -> String {
    outputs[name].as_str().unwrap_or_else(|| panic!("{name} is a text")).to_owned()
}

fn tagged(kind: &str) -> Value {
    json!([{ "ResourceType": kind, "Tags": [{ "Key": "redress:token", "Value": TOKEN }] }])
}

#[tokio::test]
async fn every_operation_of_the_registry_works_and_is_seen_again() {
    let mut maker = Maker::new().await;
    security_groups(&mut maker).await;
    settings(&mut maker).await;
    disks(&mut maker).await;
    log_groups_and_roles(&mut maker).await;
    aws_calls_identities::users(&mut maker).await;
    let bucket = buckets(&mut maker).await;
    flow_logs(&mut maker, &bucket).await;
    trails(&mut maker, &bucket).await;
    maker.makes("s3", "DeleteBucket", json!({ "Bucket": bucket })).await;
    assert!(maker.is_gone("", K::Buckets, &bucket).await);
    let all: BTreeSet<String> = SPECS.iter().map(|s| format!("{}:{}", s.service, s.operation)).collect();
    // The emulator has no copies of volumes and no credentials for single services: `volume_copies_sent.rs` and
    // `models.rs` have what is sent.
    let lacking =
        BTreeSet::from(["ec2:CopyVolumes", "iam:UpdateServiceSpecificCredential"].map(str::to_owned));
    assert_eq!(maker.made, &all - &lacking, "no operation is left out");
}

async fn security_groups(maker: &mut Maker) {
    let vpc = maker.seed("ec2.create_vpc(CidrBlock='10.0.0.0/16')['Vpc']['VpcId']");
    let other = maker.seed(&format!(
        "ec2.create_security_group(GroupName='o', Description='o', VpcId='{vpc}')['GroupId']"
    ));
    let group = maker.seed(&format!(
        "ec2.create_security_group(GroupName='g', Description='g', VpcId='{vpc}')['GroupId']"
    ));
    let list = maker.seed(
        "ec2.create_managed_prefix_list(PrefixListName='l', MaxEntries=2, \
         AddressFamily='IPv4')['PrefixList']['PrefixListId']",
    );
    let ssh = json!([{ "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22,
        "IpRanges": [{ "CidrIp": "203.0.113.0/24", "Description": "office" }],
        "Ipv6Ranges": [{ "CidrIpv6": "2001:db8::/32" }] }]);
    let input =
        json!({ "GroupId": group, "IpPermissions": ssh, "TagSpecifications": tagged("security-group-rule") });
    let made = maker.makes("ec2", "AuthorizeSecurityGroupIngress", input.clone()).await;
    let rules = made["SecurityGroupRuleIds"].as_array().expect("a list").clone();
    assert_eq!(rules.len(), 2);
    let seen = maker.json(US, K::SecurityGroupRules, rules[0].as_str().unwrap()).await;
    assert_eq!((&seen["description"], &seen["tags"]["redress:token"]), (&json!("office"), &json!(TOKEN)));
    assert_eq!(maker.class_of("ec2", "AuthorizeSecurityGroupIngress", input).await, ErrorClass::AlreadyDone);
    let several = json!([
        { "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "PrefixListIds": [{ "PrefixListId": list }] },
        { "IpProtocol": "-1", "UserIdGroupPairs": [{ "GroupId": other }] }
    ]);
    let input = json!({ "GroupId": group, "IpPermissions": several,
        "TagSpecifications": tagged("security-group-rule") });
    let class = maker.class_of("ec2", "AuthorizeSecurityGroupIngress", input).await;
    assert_eq!(
        class,
        ErrorClass::Transient,
        "moto names the rules of the last permission only; the rest must be found by tag"
    );
    let tagged = Want::by(US, K::SecurityGroupRules, "tag:redress:token", TOKEN);
    let found = match maker.read([tagged.clone()]).await.select_json(&tagged) {
        Fact::Known(rules) => rules.into_iter().map(|(id, _)| id).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(found.len(), 4);
    let revoke = json!({ "GroupId": group, "SecurityGroupRuleIds": found });
    maker.makes("ec2", "RevokeSecurityGroupIngress", revoke.clone()).await;
    assert!(maker.is_gone(US, K::SecurityGroupRules, &found[0]).await);
    assert_eq!(maker.class_of("ec2", "RevokeSecurityGroupIngress", revoke).await, ErrorClass::AlreadyDone);
    outbound_rules(maker, &group, &other).await;
}

async fn outbound_rules(maker: &mut Maker, group: &str, other: &str) {
    let rules = json!([{ "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
        "IpRanges": [{ "CidrIp": "203.0.113.0/24", "Description": "office" }],
        "UserIdGroupPairs": [{ "GroupId": other }] }]);
    let input = json!({ "GroupId": group, "IpPermissions": rules,
        "TagSpecifications": tagged("security-group-rule") });
    let made = maker.makes("ec2", "AuthorizeSecurityGroupEgress", input.clone()).await;
    let ids = made["SecurityGroupRuleIds"].as_array().expect("a list").clone();
    let mut seen = Vec::new();
    for id in &ids {
        seen.push(maker.json(US, K::SecurityGroupRules, id.as_str().unwrap()).await);
    }
    assert!(seen.iter().all(|rule| rule["is_egress"] == true && rule["tags"]["redress:token"] == TOKEN));
    let of = |member: &str, value: &str| seen.iter().filter(|rule| rule[member] == value).count();
    assert_eq!((of("cidr_ipv4", "203.0.113.0/24"), of("referenced_group_id", other), ids.len()), (1, 1, 2));
    assert_eq!(maker.class_of("ec2", "AuthorizeSecurityGroupEgress", input).await, ErrorClass::AlreadyDone);
    // Neither direction takes away what belongs to the other.
    let revoke = json!({ "GroupId": group, "SecurityGroupRuleIds": ids });
    assert_eq!(
        maker.class_of("ec2", "RevokeSecurityGroupIngress", revoke.clone()).await,
        ErrorClass::AlreadyDone
    );
    maker.makes("ec2", "RevokeSecurityGroupEgress", revoke.clone()).await;
    assert!(maker.is_gone(US, K::SecurityGroupRules, ids[0].as_str().unwrap()).await);
    assert_eq!(maker.class_of("ec2", "RevokeSecurityGroupEgress", revoke).await, ErrorClass::AlreadyDone);
}

async fn settings(maker: &mut Maker) {
    // moto takes the first subnet of a zone for its default one, which gives out public addresses.
    let vpc = maker.seed("ec2.create_vpc(CidrBlock='10.1.0.0/16')['Vpc']['VpcId']");
    let subnet = maker
        .seed(&format!("ec2.create_subnet(VpcId='{vpc}', CidrBlock='10.1.0.0/24')['Subnet']['SubnetId']"));
    for value in [true, false] {
        maker
            .makes(
                "ec2",
                "ModifySubnetAttribute",
                json!({ "SubnetId": subnet, "MapPublicIpOnLaunch": { "Value": value } }),
            )
            .await;
        let seen = maker.json(US, K::Subnets, &subnet).await;
        assert_eq!((&seen["vpc_id"], &seen["map_public_ip_on_launch"]), (&json!(vpc), &json!(value)));
    }
    for (operation, on) in [("EnableEbsEncryptionByDefault", true), ("DisableEbsEncryptionByDefault", false)]
    {
        maker.makes("ec2", operation, json!({})).await;
        assert_eq!(
            maker.json(US, K::EbsDefaults, "account").await["encryption_by_default"]["known"],
            json!(on)
        );
    }
    let key = maker.seed(
        "kms.create_key(KeyUsage='ENCRYPT_DECRYPT', Tags=[{'TagKey': 'Team', 'TagValue': \
         'maps'}])['KeyMetadata']['KeyId']",
    );
    // moto loses the period, so that only the input itself can be looked at (settings.rs).
    let enable = json!({ "KeyId": key, "RotationPeriodInDays": 180 });
    for (operation, input, on) in
        [("EnableKeyRotation", enable, true), ("DisableKeyRotation", json!({ "KeyId": key }), false)]
    {
        maker.makes("kms", operation, input).await;
        let seen = maker.json(US, K::CustomerKeys, &key).await;
        assert_eq!(
            (&seen["rotation"]["known"], &seen["tags"]["known"]["Team"]),
            (&json!(on), &json!("maps"))
        );
    }
    aws_calls_passwords::policy(maker).await;
    aws_calls_people::people(maker).await;
    aws_calls_networks::listeners(maker).await;
    aws_calls_networks::entries(maker, &vpc).await;
    aws_calls_networks::endpoints(maker).await;
    aws_calls_networks::routes(maker).await;
    aws_calls_networks::web_acls(maker).await;
    aws_calls_sharing::snapshots(maker).await;
    aws_calls_sharing::images(maker).await;
    let gone = json!({ "KeyId": "1234abcd-12ab-34cd-56ef-1234567890ab" });
    assert_eq!(
        maker.class_of("kms", "EnableKeyRotation", gone).await,
        ErrorClass::Consistency,
        "it may not be visible yet"
    );
    let nobody = json!({ "SubnetId": "subnet-0123456789abcdef0", "MapPublicIpOnLaunch": { "Value": false } });
    assert_eq!(
        maker.class_of("ec2", "ModifySubnetAttribute", nobody).await,
        ErrorClass::Consistency,
        "it may not be visible yet"
    );
}

async fn disks(maker: &mut Maker) {
    let image = "next(i for i in ec2.describe_images(Owners=['amazon'])['Images'] if i['RootDeviceName'] == \
                 '/dev/xvda')['ImageId']";
    let instance = maker.seed(&format!(
        "ec2.run_instances(ImageId={image}, MinCount=1, MaxCount=1, \
         InstanceType='t3.micro')['Instances'][0]['InstanceId']"
    ));
    let key = maker.seed("kms.create_key()['KeyMetadata']['Arn']");
    let before = maker.json(US, K::Instances, &instance).await;
    let (root, zone) = (before["devices"][0]["volume_id"].clone(), before["availability_zone"].clone());
    let set = json!({ "InstanceSpecification": { "InstanceId": instance, "ExcludeBootVolume": false },
        "Description": "d", "TagSpecifications": tagged("snapshot") });
    let made = maker.makes("ec2", "CreateSnapshots", set).await;
    let snapshot = made["Snapshots"][root.as_str().unwrap()].clone();
    assert_eq!(
        maker.json(US, K::Snapshots, snapshot.as_str().unwrap()).await["tags"]["redress:token"],
        TOKEN
    );
    let copy = json!({ "SourceRegion": US, "SourceSnapshotId": snapshot, "Encrypted": true, "KmsKeyId": key,
        "Description": "d", "TagSpecifications": tagged("snapshot") });
    let copied = text(&maker.makes("ec2", "CopySnapshot", copy).await, "SnapshotId");
    let seen = maker.json(US, K::Snapshots, &copied).await;
    assert_eq!((&seen["encrypted"], &seen["kms_key_id"]), (&json!(true), &json!(key)));
    let volume = json!({ "AvailabilityZone": zone, "SnapshotId": copied, "VolumeType": "gp3", "Iops": 3000,
        "Throughput": 125, "Encrypted": true, "KmsKeyId": key, "TagSpecifications": tagged("volume"),
        "ClientToken": TOKEN });
    let volume = text(&maker.makes("ec2", "CreateVolume", volume).await, "VolumeId");
    assert_eq!(maker.json(US, K::Volumes, &volume).await["tags"]["redress:token"], TOKEN);
    maker.makes("ec2", "StopInstances", json!({ "InstanceIds": [instance] })).await;
    assert_eq!(maker.json(US, K::Instances, &instance).await["state"], "stopped");
    let device = before["devices"][0]["device_name"].clone();
    maker
        .makes("ec2", "DetachVolume", json!({ "InstanceId": instance, "VolumeId": root, "Device": device }))
        .await;
    assert_eq!(maker.json(US, K::Volumes, root.as_str().unwrap()).await["state"], "available");
    maker
        .makes("ec2", "AttachVolume", json!({ "InstanceId": instance, "VolumeId": volume, "Device": device }))
        .await;
    assert_eq!(maker.json(US, K::Volumes, &volume).await["attachments"][0]["instance_id"], json!(instance));
    attribute(maker, &instance, &device).await;
    maker.makes("ec2", "StartInstances", json!({ "InstanceIds": [instance] })).await;
    assert_eq!(maker.json(US, K::Instances, &instance).await["state"], "running");
    tags(maker, &volume).await;
    let single = maker
        .makes(
            "ec2",
            "CreateSnapshot",
            json!({ "VolumeId": root, "Description": "d", "TagSpecifications": tagged("snapshot") }),
        )
        .await;
    for snapshot in [text(&single, "SnapshotId"), copied] {
        maker.makes("ec2", "DeleteSnapshot", json!({ "SnapshotId": snapshot })).await;
        assert!(maker.is_gone(US, K::Snapshots, &snapshot).await);
        assert_eq!(
            maker.class_of("ec2", "DeleteSnapshot", json!({ "SnapshotId": snapshot })).await,
            ErrorClass::AlreadyDone
        );
    }
    // The emulator has no Recycle Bin.
    for (operation, input) in [
        ("RestoreSnapshotFromRecycleBin", json!({ "SnapshotId": "snap-1" })),
        ("RestoreVolumeFromRecycleBin", json!({ "VolumeId": root })),
    ] {
        assert_eq!(maker.class_of("ec2", operation, input).await, ErrorClass::Unsupported);
    }
    maker.makes("ec2", "DeleteVolume", json!({ "VolumeId": root })).await;
    assert!(maker.is_gone(US, K::Volumes, root.as_str().unwrap()).await);
}

async fn attribute(maker: &mut Maker, instance: &str, device: &Value) {
    let keep = json!([{ "DeviceName": device, "Ebs": { "DeleteOnTermination": true } }]);
    maker
        .makes(
            "ec2",
            "ModifyInstanceAttribute",
            json!({ "InstanceId": instance, "BlockDeviceMappings": keep }),
        )
        .await;
    assert_eq!(maker.json(US, K::Instances, instance).await["devices"][0]["delete_on_termination"], true);
}

async fn tags(maker: &mut Maker, volume: &str) {
    let tag = json!({ "Resources": [volume], "Tags": [{ "Key": "redress:replaced-by", "Value": "v" }] });
    maker.makes("ec2", "CreateTags", tag.clone()).await;
    assert_eq!(maker.json(US, K::Volumes, volume).await["tags"]["redress:replaced-by"], "v");
    maker.makes("ec2", "DeleteTags", tag).await;
    assert_eq!(maker.json(US, K::Volumes, volume).await["tags"].get("redress:replaced-by"), None);
    assert_eq!(
        maker.class_of("ec2", "DeleteTags", json!({ "Resources": [volume], "Tags": [] })).await,
        ErrorClass::Semantic
    );
}

async fn log_groups_and_roles(maker: &mut Maker) {
    let name = json!({ "logGroupName": "/redress/flow" });
    maker
        .makes(
            "logs",
            "CreateLogGroup",
            json!({ "logGroupName": "/redress/flow", "tags": { "redress:token": TOKEN } }),
        )
        .await;
    assert_eq!(maker.class_of("logs", "CreateLogGroup", name.clone()).await, ErrorClass::AlreadyDone);
    maker
        .makes(
            "logs",
            "PutRetentionPolicy",
            json!({ "logGroupName": "/redress/flow", "retentionInDays": 30 }),
        )
        .await;
    let group = maker.json(US, K::LogGroups, "/redress/flow").await;
    assert_eq!(
        (&group["retention_in_days"], &group["tags"]["known"]["redress:token"]),
        (&json!(30), &json!(TOKEN))
    );
    maker.makes("logs", "DeleteRetentionPolicy", name.clone()).await;
    assert_eq!(maker.json(US, K::LogGroups, "/redress/flow").await.get("retention_in_days"), None);
    maker.makes("logs", "DeleteLogGroup", name.clone()).await;
    assert!(maker.is_gone(US, K::LogGroups, "/redress/flow").await);
    assert_eq!(maker.class_of("logs", "DeleteLogGroup", name).await, ErrorClass::AlreadyDone);

    let trust = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow",
        "Principal": { "Service": "vpc-flow-logs.amazonaws.com" }, "Action": "sts:AssumeRole" }] });
    let policy = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow",
        "Action": "logs:PutLogEvents", "Resource": "*" }] });
    let role = json!({ "RoleName": "r", "AssumeRolePolicyDocument": trust.to_string(), "Description": "d",
        "Tags": [{ "Key": "redress:token", "Value": TOKEN }] });
    maker.makes("iam", "CreateRole", role.clone()).await;
    assert_eq!(maker.class_of("iam", "CreateRole", role).await, ErrorClass::AlreadyDone);
    maker
        .makes(
            "iam",
            "PutRolePolicy",
            json!({ "RoleName": "r", "PolicyName": "p", "PolicyDocument": policy.to_string() }),
        )
        .await;
    let seen = maker.json("", K::Roles, "r").await;
    assert_eq!(
        (&seen["trust_policy"], &seen["inline_policies"]["known"]["p"], &seen["tags"]["redress:token"]),
        (&trust, &policy, &json!(TOKEN))
    );
    maker.makes("iam", "DeleteRolePolicy", json!({ "RoleName": "r", "PolicyName": "p" })).await;
    maker.makes("iam", "DeleteRole", json!({ "RoleName": "r" })).await;
    assert!(maker.is_gone("", K::Roles, "r").await);
    assert_eq!(
        maker.class_of("iam", "DeleteRole", json!({ "RoleName": "r" })).await,
        ErrorClass::AlreadyDone
    );
}

async fn buckets(maker: &mut Maker) -> String {
    let owner = maker.keys.account.clone();
    let name = format!("made-{owner}");
    maker
        .makes("s3", "CreateBucket", json!({ "Bucket": name, "ObjectOwnership": "BucketOwnerEnforced" }))
        .await;
    let far = json!({ "Bucket": format!("far-{owner}"),
        "CreateBucketConfiguration": { "LocationConstraint": "eu-west-1" } });
    let far = maker.account.call(&Call::new("s3", "eu-west-1", "CreateBucket", far)).await;
    assert_eq!(far, Ok(Outputs::new()));
    let block = json!({ "BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": true,
        "RestrictPublicBuckets": true });
    let key = json!({ "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/k" });
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "Service": "cloudtrail.amazonaws.com" },
            "Action": "s3:GetBucketAcl", "Resource": format!("arn:aws:s3:::{name}") },
        { "Effect": "Allow", "Principal": { "Service": "cloudtrail.amazonaws.com" }, "Action": "s3:PutObject",
            "Resource": format!("arn:aws:s3:::{name}/*") }
    ] });
    let settings = [
        (
            "PutBucketTagging",
            json!({ "Tagging": { "TagSet": [{ "Key": "redress:token", "Value": TOKEN }] } }),
        ),
        ("PutPublicAccessBlock", json!({ "PublicAccessBlockConfiguration": block })),
        ("PutBucketVersioning", json!({ "VersioningConfiguration": { "Status": "Enabled" } })),
        (
            "PutBucketEncryption",
            json!({ "ServerSideEncryptionConfiguration": { "Rules": [{ "ApplyServerSideEncryptionByDefault": key, "BucketKeyEnabled": true }] } }),
        ),
        ("PutBucketPolicy", json!({ "Policy": policy.to_string(), "ConfirmRemoveSelfBucketAccess": false })),
    ];
    for (operation, mut input) in settings {
        input["Bucket"] = json!(name);
        input["ExpectedBucketOwner"] = json!(owner);
        maker.makes("s3", operation, input).await;
    }
    let seen = maker.json("", K::Buckets, &name).await;
    assert_eq!(seen["tags"]["known"]["redress:token"], TOKEN);
    assert_eq!(
        (&seen["public_access_blocked"]["known"], &seen["versioning"]["known"]),
        (&json!(true), &json!("Enabled"))
    );
    assert_eq!(
        (&seen["encryption"]["known"], &seen["encryption_key"]["known"]),
        (&json!("aws:kms"), &json!("alias/k"))
    );
    assert_eq!(seen["policy"]["known"], policy);
    name
}

async fn flow_logs(maker: &mut Maker, bucket: &str) {
    let vpc = maker.seed("ec2.create_vpc(CidrBlock='10.1.0.0/16')['Vpc']['VpcId']");
    let input = |destination: String| {
        json!({ "ResourceType": "VPC", "ResourceIds": [vpc], "TrafficType": "ALL", "LogDestinationType": "s3",
            "LogDestination": destination,
                "MaxAggregationInterval": 60, "TagSpecifications": tagged("vpc-flow-log"),
                "ClientToken": TOKEN })
    };
    let nowhere =
        maker.class_of("ec2", "CreateFlowLogs", input("arn:aws:s3:::no-such-bucket-at-all".to_owned())).await;
    assert_eq!(nowhere, ErrorClass::Semantic, "status 200 with an unsuccessful item is a failure");
    let made = maker.makes("ec2", "CreateFlowLogs", input(format!("arn:aws:s3:::{bucket}"))).await;
    let id = made["FlowLogIds"][0].as_str().expect("an id").to_owned();
    let seen = maker.json(US, K::FlowLogs, &id).await;
    assert_eq!(
        (&seen["tags"]["redress:token"], &seen["max_aggregation_interval"]),
        (&json!(TOKEN), &json!(60))
    );
    maker.makes("ec2", "DeleteFlowLogs", json!({ "FlowLogIds": [id] })).await;
    assert!(maker.is_gone(US, K::FlowLogs, &id).await);
    assert_eq!(
        maker.class_of("ec2", "DeleteFlowLogs", json!({ "FlowLogIds": [id] })).await,
        ErrorClass::AlreadyDone
    );
}

async fn trails(maker: &mut Maker, bucket: &str) {
    let input = json!({ "Name": "made", "S3BucketName": bucket, "S3KeyPrefix": "p",
        "IncludeGlobalServiceEvents": true, "IsMultiRegionTrail": false,
                        "EnableLogFileValidation": true, "TagsList": [{ "Key": "redress:token",
                        "Value": TOKEN }] });
    let arn = text(&maker.makes("cloudtrail", "CreateTrail", input).await, "TrailARN");
    maker.makes("cloudtrail", "UpdateTrail", json!({ "Name": "made", "IsMultiRegionTrail": true })).await;
    maker.makes("cloudtrail", "StartLogging", json!({ "Name": "made" })).await;
    let seen = maker.json(US, K::Trails, &arn).await;
    assert_eq!(
        (&seen["is_multi_region"], &seen["is_logging"]["known"], &seen["log_file_validation"]),
        (&json!(true), &json!(true), &json!(true))
    );
    assert_eq!(seen["tags"]["known"]["redress:token"], TOKEN);
    maker.makes("cloudtrail", "StopLogging", json!({ "Name": "made" })).await;
    assert_eq!(maker.json(US, K::Trails, &arn).await["is_logging"]["known"], false);
    maker.makes("cloudtrail", "DeleteTrail", json!({ "Name": "made" })).await;
    assert!(maker.is_gone(US, K::Trails, &arn).await);
}
