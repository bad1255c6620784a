"""Every operation of DynamoDB's model, as botocore puts it on the wire, is described as dynamodb_table.py says.

Nothing is sent: what botocore would send is given to `poolgate explain`, which shows the checks of the `describe`
stage. One caller may do everything, so that a refusal is one of the description; another nothing of it.
"""

import json

import botocore.session
import pytest
from botocore import UNSIGNED, xform_name
from botocore.config import Config

from dynamodb_table import BACKUP, CONTEXT, CONTROL, EXPORT, IMPORT, ITEMS, MAXIMAL, NUMBERS, STREAM, TABLE, UNKNOWN
from gate import REGION
from rows import TABLES, Rows, context, described, head, target

SESSION = botocore.session.get_session()
MODELS = {name: SESSION.get_service_model(name) for name in ("dynamodb", "dynamodbstreams")}
SERVICES = {operation: name for name, model in MODELS.items() for operation in model.operation_names}
ON_ITEMS = {operation for operation, _, _ in ITEMS}

# What a value of the right type is not enough for.
GIVEN = {
    "TableName": "demo",
    "GlobalTableName": "demo",
    "IndexName": "by-tenant",
    "TargetTableName": "restored",
    "SourceTableName": "demo",
    "SourceTableArn": TABLE,
    "GlobalTableSourceArn": NUMBERS,
    "TableArn": TABLE,
    "ResourceArn": TABLE,
    "BackupArn": BACKUP,
    "ExportArn": EXPORT,
    "ImportArn": IMPORT,
    "StreamArn": STREAM,
    "ExclusiveStartStreamArn": STREAM,
    "ShardIterator": f"{STREAM}|1|AAAA",
    "ShardId": "shardId-00000001414576573621-f55eea83",
    "Tags": [{"Key": "team", "Value": "a"}],
    "TagKeys": ["team"],
    "Policy": "{}",
    "ResourcePolicy": "{}",
}
# These mean nothing without a parameter that isn't said to be required.
NEEDED = {"RestoreTableToPointInTime": {"SourceTableName": "demo"}}


def example(shape, name=None, whole=False, above=()):
    """A value of a shape: the smallest, or one with every member."""
    if name in GIVEN:
        return GIVEN[name]
    if shape.name == "AttributeValue":
        return {"S": "x"}
    if shape.type_name == "structure":
        above = (*above, shape.name)
        members = {
            each: member
            for each, member in shape.members.items()
            if each in shape.required_members or (whole and member.name not in above)
        }
        return {each: example(member, each, whole, above) for each, member in members.items()}
    if shape.type_name == "list":
        return [example(shape.member, None, whole, above)] * max(1, shape.metadata.get("min", 1))
    if shape.type_name == "map":
        return {"x": example(shape.value, None, whole, above)}
    if shape.type_name == "string":
        return shape.enum[0] if getattr(shape, "enum", None) else "x" * max(3, shape.metadata.get("min", 1))
    return {
        "boolean": True,
        "integer": 1,
        "long": 1,
        "float": 1.0,
        "double": 1.0,
        "blob": b"x",
        "timestamp": "2050-01-01T00:00:00Z",
    }[shape.type_name]


def inputs(operation):
    return MODELS[SERVICES[operation]].operation_model(operation).input_shape


def members(shape, above=()):
    """Every member of a shape and what is in it, but for those of values."""
    if shape is None or shape.name in (*above, "AttributeValue"):
        return set()
    if shape.type_name == "list":
        return members(shape.member, above)
    if shape.type_name == "map":
        return members(shape.value, above)
    if shape.type_name != "structure":
        return set()
    found = {(shape.name, name) for name in shape.members}
    return found.union(*(members(each, (*above, shape.name)) for each in shape.members.values()))


def used(shape, value):
    """Those of them that a value has."""
    if shape.name == "AttributeValue":
        return set()
    if shape.type_name == "list":
        return set().union(*(used(shape.member, each) for each in value))
    if shape.type_name == "map":
        return set().union(*(used(shape.value, each) for each in value.values()))
    if shape.type_name != "structure":
        return set()
    found = {(shape.name, name) for name in value}
    return found.union(*(used(shape.members[name], each) for name, each in value.items()))


class Captured(Exception):
    pass


