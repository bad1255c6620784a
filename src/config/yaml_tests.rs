use proptest::prelude::*;

use super::{Entry, Kind, Node, Value, parse, resolve};
use crate::config::problem::Position;

fn at(line: usize, column: usize) -> Position {
    Position { line, column }
}

fn scalar(text: &str, kind: Kind, position: Position) -> Node {
    Node { position, value: Value::Scalar { text: text.into(), kind } }
}

#[test]
fn everything_knows_its_place() {
    let (root, wrongs) = parse("# c\na: 1\nb:\n  - x\n  - { é: \"2\", z: off }\n");
    assert!(wrongs.is_empty());
    let entry = |key: &str, position, value| Entry { key: key.into(), position, value };
    let inner = vec![
        entry("é", at(5, 7), scalar("2", Kind::Text, at(5, 10))),
        entry("z", at(5, 15), scalar("off", Kind::Text, at(5, 18))),
    ];
    let items = vec![
        scalar("x", Kind::Text, at(4, 5)),
        Node { position: at(5, 5), value: Value::Mapping(inner) },
    ];
    let entries = vec![
        entry("a", at(2, 1), scalar("1", Kind::Integer(Some(1)), at(2, 4))),
        entry("b", at(3, 1), Node { position: at(4, 3), value: Value::Sequence(items) }),
    ];
    assert_eq!(root, Some(Node { position: at(2, 1), value: Value::Mapping(entries) }));
}

#[test]
fn scalars_follow_the_core_schema() {
    for (text, kind) in [
        ("", Kind::Null),
        ("~", Kind::Null),
        ("null", Kind::Null),
        ("nULL", Kind::Text),
        ("true", Kind::Bool(true)),
        ("False", Kind::Bool(false)),
        ("yes", Kind::Text),
        ("off", Kind::Text),
        ("0", Kind::Integer(Some(0))),
        ("-7", Kind::Integer(Some(-7))),
        ("+7", Kind::Integer(Some(7))),
        ("012", Kind::Integer(Some(12))),
        ("0o17", Kind::Integer(Some(15))),
        ("0o8", Kind::Text),
        ("0xfF", Kind::Integer(Some(255))),
        ("99999999999999999999", Kind::Integer(None)),
        ("1.5", Kind::Float),
        (".5", Kind::Float),
        ("1.", Kind::Float),
        (".", Kind::Text),
        ("1e5", Kind::Float),
        ("1e", Kind::Text),
        ("e5", Kind::Text),
        ("-.inf", Kind::Float),
        (".nan", Kind::Float),
        ("-", Kind::Text),
        ("10s", Kind::Text),
        ("1.2.3", Kind::Text),
        ("1_000", Kind::Text),
    ] {
        assert_eq!(resolve(text), kind, "{text}");
    }
}

#[test]
fn what_means_something_else_is_refused() {
    let deep = "[".repeat(40);
    let blocks: String = (0..40).map(|i| format!("{}a:\n", " ".repeat(i))).collect();
    for (text, position, message) in [
        ("a: 1\nb: 2\na: 3\n", at(3, 1), "`a` is in this mapping already"),
        ("a: &x 1\n", at(1, 4), "anchors and aliases are not supported"),
        ("a: &x\n  b: 1\n", at(1, 4), "anchors and aliases are not supported"),
        ("a: *x\n", at(1, 4), "this is not YAML"),
        ("a: !!str 1\n", at(1, 4), "tags are not supported"),
        ("a: 1\n---\nb: 2\n", at(2, 1), "a configuration is one YAML document"),
        ("? [a]\n: b\n", at(1, 3), "a key must be a plain word"),
        ("a: [\n", at(2, 1), "this is not YAML"),
        (&deep, at(1, 33), "values are nested more than 32 deep"),
        (&blocks, at(33, 33), "values are nested more than 32 deep"),
    ] {
        let (_, wrongs) = parse(text);
        let [wrong] = wrongs.as_slice() else { panic!("{text}: {wrongs:?}") };
        assert!(wrong.message.starts_with(message), "{text}: {}", wrong.message);
        assert_eq!(wrong.position, position, "{text}: {}", wrong.message);
    }
}

#[test]
fn size_is_capped() {
    let (root, wrongs) = parse(&"#".repeat((1 << 20) + 1));
    assert_eq!(root, None);
    assert_eq!(wrongs[0].message, "the file is larger than 1 MiB");
    let (root, wrongs) = parse(&format!("[{}]", "1,".repeat(50_000)));
    assert_eq!(root, None);
    assert_eq!(wrongs[0].message, "the file has more than 50000 values");
}

proptest! {
    #[test]
    fn no_text_panics(text in "[-a-c:{}\\[\\],&*!|>'\"#%@?~ \\n\\t0-9é\u{feff}\\\\.]{0,80}") {
        let _ = parse(&text);
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&String::from_utf8_lossy(&bytes));
    }
}
