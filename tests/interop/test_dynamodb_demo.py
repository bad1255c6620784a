"""The demo's DynamoDB story, with boto3: who may do what with whose rows, and that a refused write changes nothing."""

import json

import pytest
from botocore.exceptions import ClientError

from gate import ACCOUNT, REGION
from people import EVERYONE, ROLES, code
from rows import ARN, TABLE, ask, denied, everything, exception

OTHER = "somebody-else"
DENIED, MISSING = "AccessDeniedException", "MissingAuthenticationTokenException"

NOBODY = set()
READERS = {"alice", "bob", "carol", "dave"}
WRITERS = {"bob", "carol", "dave"}
ADMIN = {"carol"}


def row(pk, sk="own", **more):
    return {"pk": {"S": pk}, "sk": {"S": sk}, **{name: {"S": value} for name, value in more.items()}}


def op(operation, **parameters):
    """A call; `OWN` in its parameters is the caller's identity id."""

    def put(value, own):
        if isinstance(value, dict):
            return {put(name, own): put(each, own) for name, each in value.items()}
        if isinstance(value, list):
            return [put(each, own) for each in value]
        return value.replace("OWN", own) if isinstance(value, str) else value

    return lambda client, own: getattr(client, operation)(**put(parameters, own))


def on(operation, **parameters):
    return op(operation, TableName=TABLE, **parameters)


def query(condition, names=None, filter=None, **values):
    more = {"ExpressionAttributeNames": names} if names else {}
    more |= {"FilterExpression": filter} if filter else {}
    values = {f":{name}": {"S": value} for name, value in values.items()}
    return on("query", KeyConditionExpression=condition, ExpressionAttributeValues=values, **more)


def old_query(operator, *values):
    condition = {"ComparisonOperator": operator, "AttributeValueList": [{"S": value} for value in values]}
    return on("query", KeyConditions={"pk": condition})


def batch_get(*keys):
    return op("batch_get_item", RequestItems={TABLE: {"Keys": list(keys)}})


def batch_write(*writes):
    return op("batch_write_item", RequestItems={TABLE: list(writes)})


def put_request(item):
    return {"PutRequest": {"Item": item}}


def delete_request(key):
    return {"DeleteRequest": {"Key": key}}


def transact_get(*keys):
    return op("transact_get_items", TransactItems=[{"Get": {"TableName": TABLE, "Key": key}} for key in keys])


def transact(*entries):
    return op("transact_write_items", TransactItems=list(entries))


def entry(kind, **parameters):
    return {kind: {"TableName": TABLE, **parameters}}


def check(pk):
    return entry("ConditionCheck", Key=row(pk), ConditionExpression="attribute_exists(pk)")


def update_entry(pk):
    update = {"UpdateExpression": "SET seen = :s", "ExpressionAttributeValues": {":s": {"S": "x"}}}
    return entry("Update", Key=row(pk, "transacted"), **update)


def statement(text, *parameters):
    more = {"Parameters": [{"S": each} for each in parameters]} if parameters else {}
    return {"Statement": text, **more}


def execute(text, *parameters):
    return op("execute_statement", **statement(text, *parameters))


def batch_execute(*statements):
    return op("batch_execute_statement", Statements=list(statements))


def execute_transaction(*statements):
    return op("execute_transaction", TransactStatements=list(statements))


SELECT_OWN, SELECT_OTHER = (
    statement(f"SELECT * FROM \"{TABLE}\" WHERE pk = ? AND sk = 'own'", each) for each in ("OWN", OTHER)
)
INSERT_OWN, INSERT_OTHER = (
    statement(f'INSERT INTO "{TABLE}" VALUE {{\'pk\': ?, \'sk\': ?}}', each, "by OWN") for each in ("OWN", OTHER)
)
UPDATE_OWN, UPDATE_OTHER = (
    statement(f"UPDATE \"{TABLE}\" SET seen = 'x' WHERE pk = ? AND sk = ?", each, "own") for each in ("OWN", OTHER)
)
DELETE_OWN, DELETE_OTHER = (
    statement(f'DELETE FROM "{TABLE}" WHERE pk = ? AND sk = ?', each, "by OWN") for each in ("OWN", OTHER)
)

