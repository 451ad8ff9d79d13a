"""Writes what CloudTrail would have recorded while the account came to be as it is, as a log file of S3.

By hand, from AWS's description of the events: the emulator records none. What is asked of boto3 is only ids and rules.
With them come calls that leave nothing behind: some that failed, some that were taken back, and some elsewhere.
"""
import itertools
import json
import sys
import uuid
import boto3

REGIONS = sys.argv[1].split(",")
account = boto3.client("sts").get_caller_identity()["Account"]
records, clock = [], itertools.count()


def record(service, name, region, request, response, **more):
    n = next(clock)
    session = {"type": "Role", "principalId": "AROAEXAMPLE", "arn": f"arn:aws:iam::{account}:role/deploy", "accountId": account, "userName": "deploy"}
    identity = {
        "type": "AssumedRole", "principalId": "AROAEXAMPLE:ci-118", "arn": f"arn:aws:sts::{account}:assumed-role/deploy/ci-118", "accountId": account,
        "accessKeyId": "ASIAEXAMPLE", "sessionContext": {"sessionIssuer": session, "attributes": {"mfaAuthenticated": "false"}},
    }
    records.append({
        "eventVersion": "1.11", "userIdentity": identity, "eventTime": f"2026-11-{1 + n // 1440:02}T{n // 60 % 24:02}:{n % 60:02}:00Z",
        "eventSource": f"{service}.amazonaws.com", "eventName": name, "awsRegion": region, "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2.31.0", "requestParameters": request, "responseElements": response, "requestID": str(uuid.uuid4()),
        "eventID": str(uuid.uuid4()), "readOnly": False, "eventType": "AwsApiCall", "managementEvent": True, "recipientAccountId": account,
        "eventCategory": "Management",
    } | more)


def done(**response):
    return {"requestId": str(uuid.uuid4()), "_return": True} | response


def items(values):
    """A list as EC2's older calls are recorded; an empty one is an empty object."""
    return {"items": values} if values else {}


def as_recorded(permission):
    ports = {"fromPort": permission["FromPort"], "toPort": permission["ToPort"]} if "FromPort" in permission else {}
    return {
        "ipProtocol": permission["IpProtocol"], **ports,
        "groups": items([{"groupId": g["GroupId"]} for g in permission["UserIdGroupPairs"]]),
        "ipRanges": items([{"cidrIp": r["CidrIp"]} for r in permission["IpRanges"]]),
        "ipv6Ranges": items([{"cidrIpv6": r["CidrIpv6"]} for r in permission["Ipv6Ranges"]]),
        "prefixListIds": {},
    }


def groups(ec2, region):
    rules = ec2.describe_security_group_rules()["SecurityGroupRules"]
    for group in (g for g in ec2.describe_security_groups()["SecurityGroups"] if g["GroupName"] != "default"):
        own, id = group["IpPermissions"], group["GroupId"]
        record("ec2", "CreateSecurityGroup", region, {"groupName": group["GroupName"], "groupDescription": "x", "vpcId": group["VpcId"]}, done(groupId=id))
        one = own[0] if len(own) == 1 and len(own[0]["IpRanges"]) == 1 and not own[0]["Ipv6Ranges"] and "FromPort" in own[0] else None
        if one:
            # As the console and old tools put it: the rule stands beside the group, and numbers may be text.
            flat = {"ipProtocol": one["IpProtocol"], "fromPort": str(one["FromPort"]), "toPort": str(one["ToPort"]), "cidrIp": one["IpRanges"][0]["CidrIp"]}
            record("ec2", "AuthorizeSecurityGroupIngress", region, {"groupId": id, "ipPermissions": {}} | flat, done())
        elif own:
            made = [{"groupId": id, "securityGroupRuleId": r["SecurityGroupRuleId"]} for r in rules if r["GroupId"] == id and not r["IsEgress"]]
            request = {"groupId": id, "ipPermissions": items([as_recorded(p) for p in own])}
            record("ec2", "AuthorizeSecurityGroupIngress", region, request, done(securityGroupRuleSet=items(made)))


def flow_log(ec2, region, vpc, id):
    # The newer calls are recorded as the XML they were: a list of one is an object.
    request = {"ResourceType": "VPC", "TrafficType": "ALL", "ResourceId": {"tag": 1, "content": vpc}}
    response = {"CreateFlowLogsResponse": {"requestId": str(uuid.uuid4()), "unsuccessful": "", "flowLogIdSet": {"item": id}}}
    record("ec2", "CreateFlowLogs", region, {"CreateFlowLogsRequest": request}, response)


