//! The operation table, row by row.

use super::super::super::{
    table::rows,
    testing::{Ask, ask},
};

/// What a request that has no other body may have.
const TAGGING_BODY: &str =
    "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>";

const REPLICATION: &str = "<ReplicationConfiguration><Role>arn:aws:iam::000000000000:role/Copier</Role><Rule><Status>Enabled</Status></Rule></ReplicationConfiguration>";

/// Every operation, how it looks and what it demands; `|` parts the checks.
const TABLE: &[(&str, &str, &str)] = &[
    ("ListBuckets", "GET /", "ListAllMyBuckets *"),
    ("ListBuckets", "GET /?max-buckets=5&prefix=a&x-id=ListBuckets", "ListAllMyBuckets *"),
    (
        "WriteGetObjectResponse",
        "POST /WriteGetObjectResponse",
        "s3-object-lambda:WriteGetObjectResponse *",
    ),
    ("CreateBucket", "PUT /demo", "CreateBucket demo"),
    ("CreateBucket", "PUT /demo/", "CreateBucket demo"),
    ("DeleteBucket", "DELETE /demo", "DeleteBucket demo"),
    ("HeadBucket", "HEAD /demo", "ListBucket demo"),
    ("ListObjects", "GET /demo", "ListBucket demo"),
    ("ListObjects", "GET /demo/?prefix=a/&delimiter=/&marker=b", "ListBucket demo"),
    (
        "ListObjectsV2",
        "GET /demo?list-type=2&prefix=&start-after=x&fetch-owner=true",
        "ListBucket demo",
    ),
    ("ListObjectVersions", "GET /demo?versions&key-marker=k", "ListBucketVersions demo"),
    ("ListMultipartUploads", "GET /demo?uploads", "ListBucketMultipartUploads demo"),
    ("GetObject", "GET /demo/a", "GetObject demo/a"),
    ("GetObject", "GET /demo/a/b/?response-expires=x&partNumber=1", "GetObject demo/a/b/"),
    ("GetObject", "GET /demo/a?versionId=null", "GetObjectVersion demo/a"),
    ("HeadObject", "HEAD /demo/a", "GetObject demo/a"),
    ("HeadObject", "HEAD /demo/a?versionId=v", "GetObjectVersion demo/a"),
    ("PutObject", "PUT /demo/a", "PutObject demo/a"),
    ("PutObject", "PUT /demo/a?x-id=PutObject", "PutObject demo/a"),
    ("DeleteObject", "DELETE /demo/a", "DeleteObject demo/a"),
    ("DeleteObject", "DELETE /demo/a?versionId=v", "DeleteObjectVersion demo/a"),
    (
        "DeleteObject",
        "DELETE /demo/a?versionId=null",
        "DeleteObjectVersion demo/a|DeleteObject demo/a",
    ),
    ("CreateMultipartUpload", "POST /demo/a?uploads", "PutObject demo/a"),
    ("UploadPart", "PUT /demo/a?partNumber=1&uploadId=u", "PutObject demo/a"),
    ("CompleteMultipartUpload", "POST /demo/a?uploadId=u", "PutObject demo/a"),
    ("AbortMultipartUpload", "DELETE /demo/a?uploadId=u", "AbortMultipartUpload demo/a"),
    ("ListParts", "GET /demo/a?uploadId=u&max-parts=2", "ListMultipartUploadParts demo/a"),
    ("GetObjectAcl", "GET /demo/a?acl", "GetObjectAcl demo/a"),
    ("GetObjectAcl", "GET /demo/a?%61cl=&versionId=v", "GetObjectVersionAcl demo/a"),
    ("PutObjectAcl", "PUT /demo/a?acl", "PutObjectAcl demo/a"),
    ("PutObjectAcl", "PUT /demo/a?acl=x&versionId=v", "PutObjectVersionAcl demo/a"),
    ("ListObjectAnnotations", "GET /demo/a?annotation", "ListObjectAnnotations demo/a"),
    (
        "ListObjectAnnotations",
        "GET /demo/a?annotation&versionId=v",
        "ListObjectVersionAnnotations demo/a",
    ),
    (
        "GetObjectAnnotation",
        "GET /demo/a?annotation&annotationName=n",
        "GetObjectAnnotation demo/a",
    ),
    (
        "GetObjectAnnotation",
        "GET /demo/a?annotation&annotationName=n&versionId=v",
        "GetObjectVersionAnnotation demo/a",
    ),
    (
        "PutObjectAnnotation",
        "PUT /demo/a?annotation&annotationName=n",
        "PutObjectAnnotation demo/a",
    ),
    (
        "PutObjectAnnotation",
        "PUT /demo/a?annotation&annotationName=n&versionId=v",
        "PutObjectVersionAnnotation demo/a",
    ),
    (
        "DeleteObjectAnnotation",
        "DELETE /demo/a?annotation&annotationName=n",
        "DeleteObjectAnnotation demo/a",
    ),
    (
        "DeleteObjectAnnotation",
        "DELETE /demo/a?annotation&annotationName=n&versionId=v",
        "DeleteObjectVersionAnnotation demo/a",
    ),
    (
        "GetObjectAttributes",
        "GET /demo/a?attributes",
        "GetObject demo/a|GetObjectAttributes demo/a",
    ),
    (
        "GetObjectAttributes",
        "GET /demo/a?attributes&versionId=v",
        "GetObjectVersion demo/a|GetObjectVersionAttributes demo/a",
    ),
    ("UpdateObjectEncryption", "PUT /demo/a?encryption", "UpdateObjectEncryption demo/a"),
    ("GetObjectLegalHold", "GET /demo/a?legal-hold&versionId=v", "GetObjectLegalHold demo/a"),
    ("GetObjectRetention", "GET /demo/a?retention&versionId=v", "GetObjectRetention demo/a"),
    ("SelectObjectContent", "POST /demo/a?select&select-type=2", "GetObject demo/a"),
    ("GetObjectTagging", "GET /demo/a?tagging", "GetObjectTagging demo/a"),
    ("GetObjectTagging", "GET /demo/a?tagging&versionId=v", "GetObjectVersionTagging demo/a"),
    ("DeleteObjectTagging", "DELETE /demo/a?tagging", "DeleteObjectTagging demo/a"),
    (
        "DeleteObjectTagging",
        "DELETE /demo/a?tagging&versionId=v",
        "DeleteObjectVersionTagging demo/a",
    ),
    ("GetObjectTorrent", "GET /demo/a?torrent", "GetObjectTorrent demo/a"),
    ("GetObjectTorrent", "GET /demo/a?torrent&versionId=v", "GetObjectVersionTorrent demo/a"),
    ("GetBucketAbac", "GET /demo?abac", "GetBucketAbac demo"),
    ("PutBucketAbac", "PUT /demo?abac", "PutBucketAbac demo"),
    ("GetBucketAccelerateConfiguration", "GET /demo?accelerate", "GetAccelerateConfiguration demo"),
    ("PutBucketAccelerateConfiguration", "PUT /demo?accelerate", "PutAccelerateConfiguration demo"),
    ("GetBucketAcl", "GET /demo?acl", "GetBucketAcl demo"),
    ("PutBucketAcl", "PUT /demo?acl", "PutBucketAcl demo"),
    (
        "ListBucketAnalyticsConfigurations",
        "GET /demo?analytics&continuation-token=t",
        "GetAnalyticsConfiguration demo",
    ),
    (
        "GetBucketAnalyticsConfiguration",
        "GET /demo?analytics&id=i",
        "GetAnalyticsConfiguration demo",
    ),
    (
        "PutBucketAnalyticsConfiguration",
        "PUT /demo?id=i&analytics",
        "PutAnalyticsConfiguration demo",
    ),
    (
        "DeleteBucketAnalyticsConfiguration",
        "DELETE /demo?analytics&id=i",
        "PutAnalyticsConfiguration demo",
    ),
    (
        "ListBucketIntelligentTieringConfigurations",
        "GET /demo?intelligent-tiering",
        "GetIntelligentTieringConfiguration demo",
    ),
    (
        "GetBucketIntelligentTieringConfiguration",
        "GET /demo?intelligent-tiering&id=i",
        "GetIntelligentTieringConfiguration demo",
    ),
    (
        "PutBucketIntelligentTieringConfiguration",
        "PUT /demo?intelligent-tiering&id=i",
        "PutIntelligentTieringConfiguration demo",
    ),
    (
        "DeleteBucketIntelligentTieringConfiguration",
        "DELETE /demo?intelligent-tiering&id=i",
        "PutIntelligentTieringConfiguration demo",
    ),
    ("ListBucketInventoryConfigurations", "GET /demo?inventory", "GetInventoryConfiguration demo"),
    (
        "GetBucketInventoryConfiguration",
        "GET /demo?inventory&id=i",
        "GetInventoryConfiguration demo",
    ),
    (
        "PutBucketInventoryConfiguration",
        "PUT /demo?inventory&id=i",
        "PutInventoryConfiguration demo",
    ),
    (
        "DeleteBucketInventoryConfiguration",
        "DELETE /demo?inventory&id=i",
        "PutInventoryConfiguration demo",
    ),
    ("ListBucketMetricsConfigurations", "GET /demo?metrics", "GetMetricsConfiguration demo"),
    ("GetBucketMetricsConfiguration", "GET /demo?metrics&id=i", "GetMetricsConfiguration demo"),
    ("PutBucketMetricsConfiguration", "PUT /demo?metrics&id=i", "PutMetricsConfiguration demo"),
    (
        "DeleteBucketMetricsConfiguration",
        "DELETE /demo?metrics&id=i",
        "PutMetricsConfiguration demo",
    ),
    ("GetBucketCors", "GET /demo?cors", "GetBucketCORS demo"),
    ("PutBucketCors", "PUT /demo?cors", "PutBucketCORS demo"),
    ("DeleteBucketCors", "DELETE /demo?cors", "PutBucketCORS demo"),
    ("GetBucketEncryption", "GET /demo?encryption", "GetEncryptionConfiguration demo"),
    ("PutBucketEncryption", "PUT /demo?encryption", "PutEncryptionConfiguration demo"),
    ("DeleteBucketEncryption", "DELETE /demo?encryption", "PutEncryptionConfiguration demo"),
    ("GetBucketLifecycleConfiguration", "GET /demo?lifecycle", "GetLifecycleConfiguration demo"),
    ("PutBucketLifecycleConfiguration", "PUT /demo?lifecycle", "PutLifecycleConfiguration demo"),
    ("DeleteBucketLifecycle", "DELETE /demo?lifecycle", "PutLifecycleConfiguration demo"),
    ("GetBucketLocation", "GET /demo?location", "GetBucketLocation demo"),
    ("GetBucketLogging", "GET /demo?logging", "GetBucketLogging demo"),
    ("PutBucketLogging", "PUT /demo?logging", "PutBucketLogging demo"),
    (
        "CreateBucketMetadataConfiguration",
        "POST /demo?metadataConfiguration",
        "CreateBucketMetadataTableConfiguration demo",
    ),
    (
        "GetBucketMetadataConfiguration",
        "GET /demo?metadataConfiguration",
        "GetBucketMetadataTableConfiguration demo",
    ),
    (
        "DeleteBucketMetadataConfiguration",
        "DELETE /demo?metadataConfiguration",
        "DeleteBucketMetadataTableConfiguration demo",
    ),
    (
        "CreateBucketMetadataTableConfiguration",
        "POST /demo?metadataTable",
        "CreateBucketMetadataTableConfiguration demo",
    ),
    (
        "GetBucketMetadataTableConfiguration",
        "GET /demo?metadataTable",
        "GetBucketMetadataTableConfiguration demo",
    ),
    (
        "DeleteBucketMetadataTableConfiguration",
        "DELETE /demo?metadataTable",
        "DeleteBucketMetadataTableConfiguration demo",
    ),
    (
        "UpdateBucketMetadataAnnotationTableConfiguration",
        "PUT /demo?metadataAnnotationTable",
        "UpdateBucketMetadataAnnotationTableConfiguration demo",
    ),
    (
        "UpdateBucketMetadataInventoryTableConfiguration",
        "PUT /demo?metadataInventoryTable",
        "UpdateBucketMetadataInventoryTableConfiguration demo",
    ),
    (
        "UpdateBucketMetadataJournalTableConfiguration",
        "PUT /demo?metadataJournalTable",
        "UpdateBucketMetadataJournalTableConfiguration demo",
    ),
    ("GetBucketNotificationConfiguration", "GET /demo?notification", "GetBucketNotification demo"),
    ("PutBucketNotificationConfiguration", "PUT /demo?notification", "PutBucketNotification demo"),
    (
        "GetObjectLockConfiguration",
        "GET /demo?object-lock",
        "GetBucketObjectLockConfiguration demo",
    ),
    (
        "PutObjectLockConfiguration",
        "PUT /demo?object-lock",
        "PutBucketObjectLockConfiguration demo",
    ),
    (
        "GetBucketOwnershipControls",
        "GET /demo?ownershipControls",
        "GetBucketOwnershipControls demo",
    ),
    (
        "PutBucketOwnershipControls",
        "PUT /demo?ownershipControls",
        "PutBucketOwnershipControls demo",
    ),
    (
        "DeleteBucketOwnershipControls",
        "DELETE /demo?ownershipControls",
        "PutBucketOwnershipControls demo",
    ),
    ("GetBucketPolicy", "GET /demo?policy", "GetBucketPolicy demo"),
    ("PutBucketPolicy", "PUT /demo?policy", "PutBucketPolicy demo"),
    ("DeleteBucketPolicy", "DELETE /demo?policy", "DeleteBucketPolicy demo"),
    ("GetBucketPolicyStatus", "GET /demo?policyStatus", "GetBucketPolicyStatus demo"),
    ("GetPublicAccessBlock", "GET /demo?publicAccessBlock", "GetBucketPublicAccessBlock demo"),
    ("PutPublicAccessBlock", "PUT /demo?publicAccessBlock", "PutBucketPublicAccessBlock demo"),
    (
        "DeletePublicAccessBlock",
        "DELETE /demo?publicAccessBlock",
        "PutBucketPublicAccessBlock demo",
    ),
    ("GetBucketReplication", "GET /demo?replication", "GetReplicationConfiguration demo"),
    ("DeleteBucketReplication", "DELETE /demo?replication", "PutReplicationConfiguration demo"),
    ("GetBucketRequestPayment", "GET /demo?requestPayment", "GetBucketRequestPayment demo"),
    ("PutBucketRequestPayment", "PUT /demo?requestPayment", "PutBucketRequestPayment demo"),
    ("GetBucketTagging", "GET /demo?tagging", "GetBucketTagging demo"),
    ("DeleteBucketTagging", "DELETE /demo?tagging", "PutBucketTagging demo"),
    ("GetBucketVersioning", "GET /demo?versioning", "GetBucketVersioning demo"),
    ("PutBucketVersioning", "PUT /demo?versioning", "PutBucketVersioning demo"),
    ("GetBucketWebsite", "GET /demo?website", "GetBucketWebsite demo"),
    ("PutBucketWebsite", "PUT /demo?website", "PutBucketWebsite demo"),
    ("DeleteBucketWebsite", "DELETE /demo?website", "DeleteBucketWebsite demo"),
];

