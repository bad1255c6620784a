"""What S3 refuses is refused with S3's code, and the backend sees nothing of it.

The backend counts every request: what is refused after its body came through may have begun, but never ended.
"""

import base64
import hashlib
import re
import urllib.parse

import pytest

from backend import Backend
from files import Files
from gate import until
from people import IDENTITY_POOL
from signing import presign, raw, sign

DENIED = (403, "AccessDenied")


@pytest.fixture(scope="module")
def files(tmp_path_factory, key):
    backend = Backend()
    try:
        with Files(tmp_path_factory.mktemp("refusals"), key, backend.url) as files:
            files.backend = backend
            yield files
    finally:
        backend.close()


@pytest.fixture
def unseen(files):
    """Nothing may come of a test at the backend."""
    before = len(files.backend.finished)
    yield
    assert len(files.backend.finished) == before, files.backend.last()


def told(answer):
    """Status and S3's error code."""
    assert answer.header("x-poolgate-decision-id"), answer
    code = re.search(rb"<Error>.*<Code>(\w+)</Code>.*<Message>[^<]+</Message>", answer.body, re.S)
    assert code, answer
    assert answer.header("content-type") == "application/xml"
    return answer.status, code.group(1).decode()


def own(files):
    return f"/demo/{urllib.parse.quote(files.people.home('bob'))}x"


