"""Good, bad and mutated tokens, each with a name: what two verifiers are asked about.

A row is (name, verifier, token); the verifier is "pool" (a Cognito user pool) or "oidc" (any OpenID provider).
"""

import json
import time

from mint import CLIENT, ISSUER, UPDATED_ISSUER, b64, claims, header, hmac_signed, sign

OIDC_ISSUER = "https://login.example.com/tenant"
OIDC_AUDIENCE = "interop-audience"

# Where Poolgate refuses what aws-jwt-verify 5.2.1 lets pass, and why it is right to.
STRICTER = {
    "exp missing": "a token that never expires can't be withdrawn; Cognito always sets exp",
    "exp missing, id token": "as above",
    "oidc: exp missing": "as above; OpenID Connect Core §2 requires exp",
    "claims: client_id twice": "RFC 7519 §4: names must be unique; parsers disagree on which of two counts",
    "claims: exp twice": "as above",
    "claims: duplicate inside a nested object": "as above: a policy may read nested claims",
    "header: alg twice": "RFC 7515 §4: header names must be unique",
    "header: kid twice": "as above",
    "header: crit of an unknown extension": "RFC 7515 §4.1.11: not understood, so refused",
    "header: crit empty": "RFC 7515 §4.1.11: an empty list is not allowed",
    "header: crit b64": "RFC 7797: the unencoded payload option is not for JWTs (§7)",
    "header: typ of another kind": "RFC 8725 §3.11: a logout token must not pass for an access token",
    "header: enc": "encrypted tokens are not taken, nor what looks like half of one",
    "header: over 1 KiB": "every input has a bound",
    "claims: over 8 KiB": "as above; Cognito's tokens stay far below",
    "claims: forty levels deep": "as above",
    "exp beyond 2^53": "not a time, and other parsers round it differently",
    "iat in the future": "issued by a clock that can't be right, or forged",
    "username a number": "RFC 7519 §2: a claim that policies read has one type",
    "groups a string": "as above",
    "access token bound to another resource": "RFC 8707 §2.2: aud says for whom it is; this gate is not it",
    "oidc: azp of another client": "OpenID Connect Core §3.1.3.7, rule 5",
    "encoding: padded signature": "RFC 7515 §2: base64url has no padding",
    "encoding: padded header": "as above",
    "encoding: slack bits of the signature set": "RFC 4648 §3.5: one signature, one text; caches key on the text",
}


