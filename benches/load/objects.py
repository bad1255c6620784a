"""A large object through the gate, verified and signed again, beside nginx that only passes it on."""

import json
import statistics
import subprocess
import time
from dataclasses import dataclass

import peers
from measure import alternating
from page import Chart, Section, Table
from rig import OTHER_CORE

EMPTY = "UNSIGNED-PAYLOAD"


@dataclass
class Copy:
    speed: float  # MiB a second
    cost: float  # seconds of the proxy's processor time a GiB


def section(rig, plan):
    mib = plan.object_mib
    behind = peers.backend(rig)
    ours = peers.poolgate(rig, behind.port, "objects", everything=True)
    streaming = "proxy_request_buffering off; client_max_body_size 0;"
    proxy = peers.nginx(rig, behind.port, streaming)
    source = rig.folder / "object"
    with open(source, "wb") as file:
        for _ in range(mib):
            file.write(bytes(1 << 20))
    signed = sign_in(rig, ours, plan.tokens[0])
    url = lambda peer: f"http://127.0.0.1:{peer.port}/objects/big"
    put = ["-T", source, "-o", "/dev/null"]
    cases = {
        "PUT, nginx": lambda: copy(proxy, [*put, url(proxy)], mib),
        "PUT, Poolgate, unsigned payload": lambda: copy(ours, [*signed(EMPTY), *put, url(ours)], mib),
        "PUT, Poolgate, payload hashed": lambda: copy(ours, [*signed(digest(source)), *put, url(ours)], mib),
        "GET, nginx": lambda: copy(proxy, ["-o", "/dev/null", url(proxy)], mib),
        "GET, Poolgate": lambda: copy(ours, [*signed(EMPTY), "-o", "/dev/null", url(ours)], mib),
    }
    found = alternating(plan.object_rounds, cases)
    resident = ours.program.resident()
    rig.stop()
    source.unlink()
    middle = lambda rounds, member: statistics.median(getattr(each, member) for each in rounds)
    paired = lambda name: statistics.median(
        a.speed / b.speed for a, b in zip(found[name], found[f"{name[:3]}, nginx"]))
    rows = [[name, f"{middle(rounds, 'speed'):,.0f}", f"{paired(name):.2f}", f"{middle(rounds, 'cost'):.2f}"]
            for name, rounds in found.items()]
    bars = [(name, middle(rounds, "speed")) for name, rounds in found.items()]
    return Section("Large objects", f"""\
An object of {mib} MiB up and down, by curl with temporary credentials of an identity: verified, allowed, and signed anew for the backend, which keeps files. nginx (request buffering off)
passes on the same without any check. A payload that is hashed is proven before its last bytes go on. Afterwards Poolgate has {resident:.0f} MiB resident.""", [
        Table(["", "MiB/s", "against nginx", "CPU s/GiB"], rows, Chart.bars("objects", "Throughput, MiB/s", bars))])


def sign_in(rig, ours, token):
    """Temporary credentials of the token's identity, as options for curl."""
    base = f"http://127.0.0.1:{ours.port}/"
    identity = aws(base, "GetId", {"IdentityPoolId": peers.IDENTITY_POOL, "Logins": {peers.PROVIDER: token}})["IdentityId"]
    found = aws(base, "GetCredentialsForIdentity", {"IdentityId": identity, "Logins": {peers.PROVIDER: token}})["Credentials"]
    config = rig.write("curl.config", f"""\
user = "{found['AccessKeyId']}:{found['SecretKey']}"
header = "x-amz-security-token: {found['SessionToken']}"
""")
    return lambda payload: ["-K", config, "--aws-sigv4", f"aws:amz:{peers.REGION}:s3", "-H", f"x-amz-content-sha256: {payload}"]


def aws(base, operation, body):
    done = subprocess.run(
        ["curl", "-sS", "-m", "10", "-H", "content-type: application/x-amz-json-1.1",
         "-H", f"x-amz-target: AWSCognitoIdentityService.{operation}", "-d", json.dumps(body), base],
        capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def digest(path):
    return subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True).stdout.split()[0]


def copy(peer, arguments, mib):
    before, began = peer.program.used(), time.monotonic()
    done = subprocess.run(
        ["taskset", "-c", OTHER_CORE, "curl", "-sS", "-m", "120", "--fail-with-body", "-w", "%{http_code}", *map(str, arguments)],
        capture_output=True, text=True, check=False)
    took = time.monotonic() - began
    assert done.returncode == 0 and done.stdout.strip() in ("200", "201", "204"), (done.stdout, done.stderr)
    return Copy(mib / took, (peer.program.used() - before) / 1e6 * 1024 / mib)
