"""The columns of the conformance table: every way in which a request can come to be decided, asked in the same terms.

A column sends a request and says what came of it: what the client was answered, what stands in the decision log, and
what reached the upstream.
"""

import http.client
import socket
from dataclasses import dataclass, field

import grpc

from asking import question
from gate import Answer

HOST = "api.example.com"


@dataclass(frozen=True)
class Request:
    """A request as it is written onto the wire."""

    method: str
    target: str
    headers: tuple
    body: bytes = b""
    version: str = "HTTP/1.1"
    # What is sent instead, where a request is no list of headers.
    wire: bytes | None = None

    def head(self):
        lines = [f"{self.method} {self.target} {self.version}", *(f"{name}: {value}" for name, value in self.headers)]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"

    def bytes(self):
        return self.head() + self.body if self.wire is None else self.wire


@dataclass
class Outcome:
    """What came of a request. Status 0: the connection ended without an answer."""

    status: int
    answer: Answer | None
    record: dict | None
    # Methods, targets and headers of what reached the upstream.
    arrived: list = field(default_factory=list)

    @property
    def reason(self):
        return self.record["reason"] if self.record else None

    def identity(self):
        """What the upstream was told of the caller; each header once."""
        (request,) = self.arrived
        found = [(name.lower(), value) for name, value in request[2] if name.lower().startswith("x-poolgate-")]
        assert len(dict(found)) == len(found), found
        return dict(found)

    def values(self):
        """Headers and values that reached the upstream."""
        return [(name.lower(), value) for _, _, headers in self.arrived for name, value in headers]


@dataclass(frozen=True)
class Caller:
    """A column. What is said here of a caller holds for every row."""

    name: str
    # In the decision log.
    door: str
    # Headers in which it passes on, on purpose, what the client said in another.
    hearsay: tuple = ()
    # Whether it is a proxy that answers 404 itself to what no route takes.
    routes_itself: bool = True
    # 403 for every denial but 401; 500 where nothing can be decided: all that `auth_request` knows.
    knows_401_and_403: bool = False
    # Forwards no empty headers.
    drops_empty: bool = False
    # The problem document reaches the client.
    passes_denials_on: bool = True
    # Statuses for "can't be decided".
    undecided: int = 503
    # Is told by each answer what to take out; the others take out names.
    is_told: bool = False
    # The body, and thus what is signed, is known to the gate.
    has_body: bool = False
    # The client's request is bytes.
    on_the_wire: bool = True

    def status(self, at_the_gate):
        """The client's status, of the gate's."""
        if at_the_gate == 503:
            return self.undecided
        if self.knows_401_and_403 and at_the_gate >= 400 and at_the_gate != 401:
            return 403
        return at_the_gate

    def ask(self, world, request, mark, expects_record=True):
        answer = exchange(self.port(world), request)
        decision_id = answer.header("x-poolgate-decision-id") if answer else None
        record = world.records.wait(mark, self.door, decision_id) if expects_record else None
        return Outcome(answer.status if answer else 0, answer, record, world.arrived(mark))

    def port(self, world):
        return world.doors[self.name].port


class Gate(Caller):
    """The gate itself, in front."""

    def port(self, world):
        return world.gate.proxy


class Direct(Caller):
    """Envoy's question without Envoy. What would reach the upstream is what Envoy is told to make of the request."""

    def ask(self, world, request, mark, expects_record=True):
        hosts = [value for name, value in request.headers if name.lower() == "host"]
        headers = [(name.lower(), value) for name, value in request.headers if name.lower() != "host"]
        headers += [("host", value) for value in hosts[1:]]
        asked = question(
            request.method,
            request.target,
            headers=headers,
            host=hosts[0] if hosts else "",
            raw=True,
            protocol=request.version,
            body=request.body or None,
        )
        answer = world.asker.authorization.Check(asked, timeout=10)
        fields = [(option.header.key, option.header.value) for option in answer.denied_response.headers]
        record = world.records.wait(mark, self.door, dict(fields).get("x-poolgate-decision-id"))
        if answer.status.code == 0:
            told = {option.header.key: option.header.value for option in answer.ok_response.headers}
            gone = set(answer.ok_response.headers_to_remove) | set(told) | OF_ENVOY
            left = [(name, value) for name, value in headers if name not in gone] + list(told.items())
            return Outcome(200, None, record, [(request.method, request.target, left)])
        denied = answer.denied_response
        status = denied.status.code
        assert (answer.status.code == grpc.StatusCode.UNAUTHENTICATED.value[0]) == (status == 401)
        return Outcome(status, Answer(status, fields, denied.body.encode()), record)


# Envoy's own to write or to take out, whatever it is told; its own column shows that it does.
OF_ENVOY = {
    "connection", "content-length", "forwarded", "http2-settings", "keep-alive", "proxy-authorization", "proxy-connection",
    "te", "transfer-encoding", "upgrade", "x-envoy-attempt-count", "x-envoy-auth-failure-mode-allowed",
    "x-envoy-decorator-operation", "x-envoy-external-address", "x-envoy-internal", "x-envoy-original-host",
    "x-envoy-original-path", "x-envoy-peer-metadata", "x-envoy-peer-metadata-id", "x-forwarded-client-cert",
    "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto",
}  # fmt: skip


def exchange(port, request, timeout=10):
    """The first answer to these bytes; None if the connection ended without one."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        try:
            connection.sendall(request.bytes())
        except OSError:
            pass  # It may have been refused before its end.
        response = http.client.HTTPResponse(connection, method=request.method)
        try:
            response.begin()
            return Answer(response.status, response.getheaders(), response.read())
        except (OSError, http.client.HTTPException):
            return None


NGINX = {"knows_401_and_403": True, "drops_empty": True, "passes_denials_on": False, "undecided": 500}

CALLERS = [
    Gate("gate", "proxy", routes_itself=False, is_told=True, has_body=True),
    Direct("grpc", "ext_authz", routes_itself=False, is_told=True, has_body=True, on_the_wire=False),
    Caller("envoy", "ext_authz", is_told=True),
    Caller("envoy-http", "envoy", undecided=403, is_told=True),
    Caller("nginx", "nginx", **NGINX),
    Caller("ingress-nginx", "ingress-nginx", hearsay=("x-original-forwarded-for",), **NGINX),
    Caller("traefik", "traefik"),
    Caller("caddy", "caddy", drops_empty=True),
    Caller("haproxy", "haproxy"),
]
NAMES = [caller.name for caller in CALLERS]
PROXIES = NAMES[2:]
ENVOYS, NGINXES = ("envoy", "envoy-http"), ("nginx", "ingress-nginx")
