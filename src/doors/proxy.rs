//! The reverse proxy: a request comes in, is cleaned, judged, and forwarded or refused.

use std::{
    borrow::Cow,
    net::{IpAddr, Ipv4Addr},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use ::http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header, request::Parts,
};
use hyper::{body::Incoming, ext::Protocol};
use tokio::task::yield_now;

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
    gate::{
        AnswerRule, Decision, DecisionId, Destination, Gate, Grounds, Outcome, Permit, Question,
        Right, Trail,
    },
    http::{
        self, AlbHeaders, Authority, ClientCertificate, Peer, Problem, RawTarget, RequestError,
        Scheme,
    },
    telemetry::method_label,
    upstream::{
        AnswerBody, Client, Course, ForwardError, Forwarded, Sending, Timeouts, Upstream,
        UpstreamSide,
    },
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

/// A request that asks something, and whose body it brings.
struct Begun {
    question: Box<Question>,
    body: CallerBody,
    asking: Box<Asking>,
}

/// What of a request says how it is answered, as long as that takes.
struct Asking {
    head: Head,
    now: Time,
    client_ip: IpAddr,
    language: Language,
    version: Version,
    /// The caller waits to be asked for its body.
    expects: bool,
    /// Of the page that asks, where pages are told anything.
    origin: Option<HeaderValue>,
    /// What may go on for long is kept, to be asked again when the rules change.
    lasting: Option<Box<Question>>,
}

impl Asking {
    /// What records tell of it.
    fn asked(&self) -> Asked<'_> {
        self.head.asked(self.client_ip, self.now)
    }

    /// Its path, as far as it is told.
    fn path(&self) -> Cow<'_, str> {
        self.asked().path
    }
}

/// A decision, taken apart when it was noted.
struct Judged {
    id: DecisionId,
    outcome: Outcome,
    destination: Option<Destination>,
    route: Option<String>,
    permitted: Permitted,
    verified_anew: bool,
}

