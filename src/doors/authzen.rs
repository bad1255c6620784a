//! AuthZEN: the Authorization API 1.0 of the OpenID Foundation, answered by Cedar's policies
//! (<https://openid.github.io/authzen/>).
//!
//! An answer of 200 is a decision, whichever way it goes; other statuses say that there was no question. The
//! listener says who may ask, and what they tell of subjects and resources is believed.

mod asked;
mod search;

use ::http::{HeaderName, HeaderValue, Method, Response, StatusCode, header, request::Parts};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use tokio::{
    task::yield_now,
    time::{Instant, timeout_at},
};

use crate::{
    gate::{Decision, Gate, Outcome, Searched, Trail},
    http::strict_object,
};
use asked::{Asked, Semantic};

/// Largest body of a request, in bytes.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// An answer, and what was decided for it.
pub struct Answered {
    /// The answer.
    pub response: Response<Bytes>,
    /// The decisions, in order; of a search, one.
    pub decisions: Vec<Decision>,
    /// Whether it came in time. What is late decides nothing.
    pub in_time: bool,
}

impl Answered {
    fn of(response: Response<Bytes>, decisions: Vec<Decision>) -> Self {
        Self { response, decisions, in_time: true }
    }
}

/// Whether a request for `path` is for this door.
pub fn is_for(path: &str) -> bool {
    path == METADATA || path.starts_with("/access/v1/")
}

/// Answers a request, or says that there is no answer by `until`. `url` is what callers call this decision
/// point, if it is configured.
///
/// Between two evaluations others have their turn: a batch may take as long as all that wait beside it.
pub async fn answer(
    gate: &Gate<'_>,
    url: Option<&str>,
    head: &Parts,
    body: &[u8],
    until: Instant,
) -> Answered {
    let mut answered = match asked_for(head) {
        Ok(None) => metadata(url),
        Ok(Some(endpoint)) => {
            let decided = timeout_at(until, endpoint.asked(gate, head, body)).await.ok();
            decided.filter(|_| Instant::now() < until).unwrap_or_else(late)
        }
        Err(refusal) => refused(refusal),
    };
    if let Some(id) = head.headers.get(&REQUEST_ID) {
        answered.response.headers_mut().insert(REQUEST_ID, id.clone());
    }
    answered
}

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    Evaluation,
    Evaluations,
    Search(Searched),
}

/// Why there is no question: a status, and a sentence.
type Refusal = (StatusCode, String);

impl Endpoint {
    fn of(path: &str) -> Option<Self> {
        Some(match path {
            "/access/v1/evaluation" => Self::Evaluation,
            "/access/v1/evaluations" => Self::Evaluations,
            "/access/v1/search/subject" => Self::Search(Searched::Subject),
            "/access/v1/search/resource" => Self::Search(Searched::Resource),
            "/access/v1/search/action" => Self::Search(Searched::Action),
            _ => return None,
        })
    }

    /// Reads what is asked, and answers it.
    async fn asked(self, gate: &Gate<'_>, head: &Parts, body: &[u8]) -> Answered {
        let answered = match members(head, body) {
            Ok(members) => self.answer(gate, &members).await,
            Err(refusal) => Err(refusal),
        };
        answered.unwrap_or_else(refused)
    }

    async fn answer(
        self,
        gate: &Gate<'_>,
        members: &Map<String, Value>,
    ) -> Result<Answered, Refusal> {
        match self {
            Self::Evaluation => evaluation(gate, members),
            Self::Evaluations => evaluations(gate, members).await,
            Self::Search(searched) => {
                let searched = search::answer(gate, searched, members).await;
                let (found, decision) = searched.map_err(bad)?;
                Ok(Answered::of(ok(&found), vec![decision]))
            }
        }
    }
}

/// The endpoint; none for the metadata.
fn asked_for(head: &Parts) -> Result<Option<Endpoint>, Refusal> {
    let endpoint = match head.uri.path() {
        METADATA => None,
        path => Some(Endpoint::of(path).ok_or_else(|| {
            let message = "there are /access/v1/evaluation, /access/v1/evaluations and \
                           /access/v1/search/subject, /resource and /action";
            (StatusCode::NOT_FOUND, message.to_owned())
        })?),
    };
    let fits = match endpoint {
        None => matches!(head.method, Method::GET | Method::HEAD),
        Some(_) => head.method == Method::POST,
    };
    match fits {
        true => Ok(endpoint),
        false => {
            let message = "metadata is read with GET, everything else is asked with POST";
            Err((StatusCode::METHOD_NOT_ALLOWED, message.to_owned()))
        }
    }
}

