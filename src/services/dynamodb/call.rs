//! A request to DynamoDB: which operation it calls, what that does, and how it goes upstream.

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, header, uri::PathAndQuery};

use super::{
    DynamoDbError, Place,
    access::Access,
    items,
    json::Json,
    members::{Members, UNEXPECTED, most},
    name::Named,
    operation::{Besides, Operation, Subject},
    resource_policy::PolicyCall,
};
use crate::{
    http,
    iam::{Action, Resource},
    services::{Body, Forward, tags::TagKeys},
};

/// The head of a request, of which an operation is called by `X-Amz-Target`
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html>).
#[derive(Clone, Copy, Debug)]
pub struct Call {
    operation: &'static Operation,
}

/// A body that was read.
#[derive(Debug)]
pub struct Input<'b>(Json<'b>);

/// What a call does.
#[derive(Debug)]
pub struct Described<'r> {
    /// All of it: never nothing.
    pub accesses: Vec<Access<'r>>,
    /// The table that may be another one afterwards, by name.
    pub changes: Option<String>,
}

impl Call {
    /// The operation that is called.
    ///
    /// # Errors
    /// If it is none, or the request isn't one of JSON 1.0.
    pub fn of(method: &Method, path: &str, headers: &HeaderMap) -> Result<Self, DynamoDbError> {
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let operation = text(http::TARGET).and_then(Operation::named);
        let json = text(header::CONTENT_TYPE).is_some_and(is_json);
        // A backend may undo a coding, and would read something that nobody looked at.
        let coded = headers.contains_key(header::CONTENT_ENCODING);
        match operation {
            Some(operation) if *method == Method::POST && path == "/" && json && !coded => {
                Ok(Self { operation })
            }
            _ => Err(DynamoDbError::UnknownOperation),
        }
    }

