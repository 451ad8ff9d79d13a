"""Looks at an account with boto3, which knows nothing of redress, and prints what there is as JSON.

Given `batch` as an argument it looks at many accounts, and replaces what differs between two runs that come to the same
end (ids, times, tokens, the account) by words; things are then listed by what they are. `plain` does so for one account,
and leaves out the number of a change too: it follows from the ids.
"""
import json
import re
import sys
import boto3

REGIONS = sys.argv[1].split(",")
session, keys = boto3.Session(), {}


def client(service, region="us-east-1"):
    return session.client(service, region_name=region, **keys)


def tags(thing):
    return {t["Key"]: t["Value"] for t in thing.get("Tags") or thing.get("TagSet") or []}


def rule(permission, way):
    ports = f"{permission.get('FromPort', '')}-{permission.get('ToPort', '')}"
    sources = [(r["CidrIp"], r) for r in permission.get("IpRanges", [])] + [(r["CidrIpv6"], r) for r in permission.get("Ipv6Ranges", [])]
    sources += [(g["GroupId"], g) for g in permission.get("UserIdGroupPairs", [])]
    return [f"{way} {permission['IpProtocol']} {ports} {source} {r.get('Description', '')}".strip() for source, r in sources]


def groups(ec2):
    found = {}
    for group in ec2.describe_security_groups()["SecurityGroups"]:
        rules = [line for p in group["IpPermissions"] for line in rule(p, "in")]
        rules += [line for p in group["IpPermissionsEgress"] for line in rule(p, "out")]
        found[group["GroupId"]] = {"name": group["GroupName"], "rules": sorted(rules), "tags": tags(group)}
    return found


def instances(ec2):
    found = {}
    for instance in (i for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]):
        devices = {b["DeviceName"]: {"volume": b["Ebs"]["VolumeId"], "dies": b["Ebs"]["DeleteOnTermination"]} for b in instance["BlockDeviceMappings"]}
        found[instance["InstanceId"]] = {
            "state": instance["State"]["Name"], "type": instance["InstanceType"], "ip": instance.get("PrivateIpAddress"),
            "devices": devices, "tags": tags(instance), "groups": [g["GroupId"] for g in instance["SecurityGroups"]],
        }
    return found


def volumes(ec2):
    found = {}
    for v in ec2.describe_volumes()["Volumes"]:
        at = [[a["InstanceId"], a["Device"], a["State"]] for a in v["Attachments"]]
        found[v["VolumeId"]] = {k: v.get(k) for k in ("Size", "VolumeType", "Iops", "Throughput", "Encrypted", "State", "AvailabilityZone")} | {"at": at, "tags": tags(v)}
    return found


def snapshots(ec2):
    found = {}
    for s in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]:
        # The emulator lists those of the public images as one's own.
        if not s["Description"].startswith("Auto-created snapshot"):
            found[s["SnapshotId"]] = {"volume": s["VolumeId"], "state": s["State"], "encrypted": s["Encrypted"], "size": s["VolumeSize"], "tags": tags(s)}
    return found


def flow_logs(ec2):
    keys = ("ResourceId", "FlowLogStatus", "TrafficType", "LogDestinationType", "LogGroupName", "LogDestination", "DeliverLogsPermissionArn")
    return {f["FlowLogId"]: {k: f.get(k) for k in keys} | {"tags": tags(f)} for f in ec2.describe_flow_logs()["FlowLogs"]}


def trails(region):
    cloudtrail, found = client("cloudtrail", region), {}
    for t in cloudtrail.describe_trails(includeShadowTrails=False)["trailList"]:
        status = cloudtrail.get_trail_status(Name=t["TrailARN"])
        keys = ("S3BucketName", "IsMultiRegionTrail", "LogFileValidationEnabled", "IncludeGlobalServiceEvents", "HomeRegion")
        found[t["TrailARN"]] = {k: t.get(k) for k in keys} | {"logging": status["IsLogging"]}
    return found


def log_groups(region):
    logs = client("logs", region)
    return {g["logGroupName"]: {"retention": g.get("retentionInDays")} for g in logs.describe_log_groups()["logGroups"]}


