//! Whose request is it: every kind of credential, alone and beside others.

use serde_json::json;

use super::fixture::{
    ALB, Ask, Rig, access_token, alb, alb_token, api, cookie, id_token, oidc_token, reason,
    token_only,
};
use crate::{
    gate::{AlbSource, Authenticate, Forward, Login, Match, Outcome, Refusal, Route, TokenSources},
    http::Scheme,
    sigv4::SigV4Error,
    token::{
        TokenKind,
        testing::{CLIENT, NOW},
    },
};

fn none() -> serde_json::Value {
    json!({})
}

/// A route that takes a bearer token, a cookie and a load balancer's word.
fn every_source() -> Rig {
    let sources =
        TokenSources { cookie: cookie("session", &["https://app.example"]).cookie, ..alb() };
    Rig::new(vec![Route { sources, ..token_only("all") }])
}

fn refusal(rig: &Rig, ask: Ask) -> (String, Option<Refusal>) {
    let decision = rig.decide(ask);
    let reason = reason(&decision);
    match decision.outcome {
        Outcome::Allow(_) | Outcome::Answer(_) | Outcome::Change(_) => (reason, None),
        Outcome::Deny(denial) => (reason, Some(denial.refusal)),
    }
}

#[test]
fn each_kind_of_token_is_a_login() {
    let rig = every_source();
    let ask = || Ask::get("/api/x");
    for (ask, kind) in [
        (ask().bearer(&id_token(&none())), TokenKind::Id),
        (ask().bearer(&access_token(&none())), TokenKind::Access),
        (ask().bearer(&oidc_token(&none())), TokenKind::Oidc),
        (ask().with("cookie", &format!("a=b; session={}", id_token(&none()))), TokenKind::Id),
        (ask().with("x-amzn-oidc-data", &alb_token(ALB)), TokenKind::Alb),
    ] {
        let decision = rig.decide(ask);
        assert_eq!(reason(&decision), "+valid_token", "{kind:?}");
        let Login::Token(token) = &decision.login else { panic!("anonymous") };
        assert_eq!(token.kind, kind);
    }
}

#[test]
fn a_credential_that_fails_is_refused_and_never_taken_for_none() {
    let rig = every_source();
    let invalid = Some(Refusal::InvalidCredential);
    let bad = Some(Refusal::BadRequest);
    let get = || Ask::get("/api/x");
    let id = id_token(&none());
    let broken = format!("{}x", id_token(&json!({ "n": 1 })));
    let presigned = "/api/x?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0";
    for (ask, why, refused) in [
        (get(), "-missing_token", Some(Refusal::MissingCredential)),
        (get().bearer("nonsense"), "-malformed", invalid.clone()),
        (get().bearer(&broken), "-malformed", invalid.clone()),
        (get().bearer(&id).at(NOW.plus_secs(3600)), "-expired", Some(Refusal::ExpiredCredential)),
        (get().bearer(&id_token(&json!({ "aud": "x" }))), "-wrong_audience", invalid.clone()),
        (get().bearer(&id_token(&json!({ "iss": "x" }))), "-unknown_issuer", invalid.clone()),
        (get().with("x-amz-security-token", "t"), "-unsupported_credential", invalid.clone()),
        (get().bearer(&id).with("x-amz-security-token", "t"), "-several_credentials", bad.clone()),
        (get().with("authorization", "Basic YTpi"), "-unsupported_credential", invalid.clone()),
        (
            get().with("authorization", "AWS4-HMAC-SHA256 Credential=a"),
            "-signature_malformed",
            Some(Refusal::Signature(SigV4Error::MalformedHeader(
                "it needs Credential, SignedHeaders and Signature",
            ))),
        ),
        (
            Ask::get(presigned),
            "-presigned_malformed",
            Some(Refusal::Signature(SigV4Error::MalformedQuery("X-Amz-Credential is missing"))),
        ),
        (Ask::get(presigned).bearer(&id), "-several_credentials", bad.clone()),
        (get().with("authorization", "Bearer"), "-authorization_malformed", bad.clone()),
        (get().with("authorization", ""), "-authorization_malformed", bad.clone()),
        (get().with("authorization", "Bearer a,b"), "-authorization_malformed", bad.clone()),
        (get().with("authorization", "Bearer a.b.c d"), "-authorization_malformed", bad.clone()),
        (get().with("authorization", "DPoP a b"), "-authorization_malformed", bad.clone()),
        (get().with("authorization", "Bearer a.b.c"), "-malformed", invalid.clone()),
        (get().with("cookie", "session="), "-cookie_ambiguous", bad.clone()),
        (get().with("cookie", "session=x"), "-malformed", invalid.clone()),
        (get().with("x-amzn-oidc-data", ""), "-malformed", invalid.clone()),
        (get().with("x-amzn-oidc-data", "x"), "-malformed", invalid.clone()),
    ] {
        assert_eq!(refusal(&rig, ask), (why.to_owned(), refused), "{why}");
    }
}

