//! API Gateway's `execute-api`: an HTTP API in IAM's terms.
//!
//! Action `execute-api:Invoke` on `arn:PARTITION:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH`,
//! where PATH is the request's own path without its leading slash, not a template (API Gateway
//! Developer Guide, "Control access for invoking an API"). `POST` to `/@connections/…` is
//! `execute-api:ManageConnections`; a request whose `Cache-Control` says `max-age=0` also needs
//! `execute-api:InvalidateCache`.

use ::http::{HeaderMap, Method, header};

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
        Api::Unnamed => return Ok(Operation { request, checks: Checks::All(Vec::new()) }),
    };
    Ok(Operation { request, checks: Checks::All(checks) })
}

fn gateway_checks(prefix: &str, request: &Request) -> Result<Vec<Check>, DescribeError> {
    let path = request.target.canonical_path();
    let path = path.strip_prefix('/').unwrap_or(path);
    let arn = Arn::parse(&format!("{prefix}/{}/{path}", request.method))
        .map_err(|_| DescribeError::Malformed("the request has no ARN"))?;
    let connections = request.method == Method::POST && path.starts_with("@connections/");
    let action = if connections { MANAGE_CONNECTIONS } else { INVOKE };
    let mut checks = vec![Check::new(Action::new(action), Resource::Arn(arn.clone()))];
    if invalidates_cache(&request.headers) {
        checks.push(Check::new(Action::new(INVALIDATE_CACHE), Resource::Arn(arn)));
    }
    Ok(checks)
}

/// Whether the caller asks API Gateway to refetch a cached answer.
fn invalidates_cache(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|directive| {
            let compact: String = directive.chars().filter(|c| !c.is_whitespace()).collect();
            compact.eq_ignore_ascii_case("max-age=0")
        })
}

const INVOKE: &str = "execute-api:Invoke";
const MANAGE_CONNECTIONS: &str = "execute-api:ManageConnections";
const INVALIDATE_CACHE: &str = "execute-api:InvalidateCache";

#[cfg(test)]
mod tests;
