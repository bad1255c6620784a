"""P2 at S3: for hostile targets, what the backend received is exactly what was authorized, or it received nothing.

The backend's own reading of what it got, decoded once, is compared with the decision log's record of the same id.
"""

import urllib.parse

import pytest

from backend import Backend
from files import BACKEND_KEY, Files
from gate import until
from signing import presign, raw, sign

SEGMENTS = [
    "a", "%61", "a b", "a%20b", "a+b", "a%2Bb", "a%2520b", "a%25252e", "..", ".", "...", "%2e", "%2E%2e", ".%2e", "..;",
    "..%3b", "..%00", "..%01", "..%ff", "..%c0%ae", "%c0%ae%c0%ae", "%e0%80%ae", "..%5c", "..\\", "%2F", "%2f..", "a%2Fb",
    "a%252Fb", "a;b", "a;/../b", "a%3Fb", "a%23b", "a?b", "a?/../b", "a?acl", "a?acl&x", "a?%61cl", "a?ACL", "a?versionId=1",
    "a?versionId=%2e%2e", "a?prefix=..", "a?x=1#y", "a#b", "*", "%2A", "$", "%24%7Ba%7D", "${aws:userid}", "?", "??", "?/",
    "%3F", "a&b", "a=b", "%C3%BC", "u%CC%88", "\u00fc", "%EF%BC%8E%EF%BC%8E", "%E2%80%AE", "%EF%BB%BF", "%E2%88%95",
    "%ef%bc%8f", "a%0d%0aX: y", "a%09", "%20", "a%20", "a.", "a/.", "a//", "//a", "/", "a/", "a%2F", "CON", "~", "%7e", "'", "%22",
    "<", "|", "^", "`", "{", "[", "%zz", "%", "%2", "%u002e", "0x2e", "@", ":", "a:b", "http://other/x", "\u202e",
]  # fmt: skip
PREFIXES = ["/demo/", "/demo/public/", "/demo/secret/../", "/demo/secret%2F", "/demo/%73ecret/", "/demo//secret/", "/other/../demo/",
            "//demo/", "/demo%2F", "/./demo/", "/%64emo/", "/demo/public/../secret/"]  # fmt: skip
WHOLE = [
    "/demo/secret", "/demo/secret/", "/demo/secret/x", "/demo/SECRET/x", "/demo/%73%65%63%72%65%74/x", "/demo/secret%2fx",
    "/demo/public/hello.txt?list-type=2", "/demo?list-type=2&prefix=secret/", "/demo?list-type=2&prefix=..%2f", "/demo?",
    "/demo?x", "/demo/?acl", "/?acl", "/?list-type=2", "/?", "/", "", "/demo;x/a", "/demo?prefix=a%26delimiter=b",
    "/demo?prefix=a+b", "/demo?prefix=a%2Bb", "/demo?prefix=%E2%80%AE", "/demo?delimiter=%2F&max-keys=%31",
    "/demo/a?x-id=GetObject", "/demo/a?response-content-type=a%0d%0ab", "/demo/a?partNumber=1&uploadId=x",
    "/demo/a?uploadId=a%26acl", "http://other/demo/a", "http://demo.s3.localhost/a",
]  # fmt: skip
TARGETS = [prefix + segment for prefix in PREFIXES[:2] for segment in SEGMENTS]
TARGETS += [prefix + tail for prefix in PREFIXES[2:] for tail in ("x", "a/../x", "secret/x", "%2e%2e/secret/x")]
TARGETS += WHOLE
HOSTS = [
    "demo.s3.localhost", "DEMO.S3.LOCALHOST", "demo.s3.localhost.", "demo.s3.localhost:80", "s3.localhost", "a.demo.s3.localhost",
    ".s3.localhost", "demo..s3.localhost", "other.s3.localhost", "demo/../other.s3.localhost", "demo%2e.s3.localhost",
    "xs3.localhost", "demo.s3.localhost.evil.example", "demo@s3.localhost", "demo_.s3.localhost", "127.0.0.1",
]  # fmt: skip
HOST_TARGETS = ["/", "/secret/x", "/public/hello.txt", "/demo/secret/x", "/demo/public/x", "/../secret/x", "/%2e%2e/x", "//x",
                "/?list-type=2", "/secret%2Fx", "/%73ecret/x", "/x?acl"]  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory, key):
    backend = Backend()
    try:
        with Files(tmp_path_factory.mktemp("hostile"), key, backend.url) as files:
            files.backend = backend
            yield files
    finally:
        backend.close()


def checked(record):
    """Resources that were judged, without S3's ARN prefix."""
    return {each["resource"].removeprefix("arn:aws:s3:::") for each in record["checks"]}


def read(path):
    """Bucket and key as a backend reads them that decodes once and resolves nothing."""
    return urllib.parse.unquote(path.partition("?")[0], errors="strict").removeprefix("/")


