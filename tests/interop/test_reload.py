"""Reloads, key rotation, an issuer that is down, SIGTERM: under load no answer is wrong and none is lost."""

import http.client
import json
import os
import shutil
import threading
import time

import pytest

import account
import mint
from account import TOKEN_ONLY, route, statement
from backend import Backend
from gate import call, free_ports, send, start, until
from load import Load

WRITERS_MAY_DELETE = dict(account.ROLES, Writer=[*account.ROLES["Writer"], statement("Allow", "DELETE/orders/*")])


class Switch:
    """Judges load: "good" is always 200, "bad" always refused; "switch" goes from `old` to `new`, once a connection."""

    def __init__(self, old=(403,), new=200):
        self.old, self.new = old, new
        self.seen_new = {}
        self.changed_at = None

    def __call__(self, worker, label, status, began):
        if label == "good":
            return None if status == 200 else f"good: {status}"
        if label == "bad":
            return None if status in (401, 403) else f"bad: {status}"
        if status == self.new:
            if self.changed_at is None or began < self.changed_at:
                return f"switch: {status} before the change"
            self.seen_new[worker] = True
            return None
        if status in self.old:
            return "switch: back to the old answer" if self.seen_new.get(worker) else None
        return f"switch: {status}"

    def change(self):
        # An answer that began a moment before may already be of the new generation.
        self.changed_at = time.monotonic() - 1


@pytest.fixture
def token(key):
    return mint.pool_token(key, groups=["writers"])


@pytest.fixture
def requests(key, token):
    reader = mint.pool_token(key, groups=["readers"])
    return [
        ("good", "GET", "/orders/1", token),
        ("bad", "POST", "/orders/1", reader),
        ("switch", "DELETE", "/orders/1", token),
        ("bad", "GET", "/orders/1", None),
        ("good", "GET", "/orders/1", reader),
    ]


def deletes(gate, token):
    return gate.call("DELETE", "/orders/1", token=token).status


def test_sighup_takes_new_policies_at_once_and_whole(serve, backend, tmp_path, requests, token):
    gate = serve(route("orders", "/orders/", backend.url))
    switch = Switch()
    with Load(gate, requests, switch) as load:
        load.run(0.5)
        switch.change()
        account.write_account(tmp_path, mint.POOL, mint.CLIENT, WRITERS_MAY_DELETE)
        gate.reload()
        until("the new policies", 10, lambda: deletes(gate, token) == 200)
        load.run(0.5)
    load.check()
    assert switch.seen_new, "the load never saw the new policies"


def more_rights(folder):
    account.write_account(folder, mint.POOL, mint.CLIENT, WRITERS_MAY_DELETE)


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def append(path, text):
    path.write_text(path.read_text() + text)


# Each ends with a configuration that would give more rights, if it weren't for one mistake, made first: the files are
# watched too, and must not be right for a moment.
SPOILS = {
    "not YAML": lambda folder: ((folder / "poolgate.yaml").write_text("listen: ["), more_rights(folder)),
    "unknown field": lambda folder: (
        append(folder / "poolgate.yaml", "no_such_field: 1\n"),
        more_rights(folder),
    ),
    "file gone": lambda folder: ((folder / "poolgate.yaml").unlink(), more_rights(folder)),
    "role not JSON": lambda folder: (folder / "policies/roles/Writer.json").write_text("{"),
    "unknown effect": lambda folder: edit(folder / "policies/roles/Writer.json", '"Deny"', '"Alow"'),
}


