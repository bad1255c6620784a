//! `verifiedpermissions`: what a request to Verified Permissions asks for.
//!
//! JSON 1.0: `POST /` with the operation in `X-Amz-Target`, members in the body. Lengths and patterns are
//! those of the service's model, version 2021-12-01. Values and entities are read by the policies'
//! schema, once it is known that the caller may ask.

use std::fmt;

use ::http::Method;
use serde_json::{Map, Value, json};

use super::fault::Fault;
use crate::http::{strict_json, strict_object};

/// What `X-Amz-Target` begins with.
pub const TARGET_PREFIX: &str = "VerifiedPermissions.";
/// Largest body, in bytes.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// A request to an operation that is served.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedRequest {
    /// What is asked.
    pub operation: Operation,
    /// `policyStoreId`.
    pub store: String,
    /// `identityToken`.
    pub identity_token: Option<Token>,
    /// `accessToken`.
    pub access_token: Option<Token>,
    /// `entities`.
    pub entities: Entities,
    /// What is asked of the policies; one, unless it is a batch.
    pub questions: Vec<Question>,
}

/// The operations that are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// May this principal do this?
    IsAuthorized,
    /// May the holder of this token?
    IsAuthorizedWithToken,
    /// Several questions about one principal or one resource.
    BatchIsAuthorized,
    /// Several about the holder of one token.
    BatchIsAuthorizedWithToken,
}

/// A caller's token. `Debug` doesn't show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(pub String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A question to the policies.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// `principal`; none where it is a token's.
    pub principal: Option<Identifier>,
    /// `action`.
    pub action: Identifier,
    /// `resource`.
    pub resource: Identifier,
    /// `context`.
    pub context: Context,
    /// What a batch's answer repeats.
    pub written: Value,
}

/// The type and the id of an entity or an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier {
    /// `entityType` or `actionType`.
    pub kind: String,
    /// `entityId` or `actionId`.
    pub id: String,
}

/// `context`.
#[derive(Clone, Debug, PartialEq)]
pub enum Context {
    /// Not there.
    None,
    /// `contextMap`.
    Map(Map<String, Value>),
    /// `cedarJson`, read.
    Json(Map<String, Value>),
}

/// `entities`.
#[derive(Clone, Debug, PartialEq)]
pub enum Entities {
    /// Not there.
    None,
    /// `entityList`.
    List(Vec<Value>),
    /// `cedarJson`, read.
    Json(Value),
}

/// Why a request can't be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// An exception of the protocol.
    Fault(Fault),
    /// ValidationException: what is wrong with which members.
    Invalid(Vec<(String, String)>),
}

impl Operation {
    const ALL: [Self; 4] = [
        Self::IsAuthorized,
        Self::IsAuthorizedWithToken,
        Self::BatchIsAuthorized,
        Self::BatchIsAuthorizedWithToken,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IsAuthorized => "IsAuthorized",
            Self::IsAuthorizedWithToken => "IsAuthorizedWithToken",
            Self::BatchIsAuthorized => "BatchIsAuthorized",
            Self::BatchIsAuthorizedWithToken => "BatchIsAuthorizedWithToken",
        }
    }

    /// The action that a caller has to be allowed; batches have none of their own.
    pub const fn action(self) -> &'static str {
        match self.has_token() {
            false => "verifiedpermissions:IsAuthorized",
            true => "verifiedpermissions:IsAuthorizedWithToken",
        }
    }

    /// Whether the principal is a token's.
    pub const fn has_token(self) -> bool {
        matches!(self, Self::IsAuthorizedWithToken | Self::BatchIsAuthorizedWithToken)
    }

    /// Whether it has several questions.
    pub const fn is_batch(self) -> bool {
        matches!(self, Self::BatchIsAuthorized | Self::BatchIsAuthorizedWithToken)
    }
}

impl VerifiedRequest {
    /// Reads a request; `target` is its `X-Amz-Target`.
    ///
    /// # Errors
    /// An exception in the service's words.
    pub fn parse(
        method: &Method,
        path: &str,
        target: Option<&str>,
        body: &[u8],
    ) -> Result<Self, Refused> {
        if *method != Method::POST || path != "/" {
            return Err(unknown("an operation is a POST to /"));
        }
        let name = target.and_then(|target| target.strip_prefix(TARGET_PREFIX));
        let name = name.ok_or_else(|| unknown("X-Amz-Target names no operation"))?;
        let operation = Operation::ALL.into_iter().find(|operation| operation.name() == name);
        let operation = operation.ok_or_else(|| {
            let served = Operation::ALL.map(Operation::name).join(", ");
            unknown(&format!("Of Verified Permissions, {served} are served here."))
        })?;
        let members = strict_object(body, MAX_DEPTH).map_err(|_| {
            let message = "The body is not the operation's JSON.";
            Refused::Fault(Fault::new("SerializationException", message))
        })?;
        let mut reader = Reader::default();
        let request = reader.request(operation, &members);
        match (request, reader.0.is_empty()) {
            (Some(request), true) => Ok(request),
            _ => Err(Refused::Invalid(reader.0)),
        }
    }
}

