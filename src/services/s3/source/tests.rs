//! What a copy reads.

use super::*;

#[test]
fn the_version_is_split_off_before_decoding() {
    for (value, path, version, encoded) in [
        ("other/b", "other/b", None, "other/b"),
        ("/other/b", "other/b", None, "other/b"),
        ("other%2Fb", "other/b", None, "other/b"),
        ("other/b%20c", "other/b c", None, "other/b%20c"),
        ("other/b+c", "other/b+c", None, "other/b%2Bc"),
        ("other/b%3FversionId=x", "other/b?versionId=x", None, "other/b%3FversionId%3Dx"),
        ("other/b?versionId=x", "other/b", Some("x"), "other/b?versionId=x"),
        // An id may have any visible character; it is encoded.
        ("other/b?versionId=x&acl", "other/b", Some("x&acl"), "other/b?versionId=x%26acl"),
        ("other/b?versionId=%78", "other/b", Some("x"), "other/b?versionId=x"),
        ("other/%2525?versionId=null", "other/%25", Some("null"), "other/%2525?versionId=null"),
        ("other/b/", "other/b/", None, "other/b/"),
    ] {
        let source = Source::read(value).unwrap();
        assert_eq!(source.path(), path, "{value}");
        assert_eq!(source.version_id.as_deref(), version, "{value}");
        assert_eq!(source.encoded(), encoded, "{value}");
        assert_eq!(Source::read(&source.encoded()), Ok(source), "{value}");
    }
}

#[test]
fn other_sources_are_refused() {
    for (value, code) in [
        ("", "InvalidArgument"),
        ("other", "InvalidArgument"),
        ("other/", "InvalidArgument"),
        ("/other", "InvalidArgument"),
        ("other/b?", "InvalidArgument"),
        ("other/b?versionId", "InvalidArgument"),
        ("other/b?versionId=", "InvalidArgument"),
        ("other/b?versionid=x", "InvalidArgument"),
        ("other/b?acl&versionId=x", "InvalidArgument"),
        ("other/b?versionId=a%20b", "InvalidArgument"),
        ("//other/b", "InvalidBucketName"),
        ("%2Fother/b", "InvalidBucketName"),
        ("Other/b", "InvalidBucketName"),
        ("other//b", "InvalidURI"),
        ("other/../b", "InvalidURI"),
        ("other/%2e%2e/b", "InvalidURI"),
        ("other/%zz", "InvalidURI"),
        ("other/%ff", "InvalidURI"),
        ("arn:aws:s3:us-east-1:000000000000:accesspoint/p/object/b", "NotImplemented"),
        ("arn%3Aaws:s3:us-east-1:000000000000:accesspoint/p/object/b", "NotImplemented"),
    ] {
        assert_eq!(Source::read(value).unwrap_err().code(), code, "{value}");
    }
}
