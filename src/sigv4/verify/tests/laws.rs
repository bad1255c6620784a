//! What the SDKs' signer signs holds, and nothing that differs in anything it covers.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::sigv4::testing::*;
use crate::sigv4::{Form, Signed};

/// A request to sign, and the settings to sign it with.
#[derive(Clone, Debug)]
struct Case {
    sent: Sent,
    form: Form,
    presigned: Option<u64>,
    token: Option<String>,
    body: Option<Vec<u8>>,
}

impl Case {
    fn signed(&self) -> Sent {
        let Self { form, presigned, .. } = *self;
        let (token, body) = (self.token.as_deref(), self.body.as_deref());
        let sdk = if form == Form::S3 { Sdk::s3() } else { Sdk::other() };
        Sdk { presigned, token, body, ..sdk }.sign(&self.sent)
    }

    fn body(&self) -> &[u8] {
        self.body.as_deref().unwrap_or_default()
    }
}

/// As all clients of S3 spell paths: everything but unreserved characters escaped, slashes perhaps.
fn s3_path() -> impl Strategy<Value = String> {
    let segment = "[ -~éሴ\u{1F600}]{0,8}".prop_map(|text| {
        text.bytes()
            .map(|byte| match byte {
                b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
                _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
                _ => format!("%{byte:02X}"),
            })
            .collect::<String>()
    });
    prop::collection::vec(segment, 1..5).prop_map(|segments| format!("/{}", segments.join("/")))
}

/// As it comes, but for empty and dot segments, which are refused before.
fn other_path() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => "[A-Za-z0-9~_!$&'()*+,=:@-]{1,6}",
        1 => "[a-z]\\.[a-z.]{0,3}",
        1 => select(vec!["%20", "%C3%A9", "%e1%88%b4", "%2F", "%25", "%2B", "%7e"]).prop_map_into(),
    ];
    let segment = prop::collection::vec(piece, 1..4).prop_map(|pieces| pieces.concat());
    (prop::collection::vec(segment, 0..4), any::<bool>()).prop_map(|(segments, slash)| {
        let path = format!("/{}", segments.join("/"));
        if slash && !segments.is_empty() { path + "/" } else { path }
    })
}

fn query() -> impl Strategy<Value = String> {
    let part = || {
        let piece = prop_oneof![
            3 => "[A-Za-z0-9._~*!$,:@/?()+-]{0,5}",
            1 => select(vec!["%20", "%2B", "+", "%C3%A9", "%e1%88%b4", "%26", "%3d", "%25", "%2f"])
                .prop_map_into(),
        ];
        prop::collection::vec(piece, 0..3).prop_map(|pieces: Vec<String>| pieces.concat())
    };
    let pair = (part(), prop::option::of(part())).prop_map(|(name, value)| match value {
        None => name,
        Some(value) => format!("{name}={value}"),
    });
    prop::collection::vec(pair, 0..5).prop_map(|pairs| match pairs.is_empty() {
        true => String::new(),
        false => format!("?{}", pairs.join("&")),
    })
}

fn headers() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let names = vec![
        "content-type",
        "range",
        "if-match",
        "x-amz-acl",
        "x-amz-meta-a",
        "x-amz-meta-b.c_d",
        "cache-control",
        "x-custom",
    ];
    let value = prop_oneof!["[ -~]{0,12}", "[a-c]{0,2} {1,4}[a-c]{0,2} {0,3}", "[a-z\té]{1,6}"];
    prop::collection::vec(
        (select(names), value.prop_map(|text| text.trim_matches('\t').to_owned())),
        0..5,
    )
}

