//! From files to policies: parsed, linked, validated strictly, and sliced.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use cedar_policy::{
    Authorizer, Entities, Entity, EntityTypeName, EntityUid, PolicyId, PolicySet, Schema,
    SchemaFragment, SlotId, ValidationMode, Validator,
};
use miette::Diagnostic;
use serde_json::Value;

use super::context::Fields;
use super::error::{Kind, LoadError, Place};
use super::paths::{Paths, Template};
use super::policies::Policies;
use super::principal::{Shape, chain};
use super::reach::reachable;
use super::resource::ResourceShape;
use super::schema::{Declared, Record};
use super::slices::{Act, Part, Slicer};
use super::types::Types;
use crate::iam::JsonPath;

/// A file and its text.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// What it is called in problems.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// The files of a policy set.
#[derive(Clone, Debug, Default)]
pub struct Files<'a> {
    /// Policies and templates, in Cedar's syntax.
    pub policies: Vec<File<'a>>,
    /// The schema, in Cedar's syntax or, where the name ends in `.json`, in JSON; all files together.
    pub schemas: Vec<File<'a>>,
    /// Links of templates, in JSON.
    pub links: Option<File<'a>>,
    /// Entities, in JSON.
    pub entities: Option<File<'a>>,
}

/// What was read so far, and what is wrong with it.
pub(super) struct Loading<'a> {
    files: &'a Files<'a>,
    pub(super) problems: Vec<LoadError>,
    pub(super) set: PolicySet,
    /// Which file a policy or a template is of.
    origin: HashMap<String, File<'a>>,
    /// Where in the file a link is.
    links: HashMap<String, usize>,
}

impl Policies {
    /// Reads the files. The types say what stands for callers, actions and resources.
    ///
    /// # Errors
    /// Every problem.
    pub fn load(files: &Files<'_>, types: Types) -> Result<Self, Vec<LoadError>> {
        let mut loading = Loading::new(files);
        let schema = loading.schema();
        loading.policies();
        loading.links();
        let Some((schema, declared)) = schema else { return Err(loading.problems) };
        let warnings = loading.validate(&schema);
        let entities = loading.entities(&schema, &types);
        let made = loading.acts(&schema, &declared, &types);
        match (entities, made) {
            (Some(entities), Some((acts, token_types, paths))) if loading.problems.is_empty() => {
                let by_id = acts.iter().enumerate();
                let by_id = by_id.map(|(index, act)| (act.id.clone(), index)).collect();
                let resources = ResourceShape::of(&declared, &types).unwrap_or_default();
                let shape = |name| Shape {
                    attributes: declared
                        .attributes(name)
                        .iter()
                        .map(|a| a.name.to_owned())
                        .collect(),
                    in_groups: declared.is_member(name, &types.group),
                    in_roles: declared.is_member(name, &types.role),
                };
                let (user, guest) = (shape(&types.principal), shape(&types.guest));
                let authorizer = Authorizer::new();
                let of_routes = acts.iter().flat_map(|act| &act.slices);
                let named = named_entities(&acts, of_routes.map(|slice| &slice.part), &entities);
                let all = acts.iter().map(|act| &act.whole);
                let named_by_all = named_entities(&acts, all, &entities);
                let stored = stored(&entities, &types);
                let declares = |name: &EntityTypeName| {
                    let attributes = declared.attributes(name);
                    let names = attributes.iter().map(|attribute| attribute.name.to_owned());
                    (name.clone(), names.collect())
                };
                let kinds = schema.entity_types().map(declares).collect();
                Ok(Self {
                    types,
                    schema,
                    entities,
                    named,
                    named_by_all,
                    stored,
                    kinds,
                    user,
                    guest,
                    resources,
                    token_types,
                    acts,
                    by_id,
                    paths,
                    authorizer,
                    warnings,
                })
            }
            _ => Err(loading.problems),
        }
    }
}

impl<'a> Loading<'a> {
    pub(super) fn new(files: &'a Files<'a>) -> Self {
        Self {
            files,
            problems: Vec::new(),
            set: PolicySet::new(),
            origin: HashMap::new(),
            links: HashMap::new(),
        }
    }

