//! Which route a request takes.

use std::{collections::HashMap, sync::Arc};

use proptest::prelude::*;

use super::fixture::{Ask, POOL, api, matching, user_pool};
use crate::{
    gate::{
        Question, Route, RouteConflict, Routes, Service, Tables, named::Named, routes::Addressed,
    },
    http::Authority,
    services::dynamodb::{SchemaError, SchemaFuture, TableSchemas},
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
    found_signed(routes, ask, None)
}

/// Where a request leads whose signature is for the service `scope`.
fn found_signed<'r>(routes: &'r Routes, ask: Ask, scope: Option<&str>) -> Option<&'r str> {
    let question = ask.question();
    let Question { method, authority, target, headers, .. } = &question;
    let named = Named::by(scope, headers, None).ok()?;
    routes.name(routes.find(Addressed { method, authority, target, headers, named }))
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
        (rows("a", None, None), rows("b", None, None), true),
        (rows("a", None, Some("/x")), to("b", None, Some("/x")), true),
        (rows("a", None, None), rows("b", None, Some("/x")), false),
        (rows("a", None, None), user_pool(), false),
        (rows("a", None, None), to("b", None, None), false),
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

fn s3(name: &str, host: Option<&str>, path: Option<&str>) -> Route {
    Route { service: Service::S3, ..to(name, host, path) }
}

fn with_domains(routes: Vec<Route>, domains: &[&str]) -> Routes {
    let domains = domains.iter().map(|domain| (*domain).to_owned()).collect();
    Routes::new(routes, vec![POOL.to_owned()], domains).unwrap()
}

#[test]
fn a_signature_says_whose_request_it_is() {
    let routes = vec![to("api", None, Some("/api")), s3("files", None, None), user_pool()];
    let routes = with_domains(routes, &["s3.localhost"]);
    for (scope, host, target, wanted) in [
        ("s3", "gate.example", "/", Some("files")),
        ("s3", "gate.example", "/api/x", Some("files")),
        ("s3", "demo.s3.localhost", "/api/x", Some("files")),
        ("execute-api", "gate.example", "/api/x", Some("api")),
        ("execute-api", "gate.example", "/demo/x", None),
        ("cognito-idp", "gate.example", "/api/x", Some("pool")),
        ("cognito-identity", "gate.example", "/api/x", Some("cognito-identity")),
        ("sts", "demo.s3.localhost", "/", Some("sts")),
        ("lambda", "gate.example", "/api/x", None),
        ("iam", "gate.example", "/api/x", Some("iam")),
        ("ec2", "gate.example", "/", None),
    ] {
        let found = found_signed(&routes, Ask::get(target).host(host), Some(scope));
        assert_eq!(found, wanted, "{scope} {host} {target}");
    }
}

#[test]
fn a_target_of_another_service_than_the_signature_is_refused() {
    let named = |scope: Option<&str>, target: &str, action: Option<Named>| {
        let headers = Ask::get("/").with("x-amz-target", target).question().headers;
        Named::by(scope, &headers, action).map_err(|denial| denial.reason)
    };
    let (pools, users) = ("AWSCognitoIdentityService.GetId", "AWSCognitoIdentityProviderService.X");
    let (rows, own) = ("DynamoDB_20120810.Scan", "shop.Order");
    for (scope, target, action, wanted) in [
        (Some("s3"), pools, None, Err("service_disagrees")),
        (Some("s3"), rows, None, Err("service_disagrees")),
        (Some("s3"), own, None, Ok(Some(Named::S3))),
        (Some("execute-api"), own, None, Ok(Some(Named::ExecuteApi))),
        (Some("execute-api"), users, None, Err("service_disagrees")),
        (Some("execute-api"), own, Some(Named::Sts), Err("service_disagrees")),
        (Some("sts"), own, Some(Named::Iam), Err("service_disagrees")),
        (Some("iam"), own, Some(Named::Sts), Err("service_disagrees")),
        (Some("iam"), own, Some(Named::Iam), Ok(Some(Named::Iam))),
        (Some("iam"), rows, None, Err("service_disagrees")),
        (None, own, Some(Named::Iam), Ok(Some(Named::Iam))),
        (Some("cognito-identity"), pools, None, Ok(Some(Named::CognitoIdentity))),
        (Some("dynamodb"), rows, None, Ok(Some(Named::DynamoDb))),
        (Some("dynamodb"), own, None, Ok(Some(Named::DynamoDb))),
        (Some("dynamodb"), pools, None, Err("service_disagrees")),
        (Some("dynamodb"), "DynamoDB_20111205.Scan", None, Err("service_disagrees")),
        (Some("execute-api"), rows, None, Err("service_disagrees")),
        (None, rows, Some(Named::Sts), Err("service_disagrees")),
        (None, rows, None, Ok(Some(Named::DynamoDb))),
        (None, "DynamoDBStreams_20120810.GetRecords", None, Ok(Some(Named::DynamoDb))),
        (None, "DynamoDBStreams_20120811.GetRecords", None, Ok(Some(Named::Other))),
        (None, "DynamoDB_20111205.Scan", None, Ok(Some(Named::Other))),
        (None, "DynamoDB_20120810", None, Ok(Some(Named::Other))),
        (None, "dynamodb_20120810.Scan", None, Ok(None)),
        (None, pools, Some(Named::Sts), Err("service_disagrees")),
        (None, own, Some(Named::Sts), Ok(Some(Named::Sts))),
        (None, own, None, Ok(None)),
    ] {
        assert_eq!(named(scope, target, action), wanted, "{scope:?} {target} {action:?}");
    }
}

