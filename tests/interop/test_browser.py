"""A real browser through the gate, over TLS: WebSockets in HTTP/1.1 and in HTTP/2, pages of other origins, events.

Pages of `app.example.com` may call `api.example.com`; those of `other.example.com`, to which the browser sends the same
cookies, and of `www.example.org`, to which it doesn't, may not.
"""

import json
import re
import time

import pytest

import mint
from account import TOKEN_ONLY, over_tls, route
from browser import Browser
from charts import certificate
from test_websocket import Echo

# What a page is told of a WebSocket that it didn't get, or that broke off: nothing.
BROKEN = {"open": False, "code": 1006, "reason": "", "wasClean": False}
REFUSED = BROKEN | {"errors": 1}


class Scene:
    """The gate, what is behind it, and the browser."""

    def __init__(self, serve, key, folder, backend, echo):
        self.key, self.backend, self.echo = key, backend, echo
        self.revoked = folder / "revoked.jsonl"
        self.revoked.write_text("")
        certificate(folder)

        def edit(text):
            # The port of the origins is known as late as this.
            port = re.search(r'proxy: \{ address: "127\.0\.0\.1:(\d+)"', text)[1]
            return over_tls(text).replace("APP", f"https://app.example.com:{port}")

        cookie = "token: { cookie: session, origins: [APP] }"
        cors = "cors: { origins: [APP], methods: [GET, PUT], headers: [x-wanted], expose: [x-poolgate-decision-id], credentials: true }"
        routes = [
            route("pages", "/page", backend.url, TOKEN_ONLY, "authenticate: none"),
            route("chat", "/chat", f"http://127.0.0.1:{echo.port}", TOKEN_ONLY, cookie),
            route("api", "/api/", backend.url, TOKEN_ONLY, f"{cookie}\n    {cors}"),
        ]
        self.gate = serve("".join(routes), more="token: { revocations: revoked.jsonl }", edit=edit)
        self.browser = Browser(folder, folder / "tls.crt")

    def at(self, host, path, scheme="https"):
        return f"{scheme}://{host}:{self.gate.proxy}{path}"

    def page(self, host):
        """A new page of this host, which the gate serves to anyone."""
        assert self.browser.do(host, "open", url=self.at(host, "/page")) == 200

    def sign_in(self, **more):
        """What a sign-in would do: a cookie for all of example.com that no script reads. Its token's `jti` is the answer."""
        jti = f"browser-{time.monotonic_ns()}"
        token = mint.pool_token(self.key, jti=jti, **more)
        self.gate.tokens.add(token)
        self.browser.cookie(
            name="session", value=token, domain=".example.com", path="/", secure=True, httpOnly=True, sameSite="Strict"
        )
        return jti

    def connect(self, page, protocols=("chat",)):
        return self.browser.do(page, "connect", url=self.at("api.example.com", "/chat", "wss"), protocols=protocols)

    def speak_http2(self, page):
        """Has the page ask, as pages do, over a connection that is then there."""
        url = self.at("api.example.com", "/api/orders")
        assert self.browser.do(page, "ask", url=url, credentials="include")["status"] == 200
        assert self.browser.do(page, "protocol", url=url) == "h2"

    def decisions(self, route):
        """Of this route, in order: the method, which is `CONNECT` for a WebSocket in HTTP/2 (RFC 8441), and what became of it."""
        lines = [line for line in self.gate.printed().splitlines() if line.startswith('{"time"')]
        records = [record for record in map(json.loads, lines) if record["route"] == route]
        return [(record["method"], record["reason"]) for record in records]

    def decided(self, route, *expected):
        """These are the last decisions, as soon as the log has them."""
        deadline = time.monotonic() + 5
        while self.decisions(route)[-len(expected) :] != list(expected):
            assert time.monotonic() < deadline, self.decisions(route)
            time.sleep(0.02)


@pytest.fixture
def scene(serve, key, backend, tmp_path):
    echo = Echo()
    scene = None
    try:
        scene = Scene(serve, key, tmp_path, backend, echo)
        yield scene
    finally:
        if scene:
            scene.browser.close()
        echo.close()


def test_a_websocket_in_either_http(scene):
    do, page = scene.browser.do, "app.example.com"
    scene.page(page)
    scene.sign_in()
    # A browser that has no connection of HTTP/2 to that host makes one of HTTP/1.1; where it has, it takes a stream.
    for method in ["GET", "CONNECT"]:
        assert scene.connect(page, protocols=["other", "chat"]) == {"open": True, "protocol": "chat"}
        for text in ["hello", "", "ü" * 100_000]:
            assert do(page, "say", text=text) == text
        assert do(page, "say", bytes=3 << 20) == {"bytes": 3 << 20, "sum": 7 * (3 << 20)}
        ended = do(page, "closed", code=3001, reason="enough")
        assert ended == {"open": False, "code": 3001, "reason": "enough", "wasClean": True, "errors": 0}
        scene.decided("chat", (method, "valid_token"))
        scene.speak_http2(page)
    # The backend can end it, too.
    assert scene.connect(page)["open"]
    do(page, "send", text="close")
    assert do(page, "closed") == {"open": False, "code": 4001, "reason": "as you like", "wasClean": True, "errors": 0}
    assert len(scene.echo.heads) == 3
    for path, head in scene.echo.heads:
        head = {name.lower(): value for name, value in head.items()}
        assert path == "/chat" and head["x-poolgate-subject"] == mint.SUBJECT
        # The cookie was the gate's to read.
        assert "cookie" not in head, head


