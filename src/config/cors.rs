//! What pages of other origins may do with a route.

use std::time::Duration;

use super::map::Map;
use super::reach::Origin;
use super::read::{Section, Text, section, text};
use super::template::Method;
use super::value::{Span, is_token, made_of, wrong};

/// What pages of other origins may do with a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    /// The pages' origins, as browsers write them; `*` for any.
    pub origins: Vec<String>,
    /// The methods that they may use.
    pub methods: Vec<String>,
    /// The headers that they may send: names, what names begin with (`x-amz-*`), or `*`. In lower case.
    pub headers: Vec<String>,
    /// The headers of answers that they may read; `*` for any.
    pub expose: Vec<String>,
    /// Whether their requests may come with cookies.
    pub credentials: bool,
    /// How long a browser may remember what it was told.
    pub max_age: Duration,
}

impl Section for Cors {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let doc = "Origins of the pages, at least one: https://app.example.com, or `*` for any.";
        let origins = map.some::<PageOrigin>("origins", doc);
        let doc = "The methods they may use. GET, HEAD, POST, PUT, PATCH and DELETE if absent.";
        let methods = map.optional::<Vec<Method>>("methods", doc);
        let doc = "The headers they may send: names, what names begin with (`x-amz-*`), or `*`. Authorization, Content-Type, DPoP, X-Amz-* and Amz-Sdk-* if absent.";
        let headers = map.optional::<Vec<HeaderPattern>>("headers", doc);
        let doc = "The headers of answers they may read, or `*`. ETag, Retry-After, WWW-Authenticate, X-Amz-Request-Id, X-Amzn-RequestId, X-Amzn-ErrorType and X-Poolgate-Decision-Id if absent.";
        let expose = map.optional::<Vec<ExposedHeader>>("expose", doc);
        let doc = "Whether their requests may come with cookies. Not with `*`.";
        let credentials = map.default("credentials", "false", doc);
        let doc = "How long a browser may remember the answer to a preflight.";
        let max_age = map.bounded("max_age", "10m", ["0s", "24h"], doc);

        let origins: Vec<String> = origins?.into_iter().map(|PageOrigin(origin)| origin).collect();
        let methods =
            methods?.map(|methods| methods.into_iter().map(|Method(name)| name).collect());
        let headers = headers?.map(|names| names.into_iter().map(|HeaderPattern(n)| n).collect());
        let expose = expose?.map(|names| names.into_iter().map(|ExposedHeader(n)| n).collect());
        let or = |told: Option<Vec<String>>, else_: &[&str]| {
            told.unwrap_or_else(|| else_.iter().map(|name| (*name).to_owned()).collect())
        };
        let methods = or(methods, &METHODS);
        let (headers, expose) = (or(headers, &HEADERS), or(expose, &EXPOSE));
        let (credentials, Span(max_age)) = (credentials?, max_age?);
        let mut fine = true;
        let any = |list: &[String]| list.iter().any(|entry| entry == ANY);
        if credentials {
            // Browsers refuse it, and nobody can mean it: any page could use whoever is signed in.
            for (name, list) in [("origins", &origins), ("headers", &headers), ("expose", &expose)]
            {
                if any(list) {
                    let message = "`*` and `credentials` exclude each other: list what is meant";
                    map.error(Some(name), message);
                    fine = false;
                }
            }
        }
        if any(&origins) && origins.len() > 1 {
            map.error(Some("origins"), "`*` is any origin; leave out the others");
            fine = false;
        }
        fine.then_some(Self { origins, methods, headers, expose, credentials, max_age })
    }
}

section!(Cors);

/// The origin of a page, or any.
struct PageOrigin(String);

impl Text for PageOrigin {
    const WHAT: &'static str = "an origin such as https://app.example.com, or `*`";
    const PATTERN: &'static str = r"^(\*|https?://[a-z0-9.:\[\]-]+)$";

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            ANY => Ok(Self(text.to_owned())),
            _ => Origin::parse(text).map(|Origin(origin)| Self(origin)),
        }
    }
}

/// A header that pages may send, or what the names of some begin with; in lower case.
struct HeaderPattern(String);

impl Text for HeaderPattern {
    const WHAT: &'static str = "a header's name, the beginning of some such as x-amz-*, or `*`";
    const PATTERN: &'static str = r"^[!#$%&'+.^_`|~0-9A-Za-z-]{0,100}\*?$";

    fn parse(text: &str) -> Result<Self, String> {
        let name = text.strip_suffix('*').unwrap_or(text);
        let fits = made_of(name, 100, |b| is_token(b) && b != b'*');
        if !fits && text != ANY {
            return Err(wrong::<Self>(text));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

/// A header that pages may read, or any.
struct ExposedHeader(String);

impl Text for ExposedHeader {
    const WHAT: &'static str = "a header's name, or `*`";
    const PATTERN: &'static str = r"^(\*|[!#$%&'+.^_`|~0-9A-Za-z-]{1,100})$";

    fn parse(text: &str) -> Result<Self, String> {
        let fits = text == ANY || made_of(text, 100, |b| is_token(b) && b != b'*');
        if fits { Ok(Self(text.to_owned())) } else { Err(wrong::<Self>(text)) }
    }
}

text!(ExposedHeader, HeaderPattern, PageOrigin);

const ANY: &str = "*";
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
/// What the AWS SDKs and this gate's own callers send.
const HEADERS: [&str; 5] = ["authorization", "content-type", "dpop", "x-amz-*", "amz-sdk-*"];
/// What they read of answers.
const EXPOSE: [&str; 7] = [
    "ETag",
    "Retry-After",
    "WWW-Authenticate",
    "X-Amz-Request-Id",
    "X-Amzn-RequestId",
    "X-Amzn-ErrorType",
    "X-Poolgate-Decision-Id",
];
