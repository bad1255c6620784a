"""Small requests: what they cost, how long they take, and what that grows with."""

import resource
import socket
import statistics
import subprocess
import time

import peers
from measure import alternating, apart, at_rate, median, ratio, saturate, script, streams
from page import Chart, Section, Table

PATH = "/api/items/1"
# Rounds until a gate that gets new tokens only has full caches.
FULL = 3


def costs(rig, plan):
    """Processor time for a request: proxied unchecked, with a token seen before, and with a new one."""
    behind = peers.backend(rig)
    plain = script(rig, "plain", PATH)
    tokens = script(rig, "tokens", PATH, plan.tokens)
    log = rig.folder / "decisions.log"
    version = "2.6" if peers.tool("haproxy", "/usr/sbin/haproxy") else "2.8"
    running = {
        "HAProxy, unchecked": (peers.haproxy(rig, behind.port, version), tokens),
        "nginx, unchecked": (peers.nginx(rig, behind.port), tokens),
        "Envoy, unchecked": (peers.envoy(rig, behind.port, checks=False), tokens),
        "Poolgate, public route": (peers.poolgate(rig, behind.port, "public", public=True), tokens),
        "Poolgate, token and IAM": (peers.poolgate(rig, behind.port, "iam"), tokens),
        "Poolgate, with a decision log": (peers.poolgate(rig, behind.port, "logged", log=log), tokens),
        "HAProxy, jwt_verify": (peers.haproxy(rig, behind.port, version, checks=True), tokens),
        "Envoy, jwt_authn and rbac": (peers.envoy(rig, behind.port), tokens),
        "Envoy, the same with a cache": (peers.envoy(rig, behind.port, cache=20_000), tokens),
    }
    if version == "2.6" and peers.HAPROXY_28:
        running["HAProxy 2.8, unchecked"] = (peers.haproxy(rig, behind.port, "2.8"), plain)
    for peer, lua in running.values():
        saturate(peer, lua, 1)

    def once(peer, lua):
        # A log that is read by nobody must not fill the disk.
        if log.exists():
            with open(log, "w"):
                pass
        return saturate(peer, lua, plan.seconds)

    found = alternating(plan.rounds, {name: lambda of=of: once(*of) for name, of in running.items()})
    new = every_token_new(rig, plan, behind, found)
    base = found["HAProxy, unchecked"]
    rows = [[name, f"{median(rounds, 'rate'):,.0f}", f"{median(rounds, 'cost'):.1f}", f"{ratio(rounds, base):.2f}",
             str(sum(each.failed for each in rounds))] for name, rounds in [*found.items(), *new.items()]]
    iam = found["Poolgate, token and IAM"]
    claims = [
        ["a token seen before, against HAProxy unchecked", f"{ratio(iam, base):.2f}", "1.25"],
        ["… against HAProxy's jwt_verify", f"{ratio(iam, found['HAProxy, jwt_verify']):.2f}", "0.40"],
        ["… against Envoy's jwt_authn with a cache, and rbac",
         f"{ratio(iam, found['Envoy, the same with a cache']):.2f}", "0.45"],
        ["with a decision log to a file, against without", f"{ratio(found['Poolgate, with a decision log'], iam):.2f}", "1.25"],
        ["every token new, against HAProxy's jwt_verify",
         f"{ratio(new['Poolgate, every token new'], new['HAProxy, jwt_verify (again)']):.2f}", "0.80"],
        ["authorization alone: token and IAM less the public route, in microseconds",
         f"{apart(iam, found['Poolgate, public route']):.2f}", "2"],
    ]
    latency = latencies(rig, plan, running["HAProxy, unchecked"][0], running["Poolgate, token and IAM"][0],
                        min(median(base, "rate"), median(iam, "rate")) / 2)
    claims.append(["p99 at half of saturation, against HAProxy's", latency.pop("ratio"), "1.5"])
    rig.stop()
    bars = [(name, median(rounds, "cost")) for name, rounds in [*found.items(), *new.items()]]
    return Section("What a request costs", f"""\
A GET with a token of 1.1 kB, one of {len(plan.tokens):,} in turn, over 64 connections; the answer has 128 bytes. Poolgate verifies it, gives the caller
its role, asks IAM (100 statements, the last one allows) and sends identity headers on; metrics are on, and the decision log off where nothing else is said.""", [
        Table(["", "requests/s", "CPU µs/request", "against HAProxy", "errors"], rows, Chart.bars("cost", "Processor time for a request, µs", bars)),
        Table(["comparison", "measured", "aim: at most"], claims),
        Table(["at half of saturation", "p50 ms", "p99 ms", "p99.9 ms"], latency["rows"]),
    ])


