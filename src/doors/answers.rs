//! Which language an answer speaks, and the answers of APIs.

use ::http::{HeaderMap, HeaderValue, Response, StatusCode, header, request::Parts};
use bytes::Bytes;

use super::{calls, cognito_identity, dynamodb, iam, policies, s3, sts, verified_permissions};
use crate::{
    gate::{
        Answer, BuiltIn, Challenge, Content, DecisionId, Denial, Destination, Refusal, Rules,
        Service,
    },
    http::{BearerChallenge, DpopChallenge, Problem},
    upstream::{AnswerBody, ForwardError},
};

/// The language of whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// Problem details (RFC 9457) with RFC 6750's challenge.
    Api,
    /// The same of a gRPC call.
    Grpc,
    /// S3's XML.
    S3,
    /// DynamoDB's JSON.
    DynamoDb,
    /// One of the services that are answered here.
    BuiltIn(BuiltIn),
}

impl Language {
    /// The language that a request says itself it speaks, before it is known where it goes.
    pub(super) fn of_head(head: &Parts) -> Self {
        match () {
            () if s3::signed_for_s3(&head.headers, head.uri.query()) => Self::S3,
            () if dynamodb::targets_dynamodb(&head.headers) => Self::DynamoDb,
            () if calls::is_call(head) => Self::Grpc,
            () => Self::Api,
        }
    }

    /// The language of what a request goes to, if it goes anywhere; else that of its head.
    pub(super) fn of(self, rules: &Rules, destination: Option<Destination>) -> Self {
        match (Self::spoken_at(rules, destination), self) {
            (Some(Self::Api), Self::Grpc) => Self::Grpc,
            (Some(language), _) => language,
            (None, language) => language,
        }
    }

    fn spoken_at(rules: &Rules, destination: Option<Destination>) -> Option<Self> {
        Some(match destination? {
            Destination::BuiltIn(service) => Self::BuiltIn(service),
            Destination::Route(index) => match rules.routes.route(index)?.service {
                Service::S3 => Self::S3,
                Service::DynamoDb(_) => Self::DynamoDb,
                Service::ExecuteApi(_) | Service::CognitoIdp => Self::Api,
            },
        })
    }

    /// A denial, of a request for `path`.
    pub(super) fn denied(
        self,
        denial: &Denial,
        path: &str,
        id: &DecisionId,
    ) -> Response<AnswerBody> {
        let mut response = match self {
            Self::S3 => s3::denied(denial, path, id),
            Self::DynamoDb => dynamodb::denied(denial, id),
            Self::BuiltIn(BuiltIn::CognitoIdentity) => cognito_identity::denied(denial, id),
            Self::BuiltIn(BuiltIn::Sts) => sts::denied(denial, id),
            Self::BuiltIn(BuiltIn::Iam) => iam::denied(denial, id),
            Self::BuiltIn(BuiltIn::VerifiedPermissions) => verified_permissions::denied(denial, id),
            Self::Api => denied(denial, id).map(AnswerBody::own),
            Self::Grpc => calls::worded(denied(denial, id), &denial.detail),
        };
        if let Refusal::Throttled(seconds) = denial.refusal {
            retry_after(&mut response, seconds);
        }
        response
    }

    /// A permitted request that got no answer.
    pub(super) fn failed(
        self,
        error: &ForwardError,
        path: &str,
        id: &DecisionId,
    ) -> Response<AnswerBody> {
        let mut response = match self {
            Self::S3 => s3::failed(error, path, id),
            Self::DynamoDb => dynamodb::failed(error, id),
            Self::Api | Self::Grpc | Self::BuiltIn(_) => {
                let problem =
                    Problem::new(error.status(), error.reason(), error.detail().to_owned())
                        .decision_id(id.as_str())
                        .into_response();
                match self {
                    Self::Grpc => calls::worded(problem, error.detail()),
                    _ => problem.map(AnswerBody::own),
                }
            }
        };
        if let ForwardError::Busy = error {
            retry_after(&mut response, 1);
        }
        response
    }
}

/// When to try again (RFC 9110 §10.2.3).
fn retry_after<B>(response: &mut Response<B>, seconds: u32) {
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
}

