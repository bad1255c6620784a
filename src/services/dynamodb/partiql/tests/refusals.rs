//! What isn't a statement, and what isn't the same statement to everybody.

use super::*;
use crate::services::dynamodb::partiql::reserved::RESERVED;

fn refusal(text: &str) -> &'static str {
    match read(text, "[]") {
        Err(error) => error.reason(),
        Ok(statement) => panic!("{text}: {statement:?}"),
    }
}

#[track_caller]
fn refused(reason: &str, texts: &[&str]) {
    for text in texts {
        assert_eq!(refusal(text), reason, "{text}");
    }
}

#[track_caller]
fn refused_where(reason: &str, conditions: &[&str]) {
    for condition in conditions {
        assert_eq!(refusal(&format!("SELECT * FROM t WHERE {condition}")), reason, "{condition}");
    }
}

#[test]
fn what_some_programs_skip() {
    refused(
        "partiql_unsupported",
        &[
            "SELECT * FROM t -- WHERE pk = 'a'",
            "SELECT * FROM t WHERE pk = 'a' -- AND x = 1\nOR y = 2",
            "SELECT * FROM t WHERE pk = 'a' /* OR x = 1 */",
            "/**/SELECT * FROM t",
            "SELECT * FROM t;",
            "SELECT * FROM t WHERE pk = 'a'; DELETE FROM t WHERE pk = 'b'",
            "SELECT * FROM t WHERE x = 1--1",
            // Other blanks and letters than ASCII's, at the beginning and between words.
            "\u{feff}SELECT * FROM t",
            "SELECT * FROM t WHERE\u{a0}pk = 'a'",
            "SELECT * FROM t WHERE pk\u{c}= 'a'",
            "SELECT * FROM t WHERE pk = 'a'\0",
            "SELECT * FROM t WHERE ｐｋ = 'a'",
            "SELECT * FROM t WHERE pk = ‘a’",
            "SELECT * FROM t # x",
        ],
    );
}

#[test]
fn quotes_that_could_end_elsewhere() {
    refused_where(
        "partiql_unsupported",
        &[
            r"pk = 'a\' OR x = '1'",
            r"pk = 'a\\'",
            r"pk = '\u0061'",
            "\"p\"\"k\" = 'a'",
            r#""p\"k" = 'a'"#,
            "\"\" = 'a'",
            "pk = 'a\0'",
            "pk = 'a\u{8}b'",
            "\"pk\u{7f}\" = 'a'",
            "pk = `a`",
            "`pk` = 'a'",
        ],
    );
    refused_where("partiql_unterminated_quote", &["pk = 'a", "pk = 'a''", "\"pk = 'a'", "pk = '"]);
    refused_where("partiql_syntax", &["pk = 'a' 'b'", "pk = 'a'\"b\"", "'a'"]);
}

#[test]
fn numbers_that_have_several_readings() {
    refused_where(
        "partiql_number",
        &[
            "pk = 01",
            "pk = 00",
            "pk = 1.",
            "pk = 1.x",
            "pk = 1e",
            "pk = 1ex",
            "pk = 1e+",
            "pk = 1.2.3",
            "pk = 1x",
            "pk = 0x10",
            "pk = 1_000",
            "pk = 1'a'",
            "pk = 1é",
            "pk = 1e126",
            "pk = 1e-131",
            "pk = 1e99999999999",
            "pk = 123456789012345678901234567890123456789",
            "x[00] = 1",
        ],
    );
    refused_where(
        "partiql_syntax",
        &["pk = .5", "pk = +1", "pk = - -1", "pk = -x", "pk = 1 2", "pk = -", "pk = 1 + 1"],
    );
}