# What is asked, who may do it, and what comes of it then: the design's "Demo data". `own` is there for everyone.
TABLE_OF_RIGHTS = {
    "GetItem own": (on("get_item", Key=row("OWN")), READERS, "ok"),
    "GetItem own, one attribute": (on("get_item", Key=row("OWN"), ProjectionExpression="v"), READERS, "ok"),
    "GetItem own, missing": (on("get_item", Key=row("OWN", "missing")), READERS, "ok"),
    "GetItem another's": (on("get_item", Key=row(OTHER)), ADMIN, "ok"),
    "GetItem another's, missing": (on("get_item", Key=row("nobody")), ADMIN, "ok"),
    "GetItem of nearly the same key": (on("get_item", Key=row("OWN ")), ADMIN, "ok"),
    "GetItem, a pattern for a key": (on("get_item", Key=row("*")), ADMIN, "ok"),
    "GetItem, a variable for a key": (
        on("get_item", Key=row("${cognito-identity.amazonaws.com:sub}")),
        ADMIN,
        "ok",
    ),
    "GetItem without the sort key": (on("get_item", Key={"pk": {"S": "OWN"}}), ADMIN, "ValidationException"),
    "GetItem without the partition key": (on("get_item", Key={"sk": {"S": "OWN"}}), ADMIN, "ValidationException"),
    "GetItem by a number": (
        on("get_item", Key={"pk": {"N": "1"}, "sk": {"S": "OWN"}}),
        ADMIN,
        "ValidationException",
    ),
    "PutItem own": (on("put_item", Item=row("OWN", "new", v="1")), WRITERS, "ok"),
    "PutItem own, on a condition": (
        on("put_item", Item=row("OWN", "new"), ConditionExpression="attribute_not_exists(pk)"),
        WRITERS,
        "ConditionalCheckFailedException",
    ),
    "PutItem another's": (on("put_item", Item=row(OTHER, "new")), ADMIN, "ok"),
    "PutItem another's over what is there": (on("put_item", Item=row(OTHER)), ADMIN, "ok"),
    "PutItem of nobody": (on("put_item", Item={"sk": {"S": "OWN"}}), ADMIN, "ValidationException"),
    "UpdateItem own": (
        on(
            "update_item",
            Key=row("OWN", "new"),
            UpdateExpression="SET #v = :v ADD n :n",
            ExpressionAttributeNames={"#v": "v"},
            ExpressionAttributeValues={":v": {"S": "2"}, ":n": {"N": "1"}},
            ReturnValues="ALL_NEW",
        ),
        WRITERS,
        "ok",
    ),
    "UpdateItem own, as of old": (
        on("update_item", Key=row("OWN", "new"), AttributeUpdates={"v": {"Value": {"S": "3"}, "Action": "PUT"}}),
        WRITERS,
        "ok",
    ),
    "UpdateItem another's": (on("update_item", Key=row(OTHER), UpdateExpression="REMOVE v"), ADMIN, "ok"),
    "UpdateItem another's that isn't there": (
        on(
            "update_item",
            Key=row(OTHER, "for OWN"),
            UpdateExpression="SET v = :v",
            ExpressionAttributeValues={":v": {"S": "x"}},
        ),
        ADMIN,
        "ok",
    ),
    "Query own": (query("pk = :p", p="OWN"), READERS, "ok"),
    "Query own, by names": (query("(#p = :p)", {"#p": "pk"}, p="OWN"), READERS, "ok"),
    "Query own, the value first": (query(":p = pk", p="OWN"), READERS, "ok"),
    "Query own, some": (query("sk > :s AND pk = :p", p="OWN", s="a"), READERS, "ok"),
    "Query own, begins_with": (query("pk = :p and begins_with(sk, :s)", p="OWN", s="o"), READERS, "ok"),
    "Query own, filtered": (query("pk = :p", None, "v = :f", p="OWN", f=OTHER), READERS, "ok"),
    "Query own, as of old": (old_query("EQ", "OWN"), READERS, "ok"),
    "Query own, counted": (
        on(
            "query",
            KeyConditionExpression="pk = :p",
            ExpressionAttributeValues={":p": {"S": "OWN"}},
            Select="COUNT",
        ),
        READERS,
        "ok",
    ),
    "Query own, from another's on": (
        on(
            "query",
            KeyConditionExpression="pk = :p",
            ExpressionAttributeValues={":p": {"S": "OWN"}},
            ExclusiveStartKey=row(OTHER),
        ),
        ADMIN,
        None,
    ),
    "Query another's": (query("pk = :p", p=OTHER), ADMIN, "ok"),
    "Query another's, by a name of one's own": (query("#OWN = :p", {"#OWN": "pk"}, p=OTHER), ADMIN, None),
    "Query another's, filtered to own": (query("pk = :p", None, "v = :o", p=OTHER, o="OWN"), ADMIN, "ok"),
    "Query another's, as of old": (old_query("EQ", OTHER), ADMIN, "ok"),
    "Query own or another's": (query("pk = :p OR pk = :o", p="OWN", o=OTHER), ADMIN, "ValidationException"),
    "Query whatever": (query("pk <> :o", o=OTHER), ADMIN, "ValidationException"),
    "Query a range of keys": (query("pk >= :p", p="OWN"), ADMIN, "ValidationException"),
    "Query an index that isn't there": (
        on(
            "query",
            IndexName="none",
            KeyConditionExpression="pk = :p",
            ExpressionAttributeValues={":p": {"S": "OWN"}},
        ),
        ADMIN,
        None,
    ),
    # AWS has no leading keys on Scan, so that no right to own rows goes with it.
    "Scan": (on("scan"), ADMIN, "ok"),
    "Scan, filtered to own": (
        on("scan", FilterExpression="pk = :p", ExpressionAttributeValues={":p": {"S": "OWN"}}),
        ADMIN,
        "ok",
    ),
    "Scan, filtered as of old": (
        on("scan", ScanFilter={"pk": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "OWN"}]}}),
        ADMIN,
        "ok",
    ),
    "BatchGetItem own": (batch_get(row("OWN"), row("OWN", "new")), READERS, "ok"),
    "BatchGetItem another's": (batch_get(row(OTHER)), ADMIN, "ok"),
    "BatchGetItem own and another's": (batch_get(row("OWN"), row(OTHER)), ADMIN, "ok"),
    "BatchGetItem another's and own": (batch_get(row(OTHER), row("OWN")), ADMIN, "ok"),
    "BatchGetItem of another table as well": (
        op("batch_get_item", RequestItems={TABLE: {"Keys": [row("OWN")]}, "missing": {"Keys": [row("OWN")]}}),
        ADMIN,
        "ResourceNotFoundException",
    ),
    "BatchWriteItem own": (
        batch_write(put_request(row("OWN", "batch")), delete_request(row("OWN", "new"))),
        WRITERS,
        "ok",
    ),
    "BatchWriteItem another's": (batch_write(put_request(row(OTHER, "batch"))), ADMIN, "ok"),
    "BatchWriteItem own, and deletes another's": (
        batch_write(put_request(row("OWN", "batch")), delete_request(row(OTHER, "batch"))),
        ADMIN,
        "ok",
    ),
    "BatchWriteItem deletes own, and puts another's": (
        batch_write(delete_request(row("OWN", "batch")), put_request(row(OTHER, "batch"))),
        ADMIN,
        "ok",
    ),
    "TransactGetItems own": (transact_get(row("OWN"), row("OWN", "missing")), READERS, "ok"),
    "TransactGetItems own and another's": (transact_get(row("OWN"), row(OTHER)), ADMIN, "ok"),
    "TransactWriteItems puts own": (transact(entry("Put", Item=row("OWN", "transacted"))), WRITERS, "ok"),
    "TransactWriteItems updates own": (transact(update_entry("OWN")), WRITERS, "ok"),
    "TransactWriteItems deletes own": (transact(entry("Delete", Key=row("OWN", "transacted"))), WRITERS, "ok"),
    "TransactWriteItems puts own if own is there": (
        transact(check("OWN"), entry("Put", Item=row("OWN", "transacted"))),
        WRITERS,
        "ok",
    ),
    "TransactWriteItems puts own if another's is there": (
        transact(check(OTHER), entry("Put", Item=row("OWN", "transacted"))),
        ADMIN,
        "ok",
    ),
    "TransactWriteItems puts another's if own is there": (
        transact(check("OWN"), entry("Put", Item=row(OTHER, "transacted"))),
        ADMIN,
        "ok",
    ),
    "TransactWriteItems updates another's": (transact(update_entry(OTHER)), ADMIN, "ok"),
    "TransactWriteItems deletes another's": (
        transact(entry("Delete", Key=row(OTHER, "transacted"))),
        ADMIN,
        "ok",
    ),
    "TransactWriteItems if own isn't there": (
        transact(check("OWN "), entry("Put", Item=row("OWN", "transacted"))),
        ADMIN,
        "TransactionCanceledException",
    ),
    # Of PartiQL the demo's writers may select their own, and nothing else.
    "ExecuteStatement selects own": (op("execute_statement", **SELECT_OWN), WRITERS, "ok"),
    "ExecuteStatement selects own, said in it": (
        execute(f"SELECT pk, v FROM {TABLE} WHERE sk = 'own' AND \"pk\" = 'OWN'"),
        WRITERS,
        "ok",
    ),
    "ExecuteStatement selects another's": (op("execute_statement", **SELECT_OTHER), ADMIN, "ok"),
    "ExecuteStatement selects own and another's": (
        execute(f"SELECT * FROM {TABLE} WHERE pk IN ['OWN', '{OTHER}']"),
        ADMIN,
        "ok",
    ),
    "ExecuteStatement selects own or what is": (
        execute(f"SELECT * FROM {TABLE} WHERE pk = 'OWN' OR sk = 'own'"),
        ADMIN,
        "ok",
    ),
    "ExecuteStatement scans": (execute(f'SELECT * FROM "{TABLE}"'), ADMIN, "ok"),
    "ExecuteStatement scans for an attribute": (
        execute(f"SELECT * FROM {TABLE} WHERE sk = 'own'"),
        ADMIN,
        "ok",
    ),
    "ExecuteStatement inserts own": (op("execute_statement", **INSERT_OWN), ADMIN, "ok"),
    "ExecuteStatement inserts another's": (op("execute_statement", **INSERT_OTHER), ADMIN, "ok"),
    "ExecuteStatement updates own": (op("execute_statement", **UPDATE_OWN), ADMIN, "ok"),
    "ExecuteStatement updates another's": (op("execute_statement", **UPDATE_OTHER), ADMIN, "ok"),
    "ExecuteStatement deletes own": (op("execute_statement", **DELETE_OWN), ADMIN, "ok"),
    "ExecuteStatement deletes another's": (op("execute_statement", **DELETE_OTHER), ADMIN, "ok"),
    # What isn't understood is nobody's right.
    "ExecuteStatement with a comment": (execute(f"SELECT * FROM {TABLE} -- WHERE pk = 'OWN'"), NOBODY, "ok"),
    "ExecuteStatement of two": (execute(f"SELECT * FROM {TABLE}; DELETE FROM {TABLE}"), NOBODY, "ok"),
    "ExecuteStatement of nonsense": (execute("DROP TABLE demo"), NOBODY, "ok"),
    "BatchExecuteStatement selects own": (batch_execute(SELECT_OWN), WRITERS, "ok"),
    "BatchExecuteStatement selects own and another's": (batch_execute(SELECT_OWN, SELECT_OTHER), ADMIN, "ok"),
    "BatchExecuteStatement writes own": (batch_execute(INSERT_OWN), ADMIN, "ok"),
    "BatchExecuteStatement writes another's": (batch_execute(UPDATE_OTHER, DELETE_OWN), ADMIN, "ok"),
    "ExecuteTransaction selects own": (execute_transaction(SELECT_OWN), WRITERS, "ok"),
    "ExecuteTransaction selects another's": (execute_transaction(SELECT_OWN, SELECT_OTHER), ADMIN, "ok"),
    "ExecuteTransaction writes own": (execute_transaction(INSERT_OWN), ADMIN, "ok"),
    "ExecuteTransaction writes another's": (execute_transaction(UPDATE_OTHER, DELETE_OWN), ADMIN, "ok"),
    "DeleteItem own": (on("delete_item", Key=row("OWN", "transacted"), ReturnValues="ALL_OLD"), WRITERS, "ok"),
    "DeleteItem another's": (on("delete_item", Key=row(OTHER, "transacted")), ADMIN, "ok"),
    "DeleteItem another's that is there": (on("delete_item", Key=row(OTHER, "new")), ADMIN, "ok"),
    "ListTables": (op("list_tables"), ADMIN, "ok"),
    "DescribeTable": (on("describe_table"), ADMIN, "ok"),
    "DescribeTable by ARN": (op("describe_table", TableName=f"{ARN}/{TABLE}"), ADMIN, None),
    "DescribeTable, missing": (op("describe_table", TableName="missing"), ADMIN, "ResourceNotFoundException"),
    "GetItem, missing table": (
        op("get_item", TableName="missing", Key=row("OWN")),
        ADMIN,
        "ResourceNotFoundException",
    ),
    "CreateTable, there already": (
        on(
            "create_table",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        ),
        ADMIN,
        "ResourceInUseException",
    ),
    "DeleteTable, missing": (op("delete_table", TableName="missing"), ADMIN, "ResourceNotFoundException"),
    "UpdateTimeToLive": (
        on("update_time_to_live", TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"}),
        ADMIN,
        None,
    ),
    "DescribeTimeToLive": (on("describe_time_to_live"), ADMIN, None),
    "TagResource": (
        op("tag_resource", ResourceArn=f"{ARN}/{TABLE}", Tags=[{"Key": "a", "Value": "b"}]),
        ADMIN,
        None,
    ),
    # It would decide at the gate, and is not put through it.
    "PutResourcePolicy": (op("put_resource_policy", ResourceArn=f"{ARN}/{TABLE}", Policy="{}"), NOBODY, None),
    "CreateBackup": (on("create_backup", BackupName="backup"), ADMIN, None),
    # Another account's own policies would have to allow it, whoever asks.
    "GetItem of another account": (
        op("get_item", TableName=f"arn:aws:dynamodb:{REGION}:111111111111:table/{TABLE}", Key=row("OWN")),
        NOBODY,
        "ok",
    ),
}


