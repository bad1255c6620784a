//! What is refused, where, and with which reason.

use crate::iam::{
    MAX_DOCUMENT_BYTES, MAX_STATEMENTS, MAX_VALUE_BYTES, MAX_VALUES, Policy, PolicyKind,
};

/// `path reason` of every error.
fn errors(kind: PolicyKind, json: &str) -> Vec<String> {
    match Policy::parse("p", kind, json) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(|e| format!("{} {}", e.path, e.reason())).collect(),
    }
}

/// A document of one statement, given as its members.
fn statement(members: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{{{members}}}]}}"#)
}

const ALLOW: &str = r#""Effect":"Allow","Action":"*","Resource":"*""#;

#[test]
fn documents_that_are_refused() {
    for (json, expected) in [
        ("", " json_syntax"),
        ("{", " json_syntax"),
        (r#"{"Statement":[]} x"#, " json_syntax"),
        ("[]", " wrong_type"),
        ("{}", " missing_member"),
        (r#"{"Statement":[]}"#, "Statement empty_list"),
        (r#"{"Statement":"x"}"#, "Statement wrong_type"),
        (r#"{"Statement":[1]}"#, "Statement[0] wrong_type"),
        (
            r#"{"statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
            "statement unknown_member",
        ),
        (
            r#"{"Id":"x","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
            "Id member_not_allowed",
        ),
        (
            r#"{"Version":"2012-10-18","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
            "Version invalid_version",
        ),
        (
            r#"{"Version":20121017,"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
            "Version wrong_type",
        ),
        (
            r#"{"Version":"2012-10-17","Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
            "Version duplicate_member",
        ),
    ] {
        let found = errors(PolicyKind::Inline, json);
        assert!(found.contains(&expected.to_owned()), "{json}: {found:?}");
    }
}

#[test]
fn statements_that_are_refused() {
    for (members, expected) in [
        (r#""Action":"*","Resource":"*""#, " missing_member"),
        (r#""Effect":"allow","Action":"*","Resource":"*""#, ".Effect invalid_effect"),
        (r#""Effect":null,"Action":"*","Resource":"*""#, ".Effect wrong_type"),
        (
            r#""Effect":"Allow","Effect":"Deny","Action":"*","Resource":"*""#,
            ".Effect duplicate_member",
        ),
        (r#""Sid":"a b","Effect":"Allow","Action":"*","Resource":"*""#, ".Sid invalid_sid"),
        (
            r#""Actions":"*","Effect":"Allow","Action":"*","Resource":"*""#,
            ".Actions unknown_member",
        ),
        (r#""ID":"x","Effect":"Allow","Action":"*","Resource":"*""#, ".ID unknown_member"),
        (
            r#""Principal":"*","Effect":"Allow","Action":"*","Resource":"*""#,
            ".Principal member_not_allowed",
        ),
        (
            r#""NotPrincipal":"*","Effect":"Deny","Action":"*","Resource":"*""#,
            ".NotPrincipal member_not_allowed",
        ),
        // Actions.
        (r#""Effect":"Allow","Resource":"*""#, " missing_member"),
        (
            r#""Effect":"Allow","Action":"*","NotAction":"*","Resource":"*""#,
            ".NotAction conflicting_members",
        ),
        (r#""Effect":"Allow","Action":[],"Resource":"*""#, ".Action empty_list"),
        (r#""Effect":"Allow","Action":["s3:*",1],"Resource":"*""#, ".Action[1] wrong_type"),
        (r#""Effect":"Allow","Action":"GetObject","Resource":"*""#, ".Action invalid_action"),
        (r#""Effect":"Allow","Action":"s3:","Resource":"*""#, ".Action invalid_action"),
        (r#""Effect":"Allow","Action":":Get","Resource":"*""#, ".Action invalid_action"),
        (r#""Effect":"Allow","Action":"s*:Get","Resource":"*""#, ".Action invalid_action"),
        (r#""Effect":"Allow","Action":" s3:Get","Resource":"*""#, ".Action invalid_action"),
        (r#""Effect":"Allow","Action":"s3:Get ","Resource":"*""#, ".Action invalid_action"),
        (r#""Effect":"Allow","Action":"s3:${jwt:a}","Resource":"*""#, ".Action invalid_action"),
        (r#""Effect":"Allow","Action":"**","Resource":"*""#, ".Action invalid_action"),
        // Resources.
        (r#""Effect":"Allow","Action":"*""#, " missing_member"),
        (
            r#""Effect":"Allow","Action":"*","Resource":"*","NotResource":"*""#,
            ".NotResource conflicting_members",
        ),
        (r#""Effect":"Allow","Action":"*","Resource":[]"#, ".Resource empty_list"),
        (r#""Effect":"Allow","Action":"*","Resource":"bucket""#, ".Resource invalid_resource"),
        (r#""Effect":"Allow","Action":"*","Resource":"**""#, ".Resource invalid_resource"),
        (
            r#""Effect":"Allow","Action":"*","Resource":"ARN:aws:s3:::b""#,
            ".Resource invalid_resource",
        ),
        (
            r#""Effect":"Allow","Action":"*","Resource":"arn:aws:s*:::b""#,
            ".Resource invalid_resource",
        ),
        (
            r#""Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/${a${b}}""#,
            ".Resource invalid_variable",
        ),
    ] {
        let found = errors(PolicyKind::Managed, &statement(members));
        assert!(found.contains(&format!("Statement[0]{expected}")), "{members}: {found:?}");
    }
}

#[test]
fn conditions_that_are_refused() {
    for (condition, expected) in [
        ("[]", " wrong_type"),
        (r#"{"StringEquals":"x"}"#, ".StringEquals wrong_type"),
        (r#"{"StringEquals":{"k":null}}"#, ".StringEquals.k wrong_type"),
        (r#"{"StringEquals":{"k":["a",{}]}}"#, ".StringEquals.k[1] wrong_type"),
        (r#"{"StringEquals":{"k":"a","k":"b"}}"#, ".StringEquals.k duplicate_member"),
        (
            r#"{"StringEquals":{"k":"a"},"StringEquals":{"l":"a"}}"#,
            ".StringEquals duplicate_member",
        ),
        (r#"{"StringMatches":{"k":"a"}}"#, ".StringMatches invalid_operator"),
        (r#"{"StringMatches":{}}"#, ".StringMatches invalid_operator"),
        (r#"{"StringLikeIgnoreCase":{"k":"a"}}"#, ".StringLikeIgnoreCase invalid_operator"),
        (r#"{"NullIfExists":{"k":"true"}}"#, ".NullIfExists invalid_operator"),
        (r#"{"ForSomeValue:StringLike":{"k":"a"}}"#, ".ForSomeValue:StringLike invalid_operator"),
        (r#"{"IfExists":{"k":"a"}}"#, ".IfExists invalid_operator"),
        (r#"{"StringEquals":{"":"a"}}"#, ".StringEquals. invalid_context_key"),
        (r#"{"StringEquals":{"a${b}":"a"}}"#, ".StringEquals.a${b} invalid_context_key"),
        (r#"{"StringEquals":{"k":"${}"}}"#, ".StringEquals.k invalid_variable"),
        (r#"{"NumericEquals":{"k":"ten"}}"#, ".NumericEquals.k invalid_value"),
        (
            r#"{"NumericEquals":{"k":["1","+1","1.",".5","1e3","-"," 1","${jwt:n}"]}}"#,
            ".NumericEquals.k[7] invalid_value",
        ),
        (r#"{"NumericEquals":{"k":0.12345678901234567}}"#, ".NumericEquals.k invalid_value"),
        (r#"{"DateLessThan":{"k":"tomorrow"}}"#, ".DateLessThan.k invalid_value"),
        (r#"{"DateLessThan":{"k":"2026-11-24T03:00:00"}}"#, ".DateLessThan.k invalid_value"),
        (r#"{"DateLessThan":{"k":"2026-02-30"}}"#, ".DateLessThan.k invalid_value"),
        (r#"{"Bool":{"k":"yes"}}"#, ".Bool.k invalid_value"),
        (r#"{"Null":{"k":"maybe"}}"#, ".Null.k invalid_value"),
        (r#"{"BinaryEquals":{"k":"a"}}"#, ".BinaryEquals.k invalid_value"),
        (r#"{"IpAddress":{"k":"203.0.113.0/33"}}"#, ".IpAddress.k invalid_value"),
        (r#"{"IpAddress":{"k":"203.0.113.*"}}"#, ".IpAddress.k invalid_value"),
    ] {
        let members = format!(r#"{ALLOW},"Condition":{condition}"#);
        let found = errors(PolicyKind::Session, &statement(&members));
        let expected = format!("Statement[0].Condition{expected}");
        assert!(found.contains(&expected), "{condition}: {found:?}");
    }
}

#[test]
fn trust_policies_have_principals_and_no_resource() {
    let trust = |members: &str| {
        errors(
            PolicyKind::Trust,
            &statement(&format!(r#""Effect":"Allow","Action":"sts:*",{members}"#)),
        )
    };
    for good in [
        r#""Principal":"*""#,
        r#""Principal":{"AWS":["*"],"Federated":"accounts.google.com"}"#,
        r#""Principal":{"AWS":["123456789012","arn:aws:iam::123456789012:root","AROAEXAMPLEEXAMPLE12"]}"#,
        r#""Principal":{"Service":"lambda.amazonaws.com","CanonicalUser":"abc"}"#,
    ] {
        assert_eq!(trust(good), [""; 0], "{good}");
    }
    for (members, expected) in [
        (r#""Sid":"x""#, " missing_member"),
        (r#""Principal":"123456789012""#, ".Principal invalid_principal"),
        (r#""Principal":{}"#, ".Principal empty_list"),
        (r#""Principal":{"AWS":[]}"#, ".Principal.AWS empty_list"),
        (r#""Principal":{"aws":"*"}"#, ".Principal.aws unknown_member"),
        (
            r#""Principal":{"AWS":"arn:aws:iam::123456789012:role/*"}"#,
            ".Principal.AWS invalid_principal",
        ),
        (r#""Principal":{"AWS":"alice"}"#, ".Principal.AWS invalid_principal"),
        (r#""Principal":{"Federated":"*"}"#, ".Principal.Federated invalid_principal"),
        (
            r#""Principal":{"Federated":["a","${jwt:iss}"]}"#,
            ".Principal.Federated[1] invalid_principal",
        ),
        (r#""NotPrincipal":{"AWS":"123456789012"}"#, ".NotPrincipal member_not_allowed"),
        (r#""Principal":"*","Resource":"*""#, ".Resource member_not_allowed"),
        (r#""Principal":"*","NotResource":"*""#, ".NotResource member_not_allowed"),
    ] {
        let found = trust(members);
        assert!(found.contains(&format!("Statement[0]{expected}")), "{members}: {found:?}");
    }
    let with_id = r#"{"Id":"x","Statement":{"Effect":"Allow","Principal":"*","Action":"sts:*"}}"#;
    assert_eq!(errors(PolicyKind::Trust, with_id), [""; 0]);
}

#[test]
fn all_errors_are_reported_at_once() {
    let json = r#"{"Version":"2013","Statment":[],"Statement":[
        {"Sid":"A","Effect":"Permit","Action":"s3","Resource":["b","arn:aws:s3:::c"]},
        {"Sid":"A","Effect":"Deny","Action":"*","Resource":"*",
         "Condition":{"StringLick":{"a":"1","b":"2"},"IpAddress":{"aws:SourceIp":["x","10.0.0.0/8","y"]}}}]}"#;
    assert_eq!(
        errors(PolicyKind::Inline, json),
        [
            "Statment unknown_member",
            "Version invalid_version",
            "Statement[0].Effect invalid_effect",
            "Statement[1].Sid duplicate_sid",
            "Statement[0].Action invalid_action",
            "Statement[0].Resource[0] invalid_resource",
            "Statement[1].Condition.StringLick invalid_operator",
            "Statement[1].Condition.IpAddress.aws:SourceIp[0] invalid_value",
            "Statement[1].Condition.IpAddress.aws:SourceIp[2] invalid_value",
        ]
    );
}

#[test]
fn errors_say_what_to_write_instead() {
    let found = Policy::parse(
        "p",
        PolicyKind::Inline,
        r#"{"Statement":{"effect":"Allow","Action":"*","Resource":"b"}}"#,
    );
    let sentences: Vec<String> = found.unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(
        sentences,
        [
            r#"Statement.effect: unknown member "effect": names are case-sensitive, write "Effect""#,
            r#"Statement: Effect is missing: write "Allow" or "Deny""#,
            r#"Statement.Resource: "b" is no resource: write "*" or an ARN"#,
        ]
    );
}

#[test]
fn documents_are_bounded() {
    let list = |count: usize| vec![r#""arn:aws:s3:::b""#; count].join(",");
    let with_values = |count: usize| {
        statement(&format!(r#""Effect":"Allow","Action":"*","Resource":[{}]"#, list(count)))
    };
    let with_statements = |count: usize| {
        let one = format!("{{{ALLOW}}}");
        format!(r#"{{"Statement":[{}]}}"#, vec![one; count].join(","))
    };
    let with_value = |bytes: usize| {
        let name = "x".repeat(bytes - "arn:aws:s3:::".len());
        statement(&format!(r#""Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::{name}""#))
    };
    for (json, expected) in [
        (with_values(MAX_VALUES), None),
        (with_values(MAX_VALUES + 1), Some("Statement[0].Resource limit_exceeded")),
        (with_statements(MAX_STATEMENTS), None),
        (with_statements(MAX_STATEMENTS + 1), Some("Statement limit_exceeded")),
        (with_value(MAX_VALUE_BYTES), None),
        (with_value(MAX_VALUE_BYTES + 1), Some("Statement[0].Resource limit_exceeded")),
        (" ".repeat(MAX_DOCUMENT_BYTES + 1), Some(" limit_exceeded")),
        ("[".repeat(100_000), Some(" json_syntax")),
    ] {
        let found = errors(PolicyKind::Inline, &json);
        assert_eq!(found.first().map(String::as_str), expected);
    }
}

#[test]
fn scalars_and_single_statements_are_accepted() {
    let json = r#"{"Version":"2008-10-17","Statement":{"Sid":"","Effect":"Deny","NotAction":["s3:*"],
        "NotResource":"arn:aws:s3:::b","Condition":{"forAnyValue:stringlikeIfExists":{"a":["b",1,true]}}}}"#;
    let policy = Policy::parse("name", PolicyKind::Managed, json).unwrap();
    assert_eq!((policy.name(), policy.kind()), ("name", PolicyKind::Managed));
    assert_eq!(policy.statements().len(), 1);
    assert_eq!(policy.statements()[0].sid(), None);
    // An empty Sid is none, so two of them don't clash.
    let two = format!(r#"{{"Statement":[{{"Sid":"",{ALLOW}}},{{"Sid":"",{ALLOW}}}]}}"#);
    assert_eq!(errors(PolicyKind::Inline, &two), [""; 0]);
}
