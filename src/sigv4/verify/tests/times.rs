//! When a signature is good.

use crate::clock::Time;
use crate::sigv4::testing::*;
use crate::sigv4::{Form, SigV4Error};

fn after(millis: i64) -> Time {
    Time::from_millis(NOW.millis() + millis)
}

#[test]
fn a_signed_header_is_good_for_15_minutes_either_way() {
    let skewed = Err(SigV4Error::TimeSkewed);
    for (millis, found) in [
        (0, Ok(())),
        (900_000, Ok(())),
        (900_001, skewed),
        (-900_000, Ok(())),
        (-900_001, skewed),
        (i64::MAX - NOW.millis(), skewed),
        (i64::MIN / 2, skewed),
    ] {
        assert_eq!(Sdk::s3().sign(&get("/")).check_time(after(millis)), found, "{millis}");
        assert_eq!(Sdk::other().sign(&get("/")).check_time(after(millis)), found, "{millis}");
    }
}

#[test]
fn a_presigned_request_is_good_until_it_expires() {
    let expired = Err(SigV4Error::PresignedExpired);
    for (expires, millis, found) in [
        (60, 0, Ok(())),
        (60, 60_000, Ok(())),
        (60, 60_001, expired),
        (60, 900_000, expired),
        (1, 1_000, Ok(())),
        (1, 1_001, expired),
        (604_800, 604_800_000, Ok(())),
        (604_800, 604_800_001, expired),
        (60, -900_000, Ok(())),
        (60, -900_001, Err(SigV4Error::PresignedNotYet)),
        (604_800, -900_001, Err(SigV4Error::PresignedNotYet)),
    ] {
        let sent = Sdk::presigned(expires).sign(&get("/"));
        assert_eq!(sent.check_time(after(millis)), found, "{expires} s, {millis}");
    }
}

#[test]
fn expires_is_from_1_to_604800() {
    let sent = Sdk::presigned(60).sign(&get("/a"));
    for good in ["1", "01", "604800"] {
        let sent = sent.clone().retarget("X-Amz-Expires=60", &format!("X-Amz-Expires={good}"));
        assert_eq!(sent.check_time(NOW), Ok(()), "{good}");
        assert_eq!(sent.verify(SECRET, Form::S3, b""), Err(SigV4Error::Mismatch), "{good}");
    }
    for bad in [
        "0",
        "604801",
        "",
        "-1",
        "%2B60",
        "+60",
        "60.0",
        "6e1",
        "x",
        "0x3c",
        "999999999",
        "%00",
        "0000060",
        "18446744073709551617",
        "60%20",
        "%D9%A6",
        "6%E2%82%880",
    ] {
        let sent = sent.clone().retarget("X-Amz-Expires=60", &format!("X-Amz-Expires={bad}"));
        assert_eq!(sent.check_time(NOW), Err(SigV4Error::ExpiresOutOfRange), "{bad}");
    }
}

#[test]
fn the_scope_is_of_the_day_of_the_signature() {
    for day in ["20130523", "20130525", "20140524", "00000000", "99999999"] {
        let sent = Sdk::s3().sign(&get("/")).resigned("/20130524/", &format!("/{day}/"));
        assert_eq!(sent.check_time(NOW), Err(SigV4Error::ScopeDate), "{day}");
        let sent = Sdk::presigned(60).sign(&get("/"));
        let sent = sent.retarget("%2F20130524%2F", &format!("%2F{day}%2F"));
        assert_eq!(sent.check_time(NOW), Err(SigV4Error::ScopeDate), "{day}, presigned");
    }
    // Signed a second before midnight it is good after midnight.
    let sent = Sdk { time: NOW.plus_secs(-1), ..Sdk::s3() }.sign(&get("/"));
    assert_eq!(sent.check_time(NOW.plus_secs(60)), Ok(()));
}

#[test]
fn the_time_is_that_of_x_amz_date_else_of_date() {
    let time = |sent: &Sent| sent.check_time(NOW);
    let sent = Sdk::s3().sign(&get("/"));
    let date = |value: &str| sent.clone().without("x-amz-date").set("date", value);
    for good in [
        "20130524T000000Z",
        "Fri, 24 May 2013 00:00:00 GMT",
        "Fri, 24 May 2013 02:10:00 +0200",
        "24 May 2013 00:00:00 GMT",
    ] {
        assert_eq!(time(&date(good)), Ok(()), "{good}");
    }
    let bad = Err(SigV4Error::MalformedHeader("Date can't be read"));
    for junk in [
        "",
        "now",
        "2013-05-24T00:00:00Z",
        "20130524T000000",
        "20130524t000000z",
        "20130524T000060Z",
        "20130524T240000Z",
        "20130230T000000Z",
        "20130024T000000Z",
        "+2013524T000000Z",
        "20130524T0000 0Z",
        "2013052éT00000Z",
        "1369353600",
    ] {
        assert_eq!(time(&date(junk)), bad, "{junk}");
    }
    let both = sent.clone().set("date", "Thu, 01 Jan 1970 00:00:00 GMT");
    assert_eq!(time(&both), Ok(()), "x-amz-date comes first");
    let broken = sent.clone().set("x-amz-date", "x").set("date", "20130524T000000Z");
    let found = Err(SigV4Error::MalformedHeader("X-Amz-Date can't be read"));
    assert_eq!(time(&broken), found, "a broken one is not passed over");
    assert_eq!(time(&sent.without("x-amz-date")), Err(SigV4Error::MissingDate));
}
