//! Envoy: ext_authz over gRPC, and over HTTP.

use std::net::IpAddr;

use super::{
    fill::fill,
    plan::{Backend, ESCAPED_UNRESERVED, Guarded, Place, Plan},
};
use crate::{
    config::Dialect,
    http::{IDENTITY_NAMES, STRIPPED_NAMES},
};

/// The configuration of an Envoy that asks over gRPC.
pub(super) fn over_grpc(plan: &Plan) -> Result<String, String> {
    let bodies = plan
        .routes
        .iter()
        .find_map(|route| route.signed_body)
        .map(|most| fill(include_str!("envoy-bodies.yaml"), &[("MOST", &most.to_string())]));
    let settings = |route: &Guarded| {
        let named = format!("context_extensions: {{ poolgate.route: {} }}", route.name);
        let alone = format!("{named}\ndisable_request_body_buffering: true");
        match (route.signed_body, &bodies) {
            (Some(_), _) => vec![(UNSIGNED, alone), ("", named)],
            (None, Some(_)) => vec![("", alone)],
            (None, None) => vec![("", named)],
        }
    };
    let service = include_str!("envoy-grpc.yaml");
    let service = fill(service, &[("BODIES", bodies.as_deref().unwrap_or_default())]);
    Ok(write(plan, ("", &service, Some(include_str!("envoy-h2.yaml"))), &settings))
}

/// The configuration of an Envoy that asks over HTTP.
pub(super) fn over_http(plan: &Plan) -> Result<String, String> {
    let mut patterns: Vec<String> =
        IDENTITY_NAMES.iter().map(|name| format!("{{ exact: {name} }}")).collect();
    // Poolgate answers the cookies that are left where it took the token's out.
    patterns.push("{ exact: cookie }".to_owned());
    let service = fill(include_str!("envoy-http.yaml"), &[("IDENTITY", &patterns.join(", "))]);
    // What a route says replaces all of it.
    let settings = |route: &Guarded| {
        let service = service.replace("/check/envoy", &route.check(Dialect::Envoy));
        vec![("", service.split("allowed_headers:").next().unwrap_or_default().to_owned())]
    };
    Ok(write(plan, (" --http", &service, None), &settings))
}

/// What a request without a signature matches: there is none in `Authorization`, and no name in the query is
/// one of a signature's, or escaped. In doubt the body is asked about.
const UNSIGNED: &str = "\
headers: [\
{ name: authorization, string_match: { prefix: AWS4, ignore_case: true }, invert_match: true, treat_missing_header_as_empty: true }, \
{ name: \":path\", string_match: { safe_regex: { regex: \"[^?]*[?](.*&)?([xX]-[aA][mM][zZ]-|[^=&]*%).*\" } }, invert_match: true }]";

type Service<'a> = (&'a str, &'a str, Option<&'a str>);

/// What `ext_authz` is told of a route, for each kind of request: what else it matches, and `check_settings`.
type Settings<'a> = &'a dyn Fn(&Guarded) -> Vec<(&'static str, String)>;

fn write(plan: &Plan, service: Service<'_>, settings: Settings<'_>) -> String {
    let (flag, service, protocol) = service;
    let hosts: String =
        plan.by_host().iter().map(|(host, routes)| virtual_host(*host, routes, settings)).collect();
    let poolgate = Backend { place: plan.poolgate.clone(), tls: false, known: true };
    let clusters: String = plan
        .routes
        .iter()
        .map(|route| {
            let name = format!("poolgate_route_{}", route.name);
            format!("- name: {name}\n{}", indented(2, &cluster(&name, &route.backend, None)))
        })
        .collect();
    let values = [
        ("FLAG", flag.to_owned()),
        ("LISTEN_HOST", plan.listen.ip().to_string()),
        ("LISTEN_PORT", plan.listen.port().to_string()),
        ("HOSTS", indented(20, &hosts)),
        ("STRIPPED", STRIPPED_NAMES.join(", ")),
        ("SERVICE", indented(22, service)),
        ("POOLGATE", indented(6, &cluster("poolgate", &poolgate, protocol))),
        ("CLUSTERS", indented(4, &clusters)),
    ];
    let values: Vec<(&str, &str)> =
        values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fill(include_str!("envoy.yaml"), &values)
}

fn virtual_host(host: Option<&str>, routes: &[&Guarded], settings: Settings<'_>) -> String {
    let name = host.unwrap_or("any");
    let domains = match host {
        None => "\"*\"".to_owned(),
        Some(host) => format!("\"{host}\", \"{host}:*\""),
    };
    let routes: String = routes.iter().map(|guarded| route(guarded, settings)).collect();
    let values = [
        ("ESCAPED", format!(".*{ESCAPED_UNRESERVED}.*")),
        ("NAME", format!("\"{name}\"")),
        ("DOMAINS", domains),
        ("ROUTES", indented(4, &routes)),
    ];
    let values: Vec<(&str, &str)> =
        values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fill(include_str!("envoy-host.yaml"), &values)
}

fn route(route: &Guarded, settings: Settings<'_>) -> String {
    let path = match route.paths() {
        (None, below) => format!("prefix: {below}"),
        (Some(path), _) => format!("path_separated_prefix: {path}"),
    };
    let rewrite = route
        .backend_host
        .as_ref()
        .map_or_else(String::new, |host| format!(", host_rewrite_literal: \"{host}\""));
    let entry = |(also, settings): (&str, String)| {
        let matched = if also.is_empty() { path.clone() } else { format!("{path}, {also}") };
        let values = [
            ("MATCH", matched.as_str()),
            ("NAME", &route.name),
            ("REWRITE", &rewrite),
            ("SETTINGS", &indented(8, &settings)),
        ];
        fill(include_str!("envoy-route.yaml"), &values)
    };
    settings(route).into_iter().map(entry).collect()
}

fn cluster(name: &str, backend: &Backend, protocol: Option<&str>) -> String {
    let (kind, address) = match &backend.place {
        Place::Tcp(host, port) => {
            let kind = if host.parse::<IpAddr>().is_ok() { "STATIC" } else { "STRICT_DNS" };
            (kind, format!("socket_address: {{ address: \"{host}\", port_value: {port} }}"))
        }
        Place::Unix(path) => ("STATIC", format!("pipe: {{ path: \"{}\" }}", path.display())),
    };
    let tls = match (&backend.place, backend.tls) {
        (Place::Tcp(host, _), true) => {
            let address = host.parse::<IpAddr>().is_ok();
            let sni = if address { String::new() } else { format!("sni: \"{host}\"") };
            let san = if address { "IP_ADDRESS" } else { "DNS" };
            fill(include_str!("envoy-tls.yaml"), &[("SNI", &sni), ("SAN", san), ("HOST", host)])
        }
        _ => String::new(),
    };
    let comment = if backend.known { "" } else { "# put the upstream's own address here" };
    let values = [
        ("TYPE", kind),
        ("PROTOCOL", protocol.unwrap_or_default()),
        ("TLS", &tls),
        ("NAME", name),
        ("ADDRESS", &address),
        ("COMMENT", comment),
    ];
    fill(include_str!("envoy-cluster.yaml"), &values)
}

fn indented(spaces: usize, text: &str) -> String {
    text.lines().map(|line| format!("{:spaces$}{line}\n", "")).collect()
}
