//! Checksums of known bodies.

use super::*;

fn verified(headers: &[(&'static str, &str)]) -> Result<(), S3Error> {
    let headers = headers
        .iter()
        .map(|(name, value)| (::http::HeaderName::from_static(name), value.parse().unwrap()));
    let body = Body::whole(bytes::Bytes::from_static(b"123456789"));
    prove(&headers.collect(), body, true).map(drop)
}

/// Check values of the CRC catalogue, and digests by other programs.
const RIGHT: [(&str, &str); 8] = [
    ("content-md5", "JfnnlDI7RTiF9RgfG2JNCw=="),
    ("x-amz-checksum-md5", "JfnnlDI7RTiF9RgfG2JNCw=="),
    ("x-amz-checksum-crc32", "y/Q5Jg=="),
    ("x-amz-checksum-crc32c", "4waSgw=="),
    ("x-amz-checksum-crc64nvme", "rosUhgp5mIg="),
    ("x-amz-checksum-sha1", "98O8HYCOBHMq32eZZczDTKeuNEE="),
    ("x-amz-checksum-sha256", "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="),
    (
        "x-amz-checksum-sha512",
        "2eZ2LdHI6vbWGzxhkvxAjU1tXxF20MKRabwk5xw/J0rSf81YEbMT1oH35V7ALXPUmclUVba1u1A6z1dPuo/+hQ==",
    ),
];

#[test]
fn what_is_stated_must_be_so() {
    for (name, value) in RIGHT {
        assert_eq!(verified(&[(name, value)]), Ok(()), "{name}");
        let error = verified(&[(name, "AAAA")]).unwrap_err();
        assert_eq!(error.code(), "InvalidDigest", "{name}");
        let wrong = STANDARD.encode(vec![7; STANDARD.decode(value).unwrap().len()]);
        assert_eq!(verified(&[(name, &wrong)]).unwrap_err().code(), "BadDigest", "{name}");
        assert_eq!(verified(&[(name, "?")]).unwrap_err().code(), "InvalidDigest", "{name}");
    }
}

#[test]
fn one_of_a_kind_must_be_stated() {
    let [md5, _, crc32, crc32c, ..] = RIGHT;
    assert_eq!(verified(&[]).unwrap_err().code(), "InvalidRequest");
    let algorithm = ("x-amz-checksum-algorithm", "CRC32");
    assert_eq!(verified(&[algorithm]).unwrap_err().code(), "InvalidRequest");
    assert_eq!(verified(&[md5, crc32, algorithm]), Ok(()));
    assert_eq!(verified(&[crc32, crc32c]).unwrap_err().code(), "InvalidRequest");
    assert_eq!(
        verified(&[("content-md5", "AAAAAAAAAAAAAAAAAAAAAA=="), crc32]).unwrap_err().code(),
        "BadDigest"
    );
    let unknown = verified(&[("x-amz-checksum-xxhash64", "AAAA")]).unwrap_err();
    assert_eq!(unknown, S3Error::UnknownHeader("x-amz-checksum-xxhash64".into()));
}
