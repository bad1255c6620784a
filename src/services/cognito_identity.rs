//! `cognito-identity`: what a request to the identity pools asks for.
//!
//! JSON 1.1: `POST /` with the operation in `X-Amz-Target`, members in the body. Lengths and patterns
//! are those of the service's model. Beside the operations there is one request of HTTP: for the keys of
//! the pools' own tokens.

use std::fmt;

use ::http::Method;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::fault::{Constraints, Fault};

/// What `X-Amz-Target` begins with.
pub const TARGET_PREFIX: &str = "AWSCognitoIdentityService.";
/// Where the keys of the pools' own tokens are.
pub const POOL_KEYS_PATH: &str = "/.well-known/jwks_uri";
/// Largest body, in bytes: ten logins of 50 000 characters each would be refused by any front end of
/// AWS; a token here has at most 8 KiB.
pub const MAX_BODY_BYTES: usize = 128 * 1024;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentityRequest {
    /// The keys of the pools' own tokens.
    PoolKeys,
    /// The identity of a login, or a new guest's.
    GetId {
        /// `IdentityPoolId`.
        pool: String,
        /// `Logins`.
        logins: Logins,
    },
    /// Temporary credentials.
    GetCredentialsForIdentity {
        /// `IdentityId`.
        identity: String,
        /// `Logins`.
        logins: Logins,
        /// `CustomRoleArn`.
        custom_role: Option<String>,
    },
    /// The pool's own token.
    GetOpenIdToken {
        /// `IdentityId`.
        identity: String,
        /// `Logins`.
        logins: Logins,
    },
}

/// Provider names with the callers' tokens, each provider once. `Debug` leaves the tokens out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Logins(pub Vec<(String, String)>);

impl fmt::Debug for Logins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(provider, _)| provider)).finish()
    }
}

impl IdentityRequest {
    /// Reads a request; `target` is its `X-Amz-Target`.
    ///
    /// # Errors
    /// A fault in the service's words.
    pub fn parse(
        method: &Method,
        path: &str,
        target: Option<&str>,
        body: &[u8],
    ) -> Result<Self, Fault> {
        match *method {
            Method::GET | Method::HEAD if path == POOL_KEYS_PATH => return Ok(Self::PoolKeys),
            Method::POST if path == "/" => {}
            _ => return Err(unknown("an operation is a POST to /")),
        }
        let operation = target.and_then(|target| target.strip_prefix(TARGET_PREFIX));
        let operation = operation.ok_or_else(|| unknown("X-Amz-Target names no operation"))?;
        let read = match operation {
            "GetId" => get_id,
            "GetCredentialsForIdentity" => get_credentials,
            "GetOpenIdToken" => get_open_id_token,
            other if NOT_SERVED.contains(&other) => {
                let message = format!("{other} is not served here.");
                return Err(Fault::new("NotImplementedException", message));
            }
            _ => return Err(unknown("the service has no such operation")),
        };
        // The parser's own message would repeat some of the body, and it takes an array for an object.
        let object = body.trim_ascii_start().starts_with(b"{");
        let members = serde_json::from_slice(body).ok().filter(|_| object).ok_or_else(|| {
            Fault::new("SerializationException", "The body is not the operation's JSON.")
        })?;
        read(members)
    }

    /// The operation's name.
    pub fn operation(&self) -> &'static str {
        match self {
            Self::PoolKeys => "PoolKeys",
            Self::GetId { .. } => "GetId",
            Self::GetCredentialsForIdentity { .. } => "GetCredentialsForIdentity",
            Self::GetOpenIdToken { .. } => "GetOpenIdToken",
        }
    }
}

/// The members of the three operations. Others are passed over, as AWS does: of what the model has
/// today, none narrows what is asked for.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Members {
    account_id: Option<String>,
    identity_pool_id: Option<String>,
    identity_id: Option<String>,
    logins: Option<Logins>,
    custom_role_arn: Option<String>,
}

