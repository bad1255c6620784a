"""Rows of DynamoDB tables behind a gate, and requests for them written out as text."""

import base64
import json
import subprocess
import uuid
from decimal import Decimal

from files import Files
from gate import ACCOUNT, BINARY, REGION

TABLE = "demo"
ARN = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table"
JSON = "application/x-amz-json-1.0"
# The demo's table, with an index that the demo's doesn't have.
TABLES = f"""\
{{ {TABLE}: {{ partition_key: pk, sort_key: sk, indexes: {{ by-tenant: {{ partition_key: tenant, sort_key: since }} }} }},
      numbers: {{ partition_key: n }}, bytes: {{ partition_key: b }} }}"""


class Rows(Files):
    """A gate with one DynamoDB route, `rows`, with the demo's policies and those of `statements`, by role.

    The keys of tables it learns from the backend, unless `tables` says them.
    """

    ROUTE = "name: rows\n    service: dynamodb"

    def __init__(self, folder, key, backend, tables=None, statements=None, **more):
        self.statements = statements or {}
        if tables:
            self.ROUTE = f"{self.ROUTE}\n    tables: {tables}"
        super().__init__(folder, key, backend, **{"guest": False, **more})

    def explain(self, who, headers, body, configuration=None):
        """What `poolgate explain` says of a request of one of the demo's users, of this configuration or another."""
        # Several may be asked at once.
        file = self.folder / f"body-{uuid.uuid4()}"
        file.write_bytes(body)
        token = self.people.tokens(who)["access"]
        fields = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
        command = [BINARY, "explain", "--config", configuration or self.configuration, "--output", "json", *fields]
        done = subprocess.run(
            [*command, "--token", "-", "--body", file, "POST", f"{self.gate.url}/"],
            input=token.encode(),
            capture_output=True,
            timeout=60,
        )
        assert done.returncode in (0, 1) and done.stdout, done.stderr.decode()
        return json.loads(done.stdout)

    def grant(self, policies):
        for role, statements in self.statements.items():
            path = policies / "roles" / f"{role}.json"
            detail = json.loads(path.read_text())
            document = {"Version": "2012-10-17", "Statement": statements}
            detail["RolePolicyList"].append({"PolicyName": "more", "PolicyDocument": document})
            path.write_text(json.dumps(detail))


def target(operation):
    api = "DynamoDBStreams" if operation in STREAMS else "DynamoDB"
    return f"{api}_20120810.{operation}"


STREAMS = {"DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"}


def head(operation, **more):
    """The headers of a request; `more` replaces some, and None removes one."""
    fields = {"X-Amz-Target": target(operation), "Content-Type": JSON}
    fields |= {name.replace("_", "-"): value for name, value in more.items()}
    return {name: value for name, value in fields.items() if value is not None}


def ask(gate, operation, body, token=None, **more):
    """One request with a bearer token; `body` is a text, or becomes one."""
    text = body if isinstance(body, (str, bytes)) else json.dumps(body)
    text = text.encode() if isinstance(text, str) else text
    return gate.call("POST", "/", token=token, headers=head(operation, **more), body=text)


def exception(answer):
    """`ok`, or the name of DynamoDB's exception, as SDKs find it."""
    if answer.status == 200:
        return "ok"
    told = answer.json()
    kind = told["__type"]
    assert answer.header("content-type") == JSON, answer
    return kind.rpartition("#")[2]


def denied(role, action, resource=f"{ARN}/{TABLE}"):
    """What DynamoDB tells somebody who may not do something."""
    user = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/CognitoIdentityCredentials"
    return (
        f"User: {user} is not authorized to perform: dynamodb:{action} on resource: {resource} because no "
        f"identity-based policy allows the dynamodb:{action} action"
    )


def described(explained):
    """The checks of the describe stage."""
    steps = [step for step in explained["trail"] if step["stage"] == "describe"]
    found = [step["found"] for step in steps if isinstance(step.get("found"), list)]
    return [check for checks in found for check in checks]


def context(check):
    """A check's context keys; lists in one order."""
    found = check.get("context", {})
    return {name.lower(): sorted(value) if isinstance(value, list) else value for name, value in found.items()}


def text(value):
    """A key's value as policies compare it."""
    [(kind, found)] = value.items()
    if kind == "N":
        plain = format(Decimal(found).normalize(), "f")
        return "0" if plain == "-0" else plain
    return base64.b64encode(found).decode() if isinstance(found, bytes) else found


def everything(client, table=TABLE):
    """Every row of a table, by its key; looked at as somebody who may."""
    found = {}
    for page in client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        for item in page["Items"]:
            names = KEYS[table]
            found[tuple(text(item[name]) for name in names)] = item
    return found


KEYS = {TABLE: ("pk", "sk"), "numbers": ("n",), "bytes": ("b",)}
