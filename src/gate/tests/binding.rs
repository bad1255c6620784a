//! Tokens that are bound to a key or a certificate, and proofs of having it.

use std::sync::OnceLock;

use serde_json::{Value, json};

use super::fixture::{
    Ask, Rig, access_token, api, cookie, id_token, oidc_token, reason, scoped, token_only,
};
use crate::{
    gate::{Authenticate, BoundTokens, Challenge, Forward, Outcome, Refusal, Route, Trail},
    http::{ClientCertificate, SpiffeId, Thumbprint},
    token::{
        Algorithm,
        testing::{NOW, Signer, proof_claims, with},
    },
};

const URI: &str = "https://gate.example/api/x";

fn key() -> &'static Signer {
    static KEY: OnceLock<Signer> = OnceLock::new();
    KEY.get_or_init(|| Signer::ec(Algorithm::Es256))
}

fn certificate(name: &str) -> ClientCertificate {
    let spiffe_id = SpiffeId::parse(&format!("spiffe://example.org/{name}")).ok();
    ClientCertificate { thumbprint: Thumbprint::of(name.as_bytes()), spiffe_id }
}

fn by_key() -> String {
    access_token(&json!({ "cnf": { "jkt": key().thumbprint().to_string() } }))
}

fn by_certificate(name: &str) -> String {
    let thumbprint = certificate(name).thumbprint.to_string();
    access_token(&json!({ "cnf": { "x5t#S256": thumbprint } }))
}

fn get() -> Ask {
    Ask::get("/api/x")
}

impl Ask {
    fn dpop(self, token: &str) -> Self {
        self.with("authorization", &format!("DPoP {token}"))
    }

    fn proven(self, claims: &Value) -> Self {
        self.with("dpop", &key().proof(Algorithm::Es256, claims))
    }
}

/// With a fresh proof for `GET /api/x`.
fn proven(token: &str) -> Ask {
    get().dpop(token).proven(&proof_claims(URI, token))
}

fn open() -> Rig {
    Rig::new(vec![token_only("open")])
}

fn strict() -> Rig {
    Rig::new(vec![Route { bound_tokens: BoundTokens::Require, ..token_only("strict") }])
}

/// The reason, and in which scheme it is told.
fn denied(rig: &Rig, ask: Ask) -> (String, Challenge) {
    let decision = rig.decide(ask);
    let Outcome::Deny(denial) = &decision.outcome else { panic!("{}", reason(&decision)) };
    let of_credentials = [Refusal::InvalidCredential, Refusal::MissingCredential];
    assert!(of_credentials.contains(&denial.refusal), "{denial:?}");
    (denial.reason.to_owned(), denial.challenge)
}

#[test]
fn a_bound_token_with_its_proof_is_a_token() {
    let token = by_key();
    for rig in [open(), strict()] {
        for _ in 0..3 {
            // The token is remembered; each request has a proof of its own.
            assert_eq!(rig.reason(proven(&token)), "+valid_token");
        }
    }
    let rig = Rig::new(vec![api("api")]);
    assert_eq!(rig.reason(proven(&by_key())), "+allowed_by_policy");
    // Whoever issued it, and whatever else it is.
    let cnf = json!({ "cnf": { "jkt": key().thumbprint().to_string() } });
    for token in [id_token(&cnf), oidc_token(&cnf)] {
        assert_eq!(open().reason(proven(&token)), "+valid_token");
    }
}

#[test]
fn a_token_that_is_not_bound_is_a_bearer_token() {
    let plain = access_token(&json!({}));
    assert_eq!(open().reason(get().bearer(&plain)), "+valid_token");
    // A proof that nothing asks for says nothing.
    let ask = get().bearer(&plain).proven(&proof_claims(URI, &plain));
    assert_eq!(open().reason(ask), "+valid_token");
    let required = ("bound_token_required".to_owned(), Challenge::Both);
    assert_eq!(denied(&strict(), get().bearer(&plain)), required);
    // Nor does the scheme bind it.
    for rig in [open(), strict()] {
        let found = denied(&rig, proven(&plain));
        assert_eq!(found, ("token_not_bound".to_owned(), Challenge::Dpop));
    }
}

