//! What a simulation comes to, in IAM's words
//! (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html>).

use serde::Serialize;

use super::documents::Position;

/// The answer for one action on one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct EvaluationResult<'s> {
    /// The action.
    pub eval_action_name: &'s str,
    /// The resource.
    pub eval_resource_name: &'s str,
    /// Whether it is allowed.
    pub eval_decision: EvalDecision,
    /// If it is denied, the statements of any layer that deny it; if it is allowed, those of identity
    /// policies and of the resource's policy that allow it.
    pub matched_statements: Vec<MatchedStatement<'s>>,
    /// The context keys that statements ask for which could match, and that weren't given.
    pub missing_context_values: Vec<String>,
    /// What the service control policies say, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organizations_decision_detail: Option<OrganizationsDecisionDetail>,
    /// What the permissions boundary says, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_boundary_decision_detail: Option<PermissionsBoundaryDecisionDetail>,
    /// If the resource is of another account than the caller, what the policies of either say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eval_decision_details: Option<EvalDecisionDetails>,
}

/// Whether something is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum EvalDecision {
    /// It is.
    Allowed,
    /// A statement denies it.
    ExplicitDeny,
    /// Nothing allows it.
    ImplicitDeny,
}

impl EvalDecision {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::ExplicitDeny => "explicitDeny",
            Self::ImplicitDeny => "implicitDeny",
        }
    }
}

/// A statement that decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MatchedStatement<'s> {
    /// `PolicyInputList.1`, or the name of a policy that is known by one.
    pub source_policy_id: &'s str,
    /// `IAM Policy`, `Resource Policy`, ….
    pub source_policy_type: &'static str,
    /// Where it begins, if the document was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_position: Option<Position>,
    /// Where it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_position: Option<Position>,
}

/// What an organization says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct OrganizationsDecisionDetail {
    /// Every level of service control policies allows it, and none denies it.
    pub allowed_by_organizations: bool,
}

/// What a permissions boundary says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PermissionsBoundaryDecisionDetail {
    /// It allows it, and doesn't deny it.
    pub allowed_by_permissions_boundary: bool,
}

/// What the policies of two accounts say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct EvalDecisionDetails {
    /// Those of the caller.
    #[serde(rename = "IAM Policy")]
    pub identity: EvalDecision,
    /// That of the resource.
    #[serde(rename = "Resource Policy")]
    pub resource: EvalDecision,
}

impl EvalDecisionDetails {
    /// As keys and values.
    pub fn pairs(&self) -> [(&'static str, EvalDecision); 2] {
        [("IAM Policy", self.identity), ("Resource Policy", self.resource)]
    }
}
