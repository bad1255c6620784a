"""`poolgate serve` in front of S3 stand-ins that know nothing of it: the demo's as its own process, moto, rclone.

None of them evaluates who may do what; with the gate in front, unmodified SDKs get the answers of the demo's policies.
"""

import os
import urllib.request

import boto3
import pytest
from botocore.config import Config

from files import BACKEND_KEY, BACKEND_SECRET, Files
from gate import REGION, ROOT, TOOLS, free_port
from people import BUCKET, code
from standins import running

MIB = 1 << 20
HELLO, SECRET = "public/hello.txt", "secret/plans.txt"


def standin(folder):
    port, program = free_port(), os.environ.get("POOLGATE_S3_STANDIN")
    program = program or ROOT / "target" / "debug" / "examples" / "s3-standin"
    return running([program, f"127.0.0.1:{port}", folder / "data", BACKEND_KEY, BACKEND_SECRET], port, folder)


def moto(folder):
    port = free_port()
    return running([TOOLS / "venv" / "bin" / "moto_server", "-H", "127.0.0.1", "-p", str(port)], port, folder)


def rclone(folder):
    port = free_port()
    (folder / "data").mkdir()
    # Its keys are for this test alone.
    options = ["--addr", f"127.0.0.1:{port}", "--auth-key", f"{BACKEND_KEY},{BACKEND_SECRET}"]
    command = [TOOLS / "venv" / "bin" / "rclone", "serve", "s3", folder / "data", *options]
    return running(command, port, folder, RCLONE_CONFIG=str(folder / "rclone.conf"))


BACKENDS = {"s3s-fs": standin, "moto": moto, "rclone": rclone}


class Stack:
    """A backend with the demo's bucket, and the gate in front of it."""

    def __init__(self, name, files):
        self.name, self.files, self.people = name, files, files.people


@pytest.fixture(scope="module", params=BACKENDS)
def stack(request, tmp_path_factory, key):
    folder = tmp_path_factory.mktemp(request.param)
    with BACKENDS[request.param](folder) as url:
        direct = boto3.client(
            "s3",
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id=BACKEND_KEY,
            aws_secret_access_key=BACKEND_SECRET,
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )
        direct.create_bucket(Bucket=BUCKET)
        for each in (HELLO, SECRET, "home/nobody/notes.txt"):
            direct.put_object(Bucket=BUCKET, Key=each, Body=each.encode())
        with Files(tmp_path_factory.mktemp("gate"), key, url) as files:
            yield Stack(request.param, files)


def test_rights(stack):
    """A row of each kind of the demo's table."""
    people = stack.people
    readers, owners = {"alice", "bob", "carol"}, {"bob", "carol", "dave"}
    for who in ("alice", "bob", "carol", "dave", "guest", "anonymous"):
        s3, home = people.s3(who), people.home(who)
        own, same = f"{home}own", {"Bucket": BUCKET}
        for call, may, parameters in [
            (s3.put_object, owners, {**same, "Key": own, "Body": b"own"}),
            (s3.put_object, {"carol"}, {**same, "Key": "public/new", "Body": b"x"}),
            (s3.put_object, set(), {**same, "Key": "secret/new", "Body": b"x"}),
            (s3.get_object, readers | {"guest", "anonymous"}, {**same, "Key": HELLO}),
            (s3.get_object, readers, {**same, "Key": "home/nobody/notes.txt"}),
            (s3.get_object, set(), {**same, "Key": SECRET}),
            (s3.get_object, owners, {**same, "Key": own}),
            (s3.list_objects_v2, readers, same),
            (s3.list_objects_v2, readers | {"dave"}, {**same, "Prefix": home}),
            (s3.list_buckets, readers, {}),
            (s3.copy_object, {"bob", "carol"}, {**same, "Key": f"{home}copy", "CopySource": {**same, "Key": HELLO}}),
            (s3.copy_object, set(), {**same, "Key": f"{home}copy", "CopySource": {**same, "Key": SECRET}}),
            (s3.delete_object, owners, {**same, "Key": own}),
        ]:
            found = code(call, **parameters)
            expected = {"ok"} if who in may else {"AccessDenied"}
            # alice may read there, and nothing is there.
            if call == s3.get_object and parameters["Key"] == own and who == "alice":
                expected = {"NoSuchKey"}
            assert found in expected, (who, parameters)


def test_missing_keys_are_hidden_from_whoever_may_not_list(stack):
    people, missing = stack.people, {"Bucket": BUCKET, "Key": "public/missing"}
    assert code(people.s3("alice").get_object, **missing) == "NoSuchKey"
    assert code(people.s3("alice").head_object, **missing) == "404"
    for who in ("guest", "anonymous"):
        assert code(people.s3(who).get_object, **missing) == "AccessDenied"
        assert code(people.s3(who).head_object, **missing) == "403"


