//! From the files of an export to roles, in two passes: managed policies, then roles.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::error::{AccountError, AccountProblem, PolicyMessage, Subject};
use super::{Account, AccountFile, FileKind, MAX_FILE_BYTES};
use crate::iam::arn::Arn;
use crate::iam::compile::Policy;
use crate::iam::document::{PolicyKind, PolicyProblem};
use crate::iam::json::{JsonPath, Node};
use crate::iam::organization::Organization;
use crate::iam::session::Role;
use crate::iam::set::PolicySet;

/// Loads what all files say, of the account `id`.
pub(super) fn account(
    files: &[AccountFile<'_>],
    id: Option<&str>,
) -> Result<Account, Vec<AccountError>> {
    let mut loader = Loader::default();
    let mut drafts = Vec::new();
    let mut kept = Vec::new();
    for (place, file) in files.iter().enumerate() {
        let Some(node) = loader.parse(file) else { continue };
        if file.kind == FileKind::Roles && !is_export(&node) {
            // A role of its own file: of its text no more is needed, of ten thousand not even one's.
            let detail =
                Detail { kind: file.kind, file: file.name, path: JsonPath::root(), node: &node };
            drafts.push((place, loader.role(&detail)));
        } else {
            kept.push((place, *file, node));
        }
    }
    let mut details = Vec::new();
    for (place, file, node) in &kept {
        loader.sort(*place, file, node, &mut details);
    }
    let of = |kind: FileKind| details.iter().filter(move |(_, detail)| detail.kind == kind);
    for (_, detail) in of(FileKind::Managed) {
        loader.managed(detail);
    }
    let mut organization = Organization::default();
    for (_, detail) in of(FileKind::Organization) {
        loader.organization(detail, &mut organization);
    }
    for (place, detail) in of(FileKind::Roles) {
        drafts.push((*place, loader.role(detail)));
    }
    drafts.sort_by_key(|(place, _)| *place);
    let organization = Arc::new(organization);
    let none = Arc::new(Organization::default());
    let mut seen = HashMap::new();
    let mut roles = Vec::new();
    for (_, draft) in drafts {
        let Some(mut role) = loader.finish(draft, &mut seen) else { continue };
        // Of another account's organization nothing is known.
        let own = id.is_none_or(|id| id == role.arn.account());
        role.organization = Arc::clone(if own { &organization } else { &none });
        roles.push(Arc::new(role));
    }
    let mut resources = HashMap::new();
    for (_, detail) in of(FileKind::Resources) {
        loader.resource(detail, &mut resources);
    }
    let resources = resources.into_iter().map(|(arn, found)| (arn, found.policy)).collect();
    match loader.errors.is_empty() {
        true => Ok(Account::new(id.map(str::to_owned), roles, resources, organization)),
        false => Err(loader.errors),
    }
}

/// Whether it is the output for a whole account.
fn is_export(node: &Node) -> bool {
    EXPORTED.iter().any(|(name, _)| node.member(name).is_some())
}

const EXPORTED: [(&str, FileKind); 2] =
    [("RoleDetailList", FileKind::Roles), ("Policies", FileKind::Managed)];

/// One role or managed policy, and where it is written.
pub(super) struct Detail<'n> {
    kind: FileKind,
    pub(super) file: &'n str,
    pub(super) path: JsonPath,
    pub(super) node: &'n Node,
}

#[derive(Default)]
pub(super) struct Loader<'n> {
    pub(super) errors: Vec<AccountError>,
    /// What is being read.
    pub(super) subject: Option<Subject>,
    managed: HashMap<&'n str, Managed<'n>>,
}

/// A role whose attached policies aren't looked up yet.
struct Draft {
    file: String,
    subject: Option<Subject>,
    /// Where its ARN is written.
    path: JsonPath,
    /// None if it can't be made, which has been reported.
    role: Option<Role>,
    inline: Vec<Arc<Policy>>,
    /// The ARNs of managed policies, and where they are written.
    attached: Vec<(JsonPath, String)>,
    boundary: Option<(JsonPath, String)>,
}

