//! Questions of those who only ask: the request stays with the proxy that has it, and goes on from
//! there if it is permitted.
//!
//! Only APIs are asked about. What S3, DynamoDB and the services that are built in would be asked
//! depends on bodies and on answers that no asking proxy has.

use serde_json::{Value, json};

use super::{
    Decision, Denial, Destination, Engine, Enough, Gate, Outcome, Payload, PayloadError, Question,
    ReadFuture, Refusal, Route, RouteIndex, Trail,
    body::Reading,
    decide::{Progress, SentBy, decided},
    named::Named,
    preflight,
    routes::Addressed,
};
use crate::{
    http::{self, Target},
    sigv4::{SigV4Error, Signed},
};

/// Whose route a question takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedRoute<'a> {
    /// The one of this name: whoever asks is configured to ask for it.
    Named(&'a str),
    /// The one that its host and path lead to.
    ByAddress,
}

/// Whether who asks can change the query of the request it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedQuery {
    /// It can take parameters out.
    Editable,
    /// It goes on as it is.
    Fixed,
}

/// A body that stays with whoever asks.
#[derive(Clone, Copy, Debug)]
pub struct Withheld;

impl Payload for Withheld {
    fn declared(&self) -> Option<u64> {
        None
    }

    fn read(&mut self, _limit: usize) -> ReadFuture<'_> {
        Box::pin(std::future::ready(Err(PayloadError::Withheld)))
    }

    fn begin<'a>(&'a mut self, _enough: &'a mut Enough<'_>) -> ReadFuture<'a> {
        Box::pin(std::future::ready(Err(PayloadError::Withheld)))
    }
}

impl Gate<'_> {
    /// Decides `question` for somebody else, who will do as the decision says. `payload` is the body
    /// as far as it was sent along.
    ///
    /// A dropped future decides nothing, and so permits nothing.
    pub fn ask(
        &self,
        question: impl Into<Box<Question>>,
        asked: (AskedRoute<'_>, AskedQuery),
        payload: &mut dyn Payload,
        trail: Trail,
    ) -> impl Future<Output = Decision> {
        self.ask_of(question.into(), asked, payload, trail)
    }

    async fn ask_of(
        &self,
        question: Box<Question>,
        (route, query): (AskedRoute<'_>, AskedQuery),
        payload: &mut dyn Payload,
        trail: Trail,
    ) -> Decision {
        let mut progress = Progress::new(question.certificate.clone(), trail);
        if query == AskedQuery::Fixed && question.target.query().is_some_and(http::is_signed_query)
        {
            // It would reach the API, and whoever has it can use it again.
            let detail = "a presigned URL can't be asked about here; send it through the gate";
            let denial = Denial::new("presigned_not_asked", Refusal::AccessDenied, detail);
            return decided(progress, Err(denial));
        }
        let mut reading = Reading::new(payload);
        let admitted = self.asked(&question, route, &mut reading, &mut progress).await;
        let outcome = admitted.and_then(|(route, target)| {
            let permit = if preflight::asks(route, &question) {
                self.permit_preflight(route, (*question, target), reading)?
            } else {
                let asked = (question, target, SentBy::Asker);
                self.permit(route, asked, reading, &mut progress)?
            };
            Ok(Outcome::Allow(Box::new(permit)))
        });
        decided(progress, outcome)
    }

    async fn asked(
        &self,
        question: &Question,
        route: AskedRoute<'_>,
        reading: &mut Reading<'_>,
        progress: &mut Progress,
    ) -> Result<(&Route, Target), Denial> {
        let signed = Signed::parse(question.head());
        let (index, target) = self.asked_route(question, route, &signed)?;
        progress.destination = Some(Destination::Route(index));
        let route = self.rules.routes.route(index).ok_or_else(no_route)?;
        progress.trail.note("route", || (format!("route {}", route.name), Value::Null));
        if preflight::answer(route, question, progress)?.is_some() {
            // Whoever has the request answers it, or has it answered.
            return Ok((route, target));
        }
        if route.cedar == Engine::Enforce && question.received.client_ip.is_unspecified() {
            // Cedar has no word for an address that isn't known; IAM has.
            let detail = "the question doesn't say where the request comes from";
            return Err(Denial::new("source_unknown", Refusal::AccessDenied, detail));
        }
        let target = self.admit(route, (question, target, signed), reading, progress).await?;
        Ok((route, target))
    }

    /// The route of an API, by name or by address.
    fn asked_route(
        &self,
        question: &Question,
        route: AskedRoute<'_>,
        signed: &Result<Option<Box<Signed<'_>>>, SigV4Error>,
    ) -> Result<(RouteIndex, Target), Denial> {
        let routes = &self.rules.routes;
        let Question { method, authority, target, headers, .. } = question;
        let signed = signed.as_ref().ok().and_then(Option::as_ref);
        let named = Named::by(signed.map(|signed| signed.scope().service()), headers, None)?;
        if !matches!(named, None | Some(Named::ExecuteApi)) || routes.bucket(authority).is_some() {
            return Err(not_asked());
        }
        // A target that no API could have is told first: it may be why nothing matches.
        let strict = target.strict().map_err(http::RequestError::from)?;
        let index = match route {
            AskedRoute::Named(name) => routes.api_named(name, authority).ok_or_else(|| {
                let detail =
                    "the proxy asks for a route that is none of an API, or of another host";
                Denial::new("unknown_route", Refusal::NotFound, detail)
                    .with(json!({ "route": name }))
            })?,
            AskedRoute::ByAddress => {
                let asked = Addressed { method, authority, target, headers, named };
                routes.api_by_address(asked).ok_or_else(no_route)?
            }
        };
        Ok((index, strict))
    }
}

/// As the gate says of requests that it would forward.
fn no_route() -> Denial {
    Denial::new("no_route", Refusal::NotFound, "no route matches this host and path")
}

fn not_asked() -> Denial {
    let detail = "only requests to APIs can be asked about; send this one through the gate";
    Denial::new("service_not_asked", Refusal::AccessDenied, detail)
}
