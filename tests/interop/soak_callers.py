"""The callers of the soak, those who mean well: each does one thing with one real client, and fails where the answer is wrong."""

import contextlib
import hashlib
import http.client
import json
import queue
import random
import time

import grpc

from asking import Asker, told
from frames import DATA, END_STREAM, RST_STREAM, Caller, frame, request
from gate import send, until
from test_grpc import SERVICE, plain

MIB = 1 << 20
# For whatever is waited for on a machine that has other things to do.
PATIENCE = 60


def subject_of(echoed):
    """Who the backend was told it is."""
    found = [value for name, value in echoed["headers"] if name.lower() == "x-poolgate-subject"]
    assert len(found) == 1, found
    return found[0]


def expect(answer, status, what):
    assert answer.status == status, f"{what}: {answer.status} {answer.fields} {answer.body[:300]}"
    assert answer.header("x-poolgate-decision-id"), what


class Wire:
    """An HTTP/1.1 connection over TLS."""

    def __init__(self, place):
        self.place = place
        self.connection = http.client.HTTPSConnection("localhost", place.gate.proxy, timeout=PATIENCE, context=place.trust)

    def ask(self, method, target, token=None, headers=None, body=None):
        fields = {**(headers or {}), **({"Authorization": f"Bearer {token}"} if token else {})}
        return send(self.connection, method, target, fields, body)

    def close(self):
        self.connection.close()


class Kept(Wire):
    """Requests over a connection that is kept, each of somebody else."""

    def round(self):
        subject, token = self.place.any_token()
        number = random.randrange(1000)
        answer = self.ask("GET", f"/api/orders/{number}?x=1", token)
        expect(answer, 200, "an order")
        assert subject_of(answer.json()) == subject, "somebody else's name"
        size = random.choice([0, 1, 1000, 100_000, MIB])
        answer = self.ask("GET", f"/api/bytes/{size}", token)
        expect(answer, 200, "bytes")
        assert len(answer.body) == size
        subject, token = self.place.token("bob") if number < 30 else self.place.writer
        body = random.randbytes(random.choice([0, 10, 5000, 300_000]))
        answer = self.ask("POST", f"/api/orders/{number}", token, body=body)
        expect(answer, 200, "a new order")
        seen = answer.json()
        assert subject_of(seen) == subject and seen["sha256"] == hashlib.sha256(body).hexdigest()
        expect(self.ask("HEAD", f"/api/orders/{number}", token), 403, "HEAD, which only GET's permission doesn't allow")
        if number < 100:
            self.close()


class Streams:
    """Several streams of a connection of HTTP/2, each of somebody else; some are given up."""

    def __init__(self, place):
        self.place, self.caller, self.next = place, Caller(place.gate.proxy, trust=place.trust_http2), 1

    def round(self):
        caller, asked = self.caller, {}
        for _ in range(6):
            stream, self.next = self.next, self.next + 2
            subject, token = self.place.writer if random.random() < 0.4 else self.place.any_token()
            how = {"authority": f"localhost:{self.place.gate.proxy}", "scheme": "https"}
            if (subject, token) == self.place.writer:
                body = random.randbytes(random.randrange(8000))
                more = [("content-length", str(len(body)))]
                fields = request(token, "PUT", f"/api/orders/{stream}", more, **how)
                caller.send(caller.headers(fields, stream, end=False), frame(DATA, END_STREAM, stream, body))
            elif random.random() < 0.15:
                caller.send(caller.headers(request(token, path="/api/slow/200", **how), stream))
                caller.send(frame(RST_STREAM, 0, stream, bytes(3) + b"\x08"))
                continue
            else:
                body = b""
                caller.send(caller.headers(request(token, path=f"/api/orders/{stream}", **how), stream))
            asked[stream] = subject, body
        lives = caller.read(PATIENCE, until=lambda c: set(asked) <= c.ended or c.goaway is not None or set(asked) & set(c.reset))
        assert set(asked) <= caller.ended, f"goes on: {lives}, reset: {caller.reset}, GOAWAY: {caller.goaway}, {len(caller.ended)} ended"
        for stream, (subject, body) in asked.items():
            answer = caller.answers.pop(stream)
            expect(answer, 200, "a stream")
            seen = answer.json()
            assert subject_of(seen) == subject and seen["sha256"] == hashlib.sha256(body).hexdigest()
        if self.next > 300:
            caller.close()
            self.__init__(self.place)

    def close(self):
        self.caller.close()


