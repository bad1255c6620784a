use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Version};
use proptest::prelude::*;

use super::{
    AlbHeaders, OddNames, Peer, Received, Rules, Stripped, check_method, receive, response_hygiene,
};
use crate::http::{Framing, RequestError as E, Scheme, TrustedProxies, Upgrade};

fn map(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        headers.append(name.parse::<HeaderName>().unwrap(), value);
    }
    headers
}

fn take(
    lines: &[(&str, &str)],
    version: Version,
    rules: Rules,
) -> Result<(Received, HeaderMap), E> {
    let mut headers = map(lines);
    let trusted = TrustedProxies::default();
    let mut peer = Peer::new([192, 0, 2, 1].into(), Scheme::Http, &trusted);
    peer.rules = rules;
    receive(&mut headers, version, peer).map(|received| (received, headers))
}

/// HTTP/1.1 with a host and these lines.
fn h1(lines: &[(&str, &str)]) -> Result<(Received, HeaderMap), E> {
    let mut all = vec![("host", "a.example")];
    all.extend_from_slice(lines);
    take(&all, Version::HTTP_11, Rules::default())
}

#[test]
fn refuses_ambiguous_requests() {
    let table: [(&[(&str, &str)], E); 33] = [
        // CVE-2026-26308: duplicates of what decides.
        (&[("host", "b")], E::Repeated("Host")),
        (
            &[("authorization", "Bearer a"), ("Authorization", "Bearer b")],
            E::Repeated("Authorization"),
        ),
        (&[("x-amz-date", "a"), ("x-amz-date", "a")], E::Repeated("X-Amz-Date")),
        (&[("x-amz-target", "a"), ("x-amz-target", "b")], E::Repeated("X-Amz-Target")),
        (&[("x-amz-meta-a", "a"), ("x-amz-meta-a", "b")], E::Repeated("X-Amz-*")),
        (&[("origin", "a"), ("origin", "b")], E::Repeated("Origin")),
        (&[("content-type", "a"), ("content-type", "b")], E::Repeated("Content-Type")),
        // CVE-2026-73552, CVE-2023-27488: obs-text.
        (&[("authorization", "Bearer é")], E::NotAscii("Authorization")),
        (&[("x-amz-target", "é")], E::NotAscii("X-Amz-Target")),
        // CVE-2026-73051: CL+TE; smuggling.
        (&[("content-length", "1"), ("transfer-encoding", "chunked")], E::LengthAndEncoding),
        (&[("content-length", "1"), ("content-length", "1")], E::Repeated("Content-Length")),
        (&[("content-length", "1, 1")], E::ContentLength),
        (&[("content-length", "+1")], E::ContentLength),
        (&[("content-length", "")], E::ContentLength),
        (&[("content-length", "0x1")], E::ContentLength),
        (&[("content-length", "99999999999999999999")], E::ContentLength),
        (&[("transfer-encoding", "gzip, chunked")], E::TransferEncoding),
        (&[("transfer-encoding", "identity")], E::TransferEncoding),
        (
            &[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
            E::TransferEncoding,
        ),
        // CVE-2026-2833, CVE-2026-73548: upgrades.
        (
            &[("connection", "upgrade"), ("upgrade", "websocket"), ("content-length", "5")],
            E::UpgradeWithBody,
        ),
        (
            &[
                ("connection", "upgrade"),
                ("upgrade", "websocket"),
                ("transfer-encoding", "chunked"),
            ],
            E::UpgradeWithBody,
        ),
        (&[("connection", "upgrade"), ("upgrade", "h2c")], E::Upgrade),
        (&[("connection", "upgrade"), ("upgrade", "websocket, h2c")], E::Upgrade),
        (&[("connection", "upgrade"), ("upgrade", "websocket"), ("upgrade", "h2c")], E::Upgrade),
        (&[("upgrade", "websocket")], E::Upgrade),
        // CVE-2024-45410, CVE-2021-32813, CVE-2022-31813: Connection abuse.
        (&[("connection", "close, X-Forwarded-Host")], E::ConnectionToken),
        (&[("connection", "Authorization")], E::ConnectionToken),
        (&[("connection", "keep-alive"), ("connection", "x-poolgate-role")], E::ConnectionToken),
        (&[("connection", "content-length")], E::ConnectionToken),
        (&[("connection", "a b")], E::ConnectionToken),
        (&[("connection", "x_forwarded_host")], E::ConnectionToken),
        // CVE-2025-64484, CVE-2026-39858, CVE-2026-88011: names with other separators.
        (&[("x_poolgate_role", "a")], E::HeaderName),
        (&[("x.custom", "a")], E::HeaderName),
    ];
    for (lines, error) in table {
        assert_eq!(h1(lines).err(), Some(error), "{lines:?}");
    }
}

#[test]
fn connection_lists_a_few_headers_at_most() {
    let list = |count: usize| vec!["a"; count].join(",");
    let (_, headers) = h1(&[("connection", &list(31)), ("connection", "a"), ("a", "1")]).unwrap();
    assert!(!headers.contains_key("a"));
    for lines in [
        vec![("connection", list(33))],
        vec![("connection", list(32)), ("connection", "a".to_owned())],
        vec![("connection", ",".repeat(40))],
    ] {
        let lines: Vec<_> = lines.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(h1(&lines).err(), Some(E::ConnectionToken));
    }
}

#[test]
fn knows_what_each_version_may_send() {
    let rules = Rules::default();
    let host = ("host", "a");
    assert_eq!(take(&[], Version::HTTP_11, rules).err(), Some(E::HostMissing));
    assert!(take(&[], Version::HTTP_2, rules).is_ok());
    // CVE-2026-2835: Transfer-Encoding in HTTP/1.0.
    let chunked = [host, ("transfer-encoding", "chunked")];
    assert_eq!(take(&chunked, Version::HTTP_10, rules).err(), Some(E::TransferEncoding));
    let upgrade = [host, ("connection", "upgrade"), ("upgrade", "websocket")];
    assert_eq!(take(&upgrade, Version::HTTP_10, rules).err(), Some(E::Upgrade));
    // CVE-2026-58150: connection-specific headers in HTTP/2.
    for line in [
        ("connection", "close"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "websocket"),
        ("keep-alive", "1"),
        ("proxy-connection", "close"),
        ("te", "gzip"),
    ] {
        let refused = take(&[line], Version::HTTP_2, rules).err();
        assert_eq!(refused, Some(E::ConnectionSpecific), "{line:?}");
    }
    assert!(take(&[("te", "trailers")], Version::HTTP_2, rules).unwrap().0.te_trailers);
}

#[test]
fn passes_ordinary_requests_untouched() {
    let lines = [
        ("accept", "*/*"),
        ("accept", "text/plain"),
        ("authorization", "Bearer a"),
        ("cookie", "a=é"),
        ("cookie", "b=1"),
        ("content-length", "3"),
        ("user-agent", "curl"),
        ("x-request-id", "1"),
        ("x-amz-meta-a", "é"),
        ("x-amzn-trace-id", "Root=1"),
        ("traceparent", "00-1"),
    ];
    let (received, headers) = h1(&lines).unwrap();
    assert_eq!(headers.len(), lines.len() + 1);
    assert_eq!(received.stripped, []);
    assert_eq!(received.framing, Framing::Length(3));
    assert_eq!(received.upgrade, None);
    assert_eq!(h1(&[]).unwrap().0.framing, Framing::Unstated);
}

#[test]
fn strips_what_is_not_the_clients_to_say() {
    use Stripped as S;
    let table = [
        ("connection", "close", S::HopByHop),
        ("keep-alive", "timeout=5", S::HopByHop),
        ("proxy-connection", "close", S::HopByHop),
        ("proxy-authorization", "Basic x", S::HopByHop),
        ("te", "gzip", S::HopByHop),
        ("transfer-encoding", "Chunked", S::HopByHop),
        ("http2-settings", "x", S::HopByHop),
        // CVE-2026-40575, GHSA-6384-m2mw-rf54, CVE-2026-57209, CVE-2023-27487.
        ("x-forwarded-for", "6.6.6.6", S::Forwarding),
        ("x-forwarded-host", "evil", S::Forwarding),
        ("x-forwarded-prefix", "/evil", S::Forwarding),
        ("x-forwarded-uri", "/evil", S::Forwarding),
        ("x-forwarded-method", "GET", S::Forwarding),
        ("x-forwarded-path", "/evil", S::Forwarding),
        ("x-forwarded-client-cert", "x", S::Forwarding),
        ("forwarded", "for=6.6.6.6", S::Forwarding),
        ("x-http-method", "GET", S::Override),
        ("x-http-method-override", "GET", S::Override),
        ("x-method-override", "GET", S::Override),
        ("x-original-url", "/evil", S::Override),
        ("x-original-uri", "/evil", S::Override),
        ("x-rewrite-url", "/evil", S::Override),
        ("x-middleware-subrequest", "x", S::Override),
        ("proxy", "http://evil", S::Override),
        ("x-envoy-original-path", "/evil", S::Envoy),
        ("x-real-ip", "6.6.6.6", S::ClientAddress),
        // CVE-2026-30851.
        ("x-poolgate-role", "admin", S::Identity),
        ("x-poolgate-anything", "admin", S::Identity),
        ("x-amzn-oidc-data", "x", S::AlbIdentity),
        ("x-amzn-oidc-identity", "x", S::AlbIdentity),
        ("authoriza-tion", "Bearer a", S::Alias),
    ];
    for (name, value, why) in table {
        let (received, headers) = h1(&[("accept", "a"), (name, value)]).unwrap();
        assert_eq!(headers, map(&[("host", "a.example"), ("accept", "a")]), "{name}");
        assert_eq!(received.stripped, [(name.parse().unwrap(), why)], "{name}");
        assert!(!why.reason().is_empty());
    }
}

#[test]
fn reports_what_a_proxy_in_front_let_through() {
    // CVE-2023-27488 and Envoy's failure_mode_allow.
    let (received, headers) = h1(&[("x-envoy-auth-failure-mode-allowed", "true")]).unwrap();
    assert!(received.auth_failure_mode_allowed);
    assert_eq!(headers.len(), 1);
    assert!(!h1(&[]).unwrap().0.auth_failure_mode_allowed);
}

#[test]
fn strips_what_connection_lists() {
    let lines = [("connection", "close, X-Hop ,,x-absent"), ("x-hop", "1"), ("x-end", "1")];
    let (received, headers) = h1(&lines).unwrap();
    assert_eq!(headers, map(&[("host", "a.example"), ("x-end", "1")]));
    assert!(received.stripped.contains(&("x-hop".parse().unwrap(), Stripped::ConnectionListed)));
}

#[test]
fn takes_websocket_upgrades() {
    let lines = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("content-length", "0"),
        ("sec-websocket-key", "x"),
    ];
    let (received, headers) = h1(&lines).unwrap();
    assert_eq!(received.upgrade, Some(Upgrade::WebSocket));
    assert!(!headers.contains_key("upgrade") && headers.contains_key("sec-websocket-key"));
    // RFC 9110 §7.8: asking for nothing is no upgrade.
    assert_eq!(h1(&[("connection", "upgrade")]).unwrap().0.upgrade, None);
    assert_eq!(h1(&[("transfer-encoding", "chunked")]).unwrap().0.framing, Framing::Chunked);
    assert!(h1(&[("te", "gzip, Trailers")]).unwrap().0.te_trailers);
}