/// How a permitted request goes to its upstream, and its answer back.
struct Way<'s> {
    upstream: &'s Upstream,
    timeouts: Timeouts,
    started: Instant,
    rule: AnswerRule,
    course: Course,
    pace: Pace,
    /// Given away once somebody watches over the course.
    permitted: Option<Permitted>,
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
    ///
    /// What is done before the first wait is done at once: what goes on afterwards stays small, since
    /// every request under way has room for all of it.
    pub fn answer(
        &self,
        request: Request<Incoming>,
        peer: ProxyPeer,
    ) -> impl Future<Output = Answered> {
        let mut exchange = Exchange::start(&self.shared);
        let snapshot = self.shared.snapshot.load_full();
        let (method, version) = (method_label(request.method()), request.version());
        let begun = match version >= Version::HTTP_2 && self.has_no_room() {
            true => Err(Box::new(self.shed(&request.into_parts().0, &peer))),
            false => self.begin(&snapshot, request, peer, &mut exchange),
        };
        async move {
            let answer = match begun {
                Ok(begun) => self.handle(&snapshot, begun, &mut exchange).await,
                Err(refused) => *refused,
            };
            self.finish(&snapshot, answer, (method, version), exchange)
        }
    }

    /// Counts an answer, and ties it to its exchange.
    fn finish(
        &self,
        snapshot: &Snapshot,
        answer: Answer,
        (method, version): (&'static str, Version),
        mut exchange: Exchange,
    ) -> Answered {
        let Answer { mut response, route, course, pace, switched } = answer;
        let told = response.extensions().get().map_or(response.status(), |calls::InHttp(s)| *s);
        self.shared.metrics.answered(route.as_deref().unwrap_or_default(), method, told);
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

    /// Reads what a request asks, or refuses to.
    fn begin(
        &self,
        snapshot: &Snapshot,
        request: Request<Incoming>,
        peer: ProxyPeer,
        exchange: &mut Exchange,
    ) -> Result<Begun, Box<Answer>> {
        let (parts, body) = request.into_parts();
        let routes = &snapshot.rules.routes;
        let mut asking = Box::new(Asking {
            head: Head::of(&parts),
            now: clock::now(),
            client_ip: peer.ip(),
            // What a request goes to says which language its answer speaks; until then, the request.
            language: Language::of_head(&parts),
            version: parts.version,
            expects: parts.headers.contains_key(header::EXPECT),
            origin: routes
                .have_cors()
                .then(|| parts.headers.get(header::ORIGIN).cloned())
                .flatten(),
            lasting: None,
        });
        let question = match self.question(snapshot, parts, peer, asking.now) {
            Ok(question) => Box::new(question),
            Err(error) => return Err(Box::new(self.reject(snapshot, &asking, &error, exchange))),
        };
        asking.client_ip = question.received.client_ip;
        asking.lasting = (asking.language == Language::Grpc
            || question.received.upgrade.is_some()
            || wants_events(&question.headers))
        .then(|| question.clone());
        let (idle, buffer) = (snapshot.connection.idle, snapshot.rules.body_buffer);
        let body = CallerBody::new(body, idle, &self.shared.bodies, buffer);
        Ok(Begun { question, body, asking })
    }

    /// Judges a request, and forwards or refuses it.
    async fn handle(&self, snapshot: &Snapshot, begun: Begun, exchange: &mut Exchange) -> Answer {
        let Begun { question, mut body, mut asking } = begun;
        let gate = Gate { rules: &snapshot.rules, tokens: &self.shared.tokens };
        let decision = gate.decide(question, &mut body, Trail::Off).await;
        let judged = self.judged(snapshot, &mut asking, decision, exchange);
        let Judged { id, outcome, destination, route, permitted, verified_anew } = judged;
        let language = asking.language;
        let preflight = matches!(outcome.grounds(), Some(Grounds::Preflight));
        let mut answer = match outcome {
            Outcome::Deny(denial) => {
                let mut response = language.denied(&denial, &asking.path(), &id);
                // Without being told that the connection ends, callers send their next request on it.
                if denial.ends_connection() || !body.settle(asking.expects).await {
                    close(&mut response);
                }
                Answer::own(response)
            }
            Outcome::Answer(answer) => Answer::own(answered(&answer, &id)),
            Outcome::Change(permit) => {
                let outcome = Box::pin(self.shared.policies.change(permit, &id)).await;
                Answer::own(policies::changed(language, &outcome, (&asking.path(), &id)))
            }
            Outcome::Allow(permit) => {
                if verified_anew {
                    // Of those that came at once the others are judged first, some sixty at most. What is sent then
                    // comes together, and so do its answers: an upstream that is sent a request at a time, a
                    // signature apart, goes to sleep between, and is dear to wake.
                    yield_now().await;
                }
                match self.way(snapshot, &permit, permitted, language, exchange) {
                    Ok(way) => {
                        let course = &way.course;
                        let sending = Sending { permit, id: &id, body: body.rest(), course };
                        let forwarded = self.client.forward(way.upstream, sending, way.timeouts);
                        let arrived = forwarded.await;
                        let (answer, rule) = self.arrived(way, arrived, &asking, &id);
                        match rule {
                            Some(rule) => {
                                let pause = snapshot.timeouts.header;
                                Box::pin(finished(rule, answer, &asking, &id, pause)).await
                            }
                            None => answer,
                        }
                    }
                    Err(error) => {
                        let mut answer = Answer::own(language.failed(&error, &asking.path(), &id));
                        if asking.expects || !body.settle(asking.expects).await {
                            close(&mut answer.response);
                        }
                        answer
                    }
                }
            }
        };
        if let Some(cors) = snapshot.rules.routes.cors(destination).filter(|_| !preflight) {
            cors.tell(asking.origin.as_ref(), answer.response.headers_mut());
        }
        name(&mut answer.response, &id);
        Answer { route, ..answer }
    }

    /// Notes a decision, and in which language it is told.
    fn judged(
        &self,
        snapshot: &Snapshot,
        asking: &mut Asking,
        decision: Decision,
        exchange: &mut Exchange,
    ) -> Judged {
        asking.language = asking.language.of(&snapshot.rules, decision.destination);
        let route = snapshot.rules.routes.name(decision.destination).map(str::to_owned);
        self.note(snapshot, &asking.asked(), &decision, route.as_deref(), exchange);
        let (right, generation) = (Right::of(&decision), snapshot.rules.generation);
        let permitted = Permitted { right, question: asking.lasting.take(), generation };
        let Decision { id, outcome, destination, verified_anew, .. } = decision;
        Judged { id, outcome, destination, route, permitted, verified_anew }
    }

    /// The way of a permitted request to its upstream, where there is room.
    fn way<'s>(
        &self,
        snapshot: &'s Snapshot,
        permit: &Permit,
        permitted: Permitted,
        language: Language,
        exchange: &mut Exchange,
    ) -> Result<Way<'s>, ForwardError> {
        let upstream = permit.upstream().and_then(|index| snapshot.upstream(index));
        let upstream = upstream.ok_or(ForwardError::NoAddress)?;
        // Under overload a line of the log for each would be more of it.
        let place = upstream.enter().inspect_err(|busy| self.in_vain(upstream, busy))?;
        exchange.occupies(place);
        let started = Instant::now();
        let mut way = Way {
            upstream,
            timeouts: snapshot.timeouts,
            started,
            rule: permit.answer().clone(),
            course: Course::beginning(started.into()),
            pace: Pace::Steady,
            permitted: Some(permitted),
        };
        if language == Language::Grpc {
            way.pace = Pace::Call;
            way.timeouts.header = way.timeouts.stream.max(way.timeouts.header);
        }
        if way.pace == Pace::Call || permit.upgrade().is_some() {
            self.watch(&mut way);
        }
        Ok(way)
    }

    /// Ends the course when the right to it does.
    fn watch(&self, way: &mut Way<'_>) {
        if let Some(permitted) = way.permitted.take() {
            self.standing.watch(&way.course, permitted);
        }
    }

    fn in_vain(&self, upstream: &Upstream, error: &ForwardError) {
        let labels = [upstream.label(), error.reason()];
        self.shared.metrics.upstream_errors.with_label_values(&labels).inc();
    }

    /// What an upstream said to a permitted request; with what is still to be done about it, if S3 is
    /// spoken.
    fn arrived(
        &self,
        mut way: Way<'_>,
        forwarded: Result<Forwarded, ForwardError>,
        asking: &Asking,
        id: &DecisionId,
    ) -> (Answer, Option<AnswerRule>) {
        let took = way.started.elapsed();
        if let Some(forget) = &way.rule.forget {
            forget.now();
        }
        let (response, switched) = match forwarded {
            Ok(Forwarded::Switched(head, side)) => (websocket(head, asking.version), Some(side)),
            Ok(Forwarded::Answer(mut response)) => {
                http::response_hygiene(response.headers_mut());
                if way.pace == Pace::Steady && is_events(response.headers()) {
                    way.pace = Pace::Events;
                    self.watch(&mut way);
                }
                let response = match asking.language {
                    Language::DynamoDb => dynamodb::finished(response),
                    _ => response,
                };
                (response, None)
            }
            Err(error) => {
                self.in_vain(way.upstream, &error);
                tracing::warn!(
                    upstream = way.upstream.label(), decision_id = %id,
                    reason = error.reason(), %error, "no answer from the upstream"
                );
                let mut answer = Answer::own(asking.language.failed(&error, &asking.path(), id));
                if asking.expects {
                    close(&mut answer.response);
                }
                return (answer, None);
            }
        };
        self.shared.metrics.upstream_took(way.upstream.label(), took);
        let rule = (asking.language == Language::S3 && switched.is_none()).then_some(way.rule);
        let (pace, course) = (way.pace, Some(way.course));
        (Answer { response, route: None, course, pace, switched }, rule)
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
            self.shared.metrics.header_removed(*why);
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
        asking: &Asking,
        error: &RequestError,
        exchange: &mut Exchange,
    ) -> Answer {
        self.shared.metrics.rejects.with_label_values(&[error.reason()]).inc();
        let decision = Decision::refused(*error);
        let asked = asking.asked();
        self.note(snapshot, &asked, &decision, None, exchange);
        let mut response = match (asking.language, &decision.outcome) {
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

/// An answer of S3, as its rule and the caller want it.
async fn finished(
    rule: AnswerRule,
    answer: Answer,
    asking: &Asking,
    id: &DecisionId,
    pause: Duration,
) -> Answer {
    let Answer { response, route, course, pace, switched } = answer;
    let (method, path) = (asking.head.method(), asking.path());
    let response = s3::finished(rule, response, (method, &path), id, pause).await;
    Answer { response, route, course, pace, switched }
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
