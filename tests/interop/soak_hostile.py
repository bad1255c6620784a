"""The callers of the soak that are refused, aren't understood, or go away."""

import http.client
import random
import socket
import struct
import time

from soak_callers import MIB, PATIENCE, Wire, expect


def connected(place):
    return socket.create_connection(("127.0.0.1", place.gate.proxy), timeout=PATIENCE)


def opened(place):
    """A connection with TLS, to write on what one likes."""
    wire = connected(place)
    try:
        return place.trust.wrap_socket(wire, server_hostname="localhost")
    except BaseException:
        wire.close()
        raise


def head(place, line, *fields, token=None):
    lines = [line, f"Host: localhost:{place.gate.proxy}", *([f"Authorization: Bearer {token}"] if token else []), *fields]
    return "".join(f"{each}\r\n" for each in lines).encode("latin-1") + b"\r\n"


class Refused:
    """What is denied, and what is no HTTP: each has an answer that says so."""

    DENIED = [
        (401, "GET", "/api/orders/1", "nobody"),
        (401, "GET", "/api/orders/1", "forged"),
        (401, "GET", "/api/orders/1", "expired"),
        (403, "POST", "/api/orders/1", "reader"),
        (403, "GET", "/nowhere", "reader"),
        (400, "GET", "/api/a%2Fb", "reader"),
        (403, "GET", "/demo/secret/plans.txt", "reader"),
        (403, "PUT", "/demo/public/x", "nobody"),
    ]
    MALFORMED = [
        ("GET /api/a HTTP/1.1", "Host: other"),
        ("POST /api/orders/1 HTTP/1.1", "Content-Length: 5", "Transfer-Encoding: chunked"),
        ("POST /api/orders/1 HTTP/1.1", "Content-Length: 5", "Content-Length: 6"),
        ("POST /api/orders/1 HTTP/1.1", "Transfer-Encoding: chunked, chunked"),
        ("GET /api/a b HTTP/1.1",),
        ("GET /api/a HTTP/1.1", "no colon"),
        ("GET /api/a HTTP/1.1", "X-A : b"),
        ("GET /api/a HTTP/1.1", *[f"X-{number}: {'y' * 1000}" for number in range(90)]),
        ("nonsense",),
    ]

    def __init__(self, place):
        self.place, self.wire = place, Wire(place)
        _, reader = place.reader
        _, expired = place.token("alice", exp=int(time.time()) - 60)
        self.tokens = {"nobody": None, "reader": reader, "expired": expired, "forged": reader[:-8] + "AAAAAAAA"}

    def round(self):
        status, method, target, who = random.choice(self.DENIED)
        answer = self.wire.ask(method, target, self.tokens[who])
        expect(answer, status, f"{method} {target} by {who}")
        lines = random.choice(self.MALFORMED)
        with opened(self.place) as wire:
            wire.sendall(head(self.place, *lines, token=self.tokens["reader"]))
            response = http.client.HTTPResponse(wire, method="GET")
            response.begin()
            assert 400 <= response.status < 500, (lines, response.status)

    def close(self):
        self.wire.close()


class Vanishing:
    """Callers that go away where it is least convenient, half of them with a reset."""

    def __init__(self, place):
        self.place = place

    def round(self):
        where = random.choice([name for name in dir(self) if name.startswith("in_")])
        wire = connected(self.place) if where == "in_the_handshake" else opened(self.place)
        try:
            getattr(self, where)(wire, self.place.writer[1])
            if random.random() < 0.5:
                wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        finally:
            wire.close()

    def in_the_handshake(self, wire, token):
        wire.sendall(b"\x16\x03\x01\x02\x00\x01")

    def in_the_head(self, wire, token):
        wire.sendall(head(self.place, "GET /api/a HTTP/1.1", token=token)[:-7])

    def in_the_body(self, wire, token):
        wire.sendall(head(self.place, "POST /api/orders/1 HTTP/1.1", f"Content-Length: {MIB}", token=token) + bytes(100_000))

    def in_a_chunk(self, wire, token):
        wire.sendall(head(self.place, "POST /api/orders/1 HTTP/1.1", "Transfer-Encoding: chunked", token=token) + b"fff\r\nabc")

    def in_the_wait(self, wire, token):
        wire.sendall(head(self.place, "GET /api/slow/500 HTTP/1.1", token=token))
        time.sleep(0.1)

    def in_the_answer(self, wire, token):
        wire.sendall(head(self.place, f"GET /api/bytes/{8 * MIB} HTTP/1.1", token=token))
        wire.recv(10_000)

    def in_the_events(self, wire, token):
        wire.sendall(head(self.place, "GET /api/events/500 HTTP/1.1", "Accept: text/event-stream", token=token))
        wire.recv(10_000)

    def in_the_upgrade(self, wire, token):
        wire.sendall(head(self.place, "GET /chat/gone HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket",
            "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", token=token))  # fmt: skip
        wire.recv(10_000)

    def in_an_upload(self, wire, token):
        target = f"/demo/{self.place.people.home('bob').replace(':', '%3A')}gone"
        wire.sendall(head(self.place, f"PUT {target} HTTP/1.1", f"Content-Length: {8 * MIB}", token=token) + bytes(200_000))

    def close(self):
        pass
