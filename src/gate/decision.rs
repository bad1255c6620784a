//! What the gate answers: a permit or a denial.

use std::{borrow::Cow, fmt, sync::Arc};

use ::http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::{
    Answer, CredentialError, Destination, Heard, Judged, Permit, PolicyPermit, RouteIndex, Tables,
    Trail, authenticate::Login, random,
};
use crate::{
    http::{ClientCertificate, IdentityHeaders, RequestError},
    iam::StatementRef,
    identity::Assumed,
    services::{
        dynamodb::{DynamoDbError, TableSchemas},
        s3::{Merge, PostAnswer, S3Error},
    },
    sigv4::SigV4Error,
};

/// The answer to one question.
#[derive(Debug)]
pub struct Decision {
    /// Names this decision in the answer, the decision log and the upstream request.
    pub id: DecisionId,
    /// Where the request goes, as far as it was found.
    pub destination: Option<Destination>,
    /// Who is calling, as far as it was established.
    pub login: Login,
    /// Whether it has a token that wasn't known and had to be verified, which takes most of a decision's time.
    pub verified_anew: bool,
    /// As which role it acts, as far as it was established.
    pub assumed: Option<Arc<Assumed>>,
    /// What was asked of IAM: action and resource of each check, as far as described.
    pub checks: Vec<(Cow<'static, str>, String)>,
    /// What was asked in Cedar's terms, where that was the question; of a search, what was found, or the
    /// first of it.
    pub typed: Vec<Judged>,
    /// What each engine said, where there are several, and what others would have said.
    pub heard: Heard,
    /// The certificate that the caller proved to have, if it has one.
    pub certificate: Option<Arc<ClientCertificate>>,
    /// Allowed or denied.
    pub outcome: Outcome,
    /// The steps taken, if someone listened.
    pub trail: Trail,
}

impl Decision {
    /// The denial of a request that can't be understood, or that means two things.
    pub fn refused(error: RequestError) -> Self {
        Self::undecided(Denial::from(error))
    }

    /// The denial of a head that never became a request.
    pub fn unread(reason: &'static str, detail: &str) -> Self {
        Self::undecided(Denial::new(reason, Refusal::BadRequest, detail))
    }

    /// The route the request took, if there is one.
    pub fn route(&self) -> Option<RouteIndex> {
        match self.destination {
            Some(Destination::Route(index)) => Some(index),
            _ => None,
        }
    }

    /// What may be told of the caller, as far as it was established.
    pub fn identity(&self) -> IdentityHeaders {
        identity_headers(&self.login, self.assumed.as_deref())
    }

    fn undecided(denial: Denial) -> Self {
        Self {
            id: DecisionId::fresh(),
            destination: None,
            login: Login::Anonymous,
            verified_anew: false,
            assumed: None,
            checks: Vec::new(),
            typed: Vec::new(),
            heard: Heard::default(),
            certificate: None,
            outcome: Outcome::Deny(denial),
            trail: Trail::Off,
        }
    }
}

/// Allowed or denied. There is no default.
#[derive(Debug)]
pub enum Outcome {
    /// Allowed: what may be forwarded.
    Allow(Box<Permit>),
    /// Answered here.
    Answer(Box<Answer>),
    /// Allowed: how the policy of a bucket or a table may be changed.
    Change(Box<PolicyPermit>),
    /// Denied.
    Deny(Denial),
}

impl Outcome {
    /// What it stands on, if it is an allow.
    pub fn grounds(&self) -> Option<&Grounds> {
        match self {
            Self::Allow(permit) => Some(permit.grounds()),
            Self::Answer(answer) => Some(&answer.grounds),
            Self::Change(permit) => Some(permit.grounds()),
            Self::Deny(_) => None,
        }
    }

