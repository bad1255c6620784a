"""Bodies in every form of `x-amz-content-sha256`, by unmodified SDKs over HTTP and TLS and by a signer of our own.

They come back byte for byte, in bounded memory, and what isn't right never becomes an object.
"""

import base64
import hashlib
import http.client
import io
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
import requests
from boto3.s3.transfer import TransferConfig

from backend import Backend
from charts import certificate
from chunks import FORMS, SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER, put
from files import BACKEND_KEY, BACKEND_SECRET, Files
from gate import REGION, ROOT, TOOLS, free_port
from people import BUCKET, IDENTITY_POOL, environment
from signing import presign, raw
from standins import running

MIB = 1 << 20
SECRET = "secret/plans.txt"
BLOCK = bytes(range(256)) * 4096
# Large objects have 64 MiB or less, if nobody asks for more.
ASKED = int(os.environ.get("POOLGATE_OBJECT_MIB", 0)) * MIB
LARGE = ASKED or 64 * MIB
PATIENCE = 90 + 10 * LARGE // (64 * MIB)
# What the gate may have in memory, whatever passes through it.
MOST = 100 * MIB


class Pieces:
    """So many bytes, a mebibyte at a time, which nothing can seek in."""

    def __init__(self, size):
        self.size = size

    def __call__(self):
        left = self.size
        while left:
            piece = BLOCK[: min(left, MIB)]
            left -= len(piece)
            yield piece

    def digest(self):
        found = hashlib.sha256()
        for piece in self():
            found.update(piece)
        return found.hexdigest()

    def whole(self):
        return b"".join(self())


class Unseekable(io.RawIOBase):
    """A stream as it comes from a pipe."""

    def __init__(self, pieces):
        self.pieces, self.rest = pieces(), b""

    def readable(self):
        return True

    def read(self, size=-1):
        while len(self.rest) < size or size < 0:
            piece = next(self.pieces, None)
            if piece is None:
                size = len(self.rest)
                break
            self.rest += piece
        found, self.rest = self.rest[:size], self.rest[size:]
        return found


@pytest.fixture(scope="module", params=["http", "https"])
def files(request, tmp_path_factory, key):
    """A gate in front of the demo's S3, over either; over TLS, where SDKs send trailers, they reach it."""
    data, folder = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("bodies")
    port, program = free_port(), os.environ.get("POOLGATE_S3_STANDIN")
    program = program or ROOT / "target" / "debug" / "examples" / "s3-standin"
    (data / "data" / BUCKET).mkdir(parents=True)

    def edit(text):
        tls = ", tls: { cert: tls.crt, key: tls.key }"
        if request.param == "http":
            return text
        text = text.replace('" }\n  admin', f'"{tls} }}\n  admin')
        return text.replace("backend.secret } } }", "backend.secret } }, trailers: true }")

    certificate(folder)
    arguments = [program, f"127.0.0.1:{port}", data / "data", BACKEND_KEY, BACKEND_SECRET]
    with pytest.MonkeyPatch.context() as patch, running(arguments, port, data) as url:
        patch.setenv("AWS_CA_BUNDLE", str(folder / "tls.crt"))
        with Files(folder, key, url, edit=edit, scheme=request.param) as files:
            yield files


def same(files, key, pieces):
    """Whether an object is what was uploaded, read by boto3 and compared piece by piece."""
    found, digest = files.people.s3("bob").get_object(Bucket=BUCKET, Key=key), hashlib.sha256()
    for piece in found["Body"].iter_chunks(MIB):
        digest.update(piece)
    return (found["ContentLength"], digest.hexdigest()) == (pieces.size, pieces.digest())


