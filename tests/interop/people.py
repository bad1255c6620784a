"""The demo's users as callers of a gate: their tokens, temporary credentials and AWS SDK clients.

`guest` has credentials of an identity without a login, `anonymous` sends none at all.
"""

import functools

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from gate import REGION

POOL = "us-east-1_Demo00001"
CLIENT = "demoappclient00000000000000"
PASSWORD = "Passw0rd!"
IDENTITY_POOL = f"{REGION}:00000000-0000-4000-8000-000000000001"
LOGIN = f"cognito-idp.{REGION}.amazonaws.com/{POOL}"
BUCKET = "demo"

GROUPS = {"alice": ["readers"], "bob": ["writers", "readers"], "carol": ["admins"], "dave": []}
ROLES = {"alice": "Reader", "bob": "Writer", "carol": "Admin", "dave": "Authenticated", "guest": "Guest"}
EVERYONE = (*GROUPS, "guest", "anonymous")


def client(gate, service, credentials=None, **config):
    """An SDK client that asks once and never signs without credentials."""
    settings = {"retries": {"total_max_attempts": 1}, "read_timeout": 20, **config}
    if credentials is None:
        settings["signature_version"] = UNSIGNED
    elif service == "s3":
        # What boto3 presigns with by itself is older than SigV4.
        settings.setdefault("signature_version", "s3v4")
    if service == "s3":
        settings.setdefault("s3", {"addressing_style": "path"})
    return boto3.client(
        service, endpoint_url=gate.url, region_name=REGION, config=Config(**settings), **keys(credentials)
    )


def keys(credentials):
    """Credentials as Cognito or STS answers them, as boto3 takes them."""
    if credentials is None:
        return {}
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials.get("SecretKey") or credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


def environment(gate, credentials=None):
    """The same as a program finds them in its environment; nothing else of AWS is there."""
    names = {"AWS_ENDPOINT_URL": gate.url, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
    return names | {name.upper(): value for name, value in keys(credentials).items()}


def sign_in(gate, user):
    """ID and access token of a user of the demo's user pool."""
    result = client(gate, "cognito-idp").initiate_auth(
        ClientId=CLIENT,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": user, "PASSWORD": PASSWORD},
    )["AuthenticationResult"]
    return {"id": result["IdToken"], "access": result["AccessToken"]}


class People:
    """Everyone at one gate; `tokens(user)` gives a user's tokens by use. Nothing is asked for twice."""

    def __init__(self, gate, tokens=None):
        self.gate = gate
        self.cognito = client(gate, "cognito-identity")
        self.tokens = functools.cache(tokens or functools.partial(sign_in, gate))
        self.identity = functools.cache(self.identity)
        self.credentials = functools.cache(self.credentials)

    def logins(self, who):
        if who not in GROUPS:
            return {}
        token = self.tokens(who)["id"]
        self.gate.tokens.add(token)
        return {"Logins": {LOGIN: token}}

    def identity(self, who):
        """Their identity id."""
        return self.cognito.get_id(IdentityPoolId=IDENTITY_POOL, **self.logins(who))["IdentityId"]

    def credentials(self, who):
        """Temporary credentials; None for nobody."""
        if who == "anonymous":
            return None
        answer = self.cognito.get_credentials_for_identity(
            IdentityId=self.identity(who), **self.logins(who)
        )
        found = answer["Credentials"]
        # Neither may stand in a log.
        self.gate.tokens |= {found["SecretKey"], found["SessionToken"]}
        return found

    def home(self, who):
        """Where their own objects are; nobody has a home."""
        return f"home/{'anonymous' if who == 'anonymous' else self.identity(who)}/"

    def s3(self, who, **config):
        return client(self.gate, "s3", self.credentials(who), **config)

    def dynamodb(self, who, **config):
        return client(self.gate, "dynamodb", self.credentials(who), **config)


def code(call, *arguments, **parameters):
    """What came of a call: `ok`, or AWS's error code. `403` and its kin where there was no body."""
    try:
        answer = call(*arguments, **parameters)
        # A body that breaks off is no answer.
        if "Body" in answer:
            answer["Body"].read()
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "ok"
