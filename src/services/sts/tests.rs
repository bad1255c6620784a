use proptest::prelude::*;

use super::*;

const ASSUME: &str = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15\
    &RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2FR&RoleSessionName=me%40x&WebIdentityToken=token";

#[test]
fn operations_are_read() {
    let expected = AssumeRoleWithWebIdentity {
        role_arn: "arn:aws:iam::123456789012:role/R".to_owned(),
        session_name: "me@x".to_owned(),
        token: "token".to_owned(),
        policy: None,
        seconds: 3600,
    };
    let read = StsRequest::parse(ASSUME);
    assert_eq!(read, Ok(StsRequest::AssumeRoleWithWebIdentity(expected.clone())));
    assert!(!format!("{read:?}").contains("token"));
    let more = format!("{ASSUME}&DurationSeconds=900&Policy=%7B%7D");
    let more = StsRequest::parse(&more);
    let expected =
        AssumeRoleWithWebIdentity { policy: Some("{}".to_owned()), seconds: 900, ..expected };
    assert_eq!(more, Ok(StsRequest::AssumeRoleWithWebIdentity(expected)));
    let who = "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Signature=x";
    assert_eq!(StsRequest::parse(who), Ok(StsRequest::GetCallerIdentity));
}

#[test]
fn parameters_have_the_models_bounds() {
    let with = |name: &str, value: &str| {
        let kept = ASSUME.split('&').filter(|pair| !pair.starts_with(&format!("{name}=")));
        let mut kept: Vec<&str> = kept.collect();
        let pair = format!("{name}={value}");
        kept.push(&pair);
        StsRequest::parse(&kept.join("&"))
    };
    for (name, value, message) in [
        (
            "RoleArn",
            "short",
            "Value 'short' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20",
        ),
        ("RoleSessionName", "a", "greater than or equal to 2"),
        (
            "RoleSessionName",
            "a%2Fb",
            r"Value 'a/b' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*",
        ),
        ("RoleSessionName", "%C3%A9%C3%A9", "regular expression"),
        ("WebIdentityToken", "abc", "Value at 'webIdentityToken' failed"),
        ("Policy", "", "Value '' at 'policy' failed"),
        (
            "DurationSeconds",
            "899",
            "Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900",
        ),
        ("DurationSeconds", "43201", "less than or equal to 43200"),
        ("DurationSeconds", "-1", "be an integer"),
        ("DurationSeconds", "1e3", "be an integer"),
        ("PolicyArns.member.1.arn", "arn", "PolicyArns are not served"),
        ("ProviderId", "www.amazon.com", "ProviderId is for OAuth 2.0"),
        ("SourceIdentity", "x", "The parameter SourceIdentity is not served here."),
    ] {
        let fault = with(name, value).unwrap_err();
        assert_eq!(fault.code, "ValidationError", "{name}");
        assert!(fault.message.contains(message), "{fault}");
    }
    let none = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15";
    let fault = StsRequest::parse(none).unwrap_err();
    assert!(fault.message.starts_with("3 validation errors detected: Value null"), "{fault}");
    for fits in ["900", "43200"] {
        assert!(with("DurationSeconds", fits).is_ok());
    }
}

#[test]
fn what_is_not_served_is_refused_by_name() {
    for (text, code) in [
        ("", "MissingAction"),
        ("Version=2011-06-15", "MissingAction"),
        ("Action=GetCallerIdentity", "InvalidAction"),
        ("Action=GetCallerIdentity&Version=2010-05-08", "InvalidAction"),
        ("Action=Nothing&Version=2011-06-15", "InvalidAction"),
        ("Action=getcalleridentity&Version=2011-06-15", "InvalidAction"),
        ("Action=AssumeRole&Version=2011-06-15", "NotImplemented"),
        ("Action=GetSessionToken&Version=2011-06-15", "NotImplemented"),
        ("Action=GetCallerIdentity&Action=AssumeRole&Version=2011-06-15", "MalformedQueryString"),
        ("Action=%zz", "MalformedQueryString"),
    ] {
        assert_eq!(StsRequest::parse(text).unwrap_err().code, code, "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,80}") {
        let _ = StsRequest::parse(&text);
        let _ = StsRequest::parse(&format!("{ASSUME}&{text}"));
    }
}
