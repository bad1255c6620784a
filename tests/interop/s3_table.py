"""What every operation of S3 must be allowed, written out by hand from AWS's documents.

Sources: the Service Authorization Reference for S3, and the "Permissions" section of each operation's page in the S3
API Reference. `BUCKET` is the bucket's ARN, `OBJECT` the object's, `SOURCE` that of what is copied, `ROLE` that of a role
in the body, `ANY` is `*`.
"""

BUCKET, OBJECT, SOURCE, ROLE, ANY = "bucket", "object", "source", "role", "*"


def on(resource, *actions):
    return {(action if ":" in action else f"s3:{action}", resource) for action in actions}


def _bucket(**operations):
    return {operation: on(BUCKET, action) for operation, action in operations.items()}


def _object(**operations):
    return {operation: on(OBJECT, action) for operation, action in operations.items()}


# Every operation of botocore's model with its required parameters only. None: refused by name, never described.
OPERATIONS = {
    # Directory buckets have permissions of their own and are not served.
    "CreateSession": None,
    "RenameObject": None,
    "PutBucketReplication": on(BUCKET, "PutReplicationConfiguration") | on(ROLE, "iam:PassRole"),
    "ListBuckets": on(ANY, "ListAllMyBuckets"),
    # On the wire it is ListBuckets, at another host.
    "ListDirectoryBuckets": on(ANY, "ListAllMyBuckets"),
    "WriteGetObjectResponse": on(ANY, "s3-object-lambda:WriteGetObjectResponse"),
    "CopyObject": on(OBJECT, "PutObject") | on(SOURCE, "GetObject"),
    "UploadPartCopy": on(OBJECT, "PutObject") | on(SOURCE, "GetObject"),
    "GetObjectAttributes": on(OBJECT, "GetObject", "GetObjectAttributes"),
    **_bucket(
        CreateBucket="CreateBucket",
        CreateBucketMetadataConfiguration="CreateBucketMetadataTableConfiguration",
        CreateBucketMetadataTableConfiguration="CreateBucketMetadataTableConfiguration",
        DeleteBucket="DeleteBucket",
        DeleteBucketAnalyticsConfiguration="PutAnalyticsConfiguration",
        DeleteBucketCors="PutBucketCORS",
        DeleteBucketEncryption="PutEncryptionConfiguration",
        DeleteBucketIntelligentTieringConfiguration="PutIntelligentTieringConfiguration",
        DeleteBucketInventoryConfiguration="PutInventoryConfiguration",
        DeleteBucketLifecycle="PutLifecycleConfiguration",
        DeleteBucketMetadataConfiguration="DeleteBucketMetadataTableConfiguration",
        DeleteBucketMetadataTableConfiguration="DeleteBucketMetadataTableConfiguration",
        DeleteBucketMetricsConfiguration="PutMetricsConfiguration",
        DeleteBucketOwnershipControls="PutBucketOwnershipControls",
        DeleteBucketPolicy="DeleteBucketPolicy",
        DeleteBucketReplication="PutReplicationConfiguration",
        DeleteBucketTagging="PutBucketTagging",
        DeleteBucketWebsite="DeleteBucketWebsite",
        DeletePublicAccessBlock="PutBucketPublicAccessBlock",
        GetBucketAbac="GetBucketAbac",
        GetBucketAccelerateConfiguration="GetAccelerateConfiguration",
        GetBucketAcl="GetBucketAcl",
        GetBucketAnalyticsConfiguration="GetAnalyticsConfiguration",
        GetBucketCors="GetBucketCORS",
        GetBucketEncryption="GetEncryptionConfiguration",
        GetBucketIntelligentTieringConfiguration="GetIntelligentTieringConfiguration",
        GetBucketInventoryConfiguration="GetInventoryConfiguration",
        GetBucketLifecycle="GetLifecycleConfiguration",
        GetBucketLifecycleConfiguration="GetLifecycleConfiguration",
        GetBucketLocation="GetBucketLocation",
        GetBucketLogging="GetBucketLogging",
        GetBucketMetadataConfiguration="GetBucketMetadataTableConfiguration",
        GetBucketMetadataTableConfiguration="GetBucketMetadataTableConfiguration",
        GetBucketMetricsConfiguration="GetMetricsConfiguration",
        GetBucketNotification="GetBucketNotification",
        GetBucketNotificationConfiguration="GetBucketNotification",
        GetBucketOwnershipControls="GetBucketOwnershipControls",
        GetBucketPolicy="GetBucketPolicy",
        GetBucketPolicyStatus="GetBucketPolicyStatus",
        GetBucketReplication="GetReplicationConfiguration",
        GetBucketRequestPayment="GetBucketRequestPayment",
        GetBucketTagging="GetBucketTagging",
        GetBucketVersioning="GetBucketVersioning",
        GetBucketWebsite="GetBucketWebsite",
        GetObjectLockConfiguration="GetBucketObjectLockConfiguration",
        GetPublicAccessBlock="GetBucketPublicAccessBlock",
        HeadBucket="ListBucket",
        ListBucketAnalyticsConfigurations="GetAnalyticsConfiguration",
        ListBucketIntelligentTieringConfigurations="GetIntelligentTieringConfiguration",
        ListBucketInventoryConfigurations="GetInventoryConfiguration",
        ListBucketMetricsConfigurations="GetMetricsConfiguration",
        ListMultipartUploads="ListBucketMultipartUploads",
        ListObjects="ListBucket",
        ListObjectsV2="ListBucket",
        ListObjectVersions="ListBucketVersions",
        PutBucketAbac="PutBucketAbac",
        PutBucketAccelerateConfiguration="PutAccelerateConfiguration",
        PutBucketAcl="PutBucketAcl",
        PutBucketAnalyticsConfiguration="PutAnalyticsConfiguration",
        PutBucketCors="PutBucketCORS",
        PutBucketEncryption="PutEncryptionConfiguration",
        PutBucketIntelligentTieringConfiguration="PutIntelligentTieringConfiguration",
        PutBucketInventoryConfiguration="PutInventoryConfiguration",
        PutBucketLifecycle="PutLifecycleConfiguration",
        PutBucketLifecycleConfiguration="PutLifecycleConfiguration",
        PutBucketLogging="PutBucketLogging",
        PutBucketMetricsConfiguration="PutMetricsConfiguration",
        PutBucketNotification="PutBucketNotification",
        PutBucketNotificationConfiguration="PutBucketNotification",
        PutBucketOwnershipControls="PutBucketOwnershipControls",
        PutBucketPolicy="PutBucketPolicy",
        PutBucketRequestPayment="PutBucketRequestPayment",
        PutBucketTagging="PutBucketTagging",
        PutBucketVersioning="PutBucketVersioning",
        PutBucketWebsite="PutBucketWebsite",
        PutObjectLockConfiguration="PutBucketObjectLockConfiguration",
        PutPublicAccessBlock="PutBucketPublicAccessBlock",
        UpdateBucketMetadataAnnotationTableConfiguration="UpdateBucketMetadataAnnotationTableConfiguration",
        UpdateBucketMetadataInventoryTableConfiguration="UpdateBucketMetadataInventoryTableConfiguration",
        UpdateBucketMetadataJournalTableConfiguration="UpdateBucketMetadataJournalTableConfiguration",
    ),
    **_object(
        AbortMultipartUpload="AbortMultipartUpload",
        CompleteMultipartUpload="PutObject",
        CreateMultipartUpload="PutObject",
        DeleteObject="DeleteObject",
        DeleteObjectAnnotation="DeleteObjectAnnotation",
        DeleteObjects="DeleteObject",
        DeleteObjectTagging="DeleteObjectTagging",
        GetObject="GetObject",
        GetObjectAcl="GetObjectAcl",
        GetObjectAnnotation="GetObjectAnnotation",
        GetObjectLegalHold="GetObjectLegalHold",
        GetObjectRetention="GetObjectRetention",
        GetObjectTagging="GetObjectTagging",
        GetObjectTorrent="GetObjectTorrent",
        HeadObject="GetObject",
        ListObjectAnnotations="ListObjectAnnotations",
        ListParts="ListMultipartUploadParts",
        PutObject="PutObject",
        PutObjectAcl="PutObjectAcl",
        PutObjectAnnotation="PutObjectAnnotation",
        PutObjectLegalHold="PutObjectLegalHold",
        PutObjectRetention="PutObjectRetention",
        PutObjectTagging="PutObjectTagging",
        RestoreObject="RestoreObject",
        SelectObjectContent="GetObject",
        UpdateObjectEncryption="UpdateObjectEncryption",
        UploadPart="PutObject",
    ),
}

