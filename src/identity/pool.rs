//! An identity pool as the AWS CLI prints it: the output of `describe-identity-pool`,
//! `get-identity-pool-roles` and `get-principal-tag-attribute-map`, merged.

use crate::iam::{Arn, JsonPath};

use super::json::{Node, duplicates, member};
use super::pool_error::{PoolError, PoolProblem};

/// Most bytes of an export.
pub const MAX_POOL_BYTES: usize = 4 * 1024 * 1024;
/// Most rules of one provider: the quota of Amazon Cognito.
pub const MAX_RULES: usize = 25;

/// An identity pool.
#[derive(Clone, Debug)]
pub struct IdentityPool {
    pub(super) id: String,
    pub(super) guests: bool,
    pub(super) classic: Option<bool>,
    pub(super) user_pools: Vec<UserPoolProvider>,
    pub(super) oidc: Vec<String>,
    pub(super) social: Vec<(String, String)>,
    pub(super) authenticated: Option<String>,
    pub(super) unauthenticated: Option<String>,
    pub(super) mappings: Vec<(String, RoleMapping)>,
    pub(super) tags: Vec<(String, TagMapping)>,
}

/// A user pool whose tokens are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPoolProvider {
    /// `cognito-idp.<region>.amazonaws.com/<pool id>`.
    pub name: String,
    /// The app client.
    pub client: String,
    /// `ServerSideTokenCheck`.
    pub server_side_token_check: bool,
}

/// What is done when a mapping doesn't decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ambiguity {
    /// The pool's role for authenticated identities.
    AuthenticatedRole,
    /// A refusal.
    Deny,
}

/// How roles are chosen for one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleMapping {
    /// By the token's `cognito:preferred_role` and `cognito:roles`.
    Token(Ambiguity),
    /// By the first rule that matches.
    Rules(Vec<Rule>, Ambiguity),
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The claim.
    pub claim: String,
    /// How it is compared.
    pub match_type: MatchType,
    /// With what.
    pub value: String,
    /// The role's ARN.
    pub role: String,
}

/// How a rule compares, case-sensitively.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchType {
    /// The same.
    Equals,
    /// A substring.
    Contains,
    /// A prefix.
    StartsWith,
    /// Present and not the same.
    NotEqual,
}

/// Which claims become principal tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagMapping(pub(super) Vec<(String, String)>);

impl IdentityPool {
    /// Reads an export. Unknown members are passed over, since AWS adds to them.
    ///
    /// # Errors
    /// All that is wrong with it, duplicate members included.
    pub fn parse(json: &str) -> Result<Self, Vec<PoolError>> {
        let root = JsonPath::root();
        let one = |problem| vec![PoolError { path: JsonPath::root(), problem }];
        if json.len() > MAX_POOL_BYTES {
            return Err(one(PoolProblem::TooLarge(MAX_POOL_BYTES)));
        }
        let node: Node =
            serde_json::from_str(json).map_err(|e| one(PoolProblem::Syntax(e.to_string())))?;
        if !matches!(node, Node::Object(_)) {
            return Err(one(PoolProblem::Expected("an object")));
        }
        let mut reader = Reader::default();
        let mut twice = Vec::new();
        duplicates(&node, &root, &mut twice);
        for path in twice {
            reader.fail(&path, PoolProblem::Duplicate);
        }
        let pool = reader.pool(&node, &root);
        if reader.errors.is_empty() { Ok(pool) } else { Err(reader.errors) }
    }

    /// `region:uuid`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The region in front of the id.
    pub fn region(&self) -> &str {
        self.id.split_once(':').map_or("", |(region, _)| region)
    }

    /// `AllowUnauthenticatedIdentities`.
    pub fn allows_guests(&self) -> bool {
        self.guests
    }

    /// `AllowClassicFlow`; unset means allowed.
    pub fn classic_flow(&self) -> Option<bool> {
        self.classic
    }

    /// Has any provider a role mapping?
    pub fn maps_roles(&self) -> bool {
        !self.mappings.is_empty()
    }

    /// The providers that map roles (user pools: `<provider>:<client>`), and how.
    pub fn role_mappings(&self) -> impl Iterator<Item = (&str, &RoleMapping)> {
        self.mappings.iter().map(|(provider, mapping)| (provider.as_str(), mapping))
    }

    /// Is `name` a provider of the pool, as `Logins` names it?
    pub fn has_provider(&self, name: &str) -> bool {
        self.user_pools.iter().any(|pool| pool.name == name)
            || self.oidc.iter().any(|known| known == name)
            || self.social.iter().any(|(known, _)| known == name)
    }