#[test]
fn names_that_need_quotes() {
    for word in RESERVED {
        let text = format!("SELECT * FROM t WHERE {word} = 1");
        assert!(read(&text, "[]").is_err(), "{text}");
        let text = format!("SELECT * FROM t WHERE a.{} = 1", word.to_uppercase());
        assert_eq!(refusal(&text), "partiql_reserved_word", "{text}");
        let text = format!("SELECT \"{word}\" FROM t WHERE x.\"{word}\" = 1");
        assert_eq!(accepted(&text).attributes(), [word, "x"], "{text}");
    }
    refused(
        "partiql_reserved_word",
        &[
            "SELECT * FROM table",
            "SELECT value x FROM t",
            "SELECT DISTINCT a FROM t",
            "SELECT * FROM t WHERE missing = 1",
            "SELECT * FROM t WHERE x = missing",
            "SELECT * FROM t WHERE pk = DATE",
            "UPDATE t SET a = current_user WHERE pk = 'a'",
            "SELECT FROM t",
        ],
    );
    refused(
        "partiql_syntax",
        &[
            "SELECT * FROM my-table",
            "SELECT * FROM my.table",
            "SELECT * FROM t.\"i\"",
            "SELECT * FROM \"t\".i",
            "SELECT * FROM \"t\".\"i\".\"j\"",
            "SELECT * FROM 't'",
            "SELECT 'secret' FROM t",
            "SELECT m.'secret' FROM t",
            "SELECT my-name FROM t",
            "SELECT ? FROM t",
        ],
    );
    refused(
        "partiql_unsupported",
        &["SELECT * FROM \"t u\"", "SELECT * FROM \"t'\"", "SELECT * FROM \"t\".\"i;\""],
    );
}

#[test]
fn the_table_is_no_attribute() {
    refused(
        "partiql_unsupported",
        &[
            "SELECT t.secret FROM t",
            "SELECT T FROM t",
            "SELECT \"t\" FROM \"t\"",
            "SELECT I.x FROM \"t\".\"i\"",
            "SELECT * FROM t WHERE t.pk = 'a'",
            "SELECT * FROM \"arn:aws:dynamodb:eu-west-1:123456789012:table/Music\" WHERE music.x = 1",
            "UPDATE t SET t.a = 1 WHERE pk = 'a'",
        ],
    );
    assert_eq!(accepted("INSERT INTO t VALUE {'t': 1}").attributes(), ["t"]);
}

#[test]
fn statements_of_other_languages() {
    refused(
        "partiql_syntax",
        &[
            "",
            " ",
            "(SELECT * FROM t)",
            "CREATE TABLE t",
            "FROM t WHERE pk = 'a' SET x = 1",
            "\"SELECT\" * FROM t",
            "SELECT",
            "SELECT *",
            "SELECT * FROM",
            "SELECT *, a FROM t",
            "SELECT a, * FROM t",
            "SELECT a.* FROM t",
            "SELECT a[*] FROM t",
            "SELECT a['x'] FROM t",
            "SELECT a[-1] FROM t",
            "SELECT a[1e2] FROM t",
            "SELECT a[x] FROM t",
            "SELECT a AS b FROM t",
            "SELECT a b FROM t",
            "SELECT a + 1 FROM t",
            "SELECT (a) FROM t",
            "SELECT * FROM t AS u",
            "SELECT * FROM t u",
            "SELECT * FROM t, u",
            "SELECT * FROM t JOIN u",
            "SELECT * FROM t u WHERE pk = 'a'",
            "SELECT * FROM (SELECT * FROM t)",
            "SELECT * FROM t LIMIT 1",
            "SELECT * FROM t GROUP BY a",
            "SELECT * FROM t UNION SELECT * FROM u",
            "SELECT * FROM t WHERE pk = 'a' x = 1",
            "SELECT * FROM t WHERE pk = 'a' RETURNING ALL OLD *",
            "SELECT * FROM t ORDER BY 'a'",
            "SELECT * FROM t ORDER BY a NULLS FIRST",
            "SELECT * FROM t ORDER BY a WHERE pk = 'a'",
            "EXISTS SELECT * FROM t",
            "EXISTS(SELECT * FROM t",
            "EXISTS((SELECT * FROM t))",
            "EXISTS(DELETE FROM t WHERE pk = 'a')",
            "EXISTS(SELECT * FROM t) AND x = 1",
            "NOT EXISTS(SELECT * FROM t)",
        ],
    );
    refused("partiql_unsupported", &["SELECT count(*) FROM t", "SELECT size(a) FROM t"]);
}

