//! Who Cedar is told is asking, and what: on S3, with temporary credentials, with access tokens.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::fixture::{Ask, Rig, access_token, api, id_token, matching, reason, role};
use crate::{
    cedar::{File, Files, Policies, TypeNames, Types},
    gate::{
        Cedar, Compose, CredentialRules, Decision, Engine, Grounds, Outcome, Route, Service, Trail,
        Whole,
    },
    http::{ClientCertificate, SpiffeId, Thumbprint},
    iam::Facts,
    sigv4::testing::{Sdk, Sent},
    sts::{Grant, GrantToken, Sealer, SealingKey},
    token::testing::{ISS, NOW, POOL},
};

const SCHEMA: &str = r#"
entity UserGroup, Role;
entity User in [UserGroup, Role] = { email?: String };
entity Guest in [Role];
entity Application;
entity Resource in [Resource] = { arn: String };
action "get /api/{rest+}" appliesTo { principal: [User], resource: [Application],
    context: { token?: { scope?: Set<String> }, spiffeId?: String } };
action "s3:*" appliesTo { principal: [User, Guest], resource: [Resource], context: { action: String } };
"#;

fn cedar(policies: &str) -> Option<Cedar> {
    let files = Files {
        policies: vec![File { name: "p.cedar", text: policies }],
        schemas: vec![File { name: "s.cedarschema", text: SCHEMA }],
        ..Files::default()
    };
    let types = Types::new(&TypeNames::default()).unwrap();
    Some(Cedar::new(Policies::load(&files, types).unwrap_or_else(|e| panic!("{e:#?}"))))
}

fn alone(policies: &str) -> Rig {
    let route = Route { iam: Engine::Off, cedar: Engine::Enforce, pool: None, ..api("shop") };
    let mut rig = Rig::new(vec![route]);
    rig.rules.cedar = cedar(policies);
    rig
}

/// An S3 route on which IAM allows everything, and Cedar is asked.
fn files(engine: Engine, compose: Compose, policies: &str) -> Rig {
    let route = Route {
        service: Service::S3,
        matching: matching(None, None),
        cedar: engine,
        compose,
        ..api("files")
    };
    let all = json!([{ "Sid": "All", "Effect": "Allow", "Action": "s3:*", "Resource": "*" }]);
    let mut rig = Rig::with(vec![route], &all);
    rig.rules.cedar = cedar(policies);
    rig
}

fn decide(rig: &Rig, ask: Ask, body: &str) -> Decision {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut body = Whole(Bytes::copy_from_slice(body.as_bytes()));
    runtime.block_on(rig.gate().decide(ask.question(), &mut body, Trail::Off))
}

fn bearer(ask: Ask) -> Ask {
    ask.bearer(&id_token(&json!({ "email": "a@x" })))
}

#[test]
fn on_s3_cedar_forbids_what_iam_allows() {
    let forbids = r#"@id("secret") forbid(principal, action, resource is Resource) when { resource.arn like "arn:aws:s3:::demo/secret/*" };"#;
    let rig = files(Engine::Enforce, Compose::Guardrail, forbids);
    assert_eq!(rig.reason(bearer(Ask::get("/demo/a"))), "+allowed_by_policy");
    let denied = rig.decide(bearer(Ask::get("/demo/secret/a")));
    let Outcome::Deny(denial) = &denied.outcome else { panic!() };
    assert_eq!(denial.reason, "cedar_forbid");
    assert!(denial.detail.starts_with("User: arn:aws:sts::123456789012:assumed-role/Reader/"));
    assert!(
        denial.detail.ends_with("with an explicit deny in a Cedar policy"),
        "{}",
        denial.detail
    );
    assert_eq!(denied.heard.engines[1].policies, ["secret"]);
    // As a shadow it only says so.
    let rig = files(Engine::Shadow, Compose::Guardrail, forbids);
    let decision = rig.decide(bearer(Ask::get("/demo/secret/a")));
    assert_eq!(reason(&decision), "+allowed_by_policy");
    assert_eq!(
        (decision.heard.shadows[0].agrees, decision.heard.shadows[0].effect),
        (false, "deny")
    );
}

