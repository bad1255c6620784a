//! What callers say in Cedar's terms: the names of entities, and facts about them, from JSON.
//!
//! Facts come in two forms. Verified Permissions writes values as unions (`{"long": 3}`); Cedar's own
//! JSON has plain values, read by what the schema declares, so that none passes for an entity where
//! the schema has a text. Whatever is read conforms to the schema, or isn't taken at all.

use std::collections::HashMap;

use cedar_policy::{Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression};
use serde_json::{Map, Value};

use super::policies::Policies;
use super::principal::chain;
use super::reach::named_by;

/// The type and the id of an entity, as a caller writes them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// `App::User`
    pub kind: String,
    /// Its id.
    pub id: String,
}

/// Entities as a caller writes them.
#[derive(Clone, Copy, Debug)]
pub enum Written<'a> {
    /// Items of Verified Permissions' `entityList`.
    List(&'a [Value]),
    /// Cedar's JSON: an array of entities.
    Json(&'a Value),
}

/// The context of a question.
#[derive(Clone, Copy, Debug, Default)]
pub enum Around<'a> {
    /// There is none.
    #[default]
    Nothing,
    /// Values as Verified Permissions writes them.
    Values(&'a Map<String, Value>),
    /// Cedar's JSON.
    Json(&'a Map<String, Value>),
    /// Cedar's JSON, of which only what the schema declares is taken.
    Declared(&'a Map<String, Value>),
}

/// Entities that a caller gives with its question. Each conforms to the schema.
#[derive(Clone, Debug, Default)]
pub struct Given {
    pub(super) entities: HashMap<EntityUid, Entity>,
    /// What they are in, and have in their attributes.
    pub(super) leads: Vec<EntityUid>,
}

/// Why a caller's terms aren't Cedar's, or not the schema's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TermsError {
    /// Where: `entityList[2].attributes.age`.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

impl Name {
    pub(super) fn uid(&self) -> Result<EntityUid, String> {
        let kind: EntityTypeName = self
            .kind
            .parse()
            .map_err(|_| "an entity's type is a name such as App::User".to_owned())?;
        Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(&self.id)))
    }
}

impl Given {
    /// Whether one of them has the type `kind`.
    pub fn has_kind(&self, kind: &str) -> bool {
        self.entities.keys().any(|uid| uid.type_name().to_string() == kind)
    }

    fn of(entities: impl IntoIterator<Item = Entity>) -> Self {
        let mut given = Self::default();
        for entity in entities {
            named_by(&entity, &mut given.leads);
            let (_, _, parents) = entity.clone().into_inner();
            given.leads.extend(parents);
            // Of several with one name, the last one counts.
            given.entities.insert(entity.uid(), entity);
        }
        given
    }
}

impl Policies {
    /// The entities that a caller writes; at most [`MAX_GIVEN`].
    ///
    /// # Errors
    /// The first one that can't be read, or isn't the schema's.
    pub fn given(&self, written: Written<'_>) -> Result<Given, TermsError> {
        let entities = match written {
            Written::List(items) => self.listed(items)?,
            Written::Json(value) => self.of_json(value)?,
        };
        Ok(Given::of(entities))
    }

    fn listed(&self, items: &[Value]) -> Result<Vec<Entity>, TermsError> {
        few(items.len())?;
        let mut last: HashMap<EntityUid, Entity> = HashMap::new();
        for (index, item) in items.iter().enumerate() {
            let at = format!("entityList[{index}]");
            let entity = listed(item, &at)?;
            if *entity.uid().type_name() == self.types.action {
                return Err(wrong(&at, "is an action: those are the schema's"));
            }
            last.insert(entity.uid(), entity);
        }
        let entities: Vec<Entity> = last.into_values().collect();
        Entities::from_entities(entities.clone(), Some(&self.schema))
            .map_err(|error| wrong("entityList", chain(error)))?;
        Ok(entities)
    }

    fn of_json(&self, value: &Value) -> Result<Vec<Entity>, TermsError> {
        let Value::Array(items) = value else {
            return Err(wrong("cedarJson", "must be an array of entities"));
        };
        few(items.len())?;
        let read = Entities::from_json_value(value.clone(), Some(&self.schema))
            .map_err(|error| wrong("cedarJson", chain(error)))?;
        // The schema's actions are among them in any case.
        let own = |entity: &&Entity| !self.is_action(&entity.uid());
        Ok(read.iter().filter(own).cloned().collect())
    }

    fn is_action(&self, uid: &EntityUid) -> bool {
        self.schema.actions().any(|action| action == uid)
            || self.schema.action_groups().any(|group| group == uid)
    }

    /// The entity `name` with `properties`, as far as the schema declares them; what the file of entities
    /// has of it stands where they don't say otherwise.
    ///
    /// # Errors
    /// What isn't of its declared type.
    pub fn described(
        &self,
        name: &Name,
        properties: &Map<String, Value>,
    ) -> Result<Given, TermsError> {
        let uid = name.uid().map_err(|message| wrong("type", message))?;
        let unknown = || wrong("type", format!("the schema has no type {}", name.kind));
        let declared = self.kinds.get(uid.type_name()).ok_or_else(unknown)?;
        let kept = self.entities.get(&uid).map(Entity::to_json_value).transpose();
        let kept = kept.map_err(|error| wrong("", chain(error)))?;
        let mut whole = kept.unwrap_or_else(|| {
            let uid = serde_json::json!({ "type": name.kind, "id": name.id });
            serde_json::json!({ "uid": uid, "attrs": {}, "parents": [] })
        });
        if let Some(attributes) = whole.get_mut("attrs").and_then(Value::as_object_mut) {
            for (key, value) in declared_of(declared, properties) {
                attributes.insert(key.clone(), value.clone());
            }
        }
        let entity = Entity::from_json_value(whole, Some(&self.schema))
            .map_err(|error| wrong("properties", chain(error)))?;
        // It is checked as a whole too: nothing required may be missing.
        Entities::from_entities([entity.clone()], Some(&self.schema))
            .map_err(|error| wrong("properties", chain(error)))?;
        Ok(Given::of([entity]))
    }

    /// The type that callers from elsewhere name `kind`: of that name, or else of that name in the
    /// namespace of the actions.
    pub fn kind(&self, kind: &str) -> Option<String> {
        let known = |name: &str| {
            let name: EntityTypeName = name.parse().ok()?;
            self.kinds.contains_key(&name).then(|| name.to_string())
        };
        known(kind).or_else(|| match self.types.action.namespace() {
            namespace if namespace.is_empty() => None,
            namespace => known(&format!("{namespace}::{kind}")),
        })
    }
}

/// What of `given` is declared, and is something.
pub(super) fn declared_of<'a>(
    declared: &'a [String],
    given: &'a Map<String, Value>,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    given.iter().filter(|(name, value)| declared.contains(name) && !value.is_null())
}

