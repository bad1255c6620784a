//! Heads of requests, and the operations that aren't about items.

use ::http::HeaderMap;

use super::*;
use crate::{
    iam::{Context, Lookup},
    services::dynamodb::testing::{HERE, call, checks, schema},
};

fn head(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pairs = pairs.iter().map(|(name, value)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    });
    pairs.collect()
}

#[test]
fn a_call_is_a_post_of_json_to_the_root() {
    let target = ("x-amz-target", "DynamoDB_20120810.GetItem");
    let json = ("content-type", "application/x-amz-json-1.0");
    let charset = ("content-type", "application/x-amz-json-1.0; charset=utf-8");
    for headers in [head(&[target, json]), head(&[target, charset])] {
        assert_eq!(Call::of(&Method::POST, "/", &headers).unwrap().name(), "GetItem");
    }
    for (method, path, headers) in [
        (Method::GET, "/", head(&[target, json])),
        (Method::PUT, "/", head(&[target, json])),
        (Method::POST, "/demo", head(&[target, json])),
        (Method::POST, "/?Action=GetItem", head(&[target, json])),
        (Method::POST, "/", head(&[json])),
        (Method::POST, "/", head(&[target])),
        (Method::POST, "/", head(&[target, ("content-type", "application/json")])),
        (Method::POST, "/", head(&[target, ("content-type", "application/x-amz-json-1.1")])),
        (
            Method::POST,
            "/",
            head(&[target, ("content-type", "application/x-amz-json-1.0; charset=utf-16")]),
        ),
        (Method::POST, "/", head(&[target, ("content-type", "application/cbor")])),
        (Method::POST, "/", head(&[target, json, ("content-encoding", "gzip")])),
        (Method::POST, "/", head(&[("x-amz-target", "DynamoDB_20120810.NoSuch"), json])),
    ] {
        let found = Call::of(&method, path, &headers);
        assert_eq!(
            found.err(),
            Some(DynamoDbError::UnknownOperation),
            "{method} {path} {headers:?}"
        );
    }
}

#[test]
fn nothing_of_the_callers_head_goes_upstream_but_what_is_known() {
    let headers = head(&[
        ("x-amz-target", "DynamoDBStreams_20120810.ListStreams"),
        ("content-type", "application/x-amz-json-1.0; charset=UTF-8"),
        ("authorization", "AWS4-HMAC-SHA256 Credential=…"),
        ("x-amz-security-token", "secret"),
        ("x-amz-date", "20260101T000000Z"),
        ("x-amz-content-sha256", "00"),
        ("cookie", "a=b"),
        ("x-custom", "1"),
        ("accept-encoding", "identity"),
        ("user-agent", "Boto3"),
    ]);
    let call = Call::of(&Method::POST, "/", &headers).unwrap();
    let forward = call.forward(&headers, Body::whole("{}".into()));
    assert_eq!((forward.method, forward.target.as_str()), (Method::POST, "/"));
    assert!(matches!(forward.body, Body::Whole { bytes, sha256: None } if bytes == "{}"));
    let expected = head(&[
        ("x-amz-target", "DynamoDBStreams_20120810.ListStreams"),
        ("content-type", "application/x-amz-json-1.0"),
        ("accept-encoding", "identity"),
        ("user-agent", "Boto3"),
    ]);
    assert_eq!(forward.headers, expected);
}

#[test]
fn bodies_are_one_object() {
    for body in ["", "[]", "1", "{} {}", "{\"a\":1,\"a\":1}", "\u{feff}{}", "{\"TableName\":}"] {
        let error = Input::read(body.as_bytes()).err().map(|error| error.reason());
        assert_eq!(error, Some("dynamodb_serialization"), "{body}");
    }
}

const STREAM: &str =
    "arn:aws:dynamodb:eu-west-1:123456789012:table/demo/stream/2026-01-01T00:00:00.000";

