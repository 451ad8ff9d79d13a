"""Turns off what the emulator has in every account: subnets with public addresses, and no encryption by default."""
import sys
import boto3

for region in sys.argv[1].split(","):
    ec2 = boto3.client("ec2", region_name=region)
    for subnet in ec2.describe_subnets()["Subnets"]:
        ec2.modify_subnet_attribute(SubnetId=subnet["SubnetId"], MapPublicIpOnLaunch={"Value": False})
    ec2.enable_ebs_encryption_by_default()
