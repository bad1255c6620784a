"""`poolgate serve` in front of DynamoDB stand-ins that know nothing of it: the demo's as its own process, moto, dynalite.

None of them evaluates who may do what; with the gate in front, unmodified SDKs get the answers of the demo's policies.
Every request of `requests` is also compared with what the backend then does: the rows that it answers or changes
are those of the keys that the gate took for the leading ones, and no others.
"""

import base64
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from botocore.config import Config

from files import BACKEND_KEY, BACKEND_SECRET
from gate import REGION, ROOT, TOOLS, free_port, until
from people import code
from rows import ARN, KEYS, TABLE, TABLES, Rows, ask, context, described, everything, exception, head, text
from standins import running

OTHER = "somebody-else"
DENIED = "AccessDeniedException"


def standin(folder):
    port, program = free_port(), os.environ.get("POOLGATE_DYNAMODB_STANDIN")
    program = program or ROOT / "target" / "debug" / "examples" / "dynamodb-standin"
    return running([program, f"127.0.0.1:{port}", folder / "data"], port, folder)


def moto(folder):
    port = free_port()
    return running([TOOLS / "venv" / "bin" / "moto_server", "-H", "127.0.0.1", "-p", str(port)], port, folder)


def dynalite(folder):
    port = free_port()
    program = TOOLS / "node" / "node_modules" / "dynalite" / "cli.js"
    options = ["--port", str(port), "--host", "127.0.0.1", "--createTableMs", "0"]
    return running([shutil.which("node"), program, *options], port, folder)


BACKENDS = {"dynoxide": standin, "moto": moto, "dynalite": dynalite}


def create(client):
    """The demo's table with an index, one whose key is a number, and one whose key is bytes."""
    common = {"BillingMode": "PAY_PER_REQUEST"}
    kinds = {"n": "N", "b": "B"}

    def attributes(*names):
        return [{"AttributeName": name, "AttributeType": kinds.get(name, "S")} for name in names]

    def schema(*names):
        return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"))]

    index = {
        "IndexName": "by-tenant",
        "KeySchema": schema("tenant", "since"),
        "Projection": {"ProjectionType": "ALL"},
    }
    client.create_table(
        TableName=TABLE,
        AttributeDefinitions=attributes("pk", "sk", "tenant", "since"),
        KeySchema=schema("pk", "sk"),
        GlobalSecondaryIndexes=[index],
        **common,
    )
    for name in ("n", "b"):
        table = {"n": "numbers", "b": "bytes"}[name]
        client.create_table(
            TableName=table, AttributeDefinitions=attributes(name), KeySchema=schema(name), **common
        )
    for table in KEYS:
        client.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 1, "MaxAttempts": 20})


def seed(client, own):
    """Rows of the caller's, of others', and of such as are nearly the caller's."""
    others = (OTHER, own.upper(), f"{own} ", own[:-1], f"{own}x", "*", "${cognito-identity.amazonaws.com:sub}")
    for pk in (own, *others):
        for sk in ("1", "2"):
            tenant = pk if sk == "1" else {own: OTHER, OTHER: own}.get(pk, pk)
            item = {"pk": pk, "sk": sk, "tenant": tenant, "since": sk, "v": f"{pk}/{sk}"}
            client.put_item(TableName=TABLE, Item={name: {"S": value} for name, value in item.items()})
    for number in ("1", "2", "10", "100", "0.5", "-120"):
        client.put_item(TableName="numbers", Item={"n": {"N": number}})
    for value in (b"\1\2", b"\1\3"):
        client.put_item(TableName="bytes", Item={"b": {"B": value}})


OWN_NUMBERS, OWN_BYTES = ["1", "100", "0.5"], ["AQI="]
ACTIONS = [
    *("GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"),
    *("ConditionCheckItem", "PartiQLSelect"),
]


def allow(resource, values):
    """The demo's statement on own rows, for another resource."""
    return {
        "Effect": "Allow",
        "Action": [f"dynamodb:{action}" for action in ACTIONS],
        "Resource": f"{ARN}/{resource}",
        "Condition": {
            "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": values},
            "Null": {"dynamodb:LeadingKeys": "false"},
        },
    }


STATEMENTS = {
    "Authenticated": [
        allow("demo/index/*", ["${cognito-identity.amazonaws.com:sub}"]),
        allow("numbers", OWN_NUMBERS),
        allow("bytes", OWN_BYTES),
    ]
}


class Gate(Rows):
    """A gate of this test; at all of them dave is the same."""

    IDENTITY_KEY = bytes(range(32))


