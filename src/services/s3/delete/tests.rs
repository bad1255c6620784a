//! DeleteObjects: read, judged, written anew, and its answers merged.

use proptest::prelude::*;

use super::super::testing::{Ask, ask, look, shown};
use super::*;
use crate::{services::Checks, sigv4::BodyError};

fn request(body: &str) -> Ask {
    let body: &'static str = body.to_owned().leak();
    ask("POST /demo?delete")
        .header("content-md5", &checksum::content_md5(body.as_bytes()))
        .body(body)
}

fn described(request: &Ask) -> (Delete, Forward) {
    let operation = request.operation();
    match operation.checks {
        Checks::Each(delete) => (delete, operation.forward),
        other => panic!("{other:?}"),
    }
}

const TWO: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Object><Key>a &amp; b</Key></Object><Object><Key>c/d</Key><VersionId>v</VersionId></Object></Delete>";

#[test]
fn every_object_has_its_own_checks() {
    let (delete, _) = described(&request(TWO));
    assert!(!delete.quiet);
    let checks: Vec<Vec<_>> =
        delete.objects.iter().map(|o| o.checks.iter().map(shown).collect()).collect();
    assert_eq!(checks, [["DeleteObject demo/a & b"], ["DeleteObjectVersion demo/c/d"]]);
    assert_eq!(look(&delete.objects[1].checks[0], "s3:versionid"), "v");
    assert_eq!(look(&delete.objects[0].checks[0], "s3:versionid"), "-");

    let bypass = request(TWO).header("x-amz-bypass-governance-retention", "true");
    let (delete, _) = described(&bypass);
    let second: Vec<_> = delete.objects[1].checks.iter().map(shown).collect();
    assert_eq!(second, ["DeleteObjectVersion demo/c/d", "BypassGovernanceRetention demo/c/d"]);

    let (delete, _) = described(&request(
        "<Delete><Object><Key>a</Key><ETag>e</ETag></Object><Object><Key>b</Key><ETag>*</ETag></Object><Object><Key>c</Key><Size>3</Size></Object></Delete>",
    ));
    let all: Vec<_> = delete.objects.iter().flat_map(|o| o.checks.iter().map(shown)).collect();
    assert_eq!(
        all,
        [
            "DeleteObject demo/a",
            "GetObject demo/a",
            "DeleteObject demo/b",
            "DeleteObject demo/c",
            "GetObject demo/c"
        ]
    );
    assert_eq!(look(&delete.objects[0].checks[0], "s3:if-match"), "e");
}

/// An object without versions is deleted by the name `null`, too.
#[test]
fn the_null_version_asks_for_both_actions() {
    let (delete, _) = described(&request(
        "<Delete><Object><Key>a</Key><VersionId>null</VersionId></Object></Delete>",
    ));
    let checks = &delete.objects[0].checks;
    let asked: Vec<_> = checks.iter().map(shown).collect();
    assert_eq!(asked, ["DeleteObjectVersion demo/a", "DeleteObject demo/a"]);
    assert!(checks.iter().all(|check| look(check, "s3:versionid") == "null"));
}

#[test]
fn the_rest_goes_upstream_with_a_checksum_of_its_own() {
    let two = request(TWO).headers(&[
        ("x-amz-sdk-checksum-algorithm", "CRC32"),
        ("content-length", "999"),
        ("content-type", "application/x-www-form-urlencoded; charset=utf-16"),
        ("content-encoding", "gzip"),
        ("accept-encoding", "gzip"),
    ]);
    let (mut delete, mut forward) = described(&two);
    assert_eq!(forward.target.as_str(), "/demo?delete");
    let whole = forward.body.clone();
    assert!(matches!(whole, Body::Whole { bytes, .. } if bytes == TWO));
    delete.objects.remove(0);
    delete.write_to(&mut forward);
    let Body::Whole { bytes: body, .. } = &forward.body else { panic!() };
    let left = Element::read(body, "Delete").unwrap();
    assert_eq!(left.children(&["Object"]).unwrap().len(), 1);
    assert_eq!(forward.headers["content-md5"], checksum::content_md5(body).as_str());
    assert!(!forward.headers.contains_key("x-amz-sdk-checksum-algorithm"));
    assert!(!forward.headers.contains_key("content-length"));
    assert_eq!(forward.headers["content-type"], "application/xml");
    assert!(!forward.headers.contains_key("content-encoding"));
    assert!(!forward.headers.contains_key("accept-encoding"), "the answer is read here");
}

#[test]
fn stale_checksums_do_not_go_upstream() {
    let mut request = request(TWO);
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, TWO.as_bytes());
    let crc = u32::try_from(crc).unwrap().to_be_bytes();
    let value = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, crc);
    request = request.header("x-amz-checksum-crc32", &value);
    let (_, forward) = described(&request);
    let names: Vec<_> = forward.headers.keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["content-type", "content-md5"]);
}

