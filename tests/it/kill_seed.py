"""Seeds accounts with what one action is for, or does to them what time does. Reads one line of JSON for each account (`kind` and keys) and prints nothing."""
import json
import sys
import boto3

shared = boto3.Session()


def seed(kind, keys):
    def client(service):
        return shared.client(service, region_name="us-east-1", aws_access_key_id=keys["id"], aws_secret_access_key=keys["secret"], aws_session_token=keys["token"])

    if kind == "tighten-security-group":
        ec2 = client("ec2")
        vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        group = ec2.create_security_group(GroupName="open", Description="open", VpcId=vpc)["GroupId"]
        both = {"IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "once"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, **both},
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
        ])
    elif kind == "empty-default-security-group":
        # The emulator has the outbound rule only.
        ec2 = client("ec2")
        group = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["default"]}])["SecurityGroups"][0]["GroupId"]
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}])
    elif kind == "raise-cloudtrail":
        s3, name = client("s3"), f"trail-{keys['account']}"
        s3.create_bucket(Bucket=name)
        arn, service = f"arn:aws:s3:::{name}", {"Service": "cloudtrail.amazonaws.com"}
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": service, "Action": "s3:GetBucketAcl", "Resource": arn},
            {"Effect": "Allow", "Principal": service, "Action": "s3:PutObject", "Resource": arn + "/*"},
        ]}))
        client("cloudtrail").create_trail(Name="main", S3BucketName=name, IsMultiRegionTrail=False)
    elif kind in ("snapshot-instance", "encrypt-volumes"):
        ec2 = client("ec2")
        image = "ami-760aaa0f"
        ec2.run_instances(
            ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.micro", Placement={"AvailabilityZone": "us-east-1a"},
            BlockDeviceMappings=[{"DeviceName": d, "Ebs": {"VolumeSize": 8, "VolumeType": "gp3", "DeleteOnTermination": d == "/dev/xvda"}} for d in ("/dev/xvda", "/dev/sdf")],
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "db"}, {"Key": "Backup", "Value": "true"}]}],
        )
    elif kind == "encrypt-volumes-detached":
        client("ec2").create_volume(AvailabilityZone="us-east-1a", Size=3, VolumeType="gp3", Iops=3500, Throughput=200,
                                    TagSpecifications=[{"ResourceType": "volume", "Tags": [{"Key": "Name", "Value": "loose"}]}])
    elif kind == "encrypt-volumes-fleet":
        ec2 = client("ec2")
        for name in ("one", "two", "three", "four", "five"):
            ec2.run_instances(
                ImageId="ami-760aaa0f", MinCount=1, MaxCount=1, InstanceType="t3.micro", Placement={"AvailabilityZone": "us-east-1a"},
                BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8, "VolumeType": "gp3", "DeleteOnTermination": True}}],
                TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}],
            )
    elif kind == "bucket-for-runs":
        client("s3").create_bucket(Bucket=f"runs-of-cut-{keys['account']}")
    elif kind == "time-passes":
        # What was to be kept until a day was to be kept until one that is over.
        ec2 = client("ec2")
        things = [(v["VolumeId"], v) for v in ec2.describe_volumes()["Volumes"]] + [(s["SnapshotId"], s) for s in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]]
        for thing in (id for id, t in things if any(tag["Key"] == "redress:expires" for tag in t.get("Tags", []))):
            ec2.create_tags(Resources=[thing], Tags=[{"Key": "redress:expires", "Value": "2020-01-01"}])
    elif kind in ("somebody-starts", "somebody-starts-and-stops", "somebody-stops"):
        ec2 = client("ec2")
        ids = [i["InstanceId"] for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]]
        if kind != "somebody-stops":
            ec2.start_instances(InstanceIds=ids)
        if kind != "somebody-starts":
            ec2.stop_instances(InstanceIds=ids)
    elif kind not in ("enable-flow-logs", "create-cloudtrail"):
        raise SystemExit(f"no seed for {kind}")


for line in sys.stdin:
    asked = json.loads(line)
    seed(asked.pop("kind"), asked)