VERSION = {"VersionId": "v-1"}
LOCKED = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": "2050-01-01T00:00:00Z"}
GRANTS = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWriteACP")
VERSIONED_SOURCE = {"CopySource": {"Bucket": "demo", "Key": "from/there ü+%", "VersionId": "v-1"}}
TAGS = {"Tagging": "team=a%20b&cost=1"}


def _versions():
    """With a version's id, the actions on versions; `null` is one too."""
    for operation, action in {
        "DeleteObject": "DeleteObjectVersion",
        "DeleteObjectTagging": "DeleteObjectVersionTagging",
        "DeleteObjectAnnotation": "DeleteObjectVersionAnnotation",
        "GetObject": "GetObjectVersion",
        "GetObjectAcl": "GetObjectVersionAcl",
        "GetObjectAnnotation": "GetObjectVersionAnnotation",
        "GetObjectTagging": "GetObjectVersionTagging",
        "HeadObject": "GetObjectVersion",
        "ListObjectAnnotations": "ListObjectVersionAnnotations",
        "PutObjectAcl": "PutObjectVersionAcl",
        "PutObjectAnnotation": "PutObjectVersionAnnotation",
        "PutObjectTagging": "PutObjectVersionTagging",
    }.items():
        yield operation, VERSION, on(OBJECT, action), {action: {"s3:versionid": "v-1"}}
    for operation in ("GetObjectLegalHold", "GetObjectRetention", "PutObjectLegalHold", "RestoreObject"):
        yield operation, VERSION, OPERATIONS[operation], {}
    yield "GetObject", {"VersionId": "null"}, on(OBJECT, "GetObjectVersion"), {}
    # What has no versions is deleted by that name as well.
    yield "DeleteObject", {"VersionId": "null"}, on(OBJECT, "DeleteObjectVersion", "DeleteObject"), {}
    both = ("GetObjectVersion", "GetObjectVersionAttributes")
    yield "GetObjectAttributes", VERSION, on(OBJECT, *both), {}


