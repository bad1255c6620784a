//! One thing that a request does with a table, and the context keys that go with it.
//!
//! Whose rows a request is about is told by the values of the partition key. Which attribute that
//! is, only the table's schema says; where anything about it is in doubt, the keys are *unknown*,
//! never absent: `ForAllValues` is true of a key that is absent.

use std::borrow::Cow;

use super::{
    KeyAttribute, KeySchema, TableSchema,
    json::Json,
    members::Members,
    partiql::{Statement, Verb},
    value::Scalar,
};
use crate::iam::{Action, Check, Fact, Facts, Resource};

/// One thing that a request does, on one table.
#[derive(Debug)]
pub struct Access<'a> {
    /// What it does.
    pub action: Action,
    /// On what: one resource, or two spellings of it that must both be allowed.
    pub resources: Vec<Resource>,
    /// The table's name, of an access to items.
    pub(super) table: Option<String>,
    pub(super) index: Option<String>,
    pub(super) keys: Keys<'a>,
    /// The other context keys.
    pub(super) context: Facts,
    /// How many attributes are among them.
    pub(super) named: usize,
    /// What in the request isn't understood, so that context keys are unknown.
    pub doubts: Vec<String>,
}

/// What a request says of partition keys.
#[derive(Debug)]
pub(super) enum Keys<'a> {
    /// Nothing: the operation has no such context keys (Scan, and all that isn't about items).
    None,
    /// It can't be told.
    Unknown,
    /// It names these items by their whole key.
    Keyed(Vec<Row<'a>>),
    /// It writes these items.
    Written(Vec<Row<'a>>),
    /// Of these items some are named by their key, some are written.
    Batch { keyed: Vec<Row<'a>>, written: Vec<Row<'a>> },
    /// It asks for items of which these attributes have these values.
    Query { equal: Row<'a>, start: Option<Row<'a>> },
    /// A statement says.
    Statement(Box<Statement>),
}

/// An item or its key: the attributes that could be keys, and how many there are in all.
#[derive(Debug, Default)]
pub(super) struct Row<'a> {
    pub(super) scalars: Vec<(Cow<'a, str>, Scalar<'a>)>,
    pub(super) attributes: usize,
}

impl<'a> Row<'a> {
    /// The item `json`, if it is one.
    pub(super) fn of(json: &'a Json<'_>) -> Option<Self> {
        Members::of(json).ok().map(Self::of_members)
    }

    /// The item that has these attributes.
    pub(super) fn of_members(members: Members<'a, '_>) -> Self {
        let scalars = members.iter().filter_map(|(name, value)| {
            Scalar::of(value).map(|scalar| (Cow::Borrowed(name), scalar))
        });
        Self { scalars: scalars.collect(), attributes: members.iter().count() }
    }

    /// The value of a key's attribute, if it can be one.
    fn value(&self, attribute: &KeyAttribute) -> Option<&str> {
        let (_, scalar) = self.scalars.iter().find(|(name, _)| *name == attribute.name)?;
        fits(attribute, scalar).then(|| scalar.text())
    }

    /// Whether it has the attributes of `schema`, and no others where all of them are known.
    fn is_key_of(&self, schema: &KeySchema) -> bool {
        let Some(sort) = &schema.sort else { return true };
        self.attributes == schema.partition.len() + sort.len()
            && sort.iter().all(|attribute| self.value(attribute).is_some())
    }
}

fn fits(attribute: &KeyAttribute, scalar: &Scalar<'_>) -> bool {
    attribute.kind.is_none_or(|kind| kind == scalar.kind())
}

impl<'a> Access<'a> {
    /// Something that isn't about items.
    pub(super) fn plain(action: Action, resources: Vec<Resource>) -> Self {
        Self {
            action,
            resources,
            table: None,
            index: None,
            keys: Keys::None,
            context: Facts::new(),
            named: 0,
            doubts: Vec::new(),
        }
    }

    /// It is about items that the request doesn't show.
    pub(super) fn of_unseen_items(mut self) -> Self {
        self.keys = Keys::Unknown;
        self.context.unknown_below("dynamodb:");
        self
    }

    /// Whether only a table's schema gives the context key `name`, in any case, its value.
    pub fn is_keyed(name: &str) -> bool {
        let keyed = [LEADING_KEYS, FULL_TABLE_SCAN];
        keyed.iter().chain(&NTH_VALUES).any(|known| known.eq_ignore_ascii_case(name))
    }

    /// The table, by name, whose schema would give context keys their values; none if they have
    /// theirs, or never will.
    pub fn wants_schema(&self) -> Option<&str> {
        match self.keys {
            Keys::None | Keys::Unknown => None,
            _ => self.table.as_deref(),
        }
    }

