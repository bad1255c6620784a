//! What is refused, and what goes upstream.

use super::super::testing::{Ask, ask, shown};
use super::*;

/// Near misses, with the error.
const REFUSED: &[(&str, &str)] = &[
    // Known by name, not served.
    ("GET /demo?session", "s3_not_served"),
    ("GET /?max-directory-buckets=1", "s3_not_served"),
    // A form is a PUT before it comes here.
    ("POST /demo", "s3_invalid_request"),
    ("PUT /demo/a?renameObject", "s3_not_served"),
    ("GET /demo--use1-az4--x-s3/a", "s3_not_served"),
    ("GET /demo-1234-s3alias/a", "s3_not_served"),
    // Unknown parameters, and known ones of other operations.
    ("GET /demo/a?foo", "s3_unknown_subresource"),
    ("GET /demo/a?foo=bar&acl", "s3_unknown_subresource"),
    ("GET /demo/a?ACL", "s3_unknown_subresource"),
    ("GET /demo/a?%2561cl", "s3_unknown_subresource"),
    ("GET /demo/a?prefix=b", "s3_unknown_subresource"),
    ("GET /demo?versionId=v", "s3_unknown_subresource"),
    ("PUT /demo/a?versionId=v", "s3_unknown_subresource"),
    ("PUT /demo/a?partNumber=1", "s3_unknown_subresource"),
    ("HEAD /demo?prefix=a", "s3_unknown_subresource"),
    ("GET /?prefix=a&delimiter=/", "s3_unknown_subresource"),
    ("GET /demo/a?AWSAccessKeyId=A&Signature=s&Expires=1", "s3_unknown_subresource"),
    ("GET /demo/a?X-Id=GetObject", "s3_unknown_subresource"),
    // More than one subresource.
    ("GET /demo/a?acl&tagging", "s3_unknown_subresource"),
    ("GET /demo/a?acl&uploadId=u", "s3_unknown_subresource"),
    ("GET /demo?policy&acl", "s3_unknown_subresource"),
    ("GET /demo?id=i", "s3_unknown_subresource"),
    ("GET /demo?policy&id=i", "s3_unknown_subresource"),
    ("POST /demo/a?select", "s3_unknown_subresource"),
    ("PUT /demo/a?annotationName=n", "s3_unknown_subresource"),
    // Subresources of the other level.
    ("GET /demo/a?policy", "s3_unknown_subresource"),
    ("GET /demo?legal-hold", "s3_unknown_subresource"),
    ("GET /?acl", "s3_unknown_subresource"),
    // Methods.
    ("POST /demo/a", "s3_method_not_allowed"),
    ("POST /demo/a?acl", "s3_method_not_allowed"),
    ("DELETE /demo?versioning", "s3_method_not_allowed"),
    ("GET /demo?delete", "s3_method_not_allowed"),
    ("HEAD /demo/a?acl", "s3_method_not_allowed"),
    ("HEAD /demo?location", "s3_method_not_allowed"),
    ("HEAD /", "s3_method_not_allowed"),
    ("PUT /", "s3_method_not_allowed"),
    ("GET /demo/a?uploads", "s3_method_not_allowed"),
    ("PATCH /demo/a", "s3_method_not_allowed"),
    ("OPTIONS /demo/a", "s3_method_not_allowed"),
    ("GET /WriteGetObjectResponse", "s3_method_not_allowed"),
    // Values.
    ("GET /demo/a?versionId=v&versionId=w", "s3_invalid_argument"),
    ("GET /demo?prefix=a&%70refix=b", "s3_invalid_argument"),
    ("GET /demo/a?acl&acl", "s3_invalid_argument"),
    ("GET /demo/a?versionId", "s3_invalid_argument"),
    ("GET /demo/a?versionId=", "s3_invalid_argument"),
    ("GET /demo/a?versionId=a%20b", "s3_invalid_argument"),
    ("GET /demo/a?partNumber=0", "s3_invalid_argument"),
    ("PUT /demo/a?uploadId=u", "s3_invalid_argument"),
    ("PUT /demo/a?uploadId=u&partNumber=10001", "s3_invalid_argument"),
    ("PUT /demo/a?uploadId=&partNumber=1", "s3_invalid_argument"),
    ("DELETE /demo/a?uploadId", "s3_invalid_argument"),
    ("GET /demo?list-type=1", "s3_invalid_argument"),
    ("GET /demo?list-type", "s3_invalid_argument"),
    ("GET /demo?max-keys=%2B5", "s3_invalid_argument"),
    ("GET /demo?max-keys=-1", "s3_invalid_argument"),
    ("GET /demo?max-keys=", "s3_invalid_argument"),
    ("GET /demo?max-keys=99999999999", "s3_invalid_argument"),
    ("PUT /demo?inventory&id=", "s3_invalid_argument"),
    ("POST /demo/a?select&select-type=1", "s3_invalid_argument"),
    ("PUT /demo/a?x-amz-acl=private&X-Amz-Acl=public-read", "s3_invalid_argument"),
    ("PUT /demo/a?x-amz-acl=%0A", "s3_invalid_argument"),
    // Encodings.
    ("GET /demo/a?%zz", "s3_invalid_uri"),
    ("GET /demo?prefix=%ff", "s3_invalid_uri"),
    ("GET /demo?prefix=%00", "s3_invalid_uri"),
    ("GET /demo?prefix=/home/", "s3_invalid_uri"),
    ("GET /demo?prefix=home/../secret", "s3_invalid_uri"),
    ("GET /demo/a/../b", "s3_invalid_uri"),
    ("GET /demo//a", "s3_invalid_uri"),
    ("GET //demo/a", "s3_invalid_bucket_name"),
    ("GET /../demo/a", "s3_invalid_bucket_name"),
    ("GET /demo%2Fa", "s3_invalid_bucket_name"),
    ("GET /Demo/a", "s3_invalid_bucket_name"),
    ("GET /writeGetObjectResponse", "s3_invalid_bucket_name"),
    // Headers that a URL can't bring either.
    ("PUT /demo/a?x-amz-foo=1", "s3_unknown_header"),
    ("PUT /demo/a?X-Amz-Trailer=x-amz-checksum-crc32", "s3_unknown_header"),
];

