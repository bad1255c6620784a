//! What the decision log and the access log say: an allow-list of fields.

use std::{borrow::Cow, net::IpAddr};

use ::http::{HeaderValue, Method, Uri, header, request::Parts, uri::Authority};
use serde::Serialize;
use serde_json::Value;

use crate::{
    clock::Time,
    gate::{
        Content, Decision, EngineVerdict, Grounds, IdentityContent, Judged, Login, Outcome, Rules,
        ShadowVerdict, StsContent,
    },
    iam::StatementRef,
    token::ClaimValue,
};

/// One line of the decision log.
#[derive(Debug, Serialize)]
pub struct DecisionRecord<'a> {
    time: String,
    decision_id: &'a str,
    generation: u64,
    config_hash: &'a str,
    door: &'static str,
    route: Option<&'a str>,
    client_ip: IpAddr,
    method: &'a str,
    host: &'a str,
    /// Without the query, which may carry credentials.
    path: &'a str,
    effect: &'static str,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_id: Option<&'a str>,
    /// The temporary credentials that the request is signed with, or that it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: Option<&'a str>,
    /// The thumbprint of the client certificate, and the SPIFFE id in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spiffe_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_choice: Option<String>,
    checks: Vec<CheckRecord<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    statements: Vec<String>,
    /// Cedar policies that permit it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    policies: Vec<&'a str>,
    /// What each engine said, where there is more than IAM.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    engines: &'a [EngineVerdict],
    /// What shadows would have decided otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shadow: Vec<&'a ShadowVerdict>,
    /// What was asked in Cedar's terms, and answered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    asked: Vec<AskedRecord<'a>>,
    #[serde(skip_serializing_if = "Value::is_null")]
    found: Value,
    micros: u64,
}

/// A question in Cedar's terms, and its answer.
#[derive(Debug, Serialize)]
struct AskedRecord<'a> {
    principal: &'a str,
    action: &'a str,
    resource: &'a str,
    effect: &'static str,
    reason: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    policies: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

impl<'a> AskedRecord<'a> {
    fn of(judged: &'a Judged) -> Self {
        Self {
            principal: &judged.principal,
            action: &judged.action,
            resource: &judged.resource,
            effect: if judged.answer.is_ok() { "allow" } else { "deny" },
            reason: judged.reason(),
            policies: judged.policies(),
            error: judged.error(),
        }
    }
}

#[derive(Debug, Serialize)]
struct CheckRecord<'a> {
    action: &'a str,
    resource: &'a str,
}

/// What a decision record tells of the request.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// When it was read.
    pub now: Time,
    /// The client's address.
    pub client_ip: IpAddr,
    /// The method.
    pub method: Cow<'a, str>,
    /// The host asked for.
    pub host: Cow<'a, str>,
    /// The path's first KiB, without the query.
    pub path: Cow<'a, str>,
}

/// A request's head as far as records tell of it: shared with the request, whatever becomes of that.
#[derive(Clone, Debug)]
pub(super) struct Head {
    method: Method,
    uri: Uri,
    host: Option<HeaderValue>,
}

impl Head {
    /// Of a request, before anything of it was checked.
    pub(super) fn of(parts: &Parts) -> Self {
        let Parts { method, uri, headers, .. } = parts;
        let host = headers.get(header::HOST).cloned();
        Self { method: method.clone(), uri: uri.clone(), host }
    }

    /// Its method.
    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    /// What is told of it.
    pub(super) fn asked(&self, client_ip: IpAddr, now: Time) -> Asked<'_> {
        Asked::read((&self.method, &self.uri, self.host.as_ref()), client_ip, now)
    }
}

impl<'a> Asked<'a> {
    /// A head of which nothing can be told.
    pub(super) fn nothing(client_ip: IpAddr, now: Time) -> Self {
        Self::told("", "", "", client_ip, now)
    }

    /// What somebody says of a request that it has, before anything of it was checked.
    pub(super) fn told(
        method: &'a str,
        host: &'a str,
        target: &'a str,
        client_ip: IpAddr,
        now: Time,
    ) -> Self {
        // A name and password before it are refused later, and must not be logged (P8).
        let host = host.rsplit('@').next().unwrap_or_default();
        let path = target.split(['?', '#']).next().unwrap_or_default();
        Self {
            now,
            client_ip,
            method: capped(method, MAX_METHOD),
            host: capped(host, MAX_HOST),
            path: capped(path, MAX_PATH),
        }
    }

    /// What a request asks for, before anything of it was checked.
    pub(super) fn of(parts: &'a Parts, client_ip: IpAddr, now: Time) -> Self {
        let Parts { method, uri, headers, .. } = parts;
        Self::read((method, uri, headers.get(header::HOST)), client_ip, now)
    }

    fn read(
        (method, uri, host): (&'a Method, &'a Uri, Option<&'a HeaderValue>),
        client_ip: IpAddr,
        now: Time,
    ) -> Self {
        let host = host.and_then(|host| host.to_str().ok());
        // Of HTTP/2 it is `:authority`, with its port as in `Host`.
        let host = host.or_else(|| uri.authority().map(Authority::as_str));
        Self::told(method.as_str(), host.unwrap_or_default(), uri.path(), client_ip, now)
    }

    /// The same, whatever becomes of the request.
    pub(super) fn into_owned(self) -> Asked<'static> {
        let Self { now, client_ip, method, host, path } = self;
        let [method, host, path] = [method, host, path].map(|text| Cow::Owned(text.into_owned()));
        Asked { now, client_ip, method, host, path }
    }
}

