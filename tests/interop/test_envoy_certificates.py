"""Client certificates that a real Envoy tells of: those too that it was told to take from anybody."""

import http.client
import ipaddress
import ssl

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

import doors
import mint
from account import TOKEN_ONLY, route
from gate import free_port, send
from test_bound_tokens import Authority

TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"


def with_certificates(snippet, folder):
    """What is printed, over TLS, for clients with certificates of whatever authority."""

    def edited(*arguments):
        config = yaml.safe_load(snippet(*arguments))
        chain = config["static_resources"]["listeners"][0]["filter_chains"][0]
        files = {"certificate_chain": "gate.crt", "private_key": "gate.key"}
        chain["transport_socket"] = {
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": TLS,
                "require_client_certificate": True,
                "common_tls_context": {
                    "tls_certificates": [{name: {"filename": str(folder / file)} for name, file in files.items()}],
                    "validation_context": {"trust_chain_verification": "ACCEPT_UNTRUSTED"},
                },
            },
        }
        filters = chain["filters"][0]["typed_config"]["http_filters"]
        filters[0]["typed_config"]["include_peer_certificate"] = True
        return yaml.safe_dump(config)

    return edited


@pytest.mark.parametrize("verified", [False, True])
def test_a_certificate_that_envoy_tells_of(serve, key, backend, tmp_path, monkeypatch, verified):
    servers, strangers = Authority(tmp_path, "servers"), Authority(tmp_path, "strangers")
    servers.leaf("gate", ExtendedKeyUsageOID.SERVER_AUTH, [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    workload = x509.UniformResourceIdentifier("spiffe://example.org/orders")
    ours = strangers.leaf("ours", ExtendedKeyUsageOID.CLIENT_AUTH, [workload])
    asked = free_port()
    listener = doors.with_ext_authz(asked)
    if verified:
        listener = lambda text: doors.with_ext_authz(asked)(text).replace(
            f'"127.0.0.1:{asked}",', f'"127.0.0.1:{asked}", client_certificates: verified,'
        )
    gate = serve(route("open", "/open/", backend.url, TOKEN_ONLY), edit=listener)
    monkeypatch.setattr(doors, "snippet", with_certificates(doors.snippet, tmp_path))
    folder = tmp_path / "envoy"
    folder.mkdir()
    door = doors.envoy(folder, tmp_path / "poolgate.yaml")
    context = ssl.create_default_context(cafile=str(servers.path))
    context.load_cert_chain(ours[0], ours[1])
    connection = http.client.HTTPSConnection("127.0.0.1", door.port, timeout=20, context=context)
    try:
        bound, plain = mint.pool_token(key, cnf={"x5t#S256": ours[2]}), mint.pool_token(key)
        gate.tokens |= {bound, plain}
        answer = send(connection, "GET", "/open/x", {"Authorization": f"Bearer {bound}"})
        if verified:
            assert answer.status == 200
        else:
            assert (answer.status, answer.json()["reason"]) == (401, "client_certificate_missing")
        assert send(connection, "GET", "/open/x", {"Authorization": f"Bearer {plain}"}).status == 200
    finally:
        connection.close()
        door.stop()
