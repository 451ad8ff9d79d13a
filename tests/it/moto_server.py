"""Runs moto on the port that is its first argument.

It ends with its standard input: when the test process dies, however it dies, the pipe closes.

What moto does again for every request or account is done once here. Without that, two thirds of its time go into listing its own
folder and reading the policies that AWS manages, under a lock that all requests wait for.
"""
import datetime
import functools
import json
import logging
import os
import sys
import threading

threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()

from moto import backends
from moto.core import responses
from moto.core.responses import ActionResult
from moto.core.utils import method_names_from_class, utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import Instance
from moto.ec2.models.nat_gateways import NatGatewayBackend
from moto.ec2.models.route_tables import Route
from moto.ec2.responses import EC2Response
from moto.ec2.responses.vpcs import VPCs
from moto.iam import models as iam
from moto.iam.responses import IamResponse
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.server import main

# Nobody reads what it logs.
logging.getLogger("werkzeug").disabled = True

modules = frozenset(backends.list_of_moto_modules())
backends.list_of_moto_modules = lambda: modules
DomainDispatcherApplication.get_backend_for_host = functools.cache(DomainDispatcherApplication.get_backend_for_host)

responses.method_names_from_class = functools.cache(method_names_from_class)
managed = functools.cache(lambda: json.loads(iam.aws_managed_policies_data))


def policies_of_aws(backend):
    """Those of the partition `aws` only: every account gets a backend for each partition, and no test is in another."""
    if backend.region_name != "aws" or not iam.load_iam_aws_managed_policies():
        return []
    return [iam.AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, data) for name, data in managed().items()]


iam.IAMBackend._init_aws_policies = policies_of_aws

# As on AWS `LaunchTime` moves with every start; moto leaves it at the time of the launch.
start = Instance.start


def start_as_aws_does(self):
    if self._state.name == "stopped":
        self.launch_time = utcnow()
    return start(self)


Instance.start = start_as_aws_does
# As on AWS there is a third status check.
Instance.attached_ebs_status = property(lambda self: {"Status": "ok" if self.state_code == 16 else "not-applicable"})

# As on AWS a route whose target is gone drops packets; moto shows every route as active. A NAT gateway that was deleted is shown for about an
# hour on AWS: here that hour is over when it is deleted once more.
delete_nat_gateway = NatGatewayBackend.delete_nat_gateway


def delete_as_aws_does(self, nat_gateway_id):
    gateway = delete_nat_gateway(self, nat_gateway_id)
    return self.nat_gateways.pop(nat_gateway_id) if getattr(gateway, "was_deleted", False) else setattr(gateway, "was_deleted", True) or gateway


def state_as_on_aws(self):
    known = self.route_table.ec2_backend
    dead = (
        (self.nat_gateway and self.nat_gateway.state != "available")
        or (self.vpc_pcx and self.vpc_pcx._status.code in ("deleted", "rejected", "expired"))
        or (self.interface and self.interface.id not in known.enis)
    )
    return "blackhole" if dead else "active"


NatGatewayBackend.delete_nat_gateway = delete_as_aws_does
Route.state = property(state_as_on_aws)

# As on AWS private DNS of an endpoint can be turned on and off; moto ignores it.
modify_vpc_endpoint = VPCs.modify_vpc_endpoint


def modify_as_aws_does(self):
    answer, wanted = modify_vpc_endpoint(self), self._get_param("PrivateDnsEnabled")
    if wanted is not None:
        self.ec2_backend.vpc_end_points[self._get_param("VpcEndpointId")].private_dns_enabled = str(wanted).lower() == "true"
    return answer


VPCs.modify_vpc_endpoint = modify_as_aws_does

# On AWS keys grow old; moto's are always new. The path of a user says how old its first key is, how long ago it was used, and how old the
# later ones are: `/age-400/used-100/later-30/`.
create_access_key = iam.IAMBackend.create_access_key


