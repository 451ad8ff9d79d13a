"""Seeds an account in bad shape, for tests against an emulator, and prints the ids as JSON.

For every family: something bad, something good that looks alike, and something between. `expected` names what a scan
must find, check by check, and nothing else.
"""
import json
import boto3

HOME, ABROAD = "us-east-1", "eu-west-1"
ids, expected = {}, {}


def client(service, region=HOME):
    return boto3.client(service, region_name=region)


def bad(check, name):
    expected.setdefault(check, []).append(ids[name])


ec2, trails, s3 = client("ec2"), client("cloudtrail"), client("s3")
account = client("sts").get_caller_identity()["Account"]


def named(kind, name, **tags):
    pairs = [{"Key": "Name", "Value": name}] + [{"Key": k.replace("__", ":"), "Value": v} for k, v in tags.items()]
    return [{"ResourceType": kind, "Tags": pairs}]


# Networks. The default VPCs that every account of the emulator has are without flow logs, too.
for region in (HOME, ABROAD):
    for vpc in client("ec2", region).describe_vpcs()["Vpcs"]:
        ids[f"default-{region}"] = vpc["VpcId"]
        bad("vpc-without-flow-logs", f"default-{region}")
s3.create_bucket(Bucket=f"flow-{account}")
for name, cidr, traffic in (("plain", "10.1.0.0/16", None), ("watched", "10.2.0.0/16", "ALL"), ("half", "10.3.0.0/16", "ACCEPT")):
    ids[name] = ec2.create_vpc(CidrBlock=cidr, TagSpecifications=named("vpc", name))["Vpc"]["VpcId"]
    if traffic:
        ec2.create_flow_logs(
            ResourceType="VPC", ResourceIds=[ids[name]], TrafficType=traffic, LogDestinationType="s3",
            # Without a prefix: the emulator takes that for a part of the bucket's name.
            LogDestination=f"arn:aws:s3:::flow-{account}",
        )
bad("vpc-without-flow-logs", "plain")
bad("vpc-without-flow-logs", "half")
ids["subnet"] = ec2.create_subnet(VpcId=ids["plain"], CidrBlock="10.1.1.0/24", AvailabilityZone=f"{HOME}a")["Subnet"]["SubnetId"]
# The settings of the account and of its subnets have tests of their own (settings.rs): what the emulator has in every account is turned off.
for region in (HOME, ABROAD):
    place = client("ec2", region)
    for subnet in place.describe_subnets()["Subnets"]:
        place.modify_subnet_attribute(SubnetId=subnet["SubnetId"], MapPublicIpOnLaunch={"Value": False})
    place.enable_ebs_encryption_by_default()


def group(name, *permissions, **tags):
    made = ec2.create_security_group(GroupName=name, Description=name, VpcId=ids["plain"], TagSpecifications=named("security-group", name, **tags))
    ids[name] = made["GroupId"]
    if permissions:
        ec2.authorize_security_group_ingress(GroupId=ids[name], IpPermissions=list(permissions))


def rule(protocol, low, high, *sources):
    permission = {"IpProtocol": protocol, "IpRanges": [], "Ipv6Ranges": []}
    if protocol != "-1":
        permission |= {"FromPort": low, "ToPort": high}
    for source in sources:
        kind, key = ("Ipv6Ranges", "CidrIpv6") if ":" in source else ("IpRanges", "CidrIp")
        permission[kind].append({key: source, "Description": "for a test"})
    return permission


ADMIN, DATABASE, ALL = "security-group-open-admin-port", "security-group-open-database-port", "security-group-open-all-traffic"
OTHER = "security-group-open-other-port"
group("ssh-open", rule("tcp", 22, 22, "0.0.0.0/0", "203.0.113.0/24"), rule("tcp", 443, 443, "10.0.0.0/8"))
group("ssh-only-way", rule("tcp", 22, 22, "0.0.0.0/0"))
group("winrm-v6", rule("tcp", 5985, 5986, "::/0"))
group("range", rule("tcp", 1, 100, "0.0.0.0/0"))
group("quarters", rule("tcp", 22, 22, "0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/2"))
group("mysql-open", rule("tcp", 3306, 3306, "0.0.0.0/0"))
group("everything", rule("-1", 0, 0, "0.0.0.0/0"))
group("web", rule("tcp", 443, 443, "0.0.0.0/0", "::/0"))
group("ping", rule("icmp", 8, -1, "0.0.0.0/0"))
group("office", rule("tcp", 22, 22, "203.0.113.0/24"))
group("excused", rule("tcp", 22, 22, "0.0.0.0/0"), redress__ignore="a honeypot, reviewed")
for name in ("ssh-open", "ssh-only-way", "winrm-v6", "range", "quarters"):
    bad(ADMIN, name)
