"""The demo's S3 story, with boto3: who may do what, and that what may be done works as S3 does it."""

import time
import urllib.error
import urllib.request
import uuid
from functools import partial

import pytest
from botocore.exceptions import ClientError

from people import BUCKET, EVERYONE, client, code

HELLO, SECRET, OTHERS = "public/hello.txt", "secret/plans.txt", "home/nobody/notes.txt"
MIB = 1 << 20


def upload(s3, key):
    """A multipart upload of one part, listed and aborted."""
    started = s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    s3.upload_part(Bucket=BUCKET, Key=key, UploadId=started, PartNumber=1, Body=b"part")
    parts = s3.list_parts(Bucket=BUCKET, Key=key, UploadId=started)["Parts"]
    assert [(part["PartNumber"], part["Size"]) for part in parts] == [(1, 4)]
    s3.abort_multipart_upload(Bucket=BUCKET, Key=key, UploadId=started)
    return {}


def put(key, **more):
    return lambda s3, home: s3.put_object(Bucket=BUCKET, Key=key.format(home=home), Body=b"x", **more)


def get(key):
    return lambda s3, home: s3.get_object(Bucket=BUCKET, Key=key.format(home=home))


def head(key):
    return lambda s3, home: s3.head_object(Bucket=BUCKET, Key=key.format(home=home))


def delete(key):
    return lambda s3, home: s3.delete_object(Bucket=BUCKET, Key=key.format(home=home))


def copy(source, target):
    return lambda s3, home: s3.copy_object(
        Bucket=BUCKET, Key=target.format(home=home), CopySource={"Bucket": BUCKET, "Key": source.format(home=home)}
    )


def listing(**parameters):
    def ask(s3, home):
        given = {name: value.format(home=home) for name, value in parameters.items()}
        return s3.list_objects_v2(Bucket=BUCKET, **given)

    return ask


def ask(operation, **parameters):
    return lambda s3, home: getattr(s3, operation)(**{"Bucket": BUCKET, **parameters})


NOBODY = set()
OWNERS = {"bob", "carol", "dave"}
READERS = {"alice", "bob", "carol"}
ADMIN = {"carol"}
PUBLIC = READERS | {"guest", "anonymous"}

