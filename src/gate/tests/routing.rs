//! Which route a request takes.

use proptest::prelude::*;

use super::fixture::{Ask, POOL, api, matching, user_pool};
use crate::{
    gate::{Addressed, Question, Route, RouteConflict, Routes},
    http::Authority,
};

fn to(name: &str, host: Option<&str>, path: Option<&str>) -> Route {
    Route { matching: matching(host, path), ..api(name) }
}

fn all() -> Vec<Route> {
    vec![
        to("rest", None, None),
        to("api", None, Some("/api")),
        to("orders", None, Some("/api/orders")),
        to("below", None, Some("/below/")),
        to("shop", Some("shop.example"), None),
        to("shop-api", Some("shop.example"), Some("/api")),
        to("shop-8443", Some("shop.example:8443"), Some("/")),
        to("v6", Some("[::1]"), Some("/api")),
    ]
}

fn found(routes: &Routes, ask: Ask) -> Option<&str> {
    let question = ask.question();
    let Question { method, authority, target, headers, .. } = &question;
    let asked = Addressed { method, authority, target, headers, scope: None, action: None };
    routes.name(routes.find(asked).ok())
}

#[test]
fn a_bucket_is_what_stands_before_the_longest_domain() {
    for domains in [["example", "s3.example"], ["s3.example", "example"]] {
        let domains = domains.map(str::to_owned).to_vec();
        let routes = Routes::new(all(), Vec::new(), domains).unwrap();
        for (host, bucket) in [
            ("s3.example", Some(None)),
            ("files.s3.example:8080", Some(Some("files"))),
            ("files.example", Some(Some("files"))),
            ("s3.example.org", None),
            ("files-s3.example", Some(Some("files-s3"))),
        ] {
            let authority = Authority::parse(host).unwrap();
            assert_eq!(routes.bucket(&authority), bucket, "{host}");
        }
    }
}

#[test]
fn an_exact_host_goes_before_the_longest_path_before_none() {
    let routes = Routes::new(all(), Vec::new(), Vec::new()).unwrap();
    for (host, target, wanted) in [
        ("gate.example", "/", "rest"),
        ("gate.example", "/api", "api"),
        ("gate.example", "/api/", "api"),
        ("gate.example", "/api/x?/api/orders", "api"),
        ("gate.example", "/apix", "rest"),
        ("gate.example", "/API", "rest"),
        ("gate.example", "/api/orders", "orders"),
        ("gate.example", "/api/orders/1", "orders"),
        ("gate.example", "/api/ordersx", "api"),
        ("gate.example", "/api/%6frders/1", "orders"),
        ("gate.example", "/%61pi", "api"),
        ("gate.example", "/below", "rest"),
        ("gate.example", "/below/", "below"),
        ("gate.example", "/below/x", "below"),
        ("shop.example", "/", "shop"),
        ("SHOP.example", "/api", "shop-api"),
        ("shop.example", "/api/orders/1", "shop-api"),
        ("shop.example:80", "/api", "shop-api"),
        ("shop.example:8443", "/api", "shop-8443"),
        ("other.shop.example", "/api", "api"),
        ("[::1]:80", "/api", "v6"),
        ("[::1]", "/", "rest"),
    ] {
        assert_eq!(found(&routes, Ask::get(target).host(host)), Some(wanted), "{host} {target}");
    }
}

#[test]
fn what_no_route_covers_has_none() {
    let routes = || vec![to("a", Some("a.example"), None), to("b", None, Some("/b"))];
    let routes = Routes::new(routes(), Vec::new(), Vec::new()).unwrap();
    assert_eq!(found(&routes, Ask::get("/").host("b.example")), None);
    assert_eq!(found(&routes, Ask::get("/bb").host("b.example")), None);
    assert_eq!(found(&routes, Ask::get("/b").host("b.example")), Some("b"));
    // A host without a fitting path leaves the request to routes for any host.
    let routes = vec![to("a", Some("a.example"), Some("/a")), to("b", None, Some("/b"))];
    let routes = Routes::new(routes, Vec::new(), Vec::new()).unwrap();
    assert_eq!(found(&routes, Ask::get("/b").host("a.example")), Some("b"));
}

#[test]
fn two_routes_for_the_same_requests_are_a_conflict() {
    for (first, second, conflict) in [
        (to("a", None, None), to("b", None, None), true),
        (to("a", None, Some("/x")), to("b", None, Some("/x")), true),
        (to("a", Some("h"), Some("/x")), to("b", Some("h"), Some("/x")), true),
        (user_pool(), user_pool(), true),
        (to("a", None, Some("/x")), to("b", Some("h"), Some("/x")), false),
        (to("a", None, Some("/x")), to("b", None, Some("/x/")), false),
        (to("a", Some("h"), None), to("b", Some("h:1"), None), false),
        (to("a", None, None), user_pool(), false),
    ] {
        let shown = format!("{:?} {:?}", first.matching, second.matching);
        let routes = Routes::new(vec![first, second], Vec::new(), Vec::new());
        let wanted = conflict.then_some(RouteConflict(0, 1));
        assert_eq!(routes.err(), wanted, "{shown}");
    }
}

