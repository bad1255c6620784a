//! Every operation on items, as what IAM is asked.

use crate::services::dynamodb::testing::{checks, checks_with};

/// One request and all that it comes to.
fn asks(operation: &str, body: &str, expected: &[&str]) {
    assert_eq!(
        checks(operation, body),
        Ok(expected.iter().map(|s| (*s).to_owned()).collect()),
        "{operation} {body}"
    );
}

fn refused(operation: &str, body: &str, reason: &'static str) {
    assert_eq!(checks(operation, body), Err(reason), "{operation} {body}");
}

const KEY: &str = r#""Key":{"pk":{"S":"a"},"sk":{"S":"1"}}"#;

#[test]
fn one_item() {
    asks(
        "GetItem",
        &format!(r#"{{"TableName":"demo",{KEY}}}"#),
        &["GetItem table/demo attributes=[pk,sk] leadingkeys=[a] select=ALL_ATTRIBUTES"],
    );
    asks(
        "GetItem",
        &format!(
            r##"{{"TableName":"arn:aws:dynamodb:eu-west-1:123456789012:table/demo",{KEY},
                "ProjectionExpression":"#n.x[1], pk","ExpressionAttributeNames":{{"#n":"a.b"}},
                "ReturnConsumedCapacity":"TOTAL","ConsistentRead":true}}"##
        ),
        &["GetItem table/demo attributes=[a.b,pk,sk] leadingkeys=[a] \
           returnconsumedcapacity=TOTAL select=SPECIFIC_ATTRIBUTES"],
    );
    asks(
        "PutItem",
        r#"{"TableName":"demo","Item":{"pk":{"S":"a"},"sk":{"S":"1"},"n":{"N":"1"}},
            "ReturnValues":"ALL_OLD"}"#,
        &["PutItem table/demo attributes=[n,pk,sk] leadingkeys=[a] returnvalues=ALL_OLD"],
    );
    asks(
        "UpdateItem",
        &format!(
            r#"{{"TableName":"demo",{KEY},"UpdateExpression":"SET n = if_not_exists(m, :one) REMOVE o",
                "ConditionExpression":"attribute_exists(p.q)",
                "ExpressionAttributeValues":{{":one":{{"N":"1"}}}}}}"#
        ),
        &["UpdateItem table/demo attributes=[m,n,o,p,pk,sk] leadingkeys=[a]"],
    );
    asks(
        "DeleteItem",
        &format!(
            r#"{{"TableName":"demo",{KEY},"Expected":{{"n":{{"Exists":false}}}},
                "ReturnValuesOnConditionCheckFailure":"ALL_OLD"}}"#
        ),
        &["DeleteItem table/demo attributes=[n,pk,sk] leadingkeys=[a] returnvalues=ALL_OLD"],
    );
    // What is told afterwards and what is told on a failure are two answers to one question.
    asks(
        "DeleteItem",
        &format!(
            r#"{{"TableName":"demo",{KEY},"ReturnValues":"NONE",
                "ReturnValuesOnConditionCheckFailure":"ALL_OLD"}}"#
        ),
        &["DeleteItem table/demo attributes=[pk,sk] leadingkeys=[a] returnvalues=?"],
    );
    asks(
        "UpdateItem",
        &format!(
            r#"{{"TableName":"demo",{KEY},"AttributeUpdates":{{"n":{{"Action":"DELETE"}}}}}}"#
        ),
        &["UpdateItem table/demo attributes=[n,pk,sk] leadingkeys=[a]"],
    );
}

