//! What is read of a signature, and every way in which one is refused.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::sigv4::testing::*;
use crate::sigv4::{Form, Scratch, SigningKey};

/// A good request, in the headers.
fn sent() -> Sent {
    Sdk { token: Some("token"), ..Sdk::s3() }.sign(&get("/a"))
}

/// A good request, in the query.
fn presigned() -> Sent {
    Sdk { token: Some("token"), ..Sdk::presigned(60) }.sign(&get("/a"))
}

fn error(sent: &Sent) -> SigV4Error {
    Signed::parse(sent.head()).expect_err(&format!("{sent:?}"))
}

/// Everything that a request goes through here.
fn all(sent: &Sent, form: Form) -> Result<(), SigV4Error> {
    sent.check_time(NOW)?;
    sent.verify(SECRET, form, b"")
}

#[test]
fn every_refusal_has_a_request_that_gets_it() {
    use SigV4Error as E;
    let (header, query) = (E::MalformedHeader, E::MalformedQuery);
    let late = |sdk: Sdk<'_>, seconds| Sdk { time: NOW.plus_secs(seconds), ..sdk }.sign(&get("/"));
    let unstated = sent().without("x-amz-content-sha256").resigned("x-amz-content-sha256;", "");
    for (refused, sent, reason) in [
        (
            header("it has no credential"),
            sent().set("authorization", "AWS4-HMAC-SHA256"),
            "signature_malformed",
        ),
        (
            query("X-Amz-Credential is missing"),
            presigned().retarget("X-Amz-Credential=", "x="),
            "presigned_malformed",
        ),
        (
            E::UnsupportedAlgorithm,
            sent().resigned("HMAC-SHA256", "ECDSA-P256-SHA256"),
            "signature_algorithm",
        ),
        (E::MissingDate, sent().without("x-amz-date"), "signature_date_missing"),
        (E::ScopeDate, sent().resigned("/20130524/", "/20130523/"), "signature_scope_date"),
        (E::TimeSkewed, late(Sdk::s3(), 901), "request_time_skewed"),
        (E::PresignedNotYet, late(Sdk::presigned(60), 901), "presigned_not_yet"),
        (E::PresignedExpired, late(Sdk::presigned(60), -61), "presigned_expired"),
        (
            E::ExpiresOutOfRange,
            presigned().retarget("X-Amz-Expires=60", "X-Amz-Expires=0"),
            "presigned_expires",
        ),
        (E::HeadersNotSigned, sent().with("x-amz-acl", "private"), "headers_not_signed"),
        (E::SignedHeaderMissing, sent().without("host"), "signed_header_missing"),
        (E::MissingContentSha256, unstated, "content_sha256_missing"),
        (E::ContentSha256, sent().set("x-amz-content-sha256", "x"), "content_sha256_malformed"),
        (E::Mismatch, sent().to("/b"), "signature_mismatch"),
    ] {
        assert_eq!(all(&sent, Form::S3), Err(refused), "{sent:?}");
        assert_eq!(refused.reason(), reason);
    }
    // The gate's own, of what is said of the body.
    assert_eq!(E::ContentSha256Mismatch.reason(), "body_digest_mismatch");
    assert_eq!(E::StreamingPayload.reason(), "streaming_payload");
}

#[test]
fn what_has_no_signature_is_none() {
    for sent in [
        get("/"),
        get("/?a=b"),
        get("/").with("authorization", "Bearer AWS4-HMAC-SHA256"),
        get("/").with("authorization", "Basic YTpi"),
        get("/").with("authorization", ""),
        get("/").with("authorization", "AWS AKIAIOSFODNN7EXAMPLE:frJIUN8DYpKDtOLCwo//yllqDzg="),
        get("/").with("x-amz-security-token", "t").with("x-amz-date", "20130524T000000Z"),
        get("/?X-Amz-Date=20130524T000000Z"),
    ] {
        assert!(Signed::parse(sent.head()).unwrap().is_none(), "{sent:?}");
    }
}

