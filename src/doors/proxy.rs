//! The reverse proxy: a request comes in, is cleaned, judged, and forwarded or refused.

use std::{
    net::{IpAddr, Ipv4Addr},
    rc::Rc,
    sync::Arc,
};

use ::http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header, request::Parts,
};
use hyper::{body::Incoming, ext::Protocol};

use super::{
    ExchangeBody, Pace, Phase, Shared, Snapshot, Tunnel,
    answers::{Language, answered},
    caller_body::CallerBody,
    calls, dynamodb,
    exchange::Exchange,
    note::note,
    policies,
    record::{Asked, Head},
    s3,
    standing::{Permitted, Standing},
};
use crate::{
    clock::{self, Time},
    gate::{Decision, DecisionId, Gate, Grounds, Outcome, Permit, Question, Right, Trail},
    http::{
        self, AlbHeaders, Authority, ClientCertificate, Peer, Problem, RawTarget, RequestError,
        Scheme,
    },
    telemetry::{method_label, status_class},
    upstream::{AnswerBody, Client, Course, ForwardError, Forwarded, Sending, UpstreamSide},
};

/// The reverse proxy of one data thread.
pub struct Proxy {
    shared: Arc<Shared>,
    client: Rc<Client>,
    standing: Standing,
}

/// What a request is answered.
pub struct Answered {
    /// The answer.
    pub response: Response<ExchangeBody>,
    /// What the connection, or the stream, has become; the answer is its head.
    pub tunnel: Option<Box<Tunnel>>,
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
    /// Set where an upstream answers.
    course: Option<Course>,
    pace: Pace,
    /// The upstream's side of a WebSocket, of which the response is the head.
    switched: Option<UpstreamSide>,
}

/// What of a request says how it is answered.
struct Asking<'a> {
    id: &'a DecisionId,
    language: Language,
    method: Method,
    asked: &'a Asked<'a>,
    version: Version,
    /// The caller waits to be asked for its body.
    expects: bool,
}

impl Answer {
    /// One that is made here.
    fn own(response: Response<AnswerBody>) -> Self {
        Self { response, route: None, course: None, pace: Pace::Steady, switched: None }
    }
}

impl Proxy {
    /// The proxy of a data thread with its upstream connections.
    pub fn new(shared: Arc<Shared>, client: Rc<Client>) -> Self {
        Self { shared, client, standing: Standing::default() }
    }

    /// Ends the streams whose right has ended. To be called every [`super::REVIEW`].
    pub async fn review(&self) {
        self.standing.review(&self.shared).await;
    }

    /// Answers one request.
    pub async fn answer(&self, request: Request<Incoming>, peer: ProxyPeer) -> Answered {
        let mut exchange = Exchange::start(&self.shared);
        let snapshot = self.shared.snapshot.load_full();
        let (method, version) = (method_label(request.method()), request.version());
        let answer = match version >= Version::HTTP_2 && self.has_no_room() {
            true => self.shed(&request.into_parts().0, &peer),
            false => self.handle(&snapshot, request, peer, &mut exchange).await,
        };
        let Answer { mut response, route, course, pace, switched } = answer;
        let told = response.extensions().get().map_or(response.status(), |calls::InHttp(s)| *s);
        self.shared
            .metrics
            .requests
            .with_label_values(&[route.as_deref().unwrap_or_default(), method, status_class(told)])
            .inc();
        if version >= Version::HTTP_2 {
            // Whoever leaves is told by GOAWAY; what was refused harms no other stream.
            response.headers_mut().remove(header::CONNECTION);
        } else if *self.shared.phase.borrow() >= Phase::Leaving && switched.is_none() {
            // Callers that keep connections leave before the last idle ones are closed (P5).
            close(&mut response);
        }
        exchange.answered(response.status());
        let (parts, body) = response.into_parts();
        match (switched, course) {
            (Some(upstream), Some(course)) => {
                let tunnel = Tunnel { upstream, course, exchange, idle: snapshot.timeouts.stream };
                let response = Response::from_parts(parts, ExchangeBody::none());
                Answered { response, tunnel: Some(Box::new(tunnel)) }
            }
            (_, course) => {
                let body = exchange.answer(body, course, pace);
                Answered { response: Response::from_parts(parts, body), tunnel: None }
            }
        }
    }