@pytest.fixture(scope="module")
def owners(people):
    """Everyone's partition key, each with a row in the table; and somebody else's."""
    found = {who: "nobody-at-all" if who == "anonymous" else people.identity(who) for who in EVERYONE}
    for own in (*found.values(), OTHER):
        people.dynamodb("carol").put_item(TableName=TABLE, Item=row(own, v="here"))
    return found


@pytest.mark.parametrize("who", EVERYONE)
def test_rights(people, owners, who):
    client, carol = people.dynamodb(who), people.dynamodb("carol")
    refusal = MISSING if who == "anonymous" else DENIED
    before, wrong = everything(carol), {}
    for name, (attempt, may, then) in TABLE_OF_RIGHTS.items():
        found = code(attempt, client, owners[who])
        after = everything(carol)
        if who not in may:
            if found != refusal:
                wrong[name] = f"{found} instead of {refusal}"
            if after != before:
                wrong[name] = "refused, and yet the rows are others"
        elif then is None and found in (DENIED, MISSING) or then not in (None, found):
            wrong[name] = f"{found} instead of {then}"
        before = after
    assert not wrong


@pytest.mark.parametrize("use", ["id", "access"])
@pytest.mark.parametrize("who", ["alice", "bob", "carol", "dave"])
def test_rights_are_those_of_a_bearer(people, owners, who, use):
    token, own, carol = people.tokens(who)[use], owners[who], people.dynamodb("carol")

    def select(pk):
        return {"Statement": f"SELECT * FROM {TABLE} WHERE pk = '{pk}'"}

    for operation, body, may in [
        ("GetItem", {"TableName": TABLE, "Key": row(own)}, READERS),
        ("GetItem", {"TableName": TABLE, "Key": row(OTHER)}, ADMIN),
        ("PutItem", {"TableName": TABLE, "Item": row(own, "bearer")}, WRITERS),
        ("PutItem", {"TableName": TABLE, "Item": row(OTHER, "bearer")}, ADMIN),
        ("DeleteItem", {"TableName": TABLE, "Key": row(own, "bearer")}, WRITERS),
        ("DeleteItem", {"TableName": TABLE, "Key": row(OTHER)}, ADMIN),
        ("PutItem", {"TableName": TABLE, "Item": row(OTHER)}, ADMIN),
        ("ExecuteStatement", select(own), WRITERS),
        ("ExecuteStatement", select(OTHER), ADMIN),
        ("Scan", {"TableName": TABLE}, ADMIN),
        ("ListTables", {}, ADMIN),
    ]:
        before = everything(carol)
        answer = ask(people.gate, operation, body, token)
        assert exception(answer) == ("ok" if who in may else DENIED), (operation, body, answer)
        if who not in may:
            assert answer.status == 400 and everything(carol) == before
            assert answer.json()["__type"] == f"com.amazon.coral.service#{DENIED}"
            assert answer.json()["message"] == denied_to(who, operation)


