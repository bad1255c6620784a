//! What a permit stands on while it is used: a stream that goes on for hours asks again.

use std::sync::Arc;

use super::{Decision, Login, Rules};
use crate::{clock::Time, identity::Assumed};

/// By what right something was permitted: who asked, and as which role. It is taken from a decision, and
/// asked again against the rules in force for as long as what was permitted goes on:
///
/// ```no_run
/// # use poolgate::{clock, doors::Shared, gate::Right};
/// # fn end(_: &str) {}
/// # fn look_again(right: &Right, shared: &Shared) {
/// let snapshot = shared.snapshot.load();
/// if let Err(reason) = right.still_held(&snapshot.rules, clock::now()) {
///     end(reason);
/// }
/// # }
/// ```
///
/// It tells that the login and the role still stand, which costs a few hash look-ups, and not that policies
/// would still allow what was asked: who wants to know that, decides again.
#[derive(Clone, Debug)]
pub struct Right {
    login: Login,
    assumed: Option<Arc<Assumed>>,
}

impl Right {
    /// The right that `decision` found.
    pub fn of(decision: &Decision) -> Self {
        Self { login: decision.login.clone(), assumed: decision.assumed.clone() }
    }

    /// When it ends by itself; never, of a caller who is nobody.
    pub fn expires(&self, rules: &Rules) -> Option<Time> {
        match &self.login {
            Login::Anonymous => None,
            Login::Token(token) => {
                let leeway = i64::from(rules.issuers.leeway());
                let age = token.issuer.max_age.zip(token.claims.issued_at());
                let oldest = age.map(|(most, issued)| issued.plus_secs(i64::from(most)));
                let expires = token.claims.expires();
                Some(oldest.map_or(expires, |oldest| oldest.min(expires)).plus_secs(leeway))
            }
            Login::Credentials(presented) => Some(presented.grant.expires),
        }
    }

    /// Whether it is still held at `now` under `rules`: neither expired nor revoked, its issuer and key
    /// still taken, its role still there and the same.
    ///
    /// # Errors
    /// The reason for which a request would be denied now.
    pub fn still_held(&self, rules: &Rules, now: Time) -> Result<(), &'static str> {
        match &self.login {
            Login::Anonymous => {}
            Login::Token(token) => {
                rules.issuers.still_holds(token, now).map_err(|error| error.reason())?;
                if let Some(assumed) = &self.assumed {
                    let issued = token.claims.issued_at();
                    rules.check_session(assumed, issued).map_err(|denial| denial.reason)?;
                }
            }
            Login::Credentials(presented) => {
                presented.check(rules, now).map_err(|error| error.reason())?;
                let issued = Some(presented.grant.issued);
                rules.check_session(&presented.assumed, issued).map_err(|denial| denial.reason)?;
            }
        }
        let role = self.assumed.as_ref().and_then(|assumed| assumed.session.principal.role());
        match role {
            Some(role) if rules.account.role(role.arn.as_str()).is_none_or(|r| r.id != role.id) => {
                Err("role_gone")
            }
            _ => Ok(()),
        }
    }
}
