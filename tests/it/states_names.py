"""Holds the tasks of machines against boto3's models of the services: operations that are there, members that are there
under the names of AWS's Java SDK, and lists, texts and numbers where they belong. Prints what is wrong, line by line."""
import json
import sys
import botocore.session


def said(name):
    at = 1
    while at < len(name) and name[at].isupper() and not (at < len(name) - 1 and name[at + 1].islower()):
        at += 1
    return name[0].upper() + name[1:at].lower() + name[at:]


def judge(value, shape, where):
    kind = shape.type_name
    if kind == "structure":
        members = {said(name): member for name, member in shape.members.items()}
        for key, inner in value.items():
            plain = key.removesuffix(".$")
            if plain not in members:
                print(f"{where}: no member {plain}")
            elif plain == key:
                judge(inner, members[plain], f"{where}.{plain}")
        for needed in shape.required_members:
            if said(needed) not in value and said(needed) + ".$" not in value:
                print(f"{where}: {needed} is missing")
    elif kind == "list":
        for inner in value:
            judge(inner, shape.member, where)
    elif kind == "map":
        for inner in value.values():
            if not isinstance(inner, str):
                print(f"{where}: {inner} in a map")
    elif not isinstance(value, {"string": str, "boolean": bool, "integer": int, "long": int}[kind]):
        print(f"{where}: {value!r} is no {kind}")


session, tasks = botocore.session.get_session(), 0
for path in sys.argv[1:]:
    for name, state in json.load(open(path))["States"].items():
        if state["Type"] == "Task":
            service, action = state["Resource"].split(":")[-2:]
            model = session.get_service_model({"cloudwatchlogs": "logs", "elasticloadbalancingv2": "elbv2"}.get(service, service)).operation_model(action[0].upper() + action[1:])
            where = f"{name} {service}:{action}"
            if model.input_shape:
                judge(state["Parameters"], model.input_shape, where)
            elif state["Parameters"]:
                print(f"{where}: it takes nothing")
            tasks += 1
print(f"{tasks} tasks", file=sys.stderr)
