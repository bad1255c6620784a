"""HTTP/2 from callers: curl and h2load, and what no client would send. No backend sees what the gate didn't."""

import hashlib
import json
import re
import shutil
import subprocess
import time

import pytest

import mint
from account import TOKEN_ONLY, over_tls, route
from charts import certificate
from frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PING,
    RST_STREAM,
    SETTINGS,
    Caller,
    frame,
    request,
)
from gate import call, until
from test_curl import MIB, upload  # noqa: F401

CURL = shutil.which("curl") or "curl"
H2LOAD = shutil.which("h2load") or "h2load"


@pytest.fixture
def token(key):
    return mint.pool_token(key, groups=["writers"])


@pytest.fixture
def clear(serve, backend):
    return serve(route("all", "/", backend.url, TOKEN_ONLY))


@pytest.fixture
def secure(serve, backend, tmp_path):
    certificate(tmp_path)
    return serve(route("all", "/", backend.url, TOKEN_ONLY), edit=over_tls)


def curl(folder, token, *arguments):
    fields = folder / "headers"
    fields.write_text(f"Authorization: Bearer {token}\n")
    trust = ["--cacert", folder / "tls.crt"] if (folder / "tls.crt").exists() else []
    command = [CURL, "-sS", "--max-time", "60", "-H", f"@{fields}", *trust, *map(str, arguments)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=90)
    assert done.returncode == 0, (done.returncode, done.stderr.decode())
    return done.stdout


@pytest.mark.parametrize("how", ["clear", "secure"])
def test_curl(request, how, token, backend, tmp_path, upload):  # noqa: F811
    gate = request.getfixturevalue(how)
    scheme, option = ("http", "--http2-prior-knowledge") if how == "clear" else ("https", "--http2")
    url = f"{scheme}://localhost:{gate.proxy}"
    # Where HTTP/2 is known beforehand, this curl speaks it once a connection.
    targets = ["/a", "/b?x=%2F", "/c"] if how == "secure" else ["/c"]
    quiet = ["-o", "/dev/null"] * len(targets)
    output = curl(tmp_path, token, option, *quiet, "-w", "%{http_version} %{num_connects} %{http_code};", *(url + t for t in targets))
    assert output == b"2 1 200;" + b"2 0 200;" * (len(targets) - 1)
    method, path, fields = backend.last()
    fields = {name.lower(): value for name, value in fields}
    assert (method, path, fields["host"], fields["x-forwarded-proto"]) == ("GET", "/c", f"localhost:{gate.proxy}", scheme)
    path, digest = upload(16 * MIB)
    seen = json.loads(curl(tmp_path, token, option, "-X", "PUT", "-T", path, f"{url}/up"))
    assert (seen["length"], seen["sha256"]) == (16 * MIB, digest)
    target = tmp_path / "down.bin"
    curl(tmp_path, token, option, "-o", target, f"{url}/bytes/{16 * MIB}")
    assert hashlib.sha256(target.read_bytes()).hexdigest() == digest
    head = curl(tmp_path, token, option, "-I", f"{url}/bytes/{MIB}").decode().lower()
    assert head.startswith("http/2 200") and f"content-length: {MIB}" in head


def test_who_offers_only_http_1_gets_it(secure, token, tmp_path):
    url = f"https://localhost:{secure.proxy}/a"
    assert curl(tmp_path, token, "--http1.1", "-o", "/dev/null", "-w", "%{http_version}", url) == b"1.1"


@pytest.mark.parametrize("how", ["clear", "secure"])
def test_a_hundred_streams(request, how, token, backend, tmp_path):
    gate = request.getfixturevalue(how)
    scheme = "http" if how == "clear" else "https"
    command = [H2LOAD, "-n", "4000", "-c", "2", "-m", "100", "-H", f"authorization: Bearer {token}"]
    done = subprocess.run([*command, f"{scheme}://localhost:{gate.proxy}/bytes/100"], capture_output=True, timeout=120)
    output = done.stdout.decode()
    assert how == "clear" or "Application protocol: h2\n" in output, output
    assert re.search(r"requests: 4000 total, 4000 started, 4000 done, 4000 succeeded, 0 failed", output), output
    assert backend.count() == 4000


