//! Policy documents as written: IAM's JSON grammar, read strictly.
//!
//! Refused are duplicate and unknown members, elements that a kind of policy can't have, and
//! everything over the limits below; all errors of a document are reported at once. Element names
//! and the values of `Effect` and `Version` are case-sensitive, actions, operators and the names of
//! context keys are not
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>).

mod error;
mod read;
#[cfg(test)]
mod tests;

pub use error::{PolicyError, PolicyProblem};

use super::json::JsonPath;
pub(super) use read::read;

/// Most bytes of a policy document; AWS's largest quota is 20 KB, for bucket policies.
pub const MAX_DOCUMENT_BYTES: usize = 512 * 1024;
/// Most statements of a document.
pub const MAX_STATEMENTS: usize = 512;
/// Most values of one list.
pub const MAX_VALUES: usize = 8192;
/// Most bytes of one value: an action, a resource, a value of a condition.
pub const MAX_VALUE_BYTES: usize = 4096;
/// Most bytes of the name of a context key.
pub const MAX_KEY_BYTES: usize = 512;

/// What a policy is attached as; decides its grammar and its place in the evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyKind {
    /// Written into a role.
    Inline,
    /// Attached to a role.
    Managed,
    /// A role's permissions boundary.
    Boundary,
    /// Passed when a session was made.
    Session,
    /// A role's trust policy: who may assume it.
    Trust,
    /// A bucket's or a table's own policy: who may do what with it.
    Resource,
    /// An organization's, for the principals of its accounts (SCP).
    ServiceControl,
    /// An organization's, for the resources of its accounts (RCP).
    ResourceControl,
}

impl PolicyKind {
    /// The kind with its article, as errors name it.
    pub const fn described(self) -> &'static str {
        match self {
            Self::Inline => "an inline policy",
            Self::Managed => "a managed policy",
            Self::Boundary => "a permissions boundary",
            Self::Session => "a session policy",
            Self::Trust => "a trust policy",
            Self::Resource => "a resource-based policy",
            Self::ServiceControl => "a service control policy",
            Self::ResourceControl => "a resource control policy",
        }
    }

    pub(super) const fn grammar(self) -> Grammar {
        let identity = Grammar {
            id: Presence::Forbidden,
            sids: Sids::Plain,
            principal: Presence::Forbidden,
            not_principal: Presence::Forbidden,
            not_action: Presence::Optional,
            resource: Presence::Required,
            short_arns: ShortArns::Padded,
        };
        match self {
            Self::Inline | Self::Managed | Self::Boundary | Self::Session => identity,
            // AWS has no NotPrincipal in trust policies, and the resource is the role itself.
            Self::Trust => Grammar {
                id: Presence::Optional,
                principal: Presence::Required,
                resource: Presence::Forbidden,
                short_arns: ShortArns::PaddedIfWild,
                ..identity
            },
            Self::Resource => Grammar {
                id: Presence::Optional,
                sids: Sids::Any,
                principal: Presence::Required,
                not_principal: Presence::Optional,
                short_arns: ShortArns::PaddedIfWild,
                ..identity
            },
            Self::ServiceControl => Grammar { short_arns: ShortArns::TrailingStar, ..identity },
            // <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_syntax.html>
            Self::ResourceControl => Grammar {
                principal: Presence::Required,
                not_action: Presence::Forbidden,
                short_arns: ShortArns::TrailingStar,
                ..identity
            },
        }
    }
}

/// Which elements a kind of policy has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grammar {
    pub(super) id: Presence,
    pub(super) sids: Sids,
    /// `Principal`, or `NotPrincipal` where there is that.
    pub(super) principal: Presence,
    pub(super) not_principal: Presence,
    pub(super) not_action: Presence,
    pub(super) resource: Presence,
    pub(super) short_arns: ShortArns,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Required,
    Optional,
    Forbidden,
}

/// What a `Sid` may be made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sids {
    /// Letters and digits: what IAM and AWS Organizations take.
    Plain,
    /// Anything: S3 and other services take spaces and more.
    Any,
}

/// What a resource pattern of fewer than six parts means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShortArns {
    /// Missing parts are `*`: identity policies, boundaries, session policies.
    Padded,
    /// So they are if the pattern has a wildcard; else it never matches: resource policies.
    PaddedIfWild,
    /// So they are if the pattern ends in `*`; else it is refused: an organization's policies.
    TrailingStar,
}

/// The version of the policy language. A document without one is of [`Version::V2008`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `2008-10-17`: no policy variables.
    V2008,
    /// `2012-10-17`.
    V2012,
}

/// What a statement does when it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It allows.
    Allow,
    /// It denies, whatever else allows.
    Deny,
}

impl Effect {
    /// `Allow` or `Deny`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        }
    }
}

/// A document's statements, grammar checked, nothing compiled.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) version: Version,
    pub(crate) statements: Vec<StatementSource>,
}

/// One statement. Where an element was wrong it holds a stand-in, and the document is refused.
#[derive(Clone, Debug)]
pub(crate) struct StatementSource {
    pub(crate) path: JsonPath,
    pub(crate) sid: Option<String>,
    pub(crate) effect: Effect,
    pub(crate) principals: Option<PrincipalsSource>,
    pub(crate) actions: Option<Clause>,
    pub(crate) resources: Option<Clause>,
    pub(crate) conditions: Vec<ConditionSource>,
}

/// `Action` or `NotAction`, `Resource` or `NotResource`.
#[derive(Clone, Debug)]
pub(crate) struct Clause {
    pub(crate) sense: Sense,
    pub(crate) values: Vec<Sourced>,
}

/// Whether an element lists what it covers or what it leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sense {
    /// `Action`
    Only,
    /// `NotAction`
    AllBut,
}

/// A string and where it is written.
#[derive(Clone, Debug)]
pub(crate) struct Sourced {
    pub(crate) path: JsonPath,
    pub(crate) text: String,
}

/// `Principal` or `NotPrincipal`.
#[derive(Clone, Debug)]
pub(crate) struct PrincipalsSource {
    pub(crate) sense: Sense,
    /// None for `"*"`.
    pub(crate) listed: Option<Vec<(PrincipalGroup, Sourced)>>,
}

/// The kinds of principals that policies name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrincipalGroup {
    /// Accounts, roles, users, sessions.
    Aws,
    /// Web-identity and SAML providers.
    Federated,
    /// AWS services.
    Service,
    /// S3's canonical users.
    CanonicalUser,
}

/// One key under one operator.
#[derive(Clone, Debug)]
pub(crate) struct ConditionSource {
    pub(crate) operator: Sourced,
    pub(crate) key: Sourced,
    pub(crate) values: Vec<Sourced>,
}
