//! What doors share that only ask: a proxy's account of a request becomes a question, and the
//! decision becomes what the proxy is told to do.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::{Duration, Instant},
};

use ::http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Version,
    header::{COOKIE, ORIGIN},
    uri::PathAndQuery,
};
use bytes::Bytes;
use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};

use super::{Shared, Snapshot, answers, note::note, record::Asked};
use crate::{
    clock::{self, Time},
    gate::{
        AskedQuery, AskedRoute, Decision, DecisionId, Gate, Outcome, Payload, Permit, Question,
        Refusal, Trail, Whole, Withheld,
    },
    http::{
        self, AlbHeaders, Authority, ClientCertificate, IdentityHeaders, Peer, Problem, RawTarget,
        RequestError, Scheme, Stripped, query_names,
    },
    sigv4,
};

/// A proxy's account of a request that it has.
pub(super) struct Account<'a> {
    /// The door it came through, in logs and metrics.
    pub(super) door: &'static str,
    /// Which route it asks for.
    pub(super) route: AskedRoute<'a>,
    /// Whether the proxy can take parameters out of the query.
    pub(super) query: AskedQuery,
    /// Which headers the proxy takes out of what goes on.
    pub(super) takes_out: TakesOut,
    /// The method.
    pub(super) method: &'a str,
    /// The host that the client asked for.
    pub(super) host: &'a str,
    /// The host that the decision is about, where the proxy is told to ask for another.
    pub(super) instead: Option<&'a str>,
    /// Path and query as the client sent them.
    pub(super) target: &'a str,
    /// The client's headers.
    pub(super) headers: HeaderMap,
    /// The version of HTTP that the client speaks.
    pub(super) version: Version,
    /// The proxy's own peer.
    pub(super) client: IpAddr,
    /// The certificate that the client proved to the proxy to have.
    pub(super) certificate: Option<Arc<ClientCertificate>>,
    /// The scheme that the client used.
    pub(super) scheme: Scheme,
    /// The body, if it was sent along whole.
    pub(super) body: Option<Bytes>,
}

/// Which headers a proxy takes out of what goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TakesOut {
    /// Those that it is told to.
    Told,
    /// Those that its configuration names, which are [`http::STRIPPED_NAMES`]. On a route whose token may come
    /// in a cookie `Cookie` is one of them, and what the answer has of it is put in its place.
    Named,
}

/// What the proxy is told.
pub(super) enum Told {
    /// Let it through, with these changes.
    Allow(Box<Changes>),
    /// Answer this.
    Deny(Box<Refused>),
    /// It could not be decided; answer this if it is denied for that.
    Undecided(Box<Refused>),
}

/// What the caller is answered, and why.
pub(super) struct Refused {
    pub(super) reason: &'static str,
    pub(super) response: Response<Bytes>,
    pub(super) about: About,
}

/// What becomes of a request that is let through.
pub(super) struct Changes {
    pub(super) reason: &'static str,
    /// Headers with their values, which replace what the client sent. All that tell of the caller are
    /// among them, empty where there is nothing to tell.
    pub(super) set: Vec<(HeaderName, HeaderValue)>,
    /// Headers that the client sent and that must not go on.
    pub(super) remove: Vec<HeaderName>,
    /// Parameters of the query that must not go on.
    pub(super) remove_query: Vec<String>,
    pub(super) about: About,
}

/// What a proxy may log of a decision.
pub(super) struct About {
    pub(super) id: DecisionId,
    pub(super) route: Option<String>,
    pub(super) identity: IdentityHeaders,
}