#[test]
fn two_credentials_are_refused_even_if_they_are_the_same() {
    let rig = every_source();
    let id = id_token(&none());
    let get = || Ask::get("/api/x");
    let in_cookie = format!("session={id}");
    for ask in [
        get().bearer(&id).with("cookie", &in_cookie),
        get().bearer(&id).with("x-amzn-oidc-data", &alb_token(ALB)),
        get().with("cookie", &in_cookie).with("x-amzn-oidc-data", &alb_token(ALB)),
    ] {
        let decision = rig.decide(ask);
        assert_eq!(reason(&decision), "-several_credentials");
        let Outcome::Deny(denial) = decision.outcome else { unreachable!() };
        assert_eq!(denial.refusal, Refusal::BadRequest);
        assert_eq!(denial.found.as_array().unwrap().len(), 2, "both sources are named");
    }
    let twice = get().with("cookie", &format!("{in_cookie}; {in_cookie}"));
    assert_eq!(rig.reason(twice), "-cookie_ambiguous");
    let lines = get().with("cookie", &in_cookie).with("cookie", "session=other");
    assert_eq!(rig.reason(lines), "-cookie_ambiguous");
}

#[test]
fn a_cookie_on_an_unsafe_request_needs_an_origin_that_may() {
    let rig = every_source();
    let in_cookie = format!("session={}", id_token(&none()));
    let ask = |method: &str| Ask::new(method, "/api/x").with("cookie", &in_cookie);
    let forbidden = ("-origin_not_allowed".to_owned(), Some(Refusal::AccessDenied));
    for method in ["GET", "HEAD", "OPTIONS"] {
        assert_eq!(rig.reason(ask(method)), "+valid_token", "{method}");
    }
    for method in ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"] {
        assert_eq!(refusal(&rig, ask(method)), forbidden, "{method}");
        for origin in ["https://gate.example", "https://gate.example:443", "https://app.example"] {
            let ask = ask(method).with("origin", origin);
            assert_eq!(rig.reason(ask), "+valid_token", "{method} {origin}");
        }
        for origin in [
            "null",
            "",
            "http://gate.example",
            "https://evil.example",
            "https://gate.example:444",
            "https://app.example.evil.example",
        ] {
            let ask = ask(method).with("origin", origin);
            assert_eq!(refusal(&rig, ask), forbidden, "{method} {origin}");
        }
    }
    // The origin that counts is the one by which the request came.
    let plain = ask("POST").by(Scheme::Http);
    assert_eq!(rig.reason(plain.clone().with("origin", "http://gate.example")), "+valid_token");
    assert_eq!(refusal(&rig, plain.with("origin", "https://gate.example")), forbidden);
    // Browsers open WebSockets across sites without asking.
    let socket = ask("GET").with("connection", "upgrade").with("upgrade", "websocket");
    assert_eq!(refusal(&rig, socket.clone()), forbidden);
    assert_eq!(rig.reason(socket.with("origin", "https://app.example")), "+valid_token");
    // A bearer token isn't sent by a browser on its own.
    let bearer = Ask::new("POST", "/api/x").bearer(&id_token(&none()));
    assert_eq!(rig.reason(bearer.with("origin", "https://evil.example")), "+valid_token");
}

