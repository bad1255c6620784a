"""WebSockets through the proxy with Python's `websockets`, in clear and over TLS, and RFC 8441 with `h2`."""

import asyncio
import ssl
import threading
import time

import pytest
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.sync.server import serve as serve_websockets

import mint
from account import TOKEN_ONLY, over_tls, route
from charts import certificate
from frames import Caller, request


class Echo:
    """A backend that sends back what it gets, and keeps the heads of its handshakes."""

    def __init__(self):
        self.heads = []
        self.server = serve_websockets(self.serve, "127.0.0.1", 0, subprotocols=["chat"], compression="deflate", max_size=None)
        self.port = self.server.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def serve(self, socket):
        self.heads.append((socket.request.path, dict(socket.request.headers)))
        for message in socket:
            if message == "close":
                socket.close(4001, "as you like")
            socket.send(message)

    def close(self):
        self.server.shutdown()
        self.thread.join(10)


@pytest.fixture
def echo():
    echo = Echo()
    yield echo
    echo.close()


def open_socket(gate, token, folder, path="/chat?room=1"):
    """From one thread alone: in two, Python's TLS may lose what is written while it reads."""
    trust = ssl.create_default_context(cafile=folder / "tls.crt") if gate.scheme == "https" else None
    scheme = "wss" if trust else "ws"
    gate.tokens.add(token)
    headers = {"Authorization": f"Bearer {token}"}
    return connect_async(f"{scheme}://localhost:{gate.proxy}{path}", additional_headers=headers, ssl=trust,
        subprotocols=["chat"], max_size=None, proxy=None)  # fmt: skip


async def answer(socket, seconds=20):
    return await asyncio.wait_for(socket.recv(), seconds)


@pytest.fixture(params=["ws", "wss"])
def gate(request, serve, echo, tmp_path):
    certificate(tmp_path)
    edit = over_tls if request.param == "wss" else lambda text: text
    gate = serve(route("chat", "/", f"http://127.0.0.1:{echo.port}", TOKEN_ONLY), edit=edit)
    gate.scheme = "https" if request.param == "wss" else "http"
    return gate


def test_messages_of_any_size_both_ways(gate, echo, key, tmp_path):
    async def run():
        async with open_socket(gate, mint.pool_token(key), tmp_path) as socket:
            assert socket.subprotocol == "chat"
            assert len(socket.response.headers["x-poolgate-decision-id"]) == 32
            for message in ["hello", "", b"\x00\xff" * 5, "x" * (1 << 20), b"y" * (4 << 20)]:
                await socket.send(message)
                assert await answer(socket) == message
            await asyncio.wait_for(await socket.ping(), 5)

    asyncio.run(run())
    path, head = echo.heads[0]
    head = {name.lower(): value for name, value in head.items()}
    assert path == "/chat?room=1" and head["x-poolgate-subject"] == mint.SUBJECT


def test_the_end_is_the_backends(gate, echo, key, tmp_path):
    async def run():
        async with open_socket(gate, mint.pool_token(key), tmp_path) as socket:
            await socket.send("close")
            with pytest.raises(ConnectionClosed) as closed:
                await answer(socket)
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "as you like")

    asyncio.run(run())


def test_many_at_a_time(gate, echo, key, tmp_path):
    async def one(token, number):
        async with open_socket(gate, token, tmp_path) as socket:
            for round in range(3):
                await socket.send(f"{round} to {number}")
                assert await answer(socket) == f"{round} to {number}"
                await asyncio.sleep(0.2)

    async def run():
        token = mint.pool_token(key)
        await asyncio.gather(*[one(token, number) for number in range(60)])

    asyncio.run(run())


def test_who_may_not_is_told_so_in_http(gate, echo, key, tmp_path):
    async def run(token):
        async with open_socket(gate, token, tmp_path):
            pass

    for token in ["a.b.c", mint.pool_token(key, seconds=-1)]:
        with pytest.raises(InvalidStatus) as refused:
            asyncio.run(run(token))
        assert refused.value.response.status_code == 401
    assert echo.heads == []


def test_it_ends_with_its_token(gate, echo, key, tmp_path):
    async def run():
        async with open_socket(gate, mint.pool_token(key, seconds=2), tmp_path) as socket:
            start = time.monotonic()
            with pytest.raises(ConnectionClosed):
                await answer(socket)
            assert time.monotonic() - start < 5

    asyncio.run(run())


def test_a_cookie_needs_the_pages_origin(serve, echo, key, tmp_path):
    more = "token: { cookie: session, origins: [https://app.example.com] }"
    gate = serve(route("chat", "/", f"http://127.0.0.1:{echo.port}", TOKEN_ONLY, more))
    cookie = {"Cookie": f"session={mint.pool_token(key)}; theme=dark"}
    url = f"ws://localhost:{gate.proxy}/chat"
    for origin in (None, "https://evil.example"):
        with pytest.raises(InvalidStatus) as refused, connect(url, additional_headers=cookie, origin=origin, subprotocols=["chat"], proxy=None):
            pass
        assert refused.value.response.status_code == 403
    assert echo.heads == []
    with connect(url, additional_headers=cookie, origin="https://app.example.com", subprotocols=["chat"], proxy=None) as socket:
        socket.send("hello")
        assert socket.recv(timeout=5) == "hello"
    _, head = echo.heads[0]
    assert {name.lower(): value for name, value in head.items()}["cookie"] == "theme=dark"


def test_rfc_8441(serve, echo, key):
    gate = serve(route("chat", "/", f"http://127.0.0.1:{echo.port}", TOKEN_ONLY))
    token = mint.pool_token(key)
    with Caller(gate.proxy) as caller:
        fields = request(token, "CONNECT", "/chat", protocol="websocket", more=[("sec-websocket-version", "13"), ("sec-websocket-protocol", "chat")])
        caller.send(caller.headers(fields, end=False))
        caller.read(until=lambda c: 1 in c.answers)
        answer = caller.answers[1]
        assert answer.status == 200 and answer.header("sec-websocket-protocol") == "chat", answer
        assert not answer.all("sec-websocket-accept") and not answer.all("upgrade") and not answer.all("connection")
        # A masked text frame, and the same back without its mask; then a close frame.
        hello = bytes([0x81, 0x85, 0, 0, 0, 0]) + b"hello"
        caller.send(len(hello).to_bytes(3, "big") + b"\x00\x00" + (1).to_bytes(4, "big") + hello)
        caller.read(until=lambda c: c.answers[1].body.endswith(b"hello"))
        assert caller.answers[1].body == b"\x81\x05hello"
        close = bytes([0x88, 0x82, 0, 0, 0, 0]) + (1000).to_bytes(2, "big")
        caller.send(len(close).to_bytes(3, "big") + b"\x00\x00" + (1).to_bytes(4, "big") + close)
        assert caller.read() and caller.ended == {1}
        assert caller.answers[1].body.startswith(b"\x81\x05hello\x88\x02")
    assert echo.heads[0][0] == "/chat"
