"""The conformance table: requests, and what is decided of each, whoever asks.

A row says what the gate decides. A column's own traits (`callers.py`) say how its caller words it; where a caller does
something else, the row names it and says why. `{n}` is the request's mark; `spoofed` is a value that may reach nobody.
"""

from dataclasses import dataclass, field

from callers import ENVOYS, HOST, NGINXES, PROXIES, Request
from signing import sign

SPOOFED = "spoofed"


@dataclass(frozen=True)
class Differs:
    """What a caller does instead. Without a reason it answers itself, and asks nobody."""

    status: int
    why: str
    reason: str | None = None
    # As it is forwarded then.
    target: str | None = None
    # What arrives then, where it is something else.
    arrives: tuple | None = None


def differs(*rules):
    """(callers, status, why, reason) and so on, by the callers' names."""
    each = [((names,) if isinstance(names, str) else names, Differs(*rest)) for names, *rest in filter(None, rules)]
    return {name: how for names, how in each for name in names}


@dataclass(frozen=True)
class Row:
    name: str
    status: int
    reason: str
    # Of whom the upstream is told: a key of `IDENTITIES`. Of the token's, if it isn't said.
    who: str | None = None
    target: str = "/orders/{n}"
    method: str = "GET"
    token: str | None = "writer"
    # Pairs, or a function of the world, the method and the target.
    headers: object = ()
    hosts: tuple = (HOST,)
    body: bytes = b""
    version: str = "HTTP/1.1"
    # Turns the bytes of the request's head into those that are sent.
    wire: object = None
    # What the upstream has to get (header, value); None for none of that name.
    arrives: tuple = ()
    # The target that arrives, where it is another.
    forwarded: str | None = None
    differs: dict = field(default_factory=dict)

    def request(self, world, mark):
        target = self.target.replace("{n}", mark)
        token = self.token and world.tokens[self.token]
        headers = [("Host", host) for host in self.hosts]
        if token:
            headers.append(("Authorization", f"Bearer {token}"))
        more = self.headers(world, self.method, target) if callable(self.headers) else self.headers
        # A signed request names its host itself.
        headers += [(name, value) for name, value in more if name != "Host"]
        if self.body and not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in headers):
            headers.append(("Content-Length", str(len(self.body))))
        request = Request(self.method, target, tuple(headers), self.body, self.version)
        if self.wire:
            wire = self.wire(request.head(), mark).encode("latin-1")
            request = Request(self.method, target, tuple(headers), self.body, self.version, wire)
        return request

    def of_the_wire(self):
        """Whether it is about bytes, which nobody is told of who is only asked."""
        return self.wire is not None or "://" in self.target

    def caller(self, reason):
        """Of whom the upstream is told."""
        return "nobody" if reason == "public_route" else self.who or self.token

    def by(self, caller):
        """How this caller differs, if it does."""
        if caller.name in self.differs:
            return self.differs[caller.name]
        if self.reason == "no_route" and caller.routes_itself:
            return Differs(404, "what no route takes is not asked about")
        return None


def denied(name, reason, status=400, **more):
    return Row(name, status, reason, **more)


def allowed(name, reason="allowed_by_policy", who=None, **more):
    return Row(name, 200, reason, who=who, **more)


# Whom the upstream is told of: role and groups.
IDENTITIES = {
    "writer": ("Writer", "writers"),
    "reader": ("Reader", "readers"),
    "plain": ("Authenticated", ""),
    # Where no engine decides, nobody needs a role.
    "token": ("", "readers"),
    "signed": ("Writer", ""),
    "writer-id": ("Writer", "writers"),
    "nobody": None,
}

