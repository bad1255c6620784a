"""`poolgate demo` as a newcomer meets it: sign in with boto3 through the gate, call the API, be refused."""

import contextlib
import os
import pty
import signal
import time

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from gate import BINARY, IDENTITY_HEADERS, REGION, call, identity_headers
from mint import payload

CLIENT = "demoappclient00000000000000"
POOL = "us-east-1_Demo00001"
PASSWORD = "Passw0rd!"
METHODS = ("GET", "POST", "PUT", "DELETE")
ORDER, ANYTHING = "/api/orders/1", "/api/anything"

# Who may do what. Reader: GET. Writer: also POST and PUT on /api/orders/*. Admin: everything. No group: nothing.
ALLOWED = {
    "alice": {(method, path) for method in ("GET",) for path in (ORDER, ANYTHING)},
    "bob": {("GET", ORDER), ("GET", ANYTHING), ("POST", ORDER), ("PUT", ORDER)},
    "carol": {(method, path) for method in METHODS for path in (ORDER, ANYTHING)},
    "dave": set(),
}
ROLE = {"alice": "Reader", "bob": "Writer", "carol": "Admin"}
GROUPS = {"alice": ["readers"], "bob": ["writers", "readers"], "carol": ["admins"]}


def test_the_demo_ends_with_its_terminal(tmp_path):
    child, terminal = pty.fork()
    if child == 0:
        ports = [word for name in ("--listen", "--admin", "--ext-authz") for word in (name, "127.0.0.1:0")]
        os.execv(BINARY, [str(BINARY), "demo", *ports, "--data", str(tmp_path / "data")])
    try:
        shown = b""
        while b"curl" not in shown:
            shown += os.read(terminal, 65536)
        # By hand it is a reload.
        os.kill(child, signal.SIGHUP)
        time.sleep(0.5)
        assert os.waitpid(child, os.WNOHANG) == (0, 0)
        os.close(terminal)
        ended, deadline = 0, time.monotonic() + 20
        while not ended and time.monotonic() < deadline:
            ended, status = os.waitpid(child, os.WNOHANG)
            time.sleep(0.05)
        assert ended and os.waitstatus_to_exitcode(status) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


@pytest.fixture(scope="module")
def idp(demo):
    return boto3.client(
        "cognito-idp",
        endpoint_url=demo.url,
        region_name=REGION,
        config=Config(signature_version=UNSIGNED, retries={"max_attempts": 1}),
    )


def sign_in(idp, user, password=PASSWORD):
    return idp.initiate_auth(
        ClientId=CLIENT,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": user, "PASSWORD": password},
    )["AuthenticationResult"]


@pytest.fixture(scope="module")
def tokens(idp):
    signed_in = {user: sign_in(idp, user) for user in ALLOWED}
    return {
        (user, use): result[member]
        for user, result in signed_in.items()
        for use, member in (("id", "IdToken"), ("access", "AccessToken"))
    }


def check_problem(answer, status):
    """RFC 9457, never cached."""
    assert answer.status == status, answer
    assert answer.header("content-type").split(";")[0] == "application/problem+json"
    assert "no-store" in answer.header("cache-control")
    problem = answer.json()
    assert problem["status"] == status and problem["title"], problem


def echoed_headers(answer):
    """The headers the echo API saw, as (name, value) pairs: a value may be a string or a list of them."""
    seen = []
    for name, value in answer.json()["headers"].items():
        seen += [(name, each) for each in (value if isinstance(value, list) else [value])]
    return seen


def test_sign_in_gives_tokens_of_the_pool(idp, demo):
    result = sign_in(idp, "alice")
    assert result["TokenType"] == "Bearer" and result["ExpiresIn"] > 0
    issuer = f"{demo.url}/{POOL}"
    identity, access = payload(result["IdToken"]), payload(result["AccessToken"])
    assert (identity["iss"], identity["aud"], identity["token_use"]) == (issuer, CLIENT, "id")
    assert (access["iss"], access["client_id"], access["token_use"]) == (issuer, CLIENT, "access")
    assert identity["sub"] == access["sub"]
    assert access["cognito:groups"] == ["readers"]


def test_refresh_token_gives_new_tokens_of_the_same_sign_in(idp, demo):
    first = sign_in(idp, "bob")
    second = idp.initiate_auth(
        ClientId=CLIENT,
        AuthFlow="REFRESH_TOKEN_AUTH",
        AuthParameters={"REFRESH_TOKEN": first["RefreshToken"]},
    )["AuthenticationResult"]
    before, after = payload(first["AccessToken"]), payload(second["AccessToken"])
    assert before["sub"] == after["sub"] and before["jti"] != after["jti"]
    assert before["origin_jti"] == after["origin_jti"]
    assert demo.call("GET", ORDER, token=second["AccessToken"]).status == 200


@pytest.mark.parametrize("user,password", [("alice", "wrong"), ("alice", ""), ("mallory", PASSWORD)])
def test_wrong_password_is_not_authorized(idp, user, password):
    with pytest.raises(idp.exceptions.ClientError) as refused:
        sign_in(idp, user, password)
    error = refused.value.response["Error"]
    assert error["Code"] in ("NotAuthorizedException", "InvalidParameterException"), error
    if password:
        assert error["Code"] == "NotAuthorizedException"
        assert error["Message"] == "Incorrect username or password."
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_refresh_token_that_is_none_is_not_authorized(idp):
    with pytest.raises(idp.exceptions.NotAuthorizedException):
        idp.initiate_auth(
            ClientId=CLIENT, AuthFlow="REFRESH_TOKEN_AUTH", AuthParameters={"REFRESH_TOKEN": "x" * 64}
        )