#[test]
fn two_signatures_are_refused() {
    let query = presigned().target;
    let both = sent().to(&query);
    assert_eq!(error(&both), SigV4Error::SignedTwice);
    for part in
        ["X-Amz-Signature=0", "x-amz-algorithm=a", "X-%41mz-Credential=", "X-Amz-Security-Token"]
    {
        let both = sent().to(&format!("/a?{part}"));
        assert_eq!(error(&both), SigV4Error::SignedTwice);
    }
    let again = sent().authorization().to_owned();
    for second in [again.as_str(), "Bearer token", ""] {
        let found = error(&sent().with("authorization", second));
        assert_eq!(found, SigV4Error::MalformedHeader("it was sent twice"));
    }
    let token = presigned().with("x-amz-security-token", "token");
    let found = SigV4Error::MalformedQuery("there is a session token in a header as well");
    assert_eq!(error(&token), found);
}

#[test]
fn an_authorization_may_be_spaced_and_ordered_as_one_likes() {
    let good = sent();
    let (_, rest) = good.authorization().split_once(' ').unwrap();
    let parts: Vec<&str> = rest.split(", ").collect();
    let [credential, names, signature] = parts[..] else { panic!("{parts:?}") };
    for text in [
        format!("AWS4-HMAC-SHA256 {credential},{names},{signature}"),
        format!("AWS4-HMAC-SHA256 {credential},  {names} , {signature} "),
        format!("AWS4-HMAC-SHA256   {signature},{credential},{names}"),
    ] {
        let sent = good.clone().set("authorization", &text);
        assert_eq!(all(&sent, Form::S3), Ok(()), "{text}");
    }
    for text in [
        "AWS4-HMAC-SHA256".to_owned(),
        "AWS4-HMAC-SHA256 ".to_owned(),
        format!("AWS4-HMAC-SHA256 {credential},{names}"),
        format!("AWS4-HMAC-SHA256 {names},{signature}"),
        format!("AWS4-HMAC-SHA256 {credential},{signature}"),
        format!("AWS4-HMAC-SHA256 {credential} {names} {signature}"),
        format!("AWS4-HMAC-SHA256 {credential},{names},{signature},"),
        format!("AWS4-HMAC-SHA256 {credential},{names},{signature},{signature}"),
        format!("AWS4-HMAC-SHA256 {credential},{credential},{names},{signature}"),
        format!("AWS4-HMAC-SHA256 {credential},{names},{signature},Extra=1"),
        format!("AWS4-HMAC-SHA256 {},{names},{signature}", credential.to_lowercase()),
        format!("AWS4-HMAC-SHA256 {credential},{names},Signature ={signature}"),
        format!("AWS4-HMAC-SHA256 {credential},{names},{signature}é"),
    ] {
        let found = error(&good.clone().set("authorization", &text));
        assert!(matches!(found, SigV4Error::MalformedHeader(_)), "{text}: {found:?}");
    }
    for scheme in
        ["aws4-hmac-sha256", "AWS4-HMAC-SHA512", "AWS4-ECDSA-P256-SHA256", "AWS4", "AWS4x"]
    {
        let text = format!("{scheme} {credential},{names},{signature}");
        let found = error(&good.clone().set("authorization", &text));
        assert_eq!(found, SigV4Error::UnsupportedAlgorithm, "{scheme}");
    }
}

