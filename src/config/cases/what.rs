//! What is done: actions on resources, or requests.

use std::path::PathBuf;

use serde_json::{Value as Json, json};

use super::OneOrMore;
use crate::config::map::{Map, read_section};
use crate::config::problem::{At, Position};
use crate::config::read::{Field, Named, Reader, Section};
use crate::config::value::Words;
use crate::config::yaml::{Kind, Node, Value, shorten};

/// What is done.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// In IAM's terms.
    Terms(Terms),
    /// Requests, each of which takes the whole way through the gate.
    Requests(Vec<Request>),
}

/// Every action on every resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// The actions: `s3:GetObject`.
    pub actions: Vec<At<String>>,
    /// ARNs, or `*`.
    pub resources: Vec<At<String>>,
    /// Context keys: one value, or a list for a multi-valued key.
    pub context: Vec<(String, Values)>,
    /// Context keys that exist and can't be observed.
    pub unknown: Vec<String>,
}

/// The value or values of a context key.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Of a single-valued key.
    One(String),
    /// Of a multi-valued key.
    Many(Vec<String>),
}

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Where it is written.
    pub position: Position,
    /// Its method.
    pub method: String,
    /// Its URL, whole or from its path on.
    pub url: String,
    /// Its headers, in order.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Body,
}

/// The body of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Body {
    /// None.
    #[default]
    None,
    /// This text.
    Text(String),
    /// This JSON, which is said in `Content-Type` too.
    Json(String),
    /// What is in this file.
    File(PathBuf),
}

impl Terms {
    /// Names the fields of a test that are in IAM's terms. `Some(None)` if there are none.
    pub(super) fn fields(map: &mut Map<'_, '_>) -> Option<Option<Self>> {
        let doc = "Actions such as s3:GetObject.";
        let actions: Option<Option<OneOrMore<At<Words>>>> = map.optional("action", doc);
        let doc = "ARNs of resources, or *. {identity} stands for the caller's identity id.";
        let resources: Option<Option<OneOrMore<At<Words>>>> = map.optional("resource", doc);
        let doc =
            "Context keys, over those of the caller: a value, or a list of a multi-valued key.";
        let context: Option<Option<Named<Words, Values>>> = map.optional("context", doc);
        let doc = "Context keys that exist and whose value nobody can tell.";
        let unknown: Option<Option<Vec<Words>>> = map.optional("unknown", doc);
        let (actions, resources, context, unknown) = (actions?, resources?, context?, unknown?);
        let texts = |OneOrMore(all): OneOrMore<At<Words>>| {
            let text = |At { value: Words(value), position }| At { value, position };
            all.into_iter().map(text).collect()
        };
        let (actions, resources) = match (actions, resources) {
            (Some(actions), Some(resources)) => (texts(actions), texts(resources)),
            (None, None) => {
                for name in ["context", "unknown"] {
                    if map.has(name) {
                        map.error(Some(name), "goes with `action` and `resource`");
                    }
                }
                return Some(None);
            }
            (Some(_), None) => {
                map.error(None, "`action` needs `resource`");
                return None;
            }
            (None, Some(_)) => {
                map.error(None, "`resource` needs `action`");
                return None;
            }
        };
        let context = context.map_or_else(Vec::new, |Named(context)| context);
        let context = context.into_iter().map(|(Words(key), values)| (key, values)).collect();
        let unknown = unknown.into_iter().flatten().map(|Words(key)| key).collect();
        Some(Some(Self { actions, resources, context, unknown }))
    }
}

impl Field for Values {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.value {
            Value::Sequence(_) => {
                let values: Vec<Written> = Vec::read(node, reader)?;
                Some(Self::Many(values.into_iter().map(|Written(value)| value).collect()))
            }
            _ => Written::read(node, reader).map(|Written(value)| Self::One(value)),
        }
    }

    fn schema() -> Json {
        let one = Written::schema();
        json!({ "anyOf": [one, { "type": "array", "items": one }] })
    }
}

/// A scalar of any kind, as it is written: `true` and `443` are values of context keys.
pub(super) struct Written(pub(super) String);

