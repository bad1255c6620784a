"""curl through the gate in HTTP/1, in clear and over TLS: keep-alive, chunked uploads, HEAD, big bodies both ways, HTTP/1.0."""

import hashlib
import json
import shutil
import subprocess

import pytest

import mint
from account import TOKEN_ONLY, over_tls, route
from backend import BLOCK
from charts import certificate

CURL = shutil.which("curl") or "curl"
MIB = 1 << 20


@pytest.fixture(params=["http", "https"])
def curl(request, serve, key, backend, tmp_path):
    certificate(tmp_path)
    edit = over_tls if request.param == "https" else lambda text: text
    gate = serve(route("all", "/", backend.url, TOKEN_ONLY), edit=edit)
    gate.scheme = request.param
    token = mint.pool_token(key)
    gate.tokens.add(token)
    netrc = tmp_path / "headers"
    netrc.write_text(f"Authorization: Bearer {token}\n")

    def run(*arguments):
        # The token comes from a file: it has no place in a process listing.
        trusting = ["--http1.1", "--cacert", str(tmp_path / "tls.crt")]
        command = [CURL, "-sS", "--max-time", "60", "-H", f"@{netrc}", *trusting, *map(str, arguments)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=90)
        assert done.returncode == 0, (done.returncode, done.stderr.decode())
        return done.stdout

    run.gate, run.backend, run.folder = gate, backend, tmp_path
    return run


@pytest.fixture
def upload(tmp_path):
    def make(size):
        path = tmp_path / f"{size}.bin"
        digest = hashlib.sha256()
        with open(path, "wb") as file:
            for _ in range(size // len(BLOCK)):
                file.write(BLOCK)
                digest.update(BLOCK)
        return path, digest.hexdigest()

    return make


def test_connection_is_kept_alive(curl):
    url = f"{curl.gate.url}/orders/1"
    output = curl(*["-o", "/dev/null"] * 3, "-w", "%{num_connects} %{http_code};", url, url, url)
    assert output == b"1 200;0 200;0 200;"
    assert curl.backend.count() == 3


@pytest.mark.parametrize("size", [MIB, 64 * MIB])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_upload_arrives_whole(curl, upload, size, framing):
    path, digest = upload(size)
    extra = ["-H", "Transfer-Encoding: chunked"] if framing == "chunked" else []
    seen = json.loads(curl("-X", "PUT", *extra, "-T", path, f"{curl.gate.url}/up"))
    assert (seen["method"], seen["length"], seen["sha256"]) == ("PUT", size, digest)


def test_chunked_upload_of_unknown_length(curl):
    chunked = ["-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue"]
    seen = json.loads(curl("-X", "POST", *chunked, "--data-binary", "twelve bytes", f"{curl.gate.url}/up"))
    assert seen["length"] == 12


@pytest.mark.parametrize("size", [0, MIB, 64 * MIB])
def test_download_arrives_whole(curl, size):
    target = curl.folder / "down.bin"
    status = curl("-o", target, "-w", "%{http_code} %{size_download}", f"{curl.gate.url}/bytes/{size}")
    assert status == f"200 {size}".encode()
    if size:
        expected = hashlib.sha256()
        for _ in range(size // len(BLOCK)):
            expected.update(BLOCK)
        assert hashlib.sha256(target.read_bytes()).hexdigest() == expected.hexdigest()


def test_head_has_headers_and_no_body(curl):
    output = curl("-I", f"{curl.gate.url}/bytes/{MIB}").decode().lower()
    assert output.startswith("http/1.1 200") and f"content-length: {MIB}" in output
    assert curl.backend.last()[0] == "HEAD"


def test_http_1_0(curl):
    output = curl("--http1.0", "-i", f"{curl.gate.url}/orders/1").decode()
    head, _, body = output.partition("\r\n\r\n")
    assert " 200" in head.splitlines()[0]
    assert "transfer-encoding" not in head.lower(), "chunked has no meaning in HTTP/1.0"
    assert json.loads(body)["path"] == "/orders/1"


def test_http_1_0_with_keep_alive(curl):
    url = f"{curl.gate.url}/orders/1"
    quiet = ["-o", "/dev/null"] * 2
    output = curl("--http1.0", "-H", "Connection: keep-alive", *quiet, "-w", "%{http_code};", url, url)
    assert output == b"200;200;"


def test_query_and_escapes_are_forwarded_byte_for_byte(curl):
    target = "/orders/a%20b?x=1&x=%2F&y=~%7e&z"
    assert json.loads(curl("--path-as-is", f"{curl.gate.url}{target}"))["path"] == target


def test_token_goes_along_and_hop_by_hop_headers_do_not(curl):
    sent = ("Connection: close, X-Hop", "X-Hop: 1", "X-Kept: 2", "X-Forwarded-For: 6.6.6.6")
    curl(*(part for field in sent for part in ("-H", field)), f"{curl.gate.url}/orders/1")
    names = {name.lower(): value for name, value in curl.backend.last()[2]}
    assert "x-hop" not in names and names["x-kept"] == "2"
    assert names["authorization"].startswith("Bearer ")
    assert "6.6.6.6" not in names.get("x-forwarded-for", ""), "an untrusted peer's X-Forwarded-For was believed"


def test_identity_headers_of_an_upstream_answer_are_dropped(curl):
    # The backend answers with an x-poolgate-role of its own.
    head = curl("-i", f"{curl.gate.url}/orders/1").decode().partition("\r\n\r\n")[0].lower()
    assert "set by the backend" not in head
