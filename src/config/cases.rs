//! Files of policy tests: who does what, and what the answer should be. `docs/testing.md` shows them.
//!
//! They are read as the configuration is: every problem at its line and column, and nothing that
//! isn't known is passed over.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

mod caller;
mod expect;
mod what;

pub use caller::{Caller, CallerKind, Use, User};
pub use expect::{CedarSays, Effect, Expect, PolicyLayer};
pub use what::{Body, Request, Terms, Values, What};

use super::map::Map;
use super::problem::{At, Position, Problem};
use super::read::{Field, Named, Reader, Section, Text, read_file, section, text};
use super::suggest::suggestion;
use super::value::{IdentityPoolId, Url, Words, wrong};
use super::yaml::{Node, Value, shorten};
use crate::clock::Time;
use caller::Who;
use what::Requests;

/// A file of tests.
#[derive(Clone, Debug, PartialEq)]
pub struct TestFile {
    /// Where it is.
    pub file: PathBuf,
    /// The configuration that is tested.
    pub config: Option<At<PathBuf>>,
    /// What goes before URLs that begin with `/`.
    pub base_url: Option<Url>,
    /// The identity pool that gives roles where no route says which.
    pub identity_pool: Option<At<String>>,
    /// The tests, in the file's order.
    pub tests: Vec<Test>,
}

/// One test: everyone it names does everything it names.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// What it is called.
    pub name: String,
    /// Where it is written.
    pub position: Position,
    /// When it happens; now, if nobody says.
    pub now: Option<Time>,
    /// From where; from this machine, if nobody says.
    pub source_ip: Option<IpAddr>,
    /// What is done.
    pub what: What,
    /// Who does it, and what the answer should be.
    pub answers: Vec<Answer>,
}

/// What the answer to some callers should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The callers.
    pub callers: Vec<Caller>,
    /// What it should be.
    pub expect: Expect,
}

/// Reads `text`, which is the file at `path`.
///
/// # Errors
/// Every problem, in the file's order.
pub fn load(path: &Path, text: &str) -> Result<TestFile, Vec<Problem>> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let (file, found) = read_file::<TestFile>(text, folder, &|_| None);
    let problem = |(position, severity, message)| Problem::new(path, position, severity, message);
    match file {
        Some(file) if found.is_empty() => Ok(TestFile { file: path.to_owned(), ..file }),
        _ if found.is_empty() => {
            // INVARIANT: who refuses a value reports why.
            Err(vec![Problem::error(path, Position::START, "can't be read")])
        }
        _ => Err(found.into_iter().map(problem).collect()),
    }
}

/// The JSON Schema (2020-12) of such a file.
pub fn schema() -> serde_json::Value {
    let mut schema = super::map::section_schema::<TestFile>();
    if let serde_json::Value::Object(members) = &mut schema {
        members.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
        members.insert("title".into(), "Policy tests of Poolgate".into());
    }
    schema
}

/// A test whose callers aren't looked up yet.
struct Draft {
    test: Test,
    /// For each of its answers.
    who: Vec<Vec<At<Who>>>,
}

