use std::path::Path;

use clap::{Parser, ValueEnum};

use super::*;
use crate::config::Settings;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    snippet: Snippet,
}

const ALL: &str = "[envoy, nginx, ingress-nginx, traefik, caddy, haproxy]";

/// What the command line `caller…` prints for routes, asked at `listener`.
fn printed(listener: &str, routes: &str, caller: &str) -> Result<String, String> {
    let mut line = vec!["snippet"];
    line.extend(caller.split(' '));
    line.extend(["--config", "poolgate.yaml"]);
    let snippet = Line::try_parse_from(line).map_err(|error| error.to_string())?.snippet;
    if let Some(message) = snippet.misused() {
        return Err(message.to_owned());
    }
    snippet.plan(&settings(listener, routes)).and_then(|plan| snippet.write(&plan))
}

fn settings(listener: &str, routes: &str) -> Settings {
    let text = format!(
        "listen: {{ proxy: {{ address: '127.0.0.1:8080' }}{listener} }}\n\
         aws: {{ region: us-east-1, account: '000000000000' }}\nroutes:\n{routes}"
    );
    match crate::config::load_text(Path::new("poolgate.yaml"), &text, &|_| None) {
        Ok((settings, _)) => settings,
        Err(problems) => panic!("{problems:?}"),
    }
}

fn listener() -> String {
    format!(", ext_authz: {{ address: '0.0.0.0:9191', dialects: {ALL} }}")
}

fn route(name: &str, more: &str) -> String {
    format!("  - {{ name: {name}, service: execute-api, engines: {{ iam: 'off' }}, {more} }}\n")
}

fn two_routes() -> String {
    route(
        "orders",
        "match: { host: api.example.com, path: /orders/ }, upstream: { url: 'http://orders.shop:3000' }",
    ) + &route(
        "rest",
        "match: { path: /v1 }, upstream: { url: 'https://rest.example.com' }, host: rewrite",
    )
}

const CALLERS: [&str; 10] = [
    "envoy",
    "envoy --http",
    "istio",
    "nginx",
    "ingress-nginx",
    "traefik",
    "caddy",
    "haproxy",
    "haproxy --lua",
    "gateway-api",
];

#[test]
fn every_caller_has_a_snippet_with_nothing_left_to_fill_in() {
    for caller in CALLERS {
        let text = printed(&listener(), &two_routes(), caller).unwrap();
        assert!(text.ends_with('\n') && text.starts_with(['#', '-']), "{caller}: {text}");
        for (number, line) in text.lines().enumerate() {
            let marks: Vec<&str> = line.split('@').skip(1).step_by(2).collect();
            let left = marks.iter().any(|mark| {
                !mark.is_empty() && mark.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
            });
            assert!(!left, "{caller}:{}: {line}", number + 1);
            assert_eq!(line.trim_end(), line, "{caller}:{}", number + 1);
        }
    }
    assert_eq!(Caller::value_variants().len(), CALLERS.len() - 2);
}

#[test]
fn over_http_every_header_that_tells_of_the_caller_is_taken_from_the_answer() {
    for caller in ["envoy --http", "nginx", "ingress-nginx", "traefik", "caddy", "haproxy --lua"] {
        let text = printed(&listener(), &two_routes(), caller).unwrap();
        for name in crate::http::IDENTITY_NAMES {
            assert!(text.contains(name), "{caller} leaves out {name}");
        }
    }
}

#[test]
fn what_the_gate_would_strip_is_taken_out() {
    // Over gRPC, Envoy is told with each answer what else goes; so are Istio's and Gateway API's.
    let without: [(&str, &str, &[&str]); 7] = [
        ("envoy", "@", &[]),
        ("envoy --http", "@", &[]),
        ("nginx", "proxy_set_header @ \"\";", &[]),
        ("ingress-nginx", "@", &ingress_nginx::ITS_OWN),
        ("traefik", "@", &traefik::ITS_OWN),
        ("caddy", "request_header -@\n", &[]),
        ("haproxy", "http-request del-header @\n", &[]),
    ];
    for (caller, how, own) in without {
        let text = printed(&listener(), &two_routes(), caller).unwrap();
        let listed: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("request_headers_to_remove") || line.contains("esponse"))
            .flat_map(|line| line.split([' ', ',', '[', ']', '"']))
            .collect();
        for name in crate::http::STRIPPED_NAMES {
            let taken = match how {
                "@" => listed.contains(&name),
                how => text.contains(&how.replace('@', name)),
            };
            assert!(taken != own.contains(&name), "{caller}: {name}");
        }
    }
}

