//! Context keys of S3, each on the actions that have it.
//!
//! After the Service Authorization Reference
//! (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>). A key
//! that AWS would have and that can't be observed here is unknown.

use ::http::HeaderMap;

use super::{
    RequestFacts, S3Error,
    content::{Content, OBJECT_TAGS, retain_until},
    headers::text,
    query::Query,
    row::{Reads, Row},
    source::Source,
};
use crate::{
    iam::{Fact, Facts},
    services::tags::Tags,
};

/// What the context keys of a request are made of.
pub(super) struct Keys<'a> {
    pub(super) row: &'static Row,
    pub(super) query: &'a Query,
    /// As they go upstream.
    pub(super) headers: &'a HeaderMap,
    /// `x-amz-content-sha256` as it was received.
    pub(super) sha256: Option<String>,
    pub(super) source: Option<&'a Source>,
    /// Of `x-amz-tagging`.
    pub(super) tags: Option<&'a Tags>,
    /// Whether a copy takes tags with it that aren't in the request.
    pub(super) copied_tags: bool,
    pub(super) content: &'a Content,
    pub(super) facts: &'a RequestFacts,
}

impl Keys<'_> {
    /// The keys that every action has.
    pub(super) fn common(&self) -> Facts {
        let mut facts = Facts::new();
        if let Some(kind) = self.facts.auth_type {
            facts.one("s3:authtype", kind);
            facts.one("s3:signatureversion", "AWS4-HMAC-SHA256");
        }
        if let Some(age) = self.facts.signature_age {
            facts.one("s3:signatureage", age.to_string());
        }
        // A URL that is signed says nothing of the body, and means that nothing is known of it.
        let presigned = self.facts.auth_type == Some("REST-QUERY-STRING");
        let unsigned = presigned.then_some("UNSIGNED-PAYLOAD");
        if let Some(sha256) = self.sha256.as_deref().or(unsigned) {
            facts.one("s3:x-amz-content-sha256", sha256);
        }
        if self.facts.secure {
            facts.set("s3:tlsversion", Fact::Unknown);
        }
        let account = self.facts.account.clone();
        facts.set("s3:resourceaccount", account.map_or(Fact::Unknown, Fact::One));
        facts.unknown_below("s3:buckettag/");
        facts.unknown_below("aws:resourcetag/");
        facts
    }

    /// The keys of `action` on what the request addresses.
    pub(super) fn of(&self, action: &str) -> Result<Facts, S3Error> {
        let mut facts = self.of_object(action, self.query.get("versionId"));
        for (key, header, actions) in FROM_HEADERS {
            if actions.contains(&action)
                && let Some(value) = text(self.headers, header)?
            {
                facts.one(key, value);
            }
        }
        match action {
            _ if LISTING.contains(&action) => self.listing(&mut facts),
            "s3:PutObject" => self.write(&mut facts)?,
            // It is in the body, which is streamed.
            "s3:UpdateObjectEncryption" => {
                facts.set(SSE, Fact::Unknown);
                facts.set(SSE_KEY, Fact::Unknown);
            }
            // These are in bodies and parameters that nobody reads here.
            "s3:PutInventoryConfiguration" => {
                facts.set("s3:inventoryaccessibleoptionalfields", Fact::Unknown);
            }
            "s3:PutReplicationConfiguration" => {
                facts.set("s3:isreplicationpauserequest", Fact::Unknown);
            }
            "s3:ListObjectAnnotations" | "s3:ListObjectVersionAnnotations" => {
                facts.set("s3:annotation-prefix", Fact::Unknown);
                facts.set("s3:max-annotation-results", Fact::Unknown);
            }
            _ => {}
        }
        match self.tags {
            // They are the source's.
            _ if action == "s3:PutObjectTagging" && self.copied_tags => {
                facts.unknown_below("s3:requestobjecttag/");
                facts.set("s3:requestobjecttagkeys", Fact::Unknown);
            }
            Some(tags) if TAGS.contains(&action) => OBJECT_TAGS.set(tags, &mut facts),
            _ => {}
        }
        if LOCK.contains(&action) {
            self.lock(&mut facts)?;
        }
        if self.row.reads != Reads::NewBucket || NEW_BUCKET.contains(&action) {
            for (key, fact) in self.content.facts.iter() {
                facts.set(key.to_owned(), fact.clone());
            }
        }
        Ok(facts)
    }

    /// The keys of `action` on an object, whatever the request does with it.
    pub(super) fn of_object(&self, action: &str, version_id: Option<&str>) -> Facts {
        let mut facts = self.common();
        if action.contains("Version")
            && let Some(version_id) = version_id
        {
            facts.one("s3:versionid", version_id);
        }
        let object = action.contains("Object") && !action.contains("Bucket");
        if object && !WITHOUT_OBJECT_TAGS.contains(&action) {
            facts.unknown_below("s3:existingobjecttag/");
        }
        facts
    }

    /// `s3:ListBucket` as far as it tells who may know that a key is missing. Which listing that
    /// would be can't be said.
    pub(super) fn revealing(&self) -> Facts {
        let mut facts = self.common();
        for key in ["s3:prefix", "s3:delimiter", "s3:max-keys"] {
            facts.set(key, Fact::Unknown);
        }
        facts
    }

    /// A prefix that isn't given is absent, an empty one is not.
    fn listing(&self, facts: &mut Facts) {
        if !self.row.parameters.contains(&"max-keys") {
            return;
        }
        for (key, parameter) in [("s3:prefix", "prefix"), ("s3:delimiter", "delimiter")] {
            if let Some(value) = self.query.get(parameter) {
                facts.one(key, value);
            }
        }
        facts.one("s3:max-keys", self.query.get("max-keys").unwrap_or("1000"));
    }

    fn write(&self, facts: &mut Facts) -> Result<(), S3Error> {
        if let Some(source) = self.source {
            facts.one("s3:x-amz-copy-source", source.path());
        }
        if let Some(whole) = self.row.creates {
            facts.one("s3:objectcreationoperation", whole.to_string());
        }
        // S3 makes an ARN of an id or an alias.
        if let Some(key) = text(self.headers, "x-amz-server-side-encryption-aws-kms-key-id")? {
            let arn = key.starts_with("arn:") && key.contains(":key/");
            facts.set(SSE_KEY, if arn { Fact::One(key.to_owned()) } else { Fact::Unknown });
        }
        Ok(())
    }

    fn lock(&self, facts: &mut Facts) -> Result<(), S3Error> {
        if let Some(date) = text(self.headers, "x-amz-object-lock-retain-until-date")? {
            retain_until(date, self.facts.now, facts)?;
        }
        if self.headers.contains_key("x-amz-object-lock-event-hold-duration-years") {
            facts.set("s3:object-lock-event-hold-duration-days", Fact::Unknown);
        }
        Ok(())
    }
}

