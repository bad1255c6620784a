//! Which context keys which action has. `-` is absent, `?` unknown.

use super::super::testing::{ask, look};

/// A request, headers, an action of its checks, a key, what the key is.
type Row = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
    &'static str,
    &'static str,
);

const COPY: (&str, &str) = ("x-amz-copy-source", "/other/b%20c?versionId=v1");
const TAGS: (&str, &str) = ("x-amz-tagging", "team=red&x=y");

const KEYS: &[Row] = &[
    // Listings: absent is not empty.
    ("GET /demo", &[], "ListBucket", "s3:prefix", "-"),
    ("GET /demo?prefix", &[], "ListBucket", "s3:prefix", ""),
    ("GET /demo?prefix=", &[], "ListBucket", "s3:prefix", ""),
    ("GET /demo?prefix=a%2Fb+c", &[], "ListBucket", "s3:prefix", "a/b c"),
    ("GET /demo?list-type=2&delimiter=/", &[], "ListBucket", "s3:delimiter", "/"),
    ("GET /demo?list-type=2", &[], "ListBucket", "s3:delimiter", "-"),
    ("GET /demo", &[], "ListBucket", "s3:max-keys", "1000"),
    ("GET /demo?max-keys=7", &[], "ListBucket", "s3:max-keys", "7"),
    ("GET /demo?versions&prefix=a", &[], "ListBucketVersions", "s3:prefix", "a"),
    ("GET /demo?versions", &[], "ListBucketVersions", "s3:max-keys", "1000"),
    ("HEAD /demo", &[], "ListBucket", "s3:max-keys", "-"),
    ("GET /demo?uploads&prefix=a", &[], "ListBucketMultipartUploads", "s3:prefix", "-"),
    ("GET /?prefix=a", &[], "ListAllMyBuckets", "s3:prefix", "-"),
    // Versions.
    ("GET /demo/a?versionId=v", &[], "GetObjectVersion", "s3:versionid", "v"),
    ("GET /demo/a", &[], "GetObject", "s3:versionid", "-"),
    ("GET /demo/a?retention&versionId=v", &[], "GetObjectRetention", "s3:versionid", "-"),
    ("DELETE /demo/a?versionId=null", &[], "DeleteObjectVersion", "s3:versionid", "null"),
    // Access control lists.
    ("PUT /demo/a", &[("x-amz-acl", "private")], "PutObject", "s3:x-amz-acl", "private"),
    ("PUT /demo/a", &[("x-amz-acl", "private")], "PutObjectAcl", "s3:x-amz-acl", "private"),
    (
        "PUT /demo/a?acl",
        &[("x-amz-grant-read", "id=1")],
        "PutObjectAcl",
        "s3:x-amz-grant-read",
        "id=1",
    ),
    ("PUT /demo/a?acl", &[], "PutObjectAcl", "s3:x-amz-acl", "-"),
    ("PUT /demo", &[("x-amz-acl", "private")], "CreateBucket", "s3:x-amz-acl", "private"),
    ("PUT /demo", &[("x-amz-acl", "public-read")], "PutBucketAcl", "s3:x-amz-acl", "public-read"),
    ("PUT /demo?acl", &[("x-amz-acl", "private")], "PutBucketAcl", "s3:x-amz-acl", "private"),
    ("PUT /demo/a", &[("x-amz-acl", "private"), TAGS], "PutObjectTagging", "s3:x-amz-acl", "-"),
    (
        "PUT /demo/a?uploadId=u&partNumber=1",
        &[("x-amz-acl", "x")],
        "PutObject",
        "s3:x-amz-acl",
        "-",
    ),
    // Copies.
    ("PUT /demo/a", &[COPY], "PutObject", "s3:x-amz-copy-source", "other/b c"),
    ("PUT /demo/a", &[COPY], "GetObjectVersion", "s3:x-amz-copy-source", "-"),
    ("PUT /demo/a", &[COPY], "GetObjectVersion", "s3:versionid", "v1"),
    ("PUT /demo/a", &[COPY], "PutObject", "s3:versionid", "-"),
    (
        "PUT /demo/a",
        &[COPY, ("x-amz-metadata-directive", "REPLACE")],
        "PutObject",
        "s3:x-amz-metadata-directive",
        "REPLACE",
    ),
    (
        "PUT /demo/a",
        &[("x-amz-metadata-directive", "REPLACE")],
        "PutObject",
        "s3:x-amz-metadata-directive",
        "-",
    ),
    ("PUT /demo/a", &[COPY, ("x-amz-acl", "private")], "GetObjectVersion", "s3:x-amz-acl", "-"),
    // Encryption and the rest of what an object is created with.
    (
        "PUT /demo/a",
        &[("x-amz-server-side-encryption", "aws:kms")],
        "PutObject",
        "s3:x-amz-server-side-encryption",
        "aws:kms",
    ),
    ("PUT /demo/a", &[], "PutObject", "s3:x-amz-server-side-encryption", "-"),
    (
        "PUT /demo/a",
        &[("x-amz-server-side-encryption-aws-kms-key-id", "arn:aws:kms:us-east-1:0:key/k")],
        "PutObject",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
        "arn:aws:kms:us-east-1:0:key/k",
    ),
    (
        "PUT /demo/a",
        &[("x-amz-server-side-encryption-aws-kms-key-id", "alias/k")],
        "PutObject",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
        "?",
    ),
    (
        "PUT /demo/a",
        &[("x-amz-server-side-encryption-customer-algorithm", "AES256")],
        "PutObject",
        "s3:x-amz-server-side-encryption-customer-algorithm",
        "AES256",
    ),
    (
        "PUT /demo/a?encryption",
        &[],
        "UpdateObjectEncryption",
        "s3:x-amz-server-side-encryption",
        "?",
    ),
    (
        "PUT /demo/a",
        &[("x-amz-storage-class", "GLACIER")],
        "PutObject",
        "s3:x-amz-storage-class",
        "GLACIER",
    ),
    (
        "PUT /demo/a",
        &[("x-amz-website-redirect-location", "/x")],
        "PutObject",
        "s3:x-amz-website-redirect-location",
        "/x",
    ),
    ("PUT /demo/a", &[("if-none-match", "*")], "PutObject", "s3:if-none-match", "*"),
    ("PUT /demo/a", &[("if-match", "e")], "PutObject", "s3:if-match", "e"),
    ("DELETE /demo/a", &[("if-match", "e")], "DeleteObject", "s3:if-match", "e"),
    ("GET /demo/a", &[("if-match", "e")], "GetObject", "s3:if-match", "-"),
    (
        "DELETE /demo/a?annotation&annotationName=n",
        &[("x-amz-object-if-match", "e")],
        "DeleteObjectAnnotation",
        "s3:x-amz-object-if-match",
        "e",
    ),
    ("PUT /demo/a", &[], "PutObject", "s3:objectcreationoperation", "true"),
    ("PUT /demo/a", &[COPY], "PutObject", "s3:objectcreationoperation", "true"),
    ("POST /demo/a?uploadId=u", &[], "PutObject", "s3:objectcreationoperation", "true"),
    ("POST /demo/a?uploads", &[], "PutObject", "s3:objectcreationoperation", "false"),
    (
        "PUT /demo/a?uploadId=u&partNumber=1",
        &[],
        "PutObject",
        "s3:objectcreationoperation",
        "false",
    ),
    // Object Lock; now is 2023-11-14.
    (
        "PUT /demo/a",
        &[("x-amz-object-lock-mode", "COMPLIANCE")],
        "PutObject",
        "s3:object-lock-mode",
        "COMPLIANCE",
    ),
    (
        "PUT /demo/a",
        &[("x-amz-object-lock-retain-until-date", "2023-11-24T22:13:20Z")],
        "PutObjectRetention",
        "s3:object-lock-remaining-retention-days",
        "10",
    ),
    (
        "PUT /demo/a",
        &[("x-amz-object-lock-legal-hold", "ON")],
        "PutObjectLegalHold",
        "s3:object-lock-legal-hold",
        "ON",
    ),
    (
        "PUT /demo/a",
        &[("x-amz-object-lock-event-hold-duration-years", "1")],
        "PutObject",
        "s3:object-lock-event-hold-duration-days",
        "?",
    ),
    // Tags in the request.
    ("PUT /demo/a", &[TAGS], "PutObject", "s3:requestobjecttag/team", "red"),
    ("PUT /demo/a", &[TAGS], "PutObjectTagging", "s3:requestobjecttagkeys", "[team,x]"),
    ("PUT /demo/a", &[], "PutObject", "s3:requestobjecttagkeys", "-"),
    (
        "PUT /demo/a",
        &[COPY, ("x-amz-tagging-directive", "COPY")],
        "PutObjectTagging",
        "s3:requestobjecttag/team",
        "?",
    ),
    (
        "PUT /demo/a",
        &[COPY, TAGS, ("x-amz-tagging-directive", "COPY")],
        "PutObjectTagging",
        "s3:requestobjecttagkeys",
        "?",
    ),
    (
        "PUT /demo/a",
        &[COPY, TAGS, ("x-amz-tagging-directive", "REPLACE")],
        "PutObjectTagging",
        "s3:requestobjecttagkeys",
        "[team,x]",
    ),
    // What the backend holds.
    ("GET /demo/a", &[], "GetObject", "s3:existingobjecttag/team", "?"),
    ("GET /demo/a?acl", &[], "GetObjectAcl", "s3:existingobjecttag/team", "?"),
    ("DELETE /demo/a?tagging", &[], "DeleteObjectTagging", "s3:existingobjecttag/team", "?"),
    ("PUT /demo/a", &[], "PutObject", "s3:existingobjecttag/team", "-"),
    ("DELETE /demo/a", &[], "DeleteObject", "s3:existingobjecttag/team", "-"),
    ("GET /demo", &[], "ListBucket", "s3:existingobjecttag/team", "-"),
    (
        "PUT /demo?object-lock",
        &[],
        "PutBucketObjectLockConfiguration",
        "s3:existingobjecttag/team",
        "-",
    ),
    ("DELETE /demo/a?uploadId=u", &[], "AbortMultipartUpload", "s3:existingobjecttag/team", "-"),
    ("PUT /demo/a", &[COPY], "GetObjectVersion", "s3:existingobjecttag/team", "?"),
    ("GET /demo/a", &[], "GetObject", "s3:buckettag/team", "?"),
    (
        "PUT /demo?inventory&id=a",
        &[],
        "PutInventoryConfiguration",
        "s3:inventoryaccessibleoptionalfields",
        "?",
    ),
    ("GET /demo/a?annotation", &[], "ListObjectAnnotations", "s3:annotation-prefix", "?"),
    ("GET /demo/a?annotation", &[], "ListObjectAnnotations", "s3:max-annotation-results", "?"),
    ("GET /demo/a", &[], "GetObject", "aws:resourcetag/team", "?"),
    // New buckets.
    (
        "PUT /demo",
        &[("x-amz-object-ownership", "ObjectWriter")],
        "CreateBucket",
        "s3:x-amz-object-ownership",
        "ObjectWriter",
    ),
    // On every action.
    ("GET /demo/a", &[], "GetObject", "s3:resourceaccount", "000000000000"),
    ("GET /demo/a", &[], "GetObject", "s3:authtype", "-"),
    ("GET /demo/a", &[], "GetObject", "s3:signatureversion", "-"),
    ("GET /demo/a", &[], "GetObject", "s3:signatureage", "-"),
    ("GET /demo/a", &[], "GetObject", "s3:tlsversion", "-"),
    (
        "GET /demo?policy",
        &[("x-amz-content-sha256", "UNSIGNED-PAYLOAD")],
        "GetBucketPolicy",
        "s3:x-amz-content-sha256",
        "UNSIGNED-PAYLOAD",
    ),
];

