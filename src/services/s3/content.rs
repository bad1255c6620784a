//! What bodies and `x-amz-tagging` say that a condition may ask for.

use percent_encoding::utf8_percent_encode;

use super::{S3Error, address::COMPONENT, query::form, row::Reads, xml::Element};
use crate::{
    clock::Time,
    iam::{Arn, Fact, Facts},
    services::tags::{TagKeys, Tags},
};

/// What a body says.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// As context keys.
    pub(super) facts: Facts,
    /// Whether a new bucket has tags.
    pub(super) tagged: bool,
    /// The role that is handed to S3, to act with later on.
    pub(super) passed: Option<Arn>,
}

impl Content {
    /// Reads a body for what its operation is asked about.
    pub(super) fn read(reads: Reads, body: &[u8], now: Option<Time>) -> Result<Self, S3Error> {
        let mut content = Self::default();
        let facts = &mut content.facts;
        if body.is_empty() && !matches!(reads, Reads::NewBucket | Reads::Policy) {
            return Err(S3Error::MissingRequestBody);
        }
        match reads {
            Reads::Nothing | Reads::Delete | Reads::Policy => {}
            Reads::NewBucket if body.is_empty() => {}
            Reads::ObjectTags => OBJECT_TAGS.set(&tagging(body)?, facts),
            Reads::BucketTags => BUCKET_TAGS.set(&tags(body, MAX_BUCKET_TAGS)?, facts),
            Reads::Retention => retention(body, now, facts)?,
            Reads::LegalHold => {
                let hold = Element::read(body, "LegalHold")?;
                hold.children(&["Status"])?;
                if let Some(status) = hold.field("Status")? {
                    facts.one("s3:object-lock-legal-hold", status);
                }
            }
            Reads::NewBucket => content.tagged = new_bucket(body, facts)?,
            Reads::Restore => restore(body)?,
            Reads::Replication => content.passed = Some(replication(body)?),
        }
        Ok(content)
    }
}

/// `x-amz-tagging`: tags as a query string.
pub(super) fn tagging_header(value: &str) -> Result<Tags, S3Error> {
    const ENCODING: S3Error = S3Error::InvalidArgument(
        "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
    );
    let mut tags = Tags::new();
    for pair in value.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = form(key).and_then(|key| Ok((key, form(value)?)));
        let tag = decoded.map_err(|_invalid| ENCODING)?;
        add(&mut tags, tag, MAX_OBJECT_TAGS, ENCODING)?;
    }
    Ok(tags)
}

