//! Guests, the pool's own identities, and tokens that come to AWS STS.

use super::*;
use crate::iam::Fact;

const GUEST_TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow",
    "Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity",
    "Condition":{"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":"unauthenticated"}}}}"#;

fn guest(pool: &Value, id: Option<&str>, trust: &str, custom: Option<&str>) -> String {
    let pool = IdentityPool::parse(&pool.to_string()).unwrap();
    let ids = IdentityIds::new(Some(b"key"));
    let lookup = |arn: &str| (!arn.ends_with("/Gone")).then(|| role(arn, trust));
    let assume =
        Assume { pool: &pool, groups: None, ids: &ids, roles: &lookup, custom_role: custom };
    let now = crate::clock::Time::from_secs(1_800_000_000);
    let narrow =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;
    let narrow = Arc::new(Policy::parse("n", PolicyKind::Session, narrow).unwrap()).into();
    let assumed = match assume.guest(id, now, &narrow, &mut NoTrail) {
        Ok(assumed) => assumed,
        Err(error) => return error.reason().to_owned(),
    };
    assert_eq!(assumed.role_choice, RoleChoice::Guest);
    assert_eq!((assumed.identity_id.as_deref(), &assumed.provider), (id, &None));
    assert_eq!(assumed.session.session_policies.policies().len(), 1);
    let lookup = |key: &str| assumed.session.facts.lookup(key);
    let sub = id.map_or(Lookup::Absent, |id| Lookup::One(id.into()));
    assert_eq!(lookup("cognito-identity.amazonaws.com:sub"), sub);
    let amr = Lookup::Many(vec!["unauthenticated".into()].into());
    assert_eq!(lookup("cognito-identity.amazonaws.com:amr"), amr);
    assert_eq!(lookup("aws:tokenissuetime"), Lookup::One("2027-01-15T08:00:00.000Z".into()));
    assumed.session.principal.role().unwrap().name.clone()
}

#[test]
fn guests_get_the_role_of_guests_or_none() {
    let mut pool = pool_json(token_mapping("Deny"));
    pool["Roles"]["unauthenticated"] = arn("Guest").into();
    let id = "eu-west-1:00000000-0000-4000-8000-000000000000";
    assert_eq!(guest(&pool, None, GUEST_TRUST, None), "guests_not_allowed");
    pool["AllowUnauthenticatedIdentities"] = true.into();
    for id in [None, Some(id)] {
        assert_eq!(guest(&pool, id, GUEST_TRUST, None), "Guest");
        assert_eq!(guest(&pool, id, TRUST, None), "trust_policy");
    }
    assert_eq!(guest(&pool, Some(id), GUEST_TRUST, Some(&arn("Guest"))), "Guest");
    let other = guest(&pool, Some(id), GUEST_TRUST, Some(&arn("Auth")));
    assert_eq!(other, "custom_role_not_allowed");
    // The trust policy may ask for the identity, which a route's guest doesn't have.
    let of_one = GUEST_TRUST.replace(
        r#""Condition":{"#,
        &format!(
            r#""Condition":{{"StringEquals":{{"cognito-identity.amazonaws.com:sub":"{id}"}},"#
        ),
    );
    assert_eq!(guest(&pool, Some(id), &of_one, None), "Guest");
    assert_eq!(guest(&pool, None, &of_one, None), "trust_policy");
    pool["Roles"]["unauthenticated"] = arn("Gone").into();
    assert_eq!(guest(&pool, None, GUEST_TRUST, None), "role_not_found");
    pool["Roles"] = json!({"authenticated": arn("Auth")});
    assert_eq!(guest(&pool, None, GUEST_TRUST, None), "no_guest_role");
}

