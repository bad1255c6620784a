//! From a request's head to one operation on a bucket or key.

use ::http::{HeaderMap, HeaderValue, Method, header, uri::PathAndQuery};

use super::{
    S3Error,
    address::{Address, check_prefix},
    checks::{self, Subject},
    checksum,
    content::{Content, tagging_encoded, tagging_header},
    context::Keys,
    delete::Delete,
    headers,
    policy::MAX_POLICY,
    query::Query,
    row::{Level, Reads, Row, Verb},
    source::{Source, check_version},
    table::{self, Found},
};
use crate::{
    clock::Time,
    services::{Body, Checks, Forward, Operation},
};

/// A request's head, as it was received.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The method.
    pub method: &'a Method,
    /// The raw path, which begins with `/`.
    pub path: &'a str,
    /// The raw query.
    pub query: Option<&'a str>,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The bucket that the host names (virtual-hosted addressing); the path is then all key.
    pub bucket: Option<&'a str>,
}

/// What is known of a request beside its head.
#[derive(Clone, Debug, Default)]
pub struct RequestFacts {
    /// `s3:authType`: `REST-HEADER` or `REST-QUERY-STRING`; none for a bearer token or nobody.
    pub auth_type: Option<&'static str>,
    /// `s3:signatureAge` of a presigned request, in milliseconds.
    pub signature_age: Option<i64>,
    /// The partition in ARNs.
    pub partition: &'static str,
    /// `s3:ResourceAccount`; unknown where it isn't configured.
    pub account: Option<String>,
    /// Whether nobody is asking, who may not choose the headers of an answer.
    pub anonymous: bool,
    /// Whether the request came over TLS; `s3:TlsVersion` is then unknown, otherwise absent.
    pub secure: bool,
    /// The time, for `s3:object-lock-remaining-retention-days`; without it that key is unknown.
    pub now: Option<Time>,
}

/// One operation on S3, of which the body isn't read yet.
#[derive(Debug)]
pub struct Parsed {
    row: &'static Row,
    address: Address,
    query: Query,
    source: Option<Source>,
}

impl Parsed {
    /// The operation that a request's head asks for.
    ///
    /// # Errors
    /// What S3 would say of it.
    pub fn of(asked: Asked<'_>) -> Result<Self, S3Error> {
        let verb = verb(asked.method)?;
        let mut query = Query::read(asked.query.unwrap_or_default())?;
        headers::check(asked.headers.keys().chain(query.headers.keys()))?;
        let (level, address) = if asked.path == OBJECT_LAMBDA && asked.bucket.is_none() {
            (Level::ObjectLambda, Address::Service)
        } else {
            let address = Address::read(asked.path, asked.bucket)?;
            (level(&address), address)
        };
        let source = match headers::text(asked.headers, COPY_SOURCE)? {
            None => headers::text(&query.headers, COPY_SOURCE)?,
            found => found,
        };
        let source = source.map(Source::read).transpose()?;

        let selectors: Vec<&str> = query.names().filter(|name| table::selects(name)).collect();
        let row = match table::find(verb, level, &selectors, source.is_some()) {
            Found::Row(row) if row.needs.is_empty() => return Err(S3Error::NotServed(row.name)),
            Found::Row(row) => row,
            _ if source.is_some() => return Err(S3Error::UnknownHeader(COPY_SOURCE.into())),
            // A form has become a PUT before.
            _ if verb == Verb::Post && level == Level::Bucket && selectors.is_empty() => {
                return Err(S3Error::InvalidRequest(
                    "Bucket POST must be of the enclosure-type multipart/form-data",
                ));
            }
            Found::OtherMethod => return Err(S3Error::MethodNotAllowed),
            Found::Nothing => return Err(unknown(&selectors.join("&"))),
        };
        let known = |name: &&str| row.selectors.contains(name) || row.parameters.contains(name);
        if let Some(name) = query.names().find(|name| !known(name)) {
            return Err(unknown(name));
        }
        if row.required.iter().any(|name| !query.has(name)) {
            return Err(S3Error::InvalidArgument("A part needs both partNumber and uploadId"));
        }
        check_values(row, &query)?;
        query.plain_flags(row.selectors.iter().copied().filter(|name| !VALUED.contains(name)));
        Ok(Self { row, address, query, source })
    }