fn get_id(members: Members) -> Result<IdentityRequest, Fault> {
    let mut constraints = Constraints::default();
    id(&mut constraints, "identityPoolId", members.identity_pool_id.as_deref());
    // A pool's id is the account's own business: an account that differs is not looked at.
    if let Some(account) = &members.account_id {
        let digits: fn(&str) -> bool = |text| text.bytes().all(|b| b.is_ascii_digit());
        constraints.text("accountId", Some(account), (1, 15), Some((r"\d+", digits)));
    }
    let logins = logins(&mut constraints, members.logins);
    constraints.finish(INVALID)?;
    Ok(IdentityRequest::GetId { pool: members.identity_pool_id.unwrap_or_default(), logins })
}

fn get_credentials(members: Members) -> Result<IdentityRequest, Fault> {
    let mut constraints = Constraints::default();
    id(&mut constraints, "identityId", members.identity_id.as_deref());
    if let Some(role) = &members.custom_role_arn {
        constraints.text("customRoleArn", Some(role), (20, 2048), None);
    }
    let logins = logins(&mut constraints, members.logins);
    constraints.finish(INVALID)?;
    let identity = members.identity_id.unwrap_or_default();
    let custom_role = members.custom_role_arn;
    Ok(IdentityRequest::GetCredentialsForIdentity { identity, logins, custom_role })
}

fn get_open_id_token(members: Members) -> Result<IdentityRequest, Fault> {
    let mut constraints = Constraints::default();
    id(&mut constraints, "identityId", members.identity_id.as_deref());
    let logins = logins(&mut constraints, members.logins);
    constraints.finish(INVALID)?;
    let identity = members.identity_id.unwrap_or_default();
    Ok(IdentityRequest::GetOpenIdToken { identity, logins })
}

/// The id of a pool or an identity, which look the same.
fn id(constraints: &mut Constraints, at: &str, value: Option<&str>) {
    constraints.text(at, value, (1, 55), Some((r"[\w-]+:[0-9a-f-]+", is_id)));
}

fn is_id(text: &str) -> bool {
    text.split_once(':').is_some_and(|(region, uuid)| {
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        let hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-');
        !region.is_empty() && !uuid.is_empty() && region.bytes().all(word) && uuid.bytes().all(hex)
    })
}

/// Tokens are secrets: what is wrong with them is told without them.
fn logins(constraints: &mut Constraints, logins: Option<Logins>) -> Logins {
    let logins = logins.unwrap_or_default();
    if logins.0.len() > MAX_LOGINS {
        constraints.fail_secret("logins", "have length less than or equal to 10");
    }
    for (provider, token) in logins.0.iter().take(MAX_LOGINS) {
        if !(1..=128).contains(&provider.chars().count()) {
            constraints.fail_secret("logins", "have keys of 1 to 128 characters");
        }
        if !(1..=50_000).contains(&token.len()) {
            constraints.fail_secret("logins", "have values of 1 to 50000 characters");
        }
    }
    logins
}

impl<'de> Deserialize<'de> for Logins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Logins;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Logins, A::Error> {
                let mut logins: Vec<(String, String)> = Vec::new();
                while let Some((provider, token)) = map.next_entry::<String, String>()? {
                    // Of two, only one could be meant; and the list is for looking at, not for room.
                    if logins.len() > MAX_LOGINS || logins.iter().any(|(p, _)| *p == provider) {
                        return Err(serde::de::Error::custom("a provider is there twice"));
                    }
                    logins.push((provider, token));
                }
                Ok(Logins(logins))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

fn unknown(message: &str) -> Fault {
    Fault::new("UnknownOperationException", message)
}

/// The exception that the service's model has for members that break its rules.
const INVALID: &str = "InvalidParameterException";
const MAX_LOGINS: usize = 10;

/// Operations of the service that aren't served.
const NOT_SERVED: [&str; 20] = [
    "CreateIdentityPool",
    "DeleteIdentities",
    "DeleteIdentityPool",
    "DescribeIdentity",
    "DescribeIdentityPool",
    "GetIdentityPoolRoles",
    "GetOpenIdTokenForDeveloperIdentity",
    "GetPrincipalTagAttributeMap",
    "ListIdentities",
    "ListIdentityPools",
    "ListTagsForResource",
    "LookupDeveloperIdentity",
    "MergeDeveloperIdentities",
    "SetIdentityPoolRoles",
    "SetPrincipalTagAttributeMap",
    "TagResource",
    "UnlinkDeveloperIdentity",
    "UnlinkIdentity",
    "UntagResource",
    "UpdateIdentityPool",
];

#[cfg(test)]
mod tests;
