//! Do the policies allow it, and what does the answer say?

use ::http::Method;
use serde_json::{Value, json};

use super::fixture::{
    API, Ask, Rig, access_token, api, id_token, reads, reason, role, token_only, user_pool,
};
use crate::{
    gate::{Authenticate, Denial, Outcome, Refusal, Route, Service, Trail},
    iam::Action,
    services::{
        execute_api::Api,
        template::{Piece, Segment, Template, Templates},
    },
    token::testing::NOW,
};

fn me() -> String {
    id_token(&json!({ "sub": "f3c0ffee-0000-4000-8000-000000000001" }))
}

fn denial(rig: &Rig, ask: Ask) -> Denial {
    match rig.decide(ask).outcome {
        Outcome::Deny(denial) => denial,
        Outcome::Answer(_) | Outcome::Change(_) => panic!("answered"),
        Outcome::Allow(permit) => panic!("allowed by {:?}", permit.grounds()),
    }
}

/// Allows everything of the API under this condition.
fn allow_if(condition: &Value) -> Value {
    json!([{ "Sid": "If", "Effect": "Allow", "Action": "execute-api:*", "Resource": "*",
        "Condition": condition }])
}

#[test]
fn an_allow_names_its_statement_and_a_denial_its_layer() {
    let rig = Rig::new(vec![api("api")]);
    let allowed = rig.decide(Ask::get("/api/x").bearer(&me()));
    let Outcome::Allow(permit) = &allowed.outcome else { panic!("denied") };
    let crate::gate::Grounds::Statements(statements) = permit.grounds() else {
        panic!("{:?}", permit.grounds());
    };
    let labels: Vec<String> = statements.iter().map(|statement| statement.label()).collect();
    assert_eq!(labels.len(), 1);
    assert!(labels[0].ends_with("/Read"), "{labels:?}");
    let resource = format!("{API}/GET/api/x");
    assert_eq!(allowed.checks, [("execute-api:Invoke".into(), resource)]);

    let denied = denial(&rig, Ask::new("PUT", "/api/x").bearer(&me()));
    assert_eq!((denied.reason, &denied.refusal), ("implicit_deny", &Refusal::AccessDenied));
    assert_eq!(
        denied.detail,
        format!(
            "User: arn:aws:sts::123456789012:assumed-role/Reader/CognitoIdentityCredentials is not \
             authorized to perform: execute-api:Invoke on resource: {API}/PUT/api/x because no \
             identity-based policy allows the execute-api:Invoke action"
        )
    );
    assert_eq!(denied.found["layer"], "identity-based policy");

    let mut statements = reads();
    let list = statements.as_array_mut().unwrap();
    list.push(json!({ "Sid": "No", "Effect": "Deny", "Action": "*",
        "Resource": format!("{API}/GET/api/secret*") }));
    let rig = Rig::with(vec![api("api")], &statements);
    assert_eq!(rig.reason(Ask::get("/api/x").bearer(&me())), "+allowed_by_policy");
    let denied = denial(&rig, Ask::get("/api/secrets/1").bearer(&me()));
    assert_eq!(denied.reason, "explicit_deny");
    assert!(denied.found["statement"].as_str().unwrap().ends_with("/No"));
}

