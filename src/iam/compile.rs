//! From documents to policies: patterns, templates and operators parsed once, before any request.

use super::arn::{Action, Resource};
use super::condition::Condition;
use super::document::{
    Clause, Document, Effect, Grammar, MAX_DOCUMENT_BYTES, PolicyError, PolicyKind, PolicyProblem,
    PrincipalsSource, Sense, ShortArns, Sourced, StatementSource, Version, read,
};
use super::json::{JsonPath, Node};
use super::pattern::Case;
use super::principal::Principals;
use super::scope::{Scope, Unknowns};
use super::truth::Truth;
use super::variable::{Template, VariableError, Wildcards, split_colons};

/// A compiled policy.
#[derive(Clone, Debug)]
pub struct Policy {
    name: String,
    kind: PolicyKind,
    statements: Vec<Statement>,
}

/// A compiled statement.
#[derive(Clone, Debug)]
pub struct Statement {
    sid: Option<String>,
    effect: Effect,
    pub(super) principals: Option<Principals>,
    actions: Listed<Template>,
    resources: Option<Listed<ResourcePattern>>,
    pub(super) conditions: Vec<Condition>,
}

impl Policy {
    /// Parses and compiles a document. `name` is what decisions and explanations call it.
    ///
    /// # Errors
    /// All that is wrong with the document.
    pub fn parse(name: &str, kind: PolicyKind, json: &str) -> Result<Self, Vec<PolicyError>> {
        if json.len() > MAX_DOCUMENT_BYTES {
            let what = "bytes in the document";
            let problem = PolicyProblem::Limit { what, limit: MAX_DOCUMENT_BYTES };
            return Err(vec![PolicyError { path: JsonPath::root(), problem }]);
        }
        match Node::parse(json) {
            Ok(node) => Self::from_node(name, kind, &node),
            Err(error) => {
                let problem = PolicyProblem::Syntax(error.to_string());
                Err(vec![PolicyError { path: JsonPath::root(), problem }])
            }
        }
    }

