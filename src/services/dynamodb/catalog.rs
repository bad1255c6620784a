//! What DynamoDB has by name: its actions, what they are about, its context keys.

use crate::services::catalog::{Actions, KeyKind, Keys, ResourceType, Seen, Service, many, one};

/// What policies may name of DynamoDB.
pub static CATALOG: Service =
    Service { prefix: "dynamodb", types: TYPES, actions: ACTIONS, keys: KEYS, only_on: ONLY_ON };

static TYPES: &[ResourceType] = &[
    ResourceType {
        name: "bulk operation",
        service: "dynamodb",
        region: true,
        account: true,
        resource: "table/#/*",
    },
    ResourceType {
        name: "backup",
        service: "dynamodb",
        region: true,
        account: true,
        resource: "table/#/backup/#",
    },
    ResourceType {
        name: "export",
        service: "dynamodb",
        region: true,
        account: true,
        resource: "table/#/export/#",
    },
    ResourceType {
        name: "global table",
        service: "dynamodb",
        region: false,
        account: true,
        resource: "global-table/#",
    },
    ResourceType {
        name: "import",
        service: "dynamodb",
        region: true,
        account: true,
        resource: "table/#/import/#",
    },
    ResourceType {
        name: "index",
        service: "dynamodb",
        region: true,
        account: true,
        resource: "table/#/index/#",
    },
    ResourceType {
        name: "stream",
        service: "dynamodb",
        region: true,
        account: true,
        resource: "table/#/stream/#",
    },
    ResourceType {
        name: "table",
        service: "dynamodb",
        region: true,
        account: true,
        resource: "table/#",
    },
];

static ACTIONS: &[Actions] = &[
    // Operations that the reference doesn't list yet have actions of their own names here.
    Actions { on: &["bulk operation"], names: "CancelBulkOperation DescribeBulkOperation" },
    Actions { on: &["table"], names: "StartBulkPutItems" },
    Actions { on: &[], names: "ListBulkOperations" },
    Actions {
        on: &[],
        names: "DescribeEndpoints DescribeLimits DescribeReservedCapacity \
               DescribeReservedCapacityOfferings GetAbacStatus InjectError ListBackups \
               ListContributorInsights ListGlobalTables ListStreams ListTables \
               PurchaseReservedCapacityOfferings UpdateAbacStatus",
    },
    Actions { on: &["backup"], names: "DeleteBackup DescribeBackup" },
    Actions { on: &["backup", "table"], names: "RestoreTableFromBackup" },
    Actions { on: &["export"], names: "DescribeExport" },
    Actions { on: &["global table"], names: "DescribeGlobalTable DescribeGlobalTableSettings" },
    Actions {
        on: &["global table", "table"],
        names: "CreateGlobalTable UpdateGlobalTable UpdateGlobalTableSettings \
               UpdateGlobalTableVersion",
    },
    Actions { on: &["import"], names: "DescribeImport" },
    Actions {
        on: &["index", "table"],
        names: "DescribeContributorInsights PartiQLSelect Query Scan SearchVectors \
               UpdateContributorInsights",
    },
    Actions { on: &["stream"], names: "DescribeStream GetRecords GetShardIterator" },
    Actions {
        on: &["stream", "table"],
        names: "DeleteResourcePolicy GetResourcePolicy ListTagsOfResource PutResourcePolicy \
               TagResource UntagResource",
    },
    Actions {
        on: &["table"],
        names: "AssociateTableReplica BatchGetItem BatchWriteItem ConditionCheckItem CreateBackup \
               CreateGlobalTableWitness CreateTable CreateTableReplica DeleteGlobalTableWitness \
               DeleteItem DeleteTable DeleteTableReplica DescribeContinuousBackups \
               DescribeKinesisStreamingDestination DescribeTable DescribeTableReplicaAutoScaling \
               DescribeTimeToLive DisableKinesisStreamingDestination \
               EnableKinesisStreamingDestination ExportTableToPointInTime GetItem ImportTable \
               ListExports ListImports PartiQLDelete PartiQLInsert PartiQLUpdate PutItem \
               ReadDataForReplication ReplicateSettings RestoreTableFromAwsBackup \
               RestoreTableToPointInTime StartAwsBackupJob UpdateContinuousBackups UpdateItem \
               UpdateKinesisStreamingDestination UpdateTable UpdateTableReplicaAutoScaling \
               UpdateTimeToLive WriteDataForReplication",
    },
];

static KEYS: &[Keys] = &[
    one(
        KeyKind::String,
        Seen::Here,
        "dynamodb:EnclosingOperation dynamodb:ReturnConsumedCapacity dynamodb:ReturnValues \
         dynamodb:Select",
    ),
    one(KeyKind::Bool, Seen::Here, "dynamodb:FullTableScan"),
    many(
        KeyKind::String,
        Seen::Here,
        "dynamodb:Attributes dynamodb:FirstPartitionKeyValues dynamodb:FourthPartitionKeyValues \
         dynamodb:LeadingKeys dynamodb:SecondPartitionKeyValues dynamodb:ThirdPartitionKeyValues",
    ),
    // Of AWS's own fault injection.
    one(KeyKind::String, Seen::Never, "dynamodb:FisActionId"),
    many(KeyKind::Arn, Seen::Never, "dynamodb:FisTargetArns"),
];

/// The actions that name rows by their partition key, which a scan doesn't.
static KEYED: &[&str] = &[
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "dynamodb:DeleteItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:BatchGetItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:Query",
    "dynamodb:SearchVectors",
    "dynamodb:PartiQLSelect",
    "dynamodb:PartiQLInsert",
    "dynamodb:PartiQLUpdate",
    "dynamodb:PartiQLDelete",
];

static ONLY_ON: &[(&str, &[&str])] = &[
    ("dynamodb:LeadingKeys", KEYED),
    ("dynamodb:FirstPartitionKeyValues", KEYED),
    ("dynamodb:SecondPartitionKeyValues", KEYED),
    ("dynamodb:ThirdPartitionKeyValues", KEYED),
    ("dynamodb:FourthPartitionKeyValues", KEYED),
    ("dynamodb:FullTableScan", &["dynamodb:PartiQLSelect"]),
];

#[cfg(test)]
mod tests {
    use super::super::operation::{OPERATIONS, Subject};
    use super::*;

    /// What a request may be asked for, a policy may name.
    #[test]
    fn has_every_action_of_the_operation_table() {
        let known =
            |action: &str| CATALOG.actions().any(|(name, _)| action == format!("dynamodb:{name}"));
        for operation in &OPERATIONS {
            // Those of several items or statements are asked for as what they do with each.
            let divided = operation.name.starts_with("Transact")
                || matches!(operation.subject, Subject::Items(_))
                    && operation.name.contains("Statement")
                || operation.name == "ExecuteTransaction";
            assert_ne!(known(operation.action), divided, "{}", operation.name);
        }
        for action in KEYED {
            assert!(known(action), "{action}");
        }
    }
}
