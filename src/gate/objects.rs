//! Buckets and objects on their way through the stages: described, and decided check by check or,
//! for DeleteObjects, object by object.

use ::http::{HeaderMap, Method, header};
use serde_json::{Value, json};

use super::{
    AnswerRule, Denial, Grounds, Heard, Login, Question, Refusal, Route, Rules,
    authenticate::Authenticated,
    body::{LARGE, Reading},
    context::RequestContext,
    decide::{Decided, Forwarded, Progress, misconfigured},
    engines::Engines,
    judge::Wording,
    post::PostedFile,
    stored::{self, Permitted},
};
use crate::{
    http::Scheme,
    iam::Session,
    services::{
        Body, Checks, Operation, Proof,
        s3::{Asked, Delete, Merge, Parsed, PostForm, Refused, RequestFacts, S3Error},
    },
    sigv4::{Chunks, Kind, Payload},
};

/// What is known of a request to S3 beside its head.
pub(super) fn facts(rules: &Rules, question: &Question, found: &Authenticated) -> RequestFacts {
    let (auth_type, signature_age) = match (found.kind, found.signed) {
        (Some(Kind::Header), _) => (Some("REST-HEADER"), None),
        (Some(kind @ (Kind::Presigned { .. } | Kind::Form)), at) => {
            let age = at.map(|at| question.now.millis().saturating_sub(at.millis()));
            (Some(if kind == Kind::Form { "POST" } else { "REST-QUERY-STRING" }), age)
        }
        (None, _) => (None, None),
    };
    RequestFacts {
        auth_type,
        signature_age,
        partition: rules.partition(),
        account: rules.account_id.clone(),
        anonymous: matches!(found.login, Login::Anonymous),
        secure: question.received.scheme == Scheme::Https,
        now: Some(question.now),
    }
}

/// What the body has to be. Policies may ask for its hash (`s3:x-amz-content-sha256`), so that one is
/// proven whoever states it, signed or not.
pub(super) fn proof(question: &Question, found: &Authenticated) -> Result<Proof, Denial> {
    if found.kind.is_some() {
        return Ok(found.proof.clone());
    }
    Ok(match Payload::of(&question.headers, question.target.query())? {
        Payload::Sha256(hash) => Proof::sha256(hash),
        Payload::Chunked(form) => Proof::chunked(Chunks::unsigned(form, &question.headers)?),
        Payload::Unsigned | Payload::Unstated => Proof::NONE,
    })
}

/// The operation that a request asks for. Its body is read if it has to be.
pub(super) async fn describe(
    rules: &Rules,
    question: &Question,
    facts: &RequestFacts,
    proof: Proof,
    mut reading: Reading<'_>,
) -> Result<Operation, Denial> {
    let parsed = Parsed::of(Asked {
        method: &question.method,
        path: question.target.path(),
        query: question.target.query(),
        headers: &question.headers,
        bucket: rules.routes.bucket(&question.authority).flatten(),
    })?;
    if let Some(limit) = parsed.body_limit() {
        reading.proven(limit, &proof).await.map_err(|denial| match denial.refusal {
            Refusal::TooLarge => Denial::from(parsed.over_limit()).limited(limit),
            _ => denial,
        })?;
    }
    let (headers, body) = (question.headers.clone(), reading.into_body(proof));
    let large = matches!(&body, Body::Whole { bytes, .. } if bytes.len() > LARGE);
    if !large {
        return Ok(parsed.describe(headers, body, facts)?);
    }
    // A thousand keys to parse must not hold up the other connections of this thread.
    let facts = facts.clone();
    let described = tokio::task::spawn_blocking(move || parsed.describe(headers, body, &facts));
    Ok(described.await.map_err(|_| misconfigured("the body could not be read"))??)
}

