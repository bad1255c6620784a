//! The room as a whole, over tokens made by hand.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::iam::{Arn, Context, Lookup, Policy, PolicyKind, PolicySet, Role};
use crate::token::{Claims, Issuer, KeySet, TokenKind, VerifiedToken};

mod web_identities;

const POOL: &str = "eu-west-1:7c5b0000-0000-4000-8000-000000000000";
const NAME: &str = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E";
const CLIENT: &str = "1example23456789";
const SUB: &str = "f3c0ffee-0000-4000-8000-000000000001";
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow",
    "Principal":{"Federated":"cognito-identity.amazonaws.com"},
    "Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession"],"Condition":{
    "StringEquals":{"cognito-identity.amazonaws.com:aud":"eu-west-1:7c5b0000-0000-4000-8000-000000000000"},
    "ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":"authenticated"}}}}"#;

fn arn(name: &str) -> String {
    format!("arn:aws:iam::123456789012:role/{name}")
}

fn role(arn: &str, trust: &str) -> Arc<Role> {
    Arc::new(Role {
        arn: Arn::parse(arn).unwrap(),
        name: arn.rsplit('/').next().unwrap().to_owned(),
        id: "AROAEXAMPLE".to_owned(),
        trust: Arc::new(Policy::parse("trust", PolicyKind::Trust, trust).unwrap()).into(),
        policies: PolicySet::default(),
        organization: Arc::default(),
        boundary: None,
        max_session_duration: 3600,
        tags: Vec::new(),
    })
}

fn token(kind: TokenKind, more: Value) -> Arc<VerifiedToken> {
    let keys = jwk();
    let mut claims = json!({"iss": "http://127.0.0.1:8080/x", "sub": SUB, "exp": 2_000_000_000, "iat": 1_800_000_000});
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let issuer = match kind {
        TokenKind::Oidc => Issuer::oidc("https://login.example.com/x", vec![], keys),
        TokenKind::Alb => Issuer::alb("arn:lb", "https://login.example.com", vec![], keys),
        _ => Issuer::user_pool(
            "eu-west-1_Ab12Cd34E",
            vec![],
            Some("http://127.0.0.1:8080/x".to_owned()),
            keys,
        )
        .unwrap(),
    };
    let claims = Claims::parse(claims.to_string().as_bytes()).unwrap();
    Arc::new(VerifiedToken::for_test(Arc::new(issuer), kind, Some(CLIENT.to_owned()), claims))
}