#[test]
fn near_misses_are_refused_by_name() {
    for (line, reason) in REFUSED {
        assert_eq!(ask(line).error().reason(), *reason, "{line}");
    }
    let S3Error::UnknownSubresource(name) = ask("GET /demo/a?foo=secret").error() else { panic!() };
    assert_eq!(&*name, "foo");
}

#[test]
fn headers_that_are_not_known_are_refused_by_name() {
    let refused = |name: &str, value: &str| ask("PUT /demo/a").header(name, value).error();
    for name in [
        "x-amz-foo",
        "x-amz-trailer",
        "x-amz-decoded-content-length",
        "x-amz-write-offset-bytes",
        "x-amz-rename-source",
        "x-amz-s3session-token",
        "x-amz-target",
        "x-amz-grant-everything",
        "x-amz-copy-source-evil",
    ] {
        assert_eq!(refused(name, "1"), S3Error::UnknownHeader(name.into()));
    }
    assert_eq!(refused("content-encoding", "gzip, AWS-chunked"), S3Error::NotImplemented);
    let streaming = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
    assert_eq!(refused("x-amz-content-sha256", streaming), S3Error::NotImplemented);
    let copy = ("x-amz-copy-source", "other/b");
    for line in ["PUT /demo/a?acl", "PUT /demo", "GET /demo/a", "POST /demo/a?uploads"] {
        let error = ask(line).headers(&[copy]).error();
        assert_eq!(error, S3Error::UnknownHeader("x-amz-copy-source".into()), "{line}");
    }
}

/// What is inside of the chunks goes upstream, and nothing that says there were any.
#[test]
fn the_headers_of_chunks_become_those_of_what_is_inside() {
    let put = ask("PUT /demo/a").headers(&[
        ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        ("x-amz-decoded-content-length", "5"),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
        ("x-amz-sdk-checksum-algorithm", "CRC32"),
        ("content-length", "99"),
        ("content-type", "text/plain"),
    ]);
    for (given, left) in [
        (None, None),
        (Some("aws-chunked"), None),
        (Some("AWS-Chunked,"), None),
        (Some("aws-chunked, gzip"), Some("gzip")),
        (Some("gzip,aws-chunked"), Some("gzip")),
        (Some("br, gzip"), Some("br, gzip")),
    ] {
        let put =
            given.iter().fold(put.clone(), |put, given| put.header("content-encoding", given));
        let forward = put.operation().forward;
        let shown =
            |name| forward.headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap());
        assert_eq!(shown("content-encoding"), left, "{given:?}");
        assert_eq!(shown("content-length"), Some("5"));
        let names: Vec<_> = forward.headers.keys().map(|name| name.as_str()).collect();
        assert!(!names.iter().any(|name| name.starts_with("x-amz-")), "{names:?}");
        let Body::Streamed(proof) = forward.body else { panic!() };
        assert_eq!(proof.chunks().unwrap().length(), 5);
    }
    let twice = put.clone().header("content-encoding", "aws-chunked, aws-chunked");
    assert_eq!(twice.error().reason(), "s3_invalid_argument");
    // A checksum in a header beside the one in the trailer: which of them is stored?
    let both = put.header("x-amz-checksum-crc32", "AAAAAA==");
    assert_eq!(both.error().reason(), "s3_invalid_request");
}

