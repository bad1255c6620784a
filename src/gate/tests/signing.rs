//! Requests signed with temporary credentials: what holds, what is refused, in which order.

use std::time::Duration;

use bytes::Bytes;

use super::fixture::{Ask, Rig, api, reason, role};
use crate::{
    clock::Time,
    gate::{BoundTokens, CredentialRules, Login, Route, Trail, Whole},
    iam::Facts,
    sigv4::testing::{Sdk, Sent},
    sts::{Grant, GrantToken, Sealer, SealingKey, TemporaryCredentials},
    token::testing::NOW,
};

fn rig() -> Rig {
    let mut rig = Rig::new(vec![api("shop")]);
    let keys = [SealingKey { id: "k1".to_owned(), bytes: [7; 32] }];
    let sealer = Sealer::new(&keys).unwrap();
    rig.rules.credentials = Some(CredentialRules::new(sealer, Duration::from_secs(3600)));
    rig.rules.body_buffer = 64;
    rig
}

fn credentials(rig: &Rig, role_id: &str) -> TemporaryCredentials {
    let grant = Grant {
        pool: Some(rig.rules.pools[0].id().to_owned()),
        identity: None,
        role_arn: role("Reader"),
        role_id: role_id.to_owned(),
        session_name: "CognitoIdentityCredentials".to_owned(),
        facts: Facts::new(),
        session_policies: Vec::new(),
        token: GrantToken::default(),
        issued: NOW,
        expires: NOW.plus_secs(3600),
    };
    rig.rules.credentials.as_ref().unwrap().sealer.seal(&grant).unwrap()
}

fn sdk(credentials: &TemporaryCredentials) -> Sdk<'_> {
    Sdk {
        service: "execute-api",
        key: (&credentials.access_key_id, credentials.secret_access_key.expose()),
        token: Some(&credentials.session_token),
        time: NOW,
        ..Sdk::other()
    }
}

fn get() -> Sent {
    Sent::new("GET", "/api/orders").with("host", "gate.example")
}