def every_token_new(rig, plan, behind, found):
    """Every round has tokens of its own, and before the first so many were seen that the caches are full: from then on it goes on like this forever."""
    verify = peers.haproxy(rig, behind.port, "2.6" if peers.tool("haproxy", "/usr/sbin/haproxy") else "2.8", checks=True)
    new = {"Poolgate, every token new": [], "HAProxy, jwt_verify (again)": []}
    fresh = peers.poolgate(rig, behind.port, "fresh")
    each = len(plan.new_tokens) // (plan.rounds + FULL)

    def tokens(place):
        return script(rig, f"new-tokens{place}", PATH, plan.new_tokens[place * each:(place + 1) * each])

    def once(peer, place):
        found = saturate(peer, tokens(place), plan.seconds)
        # Fewer requests than there are tokens.
        assert found.count < each, f"{found.count:,} requests used {each:,} tokens more than once"
        return found

    for place in range(plan.rounds + FULL):
        ours = once(fresh, place)
        if place >= FULL:
            new["Poolgate, every token new"].append(ours)
            new["HAProxy, jwt_verify (again)"].append(once(verify, place))
    rig.stop(fresh.program)
    return new


def latencies(rig, plan, base, ours, rate):
    listed = rig.write("rate.tokens", "\n".join(plan.tokens[:2000]) + "\n")
    run = lambda peer: at_rate(rig, peer, PATH, listed, rate, plan.seconds)
    found = alternating(plan.pairs, {"HAProxy": lambda: run(base), "Poolgate": lambda: run(ours)})
    member = lambda report, name: report["latency_ms"][name]
    rows = [[f"{name}, {rate:,.0f} requests/s",
             *(f"{statistics.median(member(report, part) for report in reports):.2f}" for part in ("p50", "p99", "p99.9"))]
            for name, reports in found.items()]
    pairs = zip(found["Poolgate"], found["HAProxy"])
    return {"rows": rows, "ratio": f"{statistics.median(member(a, 'p99') / member(b, 'p99') for a, b in pairs):.2f}"}


