"""Questions of those who only ask: a decision point's, and Envoy's."""

import json
import re
import struct
import subprocess

import peers
from measure import alternating, median, ratio, saturate, streams
from page import Chart, Section, Table
from rig import PROXY_CORE, free_port

POLICIES = 10
DEPARTMENT = f"d{POLICIES - 1}"
SCHEMA = """\
entity Person = { department: String };
entity Order = { owner: String };
action "read" appliesTo { principal: [Person], resource: [Order] };
"""


def cedar_policies():
    """Ten policies that all could apply, of which the last one does."""
    return "\n".join(
        f'@id("p{place}") permit (principal is Person, action == Action::"read", resource is Order)'
        f' when {{ principal.department == "d{place}" && resource.owner == "owner-{place}" }};' for place in range(POLICIES))


def asked(rig):
    """Poolgate, which is asked and has nothing behind it."""
    rig.write("poolgate-asked/policies/cedar/bench.cedar", cedar_policies())
    rig.write("poolgate-asked/policies/cedar/bench.cedarschema", SCHEMA)
    return peers.poolgate(rig, 9, "asked", asked=True)


def section(rig, plan):
    ours = asked(rig)
    tables = [points(rig, plan, ours), checks(rig, plan, ours)]
    rig.stop()
    return Section("Decisions alone", f"""\
What a decision point takes for one question over HTTP/1.1, of {POLICIES} policies of which the last one permits: Poolgate by AuthZEN, and others by their own APIs. Then Envoy's
question over gRPC (`ext_authz`), with one token of {len(plan.tokens[:1000]):,} in turn and 100 IAM statements, beside the verification of such a signature.""", tables)


def post(rig, name, path, body):
    rig.write(f"{name}.json", body)
    text = json.dumps(json.dumps(body))
    return rig.write(f"{name}.lua", f"""\
wrk.method, wrk.path, wrk.body = "POST", "{path}", {text}
wrk.headers["Content-Type"] = "application/json"
""")


def authzen(rig, ours):
    lua = post(rig, "authzen", "/access/v1/evaluation", {
        "subject": {"type": "Person", "id": "ann", "properties": {"department": DEPARTMENT}},
        "action": {"name": "read"},
        "resource": {"type": "Order", "id": "1", "properties": {"owner": f"owner-{POLICIES - 1}"}}})
    return peers.Peer("Poolgate", ours.program, ours.ports["asked"]), lua, '"decision":true'


def cerbos(rig):
    binary = peers.tool("cerbos", *rig.tools("cerbos-linux-x64"))
    if not binary:
        return None
    port, rpc = free_port(), free_port()
    rules = [{"actions": ["read"], "effect": "EFFECT_ALLOW", "roles": ["person"], "condition": {"match": {
        "expr": f'P.attr.department == "d{place}" && R.attr.owner == "owner-{place}"'}}} for place in range(POLICIES)]
    rig.write("cerbos/policies/order.json", {
        "apiVersion": "api.cerbos.dev/v1", "resourcePolicy": {"version": "default", "resource": "order", "rules": rules}})
    config = rig.write("cerbos/config.yaml", {
        "server": {"httpListenAddr": f"127.0.0.1:{port}", "grpcListenAddr": f"127.0.0.1:{rpc}", "logRequestPayloads": False},
        "telemetry": {"disabled": True},
        "storage": {"driver": "disk", "disk": {"directory": str(rig.folder / "cerbos/policies"), "watchForChanges": False}}})
    program = rig.start("cerbos", [binary, "server", "--log-level=error", "--config", config], port, env={"GOMAXPROCS": "1"})
    lua = post(rig, "cerbos", "/api/check/resources", {
        "principal": {"id": "ann", "roles": ["person"], "attr": {"department": DEPARTMENT}},
        "resources": [{"actions": ["read"], "resource": {"kind": "order", "id": "1",
                                                        "attr": {"owner": f"owner-{POLICIES - 1}"}}}]})
    return peers.Peer("Cerbos", program, port), lua, "EFFECT_ALLOW"


def cedar_agent(rig):
    binary = peers.tool("cedar-agent")
    if not binary:
        return None
    port = free_port()
    policies = rig.write("agent/policies.json", [
        {"id": f"p{place}", "content": text} for place, text in enumerate(
            re.sub(r'@id\("p\d+"\) ', "", cedar_policies()).replace("principal is Person", "principal")
            .replace("resource is Order", "resource").splitlines())])
    data = rig.write("agent/data.json", [
        {"uid": {"type": "Person", "id": "ann"}, "attrs": {"department": DEPARTMENT}, "parents": []},
        {"uid": {"type": "Order", "id": "1"}, "attrs": {"owner": f"owner-{POLICIES - 1}"}, "parents": []}])
    program = rig.start("cedar-agent", [binary, "--addr", "127.0.0.1", "--port", port, "--policies", policies, "--data", data],
                        port, env={"ROCKET_WORKERS": "1", "ROCKET_LOG_LEVEL": "off"})
    lua = post(rig, "agent", "/v1/is_authorized", {
        "principal": 'Person::"ann"', "action": 'Action::"read"', "resource": 'Order::"1"', "context": {}})
    return peers.Peer("cedar-agent", program, port), lua, "Allow"


