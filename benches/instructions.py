"""Counts the instructions of a request, stage by stage, and compares two builds.

    apt-get install valgrind
    python3 benches/instructions.py target/release/poolgate [OLDER-BUILD]

The program that is shipped runs under callgrind with one data thread, and is sent requests one after the other; counted is that thread alone, so that timers, key
refreshes and the machine's other work have no part in it. A stage is what a case has more than the case before it. Compared with an older build, a case that takes over 5 % more,
or a stage that takes over 5 % of its case more, ends with 1: such a rise was either meant, and is worth a word in the change log, or it is a
mistake. Cases whose work is mostly a signature's are shown and not judged: that code isn't Poolgate's.
"""

import base64
import json
import re
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "load"))

import peers  # noqa: E402
from decisions import check_request  # noqa: E402
from rig import Rig, answer  # noqa: E402

WARM, COUNTED, MORE = 300, 300, 1.05
# What a case is compared with to see what its stage takes: the case before it, or none.
CASES = {
    "proxied, public route": None,
    "a token seen before": "proxied, public route",
    "… and IAM, 100 statements": "a token seen before",
    "an object, signed": None,
    "a row, signed": None,
    "Envoy's question": None,
}
SIGNATURES = ("a new token", "credentials of an identity")


class Backend(threading.Thread):
    """Answers every request on a connection with 128 bytes."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def run(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: 2\r\n\r\n{}"
        with connection, connection.makefile("rb") as stream:
            while line := stream.readline():
                length = 0
                while line != b"\r\n":
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                    line = stream.readline()
                stream.read(length)
                connection.sendall(answer)


class Counter:
    """A gate under callgrind."""

    def __init__(self, rig, binary, backend):
        self.folder = rig.folder
        command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--separate-threads=yes",
                   f"--callgrind-out-file={rig.folder}/counted", binary]
        self.gate = peers.poolgate(rig, backend, "counted", command=command, asked=True, everything=True,
                                   patience=180)

    def control(self, *arguments):
        subprocess.run(["callgrind_control", *arguments, str(self.gate.program.process.pid)], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)

    def count(self, ask):
        """Instructions of the data thread for one of `ask`."""
        for turn in range(WARM):
            ask(turn)
        self.control("-i", "on")
        for turn in range(COUNTED):
            ask(WARM + turn)
        self.control("-i", "off")
        before = set(self.folder.glob("counted.*"))
        self.control("-d")
        totals = []
        for path in set(self.folder.glob("counted.*")) - before:
            found = re.search(r"^totals: (\d+)", path.read_text(), re.M)
            totals.append(int(found[1]) if found else 0)
        # The data thread is the one that did the work.
        return max(totals) / COUNTED


def http(port):
    """Sends requests on one connection; each has to be answered by 200."""
    connection = socket.create_connection(("127.0.0.1", port), 60)
    answers = connection.makefile("rb")

    def ask(request):
        connection.sendall(request)
        status, body = answer(answers)
        if b" 200 " not in status:
            raise SystemExit(f"{request[:200]!r}\nis answered {status!r} {body[:500]!r}")
        return body

    return ask


def request(method, path, headers, body=b""):
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def signed(found, service, method, path, headers, body=b""):
    """A request that botocore signs."""
    from botocore.auth import S3SigV4Auth, SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    credentials = Credentials(found["AccessKeyId"], found["SecretKey"], found["SessionToken"])
    prepared = AWSRequest(method, f"http://127.0.0.1{path}", headers=headers, data=body)
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(credentials, service, peers.REGION).add_auth(prepared)
    return request(method, path, {name: prepared.headers[name] for name in prepared.headers.keys()}, body)


def envoy(port):
    """Asks as Envoy does, by gRPC's own client."""
    import grpc

    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    check = channel.unary_unary("/envoy.service.auth.v3.Authorization/Check")

    def ask(message):
        said = check(message, timeout=60)
        # An allow begins with a status of zero; see google.rpc.Status.
        if said[:4] != b"\x0a\x02\x08\x00" and not said.startswith(b"\x0a\x04\x08\x00"):
            raise SystemExit(f"Envoy is answered {said[:200]!r}")

    return ask