class Stack:
    """A backend with the tables, and the gate in front of it."""

    explained = {}

    def __init__(self, name, client, rows):
        self.name, self.client, self.rows, self.people = name, client, rows, rows.people
        self.own = self.people.identity("dave")
        # The same gate with the tables' keys said, so that they are known also where nothing hangs on them.
        route = "service: dynamodb\n"
        text = rows.configuration.read_text().replace(route, f"{route}    tables: {TABLES}\n")
        self.told = rows.folder / "told.yaml"
        self.told.write_text(text)

    def explain(self, requests):
        """The checks of each of these (operation, body), or None; they are the same in front of every backend."""

        def ask(request):
            operation, body = request
            return request, described(self.rows.explain("carol", head(operation), body.encode(), self.told)) or None

        with ThreadPoolExecutor(os.cpu_count()) as several:
            self.explained.update(several.map(ask, set(requests) - self.explained.keys()))

    def effects(self):
        """What the decision log says of each decision."""
        lines = (line for line in self.rows.gate.printed().splitlines() if '"decision_id"' in line)
        records = [json.loads(line) for line in lines]
        return {record["decision_id"]: record["effect"] for record in records}


@pytest.fixture(scope="module", params=BACKENDS)
def stack(request, tmp_path_factory, key):
    folder = tmp_path_factory.mktemp(request.param)
    with BACKENDS[request.param](folder) as url:
        direct = boto3.client(
            "dynamodb",
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id=BACKEND_KEY,
            aws_secret_access_key=BACKEND_SECRET,
            config=Config(retries={"total_max_attempts": 1}),
        )
        create(direct)
        with Gate(tmp_path_factory.mktemp("gate"), key, url, statements=STATEMENTS) as rows:
            stack = Stack(request.param, direct, rows)
            seed(direct, stack.own)
            yield stack


def test_rights(stack):
    """A row of each kind of the demo's table, with an SDK."""
    people = stack.people
    readers, owners, table = {"alice", "bob", "carol", "dave"}, {"bob", "carol", "dave"}, {"TableName": TABLE}
    for who in ("alice", "bob", "carol", "dave", "guest", "anonymous"):
        client, own = people.dynamodb(who), people.identity(who)
        mine, theirs = ({"pk": {"S": pk}, "sk": {"S": "rights"}} for pk in (own, OTHER))
        condition = {"KeyConditionExpression": "pk = :p"}
        for call, may, parameters in [
            (client.put_item, owners, {"Item": mine}),
            (client.put_item, {"carol"}, {"Item": theirs}),
            (client.get_item, readers, {"Key": mine}),
            (client.get_item, {"carol"}, {"Key": theirs}),
            (client.query, readers, {**condition, "ExpressionAttributeValues": {":p": mine["pk"]}}),
            (client.query, {"carol"}, {**condition, "ExpressionAttributeValues": {":p": theirs["pk"]}}),
            (client.scan, {"carol"}, {}),
            (client.describe_table, {"carol"}, {}),
            (client.delete_item, owners, {"Key": mine}),
            (client.delete_item, {"carol"}, {"Key": theirs}),
        ]:
            denied = "MissingAuthenticationTokenException" if who == "anonymous" else DENIED
            found = code(call, **table, **parameters)
            assert found == ("ok" if who in may else denied), (who, parameters)


def quoted(value):
    return json.dumps(value, ensure_ascii=False)


def escaped(value):
    return '"' + "".join(f"\\u{ord(each):04x}" for each in value) + '"'