fn case() -> impl Strategy<Value = Case> {
    (any::<bool>(), prop::option::weighted(0.4, 1u64..=604_800)).prop_flat_map(|(s3, presigned)| {
        let path = if s3 { s3_path().boxed() } else { other_path().boxed() };
        let method = select(vec!["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PURGE"]);
        let token = prop::option::of("[A-Za-z0-9+/=]{1,40}");
        let body = prop::option::of(prop::collection::vec(any::<u8>(), 0..20));
        (method, path, query(), headers(), token, body).prop_map(
            move |(method, path, query, headers, token, body)| {
                let mut sent = Sent::new(method, &(path + &query));
                sent = sent.with("host", "bucket.s3.localhost:8080");
                for (name, value) in headers {
                    sent = sent.with(name, &value);
                }
                let form = if s3 { Form::S3 } else { Form::Other };
                // Only S3 takes bodies that aren't signed, and presigned ones never are.
                let body = match (form, presigned) {
                    (Form::S3, Some(_)) => None,
                    (Form::S3, None) => body,
                    (Form::Other, _) => Some(body.unwrap_or_default()),
                };
                Case { sent, form, presigned, token, body }
            },
        )
    })
}

/// Something that a signature covers.
#[derive(Clone, Copy, Debug)]
enum Change {
    Method,
    PathByte,
    PathEnd,
    QueryPair,
    QueryLess,
    HeaderValue,
    HeaderMore,
    HeaderLess,
    AmzHeader,
    SignedHeaders,
    Signature,
    Region,
    Service,
    Day,
    Second,
    Expires,
    AccessKeyToken,
    Body,
}

use Change::*;
const CHANGES: [Change; 18] = [
    Method,
    PathByte,
    PathEnd,
    QueryPair,
    QueryLess,
    HeaderValue,
    HeaderMore,
    HeaderLess,
    AmzHeader,
    SignedHeaders,
    Signature,
    Region,
    Service,
    Day,
    Second,
    Expires,
    AccessKeyToken,
    Body,
];

