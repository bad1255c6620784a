"""Headers that speak for somebody else, upgrades, and messages that two programs could read in two ways."""

from callers import ENVOYS, HOST, NGINXES, PROXIES
from conformance import GO, NAMED, SPOOFED, allowed, denied, differs, itself, unreadable

# What a proxy writes in the place of the client's own.
REWRITTEN = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"]

# Rows over which the names are spread that `poolgate snippet` has the callers take out.
PARTS = 8

# Half of a credential: one that comes without its other half is refused.
SESSION_TOKEN = "x-amz-security-token"

# By their beginning, or as they are spelt: no list of names has them all.
UNLISTED = [
    "X-Pool-Gate-Role", "x-forwarded-anything", "XForwarded-For", "x-original-anything", "x-rewrite-anything", "x-realip",
    "x-httpmethodoverride",
]  # fmt: skip
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


def spoofed(*names):
    return [(name, SPOOFED) for name in names]


def taken_out(part):
    """A share of what the printed configurations take out by name, and the gate by itself."""
    return lambda world, *_: spoofed(*[name for name in world.taken_out if name != SESSION_TOKEN][part::PARTS])


def connection(name, own):
    itself_ = itself(400, "takes no such Connection", "caddy", "haproxy")
    mine = (NGINXES, 200, "writes a Connection of its own, and drops nothing", "allowed_by_policy")
    drops = ((*ENVOYS, "traefik"), 200, "drops what the client sent of it, and then asks", "allowed_by_policy")
    return denied(
        f"Connection takes {name} away", "connection_token", headers=[("Connection", f"close, {name}")],
        differs=differs(mine, drops, itself_, *own),
    )


HEADERS = [
    allowed(f"headers: taken out by name, {part + 1} of {PARTS}", headers=taken_out(part)) for part in range(PARTS)
] + [
    allowed("headers: written by proxies", headers=spoofed(*REWRITTEN)),
    denied("header: a session token beside a token", "several_credentials", headers=spoofed(SESSION_TOKEN)),
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
    allowed("upgrade: WebSocket", headers=WEBSOCKET, arrives=[("upgrade", "websocket")]),
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