#[test]
fn what_headers_say_of_a_streamed_body_is_proven() {
    let digests = |put: &Ask| match put.operation().forward.body {
        Body::Streamed(proof) => !proof.is_none(),
        Body::Whole { .. } => panic!(),
    };
    let put = ask("PUT /demo/a");
    assert!(!digests(&put) && !digests(&put.clone().header("x-amz-checksum-type", "FULL_OBJECT")));
    assert!(digests(&put.clone().header("content-md5", "JfnnlDI7RTiF9RgfG2JNCw==")));
    assert!(digests(&put.clone().header("x-amz-checksum-crc32", "y/Q5Jg==")));
    assert!(digests(&ask("PUT /demo/a?X-Amz-Checksum-Crc32=y%2FQ5Jg%3D%3D")));
    assert_eq!(put.header("x-amz-checksum-crc32", "y").error().reason(), "s3_invalid_digest");
    // This one is of the object that the parts make up.
    let complete = ask("POST /demo/a?uploadId=1").header("x-amz-checksum-crc32", "y/Q5Jg==");
    assert!(!digests(&complete));
    let tags = "<Tagging><TagSet/></Tagging>";
    let tags = ask("PUT /demo/a?tagging").body(tags).header("x-amz-checksum-crc32", "y/Q5Jg==");
    assert_eq!(tags.error().reason(), "s3_bad_digest");
}

#[test]
fn the_request_goes_upstream_path_style_and_encoded_anew() {
    for (request, target) in [
        (ask("GET /"), "/"),
        (ask("GET /demo/"), "/demo"),
        (ask("GET /").host("my.demo"), "/my.demo"),
        (ask("GET /a+b/%2e%61%2Fc").host("demo"), "/demo/a%2Bb/.a/c"),
        (
            ask("GET /demo/%C3%A9!'()*~-_.;=@:$,&"),
            "/demo/%C3%A9%21%27%28%29%2A~-_.%3B%3D%40%3A%24%2C%26",
        ),
        (ask("GET /demo/é"), "/demo/%C3%A9"),
        (ask("GET /demo/100%25"), "/demo/100%25"),
        (ask("GET /demo/%252e%252e/a"), "/demo/%252e%252e/a"),
        (ask("GET /demo/folder/"), "/demo/folder/"),
        (ask("GET /demo?%61cl="), "/demo?acl"),
        (ask("GET /demo?acl=x&&x-id=GetBucketAcl"), "/demo?acl"),
        (
            ask("GET /demo?prefix=a+b%2Bc/&delimiter=%2F&list-type=2"),
            "/demo?prefix=a%20b%2Bc%2F&delimiter=%2F&list-type=2",
        ),
        (ask("GET /demo?prefix"), "/demo?prefix"),
        (ask("GET /demo?prefix="), "/demo?prefix="),
        (
            ask(
                "GET /demo/a?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=c&X-Amz-Date=d&X-Amz-Expires=1&X-Amz-SignedHeaders=host&X-Amz-Signature=s&X-Amz-Security-Token=t&x-amz-checksum-mode=ENABLED&versionId=v",
            ),
            "/demo/a?versionId=v",
        ),
        (ask("POST /WriteGetObjectResponse"), "/WriteGetObjectResponse"),
    ] {
        assert_eq!(request.operation().forward.target.as_str(), target, "{request:?}");
    }
}