    /// `arn:aws:cognito-identity:region:account:identitypool/id`.
    pub fn arn(&self, account: &str) -> String {
        let (region, id) = (self.region(), &self.id);
        let partition = match region {
            r if r.starts_with("cn-") => "aws-cn",
            r if r.starts_with("us-gov-") => "aws-us-gov",
            r if r.starts_with("eusc-") => "aws-eusc",
            _ => "aws",
        };
        format!("arn:{partition}:cognito-identity:{region}:{account}:identitypool/{id}")
    }

    /// The user pools.
    pub fn user_pools(&self) -> &[UserPoolProvider] {
        &self.user_pools
    }

    /// The role for authenticated identities.
    pub fn authenticated_role(&self) -> Option<&str> {
        self.authenticated.as_deref()
    }

    /// The role for guests.
    pub fn unauthenticated_role(&self) -> Option<&str> {
        self.unauthenticated.as_deref()
    }

    /// Every role the pool names itself (tokens and groups may name more), sorted.
    pub fn roles(&self) -> Vec<&str> {
        let rules = self.mappings.iter().flat_map(|(_, mapping)| match mapping {
            RoleMapping::Token(_) => &[][..],
            RoleMapping::Rules(rules, _) => rules.as_slice(),
        });
        let mut roles: Vec<&str> = rules.map(|rule| rule.role.as_str()).collect();
        roles.extend(self.authenticated.as_deref());
        roles.extend(self.unauthenticated.as_deref());
        roles.sort_unstable();
        roles.dedup();
        roles
    }
}

#[derive(Default)]
struct Reader {
    errors: Vec<PoolError>,
}