def rows(key, other, stranger, ec, ed, rs512):
    """`key` and `other` are the pool's, `ec`, `ed`, `rs512` the OpenID provider's, `stranger` is nobody's."""
    now = int(time.time())
    good_header = header(key)

    def pool(head=None, signer=key, use="access", **members):
        return sign(signer, head or good_header, claims(use, **members))

    def raw(payload, head=None):
        return sign(key, good_header if head is None else head, payload)

    def oidc_claims(**members):
        base = {"iss": OIDC_ISSUER, "aud": OIDC_AUDIENCE, "sub": "u-1", "iat": now - 5, "exp": now + 3600}
        return {name: value for name, value in (base | members).items() if value is not None}

    def oidc(signer, head=None, **members):
        return sign(signer, head or header(signer), oidc_claims(**members))

    good = pool()
    head, body, signature = good.split(".")
    members = json.dumps(claims())
    none, none_in_capitals = (b64(json.dumps({**good_header, "alg": alg}).encode()) for alg in ("none", "NONE"))
    alg_twice = f'{{"alg":"none","kid":{json.dumps(key.kid)},"alg":"RS256"}}'.encode()
    kid_twice = f'{{"alg":"RS256","kid":"x","kid":{json.dumps(key.kid)}}}'.encode()
    hs256 = {**good_header, "alg": "HS256"}
    table = [
        # Good ones.
        ("access token", good),
        ("id token", pool(use="id")),
        ("the pool's second key", pool(header(other), other)),
        ("updated issuer form", pool(iss=UPDATED_ISSUER)),
        ("nbf in the past", pool(nbf=now - 60)),
        ("exp fractional", pool(exp=now + 3600.5)),
        ("iat fractional", pool(iat=now - 5.25)),
        ("header with typ JWT", pool(header(key, typ="JWT"))),
        ("header with typ at+jwt", pool(header(key, typ="at+jwt"))),
        ("escaped slashes in iss", raw(json.dumps(claims()).replace("/", "\\/").encode())),
        ("groups, not ASCII", pool(groups=["Schreiber-Ü", "作家"])),
        ("an unknown claim of any shape", pool(**{"custom:x": {"a": [1, None, {"b": True}]}})),
        # Times.
        ("exp missing", pool(exp=None)),
        ("exp missing, id token", pool(use="id", exp=None)),
        ("expired a second ago", pool(exp=now - 1)),
        ("expired long ago", pool(exp=1)),
        ("exp zero", pool(exp=0)),
        ("exp negative", pool(exp=-1)),
        ("exp a string", pool(exp=str(now + 3600))),
        ("exp a date", pool(exp="2099-01-01T00:00:00Z")),
        ("exp an array", pool(exp=[now + 3600])),
        ("exp an object", pool(exp={"at": now + 3600})),
        ("exp true", pool(exp=True)),
        ("nbf in the future", pool(nbf=now + 3600)),
        ("nbf a string", pool(nbf=str(now - 60))),
        ("nbf fractional", pool(nbf=now - 60.5)),
        ("iat in the future", pool(iat=now + 3600)),
        ("exp beyond 2^53", pool(exp=1 << 60)),
        ("iat a string", pool(iat=str(now - 60))),
        # Who issued it, for whom.
        ("iss of another pool", pool(iss=ISSUER[:-1] + "9")),
        ("iss of another region", pool(iss=ISSUER.replace("us-east-1.", "us-west-2."))),
        ("iss with a slash at its end", pool(iss=ISSUER + "/")),
        ("iss in capitals", pool(iss=ISSUER.upper())),
        ("iss over http", pool(iss=ISSUER.replace("https", "http"))),
        ("iss missing", pool(iss=None)),
        ("iss an array", pool(iss=[ISSUER])),
        ("client_id of another client", pool(client_id="anotherclient0000000000000")),
        ("client_id missing", pool(client_id=None)),
        ("client_id an array", pool(client_id=[CLIENT])),
        ("client_id a prefix", pool(client_id=CLIENT[:-1])),
        ("client_id in aud", pool(client_id=None, aud=CLIENT)),
        ("aud of another client, id token", pool(use="id", aud="anotherclient0000000000000")),
        ("aud missing, id token", pool(use="id", aud=None)),
        ("aud in client_id, id token", pool(use="id", aud=None, client_id=CLIENT)),
        ("token_use refresh", pool(token_use="refresh")),
        ("token_use missing", pool(token_use=None)),
        ("token_use an array", pool(token_use=["access"])),
        ("token_use in capitals", pool(token_use="Access")),
        ("token_use id with an access token's claims", pool(token_use="id")),
        ("token_use access with an id token's claims", pool(use="id", token_use="access")),
        ("sub a number", pool(sub=7)),
        ("scope an array", pool(scope=["a", "b"])),
        ("jti a number", pool(jti=7)),
        ("username a number", pool(username=7)),
        ("groups a string", pool(**{"cognito:groups": "writers"})),
        ("access token bound to another resource", pool(aud="https://billing.example.com")),
        # The header.
        ("alg none, no signature", f"{none}.{body}."),
        ("alg none, old signature", f"{none}.{body}.{signature}"),
        ("alg None in capitals", f"{none_in_capitals}.{body}."),
        ("alg HS256 with the public key", hmac_signed(key.public_pem(), hs256, claims())),
        ("alg HS256 with an empty key", hmac_signed(b"", hs256, claims())),
        ("alg RS512 of an RS256 key", pool({**good_header, "alg": "RS512"})),
        ("alg PS256 of an RS256 key", pool({**good_header, "alg": "PS256"})),
        ("alg ES256 of an RSA key", pool({**good_header, "alg": "ES256"})),
        ("alg missing", pool({"kid": key.kid})),
        ("alg a number", pool({**good_header, "alg": 256})),
        ("alg in small letters", pool({**good_header, "alg": "rs256"})),
        ("kid of the other key", pool(header(other))),
        ("kid unknown", pool({**good_header, "kid": "nobody"})),
        ("kid missing", pool({"alg": "RS256"})),
        ("kid a number", pool({**good_header, "kid": 1})),
        ("kid empty", pool({**good_header, "kid": ""})),
        ("kid a path", pool({**good_header, "kid": "../../../../dev/null"})),
        ("stranger's key under the pool's kid", pool(signer=stranger)),
        ("stranger's key in a jwk header", pool({**good_header, "jwk": stranger.jwk()}, stranger)),
        ("stranger's key by jku", pool({**good_header, "jku": "https://evil.example/jwks.json"}, stranger)),
        ("header: crit of an unknown extension", pool({**good_header, "crit": ["exp2"], "exp2": 1})),
        ("header: crit empty", pool({**good_header, "crit": []})),
        ("header: crit b64", pool({**good_header, "crit": ["b64"], "b64": True})),
        ("header: typ of another kind", pool(header(key, typ="logout+jwt"))),
        ("header: enc", pool(header(key, enc="A256GCM"))),
        ("header: over 1 KiB", pool(header(key, more="x" * 1100))),
        ("header: alg twice", raw(members.encode(), alg_twice)),
        ("header: kid twice", raw(members.encode(), kid_twice)),
        ("header: an array", raw(members.encode(), b'["RS256"]')),
        ("header: not JSON", raw(members.encode(), b"RS256")),
        ("header: not UTF-8", raw(members.encode(), b'{"alg":"RS256","kid":"\xff"}')),
        # The claims as text.
        ("claims: client_id twice", raw(f'{{"client_id":"x",{members[1:]}'.encode())),
        ("claims: exp twice", raw(f'{{"exp":1,{members[1:]}'.encode())),
        ("claims: duplicate inside a nested object", raw(f'{{"custom:x":{{"a":1,"a":2}},{members[1:]}'.encode())),
        ("claims: over 8 KiB", pool(more="x" * 8192)),
        ("claims: forty levels deep", raw(f'{{"more":{"[" * 40}{"]" * 40},{members[1:]}'.encode())),
        ("claims: an array", raw(f"[{members}]".encode())),
        ("claims: a string", raw(b'"foo"')),
        ("claims: null", raw(b"null")),
        ("claims: not JSON", raw(b"foo")),
        ("claims: cut off", raw(members[:-1].encode())),
        ("claims: something behind them", raw((members + "{}").encode())),
        ("claims: none at all", raw(b"")),
        # The compact form.
        ("one claim altered", f"{head}.{b64(json.dumps(claims(groups=['writers'])).encode())}.{signature}"),
        ("signature of another token", f"{head}.{body}.{pool(jti='x').split('.')[2]}"),
        ("signature cut by one", good[:-1]),
        ("signature cut by half", good[: -len(signature) // 2]),
        ("signature empty", f"{head}.{body}."),
        ("signature zero", f"{head}.{body}.{b64(bytes(256))}"),
        ("signature with one bit flipped", f"{head}.{body}.{flip(signature)}"),
        ("two parts", f"{head}.{body}"),
        ("four parts", f"{good}.{signature}"),
        ("five parts", f"{good}.{body}.{signature}"),
        ("a dot before", f".{good}"),
        ("a dot behind", f"{good}."),
        ("two dots in the middle", f"{head}..{body}.{signature}"),
        ("header empty", f".{body}.{signature}"),
        ("dots only", ".."),
        ("one word", "nonsense"),
        ("claims in standard base64", f"{head}.{body[:-4]}+/+/.{signature}"),
        ("encoding: padded signature", f"{good}=="),
        ("encoding: padded header", padded_header(key)),
        ("encoding: slack bits of the signature set", f"{good[:-1]}{slack(good[-1])}"),
    ]
    provider = [
        ("oidc: RS512", oidc(rs512)),
        ("oidc: ES256", oidc(ec)),
        ("oidc: EdDSA", oidc(ed)),
        ("oidc: audience in a list", oidc(ec, aud=["other", OIDC_AUDIENCE])),
        ("oidc: audience of another", oidc(ec, aud="other")),
        ("oidc: audience missing", oidc(ec, aud=None)),
        ("oidc: audience list empty", oidc(ec, aud=[])),
        ("oidc: azp of another client", oidc(ec, azp="other")),
        ("oidc: azp is the audience", oidc(ec, azp=OIDC_AUDIENCE)),
        ("oidc: exp missing", oidc(ec, exp=None)),
        ("oidc: expired", oidc(ec, exp=now - 1)),
        ("oidc: nbf in the future", oidc(ec, nbf=now + 600)),
        ("oidc: iss of another", oidc(ec, iss=OIDC_ISSUER + "2")),
        ("oidc: ES256 under the RSA key's kid", oidc(ec, {"alg": "ES256", "kid": rs512.kid})),
        ("oidc: RS256 of an RS512 key", oidc(rs512, {"alg": "RS256", "kid": rs512.kid})),
        ("oidc: ES384 of a P-256 key", oidc(ec, {"alg": "ES384", "kid": ec.kid})),
        ("oidc: a user pool's key", oidc(key)),
        ("oidc: HS256 with the public key", hmac_signed(ec.public_pem(), {"alg": "HS256", "kid": ec.kid}, oidc_claims())),
        ("oidc: ES256 with a zero signature", oidc(ec).rpartition(".")[0] + "." + b64(bytes(64))),
    ]
    return [(name, "pool", token) for name, token in table] + [(name, "oidc", token) for name, token in provider]


def flip(signature):
    return ("B" if signature[0] == "A" else "A") + signature[1:]


def slack(last):
    """The last character of a 256-byte signature carries four bits that decode to nothing; sets one."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return letters[letters.index(last) | 1]


def padded_header(key):
    """A correctly signed token whose header is encoded with padding."""
    head = json.dumps(header(key)).encode()
    while len(head) % 3 != 1:
        head += b" "
    data = f"{b64(head)}==.{b64(json.dumps(claims()).encode())}"
    return f"{data}.{b64(key.signature(data.encode()))}"