def denied_to(who, operation):
    if operation == "ListTables":
        return denied(ROLES[who], operation, "*")
    return denied(ROLES[who], {"ExecuteStatement": "PartiQLSelect"}.get(operation, operation))


def message(call, client, own="x"):
    with pytest.raises(ClientError) as refused:
        call(client, own)
    return refused.value.response["Error"]["Message"]


def test_a_denial_says_who_and_what(people):
    for who, name, action, resource in [
        ("alice", "GetItem another's", "GetItem", TABLE),
        ("alice", "Scan", "Scan", TABLE),
        ("bob", "Query another's", "Query", TABLE),
        ("bob", "Query an index that isn't there", "Query", f"{TABLE}/index/none"),
        ("dave", "BatchGetItem another's", "BatchGetItem", TABLE),
        ("dave", "TransactGetItems own and another's", "GetItem", TABLE),
        ("dave", "TransactWriteItems puts own if another's is there", "ConditionCheckItem", TABLE),
        ("dave", "ExecuteStatement inserts own", "PartiQLInsert", TABLE),
        ("dave", "ExecuteStatement updates own", "PartiQLUpdate", TABLE),
        ("dave", "ExecuteStatement deletes own", "PartiQLDelete", TABLE),
        ("guest", "DescribeTable", "DescribeTable", TABLE),
        ("guest", "GetItem, missing table", "GetItem", "missing"),
    ]:
        attempt, _, _ = TABLE_OF_RIGHTS[name]
        said = message(attempt, people.dynamodb(who), people.identity(who))
        assert said == denied(ROLES[who], action, f"{ARN}/{resource}"), name
    assert message(op("list_tables"), people.dynamodb("guest")) == denied("Guest", "ListTables", "*")
    assert message(op("list_tables"), people.dynamodb("anonymous")) == "Request is missing Authentication Token"


