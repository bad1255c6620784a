//! The first stage: whose request is it?
//!
//! Anonymous means that there is no credential of any kind in the request. One that fails, or two,
//! is refused and never treated as none.

use std::sync::Arc;

use ::http::{HeaderMap, HeaderName, header};
use serde_json::{Value, json};

use super::{
    Challenge, Denial, Gate, Presented, Question, Refusal, Route, Rules, Service,
    body::Reading,
    bound::{Shown, bound_to, demand_possession},
    decide::{Progress, in_time},
    signature::{Proven, prove},
};
use crate::{
    clock::Time,
    http::{self, Credentials, Origin, Received, RequestError, TokenScheme, remove_cookie},
    services::Proof,
    sigv4::{Form, Kind, SigV4Error, Signed},
    token::{ErrorSource, Issuer, IssuerKind, TokenCache, TokenError, TokenKind, VerifiedToken},
};

/// Whose request it is.
#[derive(Clone, Debug)]
pub enum Login {
    /// No credential was given.
    Anonymous,
    /// A token that was verified.
    Token(Arc<VerifiedToken>),
    /// Temporary credentials, by a signature that was verified.
    Credentials(Arc<Presented>),
}

/// Whose request it is, and what was learnt on the way.
pub(super) struct Authenticated {
    pub(super) login: Login,
    /// What the body has to be, if it wasn't read.
    pub(super) proof: Proof,
    /// How the signature was sent, if there is one.
    pub(super) kind: Option<Kind>,
    /// When it was made.
    pub(super) signed: Option<Time>,
    /// In which scheme what else there is to say of the credential is worded.
    pub(super) challenge: Challenge,
}

impl Authenticated {
    fn unsigned(login: Login) -> Self {
        let challenge = Challenge::default();
        Self { login, proof: Proof::NONE, kind: None, signed: None, challenge }
    }
}

impl From<Proven> for Authenticated {
    fn from(proven: Proven) -> Self {
        Self {
            login: Login::Credentials(proven.presented),
            proof: proven.proof,
            kind: Some(proven.kind),
            signed: Some(proven.time),
            challenge: Challenge::default(),
        }
    }
}

/// Where a token was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Authorization,
    /// In the scheme `DPoP`.
    Dpop,
    Cookie,
    LoadBalancer,
}

impl Source {
    fn as_str(self) -> &'static str {
        match self {
            Self::Authorization | Self::Dpop => "authorization header",
            Self::Cookie => "cookie",
            Self::LoadBalancer => "x-amzn-oidc-data",
        }
    }

    pub(super) fn challenge(self) -> Challenge {
        match self {
            Self::Dpop => Challenge::Dpop,
            _ => Challenge::Bearer,
        }
    }
}

/// Establishes whose request `question` is.
///
/// # Errors
/// A denial for a credential that fails, for two, and for one of a kind the route doesn't take.
pub(super) async fn authenticate(
    gate: &Gate<'_>,
    route: &Route,
    question: &Question,
    signed: Result<Option<Box<Signed<'_>>>, SigV4Error>,
    reading: &mut Reading<'_>,
    progress: &mut Progress,
) -> Result<Authenticated, Denial> {
    let trail = &mut progress.trail;
    // Two credentials are told before what is wrong with one of them.
    let token = find_token(route, question, !matches!(signed, Ok(None)))?;
    if let Some(signed) = signed? {
        let form = match route.service {
            Service::S3 => Form::S3,
            _ => Form::Other,
        };
        let body = (reading, gate.rules.body_buffer);
        let proven = prove(gate.rules, &signed, form, body, question.now, trail);
        return Ok(Box::pin(proven).await?.into());
    }
    let Some((source, text)) = token else {
        trail.note("authenticate", || ("no credential found".to_owned(), Value::Null));
        return Ok(Authenticated::unsigned(Login::Anonymous));
    };
    let known = gate.tokens.lookup(text, &gate.rules.issuers, question.now);
    let verified = known.transpose().unwrap_or_else(|| {
        progress.verified_anew = true;
        gate.tokens.verify(text, &gate.rules.issuers, question.now)
    });
    let verified = match verified {
        // Its key is asked for.
        Err(error) if error.refreshable().is_some() => {
            let verified = verify(gate.rules, gate.tokens, text, question.now);
            Box::pin(in_time(async { Ok(verified.await) })).await?
        }
        verified => verified,
    };
    let trail = &mut progress.trail;
    let found = verified.and_then(|token| accepts(route, source, &token).map(|()| token));
    match found {
        Ok(token) => {
            trail.note("authenticate", || {
                (format!("token from the {} verified", source.as_str()), describe(&token))
            });
            let shown = match source {
                Source::Dpop => Shown::WithProof(text),
                _ => Shown::Alone,
            };
            let demanded = (route.bound_tokens, gate.tokens);
            demand_possession(demanded, question, &token, shown, trail)?;
            let challenge = source.challenge();
            Ok(Authenticated { challenge, ..Authenticated::unsigned(Login::Token(token)) })
        }
        Err(error) => {
            refuse_malformed(source, question)?;
            trail.note("authenticate", || {
                let what = format!("token from the {} refused", source.as_str());
                (what, json!({ "reason": error.reason(), "error": error.to_string() }))
            });
            Err(denial(&error).challenged(source.challenge()))
        }
    }
}

