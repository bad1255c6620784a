"""Counts what a request doesn't find in the processor's caches, by callgrind's model of them.

    apt-get install valgrind nginx-light
    python3 benches/caches.py target/release/poolgate [ANOTHER-BUILD]

Where the caches are small or shared, that is most of what a request costs, and it goes together with the instructions only loosely: code that runs once a
request is fetched anew each time, once there is more of it than fits, and what is kept for requests under way has gone cold by the time of their answers.
So the program that is shipped has 64 connections, all with a request under way at the same time, and 2,000 tokens in turn. The model has 32 KiB
for instructions and for data, and 512 KiB for both; what the kernel does isn't in it.
"""

import re
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "load"))

import peers  # noqa: E402
from rig import Rig, answer  # noqa: E402

CONNECTIONS, TOKENS, ROUNDS = 64, 2000, 60
CACHES = ("--cache-sim=yes", "--I1=32768,8,64", "--D1=32768,8,64", "--LL=524288,8,64")
CASES = {"proxied, public route": "/public/1", "token and IAM, 100 statements": "/api/1"}
COLUMNS = {
    "instructions": ("Ir",),
    "code not in L1": ("I1mr",),
    "data not in L1": ("D1mr", "D1mw"),
    "not in L2": ("ILmr", "DLmr", "DLmw"),
}


class Gate:
    """A gate under callgrind, and connections to it."""

    def __init__(self, rig, binary, backend, name):
        self.folder, self.name = rig.folder, name
        command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--separate-threads=yes", *CACHES,
                   f"--callgrind-out-file={rig.folder}/{name}", binary]
        self.gate = peers.poolgate(rig, backend, name, command=command, everything=True, patience=180)
        connections = [socket.create_connection(("127.0.0.1", self.gate.port), 60) for _ in range(CONNECTIONS)]
        self.connections = [(connection, connection.makefile("rb")) for connection in connections]
        self.turn = 0

    def control(self, *arguments):
        subprocess.run(["callgrind_control", *arguments, str(self.gate.program.process.pid)], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)

    def round(self, path, tokens):
        """A request on every connection, before any answer is read."""
        for connection, _ in self.connections:
            token = tokens[self.turn % len(tokens)]
            self.turn += 1
            connection.sendall(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\n\r\n".encode())
        for _, answers in self.connections:
            status, _ = answer(answers)
            if b" 200 " not in status:
                raise SystemExit(f"{path} is answered {status!r}")

    def count(self, path, tokens):
        """Events a request, by callgrind's names, of the thread that did the work."""
        for _ in range(2 * len(tokens) // CONNECTIONS):
            self.round(path, tokens)
        self.control("-i", "on")
        for _ in range(4):
            self.round(path, tokens)
        self.control("-z")
        for _ in range(ROUNDS):
            self.round(path, tokens)
        self.control("-i", "off")
        before = set(self.folder.glob(f"{self.name}.*"))
        self.control("-d")
        found = []
        for path in set(self.folder.glob(f"{self.name}.*")) - before:
            text = path.read_text()
            events, totals = (re.search(rf"^{what}: (.*)", text, re.M) for what in ("events", "totals"))
            if events and totals:
                found.append(dict(zip(events[1].split(), map(int, totals[1].split()))))
        most = max(found, key=lambda events: events.get("Ir", 0))
        return {event: total / ROUNDS / CONNECTIONS for event, total in most.items()}


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    with tempfile.TemporaryDirectory(prefix="poolgate-caches-") as folder:
        rig = Rig(Path(folder))
        try:
            backend = peers.backend(rig)
            tokens = [rig.keys.pool_token(user, peers.ROLE) for user in range(TOKENS)]
            print(f"{'a request':32}" + "".join(f"{column:>16}" for column in COLUMNS))
            for place, binary in enumerate(sys.argv[1:3]):
                gate = Gate(rig, str(Path(binary).resolve()), backend.port, f"counted{place}")
                print(binary)
                for case, path in CASES.items():
                    events = gate.count(path, tokens)
                    sums = (sum(events.get(name, 0) for name in names) for names in COLUMNS.values())
                    print(f"  {case:30}" + "".join(f"{total:16,.0f}" for total in sums), flush=True)
        finally:
            rig.stop()


main()
