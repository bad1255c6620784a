//! Building generations, on files.

mod cedar;
mod logs;
mod reading;
mod shadow;
mod stamps;

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use tempfile::TempDir;

use super::{Builder, Offline, client_tls, stamps::Stamps};
use crate::{
    config::Settings,
    doors::Snapshot,
    gate::{Route, Service, Tables},
    services::dynamodb::KeyAttribute,
    token::testing::{Answer, FakeFetch, pool_jwks},
};

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("policies/roles")).unwrap();
        let place = Self { folder };
        place.write("poolgate.yaml", CONFIG);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn stamps(&self, settings: &Settings) -> Stamps {
        Stamps::of(&self.path("poolgate.yaml"), settings)
    }
}

fn builder() -> Builder {
    Builder::new(Arc::new(Offline), client_tls().unwrap())
}

const CONFIG: &str = r#"
listen: { proxy: { address: "127.0.0.1:8080" } }
routes:
  - name: open
    service: execute-api
    engines: { iam: off }
    authenticate: none
    upstream: { url: "http://127.0.0.1:3000" }
"#;

#[tokio::test]
async fn credentials_need_keys_that_can_be_used() {
    let place = Place::new();
    let file = place.path("poolgate.yaml");
    place.write("k1", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    place.write("token.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    let keys = "credentials: { keys: [ { id: k1, file: k1 } ]";
    place.write("poolgate.yaml", &format!("{keys} }}\n{CONFIG}"));
    let (_, built, _, _) = builder().build(&file).unwrap().into_parts();
    let credentials = built.rules.credentials.as_ref().unwrap();
    assert!(credentials.pool_tokens.is_none());
    place.write("poolgate.yaml", &format!("{keys}, token_key: {{ file: token.pem }} }}\n{CONFIG}"));
    let problems = builder().build(&file).err().unwrap();
    assert!(problems[0].to_string().contains("credentials.token_key: "), "{}", problems[0]);
}

#[tokio::test]
async fn generations_count_up_when_they_are_applied_and_keep_their_upstreams() {
    let place = Place::new();
    let mut builder = builder();
    let file = place.path("poolgate.yaml");
    let (_, first, _, applied) = builder.build(&file).unwrap().into_parts();
    assert_eq!(first.rules.generation, 1);
    // One that is built and not applied counts for nothing.
    assert_eq!(builder.build(&file).unwrap().snapshot.rules.generation, 1);
    builder.applied(applied);

    place.write("poolgate.yaml", &format!("{CONFIG}timeouts: {{ idle: 5s }}\n"));
    let second = builder.build(&file).unwrap().snapshot;
    assert_eq!(second.rules.generation, 2);
    assert_ne!(second.rules.hash, first.rules.hash);
    assert!(Arc::ptr_eq(upstream(&first), upstream(&second)), "its connections would go");

    place.write("poolgate.yaml", &CONFIG.replace("3000", "3001"));
    let third = builder.build(&file).unwrap().snapshot;
    assert!(!Arc::ptr_eq(upstream(&first), upstream(&third)));
}

#[tokio::test]
async fn the_hash_names_the_files_that_decide() {
    let place = Place::new();
    let hash = || builder().build(&place.path("poolgate.yaml")).unwrap().snapshot.rules.hash;
    let before = hash();
    assert_eq!(before, hash());
    place.write("policies/roles/notes.txt", "not a policy");
    assert_eq!(before, hash());
    place.write("policies/roles/empty.json", r#"{ "RoleDetailList": [] }"#);
    assert_ne!(before, hash());
}

#[tokio::test]
async fn a_change_of_any_file_that_is_read_is_seen() {
    let place = Place::new();
    let settings = builder().build(&place.path("poolgate.yaml")).unwrap().settings;
    let mut last = place.stamps(&settings);
    assert_eq!(last, place.stamps(&settings));
    let mut differs = |what: &str| {
        let now = place.stamps(&settings);
        assert_ne!(now, last, "{what}");
        last = now;
    };
    place.write("policies/roles/a.json", "{}");
    differs("a new file");
    place.write("policies/roles/a.json", "{ }");
    differs("another length");
    fs::rename(place.path("policies/roles/a.json"), place.path("policies/roles/b.json")).unwrap();
    differs("another name");
    place.write("draft", "{ }");
    fs::rename(place.path("draft"), place.path("policies/roles/b.json")).unwrap();
    differs("another file of the same name and length");
    fs::create_dir(place.path("policies/identity-pools")).unwrap();
    differs("a folder that was missing");
    fs::remove_file(place.path("policies/roles/b.json")).unwrap();
    differs("a file that is gone");
    fs::remove_file(place.path("poolgate.yaml")).unwrap();
    differs("no configuration");
}

#[tokio::test]
async fn hidden_copies_of_a_mount_are_passed_over() {
    let place = Place::new();
    fs::create_dir(place.path("policies/roles/..2026")).unwrap();
    place.write("policies/roles/..2026/bad.json", "{");
    assert!(builder().build(&place.path("poolgate.yaml")).is_ok());
    place.write("policies/roles/bad.json", "{");
    let problems = builder().build(&place.path("poolgate.yaml")).err().unwrap();
    assert!(problems[0].to_string().contains("bad.json:1:"), "{}", problems[0]);
}

#[tokio::test]
async fn policies_of_resources_and_of_the_organization_are_read() {
    const AWS: &str = "aws: { region: eu-west-1, account: \"123456789012\" }\n";
    let place = Place::new();
    let file = place.path("poolgate.yaml");
    let (bucket, levels) = ("policies/resources/demo.json", "policies/organization/all.json");
    let everyone = r#"{ "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::demo/*" }"#;
    let policy = format!(
        "{{\n\"Resource\": \"arn:aws:s3:::demo\",\n\"Policy\": {{ \"Statement\": {everyone} }}\n}}"
    );
    for folder in ["policies/resources", "policies/organization"] {
        fs::create_dir(place.path(folder)).unwrap();
    }
    place.write("poolgate.yaml", &format!("{AWS}{CONFIG}"));
    let built = builder().build(&file).unwrap();
    let mut last = (place.stamps(&built.settings), built.snapshot.rules.hash);
    for (name, text) in [
        (bucket, policy.as_str()),
        (levels, r#"{ "ServiceControlPolicies": [[]], "ResourceControlPolicies": [] }"#),
    ] {
        place.write(name, text);
        let built = builder().build(&file).unwrap();
        let now = (place.stamps(&built.settings), built.snapshot.rules.hash);
        assert!(now.0 != last.0 && now.1 != last.1, "{name}");
        last = now;
    }
    let account = builder().build(&file).unwrap().snapshot.rules.account;
    assert!(account.resource_policy("arn:aws:s3:::demo").is_some());
    // A mistake is told at its place.
    place.write(bucket, &policy.replace("s3:GetObject", "GetObject"));
    place.write(levels, "{\n\"ServiceControlPolicies\": [[], [{\n\"Statement\": [] }]] }");
    let problems: Vec<_> =
        builder().build(&file).err().unwrap().iter().map(ToString::to_string).collect();
    let told = |place: &str| problems.iter().any(|problem| problem.contains(place));
    assert!(told("resources/demo.json:3:") && told("organization/all.json:3:"), "{problems:?}");
    // Whose they are has to be known.
    place.write(bucket, &policy);
    place.write(levels, "{}");
    place.write("poolgate.yaml", CONFIG);
    let problems = builder().build(&file).err().unwrap();
    assert!(problems[0].to_string().contains("aws.account is missing"), "{}", problems[0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_built_and_not_applied_touches_no_keys() {
    let place = Place::new();
    let file = place.path("poolgate.yaml");
    let pool = |name: &str, max_stale: &str| {
        format!(
            "{CONFIG}user_pools: [{{ id: eu-west-1_{name}, clients: [c], jwks: \"https://keys.example/{name}\" }}]\n\
             token: {{ max_stale: {max_stale} }}\n"
        )
    };
    let good = || Answer::Body(pool_jwks().into_bytes());
    let fetch = FakeFetch::new("https://keys.example/One", good());
    fetch.set("https://keys.example/Two", good());
    let mut builder = Builder::new(Arc::<FakeFetch>::clone(&fetch), client_tls().unwrap());

    place.write("poolgate.yaml", &pool("One", "2h"));
    let (_, snapshot, _, applied) = builder.build(&file).unwrap().into_parts();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(fetch.calls(), 0, "fetched for a configuration that may yet be refused");
    builder.applied(applied);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(fetch.calls(), 1);

    // The source is down from now on; a shorter max_stale that isn't in force hurts nobody.
    fetch.set("https://keys.example/One", Answer::Hangs);
    let keys = Arc::clone(&snapshot.rules.issuers.all()[0].keys);
    for (name, max_stale) in [("One", "1m"), ("Two", "2h")] {
        place.write("poolgate.yaml", &pool(name, max_stale));
        assert!(builder.build(&file).is_ok());
    }
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(!keys.is_stale());
    assert_eq!(keys.stats().keys, 1);
    place.write("poolgate.yaml", &pool("One", "1m"));
    let (_, _, _, applied) = builder.build(&file).unwrap().into_parts();
    builder.applied(applied);
    assert!(keys.is_stale());
}

#[tokio::test]
async fn routes_behind_one_load_balancer_keep_their_own_clients() {
    let place = Place::new();
    let alb = |client: &str| {
        let arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/50dc";
        format!(
            "  - {{ name: {client}, service: execute-api, match: {{ path: /{client} }}, engines: {{ iam: off }}, \
             token: {{ alb: {{ arn: \"{arn}\", client: {client} }} }}, upstream: {{ url: \"http://127.0.0.1:3000\" }} }}\n"
        )
    };
    let pool = "user_pools: [{ id: eu-west-1_One, clients: [c] }]\n";
    place.write("poolgate.yaml", &format!("{CONFIG}{}{}{pool}", alb("a"), alb("b")));
    let built = builder().build(&place.path("poolgate.yaml")).unwrap();
    let rules = &built.snapshot.rules;
    let clients: Vec<_> = rules
        .routes
        .iter()
        .filter_map(|route| route.sources.alb.as_ref()?.client.as_deref())
        .collect();
    assert_eq!(clients, ["a", "b"]);
    let issuers = rules.issuers.all();
    assert!(issuers.iter().any(|i| i.name.ends_with("/50dc") && i.clients.is_empty()));
}

#[tokio::test]
async fn links_in_a_circle_and_pipes_are_refused() {
    let refused = |place: &Place| {
        let problems = builder().build(&place.path("poolgate.yaml")).err().unwrap();
        problems[0].to_string()
    };
    let place = Place::new();
    for name in ["one", "two", "three"] {
        std::os::unix::fs::symlink(".", place.path(&format!("policies/roles/{name}"))).unwrap();
    }
    assert!(refused(&place).contains("nested deeper than 8"), "{}", refused(&place));

    let place = Place::new();
    let pipe = place.path("policies/roles/pipe.json");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(refused(&place).contains("not a regular file"), "{}", refused(&place));
}

/// A configuration with a route of DynamoDB that has these fields, and the pool it needs.
fn with_rows(place: &Place, fields: &str) -> String {
    let pool = r#"{ "IdentityPoolId": "eu-west-1:7c5b0000-0000-4000-8000-000000000000" }"#;
    fs::create_dir_all(place.path("policies/identity-pools")).unwrap();
    place.write("policies/identity-pools/pool.json", pool);
    format!(
        "{CONFIG}  - {{ name: rows, service: dynamodb, {fields} }}\n\
         aws: {{ region: eu-west-1, account: \"123456789012\" }}\n"
    )
}

fn tables(built: &Snapshot) -> &Tables {
    let of = |route: &'_ Route| matches!(route.service, Service::DynamoDb(_));
    match &built.rules.routes.iter().find(|route| of(route)).unwrap().service {
        Service::DynamoDb(tables) => tables,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn configured_tables_have_the_keys_that_the_file_says() {
    let place = Place::new();
    let fields = "upstream: { url: \"http://127.0.0.1:8000\" }, tables: { demo: { partition_key: pk, \
                  indexes: { wide: { partition_key: [a, b], sort_key: [c] } } } }";
    place.write("poolgate.yaml", &with_rows(&place, fields));
    let built = builder().build(&place.path("poolgate.yaml")).unwrap().snapshot;
    let schema = tables(&built).schema("demo").await.unwrap().unwrap();
    let names = |key: &[KeyAttribute]| -> Vec<String> {
        assert!(key.iter().all(|attribute| attribute.kind.is_none()));
        key.iter().map(|attribute| attribute.name.clone()).collect()
    };
    assert_eq!((names(&schema.key.partition), &schema.key.sort), (vec!["pk".to_owned()], &None));
    let wide = &schema.indexes["wide"];
    assert_eq!(names(&wide.partition), ["a", "b"]);
    assert_eq!(names(wide.sort.as_deref().unwrap()), ["c"]);
    assert_eq!(schema.indexes.len(), 1);
}

#[tokio::test]
async fn what_is_learnt_of_tables_outlives_a_reload_with_the_upstream() {
    let place = Place::new();
    let file = place.path("poolgate.yaml");
    let fields =
        |port: u16, more: &str| format!("{more}upstream: {{ url: \"http://127.0.0.1:{port}\" }}");
    let learnt = |built: &Snapshot| Arc::as_ptr(tables(built).learnt()).cast::<()>();
    let mut builder = builder();
    let mut next = |fields: &str| {
        place.write("poolgate.yaml", &with_rows(&place, fields));
        let (_, snapshot, _, applied) = builder.build(&file).unwrap().into_parts();
        builder.applied(applied);
        snapshot
    };
    let first = next(&fields(8000, ""));
    let second = next(&fields(8000, "tables: { demo: { partition_key: pk } }, "));
    assert_eq!(learnt(&first), learnt(&second), "all would be asked again");
    let third = next(&fields(8001, ""));
    assert_ne!(learnt(&second), learnt(&third), "of another backend");
}

#[tokio::test]
async fn upstreams_that_are_signed_for_different_services_are_different() {
    let place = Place::new();
    let upstream = "upstream: { url: \"http://127.0.0.1:8000\", host: own, sign: { access_key_id: a, \
                    secret_access_key: { file: key } } }";
    place.write("key", "secret");
    let text = with_rows(&place, upstream).replace(
        "aws:",
        &format!("  - {{ name: files, service: s3, match: {{ path: /x }}, {upstream} }}\naws:"),
    );
    place.write("poolgate.yaml", &text);
    let built = builder().build(&place.path("poolgate.yaml")).unwrap().snapshot;
    let [_, Some(rows), Some(files)] = built.upstreams.as_slice() else { panic!() };
    assert!(!Arc::ptr_eq(rows, files));
}

#[test]
fn without_a_runtime_nobody_is_asked() {
    let place = Place::new();
    place.write("poolgate.yaml", &with_rows(&place, "upstream: { url: \"http://127.0.0.1:1\" }"));
    let built = builder().build(&place.path("poolgate.yaml")).unwrap().snapshot;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let found = runtime.block_on(tables(&built).schema("demo"));
    assert!(found.unwrap_err().to_string().contains("nobody to ask"));
}

/// The first route's.
fn upstream(snapshot: &Snapshot) -> &Arc<crate::upstream::Upstream> {
    snapshot.upstream(0).unwrap()
}
