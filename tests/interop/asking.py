"""Envoy's `Authorization/Check` as gRPC's own client asks it, with Envoy's own messages."""

import grpc
from envoy.service.auth.v3 import external_auth_pb2, external_auth_pb2_grpc

IDENTITY = ("x-poolgate-subject", "x-poolgate-identity", "x-poolgate-role", "x-poolgate-groups")


class Asker:
    """A connection to a gate's `listen.ext_authz`."""

    def __init__(self, port):
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.authorization = external_auth_pb2_grpc.AuthorizationStub(self.channel)

    def check(self, method, path, token=None, headers=None, timeout=10, **more):
        """What the gate says of a request."""
        return self.authorization.Check(question(method, path, token, headers, **more), timeout=timeout)

    def close(self):
        self.channel.close()


def question(
    method,
    path,
    token=None,
    headers=None,
    host="127.0.0.1",
    source="127.0.0.1",
    extensions=None,
    raw=False,
    protocol="HTTP/1.1",
    body=None,
):
    """A CheckRequest about a request with these headers, as one a name or (`raw`) as they came."""
    asked = external_auth_pb2.CheckRequest()
    attributes = asked.attributes
    if source is not None:
        attributes.source.address.socket_address.address = source
    http = attributes.request.http
    http.method, http.path, http.host, http.scheme, http.protocol = method, path, host, "http", protocol
    fields = list(headers.items()) if isinstance(headers, dict) else list(headers or [])
    if token is not None:
        fields.append(("authorization", f"Bearer {token}"))
    for name, value in [(":method", method), (":path", path), (":authority", host), *fields]:
        if raw:
            http.header_map.headers.add(key=name, raw_value=value.encode("latin-1"))
        else:
            http.headers[name] = f"{http.headers[name]},{value}" if name in http.headers else value
    if body is not None:
        http.raw_body = body
    attributes.context_extensions.update(extensions or {})
    return asked


def told(answer):
    """The headers that an allow sets."""
    return {option.header.key: option.header.value for option in answer.ok_response.headers}


def metadata(answer):
    return dict(answer.dynamic_metadata.items())