#[test]
fn cookies_and_a_load_balancers_word_count_only_where_configured() {
    let rig = Rig::new(vec![token_only("bearer")]);
    let in_cookie = Ask::get("/api/x").with("cookie", &format!("session={}", id_token(&none())));
    assert_eq!(rig.reason(in_cookie), "-missing_token");
    let by_alb = Ask::get("/api/x").with("x-amzn-oidc-data", &alb_token(ALB));
    assert_eq!(rig.reason(by_alb), "-missing_token");
    let other = Rig::new(vec![Route { sources: cookie("other", &[]), ..token_only("other") }]);
    let in_cookie = Ask::get("/api/x").with("cookie", &format!("session={}", id_token(&none())));
    assert_eq!(other.reason(in_cookie), "-missing_token");
}

#[test]
fn a_load_balancers_token_holds_only_in_its_header_and_of_that_load_balancer() {
    let rig = every_source();
    let get = || Ask::get("/api/x");
    let token = alb_token(ALB);
    assert_eq!(rig.reason(get().bearer(&token)), "-unknown_issuer");
    assert_eq!(rig.reason(get().with("cookie", &format!("session={token}"))), "-unknown_issuer");
    // Nor does another kind of token hold in the header, remembered or not.
    for _ in 0..2 {
        let id = id_token(&json!({ "jti": "alb" }));
        assert_eq!(rig.reason(get().with("x-amzn-oidc-data", &id)), "-unknown_issuer");
        assert_eq!(rig.reason(get().bearer(&id)), "+valid_token");
    }
    let unknown = alb_token(&ALB.replace("/1", "/2"));
    assert_eq!(rig.reason(get().with("x-amzn-oidc-data", &unknown)), "-unknown_issuer");
    // A load balancer that is known, on a route of another one.
    let sources = TokenSources {
        cookie: None,
        alb: Some(AlbSource { arn: format!("{ALB}2"), client: None }),
    };
    let rig = Rig::new(vec![Route { sources, ..token_only("other") }]);
    assert_eq!(rig.reason(get().with("x-amzn-oidc-data", &token)), "-unknown_issuer");
}

#[test]
fn a_load_balancers_token_is_for_the_client_of_the_route() {
    let of = |client: &str| {
        let alb = Some(AlbSource { arn: ALB.to_owned(), client: Some(client.to_owned()) });
        let path = format!("/{client}");
        Route {
            sources: TokenSources { cookie: None, alb },
            matching: Some(Match { host: None, path: Some(path) }),
            ..token_only(client)
        }
    };
    let rig = Rig::new(vec![of(CLIENT), of("other")]);
    let with = |path: &str| Ask::get(path).with("x-amzn-oidc-data", &alb_token(ALB));
    // Remembered or not, and whichever route was asked first.
    for _ in 0..2 {
        assert_eq!(rig.reason(with(&format!("/{CLIENT}"))), "+valid_token");
        assert_eq!(rig.reason(with("/other")), "-wrong_client");
    }
}

