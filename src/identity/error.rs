//! Why a token gets no session, and how Amazon Cognito words it.

/// The error of an AWS API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsError {
    /// The exception's name.
    pub kind: &'static str,
    /// Its message.
    pub message: String,
}

impl AwsError {
    /// A NotAuthorizedException.
    pub fn not_authorized(message: &str) -> Self {
        Self { kind: "NotAuthorizedException", message: message.to_owned() }
    }
}

/// Why a token gets no session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssumeError {
    /// Neither the provider nor the app client is one of the pool's.
    #[error("the pool doesn't accept this issuer and client; add them to its providers")]
    UnsupportedProvider,
    /// A token of the client itself.
    #[error("client-credentials tokens get no role; use a route with `scopes` and IAM off")]
    ClientCredentials,
    /// No `sub`.
    #[error("the token has no `sub`, so it has no identity")]
    NoSubject,
    /// An access token with groups, but the pool's groups aren't configured.
    #[error("set `groups` of the user pool to the output of `aws cognito-idp list-groups`")]
    GroupsNotConfigured,
    /// An access token names a group that the export doesn't have.
    #[error("group {0} of the token is not in the user pool's `groups`; export them again")]
    UnknownGroup(usize),
    /// A role claim that isn't what Cognito writes.
    #[error("the claim `{0}` has the wrong type")]
    InvalidClaim(&'static str),
    /// More or longer claims than facts are made of.
    #[error(
        "the token has too many claims, two that differ in case only, or one with too long a name"
    )]
    ClaimsOverLimit,
    /// An access token can't tell whether a rule matches.
    #[error("rule {number} asks for `{claim}`, which access tokens don't carry; send the ID token")]
    UnknownClaim {
        /// The rule, from 1.
        number: usize,
        /// The claim.
        claim: String,
    },
    /// The mapping doesn't decide and says `Deny`.
    #[error("no role is preferred and no rule matches for {0}, and the mapping says `Deny`")]
    Ambiguous(String),
    /// The asked-for role isn't one of the caller's.
    #[error("the role asked for is not one the token or a matching rule gives")]
    CustomRole,
    /// The pool has no role for authenticated identities.
    #[error("set `Roles.authenticated` of the identity pool")]
    NoRole,
    /// The pool has no role for guests.
    #[error("set `Roles.unauthenticated` of the identity pool")]
    NoGuestRole,
    /// The pool takes no guests.
    #[error("the pool's `AllowUnauthenticatedIdentities` is not true")]
    GuestsOff,
    /// The pool's own token can't tell which of the mapped roles its identity has.
    #[error("the pool maps roles, for which its own token has no claims; send the ID token")]
    MappedRoles,
    /// The chosen role isn't among the roles.
    #[error("no file of `roles` in the folder of policies has the role `{0}`; export it")]
    RoleNotFound(String),
    /// A tag that AWS would refuse.
    #[error(
        "the value of principal tag `{0}` is longer than 256 characters or has others than a tag may"
    )]
    InvalidTag(String),
    /// Tags and claims make a session token that is longer than it may be.
    #[error("the caller's tags and ids are more than a session token can hold")]
    TooLarge,
    /// The role's trust policy refuses.
    #[error(
        "the trust policy of `{role}` doesn't allow {action} to this pool's identities ({denial})"
    )]
    TrustPolicy {
        /// The role.
        role: String,
        /// What was refused.
        action: &'static str,
        /// The code of the denial.
        denial: &'static str,
    },
}

impl AssumeError {
    /// A stable code for metrics, logs and documentation.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::UnsupportedProvider => "unsupported_provider",
            Self::ClientCredentials => "no_role_for_client_credentials",
            Self::NoSubject => "no_subject",
            Self::GroupsNotConfigured => "groups_not_configured",
            Self::UnknownGroup(_) => "unknown_group",
            Self::InvalidClaim(_) => "invalid_role_claim",
            Self::ClaimsOverLimit => "claims_over_limit",
            Self::UnknownClaim { .. } => "unknown_claim",
            Self::Ambiguous(_) => "ambiguous_role",
            Self::CustomRole => "custom_role_not_allowed",
            Self::NoRole => "no_role",
            Self::NoGuestRole => "no_guest_role",
            Self::GuestsOff => "guests_not_allowed",
            Self::MappedRoles => "mapped_roles",
            Self::RoleNotFound(_) => "role_not_found",
            Self::InvalidTag(_) => "invalid_principal_tag",
            Self::TooLarge => "packed_policy_too_large",
            Self::TrustPolicy { .. } => "trust_policy",
        }
    }

    /// A sentence for whoever sent the token; `Display` is for the operator. It tells of the token,
    /// and nothing of the pool, the roles and the policies that it met.
    pub fn told_to_caller(&self) -> String {
        match self {
            Self::ClientCredentials => "client-credentials tokens get no role here".to_owned(),
            Self::UnknownClaim { .. } => {
                "an access token doesn't tell the role; send the ID token".to_owned()
            }
            Self::NoSubject | Self::InvalidClaim(_) | Self::ClaimsOverLimit | Self::CustomRole => {
                self.to_string()
            }
            Self::GuestsOff => "guests are not welcome here".to_owned(),
            Self::UnsupportedProvider
            | Self::MappedRoles
            | Self::NoGuestRole
            | Self::GroupsNotConfigured
            | Self::UnknownGroup(_)
            | Self::Ambiguous(_)
            | Self::NoRole
            | Self::RoleNotFound(_)
            | Self::InvalidTag(_)
            | Self::TooLarge
            | Self::TrustPolicy { .. } => "the token gets no role here".to_owned(),
        }
    }

    /// What Amazon Cognito answers; the operator's detail is in `Display`.
    pub fn aws(&self) -> AwsError {
        match self {
            Self::UnsupportedProvider => AwsError::not_authorized(
                "Token is not from a supported provider of this identity pool.",
            ),
            // None of these is an ID token.
            Self::ClientCredentials
            | Self::GroupsNotConfigured
            | Self::UnknownGroup(_)
            | Self::UnknownClaim { .. } => {
                AwsError::not_authorized("Invalid login token. Missing a required claim: aud")
            }
            Self::NoSubject => {
                AwsError::not_authorized("Invalid login token. Missing a required claim: sub")
            }
            // AWS is silent on these three; the sentence is ours.
            Self::InvalidClaim(claim) => AwsError::not_authorized(&format!(
                "Invalid login token. The claim {claim} has the wrong type."
            )),
            Self::ClaimsOverLimit => {
                AwsError::not_authorized("Invalid login token. It has too many claims.")
            }
            Self::CustomRole => {
                AwsError::not_authorized("The CustomRoleArn is not a role of this identity.")
            }
            Self::GuestsOff => AwsError::not_authorized(
                "Unauthenticated access is not supported for this identity pool.",
            ),
            Self::MappedRoles => AwsError {
                kind: "InvalidParameterException",
                message: "Basic (classic) flow is not supported with RoleMappings, please use \
                          enhanced flow."
                    .to_owned(),
            },
            Self::Ambiguous(provider) => AwsError::not_authorized(&format!(
                "The ambiguous role mapping rules for: {provider} denied this request."
            )),
            Self::NoRole
            | Self::NoGuestRole
            | Self::RoleNotFound(_)
            | Self::InvalidTag(_)
            | Self::TooLarge
            | Self::TrustPolicy { .. } => AwsError {
                kind: "InvalidIdentityPoolConfigurationException",
                message:
                    "Invalid identity pool configuration. Check assigned IAM roles for this pool."
                        .to_owned(),
            },
        }
    }
}
