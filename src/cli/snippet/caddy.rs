//! Caddy: `forward_auth`.

use super::{
    fill::fill,
    plan::{Backend, Guarded, Place, Plan},
};
use crate::{
    config::Dialect,
    http::{IDENTITY_NAMES, STRIPPED_NAMES},
};

/// The Caddyfile.
pub(super) fn write(plan: &Plan) -> Result<String, String> {
    let sites: String =
        plan.by_host().iter().map(|(host, routes)| site(plan, *host, routes)).collect();
    Ok(fill(include_str!("caddy.Caddyfile"), &[("SITES", &sites)]))
}

fn site(plan: &Plan, host: Option<&str>, routes: &[&Guarded]) -> String {
    let handles: String = routes.iter().map(|route| handle(plan, route)).collect();
    let values = [
        ("HOST", host.unwrap_or_default()),
        ("PORT", &plan.listen.port().to_string()),
        ("BIND", &plan.listen.ip().to_string()),
        ("HANDLES", &handles),
    ];
    fill(include_str!("caddy-site.Caddyfile"), &values)
}

fn handle(plan: &Plan, route: &Guarded) -> String {
    // `path` would take letters in either case.
    let path = route.path.replace('.', "\\.");
    let path = if path.ends_with('/') { path } else { format!("{path}(/|$)") };
    let stripped: String =
        STRIPPED_NAMES.iter().map(|name| format!("request_header -{name}\n")).collect();
    let token = match route.forward_token {
        true => "",
        false => "request_header -Authorization",
    };
    let host = match &route.backend_host {
        Some(host) => format!("header_up Host {host}"),
        // Caddy's own choice is the upstream's for https.
        None => "header_up Host {hostport}".to_owned(),
    };
    let host = if route.backend.known {
        host
    } else {
        format!("# put the upstream's own address here\n{host}")
    };
    // Of the cookies the answer has all but the token's.
    let cookie = route.reads_cookies.then_some("cookie");
    let copied: Vec<&str> = IDENTITY_NAMES.into_iter().chain(cookie).collect();
    let values = [
        ("NAME", route.name.as_str()),
        ("PATH", &path),
        ("POOLGATE", &address(&plan.poolgate)),
        ("CHECK", &route.check(Dialect::Caddy)),
        ("IDENTITY", &copied.join(" ")),
        ("STRIPPED", &stripped),
        ("TOKEN", token),
        ("UPSTREAM", &upstream(&route.backend)),
        ("UPSTREAM_HOST", &host),
    ];
    fill(include_str!("caddy-handle.Caddyfile"), &values)
}

fn upstream(backend: &Backend) -> String {
    match (&backend.place, backend.tls) {
        (place, true) => format!("https://{}", place.authority().unwrap_or_default()),
        (place, false) => address(place),
    }
}

fn address(place: &Place) -> String {
    match place {
        Place::Tcp(..) => place.authority().unwrap_or_default(),
        Place::Unix(path) => format!("unix/{}", path.display()),
    }
}
