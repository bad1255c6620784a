//! `sts`: what a request to AWS STS asks for.
//!
//! The query protocol, version 2011-06-15: a form, as a `POST` body or as the query of a `GET`
//! (presigned, GetCallerIdentity is a proof of identity that others pass on).

use std::fmt;

use super::fault::{Constraints, Fault};
use super::form::form;

/// The version of the API.
pub const VERSION: &str = "2011-06-15";
/// Largest body, in bytes.
pub const MAX_BODY_BYTES: usize = 128 * 1024;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StsRequest {
    /// Credentials for a token.
    AssumeRoleWithWebIdentity(AssumeRoleWithWebIdentity),
    /// Who am I?
    GetCallerIdentity,
}

/// The parameters of AssumeRoleWithWebIdentity. `Debug` leaves the token out.
#[derive(Clone, PartialEq, Eq)]
pub struct AssumeRoleWithWebIdentity {
    /// `RoleArn`.
    pub role_arn: String,
    /// `RoleSessionName`.
    pub session_name: String,
    /// `WebIdentityToken`.
    pub token: String,
    /// `Policy`, as JSON.
    pub policy: Option<String>,
    /// `DurationSeconds`.
    pub seconds: u32,
}

impl fmt::Debug for AssumeRoleWithWebIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssumeRoleWithWebIdentity")
            .field("role_arn", &self.role_arn)
            .field("session_name", &self.session_name)
            .finish_non_exhaustive()
    }
}

impl StsRequest {
    /// Reads the parameters of a request.
    ///
    /// # Errors
    /// A fault in the service's words.
    pub fn parse(parameters: &str) -> Result<Self, Fault> {
        let parameters = form(parameters)
            .map_err(|error| Fault::new("MalformedQueryString", error.to_string()))?;
        let get = |name: &str| {
            parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
        };
        let action = get("Action").ok_or_else(|| {
            Fault::new("MissingAction", "The request must have the parameter Action.")
        })?;
        if get("Version") != Some(VERSION) {
            let message = format!("Could not find operation for version; the version is {VERSION}");
            return Err(Fault::new("InvalidAction", message));
        }
        match action {
            "GetCallerIdentity" => Ok(Self::GetCallerIdentity),
            "AssumeRoleWithWebIdentity" => {
                // A parameter that isn't known could ask for less than would be given.
                let unknown = parameters.iter().find(|(name, _)| {
                    !KNOWN.contains(&name.as_str()) && !name.starts_with("PolicyArns.")
                });
                if let Some((name, _)) = unknown {
                    let end = name.floor_char_boundary(64);
                    let name = name.get(..end).unwrap_or_default();
                    return Err(refused(&format!("The parameter {name} is not served here.")));
                }
                if parameters.iter().any(|(name, _)| name.starts_with("PolicyArns.")) {
                    let message =
                        "PolicyArns are not served here; pass their statements as Policy.";
                    return Err(refused(message));
                }
                if get("ProviderId").is_some() {
                    let message = "ProviderId is for OAuth 2.0 access tokens, which are not served \
                                   here; pass an OpenID Connect ID token.";
                    return Err(refused(message));
                }
                assume_role(get).map(Self::AssumeRoleWithWebIdentity)
            }
            other if NOT_SERVED.contains(&other) => {
                Err(Fault::new("NotImplemented", format!("{other} is not served here.")))
            }
            _ => Err(Fault::new(
                "InvalidAction",
                format!("Could not find operation for version {VERSION}"),
            )),
        }
    }

    /// The operation's name.
    pub fn operation(&self) -> &'static str {
        match self {
            Self::AssumeRoleWithWebIdentity(_) => "AssumeRoleWithWebIdentity",
            Self::GetCallerIdentity => "GetCallerIdentity",
        }
    }
}

fn assume_role<'p>(
    get: impl Fn(&str) -> Option<&'p str>,
) -> Result<AssumeRoleWithWebIdentity, Fault> {
    let mut constraints = Constraints::default();
    let (role_arn, session_name) = (get("RoleArn"), get("RoleSessionName"));
    constraints.text("roleArn", role_arn, (20, 2048), None);
    let pattern: (&str, fn(&str) -> bool) = (r"[\w+=,.@-]*", is_session_name);
    constraints.text("roleSessionName", session_name, (2, 64), Some(pattern));
    let token = get("WebIdentityToken");
    match token.map(str::len) {
        None => constraints.fail("webIdentityToken", None, "not be null"),
        Some(4..=20_000) => {}
        Some(_) => constraints.fail_secret("webIdentityToken", "have 4 to 20000 characters"),
    }
    let policy = get("Policy");
    if policy.is_some() {
        constraints.text("policy", policy, (1, 2048), None);
    }
    let written = get("DurationSeconds");
    let seconds = written.map_or(Ok(3600), str::parse::<u32>);
    match seconds {
        Ok(900..=43_200) => {}
        Ok(0..900) => {
            let must = "have value greater than or equal to 900";
            constraints.fail("durationSeconds", written, must);
        }
        Ok(_) => {
            constraints.fail("durationSeconds", written, "have value less than or equal to 43200");
        }
        Err(_) => constraints.fail("durationSeconds", written, "be an integer"),
    }
    constraints.finish(INVALID)?;
    Ok(AssumeRoleWithWebIdentity {
        role_arn: role_arn.unwrap_or_default().to_owned(),
        session_name: session_name.unwrap_or_default().to_owned(),
        token: token.unwrap_or_default().to_owned(),
        policy: policy.map(str::to_owned),
        seconds: seconds.unwrap_or(0),
    })
}

fn is_session_name(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b))
}

fn refused(message: &str) -> Fault {
    Fault::new(INVALID, message)
}

const INVALID: &str = "ValidationError";

/// The parameters of AssumeRoleWithWebIdentity, but `PolicyArns`. A session token may be as small as
/// `MinimumSessionTokenSize` says or smaller: there is nothing to do for it.
const KNOWN: [&str; 9] = [
    "Action",
    "Version",
    "RoleArn",
    "RoleSessionName",
    "WebIdentityToken",
    "ProviderId",
    "Policy",
    "DurationSeconds",
    "MinimumSessionTokenSize",
];

/// Operations of the service that aren't served.
const NOT_SERVED: [&str; 9] = [
    "AssumeRole",
    "AssumeRoleWithSAML",
    "AssumeRoot",
    "DecodeAuthorizationMessage",
    "GetAccessKeyInfo",
    "GetDelegatedAccessToken",
    "GetFederationToken",
    "GetSessionToken",
    "GetWebIdentityToken",
];

#[cfg(test)]
mod tests;
