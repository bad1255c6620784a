//! Buckets, keys and prefixes: what is read as what, and what is refused.

use super::*;

fn read(path: &str) -> Result<(String, String), S3Error> {
    Address::read(path, None).map(|address| match address {
        Address::Object(bucket, key) => (bucket.as_str().to_owned(), key.as_str().to_owned()),
        other => panic!("{other:?}"),
    })
}

#[test]
fn keys_are_decoded_once() {
    for (raw, key) in [
        ("a", "a"),
        ("a/b", "a/b"),
        ("a%2Fb", "a/b"),
        ("a%2fb/", "a/b/"),
        ("a+b", "a+b"),
        ("a%2Bb", "a+b"),
        ("a%20b c", "a b c"),
        ("%61", "a"),
        ("%2561", "%61"),
        ("%252e%252e/b", "%2e%2e/b"),
        ("...", "..."),
        (".a/..b/c..", ".a/..b/c.."),
        ("%2Ea", ".a"),
        ("*?", "*?"),
        ("%3F%2A$;", "?*$;"),
        ("%E2%82%AC", "€"),
        ("€", "€"),
        ("a:b", "a:b"),
        ("demo/demo", "demo/demo"),
    ] {
        assert_eq!(read(&format!("/demo/{raw}")), Ok(("demo".to_owned(), key.to_owned())), "{raw}");
    }
}

#[test]
fn keys_that_others_could_read_differently_are_refused() {
    for raw in [
        "/",
        "/a",
        "a//b",
        "a/%2Fb",
        "%2F",
        "%2Fa",
        "a//",
        ".",
        "..",
        "./a",
        "a/.",
        "a/..",
        "../a",
        "a/../b",
        "a/./b",
        "%2e%2e/a",
        "%2E/a",
        ".%2e/a",
        "a%2F..%2Fb",
        "a/..%2fb",
        "a\\b",
        "a%5Cb",
        "%00",
        "a%00",
        "a%0Ab",
        "%1f",
        "%7F",
        "%C2%85",
        "%ff",
        "%C3",
        "%C0%AE",
        "%",
        "%1",
        "%g1",
        "a%2",
    ] {
        assert_eq!(read(&format!("/demo/{raw}")), Err(S3Error::InvalidUri), "{raw}");
    }
}

#[test]
fn a_key_has_1024_bytes_at_most() {
    let longest = "é".repeat(512);
    assert!(Key::new(&longest).is_ok());
    assert_eq!(Key::new(&format!("{longest}a")), Err(S3Error::KeyTooLong));
    assert_eq!(read(&format!("/demo/{}", "%61".repeat(1024))).unwrap().1.len(), 1024);
}

#[test]
fn buckets_keep_s3s_rules() {
    for name in ["abc", "my-demo.bucket", "0-0", "1.2.3", "a.b", &"a".repeat(63)] {
        assert!(Bucket::new(name).is_ok(), "{name}");
    }
    for name in [
        "",
        "ab",
        "Abc",
        "a_b",
        "-abc",
        "abc-",
        ".abc",
        "abc.",
        "a..b",
        "a b",
        "a/b",
        "a%62",
        "äbc",
        "192.168.5.4",
        "a\0b",
        &"a".repeat(64),
    ] {
        assert_eq!(Bucket::new(name), Err(S3Error::InvalidBucketName), "{name}");
    }
    for name in ["demo--use1-az4--x-s3", "point-abc123-s3alias", "lambda--ol-s3"] {
        assert!(matches!(Bucket::new(name), Err(S3Error::NotServed(_))), "{name}");
    }
}

#[test]
fn the_host_or_the_path_names_the_bucket() {
    let demo = || Bucket::new("demo").unwrap();
    let key = |key: &str| Key::new(key).unwrap();
    let read = |path, host| Address::read(path, host).unwrap();
    assert_eq!(read("/", None), Address::Service);
    assert_eq!(read("/demo", None), Address::Bucket(demo()));
    assert_eq!(read("/demo/", None), Address::Bucket(demo()));
    assert_eq!(read("/%64emo/a", None), Address::Object(demo(), key("a")));
    assert_eq!(read("/", Some("demo")), Address::Bucket(demo()));
    assert_eq!(read("/demo/a", Some("demo")), Address::Object(demo(), key("demo/a")));
    assert_eq!(Address::read("", None), Err(S3Error::InvalidUri));
    assert_eq!(Address::read("/a", Some("No")), Err(S3Error::InvalidBucketName));
    // The host's bucket isn't decoded.
    assert_eq!(Address::read("/a", Some("%64emo")), Err(S3Error::InvalidBucketName));
}

#[test]
fn prefixes_end_anywhere_and_lead_nowhere_else() {
    for prefix in ["", "a", "a/", "a/b", ".", ".a", "a/.", "...", "..a", "a/..a", "a/.b/"] {
        assert_eq!(check_prefix(prefix), Ok(()), "{prefix}");
    }
    for prefix in
        ["/", "/a", "//", "a//", "..", "../", "a/..", "a/../b", "./a", "a/./", "a\\", "\n"]
    {
        assert_eq!(check_prefix(prefix), Err(S3Error::InvalidUri), "{prefix}");
    }
}