#[test]
fn an_identity_of_the_pools_own_token_gets_the_pools_role() {
    let found = |pool: &Value, methods: &[&str], custom: Option<&str>| {
        let pool = IdentityPool::parse(&pool.to_string()).unwrap();
        let lookup = |arn: &str| Some(role(arn, TRUST));
        let ids = IdentityIds::new(Some(b"key"));
        let assume =
            Assume { pool: &pool, groups: None, ids: &ids, roles: &lookup, custom_role: custom };
        let methods = methods.iter().map(|m| (*m).to_owned()).collect();
        let tags = vec![("team".to_owned(), Fact::One("red".to_owned()))];
        let identity = WebIdentity::of_pool(&pool, Some("id".to_owned()), methods, tags);
        match assume.role_of_identity(identity, &mut NoTrail) {
            Ok(role) => {
                let tag = role.facts.lookup("aws:principaltag/team");
                assert_eq!(tag, Lookup::One("red".into()));
                assert_eq!(role.provider.as_deref(), Some(NAME));
                role.role.name.clone()
            }
            Err(error) => error.reason().to_owned(),
        }
    };
    let user = ["authenticated", NAME, "third"];
    assert_eq!(found(&pool_json(None), &user, None), "Auth");
    assert_eq!(found(&pool_json(None), &user, Some(&arn("Other"))), "custom_role_not_allowed");
    assert_eq!(found(&pool_json(token_mapping("AuthenticatedRole")), &user, None), "mapped_roles");
    assert_eq!(found(&pool_json(None), &["unauthenticated"], None), "guests_not_allowed");
    assert_eq!(found(&pool_json(None), &["other"], None), "trust_policy");
}

#[test]
fn a_providers_token_has_the_context_keys_of_its_issuer() {
    let host = "login.example.com/x";
    let trust = |federated: &str, condition: Value| {
        json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow",
            "Principal": {"Federated": federated}, "Condition": condition,
            "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]}})
        .to_string()
    };
    let asked = |kind, more: Value, trust: String| {
        let role = role(&arn("Web"), &trust);
        let identity = match WebIdentity::of_token(&token(kind, more), &role) {
            Ok(identity) => identity,
            Err(error) => return Err(error.reason()),
        };
        let assumed = identity.assume(role, RoleChoice::Custom, "mine", &mut NoTrail);
        assumed.map_err(|error| error.reason())
    };
    let oidc_arn = format!("arn:aws:iam::123456789012:oidc-provider/{host}");
    let all = json!({"StringEquals": {
        format!("{host}:sub"): SUB, format!("{host}:aud"): CLIENT, "sts:RoleSessionName": "mine"}});
    let claims = json!({"iss": "https://login.example.com/x", "azp": "other", "amr": ["pwd"],
        "https://aws.amazon.com/tags": {"principal_tags": {"team": ["red"]}}});
    let with = |condition| asked(TokenKind::Oidc, claims.clone(), trust(&oidc_arn, condition));
    let assumed = with(all.clone()).unwrap();
    let lookup = |key: &str| assumed.facts.lookup(key);
    assert_eq!(lookup("aws:principaltag/team"), Lookup::One("red".into()));
    assert_eq!(lookup("aws:federatedprovider"), Lookup::One(oidc_arn.as_str().into()));
    assert_eq!(lookup("login.example.com/x:sub"), Lookup::One(SUB.into()));
    assert_eq!(lookup("login.example.com/x:amr"), Lookup::Many(vec!["pwd".into()].into()));
    assert_eq!(lookup("login.example.com/x:azp"), Lookup::Absent, "for the trust policy alone");
    assert!(assumed.identity_id.is_none());
    assert!(with(json!({"StringEquals": {format!("{host}:azp"): "other"}})).is_ok());
    assert!(with(json!({"StringEquals": {"aws:RequestTag/team": "red"}})).is_ok());
    for refused in [
        json!({"StringEquals": {format!("{host}:sub"): "someone"}}),
        json!({"StringEquals": {"sts:RoleSessionName": "yours"}}),
        json!({"StringEquals": {"cognito-identity.amazonaws.com:sub": SUB}}),
    ] {
        assert_eq!(with(refused.clone()).unwrap_err(), "trust_policy", "{refused}");
    }
    let elsewhere = trust("arn:aws:iam::999999999999:oidc-provider/login.example.com/x", all);
    let got = asked(TokenKind::Oidc, claims.clone(), elsewhere);
    assert_eq!(got.unwrap_err(), "trust_policy");
    let any = || trust(&oidc_arn, json!({}));
    for kind in [TokenKind::Access, TokenKind::ClientCredentials, TokenKind::Alb] {
        assert_eq!(asked(kind, json!({}), any()).unwrap_err(), "unsupported_provider");
    }
    let user_pool = trust(&format!("arn:aws:iam::123456789012:oidc-provider/{NAME}"), json!({}));
    assert!(asked(TokenKind::Id, json!({}), user_pool).is_ok());
    for tags in [
        json!("x"),
        json!({"principal_tags": []}),
        json!({"principal_tags": {"a": "x"}}),
        json!({"principal_tags": {"a": []}}),
        json!({"principal_tags": {"a": ["x", "y"]}}),
        json!({"principal_tags": {"a": ["x"], "A": ["x"]}}),
        json!({"principal_tags": {"": ["x"]}}),
    ] {
        let mut claims = claims.clone();
        claims["https://aws.amazon.com/tags"] = tags.clone();
        let got = asked(TokenKind::Oidc, claims, any());
        if tags.is_object() {
            assert_eq!(got.unwrap_err(), "invalid_role_claim", "{tags}");
        } else {
            assert!(got.is_ok(), "no list of tags in {tags}");
        }
    }
}

