//! Paths, alone in a projection and in all other expressions.

use super::*;

#[test]
fn a_path_gives_its_first_name() {
    let cases = [
        ("a", "a"),
        ("a.b[1].#a", "a"),
        ("a.b[1].c[0][10]", "a"),
        ("#a.b", "alpha"),
        ("#b", "beta.gamma[1]"),
        ("#b.c", "beta.gamma[1]"),
        ("#0", "null"),
        ("#_x", "x y"),
        ("a_1", "a_1"),
        ("A", "A"),
        (" a . b [ 1 ] \t\r\n. c", "a"),
        ("a,b", "a b"),
        ("a, a.b, #a, alpha", "a a alpha alpha"),
        // Words of other expressions and of other parts of this one.
        ("size, contains, if_not_exists", "size contains if_not_exists"),
        ("android, ORDER, inner, notes, settings", "android ORDER inner notes settings"),
    ];
    accepted(projection, &cases);
    for (path, expected) in cases.iter().filter(|(path, _)| !path.contains(',')) {
        accepted(condition, &[(&format!("attribute_exists({path})"), expected)]);
        accepted(condition, &[(&format!("size({path})<:v"), expected)]);
        accepted(update, &[(&format!("REMOVE {path}"), expected)]);
        accepted(update, &[(&format!("SET x={path}"), &format!("x {expected}"))]);
    }
}

#[test]
fn what_is_no_path_is_refused() {
    let cases = [
        "",
        " ",
        "_a",
        "1",
        "1a",
        "a b",
        "a.",
        ".a",
        "a..b",
        "a.1",
        "a.[1]",
        "a[]",
        "a[b]",
        "a[:v]",
        "a[#a]",
        "a[-1]",
        "a[+1]",
        "a[01]",
        "a[00]",
        "a[1",
        "a[1 1]",
        "a]",
        "a[1]b",
        "a-b",
        "a+b",
        "a#b",
        "a:v",
        "#",
        "# a",
        ":v",
        "\"a\"",
        "'a'",
        "`a`",
        "a\\b",
        "a/b",
        "a*",
        "*",
        "é",
        "aé",
        "a\u{a0}",
        "\u{feff}a",
        "a\u{b}",
        "a\u{c}",
        "a\0",
        "a--",
        "a;",
        "(a)",
        "a,",
        ",a",
        "a,,b",
        "AND",
        "or",
        "Not",
        "between",
        "in",
        "SET",
        "remove",
        "Add",
        "delete",
        "a.delete",
        "a.IN",
        "size(a)",
        "a(b)",
        "a.b(c)",
        "#a(b)",
        "a.b (c)",
        "a = :v",
        "##a",
        "#a#b",
        "#-",
        "a.*",
    ];
    refused(projection, &cases);
    for path in cases.iter().filter(|path| !path.starts_with("a,") && !path.contains(" =")) {
        refused(condition, &[&format!("attribute_exists({path})"), &format!("size({path})<:v")]);
        refused(update, &[&format!("SET {path}=:v"), &format!("ADD {path} :v")]);
    }
}