@pytest.mark.parametrize("name", ["a b", "a+b", "ü/日本", "50%", "a%2Bb", "a&b=c;d", "(1)'*!~"])
def test_keys(stack, name):
    s3, key = stack.people.s3("carol"), f"public/keys/{name}"
    s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode(), Metadata={"kind": "key"})
    found = s3.get_object(Bucket=BUCKET, Key=key)
    assert found["Body"].read() == key.encode() and found["Metadata"] == {"kind": "key"}
    assert key in [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET, Prefix="public/keys/")["Contents"]]
    url = stack.people.s3("guest").generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": key})
    with urllib.request.urlopen(url, timeout=20) as answer:
        assert answer.read() == key.encode()


def test_bodies_large_ranged_and_in_parts(stack):
    s3, home = stack.people.s3("bob"), stack.people.home("bob")
    body = bytes(range(256)) * 4096 * 12
    s3.put_object(Bucket=BUCKET, Key=f"{home}large", Body=body)
    assert s3.get_object(Bucket=BUCKET, Key=f"{home}large")["Body"].read() == body
    # rclone answers a range with the whole object's checksum, which boto3 then compares.
    plain = stack.people.s3("bob", response_checksum_validation="when_required")
    part = plain.get_object(Bucket=BUCKET, Key=f"{home}large", Range="bytes=1000000-1000009")
    assert part["Body"].read() == body[1000000:1000010]
    same = {"Bucket": BUCKET, "Key": f"{home}parts"}
    upload = s3.create_multipart_upload(**same)["UploadId"]
    pieces = [body[: 5 * MIB], body[5 * MIB : 6 * MIB]]
    tags = [
        s3.upload_part(UploadId=upload, PartNumber=n, Body=each, **same)["ETag"] for n, each in enumerate(pieces, 1)
    ]
    parts = [{"PartNumber": n, "ETag": tag} for n, tag in enumerate(tags, 1)]
    s3.complete_multipart_upload(UploadId=upload, MultipartUpload={"Parts": parts}, **same)
    assert s3.get_object(**same)["Body"].read() == b"".join(pieces)


@pytest.mark.parametrize("quiet", [False, True])
def test_delete_objects_key_by_key(stack, quiet):
    bob, home = stack.people.s3("bob"), stack.people.home("bob")
    own = [f"{home}del/{n} +ü" for n in range(3)]
    for each in own:
        bob.put_object(Bucket=BUCKET, Key=each, Body=b"x")
    doomed = [{"Key": each} for each in (HELLO, *own, SECRET)]
    answer = bob.delete_objects(Bucket=BUCKET, Delete={"Objects": doomed, "Quiet": quiet})
    assert {(each["Key"], each["Code"]) for each in answer["Errors"]} == {
        (HELLO, "AccessDenied"),
        (SECRET, "AccessDenied"),
    }
    if not quiet:
        assert {each["Key"] for each in answer["Deleted"]} == set(own)
    for each in own:
        assert code(bob.get_object, Bucket=BUCKET, Key=each) == "NoSuchKey"
    assert code(bob.get_object, Bucket=BUCKET, Key=HELLO) == "ok"


def test_tags_where_the_backend_has_them(stack):
    """What only an administrator may; moto alone of the three keeps tags."""
    same = {"Bucket": BUCKET, "Key": HELLO}
    tags = {"TagSet": [{"Key": "team", "Value": "a b"}]}
    assert code(stack.people.s3("bob").put_object_tagging, Tagging=tags, **same) == "AccessDenied"
    assert code(stack.people.s3("bob").get_object_tagging, **same) == "AccessDenied"
    if stack.name == "moto":
        carol = stack.people.s3("carol")
        carol.put_object_tagging(Tagging=tags, **same)
        assert carol.get_object_tagging(**same)["TagSet"] == tags["TagSet"]
        carol.put_object(Bucket=BUCKET, Key="public/tagged", Body=b"x", Tagging="a=b%20c&d=")
        found = carol.get_object_tagging(Bucket=BUCKET, Key="public/tagged")["TagSet"]
        assert {each["Key"]: each["Value"] for each in found} == {"a": "b c", "d": ""}


def test_versions_where_the_backend_has_them(stack):
    if stack.name != "moto":
        return
    carol, alice = stack.people.s3("carol"), stack.people.s3("alice")
    carol.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    old = carol.put_object(Bucket=BUCKET, Key="public/v", Body=b"old")["VersionId"]
    carol.put_object(Bucket=BUCKET, Key="public/v", Body=b"new")
    same = {"Bucket": BUCKET, "Key": "public/v"}
    assert carol.get_object(VersionId=old, **same)["Body"].read() == b"old"
    # GetObject is not GetObjectVersion.
    assert code(alice.get_object, **same) == "ok"
    assert code(alice.get_object, VersionId=old, **same) == "AccessDenied"
    assert code(alice.list_object_versions, Bucket=BUCKET) == "AccessDenied"
    gone = carol.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "public/v", "VersionId": old}]})
    assert gone["Deleted"][0]["VersionId"] == old
