//! The operations on items, as the accesses they come to.

use super::{
    DynamoDbError, Place,
    access::{Access, Keys, Row},
    json::Json,
    keys::{Attributes, CAPACITIES, MAX_NAMES, keys, known, return_values, select},
    members::{Members, UNEXPECTED, missing, most},
    name::Named,
    operation::Items,
    partiql::{Projection, Statement, Verb},
};
use crate::iam::{Action, Fact, Facts, Resource};

/// What an operation on items does, access by access: never none.
pub(super) fn accesses<'r>(
    items: Items,
    request: Members<'r, '_>,
    place: Place<'_>,
) -> Result<Vec<Access<'r>>, DynamoDbError> {
    let mut accesses = match items {
        Items::Get => vec![on_table(request, &GET, place)?],
        Items::Put => vec![on_table(request, &PUT, place)?],
        Items::Update => vec![on_table(request, &UPDATE, place)?],
        Items::Delete => vec![on_table(request, &DELETE, place)?],
        Items::Query => vec![on_table(request, &QUERY, place)?],
        Items::Scan => vec![on_table(request, &SCAN, place)?],
        Items::SearchVectors => vec![search_vectors(request, place)?],
        Items::BatchGet => batch_get(request, place)?,
        Items::BatchWrite => batch_write(request, place)?,
        Items::TransactGet => transaction(request, "TransactGetItems", &READS, place)?,
        Items::TransactWrite => transaction(request, "TransactWriteItems", &WRITES, place)?,
        Items::Statement => vec![statement(request, STATEMENT, None, place)?],
        Items::BatchStatement => statements(request, "Statements", None, place)?,
        Items::TransactStatement => {
            statements(request, "TransactStatements", Some("ExecuteTransaction"), place)?
        }
    };
    if let Some(capacity) = request.text("ReturnConsumedCapacity")? {
        for access in &mut accesses {
            let capacity = known(capacity, &CAPACITIES);
            access.context.set("dynamodb:ReturnConsumedCapacity", capacity);
        }
    }
    if !request.has_only(members_of(items)) {
        accesses.iter_mut().for_each(Access::obscure);
    }
    // A transaction has a hundred entries; each name is compared with each of a policy.
    if accesses.iter().map(|access| access.named).sum::<usize>() > MAX_NAMES {
        accesses.iter_mut().for_each(Access::conceal_attributes);
    }
    Ok(accesses)
}

/// What a request on one table may have, or a part of a request.
pub(super) struct Shape {
    action: &'static str,
    /// Every member it may have.
    members: &'static [&'static str],
    /// Where it says which items it is about.
    pub(super) rows: Rows,
    /// Whether it has `Select`, said or not.
    selects: bool,
}

/// Where a request says which items it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    Key,
    /// By key, of an item that is changed.
    Update,
    Item,
    Query,
    /// It doesn't, and has no keys that could say so.
    Scan,
}

fn on_table<'r>(
    members: Members<'r, '_>,
    shape: &Shape,
    place: Place<'_>,
) -> Result<Access<'r>, DynamoDbError> {
    let named = Named::table(members.required_text("TableName")?, place)?;
    let index = match shape.members.contains(&"IndexName") {
        true => members.text("IndexName")?,
        false => None,
    };
    let mut access = named_access(shape.action, named, index)?;
    let mut attributes = Attributes::of(members)?;
    access.keys = keys(members, shape.rows, &mut attributes)?;
    if shape.selects {
        access.context.set("dynamodb:Select", select(members, index.is_some(), &attributes)?);
    }
    if let Some(fact) = return_values(None, members)? {
        access.context.set("dynamodb:ReturnValues", fact);
    }
    access.attributes(attributes);
    if !members.has_only(shape.members) {
        access.obscure();
    }
    Ok(access)
}

fn named_access<'r>(
    action: &'static str,
    named: Named<'_>,
    index: Option<&str>,
) -> Result<Access<'r>, DynamoDbError> {
    let table = named.table_name().map(str::to_owned);
    let named = match index {
        Some(index) => named.index(index)?,
        None => named,
    };
    let mut access = Access::plain(Action::fixed(action), named.resources()?);
    access.table = table;
    access.index = index.map(str::to_owned);
    Ok(access)
}

/// An index is searched, and the table it is of has to be allowed as well.
fn search_vectors<'r>(
    members: Members<'r, '_>,
    place: Place<'_>,
) -> Result<Access<'r>, DynamoDbError> {
    let table = Named::table(members.required_text("TableName")?, place)?;
    let of_table: Vec<Resource> = table.resources()?;
    let index = members.required_text("IndexName")?;
    let mut access = named_access("dynamodb:SearchVectors", table, Some(index))?;
    access.resources.extend(of_table);
    // Whose rows it finds, nothing in it says.
    access.keys = Keys::Unknown;
    let attributes = Attributes::of(members)?;
    access.context.set("dynamodb:Select", select(members, true, &attributes)?);
    access.attributes(attributes);
    Ok(access)
}

