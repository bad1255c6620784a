//! A caller as Cedar sees it, in the manner of Amazon Verified Permissions
//! (<https://docs.aws.amazon.com/verifiedpermissions/latest/userguide/identity-sources.html>): groups
//! are parents, an ID token's claims are attributes, an access token's are the context's `token`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::OnceLock;

use cedar_policy::{Context, Entities, Entity, EntityUid, RestrictedExpression};
use serde_json::Value;

use super::policies::Policies;
use super::reach::reachable;
use super::types::uid;

/// Which kind of principal a caller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerKind {
    /// Whoever has a token, or credentials that were given for one.
    User,
    /// A guest, or nobody.
    Guest,
}

/// What is known of a caller.
#[derive(Clone, Debug)]
pub struct Caller<'a> {
    /// Which kind.
    pub kind: CallerKind,
    /// The principal's id: `<user pool id>|<sub>`.
    pub id: String,
    /// The ids of its groups: `<user pool id>|<group>`.
    pub groups: Vec<String>,
    /// The ARN of the role it acts in.
    pub role: Option<&'a str>,
    /// Claims that are the principal's attributes, as far as the schema declares them.
    pub attributes: Vec<(&'a str, Value)>,
    /// Claims of an access token.
    pub token: Option<Vec<(&'a str, Value)>>,
    /// Whether its groups and attributes are all that there are: of who signs, nobody knows any.
    pub known: bool,
}

/// A caller's entities, made once for its session.
#[derive(Debug)]
pub struct Principal {
    pub(super) kind: CallerKind,
    pub(super) uid: EntityUid,
    /// Whether its groups and attributes are known.
    pub(super) known: bool,
    /// With those of the file that it, or a policy, could lead to.
    pub(super) entities: Entities,
    /// Why it isn't what the schema says, if it isn't.
    pub(super) wrong: Option<String>,
    token: Option<BTreeMap<String, Value>>,
    /// The token as each of the schema's types of `token` has it.
    tokens: Vec<OnceLock<Result<TokenContext, String>>>,
}

/// A token in a context.
#[derive(Clone, Debug)]
pub(super) struct TokenContext {
    pub(super) record: RestrictedExpression,
    /// The context that has nothing else: to be used as it is.
    pub(super) alone: Context,
}

impl Principal {
    pub(super) fn new(policies: &Policies, caller: &Caller<'_>) -> Self {
        let types = &policies.types;
        let shape = match caller.kind {
            CallerKind::User => &policies.user,
            CallerKind::Guest => &policies.guest,
        };
        let name = match caller.kind {
            CallerKind::User => &types.principal,
            CallerKind::Guest => &types.guest,
        };
        let principal = uid(name, &caller.id);
        let (entities, wrong) = match entities(policies, shape, &principal, caller) {
            Ok(entities) => (entities, None),
            Err(wrong) => (Entities::empty(), Some(wrong)),
        };
        let token = caller.token.as_ref().map(|claims| {
            claims.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
        });
        let tokens = policies.token_types.iter().map(|_| OnceLock::new()).collect();
        let (kind, known) = (caller.kind, caller.known);
        Self { kind, uid: principal, known, entities, wrong, token, tokens }
    }

    /// How it is written in policies: `User::"eu-west-1_Ab12Cd34E|…"`.
    pub fn name(&self) -> String {
        self.uid.to_string()
    }

    /// Its type and its id.
    pub fn kind_and_id(&self) -> (String, String) {
        (self.uid.type_name().to_string(), self.uid.id().unescaped().to_owned())
    }

    /// About how many bytes it takes.
    pub fn weight(&self) -> u32 {
        let claims = self
            .token
            .iter()
            .flatten()
            .map(|(name, value)| name.len() + 64 + value.as_str().map_or(256, str::len));
        let bytes = 1024 + self.entities.len() * 128 + 3 * claims.sum::<usize>();
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }

    /// The caller's access token as the type at `index` has it; none without one. `check` says
    /// whether the record conforms to the schema.
    pub(super) fn token(
        &self,
        index: usize,
        claims: &[String],
        check: impl FnOnce(&RestrictedExpression) -> Result<(), String>,
    ) -> Option<Result<&TokenContext, &String>> {
        let token = self.token.as_ref()?;
        let made = self.tokens.get(index)?.get_or_init(|| {
            let record = record(token, claims)?;
            check(&record)?;
            let alone = Context::from_pairs([("token".to_owned(), record.clone())]);
            Ok(TokenContext { record, alone: alone.map_err(|e| e.to_string())? })
        });
        Some(made.as_ref())
    }

    /// The `claims` of the caller's access token; none without one.
    pub(super) fn token_record(
        &self,
        claims: &[String],
    ) -> Option<Result<RestrictedExpression, String>> {
        self.token.as_ref().map(|token| record(token, claims))
    }
}

fn record(
    token: &BTreeMap<String, Value>,
    claims: &[String],
) -> Result<RestrictedExpression, String> {
    let mut record = Vec::new();
    for name in claims {
        let Some(value) = token.get(name) else { continue };
        let value = match value {
            Value::String(words) if name == "scope" => Some(scope(words)),
            _ => expression(name, value, 0)?,
        };
        record.extend(value.map(|value| (name.clone(), value)));
    }
    RestrictedExpression::new_record(record).map_err(|e| e.to_string())
}

/// What the schema declares of a type of principal.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    /// The claims that are attributes.
    pub(super) attributes: Vec<String>,
    /// Whether it may be in groups.
    pub(super) in_groups: bool,
    /// Whether it may be in roles.
    pub(super) in_roles: bool,
}

