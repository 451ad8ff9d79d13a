"""Writes what Prowler 5 says of an account, as OCSF, CSV and ASFF in one JSON object: by hand, from what is known of its
formats and of its rules, which are not those of redress. A test that runs Prowler itself holds the verdicts to be its own.

Prowler looks at groups and networks only where they are in use, unless it is told to look at all (`all` as the second word).
"""
import csv
import io
import ipaddress
import json
import sys
import boto3

REGIONS, EVERYTHING = sys.argv[1].split(","), sys.argv[2:] == ["all"]
WORLD = ("0.0.0.0/0", "::/0")
PORT, EXPOSED = "ec2_securitygroup_allow_ingress_from_internet_to_", "ec2_instance_port_ssh_exposed_to_internet"
PORTS = {
    "tcp_port_22": [22], "tcp_port_3389": [3389], "tcp_port_telnet_23": [23], "tcp_port_mysql_3306": [3306], "tcp_port_postgres_5432": [5432],
    "tcp_port_redis_6379": [6379], "high_risk_tcp_ports": [25, 110, 135, 143, 445, 3000, 4333, 5000, 5500, 8080, 8088],
}
account = boto3.client("sts").get_caller_identity()["Account"]
said = []


def say(check, failed, region, kind, uid, name, severity="high"):
    said.append({"check": check, "status": "FAIL" if failed else "PASS", "region": region, "kind": kind, "uid": uid, "name": name, "severity": severity})


def arn(region, what, id):
    return f"arn:aws:ec2:{region}:{account}:{what}/{id}"


def ranges(permission):
    return [r["CidrIp"] for r in permission["IpRanges"]] + [r["CidrIpv6"] for r in permission["Ipv6Ranges"]]


def opens(permission, ports):
    low, high = permission.get("FromPort", 0), permission.get("ToPort", 65535)
    return permission["IpProtocol"] in ("-1", "tcp") and any(r in WORLD for r in ranges(permission)) and any(low <= p <= high for p in ports)


def wide(permission):
    """Any network of the internet that is larger than a provider gives to one customer, but not the whole of it."""
    nets = [ipaddress.ip_network(r) for r in ranges(permission)]
    return any(n.version == 4 and 0 < n.prefixlen < 24 and not n.is_private for n in nets)


def groups(ec2, region):
    used = {g["GroupId"] for i in ec2.describe_network_interfaces()["NetworkInterfaces"] for g in i["Groups"]}
    for group in ec2.describe_security_groups()["SecurityGroups"]:
        rules, id = group["IpPermissions"], group["GroupId"]
        about = (region, "AwsEc2SecurityGroup", arn(region, "security-group", id), id)
        if not (EVERYTHING or id in used):
            continue
        whole = any(p["IpProtocol"] == "-1" and any(r in WORLD for r in ranges(p)) for p in rules)
        say(PORT + "all_ports", whole, *about)
        # An unused group passes, even where all are looked at.
        say(PORT + "any_port", id in used and not whole and any(r in WORLD for p in rules for r in ranges(p)), *about)
        say("ec2_securitygroup_allow_wide_open_public_ipv4", any(wide(p) for p in rules), *about)
        for name, ports in PORTS.items():
            # What the check for all ports has said is not said again.
            say(PORT + name, not whole and any(opens(p, ports) for p in rules), *about)
        if group["GroupName"] == "default":
            say("ec2_securitygroup_default_restrict_traffic", bool(rules or group["IpPermissionsEgress"]), *about)


def networks(ec2, region):
    busy = {i["VpcId"] for i in ec2.describe_network_interfaces()["NetworkInterfaces"]}
    # Any flow log will do, whatever it records and whether or not it delivers.
    logged = {f["ResourceId"] for f in ec2.describe_flow_logs()["FlowLogs"]}
    for vpc in ec2.describe_vpcs()["Vpcs"]:
        id = vpc["VpcId"]
        if EVERYTHING or id in busy:
            say("vpc_flow_logs_enabled", id not in logged, region, "AwsEc2Vpc", arn(region, "vpc", id), id, "medium")


def machines(ec2, region):
    snapshots = {s["VolumeId"] for s in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]}
    for volume in ec2.describe_volumes()["Volumes"]:
        about = (region, "AwsEc2Volume", arn(region, "volume", volume["VolumeId"]), volume["VolumeId"], "medium")
        say("ec2_ebs_volume_encryption", not volume["Encrypted"], *about)
        say("ec2_ebs_volume_snapshots_exists", volume["VolumeId"] not in snapshots, *about)
    rules = {g["GroupId"]: g["IpPermissions"] for g in ec2.describe_security_groups()["SecurityGroups"]}
    for instance in (i for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]):
        exposed = any(opens(p, [22]) for g in instance["SecurityGroups"] for p in rules[g["GroupId"]])
        say(EXPOSED, exposed, region, "AwsEc2Instance", arn(region, "instance", instance["InstanceId"]), instance["InstanceId"], "critical")


def trails(region):
    client = boto3.client("cloudtrail", region_name=region)
    found = client.describe_trails()["trailList"]
    logging = [t for t in found if client.get_trail_status(Name=t["TrailARN"])["IsLogging"]]
    for check, severity in (("cloudtrail_multi_region_enabled", "high"), ("cloudtrail_multi_region_enabled_logging_management_events", "low")):
        # Where there is none, a name stands in that is none.
        stand_in = f"arn:aws:cloudtrail:{region}:{account}:trail"
        say(check, not any(t["IsMultiRegionTrail"] for t in logging), region, "AwsCloudTrailTrail", stand_in, account, severity)
    for trail in (t for t in found if t["HomeRegion"] == region):
        failed = not trail["LogFileValidationEnabled"]
        say("cloudtrail_log_file_validation_enabled", failed, region, "AwsCloudTrailTrail", trail["TrailARN"], trail["Name"], "medium")