#[test]
fn every_key_is_on_its_actions() {
    for (line, headers, action, key, value) in KEYS {
        let request = ask(line).headers(headers);
        assert_eq!(request.key(action, key), *value, "{line} {headers:?} {action} {key}");
    }
}

#[test]
fn bodies_are_keys_of_their_operation() {
    let retention = ask("PUT /demo/a?retention")
        .header("x-amz-bypass-governance-retention", "true")
        .body("<Retention><Mode>GOVERNANCE</Mode></Retention>");
    assert_eq!(retention.key("PutObjectRetention", "s3:object-lock-mode"), "GOVERNANCE");
    assert_eq!(retention.key("BypassGovernanceRetention", "s3:object-lock-mode"), "GOVERNANCE");
    let tagged = ask("PUT /demo").header("x-amz-acl", "public-read").body(
        "<CreateBucketConfiguration><Tags><Tag><Key>k</Key><Value>v</Value></Tag></Tags></CreateBucketConfiguration>",
    );
    assert_eq!(tagged.key("CreateBucket", "aws:requesttag/k"), "v");
    assert_eq!(tagged.key("TagResource", "aws:tagkeys"), "[k]");
    assert_eq!(tagged.key("PutBucketAcl", "aws:tagkeys"), "-");
}

#[test]
fn a_role_is_passed_to_s3() {
    let replication = ask("PUT /demo?replication").body(
        "<ReplicationConfiguration><Role>arn:aws:iam::000000000000:role/Copier</Role></ReplicationConfiguration>",
    );
    let action = "PutReplicationConfiguration";
    assert_eq!(replication.key(action, "s3:isreplicationpauserequest"), "?");
    assert_eq!(replication.key(action, "iam:PassedToService"), "-");
    let checks = replication.checks();
    let passed = checks.iter().find(|check| check.action.as_str() == "iam:PassRole").unwrap();
    assert_eq!(look(passed, "iam:PassedToService"), "s3.amazonaws.com");
    for (body, reason) in [
        ("<ReplicationConfiguration/>", "s3_malformed_xml"),
        (
            "<ReplicationConfiguration><Role>x</Role></ReplicationConfiguration>",
            "s3_invalid_argument",
        ),
    ] {
        assert_eq!(ask("PUT /demo?replication").body(body).error().reason(), reason);
    }
}

