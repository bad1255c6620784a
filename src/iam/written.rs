//! Policies as they are written, with their places: for who judges policies and no request.
//!
//! What is read here has been loaded by [`Account`](super::Account) without an error. So nothing is
//! reported a second time: what isn't as it should be is passed over.

use super::account::{FileKind, decoded};
use super::document::{Document, PolicyKind, StatementSource, Version, read};
use super::json::{JsonPath, Node};
use super::pattern::Case;
use super::variable::{Template, Wildcards};

/// A policy document.
#[derive(Debug)]
pub(crate) struct Written {
    /// What its file calls it.
    pub(crate) name: String,
    pub(crate) kind: PolicyKind,
    /// Where it is in its file.
    path: JsonPath,
    /// It is a string of JSON, into which no place of the file leads.
    inside_string: bool,
    pub(crate) version: Version,
    pub(crate) statements: Vec<StatementSource>,
}

/// A role.
#[derive(Debug)]
pub(crate) struct WrittenRole {
    pub(crate) name: String,
    pub(crate) arn: String,
    /// Where its ARN is.
    pub(crate) path: JsonPath,
    pub(crate) trust: Option<Written>,
    pub(crate) inline: Vec<Written>,
    /// ARNs of managed policies.
    pub(crate) attached: Vec<String>,
    pub(crate) boundary: Option<String>,
}

/// A managed policy.
#[derive(Debug)]
pub(crate) struct WrittenManaged {
    pub(crate) arn: String,
    /// Where its ARN is.
    pub(crate) path: JsonPath,
    pub(crate) policy: Written,
}

/// A level of an organization's control policies.
#[derive(Debug)]
pub(crate) struct WrittenLevel {
    pub(crate) path: JsonPath,
    pub(crate) kind: PolicyKind,
    pub(crate) policies: Vec<Written>,
}

/// What a file holds.
#[derive(Debug, Default)]
pub(crate) struct WrittenFile {
    pub(crate) roles: Vec<WrittenRole>,
    pub(crate) managed: Vec<WrittenManaged>,
    /// The policy of a resource, with the resource's ARN.
    pub(crate) resource: Option<(String, Written)>,
    /// Levels of control policies.
    pub(crate) levels: Vec<WrittenLevel>,
}

impl WrittenFile {
    /// Reads a file of that kind.
    pub(crate) fn read(kind: FileKind, text: &str) -> Self {
        let mut file = Self::default();
        let Ok(node) = Node::parse(text) else { return file };
        let root = JsonPath::root();
        let details = |name: &str| {
            let at = root.key(name);
            let items = items(node.member(name)).iter().enumerate();
            items.map(move |(index, item)| (at.index(index), item)).collect::<Vec<_>>()
        };
        let (roles, policies) = (details("RoleDetailList"), details("Policies"));
        file.roles.extend(roles.iter().filter_map(|(at, node)| role(at, node)));
        file.managed.extend(policies.iter().filter_map(|(at, node)| managed(at, node)));
        match kind {
            FileKind::Roles => file.roles.extend(role(&root, &node)),
            FileKind::Managed => file.managed.extend(managed(&root, &node)),
            FileKind::Resources => {
                file.resource = text_of(&node, "Resource").and_then(|arn| {
                    let (at, kind) = (root.key("Policy"), PolicyKind::Resource);
                    Some((arn.to_owned(), written(&at, arn, kind, &node, "Policy")?))
                });
            }
            FileKind::Organization => {
                for (member, short, kind) in [
                    ("ServiceControlPolicies", "SCP", PolicyKind::ServiceControl),
                    ("ResourceControlPolicies", "RCP", PolicyKind::ResourceControl),
                ] {
                    let at = root.key(member);
                    for (level, documents) in items(node.member(member)).iter().enumerate() {
                        let at = at.index(level);
                        let documents = items(Some(documents)).iter().enumerate();
                        let of = |(place, node)| {
                            let name = format!("{short}[{level}][{place}]");
                            document(&at.index(place), &name, kind, node)
                        };
                        let policies = documents.filter_map(of).collect();
                        file.levels.push(WrittenLevel { path: at.clone(), kind, policies });
                    }
                }
            }
        }
        file
    }
}