/// One access a table, with the keys of that table.
fn batch_get<'r>(
    request: Members<'r, '_>,
    place: Place<'_>,
) -> Result<Vec<Access<'r>>, DynamoDbError> {
    let tables = request.required_object("RequestItems")?;
    let mut total = 0;
    let of_table = |(table, asked)| {
        let members = Members::of(asked)?;
        let mut access = named_access("dynamodb:BatchGetItem", Named::table(table, place)?, None)?;
        let mut attributes = Attributes::of(members)?;
        let mut rows = Vec::new();
        let keys = members.required_list("Keys")?;
        total += keys.len();
        most("RequestItems", total, MAX_GETS)?;
        for key in keys {
            attributes.names_of(Members::of(key)?);
            rows.push(Row::of(key).ok_or(UNEXPECTED)?);
        }
        access.keys = Keys::Keyed(rows);
        access.context.set("dynamodb:Select", select(members, false, &attributes)?);
        access.attributes(attributes);
        if !members.has_only(KEYS_AND_ATTRIBUTES) {
            access.obscure();
        }
        Ok(access)
    };
    tables.iter().map(of_table).collect()
}

/// One access a table, with the items and keys of that table.
fn batch_write<'r>(
    request: Members<'r, '_>,
    place: Place<'_>,
) -> Result<Vec<Access<'r>>, DynamoDbError> {
    let tables = request.required_object("RequestItems")?;
    let mut total = 0;
    let of_table = |(table, writes): (&'r str, &'r Json<'_>)| {
        let writes = writes.list().filter(|writes| !writes.is_empty());
        let writes = writes.ok_or_else(|| missing("RequestItems"))?;
        total += writes.len();
        most("RequestItems", total, MAX_WRITES)?;
        let mut access =
            named_access("dynamodb:BatchWriteItem", Named::table(table, place)?, None)?;
        let mut attributes = Attributes::default();
        let (mut keyed, mut written) = (Vec::new(), Vec::new());
        for write in writes {
            let (kind, request) = only_member(Members::of(write)?)?;
            let (rows, member) = match kind {
                "PutRequest" => (&mut written, "Item"),
                "DeleteRequest" => (&mut keyed, "Key"),
                _ => return Err(UNEXPECTED),
            };
            // Nothing but the item or its key: what else may be in there is not known.
            let (name, row) = only_member(request)?;
            if name != member {
                return Err(UNEXPECTED);
            }
            attributes.names_of(row);
            rows.push(Row::of_members(row));
        }
        access.keys = Keys::Batch { keyed, written };
        access.attributes(attributes);
        Ok(access)
    };
    tables.iter().map(of_table).collect()
}

/// One access an entry, of the kinds in `shapes`.
fn transaction<'r>(
    request: Members<'r, '_>,
    enclosing: &'static str,
    shapes: &[(&str, &Shape)],
    place: Place<'_>,
) -> Result<Vec<Access<'r>>, DynamoDbError> {
    let of_entry = |entry| {
        let (kind, members) = only_member(Members::of(entry)?)?;
        let (_, shape) = shapes.iter().find(|(known, _)| *known == kind).ok_or(UNEXPECTED)?;
        let mut access = on_table(members, shape, place)?;
        access.context.one("dynamodb:EnclosingOperation", enclosing);
        Ok(access)
    };
    let entries = request.required_list("TransactItems")?;
    most("TransactItems", entries.len(), MAX_TRANSACTION)?;
    entries.iter().map(of_entry).collect()
}

/// The one member of an object that has one of several.
fn only_member<'r, 'b>(
    members: Members<'r, 'b>,
) -> Result<(&'r str, Members<'r, 'b>), DynamoDbError> {
    let mut all = members.iter();
    match (all.next(), all.next()) {
        (Some((name, json)), None) => Ok((name, Members::of(json)?)),
        _ => Err(UNEXPECTED),
    }
}

fn statements<'r>(
    request: Members<'r, '_>,
    list: &str,
    enclosing: Option<&'static str>,
    place: Place<'_>,
) -> Result<Vec<Access<'r>>, DynamoDbError> {
    let of_entry = |entry| statement(Members::of(entry)?, ENTRY, enclosing, place);
    let entries = request.required_list(list)?;
    most(list, entries.len(), MAX_TRANSACTION)?;
    entries.iter().map(of_entry).collect()
}

