use super::{
    super::header_class::{Class, Hop, classify},
    IDENTITY_NAMES, REWRITTEN_NAMES, STRIPPED_NAMES, is_taken_out,
};
use crate::http::SESSION_TOKEN;

#[test]
fn every_listed_name_is_stripped_at_the_proxys_own_door() {
    for name in STRIPPED_NAMES {
        let stripped = matches!(
            classify(name),
            Class::Forwarding
                | Class::ClientAddress
                | Class::Override
                | Class::Envoy
                | Class::AuthFailureModeAllowed
                | Class::AlbIdentity
                | Class::HopByHop(Hop::Other)
        );
        assert!(stripped || name == SESSION_TOKEN, "{name}");
    }
    for name in REWRITTEN_NAMES {
        assert_eq!(classify(name), Class::Forwarding, "{name}");
    }
    for name in IDENTITY_NAMES {
        assert_eq!(classify(name), Class::Identity, "{name}");
    }
    let mut sorted = STRIPPED_NAMES.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), STRIPPED_NAMES.len());
}

/// Those with a name of their own are all listed; what begins like one, or is spelt otherwise, can't be.
#[test]
fn every_name_of_its_own_is_listed() {
    for name in [
        "forwarded",
        "x-real-ip",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-remote-ip",
        "x-remote-addr",
        "true-client-ip",
        "cf-connecting-ip",
        "x-http-method",
        "x-http-method-override",
        "x-method-override",
        "x-host",
        "x-http-host-override",
        "proxy",
        "x-middleware-subrequest",
        "client-cert",
        "client-cert-chain",
        "x-envoy-auth-failure-mode-allowed",
        "x-forwarded-client-cert",
        "http2-settings",
    ] {
        assert!(STRIPPED_NAMES.contains(&name), "{name}");
    }
    for name in [
        "x-original-anything",
        "x-rewrite-anything",
        "x-forwarded-anything",
        "xforwarded-for",
        "x-realip",
        "x-poolgate-extra",
        "x-pool-gate-role",
        "author-ization",
    ] {
        assert!(!is_taken_out(name), "{name}");
    }
    assert!(is_taken_out("x-poolgate-role") && is_taken_out("x-forwarded-for"));
}