impl Section for TestFile {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let config = map.optional("config", "The configuration, seen from this file.");
        let doc = "What goes before URLs that begin with /.";
        let base_url: Option<Option<Url>> = map.optional("base_url", doc);
        let doc = "The identity pool that gives roles where no route says which.";
        let pool: Option<Option<At<IdentityPoolId>>> = map.optional("identity_pool", doc);
        let now: Option<Option<Moment>> = map.optional("now", NOW);
        let source_ip: Option<Option<Ip>> = map.optional("source_ip", SOURCE_IP);
        let doc = "Callers by name, for all tests of this file.";
        let callers: Option<Option<Named<Words, At<CallerKind>>>> = map.optional("callers", doc);
        let drafts: Option<Vec<Draft>> = map.some("tests", "The tests.");
        let (now, source_ip) = (now?.map(|now| now.0), source_ip?.map(|ip| ip.0));
        let callers = named(map, callers?)?;
        let (config, base_url) = (config?, base_url?);
        let pool =
            pool?.map(|At { value: IdentityPoolId(value), position }| At { value, position });
        let reader = map.reader()?;
        let finish = |draft: Draft| finish(draft, &callers, base_url.is_some(), reader);
        let tests: Vec<Option<Test>> = drafts?.into_iter().map(finish).collect();
        let mut tests: Vec<Test> = tests.into_iter().collect::<Option<_>>()?;
        for test in &mut tests {
            test.now = test.now.or(now);
            test.source_ip = test.source_ip.or(source_ip);
        }
        if tests.iter().map(Test::cases).fold(0, usize::saturating_add) > MAX_CASES {
            map.error(
                Some("tests"),
                format!("come to more than {MAX_CASES} cases; use more files"),
            );
            return None;
        }
        Some(Self { file: PathBuf::new(), config, base_url, identity_pool: pool, tests })
    }
}

impl Test {
    /// How many cases it comes to.
    pub fn cases(&self) -> usize {
        let what = match &self.what {
            What::Terms(terms) => terms.actions.len().saturating_mul(terms.resources.len()),
            What::Requests(requests) => requests.len(),
        };
        self.answers.iter().map(|answer| answer.callers.len().saturating_mul(what)).sum()
    }
}

impl Section for Draft {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let name: Option<Words> = map.required("name", "What it is called.");
        let who: Option<Option<OneOrMore<At<Who>>>> =
            map.optional("who", "Who does it, of `expect`.");
        let expect: Option<Option<Expect>> = map.optional("expect", "What the answer is to `who`.");
        let allow: Option<Option<OneOrMore<At<Who>>>> = map.optional("allow", "Who is allowed.");
        let deny: Option<Option<OneOrMore<At<Who>>>> = map.optional("deny", "Who is denied.");
        let terms = Terms::fields(map);
        let doc = "Requests, which take the whole way through the gate.";
        let requests: Option<Option<Requests>> = map.optional("request", doc);
        let now: Option<Option<Moment>> = map.optional("now", NOW);
        let source_ip: Option<Option<Ip>> = map.optional("source_ip", SOURCE_IP);
        let what = match (terms?, requests?) {
            (Some(terms), None) => Some(What::Terms(terms)),
            (None, Some(Requests(requests))) => Some(What::Requests(requests)),
            _ => {
                map.error(None, "must have either `action` and `resource`, or `request`");
                None
            }
        };
        let (mut answers, mut callers) = (Vec::new(), Vec::new());
        let mut add = |who: OneOrMore<At<Who>>, expect| {
            callers.push(who.0);
            answers.push(Answer { callers: Vec::new(), expect });
        };
        match (who?, expect?) {
            (Some(who), Some(expect)) => add(who, expect),
            (None, None) => {}
            (Some(_), None) => map.error(None, "`who` needs `expect`"),
            (None, Some(_)) => map.error(Some("expect"), "needs `who`"),
        }
        for (who, effect) in [(allow?, Effect::Allow), (deny?, Effect::Deny)] {
            if let Some(who) = who {
                add(who, Expect::only(effect));
            }
        }
        if answers.is_empty() && !map.has("who") && !map.has("expect") {
            map.error(None, "must say who: `who` with `expect`, or `allow`, `deny` or both");
        }
        let (Words(name), now, source_ip) = (name?, now?, source_ip?);
        let (now, source_ip) = (now.map(|now| now.0), source_ip.map(|ip| ip.0));
        let test = Test { name, position: map.here(), now, source_ip, what: what?, answers };
        Some(Self { test, who: callers })
    }
}

section!(TestFile, Draft);

