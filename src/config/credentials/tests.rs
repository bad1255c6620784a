//! Credentials, S3 domains and signing as the file has them.

use std::path::Path;

use crate::config::{Settings, load_text};

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn read(more: &str, route: &str) -> Result<Settings, Vec<String>> {
    let text = format!(
        "listen: {{ proxy: {{ address: \"127.0.0.1:8080\" }} }}\nidentities: {{ key: {{ env: KEY }} }}\n\
         routes:\n  - {{ name: files, service: s3, {route} }}\n{more}"
    );
    let environment = |name: &str| match name {
        "KEY" => Some(KEY.into()),
        "SHORT" => Some("AAEC".into()),
        _ => None,
    };
    load_text(Path::new("poolgate.yaml"), &text, &environment)
        .map(|(settings, _)| settings)
        .map_err(|problems| problems.iter().map(|problem| problem.to_string()).collect())
}

const UPSTREAM: &str = "upstream: { url: \"http://127.0.0.1:9000\" }";

#[test]
fn keys_are_32_bytes_and_have_names_of_their_own() {
    let settings = read(
        "credentials: { keys: [{ id: new, env: KEY }, { id: old, env: KEY }], duration: 15m }\n",
        UPSTREAM,
    );
    let credentials = settings.unwrap().credentials.unwrap();
    assert_eq!(credentials.keys.first().unwrap().id, "new");
    assert_eq!(credentials.keys.first().unwrap().key.expose(), (0..32).collect::<Vec<u8>>());
    assert_eq!(credentials.duration.as_secs(), 900);
    assert!(credentials.token_key.is_none());
    for (keys, expected) in [
        ("[{ id: a, env: SHORT }]", "env: must be 32 bytes in base64"),
        ("[{ id: a, env: NONE }]", "the environment variable NONE is not set"),
        ("[{ id: a }]", "must have exactly one of `file` and `env`"),
        ("[{ id: a, env: KEY, file: x }]", "must have exactly one of `file` and `env`"),
        ("[{ id: a, env: KEY }, { id: a, env: KEY }]", "two keys have the id `a`"),
        ("[{ id: \"a b\", env: KEY }]", "must be a name of at most 32"),
    ] {
        let problems = read(&format!("credentials: {{ keys: {keys} }}\n"), UPSTREAM).unwrap_err();
        assert!(problems.iter().any(|p| p.contains(expected)), "{keys}: {problems:?}");
    }
}

#[test]
fn an_s3_route_has_what_s3_needs_and_nothing_else() {
    let sign = "upstream: { url: \"http://127.0.0.1:9000\", sign: { access_key_id: minio, secret_access_key: { env: KEY } } }";
    let settings =
        read("s3: { domains: [S3.localhost] }\n", &format!("guest: true, {sign}")).unwrap();
    assert_eq!(settings.s3.domains, ["s3.localhost"]);
    let route = settings.routes.first().unwrap();
    assert!(route.guest);
    let sign = route.upstream.as_ref().unwrap().sign.as_ref().unwrap();
    assert_eq!((sign.access_key_id.as_str(), &sign.region), ("minio", &None));
    for (route, expected) in [
        ("scopes: [a]", "scopes: is for `service: execute-api` only"),
        ("engines: { iam: off }", "engines: IAM decides on every S3 route"),
        ("host: keep", "host: an S3 upstream is told its own"),
        ("forward_token: true", "forward_token: is for APIs"),
        ("authenticate: none", "authenticate: is for `service: execute-api` only"),
    ] {
        let problems = read("", &format!("{route}, {UPSTREAM}")).unwrap_err();
        assert!(problems.iter().any(|p| p.contains(expected)), "{route}: {problems:?}");
    }
}

#[test]
fn domains_are_of_s3_and_take_no_other_routes_host() {
    let api = |host: &str| {
        format!(
            "listen: {{ proxy: {{ address: \"127.0.0.1:8080\" }} }}\nidentities: {{ key: {{ env: KEY }} }}\n\
             s3: {{ domains: [s3.localhost] }}\nroutes:\n  - {{ name: api, service: execute-api, \
             engines: {{ iam: off }}, match: {{ host: {host} }}, {UPSTREAM} }}\n"
        )
    };
    let files = format!("  - {{ name: files, service: s3, {UPSTREAM} }}\n");
    let read = |text: &str| {
        let environment = |_: &str| Some(KEY.into());
        match load_text(Path::new("poolgate.yaml"), text, &environment) {
            Ok((_, warnings)) => warnings,
            Err(problems) => problems,
        }
    };
    let said = |text: &str, expected: &str| {
        read(text).iter().any(|problem| problem.to_string().contains(expected))
    };
    let none = "warning: s3: there is no route of `service: s3`";
    assert!(said(&api("api.example"), none));
    assert!(!said(&(api("api.example") + &files), "s3"));
    for host in ["s3.localhost", "demo.s3.localhost", "a.b.S3.localhost"] {
        let expected = "of route `api` is a bucket's below s3.localhost";
        assert!(said(&(api(host) + &files), expected), "{host}");
    }
    assert!(!said(&(api("xs3.localhost") + &files), "s3:"));
}

#[test]
fn no_route_has_the_name_of_a_service_that_is_built_in() {
    for name in ["sts", "cognito-identity"] {
        let text = format!(
            "listen: {{ proxy: {{ address: \"127.0.0.1:8080\" }} }}\nroutes:\n  - {{ name: {name}, service: s3, {UPSTREAM} }}\n"
        );
        let problems = load_text(Path::new("poolgate.yaml"), &text, &|_: &str| None).unwrap_err();
        let expected = "name: is what metrics and logs call the service that is built in";
        assert!(problems.iter().any(|p| p.to_string().contains(expected)), "{problems:?}");
    }
}