fn statement<'r>(
    members: Members<'r, '_>,
    known: &[&str],
    enclosing: Option<&'static str>,
    place: Place<'_>,
) -> Result<Access<'r>, DynamoDbError> {
    let text = members.required_text("Statement")?;
    let parameters = members.list("Parameters")?.unwrap_or_default();
    let statement = Statement::parse(text, parameters)?;
    let action = match statement.verb() {
        Verb::Select => "dynamodb:PartiQLSelect",
        Verb::Insert => "dynamodb:PartiQLInsert",
        Verb::Update => "dynamodb:PartiQLUpdate",
        Verb::Delete => "dynamodb:PartiQLDelete",
    };
    if statement.is_condition_check() && enclosing.is_none() {
        return Err(DynamoDbError::Validation("EXISTS is for transactions only".to_owned()));
    }
    let table = Named::table(statement.table(), place)?;
    let mut access = named_access(action, table, statement.index())?;
    let mut attributes = Attributes::default();
    attributes.add(statement.attributes().iter().map(String::as_str));
    access.attributes(attributes);
    if let Some(projection) = statement.projection() {
        let select = match (projection, statement.index()) {
            (Projection::Specific, _) => "SPECIFIC_ATTRIBUTES",
            (Projection::All, None) => "ALL_ATTRIBUTES",
            (Projection::All, Some(_)) => "ALL_PROJECTED_ATTRIBUTES",
        };
        access.context.one("dynamodb:Select", select);
    }
    if let Some(fact) = return_values(statement.returning(), members)? {
        access.context.set("dynamodb:ReturnValues", fact);
    }
    if let Some(enclosing) = enclosing {
        access.context.one("dynamodb:EnclosingOperation", enclosing);
    }
    access.keys = Keys::Statement(Box::new(statement));
    if !members.has_only(known) {
        access.obscure();
    }
    Ok(access)
}

impl Access<'_> {
    /// `dynamodb:Attributes`, and why it is unknown if it is.
    fn attributes(&mut self, attributes: Attributes<'_>) {
        self.doubts.extend_from_slice(attributes.doubts());
        let attributes = attributes.into_fact();
        if let Fact::Many(names) = &attributes {
            self.named = names.len();
        }
        self.context.set("dynamodb:Attributes", attributes);
    }

    /// The request has more attributes than are looked at.
    fn conceal_attributes(&mut self) {
        self.doubts.push("the request has too many attributes".to_owned());
        self.context.set("dynamodb:Attributes", Fact::Unknown);
    }

    /// There is something in the request that isn't known: what it means for the context keys can't
    /// be told.
    fn obscure(&mut self) {
        self.doubts.push("the request has a member that isn't known".to_owned());
        self.keys = Keys::Unknown;
        self.context = Facts::new();
        self.context.set("dynamodb:Attributes", Fact::Unknown);
        self.context.unknown_below("dynamodb:");
    }
}

/// The members of a whole request.
fn members_of(items: Items) -> &'static [&'static str] {
    match items {
        Items::Get => GET.members,
        Items::Put => PUT.members,
        Items::Update => UPDATE.members,
        Items::Delete => DELETE.members,
        Items::Query => QUERY.members,
        Items::Scan => SCAN.members,
        Items::SearchVectors => &[
            "TableName",
            "IndexName",
            "ReturnConsumedCapacity",
            "ExpressionAttributeNames",
            "ExpressionAttributeValues",
            "ProjectionExpression",
            "SearchVector",
            "SearchConditionExpression",
            "TopK",
        ],
        Items::BatchGet => &["RequestItems", "ReturnConsumedCapacity"],
        Items::BatchWrite => {
            &["RequestItems", "ReturnConsumedCapacity", "ReturnItemCollectionMetrics"]
        }
        Items::TransactGet => &["TransactItems", "ReturnConsumedCapacity"],
        Items::TransactWrite => &[
            "TransactItems",
            "ReturnConsumedCapacity",
            "ReturnItemCollectionMetrics",
            "ClientRequestToken",
        ],
        Items::Statement => STATEMENT,
        Items::BatchStatement => &["Statements", "ReturnConsumedCapacity"],
        Items::TransactStatement => {
            &["TransactStatements", "ClientRequestToken", "ReturnConsumedCapacity"]
        }
    }
}

const GET: Shape = Shape {
    action: "dynamodb:GetItem",
    members: &[
        "TableName",
        "Key",
        "AttributesToGet",
        "ConsistentRead",
        "ReturnConsumedCapacity",
        "ProjectionExpression",
        "ExpressionAttributeNames",
    ],
    rows: Rows::Key,
    selects: true,
};

