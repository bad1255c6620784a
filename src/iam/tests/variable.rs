use super::{ask, check, facts};
use super::{role, session};
use crate::iam::document::Version;
use crate::iam::variable::{Span, Template, VariableError, Wildcards, spans, split_colons};
use crate::iam::{Fact, Facts, Layers, NoObserver, evaluate};

#[test]
fn values_are_split_at_their_variables() {
    use Span::{Reference, Text};
    for (value, expected) in [
        ("a", vec![Text("a")]),
        ("${k}", vec![Reference("k")]),
        ("a${k}b", vec![Text("a"), Reference("k"), Text("b")]),
        ("${k, 'a}b'}c", vec![Reference("k, 'a}b'"), Text("c")]),
        ("a${k", vec![Text("a${k")]),
        ("${a}${", vec![Reference("a"), Text("${")]),
        ("$k}", vec![Text("$k}")]),
    ] {
        assert_eq!(spans(value, Version::V2012), expected, "{value}");
        assert_eq!(spans(value, Version::V2008), vec![Text(value)], "{value}");
    }
}

#[test]
fn colons_inside_variables_separate_nothing() {
    let parts = split_colons("arn:aws:s3:::b/${aws:PrincipalTag/x, 'a:b'}:c", Version::V2012);
    assert_eq!(parts, ["arn", "aws", "s3", "", "", "b/${aws:PrincipalTag/x, 'a:b'}:c"]);
    assert_eq!(split_colons("arn:aws", Version::V2012), ["arn", "aws"]);
}

#[test]
fn malformed_variables_are_refused() {
    for (value, error) in [
        ("${}", VariableError::NoKey),
        ("${ }", VariableError::NoKey),
        ("${a${b}}", VariableError::Nested),
        ("${a,'b'}", VariableError::Default),
        ("${a, b}", VariableError::Default),
        ("${a, 'b}", VariableError::Default),
        (&"${a}".repeat(9), VariableError::TooMany),
    ] {
        assert_eq!(
            Template::parse(value, Version::V2012, Wildcards::Active),
            Err(error),
            "{value}"
        );
        assert!(Template::parse(value, Version::V2008, Wildcards::Active).is_ok(), "{value}");
    }
}

const GET: &str = "s3:GetObject";

fn allows(resource: &str, context: &[&str], key: &str) -> bool {
    let statement = format!(r#""Effect":"Allow","Action":"s3:*","Resource":"{resource}""#);
    ask(&statement, &check(GET, &format!("arn:aws:s3:::{key}")), &facts(context)).is_allow()
}

#[test]
fn variables_in_resources() {
    let own = "arn:aws:s3:::b/${jwt:sub}/*";
    let or_none = "arn:aws:s3:::b/${jwt:sub, 'none'}/*";
    for (resource, context, key, allowed) in [
        (own, &["jwt:sub=u1"][..], "b/u1/x", true),
        (own, &["jwt:sub=u1"], "b/u2/x", false),
        ("arn:aws:s3:::b/${JWT:Sub}/*", &["jwt:sub=u1"], "b/u1/x", true),
        // A value is literal text, whatever it holds.
        (own, &["jwt:sub=*"], "b/u2/x", false),
        (own, &["jwt:sub=*"], "b/*/x", true),
        (own, &["jwt:sub=??"], "b/u2/x", false),
        (own, &["jwt:sub=${aws:userid}"], "b/AROAEXAMPLE:alice/x", false),
        (own, &["jwt:sub=a:b"], "b/a:b/x", true),
        // Null: absent, or multi-valued. An empty value is a value.
        (own, &[], "b//x", false),
        (own, &["jwt:sub=[u1]"], "b/u1/x", false),
        (own, &["jwt:sub="], "b//x", true),
        (or_none, &[], "b/none/x", true),
        (or_none, &["jwt:sub=u1"], "b/none/x", false),
        (or_none, &["jwt:sub=[u1]"], "b/none/x", false),
        ("arn:aws:s3:::b/${jwt:sub, '*'}/x", &[], "b/u1/x", false),
        // Unknown never allows, with or without default.
        (own, &["jwt:sub=?"], "b/u1/x", false),
        (or_none, &["jwt:sub=?"], "b/none/x", false),
        // Escapes.
        ("arn:aws:s3:::b/${*}", &[], "b/*", true),
        ("arn:aws:s3:::b/${*}", &[], "b/x", false),
        ("arn:aws:s3:::b/${?}${$}", &[], "b/?$", true),
        ("arn:aws:s3:::b/${?}", &[], "b/x", false),
        ("arn:aws:s3:::b/${jwt:sub", &["jwt:sub=u1"], "b/${jwt:sub", true),
    ] {
        assert_eq!(allows(resource, context, key), allowed, "{resource} {context:?} {key}");
    }
}

/// Documents without Version, or of 2008, have no variables.
#[test]
fn variables_need_version_2012() {
    for version in ["", r#""Version":"2008-10-17","#] {
        let document = format!(
            r#"{{{version}"Statement":{{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${{jwt:sub}}"}}}}"#
        );
        let session = session(role(&[&document]));
        let context = facts(&["jwt:sub=u1"]);
        let asked = |key: &str| {
            let check = check(GET, &format!("arn:aws:s3:::{key}"));
            evaluate(&Layers::of(&session), &check, &context, &mut NoObserver).is_allow()
        };
        assert!(!asked("u1"));
        assert!(asked("${jwt:sub}"));
    }
}

/// A null variable in NotResource leaves nothing out, so Deny hits everything and Allow nothing.
#[test]
fn null_variables_in_not_resource() {
    let element = r#""NotResource":"arn:aws:s3:::b/${jwt:sub}/*""#;
    let check = check(GET, "arn:aws:s3:::other/x");
    let asked = |effect: &str, context: &Facts| {
        let document = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Action":"*",{element}}}]}}"#
        );
        let all = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        let policies =
            if effect == "Deny" { vec![document.as_str(), all] } else { vec![&*document] };
        evaluate(&Layers::of(&session(role(&policies))), &check, context, &mut NoObserver)
    };
    let mut known = Facts::new();
    known.set("jwt:sub", Fact::One("u1".to_owned()));
    assert!(asked("Allow", &known).is_allow());
    assert!(!asked("Allow", &Facts::new()).is_allow());
    assert!(!asked("Deny", &known).is_allow());
    let verdict = asked("Deny", &Facts::new());
    assert_eq!(verdict.denial().unwrap().reason(), "explicit_deny");
    // An unknown one may be null.
    for effect in ["Allow", "Deny"] {
        let verdict = asked(effect, &facts(&["JWT:SUB=?"]));
        assert_eq!(verdict.denial().unwrap().unknown_keys, ["jwt:sub"], "{effect}");
    }
}