/// A token that was refused is told to be malformed if it can't be one at all.
pub(super) fn refuse_malformed(source: Source, question: &Question) -> Result<(), RequestError> {
    match source {
        Source::Authorization | Source::Dpop => {
            http::credentials(&question.headers, question.target.query()).map(drop)
        }
        Source::Cookie | Source::LoadBalancer => Ok(()),
    }
}

/// A load balancer's token is accepted from its own header, from that load balancer alone and for
/// the route's client; no other source may carry one.
pub(super) fn accepts(
    route: &Route,
    source: Source,
    token: &VerifiedToken,
) -> Result<(), TokenError> {
    match (&token.issuer.kind, source, &route.sources.alb) {
        (IssuerKind::Alb { arn }, Source::LoadBalancer, Some(alb)) if *arn == alb.arn => match &alb
            .client
        {
            Some(client) if token.client.as_ref() != Some(client) => Err(TokenError::WrongClient),
            _ => Ok(()),
        },
        (IssuerKind::Alb { .. }, _, _) | (_, Source::LoadBalancer, _) => {
            Err(TokenError::UnknownIssuer)
        }
        _ => Ok(()),
    }
}

/// Refuses a token, or a part of a signature, in the head of a request that is signed elsewhere.
pub(super) fn refuse_second(route: &Route, question: &Question) -> Result<(), Denial> {
    find_token(route, question, true)?;
    match question.headers.contains_key(http::SESSION_TOKEN) {
        true => Err(RequestError::SeveralCredentials.into()),
        false => Ok(()),
    }
}

/// The one token of the request, wherever the route allows it to be.
pub(super) fn find_token<'q>(
    route: &Route,
    question: &'q Question,
    signed: bool,
) -> Result<Option<(Source, &'q str)>, Denial> {
    let headers = &question.headers;
    let mut found = Vec::with_capacity(1);
    let credentials = http::presented(headers, question.target.query())?;
    match credentials {
        Credentials::None => {}
        Credentials::Bearer(token) => found.push((Source::Authorization, token)),
        Credentials::Dpop(token) => found.push((Source::Dpop, token)),
        // Parsed and verified by its own rules; here it only counts.
        Credentials::SigV4 if signed => {}
        Credentials::SigV4 | Credentials::Unsupported(_) => {
            return Err(unsupported("send Authorization: Bearer or DPoP, or an AWS signature"));
        }
    }
    if let Some(cookie) = &route.sources.cookie
        && let Some(token) = http::cookie(headers, &cookie.name)?
    {
        let received = &question.received;
        let own = Origin::new(received.scheme, &question.authority);
        http::check_origin(&question.method, received.upgrade, headers, &own, &cookie.origins)?;
        found.push((Source::Cookie, token));
    }
    if route.sources.alb.is_some()
        && let Some(value) = headers.get(OIDC_DATA)
    {
        let token = value.to_str().map_err(|_| RequestError::NotAscii("X-Amzn-Oidc-Data"))?;
        found.push((Source::LoadBalancer, token));
    }
    // A session token is half of a second credential.
    let signs = signed || (question.received.aws && headers.contains_key(http::SESSION_TOKEN));
    match found.len() + usize::from(signs) {
        0 | 1 => Ok(found.pop()),
        _ => {
            let sources: Vec<&str> = found.iter().map(|(source, _)| source.as_str()).collect();
            Err(Denial::from(RequestError::SeveralCredentials).with(json!(sources)))
        }
    }
}

