//! Identity pools and AWS STS: who gets which identity, token and credentials, and who doesn't.

use std::time::Duration;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use proptest::prelude::*;

use super::fixture::*;
use crate::clock::Time;
use crate::gate::{
    Answer, AssumedRoleUser, Content, CredentialRules, Decision, Denial, IdentityContent, Outcome,
    Payload, ReadFuture, Refusal, Rules, StsContent, Trail, Whole,
};
use crate::iam::{Account, AccountFile, Context, FileKind, Lookup};
use crate::identity::{IdentityIds, IdentityPool};
use crate::sts::{Opened, PoolTokens, Sealer, SealingKey, TemporaryCredentials};
use crate::token::testing::{self, CLIENT, NOW};
use serde_json::{Value, json};
use std::sync::OnceLock;

mod bound;
mod revoked;
mod sts;

const PROVIDER: &str = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E";
/// With guests and the classic flow.
const OPEN: &str = "eu-west-1:7c5b0000-0000-4000-8000-00000000000a";
/// With a token mapping, principal tags and no guests.
const MAPPED: &str = "eu-west-1:7c5b0000-0000-4000-8000-00000000000b";
/// Without the classic flow and without roles.
const BARE: &str = "eu-west-1:7c5b0000-0000-4000-8000-00000000000c";

fn token_key() -> &'static str {
    static KEY: OnceLock<String> = OnceLock::new();
    KEY.get_or_init(|| {
        let der = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let text = STANDARD.encode(AsDer::as_der(&der).unwrap().as_ref());
        format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
    })
}

fn pools() -> Vec<IdentityPool> {
    let base = |id: &str| {
        json!({"IdentityPoolId": id, "AllowUnauthenticatedIdentities": false,
            "CognitoIdentityProviders": [{"ProviderName": PROVIDER, "ClientId": CLIENT}]})
    };
    let mut open = base(OPEN);
    open["AllowUnauthenticatedIdentities"] = true.into();
    open["OpenIdConnectProviderARNs"] =
        json!([format!("arn:aws:iam::{ACCOUNT}:oidc-provider/op.example")]);
    open["Roles"] = json!({"authenticated": role("User"), "unauthenticated": role("Guest")});
    let mut mapped = base(MAPPED);
    mapped["Roles"] = json!({"authenticated": role("User")});
    mapped["RoleMappings"][format!("{PROVIDER}:{CLIENT}")] =
        json!({"Type": "Token", "AmbiguousRoleResolution": "Deny"});
    mapped["PrincipalTags"][PROVIDER] =
        json!({"UseDefaults": false, "PrincipalTags": {"team": "custom:team"}});
    let mut bare = base(BARE);
    bare["AllowClassicFlow"] = false.into();
    [open, mapped, bare].iter().map(|p| IdentityPool::parse(&p.to_string()).unwrap()).collect()
}