fn members(head: &Parts, body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let kind = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    if !essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
        return Err(bad("Content-Type must be application/json".to_owned()));
    }
    let message = "the body must be one JSON object, without duplicate members";
    strict_object(body, MAX_DEPTH).map_err(|_| bad(message.to_owned()))
}

fn evaluation(gate: &Gate<'_>, members: &Map<String, Value>) -> Result<Answered, Refusal> {
    let question = Asked::read(members).and_then(|asked| asked.question()).map_err(bad)?;
    let decision = gate.judge(&question, Trail::Off);
    Ok(Answered::of(ok(&told(&decision)), vec![decision]))
}

async fn evaluations(gate: &Gate<'_>, members: &Map<String, Value>) -> Result<Answered, Refusal> {
    let items = match members.get("evaluations") {
        None => return evaluation(gate, members),
        Some(Value::Array(items)) if items.is_empty() => return evaluation(gate, members),
        Some(Value::Array(items)) if items.len() <= MAX_EVALUATIONS => items,
        Some(Value::Array(_)) => {
            return Err(bad(format!("at most {MAX_EVALUATIONS} evaluations can be asked for")));
        }
        Some(_) => return Err(bad("evaluations must be an array".to_owned())),
    };
    let defaults = Asked::read(members).map_err(bad)?;
    let semantic = Semantic::of(members).map_err(bad)?;
    let (mut answers, mut decisions) = (Vec::new(), Vec::new());
    for item in items {
        let question = match item {
            Value::Object(item) => {
                Asked::read(item).and_then(|asked| asked.or(&defaults).question())
            }
            _ => Err("an evaluation must be an object".to_owned()),
        };
        let permitted = match question {
            Ok(question) => {
                let decision = gate.judge(&question, Trail::Off);
                answers.push(told(&decision));
                let permitted = permits(&decision);
                decisions.push(decision);
                permitted
            }
            Err(message) => {
                let error = json!({ "status": 400, "message": message });
                answers.push(json!({ "decision": false, "context": { "error": error } }));
                false
            }
        };
        if semantic.ends_with(permitted) {
            break;
        }
        yield_now().await;
    }
    Ok(Answered::of(ok(&json!({ "evaluations": answers })), decisions))
}

/// A decision. Its reason is a code of `docs/decisions.md`, its id that of the decision log.
fn told(decision: &Decision) -> Value {
    let reason = match &decision.outcome {
        Outcome::Deny(denial) => denial.reason,
        allowed => allowed.grounds().map_or("", |grounds| grounds.reason()),
    };
    json!({
        "decision": permits(decision),
        "context": { "id": decision.id.as_str(), "reason": reason },
    })
}

/// Whether there are grounds to allow it.
fn permits(decision: &Decision) -> bool {
    decision.outcome.grounds().is_some()
}

fn metadata(url: Option<&str>) -> Answered {
    let Some(url) = url else {
        let message = "metadata needs authzen.url in the configuration";
        return refused((StatusCode::NOT_FOUND, message.to_owned()));
    };
    let at = |path: &str| format!("{url}{path}");
    let found = json!({
        "policy_decision_point": url,
        "access_evaluation_endpoint": at("/access/v1/evaluation"),
        "access_evaluations_endpoint": at("/access/v1/evaluations"),
        "search_subject_endpoint": at("/access/v1/search/subject"),
        "search_resource_endpoint": at("/access/v1/search/resource"),
        "search_action_endpoint": at("/access/v1/search/action"),
    });
    Answered::of(ok(&found), Vec::new())
}

/// What was decided until then is nobody's answer.
fn late() -> Answered {
    let message = "it could not be decided in time; ask for less at once, or try again";
    let answered = refused((StatusCode::SERVICE_UNAVAILABLE, message.to_owned()));
    Answered { in_time: false, ..answered }
}

fn bad(message: String) -> Refusal {
    (StatusCode::BAD_REQUEST, message)
}

/// The message, as a JSON string.
fn refused((status, message): Refusal) -> Answered {
    let mut response = ok(&Value::String(message));
    *response.status_mut() = status;
    Answered::of(response, Vec::new())
}

fn ok(body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const METADATA: &str = "/.well-known/authzen-configuration";
/// Evaluations of one request.
const MAX_EVALUATIONS: usize = 500;
/// Arrays and objects inside one another.
const MAX_DEPTH: usize = 32;

#[cfg(test)]
mod tests;