#[test]
fn guests_have_ids_that_nobody_else_can_make() {
    let ids = IdentityIds::new(Some(b"key"));
    let id = ids.guest(POOL).unwrap();
    assert!(ids.is_guest(POOL, &id), "{id}");
    assert_ne!(ids.guest(POOL).unwrap(), id);
    let other = POOL.replace("7c5b", "7c5c");
    assert!(!ids.is_guest(&other, &id) && !ids.is_guest("eu-west-2:7c5b", &id));
    assert!(!IdentityIds::new(Some(b"other")).is_guest(POOL, &id));
    assert!(!ids.is_guest(POOL, &ids.id(POOL, NAME, SUB)), "a user is no guest");
    let unkeyed = IdentityIds::new(None);
    assert!(unkeyed.guest(POOL).is_none() && !unkeyed.is_guest(POOL, &id));
    for spelled in [id.to_uppercase(), id.replace('-', ""), format!("{id} "), String::new()] {
        assert!(!ids.is_guest(POOL, &spelled), "{spelled}");
    }
}

#[test]
fn every_refusal_has_amazon_cognitos_words() {
    let unsupported = "Token is not from a supported provider of this identity pool.";
    let no_aud = "Invalid login token. Missing a required claim: aud";
    let no_role = "Invalid identity pool configuration. Check assigned IAM roles for this pool.";
    let refused = |error: AssumeError| (error.aws().kind, error.aws().message);
    for (error, message) in [
        (AssumeError::UnsupportedProvider, unsupported),
        (AssumeError::ClientCredentials, no_aud),
        (AssumeError::GuestsOff, "Unauthenticated access is not supported for this identity pool."),
        (
            AssumeError::Ambiguous("p:c".to_owned()),
            "The ambiguous role mapping rules for: p:c denied this request.",
        ),
    ] {
        assert_eq!(refused(error), ("NotAuthorizedException", message.to_owned()));
    }
    for error in [
        AssumeError::NoRole,
        AssumeError::NoGuestRole,
        AssumeError::RoleNotFound("r".to_owned()),
        AssumeError::InvalidTag("t".to_owned()),
    ] {
        let kind = "InvalidIdentityPoolConfigurationException";
        assert_eq!(refused(error), (kind, no_role.to_owned()));
    }
    let classic =
        "Basic (classic) flow is not supported with RoleMappings, please use enhanced flow.";
    assert_eq!(
        refused(AssumeError::MappedRoles),
        ("InvalidParameterException", classic.to_owned())
    );
}

proptest! {
    #[test]
    fn no_text_is_a_guest_by_chance(text in "\\PC{0,60}|eu-west-1:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}") {
        prop_assert!(!IdentityIds::new(Some(b"key")).is_guest(POOL, &text));
    }

    #[test]
    fn a_changed_digit_is_no_guest(at in 0usize..36, digit in "[0-9a-f]") {
        let ids = IdentityIds::new(Some(b"key"));
        let id = ids.guest(POOL).unwrap();
        let mut changed = id.clone();
        let at = id.len() - 36 + at;
        changed.replace_range(at..=at, &digit);
        prop_assert_eq!(ids.is_guest(POOL, &changed), changed == id);
    }
}
