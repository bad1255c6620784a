"""What DynamoDB refuses is refused with DynamoDB's exceptions, and the backend sees nothing of it.

The caller may do everything, so that nothing is refused for want of a right. The backend counts every request.
"""

import base64
import json
import time

import pytest

import mint
from backend import Backend
from gate import ACCOUNT, REGION, until
from rows import ARN, JSON, TABLE, TABLES, Rows, ask, denied, exception, head
from signing import presign, raw, sign

KEY = {"pk": {"S": "x"}, "sk": {"S": "y"}}
GET = json.dumps({"TableName": TABLE, "Key": KEY}).encode()


def bounded(configuration):
    return configuration + "limits: { body_buffer: 1MiB }\n"


def short_lived(configuration):
    return configuration.replace("token_key:", "duration: 1s, token_key:")


@pytest.fixture(scope="module")
def rows(tmp_path_factory, key):
    backend = Backend()
    try:
        with Rows(tmp_path_factory.mktemp("refusals"), key, backend.url, TABLES, edit=bounded) as rows:
            rows.backend = backend
            yield rows
    finally:
        backend.close()


@pytest.fixture
def unseen(rows):
    """Nothing may come of a test at the backend."""
    before = rows.backend.count()
    yield
    assert rows.backend.count() == before, rows.backend.last()


def told(answer):
    """Status and exception; every answer has its decision's id."""
    assert answer.header("x-poolgate-decision-id") == answer.header("x-amzn-requestid") is not None, answer
    name = exception(answer)
    said = answer.json()
    assert said["message"] and said["message"] == said["Message"]
    assert said["__type"].startswith(("com.amazon.coral.service#", "com.amazon.coral.validate#")), said
    return answer.status, name


def carol(rows, operation, body, **more):
    return ask(rows.gate, operation, body, rows.people.tokens("carol")["id"], **more)


def signed(rows, who="carol", body=GET, operation="GetItem", target="/", **change):
    fields = head(operation)
    return sign(rows.gate, rows.people.credentials(who), "POST", target, fields, body, **{"service": "dynamodb", **change})


UNRECOGNIZED = (400, "UnrecognizedClientException")
INVALID = (400, "InvalidSignatureException")
INCOMPLETE = (400, "IncompleteSignatureException")
SERIALIZATION = (400, "SerializationException")
VALIDATION = (400, "ValidationException")
UNKNOWN = (400, "UnknownOperationException")
DENIED = (400, "AccessDeniedException")