def create_as_old_as_the_path_says(self, user_name, *more, **named):
    first = not self.get_user(user_name).access_keys
    key = create_access_key(self, user_name, *more, **named)
    for word in self.get_user(user_name).path.strip("/").split("/"):
        name, _, days = word.partition("-")
        if name == ("age" if first else "later"):
            key.create_date = utcnow() - datetime.timedelta(days=int(days))
        elif name == "used" and first:
            key.last_used = iam.AccessKeyLastUsed(utcnow() - datetime.timedelta(days=int(days)), "s3", "us-east-1")
    return key


iam.IAMBackend.create_access_key = create_as_old_as_the_path_says

# As on AWS the credential report says when it was made; moto says 2015.
get_credential_report = IamResponse.get_credential_report


def report_of_now(self):
    answer = get_credential_report(self)
    answer.result["GeneratedTime"] = utcnow()
    return answer


IamResponse.get_credential_report = report_of_now

# The same for passwords, which are as old as their users, and when they were used: `/age-400/signed-300/`.
create_login_profile = iam.IAMBackend.create_login_profile


def create_as_old_as_its_user(self, user_name, *more, **named):
    user = create_login_profile(self, user_name, *more, **named)
    for word in user.path.strip("/").split("/"):
        name, _, days = word.partition("-")
        if name == "age":
            user.create_date = utcnow() - datetime.timedelta(days=int(days))
        elif name == "signed":
            user.password_last_used = utcnow().replace(microsecond=0) - datetime.timedelta(days=int(days))
    return user


iam.IAMBackend.create_login_profile = create_as_old_as_its_user

# The same for roles and customer managed policies, which are as old as their paths say. Moto has no report on the services that a role has
# used: the path of the role says how many days ago it has used which, or `never`: `/age-400/s3-1/sns-never/`. The first look at a report comes
# too early, as on AWS.
create_role, create_policy = iam.IAMBackend.create_role, iam.IAMBackend.create_policy
reports, TRACKED = {}, {"s3": ["GetBucketTagging", "CreateBucket"]}


def words(path):
    return dict(word.split("-", 1) for word in (path or "").strip("/").split("/") if "-" in word)


def days_ago(days):
    return utcnow().replace(microsecond=0) - datetime.timedelta(days=int(days))


def role_as_old_as_the_path_says(self, *more, **named):
    role = create_role(self, *more, **named)
    role.create_date = days_ago(words(role.path).get("age", 0))
    return role


def policy_as_old_as_the_path_says(self, *more, **named):
    policy = create_policy(self, *more, **named)
    policy.versions[0].create_date = days_ago(words(policy.path).get("age", 0))
    return policy


def generate_service_last_accessed_details(self):
    job = f"{len(reports):08d}-0000-4000-8000-000000000000"
    reports[job] = [self._get_param("Arn"), 0]
    return ActionResult({"JobId": job})


def get_service_last_accessed_details(self):
    report = reports[self._get_param("JobId")]
    report[1] += 1
    role = next(role for role in self.backend.roles.values() if role.arn == report[0])
    times = {name: days for name, days in words(role.path).items() if name != "age"}
    services = [
        {"ServiceName": name, "ServiceNamespace": name, "TotalAuthenticatedEntities": 0 if days == "never" else 1}
        | ({} if days == "never" else {"LastAuthenticated": days_ago(days), "LastAuthenticatedEntity": role.arn})
        | ({} if days == "never" else {"TrackedActionsLastAccessed": [{"ActionName": a, "LastAccessedTime": days_ago(days)} for a in TRACKED.get(name, [])]})
        for name, days in times.items()
    ]
    made = report[1] > 1
    return ActionResult({
        "JobStatus": "COMPLETED" if made else "IN_PROGRESS", "JobType": "ACTION_LEVEL", "JobCreationDate": utcnow(),
        "JobCompletionDate": utcnow(), "ServicesLastAccessed": services if made else [], "IsTruncated": False,
    })