def measure(binary):
    """Instructions a request, by case."""
    backend = Backend()
    backend.start()
    with tempfile.TemporaryDirectory(prefix="poolgate-instructions-") as folder:
        rig = Rig(Path(folder))
        try:
            counter = Counter(rig, binary, backend.port)
            gate = counter.gate
            ask = http(gate.port)
            tokens = [rig.keys.pool_token(user, peers.ROLE) for user in range(WARM + COUNTED + 100)]
            bearer = lambda turn: {"authorization": f"Bearer {tokens[turn % 100]}"}
            call = lambda operation, body: request("POST", "/", {
                "content-type": "application/x-amz-json-1.1",
                "x-amz-target": f"AWSCognitoIdentityService.{operation}"}, json.dumps(body).encode())
            logins = {peers.PROVIDER: tokens[0]}
            identity = json.loads(ask(call("GetId", {"IdentityPoolId": peers.IDENTITY_POOL, "Logins": logins})))["IdentityId"]
            wanted = call("GetCredentialsForIdentity", {"IdentityId": identity, "Logins": logins})
            found = json.loads(ask(wanted))["Credentials"]
            object_, row = (
                signed(found, "s3", "GET", "/objects/a/b.txt", {}),
                signed(found, "dynamodb", "POST", "/", {
                    "content-type": "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810.GetItem"},
                    json.dumps({"TableName": "rows", "Key": {"pk": {"S": "a"}}}).encode()))
            check, question = envoy(gate.ports["asked"]), [check_request(token)[5:] for token in tokens[:100]]
            fresh = lambda turn: {"authorization": f"Bearer {tokens[100 + turn]}"}
            cases = {
                "proxied, public route": lambda turn: ask(request("GET", "/public/1", bearer(turn))),
                "a token seen before": lambda turn: ask(request("GET", "/token/1", bearer(turn))),
                "… and IAM, 100 statements": lambda turn: ask(request("GET", "/api/1", bearer(turn))),
                "an object, signed": lambda turn: ask(object_),
                "a row, signed": lambda turn: ask(row),
                "Envoy's question": lambda turn: check(question[turn % 100]),
                "a new token": lambda turn: ask(request("GET", "/token/1", fresh(turn))),
                "credentials of an identity": lambda turn: ask(wanted),
            }
            counted = {}
            for case, run in cases.items():
                counted[case] = counter.count(run)
                print(f"{binary}: {case}: {counted[case]:,.0f}", file=sys.stderr)
        finally:
            rig.stop()
    return counted


def compared(older, newer):
    """What has risen by more than it may."""
    for case, before in CASES.items():
        was, now = older[case], newer[case]
        if now > was * MORE:
            yield f"{case}: {was:,.0f} instructions before, {now:,.0f} now"
        elif before and (now - newer[before]) > (was - older[before]) + was * (MORE - 1):
            yield f"{case}, less what {before} takes: {was - older[before]:,.0f} before, {now - newer[before]:,.0f} now"


def main():
    binaries = [str(Path(binary).resolve()) for binary in sys.argv[1:3]]
    if not binaries:
        raise SystemExit(__doc__)
    counted = [measure(binary) for binary in binaries]
    newer, older = counted[0], counted[-1]
    print(f"{'instructions a request':32} {'now':>10}" + (f" {'before':>10} {'ratio':>6}" if len(counted) > 1 else ""))
    for case, now in newer.items():
        line = f"{case:32} {now:10,.0f}"
        if len(counted) > 1:
            line += f" {older[case]:10,.0f} {now / older[case]:6.3f}"
        print(line + ("  (mostly a signature's: not judged)" if case in SIGNATURES else ""))
    problems = list(compared(older, newer))
    for problem in problems:
        print(f"RISEN: {problem}", file=sys.stderr)
    sys.exit(bool(problems))


main()