/// At most `limit` bytes of a text.
fn capped(text: &str, limit: usize) -> Cow<'_, str> {
    Cow::Borrowed(text.get(..text.floor_char_boundary(limit)).unwrap_or_default())
}

impl<'a> DecisionRecord<'a> {
    /// The record of `decision`, which took `micros` microseconds.
    pub fn new(
        door: &'static str,
        rules: &'a Rules,
        asked: &'a Asked<'_>,
        decision: &'a Decision,
        micros: u64,
    ) -> Self {
        let mut policies = Vec::new();
        let (effect, reason, detail, statements, found) = match &decision.outcome {
            Outcome::Allow(permit) => {
                let grounds = permit.grounds();
                policies.extend(permits(grounds));
                ("allow", grounds.reason(), None, statements(grounds), decision.outcome.found())
            }
            Outcome::Answer(answer) => {
                let grounds = &answer.grounds;
                policies.extend(permits(grounds));
                ("allow", grounds.reason(), None, statements(grounds), decision.outcome.found())
            }
            Outcome::Change(permit) => {
                let grounds = permit.grounds();
                policies.extend(permits(grounds));
                ("allow", grounds.reason(), None, statements(grounds), Value::Null)
            }
            Outcome::Deny(denial) => {
                let detail = Some(denial.detail.as_str());
                ("deny", denial.reason, detail, Vec::new(), decision.outcome.found())
            }
        };
        let (issuer, subject, token_id) = match &decision.login {
            Login::Token(token) => {
                let id = token.claims.get("jti").and_then(ClaimValue::as_str);
                (Some(token.issuer.name.as_str()), token.claims.subject(), id)
            }
            Login::Credentials(presented) => {
                let token = &presented.grant.token;
                (token.issuer.as_deref(), token.subject.as_deref(), token.jti.as_deref())
            }
            Login::Anonymous => (None, None, None),
        };
        let assumed = decision.assumed.as_deref();
        let certificate = decision.certificate.as_deref();
        let mut in_terms: Vec<_> = decision.typed.iter().map(AskedRecord::of).collect();
        if let Outcome::Answer(answer) = &decision.outcome
            && let Content::VerifiedPermissions(content) = &answer.content
        {
            in_terms.extend(content.results.iter().map(|(_, judged)| AskedRecord::of(judged)));
        }
        Self {
            time: asked.now.rfc3339(),
            decision_id: decision.id.as_str(),
            generation: rules.generation,
            config_hash: &rules.hash,
            door,
            route: rules.routes.name(decision.destination),
            client_ip: asked.client_ip,
            method: &asked.method,
            host: &asked.host,
            path: &asked.path,
            effect,
            reason,
            detail,
            issuer,
            subject,
            token_id,
            access_key_id: access_key_id(decision),
            client_certificate: certificate.map(|c| c.thumbprint.to_string()),
            spiffe_id: certificate.and_then(|c| Some(c.spiffe_id.as_ref()?.as_str())),
            identity: assumed.and_then(|a| a.identity_id.as_deref()),
            role: assumed.and_then(|a| a.session.principal.role()).map(|role| role.arn.as_str()),
            role_choice: assumed.map(|a| a.role_choice.to_string()),
            checks: decision
                .checks
                .iter()
                .map(|(action, resource)| CheckRecord { action, resource })
                .collect(),
            statements,
            policies,
            engines: &decision.heard.engines,
            shadow: decision.heard.shadows.iter().filter(|shadow| !shadow.agrees).collect(),
            asked: in_terms,
            found,
            micros,
        }
    }
}

/// The access key id that the caller signs with; of one that has none yet, the one it was given.
fn access_key_id(decision: &Decision) -> Option<&str> {
    match (&decision.login, &decision.outcome) {
        (Login::Credentials(presented), _) => Some(&presented.access_key_id),
        (_, Outcome::Answer(answer)) => match &answer.content {
            Content::CognitoIdentity(IdentityContent::IdentityCredentials {
                credentials, ..
            }) => Some(&credentials.access_key_id),
            Content::Sts(StsContent::AssumedRole(user)) => Some(&user.credentials.access_key_id),
            _ => None,
        },
        _ => None,
    }
}

/// Cedar's policies among the grounds.
fn permits(grounds: &Grounds) -> impl Iterator<Item = &str> {
    let permits = match grounds {
        Grounds::Permit(permits) | Grounds::Both(_, permits) => permits.as_slice(),
        _ => &[],
    };
    permits.iter().map(String::as_str)
}

fn statements(grounds: &Grounds) -> Vec<String> {
    let record = |matched: &StatementRef| matched.label();
    match grounds {
        Grounds::Statements(matched) | Grounds::Both(matched, _) => {
            matched.iter().map(record).collect()
        }
        _ => Vec::new(),
    }
}

/// One line of the access log.
#[derive(Debug, Serialize)]
pub(super) struct AccessRecord<'a> {
    /// When the request was read.
    pub time: String,
    /// The decision's id, if it came to one.
    pub decision_id: &'a str,
    /// The client's address.
    pub client_ip: IpAddr,
    /// The method.
    pub method: &'a str,
    /// The host asked for.
    pub host: &'a str,
    /// The path, without the query.
    pub path: &'a str,
    /// The route's name, or empty.
    pub route: &'a str,
    /// The answer's status.
    pub status: u16,
    /// Bytes of the answer's body that were sent.
    pub bytes: u64,
    /// Milliseconds from the request's head to the end of the answer's body.
    pub millis: u64,
}

const MAX_METHOD: usize = 32;
const MAX_HOST: usize = 300;
const MAX_PATH: usize = 1024;

#[cfg(test)]
mod tests;
