"""Makes a state machine of a definition, runs it with an input in a region, and prints how it ended as JSON."""
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
states = boto3.client("stepfunctions", region_name=sys.argv[3])
machine = states.create_state_machine(name=f"machine-{time.time_ns()}", definition=definition, roleArn="arn:aws:iam::123456789012:role/machine")
# Named as redress names its runs.
run = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{time.time_ns() // 1000 % 0x1000000:06x}"
execution = states.start_execution(stateMachineArn=machine["stateMachineArn"], input=given, name=run)["executionArn"]
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
passed = [e["stateEnteredEventDetails"]["name"] for e in history if "stateEnteredEventDetails" in e]
print(json.dumps({k: ended.get(k) for k in ("status", "output", "error", "cause")} | {"events": len(history), "called": called, "passed": passed}))
