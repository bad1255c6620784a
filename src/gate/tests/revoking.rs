//! What is revoked is refused at once: also a token that is remembered, its session, and what it was given.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::fixture::{Ask, Rig, access_token, api, id_token, reason, role};
use crate::{
    gate::{CredentialRules, Login, Right, Rules, Trail, Whole},
    iam::Facts,
    sigv4::testing::{Sdk, Sent},
    sts::{Grant, GrantToken, Sealer, SealingKey, TemporaryCredentials},
    token::{
        RevocationList, Revocations,
        testing::{ISS, NOW},
    },
};

fn list(lines: &[Value]) -> RevocationList {
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    RevocationList::parse(&lines.join("\n")).unwrap()
}

/// A gate with a list that has nothing in it yet.
fn rig() -> (Rig, Arc<Revocations>) {
    let revocations = Arc::new(Revocations::new("list".into(), list(&[]), NOW));
    let Rig { rules, tokens } = Rig::new(vec![api("api")]);
    let issuers = rules.issuers.with_revocations(Some(Arc::clone(&revocations)));
    let keys = [SealingKey { id: "k1".to_owned(), bytes: [7; 32] }];
    let sealer = Sealer::new(&keys).unwrap();
    let credentials = Some(CredentialRules::new(sealer, Duration::from_secs(3600)));
    (Rig { rules: Rules { issuers, credentials, ..rules }, tokens }, revocations)
}

fn before(seconds: i64) -> String {
    NOW.plus_secs(seconds).rfc3339()
}

/// A token that was issued a minute ago.
fn token() -> String {
    id_token(&json!({ "sub": "user-1", "jti": "j-1", "origin_jti": "o-1", "iat": NOW.secs() - 60 }))
}

fn entries() -> Vec<(Value, bool)> {
    vec![
        (json!({ "jti": "j-1" }), true),
        (json!({ "jti": "j-2" }), false),
        (json!({ "origin_jti": "o-1" }), true),
        (json!({ "origin_jti": "j-1" }), false),
        (json!({ "sub": "user-1", "before": before(-59) }), true),
        (json!({ "sub": "user-1", "before": before(-60) }), false),
        (json!({ "sub": "user-2", "before": before(0) }), false),
        (json!({ "sub": "user-1", "before": before(0), "issuer": ISS }), true),
        (json!({ "sub": "user-1", "before": before(0), "issuer": "https://op.example" }), false),
    ]
}

#[test]
fn a_token_is_refused_from_the_moment_it_is_listed() {
    let (rig, revocations) = rig();
    let token = token();
    let ask = || rig.reason(Ask::get("/api/x").bearer(&token));
    assert_eq!(ask(), "+allowed_by_policy");
    for (entry, revoked) in entries() {
        revocations.replace(list(std::slice::from_ref(&entry)), NOW);
        let wanted = if revoked { "-token_revoked" } else { "+allowed_by_policy" };
        assert_eq!(ask(), wanted, "{entry}");
        // One that was never seen before, too.
        let (fresh, _) = self::rig();
        let issuers = fresh.rules.issuers.with_revocations(Some(Arc::clone(&revocations)));
        let fresh = Rig { rules: Rules { issuers, ..fresh.rules }, tokens: fresh.tokens };
        assert_eq!(fresh.reason(Ask::get("/api/x").bearer(&token)), wanted, "{entry}");
    }
    // It counts as soon as it isn't listed any more, and so does another of the user.
    revocations.replace(list(&[json!({ "jti": "j-2" })]), NOW);
    assert_eq!(ask(), "+allowed_by_policy");
    revocations.replace(list(&[json!({ "sub": "user-1", "before": before(0) })]), NOW);
    let later = id_token(&json!({ "sub": "user-1", "jti": "j-3", "iat": NOW.secs() }));
    assert_eq!(rig.reason(Ask::get("/api/x").bearer(&later)), "+allowed_by_policy");
    let ageless = id_token(&json!({ "sub": "user-1", "jti": "j-4", "iat": null }));
    assert_eq!(rig.reason(Ask::get("/api/x").bearer(&ageless)), "-invalid_claim");
    let access = access_token(&json!({ "sub": "user-1", "iat": NOW.secs() - 60 }));
    assert_eq!(rig.reason(Ask::get("/api/x").bearer(&access)), "-token_revoked");
}

#[test]
fn a_roles_sessions_are_refused_also_those_that_are_remembered() {
    let (rig, revocations) = rig();
    let token = token();
    let ask = || rig.reason(Ask::get("/api/x").bearer(&token));
    assert_eq!(ask(), "+allowed_by_policy");
    for (entry, wanted) in [
        (json!({ "role": role("Reader"), "before": before(-59) }), "-session_revoked"),
        (json!({ "role": role("Reader"), "before": before(-60) }), "+allowed_by_policy"),
        (json!({ "role": role("Auditor"), "before": before(0) }), "+allowed_by_policy"),
    ] {
        revocations.replace(list(std::slice::from_ref(&entry)), NOW);
        assert_eq!(ask(), wanted, "{entry}");
    }
}

