//! The last stage: do the policies allow every check?

use serde_json::{Value, json};

use super::{Denial, LAYERS_ASKED, Refusal, Trail, layers};
use crate::iam::{Account, Check, Context, Session, StatementRef, Verdict};

/// How a denial is worded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wording {
    /// With the resource as it is.
    Plain,
    /// As S3 words it: with the resource in quotes, and nothing told to nobody.
    S3,
}

/// Asks IAM about one check: the statements that allow it are put to `matched`; or the denial, and
/// whether a statement denies it.
pub(super) fn judge(
    (account, session): (&Account, &Session),
    check: &Check,
    context: &dyn Context,
    trail: &mut Trail,
    wording: Wording,
    matched: &mut Vec<StatementRef>,
) -> Result<(), (Denial, Explicit)> {
    trail.note("decide", || {
        (format!("{} on {}", check.action.as_str(), check.resource.as_str()), Value::Null)
    });
    let before = trail.steps().len();
    let verdict = account.evaluate(session, check, context, trail);
    if trail.is_on() {
        let layers = account.layers(session, &check.resource);
        let considered = trail.steps().get(before..).unwrap_or_default();
        let told = layers::told(&layers, &verdict, considered);
        trail.note("decide", || (LAYERS_ASKED.to_owned(), told));
    }
    let (denial, explicit) = match &verdict {
        Verdict::Allow(grounds) => {
            matched.extend(grounds.statements().cloned());
            return Ok(());
        }
        Verdict::ExplicitDeny(denial) => (denial, Explicit::Yes),
        Verdict::ImplicitDeny(denial) => (denial, Explicit::No),
    };
    let mut found = json!({ "layer": denial.layer.described() });
    let more = json!({
        "level": denial.level,
        "statement": denial.statement.as_ref().map(StatementRef::label),
        "unknown_context_keys": denial.unknown_keys,
    });
    if let (Some(found), Value::Object(mut more)) = (found.as_object_mut(), more) {
        // Only control policies have levels.
        more.retain(|name, value| name != "level" || !value.is_null());
        found.extend(more);
    }
    let detail = worded(&verdict, session, check, wording);
    Err((Denial::new(denial.reason(), Refusal::AccessDenied, detail).with(found), explicit))
}

/// Whether a statement denies, or none allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Explicit {
    Yes,
    No,
}

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
