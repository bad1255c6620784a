//! Verified Permissions: who may ask, what is asked of Cedar, and what tokens say.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::fixture::{Ask, Rig, access_token, id_token, reason, role};
use crate::{
    cedar::{File, Files, Policies, TypeNames, Types},
    gate::{Cedar, Content, CredentialRules, Decision, Outcome, Refusal, Trail, Whole},
    http::{ClientCertificate, Thumbprint},
    iam::Facts,
    sigv4::testing::{Sdk, Sent},
    sts::{Grant, GrantToken, Sealer, SealingKey},
    token::testing::{NOW, POOL},
};

const SCHEMA: &str = r#"
entity UserGroup;
entity User in [UserGroup] = { email?: String };
entity Guest; entity Application; entity Resource = { arn: String };
entity Note = { owner?: User };
action read appliesTo { principal: [User], resource: [Note], context: { token?: { scope?: Set<String> } } };
action write appliesTo { principal: [User], resource: [Note], context: { token?: { scope?: Set<String> } } };
"#;

const POLICIES: &str = r#"
@id("mail") permit(principal, action == Action::"read", resource) when { principal has email && principal.email == "a@x" };
@id("scope") permit(principal, action == Action::"write", resource)
  when { context has token && context.token has scope && context.token.scope.contains("notes") };
@id("owner") permit(principal, action, resource) when { resource has owner && resource.owner == principal };
"#;

/// `Reader` may ask about the store by name, and of any with tokens; `Auditor` may ask nothing.
fn rig() -> Rig {
    let store = "arn:aws:verifiedpermissions::123456789012:policy-store/PSexample";
    let may = json!([
        { "Effect": "Allow", "Action": "verifiedpermissions:IsAuthorized", "Resource": store },
        { "Effect": "Allow", "Action": "verifiedpermissions:IsAuthorizedWithToken", "Resource": "*" },
    ]);
    let mut rig = Rig::with(Vec::new(), &may);
    let keys = [SealingKey { id: "k1".to_owned(), bytes: [7; 32] }];
    let sealer = Sealer::new(&keys).unwrap();
    rig.rules.credentials = Some(CredentialRules::new(sealer, Duration::from_secs(3600)));
    let files = Files {
        policies: vec![File { name: "p.cedar", text: POLICIES }],
        schemas: vec![File { name: "s.cedarschema", text: SCHEMA }],
        ..Files::default()
    };
    let types = Types::new(&TypeNames::default()).unwrap();
    let policies = Policies::load(&files, types).unwrap_or_else(|e| panic!("{e:#?}"));
    rig.rules.cedar = Some(Cedar::new(policies));
    rig.rules.policy_store = Some("PSexample".to_owned());
    rig
}

fn ask(rig: &Rig, who: Option<&str>, operation: &str, body: &Value) -> Decision {
    ask_over(rig, None, who, operation, body)
}

/// Over a connection with this certificate.
fn ask_over(
    rig: &Rig,
    certificate: Option<&ClientCertificate>,
    who: Option<&str>,
    operation: &str,
    body: &Value,
) -> Decision {
    let body = body.to_string();
    let target = format!("VerifiedPermissions.{operation}");
    let mut sent =
        Sent::new("POST", "/").with("host", "gate.example").with("x-amz-target", &target);
    if let Some(name) = who {
        let grant = Grant {
            pool: Some(rig.rules.pools[0].id().to_owned()),
            identity: None,
            role_arn: role(name),
            role_id: format!("AROA{name}"),
            session_name: "s".to_owned(),
            facts: Facts::new(),
            session_policies: Vec::new(),
            token: GrantToken::default(),
            issued: NOW,
            expires: NOW.plus_secs(3600),
        };
        let ours = rig.rules.credentials.as_ref().unwrap().sealer.seal(&grant).unwrap();
        let sdk = Sdk {
            service: "verifiedpermissions",
            key: (&ours.access_key_id, ours.secret_access_key.expose()),
            token: Some(&ours.session_token),
            time: NOW,
            body: Some(body.as_bytes()),
            ..Sdk::other()
        };
        sent = sdk.sign(&sent);
    }
    let headers = sent.headers.iter().filter(|(name, _)| *name != "host");
    let ask = headers.fold(Ask::new("POST", "/").at(NOW), |ask, (name, value)| {
        ask.with(name.as_str(), value.to_str().unwrap())
    });
    let ask = ask.with("content-length", &body.len().to_string());
    let ask = certificate.map_or(ask.clone(), |certificate| ask.shown(certificate));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut body = Whole(Bytes::from(body));
    runtime.block_on(rig.gate().decide(ask.question(), &mut body, Trail::Off))
}

