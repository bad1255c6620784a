"""HTTP/2 to the callers that take it in clear: what has no counterpart in HTTP/1, and what becomes of it there."""

import concurrent.futures
import socket

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import pytest

import callers
from callers import HOST
from conformance import SPOOFED
from gate import Answer
from through import World

CALLERS = [caller for caller in callers.CALLERS if caller.name in ("envoy", "envoy-http", "traefik", "haproxy")]


@pytest.fixture(scope="module")
def world(tmp_path_factory, key, second_key):
    world = World(tmp_path_factory.mktemp("http2"), key, second_key, [caller.name for caller in CALLERS])
    try:
        world.start()
        yield world
    finally:
        world.stop()


def exchange(port, headers, timeout=10):
    """The answer to these header fields, as they are; None if stream or connection ended without one."""
    config = h2.config.H2Configuration(
        header_encoding="latin-1",
        validate_outbound_headers=False,
        normalize_outbound_headers=False,
        validate_inbound_headers=False,
    )
    connection = h2.connection.H2Connection(config)
    fields, body = None, b""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as wire:
        connection.initiate_connection()
        connection.send_headers(1, headers, end_stream=True)
        wire.sendall(connection.data_to_send())
        try:
            while data := wire.recv(1 << 16):
                for event in connection.receive_data(data):
                    if isinstance(event, h2.events.ResponseReceived):
                        fields = event.headers
                    elif isinstance(event, h2.events.DataReceived):
                        body += event.data
                    elif isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)):
                        return answer(fields, body)
                    elif isinstance(event, h2.events.StreamEnded):
                        return answer(fields, body)
                wire.sendall(connection.data_to_send())
        except (OSError, h2.exceptions.ProtocolError):
            pass
    return answer(fields, body)


def answer(fields, body):
    if fields is None:
        return None
    fields = [(text(name), text(value)) for name, value in fields]
    return Answer(int(dict(fields)[":status"]), fields, body)


def text(value):
    return value.decode("latin-1") if isinstance(value, bytes) else value


# Name; what changes of a good request: a header's value, None for none, or pairs to add; what may be answered.
ROWS = [
    ("a writer reads", {}, [], {200}),
    ("no token", {"authorization": None}, [], {401}),
    ("an encoded slash", {":path": "/public/..%2Forders/{n}"}, [], {400}),
    ("a path without a slash", {":path": "orders/{n}"}, [], {0, 400, 404}),
    ("a scheme that isn't so", {":scheme": "https"}, [], {200}),
    ("two hosts", {"authorization": None, ":authority": "open.example", ":path": "/hosted/{n}"}, [("host", "inner.example")], {0, 200, 400}),
    ("two hosts, the other way", {"authorization": None, ":authority": "inner.example", ":path": "/hosted/{n}"},
     [("host", "open.example")], {0, 400, 401}),
    ("no host", {":authority": None}, [], {0, 400}),
    ("a user in the host", {":authority": f"a@{HOST}"}, [], {0, 400}),
    ("Connection", {}, [("connection", "x-poolgate-role")], {0, 400}),
    ("Transfer-Encoding", {}, [("transfer-encoding", "chunked")], {0, 400}),
    ("TE", {}, [("te", "gzip")], {0, 200, 400}),
    ("an upgrade", {}, [("connection", "upgrade"), ("upgrade", "websocket")], {0, 400}),
    ("a line break in a value", {}, [("x-a", f"b\r\nx-poolgate-role: {SPOOFED}")], {0, 400}),
    ("a line break in a path", {":path": "/orders/{n} HTTP/1.1\r\nx-a: b"}, [], {0, 400}),
    ("a name in capitals", {}, [("X-Poolgate-Role", SPOOFED)], {0, 400}),
    ("a name with _", {}, [("x_poolgate_role", SPOOFED)], {0, 200, 400}),
    ("a name with a colon", {}, [("x-a:b", SPOOFED)], {0, 400}),
    ("two tokens", {}, [("authorization", "Bearer a.b.c")], {400}),
    ("the gate's own word", {}, [("x-poolgate-role", SPOOFED)], {200}),
    ("another pseudo-header", {}, [(":x-poolgate-role", SPOOFED)], {0, 400}),
    ("a method twice", {}, [(":method", "PUT")], {0, 400}),
]  # fmt: skip


@pytest.fixture(scope="module")
def answers(world):
    """Mark and answer by row and caller. All at once: Envoy takes a second to hang up on what is no HTTP/2."""

    def ask(asked):
        (name, change, more, _), caller, mark = asked
        good = {
            ":method": "GET",
            ":scheme": "http",
            ":authority": HOST,
            ":path": "/orders/{n}",
            "authorization": f"Bearer {world.tokens['writer']}",
        }
        headers = [(key, value.replace("{n}", mark)) for key, value in (good | change).items() if value is not None]
        return (name, caller.name), (mark, exchange(caller.port(world), headers + more))

    every = [(row, caller, world.mark()) for row in ROWS for caller in CALLERS]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        return dict(pool.map(ask, every))


@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller.name)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_http2(world, answers, caller, row):
    name, *_, statuses = row
    mark, got = answers[name, caller.name]
    status = got.status if got else 0
    arrived = world.arrived(mark)
    assert status in statuses, (got, arrived)
    assert bool(arrived) == (status == 200)
    for _, target, fields in arrived:
        found = {field.lower(): value for field, value in fields}
        record = world.records.wait(mark, caller.door, got.header("x-poolgate-decision-id"))
        assert (record["effect"], record["path"], record["host"]) == ("allow", target, found["host"])
        assert found["x-poolgate-decision-id"] == record["decision_id"]
        assert found["x-forwarded-proto"] == "http"
        assert not [value for value in found.values() if SPOOFED in value], found
        # What one route lets through without a token is for its own host.
        assert record["route"] != "open" or found["host"] == "open.example"