/// Asks the gate, counts and logs what it says, and puts it as instructions to the proxy. `started`
/// is when the proxy's message was read.
pub(super) async fn ask(
    shared: &Shared,
    snapshot: &Snapshot,
    account: Account<'_>,
    started: Instant,
) -> Told {
    let now = clock::now();
    let told = Asked::told(account.method, account.host, account.target, account.client, now);
    let (door, route, query) = (account.door, account.route, account.query);
    let named = account.takes_out == TakesOut::Named;
    let cookies: Vec<HeaderValue> = account.headers.get_all(COOKIE).iter().cloned().collect();
    let cors = snapshot.rules.routes.have_cors();
    let origin = cors.then(|| account.headers.get(ORIGIN).cloned()).flatten();
    let (mut question, body) = match question(shared, snapshot, account, now) {
        Ok(asked) => asked,
        Err(error) => return rejected(shared, snapshot, (door, &told), error, started),
    };
    let told = Asked { client_ip: question.received.client_ip, ..told };
    let stripped = std::mem::take(&mut question.received.stripped);
    let gate = Gate { rules: &snapshot.rules, tokens: &shared.tokens };
    let signed_query = question.target.query().filter(|query| http::is_signed_query(query));
    let signed_query = signed_query.map(str::to_owned);
    let mut withheld = Withheld;
    let mut whole = body.map(Whole);
    let payload: &mut dyn Payload = match &mut whole {
        Some(whole) => whole,
        None => &mut withheld,
    };
    let decision = gate.ask(question, (route, query), payload, Trail::Off).await;
    note(shared, snapshot, (door, &told), &decision, started.elapsed());
    let id = &decision.id;
    let routes = &snapshot.rules.routes;
    let told = match named && routes.reads_cookies(decision.destination) {
        true => Cookies::All,
        false => Cookies::Changed,
    };
    let route = routes.name(decision.destination).map(str::to_owned);
    let about = |identity| About { id: id.clone(), route, identity };
    match decision.outcome {
        Outcome::Allow(permit) => {
            let sent = Sent { cookies, told, stripped, signed_query };
            let changes = Changes::to(permit, &sent, about);
            Told::Allow(Box::new(changes))
        }
        Outcome::Deny(ref denial) => {
            let about = about(decision.identity());
            let mut response = answers::denied(denial, id);
            if let Some(cors) = routes.cors(decision.destination) {
                cors.tell(origin.as_ref(), response.headers_mut());
            }
            let refused = Box::new(Refused { reason: denial.reason, response, about });
            match denial.refusal {
                Refusal::Unavailable => Told::Undecided(refused),
                _ => Told::Deny(refused),
            }
        }
        // The gate answers nobody who only asks.
        Outcome::Answer(_) | Outcome::Change(_) => {
            let about = about(IdentityHeaders::default());
            let response = unexpected(id);
            Told::Deny(Box::new(Refused { reason: "misconfigured", response, about }))
        }
    }
}

/// What a proxy is told whose account of a request can't be read.
pub(super) fn reject(
    shared: &Shared,
    snapshot: &Snapshot,
    door: &'static str,
    error: RequestError,
    started: Instant,
) -> Told {
    let nothing = Asked::nothing(IpAddr::V4(Ipv4Addr::UNSPECIFIED), clock::now());
    rejected(shared, snapshot, (door, &nothing), error, started)
}

/// A request that asks no question is refused.
fn rejected(
    shared: &Shared,
    snapshot: &Snapshot,
    told: (&'static str, &Asked<'_>),
    error: RequestError,
    started: Instant,
) -> Told {
    shared.metrics.rejects.with_label_values(&[error.reason()]).inc();
    let decision = Decision::refused(error);
    note(shared, snapshot, told, &decision, started.elapsed());
    let problem = Problem::from(error).decision_id(decision.id.as_str());
    let about = About { id: decision.id, ..About::nothing() };
    let response = problem.into_response();
    Told::Deny(Box::new(Refused { reason: error.reason(), response, about }))
}

/// The question that a proxy's account asks, cleaned as a request of our own would be.
fn question(
    shared: &Shared,
    snapshot: &Snapshot,
    account: Account<'_>,
    now: Time,
) -> Result<(Box<Question>, Option<Bytes>), RequestError> {
    let Account { method, host, instead, target, mut headers, version, client, .. } = account;
    let Account { certificate, scheme, body, takes_out, .. } = account;
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| RequestError::Method)?;
    http::check_method(&method)?;
    let asked_for = Authority::parse(host)?;
    let named = host;
    let host = HeaderValue::from_str(asked_for.as_str()).map_err(|_| RequestError::HostInvalid)?;
    if let Some(sent) = headers.insert(::http::header::HOST, host) {
        let sent = sent.to_str().map_err(|_opaque| RequestError::NotAscii("Host"))?;
        if sent != named && Authority::parse(sent)? != asked_for {
            return Err(RequestError::HostDisagrees);
        }
    }
    // Cookies may have to go back without one of them, and gRPC has values as text: a call with another
    // one fails, which a proxy may be told to let through.
    if headers.get_all(COOKIE).iter().any(|line| std::str::from_utf8(line.as_bytes()).is_err()) {
        return Err(RequestError::NotAscii("Cookie"));
    }
    let mut peer = Peer::new(client, scheme, &snapshot.trusted_proxies);
    peer.rules.alb = AlbHeaders::Read;
    let mut received = http::receive(&mut headers, version, peer)?;
    if takes_out == TakesOut::Named && received.stripped.iter().any(would_go_on) {
        return Err(RequestError::HeaderName);
    }
    for (_, why) in &received.stripped {
        shared.metrics.header_removed(*why);
    }
    let target = RawTarget::parse(target)?;
    let authority = match instead {
        None => asked_for,
        Some(instead) => {
            received.forwarded_host.get_or_insert(asked_for);
            Authority::parse(instead)?
        }
    };
    let question = Question { method, authority, target, headers, received, certificate, now };
    Ok((Box::new(question), body))
}

