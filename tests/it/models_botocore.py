"""Holds what redress names of AWS to botocore's models of the services. Reads a list of questions from stdin, does with them
what the one argument says, and prints JSON: the answers, and under "wrong" what a model does not bear out, line by line."""
import json
import re
import sys
import urllib.parse
import xml.etree.ElementTree

import botocore.serialize
import botocore.session
import botocore.validate

session, services, wrong = botocore.session.get_session(), {}, []
ALIKE = {"elasticloadbalancing": "elbv2"}
# Operations that make one thing and answer with a list of it, and the member that is its id.
ONE_THING = {"CopyVolumes": "VolumeId"}
# Operations that make one thing and answer with it, under this member.
ONE_IN = {"CreateAccessKey": "AccessKey"}


def service(name):
    name = ALIKE.get(name, name)
    # IAM and botocore name Elastic Load Balancing differently.
    name = {"elasticloadbalancing": "elbv2"}.get(name, name)
    if name not in services:
        services[name] = session.get_service_model(name)
    return services[name]


def operation(question):
    name = f"{question['service']}:{question['operation']}"
    model = service(question["service"])
    if question["operation"] not in model.operation_names:
        wrong.append(f"{name}: no model has this operation")
        return name, None
    return name, model.operation_model(question["operation"])


def filled(value, shape):
    """The value with the first word of its enum wherever a member has one."""
    # The account puts in the secret of the key that is named.
    if shape.type_name == "string" and isinstance(value, dict) and "$secret" in value:
        return value["$secret"]
    if shape.type_name == "structure":
        return {k: filled(v, shape.members[k]) if k in shape.members else v for k, v in value.items()}
    if shape.type_name == "list":
        return [filled(v, shape.member) for v in value]
    return shape.enum[0] if getattr(shape, "enum", None) else value


def required(value, shape, at=""):
    if shape.type_name == "structure":
        for name in shape.required_members:
            yield f"{at}/{name}"
        for name, inner in value.items():
            if name in shape.members:
                yield from required(inner, shape.members[name], f"{at}/{name}")
    elif shape.type_name == "list":
        for n, inner in enumerate(value):
            yield from required(inner, shape.member, f"{at}/{n}")


def fill(questions):
    """Each input with AWS's words for enums, after it was held to the input shape; and the members that AWS requires."""
    for question in questions:
        name, model = operation(question)
        if model is None:
            yield {}
            continue
        shape = model.input_shape
        if shape is None:
            wrong.extend(f"{name}: AWS takes no {member}" for member in question["input"])
            yield {"input": {}, "required": []}
            continue
        value = filled(question["input"], shape)
        report = botocore.validate.ParamValidator().validate(value, shape)
        wrong.extend(f"{name}: {line}" for line in report.generate_report().splitlines())
        for output in question["outputs"]:
            if output not in outputs(model):
                wrong.append(f"{name}: AWS returns no {output}")
        yield {"input": value, "required": list(required(value, shape))}


def outputs(model):
    """The members of an answer, and, for ids that redress collects from a list of things, their plural; where a list has
    the one thing that was made, its id."""
    members = model.output_shape.members if model.output_shape else {}
    lists = [shape.member for shape in members.values() if shape.type_name == "list" and shape.member.type_name == "structure"]
    one = ONE_THING.get(model.name)
    within = members.get(ONE_IN.get(model.name))
    single = {name for inner in lists for name in inner.members if name == one}
    inside = set(within.members) if within else set()
    return set(members) | {name + "s" for inner in lists for name in inner.members} | single | inside


def flat(value, at=""):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flat(inner, f"{at}.{key}" if at else key)
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            yield from flat(inner, f"{at}[{n}]")
    else:
        yield at, json.dumps(value)


def flat_xml(node, at=""):
    at = f"{at}.{node.tag.rsplit('}', 1)[-1]}" if at else node.tag.rsplit("}", 1)[-1]
    if not len(node):
        yield at, node.text or ""
    counted = {}
    for child in node:
        n = counted[child.tag] = counted.get(child.tag, -1) + 1
        for path, text in flat_xml(child, at):
            head = f"{at}.{child.tag.rsplit('}', 1)[-1]}"
            yield f"{head}[{n}]{path[len(head):]}", text


def body(text, protocol):
    """What a body says, as pairs of a place and a value."""
    if protocol in ("ec2", "query"):
        return dict(urllib.parse.parse_qsl(text, keep_blank_values=True))
    if protocol == "json":
        return dict(flat(json.loads(text or "{}")))
    return dict(flat_xml(xml.etree.ElementTree.fromstring(text))) if text.startswith("<") else {"body": text} if text else {}


