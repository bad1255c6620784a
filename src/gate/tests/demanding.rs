//! What routes ask of the token itself, and the routes that ask for none.

use serde_json::json;

use super::fixture::{
    ALB, Ask, Rig, access_token, alb, alb_token, api, client_token, id_token, oidc_token, reason,
    role, scoped, token_only, user_pool,
};
use crate::gate::{Authenticate, Login, Outcome, Refusal, Route};

#[test]
fn any_of_a_routes_scopes_is_enough() {
    let rig = Rig::new(vec![scoped(&["orders/read", "orders/admin"])]);
    let ask = |scope: &str| Ask::get("/api/x").bearer(&access_token(&json!({ "scope": scope })));
    for scope in ["orders/read", "orders/admin", "openid orders/read", "orders/admin orders/read"] {
        assert_eq!(rig.reason(ask(scope)), "+valid_token", "{scope}");
    }
    for scope in ["", "orders", "orders/reads", "ORDERS/READ", "orders/read,orders/admin", "openid"]
    {
        let decision = rig.decide(ask(scope));
        assert_eq!(reason(&decision), "-insufficient_scope", "{scope}");
        let Outcome::Deny(denial) = decision.outcome else { unreachable!() };
        let wanted = "orders/read orders/admin".to_owned();
        assert_eq!(denial.refusal, Refusal::InsufficientScope(wanted));
    }
    let without = id_token(&json!({ "token_use": "access", "client_id": "1example23456789",
        "aud": null }));
    assert_ne!(rig.reason(Ask::get("/api/x").bearer(&without)), "+valid_token");
}

#[test]
fn scopes_are_an_access_tokens_to_have() {
    let mut route = scoped(&["openid"]);
    route.sources = alb();
    let rig = Rig::new(vec![route]);
    let get = || Ask::get("/api/x");
    // An ID token may carry a claim `scope` that an attribute was mapped to.
    let id = id_token(&json!({ "scope": "openid" }));
    assert_eq!(rig.reason(get().bearer(&id)), "-access_token_required");
    let by_alb = get().with("x-amzn-oidc-data", &alb_token(ALB));
    assert_eq!(rig.reason(by_alb), "-access_token_required");
    let oidc = oidc_token(&json!({ "scope": "openid" }));
    assert_eq!(rig.reason(get().bearer(&oidc)), "+valid_token");
}

#[test]
fn a_clients_own_token_is_good_for_scopes_alone() {
    let get = |scope| Ask::get("/api/x").bearer(&client_token(scope));
    let refused = "-client_credentials_without_scopes";
    assert_eq!(Rig::new(vec![token_only("t")]).reason(get("orders/read")), refused);
    assert_eq!(Rig::new(vec![api("a")]).reason(get("orders/read")), refused);
    let rig = Rig::new(vec![scoped(&["orders/read"])]);
    assert_eq!(rig.reason(get("orders/read")), "+valid_token");
    assert_eq!(rig.reason(get("orders/write")), "-insufficient_scope");
    let both = Route { scopes: vec!["orders/read".to_owned()], ..api("both") };
    let rig = Rig::new(vec![both]);
    assert_eq!(rig.reason(get("orders/read")), "-no_role_for_client_credentials");
}

#[test]
fn scopes_and_policies_must_both_say_yes() {
    let both = Route { scopes: vec!["orders/read".to_owned()], ..api("both") };
    let rig = Rig::new(vec![both]);
    let token = |scope: &str| access_token(&json!({ "scope": scope }));
    let get = Ask::get("/api/x").bearer(&token("orders/read"));
    assert_eq!(rig.reason(get), "+allowed_by_policy");
    let get = Ask::get("/api/x").bearer(&token("other"));
    assert_eq!(rig.reason(get), "-insufficient_scope");
    let delete = Ask::new("DELETE", "/api/x").bearer(&token("orders/read"));
    assert_eq!(rig.reason(delete), "-implicit_deny");
}

#[test]
fn an_access_token_gets_the_role_of_its_groups() {
    let rig = Rig::new(vec![api("api")]);
    let role_of = |groups: serde_json::Value| {
        let token = access_token(&json!({ "cognito:groups": groups }));
        let decision = rig.decide(Ask::get("/api/x").bearer(&token));
        let role = decision.assumed.as_ref().and_then(|a| a.session.principal.role().cloned());
        (reason(&decision), role.map(|role| role.arn.as_str().to_owned()))
    };
    let allowed = |name: &str| ("+allowed_by_policy".to_owned(), Some(role(name)));
    assert_eq!(role_of(json!([])), allowed("Reader"));
    assert_eq!(role_of(json!(["readers"])), allowed("Reader"));
    assert_eq!(role_of(json!(["readers", "auditors"])), allowed("Auditor"));
    assert_eq!(role_of(json!(["strangers"])), ("-unknown_group".to_owned(), None));
    let mut rig = Rig::new(vec![api("api")]);
    rig.rules.groups.clear();
    let token = access_token(&json!({ "cognito:groups": ["readers"] }));
    assert_eq!(rig.reason(Ask::get("/api/x").bearer(&token)), "-groups_not_configured");
}