/// `held` if the signature holds, whatever its caller may do; else why not.
fn answer_at(rig: &Rig, sent: &Sent, body: &'static [u8], now: Time) -> String {
    let mut ask = Ask::new(sent.method.as_str(), &sent.target).at(now);
    for (name, value) in sent.headers.iter().filter(|(name, _)| *name != "host") {
        ask = ask.with(name.as_str(), value.to_str().unwrap());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut body = Whole(Bytes::from_static(body));
    let decision = runtime.block_on(rig.gate().decide(ask.question(), &mut body, Trail::Off));
    match decision.login {
        Login::Credentials(_) => "held".to_owned(),
        _ => reason(&decision),
    }
}

fn answer(rig: &Rig, sent: &Sent, body: &'static [u8]) -> String {
    answer_at(rig, sent, body, NOW)
}

#[test]
fn a_signature_is_a_login() {
    let rig = rig();
    let ours = credentials(&rig, "AROAReader");
    let sdk = sdk(&ours);
    for sdk in [sdk.clone(), Sdk { presigned: Some(60), ..sdk.clone() }] {
        let sent = sdk.sign(&get());
        // Twice: the second finds the credentials and their signing key.
        assert_eq!(answer(&rig, &sent, b""), "held");
        assert_eq!(answer(&rig, &sent, b""), "held");
        let changed = sent.clone().retarget("/api/orders", "/api/others");
        assert_eq!(answer(&rig, &changed, b""), "-signature_mismatch");
        assert_eq!(answer(&rig, &sent, b""), "held");
    }
}

#[test]
fn the_body_is_what_was_signed_whatever_a_header_says_of_it() {
    let rig = rig();
    let ours = credentials(&rig, "AROAReader");
    let signed = |body: Option<&'static [u8]>, sent: Sent| Sdk { body, ..sdk(&ours) }.sign(&sent);
    let sent = signed(Some(b"{}"), get());
    assert_eq!(answer(&rig, &sent, b"{}"), "held");
    assert_eq!(answer(&rig, &sent, b"{ }"), "-signature_mismatch");

    let hash = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let sent = signed(Some(b"{}"), get().with("x-amz-content-sha256", hash));
    assert_eq!(answer(&rig, &sent, b"{}"), "held");
    assert_eq!(answer(&rig, &sent, b"{ }"), "-body_digest_mismatch");

    // The signature is good, but says nothing of the body.
    let sent = signed(None, get().with("x-amz-content-sha256", "UNSIGNED-PAYLOAD"));
    for body in [&b"{}"[..], b""] {
        assert_eq!(answer(&rig, &sent, body), "-signature_mismatch");
    }
    for chunked in ["STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"] {
        let sent = signed(Some(b""), get().with("x-amz-content-sha256", chunked));
        assert_eq!(answer(&rig, &sent, b""), "-streaming_payload");
    }
    assert_eq!(answer(&rig, &signed(Some(b""), get()), &[b'x'; 65]), "-body_too_large");
}

#[test]
fn credentials_come_before_the_clock_and_the_clock_before_the_signature() {
    let mut rig = rig();
    let ours = credentials(&rig, "AROAReader");
    let late = Sdk { time: NOW.plus_secs(-901), ..sdk(&ours) }.sign(&get());
    let broken = late.clone().retarget("/api/orders", "/api/others");
    assert_eq!(answer(&rig, &broken, b""), "-request_time_skewed");
    assert_eq!(answer_at(&rig, &broken, b"", NOW.plus_secs(3600)), "-expired_session_token");
    let sent = sdk(&ours).sign(&get());
    assert_eq!(answer_at(&rig, &sent, b"", NOW.plus_secs(901)), "-request_time_skewed");
    assert_eq!(answer_at(&rig, &sent, b"", NOW.plus_secs(3600)), "-expired_session_token");

    let tokenless = Sdk { token: None, ..sdk(&ours) }.sign(&get());
    assert_eq!(answer(&rig, &tokenless, b""), "-unknown_access_key");
    let forged = Sdk { token: Some("forged"), ..sdk(&ours) }.sign(&get());
    assert_eq!(answer(&rig, &forged, b""), "-invalid_session_token");
    let theirs = credentials(&rig, "AROAReader");
    let mixed = Sdk { key: (&theirs.access_key_id, "x"), ..sdk(&ours) }.sign(&get());
    assert_eq!(answer(&rig, &mixed, b""), "-invalid_session_token");
    let secret = Sdk { key: (&ours.access_key_id, "x"), ..sdk(&ours) }.sign(&get());
    assert_eq!(answer(&rig, &secret, b""), "-signature_mismatch");
    let gone = credentials(&rig, "AROAOther");
    assert_eq!(answer(&rig, &sdk(&gone).sign(&get()), b""), "-role_gone");

    rig.rules.credentials = None;
    assert_eq!(answer(&rig, &sent, b""), "-unknown_access_key");
}

#[test]
fn a_signature_does_not_stand_for_a_bound_token() {
    let asked = |bound_tokens: BoundTokens| {
        let route = Route { bound_tokens, ..api("shop") };
        let mut rig = Rig::new(vec![route]);
        rig.rules.credentials = self::rig().rules.credentials;
        let credentials = credentials(&rig, "AROAReader");
        let sent = sdk(&credentials).sign(&get());
        let mut ask = Ask::new(sent.method.as_str(), &sent.target);
        for (name, value) in sent.headers.iter().filter(|(name, _)| *name != "host") {
            ask = ask.with(name.as_str(), value.to_str().unwrap());
        }
        rig.reason(ask)
    };
    assert_eq!(asked(BoundTokens::Verify), "+allowed_by_policy");
    assert_eq!(asked(BoundTokens::Require), "-token_required");
}

#[test]
fn a_signature_is_too_old_soon_and_what_it_permitted_stands_for_as_long_as_the_credentials() {
    let mut rig = rig();
    let credentials = credentials(&rig, "AROAReader");
    let sent = sdk(&credentials).sign(&get());
    let ask = sent
        .headers
        .iter()
        .filter(|(name, _)| *name != "host")
        .fold(Ask::new(sent.method.as_str(), &sent.target), |ask, (name, value)| {
            ask.with(name.as_str(), value.to_str().unwrap())
        });
    assert_eq!(rig.stands(ask.clone(), NOW.plus_secs(1800)), "stands");
    assert_eq!(rig.stands(ask.clone(), NOW.plus_secs(3600)), "expired_session_token");
    rig.rules.credentials = None;
    assert_eq!(rig.stands(ask, NOW), "unknown_access_key");
}
