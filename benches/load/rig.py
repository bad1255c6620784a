"""Processes, ports, keys and tokens of a benchmark: everything on 127.0.0.1, and stopped at its end."""

import base64
import contextlib
import json
import multiprocessing
import os
import re
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

ROOT = Path(__file__).resolve().parents[2]
POOLGATE = str(Path(os.environ.get("POOLGATE_BIN", ROOT / "target/release/poolgate")).resolve())
REGION, ACCOUNT = "us-east-1", "111122223333"
POOL, CLIENT = "us-east-1_Bench0001", "benchclient000000000000000"
ISSUER = f"http://127.0.0.1:9/{POOL}"
# A proxy has a core of its own; whoever drives it and what is behind it share the other.
CORES = sorted(os.sched_getaffinity(0))
PROXY_CORE, OTHER_CORE = str(CORES[0]), str(CORES[1 if len(CORES) > 1 else 0])
TICK = 1_000_000 / os.sysconf("SC_CLK_TCK")


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value):
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Keys:
    """A user pool's RSA key and an OpenID Connect provider's elliptic one."""

    def __init__(self):
        self.rsa = rsa.generate_private_key(65537, 2048)
        self.elliptic = ec.generate_private_key(ec.SECP256R1())
        public = self.rsa.public_key().public_numbers()
        self.rsa_set = {"keys": [{"kty": "RSA", "kid": "k1", "alg": "RS256", "use": "sig",
                                  "n": number(public.n), "e": number(public.e)}]}
        point = self.elliptic.public_key().public_numbers()
        coordinate = lambda value: b64(value.to_bytes(32, "big"))
        self.elliptic_set = {"keys": [{"kty": "EC", "crv": "P-256", "kid": "e1", "alg": "ES256", "use": "sig",
                                       "x": coordinate(point.x), "y": coordinate(point.y)}]}

    def pool_token(self, user, role):
        """An ID token of 1.1 kB, as Cognito makes them."""
        now = int(time.time())
        signed = encode({"alg": "RS256", "kid": "k1"}, {
            "sub": f"{user:08d}-aaaa-4bbb-8ccc-dddddddddddd", "iss": ISSUER, "aud": CLIENT, "token_use": "id",
            "iat": now, "auth_time": now, "exp": now + 7200, "jti": f"{user:08d}-1111-4222-8333-444444444444",
            "origin_jti": f"{user:08d}-5555-4666-8777-888888888888",
            "event_id": f"{user:08d}-9999-4000-8111-222222222222", "email": f"user-{user}@example.com",
            "email_verified": True, "cognito:username": f"user-{user}", "cognito:groups": ["readers"],
            "cognito:preferred_role": role, "cognito:roles": [role]})
        return f"{signed}.{b64(self.rsa.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def pool_tokens(self, count, role):
        """Those of so many users, signed by all processors."""
        # A key can't be sent to a process, but is there in one that is forked.
        with multiprocessing.get_context("fork").Pool(initializer=SIGNERS.append, initargs=(self,)) as pool:
            return pool.starmap(signed, ((user, role) for user in range(count)), chunksize=1000)

    def provider_token(self, user, issuer, audience):
        """A small token of an OpenID Connect provider."""
        now = int(time.time())
        signed = encode({"alg": "ES256", "kid": "e1"}, {
            "sub": f"user-{user}", "iss": issuer, "aud": audience, "iat": now, "exp": now + 7200})
        der = self.elliptic.sign(signed.encode(), ec.ECDSA(hashes.SHA256()))
        r, s = utils.decode_dss_signature(der)
        return f"{signed}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


SIGNERS = []


def signed(user, role):
    return SIGNERS[0].pool_token(user, role)


def encode(head, claims):
    return f"{b64(json.dumps(head).encode())}.{b64(json.dumps(claims).encode())}"


_given = set()


def free_port():
    """A port that nobody has, and that wasn't given before."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port


def listening(port, process, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on {port}")


@dataclass
class Program:
    """A program that runs, on one core, until it is stopped."""

    name: str
    process: subprocess.Popen

    def used(self):
        """Microseconds of processor time so far, of it and its children."""
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
                total += int(fields[11]) + int(fields[12])
        return total * TICK

    def resident(self):
        """MiB that are its own and its children's."""
        kib = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                kib += int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])
        return kib / 1024

    def pids(self):
        found, queue = [], [self.process.pid]
        while queue:
            pid = queue.pop()
            found.append(pid)
            with contextlib.suppress(OSError):
                queue += [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return found

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def answer(stream):
    """The status line and the body of the next answer on a connection; the body has to say its length."""
    status = line = stream.readline()
    length = 0
    while line not in (b"\r\n", b""):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
        line = stream.readline()
    return status, stream.read(length)


@dataclass
class Rig:
    """Where a benchmark's files are, and what it started."""

    folder: Path
    keys: Keys = field(default_factory=Keys)
    running: list = field(default_factory=list)

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def tools(self, name):
        """Where npm puts a package's program."""
        return ROOT.glob(f"target/rig/node/node_modules/*/*/{name}")

    def start(self, name, command, port, core=PROXY_CORE, env=None, patience=20):
        """Starts a program on `core`, and waits for its port."""
        with open(self.folder / f"{name}.log", "ab") as log:
            process = subprocess.Popen(
                ["taskset", "-c", core, *map(str, command)], stdout=log, stderr=log, cwd=self.folder,
                env={**os.environ, **(env or {})})
        program = Program(name, process)
        self.running.append(program)
        try:
            listening(port, process, patience)
        except SystemExit:
            print((self.folder / f"{name}.log").read_text()[-2000:], file=sys.stderr)
            raise
        return program

    def stop(self, *programs):
        for program in programs or list(self.running):
            program.stop()
            self.running.remove(program)