#[test]
fn a_presigned_url_leaves_its_payload_unsigned() {
    let mut request = ask("PUT /demo/a");
    let hash = "s3:x-amz-content-sha256";
    assert_eq!(request.key("PutObject", hash), "-");
    request.facts.auth_type = Some("REST-QUERY-STRING");
    assert_eq!(request.key("PutObject", hash), "UNSIGNED-PAYLOAD");
    let said = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let request = request.header("x-amz-content-sha256", said);
    assert_eq!(request.key("PutObject", hash), said);
}

#[test]
fn what_is_known_of_the_connection_is_on_every_action() {
    let mut request = ask("GET /demo/a?attributes");
    request.facts.auth_type = Some("REST-QUERY-STRING");
    request.facts.signature_age = Some(1500);
    request.facts.secure = true;
    request.facts.account = None;
    for action in ["GetObject", "GetObjectAttributes"] {
        assert_eq!(request.key(action, "s3:authtype"), "REST-QUERY-STRING");
        assert_eq!(request.key(action, "s3:signatureversion"), "AWS4-HMAC-SHA256");
        assert_eq!(request.key(action, "s3:signatureage"), "1500");
        assert_eq!(request.key(action, "s3:tlsversion"), "?");
        assert_eq!(request.key(action, "s3:resourceaccount"), "?");
    }
}

/// Which listing would tell that a key is missing can't be said: a right to list that hangs on
/// the prefix is none.
#[test]
fn a_conditional_right_to_list_reveals_nothing() {
    let operation = ask("GET /demo/home/a").operation();
    let reveals = operation.reveals.unwrap();
    for key in ["s3:prefix", "s3:delimiter", "s3:max-keys"] {
        assert_eq!(super::super::testing::look(&reveals, key), "?", "{key}");
    }
}
