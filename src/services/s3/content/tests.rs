//! Bodies and tags.

use super::*;
use crate::iam::{Context, Lookup};

fn read(reads: Reads, body: &str) -> Result<Content, S3Error> {
    Content::read(reads, body.as_bytes(), Some(Time::from_secs(1_700_000_000)))
}

fn key(facts: &Facts, key: &str) -> String {
    match facts.lookup(key) {
        Lookup::Absent => "-".to_owned(),
        Lookup::Unknown => "?".to_owned(),
        Lookup::One(value) => value.into_owned(),
        Lookup::Many(values) => format!("[{}]", values.join(",")),
    }
}

fn tags(tags: &[(&str, &str)]) -> String {
    let tags = tags.iter().map(|(k, v)| format!("<Tag><Key>{k}</Key><Value>{v}</Value></Tag>"));
    tags.collect()
}

#[test]
fn tags_of_objects_and_of_buckets_are_other_keys() {
    let body =
        format!("<Tagging><TagSet>{}</TagSet></Tagging>", tags(&[("Team", "a&amp;b"), ("x", "")]));
    let object = read(Reads::ObjectTags, &body).unwrap().facts;
    assert_eq!(key(&object, "s3:requestobjecttag/team"), "a&b");
    assert_eq!(key(&object, "s3:requestobjecttag/x"), "");
    assert_eq!(key(&object, "s3:requestobjecttag/y"), "-");
    assert_eq!(key(&object, "s3:requestobjecttagkeys"), "[Team,x]");
    assert_eq!(key(&object, "aws:tagkeys"), "-");
    let bucket = read(Reads::BucketTags, &body).unwrap().facts;
    assert_eq!(key(&bucket, "aws:requesttag/team"), "a&b");
    assert_eq!(key(&bucket, "aws:tagkeys"), "[Team,x]");
    assert_eq!(key(&bucket, "s3:requestobjecttagkeys"), "-");
    let none = read(Reads::ObjectTags, "<Tagging><TagSet/></Tagging>").unwrap().facts;
    assert_eq!(key(&none, "s3:requestobjecttagkeys"), "[]");
}

#[test]
fn tags_that_differ_in_case_alone_are_unknown() {
    let read = tagging_header("class=public&CLASS=secret&other=x").unwrap();
    let mut facts = Facts::new();
    OBJECT_TAGS.set(&read, &mut facts);
    assert_eq!(key(&facts, "s3:requestobjecttag/class"), "?");
    assert_eq!(key(&facts, "s3:requestobjecttag/other"), "x");
}

#[test]
fn tagging_headers_are_queries() {
    for (header, expected, encoded) in [
        ("", vec![], ""),
        ("a=b", vec![("a", "b")], "a=b"),
        ("a", vec![("a", "")], "a="),
        ("a=b&c=d%26e", vec![("a", "b"), ("c", "d&e")], "a=b&c=d%26e"),
        ("a+b=c%2Bd", vec![("a b", "c+d")], "a%20b=c%2Bd"),
        ("%61=b=c", vec![("a", "b=c")], "a=b%3Dc"),
    ] {
        let tags = tagging_header(header).unwrap();
        let read: Vec<_> = tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(read, expected, "{header}");
        assert_eq!(tagging_encoded(&tags), encoded, "{header}");
        assert_eq!(tagging_header(encoded), Ok(tags));
    }
    for header in ["a=b&a=c", "a=b&%61=c", "%zz=a", "a=%ff"] {
        assert_eq!(tagging_header(header).unwrap_err().code(), "InvalidArgument", "{header}");
    }
    assert_eq!(tagging_header("=b").unwrap_err().code(), "InvalidTag");
    let many: Vec<_> = (0..11).map(|n| format!("k{n}=v")).collect();
    assert_eq!(tagging_header(&many.join("&")).unwrap_err().code(), "InvalidTag");
}

