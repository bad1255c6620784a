//! What a request says: subject, action, resource, context. Members that nobody knows are passed over.

use serde_json::{Map, Value};

use crate::gate::{Thing, TypedQuestion};

/// The members of a request or of one evaluation in it, as far as they are there.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) subject: Option<Entity>,
    pub(super) action: Option<Action>,
    pub(super) resource: Option<Entity>,
    pub(super) context: Option<Map<String, Value>>,
}

/// A subject or a resource.
#[derive(Clone, Debug)]
pub(super) struct Entity {
    kind: String,
    id: Option<String>,
    properties: Option<Map<String, Value>>,
}

/// An action.
#[derive(Clone, Debug)]
pub(super) struct Action {
    name: String,
    properties: Option<Map<String, Value>>,
}

/// When a request with several evaluations ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Semantic {
    ExecuteAll,
    DenyOnFirstDeny,
    PermitOnFirstPermit,
}

impl Semantic {
    pub(super) fn of(members: &Map<String, Value>) -> Result<Self, String> {
        let options = match members.get("options") {
            None => return Ok(Self::ExecuteAll),
            Some(Value::Object(options)) => options,
            Some(_) => return Err("options must be an object".to_owned()),
        };
        match options.get("evaluations_semantic").map(Value::as_str) {
            None | Some(Some("execute_all")) => Ok(Self::ExecuteAll),
            Some(Some("deny_on_first_deny")) => Ok(Self::DenyOnFirstDeny),
            Some(Some("permit_on_first_permit")) => Ok(Self::PermitOnFirstPermit),
            Some(_) => Err("options.evaluations_semantic must be execute_all, \
                            deny_on_first_deny or permit_on_first_permit"
                .to_owned()),
        }
    }

    /// Whether an evaluation that came to this is the last.
    pub(super) fn ends_with(self, permitted: bool) -> bool {
        match self {
            Self::ExecuteAll => false,
            Self::DenyOnFirstDeny => !permitted,
            Self::PermitOnFirstPermit => permitted,
        }
    }
}

impl Asked {
    /// Reads what is there.
    ///
    /// # Errors
    /// The first member that isn't what it must be.
    pub(super) fn read(members: &Map<String, Value>) -> Result<Self, String> {
        let entity =
            |name: &str| object(members, name)?.map(|found| Entity::read(name, found)).transpose();
        let action = object(members, "action")?.map(Action::read).transpose()?;
        let context = object(members, "context")?.cloned();
        Ok(Self { subject: entity("subject")?, action, resource: entity("resource")?, context })
    }

    /// What isn't there, from `defaults`: whole members, and nothing inside them.
    pub(super) fn or(self, defaults: &Self) -> Self {
        Self {
            subject: self.subject.or_else(|| defaults.subject.clone()),
            action: self.action.or_else(|| defaults.action.clone()),
            resource: self.resource.or_else(|| defaults.resource.clone()),
            context: self.context.or_else(|| defaults.context.clone()),
        }
    }

    /// The question, if it is whole.
    ///
    /// # Errors
    /// What it lacks.
    pub(super) fn question(self) -> Result<TypedQuestion, String> {
        let subject = self.subject.ok_or("subject is missing")?.thing("subject")?;
        let action = self.action.ok_or("action is missing")?;
        let resource = self.resource.ok_or("resource is missing")?.thing("resource")?;
        let mut context = self.context.unwrap_or_default();
        if let Some(properties) = action.properties
            && context.insert(ACTION.to_owned(), Value::Object(properties)).is_some()
        {
            return Err(format!("the context's {ACTION} are what action.properties says"));
        }
        Ok(TypedQuestion { subject, action: action.name, resource, context })
    }

    /// The question of a search, in which one of the three is searched for.
    ///
    /// # Errors
    /// What it lacks.
    pub(super) fn searched(
        mut self,
        searched: crate::gate::Searched,
    ) -> Result<TypedQuestion, String> {
        use crate::gate::Searched;
        match searched {
            Searched::Subject => self.subject = self.subject.map(Entity::any),
            Searched::Resource => self.resource = self.resource.map(Entity::any),
            Searched::Action => {
                self.action = Some(Action { name: String::new(), properties: None });
            }
        }
        self.question()
    }
}

impl Entity {
    fn read(name: &str, members: &Map<String, Value>) -> Result<Self, String> {
        let kind = text(members, name, "type")?;
        let kind = kind.ok_or_else(|| format!("{name}.type is missing"))?;
        let id = text(members, name, "id")?;
        // Clients write empty ones where they know of none: they say nothing, and not that there is none.
        let says = |all: &Map<String, Value>| all.values().any(|value| !value.is_null());
        let properties = properties(members, name)?.filter(says);
        Ok(Self { kind, id, properties })
    }

    /// Any of its type: the id counts for nothing, and with it what was said of it.
    fn any(self) -> Self {
        Self { kind: self.kind, id: Some(String::new()), properties: None }
    }

    fn thing(self, name: &str) -> Result<Thing, String> {
        let Self { kind, id, properties } = self;
        let id = id.ok_or_else(|| format!("{name}.id is missing"))?;
        Ok(Thing { kind, id, properties })
    }
}

impl Action {
    fn read(members: &Map<String, Value>) -> Result<Self, String> {
        let name = text(members, "action", "name")?;
        let name = name.ok_or("action.name is missing")?;
        Ok(Self { name, properties: properties(members, "action")? })
    }
}

fn object<'a>(
    members: &'a Map<String, Value>,
    name: &str,
) -> Result<Option<&'a Map<String, Value>>, String> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::Object(found)) => Ok(Some(found)),
        Some(_) => Err(format!("{name} must be an object")),
    }
}

fn text(members: &Map<String, Value>, of: &str, name: &str) -> Result<Option<String>, String> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("{of}.{name} must be a string")),
    }
}

fn properties(
    members: &Map<String, Value>,
    of: &str,
) -> Result<Option<Map<String, Value>>, String> {
    match members.get("properties") {
        None => Ok(None),
        Some(Value::Object(properties)) => Ok(Some(properties.clone())),
        Some(_) => Err(format!("{of}.properties must be an object")),
    }
}

/// Where the context has the action's properties.
const ACTION: &str = "actionProperties";