/// Each answer: `+policies`, or the reason.
fn told(decision: &Decision) -> Vec<String> {
    let Outcome::Answer(answer) = &decision.outcome else { return vec![reason(decision)] };
    let Content::VerifiedPermissions(content) = &answer.content else { panic!() };
    assert_eq!(answer.grounds.reason(), "allowed_by_policy");
    let one = |(_, judged): &(Value, crate::gate::Judged)| match &judged.answer {
        Ok(_) => format!("+{}", judged.policies().join(",")),
        Err(denial) => denial.reason.to_owned(),
    };
    content.results.iter().map(one).collect()
}

fn question(action: &str) -> Value {
    json!({
        "policyStoreId": "PSexample",
        "principal": { "entityType": "User", "entityId": "ann" },
        "action": { "actionType": "Action", "actionId": action },
        "resource": { "entityType": "Note", "entityId": "1" },
    })
}

fn with(mut asked: Value, name: &str, value: Value) -> Value {
    asked[name] = value;
    asked
}

fn anns() -> Value {
    let ann = json!({ "entityType": "User", "entityId": "ann" });
    json!({ "entityList": [
        { "identifier": ann },
        { "identifier": { "entityType": "Note", "entityId": "1" }, "attributes": { "owner": { "entityIdentifier": ann } } },
    ] })
}

#[test]
fn who_may_ask() {
    let rig = rig();
    let asked = with(question("read"), "entities", anns());
    assert_eq!(told(&ask(&rig, Some("Reader"), "IsAuthorized", &asked)), ["+owner"]);
    assert_eq!(told(&ask(&rig, Some("Auditor"), "IsAuthorized", &asked)), ["-implicit_deny"]);
    assert_eq!(told(&ask(&rig, None, "IsAuthorized", &asked)), ["-missing_credentials"]);
    let decision = ask(&rig, Some("Reader"), "IsAuthorized", &asked);
    let arn = "arn:aws:verifiedpermissions::123456789012:policy-store/PSexample";
    let check = ("verifiedpermissions:IsAuthorized".into(), arn.to_owned());
    assert_eq!(decision.checks, [check]);
    // Whoever may not ask doesn't learn which stores there are.
    let other = with(asked, "policyStoreId", json!("PSother"));
    assert_eq!(told(&ask(&rig, Some("Reader"), "IsAuthorized", &other)), ["-implicit_deny"]);
    let token = json!({ "identityToken": id_token(&json!({})) });
    let mut by_token = with(other, "principal", json!(null));
    by_token.as_object_mut().unwrap().extend(token.as_object().unwrap().clone());
    let decision = ask(&rig, Some("Reader"), "IsAuthorizedWithToken", &by_token);
    let Outcome::Deny(denial) = &decision.outcome else { panic!() };
    assert_eq!(denial.refusal, Refusal::Fault("ResourceNotFoundException"));
    assert_eq!(denial.found["resourceType"], "POLICY_STORE");
}

#[test]
fn what_is_asked() {
    let rig = rig();
    let one = |asked: &Value| told(&ask(&rig, Some("Reader"), "IsAuthorized", asked)).join(" ");
    // Nobody told who ann is, and a permit hangs on it.
    assert_eq!(one(&question("read")), "cedar_no_permit");
    assert_eq!(one(&question("erase")), "cedar_no_action");
    let spaceship =
        json!({ "entityList": [{ "identifier": { "entityType": "Ship", "entityId": "1" } }] });
    let decision =
        ask(&rig, Some("Reader"), "IsAuthorized", &with(question("read"), "entities", spaceship));
    let Outcome::Deny(denial) = &decision.outcome else { panic!() };
    assert_eq!(denial.refusal, Refusal::Fault("ValidationException"));
    assert_eq!(denial.found["fieldList"][0]["path"], "entities.entityList");
    let item = |action: &str| {
        let mut item = question(action);
        item.as_object_mut().unwrap().remove("policyStoreId");
        item
    };
    let batch = json!({ "policyStoreId": "PSexample", "entities": anns(), "requests": [item("read"), item("erase")] });
    let found = told(&ask(&rig, Some("Reader"), "BatchIsAuthorized", &batch));
    assert_eq!(found, ["+owner", "cedar_no_action"]);
}

