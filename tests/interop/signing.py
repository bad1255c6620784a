"""SigV4 written out, so that a request can be signed wrongly in every way there is; and requests sent byte by byte."""

import datetime
import hashlib
import hmac
import http.client
import socket
import urllib.parse

from gate import REGION, Answer

UNSIGNED = "UNSIGNED-PAYLOAD"


def now(seconds=0):
    """A moment from now, as SigV4 writes it."""
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y%m%dT%H%M%SZ")


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signing_key(secret, date, region, service):
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = mac(key, part)
    return key


def quoted(text):
    return urllib.parse.quote(text, safe="-_.~")


def canonical_query(query):
    parts = [part.partition("=") for part in query.split("&")] if query else []
    named = [(urllib.parse.unquote(name), urllib.parse.unquote(value)) for name, _, value in parts]
    return "&".join(sorted(f"{quoted(name)}={quoted(value)}" for name, value in named))


def signature(secret, scope, stamp, method, target, headers, names, payload):
    path, _, query = target.partition("?")
    values = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    request = "\n".join(
        [
            method,
            path,
            canonical_query(query),
            *(f"{name}:{values[name]}" for name in names),
            "",
            ";".join(names),
            payload,
        ]
    )
    date, region, service, _ = scope.split("/")
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, digest])
    return mac(signing_key(secret, date, region, service), text).hex()


def sign(gate, credentials, method, target, headers=None, body=b"", **change):
    """The headers of a signed request. `change` replaces what a good one has: `secret`, `access_key_id`, `token`,
    `stamp`, `skew` (in seconds), `date`, `region`, `service`, `payload`, `leave_out` (header names that aren't signed)."""
    stamp = change.get("stamp") or now(change.get("skew", 0))
    scope = "/".join(
        [change.get("date", stamp[:8]), change.get("region", REGION), change.get("service", "s3"), "aws4_request"]
    )
    payload = change.get("payload", hashlib.sha256(body).hexdigest())
    token = change.get("token", credentials["SessionToken"])
    fields = {
        "Host": f"127.0.0.1:{gate.proxy}",
        "X-Amz-Date": stamp,
        "X-Amz-Content-Sha256": payload,
        **({"X-Amz-Security-Token": token} if token else {}),
        **(headers or {}),
    }
    names = sorted(name.lower() for name in fields if name.lower() not in change.get("leave_out", ()))
    secret = change.get("secret", credentials["SecretKey"])
    found = signature(secret, scope, stamp, method, target, fields, names, payload)
    key_id = change.get("access_key_id", credentials["AccessKeyId"])
    fields["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={';'.join(names)}, Signature={found}"
    )
    return fields


def presign(gate, credentials, method, target, **change):
    """The target of a presigned request; `change` replaces query parameters, and None removes one."""
    stamp = now()
    scope = f"{stamp[:8]}/{REGION}/s3/aws4_request"
    parameters = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{credentials['AccessKeyId']}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": "60",
        "X-Amz-Security-Token": credentials["SessionToken"],
        "X-Amz-SignedHeaders": "host",
    }
    parameters |= {f"X-Amz-{name}": value for name, value in change.items()}
    query = "&".join(f"{name}={quoted(value)}" for name, value in parameters.items() if value is not None)
    query = f"{target}{'&' if '?' in target else '?'}{query}"
    if "Signature" in change:
        return query
    host = {"host": f"127.0.0.1:{gate.proxy}"}
    found = signature(credentials["SecretKey"], scope, stamp, method, query, host, ["host"], UNSIGNED)
    return f"{query}&X-Amz-Signature={found}"


def raw(gate, method, target, headers=(), body=b""):
    """One request of exactly these bytes, whatever they are; text is sent as latin-1."""
    fields = list(headers.items()) if isinstance(headers, dict) else list(headers)
    if not any(name.lower() == "host" for name, _ in fields):
        fields.insert(0, ("Host", f"127.0.0.1:{gate.proxy}"))
    fields += [("Content-Length", str(len(body))), ("Connection", "close")]
    head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields)
    with socket.create_connection(("127.0.0.1", gate.proxy), timeout=20) as connection:
        connection.sendall(head.encode("latin-1") + b"\r\n" + body)
        response = http.client.HTTPResponse(connection, method=method)
        response.begin()
        return Answer(response.status, response.getheaders(), response.read())