impl Reader {
    fn fail(&mut self, path: &JsonPath, problem: PoolProblem) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(PoolError { path: path.clone(), problem });
        }
    }

    fn pool(&mut self, node: &Node, at: &JsonPath) -> IdentityPool {
        let id = self.required(node, at, "IdentityPoolId");
        if !id.is_empty() && !is_pool_id(&id) {
            let what =
                "an identity pool's id, like `eu-west-1:7c5b0000-0000-4000-8000-000000000000`";
            self.fail(&at.key("IdentityPoolId"), PoolProblem::Expected(what));
        }
        let roles_at = at.key("Roles");
        let none = Node::Null;
        let roles = member(node, "Roles").unwrap_or(&none);
        let user_pools = self.user_pools(node, at);
        let mut oidc = Vec::new();
        for (path, arn) in self.list(node, at, "OpenIdConnectProviderARNs") {
            match oidc_name(text(arn)) {
                Some(name) => oidc.push(name.to_owned()),
                None => {
                    self.fail(&path, PoolProblem::Expected("the ARN of an OpenID Connect provider"))
                }
            }
        }
        for (path, arn) in self.list(node, at, "SamlProviderARNs") {
            if Arn::parse(text(arn)).is_err() {
                self.fail(&path, PoolProblem::Expected("the ARN of a SAML provider"));
            }
        }
        let social = self
            .members(node, at, "SupportedLoginProviders")
            .into_iter()
            .filter_map(|(path, name, value)| match value {
                Node::Text(app) => Some((name.to_owned(), app.clone())),
                _ => {
                    self.fail(&path, PoolProblem::Expected("a string"));
                    None
                }
            })
            .collect();
        let mut pool = IdentityPool {
            id,
            guests: self.flag(node, at, "AllowUnauthenticatedIdentities").unwrap_or(false),
            classic: self.flag(node, at, "AllowClassicFlow"),
            user_pools,
            oidc,
            social,
            authenticated: self.role(roles, &roles_at, "authenticated"),
            unauthenticated: self.role(roles, &roles_at, "unauthenticated"),
            mappings: Vec::new(),
            tags: Vec::new(),
        };
        if !matches!(roles, Node::Null | Node::Object(_)) {
            self.fail(&roles_at, PoolProblem::Expected("an object"));
        }
        for (path, key, value) in self.members(node, at, "RoleMappings") {
            // CloudFormation's keys are labels; the real one is in `IdentityProvider`.
            let provider = match member(value, "IdentityProvider") {
                Some(Node::Text(provider)) => provider,
                _ => key,
            };
            let provider = oidc_name(provider).unwrap_or(provider).to_owned();
            if pool.user_pools.iter().any(|known| known.name == provider) {
                self.fail(&path, PoolProblem::MappingWithoutClient);
            }
            if pool.mappings.iter().any(|(known, _)| *known == provider) {
                self.fail(&path, PoolProblem::Duplicate);
            }
            if let Some(mapping) = self.mapping(value, &path) {
                // Such a provider could give its users any role whose trust policy allows the pool.
                if matches!(mapping, RoleMapping::Token(_)) && !is_user_pool_client(&provider) {
                    self.fail(&path.key("Type"), PoolProblem::TokenMapping);
                }
                pool.mappings.push((provider, mapping));
            }
        }
        for (path, key, value) in self.members(node, at, "PrincipalTags") {
            let provider = oidc_name(key).unwrap_or(key).to_owned();
            if pool.tags.iter().any(|(known, _)| *known == provider) {
                self.fail(&path, PoolProblem::Duplicate);
            }
            let tags = self.tags(value, &path);
            pool.tags.push((provider, tags));
        }
        pool
    }

    fn user_pools(&mut self, node: &Node, at: &JsonPath) -> Vec<UserPoolProvider> {
        let mut pools = Vec::new();
        for (path, item) in self.list(node, at, "CognitoIdentityProviders") {
            pools.push(UserPoolProvider {
                name: self.required(item, &path, "ProviderName"),
                client: self.required(item, &path, "ClientId"),
                server_side_token_check: self
                    .flag(item, &path, "ServerSideTokenCheck")
                    .unwrap_or(false),
            });
        }
        pools
    }

    fn mapping(&mut self, node: &Node, at: &JsonPath) -> Option<RoleMapping> {
        let ambiguity = match self.required(node, at, "AmbiguousRoleResolution").as_str() {
            "AuthenticatedRole" => Ambiguity::AuthenticatedRole,
            "Deny" => Ambiguity::Deny,
            "" => return None,
            _ => {
                let what = "`AuthenticatedRole` or `Deny`";
                self.fail(&at.key("AmbiguousRoleResolution"), PoolProblem::Expected(what));
                return None;
            }
        };
        match self.required(node, at, "Type").as_str() {
            "Token" => Some(RoleMapping::Token(ambiguity)),
            "Rules" => {
                let at = at.key("RulesConfiguration");
                let none = Node::Null;
                let rules = member(node, "RulesConfiguration").unwrap_or(&none);
                let list = self.list(rules, &at, "Rules");
                if list.is_empty() {
                    self.fail(&at, PoolProblem::Missing("Rules"));
                }
                if list.len() > MAX_RULES {
                    self.fail(&at.key("Rules"), PoolProblem::TooLarge(MAX_RULES));
                }
                let rules = list.into_iter().filter_map(|(path, rule)| self.rule(rule, &path));
                Some(RoleMapping::Rules(rules.collect(), ambiguity))
            }
            "" => None,
            _ => {
                self.fail(&at.key("Type"), PoolProblem::Expected("`Token` or `Rules`"));
                None
            }
        }
    }

    fn rule(&mut self, node: &Node, at: &JsonPath) -> Option<Rule> {
        let match_type = match self.required(node, at, "MatchType").as_str() {
            "Equals" => MatchType::Equals,
            "Contains" => MatchType::Contains,
            "StartsWith" => MatchType::StartsWith,
            "NotEqual" => MatchType::NotEqual,
            _ => {
                let what = "`Equals`, `Contains`, `StartsWith` or `NotEqual`";
                self.fail(&at.key("MatchType"), PoolProblem::Expected(what));
                return None;
            }
        };
        let (claim, value) = (self.required(node, at, "Claim"), self.required(node, at, "Value"));
        for (name, text, most) in [("Claim", &claim, 64), ("Value", &value, 128)] {
            if text.chars().count() > most {
                self.fail(&at.key(name), PoolProblem::TooLarge(most));
            }
        }
        if member(node, "RoleARN").is_none() {
            self.fail(at, PoolProblem::Missing("RoleARN"));
        }
        let role = self.role(node, at, "RoleARN")?;
        Some(Rule { claim, match_type, value, role })
    }

    fn tags(&mut self, node: &Node, at: &JsonPath) -> TagMapping {
        if self.flag(node, at, "UseDefaults") == Some(true) {
            let defaults = [("client", "aud"), ("username", "sub")];
            return TagMapping(
                defaults.map(|(tag, claim)| (tag.to_owned(), claim.to_owned())).to_vec(),
            );
        }
        let mut tags: Vec<(String, String)> = Vec::new();
        let members = self.members(node, at, "PrincipalTags");
        if members.len() > MAX_TAGS {
            self.fail(&at.key("PrincipalTags"), PoolProblem::TooLarge(MAX_TAGS));
        }
        for (path, key, value) in members {
            let claim = text(value);
            if key.is_empty() || key.chars().count() > 128 {
                self.fail(&path, PoolProblem::Expected("a tag key of 1 to 128 characters"));
            } else if claim.is_empty() || claim.chars().count() > 256 {
                self.fail(&path, PoolProblem::Expected("a claim's name of 1 to 256 characters"));
            } else if tags.iter().any(|(known, _)| known.eq_ignore_ascii_case(key)) {
                // IAM compares tag keys without regard to case.
                self.fail(&path, PoolProblem::Duplicate);
            } else {
                tags.push((key.to_owned(), claim.to_owned()));
            }
        }
        TagMapping(tags)
    }

    fn required(&mut self, node: &Node, at: &JsonPath, name: &'static str) -> String {
        match member(node, name) {
            Some(Node::Text(text)) if !text.is_empty() => return text.clone(),
            None => self.fail(at, PoolProblem::Missing(name)),
            Some(_) => self.fail(&at.key(name), PoolProblem::Expected("a string that isn't empty")),
        }
        String::new()
    }

    fn flag(&mut self, node: &Node, at: &JsonPath, name: &str) -> Option<bool> {
        match member(node, name)? {
            Node::Bool(flag) => return Some(*flag),
            _ => self.fail(&at.key(name), PoolProblem::Expected("true or false")),
        }
        None
    }

    fn role(&mut self, node: &Node, at: &JsonPath, name: &str) -> Option<String> {
        match member(node, name)? {
            Node::Text(arn) if is_role(arn) => return Some(arn.clone()),
            _ => self.fail(&at.key(name), PoolProblem::Expected("a role's ARN")),
        }
        None
    }

    fn list<'n>(&mut self, node: &'n Node, at: &JsonPath, name: &str) -> Vec<(JsonPath, &'n Node)> {
        let at = at.key(name);
        match member(node, name) {
            None => Vec::new(),
            Some(Node::List(items)) => {
                items.iter().enumerate().map(|(index, item)| (at.index(index), item)).collect()
            }
            Some(_) => {
                self.fail(&at, PoolProblem::Expected("an array"));
                Vec::new()
            }
        }
    }

    fn members<'n>(
        &mut self,
        node: &'n Node,
        at: &JsonPath,
        name: &str,
    ) -> Vec<(JsonPath, &'n str, &'n Node)> {
        let at = at.key(name);
        match member(node, name) {
            None => Vec::new(),
            Some(Node::Object(members)) => {
                members.iter().map(|(key, value)| (at.key(key), key.as_str(), value)).collect()
            }
            Some(_) => {
                self.fail(&at, PoolProblem::Expected("an object"));
                Vec::new()
            }
        }
    }
}

