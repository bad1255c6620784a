use super::{Class, Hop, by_key, classify, is_identity, stays_here, usual};

#[test]
fn classifies_by_key() {
    let table = [
        ("accept", Class::Ordinary),
        ("sec-websocket-key", Class::Ordinary),
        ("x-request-id", Class::Ordinary),
        ("x-amzn-trace-id", Class::Ordinary),
        ("authorization", Class::Single("Authorization")),
        ("author-ization", Class::Alias),
        ("dpop", Class::Single("DPoP")),
        ("d-pop", Class::Alias),
        ("client-cert", Class::Override),
        ("clientcert-chain", Class::Override),
        ("x-forwarded-client-cert", Class::Forwarding),
        ("x-amz-date", Class::Single("X-Amz-Date")),
        ("xamz-date", Class::Alias),
        ("xamz-meta-a", Class::Alias),
        ("x-amz-meta-a", Class::Aws),
        ("connection", Class::HopByHop(Hop::Connection)),
        ("connect-ion", Class::Alias),
        ("x-forwarded-for", Class::Forwarding),
        ("xforwarded-anything", Class::Forwarding),
        ("forwarded", Class::Forwarding),
        ("x-original-url", Class::Override),
        ("xoriginal-uri", Class::Override),
        ("x-http-method", Class::Override),
        ("xhttpmethod", Class::Override),
        ("x-poolgate-role", Class::Identity),
        ("x-pool-gate-role", Class::Identity),
        ("x-envoy-original-path", Class::Envoy),
        ("x-envoy-auth-failure-mode-allowed", Class::AuthFailureModeAllowed),
        ("x-amzn-oidc-data", Class::AlbIdentity),
        ("x-amznoidc-data", Class::Alias),
        ("x_poolgate_role", Class::Odd),
        ("x.poolgate", Class::Odd),
        ("x~a", Class::Odd),
    ];
    for (name, class) in table {
        assert_eq!(classify(name), class, "{name}");
    }
    let long = format!("authorization{}", "x".repeat(100));
    assert_eq!(classify(&long), Class::Ordinary);
}

#[test]
fn knows_identity_headers_in_any_spelling() {
    for name in ["x-poolgate-role", "x_poolgate_role", "X.Poolgate", "xpoolgate"] {
        assert!(is_identity(name) && stays_here(name), "{name}");
    }
    assert!(!is_identity("x-pool"));
}

#[test]
fn knows_what_of_an_answer_goes_no_further() {
    for name in ["keep-alive", "connection", "proxy-authenticate", "x-poolgate-decision-id"] {
        assert!(stays_here(name), "{name}");
    }
    for name in ["trailer", "x-pool", "x_forwarded_for", "server", "content-length"] {
        assert!(!stays_here(name), "{name}");
    }
}

#[test]
fn what_is_found_sooner_is_what_follows_from_the_key() {
    let source = include_str!("../header_class.rs");
    let names = source.split('"').skip(1).step_by(2);
    let found: Vec<_> = names.filter_map(|name| Some((name, usual(name)?))).collect();
    assert!(found.len() > 20, "{found:?}");
    for (name, class) in found {
        assert_eq!(class, by_key(name), "{name}");
    }
}