#[test]
fn the_target_header_leads_to_the_user_pool_or_nowhere() {
    let mut routes = all();
    routes.push(user_pool());
    let with = Routes::new(routes, vec![POOL.to_owned()], Vec::new()).unwrap();
    let without = Routes::new(all(), vec![POOL.to_owned()], Vec::new()).unwrap();
    let ask = |target: &str| Ask::new("POST", "/").with("x-amz-target", target);
    let sign_in = "AWSCognitoIdentityProviderService.InitiateAuth";
    assert_eq!(found(&with, ask(sign_in)), Some("pool"));
    assert_eq!(found(&with, ask(sign_in).host("shop.example")), Some("pool"));
    assert_eq!(found(&without, ask(sign_in)), None);
    assert_eq!(found(&with, ask("DynamoDB_20120810.Scan")), None);
    for other in ["awscognitoidentityproviderservice.InitiateAuth", ""] {
        assert_eq!(found(&with, ask(other)), Some("rest"), "{other}");
    }
}

#[test]
fn well_known_paths_of_configured_pools_lead_to_the_user_pool_unless_a_route_covers_them() {
    let keys = format!("/{POOL}/.well-known/jwks.json");
    let pools = || vec![POOL.to_owned()];
    let routes =
        Routes::new(vec![to("api", None, Some("/api")), user_pool()], pools(), Vec::new()).unwrap();
    assert_eq!(found(&routes, Ask::get(&keys)), Some("pool"));
    for other in ["/eu-west-1_Other0001/.well-known/jwks.json", &format!("/{POOL}"), "/"] {
        assert_eq!(found(&routes, Ask::get(other)), None, "{other}");
    }
    let covered =
        Routes::new(vec![to("rest", None, None), user_pool()], pools(), Vec::new()).unwrap();
    assert_eq!(found(&covered, Ask::get(&keys)), Some("rest"));
    let absent = Routes::new(vec![to("api", None, Some("/api"))], pools(), Vec::new()).unwrap();
    assert_eq!(found(&absent, Ask::get(&keys)), None);
}

fn hosts() -> impl Strategy<Value = Option<&'static str>> {
    prop::sample::select(vec![None, Some("a.example"), Some("b.example"), Some("b.example:81")])
}

fn paths() -> impl Strategy<Value = Option<&'static str>> {
    let paths = ["/", "/x", "/x/", "/x/y", "/x/y/z", "/xy"];
    prop::sample::select(std::iter::once(None).chain(paths.map(Some)).collect::<Vec<_>>())
}

/// The definition, without tables: of the routes that cover a request the one whose host says
/// more, then the one whose path is longer.
fn by_definition<'m>(
    matches: &[(Option<&'m str>, Option<&'m str>)],
    host: &str,
    path: &str,
) -> Option<(Option<&'m str>, Option<&'m str>)> {
    let name = host.split(':').next();
    let rank = |own: Option<&str>| match own {
        None => Some(0),
        Some(own) if own == host => Some(2),
        own if own == name => Some(1),
        Some(_) => None,
    };
    let covers = |prefix: &str| {
        let whole = prefix.trim_end_matches('/');
        path.strip_prefix(whole).is_some_and(|rest| {
            rest.starts_with('/') || (rest.is_empty() && !prefix.ends_with('/'))
        })
    };
    let fitting = matches.iter().filter(|(_, prefix)| covers(prefix.unwrap_or_default()));
    fitting
        .filter_map(|one| Some((rank(one.0)?, one.1.unwrap_or_default().len(), *one)))
        .max_by_key(|(rank, length, _)| (*rank, *length))
        .map(|(_, _, one)| one)
}

proptest! {
    #[test]
    fn file_order_never_matters(
        matches in prop::collection::hash_set((hosts(), paths()), 1..12),
        order in any::<prop::sample::Index>(),
        host in prop::sample::select(vec!["a.example", "b.example", "b.example:81", "c.example"]),
        path in prop::sample::select(vec!["/", "/x", "/x/", "/x/y", "/x/yz", "/x/y/z/q", "/xy/x"]),
    ) {
        let mut matches: Vec<_> = matches.into_iter().collect();
        let route = |(host, path): &(Option<&str>, Option<&str>)| {
            to(&format!("{host:?} {path:?}"), *host, *path)
        };
        let wanted = by_definition(&matches, host, path).map(|one| route(&one).name);
        for _ in 0..2 {
            let routes = Routes::new(matches.iter().map(route).collect(), Vec::new(), Vec::new()).unwrap();
            let found = found(&routes, Ask::get(path).host(host)).map(str::to_owned);
            prop_assert_eq!(&found, &wanted);
            let at = order.index(matches.len());
            matches.rotate_left(at);
            matches.reverse();
        }
    }
}
