//! Where issuers' keys come from.

use crate::{
    config::{Keys, Problem, Settings},
    token::{KeyFileError, KeySource, check_key_file},
};

/// The source that `keys` mean.
pub(super) fn key_source(keys: Keys) -> KeySource {
    match keys {
        Keys::Url(url) => KeySource::Url(url),
        Keys::File(path) => KeySource::File(path),
        Keys::Discover(issuer) => KeySource::Discovery(issuer),
    }
}

/// What is wrong with key files. For a start: one that is in use may be bad for a while, its last good keys stay, and it
/// refuses nothing else.
pub(super) fn problems(settings: &Settings) -> Vec<Problem> {
    let of_pools =
        settings.user_pools.iter().enumerate().filter_map(|(index, pool)| {
            Some((format!("user_pools[{index}]"), pool.jwks.as_ref()?))
        });
    let of_providers = settings.oidc_providers.iter().enumerate();
    let of_providers =
        of_providers.map(|(index, one)| (format!("oidc_providers[{index}]"), &one.jwks));
    let mut problems = Vec::new();
    for (name, jwks) in of_pools.chain(of_providers) {
        let Keys::File(path) = &jwks.value else { continue };
        let Err(error) = check_key_file(path) else { continue };
        let path = path.display();
        let message = match error {
            KeyFileError::Unreadable(error) => format!("{name}.jwks: can't read {path}: {error}"),
            KeyFileError::Keys(error) => format!("{name}.jwks: {path}: {error}"),
        };
        problems.push(Problem::error(&settings.file, jwks.position, message));
    }
    problems
}
