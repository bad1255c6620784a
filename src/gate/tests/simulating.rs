//! IAM's policy simulator: who may ask, what is decided and noted, and how much is answered at once.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use super::fixture::{Ask, Rig, reason, role};
use crate::{
    gate::{
        Content, CredentialRules, Decision, Grounds, IamContent, Outcome, Refusal, Trail, Whole,
    },
    iam::Facts,
    sigv4::testing::{Sdk, Sent},
    sts::{Grant, GrantToken, Sealer, SealingKey, TemporaryCredentials},
    token::testing::NOW,
};

const ALLOW: &str = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

/// `Reader` may simulate, and of roles `Auditor`; `Auditor` may call APIs.
fn rig() -> Rig {
    let may = json!([
        { "Effect": "Allow", "Action": ["iam:SimulateCustomPolicy", "iam:GetContextKeysForCustomPolicy"], "Resource": "*" },
        { "Effect": "Allow", "Action": "iam:*ForPrincipalPolicy", "Resource": role("Auditor") },
        { "Effect": "Allow", "Action": "iam:SimulatePrincipalPolicy", "Resource": [role("Auditor"), role("Gone")] },
    ]);
    let mut rig = Rig::with(Vec::new(), &may);
    let keys = [SealingKey { id: "k1".to_owned(), bytes: [7; 32] }];
    let sealer = Sealer::new(&keys).unwrap();
    rig.rules.credentials = Some(CredentialRules::new(sealer, Duration::from_secs(3600)));
    rig
}

fn credentials(rig: &Rig, name: &str) -> TemporaryCredentials {
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
    rig.rules.credentials.as_ref().unwrap().sealer.seal(&grant).unwrap()
}

fn form(action: &str, more: &[(&str, &str)]) -> String {
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let more = more.iter().map(|(name, value)| format!("&{name}={}", encode(value)));
    format!("Action={action}&Version=2010-05-08{}", more.collect::<String>())
}

fn post(rig: &Rig, ask: Ask, body: String) -> Decision {
    let length = body.len().to_string();
    let ask = ask
        .with("content-type", "application/x-www-form-urlencoded; charset=utf-8")
        .with("content-length", &length);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut body = Whole(Bytes::from(body));
    runtime.block_on(rig.gate().decide(ask.question(), &mut body, Trail::Off))
}

/// Asked by a session of the role `who`.
fn ask(rig: &Rig, who: &str, action: &str, more: &[(&str, &str)]) -> Decision {
    let (body, ours) = (form(action, more), credentials(rig, who));
    let sdk = Sdk {
        service: "iam",
        key: (&ours.access_key_id, ours.secret_access_key.expose()),
        token: Some(&ours.session_token),
        time: NOW,
        body: Some(body.as_bytes()),
        ..Sdk::other()
    };
    let sent = sdk.sign(&Sent::new("POST", "/").with("host", "gate.example"));
    let headers = sent.headers.iter().filter(|(name, _)| *name != "host");
    let ask = headers.fold(Ask::new("POST", "/").at(NOW), |ask, (name, value)| {
        ask.with(name.as_str(), value.to_str().unwrap())
    });
    post(rig, ask, body)
}

/// The decisions and whether there are more; or the fault.
fn told(decision: &Decision) -> String {
    match &decision.outcome {
        Outcome::Answer(answer) => match &answer.content {
            Content::Iam(IamContent::Simulated(simulated)) => {
                let mut found = Vec::new();
                let next = simulated.each(|result| found.push(result.eval_decision.as_str()));
                format!("{} {next:?}", found.join(" "))
            }
            Content::Iam(IamContent::ContextKeys { keys, .. }) => keys.join(" "),
            other => panic!("{other:?}"),
        },
        Outcome::Deny(denial) => match denial.refusal {
            Refusal::Fault(code) => code.to_owned(),
            _ => reason(decision),
        },
        Outcome::Allow(_) | Outcome::Change(_) => panic!("nothing is forwarded here"),
    }
}

const CUSTOM: [(&str, &str); 3] = [
    ("PolicyInputList.member.1", ALLOW),
    ("ActionNames.member.1", "s3:GetObject"),
    ("ActionNames.member.2", "s3:PutObject"),
];