class Calls:
    """gRPC: all four kinds, denials, and calls that are cancelled."""

    def __init__(self, place):
        trust = grpc.ssl_channel_credentials((place.folder / "tls.crt").read_bytes())
        # Otherwise all channels of this process share one connection.
        options = [("grpc.use_local_subchannel_pool", 1)]
        self.place, self.count = place, 0
        self.channel = grpc.secure_channel(f"localhost:{place.gate.proxy}", trust, options)

    def bearer(self):
        return [("authorization", f"Bearer {self.place.any_token()[1]}")]

    def round(self):
        wire, how = self.channel, {"metadata": self.bearer(), "timeout": PATIENCE}
        assert wire.unary_unary(f"/{SERVICE}/Unary", plain, plain)(b"hello", **how) == b"HELLO"
        answers = wire.unary_stream(f"/{SERVICE}/Server", plain, plain)(b"50", **how)
        assert list(answers) == [b"%d" % number for number in range(50)]
        pieces = [random.randbytes(random.randrange(50_000)) for _ in range(5)]
        assert wire.stream_unary(f"/{SERVICE}/Client", plain, plain)(iter(pieces), **how) == b",".join(pieces)
        messages = queue.Queue()
        answers = wire.stream_stream(f"/{SERVICE}/Both", plain, plain)(iter(messages.get, None), **how)
        for number in range(5):
            messages.put(b"a%d" % number)
            assert next(answers) == b"A%d" % number
        if random.random() < 0.3:
            answers.cancel()
            messages.put(None)
        else:
            messages.put(None)
            assert list(answers) == [] and answers.code() == grpc.StatusCode.OK
        try:
            wire.unary_unary(f"/{SERVICE}/Unary", plain, plain)(b"x", timeout=PATIENCE)
            raise AssertionError("a call without a token has an answer")
        except grpc.RpcError as failed:
            assert failed.code() == grpc.StatusCode.UNAUTHENTICATED, failed
        self.count += 1
        if self.count % 20 == 0:
            self.channel.close()
            self.__init__(self.place)

    def close(self):
        self.channel.close()


class Events(Wire):
    """Server-sent events, read to their end or given up in between."""

    def round(self):
        _, token = self.place.any_token()
        count = random.choice([1, 10, 50])
        self.connection.request("GET", f"/api/events/{count}", headers={"Authorization": f"Bearer {token}", "Accept": "text/event-stream"})
        answer = self.connection.getresponse()
        assert answer.status == 200, answer.status
        if count == 50 and random.random() < 0.5:
            assert answer.readline() == b"data: 0\n"
            answer.close()
            return self.close()
        assert answer.read() == b"".join(b"data: %d\n\n" % number for number in range(count))


class Envoy:
    """Checks as Envoy asks them."""

    def __init__(self, place):
        self.place, self.asker, self.count = place, Asker(place.asked), 0

    def round(self):
        subject, token = self.place.any_token()
        answer = self.asker.check("GET", f"/api/orders/{self.count}", token, timeout=PATIENCE)
        assert answer.status.code == 0 and told(answer)["x-poolgate-subject"] == subject, answer
        _, reader = self.place.reader
        for code, method, path, asked in [(16, "GET", "/api/a", None), (7, "POST", "/api/orders/1", reader), (16, "GET", "/api/a", "a.b.c"), (7, "GET", "/nowhere", token)]:
            answer = self.asker.check(method, path, asked, timeout=PATIENCE)
            assert answer.status.code == code, (method, path, answer)
        self.count += 1
        if self.count % 50 == 0:
            self.close()
            self.asker = Asker(self.place.asked)

    def close(self):
        self.asker.close()


class Revoking:
    """A token that works and has a stream open, until it is on the list."""

    def __init__(self, place):
        self.place, self.listed = place, []

    def round(self):
        jti = f"soak-{random.getrandbits(64)}"
        _, token = self.place.token("alice", jti=jti)
        with contextlib.closing(Wire(self.place)) as wire, contextlib.closing(Wire(self.place)) as stream:
            expect(wire.ask("GET", "/api/orders/1", token), 200, "before")
            stream.connection.request("GET", "/api/events/6000", headers={"Authorization": f"Bearer {token}", "Accept": "text/event-stream"})
            answer = stream.connection.getresponse()
            assert answer.status == 200 and answer.readline() == b"data: 0\n"
            self.listed = [*self.listed[-50:], json.dumps({"jti": jti})]
            self.place.write(self.place.revoked, "".join(f"{line}\n" for line in self.listed))
            until("a revoked token to be refused", PATIENCE, lambda: wire.ask("GET", "/api/orders/1", token).status == 401)
            assert wire.ask("GET", "/api/orders/1", token).json()["reason"] == "token_revoked"
            began = time.monotonic()
            with contextlib.suppress(OSError, http.client.HTTPException):
                # Not `readline`, which takes what breaks off for an end.
                while answer.read1(10_000):
                    assert time.monotonic() - began < PATIENCE, "the stream goes on"
                raise AssertionError("the stream ended as if it were whole")

    def close(self):
        pass


class Reloading:
    """Reloads: of the same, of something else, and now and then of what is wrong and then mended."""

    def __init__(self, place):
        self.place, self.count = place, 0

    def round(self):
        self.count += 1
        if self.count % 2:
            self.place.another_role()
        if self.count % 5 == 0:
            self.place.another_role(broken=True)
            self.place.gate.reload()
            until("word of the bad reload", PATIENCE, lambda: self.place.metric("poolgate_reload_failed") == 1)
            self.place.another_role()
        before = self.place.metric("poolgate_generation")
        self.place.gate.reload()
        until("the next generation", PATIENCE, lambda: self.place.metric("poolgate_generation") > before)
        assert self.place.metric("poolgate_reload_failed") == 0

    def close(self):
        pass