def _writes():
    """What headers add to writing an object."""
    for operation in ("PutObject", "CreateMultipartUpload", "CopyObject"):
        plain = OPERATIONS[operation]
        yield operation, {"ACL": "private"}, plain | on(OBJECT, "PutObjectAcl"), {
            "PutObject": {"s3:x-amz-acl": "private"},
            "PutObjectAcl": {"s3:x-amz-acl": "private"},
        }
        for grant in GRANTS:
            yield operation, {grant: "id=x"}, plain | on(OBJECT, "PutObjectAcl"), {}
        lock = plain | on(OBJECT, "PutObjectRetention")
        yield operation, LOCKED, lock, {"PutObject": {"s3:object-lock-mode": "GOVERNANCE"}}
        held = {"ObjectLockLegalHoldStatus": "ON"}
        yield operation, held, plain | on(OBJECT, "PutObjectLegalHold"), {
            "PutObject": {"s3:object-lock-legal-hold": "ON"}
        }
        yield operation, {"StorageClass": "GLACIER", "WebsiteRedirectLocation": "/x"}, plain, {
            "PutObject": {"s3:x-amz-storage-class": "GLACIER", "s3:x-amz-website-redirect-location": "/x"}
        }
        key = "arn:aws:kms:us-east-1:000000000000:key/k"
        encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
        yield operation, encrypted, plain, {
            "PutObject": {
                "s3:x-amz-server-side-encryption": "aws:kms",
                "s3:x-amz-server-side-encryption-aws-kms-key-id": key,
            }
        }
    for operation in ("PutObject", "CreateMultipartUpload"):
        tagged = OPERATIONS[operation] | on(OBJECT, "PutObjectTagging")
        tags = {
            "s3:requestobjecttag/team": "a b",
            "s3:requestobjecttag/cost": "1",
            "s3:requestobjecttagkeys": ["team", "cost"],
        }
        yield operation, TAGS, tagged, {"PutObject": tags, "PutObjectTagging": tags}
    yield "PutObject", {"IfNoneMatch": "*"}, OPERATIONS["PutObject"], {"PutObject": {"s3:if-none-match": "*"}}
    # "How to perform conditional writes": what succeeds tells what is there.
    matched = on(OBJECT, "PutObject", "GetObject")
    yield "PutObject", {"IfMatch": '"tag"'}, matched, {"PutObject": {"s3:if-match": '"tag"'}}
    everything = {**TAGS, **LOCKED, "ACL": "private", "ObjectLockLegalHoldStatus": "ON"}
    all_of_them = ("PutObject", "PutObjectAcl", "PutObjectTagging", "PutObjectRetention", "PutObjectLegalHold")
    yield "PutObject", everything, on(OBJECT, *all_of_them), {}