def escaped(text):
    """Every character as JSON can also write it."""
    return "".join(f"\\u{ord(each):04x}" for each in text)


def test_what_json_can_also_say(people, owners):
    """However a body is spelled, the row is the one that the backend finds in it."""
    token, gate, own = people.tokens("dave")["id"], people.gate, owners["dave"]
    for name, body, may in [
        ("escaped", f'{{"TableName":"{TABLE}","Key":{{"pk":{{"S":"{escaped(own)}"}},"sk":{{"S":"own"}}}}}}', True),
        (
            "escaped everywhere",
            f'{{"{escaped("TableName")}":"{escaped(TABLE)}","{escaped("Key")}":'
            f'{{"{escaped("sk")}":{{"S":"own"}},"{escaped("pk")}":{{"{escaped("S")}":"{escaped(own)}"}}}}}}',
            True,
        ),
        (
            "spaced",
            f'\r\n\t {{ "Key" : {{\n"sk"\t:{{"S":"own"}} , "pk" : {{ "S" : "{own}" }} }},\n"TableName":"{TABLE}" }} \n',
            True,
        ),
        (
            "another's, escaped",
            f'{{"TableName":"{TABLE}","Key":{{"pk":{{"S":"{escaped(OTHER)}"}},"sk":{{"S":"own"}}}}}}',
            False,
        ),
        (
            "a backslash before it",
            f'{{"TableName":"{TABLE}","Key":{{"pk":{{"S":"\\\\{escaped(own)[1:]}"}},"sk":{{"S":"own"}}}}}}',
            False,
        ),
        (
            "own under another name",
            f'{{"TableName":"{TABLE}","Key":{{"PK":{{"S":"{own}"}},"pk":{{"S":"{OTHER}"}},"sk":{{"S":"own"}}}}}}',
            False,
        ),
        (
            "own under another type",
            f'{{"TableName":"{TABLE}","Key":{{"pk":{{"S":"{OTHER}","s":"{own}"}},"sk":{{"S":"own"}}}}}}',
            False,
        ),
    ]:
        answer = ask(gate, "GetItem", body, token)
        assert exception(answer) == ("ok" if may else DENIED), (name, answer)
        assert not may or answer.json()["Item"]["pk"] == {"S": own}
    for body in [
        f'{{"TableName":"{TABLE}","Key":{{"pk":{{"S":"{own}"}},"pk":{{"S":"{OTHER}"}},"sk":{{"S":"own"}}}}}}',
        f'{{"TableName":"{TABLE}","Key":{{"pk":{{"S":"{own}"}},"{escaped("pk")}":{{"S":"{OTHER}"}},"sk":{{"S":"own"}}}}}}',
    ]:
        assert exception(ask(gate, "GetItem", body, token)) == "SerializationException"