#[test]
fn bypassing_a_cache_takes_both_rights() {
    let statement = |action: &str| {
        json!({ "Sid": action.split(':').next_back(), "Effect": "Allow", "Action": action,
            "Resource": "*" })
    };
    let (invoke, invalidate) = ("execute-api:Invoke", "execute-api:InvalidateCache");
    for (actions, plain, bypassing) in [
        (vec![], false, false),
        (vec![invoke], true, false),
        (vec![invalidate], false, false),
        (vec![invoke, invalidate], true, true),
    ] {
        let mut statements: Vec<Value> = actions.iter().map(|action| statement(action)).collect();
        // A policy has one statement at least.
        statements.push(json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*" }));
        let rig = Rig::with(vec![api("api")], &Value::Array(statements));
        let get = || Ask::get("/api/x").bearer(&me());
        let reason = |allowed: bool| if allowed { "+allowed_by_policy" } else { "-implicit_deny" };
        assert_eq!(rig.reason(get()), reason(plain), "{actions:?}");
        for value in ["max-age=0", "no-store, Max-Age=0"] {
            let decision = rig.decide(get().with("cache-control", value));
            assert_eq!(super::fixture::reason(&decision), reason(bypassing), "{actions:?}");
            assert_eq!(decision.checks.len(), 2);
        }
    }
}

#[test]
fn an_unknown_key_denies_and_is_named() {
    for (key, condition) in [
        ("aws:ResourceTag/team", json!({ "StringEquals": { "aws:ResourceTag/team": "x" } })),
        ("aws:PrincipalOrgID", json!({ "StringEquals": { "aws:PrincipalOrgID": "o-1" } })),
        ("aws:PrincipalOrgID", json!({ "StringNotEquals": { "aws:PrincipalOrgID": "o-1" } })),
        ("aws:ResourceOrgID", json!({ "StringEqualsIfExists": { "aws:ResourceOrgID": "o-1" } })),
        ("aws:ResourceOrgID", json!({ "Null": { "aws:ResourceOrgID": "true" } })),
    ] {
        let named = |denial: &Denial| {
            let keys = denial.found["unknown_context_keys"].as_array().unwrap();
            keys.iter().any(|known| known.as_str().unwrap().eq_ignore_ascii_case(key))
        };
        let rig = Rig::with(vec![api("api")], &allow_if(&condition));
        let denied = denial(&rig, Ask::get("/api/x").bearer(&me()));
        assert_eq!(denied.reason, "unknown_context_key", "{condition}");
        assert!(named(&denied), "{condition}: {}", denied.found);

        let mut deny = allow_if(&condition);
        deny[0]["Effect"] = "Deny".into();
        deny.as_array_mut().unwrap().extend(reads().as_array().unwrap().clone());
        let rig = Rig::with(vec![api("api")], &deny);
        let denied = denial(&rig, Ask::get("/api/x").bearer(&me()));
        assert_eq!(denied.reason, "unknown_context_key", "{condition}");
        assert!(named(&denied), "{condition}: {}", denied.found);
    }
}

#[test]
fn conditions_see_the_request_and_the_session() {
    let get = || Ask::get("/api/x");
    let me = id_token(&json!({ "custom:team": "blue" }));
    let hour = NOW.plus_secs(600).rfc3339();
    for (condition, allowed) in [
        (json!({ "IpAddress": { "aws:SourceIp": "203.0.113.0/24" } }), true),
        (json!({ "IpAddress": { "aws:SourceIp": "198.51.100.0/24" } }), false),
        (json!({ "DateLessThan": { "aws:CurrentTime": hour } }), true),
        (json!({ "DateGreaterThan": { "aws:CurrentTime": hour } }), false),
        (json!({ "NumericLessThan": { "aws:EpochTime": "1800000001" } }), true),
        (json!({ "Bool": { "aws:SecureTransport": "true" } }), true),
        (json!({ "StringEquals": { "aws:UserAgent": "curl/8" } }), true),
        (json!({ "StringLike": { "aws:Referer": "https://a.example/*" } }), true),
        (json!({ "StringEquals": { "aws:PrincipalTag/team": "blue" } }), true),
        (json!({ "StringEquals": { "aws:PrincipalTag/team": "red" } }), false),
        (json!({ "StringEquals": { "jwt:sub": "f3c0ffee-0000-4000-8000-000000000001" } }), true),
        (json!({ "ArnEquals": { "aws:PrincipalArn": role("Reader") } }), true),
        (json!({ "StringEquals": { "aws:RequestedRegion": "eu-west-1" } }), true),
    ] {
        let rig = Rig::with(vec![api("api")], &allow_if(&condition));
        let ask = get().bearer(&me).with("user-agent", "curl/8");
        let ask = ask.with("referer", "https://a.example/b");
        let wanted = if allowed { "+allowed_by_policy" } else { "-implicit_deny" };
        assert_eq!(rig.reason(ask), wanted, "{condition}");
    }
}

#[test]
fn callers_cannot_name_their_own_facts() {
    let condition = json!({ "StringEquals": { "aws:PrincipalTag/team": "blue" } });
    let rig = Rig::with(vec![api("api")], &allow_if(&condition));
    let ask = Ask::get("/api/x?aws:PrincipalTag/team=blue").bearer(&me());
    let ask = ask.with("x-poolgate-role", &role("Auditor")).with("x-poolgate-identity", "me");
    assert_eq!(rig.reason(ask), "-implicit_deny");
}

fn templates() -> Route {
    let text = |text: &str| Segment::Literal(text.to_owned());
    let mut templates = Templates::default();
    for (method, segments, action, resource) in [
        (
            Some(Method::GET),
            vec![text("api"), text("orders"), Segment::Parameter],
            "orders:Read",
            vec![Piece::Literal("arn:aws:orders:::order/".to_owned()), Piece::Segment(2)],
        ),
        (
            None,
            vec![text("api"), text("orders"), text("mine")],
            "orders:ReadOwn",
            vec![Piece::Literal("arn:aws:orders:::own".to_owned())],
        ),
    ] {
        let action = Action::new(action);
        templates.add(Template { method, segments, action, resource }).unwrap();
    }
    Route { service: Service::ExecuteApi(Api::Templates(templates)), ..api("orders") }
}

#[test]
fn templates_name_what_is_asked_and_what_has_no_name_is_denied() {
    let statements = json!([
        { "Effect": "Allow", "Action": "orders:Read", "Resource": "arn:aws:orders:::order/1*" },
        { "Effect": "Allow", "Action": "orders:ReadOwn", "Resource": "*" },
    ]);
    let rig = Rig::with(vec![templates()], &statements);
    for (method, target, wanted) in [
        ("GET", "/api/orders/1", "+allowed_by_policy"),
        ("GET", "/api/orders/12?x=/api/orders/2", "+allowed_by_policy"),
        ("GET", "/api/orders/2", "-implicit_deny"),
        ("GET", "/api/%6frders/%31", "+allowed_by_policy"),
        ("GET", "/api/orders/mine", "+allowed_by_policy"),
        ("DELETE", "/api/orders/mine", "+allowed_by_policy"),
        ("DELETE", "/api/orders/1", "-no_action"),
        ("GET", "/api/orders/1/lines", "-no_action"),
        ("GET", "/api/orders/", "-no_action"),
        ("GET", "/api/orders", "-no_action"),
        ("HEAD", "/api/orders/1", "-no_action"),
    ] {
        assert_eq!(rig.reason(Ask::new(method, target).bearer(&me())), wanted, "{method} {target}");
    }
    // A parameter is text, not a pattern.
    let odd = denial(&rig, Ask::get("/api/orders/*").bearer(&me()));
    assert_eq!(odd.reason, "implicit_deny");
    assert_eq!(rig.reason(Ask::get("/api/orders/1").bearer("x")), "-malformed");
}

#[test]
fn the_upstream_is_told_four_things_whatever_there_is_to_tell() {
    let public = Route { authenticate: Authenticate::Public, ..api("public") };
    let names =
        ["x-poolgate-subject", "x-poolgate-identity", "x-poolgate-role", "x-poolgate-groups"];
    let told = |route: Route, ask: Ask| {
        let Outcome::Allow(permit) = Rig::new(vec![route]).decide(ask).outcome else {
            panic!("denied");
        };
        let identity = permit.into_parts().1;
        let pairs = identity.pairs();
        assert_eq!(pairs.clone().map(|(name, _)| name), names);
        pairs.map(|(_, value)| value.to_str().unwrap().to_owned())
    };
    let own = |ask: Ask| ask.with("x-poolgate-role", "admin").with("x-poolgate-subject", "root");
    assert_eq!(told(public, own(Ask::get("/api/x"))), ["", "", "", ""]);
    let sign_in = Ask::new("POST", "/")
        .with("content-type", "application/x-amz-json-1.1")
        .with("x-amz-target", "AWSCognitoIdentityProviderService.InitiateAuth");
    assert_eq!(told(user_pool(), own(sign_in)), ["", "", "", ""]);
    let sub = "f3c0ffee-0000-4000-8000-000000000001";
    let groups = json!({ "cognito:groups": ["a,b", "x y", "é"] });
    let ask = own(Ask::get("/api/x").bearer(&id_token(&groups)));
    assert_eq!(told(token_only("t"), ask), [sub, "", "", "a%2Cb,x%20y,%C3%A9"]);
    let ask = own(Ask::get("/api/x").bearer(&access_token(&json!({}))));
    let [subject, identity, role_arn, groups] = told(api("a"), ask);
    assert_eq!((subject.as_str(), role_arn, groups), (sub, role("Reader"), String::new()));
    assert!(identity.starts_with("eu-west-1:"), "{identity}");
}

#[test]
fn every_decision_has_an_id_of_its_own() {
    let rig = Rig::new(vec![api("api")]);
    let ids: std::collections::HashSet<String> =
        (0..100).map(|_| rig.decide(Ask::get("/none")).id.as_str().to_owned()).collect();
    assert_eq!(ids.len(), 100);
    assert!(ids.iter().all(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())));
}