    fn problem(&mut self, kind: Kind, file: File<'_>, place: Place, message: impl Into<String>) {
        self.problems.push(LoadError::new(kind, file.name, place, message));
    }

    /// The schema of all files together.
    pub(super) fn schema(&mut self) -> Option<(Schema, Declared)> {
        let Some(first) = self.files.schemas.first().copied() else {
            let file = self.files.policies.first().copied();
            let file = file.unwrap_or(File { name: "", text: "" });
            let message = "there is no schema; add a `.cedarschema` file beside the policies";
            self.problem(Kind::Schema, file, Place::Offset(0), message);
            return None;
        };
        let mut fragments = Vec::new();
        for file in &self.files.schemas {
            let fragment = match file.name.ends_with(".json") {
                true => SchemaFragment::from_json_str(file.text).map_err(|e| told(&e)),
                false => SchemaFragment::from_cedarschema_str(file.text)
                    .map(|(fragment, _)| fragment)
                    .map_err(|e| told(&e)),
            };
            match fragment {
                Ok(fragment) => fragments.push(fragment),
                Err((place, message)) => self.problem(Kind::Schema, *file, place, message),
            }
        }
        if !self.problems.is_empty() {
            return None;
        }
        let json = |fragment: &SchemaFragment| fragment.clone().to_json_value().map_err(Box::new);
        let json: Result<Vec<Value>, _> = fragments.iter().map(json).collect();
        match (Schema::from_schema_fragments(fragments), json) {
            (Ok(schema), Ok(json)) => Some((schema, Declared::new(json))),
            (schema, json) => {
                let error = schema.err().or_else(|| json.err().map(|error| *error));
                let (place, message) =
                    error.map_or((Place::Offset(0), String::new()), |e| told(&e));
                self.problem(Kind::Schema, first, place, message);
                None
            }
        }
    }

    /// The policies and templates of every file, named by `@id`, or by their file and number.
    pub(super) fn policies(&mut self) {
        for file in &self.files.policies {
            let set: PolicySet = match file.text.parse() {
                Ok(set) => set,
                Err(errors) => {
                    let errors: &cedar_policy::ParseErrors = &errors;
                    for error in errors.iter() {
                        let (place, message) = told(error);
                        self.problem(Kind::Policy, *file, place, message);
                    }
                    continue;
                }
            };
            for policy in set.policies() {
                let id = named(file.name, policy.id(), policy.annotation("id"));
                let added = self.set.add(policy.new_id(PolicyId::new(&id)));
                self.added(*file, id, added.map_err(|e| e.to_string()));
            }
            for template in set.templates() {
                let id = named(file.name, template.id(), template.annotation("id"));
                let added = self.set.add_template(template.new_id(PolicyId::new(&id)));
                self.added(*file, id, added.map_err(|e| e.to_string()));
            }
        }
        if self.origin.len() > MAX_POLICIES
            && let Some(file) = self.files.policies.first()
        {
            let message = format!("more than {MAX_POLICIES} policies");
            self.problem(Kind::Limit, *file, Place::Offset(0), message);
        }
    }

    fn added(&mut self, file: File<'a>, id: String, added: Result<(), String>) {
        if added.is_ok() {
            self.origin.insert(id, file);
            return;
        }
        let offset = file.text.rfind(&format!("\"{id}\"")).unwrap_or(0);
        let message = match self.origin.get(&id) {
            Some(first) => format!("another policy, in {}, has the id {id:?} too", first.name),
            None => format!("the id {id:?} can't be used"),
        };
        self.problem(Kind::Policy, file, Place::Offset(offset), message);
    }

    /// Links templates: `[{ "template_id": …, "link_id": …, "args": { "?principal": … } }]`.
    fn links(&mut self) {
        let Some(file) = self.files.links else { return };
        let links: Vec<Value> = match serde_json::from_str(file.text) {
            Ok(links) => links,
            Err(error) => {
                self.problem(Kind::Link, file, Place::Path(JsonPath::root()), error.to_string());
                return;
            }
        };
        for (index, link) in links.iter().enumerate() {
            let linked = Link::read(link).and_then(|link| {
                let (template, id) = (PolicyId::new(&link.template), PolicyId::new(&link.id));
                self.set.link(template, id, link.values).map_err(chain)?;
                Ok(link.id)
            });
            match linked {
                Ok(id) => {
                    self.origin.insert(id.clone(), file);
                    self.links.insert(id, index);
                }
                Err(message) => {
                    let place = Place::Path(JsonPath::root().index(index));
                    self.problem(Kind::Link, file, place, message);
                }
            }
        }
    }

