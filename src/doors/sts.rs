//! Answers of AWS STS: the XML of the query protocol.

use ::http::{Response, StatusCode};

use super::query::{self, element};
use crate::{
    gate::{AssumedRoleUser, DecisionId, Denial, StsContent},
    upstream::AnswerBody,
};

/// An answer of the service.
pub(super) fn answered(content: &StsContent, id: &DecisionId) -> Response<AnswerBody> {
    let (operation, result) = match content {
        StsContent::AssumedRole(user) => ("AssumeRoleWithWebIdentity", assumed_role(user)),
        StsContent::CallerIdentity { user_id, account, arn } => {
            let mut xml = String::new();
            element(&mut xml, "Arn", arn);
            element(&mut xml, "UserId", user_id);
            element(&mut xml, "Account", account);
            ("GetCallerIdentity", xml)
        }
    };
    query::answered(NAMESPACE, operation, &result, id)
}

fn assumed_role(user: &AssumedRoleUser) -> String {
    let credentials = &user.credentials;
    let mut xml = String::new();
    element(&mut xml, "SubjectFromWebIdentityToken", &user.subject);
    element(&mut xml, "Audience", &user.audience);
    xml.push_str("<AssumedRoleUser>");
    element(&mut xml, "AssumedRoleId", &user.id);
    element(&mut xml, "Arn", &user.arn);
    xml.push_str("</AssumedRoleUser><Credentials>");
    element(&mut xml, "AccessKeyId", &credentials.access_key_id);
    element(&mut xml, "SecretAccessKey", credentials.secret_access_key.expose());
    element(&mut xml, "SessionToken", &credentials.session_token);
    // To the second, as AWS writes it.
    element(&mut xml, "Expiration", &credentials.expires.rfc3339().replace(".000Z", "Z"));
    xml.push_str("</Credentials>");
    element(&mut xml, "Provider", &user.provider);
    if let Some(percent) = user.packed_policy_size {
        element(&mut xml, "PackedPolicySize", &percent.to_string());
    }
    xml
}

/// A denial as an error.
pub(super) fn denied(denial: &Denial, id: &DecisionId) -> Response<AnswerBody> {
    query::denied(NAMESPACE, status, denial, id)
}

/// The statuses of the service's model; 400 where it has none.
fn status(code: &str) -> StatusCode {
    match code {
        "AccessDenied" | "IDPRejectedClaim" | "RegionDisabledException" => StatusCode::FORBIDDEN,
        "InternalFailure" => StatusCode::INTERNAL_SERVER_ERROR,
        "NotImplemented" => StatusCode::NOT_IMPLEMENTED,
        _ => StatusCode::BAD_REQUEST,
    }
}

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

#[cfg(test)]
mod tests;
