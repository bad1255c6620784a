"""gRPC through the proxy: Python's own client and server, all four kinds of calls, over TLS and in clear."""

import concurrent.futures
import queue
import threading
import time

import grpc
import pytest

import mint
from account import TOKEN_ONLY, over_tls, route
from charts import certificate
from gate import until

SERVICE = "interop.Echo"
DETAILS = b"\x08\x05\x12\x07details"


def plain(value):
    return value


class Echo(grpc.GenericRpcHandler):
    """Answers in capitals; bytes for messages. What was asked of it is kept."""

    def __init__(self):
        self.calls, self.ended = [], threading.Event()

    def service(self, details):
        self.calls.append((details.method, dict(details.invocation_metadata)))
        name = details.method.rpartition("/")[2]
        make = {
            "Unary": grpc.unary_unary_rpc_method_handler,
            "Fail": grpc.unary_unary_rpc_method_handler,
            "Server": grpc.unary_stream_rpc_method_handler,
            "Watch": grpc.unary_stream_rpc_method_handler,
            "Silent": grpc.unary_stream_rpc_method_handler,
            "Client": grpc.stream_unary_rpc_method_handler,
            "Both": grpc.stream_stream_rpc_method_handler,
        }.get(name)
        return make and make(getattr(self, name.lower()), plain, plain)

    def unary(self, message, context):
        context.send_initial_metadata([("x-first", "1"), ("x-poolgate-role", "the backend's")])
        context.set_trailing_metadata([("x-last", "2"), ("x_odd.name", "3"), ("x-bin", b"\x00\xff"), ("x-poolgate-role", "4")])
        return message.upper()

    def fail(self, message, context):
        context.set_trailing_metadata([("grpc-status-details-bin", DETAILS)])
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not yet, nicht möglich")

    def server(self, message, context):
        for number in range(int(message)):
            yield b"%d" % number

    def watch(self, message, context):
        context.add_callback(self.ended.set)
        yield b"begun"
        while not self.ended.wait(0.05):
            pass

    def silent(self, message, context):
        """Doesn't even begin to answer."""
        context.add_callback(self.ended.set)
        self.ended.wait(20)
        yield b"too late"

    def client(self, messages, context):
        return b",".join(messages)

    def both(self, messages, context):
        context.add_callback(self.ended.set)
        for message in messages:
            yield message.upper()


def started(handler, port=0, workers=8):
    """A server of these calls, and its port."""
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(workers))
    server.add_generic_rpc_handlers([handler])
    handler.port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server


@pytest.fixture
def echo():
    handler = Echo()
    server = started(handler)
    yield handler
    server.stop(0).wait(5)


@pytest.fixture(params=["clear", "tls"])
def gate(request, serve, echo, tmp_path):
    certificate(tmp_path)
    return served(serve, echo, over_tls if request.param == "tls" else plain, request.param)


def served(serve, echo, edit=plain, how="clear", engines=TOKEN_ONLY):
    lines = route("calls", f"/{SERVICE}/", f"http://127.0.0.1:{echo.port}", engines)
    gate = serve(lines.replace('" }\n', '", http2: true }\n'), edit=edit)
    gate.scheme = "https" if how == "tls" else "http"
    return gate


def channel(gate, folder):
    if gate.scheme == "https":
        trust = grpc.ssl_channel_credentials((folder / "tls.crt").read_bytes())
        return grpc.secure_channel(f"localhost:{gate.proxy}", trust)
    return grpc.insecure_channel(f"127.0.0.1:{gate.proxy}")


def bearer(gate, token):
    gate.tokens.add(token)
    return [("authorization", f"Bearer {token}")]