/// An item of `entityList`.
fn listed(item: &Value, at: &str) -> Result<Entity, TermsError> {
    let member = |name: &str| item.get(name).filter(|value| !value.is_null());
    let uid = match member("identifier") {
        Some(identifier) => identified(identifier, &format!("{at}.identifier"))?,
        None => return Err(wrong(&format!("{at}.identifier"), "must not be null")),
    };
    let pairs = |name: &str| -> Result<Vec<(String, RestrictedExpression)>, TermsError> {
        let at = format!("{at}.{name}");
        match member(name) {
            None => Ok(Vec::new()),
            Some(Value::Object(members)) => values(members, &at),
            Some(_) => Err(wrong(&at, "must be a map")),
        }
    };
    let parents = match member("parents") {
        None => Vec::new(),
        Some(Value::Array(parents)) if parents.len() <= MAX_PARENTS => {
            let one = |(index, parent): (usize, &Value)| {
                identified(parent, &format!("{at}.parents[{index}]"))
            };
            parents.iter().enumerate().map(one).collect::<Result<_, _>>()?
        }
        Some(_) => {
            let message = format!("must be a list of at most {MAX_PARENTS} parents");
            return Err(wrong(&format!("{at}.parents"), message));
        }
    };
    Entity::new_with_tags(uid, pairs("attributes")?, parents, pairs("tags")?)
        .map_err(|error| wrong(at, chain(error)))
}