def test_who_may_not_is_told_nothing(scene):
    # Nobody has signed in; then a page of another site, to which no cookie goes; one of the same; a token that has expired.
    scene.page("app.example.com")
    assert scene.connect("app.example.com") == REFUSED
    scene.sign_in()
    for page in ["www.example.org", "other.example.com"]:
        scene.page(page)
        assert scene.connect(page) == REFUSED
    scene.sign_in(seconds=-1)
    assert scene.connect("app.example.com") == REFUSED
    assert scene.echo.heads == []
    expected = ["missing_token", "missing_token", "origin_not_allowed", "expired"]
    scene.decided("chat", *[("GET", reason) for reason in expected])
    # The host's own pages need not be named.
    scene.sign_in()
    scene.page("api.example.com")
    assert scene.connect("api.example.com")["open"]


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_a_websocket_ends_with_its_token(scene, version):
    do, page = scene.browser.do, "app.example.com"
    scene.page(page)
    for reason in ["expired", "token_revoked"]:
        jti = scene.sign_in(seconds=4 if reason == "expired" else 600)
        if version == "2":
            scene.speak_http2(page)
        assert scene.connect(page)["open"]
        assert do(page, "say", text="hello") == "hello"
        if reason == "token_revoked":
            scene.revoked.write_text(json.dumps({"jti": jti}) + "\n")
        began = time.monotonic()
        assert do(page, "closed").items() >= BROKEN.items()
        assert time.monotonic() - began < 10
        # And there is no other.
        assert scene.connect(page) == REFUSED
        method = "GET" if version == "1.1" else "CONNECT"
        scene.decided("chat", (method, "valid_token"), (method, reason))


def test_pages_of_other_origins(scene):
    do, url = scene.browser.do, scene.at("api.example.com", "/api/orders")
    scene.sign_in()
    for page in ["app.example.com", "other.example.com"]:
        scene.page(page)
    # What needs no preflight, what needs one, and what the route doesn't allow.
    seen = do("app.example.com", "ask", url=url, credentials="include")
    assert seen["status"] == 200 and len(seen["headers"]["x-poolgate-decision-id"]) == 32
    wanted = {"x-wanted": "1", "content-type": "application/json"}
    seen = do("app.example.com", "ask", url=url, method="PUT", body="{}", credentials="include", headers={"x-wanted": "1"})
    assert seen["status"] == 200 and json.loads(seen["body"])["method"] == "PUT"
    before = scene.backend.count()
    for more in [{"method": "DELETE"}, {"headers": {"x-unwanted": "1"}}, {"method": "PUT", "headers": wanted}]:
        assert do("app.example.com", "ask", url=url, credentials="include", **more) == {"failed": "TypeError"}
    scene.decided("api", *[("OPTIONS", f"cors_{what}_not_allowed") for what in ["method", "header", "header"]])
    # A denial can be read by the pages that may call: this one has no cookie with it.
    seen = do("app.example.com", "ask", url=url, credentials="omit")
    assert (seen["status"], json.loads(seen["body"])["reason"]) == (401, "missing_token")
    # Another's page changes nothing, and reads nothing.
    assert do("other.example.com", "ask", url=url, method="PUT", credentials="include") == {"failed": "TypeError"}
    assert do("other.example.com", "ask", url=url, method="POST", body="x", credentials="include") == {"failed": "TypeError"}
    scene.decided("api", ("OPTIONS", "cors_origin_not_allowed"), ("POST", "origin_not_allowed"))
    assert scene.backend.count() == before
    assert do("other.example.com", "ask", url=url, credentials="include") == {"failed": "TypeError"}


def test_events_until_the_token_ends(scene):
    do, page = scene.browser.do, "app.example.com"
    scene.page(page)
    url = scene.at("api.example.com", "/api/events/1000")
    assert do(page, "events", url=url, count=3) == {"events": [], "end": "refused"}
    scene.sign_in()
    assert do(page, "events", url=url, count=3) == {"events": ["0", "1", "2"], "end": "enough"}
    scene.sign_in(seconds=4)
    seen = do(page, "events", url=url, count=1000)
    assert seen["end"] == "broken off" and seen["events"][0] == "0" and len(seen["events"]) < 900