/// What the gate answers itself.
pub(super) fn answered(answer: &Answer, id: &DecisionId) -> Response<AnswerBody> {
    match &answer.content {
        Content::Preflight => preflight(),
        Content::RoutePreflight(headers) => route_preflight(headers),
        // Its door words the decision itself.
        Content::Typed | Content::Searched(_) => Response::new(AnswerBody::own("")),
        Content::CognitoIdentity(content) => cognito_identity::answered(content, id),
        Content::Sts(content) => sts::answered(content, id),
        Content::Policy(content) => policies::told(content, id),
        Content::Iam(content) => iam::answered(content, id),
        Content::VerifiedPermissions(content) => verified_permissions::answered(content, id),
    }
}

/// Any page may call the services that are answered here: whoever calls them needs a token, and
/// browsers send none by themselves.
fn preflight() -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::own(""));
    let headers = response.headers_mut();
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, "172800"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// What a route's `cors` says.
fn route_preflight(headers: &HeaderMap) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::own(""));
    *response.status_mut() = StatusCode::NO_CONTENT;
    *response.headers_mut() = headers.clone();
    response
}

/// A denial as an API's caller expects it.
pub(super) fn denied(denial: &Denial, id: &DecisionId) -> Response<Bytes> {
    let status = match &denial.refusal {
        Refusal::BadRequest | Refusal::Fault(_) | Refusal::DynamoDb(_) => StatusCode::BAD_REQUEST,
        Refusal::MissingCredential | Refusal::InvalidCredential | Refusal::ExpiredCredential => {
            StatusCode::UNAUTHORIZED
        }
        Refusal::InsufficientScope(_) | Refusal::AccessDenied | Refusal::Items(_) => {
            StatusCode::FORBIDDEN
        }
        // As API Gateway answers requests whose AWS signature fails.
        Refusal::Signature(_) | Refusal::Credentials(_) => StatusCode::FORBIDDEN,
        Refusal::NotFound => StatusCode::NOT_FOUND,
        Refusal::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
        Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::S3(error) => error.status(),
    };
    let problem =
        Problem::new(status, denial.reason, denial.detail.clone()).decision_id(id.as_str());
    let problem = challenged(problem, denial);
    let mut response = problem.into_response();
    match denial.refusal {
        Refusal::Unavailable => retry_after(&mut response, 1),
        Refusal::Throttled(seconds) => retry_after(&mut response, seconds),
        _ => {}
    }
    response
}

/// The `WWW-Authenticate` headers that a denial calls for.
fn challenged(problem: Problem, denial: &Denial) -> Problem {
    let description = denial.detail.clone();
    let (bearer, dpop) = match &denial.refusal {
        Refusal::MissingCredential => (BearerChallenge::Missing, DpopChallenge::Welcome),
        Refusal::InvalidCredential | Refusal::ExpiredCredential => {
            let dpop = match denial.challenge {
                Challenge::Dpop => DpopChallenge::InvalidToken { description: description.clone() },
                Challenge::DpopProof => {
                    DpopChallenge::InvalidProof { description: description.clone() }
                }
                Challenge::Bearer | Challenge::Both => DpopChallenge::Welcome,
            };
            (BearerChallenge::InvalidToken { description }, dpop)
        }
        Refusal::InsufficientScope(scope) => (
            BearerChallenge::InsufficientScope { scope: scope.clone() },
            DpopChallenge::InsufficientScope { scope: scope.clone() },
        ),
        _ => return problem,
    };
    match denial.challenge {
        Challenge::Bearer => problem.challenge(bearer),
        Challenge::Both => problem.challenge(bearer).dpop(dpop),
        Challenge::Dpop | Challenge::DpopProof => problem.dpop(dpop),
    }
}

/// What the AWS SDKs send from a browser.
const ALLOWED_HEADERS: &str = "Authorization, Content-Type, X-Amz-Date, X-Amz-Target, \
    X-Amz-Security-Token, X-Amz-User-Agent, X-Amz-Content-Sha256, amz-sdk-invocation-id, \
    amz-sdk-request, Cache-Control";