    /// Its name, as in S3's API: `GetObject`.
    pub fn name(&self) -> &'static str {
        self.row.name
    }

    /// How many bytes of the body have to be read, at most, before it can be described. None: the
    /// body is streamed.
    pub fn body_limit(&self) -> Option<usize> {
        match self.row.reads {
            Reads::Nothing => None,
            Reads::Delete | Reads::Replication => Some(MAX_DELETE),
            Reads::Policy => Some(MAX_POLICY),
            _ => Some(MAX_BODY),
        }
    }

    /// What S3 would say of a longer body.
    pub fn over_limit(&self) -> S3Error {
        match self.row.reads {
            Reads::Delete => S3Error::MalformedXml,
            Reads::Policy => S3Error::PolicyTooLarge,
            _ => S3Error::MaxMessageLengthExceeded,
        }
    }

    /// The checks it must pass, and the request that goes upstream: path-style, serialised anew
    /// from what was parsed.
    ///
    /// # Errors
    /// What S3 would say of the body or a header.
    pub fn describe(
        self,
        mut headers: HeaderMap,
        mut body: Body,
        facts: &RequestFacts,
    ) -> Result<Operation, S3Error> {
        let Self { row, address, mut query, source } = self;
        if facts.anonymous && query.names().any(|name| name.starts_with("response-")) {
            return Err(S3Error::InvalidRequest(
                "Request specific response headers cannot be used for anonymous GET requests.",
            ));
        }
        headers::merge(&mut headers, std::mem::take(&mut query.headers))?;
        headers::check(headers.keys())?;
        let sha256 = headers::text(&headers, headers::SHA256)?.map(str::to_owned);
        headers::unwrap(&mut headers, sha256.as_deref(), &body)?;
        headers::retain(&mut headers, row);
        if !row.of_object {
            body = checksum::prove(&headers, body, row.reads == Reads::Delete)?;
        }
        rewrite(&mut headers, COPY_SOURCE, source.as_ref().map(Source::encoded))?;
        let tags = headers::text(&headers, TAGGING)?.map(tagging_header).transpose()?;
        rewrite(&mut headers, TAGGING, tags.as_ref().map(tagging_encoded))?;
        let content = match (&body, row.reads) {
            (_, Reads::Nothing) => Content::default(),
            (Body::Whole { bytes, .. }, reads) => Content::read(reads, bytes, facts.now)?,
            (Body::Streamed(_), _) => return Err(S3Error::MissingRequestBody),
        };
        let delete = match (&body, row.reads) {
            (Body::Whole { bytes, .. }, Reads::Delete) => Some(Delete::read(bytes)?),
            _ => None,
        };

        let keys = Keys {
            row,
            query: &query,
            headers: &headers,
            sha256,
            source: source.as_ref(),
            tags: tags.as_ref(),
            copied_tags: checks::copies_tags(&headers, source.as_ref())?,
            content: &content,
            facts,
        };
        let subject = Subject { keys: &keys, address: &address };
        let reveals = subject.reveals()?;
        let checks = match delete {
            None => Checks::All(subject.checks()?),
            Some(mut delete) => {
                for object in &mut delete.objects {
                    object.checks = subject.deletion(object)?;
                }
                Checks::Each(delete)
            }
        };
        let path = if row.level == Level::ObjectLambda {
            OBJECT_LAMBDA.to_owned()
        } else {
            address.path()
        };
        let target = PathAndQuery::try_from(path + &query.encoded())
            .map_err(|_too_long| S3Error::InvalidUri)?;
        if let Body::Whole { bytes, .. } = &body {
            // The forwarder knows, but doesn't say of nothing that it is nothing, which S3 wants to hear.
            headers.remove(header::CONTENT_LENGTH);
            if bytes.is_empty() {
                headers.insert(header::CONTENT_LENGTH, 0_u64.into());
            }
        }
        let mut forward = Forward { method: method(row.verb), target, headers, body };
        if let Checks::Each(delete) = &checks {
            delete.write_to(&mut forward);
        }
        Ok(Operation { forward, checks, reveals })
    }
}

