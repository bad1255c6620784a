"""The HTTP dialects as they are on the wire: what is answered to whom, without a proxy between."""

import pytest

import mint
from doors import DIALECTS, PUBLIC, three_routes, with_ext_authz
from gate import IDENTITY_HEADERS, call, free_port


def question(dialect, method, target, token=None, more=()):
    """The target and headers with which `dialect` asks about a request, and the method it asks with."""
    common = [("Authorization", f"Bearer {token}")] if token else []
    host, client, scheme = ("Host", "api.example.com"), ("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-Proto", "http")
    headers = {
        "envoy": [host, client, scheme],
        "nginx": [host, ("X-Original-Method", method), ("X-Original-URI", target), client, scheme],
        "ingress-nginx": [
            ("Host", "poolgate.default.svc"),
            ("X-Original-Method", method),
            ("X-Original-URL", f"http://api.example.com{target}"),
            ("X-Real-IP", "192.0.2.1"),
        ],
        "traefik": [
            ("Host", "127.0.0.1"),
            ("X-Forwarded-Method", method),
            ("X-Forwarded-Host", "api.example.com"),
            ("X-Forwarded-Uri", target),
            client,
            scheme,
        ],
    }
    headers["haproxy"], headers["caddy"] = headers["nginx"], headers["traefik"]
    asks = method if dialect == "envoy" else "GET"
    return asks, target if dialect == "envoy" else "", headers[dialect] + common + list(more)


@pytest.fixture
def ask(serve, backend):
    """Asks a Poolgate that understands every dialect."""
    port = free_port()
    serve(three_routes(backend), edit=with_ext_authz(port))

    def ask(dialect, method, target, token=None, route=None, more=()):
        asks, behind, headers = question(dialect, method, target, token, more)
        path = f"/routes/{route}/check/{dialect}" if route else f"/check/{dialect}"
        return call(port, asks, path + behind, headers)

    ask.port = port
    return ask


@pytest.mark.parametrize("dialect", DIALECTS)
def test_answers(ask, key, dialect):
    writer = mint.pool_token(key, groups=["writers"])
    nginx = "nginx" in dialect
    cases = [
        ("GET", "/orders/7", writer, None, 200),
        ("GET", "/orders/7", writer, "orders", 200),
        ("PUT", "/orders/7?a=b", writer, "orders", 200),
        ("GET", "/public/page", None, None, 200),
        ("GET", "/orders/7", None, "orders", 401),
        ("GET", "/orders/7", mint.pool_token(key, groups=["writers"], seconds=-5), "orders", 401),
        ("DELETE", "/orders/7", writer, "orders", 403),
        ("GET", "/elsewhere", writer, None, 403 if nginx else 404),
        ("GET", "/orders/7", writer, "nobodys", 403 if nginx else 404),
        ("GET", "/orders/../orders/7", writer, "orders", 403 if nginx else 400),
        ("TRACE", "/orders/7", writer, "orders", 403 if nginx else 405),
    ]
    for method, target, token, route, status in cases:
        answer = ask(dialect, method, target, token, route)
        assert answer.status == status, (method, target, route, answer)
        assert answer.header("cache-control") == "no-store"
        told = {name.lower() for name, _ in answer.fields if name.lower().startswith("x-poolgate-")}
        assert told == (IDENTITY_HEADERS if status == 200 else {"x-poolgate-decision-id"}), answer
        if status == 401:
            assert answer.all("www-authenticate")[0].startswith("Bearer")
    nobody = ask(dialect, "GET", "/public/page")
    assert nobody.header("x-poolgate-subject") == nobody.header("x-poolgate-role") == ""


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_missing_or_comes_twice(ask, key, dialect):
    token = mint.pool_token(key, groups=["writers"])
    asks, behind, headers = question(dialect, "GET", "/orders/7", token)
    own_host = "Host" if dialect in ("ingress-nginx", "traefik", "caddy") else None
    lies = [("X-Original-URI", "/public/page"), ("X-Original-URL", "http://x/public/page"), ("X-Forwarded-Uri", "/public/page")]
    for name, value in headers:
        rest = [(key, told) for key, told in headers if key != name]
        others = [(key, told) for key, told in lies if key not in dict(headers)]
        for wrong in (rest + others, headers + [(name, value)], [(name, "lies"), *headers]):
            if name == "Host" and wrong == rest + others:
                continue  # http.client would send its own
            if name == own_host or name == "Authorization" and wrong == rest + others:
                continue
            answer = call(ask.port, asks, f"/check/{dialect}{behind}", wrong)
            assert answer.status in (400, 401, 403), (name, wrong, answer)


