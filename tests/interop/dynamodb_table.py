"""What every operation of DynamoDB must be allowed, written out by hand from AWS's documents.

Sources: the Service Authorization Reference for DynamoDB, "Using IAM policy conditions for fine-grained access
control" and the pages on restores, exports and PartiQL of the Developer Guide.
"""

from rows import ARN

TABLE, INDEX = f"{ARN}/demo", f"{ARN}/demo/index/by-tenant"
NUMBERS, RESTORED = f"{ARN}/numbers", f"{ARN}/restored"
STREAM = f"{TABLE}/stream/2026-01-01T00:00:00.000"
BACKUP = f"{TABLE}/backup/01489602797149-73d8d5bc"
EXPORT = f"{TABLE}/export/01234567890123-a1b2c3d4"
IMPORT = f"{TABLE}/import/01234567890123-c3d4e5f6"
GLOBAL = ARN.replace("us-east-1", "").replace(":table", ":global-table/demo")
ANY = "*"


def on(resource, *actions):
    return {(f"dynamodb:{action}", resource) for action in actions}


def _each(resource, *operations):
    return {operation: on(resource, operation) for operation in operations}


FILLS = ("BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem")

# The operations that aren't about items, with their required parameters only.
CONTROL = {
    **_each(
        TABLE,
        "CreateBackup",
        "CreateTable",
        "DeleteResourcePolicy",
        "DeleteTable",
        "DescribeContinuousBackups",
        "DescribeContributorInsights",
        "DescribeKinesisStreamingDestination",
        "DescribeTable",
        "DescribeTableReplicaAutoScaling",
        "DescribeTimeToLive",
        "DisableKinesisStreamingDestination",
        "EnableKinesisStreamingDestination",
        "ExportTableToPointInTime",
        "GetResourcePolicy",
        "ImportTable",
        "ListTagsOfResource",
        "PutResourcePolicy",
        "TagResource",
        "UntagResource",
        "UpdateContinuousBackups",
        "UpdateContributorInsights",
        "UpdateKinesisStreamingDestination",
        "UpdateTable",
        "UpdateTableReplicaAutoScaling",
        "UpdateTimeToLive",
    ),
    **_each(
        ANY,
        "DescribeEndpoints",
        "DescribeLimits",
        "ListBackups",
        "ListContributorInsights",
        "ListExports",
        "ListGlobalTables",
        "ListImports",
        "ListStreams",
        "ListTables",
    ),
    **_each(BACKUP, "DeleteBackup", "DescribeBackup"),
    **_each(EXPORT, "DescribeExport"),
    **_each(IMPORT, "DescribeImport"),
    **_each(STREAM, "DescribeStream", "GetRecords", "GetShardIterator"),
    **_each(GLOBAL, "DescribeGlobalTable", "DescribeGlobalTableSettings"),
    **{
        operation: on(GLOBAL, operation) | on(TABLE, operation)
        for operation in ("CreateGlobalTable", "UpdateGlobalTable", "UpdateGlobalTableSettings")
    },
    "RestoreTableFromBackup": on(BACKUP, "RestoreTableFromBackup") | on(RESTORED, "RestoreTableFromBackup", *FILLS),
    "RestoreTableToPointInTime": on(TABLE, "RestoreTableToPointInTime")
    | on(RESTORED, "RestoreTableToPointInTime", *FILLS),
}

# The same with every parameter there is, where that is more.
MAXIMAL = {
    "CreateTable": on(TABLE, "CreateTable", "TagResource", "PutResourcePolicy") | on(NUMBERS, "AssociateTableReplica"),
    "UpdateTable": on(
        TABLE,
        "UpdateTable",
        "CreateTableReplica",
        "DeleteTableReplica",
        "CreateGlobalTableWitness",
        "DeleteGlobalTableWitness",
    ),
    "DescribeContributorInsights": on(INDEX, "DescribeContributorInsights"),
    "UpdateContributorInsights": on(INDEX, "UpdateContributorInsights"),
    "ListExports": on(TABLE, "ListExports"),
    "ListImports": on(TABLE, "ListImports"),
}

