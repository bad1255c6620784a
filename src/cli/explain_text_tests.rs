//! What a person reads of an evaluation.

use std::sync::Arc;

use super::{Statements, push_steps};
use crate::{
    gate::Trail,
    iam::{
        Action, Arn, Check, Fact, Facts, Layers, Policy, PolicyKind, Resource, Role, Session,
        evaluate,
    },
};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*",
    "Action":"sts:AssumeRoleWithWebIdentity"}}"#;

fn explained(statements: &str, facts: &Facts, statements_shown: Statements) -> Vec<String> {
    let parse = |name: &str, kind, json: &str| Arc::new(Policy::parse(name, kind, json).unwrap());
    let document = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    let role = Role {
        arn: Arn::parse("arn:aws:iam::123456789012:role/Writer").unwrap(),
        name: "Writer".to_owned(),
        id: "AROAEXAMPLE".to_owned(),
        trust: parse("trust", PolicyKind::Trust, TRUST).into(),
        policies: parse("Orders", PolicyKind::Inline, &document).into(),
        boundary: None,
        organization: Arc::default(),
        max_session_duration: 3600,
        tags: Vec::new(),
    };
    let session = Session::for_role(Arc::new(role), "s", Facts::new());
    let resource = Resource::Arn(Arn::parse("arn:aws:orders:::order/1").unwrap());
    let mut trail = Trail::On(Vec::new());
    evaluate(
        &Layers::of(&session),
        &Check::new(Action::new("orders:Read"), resource),
        facts,
        &mut trail,
    );
    let mut text = String::new();
    push_steps(&mut text, trail.steps(), statements_shown);
    text.lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn a_statement_takes_one_line_and_each_of_its_conditions_another() {
    let statements = r#"
        {"Sid":"Write","Effect":"Allow","Action":"orders:Write","Resource":"*",
         "Condition":{"Bool":{"aws:SecureTransport":"true"}}},
        {"Effect":"Allow","Action":"orders:Read","Resource":"arn:aws:orders:::order/2"},
        {"Sid":"Team","Effect":"Allow","Action":"orders:*","Resource":"*",
         "Condition":{"StringEquals":{"aws:PrincipalTag/team":["blue","red"]}}},
        {"Sid":"Owner","Effect":"Deny","Action":"*","Resource":"*",
         "Condition":{"StringLike":{"aws:ResourceTag/owner":"x*"}}},
        {"Sid":"Any","Effect":"Allow","Action":"*","Resource":"*",
         "Condition":{"ForAnyValue:StringEquals":{"jwt:scope":"read"},"Null":{"aws:Referer":"true"}}}"#;
    let mut facts = Facts::new();
    facts.one("aws:PrincipalTag/team", "gre\"en");
    facts.set("aws:ResourceTag/owner", Fact::Unknown);
    facts.set("jwt:scope", Fact::Many(vec!["openid".to_owned(), "read".to_owned()]));
    assert_eq!(
        explained(statements, &facts, Statements::All),
        [
            "decide",
            "  Allow Orders/Write: no, another action",
            "  Allow Orders[1]: no, another resource",
            "  Allow Orders/Team: no, by its conditions",
            r#"    StringEquals aws:PrincipalTag/team: request "gre\"en", policy "blue", "red" → false"#,
            "  Deny  Orders/Owner: not known, and so never an allow and always a deny",
            r#"    StringLike aws:ResourceTag/owner: request (unknown), policy "x*" → unknown"#,
            "  Allow Orders/Any: yes",
            r#"    ForAnyValue:StringEquals jwt:scope: request "openid", "read", policy "read" → true"#,
            r#"    Null aws:Referer: request (absent), policy "true" → true"#,
        ]
    );
}

#[test]
fn statements_about_other_actions_are_counted_and_variables_are_replaced() {
    let statements = r#"
        {"Effect":"Allow","Action":"orders:Write","Resource":"*"},
        {"Effect":"Allow","Action":"orders:List","Resource":"*"},
        {"Sid":"Own","Effect":"Allow","Action":"orders:Read",
         "Resource":["arn:aws:orders:::${aws:PrincipalTag/team}/*","arn:aws:orders:::order/*"]}"#;
    let mut facts = Facts::new();
    facts.one("aws:PrincipalTag/team", "blue");
    assert_eq!(
        explained(statements, &facts, Statements::OfTheAction("--all")),
        [
            "decide",
            "  Allow Orders/Own: yes",
            "    resource with its variables' values: arn:aws:orders:::blue/*",
            "  2 statements are about other actions (--all shows them)",
        ]
    );
}
