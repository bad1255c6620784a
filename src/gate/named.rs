//! The service that a request names itself, before host and path are asked: by the scope of its
//! signature, by `X-Amz-Target`, or by a form's `Action`.

use ::http::HeaderMap;

use super::{Denial, Refusal};
use crate::{
    http,
    services::{cognito_identity, cognito_idp, dynamodb, verified_permissions},
};

/// The service that a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    CognitoIdentity,
    CognitoIdp,
    Sts,
    Iam,
    VerifiedPermissions,
    S3,
    DynamoDb,
    ExecuteApi,
    /// One that isn't served.
    Other,
}

impl Named {
    /// What the `scope` of the signature, `X-Amz-Target` and a form's `action` name.
    ///
    /// # Errors
    /// A denial if they disagree.
    pub(super) fn by(
        scope: Option<&str>,
        headers: &HeaderMap,
        action: Option<Self>,
    ) -> Result<Option<Self>, Denial> {
        let target = headers.get(http::TARGET).and_then(|v| Self::by_target(v.as_bytes()));
        let mut named = [scope.map(Self::by_scope), target, action].into_iter().flatten();
        let first = named.next();
        match named.all(|other| Some(other) == first) {
            true => Ok(first),
            false => {
                let detail = "signature, X-Amz-Target and Action have to name the same service";
                Err(Denial::new("service_disagrees", Refusal::BadRequest, detail))
            }
        }
    }

    fn by_scope(service: &str) -> Self {
        match service {
            "s3" => Self::S3,
            // Streams are signed as tables are.
            "dynamodb" => Self::DynamoDb,
            "execute-api" => Self::ExecuteApi,
            "cognito-idp" => Self::CognitoIdp,
            "cognito-identity" => Self::CognitoIdentity,
            "sts" => Self::Sts,
            "iam" => Self::Iam,
            "verifiedpermissions" => Self::VerifiedPermissions,
            _ => Self::Other,
        }
    }

    /// None for a target that isn't one of AWS's: an API may have targets of its own.
    fn by_target(target: &[u8]) -> Option<Self> {
        let prefixes: [(&[u8], Self); 7] = [
            (cognito_idp::TARGET_PREFIX.as_bytes(), Self::CognitoIdp),
            (cognito_identity::TARGET_PREFIX.as_bytes(), Self::CognitoIdentity),
            (dynamodb::TARGET_PREFIX.as_bytes(), Self::DynamoDb),
            (dynamodb::STREAMS_TARGET_PREFIX.as_bytes(), Self::DynamoDb),
            (verified_permissions::TARGET_PREFIX.as_bytes(), Self::VerifiedPermissions),
            (b"DynamoDB", Self::Other),
            (b"AWS", Self::Other),
        ];
        // The first that fits: of what is AWS's and not served, the rest is told last.
        let of_aws = prefixes.into_iter().find(|(prefix, _)| target.starts_with(prefix));
        of_aws.map(|(_, named)| named)
    }
}
