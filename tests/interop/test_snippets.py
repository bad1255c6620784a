"""What `poolgate snippet` prints for Kubernetes, against the schemas of Istio and Gateway API; and what it refuses."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

import account
import mint
from account import TOKEN_ONLY, route
from doors import NGINX, haproxy_program, run_snippet, snippet
from gate import TOOLS

ROUTES = (
    route("orders", "/orders/", "http://orders.shop.svc.cluster.local:3000").replace(
        "match: { path: /orders/ }", "match: { host: api.example.com, path: /orders/ }"
    )
    + route("rest", "/v1", "https://rest.example.com", TOKEN_ONLY, more="host: rewrite")
)

# EnvoyExternalAuthorizationGrpcProvider of istio.io/api's mesh/v1alpha1/config.proto, in JSON's spelling. No package has a
# schema of the mesh configuration.
PROVIDER = {"service": str, "port": int, "timeout": str, "failOpen": bool, "statusOnError": str}


@pytest.fixture
def config(tmp_path):
    text = account.configuration(8080, 9901, account.user_pool(mint.POOL, mint.CLIENT, tmp_path / "jwks.json"), ROUTES)
    listener = '  ext_authz: { address: "0.0.0.0:9191", from: ["10.0.0.0/8"] }\n'
    path = tmp_path / "poolgate.yaml"
    path.write_text(text.replace("timeouts:", f"{listener}timeouts:", 1))
    account.write_account(tmp_path, mint.POOL, mint.CLIENT)
    return path


def problems(objects):
    """What the schemas say of them."""
    done = subprocess.run(
        [shutil.which("node"), Path(__file__).with_name("schemas.cjs"), TOOLS / "node" / "node_modules"],
        input=json.dumps(objects).encode(),
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_istio(config):
    objects = list(yaml.safe_load_all(snippet(config, "istio")))
    assert problems(objects) == []
    assert [each["kind"] for each in objects] == ["IstioOperator"] + ["AuthorizationPolicy", "EnvoyFilter"] * 2
    (provider,) = objects[0]["spec"]["meshConfig"]["extensionProviders"]
    grpc = provider["envoyExtAuthzGrpc"]
    assert {name: type(value) for name, value in grpc.items()} == PROVIDER
    assert grpc["failOpen"] is False
    for policy in objects[1::2]:
        assert policy["spec"]["action"] == "CUSTOM"
        assert policy["spec"]["provider"]["name"] == provider["name"]
        # It matches everything: what a rule doesn't match isn't asked about.
        assert policy["spec"]["rules"] == [{}]
    assert objects[1]["metadata"] == {"name": "poolgate-orders", "namespace": "shop"}


def test_gateway_api(config):
    objects = list(yaml.safe_load_all(snippet(config, "gateway-api", "--poolgate", "poolgate.auth.svc:9191")))
    assert [each["metadata"]["name"] for each in objects] == ["orders", "rest"]
    for each in objects:
        (rule,) = each["spec"]["rules"]
        filters = [one["externalAuth"] for one in rule["filters"] if one["type"] == "ExternalAuth"]
        assert filters == [
            {"protocol": "GRPC", "backendRef": {"name": "poolgate", "namespace": "auth", "port": 9191}}
        ]
        auth = {"apiVersion": each["apiVersion"], "kind": "ExternalAuth", **filters[0]}
        assert problems([auth]) == []
        # The package's list of filter types is the standard channel's; the filter itself it has.
        told = [told for told in problems([each]) if "/type enum" not in told]
        assert told == []


def test_the_schemas_find_something(config):
    istio = list(yaml.safe_load_all(snippet(config, "istio")))
    istio[1]["spec"]["action"] = "CUSTOMARY"
    istio[2]["spec"]["configPatches"][0]["patch"]["operation"] = "MERGED"
    (gateway, *_) = yaml.safe_load_all(snippet(config, "gateway-api"))
    gateway["spec"]["rules"][0]["filters"][0]["externalAuth"]["protocol"] = "GRPCS"
    told = problems([*istio, gateway])
    for place in ("/spec/action enum", "/patch/operation enum", "/externalAuth/protocol enum"):
        assert any(place in each for each in told), (place, told)


def test_what_the_configuration_lacks_is_said(config):
    for caller in ("nginx", "ingress-nginx", "traefik", "caddy", "haproxy"):
        done = run_snippet(config, caller)
        assert done.returncode == 1 and done.stdout == b"", done
        assert f"add `{caller}` to listen.ext_authz.dialects" in done.stderr.decode(), done
    config.write_text("".join(line for line in config.open() if "ext_authz" not in line))
    done = run_snippet(config, "envoy")
    assert done.returncode == 1 and "add `ext_authz:" in done.stderr.decode(), done
    config.write_text("listen: 1\n")
    assert run_snippet(config, "envoy").returncode == 64
    assert run_snippet(config, "apache").returncode == 2


EVERYTHING = """\
listen:
  proxy: { address: "127.0.0.1:8080" }
  ext_authz: { address: "%s", dialects: [envoy, nginx, ingress-nginx, traefik, caddy, haproxy] }
