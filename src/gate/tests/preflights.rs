//! CORS preflights: answered before authentication where the route has `cors`, and nowhere else.

use std::time::Duration;

use ::http::Method;
use serde_json::json;

use super::{
    fixture::{Ask, Rig, api, cookie, id_token, matching, reads, reason, token_only},
    routing::rows,
};
use crate::{
    gate::{
        AskedQuery, AskedRoute, Authenticate, Decision, Outcome, Route, Service, Trail, Withheld,
    },
    http::{Cors, CorsRules},
};

const APP: &str = "https://app.example";

fn cors() -> Option<Cors> {
    Some(Cors::new(CorsRules {
        origins: vec![APP.to_owned()],
        methods: vec![Method::GET, Method::PUT],
        headers: vec!["authorization".to_owned(), "content-type".to_owned(), "x-amz-*".to_owned()],
        expose: Vec::new(),
        credentials: false,
        max_age: Duration::from_secs(60),
    }))
}

/// Routes with `cors`, of every kind that can be found, and one API without.
fn rig() -> Rig {
    let public = |name: &str| Route { authenticate: Authenticate::Public, ..token_only(name) };
    let routes = vec![
        Route { cors: cors(), sources: cookie("session", &[]), ..api("api") },
        Route { matching: matching(None, Some("/silent")), ..api("silent") },
        Route { cors: cors(), matching: matching(None, Some("/open")), ..public("open") },
        Route { matching: matching(None, Some("/public")), ..public("public") },
        Route {
            cors: cors(),
            service: Service::S3,
            matching: matching(None, Some("/demo")),
            ..api("files")
        },
        Route { cors: cors(), ..rows("rows", Some("rows.example"), None) },
    ];
    Rig::with(routes, &reads())
}

fn preflight(target: &str, method: &str, headers: &str) -> Ask {
    let ask = Ask::new("OPTIONS", target).with("origin", APP);
    let ask = ask.with("access-control-request-method", method);
    if headers.is_empty() { ask } else { ask.with("access-control-request-headers", headers) }
}

/// The reason and the route.
fn decided(rig: &Rig, ask: Ask) -> (String, String) {
    let decision = rig.decide(ask);
    let route = rig.rules.routes.name(decision.destination).unwrap_or("-");
    (reason(&decision), route.to_owned())
}

fn asked(rig: &Rig, ask: Ask, query: AskedQuery) -> Decision {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let how = (AskedRoute::ByAddress, query);
    runtime.block_on(rig.gate().ask(ask.question(), how, &mut Withheld, Trail::Off))
}

#[test]
fn preflights_need_no_token_and_get_no_more_than_the_route_says() {
    let rig = rig();
    let user = id_token(&json!({}));
    let ask = |method, headers| preflight("/api/x", method, headers);
    for (ask, wanted) in [
        (ask("PUT", "authorization,content-type"), "+cors_preflight"),
        (ask("GET", ""), "+cors_preflight"),
        // A cookie isn't looked at: browsers send none.
        (ask("GET", "").with("cookie", "session=a.b.c"), "+cors_preflight"),
        (ask("DELETE", ""), "-cors_method_not_allowed"),
        (ask("PUT", "x-other"), "-cors_header_not_allowed"),
        (
            Ask::new("OPTIONS", "/api/x")
                .with("origin", "https://evil.example")
                .with("access-control-request-method", "GET"),
            "-cors_origin_not_allowed",
        ),
        // None is one without all of its marks, and one with a credential.
        (Ask::new("OPTIONS", "/api/x").with("origin", APP), "-missing_token"),
        (
            Ask::new("OPTIONS", "/api/x").with("access-control-request-method", "GET"),
            "-missing_token",
        ),
        (ask("GET", "").bearer("a.b.c"), "-malformed"),
        (ask("GET", "").bearer(&user), "-implicit_deny"),
        (ask("GET", "").with("content-length", "1"), "-missing_token"),
        (preflight("/silent/x", "GET", ""), "-missing_token"),
        (preflight("/nowhere", "GET", ""), "-no_route"),
        // What nobody asks for is the upstream's own to answer.
        (preflight("/public/x", "GET", ""), "+public_route"),
        (preflight("/open/x", "GET", ""), "+cors_preflight"),
        (preflight("/open/x", "DELETE", ""), "-cors_method_not_allowed"),
    ] {
        assert_eq!(rig.reason(ask.clone()), wanted, "{ask:?}");
    }
}

