use super::*;
use crate::sigv4::testing::SECRET;

const CREDENTIAL: &str = "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request";

/// S3 API Reference, "Examples: Browser-Based Upload using HTTP POST (Using AWS Signature Version 4)".
const POLICY: &str = "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9";

fn good(name: &str) -> Option<&'static str> {
    Some(match name {
        "policy" => POLICY,
        "x-amz-algorithm" => "AWS4-HMAC-SHA256",
        "x-amz-credential" => CREDENTIAL,
        "x-amz-date" => "20151229T000000Z",
        "x-amz-signature" => "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e",
        _ => return None,
    })
}

fn verified(value: impl Fn(&str) -> Option<&'static str>) -> Result<(), SigV4Error> {
    let signed = SignedForm::parse(value)?.expect("it is signed");
    let key = SigningKey::derive(SECRET.as_bytes(), signed.scope());
    signed.verify(&Arc::new((signed.scope().clone(), key)))
}

#[test]
fn the_example_of_s3_holds() {
    assert_eq!(verified(good), Ok(()));
    let signed = SignedForm::parse(good).unwrap().unwrap();
    assert_eq!(signed.access_key_id(), "AKIAIOSFODNN7EXAMPLE");
    assert_eq!(
        (signed.scope().to_string().as_str(), signed.session_token()),
        ("20151229/us-east-1/s3/aws4_request", None)
    );
    let day = Time::from_secs(1_451_347_200);
    assert_eq!(signed.time(), day);
    assert_eq!(signed.check_time(day), Ok(()));
    assert_eq!(signed.check_time(day.plus_secs(-901)), Err(SigV4Error::PresignedNotYet));
}

#[test]
fn a_form_is_signed_or_not_and_nothing_between() {
    assert!(SignedForm::parse(|_| None).unwrap().is_none());
    for (missing, why) in FIELDS {
        let found = verified(|name| good(name).filter(|_| name != missing));
        assert_eq!(found, Err(SigV4Error::MalformedForm(why)));
        let alone = SignedForm::parse(|name| good(name).filter(|_| name == missing));
        assert!(alone.is_err(), "{missing}");
    }
    let with = |name: &'static str, value: &'static str| {
        verified(move |asked| if asked == name { Some(value) } else { good(asked) })
    };
    for (name, value, expected) in [
        ("x-amz-algorithm", "AWS4-ECDSA-P256-SHA256", SigV4Error::UnsupportedAlgorithm),
        ("awsaccesskeyid", "AKIAIOSFODNN7EXAMPLE", SigV4Error::UnsupportedAlgorithm),
        ("signature", "c2lnbmF0dXJl", SigV4Error::UnsupportedAlgorithm),
        ("policy", "eyAi", SigV4Error::Mismatch),
        (
            "x-amz-credential",
            "AKIAIOSFODNN7EXAMPLE/20151230/us-east-1/s3/aws4_request",
            SigV4Error::Mismatch,
        ),
        ("x-amz-credential", "a/b", SigV4Error::MalformedForm("x-amz-credential can't be read")),
        ("x-amz-date", "today", SigV4Error::MalformedForm("x-amz-date can't be read")),
        ("x-amz-signature", "00", SigV4Error::MalformedForm("x-amz-signature can't be read")),
    ] {
        assert_eq!(with(name, value), Err(expected), "{name}: {value}");
    }
    let other =
        |name: &str| if name == "x-amz-date" { Some("20151230T000000Z") } else { good(name) };
    let signed = SignedForm::parse(other).unwrap().unwrap();
    assert_eq!(signed.check_time(signed.time()), Err(SigV4Error::ScopeDate));
}