    async fn handle(
        &self,
        snapshot: &Snapshot,
        request: Request<Incoming>,
        peer: ProxyPeer,
        exchange: &mut Exchange,
    ) -> Answer {
        let (parts, body) = request.into_parts();
        let head = Head::of(&parts);
        let mut asked = head.asked(peer.ip(), clock::now());
        // What a request goes to says which language its answer speaks; until then, the request.
        let language = Language::of_head(&parts);
        let version = parts.version;
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
        // What may go on for long is kept, to be asked again when the rules change.
        let lasting = (language == Language::Grpc
            || question.received.upgrade.is_some()
            || wants_events(&question.headers))
        .then(|| Box::new(question.clone()));
        let (idle, buffer) = (snapshot.connection.idle, snapshot.rules.body_buffer);
        let mut body = CallerBody::new(body, idle, &self.shared.bodies, buffer);
        let decision = gate.decide(question, &mut body, Trail::Off).await;
        let language = language.of(&snapshot.rules, decision.destination);
        let route = snapshot.rules.routes.name(decision.destination).map(str::to_owned);
        self.note(snapshot, &asked, &decision, route.as_deref(), exchange);

        let (right, generation) = (Right::of(&decision), snapshot.rules.generation);
        let permitted = Permitted { right, question: lasting, generation };
        let Decision { id, outcome, destination, .. } = decision;
        let preflight = matches!(outcome.grounds(), Some(Grounds::Preflight));
        let mut answer = match outcome {
            Outcome::Deny(denial) => {
                let mut response = language.denied(&denial, &asked.path, &id);
                // Without being told that the connection ends, callers send their next request on it.
                if denial.ends_connection() || !body.settle(expects).await {
                    close(&mut response);
                }
                Answer::own(response)
            }
            Outcome::Answer(answer) => Answer::own(answered(&answer, &id)),
            Outcome::Change(permit) => {
                let outcome = Box::pin(self.shared.policies.change(permit, &id)).await;
                Answer::own(policies::changed(language, &outcome, (&asked.path, &id)))
            }
            Outcome::Allow(permit) => {
                let asking = Asking { id: &id, language, method, asked: &asked, version, expects };
                self.forward(snapshot, permit, asking, permitted, body, exchange).await
            }
        };
        if let Some(cors) = snapshot.rules.routes.cors(destination).filter(|_| !preflight) {
            cors.tell(origin.as_ref(), answer.response.headers_mut());
        }
        name(&mut answer.response, &id);
        Answer { route, ..answer }
    }

    /// What an upstream says to a permitted request.
    async fn forward(
        &self,
        snapshot: &Snapshot,
        permit: Box<Permit>,
        asking: Asking<'_>,
        permitted: Permitted,
        mut body: CallerBody,
        exchange: &mut Exchange,
    ) -> Answer {
        let Asking { id, language, method, asked, version, expects } = asking;
        let failed = |error: &ForwardError| Answer::own(language.failed(error, &asked.path, id));
        let upstream = permit.upstream().and_then(|index| snapshot.upstream(index));
        let Some(upstream) = upstream else { return failed(&ForwardError::NoAddress) };
        let metrics = &self.shared.metrics;
        let in_vain = |error: &ForwardError| {
            metrics.upstream_errors.with_label_values(&[upstream.label(), error.reason()]).inc();
        };
        match upstream.enter() {
            Ok(place) => exchange.occupies(place),
            Err(busy) => {
                // Under overload a line of the log for each would be more of it.
                in_vain(&busy);
                let mut answer = failed(&busy);
                if expects || !body.settle(expects).await {
                    close(&mut answer.response);
                }
                return answer;
            }
        }
        let started = std::time::Instant::now();
        let rule = permit.answer().clone();
        let course = Course::default();
        let (mut pace, mut timeouts) = (Pace::Steady, snapshot.timeouts);
        let mut permitted = Some(permitted);
        if language == Language::Grpc {
            (pace, timeouts.header) = (Pace::Call, timeouts.stream.max(timeouts.header));
        }
        if (pace == Pace::Call || permit.upgrade().is_some())
            && let Some(permitted) = permitted.take()
        {
            self.standing.watch(&course, permitted);
        }
        let sending = Sending { permit, id, body: body.rest(), course: &course };
        let forwarded = self.client.forward(upstream, sending, timeouts).await;
        let took = started.elapsed();
        if let Some(forget) = &rule.forget {
            forget.now();
        }
        let (response, switched) = match forwarded {
            Ok(Forwarded::Switched(head, side)) => (websocket(head, version), Some(side)),
            Ok(Forwarded::Answer(mut response)) => {
                http::response_hygiene(response.headers_mut());
                if pace == Pace::Steady && is_events(response.headers()) {
                    pace = Pace::Events;
                }
                if let (Pace::Events, Some(permitted)) = (pace, permitted) {
                    self.standing.watch(&course, permitted);
                }
                let pause = snapshot.timeouts.header;
                let response = match language {
                    Language::DynamoDb => dynamodb::finished(response),
                    Language::S3 => {
                        let asked = (&method, &*asked.path);
                        Box::pin(s3::finished(rule, response, asked, id, pause)).await
                    }
                    _ => response,
                };
                (response, None)
            }
            Err(error) => {
                in_vain(&error);
                tracing::warn!(
                    upstream = upstream.label(), decision_id = %id,
                    reason = error.reason(), %error, "no answer from the upstream"
                );
                let mut answer = failed(&error);
                if expects {
                    close(&mut answer.response);
                }
                return answer;
            }
        };
        metrics.upstream_seconds.with_label_values(&[upstream.label()]).observe(took.as_secs_f64());
        Answer { response, route: None, course: Some(course), pace, switched }
    }

