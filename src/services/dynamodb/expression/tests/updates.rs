//! Updates.

use super::*;

#[test]
fn updates() {
    accepted(
        update,
        &[
            ("SET a = :v", "a"),
            ("set a=:v,b=:w", "a b"),
            ("SET a = b", "a b"),
            ("SET a.b[1] = c.d", "a c"),
            ("SET a = a + :v", "a a"),
            ("SET a = b-c", "a b c"),
            ("SET a = :v + :w", "a"),
            ("SET a = (b + :v)", "a b"),
            ("SET a = (b)", "a b"),
            ("SET a = (b) + (c)", "a b c"),
            ("SET a = ((b) + (c))", "a b c"),
            ("SET a = if_not_exists(b, :v)", "a b"),
            ("SET a = if_not_exists(b, c)", "a b c"),
            ("SET a = if_not_exists(a, :v) + :w", "a a"),
            ("SET a = :v - if_not_exists(b, c)", "a b c"),
            ("SET a = (if_not_exists(a, :v)) + :w", "a a"),
            ("SET a = list_append(b, :list)", "a b"),
            ("SET a = list_append(:list, b)", "a b"),
            ("SET a = list_append(if_not_exists(b, :list), c)", "a b c"),
            ("SET a = if_not_exists(b, if_not_exists(c, list_append(d, :v)))", "a b c d"),
            ("SET a = list_append (( b ), c)", "a b c"),
            ("REMOVE a", "a"),
            ("remove a, b[1],#a", "a b alpha"),
            ("ADD a :v", "a"),
            ("ADD a:v,b.c :w", "a b"),
            ("DELETE a :v, b :w", "a b"),
            ("SET a = :v REMOVE b ADD c :v DELETE d :v", "a b c d"),
            ("DELETE a :v ADD b :v REMOVE c SET d = e", "a b c d e"),
            ("REMOVE a[0]SET b=:v", "a b"),
            ("SET #a=:v\nREMOVE#b", "alpha beta.gamma[1]"),
            ("SET list_append = if_not_exists", "list_append if_not_exists"),
        ],
    );
}

#[test]
fn what_is_no_update_is_refused() {
    refused(
        update,
        &[
            "",
            " ",
            "a = :v",
            "SET",
            "SET a",
            "SET a =",
            "SET = :v",
            "SET a = :v,",
            "SET ,a = :v",
            "SET a = :v b = :w",
            "SET a : v",
            "SET a :v",
            "SET :v = a",
            "SET :v = :w",
            "SET a <> :v",
            "SET a = b = c",
            "SET a = 1",
            "SET a = b + 1",
            "SET a = -:v",
            "SET a = +:v",
            "SET a = b + c + d",
            "SET a = b + c - d",
            "SET a = (b + c) + d",
            "SET a = b + (c + d)",
            "SET a = b * c",
            "SET a = b / c",
            "SET a = b +",
            "SET a = + b",
            "SET a = (b",
            "SET a = b)",
            "SET a = ()",
            "SET (a) = :v",
            "SET a = (b, c)",
            "SET (a = :v)",
            "(SET a = :v)",
            "SET a = if_not_exists(a)",
            "SET a = if_not_exists(:v, a)",
            "SET a = if_not_exists()",
            "SET a = if_not_exists((a), :v)",
            "SET a = if_not_exists(a, :v, :w)",
            "SET a = if_not_exists(a, b + c)",
            "SET a = if_not_exists(a, (b + c))",
            "SET a = if_not_exists(if_not_exists(a, :v), :w)",
            "SET a = If_not_exists(a, :v)",
            "SET a = IF_NOT_EXISTS(a, :v)",
            "SET a = list_append(a)",
            "SET a = list_append()",
            "SET a = list_append(a, b, c)",
            "SET a = list_append(a b)",
            "SET a = LIST_APPEND(a, b)",
            "SET a = list_append(a, b + c)",
            "SET if_not_exists(a, :v) = b",
            "SET a = size(b)",
            "SET a = attribute_exists(b)",
            "SET a = contains(b, :v)",
            "SET a = b(c)",
            "SET a = b AND c = :v",
            "SET a = NOT b",
            "SET a = if_not_exists(a, :v).b",
            "REMOVE",
            "REMOVE a b",
            "REMOVE a,",
            "REMOVE :v",
            "REMOVE a = :v",
            "REMOVE a :v",
            "REMOVE (a)",
            "REMOVE size(a)",
            "ADD a",
            "ADD",
            "ADD a b",
            "ADD a = :v",
            "ADD a, :v",
            "ADD a :v b :v",
            "ADD a :v,",
            "ADD :v a",
            "ADD a (:v)",
            "ADD a :v + :w",
            "ADD a if_not_exists(a, :v)",
            "DELETE a",
            "DELETE a, b",
            "DELETE a :v :w",
            "DELETE",
            "AND a = :v",
            "BETWEEN a",
            "SETa = :v",
            "REMOVEa",
            "SET a = :v, REMOVE b",
            "SET a = :v AND REMOVE b",
            "SET set = :v",
            "SET a.add = :v",
            "REMOVE remove",
            "REMOVE a SET",
            "SET a = :v; REMOVE b",
            "PUT a :v",
            "SET a = :v ADD",
        ],
    );
    for text in [
        "SET a = :v SET b = :w",
        "REMOVE a SET b = :v REMOVE c",
        "ADD a :v add b :v",
        "DELETE a :v REMOVE b DELETE c :w",
        "SET a = :v REMOVE b ADD c :v DELETE d :v SET",
    ] {
        assert_eq!(attributes(update, text), Err(ExpressionError::RepeatedClause), "{text}");
    }
    for text in ["SET a = ((b))", "SET a = ((b + c))", "SET a = ((b)) + c", "SET a = b + ((c))"] {
        assert_eq!(attributes(update, text), Err(ExpressionError::RedundantParentheses), "{text}");
    }
}

#[test]
fn what_is_written_is_told_apart_from_what_is_read() {
    for (text, changed) in [
        ("SET a = b", "a"),
        ("SET a.b[1] = c.d, #a = if_not_exists(e, f) + :v", "a alpha"),
        ("REMOVE a, b[1], #b", "a b beta.gamma[1]"),
        ("ADD a :v, b.c :w DELETE d :v", "a b d"),
        ("DELETE a :v ADD b :v REMOVE c SET d = e", "a b c d"),
        ("SET a = list_append(b, c) REMOVE a", "a a"),
    ] {
        let found = with(NAMES, VALUES, |placeholders| {
            super::super::update(text, &placeholders, &mut Vec::new()).map(|names| names.join(" "))
        });
        assert_eq!(found.as_deref(), Ok(changed), "{text}");
    }
}
