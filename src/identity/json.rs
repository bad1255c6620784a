//! What exports need beside reading JSON as it is written.

use std::collections::HashSet;

use crate::iam::JsonPath;
pub(super) use crate::iam::Node;

/// The member of that name; one that is null is as good as none.
pub(super) fn member<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    node.member(name).filter(|value| **value != Node::Null)
}

/// The paths of members that an object in `node` has twice.
pub(super) fn duplicates(node: &Node, at: &JsonPath, found: &mut Vec<JsonPath>) {
    match node {
        Node::Object(members) => {
            let mut seen = HashSet::new();
            for (name, value) in members {
                let path = at.key(name);
                duplicates(value, &path, found);
                if !seen.insert(name.as_str()) {
                    found.push(path);
                }
            }
        }
        Node::List(items) => {
            for (index, item) in items.iter().enumerate() {
                duplicates(item, &at.index(index), found);
            }
        }
        _ => {}
    }
}