/// A managed policy; `policy` is none if its document is wrong, which has been reported.
struct Managed<'n> {
    file: &'n str,
    name: &'n str,
    document: Option<&'n Node>,
    policy: Option<Arc<Policy>>,
    /// As a boundary, once it is one.
    boundary: Option<PolicySet>,
}

const DEFAULT_SESSION_DURATION: u32 = 3600;
const MAX_SESSION_DURATION: u32 = 43_200;

impl<'n> Loader<'n> {
    fn parse(&mut self, file: &AccountFile<'n>) -> Option<Node> {
        let problem = if file.text.len() > MAX_FILE_BYTES {
            AccountProblem::TooLarge
        } else {
            match Node::parse(file.text) {
                Ok(node @ Node::Object(_)) => return Some(node),
                Ok(other) => {
                    let expected = "an object as the AWS CLI prints it";
                    AccountProblem::WrongType { expected, found: other.type_name() }
                }
                Err(error) => AccountProblem::Syntax(error.to_string()),
            }
        };
        self.error(file.name, &JsonPath::root(), problem);
        None
    }

    /// Takes a file apart into its roles and policies.
    fn sort(
        &mut self,
        place: usize,
        file: &AccountFile<'n>,
        node: &'n Node,
        details: &mut Vec<(usize, Detail<'n>)>,
    ) {
        if !matches!(file.kind, FileKind::Roles | FileKind::Managed) || !is_export(node) {
            let (kind, file, path) = (file.kind, file.name, JsonPath::root());
            return details.push((place, Detail { kind, file, path, node }));
        }
        self.unique_members(file.name, &JsonPath::root(), node);
        for (name, kind) in EXPORTED {
            let path = JsonPath::root().key(name);
            let file = file.name;
            for (index, node) in self.list(file, &path, node.member(name)).iter().enumerate() {
                details.push((place, Detail { kind, file, path: path.index(index), node }));
            }
        }
    }

    fn managed(&mut self, detail: &Detail<'n>) {
        let Detail { file, path, node, .. } = detail;
        self.subject = subject("policy", "PolicyName", path, node);
        self.unique_members(file, path, node);
        let Some((arn_text, arn)) = self.arn(file, path, node) else { return };
        if arn.service() != "iam" || !arn.resource().starts_with("policy/") {
            let expected = "a managed policy".to_owned();
            let problem = AccountProblem::WrongArn { arn: arn_text.to_owned(), expected };
            return self.error(file, &path.key("Arn"), problem);
        }
        if let Some(earlier) = self.managed.get(arn_text) {
            let (arn, earlier) = (arn_text.to_owned(), earlier.file.to_owned());
            let problem = AccountProblem::Duplicate { arn, earlier };
            return self.error(file, &path.key("Arn"), problem);
        }
        let name = node.member("PolicyName").and_then(Node::text).unwrap_or(arn_text);
        let document = self.default_version(detail);
        let policy = document.as_ref().and_then(|(path, document)| {
            let subject = format!("policy {name}");
            self.policy(file, path, (name, &subject), PolicyKind::Managed, document)
        });
        let document = document.map(|(_, document)| document);
        self.managed.insert(arn_text, Managed { file, name, document, policy, boundary: None });
    }

    fn default_version(&mut self, detail: &Detail<'n>) -> Option<(JsonPath, &'n Node)> {
        let Detail { file, path, node, .. } = detail;
        let at = path.key("PolicyVersionList");
        let versions = self.list(file, &at, node.member("PolicyVersionList"));
        let default = node.member("DefaultVersionId").and_then(Node::text);
        let is_default = |version: &Node| match default {
            Some(id) => version.member("VersionId").and_then(Node::text) == Some(id),
            None => version.member("IsDefaultVersion") == Some(&Node::Bool(true)),
        };
        let mut defaults = versions.iter().enumerate().filter(|(_, version)| is_default(version));
        let (Some((index, version)), None) = (defaults.next(), defaults.next()) else {
            self.error(file, &at, AccountProblem::NoDefaultVersion);
            return None;
        };
        let at = at.index(index);
        self.unique_members(file, &at, version);
        let document = self.required(file, &at, version, "Document")?;
        Some((at.key("Document"), document))
    }

    /// A role but for its attached policies, which may be in a file that comes later.
    fn role(&mut self, detail: &Detail<'_>) -> Draft {
        let Detail { file, path, node, .. } = detail;
        self.subject = subject("role", "RoleName", path, node);
        self.unique_members(file, path, node);
        let arn = self.arn(file, path, node);
        let name = self.required_text(file, path, node, "RoleName");
        let id = self.required_text(file, path, node, "RoleId");
        let trust = self.trust(detail, name.unwrap_or_default());
        let inline = self.inline(detail);
        let attached = self.attached(detail);
        let boundary = self.boundary(detail);
        let max_session_duration = self.session_duration(detail);
        let tags = self.tags(detail);
        let path = path.key("Arn");
        let mut role = None;
        if let (Some((text, arn)), Some(name), Some(id)) = (arn, name, id) {
            let named = arn.resource().strip_prefix("role/");
            let named = named.and_then(|rest| rest.rsplit('/').next());
            if arn.service() != "iam" || named != Some(name) {
                let expected = format!("the role {name}");
                let problem = AccountProblem::WrongArn { arn: text.to_owned(), expected };
                self.error(file, &path, problem);
            }
            role = trust.map(|trust| Role {
                arn,
                name: name.to_owned(),
                id: id.to_owned(),
                trust: trust.into(),
                policies: PolicySet::default(),
                boundary: None,
                organization: Arc::default(),
                max_session_duration,
                tags,
            });
        }
        let (file, subject) = ((*file).to_owned(), self.subject.take());
        Draft { file, subject, path, role, inline, attached, boundary }
    }

    /// The role, with the policies that are attached to it.
    fn finish(&mut self, draft: Draft, seen: &mut HashMap<String, String>) -> Option<Role> {
        let Draft { file, subject, path, role, inline: mut policies, attached, boundary } = draft;
        self.subject = subject;
        for (at, arn) in attached {
            match self.managed.get(arn.as_str()) {
                Some(managed) => policies.extend(managed.policy.clone()),
                None => self.error(&file, &at, AccountProblem::UnknownPolicy(arn)),
            }
        }
        let boundary = boundary.and_then(|(at, arn)| self.as_boundary(&file, &at, &arn));
        let mut role = role?;
        if let Some(earlier) = seen.insert(role.arn.as_str().to_owned(), file.clone()) {
            let arn = role.arn.as_str().to_owned();
            self.error(&file, &path, AccountProblem::Duplicate { arn, earlier });
        }
        (role.policies, role.boundary) = (policies.into(), boundary);
        Some(role)
    }

    /// A managed policy as a boundary, compiled once for all roles.
    fn as_boundary(&mut self, file: &str, at: &JsonPath, arn: &str) -> Option<PolicySet> {
        let Some(managed) = self.managed.get(arn) else {
            self.error(file, at, AccountProblem::UnknownPolicy(arn.to_owned()));
            return None;
        };
        if managed.boundary.is_some() {
            return managed.boundary.clone();
        }
        // Its errors have been reported where it is written; the grammar is the same.
        managed.policy.as_ref()?;
        let (file, name, document) = (managed.file, managed.name, managed.document?);
        let root = JsonPath::root();
        let policy = self.policy(file, &root, (name, name), PolicyKind::Boundary, document)?;
        let boundary = PolicySet::from(policy);
        if let Some(managed) = self.managed.get_mut(arn) {
            managed.boundary = Some(boundary.clone());
        }
        Some(boundary)
    }

    fn trust(&mut self, detail: &Detail<'_>, role: &str) -> Option<Arc<Policy>> {
        let Detail { file, path, node, .. } = detail;
        let member = "AssumeRolePolicyDocument";
        let document = self.required(file, path, node, member)?;
        let name = format!("{role} trust policy");
        let subject = format!("{}, trust policy", self.about());
        self.policy(file, &path.key(member), (&name, &subject), PolicyKind::Trust, document)
    }

    fn inline(&mut self, detail: &Detail<'_>) -> Vec<Arc<Policy>> {
        let Detail { file, path, node, .. } = detail;
        let at = path.key("RolePolicyList");
        let (mut policies, mut names) = (Vec::new(), HashSet::new());
        for (index, item) in self.list(file, &at, node.member("RolePolicyList")).iter().enumerate()
        {
            let at = at.index(index);
            self.unique_members(file, &at, item);
            let name = self.required_text(file, &at, item, "PolicyName");
            if let Some(name) = name.filter(|name| !names.insert(*name)) {
                let problem = AccountProblem::DuplicateName(name.to_owned());
                self.error(file, &at.key("PolicyName"), problem);
            }
            let Some(document) = self.required(file, &at, item, "PolicyDocument") else { continue };
            let at = at.key("PolicyDocument");
            let name = name.unwrap_or_default();
            let subject = format!("{}, policy {name}", self.about());
            let named = (name, subject.as_str());
            policies.extend(self.policy(file, &at, named, PolicyKind::Inline, document));
        }
        policies
    }

    fn attached(&mut self, detail: &Detail<'_>) -> Vec<(JsonPath, String)> {
        let Detail { file, path, node, .. } = detail;
        let at = path.key("AttachedManagedPolicies");
        let mut attached = Vec::new();
        for (index, item) in
            self.list(file, &at, node.member("AttachedManagedPolicies")).iter().enumerate()
        {
            let at = at.index(index);
            self.unique_members(file, &at, item);
            let arn = self.required_text(file, &at, item, "PolicyArn");
            attached.extend(arn.map(|arn| (at.key("PolicyArn"), arn.to_owned())));
        }
        attached
    }

    fn boundary(&mut self, detail: &Detail<'_>) -> Option<(JsonPath, String)> {
        let Detail { file, path, node, .. } = detail;
        let boundary = node.member("PermissionsBoundary").filter(|node| **node != Node::Null)?;
        let at = path.key("PermissionsBoundary");
        let arn = self.required_text(file, &at, boundary, "PermissionsBoundaryArn")?;
        Some((at.key("PermissionsBoundaryArn"), arn.to_owned()))
    }

    fn session_duration(&mut self, detail: &Detail<'_>) -> u32 {
        let Some(node) = detail.node.member("MaxSessionDuration") else {
            return DEFAULT_SESSION_DURATION;
        };
        let text = match node {
            Node::Number { text, .. } => text.as_str(),
            other => other.type_name(),
        };
        match text.parse() {
            Ok(seconds @ DEFAULT_SESSION_DURATION..=MAX_SESSION_DURATION) => seconds,
            _ => {
                let problem = AccountProblem::SessionDuration(text.to_owned());
                self.error(detail.file, &detail.path.key("MaxSessionDuration"), problem);
                DEFAULT_SESSION_DURATION
            }
        }
    }

    fn tags(&mut self, detail: &Detail<'_>) -> Vec<(String, String)> {
        let Detail { file, path, node, .. } = detail;
        let at = path.key("Tags");
        let mut tags = Vec::new();
        for (index, item) in self.list(file, &at, node.member("Tags")).iter().enumerate() {
            let at = at.index(index);
            self.unique_members(file, &at, item);
            let key = self.required_text(file, &at, item, "Key");
            let value = self.required_text(file, &at, item, "Value");
            tags.extend(key.zip(value).map(|(k, v)| (k.to_owned(), v.to_owned())));
        }
        tags
    }

    /// What is being read, for the names of what is in it.
    fn about(&self) -> &str {
        self.subject.as_ref().map_or("role", |subject| &subject.name)
    }

    /// Compiles a document: an object, or a string of JSON, percent-encoded as the API has it. It has
    /// a name in decisions and one in errors.
    pub(super) fn policy(
        &mut self,
        file: &str,
        path: &JsonPath,
        (name, subject): (&str, &str),
        kind: PolicyKind,
        document: &Node,
    ) -> Option<Arc<Policy>> {
        let subject = Subject { name: subject.to_owned(), path: path.clone() };
        let around = self.subject.replace(subject);
        let policy = self.compile(file, path, name, kind, document);
        self.subject = around;
        policy
    }

    fn compile(
        &mut self,
        file: &str,
        path: &JsonPath,
        name: &str,
        kind: PolicyKind,
        document: &Node,
    ) -> Option<Arc<Policy>> {
        let (result, inside_string) = match document {
            Node::Text(text) => match decoded(text) {
                Some(json) => (Policy::parse(name, kind, &json), true),
                None => {
                    self.error(file, path, AccountProblem::Encoding);
                    return None;
                }
            },
            node => (Policy::from_node(name, kind, node), false),
        };
        match result {
            Ok(policy) => Some(Arc::new(policy.written_at(file, path))),
            Err(errors) => {
                for error in errors {
                    let inside_string =
                        inside_string && !matches!(error.problem, PolicyProblem::Syntax(_));
                    let at = if inside_string { path.clone() } else { path.join(&error.path) };
                    let message = PolicyMessage { error, inside_string };
                    self.error(file, &at, AccountProblem::Policy(message));
                }
                None
            }
        }
    }

    pub(super) fn arn<'x>(
        &mut self,
        file: &str,
        path: &JsonPath,
        node: &'x Node,
    ) -> Option<(&'x str, Arn)> {
        let text = self.required_text(file, path, node, "Arn")?;
        match Arn::parse(text) {
            Ok(arn) => Some((text, arn)),
            Err(error) => {
                self.error(file, &path.key("Arn"), error.into());
                None
            }
        }
    }