WHO_MAY_WHAT = [
    allowed("a writer reads"),
    allowed("a writer reads, with an ID token", token="writer-id"),
    allowed("a reader reads", token="reader"),
    allowed("a writer writes", method="PUT", body=b'{"a": 1}'),
    allowed("a writer looks", method="HEAD"),
    allowed("the query arrives as it was written", target="/orders/{n}?a=b&c=%2F&&d=1%20+&e"),
    allowed("nobody in particular reads what everyone may", token="plain", target="/orders/public/{n}"),
    allowed("a token is enough", "valid_token", token="reader", who="token", target="/machines/{n}"),
    allowed("a public route", "public_route", "nobody", token=None, target="/public/{n}"),
    denied("no token", "missing_token", 401, token=None),
    denied("no token, and a preflight is none", "missing_token", 401, token=None, method="OPTIONS"),
    denied("a reader writes", "implicit_deny", 403, token="reader", method="POST", body=b"{}"),
    denied("nobody in particular reads", "implicit_deny", 403, token="plain"),
    denied("a writer reads secrets", "explicit_deny", 403, target="/orders/secret/{n}"),
    denied("no route", "no_route", 404, target="/elsewhere/{n}"),
    denied("a path that only begins like a route's", "no_route", 404, target="/machinesandmore/{n}"),
    denied("the gate's own paths for those who ask", "no_route", 404, target="/routes/public/check/envoy/{n}"),
    denied("nginx's own path for asking", "no_route", 404, target="/.poolgate/public/{n}"),
    denied("metrics are not for callers", "no_route", 404, target="/metrics/{n}"),
]

HTTP_DIALECTS = PROXIES[1:]
GO = ("traefik", "caddy")
NO_BODY = "has no body to verify the signature with"


def itself(status, why, *names):
    return (names, status, why)


def unreadable(*names, status=400):
    """Of what these programs can't read either."""
    return (names, status, "refuses it while it reads the head")


def withheld(*names):
    return (names, 403, NO_BODY, "body_withheld")


CREDENTIALS = [
    denied("expired", "expired", 401, token="expired"),
    denied("signed by a stranger under the pool's kid", "bad_signature", 401, token="forged"),
    denied("HS256 with the public key", "unsupported_algorithm", 401, token="hmac"),
    denied("alg none", "unsupported_algorithm", 401, token="none"),
    denied("exp as text", "invalid_claim", 401, token="exp-text"),
    denied("a path for a kid", "unknown_key", 401, token="kid-path"),
    denied("keys at a jku", "bad_signature", 401, token="jku"),
    denied("crit", "malformed", 401, token="crit"),
    denied("five parts", "malformed", 401, token="five-parts"),
    denied("another issuer", "unknown_issuer", 401, token="stranger"),
    denied("another client", "wrong_client", 401, token="other-client"),
    denied("an issuer whose keys can't be had", "keys_unavailable", 503, token="no-keys"),
    denied(
        "a token of ten KiB", "too_large", 401, token="large",
        differs=differs(unreadable(*NGINXES)),
    ),
    denied(
        "two tokens", "header_repeated", headers=lambda w, *_: [("Authorization", f"Bearer {w.tokens['reader']}")],
        differs=differs((ENVOYS, 400, "joins the two by a comma", "authorization_malformed"), unreadable(*NGINXES)),
    ),
    denied(
        "a token and Basic", "header_repeated", headers=[("Authorization", "Basic YTpi")],
        differs=differs((ENVOYS, 400, "joins the two by a comma", "authorization_malformed"), unreadable(*NGINXES)),
    ),
    denied("Basic", "unsupported_credential", 401, token=None, headers=[("Authorization", "Basic YTpi")]),
    denied("two tokens in one line", "authorization_malformed", token=None,
           headers=lambda w, *_: [("Authorization", f"Bearer {w.tokens['writer']}, Bearer {w.tokens['writer']}")]),
    denied(
        "bytes outside ASCII in a credential", "header_not_ascii", token=None, headers=[("Authorization", "Bearer \xe9")],
        differs=differs(("envoy-http", 400, "writes another character in its place", "authorization_malformed")),
    ),
    denied("a token in the query", "missing_token", 401, token=None, target="/orders/{n}?access_token=abc"),
    allowed("a token in a cookie", "valid_token", "token", token=None, target="/pages/{n}", headers=lambda w, *_: cookie(w)),
    denied("a cookie twice", "cookie_ambiguous", token=None, target="/pages/{n}", headers=lambda w, *_: cookie(w) + cookie(w)),
    denied("a cookie's unsafe request from elsewhere", "origin_not_allowed", 403, token=None, method="POST", target="/pages/{n}",
           headers=lambda w, *_: [*cookie(w), ("Origin", "https://evil.example")]),
    denied("a token that is bound to a key, without proof", "dpop_required", 401, token="bound"),
    allowed("a token that is bound to a key, with proof", token=None, who="writer", headers=lambda w, m, t: proof(w, m, t)),
    denied("a proof for another path", "dpop_uri", 401, token=None, headers=lambda w, m, t: proof(w, m, t + "1")),
    denied("a proof by another key", "dpop_other_key", 401, token=None, headers=lambda w, m, t: proof(w, m, t, w.second_prover)),
    allowed(
        "signed, without a body", headers=lambda w, m, t: signed(w, m, t), token=None, who="signed", arrives=[("authorization", None)],
        differs=differs(withheld(*HTTP_DIALECTS)),
    ),
    allowed(
        "signed, with its body", method="PUT", body=b"{}", token=None, who="signed", headers=lambda w, m, t: signed(w, m, t, b"{}"),
        differs=differs(withheld(*PROXIES)),
    ),
    denied(
        "signed, of no stated length", "body_withheld", 403, method="PUT", token=None, who="signed", headers=lambda w, m, t: signed(w, m, t),
        differs=differs(("gate", 200, "sees that there is none", "allowed_by_policy")),
    ),
    denied(
        "signed, with another body", "body_digest_mismatch", 403, method="PUT", body=b"[]", token=None,
        headers=lambda w, m, t: signed(w, m, t, b"{}"),
        differs=differs(withheld(*PROXIES)),
    ),
    denied("signed with another secret", "signature_mismatch", 403, token=None,
           headers=lambda w, m, t: signed(w, m, t, secret="x" * 40)),
    denied("signed, and a token", "several_credentials",
           headers=lambda w, m, t: [(n, v) for n, v in signed(w, m, t) if n != "Authorization"]),
    denied(
        "a signed query", "presigned_malformed", 403, token=None,
        target="/orders/{n}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00",
        differs=differs((HTTP_DIALECTS, 403, "can't take the signature out of the query", "presigned_not_asked")),
    ),
]

