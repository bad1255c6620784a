"""The gRPC door: what Envoy would ask, asked by gRPC's own client."""

import contextlib
import json
import socket
import time
import urllib.parse

import grpc
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from grpc_health.v1 import health_pb2, health_pb2_grpc

import mint
from account import TOKEN_ONLY, route
from asking import IDENTITY, Asker, metadata, question, told
from gate import REGION, call, free_port, until

OK, DENIED, UNAUTHENTICATED = 0, 7, 16
ORDERS = "/api/orders/1"


def token_of(people, user):
    return people.tokens(user)["id"]


@pytest.fixture
def asker(demo):
    asker = Asker(demo.ext_authz)
    yield asker
    asker.close()


def test_allows_with_every_identity_header_and_the_same_values_as_the_proxy(demo, people, asker):
    token = people.tokens("alice")["id"]
    answer = asker.check("GET", ORDERS, token)
    assert answer.status.code == OK
    headers = told(answer)
    echoed = demo.call("GET", ORDERS, token).json()["headers"]
    seen = {name.lower(): value for name, value in (echoed.items() if isinstance(echoed, dict) else echoed)}
    for name in IDENTITY:
        assert headers[name] == seen[name], name
    assert len(headers["x-poolgate-decision-id"]) == 32
    added = [option.header.key for option in answer.ok_response.response_headers_to_add]
    assert added == ["x-poolgate-decision-id"]
    facts = metadata(answer)
    assert facts["reason"] == "allowed_by_policy" and facts["route"] == "api"
    assert facts["decision_id"] == headers["x-poolgate-decision-id"]


def test_denials_are_answers_and_speak_http(people, asker):
    nobody = asker.check("GET", ORDERS)
    assert nobody.status.code == UNAUTHENTICATED
    assert nobody.denied_response.status.code == 401
    fields = [(option.header.key, option.header.value) for option in nobody.denied_response.headers]
    challenges = [value.split()[0] for name, value in fields if name == "www-authenticate"]
    assert challenges == ["Bearer", "DPoP"]
    assert dict(fields)["content-type"] == "application/problem+json"
    assert json.loads(nobody.denied_response.body)["reason"] == "missing_token"
    assert metadata(nobody)["reason"] == "missing_token"

    reader = asker.check("POST", ORDERS, token_of(people, "alice"))
    assert (reader.status.code, reader.denied_response.status.code) == (DENIED, 403)
    stranger = asker.check("GET", "/nowhere", token_of(people, "alice"))
    assert (stranger.status.code, stranger.denied_response.status.code) == (DENIED, 404)
    forged = asker.check("GET", ORDERS, token_of(people, "alice")[:-4] + "AAAA")
    assert (forged.status.code, forged.denied_response.status.code) == (UNAUTHENTICATED, 401)


@pytest.mark.parametrize("raw", [False, True])
def test_removes_what_a_client_says_in_the_gates_name(people, asker, raw):
    headers = {
        "x-poolgate-role": "arn:aws:iam::000000000000:role/Admin",
        "x-poolgate-extra": "1",
        "x-real-ip": "10.0.0.1",
        "x-http-method-override": "DELETE",
        "x-forwarded-for": "10.0.0.1",
        "accept": "*/*",
    }
    answer = asker.check("GET", ORDERS, token_of(people, "alice"), headers, raw=raw)
    assert answer.status.code == OK
    assert told(answer)["x-poolgate-role"].endswith(urllib.parse.quote("role/Reader", safe="/"))
    removed = set(answer.ok_response.headers_to_remove)
    assert {"x-poolgate-extra", "x-http-method-override", "x-real-ip"} <= removed
    assert not removed & {"x-forwarded-for", "accept", "authorization", "host", ":path"}


def test_reads_raw_headers_line_by_line(people, asker):
    two = [("authorization", f"Bearer {token_of(people, 'alice')}")]
    answer = asker.check("GET", ORDERS, token_of(people, "carol"), two, raw=True)
    assert answer.denied_response.status.code == 400
    assert json.loads(answer.denied_response.body)["reason"] == "header_repeated"


def test_only_apis_are_asked_about(people, asker):
    token = token_of(people, "carol")
    for headers in ({"x-amz-target": "DynamoDB_20120810.GetItem"}, {"x-amz-target": "AWSCognitoIdentityService.GetId"}):
        answer = asker.check("POST", "/", token, headers)
        assert metadata(answer)["reason"] == "service_not_asked"
    bucket = asker.check("GET", "/key", token, host="demo.s3.localhost")
    assert metadata(bucket)["reason"] == "service_not_asked"
    # A path that is S3's for the proxy leads nowhere here.
    assert metadata(asker.check("GET", "/demo/public/hello.txt", token))["reason"] == "no_route"


def test_the_proxys_configuration_chooses_the_route(people, asker):
    token = token_of(people, "alice")
    named = asker.check("GET", ORDERS, token, extensions={"poolgate.route": "api"})
    assert named.status.code == OK
    for extensions, reason in (
        ({"poolgate.route": "files"}, "unknown_route"),
        ({"poolgate.route": "nothing"}, "unknown_route"),
        ({"poolgate.rout": "api"}, "unknown_extension"),
    ):
        answer = asker.check("GET", ORDERS, token, extensions=extensions)
        assert answer.status.code == DENIED and metadata(answer)["reason"] == reason
    other = asker.check("GET", ORDERS, token, extensions={"virtual_host": "backend"})
    assert other.status.code == OK, "what is not the gate's is not its business"


