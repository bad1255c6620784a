//! The reverse proxy: a request comes in, is cleaned, judged, and forwarded or refused.

use std::{
    net::{IpAddr, Ipv4Addr},
    rc::Rc,
    sync::Arc,
};

use ::http::{HeaderValue, Request, Response, header, request::Parts};
use hyper::body::Incoming;

use super::{
    ExchangeBody, Phase, Shared, Snapshot,
    answers::{Language, answered},
    caller_body::CallerBody,
    dynamodb,
    exchange::Exchange,
    note::note,
    policies,
    record::Asked,
    s3,
};
use crate::{
    clock::{self, Time},
    gate::{Decision, Gate, Grounds, Outcome, Question, Trail},
    http::{
        self, AlbHeaders, Authority, ClientCertificate, Peer, Problem, RawTarget, RequestError,
        Scheme,
    },
    telemetry::{method_label, status_class},
    upstream::{AnswerBody, Client, ForwardError},
};

/// The reverse proxy of one data thread.
pub struct Proxy {
    shared: Arc<Shared>,
    client: Rc<Client>,
}

/// The other end of a connection.
#[derive(Clone, Debug)]
pub struct ProxyPeer {
    /// Its address; none on a unix socket, which counts as loopback.
    pub address: Option<IpAddr>,
    /// Whether it speaks TLS to us.
    pub scheme: Scheme,
    /// The certificate that it proved to have.
    pub certificate: Option<Arc<ClientCertificate>>,
}

impl ProxyPeer {
    /// Its address; a unix socket's peer is on this machine.
    pub fn ip(&self) -> IpAddr {
        self.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }
}

/// An answer before it is tied to its exchange.
struct Answer {
    response: Response<AnswerBody>,
    route: Option<String>,
}

impl Proxy {
    /// The proxy of a data thread with its upstream connections.
    pub fn new(shared: Arc<Shared>, client: Rc<Client>) -> Self {
        Self { shared, client }
    }

