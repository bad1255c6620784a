//! What S3 has by name: its actions, what they are about, its context keys.

use super::context::{ACL, LISTING};
use crate::services::catalog::{Actions, KeyKind, Keys, ResourceType, Seen, Service, many, one};

/// What policies may name of S3.
pub static CATALOG: Service =
    Service { prefix: "s3", types: TYPES, actions: ACTIONS, keys: KEYS, only_on: ONLY_ON };

static TYPES: &[ResourceType] = &[
    ResourceType {
        name: "grant",
        service: "s3",
        region: true,
        account: true,
        resource: "access-grants/default/grant/#",
    },
    ResourceType {
        name: "access grants instance",
        service: "s3",
        region: true,
        account: true,
        resource: "access-grants/default",
    },
    ResourceType {
        name: "access grants location",
        service: "s3",
        region: true,
        account: true,
        resource: "access-grants/default/location/#",
    },
    ResourceType {
        name: "access point",
        service: "s3",
        region: true,
        account: true,
        resource: "accesspoint/#",
    },
    ResourceType {
        name: "object of an access point",
        service: "s3",
        region: true,
        account: true,
        resource: "accesspoint/#/object/*",
    },
    ResourceType { name: "bucket", service: "s3", region: false, account: false, resource: "#" },
    ResourceType { name: "job", service: "s3", region: true, account: true, resource: "job/#" },
    ResourceType {
        name: "multi-region access point",
        service: "s3",
        region: false,
        account: true,
        resource: "accesspoint/#",
    },
    ResourceType {
        name: "multi-region access point request",
        service: "s3",
        region: true,
        account: true,
        resource: "async-request/mrap/#/#",
    },
    ResourceType { name: "object", service: "s3", region: false, account: false, resource: "#/*" },
    ResourceType {
        name: "object lambda access point",
        service: "s3-object-lambda",
        region: true,
        account: true,
        resource: "accesspoint/#",
    },
    ResourceType {
        name: "storage lens configuration",
        service: "s3",
        region: true,
        account: true,
        resource: "storage-lens/#",
    },
    ResourceType {
        name: "storage lens group",
        service: "s3",
        region: true,
        account: true,
        resource: "storage-lens-group/#",
    },
];