#[test]
fn the_only_upgrade_is_to_websocket() {
    for (caller, rule) in [
        ("envoy", "upgrade_configs: [{ upgrade_type: websocket }]"),
        ("nginx", "if ($poolgate_upgrade = refused) {"),
        ("traefik", "HeaderRegexp(`Upgrade`, `^(?i:websocket)$`)"),
        ("caddy", "not header_regexp Upgrade (?i)^websocket$"),
        ("haproxy", "!{ req.fhdr(upgrade) -m str -i websocket }"),
    ] {
        let text = printed(&listener(), &two_routes(), caller).unwrap();
        assert!(text.contains(rule), "{caller}: {text}");
    }
}

#[test]
fn the_route_is_said_by_the_callers_configuration() {
    for (caller, path) in [
        ("envoy", "poolgate.route: orders"),
        ("envoy --http", "/routes/orders/check/envoy"),
        ("nginx", "/routes/orders/check/nginx;"),
        ("ingress-nginx", ":9191/routes/orders/check/ingress-nginx\""),
        ("traefik", "http://127.0.0.1:9191/routes/orders/check/traefik"),
        ("caddy", "uri /routes/orders/check/caddy"),
        ("haproxy", "set-var(txn.poolgate_route) str(orders)"),
    ] {
        let text = printed(&listener(), &two_routes(), caller).unwrap();
        assert!(text.contains(path), "{caller}: {text}");
    }
}

#[test]
fn one_route_alone() {
    for caller in CALLERS.iter().filter(|caller| !caller.contains("--lua")) {
        let text = printed(&listener(), &two_routes(), &format!("{caller} --route rest")).unwrap();
        assert!(text.contains("rest") && !text.contains("orders"), "{caller}: {text}");
    }
}

#[test]
fn envoy_sends_along_the_bodies_of_what_may_be_signed() {
    let public = route(
        "public",
        "match: { path: /public/ }, authenticate: none, upstream: { url: 'http://127.0.0.1:1' }",
    );
    let mut settings = settings(&listener(), &(two_routes() + &public));
    let printed = |settings: &Settings| {
        envoy::over_grpc(&Plan::of(settings, None, None, false).unwrap()).unwrap()
    };
    assert!(!printed(&settings).contains("with_request_body"), "nobody can sign");
    settings.credentials = Some(crate::config::Credentials {
        keys: Vec::new(),
        duration: std::time::Duration::from_secs(3600),
        token_key: None,
    });
    let text = printed(&settings);
    assert!(text.contains("with_request_body: { max_request_bytes: 16777216,"), "{text}");
    // On its own host, and on both.
    for (name, entries, without) in [("orders", 2, 1), ("rest", 4, 2), ("public", 2, 2)] {
        let named = format!("poolgate.route: {name} }}\n");
        let settings: Vec<&str> = text.split(&named).skip(1).map(str::trim_start).collect();
        let alone = settings.iter().filter(|text| text.starts_with("disable_request_body_buff"));
        assert_eq!((settings.len(), alone.count()), (entries, without), "{name}");
    }
    settings.limits.body_buffer = 4096;
    assert!(printed(&settings).contains("max_request_bytes: 4096,"));
}

#[test]
fn an_exact_host_goes_before_a_longer_path() {
    let routes = route(
        "any",
        "match: { path: /orders/new/ }, upstream: { url: 'http://127.0.0.1:1' }",
    ) + &route(
        "host",
        "match: { host: a.example.com, path: /orders/ }, upstream: { url: 'http://127.0.0.1:2' }",
    ) + &route(
        "other",
        "match: { path: /v1/ }, upstream: { url: 'http://127.0.0.1:3' }",
    );
    let settings = settings(&listener(), &routes);
    let plan = Plan::of(&settings, None, None, false).unwrap();
    let hosts: Vec<(Option<&str>, Vec<&str>)> = plan
        .by_host()
        .into_iter()
        .map(|(host, routes)| (host, routes.into_iter().map(|r| r.name.as_str()).collect()))
        .collect();
    // On its own host the shorter path takes what `any` would; `other` is open to every host.
    assert_eq!(
        hosts,
        [(Some("a.example.com"), vec!["host", "other"]), (None, vec!["any", "other"])]
    );
}