#[test]
fn a_key_that_isnt_the_tables_is_unknown() {
    for key in [
        r#"{"pk":{"S":"a"}}"#,
        r#"{"pk":{"S":"a"},"sk":{"S":"1"},"x":{"S":"1"}}"#,
        r#"{"pk":{"S":"a"},"x":{"S":"1"}}"#,
        r#"{"PK":{"S":"a"},"sk":{"S":"1"}}"#,
        r#"{"pk":{"N":"1"},"sk":{"S":"1"}}"#,
        r#"{"pk":{"S":""},"sk":{"S":"1"}}"#,
        r#"{"pk":{"M":{}},"sk":{"S":"1"}}"#,
        r#"{"pk":"a","sk":{"S":"1"}}"#,
        r#"{"pk":{"S":"a","N":"1"},"sk":{"S":"1"}}"#,
        r#"{"pk":null,"sk":{"S":"1"}}"#,
        "{}",
    ] {
        let body = format!(r#"{{"TableName":"demo","Key":{key}}}"#);
        let found = checks("GetItem", &body).unwrap();
        assert!(found[0].contains(" leadingkeys=? "), "{key}: {found:?}");
    }
    for body in [r#"{"TableName":"demo"}"#, r#"{"TableName":"demo","Key":null}"#] {
        let found = checks("GetItem", body).unwrap();
        assert!(found[0].contains(" leadingkeys=? "), "{body}: {found:?}");
    }
    refused("GetItem", r#"{"TableName":"demo","Key":[]}"#, "dynamodb_serialization");
    refused("GetItem", r#"{"TableName":"demo","Key":"a"}"#, "dynamodb_serialization");
}

#[test]
fn whose_row_an_item_becomes_whose_key_is_changed_is_unknown() {
    for (change, known) in [
        (r#""UpdateExpression":"SET n = pk""#, true),
        (r#""UpdateExpression":"SET n = if_not_exists(sk, pk) REMOVE pks""#, true),
        (r#""AttributeUpdates":{"n":{"Action":"DELETE"}}"#, true),
        (r#""UpdateExpression":"SET pk = n""#, false),
        (r#""UpdateExpression":"SET n = m, pk.x = n""#, false),
        (r#""UpdateExpression":"REMOVE n REMOVE pk""#, false),
        (r#""UpdateExpression":"REMOVE n, pk""#, false),
        (r##""UpdateExpression":"SET #n = n","ExpressionAttributeNames":{"#n":"pk"}"##, false),
        (r#""UpdateExpression":"SET n = ""#, false),
        (r#""AttributeUpdates":{"pk":{"Action":"PUT","Value":{"S":"b"}}}"#, false),
        (r#""AttributeUpdates":{"n":{},"sk":null}"#, false),
        (r#""AttributeUpdates":{"pk":{}},"UpdateExpression":"SET n = m""#, false),
    ] {
        let members = format!(r#""TableName":"demo",{KEY},{change}"#);
        let expected = if known { " leadingkeys=[a]" } else { " leadingkeys=?" };
        let alone = checks("UpdateItem", &format!("{{{members}}}")).unwrap();
        assert!(alone[0].contains(expected), "{change}: {alone:?}");
        let body = format!(r#"{{"TransactItems":[{{"Update":{{{members}}}}}]}}"#);
        let among_others = checks("TransactWriteItems", &body).unwrap();
        assert!(among_others[0].contains(expected), "{change}: {among_others:?}");
    }
}

#[test]
fn an_item_may_have_more_than_its_key() {
    let item = r#"{"TableName":"demo","Item":{"x":{"L":[]},"sk":{"S":"1"},"pk":{"S":"a"}}}"#;
    asks("PutItem", item, &["PutItem table/demo attributes=[pk,sk,x] leadingkeys=[a]"]);
    let item = r#"{"TableName":"demo","Item":{"sk":{"S":"1"}}}"#;
    asks("PutItem", item, &["PutItem table/demo attributes=[sk] leadingkeys=?"]);
}

#[test]
fn without_a_schema_nobody_can_tell_whose_row_it_is() {
    let body = format!(r#"{{"TableName":"demo",{KEY}}}"#);
    assert_eq!(
        checks_with("GetItem", &body, None),
        Ok(vec![
            "GetItem table/demo attributes=[pk,sk] leadingkeys=? select=ALL_ATTRIBUTES".to_owned()
        ])
    );
}

#[test]
fn a_member_that_isnt_known_makes_every_key_unknown() {
    let body = format!(r#"{{"TableName":"demo",{KEY},"AlsoReturn":"everything"}}"#);
    asks("GetItem", &body, &["GetItem table/demo attributes=? leadingkeys=?"]);
    let body =
        r#"{"TransactItems":[{"Get":{"TableName":"demo","Key":{"pk":{"S":"a"}},"As":"b"}}]}"#;
    asks(
        "TransactGetItems",
        body,
        &["GetItem table/demo attributes=? enclosingoperation=TransactGetItems leadingkeys=?"],
    );
    let body = r#"{"Statement":"SELECT * FROM demo WHERE pk='a'","As":"b"}"#;
    asks("ExecuteStatement", body, &["PartiQLSelect table/demo attributes=? leadingkeys=?"]);
}

#[test]
fn queries() {
    let values = r#""ExpressionAttributeValues":{":v":{"S":"a"},":s":{"S":"1"}}"#;
    asks(
        "Query",
        &format!(
            r#"{{"TableName":"demo","KeyConditionExpression":"pk = :v AND begins_with(sk, :s)",{values}}}"#
        ),
        &["Query table/demo attributes=[pk,sk] leadingkeys=[a] select=ALL_ATTRIBUTES"],
    );
    asks(
        "Query",
        &format!(
            r#"{{"TableName":"demo","IndexName":"by-owner","KeyConditionExpression":"(:v = owner)",
                "FilterExpression":"contains(tags, :s)","Select":"COUNT",{values}}}"#
        ),
        &["Query table/demo/index/by-owner attributes=[owner,tags] leadingkeys=[a] select=COUNT"],
    );
    asks(
        "Query",
        r#"{"TableName":"demo","IndexName":"by-owner","KeyConditions":{
            "owner":{"ComparisonOperator":"EQ","AttributeValueList":[{"S":"a"}]},
            "at":{"ComparisonOperator":"GT","AttributeValueList":[{"N":"1"}]}}}"#,
        &["Query table/demo/index/by-owner attributes=[at,owner] leadingkeys=[a] \
           select=ALL_PROJECTED_ATTRIBUTES"],
    );
    // A page begins among the same items.
    let page = |start: &str| {
        format!(
            r#"{{"TableName":"demo","KeyConditionExpression":"pk = :v","ExclusiveStartKey":{start},"ExpressionAttributeValues":{{":v":{{"S":"a"}}}}}}"#
        )
    };
    let known = "Query table/demo attributes=[pk] leadingkeys=[a] select=ALL_ATTRIBUTES";
    let unknown = "Query table/demo attributes=[pk] leadingkeys=? select=ALL_ATTRIBUTES";
    asks("Query", &page(r#"{"pk":{"S":"a"},"sk":{"S":"1"}}"#), &[known]);
    asks("Query", &page(r#"{"pk":{"S":"b"},"sk":{"S":"1"}}"#), &[unknown]);
    asks("Query", &page(r#"{"sk":{"S":"1"}}"#), &[unknown]);
}

#[test]
fn a_query_that_doesnt_say_whose_rows_is_unknown() {
    let values = r#""ExpressionAttributeValues":{":v":{"S":"a"},":w":{"S":"b"}}"#;
    for members in [
        format!(r#""KeyConditionExpression":"sk = :v",{values}"#),
        format!(r#""KeyConditionExpression":"pk > :v",{values}"#),
        format!(r#""KeyConditionExpression":"pk = :v OR pk = :w",{values}"#),
        format!(r#""KeyConditionExpression":"pk = :v AND pk = :w",{values}"#),
        format!(r#""KeyConditionExpression":"pk = :x",{values}"#),
        format!(r#""KeyConditionExpression":"NOT pk = :v",{values}"#),
        format!(r#""KeyConditionExpression":"pk.x = :v",{values}"#),
        format!(r#""KeyConditionExpression":"",{values}"#),
        r#""KeyConditions":{"pk":{"ComparisonOperator":"EQ","AttributeValueList":[]}}"#.to_owned(),
        r#""KeyConditions":{"pk":{"ComparisonOperator":"NE","AttributeValueList":[{"S":"a"}]}}"#.to_owned(),
        r#""KeyConditions":{"pk":{"ComparisonOperator":"EQ","AttributeValueList":[{"S":"a"},{"S":"b"}]}}"#.to_owned(),
        r#""KeyConditions":{"pk":{"ComparisonOperator":"EQ","AttributeValueList":[{"S":"a"}],"Or":1}}"#.to_owned(),
        format!(r#""KeyConditionExpression":"pk = :v","KeyConditions":{{}},{values}"#),
        r#""IndexName":"no-such-index","KeyConditions":{"pk":{"ComparisonOperator":"EQ","AttributeValueList":[{"S":"a"}]}}"#.to_owned(),
        r#""Select":"ALL_ATTRIBUTES""#.to_owned(),
    ] {
        let body = format!(r#"{{"TableName":"demo",{members}}}"#);
        let found = checks("Query", &body).unwrap();
        assert!(found[0].contains("leadingkeys=?"), "{members}: {found:?}");
    }
}

#[test]
fn a_partition_key_of_several_attributes() {
    let body = r##"{"TableName":"demo","IndexName":"by-two",
        "KeyConditionExpression":"tenant = :t AND #r = :r","ExpressionAttributeNames":{"#r":"region"},
        "ExpressionAttributeValues":{":t":{"S":"a"},":r":{"S":"b"}}}"##;
    let found = checks("Query", body).unwrap();
    assert!(found[0].contains("leadingkeys=?"), "{found:?}");
    let body = r#"{"TableName":"demo","IndexName":"by-two","KeyConditionExpression":"tenant = :t",
        "ExpressionAttributeValues":{":t":{"S":"a"}}}"#;
    let found = checks("Query", body).unwrap();
    assert!(found[0].contains("leadingkeys=?"), "{found:?}");
}

#[test]
fn scans_have_no_leading_keys() {
    asks(
        "Scan",
        r#"{"TableName":"demo"}"#,
        &["Scan table/demo attributes=[] select=ALL_ATTRIBUTES"],
    );
    asks(
        "Scan",
        r#"{"TableName":"demo","IndexName":"by-owner","ScanFilter":{"n":{"ComparisonOperator":"NULL"}},
            "AttributesToGet":["pk"]}"#,
        &["Scan table/demo/index/by-owner attributes=[n,pk] select=SPECIFIC_ATTRIBUTES"],
    );
}

#[test]
fn what_is_read_is_unknown_where_it_isnt_understood() {
    for members in [
        r#""ProjectionExpression":"""#,
        r##""ProjectionExpression":"#missing""##,
        r#""ProjectionExpression":"a,,b""#,
        r#""AttributesToGet":[]"#,
        r#""AttributesToGet":["a"],"ProjectionExpression":"a""#,
    ] {
        let body = format!(r#"{{"TableName":"demo",{members}}}"#);
        asks("Scan", &body, &["Scan table/demo attributes=? select=?"]);
    }
    let body = r#"{"TableName":"demo","Select":"SPECIFIC_ATTRIBUTES"}"#;
    asks("Scan", body, &["Scan table/demo attributes=[] select=?"]);
    let body = r#"{"TableName":"demo","FilterExpression":"what is this"}"#;
    asks("Scan", body, &["Scan table/demo attributes=? select=ALL_ATTRIBUTES"]);
    refused("Scan", r#"{"TableName":"demo","FilterExpression":1}"#, "dynamodb_serialization");
}

/// A stand-in (moto) takes what it doesn't know for nothing said.
#[test]
fn words_that_dynamodb_does_not_have_are_unknown() {
    for word in ["", "all_attributes", "ALL_ATTRIBUTES ", "EVERYTHING"] {
        let body = format!(r#"{{"TableName":"demo","Select":"{word}"}}"#);
        asks("Scan", &body, &["Scan table/demo attributes=[] select=?"]);
    }
    let key = r#""Key":{"pk":{"S":"a"},"sk":{"S":"1"}}"#;
    for members in [
        r#""ReturnValues":"all_old""#,
        r#""ReturnValues":"""#,
        r#""ReturnValuesOnConditionCheckFailure":"all_old""#,
        r#""ReturnValues":"x","ReturnValuesOnConditionCheckFailure":"x""#,
    ] {
        let body = format!(r#"{{"TableName":"demo",{key},{members}}}"#);
        asks(
            "DeleteItem",
            &body,
            &["DeleteItem table/demo attributes=[pk,sk] leadingkeys=[a] returnvalues=?"],
        );
    }
    let body = format!(r#"{{"TableName":"demo",{key},"ReturnConsumedCapacity":"total"}}"#);
    asks(
        "DeleteItem",
        &body,
        &["DeleteItem table/demo attributes=[pk,sk] leadingkeys=[a] returnconsumedcapacity=?"],
    );
}

/// However many entries a transaction has, and a statement values.
#[test]
fn no_more_is_looked_at_than_a_policy_can_be_asked_about() {
    let transaction = |entries: usize, names: usize| {
        let names: Vec<String> = (2..names).map(|n| format!(r#""a{n}":0"#)).collect();
        let item = format!(r#"{{"pk":{{"S":"a"}},"sk":{{"S":"1"}},{}}}"#, names.join(","));
        let entry = format!(r#"{{"Put":{{"TableName":"demo","Item":{item}}}}}"#);
        let body = format!(r#"{{"TransactItems":[{}]}}"#, vec![entry; entries].join(","));
        checks("TransactWriteItems", &body).unwrap()
    };
    let unknown = |found: Vec<String>| found.iter().all(|text| text.contains(" attributes=? "));
    assert!(!unknown(transaction(50, 200)));
    assert!(unknown(transaction(50, 201)));
    assert!(!unknown(transaction(1, 10_000)));
    assert!(unknown(transaction(1, 10_001)));

    let statement = |values: usize| {
        let values: Vec<String> = (0..values).map(|n| format!("'{n}'")).collect();
        let text = format!("SELECT n FROM demo WHERE pk IN [{}]", values.join(","));
        checks("ExecuteStatement", &format!(r#"{{"Statement":"{text}"}}"#)).unwrap()
    };
    assert!(!statement(100)[0].contains(" leadingkeys=?"));
    assert!(statement(101)[0].contains(" leadingkeys=?"));
}

#[test]
fn batches_are_asked_table_by_table() {
    asks(
        "BatchGetItem",
        r#"{"RequestItems":{
            "demo":{"Keys":[{"pk":{"S":"b"},"sk":{"S":"1"}},{"pk":{"S":"a"},"sk":{"S":"1"}},
                            {"pk":{"S":"b"},"sk":{"S":"2"}}]},
            "other":{"Keys":[{"pk":{"S":"c"},"sk":{"S":"1"}}],"ProjectionExpression":"n"}},
            "ReturnConsumedCapacity":"NONE"}"#,
        &[
            "BatchGetItem table/demo attributes=[pk,sk] leadingkeys=[a,b] \
             returnconsumedcapacity=NONE select=ALL_ATTRIBUTES",
            "BatchGetItem table/other attributes=[n,pk,sk] leadingkeys=[c] \
             returnconsumedcapacity=NONE select=SPECIFIC_ATTRIBUTES",
        ],
    );
    asks(
        "BatchWriteItem",
        r#"{"RequestItems":{"demo":[
            {"PutRequest":{"Item":{"pk":{"S":"a"},"sk":{"S":"1"},"n":{"N":"1"}}}},
            {"DeleteRequest":{"Key":{"pk":{"S":"b"},"sk":{"S":"1"}}}}]}}"#,
        &["BatchWriteItem table/demo attributes=[n,pk,sk] leadingkeys=[a,b]"],
    );
    // One key that can't be told, and none can.
    asks(
        "BatchWriteItem",
        r#"{"RequestItems":{"demo":[
            {"PutRequest":{"Item":{"pk":{"S":"a"},"sk":{"S":"1"}}}},
            {"DeleteRequest":{"Key":{"pk":{"S":"a"}}}}]}}"#,
        &["BatchWriteItem table/demo attributes=[pk,sk] leadingkeys=?"],
    );
    for (operation, body, reason) in [
        ("BatchGetItem", r#"{"RequestItems":{}}"#, "dynamodb_validation"),
        ("BatchGetItem", r#"{"RequestItems":{"demo":{"Keys":[]}}}"#, "dynamodb_validation"),
        ("BatchGetItem", r#"{"RequestItems":{"demo":{"Keys":["a"]}}}"#, "dynamodb_serialization"),
        ("BatchGetItem", r#"{"RequestItems":{"d/o":{"Keys":[{}]}}}"#, "dynamodb_validation"),
        ("BatchGetItem", "{}", "dynamodb_validation"),
        ("BatchWriteItem", r#"{"RequestItems":{"demo":[]}}"#, "dynamodb_validation"),
        ("BatchWriteItem", r#"{"RequestItems":{"demo":[{}]}}"#, "dynamodb_serialization"),
        (
            "BatchWriteItem",
            r#"{"RequestItems":{"demo":[{"PutRequest":{"Item":{}},"DeleteRequest":{"Key":{}}}]}}"#,
            "dynamodb_serialization",
        ),
        (
            "BatchWriteItem",
            r#"{"RequestItems":{"demo":[{"PutRequest":{"Key":{}}}]}}"#,
            "dynamodb_serialization",
        ),
        (
            "BatchWriteItem",
            r#"{"RequestItems":{"demo":[{"UpdateRequest":{"Key":{}}}]}}"#,
            "dynamodb_serialization",
        ),
    ] {
        refused(operation, body, reason);
    }
    let keys = vec![r#"{"pk":{"S":"a"}}"#; 101].join(",");
    let body = format!(r#"{{"RequestItems":{{"demo":{{"Keys":[{keys}]}}}}}}"#);
    refused("BatchGetItem", &body, "dynamodb_validation");
    let writes = vec![r#"{"DeleteRequest":{"Key":{"pk":{"S":"a"}}}}"#; 26].join(",");
    let body = format!(r#"{{"RequestItems":{{"demo":[{writes}]}}}}"#);
    refused("BatchWriteItem", &body, "dynamodb_validation");
}

#[test]
fn transactions_are_asked_entry_by_entry() {
    asks(
        "TransactWriteItems",
        r#"{"TransactItems":[
            {"Put":{"TableName":"demo","Item":{"pk":{"S":"a"},"sk":{"S":"1"}}}},
            {"Update":{"TableName":"demo","Key":{"pk":{"S":"b"},"sk":{"S":"1"}},
                       "UpdateExpression":"REMOVE n"}},
            {"Delete":{"TableName":"other","Key":{"pk":{"S":"c"},"sk":{"S":"1"}}}},
            {"ConditionCheck":{"TableName":"demo","Key":{"pk":{"S":"d"},"sk":{"S":"1"}},
                       "ConditionExpression":"attribute_exists(m)",
                       "ReturnValuesOnConditionCheckFailure":"ALL_OLD"}}],
            "ReturnConsumedCapacity":"TOTAL"}"#,
        &[
            "PutItem table/demo attributes=[pk,sk] enclosingoperation=TransactWriteItems \
             leadingkeys=[a] returnconsumedcapacity=TOTAL",
            "UpdateItem table/demo attributes=[n,pk,sk] enclosingoperation=TransactWriteItems \
             leadingkeys=[b] returnconsumedcapacity=TOTAL",
            "DeleteItem table/other attributes=[pk,sk] enclosingoperation=TransactWriteItems \
             leadingkeys=[c] returnconsumedcapacity=TOTAL",
            "ConditionCheckItem table/demo attributes=[m,pk,sk] \
             enclosingoperation=TransactWriteItems leadingkeys=[d] returnconsumedcapacity=TOTAL \
             returnvalues=ALL_OLD",
        ],
    );
    asks(
        "TransactGetItems",
        &format!(r#"{{"TransactItems":[{{"Get":{{"TableName":"demo",{KEY}}}}}]}}"#),
        &["GetItem table/demo attributes=[pk,sk] enclosingoperation=TransactGetItems \
           leadingkeys=[a] select=ALL_ATTRIBUTES"],
    );
    for body in [
        r#"{"TransactItems":[{}]}"#,
        r#"{"TransactItems":[{"Get":{"TableName":"demo","Key":{}}}]}"#,
        r#"{"TransactItems":[{"Put":{"TableName":"demo","Item":{}},"Delete":{"TableName":"demo","Key":{}}}]}"#,
        r#"{"TransactItems":["Put"]}"#,
    ] {
        refused("TransactWriteItems", body, "dynamodb_serialization");
    }
    refused("TransactWriteItems", r#"{"TransactItems":[]}"#, "dynamodb_validation");
    refused("TransactGetItems", r#"{"TransactItems":[{"Put":{}}]}"#, "dynamodb_serialization");
}

#[test]
fn statements() {
    asks(
        "ExecuteStatement",
        r#"{"Statement":"SELECT * FROM \"demo\" WHERE pk = ?","Parameters":[{"S":"a"}],
            "ReturnConsumedCapacity":"TOTAL"}"#,
        &["PartiQLSelect table/demo attributes=[pk] fulltablescan=false leadingkeys=[a] \
           returnconsumedcapacity=TOTAL select=ALL_ATTRIBUTES"],
    );
    asks(
        "ExecuteStatement",
        r#"{"Statement":"SELECT n FROM \"demo\".\"by-owner\" WHERE owner IN ['b','a']"}"#,
        &["PartiQLSelect table/demo/index/by-owner attributes=[n,owner] fulltablescan=false \
           leadingkeys=[a,b] select=SPECIFIC_ATTRIBUTES"],
    );
    asks(
        "ExecuteStatement",
        r#"{"Statement":"SELECT * FROM demo WHERE n = 1"}"#,
        &["PartiQLSelect table/demo attributes=[n] fulltablescan=true leadingkeys=? \
           select=ALL_ATTRIBUTES"],
    );
    asks(
        "BatchExecuteStatement",
        r#"{"Statements":[
            {"Statement":"INSERT INTO demo VALUE {'pk':'a','sk':'1'}"},
            {"Statement":"DELETE FROM demo WHERE pk='b' AND sk='1' RETURNING ALL OLD *"}]}"#,
        &[
            "PartiQLInsert table/demo attributes=[pk,sk] leadingkeys=[a]",
            "PartiQLDelete table/demo attributes=[pk,sk] leadingkeys=[b] returnvalues=ALL_OLD",
        ],
    );
    asks(
        "ExecuteTransaction",
        r#"{"TransactStatements":[
            {"Statement":"UPDATE demo SET n=1 WHERE pk='a' AND sk='1'"}]}"#,
        &["PartiQLUpdate table/demo attributes=[n,pk,sk] enclosingoperation=ExecuteTransaction \
           leadingkeys=[a]"],
    );
    refused("BatchExecuteStatement", r#"{"Statements":[]}"#, "dynamodb_validation");
    refused("ExecuteStatement", r#"{"Parameters":[]}"#, "dynamodb_validation");
    assert!(checks("ExecuteStatement", r#"{"Statement":"DROP TABLE demo"}"#).is_err());
}

#[test]
fn vectors_are_searched_in_an_index_and_its_table() {
    asks(
        "SearchVectors",
        r#"{"TableName":"demo","IndexName":"by-owner","SearchVector":[1],"TopK":3}"#,
        &[
            "SearchVectors table/demo/index/by-owner attributes=[] leadingkeys=? \
             select=ALL_PROJECTED_ATTRIBUTES",
            "SearchVectors table/demo attributes=[] leadingkeys=? select=ALL_PROJECTED_ATTRIBUTES",
        ],
    );
    asks(
        "SearchVectors",
        r#"{"TableName":"demo","IndexName":"by-owner","SearchVector":[1],"TopK":3,
            "ProjectionExpression":"n"}"#,
        &[
            "SearchVectors table/demo/index/by-owner attributes=[n] leadingkeys=? \
             select=SPECIFIC_ATTRIBUTES",
            "SearchVectors table/demo attributes=[n] leadingkeys=? select=SPECIFIC_ATTRIBUTES",
        ],
    );
}

/// Each attribute of a key used to be looked for among all that change.
#[test]
fn many_changes_of_a_key_of_many_attributes_take_no_time() {
    let list = |begin: &str, value: &str| {
        let members: Vec<String> =
            (0..30_000).map(|n| format!(r#""{begin}{n}":{value}"#)).collect();
        members.join(",")
    };
    let (key, updates) = (list("key", r#"{"S":"x"}"#), list("new", "{}"));
    let body =
        format!(r#"{{"TableName":"demo","Key":{{{key}}},"AttributeUpdates":{{{updates}}}}}"#);
    let began = std::time::Instant::now();
    assert!(checks("UpdateItem", &body).is_ok());
    // It took a minute.
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
}
