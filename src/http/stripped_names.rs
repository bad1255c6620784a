//! The headers that proxies which forward themselves take out, by name.
//!
//! Here they are stripped by what they mean, in every spelling (`header_class`). A proxy's
//! configuration has names: these. A header that would be stripped and isn't among them is refused
//! when such a proxy asks.

use super::header_class::is_identity;

/// What a proxy that forwards itself takes out of what goes on.
pub const STRIPPED_NAMES: [&str; 58] = [
    "x-amz-security-token",
    "x-amzn-oidc-accesstoken",
    "x-amzn-oidc-data",
    "x-amzn-oidc-identity",
    "forwarded",
    "x-forwarded-access-token",
    "x-forwarded-by",
    "x-forwarded-client-cert",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-method",
    "x-forwarded-path",
    "x-forwarded-port",
    "x-forwarded-preferred-username",
    "x-forwarded-prefix",
    "x-forwarded-scheme",
    "x-forwarded-server",
    "x-forwarded-ssl",
    "x-forwarded-tls-client-cert",
    "x-forwarded-tls-client-cert-info",
    "x-forwarded-uri",
    "x-forwarded-url",
    "x-forwarded-user",
    "cf-connecting-ip",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-real-ip",
    "x-remote-addr",
    "x-remote-ip",
    "client-cert",
    "client-cert-chain",
    "proxy",
    "x-host",
    "x-http-host-override",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-middleware-subrequest",
    "x-original-forwarded-for",
    "x-original-host",
    "x-original-method",
    "x-original-uri",
    "x-original-url",
    "x-rewrite-uri",
    "x-rewrite-url",
    "x-envoy-attempt-count",
    "x-envoy-auth-failure-mode-allowed",
    "x-envoy-decorator-operation",
    "x-envoy-external-address",
    "x-envoy-internal",
    "x-envoy-original-host",
    "x-envoy-original-path",
    "x-envoy-peer-metadata",
    "x-envoy-peer-metadata-id",
    "http2-settings",
    "proxy-authorization",
    "proxy-connection",
];

/// What it writes in the place of the client's own.
const REWRITTEN_NAMES: [&str; 3] = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];

/// What it copies from the answer of an allow, which has all of them.
pub const IDENTITY_NAMES: [&str; 5] = [
    "x-poolgate-subject",
    "x-poolgate-identity",
    "x-poolgate-role",
    "x-poolgate-groups",
    "x-poolgate-decision-id",
];

/// Whether a proxy that is configured by names keeps this header of a client's from its upstream.
pub fn is_taken_out(name: &str) -> bool {
    match is_identity(name) {
        true => IDENTITY_NAMES.contains(&name),
        false => STRIPPED_NAMES.contains(&name) || REWRITTEN_NAMES.contains(&name),
    }
}

#[cfg(test)]
mod tests;