/// Whether a header that must not go on would, through a proxy that takes out what it can name. What
/// belongs to the connection ends with it.
fn would_go_on((name, why): &(HeaderName, Stripped)) -> bool {
    !matches!(why, Stripped::HopByHop | Stripped::ConnectionListed)
        && !http::is_taken_out(name.as_str())
}

/// What a request had as it was sent, of which not everything may go on.
struct Sent {
    cookies: Vec<HeaderValue>,
    told: Cookies,
    /// What hygiene took out of the headers.
    stripped: Vec<(HeaderName, Stripped)>,
    /// The query, if it signs the request.
    signed_query: Option<String>,
}

impl Changes {
    /// What turns the request as it was `sent` into the permitted one.
    fn to(permit: Box<Permit>, sent: &Sent, about: impl FnOnce(IdentityHeaders) -> About) -> Self {
        let reason = permit.grounds().reason();
        let withheld = permit.withheld().to_vec();
        let (forward, identity) = permit.into_parts();
        let about = about(identity);
        let mut set = Vec::with_capacity(IDENTITY_HEADERS);
        set.extend(about.identity.pairs().map(|(name, value)| (name, value.clone())));
        set.push((http::DECISION_ID, about.id.to_value()));
        // A cookie among cookies is all that is ever taken out of a header.
        if !sent.cookies.is_empty() && forward.headers.contains_key(COOKIE) {
            set.extend(remaining_cookies(&sent.cookies, &forward.headers, sent.told));
        }
        let mut remove: Vec<HeaderName> = Vec::new();
        for name in sent.stripped.iter().map(|(name, _)| name).chain(&withheld) {
            let goes_on = http::is_of_proxies(name.as_str()) || forward.headers.contains_key(name);
            // Envoy removes after it has set, and would take the word of ours that replaces theirs.
            if !goes_on && !set.iter().any(|(set, _)| set == name) {
                remove.push(name.clone());
            }
        }
        let remove_query = removed_parameters(sent.signed_query.as_deref(), &forward.target);
        Self { reason, set, remove, remove_query, about }
    }
}

/// Which cookies a proxy is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cookies {
    /// All that are left, if one was taken out.
    Changed,
    /// All that are left.
    All,
}

/// The cookies that are left, as far as they are told.
fn remaining_cookies(
    sent: &[HeaderValue],
    left: &HeaderMap,
    told: Cookies,
) -> Option<(HeaderName, HeaderValue)> {
    let left = left.get_all(COOKIE);
    if told == Cookies::Changed && left.iter().eq(sent) {
        return None;
    }
    let lines: Vec<&[u8]> = left.iter().map(HeaderValue::as_bytes).collect();
    // Two lines are one list (RFC 9113 §8.2.3). What was a header's value can be one again.
    let value = HeaderValue::from_bytes(&lines.join(&b"; "[..])).ok()?;
    Some((COOKIE, value))
}

/// The names that a query which signs had and, as permitted, hasn't any more.
fn removed_parameters(signed_query: Option<&str>, permitted: &PathAndQuery) -> Vec<String> {
    match signed_query {
        Some(query) if permitted.query() != Some(query) => {
            let signs = query_names(query).filter(|(_, name)| sigv4::signs(name));
            // As they are written: proxies compare them undecoded.
            signs.map(|(written, _)| written.to_owned()).collect()
        }
        _ => Vec::new(),
    }
}

/// The first certificate of a PEM text; none if there is none that can be a client's.
pub(super) fn certificate(pem: &[u8]) -> Option<Arc<ClientCertificate>> {
    let der = CertificateDer::from_pem_slice(pem).ok()?;
    ClientCertificate::of(&der).ok().map(Arc::new)
}

/// What a proxy is told where nothing was decided, and it is to deny.
pub(super) fn undecided(status: StatusCode, reason: &'static str, detail: &'static str) -> Refused {
    let about = About::nothing();
    let problem = Problem::new(status, reason, detail).decision_id(about.id.as_str());
    Refused { reason, response: problem.into_response(), about }
}

impl About {
    fn nothing() -> Self {
        Self { id: DecisionId::fresh(), route: None, identity: IdentityHeaders::default() }
    }
}

fn unexpected(id: &DecisionId) -> Response<Bytes> {
    Problem::new(StatusCode::FORBIDDEN, "misconfigured", "access denied")
        .decision_id(id.as_str())
        .into_response()
}

/// How long whoever asks waits, where it doesn't say: Envoy's own default is 200 ms.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

const IDENTITY_HEADERS: usize = 5;