def points(rig, plan, ours):
    asked = {"Poolgate, AuthZEN": authzen(rig, ours), "Cerbos, check resources": cerbos(rig),
             "cedar-agent, is_authorized": cedar_agent(rig)}
    cases = {}
    for name, found in asked.items():
        if found:
            peer, lua, allowed = found
            said = once(peer, lua)
            assert allowed in said, f"{name} says {said}"
            saturate(peer, lua, 1)
            cases[name] = lambda peer=peer, lua=lua: saturate(peer, lua, plan.seconds)
    rounds = alternating(plan.rounds, cases)
    first = rounds["Poolgate, AuthZEN"]
    rows = [[name, f"{median(each, 'rate'):,.0f}", f"{median(each, 'cost'):.1f}", f"{ratio(each, first):.2f}",
             str(sum(one.failed for one in each))] for name, each in rounds.items()]
    bars = [(name, median(each, "cost")) for name, each in rounds.items()]
    return Table(["", "questions/s", "CPU µs/question", "against Poolgate", "errors"], rows,
                 Chart.bars("decisions", "Processor time for a question, µs", bars))


def once(peer, lua):
    """The answer to one question, as wrk will ask it."""
    path = re.search(r'"POST", "([^"]+)"', lua.read_text())[1]
    return subprocess.run(
        ["curl", "-s", "-m", "10", "-H", "content-type: application/json", "-d", f"@{lua.with_suffix('.json')}",
         f"http://127.0.0.1:{peer.port}{path}"],
        capture_output=True, text=True, check=True).stdout


def field(tag, value):
    """A length-delimited field of Protocol Buffers."""
    length, size = b"", len(value)
    while size >= 0x80:
        length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
    return bytes([tag << 3 | 2]) + length + bytes([size]) + value


def check_request(token):
    """Envoy's CheckRequest for a GET, as gRPC frames it."""
    text = str.encode
    headers = {":method": "GET", ":path": "/api/items/1", ":scheme": "http", ":authority": "127.0.0.1",
               "authorization": f"Bearer {token}", "user-agent": "bench", "accept": "*/*", "x-forwarded-proto": "http",
               "x-request-id": "3c2f6d2e-6f0c-4c39-8d3e-3f3a3f5f1b7a"}
    raw = b"".join(field(1, field(1, text(name)) + field(3, text(value))) for name, value in headers.items())
    http = (field(2, b"GET") + field(4, b"/api/items/1") + field(5, b"127.0.0.1") + field(6, b"http")
            + field(10, b"HTTP/1.1") + field(13, raw))
    source = field(1, field(1, field(2, b"127.0.0.1")))
    message = field(1, field(1, source[2:]) + field(4, field(2, http)))
    return b"\0" + struct.pack(">I", len(message)) + message


def checks(rig, plan, ours):
    """h2load sends one body, so that tokens take turns from round to round only."""
    rounds, signatures = [], []
    for token in plan.tokens[: plan.rounds]:
        body = rig.folder / "check.bin"
        body.write_bytes(check_request(token))
        rounds.append(ask(ours, body, plan.seconds))
        signatures.append(verification())
    answered, cost = median(rounds, "rate"), median(rounds, "cost")
    signature = sorted(signatures)[len(signatures) // 2]
    return Table(["Envoy's question", "checks/s", "CPU µs/check", "of an RS256 verification", "errors"], [
        ["Poolgate, 2 connections with 64 streams each", f"{answered:,.0f}", f"{cost:.1f}", f"{cost / signature:.2f}",
         str(sum(each.failed for each in rounds))]])


def ask(ours, body, seconds):
    url = f"http://127.0.0.1:{ours.ports['asked']}/envoy.service.auth.v3.Authorization/Check"
    return streams(ours.program, url, seconds, ["-d", body, "-H", "content-type: application/grpc", "-H", "te: trailers"])


def verification():
    """Microseconds of an RS256 verification by OpenSSL, which is level with the library that Poolgate uses."""
    said = subprocess.run(["taskset", "-c", PROXY_CORE, "openssl", "speed", "-seconds", "1", "rsa2048"],
                          capture_output=True, text=True, check=True).stdout
    return 1_000_000 / float(said.split()[-1])