def simulate_principal_policy(self):
    """Allows what a statement of an attached policy names as it is, or with one star at its end; it looks at nothing else."""
    role = next(role for role in self.backend.roles.values() if role.arn == self._get_param("PolicySourceArn"))
    policies = [json.loads(v.document) for p in role.managed_policies.values() for v in p.versions if v.version_id == p.default_version_id]
    granted = [s.get("Action", []) for p in policies for s in p["Statement"] if s["Effect"] == "Allow"]
    patterns = [a for entry in granted for a in (entry if isinstance(entry, list) else [entry])]

    def decision(action):
        return "allowed" if any(action == p or p.endswith("*") and action.startswith(p[:-1]) for p in patterns) else "implicitDeny"

    names = self._get_param("ActionNames", [])
    return ActionResult({"EvaluationResults": [{"EvalActionName": n, "EvalDecision": decision(n)} for n in names], "IsTruncated": False})


IamResponse.simulate_principal_policy = simulate_principal_policy
iam.IAMBackend.create_role = role_as_old_as_the_path_says
iam.IAMBackend.create_policy = policy_as_old_as_the_path_says
IamResponse.generate_service_last_accessed_details = generate_service_last_accessed_details
IamResponse.get_service_last_accessed_details = get_service_last_accessed_details

# As on AWS there are blocks on public snapshots and images in each region; moto has none. On AWS nobody has turned it on in an old account. Here it is on, so
# that only tests about it see it.


def blocks(thing, attribute, states, enabled):
    """The three operations of such a block. `states` maps what enabling it is given to the state that it is in then."""

    def get(self):
        self.error_on_dryrun()
        return ActionResult({attribute: self.ec2_backend.__dict__.get(thing, enabled), "ManagedBy": "account"})

    def enable(self):
        self.error_on_dryrun()
        self.ec2_backend.__dict__[thing] = states[self._get_param(attribute)]
        return ActionResult({attribute: self.ec2_backend.__dict__[thing]})

    def disable(self):
        self.error_on_dryrun()
        self.ec2_backend.__dict__[thing] = "unblocked"
        return ActionResult({attribute: "unblocked"})

    return get, enable, disable


EC2Response.get_snapshot_block_public_access_state, EC2Response.enable_snapshot_block_public_access, EC2Response.disable_snapshot_block_public_access = blocks(
    "snapshots_blocked", "State", {state: state for state in ("block-all-sharing", "block-new-sharing")}, "block-all-sharing"
)
EC2Response.get_image_block_public_access_state, EC2Response.enable_image_block_public_access, EC2Response.disable_image_block_public_access = blocks(
    "images_blocked", "ImageBlockPublicAccessState", {"block-new-sharing": "block-new-sharing"}, "block-new-sharing"
)

# As on AWS nothing is given to everybody while that is blocked.
modify_image_attribute = EC2Response.modify_image_attribute
modify_snapshot_attribute = EC2Response.modify_snapshot_attribute


def modify_snapshot_as_aws_does(self):
    blocked = self.ec2_backend.__dict__.get("snapshots_blocked", "block-all-sharing") != "unblocked"
    if blocked and self._get_param("OperationType") == "add" and self._get_param("GroupNames", []):
        raise EC2ClientError("OperationNotPermitted", "Public sharing of snapshots is blocked in this Region")
    return modify_snapshot_attribute(self)


def modify_image_as_aws_does(self):
    blocked = self.ec2_backend.__dict__.get("images_blocked", "block-new-sharing") != "unblocked"
    if blocked and any(one.get("Group") for one in self._get_param("LaunchPermission", {}).get("Add", [])):
        raise EC2ClientError("OperationNotPermitted", "Public sharing of images is blocked in this Region")
    return modify_image_attribute(self)


EC2Response.modify_image_attribute = modify_image_as_aws_does
EC2Response.modify_snapshot_attribute = modify_snapshot_as_aws_does

main(["-H", "127.0.0.1", "-p", sys.argv[1]])