def roles():
    iam, found = client("iam"), {}
    for r in iam.list_roles()["Roles"]:
        policies = {n: iam.get_role_policy(RoleName=r["RoleName"], PolicyName=n)["PolicyDocument"] for n in iam.list_role_policies(RoleName=r["RoleName"])["PolicyNames"]}
        found[r["RoleName"]] = {"trust": r["AssumeRolePolicyDocument"], "policies": policies}
    return found


def passwords():
    iam = client("iam")
    try:
        return iam.get_account_password_policy()["PasswordPolicy"]
    except iam.exceptions.NoSuchEntityException:
        return None


def buckets():
    s3, found = client("s3"), {}

    def ask(what, key, **given):
        try:
            return getattr(s3, what)(**given).get(key)
        except s3.exceptions.ClientError as error:
            return error.response["Error"]["Code"]

    for name in (b["Name"] for b in s3.list_buckets()["Buckets"]):
        policy = ask("get_bucket_policy", "Policy", Bucket=name)
        found[name] = {
            "policy": json.loads(policy) if policy and policy.startswith("{") else policy,
            "versioning": ask("get_bucket_versioning", "Status", Bucket=name),
            "block": ask("get_public_access_block", "PublicAccessBlockConfiguration", Bucket=name),
            "encryption": ask("get_bucket_encryption", "ServerSideEncryptionConfiguration", Bucket=name),
            "tags": {t["Key"]: t["Value"] for t in ask("get_bucket_tagging", "TagSet", Bucket=name) or [] if isinstance(t, dict)},
        }
    return found


def look():
    found = {"roles": roles(), "passwords": passwords(), "buckets": buckets(), "regions": {}}
    for region in REGIONS:
        ec2 = client("ec2", region)
        found["regions"][region] = {
            "groups": groups(ec2), "instances": instances(ec2), "volumes": volumes(ec2), "snapshots": snapshots(ec2),
            "flow_logs": flow_logs(ec2), "trails": trails(region), "log_groups": log_groups(region),
        }
    return found


def plain(found):
    """The same without ids, times, tokens and account; dictionaries keyed by id become sorted lists."""
    def words(text):
        if "plain" in sys.argv[2:]:
            text = re.sub(r"^c\d+/", "CHANGE/", text)
        text = re.sub(r"\b(vol|snap|sgr|sg|fl|i|vpc|subnet|eni|ami|key)-[0-9a-f]{8,}\b", r"\1-ID", text)
        text = re.sub(r"\b\d{4}-\d\d-\d\d(T[\d:.]+Z)?", "TIME", text)
        text = re.sub(r"\b\d{8}T\d{6}Z-[0-9a-f]{6}\b", "RUN", text)
        text = re.sub(r"\b[0-9a-f]{40,}\b", "TOKEN", text)
        text = re.sub(r"\b(10|172|192)(\.\d+){3}(?![\d/.])", "ADDRESS", text)
        return re.sub(r"\b\d{12}\b", "ACCOUNT", text)

    def walk(value):
        if isinstance(value, dict):
            if any(re.match(r"(vol|snap|sg|fl|i)-[0-9a-f]{8,}$", k) for k in value):
                return sorted((walk(v) for v in value.values()), key=lambda v: json.dumps(v, sort_keys=True))
            return {words(k): walk(v) for k, v in value.items()}
        if isinstance(value, list):
            return [walk(v) for v in value]
        return words(value) if isinstance(value, str) else value

    return walk(found)


if "batch" in sys.argv[2:]:
    # One account a line: its keys in, what there is out.
    for line in sys.stdin:
        given = json.loads(line)
        keys = {"aws_access_key_id": given["id"], "aws_secret_access_key": given["secret"], "aws_session_token": given["token"]}
        print(json.dumps(plain(look()), sort_keys=True), flush=True)
elif "plain" in sys.argv[2:]:
    print(json.dumps(plain(look()), sort_keys=True))
else:
    print(json.dumps(look(), sort_keys=True))
