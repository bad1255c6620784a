"""Tools that have no proto files: they learn from the gate what they may ask, as grpcurl and k6 do."""

import contextlib
import queue

import grpc
import pytest
from google.protobuf import descriptor_pool, json_format, message_factory
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from account import TOKEN_ONLY, route
from asking import IDENTITY, Asker, told
from gate import free_port

AUTHORIZATION = "envoy.service.auth.v3.Authorization"
SERVICES = {
    AUTHORIZATION,
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
}
VERSIONS = ("v1", "v1alpha")
Request = reflection_pb2.ServerReflectionRequest
Response = reflection_pb2.ServerReflectionResponse


@pytest.fixture
def channel(demo):
    with grpc.insecure_channel(f"127.0.0.1:{demo.ext_authz}") as channel:
        yield channel


class Conversation:
    """A stream of requests, each sent when the answer to the last one has been read."""

    def __init__(self, channel, version, timeout=10):
        self.requests = queue.Queue()
        # The messages of both versions are the same.
        method = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
        call = channel.stream_stream(method, Request.SerializeToString, Response.FromString)
        self.answers = call(iter(self.requests.get, None), timeout=timeout)

    def ask(self, **request):
        self.requests.put(Request(**request))
        return next(self.answers)

    def end(self):
        self.requests.put(None)
        return list(self.answers)


class Reflected:
    """What the gate tells of itself."""

    def __init__(self, channel):
        self.channel = channel
        self.pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))

    def call(self, service, method, request):
        """Calls a method with JSON, and reads the answer into JSON."""
        method = self.pool.FindServiceByName(service).FindMethodByName(method)
        asked = message_factory.GetMessageClass(method.input_type)
        answer = message_factory.GetMessageClass(method.output_type)
        path = f"/{service}/{method.name}"
        call = self.channel.unary_unary(path, asked.SerializeToString, answer.FromString)
        message = json_format.ParseDict(request, asked(), descriptor_pool=self.pool)
        return json_format.MessageToDict(call(message, timeout=10), descriptor_pool=self.pool)


def question(token):
    return {
        "attributes": {
            "source": {"address": {"socketAddress": {"address": "127.0.0.1"}}},
            "request": {
                "http": {
                    "method": "GET",
                    "path": "/api/orders/1",
                    "host": "127.0.0.1",
                    "scheme": "http",
                    "protocol": "HTTP/1.1",
                    "headers": {"authorization": f"Bearer {token}", "x-poolgate-extra": "1"},
                }
            },
            "contextExtensions": {"poolgate.route": "api"},
        }
    }


def test_check_without_proto_files(people, demo, channel):
    reflected = Reflected(channel)
    token = people.tokens("alice")["id"]
    answer = reflected.call(AUTHORIZATION, "Check", question(token))
    ok = answer["okResponse"]
    headers = {option["header"]["key"]: option["header"].get("value", "") for option in ok["headers"]}
    asker = Asker(demo.ext_authz)
    same = asker.check("GET", "/api/orders/1", token, {"x-poolgate-extra": "1"})
    asker.close()
    known = told(same)
    assert {name: headers[name] for name in IDENTITY} == {name: known[name] for name in IDENTITY}
    assert headers.keys() == known.keys()
    assert ok["headersToRemove"] == list(same.ok_response.headers_to_remove) == ["x-poolgate-extra"]
    assert {option["appendAction"] for option in ok["headers"]} == {"OVERWRITE_IF_EXISTS_OR_ADD"}
    # A Struct is printed as the JSON it stands for.
    facts = answer["dynamicMetadata"]
    assert (facts["reason"], facts["route"]) == ("allowed_by_policy", "api")
    assert facts["decision_id"] == headers["x-poolgate-decision-id"]

    denied = reflected.call(AUTHORIZATION, "Check", question("nonsense"))
    assert denied["status"]["code"] == 16
    assert denied["deniedResponse"]["status"] == {"code": "Unauthorized"}
    assert denied["dynamicMetadata"]["reason"] == "malformed"


def test_health_without_proto_files(channel):
    reflected = Reflected(channel)
    for service in ("", *SERVICES):
        assert reflected.call("grpc.health.v1.Health", "Check", {"service": service}) == {"status": "SERVING"}


def known_messages():
    """Those of the packages that others made: xds-protos, protobuf, grpcio-health-checking, grpcio-reflection."""
    from envoy.service.auth.v3 import external_auth_pb2  # noqa: F401

    return descriptor_pool.Default()


def fields(message, name=lambda full: full):
    """What makes a message's fields those they are."""

    def kind(field):
        if field.message_type is not None:
            return name(field.message_type.full_name)
        return field.enum_type.full_name if field.enum_type is not None else field.type

    return {
        field.number: (
            field.name,
            field.json_name,
            kind(field),
            field.is_repeated,
            field.containing_oneof.name if field.containing_oneof is not None else None,
        )
        for field in message.fields
    }


def everything(messages):
    for message in messages:
        yield message
        yield from everything(message.nested_types)


def files(channel):
    """Every file that the gate describes."""
    reflected = Reflected(channel)
    found = {}

    def add(file):
        if file.name not in found:
            found[file.name] = file
            for other in file.dependencies:
                add(other)

    for service in SERVICES:
        add(reflected.pool.FindServiceByName(service).file)
    return found


