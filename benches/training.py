"""The work at which `benches/guided` watches Poolgate: requests of every kind, each for about as long as the others.

    apt-get install nginx-light nghttp2-client openssl python3-cryptography wrk
    POOLGATE_BIN=target/release/poolgate python3 benches/training.py [SECONDS-FOR-EACH]

Nothing is measured. What isn't answered as it should be ends it with an error: by that the compiler would learn the wrong thing.
"""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "load"))

import decisions  # noqa: E402
import peers  # noqa: E402
from costs import certificate  # noqa: E402
from measure import saturate, script, streams  # noqa: E402
from rig import OTHER_CORE, POOLGATE, Rig  # noqa: E402

SECONDS = int(sys.argv[1]) if sys.argv[1:] else 2
KNOWN, NEW = 2000, 20_000
MIXES = {
    "s3": [{"method": "PUT", "path": "/objects/{user}", "body_size": "4KiB", "expect": [201, 204]},
           {"path": "/objects/{user}", "weight": 4, "expect": [200, 404]}],
    "dynamodb": [{"method": "POST", "path": "/", "body": '{"TableName": "rows", "Key": {"pk": {"S": "row-{n}"}}}', "headers": {
        "content-type": "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810.GetItem"}}],
}


def forwarded(rig, gate, tokens):
    """Requests of bearers and of nobody."""
    well(saturate(gate, script(rig, "new", "/api/items/1", tokens[KNOWN:]), SECONDS))
    for name, path in {"iam": "/api/items/1", "token": "/token/1", "public": "/public/1", "body": "/api/body/64"}.items():
        well(saturate(gate, script(rig, name, path, tokens[:KNOWN]), SECONDS))
    over_http2(gate, tokens[0])


def over_http2(gate, token):
    bearer = ["-H", f"authorization: Bearer {token}"]
    well(streams(gate.program, f"{gate.scheme}://127.0.0.1:{gate.port}/api/items/1", SECONDS, bearer, 4, 16))


def signed(rig, gate, tokens):
    """Objects and rows, with temporary credentials that the gate gives out."""
    listed = rig.write("signers.tokens", "\n".join(tokens[:50]) + "\n")
    for service, mix in MIXES.items():
        # Whoever sends the requests isn't watched.
        subprocess.run(
            ["taskset", "-c", OTHER_CORE, POOLGATE, "load", f"http://127.0.0.1:{gate.port}", "--rate", "max", "--duration", f"{SECONDS}s",
             "--connections", "32", "--fail-if", "errors>0", "--token-file", listed, "--identity-pool", peers.IDENTITY_POOL,
             "--sigv4", f"{peers.REGION}/{service}", "--requests", rig.write(f"{service}.json", {"requests": mix})],
            check=True, stdout=subprocess.DEVNULL, timeout=120, env={**os.environ, "LLVM_PROFILE_FILE": os.devnull})


def asked(rig, tokens):
    """What proxies and policy clients ask."""
    gate = decisions.asked(rig)
    body = rig.folder / "check.bin"
    for token in tokens[:SECONDS]:
        body.write_bytes(decisions.check_request(token))
        well(decisions.ask(gate, body, 1))
    base = f"http://127.0.0.1:{gate.ports['asked']}"
    proxy = ["-H", f"authorization: Bearer {tokens[0]}", "-H", "x-forwarded-for: 127.0.0.1", "-H", "x-forwarded-proto: http"]
    well(streams(gate.program, f"{base}/check/envoy/api/items/1", SECONDS, proxy))
    peer, lua, _ = decisions.authzen(rig, gate)
    well(saturate(peer, lua, SECONDS))
    allowed_all(gate)


def allowed_all(gate):
    """Who only asks gets an answer either way."""
    with urllib.request.urlopen(f"http://127.0.0.1:{gate.ports['admin']}/metrics", timeout=10) as metrics:
        counted = [line for line in metrics.read().decode().splitlines() if line.startswith("poolgate_decisions_total{")]
    if not counted or any('effect="allow"' not in line for line in counted):
        sys.exit("\n".join(["not everything was allowed:", *counted]))


def well(done):
    if done.failed:
        sys.exit(f"{done.failed} requests failed")


def main():
    with tempfile.TemporaryDirectory(prefix="poolgate-training-") as folder:
        rig = Rig(Path(folder))
        try:
            tokens = rig.keys.pool_tokens(KNOWN + NEW, peers.ROLE)
            behind = peers.backend(rig)
            certificate(rig)
            gate = peers.poolgate(rig, behind.port, "all", everything=True)
            forwarded(rig, gate, tokens)
            signed(rig, gate, tokens)
            over_http2(peers.poolgate(rig, behind.port, "tls", tls=rig.folder / "server"), tokens[0])
            logged = peers.poolgate(rig, behind.port, "logged", log=rig.folder / "decisions.log")
            well(saturate(logged, script(rig, "logged", "/api/items/1", tokens[:KNOWN]), SECONDS))
            asked(rig, tokens)
        finally:
            rig.stop()


main()