@pytest.mark.parametrize("spoil", SPOILS.values(), ids=SPOILS)
def test_bad_reload_changes_nothing_and_is_visible(serve, backend, tmp_path, requests, token, spoil):
    gate = serve(route("orders", "/orders/", backend.url))
    config = (tmp_path / "poolgate.yaml").read_bytes()
    switch = Switch(new=None)
    metrics = call(gate.admin, "GET", "/metrics").body
    with Load(gate, requests, switch) as load:
        load.run(0.2)
        lines = len(gate.printed().splitlines())
        spoil(tmp_path)
        gate.reload()
        until("word of the bad reload in the metrics", 10, lambda: reload_errors(gate, metrics))
        load.run(0.3)
        assert gate.ready(), "a bad reload is no reason to be taken out of rotation"
        assert deletes(gate, token) == 403
        assert len(gate.printed().splitlines()) > lines, "nothing was logged"
        # Mended, the same process takes it.
        switch.new = 200
        switch.change()
        (tmp_path / "poolgate.yaml").write_bytes(config)
        more_rights(tmp_path)
        gate.reload()
        until("the mended configuration", 10, lambda: deletes(gate, token) == 200)
        load.run(0.2)
    load.check()


def reload_errors(gate, before):
    """Whether a counter that speaks of reloads and failure has grown since `before`."""

    def counters(text):
        return {
            line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
            for line in text.decode().splitlines()
            if "reload" in line and not line.startswith("#") and any(word in line for word in ("fail", "error", "refused"))
        }

    old, new = counters(before), counters(call(gate.admin, "GET", "/metrics").body)
    return any(value > old.get(name, 0) for name, value in new.items())


def test_storm_of_sighups(serve, backend, requests):
    gate = serve(route("orders", "/orders/", backend.url))
    with Load(gate, requests, Switch(new=None)) as load:
        for _ in range(40):
            gate.reload()
            time.sleep(0.02)
        load.run(0.3)
    load.check()


def mounted(folder, generation, files):
    """A Kubernetes ConfigMap mount: files link to ..data/, ..data links to a folder of one generation."""
    data = folder / f"..{generation}"
    for name, content in files.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_bytes(content)
    fresh = folder / "..data_tmp"
    fresh.symlink_to(data.name)
    old = (folder / "..data").resolve() if (folder / "..data").is_symlink() else None
    os.replace(fresh, folder / "..data")
    for name in files:
        top = name.split("/")[0]
        if not (folder / top).is_symlink():
            (folder / top).symlink_to(f"..data/{top}")
    if old:
        shutil.rmtree(old)


def test_swap_of_a_mounted_config_map(key, backend, tmp_path, requests, token):
    """As the kubelet does it: no signal, the ..data link is replaced and the old folder removed."""
    proxy, admin = free_ports(2)
    plain, mount = tmp_path / "plain", tmp_path / "mount"
    mount.mkdir()

    def files(roles):
        shutil.rmtree(plain, ignore_errors=True)
        account.write_account(plain, mint.POOL, mint.CLIENT, roles)
        text = account.configuration(
            proxy,
            admin,
            account.user_pool(mint.POOL, mint.CLIENT, mount / "jwks.json"),
            route("orders", "/orders/", backend.url),
        )
        found = {str(path.relative_to(plain)): path.read_bytes() for path in plain.rglob("*.json")}
        return {**found, "jwks.json": mint.jwks(key), "poolgate.yaml": text.encode()}

    mounted(mount, "one", files(account.ROLES))
    gate = start(["serve", "--config", mount / "poolgate.yaml"], tmp_path / "poolgate.log", proxy, admin)
    try:
        switch = Switch()
        with Load(gate, requests, switch) as load:
            load.run(0.5)
            switch.change()
            mounted(mount, "two", files(WRITERS_MAY_DELETE))
            until("the swapped mount", 20, lambda: deletes(gate, token) == 200)
            load.run(0.5)
        load.check()
        gate.stop()
    finally:
        gate.kill()


