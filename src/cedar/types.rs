//! Which entity types stand for what.

use cedar_policy::{EntityId, EntityTypeName, EntityUid};

/// The entity types as a configuration names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeNames {
    /// Of whoever has a token.
    pub principal: String,
    /// Of their groups.
    pub group: String,
    /// Of guests and of nobody.
    pub guest: String,
    /// Of the IAM roles that sessions are in.
    pub role: String,
    /// Of actions.
    pub action: String,
    /// Of APIs.
    pub application: String,
    /// Of what IAM names by an ARN.
    pub resource: String,
}

impl TypeNames {
    /// The usual ones in `namespace`, which may be empty.
    pub fn of(namespace: &str) -> Self {
        let name = |name: &str| match namespace {
            "" => name.to_owned(),
            _ => format!("{namespace}::{name}"),
        };
        Self {
            principal: name("User"),
            group: name("UserGroup"),
            guest: name("Guest"),
            role: name("Role"),
            action: name("Action"),
            application: name("Application"),
            resource: name("Resource"),
        }
    }
}

impl Default for TypeNames {
    fn default() -> Self {
        Self::of("")
    }
}

/// The same, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Types {
    pub(super) principal: EntityTypeName,
    pub(super) group: EntityTypeName,
    pub(super) guest: EntityTypeName,
    pub(super) role: EntityTypeName,
    pub(super) action: EntityTypeName,
    pub(super) application: EntityTypeName,
    pub(super) resource: EntityTypeName,
}

impl Types {
    /// Parses the names.
    ///
    /// # Errors
    /// The first one that isn't the name of an entity type.
    pub fn new(names: &TypeNames) -> Result<Self, String> {
        let parse = |name: &String| name.parse::<EntityTypeName>().map_err(|_| name.clone());
        Ok(Self {
            principal: parse(&names.principal)?,
            group: parse(&names.group)?,
            guest: parse(&names.guest)?,
            role: parse(&names.role)?,
            action: parse(&names.action)?,
            application: parse(&names.application)?,
            resource: parse(&names.resource)?,
        })
    }
}

/// The entity of a type and an id.
pub(super) fn uid(name: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(name.clone(), EntityId::new(id))
}
