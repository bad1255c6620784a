"""Bodies that come with a signed GET through a real Envoy: what it hides, and what it sends along when it is told to."""

import contextlib
import http.client
import json

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

import doors
from gate import REGION

ORDERS = "/api/orders/1"
BODY = b'{"item":"gin"}'
CONFIG = """
listen: {{ proxy: {{ address: "127.0.0.1:8080" }}, ext_authz: {{ address: "127.0.0.1:{asked}" }} }}
routes:
  - {{ name: api, service: execute-api, match: {{ path: /api/ }}, engines: {{ iam: "off" }}, upstream: {{ url: "{upstream}" }} }}
"""
# Beside the options of the printed filter, at their depth.
SENDS_BODIES = "with_request_body: { max_request_bytes: 65536, pack_as_bytes: true }"


@pytest.fixture
def envoy(demo, backend, tmp_path, monkeypatch):
    """Starts an Envoy that asks the demo, as printed or with bodies sent along."""
    with contextlib.ExitStack() as running:

        def start(bodies):
            folder = tmp_path / ("bodies" if bodies else "printed")
            folder.mkdir()
            config = folder / "poolgate.yaml"
            config.write_text(CONFIG.format(asked=demo.ext_authz, upstream=backend.url))
            with monkeypatch.context() as patch:
                if bodies:
                    patch.setattr(doors, "snippet", with_bodies(doors.snippet))
                door = doors.envoy(folder, config)
            running.callback(door.stop)
            return door

        yield start


def with_bodies(snippet):
    def edited(*arguments):
        line = next(line for line in snippet(*arguments).splitlines() if line.strip() == "encode_raw_headers: true")
        added = f"{line}\n{line[: len(line) - len(line.lstrip())]}{SENDS_BODIES}"
        return snippet(*arguments).replace(line, added)

    return edited


def get(door, people, body=None):
    """A GET that botocore signed as one without a body, and the body that comes with it in chunks."""
    host = f"127.0.0.1:{door.port}"
    credentials = people.credentials("carol")
    request = AWSRequest("GET", f"http://{host}{ORDERS}", headers={"host": host})
    keys = Credentials(credentials["AccessKeyId"], credentials["SecretKey"], credentials["SessionToken"])
    SigV4Auth(keys, "execute-api", REGION).add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", door.port, timeout=20)
    try:
        connection.request("GET", ORDERS, iter([body]) if body else None, dict(request.headers.items()))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")
    finally:
        connection.close()


def test_envoy_hides_a_body_in_chunks_unless_it_sends_bodies(envoy, people, backend):
    printed = envoy(bodies=False)
    status, seen = get(printed, people)
    assert (status, seen["length"]) == (200, 0), seen
    # As docs/envoy.md says. Where this fails, a printed configuration sends bodies, or Envoy tells of them: say so there.
    status, seen = get(printed, people, BODY)
    assert (status, seen["length"]) == (200, len(BODY)), seen

    sends = envoy(bodies=True)
    status, seen = get(sends, people)
    assert (status, seen["length"]) == (200, 0), seen
    before = len(backend.requests)
    status, seen = get(sends, people, BODY)
    assert (status, seen["reason"]) == (403, "signature_mismatch"), seen
    assert len(backend.requests) == before