# Context keys of these, with every parameter: of the operation's own action.
TAGGED = {"aws:requesttag/team": "a", "aws:tagkeys": ["team"]}
CONTEXT = {
    "CreateTable": TAGGED,
    "TagResource": TAGGED,
    "UntagResource": {"aws:tagkeys": ["team"]},
}


def row(pk="own", sk="x", **more):
    return {"pk": {"S": pk}, "sk": {"S": sk}, **{name: {"S": value} for name, value in more.items()}}


def check(action, *, on=TABLE, keys=None, attributes=None, **more):
    """A check with all of its context keys: `keys` are the values of the partition key, `attributes` the names."""
    context = {f"dynamodb:{name.lower()}": value for name, value in more.items()}
    if attributes is not None:
        context["dynamodb:attributes"] = sorted(attributes.split())
    if keys is not None:
        context["dynamodb:leadingkeys"] = context["dynamodb:firstpartitionkeyvalues"] = keys
        if keys == UNKNOWN:
            for nth in ("second", "third", "fourth"):
                context[f"dynamodb:{nth}partitionkeyvalues"] = UNKNOWN
    return f"dynamodb:{action}", on, context


UNKNOWN = "(unknown)"
ALL, SPECIFIC = {"Select": "ALL_ATTRIBUTES"}, {"Select": "SPECIFIC_ATTRIBUTES"}
CAPACITY, METRICS = {"ReturnConsumedCapacity": "TOTAL"}, {"ReturnItemCollectionMetrics": "SIZE"}
ON_FAILURE = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
NAMES = {"ExpressionAttributeNames": {"#a": "colour"}}
VALUES = {"ExpressionAttributeValues": {":v": {"S": "x"}}}
CONDITION = {"ConditionExpression": "#a = :v", **NAMES, **VALUES}
PROJECTION = {"ProjectionExpression": "#a, weight.x[0]", **NAMES}
EXPECTED = {
    "Expected": {
        "a": {"Value": {"S": "x"}, "Exists": True},
        "b": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "x"}]},
    },
    "ConditionalOperator": "AND",
}
FILTER = {"a": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "x"}]}}