fn account() -> Account {
    let trusted = |role_name: &str, statement: Value, seconds: u32| {
        json!({"RoleName": role_name, "Path": "/", "Arn": role(role_name),
            "RoleId": format!("AROA{}", role_name.to_uppercase()), "MaxSessionDuration": seconds,
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": statement},
            "RolePolicyList": [{"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17",
                "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}}],
            "AttachedManagedPolicies": []})
        .to_string()
    };
    let cognito = |amr: &str| {
        json!({"Effect": "Allow", "Principal": {"Federated": "cognito-identity.amazonaws.com"},
            "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"], "Condition": {
                "StringEquals": {"cognito-identity.amazonaws.com:aud": [OPEN, MAPPED]},
                "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": amr}}})
    };
    let web = json!({"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/op.example")},
        "Condition": {"StringEquals": {"op.example:aud": CLIENT, "op.example:sub": "op-user"}}});
    let mut tagged = web.clone();
    tagged["Action"] = json!(["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]);
    let texts = [
        trusted("Tagged", tagged, 3600),
        trusted("User", cognito("authenticated"), 3600),
        trusted("Special", cognito("authenticated"), 3600),
        trusted("Guest", cognito("unauthenticated"), 3600),
        trusted("Web", web, 7200),
    ];
    let files: Vec<AccountFile<'_>> =
        texts.iter().map(|text| AccountFile { name: "r", kind: FileKind::Roles, text }).collect();
    Account::load(&files, Some(ACCOUNT)).unwrap()
}

fn rig_with(change: impl FnOnce(&mut Rules)) -> Rig {
    let mut rig = Rig::new(Vec::new());
    let keys = [SealingKey { id: "k1".to_owned(), bytes: [7; 32] }];
    let mut credentials =
        CredentialRules::new(Sealer::new(&keys).unwrap(), Duration::from_secs(3600));
    credentials.pool_tokens = Some(PoolTokens::new(&[token_key().as_bytes()]).unwrap());
    rig.rules.credentials = Some(credentials);
    rig.rules.pools = pools();
    rig.rules.account = account();
    change(&mut rig.rules);
    rig
}

fn rig() -> Rig {
    rig_with(|_| {})
}

impl Rig {
    fn post(&self, ask: Ask, body: String, now: Time) -> Decision {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let question = ask.at(now).question();
        let mut body = Whole(Bytes::from(body));
        runtime.block_on(self.gate().decide(question, &mut body, Trail::Off))
    }

    fn identity_at(&self, operation: &str, body: &Value, now: Time) -> Decision {
        let target = format!("AWSCognitoIdentityService.{operation}");
        let ask = Ask::new("POST", "/")
            .with("x-amz-target", &target)
            .with("content-type", "application/x-amz-json-1.1");
        self.post(ask, body.to_string(), now)
    }

    fn identity(&self, operation: &str, body: &Value) -> Result<Content, (String, String)> {
        told(self.identity_at(operation, body, NOW))
    }

    fn sts(&self, parameters: &[(&str, &str)]) -> Result<Content, (String, String)> {
        let encode = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
                .to_string()
        };
        let pairs = parameters.iter().map(|(name, value)| format!("{name}={}", encode(value)));
        let body = format!("Version=2011-06-15&{}", pairs.collect::<Vec<_>>().join("&"));
        let length = body.len().to_string();
        let ask = Ask::new("POST", "/")
            .with("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            .with("content-length", &length);
        told(self.post(ask, body, NOW))
    }

    fn assume(
        &self,
        role_arn: &str,
        token: &str,
        more: &[(&str, &str)],
    ) -> Result<AssumedRoleUser, (String, String)> {
        let mut parameters = vec![
            ("Action", "AssumeRoleWithWebIdentity"),
            ("RoleArn", role_arn),
            ("RoleSessionName", "mine"),
            ("WebIdentityToken", token),
        ];
        parameters.extend_from_slice(more);
        match self.sts(&parameters)? {
            Content::Sts(StsContent::AssumedRole(user)) => Ok(*user),
            other => panic!("{other:?}"),
        }
    }

    fn id(&self, pool: &str, logins: &Value) -> String {
        match self.identity("GetId", &json!({"IdentityPoolId": pool, "Logins": logins})) {
            Ok(Content::CognitoIdentity(IdentityContent::Identity(id))) => id,
            other => panic!("{other:?}"),
        }
    }

    fn credentials(&self, body: &Value) -> Result<TemporaryCredentials, (String, String)> {
        match self.identity("GetCredentialsForIdentity", body)? {
            Content::CognitoIdentity(IdentityContent::IdentityCredentials {
                identity,
                credentials,
            }) => {
                assert_eq!(identity, body["IdentityId"]);
                Ok(credentials)
            }
            other => panic!("{other:?}"),
        }
    }

    fn pool_token(&self, body: &Value) -> Result<String, (String, String)> {
        match self.identity("GetOpenIdToken", body)? {
            Content::CognitoIdentity(IdentityContent::OpenIdToken { token, .. }) => Ok(token.0),
            other => panic!("{other:?}"),
        }
    }

    fn open(&self, credentials: &TemporaryCredentials) -> Opened {
        let sealer = &self.rules.credentials.as_ref().unwrap().sealer;
        sealer.open(&credentials.access_key_id, &credentials.session_token, NOW).unwrap()
    }
}

/// The answer, or name and message of the exception.
fn told(decision: Decision) -> Result<Content, (String, String)> {
    match decision.outcome {
        Outcome::Answer(answer) => {
            let Answer { content, .. } = *answer;
            Ok(content)
        }
        Outcome::Deny(Denial { refusal: Refusal::Fault(code), detail, .. }) => {
            Err((code.to_owned(), detail))
        }
        Outcome::Deny(denial) => Err((format!("{:?}", denial.refusal), denial.detail)),
        Outcome::Allow(_) | Outcome::Change(_) => panic!("nothing is forwarded here"),
    }
}

fn refused<T>(message: &str) -> Result<T, (String, String)> {
    Err(("NotAuthorizedException".to_owned(), message.to_owned()))
}

fn plain() -> String {
    id_token(&json!({}))
}

const NO_MATCH: &str = "Logins don't match. Please include at least one valid login for this identity or identity pool.";
const NO_ROLE: &str =
    "Invalid identity pool configuration. Check assigned IAM roles for this pool.";

#[test]
fn a_login_has_one_identity_a_pool() {
    let rig = rig();
    let logins = json!({PROVIDER: plain()});
    let id = rig.id(OPEN, &logins);
    assert_eq!(rig.id(OPEN, &logins), id);
    assert_ne!(rig.id(MAPPED, &logins), id);
    assert_ne!(rig.id(OPEN, &json!({"op.example": oidc_token(&json!({}))})), id);
    let again = id_token(&json!({"jti": "another"}));
    assert_eq!(rig.id(OPEN, &json!({PROVIDER: again})), id);
    // Guests: everyone is new.
    let guest = rig.id(OPEN, &Value::Null);
    assert_ne!(rig.id(OPEN, &json!({})), guest);
}

#[test]
fn get_id_is_refused_in_amazon_cognitos_words() {
    let rig = rig();
    let exp = NOW.secs() - 1;
    let late = id_token(&json!({"exp": exp}));
    let mut forged = plain();
    forged.pop();
    forged.push(if plain().ends_with('A') { 'Q' } else { 'A' });
    for (pool, logins, message) in [
        (
            MAPPED,
            json!(null),
            "Unauthenticated access is not supported for this identity pool.".to_owned(),
        ),
        (OPEN, json!({"accounts.google.com": plain()}), NO_MATCH.to_owned()),
        (MAPPED, json!({"op.example": oidc_token(&json!({}))}), NO_MATCH.to_owned()),
        (
            OPEN,
            json!({"op.example": plain()}),
            "Invalid login token. Issuer doesn't match providerName".to_owned(),
        ),
        (
            OPEN,
            json!({PROVIDER: oidc_token(&json!({}))}),
            "Invalid login token. Issuer doesn't match providerName".to_owned(),
        ),
        (
            OPEN,
            json!({PROVIDER: id_token(&json!({"iss": "https://else.example"}))}),
            "Invalid login token. Issuer doesn't match providerName".to_owned(),
        ),
        (
            OPEN,
            json!({PROVIDER: access_token(&json!({}))}),
            "Invalid login token. Missing a required claim: aud".to_owned(),
        ),
        (
            OPEN,
            json!({PROVIDER: client_token("a/b")}),
            "Invalid login token. Missing a required claim: aud".to_owned(),
        ),
        (
            OPEN,
            json!({PROVIDER: id_token(&json!({"aud": "other"}))}),
            "Token is not from a supported provider of this identity pool.".to_owned(),
        ),
        (
            OPEN,
            json!({PROVIDER: forged}),
            "Invalid login token. Couldn't verify signed token.".to_owned(),
        ),
        (
            OPEN,
            json!({PROVIDER: late}),
            format!("Invalid login token. Token expired: {} >= {exp}", NOW.secs()),
        ),
        (
            OPEN,
            json!({PROVIDER: "junk"}),
            "Invalid login token. Not a valid OpenId Connect identity token.".to_owned(),
        ),
        (
            OPEN,
            json!({"cognito-identity.amazonaws.com": plain()}),
            "Invalid login token. Can't pass in a Cognito token.".to_owned(),
        ),
    ] {
        let got = rig.identity("GetId", &json!({"IdentityPoolId": pool, "Logins": logins}));
        assert_eq!(got.unwrap_err(), refused::<()>(&message).unwrap_err(), "{pool}");
    }
    let unknown = "eu-west-1:00000000-0000-4000-8000-000000000000";
    let (kind, message) = rig.identity("GetId", &json!({"IdentityPoolId": unknown})).unwrap_err();
    assert_eq!(kind, "ResourceNotFoundException");
    assert_eq!(message, format!("IdentityPool '{unknown}' not found."));
    let two = json!({"IdentityPoolId": OPEN,
        "Logins": {PROVIDER: plain(), "op.example": oidc_token(&json!({}))}});
    let (kind, message) = rig.identity("GetId", &two).unwrap_err();
    assert_eq!(kind, "InvalidParameterException");
    assert!(message.contains("identities.store"), "{message}");
    let unkeyed = rig_with(|rules| rules.identities = IdentityIds::new(None));
    let (kind, message) = unkeyed.identity("GetId", &json!({"IdentityPoolId": OPEN})).unwrap_err();
    assert_eq!(kind, "InvalidIdentityPoolConfigurationException");
    assert!(message.contains("identities.key"), "{message}");
}

#[test]
fn credentials_are_those_of_the_role_and_the_identity() {
    let rig = rig();
    let token = id_token(&json!({"jti": "j", "origin_jti": "o"}));
    let logins = json!({PROVIDER: token});
    let id = rig.id(OPEN, &logins);
    let body = json!({"IdentityId": id, "Logins": logins});
    let credentials = rig.credentials(&body).unwrap();
    assert_eq!(credentials.expires, NOW.plus_secs(3600));
    let grant = rig.open(&credentials).grant;
    assert_eq!(
        (grant.role_arn.as_str(), grant.role_id.as_str()),
        (role("User").as_str(), "AROAUSER")
    );
    assert_eq!((grant.pool.as_deref(), grant.identity.as_deref()), (Some(OPEN), Some(id.as_str())));
    assert_eq!(grant.session_name, "CognitoIdentityCredentials");
    assert!(grant.session_policies.is_empty());
    let told = (
        grant.token.issuer.as_deref(),
        grant.token.jti.as_deref(),
        grant.token.origin_jti.as_deref(),
    );
    assert_eq!(told, (Some(testing::ISS), Some("j"), Some("o")));
    let sub = grant.facts.lookup("cognito-identity.amazonaws.com:sub");
    assert_eq!(sub, Lookup::One(id.as_str().into()));
    // They outlive the token, and are sealed without its claims.
    assert_eq!(grant.facts.lookup("jwt:sub"), Lookup::Absent);
}

#[test]
fn guests_get_less_than_their_role() {
    let rig = rig();
    let id = rig.id(OPEN, &Value::Null);
    let credentials = rig.credentials(&json!({"IdentityId": id})).unwrap();
    let grant = rig.open(&credentials).grant;
    assert_eq!(grant.role_arn, role("Guest"));
    assert_eq!(grant.session_policies, [crate::sts::SessionPolicy::GuestScopeDown]);
    assert_eq!(grant.token, crate::sts::GrantToken::default());
    let amr = grant.facts.lookup("cognito-identity.amazonaws.com:amr");
    assert_eq!(amr, Lookup::Many(vec!["unauthenticated".into()].into()));
    let off = rig_with(|rules| {
        let mut pools = pools();
        pools.swap(0, 1);
        // The same id, and guests no longer welcome.
        let closed = json!({"IdentityPoolId": OPEN, "AllowUnauthenticatedIdentities": false});
        pools[1] = IdentityPool::parse(&closed.to_string()).unwrap();
        rules.pools = pools;
    });
    let got = off.credentials(&json!({"IdentityId": id}));
    assert_eq!(got, refused("Unauthenticated access is not supported for this identity pool."));
}

#[test]
fn an_identity_is_its_logins_alone() {
    let rig = rig();
    let (logins, other) =
        (json!({PROVIDER: plain()}), json!({PROVIDER: id_token(&json!({"sub": "someone"}))}));
    let id = rig.id(OPEN, &logins);
    let guest = rig.id(OPEN, &Value::Null);
    let forbidden = format!("Access to Identity '{id}' is forbidden.");
    for operation in ["GetCredentialsForIdentity", "GetOpenIdToken"] {
        let ask = |identity: &str, logins: &Value| {
            let body = json!({"IdentityId": identity, "Logins": logins});
            rig.identity(operation, &body).map(|_| ())
        };
        assert_eq!(ask(&id, &logins), Ok(()), "{operation}");
        assert_eq!(ask(&id, &Value::Null), refused(&forbidden));
        assert_eq!(ask(&id, &other), refused(NO_MATCH));
        assert_eq!(ask(&guest, &logins), refused(NO_MATCH));
        assert_eq!(ask(OPEN, &logins), refused(NO_MATCH));
        let late = json!({PROVIDER: id_token(&json!({"exp": NOW.secs()}))});
        assert!(ask(&id, &late).unwrap_err().1.contains("Token expired"));
        let access = json!({PROVIDER: access_token(&json!({}))});
        let no_aud = "Invalid login token. Missing a required claim: aud";
        assert_eq!(ask(&id, &access), refused(no_aud));
    }
}

#[test]
fn mapped_roles_and_custom_ones() {
    let rig = rig();
    let token = id_token(&json!({"cognito:roles": [role("User"), role("Special")],
        "cognito:preferred_role": role("Special"), "custom:team": "red"}));
    let logins = json!({PROVIDER: token});
    let id = rig.id(MAPPED, &logins);
    let with = |custom: Value| {
        rig.credentials(&json!({"IdentityId": id, "Logins": logins, "CustomRoleArn": custom}))
    };
    let role_of = |credentials| rig.open(&credentials).grant.role_arn;
    assert_eq!(with(Value::Null).map(role_of), Ok(role("Special")));
    assert_eq!(with(role("User").into()).map(role_of), Ok(role("User")));
    let message = "The CustomRoleArn is not a role of this identity.";
    assert_eq!(with(role("Guest").into()).map(role_of), refused(message));
    let tag = rig.open(&with(Value::Null).unwrap()).grant.facts;
    assert_eq!(tag.lookup("aws:principaltag/team"), Lookup::One("red".into()));
    let undecided = json!({PROVIDER: id_token(&json!({"cognito:roles": [role("User")]}))});
    let got = rig.credentials(&json!({"IdentityId": id, "Logins": undecided}));
    let message =
        format!("The ambiguous role mapping rules for: {PROVIDER}:{CLIENT} denied this request.");
    assert_eq!(got, refused(&message));
    // A role that isn't there, and one whose trust policy refuses.
    for named in ["Gone", "Guest"] {
        let logins = json!({PROVIDER: id_token(&json!({"cognito:preferred_role": role(named)}))});
        let got = rig.credentials(&json!({"IdentityId": id, "Logins": logins}));
        let kind = "InvalidIdentityPoolConfigurationException".to_owned();
        assert_eq!(got, Err((kind, NO_ROLE.to_owned())), "{named}");
    }
    let bare = rig.id(BARE, &logins);
    let got = rig.credentials(&json!({"IdentityId": bare, "Logins": logins}));
    assert_eq!(got.unwrap_err().0, "InvalidIdentityPoolConfigurationException");
}

#[test]
fn what_is_not_configured_is_said() {
    let logins = json!({PROVIDER: plain()});
    let id = rig().id(OPEN, &logins);
    let body = json!({"IdentityId": id, "Logins": logins});
    let none = rig_with(|rules| rules.credentials = None);
    let keyless = rig_with(|rules| rules.credentials.as_mut().unwrap().pool_tokens = None);
    let kind = "InvalidIdentityPoolConfigurationException";
    for (rig, operation, what) in [
        (&none, "GetCredentialsForIdentity", "credentials.keys"),
        (&none, "GetOpenIdToken", "credentials.token_key"),
        (&keyless, "GetOpenIdToken", "credentials.token_key"),
    ] {
        let (found, message) = rig.identity(operation, &body).unwrap_err();
        assert!(found == kind && message.contains(what), "{operation}: {found} {message}");
    }
    assert_eq!(none.assume(&role("User"), "token", &[]).unwrap_err().0, kind);
    assert!(keyless.credentials(&body).is_ok());
    assert_eq!(none.id(OPEN, &logins), id, "an id takes no keys");
}

#[test]
fn the_classic_flow_has_its_switches() {
    let rig = rig();
    let logins = json!({PROVIDER: plain()});
    for (pool, message) in [
        (BARE, "Basic (classic) flow is not enabled, please use enhanced flow."),
        (
            MAPPED,
            "Basic (classic) flow is not supported with RoleMappings, please use enhanced flow.",
        ),
    ] {
        let id = rig.id(pool, &logins);
        let got = rig.pool_token(&json!({"IdentityId": id, "Logins": logins}));
        assert_eq!(got, Err(("InvalidParameterException".to_owned(), message.to_owned())));
    }
    let id = rig.id(OPEN, &logins);
    let token = rig.pool_token(&json!({"IdentityId": id, "Logins": logins})).unwrap();
    let keys = rig.rules.credentials.as_ref().unwrap().pool_tokens.as_ref().unwrap();
    let says = keys.verify(&token, NOW).unwrap();
    assert_eq!((says.identity.as_str(), says.pool.as_str()), (id.as_str(), OPEN));
    assert_eq!(says.methods[..2], ["authenticated".to_owned(), PROVIDER.to_owned()]);
    assert_eq!(
        says.pool_arn,
        format!("arn:aws:cognito-identity:eu-west-1:{ACCOUNT}:identitypool/{OPEN}")
    );
    assert_eq!(says.expires, NOW.plus_secs(600));
    let body = json!({"IdentityId": id, "Logins": {"cognito-identity.amazonaws.com": token}});
    let message = "Invalid login token. Can't pass in a Cognito token.";
    assert_eq!(rig.pool_token(&body), refused(message));
}

#[test]
fn the_pools_own_token_is_a_login_for_credentials() {
    let rig = rig();
    let logins = json!({PROVIDER: plain()});
    let (id, guest) = (rig.id(OPEN, &logins), rig.id(OPEN, &Value::Null));
    let token = rig.pool_token(&json!({"IdentityId": id, "Logins": logins})).unwrap();
    let guests = rig.pool_token(&json!({"IdentityId": guest})).unwrap();
    let own = |identity: &str, token: &str| {
        let logins = json!({"cognito-identity.amazonaws.com": token});
        rig.credentials(&json!({"IdentityId": identity, "Logins": logins}))
    };
    assert_eq!(rig.open(&own(&id, &token).unwrap()).grant.role_arn, role("User"));
    let of_guest = rig.open(&own(&guest, &guests).unwrap()).grant;
    assert_eq!(of_guest.session_policies, [crate::sts::SessionPolicy::GuestScopeDown]);
    assert_eq!(own(&guest, &token), refused(NO_MATCH));
    assert_eq!(own(&id, &plain()), refused("Invalid login token. Not a Cognito token."));
    let mut forged = token.clone();
    forged.truncate(forged.len() - 2);
    let message = "Invalid login token. Couldn't verify signed token.";
    assert_eq!(own(&id, &forged), refused(message));
    let later = NOW.plus_secs(600);
    let body = json!({"IdentityId": id, "Logins": {"cognito-identity.amazonaws.com": token}});
    let got = told(rig.identity_at("GetCredentialsForIdentity", &body, later)).unwrap_err().1;
    assert_eq!(got, format!("Invalid login token. Token expired: {0} >= {0}", later.secs()));
}

#[test]
fn the_keys_are_public() {
    let keys = |rig: &Rig| match told(rig.decide(Ask::get("/.well-known/jwks_uri"))) {
        Ok(Content::CognitoIdentity(IdentityContent::PoolKeys(keys))) => {
            serde_json::from_str::<Value>(&keys).unwrap()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(keys(&rig())["keys"][0]["alg"], "RS512");
    assert_eq!(keys(&rig_with(|rules| rules.credentials = None)), json!({"keys": []}));
}

#[test]
fn the_log_says_who_got_what() {
    let rig = rig();
    let logins = json!({PROVIDER: plain()});
    let id = rig.id(OPEN, &logins);
    let body = json!({"IdentityId": id, "Logins": logins});
    let decision = rig.identity_at("GetCredentialsForIdentity", &body, NOW);
    assert_eq!(reason(&decision), "+allowed_by_trust_policy");
    let action = "cognito-identity:GetCredentialsForIdentity".into();
    assert_eq!(decision.checks, [(action, id.clone())]);
    let assumed = decision.assumed.as_ref().unwrap();
    assert_eq!(assumed.identity_id.as_deref(), Some(id.as_str()));
    let shown = format!("{:?}", decision.outcome);
    let Outcome::Answer(answer) = &decision.outcome else { panic!() };
    let Content::CognitoIdentity(IdentityContent::IdentityCredentials { credentials, .. }) =
        &answer.content
    else {
        panic!()
    };
    assert!(!shown.contains(credentials.secret_access_key.expose()), "{shown}");
    assert!(!shown.contains(&credentials.session_token), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn no_identity_and_login_make_it_panic(identity in "[a-z0-9-]{1,12}:[0-9a-f-]{1,36}", provider in "\\PC{1,20}", token in "\\PC{1,60}") {
        let rig = rig();
        for operation in ["GetCredentialsForIdentity", "GetOpenIdToken"] {
            let body = json!({"IdentityId": identity, "Logins": {provider.as_str(): token}});
            prop_assert!(rig.identity(operation, &body).is_err());
        }
        prop_assert!(rig.assume(&role("Web"), &token, &[]).is_err());
    }
}