#[test]
fn a_host_below_the_domains_is_s3s_whatever_other_routes_say() {
    let routes = vec![to("api", None, Some("/api")), s3("files", Some("f.example"), None)];
    let routes = with_domains(routes, &["s3.localhost"]);
    for (host, target, wanted) in [
        ("demo.s3.localhost", "/api/x", Some("files")),
        ("S3.localhost:8080", "/api/x", Some("files")),
        ("f.example", "/x", Some("files")),
        ("xs3.localhost", "/x", None),
        ("gate.example", "/api/x", Some("api")),
        ("gate.example", "/x", None),
    ] {
        assert_eq!(found(&routes, Ask::get(target).host(host)), wanted, "{host} {target}");
    }
    // What is signed for S3 can only be its, while there is one.
    let signed = |routes: &Routes, host: &str| {
        found_signed(routes, Ask::get("/x").host(host), Some("s3")).map(str::to_owned)
    };
    assert_eq!(signed(&routes, "gate.example").as_deref(), Some("files"));
    let two = vec![s3("files", Some("f.example"), None), s3("logs", Some("l.example"), None)];
    let two = with_domains(two, &[]);
    assert_eq!(signed(&two, "l.example").as_deref(), Some("logs"));
    assert_eq!(signed(&two, "gate.example"), None);
}