def _copies():
    """Copies are judged on both ends, and on tags only where they are asked for."""
    plain = on(OBJECT, "PutObject")
    both = OPERATIONS["CopyObject"]
    versioned = plain | on(SOURCE, "GetObjectVersion")
    yield "CopyObject", VERSIONED_SOURCE, versioned, {"GetObjectVersion": {"s3:versionid": "v-1"}}
    yield "UploadPartCopy", VERSIONED_SOURCE, versioned, {}
    source = {"s3:x-amz-copy-source": "demo/from/there ü+%"}
    replace = {"MetadataDirective": "REPLACE"}
    yield "CopyObject", {}, both, {"PutObject": source}
    yield "CopyObject", replace, both, {"PutObject": {**source, "s3:x-amz-metadata-directive": "REPLACE"}}
    replaced = {"TaggingDirective": "REPLACE", **TAGS}
    yield "CopyObject", replaced, both | on(OBJECT, "PutObjectTagging") | on(SOURCE, "GetObjectTagging"), {}
    carried = both | on(OBJECT, "PutObjectTagging") | on(SOURCE, "GetObjectTagging")
    yield "CopyObject", {"TaggingDirective": "COPY"}, carried, {}
    versioned_tags = on(SOURCE, "GetObjectVersion", "GetObjectVersionTagging") | on(OBJECT, "PutObject", "PutObjectTagging")
    yield "CopyObject", {"TaggingDirective": "COPY", **VERSIONED_SOURCE}, versioned_tags, {}


def _deletes():
    bypass = {"BypassGovernanceRetention": True}
    yield "DeleteObject", bypass, on(OBJECT, "DeleteObject", "BypassGovernanceRetention"), {}
    yield "DeleteObject", {**bypass, **VERSION}, on(OBJECT, "DeleteObjectVersion", "BypassGovernanceRetention"), {}
    yield "PutObjectRetention", bypass, on(OBJECT, "PutObjectRetention", "BypassGovernanceRetention"), {}
    yield "DeleteObjects", bypass, on(OBJECT, "DeleteObject", "BypassGovernanceRetention"), {}
    one = {"Delete": {"Objects": [{"Key": "to/here ü+%", "VersionId": "v-1"}]}}
    yield "DeleteObjects", one, on(OBJECT, "DeleteObjectVersion"), {"DeleteObjectVersion": {"s3:versionid": "v-1"}}


