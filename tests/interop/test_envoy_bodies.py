"""Bodies of signed requests through a real Envoy: sent along with the question where somebody can sign, as it is printed."""

import base64
import contextlib
import http.client
import json
import os

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

import doors
from gate import REGION

ORDERS = "/api/orders/1"
BODY = b'{"item":"gin"}'
CONFIG = """
listen: {{ proxy: {{ address: "127.0.0.1:8080" }}, ext_authz: {{ address: "127.0.0.1:{asked}" }} }}
limits: {{ body_buffer: {most}B }}
routes:
  - {{ name: api, service: execute-api, match: {{ path: /api/ }}, engines: {{ iam: "off" }}, upstream: {{ url: "{upstream}" }} }}
"""
CREDENTIALS = "credentials: { keys: [ { id: k1, file: credentials.key } ] }\n"
# More than Envoy's buffers hold by themselves, which is 1 MiB.
MOST = 2 << 20


@pytest.fixture
def envoy(demo, backend, tmp_path):
    """Starts an Envoy that asks the demo, as it is printed for a configuration with credentials, or without."""
    with contextlib.ExitStack() as running:

        def start(credentials):
            folder = tmp_path / ("credentials" if credentials else "none")
            folder.mkdir()
            key = folder / "credentials.key"
            key.write_text(base64.b64encode(os.urandom(32)).decode())
            key.chmod(0o600)
            config = folder / "poolgate.yaml"
            text = CONFIG.format(asked=demo.ext_authz, upstream=backend.url, most=MOST)
            config.write_text(text + (CREDENTIALS if credentials else ""))
            door = doors.envoy(folder, config)
            running.callback(door.stop)
            return door

        yield start


def signed(door, people, method, body=b"", by=SigV4Auth, target=ORDERS):
    """The target and the headers of a request that botocore signed."""
    host = f"127.0.0.1:{door.port}"
    credentials = people.credentials("carol")
    request = AWSRequest(method, f"http://{host}{target}", data=body, headers={"host": host})
    keys = Credentials(credentials["AccessKeyId"], credentials["SecretKey"], credentials["SessionToken"])
    by(keys, "execute-api", REGION).add_auth(request)
    return request.url.removeprefix(f"http://{host}"), dict(request.headers.items())


def send(door, method, target, headers, body=None, chunks=False):
    """The answer to a request, whose body may come in chunks."""
    connection = http.client.HTTPConnection("127.0.0.1", door.port, timeout=20)
    try:
        connection.request(method, target, iter([body]) if chunks else body, headers)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text.startswith(b"{") else text
    finally:
        connection.close()


def test_without_credentials_nobody_signs_and_a_body_stays_hidden(envoy, people, backend):
    """As docs/envoy.md says of a configuration without `with_request_body`."""
    door = envoy(credentials=False)
    target, headers = signed(door, people, "GET")
    status, seen = send(door, "GET", target, headers)
    assert (status, seen["length"]) == (200, 0), seen
    # Where this fails, Envoy tells of such bodies: say so there.
    status, seen = send(door, "GET", target, headers, BODY, chunks=True)
    assert (status, seen["length"]) == (200, len(BODY)), seen
    target, headers = signed(door, people, "PUT", BODY)
    status, seen = send(door, "PUT", target, headers, BODY)
    assert (status, seen["reason"]) == (403, "body_withheld"), seen


@pytest.mark.parametrize("chunks", [False, True], ids=["of a stated length", "in chunks"])
def test_a_signed_body_is_verified(envoy, people, backend, chunks):
    door = envoy(credentials=True)
    for body in (BODY, b"\xff\x00" * 10, b"x" * MOST):
        target, headers = signed(door, people, "PUT", body)
        status, seen = send(door, "PUT", target, headers, body, chunks)
        assert (status, seen.get("length")) == (200, len(body)), seen
    before = len(backend.requests)
    target, headers = signed(door, people, "PUT", BODY)
    status, seen = send(door, "PUT", target, headers, BODY + b" ", chunks)
    assert (status, seen["reason"]) == (403, "signature_mismatch"), seen
    # One that is larger than `limits.body_buffer`.
    target, headers = signed(door, people, "PUT", b"x" * (MOST + 1))
    status, _ = send(door, "PUT", target, headers, b"x" * (MOST + 1), chunks)
    assert status == 413
    assert len(backend.requests) == before


def test_no_body_of_a_signed_get_stays_hidden(envoy, people, backend):
    door = envoy(credentials=True)
    target, headers = signed(door, people, "GET", target=f"{ORDERS}?a=b%20c&d")
    status, seen = send(door, "GET", target, headers)
    assert (status, seen["length"]) == (200, 0), seen
    before = len(backend.requests)
    for spelt in (str, str.lower, str.capitalize):
        scheme, rest = headers["Authorization"].split(" ", 1)
        status, seen = send(door, "GET", target, headers | {"Authorization": f"{spelt(scheme)} {rest}"}, BODY, chunks=True)
        assert status == 403 and seen["reason"] != "body_withheld", seen
    # In the query.
    target, headers = signed(door, people, "GET", by=SigV4QueryAuth)
    status, seen = send(door, "GET", target, headers, BODY, chunks=True)
    assert status == 403, seen
    escaped = target.replace("X-Amz-", "%58-Amz-").replace("&", "&&")
    status, seen = send(door, "GET", escaped, headers, BODY, chunks=True)
    assert status == 403, seen
    assert len(backend.requests) == before
    status, seen = send(door, "GET", target, headers)
    assert (status, seen["length"]) == (200, 0), seen
    assert "Signature" not in backend.last()[1]


def test_what_a_token_authorizes_is_not_kept(envoy, people, backend):
    """It is forwarded as it comes, however large it is."""
    door = envoy(credentials=True)
    bearer = {"Authorization": f"Bearer {people.tokens('carol')['id']}"}
    for chunks in (False, True):
        status, seen = send(door, "PUT", f"{ORDERS}?a=b%20c&d", bearer, b"x" * (MOST + 1), chunks)
        assert (status, seen["length"]) == (200, MOST + 1), seen
