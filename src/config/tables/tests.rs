//! Routes of DynamoDB as the file has them.

use std::path::Path;

use super::{Index, Table};
use crate::config::{Settings, UpstreamHost, load_text};

const HEAD: &str =
    "listen: { proxy: { address: \"127.0.0.1:8080\" } }\nidentities: { key: { env: KEY } }\n";
const AWS: &str = "aws: { region: eu-west-1, account: \"123456789012\" }\n";
const UPSTREAM: &str = "upstream: { url: \"http://127.0.0.1:8000\" }";

fn load(text: &str) -> Result<Settings, Vec<String>> {
    load_text(Path::new("p.yaml"), text, &|_| Some("a key".into()))
        .map(|(settings, _)| settings)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

/// A configuration whose one route, at 5:5, is of DynamoDB and has these fields.
fn read(fields: &str) -> Result<Settings, Vec<String>> {
    load(&format!(
        "{HEAD}{AWS}routes:\n  - {{ name: rows, service: dynamodb, {UPSTREAM}, {fields} }}\n"
    ))
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn keys_are_names_or_lists_of_them() {
    let settings = read(
        "tables: { demo: { partition_key: pk, sort_key: sk, indexes: { by_owner: { partition_key: owner, sort_key: at }, \
         Wide.1-x: { partition_key: [a, b, c, \"4\"], sort_key: [d] }, only: { partition_key: [a] } } }, \
         \"123\": { partition_key: \"naïve key\" } }",
    );
    let route = settings.unwrap().routes.remove(0);
    let index = |partition: &[&str], sort: Option<&[&str]>| Index {
        partition_key: names(partition),
        sort_key: sort.map(names),
    };
    let demo = Table {
        partition_key: "pk".to_owned(),
        sort_key: Some("sk".to_owned()),
        indexes: vec![
            ("by_owner".to_owned(), index(&["owner"], Some(&["at"]))),
            ("Wide.1-x".to_owned(), index(&["a", "b", "c", "4"], Some(&["d"]))),
            ("only".to_owned(), index(&["a"], None)),
        ],
    };
    let other =
        Table { partition_key: "naïve key".to_owned(), sort_key: None, indexes: Vec::new() };
    assert_eq!(route.tables, [("demo".to_owned(), demo), ("123".to_owned(), other)]);
}

#[test]
fn the_route_is_told_its_upstreams_host_and_may_sign_and_have_guests() {
    let sign = "guest: true, match: { host: dynamodb.localhost }, identity_pool: eu-west-1:00000000-0000-4000-8000-000000000001";
    let route = read(sign).unwrap().routes.remove(0);
    assert!(route.guest && route.tables.is_empty());
    assert_eq!(route.host, UpstreamHost::Rewrite);
    let signed = format!(
        "{HEAD}{AWS}routes:\n  - {{ name: rows, service: dynamodb, upstream: {{ url: \"http://127.0.0.1:8000\", \
         host: db.example, sign: {{ access_key_id: local, secret_access_key: {{ env: KEY }} }} }} }}\n"
    );
    let route = load(&signed).unwrap().routes.remove(0);
    assert_eq!(route.upstream.as_ref().unwrap().sign.clone().unwrap().access_key_id, "local");
    assert_eq!(route.host, UpstreamHost::Fixed("db.example".to_owned()));
}

#[test]
fn what_is_wrong_is_told_where_it_is() {
    let table = |table: &str| format!("tables: {{ demo: {table} }}");
    let long = "a".repeat(256);
    for (fields, expected) in [
        ("scopes: [a]".to_owned(), "scopes: is for `service: execute-api` only"),
        ("api: { id: a, stage: b }".to_owned(), "api: is for `service: execute-api` only"),
        ("authenticate: none".to_owned(), "authenticate: is for `service: execute-api` only"),
        ("token: { cookie: a }".to_owned(), "token: is for `service: execute-api` only"),
        ("actions: []".to_owned(), "actions: is for `service: execute-api` only"),
        ("forward_token: true".to_owned(), "forward_token: is for APIs: DynamoDB never gets"),
        ("host: rewrite".to_owned(), "host: a DynamoDB upstream is told its own"),
        ("engines: { iam: off }".to_owned(), "engines: IAM decides on every DynamoDB route"),
        ("tables: [demo]".to_owned(), "tables: must be a mapping, not a list"),
        (
            "tables: { ab: { partition_key: pk } }".to_owned(),
            "p.yaml:5:92: routes[0].tables: must be a name of 3 to 255",
        ),
        (format!("tables: {{ {long}: {{ partition_key: pk }} }}"), "must be a name of 3 to 255"),
        ("tables: { \"a/b\": { partition_key: pk } }".to_owned(), "must be a name of 3 to 255"),
        (table("{ sort_key: sk }"), "tables.demo: `partition_key` is missing"),
        (
            table("{ partition_key: [a, b] }"),
            "tables.demo.partition_key: must be an attribute's name of 1 to 255 bytes, not a list",
        ),
        (table("{ partition_key: \"\" }"), "must be an attribute's name of 1 to 255 bytes"),
        (
            table(&format!("{{ partition_key: {long} }}")),
            "must be an attribute's name of 1 to 255 bytes",
        ),
        (table("{ partition_key: 1 }"), "quote it: \"1\""),
        (table("{ partition_key: pk, sort_key: pk }"), "tables.demo: `pk` is in the key twice"),
        (
            table("{ partition_key: pk, indexes: { of: { partition_key: a } } }"),
            "tables.demo.indexes: must be a name of 3 to 255",
        ),
        (
            table("{ partition_key: pk, indexes: { own: { partition_key: [] } } }"),
            "indexes.own.partition_key: must be one attribute, or a list of 1 to 4",
        ),
        (
            table("{ partition_key: pk, indexes: { own: { partition_key: [a, b, c, d, e] } } }"),
            "must be one attribute, or a list of 1 to 4",
        ),
        (
            table(
                "{ partition_key: pk, indexes: { own: { partition_key: [a, b], sort_key: a } } }",
            ),
            "indexes.own: `a` is in the key twice",
        ),
        (
            table("{ partition_key: pk, indexes: { own: { partition_key: a, indexes: {} } } }"),
            "`indexes` is not a field here",
        ),
    ] {
        let problems = read(&fields).unwrap_err();
        assert!(problems.iter().any(|p| p.contains(expected)), "{fields}: {problems:#?}");
    }
    let both =
        read("tables: { ab: { partition_key: pk }, demo: { partition_key: 1 } }").unwrap_err();
    assert_eq!(both.len(), 2, "{both:?}");
}

#[test]
fn tables_are_of_dynamodb_and_their_arns_need_region_and_account() {
    let rows = |name: &str, matching: &str| {
        format!("  - {{ name: {name}, service: dynamodb, {matching}{UPSTREAM} }}\n")
    };
    for service in ["s3", "cognito-idp", "execute-api, engines: { iam: off }"] {
        let text = format!(
            "{HEAD}{AWS}routes:\n  - {{ name: a, service: {service}, {UPSTREAM}, tables: {{}} }}\n"
        );
        let problems = load(&text).unwrap_err();
        let expected = "tables: is for `service: dynamodb` only";
        assert!(problems.iter().any(|p| p.contains(expected)), "{problems:?}");
    }
    let text = format!("{HEAD}routes:\n{}", rows("rows", ""));
    let missing = "p.yaml:4:5: `aws` is missing: the ARNs of the tables of route `rows` need its region and account";
    assert_eq!(load(&text).unwrap_err(), [missing]);

    let pool =
        "  - { name: pool, service: cognito-idp, upstream: { url: \"http://127.0.0.1:1\" } }\n";
    let rest = "  - { name: files, service: s3, upstream: { url: \"http://127.0.0.1:1\" } }\n";
    let fine = [rows("a", ""), rows("b", "match: { host: b.example }, "), pool.into(), rest.into()];
    assert!(load(&format!("{HEAD}{AWS}routes:\n{}", fine.concat())).is_ok());
    for (first, second) in [
        (rows("a", ""), rows("b", "")),
        (rows("a", "match: { path: /x }, "), rows("b", "match: { path: /x }, ")),
    ] {
        let problems = load(&format!("{HEAD}{AWS}routes:\n{first}{second}")).unwrap_err();
        assert!(
            problems[0].contains("`b` takes the same requests as `a` at line 5"),
            "{problems:?}"
        );
    }
}