#[test]
fn a_bound_token_is_never_taken_for_a_bearer_token() {
    let token = by_key();
    let sources = || cookie("session", &["https://app.example"]);
    let rig = Rig::new(vec![Route { sources: sources(), ..token_only("all") }]);
    let proof = key().proof(Algorithm::Es256, &proof_claims(URI, &token));
    for ask in [
        get().bearer(&token),
        get().bearer(&token).with("dpop", &proof),
        get().with("cookie", &format!("session={token}")),
        get().with("cookie", &format!("session={token}")).with("dpop", &proof),
    ] {
        let found = denied(&rig, ask);
        assert_eq!(found, ("dpop_required".to_owned(), Challenge::Both));
    }
    let two = proven(&token).with("cookie", &format!("session={token}"));
    assert_eq!(rig.reason(two), "-several_credentials");
}

#[test]
fn every_proof_that_is_no_good_is_refused() {
    let token = by_key();
    let claims = || proof_claims(URI, &token);
    let other = Signer::ec(Algorithm::Es256).proof(Algorithm::Es256, &claims());
    let good = key().proof(Algorithm::Es256, &claims());
    let forged = format!("{}.{}", good.rsplit_once('.').unwrap().0, "A".repeat(86));
    for (ask, expected) in [
        (get().dpop(&token), "dpop_missing"),
        (get().dpop(&token).with("dpop", ""), "dpop_malformed"),
        (get().dpop(&token).with("dpop", &token), "dpop_malformed"),
        (get().dpop(&token).with("dpop", &format!("{good},{good}")), "dpop_malformed"),
        (get().dpop(&token).with("dpop", &other), "dpop_other_key"),
        (get().dpop(&token).proven(&with(claims(), "jti", json!(""))), "dpop_claim"),
        (get().dpop(&token).proven(&with(claims(), "htm", json!("POST"))), "dpop_method"),
        (get().dpop(&token).proven(&with(claims(), "htu", json!("https://a/"))), "dpop_uri"),
        (get().dpop(&token).proven(&with(claims(), "iat", json!(1))), "dpop_time"),
        (get().dpop(&token).proven(&proof_claims(URI, "another")), "dpop_token"),
        (Ask::new("POST", "/api/x").dpop(&token).proven(&claims()), "dpop_method"),
        (Ask::get("/api/y").dpop(&token).proven(&claims()), "dpop_uri"),
        (proven(&token).host("other.example"), "dpop_uri"),
        (proven(&token).by(crate::http::Scheme::Http), "dpop_uri"),
        (proven(&token).at(NOW.plus_secs(61)), "dpop_time"),
        (get().dpop(&token).with("dpop", &forged), "dpop_signature"),
    ] {
        let found = denied(&open(), ask);
        assert_eq!(found, (expected.to_owned(), Challenge::DpopProof));
    }
    // The query is no part of it.
    let query = Ask::get("/api/x?q=1").dpop(&token).proven(&claims());
    assert_eq!(open().reason(query), "+valid_token");
}

#[test]
fn a_proof_is_good_for_one_request() {
    let (rig, token) = (open(), by_key());
    let ask = proven(&token);
    assert_eq!(rig.reason(ask.clone()), "+valid_token");
    for seconds in [0, 30, 60] {
        let again = denied(&rig, ask.clone().at(NOW.plus_secs(seconds)));
        assert_eq!(again, ("dpop_replayed".to_owned(), Challenge::DpopProof), "{seconds}");
    }
    // One that was refused wasn't used.
    let early = proven(&token);
    assert_eq!(rig.reason(early.clone().at(NOW.plus_secs(-11))), "-dpop_time");
    assert_eq!(rig.reason(early), "+valid_token");
}