HOSTILE = {
    "a line break in a value": dict(more=[("x-a", "b\r\nx-poolgate-role: admin")]),
    "a bare line feed in a value": dict(more=[("x-a", "b\nGET /smuggled HTTP/1.1")]),
    "a NUL in a value": dict(more=[("x-a", "b\0c")]),
    "a line break in a name": dict(more=[("x-a: b\r\nx-c", "d")]),
    "a colon in a name": dict(more=[("x-a:b", "c")]),
    "a space in a name": dict(more=[("x a", "b")]),
    "an empty name": dict(more=[("", "b")]),
    "a name in capitals": dict(more=[("X-Poolgate-Role", "admin")]),
    "transfer-encoding": dict(more=[("transfer-encoding", "chunked")]),
    "connection": dict(more=[("connection", "x-poolgate-role")]),
    "keep-alive": dict(more=[("keep-alive", "timeout=5")]),
    "proxy-connection": dict(more=[("proxy-connection", "close")]),
    "upgrade": dict(more=[("upgrade", "websocket")]),
    "te": dict(more=[("te", "gzip")]),
    "a path with a line break": dict(path="/a HTTP/1.1\r\nx: y\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: b"),
    "a path with a space": dict(path="/a b"),
    "a path with a tab": dict(path="/a\tb"),
    "a path without a slash": dict(path="orders/1"),
    "an empty path": dict(path=""),
    "no path": dict(path=None),
    "no method": dict(method=None),
    "a method with a space": dict(method="GET /smuggled HTTP/1.1\r\nx:"),
    "a method in small letters": dict(method="get"),
    "CONNECT": dict(method="CONNECT", path=None, scheme=None),
    "another protocol than websocket": dict(method="CONNECT", protocol="connect-udp"),
    "a protocol of a GET": dict(protocol="websocket"),
    "no scheme": dict(scheme=None),
    "another scheme": dict(scheme="ftp"),
    "no authority": dict(authority=None),
    "a user in the authority": dict(authority="a@gate"),
    "a path in the authority": dict(authority="gate/smuggled"),
    "a line break in the authority": dict(authority="gate\r\nx: y"),
    "another host": dict(more=[("host", "other")]),
    "two hosts": dict(authority=None, more=[("host", "gate"), ("host", "other")]),
    "two paths": dict(more=[(":path", "/smuggled")]),
    "two methods": dict(more=[(":method", "PUT")]),
    "a pseudo-header behind others": dict(more=[("x-a", "b"), (":authority", "other")]),
    "a pseudo-header of answers": dict(more=[(":status", "200")]),
    "another pseudo-header": dict(more=[(":x-poolgate-role", "admin")]),
    "two lengths": dict(method="PUT", more=[("content-length", "0"), ("content-length", "5")]),
    "a list of lengths": dict(method="PUT", more=[("content-length", "0, 0")]),
    "a length with a sign": dict(method="PUT", more=[("content-length", "+0")]),
    "a length without a body": dict(method="PUT", more=[("content-length", "5")]),
    "two tokens": dict(more=[("authorization", "Bearer a.b.c")]),
    "a name with _": dict(more=[("x_poolgate_role", "admin")]),
    "an encoded slash": dict(path="/a%2Fb"),
    "a dot segment": dict(path="/a/../b"),
    "two slashes": dict(path="//a"),
}  # fmt: skip


def test_nothing_hostile_reaches_the_backend(clear, token, backend):
    clear.tokens.add(token)
    seen = {}
    for name, change in HOSTILE.items():
        with Caller(clear.proxy) as caller:
            caller.send(caller.headers(request(token, **change)))
            caller.read(5)
            answer = caller.answers.get(1)
            seen[name] = answer.status if answer else "reset" if caller.reset or caller.goaway is not None else "closed"
        assert backend.count() == 0, (name, backend.last())
        assert answer is None or 400 <= answer.status < 500, (name, answer)
    # Each of what isn't HTTP/2 has no answer, and what the gate refuses itself has one with an id.
    assert seen["another host"] == 400 and seen["an encoded slash"] == 400 and seen["two tokens"] == 400, seen
    assert seen["transfer-encoding"] == "reset" and seen["a line break in a value"] == "reset", seen
    with Caller(clear.proxy) as caller:
        caller.send(caller.headers(request(token, path="/honest")))
        assert caller.read() and caller.answers[1].status == 200
    assert [path for _, path, _ in backend.requests] == ["/honest"]