fn verb(method: &Method) -> Result<Verb, S3Error> {
    Ok(match *method {
        Method::GET => Verb::Get,
        Method::HEAD => Verb::Head,
        Method::PUT => Verb::Put,
        Method::POST => Verb::Post,
        Method::DELETE => Verb::Delete,
        _ => return Err(S3Error::MethodNotAllowed),
    })
}

fn method(verb: Verb) -> Method {
    match verb {
        Verb::Get => Method::GET,
        Verb::Head => Method::HEAD,
        Verb::Put => Method::PUT,
        Verb::Post => Method::POST,
        Verb::Delete => Method::DELETE,
    }
}

fn level(address: &Address) -> Level {
    match address {
        Address::Service => Level::Service,
        Address::Bucket(_) => Level::Bucket,
        Address::Object(..) => Level::Object,
    }
}

fn unknown(name: &str) -> S3Error {
    // The name is the caller's, who needs no more of it.
    S3Error::UnknownSubresource(name.chars().take(64).collect())
}

/// Checks the values on which it depends what a request is. An empty one is none to some backends.
fn check_values(row: &Row, query: &Query) -> Result<(), S3Error> {
    const COUNT: S3Error =
        S3Error::InvalidArgument("Provided max-keys not an integer or within integer range");
    const PART: S3Error =
        S3Error::InvalidArgument("Part number must be an integer between 1 and 10000, inclusive");
    let number = |value: &str, error: S3Error| {
        let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
        value.parse::<i32>().ok().filter(|_| digits).ok_or(error)
    };
    for name in row.selectors.iter().chain(row.parameters) {
        let Some(value) = query.get(name) else { continue };
        match *name {
            "versionId" => drop(check_version(value)?),
            "list-type" | "select-type" if value != "2" => {
                return Err(S3Error::InvalidArgument("Invalid type specified: there is 2 only"));
            }
            "max-keys" => drop(number(value, COUNT)?),
            "partNumber" if !(1..=10_000).contains(&number(value, PART)?) => return Err(PART),
            "prefix" if row.level == Level::Bucket => check_prefix(value)?,
            valued if VALUED.contains(&valued) && value.is_empty() => {
                return Err(S3Error::InvalidArgument("A query parameter may not be empty"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Sets a header to what was parsed of it.
fn rewrite(
    headers: &mut HeaderMap,
    name: &'static str,
    value: Option<String>,
) -> Result<(), S3Error> {
    headers.remove(name);
    if let Some(value) = value {
        let value = HeaderValue::try_from(value).map_err(|_invalid| S3Error::InvalidUri)?;
        headers.insert(name, value);
    }
    Ok(())
}

/// Where functions of Object Lambda answer; it has the form of a bucket and is none.
const OBJECT_LAMBDA: &str = "/WriteGetObjectResponse";

const COPY_SOURCE: &str = "x-amz-copy-source";
const TAGGING: &str = "x-amz-tagging";

/// Selecting parameters that have a value; all others are flags, and go upstream as such.
const VALUED: [&str; 5] = ["annotationName", "id", "list-type", "select-type", "uploadId"];

/// The longest DeleteObjects, in bytes; replications may have a thousand rules, too.
const MAX_DELETE: usize = 1024 * 1024;

/// The longest of the other bodies that are read, in bytes: a bucket's tags have room in it.
const MAX_BODY: usize = 128 * 1024;

#[cfg(test)]
mod tests;
