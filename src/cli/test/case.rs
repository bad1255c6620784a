//! One case: one caller does one thing.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    sync::Arc,
};

use ::http::{HeaderMap, HeaderValue, header};

use super::{
    report::Got,
    world::{Keys, World},
};
use crate::{
    cli::asked::{Asked, NotAsked, add},
    clock::{self, Time},
    config::{
        At, Position, Problem,
        cases::{Body, Caller, CallerKind, Expect, Request, Terms, Test, TestFile, Values, What},
        suggest::suggestion,
    },
    gate::{Denial, Gate, REASONS, Trail, Whole},
    http::Received,
    iam::{Action, Arn, Check, Fact, Facts, Resource, Role, Session},
    identity::Assumed,
    services::catalog::Service,
};

/// One caller and one thing to do.
pub(super) struct Case<'f> {
    /// The test's name, and what tells the case from the test's others.
    pub(super) name: String,
    /// Where the test is written.
    pub(super) position: Position,
    /// What the answer should be.
    pub(super) expect: &'f Expect,
    caller: &'f Caller,
    who: Who,
    does: Does<'f>,
    /// The identity pool, for those who get their role without a route.
    pool: Option<&'f str>,
    now: Time,
    address: IpAddr,
}

/// A caller, as far as the configuration is enough to tell.
enum Who {
    Nobody,
    Guest,
    Role {
        role: Arc<Role>,
        session_name: String,
        tags: Facts,
    },
    /// A token, and with whose keys it is verified.
    Token(String, Keys),
}

enum Does<'f> {
    Act { action: &'f str, resource: &'f str, terms: &'f Terms },
    Send { request: &'f Request, url: String, body: Option<String> },
}

/// The cases of a file.
///
/// # Errors
/// Callers that the configuration doesn't have, files that can't be read, what are no actions or ARNs.
pub(super) fn cases<'f>(file: &'f TestFile, world: &World) -> Result<Vec<Case<'f>>, Vec<Problem>> {
    let (mut cases, mut problems) = (Vec::new(), Vec::new());
    let start = clock::now();
    for test in &file.tests {
        let mut problem = |position, message: String| {
            problems.push(Problem::error(&file.file, position, message));
        };
        check(test, &mut problem);
        for answer in &test.answers {
            for caller in &answer.callers {
                let now = test.now.unwrap_or(start);
                for does in all(file, test, &mut problem) {
                    let who = match who(caller, world, now) {
                        Ok(who) => who,
                        Err(message) => {
                            problem(caller.position, message);
                            break;
                        }
                    };
                    let name = match test.cases() {
                        1 => test.name.clone(),
                        _ => format!("{} [{}, {}]", test.name, caller.name, does.line()),
                    };
                    cases.push(Case {
                        name,
                        position: test.position,
                        expect: &answer.expect,
                        caller,
                        who,
                        does,
                        pool: file.identity_pool.as_ref().map(|pool| pool.value.as_str()),
                        now,
                        address: test.source_ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
                    });
                }
            }
        }
    }
    if let Some(At { value, position }) = &file.identity_pool
        && let Err(message) = world.pool(Some(value))
    {
        problems.push(Problem::error(&file.file, *position, message));
    }
    problems.dedup();
    match problems.is_empty() {
        true => Ok(cases),
        false => Err(problems),
    }
}

/// Reports reasons that no decision has, and actions and resources that aren't any.
fn check(test: &Test, problem: &mut dyn FnMut(Position, String)) {
    for answer in &test.answers {
        let Some(At { value, position }) = &answer.expect.reason else { continue };
        if !REASONS.contains(&value.as_str()) {
            let meant = suggestion(value, REASONS.iter().copied());
            problem(*position, format!("no decision has the reason `{value}`{meant}"));
        }
    }
    let What::Terms(terms) = &test.what else { return };
    for At { value, position } in &terms.actions {
        let well_formed = value.split_once(':').is_some_and(|(service, name)| {
            let plain = |text: &str| {
                !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            };
            plain(service) && plain(name)
        });
        let known = value
            .split_once(':')
            .and_then(|(service, name)| Service::of(service).map(|service| (service, name)));
        if !well_formed {
            problem(*position, format!("`{value}` is not an action such as s3:GetObject"));
        } else if let Some((service, name)) = known
            && !service.actions().any(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            let meant = suggestion(name, service.actions().map(|(known, _)| known));
            problem(*position, format!("`{value}` is no action of its service{meant}"));
        }
    }
    for At { value, position } in &terms.resources {
        if let Err(message) = resource(value) {
            problem(*position, message);
        }
    }
}

fn resource(text: &str) -> Result<Resource, String> {
    match text {
        "*" => Ok(Resource::Any),
        _ => Arn::parse(text).map(Resource::Arn).map_err(|error| format!("`{text}`: {error}")),
    }
}