# What is asked, who may do it, and what comes of it then: the design's "Demo data". `own` is there for everyone.
TABLE = {
    "ListBuckets": (lambda s3, home: s3.list_buckets(), READERS, "ok"),
    "HeadBucket": (ask("head_bucket"), READERS, "ok"),
    "list the bucket": (listing(), READERS, "ok"),
    "list with an empty prefix": (listing(Prefix=""), READERS, "ok"),
    "list own home": (listing(Prefix="{home}"), READERS | {"dave"}, "ok"),
    "list below own home": (listing(Prefix="{home}a/b", Delimiter="/"), READERS | {"dave"}, "ok"),
    "list the homes": (listing(Prefix="home/"), READERS, "ok"),
    "list another's home": (listing(Prefix="home/nobody/"), READERS, "ok"),
    "ListObjects": (ask("list_objects"), READERS, "ok"),
    "GetObject public": (get(HELLO), PUBLIC, "ok"),
    "HeadObject public": (head(HELLO), PUBLIC, "ok"),
    "GetObject own": (get("{home}own"), READERS | {"dave"}, "ok"),
    "GetObject another's": (get(OTHERS), READERS, "ok"),
    "GetObject secret": (get(SECRET), NOBODY, "ok"),
    "HeadObject secret": (head(SECRET), NOBODY, "ok"),
    "GetObject missing, public": (get("public/missing"), READERS, "NoSuchKey"),
    "HeadObject missing, public": (head("public/missing"), READERS, "404"),
    # dave may read there, but not list without a prefix; bob and carol may.
    "GetObject missing, own": (get("{home}missing"), READERS, "NoSuchKey"),
    "GetObject missing, secret": (get("secret/missing"), NOBODY, "ok"),
    "PutObject own": (put("{home}new"), OWNERS, "ok"),
    "PutObject another's": (put("home/nobody/new"), ADMIN, "ok"),
    "PutObject public": (put("public/new"), ADMIN, "ok"),
    "PutObject beside the homes": (put("home/new"), ADMIN, "ok"),
    "PutObject secret": (put("secret/new"), NOBODY, "ok"),
    "PutObject own, tagged": (put("{home}tagged", Tagging="a=b"), ADMIN, "ok"),
    "PutObject own, with an ACL": (put("{home}acl", ACL="private"), ADMIN, "ok"),
    "PutObject own, locked": (put("{home}lock", ObjectLockLegalHoldStatus="ON"), ADMIN, "ok"),
    "DeleteObject own": (delete("{home}new"), OWNERS, "ok"),
    "DeleteObject another's": (delete("home/nobody/new"), ADMIN, "ok"),
    "DeleteObject secret": (delete(SECRET), NOBODY, "ok"),
    "multipart upload, own": (lambda s3, home: upload(s3, f"{home}parts"), OWNERS, "ok"),
    "multipart upload, another's": (lambda s3, home: upload(s3, "home/nobody/parts"), ADMIN, "ok"),
    "AbortMultipartUpload another's": (
        ask("abort_multipart_upload", Key="home/nobody/x", UploadId=str(uuid.uuid4())),
        ADMIN,
        "NoSuchUpload",
    ),
    "ListParts another's": (
        ask("list_parts", Key="home/nobody/x", UploadId=str(uuid.uuid4())),
        ADMIN,
        "NoSuchUpload",
    ),
    "CopyObject own to own": (copy("{home}own", "{home}copy"), OWNERS, "ok"),
    "CopyObject public to own": (copy(HELLO, "{home}copy"), {"bob", "carol"}, "ok"),
    "CopyObject secret to own": (copy(SECRET, "{home}copy"), NOBODY, "ok"),
    "CopyObject own to secret": (copy("{home}own", "secret/copy"), NOBODY, "ok"),
    "CopyObject own to public": (copy("{home}own", "public/copy"), ADMIN, "ok"),
    "GetBucketLocation": (ask("get_bucket_location"), ADMIN, "ok"),
    # The stand-in has none of these: being told so means that the gate let them pass.
    "GetObjectTagging own": (
        lambda s3, home: s3.get_object_tagging(Bucket=BUCKET, Key=f"{home}own"),
        ADMIN,
        "NotImplemented",
    ),
    "GetObjectAcl public": (ask("get_object_acl", Key=HELLO), ADMIN, "NotImplemented"),
    "GetBucketPolicy": (ask("get_bucket_policy"), ADMIN, "NotImplemented"),
    # Policies of buckets decide here, so they are not a backend's to take.
    "PutBucketPolicy": (ask("put_bucket_policy", Policy="{}"), NOBODY, "ok"),
    "PutBucketVersioning": (
        ask("put_bucket_versioning", VersioningConfiguration={"Status": "Enabled"}),
        ADMIN,
        "NotImplemented",
    ),
    "ListObjectVersions": (ask("list_object_versions"), ADMIN, "NotImplemented"),
    "ListMultipartUploads": (ask("list_multipart_uploads"), ADMIN, "NotImplemented"),
    "CreateBucket, there already": (ask("create_bucket"), ADMIN, "BucketAlreadyExists"),
    "DeleteBucket, missing": (ask("delete_bucket", Bucket="missing"), ADMIN, "NoSuchBucket"),
    "GetObject, missing bucket": (ask("get_object", Bucket="missing", Key="x"), ADMIN, "NoSuchBucket"),
}
HEADS = {"HeadBucket", *(name for name in TABLE if name.startswith("HeadObject"))}


@pytest.fixture(scope="module")
def homes(people):
    """Where everyone's own objects are, each with one in it."""
    found = {who: people.home(who) for who in EVERYONE}
    for home in found.values():
        people.s3("carol").put_object(Bucket=BUCKET, Key=f"{home}own", Body=b"own")
    return found