/// The operation that a form is: PutObject.
pub(super) fn describe_form(
    form: &PostForm,
    file: PostedFile,
    received: &HeaderMap,
    facts: &RequestFacts,
) -> Result<Operation, Denial> {
    let (path, mut headers) = form.put(received)?;
    headers.insert(header::CONTENT_LENGTH, file.length.into());
    let asked =
        Asked { method: &Method::PUT, path: &path, query: None, headers: &headers, bucket: None };
    let parsed = Parsed::of(asked)?;
    Ok(parsed.describe(headers.clone(), file.body, facts)?)
}

/// Decides `operation`: which statements allow it, what is left of it, and what its caller may learn
/// from the answer.
pub(super) fn decide(
    (rules, route): (&Rules, &Route),
    operation: Operation,
    context: &RequestContext<'_>,
    progress: &mut Progress,
) -> Result<Decided, Denial> {
    let anonymous = Session::anonymous();
    let Progress { login, assumed, heard, trail, .. } = progress;
    let assumed = assumed.as_deref();
    let session = Some(assumed.map_or(&anonymous, |assumed| &assumed.session));
    let wording = Wording::S3;
    let account = &rules.account;
    let engines =
        Engines { rules, account, route, login, assumed, session, context, asked: None, wording };
    let Operation { mut forward, checks, reveals } = operation;
    match checks {
        Checks::Public => Err(Denial::from(S3Error::NotImplemented)),
        Checks::All(checks) => {
            let grounds = engines.judge(&checks, trail, heard)?;
            if stored::is_kept(route, &checks)
                && let Some(check) = checks.into_iter().next()
            {
                let session = engines.session.unwrap_or(&anonymous);
                let permitted = Permitted { rules, grounds, session, check, context };
                return Ok(Decided::Here(permitted.of_bucket(&forward.headers, &forward.body)?));
            }
            // AWS tells of a key that isn't there only who may list the bucket, and names that right.
            let hides_missing = reveals.and_then(|check| {
                let step = "whether the caller may be told that an object doesn't exist";
                trail.note("decide", || (step.to_owned(), Value::Null));
                // It is no part of the answer that shadows are compared with.
                let mut unheard = Heard::default();
                engines.judge(&[check], trail, &mut unheard).err().map(|denial| denial.detail)
            });
            let answer = AnswerRule { hides_missing, ..AnswerRule::default() };
            Ok(Decided::Forwarded(Box::new(Forwarded { grounds, forward, answer })))
        }
        Checks::Each(mut delete) => {
            let mut grounds: Option<Grounds> = None;
            let mut refused = Vec::new();
            let mut first = None;
            delete.objects.retain(|object| match engines.judge(&object.checks, trail, heard) {
                Ok(more) => {
                    match &mut grounds {
                        Some(grounds) => grounds.extend(more),
                        None => grounds = Some(more),
                    }
                    true
                }
                Err(denial) => {
                    refused.push(Refused {
                        key: object.key.clone(),
                        version_id: object.version_id.clone(),
                        message: denial.detail.clone(),
                    });
                    first.get_or_insert(denial);
                    false
                }
            });
            let merge = (!refused.is_empty()).then_some(Merge { refused });
            match (delete, merge, first) {
                (Delete { objects, .. }, Some(merge), Some(first)) if objects.is_empty() => {
                    Err(nothing_left(merge, &first))
                }
                (delete, merge, _) => {
                    let Some(grounds) = grounds else {
                        return Err(misconfigured("the request has no objects"));
                    };
                    delete.write_to(&mut forward);
                    let answer = AnswerRule { merge, ..AnswerRule::default() };
                    Ok(Decided::Forwarded(Box::new(Forwarded { grounds, forward, answer })))
                }
            }
        }
    }
}

/// No object may be deleted: S3 says so object by object, with 200.
fn nothing_left(merge: Merge, first: &Denial) -> Denial {
    let refused = merge.refused.len();
    let found = json!({ "refused": refused, "first": first.found });
    Denial::new(first.reason, Refusal::Items(merge), first.detail.clone()).with(found)
}

impl From<S3Error> for Denial {
    fn from(error: S3Error) -> Self {
        let detail = error.to_string();
        Self::new(error.reason(), Refusal::S3(error), detail)
    }
}