def networks(ec2, region, home):
    logged = {f["ResourceId"]: f["FlowLogId"] for f in ec2.describe_flow_logs()["FlowLogs"]}
    for vpc in ec2.describe_vpcs()["Vpcs"]:
        id, cidr = vpc["VpcId"], vpc["CidrBlock"]
        made = done(vpc={"vpcId": id, "state": "pending", "cidrBlock": cidr, "isDefault": vpc["IsDefault"]})
        if vpc["IsDefault"] and home:
            # It came with the account, which no event tells; that its flow logs were deleted is told, but not that they were its.
            log = f"fl-{uuid.uuid4().hex[:17]}"
            flow_log(ec2, region, id, log)
            request = {"DeleteFlowLogsRequest": {"FlowLogId": {"tag": 1, "content": log}}}
            record("ec2", "DeleteFlowLogs", region, request, {"DeleteFlowLogsResponse": {"requestId": str(uuid.uuid4()), "unsuccessful": ""}})
        else:
            record("ec2", "CreateDefaultVpc" if vpc["IsDefault"] else "CreateVpc", region, None if vpc["IsDefault"] else {"cidrBlock": cidr}, made)
        if id in logged:
            flow_log(ec2, region, id, logged[id])


def machines(ec2, region):
    for instance in (i for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]):
        # When the call is answered no disk is attached yet.
        one = {"instanceId": instance["InstanceId"], "imageId": instance["ImageId"], "instanceState": {"code": 0, "name": "pending"}, "blockDeviceMapping": {}}
        request = {"instancesSet": items([{"imageId": instance["ImageId"], "minCount": 1, "maxCount": 1}]), "instanceType": instance["InstanceType"]}
        record("ec2", "RunInstances", region, request, done(reservationId="r-1", ownerId=account, groupSet={}, instancesSet=items([one])))
    for volume in (v for v in ec2.describe_volumes()["Volumes"] if not v["Attachments"]):
        made = {"volumeId": volume["VolumeId"], "size": str(volume["Size"]), "encrypted": volume["Encrypted"], "status": "creating"}
        record("ec2", "CreateVolume", region, {"size": str(volume["Size"]), "zone": volume["AvailabilityZone"]}, done(**made))


def trails(region):
    for trail in boto3.client("cloudtrail", region_name=region).describe_trails(includeShadowTrails=False)["trailList"]:
        name, arn = trail["Name"], trail["TrailARN"]
        good = {"name": name, "s3BucketName": trail["S3BucketName"], "isMultiRegionTrail": True, "enableLogFileValidation": True}
        record("cloudtrail", "CreateTrail", region, good, good | {"trailARN": arn, "logFileValidationEnabled": True})
        record("cloudtrail", "StartLogging", region, {"name": arn}, None)
        loose = {"name": name, "isMultiRegionTrail": False, "enableLogFileValidation": False}
        record("cloudtrail", "UpdateTrail", region, loose, loose | {"trailARN": arn})
        record("cloudtrail", "StopLogging", region, {"name": arn}, None)


def keys(region):
    client = boto3.client("kms", region_name=region)
    for key in (client.describe_key(KeyId=k["KeyId"])["KeyMetadata"] for k in client.list_keys()["Keys"]):
        # Those that rotate are older than what is recorded.
        if client.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"]:
            continue
        made = {"keyId": key["KeyId"], "arn": key["Arn"], "keySpec": key["KeySpec"], "keyUsage": key["KeyUsage"], "origin": key["Origin"], "keyManager": "CUSTOMER"}
        record("kms", "CreateKey", region, {"keySpec": key["KeySpec"], "keyUsage": key["KeyUsage"], "origin": key["Origin"]}, {"keyMetadata": made})


def passwords():
    # Events of IAM are recorded in one region, whatever the caller's.
    policy = boto3.client("iam").get_account_password_policy()["PasswordPolicy"]
    request = {"minimumPasswordLength": policy["MinimumPasswordLength"], "requireSymbols": policy["RequireSymbols"]}
    record("iam", "UpdateAccountPasswordPolicy", "us-east-1", request, None)


def nothing(ec2, region):
    """What leaves nothing to mend: it failed, was taken back, or is another account's."""
    shut = next(g["GroupId"] for g in ec2.describe_security_groups()["SecurityGroups"] if g["GroupName"] in ("office", "ssh-office"))
    rule = {"groupId": shut, "ipPermissions": items([{"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": items([{"cidrIp": "0.0.0.0/0"}])}])}
    record("ec2", "AuthorizeSecurityGroupIngress", region, rule, None, errorCode="Client.UnauthorizedOperation", errorMessage="no")
    record("ec2", "AuthorizeSecurityGroupIngress", region, rule, done())
    record("ec2", "RevokeSecurityGroupIngress", region, rule, done())
    record("ec2", "AuthorizeSecurityGroupIngress", region, rule, done(), recipientAccountId="999999999999")
    gone = "vol-0123456789abcdef0"
    record("ec2", "CreateVolume", region, {"size": "1"}, done(volumeId=gone, encrypted=False))
    record("ec2", "DeleteVolume", region, {"volumeId": gone}, done())
    record("ec2", "DescribeVpcs", region, {"vpcSet": {}}, None, readOnly=True)


for number, region in enumerate(REGIONS):
    ec2 = boto3.client("ec2", region_name=region)
    networks(ec2, region, number == 0)
    groups(ec2, region)
    machines(ec2, region)
    trails(region)
    keys(region)
    if number == 0:
        nothing(ec2, region)
        passwords()

print(json.dumps({"Records": records}))
