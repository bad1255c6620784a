//! What guests may do at most, whatever their role says.
//!
//! In the enhanced flow Amazon Cognito passes an inline and a managed session policy with every
//! guest's session; one of them has to allow, and the role too
//! (<https://docs.aws.amazon.com/cognito/latest/developerguide/iam-roles.html>, "Access policies for
//! unauthenticated identities"). A session of the classic flow has none.

use std::sync::{Arc, LazyLock};

use crate::iam::{Policy, PolicyKind, PolicySet};

use super::error::StsError;

/// The two session policies of guests, compiled once.
///
/// # Errors
/// [`StsError::MalformedPolicy`], never in practice: a test compiles them. No policy would be no
/// scope-down, so there is no empty answer.
pub fn guest_scope_down() -> Result<&'static PolicySet, StsError> {
    POLICIES.as_ref().map_err(|error| *error)
}

static POLICIES: LazyLock<Result<PolicySet, StsError>> = LazyLock::new(|| {
    let compile = |(name, json): (&str, &str)| {
        Policy::parse(name, PolicyKind::Session, json)
            .map(Arc::new)
            .map_err(|_| StsError::MalformedPolicy)
    };
    [(INLINE_NAME, INLINE), (MANAGED_NAME, MANAGED)].into_iter().map(compile).collect()
});

const INLINE_NAME: &str = "Amazon Cognito's scope-down of guests";

/// By service, as the developer guide lists them. AWS doesn't print the document; where the guide
/// says "a subset", it is the one of the managed policy.
const INLINE: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", "Action": [
    "appsync:*", "cloudwatch:*", "codewhisperer:*", "cognito-identity:*", "cognito-idp:*",
    "cognito-sync:*", "comprehend:*", "dynamodb:*", "execute-api:*", "firehose:*", "gamelift:*",
    "geo:GetMap*", "geo:SearchPlaceIndex*", "geo:GetPlace", "geo:CalculateRoute*", "geo:*Geofence",
    "geo:*Geofences", "geo:*DevicePosition*", "iot:*", "kinesisanalytics:*",
    "kms:Encrypt", "kms:Decrypt", "kms:ReEncryptTo", "kms:ReEncryptFrom", "kms:GenerateDataKey",
    "kms:GenerateDataKeyPair", "kms:GenerateDataKeyPairWithoutPlaintext",
    "kms:GenerateDataKeyWithoutPlaintext", "lambda:*", "lex:*", "logs:*", "machinelearning:*",
    "mobileanalytics:*", "personalize:*", "polly:*", "rekognition:*", "s3:*",
    "sagemaker:InvokeEndpoint", "sdb:*", "ses:*", "sns:*", "sqs:*", "sumerian:View*",
    "textract:DetectDocumentText", "textract:AnalyzeDocument", "transcribe:*", "translate:*"
]}]}"#;

const MANAGED_NAME: &str = "arn:aws:iam::aws:policy/AmazonCognitoUnAuthedIdentitiesSessionPolicy";

/// Version 3 of the managed policy, of 2024-11-01.
const MANAGED: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", "Action": [
    "rum:PutRumEvents", "sagemaker:InvokeEndpoint", "polly:*", "comprehend:*", "translate:*",
    "transcribe:*", "rekognition:*", "mobiletargeting:*", "firehose:*", "personalize:*",
    "geo:GetMap*", "geo:SearchPlaceIndex*", "geo:GetPlace", "geo:CalculateRoute*", "geo:*Geofence",
    "geo:*Geofences", "geo:*DevicePosition*", "kms:Encrypt", "kms:Decrypt", "kms:ReEncryptTo",
    "kms:ReEncryptFrom", "kms:GenerateDataKey", "kms:GenerateDataKeyPair",
    "kms:GenerateDataKeyPairWithoutPlaintext", "kms:GenerateDataKeyWithoutPlaintext"
]}]}"#;

#[cfg(test)]
mod tests;