/// Collects what is wrong, by path. Values are not repeated: the model calls most of them sensitive.
#[derive(Default)]
struct Reader(Vec<(String, String)>);

impl Reader {
    fn request(
        &mut self,
        operation: Operation,
        members: &Map<String, Value>,
    ) -> Option<VerifiedRequest> {
        let store = self.text(members, "", "policyStoreId", 200, is_store);
        let entities = self.entities(members);
        let (mut identity_token, mut access_token) = (None, None);
        if operation.has_token() {
            identity_token = self.token(members, "identityToken")?;
            access_token = self.token(members, "accessToken")?;
            if identity_token.is_none() && access_token.is_none() {
                let message = "must be given, or accessToken";
                return self.wrong("identityToken", message);
            }
        }
        let questions = match operation.is_batch() {
            false => vec![self.question(operation, members, "")?],
            true => self.questions(operation, members)?,
        };
        Some(VerifiedRequest {
            operation,
            store: store?,
            identity_token,
            access_token,
            entities: entities?,
            questions,
        })
    }

    fn questions(
        &mut self,
        operation: Operation,
        members: &Map<String, Value>,
    ) -> Option<Vec<Question>> {
        let items = match members.get("requests") {
            Some(Value::Array(items)) if (1..=MAX_REQUESTS).contains(&items.len()) => items,
            Some(Value::Array(_)) => {
                return self.wrong("requests", "must have 1 to 30 requests");
            }
            None | Some(Value::Null) => return self.wrong("requests", "must not be null"),
            Some(_) => return self.wrong("requests", "must be a list"),
        };
        let mut questions = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let at = format!("requests[{index}]");
            let Value::Object(item) = item else { return self.wrong(&at, "must be a structure") };
            questions.push(self.question(operation, item, &format!("{at}.")));
        }
        let questions: Vec<Question> = questions.into_iter().collect::<Option<_>>()?;
        let same = |of: fn(&Question) -> Option<&Identifier>| {
            questions.windows(2).all(|pair| match pair {
                [one, other] => of(one) == of(other),
                _ => true,
            })
        };
        if !same(|q| q.principal.as_ref()) && !same(|q| Some(&q.resource)) {
            let message = "all must have the same principal, or all the same resource";
            return self.wrong("requests", message);
        }
        Some(questions)
    }

    fn question(
        &mut self,
        operation: Operation,
        members: &Map<String, Value>,
        at: &str,
    ) -> Option<Question> {
        let entity = ("entityType", "entityId");
        let principal = (!operation.has_token())
            .then(|| self.identifier(members, at, "principal", entity, |_| true));
        let action = self.identifier(members, at, "action", ("actionType", "actionId"), is_action);
        let resource = self.identifier(members, at, "resource", entity, |_| true);
        let context = self.context(members, at);
        let mut written = Map::new();
        for name in ["principal", "action", "resource", "context"] {
            if let Some(value) = members.get(name).filter(|value| !value.is_null()) {
                written.insert(name.to_owned(), value.clone());
            }
        }
        Some(Question {
            principal: match principal {
                Some(principal) => Some(principal?),
                None => None,
            },
            action: action?,
            resource: resource?,
            context: context?,
            written: Value::Object(written),
        })
    }

    fn identifier(
        &mut self,
        members: &Map<String, Value>,
        at: &str,
        name: &str,
        (kind, id): (&str, &str),
        fits: fn(&str) -> bool,
    ) -> Option<Identifier> {
        let path = format!("{at}{name}");
        let members = match members.get(name) {
            Some(Value::Object(members)) => members,
            None | Some(Value::Null) => return self.wrong(&path, "must not be null"),
            Some(_) => return self.wrong(&path, "must be a structure"),
        };
        let at = format!("{path}.");
        let (found, named) = (
            self.text(members, &at, kind, 200, fits),
            self.text(members, &at, id, if kind == "actionType" { 512 } else { 612 }, |_| true),
        );
        Some(Identifier { kind: found?, id: named? })
    }

    fn context(&mut self, members: &Map<String, Value>, at: &str) -> Option<Context> {
        let path = format!("{at}context");
        Some(match self.union(members, &path, "context", "contextMap")? {
            None => Context::None,
            Some((_, Value::Object(map))) => Context::Map(map),
            Some((path, Value::String(text))) => match strict_object(text.as_bytes(), MAX_DEPTH) {
                Ok(map) => Context::Json(map),
                Err(_) => return self.wrong(&path, "must be one JSON object"),
            },
            Some((path, _)) => return self.wrong(&path, "must be a map"),
        })
    }

    fn entities(&mut self, members: &Map<String, Value>) -> Option<Entities> {
        Some(match self.union(members, "entities", "entities", "entityList")? {
            None => Entities::None,
            Some((_, Value::Array(list))) => Entities::List(list),
            Some((path, Value::String(text))) => match strict_json(text.as_bytes(), MAX_DEPTH) {
                Ok(value @ Value::Array(_)) => Entities::Json(value),
                _ => return self.wrong(&path, "must be a JSON array of entities"),
            },
            Some((path, _)) => return self.wrong(&path, "must be a list"),
        })
    }

    /// The one member of a union, with its path; a text is that of `cedarJson` and of no other.
    fn union(
        &mut self,
        members: &Map<String, Value>,
        path: &str,
        name: &str,
        own: &str,
    ) -> Option<Option<(String, Value)>> {
        let union = match members.get(name) {
            None | Some(Value::Null) => return Some(None),
            Some(Value::Object(union)) => union,
            Some(_) => return self.wrong(path, "must be a structure"),
        };
        let mut given = union.iter().filter(|(_, value)| !value.is_null());
        match (given.next(), given.next()) {
            (Some((member, value)), None)
                if (member == "cedarJson" && value.is_string())
                    || (member == own && !value.is_string()) =>
            {
                Some(Some((format!("{path}.{member}"), value.clone())))
            }
            _ => self.wrong(path, &format!("must have exactly one of {own} and cedarJson")),
        }
    }

    fn token(&mut self, members: &Map<String, Value>, name: &str) -> Option<Option<Token>> {
        match members.get(name) {
            None | Some(Value::Null) => Some(None),
            Some(_) => self.text(members, "", name, 131_072, |_| true).map(|t| Some(Token(t))),
        }
    }

    fn text(
        &mut self,
        members: &Map<String, Value>,
        at: &str,
        name: &str,
        most: usize,
        fits: fn(&str) -> bool,
    ) -> Option<String> {
        let path = format!("{at}{name}");
        match members.get(name) {
            None | Some(Value::Null) => self.wrong(&path, "must not be null"),
            Some(Value::String(text)) => match (1..=most).contains(&text.chars().count()) {
                false => self.wrong(&path, &format!("must have 1 to {most} characters")),
                true if !fits(text) => self.wrong(&path, "must satisfy its regular expression"),
                true => Some(text.clone()),
            },
            Some(_) => self.wrong(&path, "must be a string"),
        }
    }

    fn wrong<T>(&mut self, path: &str, message: &str) -> Option<T> {
        if self.0.len() < MAX_WRONG {
            self.0.push((path.to_owned(), message.to_owned()));
        }
        None
    }
}

