//! What must be allowed, and on what.

use ::http::HeaderMap;

use super::{
    Object, S3Error,
    address::{Address, Bucket, Key},
    context::Keys,
    headers::{GRANTS, says_true, text},
    row::{Family, Level, Need},
    source::Source,
    table::{COPY_SOURCE, COPY_SOURCE_TAGS, DELETE_EACH},
};
use crate::iam::{Action, Arn, Check, Resource};

/// An operation with its context, about to be asked about.
pub(super) struct Subject<'a> {
    pub(super) keys: &'a Keys<'a>,
    pub(super) address: &'a Address,
}

impl Subject<'_> {
    /// The checks of an operation that is allowed or denied as a whole.
    pub(super) fn checks(&self) -> Result<Vec<Check>, S3Error> {
        let resource = self.resource()?;
        let versioned = self.keys.query.has("versionId");
        let mut checks = Vec::new();
        let own = self.keys.row.needs.iter().map(|need| chosen(need, versioned));
        let unversioned = self.deletes_object() && self.keys.query.get("versionId") == Some(NULL);
        let unversioned = unversioned.then_some(DELETE_EACH.plain);
        for action in own.chain(unversioned).chain(self.extra()?) {
            checks.push(self.check(action, resource.clone())?);
        }
        if let Some(source) = self.keys.source {
            self.reading(source, &mut checks)?;
        }
        if let Some(role) = &self.keys.content.passed {
            let mut check = self.check("iam:PassRole", Resource::Arn(role.clone()))?;
            check.context.one("iam:passedtoservice", "s3.amazonaws.com");
            checks.push(check);
        }
        Ok(checks)
    }

    /// The checks of one object of DeleteObjects.
    pub(super) fn deletion(&self, object: &Object) -> Result<Vec<Check>, S3Error> {
        let bucket = self.address.bucket().ok_or(S3Error::InvalidUri)?;
        let resource = self.object(bucket, &Key::new(&object.key)?)?;
        let version = object.version_id.as_deref();
        let unversioned = (version == Some(NULL)).then_some(DELETE_EACH.plain);
        let mut checks = Vec::with_capacity(1);
        for action in [chosen(&DELETE_EACH, version.is_some())].into_iter().chain(unversioned) {
            let mut check = self.check(action, resource.clone())?;
            if let Some(version) = version {
                check.context.one("s3:versionid", version);
            }
            if let Some(etag) = &object.etag {
                check.context.one("s3:if-match", etag.as_str());
            }
            checks.push(check);
        }
        for action in self.extra()? {
            checks.push(self.check(action, resource.clone())?);
        }
        let etag = object.etag.as_deref();
        if etag.is_some_and(|etag| etag != "*")
            || object.size.is_some()
            || object.last_modified_time.is_some()
        {
            checks.push(self.check(CURRENT, resource)?);
        }
        Ok(checks)
    }

    /// `s3:ListBucket`, for whom a missing key is no secret
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>, "Permissions").
    pub(super) fn reveals(&self) -> Result<Option<Check>, S3Error> {
        if !self.keys.row.hides && !self.compares()? {
            return Ok(None);
        }
        let bucket = match self.keys.source {
            Some(source) => &source.bucket,
            None => self.address.bucket().ok_or(S3Error::InvalidUri)?,
        };
        let (action, resource) = (Action::fixed("s3:ListBucket"), self.bucket(bucket)?);
        Ok(Some(Check { action, resource, context: self.keys.revealing() }))
    }

    /// Actions that headers and the body ask for beside the row's own.
    fn extra(&self) -> Result<Vec<&'static str>, S3Error> {
        let headers = self.keys.headers;
        let has = |name: &str| headers.contains_key(name);
        let mut actions = Vec::new();
        if self.compares()? {
            actions.push(CURRENT);
        }
        for family in self.keys.row.families {
            match family {
                Family::AclWith(action) => {
                    // A new bucket is private without being told.
                    let said = match self.keys.row.level {
                        Level::Bucket => {
                            text(headers, "x-amz-acl")?.is_some_and(|acl| acl != "private")
                        }
                        _ => has("x-amz-acl"),
                    };
                    if said || GRANTS.iter().any(|g| has(&format!("x-amz-{g}"))) {
                        actions.push(*action);
                    }
                }
                Family::Tagging => {
                    if has("x-amz-tagging") || self.keys.copied_tags {
                        actions.push("s3:PutObjectTagging");
                    }
                }
                Family::Lock => {
                    if RETENTION.iter().any(|name| has(name)) {
                        actions.push("s3:PutObjectRetention");
                    }
                    if has("x-amz-object-lock-legal-hold") {
                        actions.push("s3:PutObjectLegalHold");
                    }
                }
                Family::Bypass => {
                    if says_true(headers, "x-amz-bypass-governance-retention")? {
                        actions.push("s3:BypassGovernanceRetention");
                    }
                }
                Family::NewBucket => {
                    if says_true(headers, "x-amz-bucket-object-lock-enabled")? {
                        actions.push("s3:PutBucketVersioning");
                        actions.push("s3:PutBucketObjectLockConfiguration");
                    }
                    if has("x-amz-object-ownership") {
                        actions.push("s3:PutBucketOwnershipControls");
                    }
                    if self.keys.content.tagged {
                        actions.push("s3:TagResource");
                    }
                }
                Family::Acl | Family::Copy | Family::ObjectLambda => {}
            }
        }
        Ok(actions)
    }

    /// Whether the operation is DeleteObject.
    fn deletes_object(&self) -> bool {
        let row = self.keys.row;
        row.level == Level::Object && row.needs.contains(&DELETE_EACH)
    }

    /// Whether a write or a deletion depends on what the object is, which tells what it is
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-delete-enforce.html>).
    /// That it is there at all (`*`) may be known.
    fn compares(&self) -> Result<bool, S3Error> {
        if !self.deletes_object() && self.keys.row.creates != Some(true) {
            return Ok(false);
        }
        let headers = self.keys.headers;
        let others = ["x-amz-if-match-last-modified-time", "x-amz-if-match-size"];
        Ok(text(headers, "if-match")?.is_some_and(|etag| etag.trim() != "*")
            || others.iter().any(|name| headers.contains_key(*name)))
    }

    /// What a copy reads.
    fn reading(&self, source: &Source, checks: &mut Vec<Check>) -> Result<(), S3Error> {
        let resource = self.object(&source.bucket, &source.key)?;
        let version = source.version_id.as_deref();
        let tags = tags_travel(self.keys.headers)? && self.copies_whole();
        for need in [Some(COPY_SOURCE), tags.then_some(COPY_SOURCE_TAGS)].into_iter().flatten() {
            let action = chosen(&need, version.is_some());
            checks.push(Check {
                action: Action::fixed(action),
                resource: resource.clone(),
                context: self.keys.of_object(action, version),
            });
        }
        Ok(())
    }

    /// Parts have no tags.
    fn copies_whole(&self) -> bool {
        self.keys.row.families.contains(&Family::Tagging)
    }

    fn check(&self, action: &'static str, resource: Resource) -> Result<Check, S3Error> {
        let context = self.keys.of(action)?;
        Ok(Check { action: Action::fixed(action), resource, context })
    }

    fn resource(&self) -> Result<Resource, S3Error> {
        match self.address {
            Address::Service => Ok(Resource::Any),
            Address::Bucket(bucket) => self.bucket(bucket),
            Address::Object(bucket, key) => self.object(bucket, key),
        }
    }

    fn bucket(&self, bucket: &Bucket) -> Result<Resource, S3Error> {
        self.arn(bucket.as_str())
    }

    fn object(&self, bucket: &Bucket, key: &Key) -> Result<Resource, S3Error> {
        self.arn(&format!("{}/{}", bucket.as_str(), key.as_str()))
    }

    fn arn(&self, path: &str) -> Result<Resource, S3Error> {
        let arn = format!("arn:{}:s3:::{path}", self.keys.facts.partition);
        Arn::parse(&arn).map(Resource::Arn).map_err(|_too_long| S3Error::InvalidUri)
    }
}

