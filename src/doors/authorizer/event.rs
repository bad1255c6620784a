//! The three events: `TOKEN` and `REQUEST` of version 1.0, and version 2.0.

use std::net::IpAddr;

use ::http::{HeaderMap, HeaderName, HeaderValue, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

/// A request, as an event tells of it.
#[derive(Debug)]
pub(super) struct Event {
    /// What API Gateway calls it.
    pub(super) arn: String,
    pub(super) method: String,
    pub(super) host: String,
    /// Path and query.
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) client: IpAddr,
    /// The client's certificate in PEM, where API Gateway has asked for one.
    pub(super) certificate: Option<String>,
    /// Whether its answer may be the simple one.
    pub(super) simple: bool,
}

type Members = Map<String, Value>;

impl Event {
    /// Reads an event.
    ///
    /// # Errors
    /// A sentence, if it is none.
    pub(super) fn read(members: &Members) -> Result<Self, String> {
        let version = members.get("version").and_then(Value::as_str);
        match (version, members.get("type").and_then(Value::as_str)) {
            (Some("2.0"), _) => Self::of_http_api(members),
            (None | Some("1.0"), Some("REQUEST")) => Self::of_request(members),
            (None, Some("TOKEN")) => Self::of_token(members),
            _ => Err("the event is of no known type and version".to_owned()),
        }
    }

    /// Of one there is only the token, and what the ARN says.
    fn of_token(members: &Members) -> Result<Self, String> {
        let arn = text(members, "methodArn")?;
        let mut parts = arn.splitn(6, ':');
        let (region, rest) = match (parts.nth(2), parts.next(), parts.nth(1)) {
            (Some("execute-api"), Some(region), Some(rest)) => (region, rest),
            _ => return Err("methodArn is no ARN of an API's method".to_owned()),
        };
        let mut rest = rest.splitn(4, '/');
        let (Some(api), Some(_stage), Some(method)) = (rest.next(), rest.next(), rest.next())
        else {
            return Err("methodArn is no ARN of an API's method".to_owned());
        };
        let path = rest.next().unwrap_or_default();
        let token = text(members, "authorizationToken")?;
        // Cognito's own authorizer takes a token without a word before it.
        let token = if token.contains(' ') { token.to_owned() } else { format!("Bearer {token}") };
        let mut headers = HeaderMap::new();
        put(&mut headers, "authorization", &token)?;
        Ok(Self {
            method: method.to_owned(),
            host: format!("{api}.execute-api.{region}.amazonaws.com"),
            target: target(&format!("/{path}"), "")?,
            headers,
            client: IpAddr::from([0, 0, 0, 0]),
            certificate: None,
            simple: false,
            arn: arn.to_owned(),
        })
    }

    fn of_request(members: &Members) -> Result<Self, String> {
        let context = object(members, "requestContext")?;
        let mut headers = HeaderMap::new();
        for (name, values) in several(members, "multiValueHeaders", "headers")? {
            for value in values {
                put(&mut headers, name, value)?;
            }
        }
        let mut query = Vec::new();
        for (name, values) in
            several(members, "multiValueQueryStringParameters", "queryStringParameters")?
        {
            query.extend(values.into_iter().map(|v| format!("{}={}", encode(name), encode(v))));
        }
        let identity = object(context, "identity")?;
        Ok(Self {
            arn: text(members, "methodArn")?.to_owned(),
            method: text(members, "httpMethod")?.to_owned(),
            host: host(context, &headers)?,
            target: target(text(members, "path")?, &query.join("&"))?,
            client: address(identity)?,
            certificate: certificate(identity)?,
            headers,
            simple: false,
        })
    }

