use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;

use super::{
    Authenticate, BoundTokens, EngineMode, IdentityStore, Keys, LogFormat, LogLevel, Only, Piece,
    Problem, Segment, Service, Settings, Sink, UpstreamHost, UpstreamUrl, load_text, read_text,
    schema,
};

fn environment(name: &str) -> Option<OsString> {
    (name == "KEY").then(|| "a key from the environment\r\n".into())
}

fn read(text: &str) -> Result<(Settings, Vec<Problem>), Vec<Problem>> {
    load_text(Path::new("etc/poolgate.yaml"), text, &environment)
}

fn from_file(path: &Path) -> Result<(Settings, Vec<Problem>), Vec<Problem>> {
    load_text(path, &read_text(path)?, &environment)
}

fn settings(text: &str) -> Settings {
    match read(text) {
        Ok((settings, _)) => settings,
        Err(problems) => panic!("{text}\n{problems:#?}"),
    }
}

/// The problems of a text, each as `line:column: message`.
fn problems(text: &str) -> Vec<String> {
    let problems = match read(text) {
        Ok((_, warnings)) => warnings,
        Err(problems) => problems,
    };
    let shown = problems.iter().map(ToString::to_string);
    shown.map(|p| p.strip_prefix("etc/poolgate.yaml:").unwrap().to_owned()).collect()
}

/// A configuration without problems, to which `more` is added.
fn with(more: &str) -> String {
    format!("{MINIMAL}{more}")
}

/// A configuration whose one route, at line 7, is `fields` beside name and upstream.
fn route(fields: &str) -> String {
    let (head, _) = MINIMAL.split_once("  - name").unwrap();
    format!("{head}  - name: a\n    upstream: {{ url: \"http://127.0.0.1:3000\" }}\n{fields}")
}

