"""Tokens to temporary credentials at the demo's gate: Cognito Identity and STS, with boto3, the CLI and bare HTTP."""

import datetime
import json
import re
import subprocess
import urllib.parse

import jwt
import pytest
from botocore.exceptions import ClientError

import mint
from files import Files
from gate import ACCOUNT, REGION, TOOLS, call
from people import EVERYONE, GROUPS, IDENTITY_POOL, LOGIN, ROLES, client, code, environment, sign_in

AWS = TOOLS / "venv" / "bin" / "aws"
SIGNED_IN = tuple(GROUPS)
WITH_CREDENTIALS = EVERYONE[:-1]


def refusal(ask, **parameters):
    """Code, message and status of what must be refused."""
    with pytest.raises(ClientError) as refused:
        ask(**parameters)
    answer = refused.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


def assumed_role(role, session="CognitoIdentityCredentials"):
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session}"


@pytest.mark.parametrize("who", WITH_CREDENTIALS)
def test_credentials_act_as_the_role_of_the_caller(people, who):
    found = people.credentials(who)
    assert found["AccessKeyId"].startswith("ASIA") and len(found["AccessKeyId"]) == 20
    left = found["Expiration"] - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(minutes=58) < left <= datetime.timedelta(hours=1)
    caller = client(people.gate, "sts", found).get_caller_identity()
    assert caller["Arn"] == assumed_role(ROLES[who])
    assert caller["Account"] == ACCOUNT
    assert re.fullmatch(r"AROA[A-Z0-9]+:CognitoIdentityCredentials", caller["UserId"])


def test_identities_are_stable_and_no_two_are_one(people):
    identities = {who: people.identity(who) for who in WITH_CREDENTIALS}
    assert len(set(identities.values())) == len(identities)
    for who, identity in identities.items():
        assert re.fullmatch(rf"{REGION}:[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}", identity)
        again = people.cognito.get_id(IdentityPoolId=IDENTITY_POOL, **people.logins(who))["IdentityId"]
        # Every guest is a new one.
        assert (again == identity) == (who != "guest"), who


def test_another_sign_in_is_the_same_identity(people):
    token = sign_in(people.gate, "alice")["id"]
    again = people.cognito.get_id(IdentityPoolId=IDENTITY_POOL, Logins={LOGIN: token})["IdentityId"]
    assert again == people.identity("alice")


def test_guests_come_back_to_their_identity(people):
    guest = people.identity("guest")
    answer = people.cognito.get_credentials_for_identity(IdentityId=guest)
    assert answer["IdentityId"] == guest
    assert answer["Credentials"]["AccessKeyId"] != people.credentials("guest")["AccessKeyId"]


FORBIDDEN = "Access to Identity '{}' is forbidden."
DONT_MATCH = "Logins don't match. Please include at least one valid login for this identity or identity pool."


@pytest.mark.parametrize("operation", ["get_credentials_for_identity", "get_open_id_token"])
def test_an_identity_needs_its_own_login(people, operation):
    ask = getattr(people.cognito, operation)
    alice = people.identity("alice")
    invented = f"{REGION}:12345678-1234-4123-8123-123456789012"
    for identity in (alice, invented):
        found = refusal(ask, IdentityId=identity)
        assert found == ("NotAuthorizedException", FORBIDDEN.format(identity), 400)
    found = refusal(ask, IdentityId=alice, **people.logins("bob"))
    assert found == ("NotAuthorizedException", DONT_MATCH, 400)
    found = refusal(ask, IdentityId=people.identity("guest"), **people.logins("bob"))
    assert found[::2] == ("NotAuthorizedException", 400)


def spoiled(token):
    return token[:-8] + "AAAAAAAA"