/// The header as it goes upstream.
pub(super) fn tagging_encoded(tags: &Tags) -> String {
    let encode = |text| utf8_percent_encode(text, &COMPONENT);
    let pairs = tags.iter().map(|(key, value)| format!("{}={}", encode(key), encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// `s3:object-lock-retain-until-date`, and the days from now until then, rounded up.
pub(super) fn retain_until(
    date: &str,
    now: Option<Time>,
    facts: &mut Facts,
) -> Result<(), S3Error> {
    let rfc3339 = &time::format_description::well_known::Rfc3339;
    let until = time::OffsetDateTime::parse(date, rfc3339).map_err(|_invalid| {
        S3Error::InvalidArgument("The retain until date must be provided in ISO 8601 format")
    })?;
    facts.one("s3:object-lock-retain-until-date", date);
    let days = now.map(|now| {
        let seconds = until.unix_timestamp().saturating_sub(now.secs());
        seconds.div_euclid(DAY) + i64::from(seconds.rem_euclid(DAY) > 0)
    });
    let days = days.map_or(Fact::Unknown, |days| Fact::One(days.to_string()));
    facts.set("s3:object-lock-remaining-retention-days", days);
    Ok(())
}

/// The tags of `<Tagging>`.
fn tags(body: &[u8], most: usize) -> Result<Tags, S3Error> {
    let tagging = Element::read(body, "Tagging")?;
    tagging.children(&["TagSet"])?;
    tag_set(tagging.child("TagSet")?.ok_or(S3Error::MalformedXml)?, most)
}

/// An object's tags, as `<Tagging>`.
pub(super) fn tagging(body: &[u8]) -> Result<Tags, S3Error> {
    tags(body, MAX_OBJECT_TAGS)
}

fn tag_set(set: &Element, most: usize) -> Result<Tags, S3Error> {
    let mut tags = Tags::new();
    for tag in set.children(&["Tag"])? {
        tag.children(&["Key", "Value"])?;
        let key = tag.field("Key")?.ok_or(S3Error::MalformedXml)?;
        let value = tag.field("Value")?.ok_or(S3Error::MalformedXml)?;
        let twice = S3Error::InvalidTag("Cannot provide multiple Tags with the same key");
        add(&mut tags, (key.to_owned(), value.to_owned()), most, twice)?;
    }
    Ok(tags)
}

fn add(tags: &mut Tags, tag: (String, String), most: usize, twice: S3Error) -> Result<(), S3Error> {
    if tags.iter().any(|(key, _)| *key == tag.0) {
        return Err(twice);
    }
    if tags.len() == most {
        return Err(S3Error::InvalidTag("There are more tags than a resource may have"));
    }
    if tag.0.is_empty() || tag.0.chars().any(char::is_control) {
        return Err(S3Error::InvalidTag("The TagKey you have provided is invalid"));
    }
    tags.push(tag);
    Ok(())
}

fn retention(body: &[u8], now: Option<Time>, facts: &mut Facts) -> Result<(), S3Error> {
    let retention = Element::read(body, "Retention")?;
    retention.children(&["Mode", "RetainUntilDate", "EventHold", "EventHoldDuration"])?;
    if let Some(mode) = retention.field("Mode")? {
        facts.one("s3:object-lock-mode", mode);
    }
    if let Some(date) = retention.field("RetainUntilDate")? {
        retain_until(date, now, facts)?;
    }
    if let Some(hold) = retention.field("EventHold")? {
        facts.one("s3:object-lock-event-hold", hold);
    }
    if let Some(duration) = retention.child("EventHoldDuration")? {
        let days = duration.children(&["Days"]).and_then(|_| duration.field("Days"));
        let days = match days {
            Ok(Some(days)) => Fact::One(days.to_owned()),
            _ => Fact::Unknown,
        };
        facts.set("s3:object-lock-event-hold-duration-days", days);
    }
    Ok(())
}

/// The region and the tags; whether there are any.
fn new_bucket(body: &[u8], facts: &mut Facts) -> Result<bool, S3Error> {
    let bucket = Element::read(body, "CreateBucketConfiguration")?;
    bucket.children(&["LocationConstraint", "Location", "Bucket", "Tags"])?;
    if bucket.child("Location")?.is_some() || bucket.child("Bucket")?.is_some() {
        return Err(S3Error::NotServed("A directory bucket"));
    }
    if let Some(region) = bucket.field("LocationConstraint")? {
        facts.one("s3:locationconstraint", region);
    }
    let Some(set) = bucket.child("Tags")? else { return Ok(false) };
    let tags = tag_set(set, MAX_BUCKET_TAGS)?;
    if tags.is_empty() {
        return Ok(false);
    }
    BUCKET_TAGS.set(&tags, facts);
    Ok(true)
}

/// The role of a replication, which has to have one.
fn replication(body: &[u8]) -> Result<Arn, S3Error> {
    let replication = Element::read(body, "ReplicationConfiguration")?;
    let role = replication.field("Role")?.ok_or(S3Error::MalformedXml)?;
    Arn::parse(role.trim()).map_err(|_malformed| S3Error::InvalidArgument("Invalid role ARN"))
}

/// A restore that selects writes its result to another bucket, which nothing has been asked about.
fn restore(body: &[u8]) -> Result<(), S3Error> {
    let restore = Element::read(body, "RestoreRequest")?;
    restore.children(&[
        "Days",
        "GlacierJobParameters",
        "Type",
        "Tier",
        "Description",
        "SelectParameters",
        "OutputLocation",
    ])?;
    let selects = ["Type", "SelectParameters", "OutputLocation"];
    for name in selects {
        if restore.child(name)?.is_some() {
            return Err(S3Error::NotServed("A restore that selects"));
        }
    }
    Ok(())
}

/// Of an object.
pub(super) const OBJECT_TAGS: TagKeys =
    TagKeys { prefix: "s3:requestobjecttag/", keys: "s3:requestobjecttagkeys" };

/// Of a bucket.
const BUCKET_TAGS: TagKeys = TagKeys { prefix: "aws:requesttag/", keys: "aws:tagkeys" };

/// The most tags of an object.
const MAX_OBJECT_TAGS: usize = 10;

/// The most tags of a bucket.
const MAX_BUCKET_TAGS: usize = 50;

/// In seconds.
const DAY: i64 = 86_400;

#[cfg(test)]
mod tests;
