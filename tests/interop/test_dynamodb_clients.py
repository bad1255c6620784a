"""The demo's DynamoDB with other clients than boto3: the AWS command line and the SDK for JavaScript."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from gate import REGION, TOOLS
from people import IDENTITY_POOL, LOGIN, environment
from rows import ARN, TABLE, denied

AWS = TOOLS / "venv" / "bin" / "aws"
OTHER = "somebody-elses"


@pytest.fixture
def aws(people, tmp_path):
    def run(who, command, *arguments, code=0, **parameters):
        """What `aws dynamodb COMMAND` prints, for one of the demo's people."""
        credentials = people.credentials(who)
        options = [] if credentials else ["--no-sign-request"]
        for name, value in parameters.items():
            text = value if isinstance(value, str) else json.dumps(value)
            options += [f"--{name.replace('_', '-')}", text]
        done = subprocess.run(
            [AWS, "dynamodb", command, *arguments, *options],
            env=environment(people.gate, credentials) | {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=90,
            cwd=tmp_path,
        )
        printed = (done.stdout + done.stderr).decode()
        assert done.returncode == code, printed
        return json.loads(done.stdout) if done.stdout.strip() and not code else printed

    return run


def key(pk, sk):
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def test_the_command_line_writes_reads_and_removes(aws, people):
    own = people.identity("bob")
    item = key(own, "cli") | {"n": {"N": "1"}}
    aws("bob", "put-item", table_name=TABLE, item=item)
    assert aws("bob", "get-item", table_name=TABLE, key=key(own, "cli"))["Item"] == item
    changed = aws(
        "bob",
        "update-item",
        table_name=TABLE,
        key=key(own, "cli"),
        update_expression="ADD n :n",
        expression_attribute_values={":n": {"N": "2"}},
        return_values="UPDATED_NEW",
    )
    assert changed["Attributes"] == {"n": {"N": "3"}}
    # It goes through pages by itself.
    found = aws(
        "bob",
        "query",
        table_name=TABLE,
        key_condition_expression="pk = :p AND sk = :s",
        expression_attribute_values={":p": {"S": own}, ":s": {"S": "cli"}},
        page_size="1",
    )
    assert found["Count"] == 1
    entry = {"Put": {"TableName": TABLE, "Item": key(own, "cli-2")}}
    aws("bob", "transact-write-items", transact_items=[entry])
    statement = f"SELECT sk FROM {TABLE} WHERE pk = '{own}' AND begins_with(sk, 'cli')"
    assert {item["sk"]["S"] for item in aws("bob", "execute-statement", statement=statement)["Items"]} == {"cli", "cli-2"}
    doomed = [{"DeleteRequest": {"Key": key(own, sk)}} for sk in ("cli", "cli-2")]
    assert aws("bob", "batch-write-item", request_items={TABLE: doomed})["UnprocessedItems"] == {}


@pytest.mark.parametrize("who,role", [("alice", "Reader"), ("guest", "Guest"), ("anonymous", None)])
def test_the_command_line_is_told_what_it_may_not(aws, who, role):
    def told(operation, action, *arguments, resource=f"{ARN}/{TABLE}", **parameters):
        printed = aws(who, operation, *arguments, code=255, **parameters)
        if role:
            assert f"(AccessDeniedException) when calling the {action} operation: " in printed
            assert denied(role, action, resource) in printed
        else:
            assert "(MissingAuthenticationTokenException)" in printed

    told("put-item", "PutItem", table_name=TABLE, item=key(OTHER, "cli"))
    told("list-tables", "ListTables", resource="*")


def test_the_command_line_of_an_administrator(aws):
    assert TABLE in aws("carol", "list-tables")["TableNames"]
    described = aws("carol", "describe-table", table_name=TABLE)["Table"]
    assert [each["AttributeName"] for each in described["KeySchema"]] == ["pk", "sk"]
    assert "Items" in aws("carol", "scan", table_name=TABLE)


def javascript(gate, calls, logins=None):
    asked = {
        "endpoint": gate.url,
        "region": REGION,
        "identityPoolId": IDENTITY_POOL,
        "logins": logins or {},
        "calls": [dict(zip(("command", "input", "document"), call)) for call in calls],
    }
    done = subprocess.run(
        [shutil.which("node"), str(Path(__file__).with_name("dynamodb.cjs"))],
        input=json.dumps(asked).encode(),
        env={"PATH": "/usr/bin:/bin", "NODE_PATH": str(TOOLS / "node" / "node_modules")},
        capture_output=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def refused(role, action, resource=f"{ARN}/{TABLE}"):
    return {"error": "AccessDeniedException", "status": 400, "message": denied(role, action, resource)}


def test_javascript_with_plain_items(people):
    own = people.identity("bob")
    item = key(own, "js ü+/\"'") | {"n": {"N": "1.50"}, "l": {"L": [{"BOOL": True}, {"NULL": True}]}}
    mine = {"TableName": TABLE, "Key": {name: item[name] for name in ("pk", "sk")}}
    theirs = {"TableName": TABLE, "Key": key(OTHER, "js")}
    answers = javascript(
        people.gate,
        [
            ("PutItem", {"TableName": TABLE, "Item": item}),
            ("GetItem", mine),
            (
                "TransactWriteItems",
                {
                    "TransactItems": [
                        {"ConditionCheck": {**mine, "ConditionExpression": "attribute_exists(pk)"}},
                        {"Put": {"TableName": TABLE, "Item": key(own, "js-2")}},
                    ]
                },
            ),
            ("BatchGetItem", {"RequestItems": {TABLE: {"Keys": [key(own, "js-2")]}}}),
            (
                "ExecuteStatement",
                {
                    "Statement": f'SELECT sk FROM "{TABLE}" WHERE pk = ? AND sk = ?',
                    "Parameters": [{"S": own}, {"S": "js-2"}],
                },
            ),
            ("DeleteItem", {**mine, "ReturnValues": "ALL_OLD"}),
            ("GetItem", mine),
            ("GetItem", theirs),
            ("PutItem", {"TableName": TABLE, "Item": theirs["Key"]}),
            ("BatchGetItem", {"RequestItems": {TABLE: {"Keys": [key(own, "js-2"), theirs["Key"]]}}}),
            ("ExecuteStatement", {"Statement": f"DELETE FROM {TABLE} WHERE pk = '{own}' AND sk = 'js-2'"}),
            ("Scan", {"TableName": TABLE}),
            ("ListTables", {}),
            ("DeleteItem", {"TableName": TABLE, "Key": key(own, "js-2")}),
        ],
        people.logins("bob")["Logins"],
    )
    stored = item | {"n": {"N": "1.5"}}
    assert [answer.get("error") for answer in answers[:7]] == [None] * 7, answers
    assert answers[1]["ok"]["Item"] == stored
    assert answers[3]["ok"]["Responses"][TABLE] == [key(own, "js-2")]
    assert answers[4]["ok"]["Items"] == [{"sk": {"S": "js-2"}}]
    assert answers[5]["ok"]["Attributes"] == stored and "Item" not in answers[6]["ok"]
    assert answers[7:13] == [
        refused("Writer", "GetItem"),
        refused("Writer", "PutItem"),
        refused("Writer", "BatchGetItem"),
        refused("Writer", "PartiQLDelete"),
        refused("Writer", "Scan"),
        refused("Writer", "ListTables", "*"),
    ]
    assert "ok" in answers[13]


def test_javascript_with_documents(people):
    own = people.identity("dave")
    document = {"pk": own, "sk": "doc", "n": 12.5, "nested": {"pk": OTHER, "list": [1, "two", None, True]}}
    mine = {"TableName": TABLE, "Key": {"pk": own, "sk": "doc"}}
    theirs = {"TableName": TABLE, "Key": {"pk": OTHER, "sk": "doc"}}

    def query(pk):
        return {
            "TableName": TABLE,
            "KeyConditionExpression": "#p = :p AND sk = :s",
            "ExpressionAttributeNames": {"#p": "pk"},
            "ExpressionAttributeValues": {":p": pk, ":s": "doc"},
        }

    update = {
        "UpdateExpression": "SET n = n + :n",
        "ExpressionAttributeValues": {":n": 1},
        "ReturnValues": "ALL_NEW",
    }
    put_theirs = {"PutRequest": {"Item": theirs["Key"]}}
    delete_mine = {"DeleteRequest": {"Key": mine["Key"]}}
    answers = javascript(
        people.gate,
        [
            ("Put", {"TableName": TABLE, "Item": document}, True),
            ("Get", mine, True),
            ("Query", query(own), True),
            ("Update", {**mine, **update}, True),
            ("BatchGet", {"RequestItems": {TABLE: {"Keys": [mine["Key"]]}}}, True),
            ("TransactGet", {"TransactItems": [{"Get": mine}]}, True),
            ("ExecuteStatement", {"Statement": f"SELECT n FROM {TABLE} WHERE pk = ?", "Parameters": [own]}, True),
            ("Get", theirs, True),
            ("Query", query(OTHER), True),
            ("Update", {**theirs, **update}, True),
            ("BatchWrite", {"RequestItems": {TABLE: [delete_mine, put_theirs]}}, True),
            ("TransactWrite", {"TransactItems": [{"Delete": mine}, {"Delete": theirs}]}, True),
            ("Scan", {"TableName": TABLE}, True),
            ("Get", mine, True),
            ("BatchWrite", {"RequestItems": {TABLE: [delete_mine]}}, True),
            ("Get", mine, True),
        ],
        people.logins("dave")["Logins"],
    )
    changed = document | {"n": 13.5}
    assert [answer.get("error") for answer in answers[:7]] == [None] * 7, answers
    assert answers[1]["ok"]["Item"] == document and answers[2]["ok"]["Items"] == [document]
    assert answers[3]["ok"]["Attributes"] == changed
    assert answers[4]["ok"]["Responses"][TABLE] == [changed]
    assert answers[5]["ok"]["Responses"] == [{"Item": changed}]
    assert {"n": 13.5} in answers[6]["ok"]["Items"]
    assert answers[7:13] == [
        refused("Authenticated", action)
        for action in ("GetItem", "Query", "UpdateItem", "BatchWriteItem", "DeleteItem", "Scan")
    ]
    assert answers[13]["ok"]["Item"] == changed
    assert "ok" in answers[14] and "Item" not in answers[15]["ok"]


def test_javascript_as_a_guest(people):
    mine = {"TableName": TABLE, "Key": {"pk": "x", "sk": "y"}}
    answers = javascript(people.gate, [("Get", mine, True), ("Put", {"TableName": TABLE, "Item": mine["Key"]}, True)])
    assert answers == [refused("Guest", "GetItem"), refused("Guest", "PutItem")]


def test_javascript_with_a_login_that_is_none(people):
    token = people.tokens("bob")["id"]
    login = {LOGIN: token.rpartition(".")[0] + "." + "A" * 342}
    [answer] = javascript(people.gate, [("ListTables", {})], login)
    assert answer["error"] == "NotAuthorizedException"