aws: { region: us-east-1, account: "000000000000" }
routes:
  - { name: orders, service: execute-api, match: { host: api.example.com, path: /orders/ }, engines: { iam: "off" },
      upstream: { url: "http://127.0.0.1:3000" } }
  - { name: new-orders, service: execute-api, match: { path: /orders/new }, engines: { iam: "off" },
      upstream: { url: "unix:/run/orders.sock", host: orders.internal } }
  - { name: rest, service: execute-api, match: { host: api.example.com }, engines: { iam: "off" }, host: rewrite,
      forward_token: false, upstream: { url: "https://localhost:8443" } }
  - { name: address, service: execute-api, match: { path: /v1 }, engines: { iam: "off" },
      upstream: { url: "https://127.0.0.1" } }
  - { name: elsewhere, service: execute-api, match: { path: /v2/ }, engines: { iam: "off" } }
"""


@pytest.mark.parametrize("listener", ["0.0.0.0:9191", "unix:/run/poolgate.sock", "[::1]:9191"])
def test_the_programs_take_what_is_printed(tmp_path, listener):
    """Hosts, Unix sockets, TLS, a `Host` of their own, a token that stays here, an upstream that isn't known."""
    config = tmp_path / "poolgate.yaml"
    config.write_text(EVERYTHING % listener)
    program, libraries = haproxy_program()
    (tmp_path / "poolgate.lua").write_text(snippet(config, "haproxy", "--lua"))
    # nginx doesn't start with an upstream that isn't there, and so forwards nothing to it.
    with_upstream = [option for name in ("orders", "new-orders", "rest", "address") for option in ("--route", name)]
    bins = TOOLS / "venv" / "bin"
    checks = [
        ("envoy", [], "envoy.yaml", "%s", [bins / "envoy", "--mode", "validate", "-l", "warn", "-c", "envoy.yaml"]),
        ("envoy", ["--http"], "envoy.yaml", "%s", [bins / "envoy", "--mode", "validate", "-l", "warn", "-c", "envoy.yaml"]),
        ("caddy", [], "Caddyfile", "%s", [bins / "caddy", "validate", "--config", "Caddyfile", "--adapter", "caddyfile"]),
        ("haproxy", [], "haproxy.cfg", "%s", [program, "-c", "-f", "haproxy.cfg"]),
        *(
            ("nginx", with_upstream[at : at + 2], "nginx.conf", NGINX_FILE, [NGINX, "-t", "-e", "stderr", "-p", ".", "-c", "nginx.conf"])
            for at in range(0, len(with_upstream), 2)
        ),
    ]
    for caller, options, name, around, command in checks:
        (tmp_path / name).write_text(around % snippet(config, caller, *options))
        done = subprocess.run(
            list(map(str, [*command[:-1], tmp_path / name] if caller == "nginx" else command)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LD_LIBRARY_PATH": libraries if caller == "haproxy" else ""},
        )
        printed = (done.stdout + done.stderr).decode()
        assert done.returncode == 0, (caller, options, printed[-3000:])
        assert "[WARNING]" not in printed, printed


NGINX_FILE = "pid nginx.pid;\nevents {}\nhttp {\naccess_log off;\n%s}\n"
