//! A login that is revoked gets nothing any more, nor does what it was given.

use std::sync::Arc;

use super::*;
use crate::token::{Issuers, RevocationList, Revocations};

fn list(lines: &[Value]) -> RevocationList {
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    RevocationList::parse(&lines.join("\n")).unwrap()
}

#[test]
fn identity_pools_and_sts_refuse_a_revoked_login_and_the_pools_token_that_was_given_for_it() {
    let revocations = Arc::new(Revocations::new("list".into(), list(&[]), NOW));
    let rig = rig_with(|rules| {
        let none = Issuers::new(Vec::new(), 0).unwrap();
        let issuers = std::mem::replace(&mut rules.issuers, none);
        rules.issuers = issuers.with_revocations(Some(Arc::clone(&revocations)));
    });
    let token = id_token(&json!({ "sub": "user-1", "jti": "j-1", "origin_jti": "o-1" }));
    let logins = json!({ PROVIDER: token });
    let identity = rig.id(OPEN, &logins);
    let body = json!({ "IdentityId": identity, "Logins": logins });
    let pool_token = rig.pool_token(&body).unwrap();
    let of_pool = json!({ "IdentityId": identity,
        "Logins": { "cognito-identity.amazonaws.com": pool_token } });
    let web = oidc_token(&json!({ "jti": "w-1" }));
    assert!(rig.assume(&role("User"), &pool_token, &[]).is_ok());
    assert!(rig.assume(&role("Web"), &web, &[]).is_ok());
    assert!(rig.identity("GetCredentialsForIdentity", &of_pool).is_ok());
    // What was given for a pool's token names the login of that.
    let user = rig.assume(&role("User"), &pool_token, &[]).unwrap();
    let grant = rig.open(&user.credentials).grant;
    assert_eq!(grant.token.origin_jti.as_deref(), Some("o-1"));
    assert_eq!(grant.token.issued, Some(NOW.plus_secs(-10)));

    revocations.replace(list(&[json!({ "origin_jti": "o-1" }), json!({ "jti": "w-1" })]), NOW);
    let message = "Invalid login token. Token has been revoked.";
    let get_id = json!({ "IdentityPoolId": OPEN, "Logins": logins });
    for (operation, body) in [
        ("GetId", &get_id),
        ("GetOpenIdToken", &body),
        ("GetCredentialsForIdentity", &body),
        ("GetCredentialsForIdentity", &of_pool),
    ] {
        let answer = rig.identity(operation, body).map(|_| ());
        assert_eq!(answer, refused(message), "{operation}");
    }
    for (name, token) in [("User", &pool_token), ("Web", &web)] {
        let answer = rig.assume(&role(name), token, &[]).map(|_| ());
        let code = "InvalidIdentityToken".to_owned();
        assert_eq!(answer, Err((code, "The token has been revoked.".to_owned())), "{name}");
    }
    // Guests go on.
    let guest = rig.id(OPEN, &Value::Null);
    assert!(rig.identity("GetOpenIdToken", &json!({ "IdentityId": guest })).is_ok());
}