#[test]
fn headers_go_upstream_by_an_allow_list() {
    let forward = ask("PUT /demo/a?X-Amz-Meta-Url=u&x-amz-sdk-checksum-algorithm=CRC32")
        .headers(&[
            ("authorization", "AWS4-HMAC-SHA256 x"),
            ("cookie", "a=b"),
            ("expect", "100-continue"),
            ("date", "d"),
            ("origin", "https://a.example"),
            ("access-control-request-method", "PUT"),
            ("x-custom", "1"),
            ("x-amzn-trace-id", "t"),
            ("amz-sdk-request", "attempt=1"),
            ("x-amz-date", "d"),
            ("x-amz-security-token", "t"),
            ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
            ("x-amz-user-agent", "sdk"),
            ("x-amz-metadata-directive", "COPY"),
            ("x-amz-bypass-governance-retention", "true"),
            ("content-type", "text/plain"),
            ("content-length", "3"),
            ("content-encoding", "gzip"),
            ("user-agent", "me"),
            ("referer", "r"),
            ("x-amz-meta-a", "b"),
            ("x-amz-checksum-crc32", "AAAAAA=="),
            ("x-amz-server-side-encryption", "AES256"),
            ("x-amz-expected-bucket-owner", "000000000000"),
            ("x-amz-tagging", "b=+%2b&a"),
        ])
        .operation()
        .forward;
    let mut kept: Vec<_> =
        forward.headers.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect();
    kept.sort();
    assert_eq!(
        kept,
        [
            "content-encoding: gzip",
            "content-length: 3",
            "content-type: text/plain",
            "referer: r",
            "user-agent: me",
            "x-amz-checksum-crc32: AAAAAA==",
            "x-amz-expected-bucket-owner: 000000000000",
            "x-amz-meta-a: b",
            "x-amz-meta-url: u",
            "x-amz-sdk-checksum-algorithm: CRC32",
            "x-amz-server-side-encryption: AES256",
            "x-amz-tagging: b=%20%2B&a=",
        ]
    );
}

#[test]
fn a_copy_goes_upstream_with_the_source_that_was_authorized() {
    let copy = ask("PUT /demo/a").header("x-amz-copy-source", "/other/b+%20%2Fc?versionId=v%2F1");
    let headers = copy.operation().forward.headers;
    assert_eq!(headers["x-amz-copy-source"], "other/b%2B%20/c?versionId=v%2F1");
    let both = ask("PUT /demo/a?x-amz-copy-source=other/c").header("x-amz-copy-source", "other/b");
    assert_eq!(both.error().reason(), "s3_invalid_argument");
    let hoisted = ask("PUT /demo/a?x-amz-copy-source=other/c");
    assert_eq!(hoisted.parsed().unwrap().name(), "CopyObject");
    assert_eq!(hoisted.asked(), ["PutObject demo/a", "GetObject other/c"]);
    let word = copy.header("x-amz-tagging-directive", "copy");
    assert_eq!(word.error(), S3Error::InvalidArgument("Unknown tagging directive."));
}

#[test]
fn who_may_not_list_is_not_told_what_is_missing() {
    let reveals = |request: Ask| request.operation().reveals.as_ref().map(shown);
    let list = |bucket: &str| Some(format!("ListBucket {bucket}"));
    assert_eq!(reveals(ask("GET /demo/a")), list("demo"));
    assert_eq!(reveals(ask("HEAD /demo/a")), list("demo"));
    assert_eq!(reveals(ask("GET /demo/a?acl")), list("demo"));
    assert_eq!(reveals(ask("DELETE /demo/a")), list("demo"));
    let copy = ("x-amz-copy-source", "other/b");
    assert_eq!(reveals(ask("PUT /demo/a").headers(&[copy])), list("other"));
    assert_eq!(reveals(ask("PUT /demo/a").header("if-match", "e")), list("demo"));
    assert_eq!(reveals(ask("PUT /demo/a")), None);
    assert_eq!(reveals(ask("GET /demo")), None);
    assert_eq!(reveals(ask("GET /demo/a?uploadId=u")), None);
}

#[test]
fn nobody_chooses_the_headers_of_an_answer() {
    let mut request = ask("GET /demo/a?response-content-type=text/html");
    request.operation();
    request.facts.anonymous = true;
    assert_eq!(request.error().code(), "InvalidRequest");
}

#[test]
fn bodies_are_read_only_where_they_are_asked_about() {
    let limit = |line: &str| ask(line).parsed().unwrap().body_limit();
    assert_eq!(limit("PUT /demo/a"), None);
    assert_eq!(limit("PUT /demo?acl"), None);
    assert_eq!(limit("PUT /demo?policy"), Some(MAX_POLICY));
    assert_eq!(limit("POST /demo?delete"), Some(MAX_DELETE));
    for line in ["PUT /demo", "PUT /demo?tagging", "PUT /demo/a?retention", "POST /demo/a?restore"]
    {
        assert_eq!(limit(line), Some(MAX_BODY), "{line}");
    }
    let unread = ask("PUT /demo/a?tagging").parsed().unwrap().describe(
        HeaderMap::new(),
        Body::Streamed(crate::services::Proof::NONE),
        &ask("GET /").facts,
    );
    assert_eq!(unread.unwrap_err(), S3Error::MissingRequestBody);
}

#[test]
fn without_a_partition_nothing_is_described() {
    let mut request = ask("GET /demo/a");
    request.facts.partition = "";
    assert_eq!(request.error(), S3Error::InvalidUri);
}

mod laws;
mod operations;