@pytest.mark.parametrize("algorithm", [None, "CRC32", "SHA1", "SHA256"])
@pytest.mark.parametrize("size", [0, 1, MIB, 9 * MIB + 1])
def test_boto3(files, size, algorithm):
    s3, key, pieces = files.people.s3("bob"), f"{files.people.home('bob')}boto3", Pieces(size)
    how = {"ChecksumAlgorithm": algorithm} if algorithm else {}
    said = []
    s3.meta.events.register("before-send.s3.PutObject", lambda request, **_: said.append(request.headers["X-Amz-Content-SHA256"]))
    s3.put_object(Bucket=BUCKET, Key=key, Body=pieces.whole(), **how)
    assert same(files, key, pieces)
    # Over TLS it streams, with a trailer.
    assert (said[0].decode() == UNSIGNED_TRAILER) == (files.gate.scheme == "https"), said
    # The backend has the checksum, whichever way it came.
    found = s3.head_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
    assert found.get(f"Checksum{algorithm or 'CRC32'}"), found
    # A body that can't be seeked in, in one piece and in parts.
    s3.upload_fileobj(Unseekable(pieces), BUCKET, key, ExtraArgs=how or None)
    assert same(files, key, pieces)


@pytest.mark.parametrize("calculation", ["when_required", "when_supported"])
def test_boto3_without_and_with_checksums_of_its_own(files, calculation):
    s3 = files.people.s3("bob", request_checksum_calculation=calculation)
    key, pieces = f"{files.people.home('bob')}calculation", Pieces(3 * MIB + 5)
    s3.put_object(Bucket=BUCKET, Key=key, Body=io.BytesIO(pieces.whole()))
    assert same(files, key, pieces)
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"x", ContentEncoding="gzip")
    assert s3.head_object(Bucket=BUCKET, Key=key)["ContentEncoding"] == "gzip"


def test_boto3_large_and_in_parts(files):
    s3, key, pieces = files.people.s3("bob"), f"{files.people.home('bob')}parts", Pieces(LARGE)
    s3.upload_fileobj(Unseekable(pieces), BUCKET, key, Config=TransferConfig(multipart_chunksize=8 * MIB))
    assert same(files, key, pieces)
    assert resident(files.gate) < MOST


def test_nobody_and_who_has_a_token_send_trailers_too(files):
    """An SDK that signs nothing streams the same form, and is told what it may not."""
    s3 = files.people.s3("anonymous")
    with pytest.raises(s3.exceptions.ClientError) as refused:
        s3.put_object(Bucket=BUCKET, Key="public/x", Body=b"x" * 100_000)
    assert refused.value.response["Error"]["Code"] == "AccessDenied"


def test_the_command_line(files, tmp_path):
    pieces, key = Pieces((ASKED or 20 * MIB) + 7), f"{files.people.home('bob')}cli"
    (tmp_path / "up").write_bytes(pieces.whole())
    env = environment(files.gate, files.people.credentials("bob"))
    env |= {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "AWS_CA_BUNDLE": os.environ["AWS_CA_BUNDLE"]}

    def aws(*arguments, **how):
        command = [TOOLS / "venv" / "bin" / "aws", *map(str, arguments)]
        done = subprocess.run(command, env=env, capture_output=True, timeout=PATIENCE, cwd=tmp_path, **how)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    target = f"s3://{BUCKET}/{key}"
    aws("s3", "cp", "up", target)
    assert same(files, key, pieces)
    aws("s3", "cp", "-", target, input=pieces.whole())
    assert same(files, key, pieces)
    aws("s3api", "put-object", "--bucket", BUCKET, "--key", key, "--body", "up", "--checksum-algorithm", "SHA256")
    assert same(files, key, pieces)
    assert aws("s3", "cp", target, "-") == pieces.whole()


