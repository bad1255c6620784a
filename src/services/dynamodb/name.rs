//! What requests name: tables by their name or ARN, and other things by their ARN.
//!
//! A backend looks at the name in an ARN alone, so that whatever region it says, the thing at home
//! is meant: such an ARN is checked as it is written and as if it were written of here, so that
//! neither spelling gets around a Deny. One of another account is refused: its own policies would
//! have to allow it too.

use super::DynamoDbError;
use crate::iam::{Arn, Resource};

/// Where the gate is: what the ARNs of its tables begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'p> {
    /// The partition.
    pub partition: &'p str,
    /// The region.
    pub region: &'p str,
    /// The account id.
    pub account: &'p str,
}

/// Something that a request names, as the resources that have to be allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named<'p> {
    place: Place<'p>,
    /// The region of the ARN it was named by, if that isn't the place's.
    elsewhere: Option<String>,
    /// What follows the ARN's fifth colon: `table/demo`.
    path: String,
}

impl<'p> Named<'p> {
    /// A table, by its name or ARN.
    ///
    /// # Errors
    /// If it is neither, or the ARN is of another account.
    pub(super) fn table(text: &str, place: Place<'p>) -> Result<Self, DynamoDbError> {
        let named = match text.starts_with("arn:") {
            true => Self::arn(text, place)?,
            false => Self { place, elsewhere: None, path: format!("{TABLE}{text}") },
        };
        match named.table_name().is_some_and(is_table_name) && named.suffix().is_none() {
            true => Ok(named),
            false => Err(invalid("tableName")),
        }
    }

    /// A global table, by its name.
    ///
    /// # Errors
    /// If it can't be one.
    pub(super) fn global_table(text: &str, place: Place<'p>) -> Result<Self, DynamoDbError> {
        match is_table_name(text) {
            true => {
                // Global tables are in no region.
                let place = Place { region: "", ..place };
                Ok(Self { place, elsewhere: None, path: format!("global-table/{text}") })
            }
            false => Err(invalid("globalTableName")),
        }
    }

    /// Anything that belongs to a table, by its ARN: `…:table/demo/stream/2026-01-01T00:00:00.000`.
    ///
    /// # Errors
    /// If it is no ARN of DynamoDB's, or one of another account.
    pub(super) fn arn(text: &str, place: Place<'p>) -> Result<Self, DynamoDbError> {
        let arn = Arn::parse(text).map_err(|_| invalid("resourceArn"))?;
        if arn.service() != "dynamodb" {
            return Err(invalid("resourceArn"));
        }
        if arn.partition() != place.partition || arn.account() != place.account {
            return Err(DynamoDbError::ForeignArn(text.into()));
        }
        let elsewhere = (arn.region() != place.region).then(|| arn.region().to_owned());
        let named = Self { place, elsewhere, path: arn.resource().to_owned() };
        let suffix = named.suffix().map_or(Some(("", "")), |rest| rest.split_once('/'));
        let below = suffix.is_some_and(|(kind, label)| {
            (kind, label) == ("", "") || (is_label(kind) && is_label(label))
        });
        match below && named.table_name().is_some_and(is_table_name) {
            true => Ok(named),
            false => Err(invalid("resourceArn")),
        }
    }

    /// One that must be a thing of this `kind` (`stream`, `backup`, …) below a table.
    ///
    /// # Errors
    /// As [`Named::arn`], and if it is another kind of thing.
    pub(super) fn below(text: &str, kind: &str, place: Place<'p>) -> Result<Self, DynamoDbError> {
        let named = Self::arn(text, place)?;
        let label = named.suffix().and_then(|rest| rest.strip_prefix(kind)?.strip_prefix('/'));
        match label.is_some_and(is_label) {
            true => Ok(named),
            false => Err(invalid(&format!("{kind}Arn"))),
        }
    }

    /// The table's name, if it is one or belongs to one.
    pub(super) fn table_name(&self) -> Option<&str> {
        let name = self.path.strip_prefix(TABLE)?;
        Some(name.split_once('/').map_or(name, |(name, _)| name))
    }

    /// What follows the table's name.
    fn suffix(&self) -> Option<&str> {
        self.path.strip_prefix(TABLE)?.split_once('/').map(|(_, rest)| rest)
    }

    /// An index of this table.
    ///
    /// # Errors
    /// If it can't be the name of one.
    pub(super) fn index(mut self, name: &str) -> Result<Self, DynamoDbError> {
        if !is_table_name(name) {
            return Err(invalid("indexName"));
        }
        self.path.push_str("/index/");
        self.path.push_str(name);
        Ok(self)
    }

    /// The resources that have to be allowed.
    pub(super) fn resources(&self) -> Result<Vec<Resource>, DynamoDbError> {
        let regions = [Some(self.place.region), self.elsewhere.as_deref()];
        let Place { partition, account, .. } = self.place;
        regions
            .into_iter()
            .flatten()
            .map(|region| {
                let arn = format!("arn:{partition}:dynamodb:{region}:{account}:{}", self.path);
                Arn::parse(&arn).map(Resource::Arn).map_err(|_| invalid("tableName"))
            })
            .collect()
    }
}

/// Names of tables and indexes: 3 to 255 of these characters (Naming rules, DynamoDB Developer Guide).
pub(crate) fn is_table_name(name: &str) -> bool {
    (3..=255).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// Names that the service gives: of streams, backups, exports and imports.
fn is_label(label: &str) -> bool {
    (1..=255).contains(&label.len())
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b':'))
}

fn invalid(member: &str) -> DynamoDbError {
    DynamoDbError::Validation(format!(
        "1 validation error detected: Value at '{member}' failed to satisfy constraint: Member must \
         be a name or an ARN of DynamoDB's"
    ))
}

const TABLE: &str = "table/";

#[cfg(test)]
mod tests;