    /// What IAM is asked. Without a `schema` the keys that depend on it are unknown.
    pub fn checks(&self, schema: Option<&TableSchema>) -> impl Iterator<Item = Check> {
        let key = schema.and_then(|schema| match &self.index {
            None => Some(&schema.key),
            Some(index) => schema.indexes.get(index),
        });
        let mut context = self.context.clone();
        self.keys.add_to(&mut context, key);
        // Nearly always there is one: the last takes the context itself.
        let contexts = std::iter::repeat_n(context, self.resources.len());
        self.resources.iter().zip(contexts).map(|(resource, context)| Check {
            action: self.action.clone(),
            resource: resource.clone(),
            context,
        })
    }
}

impl Keys<'_> {
    fn add_to(&self, context: &mut Facts, key: Option<&KeySchema>) {
        if matches!(self, Self::None) {
            return;
        }
        let values = key.and_then(|key| {
            let of = |attribute| self.values_of(attribute, key);
            key.partition.iter().map(of).collect::<Option<Vec<Vec<String>>>>()
        });
        if let Self::Statement(statement) = self
            && statement.verb() == Verb::Select
        {
            let scan = |_: &KeySchema| Fact::One(values.is_none().to_string());
            context.set(FULL_TABLE_SCAN, key.map_or(Fact::Unknown, scan));
        }
        let Some(values) = values.filter(|values| !values.is_empty()) else {
            for name in NTH_VALUES.into_iter().chain([LEADING_KEYS]) {
                context.set(name, Fact::Unknown);
            }
            return;
        };
        // AWS doesn't say what the key is where several attributes make up the partition key.
        let leading = match values.as_slice() {
            [only] => Fact::Many(only.clone()),
            _ => Fact::Unknown,
        };
        context.set(LEADING_KEYS, leading);
        for (name, values) in NTH_VALUES.into_iter().zip(values) {
            context.set(name, Fact::Many(values));
        }
    }

    /// The values that `attribute`, of the partition key of `key`, has in the request. `None` if
    /// they can't be told; never empty.
    fn values_of(&self, attribute: &KeyAttribute, key: &KeySchema) -> Option<Vec<String>> {
        let keyed = |rows: &[Row<'_>]| {
            let of = |row: &Row<'_>| {
                let value = row.value(attribute).filter(|_| row.is_key_of(key));
                value.map(str::to_owned)
            };
            rows.iter().map(of).collect::<Option<Vec<String>>>()
        };
        let written = |rows: &[Row<'_>]| {
            let of = |row: &Row<'_>| row.value(attribute).map(str::to_owned);
            rows.iter().map(of).collect::<Option<Vec<String>>>()
        };
        let mut values = match self {
            Self::None | Self::Unknown => None,
            Self::Keyed(rows) => keyed(rows),
            Self::Written(rows) => written(rows),
            Self::Batch { keyed: keys, written: items } => {
                let mut values = keyed(keys)?;
                values.extend(written(items)?);
                Some(values)
            }
            Self::Query { equal, start } => {
                let value = equal.value(attribute)?;
                // A page begins where the last one ended: among the same items.
                let same = |row: &Row<'_>| row.value(attribute) == Some(value);
                start.as_ref().is_none_or(same).then(|| vec![value.to_owned()])
            }
            Self::Statement(statement) => {
                let values = statement.values_of(&attribute.name)?;
                if values.len() > MAX_VALUES {
                    return None;
                }
                let of =
                    |scalar: &Scalar<'_>| fits(attribute, scalar).then(|| scalar.text().to_owned());
                values.into_iter().map(of).collect()
            }
        }?;
        values.sort_unstable();
        values.dedup();
        (!values.is_empty()).then_some(values)
    }
}

/// Values of a key that a statement may give, which a policy may have to look at one by one; `IN`
/// has up to a hundred (DynamoDB Developer Guide, "PartiQL functions and operators").
const MAX_VALUES: usize = 100;
/// The values of the partition key.
const LEADING_KEYS: &str = "dynamodb:leadingkeys";
/// Those of each of its attributes.
const NTH_VALUES: [&str; 4] = [
    "dynamodb:firstpartitionkeyvalues",
    "dynamodb:secondpartitionkeyvalues",
    "dynamodb:thirdpartitionkeyvalues",
    "dynamodb:fourthpartitionkeyvalues",
];
/// Whether a SELECT goes through the whole table.
const FULL_TABLE_SCAN: &str = "dynamodb:fulltablescan";
