//! Which signatures hold.

use super::*;
use crate::sigv4::SigV4Error;
use crate::sigv4::testing::*;

mod examples;
mod laws;
mod times;

fn sdk(sent: Sent) -> Sent {
    Sdk::s3().sign(&sent)
}

#[test]
fn an_escaped_slash_may_be_signed_either_way() {
    let escaped = sdk(get("/bucket/a%2Fb"));
    assert_eq!(escaped.verify(SECRET, Form::S3, b""), Ok(()), "as it was sent");
    let plain = sdk(get("/bucket/a/b"));
    for spelling in ["/bucket/a%2Fb", "/bucket/a%2fb", "/bucket/a/b", "/bucket%2Fa%2Fb"] {
        let sent = plain.clone().to(spelling);
        assert_eq!(sent.verify(SECRET, Form::S3, b""), Ok(()), "signed plain, sent as {spelling}");
    }
    // A plain slash was not signed as an escaped one, and other services know no such thing.
    let sent = escaped.to("/bucket/a/b");
    assert_eq!(sent.verify(SECRET, Form::S3, b""), Err(SigV4Error::Mismatch));
    let sent = Sdk::other().sign(&get("/a/b")).to("/a%2Fb");
    assert_eq!(sent.verify(SECRET, Form::Other, b""), Err(SigV4Error::Mismatch));
}

#[test]
fn s3_signs_what_a_path_means_and_not_how_it_is_spelt() {
    let signed = sdk(get("/b/a%28b%29~%C3%A9%20c%2B"));
    for spelling in
        ["/b/a(b)~%C3%A9%20c%2B", "/b/a(b)%7E%c3%a9%20c+", "/%62/a%28b%29~%C3%A9%20c%2b"]
    {
        let sent = signed.clone().to(spelling);
        assert_eq!(sent.verify(SECRET, Form::S3, b""), Ok(()), "{spelling}");
    }
    for other in ["/b/a(b)~%C3%A9%20c%20", "/b/a(b)~%C3%A9+c%2B", "/b//a(b)~%C3%A9%20c%2B"] {
        let sent = signed.clone().to(other);
        assert_eq!(sent.verify(SECRET, Form::S3, b""), Err(SigV4Error::Mismatch), "{other}");
    }
}

#[test]
fn a_plus_in_a_query_is_a_space_and_never_a_plus() {
    for (signed, sent, holds) in [
        ("/?a=b%20c", "/?a=b+c", true),
        ("/?a=b+c", "/?a=b%20c", true),
        ("/?a=b%2Bc", "/?a=b%2Bc", true),
        ("/?a=b%2Bc", "/?a=b+c", false),
        ("/?a=b+c", "/?a=b%2Bc", false),
        ("/?a+b=c", "/?a%20b=c", true),
        // Order and spelling are not signed, an empty value is as good as none.
        ("/?b=2&a=1&a", "/?a&%61=1&b=2", true),
        ("/?a=", "/?a", true),
        ("/?a=&b", "/?b&&a", true),
        ("/?a=1&a=2", "/?a=2&a=1", true),
        ("/?a=1", "/?a=1&a=1", false),
        ("/?a=1", "/?A=1", false),
    ] {
        for sdk in [Sdk::s3(), Sdk::other()] {
            let request = sdk.sign(&get(signed)).to(sent);
            let found = request.verify(SECRET, sdk.form, b"");
            assert_eq!(found.is_ok(), holds, "{signed} sent as {sent}: {found:?}");
        }
    }
}

#[test]
fn header_values_are_trimmed_and_their_spaces_single() {
    let signed = sdk(get("/").with("x-amz-meta-a", " a   b  ").with("x-amz-meta-a", "c"));
    for (values, holds) in [
        (&[" a   b  ", "c"][..], true),
        (&["a b", "  c  "], true),
        (&["a b,c"], true),
        (&["a b, c"], false),
        (&["ab", "c"], false),
        (&["c", "a b"], false),
        (&["a\tb", "c"], false),
        (&["a b"], false),
        (&["a b", "c", ""], false),
    ] {
        let mut sent = signed.clone().without("x-amz-meta-a");
        for value in values {
            sent = sent.with("x-amz-meta-a", value);
        }
        assert_eq!(sent.verify(SECRET, Form::S3, b"").is_ok(), holds, "{values:?}");
    }
    // What isn't a space stays what it is.
    let tab = sdk(get("/").with("x-amz-meta-a", "a\tb"));
    assert_eq!(tab.verify(SECRET, Form::S3, b""), Ok(()));
    let sent = tab.set("x-amz-meta-a", "a b");
    assert_eq!(sent.verify(SECRET, Form::S3, b""), Err(SigV4Error::Mismatch));
}

