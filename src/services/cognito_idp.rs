//! `cognito-idp`: a user pool behind the gate.
//!
//! The operations that the service's model marks as unsigned authenticate by what is in their body
//! (a password, a refresh token, an access token) and are forwarded as public, as are a configured
//! pool's discovery document and keys. Everything else wants a signature.

use ::http::{Method, header};

use super::{Checks, DescribeError, Operation, Request};
use crate::http;

/// What `X-Amz-Target` begins with.
pub const TARGET_PREFIX: &str = "AWSCognitoIdentityProviderService.";

/// Describes a request to a user pool; `pools` are the configured pool ids.
///
/// # Errors
/// [`DescribeError::NotForwarded`] for an operation that must be signed or that the model lacks,
/// [`DescribeError::Malformed`] for a request that isn't the service's.
pub fn describe(request: Request, pools: &[String]) -> Result<Operation, DescribeError> {
    if is_well_known(&request, pools) {
        return Ok(Operation::new(request, Checks::Public));
    }
    let operation = operation(&request)?;
    // Sorted, see the test.
    if UNSIGNED.binary_search(&operation.as_str()).is_err() {
        return Err(DescribeError::NotForwarded(format!("cognito-idp:{operation}")));
    }
    Ok(Operation::new(request, Checks::Public))
}

/// `GET /<pool id>/.well-known/…` of a configured pool.
fn is_well_known(request: &Request, pools: &[String]) -> bool {
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return false;
    }
    is_well_known_path(request.target.path(), pools)
}

/// Whether `path` is that of a configured pool's discovery document or keys.
pub fn is_well_known_path(path: &str, pools: &[String]) -> bool {
    let mut segments = path.split('/').skip(1);
    let pool = segments.next();
    pool.is_some_and(|id| pools.iter().any(|known| known == id))
        && segments.next() == Some(".well-known")
        && matches!(segments.next(), Some("jwks.json" | "openid-configuration"))
        && segments.next().is_none()
}

/// The operation that `X-Amz-Target` names.
fn operation(request: &Request) -> Result<String, DescribeError> {
    if request.method != Method::POST || request.target.path_and_query().as_str() != "/" {
        return Err(DescribeError::Malformed("an operation of a user pool is a POST to /"));
    }
    let content_type = request.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let essence = content_type.and_then(|v| v.split(';').next()).map(str::trim);
    if essence != Some("application/x-amz-json-1.1") {
        return Err(DescribeError::Malformed(
            "an operation of a user pool has the content type application/x-amz-json-1.1",
        ));
    }
    let mut targets = request.headers.get_all(http::TARGET).iter();
    let (target, None) = (targets.next(), targets.next()) else {
        return Err(DescribeError::Malformed("there must be one X-Amz-Target"));
    };
    target
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix(TARGET_PREFIX))
        .filter(|name| name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric()))
        .map(str::to_owned)
        .ok_or(DescribeError::Malformed("X-Amz-Target is not that of a user pool's operation"))
}

/// The operations that the model of `cognito-idp` marks as unsigned (botocore 1.44), sorted.
const UNSIGNED: [&str; 34] = [
    "AssociateSoftwareToken",
    "ChangePassword",
    "CompleteWebAuthnRegistration",
    "ConfirmDevice",
    "ConfirmForgotPassword",
    "ConfirmSignUp",
    "DeleteUser",
    "DeleteUserAttributes",
    "DeleteWebAuthnCredential",
    "ForgetDevice",
    "ForgotPassword",
    "GetDevice",
    "GetTokensFromRefreshToken",
    "GetUser",
    "GetUserAttributeVerificationCode",
    "GetUserAuthFactors",
    "GlobalSignOut",
    "InitiateAuth",
    "ListDevices",
    "ListUserSessions",
    "ListWebAuthnCredentials",
    "ResendConfirmationCode",
    "RespondToAuthChallenge",
    "RevokeToken",
    "RevokeUserSession",
    "SetUserMFAPreference",
    "SetUserSettings",
    "SignUp",
    "StartWebAuthnRegistration",
    "UpdateAuthEventFeedback",
    "UpdateDeviceStatus",
    "UpdateUserAttributes",
    "VerifySoftwareToken",
    "VerifyUserAttribute",
];

#[cfg(test)]
mod tests;