#[test]
fn callers_need_to_be_allowed_to_ask() {
    let rig = rig();
    let (auditor, gone) = (role("Auditor"), role("Gone"));
    let of = |arn| [("PolicySourceArn", arn), ("ActionNames.member.1", "execute-api:Invoke")];
    let (reader, custom) = (role("Reader"), "SimulateCustomPolicy");
    for (who, action, more, wanted) in [
        ("Reader", custom, &CUSTOM[..], "allowed allowed None"),
        ("Auditor", custom, &CUSTOM[..], "-implicit_deny"),
        ("Reader", "GetContextKeysForCustomPolicy", &CUSTOM[..1], ""),
        ("Auditor", "GetContextKeysForCustomPolicy", &CUSTOM[..1], "-implicit_deny"),
        ("Reader", "SimulatePrincipalPolicy", &of(&auditor), "allowed None"),
        ("Reader", "SimulatePrincipalPolicy", &of(&reader), "-implicit_deny"),
        ("Auditor", "SimulatePrincipalPolicy", &of(&auditor), "-implicit_deny"),
        ("Reader", "GetContextKeysForPrincipalPolicy", &of(&auditor)[..1], ""),
        // Whether a role is there is told to those who may ask about it.
        ("Reader", "SimulatePrincipalPolicy", &of(&gone), "NoSuchEntity"),
        ("Auditor", "SimulatePrincipalPolicy", &of(&gone), "-implicit_deny"),
        // What they wrote isn't even read before.
        ("Auditor", custom, &[("PolicyInputList.member.1", "{")], "-implicit_deny"),
        ("Reader", custom, &[("PolicyInputList.member.1", "{")], "InvalidInput"),
        ("Reader", "SimulatePrincipalPolicy", &of("arn:aws:s3:::a-bucket-of-mine"), "InvalidInput"),
        ("Reader", "ListRoles", &[], "InvalidAction"),
    ] {
        assert_eq!(told(&ask(&rig, who, action, more)), wanted, "{who} {action} {more:?}");
    }
}

#[test]
fn an_answer_stands_on_statements_and_is_noted() {
    let rig = rig();
    let decision = ask(&rig, "Reader", "SimulateCustomPolicy", &CUSTOM);
    assert_eq!(decision.checks, [("iam:SimulateCustomPolicy".into(), "*".to_owned())]);
    let Outcome::Answer(answer) = &decision.outcome else { panic!("{decision:?}") };
    let Grounds::Statements(statements) = &answer.grounds else { panic!("{:?}", answer.grounds) };
    assert_eq!(statements.len(), 1);
    let (auditor, more) = (role("Auditor"), "SimulatePrincipalPolicy");
    let decision = ask(&rig, "Auditor", more, &[("PolicySourceArn", &auditor)]);
    assert_eq!(decision.checks, [("iam:SimulatePrincipalPolicy".into(), auditor)]);
    assert!(matches!(&decision.outcome, Outcome::Deny(denial)
        if denial.refusal == Refusal::AccessDenied && denial.detail.contains("assumed-role/Auditor/s")));
}

#[test]
fn nobody_is_told_anything() {
    let rig = rig();
    let body = form("SimulateCustomPolicy", &CUSTOM);
    let decision = post(&rig, Ask::new("POST", "/"), body.clone());
    assert_eq!(reason(&decision), "-missing_credentials");
    let decision = post(&rig, Ask::new("POST", "/").bearer("a.b.c"), body);
    assert_eq!(reason(&decision), "-unsupported_credential");
}

#[test]
fn results_come_in_pages() {
    let rig = rig();
    let page = |more: &[(&str, &str)]| {
        told(&ask(&rig, "Reader", "SimulateCustomPolicy", &[&CUSTOM[..], more].concat()))
    };
    assert_eq!(page(&[("MaxItems", "1")]), "allowed Some(1)");
    assert_eq!(page(&[("MaxItems", "1"), ("Marker", "1")]), "allowed None");
    assert_eq!(page(&[("Marker", "2")]), "InvalidInput");
    assert_eq!(page(&[("Marker", "18446744073709551615")]), "InvalidInput");
}

/// However much is asked, a page is one that a data thread can afford.
#[test]
fn a_page_ends_when_it_names_many_statements() {
    let rig = rig();
    let statement = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
    let policy = format!(r#"{{"Statement":[{}]}}"#, vec![statement; 500].join(","));
    let actions: Vec<String> = (1..=300).map(|n| format!("ActionNames.member.{n}")).collect();
    let mut more = vec![("PolicyInputList.member.1", policy.as_str()), ("MaxItems", "1000")];
    more.extend(actions.iter().map(|name| (name.as_str(), "a:b")));
    let found = told(&ask(&rig, "Reader", "SimulateCustomPolicy", &more));
    let count = found.matches("allowed").count();
    assert!((1..=21).contains(&count) && found.ends_with(&format!("Some({count})")), "{found}");
}