def _buckets():
    create = on(BUCKET, "CreateBucket")
    yield "CreateBucket", {"ACL": "private"}, create, {"CreateBucket": {"s3:x-amz-acl": "private"}}
    yield "CreateBucket", {"ACL": "public-read"}, create | on(BUCKET, "PutBucketAcl"), {
        "PutBucketAcl": {"s3:x-amz-acl": "public-read"}
    }
    yield "CreateBucket", {"GrantRead": "id=x"}, create | on(BUCKET, "PutBucketAcl"), {}
    lock = on(BUCKET, "CreateBucket", "PutBucketVersioning", "PutBucketObjectLockConfiguration")
    yield "CreateBucket", {"ObjectLockEnabledForBucket": True}, lock, {}
    owned = {"ObjectOwnership": "BucketOwnerEnforced"}
    yield "CreateBucket", owned, create | on(BUCKET, "PutBucketOwnershipControls"), {
        "CreateBucket": {"s3:x-amz-object-ownership": "BucketOwnerEnforced"}
    }
    placed = {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
    yield "CreateBucket", placed, create, {"CreateBucket": {"s3:locationconstraint": "eu-west-1"}}
    tagged = {"CreateBucketConfiguration": {"Tags": [{"Key": "team", "Value": "a"}]}}
    yield "CreateBucket", tagged, create | on(BUCKET, "TagResource"), {}
    yield "PutBucketAcl", {"ACL": "private"}, OPERATIONS["PutBucketAcl"], {"PutBucketAcl": {"s3:x-amz-acl": "private"}}
    yield "PutObjectAcl", {"ACL": "private"}, OPERATIONS["PutObjectAcl"], {"PutObjectAcl": {"s3:x-amz-acl": "private"}}


def _listings():
    """An absent prefix is absent; `max-keys` is always there."""
    for operation, action in {
        "ListObjects": "ListBucket",
        "ListObjectsV2": "ListBucket",
        "ListObjectVersions": "ListBucketVersions",
    }.items():
        yield operation, {}, OPERATIONS[operation], {
            action: {"s3:prefix": None, "s3:delimiter": None, "s3:max-keys": "1000"}
        }
        yield operation, {"Prefix": ""}, OPERATIONS[operation], {action: {"s3:prefix": ""}}
        given = {"Prefix": "home/a b+ü/", "Delimiter": "/", "MaxKeys": 7}
        yield operation, given, OPERATIONS[operation], {
            action: {"s3:prefix": "home/a b+ü/", "s3:delimiter": "/", "s3:max-keys": "7"}
        }
    yield "ListMultipartUploads", {"Prefix": "home/"}, OPERATIONS["ListMultipartUploads"], {
        "ListBucketMultipartUploads": {"s3:prefix": None}
    }


def _bodies():
    """Context keys that only the body knows."""
    tags = {"Tagging": {"TagSet": [{"Key": "team", "Value": "a b"}]}}
    yield "PutObjectTagging", tags, OPERATIONS["PutObjectTagging"], {
        "PutObjectTagging": {"s3:requestobjecttag/team": "a b", "s3:requestobjecttagkeys": ["team"]}
    }
    yield "PutBucketTagging", tags, OPERATIONS["PutBucketTagging"], {}
    retention = {"Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": "2050-01-01T00:00:00Z"}}
    yield "PutObjectRetention", retention, OPERATIONS["PutObjectRetention"], {
        "PutObjectRetention": {"s3:object-lock-mode": "GOVERNANCE"}
    }
    yield "PutObjectLegalHold", {"LegalHold": {"Status": "ON"}}, OPERATIONS["PutObjectLegalHold"], {
        "PutObjectLegalHold": {"s3:object-lock-legal-hold": "ON"}
    }


# (operation, parameters beside the required ones, what must be allowed, context by action: None is absent).
VARIANTS = [
    row
    for rows in (_versions, _writes, _copies, _deletes, _buckets, _listings, _bodies)
    for row in rows()
]
