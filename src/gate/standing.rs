//! Whether a right still stands that somebody makes use of for long.
//!
//! What a request proved once isn't proven again: signatures and DPoP proofs are too old by then, and used.
//! Everything else is asked anew of the rules now in force: the route, whether they take the token or the
//! credentials, the role, and the policies.

use super::{
    Authenticate, BoundTokens, Denial, Destination, Engine, Gate, Login, Question, Refusal, Trail,
    authenticate::{accepts, denial, find_token, refuse_malformed, verify},
    context::RequestContext,
    decide::{Progress, in_time, is_api, misconfigured},
    demands::demand_token,
    engines::Asked,
    signature::present,
};
use crate::{
    clock::Time,
    http,
    services::{Body, Proof, Request},
    sigv4::Signed,
};

impl Gate<'_> {
    /// Whether what was permitted to `question` would be permitted now.
    ///
    /// # Errors
    /// Why not.
    pub async fn stands(&self, question: &Question, now: Time) -> Result<(), Denial> {
        let mut progress = Progress::new(question.certificate.clone(), Trail::Off);
        let signed = Signed::parse(question.head());
        let destination = self.destination(question, &signed, None)?;
        let Destination::Route(index) = destination else {
            return Err(misconfigured("nothing of the kind goes on here"));
        };
        let route = self.rules.routes.route(index);
        let route = route.ok_or_else(|| misconfigured("the route is not there"))?;
        if !is_api(route) || route.upstream.is_none() {
            return Err(misconfigured("nothing of the kind goes on here"));
        }
        let target = question.target.strict().map_err(http::RequestError::from)?;
        if route.authenticate == Authenticate::Token {
            let token = find_token(route, question, !matches!(signed, Ok(None)))?;
            let mut challenge = Default::default();
            progress.login = match (signed?, token) {
                (Some(signed), _) => {
                    let (id, token) = (signed.access_key_id(), signed.session_token());
                    Login::Credentials(present(self.rules, id, token, now)?)
                }
                (None, Some((source, text))) => {
                    let verified = verify(self.rules, self.tokens, text, now);
                    let verified = in_time(async { Ok(verified.await) }).await?;
                    let verified =
                        verified.and_then(|token| accepts(route, source, &token).map(|()| token));
                    challenge = source.challenge();
                    let token = match verified {
                        Ok(token) => token,
                        Err(error) => {
                            refuse_malformed(source, question)?;
                            return Err(denial(&error));
                        }
                    };
                    let required = route.bound_tokens == BoundTokens::Require;
                    if required && token.claims.confirmation().is_none() {
                        let detail = "this route asks for a bound token";
                        let refusal = Refusal::InvalidCredential;
                        return Err(Denial::new("bound_token_required", refusal, detail));
                    }
                    Login::Token(token)
                }
                (None, None) => Login::Anonymous,
            };
            demand_token(route, &progress.login, challenge)?;
            if route.iam == Engine::Enforce || matches!(progress.login, Login::Credentials(_)) {
                progress.assumed = self.assume(route, now, &mut progress)?;
            }
        }
        let Question { method, headers, received, certificate, .. } = question;
        let (method, headers) = (method.clone(), headers.clone());
        let request = Request { method, target, headers, body: Body::Streamed(Proof::NONE) };
        let asked = Asked::of(route, &request);
        let operation = self.describe(route, request, &mut progress)?;
        let headers = &operation.forward.headers;
        let certificate = certificate.as_deref();
        let context = RequestContext::new(self.rules, headers, received, certificate, now);
        self.grounds(route, &operation, &context, asked.as_ref(), &mut progress).map(drop)
    }
}