#[test]
fn credentials_go_upstream_only_as_the_route_says() {
    let id = id_token(&none());
    let keep = Route { sources: cookie("session", &[]), ..token_only("keep") };
    let remove = Route { forward_token: Forward::Remove, ..token_only("remove") };
    let alb_route = Route { sources: alb(), ..token_only("alb") };
    let forwarded = |route: Route, ask: Ask| {
        let Outcome::Allow(permit) = Rig::new(vec![route]).decide(ask).outcome else {
            panic!("denied");
        };
        permit.into_parts().0.headers
    };
    let headers = forwarded(token_only("keep"), Ask::get("/api/x").bearer(&id));
    assert_eq!(headers["authorization"], format!("Bearer {id}"));
    let headers = forwarded(remove, Ask::get("/api/x").bearer(&id).with("cookie", "a=b"));
    assert!(!headers.contains_key("authorization"));
    assert_eq!(headers["cookie"], "a=b", "a cookie that is no credential stays");
    let in_cookie = format!("a=b; session={id}; c=d");
    let headers = forwarded(keep, Ask::get("/api/x").with("cookie", &in_cookie));
    assert_eq!(headers["cookie"], "a=b; c=d");
    let by_alb = Ask::get("/api/x")
        .with("x-amzn-oidc-data", &alb_token(ALB))
        .with("x-amzn-oidc-accesstoken", "secret")
        .with("x-amzn-oidc-identity", "alb-user")
        .with("x-amzn-oidc-later", "unheard of");
    let headers = forwarded(alb_route, by_alb.clone());
    assert!(headers.keys().all(|name| !name.as_str().starts_with("x-amzn-oidc")), "{headers:?}");
    // Where nobody verifies them they are removed all the same.
    let headers = forwarded(token_only("bearer"), by_alb.bearer(&id));
    assert!(headers.keys().all(|name| !name.as_str().starts_with("x-amzn-oidc")), "{headers:?}");
}

#[test]
fn of_all_credentials_a_bearer_token_alone_goes_upstream() {
    let public = || Route { authenticate: Authenticate::Public, ..api("public") };
    let authorization = |route: Route, value: &str| {
        let ask = Ask::get("/api/x")
            .with("authorization", value)
            .with("x-amz-security-token", "session-token")
            .with("x-amz-date", "20270115T080000Z");
        let Outcome::Allow(permit) = Rig::new(vec![route]).decide(ask).outcome else {
            panic!("denied");
        };
        let headers = permit.into_parts().0.headers;
        assert!(!headers.contains_key("x-amz-security-token"), "{value}");
        assert!(headers.contains_key("x-amz-date"), "{value}");
        headers.get("authorization").map(|value| value.to_str().unwrap().to_owned())
    };
    let bearer = format!("Bearer {}", id_token(&none()));
    assert_eq!(authorization(public(), &bearer), Some(bearer.clone()));
    let remove = Route { forward_token: Forward::Remove, ..public() };
    assert_eq!(authorization(remove, &bearer), None);
    for value in ["Basic YTpi", "AWS4-HMAC-SHA256 Credential=a", "Bearer", "Bearer a b", ""] {
        assert_eq!(authorization(public(), value), None, "{value}");
    }
    // What stands in the query can't be taken out of it.
    let rig = Rig::new(vec![public()]);
    assert_eq!(rig.reason(Ask::get("/api/x?q=1")), "+public_route");
    for query in ["X-Amz-Signature=0", "a=b&x-amz-security-token=t", "X-Amz-Credential=a"] {
        let ask = Ask::get(&format!("/api/x?{query}"));
        assert_eq!(rig.reason(ask), "-unsupported_credential", "{query}");
    }
}

#[test]
fn a_bearer_token_is_judged_by_policy_as_any_other() {
    let rig = Rig::new(vec![Route { sources: cookie("session", &[]), ..api("api") }]);
    let id = id_token(&none());
    assert_eq!(rig.reason(Ask::get("/api/x").bearer(&id)), "+allowed_by_policy");
    let in_cookie = Ask::get("/api/x").with("cookie", &format!("session={id}"));
    assert_eq!(rig.reason(in_cookie), "+allowed_by_policy");
    let outside = Ask::new("DELETE", "/api/x").bearer(&id);
    assert_eq!(rig.reason(outside), "-implicit_deny");
}
