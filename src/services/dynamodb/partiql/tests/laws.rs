//! Laws over generated statements.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;

/// A condition over attributes with few values, as it is written and as it is.
#[derive(Clone, Debug)]
enum Tree {
    Compare(&'static str, &'static str, Value),
    In(&'static str, bool, Vec<Value>),
    Between(&'static str, bool, Value, Value),
    BeginsWith(&'static str, &'static str),
    Missing(&'static str, bool),
    Paths(&'static str, &'static str, &'static str),
    Not(Box<Tree>),
    And(Vec<Tree>),
    Or(Vec<Tree>),
}

type Value = &'static str;

/// What each attribute has in an item.
type Item = [(&'static str, Option<Value>); 3];

const NAMES: [&str; 3] = ["pk", "sk", "other"];
const VALUES: [Value; 3] = ["a", "ab", "c"];
const OPERATORS: [&str; 6] = ["=", "<>", "<", "<=", ">", ">="];

impl Tree {
    /// Whether `item` is among the rows. What isn't there is equal to nothing.
    fn holds(&self, item: &Item) -> bool {
        let get = |name: &str| item.iter().find(|(known, _)| *known == name).unwrap().1;
        match self {
            Self::Compare(name, operator, value) => compare(get(name), operator, Some(value)),
            Self::Paths(left, operator, right) => compare(get(left), operator, get(right)),
            Self::In(name, not, values) => {
                values.iter().any(|value| get(name) == Some(value)) != *not
            }
            Self::Between(name, not, low, high) => {
                let between =
                    compare(get(name), ">=", Some(low)) && compare(get(name), "<=", Some(high));
                between != *not
            }
            Self::BeginsWith(name, prefix) => {
                get(name).is_some_and(|value| value.starts_with(prefix))
            }
            Self::Missing(name, not) => get(name).is_none() != *not,
            Self::Not(tree) => !tree.holds(item),
            Self::And(trees) => trees.iter().all(|tree| tree.holds(item)),
            Self::Or(trees) => trees.iter().any(|tree| tree.holds(item)),
        }
    }

    fn written(&self, style: &mut Style) -> String {
        match self {
            Self::Compare(name, operator, value) => {
                let (name, value) = (style.name(name), style.value(value));
                let mirrored = style.coin().then_some(match *operator {
                    "<" => ">",
                    "<=" => ">=",
                    ">" => "<",
                    ">=" => "<=",
                    same => same,
                });
                match mirrored {
                    Some(operator) => format!("{value}{}{name}", style.operator(operator)),
                    None => format!("{name}{}{value}", style.operator(operator)),
                }
            }
            Self::Paths(left, operator, right) => {
                let (left, right) = (style.name(left), style.name(right));
                format!("{left}{}{right}", style.operator(operator))
            }
            Self::In(name, not, values) => {
                let name = style.name(name);
                let values: Vec<_> = values.iter().map(|value| style.value(value)).collect();
                let values = values.join(if style.coin() { "," } else { " , " });
                let list =
                    if style.coin() { format!("[{values}]") } else { format!("( {values})") };
                format!("{name} {}{} {list}", style.not(*not), style.keyword("IN"))
            }
            Self::Between(name, not, low, high) => {
                let name = style.name(name);
                let between = format!("{}{}", style.not(*not), style.keyword("BETWEEN"));
                let (low, high) = (style.value(low), style.value(high));
                format!("{name} {between} {low} {} {high}", style.keyword("AND"))
            }
            Self::BeginsWith(name, prefix) => {
                let name = style.name(name);
                format!("{}({name}, {})", style.keyword("begins_with"), style.value(prefix))
            }
            Self::Missing(name, not) => {
                let name = style.name(name);
                let is = style.keyword("IS");
                format!("{name} {is} {}{}", style.not(*not), style.keyword("MISSING"))
            }
            Self::Not(tree) => {
                let not = style.keyword("NOT");
                let leaf = !matches!(**tree, Self::And(_) | Self::Or(_));
                match leaf && style.coin() {
                    true => format!("{not} {}", tree.written(style)),
                    false => format!("{not}({})", tree.written(style)),
                }
            }
            Self::And(trees) => style.joined("AND", trees, |tree| matches!(tree, Self::Or(_))),
            Self::Or(trees) => style.joined("OR", trees, |_| false),
        }
    }
}

fn compare(left: Option<Value>, operator: &str, right: Option<Value>) -> bool {
    let (Some(left), Some(right)) = (left, right) else { return operator == "<>" };
    match operator {
        "=" => left == right,
        "<>" => left != right,
        "<" => left < right,
        "<=" => left <= right,
        ">" => left > right,
        _ => left >= right,
    }
}

/// How a statement is spelled, where that is free; and the parameters that it has in the end.
#[derive(Debug)]
struct Style {
    coins: Vec<bool>,
    thrown: usize,
    parameters: Vec<String>,
}

impl Style {
    fn new(coins: Vec<bool>) -> Self {
        Self { coins, thrown: 0, parameters: Vec::new() }
    }

    fn coin(&mut self) -> bool {
        self.thrown += 1;
        self.coins.get(self.thrown % self.coins.len().max(1)).copied().unwrap_or_default()
    }

    fn keyword(&mut self, keyword: &str) -> String {
        if self.coin() { keyword.to_uppercase() } else { keyword.to_lowercase() }
    }

    fn not(&mut self, not: bool) -> String {
        if not { format!("{} ", self.keyword("NOT")) } else { String::new() }
    }

    fn operator(&mut self, operator: &str) -> String {
        let operator = if operator == "<>" && self.coin() { "!=" } else { operator };
        if self.coin() { format!("\t{operator}\n") } else { operator.to_owned() }
    }

    fn name(&mut self, name: &str) -> String {
        let word = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && reserved::reserved(name).is_none();
        if word && self.coin() { name.to_owned() } else { format!("\"{name}\"") }
    }

    fn value(&mut self, value: &str) -> String {
        if self.coin() {
            self.parameters.push(format!("{{\"S\": {}}}", serde_json::json!(value)));
            return "?".to_owned();
        }
        format!("'{}'", value.replace('\'', "''"))
    }

    fn joined(&mut self, word: &str, trees: &[Tree], needs: fn(&Tree) -> bool) -> String {
        let mut text = String::new();
        for tree in trees {
            if !text.is_empty() {
                text = format!("{text} {} ", self.keyword(word));
            }
            let nested = needs(tree) || self.coin();
            let tree = tree.written(self);
            text.push_str(&if nested { format!("({tree})") } else { tree });
        }
        text
    }

    fn read(&self, text: &str) -> Result<Statement, PartiqlError> {
        super::read(text, &format!("[{}]", self.parameters.join(",")))
    }
}

fn leaf() -> impl Strategy<Value = Tree> {
    // The key, and equality with it, more often than others.
    let name = || prop_oneof![2 => Just("pk"), 1 => select(&NAMES[..])];
    let value = || select(&VALUES[..]);
    let operator = || prop_oneof![2 => Just("="), 1 => select(&OPERATORS[..])];
    prop_oneof![
        4 => (name(), operator(), value()).prop_map(|(n, o, v)| Tree::Compare(n, o, v)),
        3 => (name(), any::<bool>(), vec(value(), 1..3))
            .prop_map(|(name, not, values)| Tree::In(name, not, values)),
        1 => (name(), any::<bool>(), value(), value())
            .prop_map(|(name, not, low, high)| Tree::Between(name, not, low, high)),
        1 => (name(), value()).prop_map(|(name, prefix)| Tree::BeginsWith(name, prefix)),
        1 => (name(), any::<bool>()).prop_map(|(name, not)| Tree::Missing(name, not)),
        1 => (name(), operator(), name()).prop_map(|(l, o, r)| Tree::Paths(l, o, r)),
    ]
}

fn tree() -> impl Strategy<Value = Tree> {
    leaf().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            1 => inner.clone().prop_map(|tree| Tree::Not(Box::new(tree))),
            3 => vec(inner.clone(), 1..4).prop_map(Tree::And),
            3 => vec(inner, 1..4).prop_map(Tree::Or),
        ]
    })
}

fn coins() -> impl Strategy<Value = Vec<bool>> {
    vec(any::<bool>(), 0..40)
}

/// All items there can be.
fn items() -> impl Iterator<Item = Item> {
    let all = || [None].into_iter().chain(VALUES.map(Some));
    all().flat_map(move |pk| {
        all().flat_map(move |sk| all().map(move |other| [("pk", pk), ("sk", sk), ("other", other)]))
    })
}

/// Whether the item's key is among the values that the statement can touch.
fn covered(statement: &Statement, name: &str, value: Option<Value>) -> bool {
    let Some(values) = statement.values_of(name) else { return true };
    values.iter().any(|known| Some(known.text()) == value)
}

/// A condition without brackets, read so that `first` binds more tightly.
fn grouped(leaves: &[Tree], words: &[bool], or_first: bool) -> Tree {
    let mut groups = vec![vec![leaves[0].clone()]];
    for (leaf, or) in leaves[1..].iter().zip(words) {
        match *or == or_first {
            true => groups.last_mut().unwrap().push(leaf.clone()),
            false => groups.push(vec![leaf.clone()]),
        }
    }
    let join = |or: bool, trees| if or { Tree::Or(trees) } else { Tree::And(trees) };
    join(!or_first, groups.into_iter().map(|group| join(or_first, group)).collect())
}

/// The same, read from the left or from the right.
fn in_order(leaves: &[Tree], words: &[bool], from_left: bool) -> Tree {
    let join = |or: bool, left, right| match or {
        true => Tree::Or(vec![left, right]),
        false => Tree::And(vec![left, right]),
    };
    let pairs = leaves[1..].iter().cloned().zip(words);
    if from_left {
        return pairs.fold(leaves[0].clone(), |left, (leaf, or)| join(*or, left, leaf));
    }
    let last = leaves.last().unwrap().clone();
    let before = leaves.iter().take(leaves.len() - 1).cloned().zip(words);
    before.rev().fold(last, |right, (leaf, or)| join(*or, leaf, right))
}

/// A name that some reader could take for something else.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z_][a-zA-Z0-9_]{0,8}",
        "[a-zA-Z0-9_ .\\[\\]'?é*(){};,:=<>/-]{1,8}",
        select(&reserved::RESERVED[..]).prop_map(str::to_owned),
    ]
    .prop_filter("a table's name", |name| !name.eq_ignore_ascii_case("tbl"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn nothing_panics(text in ".{0,60}", parameters in 0..3_usize) {
        let json = vec![Json::Null; parameters];
        let _either = Statement::parse(&text, &json);
    }

    #[test]
    fn no_mixture_of_tokens_panics(
        start in select(&["SELECT * FROM t WHERE ", "INSERT INTO t VALUE {", "UPDATE t SET ", ""][..]),
        tokens in vec(select(&[
            "SELECT", "*", "FROM", "t", "WHERE", "a", "\"b\"", "'c'", "1", "-", "?", "(", ")", "[",
            "]", "{", "}", "<<", ">>", ",", ".", ":", "=", "<>", "AND", "OR", "NOT", "IN", "IS",
            "BETWEEN", "MISSING", "NULL", "size", "begins_with", "SET", "REMOVE", "RETURNING",
            "ALL", "OLD", "ORDER", "BY", "VALUE", "EXISTS", "'", "\"", "\\",
        ][..]), 0..24),
    ) {
        let text = format!("{start}{}", tokens.join(" "));
        if let Ok(statement) = read(&text, "[]") {
            // What is accepted has a table and keeps to it.
            prop_assert!(!statement.table().is_empty());
            let _any = statement.values_of("a");
        }
    }

    /// The law that matters: no row is touched whose key isn't told.
    #[test]
    fn every_row_has_a_value_that_is_told(tree in tree(), coins in coins()) {
        let mut style = Style::new(coins);
        let text = format!("SELECT * FROM tbl WHERE {}", tree.written(&mut style));
        let statement = style.read(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        for item in items().filter(|item| tree.holds(item)) {
            for (name, value) in item {
                prop_assert!(covered(&statement, name, value), "{} of {:?} in {}", name, item, text);
            }
        }
    }

    /// Nor in a reader's eyes that knows other rules of precedence.
    #[test]
    fn whatever_binds_more_tightly(
        leaves in vec(leaf(), 1..7),
        words in vec(any::<bool>(), 6),
        coins in coins(),
    ) {
        let mut style = Style::new(coins);
        let mut condition = leaves[0].written(&mut style);
        for (leaf, or) in leaves[1..].iter().zip(&words) {
            let word = style.keyword(if *or { "OR" } else { "AND" });
            condition = format!("{condition} {word} {}", leaf.written(&mut style));
        }
        let text = format!("SELECT * FROM tbl WHERE {condition}");
        let statement = style.read(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        for reading in [
            grouped(&leaves, &words, false),
            grouped(&leaves, &words, true),
            in_order(&leaves, &words, true),
            in_order(&leaves, &words, false),
        ] {
            for item in items().filter(|item| reading.holds(item)) {
                for (name, value) in item {
                    prop_assert!(covered(&statement, name, value), "{} of {:?} in {}", name, item, text);
                }
            }
        }
    }

    #[test]
    fn selects_are_read_as_they_were_meant(
        names in vec(name(), 0..4),
        key in name(),
        values in vec("[a-z'?;é -]{1,5}", 1..4),
        index in option::of("[a-zA-Z0-9_.-]{3,9}"),
        order in option::of(name()),
        coins in coins(),
    ) {
        prop_assume!(index.as_ref().is_none_or(|index| {
            !names.iter().chain([&key]).chain(&order).any(|name| name.eq_ignore_ascii_case(index))
        }));
        let mut style = Style::new(coins);
        let select = style.keyword("select");
        let listed: Vec<_> = names.iter().map(|name| style.name(name)).collect();
        let listed = if listed.is_empty() { "*".to_owned() } else { listed.join(", ") };
        let table = match &index {
            Some(index) => format!("\"tbl\".\"{index}\""),
            None => style.name("tbl"),
        };
        let key_written = style.name(&key);
        let members: Vec<_> = values.iter().map(|value| style.value(value)).collect();
        let mut text = format!(
            "{select} {listed} {} {table} {} {key_written} {} [{}]",
            style.keyword("from"),
            style.keyword("where"),
            style.keyword("in"),
            members.join(", "),
        );
        if let Some(order) = &order {
            text = format!("{text} {} {}", style.keyword("order by"), style.name(order));
        }
        let statement = style.read(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let projection = if names.is_empty() { Projection::All } else { Projection::Specific };
        prop_assert_eq!(statement.projection(), Some(projection));
        prop_assert_eq!(statement.table(), "tbl");
        prop_assert_eq!(statement.index(), index.as_deref());
        let attributes: Vec<_> = names.iter().chain([&key]).chain(&order).collect();
        prop_assert_eq!(statement.attributes().iter().collect::<Vec<_>>(), attributes);
        let told: Vec<_> = statement.values_of(&key).unwrap().iter().map(|v| v.text()).collect();
        prop_assert_eq!(told, values);
    }

    #[test]
    fn items_are_read_as_they_were_meant(
        members in proptest::collection::btree_map(name(), "[a-z'?;é -]{1,5}", 0..5),
        coins in coins(),
    ) {
        let mut style = Style::new(coins);
        let mut written = Vec::new();
        for (name, value) in &members {
            let name = match style.coin() {
                true => format!("\"{name}\""),
                false => format!("'{}'", name.replace('\'', "''")),
            };
            written.push(format!("{name}:{}", style.value(value)));
        }
        let value = style.keyword("value");
        let text = format!("insert into tbl {value} {{{}}}", written.join(" ,"));
        let statement = style.read(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        prop_assert_eq!(statement.attributes().iter().collect::<Vec<_>>(), members.keys().collect::<Vec<_>>());
        for (name, value) in &members {
            let told = statement.values_of(name).unwrap();
            prop_assert_eq!(told.iter().map(|v| v.text()).collect::<Vec<_>>(), [value]);
        }
    }
}