#[test]
fn inserts_of_other_languages() {
    refused(
        "partiql_syntax",
        &[
            "INSERT t VALUE {'pk': 'a'}",
            "INSERT INTO t VALUES {'pk': 'a'}",
            "INSERT INTO t VALUE ('a')",
            "INSERT INTO t VALUE <<{'pk': 'a'}>>",
            "INSERT INTO t VALUE ?",
            "INSERT INTO t {'pk': 'a'}",
            "INSERT INTO t u VALUE {'pk': 'a'}",
            "INSERT INTO \"t\".\"i\" VALUE {'pk': 'a'}",
            "INSERT INTO t VALUE {'pk': 'a'} IF NOT EXISTS",
            "INSERT INTO t VALUE {'pk': 'a'} ON CONFLICT DO NOTHING",
            "INSERT INTO t VALUE {'pk': 'a'} RETURNING ALL OLD *",
            "INSERT INTO t VALUE {pk: 'a'}",
            "INSERT INTO t VALUE {'pk': x}",
            "INSERT INTO t VALUE {'pk': \"a\"}",
            "INSERT INTO t VALUE {'pk' = 'a'}",
            "INSERT INTO t VALUE {'pk': 'a' 'b': 1}",
            "INSERT INTO t VALUE {'pk': 'a',}",
            "INSERT INTO t VALUE {,'pk': 'a'}",
            "INSERT INTO t VALUE {'pk': 'a',,'b': 1}",
            "INSERT INTO t VALUE {'pk': 'a'",
            "INSERT INTO t VALUE {'pk': MISSING}",
            "INSERT INTO t VALUE {'a': [1, ]}",
            "INSERT INTO t VALUE {'a': <<>>}",
            "INSERT INTO t VALUE {'a': <<?>>}",
            "INSERT INTO t VALUE {'a': <<TRUE>>}",
            "INSERT INTO t VALUE {'a': < <1> >}",
            "INSERT INTO t VALUE {'pk': 'a' + 'b'}",
            "INSERT INTO t VALUE {'pk': ('a')}",
            "INSERT INTO t VALUE {'pk': list_append(a, b)}",
        ],
    );
    refused(
        "partiql_repeated_name",
        &[
            "INSERT INTO t VALUE {'pk': 'a', 'pk': 'b'}",
            "INSERT INTO t VALUE {'pk': 'a', \"pk\": 'a'}",
            "INSERT INTO t VALUE {'it''s': 1, \"it's\": 1}",
            "INSERT INTO t VALUE {'m': {'a': 1, 'a': 2}}",
        ],
    );
    refused(
        "partiql_unsupported",
        &[
            "INSERT INTO t VALUE {'': 1}",
            "INSERT INTO t VALUE {'pk': X'61'}",
            "INSERT INTO t VALUE {'pk': date '2020-01-01'}",
            "INSERT INTO t VALUE {'pk': `a`}",
        ],
    );
}

