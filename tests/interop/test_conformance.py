"""The same request through every door: one decision, one reason, one account of the caller."""

import pytest

import callers
import conformance
import mint
import token_rows
from account import role_arn
from conformance import SPOOFED, Row
from conformance_messages import HEADERS, MESSAGES, UPGRADES
from conformance_rows import CREDENTIALS, HOSTS, PATHS, WHO_MAY_WHAT
from callers import HOST
from gate import IDENTITY_HEADERS, call
from through import World


@pytest.fixture(scope="module")
def world(tmp_path_factory, key, second_key):
    world = World(tmp_path_factory.mktemp("conformance"), key, second_key)
    try:
        world.start()
        yield world
    finally:
        world.stop()


TABLE = [*WHO_MAY_WHAT, *CREDENTIALS, *PATHS, *HOSTS, *HEADERS, *UPGRADES, *MESSAGES]
CASES = [
    pytest.param(row, caller, id=f"{row.name}-{caller.name}")
    for row in TABLE
    for caller in callers.CALLERS
    if caller.on_the_wire or not row.of_the_wire()
]


@pytest.mark.parametrize("row, caller", CASES)
def test_row(world, row, caller):
    mark = world.mark()
    request = row.request(world, mark)
    differs = row.by(caller)
    reason = differs.reason if differs else row.reason
    outcome = caller.ask(world, request, mark, expects_record=reason is not None)
    told = (outcome.status, outcome.reason, outcome.record, outcome.arrived, outcome.answer)
    if differs and not reason:
        expected = differs.status
    else:
        expected = caller.status(differs.status if differs else row.status)
    assert outcome.status == expected, told
    assert outcome.reason == reason, told
    if reason is None:
        world.silent[mark] = (row.name, caller.name)
    if outcome.status == 200 and reason:
        let_through(world, row, caller, request, outcome)
        return
    world.denied[mark] = (row.name, caller.name)
    assert not outcome.arrived, told
    if outcome.record and outcome.record["effect"] == "deny":
        refused(caller, outcome)


def let_through(world, row, caller, request, outcome):
    """What reached the upstream: the request as it was asked about, the gate's word for who calls, and no one else's."""
    ((method, target, headers),) = outcome.arrived
    differs = row.by(caller)
    becomes = differs.target if differs else row.forwarded
    mark = world.last
    assert (method, target) == (request.method, (becomes or row.target).replace("{n}", mark))
    record = outcome.record
    path = target.removeprefix(f"http://{HOST}").split("?")[0]
    assert (record["effect"], record["method"], record["path"]) == ("allow", method, path)
    if caller.on_the_wire:
        assert [value for name, value in headers if name.lower() == "host"] == [record["host"]]
    found = outcome.identity()
    assert found.pop("x-poolgate-decision-id") == record["decision_id"]
    if caller.drops_empty:
        found = {name: "" for name in IDENTITY_HEADERS - {"x-poolgate-decision-id"}} | found
    assert found == identity(record, row.caller(record["reason"]))
    values = outcome.values()
    assert not [pair for pair in values if SPOOFED in pair[1] and pair[0] not in caller.hearsay]
    arrives = row.arrives if not differs or differs.arrives is None else differs.arrives
    for name, value in arrives if caller.on_the_wire else ():
        found = [found for header, found in values if header == name]
        # Cookies in several lines are one list (RFC 9113 §8.2.3).
        assert (found if name != "cookie" or not found else ["; ".join(found)]) == ([] if value is None else [value])


def identity(record, who):
    """What is told of somebody. The identity's id is made by the gate: that it is the same for all is in `test_one_identity`."""
    role, groups = conformance.IDENTITIES[who] or ("", "")
    told = {"x-poolgate-subject": "" if who == "nobody" else mint.SUBJECT, "x-poolgate-identity": record.get("identity", "")}
    arn = role_arn(role) if role else ""
    return told | {"x-poolgate-role": arn, "x-poolgate-groups": groups}