@pytest.mark.parametrize("who", EVERYONE)
def test_rights(people, homes, who):
    s3 = people.s3(who)
    wrong = {}
    for name, (attempt, may, then) in TABLE.items():
        denied = "403" if name in HEADS else "AccessDenied"
        expected = then if who in may else denied
        found = code(attempt, s3, homes[who])
        if found != expected:
            wrong[name] = f"{found} instead of {expected}"
    assert not wrong


@pytest.mark.parametrize("use", ["id", "access"])
@pytest.mark.parametrize("who", ["alice", "bob", "carol", "dave"])
def test_rights_are_those_of_a_bearer(people, homes, who, use):
    token = people.tokens(who)[use]
    gate, home = people.gate, homes[who]
    for method, target, may in [
        ("GET", f"/{BUCKET}/{HELLO}", who in READERS),
        ("GET", f"/{BUCKET}/{SECRET}", False),
        ("GET", f"/{BUCKET}/{home}own", True),
        ("PUT", f"/{BUCKET}/{home}bearer", who in OWNERS),
        ("PUT", f"/{BUCKET}/public/bearer", who in ADMIN),
        ("GET", f"/{BUCKET}?list-type=2", who in READERS),
        ("DELETE", f"/{BUCKET}/{home}bearer", who in OWNERS),
    ]:
        body = b"by a bearer" if method == "PUT" else None
        answer = gate.call(method, target, token=token, body=body)
        assert answer.status in ((200, 204) if may else (403,)), (method, target, answer)
        if not may:
            assert b"<Code>AccessDenied</Code>" in answer.body
            assert answer.header("content-type") == "application/xml"


def test_a_denial_says_who_and_what(people):
    with pytest.raises(ClientError) as refused:
        people.s3("alice").put_object(Bucket=BUCKET, Key="public/x", Body=b"x")
    message = refused.value.response["Error"]["Message"]
    assert message == (
        "User: arn:aws:sts::000000000000:assumed-role/Reader/CognitoIdentityCredentials is not authorized to perform: "
        's3:PutObject on resource: "arn:aws:s3:::demo/public/x" because no identity-based policy allows the '
        "s3:PutObject action"
    )
    with pytest.raises(ClientError) as refused:
        people.s3("carol").get_object(Bucket=BUCKET, Key=SECRET)
    assert "with an explicit deny in an identity-based policy" in refused.value.response["Error"]["Message"]


KEYS = ["a b", "a+b", "a%2Fb", "a%20b", "50%", "ü/é", "日本語.txt", "q?x=1", "h#frag", "a&b=c", "(1)'*!", "~tilde", "a;b", "x=y", "@:,$"]


@pytest.mark.parametrize("key", KEYS)
def test_keys_come_back_as_they_went(people, homes, key):
    s3, key = people.s3("bob"), f"{homes['bob']}keys/{key}"
    s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == key.encode()
    found = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{homes['bob']}keys/")["Contents"]
    assert key in [each["Key"] for each in found]
    s3.copy_object(Bucket=BUCKET, Key=f"{key}.copy", CopySource={"Bucket": BUCKET, "Key": key})
    url = s3.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": f"{key}.copy"})
    with urllib.request.urlopen(url, timeout=20) as answer:
        assert answer.read() == key.encode()
    doomed = [{"Key": key}, {"Key": f"{key}.copy"}]
    assert s3.delete_objects(Bucket=BUCKET, Delete={"Objects": doomed})["Deleted"] == doomed
    assert code(s3.get_object, Bucket=BUCKET, Key=key) == "NoSuchKey"