fn jwk() -> Arc<KeySet> {
    // The key of RFC 8037, appendix A.2; nothing is verified with it here.
    KeySet::fixed(br#"{"keys":[{"kid":"k","kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#).unwrap()
}

fn pool_json(mapping: Option<Value>) -> Value {
    let mut pool = json!({
        "IdentityPoolId": POOL, "AllowUnauthenticatedIdentities": false, "Unknown": 1,
        "CognitoIdentityProviders": [{"ProviderName": NAME, "ClientId": CLIENT, "ServerSideTokenCheck": false}],
        "OpenIdConnectProviderARNs": ["arn:aws:iam::123456789012:oidc-provider/login.example.com/x"],
        "Roles": {"authenticated": arn("Auth")},
    });
    if let Some(mapping) = mapping {
        pool["RoleMappings"] = json!({"label": mapping});
        pool["RoleMappings"]["label"]["IdentityProvider"] = format!("{NAME}:{CLIENT}").into();
    }
    pool
}

fn token_mapping(ambiguity: &str) -> Option<Value> {
    Some(json!({"Type": "Token", "AmbiguousRoleResolution": ambiguity}))
}

fn rules(rules: &[(&str, &str, &str)]) -> Option<Value> {
    let rules: Vec<Value> = rules.iter().enumerate().map(|(n, (claim, how, value))| {
        json!({"Claim": claim, "MatchType": how, "Value": value, "RoleARN": arn(&format!("R{}", n + 1))})
    }).collect();
    Some(
        json!({"Type": "Rules", "AmbiguousRoleResolution": "Deny", "RulesConfiguration": {"Rules": rules}}),
    )
}

fn with_trust(
    pool: &Value,
    token: &Arc<VerifiedToken>,
    groups: Option<&Groups>,
    trust: &str,
    custom: Option<&str>,
) -> Result<Assumed, AssumeError> {
    let pool = IdentityPool::parse(&pool.to_string()).unwrap();
    let ids = IdentityIds::new(Some(b"key"));
    let lookup = |arn: &str| (!arn.ends_with("/Gone")).then(|| role(arn, trust));
    Assume { pool: &pool, groups, ids: &ids, roles: &lookup, custom_role: custom }
        .session(token, &mut NoTrail)
}

/// The name of the role, or the reason of the refusal.
fn chosen(pool: &Value, token: &Arc<VerifiedToken>, groups: Option<&Groups>) -> String {
    outcome(with_trust(pool, token, groups, TRUST, None))
}

fn outcome(result: Result<Assumed, AssumeError>) -> String {
    match result {
        Ok(assumed) => assumed.session.principal.role().unwrap().name.clone(),
        Err(error) => error.reason().to_owned(),
    }
}

/// Name, precedence, role.
type Group<'a> = (&'a str, Option<u32>, Option<&'a str>);

fn groups(list: &[Group<'_>]) -> Groups {
    let list: Vec<Value> = list.iter().map(|(name, precedence, role)| {
        json!({"GroupName": name, "Precedence": precedence, "RoleArn": role.map(arn)})
    }).collect();
    Groups::parse(&json!({"Groups": list}).to_string()).unwrap()
}

#[test]
fn id_tokens_get_roles_in_cognitos_order() {
    let default = token_mapping("AuthenticatedRole");
    let deny = token_mapping("Deny");
    let cases = [
        (None, json!({"cognito:preferred_role": arn("A")}), "Auth"),
        (
            default.clone(),
            json!({"cognito:preferred_role": arn("A"), "cognito:roles": [arn("B")]}),
            "A",
        ),
        (default.clone(), json!({"cognito:roles": [arn("B"), arn("C")]}), "Auth"),
        (default.clone(), json!({"cognito:roles": format!("{},{}", arn("B"), arn("C"))}), "Auth"),
        (default.clone(), json!({}), "Auth"),
        (deny.clone(), json!({}), "ambiguous_role"),
        (deny.clone(), json!({"cognito:roles": [arn("B")]}), "ambiguous_role"),
        (deny.clone(), json!({"cognito:roles": 7}), "invalid_role_claim"),
        (deny, json!({"cognito:preferred_role": arn("Gone")}), "role_not_found"),
        (rules(&[("d", "Equals", "x"), ("d", "StartsWith", "y")]), json!({"d": "yx"}), "R2"),
        (rules(&[("d", "Contains", "b"), ("d", "Equals", "abc")]), json!({"d": "abc"}), "R1"),
        (rules(&[("d", "Equals", "ABC")]), json!({"d": "abc"}), "ambiguous_role"),
        (rules(&[("d", "NotEqual", "x")]), json!({}), "ambiguous_role"),
        (rules(&[("d", "NotEqual", "x")]), json!({"d": null}), "ambiguous_role"),
        (rules(&[("d", "NotEqual", "x")]), json!({"d": {}}), "ambiguous_role"),
        (rules(&[("d", "NotEqual", "x")]), json!({"d": ["y", "x"]}), "ambiguous_role"),
        (rules(&[("d", "NotEqual", "x")]), json!({"d": ["y"]}), "R1"),
        (rules(&[("cognito:groups", "Equals", "x")]), json!({"cognito:groups": ["y", "x"]}), "R1"),
    ];
    for (mapping, claims, expected) in cases {
        let got = chosen(&pool_json(mapping.clone()), &token(TokenKind::Id, claims.clone()), None);
        assert_eq!(got, expected, "{mapping:?} {claims}");
    }
}

#[test]
fn groups_give_preferred_roles_by_precedence() {
    let cases: [(&[Group<'_>], &str); 8] = [
        (&[("A", Some(1), Some("r1")), ("B", Some(2), Some("r2"))], "r1"),
        (&[("A", Some(1), Some("r1")), ("B", Some(1), Some("r1"))], "r1"),
        (&[("A", Some(1), Some("r1")), ("B", Some(1), Some("r2"))], "ambiguous_role"),
        (&[("A", None, Some("r1"))], "r1"),
        (&[("A", None, Some("r1")), ("B", None, Some("r2"))], "ambiguous_role"),
        (&[("A", Some(0), None), ("B", Some(5), Some("r2"))], "r2"),
        (
            &[("A", Some(0), None), ("B", Some(5), Some("r2")), ("C", Some(6), Some("r3"))],
            "ambiguous_role",
        ),
        (&[("A", None, Some("r1")), ("B", Some(2_147_483_647), Some("r2"))], "r2"),
    ];
    let pool = pool_json(token_mapping("Deny"));
    for (list, expected) in cases {
        let names: Vec<&str> = list.iter().map(|(name, ..)| *name).collect();
        let token = token(TokenKind::Access, json!({"cognito:groups": names}));
        assert_eq!(chosen(&pool, &token, Some(&groups(list))), expected, "{list:?}");
    }
}

#[test]
fn access_tokens_fail_closed() {
    let known = groups(&[("A", Some(1), Some("r1"))]);
    let pool = pool_json(token_mapping("AuthenticatedRole"));
    let access = |claims| token(TokenKind::Access, claims);
    assert_eq!(
        chosen(&pool, &access(json!({"cognito:groups": ["A"]})), None),
        "groups_not_configured"
    );
    assert_eq!(
        chosen(&pool, &access(json!({"cognito:groups": ["A", "B"]})), Some(&known)),
        "unknown_group"
    );
    assert_eq!(chosen(&pool, &access(json!({})), None), "Auth");
    let ruled = pool_json(rules(&[("cognito:groups", "Equals", "A"), ("email", "NotEqual", "x")]));
    assert_eq!(chosen(&ruled, &access(json!({"cognito:groups": ["A"]})), Some(&known)), "R1");
    assert_eq!(chosen(&ruled, &access(json!({})), None), "unknown_claim");
    let audience = pool_json(rules(&[("aud", "Equals", "x")]));
    assert_eq!(chosen(&audience, &access(json!({"aud": "x"})), None), "unknown_claim");
    let client = token(TokenKind::ClientCredentials, json!({}));
    assert_eq!(chosen(&pool, &client, None), "no_role_for_client_credentials");
}

#[test]
fn only_the_pools_providers_and_clients_count() {
    let pool = pool_json(None);
    let mut other = Arc::into_inner(token(TokenKind::Id, json!({}))).unwrap();
    other.client = Some("other".to_owned());
    let other = Arc::new(other);
    assert_eq!(chosen(&pool, &other, None), "unsupported_provider");
    let oidc = |iss: &str| token(TokenKind::Oidc, json!({"iss": iss}));
    assert_eq!(chosen(&pool, &oidc("https://login.example.com/x"), None), "Auth");
    for iss in
        ["https://login.example.com/y", "http://login.example.com/x", "https://login.example.com"]
    {
        assert_eq!(chosen(&pool, &oidc(iss), None), "unsupported_provider", "{iss}");
    }
    assert_eq!(chosen(&pool, &token(TokenKind::Alb, json!({})), None), "unsupported_provider");
    assert_eq!(chosen(&pool, &token(TokenKind::Id, json!({"sub": ""})), None), "no_subject");
}

#[test]
fn a_custom_role_must_be_the_callers() {
    let id = token(TokenKind::Id, json!({"cognito:roles": [arn("A"), arn("B")], "d": "x"}));
    let ruled = rules(&[("d", "Equals", "x"), ("d", "Contains", "x"), ("d", "Equals", "y")]);
    for (mapping, asked, expected) in [
        (token_mapping("Deny"), "B", "B"),
        (token_mapping("Deny"), "C", "custom_role_not_allowed"),
        (ruled.clone(), "R2", "R2"),
        (ruled, "R3", "custom_role_not_allowed"),
        (None, "Auth", "Auth"),
        (None, "B", "custom_role_not_allowed"),
    ] {
        let got = with_trust(&pool_json(mapping), &id, None, TRUST, Some(&arn(asked)));
        assert_eq!(outcome(got), expected, "{asked}");
    }
}

#[test]
fn what_a_trust_policy_asks_of_the_call_is_unknown_and_so_denies() {
    let (pool, id) = (pool_json(None), token(TokenKind::Id, json!({"aud": CLIENT})));
    let allow: Value = serde_json::from_str(TRUST).unwrap();
    for (operator, key, value) in [
        ("DateGreaterThan", "aws:CurrentTime", "2020-01-01T00:00:00Z"),
        ("DateLessThan", "aws:CurrentTime", "2020-01-01T00:00:00Z"),
        ("NumericGreaterThan", "aws:EpochTime", "0"),
        ("NotIpAddress", "aws:SourceIp", "10.0.0.0/8"),
        ("StringNotEquals", "poolgate:SpiffeId", "spiffe://example.org/a"),
        ("StringEquals", "aws:RequestedRegion", "eu-west-1"),
        ("Bool", "aws:SecureTransport", "false"),
        ("StringLike", "aws:UserAgent", "*"),
        ("StringEquals", "aws:ResourceAccount", "123456789012"),
        ("StringLike", "aws:ResourceTag/team", "*"),
    ] {
        let condition = json!({operator: {key: value}});
        let mut deny = allow["Statement"].clone();
        deny["Effect"] = "Deny".into();
        deny["Condition"] = condition.clone();
        let denies = json!({"Version": "2012-10-17", "Statement": [allow["Statement"], deny]});
        let mut allows = allow.clone();
        allows["Statement"]["Condition"] = condition;
        for trust in [denies, allows] {
            let error = with_trust(&pool, &id, None, &trust.to_string(), None).unwrap_err();
            assert!(error.to_string().contains("unknown_context_key"), "{trust}: {error}");
        }
    }
    // A key that the call doesn't have is absent all the same.
    let mut absent = allow.clone();
    absent["Statement"]["Condition"] = json!({"Null": {"aws:SourceVpc": "true"}});
    assert!(with_trust(&pool, &id, None, &absent.to_string(), None).is_ok());
}

#[test]
fn the_trust_policy_decides() {
    let id = token(TokenKind::Id, json!({"team": "red"}));
    let pool = pool_json(None);
    let other = TRUST.replace("7c5b0000", "00000000");
    let error = with_trust(&pool, &id, None, &other, None).unwrap_err();
    assert_eq!(error.reason(), "trust_policy");
    let message = "Invalid identity pool configuration. Check assigned IAM roles for this pool.";
    assert_eq!(error.aws().message, message);
    let untagged = TRUST.replace(r#","sts:TagSession""#, "");
    assert_eq!(outcome(with_trust(&pool, &id, None, &untagged, None)), "Auth");
    let mut tagged = pool;
    tagged["PrincipalTags"] =
        json!({NAME: {"UseDefaults": false, "PrincipalTags": {"team": "team"}}});
    assert_eq!(outcome(with_trust(&tagged, &id, None, &untagged, None)), "trust_policy");
    assert_eq!(outcome(with_trust(&tagged, &id, None, TRUST, None)), "Auth");
}

#[test]
fn sessions_have_tags_and_facts() {
    let mut pool = pool_json(None);
    pool["PrincipalTags"] = json!({NAME: {"UseDefaults": false,
        "PrincipalTags": {"team": "team", "list": "list", "none": "none"}}});
    let claims = json!({"team": "red", "list": ["a"], "scope": "a b", "obj": {}});
    let facts = |kind| {
        with_trust(&pool, &token(kind, claims.clone()), None, TRUST, None).unwrap().session.facts
    };
    let id = facts(TokenKind::Id);
    assert_eq!(id.lookup("aws:principaltag/team"), Lookup::One("red".into()));
    assert_eq!(id.lookup("aws:principaltag/list"), Lookup::Unknown);
    assert_eq!(id.lookup("aws:principaltag/none"), Lookup::Absent);
    assert_eq!(facts(TokenKind::Access).lookup("aws:principaltag/none"), Lookup::Unknown);
    assert_eq!(id.lookup("jwt:scope"), Lookup::Many(vec!["a".into(), "b".into()].into()));
    assert_eq!(id.lookup("jwt:obj"), Lookup::Unknown);
    assert_eq!(id.lookup("aws:tokenissuetime"), Lookup::One("2027-01-15T08:00:00.000Z".into()));
    let amr = vec!["authenticated".into(), NAME.into(), format!("{NAME}:CognitoSignIn:{SUB}")];
    assert_eq!(id.lookup("cognito-identity.amazonaws.com:amr"), Lookup::Many(amr.into()));
    let long = token(TokenKind::Id, json!({"team": "x".repeat(257)}));
    assert_eq!(chosen(&pool, &long, None), "invalid_principal_tag");
    let twice = token(TokenKind::Id, json!({"a": 1, "A": 2}));
    assert_eq!(chosen(&pool, &twice, None), "claims_over_limit");
}

#[test]
fn wrong_exports_are_refused_with_their_path() {
    let many: Vec<_> = (0..26).map(|_| ("d", "Equals", "x")).collect();
    let bare = json!({"IdentityPoolId": POOL, "CognitoIdentityProviders": [{"ProviderName": NAME, "ClientId": CLIENT}],
        "RoleMappings": {NAME: {"Type": "Token", "AmbiguousRoleResolution": "Deny"}}});
    let foreign = |provider: &str| {
        let mapping = json!({"Type": "Token", "AmbiguousRoleResolution": "Deny"});
        json!({"IdentityPoolId": POOL, "RoleMappings": {provider: mapping}}).to_string()
    };
    for (text, reason, path) in [
        ("[".to_owned(), "syntax", ""),
        ("{}".to_owned(), "missing_member", ""),
        (
            format!(r#"{{"IdentityPoolId":"{POOL}","Roles":{{"authenticated":"x"}}}}"#),
            "unexpected_value",
            "Roles.authenticated",
        ),
        (
            format!(r#"{{"IdentityPoolId":"{POOL}","A":{{"b":1,"b":2}}}}"#),
            "duplicate_member",
            "A.b",
        ),
        (
            pool_json(rules(&many)).to_string(),
            "too_large",
            "RoleMappings.label.RulesConfiguration.Rules",
        ),
        (
            pool_json(rules(&[])).to_string(),
            "missing_member",
            "RoleMappings.label.RulesConfiguration",
        ),
        (bare.to_string(), "mapping_without_client", &format!("RoleMappings.{NAME}")),
        (foreign("op.example/a:b"), "token_mapping", "RoleMappings.op.example/a:b.Type"),
        (
            foreign("arn:aws:iam::123456789012:oidc-provider/op.example"),
            "token_mapping",
            "RoleMappings.arn:aws:iam::123456789012:oidc-provider/op.example.Type",
        ),
        (foreign("accounts.google.com"), "token_mapping", "RoleMappings.accounts.google.com.Type"),
    ] {
        let errors = IdentityPool::parse(&text).unwrap_err();
        assert_eq!(
            (errors[0].reason(), errors[0].path.to_string().as_str()),
            (reason, path),
            "{text}"
        );
    }
    assert_eq!(
        Groups::parse(r#"{"Groups":[{"GroupName":"a"},{"GroupName":"a"}]}"#).unwrap_err()[0]
            .reason(),
        "duplicate_member"
    );
    assert!(Groups::parse(r#"{"Groups":[],"NextToken":"x"}"#).is_err());
    assert!(Groups::parse(r#"{"Groups":[{"GroupName":"a","Precedence":-1}]}"#).is_err());
}

#[test]
fn a_pool_without_a_role_gives_none() {
    let mut pool = pool_json(None);
    pool["Roles"] = json!({});
    let id = token(TokenKind::Id, json!({}));
    assert_eq!(chosen(&pool, &id, None), "no_role");
    pool = pool_json(token_mapping("AuthenticatedRole"));
    pool["Roles"] = json!({});
    assert_eq!(chosen(&pool, &id, None), "no_role");
}

#[test]
fn a_user_has_one_identity_whatever_the_token() {
    let mut pool = pool_json(None);
    pool["PrincipalTags"] = json!({NAME: {"UseDefaults": true, "PrincipalTags": {"x": "sub"}}});
    let of =
        |kind| with_trust(&pool, &token(kind, json!({"aud": CLIENT})), None, TRUST, None).unwrap();
    let (id, access) = (of(TokenKind::Id), of(TokenKind::Access));
    assert_eq!(id.identity_id, access.identity_id);
    assert_eq!(id.role_choice, RoleChoice::Default);
    assert_eq!(id.session.facts.lookup("aws:principaltag/client"), Lookup::One(CLIENT.into()));
    assert_eq!(id.session.facts.lookup("aws:principaltag/username"), Lookup::One(SUB.into()));
    assert_eq!(id.session.facts.lookup("aws:principaltag/x"), Lookup::Absent);
    assert_eq!(access.session.facts.lookup("aws:principaltag/client"), Lookup::Unknown);
}

#[test]
fn the_trail_names_rules_and_never_values() {
    let mapping = rules(&[("d", "Equals", "no"), ("d", "Equals", "secret")]);
    let pool = IdentityPool::parse(&pool_json(mapping).to_string()).unwrap();
    let lookup = |arn: &str| Some(role(arn, TRUST));
    let ids = IdentityIds::new(None);
    let mut trail = Vec::new();
    let id = token(TokenKind::Id, json!({"d": "secret"}));
    let assume = Assume { pool: &pool, groups: None, ids: &ids, roles: &lookup, custom_role: None };
    assume.session(&id, &mut trail).unwrap();
    let told: Vec<String> = trail.iter().map(ToString::to_string).collect();
    assert!(told.contains(&"rule 1 on claim d: does not match".to_owned()), "{told:?}");
    assert!(told.contains(&"rule 2 on claim d: matches".to_owned()), "{told:?}");
    assert!(!told.join(" ").contains("secret"), "{told:?}");
}

proptest! {
    #[test]
    fn ids_tell_parts_apart(all in "[a-c:]{0,8}", i in 0usize..9, j in 0usize..9) {
        let ids = IdentityIds::new(Some(b"k"));
        let (i, j) = (i.min(all.len()), j.min(all.len()));
        let id = |at: usize| {
            let (provider, subject) = all.split_at(at);
            ids.id(POOL, provider, subject)
        };
        prop_assert_eq!(id(i) == id(j), i == j);
        let uuid = id(i).split_once(':').unwrap().1.to_owned();
        prop_assert_eq!(uuid.len(), 36);
        prop_assert_eq!(uuid.as_bytes()[14], b'4');
        prop_assert!(b"89ab".contains(&uuid.as_bytes()[19]));
        let (provider, subject) = all.split_at(i);
        prop_assert_ne!(IdentityIds::new(None).id(POOL, provider, subject), id(i));
    }

    #[test]
    fn a_missing_claim_never_matches(how in "Equals|Contains|StartsWith|NotEqual", value in "[a-z]{1,5}") {
        let pool = pool_json(rules(&[("missing", &how, &value)]));
        prop_assert_eq!(chosen(&pool, &token(TokenKind::Id, json!({})), None), "ambiguous_role");
    }

    #[test]
    fn the_order_of_groups_does_not_matter(
        list in prop::collection::vec((prop::option::of(0u32..3), prop::option::of("r[12]")), 0..5),
    ) {
        let names: Vec<String> = (0..list.len()).map(|n| format!("g{n}")).collect();
        let export: Vec<_> =
            names.iter().zip(&list).map(|(n, (p, r))| (n.as_str(), *p, r.as_deref())).collect();
        let known = groups(&export);
        let pool = pool_json(token_mapping("Deny"));
        let backwards: Vec<_> = names.iter().rev().collect();
        let one = chosen(&pool, &token(TokenKind::Access, json!({"cognito:groups": names})), Some(&known));
        let two = chosen(&pool, &token(TokenKind::Access, json!({"cognito:groups": backwards})), Some(&known));
        prop_assert_eq!(one, two);
    }
}

#[test]
fn plain_http_is_for_providers_on_this_machine() {
    use super::mapping::provider_of;
    for (issuer, provider) in [
        ("https://login.example.com/x", Some("login.example.com/x")),
        ("http://127.0.0.1:8000/x", Some("127.0.0.1:8000/x")),
        ("http://localhost", Some("localhost")),
        ("http://[::1]:80/x", Some("[::1]:80/x")),
        ("http://login.example.com/x", None),
        ("http://127.0.0.1.example.com/x", None),
        ("ftp://localhost", None),
    ] {
        assert_eq!(provider_of(issuer), provider, "{issuer}");
    }
}