static ACTIONS: &[Actions] = &[
    Actions {
        on: &[],
        names: "CreateJob CreateStorageLensGroup GetAccessPoint GetAccountPublicAccessBlock \
               ListAccessGrantsInstances ListAccessPoints ListAccessPointsForObjectLambda \
               ListAllMyBuckets ListJobs ListMultiRegionAccessPoints \
               ListStorageLensConfigurations ListStorageLensGroups \
               PutAccessPointPublicAccessBlock PutAccountPublicAccessBlock \
               PutStorageLensConfiguration",
    },
    Actions { on: &["grant"], names: "CreateAccessGrant DeleteAccessGrant GetAccessGrant" },
    Actions {
        on: &[
            "grant",
            "access grants instance",
            "access grants location",
            "access point",
            "bucket",
            "storage lens group",
        ],
        names: "ListTagsForResource TagResource UntagResource",
    },
    Actions {
        on: &["access grants instance"],
        names: "AssociateAccessGrantsIdentityCenter CreateAccessGrantsInstance \
               DeleteAccessGrantsInstance DeleteAccessGrantsInstanceResourcePolicy \
               DissociateAccessGrantsIdentityCenter GetAccessGrantsInstance \
               GetAccessGrantsInstanceForPrefix GetAccessGrantsInstanceResourcePolicy \
               GetDataAccess ListAccessGrants ListAccessGrantsLocations ListCallerAccessGrants \
               PutAccessGrantsInstanceResourcePolicy",
    },
    Actions {
        on: &["access grants location"],
        names: "CreateAccessGrantsLocation DeleteAccessGrantsLocation GetAccessGrantsLocation \
               UpdateAccessGrantsLocation",
    },
    Actions {
        on: &["access point"],
        names: "CreateAccessPoint DeleteAccessPoint DeleteAccessPointPolicy GetAccessPointPolicy \
               GetAccessPointPolicyStatus PutAccessPointPolicy",
    },
    Actions {
        on: &["access point", "bucket"],
        names: "GetBucketAcl GetBucketCORS GetBucketLocation GetBucketNotification \
               GetBucketPolicy ListBucket ListBucketVersions",
    },
    Actions {
        on: &["object of an access point", "object"],
        names: "AbortMultipartUpload BypassGovernanceRetention DeleteObject \
               DeleteObjectAnnotation DeleteObjectTagging DeleteObjectVersion \
               DeleteObjectVersionAnnotation DeleteObjectVersionTagging GetObject GetObjectAcl \
               GetObjectAnnotation GetObjectAttributes GetObjectLegalHold GetObjectRetention \
               GetObjectTagging GetObjectVersion GetObjectVersionAcl GetObjectVersionAnnotation \
               GetObjectVersionAttributes GetObjectVersionTagging ListMultipartUploadParts \
               ListObjectAnnotations ListObjectVersionAnnotations PutObject PutObjectAcl \
               PutObjectAnnotation PutObjectLegalHold PutObjectRetention PutObjectTagging \
               PutObjectVersionAcl PutObjectVersionAnnotation PutObjectVersionTagging \
               RestoreObject UpdateObjectEncryption",
    },
    Actions {
        on: &["bucket"],
        names: "AllowVendedLogDeliveryForResource CreateBucket \
               CreateBucketMetadataTableConfiguration DeleteBucket \
               DeleteBucketMetadataTableConfiguration DeleteBucketPolicy DeleteBucketWebsite \
               GetAccelerateConfiguration GetAnalyticsConfiguration GetBucketAbac \
               GetBucketLogging GetBucketMetadataTableConfiguration \
               GetBucketObjectLockConfiguration GetBucketOwnershipControls GetBucketPolicyStatus \
               GetBucketPublicAccessBlock GetBucketRequestPayment GetBucketTagging \
               GetBucketVersioning GetBucketWebsite GetEncryptionConfiguration \
               GetIntelligentTieringConfiguration GetInventoryConfiguration \
               GetLifecycleConfiguration GetMetricsConfiguration GetReplicationConfiguration \
               ListBucketMultipartUploads PauseReplication PutAccelerateConfiguration \
               PutAnalyticsConfiguration PutBucketAbac PutBucketAcl PutBucketCORS \
               PutBucketLogging PutBucketNotification PutBucketObjectLockConfiguration \
               PutBucketOwnershipControls PutBucketPolicy PutBucketPublicAccessBlock \
               PutBucketRequestPayment PutBucketTagging PutBucketVersioning PutBucketWebsite \
               PutEncryptionConfiguration PutIntelligentTieringConfiguration \
               PutInventoryConfiguration PutLifecycleConfiguration PutMetricsConfiguration \
               PutReplicationConfiguration UpdateBucketMetadataAnnotationTableConfiguration \
               UpdateBucketMetadataInventoryTableConfiguration \
               UpdateBucketMetadataJournalTableConfiguration",
    },
    Actions {
        on: &["job"],
        names: "DeleteJobTagging DescribeJob GetJobTagging PutJobTagging UpdateJobPriority \
               UpdateJobStatus",
    },
    Actions {
        on: &["multi-region access point"],
        names: "CreateMultiRegionAccessPoint DeleteMultiRegionAccessPoint \
               GetMultiRegionAccessPoint GetMultiRegionAccessPointPolicy \
               GetMultiRegionAccessPointPolicyStatus GetMultiRegionAccessPointRoutes \
               PutMultiRegionAccessPointPolicy SubmitMultiRegionAccessPointRoutes",
    },
    Actions {
        on: &["multi-region access point request"],
        names: "DescribeMultiRegionAccessPointOperation",
    },
    Actions {
        on: &["object"],
        names: "GetObjectTorrent GetObjectVersionAnnotationForReplication \
               GetObjectVersionForReplication GetObjectVersionTorrent InitiateReplication \
               ObjectOwnerOverrideToBucketOwner ReplicateDelete ReplicateObject \
               ReplicateObjectAnnotation ReplicateTags",
    },
    Actions {
        on: &["object lambda access point"],
        names: "CreateAccessPointForObjectLambda DeleteAccessPointForObjectLambda \
               DeleteAccessPointPolicyForObjectLambda GetAccessPointConfigurationForObjectLambda \
               GetAccessPointForObjectLambda GetAccessPointPolicyForObjectLambda \
               GetAccessPointPolicyStatusForObjectLambda \
               PutAccessPointConfigurationForObjectLambda PutAccessPointPolicyForObjectLambda",
    },
    Actions {
        on: &["storage lens configuration"],
        names: "DeleteStorageLensConfiguration DeleteStorageLensConfigurationTagging \
               GetStorageLensConfiguration GetStorageLensConfigurationTagging \
               GetStorageLensDashboard PutStorageLensConfigurationTagging",
    },
    Actions {
        on: &["storage lens group"],
        names: "DeleteStorageLensGroup GetStorageLensGroup UpdateStorageLensGroup",
    },
];