def row(pk, sk="1"):
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def gets(own):
    """GetItem in every spelling: `keys` as in `requests`."""
    sk = '"sk": {"S": "1"}'

    def get(key):
        return "GetItem", f'{{"TableName": "demo", "Key": {{{key}}}}}'

    yield [own], *get(f'"pk": {{"S": {quoted(own)}}}, {sk}')
    yield [own], *get(f'{sk}, "pk": {{"S": {escaped(own)}}}')
    yield [own], *get(f'{escaped("pk")}: {{{escaped("S")}: {escaped(own)}}}, {sk}')
    yield [own], "GetItem", f'\n{{ {escaped("Key")}:{{ "pk" :{{"S":{quoted(own)}}},{sk} }} , "TableName" : "\\u0064emo"\t}} '
    for pk in (OTHER, own.upper(), f"{own} ", own[:-1], f"{own}x", "*", "${cognito-identity.amazonaws.com:sub}"):
        yield [pk], *get(f'"pk": {{"S": {quoted(pk)}}}, {sk}')
    yield [OTHER], *get(f'"pk": {{"S": {escaped(OTHER)}}}, {sk}')
    for key in (
        f'"PK": {{"S": {quoted(own)}}}, "pk": {{"S": "{OTHER}"}}, {sk}',
        f'"pk": {{"S": "{OTHER}"}}, "PK": {{"S": {quoted(own)}}}, {sk}',
        f'"pk": {{"S": {quoted(own)}}}',
        f'{sk}',
        f'"pk": {{"S": {quoted(own)}, "N": "1"}}, {sk}',
        f'"pk": {{"S": {quoted(own)}, "NULL": null}}, {sk}',
        f'"pk": {{"s": {quoted(own)}, "S": "{OTHER}"}}, {sk}',
        f'"pk": {{"SS": [{quoted(own)}]}}, {sk}',
        f'"pk": {quoted(own)}, {sk}',
        f'"pk": null, {sk}',
        f'"pk": {{"S": {quoted(own)}}}, {sk}, "v": {{"S": "x"}}',
    ):
        yield None, *get(key)
    for key in (
        f'"pk": {{"B": "AQI="}}, {sk}',
        f'"pk": {{"N": "1"}}, {sk}',
        f'"pk": {{"S": {quoted(own)}}}, "sk": {{"N": "1"}}',
    ):
        yield KIND, *get(key)
    for pk in (own, OTHER):
        yield [pk], "GetItem", f'{{"TableName": "{ARN}/demo", "Key": {{"pk": {{"S": {quoted(pk)}}}, {sk}}}}}'
    yield None, "GetItem", f'{{"TableName": "demo", "Key": null, "key": {{"pk": {{"S": {quoted(own)}}}, {sk}}}}}'
    yield REFUSED, *get(f'"pk": {{"S": {quoted(own)}}}, "pk": {{"S": "{OTHER}"}}, {sk}')
    yield REFUSED, *get(f'"pk": {{"S": "{OTHER}"}}, {escaped("pk")}: {{"S": {quoted(own)}}}, {sk}')
    yield REFUSED, *get(f'"pk": {{"S": "{OTHER}", "S": {quoted(own)}}}, {sk}')
    for more in ('"Nonsense": 1', f'"key": {{"pk": {{"S": {quoted(own)}}}, {sk}}}', '"tableName": "numbers"'):
        for pk in (own, OTHER):
            yield None, "GetItem", f'{{{more}, "TableName": "demo", "Key": {{"pk": {{"S": {quoted(pk)}}}, {sk}}}}}'
    for given, number in {
        **{each: each for each in ("1", "2", "100", "0.5", "-120")},
        **{"1.0": "1", "1e0": "1", "+1": "1", "001": "1", "10e-1": "1", "1E2": "100", "100.00": "100"},
        **{"0.50": "0.5", ".5": "0.5", "5e-1": "0.5", "5.": "5", "-1.2e2": "-120", "20E-1": "2"},
    }.items():
        yield [number], "GetItem", f'{{"TableName": "numbers", "Key": {{"n": {{"N": "{given}"}}}}}}'
    for given in ("", " 1", "1 ", "0x1", "1_0", "NaN", "Infinity", "1e", "1,0", "--1", "1" * 39, "1e126", "\\u0661"):
        yield None, "GetItem", f'{{"TableName": "numbers", "Key": {{"n": {{"N": "{given}"}}}}}}'
    yield None, "GetItem", '{"TableName": "numbers", "Key": {"n": {"N": 1}}}'
    yield KIND, "GetItem", '{"TableName": "numbers", "Key": {"n": {"S": "1"}}}'
    for given, value in (("AQI=", ["AQI="]), ("AQM=", ["AQM="]), ("\\u0041QI=", ["AQI="])):
        yield value, "GetItem", f'{{"TableName": "bytes", "Key": {{"b": {{"B": "{given}"}}}}}}'
    for given in ("AQI", "AQJ=", "AQI=\\n", " AQI=", "AQI==", "AQ-=", "", "!AQI="):
        yield None, "GetItem", f'{{"TableName": "bytes", "Key": {{"b": {{"B": "{given}"}}}}}}'


