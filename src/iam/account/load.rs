//! From the files of an export to roles, in two passes: managed policies, then roles.

use std::collections::HashMap;
use std::sync::Arc;

use super::error::{AccountError, AccountProblem, PolicyMessage};
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
    let parsed: Vec<(AccountFile<'_>, Node)> =
        files.iter().filter_map(|file| Some((*file, loader.parse(file)?))).collect();
    let mut details = Vec::new();
    for (file, node) in &parsed {
        loader.sort(file, node, &mut details);
    }
    let of = |kind: FileKind| details.iter().filter(move |detail| detail.kind == kind);
    for detail in of(FileKind::Managed) {
        loader.managed(detail);
    }
    let mut organization = Organization::default();
    for detail in of(FileKind::Organization) {
        loader.organization(detail, &mut organization);
    }
    let organization = Arc::new(organization);
    let none = Arc::new(Organization::default());
    let mut seen = HashMap::new();
    let mut roles = Vec::new();
    for detail in of(FileKind::Roles) {
        let Some(mut role) = loader.role(detail, &mut seen) else { continue };
        // Of another account's organization nothing is known.
        let own = id.is_none_or(|id| id == role.arn.account());
        role.organization = Arc::clone(if own { &organization } else { &none });
        roles.push(Arc::new(role));
    }
    let mut resources = HashMap::new();
    for detail in of(FileKind::Resources) {
        loader.resource(detail, &mut resources);
    }
    let resources = resources.into_iter().map(|(arn, found)| (arn, found.policy)).collect();
    match loader.errors.is_empty() {
        true => Ok(Account::new(id.map(str::to_owned), roles, resources, organization)),
        false => Err(loader.errors),
    }
}

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
    managed: HashMap<&'n str, Managed<'n>>,
}