static KEYS: &[Keys] = &[
    one(
        KeyKind::String,
        Seen::Here,
        "s3:RequestObjectTag/ s3:authType s3:delimiter s3:if-match s3:if-none-match \
         s3:locationconstraint s3:object-lock-event-hold s3:object-lock-legal-hold \
         s3:object-lock-mode s3:prefix s3:ResourceAccount s3:signatureversion s3:versionid \
         s3:x-amz-acl s3:x-amz-bucket-namespace s3:x-amz-content-sha256 s3:x-amz-copy-source \
         s3:x-amz-grant-full-control s3:x-amz-grant-read s3:x-amz-grant-read-acp \
         s3:x-amz-grant-write s3:x-amz-grant-write-acp s3:x-amz-metadata-directive \
         s3:x-amz-object-annotation-directive s3:x-amz-object-if-match s3:x-amz-object-ownership \
         s3:x-amz-server-side-encryption s3:x-amz-server-side-encryption-customer-algorithm \
         s3:x-amz-storage-class s3:x-amz-website-redirect-location",
    ),
    one(
        KeyKind::Numeric,
        Seen::Here,
        "s3:max-keys s3:object-lock-event-hold-duration-days \
         s3:object-lock-remaining-retention-days s3:signatureAge",
    ),
    one(KeyKind::Bool, Seen::Here, "s3:ObjectCreationOperation"),
    one(KeyKind::Date, Seen::Here, "s3:object-lock-retain-until-date"),
    one(KeyKind::Arn, Seen::Here, "s3:x-amz-server-side-encryption-aws-kms-key-id"),
    many(KeyKind::String, Seen::Here, "s3:RequestObjectTagKeys"),
    one(KeyKind::String, Seen::Unknown, "s3:annotation-prefix s3:BucketTag/ s3:ExistingObjectTag/"),
    one(KeyKind::Numeric, Seen::Unknown, "s3:max-annotation-results s3:TlsVersion"),
    one(KeyKind::Bool, Seen::Unknown, "s3:isReplicationPauseRequest"),
    many(KeyKind::String, Seen::Unknown, "s3:InventoryAccessibleOptionalFields"),
    // Of access points, grants, jobs: of nothing that is served here.
    one(
        KeyKind::String,
        Seen::Never,
        "s3:AccessGrantScope s3:AccessGrantsLocationScope s3:AccessPointNetworkOrigin \
         s3:AccessPointTag/ s3:DataAccessPointAccount s3:destinationRegion \
         s3:ExistingJobOperation s3:JobSuspendedCause s3:logType s3:RequestJobOperation",
    ),
    one(KeyKind::Numeric, Seen::Never, "s3:ExistingJobPriority s3:RequestJobPriority"),
    one(
        KeyKind::Arn,
        Seen::Never,
        "s3:AccessGrantsInstanceArn s3:DataAccessPointArn s3:deliverySourceArn \
         s3:resourceArnBeingAuthorized",
    ),
];

static ONLY_ON: &[(&str, &[&str])] = &[
    ("s3:prefix", LISTING),
    ("s3:delimiter", LISTING),
    ("s3:max-keys", LISTING),
    ("s3:x-amz-acl", ACL),
];

#[cfg(test)]
mod tests {
    use super::super::{context::FROM_HEADERS, row::Family, table::rows};
    use super::*;
    use crate::services::catalog::key;

    /// What a request may be asked for, a policy may name.
    #[test]
    fn has_every_action_of_the_operation_table() {
        let mut asked = 0;
        for row in rows() {
            let acl = row.families.iter().filter_map(|family| match family {
                Family::AclWith(action) => Some(*action),
                _ => None,
            });
            let needs = row.needs.iter().flat_map(|need| [need.plain, need.versioned]);
            for action in needs.chain(acl).filter(|action| action.starts_with("s3:")) {
                let known = CATALOG.actions().any(|(name, _)| action == format!("s3:{name}"));
                assert!(known, "{}: {action}", row.name);
                asked += 1;
            }
        }
        assert!(asked > 100, "{asked}");
    }

    #[test]
    fn has_every_key_that_a_header_gives() {
        for (name, ..) in FROM_HEADERS {
            assert_eq!(key(name).map(|key| key.seen), Some(Seen::Here), "{name}");
        }
    }
}