@pytest.mark.parametrize("operation", ["get_id", "get_credentials_for_identity", "get_open_id_token"])
@pytest.mark.parametrize(
    "key,use,spoil,message",
    [
        (LOGIN, "access", None, "Invalid login token. Missing a required claim: aud"),
        (LOGIN, "id", spoiled, "Invalid login token. Couldn't verify signed token."),
        ("accounts.google.com", "id", None, None),
        (f"cognito-idp.{REGION}.amazonaws.com/us-east-1_Other0001", "id", None, None),
    ],
)
def test_bad_logins(people, operation, key, use, spoil, message):
    token = people.tokens("alice")[use]
    token = spoil(token) if spoil else token
    target = (
        {"IdentityPoolId": IDENTITY_POOL} if operation == "get_id" else {"IdentityId": people.identity("alice")}
    )
    found = refusal(getattr(people.cognito, operation), Logins={key: token}, **target)
    assert found[::2] == ("NotAuthorizedException", 400), found
    if message:
        assert found[1] == message


def test_two_logins_at_once_need_a_store(people):
    logins = {**people.logins("alice")["Logins"], "accounts.google.com": "x" * 64}
    found = refusal(people.cognito.get_id, IdentityPoolId=IDENTITY_POOL, Logins=logins)
    assert found[::2] == ("InvalidParameterException", 400) and "identities.store" in found[1]


@pytest.mark.parametrize("pool", [f"{REGION}:00000000-0000-4000-8000-00000000000f", "nonsense", f"{REGION}:x y"])
def test_unknown_and_malformed_pools(people, pool):
    kind, _, status = refusal(people.cognito.get_id, IdentityPoolId=pool)
    assert status == 400
    assert kind in ("ResourceNotFoundException", "InvalidParameterException", "ValidationException"), kind


def test_custom_role_must_be_one_of_the_callers(people):
    def ask(who, role):
        return code(
            people.cognito.get_credentials_for_identity,
            IdentityId=people.identity(who),
            CustomRoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}",
            **people.logins(who),
        )

    assert ask("bob", "Reader") == "ok"
    assert ask("bob", "Writer") == "ok"
    assert ask("bob", "Admin") == "NotAuthorizedException"
    assert ask("alice", "Writer") == "NotAuthorizedException"


ENHANCED_ONLY = "Basic (classic) flow is not supported with RoleMappings, please use enhanced flow."


@pytest.mark.parametrize("who", ["alice", "guest"])
def test_the_demos_role_mappings_leave_no_classic_flow(people, who):
    found = refusal(
        people.cognito.get_open_id_token, IdentityId=people.identity(who), **people.logins(who)
    )
    assert found == ("InvalidParameterException", ENHANCED_ONLY, 400)


@pytest.fixture(scope="module")
def classic(tmp_path_factory, key):
    """People of a gate whose identity pool has no role mappings."""
    with Files(tmp_path_factory.mktemp("classic"), key, "http://127.0.0.1:9", edit_pool=unmapped) as files:
        yield files.people


def unmapped(pool):
    del pool["RoleMappings"]


@pytest.mark.parametrize("who", ["alice", "guest"])
def test_open_id_token(classic, who):
    answer = classic.cognito.get_open_id_token(IdentityId=classic.identity(who), **classic.logins(who))
    classic.gate.tokens.add(answer["Token"])
    claims = mint.payload(answer["Token"])
    assert (claims["iss"], claims["aud"]) == ("https://cognito-identity.amazonaws.com", IDENTITY_POOL)
    assert claims["sub"] == classic.identity(who)
    assert claims["exp"] - claims["iat"] == 600
    assert claims["amr"][0] == ("unauthenticated" if who == "guest" else "authenticated")
    # Another library verifies it with the keys that are served.
    keys = jwt.PyJWKSet.from_dict(call(classic.gate.proxy, "GET", "/.well-known/jwks_uri").json())
    key = keys[jwt.get_unverified_header(answer["Token"])["kid"]]
    assert jwt.decode(answer["Token"], key, algorithms=["RS512"], audience=IDENTITY_POOL)["sub"] == claims["sub"]


def test_keys_are_public_and_only_public(people):
    keys = call(people.gate.proxy, "GET", "/.well-known/jwks_uri")
    assert keys.status == 200 and {key["kty"] for key in keys.json()["keys"]} == {"RSA"}
    assert not any("d" in key for key in keys.json()["keys"])