/// `{"entityType": …, "entityId": …}`.
fn identified(value: &Value, at: &str) -> Result<EntityUid, TermsError> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let (Some(kind), Some(id)) = (text("entityType"), text("entityId")) else {
        return Err(wrong(at, "must have entityType and entityId"));
    };
    let name = Name { kind: kind.to_owned(), id: id.to_owned() };
    name.uid().map_err(|message| wrong(&format!("{at}.entityType"), message))
}

/// Values by name, as Verified Permissions writes them.
pub(super) fn values(
    members: &Map<String, Value>,
    at: &str,
) -> Result<Vec<(String, RestrictedExpression)>, TermsError> {
    let one = |(name, written): (&String, &Value)| {
        Ok((name.clone(), value(written, &format!("{at}.{name}"), 0)?))
    };
    members.iter().map(one).collect()
}

/// A value in which just one member says its type.
fn value(written: &Value, at: &str, depth: usize) -> Result<RestrictedExpression, TermsError> {
    if depth > MAX_DEPTH {
        return Err(wrong(at, "is nested too deep"));
    }
    let mut members = written.as_object().into_iter().flatten().filter(|(_, v)| !v.is_null());
    let (Some((kind, inner)), None) = (members.next(), members.next()) else {
        return Err(wrong(at, "must have exactly one of the types as its member"));
    };
    let made = match (kind.as_str(), inner) {
        ("boolean", Value::Bool(value)) => RestrictedExpression::new_bool(*value),
        ("long", Value::Number(number)) => {
            let whole = number.as_i64();
            let whole = whole.ok_or_else(|| wrong(at, "must be a whole number of 64 bits"))?;
            RestrictedExpression::new_long(whole)
        }
        ("string", Value::String(text)) => RestrictedExpression::new_string(text.clone()),
        ("ipaddr", Value::String(text)) => RestrictedExpression::new_ip(text),
        ("decimal", Value::String(text)) => RestrictedExpression::new_decimal(text),
        ("datetime", Value::String(text)) => RestrictedExpression::new_datetime(text),
        ("duration", Value::String(text)) => RestrictedExpression::new_duration(text),
        ("entityIdentifier", inner) => RestrictedExpression::new_entity_uid(identified(inner, at)?),
        ("set", Value::Array(items)) => {
            let one =
                |(index, item): (usize, &Value)| value(item, &format!("{at}[{index}]"), depth + 1);
            let items: Result<Vec<_>, _> = items.iter().enumerate().map(one).collect();
            RestrictedExpression::new_set(items?)
        }
        ("record", Value::Object(members)) => {
            let one = |(name, item): (&String, &Value)| {
                Ok((name.clone(), value(item, &format!("{at}.{name}"), depth + 1)?))
            };
            let fields: Result<Vec<_>, TermsError> = members.iter().map(one).collect();
            RestrictedExpression::new_record(fields?).map_err(|error| wrong(at, chain(error)))?
        }
        _ => return Err(wrong(at, "is of a type that there is not, or not of the one it says")),
    };
    Ok(made)
}

fn few(count: usize) -> Result<(), TermsError> {
    match count <= MAX_GIVEN {
        true => Ok(()),
        false => Err(wrong("", format!("at most {MAX_GIVEN} entities can be given"))),
    }
}

fn wrong(path: &str, message: impl Into<String>) -> TermsError {
    TermsError { path: path.to_owned(), message: message.into() }
}

/// Entities that can be given with a question: a hundred principals and as many resources.
pub const MAX_GIVEN: usize = 200;
/// Parents that one of them can have.
const MAX_PARENTS: usize = 99;
/// How deep values are nested.
const MAX_DEPTH: usize = 16;