    /// The operation's name.
    pub fn name(&self) -> &'static str {
        self.operation.name
    }

    /// What it does.
    ///
    /// # Errors
    /// If that can't be told.
    pub fn describe<'r>(
        &self,
        input: &'r Input<'_>,
        place: Place<'_>,
    ) -> Result<Described<'r>, DynamoDbError> {
        let request = Members::of(&input.0)?;
        let mut accesses = match self.operation.subject {
            Subject::Items(items) => items::accesses(items, request, place)?,
            subject => {
                let access = self.plain(self.subject(subject, request, place)?);
                vec![match self.operation.besides {
                    Besides::UnseenItems => access.of_unseen_items(),
                    _ => access,
                }]
            }
        };
        self.besides(request, place, &mut accesses)?;
        let changes = match self.operation.changes_table {
            true => self.changed_table(request, place)?,
            false => None,
        };
        Ok(Described { accesses, changes })
    }

    fn plain<'r>(&self, resources: Vec<Resource>) -> Access<'r> {
        Access::plain(Action::fixed(self.operation.action), resources)
    }

    fn subject(
        &self,
        subject: Subject,
        request: Members<'_, '_>,
        place: Place<'_>,
    ) -> Result<Vec<Resource>, DynamoDbError> {
        match subject {
            Subject::Any => Ok(vec![Resource::Any]),
            Subject::Table(member) => table(request, member, place)?.resources(),
            Subject::MaybeTable(member) => match request.text(member)? {
                Some(text) => Named::table(text, place)?.resources(),
                None => Ok(vec![Resource::Any]),
            },
            Subject::TableOrIndex => {
                let table = table(request, "TableName", place)?;
                match request.text("IndexName")? {
                    Some(index) => table.index(index)?.resources(),
                    None => table.resources(),
                }
            }
            Subject::Resource(member) => {
                Named::arn(request.required_text(member)?, place)?.resources()
            }
            Subject::Below(member, kind) => {
                Named::below(request.required_text(member)?, kind, place)?.resources()
            }
            Subject::GlobalTable => global_table(request, place)?.resources(),
            Subject::GlobalTableAndTable => {
                let mut resources = global_table(request, place)?.resources()?;
                resources.extend(table(request, "GlobalTableName", place)?.resources()?);
                Ok(resources)
            }
            Subject::ShardIterator => {
                // AWS's iterators begin with the stream's ARN; of others nobody can tell.
                let iterator = request.required_text("ShardIterator")?;
                let stream = iterator.split_once('|').map(|(stream, _)| stream);
                let stream = stream.ok_or(DynamoDbError::ShardIterator)?;
                match Named::below(stream, "stream", place) {
                    Err(DynamoDbError::Validation(_)) => Err(DynamoDbError::ShardIterator),
                    named => named?.resources(),
                }
            }
            Subject::Items(_) => Err(DynamoDbError::UnknownOperation),
        }
    }

    /// What it does with the policy of a table or a stream, if that is what it does.
    ///
    /// # Errors
    /// If that can't be done.
    pub fn policy(
        &self,
        input: &Input<'_>,
        place: Place<'_>,
    ) -> Result<Option<PolicyCall>, DynamoDbError> {
        PolicyCall::read(self.name(), Members::of(&input.0)?, place)
    }

    /// Adds what else has to be allowed, and the keys of tags.
    fn besides(
        &self,
        request: Members<'_, '_>,
        place: Place<'_>,
        accesses: &mut Vec<Access<'_>>,
    ) -> Result<(), DynamoDbError> {
        let own = |accesses: &[Access<'_>]| {
            accesses.first().map(|access| access.resources.clone()).unwrap_or_default()
        };
        let mut needs: Vec<(&'static str, Vec<Resource>)> = Vec::new();
        match self.operation.besides {
            Besides::Nothing | Besides::UnseenItems => return Ok(()),
            Besides::Tags => return set_tags(request, accesses),
            Besides::TagKeys => {
                let keys = request.required_list("TagKeys")?;
                most("TagKeys", keys.len(), MAX_TAGS)?;
                let keys = keys.iter().map(|key| key.text().ok_or(UNEXPECTED));
                let keys: Vec<&str> = keys.collect::<Result<_, _>>()?;
                for access in accesses {
                    REQUEST_TAGS.set_keys(keys.iter().copied(), &mut access.context);
                }
                return Ok(());
            }
            Besides::NewTable => {
                if request.list("Tags")?.is_some_and(|tags| !tags.is_empty()) {
                    needs.push(("dynamodb:TagResource", own(accesses)));
                }
                if request.get("ResourcePolicy").is_some() {
                    needs.push(("dynamodb:PutResourcePolicy", own(accesses)));
                }
                if let Some(source) = request.text("GlobalTableSourceArn")? {
                    let source = Named::table(source, place)?.resources()?;
                    needs.push(("dynamodb:AssociateTableReplica", source));
                }
            }
            Besides::Replicas => {
                for (list, create, delete) in [
                    (
                        "ReplicaUpdates",
                        "dynamodb:CreateTableReplica",
                        "dynamodb:DeleteTableReplica",
                    ),
                    (
                        "GlobalTableWitnessUpdates",
                        "dynamodb:CreateGlobalTableWitness",
                        "dynamodb:DeleteGlobalTableWitness",
                    ),
                ] {
                    let updates = request.list(list)?.unwrap_or_default();
                    most(list, updates.len(), MAX_UPDATES)?;
                    for update in updates {
                        let update = Members::of(update)?;
                        for (member, action) in [("Create", create), ("Delete", delete)] {
                            if update.get(member).is_some() {
                                needs.push((action, own(accesses)));
                            }
                        }
                    }
                }
            }
            Besides::Restored => {
                let target = table(request, "TargetTableName", place)?.resources()?;
                if self.operation.subject == Subject::Any {
                    // From another table: both are asked for the restore itself.
                    let source = match request.text("SourceTableArn")? {
                        Some(arn) => Named::table(arn, place)?,
                        None => table(request, "SourceTableName", place)?,
                    };
                    accesses.clear();
                    accesses.push(self.plain(source.resources()?));
                }
                needs.push((self.operation.action, target.clone()));
                needs.extend(FILLS.map(|action| (action, target.clone())));
            }
        }
        for (action, resources) in needs {
            let access = Access::plain(Action::fixed(action), resources);
            // Whose rows a table is filled with can't be told.
            accesses.push(match FILLS.contains(&action) {
                true => access.of_unseen_items(),
                false => access,
            });
        }
        match self.operation.besides {
            Besides::NewTable => set_tags(request, accesses),
            _ => Ok(()),
        }
    }

    /// The table that may be another one afterwards. Where another operation would name it, a
    /// backend doesn't look.
    fn changed_table(
        &self,
        request: Members<'_, '_>,
        place: Place<'_>,
    ) -> Result<Option<String>, DynamoDbError> {
        let member = match (self.operation.besides, self.operation.subject) {
            (Besides::Restored, _) => "TargetTableName",
            (_, Subject::Table(member)) => member,
            _ => return Ok(None),
        };
        Ok(table(request, member, place)?.table_name().map(str::to_owned))
    }

    /// The call as it goes upstream: nothing of the caller's head but what is known to be harmless.
    pub fn forward(&self, headers: &HeaderMap, body: Body) -> Forward {
        let mut upstream = HeaderMap::new();
        for name in FORWARDED {
            if let Some(value) = headers.get(&name) {
                upstream.insert(name, value.clone());
            }
        }
        let Operation { api, name, .. } = self.operation;
        let target = [api.prefix(), name].concat();
        if let Ok(target) = HeaderValue::try_from(target) {
            upstream.insert(http::TARGET, target);
        }
        upstream.insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
        Forward {
            method: Method::POST,
            target: PathAndQuery::from_static("/"),
            headers: upstream,
            body,
        }
    }
}

