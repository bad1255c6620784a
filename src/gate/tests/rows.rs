//! Rows of tables: who gets to which, when a schema is looked up, and what goes upstream.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use serde_json::{Value, json};

use super::fixture::{ACCOUNT, Ask, REGION, Rig, access_token, account, api, id_token, reason};
use crate::{
    gate::{
        Decision, Outcome, Payload, ReadFuture, Refusal, ResourcePolicies, Route, Routes, Service,
        Tables, Trail, Whole,
    },
    iam::FileKind,
    services::{
        Body,
        dynamodb::{
            KeyAttribute, KeySchema, Kind, SchemaError, SchemaFuture, TableSchema, TableSchemas,
        },
    },
    sigv4::sha256,
};

const TABLE: &str = "arn:aws:dynamodb:eu-west-1:123456789012:table/demo";

/// A backend with the table `demo`; `broken` can't be looked up, and `slow-…` take their time.
#[derive(Debug, Default)]
struct Backend {
    asked: AtomicUsize,
    forgotten: Mutex<Vec<String>>,
}

fn schema() -> TableSchema {
    let key = |name: &str| KeyAttribute { name: name.to_owned(), kind: Some(Kind::Text) };
    TableSchema {
        key: KeySchema { partition: vec![key("pk")], sort: Some(vec![key("sk")]) },
        ..TableSchema::default()
    }
}

impl TableSchemas for Backend {
    fn of<'s>(&'s self, table: &'s str) -> SchemaFuture<'s> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            match table {
                "demo" => Ok(Some(Arc::new(schema()))),
                slow if slow.starts_with("slow-") => {
                    tokio::time::sleep(Duration::from_millis(900)).await;
                    Ok(Some(Arc::new(schema())))
                }
                "broken" => Err(SchemaError::Unavailable("no answer".to_owned())),
                _ => Ok(None),
            }
        })
    }

    fn forget(&self, table: &str) {
        self.forgotten.lock().unwrap().push(table.to_owned());
    }
}

struct Rows {
    rig: Rig,
    backend: Arc<Backend>,
}