def test_metadata_ranges_and_conditions(people, homes):
    s3, key = people.s3("bob"), f"{homes['bob']}facts"
    put = s3.put_object(
        Bucket=BUCKET,
        Key=key,
        Body=b"0123456789",
        ContentType="text/plain",
        CacheControl="no-cache",
        Metadata={"colour": "blue"},
    )
    facts = s3.head_object(Bucket=BUCKET, Key=key)
    assert (facts["ContentLength"], facts["ContentType"], facts["ETag"]) == (10, "text/plain", put["ETag"])
    assert facts["Metadata"] == {"colour": "blue"} and facts["CacheControl"] == "no-cache"

    def read(**more):
        return s3.get_object(Bucket=BUCKET, Key=key, **more)

    assert read(Range="bytes=2-4")["Body"].read() == b"234"
    assert read(Range="bytes=2-4")["ContentRange"] == "bytes 2-4/10"
    assert read(Range="bytes=-3")["Body"].read() == b"789"
    assert code(read, Range="bytes=20-") == "InvalidRange"
    assert code(read, IfMatch=put["ETag"]) == "ok"
    assert code(read, IfMatch='"other"') in ("PreconditionFailed", "412")
    assert code(read, IfNoneMatch=put["ETag"]) in ("NotModified", "304")
    assert read(ResponseContentType="text/html")["ContentType"] == "text/html"
    assert code(s3.put_object, Bucket=BUCKET, Key=key, Body=b"", IfNoneMatch="*") == "PreconditionFailed"
    s3.copy_object(
        Bucket=BUCKET,
        Key=key,
        CopySource={"Bucket": BUCKET, "Key": key},
        MetadataDirective="REPLACE",
        Metadata={"colour": "red"},
    )
    assert s3.head_object(Bucket=BUCKET, Key=key)["Metadata"] == {"colour": "red"}


def test_a_multipart_upload_is_put_together(people, homes):
    s3, key = people.s3("dave"), f"{homes['dave']}whole"
    started = s3.create_multipart_upload(Bucket=BUCKET, Key=key, Metadata={"kind": "parts"})["UploadId"]
    same = {"Bucket": BUCKET, "Key": key, "UploadId": started}
    pieces = [b"a" * (5 * MIB), b"b" * MIB, b""]
    tags = [s3.upload_part(PartNumber=n, Body=each, **same)["ETag"] for n, each in enumerate(pieces[:2], 1)]
    for who in ("alice", "bob"):
        assert code(people.s3(who).list_parts, **same) == "AccessDenied"
        assert code(people.s3(who).upload_part, PartNumber=3, Body=b"mine", **same) == "AccessDenied"
        assert code(people.s3(who).abort_multipart_upload, **same) == "AccessDenied"
        assert code(people.s3(who).complete_multipart_upload, **same) == "AccessDenied"
    parts = [{"PartNumber": n, "ETag": tag} for n, tag in enumerate(tags, 1)]
    s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **same)
    found = s3.get_object(Bucket=BUCKET, Key=key)
    assert found["Body"].read() == b"".join(pieces) and found["Metadata"] == {"kind": "parts"}


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA256"])
def test_parts_take_the_place_of_an_object_with_its_checksums(people, homes, algorithm):
    s3, key = people.s3("dave"), f"{homes['dave']}again"
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"before", ChecksumAlgorithm=algorithm)
    read = partial(s3.get_object, Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
    assert read()[f"Checksum{algorithm}"]
    same = {"Bucket": BUCKET, "Key": key, "UploadId": s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]}
    tag = s3.upload_part(PartNumber=1, Body=b"after", **same)["ETag"]
    whole = s3.complete_multipart_upload(MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]}, **same)
    # boto3 compares what it reads with the checksum that it is told.
    found = read()
    assert found["Body"].read() == b"after" and found["ETag"] == whole["ETag"]
    assert not [name for name in found if name.startswith("Checksum") and name != "ChecksumType"], found
    # What comes in one piece has its own again.
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"at last", ChecksumAlgorithm=algorithm)
    assert read()["Body"].read() == b"at last" and read()[f"Checksum{algorithm}"]


def test_part_copies_are_judged_on_their_source(people, homes):
    def part(who, source):
        s3, key = people.s3(who), f"{homes[who]}of-copies"
        same = {"Bucket": BUCKET, "Key": key}
        started = s3.create_multipart_upload(**same)["UploadId"]
        source = {"Bucket": BUCKET, "Key": source}
        return code(s3.upload_part_copy, UploadId=started, PartNumber=1, CopySource=source, **same)

    assert part("bob", HELLO) == "ok"
    assert part("bob", SECRET) == "AccessDenied"
    assert part("dave", HELLO) == "AccessDenied"
    assert part("dave", f"{homes['dave']}own") == "ok"