/// Every operation that isn't about items: its request, and all that must be allowed.
#[test]
fn control_operations() {
    let table = r#"{"TableName":"demo"}"#;
    let arn = |rest: &str| format!("arn:aws:dynamodb:eu-west-1:123456789012:table/demo/{rest}");
    let backup = format!(r#"{{"BackupArn":"{}"}}"#, arn("backup/0123-abc"));
    let export = format!(r#"{{"ExportArn":"{}"}}"#, arn("export/0123-abc"));
    let import = format!(r#"{{"ImportArn":"{}"}}"#, arn("import/0123-abc"));
    let stream = format!(r#"{{"StreamArn":"{STREAM}"}}"#);
    let iterator = format!(r#"{{"ShardIterator":"{STREAM}|1|AAAAAAAAAAE"}}"#);
    let of_table = r#"{"TableArn":"arn:aws:dynamodb:eu-west-1:123456789012:table/demo"}"#;
    let resource = r#"{"ResourceArn":"arn:aws:dynamodb:eu-west-1:123456789012:table/demo"}"#;
    let index = r#"{"TableName":"demo","IndexName":"by-owner"}"#;
    let global = r#"{"GlobalTableName":"demo"}"#;
    let bulk = format!(r#"{{"BulkOperationArn":"{}"}}"#, arn("bulk-operation/1"));
    let on_table = |operation: &str| vec![format!("{operation} table/demo")];
    for operation in [
        "CreateTable",
        "DeleteTable",
        "DescribeTable",
        "UpdateTable",
        "DescribeTimeToLive",
        "UpdateTimeToLive",
        "DescribeContinuousBackups",
        "UpdateContinuousBackups",
        "DescribeKinesisStreamingDestination",
        "DisableKinesisStreamingDestination",
        "EnableKinesisStreamingDestination",
        "UpdateKinesisStreamingDestination",
        "DescribeTableReplicaAutoScaling",
        "UpdateTableReplicaAutoScaling",
        "DescribeContributorInsights",
        "UpdateContributorInsights",
        "CreateBackup",
    ] {
        assert_eq!(checks(operation, table), Ok(on_table(operation)), "{operation}");
        assert_eq!(checks(operation, "{}"), Err("dynamodb_validation"), "{operation}");
    }
    for operation in [
        "ListTables",
        "ListContributorInsights",
        "ListBackups",
        "ListExports",
        "ListImports",
        "ListGlobalTables",
        "ListBulkOperations",
        "DescribeLimits",
        "DescribeEndpoints",
        "ListStreams",
    ] {
        assert_eq!(checks(operation, "{}"), Ok(vec![format!("{operation} *")]), "{operation}");
    }
    for (operation, body, expected) in [
        ("DescribeContributorInsights", index, "table/demo/index/by-owner"),
        ("UpdateContributorInsights", index, "table/demo/index/by-owner"),
        ("ListTagsOfResource", resource, "table/demo"),
        ("PutResourcePolicy", resource, "table/demo"),
        ("GetResourcePolicy", resource, "table/demo"),
        ("DeleteResourcePolicy", resource, "table/demo"),
        ("DescribeBackup", &backup, "table/demo/backup/0123-abc"),
        ("DeleteBackup", &backup, "table/demo/backup/0123-abc"),
        ("DescribeExport", &export, "table/demo/export/0123-abc"),
        ("DescribeImport", &import, "table/demo/import/0123-abc"),
        ("ExportTableToPointInTime", of_table, "table/demo"),
        ("ListExports", of_table, "table/demo"),
        ("ListImports", of_table, "table/demo"),
        ("DescribeBulkOperation", &bulk, "table/demo/bulk-operation/1"),
        ("CancelBulkOperation", &bulk, "table/demo/bulk-operation/1"),
        ("ImportTable", r#"{"TableCreationParameters":{"TableName":"demo"}}"#, "table/demo"),
        ("DescribeStream", &stream, "table/demo/stream/2026-01-01T00:00:00.000"),
        ("GetShardIterator", &stream, "table/demo/stream/2026-01-01T00:00:00.000"),
        ("GetRecords", &iterator, "table/demo/stream/2026-01-01T00:00:00.000"),
        ("DescribeGlobalTable", global, "arn:aws:dynamodb::123456789012:global-table/demo"),
        ("DescribeGlobalTableSettings", global, "arn:aws:dynamodb::123456789012:global-table/demo"),
    ] {
        assert_eq!(checks(operation, body), Ok(vec![format!("{operation} {expected}")]));
    }
    for operation in ["CreateGlobalTable", "UpdateGlobalTable", "UpdateGlobalTableSettings"] {
        let expected = vec![
            format!("{operation} arn:aws:dynamodb::123456789012:global-table/demo"),
            format!("{operation} table/demo"),
        ];
        assert_eq!(checks(operation, global), Ok(expected));
    }
}

#[test]
fn some_requests_need_more() {
    let tags = r#""Tags":[{"Key":"Team","Value":"a"},{"Key":"x"}]"#;
    let asks = |operation: &str, body: &str, expected: &[&str]| {
        let expected: Vec<String> = expected.iter().map(|s| (*s).to_owned()).collect();
        assert_eq!(checks(operation, body), Ok(expected), "{operation} {body}");
    };
    let tagged = "aws:requesttag/team=a aws:requesttag/x= aws:tagkeys=[Team,x]";
    asks(
        "CreateTable",
        &format!(r#"{{"TableName":"demo",{tags},"ResourcePolicy":"{{}}"}}"#),
        &[
            &format!("CreateTable table/demo {tagged}"),
            &format!("TagResource table/demo {tagged}"),
            &format!("PutResourcePolicy table/demo {tagged}"),
        ],
    );
    asks(
        "TagResource",
        &format!(r#"{{"ResourceArn":"{STREAM}",{tags}}}"#),
        &[&format!("TagResource table/demo/stream/2026-01-01T00:00:00.000 {tagged}")],
    );
    asks(
        "UntagResource",
        &format!(r#"{{"ResourceArn":"{STREAM}","TagKeys":["Team"]}}"#),
        &["UntagResource table/demo/stream/2026-01-01T00:00:00.000 aws:tagkeys=[Team]"],
    );
    asks(
        "CreateTable",
        r#"{"TableName":"demo","GlobalTableSourceArn":"arn:aws:dynamodb:us-east-1:123456789012:table/demo"}"#,
        &[
            "CreateTable table/demo",
            "AssociateTableReplica table/demo",
            "AssociateTableReplica arn:aws:dynamodb:us-east-1:123456789012:table/demo",
        ],
    );
    asks(
        "UpdateTable",
        r#"{"TableName":"demo","ReplicaUpdates":[{"Create":{"RegionName":"us-east-1"}},
            {"Delete":{"RegionName":"us-west-2"}}],"GlobalTableWitnessUpdates":[{"Create":{}}]}"#,
        &[
            "UpdateTable table/demo",
            "CreateTableReplica table/demo",
            "DeleteTableReplica table/demo",
            "CreateGlobalTableWitness table/demo",
        ],
    );
    let fills =
        ["BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem"]
            .map(|action| format!("{action} table/restored leadingkeys=?"));
    let with_fills = |first: &[&str]| -> Vec<String> {
        first.iter().map(|s| (*s).to_owned()).chain(fills.clone()).collect()
    };
    let backup = "arn:aws:dynamodb:eu-west-1:123456789012:table/demo/backup/1";
    assert_eq!(
        checks(
            "RestoreTableFromBackup",
            &format!(r#"{{"TargetTableName":"restored","BackupArn":"{backup}"}}"#)
        ),
        Ok(with_fills(&[
            "RestoreTableFromBackup table/demo/backup/1",
            "RestoreTableFromBackup table/restored"
        ]))
    );
    for source in [
        r#""SourceTableName":"demo""#,
        r#""SourceTableArn":"arn:aws:dynamodb:eu-west-1:123456789012:table/demo""#,
    ] {
        let body = format!(r#"{{"TargetTableName":"restored",{source}}}"#);
        let expected =
            ["RestoreTableToPointInTime table/demo", "RestoreTableToPointInTime table/restored"];
        assert_eq!(checks("RestoreTableToPointInTime", &body), Ok(with_fills(&expected)));
    }
}

#[test]
fn an_iterator_that_doesnt_name_its_stream_is_refused() {
    for iterator in [
        "eyJ0YWJsZSI6ImRlbW8ifQ==",
        "000|arn:aws:dynamodb:eu-west-1:123456789012:table/demo",
        "arn:aws:dynamodb:eu-west-1:123456789012:table/demo|1|A",
        "|",
        STREAM,
    ] {
        let body = format!(r#"{{"ShardIterator":"{iterator}"}}"#);
        assert_eq!(checks("GetRecords", &body), Err("dynamodb_shard_iterator"), "{iterator}");
    }
    assert_eq!(checks("GetRecords", "{}"), Err("dynamodb_validation"));
}

#[test]
fn tables_that_may_become_others_are_told() {
    for (operation, body, expected) in [
        ("CreateTable", r#"{"TableName":"demo"}"#, Some("demo")),
        (
            "DeleteTable",
            r#"{"TableName":"arn:aws:dynamodb:eu-west-1:123456789012:table/demo"}"#,
            Some("demo"),
        ),
        ("UpdateTable", r#"{"TableName":"demo"}"#, Some("demo")),
        ("ImportTable", r#"{"TableCreationParameters":{"TableName":"demo"}}"#, Some("demo")),
        // Not the one that a backend doesn't look at.
        (
            "ImportTable",
            r#"{"TableName":"other","TableCreationParameters":{"TableName":"demo"}}"#,
            Some("demo"),
        ),
        (
            "RestoreTableToPointInTime",
            r#"{"TableName":"other","TargetTableName":"restored","SourceTableName":"demo"}"#,
            Some("restored"),
        ),
        (
            "RestoreTableToPointInTime",
            r#"{"TargetTableName":"restored","SourceTableName":"demo"}"#,
            Some("restored"),
        ),
        ("DescribeTable", r#"{"TableName":"demo"}"#, None),
    ] {
        let input = Input::read(body.as_bytes()).unwrap();
        let described = call(operation).unwrap().describe(&input, HERE).unwrap();
        assert_eq!(described.changes.as_deref(), expected, "{operation}");
    }
}

#[test]
fn whose_items_come_from_elsewhere_is_unknown() {
    let body = r#"{"TableName":"demo"}"#;
    let expected = ["StartBulkPutItems table/demo leadingkeys=?"];
    assert_eq!(checks("StartBulkPutItems", body), Ok(expected.map(str::to_owned).to_vec()));
    let body = Box::leak(Box::new(Input::read(body.as_bytes()).unwrap()));
    let described = call("StartBulkPutItems").unwrap().describe(body, HERE).unwrap();
    let check = described.accesses[0].checks(Some(&schema())).next().unwrap();
    for key in ["dynamodb:attributes", "dynamodb:leadingkeys", "dynamodb:firstpartitionkeyvalues"] {
        assert_eq!(check.context.lookup(key), Lookup::Unknown, "{key}");
    }
    assert_eq!(checks("StartBulkPutItems", "{}"), Err("dynamodb_validation"));
}

#[test]
fn too_many_tags_are_refused() {
    let tags: Vec<String> = (0..51).map(|n| format!(r#"{{"Key":"k{n}","Value":"v"}}"#)).collect();
    let body = format!(r#"{{"ResourceArn":"{STREAM}","Tags":[{}]}}"#, tags.join(","));
    assert_eq!(checks("TagResource", &body), Err("dynamodb_validation"));
}
