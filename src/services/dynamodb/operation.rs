//! The operations of DynamoDB and of its streams: what each is about, and the action that has to be
//! allowed on it.
//!
//! After the Service Authorization Reference
//! (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html>).
//! Operations that it doesn't list yet have an action of their own name.

use super::{STREAMS_TARGET_PREFIX, TARGET_PREFIX};

/// One operation.
#[derive(Debug)]
pub(super) struct Operation {
    /// Its name in the API.
    pub(super) name: &'static str,
    /// Its action.
    pub(super) action: &'static str,
    pub(super) api: Api,
    pub(super) subject: Subject,
    pub(super) besides: Besides,
    /// Whether it may make a table another one.
    pub(super) changes_table: bool,
}

/// The two APIs, by what their targets begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Api {
    Tables,
    Streams,
}

impl Api {
    /// What comes before an operation's name in `X-Amz-Target`.
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::Tables => TARGET_PREFIX,
            Self::Streams => STREAMS_TARGET_PREFIX,
        }
    }
}

/// What an operation is about, with the member that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// Nothing in particular.
    Any,
    /// A table, by name or ARN.
    Table(&'static str),
    /// The same where it is named, else nothing in particular.
    MaybeTable(&'static str),
    /// `TableName`, or the index `IndexName` of it.
    TableOrIndex,
    /// A table or a stream, by ARN.
    Resource(&'static str),
    /// Something of this kind below a table, by ARN.
    Below(&'static str, &'static str),
    /// A global table.
    GlobalTable,
    /// A global table and the table of that name.
    GlobalTableAndTable,
    /// The stream that a shard iterator is of.
    ShardIterator,
    /// Items.
    Items(Items),
}

/// The operations on items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Items {
    Get,
    Put,
    Update,
    Delete,
    Query,
    Scan,
    SearchVectors,
    BatchGet,
    BatchWrite,
    TransactGet,
    TransactWrite,
    Statement,
    BatchStatement,
    TransactStatement,
}

/// What else has to be allowed, for what a request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Besides {
    Nothing,
    /// Nothing, but that it is about items that the request doesn't show.
    UnseenItems,
    /// Tags, a resource policy, a table elsewhere that this one is a replica of.
    NewTable,
    /// Replicas and witnesses that come and go.
    Replicas,
    /// To fill the table that is restored, `TargetTableName`.
    Restored,
    /// Tags that are set.
    Tags,
    /// Tags that are removed.
    TagKeys,
}

impl Operation {
    /// The operation that `X-Amz-Target` names.
    pub(super) fn named(target: &str) -> Option<&'static Self> {
        let (api, name) = [Api::Streams, Api::Tables]
            .into_iter()
            .find_map(|api| Some((api, target.strip_prefix(api.prefix())?)))?;
        OPERATIONS.iter().find(|operation| operation.api == api && operation.name == name)
    }

    const fn besides(self, besides: Besides) -> Self {
        Self { besides, ..self }
    }

    const fn changes_table(self) -> Self {
        Self { changes_table: true, ..self }
    }

    const fn of_streams(self) -> Self {
        Self { api: Api::Streams, ..self }
    }
}

/// An operation with the action of its name.
macro_rules! op {
    ($name:literal, $subject:expr) => {
        Operation {
            name: $name,
            action: concat!("dynamodb:", $name),
            api: Api::Tables,
            subject: $subject,
            besides: Besides::Nothing,
            changes_table: false,
        }
    };
}

use Subject::{
    Any, Below, GlobalTable, GlobalTableAndTable, MaybeTable, Resource, ShardIterator, Table,
    TableOrIndex,
};

const TABLE: Subject = Table("TableName");
const RESOURCE: Subject = Resource("ResourceArn");

