//! Which statements of a layer can match a check: found by the action, then by what the resource
//! begins with, so that a decision costs as much as the statements that can match.
//!
//! A statement stands under what the actions it covers begin with (`s3:get` for `s3:Get*`), and there
//! under what its resources begin with (`demo/home/` for `arn:aws:s3:::demo/home/${…}/*`). Keys are
//! sorted, and each knows the longest other that it begins with itself. All keys that a text begins
//! with are then the last key not after the text, and what leads up from it.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::compile::Statement;

/// Statements by action and resource.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// The texts of all keys.
    texts: Box<str>,
    /// By action, in lower case; what is below is resources.
    actions: Box<[Node]>,
    /// By resource; what is below is places.
    resources: Box<[Node]>,
    /// Numbers of statements, ascending below each resource.
    places: Box<[u32]>,
}

/// A key.
#[derive(Clone, Copy, Debug)]
struct Node {
    text: (u32, u32),
    /// It has to be the whole text, not its beginning.
    whole: bool,
    /// The longest key that this one begins with, among its own.
    up: Option<u32>,
    below: (u32, u32),
}

/// The numbers of the statements that can match, ascending, each once.
pub(super) struct Candidates<'i> {
    lists: [&'i [u32]; LISTS],
    count: usize,
}

type Tree = BTreeMap<(String, bool), BTreeMap<(String, bool), Vec<u32>>>;

impl Index {
    /// Indexes statements under their numbers, which ascend.
    pub(super) fn new<'s>(statements: impl Iterator<Item = (u32, &'s Statement)>) -> Self {
        let mut tree = Tree::new();
        for (number, statement) in statements {
            let resources = resource_keys(statement);
            for (action, whole) in statement.action_keys() {
                let below = tree.entry((action.to_ascii_lowercase(), whole)).or_default();
                for key in &resources {
                    let numbers = below.entry(key.clone()).or_default();
                    if numbers.last() != Some(&number) {
                        numbers.push(number);
                    }
                }
            }
        }
        let mut index = Building::default();
        let mut actions = Level::default();
        for ((action, whole), below) in tree {
            let from = index.resources.len();
            let mut resources = Level::default();
            for ((resource, whole), numbers) in below {
                let from = index.places.len();
                index.places.extend(numbers);
                let below = (number(from), number(index.places.len()));
                resources.add(resource, whole, below, &mut index.texts);
            }
            index.resources.extend(resources.nodes);
            let below = (number(from), number(index.resources.len()));
            actions.add(action, whole, below, &mut index.texts);
        }
        Self {
            texts: index.texts.into(),
            actions: actions.nodes.into(),
            resources: index.resources.into(),
            places: index.places.into(),
        }
    }

    /// The statements that can match `action` on what has `resource` as its sixth part. None if they
    /// lie too far apart to be listed: then any can.
    pub(super) fn candidates(&self, action: &str, resource: &str) -> Option<Candidates<'_>> {
        let mut found = Candidates { lists: [&[]; LISTS], count: 0 };
        for by_action in self.keys_of(&self.actions, action, ignoring_case) {
            let resources = slice(&self.resources, by_action.below);
            for by_resource in self.keys_of(resources, resource, exactly) {
                let place = found.lists.get_mut(found.count)?;
                *place = slice(&self.places, by_resource.below);
                found.count += 1;
            }
        }
        Some(found)
    }

    /// The keys among `nodes` that `text` begins with, or is.
    fn keys_of<'i>(
        &'i self,
        nodes: &'i [Node],
        text: &'i str,
        compare: fn(&str, &str) -> Ordering,
    ) -> impl Iterator<Item = &'i Node> {
        let not_after = |node: &Node| compare(self.text(node), text) != Ordering::Greater;
        let last = nodes.partition_point(not_after).checked_sub(1);
        let up = |node: &&'i Node| nodes.get(usize::try_from(node.up?).ok()?);
        let begins = move |node: &&Node| {
            let key = self.text(node);
            let head = if node.whole { Some(text) } else { text.get(..key.len()) };
            head.is_some_and(|head| compare(key, head) == Ordering::Equal)
        };
        std::iter::successors(last.and_then(|last| nodes.get(last)), up).filter(begins)
    }

    fn text(&self, node: &Node) -> &str {
        let (from, to) = node.text;
        let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
        range.and_then(|(from, to)| self.texts.get(from..to)).unwrap_or_default()
    }
}

impl Iterator for Candidates<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let lists = self.lists.get_mut(..self.count)?;
        let next = lists.iter().filter_map(|list| list.first()).min().copied()?;
        for list in lists {
            if let Some((first, rest)) = list.split_first()
                && *first == next
            {
                *list = rest;
            }
        }
        Some(next)
    }
}

#[derive(Default)]
struct Building {
    texts: String,
    resources: Vec<Node>,
    places: Vec<u32>,
}

/// The keys of one level, added in their order.
#[derive(Default)]
struct Level {
    nodes: Vec<Node>,
    /// The keys that the next one may begin with, each the beginning of the one after it.
    open: Vec<(String, u32)>,
}

impl Level {
    fn add(&mut self, text: String, whole: bool, below: (u32, u32), texts: &mut String) {
        while self.open.last().is_some_and(|(open, _)| !text.starts_with(open.as_str())) {
            self.open.pop();
        }
        let up = self.open.last().map(|(_, place)| *place);
        let from = number(texts.len());
        texts.push_str(&text);
        let place = number(self.nodes.len());
        self.nodes.push(Node { text: (from, number(texts.len())), whole, up, below });
        if !whole {
            self.open.push((text, place));
        }
    }
}

/// Under what a statement stands by its resources. One of very many actions and resources stands
/// under what all of these have in common, so that an index isn't much larger than its policies.
fn resource_keys(statement: &Statement) -> Vec<(String, bool)> {
    let keys = || statement.resource_keys();
    if statement.action_keys().count() * keys().count() <= MOST_KEYS {
        return keys().map(|(text, whole)| (text.to_owned(), whole)).collect();
    }
    let common = keys().map(|(text, _)| text).reduce(|common, text| {
        let same = common.chars().zip(text.chars()).take_while(|(a, b)| a == b);
        common.get(..same.map(|(a, _)| a.len_utf8()).sum()).unwrap_or_default()
    });
    vec![(common.unwrap_or_default().to_owned(), false)]
}

fn exactly(key: &str, text: &str) -> Ordering {
    key.cmp(text)
}

/// `key` is in lower case.
fn ignoring_case(key: &str, text: &str) -> Ordering {
    key.bytes().cmp(text.bytes().map(|byte| byte.to_ascii_lowercase()))
}

fn slice<T>(items: &[T], (from, to): (u32, u32)) -> &[T] {
    let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
    range.and_then(|(from, to)| items.get(from..to)).unwrap_or_default()
}

/// A place in an index, of which none has four billion: policies are bounded in size.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// Lists of candidates that are merged; few checks have more than five.
const LISTS: usize = 24;
/// Keys that one statement stands under.
const MOST_KEYS: usize = 1024;

#[cfg(test)]
mod tests;