# What two programs could read in two ways, and what of it a caller refuses or leaves to nobody by itself.
UNDECODED = "compares paths undecoded, and takes no escape that isn't needed"
NOWHERE = "as it is written, it is no route's path"
PARSED = "Go's URL parser refuses it"
TWO_WAYS = [
    ("an encoded slash", "/orders/a%2F{n}", "target_encoded_slash"),
    ("an encoded slash, out of the public route", "/public/..%2Forders/{n}", "target_encoded_slash"),
    ("dot segments", "/public/../orders/{n}", "target_dot_segment"),
    ("encoded dot segments", "/public/%2e%2e/orders/{n}", "target_dot_segment", itself(400, UNDECODED, "haproxy")),
    ("one dot", "/orders/./{n}", "target_dot_segment"),
    ("one encoded dot", "/orders/%2E/{n}", "target_dot_segment", itself(400, UNDECODED, "haproxy")),
    ("dot segments of a matrix", "/public/..;/orders/{n}", "target_matrix_parameter"),
    ("a matrix parameter", "/orders/{n};a=b", "target_matrix_parameter"),
    ("an encoded semicolon", "/orders/{n}%3Ba", "target_matrix_parameter"),
    ("escaped twice", "/public/%252e%252e/orders/{n}", "target_double_encoding"),
    ("a letter escaped twice", "/%256frders/{n}", "target_double_encoding", itself(404, NOWHERE, *PROXIES)),
    ("a backslash", "/orders\\{n}", "target_backslash", itself(404, NOWHERE, *PROXIES)),
    ("an encoded backslash", "/public/..%5Corders/{n}", "target_backslash"),
    ("a fragment", "/orders/{n}#/public/", "target_fragment", unreadable(*ENVOYS, "haproxy"), itself(400, PARSED, "traefik")),
    ("an encoded fragment", "/orders/{n}%23", "target_fragment"),
    ("an encoded question mark", "/orders/{n}%3Fa", "target_fragment"),
    ("an empty segment", "/orders//{n}", "target_empty_segment"),
    ("an empty segment first", "//orders/{n}", "target_empty_segment",
     itself(404, NOWHERE, *ENVOYS, "nginx", "traefik", "haproxy")),
    ("NUL", "/orders/{n}%00", "target_nul", unreadable(*NGINXES)),
    ("NUL in the query", "/orders/{n}?a=%00", "target_nul"),
    ("an encoded line break", "/orders/{n}%0d%0aX-Injected:%20spoofed", "target_control_character"),
    ("half an escape", "/orders/{n}%2", "target_bad_escape", unreadable(*NGINXES), itself(400, PARSED, *GO)),
    ("no escape", "/orders/{n}%zz", "target_bad_escape", unreadable(*NGINXES), itself(400, PARSED, *GO)),
    ("raw characters outside ASCII", "/orders/{n}\xe9", "target_non_ascii",
     unreadable(*ENVOYS, "haproxy"), ("gate", 400, "they are not HTTP/1", "malformed_request"),
     (NGINXES, 400, "tells of the path in a header", "header_not_ascii"), (GO, 400, "escapes them", "target_not_utf8")),
    ("escapes that are not UTF-8", "/orders/{n}%ff", "target_not_utf8"),
    ("a quote", '/orders/{n}"', "target_character",
     (GO, 200, "escapes it: that is asked about, and forwarded", "allowed_by_policy", "/orders/{n}%22")),
]  # fmt: skip