def test_only_what_is_enabled(serve, backend, key):
    port = free_port()
    serve(three_routes(backend), edit=with_ext_authz(port, ["nginx"]))
    token = mint.pool_token(key, groups=["writers"])
    for dialect in DIALECTS:
        asks, behind, headers = question(dialect, "GET", "/orders/7", token)
        answer = call(port, asks, f"/check/{dialect}{behind}", headers)
        assert answer.status == (200 if dialect == "nginx" else 404), (dialect, answer)


def test_only_who_may_ask(serve, backend, key):
    port = free_port()
    edit = with_ext_authz(port)
    serve(three_routes(backend), edit=lambda text: edit(text).replace("dialects:", 'from: ["10.0.0.0/8", unix], dialects:'))
    asks, behind, headers = question("nginx", "GET", "/orders/7", mint.pool_token(key, groups=["writers"]))
    # The connection ends; nothing on it is read.
    with pytest.raises(OSError):
        call(port, asks, f"/check/nginx{behind}", headers)


def test_what_cannot_be_asked(ask, key):
    token = mint.pool_token(key, groups=["writers"])
    target = "application/x-amz-json-1.0"
    for more in ([("X-Amz-Target", "DynamoDB_20120810.GetItem"), ("Content-Type", target)],):
        for dialect in DIALECTS:
            answer = ask(dialect, "POST", "/orders/7", token, "orders", more)
            assert answer.status in (400, 403, 404), (dialect, answer)
    for dialect in DIALECTS:
        answer = ask(dialect, "GET", "/orders/7?X-Amz-Signature=00&X-Amz-Algorithm=AWS4-HMAC-SHA256", None, "orders")
        assert answer.status in (400, 403), (dialect, answer)


def test_header_names_that_a_backend_reads_as_others(ask, key):
    token = mint.pool_token(key, groups=["writers"])
    for dialect in DIALECTS:
        for name in ("X_Poolgate_Role", "X.Poolgate.Role", "Some_Header"):
            answer = ask(dialect, "GET", "/orders/7", token, "orders", [(name, "x")])
            assert answer.status == (403 if "nginx" in dialect else 400), (dialect, name, answer)


def test_headers_that_a_proxy_takes_out_by_name(ask, key):
    """What it can't name is refused; Envoy alone is told."""
    token = mint.pool_token(key, groups=["writers"])
    refusal = {"envoy": 200, "nginx": 403, "ingress-nginx": 403}
    for dialect in DIALECTS:
        for name in ("X-Rewrite-URL", "X-HTTP-Method-Override", "X-Poolgate-Role", "X-Forwarded-Port"):
            assert ask(dialect, "GET", "/orders/7", token, "orders", [(name, "x")]).status == 200, (dialect, name)
        for name in ("X-Rewrite-Anything", "X-HTTPMethodOverride", "X-Poolgate-Extra", "X-Forwarded-Anything"):
            answer = ask(dialect, "GET", "/orders/7", token, "orders", [(name, "x")])
            assert answer.status == refusal.get(dialect, 400), (dialect, name, answer)
            if answer.status == 200:
                assert name.lower() in answer.header("x-envoy-auth-headers-to-remove").split(",")


def test_a_route_of_another_host(serve, backend):
    """Whatever the proxy went by: what goes on has this host."""
    port = free_port()
    routes = (PUBLIC % backend.url).replace("path: /public/", "host: open.example, path: /public/")
    serve(routes, edit=with_ext_authz(port))
    for dialect in DIALECTS:
        asks, behind, headers = question(dialect, "GET", "/public/page")
        for host, status in (("open.example", 200), ("api.example.com", 403 if "nginx" in dialect else 404)):
            told = [(name, value.replace("api.example.com", host)) for name, value in headers]
            answer = call(port, asks, f"/routes/public/check/{dialect}{behind}", told)
            assert answer.status == status, (dialect, host, answer)
