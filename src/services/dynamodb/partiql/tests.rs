//! What statements are read as, and which are refused.

use std::time::{Duration, Instant};

use super::*;

mod laws;
mod refusals;

/// Reads a statement with these parameters, written as a JSON array.
fn read(text: &str, parameters: &str) -> Result<Statement, PartiqlError> {
    let json = Json::parse(parameters.as_bytes()).unwrap();
    Statement::parse(text, json.list().unwrap())
}

#[track_caller]
fn accepted(text: &str) -> Statement {
    read(text, "[]").unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The values of an attribute as texts, numbers with a `#`; `-` if any is possible.
fn values(statement: &Statement, attribute: &str) -> String {
    let Some(values) = statement.values_of(attribute) else { return "-".to_owned() };
    let shown = values.iter().map(|value| match value.kind() {
        crate::services::dynamodb::Kind::Number => format!("#{}", value.text()),
        _ => value.text().to_owned(),
    });
    shown.collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn where_gives(condition: &str, expected: &str) {
    let statement = accepted(&format!("SELECT * FROM \"t\" WHERE {condition}"));
    assert_eq!(values(&statement, "pk"), expected, "{condition}");
}

#[test]
fn statements_of_many_names_take_bounded_time() {
    let (table, paths) = ("b/".repeat(2000), "a,".repeat(2000));
    let text = format!("SELECT {paths}a FROM \"{table}\"");
    let started = Instant::now();
    for _ in 0..200 {
        let _ = accepted(&text);
    }
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[test]
fn selects() {
    for (text, table, index, projection, attributes) in [
        ("SELECT * FROM t", "t", None, Projection::All, ""),
        ("select\t*\r\nfrom _t1 wHeRe a = 1", "_t1", None, Projection::All, "a"),
        ("SELECT a, b.c, \"d.e\"[0].f FROM \"t\"", "t", None, Projection::Specific, "a b d.e"),
        ("SELECT*FROM\"t\".\"i\"WHERE\"a\"='x'", "t", Some("i"), Projection::All, "a"),
        ("SELECT * FROM \"a.b-c_D\"", "a.b-c_D", None, Projection::All, ""),
        (
            "SELECT * FROM \"arn:aws:dynamodb:eu-west-1:123456789012:table/t\".\"i\"",
            "arn:aws:dynamodb:eu-west-1:123456789012:table/t",
            Some("i"),
            Projection::All,
            "",
        ),
        (
            "SELECT a FROM t WHERE b = 'x' AND NOT (c.\"d\" IS MISSING) ORDER BY e DESC, f, g ASC",
            "t",
            None,
            Projection::Specific,
            "a b c e f g",
        ),
    ] {
        let statement = accepted(text);
        assert_eq!(statement.verb(), Verb::Select, "{text}");
        assert!(!statement.is_condition_check(), "{text}");
        assert_eq!(statement.table(), table, "{text}");
        assert_eq!(statement.index(), index, "{text}");
        assert_eq!(statement.projection(), Some(projection), "{text}");
        assert_eq!(statement.attributes().join(" "), attributes, "{text}");
        assert_eq!(statement.returning(), None, "{text}");
    }
}

#[test]
fn condition_checks_are_selects() {
    let statement = accepted("EXISTS(SELECT * FROM \"t\" WHERE \"pk\" = 'a' AND size(\"x\") > 3)");
    assert_eq!(statement.verb(), Verb::Select);
    assert!(statement.is_condition_check());
    assert_eq!(statement.attributes(), ["pk", "x"]);
    assert_eq!(values(&statement, "pk"), "a");
}

#[test]
fn inserts() {
    let text =
        "INSERT INTO \"t\" VALUE {'pk': 'a', \"n\": -1.50, 'm': {'pk': 'b', 'q': [1, {}, ?, []]},
        's': <<'x', 'y'>>, 'ns': <<1, -2e5>>, 't': TRUE, 'f': false, 'z': null, 'p': ?}";
    let statement = read(text, r#"[{"S": "in a list"}, {"N": "7.0"}]"#).unwrap();
    assert_eq!(statement.verb(), Verb::Insert);
    assert_eq!(statement.table(), "t");
    assert_eq!(statement.attributes(), ["pk", "n", "m", "s", "ns", "t", "f", "z", "p"]);
    assert_eq!(statement.projection(), None);
    for (attribute, expected) in [
        ("pk", "a"),
        ("n", "#-1.5"),
        ("p", "#7"),
        ("m", "-"),
        ("s", "-"),
        ("t", "-"),
        ("z", "-"),
        ("q", "-"),
        ("PK", "-"),
    ] {
        assert_eq!(values(&statement, attribute), expected, "{attribute}");
    }
    assert_eq!(values(&accepted("insert into t value {}"), "pk"), "-");
}

#[test]
fn updates() {
    let statement = accepted(
        "UPDATE \"t\" SET a = 1 SET b.c = b.c + 1, \"d\" = list_append(e, ['x']) REMOVE f[1]
         REMOVE g SET h = SET_ADD(h, <<1>>) SET i = set_delete(i, <<'s'>>) SET j = k - -1
         SET l = {'x': NULL} WHERE pk = 'a' AND m <> 2",
    );
    assert_eq!(statement.verb(), Verb::Update);
    assert_eq!(statement.attributes().join(" "), "a b b d e f g h h i i j k l pk m");
    assert_eq!(statement.returning(), None);
    assert_eq!(values(&statement, "pk"), "a");
}

/// A key can't be changed. Where it can, nobody knows whose row the item becomes.
#[test]
fn what_is_changed_has_no_values() {
    for change in ["SET pk = 'b'", "REMOVE pk", "SET x = 1, pk = 'a'", "SET pk.x = 1"] {
        let statement = accepted(&format!("UPDATE t {change} WHERE pk = 'a'"));
        assert_eq!(values(&statement, "pk"), "-", "{change}");
    }
}

#[test]
fn deletes() {
    let statement = accepted("DELETE FROM t WHERE pk = 'a' AND sk = 3 RETURNING ALL OLD *");
    assert_eq!(statement.verb(), Verb::Delete);
    assert_eq!(statement.attributes(), ["pk", "sk"]);
    assert_eq!(statement.returning(), Some("ALL_OLD"));
    assert_eq!(values(&statement, "sk"), "#3");
}

#[test]
fn returning_is_named_as_elsewhere() {
    for (returning, expected) in [
        ("RETURNING ALL OLD *", "ALL_OLD"),
        ("returning all new*", "ALL_NEW"),
        ("RETURNING MODIFIED OLD *", "UPDATED_OLD"),
        ("RETURNING modified NEW *", "UPDATED_NEW"),
    ] {
        let statement = accepted(&format!("UPDATE t REMOVE a WHERE pk = 'a' {returning}"));
        assert_eq!(statement.returning(), Some(expected), "{returning}");
    }
}

#[test]
fn equality_says_which_values() {
    for (condition, expected) in [
        ("pk = 'a'", "a"),
        ("\"pk\"='a'", "a"),
        ("'a' = pk", "a"),
        ("(((pk = 'a')))", "a"),
        ("pk = 1", "#1"),
        ("pk = 1.0", "#1"),
        ("pk = 10e-1", "#1"),
        ("pk = -1", "#-1"),
        ("pk = - 1", "#-1"),
        ("pk = 1E+2", "#100"),
        ("pk = 'it''s'", "it's"),
        ("pk = ''''", "'"),
        ("pk = 'a\nb\"`;--/*?'", "a\nb\"`;--/*?"),
        ("pk = 'é'", "é"),
        ("pk IN ['a', 'b']", "a b"),
        ("pk IN ('a', 2)", "a #2"),
        ("pk IN ('a')", "a"),
        // No key is any of these.
        ("pk = ''", "-"),
        ("pk = TRUE", "-"),
        ("pk = null", "-"),
        ("pk = ['a']", "-"),
        ("pk = {'S': 'a'}", "-"),
        ("pk = <<'a'>>", "-"),
        ("pk IN ['a', NULL]", "-"),
        ("pk IN [['a']]", "-"),
        // Not the key.
        ("PK = 'a'", "-"),
        ("pk.x = 'a'", "-"),
        ("pk[0] = 'a'", "-"),
        ("\"pk.x\" = 'a'", "-"),
        ("\" pk\" = 'a'", "-"),
        ("x.pk = 'a'", "-"),
        ("size(pk) = 1", "-"),
        ("1 = size(pk)", "-"),
        // Not equal to something that is known.
        ("pk = x", "-"),
        ("x = pk", "-"),
        ("pk = \"a\"", "-"),
        ("pk IN ['a', x]", "-"),
        ("pk IN ['a', size(x)]", "-"),
        ("pk <> 'a'", "-"),
        ("pk != 'a'", "-"),
        ("pk < 'a'", "-"),
        ("pk <= 'a'", "-"),
        ("pk > 'a'", "-"),
        ("pk >= 'a'", "-"),
        ("pk BETWEEN 'a' AND 'a'", "-"),
        ("pk NOT BETWEEN 'a' AND 'b'", "-"),
        ("pk NOT IN ['a']", "-"),
        ("begins_with(pk, 'a')", "-"),
        ("CONTAINS(pk, 'a')", "-"),
        ("attribute_type(pk, 'S')", "-"),
        ("pk IS MISSING", "-"),
        ("pk IS NOT NULL", "-"),
        ("NOT pk = 'a'", "-"),
        ("NOT (pk = 'a')", "-"),
        ("NOT NOT pk = 'a'", "-"),
    ] {
        where_gives(condition, expected);
    }
}

#[test]
fn what_joins_conditions_joins_their_values() {
    for (condition, expected) in [
        ("pk = 'a' AND x = 1", "a"),
        ("x = 1 AND pk = 'a'", "a"),
        ("pk = 'a' AND pk = 'b'", "a b"),
        ("pk = 'a' AND pk <> 'b'", "a"),
        ("pk = 'a' OR pk = 'b'", "a b"),
        ("pk = 'a' OR x = 1", "-"),
        ("x = 1 OR pk = 'a'", "-"),
        ("pk = 'a' OR pk IN ['b', 'c']", "a b c"),
        ("(pk = 'a' OR x = 1) AND pk = 'b'", "b"),
        ("(pk = 'a' OR x = 1) AND y = 2", "-"),
        ("pk = 'a' AND x = 1 OR pk = 'b' AND y = 2", "a b"),
        ("pk = 'a' OR pk = 'b' AND x = 1", "a b"),
        ("pk = 'a' OR x = 1 AND y = 2", "-"),
        ("NOT x = 1 AND pk = 'a'", "a"),
        ("NOT (x = 1 AND pk = 'a')", "-"),
        ("x BETWEEN 1 AND 2 AND pk = 'a'", "a"),
        ("x BETWEEN 1 AND 2 OR pk = 'a'", "-"),
        ("pk = 'a' AND (sk = 1 OR sk = 2)", "a"),
    ] {
        where_gives(condition, expected);
    }
    assert_eq!(values(&accepted("SELECT * FROM t"), "pk"), "-");
}

#[test]
fn each_attribute_of_a_key_is_asked_for() {
    let statement = accepted("SELECT * FROM t WHERE a = 'x' AND b IN [1, 2] AND c > 3");
    assert_eq!(["a", "b", "c"].map(|name| values(&statement, name)), ["x", "#1 #2", "-"]);
}

#[test]
fn parameters_stand_in_order() {
    let text = "UPDATE t SET a = ?, b = [?, {'x': ?}] WHERE ? = x AND pk IN [?, 'l', ?]";
    let parameters =
        r#"[{"S": "0"}, {"S": "1"}, {"S": "2"}, {"S": "3"}, {"S": "4"}, {"B": "AQ=="}]"#;
    let statement = read(text, parameters).unwrap();
    assert_eq!(values(&statement, "pk"), "4 l AQ==");
    assert_eq!(values(&statement, "x"), "3");
    for parameter in [r#"{"S": ""}"#, r#"{"L": []}"#, r#"{"S": "a", "N": "1"}"#, r#"{"N": 1}"#, "1"]
    {
        let statement = read("SELECT * FROM t WHERE pk = ?", &format!("[{parameter}]")).unwrap();
        assert_eq!(values(&statement, "pk"), "-", "{parameter}");
    }
}