impl Written {
    /// The place in the file of what is at `path` in the document.
    pub(crate) fn place(&self, path: &JsonPath) -> JsonPath {
        match self.inside_string {
            true => self.path.clone(),
            false => self.path.join(path),
        }
    }
}

fn role(at: &JsonPath, node: &Node) -> Option<WrittenRole> {
    let (name, arn) = (text_of(node, "RoleName")?, text_of(node, "Arn")?);
    let trust = "AssumeRolePolicyDocument";
    let trust =
        written(&at.key(trust), &format!("{name} trust policy"), PolicyKind::Trust, node, trust);
    let list = at.key("RolePolicyList");
    let inline =
        items(node.member("RolePolicyList")).iter().enumerate().filter_map(|(index, node)| {
            let at = list.index(index).key("PolicyDocument");
            let name = text_of(node, "PolicyName").unwrap_or_default();
            written(&at, name, PolicyKind::Inline, node, "PolicyDocument")
        });
    let attached = items(node.member("AttachedManagedPolicies")).iter();
    let attached = attached.filter_map(|node| text_of(node, "PolicyArn"));
    let boundary = node.member("PermissionsBoundary");
    let boundary = boundary.and_then(|node| text_of(node, "PermissionsBoundaryArn"));
    Some(WrittenRole {
        name: name.to_owned(),
        arn: arn.to_owned(),
        path: at.key("Arn"),
        trust,
        inline: inline.collect(),
        attached: attached.map(str::to_owned).collect(),
        boundary: boundary.map(str::to_owned),
    })
}

fn managed(at: &JsonPath, node: &Node) -> Option<WrittenManaged> {
    let arn = text_of(node, "Arn")?;
    let name = text_of(node, "PolicyName").unwrap_or(arn);
    let default = text_of(node, "DefaultVersionId");
    let versions = items(node.member("PolicyVersionList"));
    let index = versions.iter().position(|version| match default {
        Some(id) => text_of(version, "VersionId") == Some(id),
        None => version.member("IsDefaultVersion") == Some(&Node::Bool(true)),
    })?;
    let path = at.key("PolicyVersionList").index(index).key("Document");
    let policy = written(&path, name, PolicyKind::Managed, versions.get(index)?, "Document")?;
    Some(WrittenManaged { arn: arn.to_owned(), path: at.key("Arn"), policy })
}

fn written(
    path: &JsonPath,
    name: &str,
    kind: PolicyKind,
    node: &Node,
    member: &str,
) -> Option<Written> {
    document(path, name, kind, node.member(member)?)
}

fn document(path: &JsonPath, name: &str, kind: PolicyKind, node: &Node) -> Option<Written> {
    let mut errors = Vec::new();
    let (Document { version, statements }, inside_string) = match node {
        Node::Text(text) => (read(&Node::parse(&decoded(text)?).ok()?, kind, &mut errors), true),
        node => (read(node, kind, &mut errors), false),
    };
    let (name, path) = (name.to_owned(), path.clone());
    Some(Written { name, kind, path, inside_string, version, statements })
}

fn text_of<'n>(node: &'n Node, name: &str) -> Option<&'n str> {
    node.member(name).and_then(Node::text)
}

fn items(node: Option<&Node>) -> &[Node] {
    match node {
        Some(Node::List(items)) => items,
        _ => &[],
    }
}

/// A pattern of a policy, without variables.
#[derive(Debug)]
pub(crate) struct Glob(Option<Template>);

impl Glob {
    /// The pattern `text`.
    pub(crate) fn new(text: &str) -> Self {
        Self(Template::parse(text, Version::V2008, Wildcards::Active).ok())
    }

    /// Does all of `text` match, letters compared exactly?
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.0.as_ref().is_some_and(|template| template.matches_fixed(text, Case::Sensitive))
    }

    /// The same without regard to the case of ASCII letters, as actions are matched.
    pub(crate) fn matches_action(&self, text: &str) -> bool {
        self.0.as_ref().is_some_and(|template| template.matches_fixed(text, Case::Ignored))
    }
}