def _reads():
    table = {"TableName": "demo"}
    get = {**table, "Key": row()}
    yield "GetItem", get, [check("GetItem", keys=["own"], attributes="pk sk", **ALL)]
    yield (
        "GetItem",
        {**get, **PROJECTION, **CAPACITY, "ConsistentRead": True},
        [check("GetItem", keys=["own"], attributes="pk sk colour weight", **SPECIFIC, **CAPACITY)],
    )
    old = {**get, "AttributesToGet": ["a"]}
    yield "GetItem", old, [check("GetItem", keys=["own"], attributes="pk sk a", **SPECIFIC)]

    # The required parameters alone say nothing of whose rows.
    yield "Query", table, [check("Query", keys=UNKNOWN, Attributes=UNKNOWN, **ALL)]
    yield (
        "Query",
        {
            **table,
            **PROJECTION,
            **CAPACITY,
            "IndexName": "by-tenant",
            "KeyConditionExpression": "tenant = :o AND since > :v",
            "FilterExpression": "shape = :v",
            "ExpressionAttributeNames": {"#a": "colour"},
            "ExpressionAttributeValues": {":o": {"S": "own"}, ":v": {"S": "x"}},
            "ExclusiveStartKey": row("x") | {"tenant": {"S": "own"}, "since": {"S": "1"}},
            "Select": "SPECIFIC_ATTRIBUTES",
            "Limit": 5,
            "ConsistentRead": False,
            "ScanIndexForward": False,
        },
        [check("Query", on=INDEX, keys=["own"], attributes="tenant since shape colour weight", **SPECIFIC, **CAPACITY)],
    )
    equal = {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "own"}]}
    yield (
        "Query",
        {
            **table,
            "KeyConditions": {"pk": equal},
            "QueryFilter": FILTER,
            "ConditionalOperator": "OR",
            "AttributesToGet": ["b"],
        },
        [check("Query", keys=["own"], attributes="pk a b", **SPECIFIC)],
    )
    counted = {**table, "KeyConditions": {"pk": equal}, "Select": "COUNT"}
    yield "Query", counted, [check("Query", keys=["own"], attributes="pk", Select="COUNT")]
    index = {**table, "IndexName": "by-tenant", "KeyConditions": {"tenant": equal}}
    projected = check("Query", on=INDEX, keys=["own"], attributes="tenant", Select="ALL_PROJECTED_ATTRIBUTES")
    yield "Query", index, [projected]

    # There are no leading keys on it.
    yield "Scan", table, [check("Scan", attributes="", **ALL)]
    yield (
        "Scan",
        {
            **table,
            **PROJECTION,
            **VALUES,
            **CAPACITY,
            "IndexName": "by-tenant",
            "FilterExpression": "pk = :v",
            "ExclusiveStartKey": row(),
            "Select": "SPECIFIC_ATTRIBUTES",
            "Limit": 5,
            "ConsistentRead": False,
            "TotalSegments": 2,
            "Segment": 1,
        },
        [check("Scan", on=INDEX, attributes="pk colour weight", **SPECIFIC, **CAPACITY)],
    )
    old = {**table, "ScanFilter": FILTER, "ConditionalOperator": "AND", "AttributesToGet": ["b"]}
    yield "Scan", old, [check("Scan", attributes="a b", **SPECIFIC)]

    search = {**table, "IndexName": "by-tenant", "SearchVector": [{"N": "1.5"}], "TopK": 1}
    whole = {"Select": "ALL_PROJECTED_ATTRIBUTES"}
    both = [check("SearchVectors", on=each, keys=UNKNOWN, attributes="", **whole) for each in (INDEX, TABLE)]
    yield "SearchVectors", search, both
    # What a search may be told isn't documented well enough to tell its attributes.
    more = {**PROJECTION, **VALUES, **CAPACITY, "SearchConditionExpression": "pk = :v"}
    obscured = [
        check("SearchVectors", on=each, keys=UNKNOWN, Attributes=UNKNOWN, **SPECIFIC, **CAPACITY)
        for each in (INDEX, TABLE)
    ]
    yield "SearchVectors", {**search, **more}, obscured

    keys = {"Keys": [row("b"), row("a"), row("a", "y")]}
    batch = check("BatchGetItem", keys=["a", "b"], attributes="pk sk", **ALL)
    yield "BatchGetItem", {"RequestItems": {"demo": keys}}, [batch]
    yield (
        "BatchGetItem",
        {
            "RequestItems": {
                "demo": {**keys, **PROJECTION, "ConsistentRead": True},
                "numbers": {"Keys": [{"n": {"N": "1.0"}}, {"n": {"N": "2e1"}}], "AttributesToGet": ["a"]},
            },
            **CAPACITY,
        },
        [
            check("BatchGetItem", keys=["a", "b"], attributes="pk sk colour weight", **SPECIFIC, **CAPACITY),
            check("BatchGetItem", on=NUMBERS, keys=["1", "20"], attributes="n a", **SPECIFIC, **CAPACITY),
        ],
    )
    enclosed = {"EnclosingOperation": "TransactGetItems"}
    yield (
        "TransactGetItems",
        {"TransactItems": [{"Get": get}]},
        [check("GetItem", keys=["own"], attributes="pk sk", **ALL, **enclosed)],
    )
    yield (
        "TransactGetItems",
        {"TransactItems": [{"Get": {**get, **PROJECTION}}, {"Get": {**table, "Key": row("b")}}], **CAPACITY},
        [
            check("GetItem", keys=["own"], attributes="pk sk colour weight", **SPECIFIC, **enclosed, **CAPACITY),
            check("GetItem", keys=["b"], attributes="pk sk", **ALL, **enclosed, **CAPACITY),
        ],
    )