/// The request with that changed, and the body; `None` if it has no such thing.
fn changed(case: &Case, signed: &Sent, change: Change, at: Index) -> Option<(Sent, Vec<u8>)> {
    let sent = signed.clone();
    let (path, query) = signed.parts();
    let with_path = |path: &str| match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    // Where the signature's own parts are, and how a slash is written there.
    let presigned = case.presigned.is_some();
    let replaced = |from: &str, to: &str| match presigned {
        true => sent.clone().retarget(&from.replace('/', "%2F"), &to.replace('/', "%2F")),
        false => sent.clone().resigned(from, to),
    };
    let names = Signed::parse(signed.head()).unwrap().unwrap().signed_headers.into_owned();
    let names: Vec<&str> = names.split(';').collect();
    let name = *at.get(&names);
    let sent = match change {
        Method => Sent { method: "PATCH".parse().unwrap(), ..sent },
        PathByte => {
            let places: Vec<usize> =
                path.match_indices(|c: char| c.is_ascii_lowercase()).map(|(at, _)| at).collect();
            let place = *places.get(at.index(places.len().max(1)))?;
            // Not the hexadecimal digits of an escape.
            let bytes = path.as_bytes();
            if bytes[place.saturating_sub(2)..place].contains(&b'%') {
                return None;
            }
            let mut path = path.to_owned();
            path.replace_range(place..=place, "Z");
            let target = with_path(&path);
            sent.to(&target)
        }
        PathEnd => sent.to(&with_path(&format!("{path}x"))),
        QueryPair => {
            let more = match query {
                Some("") => "zz".to_owned(),
                Some(_) => "&zz".to_owned(),
                None => "?zz".to_owned(),
            };
            let target = format!("{}{more}", sent.target);
            sent.to(&target)
        }
        QueryLess => {
            let mut pairs: Vec<&str> = query?.split('&').collect();
            pairs.retain(|pair| !pair.is_empty());
            if pairs.is_empty() {
                return None;
            }
            pairs.remove(at.index(pairs.len()));
            let target = format!("{path}?{}", pairs.join("&"));
            sent.to(&target)
        }
        HeaderValue => {
            let value = sent.headers[name].as_bytes().to_vec();
            let value = String::from_utf8(value).unwrap();
            let rest: Vec<_> = sent.headers.get_all(name).iter().skip(1).cloned().collect();
            let mut sent = sent.set(name, &format!("{value}x"));
            for value in rest {
                sent = sent.with(name, std::str::from_utf8(value.as_bytes()).unwrap());
            }
            sent
        }
        HeaderMore => sent.with(name, "x"),
        HeaderLess => sent.without(name),
        AmzHeader => sent.with("x-amz-copy-source", "secret/key"),
        SignedHeaders if names.len() == 1 => return None,
        SignedHeaders => {
            let (all, less) = (names.join(";"), names.iter().filter(|other| **other != name));
            let less = less.copied().collect::<Vec<_>>().join(";");
            match presigned {
                true => sent.retarget(&all.replace(';', "%3B"), &less.replace(';', "%3B")),
                false => sent.resigned(&all, &less),
            }
        }
        Signature => {
            let text = if presigned { sent.target.as_str() } else { sent.authorization() };
            let start = text.find("Signature=").unwrap() + 10 + at.index(64);
            let digit = if text.as_bytes()[start] == b'0' { "1" } else { "0" };
            let mut text = text.to_owned();
            text.replace_range(start..=start, digit);
            if presigned { sent.to(&text) } else { sent.set("authorization", &text) }
        }
        Region => replaced("/us-east-1/", "/us-east-2/"),
        Service if case.form == Form::S3 => replaced("/s3/", "/s4/"),
        Service => replaced("/dynamodb/", "/s3/"),
        Day => replaced("/20130524/", "/20130525/"),
        Second if presigned => sent.retarget("20130524T000000Z", "20130524T000001Z"),
        Second => sent.set("x-amz-date", "20130524T000001Z"),
        Expires => {
            let from = format!("X-Amz-Expires={}", case.presigned?);
            let to = format!("X-Amz-Expires={}", case.presigned? % 604_800 + 1);
            sent.retarget(&from, &to)
        }
        AccessKeyToken if case.token.is_none() => return None,
        AccessKeyToken if presigned => {
            sent.retarget("X-Amz-Security-Token=", "X-Amz-Security-Token=x")
        }
        AccessKeyToken => sent.set("x-amz-security-token", "another"),
        Body if case.form == Form::S3 && presigned => return None,
        Body if case.form == Form::S3 => sent.set("x-amz-content-sha256", &"0".repeat(64)),
        Body => return Some((sent, [case.body(), b"x"].concat())),
    };
    Some((sent, case.body().to_vec()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_the_sdks_sign_holds(case in case()) {
        let signed = case.signed();
        prop_assert_eq!(signed.verify(SECRET, case.form, case.body()), Ok(()), "{:?}", signed);
        prop_assert_eq!(signed.check_time(NOW), Ok(()));
        let claims = Signed::parse(signed.head()).unwrap().unwrap();
        prop_assert_eq!(claims.access_key_id(), ACCESS_KEY_ID);
        prop_assert_eq!(claims.session_token(), case.token.as_deref());
    }

    #[test]
    fn what_was_signed_in_plain_holds_with_escaped_slashes(path in s3_path(), query in query()) {
        let plain = path.replace("%2F", "/");
        let signed = Sdk::s3().sign(&get(&(plain + &query))).to(&(path + &query));
        prop_assert_eq!(signed.verify(SECRET, Form::S3, b""), Ok(()));
    }

    #[test]
    fn whatever_is_changed_is_refused(case in case(), at in any::<Index>()) {
        let signed = case.signed();
        for change in CHANGES {
            let Some((sent, body)) = changed(&case, &signed, change, at) else { continue };
            let found = sent.verify(SECRET, case.form, &body);
            prop_assert!(found.is_err(), "{:?}: {:?} of {:?}", change, sent, signed);
        }
    }

    #[test]
    fn the_form_of_another_service_is_not_taken(path in "/[a-z]{1,4}%2[05][a-z]{0,4}") {
        let signed = Sdk::other().sign(&get(&path).with("x-amz-content-sha256", "UNSIGNED-PAYLOAD"));
        prop_assert!(signed.verify(SECRET, Form::S3, b"").is_err());
    }
}