def refused(caller, outcome):
    """A refusal is final, is kept by nobody, and says nothing of the configuration that it met."""
    answer = outcome.answer
    if caller.name != "ingress-nginx":
        assert answer.header("x-poolgate-decision-id") == outcome.record["decision_id"]
    for statement in outcome.record.get("statements", []):
        assert statement not in answer.body.decode(errors="replace"), answer
    if outcome.status == 401:
        assert answer.all("www-authenticate")[0].startswith(("Bearer", "DPoP")), answer
    if caller.passes_denials_on:
        assert answer.header("cache-control") == "no-store", answer
        if answer.header("content-type") == "application/problem+json" and answer.body:
            assert answer.json()["reason"] == outcome.reason


@pytest.mark.parametrize("caller", callers.CALLERS, ids=callers.NAMES)
def test_no_answer_is_used_twice(world, caller):
    """The same path by others, and the same token for others, each after the other."""
    mark = world.mark()
    order, secret = f"/orders/{mark}", f"/orders/secret/{mark}"
    steps = [
        ("writer", "PUT", order, 200),
        ("reader", "PUT", order, 403),
        ("nobody", "PUT", order, 401),
        ("writer", "GET", secret, 403),
        ("expired", "GET", order, 401),
        ("reader", "GET", order, 200),
        ("forged", "GET", order, 401),
        ("writer", "GET", order, 200),
    ]
    for token, method, target, status in steps * 2:
        row = Row("step", status, "", target=target, method=method, token=token)
        answer = caller.ask(world, row.request(world, mark), mark)
        assert answer.status == status, (token, method, target, answer)
        if status == 200:
            told = {name.lower(): value for name, value in answer.arrived[-1][2]}
            assert told["x-poolgate-role"] == role_arn(token.capitalize())


@pytest.fixture(scope="module")
def token_table(world, second_key):
    """Every token of `token_rows`, and what the gate says of it in front."""
    others = [mint.Key(), mint.Key("ES256"), mint.Key("EdDSA"), mint.Key("RS512")]
    every = token_rows.rows(world.key, second_key, others[0], *others[1:])
    table = [(name, token) for name, kind, token in every if kind == "pool"]
    return dict(table), reasons(world, callers.CALLERS[0], dict(table))


def reasons(world, caller, tokens):
    """The reason for each of these tokens, by its name; a status where nobody was asked."""
    marks, statuses = {}, {}
    for name, token in tokens.items():
        marks[name] = world.mark()
        headers = (("Host", HOST), ("Authorization", f"Bearer {token}"))
        request = callers.Request("GET", f"/machines/{marks[name]}", headers)
        statuses[name] = caller.ask(world, request, marks[name], expects_record=False).status
    found = {}
    for name, mark in marks.items():
        record = world.records.wait(mark, caller.door, patience=0.5)
        found[name] = record["reason"] if record else statuses[name]
        assert (statuses[name] == 200) == (found[name] == "valid_token"), (name, statuses[name], found[name])
    return found


@pytest.mark.parametrize("caller", callers.CALLERS[1:], ids=callers.NAMES[1:])
def test_every_token_is_told_alike(world, caller, token_table):
    tokens, at_the_gate = token_table
    assert sorted(set(at_the_gate.values()) & {"valid_token", "expired", "bad_signature", "malformed", "too_large"})
    found = reasons(world, caller, tokens)
    for name, reason in at_the_gate.items():
        # nginx reads no header of more than 8 KiB.
        too_long = caller.name in callers.NGINXES and len(tokens[name]) > 7000
        assert found[name] == (400 if too_long else reason), name


def test_nobody_is_asked_where_the_caller_answers_itself(world):
    """After all the rows, when every record has had its time."""
    world.records.read()
    for record in world.records.all:
        for mark, row in world.silent.items():
            assert mark not in record["path"], (row, record)


def test_nothing_that_was_refused_reached_the_upstream(world):
    for method, target, _ in world.backend.requests:
        for mark, row in world.denied.items():
            assert mark not in target, (row, method, target)


def test_one_identity(world):
    """The same caller has the same identity id through every door."""
    world.records.read()
    found = {(record["subject"], record.get("role"), record["identity"]) for record in world.records.all if "identity" in record}
    assert len({identity for *_, identity in found}) == 1, found


def test_no_label_grows_with_requests(world):
    """Metrics have what the configuration names, and nothing of requests."""
    text = call(world.gate.admin, "GET", "/metrics").body.decode()
    assert "poolgate_decisions_total" in text
    for word in (HOST, "elsewhere", "/orders/", mint.SUBJECT, "role/", SPOOFED):
        assert word not in text, word
