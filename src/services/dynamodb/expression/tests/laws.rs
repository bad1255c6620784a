//! Laws over generated expressions.

use std::fmt::Write;

use proptest::{collection::vec, prelude::*};

use super::{generated::*, *};

fn name() -> impl Strategy<Value = Name> {
    let word = prop_oneof![
        4 => "[A-Za-z][A-Za-z0-9_]{0,6}",
        1 => prop::sample::select(vec!["size", "contains", "if_not_exists", "AND_", "inn"])
            .prop_map(str::to_owned),
    ];
    prop_oneof![
        word.prop_filter("a keyword", |word| {
            !KEYWORDS.contains(&word.to_ascii_uppercase().as_str())
        })
        .prop_map(Name::Bare),
        prop_oneof![".{1,6}", r"[a-c]\.[a-c](\[0\])?", Just("AND".to_owned())]
            .prop_map(Name::Placeholder),
    ]
}

fn path() -> impl Strategy<Value = Path> {
    let step = prop_oneof![name().prop_map(Step::Member), any::<u32>().prop_map(Step::Position)];
    (name(), vec(step, 0..3)).prop_map(|(attribute, way)| Path { attribute, way })
}

fn operand() -> impl Strategy<Value = Operand> {
    prop_oneof![
        path().prop_map(Operand::Path),
        path().prop_map(Operand::Size),
        Just(Operand::Value),
    ]
}

fn any_condition() -> impl Strategy<Value = Condition> {
    let comparators = vec!["=", "<>", "<", "<=", ">", ">="];
    let exists = vec!["attribute_exists", "attribute_not_exists"];
    let contains = vec!["contains", "begins_with"];
    let select = prop::sample::select::<&'static str>;
    let leaf = prop_oneof![
        (operand(), select(comparators), operand())
            .prop_map(|(left, comparator, right)| Condition::Comparison(left, comparator, right)),
        (operand(), operand(), operand())
            .prop_map(|(operand, low, high)| Condition::Between(operand, low, high)),
        (operand(), vec(operand(), 1..4)).prop_map(|(operand, list)| Condition::In(operand, list)),
        (select(exists), path()).prop_map(|(function, path)| Condition::Exists(function, path)),
        path().prop_map(Condition::Type),
        (select(contains), operand(), operand())
            .prop_map(|(function, whole, part)| Condition::Contains(function, whole, part)),
    ];
    leaf.prop_recursive(5, 24, 2, |inner| {
        let keyword = prop::sample::select(vec!["AND", "OR"]);
        prop_oneof![
            1 => inner.clone().prop_map(|inner| Condition::Not(Box::new(inner))),
            2 => inner.clone().prop_map(|inner| Condition::Group(Box::new(inner))),
            3 => (inner.clone(), keyword, inner).prop_map(|(left, keyword, right)| {
                Condition::Both(Box::new(left), keyword, Box::new(right))
            }),
        ]
    })
}

fn set_operand() -> impl Strategy<Value = Set> {
    let leaf = prop_oneof![path().prop_map(Set::Path), Just(Set::Value)];
    leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            (path(), inner.clone()).prop_map(|(path, other)| Set::IfNotExists(path, other.into())),
            (inner.clone(), inner.clone())
                .prop_map(|(first, second)| Set::ListAppend(first.into(), second.into())),
            inner.prop_map(|inner| Set::Group(inner.into())),
        ]
    })
}

fn clauses() -> impl Strategy<Value = Vec<Clause>> {
    let sign = prop::sample::select(vec!["+", "-"]);
    let second = prop::option::of((sign, set_operand()));
    let action = (path(), set_operand(), second, any::<bool>());
    let all = (
        vec(action, 1..4).prop_map(Clause::Set),
        vec(path(), 1..4).prop_map(Clause::Remove),
        vec(path(), 1..4).prop_map(|paths| Clause::Value("ADD", paths)),
        vec(path(), 1..4).prop_map(|paths| Clause::Value("DELETE", paths)),
    );
    all.prop_map(|(set, remove, add, delete)| vec![set, remove, add, delete])
        .prop_shuffle()
        .prop_flat_map(|clauses| (1..=clauses.len()).prop_map(move |n| clauses[..n].to_vec()))
}