/// What lists a bucket: the actions that have `s3:prefix` and its kin.
pub(super) const LISTING: &[&str] = &["s3:ListBucket", "s3:ListBucketVersions"];
const PUT: &[&str] = &["s3:PutObject"];
const TAGS: &[&str] = &["s3:PutObject", "s3:PutObjectTagging"];
const LOCK: &[&str] = &["s3:PutObject", "s3:PutObjectRetention"];
const HOLD: &[&str] = &["s3:PutObject", "s3:PutObjectLegalHold"];
const CREATE_BUCKET: &[&str] = &["s3:CreateBucket"];
const NEW_BUCKET: &[&str] = &["s3:CreateBucket", "s3:TagResource"];
pub(super) const ACL: &[&str] = &[
    "s3:PutObject",
    "s3:PutObjectAcl",
    "s3:PutObjectVersionAcl",
    "s3:CreateBucket",
    "s3:PutBucketAcl",
];
const ANNOTATE: &[&str] = &[
    "s3:PutObjectAnnotation",
    "s3:PutObjectVersionAnnotation",
    "s3:DeleteObjectAnnotation",
    "s3:DeleteObjectVersionAnnotation",
];
const MATCHES: &[&str] = &["s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"];

/// AWS doesn't look at the tags that an object has for these.
const WITHOUT_OBJECT_TAGS: &[&str] = &[
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:PutObjectRetention",
    "s3:PutObjectLegalHold",
];

const SSE: &str = "s3:x-amz-server-side-encryption";
const SSE_KEY: &str = "s3:x-amz-server-side-encryption-aws-kms-key-id";

/// A key, the header it is, and the actions that have it.
pub(super) const FROM_HEADERS: [(&str, &str, &[&str]); 21] = [
    ("s3:x-amz-acl", "x-amz-acl", ACL),
    ("s3:x-amz-grant-full-control", "x-amz-grant-full-control", ACL),
    ("s3:x-amz-grant-read", "x-amz-grant-read", ACL),
    ("s3:x-amz-grant-read-acp", "x-amz-grant-read-acp", ACL),
    ("s3:x-amz-grant-write", "x-amz-grant-write", ACL),
    ("s3:x-amz-grant-write-acp", "x-amz-grant-write-acp", ACL),
    ("s3:x-amz-metadata-directive", "x-amz-metadata-directive", PUT),
    ("s3:x-amz-object-annotation-directive", "x-amz-object-annotation-directive", PUT),
    (SSE, "x-amz-server-side-encryption", PUT),
    (
        "s3:x-amz-server-side-encryption-customer-algorithm",
        "x-amz-server-side-encryption-customer-algorithm",
        PUT,
    ),
    ("s3:x-amz-storage-class", "x-amz-storage-class", PUT),
    ("s3:x-amz-website-redirect-location", "x-amz-website-redirect-location", PUT),
    ("s3:if-match", "if-match", MATCHES),
    ("s3:if-none-match", "if-none-match", PUT),
    ("s3:x-amz-object-if-match", "x-amz-object-if-match", ANNOTATE),
    ("s3:object-lock-mode", "x-amz-object-lock-mode", LOCK),
    ("s3:object-lock-legal-hold", "x-amz-object-lock-legal-hold", HOLD),
    ("s3:object-lock-event-hold", "x-amz-object-lock-event-hold", LOCK),
    ("s3:object-lock-event-hold-duration-days", "x-amz-object-lock-event-hold-duration-days", LOCK),
    ("s3:x-amz-object-ownership", "x-amz-object-ownership", CREATE_BUCKET),
    ("s3:x-amz-bucket-namespace", "x-amz-bucket-namespace", CREATE_BUCKET),
];

#[cfg(test)]
mod tests;
