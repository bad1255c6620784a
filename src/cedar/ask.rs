//! Questions in Cedar's own terms: a principal, an action and a resource that the caller names, with what
//! it says about them.
//!
//! What is known of an entity is what the caller gives, or else what the file of entities has. Of one that
//! neither tells of, nobody knows the attributes and parents: as for callers who sign, a `forbid` that
//! hangs on them denies, and a `permit` that does permits nothing.

use cedar_policy::{Context, Entities, Entity, EntityUid, Request, RestrictedExpression};
use serde_json::{Map, Value};

use super::context::Field;
use super::error::CedarError;
use super::mention::Hanging;
use super::policies::{Answer, Policies, Verdict, evaluate};
use super::principal::{Principal, chain};
use super::reach::reachable;
use super::slices::{Act, Part};
use super::terms::{Around, Given, Name, declared_of, values};

/// A question in Cedar's terms.
#[derive(Clone, Copy, Debug)]
pub struct Typed<'a> {
    /// Who would do it.
    pub principal: Who<'a>,
    /// What.
    pub action: &'a Name,
    /// On what.
    pub resource: &'a Name,
    /// The context.
    pub context: Around<'a>,
    /// What the caller says of principal, resource and others.
    pub given: &'a [&'a Given],
}

/// The principal of a question.
#[derive(Clone, Copy, Debug)]
pub enum Who<'a> {
    /// An entity by its name.
    Named(&'a Name),
    /// Whoever a token was issued to.
    Token(&'a Principal),
    /// The same, with the claims of another one's access token in the context.
    Tokens(&'a Principal, &'a Principal),
    /// One of whom the caller told, as a token would have.
    Told(&'a Principal),
}

impl Who<'_> {
    /// How it is written in policies.
    pub fn name(&self) -> String {
        match self {
            Self::Named(name) => {
                name.uid().map_or_else(|_| name.kind.clone(), |uid| uid.to_string())
            }
            Self::Token(principal) | Self::Tokens(principal, _) | Self::Told(principal) => {
                principal.name()
            }
        }
    }

    /// The entities of a principal, where it is more than a name.
    fn principal(&self) -> Option<&Principal> {
        match self {
            Self::Named(_) => None,
            Self::Token(principal) | Self::Tokens(principal, _) | Self::Told(principal) => {
                Some(principal)
            }
        }
    }

    /// Whose access token the context has.
    fn holder(&self) -> Option<&Principal> {
        match self {
            Self::Named(_) | Self::Told(_) => None,
            Self::Token(holder) | Self::Tokens(_, holder) => Some(holder),
        }
    }
}

impl Policies {
    /// Asks the policies a question in their own terms. A token's principal must be one of these
    /// policies' own.
    pub fn ask(&self, asked: &Typed<'_>) -> Answer<'_> {
        let act = match self.act_named(asked.action) {
            Ok(act) => act,
            Err(error) => return Answer { action: None, verdict: Verdict::Error(error) },
        };
        let verdict = self.verdict_of(act, asked).unwrap_or_else(Verdict::Error);
        Answer { action: Some(&act.id), verdict }
    }

    /// The ids of the entities of the type `kind` that the file has, in order.
    pub fn stored(&self, kind: &str) -> &[String] {
        self.stored.get(kind).map_or(&[], Vec::as_slice)
    }

    /// The actions that apply to principals of the type `principal` on resources of the type `resource`,
    /// in order.
    pub fn actions(&self, principal: &str, resource: &str) -> Vec<Name> {
        let (principal, resource) = (principal.parse().ok(), resource.parse().ok());
        let fits = move |act: &&Act| {
            let (principals, resources) = &act.applies;
            let is = |all: &[_], wanted: &Option<_>| {
                wanted.as_ref().is_some_and(|wanted| all.contains(wanted))
            };
            is(principals, &principal) && is(resources, &resource)
        };
        let kind = self.types.action.to_string();
        let name = |act: &Act| Name { kind: kind.clone(), id: act.id.clone() };
        self.acts.iter().filter(fits).map(name).collect()
    }

    /// The type of actions.
    pub fn action_kind(&self) -> String {
        self.types.action.to_string()
    }

    /// The types of those who have tokens, and of their groups.
    pub fn caller_kinds(&self) -> (String, String) {
        (self.types.principal.to_string(), self.types.group.to_string())
    }

    fn act_named(&self, name: &Name) -> Result<&Act, CedarError> {
        let found = self.by_id.get(&name.id).and_then(|index| self.acts.get(*index));
        let of_kind = found.filter(|act| act.uid.type_name().to_string() == name.kind);
        of_kind.ok_or_else(|| CedarError::NoAction(format!("{}::{:?}", name.kind, name.id)))
    }

    fn verdict_of(&self, act: &Act, asked: &Typed<'_>) -> Result<Verdict, CedarError> {
        let caller = asked.principal.principal();
        let principal = match (asked.principal, caller) {
            (Who::Named(name), _) => name.uid().map_err(CedarError::Request)?,
            (_, Some(caller)) => caller.uid.clone(),
            (_, None) => return Err(CedarError::Request("there is no principal".to_owned())),
        };
        let resource = asked.resource.uid().map_err(CedarError::Request)?;
        let (of, on) = (principal.type_name(), resource.type_name());
        let (principals, resources) = &act.applies;
        if !principals.contains(of) || !resources.contains(on) {
            let what = format!("a principal of type {of} on a {on}");
            return Err(CedarError::NotApplicable(act.id.clone(), what));
        }
        let slice = act.slices.iter().find(|s| s.principal == *of && s.resource == *on);
        let part: &Part = slice.map_or(&act.whole, |slice| &slice.part);
        if let Some(wrong) = caller.and_then(|caller| caller.wrong.as_ref()) {
            return Err(CedarError::Principal(wrong.clone()));
        }

        let told = |uid: &EntityUid| {
            self.entities.get(uid).is_some()
                || asked.given.iter().any(|given| given.entities.contains_key(uid))
        };
        let knows_principal = caller.map_or_else(|| told(&principal), |caller| caller.known);
        let mut unknown: Vec<(&Hanging, Unknown)> = Vec::with_capacity(2);
        if !knows_principal {
            unknown.push((part.mentioned.named_principal(), CedarError::NamedPrincipal));
        }
        if !told(&resource) {
            unknown.push((part.mentioned.named_resource(), CedarError::NamedResource));
        }
        for (hanging, error) in &unknown {
            if let Some(policy) = hanging.forbids() {
                return Err(error(policy.to_owned()));
            }
        }

        let context = self.context_of(act, asked)?;
        let entities = self.world(asked, [&principal, &resource])?;
        // What is in it was checked against the schema one by one.
        let request = Request::new(principal, act.uid.clone(), resource, context, None);
        let request = request.map_err(|error| CedarError::Request(chain(error)))?;
        // What hangs on what isn't known permits nothing, whether or not it fails for want of it.
        let hangs = |id: &str| unknown.iter().any(|(hanging, _)| hanging.permits(id));
        let verdict = evaluate(&self.authorizer, &request, &part.policies, &entities, hangs)?;
        let Verdict::Permit(mut policies) = verdict else { return Ok(verdict) };
        for (hanging, error) in unknown {
            let (by, other): (Vec<String>, Vec<String>) =
                policies.into_iter().partition(|id| hanging.permits(id));
            match (other.is_empty(), by.first()) {
                (true, Some(policy)) => return Err(error(policy.clone())),
                _ => policies = other,
            }
        }
        Ok(Verdict::Permit(policies))
    }

    /// The caller's context, with the claims of its access token as far as the action declares them.
    fn context_of(&self, act: &Act, asked: &Typed<'_>) -> Result<Context, CedarError> {
        let wrong = CedarError::Request;
        let holder = asked.principal.holder();
        let token = holder.zip(act.fields.token.as_ref());
        let token = token.and_then(|(holder, declared)| holder.token_record(&declared.claims));
        let token: Option<RestrictedExpression> = token.transpose().map_err(wrong)?;
        let claims = Field::Token.name();
        let given = match asked.context {
            Around::Nothing => None,
            Around::Values(all) | Around::Json(all) | Around::Declared(all) => Some(all),
        };
        if holder.is_some() && given.is_some_and(|given| given.contains_key(claims)) {
            let message = format!("`{claims}` of the context is what the access token says");
            return Err(wrong(message));
        }
        // Read by the schema, a context would have to be whole already.
        let schema = token.is_none().then_some((&self.schema, &act.uid));
        let read = |members: Map<String, Value>| {
            Context::from_json_value(Value::Object(members), schema)
                .map_err(|error| wrong(chain(error)))
        };
        let context = match asked.context {
            Around::Nothing => Context::empty(),
            Around::Values(members) => {
                let pairs = values(members, "contextMap")
                    .map_err(|error| wrong(format!("{}: {}", error.path, error.message)))?;
                Context::from_pairs(pairs).map_err(|error| wrong(chain(error)))?
            }
            Around::Json(members) => read(members.clone())?,
            Around::Declared(members) => {
                let mut taken = Map::new();
                for (name, record) in &act.context {
                    let value = match (members.get(name), record) {
                        (None | Some(Value::Null), _) => continue,
                        (Some(Value::Object(inner)), Some(declared)) => {
                            let inner = declared_of(declared, inner);
                            inner.map(|(name, value)| (name.clone(), value.clone())).collect()
                        }
                        (Some(value), _) => value.clone(),
                    };
                    taken.insert(name.clone(), value);
                }
                read(taken)?
            }
        };
        let context = match token {
            None => context,
            Some(token) => {
                let token = Context::from_pairs([(claims.to_owned(), token)])
                    .map_err(|error| wrong(chain(error)))?;
                context.merge(token).map_err(|error| wrong(chain(error)))?
            }
        };
        context.validate(&self.schema, &act.uid).map_err(|error| wrong(chain(error)))?;
        Ok(context)
    }

    /// The entities that could matter: what policies name, the principal and the resource, what is given, and
    /// what those lead to. A file may have thousands of others.
    fn world(&self, asked: &Typed<'_>, about: [&EntityUid; 2]) -> Result<Entities, CedarError> {
        let given = || asked.given.iter().flat_map(|given| &given.entities);
        let leads = asked.given.iter().flat_map(|given| given.leads.iter().cloned());
        let seeds = about.into_iter().cloned().chain(leads);
        let mut of_file = reachable(&self.entities, seeds);
        let own = |uid: &EntityUid| given().any(|(known, _)| known == uid);
        of_file.retain(|entity| {
            let uid = entity.uid();
            self.named_by_all.get(&uid).is_none() && !own(&uid)
        });
        let of_caller = asked.principal.principal();
        let of_caller = of_caller.into_iter().flat_map(|caller| caller.entities.iter());
        let new = |entity: &&Entity| self.named_by_all.get(&entity.uid()).is_none();
        let more = of_file.into_iter().chain(of_caller.filter(new).cloned());
        let more = more.chain(given().map(|(_, entity)| entity.clone()));
        let all = self.named_by_all.clone().upsert_entities(more, None);
        all.map_err(|error| CedarError::Request(chain(error)))
    }
}

/// What a policy's id says of an entity that nobody knows.
type Unknown = fn(String) -> CedarError;