def queries(own):
    def query(condition, names=None, more=None, **values):
        body = {"TableName": "demo", **(more or {})}
        body |= {"KeyConditionExpression": condition} if condition else {}
        body |= {"ExpressionAttributeNames": names} if names else {}
        if values:
            body["ExpressionAttributeValues"] = {f":{name}": {"S": value} for name, value in values.items()}
        return "Query", json.dumps(body)

    for pk in (own, OTHER):
        for condition, more in (
            ("pk = :p", {}),
            ("pk=:p", {}),
            (":p = pk", {}),
            ("(pk = :p)", {}),
            ("pk = :p AND sk = :s", {"s": "1"}),
            ("sk = :s AND pk = :p", {"s": "1"}),
            ("(sk = :s) and (pk = :p)", {"s": "1"}),
            ("pk = :p And begins_with(sk, :s)", {"s": "1"}),
            ("pk = :p AND sk BETWEEN :s AND :t", {"s": "1", "t": "2"}),
            ("sk BETWEEN :s AND :t AND pk = :p", {"s": "1", "t": "2"}),
        ):
            yield [pk], *query(condition, p=pk, **more)
        yield None, *query("((pk) = (:p))", p=pk)
        yield [pk], *query("#a = :p", {"#a": "pk"}, p=pk)
        yield [pk], *query("#pk = :s AND #sk = :p", {"#pk": "sk", "#sk": "pk"}, p=pk, s="1")
        # One placeholder's name is the beginning of another's, or in another's value.
        yield [pk], *query("#p = :s AND #pk = :p", {"#p": "sk", "#pk": "pk"}, p=pk, s="1")
        yield [pk], *query("#pk = :p AND #p = :s", {"#p": "sk", "#pk": "pk"}, p=pk, s="1")
        yield [pk], *query("pk = :pp AND sk <= :p", pp=pk, p=OTHER)
        yield [pk], *query("sk <= :p AND pk = :pp", p=OTHER, pp=pk)
        yield [pk], *query("pk = :p AND sk = :s", p=pk, s=f":p OR pk = {OTHER}")
        yield [pk], *query("pk = :AND AND sk >= :BETWEEN", AND=pk, BETWEEN="0")
        yield [pk], *query("\tpk\n=\r\n:p\tAnD\nsk>=:s ", p=pk, s="0")
        yield [pk], *query("pk = :p", {"#v": "v"}, {"FilterExpression": "#v <> :f OR since = :f"}, p=pk, f="x")
        yield [pk], *query("pk = :p", more={"Limit": 1, "ScanIndexForward": False}, p=pk)
        yield [pk], *query("pk = :p", more={"ExclusiveStartKey": row(pk)}, p=pk)
        index = {"IndexName": "by-tenant"}
        yield [pk], *query("tenant = :p", more=index, p=pk)
        yield [pk], *query("since = :s AND #t = :p", {"#t": "tenant"}, index, p=pk, s="2")
        yield None, *query("pk = :p", more=index, p=pk)
        yield None, *query("pk = :p", more={"IndexName": "by-nobody"}, p=pk)
        equal = {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": pk}]}
        yield [pk], *query(None, more={"KeyConditions": {"pk": equal}})
        conditions = {"sk": {"ComparisonOperator": "BEGINS_WITH", "AttributeValueList": [{"S": "1"}]}, "pk": equal}
        yield [pk], *query(None, more={"KeyConditions": conditions})
        yield None, *query(None, more={"KeyConditions": {"pk": {**equal, "AttributeValueList": [{"S": pk}] * 2}}})
        yield None, *query(None, more={"KeyConditions": {"pk": {**equal, "ComparisonOperator": "GE"}}})
        yield None, *query(None, more={"KeyConditions": {"sk": equal}})
    yield None, *query("pk = :p", more={"ExclusiveStartKey": row(OTHER)}, p=own)
    theirs = {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": OTHER}]}
    yield None, *query("pk = :p", more={"KeyConditions": {"pk": theirs}}, p=own)
    for condition in (
        "pk = :p OR pk = :o",
        "pk = :p AND pk = :o",
        "pk = :o AND pk = :p",
        "pk <> :o",
        "NOT pk = :o",
        "pk >= :p",
        "pk IN (:p, :o)",
        "pk BETWEEN :p AND :o",
        "begins_with(pk, :p)",
        "pk = :p AND (sk = :p OR pk = :o)",
        "pk = pk AND :p = :p",
        "v = :p",
        "pk.x = :p",
        "pk = :p AND",
        "pk = :p pk = :o",
        "",
    ):
        yield None, *query(condition, p=own, o=OTHER)
    yield None, *query("#p = :p", p=own)
    yield None, *query("#p = :p", {"#p": "pk.x"}, p=own)
    yield None, *query("pk = :missing", p=own)


def writes(own):
    def on(operation, **more):
        return operation, json.dumps({"TableName": "demo", **more})

    for pk in (own, OTHER):
        yield [pk], *on("PutItem", Item={**row(pk, "new"), "tenant": {"S": own}})
        yield [pk], *on("PutItem", Item={**row(pk), "PK": {"S": own}})
        yield [pk], *on("DeleteItem", Key=row(pk), ReturnValues="ALL_OLD")
        for update in (
            {"UpdateExpression": "SET v = :v", "ExpressionAttributeValues": {":v": {"S": own}}},
            {"UpdateExpression": "SET v = pk"},
            {"AttributeUpdates": {"v": {"Action": "PUT", "Value": {"S": own}}}},
        ):
            yield [pk], *on("UpdateItem", Key=row(pk), ReturnValues="ALL_NEW", **update)
        # DynamoDB lets no key be changed; some stand-ins do.
        values = {":v": {"S": OTHER if pk == own else own}}
        for update in (
            {"UpdateExpression": "SET pk = :v", "ExpressionAttributeValues": values},
            {"UpdateExpression": "SET sk = :v", "ExpressionAttributeValues": values},
            {"AttributeUpdates": {"pk": {"Action": "PUT", "Value": values[":v"]}}},
            {"AttributeUpdates": {"sk": {"Action": "PUT", "Value": values[":v"]}}},
        ):
            yield None, *on("UpdateItem", Key=row(pk), ReturnValues="ALL_NEW", **update)
        yield [pk], "BatchWriteItem", json.dumps({"RequestItems": {"demo": [{"PutRequest": {"Item": row(pk, "b")}}]}})
        yield [pk], "BatchWriteItem", json.dumps({"RequestItems": {"demo": [{"DeleteRequest": {"Key": row(pk)}}]}})
        for entry in (
            {"Put": {"TableName": "demo", "Item": row(pk, "t")}},
            {"Delete": {"TableName": "demo", "Key": row(pk)}},
            {
                "Update": {
                    "TableName": "demo",
                    "Key": row(pk),
                    "UpdateExpression": "SET v = :v",
                    "ExpressionAttributeValues": {":v": {"S": "t"}},
                }
            },
        ):
            yield [pk], "TransactWriteItems", json.dumps({"TransactItems": [entry]})
    yield None, *on("PutItem", Item={"sk": {"S": own}})
    yield KIND, *on("PutItem", Item={"pk": {"N": "1"}, "sk": {"S": "1"}})
    yield None, *on("DeleteItem", Key={**row(own), "v": {"S": "x"}})
    twice = f'"pk":{{"S":"{own}"}},"pk":{{"S":"{OTHER}"}}'
    yield REFUSED, "PutItem", f'{{"TableName":"demo","Item":{{{twice},"sk":{{"S":"1"}}}}}}'
    both = [{"PutRequest": {"Item": row(own, "b")}}, {"DeleteRequest": {"Key": row(OTHER)}}]
    for requests in (both, both[::-1]):
        yield [own, OTHER], "BatchWriteItem", json.dumps({"RequestItems": {"demo": requests}})
    check = {"ConditionCheck": {"TableName": "demo", "Key": row(OTHER), "ConditionExpression": "attribute_exists(pk)"}}
    put = {"Put": {"TableName": "demo", "Item": row(own, "t")}}
    yield [own, OTHER], "TransactWriteItems", json.dumps({"TransactItems": [check, put]})
    named = {"demo": [{"DeleteRequest": {"Key": row(own)}}], f"{ARN}/demo": [{"DeleteRequest": {"Key": row(OTHER)}}]}
    yield [own, OTHER], "BatchWriteItem", json.dumps({"RequestItems": named})
    delete = {"Delete": {"TableName": "demo", "Key": row(OTHER)}}
    yield [own, OTHER], "TransactWriteItems", json.dumps({"TransactItems": [put, delete]})
    yield ["1"], "DeleteItem", '{"TableName": "numbers", "Key": {"n": {"N": "1.00"}}}'
    yield ["100"], "UpdateItem", '{"TableName": "numbers", "Key": {"n": {"N": "1e2"}}, "AttributeUpdates": {}}'
    yield ["2"], "PutItem", '{"TableName": "numbers", "Item": {"n": {"N": "2.0"}, "v": {"S": "x"}}}'
    yield ["AQM="], "PutItem", '{"TableName": "bytes", "Item": {"b": {"B": "AQM="}, "v": {"S": "x"}}}'


def reads_of_many(own):
    for keys in ([own], [OTHER], [own, OTHER], [OTHER, own]):
        several = {"Keys": [row(pk, sk) for pk in keys for sk in ("1", "2")]}
        yield keys, "BatchGetItem", json.dumps({"RequestItems": {"demo": several}})
        entries = [{"Get": {"TableName": "demo", "Key": row(pk)}} for pk in keys]
        yield keys, "TransactGetItems", json.dumps({"TransactItems": entries})
    for condition in ({}, {"FilterExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": own}}}):
        yield SCAN, "Scan", json.dumps({"TableName": "demo", **condition})
    yield SCAN, "Scan", json.dumps({"TableName": "demo", "IndexName": "by-tenant"})


