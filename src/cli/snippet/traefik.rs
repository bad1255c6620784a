//! Traefik: ForwardAuth.

use super::{
    fill::fill,
    plan::{Guarded, Plan},
};
use crate::{
    config::Dialect,
    http::{IDENTITY_NAMES, STRIPPED_NAMES},
};

/// The file provider's file.
///
/// # Errors
/// Poolgate or an upstream is on a Unix socket.
pub(super) fn write(plan: &Plan) -> Result<String, String> {
    let poolgate = plan.poolgate.tcp("Traefik")?;
    let (mut routers, mut middlewares, mut services) =
        (String::new(), String::new(), String::new());
    for (place, route) in plan.routes.iter().rev().enumerate() {
        let name = route.name.as_str();
        let mut chain = vec!["poolgate-clean".to_owned(), format!("poolgate-{name}")];
        if let Some(host) = &route.backend_host {
            middlewares.push_str(&format!(
                "    poolgate-host-{name}:\n      headers:\n        customRequestHeaders: {{ Host: \"{host}\" }}\n"
            ));
            chain.push(format!("poolgate-host-{name}"));
        }
        routers.push_str(&fill(
            include_str!("traefik-router.yaml"),
            &[
                ("NAME", name),
                ("RULE", &rule(route)),
                // An exact host goes before the longest path.
                ("PRIORITY", &(place + 1).to_string()),
                ("CHAIN", &chain.join(", ")),
            ],
        ));
        middlewares.push_str(&middleware(&poolgate, route));
        let comment =
            if route.backend.known { "" } else { "# put the upstream's own address here" };
        services.push_str(&fill(
            include_str!("traefik-service.yaml"),
            &[
                ("NAME", name),
                ("PASS", "true"),
                ("URL", &route.backend.url("Traefik")?),
                ("COMMENT", comment),
            ],
        ));
    }
    let clean: String =
        IDENTITY_NAMES.iter().map(|name| format!("          {name}: \"\"\n")).collect();
    let values = [
        ("LISTEN", plan.listen.to_string()),
        ("ROUTERS", routers),
        ("CLEAN", clean),
        ("MIDDLEWARES", middlewares),
        ("SERVICES", services),
    ];
    let values: Vec<(&str, &str)> =
        values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Ok(fill(include_str!("traefik.yaml"), &values))
}

fn rule(route: &Guarded) -> String {
    let (exact, below) = route.paths();
    let path = match exact {
        None => format!("PathPrefix(`{below}`)"),
        Some(exact) => format!("(Path(`{exact}`) || PathPrefix(`{below}`))"),
    };
    let host = route.host.as_ref().map_or_else(String::new, |host| format!("Host(`{host}`) && "));
    format!("{host}{path} && {UPGRADE}")
}

/// No upgrade, or one to WebSocket without a body.
const UPGRADE: &str = "(!HeaderRegexp(`Upgrade`, `.`) || HeaderRegexp(`Upgrade`, `^(?i:websocket)$`) && !HeaderRegexp(`Content-Length`, `[1-9]`))";

/// What Traefik writes itself, in the place of the client's.
pub(super) const ITS_OWN: [&str; 3] = ["x-forwarded-port", "x-forwarded-server", "x-real-ip"];

fn middleware(poolgate: &str, route: &Guarded) -> String {
    // Poolgate answers without the others, and so they are taken away.
    let mut headers = IDENTITY_NAMES.to_vec();
    if !route.forward_token {
        headers.push("authorization");
    }
    if route.reads_cookies {
        headers.push("cookie");
    }
    headers.extend(STRIPPED_NAMES.into_iter().filter(|name| !ITS_OWN.contains(name)));
    let values = [
        ("NAME", route.name.as_str()),
        ("CHECK", &format!("http://{poolgate}{}", route.check(Dialect::Traefik))),
        ("HEADERS", &headers.join(", ")),
    ];
    fill(include_str!("traefik-middleware.yaml"), &values)
}