def keys(region):
    client = boto3.client("kms", region_name=region)
    for key in (client.describe_key(KeyId=k["KeyId"])["KeyMetadata"] for k in client.list_keys()["Keys"]):
        if key["KeyManager"] == "CUSTOMER" and key["KeyState"] == "Enabled" and "SYMMETRIC" in key["KeySpec"]:
            failed = not client.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"]
            say("kms_cmk_rotation_enabled", failed, region, "AwsKmsKey", key["Arn"], key["KeyId"], "medium")


def passwords():
    iam = boto3.client("iam")
    try:
        policy = iam.get_account_password_policy()["PasswordPolicy"]
    except iam.exceptions.NoSuchEntityException:
        policy = {}
    # A policy without an age fails, which redress asks for only where a playbook does.
    fails = {
        "minimum_length_14": policy.get("MinimumPasswordLength", 0) < 14, "reuse_24": (policy.get("PasswordReusePrevention") or 0) < 24,
        "lowercase": not policy.get("RequireLowercaseCharacters"), "uppercase": not policy.get("RequireUppercaseCharacters"),
        "number": not policy.get("RequireNumbers"), "symbol": not policy.get("RequireSymbols"),
        "expires_passwords_within_90_days_or_less": not 0 < (policy.get("MaxPasswordAge") or 0) <= 90,
    }
    for check, failed in fails.items():
        stand_in = f"arn:aws:iam:us-east-1:{account}:password-policy"
        say(f"iam_password_policy_{check}", failed, "us-east-1", "AwsIamPasswordPolicy", stand_in, account, "medium")


def uid(s):
    return f"prowler-aws-{s['check']}-{account}-{s['region']}-{s['name']}"


def ocsf(s):
    return {
        "message": "m", "metadata": {"event_code": s["check"], "product": {"name": "Prowler", "vendor_name": "Prowler", "version": "5.46.0"}, "version": "1.5.0"},
        "severity": s["severity"].capitalize(), "status": "New", "status_id": 1, "status_code": s["status"], "status_detail": "m", "activity_id": 1,
        "finding_info": {"uid": uid(s), "title": s["check"]}, "category_uid": 2, "class_name": "Detection Finding", "class_uid": 2004, "time": 1795345200,
        "time_dt": "2026-11-22T11:00:00", "resources": [{"cloud_partition": "aws", "region": s["region"], "name": s["name"], "type": s["kind"], "uid": s["uid"]}],
        "cloud": {"account": {"name": "", "uid": account}, "provider": "aws", "region": s["region"]}, "type_uid": 200401,
    }


def asff(s):
    return {
        # Prowler makes the id of the resource alone.
        "SchemaVersion": "2018-10-08", "Id": f"prowler-{s['check']}-{account}-{s['region']}-{abs(hash(s['uid'])) % 10**9}", "RecordState": "ACTIVE",
        "ProductArn": f"arn:aws:securityhub:{s['region']}::product/prowler/prowler", "GeneratorId": f"prowler-{s['check']}", "AwsAccountId": account,
        "ProductFields": {"ProviderName": "Prowler", "ProviderVersion": "5.46.0", "ProwlerResourceName": s["uid"]}, "Workflow": {"Status": "NEW"},
        "FirstObservedAt": "2026-11-22T11:00:00Z", "UpdatedAt": "2026-11-22T11:00:00Z", "CreatedAt": "2026-11-22T11:00:00Z",
        "Severity": {"Label": s["severity"].upper()}, "Title": s["check"], "Description": "m", "Types": [],
        "Resources": [{"Type": s["kind"], "Id": s["uid"], "Partition": "aws", "Region": s["region"]}],
        "Compliance": {"Status": "FAILED" if s["status"] == "FAIL" else "PASSED"},
    }


def row(s):
    return {
        "AUTH_METHOD": "profile: None", "TIMESTAMP": "2026-11-22 11:00:00", "ACCOUNT_UID": account, "FINDING_UID": uid(s), "PROVIDER": "aws",
        "CHECK_ID": s["check"], "STATUS": s["status"], "STATUS_EXTENDED": "one line;\nand another", "MUTED": "False", "SEVERITY": s["severity"],
        "RESOURCE_TYPE": s["kind"], "RESOURCE_UID": s["uid"], "RESOURCE_NAME": s["name"], "PARTITION": "aws", "REGION": s["region"],
        "PROWLER_VERSION": "5.46.0",
    }


def table():
    out = io.StringIO()
    writer = csv.DictWriter(out, list(row(said[0])), delimiter=";")
    writer.writeheader()
    writer.writerows(row(s) for s in said)
    return out.getvalue()


for region in REGIONS:
    ec2 = boto3.client("ec2", region_name=region)
    for part in (groups, networks, machines):
        part(ec2, region)
    trails(region)
    keys(region)
passwords()

print(json.dumps({"run.ocsf.json": json.dumps([ocsf(s) for s in said]), "run.csv": table(), "run.asff.json": json.dumps([asff(s) for s in said])}))
