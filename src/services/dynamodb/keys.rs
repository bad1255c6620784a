//! What a request on items says for context keys
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html>).

use std::{borrow::Cow, collections::HashSet};

use super::{
    DynamoDbError,
    access::{Keys, Row},
    expression::{self, ExpressionError, Placeholders},
    items::Rows,
    json::Json,
    members::{Members, UNEXPECTED},
    value::Scalar,
};
use crate::iam::Fact;

/// The top-level attributes that a request uses anywhere.
#[derive(Debug, Default)]
pub(super) struct Attributes<'r> {
    names: Vec<&'r str>,
    /// Why there may be others: what isn't understood.
    doubts: Vec<String>,
    /// Whether what is to be read was named, and is understood.
    projected: Option<bool>,
    /// Those that an update writes.
    changed: Vec<&'r str>,
    /// Whether it may write others, since it isn't understood.
    changes_more: bool,
}

impl<'r> Attributes<'r> {
    /// Those of every member that names some, but for a key condition.
    pub(super) fn of(members: Members<'r, '_>) -> Result<Self, DynamoDbError> {
        let mut attributes = Self::default();
        for name in NAMED {
            if let Some(named) = members.object(name)? {
                attributes.names_of(named);
            }
        }
        let placeholders = Placeholders::of(members);
        for name in ["ConditionExpression", "FilterExpression"] {
            if let Some(text) = members.text(name)? {
                let read = expression::condition(text, &placeholders, &mut attributes.names);
                attributes.understood(name, read);
            }
        }
        if let Some(text) = members.text("UpdateExpression")? {
            let read = expression::update(text, &placeholders, &mut attributes.names);
            match attributes.understood("UpdateExpression", read) {
                Some(changed) => attributes.changed = changed,
                None => attributes.changes_more = true,
            }
        }
        if let Some(updates) = members.object("AttributeUpdates")? {
            attributes.changed.extend(updates.iter().map(|(name, _)| name));
        }
        if members.get("SearchConditionExpression").is_some() {
            attributes.doubt("SearchConditionExpression: its grammar isn't known");
        }
        attributes.projection(members, &placeholders)?;
        Ok(attributes)
    }

    fn projection(
        &mut self,
        members: Members<'r, '_>,
        placeholders: &Placeholders<'r, '_>,
    ) -> Result<(), DynamoDbError> {
        let expression = members.text("ProjectionExpression")?;
        let list = members.list("AttributesToGet")?;
        if let Some(list) = list {
            for name in list {
                self.names.push(name.text().ok_or(UNEXPECTED)?);
            }
        }
        self.projected = match (expression, list) {
            (None, None) => None,
            (Some(text), None) => {
                let read = expression::projection(text, placeholders, &mut self.names);
                Some(self.understood("ProjectionExpression", read).is_some())
            }
            (None, Some([])) => {
                self.doubt("AttributesToGet: a list of none may be taken for no list");
                Some(false)
            }
            (None, Some(_)) => Some(true),
            (Some(_), Some(_)) => {
                self.doubt("AttributesToGet: there is a ProjectionExpression as well");
                Some(false)
            }
        };
        Ok(())
    }

    /// What was read, if it was understood.
    fn understood<T>(&mut self, member: &str, read: Result<T, ExpressionError>) -> Option<T> {
        read.map_err(|error| self.doubt(format!("{member}: {error}"))).ok()
    }

    /// Takes note of something that can't be told.
    pub(super) fn doubt(&mut self, why: impl Into<String>) {
        self.doubts.push(why.into());
    }

    /// Why something can't be told.
    pub(super) fn doubts(&self) -> &[String] {
        &self.doubts
    }

    /// Adds the names of an item, a key, or conditions by attribute.
    pub(super) fn names_of(&mut self, members: Members<'r, '_>) {
        self.names.extend(members.iter().map(|(name, _)| name));
    }

    /// Adds names.
    pub(super) fn add(&mut self, names: impl IntoIterator<Item = &'r str>) {
        self.names.extend(names);
    }

    /// As a context key.
    pub(super) fn into_fact(mut self) -> Fact {
        if !self.doubts.is_empty() {
            return Fact::Unknown;
        }
        self.names.sort_unstable();
        self.names.dedup();
        Fact::Many(self.names.into_iter().map(str::to_owned).collect())
    }
}

/// Members that have attributes by their names: items, and the conditions of old.
const NAMED: [&str; 7] =
    ["Key", "Item", "Expected", "AttributeUpdates", "QueryFilter", "ScanFilter", "KeyConditions"];

impl<'r, 'b> Placeholders<'r, 'b> {
    /// Those of a request.
    fn of(members: Members<'r, 'b>) -> Self {
        let get = |name| members.get(name);
        Self::new(get("ExpressionAttributeNames"), get("ExpressionAttributeValues"))
    }
}

