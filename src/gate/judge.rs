//! The last stage: do the policies allow every check?

use serde_json::{Value, json};

use super::{Denial, Refusal, Trail, decide::misconfigured};
use crate::iam::{Account, Action, Check, Context, Session, StatementRef, Verdict};

/// How a denial is worded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wording {
    /// With the resource as it is.
    Plain,
    /// As S3 words it: with the resource in quotes, and nothing told to nobody.
    S3,
}

/// Asks IAM about every check, of which there must be one: the statements that allow them.
pub(super) fn judge(
    (account, session): (&Account, &Session),
    checks: &[Check],
    context: &dyn Context,
    trail: &mut Trail,
    wording: Wording,
) -> Result<Vec<StatementRef>, Denial> {
    let mut matched = Vec::new();
    for check in checks {
        trail.note("decide", || {
            (format!("{} on {}", check.action.as_str(), check.resource.as_str()), Value::Null)
        });
        let verdict = account.evaluate(session, check, context, trail);
        let denial = match &verdict {
            Verdict::Allow(grounds) => {
                matched.extend(grounds.statements().cloned());
                continue;
            }
            Verdict::ExplicitDeny(denial) | Verdict::ImplicitDeny(denial) => denial,
        };
        let found = json!({
            "layer": denial.layer.described(),
            "statement": denial.statement.as_ref().map(StatementRef::label),
            "unknown_context_keys": denial.unknown_keys,
        });
        let detail = worded(&verdict, session, check, wording);
        return Err(Denial::new(denial.reason(), Refusal::AccessDenied, detail).with(found));
    }
    if checks.iter().any(|check| RESOURCE_POLICIES.contains(&check.action)) {
        let detail = "resource-based policies aren't changed through here: \
                      they are files in the folder of policies";
        return Err(Denial::new("resource_policies_not_stored", Refusal::AccessDenied, detail));
    }
    match checks {
        [] => Err(misconfigured("the request has no checks")),
        _ => Ok(matched),
    }
}

/// Actions that would change a policy which decides here. A backend that took it would neither
/// enforce it, nor would anyone else.
const RESOURCE_POLICIES: [Action; 4] = [
    Action::fixed("s3:PutBucketPolicy"),
    Action::fixed("s3:DeleteBucketPolicy"),
    Action::fixed("dynamodb:PutResourcePolicy"),
    Action::fixed("dynamodb:DeleteResourcePolicy"),
];

fn worded(verdict: &Verdict, session: &Session, check: &Check, wording: Wording) -> String {
    let message = verdict.message(&session.principal, check).unwrap_or_default();
    match (wording, session.principal.arn()) {
        (Wording::Plain, _) => message,
        (Wording::S3, None) => "Access Denied".to_owned(),
        (Wording::S3, Some(_)) => {
            let resource = check.resource.as_str();
            let (plain, quoted) =
                (format!(" on resource: {resource} "), format!(" on resource: \"{resource}\" "));
            message.replacen(&plain, &quoted, 1)
        }
    }
}
