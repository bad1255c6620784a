//! What IAM names by an ARN, as a Cedar entity.

use std::collections::{HashMap, HashSet};

use cedar_policy::{Entity, EntityTypeName, RestrictedExpression};

use super::schema::Declared;
use super::types::{Types, uid};

/// Which attributes and parents such entities have, by the schema.
#[derive(Clone, Debug, Default)]
pub(super) struct ResourceShape {
    attributes: Vec<Part>,
    nested: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Arn,
    Service,
    Name,
}

impl Part {
    const ALL: [Self; 3] = [Self::Arn, Self::Service, Self::Name];

    const fn name(self) -> &'static str {
        match self {
            Self::Arn => "arn",
            Self::Service => "service",
            Self::Name => "name",
        }
    }
}

impl ResourceShape {
    /// # Errors
    /// What no resource could conform to, a sentence each.
    pub(super) fn of(declared: &Declared, types: &Types) -> Result<Self, Vec<String>> {
        let (mut attributes, mut wrong) = (Vec::new(), Vec::new());
        for attribute in declared.attributes(&types.resource) {
            let (name, kind) = (attribute.name, attribute.kind(declared));
            match Part::ALL.into_iter().find(|part| part.name() == name) {
                Some(part) if kind == "String" => attributes.push(part),
                Some(_) => wrong.push(format!("`{name}` of {} is a String", types.resource)),
                None if attribute.required() => wrong.push(format!(
                    "no {} has `{name}` (there are arn, service, name); make it optional, or remove it",
                    types.resource
                )),
                None => {}
            }
        }
        let nested = declared.is_member(&types.resource, &types.resource);
        if wrong.is_empty() { Ok(Self { attributes, nested }) } else { Err(wrong) }
    }

    /// The entities of `arn`: itself, and what it is in.
    pub(super) fn entities(&self, name: &EntityTypeName, arn: &str) -> Option<Vec<Entity>> {
        let parent = parent(arn).filter(|_| self.nested);
        let parents: HashSet<_> = parent.iter().map(|parent| uid(name, parent)).collect();
        let of_parent = parent.and_then(|parent| self.entity(name, parent, HashSet::new()));
        let mut entities = vec![self.entity(name, arn, parents)?];
        entities.extend(of_parent);
        Some(entities)
    }

    fn entity(
        &self,
        name: &EntityTypeName,
        arn: &str,
        parents: HashSet<cedar_policy::EntityUid>,
    ) -> Option<Entity> {
        let mut parts = arn.splitn(6, ':').skip(2);
        let (service, rest) = (parts.next().unwrap_or_default(), parts.nth(2).unwrap_or_default());
        let value = |part: &Part| match part {
            Part::Arn => arn,
            Part::Service => service,
            Part::Name => rest,
        };
        let attribute = |part: &Part| {
            let text = RestrictedExpression::new_string(value(part).to_owned());
            (part.name().to_owned(), text)
        };
        let attributes: HashMap<_, _> = self.attributes.iter().map(attribute).collect();
        Entity::new(uid(name, arn), attributes, parents).ok()
    }
}

/// The bucket of an object, the table of an index or a stream.
fn parent(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(6, ':');
    let service = parts.nth(2)?;
    let name = parts.nth(2)?;
    let inner = match service {
        "s3" => name.find('/')?,
        "dynamodb" => {
            let table = name.strip_prefix("table/")?;
            "table/".len() + table.find('/')?
        }
        _ => return None,
    };
    arn.get(..arn.len() - name.len() + inner)
}