#[test]
fn changes_of_other_languages() {
    refused(
        "partiql_syntax",
        &[
            "UPDATE t WHERE pk = 'a'",
            "UPDATE t SET a = 1",
            "UPDATE t SET a WHERE pk = 'a'",
            "UPDATE t SET a : 1 WHERE pk = 'a'",
            "UPDATE t REMOVE a, b WHERE pk = 'a'",
            "UPDATE t WHERE pk = 'a' SET a = 1",
            "UPDATE t u SET a = 1 WHERE pk = 'a'",
            "UPDATE \"t\".\"i\" SET a = 1 WHERE pk = 'a'",
            "UPDATE t SET 'a' = 1 WHERE pk = 'a'",
            "UPDATE t SET a = 1 + 2 + 3 WHERE pk = 'a'",
            "UPDATE t SET a = b * 2 WHERE pk = 'a'",
            "UPDATE t SET a = (b) WHERE pk = 'a'",
            "UPDATE t SET a = list_append(b) WHERE pk = 'a'",
            "UPDATE t SET a = list_append(b, c, d) WHERE pk = 'a'",
            "UPDATE t SET a = set_add(b, c) + 1 WHERE pk = 'a'",
            "UPDATE t SET a = +1 WHERE pk = 'a'",
            "UPDATE t SET a = 1 WHERE pk = 'a' RETURNING *",
            "UPDATE t SET a = 1 WHERE pk = 'a' RETURNING ALL *",
            "UPDATE t SET a = 1 WHERE pk = 'a' RETURNING ALL OLD",
            "UPDATE t SET a = 1 WHERE pk = 'a' RETURNING ALL OLD a",
            "UPDATE t SET a = 1 WHERE pk = 'a' RETURNING ALL OLD *, MODIFIED NEW *",
            "UPDATE t SET a = 1 RETURNING ALL OLD * WHERE pk = 'a'",
            "UPDATE t SET a = 1 WHERE pk = 'a' ORDER BY a",
            "DELETE FROM t",
            "DELETE t WHERE pk = 'a'",
            "DELETE FROM t RETURNING ALL OLD *",
            "DELETE FROM \"t\".\"i\" WHERE pk = 'a'",
            "DELETE FROM t u WHERE pk = 'a'",
            "DELETE FROM t WHERE pk = 'a' LIMIT 1",
        ],
    );
    refused(
        "partiql_unsupported",
        &[
            "UPDATE t SET a = if_not_exists(a, 1) WHERE pk = 'a'",
            "UPDATE t SET a = size(b) WHERE pk = 'a'",
            "DELETE FROM t WHERE pk = 'a' RETURNING ALL NEW *",
            "DELETE FROM t WHERE pk = 'a' RETURNING MODIFIED OLD *",
        ],
    );
}

#[test]
fn conditions_of_other_languages() {
    refused_where(
        "partiql_syntax",
        &[
            "",
            "pk",
            "TRUE",
            "pk =",
            "= 'a'",
            "pk = 'a' AND",
            "pk = 'a' AND ) x = 1",
            "(pk = 'a'",
            "pk = 'a')",
            "()",
            "pk = ('a')",
            "(pk) = 'a'",
            "pk = x = 'a'",
            "pk <=> 'a'",
            "pk < > 'a'",
            "pk LIKE 'a%'",
            "pk IN 'a'",
            "pk IN ?",
            "pk IN []",
            "pk IN ()",
            "pk IN ['a',]",
            "pk IN ['a' 'b']",
            "pk IN ['a', 'b')",
            "pk IN (('a'))",
            "pk IN <<'a'>>",
            "'a' IN [pk]",
            "pk IS 'a'",
            "pk IS STRING",
            "pk IS NOT",
            "'a' IS MISSING",
            "size(x) IS MISSING",
            "pk NOT = 'a'",
            "pk NOT NOT IN ['a']",
            "pk BETWEEN 'a'",
            "pk BETWEEN 'a', 'b'",
            "pk BETWEEN 'a' OR 'b'",
            "pk BETWEEN ('a' AND 'b')",
            "x BETWEEN 1 AND pk = 'a'",
            "'a' BETWEEN 'a' AND pk",
            "begins_with(pk)",
            "begins_with('a', pk)",
            "begins_with(pk, 'a', 'b')",
            "begins_with(pk, 'a') = TRUE",
            "contains(x, y)",
            "size(x)",
            "size('a') > 1",
            "size(x) + 1 > 2",
            "\"begins_with\"(pk, 'a')",
            "\"size\"(pk) = 1",
            "x.\"size\"(pk) = 1",
            "pk = 'a' - 'b'",
            "{'pk': 'a'}",
            "pk = :v",
        ],
    );
    refused_where(
        "partiql_unsupported",
        &[
            "pk == 'a'",
            "pk = 'a' && x = 1",
            "pk = 'a' || x = 1",
            "! pk = 'a'",
            "pk ^ 1",
            "1 = 1",
            "'a' = 'a'",
            "attribute_exists(pk)",
            "lower(pk) = 'a'",
            "pk = lower('A')",
            "pk = 'a' AND upper(x) = 'A'",
            "pk = X'61'",
            "pk = date '2020-01-01'",
            "x.size(pk) = 1",
            "@pk = 'a'",
            "$pk = 'a'",
            "pk = 'a' % 1",
        ],
    );
    refused_where("partiql_reserved_word", &["exists = 1", "pk = SELECT", "NOT AND"]);
    refused_where("partiql_unsupported", &["EXISTS(SELECT * FROM t)", "pk = cast(1)"]);
}

