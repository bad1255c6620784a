//! From documents to policies: patterns, templates and operators parsed once, before any request.

use super::arn::{Action, Resource};
use super::condition::Condition;
use super::document::{
    Clause, Document, Effect, Grammar, MAX_DOCUMENT_BYTES, PolicyError, PolicyKind, PolicyProblem,
    PrincipalsSource, Sense, Sourced, StatementSource, Version, read,
};
use super::json::{JsonPath, Node};
use super::observe::Shown;
use super::pattern::Case;
use super::principal::Principals;
use super::resource::ResourcePattern;
use super::scope::{Scope, Unknowns};
use super::truth::Truth;
use super::variable::{Template, Wildcards};

/// A compiled policy.
#[derive(Clone, Debug)]
pub struct Policy {
    name: Box<str>,
    kind: PolicyKind,
    statements: Box<[Statement]>,
    source: Option<Box<PolicySource>>,
}

/// Where a policy's document is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicySource {
    /// The file's name.
    pub file: Box<str>,
    /// The document's place in it.
    pub path: JsonPath,
}

/// A compiled statement.
#[derive(Clone, Debug)]
pub struct Statement {
    sid: Option<Box<str>>,
    effect: Effect,
    pub(super) principals: Option<Principals>,
    actions: Listed<Template>,
    resources: Option<Listed<ResourcePattern>>,
    pub(super) conditions: Box<[Condition]>,
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
            Ok(Self { name: name.into(), kind, statements, source: None })
        } else {
            Err(errors)
        }
    }

    /// The same policy, of which it is known where it is written.
    pub(super) fn written_at(self, file: &str, path: &JsonPath) -> Self {
        let source = PolicySource { file: file.into(), path: path.clone() };
        Self { source: Some(Box::new(source)), ..self }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is written, if it is in a file.
    pub fn source(&self) -> Option<&PolicySource> {
        self.source.as_deref()
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

    /// The context keys that it asks for, as written, some perhaps more than once: those of its
    /// conditions, and of variables in its resources and in values.
    pub fn context_keys(&self) -> impl Iterator<Item = &str> {
        let patterns = self.resources.iter().flat_map(|resources| resources.items.iter());
        let conditions = self.conditions.iter().flat_map(Condition::context_keys);
        patterns.flat_map(ResourcePattern::variable_names).chain(conditions)
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

    /// Its resources that have variables, with their values.
    pub(super) fn substituted_resources(&self, scope: Scope<'_>) -> Vec<Shown> {
        let resources = self.resources.iter().flat_map(|resources| &resources.items);
        resources.filter_map(|pattern| pattern.substituted(scope)).collect()
    }

    /// With what the actions that it covers begin, and whether that is all of them. One of these
    /// stands for every action that it may cover.
    pub(super) fn action_keys(&self) -> impl Iterator<Item = Key<'_>> {
        self.actions.keys(Template::beginning)
    }

    /// The same of resources, of the sixth part of their ARNs.
    pub(super) fn resource_keys(&self) -> impl Iterator<Item = Key<'_>> {
        let anything = self.resources.is_none().then_some(ANYTHING);
        let listed = self.resources.iter();
        listed.flat_map(|resources| resources.keys(ResourcePattern::beginning)).chain(anything)
    }
}

/// A text that others begin with, and whether it has to be all of them.
pub(super) type Key<'a> = (&'a str, bool);

const ANYTHING: Key<'static> = ("", false);

/// The values of an element or of its `Not…` form.
#[derive(Clone, Debug)]
struct Listed<T> {
    sense: Sense,
    items: Box<[T]>,
}

impl<T> Listed<T> {
    fn covers(&self, listed: Truth) -> Truth {
        match self.sense {
            Sense::Only => listed,
            Sense::AllBut => !listed,
        }
    }

    fn keys<'s>(&'s self, key: fn(&'s T) -> Key<'s>) -> impl Iterator<Item = Key<'s>> {
        let (items, anything) = match self.sense {
            Sense::Only => (&*self.items, None),
            Sense::AllBut => (&[][..], Some(ANYTHING)),
        };
        items.iter().map(key).chain(anything)
    }
}

fn compile(
    document: &Document,
    kind: PolicyKind,
    errors: &mut Vec<PolicyError>,
) -> Box<[Statement]> {
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
            sid: source.sid.as_deref().map(Into::into),
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
        Listed { sense: clause.sense, items: items.into() }
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
        ResourcePattern::parse(text, self.version, self.grammar.short_arns)
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