/// The entities of the file, and with them the caller, its groups and its role.
fn entities(
    policies: &Policies,
    shape: &Shape,
    principal: &EntityUid,
    caller: &Caller<'_>,
) -> Result<Entities, String> {
    let mut attributes = HashMap::new();
    for (name, value) in &caller.attributes {
        if shape.attributes.iter().any(|declared| declared == name)
            && let Some(value) = expression(name, value, 0)?
        {
            attributes.insert((*name).to_owned(), value);
        }
    }
    let groups = caller.groups.iter().filter(|_| shape.in_groups);
    let groups = groups.map(|group| uid(&policies.types.group, group));
    let role = caller.role.filter(|_| shape.in_roles).map(|role| uid(&policies.types.role, role));
    let parents: HashSet<EntityUid> = groups.chain(role).collect();
    // Of those that the file has, the file says more.
    let of_file = reachable(&policies.entities, parents.iter().cloned());
    let of_file: Vec<Entity> =
        of_file.into_iter().filter(|e| policies.named.get(&e.uid()).is_none()).collect();
    let new = |parent: &&EntityUid| policies.entities.get(parent).is_none();
    let bare: Vec<Entity> = parents
        .iter()
        .filter(new)
        .map(|parent| Entity::new_no_attrs(parent.clone(), HashSet::new()))
        .collect();
    let own = Entity::new(principal.clone(), attributes, parents).map_err(|e| e.to_string())?;
    let all = policies.named.clone();
    let more = of_file.into_iter().chain(bare).chain([own]);
    all.add_entities(more, Some(&policies.schema)).map_err(chain)
}

/// An error with what is behind it.
pub(super) fn chain(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let more = inner.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = inner.source();
    }
    text
}

/// The words of a `scope`, as a set.
fn scope(words: &str) -> RestrictedExpression {
    let words = words.split(' ').filter(|word| !word.is_empty());
    RestrictedExpression::new_set(
        words.map(|word| RestrictedExpression::new_string(word.to_owned())),
    )
}

/// A claim's value as Cedar has it; none for `null`. Built from its parts and never parsed, so that no
/// claim can pass for an entity or an extension's value.
fn expression(
    name: &str,
    value: &Value,
    depth: usize,
) -> Result<Option<RestrictedExpression>, String> {
    if depth > MAX_DEPTH {
        return Err(format!("the claim `{name}` is nested too deep"));
    }
    Ok(Some(match value {
        Value::Null => return Ok(None),
        Value::Bool(value) => RestrictedExpression::new_bool(*value),
        Value::String(text) => RestrictedExpression::new_string(text.clone()),
        Value::Number(number) => {
            let whole = number.as_i64();
            let wrong = || {
                format!("the claim `{name}` is {number}, and Cedar has whole numbers of 64 bits")
            };
            RestrictedExpression::new_long(whole.ok_or_else(wrong)?)
        }
        Value::Array(items) => {
            let items: Result<Vec<_>, _> =
                items.iter().map(|item| expression(name, item, depth + 1)).collect();
            RestrictedExpression::new_set(items?.into_iter().flatten())
        }
        Value::Object(members) => {
            let mut fields = Vec::new();
            for (member, value) in members {
                let value = expression(name, value, depth + 1)?;
                fields.extend(value.map(|value| (member.clone(), value)));
            }
            RestrictedExpression::new_record(fields).map_err(|e| e.to_string())?
        }
    }))
}

const MAX_DEPTH: usize = 16;
