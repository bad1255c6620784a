//! What a caller is told about a token that comes with a proof of its key (RFC 9449 §7.1).

use ::http::HeaderValue;

use super::problem::{REALM, Spaces, quotable};

/// A challenge of the scheme `DPoP`. It always names the algorithms of proofs that are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DpopChallenge {
    /// No token, or one that isn't enough: the scheme is welcome.
    Welcome,
    /// The token is no good: 401.
    InvalidToken {
        /// Why, for the developer.
        description: String,
    },
    /// The token came with a proof that is no good: 401.
    InvalidProof {
        /// Why, for the developer.
        description: String,
    },
    /// The token doesn't carry one of these scopes: 403.
    InsufficientScope {
        /// The scopes, separated by spaces.
        scope: String,
    },
}

impl DpopChallenge {
    /// The header's value.
    pub fn header_value(&self) -> HeaderValue {
        let described = |code: &str, text: &str| {
            let text = quotable(text, Spaces::Keep);
            format!(", error=\"{code}\", error_description=\"{text}\"")
        };
        let error = match self {
            Self::Welcome => String::new(),
            Self::InvalidToken { description } => described("invalid_token", description),
            Self::InvalidProof { description } => described("invalid_dpop_proof", description),
            Self::InsufficientScope { scope } => {
                let scope = quotable(scope, Spaces::Single);
                format!(", error=\"insufficient_scope\", scope=\"{scope}\"")
            }
        };
        let text = format!("DPoP realm=\"{REALM}\"{error}, algs=\"{DPOP_ALGORITHMS}\"");
        // `quotable` leaves visible ASCII only; should that ever fail, the bare scheme is safe.
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("DPoP"))
    }
}

/// The algorithms that proofs may be signed with, as `algs` lists them. Those of tokens' keys.
pub const DPOP_ALGORITHMS: &str = "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA";

#[cfg(test)]
mod tests;
