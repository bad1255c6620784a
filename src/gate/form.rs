//! The service that an unsigned form names by its `Action`.

use ::http::{Method, header};

use super::{Denial, Question, body::Reading, named::Named};
use crate::services::{iam, sts};

/// Which service a `POST /` of a form asks, by `Action` and `Version`. Only such a request's body is
/// read, and only if it is known to be small.
pub(super) async fn form_action(
    question: &Question,
    reading: &mut Reading<'_>,
) -> Result<Option<Named>, Denial> {
    if !is_form(question) || reading.declared().is_none_or(|length| length > MAX_FORM) {
        return Ok(None);
    }
    let body = reading.whole(MAX_FORM as usize).await?;
    let Ok(text) = std::str::from_utf8(&body) else { return Ok(None) };
    let value = |wanted: &str| {
        text.split('&').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == wanted)
    };
    let action = value("Action").map(|(_, action)| action);
    let version = value("Version").map(|(_, version)| version);
    Ok(match (action, version) {
        (Some(_), Some(sts::VERSION)) => Some(Named::Sts),
        (Some(_), Some(iam::VERSION)) => Some(Named::Iam),
        _ => None,
    })
}

fn is_form(question: &Question) -> bool {
    let content_type = question.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let essence = content_type.and_then(|v| v.split(';').next()).map(str::trim);
    question.method == Method::POST
        && question.target.path() == "/"
        && question.target.query().is_none()
        && essence.is_some_and(|e| e.eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// Bytes of a form that is looked into.
const MAX_FORM: u64 = 128 << 10;