def test_harmless_oddities_arrive_as_they_were_judged(clear, token, backend):
    """A scheme that isn't so and a fragment change nothing of what is judged and forwarded."""
    with Caller(clear.proxy) as caller:
        caller.send(caller.headers(request(token, path="/a#/../b", scheme="https"), stream=1))
        caller.send(caller.headers(request(token, path="/b", more=[("cookie", "a=1"), ("cookie", "b=2")]), stream=3))
        assert caller.read(until=lambda c: len(c.ended) == 2)
        assert {answer.status for answer in caller.answers.values()} == {200}
    by_path = {path: {name.lower(): value for name, value in fields} for _, path, fields in backend.requests}
    assert set(by_path) == {"/a", "/b"} and by_path["/b"]["cookie"] == "a=1; b=2"
    assert by_path["/a"]["x-forwarded-proto"] == "http"


@pytest.mark.parametrize("declared, body", [(3, b"hello"), (9, b"hello"), (0, b"GET /smuggled HTTP/1.1\r\n\r\n")])
def test_a_body_of_another_length_is_none(clear, token, backend, declared, body):
    with Caller(clear.proxy) as caller:
        fields = request(token, "PUT", "/up", more=[("content-length", str(declared))])
        caller.send(caller.headers(fields, end=False), frame(DATA, END_STREAM, 1, body))
        caller.read(5)
        answer = caller.answers.get(1)
        assert answer is None or answer.status >= 400, answer
    assert not backend.finished and all(path != "/smuggled" for _, path, _ in backend.requests)
    # Nor does what was begun upstream become part of another's request.
    assert call(clear.proxy, "GET", "/after", {"Authorization": f"Bearer {token}"}).status == 200
    assert backend.last()[1] == "/after"


def test_answers_to_head_have_no_body(clear, token, backend):
    """Neither the backend's nor the gate's own, which has a length all the same."""
    with Caller(clear.proxy) as caller:
        caller.send(caller.headers(request(token, "HEAD", "/bytes/1000"), stream=1))
        caller.send(caller.headers(request("a.b.c", "HEAD", "/bytes/1000"), stream=3))
        assert caller.read(until=lambda c: len(c.ended) == 2)
        allowed, denied = caller.answers[1], caller.answers[3]
        assert (allowed.status, allowed.body, allowed.header("content-length")) == (200, b"", "1000")
        assert (denied.status, denied.body) == (401, b"") and int(denied.header("content-length")) > 0


def test_trailers_of_a_request_do_not_reach_http_1(clear, token, backend):
    with Caller(clear.proxy) as caller:
        caller.send(caller.headers(request(token, "PUT", "/up"), end=False), frame(DATA, 0, 1, b"hello"))
        trailers = caller.encoder.encode([("x-poolgate-role", "admin"), ("x-kept", "1")])
        caller.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, trailers))
        assert caller.read() and caller.answers[1].status == 200
        seen = json.loads(caller.answers[1].body)
    assert seen["length"] == 5 and not [name for name, _ in seen["headers"] if name.lower() in ("x-kept", "trailer")]


def alive(gate, token):
    answer = call(gate.proxy, "GET", "/alive", {"Authorization": f"Bearer {token}"})
    assert answer.status == 200