KEYS = ["", " ", "a/b", 'quo"te', "back\\slash", "ü日本", "\U0001f600", "\t", "it's", "a" * 900]


@pytest.mark.parametrize("key", KEYS, ids=range(len(KEYS)))
def test_sort_keys_come_back_as_they_went(people, owners, key):
    client, own = people.dynamodb("bob"), owners["bob"]
    item = row(own, f"key-{key}", v=key or "-")
    client.put_item(TableName=TABLE, Item=item)
    assert client.get_item(TableName=TABLE, Key=row(own, f"key-{key}"))["Item"] == item
    statement = f"SELECT * FROM {TABLE} WHERE pk = ? AND sk = ?"
    parameters = [item["pk"], item["sk"]]
    assert client.execute_statement(Statement=statement, Parameters=parameters)["Items"] == [item]
    client.delete_item(TableName=TABLE, Key=row(own, f"key-{key}"))
    assert "Item" not in client.get_item(TableName=TABLE, Key=row(own, f"key-{key}"))


def test_values_of_every_type(people, owners):
    client, own = people.dynamodb("dave"), owners["dave"]
    item = row(own, "types") | {
        "n": {"N": "-12345678901234567890.123456789"},
        "b": {"B": bytes(range(256))},
        "ss": {"SS": ["a", "b"]},
        "ns": {"NS": ["1", "2.5"]},
        "bs": {"BS": [b"x"]},
        "t": {"BOOL": True},
        "z": {"NULL": True},
        "l": {"L": [{"S": "x"}, {"M": {"pk": {"S": OTHER}}}]},
        "m": {"M": {"pk": {"S": OTHER}, "e": {"S": ""}}},
    }
    client.put_item(TableName=TABLE, Item=item)
    found = client.get_item(TableName=TABLE, Key=row(own, "types"))["Item"]
    for kind in ("ss", "ns"):
        [(name, values)] = found[kind].items()
        found[kind] = {name: sorted(values)}
    assert found == item
    client.delete_item(TableName=TABLE, Key=row(own, "types"))


