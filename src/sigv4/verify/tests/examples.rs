//! The examples that AWS publishes.

use crate::sigv4::testing::*;
use crate::sigv4::{ChunkForm, Form, Kind, Payload, SigV4Error, Signed};

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// S3 API Reference, "Signature Calculations for the Authorization Header" and "Authenticating
/// Requests: Using Query Parameters"; the last of the first five is the seed of the chunked upload.
fn of_s3() -> [Sent; 6] {
    let signed = |sent: Sent, hash: &str, names: &str, signature: &str| {
        let credential = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request";
        sent.with("x-amz-content-sha256", hash).with("x-amz-date", "20130524T000000Z").with(
            "authorization",
            &format!(
                "AWS4-HMAC-SHA256 Credential={credential},SignedHeaders={names},\
                 Signature={signature}"
            ),
        )
    };
    let host = "examplebucket.s3.amazonaws.com";
    let put = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    [
        signed(
            get("/test.txt").with("range", "bytes=0-9"),
            EMPTY,
            "host;range;x-amz-content-sha256;x-amz-date",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        signed(
            Sent::new("PUT", "/test$file.text")
                .with("host", host)
                .with("date", "Fri, 24 May 2013 00:00:00 GMT")
                .with("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            put,
            "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        signed(
            get("/?lifecycle"),
            EMPTY,
            "host;x-amz-content-sha256;x-amz-date",
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        signed(
            get("/?max-keys=2&prefix=J"),
            EMPTY,
            "host;x-amz-content-sha256;x-amz-date",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
        signed(
            Sent::new("PUT", "/examplebucket/chunkObject.txt")
                .with("host", "s3.amazonaws.com")
                .with("x-amz-storage-class", "REDUCED_REDUNDANCY")
                .with("content-encoding", "aws-chunked")
                .with("x-amz-decoded-content-length", "66560")
                .with("content-length", "66824"),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;\
             x-amz-decoded-content-length;x-amz-storage-class",
            "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        ),
        get("/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&\
             X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&\
             X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&\
             X-Amz-Signature=\
             aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"),
    ]
}

#[test]
fn the_examples_of_s3_hold() {
    for sent in of_s3() {
        assert_eq!(sent.verify(SECRET, Form::S3, b""), Ok(()), "{}", sent.target);
        assert_eq!(sent.check_time(NOW), Ok(()), "{}", sent.target);
        let other = sent.verify("wJalrXUtnFEMI", Form::S3, b"");
        assert_eq!(other, Err(SigV4Error::Mismatch), "with another secret: {}", sent.target);
    }
}

#[test]
fn the_examples_of_s3_claim_what_they_say() {
    let [header, .., chunked, presigned] = of_s3();
    let signed = Signed::parse(header.head()).unwrap().unwrap();
    assert_eq!(signed.access_key_id(), ACCESS_KEY_ID);
    assert_eq!(signed.session_token(), None);
    assert_eq!(signed.scope().to_string(), "20130524/us-east-1/s3/aws4_request");
    assert_eq!((signed.scope().date(), signed.scope().region()), ("20130524", "us-east-1"));
    assert_eq!((signed.scope().service(), signed.kind()), ("s3", Kind::Header));
    assert_eq!(signed.time(), NOW);
    assert_eq!(signed.payload(), Payload::Sha256(crate::sigv4::sha256(b"")));

    let signed = Signed::parse(chunked.head()).unwrap().unwrap();
    assert_eq!(signed.payload(), Payload::Chunked(ChunkForm { signed: true, trailer: false }));

    let signed = Signed::parse(presigned.head()).unwrap().unwrap();
    assert_eq!(signed.access_key_id(), ACCESS_KEY_ID);
    let expires = std::time::Duration::from_secs(86_400);
    assert_eq!(signed.kind(), Kind::Presigned { expires });
    assert_eq!((signed.time(), signed.payload()), (NOW, Payload::Unstated));
}

/// The cases of AWS's Signature Version 4 test suite, of `us-east-1` and `service`.
#[test]
fn the_test_suite_holds() {
    let plain = "host;x-amz-date";
    let none: &[(&str, &str)] = &[];
    for (name, method, target, headers, body, names, signature) in [
        (
            "get-vanilla",
            "GET",
            "/",
            none,
            "",
            plain,
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            "get-vanilla-empty-query-key",
            "GET",
            "/?Param1=value1",
            none,
            "",
            plain,
            "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
        ),
        (
            "get-vanilla-query-order-key-case",
            "GET",
            "/?Param2=value2&Param1=value1",
            none,
            "",
            plain,
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "get-vanilla-query-order-value",
            "GET",
            "/?Param1=value2&Param1=value1",
            none,
            "",
            plain,
            "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694",
        ),
        (
            "get-vanilla-query-unreserved",
            "GET",
            "/?-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=\
             -._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            none,
            "",
            plain,
            "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
        ),
        (
            "get-vanilla-utf8-query",
            "GET",
            "/?ሴ=bar",
            none,
            "",
            plain,
            "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
        ),
        (
            "get-utf8",
            "GET",
            "/ሴ",
            none,
            "",
            plain,
            "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
        ),
        (
            "get-unreserved",
            "GET",
            "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            none,
            "",
            plain,
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        ),
        (
            "get-space",
            "GET",
            "/example space/",
            none,
            "",
            plain,
            "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
        ),
        (
            "get-header-key-duplicate",
            "GET",
            "/",
            &[("My-Header1", "value2"), ("My-Header1", "value2"), ("My-Header1", "value1")],
            "",
            "host;my-header1;x-amz-date",
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ),
        (
            "get-header-value-trim",
            "GET",
            "/",
            &[("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")],
            "",
            "host;my-header1;my-header2;x-amz-date",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        (
            "post-vanilla",
            "POST",
            "/",
            none,
            "",
            plain,
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            "post-header-key-sort",
            "POST",
            "/",
            &[("My-Header1", "value1")],
            "",
            "host;my-header1;x-amz-date",
            "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
        ),
        (
            "post-x-www-form-urlencoded",
            "POST",
            "/",
            &[("Content-Type", "application/x-www-form-urlencoded")],
            "Param1=value1",
            "content-type;host;x-amz-date",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ] {
        let mut sent = Sent::new(method, target)
            .with("host", "example.amazonaws.com")
            .with("x-amz-date", "20150830T123600Z");
        for (name, value) in headers {
            sent = sent.with(name, value);
        }
        let sent = sent.with(
            "authorization",
            &format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                 SignedHeaders={names}, Signature={signature}"
            ),
        );
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        assert_eq!(sent.verify(secret, Form::Other, body.as_bytes()), Ok(()), "{name}");
        let other = sent.verify(secret, Form::Other, b"another body");
        assert_eq!(other, Err(SigV4Error::Mismatch), "{name} with another body");
    }
}