#[test]
fn what_is_missing_is_said() {
    let cases = [
        (
            "",
            "nginx",
            "add `ext_authz: { address: \"127.0.0.1:9191\", dialects: [nginx] }` to `listen`",
        ),
        ("", "istio", "add `ext_authz: { address: \"127.0.0.1:9191\" }` to `listen`"),
        (
            ", ext_authz: { address: '127.0.0.1:9191' }",
            "caddy",
            "add `caddy` to listen.ext_authz.dialects",
        ),
        (
            ", ext_authz: { address: 'unix:/run/p.sock', dialects: [traefik] }",
            "traefik",
            "Unix socket",
        ),
        (", ext_authz: { address: 'unix:/run/p q.sock', dialects: [nginx] }", "nginx", "by hand"),
        (", ext_authz: { address: '127.0.0.1:9191' }", "istio --route nobody", "no route `nobody`"),
        (", ext_authz: { address: '127.0.0.1:9191' }", "istio --http", "--http goes with envoy"),
        (", ext_authz: { address: '127.0.0.1:9191' }", "envoy --lua", "--lua goes with haproxy"),
    ];
    for (listener, caller, message) in cases {
        let said = printed(listener, &two_routes(), caller).unwrap_err();
        assert!(said.contains(message), "{caller}: {said}");
    }
    let files = "  - { name: files, service: s3, upstream: { url: 'http://127.0.0.1:9000' } }\n";
    for caller in ["envoy", "envoy --route files"] {
        let said = printed(&listener(), files, caller).unwrap_err();
        assert!(said.contains("execute-api"), "{said}");
    }
    let odd = route("odd", "match: { path: \"/it's/\" }, upstream: { url: 'http://127.0.0.1:1' }");
    assert!(printed(&listener(), &odd, "nginx").unwrap_err().contains("by hand"));
}

#[test]
fn unix_sockets_where_the_caller_has_them() {
    let listener = format!(", ext_authz: {{ address: 'unix:/run/p.sock', dialects: {ALL} }}");
    let routes = route("orders", "match: { path: / }, upstream: { url: 'unix:/run/orders.sock' }");
    for (caller, poolgate, orders) in [
        ("envoy", "pipe: { path: \"/run/p.sock\" }", "pipe: { path: \"/run/orders.sock\" }"),
        ("nginx", "server unix:/run/p.sock;", "server unix:/run/orders.sock;"),
        ("caddy", "forward_auth unix//run/p.sock", "reverse_proxy unix//run/orders.sock"),
        ("haproxy", "lua.poolgate unix@/run/p.sock", "server upstream unix@/run/orders.sock"),
    ] {
        let text = printed(&listener, &routes, caller).unwrap();
        assert!(text.contains(poolgate) && text.contains(orders), "{caller}: {text}");
    }
}

#[test]
fn a_token_that_is_not_forwarded_is_taken_away() {
    let routes = route(
        "orders",
        "match: { path: / }, forward_token: false, upstream: { url: 'http://127.0.0.1:1' }",
    );
    for (caller, away) in [
        ("nginx", "proxy_set_header Authorization \"\";"),
        ("traefik", "x-poolgate-decision-id, authorization, "),
        ("caddy", "request_header -Authorization"),
        ("haproxy", "http-request del-header authorization if"),
    ] {
        let text = printed(&listener(), &routes, caller).unwrap();
        assert!(text.contains(away), "{caller}: {text}");
        let kept = printed(&listener(), &two_routes(), caller).unwrap();
        assert!(!kept.contains(away), "{caller}");
    }
    assert!(printed(&listener(), &routes, "ingress-nginx").unwrap_err().contains("forward_token"));
}

#[test]
fn a_cookie_goes_on_without_its_token() {
    let paged = route(
        "pages",
        "match: { path: / }, token: { cookie: session }, upstream: { url: 'http://127.0.0.1:1' }",
    );
    for (caller, put) in [
        ("envoy --http", "{ exact: cookie }"),
        ("nginx", "proxy_set_header Cookie $poolgate_cookie;"),
        ("ingress-nginx", ",x-poolgate-decision-id,cookie,"),
        ("traefik", "x-poolgate-decision-id, cookie, "),
        ("caddy", " x-poolgate-decision-id cookie\n"),
        ("haproxy", "http-request set-header cookie %[var(txn.poolgate_cookie)]"),
    ] {
        let text = printed(&listener(), &paged, caller).unwrap();
        assert!(text.contains(put), "{caller}: {text}");
        let kept = printed(&listener(), &two_routes(), caller).unwrap();
        assert!(
            kept.contains(put) == (caller == "envoy --http"),
            "{caller}: it is told of changes"
        );
    }
}

#[test]
fn places_on_the_command_line() {
    assert_eq!(place("poolgate.shop.svc:9191"), Ok(Place::Tcp("poolgate.shop.svc".into(), 9191)));
    assert_eq!(place("[::1]:9191"), Ok(Place::Tcp("::1".into(), 9191)));
    assert_eq!(place("unix:/run/p.sock"), Ok(Place::Unix("/run/p.sock".into())));
    for wrong in
        ["poolgate", "poolgate:x", "a b:1", "::1:9191", "unix:p", "unix:/a;b", ":1", "a\";:1"]
    {
        assert!(place(wrong).is_err(), "{wrong}");
    }
}
