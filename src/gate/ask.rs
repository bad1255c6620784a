//! Questions that begin at a later stage than a request does: as whom does a token act, and may a
//! session do this? Policy tests ask them; nothing is permitted by an answer.

use std::sync::Arc;

use ::http::HeaderMap;

use super::{
    Denial, Gate, Grounds, Trail,
    authenticate::{denial, describe, verify},
    context::RequestContext,
    decide::in_time,
    judge::{Wording, judge},
};
use crate::{
    clock::Time,
    http::Received,
    iam::{Check, Session},
    identity::Assumed,
};

impl Gate<'_> {
    /// The session that `token` gets from the identity pool at `pool`, of the rules' pools.
    ///
    /// # Errors
    /// What a request with it would be denied for.
    pub async fn session_of_token(
        &self,
        token: &str,
        pool: usize,
        now: Time,
        trail: &mut Trail,
    ) -> Result<Arc<Assumed>, Denial> {
        let verified = in_time(async { Ok(verify(self.rules, self.tokens, token, now).await) });
        let token = verified.await?.map_err(|error| denial(&error))?;
        trail.note("authenticate", || ("token verified".to_owned(), describe(&token)));
        self.of_token(pool, &token, trail)
    }

    /// The session of a guest of the identity pool at `pool`.
    ///
    /// # Errors
    /// The pool has no guests, or no role for them.
    pub fn session_of_guest(
        &self,
        pool: usize,
        now: Time,
        trail: &mut Trail,
    ) -> Result<Arc<Assumed>, Denial> {
        self.of_guest(pool, now, trail)
    }

    /// May `session` do what `check` says? Asked is IAM; the context keys that a request has for every
    /// action are those of `received` and `now`.
    ///
    /// # Errors
    /// Why not.
    pub fn ask_iam(
        &self,
        session: &Session,
        check: &Check,
        (received, now): (&Received, Time),
        trail: &mut Trail,
    ) -> Result<Grounds, Denial> {
        let headers = HeaderMap::new();
        let context = RequestContext::new(self.rules, &headers, received, now);
        let mut matched = Vec::new();
        let who = (&self.rules.account, session);
        match judge(who, check, &context, trail, Wording::Plain, &mut matched) {
            Ok(()) => Ok(Grounds::Statements(matched)),
            Err((denial, _)) => Err(denial),
        }
    }
}