/// What a ValidationException has beside its message.
pub fn fields(wrong: &[(String, String)]) -> Value {
    let one = |(path, message): &(String, String)| json!({ "path": path, "message": message });
    json!({ "fieldList": wrong.iter().map(one).collect::<Vec<_>>() })
}

/// The message of a ValidationException.
pub fn message(wrong: &[(String, String)]) -> String {
    let errors = match wrong.len() {
        1 => "1 validation error".to_owned(),
        more => format!("{more} validation errors"),
    };
    let one = |(path, message): &(String, String)| {
        format!("Value at '{path}' failed to satisfy constraint: Member {message}")
    };
    let all: Vec<String> = wrong.iter().map(one).collect();
    format!("{errors} detected: {}", all.join("; "))
}

/// `[a-zA-Z0-9-/_]*`
fn is_store(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'/' | b'_'))
}

/// `Action$|^.+::Action`
fn is_action(text: &str) -> bool {
    text.ends_with("Action")
}

fn unknown(message: &str) -> Refused {
    Refused::Fault(Fault::new("UnknownOperationException", message))
}

/// Requests of a batch.
const MAX_REQUESTS: usize = 30;
/// Arrays and objects inside one another: values are unions, two for each level.
const MAX_DEPTH: usize = 48;
/// Errors that are told.
const MAX_WRONG: usize = 20;

#[cfg(test)]
mod tests;
