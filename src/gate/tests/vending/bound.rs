//! Tokens that are bound, as logins: nothing proves a key there, and a certificate is the connection's.

use super::*;
use crate::http::{ClientCertificate, Thumbprint};

fn certificate() -> ClientCertificate {
    ClientCertificate { thumbprint: Thumbprint::of(b"ours"), spiffe_id: None }
}

fn bound_to(cnf: &Value) -> Value {
    json!({ "cnf": cnf })
}

#[test]
fn a_login_is_bound_to_the_callers_certificate_or_refused() {
    let rig = rig();
    let print = certificate().thumbprint.to_string();
    let get_id = |cnf: &Value, ask: Ask| {
        let logins = json!({ PROVIDER: id_token(&bound_to(cnf)) });
        let body = json!({ "IdentityPoolId": OPEN, "Logins": logins }).to_string();
        let ask = ask
            .with("x-amz-target", "AWSCognitoIdentityService.GetId")
            .with("content-type", "application/x-amz-json-1.1");
        reason(&rig.post(ask, body, NOW))
    };
    let assume = |cnf: &Value, ask: Ask| {
        let body = format!(
            "Version=2011-06-15&Action=AssumeRoleWithWebIdentity&RoleSessionName=mine&RoleArn={}&WebIdentityToken={}",
            role("Web").replace(':', "%3A").replace('/', "%2F"),
            oidc_token(&bound_to(cnf)),
        );
        let ask = ask
            .with("content-type", "application/x-www-form-urlencoded")
            .with("content-length", &body.len().to_string());
        reason(&rig.post(ask, body, NOW))
    };
    let post = || Ask::new("POST", "/");
    let other = ClientCertificate { thumbprint: Thumbprint::of(b"theirs"), spiffe_id: None };
    for (cnf, ask, expected) in [
        (json!({ "jkt": print }), post(), "-dpop_required"),
        (json!({ "jkt": print }), post().with("dpop", "a.b.c"), "-dpop_required"),
        (json!({ "jkt": print }), post().shown(&certificate()), "-dpop_required"),
        (json!({ "x5t#S256": print }), post(), "-client_certificate_missing"),
        (json!({ "x5t#S256": print }), post().shown(&other), "-client_certificate_mismatch"),
        (json!({ "kid": "k" }), post().shown(&certificate()), "-unknown_confirmation"),
    ] {
        assert_eq!(get_id(&cnf, ask.clone()), expected, "{cnf}");
        assert_eq!(assume(&cnf, ask), expected, "{cnf}");
    }
    let ours = json!({ "x5t#S256": print });
    assert_eq!(get_id(&ours, post().shown(&certificate())), "+valid_token");
    assert_eq!(assume(&ours, post().shown(&certificate())), "+allowed_by_trust_policy");
}

#[test]
fn both_services_say_so_in_their_words() {
    let rig = rig();
    let cnf = bound_to(&json!({ "jkt": certificate().thumbprint.to_string() }));
    let logins = json!({ "IdentityPoolId": OPEN, "Logins": { PROVIDER: id_token(&cnf) } });
    let (code, message) = rig.identity("GetId", &logins).unwrap_err();
    assert_eq!(code, "NotAuthorizedException");
    assert!(message.starts_with("Invalid login token. It is bound"), "{message}");
    let (code, message) = rig.assume(&role("Web"), &oidc_token(&cnf), &[]).unwrap_err();
    assert_eq!(code, "InvalidIdentityToken");
    assert!(message.starts_with("The token is bound"), "{message}");
}
