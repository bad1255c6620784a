//! Why credentials are not given or not accepted.

/// Why credentials are not given or not accepted. What is wrong with a session token is not told
/// apart further: it may be anyone's guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StsError {
    /// Not sealed by any of our keys for this access key id, or altered since.
    #[error("the session token is not one that was given with this access key id")]
    InvalidToken,
    /// It was good once.
    #[error("the session token has expired")]
    Expired,
    /// The session token would be longer than a client may expect.
    #[error("session policies, tags and claims together are larger than a session token may be")]
    PackedPolicyTooLarge,
    /// The role of a sealed session isn't there any more, or another has its name.
    #[error("the role of these credentials no longer exists; export the roles or sign in again")]
    RoleGone,
    /// A session policy that can't be used.
    #[error("the session policy is not a policy document")]
    MalformedPolicy,
    /// No randomness, or the cipher failed.
    #[error("the cryptographic library failed")]
    Crypto,
    /// No keys to seal with, or not usable ones.
    #[error(
        "give at least one sealing key; ids are 1 to 32 letters, digits, `-` and `_`, each once"
    )]
    Keys,
    /// Not a key to sign pools' tokens with.
    #[error(
        "the token key is not a private RSA key of 2048 to 8192 bits in PEM (PKCS#8 or PKCS#1)"
    )]
    TokenKey,
}

impl StsError {
    /// A stable code for metrics, logs and documentation.
    pub fn reason(self) -> &'static str {
        match self {
            Self::InvalidToken => "invalid_session_token",
            Self::Expired => "expired_session_token",
            Self::PackedPolicyTooLarge => "packed_policy_too_large",
            Self::RoleGone => "session_role_gone",
            Self::MalformedPolicy => "malformed_session_policy",
            Self::Crypto => "crypto_failed",
            Self::Keys => "sealing_keys",
            Self::TokenKey => "token_key",
        }
    }
}