def test_unary_with_metadata_both_ways(gate, echo, key, tmp_path):
    with channel(gate, tmp_path) as wire:
        ask = wire.unary_unary(f"/{SERVICE}/Unary", plain, plain)
        said = [*bearer(gate, mint.pool_token(key)), ("x-asked", "a"), ("x-asked-bin", b"\x01\xfe")]
        answer, call = ask.with_call(b"hello", metadata=said, timeout=10)
        assert answer == b"HELLO"
        first, last = dict(call.initial_metadata()), dict(call.trailing_metadata())
        assert first["x-first"] == "1" and len(first["x-poolgate-decision-id"]) == 32 and "x-poolgate-role" not in first
        assert last == {"x-last": "2", "x_odd.name": "3", "x-bin": b"\x00\xff"}
    _, seen = echo.calls[0]
    assert seen["x-asked"] == "a" and seen["x-asked-bin"] == b"\x01\xfe"
    assert seen["x-poolgate-subject"] == mint.SUBJECT and seen["x-poolgate-decision-id"] == first["x-poolgate-decision-id"]


def test_errors_of_the_backend_arrive_whole(gate, echo, key, tmp_path):
    with channel(gate, tmp_path) as wire, pytest.raises(grpc.RpcError) as failed:
        wire.unary_unary(f"/{SERVICE}/Fail", plain, plain)(b"x", metadata=bearer(gate, mint.pool_token(key)), timeout=10)
    assert failed.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert failed.value.details() == "not yet, nicht möglich"
    assert dict(failed.value.trailing_metadata())["grpc-status-details-bin"] == DETAILS
    with channel(gate, tmp_path) as wire, pytest.raises(grpc.RpcError) as failed:
        wire.unary_unary(f"/{SERVICE}/Missing", plain, plain)(b"x", metadata=bearer(gate, mint.pool_token(key)), timeout=10)
    assert failed.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_streams_of_either_side(gate, echo, key, tmp_path):
    said = bearer(gate, mint.pool_token(key))
    with channel(gate, tmp_path) as wire:
        answers = wire.unary_stream(f"/{SERVICE}/Server", plain, plain)(b"500", metadata=said, timeout=20)
        assert list(answers) == [b"%d" % number for number in range(500)]
        ask = wire.stream_unary(f"/{SERVICE}/Client", plain, plain)
        assert ask(iter([b"a", b"b", b"c"]), metadata=said, timeout=10) == b"a,b,c"
        # Larger than any window.
        large = b"x" * (3 << 20)
        assert len(ask(iter([large]), metadata=said, timeout=20)) == len(large)


def test_both_sides_speak_in_turns(gate, echo, key, tmp_path):
    """Each message is answered before the next is sent: nobody waits for the end of a body."""
    messages = queue.Queue()
    with channel(gate, tmp_path) as wire:
        ask = wire.stream_stream(f"/{SERVICE}/Both", plain, plain)
        answers = ask(iter(messages.get, None), metadata=bearer(gate, mint.pool_token(key)), timeout=20)
        for number in range(20):
            messages.put(b"a%d" % number)
            assert next(answers) == b"A%d" % number
        messages.put(None)
        assert list(answers) == []
        assert answers.code() == grpc.StatusCode.OK


def test_many_calls_at_a_time(gate, echo, key, tmp_path):
    said = bearer(gate, mint.pool_token(key))
    with channel(gate, tmp_path) as wire:
        ask = wire.unary_unary(f"/{SERVICE}/Unary", plain, plain)
        calls = [ask.future(b"m%d" % number, metadata=said, timeout=30) for number in range(500)]
        assert [call.result() for call in calls] == [b"M%d" % number for number in range(500)]


def test_denials_speak_grpc(serve, echo, key, tmp_path):
    certificate(tmp_path)
    gate = served(serve, echo, over_tls, "tls", "{ iam: enforce, cedar: off }")
    with channel(gate, tmp_path) as wire:
        ask = wire.unary_unary(f"/{SERVICE}/Unary", plain, plain)
        for metadata, code in [
            ([], grpc.StatusCode.UNAUTHENTICATED),
            ([("authorization", "Bearer a.b.c")], grpc.StatusCode.UNAUTHENTICATED),
            (bearer(gate, mint.pool_token(key, groups=["readers"])), grpc.StatusCode.PERMISSION_DENIED),
        ]:
            with pytest.raises(grpc.RpcError) as failed:
                ask(b"x", metadata=metadata, timeout=10)
            assert failed.value.code() == code, failed.value
            told = dict(failed.value.initial_metadata()) | dict(failed.value.trailing_metadata())
            assert len(told["x-poolgate-decision-id"]) == 32
            assert ("www-authenticate" in told) == (code == grpc.StatusCode.UNAUTHENTICATED)
        other = wire.unary_unary("/elsewhere.Service/Method", plain, plain)
        with pytest.raises(grpc.RpcError) as failed:
            other(b"x", metadata=bearer(gate, mint.pool_token(key)), timeout=10)
        assert failed.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert echo.calls == []


