# What botocore signs a request with: one JSON object a line {flag, env}, one line {kind} back. botocore's names for variables are
# put into the order of the AWS CLI 2, which reads AWS_PROFILE and AWS_REGION first; botocore alone reads AWS_DEFAULT_PROFILE
# first and AWS_REGION not at all.
import json, os, sys
import botocore.configprovider, botocore.exceptions as wrong, botocore.loaders, botocore.session

variables = botocore.configprovider.BOTOCORE_DEFAUT_SESSION_VARIABLES
variables["profile"] = (None, ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"], None, None)
variables["region"] = ("region", ["AWS_REGION", "AWS_DEFAULT_REGION"], None, None)
loader = botocore.loaders.create_loader()

def kind(case):
    os.environ.clear()
    os.environ.update(case["env"])
    session = botocore.session.Session(profile=case["flag"])
    session.register_component("data_loader", loader)
    try:
        if session.get_config_variable("region") is None:
            return "no region" if session.get_credentials() else "none"
        client = session.create_client("sts", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
        client.get_caller_identity()
    except wrong.ClientError:
        return "signed"
    except wrong.ProfileNotFound:
        return "profile"
    except wrong.PartialCredentialsError:
        return "partial"
    except wrong.NoCredentialsError:
        return "none"
    except (wrong.InvalidConfigError, wrong.InfiniteLoopConfigError, wrong.CredentialRetrievalError):
        return "broken"
    return "answered"

for line in sys.stdin:
    print(json.dumps({"kind": kind(json.loads(line))}), flush=True)
