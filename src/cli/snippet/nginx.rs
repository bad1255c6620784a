//! nginx: `auth_request`.

use super::{
    fill::fill,
    plan::{Guarded, Place, Plan},
};
use crate::{
    config::Dialect,
    http::{IDENTITY_NAMES, STRIPPED_NAMES},
};

/// The file for `http { }`.
pub(super) fn write(plan: &Plan) -> Result<String, String> {
    let upstreams: String = plan.routes.iter().map(upstream).collect();
    let servers: Vec<String> =
        plan.by_host().iter().map(|(host, routes)| server(plan, *host, routes)).collect();
    let servers = match plan.by_host().iter().any(|(host, _)| host.is_none()) {
        true => servers,
        // nginx gives hosts that it doesn't know to its first server.
        false => servers.into_iter().chain([nobodys(plan)]).collect(),
    };
    Ok(fill(
        include_str!("nginx.conf"),
        &[
            ("POOLGATE", &server_of(&plan.poolgate)),
            ("UPSTREAMS", &upstreams),
            ("SERVERS", &servers.join("\n")),
        ],
    ))
}

fn upstream(route: &Guarded) -> String {
    let comment = if route.backend.known { "" } else { " # put the upstream's own address here" };
    let values = [
        ("NAME", route.name.as_str()),
        ("PLACE", &server_of(&route.backend.place)),
        ("COMMENT", comment),
    ];
    fill(include_str!("nginx-upstream.conf"), &values)
}

fn server(plan: &Plan, host: Option<&str>, routes: &[&Guarded]) -> String {
    let locations: Vec<String> = routes.iter().map(|route| locations(route)).collect();
    let listen = match host {
        None => format!("{} default_server", plan.listen),
        Some(_) => plan.listen.to_string(),
    };
    let values = [
        ("LISTEN", listen.as_str()),
        ("HOST", host.unwrap_or("_")),
        ("LOCATIONS", &locations.join("\n")),
    ];
    // Where a route takes every path there is no rest.
    let text = fill(include_str!("nginx-server.conf"), &values);
    match routes.iter().any(|route| route.path == "/") {
        true => format!("{}}}\n", text.split("\n    # What no route").next().unwrap_or_default()),
        false => text,
    }
}

/// The server of hosts that are no route's.
fn nobodys(plan: &Plan) -> String {
    format!(
        "server {{\n    listen {} default_server;\n    server_name _;\n    return 404;\n}}\n",
        plan.listen
    )
}

fn locations(route: &Guarded) -> String {
    let variable = |name: &str| name.trim_start_matches("x-").replace('-', "_");
    let mut auth_set: String = IDENTITY_NAMES
        .iter()
        .map(|name| {
            format!(
                "auth_request_set ${} $upstream_http_{};\n",
                variable(name),
                name.replace('-', "_")
            )
        })
        .collect();
    let identity: String = IDENTITY_NAMES
        .iter()
        .map(|name| format!("proxy_set_header {name} ${};\n", variable(name)))
        .collect();
    let stripped: String =
        STRIPPED_NAMES.iter().map(|name| format!("proxy_set_header {name} \"\";\n")).collect();
    let cookie = match route.reads_cookies {
        false => "",
        true => {
            auth_set.push_str("auth_request_set $poolgate_cookie $upstream_http_cookie;\n");
            "# The cookies without the token's.\nproxy_set_header Cookie $poolgate_cookie;"
        }
    };
    let token = match route.forward_token {
        true => "",
        false => "# forward_token: false\nproxy_set_header Authorization \"\";",
    };
    let host = route.backend_host.as_deref().unwrap_or("$http_host");
    let tls = route.backend.place.host().filter(|_| route.backend.tls).map_or(String::new(), |name| {
        format!(
            "proxy_ssl_server_name on;\nproxy_ssl_name {name};\nproxy_ssl_verify on;\nproxy_ssl_verify_depth 4;\n\
             proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;"
        )
    });
    let scheme = if route.backend.tls { "https" } else { "http" };
    let (exact, below) = route.paths();
    let location = |path: &str| {
        let values = [
            ("PATH", path),
            ("NAME", route.name.as_str()),
            ("AUTH_SET", &auth_set),
            ("IDENTITY", &identity),
            ("COOKIE", cookie),
            ("STRIPPED", &stripped),
            ("TOKEN", token),
            ("UPSTREAM_HOST", host),
            ("TLS", &tls),
            ("SCHEME", scheme),
        ];
        indented(&fill(include_str!("nginx-location.conf"), &values))
    };
    let exact = exact.map(|path| location(&format!("= {path}")) + "\n").unwrap_or_default();
    let check = fill(
        include_str!("nginx-check.conf"),
        &[("NAME", &route.name), ("CHECK", &route.check(Dialect::Nginx))],
    );
    format!("{exact}{}\n{}", location(&below), indented(&check))
}

fn server_of(place: &Place) -> String {
    match place {
        Place::Tcp(..) => place.authority().unwrap_or_default(),
        Place::Unix(path) => format!("unix:{}", path.display()),
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}
