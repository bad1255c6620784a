"""Every proxy, with the configuration that is printed for it, in front of one backend and one Poolgate."""

import itertools
import json
import re
import signal
import time
from pathlib import Path

import pytest

import account
import doors
import mint
from backend import Backend
from gate import IDENTITY_HEADERS, free_port, identity_headers, start, until


@pytest.fixture(scope="module")
def backend():
    backend = Backend()
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def asked(tmp_path_factory, backend, key):
    """A Poolgate that is asked, with three routes to the backend. One for all proxies: starting takes longer than a test."""
    folder = tmp_path_factory.mktemp("asked")
    (folder / "jwks.json").write_bytes(mint.jwks(key))
    account.write_account(folder, mint.POOL, mint.CLIENT)
    pools = account.user_pool(mint.POOL, mint.CLIENT, folder / "jwks.json")
    gate = account.serve(folder, pools, doors.three_routes(backend), edit=doors.with_ext_authz(free_port()))
    try:
        yield gate
        gate.stop()
    finally:
        gate.kill()


@pytest.fixture(scope="module", params=list(doors.PROXIES))
def door(request, asked, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    with doors.opened(request.param, folder, asked.log.parent / "poolgate.yaml") as door:
        yield door


def writer(key, **more):
    return mint.pool_token(key, groups=["writers"], **more)


def test_who_may_do_what(door, key, second_key, backend):
    reader = mint.pool_token(key, groups=["readers"])
    forged = mint.sign(second_key, mint.header(key), mint.claims(groups=["writers"]))
    cases = [
        ("GET", "/orders/7", writer(key), 200),
        ("GET", "/orders/7?a=b&c=%2F", writer(key), 200),
        ("PUT", "/orders/7", writer(key), 200),
        ("HEAD", "/orders/7", writer(key), 200),
        ("GET", "/orders/7", reader, 200),
        ("GET", "/machines", reader, 200),
        ("GET", "/machines/1", reader, 200),
        ("GET", "/public/page", None, 200),
        ("GET", "/orders/7", None, 401),
        ("GET", "/orders/7", forged, 401),
        ("GET", "/orders/7", writer(key, seconds=-5), 401),
        ("GET", "/orders/7", reader[:-2], 401),
        ("GET", "/machines/1", None, 401),
        ("POST", "/orders/7", reader, 403),
        ("DELETE", "/orders/7", writer(key), 403),
        ("GET", "/orders/secret/7", writer(key), 403),
        ("GET", "/elsewhere", writer(key), 404),
        ("GET", "/machinesandmore", writer(key), 404),
    ]
    for method, target, token, status in cases:
        before = backend.count()
        body = b"{}" if method == "PUT" else None
        answer = door.call(method, target, token, body=body)
        assert answer.status == status, (method, target, answer, door.printed()[-2000:])
        assert backend.count() - before == (1 if status == 200 else 0), (method, target)
        if status == 200:
            assert backend.last()[:2] == (method, target)
        if status == 401:
            assert answer.all("www-authenticate")[0].startswith("Bearer"), answer


def test_a_client_that_says_to_speak_grpc_is_asked_about_all_the_same(door, key, backend):
    for kind in ("application/grpc", "application/grpc+proto"):
        before = backend.count()
        answer = door.call("GET", "/orders/7", None, headers={"Content-Type": kind})
        # Envoy words its own answers as gRPC's for such a client: UNAUTHENTICATED.
        refused = answer.status == 401 or (answer.status, answer.header("grpc-status")) == (200, "16")
        assert refused and backend.count() == before, answer
    assert door.call("GET", "/orders/7", writer(key), headers={"Content-Type": "application/grpc"}).status == 200


def test_the_upstream_is_told_who_calls(door, key, backend):
    door.call("GET", "/orders/7", writer(key))
    told = identity_headers(backend.last()[2])
    assert told["x-poolgate-subject"] == [mint.SUBJECT]
    assert told["x-poolgate-role"][0].endswith("role/Writer")
    assert told["x-poolgate-groups"] == ["writers"]
    assert re.fullmatch("[0-9a-f]{32}", told["x-poolgate-decision-id"][0])
    # nginx passes no header that is empty.
    assert set(told) <= IDENTITY_HEADERS


ALIASES = ["X-Poolgate-Role", "x-poolgate-role", "X_Poolgate_Role", "X-Poolgate_Role", "X.Poolgate.Role", "X-Poolgate.Role"]


def test_a_clients_own_word_never_reaches_the_upstream(door, key, backend):
    callers = [("/orders/7", writer(key), "role/Writer"), ("/public/page", None, "")]
    for name, (target, token, role) in itertools.product(ALIASES, callers):
        before = backend.count()
        answer = door.call("GET", target, token, headers={name: "role/Forged", "X-Poolgate-Subject": "forged"})
        if answer.status != 200:
            assert answer.status in (400, 403) and backend.count() == before, answer
            continue
        sent = [(key.lower(), value) for key, value in backend.last()[2]]
        assert not any("orged" in value for _, value in sent), sent
        assert {key for key, _ in sent if "poolgate" in key} <= IDENTITY_HEADERS
        assert dict(sent).get("x-poolgate-role", "").endswith(role)


def test_naming_them_in_connection_takes_nothing_away(door, key, backend):
    before = backend.count()
    answer = door.call(
        "GET", "/orders/7", writer(key), headers={"Connection": "close, X-Poolgate-Role, X-Poolgate-Subject"}
    )
    if answer.status != 200:
        assert answer.status in (400, 403) and backend.count() == before, answer
        return
    assert identity_headers(backend.last()[2])["x-poolgate-role"][0].endswith("role/Writer")


TRICKS = [
    "/public/../orders/7",
    "/public/%2e%2e/orders/7",
    "/public/..%2forders/7",
    "/public/%2E%2E%2Forders/7",
    "/public//../orders/7",
    "/public/..;/orders/7",
    "/public/%252e%252e/orders/7",
    "/public/..%5corders/7",
    "/public/%00/7",
    "/public/a%2Fb",
    "/public//page",
    "//orders/7",
    "/orders//7",
    "/orders/%2e/7",
]


def test_a_path_that_can_be_read_in_two_ways_goes_nowhere(door, backend, key):
    before = backend.count()
    for target, token in itertools.product(TRICKS, (None, mint.pool_token(key, groups=["readers"]))):
        answer = door.call("GET", target, token)
        assert answer.status in (301, 308, 400, 401, 403, 404), (target, answer)
        assert backend.count() == before, (target, backend.last())


def test_what_a_client_says_of_forwarding_is_not_believed(door, asked, key, backend):
    lies = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Uri": "/public/page",
        "X-Forwarded-Method": "GET",
        "X-Forwarded-Host": "elsewhere.example",
        "X-Forwarded-Proto": "https",
        "X-Original-URL": "http://elsewhere.example/public/page",
        "X-Original-URI": "/public/page",
        "X-Original-Method": "GET",
        "X-Real-IP": "203.0.113.9",
        "X-Rewrite-URL": "/public/page",
        "Forwarded": "for=203.0.113.9;host=elsewhere.example",
    }
    before, told = backend.count(), len(asked.printed())
    # Asked about here alone: records of other tests may still be on their way.
    path = "/orders/forwarding"
    denied = door.call("DELETE", path, writer(key), headers=lies)
    assert denied.status == 403 and backend.count() == before, denied
    assert door.call("GET", path, None, headers=lies).status == 401
    assert door.call("GET", path, writer(key), headers=lies).status == 200
    def records():
        lines = [line for line in asked.printed()[told:].splitlines() if line.startswith("{") and '"checks"' in line]
        return [record for record in map(json.loads, lines) if record["path"] == path]

    until("three decisions in the log", 5, lambda: len(records()) == 3)
    for record in records():
        assert record["client_ip"] == "127.0.0.1", record
        assert "elsewhere" not in record["host"], record