def statements(own):
    def execute(text, *parameters):
        more = {"Parameters": [{"S": each} for each in parameters]} if parameters else {}
        return "ExecuteStatement", json.dumps({"Statement": text, **more})

    select = "SELECT * FROM demo WHERE"
    for pk in (own, OTHER):
        yield [pk], *execute(f"{select} pk = ?", pk)
        yield [pk], *execute(f"{select} pk = '{pk}' AND sk = '1'")
        yield [pk], *execute(f"select*from\"demo\"where\"pk\"='{pk}'")
        yield [pk], *execute(f"{select} '{pk}' = pk")
        yield [pk], *execute(f"{select} (pk = '{pk}') AND (sk = '1' OR v = ?)", own)
        yield [pk], *execute(f"{select} pk IN ['{pk}']")
        for condition in (
            "PK AND sk IN ['1', '2']",
            "sk BETWEEN '1' AND '2' AND PK",
            "PK AND sk BETWEEN '1' AND '2'",
            "begins_with(sk, '1') AND PK",
            "PK AND NOT sk = '9'",
            "NOT sk = '9' AND PK",
            "NOT (sk = '9') AND (PK)",
            "PK AND v IS NOT MISSING",
            "size(v) > 1 AND PK",
            "PK AND sk = '1' OR PK AND sk = '2'",
            "(PK OR PK) AND (sk = '1' OR sk = '2')",
            "sk = '1' AND (v = 'x' OR PK)  AND PK",
            "PK AND contains(v, ' OR ')",
            "contains(v, '1') AND PK",
            "PK AND v <> ' AND '",
        ):
            yield [pk], *execute(f"{select} {condition}".replace("PK", f"pk = '{pk}'"))
        # What is within quotes or parameters is no part of the statement.
        yield [pk], *execute(f"{select} pk = '{pk}' AND sk = '1'' OR pk = ''{OTHER}'")
        yield [pk], *execute(f"{select} pk = ? AND sk = ?", pk, f"1' OR pk = '{OTHER}")
        yield [pk], *execute(f"{select} pk = ? AND sk = ?", pk, "?")
        yield [pk], *execute(f"{select} sk = ? AND pk = ?", "?", pk)
        yield [pk], *execute(f"{select} v <> '?' AND pk = ?", pk)
        yield [pk], *execute(f"{select} v <> 'x WHERE pk = {OTHER}' AND pk = '{pk}'")
        yield [pk], *execute(f"UPDATE demo SET v = 'x'' WHERE pk = ''{OTHER}' WHERE pk = '{pk}' AND sk = '1'")
        yield [pk], *execute(f"UPDATE demo SET v = ? WHERE pk = ? AND sk = '1'", f"x' WHERE pk = '{OTHER}", pk)
        yield [pk], *execute(f"{select} pk = '{pk}' AND pk <> '{pk}x'")
        yield [pk], *execute(f"SELECT * FROM \"demo\".\"by-tenant\" WHERE \"tenant\" = '{pk}'")
        yield [pk], *execute(f"INSERT INTO demo VALUE {{'sk': 's', 'pk': '{pk}', 'v': {{'pk': '{own}'}}}}")
        yield [pk], *execute(f"UPDATE demo SET v = '{own}' WHERE pk = '{pk}' AND sk = '1'")
        yield [pk], *execute(f"DELETE FROM demo WHERE pk = '{pk}' AND sk = ?", "1")
        one = {"Statement": f"{select} pk = '{pk}' AND sk = '1'"}
        yield [pk], "BatchExecuteStatement", json.dumps({"Statements": [one]})
        yield [pk], "ExecuteTransaction", json.dumps({"TransactStatements": [one]})
    for condition in (
        f"pk = '{own}' OR sk = '1'",
        f"pk = '{own}' AND sk = '1' OR sk = '2'",
        f"sk = '2' OR pk = '{own}' AND sk = '1'",
        f"NOT pk = '{own}'",
        f"NOT (pk = '{own}' AND sk = '1')",
        f"pk <> '{own}'",
        f"PK = '{own}'",
        f"\"PK\" = '{own}'",
        f"begins_with(pk, '{own}')",
        f"contains(pk, '{own}')",
        f"pk >= '{own}'",
        f"pk.x = '{own}'",
        f"v = '{own}'",
        "pk IS NOT MISSING",
        "pk = pk",
    ):
        yield None, *execute(f"{select} {condition}")
    yield None, *execute("SELECT * FROM demo")
    yield None, *execute(f"UPDATE demo SET pk = '{OTHER}' WHERE pk = '{own}' AND sk = '1'")
    yield [own, OTHER], *execute(f"{select} pk IN ['{own}', '{OTHER}']")
    yield [own, OTHER], *execute(f"{select} pk = '{own}' OR pk = '{OTHER}'")
    yield [own, OTHER], *execute(f"{select} pk = '{own}' AND pk = '{OTHER}'")
    for text in (
        f"{select} pk = '{own}' -- '",
        f"{select} pk = '{own}' /* */ OR sk = '1'",
        f"{select} pk = '{own}'; {select} pk = '{OTHER}'",
        f"{select} pk = '{own}' UNION {select} pk = '{OTHER}'",
        f"SELECT * FROM demo AS d WHERE d.pk = '{own}'",
        f"SELECT * FROM demo, numbers WHERE pk = '{own}'",
        f"{select} pk = '{own}\\' OR sk = '1'",
        f"{select} pk = \"{own}",
        f"{select} pk = ``{own}``",
        f"{select} 'pk' = '{own}'",
    ):
        yield REFUSED, *execute(text)
    yield REFUSED, *execute(f"INSERT INTO demo VALUE {{'pk': '{own}', 'pk': '{OTHER}', 'sk': 's'}}")
    yield REFUSED, *execute(f"{select} pk = ?", own, OTHER)
    two = [{"Statement": f"{select} pk = '{pk}' AND sk = '1'"} for pk in (own, OTHER)]
    yield [own, OTHER], "BatchExecuteStatement", json.dumps({"Statements": two})
    yield [own, OTHER], "ExecuteTransaction", json.dumps({"TransactStatements": two})