def _writes():
    table = {"TableName": "demo"}
    returned = {"ReturnValues": "ALL_OLD"}
    own = {"keys": ["own"]}
    for operation, given, names in (
        ("PutItem", {"Item": row(v="1")}, "pk sk v"),
        ("DeleteItem", {"Key": row()}, "pk sk"),
        ("UpdateItem", {"Key": row()}, "pk sk"),
    ):
        plain = {**table, **given}
        yield operation, plain, [check(operation, **own, attributes=names)]
        update = {"UpdateExpression": "SET b = if_not_exists(c.d, :v) REMOVE #a"} if operation == "UpdateItem" else {}
        yield (
            operation,
            {**plain, **CONDITION, **update, **returned, **ON_FAILURE, **CAPACITY, **METRICS},
            [check(operation, **own, attributes=f"{names} colour{' b c' if update else ''}", **returned, **CAPACITY)],
        )
        old = {"AttributeUpdates": {"c": {"Value": {"S": "x"}, "Action": "PUT"}}} if operation == "UpdateItem" else {}
        yield (
            operation,
            {**plain, **EXPECTED, **old},
            [check(operation, **own, attributes=f"{names} a b{' c' if old else ''}")],
        )
        differing = {**plain, **returned, "ReturnValuesOnConditionCheckFailure": "NONE"}
        yield operation, differing, [check(operation, **own, attributes=names, ReturnValues=UNKNOWN)]

    put, delete = {"PutRequest": {"Item": row("b", v="1")}}, {"DeleteRequest": {"Key": row("a")}}
    yield (
        "BatchWriteItem",
        {"RequestItems": {"demo": [put]}},
        [check("BatchWriteItem", keys=["b"], attributes="pk sk v")],
    )
    yield (
        "BatchWriteItem",
        {"RequestItems": {"demo": [put, delete], "numbers": [{"PutRequest": {"Item": {"n": {"N": "-0"}}}}]}}
        | CAPACITY
        | METRICS,
        [
            check("BatchWriteItem", keys=["a", "b"], attributes="pk sk v", **CAPACITY),
            check("BatchWriteItem", on=NUMBERS, keys=["0"], attributes="n", **CAPACITY),
        ],
    )
    enclosed = {"EnclosingOperation": "TransactWriteItems"}
    entry = {**table, **CONDITION, **ON_FAILURE}
    yield (
        "TransactWriteItems",
        {"TransactItems": [{"Put": {**table, "Item": row()}}]},
        [check("PutItem", **own, attributes="pk sk", **enclosed)],
    )
    yield (
        "TransactWriteItems",
        {
            "TransactItems": [
                {"ConditionCheck": {**entry, "Key": row("a")}},
                {"Put": {**entry, "Item": row("b")}},
                {"Delete": {**entry, "Key": row("c")}},
                {"Update": {**entry, "Key": row("d"), "UpdateExpression": "ADD e :v"}},
            ],
            "ClientRequestToken": "token",
            **CAPACITY,
            **METRICS,
        },
        [
            check(
                action,
                keys=[pk],
                attributes=f"pk sk colour{more}",
                ReturnValues="ALL_OLD",
                **enclosed,
                **CAPACITY,
            )
            for action, pk, more in (
                ("ConditionCheckItem", "a", ""),
                ("PutItem", "b", ""),
                ("DeleteItem", "c", ""),
                ("UpdateItem", "d", " e"),
            )
        ],
    )