SIGNATURES = {
    "another secret": ({"secret": "x" * 40}, {(403, "SignatureDoesNotMatch")}),
    "unknown access key": ({"access_key_id": "ASIA" + "A" * 16}, {(403, "InvalidAccessKeyId"), (400, "InvalidToken")}),
    "long-term key": ({"access_key_id": "AKIA" + "A" * 16, "token": None}, {(403, "InvalidAccessKeyId")}),
    "no session token": ({"token": None}, {(403, "InvalidAccessKeyId"), (400, "InvalidToken")}),
    "a token that is none": ({"token": "nonsense"}, {(400, "InvalidToken")}),
    "a token of zeros": ({"token": base64.b64encode(bytes(400)).decode()}, {(400, "InvalidToken")}),
    "too old": ({"skew": -16 * 60}, {(403, "RequestTimeTooSkewed")}),
    "too young": ({"skew": 16 * 60}, {(403, "RequestTimeTooSkewed")}),
    "the scope of another day": ({"date": "20200101"}, {(403, "SignatureDoesNotMatch"), (400, "AuthorizationHeaderMalformed")}),
    "a date that is none": ({"stamp": "yesterday", "date": "20260101"}, {(403, "AccessDenied"), (400, "AuthorizationHeaderMalformed"), (400, "InvalidArgument")}),
    "host not signed": ({"leave_out": ("host",)}, {(403, "AccessDenied"), (403, "SignatureDoesNotMatch"), (400, "AuthorizationHeaderMalformed")}),
    "token not signed": ({"leave_out": ("x-amz-security-token",)}, {DENIED}),
    "digest not signed": ({"leave_out": ("x-amz-content-sha256",)}, {DENIED}),
    "a digest that is none": ({"payload": "deadbeef"}, {(400, "InvalidArgument"), (400, "InvalidRequest")}),
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(files, unseen, name):
    change, expected = SIGNATURES[name]
    fields = sign(files.gate, files.people.credentials("bob"), "GET", own(files), **change)
    assert told(raw(files.gate, "GET", own(files), fields)) in expected


def test_a_good_signature_passes(files):
    """So that the refusals above are of what was changed."""
    bob, target = files.people.credentials("bob"), own(files)
    before = len(files.backend.finished)
    for payload in ({}, {"payload": "UNSIGNED-PAYLOAD"}):
        fields = sign(files.gate, bob, "PUT", target, body=b"good", **payload)
        assert raw(files.gate, "PUT", target, fields, b"good").status == 200
    assert raw(files.gate, "GET", presign(files.gate, bob, "GET", target)).status == 200
    assert len(files.backend.finished) == before + 3
    method, path, _ = files.backend.last()
    assert (method, urllib.parse.unquote(path)) == ("GET", urllib.parse.unquote(target))


def test_headers_added_to_a_signed_request(files, unseen):
    bob, target = files.people.credentials("bob"), own(files)
    for name, value in (("x-amz-acl", "public-read"), ("x-amz-copy-source", "demo/public/hello.txt")):
        fields = sign(files.gate, bob, "PUT", target)
        assert told(raw(files.gate, "PUT", target, {**fields, name: value})) == DENIED


@pytest.mark.parametrize("method,target", [("PUT", "{}"), ("GET", "{}?acl"), ("GET", "{}y"), ("GET", "/demo?list-type=2")])
def test_a_signature_is_for_one_request(files, unseen, method, target):
    fields = sign(files.gate, files.people.credentials("bob"), "GET", own(files))
    answer = raw(files.gate, method, target.format(own(files)), fields)
    assert told(answer) == (403, "SignatureDoesNotMatch")


def test_a_body_that_isnt_the_signed_one(files, unseen):
    fields = sign(files.gate, files.people.credentials("bob"), "PUT", own(files), body=b"the signed")
    answer = raw(files.gate, "PUT", own(files), fields, b"the others")
    assert told(answer) == (400, "XAmzContentSHA256Mismatch")


@pytest.mark.parametrize(
    "value",
    [
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=x",
        "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=00",
        "AWS4-ECDSA-P256-SHA256 Credential=a/20260101/s3/aws4_request, SignedHeaders=host, Signature=00",
        "AWS AKIAAAAAAAAAAAAAAAAA:c2lnbmF0dXJl",
        "Basic YTpi",
        "Digest x",
        "nonsense",
        "",
    ],
)
def test_authorization_that_is_none(files, unseen, value):
    """Never as a guest: what a guest may read is refused too."""
    answer = raw(files.gate, "GET", "/demo/public/hello.txt", {"Authorization": value})
    assert told(answer) in {
        (400, "AuthorizationHeaderMalformed"),
        (400, "InvalidArgument"),
        (400, "InvalidRequest"),
        DENIED,
    }


def test_bearers_that_are_none(files, unseen):
    good = files.people.tokens("alice")["id"]
    for token in ("x.y.z", good[:-8] + "AAAAAAAA", good.rpartition(".")[0] + "."):
        answer = files.gate.call("GET", "/demo/public/hello.txt", token=token)
        assert told(answer)[0] in (400, 401, 403)


def test_two_identities_in_one_request(files, unseen):
    bob, target, gate = files.people.credentials("bob"), own(files), files.gate
    bearer = {"Authorization": f"Bearer {files.people.tokens('carol')['id']}"}
    url, fields = presign(gate, bob, "GET", target), sign(gate, bob, "GET", target)
    for headers, asked in [
        (bearer, url),
        (fields, url),
        ([*fields.items(), *bearer.items()], target),
        ([*fields.items(), ("Authorization", fields["Authorization"])], target),
        ([*bearer.items(), *bearer.items()], target),
        ({"Authorization": "Basic YTpi"}, url),
    ]:
        answer = raw(gate, "GET", asked, headers)
        assert answer.status in (400, 403) and answer.header("x-poolgate-decision-id"), answer


PRESIGNED = {
    "expires never": ({"Expires": None}, {(400, "AuthorizationQueryParametersError")}),
    "expires at once": ({"Expires": "0"}, {(400, "AuthorizationQueryParametersError"), DENIED}),
    "expires too late": ({"Expires": "604801"}, {(400, "AuthorizationQueryParametersError")}),
    "expires before": ({"Expires": "-1"}, {(400, "AuthorizationQueryParametersError")}),
    "expires whenever": ({"Expires": "soon"}, {(400, "AuthorizationQueryParametersError")}),
    "no date": ({"Date": None}, {(400, "AuthorizationQueryParametersError")}),
    "no credential": ({"Credential": None}, {(400, "AuthorizationQueryParametersError")}),
    "no algorithm": ({"Algorithm": None}, {(400, "AuthorizationQueryParametersError")}),
    "another algorithm": (
        {"Algorithm": "AWS4-HMAC-SHA1"},
        {(400, "AuthorizationQueryParametersError"), (400, "InvalidRequest")},
    ),
    "no signed headers": ({"SignedHeaders": None}, {(400, "AuthorizationQueryParametersError")}),
    "no signature": ({"Signature": None}, {(400, "AuthorizationQueryParametersError")}),
    "a signature that is none": ({"Signature": "00"}, {(403, "SignatureDoesNotMatch"), (400, "AuthorizationQueryParametersError")}),
    "no token": ({"Security-Token": None}, {(403, "InvalidAccessKeyId"), (400, "InvalidToken")}),
    "a token that is none": ({"Security-Token": "x"}, {(400, "InvalidToken")}),
}


@pytest.mark.parametrize("name", PRESIGNED)
def test_presigned(files, unseen, name):
    change, expected = PRESIGNED[name]
    url = presign(files.gate, files.people.credentials("bob"), "GET", "/demo/public/hello.txt", **change)
    assert told(raw(files.gate, "GET", url)) in expected


INVALID_URI = (400, "InvalidURI")
TARGETS = {
    "/demo/a/../b": INVALID_URI,
    "/demo/./a": INVALID_URI,
    "/demo/..": INVALID_URI,
    "/demo/a/.": INVALID_URI,
    "/demo/%2e%2e/a": INVALID_URI,
    "/demo/%2E": INVALID_URI,
    "/demo/a/.%2e/b": INVALID_URI,
    "/demo/a%2F..%2Fb": INVALID_URI,
    "/demo//a": INVALID_URI,
    "/demo/a//b": INVALID_URI,
    "/demo/a//": INVALID_URI,
    "/demo/%2Fa": INVALID_URI,
    "/demo/a%2F%2Fb": INVALID_URI,
    "/demo/a%00b": INVALID_URI,
    "/demo/a%0Ab": INVALID_URI,
    "/demo/a%1F": INVALID_URI,
    "/demo/a%7F": INVALID_URI,
    "/demo/a%5Cb": INVALID_URI,
    "/demo/%FF": INVALID_URI,
    "/demo/%C0%AF": INVALID_URI,
    "/demo/%ED%A0%80": INVALID_URI,
    "/demo/%zz": INVALID_URI,
    "/demo/a%": INVALID_URI,
    "/demo/a%2": INVALID_URI,
    "/Demo/a": (400, "InvalidBucketName"),
    "/d/a": (400, "InvalidBucketName"),
    "/demo_1/a": (400, "InvalidBucketName"),
    "/%64emo%2Fa": (400, "InvalidBucketName"),
    "/demo%00/a": (400, "InvalidBucketName"),
    f"/demo/{'k' * 1025}": (400, "KeyTooLongError"),
    f"/demo/{'%C3%BC' * 513}": (400, "KeyTooLongError"),
    "/demo/a?versionId=1&versionId=2": (400, "InvalidArgument"),
    "/demo?prefix=a&prefix=b": (400, "InvalidArgument"),
    "/demo?acl&%61cl": (400, "InvalidArgument"),
    "/demo/a?nonsense": (501, "NotImplemented"),
    "/demo/a?ACL": (501, "NotImplemented"),
    "/demo?acl&tagging": (501, "NotImplemented"),
    "/demo?session": (501, "NotImplemented"),
    "/demo/a?renameObject": (501, "NotImplemented"),
    "/demo?prefix=%FF": (400, None),
    "/demo?%zz": (400, None),
}


@pytest.mark.parametrize("who", ["carol", "anonymous"])
@pytest.mark.parametrize("target", TARGETS)
def test_targets(files, unseen, target, who):
    """Whoever asks: there is no name for it that could be judged."""
    fields = {"Authorization": f"Bearer {files.people.tokens(who)['id']}"} if who != "anonymous" else {}
    method = "PUT" if "renameObject" in target else "GET"
    status, code = told(raw(files.gate, method, target, fields))
    wanted, expected = TARGETS[target]
    assert status == wanted and code == (expected or code)


HEADERS = {
    "x-amz-copy-source": [
        ("demo", 400),
        ("/", 400),
        ("demo/../other/x", 400),
        ("demo/%2e%2e/x", 400),
        ("demo//x", 400),
        ("demo/a%00", 400),
        ("demo/%ff", 400),
        ("Demo/x", 400),
        ("demo/x?acl", 400),
        ("arn:aws:s3:us-east-1:000000000000:accesspoint/x/object/y", 501),
    ],
    "x-amz-nonsense": [("1", 501)],
    "x-amz-tagging": [("a=b&a=c", 400), ("%zz=x", 400)],
    "x-amz-decoded-content-length": [("0", 501)],
    "content-encoding": [("aws-chunked", 501)],
    "x-amz-content-sha256": [("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", 501), ("nonsense", 400)],
}


@pytest.mark.parametrize("name,value,status", [(name, *row) for name, rows in HEADERS.items() for row in rows])
def test_headers(files, unseen, name, value, status):
    bearer = {"Authorization": f"Bearer {files.people.tokens('carol')['id']}"}
    found, _ = told(raw(files.gate, "PUT", "/demo/copy", {**bearer, name: value}))
    assert found == status


def test_a_digest_that_a_bearer_states_is_proven(files, unseen):
    """Policies may ask for it, so that it must hold."""
    digest = hashlib.sha256(b"stated").hexdigest()
    fields = {"Authorization": f"Bearer {files.people.tokens('carol')['id']}", "x-amz-content-sha256": digest}
    assert told(raw(files.gate, "PUT", "/demo/x", fields, b"others")) == (400, "XAmzContentSHA256Mismatch")
    assert told(raw(files.gate, "PUT", "/demo/x?tagging", fields, b"others")) == (400, "XAmzContentSHA256Mismatch")


@pytest.mark.parametrize("name", ["x-amz-acl", "x-amz-copy-source", "x-amz-tagging", "x-amz-date", "if-match"])
def test_headers_that_come_twice(files, unseen, name):
    fields = [("Authorization", f"Bearer {files.people.tokens('carol')['id']}"), (name, "demo/a"), (name, "demo/b")]
    answer = raw(files.gate, "PUT", "/demo/copy", fields)
    assert answer.status == 400 and answer.header("x-poolgate-decision-id")


def md5(body):
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def delete(*objects, more=""):
    return f"<Delete>{''.join(f'<Object>{each}</Object>' for each in objects)}{more}</Delete>".encode()


BAD_XML = {
    "nothing": b"",
    "not XML": b"nonsense",
    "cut off": delete("<Key>a</Key>")[:-5],
    "another document": b"<Tagging/>",
    "no objects": delete(),
    "no key": delete("<VersionId>1</VersionId>"),
    "an empty key": delete("<Key></Key>"),
    "two keys": delete("<Key>a</Key><Key>b</Key>"),
    "an unknown element": delete("<Key>a</Key><Other>b</Other>"),
    "text between": delete("<Key>a</Key>", more="text"),
    "two documents": delete("<Key>a</Key>") * 2,
    "a document type": b'<!DOCTYPE Delete [<!ENTITY x "secret/plans.txt">]>' + delete("<Key>&x;</Key>"),
    "an unknown entity": delete("<Key>&x;</Key>"),
    "not UTF-8": delete("<Key>a?</Key>").replace(b"?", b"\xff"),
    "dot segments": delete("<Key>a/../b</Key>"),
    "too many": delete(*["<Key>a</Key>"] * 1001),
    "quietly what": delete("<Key>a</Key>", more="<Quiet>perhaps</Quiet>"),
}


@pytest.mark.parametrize("name", BAD_XML)
def test_deletes_that_are_none(files, unseen, name):
    body = BAD_XML[name]
    bearer = {"Authorization": f"Bearer {files.people.tokens('carol')['id']}", "Content-MD5": md5(body)}
    status, code = told(raw(files.gate, "POST", "/demo?delete", bearer, body))
    assert status == 400 and code in ("MalformedXML", "MissingRequestBodyError", "InvalidURI", "UserKeyMustBeSpecified")


@pytest.mark.parametrize(
    "fields,code",
    [
        ({}, "InvalidRequest"),
        ({"Content-MD5": md5(b"another")}, "BadDigest"),
        ({"Content-MD5": "nonsense"}, "InvalidDigest"),
        ({"x-amz-checksum-crc32": "AAAAAA=="}, "BadDigest"),
        ({"x-amz-checksum-sha256": "nonsense"}, None),
    ],
)
def test_deletes_need_their_digest(files, unseen, fields, code):
    bearer = {"Authorization": f"Bearer {files.people.tokens('carol')['id']}"}
    status, found = told(raw(files.gate, "POST", "/demo?delete", {**bearer, **fields}, delete("<Key>a</Key>")))
    assert status == 400 and found == (code or found)


def test_a_body_over_its_bound(files, unseen):
    body = delete("<Key>a</Key>", more=" " * (3 << 20))
    bearer = {"Authorization": f"Bearer {files.people.tokens('carol')['id']}", "Content-MD5": md5(body)}
    assert told(raw(files.gate, "POST", "/demo?delete", bearer, body))[0] in (400, 413)


def test_tags_that_are_none(files, unseen):
    bearer = {"Authorization": f"Bearer {files.people.tokens('carol')['id']}"}
    for body in (b"", b"nonsense", b"<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>", b"<Tagging/>"):
        fields = {**bearer, "Content-MD5": md5(body)}
        assert told(raw(files.gate, "PUT", "/demo/a?tagging", fields, body))[0] == 400


def test_nobody_is_no_guest_where_the_route_has_none(tmp_path, key, backend):
    with Files(tmp_path, key, backend.url, guest=False) as files:
        assert told(raw(files.gate, "GET", "/demo/public/hello.txt")) == DENIED
        # Credentials for guests are another matter.
        assert files.people.cognito.get_id(IdentityPoolId=IDENTITY_POOL)["IdentityId"]
        assert backend.count() == 0


def test_guests_are_let_in_by_the_pool_alone(tmp_path, key, backend):
    def closed(pool):
        pool["AllowUnauthenticatedIdentities"] = False

    with Files(tmp_path, key, backend.url, edit_pool=closed, guest=False) as files:
        with pytest.raises(files.people.cognito.exceptions.NotAuthorizedException) as refused:
            files.people.identity("guest")
        message = refused.value.response["Error"]["Message"]
        assert message == "Unauthenticated access is not supported for this identity pool."
        assert told(raw(files.gate, "GET", "/demo/public/hello.txt")) == DENIED
        assert backend.count() == 0


def test_credentials_end_with_their_role(tmp_path, key, backend):
    """A sealed credential whose role is gone is worth nothing any more."""
    with Files(tmp_path, key, backend.url) as files:
        bob, target = files.people.credentials("bob"), own(files)
        assert raw(files.gate, "GET", target, sign(files.gate, bob, "GET", target)).status == 200
        (tmp_path / "policies" / "roles" / "Writer.json").unlink()
        text = (tmp_path / "policies" / "user-pools" / "groups.json").read_text()
        (tmp_path / "policies" / "user-pools" / "groups.json").write_text(text.replace("role/Writer", "role/Reader"))
        files.gate.reload()
        def refused():
            return raw(files.gate, "GET", target, sign(files.gate, bob, "GET", target)).status in (400, 403)

        until("the role's end", 10, refused)


def test_another_gates_credentials_are_none(files, unseen, tmp_path, key, backend):
    """What is sealed with another key isn't opened."""
    with Files(tmp_path, key, backend.url) as other:
        theirs = other.people.credentials("carol")
        fields = sign(files.gate, theirs, "GET", "/demo/public/hello.txt")
        assert told(raw(files.gate, "GET", "/demo/public/hello.txt", fields)) in {
            (400, "InvalidToken"),
            (403, "InvalidAccessKeyId"),
        }
