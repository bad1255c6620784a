//! From JSON to a [`Document`], collecting every error.

use super::{
    Clause, ConditionSource, Document, Effect, MAX_DOCUMENT_BYTES, MAX_STATEMENTS, MAX_VALUE_BYTES,
    MAX_VALUES, PolicyError, PolicyKind, PolicyProblem, Presence, PrincipalGroup, PrincipalsSource,
    Sense, Sids, Sourced, StatementSource, Version,
};
use crate::iam::json::{JsonPath, Node};

/// Reads a document. What it returns is only of use if `errors` stays empty.
pub(in crate::iam) fn read(
    node: &Node,
    kind: PolicyKind,
    errors: &mut Vec<PolicyError>,
) -> Document {
    let mut reader = Reader { kind, errors, sids: Vec::new() };
    let path = JsonPath::root();
    if node.weight() > MAX_DOCUMENT_BYTES {
        reader.limit(&path, "bytes in the document", MAX_DOCUMENT_BYTES);
        return Document { version: Version::V2008, statements: Vec::new() };
    }
    reader.document(node, &path)
}

struct Reader<'e> {
    kind: PolicyKind,
    errors: &'e mut Vec<PolicyError>,
    sids: Vec<String>,
}

const DOCUMENT_MEMBERS: &[&str] = &["Version", "Id", "Statement"];
const STATEMENT_MEMBERS: &[&str] = &[
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];
const PRINCIPAL_MEMBERS: &[&str] = &["AWS", "Federated", "Service", "CanonicalUser"];