    /// Everything that the strict validator finds; the warnings.
    pub(super) fn validate(&mut self, schema: &Schema) -> Vec<LoadError> {
        let found = Validator::new(schema.clone()).validate(&self.set, ValidationMode::Strict);
        let (mut errors, mut warnings) = (Vec::new(), Vec::new());
        for error in found.validation_errors() {
            errors.push(self.of_policy(error.policy_id().as_ref(), error));
        }
        for warning in found.validation_warnings() {
            warnings.push(self.of_policy(warning.policy_id().as_ref(), warning));
        }
        // The validator goes through the policies in no order.
        errors.sort_by_key(LoadError::sort_key);
        warnings.sort_by_key(LoadError::sort_key);
        self.problems.extend(errors);
        warnings
    }

    fn of_policy(&self, id: &str, error: &dyn Diagnostic) -> LoadError {
        let (place, message) = told(error);
        let place = self.links.get(id).map_or(place, |at| Place::Path(JsonPath::root().index(*at)));
        let name = self.origin.get(id).map_or("", |file| file.name);
        // Cedar begins with the policy's name, mostly.
        let message = match message.contains(id) {
            true => message,
            false => format!("policy `{id}`: {message}"),
        };
        LoadError::new(Kind::Invalid, name, place, message)
    }

    /// The entities of the file, and the actions.
    fn entities(&mut self, schema: &Schema, types: &Types) -> Option<Entities> {
        let mut all = Vec::new();
        if let Some(file) = self.files.entities {
            let before = self.problems.len();
            match serde_json::from_str::<Vec<Value>>(file.text) {
                Ok(values) if values.len() > MAX_ENTITIES => {
                    let message = format!("more than {MAX_ENTITIES} entities");
                    self.problem(Kind::Limit, file, Place::Offset(0), message);
                }
                Ok(values) => {
                    for (index, value) in values.into_iter().enumerate() {
                        let place = || Place::Path(JsonPath::root().index(index));
                        match Entity::from_json_value(value, Some(schema)) {
                            Ok(entity) if is_caller(&entity.uid(), types) => {
                                let message =
                                    "callers come from tokens and credentials, never from a file";
                                self.problem(Kind::Entity, file, place(), message);
                            }
                            Ok(entity) => all.push(entity),
                            Err(error) => self.problem(Kind::Entity, file, place(), chain(error)),
                        }
                    }
                }
                Err(error) => {
                    let place = Place::Path(JsonPath::root());
                    self.problem(Kind::Entity, file, place, error.to_string());
                }
            }
            if self.problems.len() > before {
                return None;
            }
        }
        let made = Entities::from_entities(all, Some(schema));
        made.map_err(|error| {
            let file = self.files.entities.unwrap_or(File { name: "", text: "" });
            self.problem(Kind::Entity, file, Place::Offset(0), chain(error));
        })
        .ok()
    }