#[test]
fn a_token_without_a_role_is_denied_where_policies_decide() {
    let mut route = api("api");
    route.sources = alb();
    let rig = Rig::new(vec![route]);
    let get = || Ask::get("/api/x");
    let by_alb = get().with("x-amzn-oidc-data", &alb_token(ALB));
    assert_eq!(rig.reason(by_alb), "-unsupported_provider");
    assert_eq!(rig.reason(get().bearer(&oidc_token(&json!({})))), "+allowed_by_policy");
    let gone = id_token(&json!({ "cognito:preferred_role": role("Gone") }));
    assert_eq!(rig.reason(get().bearer(&gone)), "-role_not_found");
}

#[test]
fn a_public_route_asks_nobody_and_tells_of_nobody() {
    let public = Route { authenticate: Authenticate::Public, ..api("public") };
    let rig = Rig::new(vec![public]);
    for ask in [
        Ask::get("/api/x"),
        Ask::get("/api/x").bearer(&id_token(&json!({}))),
        Ask::get("/api/x").bearer("nonsense"),
        Ask::get("/api/x").with("authorization", "Basic YTpi"),
        Ask::new("DELETE", "/api/x"),
    ] {
        let decision = rig.decide(ask);
        assert_eq!(reason(&decision), "+public_route");
        assert!(matches!(decision.login, Login::Anonymous) && decision.assumed.is_none());
    }
    // Its name is still a name of its own.
    assert_eq!(rig.reason(Ask::get("/other")), "-no_route");
}

#[test]
fn without_iam_a_valid_token_is_all_it_takes() {
    let rig = Rig::new(vec![token_only("token")]);
    let decision = rig.decide(Ask::new("DELETE", "/api/x").bearer(&id_token(&json!({}))));
    assert_eq!(reason(&decision), "+valid_token");
    assert!(decision.assumed.is_none(), "nobody asked for a role");
    assert_eq!(rig.reason(Ask::get("/api/x")), "-missing_token");
}

#[test]
fn iam_on_an_api_without_names_or_pool_never_allows() {
    let unnamed = Route { service: token_only("u").service, ..api("unnamed") };
    let poolless = Route { pool: None, ..api("poolless") };
    let elsewhere = Route { pool: Some(9), ..api("elsewhere") };
    for route in [unnamed, poolless, elsewhere] {
        let name = route.name.clone();
        let rig = Rig::new(vec![route]);
        let ask = Ask::get("/api/x").bearer(&id_token(&json!({})));
        let decision = rig.decide(ask);
        assert_eq!(reason(&decision), "-misconfigured", "{name}");
        let Outcome::Deny(denial) = decision.outcome else { unreachable!() };
        assert_eq!(denial.detail, "access denied", "callers learn nothing of it");
    }
}

#[test]
fn unsigned_operations_of_a_user_pool_are_public_and_no_others() {
    let rig = Rig::new(vec![api("api"), user_pool()]);
    let ask = |operation: &str| {
        Ask::new("POST", "/")
            .with("content-type", "application/x-amz-json-1.1")
            .with("x-amz-target", &format!("AWSCognitoIdentityProviderService.{operation}"))
    };
    assert_eq!(rig.reason(ask("InitiateAuth")), "+public_operation");
    let keys = format!("/{}/.well-known/jwks.json", super::fixture::POOL);
    assert_eq!(rig.reason(Ask::get(&keys)), "+public_operation");
    assert_eq!(rig.reason(ask("AdminCreateUser")), "-operation_not_forwarded");
    assert_eq!(rig.reason(Ask::new("POST", &keys)), "-malformed_operation");
    let bearer = ask("GetUser").bearer(&access_token(&json!({})));
    assert_eq!(rig.reason(bearer), "-unsupported_credential");
    let signed = ask("InitiateAuth").with("authorization", "AWS4-HMAC-SHA256 Credential=a");
    assert_eq!(rig.reason(signed), "-unsupported_credential");
    let odd = ask("InitiateAuth").with("authorization", "Bearer");
    assert_eq!(rig.reason(odd), "-authorization_malformed");
    // What a load balancer in front says of a user goes no further here either.
    let Outcome::Allow(permit) =
        rig.decide(ask("InitiateAuth").with("x-amzn-oidc-data", "x")).outcome
    else {
        panic!("denied");
    };
    assert!(!permit.into_parts().0.headers.contains_key("x-amzn-oidc-data"));
}

#[test]
fn callers_learn_nothing_of_the_configuration() {
    let words = |ask: Ask, rig: &Rig| match rig.decide(ask).outcome {
        Outcome::Deny(denial) => (denial.reason, denial.detail, denial.found.to_string()),
        _ => panic!("allowed"),
    };
    let rig = Rig::new(vec![api("api")]);
    let get = |token: &str| Ask::get("/api/x").bearer(token);
    let issuer = id_token(&json!({ "iss": "https://other.example" }));
    let client = access_token(&json!({ "client_id": "other" }));
    let role =
        id_token(&json!({ "cognito:preferred_role": "arn:aws:iam::123456789012:role/Gone" }));
    for (token, reason, operator) in [
        (issuer, "unknown_issuer", "user_pools"),
        (client, "wrong_client", "`clients`"),
        (role, "role_not_found", "role/Gone"),
    ] {
        let (found_reason, detail, found) = words(get(&token), &rig);
        assert_eq!(found_reason, reason);
        assert!(found.contains(operator), "{found}");
        assert!(!detail.contains(operator) && !detail.contains('`'), "{detail}");
        assert!(!detail.contains("arn:"), "{detail}");
    }
}