BY_TARGET = "goes by the host in the target, as RFC 9112 §3.2.2 has it, and forwards that one"

PATHS = [
    denied(f"path: {name}", reason, target=target, differs=differs(*rules)) for name, target, reason, *rules in TWO_WAYS
] + [
    denied("path: of nine KiB", "target_too_long", 414, target="/orders/{n}/" + "a" * 9000,
           differs=differs(unreadable(*NGINXES, status=414))),
    denied(
        "path: another host in it", "host_disagrees", target="http://elsewhere.example/orders/{n}",
        differs=differs(
            unreadable("haproxy"), itself(400, "the two hosts are compared", "nginx"),
            ((*ENVOYS, *GO), 200, BY_TARGET, "allowed_by_policy", "/orders/{n}"),
            ("ingress-nginx", 200, "goes by `Host`, and forwards that one", "allowed_by_policy", "/orders/{n}"),
        ),
    ),
    allowed("path: the same host in it", target=f"http://{HOST}/orders/{{n}}", forwarded="/orders/{n}",
            differs=differs(("haproxy", 200, "forwards it as it is written", "allowed_by_policy", f"http://{HOST}/orders/{{n}}"))),
    denied(
        "path: *", "target_form", target="*", method="OPTIONS",
        differs=differs(itself(404, NOWHERE, *ENVOYS, "haproxy"), unreadable(*NGINXES), itself(200, "answers it itself", *GO)),
    ),
    allowed(
        "path: an escaped letter", target="/%6frders/{n}",
        differs=differs(
            (ENVOYS, 400, "asks, and then " + UNDECODED, "allowed_by_policy"), itself(400, UNDECODED, "haproxy"),
            ("traefik", 200, "writes it without the escape: that is asked about, and forwarded", "allowed_by_policy", "/orders/{n}"),
        ),
    ),
    allowed("path: escaped characters", target="/orders/{n}%20%C3%A9"),
    allowed("path: a slash at its end", target="/orders/{n}/"),
    denied("path: another case", "no_route", 404, target="/Orders/{n}"),
]

