"""Poolgate as a child process, and a plain HTTP/1.1 client for it.

Every test drives the program that is shipped, from outside: no test knows anything of its insides. A process
started here is stopped by SIGTERM and must then exit 0, and no bearer token that was sent through it may
stand in anything that it printed.
"""

import contextlib
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import time
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("POOLGATE_BIN", str(ROOT / "target" / "release" / "poolgate"))
TOOLS = Path(os.environ.get("POOLGATE_RIG", ROOT / "target" / "rig"))

REGION = "us-east-1"
ACCOUNT = "000000000000"


def free_port():
    """A TCP port of 127.0.0.1 that nothing listens on at this moment.

    It is below those that the system gives to whoever asks for any, which would take it before the program does.
    """
    return free_ports(1)[0]


def free_ports(count):
    """As many different ones."""
    found = []
    while len(found) < count:
        port = random.randrange(10_240, 32_000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            if port not in found:
                found.append(port)
    return found


def until(what, seconds, probe):
    """The first true answer of `probe`, asked every 20 ms; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = probe()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(0.02)


@dataclass
class Answer:
    """One HTTP response, its header fields as they came."""

    status: int
    fields: list
    body: bytes

    def all(self, name):
        """Every value of a header, in order."""
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def header(self, name):
        """The one value of a header, or None; two are a failure."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} came {len(values)} times"
        return values[0] if values else None

    def json(self):
        return json.loads(self.body)


def send(connection, method, target, headers=None, body=None):
    """One exchange over an open `http.client.HTTPConnection`; header values are sent as given."""
    connection.putrequest(method, target, skip_accept_encoding=True, skip_host=has(headers, "host"))
    for name, value in pairs(headers):
        connection.putheader(name, value)
    if body is not None and not has(headers, "transfer-encoding"):
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders()
    if body is not None:
        connection.send(body)
    response = connection.getresponse()
    return Answer(response.status, response.getheaders(), response.read())


def call(port, method, target, headers=None, body=None, timeout=20):
    """One exchange over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        return send(connection, method, target, headers, body)
    finally:
        connection.close()


def pairs(headers):
    return list(headers.items()) if isinstance(headers, dict) else list(headers or [])


def has(headers, name):
    return any(key.lower() == name for key, _ in pairs(headers))


@dataclass
class Gate:
    """A running Poolgate. `proxy`, `admin` and `ext_authz` are ports of 127.0.0.1."""

    process: subprocess.Popen
    log: Path
    proxy: int
    admin: int
    ext_authz: int | None = None
    tokens: set = field(default_factory=set)
    stop_within: float = 15.0
    terminated: bool = False
    killed: bool = False
    # Over TLS its name is that of the tests' certificate.
    scheme: str = "http"

    @property
    def url(self):
        host = "localhost" if self.scheme == "https" else "127.0.0.1"
        return f"{self.scheme}://{host}:{self.proxy}"

    def call(self, method, target, token=None, headers=None, body=None, timeout=20):
        """One request through the gate. Whatever the answer is, it carries exactly one decision id."""
        fields = pairs(headers)
        if token is not None:
            self.tokens.add(token)
            fields.append(("Authorization", f"Bearer {token}"))
        answer = call(self.proxy, method, target, fields, body, timeout)
        assert answer.header("x-poolgate-decision-id"), f"no decision id on {answer}"
        return answer

    def ready(self):
        """Whether /readyz answers 200 right now."""
        if self.process.poll() is not None:
            raise AssertionError(f"poolgate exited {self.process.returncode}:\n{self.printed()}")
        try:
            return call(self.admin, "GET", "/readyz", timeout=2).status == 200
        except OSError:
            return False

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def printed(self):
        return self.log.read_text(errors="replace")

    def terminate(self):
        """SIGTERM, once."""
        if self.process.poll() is None and not self.terminated:
            self.process.send_signal(signal.SIGTERM)
        self.terminated = True

    def stop(self):
        """SIGTERM, then exit 0 in time; no token in the log. What had to be killed has failed its test already."""
        if self.killed:
            return
        self.terminate()
        try:
            code = self.process.wait(self.stop_within)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running {self.stop_within} s after SIGTERM:\n{self.printed()[-4000:]}")
        printed = self.printed()
        assert code == 0, f"exit code {code} after SIGTERM:\n{printed[-4000:]}"
        for token in self.tokens:
            signature = token.rpartition(".")[2]
            assert len(signature) < 16 or signature not in printed, "a bearer token stands in the log"

    def kill(self):
        if self.process.poll() is None:
            self.killed = True
            self.process.kill()
        self.process.wait(10)


def start(arguments, log, proxy, admin, ext_authz=None, ready=True):
    """Starts `poolgate ARGUMENTS`, and waits until it is ready if it is going to be."""
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [BINARY, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ["PATH"], "HOME": str(log.parent)},
            cwd=log.parent,
        )
    gate = Gate(process, Path(log), proxy, admin, ext_authz)
    try:
        if ready:
            until("/readyz", 15, gate.ready)
    except BaseException:
        gate.kill()
        raise
    return gate


def identity_headers(echo_headers):
    """The `x-poolgate-*` headers of a request as a backend saw it, decoded; each may come once only."""
    found = {}
    for name, value in echo_headers:
        name = name.lower()
        if name.startswith("x-poolgate-"):
            assert name not in found, f"{name} reached the backend twice"
            found[name] = [urllib.parse.unquote(part) for part in value.split(",")]
    return found


IDENTITY_HEADERS = {
    "x-poolgate-subject",
    "x-poolgate-identity",
    "x-poolgate-role",
    "x-poolgate-groups",
    "x-poolgate-decision-id",
}
