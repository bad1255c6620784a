//! The second stage: as which role does the caller act?

use std::sync::Arc;

use serde_json::json;

use super::{
    Denial, Engine, Gate, Login, Refusal, Route, Trail,
    decide::{Progress, misconfigured},
    engines::guarded,
};
use crate::{
    clock::Time,
    iam::Role,
    identity::{Assume, AssumeError, Assumed, Groups},
    sts::guest_scope_down,
    token::{IssuerKind, VerifiedToken},
};

impl Gate<'_> {
    /// The session in which the caller acts: a token's and a guest's from the route's identity pool,
    /// cached for this generation; that of temporary credentials from what was sealed in them. None
    /// for a caller who is nobody.
    pub(super) fn assume(
        &self,
        route: &Route,
        now: Time,
        progress: &mut Progress,
    ) -> Result<Option<Arc<Assumed>>, Denial> {
        match &progress.login {
            Login::Credentials(presented) => Ok(Some(Arc::clone(&presented.assumed))),
            Login::Token(token) => {
                let assumed = self.of_token(pool(route)?, token, &mut progress.trail)?;
                self.rules.check_session(&assumed, token.claims.issued_at())?;
                Ok(Some(assumed))
            }
            Login::Anonymous if route.guest => {
                self.of_guest(pool(route)?, now, &mut progress.trail).map(Some)
            }
            Login::Anonymous => Ok(None),
        }
    }

    /// The session of a token for IAM as a shadow, where there could be one; whatever goes wrong on the
    /// way is nobody's denial.
    pub(super) fn shadow_session(
        &self,
        route: &Route,
        now: Time,
        progress: &mut Progress,
    ) -> Option<Arc<Assumed>> {
        if route.iam != Engine::Shadow || progress.assumed.is_some() {
            return None;
        }
        guarded(|| self.assume(route, now, progress).ok().flatten()).flatten()
    }

    /// The session that a token gets from the identity pool at `pool`.
    pub(super) fn of_token(
        &self,
        pool: usize,
        token: &Arc<VerifiedToken>,
        trail: &mut Trail,
    ) -> Result<Arc<Assumed>, Denial> {
        // Someone who listens wants to see the steps, so the cache is left aside.
        if !trail.is_on()
            && let Some(hit) = self.rules.sessions.get(pool, token)
        {
            return Ok(hit);
        }
        let roles = |arn: &str| self.role(arn);
        let assume = self.assume_in(pool, self.groups(token), &roles)?;
        let assumed = assume.session(token, trail).map_err(denial)?;
        Ok(self.rules.sessions.keep(pool, token, assumed))
    }

    /// A route's guest: one session a pool.
    pub(super) fn of_guest(
        &self,
        pool: usize,
        now: Time,
        trail: &mut Trail,
    ) -> Result<Arc<Assumed>, Denial> {
        let place = self.rules.guests.get(pool);
        if !trail.is_on()
            && let Some(known) = place.and_then(|place| place.get())
        {
            return Ok(Arc::clone(known));
        }
        let roles = |arn: &str| self.role(arn);
        let scope_down = guest_scope_down().map_err(|_| misconfigured("no guest policies"))?;
        let assume = self.assume_in(pool, None, &roles)?;
        let assumed = assume.guest(None, now, scope_down, trail).map_err(denial)?;
        let assumed = Arc::new(assumed);
        Ok(match place {
            Some(place) => Arc::clone(place.get_or_init(|| assumed)),
            None => assumed,
        })
    }

    /// What sessions of the identity pool at `pool` are made from.
    fn assume_in<'s>(
        &'s self,
        pool: usize,
        groups: Option<&'s Groups>,
        roles: &'s dyn Fn(&str) -> Option<Arc<Role>>,
    ) -> Result<Assume<'s>, Denial> {
        let pool = self.rules.pools.get(pool);
        let pool = pool.ok_or_else(|| misconfigured("the route's identity pool is not loaded"))?;
        Ok(Assume { pool, groups, ids: &self.rules.identities, roles, custom_role: None })
    }

    /// The role of that ARN.
    pub(super) fn role(&self, arn: &str) -> Option<Arc<Role>> {
        self.rules.account.role(arn).cloned()
    }

    /// The groups of the token's user pool, for access tokens.
    pub(super) fn groups(&self, token: &VerifiedToken) -> Option<&Groups> {
        match &token.issuer.kind {
            IssuerKind::UserPool { id, .. } => self.rules.groups_of(id),
            _ => None,
        }
    }
}

fn pool(route: &Route) -> Result<usize, Denial> {
    route.pool.ok_or_else(|| misconfigured("the route has no identity pool"))
}

fn denial(error: AssumeError) -> Denial {
    Denial::new(error.reason(), Refusal::AccessDenied, error.told_to_caller())
        .with(json!({ "error": error.to_string() }))
}