def classic_flow(people, who, role, **parameters):
    token = people.cognito.get_open_id_token(IdentityId=people.identity(who), **people.logins(who))["Token"]
    people.gate.tokens.add(token)
    # What the SDK would refuse by itself is the gate's to refuse here.
    return client(people.gate, "sts", parameter_validation=False).assume_role_with_web_identity(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}",
        RoleSessionName="interop",
        WebIdentityToken=token,
        **parameters,
    )


MAY_ASSUME = {"guest": {"Guest"}, "alice": {"Authenticated", "Reader", "Writer", "Admin"}}


@pytest.mark.parametrize("who", MAY_ASSUME)
@pytest.mark.parametrize("role", ["Guest", "Authenticated", "Admin", "Nowhere"])
def test_a_role_is_assumed_where_its_trust_policy_allows(classic, who, role):
    if role not in MAY_ASSUME[who]:
        found = refusal(lambda: classic_flow(classic, who, role))
        assert found == ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403)
        return
    answer = classic_flow(classic, who, role)
    assert answer["AssumedRoleUser"]["Arn"] == assumed_role(role, "interop")
    assert answer["SubjectFromWebIdentityToken"] == classic.identity(who)
    caller = client(classic.gate, "sts", answer["Credentials"]).get_caller_identity()
    assert caller["Arn"] == assumed_role(role, "interop")


@pytest.mark.parametrize(
    "parameters,expected",
    [
        ({"DurationSeconds": 900}, "ok"),
        ({"DurationSeconds": 3600}, "ok"),
        ({"DurationSeconds": 899}, "ValidationError"),
        ({"DurationSeconds": 3601}, "ValidationError"),
        ({"Policy": "{}"}, "MalformedPolicyDocument"),
        ({"Policy": "nonsense"}, "MalformedPolicyDocument"),
    ],
)
def test_parameters_of_a_session(classic, parameters, expected):
    assert code(classic_flow, classic, "guest", "Guest", **parameters) == expected


def test_a_session_policy_takes_away(classic):
    nothing = json.dumps(
        {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}}
    )
    found = classic_flow(classic, "guest", "Guest", Policy=nothing)["Credentials"]
    s3 = client(classic.gate, "s3", found)
    assert code(s3.get_object, Bucket="demo", Key="public/hello.txt") == "AccessDenied"
    assert code(s3.put_object, Bucket="demo", Key="public/x", Body=b"") == "AccessDenied"


@pytest.mark.parametrize(
    "token,expected",
    [("x.y.z", "InvalidIdentityToken"), ("nonsense", "InvalidIdentityToken")],
)
def test_web_identity_tokens_that_are_none(people, token, expected):
    sts = client(people.gate, "sts")
    found = refusal(
        sts.assume_role_with_web_identity,
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/Guest",
        RoleSessionName="interop",
        WebIdentityToken=token,
    )
    assert found[::2] == (expected, 400), found


def test_caller_identity_needs_a_signature_that_holds(people):
    found = dict(people.credentials("alice"))
    sts = client(people.gate, "sts", found | {"SecretKey": "x" * 40})
    assert refusal(sts.get_caller_identity)[::2] == ("SignatureDoesNotMatch", 403)
    sts = client(people.gate, "sts", found | {"AccessKeyId": "ASIA" + "A" * 16})
    kind, _, status = refusal(sts.get_caller_identity)
    assert (kind, status) in (("InvalidClientTokenId", 403), ("SignatureDoesNotMatch", 403))
    sts = client(people.gate, "sts", found | {"SessionToken": found["SessionToken"][:-4] + "AAAA"})
    assert refusal(sts.get_caller_identity)[::2] == ("InvalidClientTokenId", 403)
    other = people.credentials("bob")["SessionToken"]
    sts = client(people.gate, "sts", found | {"SessionToken": other})
    assert refusal(sts.get_caller_identity)[2] == 403


def bare(people, operation, body, **headers):
    fields = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"AWSCognitoIdentityService.{operation}",
        "Origin": "https://app.example.com",
        **headers,
    }
    return call(people.gate.proxy, "POST", "/", fields, json.dumps(body).encode())