impl Field for Written {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.value {
            Value::Scalar { kind: Kind::Null, .. } => {
                reader.error(node.position, "has no value; quote an empty one: \"\"");
                None
            }
            Value::Scalar { text, .. } => Some(Self(text.clone())),
            _ => {
                reader.error(node.position, format!("must be one value, not {}", node.noun()));
                None
            }
        }
    }

    fn schema() -> Json {
        json!({ "type": ["string", "number", "boolean"] })
    }
}

/// Anything that JSON can say.
pub(super) struct AnyJson(pub(super) Json);

impl Field for AnyJson {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let value = match &node.value {
            Value::Sequence(items) => {
                let items = items.iter().map(|item| Self::read(item, reader).map(|json| json.0));
                Json::Array(items.collect::<Option<_>>()?)
            }
            Value::Mapping(entries) => {
                let members = entries.iter().map(|entry| {
                    Self::read(&entry.value, reader).map(|json| (entry.key.clone(), json.0))
                });
                Json::Object(members.collect::<Option<_>>()?)
            }
            Value::Scalar { text, kind } => match kind {
                Kind::Null => Json::Null,
                Kind::Bool(value) => (*value).into(),
                Kind::Integer(Some(value)) => (*value).into(),
                Kind::Text => text.clone().into(),
                Kind::Float | Kind::Integer(None) => match serde_json::from_str(text) {
                    Ok(number @ Json::Number(_)) => number,
                    _ => {
                        reader.error(node.position, "is a number that JSON doesn't have; quote it");
                        return None;
                    }
                },
            },
        };
        Some(Self(value))
    }

    fn schema() -> Json {
        json!({})
    }
}

/// Requests: one or more.
pub(super) struct Requests(pub(super) Vec<Request>);

impl Field for Requests {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        OneOrMore::read(node, reader).map(|OneOrMore(requests)| Self(requests))
    }

    fn schema() -> Json {
        OneOrMore::<Request>::schema()
    }
}

impl Field for Request {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        if let Value::Mapping(_) = &node.value {
            return read_section(node, reader);
        }
        let line = reader.text(node, "a method and a URL, such as GET /orders/1")?;
        match line.split_once(' ') {
            Some((method, url)) if is_url(url) => {
                let (method, url) = (method.to_owned(), url.to_owned());
                let (headers, body) = (Vec::new(), Body::None);
                Some(Self { position: node.position, method, url, headers, body })
            }
            _ => {
                let line = shorten(line);
                let what = "a method and a URL, such as GET /orders/1";
                reader.error(node.position, format!("must be {what}, not \"{line}\""));
                None
            }
        }
    }

    fn schema() -> Json {
        json!({ "anyOf": [{ "type": "string" }, crate::config::map::section_schema::<Self>()] })
    }
}

impl Section for Request {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let method: Option<Words> = map.required("method", "Its method.");
        let url: Option<Words> = map.required("url", "Its URL, whole or from its path on.");
        let headers: Option<Option<Named<Words, Written>>> =
            map.optional("headers", "Its headers.");
        let body: Option<Option<Written>> = map.optional("body", "Its body, as text.");
        let doc = "Its body, as JSON; Content-Type says so unless `headers` do.";
        let json: Option<Option<AnyJson>> = map.optional("json", doc);
        let file: Option<Option<PathBuf>> = map.optional("body_file", "A file with its body.");
        let (Words(method), Words(url), headers) = (method?, url?, headers?);
        if !is_url(&url) {
            map.error(Some("url"), "must begin with http://, https:// or /");
            return None;
        }
        let body = match (body?, json?, file?) {
            (None, None, None) => Body::None,
            (Some(Written(text)), None, None) => Body::Text(text),
            (None, Some(AnyJson(json)), None) => Body::Json(json.to_string()),
            (None, None, Some(path)) => Body::File(path),
            _ => {
                map.error(None, "has more than one body; keep one of `body`, `json`, `body_file`");
                return None;
            }
        };
        let headers = headers.map_or_else(Vec::new, |Named(headers)| headers);
        let header = |(Words(name), Written(value))| (name, value);
        let headers = headers.into_iter().map(header).collect();
        Some(Self { position: map.here(), method, url, headers, body })
    }
}

fn is_url(text: &str) -> bool {
    ["/", "http://", "https://"].iter().any(|start| text.starts_with(start))
        && !text.contains(char::is_whitespace)
}
