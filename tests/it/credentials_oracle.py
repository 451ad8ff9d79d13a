# What botocore signs a request with: one JSON object a line {flag, env}, one line {kind} back. botocore's names for variables are
# put into the order of the AWS CLI 2, which reads AWS_PROFILE and AWS_REGION first; botocore alone reads AWS_DEFAULT_PROFILE
# first and AWS_REGION not at all.
import json, os, sys, urllib.error, urllib.request
import botocore.auth, botocore.awsrequest, botocore.configprovider, botocore.exceptions as wrong, botocore.loaders, botocore.session

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
        region, keys = session.get_config_variable("region"), session.get_credentials()
        if keys is None:
            return "none"
        if region is None:
            return "no region"
        # Its own signer, without the half second that a client of it takes to be made.
        asked = botocore.awsrequest.AWSRequest("POST", os.environ["AWS_ENDPOINT_URL"], data=b"Action=GetCallerIdentity&Version=2011-06-15",
                                               headers={"Content-Type": "application/x-www-form-urlencoded"})
        botocore.auth.SigV4Auth(keys.get_frozen_credentials(), "sts", region).add_auth(asked)
        urllib.request.urlopen(urllib.request.Request(asked.url, asked.data, dict(asked.headers.items())))
    except urllib.error.HTTPError:
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