@pytest.mark.parametrize("quiet", [False, True])
def test_delete_objects_key_by_key(people, homes, quiet):
    bob, home = people.s3("bob"), homes["bob"]
    own = [f"{home}del/{n}" for n in range(3)]
    for key in own:
        bob.put_object(Bucket=BUCKET, Key=key, Body=b"")
    refused = [HELLO, SECRET, OTHERS]
    doomed = [{"Key": key} for pair in zip(own, refused) for key in pair]
    answer = bob.delete_objects(Bucket=BUCKET, Delete={"Objects": doomed, "Quiet": quiet})
    assert {each["Key"] for each in answer.get("Deleted", [])} == (set() if quiet else set(own))
    assert {(each["Key"], each["Code"]) for each in answer["Errors"]} == {(key, "AccessDenied") for key in refused}
    for key in own:
        assert code(bob.get_object, Bucket=BUCKET, Key=key) == "NoSuchKey"
    for key in (HELLO, OTHERS):
        assert code(bob.get_object, Bucket=BUCKET, Key=key) == "ok"
    for who in ("alice", "guest", "anonymous"):
        answer = people.s3(who).delete_objects(Bucket=BUCKET, Delete={"Objects": doomed, "Quiet": quiet})
        assert "Deleted" not in answer and {each["Code"] for each in answer["Errors"]} == {"AccessDenied"}
        assert len(answer["Errors"]) == len(doomed)


def fetch(url, method="GET", body=None):
    """Status and body."""
    request = urllib.request.Request(url, data=body, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


def test_presigned_requests(people, homes):
    bob, key = people.s3("bob"), f"{homes['bob']}signed url"
    mine = {"Bucket": BUCKET, "Key": key}
    assert fetch(bob.generate_presigned_url("put_object", mine), "PUT", b"by url")[0] == 200
    url = bob.generate_presigned_url("get_object", mine)
    assert fetch(url) == (200, b"by url")
    # Whoever has the address may use it, for just this.
    status, body = fetch(url, "DELETE")
    assert status == 403 and b"SignatureDoesNotMatch" in body
    status, body = fetch(url.replace("signed%20url", "other"))
    assert status == 403 and b"SignatureDoesNotMatch" in body
    status, body = fetch(f"{url}&response-content-type=text/html")
    assert status == 403 and b"SignatureDoesNotMatch" in body
    status, body = fetch(url[:-1] + ("0" if url[-1] != "0" else "1"))
    assert status in (400, 403)
    # The right is the signer's, and is judged when the address is used.
    for target in (SECRET, "public/x"):
        url = bob.generate_presigned_url("put_object", {"Bucket": BUCKET, "Key": target})
        status, body = fetch(url, "PUT", b"x")
        assert status == 403 and b"AccessDenied" in body
    url = bob.generate_presigned_url("get_object", mine, ExpiresIn=1)
    time.sleep(2.1)
    status, body = fetch(url)
    assert status == 403 and b"AccessDenied" in body and b"Request has expired" in body


def test_presigned_with_an_older_signature_is_refused(people, homes):
    old = client(people.gate, "s3", people.credentials("bob"), signature_version="s3")
    url = old.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": HELLO})
    status, body = fetch(url)
    assert status == 400
    assert b"<Code>InvalidRequest<" in body or b"<Code>AuthorizationQueryParametersError<" in body


def test_large_objects_are_streamed_both_ways(people, homes):
    s3, key, block = people.s3("bob"), f"{homes['bob']}large", bytes(range(256)) * 4096
    body = block * 32
    s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == body


def test_what_is_beside_the_body_is_the_backends_own(people, homes):
    """The gate's answer carries its decision id, and nothing that names the caller."""
    answer = people.gate.call("GET", f"/{BUCKET}/{HELLO}", token=people.tokens("alice")["id"])
    names = {name.lower() for name, _ in answer.fields}
    assert answer.status == 200 and answer.body
    assert {name for name in names if name.startswith("x-poolgate-")} == {"x-poolgate-decision-id"}
