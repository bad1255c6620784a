"""A gate with every kind of backend behind it, a crowd of callers in front, and a watch over its process."""

import contextlib
import json
import os
import random
import re
import ssl
import statistics
import threading
import time
import traceback
import uuid
from collections import Counter
from pathlib import Path

from account import TOKEN_ONLY, over_tls, role, route, statement
from charts import certificate
from files import Files, pool_tokens
from gate import call, free_port
from test_grpc import SERVICE

# How many callers the crowd of tokens is of.
TOKENS = 600


class Place(Files):
    """The gate: all over TLS, with an address for Envoy and a list of revocations."""

    def __init__(self, folder, key, s3, http, calls, sockets, seconds):
        self.key, self.lasting = key, seconds + 3600
        self.revoked, self.asked = folder / "revoked.jsonl", free_port()
        self.revoked.write_text("")
        certificate(folder)
        routes = f"""\
  - name: api
    service: execute-api
    match: {{ path: /api/ }}
    api: {{ id: demoapi, stage: prod }}
    upstream: {{ url: "{http}" }}
"""
        routes += route("calls", f"/{SERVICE}/", calls, TOKEN_ONLY).replace('" }\n', '", http2: true }\n')
        routes += route("chat", "/chat/", sockets, TOKEN_ONLY)

        def edit(text):
            text = over_tls(text).replace("backend.secret } } }", "backend.secret } }, trailers: true }")
            text = text.replace("\ntimeouts:", f'\n  ext_authz: {{ address: "127.0.0.1:{self.asked}" }}\ntimeouts:')
            text = text.replace("\nidentities:", "\ntoken: { revocations: revoked.jsonl }\nidentities:")
            return text.replace("\ndecision_log:", f"\n{routes}decision_log:")

        self.trust = ssl.create_default_context(cafile=folder / "tls.crt")
        self.trust_http2 = ssl.create_default_context(cafile=folder / "tls.crt")
        self.trust_http2.set_alpn_protocols(["h2"])
        # Who may write, and who may only read.
        self.writer, self.reader = self.token("bob"), self.token("alice")
        self.tokens = [self.token(random.choice(["alice", "bob"])) for _ in range(TOKENS)]
        super().__init__(folder, key, s3, edit=edit, scheme="https")
        # What the end looks for in the log is a sample of them: it is a large log.
        self.gate.tokens |= {token for _, token in [self.writer, self.reader, *self.tokens[:10]]}

    def token(self, user="alice", **more):
        """A subject of its own in this user's groups, and a token of it."""
        subject = more.pop("sub", None) or str(uuid.uuid4())
        claims = {"sub": subject, "exp": int(time.time()) + self.lasting} | more
        return subject, pool_tokens(self.key, user, **claims)[random.choice(["id", "access"])]

    def any_token(self):
        return random.choice(self.tokens)

    def metric(self, name):
        """The sum of a metric's samples, 0 where there are none."""
        text = call(self.gate.admin, "GET", "/metrics").body.decode()
        return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.M))

    def write(self, path, text):
        """A whole new file instead of the old; until then it is where nothing is looked for."""
        new = self.folder / f"{path.name}.new"
        new.write_text(text)
        os.replace(new, path)

    def another_role(self, broken=False):
        """A role that nobody has, different each time."""
        may = statement("Allow", f"GET/{uuid.uuid4()}")
        text = "{" if broken else json.dumps(role("Soak", [may]))
        self.write(self.folder / "policies" / "roles" / "Soak.json", text)


class Crowd:
    """Callers, each a thread that asks round after round until it is told to stop. What breaks is kept, with where."""

    def __init__(self):
        self.stopping, self.lock = threading.Event(), threading.Lock()
        self.rounds, self.complaints, self.threads = Counter(), [], []

    def add(self, kind, place, pause, count):
        """So many callers of a kind, which have `round()`, and `close()` for what they hold."""
        for _ in range(count):
            self.threads.append(threading.Thread(target=self.work, args=(kind, place, pause), daemon=True))

    def start(self):
        for thread in self.threads:
            thread.start()

    def work(self, kind, place, pause):
        caller, name = None, kind.__name__
        while not self.stopping.is_set():
            try:
                caller = caller or kind(place)
                caller.round()
                self.did(name)
            except Exception:  # noqa: BLE001
                self.complain(f"{name}: {traceback.format_exc(limit=-3)}")
                caller = self.closed(caller)
                self.stopping.wait(1)
            self.stopping.wait(pause * random.uniform(0.5, 1.5))
        self.closed(caller)

    def closed(self, caller):
        if caller:
            with contextlib.suppress(Exception):
                caller.close()

    def did(self, name):
        with self.lock:
            self.rounds[name] += 1

    def complain(self, text):
        with self.lock:
            if len(self.complaints) < 20:
                self.complaints.append(f"{time.strftime('%H:%M:%S')} {text}")

    def stop(self):
        """Lets every round that has begun finish."""
        self.stopping.set()
        deadline = time.monotonic() + 120
        for thread in self.threads:
            thread.join(max(0, deadline - time.monotonic()))
        assert not any(thread.is_alive() for thread in self.threads), "a request was never answered"


class Watch:
    """What a process holds, looked at twice a second."""

    def __init__(self, pid):
        self.pid, self.samples, self.ended = pid, [], threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()

    def look(self):
        while not self.ended.wait(0.5):
            with contextlib.suppress(OSError):
                self.samples.append((time.monotonic(), self.resident()))

    def resident(self):
        """Bytes in memory."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) << 10

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def within(self, start, end):
        """The usual memory between two moments, and the most."""
        found = [resident for at, resident in self.samples if start <= at <= end]
        return statistics.median_low(found), max(found)

    def stop(self):
        self.ended.set()
        self.thread.join(5)
