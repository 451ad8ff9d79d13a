"""Lets moto's state machines name things as AWS does; `moto_server.py` runs it.

moto hands the names of a task's parameters to boto3 as they are, and gives boto3's names back. AWS takes and gives those
of its Java SDK in Pascal case (https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html), calls
CloudWatch Logs `cloudwatchlogs`, and gives times as text. A name that AWS would not know is an error here, as there.

A JSONPath that can lead to one place only gives what is there, any other gives a list, be it of one or of nothing
(https://github.com/json-path/JsonPath#what-is-returned-when); moto gives lists for some of the first, and one thing or an
error for some of the others.
"""
import datetime
import os
import re
import sys

os.environ["MOTO_PORT"] = sys.argv[1]

import botocore.session
import moto.stepfunctions.parser.asl.component.program.program
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_aws_sdk as sdk
from moto.stepfunctions.parser.asl.utils import json_path

Task, models = sdk.StateTaskServiceAwsSdk, {}
sdk._SERVICE_ERROR_NAMES.update({"ec2": "Ec2", "iam": "Iam", "s3": "S3", "cloudtrail": "CloudTrail", "cloudwatchlogs": "CloudWatchLogs", "elasticloadbalancingv2": "ElasticLoadBalancingV2"})


def said(name):
    """The name of a member in AWS's Java SDK, in Pascal case: capitals at the beginning are one word."""
    at = 1
    while at < len(name) and name[at].isupper() and not (at < len(name) - 1 and name[at + 1].islower()):
        at += 1
    return name[0].upper() + name[1:at].lower() + name[at:]


def service(name):
    return {"cloudwatchlogs": "logs", "elasticloadbalancingv2": "elbv2"}.get(name, name)


def model(resource):
    if resource.api_name not in models:
        models[resource.api_name] = botocore.session.get_session().get_service_model(service(resource.api_name))
    return models[resource.api_name].operation_model(resource.api_action[0].upper() + resource.api_action[1:])


def given(value, shape):
    if shape.type_name == "structure":
        members = {said(name): name for name in shape.members}
        unknown = set(value) - set(members)
        if unknown:
            raise ValueError(f"Step Functions does not support {unknown} in {shape.name}")
        return {members[k]: given(v, shape.members[members[k]]) for k, v in value.items()}
    if shape.type_name == "list":
        return [given(v, shape.member) for v in value]
    return value


def answered(value, shape):
    if shape.type_name == "structure":
        return {said(k): answered(v, shape.members[k]) for k, v in value.items() if k in shape.members}
    if shape.type_name == "list":
        return [answered(v, shape.member) for v in value]
    return value.isoformat() if isinstance(value, datetime.datetime) else value


def replace(whole, by):
    whole.clear()
    whole.update(by)


def extract(path, data):
    found = [match.value for match in json_path.parse(path).find(data)]
    if re.search(r"\.\.|\*|\?\(|\[-?\d*[:,]", path):
        return found
    if not found:
        raise json_path.NoSuchJsonPathError(json_path=path, data=data)
    return found[0]


for module in [m for m in sys.modules.values() if getattr(m, "extract_json", None) is json_path.extract_json]:
    module.extract_json = extract

Task._get_boto_service_name = lambda self, name=None: service(name or self.resource.api_name)
Task._normalise_parameters = lambda self, parameters, *_, **__: replace(parameters, given(parameters, model(self.resource).input_shape))


def answer(self, response, *_, **__):
    shape = model(self.resource).output_shape
    replace(response, answered(response, shape) if shape else {})


Task._normalise_response = answer