HOSTS = [
    allowed("host: a public one's", "public_route", "nobody", token=None, target="/hosted/{n}", hosts=("open.example",)),
    denied("host: another's", "missing_token", 401, token=None, target="/hosted/{n}", hosts=("inner.example",)),
    denied("host: in capitals", "missing_token", 401, token=None, target="/hosted/{n}", hosts=("INNER.example",)),
    denied("host: with a port", "missing_token", 401, token=None, target="/hosted/{n}", hosts=("inner.example:8080",)),
    denied(
        "host: with a dot at its end", "missing_token", 401, token=None, target="/hosted/{n}", hosts=("inner.example.",),
        differs=differs(itself(404, "takes it for another host, which no route has", *ENVOYS, "caddy", "haproxy")),
    ),
    denied("host: nobody's", "no_route", 404, target="/hosted/{n}", hosts=("elsewhere.example",)),
    denied(
        "host: a public one's in the target, another in Host", "host_disagrees", token=None,
        target="http://open.example/hosted/{n}", hosts=("inner.example",),
        differs=differs(
            unreadable("haproxy"), itself(400, "the two hosts are compared", "nginx"),
            ((*ENVOYS, *GO), 200, BY_TARGET, "public_route", "/hosted/{n}"),
            ("ingress-nginx", 404, "goes by the target's, and forwards the other: that is not the route's", "unknown_route"),
        ),
    ),
    denied(
        "host: a public one, another in the target", "host_disagrees", token=None,
        target="http://inner.example/hosted/{n}", hosts=("open.example",),
        differs=differs(
            unreadable("haproxy"), itself(400, "the two hosts are compared", "nginx"),
            ((*ENVOYS, *GO), 401, BY_TARGET, "missing_token"),
            ("ingress-nginx", 404, "goes by the target's, and forwards the other: that is not the route's", "unknown_route"),
        ),
    ),
]

# As `poolgate snippet` takes them out, and the gate does by itself.
STRIPPED = """
    x-amzn-oidc-accesstoken x-amzn-oidc-data x-amzn-oidc-identity
    forwarded x-forwarded-access-token x-forwarded-by x-forwarded-client-cert x-forwarded-email x-forwarded-for
    x-forwarded-groups x-forwarded-host x-forwarded-method x-forwarded-path x-forwarded-port x-forwarded-preferred-username
    x-forwarded-prefix x-forwarded-proto x-forwarded-scheme x-forwarded-server x-forwarded-ssl x-forwarded-tls-client-cert
    x-forwarded-tls-client-cert-info x-forwarded-uri x-forwarded-url x-forwarded-user
    cf-connecting-ip true-client-ip x-client-ip x-cluster-client-ip x-real-ip x-remote-addr x-remote-ip
    client-cert client-cert-chain proxy x-host x-http-host-override x-http-method x-http-method-override x-method-override
    x-middleware-subrequest x-original-forwarded-for x-original-host x-original-method x-original-uri x-original-url
    x-rewrite-uri x-rewrite-url
    x-envoy-attempt-count x-envoy-auth-failure-mode-allowed x-envoy-decorator-operation x-envoy-external-address
    x-envoy-internal x-envoy-original-host x-envoy-original-path x-envoy-peer-metadata x-envoy-peer-metadata-id
    proxy-authorization proxy-connection
""".split()

# By their beginning, or as they are spelt: no list of names has them all.
UNLISTED = [
    "X-Pool-Gate-Role", "x-forwarded-anything", "XForwarded-For", "x-original-anything", "x-rewrite-anything", "x-realip",
    "x-httpmethodoverride",
]  # fmt: skip
NAMED = [name for name in HTTP_DIALECTS if name != "envoy-http"]
CANT_NAME = "takes out what it can name, so that the gate refuses the rest"

# Callers that drop what Connection names, as they have to, before they ask.
CONNECTION = {
    "X-Poolgate-Role": [],
    "Authorization": [(ENVOYS, 401, "drops what Connection names, and then asks", "missing_token"),
                      ("traefik", 401, "drops what Connection names, and then asks", "missing_token")],
    "X-Forwarded-For": [unreadable(*ENVOYS)],
    "Host": [unreadable(*ENVOYS), ("haproxy", 200, "drops nothing", "allowed_by_policy")],
    "Cookie": [],
}  # fmt: skip
ITS_OWN_CONNECTION = "keeps what Connection names, which is the client's own"


def spoofed(*names):
    return [(name, SPOOFED) for name in names]


def connection(name, own):
    itself_ = itself(400, "takes no such Connection", "caddy", "haproxy")
    mine = (NGINXES, 200, "writes a Connection of its own, and drops nothing", "allowed_by_policy")
    drops = ((*ENVOYS, "traefik"), 200, "drops what the client sent of it, and then asks", "allowed_by_policy")
    return denied(
        f"Connection takes {name} away", "connection_token", headers=[("Connection", f"close, {name}")],
        differs=differs(mine, drops, itself_, *own),
    )