def test_pages_of_a_query(people, owners):
    client, own = people.dynamodb("bob"), owners["bob"]
    for n in range(7):
        client.put_item(TableName=TABLE, Item=row(own, f"page-{n}"))
    pages = client.get_paginator("query").paginate(
        TableName=TABLE,
        KeyConditionExpression="pk = :p AND begins_with(sk, :s)",
        ExpressionAttributeValues={":p": {"S": own}, ":s": {"S": "page-"}},
        PaginationConfig={"PageSize": 3},
    )
    found = [[item["sk"]["S"] for item in page["Items"]] for page in pages]
    assert len(found) > 2 and sum(found, []) == [f"page-{n}" for n in range(7)]
    for n in range(7):
        client.delete_item(TableName=TABLE, Key=row(own, f"page-{n}"))


def test_a_large_item(people, owners):
    """Bodies over 256 KiB are judged and sent on like others."""
    client, own = people.dynamodb("bob"), owners["bob"]
    large = "x" * (300 << 10)
    client.put_item(TableName=TABLE, Item=row(own, "large", v=large))
    assert client.get_item(TableName=TABLE, Key=row(own, "large"))["Item"]["v"] == {"S": large}
    assert code(client.put_item, TableName=TABLE, Item=row(OTHER, "large", v=large)) == DENIED
    client.delete_item(TableName=TABLE, Key=row(own, "large"))


