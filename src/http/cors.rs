//! Cross-origin requests: which pages may call, and what browsers are told
//! (<https://fetch.spec.whatwg.org/#http-cors-protocol>).
//!
//! This restricts no caller: a browser asks before it lets a page send what a form couldn't, and
//! afterwards before it lets the page read the answer. What decides on the request is decided as if it
//! came from anywhere else.

use std::time::Duration;

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use super::visible;

/// What pages of other origins may do, as it is configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorsRules {
    /// The pages' origins, as browsers write them; `*` for any.
    pub origins: Vec<String>,
    /// The methods that they may use.
    pub methods: Vec<Method>,
    /// The headers that they may send: a name, what names begin with (`x-amz-*`), or `*`. In lower case.
    pub headers: Vec<String>,
    /// The headers of answers that they may read; `*` for any.
    pub expose: Vec<String>,
    /// Whether their requests may come with cookies.
    pub credentials: bool,
    /// How long a browser may remember what it was told.
    pub max_age: Duration,
}

/// The same, ready to be told.
#[derive(Debug)]
pub struct Cors {
    /// None for any.
    origins: Option<Vec<String>>,
    methods: Vec<Method>,
    headers: Vec<String>,
    credentials: bool,
    told_methods: HeaderValue,
    told_expose: Option<HeaderValue>,
    told_max_age: HeaderValue,
}

/// Why a page may not do what a browser asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CorsError {
    /// It is of none of the origins.
    #[error("pages of this origin may not call this route; list it under `cors.origins`")]
    Origin,
    /// The method is none of those allowed.
    #[error("pages may not use this method here; list it under `cors.methods`")]
    Method,
    /// One of the headers is none of those allowed, or their list can't be read.
    #[error("pages may not send one of these headers here; list it under `cors.headers`")]
    Header,
}

impl CorsError {
    /// A stable code for metrics and logs.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Origin => "cors_origin_not_allowed",
            Self::Method => "cors_method_not_allowed",
            Self::Header => "cors_header_not_allowed",
        }
    }
}

/// Whether a browser asks, before it sends a request, whether it may (a CORS preflight). It does so
/// without credentials and without a body: with either, it is a request like any other.
pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.get_all(header::ACCESS_CONTROL_REQUEST_METHOD).iter().count() == 1
        && !headers.contains_key(header::AUTHORIZATION)
        && !headers.contains_key(header::TRANSFER_ENCODING)
        && headers.get(header::CONTENT_LENGTH).is_none_or(|length| length == "0")
}

/// The headers that the request behind a preflight will have, in lower case.
///
/// # Errors
/// [`CorsError::Header`] if they can't be read, or are more than a hundred.
pub fn preflight_headers(headers: &HeaderMap) -> Result<Vec<HeaderName>, CorsError> {
    let mut wanted = Vec::new();
    for list in headers.get_all(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        let list = visible(list).ok_or(CorsError::Header)?;
        let names = list.split(',').map(|name| name.trim_matches([' ', '\t']));
        for name in names.filter(|name| !name.is_empty()) {
            if wanted.len() == MAX_HEADERS {
                return Err(CorsError::Header);
            }
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| CorsError::Header)?;
            wanted.push(name);
        }
    }
    Ok(wanted)
}

impl Cors {
    /// Makes `rules` ready.
    pub fn new(rules: CorsRules) -> Self {
        let CorsRules { origins, methods, headers, expose, credentials, max_age } = rules;
        let any = origins.iter().any(|origin| origin == ANY);
        let told_methods: Vec<&str> = methods.iter().map(Method::as_str).collect();
        let told_methods = list(&told_methods);
        Self {
            origins: (!any).then_some(origins),
            methods,
            headers,
            credentials,
            told_methods: told_methods.unwrap_or(HeaderValue::from_static("")),
            told_expose: list(&expose),
            told_max_age: HeaderValue::from(max_age.as_secs()),
        }
    }

    /// What a browser is told that asks, with these headers, whether it may send a request.
    ///
    /// # Errors
    /// It may not, or asks for what can't be read.
    pub fn preflight(&self, headers: &HeaderMap) -> Result<HeaderMap, CorsError> {
        let allowed = self.allowed_origin(headers.get(header::ORIGIN)).ok_or(CorsError::Origin)?;
        let method = headers.get(header::ACCESS_CONTROL_REQUEST_METHOD);
        // `GET`, `HEAD` and `POST` are a browser's to send without asking (§3.2.2).
        let simple = [Method::GET, Method::HEAD, Method::POST];
        let fits = |known: &&Method| method.is_some_and(|method| method == known.as_str());
        self.methods.iter().chain(&simple).find(fits).ok_or(CorsError::Method)?;
        let wanted = preflight_headers(headers)?;
        if !wanted.iter().all(|name| self.allows(name)) {
            return Err(CorsError::Header);
        }
        let mut told = HeaderMap::with_capacity(6);
        told.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        told.insert(header::ACCESS_CONTROL_ALLOW_METHODS, self.told_methods.clone());
        // Those that were asked for: `*` would leave `Authorization` out.
        if let Some(names) = list(&wanted) {
            told.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
        }
        if self.credentials {
            told.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
        told.insert(header::ACCESS_CONTROL_MAX_AGE, self.told_max_age.clone());
        told.insert(header::VARY, VARY_PREFLIGHT);
        Ok(told)
    }

    /// Puts what a browser has to know of an answer into its `headers`, and takes out what an upstream
    /// says of that itself: of two origins that may read it, browsers take neither. `origin` is that of
    /// the page that asked.
    pub fn tell(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        for name in ANSWERS {
            headers.remove(name);
        }
        if self.origins.is_some() && !varies_by_origin(headers) {
            headers.append(header::VARY, VARY_ORIGIN);
        }
        let Some(allowed) = self.allowed_origin(origin) else { return };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        if self.credentials {
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
        if let Some(names) = &self.told_expose {
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, names.clone());
        }
    }

    /// What is told of who may read, if pages of `origin` may.
    fn allowed_origin(&self, origin: Option<&HeaderValue>) -> Option<HeaderValue> {
        let Some(origins) = &self.origins else { return Some(HeaderValue::from_static(ANY)) };
        let origin = origin?;
        // Browsers write an origin in one way only, and want to have it back as they wrote it.
        origins.iter().any(|known| origin == known.as_str()).then(|| origin.clone())
    }

    /// Whether pages may send the header `name`.
    fn allows(&self, name: &HeaderName) -> bool {
        let name = name.as_str();
        self.headers.iter().any(|known| match known.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == known,
        })
    }
}

fn varies_by_origin(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::VARY).iter().filter_map(visible);
    let mut names = lines.flat_map(|line| line.split(',')).map(str::trim);
    names.any(|name| name == ANY || name.eq_ignore_ascii_case("origin"))
}

/// Names in one header; none if there are none.
fn list(names: &[impl AsRef<str>]) -> Option<HeaderValue> {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    // They are names of methods or headers, always.
    HeaderValue::try_from(names.join(", ")).ok().filter(|value| !value.is_empty())
}

const ANY: &str = "*";
const TRUE: HeaderValue = HeaderValue::from_static("true");
const VARY_ORIGIN: HeaderValue = HeaderValue::from_static("Origin");
const VARY_PREFLIGHT: HeaderValue = HeaderValue::from_static(
    "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
);
/// What an answer can say of it.
const ANSWERS: [HeaderName; 6] = [
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
];
/// Headers that one request may be asked about.
const MAX_HEADERS: usize = 100;

#[cfg(test)]
mod tests;