#[test]
fn a_route_may_relax_the_rules() {
    let host = ("host", "a");
    let drop = Rules { odd_names: OddNames::Drop, ..Rules::default() };
    let odd = [host, ("x_a", "1"), ("x.poolgate.role", "1"), ("x-a", "1")];
    let (received, headers) = take(&odd, Version::HTTP_11, drop).unwrap();
    assert_eq!(headers, map(&[host, ("x-a", "1")]));
    assert!(received.stripped.iter().all(|(_, why)| *why == Stripped::OddName));
    let alb = Rules { alb: AlbHeaders::Read, ..Rules::default() };
    let oidc = [host, ("x-amzn-oidc-data", "x"), ("xamzn-oidc-data", "x")];
    let (_, headers) = take(&oidc, Version::HTTP_11, alb).unwrap();
    assert_eq!(headers, map(&[host, ("x-amzn-oidc-data", "x")]));
    let twice = [host, ("x-amzn-oidc-data", "x"), ("x-amzn-oidc-data", "y")];
    let refused = take(&twice, Version::HTTP_11, alb).err();
    assert_eq!(refused, Some(E::Repeated("X-Amzn-Oidc-*")));
}

#[test]
fn serves_methods_in_upper_case() {
    for good in ["GET", "POST", "OPTIONS", "PROPFIND", "M-SEARCH"] {
        assert_eq!(check_method(&good.parse().unwrap()), Ok(()), "{good}");
    }
    let long = "A".repeat(33);
    for bad in ["TRACE", "CONNECT", "get", "Get", "trace", "G_T", "GET1", &long] {
        let method: Method = bad.parse().unwrap();
        assert_eq!(check_method(&method), Err(E::Method), "{bad}");
    }
}

