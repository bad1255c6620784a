//! ingress-nginx: `auth-url`.

use super::{
    fill::fill,
    plan::{Guarded, Plan},
};
use crate::{
    config::Dialect,
    http::{IDENTITY_NAMES, STRIPPED_NAMES},
};

/// An Ingress a route.
///
/// # Errors
/// Poolgate is on a Unix socket, or the upstream sees no bearer token.
pub(super) fn write(plan: &Plan) -> Result<String, String> {
    let poolgate = plan.poolgate.tcp("ingress-nginx")?;
    let mut text = String::from(HEAD);
    for route in &plan.routes {
        if !route.forward_token {
            return Err(format!(
                "route `{}`: ingress-nginx can't take the token away (`forward_token: false`)",
                route.name
            ));
        }
        text.push_str(&ingress(&poolgate, route));
    }
    Ok(text)
}

fn ingress(poolgate: &str, route: &Guarded) -> String {
    let check = format!("http://{poolgate}{}", route.check(Dialect::IngressNginx));
    // What isn't in the answer is taken out.
    let copied: Vec<&str> = IDENTITY_NAMES
        .into_iter()
        .chain(route.reads_cookies.then_some("cookie"))
        .chain(STRIPPED_NAMES.into_iter().filter(|name| !ITS_OWN.contains(name)))
        .collect();
    let host = route.host.as_ref().map_or_else(String::new, |host| format!("host: \"{host}\"\n"));
    let (service, port, comment) = super::kubernetes::service(route);
    let rewrite = route.backend_host.as_ref().map_or_else(String::new, |host| {
        format!("nginx.ingress.kubernetes.io/upstream-vhost: \"{host}\"")
    });
    let buffer = match route.reads_cookies {
        true => {
            "# The answer has the cookies without the token's.\nnginx.ingress.kubernetes.io/proxy-buffer-size: 16k"
        }
        false => "",
    };
    fill(
        include_str!("ingress-nginx.yaml"),
        &[
            ("NAME", &route.name),
            ("CHECK", &check),
            ("COPIED", &copied.join(",")),
            ("HOST", &host),
            // In whole segments, as Poolgate's own.
            ("PATH", &route.path),
            ("SERVICE", &service.name),
            ("PORT", &port.to_string()),
            ("COMMENT", comment),
            ("BUFFER", buffer),
            ("REWRITE", &rewrite),
        ],
    )
}

/// What the controller writes itself, in the place of the client's.
pub(super) const ITS_OWN: [&str; 5] =
    ["x-forwarded-port", "x-forwarded-scheme", "x-original-forwarded-for", "x-real-ip", "proxy"];

const HEAD: &str = "\
# ingress-nginx asks Poolgate about every request (auth-url).
# Printed by `poolgate snippet ingress-nginx`; print it again when the routes change.
# No auth-cache-key: ingress-nginx would reuse an answer for other paths. No auth-signin: a 401 would become a redirect.
";
