//! HAProxy: a Lua action in the manner of `auth-request`.

use super::{
    fill::fill,
    plan::{ESCAPED_UNRESERVED, Guarded, Place, Plan},
};
use crate::http::STRIPPED_NAMES;

/// The Lua file, the same for every configuration.
pub(super) const LUA: &str = include_str!("haproxy.lua");

/// `haproxy.cfg`.
pub(super) fn write(plan: &Plan) -> Result<String, String> {
    let mut routes = String::new();
    for (host, of_host) in plan.by_host() {
        // The port is no part of a host.
        let host = host.map(|host| format!(" {{ req.hdr(host),host_only,lower -m str {host} }}"));
        for route in of_host {
            let (exact, below) = route.paths();
            let path = match exact {
                None => format!("{{ path_beg {below} }}"),
                Some(exact) => format!("{{ path -m str {exact} }} || {{ path_beg {below} }}"),
            };
            for path in path.split(" || ") {
                routes.push_str(&format!(
                    "    http-request set-var(txn.poolgate_route) str({}) if !{{ var(txn.poolgate_route) -m found }}{} {path}\n",
                    route.name,
                    host.as_deref().unwrap_or_default(),
                ));
            }
        }
    }
    let token: String = plan
        .routes
        .iter()
        .filter(|route| !route.forward_token)
        .map(|route| {
            format!(
                "    http-request del-header authorization if {{ var(txn.poolgate_route) -m str {} }}\n",
                route.name
            )
        })
        .collect();
    let cookies: String = plan
        .routes
        .iter()
        .filter(|route| route.reads_cookies)
        .map(|route| fill(include_str!("haproxy-cookies.cfg"), &[("NAME", &route.name)]))
        .collect();
    let backends: String = plan.routes.iter().map(backend).collect();
    let stripped: String =
        STRIPPED_NAMES.iter().map(|name| format!("    http-request del-header {name}\n")).collect();
    let values = [
        ("LISTEN", plan.listen.to_string()),
        ("ESCAPED", ESCAPED_UNRESERVED.to_owned()),
        ("ROUTES", routes),
        ("ASKED", address(&plan.poolgate)),
        ("STRIPPED", stripped),
        ("TOKEN", token),
        ("COOKIES", cookies),
        ("BACKENDS", backends),
    ];
    let values: Vec<(&str, &str)> =
        values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Ok(fill(include_str!("haproxy.cfg"), &values))
}

fn backend(route: &Guarded) -> String {
    let host = match &route.backend_host {
        Some(host) => format!("http-request set-header Host {host}"),
        None => String::new(),
    };
    let place = match (&route.backend.place, route.backend.tls) {
        (place, false) => address(place),
        (place, true) => {
            let name = place.host().unwrap_or_default();
            // SNI has names only (RFC 6066 §3).
            let named = name.parse::<std::net::IpAddr>().is_err();
            let sni = if named { format!(" sni str({name})") } else { String::new() };
            let address = address(place);
            format!(
                "{address} ssl verify required ca-file /etc/ssl/certs/ca-certificates.crt{sni} verifyhost {name}"
            )
        }
    };
    // HAProxy starts although the name can't be resolved, and answers 503.
    let comment = if route.backend.known {
        ""
    } else {
        "init-addr none # put the upstream's own address here"
    };
    let values =
        [("NAME", route.name.as_str()), ("HOST", &host), ("PLACE", &place), ("COMMENT", comment)];
    fill(include_str!("haproxy-backend.cfg"), &values)
}

fn address(place: &Place) -> String {
    match place {
        Place::Tcp(..) => place.authority().unwrap_or_default(),
        Place::Unix(path) => format!("unix@{}", path.display()),
    }
}
