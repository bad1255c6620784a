//! Who calls.

use std::path::PathBuf;

use serde_json::{Map as Members, Value as Json, json};

use super::OneOrMore;
use super::what::{AnyJson, Written};
use crate::config::map::{Map, read_section};
use crate::config::problem::{At, Position};
use crate::config::read::{Field, Named, Reader, Section, section, words};
use crate::config::value::Words;
use crate::config::yaml::{Node, Value};

/// A caller of a test.
#[derive(Clone, Debug, PartialEq)]
pub struct Caller {
    /// What the file calls it, or what it is.
    pub name: String,
    /// Where it is written in the test.
    pub position: Position,
    /// Who it is.
    pub kind: CallerKind,
}

/// Who calls.
#[derive(Clone, Debug, PartialEq)]
pub enum CallerKind {
    /// A guest of the identity pool.
    Guest,
    /// Nobody.
    Anonymous,
    /// A session of a role.
    Role {
        /// Its ARN, or its name if only one role has it.
        role: String,
        /// The session's name.
        session_name: Option<String>,
        /// Session tags.
        tags: Vec<(String, String)>,
    },
    /// A user with a token of these claims.
    User(User),
    /// Whoever has the token in this file, which is verified with the issuer's keys.
    Token(PathBuf),
}

/// A user whose token is made for the test.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct User {
    /// The user pool's id, or the issuer; the configuration's only one if absent.
    pub provider: Option<String>,
    /// Its subject; the caller's name if absent.
    pub subject: Option<String>,
    /// Groups of the user pool, of which the roles follow.
    pub groups: Vec<String>,
    /// Whether it is an ID or an access token.
    pub token_use: Option<Use>,
    /// Claims, over those that follow from the rest.
    pub claims: Members<String, Json>,
}

words! {
    /// What a user pool's token is for.
    pub Use {
        /// Who the user is.
        Id = "id",
        /// What the client may do.
        Access = "access",
    }
}

/// A caller as a test names it.
#[derive(Clone, Debug)]
pub(super) enum Who {
    Named(String),
    Inline(CallerKind),
}

/// Callers that every file has.
pub(super) const WORDS: [&str; 2] = ["guest", "anonymous"];

impl Who {
    /// The caller, or its name if there is none of it.
    pub(super) fn find(
        self,
        callers: &[(String, At<CallerKind>)],
        position: Position,
    ) -> Result<Caller, String> {
        let (name, kind) = match self {
            Self::Inline(kind) => (kind.described(), kind),
            Self::Named(name) => match callers.iter().find(|(known, _)| *known == name) {
                Some((_, kind)) => (name, kind.value.clone()),
                None => match word(&name) {
                    Some(kind) => (name, kind),
                    None => return Err(name),
                },
            },
        };
        Ok(Caller { name, position, kind })
    }
}

impl CallerKind {
    /// What a caller without a name is called.
    fn described(&self) -> String {
        match self {
            Self::Guest => "guest".to_owned(),
            Self::Anonymous => "anonymous".to_owned(),
            Self::Role { role, .. } => format!("role {role}"),
            Self::User(user) => match &user.subject {
                Some(subject) => format!("user {subject}"),
                None => "user".to_owned(),
            },
            Self::Token(path) => format!("token {}", path.display()),
        }
    }
}

fn word(name: &str) -> Option<CallerKind> {
    match name {
        "guest" => Some(CallerKind::Guest),
        "anonymous" => Some(CallerKind::Anonymous),
        _ => None,
    }
}

impl Field for Who {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.value {
            Value::Mapping(_) => read_section::<Fields>(node, reader).map(|f| Self::Inline(f.0)),
            _ => {
                let what = "the name of a caller, or a mapping that describes one";
                reader.text(node, what).map(|name| Self::Named(name.to_owned()))
            }
        }
    }

    fn schema() -> Json {
        json!({ "anyOf": [{ "type": "string" }, Fields::schema()] })
    }
}

impl Field for CallerKind {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        if let Value::Mapping(_) = &node.value {
            return read_section::<Fields>(node, reader).map(|fields| fields.0);
        }
        let what = "a mapping such as { groups: [readers] } or { role: Reader }";
        let name = reader.text(node, what)?;
        let kind = word(name);
        if kind.is_none() {
            reader.error(node.position, format!("must be {what}, or guest or anonymous"));
        }
        kind
    }

    fn schema() -> Json {
        json!({ "anyOf": [{ "enum": WORDS }, Fields::schema()] })
    }
}

/// A caller as a mapping.
struct Fields(CallerKind);

impl Section for Fields {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let doc = "A role: its ARN, or its name if only one role has it.";
        let role: Option<Option<Words>> = map.optional("role", doc);
        let session_name: Option<Option<Words>> = map.optional("session_name", "Of a role.");
        let tags: Option<Option<Named<Words, Written>>> =
            map.optional("tags", "Of a role's session.");
        let doc = "A file with a token, which is verified with its issuer's keys.";
        let token: Option<Option<PathBuf>> = map.optional("token", doc);
        let doc = "A user of this user pool or issuer; the only one if absent.";
        let provider: Option<Option<Words>> = map.optional("provider", doc);
        let doc = "The user's subject; the caller's name if absent.";
        let subject: Option<Option<Words>> = map.optional("sub", doc);
        let doc = "The user's groups, of which the roles follow.";
        let groups: Option<Option<OneOrMore<Words>>> = map.optional("groups", doc);
        let doc = "Whether the user sends an ID or an access token; an ID token if absent.";
        let token_use = map.optional("use", doc);
        let doc = "Claims of the user's token, over those that follow from the rest.";
        let claims: Option<Option<Named<Words, AnyJson>>> = map.optional("claims", doc);
        let (role, token) = (role?, token?);
        let of_user = ["provider", "sub", "groups", "use", "claims"];
        let of_role = ["session_name", "tags"];
        let stray = match (&role, &token) {
            (Some(_), Some(_)) => Some(("token", "a role")),
            (Some(_), None) => stray(map, &of_user).map(|name| (name, "a role")),
            (None, Some(_)) => {
                stray(map, &of_user).or(stray(map, &of_role)).map(|name| (name, "a token's file"))
            }
            (None, None) => stray(map, &of_role).map(|name| (name, "a user")),
        };
        if let Some((name, what)) = stray {
            map.error(Some(name), format!("does not go with {what}"));
            return None;
        }
        let text = |words: Option<Words>| words.map(|Words(text)| text);
        let (session_name, provider, subject) = (session_name?, provider?, subject?);
        let tags = tags?.map_or_else(Vec::new, |Named(tags)| tags);
        let groups = groups?.map_or_else(Vec::new, |OneOrMore(groups)| groups);
        let claims = claims?.map_or_else(Vec::new, |Named(claims)| claims);
        let (token_use, session_name) = (token_use?, text(session_name));
        Some(Self(match (role, token) {
            (Some(Words(role)), _) => {
                let tags = tags.into_iter().map(|(Words(key), Written(value))| (key, value));
                CallerKind::Role { role, session_name, tags: tags.collect() }
            }
            (None, Some(path)) => CallerKind::Token(path),
            (None, None) => CallerKind::User(User {
                provider: text(provider),
                subject: text(subject),
                groups: groups.into_iter().map(|Words(group)| group).collect(),
                token_use,
                claims: claims.into_iter().map(|(Words(k), AnyJson(value))| (k, value)).collect(),
            }),
        }))
    }
}

section!(Fields);

/// The first of `names` that is there.
fn stray(map: &Map<'_, '_>, names: &[&'static str]) -> Option<&'static str> {
    names.iter().copied().find(|name| map.has(name))
}