HEADERS = [
    allowed(f"headers: {beginning}*", headers=spoofed(*(name for name in STRIPPED if name.startswith(beginning))))
    for beginning in ("x-amzn-", "forwarded", "x-forwarded-", "cf-", "true-", "x-c", "x-re", "client-", "proxy", "x-h", "x-m", "x-o", "x-envoy-")
] + [
    allowed(f"header: {name}, on a public route", "public_route", "nobody", token=None, target="/public/{n}", headers=spoofed(name))
    for name in ("x-poolgate-role", "x-poolgate-subject", "x-poolgate-groups", "x-http-method-override", "x-original-url")
] + [
    allowed(f"header: {name}", headers=spoofed(name))
    for name in ("x-poolgate-subject", "X-POOLGATE-ROLE", "x-poolgate-identity", "x-poolgate-groups", "x-poolgate-decision-id")
] + [
    denied(
        f"header: {name}", "header_name", headers=spoofed(name),
        differs=differs(
            itself(400, "refuses names with _", *ENVOYS) if "_" in name else (),
            ((*NGINXES, "caddy"), 200, "drops names with _ and ., and then asks", "allowed_by_policy"),
            itself(400, "refuses such names", "traefik"),
            ("haproxy", 200, "drops names that have poolgate in them, and then asks", "allowed_by_policy")
            if "oolgate" in name else (),
        ),
    )
    for name in ("X_Poolgate_Role", "X-Poolgate_Role", "X.Poolgate.Role", "X_Forwarded_For", "X_HTTP_Method_Override", "Some_Header")
] + [
    allowed("header: x-poolgate-extra", headers=spoofed("x-poolgate-extra"),
            differs=differs(((*NGINXES, "traefik"), 400, CANT_NAME, "header_name"))),
] + [
    allowed(f"header: {name}", headers=spoofed(name), differs=differs((NAMED, 400, CANT_NAME, "header_name")))
    for name in UNLISTED
] + [
    connection(name, own) for name, own in CONNECTION.items()
] + [
    allowed("Connection takes the client's own away", headers=[("Connection", "close, x-mine"), ("x-mine", "a")]),
    denied("two dates", "header_repeated", headers=[("X-Amz-Date", "1"), ("X-Amz-Date", "2")],
           differs=differs(("envoy-http", 200, "joins the two by a comma", "allowed_by_policy"))),
    denied("two content types", "header_repeated", headers=[("Content-Type", "text/plain"), ("Content-Type", "text/html")],
           differs=differs((ENVOYS, 200, "joins the two by a comma", "allowed_by_policy"))),
    allowed("two of another name", headers=[("x-two", "a"), ("x-two", "b")]),
    denied("another service's operation", "service_not_asked", 403, method="POST", body=b"{}",
           headers=[("X-Amz-Target", "DynamoDB_20120810.GetItem"), ("Content-Type", "application/x-amz-json-1.0")],
           differs=differs(("gate", 400, "serves DynamoDB, where there is a route", "no_route"))),
]  # fmt: skip