SIGNATURES = {
    "another secret": ({"secret": "x" * 40}, INVALID),
    "unknown access key": ({"access_key_id": "ASIA" + "A" * 16}, UNRECOGNIZED),
    "long-term key": ({"access_key_id": "AKIA" + "A" * 16, "token": None}, UNRECOGNIZED),
    "no session token": ({"token": None}, UNRECOGNIZED),
    "a token that is none": ({"token": "nonsense"}, UNRECOGNIZED),
    "a token of zeros": ({"token": base64.b64encode(bytes(400)).decode()}, UNRECOGNIZED),
    "too old": ({"skew": -16 * 60}, INVALID),
    "too young": ({"skew": 16 * 60}, INVALID),
    "the scope of another day": ({"date": "20200101"}, INVALID),
    "target not signed": ({"leave_out": ("x-amz-target",)}, INVALID),
    "token not signed": ({"leave_out": ("x-amz-security-token",)}, INVALID),
    "host not signed": ({"leave_out": ("host",)}, INVALID),
    "a date that is none": ({"stamp": "yesterday", "date": "20260101"}, INCOMPLETE),
    "a body that isn't signed": ({"payload": "UNSIGNED-PAYLOAD"}, INVALID),
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(rows, unseen, name):
    change, expected = SIGNATURES[name]
    assert told(raw(rows.gate, "POST", "/", signed(rows, **change), GET)) == expected


def test_what_is_good_passes(rows):
    """So that the refusals here are of what is wrong."""
    before = rows.backend.count()
    assert raw(rows.gate, "POST", "/", signed(rows), GET).status == 200
    assert carol(rows, "GetItem", GET).status == 200
    assert carol(rows, "GetItem", GET, Content_Type=f"{JSON}; charset=utf-8").status == 200
    assert rows.backend.count() == before + 3
    method, path, fields = rows.backend.last()
    names = {name.lower() for name, _ in fields}
    assert (method, path) == ("POST", "/")
    assert ("x-amz-target", "DynamoDB_20120810.GetItem") in {(name.lower(), value) for name, value in fields}
    assert ("content-type", JSON) in {(name.lower(), value) for name, value in fields}
    # It is signed anew, and nothing of the caller's credentials is in there.
    assert "x-amz-security-token" not in names
    [authorization] = [value for name, value in fields if name.lower() == "authorization"]
    assert authorization.startswith("AWS4-HMAC-SHA256 Credential=AKIABACKEND000000000/")


def test_a_signature_is_for_one_request(rows, unseen):
    fields = signed(rows)
    assert told(raw(rows.gate, "POST", "/", fields, GET.replace(b'"x"', b'"z"'))) == INVALID
    assert told(raw(rows.gate, "POST", "/", fields, GET + b" ")) == INVALID
    other = {**fields, "X-Amz-Target": "DynamoDB_20120810.DeleteItem"}
    assert told(raw(rows.gate, "POST", "/", other, GET)) == INVALID
    assert told(raw(rows.gate, "POST", "/?x=y", fields, GET)) == INVALID


SCOPE = f"a/20260101/{REGION}/dynamodb/aws4_request"
AUTHORIZATIONS = {
    "AWS4-HMAC-SHA256": INCOMPLETE,
    "AWS4-HMAC-SHA256 Credential=x": INCOMPLETE,
    f"AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders=host, Signature=00": INCOMPLETE,
    f"AWS4-ECDSA-P256-SHA256 Credential={SCOPE}, SignedHeaders=host, Signature=00": INCOMPLETE,
    "AWS AKIAAAAAAAAAAAAAAAAA:c2lnbmF0dXJl": UNRECOGNIZED,
    "Basic YTpi": UNRECOGNIZED,
    "nonsense": UNRECOGNIZED,
    "": SERIALIZATION,
}


@pytest.mark.parametrize("value", AUTHORIZATIONS)
def test_authorization_that_is_none(rows, unseen, value):
    answer = raw(rows.gate, "POST", "/", {**head("GetItem"), "Authorization": value}, GET)
    assert told(answer) == AUTHORIZATIONS[value]


def test_bearers_that_are_none(rows, unseen):
    good = rows.people.tokens("carol")["id"]
    for token in ("x.y.z", good[:-8] + "AAAAAAAA", good.rpartition(".")[0] + "."):
        assert told(ask(rows.gate, "GetItem", GET, token)) == UNRECOGNIZED


def test_without_credentials(rows, unseen):
    for operation in ("GetItem", "ListTables"):
        answer = ask(rows.gate, operation, GET)
        assert told(answer) == (400, "MissingAuthenticationTokenException")
        assert answer.json()["message"] == "Request is missing Authentication Token"


def test_two_identities_in_one_request(rows, unseen):
    bearer = ("Authorization", f"Bearer {rows.people.tokens('carol')['id']}")
    fields = list(signed(rows).items())
    authorization = [each for each in fields if each[0] == "Authorization"]
    url = presign(rows.gate, rows.people.credentials("carol"), "POST", "/")
    plain = list(head("GetItem").items())
    for target, headers in [
        ("/", [*fields, bearer]),
        ("/", [*fields, *authorization]),
        ("/", [*plain, bearer, bearer]),
        (url, fields),
        ("/", [*plain, bearer, ("X-Amz-Security-Token", "x")]),
    ]:
        assert told(raw(rows.gate, "POST", target, headers, GET)) == SERIALIZATION, headers


def test_a_target_that_the_scope_doesnt_have(rows, unseen):
    """A signed request's service is that of its scope; what disagrees with it is nobody's."""
    for service in ("s3", "sts", "cognito-identity"):
        answer = raw(rows.gate, "POST", "/", signed(rows, service=service), GET)
        assert answer.status == 400 and b"have to name the same service" in answer.body, answer
    for other in ("AWSCognitoIdentityService.GetId", "AWSCognitoIdentityProviderService.GetUser"):
        fields = {"X-Amz-Target": other, "Content-Type": JSON}
        fields = sign(rows.gate, rows.people.credentials("carol"), "POST", "/", fields, GET, service="dynamodb")
        answer = raw(rows.gate, "POST", "/", fields, GET)
        assert answer.status == 400 and b"have to name the same service" in answer.body, answer


TARGETS = [
    "DynamoDB_20120810.",
    "DynamoDB_20120810.Nonsense",
    "DynamoDB_20120810.getitem",
    "DynamoDB_20120810.GETITEM",
    "DynamoDB_20120810.GetItem.",
    "DynamoDB_20120810.GetItem,DynamoDB_20120810.Scan",
    "DynamoDB_20111205.GetItem",
    "DynamoDB_20120810.ListStreams",
    "DynamoDBStreams_20120810.GetItem",
    "DynamoDB_20120810",
    "DynamoDB_20120810.Get%49tem",
]


@pytest.mark.parametrize("target", TARGETS)
def test_operations_that_are_none(rows, unseen, target):
    assert told(carol(rows, "GetItem", GET, X_Amz_Target=target)) == UNKNOWN


def test_two_targets(rows, unseen):
    bearer = ("Authorization", f"Bearer {rows.people.tokens('carol')['id']}")
    fields = [*head("GetItem").items(), ("X-Amz-Target", "DynamoDB_20120810.Scan"), bearer]
    assert told(raw(rows.gate, "POST", "/", fields, GET)) == SERIALIZATION


HEADS = {
    "no content type": ({"Content_Type": None}, UNKNOWN),
    "JSON 1.1": ({"Content_Type": "application/x-amz-json-1.1"}, UNKNOWN),
    "plain JSON": ({"Content_Type": "application/json"}, UNKNOWN),
    "a form": ({"Content_Type": "application/x-www-form-urlencoded"}, UNKNOWN),
    "CBOR": ({"Content_Type": "application/x-amz-cbor-1.1"}, UNKNOWN),
    "another charset": ({"Content_Type": f"{JSON}; charset=utf-16"}, UNKNOWN),
    "compressed": ({"Content_Encoding": "gzip"}, UNKNOWN),
    "not compressed, said": ({"Content_Encoding": "identity"}, UNKNOWN),
}


@pytest.mark.parametrize("name", HEADS)
def test_heads(rows, unseen, name):
    change, expected = HEADS[name]
    assert told(carol(rows, "GetItem", GET, **change)) == expected


@pytest.mark.parametrize(
    "method,target", [("GET", "/"), ("PUT", "/"), ("POST", "/x"), ("POST", "/?x=y"), ("POST", "/?"), ("POST", "//")]
)
def test_only_one_place_is_asked(rows, unseen, method, target):
    answer = rows.gate.call(method, target, rows.people.tokens("carol")["id"], head("GetItem"), GET)
    assert told(answer) == (SERIALIZATION if target == "//" else UNKNOWN)


BODIES = {
    "nothing": b"",
    "not JSON": b"nonsense",
    "cut off": GET[:-1],
    "an array": b"[" + GET + b"]",
    "a string": b'"x"',
    "null": b"null",
    "two": GET + GET,
    "something behind it": GET + b" x",
    "a comment": b"/**/" + GET,
    "a comma too many": GET[:-1] + b",}",
    "single quotes": GET.replace(b'"', b"'"),
    "a byte order mark": b"\xef\xbb\xbf" + GET,
    "UTF-16": GET.decode().encode("utf-16"),
    "not UTF-8": GET.replace(b'"x"', b'"\xff"'),
    "overlong UTF-8": GET.replace(b'"x"', b'"\xc0\xaf"'),
    "half a surrogate pair": GET.replace(b'"x"', b'"\\ud800"'),
    "a control character": GET.replace(b'"x"', b'"\x01"'),
    "NaN": GET[:-1] + b', "Limit": NaN}',
    "a member twice": GET[:-1] + b', "TableName": "demo"}',
    "a member twice, escaped": GET[:-1] + b', "\\u0054ableName": "other"}',
    "a member twice, and null": GET[:-1] + b', "TableName": null}',
    "an attribute twice": b'{"TableName":"demo","Key":{"pk":{"S":"a"},"pk":{"S":"b"},"sk":{"S":"c"}}}',
    "a type twice": b'{"TableName":"demo","Key":{"pk":{"S":"a","S":"b"},"sk":{"S":"c"}}}',
    "a member twice, deep below": GET[:-1] + b', "X": [{"a": [{"b": 1, "b": 2}]}]}',
    "too deep": b'{"TableName":"demo","X":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "a table that is a number": b'{"TableName": 1, "Key": {}}',
    "a key that is a list": b'{"TableName": "demo", "Key": []}',
}


@pytest.mark.parametrize("name", BODIES)
def test_bodies(rows, unseen, name):
    assert told(carol(rows, "GetItem", BODIES[name])) == SERIALIZATION


def many(count):
    return [{"pk": {"S": str(n)}, "sk": {"S": "x"}} for n in range(count)]


INVALID_INPUTS = {
    "no table": ("GetItem", {"Key": KEY}),
    "null for a table": ("GetItem", {"TableName": None, "Key": KEY}),
    "an empty name": ("GetItem", {"TableName": "", "Key": KEY}),
    "a name too short": ("GetItem", {"TableName": "de", "Key": KEY}),
    "a name too long": ("GetItem", {"TableName": "d" * 256, "Key": KEY}),
    "a name with a slash": ("GetItem", {"TableName": "demo/index/x", "Key": KEY}),
    "a name with a star": ("GetItem", {"TableName": "dem*", "Key": KEY}),
    "a name with space": ("GetItem", {"TableName": "demo ", "Key": KEY}),
    "a name with a colon": ("GetItem", {"TableName": "table:demo", "Key": KEY}),
    "a name not of ASCII": ("GetItem", {"TableName": "dém0", "Key": KEY}),
    "an ARN of something else": ("GetItem", {"TableName": "arn:aws:s3:::demo", "Key": KEY}),
    "an ARN of an index": ("GetItem", {"TableName": f"{ARN}/{TABLE}/index/x", "Key": KEY}),
    "an ARN in another case": ("GetItem", {"TableName": f"{ARN}/{TABLE}".upper(), "Key": KEY}),
    "an index that can't be one": ("Query", {"TableName": TABLE, "IndexName": "a/b", "Select": "COUNT"}),
    "no items": ("BatchGetItem", {}),
    "no tables": ("BatchGetItem", {"RequestItems": {}}),
    "no keys": ("BatchGetItem", {"RequestItems": {TABLE: {"Keys": []}}}),
    "too many keys": ("BatchGetItem", {"RequestItems": {TABLE: {"Keys": many(101)}}}),
    "no writes": ("BatchWriteItem", {"RequestItems": {TABLE: []}}),
    "too many writes": (
        "BatchWriteItem",
        {"RequestItems": {TABLE: [{"DeleteRequest": {"Key": key}} for key in many(26)]}},
    ),
    "no entries": ("TransactGetItems", {"TransactItems": []}),
    "too many entries": (
        "TransactGetItems",
        {"TransactItems": [{"Get": {"TableName": TABLE, "Key": key}} for key in many(101)]},
    ),
    "no statement": ("ExecuteStatement", {}),
    "no statements": ("BatchExecuteStatement", {"Statements": []}),
    "no resource": ("TagResource", {"Tags": [{"Key": "a", "Value": "b"}]}),
    "a resource by name": ("ListTagsOfResource", {"ResourceArn": TABLE}),
    "a backup by the table's ARN": ("DescribeBackup", {"BackupArn": f"{ARN}/{TABLE}"}),
    "too many tags": (
        "TagResource",
        {"ResourceArn": f"{ARN}/{TABLE}", "Tags": [{"Key": str(n), "Value": ""} for n in range(51)]},
    ),
}


@pytest.mark.parametrize("name", INVALID_INPUTS)
def test_input_that_isnt_valid(rows, unseen, name):
    operation, body = INVALID_INPUTS[name]
    assert told(carol(rows, operation, body)) == VALIDATION


ODD_ENTRIES = {
    "two things at once": (
        "TransactWriteItems",
        {"TransactItems": [{"Delete": {"TableName": TABLE, "Key": KEY}, "Put": {"TableName": TABLE, "Item": KEY}}]},
    ),
    "nothing at all": ("TransactWriteItems", {"TransactItems": [{}]}),
    "something unknown": ("TransactWriteItems", {"TransactItems": [{"Upsert": {"TableName": TABLE, "Item": KEY}}]}),
    "a read among writes": ("TransactWriteItems", {"TransactItems": [{"Get": {"TableName": TABLE, "Key": KEY}}]}),
    "an unknown write": ("BatchWriteItem", {"RequestItems": {TABLE: [{"UpdateRequest": {"Key": KEY}}]}}),
    "two writes in one": (
        "BatchWriteItem",
        {"RequestItems": {TABLE: [{"PutRequest": {"Item": KEY}, "DeleteRequest": {"Key": KEY}}]}},
    ),
    "more than an item": ("BatchWriteItem", {"RequestItems": {TABLE: [{"PutRequest": {"Item": KEY, "Key": KEY}}]}}),
}


@pytest.mark.parametrize("name", ODD_ENTRIES)
def test_entries_that_can_be_read_in_two_ways(rows, unseen, name):
    operation, body = ODD_ENTRIES[name]
    assert told(carol(rows, operation, body)) == SERIALIZATION


FOREIGN = f"arn:aws:dynamodb:{REGION}:111111111111:table/{TABLE}"
NOT_UNDERSTOOD = {
    "a table of another account": ("GetItem", {"TableName": FOREIGN, "Key": KEY}),
    "a table of another partition": (
        "GetItem",
        {"TableName": f"arn:aws-cn:dynamodb:{REGION}:{ACCOUNT}:table/{TABLE}", "Key": KEY},
    ),
    "another account's in a batch": (
        "BatchGetItem",
        {"RequestItems": {TABLE: {"Keys": [KEY]}, FOREIGN: {"Keys": [KEY]}}},
    ),
    "another account's in a statement": ("ExecuteStatement", {"Statement": f'SELECT * FROM "{FOREIGN}"'}),
    "another account's stream": (
        "DescribeStream",
        {"StreamArn": f"{FOREIGN}/stream/2026-01-01T00:00:00.000"},
    ),
    "a comment": ("ExecuteStatement", {"Statement": f"SELECT * FROM {TABLE} -- x"}),
    "a comment within": ("ExecuteStatement", {"Statement": f"SELECT * /* x */ FROM {TABLE}"}),
    "two statements": ("ExecuteStatement", {"Statement": f"SELECT * FROM {TABLE}; SELECT * FROM other"}),
    "a semicolon": ("ExecuteStatement", {"Statement": f"SELECT * FROM {TABLE};"}),
    "an alias": ("ExecuteStatement", {"Statement": f"SELECT * FROM {TABLE} AS t WHERE t.pk = 'x'"}),
    "a join": ("ExecuteStatement", {"Statement": f"SELECT * FROM {TABLE}, other"}),
    "an unknown function": ("ExecuteStatement", {"Statement": f"SELECT * FROM {TABLE} WHERE lower(pk) = 'x'"}),
    "a statement of something else": ("ExecuteStatement", {"Statement": f"DROP TABLE {TABLE}"}),
    "a quote that doesn't end": ("ExecuteStatement", {"Statement": f"SELECT * FROM {TABLE} WHERE pk = 'x"}),
    "too few parameters": ("ExecuteStatement", {"Statement": f"SELECT * FROM {TABLE} WHERE pk = ?"}),
    "too many parameters": (
        "ExecuteStatement",
        {"Statement": f"SELECT * FROM {TABLE}", "Parameters": [{"S": "x"}]},
    ),
    "one of several": (
        "BatchExecuteStatement",
        {"Statements": [{"Statement": f"SELECT * FROM {TABLE}"}, {"Statement": "nonsense"}]},
    ),
    "one of a transaction": (
        "ExecuteTransaction",
        {"TransactStatements": [{"Statement": "nonsense"}]},
    ),
    "an iterator without its stream": ("GetRecords", {"ShardIterator": "AAAAAAAAAAF" * 8}),
    "an iterator of something else": ("GetRecords", {"ShardIterator": f"{ARN}/{TABLE}|1|AAAA"}),
}


@pytest.mark.parametrize("name", NOT_UNDERSTOOD)
def test_what_nobody_can_judge(rows, unseen, name):
    operation, body = NOT_UNDERSTOOD[name]
    answer = carol(rows, operation, body)
    assert told(answer) == DENIED
    assert "is not authorized to perform" not in answer.json()["message"]


def test_an_arn_of_another_region_is_checked_as_written_too(rows, unseen):
    """As DynamoDB Local writes them; who may do everything may do this, and others are told what they may not."""
    elsewhere = f"arn:aws:dynamodb:ddblocal:{ACCOUNT}:table/{TABLE}"
    answer = ask(rows.gate, "DescribeTable", {"TableName": elsewhere}, rows.people.tokens("bob")["id"])
    assert told(answer) == DENIED
    assert answer.json()["message"] == denied("Writer", "DescribeTable", f"{ARN}/{TABLE}")


@pytest.mark.parametrize("how", ["bearer", "signed"])
def test_bodies_over_their_bound(rows, unseen, how):
    body = json.dumps({"TableName": TABLE, "Item": {**KEY, "v": {"S": "x" * (1 << 20)}}}).encode()
    if how == "bearer":
        answer = carol(rows, "PutItem", body)
    else:
        answer = raw(rows.gate, "POST", "/", signed(rows, body=body, operation="PutItem"), body)
    assert told(answer) == (413, "RequestEntityTooLargeException")


def test_bodies_within_their_bound(rows):
    body = json.dumps({"TableName": TABLE, "Item": {**KEY, "v": {"S": "x" * 900_000}}}).encode()
    answer = carol(rows, "PutItem", body)
    assert answer.status == 200 and answer.json()["length"] == len(body)


def test_a_token_that_has_expired(rows, unseen):
    claims = mint.payload(rows.people.tokens("carol")["id"])
    expired = mint.sign(rows.key, mint.header(rows.key), {**claims, "exp": claims["iat"] + 1})
    answer = ask(rows.gate, "GetItem", GET, expired)
    assert told(answer) == (400, "ExpiredTokenException")
    assert answer.json()["message"] == "The security token included in the request is expired"


def test_credentials_that_have_expired(tmp_path, key, backend):
    with Rows(tmp_path, key, backend.url, TABLES, edit=short_lived) as rows:
        rows.people.credentials("carol")
        time.sleep(1.5)
        assert told(raw(rows.gate, "POST", "/", signed(rows), GET)) == (400, "ExpiredTokenException")
        assert backend.count() == 0


def test_credentials_end_with_their_role(tmp_path, key, backend):
    """A sealed credential whose role is gone is worth nothing any more."""
    with Rows(tmp_path, key, backend.url, TABLES) as rows:
        assert raw(rows.gate, "POST", "/", signed(rows), GET).status == 200
        role = tmp_path / "policies" / "roles" / "Admin.json"
        role.write_text(role.read_text().replace('"RoleId": "AROA', '"RoleId": "AROB'))
        rows.gate.reload()

        def refused():
            return exception(raw(rows.gate, "POST", "/", signed(rows), GET)) == "UnrecognizedClientException"

        until("the role's end", 10, refused)


def test_another_gates_credentials_are_none(rows, unseen, tmp_path, key, backend):
    """What is sealed with another key isn't opened."""
    with Rows(tmp_path, key, backend.url) as other:
        theirs = other.people.credentials("carol")
        fields = sign(rows.gate, theirs, "POST", "/", head("GetItem"), GET, service="dynamodb")
        assert told(raw(rows.gate, "POST", "/", fields, GET)) == UNRECOGNIZED