    fn of_http_api(members: &Members) -> Result<Self, String> {
        let context = object(members, "requestContext")?;
        let http = object(context, "http")?;
        let mut headers = HeaderMap::new();
        for (name, value) in object(members, "headers")? {
            let value = value.as_str().ok_or_else(|| format!("headers.{name} is no string"))?;
            put(&mut headers, name, value)?;
        }
        if let Some(Value::Array(cookies)) = members.get("cookies") {
            let cookies: Vec<&str> = cookies.iter().filter_map(Value::as_str).collect();
            headers.remove(header::COOKIE);
            put(&mut headers, "cookie", &cookies.join("; "))?;
        }
        Ok(Self {
            arn: text(members, "routeArn")?.to_owned(),
            method: text(http, "method")?.to_owned(),
            host: host(context, &headers)?,
            target: target(text(members, "rawPath")?, text(members, "rawQueryString")?)?,
            client: address(http)?,
            certificate: match context.get("authentication") {
                Some(Value::Object(authentication)) => certificate(authentication)?,
                None | Some(Value::Null) => None,
                Some(_) => return Err("authentication is no object".to_owned()),
            },
            headers,
            simple: true,
        })
    }
}

/// Path and query as one: the path must not have either's borders in it.
fn target(path: &str, query: &str) -> Result<String, String> {
    match (path.contains(['?', '#']), query) {
        (true, _) => Err("the path has a character that ends one".to_owned()),
        (false, "") => Ok(path.to_owned()),
        (false, query) => Ok(format!("{path}?{query}")),
    }
}

fn host(context: &Members, headers: &HeaderMap) -> Result<String, String> {
    let named = context.get("domainName").and_then(Value::as_str);
    let sent = || headers.get(header::HOST).and_then(|host| host.to_str().ok());
    named.or_else(sent).map(str::to_owned).ok_or_else(|| "domainName is missing".to_owned())
}

fn address(of: &Members) -> Result<IpAddr, String> {
    text(of, "sourceIp")?.parse().map_err(|_| "sourceIp is no address".to_owned())
}

/// The certificate of a client that connected to a domain with mutual TLS.
fn certificate(of: &Members) -> Result<Option<String>, String> {
    match of.get("clientCert") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(found)) => Ok(Some(text(found, "clientCertPem")?.to_owned())),
        Some(_) => Err("clientCert is no object".to_owned()),
    }
}

/// Names with all of their values, from `many` if it is there, or else from `one`.
fn several<'m>(
    members: &'m Members,
    many: &str,
    one: &str,
) -> Result<Vec<(&'m str, Vec<&'m str>)>, String> {
    let wrong = |name: &str| format!("{name} is not of text alone");
    match (members.get(many), members.get(one)) {
        (Some(Value::Object(all)), _) => all
            .iter()
            .map(|(name, values)| {
                let values = values.as_array().map(|all| all.iter().map(Value::as_str).collect());
                let values: Option<Option<Vec<&str>>> = values;
                Ok((name.as_str(), values.flatten().ok_or_else(|| wrong(many))?))
            })
            .collect(),
        (None | Some(Value::Null), Some(Value::Object(all))) => all
            .iter()
            .map(|(name, value)| {
                Ok((name.as_str(), vec![value.as_str().ok_or_else(|| wrong(one))?]))
            })
            .collect(),
        (None | Some(Value::Null), None | Some(Value::Null)) => Ok(Vec::new()),
        _ => Err(wrong(many)),
    }
}

fn object<'m>(members: &'m Members, name: &str) -> Result<&'m Members, String> {
    members.get(name).and_then(Value::as_object).ok_or_else(|| format!("{name} is missing"))
}

fn text<'m>(members: &'m Members, name: &str) -> Result<&'m str, String> {
    members.get(name).and_then(Value::as_str).ok_or_else(|| format!("{name} is missing"))
}

fn put(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), String> {
    let wrong = || "a header has characters that none can have".to_owned();
    let name = HeaderName::try_from(name).map_err(|_| wrong())?;
    headers.append(name, HeaderValue::try_from(value).map_err(|_| wrong())?);
    Ok(())
}

fn encode(text: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(text, UNRESERVED)
}

/// RFC 3986 §2.3.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