def test_answers_as_browsers_and_sdks_read_them(people):
    good = bare(people, "GetId", {"IdentityPoolId": IDENTITY_POOL})
    assert good.status == 200
    assert good.header("content-type") == "application/x-amz-json-1.1"
    bad = bare(people, "GetCredentialsForIdentity", {"IdentityId": people.identity("alice")})
    assert bad.status == 400
    assert bad.header("x-amzn-errortype") == "NotAuthorizedException:"
    assert bad.header("x-amzn-errormessage") == bad.json()["message"]
    assert bad.json()["__type"] == "NotAuthorizedException"
    for answer in (good, bad):
        assert answer.header("x-amzn-requestid") and answer.header("x-poolgate-decision-id")
        assert answer.header("access-control-allow-origin") == "*"
        exposed = answer.header("access-control-expose-headers").lower()
        assert "x-amzn-errortype" in exposed and "x-amzn-requestid" in exposed
        assert "no-store" in answer.header("cache-control")


def test_credentials_are_answered_as_the_model_says(people):
    answer = bare(people, "GetCredentialsForIdentity", {"IdentityId": people.identity("guest")}).json()
    assert set(answer) == {"IdentityId", "Credentials"}
    assert set(answer["Credentials"]) == {"AccessKeyId", "SecretKey", "SessionToken", "Expiration"}
    assert isinstance(answer["Credentials"]["Expiration"], (int, float))
    people.gate.tokens |= {answer["Credentials"]["SecretKey"], answer["Credentials"]["SessionToken"]}


def test_preflight_of_a_browser(people):
    asked = {
        "Origin": "https://app.example.com",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-amz-target,x-amz-user-agent",
    }
    answer = call(people.gate.proxy, "OPTIONS", "/", asked)
    assert answer.status in (200, 204)
    assert answer.header("access-control-allow-origin") == "*"
    allowed = answer.header("access-control-allow-headers").lower()
    assert all(name in allowed for name in ("content-type", "x-amz-target", "x-amz-user-agent"))
    assert "POST" in answer.header("access-control-allow-methods")


@pytest.mark.parametrize(
    "operation,body,headers",
    [
        ("GetId", [], {}),
        ("GetId", {}, {}),
        ("GetId", {"IdentityPoolId": 7}, {}),
        ("GetId", {"IdentityPoolId": IDENTITY_POOL, "Logins": []}, {}),
        ("GetCredentialsForIdentity", {"IdentityId": ""}, {}),
        ("NoSuchOperation", {}, {}),
        ("ListIdentityPools", {"MaxResults": 1}, {}),
        ("GetId", {"IdentityPoolId": IDENTITY_POOL}, {"Authorization": "Bearer x.y.z"}),
    ],
)
def test_malformed_requests_are_client_errors(people, operation, body, headers):
    answer = bare(people, operation, body, **headers)
    assert 400 <= answer.status < 500 and answer.header("x-poolgate-decision-id")
    assert answer.json()["__type"]


def test_sts_speaks_xml(people):
    form = urllib.parse.urlencode({"Action": "GetCallerIdentity", "Version": "2011-06-15"}).encode()
    fields = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = call(people.gate.proxy, "POST", "/", fields, form)
    assert answer.status == 403
    assert answer.header("content-type").split(";")[0] in ("text/xml", "application/xml")
    assert b"<Code>MissingAuthenticationToken</Code>" in answer.body


def test_the_command_line(people):
    def aws(*arguments, credentials=None):
        options = [] if credentials else ["--no-sign-request"]
        done = subprocess.run(
            [AWS, *arguments, *options],
            env=environment(people.gate, credentials) | {"HOME": str(TOOLS / "home"), "PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    guest = aws("cognito-identity", "get-id", "--identity-pool-id", IDENTITY_POOL)["IdentityId"]
    found = aws("cognito-identity", "get-credentials-for-identity", "--identity-id", guest)["Credentials"]
    people.gate.tokens |= {found["SecretKey"], found["SessionToken"]}
    assert aws("sts", "get-caller-identity", credentials=found)["Arn"] == assumed_role("Guest")