def test_discovery_and_keys_are_public(demo):
    discovery = call(demo.proxy, "GET", f"/{POOL}/.well-known/openid-configuration")
    assert discovery.status == 200 and discovery.json()["issuer"] == f"{demo.url}/{POOL}"
    keys = call(demo.proxy, "GET", f"/{POOL}/.well-known/jwks.json")
    assert keys.status == 200
    assert {key["kty"] for key in keys.json()["keys"]} == {"RSA"}
    assert not any("d" in key for key in keys.json()["keys"]), "a private key is served"


@pytest.mark.parametrize("use", ["id", "access"])
@pytest.mark.parametrize("user", sorted(ALLOWED))
@pytest.mark.parametrize("path", [ORDER, ANYTHING])
@pytest.mark.parametrize("method", METHODS)
def test_api_table(demo, tokens, user, use, method, path):
    body = b'{"n":1}' if method in ("POST", "PUT") else None
    answer = demo.call(method, path, token=tokens[user, use], body=body)
    if (method, path) not in ALLOWED[user]:
        return check_problem(answer, 403)
    assert answer.status == 200, answer
    seen = answer.json()
    assert (seen["method"], seen["path"]) == (method, path)
    told = identity_headers(echoed_headers(answer))
    assert set(told) == IDENTITY_HEADERS
    assert told["x-poolgate-subject"] == [payload(tokens[user, use])["sub"]]
    assert told["x-poolgate-role"][0].rsplit("/", 1)[-1] == ROLE[user]
    assert sorted(told["x-poolgate-groups"]) == sorted(GROUPS[user])
    assert told["x-poolgate-identity"][0].startswith(f"{REGION}:")
    assert told["x-poolgate-decision-id"] == [answer.header("x-poolgate-decision-id")]


def test_both_tokens_of_a_user_are_one_identity(demo, tokens):
    identities = {
        user: {
            identity_headers(echoed_headers(demo.call("GET", ORDER, token=tokens[user, use])))[
                "x-poolgate-identity"
            ][0]
            for use in ("id", "access")
        }
        for user in ROLE
    }
    assert all(len(each) == 1 for each in identities.values()), identities
    assert len(set.union(*identities.values())) == len(ROLE)


@pytest.mark.parametrize("path", [ORDER, ANYTHING])
@pytest.mark.parametrize("method", METHODS)
def test_nobody_is_asked_for_a_token(demo, method, path):
    answer = demo.call(method, path)
    check_problem(answer, 401)
    bearer, dpop = answer.all("www-authenticate")
    # RFC 6750 §3.1: no error code where no authentication was tried. RFC 9449 §7.1: how else a token may come.
    assert bearer.startswith("Bearer") and dpop.startswith("DPoP") and "error=" not in bearer + dpop
    assert "ES256" in dpop.partition('algs="')[2]


SPOILS = {
    "another signature": lambda token: token[:-8] + "AAAAAAAA",
    "no signature": lambda token: token.rpartition(".")[0] + ".",
    "no token": lambda token: "x.y.z",
}


@pytest.mark.parametrize("spoil", SPOILS.values(), ids=SPOILS)
def test_bad_token_is_told_so(demo, tokens, spoil):
    answer = demo.call("GET", ORDER, token=spoil(tokens["carol", "access"]))
    check_problem(answer, 401)
    assert 'error="invalid_token"' in answer.header("www-authenticate")


def test_two_credentials_are_refused(demo, tokens):
    twice = [("Authorization", f"Bearer {tokens['carol', use]}") for use in ("id", "access")]
    assert demo.call("GET", ORDER, headers=twice).status in (400, 401)
    beside = {"Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/execute-api/aws4_request"}
    assert demo.call("GET", ORDER, token=tokens["carol", "id"], headers=beside).status in (400, 401)


SPOOFS = [
    "x-poolgate-role",
    "X-Poolgate-Subject",
    "x-poolgate-identity",
    "x-poolgate-groups",
    "x-poolgate-decision-id",
    "x-poolgate-anything-else",
]


@pytest.mark.parametrize("name", SPOOFS)
def test_spoofed_identity_header_never_arrives(demo, tokens, name):
    answer = demo.call("GET", ORDER, token=tokens["alice", "id"], headers={name: "spoofed-value"})
    assert answer.status == 200, answer
    assert b"spoofed-value" not in answer.body
    assert set(identity_headers(echoed_headers(answer))) == IDENTITY_HEADERS


@pytest.mark.parametrize("name", ["x_poolgate_role", "x-poolgate_role", "X.Poolgate.Role", "xpoolgaterole"])
def test_alias_of_an_identity_header_never_arrives(demo, tokens, name):
    # CVE-2025-64484 and its kin: backends that read "_" or "." as "-".
    answer = demo.call("GET", ORDER, token=tokens["alice", "id"], headers={name: "spoofed-value"})
    assert answer.status in (200, 400)
    assert b"spoofed-value" not in answer.body


@pytest.mark.parametrize(
    "target",
    [
        "/api/orders/../admin",
        "/api/orders/%2e%2e/admin",
        "/api//orders/1",
        "/api/orders%2F1",
        "/api/orders/%00",
        "/api/orders/%zz",
    ],
)
def test_ambiguous_path_is_refused(demo, tokens, target):
    assert demo.call("GET", target, token=tokens["carol", "id"]).status == 400


def test_path_nobody_routes_is_not_found(demo, tokens):
    assert demo.call("GET", "/nowhere", token=tokens["carol", "id"]).status == 404


def test_health_and_metrics(demo):
    for path in ("/livez", "/readyz"):
        assert call(demo.admin, "GET", path).status == 200, path
    metrics = call(demo.admin, "GET", "/metrics")
    assert metrics.status == 200 and b"# TYPE " in metrics.body
    # Health is no business of the callers of the API.
    assert demo.call("GET", "/metrics").status != 200
