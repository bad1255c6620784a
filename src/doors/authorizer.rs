//! API Gateway's Lambda authorizer: its event comes in, the authorizer's answer goes out
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html>).
//!
//! The event's request is asked about as any other that stays with a proxy. A policy is for the one ARN of
//! the event and never for more: API Gateway keeps it for other requests of the same caller.

mod event;

use std::{sync::Arc, time::Instant};

use ::http::{HeaderValue, Method, Response, StatusCode, header, request::Parts};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{
    Shared, Snapshot,
    asking::{self, About, Account, Changes, TakesOut, Told},
};
use crate::{
    config::ClientCertificates,
    gate::{AskedQuery, AskedRoute, Routes, Service},
    http::{ClientCertificate, Scheme, strict_object},
    services::execute_api::Api,
};
use event::Event;

/// Where events are posted.
pub(super) const PATH: &str = "/authorizer/v1";

/// Which answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// A policy document.
    Policy,
    /// `isAuthorized`.
    Simple,
}

/// Answers an event.
pub(super) async fn answer(
    shared: &Shared,
    snapshot: &Snapshot,
    head: &Parts,
    body: &[u8],
    came: Instant,
) -> Response<Bytes> {
    if head.method != Method::POST {
        return failed(StatusCode::METHOD_NOT_ALLOWED, "events are posted");
    }
    let event = strict_object(body, MAX_DEPTH).map_err(|_| "the body is no event".to_owned());
    let event = event.and_then(|members| Event::read(&members));
    let (event, form) = match event.and_then(|event| Ok((form(head, &event)?, event))) {
        Ok((form, event)) => (event, form),
        Err(message) => return failed(StatusCode::BAD_REQUEST, &message),
    };
    let certificate = match certificate(&event, snapshot.asking.client_certificates) {
        Ok(certificate) => certificate,
        Err(message) => return failed(StatusCode::BAD_REQUEST, message),
    };
    let account = Account {
        door: "authorizer",
        route: AskedRoute::ByAddress,
        // An authorizer says yes or no, and API Gateway sends on what it has.
        query: AskedQuery::Fixed,
        // It takes none out, whatever it is told; what its integration is sent is said there.
        takes_out: TakesOut::Told,
        method: &event.method,
        host: &event.host,
        instead: None,
        target: &event.target,
        headers: event.headers.clone(),
        version: ::http::Version::HTTP_11,
        client: event.client,
        certificate,
        scheme: Scheme::Https,
        body: None,
    };
    match asking::ask(shared, snapshot, account, came).await {
        Told::Allow(changes) => match form {
            _ if !is_of_route(&snapshot.rules.routes, &changes.about, form, &event) => {
                let message =
                    "the event's ARN is of another API, stage or method than what it asks about";
                told(form, &event, false, &changes.about, message)
            }
            Form::Policy if !is_one(&event.arn) => {
                let message = "the request's ARN would be a pattern in a policy";
                told(form, &event, false, &changes.about, message)
            }
            _ => allowed(form, &event, &changes),
        },
        // What API Gateway answers with 401: the caller has to sign in.
        Told::Deny(refused) if refused.response.status() == StatusCode::UNAUTHORIZED => {
            failed(StatusCode::UNAUTHORIZED, "Unauthorized")
        }
        Told::Deny(refused) => told(form, &event, false, &refused.about, refused.reason),
        Told::Undecided(refused) => failed(StatusCode::INTERNAL_SERVER_ERROR, refused.reason),
    }
}

/// The certificate that the client has shown to whoever made the event, where that has verified it: API
/// Gateway does, and others take the same form.
fn certificate(
    event: &Event,
    certificates: ClientCertificates,
) -> Result<Option<Arc<ClientCertificate>>, &'static str> {
    match (&event.certificate, certificates) {
        (Some(pem), ClientCertificates::Verified) => {
            asking::certificate(pem.as_bytes()).map(Some).ok_or("clientCertPem can't be read")
        }
        (None, _) | (_, ClientCertificates::Ignored) => Ok(None),
    }
}

/// The form that is asked for, or else the one of the event's version.
fn form(head: &Parts, event: &Event) -> Result<Form, String> {
    let simple = || match event.simple {
        true => Ok(Form::Simple),
        false => Err("only events of version 2.0 have the simple form".to_owned()),
    };
    match head.uri.query() {
        None => Ok(if event.simple { Form::Simple } else { Form::Policy }),
        Some("response=policy") => Ok(Form::Policy),
        Some("response=simple") => simple(),
        Some(_) => Err("the query is response=policy or response=simple".to_owned()),
    }
}

fn allowed(form: Form, event: &Event, changes: &Changes) -> Response<Bytes> {
    told(form, event, true, &changes.about, changes.reason)
}

fn told(form: Form, event: &Event, allow: bool, about: &About, reason: &str) -> Response<Bytes> {
    // Values are text: API Gateway takes nothing that is nested.
    let context: Map<String, Value> = [
        ("decisionId", about.id.as_str()),
        ("reason", reason),
        ("subject", text(about.identity.subject())),
        ("identity", text(about.identity.identity())),
        ("role", text(about.identity.role())),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), json!(value)))
    .collect();
    let body = match form {
        Form::Simple => json!({ "isAuthorized": allow, "context": context }),
        Form::Policy => {
            let statement = json!({
                "Action": "execute-api:Invoke",
                "Effect": if allow { "Allow" } else { "Deny" },
                "Resource": event.arn,
            });
            json!({
                "principalId": principal(about),
                "policyDocument": { "Version": "2012-10-17", "Statement": [statement] },
                "context": context,
            })
        }
    };
    ok(&body)
}

/// API Gateway wants a name for whoever calls.
fn principal(about: &About) -> &str {
    [about.identity.subject(), about.identity.identity()]
        .into_iter()
        .map(text)
        .find(|name| !name.is_empty())
        .unwrap_or("anonymous")
}

/// What tells of a caller is always visible ASCII.
fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or_default()
}

/// Whether the ARN of an event is of the API and stage that its route is, where that is known, and for a policy of
/// the method that was asked about: it is what the policy is for. Custom domains map paths, so that those may differ.
fn is_of_route(routes: &Routes, about: &About, form: Form, event: &Event) -> bool {
    let route = routes.iter().find(|route| Some(&route.name) == about.route.as_ref());
    let Some(Service::ExecuteApi(Api::Gateway { prefix })) = route.map(|route| &route.service)
    else {
        return true;
    };
    let rest = event.arn.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/'));
    let method = rest.and_then(|rest| rest.split('/').next());
    method.is_some_and(|method| form == Form::Simple || method == event.method)
}

/// Whether an ARN means itself in a policy, and nothing else.
fn is_one(arn: &str) -> bool {
    !arn.contains(['*', '?']) && !arn.contains("${")
}

fn failed(status: StatusCode, message: &str) -> Response<Bytes> {
    let mut response = ok(&json!({ "message": message }));
    *response.status_mut() = status;
    response
}

fn ok(body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Arrays and objects inside one another.
const MAX_DEPTH: usize = 16;

#[cfg(test)]
mod tests;