    /// Answers one request.
    pub async fn answer(
        &self,
        request: Request<Incoming>,
        peer: ProxyPeer,
    ) -> Response<ExchangeBody> {
        let mut exchange = Exchange::start(&self.shared);
        let snapshot = self.shared.snapshot.load_full();
        let method = method_label(request.method());
        let answer = self.handle(&snapshot, request, peer, &mut exchange).await;
        let Answer { mut response, route } = answer;
        self.shared
            .metrics
            .requests
            .with_label_values(&[
                route.as_deref().unwrap_or_default(),
                method,
                status_class(response.status()),
            ])
            .inc();
        if *self.shared.phase.borrow() >= Phase::Leaving {
            // Callers that keep connections leave before the last idle ones are closed (P5).
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let (parts, body) = response.into_parts();
        let body = exchange.answer(parts.status, body);
        Response::from_parts(parts, body)
    }

    async fn handle(
        &self,
        snapshot: &Snapshot,
        request: Request<Incoming>,
        peer: ProxyPeer,
        exchange: &mut Exchange,
    ) -> Answer {
        let (parts, body) = request.into_parts();
        let mut asked = Asked::of(&parts, peer.ip(), clock::now()).into_owned();
        // What a request goes to says which language its answer speaks; until then, the request.
        let language = Language::of_head(&parts);
        let expects = parts.headers.contains_key(header::EXPECT);
        let routes = &snapshot.rules.routes;
        // Of the page that asks, where pages are told anything.
        let origin =
            routes.have_cors().then(|| parts.headers.get(header::ORIGIN).cloned()).flatten();
        let question = match self.question(snapshot, parts, peer, asked.now) {
            Ok(question) => question,
            Err(error) => return self.reject(snapshot, &asked, &error, language, exchange),
        };
        asked.client_ip = question.received.client_ip;
        let gate = Gate { rules: &snapshot.rules, tokens: &self.shared.tokens };
        let method = question.method.clone();
        let (idle, buffer) = (snapshot.connection.idle, snapshot.rules.body_buffer);
        let mut body = CallerBody::new(body, idle, &self.shared.bodies, buffer);
        let decision = gate.decide(question, &mut body, Trail::Off).await;
        let language = Language::of(&snapshot.rules, decision.destination).unwrap_or(language);
        let route = snapshot.rules.routes.name(decision.destination).map(str::to_owned);
        self.note(snapshot, &asked, &decision, route.as_deref(), exchange);

        let Decision { id, outcome, destination, .. } = decision;
        let preflight = matches!(outcome.grounds(), Some(Grounds::Preflight));
        let mut response = match outcome {
            Outcome::Deny(denial) => {
                let mut response = language.denied(&denial, &asked.path, &id);
                // Without being told that the connection ends, callers send their next request on it.
                if denial.ends_connection() || !body.settle(expects).await {
                    close(&mut response);
                }
                response
            }
            Outcome::Answer(answer) => answered(&answer, &id),
            Outcome::Change(permit) => {
                let outcome = self.shared.policies.change(permit, &id).await;
                policies::changed(language, &outcome, (&asked.path, &id))
            }
            Outcome::Allow(permit) => {
                let upstream = permit.upstream().and_then(|index| snapshot.upstream(index));
                let Some(upstream) = upstream else {
                    let response = language.failed(&ForwardError::NoAddress, &asked.path, &id);
                    return Answer { response, route };
                };
                let started = std::time::Instant::now();
                let rule = permit.answer().clone();
                let mut settled = true;
                let forwarded = match upstream.enter() {
                    Ok(place) => {
                        exchange.occupies(place);
                        let (body, timeouts) = (body.rest(), snapshot.timeouts);
                        self.client.forward(upstream, permit, &id, body, timeouts).await
                    }
                    Err(busy) => {
                        settled = body.settle(expects).await;
                        Err(busy)
                    }
                };
                if let Some(forget) = &rule.forget {
                    forget.now();
                }
                let metrics = &self.shared.metrics;
                match forwarded {
                    Ok(mut response) => {
                        metrics
                            .upstream_seconds
                            .with_label_values(&[upstream.label()])
                            .observe(started.elapsed().as_secs_f64());
                        http::response_hygiene(response.headers_mut());
                        let pause = snapshot.timeouts.header;
                        match language {
                            Language::DynamoDb => dynamodb::finished(response),
                            _ => {
                                let asked = (&method, &*asked.path);
                                s3::finished(rule, response, asked, &id, pause).await
                            }
                        }
                    }
                    Err(error) => {
                        metrics
                            .upstream_errors
                            .with_label_values(&[upstream.label(), error.reason()])
                            .inc();
                        // Under overload a line for each would be more of it.
                        if !matches!(error, ForwardError::Busy) {
                            tracing::warn!(
                                upstream = upstream.label(), decision_id = %id,
                                reason = error.reason(), %error, "no answer from the upstream"
                            );
                        }
                        let mut response = language.failed(&error, &asked.path, &id);
                        if expects || !settled {
                            close(&mut response);
                        }
                        response
                    }
                }
            }
        };
        if let Some(cors) = snapshot.rules.routes.cors(destination).filter(|_| !preflight) {
            cors.tell(origin.as_ref(), response.headers_mut());
        }
        if let Ok(id) = HeaderValue::from_str(id.as_str()) {
            response.headers_mut().insert("x-poolgate-decision-id", id);
        }
        Answer { response, route }
    }

    /// The question a request asks, after one parse and one cleaning.
    fn question(
        &self,
        snapshot: &Snapshot,
        parts: Parts,
        peer: ProxyPeer,
        now: Time,
    ) -> Result<Question, RequestError> {
        let Parts { method, uri, version, mut headers, .. } = parts;
        let certificate = peer.certificate.clone();
        let mut peer = Peer::new(peer.ip(), peer.scheme, &snapshot.trusted_proxies);
        // Kept for the route that verifies them; the gate removes them in any case.
        peer.rules.alb = AlbHeaders::Read;
        http::check_method(&method)?;
        let authority = Authority::of(&uri, &headers)?;
        let received = http::receive(&mut headers, version, peer)?;
        for (_, why) in &received.stripped {
            self.shared.metrics.headers_removed.with_label_values(&[why.reason()]).inc();
        }
        let target = RawTarget::of(&uri)?;
        Ok(Question { method, authority, target, headers, received, certificate, now })
    }

    fn note(
        &self,
        snapshot: &Snapshot,
        asked: &Asked<'_>,
        decision: &Decision,
        route: Option<&str>,
        exchange: &mut Exchange,
    ) {
        exchange.describe(asked, decision.id.as_str(), route.unwrap_or_default());
        let took = exchange.started().elapsed();
        note(&self.shared, snapshot, ("proxy", asked), decision, took);
    }

    /// A request that asks no question: it is refused, and the connection with it, since what
    /// follows on it can't be trusted either.
    fn reject(
        &self,
        snapshot: &Snapshot,
        asked: &Asked<'_>,
        error: &RequestError,
        language: Language,
        exchange: &mut Exchange,
    ) -> Answer {
        self.shared.metrics.rejects.with_label_values(&[error.reason()]).inc();
        let decision = Decision::refused(*error);
        self.note(snapshot, asked, &decision, None, exchange);
        let mut response = match (language, &decision.outcome) {
            (Language::Api, _)
            | (_, Outcome::Allow(_) | Outcome::Answer(_) | Outcome::Change(_)) => {
                let problem = Problem::from(*error).decision_id(decision.id.as_str());
                problem.into_response().map(AnswerBody::own)
            }
            (language, Outcome::Deny(denial)) => language.denied(denial, &asked.path, &decision.id),
        };
        if let Ok(id) = HeaderValue::from_str(decision.id.as_str()) {
            response.headers_mut().insert("x-poolgate-decision-id", id);
        }
        close(&mut response);
        Answer { response, route: None }
    }
}

fn close(response: &mut Response<AnswerBody>) {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
}
