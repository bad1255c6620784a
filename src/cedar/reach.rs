//! The entities that others lead to. A file may have thousands, and a set of entities costs what it has:
//! so nobody is given those that no policy could get to from what is asked about.

use std::collections::BTreeSet;

use cedar_policy::{Entities, Entity, EntityUid, EvalResult};

/// The entities of `all` that the `seeds` are, are in, or have in their attributes and tags, and so on
/// from those.
pub(super) fn reachable(all: &Entities, seeds: impl IntoIterator<Item = EntityUid>) -> Vec<Entity> {
    let mut open: Vec<EntityUid> = seeds.into_iter().collect();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut found = Vec::new();
    while let Some(uid) = open.pop() {
        if !seen.insert(uid.to_string()) {
            continue;
        }
        let Some(entity) = all.get(&uid) else { continue };
        open.extend(all.ancestors(&uid).into_iter().flatten().cloned());
        named_by(entity, &mut open);
        found.push(entity.clone());
    }
    found
}

/// What an entity has in its attributes and tags.
pub(super) fn named_by(entity: &Entity, open: &mut Vec<EntityUid>) {
    for (_, value) in entity.attrs().chain(entity.tags()) {
        // What fails to evaluate leads nowhere, and fails again where it is used.
        if let Ok(value) = value {
            named_in(&value, open);
        }
    }
}

fn named_in(value: &EvalResult, open: &mut Vec<EntityUid>) {
    match value {
        EvalResult::EntityUid(uid) => open.push(uid.clone()),
        EvalResult::Set(items) => items.iter().for_each(|item| named_in(item, open)),
        EvalResult::Record(members) => {
            members.iter().for_each(|(_, member)| named_in(member, open))
        }
        _ => {}
    }
}
