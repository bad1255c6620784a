"""What a request costs in Envoy with its own filters, and with Poolgate behind `ext_authz`."""

import statistics

import peers
from measure import saturate, script
from page import Chart, Section, Table

# Poolgate's `metadata`, and whether it is asked over HTTP, which has none.
ASKS = {"Poolgate behind ext_authz": (True, False), "Poolgate, metadata of denials only": ("denials", False),
        "Poolgate, asked over HTTP": (True, True)}


def section(rig, plan):
    tokens = script(rig, "behind", "/api/items/1", plan.tokens)
    asked = {name: peers.poolgate(rig, 9, f"behind-{place}", asked=metadata) for place, (name, (metadata, _)) in enumerate(ASKS.items())}
    listeners = {"nobody is asked": ([], peers.DIRECT),
                 "jwt_authn and rbac": (peers.own_checks(rig), peers.DIRECT),
                 "jwt_authn with a cache, rbac": (peers.own_checks(rig, 20_000), peers.DIRECT),
                 # A cluster's name is the authority of its calls.
                 **{name: ([peers.ext_authz(f"poolgate{place}", http)], peers.DIRECT) for place, (name, (_, http)) in enumerate(ASKS.items())}}
    clusters = [peers.cluster(f"poolgate{place}", gate.ports["asked"], http2=True)
                for place, gate in enumerate(asked.values())]
    envoy, ports = peers.envoy_with(rig, listeners, clusters)
    for port in ports.values():
        saturate(peers.Peer("envoy", envoy, port), tokens, 1)
    found = {name: [] for name in listeners}
    for _ in range(plan.rounds):
        for name, port in ports.items():
            gate = asked.get(name)
            before = gate.program.used() if gate else 0
            done = saturate(peers.Peer("envoy", envoy, port), tokens, plan.seconds)
            assert done.failed == 0, f"{name}: {done.failed} requests failed"
            found[name].append((done.cost, (gate.program.used() - before) / done.count if gate else 0.0))
    rig.stop()
    sums = {name: [sum(each) for each in rounds] for name, rounds in found.items()}
    own = sums["jwt_authn and rbac"]
    rows = []
    for name, rounds in found.items():
        proxy, gate = (statistics.median(values) for values in zip(*rounds))
        against = statistics.median(mine / theirs for mine, theirs in zip(sums[name], own))
        rows.append([name, f"{proxy:.1f}", f"{gate:.1f}", f"{statistics.median(sums[name]):.1f}", f"{against:.2f}"])
    bars = [(name, statistics.median(values)) for name, values in sums.items()]
    return Section("Behind Envoy", """\
Envoy answers by itself, so that nothing else is measured: without asking anybody, with its own filters (`jwt_authn`, and `rbac` on a claim), and asking Poolgate, whose
role has 100 statements: over gRPC, where what Envoy is told in dynamic metadata is a setting ([`listen.ext_authz.metadata`](envoy.md#what-it-is-told)), and over [HTTP](proxies.md#envoy-over-http), by HTTP/2.""", [
        Table(["", "Envoy µs", "Poolgate µs", "sum µs", "against jwt_authn and rbac"], rows,
              Chart.bars("behind", "Processor time for a request, µs", bars))])
