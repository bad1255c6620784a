//! Answers of IAM's policy simulator: the XML of the query protocol.

use ::http::{Response, StatusCode};

use super::query::{self, element};
use crate::{
    gate::{DecisionId, Denial, IamContent, Simulated},
    iam::simulate::{EvaluationResult, MatchedStatement, Position},
    upstream::AnswerBody,
};

/// An answer of the service.
pub(super) fn answered(content: &IamContent, id: &DecisionId) -> Response<AnswerBody> {
    match content {
        IamContent::Simulated(simulated) => {
            query::answered(NAMESPACE, simulated.operation(), &page(simulated), id)
        }
        IamContent::ContextKeys { operation, keys } => {
            let mut xml = String::new();
            within(&mut xml, "ContextKeyNames", |xml| {
                keys.iter().for_each(|key| element(xml, "member", key));
            });
            query::answered(NAMESPACE, operation, &xml, id)
        }
    }
}

/// A denial as an error.
pub(super) fn denied(denial: &Denial, id: &DecisionId) -> Response<AnswerBody> {
    query::denied(NAMESPACE, status, denial, id)
}

fn page(simulated: &Simulated) -> String {
    let mut xml = String::new();
    let mut next = None;
    within(&mut xml, "EvaluationResults", |xml| {
        next = simulated.each(|result| within(xml, "member", |xml| whole(xml, result)));
    });
    element(&mut xml, "IsTruncated", truth(next.is_some()));
    if let Some(next) = next {
        element(&mut xml, "Marker", &next.to_string());
    }
    xml
}

/// A result; of a resource that was named, once more where newer programs look for it.
fn whole(xml: &mut String, result: &EvaluationResult<'_>) {
    element(xml, "EvalActionName", result.eval_action_name);
    element(xml, "EvalResourceName", result.eval_resource_name);
    element(xml, "EvalDecision", result.eval_decision.as_str());
    details(xml, result);
    if let Some(organization) = &result.organizations_decision_detail {
        within(xml, "OrganizationsDecisionDetail", |xml| {
            element(xml, "AllowedByOrganizations", truth(organization.allowed_by_organizations));
        });
    }
    if result.eval_resource_name != "*" {
        within(xml, "ResourceSpecificResults", |xml| {
            within(xml, "member", |xml| {
                element(xml, "EvalResourceName", result.eval_resource_name);
                element(xml, "EvalResourceDecision", result.eval_decision.as_str());
                details(xml, result);
            });
        });
    }
}

fn details(xml: &mut String, result: &EvaluationResult<'_>) {
    within(xml, "MatchedStatements", |xml| {
        for matched in &result.matched_statements {
            within(xml, "member", |xml| statement(xml, matched));
        }
    });
    within(xml, "MissingContextValues", |xml| {
        result.missing_context_values.iter().for_each(|key| element(xml, "member", key));
    });
    if let Some(boundary) = &result.permissions_boundary_decision_detail {
        within(xml, "PermissionsBoundaryDecisionDetail", |xml| {
            let allowed = boundary.allowed_by_permissions_boundary;
            element(xml, "AllowedByPermissionsBoundary", truth(allowed));
        });
    }
    if let Some(details) = &result.eval_decision_details {
        within(xml, "EvalDecisionDetails", |xml| {
            for (key, value) in details.pairs() {
                within(xml, "entry", |xml| {
                    element(xml, "key", key);
                    element(xml, "value", value.as_str());
                });
            }
        });
    }
}

fn statement(xml: &mut String, matched: &MatchedStatement<'_>) {
    element(xml, "SourcePolicyId", matched.source_policy_id);
    element(xml, "SourcePolicyType", matched.source_policy_type);
    let mut place = |name, position: Option<Position>| {
        let Some(Position { line, column }) = position else { return };
        within(xml, name, |xml| {
            element(xml, "Line", &line.to_string());
            element(xml, "Column", &column.to_string());
        });
    };
    place("StartPosition", matched.start_position);
    place("EndPosition", matched.end_position);
}

/// An element of elements.
fn within(xml: &mut String, name: &str, content: impl FnOnce(&mut String)) {
    for part in ["<", name, ">"] {
        xml.push_str(part);
    }
    content(xml);
    for part in ["</", name, ">"] {
        xml.push_str(part);
    }
}

fn truth(holds: bool) -> &'static str {
    if holds { "true" } else { "false" }
}

/// The statuses of the service's model; 400 where it has none.
fn status(code: &str) -> StatusCode {
    match code {
        "NoSuchEntity" => StatusCode::NOT_FOUND,
        _ => StatusCode::BAD_REQUEST,
    }
}

const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

#[cfg(test)]
mod tests;