REFUSED, SCAN, KIND = "refused", "scan", "kind"


def requests(own):
    """(keys, operation, body): the leading keys that a request has, as the gate must find them.

    `None`: they can't be told; `KIND`: nor can they where it is known of which type they are; `SCAN`: there are none on
    the operation; `REFUSED`: whatever they are.
    """
    for part in (gets, queries, writes, reads_of_many, statements):
        yield from part(own)


def items(answer):
    """All items in an answer to an operation on items."""
    for name in ("Item", "Attributes"):
        if answer.get(name):
            yield answer[name]
    yield from answer.get("Items", ())
    responses = answer.get("Responses", ())
    if isinstance(responses, dict):
        for several in responses.values():
            yield from several
    else:
        for each in responses:
            if each.get("Item"):
                yield each["Item"]


def plain(value):
    """A key's value in an answer, as policies compare it."""
    [(kind, found)] = value.items()
    if kind == "B" and isinstance(found, str):
        return base64.b64encode(base64.b64decode(found)).decode()
    return text(value)


def attribute_of(checks):
    """The attribute that is the partition key of what a request is about; all of one request are of one table."""
    resource = checks[0]["resource"]
    if resource.endswith("/index/by-tenant"):
        return "tenant"
    return KEYS.get(resource.rpartition("/")[2], ("pk",))[0]


