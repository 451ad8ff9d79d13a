# Seeds one account for tests/it/aws.rs and prints the ids: one thing of every family, and what looks like it.
import boto3, json

US, EU = "us-east-1", "eu-west-1"
me = boto3.client("sts").get_caller_identity()["Account"]
c = lambda service, region=US: boto3.client(service, region_name=region)
ec2, s3, iam, trail, logs, kms = (c(s) for s in ("ec2", "s3", "iam", "cloudtrail", "logs", "kms"))
spec = lambda kind, **tags: [{"ResourceType": kind, "Tags": [{"Key": k.replace("_", ":"), "Value": v} for k, v in tags.items()]}]
ids = {"account": me}

ids["vpc"] = vpc = ec2.create_vpc(CidrBlock="10.10.0.0/16", TagSpecifications=spec("vpc", Name="seed"))["Vpc"]["VpcId"]
ids["subnet"] = subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.10.1.0/24", AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]
ids["other"] = other = ec2.create_security_group(GroupName="other", Description="o", VpcId=vpc)["GroupId"]
ids["group"] = group = ec2.create_security_group(GroupName="g", Description="a group", VpcId=vpc, TagSpecifications=spec("security-group", Name="g"))["GroupId"]
ids["list"] = lst = ec2.create_managed_prefix_list(PrefixListName="office", MaxEntries=5, AddressFamily="IPv4", Entries=[{"Cidr": "203.0.113.0/24"}, {"Cidr": "198.51.100.0/24"}])["PrefixList"]["PrefixListId"]
rules = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
    {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "temporary"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]},
    {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "PrefixListIds": [{"PrefixListId": lst}]},
    {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 90, "UserIdGroupPairs": [{"GroupId": other}]},
    {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}])
ids["key"] = key = kms.create_key(KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["KeyId"]
kms.create_alias(AliasName="alias/seed", TargetKeyId=key)

image = next(i for i in ec2.describe_images(Owners=["amazon"])["Images"] if i["RootDeviceName"] == "/dev/xvda")["ImageId"]
ids["instance"] = instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.micro", SubnetId=subnet, SecurityGroupIds=[group],
    BlockDeviceMappings=[{"DeviceName": d, "Ebs": {"VolumeSize": n, "VolumeType": "gp3", "DeleteOnTermination": g}} for d, n, g in (("/dev/xvda", 8, True), ("/dev/sdf", 20, False))],
    TagSpecifications=spec("instance", Name="db"))["Instances"][0]["InstanceId"]
ids["volumes"] = {v["Attachments"][0]["Device"]: v["VolumeId"] for v in ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [instance]}])["Volumes"]}
ids["loose"] = loose = ec2.create_volume(AvailabilityZone="us-east-1a", Size=4, VolumeType="gp3", Iops=4000, Throughput=250, TagSpecifications=spec("volume", redress_token="t1"))["VolumeId"]
ids["snapshot"] = ec2.create_snapshot(VolumeId=loose, Description="last night", TagSpecifications=spec("snapshot", Name="s"))["SnapshotId"]
ec2.modify_volume(VolumeId=loose, Size=5)

bucket, foreign = f"seed-{me}", f"seed-eu-{me}"
s3.create_bucket(Bucket=bucket)
s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:GetBucketAcl", "Resource": f"arn:aws:s3:::{bucket}"},
    {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}]}))
s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True})
s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/seed"}}]})
c("s3", EU).create_bucket(Bucket=foreign, CreateBucketConfiguration={"LocationConstraint": EU})

# moto takes a prefix in the destination for a part of the name of the bucket.
made = ec2.create_flow_logs(ResourceType="VPC", ResourceIds=[vpc], TrafficType="ALL", LogDestinationType="s3", LogDestination=f"arn:aws:s3:::{bucket}", TagSpecifications=spec("vpc-flow-log", Name="f"))
assert made["FlowLogIds"], made
ids["flow_log"] = made["FlowLogIds"][0]

allow = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]})
trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "vpc-flow-logs.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
iam.create_role(RoleName="delivery", AssumeRolePolicyDocument=json.dumps(trust), Tags=[{"Key": "a", "Value": "b"}])
iam.put_role_policy(RoleName="delivery", PolicyName="write", PolicyDocument=allow)
ids["policy"] = iam.create_policy(PolicyName="more", PolicyDocument=allow)["Policy"]["Arn"]
iam.attach_role_policy(RoleName="delivery", PolicyArn=ids["policy"])

logs.create_log_group(logGroupName="/vpc/flow", tags={"a": "b"})
logs.create_log_group(logGroupName="/vpc/flow-2")
logs.put_retention_policy(logGroupName="/vpc/flow", retentionInDays=30)

# One trail at home in us-east-1, one of eu-west-1 that only shadows here.
ids["trail"] = trail.create_trail(Name="audit", S3BucketName=bucket, S3KeyPrefix="p", IsMultiRegionTrail=False, TagsList=[{"Key": "a", "Value": "b"}])["TrailARN"]
ids["trail_eu"] = c("cloudtrail", EU).create_trail(Name="everywhere", S3BucketName=bucket, IsMultiRegionTrail=True)["TrailARN"]
c("cloudtrail", EU).start_logging(Name="everywhere")
trail.put_event_selectors(TrailName="audit", EventSelectors=[{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True, "DataResources": []}])
print(json.dumps(ids))
