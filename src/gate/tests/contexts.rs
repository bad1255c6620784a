//! The request's own context keys, one by one.

use std::borrow::Cow;

use ::http::{HeaderMap, HeaderValue};

use super::fixture::{ACCOUNT, Ask, REGION, Rig, api};
use crate::{
    gate::context::RequestContext,
    http::{ClientCertificate, Scheme, SpiffeId, Thumbprint},
    iam::{Context, Lookup},
};

fn one(value: &str) -> Lookup<'static> {
    Lookup::One(Cow::Owned(value.to_owned()))
}

fn looked_up(ask: Ask, key: &str) -> Lookup<'static> {
    let question = ask.question();
    looked_up_in(&question.headers, &question, key)
}

fn looked_up_in(
    headers: &HeaderMap,
    question: &crate::gate::Question,
    key: &str,
) -> Lookup<'static> {
    let rig = Rig::new(vec![api("api")]);
    let context = RequestContext::new(&rig.rules, headers, &question.received, None, question.now);
    match context.lookup(key) {
        Lookup::One(value) => one(&value),
        Lookup::Absent => Lookup::Absent,
        Lookup::Unknown => Lookup::Unknown,
        Lookup::Many(_) => panic!("no key of the request is multi-valued"),
    }
}

#[test]
fn keys_have_the_values_that_aws_documents() {
    let get = || Ask::get("/api/x");
    for (key, value) in [
        ("aws:sourceip", "203.0.113.9"),
        ("aws:currenttime", "2027-01-15T08:00:00.000Z"),
        ("aws:epochtime", "1800000000"),
        ("aws:securetransport", "true"),
        ("aws:requestedregion", REGION),
        ("aws:resourceaccount", ACCOUNT),
        ("aws:viaawsservice", "false"),
        ("aws:principalisawsservice", "false"),
    ] {
        assert_eq!(looked_up(get(), key), one(value), "{key}");
    }
    let plain = get().by(Scheme::Http);
    assert_eq!(looked_up(plain, "aws:securetransport"), one("false"));
}

#[test]
fn the_spiffe_id_is_there_with_a_certificate_that_has_one() {
    let question = |spiffe_id: Option<&str>| {
        let thumbprint = Thumbprint::of(b"certificate");
        let spiffe_id = spiffe_id.map(|id| SpiffeId::parse(id).unwrap());
        Ask::get("/api/x").shown(&ClientCertificate { thumbprint, spiffe_id }).question()
    };
    let rig = Rig::new(vec![api("api")]);
    let (named, unnamed) = (question(Some("spiffe://example.org/a")), question(None));
    let key = "poolgate:spiffeid";
    let found = RequestContext::of(&rig.rules, &named);
    assert_eq!(found.lookup(key), one("spiffe://example.org/a"));
    assert_eq!(RequestContext::of(&rig.rules, &unnamed).lookup(key), Lookup::Absent);
    assert_eq!(looked_up(Ask::get("/api/x"), key), Lookup::Absent);
}

#[test]
fn region_and_account_are_unknown_where_none_is_configured() {
    let mut rig = Rig::new(vec![api("api")]);
    (rig.rules.region, rig.rules.account_id) = (None, None);
    let question = Ask::get("/api/x").question();
    let context = RequestContext::of(&rig.rules, &question);
    for key in ["aws:requestedregion", "aws:resourceaccount"] {
        assert_eq!(context.lookup(key), Lookup::Unknown, "{key}");
    }
}

#[test]
fn keys_that_cannot_be_observed_are_unknown_and_the_others_absent() {
    for key in [
        "aws:resourcetag/team",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:resourceorgid",
        "aws:resourceorgpaths",
    ] {
        assert_eq!(looked_up(Ask::get("/api/x"), key), Lookup::Unknown, "{key}");
    }
    for key in [
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:vpcsourceip",
        "aws:multifactorauthpresent",
        "aws:username",
        "aws:calledvia",
        "aws:sourcearn",
        "aws:resourcetag",
        "jwt:sub",
    ] {
        assert_eq!(looked_up(Ask::get("/api/x"), key), Lookup::Absent, "{key}");
    }
}

#[test]
fn headers_are_read_once_as_text_or_not_known() {
    for (key, name) in [("aws:useragent", "user-agent"), ("aws:referer", "referer")] {
        let question = Ask::get("/api/x").question();
        let lookup = |values: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(name, HeaderValue::from_bytes(value).unwrap());
            }
            looked_up_in(&headers, &question, key)
        };
        assert_eq!(lookup(&[]), Lookup::Absent);
        assert_eq!(lookup(&[b"curl/8"]), one("curl/8"));
        assert_eq!(lookup(&[b""]), one(""), "a header without a value is there");
        assert_eq!(lookup(&[b"curl/8", b"curl/8"]), Lookup::Unknown);
        assert_eq!(lookup(&[b"caf\xe9"]), Lookup::Unknown);
    }
}