def restore(client, table, before, after):
    for key in before.keys() | after.keys():
        if before.get(key) == after.get(key):
            continue
        if key in before:
            client.put_item(TableName=table, Item=before[key])
        else:
            client.delete_item(TableName=table, Key={name: after[key][name] for name in KEYS[table]})


def table_of(body):
    for table in ("numbers", "bytes"):
        if f'"{table}"' in body and '"tableName"' not in body:
            return table
    return TABLE


def leading_keys(checks):
    """All of a request's, `None` if they aren't known, `SCAN` if there are none."""
    told = [context(check).get("dynamodb:leadingkeys") for check in checks]
    if "(unknown)" in told:
        return None
    return SCAN if None in told else {key for each in told for key in each}


READS = {"GetItem", "Query", "Scan", "BatchGetItem", "TransactGetItems"}


class Comparison:
    """Of what the gate says of requests with what the backend does."""

    def __init__(self, stack):
        self.stack, self.gate = stack, stack.rows.gate
        self.tokens = {who: stack.people.tokens(who)["id"] for who in ("carol", "dave")}
        self.own = {"pk": {stack.own}, "tenant": {stack.own}, "n": set(OWN_NUMBERS), "b": set(OWN_BYTES)}
        self.rows = {table: everything(stack.client, table) for table in KEYS}
        self.wrong, self.expected, self.hits = [], {}, {"carol": 0, "dave": 0}

    def request(self, keys, operation, body):
        raw, where = body.encode(), (operation, body)
        checks = self.stack.explained[where]
        if keys == REFUSED or checks is None:
            if keys != REFUSED or checks is not None:
                self.wrong.append((*where, "not refused" if checks else "refused"))
            for who in self.tokens:
                name = exception(self.send(who, where, raw, False))
                if name not in (DENIED, "SerializationException"):
                    self.wrong.append((who, *where, name))
            return
        leading = leading_keys(checks)
        if keys == KIND:
            leading = None
        elif leading != (keys if keys in (None, SCAN) else set(keys)):
            self.wrong.append((*where, "leading keys", leading))
        attribute = attribute_of(checks)
        actions = {each["action"].partition(":")[2] for each in checks}
        known = leading not in (None, SCAN)
        owned = known and leading <= self.own[attribute] and actions <= set(ACTIONS)
        for who in self.tokens:
            may = owned or who == "carol"
            answer = self.send(who, where, raw, may)
            found = self.touched(operation, table_of(body), answer, attribute)
            if not may and (found or answer.status == 200):
                self.wrong.append((who, *where, "denied, and yet it touches", found))
            if who == "dave" and not found <= self.own[attribute]:
                self.wrong.append((who, *where, "touches others'", found))
            if known and not found <= leading:
                self.wrong.append((who, *where, "touches", found, "and not", leading))
            self.hits[who] += known and found == leading

    def send(self, who, where, raw, may):
        answer = ask(self.gate, where[0], raw, self.tokens[who])
        self.expected[answer.header("x-poolgate-decision-id")] = (who, *where, "allow" if may else "deny")
        return answer

    def touched(self, operation, table, answer, attribute):
        """The values of the key in all rows that were answered or changed; what was changed is put back."""
        parsed = answer.json() if answer.status == 200 else {}
        found = list(items(parsed))
        if operation not in READS:
            before, after = self.rows[table], everything(self.stack.client, table)
            changed = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
            found += [before.get(key) or after[key] for key in changed]
            restore(self.stack.client, table, before, after)
        return {plain(item[attribute]) for item in found if attribute in item}

    def end(self):
        """Nothing else was changed, and the decision log says what was to be."""
        for table, rows in self.rows.items():
            assert everything(self.stack.client, table) == rows
        effects = until("the decisions' records", 5, self.logged)
        for decision, expected in self.expected.items():
            if effects[decision] != expected[-1]:
                self.wrong.append((*expected, effects[decision]))
        assert not self.wrong, "\n".join(map(str, self.wrong))

    def logged(self):
        effects = self.stack.effects()
        return effects if self.expected.keys() <= effects.keys() else None