fn text(node: &Node) -> &str {
    match node {
        Node::Text(text) => text,
        _ => "",
    }
}

/// `host/path` of an OpenID Connect provider's ARN.
fn oidc_name(arn: &str) -> Option<&str> {
    Arn::parse(arn).ok().filter(|arn| arn.service() == "iam")?;
    arn.split_once(":oidc-provider/").map(|(_, name)| name).filter(|name| !name.is_empty())
}

/// `cognito-idp.<region>.amazonaws.com/<pool id>:<client>`.
fn is_user_pool_client(provider: &str) -> bool {
    let pool = provider.strip_prefix("cognito-idp.").and_then(|name| name.split_once('/'));
    pool.is_some_and(|(_, pool)| pool.contains(':'))
}

fn is_role(arn: &str) -> bool {
    Arn::parse(arn).is_ok_and(|arn| {
        arn.service() == "iam"
            && arn.resource().strip_prefix("role/").is_some_and(|n| !n.is_empty())
    })
}

/// `[\w-]+:[0-9a-f-]+`, at most 55 long (IdentityPoolId of the Cognito API).
fn is_pool_id(id: &str) -> bool {
    id.len() <= 55
        && id.split_once(':').is_some_and(|(region, uuid)| {
            let word = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            let hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-');
            !region.is_empty()
                && !uuid.is_empty()
                && region.bytes().all(word)
                && uuid.bytes().all(hex)
        })
}

const MAX_TAGS: usize = 50;
const MAX_ERRORS: usize = 100;