#[test]
fn preflights_and_keys_of_the_pools_leave_an_apis_own_alone() {
    let preflight =
        |wanted: &str| Ask::new("OPTIONS", "/").with("access-control-request-method", wanted);
    let keys = || Ask::get("/.well-known/jwks_uri");
    let beside = with_domains(vec![to("api", None, Some("/api")), s3("files", None, None)], &[]);
    assert_eq!(found(&beside, preflight("POST")), Some("cognito-identity"));
    assert_eq!(found(&beside, preflight("GET")), Some("files"));
    assert_eq!(found(&beside, keys()), Some("cognito-identity"));
    let covered = with_domains(vec![to("rest", None, None)], &["s3.localhost"]);
    assert_eq!(found(&covered, preflight("POST")), Some("rest"));
    assert_eq!(found(&covered, keys()), Some("rest"));
    assert_eq!(found(&covered, keys().host("demo.s3.localhost")), None);
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

#[test]
fn a_key_does_not_choose_among_buckets_routes() {
    let routes = vec![s3("photos", None, Some("/photos/")), s3("files", None, Some("/files/"))];
    let routes = with_domains(routes, &["s3.localhost"]);
    for (host, target, wanted) in [
        ("photos.s3.localhost", "/files/x", Some("photos")),
        ("files.s3.localhost", "/photos/x", Some("files")),
        ("other.s3.localhost", "/photos/x", None),
        ("s3.localhost", "/photos/x", Some("photos")),
    ] {
        let ask = Ask::get(target).host(host);
        assert_eq!(found_signed(&routes, ask, Some("s3")), wanted, "{host}{target}");
    }
}

#[derive(Debug)]
struct Nobody;

impl TableSchemas for Nobody {
    fn of<'s>(&'s self, _: &'s str) -> SchemaFuture<'s> {
        Box::pin(std::future::ready(Err(SchemaError::Busy)))
    }

    fn forget(&self, _: &str) {}
}

/// A route of DynamoDB; without host and path one without `match`.
pub(super) fn rows(name: &str, host: Option<&str>, path: Option<&str>) -> Route {
    let service = Service::DynamoDb(Tables::new(HashMap::new(), Arc::new(Nobody)));
    let matching = matching(host, path).filter(|_| host.is_some() || path.is_some());
    Route { service, matching, ..api(name) }
}

#[test]
fn what_is_named_dynamodbs_goes_to_its_route() {
    let scan = || Ask::new("POST", "/").with("x-amz-target", "DynamoDB_20120810.Scan");
    let records =
        || Ask::new("POST", "/").with("x-amz-target", "DynamoDBStreams_20120810.GetRecords");
    let old = || Ask::new("POST", "/").with("x-amz-target", "DynamoDB_20111205.Scan");
    // The only one takes it whatever its match; without a match it takes nothing else.
    for only in [rows("rows", None, None), rows("rows", Some("rows.example"), None)] {
        let routes = vec![to("api", None, Some("/")), s3("files", None, None), only, user_pool()];
        let routes = with_domains(routes, &["s3.localhost"]);
        for host in ["gate.example", "rows.example", "demo.s3.localhost"] {
            assert_eq!(found(&routes, scan().host(host)), Some("rows"), "{host}");
            assert_eq!(found(&routes, records().host(host)), Some("rows"), "{host}");
            assert_eq!(
                found_signed(&routes, Ask::get("/").host(host), Some("dynamodb")),
                Some("rows")
            );
        }
        assert_eq!(found(&routes, old()), None);
        assert_eq!(found(&routes, Ask::get("/")), Some("api"));
        assert_eq!(found_signed(&routes, Ask::get("/"), Some("execute-api")), Some("api"));
    }
    let absent = with_domains(vec![to("api", None, Some("/"))], &[]);
    assert_eq!(found(&absent, scan()), None);
}

#[test]
fn among_several_routes_of_dynamodb_host_and_path_decide() {
    let two = || vec![rows("a", Some("a.example"), None), rows("b", None, Some("/b"))];
    let scan = |host: &str, path: &str| {
        Ask::new("POST", path).host(host).with("x-amz-target", "DynamoDB_20120810.Scan")
    };
    let api = || to("api", Some("api.example"), None);
    let mut routes = two();
    routes.push(api());
    let routes = with_domains(routes, &[]);
    for (host, path, wanted) in [
        ("a.example", "/", Some("a")),
        ("a.example", "/b", Some("a")),
        ("gate.example", "/b", Some("b")),
        ("gate.example", "/", None),
        // An API doesn't take what is named another service's.
        ("api.example", "/", None),
        ("api.example", "/b", Some("b")),
    ] {
        assert_eq!(found(&routes, scan(host, path)), wanted, "{host}{path}");
    }
    let mut routes = two();
    routes.extend([rows("rest", None, None), api()]);
    let routes = with_domains(routes, &[]);
    assert_eq!(found(&routes, scan("a.example", "/")), Some("a"));
    assert_eq!(found(&routes, scan("api.example", "/")), Some("rest"));
    // Unnamed, only what has a match is found.
    assert_eq!(found(&routes, Ask::get("/").host("a.example")), Some("a"));
    assert_eq!(found(&routes, Ask::get("/").host("gate.example")), None);
}

#[test]
fn dynamodb_answers_no_preflight_and_has_no_keys() {
    let routes = with_domains(vec![rows("rows", None, Some("/"))], &[]);
    let preflight = Ask::new("OPTIONS", "/").with("access-control-request-method", "POST");
    assert_eq!(found(&routes, preflight), Some("cognito-identity"));
    assert_eq!(found(&routes, Ask::get("/.well-known/jwks_uri")), Some("cognito-identity"));
}
