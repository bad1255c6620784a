//! The operation table: which request is which operation of S3, and what it demands.
//!
//! After botocore's model of S3 (1.44) and the Service Authorization Reference
//! (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>).
//! A request that fits no row is refused, never taken for one without its subresource.

use super::configuration::CONFIGURATION;
use super::row::{
    Family, Level, Need, Reads, Row,
    Verb::{self, Delete, Get, Head, Post, Put},
};

/// The tables, one after the other.
pub(super) fn rows() -> impl Iterator<Item = &'static Row> {
    SERVICE.iter().chain(&BUCKET).chain(&OBJECT).chain(&CONFIGURATION).chain(&REFUSED)
}

/// The row of a request whose selecting parameters are `selectors`.
pub(super) fn find(verb: Verb, level: Level, selectors: &[&str], copies: bool) -> Found {
    let same = |row: &&Row| {
        row.level == level
            && row.selectors.len() == selectors.len()
            && row.selectors.iter().all(|name| selectors.contains(name))
    };
    let mut others = false;
    for row in rows().filter(same) {
        if row.verb == verb && row.copies == copies {
            return Found::Row(row);
        }
        others |= row.verb != verb;
    }
    if others { Found::OtherMethod } else { Found::Nothing }
}

/// What [`find`] found.
#[derive(Debug)]
pub(super) enum Found {
    /// The operation.
    Row(&'static Row),
    /// Operations with other methods.
    OtherMethod,
    /// No operation.
    Nothing,
}

/// Whether a parameter selects an operation.
pub(super) fn selects(name: &str) -> bool {
    rows().any(|row| row.selectors.contains(&name))
}

/// The action, with its prefix, that S3's operation of that name demands first.
pub fn action_of_operation(name: &str) -> Option<&'static str> {
    let row = rows().find(|row| row.name.eq_ignore_ascii_case(name))?;
    row.needs.first().map(|need| need.plain)
}

pub(super) const fn on(action: &'static str) -> Need {
    Need { plain: action, versioned: action }
}

const fn versions(plain: &'static str, versioned: &'static str) -> Need {
    Need { plain, versioned }
}

const GET_OBJECT: Need = versions("s3:GetObject", "s3:GetObjectVersion");
const GET_TAGS: Need = versions("s3:GetObjectTagging", "s3:GetObjectVersionTagging");
const DELETE_OBJECT: Need = versions("s3:DeleteObject", "s3:DeleteObjectVersion");

/// What a copy must be allowed to read, and what its source's tags ask for.
pub(super) const COPY_SOURCE: Need = GET_OBJECT;
pub(super) const COPY_SOURCE_TAGS: Need = GET_TAGS;

/// What DeleteObjects demands of each object.
pub(super) const DELETE_EACH: Need = DELETE_OBJECT;

const VERSION: &[&str] = &["versionId"];

const READ: &[&str] = &[
    "versionId",
    "partNumber",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
];

/// Headers with which an object is created.
const CREATE: &[Family] = &[Family::AclWith("s3:PutObjectAcl"), Family::Tagging, Family::Lock];

static SERVICE: [Row; 2] = [
    Row::any("ListBuckets", Get, Level::Service, &[on("s3:ListAllMyBuckets")]).parameters(&[
        "max-buckets",
        "prefix",
        "continuation-token",
        "bucket-region",
    ]),
    Row::any(
        "WriteGetObjectResponse",
        Post,
        Level::ObjectLambda,
        &[on("s3-object-lambda:WriteGetObjectResponse")],
    )
    .families(&[Family::ObjectLambda]),
];

static BUCKET: [Row; 8] = [
    Row::bucket("CreateBucket", Put, &[], &[on("s3:CreateBucket")])
        .families(&[Family::AclWith("s3:PutBucketAcl"), Family::NewBucket])
        .reads(Reads::NewBucket),
    Row::bucket("DeleteBucket", Delete, &[], &[on("s3:DeleteBucket")]),
    Row::bucket("HeadBucket", Head, &[], &[on("s3:ListBucket")]),
    Row::bucket("ListObjects", Get, &[], &[on("s3:ListBucket")]).parameters(&[
        "delimiter",
        "encoding-type",
        "marker",
        "max-keys",
        "prefix",
    ]),
    Row::bucket("ListObjectsV2", Get, &["list-type"], &[on("s3:ListBucket")]).parameters(&[
        "delimiter",
        "encoding-type",
        "max-keys",
        "prefix",
        "continuation-token",
        "fetch-owner",
        "start-after",
    ]),
    Row::bucket("ListObjectVersions", Get, &["versions"], &[on("s3:ListBucketVersions")])
        .parameters(&[
            "delimiter",
            "encoding-type",
            "key-marker",
            "max-keys",
            "prefix",
            "version-id-marker",
        ]),
    Row::bucket("ListMultipartUploads", Get, &["uploads"], &[on("s3:ListBucketMultipartUploads")])
        .parameters(&[
            "delimiter",
            "encoding-type",
            "key-marker",
            "max-uploads",
            "prefix",
            "upload-id-marker",
        ]),
    Row::bucket("DeleteObjects", Post, &["delete"], &[DELETE_EACH])
        .families(&[Family::Bypass])
        .reads(Reads::Delete),
];