@pytest.mark.parametrize("algorithm", [None, "CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_javascript_streams(files, algorithm):
    """A stream has a trailer, over plain HTTP too."""
    people, key, size = files.people, f"{files.people.home('bob')}javascript", 3 * MIB + 11
    stream = {"$stream": size, "$block": base64.b64encode(BLOCK[:1000]).decode()}
    given = {"Bucket": BUCKET, "Key": key, "Body": stream, "ContentLength": size}
    calls = [{"command": "PutObject", "input": given | ({"ChecksumAlgorithm": algorithm} if algorithm else {})}]
    asked = {
        "endpoint": files.gate.url,
        "region": REGION,
        "identityPoolId": IDENTITY_POOL,
        "logins": people.logins("bob")["Logins"],
        "calls": calls,
    }
    done = subprocess.run(
        [shutil.which("node"), str(Path(__file__).with_name("s3.cjs"))],
        input=json.dumps(asked).encode(),
        env={
            "PATH": "/usr/bin:/bin",
            "NODE_PATH": str(TOOLS / "node" / "node_modules"),
            "NODE_EXTRA_CA_CERTS": os.environ["AWS_CA_BUNDLE"],
        },
        capture_output=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout) == [{"ok": True}], done.stdout
    expected = (BLOCK[:1000] * (size // 1000 + 1))[:size]
    assert people.s3("bob").get_object(Bucket=BUCKET, Key=key)["Body"].read() == expected


def test_rclone_copies(files, tmp_path):
    """Files, a large one in parts, and one whose size isn't known before its end."""
    people, credentials = files.people, files.people.credentials("bob")
    up, home = tmp_path / "up", f"{people.home('bob')}rclone"
    up.mkdir()
    sizes = {"empty": 0, "one": 1, "large": (ASKED or 17 * MIB) + 3}
    for name, size in sizes.items():
        (up / name).write_bytes(Pieces(size).whole())
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "RCLONE_CONFIG": str(tmp_path / "rclone.conf"),
        "RCLONE_CONFIG_GATE_TYPE": "s3",
        "RCLONE_CONFIG_GATE_PROVIDER": "Other",
        "RCLONE_CONFIG_GATE_ENDPOINT": files.gate.url,
        "RCLONE_CONFIG_GATE_REGION": REGION,
        "RCLONE_CONFIG_GATE_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "RCLONE_CONFIG_GATE_SECRET_ACCESS_KEY": credentials["SecretKey"],
        "RCLONE_CONFIG_GATE_SESSION_TOKEN": credentials["SessionToken"],
        "RCLONE_CONFIG_GATE_NO_CHECK_BUCKET": "true",
        "RCLONE_S3_UPLOAD_CUTOFF": "8Mi",
        "RCLONE_S3_CHUNK_SIZE": "8Mi",
        "RCLONE_CA_CERT": os.environ["AWS_CA_BUNDLE"],
    }

    def rclone(*arguments, **how):
        command = [TOOLS / "venv" / "bin" / "rclone", *map(str, arguments), "--retries", "1"]
        done = subprocess.run(command, env=env, capture_output=True, timeout=PATIENCE, **how)
        assert done.returncode == 0, done.stderr.decode()

    rclone("copy", up, f"gate:{BUCKET}/{home}")
    rclone("check", "--download", up, f"gate:{BUCKET}/{home}")
    pieces = Pieces(9 * MIB)
    rclone("rcat", f"gate:{BUCKET}/{home}/piped", input=pieces.whole())
    assert same(files, f"{home}/piped", pieces)


def test_presigned(files):
    pieces, key = Pieces(ASKED or 2 * MIB), f"{files.people.home('bob')}presigned"
    url = files.people.s3("bob").generate_presigned_url("put_object", {"Bucket": BUCKET, "Key": key})
    put = urllib.request.Request(url, pieces.whole(), method="PUT", headers={"Content-Type": ""})
    context = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
    with urllib.request.urlopen(put, timeout=PATIENCE, context=context) as answer:
        assert answer.status == 200
    assert same(files, key, pieces)


@pytest.mark.parametrize("size", [0, 1, MIB, 9 * MIB + 1])
def test_a_form(files, size):
    """Signed by boto3 for a page, filled in by a browser."""
    key, pieces = f"{files.people.home('bob')}form/", Pieces(size)
    form = files.people.s3("bob").generate_presigned_post(
        BUCKET,
        key + "${filename}",
        Fields={"Content-Type": "image/png", "success_action_status": "201"},
        Conditions=[
            ["starts-with", "$key", key],
            ["eq", "$Content-Type", "image/png"],
            {"success_action_status": "201"},
            ["content-length-range", 0, 10 * MIB],
        ],
    )
    verify = os.environ["AWS_CA_BUNDLE"]
    photo = {"file": ("a photo+1.png", io.BytesIO(pieces.whole()), "image/png")}
    answer = requests.post(form["url"], data=form["fields"], files=photo, timeout=20, verify=verify)
    assert answer.status_code == 201, answer.text
    assert f"<Key>{key}a photo+1.png</Key>" in answer.text
    assert same(files, f"{key}a photo+1.png", pieces)
    found = files.people.s3("bob").head_object(Bucket=BUCKET, Key=f"{key}a photo+1.png")
    assert found["ContentType"] == "image/png"


def test_forms_that_arent_allowed(files):
    people, verify = files.people, os.environ["AWS_CA_BUNDLE"]

    def post(who, key, size=1, fields=None, conditions=None):
        form = people.s3(who).generate_presigned_post(BUCKET, key, Conditions=conditions)
        data = form["fields"] | (fields or {})
        return requests.post(form["url"], data=data, files={"file": ("x", bytes(size))}, timeout=20, verify=verify)

    home = people.home("bob")
    assert post("bob", f"{home}x").status_code == 204
    for who, key in [("alice", f"{people.home('alice')}x"), ("bob", "public/x"), ("carol", SECRET), ("guest", "public/x")]:
        answer = post(who, key)
        assert answer.status_code == 403 and "is not authorized to perform: s3:PutObject" in answer.text, answer.text
    answer = post("bob", f"{home}x", fields={"acl": "public-read"})
    assert answer.status_code == 403 and "Extra input fields: acl" in answer.text
    for size, code in [(9, "EntityTooSmall"), (21, "EntityTooLarge")]:
        answer = post("bob", f"{home}x", size, conditions=[["content-length-range", 10, 20]])
        assert answer.status_code == 400 and f"<Code>{code}</Code>" in answer.text


# By hand, over plain HTTP.


@pytest.fixture(scope="module")
def plain(tmp_path_factory, key):
    """A gate in front of a backend that tells what reached it."""
    backend = Backend()
    try:
        with Files(tmp_path_factory.mktemp("plain"), key, backend.url) as files:
            files.backend = backend
            yield files
    finally:
        backend.close()


def own(files, name="x"):
    return f"/{BUCKET}/{urllib.parse.quote(files.people.home('bob'))}{name}"


def upload(files, form, size, cut=None, **how):
    pieces = Pieces(size)
    return put(files.gate, files.people.credentials("bob"), own(files), form, size, pieces, cut=cut, **how)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [0, 1, 2 * MIB + 1, LARGE])
def test_by_hand(plain, form, size):
    answer = upload(plain, form, size)
    assert answer.status == 200, answer.body
    seen = answer.json()
    assert (seen["length"], seen["sha256"]) == (size, Pieces(size).digest())
    fields = {name.lower(): value for name, value in seen["headers"]}
    assert fields["content-length"] == str(size) and fields["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    assert not {"content-encoding", "x-amz-trailer", "transfer-encoding"} & set(fields)


# What can be wrong with each form.
MISTAKES = {
    SIGNED: ("chunk", "last"),
    SIGNED_TRAILER: ("chunk", "last", "trailer", "checksum"),
    UNSIGNED_TRAILER: ("checksum",),
}


@pytest.mark.parametrize("form,wrong", [(form, wrong) for form, all in MISTAKES.items() for wrong in all])
def test_mistakes_never_become_objects(plain, form, wrong):
    before = len(plain.backend.finished)
    # An empty object has no chunk but the last.
    for size in (3 * MIB,) if wrong == "chunk" else (0, 3 * MIB):
        answer = upload(plain, form, size, wrong=wrong, checksum="sha256" if wrong == "checksum" else "crc32")
        code = re.search(rb"<Code>(\w+)</Code>", answer.body).group(1).decode()
        assert code == ("BadDigest" if wrong == "checksum" else "SignatureDoesNotMatch"), answer
    assert len(plain.backend.finished) == before


def test_a_presigned_request_has_no_chunks(plain):
    before = len(plain.backend.finished)
    bob = plain.people.credentials("bob")
    for form in FORMS:
        target = presign(plain.gate, bob, "PUT", f"{own(plain)}?X-Amz-Content-Sha256={form}")
        answer = raw(plain.gate, "PUT", target, {}, b"0\r\n\r\n")
        assert answer.status in (403, 501), answer
    assert len(plain.backend.finished) == before


@pytest.mark.parametrize("form", FORMS)
def test_a_caller_that_dribbles(plain, form):
    size = 3000
    answer = upload(plain, form, size, cut=7)
    assert answer.status == 200 and answer.json()["sha256"] == Pieces(size).digest()
    assert upload(plain, form, size, cut=1, wrong="last" if form != UNSIGNED_TRAILER else "checksum").status >= 400


def resident(gate):
    """Bytes that the gate has in memory, at most so far."""
    status = Path(f"/proc/{gate.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) << 10


class Dribbler(threading.Thread):
    """A backend that takes what it is sent slowly, and answers at the end."""

    def __init__(self, seconds):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.seconds, self.bodies = seconds, []
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb", buffering=64 << 10) as stream:
                head = b"".join(iter(stream.readline, b"\r\n"))
                left = int(re.search(rb"content-length: (\d+)", head).group(1))
                found, until = hashlib.sha256(), time.monotonic() + self.seconds
                while left:
                    # Slow at first, so that all that can be is buffered.
                    time.sleep(0.05 if time.monotonic() < until else 0)
                    piece = stream.read(min(left, 64 << 10))
                    if not piece:
                        break
                    left -= len(piece)
                    found.update(piece)
                if not left:
                    self.bodies.append(found.hexdigest())
                    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    def close(self):
        self.listener.close()


def test_a_backend_that_dribbles(tmp_path, key):
    backend = Dribbler(2)
    try:
        with Files(tmp_path, key, backend.url) as files:
            for form in FORMS:
                assert upload(files, form, 64 * MIB).status == 200
            assert resident(files.gate) < MOST, resident(files.gate) >> 20
            assert backend.bodies == [Pieces(64 * MIB).digest()] * len(FORMS)
    finally:
        backend.close()


def test_a_large_form(plain):
    """It is streamed, in pieces that cut its boundary."""
    size, key = LARGE, f"{plain.people.home('bob')}form"
    signed = plain.people.s3("bob").generate_presigned_post(BUCKET, key)
    boundary = "----WebKitFormBoundaryabcdefgh"
    fields = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in signed["fields"].items()
    )
    start = f'{fields}--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'.encode()
    end = f"\r\n--{boundary}--\r\n".encode()

    def post(end):
        head = (
            f"POST /{BUCKET} HTTP/1.1\r\nHost: 127.0.0.1:{plain.gate.proxy}\r\nConnection: close\r\n"
            f"Content-Type: multipart/form-data; boundary={boundary}\r\nContent-Length: {len(start) + size + len(end)}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", plain.gate.proxy), timeout=60) as connection:
            try:
                for piece in (head.encode(), start, *Pieces(size)(), *(end[at : at + 3] for at in range(0, len(end), 3))):
                    connection.sendall(piece)
            except OSError:
                pass
            response = http.client.HTTPResponse(connection, method="POST")
            response.begin()
            return response.status

    finished = len(plain.backend.finished)
    assert post(end) == 204
    assert len(plain.backend.finished) == finished + 1 and resident(plain.gate) < MOST
    assert post(end.replace(b"--\r\n", b"-x\r\n")) == 400
    assert len(plain.backend.finished) == finished + 1


def test_a_gibibyte(plain):
    """Up in the form that has most to prove, and down again, in bounded memory."""
    size, pieces = 1 << 30, Pieces(1 << 30)
    started = time.monotonic()
    answer = upload(plain, SIGNED_TRAILER, size)
    assert answer.status == 200 and answer.json()["length"] == size, answer
    up = time.monotonic() - started
    target = f"/{BUCKET}/public/bytes/{size}"
    request = urllib.request.Request(f"{plain.gate.url}{target}")
    left, digest = 0, hashlib.sha256()
    with urllib.request.urlopen(request, timeout=60) as found:
        while piece := found.read(MIB):
            left += len(piece)
            digest.update(piece)
    assert left == size and resident(plain.gate) < MOST, resident(plain.gate) >> 20
    print(f"1 GiB up in {up:.1f} s, down in {time.monotonic() - started - up:.1f} s, {resident(plain.gate) >> 20} MiB")
    assert answer.json()["sha256"] == digest.hexdigest() == pieces.digest()