/// A statement on every table, for rows whose key is the caller's team.
fn own(actions: &[&str]) -> Value {
    json!({ "Effect": "Allow", "Action": actions,
    "Resource": format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/*"),
    "Condition": {
        "ForAllValues:StringEquals": { "dynamodb:LeadingKeys": ["${aws:PrincipalTag/team}"] },
        "Null": { "dynamodb:LeadingKeys": "false" },
    }})
}

impl Rows {
    fn new(statements: &Value) -> Self {
        Self::with(statements, Vec::new())
    }

    fn with(statements: &Value, configured: Vec<(String, TableSchema)>) -> Self {
        let backend = Arc::new(Backend::default());
        let learnt: Arc<dyn TableSchemas> = Arc::<Backend>::clone(&backend);
        let configured = configured.into_iter().map(|(name, schema)| (name, Arc::new(schema)));
        let tables = Tables::new(configured.collect(), learnt);
        let route = Route { service: Service::DynamoDb(tables), matching: None, ..api("rows") };
        Self { rig: Rig::with(vec![route], statements), backend }
    }

    fn ask(operation: &str) -> Ask {
        Ask::new("POST", "/")
            .with("x-amz-target", &format!("DynamoDB_20120810.{operation}"))
            .with("content-type", "application/x-amz-json-1.0")
    }

    fn decide(&self, ask: Ask, body: &str) -> Decision {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let mut body = Whole(Bytes::copy_from_slice(body.as_bytes()));
        runtime.block_on(self.rig.gate().decide(ask.question(), &mut body, Trail::Off))
    }

    /// As a member of the team `red`.
    fn as_red(&self, operation: &str, body: &str) -> Decision {
        let token = id_token(&json!({ "custom:team": "red" }));
        self.decide(Self::ask(operation).bearer(&token), body)
    }

    fn asked(&self) -> usize {
        self.backend.asked.load(Ordering::Relaxed)
    }
}

fn get(table: &str, key: &str) -> String {
    json!({ "TableName": table, "Key": { "pk": { "S": key }, "sk": { "S": "1" } } }).to_string()
}

#[test]
fn a_row_is_reached_by_its_owner_alone() {
    let rows = Rows::new(&json!([own(&["dynamodb:GetItem", "dynamodb:BatchGetItem"])]));
    for (body, expected) in [
        (get("demo", "red"), "+allowed_by_policy"),
        (get("demo", "blue"), "-implicit_deny"),
        (get("demo", "red*"), "-implicit_deny"),
        (get("demo", "RED"), "-implicit_deny"),
        // A table that isn't there is denied like one that is forbidden.
        (get("other", "red"), "-unknown_context_key"),
        (
            json!({ "TableName": "demo", "Key": { "pk": { "S": "red" } } }).to_string(),
            "-unknown_context_key",
        ),
        (json!({ "TableName": "demo" }).to_string(), "-unknown_context_key"),
        ("{".to_owned(), "-dynamodb_serialization"),
        ("{}".to_owned(), "-dynamodb_validation"),
    ] {
        assert_eq!(reason(&rows.as_red("GetItem", &body)), expected, "{body}");
    }
    let keys = |teams: &[&str]| {
        let key = |team: &&str| json!({ "pk": { "S": team }, "sk": { "S": "1" } });
        let keys: Vec<Value> = teams.iter().map(key).collect();
        json!({ "RequestItems": { "demo": { "Keys": keys } } }).to_string()
    };
    for (teams, expected) in [
        (&["red", "red"][..], "+allowed_by_policy"),
        (&["red", "blue"], "-implicit_deny"),
        (&["blue", "red"], "-implicit_deny"),
    ] {
        assert_eq!(reason(&rows.as_red("BatchGetItem", &keys(teams))), expected, "{teams:?}");
    }
    let without_a_team = Rows::ask("GetItem").bearer(&id_token(&json!({})));
    assert_eq!(reason(&rows.decide(without_a_team, &get("demo", "red"))), "-implicit_deny");
}

/// moto takes any name that `ExpressionAttributeNames` has for another one, with a `#` or without.
#[test]
fn no_attribute_is_taken_for_another() {
    let rows = Rows::new(&json!([own(&["dynamodb:Query"])]));
    let query = |names: Value| {
        let values = json!({ ":a": { "S": "red" }, ":b": { "S": "blue" } });
        let body = json!({ "TableName": "demo", "KeyConditionExpression": "pk = :a AND sk = :b",
            "ExpressionAttributeNames": names, "ExpressionAttributeValues": values });
        reason(&rows.as_red("Query", &body.to_string()))
    };
    assert_eq!(query(json!({ "#pk": "sk", "#sk": "pk" })), "+allowed_by_policy");
    assert_eq!(query(json!({ "pk": "sk", "sk": "pk" })), "-unknown_context_key");
}

#[test]
fn a_schema_is_looked_up_only_if_the_answer_hangs_on_it() {
    let everything = json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }]);
    let denied_anyway = json!([
        own(&["dynamodb:GetItem"]),
        { "Effect": "Deny", "Action": "dynamodb:*", "Resource": TABLE },
    ]);
    let elsewhere = json!([{ "Effect": "Allow", "Action": "dynamodb:GetItem",
        "Resource": format!("{TABLE}s"),
        "Condition": { "StringEquals": { "dynamodb:LeadingKeys": "red" } } }]);
    let not_own = json!([
        { "Effect": "Allow", "Action": "*", "Resource": "*" },
        { "Effect": "Deny", "Action": "dynamodb:GetItem", "Resource": "*", "Condition": {
            "ForAnyValue:StringNotEquals": { "dynamodb:LeadingKeys": "${aws:PrincipalTag/team}" } } },
    ]);
    for (statements, expected, asked) in [
        (json!([own(&["dynamodb:GetItem"])]), "+allowed_by_policy", 1),
        (everything, "+allowed_by_policy", 0),
        (denied_anyway, "-explicit_deny", 0),
        (elsewhere, "-implicit_deny", 0),
        (json!([own(&["dynamodb:PutItem"])]), "-implicit_deny", 0),
        (not_own, "+allowed_by_policy", 1),
    ] {
        let rows = Rows::new(&statements);
        let decision = rows.as_red("GetItem", &get("demo", "red"));
        assert_eq!((reason(&decision).as_str(), rows.asked()), (expected, asked), "{statements}");
    }
}

#[test]
fn what_the_configuration_says_is_not_looked_up() {
    let mut other = schema();
    other.key.partition[0].name = "sk".to_owned();
    other.key.sort = None;
    let rows = Rows::with(&json!([own(&["dynamodb:GetItem"])]), vec![("demo".to_owned(), other)]);
    let body = json!({ "TableName": "demo", "Key": { "pk": { "S": "1" }, "sk": { "S": "red" } } });
    let decision = rows.as_red("GetItem", &body.to_string());
    assert_eq!((reason(&decision).as_str(), rows.asked()), ("+allowed_by_policy", 0));
}

#[test]
fn a_schema_that_cant_be_had_is_no_answer() {
    let rows = Rows::new(&json!([own(&["dynamodb:GetItem"])]));
    let decision = rows.as_red("GetItem", &get("broken", "red"));
    let Outcome::Deny(denial) = &decision.outcome else { panic!("{decision:?}") };
    assert_eq!(denial.reason, "table_schema_unavailable");
    assert_eq!(denial.refusal, Refusal::Unavailable);
}

#[test]
fn a_table_that_may_be_another_one_is_forgotten() {
    let everything = json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }]);
    let rows = Rows::new(&everything);
    let decision = rows.as_red("DeleteTable", r#"{"TableName":"demo"}"#);
    assert_eq!(*rows.backend.forgotten.lock().unwrap(), ["demo"]);
    let Outcome::Allow(permit) = &decision.outcome else { panic!("{decision:?}") };
    permit.answer().forget.as_ref().unwrap().now();
    assert_eq!(*rows.backend.forgotten.lock().unwrap(), ["demo", "demo"]);

    // Nobody who may not change a table makes others look it up again.
    let rows = Rows::new(&json!([own(&["dynamodb:GetItem"])]));
    assert_eq!(reason(&rows.as_red("DeleteTable", r#"{"TableName":"demo"}"#)), "-implicit_deny");
    assert!(rows.backend.forgotten.lock().unwrap().is_empty());
}

#[test]
fn a_body_goes_upstream_byte_for_byte() {
    let rows = Rows::new(&json!([own(&["dynamodb:GetItem"])]));
    let body = "\n{ \"Key\":{\"sk\":{\"S\":\"1\"},  \"pk\":{\"S\":\"r\\u0065d\"}},\"TableName\":\"demo\"}\n";
    let decision = rows.as_red("GetItem", body);
    let Outcome::Allow(permit) = decision.outcome else { panic!("{decision:?}") };
    let (forward, identity) = permit.into_parts();
    assert!(matches!(forward.body, Body::Whole { bytes, sha256: None } if bytes == body));
    assert_eq!(forward.target.as_str(), "/");
    assert!(!forward.headers.contains_key("authorization"));
    assert!(!forward.headers.contains_key("x-forwarded-host"));
    assert!(identity.role().to_str().unwrap().contains("Reader"));
}

#[test]
fn a_large_body_is_judged_like_a_small_one() {
    let rows = Rows::new(&json!([own(&["dynamodb:PutItem"])]));
    for (team, expected) in [("red", "+allowed_by_policy"), ("blue", "-implicit_deny")] {
        let body = json!({ "TableName": "demo", "Item": {
            "pk": { "S": team }, "sk": { "S": "1" }, "n": { "S": "x".repeat(300 << 10) } } });
        let body = body.to_string();
        let decision = rows.as_red("PutItem", &body);
        assert_eq!(reason(&decision), expected);
        if let Outcome::Allow(permit) = decision.outcome {
            let (forward, _) = permit.into_parts();
            let sha256 = Some(sha256(body.as_bytes()));
            let Body::Whole { bytes, sha256: known } = forward.body else { panic!() };
            assert_eq!((bytes, known), (Bytes::from(body), sha256));
        }
    }
    let body = "x".repeat((1 << 20) + 1);
    assert_eq!(reason(&rows.as_red("PutItem", &body)), "-body_too_large");
}

#[test]
fn a_name_in_another_region_is_checked_in_both() {
    let allow = |region: &str| {
        json!({ "Effect": "Allow", "Action": "dynamodb:DescribeTable",
            "Resource": format!("arn:aws:dynamodb:{region}:{ACCOUNT}:table/demo") })
    };
    let body = |account: &str| {
        format!(r#"{{"TableName":"arn:aws:dynamodb:ddblocal:{account}:table/demo"}}"#)
    };
    for (statements, account, expected) in [
        (json!([allow(REGION)]), ACCOUNT, "-implicit_deny"),
        (json!([allow("ddblocal")]), ACCOUNT, "-implicit_deny"),
        (json!([allow(REGION), allow("ddblocal")]), ACCOUNT, "+allowed_by_policy"),
        (json!([allow("*")]), ACCOUNT, "+allowed_by_policy"),
        (json!([allow("*")]), "999999999999", "-dynamodb_foreign_arn"),
    ] {
        let rows = Rows::new(&statements);
        let found = rows.as_red("DescribeTable", &body(account));
        assert_eq!(reason(&found), expected, "{statements} {account}");
    }
}

/// A body that nobody may have asked for.
struct Unread;

impl Payload for Unread {
    fn declared(&self) -> Option<u64> {
        None
    }

    fn read(&mut self, _: usize) -> ReadFuture<'_> {
        panic!("it is read")
    }

    fn begin<'a>(&'a mut self, _: &'a mut crate::gate::Enough<'_>) -> ReadFuture<'a> {
        panic!("it was read")
    }
}

/// However many tables it names, a request doesn't wait for longer than for one.
#[test]
fn all_look_ups_of_a_request_have_one_deadline() {
    let rows = Rows::new(&json!([own(&["dynamodb:BatchGetItem"])]));
    let keys = json!({ "Keys": [{ "pk": { "S": "red" }, "sk": { "S": "1" } }] });
    let tables: serde_json::Map<String, Value> =
        (0..20).map(|n| (format!("slow-{n}"), keys.clone())).collect();
    let ask = Rows::ask("BatchGetItem").bearer(&id_token(&json!({ "custom:team": "red" })));
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_time().start_paused(true).build().unwrap();
    let decision = runtime.block_on(async {
        let mut body = Whole(json!({ "RequestItems": tables }).to_string().into());
        rows.rig.gate().decide(ask.question(), &mut body, Trail::Off).await
    });
    assert_eq!(reason(&decision), "-decision_timeout");
    assert_eq!(rows.asked(), 6);
}

#[test]
fn who_may_not_ask_at_all() {
    let rows = Rows::new(&json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }]));
    let body = get("demo", "red");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let question = Rows::ask("GetItem").question();
    let nobody = runtime.block_on(rows.rig.gate().decide(question, &mut Unread, Trail::Off));
    let Outcome::Deny(denial) = &nobody.outcome else { panic!("{nobody:?}") };
    let expected = ("missing_credentials", &Refusal::MissingCredential);
    assert_eq!((denial.reason, &denial.refusal), expected);

    let token = access_token(&json!({ "cognito:groups": ["readers"] }));
    let ask = || Rows::ask("GetItem").bearer(&token);
    assert_eq!(reason(&rows.decide(ask(), &body)), "+allowed_by_policy");
    for (ask, expected) in [
        (ask().with("x-amz-security-token", "t"), "-several_credentials"),
        (Rows::ask("NoSuch").bearer(&token), "-dynamodb_unknown_operation"),
        (ask().with("content-encoding", "gzip"), "-dynamodb_unknown_operation"),
        (
            Ask::new("POST", "/?x=y")
                .with("x-amz-target", "DynamoDB_20120810.GetItem")
                .with("content-type", "application/x-amz-json-1.0")
                .bearer(&token),
            "-dynamodb_unknown_operation",
        ),
    ] {
        assert_eq!(reason(&rows.decide(ask, &body)), expected);
    }
}

fn nothing() -> Value {
    json!([{ "Effect": "Allow", "Action": "sqs:*", "Resource": "*" }])
}

/// A table's own policy, beside none of the caller's, and what is above all.
#[test]
fn policies_of_tables_and_of_the_organization_count() {
    let statement = |effect: &str, more: &Value| {
        let mut statement = json!({ "Effect": effect, "Action": "dynamodb:*", "Resource": "*" });
        let more = more.as_object().cloned().unwrap_or_default();
        statement.as_object_mut().unwrap().extend(more);
        json!({ "Version": "2012-10-17", "Statement": [statement] })
    };
    let everyone = json!({ "Principal": "*" });
    let resource = |policy: Value| json!({ "Resource": TABLE, "Policy": policy }).to_string();
    let deny = statement("Deny", &everyone);
    let above = json!({ "ResourceControlPolicies": [[], [deny.clone()]] }).to_string();
    let below = json!({ "ServiceControlPolicies": [[]] }).to_string();
    let granted = resource(statement("Allow", &everyone));
    let denied = resource(deny);
    let all = json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }]);
    let body = get("demo", "blue");
    let (resources, organization) = (FileKind::Resources, FileKind::Organization);
    for (statements, files, nobodys, of_red) in [
        (nothing(), &[][..], "-missing_credentials", "-implicit_deny"),
        (nothing(), &[(resources, &*granted)], "+allowed_by_policy", "+allowed_by_policy"),
        (all.clone(), &[(resources, &*denied)], "-explicit_deny", "-explicit_deny"),
        (
            all.clone(),
            &[(resources, &*granted), (organization, &*above)],
            "-explicit_deny",
            "-explicit_deny",
        ),
        (
            all,
            &[(resources, &*granted), (organization, &*below)],
            "+allowed_by_policy",
            "-implicit_deny",
        ),
    ] {
        let mut rows = Rows::new(&statements);
        rows.rig.rules.account = account(&[("Reader", &statements)], files);
        let found = rows.decide(Rows::ask("GetItem"), &body);
        assert_eq!(reason(&found), nobodys, "{files:?}");
        assert_eq!(reason(&rows.as_red("GetItem", &body)), of_red, "{files:?}");
    }
}

#[test]
fn policies_of_tables_are_not_put_through_the_gate() {
    let rows = Rows::new(&json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }]));
    for (operation, body) in [
        ("PutResourcePolicy", json!({ "ResourceArn": TABLE, "Policy": "{}" })),
        ("DeleteResourcePolicy", json!({ "ResourceArn": TABLE })),
    ] {
        let found = rows.as_red(operation, &body.to_string());
        assert_eq!(reason(&found), "-resource_policies_not_stored", "{operation}");
    }
    let rows = Rows::new(&nothing());
    let found = rows.as_red("DeleteResourcePolicy", &json!({ "ResourceArn": TABLE }).to_string());
    assert_eq!(reason(&found), "-implicit_deny");
}

#[test]
fn a_route_that_keeps_policies_takes_them_and_nothing_that_comes_along() {
    let everything = json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }]);
    let mut rows = Rows::new(&everything);
    let tables = Tables::new(Default::default(), Arc::new(Backend::default()));
    let tables = Service::DynamoDb(tables);
    let resource_policies = ResourcePolicies::Stored;
    let route = Route { service: tables, matching: None, resource_policies, ..api("rows") };
    rows.rig.rules.routes = Routes::new(vec![route], Vec::new(), Vec::new()).unwrap();
    let policy = |effect: &str, action: &str| {
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": effect, "Principal": "*",
            "Action": action, "Resource": TABLE }] })
        .to_string()
    };
    let deny = policy("Deny", "dynamodb:PutResourcePolicy");
    let allow = policy("Allow", "dynamodb:GetItem");
    let put = |policy: &str| json!({ "ResourceArn": TABLE, "Policy": policy });
    let mut confirmed = put(&deny);
    confirmed["ConfirmRemoveSelfResourceAccess"] = json!(true);
    for (operation, body, expected) in [
        ("PutResourcePolicy", put(&allow), "+allowed_by_policy"),
        ("PutResourcePolicy", put(&deny), "-dynamodb_validation"),
        ("PutResourcePolicy", confirmed, "+allowed_by_policy"),
        ("PutResourcePolicy", put("{}"), "-dynamodb_validation"),
        ("PutResourcePolicy", put(&"[".repeat(2000)), "-dynamodb_validation"),
        ("PutResourcePolicy", put(&" ".repeat(20481)), "-dynamodb_validation"),
        ("GetResourcePolicy", json!({ "ResourceArn": TABLE }), "-dynamodb_policy_not_found"),
        ("DeleteResourcePolicy", json!({ "ResourceArn": TABLE }), "+allowed_by_policy"),
        (
            "CreateTable",
            json!({ "TableName": "demo", "ResourcePolicy": allow }),
            "-resource_policies_not_stored",
        ),
    ] {
        let found = rows.as_red(operation, &body.to_string());
        assert_eq!(reason(&found), expected, "{operation} {body}");
        assert!(!matches!(found.outcome, Outcome::Allow(_)), "{operation} goes upstream");
    }
}