def test_describes_what_others_describe(channel):
    """Every name, number, type and oneof is that of the packages that are made from the real files."""
    known = known_messages()
    described = files(channel)
    assert len(described) == 10
    compared = 0
    for file in described.values():

        def real(name):
            return name.replace("grpc.reflection.v1.", "grpc.reflection.v1alpha.")

        for message in everything(file.message_types_by_name.values()):
            wanted = known.FindMessageTypeByName(real(message.full_name))
            here, there = fields(message, real), fields(wanted)
            assert here.items() <= there.items(), message.full_name
            assert message.GetOptions().map_entry == wanted.GetOptions().map_entry
            if file.package == "google.protobuf":
                assert here == there, message.full_name
            for enum in message.enum_types:
                other = known.FindEnumTypeByName(enum.full_name)
                assert {(v.name, v.number) for v in enum.values} == {(v.name, v.number) for v in other.values}
            compared += 1
        for enum in file.enum_types_by_name.values():
            other = known.FindEnumTypeByName(enum.full_name)
            assert {(v.name, v.number) for v in enum.values} == {(v.name, v.number) for v in other.values}
        for service in file.services_by_name.values():
            other = known.FindServiceByName(real(service.full_name))
            for method in service.methods:
                same = other.FindMethodByName(method.name)
                assert real(method.input_type.full_name) == same.input_type.full_name
                assert real(method.output_type.full_name) == same.output_type.full_name
                streams = (method.client_streaming, method.server_streaming)
                assert streams == (same.client_streaming, same.server_streaming)
    assert compared > 35
    # Files have their real names too, by which tools that know them ask.
    for package in ("envoy", "google"):
        for name in (name for name in described if name.startswith(package)):
            assert known.FindFileByName(name).package == described[name].package


@pytest.mark.parametrize("version", VERSIONS)
def test_answers_each_request_as_it_comes(channel, version):
    conversation = Conversation(channel, version)
    listed = conversation.ask(list_services="", host="gate")
    assert {service.name for service in listed.list_services_response.service} == SERVICES
    assert listed.valid_host == "gate" and listed.original_request.HasField("list_services")
    by_symbol = conversation.ask(file_containing_symbol=f"{AUTHORIZATION}.Check")
    by_name = conversation.ask(file_by_filename="envoy/service/auth/v3/external_auth.proto")
    encoded = by_symbol.file_descriptor_response.file_descriptor_proto
    assert encoded and encoded == by_name.file_descriptor_response.file_descriptor_proto
    extension = {"containing_type": "google.protobuf.Value", "extension_number": 1}
    for request, code in (
        ({"file_containing_symbol": "envoy.Nothing"}, grpc.StatusCode.NOT_FOUND),
        ({"file_by_filename": "nothing.proto"}, grpc.StatusCode.NOT_FOUND),
        ({"all_extension_numbers_of_type": "google.protobuf.Value"}, grpc.StatusCode.UNIMPLEMENTED),
        ({"file_containing_extension": extension}, grpc.StatusCode.UNIMPLEMENTED),
        ({}, grpc.StatusCode.INVALID_ARGUMENT),
    ):
        answer = conversation.ask(**request)
        assert answer.error_response.error_code == code.value[0], request
        assert answer.original_request == Request(**request)
    assert conversation.end() == []
    assert conversation.answers.code() == grpc.StatusCode.OK


def test_a_stream_has_bounds(channel):
    conversation = Conversation(channel, "v1")
    with pytest.raises(grpc.RpcError) as error:
        conversation.ask(file_containing_symbol="x" * 5000)
    assert error.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED

    many = Conversation(channel, "v1", timeout=60)
    with pytest.raises(grpc.RpcError) as error:
        for _ in range(1025):
            many.ask(list_services="")
    assert error.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED

    method = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
    with pytest.raises(grpc.RpcError) as error:
        next(channel.stream_stream(method)(iter([b"\xff"]), timeout=10))
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    other = channel.stream_stream("/grpc.reflection.v1.ServerReflection/Other")
    with pytest.raises(grpc.RpcError) as error:
        next(other(iter([b""]), timeout=10))
    assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_who_reads_no_answers_keeps_nobody_waiting(demo, channel):
    """Thousands of requests whose answers nobody takes stay with the client."""
    asked = 0

    def requests():
        nonlocal asked
        while asked < 100_000:
            asked += 1
            yield Request(file_containing_symbol=AUTHORIZATION)

    method = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
    stalled = channel.stream_stream(method, Request.SerializeToString, Response.FromString)(requests(), timeout=30)
    assert next(stalled).HasField("file_descriptor_response")
    with grpc.insecure_channel(f"127.0.0.1:{demo.ext_authz}") as other:
        health = health_pb2_grpc.HealthStub(other)
        assert health.Check(health_pb2.HealthCheckRequest(), timeout=10).status == health_pb2.HealthCheckResponse.SERVING
    assert asked < 100_000
    stalled.cancel()


def asking(port):
    def edit(text):
        listener = f'  ext_authz: {{ address: "127.0.0.1:{port}" }}\n  admin:'
        return text.replace("  admin:", listener, 1).replace("shutdown_delay: 0s", "shutdown_delay: 2s")

    return edit


def test_watching_and_reflecting_end_with_the_process(serve, backend):
    port = free_port()
    gate = serve(route("all", "/", backend.url, TOKEN_ONLY), edit=asking(port))
    status = health_pb2.HealthCheckResponse
    with contextlib.closing(grpc.insecure_channel(f"127.0.0.1:{port}")) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=30)
        assert next(watch).status == status.SERVING
        stranger = health.Watch(health_pb2.HealthCheckRequest(service="other"), timeout=30)
        assert next(stranger).status == status.SERVICE_UNKNOWN
        conversation = Conversation(channel, "v1", timeout=30)
        conversation.ask(list_services="")
        gate.terminate()
        assert next(watch).status == status.NOT_SERVING
        for call in (watch, stranger, conversation.answers):
            with pytest.raises(grpc.RpcError) as error:
                next(call)
            assert error.value.code() == grpc.StatusCode.UNAVAILABLE
        gate.stop()
