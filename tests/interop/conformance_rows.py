"""Who may do what, with which credentials, under which path and host."""

from callers import ENVOYS, HOST, NGINXES, PROXIES
from conformance import GO, HTTP_DIALECTS, NAMED, allowed, denied, differs, itself, unreadable, withheld
from signing import sign


def cookie(world, cookies="a=b; session={token}; c=d"):
    return [("Cookie", cookies.replace("{token}", world.tokens["reader"]))]


def pages(name, cookies, arrives, **more):
    """Cookies on a route that reads its token from one, in a line each; what arrives of them."""
    return allowed(
        f"a token in a cookie, {name}", "valid_token", "token", target="/pages/{n}", token=None,
        headers=lambda w, *_: [pair for line in cookies for pair in cookie(w, line)], arrives=[("cookie", arrives)], **more,
    )  # fmt: skip


def proof(world, method, target, prover=None):
    """A token that is bound to a key, and the proof of having it."""
    token = world.tokens["bound"]
    made = (prover or world.prover).proof(method, f"http://{HOST}{target}", token)
    return [("Authorization", f"DPoP {token}"), ("DPoP", made)]


def signed(world, method, target, body=b"", **change):
    fields = sign(world.gate, world.credentials, method, target, {"Host": HOST}, body, service="execute-api", **change)
    return list(fields.items())


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
    allowed("Cedar permits", "allowed_by_cedar", "cedar", token="plain", target="/cedar/{n}"),
    denied("Cedar forbids", "cedar_forbid", 403, token="heavy", target="/cedar/{n}"),
    denied("Cedar can't evaluate a forbid", "cedar_error", 403, token="heavier", target="/cedar/{n}"),
    denied("no route", "no_route", 404, target="/elsewhere/{n}"),
    denied("a path that only begins like a route's", "no_route", 404, target="/machinesandmore/{n}"),
    denied("the gate's own paths for those who ask", "no_route", 404, target="/routes/public/check/envoy/{n}"),
    denied("nginx's own path for asking", "no_route", 404, target="/.poolgate/public/{n}"),
    denied("metrics are not for callers", "no_route", 404, target="/metrics/{n}"),
]

KEPT = "takes out whole headers, by name, and those that it takes out of every request"
LINES = ("envoy-http", 401, "joins lines of cookies by a comma", "missing_token")
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
    allowed(
        "Basic on a public route", "public_route", token=None, target="/public/{n}", headers=[("Authorization", "Basic YTpi")],
        arrives=[("authorization", None)],
        differs=differs((NAMED, 200, KEPT, "public_route", None, [("authorization", "Basic YTpi")])),
    ),
    pages("among others", ["a=b; session={token}; c=d"], "a=b; c=d"),
    pages("alone", ["session={token}"], None),
    pages("in a line of its own", ["a=b", "session={token}"], "a=b", differs=differs(LINES)),
    pages("between lines", ["a=b; c=d", "session={token}; e=f", 'g="h i"'], 'a=b; c=d; e=f; g="h i"', differs=differs(LINES)),
    allowed("cookies beside a token", "valid_token", "token", token="reader", target="/pages/{n}",
            headers=[("Cookie", "a=b;c=d")], arrives=[("cookie", "a=b; c=d")]),
    allowed("cookies where none has a token", headers=[("Cookie", "a=b;session=c")], arrives=[("cookie", "a=b;session=c")]),
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
        differs=differs(withheld(*HTTP_DIALECTS)),
    ),
    denied(
        "signed, of no stated length", "body_withheld", 403, method="PUT", token=None, who="signed", headers=lambda w, m, t: signed(w, m, t),
        differs=differs(("gate", 200, "sees that there is none", "allowed_by_policy")),
    ),
    denied(
        "signed, with another body", "body_digest_mismatch", 403, method="PUT", body=b"[]", token=None,
        headers=lambda w, m, t: signed(w, m, t, b"{}"),
        differs=differs(withheld(*HTTP_DIALECTS)),
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
