"""The example of a pod with Poolgate in it, run: its nginx, its poolgate.yaml, its way of stopping."""

import contextlib
import json
import shutil
import signal
import subprocess
import time

import pytest

import mint
from charts import example, mount, render
from gate import REGION, call, free_ports, start, until
from load import Load


@pytest.fixture
def pod(tmp_path, key):
    """The example's two processes on free ports of loopback, and what it was rendered to."""
    proxy, admin, api = free_ports(3)
    keys = tmp_path / "jwks.json"
    keys.write_bytes(mint.jwks(key))
    pools = [{"id": mint.POOL, "clients": [mint.CLIENT], "jwks": f"file:{keys}"}]
    settings = {
        "ports": {"proxy": proxy, "admin": admin},
        "shutdown": {"delaySeconds": 1, "drainSeconds": 3},
        "config": {"aws": {"region": REGION, "account": "000000000000"}, "user_pools": pools},
    }
    manifests = render(tmp_path, None, "--set-json", f"poolgate={json.dumps(settings)}", chart=example(tmp_path))
    config = mount(tmp_path / "pod", manifests)
    replace(config, ("0.0.0.0", "127.0.0.1"), ("127.0.0.1:3000", f"127.0.0.1:{api}"))
    with nginx(tmp_path, manifests.one("ConfigMap", "release-api")["data"]["nginx.conf"], api) as server:
        gate = start(["serve", "--config", config], tmp_path / "poolgate.log", proxy, admin)
        try:
            yield manifests, gate, server
            gate.stop()
        finally:
            gate.kill()


def replace(path, *changes):
    text = path.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text)


@contextlib.contextmanager
def nginx(folder, text, port):
    config, tmp = folder / "nginx.conf", folder / "tmp"
    tmp.mkdir()
    config.write_text(text)
    replace(config, ("127.0.0.1:3000", f"127.0.0.1:{port}"), ("/tmp/", f"{tmp}/"))
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    with open(folder / "nginx.log", "wb") as log:
        process = subprocess.Popen(
            [binary, "-p", folder, "-c", config, "-g", "daemon off; user root;"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        until("nginx", 10, lambda: answers(port))
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def answers(port):
    try:
        return call(port, "GET", "/", timeout=1).status == 200
    except OSError:
        return False


def test_the_api_is_told_who_calls_and_nobody_else_is_let_in(pod, key):
    _, gate, _ = pod
    answer = gate.call("GET", "/orders/1", token=mint.pool_token(key))
    assert answer.status == 200 and answer.body == f"GET /orders/1 for {mint.SUBJECT}\n".encode()
    claimed = {"x-poolgate-subject": mint.SUBJECT}
    assert gate.call("GET", "/orders/1", headers=claimed).status == 401
    assert gate.call("GET", "/orders/1", token=mint.pool_token(key, client_id="another")).status == 401


def test_poolgate_is_gone_before_the_api_stops_and_nothing_is_lost(pod, key):
    """The kubelet signals Poolgate at once, and the API when it has slept."""
    manifests, gate, server = pod
    (api,) = [each for each in manifests.pod["containers"] if each["name"] == "api"]
    sleep = api["lifecycle"]["preStop"]["sleep"]["seconds"]
    requests = [("good", "GET", "/orders/1", mint.pool_token(key))]
    with Load(gate, requests, lambda _, label, status, __: None if status == 200 else f"{label}: {status}") as load:
        load.run(0.5)
        began = time.monotonic()
        gate.terminate()
        until("not ready", 1, lambda: call(gate.admin, "GET", "/readyz", timeout=2).status == 503)
        # While endpoints are updated; then nobody calls any more.
        load.run(0.5)
    load.check()
    assert gate.process.wait(10) == 0
    assert time.monotonic() - began < sleep, "the API would have stopped first"
    server.send_signal(signal.SIGQUIT)
    assert server.wait(10) == 0