/// The callers of a file; none may take the place of those that every file has.
fn named(
    map: &mut Map<'_, '_>,
    callers: Option<Named<Words, At<CallerKind>>>,
) -> Option<Vec<(String, At<CallerKind>)>> {
    let callers = callers.map_or_else(Vec::new, |Named(callers)| callers);
    let callers: Vec<_> = callers.into_iter().map(|(Words(name), kind)| (name, kind)).collect();
    let mut fine = Some(());
    for (name, kind) in &callers {
        if caller::WORDS.contains(&name.as_str()) {
            let message = format!("callers: `{name}` is a caller of every file; take another name");
            map.reader()?.error(kind.position, message);
            fine = None;
        }
    }
    fine.map(|()| callers)
}

/// The test with its callers.
fn finish(
    draft: Draft,
    callers: &[(String, At<CallerKind>)],
    has_base: bool,
    reader: &mut Reader<'_>,
) -> Option<Test> {
    let Draft { mut test, who } = draft;
    let mut fine = Some(());
    if let What::Requests(requests) = &test.what {
        for request in requests.iter().filter(|request| request.url.starts_with('/') && !has_base) {
            let message = "a URL that begins with / needs `base_url` in this file";
            reader.error(request.position, message);
            fine = None;
        }
    }
    for (answer, who) in test.answers.iter_mut().zip(who) {
        for At { value, position } in who {
            match value.find(callers, position) {
                Ok(caller) => answer.callers.push(caller),
                Err(name) => {
                    let names = callers.iter().map(|(name, _)| name.as_str());
                    let hint = suggestion(&name, names.chain(caller::WORDS));
                    let name = shorten(&name);
                    reader.error(position, format!("`{name}` is not one of `callers`{hint}"));
                    fine = None;
                }
            }
        }
        // A role has its policies at once: there is nothing that a request could prove of it.
        let role = answer.callers.iter().find(|c| matches!(c.kind, CallerKind::Role { .. }));
        if let (Some(role), What::Requests(_)) = (role, &test.what) {
            let message = "a role can't send a request; give a user or a token that gets the role, \
                           or `action` and `resource` instead of `request`";
            reader.error(role.position, message);
            fine = None;
        }
    }
    fine.map(|()| test)
}

/// One value, or a list of at least one.
pub(super) struct OneOrMore<T>(pub(super) Vec<T>);

impl<T: Field> Field for OneOrMore<T> {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let Value::Sequence(items) = &node.value else {
            return T::read(node, reader).map(|one| Self(vec![one]));
        };
        if items.is_empty() {
            reader.error(node.position, "must not be empty");
            return None;
        }
        Vec::read(node, reader).map(Self)
    }

    fn schema() -> serde_json::Value {
        let one = T::schema();
        serde_json::json!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
    }
}

/// A moment.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Moment(Time);

impl Text for Moment {
    const WHAT: &'static str = "a time such as 2026-01-31T12:00:00Z";
    const PATTERN: &'static str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:.]+([Zz]|[+-][0-9:]+)$";

    fn parse(text: &str) -> Result<Self, String> {
        let rfc3339 = time::format_description::well_known::Rfc3339;
        let moment = time::OffsetDateTime::parse(text, &rfc3339).ok();
        let millis = moment.map(|moment| moment.unix_timestamp_nanos() / 1_000_000);
        let millis = millis.and_then(|millis| i64::try_from(millis).ok());
        millis.map(|millis| Self(Time::from_millis(millis))).ok_or_else(|| wrong::<Self>(text))
    }
}

/// An IP address.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Ip(IpAddr);

impl Text for Ip {
    const WHAT: &'static str = "an IP address such as 203.0.113.7";
    const PATTERN: &'static str = "^[0-9A-Fa-f:.]+$";

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| wrong::<Self>(text))
    }
}

text!(Moment, Ip);

const NOW: &str = "When it happens; the moment of the run if nobody says.";
const SOURCE_IP: &str = "The client's address; 127.0.0.1 if nobody says.";
/// Cases of one file.
const MAX_CASES: usize = 10_000;

#[cfg(test)]
mod tests;
