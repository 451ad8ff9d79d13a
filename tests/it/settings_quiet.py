"""Turns off what the emulator has in every account: rules of default groups, subnets with public addresses, no encryption by default, no password
policy, and keys of AWS's that it takes for the customer's."""
import sys
import boto3

boto3.client("iam").update_account_password_policy(
    MinimumPasswordLength=14, PasswordReusePrevention=24, RequireSymbols=True, RequireNumbers=True, RequireUppercaseCharacters=True,
    RequireLowercaseCharacters=True,
)
for region in sys.argv[1].split(","):
    ec2 = boto3.client("ec2", region_name=region)
    for subnet in ec2.describe_subnets()["Subnets"]:
        ec2.modify_subnet_attribute(SubnetId=subnet["SubnetId"], MapPublicIpOnLaunch={"Value": False})
    ec2.enable_ebs_encryption_by_default()
    for group in ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["default"]}])["SecurityGroups"]:
        for revoke, rules in ((ec2.revoke_security_group_ingress, "IpPermissions"), (ec2.revoke_security_group_egress, "IpPermissionsEgress")):
            if group[rules]:
                revoke(GroupId=group["GroupId"], IpPermissions=group[rules])
    kms = boto3.client("kms", region_name=region)
    for key in kms.list_keys()["Keys"]:
        kms.enable_key_rotation(KeyId=key["KeyId"])
