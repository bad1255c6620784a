"""Poolgate stopped, hanging, ended and killed while clients keep asking through every proxy.

All proxies ask one Poolgate, under a steady load each. Whatever happens to it: nothing gets through that it did not
allow, no client loses an answer, and a proxy finds it again by itself.
"""

import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import account
import doors
import mint
from backend import Backend
from gate import free_port, start, until
from load import Load
from through import start_all

# What a proxy answers that can't ask.
UNDECIDED = {403, 500, 502, 503, 504}
INFINITY = float("inf")
# Traefik, ingress-nginx and others wait for who hangs: nothing is refused in so short a time.
HANGS = 0.7


@dataclass
class Front:
    """A proxy as `Load` wants a gate: a port, and tokens."""

    name: str
    proxy: int
    tokens: set
    # (when it was asked, when it was answered, label, status)
    seen: list = field(default_factory=list)

    def observe(self, _worker, label, status, began):
        self.seen.append((began, time.monotonic(), label, status))
        if label != "allowed" and status < 400:
            return f"{label} was answered {status}"
        if label == "allowed" and status != 200 and status not in UNDECIDED:
            return f"{label} was answered {status}"
        return None

    def between(self, begin, end):
        """Statuses of what was allowed, of requests that were asked and answered in that time."""
        return [status for began, ended, label, status in self.seen if label == "allowed" and begin <= began and ended <= end]


@dataclass
class Outage:
    """A time without Poolgate, and when each proxy got an answer again."""

    began: float
    ended: float
    arrived: Counter
    recovered: dict


class Scenario:
    def __init__(self, folder, key, second_key):
        self.folder, self.backend = folder, Backend()
        (folder / "jwks.json").write_bytes(mint.jwks(key))
        account.write_account(folder, mint.POOL, mint.CLIENT)
        pools = account.user_pool(mint.POOL, mint.CLIENT, folder / "jwks.json")
        self.gate = account.serve(folder, pools, doors.three_routes(self.backend), edit=doors.with_ext_authz(free_port()))
        self.doors, self.fronts, self.loads, self.outages = {}, {}, [], {}
        self.writer = mint.pool_token(key, groups=["writers"], seconds=7200)
        self.forged = mint.sign(second_key, mint.header(key), mint.claims(groups=["writers"]))

    def run(self):
        self.doors = start_all(self.folder)
        self.fronts = {name: Front(name, door.port, self.gate.tokens) for name, door in self.doors.items()}
        for name, front in self.fronts.items():
            requests = [
                ("allowed", "GET", f"/orders/allowed-{name}", self.writer),
                ("without a token", "GET", f"/orders/denied-{name}", None),
                ("allowed", "PUT", f"/orders/allowed-{name}", self.writer),
                ("forged", "GET", f"/orders/denied-{name}", self.forged),
                ("denied by policy", "GET", f"/orders/secret/denied-{name}", self.writer),
            ]
            self.loads.append(Load(front, requests, front.observe, workers=2, pause=0.02))
        for load in self.loads:
            load.__enter__()
        time.sleep(0.5)
        self.outages["stopped"] = self.outage(self.hold, self.resume, hangs=True)
        self.outages["ended"] = self.outage(self.gate.stop, self.again)
        self.outages["killed"] = self.outage(self.kill, self.again)
        self.began_last = time.monotonic()
        time.sleep(0.5)
        for load in self.loads:
            load.stop()

    def outage(self, away, back, hangs=False):
        away()
        # What was decided before may still be on its way to the backend.
        time.sleep(0.2)
        began, before = time.monotonic(), self.arrived()
        if hangs:
            time.sleep(HANGS)
        else:
            # HAProxy tries again after a second, before it gives up.
            until("every proxy to refuse", 15, lambda: all(UNDECIDED & set(f.between(began, INFINITY)) for f in self.fronts.values()))
        ended, arrived = time.monotonic(), self.arrived() - before
        back()
        recovered = {}

        def all_have():
            for name, front in self.fronts.items():
                answered = [when for began, when, label, status in front.seen if began > ended and label == "allowed" and status == 200]
                if answered and name not in recovered:
                    recovered[name] = answered[0] - ended
            return len(recovered) == len(self.fronts)

        until("every proxy to find Poolgate again", 20, all_have)
        time.sleep(0.3)
        return Outage(began, ended, arrived, recovered)

    def arrived(self):
        with self.backend.lock:
            return Counter(target for _, target, _ in self.backend.requests)

    def hold(self):
        self.gate.process.send_signal(signal.SIGSTOP)
        state = Path(f"/proc/{self.gate.process.pid}/stat")
        until("the process to stop", 5, lambda: state.read_text().rpartition(") ")[2].startswith("T"))

    def resume(self):
        self.gate.process.send_signal(signal.SIGCONT)

    def kill(self):
        self.gate.process.kill()
        self.gate.process.wait(10)

    def again(self):
        old = self.gate
        log = self.folder / f"again-{time.monotonic_ns()}.log"
        self.gate = start(["serve", "--config", self.folder / "poolgate.yaml"], log, old.proxy, old.admin)
        self.gate.tokens = old.tokens

    def close(self):
        for load in self.loads:
            load.stopping.set()
        for door in self.doors.values():
            door.stop()
        try:
            if self.gate.process.poll() is None:
                self.gate.process.send_signal(signal.SIGCONT)
                self.gate.stop()
        finally:
            self.gate.kill()
            self.backend.close()


@pytest.fixture(scope="module")
def scenario(tmp_path_factory, key, second_key):
    scenario = Scenario(tmp_path_factory.mktemp("restarts"), key, second_key)
    try:
        scenario.run()
        yield scenario
    finally:
        scenario.close()


@pytest.mark.parametrize("name", doors.PROXIES)
def test_nothing_gets_through_and_all_comes_back(scenario, name):
    front = scenario.fronts[name]
    load = next(load for load in scenario.loads if load.gate is front)
    load.check()
    arrived = scenario.arrived()
    assert arrived[f"/orders/allowed-{name}"] > 20
    assert not [target for target in arrived if "denied" in target]
    for what, outage in scenario.outages.items():
        assert outage.arrived[f"/orders/allowed-{name}"] == 0, what
        assert set(front.between(outage.began, outage.ended)) <= UNDECIDED, what
        assert outage.recovered[name] < 10, (what, outage.recovered)
    last = front.between(scenario.began_last, INFINITY)
    assert len(last) > 3 and set(last) == {200}, last