    /// The schema's actions, each with the policies that could apply to it.
    fn acts(
        &mut self,
        schema: &Schema,
        declared: &Declared,
        types: &Types,
    ) -> Option<(Vec<Act>, Vec<String>, Paths)> {
        let before = self.problems.len();
        let file = self.files.schemas.first().copied()?;
        for message in ResourceShape::of(declared, types).err().into_iter().flatten() {
            self.problem(Kind::Schema, file, Place::Offset(0), message);
        }
        let mut uids: Vec<&EntityUid> =
            schema.actions().filter(|uid| *uid.type_name() == types.action).collect();
        uids.sort_by_key(|uid| uid.to_string());
        if uids.is_empty() {
            let message = format!("the schema has no action of the type {}", types.action);
            self.problem(Kind::Schema, file, Place::Offset(0), message);
        }
        let actions = schema.action_entities().ok()?;
        let set = self.set.clone();
        let mut slicer = Slicer::new(&set, &actions, types);
        let (mut acts, mut token_types, mut paths): (Vec<Act>, Vec<String>, _) =
            (Vec::new(), Vec::new(), Paths::default());
        for uid in uids {
            let id = uid.id().unescaped().to_owned();
            let (file, place) = self.declaration(&id, file);
            let path = Template::parse(&id).unwrap_or_else(|error| {
                self.problem(Kind::Action, file, place.clone(), format!("action {id:?}: {error}"));
                None
            });
            if let Some(path) = &path
                && let Err(other) = paths.add(path.clone(), acts.len())
            {
                let other = acts.get(other).map_or("another", |act| act.id.as_str());
                let message = format!("action {id:?} is for the same requests as {other:?}");
                self.problem(Kind::Action, file, place.clone(), message);
            }
            let principals: Vec<EntityTypeName> =
                schema.principals_for_action(uid).into_iter().flatten().cloned().collect();
            let resources: Vec<EntityTypeName> =
                schema.resources_for_action(uid).into_iter().flatten().cloned().collect();
            let of_route = [&types.principal, &types.guest]
                .iter()
                .any(|of| principals.contains(of))
                && [&types.application, &types.resource].iter().any(|on| resources.contains(on));
            let context = declared.context(&types.action.namespace(), &id);
            let attributes = context.map(|record| record.attributes()).unwrap_or_default();
            let fields = Fields::of(&attributes, declared, path.as_ref(), of_route);
            let fields = fields.unwrap_or_else(|wrong| {
                for wrong in wrong {
                    let message = format!("action {id:?}: {wrong}");
                    self.problem(Kind::Action, file, place.clone(), message);
                }
                Fields::default()
            });
            let token_type = fields.token.as_ref().map(|token| {
                token_types.iter().position(|known| *known == token.fingerprint).unwrap_or_else(
                    || {
                        token_types.push(token.fingerprint.clone());
                        token_types.len() - 1
                    },
                )
            });
            let mut slices = Vec::new();
            for principal in [&types.principal, &types.guest] {
                for resource in [&types.application, &types.resource] {
                    if !principals.contains(principal) || !resources.contains(resource) {
                        continue;
                    }
                    match slicer.slice(uid, principal, resource) {
                        Ok(slice) => slices.push(slice),
                        Err(error) => {
                            self.problem(Kind::Policy, file, place.clone(), error.to_string());
                        }
                    }
                }
            }
            let whole = match slicer.whole(uid) {
                Ok(whole) => whole,
                Err(error) => {
                    self.problem(Kind::Policy, file, place.clone(), error.to_string());
                    continue;
                }
            };
            let names = |record: Record<'_>| {
                let inner = record.attributes();
                inner.iter().map(|attribute| attribute.name.to_owned()).collect()
            };
            let context = attributes
                .iter()
                .map(|one| (one.name.to_owned(), one.record(declared).map(names)))
                .collect();
            let (uid, applies) = (uid.clone(), (principals, resources));
            acts.push(Act { id, uid, path, fields, token_type, slices, context, applies, whole });
        }
        (self.problems.len() == before).then_some((acts, token_types, paths))
    }

    /// About where the action is declared: Cedar doesn't tell.
    fn declaration(&self, id: &str, first: File<'a>) -> (File<'a>, Place) {
        let quoted = format!("\"{id}\"");
        let mut files = self.files.schemas.iter();
        let found = files.find_map(|file| {
            let offset = file.text.find(&quoted).or_else(|| file.text.find(id))?;
            Some((*file, Place::Offset(offset)))
        });
        found.unwrap_or((first, Place::Offset(0)))
    }
}

impl LoadError {
    fn sort_key(&self) -> (String, usize, String) {
        let offset = match self.place {
            Place::Offset(offset) => offset,
            Place::Path(_) => usize::MAX,
        };
        (self.file.clone(), offset, self.message.clone())
    }
}