#[test]
fn a_token_in_the_scheme_is_refused_in_the_scheme() {
    let rig = open();
    let later = NOW.plus_secs(3600);
    let expired = rig.decide(proven(&by_key()).at(later));
    let Outcome::Deny(denial) = expired.outcome else { panic!("allowed") };
    let found = (denial.reason, denial.refusal, denial.challenge);
    assert_eq!(found, ("expired", Refusal::ExpiredCredential, Challenge::Dpop));
    let rig = Rig::new(vec![scoped(&["orders/write"])]);
    let scope = rig.decide(proven(&by_key()));
    let Outcome::Deny(denial) = scope.outcome else { panic!("allowed") };
    assert_eq!((denial.reason, denial.challenge), ("insufficient_scope", Challenge::Dpop));
    // Who sends nothing is told what is welcome.
    let missing = |rig: &Rig| denied(rig, get());
    assert_eq!(missing(&open()), ("missing_token".to_owned(), Challenge::Both));
    assert_eq!(missing(&strict()), ("missing_token".to_owned(), Challenge::Dpop));
}

#[test]
fn a_token_bound_to_a_certificate_comes_with_it() {
    let token = by_certificate("ours");
    for rig in [open(), strict()] {
        let shown = get().bearer(&token).shown(&certificate("ours"));
        assert_eq!(rig.reason(shown), "+valid_token");
        for (ask, expected) in [
            (get().bearer(&token), "client_certificate_missing"),
            (get().bearer(&token).shown(&certificate("theirs")), "client_certificate_mismatch"),
        ] {
            assert_eq!(denied(&rig, ask), (expected.to_owned(), Challenge::Bearer));
        }
        // Nobody's word stands for the certificate.
        let told = get()
            .bearer(&token)
            .with("x-forwarded-client-cert", &format!("Hash={}", certificate("ours").thumbprint))
            .with("client-cert", ":AAAA:");
        assert_eq!(rig.reason(told), "-client_certificate_missing");
        // It isn't bound to a key.
        let found = denied(&rig, proven(&token).shown(&certificate("ours")));
        assert_eq!(found, ("token_not_bound".to_owned(), Challenge::Dpop));
    }
    // A certificate alone binds no token.
    let plain = get().bearer(&access_token(&json!({}))).shown(&certificate("ours"));
    assert_eq!(strict().reason(plain.clone()), "-bound_token_required");
    assert_eq!(open().reason(plain), "+valid_token");
    let rig = Rig::new(vec![Route { sources: cookie("session", &[]), ..token_only("cookie") }]);
    let in_cookie = get().with("cookie", &format!("session={token}"));
    assert_eq!(rig.reason(in_cookie.clone()), "-client_certificate_missing");
    assert_eq!(rig.reason(in_cookie.shown(&certificate("ours"))), "+valid_token");
}

#[test]
fn what_is_bound_twice_is_proven_twice() {
    let token = access_token(&json!({ "cnf": {
        "jkt": key().thumbprint().to_string(),
        "x5t#S256": certificate("ours").thumbprint.to_string(),
    }}));
    let rig = open();
    assert_eq!(rig.reason(proven(&token).shown(&certificate("ours"))), "+valid_token");
    assert_eq!(rig.reason(proven(&token)), "-client_certificate_missing");
    let theirs = proven(&token).shown(&certificate("theirs"));
    assert_eq!(rig.reason(theirs), "-client_certificate_mismatch");
    let alone = get().bearer(&token).shown(&certificate("ours"));
    assert_eq!(rig.reason(alone), "-dpop_required");
}

#[test]
fn a_binding_that_is_not_understood_is_none() {
    let key = key().thumbprint().to_string();
    for cnf in [
        json!({}),
        json!({ "kid": "k" }),
        json!({ "jwk": Signer::ed().public_jwk() }),
        json!({ "jkt": key, "kid": "k" }),
        json!({ "x5t#S512": key }),
    ] {
        let token = access_token(&json!({ "cnf": cnf }));
        for rig in [open(), strict()] {
            assert_eq!(rig.reason(get().bearer(&token)), "-unknown_confirmation", "{cnf}");
            let shown = proven(&token).shown(&certificate("ours"));
            assert_eq!(rig.reason(shown), "-unknown_confirmation", "{cnf}");
        }
    }
    for cnf in [json!(null), json!("x"), json!([]), json!({ "jkt": 1 }), json!({ "jkt": "a" })] {
        let token = access_token(&json!({ "cnf": cnf }));
        assert_eq!(open().reason(get().bearer(&token)), "-invalid_claim", "{cnf}");
    }
}