/// Everything that a test does.
fn all<'f>(
    file: &'f TestFile,
    test: &'f Test,
    problem: &mut dyn FnMut(Position, String),
) -> Vec<Does<'f>> {
    match &test.what {
        What::Terms(terms) => {
            let resources = || terms.resources.iter();
            let of = |action: &'f At<String>| {
                resources().map(|resource| Does::Act { action, resource, terms })
            };
            terms.actions.iter().flat_map(of).collect()
        }
        What::Requests(requests) => {
            let send = |request: &'f Request| {
                let body = match &request.body {
                    Body::None => None,
                    Body::Text(text) | Body::Json(text) => Some(text.clone()),
                    Body::File(path) => match read(path) {
                        Ok(text) => Some(text),
                        Err(message) => {
                            problem(request.position, message);
                            None
                        }
                    },
                };
                let url = match (&file.base_url, request.url.starts_with('/')) {
                    (Some(base), true) => base.join(&request.url),
                    _ => request.url.clone(),
                };
                Does::Send { request, url, body }
            };
            requests.iter().map(send).collect()
        }
    }
}

/// The caller; a user's token is made here.
fn who(caller: &Caller, world: &World, now: Time) -> Result<Who, String> {
    match &caller.kind {
        CallerKind::Anonymous => Ok(Who::Nobody),
        CallerKind::Guest => Ok(Who::Guest),
        CallerKind::Role { role, session_name, tags } => {
            let role = world.role(role)?;
            let mut facts = Facts::new();
            for (key, value) in tags {
                facts.one(format!("aws:PrincipalTag/{key}"), value);
            }
            let session_name = session_name.as_deref().unwrap_or(SESSION_NAME).to_owned();
            Ok(Who::Role { role, session_name, tags: facts })
        }
        CallerKind::User(user) => {
            Ok(Who::Token(world.token(&caller.name, user, now)?, Keys::Tests))
        }
        CallerKind::Token(path) => {
            let token = read(path)?.trim().to_owned();
            Ok(Who::Token(token, Keys::Issuers))
        }
    }
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

impl Does<'_> {
    fn line(&self) -> String {
        match self {
            Self::Act { action, resource, .. } => format!("{action} on {resource}"),
            // Without the query, which may carry credentials.
            Self::Send { request, .. } => {
                let url = request.url.split(['?', '#']).next().unwrap_or_default();
                let target = request.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(TARGET));
                let target = target.map(|(_, value)| format!(" {value}")).unwrap_or_default();
                format!("{} {url}{target}", request.method)
            }
        }
    }
}