#[test]
fn a_trail_changes_no_answer_and_holds_no_token() {
    let rig = Rig::new(vec![api("api")]);
    let token = me();
    let broken = format!("{}AAAA", me());
    for ask in [
        Ask::get("/api/x").bearer(&token),
        Ask::new("PUT", "/api/x").bearer(&token),
        Ask::get("/api/x").bearer(&broken),
        Ask::get("/api/x"),
        Ask::get("/other"),
    ] {
        let quiet = rig.reason(ask.clone());
        let loud = rig.decide_with(ask, Trail::On(Vec::new()));
        assert_eq!(reason(&loud), quiet);
        let text = serde_json::to_string(loud.trail.steps()).unwrap();
        for part in token.split('.').chain(broken.split('.')) {
            assert!(!text.contains(part), "{text}");
        }
    }
}

#[test]
fn a_trail_says_which_check_the_statements_are_considered_for() {
    let ask = Ask::get("/api/x").bearer(&me());
    let decision = Rig::new(vec![api("api")]).decide_with(ask, Trail::On(Vec::new()));
    let decided: Vec<&str> = decision
        .trail
        .steps()
        .iter()
        .filter(|step| step.stage == "decide")
        .map(|step| step.what.as_str())
        .collect();
    let [(action, resource)] = decision.checks.as_slice() else { panic!() };
    assert_eq!(decided.first(), Some(&format!("{action} on {resource}").as_str()));
    assert_eq!(decided.get(1), Some(&crate::gate::STATEMENT_CONSIDERED));
}