#[test]
fn bodies_that_are_not_s3s_are_refused() {
    for body in [
        "<Delete/>",
        "<Delete><Quiet>true</Quiet></Delete>",
        "<Other><Object><Key>a</Key></Object></Other>",
        "<Delete><Object/></Delete>",
        "<Delete><Object><VersionId>v</VersionId></Object></Delete>",
        "<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>",
        "<Delete><Object><Key>a</Key><VersionId>v</VersionId><VersionId>w</VersionId></Object></Delete>",
        "<Delete><Object><Key>a</Key><Other/></Object></Delete>",
        "<Delete><Object><Key>a</Key></Object><Other/></Delete>",
        "<Delete><Object><Key>a</Key></Object><Quiet>true</Quiet><Quiet>false</Quiet></Delete>",
        "<Delete><Object><Key>a</Key></Object><Quiet>yes</Quiet></Delete>",
        "<Delete><Object><Key><b>a</b></Key></Object></Delete>",
        "<!DOCTYPE d><Delete><Object><Key>a</Key></Object></Delete>",
        "not xml",
    ] {
        assert_eq!(request(body).error(), S3Error::MalformedXml, "{body}");
    }
    for (key, code) in [
        ("", "InvalidURI"),
        ("../a", "InvalidURI"),
        ("a//b", "InvalidURI"),
        ("a\\b", "InvalidURI"),
        ("a\n", "InvalidURI"),
        (&"k".repeat(1025), "KeyTooLongError"),
    ] {
        let body = format!(
            "<Delete><Object><Key>ok</Key></Object><Object><Key>{key}</Key></Object></Delete>"
        );
        assert_eq!(request(&body).error().code(), code, "{key}");
    }
    let empty = "<Delete><Object><Key>a</Key><VersionId/></Object></Delete>";
    assert_eq!(request(empty).error().code(), "InvalidArgument");
    assert_eq!(request("").error(), S3Error::MissingRequestBody);
}

#[test]
fn a_thousand_objects_and_no_more() {
    let body = |count: usize| {
        format!("<Delete>{}</Delete>", "<Object><Key>k</Key></Object>".repeat(count))
    };
    assert_eq!(described(&request(&body(1000))).0.objects.len(), 1000);
    assert_eq!(request(&body(1001)).error(), S3Error::MalformedXml);
}

#[test]
fn the_body_must_be_what_its_checksum_says() {
    let unsaid = ask("POST /demo?delete").body(TWO);
    assert_eq!(unsaid.error().code(), "InvalidRequest");
    let other = unsaid.header("content-md5", &checksum::content_md5(b"x"));
    assert_eq!(other.error(), BodyError::Checksum("Content-MD5").into());
}

fn refused(key: &str, version_id: Option<&str>) -> Refused {
    let version_id = version_id.map(str::to_owned);
    Refused { key: key.to_owned(), version_id, message: "Access <Denied>".to_owned() }
}

#[test]
fn refused_objects_are_errors_among_the_backends() {
    let merge = Merge { refused: vec![refused("a & b", None), refused("c", Some("v"))] };
    let errors = "<Error><Key>a &amp; b</Key><Code>AccessDenied</Code><Message>Access &lt;Denied&gt;</Message></Error><Error><Key>c</Key><VersionId>v</VersionId><Code>AccessDenied</Code><Message>Access &lt;Denied&gt;</Message></Error></DeleteResult>";
    let begin = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DeleteResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
    let deleted = "<Deleted><Key>d &amp; e</Key><DeleteMarker>true</DeleteMarker></Deleted>";
    for (backend, inside) in [
        (None, ""),
        (Some("<DeleteResult/>".to_owned()), ""),
        (Some(format!("<DeleteResult>{deleted}</DeleteResult>")), deleted),
        (
            Some(format!(
                "<?xml version=\"1.0\"?>\n<DeleteResult xmlns=\"urn:x\">\n  {deleted}\n</DeleteResult>\n"
            )),
            deleted,
        ),
    ] {
        let answer = merge.answer(backend.as_deref().map(str::as_bytes)).unwrap();
        assert_eq!(String::from_utf8(answer.to_vec()).unwrap(), format!("{begin}{inside}{errors}"));
    }
}

#[test]
fn an_answer_that_is_not_s3s_is_not_passed_on() {
    let merge = Merge { refused: vec![refused("a", None)] };
    for backend in ["", "<Error><Code>SlowDown</Code></Error>", "<DeleteResult>", "{}", "<html/>"] {
        assert_eq!(
            merge.answer(Some(backend.as_bytes())),
            Err(S3Error::BackendAnswer),
            "{backend}"
        );
    }
}

fn objects() -> impl Strategy<Value = Vec<Object>> {
    let key = "[a-zé€<>&'\" .%+]{1,12}".prop_filter("a key", |key| Key::new(key).is_ok());
    let object = (key, prop::option::of("[!-~]{1,8}"), prop::option::of("[ -~]{0,8}"));
    let object = object.prop_map(|(key, version_id, etag)| Object {
        key,
        version_id,
        etag,
        ..Object::default()
    });
    prop::collection::vec(object, 1..5)
}

proptest! {
    #[test]
    fn what_is_written_reads_the_same(objects in objects(), quiet: bool) {
        let delete = Delete { objects, quiet };
        let body = delete.body();
        let text = String::from_utf8(body.to_vec()).unwrap();
        let (read, forward) = described(&request(&text));
        let Body::Whole { bytes, .. } = forward.body else { panic!() };
        prop_assert_eq!(bytes, body);
        prop_assert_eq!(read.quiet, quiet);
        prop_assert_eq!(read.objects.len(), delete.objects.len());
        for (read, written) in read.objects.iter().zip(&delete.objects) {
            prop_assert_eq!(&read.key, &written.key);
            prop_assert_eq!(&read.version_id, &written.version_id);
            prop_assert_eq!(&read.etag, &written.etag);
        }
    }

    #[test]
    fn any_answer_is_merged_or_refused(backend in "\\PC{0,60}") {
        let _ = Merge { refused: vec![refused("a", None)] }.answer(Some(backend.as_bytes()));
    }
}