static OBJECT: [Row; 29] = [
    Row::object("GetObject", Get, &[], &[GET_OBJECT]).parameters(READ).hides(),
    Row::object("HeadObject", Head, &[], &[GET_OBJECT]).parameters(READ).hides(),
    Row::object("PutObject", Put, &[], &[on("s3:PutObject")]).families(CREATE).creates(true),
    Row::object("CopyObject", Put, &[], &[on("s3:PutObject")])
        .copies()
        .families(&[
            Family::AclWith("s3:PutObjectAcl"),
            Family::Tagging,
            Family::Lock,
            Family::Copy,
        ])
        .hides()
        .creates(true),
    Row::object("DeleteObject", Delete, &[], &[DELETE_OBJECT])
        .parameters(VERSION)
        .families(&[Family::Bypass])
        .hides(),
    Row::object("CreateMultipartUpload", Post, &["uploads"], &[on("s3:PutObject")])
        .families(CREATE)
        .creates(false),
    Row::object("UploadPart", Put, &["uploadId"], &[on("s3:PutObject")])
        .parameters(&["partNumber"])
        .required(&["partNumber"])
        .creates(false),
    Row::object("UploadPartCopy", Put, &["uploadId"], &[on("s3:PutObject")])
        .copies()
        .parameters(&["partNumber"])
        .required(&["partNumber"])
        .families(&[Family::Copy])
        .hides()
        .creates(false),
    Row::object("CompleteMultipartUpload", Post, &["uploadId"], &[on("s3:PutObject")])
        .creates(true)
        .checksums_of_object(),
    Row::object("AbortMultipartUpload", Delete, &["uploadId"], &[on("s3:AbortMultipartUpload")]),
    Row::object("ListParts", Get, &["uploadId"], &[on("s3:ListMultipartUploadParts")])
        .parameters(&["max-parts", "part-number-marker", "encoding-type"]),
    Row::object(
        "GetObjectAcl",
        Get,
        &["acl"],
        &[versions("s3:GetObjectAcl", "s3:GetObjectVersionAcl")],
    )
    .parameters(VERSION)
    .hides(),
    Row::object(
        "PutObjectAcl",
        Put,
        &["acl"],
        &[versions("s3:PutObjectAcl", "s3:PutObjectVersionAcl")],
    )
    .parameters(VERSION)
    .families(&[Family::Acl])
    .hides(),
    Row::object(
        "ListObjectAnnotations",
        Get,
        &["annotation"],
        &[versions("s3:ListObjectAnnotations", "s3:ListObjectVersionAnnotations")],
    )
    .parameters(&["versionId", "max-annotation-results", "annotation-prefix", "continuation-token"])
    .hides(),
    Row::object(
        "GetObjectAnnotation",
        Get,
        &["annotation", "annotationName"],
        &[versions("s3:GetObjectAnnotation", "s3:GetObjectVersionAnnotation")],
    )
    .parameters(VERSION)
    .hides(),
    Row::object(
        "PutObjectAnnotation",
        Put,
        &["annotation", "annotationName"],
        &[versions("s3:PutObjectAnnotation", "s3:PutObjectVersionAnnotation")],
    )
    .parameters(VERSION)
    .hides(),
    Row::object(
        "DeleteObjectAnnotation",
        Delete,
        &["annotation", "annotationName"],
        &[versions("s3:DeleteObjectAnnotation", "s3:DeleteObjectVersionAnnotation")],
    )
    .parameters(VERSION)
    .hides(),
    Row::object(
        "GetObjectAttributes",
        Get,
        &["attributes"],
        &[GET_OBJECT, versions("s3:GetObjectAttributes", "s3:GetObjectVersionAttributes")],
    )
    .parameters(VERSION)
    .hides(),
    Row::object("UpdateObjectEncryption", Put, &["encryption"], &[on("s3:UpdateObjectEncryption")])
        .parameters(VERSION)
        .hides(),
    Row::object("GetObjectLegalHold", Get, &["legal-hold"], &[on("s3:GetObjectLegalHold")])
        .parameters(VERSION)
        .hides(),
    Row::object("PutObjectLegalHold", Put, &["legal-hold"], &[on("s3:PutObjectLegalHold")])
        .parameters(VERSION)
        .reads(Reads::LegalHold)
        .hides(),
    Row::object("GetObjectRetention", Get, &["retention"], &[on("s3:GetObjectRetention")])
        .parameters(VERSION)
        .hides(),
    Row::object("PutObjectRetention", Put, &["retention"], &[on("s3:PutObjectRetention")])
        .parameters(VERSION)
        .families(&[Family::Bypass])
        .reads(Reads::Retention)
        .hides(),
    Row::object("RestoreObject", Post, &["restore"], &[on("s3:RestoreObject")])
        .parameters(VERSION)
        .reads(Reads::Restore)
        .hides(),
    Row::object("SelectObjectContent", Post, &["select", "select-type"], &[on("s3:GetObject")])
        .hides(),
    Row::object("GetObjectTagging", Get, &["tagging"], &[GET_TAGS]).parameters(VERSION).hides(),
    Row::object(
        "PutObjectTagging",
        Put,
        &["tagging"],
        &[versions("s3:PutObjectTagging", "s3:PutObjectVersionTagging")],
    )
    .parameters(VERSION)
    .reads(Reads::ObjectTags)
    .hides(),
    Row::object(
        "DeleteObjectTagging",
        Delete,
        &["tagging"],
        &[versions("s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging")],
    )
    .parameters(VERSION)
    .hides(),
    Row::object(
        "GetObjectTorrent",
        Get,
        &["torrent"],
        &[versions("s3:GetObjectTorrent", "s3:GetObjectVersionTorrent")],
    )
    .parameters(VERSION)
    .hides(),
];

/// Known by name, and not served: directory buckets and what only they have, and forms.
static REFUSED: [Row; 3] = [
    Row::refused("CreateSession", Get, Level::Bucket, &["session"]),
    Row::refused("ListDirectoryBuckets", Get, Level::Service, &["max-directory-buckets"]),
    Row::refused("RenameObject", Put, Level::Object, &["renameObject"]),
];

#[cfg(test)]
mod tests;
