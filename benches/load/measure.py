"""What is measured of a peer: processor time for each request at saturation, and latency at a rate."""

import json
import re
import statistics
import subprocess
from dataclasses import dataclass

from peers import tool
from rig import OTHER_CORE, POOLGATE

CONNECTIONS = 64


@dataclass
class Round:
    """One run of wrk: as many requests as there can be."""

    rate: float
    cost: float  # microseconds of the peer's processor time a request
    p99: float  # milliseconds, closed loop
    failed: int
    count: int  # requests that were answered


def script(rig, name, path, tokens=(), headers=None):
    """A Lua script for wrk that takes the tokens in turn."""
    lines = [f'wrk.headers["{key}"] = "{value}"' for key, value in (headers or {}).items()]
    if not tokens:
        return rig.write(f"{name}.lua", "\n".join([*lines, f'wrk.path = "{path}"']) + "\n")
    listed = rig.write(f"{name}.tokens", "\n".join(tokens) + "\n")
    return rig.write(f"{name}.lua", "\n".join([
        *lines,
        "local requests, place = {}, 0",
        "init = function(args)",
        f'  for line in io.lines("{listed}") do',
        '    wrk.headers["Authorization"] = "Bearer " .. line',
        f'    requests[#requests + 1] = wrk.format("GET", "{path}")',
        "  end",
        "end",
        "request = function() place = place % #requests + 1; return requests[place] end"]) + "\n")


def saturate(peer, lua, seconds, connections=CONNECTIONS):
    """As many requests as `peer` answers, on so many connections."""
    before = peer.program.used()
    done = subprocess.run(
        ["taskset", "-c", OTHER_CORE, tool("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", lua,
         f"{peer.scheme}://127.0.0.1:{peer.port}"],
        capture_output=True, text=True, timeout=seconds + 60, check=True).stdout
    used = peer.program.used() - before
    count = int(re.search(r"(\d+) requests in", done)[1])
    failed = sum(int(found) for found in re.findall(r"Non-2xx or 3xx responses: (\d+)", done))
    for found in re.findall(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", done):
        failed += sum(map(int, found))
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", done)[1])
    return Round(rate, used / max(count, 1), milliseconds(re.search(r"^\s+99%\s+(\S+)", done, re.M)[1]), failed, count)


def streams(program, url, seconds, options, connections=2, each=64):
    """As many requests of HTTP/2 as `program` answers; h2load sends the same one again and again."""
    before = program.used()
    done = subprocess.run(
        ["taskset", "-c", OTHER_CORE, tool("h2load"), "-c", str(connections), "-m", str(each), "-t", "1", "-D", str(seconds),
         *map(str, options), url], capture_output=True, text=True, timeout=seconds + 60, check=True).stdout
    used = program.used() - before
    count, failed = (int(re.search(rf"(\d+) {what}", done)[1]) for what in ("2xx", "failed"))
    return Round(count / seconds, used / max(count, 1), 0.0, failed, count)


def milliseconds(text):
    value, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(value) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000}[unit]


def at_rate(rig, peer, path, tokens, rate, seconds):
    """p50, p99 and p99.9 in milliseconds at an open-loop rate, counted from when each request was due."""
    report = rig.folder / "report.json"
    subprocess.run(
        ["taskset", "-c", OTHER_CORE, POOLGATE, "load", f"{peer.scheme}://127.0.0.1:{peer.port}{path}", "--rate", f"{rate:.0f}/s",
         "--duration", f"{seconds}s", "--warmup", "500ms", "--connections", str(CONNECTIONS), "--token-file", tokens,
         "--json", report], capture_output=True, text=True, timeout=seconds + 60, check=True)
    return json.loads(report.read_text())


def alternating(rounds, cases):
    """Runs every case once a round, in turn, so that what else the machine does falls on all alike."""
    found = {name: [] for name in cases}
    for _ in range(rounds):
        for name, run in cases.items():
            found[name].append(run())
    return found


def median(rounds, member):
    return statistics.median(getattr(each, member) for each in rounds)


def apart(rounds, others, member="cost"):
    """The median of the differences of paired rounds."""
    return statistics.median(getattr(one, member) - getattr(other, member) for one, other in zip(rounds, others))


def ratio(rounds, others, member="cost"):
    """The median of the ratios of paired rounds."""
    return statistics.median(
        getattr(one, member) / max(getattr(other, member), 1e-9) for one, other in zip(rounds, others))
