//! API Gateway's `execute-api`: an HTTP API in IAM's terms.
//!
//! Action `execute-api:Invoke` on `arn:PARTITION:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH`,
//! where PATH is the request's own path without its leading slash, not a template (API Gateway
//! Developer Guide, "Control access for invoking an API"). Whatever is done to `/@connections/…` is
//! `execute-api:ManageConnections` (the same, "Control access to WebSocket APIs"); a request whose
//! `Cache-Control` says `max-age=0` also needs `execute-api:InvalidateCache`.

use ::http::{HeaderMap, header};

use super::{Checks, DescribeError, Operation, Request, template::Templates};
use crate::iam::{Action, Arn, Check, Resource};

/// How the requests of a route are named.
#[derive(Debug)]
pub enum Api {
    /// As API Gateway names them.
    Gateway {
        /// `arn:aws:execute-api:REGION:ACCOUNT:API/STAGE`: what every resource begins with.
        prefix: String,
    },
    /// By templates of one's own.
    Templates(Templates),
    /// Not at all: the route asks for a token only.
    Unnamed,
}

impl Api {
    /// An API named as API Gateway names it.
    pub fn gateway(partition: &str, region: &str, account: &str, id: &str, stage: &str) -> Self {
        Self::Gateway {
            prefix: format!("arn:{partition}:execute-api:{region}:{account}:{id}/{stage}"),
        }
    }
}

/// Describes a request to an API.
///
/// # Errors
/// [`DescribeError::NoAction`] where the route has templates and none fits.
pub fn describe(api: &Api, request: Request) -> Result<Operation, DescribeError> {
    let checks = match api {
        Api::Gateway { prefix } => gateway_checks(prefix, &request)?,
        Api::Templates(templates) => {
            vec![templates.check(&request.method, &request.target).ok_or(DescribeError::NoAction)?]
        }
        Api::Unnamed => return Ok(Operation::new(request, Checks::All(Vec::new()))),
    };
    Ok(Operation::new(request, Checks::All(checks)))
}

fn gateway_checks(prefix: &str, request: &Request) -> Result<Vec<Check>, DescribeError> {
    let path = request.target.canonical_path();
    let path = path.strip_prefix('/').unwrap_or(path);
    let arn = [prefix, "/", request.method.as_str(), "/", path].concat();
    let arn = Arn::try_from(arn).map_err(|_| DescribeError::Malformed("the request has no ARN"))?;
    let action = if path.starts_with("@connections/") { MANAGE_CONNECTIONS } else { INVOKE };
    let check = |action| Check::new(Action::fixed(action), Resource::Arn(arn.clone()));
    if invalidates_cache(&request.headers) {
        return Ok(vec![check(action), check(INVALIDATE_CACHE)]);
    }
    Ok(vec![Check::new(Action::fixed(action), Resource::Arn(arn))])
}

/// Whether the caller asks API Gateway to refetch a cached answer, or might: what can't be read
/// counts as asking for it.
fn invalidates_cache(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::CACHE_CONTROL)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .any(may_be_max_age_0)
}

/// Blanks, quotes and the case of letters aside: `max-age` and not with a number above 0.
fn may_be_max_age_0(directive: &[u8]) -> bool {
    let plain = directive.iter().filter(|byte| !matches!(byte, b' ' | b'\t' | b'"'));
    let plain: Vec<u8> = plain.map(u8::to_ascii_lowercase).collect();
    if !plain.iter().all(u8::is_ascii_graphic) {
        return true;
    }
    let Some(value) = plain.strip_prefix(b"max-age") else { return false };
    let seconds = match value.split_first() {
        Some((b'=', digits)) => digits,
        Some(_) => return false,
        None => value,
    };
    let number = seconds.iter().all(u8::is_ascii_digit);
    !number || seconds.iter().all(|digit| *digit == b'0')
}

const INVOKE: &str = "execute-api:Invoke";
const MANAGE_CONNECTIONS: &str = "execute-api:ManageConnections";
const INVALIDATE_CACHE: &str = "execute-api:InvalidateCache";

#[cfg(test)]
mod tests;