def judge(files, asked):
    """Sends requests, and compares each with what came of it; `asked` are (method, target, headers)."""
    began = files.backend.count()
    answers = []
    for method, target, headers in asked:
        # Some of it is no HTTP: the gate may close the connection, and then nothing may have come of it.
        try:
            answers.append((method, target, raw(files.gate, method, target.encode().decode("latin-1"), headers)))
        except (OSError, ValueError) as refused:
            answers.append((method, target, refused))
    with files.backend.lock:
        received = files.backend.requests[began:]
    by_id = {}
    for method, path, headers in received:
        ids = [value for name, value in headers if name.lower() == "x-poolgate-decision-id"]
        assert len(ids) == 1 and ids[0] not in by_id
        by_id[ids[0]] = (method, path)
    passed = 0
    for method, target, answer in answers:
        if isinstance(answer, Exception):
            continue
        seen = by_id.pop(answer.header("x-poolgate-decision-id"), None)
        record = until("the decision's record", 5, lambda: files.recorded(answer.header("x-poolgate-decision-id")))
        if seen is None:
            # An allowed one that wasn't forwarded is a failure of the rig.
            assert record["effect"] == "deny", (method, target, record)
            assert answer.status >= 400, (method, target, answer)
            continue
        passed += 1
        assert record["effect"] == "allow", (method, target, record)
        assert seen[0] == method
        path = read(seen[1])
        assert checked(record) == {path or "*"}, (method, target, seen, record)
        # What a backend would resolve doesn't come through at all.
        assert not any(part in ("", ".", "..") for part in path.rstrip("/").split("/")[1:]), (target, seen)
        assert "\\" not in path and not any(ord(each) < 32 or ord(each) == 127 for each in path)
        assert not path.startswith("demo/secret/"), (target, seen)
    assert not by_id, f"forwarded, and no answer says so: {by_id}"
    return passed


@pytest.mark.parametrize("who", ["carol", "alice", "anonymous"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_targets(files, who, method):
    fields = {"Authorization": f"Bearer {files.people.tokens(who)['access']}"} if who != "anonymous" else {}
    passed = judge(files, [(method, target, fields) for target in TARGETS])
    # The corpus has good ones as well.
    assert passed or (who, method) in {(each, verb) for each in ("alice", "anonymous") for verb in ("PUT", "DELETE")}


@pytest.mark.parametrize("host", HOSTS)
def test_hosts(files, host):
    fields = {"Authorization": f"Bearer {files.people.tokens('carol')['access']}", "Host": host}
    judge(files, [("GET", target, fields) for target in HOST_TARGETS])


@pytest.mark.parametrize(
    "host,target,path",
    [
        ("demo.s3.localhost", "/a/b", "/demo/a/b"),
        ("DEMO.s3.localhost:8080", "/a", "/demo/a"),
        ("demo.s3.localhost", "/demo/a", "/demo/demo/a"),
        ("my.demo.s3.localhost", "/a", "/my.demo/a"),
        ("s3.localhost", "/demo/a", "/demo/a"),
        ("127.0.0.1", "/demo/a%2fb%20c+d", "/demo/a/b%20c%2Bd"),
        ("demo.s3.localhost", "/?prefix=x", "/demo?prefix=x"),
    ],
)
def test_the_upstream_request_is_path_style_and_made_anew(files, host, target, path):
    fields = {"Authorization": f"Bearer {files.people.tokens('carol')['access']}", "Host": host}
    assert raw(files.gate, "GET", target, fields).status == 200
    assert files.backend.last()[1] == path


def test_what_goes_upstream_is_the_gates_own(files):
    """Signed with the backend's key alone; nothing of the caller's credentials, nor of their connection."""
    bob, target = files.people.credentials("bob"), f"/demo/{urllib.parse.quote(files.people.home('bob'))}x"
    token = files.people.tokens("bob")["id"]
    requests = [
        ("GET", target, {"Authorization": f"Bearer {token}", "Cookie": "session=1", "X-Http-Method-Override": "DELETE"}),
        ("GET", target, sign(files.gate, bob, "GET", target)),
        ("GET", presign(files.gate, bob, "GET", target), {}),
        ("GET", "/demo/public/hello.txt", {"Forwarded": "for=6.6.6.6", "Origin": "https://app.example.com"}),
    ]
    for method, asked, fields in requests:
        assert raw(files.gate, method, asked, fields).status == 200
        _, path, headers = files.backend.last()
        names = [name.lower() for name, _ in headers]
        assert len(names) == len(set(names))
        text = str(headers) + path
        for secret in (token, bob["SessionToken"], bob["AccessKeyId"], bob["SecretKey"], "session=1"):
            assert secret not in text
        found = dict(zip(names, (value for _, value in headers)))
        assert found["authorization"].startswith(f"AWS4-HMAC-SHA256 Credential={BACKEND_KEY}/")
        assert "x-amz-security-token" not in found and "cookie" not in found
        assert "x-http-method-override" not in found and "X-Amz-" not in path