#[test]
fn a_credential_is_a_key_and_a_scope() {
    let long = "A".repeat(129);
    let whole = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request";
    for credential in [
        "",
        "AKIAIOSFODNN7EXAMPLE",
        "20130524/us-east-1/s3/aws4_request",
        "/20130524/us-east-1/s3/aws4_request",
        "AKIA/X/20130524/us-east-1/s3/aws4_request",
        "AKIA X/20130524/us-east-1/s3/aws4_request",
        "AKIA:X/20130524/us-east-1/s3/aws4_request",
        "AKIA/2013524/us-east-1/s3/aws4_request",
        "AKIA/2013052x/us-east-1/s3/aws4_request",
        "AKIA/20130524//s3/aws4_request",
        "AKIA/20130524/us-east-1//aws4_request",
        "AKIA/20130524/US-EAST-1/s3/aws4_request",
        "AKIA/20130524/us-east-1/S3/aws4_request",
        "AKIA/20130524/us_east/s3/aws4_request",
        "AKIA/20130524/us-east-1/s3",
        "AKIA/20130524/us-east-1/s3/aws4_reques",
        "AKIA/20130524/us-east-1/s3/AWS4_REQUEST",
        "AKIA/20130524/us-east-1/s3/aws4_request/",
        "AKIA/20130524/us-east-1/s3/aws4_request/x",
        &format!("{long}/20130524/us-east-1/s3/aws4_request"),
        &format!("AKIA/20130524/{}/s3/aws4_request", "a".repeat(65)),
        &format!("AKIA/20130524/us-east-1/{}/aws4_request", "a".repeat(300)),
    ] {
        let found = error(&sent().resigned(whole, credential));
        assert!(matches!(found, SigV4Error::MalformedHeader(_)), "{credential}: {found:?}");
        let (whole, credential) = (whole.replace('/', "%2F"), credential.replace('/', "%2F"));
        let found = error(&presigned().retarget(&whole, &credential.replace(' ', "%20")));
        assert!(matches!(found, SigV4Error::MalformedQuery(_)), "{credential}: {found:?}");
    }
    let longest = format!("{}/20130524/{r}/{r}/aws4_request", "A".repeat(128), r = "a".repeat(64));
    let sent = sent().resigned(whole, &longest);
    let signed = Signed::parse(sent.head()).unwrap().unwrap();
    assert_eq!(signed.access_key_id().len(), 128);
    assert_eq!((signed.scope().region().len(), signed.scope().service().len()), (64, 64));
}

#[test]
fn signed_headers_are_lower_case_sorted_and_each_once() {
    let names = "host;x-amz-content-sha256;x-amz-date;x-amz-security-token";
    for bad in [
        "",
        ";",
        "host;",
        ";host",
        "host;;range",
        "Host",
        "host;host",
        "range;host",
        "host range",
        "host;\trange",
        "host,range",
        "host;ré",
        "host:range",
    ] {
        let found = error(&sent().resigned(names, bad));
        assert!(matches!(found, SigV4Error::MalformedHeader(_)), "{bad}: {found:?}");
        let escaped = format!("X-Amz-SignedHeaders={}", bad.replace(['\t', ' '], "%20"));
        let found = error(&presigned().retarget("X-Amz-SignedHeaders=host", &escaped));
        assert!(matches!(found, SigV4Error::MalformedQuery(_)), "{bad}: {found:?}");
    }
}

/// As SDKs presign that aren't told which version to use.
#[test]
fn a_query_of_version_2_is_refused_by_its_name() {
    let signed = "/a?AWSAccessKeyId=ASIA&Signature=c2ln&Expires=1000";
    let reversed = "/a?x-amz-security-token=t&Signature=c2ln&AWSAccessKeyId=ASIA";
    for target in [signed, &format!("{signed}&x-amz-security-token=t"), reversed] {
        let found = error(&get("/").to(target));
        assert_eq!(found, SigV4Error::UnsupportedAlgorithm, "{target}");
    }
}