#[test]
fn tokens_say_who_it_is() {
    let rig = rig();
    let by = |action: &str, tokens: Value| {
        let mut asked = with(question(action), "principal", json!(null));
        asked.as_object_mut().unwrap().extend(tokens.as_object().unwrap().clone());
        ask(&rig, Some("Reader"), "IsAuthorizedWithToken", &asked)
    };
    let id = id_token(&json!({ "email": "a@x" }));
    let access = access_token(&json!({ "scope": "openid notes" }));
    let found = by("read", json!({ "identityToken": id }));
    assert_eq!(told(&found), ["+mail"]);
    let Outcome::Answer(answer) = &found.outcome else { panic!() };
    let Content::VerifiedPermissions(content) = &answer.content else { panic!() };
    let (kind, principal) = content.principal.clone().unwrap();
    assert_eq!(kind, "User");
    assert!(principal.starts_with(&format!("{POOL}|")), "{principal}");
    assert_eq!(told(&by("write", json!({ "identityToken": id }))), ["cedar_no_permit"]);
    assert_eq!(told(&by("write", json!({ "accessToken": access }))), ["+scope"]);
    assert_eq!(told(&by("read", json!({ "accessToken": access }))), ["cedar_no_permit"]);
    let both = json!({ "identityToken": id, "accessToken": access });
    assert_eq!(told(&by("read", both.clone())), ["+mail"]);
    assert_eq!(told(&by("write", both)), ["+scope"]);
    // Each in its own place, of one user, and whole.
    let other = access_token(&json!({ "sub": "another" }));
    let forged = format!("{}AAAA", id.rsplit_once('.').unwrap().0.to_owned() + ".");
    for (tokens, expected) in [
        (json!({ "identityToken": access }), "service_fault"),
        (json!({ "accessToken": id }), "service_fault"),
        (json!({ "identityToken": id, "accessToken": other }), "service_fault"),
        (json!({ "identityToken": forged }), "bad_signature"),
        (json!({ "identityToken": id_token(&json!({ "exp": NOW.secs() - 1 })) }), "expired"),
    ] {
        let found = by("read", tokens);
        assert_eq!(reason(&found), format!("-{expected}"));
        let Outcome::Deny(denial) = &found.outcome else { panic!() };
        assert_eq!(denial.refusal, Refusal::Fault("ValidationException"));
    }
    // Nobody else says who the token's holder is.
    let ann =
        json!({ "entityList": [{ "identifier": { "entityType": "User", "entityId": "ann" } }] });
    let mut asked = with(question("read"), "entities", ann);
    asked["identityToken"] = json!(id);
    assert_eq!(
        reason(&ask(&rig, Some("Reader"), "IsAuthorizedWithToken", &asked)),
        "-service_fault"
    );
}

/// A proof can't be brought along; AWS passes over `cnf`, and would take a stolen token for its holder's.
#[test]
fn a_bound_token_is_the_connections_or_refused() {
    let rig = rig();
    let of = |name: &str| ClientCertificate {
        thumbprint: Thumbprint::of(name.as_bytes()),
        spiffe_id: None,
    };
    let (ours, theirs) = (of("ours"), of("theirs"));
    let print = ours.thumbprint.to_string();
    let by = |cnf: &Value, certificate: Option<&ClientCertificate>| {
        let more = json!({ "cnf": cnf, "email": "a@x", "scope": "notes" });
        let each = [
            ("read", "identityToken", id_token(&more)),
            ("write", "accessToken", access_token(&more)),
        ];
        each.map(|(action, name, token)| {
            let mut asked = with(question(action), "principal", json!(null));
            asked[name] = json!(token);
            let who = Some("Reader");
            ask_over(&rig, certificate, who, "IsAuthorizedWithToken", &asked)
        })
    };
    for (cnf, certificate, expected) in [
        (json!({ "jkt": print }), None, "dpop_required"),
        (json!({ "jkt": print }), Some(&ours), "dpop_required"),
        (json!({ "x5t#S256": print }), None, "client_certificate_missing"),
        (json!({ "x5t#S256": print }), Some(&theirs), "client_certificate_mismatch"),
        (json!({ "kid": "k" }), Some(&ours), "unknown_confirmation"),
    ] {
        for decision in by(&cnf, certificate) {
            assert_eq!(reason(&decision), format!("-{expected}"), "{cnf}");
            let Outcome::Deny(denial) = &decision.outcome else { panic!() };
            assert_eq!(denial.refusal, Refusal::Fault("ValidationException"));
            let message = denial.found["fieldList"][0]["message"].as_str().unwrap();
            assert!(message.contains("isn't proven"), "{message}");
        }
    }
    let [identity, access] = by(&json!({ "x5t#S256": print }), Some(&ours));
    assert_eq!((told(&identity), told(&access)), (vec!["+mail".into()], vec!["+scope".into()]));
}
