//! Requests for tests.

use ::http::{HeaderMap, HeaderName, HeaderValue, Method};
use bytes::Bytes;

use super::{Asked, Parsed, RequestFacts, S3Error};
use crate::{
    clock::Time,
    iam::{Check, Context, Lookup},
    services::{Body, Checks, Operation, Proof},
    sigv4::{Chunks, Payload},
};

/// A request on its way.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    method: Method,
    path: String,
    query: Option<String>,
    headers: HeaderMap,
    bucket: Option<String>,
    body: &'static str,
    pub(super) facts: RequestFacts,
}

/// `GET /demo?acl`.
pub(super) fn ask(line: &str) -> Ask {
    let (method, target) = line.split_once(' ').unwrap();
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (target, None),
    };
    Ask {
        method: method.parse().unwrap(),
        path: path.to_owned(),
        query,
        headers: HeaderMap::new(),
        bucket: None,
        body: "",
        facts: RequestFacts {
            partition: "aws",
            account: Some("000000000000".to_owned()),
            now: Some(Time::from_secs(1_700_000_000)),
            ..RequestFacts::default()
        },
    }
}

impl Ask {
    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().unwrap();
        self.headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        self
    }

    pub(super) fn headers(self, headers: &[(&str, &str)]) -> Self {
        headers.iter().fold(self, |ask, (name, value)| ask.header(name, value))
    }

    pub(super) fn body(mut self, body: &'static str) -> Self {
        self.body = body;
        self
    }

    pub(super) fn host(mut self, bucket: &str) -> Self {
        self.bucket = Some(bucket.to_owned());
        self
    }

    pub(super) fn parsed(&self) -> Result<Parsed, S3Error> {
        Parsed::of(Asked {
            method: &self.method,
            path: &self.path,
            query: self.query.as_deref(),
            headers: &self.headers,
            bucket: self.bucket.as_deref(),
        })
    }

    /// As the gate does it.
    pub(super) fn described(&self) -> Result<Operation, S3Error> {
        let parsed = self.parsed()?;
        let body = match parsed.body_limit() {
            None => Body::Streamed(self.proof()),
            Some(_) => Body::whole(Bytes::from_static(self.body.as_bytes())),
        };
        parsed.describe(self.headers.clone(), body, &self.facts)
    }

    fn proof(&self) -> Proof {
        let chunks = match Payload::of(&self.headers, None) {
            Ok(Payload::Chunked(form)) => Chunks::unsigned(form, &self.headers).ok(),
            _ => None,
        };
        chunks.map_or(Proof::NONE, Proof::chunked)
    }

    pub(super) fn operation(&self) -> Operation {
        self.described().unwrap_or_else(|error| panic!("{self:?}: {error:?}"))
    }

    pub(super) fn error(&self) -> S3Error {
        match self.described() {
            Err(error) => error,
            Ok(operation) => panic!("{self:?}: {operation:?}"),
        }
    }

    pub(super) fn checks(&self) -> Vec<Check> {
        match self.operation().checks {
            Checks::All(checks) => checks,
            other => panic!("{other:?}"),
        }
    }

    /// `action resource` of every check, without the common beginnings.
    pub(super) fn asked(&self) -> Vec<String> {
        self.checks().iter().map(shown).collect()
    }

    /// A context key of the check on `action`, shown.
    pub(super) fn key(&self, action: &str, key: &str) -> String {
        let checks = self.checks();
        let check = checks.iter().find(|check| check.action.as_str() == format!("s3:{action}"));
        let check = check.unwrap_or_else(|| panic!("{action} isn't asked: {self:?}"));
        look(check, key)
    }
}

/// `GetObject demo/a`.
pub(super) fn shown(check: &Check) -> String {
    let action = check.action.as_str();
    let resource = check.resource.as_str();
    format!(
        "{} {}",
        action.strip_prefix("s3:").unwrap_or(action),
        resource.strip_prefix("arn:aws:s3:::").unwrap_or(resource)
    )
}

/// A context key of a check: `-` absent, `?` unknown.
pub(super) fn look(check: &Check, key: &str) -> String {
    match check.context.lookup(&key.to_ascii_lowercase()) {
        Lookup::Absent => "-".to_owned(),
        Lookup::Unknown => "?".to_owned(),
        Lookup::One(value) => value.into_owned(),
        Lookup::Many(values) => format!("[{}]", values.join(",")),
    }
}