def sent(line, headers, text, protocol):
    """What a request says: its body, and where members may be outside of it, the place, the query and the headers."""
    said = body(text, protocol)
    if protocol == "rest-xml":
        method, url = line.split(" ")[:2]
        url = urllib.parse.urlsplit(url)
        said["method"] = method
        said["bucket"] = urllib.parse.unquote(url.path).split("/")[1]
        said |= {f"?{k}": v for k, v in urllib.parse.parse_qsl(url.query, keep_blank_values=True) if k != "x-id"}
    if protocol in ("json", "rest-xml"):
        ours = ("x-amz-target", "x-amz-expected-bucket-owner", "x-amz-object-ownership", "x-amz-confirm-remove-self-bucket-access")
        said |= {k.lower(): v for k, v in headers.items() if k.lower() in ours}
        # SDKs differ in what they write before the operation.
        if "x-amz-target" in said:
            said["x-amz-target"] = said["x-amz-target"].rsplit(".", 1)[-1]
    return said


def expected(model, value):
    protocol = model.service_model.metadata["protocol"]
    request = botocore.serialize.create_serializer(protocol, include_validation=False).serialize_to_request(value, model)
    text = request["body"]
    if isinstance(text, dict):
        text = urllib.parse.urlencode(text)
    text = text.decode() if isinstance(text, bytes) else text
    url = request["url_path"]
    if protocol == "rest-xml":
        path, _, query = url.partition("?")
        pairs = urllib.parse.parse_qsl(query, keep_blank_values=True) + list(request["query_string"].items())
        url = "/" + value["Bucket"] + "?" + urllib.parse.urlencode(pairs)
    headers = {k: str(v) for k, v in request["headers"].items()}
    return sent(f"{request['method']} {url}", headers, text, protocol)


def compare(questions):
    """Each request that redress sent, with the one that botocore makes of the same input."""
    for question in questions:
        name, model = operation(question)
        lines = question["head"].strip().split("\r\n")
        headers = {key: value.strip() for key, _, value in (line.partition(":") for line in lines[1:])}
        said = sent(lines[0], headers, question["body"], model.service_model.metadata["protocol"])
        right = expected(model, question["input"])
        if question["without"]:
            wrong.extend(f"{name} without {question['without']}: {at} is not sent" for at in right if at not in said)
            continue
        # Clients of AWS, botocore's as well, make up a token where an input has none.
        members = model.input_shape.members.items() if model.input_shape else []
        made_up = {member for member, shape in members if shape.metadata.get("idempotencyToken")} - set(question["input"])
        for at in sorted((set(said) | set(right)) - made_up):
            if said.get(at) != right.get(at):
                wrong.append(f"{name}: {at} is {said.get(at)!r}, and should be {right.get(at)!r}")
    return []


def step(shape, name):
    """The shape of a member of a structure, also through lists."""
    while shape.type_name == "list":
        shape = shape.member
    return shape.members.get(name) if shape.type_name == "structure" else None


def paths(questions):
    """Members of inputs and answers, by their path."""
    for question in questions:
        name, model = operation(question)
        shape = model and (model.input_shape if question["side"] == "in" else model.output_shape)
        for part in [part for part in re.split(r"\.|\[\d*\]", question["path"]) if part]:
            shape = shape and step(shape, part)
        if shape is None:
            wrong.append(f"{name}: {question['side']}: there is no {question['path']}")
        elif question.get("word") and f"<code>{question['word']}</code>" not in shape.documentation:
            wrong.append(f"{name}: the documentation of {question['path']} does not name {question['word']}")
    return []


def errors(questions):
    """The codes of the errors that the models declare."""
    codes = set()
    for question in questions:
        for shape in service(question["service"]).error_shapes:
            codes |= {shape.name, shape.error_code}
    return sorted(codes)


def enums(questions):
    """Values of enums; a shape that is a plain string is one that AWS's documentation names the value at."""
    for question in questions:
        shape = service(question["service"]).shape_for(question["shape"])
        words = getattr(shape, "enum", None) or []
        if not words:
            wrong.append(f"{question['service']}: {question['shape']} is no enum")
        wrong.extend(f"{question['service']}: {question['shape']} has no {word}" for word in question["words"] if words and word not in words)
    return []


MODES = {"fill": fill, "compare": compare, "paths": paths, "errors": errors, "enums": enums}
answers = list(MODES[sys.argv[1]](json.load(sys.stdin)))
print(json.dumps({"answers": answers, "wrong": wrong}))