#[test]
fn the_proof_goes_on_with_its_token_and_never_alone() {
    let bound = by_key();
    let plain = access_token(&json!({}));
    let forwarded = |route: Route, ask: Ask| {
        let decision = Rig::new(vec![route]).decide(ask);
        let Outcome::Allow(permit) = decision.outcome else { panic!("{}", reason(&decision)) };
        let headers = permit.into_parts().0.headers;
        (headers.contains_key("authorization"), headers.contains_key("dpop"))
    };
    let public = || Route { authenticate: Authenticate::Public, ..api("public") };
    let remove = |route: Route| Route { forward_token: Forward::Remove, ..route };
    let bearer = || get().bearer(&plain).proven(&proof_claims(URI, &plain));
    for (route, ask, expected) in [
        (token_only("a"), proven(&bound), (true, true)),
        (remove(token_only("a")), proven(&bound), (false, false)),
        (token_only("a"), bearer(), (true, false)),
        (public(), proven(&bound), (true, true)),
        (remove(public()), proven(&bound), (false, false)),
        (public(), bearer(), (true, false)),
        (public(), get().with("dpop", "x"), (false, false)),
    ] {
        assert_eq!(forwarded(route, ask), expected);
    }
}

#[test]
fn explain_tells_what_was_proven_and_shows_no_proof() {
    let token = by_key();
    let proof = key().proof(Algorithm::Es256, &proof_claims(URI, &token));
    let ask = get().dpop(&token).with("dpop", &proof);
    let decision = open().decide_with(ask, Trail::On(Vec::new()));
    let steps = serde_json::to_string(decision.trail.steps()).unwrap();
    assert!(steps.contains("proven to have what the token is bound to"), "{steps}");
    assert!(steps.contains(&key().thumbprint().to_string()), "{steps}");
    assert!(!steps.contains(&proof) && !steps.contains(&token), "{steps}");
    let shown = get().bearer(&by_certificate("ours")).shown(&certificate("theirs"));
    let Outcome::Deny(denial) = open().decide(shown).outcome else { panic!("allowed") };
    let print = |name: &str| certificate(name).thumbprint.to_string();
    let expected = json!({ "bound_to": { "x5t#S256": print("ours") },
        "client_certificate": print("theirs") });
    assert_eq!(*denial.found, expected);
}

#[test]
fn the_spiffe_id_is_a_context_key() {
    let statement = |operator: &str, effect: &str| {
        json!({ "Effect": effect, "Action": "execute-api:Invoke", "Resource": "*",
            "Condition": { operator: { "poolgate:SpiffeId": "spiffe://example.org/ours" } } })
    };
    let token = access_token(&json!({}));
    let ask = || get().bearer(&token);
    let rig = Rig::with(vec![api("api")], &json!([statement("StringEquals", "Allow")]));
    assert_eq!(rig.reason(ask().shown(&certificate("ours"))), "+allowed_by_policy");
    assert_eq!(rig.reason(ask().shown(&certificate("theirs"))), "-implicit_deny");
    assert_eq!(rig.reason(ask()), "-implicit_deny");
    let unnamed = ClientCertificate { spiffe_id: None, ..certificate("ours") };
    assert_eq!(rig.reason(ask().shown(&unnamed)), "-implicit_deny");
    let all = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    let guarded = json!([all, statement("StringNotEquals", "Deny")]);
    let rig = Rig::with(vec![api("api")], &guarded);
    assert_eq!(rig.reason(ask()), "-explicit_deny");
    assert_eq!(rig.reason(ask().shown(&certificate("ours"))), "+allowed_by_policy");
}

#[test]
fn a_proof_that_was_used_is_not_asked_for_again() {
    let rig = strict();
    let asked = proven(&by_key());
    assert_eq!(rig.reason(asked.clone()), "+valid_token");
    assert_eq!(rig.stands(asked, NOW.plus_secs(1800)), "stands");
}