#[test]
fn preflights_of_the_aws_sdks_find_their_route_without_a_scope() {
    let rig = rig();
    let signed = "authorization,x-amz-content-sha256,x-amz-date,x-amz-security-token";
    let found = |ask: Ask| decided(&rig, ask);
    let is = |reason: &str, route: &str| (reason.to_owned(), route.to_owned());
    let allowed = |route: &str| is("+cors_preflight", route);
    assert_eq!(found(preflight("/demo/a/b", "PUT", signed)), allowed("files"));
    // As a bucket in the host.
    let hosted = preflight("/a/b", "PUT", signed).host("demo.s3.example");
    assert_eq!(found(hosted), allowed("files"));
    // What will be signed for S3 will be taken by the only route of S3, wherever it is sent.
    assert_eq!(found(preflight("/other/a", "PUT", signed)), allowed("files"));
    assert_eq!(found(preflight("/other/a", "PUT", "content-type")), is("-no_route", "-"));
    // A presigned URL says which service it is for; that nobody has verified it doesn't matter.
    let query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F20260101%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Date=20260101T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=0000000000000000000000000000000000000000000000000000000000000000";
    let presigned = preflight(&format!("/other/a?{query}"), "PUT", "content-type");
    let (reason, route) = found(presigned);
    assert_eq!((reason.as_str(), route.as_str()), ("+cors_preflight", "files"));
    assert_eq!(found(preflight("/demo/a", "DELETE", signed)).0, "-cors_method_not_allowed");
    // Tables by their host; where nothing tells them from the services that are built in, those answer.
    let scan = || preflight("/", "POST", "authorization,x-amz-date,x-amz-target");
    assert_eq!(found(scan().host("rows.example")), allowed("rows"));
    assert_eq!(found(scan()), allowed("cognito-identity"));
}

#[test]
fn who_asks_is_let_through_with_preflights_where_the_route_has_cors() {
    let rig = rig();
    let say = |ask: Ask| reason(&asked(&rig, ask, AskedQuery::Editable));
    assert_eq!(say(preflight("/api/x", "PUT", "authorization")), "+cors_preflight");
    assert_eq!(say(preflight("/api/x", "DELETE", "")), "-cors_method_not_allowed");
    assert_eq!(say(preflight("/api/x", "PUT", "x-other")), "-cors_header_not_allowed");
    assert_eq!(say(preflight("/silent/x", "PUT", "")), "-missing_token");
    assert_eq!(say(preflight("/demo/x", "PUT", "")), "-no_route");
    assert_eq!(say(preflight("/api/x", "PUT", "").with("content-length", "3")), "-missing_token");

    // Nothing by which a caller could be someone goes on.
    let presigned = preflight("/api/x?a=b&X-Amz-Signature=00", "PUT", "");
    let presigned = presigned.with("cookie", "a=b; session=a.b.c").with("dpop", "x");
    let fixed = reason(&asked(&rig, presigned.clone(), AskedQuery::Fixed));
    assert_eq!(fixed, "-presigned_not_asked");
    let decision = asked(&rig, presigned, AskedQuery::Editable);
    let Outcome::Allow(permit) = decision.outcome else { panic!("{:?}", decision.outcome) };
    assert_eq!(permit.withheld(), ["dpop"]);
    let (forward, identity) = permit.into_parts();
    assert_eq!(forward.target.as_str(), "/api/x?a=b");
    assert_eq!(forward.headers["cookie"], "a=b");
    assert_eq!(identity.role(), "");
}