def test_large_headers_are_no_way_around(door, key, backend):
    for size in (6_000, 30_000, 120_000):
        before = backend.count()
        with_token = door.call("GET", "/orders/7", writer(key), headers={"X-Large": "a" * size})
        assert with_token.status in (200, 400, 401, 403, 413, 414, 431, 500, 502, 503), with_token
        assert backend.count() - before == (1 if with_token.status == 200 else 0)
        before = backend.count()
        without = door.call("GET", "/orders/7", None, headers={"X-Large": "a" * size})
        assert without.status != 200 and backend.count() == before, without
    assert door.call("GET", "/orders/7", writer(key), headers={"X-Large": "a" * 6_000}).status == 200


def test_two_tokens_are_none(door, key, backend):
    token = writer(key)
    before = backend.count()
    answer = door.call("GET", "/orders/7", token, headers={"Authorization": f"Bearer {token}"})
    assert answer.status in (400, 401, 403), answer
    assert backend.count() == before


@pytest.mark.parametrize("kind", doors.PROXIES)
def test_without_poolgate_nothing_gets_through(kind, serve, backend, key, tmp_path):
    config = tmp_path / "poolgate.yaml"
    asked = serve(doors.three_routes(backend), edit=doors.with_ext_authz(free_port()))
    with doors.opened(kind, tmp_path / kind, config) as door:
        assert door.call("GET", "/orders/7", writer(key)).status == 200
        before = backend.count()
        if kind not in ("traefik", "ingress-nginx"):  # They wait for 30 s and 60 s.
            asked.process.send_signal(signal.SIGSTOP)
            # It may be answering still.
            state = Path(f"/proc/{asked.process.pid}/stat")
            until("the process to stop", 5, lambda: state.read_text().rpartition(") ")[2].startswith("T"))
            began = time.monotonic()
            answer = door.call("GET", "/orders/7", writer(key))
            asked.process.send_signal(signal.SIGCONT)
            assert answer.status in (403, 500, 502, 503, 504), answer
            assert time.monotonic() - began < 6
        asked.stop()
        for target, token in [("/orders/7", writer(key)), ("/orders/7", None), ("/public/page", None)] * 2:
            answer = door.call("GET", target, token)
            assert answer.status in (403, 500, 502, 503), answer
        assert backend.count() == before
        again = start(["serve", "--config", config], tmp_path / "again.log", asked.proxy, asked.admin)
        try:
            until("the proxy to find Poolgate again", 15, lambda: door.call("GET", "/orders/7", writer(key)).status == 200)
        finally:
            again.stop()


