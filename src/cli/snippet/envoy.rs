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
    let settings =
        |route: &Guarded| format!("context_extensions: {{ poolgate.route: {} }}", route.name);
    let service = include_str!("envoy-grpc.yaml");
    Ok(write(plan, ("", service, Some(include_str!("envoy-h2.yaml"))), &settings))
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
        service.split("allowed_headers:").next().unwrap_or_default().to_owned()
    };
    Ok(write(plan, (" --http", &service, None), &settings))
}

type Service<'a> = (&'a str, &'a str, Option<&'a str>);

fn write(plan: &Plan, service: Service<'_>, settings: &dyn Fn(&Guarded) -> String) -> String {
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

fn virtual_host(
    host: Option<&str>,
    routes: &[&Guarded],
    settings: &dyn Fn(&Guarded) -> String,
) -> String {
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

fn route(route: &Guarded, settings: &dyn Fn(&Guarded) -> String) -> String {
    let path = match route.paths() {
        (None, below) => format!("prefix: {below}"),
        (Some(path), _) => format!("path_separated_prefix: {path}"),
    };
    let rewrite = route
        .backend_host
        .as_ref()
        .map_or_else(String::new, |host| format!(", host_rewrite_literal: \"{host}\""));
    let values = [
        ("MATCH", path.as_str()),
        ("NAME", &route.name),
        ("REWRITE", &rewrite),
        ("SETTINGS", &indented(8, &settings(route))),
    ];
    fill(include_str!("envoy-route.yaml"), &values)
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
