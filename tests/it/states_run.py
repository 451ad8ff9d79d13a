"""Makes a state machine of a definition, runs it with an input, and prints how it ended as JSON."""
import json
import os
import sys
import time
import urllib.request
import boto3

definition, given = open(sys.argv[1]).read(), sys.argv[2]
config = json.dumps({"stepfunctions": {"execute_state_machine": True}}).encode()
headers = {"Content-Type": "application/json"}
urllib.request.urlopen(urllib.request.Request(os.environ["AWS_ENDPOINT_URL"] + "/moto-api/config", data=config, headers=headers, method="POST")).read()
states = boto3.client("stepfunctions")
machine = states.create_state_machine(name=f"machine-{time.time_ns()}", definition=definition, roleArn="arn:aws:iam::123456789012:role/machine")
execution = states.start_execution(stateMachineArn=machine["stateMachineArn"], input=given, name=f"run-{time.time_ns()}")["executionArn"]
while (ended := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
    time.sleep(0.2)
history, token = [], {}
while True:
    page = states.get_execution_history(executionArn=execution, **token)
    history += page["events"]
    if not page.get("nextToken"):
        break
    token = {"nextToken": page["nextToken"]}
called = [e["taskScheduledEventDetails"]["resource"] for e in history if "taskScheduledEventDetails" in e]
print(json.dumps({k: ended.get(k) for k in ("status", "output", "error", "cause")} | {"events": len(history), "called": called}))