@pytest.mark.parametrize("kind", [kind for kind in doors.PROXIES if kind != "ingress-nginx"])
def test_a_unix_socket_and_a_token_that_stays_here(kind, serve, backend, key, tmp_path):
    address = None if kind == "traefik" else f"unix:{tmp_path}/asked.sock"
    quiet = account.route("quiet", "/quiet/", backend.url, account.TOKEN_ONLY, more="forward_token: false")
    serve(doors.three_routes(backend) + quiet, edit=doors.with_ext_authz(free_port(), address=address))
    with doors.opened(kind, tmp_path / kind, tmp_path / "poolgate.yaml") as door:
        before = backend.count()
        assert door.call("GET", "/quiet/7", None).status == 401
        assert backend.count() == before
        for target, forwarded in [("/orders/7", True), ("/quiet/7", False)]:
            assert door.call("GET", target, writer(key)).status == 200
            names = {name.lower() for name, _ in backend.last()[2]}
            assert ("authorization" in names) == forwarded, target
            assert "x-poolgate-subject" in names


@pytest.mark.parametrize("kind", doors.PROXIES)
def test_large_cookies_go_on_without_the_tokens(kind, serve, backend, key, tmp_path):
    route = account.route("pages", "/pages/", backend.url, account.TOKEN_ONLY, more="token: { cookie: session }")
    serve(route, edit=doors.with_ext_authz(free_port()))
    with doors.opened(kind, tmp_path / kind, tmp_path / "poolgate.yaml") as door:
        # nginx takes lines of up to 8 KiB.
        others = "; ".join(f"c{at}={'x' * 100}" for at in range(60))
        cookies = f"a=b; session={writer(key)}; {others}"
        assert door.call("GET", "/pages/1", headers={"Cookie": cookies}).status == 200
        assert dict((name.lower(), value) for name, value in backend.last()[2])["cookie"] == f"a=b; {others}"
        assert door.call("GET", "/pages/1", headers={"Cookie": "a=b"}).status == 401


SPELLINGS = [
    "/admin/7",
    "/%61dmin/7",
    "/admi%6E/7",
    "/%41dmin/../admin/7",
    "/%2561dmin/7",
    "/admin%2F7",
    "/admin%2f7",
    "/admin%5C7",
    "//admin/7",
    "/./admin/7",
    "/x/../admin/7",
    "/x/%2e%2e/admin/7",
    "/x/..%2Fadmin/7",
    "/admin;x/7",
    "/%2Fadmin/7",
    "/admin/%2e/7",
    "/admin",
    "http://elsewhere.example/admin/7",
    "http://elsewhere.example/%61dmin/7",
]


@pytest.mark.parametrize("kind", doors.PROXIES)
def test_no_spelling_of_a_path_leads_to_another_route(kind, serve, backend, key, tmp_path):
    """Everything is public but what is under one path; both have the same upstream."""
    everything = doors.PUBLIC.replace("path: /public/", "path: /") % backend.url
    serve(everything + account.route("admin", "/admin", backend.url, account.TOKEN_ONLY), edit=doors.with_ext_authz(free_port()))
    with doors.opened(kind, tmp_path / kind, tmp_path / "poolgate.yaml") as door:
        assert door.call("GET", "/anything").status == 200
        assert door.call("GET", "/administration").status == 200
        assert door.call("GET", "/admin/7", writer(key)).status == 200
        before = backend.count()
        for target in SPELLINGS:
            answer = door.call("GET", target)
            assert answer.status >= 300, (target, answer)
            assert backend.count() == before, (target, backend.last())