/// Operations with headers and bodies.
fn with_more() -> Vec<(&'static str, Ask, &'static str)> {
    let copy = ("x-amz-copy-source", "/other/b%20c?versionId=v");
    let plain = ("x-amz-copy-source", "other/b");
    let put = || ask("PUT /demo/a");
    let part = || ask("PUT /demo/a?uploadId=u&partNumber=2");
    let retention = "<Retention><Mode>GOVERNANCE</Mode></Retention>";
    vec![
        ("CopyObject", put().headers(&[plain]), "PutObject demo/a|GetObject other/b"),
        ("CopyObject", put().headers(&[copy]), "PutObject demo/a|GetObjectVersion other/b c"),
        (
            "CopyObject",
            put().headers(&[plain, ("x-amz-tagging-directive", "COPY")]),
            "PutObject demo/a|PutObjectTagging demo/a|GetObject other/b|GetObjectTagging other/b",
        ),
        (
            "CopyObject",
            put().headers(&[copy, ("x-amz-tagging-directive", "COPY")]),
            "PutObject demo/a|PutObjectTagging demo/a|GetObjectVersion other/b c|GetObjectVersionTagging other/b c",
        ),
        (
            "CopyObject",
            put().headers(&[
                plain,
                ("x-amz-tagging-directive", "REPLACE"),
                ("x-amz-tagging", "a=b"),
            ]),
            "PutObject demo/a|PutObjectTagging demo/a|GetObject other/b|GetObjectTagging other/b",
        ),
        (
            "CopyObject",
            put().headers(&[plain, ("x-amz-tagging-directive", "REPLACE")]),
            "PutObject demo/a|GetObject other/b",
        ),
        (
            "CopyObject",
            put().headers(&[
                plain,
                ("x-amz-acl", "private"),
                ("x-amz-object-lock-mode", "GOVERNANCE"),
                ("x-amz-object-lock-legal-hold", "ON"),
            ]),
            "PutObject demo/a|PutObjectAcl demo/a|PutObjectRetention demo/a|PutObjectLegalHold demo/a|GetObject other/b",
        ),
        ("UploadPartCopy", part().headers(&[plain]), "PutObject demo/a|GetObject other/b"),
        (
            "UploadPartCopy",
            part().headers(&[copy, ("x-amz-tagging-directive", "COPY")]),
            "PutObject demo/a|GetObjectVersion other/b c",
        ),
        (
            "PutObject",
            put().headers(&[("x-amz-grant-read", "id=\"1\""), ("x-amz-tagging", "a=b")]),
            "PutObject demo/a|PutObjectAcl demo/a|PutObjectTagging demo/a",
        ),
        (
            "PutObject",
            put().headers(&[("x-amz-object-lock-retain-until-date", "2030-01-01T00:00:00Z")]),
            "PutObject demo/a|PutObjectRetention demo/a",
        ),
        (
            "PutObject",
            ask("PUT /demo/a?X-Amz-Acl=public-read&X-Amz-Signature=f&X-Amz-Date=d"),
            "PutObject demo/a|PutObjectAcl demo/a",
        ),
        (
            "CreateMultipartUpload",
            ask("POST /demo/a?uploads")
                .headers(&[("x-amz-acl", "private"), ("x-amz-object-lock-legal-hold", "OFF")]),
            "PutObject demo/a|PutObjectAcl demo/a|PutObjectLegalHold demo/a",
        ),
        // Evaluated at initiation only; they don't go upstream here.
        ("UploadPart", part().headers(&[("x-amz-acl", "public-read")]), "PutObject demo/a"),
        (
            "DeleteObject",
            ask("DELETE /demo/a").headers(&[("x-amz-bypass-governance-retention", "True")]),
            "DeleteObject demo/a|BypassGovernanceRetention demo/a",
        ),
        (
            "DeleteObject",
            ask("DELETE /demo/a").headers(&[("x-amz-bypass-governance-retention", "false")]),
            "DeleteObject demo/a",
        ),
        (
            "PutObjectRetention",
            ask("PUT /demo/a?retention&versionId=v").body(retention),
            "PutObjectRetention demo/a",
        ),
        (
            "PutObjectRetention",
            ask("PUT /demo/a?retention")
                .body(retention)
                .headers(&[("x-amz-bypass-governance-retention", "true")]),
            "PutObjectRetention demo/a|BypassGovernanceRetention demo/a",
        ),
        (
            "PutObjectLegalHold",
            ask("PUT /demo/a?legal-hold").body("<LegalHold><Status>ON</Status></LegalHold>"),
            "PutObjectLegalHold demo/a",
        ),
        (
            "PutObjectTagging",
            ask("PUT /demo/a?tagging").body(TAGGING_BODY),
            "PutObjectTagging demo/a",
        ),
        (
            "PutObjectTagging",
            ask("PUT /demo/a?tagging&versionId=v").body(TAGGING_BODY),
            "PutObjectVersionTagging demo/a",
        ),
        ("PutBucketTagging", ask("PUT /demo?tagging").body(TAGGING_BODY), "PutBucketTagging demo"),
        (
            "RestoreObject",
            ask("POST /demo/a?restore").body("<RestoreRequest><Days>1</Days></RestoreRequest>"),
            "RestoreObject demo/a",
        ),
        (
            "CreateBucket",
            ask("PUT /demo")
                .headers(&[
                    ("x-amz-acl", "public-read"),
                    ("x-amz-bucket-object-lock-enabled", "true"),
                    ("x-amz-object-ownership", "BucketOwnerEnforced"),
                ])
                .body(
                    "<CreateBucketConfiguration><Tags><Tag><Key>k</Key><Value>v</Value></Tag></Tags></CreateBucketConfiguration>",
                ),
            "CreateBucket demo|PutBucketAcl demo|PutBucketVersioning demo|PutBucketObjectLockConfiguration demo|PutBucketOwnershipControls demo|TagResource demo",
        ),
        (
            "CreateBucket",
            ask("PUT /demo").headers(&[("x-amz-bucket-object-lock-enabled", "false")]),
            "CreateBucket demo",
        ),
        ("CreateBucket", ask("PUT /demo").header("x-amz-acl", "private"), "CreateBucket demo"),
        (
            "CreateBucket",
            ask("PUT /demo").headers(&[("x-amz-acl", "private"), ("x-amz-grant-read", "id=1")]),
            "CreateBucket demo|PutBucketAcl demo",
        ),
        (
            "PutBucketReplication",
            ask("PUT /demo?replication").body(REPLICATION),
            "PutReplicationConfiguration demo|iam:PassRole arn:aws:iam::000000000000:role/Copier",
        ),
        (
            "DeleteObject",
            ask("DELETE /demo/a?versionId=v").header("if-match", "\"e\""),
            "DeleteObjectVersion demo/a|GetObject demo/a",
        ),
        ("DeleteObject", ask("DELETE /demo/a").header("if-match", "*"), "DeleteObject demo/a"),
        ("PutObject", put().header("if-match", "\"e\""), "PutObject demo/a|GetObject demo/a"),
        ("PutObject", put().header("if-none-match", "*"), "PutObject demo/a"),
        (
            "DeleteObject",
            ask("DELETE /demo/a").header("x-amz-if-match-size", "1"),
            "DeleteObject demo/a|GetObject demo/a",
        ),
        ("GetObject", ask("GET /a/b%2Fc").host("demo"), "GetObject demo/a/b/c"),
        ("ListObjects", ask("GET /").host("demo"), "ListBucket demo"),
        ("GetObject", ask("GET /WriteGetObjectResponse").host("demo"), "GetObject demo/WriteGetObjectResponse"),
    ]
}

#[test]
fn every_operation_demands_its_actions() {
    let plain = TABLE.iter().map(|(name, line, asked)| (*name, ask(line), *asked));
    let mut reached = Vec::new();
    for (name, request, asked) in plain.chain(with_more()) {
        assert_eq!(request.parsed().unwrap().name(), name, "{request:?}");
        assert_eq!(request.asked().join("|"), asked, "{request:?}");
        reached.push(name);
    }
    // DeleteObjects is judged key by key: see `delete`.
    for row in rows().filter(|row| !row.needs.is_empty() && row.name != "DeleteObjects") {
        assert!(reached.contains(&row.name), "{} is reached by no test", row.name);
    }
}