    /// Compiles a document that is part of a larger one.
    pub(super) fn from_node(
        name: &str,
        kind: PolicyKind,
        node: &Node,
    ) -> Result<Self, Vec<PolicyError>> {
        let mut errors = Vec::new();
        let document = read(node, kind, &mut errors);
        let statements = compile(&document, kind, &mut errors);
        if errors.is_empty() {
            Ok(Self { name: name.to_owned(), kind, statements })
        } else {
            Err(errors)
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is attached as.
    pub fn kind(&self) -> PolicyKind {
        self.kind
    }

    /// Its statements, in order.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }
}

impl Statement {
    /// Its `Sid`, unless absent or empty.
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// What it does.
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// Does its `Action` or `NotAction` cover `action`?
    pub(super) fn covers_action(&self, action: &Action) -> Truth {
        let mut patterns = self.actions.items.iter();
        let listed = patterns.any(|pattern| pattern.matches_fixed(action.as_str(), Case::Ignored));
        self.actions.covers(listed.into())
    }

    /// Does its `Resource` or `NotResource` cover `resource`? None if it has neither.
    pub(super) fn covers_resource(
        &self,
        resource: &Resource,
        scope: Scope<'_>,
        unknowns: &mut Unknowns,
    ) -> Option<Truth> {
        let resources = self.resources.as_ref()?;
        let mut met = Unknowns::default();
        let listed = Truth::any(
            resources
                .items
                .iter()
                .map(|pattern| pattern.matches(resource, resources.sense, scope, &mut met)),
        );
        if listed == Truth::Unknown {
            unknowns.absorb(met);
        }
        Some(resources.covers(listed))
    }
}

/// The values of an element or of its `Not…` form.
#[derive(Clone, Debug)]
struct Listed<T> {
    sense: Sense,
    items: Vec<T>,
}

impl<T> Listed<T> {
    fn covers(&self, listed: Truth) -> Truth {
        match self.sense {
            Sense::Only => listed,
            Sense::AllBut => !listed,
        }
    }
}

/// One value of `Resource` or `NotResource`.
#[derive(Clone, Debug)]
enum ResourcePattern {
    /// `*`: the one pattern that matches actions without a resource type.
    Any,
    /// Six patterns, of which the last may have variables.
    Parts(Box<[Template; 6]>),
    /// A short ARN of a kind of policy where that matches nothing. Nor does it leave anything out.
    Never,
}

impl ResourcePattern {
    fn matches(
        &self,
        resource: &Resource,
        sense: Sense,
        scope: Scope<'_>,
        unknowns: &mut Unknowns,
    ) -> Truth {
        let (templates, arn) = match (self, resource) {
            (Self::Any, _) => return Truth::True,
            (Self::Never, _) => return never(sense),
            (Self::Parts(templates), _)
                if sense == Sense::AllBut && valueless(templates, scope, unknowns) =>
            {
                return never(sense);
            }
            (Self::Parts(_), Resource::Any) => return Truth::False,
            (Self::Parts(templates), Resource::Arn(arn)) => (templates, arn),
        };
        Truth::all(
            templates
                .iter()
                .zip(arn.parts())
                .map(|(template, part)| template.matches(part, Case::Sensitive, scope, unknowns)),
        )
    }
}

/// Has a variable no value, or may it have none, being unknown?
fn valueless(templates: &[Template; 6], scope: Scope<'_>, unknowns: &mut Unknowns) -> bool {
    templates.iter().filter(|part| part.has_variables()).any(|part| {
        let resolved = part.resolve(scope);
        resolved.report(unknowns);
        resolved.is_null() || resolved.is_unknown()
    })
}

/// What an element says that can match no resource. In `Resource`, that it doesn't match. In
/// `NotResource` it must not turn into a match of everything: unknown neither allows nor spares.
fn never(sense: Sense) -> Truth {
    match sense {
        Sense::Only => Truth::False,
        Sense::AllBut => Truth::Unknown,
    }
}

fn compile(document: &Document, kind: PolicyKind, errors: &mut Vec<PolicyError>) -> Vec<Statement> {
    let mut compiler = Compiler { version: document.version, grammar: kind.grammar(), errors };
    document.statements.iter().map(|source| compiler.statement(source)).collect()
}

struct Compiler<'e> {
    version: Version,
    grammar: Grammar,
    errors: &'e mut Vec<PolicyError>,
}

impl Compiler<'_> {
    fn statement(&mut self, source: &StatementSource) -> Statement {
        let no_actions = Clause { sense: Sense::Only, values: Vec::new() };
        let actions = source.actions.as_ref().unwrap_or(&no_actions);
        Statement {
            sid: source.sid.clone(),
            effect: source.effect,
            principals: source.principals.as_ref().map(|source| self.principals(source)),
            actions: self.listed(actions, Self::action),
            resources: source.resources.as_ref().map(|clause| self.listed(clause, Self::resource)),
            conditions: source
                .conditions
                .iter()
                .filter_map(|source| Condition::compile(source, self.version, self.errors))
                .collect(),
        }
    }

    fn listed<T>(
        &mut self,
        clause: &Clause,
        compile: fn(&Self, &str) -> Result<T, PolicyProblem>,
    ) -> Listed<T> {
        let mut items = Vec::new();
        for Sourced { path, text } in &clause.values {
            match compile(self, text) {
                Ok(item) => items.push(item),
                Err(problem) => self.errors.push(PolicyError { path: path.clone(), problem }),
            }
        }
        Listed { sense: clause.sense, items }
    }