#[test]
fn cleans_responses() {
    let mut headers = map(&[
        ("connection", "close, X-Hop, not a token"),
        ("x-hop", "1"),
        ("keep-alive", "timeout=5"),
        ("proxy-authenticate", "Basic"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("x-poolgate-decision-id", "forged"),
        ("X_Poolgate_Role", "forged"),
        ("content-type", "text/plain"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=1"),
        ("trailer", "grpc-status"),
    ]);
    response_hygiene(&mut headers);
    let kept = map(&[("content-type", "text/plain"), ("set-cookie", "a=1"), ("set-cookie", "b=1")]);
    assert_eq!(headers, kept);
}

/// Headers that never reach an upstream from a client, in any spelling.
const NEVER: &[&str] = &[
    "x-poolgate-subject",
    "x-poolgate-identity",
    "x-poolgate-role",
    "x-poolgate-groups",
    "x-poolgate-decision-id",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-prefix",
    "x-forwarded-uri",
    "x-forwarded-method",
    "x-forwarded-path",
    "forwarded",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-original-uri",
    "x-rewrite-url",
    "x-envoy-original-path",
    "x-envoy-auth-failure-mode-allowed",
    "x-real-ip",
    "x-amzn-oidc-data",
    "x-amzn-oidc-identity",
    "x-amzn-oidc-accesstoken",
];

/// Headers Poolgate reads: only their own spelling may pass.
const READ: &[&str] = &[
    "authorization",
    "cookie",
    "origin",
    "content-type",
    "x-amz-date",
    "x-amz-target",
    "x-amz-security-token",
    "x-amz-content-sha256",
];

/// One separator removed, added or replaced, or one letter's case changed.
fn mutate(name: &str, at: usize, with: &str, upper: bool) -> String {
    let mut letters: Vec<String> = name.chars().map(String::from).collect();
    let at = at % letters.len();
    match (letters[at].as_str(), upper) {
        (letter, true) => letters[at] = letter.to_ascii_uppercase(),
        ("-", false) => letters[at] = with.to_owned(),
        (letter, false) => letters[at] = format!("{letter}{with}"),
    }
    letters.concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn no_mutation_of_a_protected_name_survives(
        which in 0..NEVER.len() + READ.len(),
        at in any::<usize>(),
        with in prop::sample::select(vec!["", "-", "_", ".", "~", "'", "!", "--"]),
        upper in any::<bool>(),
        odd in prop::sample::select(vec![OddNames::Refuse, OddNames::Drop]),
    ) {
        let name = *NEVER.iter().chain(READ).nth(which).unwrap();
        let mutation = mutate(name, at, with, upper);
        let proper = mutation.eq_ignore_ascii_case(name);
        let rules = Rules { odd_names: odd, ..Rules::default() };
        let lines = [("host", "a"), (mutation.as_str(), "1")];
        if let Ok((_, headers)) = take(&lines, Version::HTTP_11, rules) {
            let survives = headers.contains_key(mutation.as_str());
            prop_assert_eq!(survives, proper && READ.contains(&name), "{}", mutation);
        } else {
            prop_assert!(odd == OddNames::Refuse && !proper, "{}", mutation);
        }
    }

    /// Cleaning is idempotent, and whatever headers come, no hop-by-hop one leaves.
    #[test]
    fn hop_by_hop_laws(
        names in prop::collection::vec("(x-[ab]|accept|keep-alive|te|proxy-connection)", 0..6),
        tokens in prop::collection::vec("(close|keep-alive|x-[abc]|accept|TE)", 0..5),
    ) {
        let list = tokens.join(", ");
        let mut lines: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
        lines.push(("connection", &list));
        let (_, headers) = h1(&lines).unwrap();
        for name in names.iter().chain(&tokens) {
            let hop = ["keep-alive", "te", "proxy-connection", "connection", "close"]
                .contains(&name.to_ascii_lowercase().as_str());
            let listed = tokens.contains(name);
            prop_assert_eq!(headers.contains_key(name.as_str()), !hop && !listed, "{}", name);
        }
        let mut again = headers.clone();
        let trusted = TrustedProxies::default();
        let peer = Peer::new([192, 0, 2, 1].into(), Scheme::Http, &trusted);
        let received = receive(&mut again, Version::HTTP_11, peer).unwrap();
        prop_assert_eq!(received.stripped, []);
        prop_assert_eq!(again, headers);
    }

    #[test]
    fn receiving_is_total(
        lines in prop::collection::vec(("[a-zA-Z0-9_.-]{1,20}", prop::collection::vec(any::<u8>(), 0..12)), 0..8),
        connection in "[ -~]{0,20}",
    ) {
        let mut headers = map(&[("host", "a"), ("connection", &connection)]);
        for (name, value) in &lines {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                headers.append(name.parse::<HeaderName>().unwrap(), value);
            }
        }
        response_hygiene(&mut headers.clone());
        let trusted = TrustedProxies::new(vec!["0.0.0.0/0".parse().unwrap()]);
        let peer = Peer::new([192, 0, 2, 1].into(), Scheme::Http, &trusted);
        let _ = receive(&mut headers, Version::HTTP_11, peer);
    }
}