fn any_keys() -> impl Strategy<Value = Vec<Key>> {
    let key = (0..8_usize, name(), ".{1,4}", any::<bool>())
        .prop_map(|(kind, name, value, grouped)| Key { kind, name, value, grouped });
    vec(key, 1..=8).prop_filter("an attribute twice", |keys| {
        let mut names: Vec<_> = keys
            .iter()
            .map(|key| match &key.name {
                Name::Bare(name) | Name::Placeholder(name) => name,
            })
            .collect();
        names.sort();
        names.windows(2).all(|pair| pair[0] != pair[1])
    })
}

/// Tokens and what isn't one, in any order.
fn soup() -> impl Strategy<Value = String> {
    let tokens = vec![
        "a",
        "b",
        "#a",
        "#b",
        "#",
        ":v",
        ":w",
        ":list",
        ":",
        "=",
        "<>",
        "<",
        "<=",
        ">",
        ">=",
        "(",
        ")",
        "((",
        "))",
        "[",
        "]",
        "[0]",
        ".",
        ",",
        "+",
        "-",
        "AND",
        "or",
        "NOT",
        "BETWEEN",
        "in",
        "SET",
        "remove",
        "ADD",
        "DELETE",
        "size(",
        "contains(",
        "begins_with(",
        "attribute_exists(",
        "if_not_exists(",
        "list_append(",
        "1",
        "0",
        "_",
        "é",
        "\0",
        "'",
        "a = :v",
        ":v",
        ":v",
        "a",
    ];
    let token = prop::sample::select(tokens);
    vec((token, prop::bool::weighted(0.7)), 0..14).prop_map(|tokens| {
        tokens.iter().fold(String::new(), |mut text, (token, blank)| {
            let _ = write!(text, "{token}{}", if *blank { " " } else { "" });
            text
        })
    })
}

fn read_all(text: &str) {
    for read in [condition as Read, projection, update] {
        let _ = attributes(read, text);
    }
    let _ = keys(text);
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,60}|[ -~\\s]{0,60}|(?s:.{0,60})") {
        read_all(&text);
    }

    #[test]
    fn no_tokens_panic_and_a_key_condition_is_a_condition(text in soup()) {
        read_all(&text);
        if let Ok((found, _)) = keys(&text) {
            prop_assert_eq!(attributes(condition, &text), Ok(found));
        }
    }

    #[test]
    fn a_condition_gives_its_attributes(
        condition in any_condition(),
        noise in vec(any::<u8>(), 1..40),
    ) {
        let mut text = Text::default();
        text.condition(&condition);
        text.check(super::condition, &noise);
    }

    #[test]
    fn a_projection_gives_its_attributes(
        paths in vec(path(), 1..6),
        noise in vec(any::<u8>(), 1..40),
    ) {
        let mut text = Text::default();
        for (i, path) in paths.iter().enumerate() {
            if i > 0 {
                text.push(",");
            }
            text.path(path);
        }
        text.check(projection, &noise);
    }

    #[test]
    fn an_update_gives_its_attributes(clauses in clauses(), noise in vec(any::<u8>(), 1..40)) {
        let mut text = Text::default();
        for clause in &clauses {
            text.clause(clause);
        }
        text.check(update, &noise);
    }

    #[test]
    fn a_key_condition_gives_its_equalities(
        keys in any_keys(),
        around in any::<bool>(),
        noise in vec(any::<u8>(), 1..40),
    ) {
        let mut text = Text::default();
        // Around one that has parentheses they would be redundant.
        let around = around && !(keys.len() == 1 && keys[0].grouped);
        if around {
            text.push("(");
        }
        let mut expected = Vec::new();
        for (i, key) in keys.iter().enumerate() {
            if i > 0 {
                text.push("AND");
            }
            expected.extend(text.key(key));
        }
        if around {
            text.push(")");
        }
        let spelled = text.spell(&noise);
        let (found, attributes) = text.with(|placeholders| {
            let mut attributes = Vec::new();
            let found = key_condition(&spelled, &placeholders, &mut attributes).unwrap();
            let found: Vec<_> = found
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.text().to_owned()))
                .collect();
            (found, attributes.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
        });
        prop_assert_eq!(found, expected, "{}", spelled);
        prop_assert_eq!(attributes, text.attributes);
    }
}