/// Verifies `token`, from the cache or by its signature; asks once for a key that isn't known yet.
pub(super) async fn verify(
    rules: &Rules,
    tokens: &TokenCache,
    token: &str,
    now: Time,
) -> Result<Arc<VerifiedToken>, TokenError> {
    let verified = || {
        let known = tokens.lookup(token, &rules.issuers, now).transpose();
        known.unwrap_or_else(|| tokens.verify(token, &rules.issuers, now))
    };
    let error = match verified() {
        Ok(verified) => return Ok(verified),
        Err(error) => error,
    };
    let Some((issuer, kid)) = error.refreshable() else { return Err(error) };
    // Why a refresh failed is in its metrics; the keys may have come by another way meanwhile, and others who
    // waited for them with the same token may have verified it.
    let _ = Box::pin(issuer.keys.refresh(kid)).await;
    verified()
}

pub(super) fn denial(error: &TokenError) -> Denial {
    let refusal = match error.source_of_error() {
        ErrorSource::Client if matches!(error, TokenError::Expired) => Refusal::ExpiredCredential,
        ErrorSource::Client => Refusal::InvalidCredential,
        ErrorSource::Idp => Refusal::Unavailable,
    };
    Denial::new(error.reason(), refusal, error.told_to_caller())
        .with(json!({ "error": error.to_string() }))
}

fn unsupported(detail: &str) -> Denial {
    Denial::new("unsupported_credential", Refusal::InvalidCredential, detail)
}

/// A kind of token in words.
fn kind(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Id => "ID token",
        TokenKind::Access => "access token",
        TokenKind::ClientCredentials => "access token of the client itself",
        TokenKind::Oidc => "token of an OpenID Connect provider",
        TokenKind::Alb => "token of a load balancer",
    }
}

/// What `explain` tells of a token: facts about it, never the token.
pub(super) fn describe(token: &VerifiedToken) -> Value {
    let issuer: &Issuer = &token.issuer;
    let mut told = json!({
        "issuer": issuer.name,
        "kind": kind(token.kind),
        "client": token.client,
        "key": token.kid,
        "subject": token.claims.subject(),
        "expires": token.claims.expires().rfc3339(),
        "scopes": token.claims.scopes().collect::<Vec<_>>(),
        "groups": token.claims.groups(),
    });
    if let (Some(bound), Some(members)) = (bound_to(token), told.as_object_mut()) {
        members.insert("bound_to".to_owned(), bound);
    }
    told
}

/// Removes the caller's credentials, and whatever says that a load balancer verified some, from
/// headers that go upstream: of all credentials a token alone may go on, with its proof if it has one,
/// where the route lets it. On a public route nobody has looked at them before. Returns the names of
/// what was there and is gone.
pub(super) fn remove_credentials(
    headers: &mut HeaderMap,
    received: &Received,
    route: &Route,
    login: &Login,
) -> Vec<HeaderName> {
    let proven = matches!(login, Login::Token(_));
    let kept = match route.forward_token {
        super::Forward::Keep => http::token_scheme(headers, proven),
        super::Forward::Remove => None,
    };
    let is_alb = |name: &&HeaderName| name.as_str().starts_with(ALB_PREFIX);
    let mut removed: Vec<HeaderName> = headers.keys().filter(is_alb).cloned().collect();
    if kept.is_none() {
        removed.push(header::AUTHORIZATION);
    }
    if kept != Some(TokenScheme::Dpop) {
        removed.push(http::DPOP);
    }
    if received.aws {
        removed.push(http::SESSION_TOKEN);
    }
    removed.retain(|name| headers.remove(name).is_some());
    if let Some(cookie) = &route.sources.cookie
        && headers.contains_key(header::COOKIE)
    {
        remove_cookie(headers, &cookie.name);
        if !headers.contains_key(header::COOKIE) {
            removed.push(header::COOKIE);
        }
    }
    removed
}

/// What an application load balancer's own headers begin with.
const ALB_PREFIX: &str = "x-amzn-oidc-";
const OIDC_DATA: &str = "x-amzn-oidc-data";
