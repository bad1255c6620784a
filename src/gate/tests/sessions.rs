//! Sessions are remembered per pool and token, tokens by their text; neither changes an answer.

use proptest::prelude::*;
use serde_json::json;

use super::fixture::{Ask, Rig, access_token, api, id_token, matching, oidc_token, reason, role};
use crate::{
    gate::{Decision, Login, Route},
    token::testing::NOW,
};

/// The first identity pool below `/api`, the second below `/audit`.
fn two_pools() -> Vec<Route> {
    let audit = Route { pool: Some(1), matching: matching(None, Some("/audit")), ..api("audit") };
    vec![api("api"), audit]
}

/// What a decision comes to for the caller and the upstream.
fn told(decision: &Decision) -> (String, Option<String>, Option<String>) {
    let assumed = decision.assumed.as_ref();
    let role = assumed.and_then(|a| a.session.principal.role()).map(|r| r.arn.as_str().to_owned());
    (reason(decision), assumed.and_then(|a| a.identity_id.clone()), role)
}

#[test]
fn a_session_is_made_once_for_each_pool_and_token() {
    let rig = Rig::new(two_pools());
    let (first, second) = (id_token(&json!({})), id_token(&json!({ "jti": "another" })));
    let assumed =
        |target: &str, token: &str| rig.decide(Ask::get(target).bearer(token)).assumed.unwrap();
    let same = |a: &_, b: &_| std::sync::Arc::ptr_eq(a, b);
    let session = assumed("/api/x", &first);
    assert!(same(&session, &assumed("/api/y", &first)), "asked again, it is the same");
    assert!(!same(&session, &assumed("/api/x", &second)), "of another token");
    let audit = assumed("/audit/x", &first);
    assert!(!same(&session, &audit), "of another pool");
    let arn = |assumed: &crate::identity::Assumed| {
        assumed.session.principal.role().unwrap().arn.as_str().to_owned()
    };
    assert_eq!((arn(&session), arn(&audit)), (role("Reader"), role("Auditor")));
    assert_ne!(session.identity_id, audit.identity_id);
    assert_eq!(rig.rules.sessions.count(), 3);
}

#[test]
fn one_who_listens_gets_a_fresh_session() {
    let rig = Rig::new(two_pools());
    let ask = Ask::get("/api/x").bearer(&id_token(&json!({})));
    let quiet = rig.decide(ask.clone());
    let loud = rig.decide_with(ask, crate::gate::Trail::On(Vec::new()));
    assert!(loud.trail.steps().iter().any(|step| step.stage == "assume"), "nothing was shown");
    assert_eq!(told(&quiet), told(&loud));
}

#[test]
fn expiry_is_seen_although_token_and_session_are_remembered() {
    let rig = Rig::new(two_pools());
    let token = id_token(&json!({ "exp": NOW.secs() + 100, "nbf": NOW.secs() - 100 }));
    let at =
        |seconds: i64| rig.reason(Ask::get("/api/x").bearer(&token).at(NOW.plus_secs(seconds)));
    assert_eq!(at(0), "+allowed_by_policy");
    assert_eq!(at(99), "+allowed_by_policy");
    assert_eq!(at(100), "-expired");
    assert_eq!(at(99), "+allowed_by_policy", "a clock that was set back");
    assert_eq!(at(-101), "-not_yet_valid");
}

#[test]
fn a_remembered_token_is_nothing_to_other_rules() {
    let rig = Rig::new(two_pools());
    let ask = || Ask::get("/api/x").bearer(&id_token(&json!({})));
    assert_eq!(rig.reason(ask()), "+allowed_by_policy");
    // The next generation allows nothing, knows no session, and has keys of its own.
    let next = Rig::with(
        two_pools(),
        &json!([{ "Effect": "Deny", "Action": "*",
        "Resource": "*" }]),
    );
    let next = Rig { rules: next.rules, tokens: rig.tokens };
    assert_eq!(next.reason(ask()), "-explicit_deny");
}

fn tokens() -> Vec<String> {
    vec![
        id_token(&json!({})),
        id_token(&json!({ "sub": "other" })),
        id_token(&json!({ "cognito:preferred_role": role("Auditor") })),
        id_token(&json!({ "cognito:preferred_role": role("Gone") })),
        id_token(&json!({ "exp": NOW.secs() + 50 })),
        access_token(&json!({})),
        access_token(&json!({ "cognito:groups": ["readers", "auditors"] })),
        access_token(&json!({ "cognito:groups": ["strangers"] })),
        oidc_token(&json!({})),
        "nonsense".to_owned(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn what_is_remembered_changes_no_answer(
        asked in prop::collection::vec((0..10_usize, 0..4_usize, 0..2_usize, 0..2_i64), 1..20),
    ) {
        let warm = Rig::new(two_pools());
        let tokens = tokens();
        for (token, target, method, later) in asked {
            let target = ["/api/x", "/audit/x", "/api/y/z", "/none"][target];
            let ask = Ask::new(["GET", "PUT"][method], target)
                .bearer(&tokens[token])
                .at(NOW.plus_secs(later * 55));
            let remembered = warm.decide(ask.clone());
            let fresh = Rig::new(two_pools()).decide(ask);
            prop_assert_eq!(told(&remembered), told(&fresh));
            if let (Login::Token(a), Login::Token(b)) = (&remembered.login, &fresh.login) {
                prop_assert_eq!(&a.claims, &b.claims);
            }
        }
    }
}