def _statements():
    select = 'SELECT * FROM "demo" WHERE pk = ? AND sk = ?'
    parameters = {"Parameters": [{"S": "own"}, {"S": "x"}]}
    no_scan, scan = {"FullTableScan": "false"}, {"FullTableScan": "true"}
    own = {"keys": ["own"]}
    yield (
        "ExecuteStatement",
        {"Statement": "SELECT * FROM demo"},
        [check("PartiQLSelect", keys=UNKNOWN, attributes="", **ALL, **scan)],
    )
    yield (
        "ExecuteStatement",
        {
            "Statement": select,
            **parameters,
            **ON_FAILURE,
            **CAPACITY,
            "ConsistentRead": True,
            "NextToken": "token",
            "Limit": 5,
        },
        [
            check(
                "PartiQLSelect",
                **own,
                attributes="pk sk",
                ReturnValues="ALL_OLD",
                **ALL,
                **no_scan,
                **CAPACITY,
            )
        ],
    )
    for text, wanted in (
        (
            'SELECT a, b.c FROM "demo"."by-tenant" WHERE tenant = \'own\'',
            check("PartiQLSelect", on=INDEX, **own, attributes="a b tenant", **SPECIFIC, **no_scan),
        ),
        (
            "SELECT * FROM \"demo\".\"by-tenant\" WHERE tenant IN ['b', 'a']",
            check(
                "PartiQLSelect",
                on=INDEX,
                keys=["a", "b"],
                attributes="tenant",
                Select="ALL_PROJECTED_ATTRIBUTES",
                **no_scan,
            ),
        ),
        (
            "SELECT * FROM demo WHERE pk = 'own' OR sk = 'x'",
            check("PartiQLSelect", keys=UNKNOWN, attributes="pk sk", **ALL, **scan),
        ),
        ("INSERT INTO demo VALUE {'pk': 'own', 'sk': 'x', 'v': 1}", check("PartiQLInsert", **own, attributes="pk sk v")),
        (
            "UPDATE demo SET a = 1 REMOVE b WHERE pk = 'own' AND sk = 'x' RETURNING ALL NEW *",
            check("PartiQLUpdate", **own, attributes="a b pk sk", ReturnValues="ALL_NEW"),
        ),
        (
            "DELETE FROM demo WHERE pk = 'own' AND sk = 'x' RETURNING ALL OLD *",
            check("PartiQLDelete", **own, attributes="pk sk", ReturnValues="ALL_OLD"),
        ),
        ("DELETE FROM numbers WHERE n = 1.50", check("PartiQLDelete", on=NUMBERS, keys=["1.5"], attributes="n")),
    ):
        yield "ExecuteStatement", {"Statement": text}, [wanted]

    insert = {"Statement": "INSERT INTO demo VALUE {'pk': ?, 'sk': 'x'}", "Parameters": [{"S": "b"}]}
    inserted = {"keys": ["b"], "attributes": "pk sk"}
    one = {"Statement": select, **parameters}
    read = {**own, "attributes": "pk sk", **ALL, **no_scan}
    for operation, member, enclosed in (
        ("BatchExecuteStatement", "Statements", {}),
        ("ExecuteTransaction", "TransactStatements", {"EnclosingOperation": "ExecuteTransaction"}),
    ):
        yield operation, {member: [one]}, [check("PartiQLSelect", **read, **enclosed)]
        consistent = {"ConsistentRead": True} if operation == "BatchExecuteStatement" else {}
        token = {} if consistent else {"ClientRequestToken": "token"}
        yield (
            operation,
            {member: [{**one, **ON_FAILURE, **consistent}, insert], **CAPACITY, **token},
            [
                check("PartiQLSelect", **read, ReturnValues="ALL_OLD", **enclosed, **CAPACITY),
                check("PartiQLInsert", **inserted, **enclosed, **CAPACITY),
            ],
        )
    exists = {"Statement": "EXISTS(SELECT * FROM demo WHERE pk = 'own' AND sk = 'x')"}
    yield (
        "ExecuteTransaction",
        {"TransactStatements": [exists, insert]},
        [
            check("PartiQLSelect", **read, EnclosingOperation="ExecuteTransaction"),
            check("PartiQLInsert", **inserted, EnclosingOperation="ExecuteTransaction"),
        ],
    )


# The operations on items: (operation, parameters, checks). All requests of one operation together have every parameter
# that it has, and everything in them is known.
ITEMS = [row for rows in (_reads, _writes, _statements) for row in rows()]