def test_a_question_with_something_missing_is_denied(people, asker):
    token = token_of(people, "alice")
    for asked in (question("GET", ORDERS, token, source=None), question("", "", token, host="")):
        answer = asker.authorization.Check(asked, timeout=10)
        assert answer.status.code in (DENIED, UNAUTHENTICATED)
        assert answer.denied_response.status.code >= 400
    empty = type(question("GET", "/"))()
    answer = asker.authorization.Check(empty, timeout=10)
    assert metadata(answer)["reason"] == "incomplete_question"
    # What no client can send as a path over HTTP.
    for path in ("/api/orders/../admin", "/api/%2e%2e/x", "//api/orders/1", "/api/orders%2f1", "*"):
        assert asker.check("GET", path, token).denied_response.status.code == 400, path


def signed(people, user, method, body):
    """Headers of a request that botocore signed for the API."""
    credentials = people.credentials(user)
    request = AWSRequest(method, f"http://127.0.0.1{ORDERS}", data=body, headers={"host": "127.0.0.1"})
    keys = Credentials(credentials["AccessKeyId"], credentials["SecretKey"], credentials["SessionToken"])
    SigV4Auth(keys, "execute-api", REGION).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


def test_signed_requests_need_the_body(people, asker):
    body = b'{"item":"tea"}'
    headers = signed(people, "carol", "POST", body) | {"content-length": str(len(body))}
    with_body = asker.check("POST", ORDERS, None, headers, body=body)
    assert with_body.status.code == OK, metadata(with_body)
    assert {"x-amz-security-token", "authorization"} <= set(with_body.ok_response.headers_to_remove)
    without = asker.check("POST", ORDERS, None, headers)
    assert metadata(without)["reason"] == "body_withheld"
    other = asker.check("POST", ORDERS, None, headers, body=b'{"item":"gin"}')
    assert other.status.code != OK
    assert asker.check("GET", ORDERS, None, signed(people, "carol", "GET", b"")).status.code == OK
    # Envoy takes Transfer-Encoding out: what is signed as empty may have a body.
    empty = signed(people, "carol", "POST", b"")
    assert metadata(asker.check("POST", ORDERS, None, empty))["reason"] == "body_withheld"
    assert asker.check("POST", ORDERS, None, empty | {"content-length": "0"}).status.code == OK


def test_health(demo):
    with grpc.insecure_channel(f"127.0.0.1:{demo.ext_authz}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for service in ("", "envoy.service.auth.v3.Authorization"):
            answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=10)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError) as error:
            health.Check(health_pb2.HealthCheckRequest(service="other"), timeout=10)
        assert error.value.code() == grpc.StatusCode.NOT_FOUND
        unknown = channel.unary_unary("/envoy.service.auth.v3.Authorization/Other")
        with pytest.raises(grpc.RpcError) as error:
            unknown(b"", timeout=10)
        assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED


def until_listening(port):
    def listening():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True

    until("the listener", 10, listening)


def asking(port, more=""):
    """An edit of the configuration that lets others ask."""
    listener = f'  ext_authz: {{ address: "127.0.0.1:{port}"{more} }}\n  admin:'
    return lambda text: text.replace("  admin:", listener, 1)


def test_nobody_else_is_answered(serve, key, backend):
    port = free_port()
    gate = serve(route("all", "/", backend.url, TOKEN_ONLY), edit=asking(port, ', from: ["10.0.0.0/8"]'))
    asker = Asker(port)
    with pytest.raises(grpc.RpcError) as error:
        asker.check("GET", "/", mint.pool_token(key), timeout=5)
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE
    asker.close()
    metrics = call(gate.admin, "GET", "/metrics").body.decode()
    assert 'poolgate_asked_in_vain_total{reason="source"}' in metrics


def test_a_route_without_an_upstream_is_only_asked_about(serve, key):
    port = free_port()
    text = route("asked", "/", "http://127.0.0.1:1", TOKEN_ONLY)
    routes = "".join(line + "\n" for line in text.splitlines() if "upstream" not in line)
    gate = serve(routes, edit=asking(port))
    token = mint.pool_token(key)
    gate.tokens.add(token)
    asker = Asker(port)
    assert asker.check("GET", "/a", token).status.code == OK
    asker.close()
    refused = gate.call("GET", "/a", token)
    assert (refused.status, refused.json()["reason"]) == (404, "not_forwarded")


def test_what_is_not_decided_in_time_is_no_decision(serve, key, backend):
    """No key set comes: it is denied before the caller's patience ends. A failed call could be let through."""
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        keys = f"http://127.0.0.1:{silent.getsockname()[1]}/jwks.json"
        gate = serve(route("all", "/", backend.url, TOKEN_ONLY), keys=keys, edit=asking(port), ready=False)
        asker = Asker(port)
        until_listening(port)
        started = time.monotonic()
        answer = asker.check("GET", "/", mint.pool_token(key), timeout=1)
        assert (answer.status.code, answer.denied_response.status.code) == (DENIED, 503)
        assert metadata(answer)["reason"] in ("decision_timeout", "keys_unavailable")
        assert time.monotonic() - started < 2
        asker.close()
        gate.terminate()