def test_rotation_of_a_key_file(serve, key, second_key, backend, tmp_path):
    gate = serve(route("orders", "/orders/", backend.url))
    old = mint.pool_token(key, groups=["writers"])
    new = mint.pool_token(second_key, groups=["writers"])
    requests = [("good", "GET", "/orders/1", old), ("switch", "GET", "/orders/1", new)]
    switch = Switch(old=(401,))
    with Load(gate, requests, switch, pause=0.01) as load:
        load.run(0.3)
        switch.change()
        replace(tmp_path / "jwks.json", mint.jwks(key, second_key))
        until("the second key", 20, lambda: gate.call("GET", "/orders/1", token=new).status == 200)
        load.run(0.3)
    load.check()
    # A key that is withdrawn takes its tokens with it, remembered ones too.
    replace(tmp_path / "jwks.json", mint.jwks(second_key))
    until("the end of the first key", 20, lambda: gate.call("GET", "/orders/1", token=old).status == 401)
    assert gate.call("GET", "/orders/1", token=new).status == 200


def replace(path, content):
    fresh = path.with_suffix(".new")
    fresh.write_bytes(content)
    os.replace(fresh, path)


def test_issuer_down_and_up_under_load(serve, key, second_key, backend):
    issuer = Backend(files={"/jwks.json": mint.jwks(key)})
    try:
        gate = serve(route("orders", "/orders/", backend.url, TOKEN_ONLY), keys=f"{issuer.url}/jwks.json")
        old, new = mint.pool_token(key), mint.pool_token(second_key)
        requests = [("good", "GET", "/orders/1", old), ("switch", "GET", "/orders/1", new)]
        switch = Switch(old=(401, 503))
        with Load(gate, requests, switch, pause=0.01) as load:
            load.run(0.5)
            issuer.close()
            load.run(1)
            assert gate.ready()
            switch.change()
            issuer = Backend(issuer.port, {"/jwks.json": mint.jwks(key, second_key)})
            until("the second key", 20, lambda: gate.call("GET", "/orders/1", token=new).status == 200)
            load.run(0.3)
        load.check()
    finally:
        issuer.close()


BAD_KEYS = {
    "empty": b"",
    "no-keys": b"{}",
    "empty-list": b'{"keys":[]}',
    "html": b"<html>",
    "a-secret": b'{"keys":[{"kty":"oct","k":"AA","kid":"x"}]}',
    "deep": b"[" * 100_000,
}


def test_bad_answers_of_the_issuer_keep_the_good_keys(serve, key, second_key, backend, tmp_path):
    issuer = Backend(files={f"/{name}": mint.jwks(key) for name in BAD_KEYS})
    try:
        gates = {}
        for name in BAD_KEYS:
            (tmp_path / name).mkdir()
            gates[name] = serve(
                route("orders", "/orders/", backend.url, TOKEN_ONLY),
                keys=f"{issuer.url}/{name}",
                folder=tmp_path / name,
            )
            assert gates[name].call("GET", "/orders/1", token=mint.pool_token(key)).status == 200
        fetched = asked(issuer)
        issuer.files = {f"/{name}": answer for name, answer in BAD_KEYS.items()}

        def all_were_asked_again():
            # An unknown key id makes Poolgate look, though not more often than every 10 s.
            for gate in gates.values():
                answer = gate.call("GET", "/orders/1", token=mint.pool_token(second_key))
                assert answer.status in (401, 503), answer
            return all(asked(issuer)[name] > fetched[name] for name in gates)

        until("a look at the bad keys", 20, all_were_asked_again)
        for name, gate in gates.items():
            assert gate.call("GET", "/orders/1", token=mint.pool_token(key)).status == 200, name
            assert gate.ready(), name
    finally:
        issuer.close()


def asked(issuer):
    """How often each file was fetched."""
    with issuer.lock:
        paths = [path.strip("/") for _, path, _ in issuer.requests]
    return {name: paths.count(name) for name in BAD_KEYS}


def test_flood_of_unknown_key_ids_asks_the_issuer_once(serve, key, second_key, backend):
    issuer = Backend(files={"/jwks.json": mint.jwks(key)})
    try:
        gate = serve(route("orders", "/orders/", backend.url, TOKEN_ONLY), keys=f"{issuer.url}/jwks.json")
        before, began = issuer.count(), time.monotonic()
        for n in range(200):
            token = mint.sign(second_key, {"alg": "RS256", "kid": f"unknown-{n}"}, mint.claims())
            assert gate.call("GET", "/orders/1", token=token).status == 401
        allowed = 2 + int((time.monotonic() - began) / 10)
        assert issuer.count() - before <= allowed
        assert gate.call("GET", "/orders/1", token=mint.pool_token(key)).status == 200
    finally:
        issuer.close()


