//! What a schema declares: Cedar validates against it, but doesn't tell which attributes there are.
//! They are read from its JSON form
//! (<https://docs.cedarpolicy.com/schema/json-schema.html>).

use cedar_policy::EntityTypeName;
use serde_json::{Map, Value};

/// The schema's fragments in JSON.
#[derive(Debug, Default)]
pub(super) struct Declared(Vec<Value>);

/// A record type, and the namespace that its names are of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    namespace: &'a str,
    attributes: &'a Map<String, Value>,
}

/// An attribute of a record type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute<'a> {
    namespace: &'a str,
    declared: &'a Value,
    /// Its name.
    pub(super) name: &'a str,
}

impl Declared {
    pub(super) fn new(fragments: Vec<Value>) -> Self {
        Self(fragments)
    }

    /// The attributes that entities of the type may have.
    pub(super) fn attributes(&self, name: &EntityTypeName) -> Vec<Attribute<'_>> {
        let (namespace, shape) =
            match self.member(&name.namespace(), "entityTypes", name.basename()) {
                Some((namespace, entity)) => (namespace, entity.get("shape")),
                None => return Vec::new(),
            };
        let record = shape.and_then(|shape| self.record(namespace, shape));
        record.map(|record| record.attributes()).unwrap_or_default()
    }

    /// Whether entities of the type may be in one of the type `parent`.
    pub(super) fn is_member(&self, name: &EntityTypeName, parent: &EntityTypeName) -> bool {
        let Some((namespace, entity)) =
            self.member(&name.namespace(), "entityTypes", name.basename())
        else {
            return false;
        };
        let parents = entity.get("memberOfTypes").and_then(Value::as_array);
        parents.into_iter().flatten().filter_map(Value::as_str).any(|found| {
            // A name without a namespace is of this one, or of none.
            found == parent.to_string()
                || (found == parent.basename() && parent.namespace() == namespace)
        })
    }

    /// What the action's context is.
    pub(super) fn context(&self, namespace: &str, action: &str) -> Option<Record<'_>> {
        let (namespace, action) = self.member(namespace, "actions", action)?;
        self.record(namespace, action.pointer("/appliesTo/context")?)
    }

    /// The record type that `declared` is or names.
    fn record<'a>(&'a self, namespace: &'a str, declared: &'a Value) -> Option<Record<'a>> {
        let (namespace, declared) = self.resolved(namespace, declared);
        let attributes = declared.get("attributes")?.as_object()?;
        Some(Record { namespace, attributes })
    }

    /// The type itself, where `declared` names a common one.
    fn resolved<'a>(
        &'a self,
        mut namespace: &'a str,
        mut declared: &'a Value,
    ) -> (&'a str, &'a Value) {
        for _ in 0..MAX_DEPTH {
            let Some(name) = named(declared) else { break };
            let (of, base) = name.rsplit_once("::").unwrap_or((namespace, name));
            match self
                .member(of, "commonTypes", base)
                .or_else(|| self.member("", "commonTypes", base))
            {
                Some(found) => (namespace, declared) = found,
                None => break,
            }
        }
        (namespace, declared)
    }

    /// `name` among the `kind` of a namespace.
    fn member(&self, namespace: &str, kind: &str, name: &str) -> Option<(&str, &Value)> {
        self.0.iter().find_map(|fragment| {
            let (namespace, declared) = fragment.as_object()?.get_key_value(namespace)?;
            Some((namespace.as_str(), declared.get(kind)?.get(name)?))
        })
    }
}

impl<'a> Record<'a> {
    /// Its attributes.
    pub(super) fn attributes(self) -> Vec<Attribute<'a>> {
        let namespace = self.namespace;
        let attribute = |(name, declared): (&'a String, &'a Value)| Attribute {
            namespace,
            declared,
            name: name.as_str(),
        };
        self.attributes.iter().map(attribute).collect()
    }
}

impl<'a> Attribute<'a> {
    /// Whether it must be there.
    pub(super) fn required(&self) -> bool {
        self.declared.get("required").and_then(Value::as_bool).unwrap_or(true)
    }

    /// Its attributes, if it is a record.
    pub(super) fn record(&self, declared: &'a Declared) -> Option<Record<'a>> {
        declared.record(self.namespace, self.declared)
    }

    /// `String`, `Long`, `Boolean`, `ipaddr` or what else it is named.
    pub(super) fn kind(&self, declared: &'a Declared) -> &'a str {
        let (_, resolved) = declared.resolved(self.namespace, self.declared);
        let name = named(resolved).or_else(|| resolved.get("type").and_then(Value::as_str));
        match name.unwrap_or_default().trim_start_matches("__cedar::") {
            "Bool" => "Boolean",
            name => name,
        }
    }

    /// The same text for the same type.
    pub(super) fn fingerprint(&self) -> String {
        format!("{}\n{}", self.namespace, self.declared)
    }
}

/// The name that a type is declared by, if it is.
fn named(declared: &Value) -> Option<&str> {
    match declared.get("type")?.as_str()? {
        "EntityOrCommon" | "Extension" | "CommonType" | "Entity" => declared.get("name")?.as_str(),
        "Record" | "Set" | "String" | "Long" | "Boolean" | "Bool" => None,
        common => Some(common),
    }
}

/// Common types that name each other; a schema with a cycle doesn't load.
const MAX_DEPTH: usize = 64;
