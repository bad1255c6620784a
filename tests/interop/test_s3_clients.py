"""The demo's S3 with other clients than boto3: the AWS command line, curl, the SDK for JavaScript."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from gate import ACCOUNT, REGION, TOOLS
from people import BUCKET, IDENTITY_POOL, LOGIN, environment

AWS = TOOLS / "venv" / "bin" / "aws"
CURL = shutil.which("curl") or "curl"
HELLO, SECRET = "public/hello.txt", "secret/plans.txt"


@pytest.fixture
def aws(people, tmp_path):
    # It presigns with what is older than SigV4 by itself.
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[default]\ns3 =\n    signature_version = s3v4\n")

    def run(who, *arguments, code=0):
        """What `aws s3 …` prints, for one of the demo's people."""
        credentials = people.credentials(who)
        options = [] if credentials else ["--no-sign-request"]
        done = subprocess.run(
            [AWS, *map(str, arguments), *options],
            env=environment(people.gate, credentials) | {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=90,
            cwd=tmp_path,
        )
        printed = (done.stdout + done.stderr).decode()
        assert done.returncode == code, printed
        return printed

    return run


def test_the_command_line_lists_copies_and_removes(aws, people, tmp_path):
    home = f"s3://{BUCKET}/{people.home('bob')}cli"
    (tmp_path / "a b+c.txt").write_text("by the command line")
    assert "upload:" in aws("bob", "s3", "cp", "a b+c.txt", f"{home}/a b+c.txt")
    assert "a b+c.txt" in aws("bob", "s3", "ls", f"{home}/")
    assert "by the command line" in aws("bob", "s3", "cp", f"{home}/a b+c.txt", "-")
    aws("bob", "s3", "cp", f"s3://{BUCKET}/{HELLO}", f"{home}/copy.txt")
    aws("bob", "s3", "mv", f"{home}/copy.txt", f"{home}/moved.txt")
    assert aws("bob", "s3", "ls", f"{home}/").count("\n") == 2
    aws("bob", "s3", "rm", "--recursive", f"{home}/")
    # `ls` of nothing says so.
    aws("bob", "s3", "ls", f"{home}/", code=1)


@pytest.mark.parametrize("who", ["alice", "guest", "anonymous"])
def test_the_command_line_is_told_what_it_may_not(aws, who, tmp_path):
    assert "hello" in aws(who, "s3", "cp", f"s3://{BUCKET}/{HELLO}", "-").lower()
    (tmp_path / "x").write_text("x")
    for arguments in (
        ("s3", "cp", "x", f"s3://{BUCKET}/public/x"),
        ("s3", "cp", f"s3://{BUCKET}/{SECRET}", "y"),
        ("s3", "rm", f"s3://{BUCKET}/{HELLO}"),
        ("s3", "mb", "s3://another-bucket"),
    ):
        printed = aws(who, *arguments, code=1)
        assert "AccessDenied" in printed or "Forbidden" in printed, printed


def test_the_command_line_syncs(aws, people, tmp_path):
    home = f"s3://{BUCKET}/{people.home('bob')}sync"
    names = ["one", "two words", "deep/er/ü+%.txt"]
    for name in names:
        path = tmp_path / "up" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    # Above 8 MiB the command line uploads in parts.
    (tmp_path / "up" / "large").write_bytes(b"0123456789abcdef" * (9 << 16))
    assert aws("bob", "s3", "sync", "up", home).count("upload:") == 4
    assert "upload:" not in aws("bob", "s3", "sync", "up", home)
    (tmp_path / "up" / "one").unlink()
    assert "delete:" in aws("bob", "s3", "sync", "--delete", "up", home)
    aws("bob", "s3", "sync", home, "down")
    found = {str(path.relative_to(tmp_path / "down")) for path in Path(tmp_path / "down").rglob("*") if path.is_file()}
    assert found == {*names[1:], "large"}
    assert (tmp_path / "down" / "large").stat().st_size == 9 << 20
    assert (tmp_path / "down" / names[2]).read_text() == names[2]


def test_the_command_line_presigns(aws, people, curl):
    url = aws("alice", "s3", "presign", f"s3://{BUCKET}/{HELLO}").strip()
    assert curl(url)[0] == 200
    assert curl(aws("alice", "s3", "presign", f"s3://{BUCKET}/{SECRET}").strip())[0] == 403


def test_the_command_lines_api(aws):
    buckets = json.loads(aws("alice", "s3api", "list-buckets"))["Buckets"]
    assert BUCKET in [each["Name"] for each in buckets]
    assert "403" in aws("guest", "s3api", "head-bucket", "--bucket", BUCKET, code=255)


@pytest.fixture
def curl(tmp_path):
    def run(url, *options, config=""):
        """Status and body. What is secret stands in `config`, not in the process listing."""
        done = subprocess.run(
            [CURL, "-sS", "-K", "-", "--max-time", "60", "-o", tmp_path / "body", "-w", "%{http_code}", *options, url],
            input=config.encode(),
            capture_output=True,
            timeout=90,
        )
        assert done.returncode == 0, done.stderr.decode()
        return int(done.stdout), (tmp_path / "body").read_bytes()

    return run


def signed(credentials):
    """curl's own SigV4; without the payload's digest, which it can't know of an upload."""
    return (
        f'aws-sigv4 = "aws:amz:{REGION}:s3"\n'
        f'user = "{credentials["AccessKeyId"]}:{credentials["SecretKey"]}"\n'
        f'header = "x-amz-security-token: {credentials["SessionToken"]}"\n'
        'header = "x-amz-content-sha256: UNSIGNED-PAYLOAD"\n'
    )


def test_curl_signs(people, curl, tmp_path):
    gate, home = people.gate, people.home("bob")
    bob, alice = (signed(people.credentials(who)) for who in ("bob", "alice"))
    (tmp_path / "up").write_text("by curl")
    own = f"{gate.url}/{BUCKET}/{home.replace(':', '%3A')}curl"
    assert curl(own, "-T", tmp_path / "up", config=bob)[0] == 200
    assert curl(own, config=bob) == (200, b"by curl")
    status, body = curl(own, "-T", tmp_path / "up", config=alice)
    assert status == 403 and b"<Code>AccessDenied</Code>" in body
    assert curl(f"{gate.url}/{BUCKET}/{SECRET}", config=bob)[0] == 403
    forged = bob.replace(people.credentials("bob")["SecretKey"], "x" * 40)
    status, body = curl(own, config=forged)
    assert status == 403 and b"<Code>SignatureDoesNotMatch</Code>" in body
    assert curl(own, "-X", "DELETE", config=bob)[0] == 204


def test_curl_with_a_token(people, curl):
    for use in ("id", "access"):
        token = people.tokens("alice")[use]
        bearer = f'header = "Authorization: Bearer {token}"\n'
        assert curl(f"{people.gate.url}/{BUCKET}/{HELLO}", config=bearer)[0] == 200
        status, body = curl(f"{people.gate.url}/{BUCKET}/{SECRET}", config=bearer)
        assert status == 403 and b"<Code>AccessDenied</Code>" in body


def test_curl_without_anything(people, curl):
    assert curl(f"{people.gate.url}/{BUCKET}/{HELLO}")[0] == 200
    for target in (SECRET, "public/missing", "?list-type=2", ""):
        status, body = curl(f"{people.gate.url}/{BUCKET}/{target}")
        assert status == 403 and b"<Code>AccessDenied</Code>" in body


def test_the_bucket_in_the_hosts_name(people, curl):
    gate = people.gate
    host = f"{BUCKET}.s3.localhost"
    there = ["--resolve", f"{host}:{gate.proxy}:127.0.0.1", "--resolve", f"s3.localhost:{gate.proxy}:127.0.0.1"]
    base = f"http://{host}:{gate.proxy}"
    status, body = curl(f"{base}/{HELLO}", *there)
    assert status == 200 and body
    assert curl(f"{base}/{SECRET}", *there)[0] == 403
    # The path is all key there: nothing is named `demo/public/…`.
    assert curl(f"{base}/{BUCKET}/{HELLO}", *there)[0] == 403
    alice = signed(people.credentials("alice"))
    assert curl(f"{base}/{HELLO}", *there, config=alice)[0] == 200
    status, body = curl(f"{base}/?list-type=2", *there, config=alice)
    assert status == 200 and b"<ListBucketResult" in body
    assert curl(f"http://s3.localhost:{gate.proxy}/{BUCKET}/{HELLO}", *there, config=alice)[0] == 200


def javascript(gate, calls, logins=None):
    asked = {
        "endpoint": gate.url,
        "region": REGION,
        "identityPoolId": IDENTITY_POOL,
        "logins": logins or {},
        "calls": [{"command": command, "input": given} for command, given in calls],
    }
    done = subprocess.run(
        [shutil.which("node"), str(Path(__file__).with_name("s3.cjs"))],
        input=json.dumps(asked).encode(),
        env={"PATH": "/usr/bin:/bin", "NODE_PATH": str(TOOLS / "node" / "node_modules")},
        capture_output=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def arn(role):
    return {"ok": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/CognitoIdentityCredentials"}


DENIED = {"error": "AccessDenied", "status": 403}


def test_javascript_signed_in(people):
    gate, home = people.gate, people.home("bob")
    own = {"Bucket": BUCKET, "Key": f"{home}by javascript+é"}
    answers = javascript(
        gate,
        [
            ("GetCallerIdentity", {}),
            ("PutObject", {**own, "Body": "by javascript"}),
            ("GetObject", own),
            ("ListObjectsV2", {"Bucket": BUCKET, "Prefix": f"{home}by"}),
            ("PutObject", {"Bucket": BUCKET, "Key": "public/x", "Body": "x"}),
            ("GetObject", {"Bucket": BUCKET, "Key": SECRET}),
            ("DeleteObjects", {"Bucket": BUCKET, "Delete": {"Objects": [{"Key": own["Key"]}]}}),
            ("GetObject", own),
        ],
        people.logins("bob")["Logins"],
    )
    assert answers == [
        arn("Writer"),
        {"ok": True},
        {"ok": "by javascript"},
        {"ok": [own["Key"]]},
        DENIED,
        DENIED,
        {"ok": True},
        {"error": "NoSuchKey", "status": 404},
    ]


def test_javascript_as_a_guest(people):
    answers = javascript(
        people.gate,
        [
            ("GetCallerIdentity", {}),
            ("GetObject", {"Bucket": BUCKET, "Key": HELLO}),
            ("GetObject", {"Bucket": BUCKET, "Key": "public/missing"}),
            ("ListObjectsV2", {"Bucket": BUCKET}),
            ("PutObject", {"Bucket": BUCKET, "Key": "public/x", "Body": "x"}),
        ],
    )
    assert answers[0] == arn("Guest") and "ok" in answers[1]
    assert answers[2:] == [DENIED] * 3


def test_javascript_with_a_login_that_is_none(people):
    token = people.tokens("bob")["id"]
    [answer] = javascript(
        people.gate, [("GetCallerIdentity", {})], {LOGIN: token.rpartition(".")[0] + "." + "A" * 342}
    )
    assert answer["error"] == "NotAuthorizedException"