bad(DATABASE, "mysql-open")
bad(ALL, "everything")
# The ports of the range that are neither for administration nor authorised.
bad(OTHER, "range")

# The default groups. The emulator gives them no rule for their own members, as AWS does. One is left as AWS makes it; what the others have is
# taken away.
for region in (HOME, ABROAD):
    place = client("ec2", region)
    for default in place.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["default"]}])["SecurityGroups"]:
        if default["VpcId"] != ids["half"]:
            place.revoke_security_group_egress(GroupId=default["GroupId"], IpPermissions=default["IpPermissionsEgress"])
            continue
        ids["half-default"] = default["GroupId"]
        place.authorize_security_group_ingress(GroupId=default["GroupId"], IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": default["GroupId"]}]}])
bad("default-security-group-has-rules", "half-default")

# Instances and volumes.
images = ec2.describe_images(Owners=["amazon"])["Images"]
image = next(i["ImageId"] for i in images if i.get("RootDeviceName") == "/dev/xvda" and i.get("Platform") != "windows")


def instance(name, groups, volumes, **tags):
    made = ec2.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.micro", SubnetId=ids["subnet"], SecurityGroupIds=[ids[g] for g in groups],
        BlockDeviceMappings=[{"DeviceName": d, "Ebs": {"VolumeSize": 8, "VolumeType": "gp3", "Encrypted": e, "DeleteOnTermination": d == "/dev/xvda"}} for d, e in volumes],
        TagSpecifications=named("instance", name, **tags),
    )["Instances"][0]
    ids[name] = made["InstanceId"]
    for volume in ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [ids[name]]}])["Volumes"]:
        ids[f"{name}{volume['Attachments'][0]['Device']}"] = volume["VolumeId"]


VOLUME, STALE = "ebs-volume-unencrypted", "instance-backup-stale"
instance("database", ["ssh-open"], [("/dev/xvda", False), ("/dev/sdf", False)], Backup="true")
instance("front", ["ssh-only-way"], [("/dev/xvda", True)], Backup="true")
instance("idle", ["office"], [("/dev/xvda", False)])
instance("member", ["office"], [("/dev/xvda", False)], kubernetes__io__cluster="shop")
ec2.create_tags(Resources=[ids["member"]], Tags=[{"Key": "kubernetes.io/cluster/shop", "Value": "owned"}])
ec2.stop_instances(InstanceIds=[ids["idle"]])
ec2.create_snapshot(VolumeId=ids["front/dev/xvda"], Description="fresh")
ids["loose"] = ec2.create_volume(AvailabilityZone=f"{HOME}a", Size=3, VolumeType="gp3", Iops=3500, Throughput=200, TagSpecifications=named("volume", "loose"))["VolumeId"]
ids["loose-good"] = ec2.create_volume(AvailabilityZone=f"{HOME}a", Size=3, Encrypted=True)["VolumeId"]
for name in ("database/dev/xvda", "database/dev/sdf", "idle/dev/xvda", "member/dev/xvda", "loose"):
    bad(VOLUME, name)
bad(STALE, "database")

# Keys. The emulator takes AWS's own key for EBS, made above with the first encrypted disk, for the customer's.
for region in (HOME, ABROAD):
    for key in client("kms", region).list_keys()["Keys"]:
        client("kms", region).enable_key_rotation(KeyId=key["KeyId"])
for name, rotates in (("key-still", False), ("key-rotated", True)):
    ids[name] = client("kms").create_key(KeyUsage="ENCRYPT_DECRYPT", Tags=[{"TagKey": "Name", "TagValue": name}])["KeyMetadata"]["KeyId"]
    if rotates:
        client("kms").enable_key_rotation(KeyId=ids[name])
bad("kms-rotation-off", "key-still")

# A trail that was stopped: of one region, without validation.
bucket = f"trail-{account}"
s3.create_bucket(Bucket=bucket)
arn = f"arn:aws:s3:::{bucket}"
s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:GetBucketAcl", "Resource": arn},
    {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:PutObject", "Resource": arn + "/*"},
]}))
ids["trail"] = trails.create_trail(Name="main", S3BucketName=bucket, IsMultiRegionTrail=False)["TrailARN"]
ids["account"] = f"arn:aws:iam::{account}:root"
bad("cloudtrail-not-logging", "trail")
bad("cloudtrail-no-log-validation", "trail")
bad("cloudtrail-missing", "account")

# A password policy that asks for symbols and for little else, and lets users change their own.
client("iam").update_account_password_policy(MinimumPasswordLength=8, RequireSymbols=True, AllowUsersToChangePassword=True, PasswordReusePrevention=3)
bad("password-policy-weak", "account")

print(json.dumps({"ids": ids, "expected": expected}))