def with_shutdown_delay(text):
    return text.replace("shutdown_delay: 0s", "shutdown_delay: 1s")


def test_sigterm_finishes_what_is_in_flight(serve, key, backend):
    gate = serve(route("orders", "/orders/", backend.url, TOKEN_ONLY))
    token = mint.pool_token(key)
    gate.tokens.add(token)
    results = []

    def slow(n):
        try:
            headers = {"Authorization": f"Bearer {token}"}
            results.append(call(gate.proxy, "POST", f"/orders/slow/{1200 + n}", headers, b"body").status)
        except (OSError, http.client.HTTPException) as error:
            results.append(repr(error))

    before = backend.count()
    threads = [threading.Thread(target=slow, args=(n,)) for n in range(8)]
    # A body that is still being sent when the signal comes.
    half = http.client.HTTPConnection("127.0.0.1", gate.proxy, timeout=20)
    half.putrequest("PUT", "/orders/upload")
    half.putheader("Authorization", f"Bearer {token}")
    half.putheader("Content-Length", "10")
    half.endheaders()
    half.send(b"12345")
    for thread in threads:
        thread.start()
    until("eight requests in flight", 10, lambda: backend.count() - before >= 9)
    gate.terminate()
    until("the listener to close", 10, lambda: not accepts(gate.proxy))
    half.send(b"67890")
    response = half.getresponse()
    assert response.status == 200 and json.loads(response.read())["length"] == 10
    half.close()
    for thread in threads:
        thread.join(20)
    assert results == [200] * 8
    gate.stop()


def accepts(port):
    try:
        call(port, "GET", "/", timeout=1)
        return True
    except (OSError, http.client.HTTPException):
        return False


def test_sigterm_under_load_loses_nothing(serve, key, backend, requests):
    """As a load balancer sees it: not ready at once, still serving for shutdown_delay, then nobody calls any more."""
    gate = serve(route("orders", "/orders/", backend.url), edit=with_shutdown_delay)
    with Load(gate, requests, Switch(new=None)) as load:
        load.run(0.5)
        gate.terminate()
        until("not ready", 1, lambda: call(gate.admin, "GET", "/readyz", timeout=2).status == 503)
        load.run(0.3)
        load.stop()
    load.check()
    gate.stop()


def test_drain_has_an_end(serve, key, backend):
    gate = serve(
        route("orders", "/orders/", backend.url, TOKEN_ONLY),
        edit=lambda text: text.replace("drain: 10s", "drain: 1s"),
    )
    token = mint.pool_token(key)
    connection = http.client.HTTPConnection("127.0.0.1", gate.proxy, timeout=20)
    assert send(connection, "GET", "/orders/1", {"Authorization": f"Bearer {token}"}).status == 200
    connection.putrequest("PUT", "/orders/upload")
    connection.putheader("Authorization", f"Bearer {token}")
    connection.putheader("Content-Length", "10")
    connection.endheaders()
    connection.send(b"1")  # and never the rest
    began = time.monotonic()
    gate.stop_within = 5
    gate.stop()
    assert time.monotonic() - began < 4
    connection.close()


def test_drain_ends_while_callers_keep_coming(serve, backend):
    gate = serve(
        route("orders", "/orders/", backend.url, TOKEN_ONLY),
        edit=lambda text: text.replace("drain: 10s", "drain: 1s"),
    )
    ended = threading.Event()

    def knock():
        while not ended.is_set():
            accepts(gate.proxy)

    threads = [threading.Thread(target=knock, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    began = time.monotonic()
    gate.stop_within = 8
    try:
        gate.stop()
    finally:
        ended.set()
        for thread in threads:
            thread.join(5)
    assert time.monotonic() - began < 4