/// The operations on items go first, since they are asked for most.
pub(super) static OPERATIONS: [Operation; 66] = [
    op!("GetItem", Subject::Items(Items::Get)),
    op!("Query", Subject::Items(Items::Query)),
    op!("PutItem", Subject::Items(Items::Put)),
    op!("UpdateItem", Subject::Items(Items::Update)),
    op!("DeleteItem", Subject::Items(Items::Delete)),
    op!("BatchGetItem", Subject::Items(Items::BatchGet)),
    op!("BatchWriteItem", Subject::Items(Items::BatchWrite)),
    op!("TransactGetItems", Subject::Items(Items::TransactGet)),
    op!("TransactWriteItems", Subject::Items(Items::TransactWrite)),
    op!("Scan", Subject::Items(Items::Scan)),
    op!("ExecuteStatement", Subject::Items(Items::Statement)),
    op!("BatchExecuteStatement", Subject::Items(Items::BatchStatement)),
    op!("ExecuteTransaction", Subject::Items(Items::TransactStatement)),
    op!("SearchVectors", Subject::Items(Items::SearchVectors)),
    op!("CreateTable", TABLE).besides(Besides::NewTable).changes_table(),
    op!("DeleteTable", TABLE).changes_table(),
    op!("DescribeTable", TABLE),
    op!("ListTables", Any),
    op!("UpdateTable", TABLE).besides(Besides::Replicas).changes_table(),
    op!("DescribeTimeToLive", TABLE),
    op!("UpdateTimeToLive", TABLE),
    op!("DescribeContinuousBackups", TABLE),
    op!("UpdateContinuousBackups", TABLE),
    op!("DescribeKinesisStreamingDestination", TABLE),
    op!("DisableKinesisStreamingDestination", TABLE),
    op!("EnableKinesisStreamingDestination", TABLE),
    op!("UpdateKinesisStreamingDestination", TABLE),
    op!("DescribeTableReplicaAutoScaling", TABLE),
    op!("UpdateTableReplicaAutoScaling", TABLE),
    op!("DescribeContributorInsights", TableOrIndex),
    op!("UpdateContributorInsights", TableOrIndex),
    op!("ListContributorInsights", Any),
    op!("TagResource", RESOURCE).besides(Besides::Tags),
    op!("UntagResource", RESOURCE).besides(Besides::TagKeys),
    op!("ListTagsOfResource", RESOURCE),
    op!("PutResourcePolicy", RESOURCE),
    op!("GetResourcePolicy", RESOURCE),
    op!("DeleteResourcePolicy", RESOURCE),
    op!("CreateBackup", TABLE),
    op!("DescribeBackup", Below("BackupArn", "backup")),
    op!("DeleteBackup", Below("BackupArn", "backup")),
    op!("ListBackups", Any),
    op!("RestoreTableFromBackup", Below("BackupArn", "backup"))
        .besides(Besides::Restored)
        .changes_table(),
    op!("RestoreTableToPointInTime", Any).besides(Besides::Restored).changes_table(),
    op!("ExportTableToPointInTime", Table("TableArn")),
    op!("DescribeExport", Below("ExportArn", "export")),
    op!("ListExports", MaybeTable("TableArn")),
    op!("ImportTable", Table("TableCreationParameters.TableName")).changes_table(),
    op!("DescribeImport", Below("ImportArn", "import")),
    op!("ListImports", MaybeTable("TableArn")),
    op!("CreateGlobalTable", GlobalTableAndTable),
    op!("UpdateGlobalTable", GlobalTableAndTable),
    op!("UpdateGlobalTableSettings", GlobalTableAndTable),
    op!("DescribeGlobalTable", GlobalTable),
    op!("DescribeGlobalTableSettings", GlobalTable),
    op!("ListGlobalTables", Any),
    op!("StartBulkPutItems", TABLE).besides(Besides::UnseenItems),
    op!("DescribeBulkOperation", Resource("BulkOperationArn")),
    op!("CancelBulkOperation", Resource("BulkOperationArn")),
    op!("ListBulkOperations", Any),
    op!("DescribeLimits", Any),
    op!("DescribeEndpoints", Any),
    op!("DescribeStream", Below("StreamArn", "stream")).of_streams(),
    op!("GetShardIterator", Below("StreamArn", "stream")).of_streams(),
    op!("GetRecords", ShardIterator).of_streams(),
    op!("ListStreams", Any).of_streams(),
];

#[cfg(test)]
mod tests;