impl<'b> Input<'b> {
    /// Reads a body.
    ///
    /// # Errors
    /// If it isn't one object of JSON in UTF-8, or an object in it names a member twice.
    pub fn read(body: &'b [u8]) -> Result<Self, DynamoDbError> {
        let json = Json::parse(body).map_err(|_| {
            DynamoDbError::Serialization("The body isn't one JSON object without duplicate members")
        })?;
        json.object().is_some().then_some(Self(json)).ok_or(UNEXPECTED)
    }
}

/// The table that a member names; `A.B` is member `B` of member `A`.
fn table<'p>(
    request: Members<'_, '_>,
    member: &str,
    place: Place<'p>,
) -> Result<Named<'p>, DynamoDbError> {
    let text = match member.split_once('.') {
        Some((outer, inner)) => request.required_object(outer)?.required_text(inner)?,
        None => request.required_text(member)?,
    };
    Named::table(text, place)
}

fn global_table<'p>(
    request: Members<'_, '_>,
    place: Place<'p>,
) -> Result<Named<'p>, DynamoDbError> {
    Named::global_table(request.required_text("GlobalTableName")?, place)
}

/// `aws:RequestTag/…` and `aws:TagKeys` of the member `Tags`.
fn set_tags(request: Members<'_, '_>, accesses: &mut [Access<'_>]) -> Result<(), DynamoDbError> {
    let Some(tags) = request.list("Tags")? else { return Ok(()) };
    most("Tags", tags.len(), MAX_TAGS)?;
    let mut found = Vec::with_capacity(tags.len());
    for tag in tags {
        let tag = Members::of(tag)?;
        let (key, value) = (tag.required_text("Key")?, tag.text("Value")?.unwrap_or_default());
        found.push((key.to_owned(), value.to_owned()));
    }
    for access in accesses {
        REQUEST_TAGS.set(&found, &mut access.context);
    }
    Ok(())
}

fn is_json(content_type: &str) -> bool {
    let (kind, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    let parameters = parameters.trim();
    kind.trim().eq_ignore_ascii_case(JSON)
        && (parameters.is_empty() || parameters.eq_ignore_ascii_case("charset=utf-8"))
}

/// What fills a table that is restored (Restoring a table from a backup, IAM permissions).
const FILLS: [&str; 7] = [
    "dynamodb:BatchWriteItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:UpdateItem",
];

/// Tags of a table.
const MAX_TAGS: usize = 50;
/// Replicas that come or go in one request; there are fewer regions.
const MAX_UPDATES: usize = 100;

const REQUEST_TAGS: TagKeys = TagKeys { prefix: "aws:requesttag/", keys: "aws:tagkeys" };

const JSON: &str = "application/x-amz-json-1.0";

/// What goes upstream of the caller's headers.
const FORWARDED: [HeaderName; 4] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::USER_AGENT,
    HeaderName::from_static("traceparent"),
];

#[cfg(test)]
mod tests;