    /// What else an operator wants to know: of a denial, what was found; of an allow, the objects that
    /// were refused while others were not; of a search, what was searched for.
    pub fn found(&self) -> Value {
        match self {
            Self::Allow(permit) => permit.answer().merge.as_ref().map_or(Value::Null, refused),
            Self::Answer(answer) => answer.content.found(),
            Self::Change(_) => Value::Null,
            Self::Deny(denial) => (*denial.found).clone(),
        }
    }
}

fn refused(merge: &Merge) -> Value {
    let keys = merge.refused.iter().take(MAX_KEYS).map(|refused| refused.key.as_str());
    json!({ "refused": merge.refused.len(), "keys": keys.collect::<Vec<_>>() })
}

/// Keys of refused objects that are told; there may be a thousand.
const MAX_KEYS: usize = 100;

/// What an allow stands on. Nothing else can make one.
#[derive(Clone, Debug)]
pub enum Grounds {
    /// IAM statements that allow every check.
    Statements(Vec<StatementRef>),
    /// Cedar policies that permit it, by id.
    Permit(Vec<String>),
    /// Both.
    Both(Vec<StatementRef>, Vec<String>),
    /// The route asks for a token only, and the token is valid.
    Token,
    /// The route says `authenticate: none`.
    PublicRoute,
    /// The service lets anyone do this.
    PublicOperation,
    /// AWS always allows this to whoever has credentials (GetCallerIdentity).
    AlwaysAllowed,
    /// A role's trust policy lets the caller have it.
    TrustPolicy,
    /// A browser asks whether it may ask (CORS).
    Preflight,
}

impl Grounds {
    /// A stable code for metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Statements(_) => "allowed_by_policy",
            Self::Permit(_) => "allowed_by_cedar",
            Self::Both(..) => "allowed_by_both",
            Self::Token => "valid_token",
            Self::PublicRoute => "public_route",
            Self::PublicOperation => "public_operation",
            Self::AlwaysAllowed => "always_allowed",
            Self::TrustPolicy => "allowed_by_trust_policy",
            Self::Preflight => "cors_preflight",
        }
    }
}

/// Why a request is denied, and how to say so.
#[derive(Clone, Debug)]
pub struct Denial {
    /// A stable code for metrics and logs.
    pub reason: &'static str,
    /// Which kind of answer it calls for.
    pub refusal: Refusal,
    /// A sentence for the caller, without secrets.
    pub detail: String,
    /// In which scheme of authentication an API's answer is worded.
    pub challenge: Challenge,
    /// What else an operator wants to know: for the decision log and `explain`, and what an exception has
    /// beside its message.
    pub found: Box<Value>,
}

impl Denial {
    /// A denial of which there is nothing more to tell.
    pub(super) fn new(reason: &'static str, refusal: Refusal, detail: impl Into<String>) -> Self {
        let (detail, challenge) = (detail.into(), Challenge::default());
        Self { reason, refusal, detail, challenge, found: Box::default() }
    }

    /// Whether what follows on the connection can't be trusted either.
    pub fn ends_connection(&self) -> bool {
        self.refusal == Refusal::BadRequest
    }

    /// The same, worded in another scheme of authentication.
    pub(super) fn challenged(self, challenge: Challenge) -> Self {
        Self { challenge, ..self }
    }

    /// The same, with what else an operator wants to know.
    pub(super) fn with(self, found: Value) -> Self {
        Self { found: Box::new(found), ..self }
    }
}

/// The schemes of authentication that an API's 401 or 403 names (RFC 6750 §3, RFC 9449 §7.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Challenge {
    /// `Bearer`.
    #[default]
    Bearer,
    /// `DPoP`.
    Dpop,
    /// `DPoP`: it is the proof that is no good, and not the token.
    DpopProof,
    /// `Bearer`, and that `DPoP` would do.
    Both,
}

impl From<RequestError> for Denial {
    fn from(error: RequestError) -> Self {
        let refusal = match error.status() {
            StatusCode::FORBIDDEN => Refusal::AccessDenied,
            _ => Refusal::BadRequest,
        };
        Self::new(error.reason(), refusal, error.to_string())
    }
}