#[test]
fn a_signature_is_64_lower_case_digits() {
    let good = sent();
    let (_, signature) = good.authorization().split_once("Signature=").unwrap();
    for bad in [
        String::new(),
        signature.to_uppercase(),
        signature.get(1..).unwrap().to_owned(),
        format!("{signature}0"),
        format!("0x{}", signature.get(2..).unwrap()),
        format!("g{}", signature.get(1..).unwrap()),
        format!("é{}", signature.get(2..).unwrap()),
        "0".repeat(128),
    ] {
        let found = error(&good.clone().resigned(signature, &bad));
        assert!(matches!(found, SigV4Error::MalformedHeader(_)), "{bad}: {found:?}");
        let target = presigned().target;
        let (rest, _) = target.split_once("X-Amz-Signature=").unwrap();
        let target = format!("{rest}X-Amz-Signature={bad}");
        let found = error(&get("/").to(&target));
        assert!(matches!(found, SigV4Error::MalformedQuery(_)), "{bad}: {found:?}");
    }
}

#[test]
fn a_presigned_query_has_each_parameter_once_and_by_its_name() {
    let good = presigned();
    assert_eq!(all(&good, Form::S3), Ok(()));
    for name in PARAMETERS {
        let named = format!("{name}=");
        let wrong = good.clone().retarget(&named, &format!("{}=", name.to_lowercase()));
        let found = SigV4Error::MalformedQuery("a parameter isn't written as it should be");
        assert_eq!(error(&wrong), found, "{name} in lower case");

        for twice in [format!("{named}1"), name.replace('A', "%41") + "=1", name.to_owned()] {
            let target = format!("{}&{twice}", good.target);
            let found = SigV4Error::MalformedQuery("a parameter was sent twice");
            assert_eq!(error(&good.clone().to(&target)), found, "{twice}");
        }
        let binary = good.clone().retarget(&named, &format!("{named}%FF"));
        assert!(matches!(error(&binary), SigV4Error::MalformedQuery(_)), "{name}");

        let without = good.clone().retarget(&named, "other=");
        match name {
            "X-Amz-Security-Token" => {
                assert_eq!(all(&without, Form::S3), Err(SigV4Error::Mismatch));
            }
            _ => assert!(matches!(error(&without), SigV4Error::MalformedQuery(_)), "{name}"),
        }
    }
    // Names may be escaped, since they are decoded before they are signed.
    let escaped = good.clone().retarget("X-Amz-Date", "X-Amz-%44ate");
    assert_eq!(all(&escaped, Form::S3), Ok(()));
    let algorithm = good.retarget("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256");
    assert_eq!(error(&algorithm), SigV4Error::UnsupportedAlgorithm);
}

fn chunked(signed: bool, trailer: bool) -> Result<Payload, SigV4Error> {
    Ok(Payload::Chunked(ChunkForm { signed, trailer }))
}

#[test]
fn a_payload_is_a_hash_unsigned_or_streamed() {
    let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    for (text, found) in [
        ("UNSIGNED-PAYLOAD", Ok(Payload::Unsigned)),
        (hash, Ok(Payload::Sha256(crate::sigv4::sha256(b"")))),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", chunked(true, false)),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", chunked(true, true)),
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", chunked(false, true)),
        ("STREAMING-UNSIGNED-PAYLOAD", Err(SigV4Error::StreamingPayload)),
        ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", Err(SigV4Error::StreamingPayload)),
        ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER", Err(SigV4Error::StreamingPayload)),
        ("unsigned-payload", Err(SigV4Error::ContentSha256)),
        ("", Err(SigV4Error::ContentSha256)),
        (hash.get(1..).unwrap(), Err(SigV4Error::ContentSha256)),
        (&hash.to_uppercase(), Err(SigV4Error::ContentSha256)),
        ("é", Err(SigV4Error::ContentSha256)),
    ] {
        let sent = sent().set("x-amz-content-sha256", text);
        let payload = Signed::parse(sent.head()).map(|signed| signed.unwrap().payload());
        assert_eq!(payload, found, "{text}");
    }
    let sent = Sdk::other().sign(&get("/"));
    assert_eq!(Signed::parse(sent.head()).unwrap().unwrap().payload(), Payload::Unstated);
}