    fn action(&self, text: &str) -> Result<Template, PolicyProblem> {
        let refused = || PolicyProblem::Action(text.to_owned());
        if text != "*" {
            let (service, name) = text.split_once(':').ok_or_else(refused)?;
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            let named = |byte: u8| plain(byte) || matches!(byte, b'*' | b'?' | b'.' | b'/');
            let well_formed = !service.is_empty()
                && !name.is_empty()
                && service.bytes().all(plain)
                && name.bytes().all(named);
            if !well_formed {
                return Err(refused());
            }
        }
        // Actions have no variables, whatever the version.
        Ok(Template::parse(text, Version::V2008, Wildcards::Active)?)
    }

    fn resource(&self, text: &str) -> Result<ResourcePattern, PolicyProblem> {
        if text == "*" {
            return Ok(ResourcePattern::Any);
        }
        let refused = |advice| PolicyProblem::Resource { written: text.to_owned(), advice };
        let mut parts = split_colons(text, self.version);
        let [first, second, ..] = parts.as_slice() else {
            return Err(refused("write \"*\" or an ARN"));
        };
        if first != "arn" || second.is_empty() {
            return Err(refused(
                "write \"*\" or an ARN, arn:partition:service:region:account:resource",
            ));
        }
        if parts.get(2).is_some_and(|service| service.contains(['*', '?'])) {
            return Err(refused(
                "name one service, wildcards aren't allowed in that part of an ARN",
            ));
        }
        if parts.get(5).is_some_and(String::is_empty) {
            return Err(refused("write the resource after the fifth colon, or * for all"));
        }
        if parts.len() < 6 {
            let wild = text.contains(['*', '?']);
            if self.grammar.short_arns == ShortArns::PaddedIfWild && !wild {
                return Ok(ResourcePattern::Never);
            }
            if self.grammar.short_arns == ShortArns::TrailingStar && !text.ends_with('*') {
                return Err(refused("write all six parts of the ARN, or * at its end"));
            }
            parts.resize(6, "*".to_owned());
        }
        let templates = parts
            .iter()
            .map(|part| Template::parse(part, self.version, Wildcards::Active))
            .collect::<Result<Vec<_>, VariableError>>()?;
        if templates.iter().take(5).any(Template::has_variables) {
            return Err(refused("policy variables are allowed after the fifth colon only"));
        }
        let templates = <[Template; 6]>::try_from(templates);
        templates
            .map(|templates| ResourcePattern::Parts(Box::new(templates)))
            .map_err(|_| refused("write \"*\" or an ARN"))
    }

    fn principals(&mut self, source: &PrincipalsSource) -> Principals {
        let Some(listed) = &source.listed else { return Principals::everyone(source.sense) };
        let names = listed.iter().map(|(group, name)| (*group, name.text.as_str()));
        Principals::listed(source.sense, names, |place, advice| {
            if let Some((_, Sourced { path, text })) = listed.get(place) {
                let problem = PolicyProblem::Principal { written: text.clone(), advice };
                self.errors.push(PolicyError { path: path.clone(), problem });
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kinds of policies that don't pad short ARNs: such an ARN matches nothing, and in
    /// `NotResource` must not turn into everything.
    #[test]
    fn short_arns_that_are_not_padded_never_match() {
        let none = super::super::Facts::new();
        let scope = Scope { check: &none, session: &none, request: &none };
        let mut errors = Vec::new();
        let grammar = PolicyKind::Trust.grammar();
        let compiler = Compiler { version: Version::V2012, grammar, errors: &mut errors };
        let resource = Resource::Arn(super::super::Arn::parse("arn:aws:s3:::b/k").unwrap());
        for (written, sense, truth) in [
            ("arn:aws:s3", Sense::Only, Truth::False),
            ("arn:aws:s3", Sense::AllBut, Truth::Unknown),
            ("arn:aws:s3:*", Sense::Only, Truth::True),
            ("arn:aws:s3:::b/*", Sense::Only, Truth::True),
        ] {
            let pattern = compiler.resource(written).unwrap();
            let found = pattern.matches(&resource, sense, scope, &mut Unknowns::default());
            assert_eq!(found, truth, "{written} {sense:?}");
        }
    }
}