fn credentials(rig: &Rig) -> TemporaryCredentials {
    let grant = Grant {
        pool: Some(rig.rules.pools[0].id().to_owned()),
        identity: None,
        role_arn: role("Reader"),
        role_id: "AROAReader".to_owned(),
        session_name: "CognitoIdentityCredentials".to_owned(),
        facts: Facts::new(),
        session_policies: Vec::new(),
        token: GrantToken {
            issuer: Some(ISS.to_owned()),
            subject: Some("user-1".to_owned()),
            jti: Some("j-1".to_owned()),
            origin_jti: Some("o-1".to_owned()),
            issued: Some(NOW.plus_secs(-60)),
        },
        issued: NOW.plus_secs(-30),
        expires: NOW.plus_secs(3600),
    };
    rig.rules.credentials.as_ref().unwrap().sealer.seal(&grant).unwrap()
}

fn signed(credentials: &TemporaryCredentials) -> Ask {
    let sdk = Sdk {
        service: "execute-api",
        key: (&credentials.access_key_id, credentials.secret_access_key.expose()),
        token: Some(&credentials.session_token),
        time: NOW,
        ..Sdk::other()
    };
    let sent = sdk.sign(&Sent::new("GET", "/api/x").with("host", "gate.example"));
    let headers = sent.headers.iter().filter(|(name, _)| *name != "host");
    headers.fold(Ask::get("/api/x"), |ask, (name, value)| {
        ask.with(name.as_str(), value.to_str().unwrap())
    })
}

#[test]
fn temporary_credentials_are_refused_with_the_login_they_were_given_for() {
    let (rig, revocations) = rig();
    let credentials = credentials(&rig);
    let ask = || rig.reason(signed(&credentials));
    // The second finds them opened.
    assert_eq!([ask(), ask()], ["+allowed_by_policy"; 2]);
    for (entry, revoked) in entries() {
        revocations.replace(list(std::slice::from_ref(&entry)), NOW);
        let wanted = if revoked { "-credentials_revoked" } else { "+allowed_by_policy" };
        assert_eq!(ask(), wanted, "{entry}");
    }
    // A session began when its credentials were given, not when their token was issued.
    for (seconds, wanted) in [(-29, "-session_revoked"), (-30, "+allowed_by_policy")] {
        let entry = json!({ "role": role("Reader"), "before": before(seconds) });
        revocations.replace(list(&[entry]), NOW);
        assert_eq!(ask(), wanted);
    }
}

#[test]
fn a_right_is_held_until_it_expires_or_is_taken() {
    let (rig, revocations) = rig();
    let right = Right::of(&rig.decide(Ask::get("/api/x").bearer(&token())));
    let held = |rules: &Rules, now| right.still_held(rules, now);
    let expires = right.expires(&rig.rules).unwrap();
    assert_eq!(held(&rig.rules, NOW), Ok(()));
    assert_eq!(held(&rig.rules, expires.plus_secs(-1)), Ok(()));
    assert_eq!(held(&rig.rules, expires), Err("expired"));
    for (entry, wanted) in [
        (json!({ "jti": "j-1" }), Err("token_revoked")),
        (json!({ "role": role("Reader"), "before": before(0) }), Err("session_revoked")),
        (json!({ "jti": "another" }), Ok(())),
    ] {
        revocations.replace(list(&[entry]), NOW);
        assert_eq!(held(&rig.rules, NOW), wanted);
    }
    // A reload that takes the issuer, or the role, takes the right.
    let other = Rig::new(vec![api("api")]);
    assert_eq!(held(&other.rules, NOW), Err("unknown_issuer"));
    let Rig { rules, .. } = rig;
    let without = Rules { account: super::fixture::account(&[], &[]), ..rules };
    assert_eq!(held(&without, NOW), Err("role_gone"));
}

#[test]
fn so_is_that_of_temporary_credentials_and_nobodys_is_always() {
    let (rig, revocations) = rig();
    let credentials = credentials(&rig);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let question = signed(&credentials).question();
    let (gate, mut body) = (rig.gate(), Whole::default());
    let decision = runtime.block_on(gate.decide(question, &mut body, Trail::Off));
    assert!(matches!(decision.login, Login::Credentials(_)), "{}", reason(&decision));
    let right = Right::of(&decision);
    assert_eq!(right.expires(&rig.rules), Some(NOW.plus_secs(3600)));
    assert_eq!(right.still_held(&rig.rules, NOW), Ok(()));
    let expired = right.still_held(&rig.rules, NOW.plus_secs(3600));
    assert_eq!(expired, Err("expired_session_token"));
    for (entry, wanted) in [
        (json!({ "origin_jti": "o-1" }), "credentials_revoked"),
        (json!({ "role": role("Reader"), "before": before(0) }), "session_revoked"),
    ] {
        revocations.replace(list(&[entry]), NOW);
        assert_eq!(right.still_held(&rig.rules, NOW), Err(wanted));
    }
    let nobody = Right::of(&rig.decide(Ask::get("/elsewhere")));
    assert_eq!(nobody.expires(&rig.rules), None);
    assert_eq!(nobody.still_held(&rig.rules, NOW), Ok(()));
}
