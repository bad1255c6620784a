"""HTTP/2 to the callers that take it in clear: what has no counterpart in HTTP/1, and what becomes of it there."""

import concurrent.futures
import socket
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import pytest

import callers
from callers import ENVOYS, HOST
from conformance import SPOOFED, differs, itself
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


@dataclass(frozen=True)
class Row:
    """What becomes of a good request with these changes: by default the same through every caller."""

    name: str
    status: int
    # Of the decision; none where nobody is asked.
    reason: str | None = None
    # Header fields with other values, None for none.
    change: dict = field(default_factory=dict)
    # Header fields behind the others.
    more: tuple = ()
    differs: dict = field(default_factory=dict)

    def by(self, caller):
        """Status and reason through this caller."""
        differs = self.differs.get(caller.name)
        return (differs.status, differs.reason) if differs else (self.status, self.reason)


# The stream ends, or the connection, without an answer.
ENDED = 0
ANSWERS_IT = itself(400, "answers what it refuses", "traefik")
ROWS = [
    Row("a writer reads", 200, "allowed_by_policy"),
    Row("no token", 401, "missing_token", {"authorization": None}),
    Row("an encoded slash", 400, "target_encoded_slash", {":path": "/public/..%2Forders/{n}"}),
    Row("a path without a slash", ENDED, change={":path": "orders/{n}"}),
    Row("a scheme that isn't so", 200, "allowed_by_policy", {":scheme": "https"}),
    Row("two hosts", 200, "public_route", {"authorization": None, ":authority": "open.example", ":path": "/hosted/{n}"},
        (("host", "inner.example"),)),
    Row("two hosts, the other way", 401, "missing_token",
        {"authorization": None, ":authority": "inner.example", ":path": "/hosted/{n}"}, (("host", "open.example"),)),
    Row("no host", ENDED, change={":authority": None},
        differs=differs(("traefik", 400, "asks all the same", "host_invalid"), itself(400, "answers what it refuses", "haproxy"))),
    Row("a user in the host", ENDED, change={":authority": f"a@{HOST}"}),
    Row("Connection", ENDED, more=(("connection", "x-poolgate-role"),), differs=differs(ANSWERS_IT)),
    Row("Transfer-Encoding", ENDED, more=(("transfer-encoding", "chunked"),), differs=differs(ANSWERS_IT)),
    Row("TE", ENDED, more=(("te", "gzip"),), differs=differs(ANSWERS_IT)),
    Row("an upgrade", ENDED, more=(("connection", "upgrade"), ("upgrade", "websocket")), differs=differs(ANSWERS_IT)),
    Row("a line break in a value", ENDED, more=(("x-a", f"b\r\nx-poolgate-role: {SPOOFED}"),)),
    Row("a line break in a path", ENDED, change={":path": "/orders/{n} HTTP/1.1\r\nx-a: b"}),
    Row("a name in capitals", ENDED, more=(("X-Poolgate-Role", SPOOFED),)),
    Row("a name with _", ENDED, more=(("x_poolgate_role", SPOOFED),),
        differs=differs(ANSWERS_IT, ("haproxy", 200, "drops names that have poolgate in them, and then asks", "allowed_by_policy"))),
    Row("a name with a colon", ENDED, more=(("x-a:b", SPOOFED),)),
    Row("two tokens", 400, "header_repeated", more=(("authorization", "Bearer a.b.c"),),
        differs=differs((ENVOYS, 400, "joins the two by a comma", "authorization_malformed"))),
    Row("the gate's own word", 200, "allowed_by_policy", more=(("x-poolgate-role", SPOOFED),)),
    Row("another pseudo-header", ENDED, more=((":x-poolgate-role", SPOOFED),)),
    Row("a method twice", ENDED, more=((":method", "PUT"),)),
]  # fmt: skip


@pytest.fixture(scope="module")
def answers(world):
    """Mark and answer by row and caller. All at once: Envoy takes a second to hang up on what is no HTTP/2."""

    def ask(asked):
        row, caller, mark = asked
        good = {
            ":method": "GET",
            ":scheme": "http",
            ":authority": HOST,
            ":path": "/orders/{n}",
            "authorization": f"Bearer {world.tokens['writer']}",
        }
        headers = [(key, value.replace("{n}", mark)) for key, value in (good | row.change).items() if value is not None]
        return (row.name, caller.name), (mark, exchange(caller.port(world), headers + list(row.more)))

    every = [(row, caller, world.mark()) for row in ROWS for caller in CALLERS]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        return dict(pool.map(ask, every))


@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller.name)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_http2(world, answers, caller, row):
    mark, got = answers[row.name, caller.name]
    arrived = world.arrived(mark)
    status, reason = row.by(caller)
    assert (got.status if got else ENDED) == status, (got, arrived)
    if reason is None:
        assert not world.records.of(mark)
    else:
        assert world.records.wait(mark, caller.door, got.header("x-poolgate-decision-id"))["reason"] == reason
    assert bool(arrived) == (status == 200)
    for _, target, fields in arrived:
        found = {name.lower(): value for name, value in fields}
        record = world.records.wait(mark, caller.door, got.header("x-poolgate-decision-id"))
        assert (record["effect"], record["path"], record["host"]) == ("allow", target, found["host"])
        assert found["x-poolgate-decision-id"] == record["decision_id"]
        assert found["x-forwarded-proto"] == "http"
        assert not [value for value in found.values() if SPOOFED in value], found
        # What one route lets through without a token is for its own host.
        assert record["route"] != "open" or found["host"] == "open.example"
