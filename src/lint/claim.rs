//! Claims that users write themselves.

/// Whether the users of a user pool may write the attribute behind a claim (any case), unless their
/// app client leaves it out of `WriteAttributes`: all standard attributes and custom ones
/// (<https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html>).
/// What Amazon Cognito writes (`sub`, `cognito:…`, `email_verified`, `identities`) isn't among them.
pub(super) fn is_user_writable(claim: &str) -> bool {
    let claim = claim.to_ascii_lowercase();
    claim.starts_with("custom:") || STANDARD.contains(&claim.as_str())
}

/// OpenID Connect Core 1.0 §5.1, as far as user pools have them.
const STANDARD: [&str; 17] = [
    "address",
    "birthdate",
    "email",
    "family_name",
    "gender",
    "given_name",
    "locale",
    "middle_name",
    "name",
    "nickname",
    "phone_number",
    "picture",
    "preferred_username",
    "profile",
    "updated_at",
    "website",
    "zoneinfo",
];
