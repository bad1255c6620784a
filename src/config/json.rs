//! Where in a JSON text a value is, so that a problem of a policy has a line and a column.

use std::{collections::HashMap, fmt};

use serde::{
    Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// One step into a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// The member of this name; the first, if there are several.
    Key(&'a str),
    /// The element of this index, from zero.
    Index(usize),
}

/// The line and column of the value that `path` leads to in `text`; where the path leads nowhere,
/// of the last value on it. Text that is not JSON is at the place of its first error.
pub fn locate(text: &str, path: &[Step<'_>]) -> (usize, usize) {
    locate_all(text, &[path]).first().copied().unwrap_or((1, 1))
}

/// The same of many paths, in their order: the text is read as often as paths are deep, however many
/// they are.
pub fn locate_all(text: &str, paths: &[&[Step<'_>]]) -> Vec<(usize, usize)> {
    let ends = match ends(text, paths) {
        Ok(ends) => ends,
        Err(error) => return vec![(error.line().max(1), error.column().max(1)); paths.len()],
    };
    let start = text.as_ptr() as usize;
    let offset = |(value, _): (&str, _)| (value.as_ptr() as usize).saturating_sub(start);
    let offsets: Vec<usize> = ends.into_iter().map(offset).collect();
    positions(text, &offsets)
}

/// The text of the value that `path` leads to in `text`, as it is written; none if it leads nowhere.
pub fn written<'t>(text: &'t str, path: &[Step<'_>]) -> Option<&'t str> {
    let (value, whole) = ends(text, &[path]).ok()?.pop()?;
    whole.then_some(value)
}

/// The last value on each path, and whether the path leads no further.
fn ends<'t>(
    text: &'t str,
    paths: &[&[Step<'_>]],
) -> Result<Vec<(&'t str, bool)>, serde_json::Error> {
    let root = serde_json::from_str::<&RawValue>(text)?;
    let mut ends = vec![("", false); paths.len()];
    let mut open = vec![(root, paths.iter().copied().enumerate().collect::<Vec<_>>())];
    while let Some((value, paths)) = open.pop() {
        let mut found = Vec::new();
        let mut below = Find { keys: HashMap::new(), indexes: HashMap::new(), found: &mut found };
        for (number, path) in paths {
            if let Some(end) = ends.get_mut(number) {
                *end = (value.get(), path.is_empty());
            }
            match path.split_first() {
                Some((Step::Key(key), rest)) => {
                    below.keys.entry(key).or_default().push((number, rest));
                }
                Some((Step::Index(index), rest)) => {
                    below.indexes.entry(*index).or_default().push((number, rest));
                }
                None => {}
            }
        }
        if !below.keys.is_empty() || !below.indexes.is_empty() {
            let mut json = serde_json::Deserializer::from_str(value.get());
            // A path that leads into no collection ends here.
            let _ = json.deserialize_any(below);
        }
        open.append(&mut found);
    }
    Ok(ends)
}

/// The lines and columns of these offsets, in one walk over the text.
fn positions(text: &str, offsets: &[usize]) -> Vec<(usize, usize)> {
    let mut sorted: Vec<(usize, usize)> = offsets.iter().copied().zip(0..).collect();
    sorted.sort_unstable();
    let mut positions = vec![(1, 1); offsets.len()];
    let (mut line, mut column, mut from) = (1, 1, 0);
    for (offset, number) in sorted {
        for character in text.get(from..offset).unwrap_or_default().chars() {
            (line, column) = if character == '\n' { (line + 1, 1) } else { (line, column + 1) };
        }
        from = offset;
        if let Some(position) = positions.get_mut(number) {
            *position = (line, column);
        }
    }
    positions
}

/// What is left of a path, with the number of the path.
type Numbered<'p> = (usize, &'p [Step<'p>]);

/// Looks for the values of steps and keeps them unread, with the paths that go on from there.
struct Find<'f, 'de, 'p> {
    keys: HashMap<&'p str, Vec<Numbered<'p>>>,
    indexes: HashMap<usize, Vec<Numbered<'p>>>,
    found: &'f mut Vec<(&'de RawValue, Vec<Numbered<'p>>)>,
}

impl<'de> Visitor<'de> for Find<'_, 'de, '_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a collection")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match self.keys.remove(key.as_str()) {
                Some(paths) => self.found.push((map.next_value()?, paths)),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        for index in 0.. {
            let next = match self.indexes.remove(&index) {
                Some(paths) => list.next_element()?.map(|value| self.found.push((value, paths))),
                None => list.next_element::<IgnoredAny>()?.map(drop),
            };
            if next.is_none() {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Step, locate, locate_all};

    const TEXT: &str =
        "{\n  \"Statement\": [\n    { \"Effect\": \"é\", \"Action\": 1 },\n    {}\n  ]\n}";

    #[test]
    fn finds_values_by_path() {
        let statement = [Step::Key("Statement"), Step::Index(0)];
        for (path, expected) in [
            (&[][..], (1, 1)),
            (&[Step::Key("Statement")], (2, 16)),
            (&statement, (3, 5)),
            (&[statement[0], statement[1], Step::Key("Action")], (3, 32)),
            (&[Step::Key("Statement"), Step::Index(1), Step::Key("Effect")], (4, 5)),
            (&[Step::Index(3)], (1, 1)),
        ] {
            assert_eq!(locate(TEXT, path), expected, "{path:?}");
        }
    }

    #[test]
    fn finds_many_values_in_any_order() {
        let statements = Step::Key("Statement");
        let paths: [&[Step<'_>]; 5] = [
            &[statements, Step::Index(1)],
            &[],
            &[statements, Step::Index(0), Step::Key("Action")],
            &[statements, Step::Index(1)],
            &[statements, Step::Index(0), Step::Key("Effect"), Step::Key("Nothing")],
        ];
        assert_eq!(locate_all(TEXT, &paths), [(4, 5), (1, 1), (3, 32), (4, 5), (3, 17)]);
        assert_eq!(locate_all("{", &paths[..2]), [(1, 1); 2]);
    }

    #[test]
    fn text_that_is_not_json_is_located_at_its_error() {
        assert_eq!(locate("{\n  x", &[]), (2, 3));
        assert_eq!(locate("", &[]), (1, 1));
    }
}