#[test]
fn host_and_every_amz_header_are_signed() {
    let sent = sdk(get("/").with("x-amz-meta-a", "1"));
    let missing = Err(SigV4Error::SignedHeaderMissing);
    let unsigned = Err(SigV4Error::HeadersNotSigned);
    let verify = |sent: Sent| sent.verify(SECRET, Form::S3, b"");
    assert_eq!(verify(sent.clone().with("x-amz-acl", "public-read")), unsigned);
    assert_eq!(verify(sent.clone().resigned(";x-amz-meta-a", "")), unsigned);
    assert_eq!(verify(sent.clone().resigned("host;", "")), unsigned);
    assert_eq!(verify(sent.clone().without("x-amz-meta-a")), missing);
    assert_eq!(verify(sent.clone().without("host")), missing);
    assert_eq!(verify(sent.clone().with("x-amzn-trace-id", "Root=1")), Ok(()), "no x-amz- header");
    assert_eq!(verify(sent.with("cache-control", "no-cache")), Ok(()));

    let presigned = Sdk::presigned(60).sign(&get("/"));
    assert_eq!(verify(presigned.clone()), Ok(()));
    assert_eq!(verify(presigned.with("x-amz-acl", "public-read")), unsigned);
}

#[test]
fn the_body_of_s3_is_what_its_header_says() {
    let verify = |sent: &Sent| sent.verify(SECRET, Form::S3, b"");
    let unsigned = Sdk { body: None, ..Sdk::s3() }.sign(&get("/"));
    assert_eq!(unsigned.headers["x-amz-content-sha256"], "UNSIGNED-PAYLOAD");
    assert_eq!(verify(&unsigned), Ok(()));
    let missing = unsigned.without("x-amz-content-sha256").resigned("x-amz-content-sha256;", "");
    assert_eq!(verify(&missing), Err(SigV4Error::MissingContentSha256));
    // A presigned request may say it all the same, in a signed header.
    let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let stated = Sdk { body: Some(b""), ..Sdk::presigned(60) };
    let stated = stated.sign(&get("/").with("x-amz-content-sha256", hash));
    assert_eq!(verify(&stated), Ok(()));
    assert_eq!(
        verify(&stated.without("x-amz-content-sha256")),
        Err(SigV4Error::SignedHeaderMissing)
    );
}

/// A hash that a presigned URL states is part of what was signed, and not just a word in the query.
#[test]
fn a_presigned_url_may_say_what_its_body_has_to_be() {
    use crate::sigv4::Payload;
    let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let target = format!("/?X-Amz-Content-Sha256={hash}");
    let bound = Sdk { body: Some(b""), ..Sdk::presigned(60) }.sign(&get(&target));
    let signed = Signed::parse(bound.head()).unwrap().unwrap();
    assert_eq!(signed.payload(), Payload::Sha256(sha256(b"")));
    assert_eq!(bound.verify(SECRET, Form::S3, b""), Ok(()));
    // Where the body isn't signed, none of its hashes holds.
    let loose = Sdk::presigned(60).sign(&get(&target));
    assert_eq!(loose.verify(SECRET, Form::S3, b""), Err(SigV4Error::Mismatch));
    let unsigned = Sdk::presigned(60).sign(&get("/?X-Amz-Content-Sha256=UNSIGNED-PAYLOAD"));
    assert_eq!(unsigned.verify(SECRET, Form::S3, b""), Ok(()));
}

#[test]
fn the_body_of_other_services_is_signed_whatever_a_header_says() {
    let other = Sdk { body: Some(b"{}"), ..Sdk::other() };
    for sdk in [other.clone(), Sdk { presigned: Some(60), ..other.clone() }] {
        let sent = sdk.sign(&get("/"));
        assert_eq!(sent.verify(SECRET, Form::Other, b"{}"), Ok(()));
        assert_eq!(sent.verify(SECRET, Form::Other, b"{ }"), Err(SigV4Error::Mismatch));
    }
    let unsigned = Sdk { body: None, ..other };
    let unsigned = unsigned.sign(&get("/").with("x-amz-content-sha256", "UNSIGNED-PAYLOAD"));
    for body in [&b"{}"[..], b""] {
        assert_eq!(unsigned.verify(SECRET, Form::Other, body), Err(SigV4Error::Mismatch));
    }
    // Nobody read the body.
    let signed = Signed::parse(unsigned.head()).unwrap().unwrap();
    let key = SigningKey::derive(SECRET.as_bytes(), signed.scope());
    let found = signed.verify(&key, Form::Other, None, &mut Scratch::default());
    assert_eq!(found, Err(SigV4Error::MissingContentSha256));
}

#[test]
fn scratch_keeps_nothing_of_the_request_before() {
    let sent =
        [sdk(get("/a?x=1&y=2").with("x-amz-meta-a", "1")), sdk(get("/")), sdk(get("/b%2Fc"))];
    let mut scratch = Scratch::default();
    for sent in sent.iter().cycle().take(9) {
        let signed = Signed::parse(sent.head()).unwrap().unwrap();
        let key = SigningKey::derive(SECRET.as_bytes(), signed.scope());
        assert_eq!(signed.verify(&key, Form::S3, None, &mut scratch), Ok(()), "{}", sent.target);
    }
}

#[test]
fn debug_tells_no_secret() {
    let sent = Sdk { token: Some("the-token"), ..Sdk::s3() }.sign(&get("/"));
    let signed = Signed::parse(sent.head()).unwrap().unwrap();
    let key = SigningKey::derive(SECRET.as_bytes(), signed.scope());
    assert_eq!(signed.session_token(), Some("the-token"));
    let text = format!("{signed:?} {key:?}");
    assert!(!text.contains("the-token") && !text.contains(ACCESS_KEY_ID), "{text}");
    assert!(text.contains("SigningKey(…)"), "{text}");
}