WEBSOCKET = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
]
H2C = [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", SPOOFED)]


def body(text):
    """Puts a body, whatever the head says of it."""
    return lambda head, _: head.decode("latin-1") + text


def lines_end_with_lf(head, _):
    return head.decode("latin-1").replace("\r\n", "\n")


def smuggling(head, mark):
    """A body that is over before its stated length, and a request of its own behind."""
    behind = "GET /orders/{n}/smuggled HTTP/1.1\r\nHost: api.example.com\r\n\r\n"
    return head.decode("latin-1") + "0\r\n\r\n" + behind.replace("{n}", mark)


def more_headers(count):
    return [(f"x-{at}", "a") for at in range(count)]


UPGRADES = [
    allowed(
        "upgrade: WebSocket", headers=WEBSOCKET, arrives=[("upgrade", "websocket")],
        differs=differs(("gate", 200, "forwards no upgrade yet", "allowed_by_policy", None, [("upgrade", None)])),
    ),
    denied("upgrade: WebSocket, without a token", "missing_token", 401, token=None, headers=WEBSOCKET),
    denied(
        "upgrade: WebSocket, with a body", "upgrade_with_body", headers=WEBSOCKET, method="POST", body=b"{}",
        differs=differs(
            ("envoy-http", 400, "asks without telling of the upgrade, and then refuses it", "allowed_by_policy"),
            itself(400, "takes no upgrade with a body", "nginx", "caddy", "haproxy"),
            itself(404, "has no route for an upgrade with a body", "traefik"),
            ("ingress-nginx", 200, "doesn't tell of upgrades, and forwards this one", "allowed_by_policy"),
        ),
    ),
    denied(
        "upgrade: WebSocket, not of the connection", "upgrade", headers=WEBSOCKET[1:],
        differs=differs(
            itself(400, "takes no other upgrade than WebSocket's", "nginx"),
            ((*ENVOYS, "ingress-nginx", *GO, "haproxy"), 200, "takes it for no upgrade, and asks", "allowed_by_policy"),
        ),
    ),
    denied(
        "upgrade: h2c", "upgrade", headers=H2C, arrives=[("upgrade", None), ("http2-settings", None)],
        differs=differs(
            ((*ENVOYS, "haproxy"), 200, "takes it out, and asks", "allowed_by_policy"),
            itself(400, "takes no other upgrade than WebSocket's", "nginx", "caddy"),
            itself(404, "has no route for another upgrade than WebSocket's", "traefik"),
            ("ingress-nginx", 200, "takes HTTP2-Settings out, without which it is no upgrade (RFC 7540 §3.2.1)",
             "allowed_by_policy", None, [("http2-settings", None)]),
        ),
    ),
    denied(
        "upgrade: another", "upgrade", headers=[("Connection", "Upgrade"), ("Upgrade", "another")],
        differs=differs(
            itself(403, "takes no other upgrade than WebSocket's", *ENVOYS),
            itself(400, "takes no other upgrade than WebSocket's", "nginx", "caddy", "haproxy"),
            itself(404, "has no route for another upgrade than WebSocket's", "traefik"),
            ("ingress-nginx", 200, "forwards any upgrade; its template can't be told otherwise", "allowed_by_policy"),
        ),
    ),
    denied(
        "upgrade: two", "upgrade", headers=[("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Upgrade", "another")],
        differs=differs(
            itself(403, "takes no other upgrade than WebSocket's", *ENVOYS),
            itself(400, "takes no other upgrade than WebSocket's", "haproxy"),
            ((*NGINXES, *GO), 200, "goes by the first, and forwards that one", "allowed_by_policy"),
        ),
    ),
]

MESSAGES = [
    denied("method: TRACE", "method_not_served", 405, method="TRACE", differs=differs(unreadable(*NGINXES, status=405))),
    denied("method: in small letters", "method_not_served", 405, method="get", differs=differs(unreadable(*ENVOYS, *NGINXES))),
    denied(
        "method: CONNECT", "method_not_served", 405, method="CONNECT",
        differs=differs(
            unreadable(*ENVOYS, "haproxy"), unreadable(*NGINXES, status=405), unreadable("traefik", status=501)
        ),
    ),
    denied(
        "host: none", "host_missing", hosts=(),
        differs=differs(unreadable(*PROXIES), ("grpc", 400, "has to tell of one", "host_invalid")),
    ),
    denied(
        "host: two", "header_repeated", hosts=(HOST, "elsewhere.example"),
        differs=differs(
            unreadable(*NGINXES, *GO, "haproxy"), ("grpc", 400, "tells of one apart", "host_disagrees"),
            (ENVOYS, 400, "joins the two by a comma", "host_invalid"),
        ),
    ),
    denied("host: a user in it", "host_invalid", hosts=("api.example.com@elsewhere.example",),
           differs=differs(unreadable(*GO, "haproxy"))),
    denied("host: a path in it", "host_invalid", hosts=("api.example.com/public",), differs=differs(unreadable(*PROXIES))),
] + [
    denied(
        f"length: {name}", "length_and_encoding", method="PUT", wire=smuggling, headers=headers,
        differs=differs(
            unreadable(*ENVOYS, *NGINXES),
            ((*GO, "haproxy"), 200, "goes by the chunks, and forwards those alone", "allowed_by_policy"),
        ),
    )
    for name, headers in {
        "with chunks": [("Content-Length", "4"), ("Transfer-Encoding", "chunked")],
        "chunks with it": [("Transfer-Encoding", "chunked"), ("Content-Length", "4")],
    }.items()
] + [
    denied("length: two", "header_repeated", method="PUT", headers=[("Content-Length", "2"), ("Content-Length", "3")],
           wire=body("{}1"), differs=differs(unreadable(*PROXIES))),
    denied(
        "length: the same twice", "header_repeated", method="PUT", headers=[("Content-Length", "2")] * 2, wire=body("{}"),
        differs=differs(
            unreadable(*ENVOYS, *NGINXES), ((*GO, "haproxy"), 200, "forwards one", "allowed_by_policy"),
        ),
    ),
    denied("length: with a sign", "content_length", method="PUT", headers=[("Content-Length", "+2")], wire=body("{}"),
           differs=differs(unreadable(*PROXIES))),
    denied("chunks: another coding", "transfer_encoding", method="PUT", headers=[("Transfer-Encoding", "xchunked")],
           wire=smuggling, differs=differs(unreadable(*PROXIES[:-1], status=501), unreadable("haproxy"))),
    denied("chunks: not last", "transfer_encoding", method="PUT", headers=[("Transfer-Encoding", "chunked, identity")],
           wire=smuggling, differs=differs(unreadable(*PROXIES[:-1], status=501), unreadable("haproxy"))),
    denied(
        "chunks: in HTTP/1.0", "transfer_encoding", method="PUT", version="HTTP/1.0", wire=smuggling,
        headers=[("Transfer-Encoding", "chunked")],
        differs=differs(
            unreadable(*ENVOYS, status=426), unreadable(*NGINXES),
            ((*GO, "haproxy"), 200, "goes by the chunks, and forwards them in HTTP/1.1", "allowed_by_policy"),
        ),
    ),
    denied("chunks: a space before the colon", "malformed_request", method="PUT", headers=[("Transfer-Encoding ", "chunked")],
           wire=smuggling, differs=differs(unreadable(*PROXIES))),
    allowed("chunks", method="PUT", headers=[("Transfer-Encoding", "chunked")], wire=body("2\r\n{}\r\n0\r\n\r\n")),
    denied(
        "head: a folded line", "malformed_request", headers=[("x-folded", "a\r\n b")], wire=body(""),
        differs=differs(
            unreadable(*NGINXES), ((*ENVOYS, *GO, "haproxy"), 200, "unfolds it", "allowed_by_policy"),
        ),
    ),
    denied("head: lines that end with LF", "malformed_request", wire=lines_end_with_lf,
           differs=differs((PROXIES, 200, "takes them for lines, and writes lines of its own", "allowed_by_policy"))),
    denied("head: NUL in a value", "malformed_request", headers=[("x-nul", "a\0b")], wire=body(""),
           differs=differs(unreadable(*PROXIES))),
    denied("head: a space in the target", "malformed_request", target="/orders/{n} x", wire=body(""),
           differs=differs(unreadable(*PROXIES))),
    denied(
        "head: two hundred headers", "headers_too_large", 431, headers=more_headers(200),
        differs=differs(
            ("grpc", 200, "has no head to read", "allowed_by_policy"), unreadable(*ENVOYS, status=431),
            itself(500, "can't ask with so many", *NGINXES), itself(431, "can't ask with so many", *GO),
            unreadable("haproxy"),
        ),
    ),
    allowed("head: sixty headers", headers=more_headers(60)),
]  # fmt: skip


def cookie(world):
    return [("Cookie", f"a=b; session={world.tokens['reader']}; c=d")]


def proof(world, method, target, prover=None):
    """A token that is bound to a key, and the proof of having it."""
    token = world.tokens["bound"]
    made = (prover or world.prover).proof(method, f"http://{HOST}{target}", token)
    return [("Authorization", f"DPoP {token}"), ("DPoP", made)]


def signed(world, method, target, body=b"", **change):
    fields = sign(world.gate, world.credentials, method, target, {"Host": HOST}, body, service="execute-api", **change)
    return list(fields.items())


TABLE = [*WHO_MAY_WHAT, *CREDENTIALS, *PATHS, *HOSTS, *HEADERS, *UPGRADES, *MESSAGES]
