//! CORS preflights: what a browser asks before it sends the request of a page. They are answered
//! before authentication, which they can't pass: browsers send no credentials with them.

use serde_json::{Value, json};

use super::{Answer, Content, Denial, Grounds, Question, Refusal, Route, Trail, decide::Progress};
use crate::http::{self, CorsError};

/// Whether `question` is one that the route answers for.
pub(super) fn asks(route: &Route, question: &Question) -> bool {
    route.cors.is_some() && http::is_preflight(&question.method, &question.headers)
}

/// The answer to a preflight, by the route's `cors`; none where the route has none, or where it isn't one.
///
/// # Errors
/// The denial of one that asks for more than pages may do.
pub(super) fn answer(
    route: &Route,
    question: &Question,
    progress: &mut Progress,
) -> Result<Option<Answer>, Denial> {
    let Some(cors) = route.cors.as_ref().filter(|_| asks(route, question)) else {
        return Ok(None);
    };
    let told = cors.preflight(&question.headers);
    note(&told, &mut progress.trail);
    let headers = told
        .map_err(|error| Denial::new(error.reason(), Refusal::AccessDenied, error.to_string()))?;
    let content = Content::RoutePreflight(headers);
    Ok(Some(Answer { grounds: Grounds::Preflight, content }))
}

fn note<T>(told: &Result<T, CorsError>, trail: &mut Trail) {
    trail.note("cors", || match told {
        Ok(_) => ("a preflight, allowed by the route's cors".to_owned(), Value::Null),
        Err(error) => ("a preflight, refused".to_owned(), json!({ "reason": error.reason() })),
    });
}
