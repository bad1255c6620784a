//! The way from the doors to whoever writes the policies of buckets and tables, and the answers.

use std::time::Duration;

use ::http::{Response, StatusCode};
use serde_json::json;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::{answers::Language, dynamodb, s3};
use crate::{
    gate::{DecisionId, PolicyContent, PolicyPermit},
    services::dynamodb::DynamoDbError,
    upstream::AnswerBody,
};

/// Where permits to change a policy go. Bounded: a caller that finds it full is told to come again.
pub struct PolicyQueue(mpsc::Sender<PolicyOrder>);

/// What is to be done, and who waits for it.
pub struct PolicyOrder {
    /// Leave to do it.
    pub permit: Box<PolicyPermit>,
    /// The decision that gave it.
    pub decision: String,
    /// Who waits; told after the change is in force.
    pub done: oneshot::Sender<Result<Changed, ChangeError>>,
}

/// A change that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The revision of the policy that is there now; of one that was deleted, its last.
    pub revision: Option<String>,
}

/// Why a policy stayed as it was, as far as anyone knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The policy isn't the one that the caller expects.
    #[error("there is no policy of the expected revision")]
    Revision,
    /// Too many changes wait.
    #[error("too many policies are being changed; try again")]
    Busy,
    /// It took too long; the change may still come into force.
    #[error("the policy could not be changed in time; ask for it before you try again")]
    Late,
    /// A file can't be read or written.
    #[error("the policy can't be written to the folder of policies: {0}")]
    Unwritable(String),
    /// The files differ from what is in force.
    #[error("the policy's file was changed and isn't in force yet; try again")]
    Overtaken,
    /// The configuration with the change can't be loaded.
    #[error("the configuration can't be loaded with this policy; the last one stays in force")]
    Refused,
}

impl ChangeError {
    /// A stable code for logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Revision => "policy_revision",
            Self::Busy => "policy_queue_full",
            Self::Late => "policy_change_timeout",
            Self::Unwritable(_) => "policy_not_writable",
            Self::Overtaken => "policy_overtaken",
            Self::Refused => "policy_refused",
        }
    }
}

impl PolicyQueue {
    /// A queue, and what comes out of it.
    pub fn new() -> (Self, mpsc::Receiver<PolicyOrder>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), receiver)
    }

    /// Has a change made, and waits until it is in force.
    pub(super) async fn change(
        &self,
        permit: Box<PolicyPermit>,
        id: &DecisionId,
    ) -> Result<Changed, ChangeError> {
        let (done, told) = oneshot::channel();
        let order = PolicyOrder { permit, decision: id.as_str().to_owned(), done };
        self.0.try_send(order).map_err(|_| ChangeError::Busy)?;
        match timeout(DEADLINE, told).await {
            Ok(Ok(outcome)) => outcome,
            // Nobody is left to tell, or nobody did in time.
            Ok(Err(_)) | Err(_) => Err(ChangeError::Late),
        }
    }
}

/// The answer to a change.
pub(super) fn changed(
    language: Language,
    outcome: &Result<Changed, ChangeError>,
    (path, id): (&str, &DecisionId),
) -> Response<AnswerBody> {
    match (language, outcome) {
        (Language::DynamoDb, Ok(Changed { revision })) => {
            let body = match revision {
                Some(revision) => json!({ "RevisionId": revision }),
                None => json!({}),
            };
            dynamodb::ok(&body, id)
        }
        (Language::DynamoDb, Err(ChangeError::Revision)) => {
            let error = DynamoDbError::PolicyNotFound;
            dynamodb::answer(StatusCode::BAD_REQUEST, error.exception(), &error.to_string(), id)
        }
        (Language::DynamoDb, Err(error)) => {
            let busy = matches!(error, ChangeError::Busy);
            let (status, name) = match busy {
                true => (StatusCode::BAD_REQUEST, "LimitExceededException"),
                false => (StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError"),
            };
            let kind = dynamodb::exception(dynamodb::SERVICE, name);
            dynamodb::answer(status, &kind, &error.to_string(), id)
        }
        // Buckets' policies have no revisions.
        (_, Ok(_)) => s3::no_content(id),
        (_, Err(error)) => {
            let busy = matches!(error, ChangeError::Busy);
            let (status, code) = match busy {
                true => (StatusCode::SERVICE_UNAVAILABLE, "SlowDown"),
                false => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
            };
            s3::error(status, code, &error.to_string(), (path, id))
        }
    }
}

/// A policy as it was put.
pub(super) fn told(content: &PolicyContent, id: &DecisionId) -> Response<AnswerBody> {
    match content {
        PolicyContent::Bucket(policy) => s3::json(policy, id),
        PolicyContent::Resource { policy, revision } => {
            dynamodb::ok(&json!({ "Policy": &**policy, "RevisionId": revision }), id)
        }
    }
}

/// Changes that wait for their turn; each has at most 20 KB.
const WAITING: usize = 16;
/// How long a caller waits for its own.
const DEADLINE: Duration = Duration::from_secs(10);