/// The kinds of refusals, which each door words in its own protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The request can't be understood, or means two things.
    BadRequest,
    /// No credential was given: 401.
    MissingCredential,
    /// The credential doesn't hold: 401.
    InvalidCredential,
    /// The token was good once: 401.
    ExpiredCredential,
    /// The token lacks every one of these scopes: 403.
    InsufficientScope(String),
    /// The caller may not do this: 403.
    AccessDenied,
    /// No route: 404.
    NotFound,
    /// It could not be decided now: 503.
    Unavailable,
    /// There are too many requests: 429, and after how many seconds there may be another.
    Throttled(u32),
    /// A body is larger than it may be: 413.
    TooLarge,
    /// The signature can't be read or doesn't hold.
    Signature(SigV4Error),
    /// The temporary credentials don't stand.
    Credentials(CredentialError),
    /// What S3 says of the request.
    S3(S3Error),
    /// What DynamoDB says of it.
    DynamoDb(DynamoDbError),
    /// The exception of a service that is answered here, by its name; the detail is its message.
    Fault(&'static str),
    /// Every object that should be deleted is refused, which S3 says one by one.
    Items(Merge),
}

/// What is done with an upstream's answer before the caller gets it.
#[derive(Clone, Debug, Default)]
pub struct AnswerRule {
    /// What a caller is told instead of "not found", if it may not know.
    pub hides_missing: Option<String>,
    /// The objects that were refused, to be told beside what became of the rest.
    pub merge: Option<Merge>,
    /// What a form wants to be answered.
    pub post: Option<PostAnswer>,
    /// The table whose schema may be another one now.
    pub forget: Option<Forget>,
}

/// A table that a request may have made another one.
#[derive(Clone, Debug)]
pub struct Forget {
    tables: Arc<dyn TableSchemas>,
    table: String,
}

impl Forget {
    /// What is known of `table` counts no more: neither while the request is under way, nor from
    /// before.
    pub(super) fn of(tables: &Tables, table: String) -> Self {
        let forget = Self { tables: Arc::clone(tables.learnt()), table };
        forget.now();
        forget
    }

    /// Once more, when the request was answered: what was learnt meanwhile may be what was before.
    pub fn now(&self) {
        self.tables.forget(&self.table);
    }
}

/// 128 random bits, in hex.
#[derive(Clone, PartialEq, Eq)]
pub struct DecisionId([u8; 32]);

impl DecisionId {
    /// A fresh id.
    pub fn fresh() -> Self {
        let digit = |four: u8| four + if four < 10 { b'0' } else { b'a' - 10 };
        let pairs = random::label().map(|byte| [digit(byte >> 4), digit(byte & 15)]);
        let mut hex = [0; 32];
        hex.copy_from_slice(pairs.as_flattened());
        Self(hex)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        // Digits and letters, always.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The id as a header's value.
    pub fn to_value(&self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).unwrap_or(HeaderValue::from_static(""))
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DecisionId").field(&self.as_str()).finish()
    }
}

/// What upstreams are told of a caller: written once, and kept with the session, or else with the token.
pub(super) fn identity_headers(login: &Login, assumed: Option<&Assumed>) -> IdentityHeaders {
    let write = || {
        let (subject, groups) = match login {
            Login::Token(token) => (token.claims.subject(), token.claims.groups()),
            Login::Credentials(presented) => (presented.grant.token.subject.as_deref(), None),
            Login::Anonymous => (None, None),
        };
        let identity = assumed.and_then(|assumed| assumed.identity_id.as_deref());
        let role = assumed.and_then(|assumed| assumed.session.principal.role());
        let role = role.map(|role| role.arn.as_str());
        IdentityHeaders::new(subject, identity, role, &groups.unwrap_or_default())
    };
    match (assumed, login) {
        // A session is one login's. That of a route's guests is shared by callers who are nobody.
        (Some(assumed), _) => assumed.told.get_or_init(write).clone(),
        (None, Login::Token(token)) => token.told.get_or_init(write).clone(),
        (None, Login::Credentials(_)) => write(),
        (None, Login::Anonymous) => IdentityHeaders::default(),
    }
}