#[test]
fn retentions_count_the_days_from_now() {
    // Now is 2023-11-14T22:13:20Z.
    for (date, days) in [
        ("2023-11-14T22:13:20Z", "0"),
        ("2023-11-14T22:13:21Z", "1"),
        ("2023-11-15T22:13:20Z", "1"),
        ("2023-12-15T00:00:00+01:00", "31"),
        ("2023-11-13T22:13:20Z", "-1"),
        ("2023-11-14T00:00:00.000Z", "0"),
    ] {
        let body = format!(
            "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>{date}</RetainUntilDate></Retention>"
        );
        let facts = read(Reads::Retention, &body).unwrap().facts;
        assert_eq!(key(&facts, "s3:object-lock-mode"), "GOVERNANCE");
        assert_eq!(key(&facts, "s3:object-lock-retain-until-date"), date);
        assert_eq!(key(&facts, "s3:object-lock-remaining-retention-days"), days, "{date}");
    }
    let mut facts = Facts::new();
    retain_until("2030-01-01T00:00:00Z", None, &mut facts).unwrap();
    assert_eq!(key(&facts, "s3:object-lock-remaining-retention-days"), "?");
    assert!(retain_until("tomorrow", None, &mut facts).is_err());
    let years = "<Retention><EventHold>ON</EventHold><EventHoldDuration><Years>1</Years></EventHoldDuration></Retention>";
    let facts = read(Reads::Retention, years).unwrap().facts;
    assert_eq!(key(&facts, "s3:object-lock-event-hold"), "ON");
    assert_eq!(key(&facts, "s3:object-lock-event-hold-duration-days"), "?");
    let days = years.replace("Years", "Days");
    let facts = read(Reads::Retention, &days).unwrap().facts;
    assert_eq!(key(&facts, "s3:object-lock-event-hold-duration-days"), "1");
    assert_eq!(
        key(&read(Reads::Retention, "<Retention/>").unwrap().facts, "s3:object-lock-mode"),
        "-"
    );
}

#[test]
fn new_buckets_have_a_region_and_tags() {
    assert!(!read(Reads::NewBucket, "").unwrap().tagged);
    let body = format!(
        "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint><Tags>{}</Tags></CreateBucketConfiguration>",
        tags(&[("env", "prod")])
    );
    let bucket = read(Reads::NewBucket, &body).unwrap();
    assert!(bucket.tagged);
    assert_eq!(key(&bucket.facts, "s3:locationconstraint"), "eu-west-1");
    assert_eq!(key(&bucket.facts, "aws:requesttag/env"), "prod");
    for refused in ["Location", "Bucket"] {
        let body = format!("<CreateBucketConfiguration><{refused}/></CreateBucketConfiguration>");
        assert_eq!(read(Reads::NewBucket, &body).unwrap_err().reason(), "s3_not_served");
    }
}

#[test]
fn other_bodies_are_refused() {
    let tag = tags(&[("a", "b")]);
    for (reads, body) in [
        (Reads::ObjectTags, "<Tagging/>".to_owned()),
        (Reads::ObjectTags, format!("<Tagging>{tag}</Tagging>")),
        (
            Reads::ObjectTags,
            format!("<Tagging><TagSet>{tag}</TagSet><TagSet>{tag}</TagSet></Tagging>"),
        ),
        (
            Reads::ObjectTags,
            "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>".to_owned(),
        ),
        (
            Reads::ObjectTags,
            "<Tagging><TagSet><Tag><Key>a</Key><Key>b</Key><Value/></Tag></TagSet></Tagging>"
                .to_owned(),
        ),
        (Reads::LegalHold, "<Retention/>".to_owned()),
        (
            Reads::LegalHold,
            "<LegalHold><Status>ON</Status><Status>OFF</Status></LegalHold>".to_owned(),
        ),
        (Reads::Retention, "<Retention><Other/></Retention>".to_owned()),
        (
            Reads::NewBucket,
            "<CreateBucketConfiguration><Other/></CreateBucketConfiguration>".to_owned(),
        ),
        (Reads::Restore, "<RestoreRequest><Other/></RestoreRequest>".to_owned()),
    ] {
        assert_eq!(read(reads, &body).unwrap_err(), S3Error::MalformedXml, "{body}");
    }
    for reads in
        [Reads::ObjectTags, Reads::BucketTags, Reads::Retention, Reads::LegalHold, Reads::Restore]
    {
        assert_eq!(read(reads, "").unwrap_err(), S3Error::MissingRequestBody);
    }
    for name in ["Type", "SelectParameters", "OutputLocation"] {
        let body = format!("<RestoreRequest><{name}/></RestoreRequest>");
        assert_eq!(read(Reads::Restore, &body).unwrap_err().reason(), "s3_not_served", "{name}");
    }
    let twice = format!("<Tagging><TagSet>{tag}{tag}</TagSet></Tagging>");
    assert_eq!(read(Reads::ObjectTags, &twice).unwrap_err().code(), "InvalidTag");
    let eleven: String = (0..11).map(|n| tags(&[(&format!("k{n}"), "v")])).collect();
    let body = format!("<Tagging><TagSet>{eleven}</TagSet></Tagging>");
    assert_eq!(read(Reads::ObjectTags, &body).unwrap_err().code(), "InvalidTag");
    assert!(read(Reads::BucketTags, &body).is_ok());
}