    pub(super) fn required<'x>(
        &mut self,
        file: &str,
        path: &JsonPath,
        node: &'x Node,
        name: &'static str,
    ) -> Option<&'x Node> {
        let member = node.member(name);
        if member.is_none() {
            self.error(file, path, AccountProblem::Missing(name));
        }
        member
    }

    pub(super) fn required_text<'x>(
        &mut self,
        file: &str,
        path: &JsonPath,
        node: &'x Node,
        name: &'static str,
    ) -> Option<&'x str> {
        let member = self.required(file, path, node, name)?;
        let text = member.text();
        if text.is_none() {
            self.wrong_type(file, &path.key(name), "a string", member);
        }
        text
    }

    /// The items of an optional list.
    pub(super) fn list<'x>(
        &mut self,
        file: &str,
        path: &JsonPath,
        node: Option<&'x Node>,
    ) -> &'x [Node] {
        match node {
            None | Some(Node::Null) => &[],
            Some(Node::List(items)) => items,
            Some(other) => {
                self.wrong_type(file, path, "an array", other);
                &[]
            }
        }
    }

    pub(super) fn unique_members(&mut self, file: &str, path: &JsonPath, node: &Node) {
        let Node::Object(members) = node else {
            return self.wrong_type(file, path, "an object", node);
        };
        for name in Node::duplicates(members) {
            let problem = AccountProblem::DuplicateMember(name.to_owned());
            self.error(file, &path.key(name), problem);
        }
    }

    pub(super) fn wrong_type(
        &mut self,
        file: &str,
        path: &JsonPath,
        expected: &'static str,
        node: &Node,
    ) {
        let found = node.type_name();
        self.error(file, path, AccountProblem::WrongType { expected, found });
    }

    pub(super) fn error(&mut self, file: &str, path: &JsonPath, problem: AccountProblem) {
        let (file, path, subject) = (file.to_owned(), path.clone(), self.subject.clone());
        self.errors.push(AccountError { file, path, subject, problem });
    }
}

/// A role or policy by its name, or by its ARN; none if it has neither.
fn subject(what: &str, member: &str, path: &JsonPath, node: &Node) -> Option<Subject> {
    let name = [member, "Arn"].iter().find_map(|member| node.member(member)?.text())?;
    Some(Subject { name: format!("{what} {name}"), path: path.clone() })
}

/// JSON as it is, or percent-decoded (RFC 3986: `+` is a plus).
pub(in crate::iam) fn decoded(text: &str) -> Option<std::borrow::Cow<'_, str>> {
    if text.trim_start().starts_with('{') {
        return Some(text.into());
    }
    percent_encoding::percent_decode_str(text).decode_utf8().ok()
}