#[test]
fn objects_to_delete_are_judged_one_by_one() {
    let policies = r#"@id("some") permit(principal, action, resource is Resource) when { !(resource.arn like "*/b") };"#;
    let rig = files(Engine::Enforce, Compose::All, policies);
    let body = "<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object><Object><Key>c</Key></Object></Delete>";
    use base64::Engine as _;
    use md5::Digest as _;
    let md5 = base64::engine::general_purpose::STANDARD.encode(md5::Md5::digest(body.as_bytes()));
    let ask = bearer(Ask::new("POST", "/demo?delete").with("content-md5", &md5))
        .with("content-length", &body.len().to_string());
    let decision = decide(&rig, ask, body);
    let Outcome::Allow(permit) = &decision.outcome else { panic!("{:?}", decision.outcome) };
    let merge = permit.answer().merge.as_ref().unwrap();
    assert_eq!(merge.refused.iter().map(|r| r.key.as_str()).collect::<Vec<_>>(), ["b"]);
    let Grounds::Both(statements, policies) = permit.grounds() else { panic!() };
    assert_eq!((statements.len(), policies.as_slice()), (1, &["some".to_owned()][..]));
    let counts: Vec<_> =
        decision.heard.engines.iter().map(|e| (e.engine, e.verdict, e.count)).collect();
    assert_eq!(counts, [("iam", "allow", 3), ("cedar", "allow", 2), ("cedar", "no_opinion", 1)]);
}

#[test]
fn the_spiffe_id_of_the_certificate_is_in_the_context() {
    let rig = alone(
        r#"@id("ours") permit(principal, action, resource) when { context has spiffeId && context.spiffeId like "spiffe://example.org/*" };"#,
    );
    let ask = || Ask::get("/api/x").bearer(&access_token(&json!({})));
    let certificate = |id: &str| ClientCertificate {
        thumbprint: Thumbprint::of(id.as_bytes()),
        spiffe_id: SpiffeId::parse(id).ok(),
    };
    let shown = |id: &str| rig.reason(ask().shown(&certificate(id)));
    assert_eq!(shown("spiffe://example.org/a"), "+allowed_by_cedar");
    assert_eq!(shown("spiffe://example.com/a"), "-cedar_no_permit");
    assert_eq!(shown("no id"), "-cedar_no_permit");
    assert_eq!(rig.reason(ask()), "-cedar_no_permit");
}

#[test]
fn an_access_token_is_judged_by_its_scopes_and_groups() {
    let rig = alone(
        r#"@id("scope") permit(principal, action, resource) when { context has token && context.token has scope && context.token.scope.contains("api/read") };
        @id("group") permit(principal in UserGroup::"eu-west-1_Ab12Cd34E|readers", action, resource);"#
            .replace("eu-west-1_Ab12Cd34E", POOL)
            .as_str(),
    );
    let ask = |claims: Value| rig.reason(Ask::get("/api/x").bearer(&access_token(&claims)));
    assert_eq!(
        ask(json!({ "scope": "openid api/read", "cognito:groups": [] })),
        "+allowed_by_cedar"
    );
    assert_eq!(
        ask(json!({ "scope": "openid", "cognito:groups": ["readers"] })),
        "+allowed_by_cedar"
    );
    assert_eq!(ask(json!({ "scope": "openid", "cognito:groups": ["others"] })), "-cedar_no_permit");
}

#[test]
fn whoever_signs_is_who_the_credentials_were_given_to() {
    let policies = format!(
        r#"@id("user") permit(principal == User::"{POOL}|alice", action, resource is Application);
        @id("role") permit(principal in Role::"{}", action, resource == Application::"other");"#,
        role("Reader")
    );
    let mut rig = alone(&policies);
    let keys = [SealingKey { id: "k1".to_owned(), bytes: [7; 32] }];
    let sealer = Sealer::new(&keys).unwrap();
    rig.rules.credentials = Some(CredentialRules::new(sealer, Duration::from_secs(3600)));
    let signed = |subject: Option<&str>| {
        let token = GrantToken {
            issuer: subject.map(|_| ISS.to_owned()),
            subject: subject.map(str::to_owned),
            ..GrantToken::default()
        };
        let grant = Grant {
            pool: Some(rig.rules.pools[0].id().to_owned()),
            identity: None,
            role_arn: role("Reader"),
            role_id: "AROAReader".to_owned(),
            session_name: "CognitoIdentityCredentials".to_owned(),
            facts: Facts::new(),
            session_policies: Vec::new(),
            token,
            issued: NOW,
            expires: NOW.plus_secs(3600),
        };
        let made = rig.rules.credentials.as_ref().unwrap().sealer.seal(&grant).unwrap();
        let sdk = Sdk {
            service: "execute-api",
            key: (&made.access_key_id, made.secret_access_key.expose()),
            token: Some(&made.session_token),
            time: NOW,
            ..Sdk::other()
        };
        let sent = sdk.sign(&Sent::new("GET", "/api/orders").with("host", "gate.example"));
        let mut ask = Ask::new("GET", &sent.target);
        for (name, value) in sent.headers.iter().filter(|(name, _)| *name != "host") {
            ask = ask.with(name.as_str(), value.to_str().unwrap());
        }
        rig.reason(ask)
    };
    assert_eq!(signed(Some("alice")), "+allowed_by_cedar");
    assert_eq!(signed(Some("bob")), "-cedar_no_permit");
    // A guest's credentials: the action is for users.
    assert_eq!(signed(None), "-cedar_not_applicable");
}
