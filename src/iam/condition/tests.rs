//! The tables of the condition operators.

use super::super::tests::{ask, check, facts};
use crate::iam::{Facts, Truth};

/// The truth of one condition: what an Allow and a Deny with it come to.
fn truth(operator: &str, values: &str, context: &Facts) -> Truth {
    let check = check("s3:GetObject", "arn:aws:s3:::b/k");
    let condition = format!(r#""Condition":{{"{operator}":{{"k":{values}}}}}"#);
    let allow = format!(r#""Effect":"Allow","Action":"*","Resource":"*",{condition}"#);
    let deny = format!(
        r#""Effect":"Deny","Action":"*","Resource":"*",{condition}}},
           {{"Effect":"Allow","Action":"*","Resource":"*""#
    );
    let allowed = ask(&allow, &check, context).is_allow();
    let denied = !ask(&deny, &check, context).is_allow();
    match (allowed, denied) {
        (true, true) => Truth::True,
        (false, false) => Truth::False,
        (false, true) => Truth::Unknown,
        (true, false) => panic!("allowed and not denied: {operator} {values} {context:?}"),
    }
}

fn table(rows: &[(&str, &str, &str, Truth)]) {
    for (operator, values, context, expected) in rows {
        let context: &[&str] = if context.is_empty() { &[] } else { &[context] };
        assert_eq!(
            truth(operator, values, &facts(context)),
            *expected,
            "{operator} {values} {context:?}"
        );
    }
}

const T: Truth = Truth::True;
const F: Truth = Truth::False;
const U: Truth = Truth::Unknown;

/// Operator forms × the states of the key.
#[test]
fn missing_keys_and_set_operators() {
    let states = ["", "k=[]", "k=a", "k=c", "k=[a]", "k=[a,b]", "k=[a,c]", "k=[c,d]", "k=?"];
    for (operator, expected) in [
        ("StringEquals", [F, F, T, F, F, F, F, F, U]),
        ("StringNotEquals", [T, T, F, T, F, F, F, F, U]),
        ("StringEqualsIfExists", [T, T, T, F, F, F, F, F, U]),
        ("StringNotEqualsIfExists", [T, T, F, T, F, F, F, F, U]),
        ("ForAllValues:StringEquals", [T, T, T, F, T, T, F, F, U]),
        ("ForAllValues:StringNotEquals", [T, T, F, T, F, F, F, T, U]),
        ("ForAllValues:StringEqualsIfExists", [T, T, T, F, T, T, F, F, U]),
        ("ForAnyValue:StringEquals", [F, F, T, F, T, T, T, F, U]),
        ("ForAnyValue:StringNotEquals", [F, F, F, T, F, F, T, T, U]),
        ("ForAnyValue:StringEqualsIfExists", [U, U, T, F, T, T, T, F, U]),
        ("ForAnyValue:StringNotEqualsIfExists", [U, U, F, T, F, F, T, T, U]),
    ] {
        for (state, expected) in states.iter().zip(expected) {
            table(&[(operator, r#"["a","b"]"#, state, expected)]);
        }
    }
    for (values, expected) in [
        (r#""true""#, [T, T, F, F, F, F, F, F, U]),
        ("false", [F, F, T, T, T, T, T, T, U]),
        ("[]", [F, F, F, F, F, F, F, F, U]),
    ] {
        for (state, expected) in states.iter().zip(expected) {
            table(&[
                ("Null", values, state, expected),
                ("ForAllValues:Null", values, state, expected),
            ]);
        }
    }
    table(&[
        // An empty string is present, and for ForAllValues a null data set.
        ("Null", "false", "k=", T),
        ("ForAllValues:StringEquals", r#""a""#, "k=", T),
        ("ForAllValues:StringEquals", r#""a""#, "k=[,]", T),
        ("ForAllValues:StringEquals", r#""a""#, "k=[a,]", F),
        // No values: nothing is matched.
        ("StringEquals", "[]", "k=a", F),
        ("StringNotEquals", "[]", "k=a", T),
        ("ForAllValues:StringEquals", "[]", "k=[a]", F),
        ("ForAnyValue:StringNotEquals", "[]", "k=[a]", T),
    ]);
}

#[test]
fn strings() {
    table(&[
        ("StringEquals", r#""a*""#, "k=ab", F),
        ("StringEquals", r#""a*""#, "k=a*", T),
        ("StringEquals", r#""a""#, "k=A", F),
        ("stringequals", r#""a""#, "k=a", T),
        ("StringEquals", "1", "k=1", T),
        ("StringEquals", "1.50", "k=1.5", T),
        ("StringEquals", "true", "k=true", T),
        ("StringEqualsIgnoreCase", r#""aB""#, "k=Ab", T),
        ("StringEqualsIgnoreCase", r#""aB""#, "k=Abc", F),
        ("StringNotEqualsIgnoreCase", r#""aB""#, "k=Ab", F),
        // Which alphabet is folded isn't documented.
        ("StringEqualsIgnoreCase", r#""É""#, "k=é", U),
        ("StringNotEqualsIgnoreCase", r#""É""#, "k=é", U),
        ("StringLike", r#""a*c""#, "k=abc", T),
        ("StringLike", r#"["x","a?c"]"#, "k=abc", T),
        ("StringLike", r#""A*""#, "k=abc", F),
        ("StringNotLike", r#"["x","a?c"]"#, "k=abc", F),
        ("StringNotLike", r#"["x","y"]"#, "k=abc", T),
        ("StringLike", r#""a*:b:c""#, "k=a:x:b:c", T),
    ]);
}

#[test]
fn variables_in_values() {
    let null = r#""${jwt:none}""#;
    table(&[
        ("StringEquals", r#""${k}""#, "k=a", T),
        ("StringLike", r#""${k}""#, "k=*", T),
        ("StringEquals", null, "k=a", F),
        ("StringNotEquals", null, "k=a", T),
        ("StringEqualsIgnoreCase", null, "k=a", F),
        ("StringNotLike", null, "k=a", T),
        ("ArnLike", r#""arn:aws:s3:::${jwt:none}""#, "k=arn:aws:s3:::x", F),
        ("ArnNotLike", r#""arn:aws:s3:::${jwt:none}""#, "k=arn:aws:s3:::x", T),
        ("StringEquals", r#""${jwt:none, 'a'}""#, "k=a", T),
        ("StringNotEquals", r#""${jwt:none, 'a'}""#, "k=a", F),
        ("StringEqualsIgnoreCase", r#""${jwt:none, 'A'}""#, "k=a", T),
        ("Bool", r#""${jwt:none, 'TRUE'}""#, "k=true", T),
        ("Bool", r#""${jwt:none, 'TRUE'}""#, "k=false", F),
        ("Bool", r#""${jwt:none}""#, "k=true", F),
        ("ArnEquals", r#""${k}""#, "k=arn:aws:s3:::x", T),
    ]);
    // Unknown variables: only what can match with some value is left open.
    for (operator, value, expected) in [
        ("StringEquals", "a${v}", U),
        ("StringNotEquals", "a${v}", U),
        ("StringEquals", "b${v}", F),
        ("StringNotEquals", "b${v}", T),
        ("StringLike", "*${v, 'x'}", U),
        ("StringEqualsIgnoreCase", "a${v}", U),
        ("StringEquals", "${v}${none}", F),
    ] {
        let context = facts(&["k=abc", "v=?"]);
        assert_eq!(
            truth(operator, &format!("{value:?}"), &context),
            expected,
            "{operator} {value}"
        );
    }
}

#[test]
fn numbers() {
    table(&[
        ("NumericEquals", r#""10""#, "k=10.0", T),
        ("NumericEquals", "10", "k=010", T),
        ("NumericEquals", r#"["1","2"]"#, "k=2", T),
        ("NumericNotEquals", r#"["1","2"]"#, "k=2", F),
        ("NumericNotEquals", r#"["1","2"]"#, "k=3", T),
        ("NumericEquals", "0", "k=-0.0", T),
        ("NumericLessThan", "10", "k=9.999", T),
        ("NumericLessThan", "10", "k=10", F),
        ("NumericLessThanEquals", "10", "k=10.00", T),
        ("NumericGreaterThan", "-10", "k=-9", T),
        ("NumericGreaterThan", "-9", "k=-10", F),
        ("NumericGreaterThanEquals", "10", "k=9", F),
        ("NumericGreaterThan", r#""9007199254740992""#, "k=9007199254740993", T),
        ("NumericEquals", r#""0.1""#, "k=0.10000000000000000001", F),
        // Not of the type: a positive operator fails, whether a negated one holds is left open.
        ("NumericEquals", "10", "k=10abc", F),
        ("NumericLessThan", "10", "k=", F),
        ("NumericEquals", "10", "k=1e1", F),
        ("NumericNotEquals", "10", "k=abc", U),
        ("NumericEqualsIfExists", "10", "", T),
    ]);
}

#[test]
fn dates() {
    table(&[
        ("DateEquals", r#""2026-11-24T03:00:00Z""#, "k=2026-11-24T04:00+01:00", T),
        ("DateEquals", r#""2026-11-24""#, "k=2026-11-24T00:00:00.000Z", T),
        ("DateEquals", r#""2026""#, "k=2026-01-01", T),
        ("DateEquals", r#""2026-11""#, "k=2026-11-01", T),
        ("DateNotEquals", r#""2026-11""#, "k=2026-11-01", F),
        ("DateNotEquals", r#""2026-11""#, "k=2026-11-02", T),
        ("DateNotEquals", r#""2026-11""#, "k=soon", U),
        ("DateLessThan", r#""2026-11-24T03:00:00Z""#, "k=2026-11-24T02:59:59.999Z", T),
        ("DateLessThan", r#""2026-11-24T03:00:00Z""#, "k=2026-11-24T03:00:00Z", F),
        ("DateLessThanEquals", r#""2026-11-24T03:00:00Z""#, "k=2026-11-24T03:00:00Z", T),
        ("DateGreaterThan", "1700000000", "k=2023-11-14T22:13:20Z", F),
        ("DateGreaterThanEquals", "1700000000", "k=2023-11-14T22:13:20Z", T),
        ("DateGreaterThan", r#""1969-12-31""#, "k=1970-01-01", T),
        ("DateEquals", r#""2024-02-29""#, "k=2024-02-29T00:00Z", T),
        ("DateEquals", r#""2026""#, "k=2026-11-24T03:00:00", F),
        ("DateLessThan", r#""2026""#, "k=2025-02-30", F),
        ("DateLessThan", r#""2026""#, "k=2025-01-01T24:00Z", F),
    ]);
    // Four digits are a year, except of the epoch.
    let check = check("s3:GetObject", "arn:aws:s3:::b/k");
    let statement = r#""Effect":"Allow","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:EpochTime":"2026"}}"#;
    assert!(ask(statement, &check, &facts(&["aws:EpochTime=2025"])).is_allow());
    assert!(!ask(statement, &check, &facts(&["aws:EpochTime=1700000000"])).is_allow());
}

#[test]
fn booleans_and_binary() {
    table(&[
        ("Bool", "true", "k=TRUE", T),
        ("Bool", r#""False""#, "k=false", T),
        ("Bool", "true", "k=false", F),
        ("Bool", "true", "k=yes", F),
        ("Bool", "false", "", F),
        ("BoolIfExists", "false", "", T),
        ("BinaryEquals", r#""aGVsbG8=""#, "k=hello", T),
        ("BinaryEquals", r#""aGVsbG8=""#, "k=aGVsbG8=", F),
    ]);
}

#[test]
fn addresses() {
    table(&[
        ("IpAddress", r#""203.0.113.0/24""#, "k=203.0.113.9", T),
        ("IpAddress", r#""203.0.113.0/24""#, "k=203.0.114.9", F),
        ("IpAddress", r#""203.0.113.9""#, "k=203.0.113.9", T),
        ("IpAddress", r#""203.0.113.9/24""#, "k=203.0.113.1", T),
        ("IpAddress", r#"["10.0.0.0/8","203.0.113.0/24"]"#, "k=::ffff:203.0.113.9", T),
        ("IpAddress", r#""::ffff:203.0.113.0/120""#, "k=203.0.113.9", T),
        ("NotIpAddress", r#""::ffff:203.0.113.0/120""#, "k=::ffff:203.0.113.9", F),
        ("IpAddress", r#""2001:db8::/32""#, "k=2001:db8::1", T),
        ("IpAddress", r#""::/0""#, "k=203.0.113.9", F),
        ("NotIpAddress", r#""::/0""#, "k=203.0.113.9", T),
        ("NotIpAddress", r#""203.0.113.0/24""#, "k=203.0.113.9", F),
        ("IpAddress", r#""203.0.113.0/24""#, "k=203.0.113.9:80", F),
        ("NotIpAddress", r#""203.0.113.0/24""#, "k=nowhere", U),
    ]);
}

#[test]
fn arns() {
    let finance = r#""arn:aws:svc:*:111122223333:finance/*""#;
    let crossing = "k=arn:aws:svc:us-east-2:999999999999:store/abc:111122223333:finance/doc";
    table(&[
        ("ArnLike", finance, "k=arn:aws:svc:eu-west-1:111122223333:finance/a:b", T),
        ("StringLike", finance, crossing, T),
        ("ArnLike", finance, crossing, F),
        ("ArnEquals", finance, "k=arn:aws:svc:eu-west-1:111122223333:finance/a", T),
        ("ArnNotEquals", finance, "k=arn:aws:svc:eu-west-1:111122223333:finance/a", F),
        ("ArnNotLike", finance, crossing, T),
        ("ArnLike", finance, "k=arn:aws:SVC:eu-west-1:111122223333:finance/a", F),
        // Fewer than six parts is no ARN, and like none.
        ("ArnLike", r#""*""#, "k=arn:aws:s3:::b", F),
        ("ArnNotLike", r#""*""#, "k=arn:aws:s3:::b", T),
        ("ArnLike", r#""arn:aws:s3:::*""#, "k=bucket", F),
        ("ArnNotLike", r#""arn:aws:s3:::*""#, "k=bucket", T),
    ]);
    // A value can't move the parts that the policy wrote.
    let context = facts(&["k=arn:aws:sns:us-east-1:1:2:topic", "v=1:2"]);
    assert_eq!(truth("ArnLike", r#""arn:aws:sns:us-east-1:${v}:topic""#, &context), F);
    let context = facts(&["k=arn:aws:sns:us-east-1:1:topic", "v=?"]);
    assert_eq!(truth("ArnLike", r#""arn:aws:sns:us-east-1:${v}:topic""#, &context), U);
    assert_eq!(truth("ArnLike", r#""${v}""#, &context), U);
}

#[test]
fn keys_ignore_case_and_conditions_are_all_needed() {
    let check = check("s3:GetObject", "arn:aws:s3:::b/k");
    let statement = r#""Effect":"Allow","Action":"*","Resource":"*","Condition":{
        "StringEquals":{"AWS:principaltag/Team":"a","x":"1"},"Bool":{"y":"true"},"Null":{}}"#;
    let all = ["aws:PrincipalTag/team=a", "x=1", "y=true"];
    assert!(ask(statement, &check, &facts(&all)).is_allow());
    for missing in 0..all.len() {
        let mut some = all.to_vec();
        some.remove(missing);
        assert!(!ask(statement, &check, &facts(&some)).is_allow(), "{some:?}");
    }
    let empty = r#""Effect":"Allow","Action":"*","Resource":"*","Condition":{}"#;
    assert!(ask(empty, &check, &Facts::new()).is_allow());
}
