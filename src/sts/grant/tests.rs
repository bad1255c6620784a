use super::super::grant::GrantToken;
use super::*;
use crate::iam::{
    Action, Arn, Check, Context, Fact, Layers, Lookup, NoObserver, Resource, evaluate,
};

const NOW: Time = Time::from_secs(1_800_000_000);
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow",
    "Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity"}}"#;
const ALL: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

fn role(id: &str, tag: &str) -> Arc<Role> {
    Arc::new(Role {
        arn: Arn::parse("arn:aws:iam::123456789012:role/Reader").unwrap(),
        name: "Reader".to_owned(),
        id: id.to_owned(),
        trust: Arc::new(Policy::parse("trust", PolicyKind::Trust, TRUST).unwrap()).into(),
        policies: Arc::new(Policy::parse("all", PolicyKind::Inline, ALL).unwrap()).into(),
        boundary: None,
        organization: Arc::default(),
        max_session_duration: 3600,
        tags: vec![("stage".to_owned(), tag.to_owned()), ("team".to_owned(), tag.to_owned())],
    })
}

fn grant(session_policies: Vec<SessionPolicy>) -> Grant {
    let mut facts = Facts::new();
    facts.one("cognito-identity.amazonaws.com:sub", "id");
    facts.one("aws:PrincipalTag/team", "red");
    facts.set("aws:PrincipalTag/list", Fact::Unknown);
    Grant {
        pool: None,
        identity: None,
        role_arn: "arn:aws:iam::123456789012:role/Reader".to_owned(),
        role_id: "AROA1".to_owned(),
        session_name: "name".to_owned(),
        facts,
        session_policies,
        token: GrantToken::default(),
        issued: NOW,
        expires: NOW,
    }
}

fn allows(session: &Session, action: &str) -> bool {
    let check = Check::new(Action::new(action), Resource::Any);
    evaluate(&Layers::of(session), &check, &Facts::new(), &mut NoObserver).is_allow()
}

#[test]
fn a_session_has_what_was_granted_and_the_role_of_today() {
    let session = grant(Vec::new()).session(&role("AROA1", "new")).unwrap();
    let lookup = |key| session.facts.lookup(key);
    assert_eq!(lookup("cognito-identity.amazonaws.com:sub"), Lookup::One("id".into()));
    assert_eq!(lookup("aws:principaltag/team"), Lookup::One("red".into()), "the session's");
    assert_eq!(lookup("aws:principaltag/stage"), Lookup::One("new".into()), "the role's");
    assert_eq!(lookup("aws:principaltag/list"), Lookup::Unknown);
    assert_eq!(lookup("aws:tokenissuetime"), Lookup::One("2027-01-15T08:00:00.000Z".into()));
    assert_eq!(lookup("aws:userid"), Lookup::One("AROA1:name".into()));
    assert!(session.session_policies.is_empty());
}

#[test]
fn another_role_is_not_the_one_that_was_granted() {
    let grant = grant(Vec::new());
    assert_eq!(grant.session(&role("AROA2", "")).unwrap_err(), StsError::RoleGone);
    let mut renamed = grant;
    renamed.role_arn.push('2');
    assert_eq!(renamed.session(&role("AROA1", "")).unwrap_err(), StsError::RoleGone);
}

#[test]
fn session_policies_narrow() {
    let only_s3 = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}"#;
    let session = |policies| grant(policies).session(&role("AROA1", ""));
    let narrowed = session(vec![SessionPolicy::Document(only_s3.to_owned())]).unwrap();
    assert!(allows(&narrowed, "s3:GetObject") && !allows(&narrowed, "s3:PutObject"));
    let guest = session(vec![SessionPolicy::GuestScopeDown]).unwrap();
    assert!(allows(&guest, "s3:PutObject") && !allows(&guest, "iam:PassRole"));
    let broken = session(vec![SessionPolicy::Document("{}".to_owned())]);
    assert_eq!(broken.unwrap_err(), StsError::MalformedPolicy);
}