def test_a_backend_that_is_gone_is_unavailable(serve, echo, key, tmp_path):
    gate = served(serve, type("Gone", (), {"port": 1}))
    with channel(gate, tmp_path) as wire, pytest.raises(grpc.RpcError) as failed:
        wire.unary_unary(f"/{SERVICE}/Unary", plain, plain)(b"x", metadata=bearer(gate, mint.pool_token(key)), timeout=10)
    assert failed.value.code() == grpc.StatusCode.UNAVAILABLE


def test_a_backend_that_restarts_is_found_again(serve, key, tmp_path):
    handler = Echo()
    server = started(handler)
    gate = served(serve, handler)
    said = bearer(gate, mint.pool_token(key))
    with channel(gate, tmp_path) as wire:
        ask = wire.unary_unary(f"/{SERVICE}/Unary", plain, plain)
        for _ in range(3):
            assert ask(b"hello", metadata=said, timeout=10) == b"HELLO"
            server.stop(1).wait(5)
            server = started(handler, handler.port)
        assert ask(b"hello", metadata=said, timeout=10) == b"HELLO"
    server.stop(0).wait(5)


@pytest.mark.parametrize("kind", ["Watch", "Both"])
def test_a_stream_ends_with_its_token(gate, echo, key, tmp_path, kind):
    sent = threading.Event()
    said = bearer(gate, mint.pool_token(key, seconds=3))

    def messages():
        yield b"begun"
        sent.wait(20)

    with channel(gate, tmp_path) as wire:
        if kind == "Watch":
            answers = wire.unary_stream(f"/{SERVICE}/Watch", plain, plain)(b"", metadata=said, timeout=20)
        else:
            answers = wire.stream_stream(f"/{SERVICE}/Both", plain, plain)(messages(), metadata=said, timeout=20)
        assert next(answers).lower() == b"begun"
        start = time.monotonic()
        with pytest.raises(grpc.RpcError) as failed:
            next(answers)
        assert failed.value.code() == grpc.StatusCode.UNAUTHENTICATED
        assert "expired" in failed.value.details()
        assert time.monotonic() - start < 5
        # The backend is told, too.
        assert echo.ended.wait(5)
        sent.set()


def test_a_call_without_an_answer_ends_with_its_token(serve, echo, key, tmp_path):
    gate = served(serve, echo)
    said, start = bearer(gate, mint.pool_token(key, seconds=2)), time.monotonic()
    with channel(gate, tmp_path) as wire, pytest.raises(grpc.RpcError) as failed:
        next(wire.unary_stream(f"/{SERVICE}/Silent", plain, plain)(b"", metadata=said, timeout=20))
    assert failed.value.code() == grpc.StatusCode.UNAUTHENTICATED
    assert time.monotonic() - start < 5
    assert echo.ended.wait(5)


def test_a_call_that_its_caller_cancels_is_cancelled_at_the_backend(gate, echo, key, tmp_path):
    with channel(gate, tmp_path) as wire:
        said = bearer(gate, mint.pool_token(key))
        answers = wire.unary_stream(f"/{SERVICE}/Watch", plain, plain)(b"", metadata=said, timeout=20)
        assert next(answers) == b"begun"
        answers.cancel()
        assert echo.ended.wait(5)
    until("nothing in flight", 5, lambda: b"poolgate_requests_in_flight 0\n" in metrics(gate))


def metrics(gate):
    from gate import call

    return call(gate.admin, "GET", "/metrics").body
