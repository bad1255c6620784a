//! Key conditions.

use super::*;

#[test]
fn key_conditions() {
    for (text, attributes, equalities) in [
        ("pk = :v", "pk", "pk=v"),
        ("pk=:v", "pk", "pk=v"),
        (":v = pk", "pk", "pk=v"),
        ("#a = :v", "alpha", "alpha=v"),
        (":v=#b", "beta.gamma[1]", "beta.gamma[1]=v"),
        ("pk = :0", "pk", "pk=1"),
        ("pk = :_x", "pk", "pk=AQ=="),
        ("(pk = :v)", "pk", "pk=v"),
        ("(:v = pk)", "pk", "pk=v"),
        ("pk = :v AND sk = :w", "pk sk", "pk=v sk=w"),
        ("sk = :w and pk = :v", "sk pk", "sk=w pk=v"),
        ("pk = :v AND sk < :w", "pk sk", "pk=v"),
        ("pk = :v AND sk <= :w", "pk sk", "pk=v"),
        ("pk = :v AND sk > :w", "pk sk", "pk=v"),
        ("sk >= :w AND pk = :v", "sk pk", "pk=v"),
        ("pk = :v AND :w <= sk", "pk sk", "pk=v"),
        ("pk = :v AND sk BETWEEN :v AND :w", "pk sk", "pk=v"),
        ("sk BETWEEN :v AND :w AND pk = :v", "sk pk", "pk=v"),
        ("sk between :v and :w and pk = :v", "sk pk", "pk=v"),
        ("pk = :v AND begins_with(sk, :w)", "pk sk", "pk=v"),
        ("begins_with ( #a , :w ) AND pk = :v", "alpha pk", "pk=v"),
        ("(pk = :v) AND (sk = :w)", "pk sk", "pk=v sk=w"),
        ("(pk = :v AND sk = :w)", "pk sk", "pk=v sk=w"),
        ("((pk = :v) AND (sk BETWEEN :v AND :w))", "pk sk", "pk=v"),
        ("((pk = :v) AND sk = :w) AND c = :v", "pk sk c", "pk=v sk=w c=v"),
        ("sk < :v", "sk", ""),
        (
            "a=:v AND b=:w AND c=:v AND d=:w AND e=:v AND f=:w AND g=:v AND h>:w",
            "a b c d e f g h",
            "a=v b=w c=v d=w e=v f=w g=v",
        ),
        (
            "begins_with = :v AND PK = :w AND pk = :v",
            "begins_with PK pk",
            "begins_with=v PK=w pk=v",
        ),
    ] {
        let expected = Ok((attributes.to_owned(), equalities.to_owned()));
        assert_eq!(keys(text), expected, "{text}");
    }
}

#[test]
fn what_is_no_key_condition_is_refused() {
    for text in [
        "",
        " ",
        "pk",
        ":v",
        "pk =",
        "pk = sk",
        ":v = :w",
        "pk = :v OR sk = :w",
        "NOT pk = :v",
        "pk = :v AND NOT sk = :w",
        "pk <> :v",
        ":v <> pk",
        "pk IN (:v)",
        "pk = :v OR pk = :w",
        "pk = :v AND (sk = :w OR sk = :v)",
        "pk.a = :v",
        "pk[0] = :v",
        ":v = pk.a",
        ":v = pk[0]",
        ":v = pk . a",
        "#a.b = :v",
        "pk = :v AND sk.a < :w",
        "begins_with(sk.a, :v)",
        "sk.a BETWEEN :v AND :w",
        "pk = :v.a",
        "pk = :v = :v",
        "pk = :v sk = :w",
        "pk = :v,",
        "pk = :v AND",
        "AND pk = :v",
        "pk = :v AND sk",
        "pk == :v",
        "pk = (:v)",
        "(pk) = :v",
        "pk BETWEEN :v AND",
        "pk BETWEEN a AND b",
        ":v BETWEEN pk AND sk",
        "pk BETWEEN :v OR :w",
        "pk BETWEEN (:v AND :w)",
        "pk BETWEEN :v AND :w AND",
        "pk BETWEEN :v",
        "begins_with(pk)",
        "begins_with(:v, pk)",
        "begins_with(pk, sk)",
        "Begins_With(pk, :v)",
        "BEGINS_WITH(pk, :v)",
        "begins_with(pk, :v",
        "begins_with((pk), :v)",
        "begins_with(pk, :v) = :v",
        "attribute_exists(pk)",
        "contains(pk, :v)",
        "size(pk) = :v",
        "pk = size(sk)",
        "begins_with(pk, :v, :w)",
        "(pk = :v",
        "pk = :v)",
        "()",
        "(pk = :v) (sk = :w)",
        "pk = :v + :w",
        "SET pk = :v",
        "pk = :v SET a = :v",
        "and = :v",
        "_pk = :v",
        "pk = 'v'",
        "pk = :v AND AND sk = :w",
        "pk = :v ANDsk = :w",
        "pk = :v /* */",
        "pk ＝ :v",
    ] {
        let result = keys(text);
        assert!(matches!(result, Err(ExpressionError::Syntax { .. })), "{text}: {result:?}");
    }
    for text in [
        "pk = :v AND pk = :w",
        "pk = :v AND pk > :w",
        "pk > :v AND pk < :w",
        "pk = :v AND begins_with(pk, :w)",
        "(pk = :v) AND :w = pk",
        "alpha = :v AND #a = :w",
        "#a = :v AND #a = :v",
    ] {
        assert_eq!(keys(text), Err(ExpressionError::RepeatedKey), "{text}");
    }
    for text in ["((pk = :v))", "((pk = :v)) AND sk = :w", "((pk = :v AND sk = :w))"] {
        assert_eq!(keys(text), Err(ExpressionError::RedundantParentheses), "{text}");
    }
    for text in ["pk = :list", ":list = pk", "pk = :v AND sk = :list"] {
        assert_eq!(keys(text), Err(ExpressionError::NoKey(":list".into())), "{text}");
    }
    let nine: Vec<_> = ["a", "b", "c", "d", "e", "f", "g", "h", "i"]
        .iter()
        .map(|name| format!("{name} = :v"))
        .collect();
    assert!(keys(&nine[..8].join(" AND ")).is_ok());
    assert_eq!(keys(&nine.join(" AND ")), Err(ExpressionError::TooManyKeys));
}

#[test]
fn what_a_query_named_before_is_no_repetition() {
    with(NAMES, VALUES, |placeholders| {
        let mut attributes = Vec::new();
        condition("pk = :v", &placeholders, &mut attributes).unwrap();
        let equalities = key_condition("pk = :v", &placeholders, &mut attributes).unwrap();
        assert_eq!((attributes, equalities.len()), (vec!["pk", "pk"], 1));
    });
}