def test_a_table_of_ones_own(people):
    """Tables come and go, and who may reach which rows goes by the key of the one that is there."""
    carol, token = people.dynamodb("carol"), people.tokens("dave")["id"]
    own = people.identity("dave")
    body = {"TableName": "other", "Key": {"id": {"S": own}}}
    assert exception(ask(people.gate, "GetItem", body, token)) == DENIED
    for attribute in ("id", "name"):
        carol.create_table(
            TableName="other",
            KeySchema=[{"AttributeName": attribute, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": attribute, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        carol.get_waiter("table_exists").wait(TableName="other", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
        carol.put_item(TableName="other", Item={attribute: {"S": own}})
        assert carol.describe_table(TableName="other")["Table"]["KeySchema"][0]["AttributeName"] == attribute
        # Nobody's rights go beyond the demo's table.
        assert exception(ask(people.gate, "GetItem", body, token)) == DENIED
        carol.delete_table(TableName="other")
        carol.get_waiter("table_not_exists").wait(TableName="other", WaiterConfig={"Delay": 1, "MaxAttempts": 20})


def test_what_is_beside_the_body_is_the_backends_own(people, owners):
    """The gate's answer carries its decision id, and nothing that names the caller."""
    body = {"TableName": TABLE, "Key": row(owners["alice"])}
    answer = ask(people.gate, "GetItem", body, people.tokens("alice")["id"])
    names = {name.lower() for name, _ in answer.fields}
    assert answer.status == 200 and json.loads(answer.body)["Item"]
    assert {name for name in names if name.startswith("x-poolgate-")} == {"x-poolgate-decision-id"}
    assert f"{ACCOUNT}:" not in str(answer.fields)