def test_what_the_gate_takes_for_leading_keys_is_what_the_backend_touches(stack):
    """Carol may do everything, so that all requests reach the backend; of dave's only those that are for own rows."""
    comparison, asked = Comparison(stack), list(requests(stack.own))
    stack.explain((operation, body) for _, operation, body in asked)
    for keys, operation, body in asked:
        # It is the end of this one's process.
        if stack.name == "dynalite" and '"pk": null' in body:
            continue
        comparison.request(keys, operation, body)
    comparison.end()
    # Most of them come to something, where the backend has the operation.
    carols, daves = comparison.hits.values()
    least = {"dynoxide": (170, 75), "moto": (135, 60), "dynalite": (100, 50)}[stack.name]
    assert carols >= least[0] and daves >= least[1]


def test_a_table_that_is_made_anew_has_its_new_key(stack):
    """What was learnt of a table is forgotten as soon as it may be another one."""
    carol, token, own = stack.people.dynamodb("carol"), stack.people.tokens("dave")["id"], stack.own

    def made(attribute):
        carol.create_table(
            TableName="numbers",
            AttributeDefinitions=[{"AttributeName": attribute, "AttributeType": "N"}],
            KeySchema=[{"AttributeName": attribute, "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        carol.get_waiter("table_exists").wait(TableName="numbers", WaiterConfig={"Delay": 1, "MaxAttempts": 20})

    def removed():
        carol.delete_table(TableName="numbers")
        carol.get_waiter("table_not_exists").wait(TableName="numbers", WaiterConfig={"Delay": 1, "MaxAttempts": 20})

    def put(n, m):
        body = {"TableName": "numbers", "Item": {"n": {"N": n}, "m": {"N": m}}}
        return exception(ask(stack.rows.gate, "PutItem", body, token))

    assert (put("1", "7"), put("7", "1")) == ("ok", DENIED), own
    removed()
    made("m")
    assert (put("1", "7"), put("7", "1")) == (DENIED, "ok")
    removed()
    made("n")
    assert (put("1", "7"), put("7", "1")) == ("ok", DENIED)