    /// The question a request asks, after one parse and one cleaning.
    fn question(
        &self,
        snapshot: &Snapshot,
        parts: Parts,
        peer: ProxyPeer,
        now: Time,
    ) -> Result<Question, RequestError> {
        let protocol = parts.extensions.get::<Protocol>().map(|name| name.as_str() == "websocket");
        let Parts { mut method, uri, version, mut headers, .. } = parts;
        if version >= Version::HTTP_2 {
            http::from_http2(&uri, &mut headers)?;
        }
        // What HTTP/1 says with `Upgrade`, and GET (RFC 8441 §5).
        let upgrade = match protocol {
            None => None,
            Some(true) if method == Method::CONNECT => {
                method = Method::GET;
                headers.remove(header::SEC_WEBSOCKET_KEY);
                Some(http::Upgrade::WebSocket)
            }
            Some(_) => return Err(RequestError::Upgrade),
        };
        let certificate = peer.certificate.clone();
        let mut peer = Peer::new(peer.ip(), peer.scheme, &snapshot.trusted_proxies);
        // Kept for the route that verifies them; the gate removes them in any case.
        peer.rules.alb = AlbHeaders::Read;
        http::check_method(&method)?;
        let authority = Authority::of(&uri, &headers)?;
        let mut received = http::receive(&mut headers, version, peer)?;
        received.upgrade = received.upgrade.or(upgrade);
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

    /// Whether there are more requests than connections would be let in. In HTTP/1 each has one.
    fn has_no_room(&self) -> bool {
        usize::try_from(self.shared.metrics.in_flight.get()).is_ok_and(|n| n > self.shared.streams)
    }

    /// Tells a caller that there is no room for its request, before anything is done for it (P7).
    fn shed(&self, head: &Parts, peer: &ProxyPeer) -> Answer {
        let detail = "too many requests are under way; try again";
        let id = self.shared.refused_unread(peer.ip(), "no_stream_free", detail);
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no_stream_free", detail);
        let mut plain = problem.decision_id(id.as_str()).into_response();
        plain.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        let mut response = match Language::of_head(head) {
            Language::Grpc => calls::worded(plain, detail),
            _ => plain.map(AnswerBody::own),
        };
        name(&mut response, &id);
        Answer::own(response)
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
        name(&mut response, &decision.id);
        close(&mut response);
        Answer::own(response)
    }
}

/// The head of a WebSocket, as the caller's version of HTTP has it.
fn websocket(head: Response<()>, version: Version) -> Response<AnswerBody> {
    let mut response = head.map(|()| AnswerBody::own(""));
    let headers = response.headers_mut();
    http::response_hygiene(headers);
    headers.remove(header::CONTENT_LENGTH);
    if version >= Version::HTTP_2 {
        headers.remove(header::SEC_WEBSOCKET_ACCEPT);
        *response.status_mut() = StatusCode::OK;
    } else {
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    response
}

/// Whether a caller says that events of a server are welcome.
fn wants_events(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).map(HeaderValue::as_bytes).unwrap_or_default();
    accepted.split(|byte| *byte == b',').any(|kind| is_kind_of_events(kind.trim_ascii()))
}

/// Whether an answer is events of a server.
fn is_events(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| is_kind_of_events(kind.as_bytes()))
}

fn is_kind_of_events(kind: &[u8]) -> bool {
    let (start, rest) = kind.split_at_checked(EVENTS.len()).unwrap_or_default();
    start.eq_ignore_ascii_case(EVENTS) && matches!(rest.first(), None | Some(b';' | b' '))
}

/// Names the decision in its answer.
fn name(response: &mut Response<AnswerBody>, id: &DecisionId) {
    response.headers_mut().insert(http::DECISION_ID, id.to_value());
}

fn close(response: &mut Response<AnswerBody>) {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
}

const EVENTS: &[u8] = b"text/event-stream";