/// `X-Amz-*` in a query are headers to S3, signed or not.
#[test]
fn a_payload_is_read_from_the_query_as_well_and_only_once() {
    let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let (none, mut header) = (HeaderMap::new(), HeaderMap::new());
    header.insert("x-amz-content-sha256", "UNSIGNED-PAYLOAD".parse().unwrap());
    let is_empty = Ok(Payload::Sha256(crate::sigv4::sha256(b"")));
    let twice = Err(SigV4Error::ContentSha256);
    for (query, found) in [
        (format!("a=b&X-Amz-Content-Sha256={hash}"), is_empty),
        (format!("x-amz-content-sha256={hash}&"), is_empty),
        (format!("X-Amz-Content%2DSHA256=%65{}", hash.strip_prefix('e').unwrap()), is_empty),
        ("x-amz-content-sha256=STREAMING-UNSIGNED-PAYLOAD-TRAILER".into(), chunked(false, true)),
        ("X-Amz-Content-Sha256".into(), twice),
        ("X-Amz-Content-Sha256=%ff".into(), twice),
        (format!("X-Amz-Content-Sha256={hash}&x-amz-content-sha256={hash}"), twice),
    ] {
        assert_eq!(Payload::of(&none, Some(&query)), found, "{query}");
        assert_eq!(Payload::of(&header, Some(&query)), twice, "{query}");
    }
    assert_eq!(Payload::of(&header, Some("a=b")), Ok(Payload::Unsigned));
}

/// Texts that look like a signature's.
fn pieces() -> impl Strategy<Value = String> {
    let known = select(vec![
        "AWS4-HMAC-SHA256",
        " ",
        ",",
        "=",
        "/",
        ";",
        "&",
        "%",
        "%2F",
        "%2",
        "+",
        "Credential=",
        "SignedHeaders=",
        "Signature=",
        "AKIA/20130524/us-east-1/s3/aws4_request",
        "host",
        "X-Amz-Algorithm=",
        "X-Amz-Credential=",
        "X-Amz-Date=",
        "X-Amz-Expires=",
        "X-Amz-SignedHeaders=",
        "X-Amz-Signature=",
        "X-Amz-Security-Token=",
        "20130524T000000Z",
        "AKIA%2F20130524%2Fus-east-1%2Fs3%2Faws4_request",
        "60",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    ]);
    let piece = prop_oneof![3 => known.prop_map_into(), 1 => "[ -~é\u{1F600}]{0,4}"];
    prop::collection::vec(piece, 0..16).prop_map(|pieces: Vec<String>| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn nothing_makes_it_panic(
        authorization in prop::option::of(prop_oneof![
            pieces().prop_map(String::into_bytes),
            pieces().prop_map(|text| format!("AWS4-HMAC-SHA256 {text}").into_bytes()),
            prop::collection::vec(any::<u8>(), 0..80),
        ]),
        query in prop::option::of(prop_oneof![pieces(), "\\PC{0,60}"]),
        path in "\\PC{0,30}",
        date in prop_oneof!["20130524T000000Z", "\\PC{0,20}"],
    ) {
        let mut sent = get(&path);
        if let Some(value) = authorization.and_then(|v| ::http::HeaderValue::from_bytes(&v).ok()) {
            sent.headers.insert("authorization", value);
        }
        if let Ok(value) = ::http::HeaderValue::from_bytes(date.as_bytes()) {
            sent.headers.insert("x-amz-date", value);
        }
        let head = Head { path: &path, query: query.as_deref(), ..sent.head() };
        if let Ok(Some(signed)) = Signed::parse(head) {
            let key = SigningKey::derive(SECRET.as_bytes(), signed.scope());
            let _ = signed.check_time(NOW);
            for form in [Form::S3, Form::Other] {
                let found = signed.verify(&key, form, Some(&[0; 32]), &mut Scratch::default());
                prop_assert!(found.is_err(), "nobody signed this: {:?}", head);
            }
        }
    }
}
