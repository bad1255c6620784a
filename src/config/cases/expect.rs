//! What the answer should be.

use serde_json::{Value as Json, json};

use super::OneOrMore;
use crate::config::At;
use crate::config::map::{Map, read_section};
use crate::config::read::{Field, Reader, Section, words};
use crate::config::value::Words;
use crate::config::yaml::{Node, Value};

words! {
    /// Allowed or denied.
    pub Effect {
        /// Allowed.
        Allow = "allow",
        /// Denied.
        Deny = "deny",
    }
}

words! {
    /// A layer of policies.
    pub PolicyLayer {
        /// The role's inline and managed policies.
        Identity = "identity",
        /// Its permissions boundary.
        Boundary = "boundary",
        /// The session policies.
        Session = "session",
        /// The resource's own policy.
        Resource = "resource",
        /// Service control policies.
        ServiceControl = "service_control",
        /// Resource control policies.
        ResourceControl = "resource_control",
    }
}

words! {
    /// What Cedar says.
    pub CedarSays {
        /// A policy permits it, and none forbids it.
        Allow = "allow",
        /// A policy forbids it.
        Deny = "deny",
        /// No policy applies.
        NoOpinion = "no_opinion",
        /// It can't be decided.
        Error = "error",
    }
}

/// What the answer should be; what is absent may be anything.
#[derive(Clone, Debug, PartialEq)]
pub struct Expect {
    /// Allowed or denied.
    pub effect: Effect,
    /// The reason.
    pub reason: Option<At<String>>,
    /// Statements that decide, as `policy/Sid` or `policy[index]`, or Cedar policies.
    pub statements: Vec<String>,
    /// The layer that decides.
    pub layer: Option<PolicyLayer>,
    /// The role that the caller gets: its ARN or its name.
    pub role: Option<String>,
    /// The items that are refused, all of them; the request is allowed for the others.
    pub refused: Option<Vec<String>>,
    /// The unknown context keys that it hangs on, all of them.
    pub unknown: Option<Vec<String>>,
    /// What Cedar says.
    pub cedar: Option<CedarSays>,
}

impl Expect {
    /// Just that.
    pub(super) fn only(effect: Effect) -> Self {
        Self {
            effect,
            reason: None,
            statements: Vec::new(),
            layer: None,
            role: None,
            refused: None,
            unknown: None,
            cedar: None,
        }
    }
}

impl Field for Expect {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.value {
            Value::Mapping(_) => read_section(node, reader),
            _ => Effect::read(node, reader).map(Self::only),
        }
    }

    fn schema() -> Json {
        json!({ "anyOf": [Effect::schema(), crate::config::map::section_schema::<Self>()] })
    }
}

impl Section for Expect {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let effect = map.required("decision", "Whether it is allowed: allow or deny.");
        let reason: Option<Option<At<Words>>> =
            map.optional("reason", "The reason, as the log has it.");
        let doc =
            "Statements that decide, as policy/Sid or policy[index], or ids of Cedar policies.";
        let statements: Option<Option<OneOrMore<Words>>> = map.optional("statement", doc);
        let layer = map.optional("layer", "The layer of policies that decides.");
        let doc = "The role that the caller gets: its ARN or its name.";
        let role: Option<Option<Words>> = map.optional("role", doc);
        let doc = "The items of the request that are refused, all of them.";
        let refused: Option<Option<Vec<Words>>> = map.optional("refused", doc);
        let doc = "The unknown context keys that the answer hangs on, all of them.";
        let unknown: Option<Option<Vec<Words>>> = map.optional("unknown", doc);
        let cedar = map.optional("cedar", "What Cedar says, enforced or as a shadow.");
        let texts = |words: Vec<Words>| words.into_iter().map(|Words(text)| text).collect();
        Some(Self {
            effect: effect?,
            reason: reason?.map(|reason| At { value: reason.value.0, position: reason.position }),
            statements: statements?.map(|OneOrMore(all)| texts(all)).unwrap_or_default(),
            layer: layer?,
            role: role?.map(|Words(role)| role),
            refused: refused?.map(texts),
            unknown: unknown?.map(texts),
            cedar: cedar?,
        })
    }
}
