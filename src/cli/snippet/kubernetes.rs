//! Istio's CUSTOM action and Gateway API's ExternalAuth.

use super::{
    fill::fill,
    plan::{Guarded, Place, Plan},
};

/// A Service by name and namespace.
pub(super) struct Service {
    pub(super) name: String,
    pub(super) namespace: String,
}

/// Provider and policy.
///
/// # Errors
/// Poolgate is on a Unix socket.
pub(super) fn istio(plan: &Plan) -> Result<String, String> {
    plan.poolgate.tcp("Istio")?;
    let Place::Tcp(host, port) = &plan.poolgate else { return Ok(String::new()) };
    let provider =
        fill(include_str!("istio.yaml"), &[("SERVICE", host), ("PORT", &port.to_string())]);
    let routes: String = plan.routes.iter().map(policy).collect();
    Ok(format!("{provider}{routes}"))
}

/// What makes the workload behind a route ask.
fn policy(route: &Guarded) -> String {
    let (service, _, comment) = service(route);
    let values = [
        ("NAME", route.name.as_str()),
        ("NAMESPACE", &service.namespace),
        ("APP", &service.name),
        ("COMMENT", comment),
    ];
    fill(include_str!("istio-route.yaml"), &values)
}

/// An HTTPRoute a route.
///
/// # Errors
/// Poolgate is on a Unix socket.
pub(super) fn gateway_api(plan: &Plan) -> Result<String, String> {
    plan.poolgate.tcp("a Gateway")?;
    let Place::Tcp(host, port) = &plan.poolgate else { return Ok(String::new()) };
    let poolgate = named(host).unwrap_or_else(|| Service {
        name: "poolgate".to_owned(),
        namespace: "default".to_owned(),
    });
    let routes: String =
        plan.routes.iter().map(|route| http_route(route, &poolgate, *port)).collect();
    Ok(format!("{HEAD}{routes}"))
}

fn http_route(route: &Guarded, poolgate: &Service, poolgate_port: u16) -> String {
    let hostnames =
        route.host.as_ref().map_or_else(String::new, |host| format!("hostnames: [\"{host}\"]"));
    let (service, port, comment) = service(route);
    let rewrite = route.backend_host.as_ref().map_or_else(String::new, |host| {
        format!("- type: URLRewrite\n  urlRewrite: {{ hostname: \"{host}\" }}\n")
    });
    fill(
        include_str!("gateway-api.yaml"),
        &[
            ("NAME", &route.name),
            ("HOSTNAMES", &hostnames),
            ("PATH", &route.path),
            ("POOLGATE_PORT", &poolgate_port.to_string()),
            ("POOLGATE", &poolgate.name),
            ("NAMESPACE", &poolgate.namespace),
            ("REWRITE", &rewrite),
            ("SERVICE", &service.name),
            ("SERVICE_NAMESPACE", &service.namespace),
            ("PORT", &port.to_string()),
            ("COMMENT", comment),
        ],
    )
}

/// The Service behind a route, its port, and a comment if it had to be made up.
pub(super) fn service(route: &Guarded) -> (Service, u16, &'static str) {
    match &route.backend.place {
        Place::Tcp(host, port) if route.backend.known && named(host).is_some() => {
            (named(host).unwrap_or_else(|| made_up(route)), *port, "")
        }
        _ => (made_up(route), 80, "# put the upstream's own Service here"),
    }
}

fn made_up(route: &Guarded) -> Service {
    Service { name: route.name.clone(), namespace: "default".to_owned() }
}

/// `NAME`, `NAME.NAMESPACE`, or `NAME.NAMESPACE.svc…`.
fn named(host: &str) -> Option<Service> {
    if host == "localhost" || host.parse::<std::net::IpAddr>().is_ok() {
        return None;
    }
    let mut parts = host.split('.');
    let name = parts.next()?.to_owned();
    let namespace = parts.next().unwrap_or("default").to_owned();
    let cluster = parts.next().is_none_or(|part| part == "svc");
    cluster.then_some(Service { name, namespace })
}

const HEAD: &str = "\
# A Gateway asks Poolgate about every request (ExternalAuth, in Gateway API's experimental channel).
# Printed by `poolgate snippet gateway-api`; print it again when the routes change.
# A ReferenceGrant is needed where Poolgate's Service is in another namespace.
";