impl Case<'_> {
    /// What is done, in a line.
    pub(super) fn line(&self) -> String {
        format!("{}: {}", self.caller.name, self.does.line())
    }

    /// Who does it.
    pub(super) fn caller(&self) -> &str {
        &self.caller.name
    }

    /// Asks the gate.
    pub(super) async fn run(&self, world: &mut World) -> Got {
        let keys = match &self.who {
            Who::Token(_, keys) => *keys,
            _ => Keys::Tests,
        };
        world.verify_with(keys);
        let gate = Gate { rules: &world.rules, tokens: &world.tokens };
        match &self.does {
            Does::Act { action, resource, terms } => {
                self.act(&gate, world, (action, resource), terms).await
            }
            Does::Send { request, url, body } => {
                self.send(&gate, world, (request, url, body.as_deref())).await
            }
        }
    }

    async fn act(
        &self,
        gate: &Gate<'_>,
        world: &World,
        (action, on): (&str, &str),
        terms: &Terms,
    ) -> Got {
        let mut trail = Trail::On(Vec::new());
        let session = match self.session(gate, world, &mut trail).await {
            Ok(session) => session,
            Err(NoSession::Denied(denial)) => return Got::denied(&denial, None, trail),
            Err(NoSession::Broken(message)) => return Got::broken(message),
        };
        let (session, identity) = session;
        let filled = |text: &str| fill(text, identity.as_deref());
        let on = match filled(on).and_then(|text| resource(&text)) {
            Ok(on) => on,
            Err(message) => return Got::broken(message),
        };
        let mut check = Check::new(Action::new(action), on);
        for (key, values) in &terms.context {
            let fact = match values {
                Values::One(value) => filled(value).map(Fact::One),
                Values::Many(values) => {
                    values.iter().map(|v| filled(v)).collect::<Result<_, _>>().map(Fact::Many)
                }
            };
            match fact {
                Ok(fact) => check.context.set(key.to_owned(), fact),
                Err(message) => return Got::broken(message),
            }
        }
        for key in &terms.unknown {
            check.context.set(key.to_owned(), Fact::Unknown);
        }
        let around = match self.received() {
            Ok(received) => (received, self.now),
            Err(error) => return Got::not_asked(error),
        };
        let role = session.principal.role().map(|role| role.arn.as_str().to_owned());
        match gate.ask_iam(&session, &check, (&around.0, around.1), &mut trail) {
            Ok(grounds) => Got::allowed(&grounds, role, trail),
            Err(denial) => Got::denied(&denial, role, trail),
        }
    }

    /// The caller's session, and its identity id.
    async fn session(
        &self,
        gate: &Gate<'_>,
        world: &World,
        trail: &mut Trail,
    ) -> Result<(Session, Option<String>), NoSession> {
        let assumed: Arc<Assumed> = match &self.who {
            Who::Nobody => return Ok((Session::anonymous(), None)),
            Who::Role { role, session_name, tags } => {
                let (role, tags) = (Arc::clone(role), tags.clone());
                return Ok((Session::for_role(role, session_name.clone(), tags), None));
            }
            Who::Guest => {
                let pool = world.pool(self.pool).map_err(NoSession::Broken)?;
                gate.session_of_guest(pool, self.now, trail).map_err(NoSession::Denied)?
            }
            Who::Token(token, _) => {
                let pool = world.pool(self.pool).map_err(NoSession::Broken)?;
                let session = gate.session_of_token(token, pool, self.now, trail);
                session.await.map_err(NoSession::Denied)?
            }
        };
        Ok((assumed.session.clone(), assumed.identity_id.clone()))
    }

    /// What is known of a request that isn't made.
    fn received(&self) -> Result<Received, NotAsked> {
        let (method, url, headers) = ("GET", "https://localhost/", HeaderMap::new());
        let (length, address, certificate, now) = (None, self.address, None, self.now);
        let asked = Asked { method, url, headers, length, address, certificate, now };
        asked.question().map(|question| question.received)
    }

    async fn send(
        &self,
        gate: &Gate<'_>,
        world: &World,
        (request, url, body): (&Request, &str, Option<&str>),
    ) -> Got {
        let texts = request.headers.iter().map(|(_, value)| value.as_str());
        let needs = texts.chain([url]).chain(body).any(|text| text.contains(IDENTITY));
        let identity = match needs {
            false => None,
            true => match self.session(gate, world, &mut Trail::Off).await {
                Ok((_, identity)) => identity,
                Err(NoSession::Denied(denial)) => {
                    let message = format!("{IDENTITY}: the caller has none: {}", denial.detail);
                    return Got::broken(message);
                }
                Err(NoSession::Broken(message)) => return Got::broken(message),
            },
        };
        let filled = |text: &str| fill(text, identity.as_deref());
        let (url, body) = match (filled(url), body.map(filled).transpose()) {
            (Ok(url), Ok(body)) => (url, body),
            (Err(message), _) | (_, Err(message)) => return Got::broken(message),
        };
        let headers = match self.headers(request, &filled) {
            Ok(headers) => headers,
            Err(message) => return Got::broken(message),
        };
        let asked = Asked {
            method: &request.method,
            url: &url,
            headers,
            length: body.as_ref().map(|body| u64::try_from(body.len()).unwrap_or(u64::MAX)),
            address: self.address,
            certificate: None,
            now: self.now,
        };
        match asked.question() {
            Err(error) => Got::not_asked(error),
            Ok(question) => {
                let mut body = Whole(body.unwrap_or_default().into());
                Got::of(gate.decide(question, &mut body, Trail::On(Vec::new())).await)
            }
        }
    }

    /// The request's headers, the caller's token among them.
    fn headers(
        &self,
        request: &Request,
        filled: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            add(&mut headers, name, &filled(value)?)
                .ok_or_else(|| format!("`{name}` is not a header with a value of one line"))?;
        }
        if matches!(request.body, Body::Json(_)) && !headers.contains_key(header::CONTENT_TYPE) {
            // Services that are told by their target have JSON of their own.
            let target = headers.get(TARGET).and_then(|target| target.to_str().ok());
            let kind = match target {
                Some(target) if target.starts_with("DynamoDB") => "application/x-amz-json-1.0",
                Some(_) => "application/x-amz-json-1.1",
                None => "application/json",
            };
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        if let Who::Token(token, _) = &self.who {
            add(&mut headers, "authorization", &format!("Bearer {token}"))
                .ok_or_else(|| "the token is not one line".to_owned())?;
        }
        Ok(headers)
    }
}

/// Why a caller has no session.
enum NoSession {
    /// As a request would be.
    Denied(Denial),
    /// The case can't be run.
    Broken(String),
}

/// `text` with the caller's identity id in its place.
fn fill(text: &str, identity: Option<&str>) -> Result<String, String> {
    match (text.contains(IDENTITY), identity) {
        (false, _) => Ok(text.to_owned()),
        (true, Some(identity)) => Ok(text.replace(IDENTITY, identity)),
        (true, None) => Err(format!("{IDENTITY}: this caller has no identity id")),
    }
}

/// What stands for the caller's identity id.
const IDENTITY: &str = "{identity}";
/// The session of a role whose test doesn't name one.
const SESSION_NAME: &str = "poolgate-test";
const TARGET: &str = "x-amz-target";