/// A managed policy; `policy` is none if its document is wrong, which has been reported.
struct Managed<'n> {
    file: &'n str,
    name: &'n str,
    document: Option<&'n Node>,
    policy: Option<Arc<Policy>>,
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
    fn sort(&mut self, file: &AccountFile<'n>, node: &'n Node, details: &mut Vec<Detail<'n>>) {
        let lists = [("RoleDetailList", FileKind::Roles), ("Policies", FileKind::Managed)];
        let exports = matches!(file.kind, FileKind::Roles | FileKind::Managed);
        let whole = exports && lists.iter().any(|(name, _)| node.member(name).is_some());
        if !whole {
            let (kind, file, path) = (file.kind, file.name, JsonPath::root());
            return details.push(Detail { kind, file, path, node });
        }
        self.unique_members(file.name, &JsonPath::root(), node);
        for (name, kind) in lists {
            let path = JsonPath::root().key(name);
            let file = file.name;
            for (index, node) in self.list(file, &path, node.member(name)).iter().enumerate() {
                details.push(Detail { kind, file, path: path.index(index), node });
            }
        }
    }

    fn managed(&mut self, detail: &Detail<'n>) {
        let Detail { file, path, node, .. } = detail;
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
            self.policy(file, path, name, PolicyKind::Managed, document)
        });
        let document = document.map(|(_, document)| document);
        self.managed.insert(arn_text, Managed { file, name, document, policy });
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

    fn role(&mut self, detail: &Detail<'n>, seen: &mut HashMap<&'n str, &'n str>) -> Option<Role> {
        let Detail { file, path, node, .. } = detail;
        self.unique_members(file, path, node);
        let arn = self.arn(file, path, node);
        let name = self.required_text(file, path, node, "RoleName");
        let id = self.required_text(file, path, node, "RoleId");
        let trust = self.trust(detail, name.unwrap_or_default());
        let mut policies = self.inline(detail);
        policies.extend(self.attached(detail));
        let boundary = self.boundary(detail);
        let max_session_duration = self.session_duration(detail);
        let tags = self.tags(detail);
        let (arn_text, arn) = arn?;
        let (name, id) = (name?, id?);
        let path = path.key("Arn");
        if let Some(earlier) = seen.insert(arn_text, file) {
            let (arn, earlier) = (arn_text.to_owned(), earlier.to_owned());
            self.error(file, &path, AccountProblem::Duplicate { arn, earlier });
        }
        let named = arn.resource().strip_prefix("role/").and_then(|rest| rest.rsplit('/').next());
        if arn.service() != "iam" || named != Some(name) {
            let expected = format!("the role {name}");
            let problem = AccountProblem::WrongArn { arn: arn_text.to_owned(), expected };
            self.error(file, &path, problem);
        }
        Some(Role {
            arn,
            name: name.to_owned(),
            id: id.to_owned(),
            trust: trust?.into(),
            policies: policies.into(),
            boundary,
            organization: Arc::default(),
            max_session_duration,
            tags,
        })
    }

    fn trust(&mut self, detail: &Detail<'n>, role: &str) -> Option<Arc<Policy>> {
        let Detail { file, path, node, .. } = detail;
        let member = "AssumeRolePolicyDocument";
        let document = self.required(file, path, node, member)?;
        let name = format!("{role} trust policy");
        self.policy(file, &path.key(member), &name, PolicyKind::Trust, document)
    }

    fn inline(&mut self, detail: &Detail<'n>) -> Vec<Arc<Policy>> {
        let Detail { file, path, node, .. } = detail;
        let at = path.key("RolePolicyList");
        let mut policies = Vec::new();
        for (index, item) in self.list(file, &at, node.member("RolePolicyList")).iter().enumerate()
        {
            let at = at.index(index);
            self.unique_members(file, &at, item);
            let name = self.required_text(file, &at, item, "PolicyName");
            let Some(document) = self.required(file, &at, item, "PolicyDocument") else { continue };
            let at = at.key("PolicyDocument");
            let name = name.unwrap_or_default();
            policies.extend(self.policy(file, &at, name, PolicyKind::Inline, document));
        }
        policies
    }

    fn attached(&mut self, detail: &Detail<'n>) -> Vec<Arc<Policy>> {
        let Detail { file, path, node, .. } = detail;
        let at = path.key("AttachedManagedPolicies");
        let mut policies = Vec::new();
        for (index, item) in
            self.list(file, &at, node.member("AttachedManagedPolicies")).iter().enumerate()
        {
            let at = at.index(index);
            self.unique_members(file, &at, item);
            let Some(arn) = self.required_text(file, &at, item, "PolicyArn") else { continue };
            match self.managed.get(arn) {
                Some(managed) => policies.extend(managed.policy.clone()),
                None => {
                    let problem = AccountProblem::UnknownPolicy(arn.to_owned());
                    self.error(file, &at.key("PolicyArn"), problem);
                }
            }
        }
        policies
    }

    fn boundary(&mut self, detail: &Detail<'n>) -> Option<PolicySet> {
        let Detail { file, path, node, .. } = detail;
        let boundary = node.member("PermissionsBoundary").filter(|node| **node != Node::Null)?;
        let at = path.key("PermissionsBoundary");
        let arn = self.required_text(file, &at, boundary, "PermissionsBoundaryArn")?;
        let Some(managed) = self.managed.get(arn) else {
            let problem = AccountProblem::UnknownPolicy(arn.to_owned());
            self.error(file, &at.key("PermissionsBoundaryArn"), problem);
            return None;
        };
        // Its errors have been reported where it is written; the grammar is the same.
        managed.policy.as_ref()?;
        let (file, name, document) = (managed.file, managed.name, managed.document?);
        self.policy(file, &JsonPath::root(), name, PolicyKind::Boundary, document).map(Into::into)
    }

    fn session_duration(&mut self, detail: &Detail<'n>) -> u32 {
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

    fn tags(&mut self, detail: &Detail<'n>) -> Vec<(String, String)> {
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

    /// Compiles a document: an object, or a string of JSON, percent-encoded as the API has it.
    pub(super) fn policy(
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
            Ok(policy) => Some(Arc::new(policy)),
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

    pub(super) fn arn(
        &mut self,
        file: &str,
        path: &JsonPath,
        node: &'n Node,
    ) -> Option<(&'n str, Arn)> {
        let text = self.required_text(file, path, node, "Arn")?;
        match Arn::parse(text) {
            Ok(arn) => Some((text, arn)),
            Err(error) => {
                self.error(file, &path.key("Arn"), error.into());
                None
            }
        }
    }

    pub(super) fn required(
        &mut self,
        file: &str,
        path: &JsonPath,
        node: &'n Node,
        name: &'static str,
    ) -> Option<&'n Node> {
        let member = node.member(name);
        if member.is_none() {
            self.error(file, path, AccountProblem::Missing(name));
        }
        member
    }

    pub(super) fn required_text(
        &mut self,
        file: &str,
        path: &JsonPath,
        node: &'n Node,
        name: &'static str,
    ) -> Option<&'n str> {
        let member = self.required(file, path, node, name)?;
        let text = member.text();
        if text.is_none() {
            self.wrong_type(file, &path.key(name), "a string", member);
        }
        text
    }

    /// The items of an optional list.
    pub(super) fn list(
        &mut self,
        file: &str,
        path: &JsonPath,
        node: Option<&'n Node>,
    ) -> &'n [Node] {
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
        self.errors.push(AccountError { file: file.to_owned(), path: path.clone(), problem });
    }
}

/// JSON as it is, or percent-decoded (RFC 3986: `+` is a plus).
fn decoded(text: &str) -> Option<std::borrow::Cow<'_, str>> {
    if text.trim_start().starts_with('{') {
        return Some(text.into());
    }
    percent_encoding::percent_decode_str(text).decode_utf8().ok()
}
