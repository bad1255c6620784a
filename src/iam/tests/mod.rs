//! Fixtures, and the tests of what several files make up together.

mod documented;
mod facts;
mod laws;
mod layer_laws;
mod layers;

pub(in crate::iam) mod pattern;
mod variable;
mod verdicts;

use std::sync::Arc;

use super::*;

/// A policy of one kind, which must parse.
pub(in crate::iam) fn policy(kind: PolicyKind, json: &str) -> Arc<Policy> {
    Arc::new(Policy::parse("p", kind, json).unwrap_or_else(|errors| panic!("{errors:?}\n{json}")))
}

/// A role with these inline policies.
pub(in crate::iam) fn role(policies: &[&str]) -> Role {
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow",
        "Principal":{"Federated":"cognito-identity.amazonaws.com"},
        "Action":"sts:AssumeRoleWithWebIdentity"}}"#;
    Role {
        arn: Arn::parse("arn:aws:iam::123456789012:role/app/Writer").unwrap(),
        name: "Writer".to_owned(),
        id: "AROAEXAMPLE".to_owned(),
        trust: policy(PolicyKind::Trust, trust).into(),
        policies: policies.iter().map(|json| policy(PolicyKind::Inline, json)).collect(),
        boundary: None,
        organization: Arc::default(),
        max_session_duration: 3600,
        tags: Vec::new(),
    }
}

pub(in crate::iam) fn session(role: Role) -> Session {
    Session::for_role(Arc::new(role), "alice", Facts::new())
}

pub(in crate::iam) fn check(action: &str, resource: &str) -> Check {
    let resource = match resource {
        "*" => Resource::Any,
        arn => Resource::Arn(Arn::parse(arn).unwrap()),
    };
    Check::new(Action::new(action), resource)
}

/// Facts from `key=value`, `key=[a,b]` and `key=?`.
pub(in crate::iam) fn facts(written: &[&str]) -> Facts {
    let mut facts = Facts::new();
    for (key, value) in written.iter().filter_map(|fact| fact.split_once('=')) {
        let list = value.strip_prefix('[').and_then(|value| value.strip_suffix(']'));
        let fact = match (value, list) {
            ("?", _) => Fact::Unknown,
            (_, Some("")) => Fact::Many(Vec::new()),
            (_, Some(list)) => Fact::Many(list.split(',').map(str::to_owned).collect()),
            (value, None) => Fact::One(value.to_owned()),
        };
        facts.set(key.to_owned(), fact);
    }
    facts
}

/// Evaluates one statement, given as its members but for Version, as identity policy.
pub(in crate::iam) fn ask(statement: &str, what: &Check, context: &Facts) -> Verdict {
    let document = format!(r#"{{"Version":"2012-10-17","Statement":[{{{statement}}}]}}"#);
    evaluate(&Layers::of(&session(role(&[&document]))), what, context, &mut NoObserver)
}