/// Whose items a request is about.
pub(super) fn keys<'r>(
    members: Members<'r, '_>,
    rows: Rows,
    attributes: &mut Attributes<'r>,
) -> Result<Keys<'r>, DynamoDbError> {
    let row = |name| {
        let row = members.get(name).map(|row| Row::of(row).ok_or(UNEXPECTED)).transpose();
        row.map(|row| row.map(|row| vec![row]))
    };
    Ok(match rows {
        Rows::Scan => Keys::None,
        Rows::Key => row("Key")?.map_or(Keys::Unknown, Keys::Keyed),
        Rows::Update if attributes.changes_more => Keys::Unknown,
        Rows::Update => {
            // DynamoDB lets no key be changed. Where it can be, nobody knows whose row the item
            // becomes.
            let mut rows = row("Key")?;
            let changed: HashSet<&str> = attributes.changed.iter().copied().collect();
            for row in rows.iter_mut().flatten() {
                row.scalars.retain(|(name, _)| !changed.contains(&**name));
            }
            rows.map_or(Keys::Unknown, Keys::Keyed)
        }
        Rows::Item => row("Item")?.map_or(Keys::Unknown, Keys::Written),
        Rows::Query => {
            let equal = query(members, attributes)?;
            let start = members.object("ExclusiveStartKey")?.map(Row::of_members);
            equal.map_or(Keys::Unknown, |equal| Keys::Query { equal, start })
        }
    })
}

/// The attributes that a query demands to have one value.
fn query<'r>(
    members: Members<'r, '_>,
    attributes: &mut Attributes<'r>,
) -> Result<Option<Row<'r>>, DynamoDbError> {
    let expression = members.text("KeyConditionExpression")?;
    let conditions = members.object("KeyConditions")?;
    let scalars = match (expression, conditions) {
        (Some(text), None) => {
            let placeholders = Placeholders::of(members);
            let read = expression::key_condition(text, &placeholders, &mut attributes.names);
            attributes.understood("KeyConditionExpression", read).map(|equal| {
                let owned = |(name, scalar)| (Cow::Borrowed(name), scalar);
                equal.into_iter().map(owned).collect::<Vec<_>>()
            })
        }
        (None, Some(conditions)) => {
            let equal = conditions.iter().filter_map(|(name, condition)| {
                equality(condition).map(|scalar| scalar.map(|scalar| (Cow::Borrowed(name), scalar)))
            });
            equal.collect::<Option<Vec<_>>>()
        }
        // Both or neither is refused by DynamoDB; what another backend makes of it isn't known.
        _ => {
            attributes.doubt("a query has either KeyConditionExpression or KeyConditions");
            None
        }
    };
    Ok(scalars.map(|scalars| Row { attributes: scalars.len(), scalars }))
}

/// The value of a condition of old, if it is an equality. `Some(None)` if it can't be read.
fn equality<'r>(condition: &'r Json<'_>) -> Option<Option<Scalar<'r>>> {
    let Ok(members) = Members::of(condition) else { return Some(None) };
    if !members.has_only(&["ComparisonOperator", "AttributeValueList"]) {
        return Some(None);
    }
    match (members.text("ComparisonOperator"), members.list("AttributeValueList")) {
        (Ok(Some("EQ")), Ok(Some([value]))) => Some(Scalar::of(value)),
        (Ok(Some("EQ" | "")), _) | (Ok(None) | Err(_), _) => Some(None),
        _ => None,
    }
}

/// `dynamodb:Select`, which every reading operation has, said or not: policies that let some
/// attributes be read rely on it.
pub(super) fn select(
    members: Members<'_, '_>,
    index: bool,
    attributes: &Attributes<'_>,
) -> Result<Fact, DynamoDbError> {
    let said = members.text("Select")?;
    Ok(match (said, attributes.projected) {
        (_, Some(false)) | (Some("SPECIFIC_ATTRIBUTES"), None) => Fact::Unknown,
        (Some(said), _) => known(said, &SELECTS),
        (None, Some(true)) => Fact::One("SPECIFIC_ATTRIBUTES".to_owned()),
        (None, None) if index => Fact::One("ALL_PROJECTED_ATTRIBUTES".to_owned()),
        (None, None) => Fact::One("ALL_ATTRIBUTES".to_owned()),
    })
}

/// `dynamodb:ReturnValues`: what is told of the items before or after, where something is said of
/// it. What is told if a condition fails counts as well; if the two differ, neither is the answer.
pub(super) fn return_values(
    returning: Option<&str>,
    members: Members<'_, '_>,
) -> Result<Option<Fact>, DynamoDbError> {
    let said = returning.or(members.text("ReturnValues")?);
    let on_failure = members.text("ReturnValuesOnConditionCheckFailure")?;
    Ok(match (said, on_failure) {
        (None, None) => None,
        (Some(one), None) | (None, Some(one)) => Some(known(one, &RETURNS)),
        (Some(one), Some(other)) if one == other => Some(known(one, &RETURNS)),
        (Some(_), Some(_)) => Some(Fact::Unknown),
    })
}

/// What is `said`, if it is one of DynamoDB's words. A stand-in (moto) takes others for none, and
/// does then what a policy may be about.
pub(super) fn known(said: &str, words: &[&str]) -> Fact {
    match words.contains(&said) {
        true => Fact::One(said.to_owned()),
        false => Fact::Unknown,
    }
}

const SELECTS: [&str; 4] =
    ["ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "SPECIFIC_ATTRIBUTES", "COUNT"];
const RETURNS: [&str; 5] = ["NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW"];
/// Those of `ReturnConsumedCapacity`.
pub(super) const CAPACITIES: [&str; 3] = ["INDEXES", "TOTAL", "NONE"];

/// Attributes of a request that a policy may have to look at one by one.
pub(super) const MAX_NAMES: usize = 10_000;
