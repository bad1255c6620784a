//! What a route demands of a request's credentials, before anything is asked of policies.

use super::{BoundTokens, Challenge, Denial, Engine, Login, Question, Refusal, Route};
use crate::{
    http::{Credentials, credentials, is_signed_query},
    token::{TokenKind, VerifiedToken},
};

/// What a route asks of the token itself, told in the scheme it came in. Where policies decide,
/// temporary credentials will do as well.
pub(super) fn demand_token(
    route: &Route,
    login: &Login,
    challenge: Challenge,
) -> Result<(), Denial> {
    let token = match login {
        Login::Token(token) => token,
        // Credentials have a role and nothing else that a route could ask for; nor does anything say
        // whether the token that they were given for was bound.
        Login::Credentials(_)
            if route.scopes.is_empty()
                && route.bound_tokens == BoundTokens::Verify
                && [route.iam, route.cedar].contains(&Engine::Enforce) =>
        {
            return Ok(());
        }
        Login::Credentials(_) => return Err(token_required()),
        Login::Anonymous => {
            let challenge = match route.bound_tokens {
                BoundTokens::Verify => Challenge::Both,
                BoundTokens::Require => Challenge::Dpop,
            };
            return Err(missing_token().challenged(challenge));
        }
    };
    let demanded = match route.scopes.is_empty() {
        false => demand_scope(route, token),
        true => demand_user(token),
    };
    demanded.map_err(|denial| denial.challenged(challenge))
}

fn demand_user(token: &VerifiedToken) -> Result<(), Denial> {
    // A client's own token says nothing of a user: scopes are all it can be judged by.
    match token.kind {
        TokenKind::ClientCredentials => Err(Denial::new(
            "client_credentials_without_scopes",
            Refusal::AccessDenied,
            "a client's own token is accepted only on routes that ask for scopes",
        )),
        _ => Ok(()),
    }
}

/// Any of the route's scopes, on an access token.
fn demand_scope(route: &Route, token: &VerifiedToken) -> Result<(), Denial> {
    if matches!(token.kind, TokenKind::Id | TokenKind::Alb) {
        return Err(Denial::new(
            "access_token_required",
            Refusal::InvalidCredential,
            "this route asks for an access token",
        ));
    }
    if token.claims.scopes().any(|scope| route.scopes.iter().any(|wanted| wanted == scope)) {
        return Ok(());
    }
    Err(Denial::new(
        "insufficient_scope",
        Refusal::InsufficientScope(route.scopes.join(" ")),
        format!("the token has none of the scopes {}", route.scopes.join(", ")),
    ))
}

/// A user pool's unsigned operations carry no credential in their head; one there means that the
/// caller wants to be someone, which can't be granted here.
pub(super) fn refuse_credentials(question: &Question) -> Result<(), Denial> {
    match credentials(&question.headers, question.target.query())? {
        Credentials::None => Ok(()),
        _ => Err(Denial::new(
            "unsupported_credential",
            Refusal::InvalidCredential,
            "only unsigned operations of the user pool are forwarded",
        )),
    }
}

/// A public route drops credentials in the head. A signed query can't be dropped, since the target
/// is forwarded as received, and must not go upstream.
pub(super) fn refuse_signed_query(question: &Question) -> Result<(), Denial> {
    match question.target.query().is_some_and(is_signed_query) {
        false => Ok(()),
        true => Err(Denial::new(
            "unsupported_credential",
            Refusal::InvalidCredential,
            "requests signed with AWS credentials are not accepted here",
        )),
    }
}

/// Temporary credentials where only a token will do.
fn token_required() -> Denial {
    Denial::new(
        "token_required",
        Refusal::InvalidCredential,
        "this route asks for a token; an AWS signature is not one",
    )
}

pub(super) fn missing_token() -> Denial {
    Denial::new(
        "missing_token",
        Refusal::MissingCredential,
        "a token is needed: Authorization: Bearer <token>",
    )
}
