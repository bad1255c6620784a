//! Questions of those who only ask.

use bytes::Bytes;
use serde_json::json;

use super::fixture::{
    Ask, Rig, access_token, api, cookie, id_token, matching, reads, reason, token_only, user_pool,
};
use crate::gate::{
    AskedQuery, AskedRoute, Decision, Outcome, Payload, Route, Service, Trail, Whole, Withheld,
};

fn ask(rig: &Rig, ask: Ask, route: AskedRoute<'_>, query: AskedQuery) -> Decision {
    ask_with(rig, ask, (route, query), &mut Withheld)
}

fn ask_with(
    rig: &Rig,
    ask: Ask,
    how: (AskedRoute<'_>, AskedQuery),
    body: &mut dyn Payload,
) -> Decision {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(rig.gate().ask(ask.question(), how, body, Trail::Off))
}

fn by_address(rig: &Rig, asked: Ask) -> String {
    reason(&ask(rig, asked, AskedRoute::ByAddress, AskedQuery::Editable))
}

fn named(rig: &Rig, asked: Ask, name: &str) -> String {
    reason(&ask(rig, asked, AskedRoute::Named(name), AskedQuery::Editable))
}

fn bucket() -> Route {
    Route { service: Service::S3, matching: None, ..api("files") }
}

fn rig() -> Rig {
    let public = Route {
        matching: matching(None, Some("/public")),
        authenticate: crate::gate::Authenticate::Public,
        ..token_only("public")
    };
    Rig::with(vec![api("api"), public, user_pool(), bucket()], &reads())
}

#[test]
fn decides_as_if_it_forwarded() {
    let rig = rig();
    let user = id_token(&json!({}));
    for asked in [
        Ask::get("/api/items").bearer(&user),
        Ask::new("POST", "/api/items").bearer(&user),
        Ask::get("/api/items"),
        Ask::get("/api/items").bearer("a.b.c"),
        Ask::get("/api/items").bearer(&user).with("cookie", "a=b"),
        Ask::get("/api/%2e%2e/items").bearer(&user),
        Ask::get("/api/items").with("authorization", "Basic YTpi"),
        Ask::get("/public/a"),
        Ask::get("/public/a").bearer(&user),
        Ask::get("/public/a?X-Amz-Signature=1"),
        Ask::get("/api/items?X-Amz-Signature=1"),
        Ask::get("/api/items").bearer(&access_token(&json!({}))),
    ] {
        let forwarded = rig.reason(asked.clone());
        assert_eq!(by_address(&rig, asked.clone()), forwarded, "{asked:?}");
    }
    assert_eq!(by_address(&rig, Ask::get("/api/items").bearer(&user)), "+allowed_by_policy");
}

#[test]
fn asks_nobody_but_apis() {
    let rig = rig();
    let user = id_token(&json!({}));
    for (asked, wanted) in [
        (
            Ask::new("POST", "/").with("x-amz-target", "DynamoDB_20120810.GetItem"),
            "-service_not_asked",
        ),
        (
            Ask::new("POST", "/").with("x-amz-target", "AWSCognitoIdentityService.GetId"),
            "-service_not_asked",
        ),
        (
            Ask::new("POST", "/")
                .with("x-amz-target", "AWSCognitoIdentityProviderService.InitiateAuth"),
            "-service_not_asked",
        ),
        // To the proxy door it is the bucket `demo`.
        (Ask::get("/demo/key").bearer(&user), "-no_route"),
        (Ask::get("/.well-known/jwks_uri"), "-no_route"),
        (Ask::new("OPTIONS", "/").with("access-control-request-method", "POST"), "-no_route"),
        (
            Ask::new("POST", "/").with("content-type", "application/x-www-form-urlencoded"),
            "-no_route",
        ),
    ] {
        assert_eq!(by_address(&rig, asked.clone()), wanted, "{asked:?}");
        let by_name = named(&rig, asked.clone(), "api");
        assert!(by_name.starts_with('-'), "{by_name}");
    }
}

#[test]
fn a_named_route_is_an_apis_and_host_and_path_do_not_matter() {
    let rig = rig();
    let user = id_token(&json!({}));
    let elsewhere = Ask::get("/elsewhere").bearer(&user);
    assert_eq!(by_address(&rig, elsewhere.clone()), "-no_route");
    assert_eq!(named(&rig, elsewhere.clone(), "public"), "+public_route");
    assert_eq!(named(&rig, elsewhere.clone(), "files"), "-unknown_route");
    assert_eq!(named(&rig, elsewhere.clone(), "pool"), "-unknown_route");
    assert_eq!(named(&rig, elsewhere, ""), "-unknown_route");
    // The policies are still asked about the path that it has.
    assert_eq!(named(&rig, Ask::get("/api/items").bearer(&user), "api"), "+allowed_by_policy");
}

/// Of two hosts in one request, a proxy may have chosen the route by the one that doesn't go on.
#[test]
fn a_route_of_one_host_is_none_of_anothers() {
    let public = crate::gate::Authenticate::Public;
    let open = Route {
        matching: matching(Some("open.example"), Some("/")),
        authenticate: public,
        ..token_only("open")
    };
    let any = Route {
        matching: matching(None, Some("/public")),
        authenticate: public,
        ..token_only("any")
    };
    let rig = Rig::with(vec![open, any, bucket()], &reads());
    let asked = |host: &str, route: &str| named(&rig, Ask::get("/a").host(host), route);
    assert_eq!(asked("open.example", "open"), "+public_route");
    assert_eq!(asked("OPEN.example.:8080", "open"), "+public_route");
    assert_eq!(asked("inner.example", "open"), "-unknown_route");
    assert_eq!(asked("inner.example", "any"), "+public_route");
}

#[test]
fn a_presigned_url_is_not_asked_about_where_it_would_stay_one() {
    let rig = rig();
    let presigned = Ask::get("/api/items?X-Amz-Signature=1");
    let fixed = |asked: Ask| reason(&ask(&rig, asked, AskedRoute::ByAddress, AskedQuery::Fixed));
    assert_eq!(fixed(presigned), "-presigned_not_asked");
    let user = id_token(&json!({}));
    assert_eq!(fixed(Ask::get("/api/items?a=b").bearer(&user)), "+allowed_by_policy");
}

#[test]
fn a_permit_lacks_what_must_not_go_on() {
    let route = Route {
        forward_token: crate::gate::Forward::Remove,
        sources: cookie("session", &[]),
        ..api("api")
    };
    let rig = Rig::with(vec![route], &reads());
    let asked =
        Ask::get("/api/items").with("cookie", &format!("a=b; session={}", id_token(&json!({}))));
    let how = (AskedRoute::ByAddress, AskedQuery::Editable);
    let decision = ask_with(&rig, asked, how, &mut Whole(Bytes::new()));
    let Outcome::Allow(permit) = decision.outcome else { panic!("{:?}", decision.outcome) };
    let (forward, identity) = permit.into_parts();
    assert_eq!(forward.headers["cookie"], "a=b");
    assert!(!identity.role().is_empty());
}

#[test]
fn a_route_without_an_upstream_is_only_asked_about() {
    let rig = Rig::with(vec![Route { upstream: None, ..api("api") }], &reads());
    let asked = Ask::get("/api/items").bearer(&id_token(&json!({})));
    assert_eq!(by_address(&rig, asked.clone()), "+allowed_by_policy");
    assert_eq!(rig.reason(asked), "-not_forwarded");
}

#[test]
fn an_address_that_is_not_told_is_unknown() {
    let statements = json!([
        { "Effect": "Allow", "Action": "*", "Resource": "*" },
        { "Effect": "Deny", "Action": "*", "Resource": "*",
          "Condition": { "IpAddress": { "aws:SourceIp": "198.51.100.0/24" } } },
    ]);
    let rig = Rig::with(vec![api("api")], &statements);
    let asked = |address: &str| {
        let mut question = Ask::get("/api/items").bearer(&id_token(&json!({}))).question();
        question.received.client_ip = address.parse().unwrap();
        let how = (AskedRoute::ByAddress, AskedQuery::Fixed);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        reason(&runtime.block_on(rig.gate().ask(question, how, &mut Withheld, Trail::Off)))
    };
    assert_eq!(asked("203.0.113.9"), "+allowed_by_policy");
    assert_eq!(asked("198.51.100.1"), "-explicit_deny");
    assert_eq!(asked("0.0.0.0"), "-unknown_context_key");
    let cedar = Route { cedar: crate::gate::Engine::Enforce, ..api("api") };
    let rig = Rig::with(vec![cedar], &statements);
    let mut question = Ask::get("/api/items").bearer(&id_token(&json!({}))).question();
    question.received.client_ip = "0.0.0.0".parse().unwrap();
    let how = (AskedRoute::ByAddress, AskedQuery::Fixed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let decision = runtime.block_on(rig.gate().ask(question, how, &mut Withheld, Trail::Off));
    assert_eq!(reason(&decision), "-source_unknown");
}
