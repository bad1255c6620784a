"""`poolgate serve` with keys from a file: who may do what, and that nothing refused gets to the backend."""

import subprocess

import pytest

import mint
from account import TOKEN_ONLY, route
from gate import BINARY, IDENTITY_HEADERS, call, free_port, identity_headers


@pytest.fixture
def orders(serve, backend):
    return serve(route("orders", "/orders/", backend.url))


def test_roles_by_group(orders, key, backend):
    cases = [
        (["writers", "readers"], "Writer", {"GET": 200, "POST": 200, "PUT": 200, "DELETE": 403}),
        (["readers"], "Reader", {"GET": 200, "POST": 403, "PUT": 403, "DELETE": 403}),
        ([], None, {"GET": 403, "POST": 403, "PUT": 403, "DELETE": 403}),
        (["strangers"], None, {"GET": 403, "POST": 403, "PUT": 403, "DELETE": 403}),
    ]
    for groups, role, expected in cases:
        token = mint.pool_token(key, groups=groups)
        for method, status in expected.items():
            before = backend.count()
            answer = orders.call(method, "/orders/7", token=token)
            assert answer.status == status, (groups, method, answer)
            assert backend.count() - before == (1 if status == 200 else 0), (groups, method)
            if status == 200:
                told = identity_headers(backend.last()[2])
                assert set(told) == IDENTITY_HEADERS
                assert told["x-poolgate-role"][0].rsplit("/", 1)[-1] == role
                assert told["x-poolgate-subject"] == [mint.SUBJECT]


def test_explicit_deny_wins(orders, key, backend):
    token = mint.pool_token(key, groups=["writers"])
    assert orders.call("GET", "/orders/secret/1", token=token).status == 403
    assert backend.count() == 0


def test_the_pools_own_role_serves_a_user_without_groups(orders, key):
    for use in ("id", "access"):
        assert orders.call("GET", "/orders/public/1", token=mint.pool_token(key, use)).status == 200


def test_nothing_refused_reaches_the_backend(orders, key, second_key, backend):
    good = mint.pool_token(key, groups=["writers"])
    forged = mint.sign(second_key, mint.header(key), mint.claims(groups=["writers"]))
    refused = [
        ("GET", "/orders/1", None),
        ("GET", "/orders/1", forged),
        ("GET", "/orders/1", mint.pool_token(key, groups=["writers"], seconds=-1)),
        ("GET", "/orders/1", good[:-1]),
        ("DELETE", "/orders/1", good),
        ("GET", "/orders/../orders/1", good),
        ("GET", "/orders/%2e%2e/x", good),
        ("GET", "/elsewhere", good),
    ]
    for method, target, token in refused:
        assert orders.call(method, target, token=token).status in (400, 401, 403, 404), (method, target)
    assert backend.count() == 0
    assert orders.call("GET", "/orders/1", token=good).status == 200
    assert backend.count() == 1


def test_scopes_are_of_access_tokens(serve, key, backend):
    gate = serve(route("scoped", "/", backend.url, TOKEN_ONLY, more="scopes: [orders/read, orders/admin]"))
    with_scope = mint.pool_token(key, scope="openid orders/read")
    machine = mint.pool_token(key, sub=mint.CLIENT, username=None, scope="orders/admin")
    without = mint.pool_token(key, scope="openid orders/reader")
    assert gate.call("GET", "/x", token=with_scope).status == 200
    assert gate.call("GET", "/x", token=machine).status == 200
    assert backend.count() == 2
    short = gate.call("GET", "/x", token=without)
    assert short.status == 403 and 'error="insufficient_scope"' in short.header("www-authenticate")
    assert gate.call("GET", "/x", token=mint.pool_token(key, "id", scope="orders/read")).status in (401, 403)
    assert backend.count() == 2


def test_client_credentials_have_no_role(orders, key, backend):
    machine = mint.pool_token(key, sub=mint.CLIENT, username=None, scope="orders/admin")
    assert orders.call("GET", "/orders/public/1", token=machine).status in (401, 403)
    assert backend.count() == 0


def test_both_issuer_forms_of_a_pool(orders, key):
    for issuer in (mint.ISSUER, mint.UPDATED_ISSUER):
        token = mint.pool_token(key, groups=["readers"], iss=issuer)
        assert orders.call("GET", "/orders/1", token=token).status == 200, issuer


def test_upstream_that_is_down_is_a_bad_gateway(serve, key):
    gate = serve(route("down", "/", f"http://127.0.0.1:{free_port()}", TOKEN_ONLY))
    assert gate.call("GET", "/x", token=mint.pool_token(key)).status in (502, 503)
    assert gate.call("GET", "/x").status == 401


def test_a_configuration_with_mistakes_is_not_started(tmp_path):
    config = tmp_path / "poolgate.yaml"
    config.write_text("listen: { proxy: { address: 'nonsense' } }\nunknown_field: 1\n")

    def run(command):
        arguments = [BINARY, command, "--config", config]
        return subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, timeout=20)

    serve, check = run("serve"), run("check")
    assert serve.returncode == 64, serve
    assert check.returncode == 1, check
    # Every problem, each with its place.
    text = (check.stdout + check.stderr).decode()
    assert f"{config.name}:1:" in text and f"{config.name}:2:1" in text, text


def test_admin_has_no_secrets(serve, backend, key):
    gate = serve(route("all", "/", backend.url, TOKEN_ONLY))
    token = mint.pool_token(key)
    gate.call("GET", "/x", token=token)
    for path in ("/metrics", "/config", "/decisions"):
        answer = call(gate.admin, "GET", path)
        assert token.rpartition(".")[2].encode() not in answer.body, path