const PUT: Shape = Shape {
    action: "dynamodb:PutItem",
    members: &[
        "TableName",
        "Item",
        "Expected",
        "ReturnValues",
        "ReturnConsumedCapacity",
        "ReturnItemCollectionMetrics",
        "ConditionalOperator",
        "ConditionExpression",
        "ExpressionAttributeNames",
        "ExpressionAttributeValues",
        "ReturnValuesOnConditionCheckFailure",
    ],
    rows: Rows::Item,
    selects: false,
};

const UPDATE: Shape = Shape {
    action: "dynamodb:UpdateItem",
    members: &[
        "TableName",
        "Key",
        "AttributeUpdates",
        "Expected",
        "ConditionalOperator",
        "ReturnValues",
        "ReturnConsumedCapacity",
        "ReturnItemCollectionMetrics",
        "UpdateExpression",
        "ConditionExpression",
        "ExpressionAttributeNames",
        "ExpressionAttributeValues",
        "ReturnValuesOnConditionCheckFailure",
    ],
    rows: Rows::Update,
    selects: false,
};

const DELETE: Shape = Shape {
    action: "dynamodb:DeleteItem",
    members: &[
        "TableName",
        "Key",
        "Expected",
        "ConditionalOperator",
        "ReturnValues",
        "ReturnConsumedCapacity",
        "ReturnItemCollectionMetrics",
        "ConditionExpression",
        "ExpressionAttributeNames",
        "ExpressionAttributeValues",
        "ReturnValuesOnConditionCheckFailure",
    ],
    rows: Rows::Key,
    selects: false,
};

/// An entry of TransactWriteItems: one of these, with fewer members than on its own.
const CONDITION_CHECK: Shape = Shape {
    action: "dynamodb:ConditionCheckItem",
    members: &[
        "TableName",
        "Key",
        "ConditionExpression",
        "ExpressionAttributeNames",
        "ExpressionAttributeValues",
        "ReturnValuesOnConditionCheckFailure",
    ],
    rows: Rows::Key,
    selects: false,
};

const QUERY: Shape = Shape {
    action: "dynamodb:Query",
    members: &[
        "TableName",
        "IndexName",
        "Select",
        "AttributesToGet",
        "Limit",
        "ConsistentRead",
        "KeyConditions",
        "QueryFilter",
        "ConditionalOperator",
        "ScanIndexForward",
        "ExclusiveStartKey",
        "ReturnConsumedCapacity",
        "ProjectionExpression",
        "FilterExpression",
        "KeyConditionExpression",
        "ExpressionAttributeNames",
        "ExpressionAttributeValues",
    ],
    rows: Rows::Query,
    selects: true,
};

const SCAN: Shape = Shape {
    action: "dynamodb:Scan",
    members: &[
        "TableName",
        "IndexName",
        "AttributesToGet",
        "Limit",
        "Select",
        "ScanFilter",
        "ConditionalOperator",
        "ExclusiveStartKey",
        "ReturnConsumedCapacity",
        "TotalSegments",
        "Segment",
        "ProjectionExpression",
        "FilterExpression",
        "ExpressionAttributeNames",
        "ExpressionAttributeValues",
        "ConsistentRead",
    ],
    rows: Rows::Scan,
    selects: true,
};

/// Keys of BatchGetItem (DynamoDB Developer Guide, "Service, account, and table quotas").
const MAX_GETS: usize = 100;
/// Writes of BatchWriteItem.
const MAX_WRITES: usize = 25;
/// Entries of a transaction; a batch of statements has fewer.
const MAX_TRANSACTION: usize = 100;

const READS: [(&str, &Shape); 1] = [("Get", &GET)];
const WRITES: [(&str, &Shape); 4] =
    [("Put", &PUT), ("Update", &UPDATE), ("Delete", &DELETE), ("ConditionCheck", &CONDITION_CHECK)];

const KEYS_AND_ATTRIBUTES: &[&str] = &[
    "Keys",
    "AttributesToGet",
    "ConsistentRead",
    "ProjectionExpression",
    "ExpressionAttributeNames",
];

const STATEMENT: &[&str] = &[
    "Statement",
    "Parameters",
    "ConsistentRead",
    "NextToken",
    "ReturnConsumedCapacity",
    "Limit",
    "ReturnValuesOnConditionCheckFailure",
];

/// A statement among others.
const ENTRY: &[&str] =
    &["Statement", "Parameters", "ConsistentRead", "ReturnValuesOnConditionCheckFailure"];

#[cfg(test)]
mod tests;