#[test]
fn as_many_parameters_as_places() {
    for (text, parameters, expected, given) in [
        ("SELECT * FROM t WHERE pk = ?", "[]", 1, 0),
        ("SELECT * FROM t WHERE pk = 'a'", r#"[{"S": "a"}]"#, 0, 1),
        ("SELECT * FROM t WHERE pk = '?'", r#"[{"S": "a"}]"#, 0, 1),
        ("SELECT * FROM t WHERE pk = ? AND x = ?", r#"[{"S": "a"}]"#, 2, 1),
    ] {
        let error = read(text, parameters).unwrap_err();
        assert_eq!(error, PartiqlError::Parameters { expected, given }, "{text}");
    }
}

#[test]
fn long_and_deep_statements() {
    let long = |length: usize| format!("SELECT * FROM t WHERE pk = '{}'", "a".repeat(length - 29));
    assert!(read(&long(8192), "[]").is_ok());
    assert_eq!(refusal(&long(8193)), "partiql_too_long");

    let nested = |open: &str, middle: &str, close: &str, depth: usize| {
        format!("SELECT * FROM t WHERE {}{middle}{}", open.repeat(depth), close.repeat(depth))
    };
    for (open, middle, close) in
        [("(", "pk = 'a'", ")"), ("NOT ", "pk = 'a'", ""), ("NOT(", "pk = 'a'", ")")]
    {
        assert!(read(&nested(open, middle, close, 32), "[]").is_ok(), "{open}");
        assert_eq!(refusal(&nested(open, middle, close, 65)), "partiql_too_deep", "{open}");
        assert_eq!(refusal(&nested(open, middle, close, 900)), "partiql_too_deep", "{open}");
    }
    for (open, close) in [("[", "]"), ("{'a':", "}")] {
        let value = |depth| {
            format!("SELECT * FROM t WHERE x = {}1{}", open.repeat(depth), close.repeat(depth))
        };
        assert!(read(&value(64), "[]").is_ok(), "{open}");
        assert_eq!(refusal(&value(65)), "partiql_too_deep", "{open}");
    }
    // As wide as it can be.
    let wide = format!("SELECT * FROM t WHERE pk=1{}", " OR pk=1".repeat(1000));
    assert_eq!(accepted(&wide).values_of("pk").map(|values| values.len()), Some(1001));
}

#[test]
fn errors_say_where() {
    for (text, message) in [
        (
            "SELECT * FROM t WHERE é",
            "a character at character 23 of the statement can't be authorized",
        ),
        (
            "SELECT * FROM t WHERE \"é\" = 'é' x",
            "expected the end at character 33 of the statement, found a name",
        ),
        (
            "SELECT * FROM t LIMIT 3",
            "expected the end at character 17 of the statement, found limit",
        ),
        (
            "SELECT user FROM t",
            "user at character 8 of the statement is a reserved word; as a name it needs double quotes",
        ),
        (
            "SELECT * FROM t WHERE pk = 'secret",
            "the quote at character 28 of the statement never ends",
        ),
        ("SELECT * FROM t WHERE pk = ?", "the statement has 1 parameters, the request has 0"),
        (
            "SELECT upper(a) FROM t",
            "this function at character 8 of the statement can't be authorized",
        ),
    ] {
        assert_eq!(read(text, "[]").unwrap_err().to_string(), message, "{text}");
    }
}

#[test]
fn reserved_words_are_in_order() {
    assert!(RESERVED.is_sorted());
    assert!(RESERVED.iter().all(|word| !word.bytes().any(|byte| byte.is_ascii_uppercase())));
    // Names that DynamoDB takes without quotes, and that people have.
    for name in ["name", "type", "status", "data", "year", "owner", "pk", "id", "email", "contains"]
    {
        assert!(read(&format!("SELECT {name} FROM t"), "[]").is_ok(), "{name}");
    }
}