/// Whether a copy takes the source's tags with it by the caller's word. S3 copies tags by default
/// too and asks for their actions only if there are any, which can't be seen here.
pub(super) fn copies_tags(headers: &HeaderMap, source: Option<&Source>) -> Result<bool, S3Error> {
    Ok(source.is_some() && directive(headers)? == Some(Directive::Copy))
}

/// Whether tags are copied or replaced.
fn tags_travel(headers: &HeaderMap) -> Result<bool, S3Error> {
    Ok(match directive(headers)? {
        Some(Directive::Copy) => true,
        Some(Directive::Replace) => headers.contains_key("x-amz-tagging"),
        None => false,
    })
}

#[derive(PartialEq, Eq)]
enum Directive {
    Copy,
    Replace,
}

fn directive(headers: &HeaderMap) -> Result<Option<Directive>, S3Error> {
    match text(headers, "x-amz-tagging-directive")? {
        None => Ok(None),
        Some("COPY") => Ok(Some(Directive::Copy)),
        Some("REPLACE") => Ok(Some(Directive::Replace)),
        Some(_) => Err(S3Error::InvalidArgument("Unknown tagging directive.")),
    }
}

fn chosen(need: &Need, versioned: bool) -> &'static str {
    if versioned { need.versioned } else { need.plain }
}

/// The version that an object without versions is: it is deleted by that name as well as without one, so that
/// this asks for both actions.
const NULL: &str = "null";
/// What a comparison with the object as it is asks for.
const CURRENT: &str = "s3:GetObject";

/// What sets a retention.
const RETENTION: [&str; 5] = [
    "x-amz-object-lock-event-hold",
    "x-amz-object-lock-event-hold-duration-days",
    "x-amz-object-lock-event-hold-duration-years",
    "x-amz-object-lock-mode",
    "x-amz-object-lock-retain-until-date",
];
