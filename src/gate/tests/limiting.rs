//! Limits of routes: whose requests count, and which don't.

use std::{sync::Arc, time::Duration};

use serde_json::json;

use super::fixture::{Ask, Rig, api, id_token, matching, reason, token_only};
use crate::gate::{
    AskedQuery, AskedRoute, Authenticate, Limits, Outcome, Rate, Refusal, Route, Trail, Withheld,
};

/// So many an hour: none comes back while a test runs.
fn rate(requests: u32) -> Option<Rate> {
    Some(Rate::new(requests, Duration::from_secs(3600), requests))
}

fn limited(route: Route, all: Option<Rate>, each: Option<Rate>) -> Rig {
    Rig::new(vec![Route { limits: Some(Arc::new(Limits::new(all, each))), ..route }])
}

fn user(name: &str) -> String {
    id_token(&json!({ "sub": name }))
}

#[test]
fn each_principal_has_a_count_of_its_own() {
    let rig = limited(api("api"), None, rate(2));
    let ask = |user: &str| rig.reason(Ask::get("/api/x").bearer(user));
    let (first, second) = (user("a"), user("b"));
    assert_eq!([ask(&first), ask(&first)], ["+allowed_by_policy"; 2]);
    assert_eq!(ask(&first), "-principal_rate_exceeded");
    // Another token of the same user is the same principal; another user is not.
    let again = id_token(&json!({ "sub": "a", "jti": "another" }));
    assert_eq!(ask(&again), "-principal_rate_exceeded");
    assert_eq!(ask(&second), "+allowed_by_policy");
    let decision = rig.decide(Ask::get("/api/x").bearer(&first));
    let Outcome::Deny(denial) = decision.outcome else { panic!("allowed") };
    let Refusal::Throttled(seconds) = denial.refusal else { panic!("{denial:?}") };
    // Half an hour, but for what has passed.
    assert!((1790..=1800).contains(&seconds), "{seconds}");
}

#[test]
fn what_is_not_authenticated_counts_for_nobody_and_what_is_denied_later_counts() {
    let rig = limited(api("api"), rate(2), rate(1));
    for _ in 0..5 {
        assert_eq!(rig.reason(Ask::get("/api/x")), "-missing_token");
        assert_eq!(rig.reason(Ask::get("/api/x").bearer("a.b.c")), "-malformed");
    }
    let denied = Ask::new("POST", "/api/x").bearer(&user("a"));
    assert_eq!(rig.reason(denied.clone()), "-implicit_deny");
    assert_eq!(rig.reason(denied), "-principal_rate_exceeded");
    assert_eq!(rig.reason(Ask::get("/api/x").bearer(&user("b"))), "+allowed_by_policy");
    assert_eq!(rig.reason(Ask::get("/api/x").bearer(&user("c"))), "-route_rate_exceeded");
}

#[test]
fn who_is_nobody_counts_by_address() {
    let public = Route {
        authenticate: Authenticate::Public,
        matching: matching(None, Some("/open")),
        ..token_only("open")
    };
    let rig = limited(public, None, rate(1));
    assert_eq!(rig.reason(Ask::get("/open/x")), "+public_route");
    // A token that nobody verified makes nobody of another.
    assert_eq!(rig.reason(Ask::get("/open/x").bearer(&user("a"))), "-principal_rate_exceeded");
}

#[test]
fn who_asks_counts_as_who_is_forwarded_and_who_wants_it_explained_does_not() {
    let rig = limited(api("api"), rate(2), None);
    let token = user("a");
    let ask = || Ask::get("/api/x").bearer(&token);
    for _ in 0..5 {
        let explained = rig.decide_with(ask(), Trail::On(Vec::new()));
        assert_eq!(reason(&explained), "+allowed_by_policy");
    }
    assert_eq!(rig.reason(ask()), "+allowed_by_policy");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let asked = || {
        let (gate, mut body) = (rig.gate(), Withheld);
        let how = (AskedRoute::ByAddress, AskedQuery::Editable);
        reason(&runtime.block_on(gate.ask(ask().question(), how, &mut body, Trail::Off)))
    };
    assert_eq!(asked(), "+allowed_by_policy");
    assert_eq!(asked(), "-route_rate_exceeded");
    assert_eq!(rig.reason(ask()), "-route_rate_exceeded");
}