@pytest.fixture(scope="module")
def wire():
    """What botocore would send: headers and body, of a POST to `/`."""
    clients = {}
    for name in MODELS:
        config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
        client = SESSION.create_client(
            name, region_name=REGION, endpoint_url="http://127.0.0.1:8080", config=config
        )

        def capture(request, **_):
            raise Captured(request)

        client.meta.events.register("before-send", capture)
        clients[name] = client

    def serialize(operation, parameters):
        with pytest.raises(Captured) as caught:
            getattr(clients[SERVICES[operation]], xform_name(operation))(**parameters)
        [request] = caught.value.args
        assert (request.method, request.url) == ("POST", "http://127.0.0.1:8080/")
        sent = {name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()}
        # What other tests send is what it sends.
        assert {name: sent[name] for name in head(operation)} == head(operation)
        assert sent["X-Amz-Target"] == target(operation)
        return head(operation), request.body

    return serialize


@pytest.fixture(scope="module")
def explain(tmp_path_factory, key):
    with Rows(tmp_path_factory.mktemp("model"), key, "http://127.0.0.1:9", TABLES) as rows:
        yield lambda wired, who="carol": rows.explain(who, *wired)


def pairs(checks):
    return {(each["action"], each["resource"]) for each in checks}


def test_every_operation_is_in_the_table():
    assert set(SERVICES) == set(CONTROL) | ON_ITEMS
    assert not set(CONTROL) & ON_ITEMS


@pytest.mark.parametrize("operation", sorted(CONTROL))
def test_operation(wire, explain, operation):
    shape, needed = inputs(operation), NEEDED.get(operation, {})
    for whole, wanted in ((False, CONTROL[operation]), (True, MAXIMAL.get(operation, CONTROL[operation]))):
        request = wire(operation, {**example(shape, whole=whole), **needed})
        answer = explain(request)
        checks = described(answer)
        assert pairs(checks) == wanted, answer
        # The administrator may do everything, so that nothing else stands in the way; but policies of
        # tables decide at the gate, and are not put through it.
        if {"dynamodb:PutResourcePolicy", "dynamodb:DeleteResourcePolicy"} & {action for action, _ in wanted}:
            assert (answer["effect"], answer["reason"]) == ("deny", "resource_policies_not_stored"), answer
        else:
            assert answer["effect"] == "allow", answer
        if whole:
            for own in (each for each in checks if each["action"] == f"dynamodb:{operation}"):
                known = {name: value for name, value in context(own).items() if value != UNKNOWN}
                assert known == CONTEXT.get(operation, {})
    # Who has rights to rows of his own only may do nothing of it.
    refused = explain(request, "dave")
    assert (refused["effect"], refused["reason"]) == ("deny", "implicit_deny"), refused
    assert pairs(described(refused)) == wanted


def order(check):
    return json.dumps(check, sort_keys=True)


def ids(rows):
    counted = {}
    for operation, _, _ in rows:
        counted[operation] = counted.get(operation, 0) + 1
        yield f"{operation}-{counted[operation]}"


@pytest.mark.parametrize("operation,parameters,wanted", ITEMS, ids=ids(ITEMS))
def test_items(wire, explain, operation, parameters, wanted):
    request = wire(operation, parameters)
    answer = explain(request)
    assert answer["effect"] == "allow", answer
    found = [(each["action"], each["resource"], context(each)) for each in described(answer)]
    assert sorted(found, key=order) == sorted(wanted, key=order)
    refused = explain(request, "dave")
    assert refused["effect"] == "deny" and refused["reason"] in ("implicit_deny", "unknown_context_key"), refused


@pytest.mark.parametrize("operation", sorted(ON_ITEMS))
def test_every_parameter_is_known(operation):
    """The requests above have all of them: what the model gets anew has to be put there, and known to the gate."""
    shape = inputs(operation)
    found = set().union(*(used(shape, parameters) for name, parameters, _ in ITEMS if name == operation))
    assert members(shape) - found == set()


def test_a_parameter_that_isnt_known_makes_everything_unknown(explain):
    body = {"TableName": "demo", "Key": {"pk": {"S": "own"}, "sk": {"S": "x"}}, "NewParameter": {}}
    answer = explain((head("GetItem"), json.dumps(body).encode()))
    [check] = described(answer)
    known = {name: value for name, value in context(check).items() if value != UNKNOWN}
    assert answer["effect"] == "allow" and known == {}
    assert context(check)["dynamodb:leadingkeys"] == UNKNOWN
    refused = explain((head("GetItem"), json.dumps(body).encode()), "dave")
    assert (refused["effect"], refused["reason"]) == ("deny", "unknown_context_key")