def over(caller, seconds=10):
    """Whether the connection ends, and soon."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not caller.read(0.2, until=lambda c: c.goaway is not None) or caller.goaway is not None:
            return True
    return False


def pushed(caller, pieces):
    """Sends piece after piece, for as long as somebody takes them."""
    try:
        for piece in pieces:
            caller.send(piece)
    except OSError:
        pass
    return over(caller)


def test_rapid_resets_end_the_connection(clear, token, backend):
    with Caller(clear.proxy) as caller:
        def cut(stream):
            block = caller.encoder.encode(request(token, path="/slow/5000"), huffman=False)
            return frame(HEADERS, END_HEADERS | END_STREAM, stream, block) + frame(RST_STREAM, 0, stream, bytes(3) + b"\x08")

        assert pushed(caller, (cut(stream) for stream in range(1, 8001, 2)))
    alive(clear, token)


def test_a_flood_of_continuations_ends_the_connection(clear, token, backend):
    with Caller(clear.proxy) as caller:
        start = frame(HEADERS, END_STREAM, 1, caller.encoder.encode(request(token)))
        assert pushed(caller, [start, *[frame(CONTINUATION, 0, 1, b"\x00" * 16384)] * 2000])
    with Caller(clear.proxy) as caller:
        start = frame(HEADERS, END_STREAM, 1, caller.encoder.encode(request(token)))
        assert pushed(caller, [start, *[frame(CONTINUATION, 0, 1)] * 20000])
    alive(clear, token)
    assert backend.count() == 1


def test_large_heads_are_refused_and_harm_nobody(clear, token, backend):
    with Caller(clear.proxy) as caller:
        many = [(f"x-{number}", "y") for number in range(120)]
        caller.send(caller.headers(request(token, more=many), stream=1))
        assert caller.read(until=lambda c: 1 in c.ended) and caller.answers[1].status == 431
        assert caller.answers[1].header("x-poolgate-decision-id")
        large = [(f"x-{number}", "y" * 4000) for number in range(20)]
        block = caller.headers(request(token, more=large), stream=3)[9:]
        pieces = [block[at : at + 16384] for at in range(0, len(block), 16384)]
        caller.send(frame(HEADERS, END_STREAM, 3, pieces[0]))
        for number, piece in enumerate(pieces[1:]):
            caller.send(frame(CONTINUATION, END_HEADERS if number == len(pieces) - 2 else 0, 3, piece))
        assert caller.read(until=lambda c: 3 in c.ended or 3 in c.reset)
        assert 3 in caller.reset or caller.answers[3].status == 431
    alive(clear, token)
    assert backend.count() == 1


@pytest.mark.parametrize("kind", ["pings", "settings", "empty frames"])
def test_floods_of_small_frames_keep_nobody_else_waiting(clear, token, backend, kind):
    pieces = {
        "pings": frame(PING, payload=bytes(8)),
        "settings": frame(SETTINGS),
        "empty frames": frame(DATA, 0, 1),
    }
    with Caller(clear.proxy) as caller:
        caller.send(caller.headers(request(token, "PUT", "/up"), end=False))
        # Nobody reads the answers: the gate stops reading, too, or ends the connection.
        caller.wire.settimeout(2)
        try:
            for _ in range(300):
                caller.send(pieces[kind] * 1000)
        except OSError:
            pass
        alive(clear, token)
    rss = int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{clear.process.pid}/status").read())[1])
    assert rss < 200 * 1024, rss


def test_a_caller_that_takes_nothing_keeps_little_waiting(serve, key, token, backend):
    """A hundred answers of 8 MiB that nobody reads: no window is ever opened."""
    more = ["timeouts: { shutdown_delay: 0s, drain: 10s }", "timeouts: { shutdown_delay: 0s, drain: 10s, idle: 2s }"]
    gate = serve(route("all", "/", backend.url, TOKEN_ONLY), edit=lambda text: text.replace(*more))
    window = (4).to_bytes(2, "big") + (1).to_bytes(4, "big")
    with Caller(gate.proxy, settings=window) as caller:
        for number in range(100):
            caller.send(caller.headers(request(token, path=f"/bytes/{8 * MIB}"), stream=2 * number + 1))
        until("the requests", 10, lambda: backend.count() == 100)
        time.sleep(1)
        rss = int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{gate.process.pid}/status").read())[1])
        # Half a MiB an upstream connection is what its own buffers may have.
        assert rss < 200 * 1024, rss
        in_flight = lambda: b"poolgate_requests_in_flight 0\n" in call(gate.admin, "GET", "/metrics").body  # noqa: E731
        until("the streams to be let go", 10, in_flight)