/// The actions, and the entities that policies name themselves or lead to from those.
fn named_entities<'a>(
    acts: &[Act],
    parts: impl Iterator<Item = &'a Arc<Part>>,
    entities: &Entities,
) -> Entities {
    let mut seen = HashSet::new();
    // Actions share parts.
    let parts = parts.filter(|part| seen.insert(Arc::as_ptr(part)));
    let policies = parts.flat_map(|part| part.policies.policies());
    let literals = policies.flat_map(|policy| {
        let links = policy.template_links().into_iter().flat_map(HashMap::into_values);
        policy.entity_literals().into_iter().chain(links)
    });
    let actions = entities
        .iter()
        .filter(|entity| acts.iter().any(|act| act.uid.type_name() == entity.uid().type_name()));
    let actions = actions.map(Entity::uid);
    let named = reachable(entities, literals.chain(actions).collect::<Vec<_>>());
    // They were a whole before, so that a part of them is one too.
    Entities::from_entities(named, None).unwrap_or_else(|_| entities.clone())
}

/// A link of a template, in the form of Cedar's own command line.
struct Link {
    template: String,
    id: String,
    values: HashMap<SlotId, EntityUid>,
}

impl Link {
    fn read(value: &Value) -> Result<Self, String> {
        let members = value.as_object().ok_or("a link is an object")?;
        if let Some(name) =
            members.keys().find(|name| !["template_id", "link_id", "args"].contains(&name.as_str()))
        {
            return Err(format!("`{name}` is no member of a link: template_id, link_id, args"));
        }
        let text = |name: &str| {
            let text = members.get(name).and_then(Value::as_str).map(str::to_owned);
            text.ok_or_else(|| format!("a link needs `{name}`, as text"))
        };
        let (template, id) = (text("template_id")?, text("link_id")?);
        let args = members.get("args").and_then(Value::as_object);
        let args = args.ok_or("a link needs `args`, an object")?;
        let mut values = HashMap::new();
        for (name, value) in args {
            let slot = match name.as_str() {
                "?principal" => SlotId::principal(),
                "?resource" => SlotId::resource(),
                _ => return Err(format!("`{name}` is no slot: ?principal, ?resource")),
            };
            let uid = value.as_str().and_then(|text| text.parse().ok());
            let wrong = || format!("`{name}` must be an entity, such as \"User::\\\"alice\\\"\"");
            values.insert(slot, uid.ok_or_else(wrong)?);
        }
        Ok(Self { template, id, values })
    }
}

/// Where Cedar's error is, and what it says, with its advice.
fn told(error: &dyn Diagnostic) -> (Place, String) {
    let label = error.labels().and_then(|mut labels| labels.next());
    let offset = label.as_ref().map_or(0, |label| label.offset());
    let mut message = error.to_string();
    let mut add = |more: String| {
        if !message.contains(&more) {
            message.push_str(": ");
            message.push_str(&more);
        }
    };
    if let Some(label) = label.as_ref().and_then(|label| label.label()) {
        add(label.to_owned());
    }
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        add(inner.to_string());
        source = inner.source();
    }
    if let Some(help) = error.help() {
        add(help.to_string());
    }
    // One problem is one line.
    (Place::Offset(offset), message.replace('\n', " "))
}

/// `@id`, or the file and the place in it.
fn named(file: &str, id: &PolicyId, annotation: Option<&str>) -> String {
    if let Some(id) = annotation.filter(|id| !id.is_empty()) {
        return id.to_owned();
    }
    let stem = file.rsplit('/').next().unwrap_or(file);
    let stem = stem.strip_suffix(".cedar").unwrap_or(stem);
    let number: &str = id.as_ref();
    format!("{stem}[{}]", number.strip_prefix("policy").unwrap_or(number))
}

/// The ids of entities by their types, in order.
fn stored(entities: &Entities, types: &Types) -> BTreeMap<String, Vec<String>> {
    let mut stored: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entity in entities.iter() {
        let uid = entity.uid();
        if *uid.type_name() != types.action {
            let of_kind = stored.entry(uid.type_name().to_string()).or_default();
            of_kind.push(uid.id().unescaped().to_owned());
        }
    }
    stored.values_mut().for_each(|ids| ids.sort_unstable());
    stored
}

fn is_caller(uid: &EntityUid, types: &Types) -> bool {
    [&types.principal, &types.guest].contains(&uid.type_name())
}

/// Policies and links of a set.
pub const MAX_POLICIES: usize = 10_000;
/// Entities of a file. A session's own are put beside them, so that each makes it dearer.
pub const MAX_ENTITIES: usize = 10_000;