def growth(rig, plan):
    """What the cost of a request grows with, and what it doesn't."""
    behind = peers.backend(rig)
    few = script(rig, "few", PATH, plan.tokens[:100])
    compared = lambda cases: {name: median(rounds, "cost") for name, rounds in alternating(plan.growth_rounds, {
        name: lambda of=of: saturate(*of, plan.seconds) for name, of in cases.items()}).items()}
    tables = []

    def table(what, title, cases):
        for peer, lua in cases.values():
            saturate(peer, lua, 1)
        costs = compared(cases)
        for program in {id(peer.program): peer.program for peer, _ in cases.values()}.values():
            rig.stop(program)
        rows = [[name, f"{cost:.1f}"] for name, cost in costs.items()]
        tables.append(Table([title, "CPU µs/request"], rows, Chart.bars(what, f"{title}: µs a request", list(costs.items()))))

    one = peers.poolgate(rig, behind.port, "tokens")
    counts = [count for count in (1, 100, 10_000, 100_000) if count <= len(plan.new_tokens)]
    table("tokens", "distinct tokens", {
        f"{count:,}": (one, script(rig, f"tokens{count}", PATH, plan.new_tokens[:count])) for count in counts})
    for what, title, option, values in (
            ("statements", "statements in the role's policies", "statements", (1, 10, 100, 1000, 10_000)),
            ("roles", "roles", "roles", (1, 10, 100, 1000)), ("routes", "routes", "routes", (1, 10, 100, 1000))):
        table(what, title, {f"{value:,}": (peers.poolgate(rig, behind.port, f"{what}{value}", **{option: value}), few)
                            for value in values})
    bodies = peers.poolgate(rig, behind.port, "bodies")
    proxy = peers.nginx(rig, behind.port)
    sizes = (1, 16, 64, 256, 1024)
    lua = {size: script(rig, f"body{size}", f"/api/body/{size}", plan.tokens[:100]) for size in sizes}
    table("bodies", "size of the answer", {
        f"{size} KiB, {name}": (peer, lua[size]) for size in sizes for name, peer in (("Poolgate", bodies), ("nginx", proxy))})
    tables.append(protocols(rig, plan, behind, few))
    rig.stop()
    return Section("What it grows with", "The same request, of 100 users where nothing else is said.", tables)


def protocols(rig, plan, behind, few):
    """HTTP/1.1 and HTTP/2, in clear and over TLS, to the same backend of HTTP/1.1."""
    certificate(rig)
    clear = peers.poolgate(rig, behind.port, "clear")
    secure = peers.poolgate(rig, behind.port, "tls", tls=rig.folder / "server")
    token = ["-H", f"authorization: Bearer {plan.tokens[0]}"]
    many = lambda peer: streams(peer.program, f"{peer.scheme}://127.0.0.1:{peer.port}{PATH}", plan.seconds, token, 4, 16)
    cases = {
        "HTTP/1.1": lambda: saturate(clear, few, plan.seconds),
        "HTTP/1.1, TLS 1.3": lambda: saturate(secure, few, plan.seconds),
        "HTTP/2": lambda: many(clear),
        "HTTP/2, TLS 1.3": lambda: many(secure),
    }
    for run in cases.values():
        run()
    found = alternating(plan.growth_rounds, cases)
    rows = [[name, f"{median(rounds, 'cost'):.1f}", f"{median(rounds, 'rate'):,.0f}", str(sum(each.failed for each in rounds))]
            for name, rounds in found.items()]
    bars = [(name, median(rounds, "cost")) for name, rounds in found.items()]
    return Table(["protocol, 64 requests at a time", "CPU µs/request", "requests/s", "errors"], rows,
                 Chart.bars("protocols", "Protocols: µs a request", bars))


def certificate(rig):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", rig.folder / "server.key",
         "-out", rig.folder / "server.pem"], check=True, capture_output=True)


def memory(rig, plan):
    """Resident memory with connections that do nothing."""
    behind = peers.backend(rig)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 30_000), hard))
    ours = peers.poolgate(rig, behind.port, "idle")
    others = {"Poolgate": ours, "nginx": peers.nginx(rig, behind.port), "Envoy": peers.envoy(rig, behind.port, checks=False)}
    request = (f"GET {PATH} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {plan.tokens[0]}\r\n\r\n").encode()
    rows = []
    for name, peer in others.items():
        row, held = [name], []
        for count in (0, 1000, 10_000):
            while len(held) < count:
                held.append(socket.create_connection(("127.0.0.1", peer.port), 10))
                # Each has been used: what a connection keeps after a request is what counts.
                held[-1].sendall(request)
                held[-1].recv(4096)
            time.sleep(0.5)
            row.append(f"{peer.program.resident():.0f}")
        for connection in held:
            connection.close()
        rows.append(row)
    rig.stop()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return Section("Memory", "Resident, in MiB, with connections that have each had one request answered and are idle since.", [
        Table(["", "none", "1,000", "10,000"], rows)])