const MINIMAL: &str = "\
listen: { proxy: { address: \"127.0.0.1:8080\" } }
aws: { region: eu-west-1, account: \"123456789012\" }
user_pools:
  - { id: eu-west-1_Ab12Cd34E, clients: [1example23456789] }
identities: { key: { env: KEY } }
routes:
  - name: a
    service: execute-api
    api: { id: a1b2c3d4e5, stage: prod }
    upstream: { url: \"http://127.0.0.1:3000\" }
";

/// The design's example, without what this version doesn't have.
const EXAMPLE: &str = r#"
listen:
  proxy:     { address: "0.0.0.0:8080", tls: { cert: tls.crt, key: tls.key } }
  admin:     { address: "127.0.0.1:9901" }
trusted_proxies: []
limits: { headers: 64KiB, connections: 10000 }
timeouts: { header: 10s, idle: 60s, upstream_connect: 2s, upstream_header: 30s, shutdown_delay: 2s, drain: 30s }
aws: { region: eu-west-1, account: "123456789012" }
user_pools:
  - id: eu-west-1_Ab12Cd34E
    clients: [1example23456789]
    groups: policies/user-pools/groups.json
oidc_providers: []
token: { leeway: 0s, max_stale: 24h, revocations: null }
identity_pools: policies/identity-pools
policies: policies
identities: { store: derived, key: { env: KEY } }
routes:
  - name: orders
    service: execute-api
    match: { host: API.example.com, path: /orders/ }
    identity_pool: eu-west-1:7c5b1b6e-0000-4000-8000-000000000001
    api: { id: a1b2c3d4e5, stage: prod }
    scopes: []
    engines: { iam: enforce, cedar: off }
    upstream: { url: "http://127.0.0.1:3000" }
decision_log: { sink: stdout }
"#;

#[test]
fn the_example_loads() {
    let (settings, warnings) = read(EXAMPLE).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(settings.file, Path::new("etc/poolgate.yaml"));
    assert_eq!(settings.listen.proxy.address.to_string(), "0.0.0.0:8080");
    let tls = settings.listen.proxy.tls.unwrap();
    assert_eq!((tls.cert.value, tls.key.value), ("etc/tls.crt".into(), "etc/tls.key".into()));
    assert_eq!((tls.cert.position.line, tls.cert.position.column), (3, 54));
    let aws = settings.aws.unwrap();
    assert_eq!((aws.region.as_str(), aws.account.as_str()), ("eu-west-1", "123456789012"));
    let pool = &settings.user_pools[0];
    assert_eq!(pool.region(), "eu-west-1");
    assert_eq!(
        pool.groups.as_ref().unwrap().value,
        Path::new("etc/policies/user-pools/groups.json")
    );
    assert_eq!(
        pool.issuers(),
        [
            "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E",
            "https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E",
        ]
    );
    let jwks = format!("{}/.well-known/jwks.json", pool.issuers()[0]);
    assert_eq!(pool.keys(), Keys::Url(jwks));
    assert_eq!(settings.identities.key.unwrap().expose(), b"a key from the environment");
    let route = &settings.routes[0];
    assert_eq!((route.position.line, route.position.column), (19, 5));
    assert_eq!((route.name.as_str(), route.service), ("orders", Service::ExecuteApi));
    let matching = route.r#match.as_ref().unwrap();
    assert_eq!(matching.host.as_deref(), Some("api.example.com"));
    assert_eq!(matching.path.as_deref(), Some("/orders/"));
    let pool = route.identity_pool.as_ref().unwrap();
    assert_eq!(pool.value, "eu-west-1:7c5b1b6e-0000-4000-8000-000000000001");
    assert_eq!((pool.position.line, pool.position.column), (22, 20));
    assert_eq!(settings.decision_log.sink, Sink::Stdout);
}

#[test]
fn what_is_left_out_is_at_its_default() {
    let (settings, warnings) = read(MINIMAL).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(settings.listen.admin.address.to_string(), "127.0.0.1:9901");
    assert_eq!(settings.trusted_proxies, []);
    let limits = settings.limits;
    assert_eq!((limits.headers, limits.connections), (65_536, 10_000));
    let times = settings.timeouts;
    let times = [
        times.header,
        times.idle,
        times.upstream_connect,
        times.upstream_header,
        times.shutdown_delay,
        times.drain,
    ];
    assert_eq!(times, [10, 60, 2, 30, 2, 30].map(Duration::from_secs));
    assert_eq!(settings.token.leeway, Duration::ZERO);
    assert_eq!(settings.token.max_stale, Duration::from_secs(86_400));
    assert_eq!(settings.policies.value, Path::new("etc/policies"));
    assert_eq!(settings.identity_pools.value, Path::new("etc/policies/identity-pools"));
    assert_eq!(settings.identities.store, IdentityStore::Derived);
    assert_eq!(settings.admin.token, None);
    assert_eq!(settings.decision_log.sink, Sink::None);
    assert_eq!(settings.decision_log.only, Only::All);
    assert_eq!(settings.access_log.sink, Sink::None);
    assert_eq!((settings.log.level, settings.log.format), (LogLevel::Info, LogFormat::Text));
    let route = &settings.routes[0];
    assert_eq!(route.r#match, None);
    assert_eq!(route.authenticate, Authenticate::Required);
    assert_eq!(route.bound_tokens, BoundTokens::Verify);
    assert_eq!((route.engines.iam, route.engines.cedar), (EngineMode::Enforce, EngineMode::Off));
    assert!(route.forward_token);
    assert_eq!(route.host, UpstreamHost::Keep);
}

#[test]
fn identity_pools_are_beside_the_policies() {
    let found = settings(&with("policies: /srv/p\n"));
    assert_eq!(found.identity_pools.value, Path::new("/srv/p/identity-pools"));
    let found = settings(&with("policies: /srv/p\nidentity_pools: pools\n"));
    assert_eq!(found.identity_pools.value, Path::new("etc/pools"));
    assert_eq!(found.identity_pools.position.line, 12);
}

#[test]
fn issuers_and_keys() {
    let found = settings(&with(
        "oidc_providers:\n  - { issuer: \"https://a.example/x/\", audiences: [b] }\n  \
         - { issuer: \"http://c.example\", audiences: [d], jwks: \"file:k/keys.json\" }\n",
    ));
    let [one, other] = found.oidc_providers.as_slice() else { panic!() };
    let discovery = "https://a.example/x/.well-known/openid-configuration";
    assert_eq!(one.jwks.value, Keys::Discover(discovery.into()));
    assert_eq!(one.issuer.as_str(), "https://a.example/x/");
    assert_eq!(other.jwks.value, Keys::File("etc/k/keys.json".into()));
    let stand_in = MINIMAL.replace(
        "clients: [1example23456789]",
        "clients: [c], issuer: \"http://127.0.0.1:9229/p\"",
    );
    let pool = &settings(&stand_in).user_pools[0];
    assert_eq!(pool.issuers(), ["http://127.0.0.1:9229/p"]);
    assert_eq!(pool.keys(), Keys::Url("http://127.0.0.1:9229/p/.well-known/jwks.json".into()));
    for (region, domain) in [("cn-north-1", "amazonaws.com.cn"), ("eusc-de-east-1", "amazonaws.eu")]
    {
        let pool = &settings(&MINIMAL.replace("eu-west-1_", &format!("{region}_"))).user_pools[0];
        assert!(pool.issuers()[0].starts_with(&format!("https://cognito-idp.{region}.{domain}/")));
    }
}

#[test]
fn routes_in_full() {
    let text = route(
        "    service: execute-api
    actions:
      - { method: GET, path: \"/pets/{id}\", action: \"pets:Read\", resource: \"arn:aws:pets:eu-west-1:123456789012:pet/{id}/x\" }
    token:
      cookie: session
      origins: [\"https://app.example.com\"]
      alb: { arn: \"arn:aws-us-gov:elasticloadbalancing:us-gov-west-1:123456789012:loadbalancer/app/a/b\", client: c }
    host: rewrite
    forward_token: false
    bound_tokens: require
",
    );
    let found = &settings(&text).routes[0];
    let rule = &found.actions[0];
    assert_eq!(
        rule.path.segments,
        [Segment::Literal("pets".into()), Segment::Parameter("id".into())]
    );
    assert_eq!(
        rule.resource.pieces,
        [
            Piece::Literal("arn:aws:pets:eu-west-1:123456789012:pet/".into()),
            Piece::Parameter("id".into()),
            Piece::Literal("/x".into()),
        ]
    );
    assert_eq!(found.host, UpstreamHost::Rewrite);
    assert!(!found.forward_token);
    assert_eq!(found.bound_tokens, BoundTokens::Require);
    let token = found.token.as_ref().unwrap();
    assert_eq!(token.cookie.as_deref(), Some("session"));
    assert_eq!(
        token.alb.as_ref().unwrap().keys_url(),
        "https://s3-us-gov-west-1.amazonaws.com/aws-elb-public-keys-prod-us-gov-west-1"
    );
    let unix = route("    service: cognito-idp\n").replace("http://127.0.0.1:3000", "unix:/run/x");
    let unix = unix.replace("/run/x\"", "/run/x\", host: \"A.example:1\"");
    let found = &settings(&unix).routes[0];
    assert_eq!(found.upstream.as_ref().unwrap().url.value, UpstreamUrl::Unix("/run/x".into()));
    assert_eq!(found.host, UpstreamHost::Fixed("a.example:1".into()));
}

#[test]
fn every_problem_is_reported_at_once_and_in_place() {
    let text = r#"listen:
  proxi: { address: "127.0.0.1:8080" }
  admin: { address: 9901 }
  ext_authz: { address: "127.0.0.1:9191", from: [10.1.0.0/8], dialects: [nginz] }
limits: { headers: 64KB, connections: 0 }
timeouts: { idle: 60, header: 25h }
aws: { region: eu-west-1, account: 123456789012 }
user_pools:
  - id: eu-west-1
    clients: []
trusted_proxies: [10.1.0.0/8, ::/0]
token: { revocations: [a] }
identities: { store: memory, key: hunter2 }
credentials: { keys: [] }
routes:
  - name: Files
    service: s3
    match: { path: orders/../x }
    upstream: { url: "http://127.0.0.1:9000/base", sign: {} }
    guest: true
  - service: sts
    engines: { iam: shadows, compose: both }
    scopes:
log: { level: inf }
"#;
    assert_eq!(
        problems(text),
        [
            "2:3: listen: `proxy` is missing: the address of the requests that are forwarded",
            "2:3: listen: `proxi` is not a field here; did you mean `proxy`?",
            "3:21: listen.admin.address: must be an address such as 127.0.0.1:8080 or unix:/run/poolgate.sock, and this is a number",
            "4:50: listen.ext_authz.from[0]: 10.1.0.0/8 has bits beyond its prefix; write 10.0.0.0/8",
            "4:74: listen.ext_authz.dialects[0]: must be one of envoy, nginx, ingress-nginx, traefik, caddy, haproxy, not \"nginz\"; did you mean `nginx`?",
            "5:20: limits.headers: must be a size such as 64KiB, 16MiB or 512B, not \"64KB\"",
            "5:39: limits.connections: must be from 1 to 1000000",
            "6:19: timeouts.idle: must be a duration such as 10s, 500ms, 5m or 24h, and this is a number",
            "6:31: timeouts.header: must be from 1ms to 24h",
            "7:36: aws.account: must be an account id of 12 digits, as text, and this is a number; quote it: \"123456789012\"",
            "9:9: user_pools[0].id: must be a user pool id such as eu-west-1_Ab12Cd34E, not \"eu-west-1\"",
            "10:14: user_pools[0].clients: must not be empty",
            "11:19: trusted_proxies[0]: 10.1.0.0/8 has bits beyond its prefix; write 10.0.0.0/8",
            "12:23: token.revocations: must be a path, not a list",
            "13:22: identities.store: `memory` comes with a later version; only `derived` works in this one",
            "13:35: identities.key: must be a mapping, not text",
            "14:22: credentials.keys: must not be empty",
            "16:11: routes[0].name: must be a name of at most 40 of a-z, 0-9 and -, not \"Files\"",
            "18:20: routes[0].match.path: must begin with /, not \"orders/../x\"",
            "19:22: routes[0].upstream.url: must be without a path: requests are forwarded with the path they came with, /base would be lost",
            "19:58: routes[0].upstream.sign: `access_key_id` is missing: the access key id",
            "19:58: routes[0].upstream.sign: `secret_access_key` is missing: its secret",
            "21:5: routes[1]: `name` is missing: its name, unique; also in metrics and logs",
            "21:14: routes[1].service: `sts` is built in and needs no route",
            "22:21: routes[1].engines.iam: must be one of enforce, shadow, off, not \"shadows\"; did you mean `shadow`?",
            "22:39: routes[1].engines.compose: must be one of all, any, guardrail, not \"both\"",
            "23:11: routes[1].scopes: must be a list, not nothing",
            "24:15: log.level: must be one of error, warn, info, debug, trace, not \"inf\"; did you mean `info`?",
        ]
    );
}

#[path = "rules_tests.rs"]
mod rules;

#[test]
fn a_file_is_read_from_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("poolgate.yaml");
    std::fs::write(folder.path().join("key"), "s3cret\n\n").unwrap();
    std::fs::write(&file, MINIMAL.replace("env: KEY", "file: key")).unwrap();
    let (settings, _) = from_file(&file).unwrap();
    assert_eq!(settings.identities.key.as_ref().unwrap().expose(), b"s3cret");
    assert!(!format!("{settings:?}").contains("s3cret"));
    let key = settings.identities.key.as_ref().unwrap();
    assert!(key.matches(b"s3cret") && !key.matches(b"s3creT") && !key.matches(b"s3cre"));
    assert_eq!(settings.policies.value, folder.path().join("policies"));

    std::fs::write(&file, [0x61, 0xff]).unwrap();
    let shown = from_file(&file).unwrap_err()[0].to_string();
    assert_eq!(shown, format!("{}:1:1: the file is not UTF-8", file.display()));
    std::fs::write(&file, vec![b'#'; 2 << 20]).unwrap();
    assert_eq!(from_file(&file).unwrap_err()[0].message, "the file is larger than 1 MiB");
    let missing = from_file(&folder.path().join("none.yaml")).unwrap_err();
    assert!(missing[0].message.starts_with("can't be read: "));
}

#[test]
fn secrets_are_read_or_reported_where_they_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    std::fs::write(path("empty"), "\n").unwrap();
    std::fs::write(path("large"), vec![b'x'; (64 << 10) + 1]).unwrap();
    for (secret, expected) in [
        ("{ env: NONE }", "5:27: identities.key.env: the environment variable NONE is not set"),
        ("{ file: none }", "5:28: identities.key.file: can't read "),
        ("{ file: empty }", "5:28: identities.key.file: the secret is empty"),
        ("{ file: large }", "5:28: identities.key.file: "),
        ("{}", "5:20: identities.key: must have exactly one of `file` and `env`"),
        ("{ file: a, env: B }", "5:20: identities.key: must have exactly one of `file` and `env`"),
        ("hunter2", "5:20: identities.key: must be a mapping, not text"),
    ] {
        let text = MINIMAL.replace("{ env: KEY }", secret);
        let problems = load_text(&path("p.yaml"), &text, &|_| None).unwrap_err();
        let [problem] = problems.as_slice() else { panic!("{problems:?}") };
        let shown = format!("{}:{}: {}", problem.line, problem.column, problem.message);
        assert!(shown.starts_with(expected), "{shown}");
        assert!(!shown.contains("hunter2"));
    }
}

#[test]
fn the_schema_describes_every_field_and_fits_the_reader() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let mut names = BTreeSet::new();
    check_schema(&schema, "", &mut names);
    for name in [
        "listen.proxy.tls.cert",
        "routes.actions.resource",
        "routes.tables.*.indexes.*.sort_key",
        "token.revocations",
        "log",
    ] {
        assert!(names.contains(name), "{name}");
    }
    assert_eq!(schema["required"], serde_json::json!(["listen", "routes"]));
    assert_eq!(schema["properties"]["user_pools"]["items"]["properties"]["clients"]["minItems"], 1);
    let limits = &schema["properties"]["limits"]["properties"];
    assert_eq!(limits["connections"]["default"], 10_000);
    assert_eq!(limits["headers"]["default"], "64KiB");
}

/// Every field has a description and a type; objects are closed; what is required exists.
fn check_schema(schema: &Value, path: &str, names: &mut BTreeSet<String>) {
    if schema["type"] == "array" {
        return check_schema(&schema["items"], path, names);
    }
    if schema["additionalProperties"].is_object() {
        assert!(schema["propertyNames"]["pattern"].is_string(), "{path}: {schema}");
        return check_schema(&schema["additionalProperties"], &format!("{path}.*"), names);
    }
    let kind = &schema["type"];
    assert!(kind.is_string() || kind.is_array() || schema["enum"].is_array(), "{path}: {schema}");
    let Some(properties) = schema["properties"].as_object() else { return };
    assert_eq!(schema["additionalProperties"], false, "{path}");
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(properties.contains_key(name.as_str().unwrap()), "{path}: {name}");
    }
    for (name, field) in properties {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        assert!(field["description"].as_str().is_some_and(|d| d.ends_with('.')), "{path}");
        check_schema(field, &path, names);
        names.insert(path);
    }
}

proptest! {
    #[test]
    fn no_file_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&String::from_utf8_lossy(&bytes));
    }

    /// A file with a hole, a doubling or a foreign character somewhere is read or refused, and a
    /// refusal has a reason in the file.
    #[test]
    fn no_damage_panics(at in 0..EXAMPLE.len(), take in 0..12usize, add in "[-:{}\\[\\],\"'&*!|> \n\té0]{0,6}") {
        let end = (at + take).min(EXAMPLE.len());
        let text = [&EXAMPLE.as_bytes()[..at], add.as_bytes(), &EXAMPLE.as_bytes()[end..]].concat();
        let text = String::from_utf8(text).unwrap();
        if let Err(problems) = read(&text) {
            prop_assert!(!problems.is_empty());
            let lines = text.lines().count() + 1;
            prop_assert!(problems.iter().all(|p| (1..=lines).contains(&p.line)));
        }
    }
}