impl Reader<'_> {
    fn document(&mut self, node: &Node, path: &JsonPath) -> Document {
        let mut document = Document { version: Version::V2008, statements: Vec::new() };
        if !self.members(node, path, "a policy document", DOCUMENT_MEMBERS) {
            return document;
        }
        if let Some(version) = node.member("Version") {
            document.version = self.version(version, &path.key("Version"));
        }
        if let Some(id) = node.member("Id") {
            let path = path.key("Id");
            if self.kind.grammar().id == Presence::Forbidden {
                self.error(&path, PolicyProblem::NotAllowed { member: "Id", kind: self.kind });
            } else {
                self.string(id, &path);
            }
        }
        let at = path.key("Statement");
        match node.member("Statement") {
            None => self.error(
                path,
                PolicyProblem::MissingMember("Statement", "write a list of statements"),
            ),
            Some(Node::List(items)) if items.is_empty() => {
                self.error(&at, PolicyProblem::EmptyList("statement"));
            }
            Some(Node::List(items)) if items.len() > MAX_STATEMENTS => {
                self.limit(&at, "statements", MAX_STATEMENTS);
            }
            Some(Node::List(items)) => {
                for (index, item) in items.iter().enumerate() {
                    document.statements.push(self.statement(item, &at.index(index)));
                }
            }
            Some(single) => document.statements.push(self.statement(single, &at)),
        }
        document
    }

    fn version(&mut self, node: &Node, path: &JsonPath) -> Version {
        match self.string(node, path).as_deref() {
            Some("2012-10-17") => Version::V2012,
            Some("2008-10-17") | None => Version::V2008,
            Some(other) => {
                self.error(path, PolicyProblem::Version(other.to_owned()));
                // Read on as the newer one, whose values are checked more closely.
                Version::V2012
            }
        }
    }

    fn statement(&mut self, node: &Node, path: &JsonPath) -> StatementSource {
        let mut statement = StatementSource {
            path: path.clone(),
            sid: None,
            effect: Effect::Deny,
            principals: None,
            actions: None,
            resources: None,
            conditions: Vec::new(),
        };
        if !self.members(node, path, "a statement", STATEMENT_MEMBERS) {
            return statement;
        }
        statement.sid = node.member("Sid").and_then(|sid| self.sid(sid, &path.key("Sid")));
        match node.member("Effect") {
            None => self
                .error(path, PolicyProblem::MissingMember("Effect", "write \"Allow\" or \"Deny\"")),
            Some(effect) => statement.effect = self.effect(effect, &path.key("Effect")),
        }
        statement.principals = self.principals(node, path, statement.effect);
        statement.actions = self.clause(node, path, ["Action", "NotAction"], Presence::Required);
        if node.member("NotAction").is_some()
            && self.kind.grammar().not_action == Presence::Forbidden
        {
            let problem = PolicyProblem::NotAllowed { member: "NotAction", kind: self.kind };
            self.error(&path.key("NotAction"), problem);
        }
        let presence = self.kind.grammar().resource;
        statement.resources = self.clause(node, path, ["Resource", "NotResource"], presence);
        if let Some(conditions) = node.member("Condition") {
            statement.conditions = self.conditions(conditions, &path.key("Condition"));
        }
        if self.kind == PolicyKind::ResourceControl
            && statement.effect == Effect::Allow
            && !allows_everything(&statement)
        {
            self.error(&path.key("Effect"), PolicyProblem::ControlAllows);
        }
        statement
    }

    fn sid(&mut self, node: &Node, path: &JsonPath) -> Option<String> {
        let sid = self.string(node, path)?;
        let plain = sid.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if self.kind.grammar().sids == Sids::Plain && !plain {
            self.error(path, PolicyProblem::Sid(sid));
            return None;
        }
        if sid.is_empty() {
            return None;
        }
        if self.sids.contains(&sid) {
            self.error(path, PolicyProblem::DuplicateSid(sid.clone()));
        }
        self.sids.push(sid.clone());
        Some(sid)
    }

    fn effect(&mut self, node: &Node, path: &JsonPath) -> Effect {
        match self.string(node, path).as_deref() {
            Some("Allow") => Effect::Allow,
            Some("Deny") | None => Effect::Deny,
            Some(other) => {
                self.error(path, PolicyProblem::Effect(other.to_owned()));
                Effect::Deny
            }
        }
    }

    fn principals(
        &mut self,
        node: &Node,
        path: &JsonPath,
        effect: Effect,
    ) -> Option<PrincipalsSource> {
        let grammar = self.kind.grammar();
        let (name, presence, sense) = match (node.member("Principal"), node.member("NotPrincipal"))
        {
            (None, None) => {
                if grammar.principal == Presence::Required {
                    let advice = match self.kind {
                        PolicyKind::Trust => {
                            "write who the statement is about, such as {\"Federated\": \"cognito-identity.amazonaws.com\"}"
                        }
                        _ => "write who the statement is about: \"*\", or {\"AWS\": ARN}",
                    };
                    self.error(path, PolicyProblem::MissingMember("Principal", advice));
                }
                return None;
            }
            (Some(_), Some(_)) if grammar.not_principal != Presence::Forbidden => {
                let problem = PolicyProblem::Conflict("Principal", "NotPrincipal");
                self.error(&path.key("NotPrincipal"), problem);
                return None;
            }
            (_, Some(_)) => ("NotPrincipal", grammar.not_principal, Sense::AllBut),
            (Some(_), None) => ("Principal", grammar.principal, Sense::Only),
        };
        let at = path.key(name);
        if presence == Presence::Forbidden {
            self.error(&at, PolicyProblem::NotAllowed { member: name, kind: self.kind });
            return None;
        }
        if sense == Sense::AllBut && effect == Effect::Allow {
            self.error(&at, PolicyProblem::AllowsAllBut);
        }
        let listed = self.listed_principals(node.member(name)?, &at)?;
        let everyone = listed
            .iter()
            .flatten()
            .any(|(group, name)| *group == PrincipalGroup::Aws && name.text == "*");
        if self.kind == PolicyKind::ResourceControl && listed.is_some() && !everyone {
            let advice =
                "a resource control policy is about everyone; write \"*\", and a condition";
            let written = listed.iter().flatten().map(|(_, name)| name.text.clone()).collect();
            self.error(&at, PolicyProblem::Principal { written, advice });
        }
        Some(PrincipalsSource { sense, listed })
    }

    /// The principals of a list; `Some(None)` for `"*"`.
    #[expect(clippy::option_option, reason = "no list, the list of everyone, a list")]
    fn listed_principals(
        &mut self,
        principal: &Node,
        at: &JsonPath,
    ) -> Option<Option<Vec<(PrincipalGroup, Sourced)>>> {
        if let Node::Text(text) = principal {
            if text != "*" {
                let advice = "write \"*\" or an object such as {\"AWS\": \"123456789012\"}";
                self.error(at, PolicyProblem::Principal { written: text.clone(), advice });
            }
            return Some(None);
        }
        if !self.members(principal, at, "a principal", PRINCIPAL_MEMBERS) {
            return None;
        }
        let mut listed = Vec::new();
        for (name, group) in PRINCIPAL_MEMBERS.iter().copied().zip([
            PrincipalGroup::Aws,
            PrincipalGroup::Federated,
            PrincipalGroup::Service,
            PrincipalGroup::CanonicalUser,
        ]) {
            if let Some(values) = principal.member(name) {
                let values = self.strings(values, &at.key(name), "principal");
                listed.extend(values.into_iter().map(|value| (group, value)));
            }
        }
        if matches!(principal, Node::Object(members) if members.is_empty()) {
            self.error(at, PolicyProblem::EmptyList("principal"));
        }
        Some(Some(listed))
    }

    fn clause(
        &mut self,
        node: &Node,
        path: &JsonPath,
        [only, all_but]: [&'static str; 2],
        presence: Presence,
    ) -> Option<Clause> {
        let (name, sense, values) = match (node.member(only), node.member(all_but)) {
            (None, None) => {
                if presence == Presence::Required {
                    let advice = "a statement needs it or its Not… form";
                    self.error(path, PolicyProblem::MissingMember(only, advice));
                }
                return None;
            }
            (Some(_), Some(_)) => {
                self.error(&path.key(all_but), PolicyProblem::Conflict(only, all_but));
                return None;
            }
            (Some(values), None) => (only, Sense::Only, values),
            (None, Some(values)) => (all_but, Sense::AllBut, values),
        };
        let at = path.key(name);
        if presence == Presence::Forbidden {
            self.error(&at, PolicyProblem::NotAllowed { member: name, kind: self.kind });
            return None;
        }
        Some(Clause { sense, values: self.strings(values, &at, "value") })
    }

    fn conditions(&mut self, node: &Node, path: &JsonPath) -> Vec<ConditionSource> {
        let mut conditions = Vec::new();
        let Some(operators) = self.object(node, path) else { return conditions };
        for (operator, keys) in operators {
            let at = path.key(operator);
            let Some(keys) = self.object(keys, &at) else { continue };
            let operator = Sourced { path: at.clone(), text: operator.clone() };
            if keys.is_empty() {
                // Nothing to hold, but the operator's name is checked all the same.
                if crate::iam::condition::Operator::parse(&operator.text).is_none() {
                    self.error(&at, PolicyProblem::Operator(operator.text.clone()));
                }
            }
            for (key, values) in keys {
                let at = at.key(key);
                let values = self.scalars(values, &at);
                let key = Sourced { path: at, text: key.clone() };
                conditions.push(ConditionSource { operator: operator.clone(), key, values });
            }
        }
        conditions
    }

    /// The values of a condition: strings, numbers and booleans become strings.
    fn scalars(&mut self, node: &Node, path: &JsonPath) -> Vec<Sourced> {
        let scalar = |reader: &mut Self, node: &Node, path: &JsonPath| {
            let text = match node {
                Node::Text(text) => text.clone(),
                Node::Bool(value) => value.to_string(),
                Node::Number { text, exact: true } => text.clone(),
                Node::Number { text, exact: false } => {
                    let advice = "write a number of more than 15 digits as a string";
                    reader.error(path, PolicyProblem::Value { written: text.clone(), advice });
                    return None;
                }
                other => {
                    let expected = "a string, a number, a boolean, or a list of them";
                    reader.wrong_type(path, expected, other);
                    return None;
                }
            };
            reader.sized(text, path)
        };
        self.list(node, path, scalar)
    }

    /// A string or a list of at least one.
    fn strings(&mut self, node: &Node, path: &JsonPath, item: &'static str) -> Vec<Sourced> {
        if matches!(node, Node::List(items) if items.is_empty()) {
            self.error(path, PolicyProblem::EmptyList(item));
        }
        self.list(node, path, |reader, node, path| {
            let Node::Text(text) = node else {
                reader.wrong_type(path, "a string or a list of strings", node);
                return None;
            };
            reader.sized(text.clone(), path)
        })
    }

    fn list(
        &mut self,
        node: &Node,
        path: &JsonPath,
        mut item: impl FnMut(&mut Self, &Node, &JsonPath) -> Option<String>,
    ) -> Vec<Sourced> {
        let mut values = Vec::new();
        match node {
            Node::List(items) if items.len() > MAX_VALUES => {
                self.limit(path, "values in one list", MAX_VALUES);
            }
            Node::List(items) => {
                for (index, node) in items.iter().enumerate() {
                    let path = path.index(index);
                    if let Some(text) = item(self, node, &path) {
                        values.push(Sourced { path, text });
                    }
                }
            }
            single => {
                if let Some(text) = item(self, single, path) {
                    values.push(Sourced { path: path.clone(), text });
                }
            }
        }
        values
    }

    fn sized(&mut self, text: String, path: &JsonPath) -> Option<String> {
        if text.len() > MAX_VALUE_BYTES {
            self.limit(path, "bytes in one value", MAX_VALUE_BYTES);
            return None;
        }
        Some(text)
    }

    fn string(&mut self, node: &Node, path: &JsonPath) -> Option<String> {
        let Node::Text(text) = node else {
            self.wrong_type(path, "a string", node);
            return None;
        };
        self.sized(text.clone(), path)
    }

    /// The members of an object, duplicates reported.
    fn object<'n>(&mut self, node: &'n Node, path: &JsonPath) -> Option<&'n [(String, Node)]> {
        let Node::Object(members) = node else {
            self.wrong_type(path, "an object", node);
            return None;
        };
        for name in Node::duplicates(members) {
            self.error(&path.key(name), PolicyProblem::DuplicateMember(name.to_owned()));
        }
        Some(members)
    }

    /// Is `node` an object? Reports the members that `what` doesn't have.
    fn members(&mut self, node: &Node, path: &JsonPath, what: &str, allowed: &[&str]) -> bool {
        let Some(members) = self.object(node, path) else { return false };
        for (name, _) in members.iter().filter(|(name, _)| !allowed.contains(&name.as_str())) {
            let advice = match allowed.iter().find(|known| known.eq_ignore_ascii_case(name)) {
                Some(known) => format!("names are case-sensitive, write {known:?}"),
                None => format!("{what} has {}", allowed.join(", ")),
            };
            let problem = PolicyProblem::UnknownMember { member: name.clone(), advice };
            self.error(&path.key(name), problem);
        }
        true
    }

    fn wrong_type(&mut self, path: &JsonPath, expected: &'static str, found: &Node) {
        let found = found.type_name();
        self.error(path, PolicyProblem::WrongType { expected, found });
    }

    fn limit(&mut self, path: &JsonPath, what: &'static str, limit: usize) {
        self.error(path, PolicyProblem::Limit { what, limit });
    }

    fn error(&mut self, path: &JsonPath, problem: PolicyProblem) {
        self.errors.push(PolicyError { path: path.clone(), problem });
    }
}

/// The one Allow that resource control policies have: RCPFullAWSAccess.
fn allows_everything(statement: &StatementSource) -> bool {
    let all = |clause: &Option<Clause>| {
        clause.as_ref().is_some_and(|clause| {
            clause.sense == Sense::Only && clause.values.iter().any(|value| value.text == "*")
        })
    };
    all(&statement.actions) && all(&statement.resources) && statement.conditions.is_empty()
}
