//! From the settings of temporary credentials to what makes and opens them.

use ::http::HeaderValue;

use crate::{
    config::{self, Problem, Settings},
    gate::CredentialRules,
    sigv4::Signer,
    sts::{PoolTokens, Sealer, SealingKey},
};

/// What credentials are made and opened with; `None` where none are configured, or with a reason
/// among the problems.
pub(super) fn credentials(
    settings: &Settings,
    problems: &mut Vec<Problem>,
) -> Option<CredentialRules> {
    let credentials = settings.credentials.as_ref()?;
    let keys: Vec<SealingKey> = credentials
        .keys
        .iter()
        .filter_map(|key| {
            let bytes = key.key.expose().try_into().ok()?;
            Some(SealingKey { id: key.id.clone(), bytes })
        })
        .collect();
    match Sealer::new(&keys) {
        Ok(sealer) => {
            let mut rules = CredentialRules::new(sealer, credentials.duration);
            if let Some(key) = &credentials.token_key {
                match PoolTokens::new(&[key.value.expose()]) {
                    Ok(tokens) => rules.pool_tokens = Some(tokens),
                    Err(error) => {
                        let message = format!("credentials.token_key: {error}");
                        problems.push(Problem::error(&settings.file, key.position, message));
                    }
                }
            }
            Some(rules)
        }
        Err(error) => {
            let message = format!("credentials.keys: {error}");
            problems.push(Problem::error(&settings.file, config::Position::START, message));
            None
        }
    }
}

/// The signer of requests to a route's upstream, if it wants them signed.
pub(super) fn signer(settings: &Settings, route: &config::Route) -> Result<Option<Signer>, String> {
    let sign = route.upstream.as_ref().and_then(|upstream| upstream.sign.as_ref());
    let Some(sign) = sign else { return Ok(None) };
    let text = |secret: &config::Secret| {
        let text = std::str::from_utf8(secret.expose());
        text.map(str::to_owned).map_err(|_| "upstream.sign: a secret is not UTF-8".to_owned())
    };
    let secret = text(&sign.secret_access_key)?;
    let token = sign.session_token.as_ref().map(text).transpose()?;
    if token.as_deref().is_some_and(|token| HeaderValue::from_str(token).is_err()) {
        return Err("upstream.sign: the session token can't stand in a header".to_owned());
    }
    let region = sign.region.as_deref().or(settings.aws.as_ref().map(|aws| aws.region.as_str()));
    let region = region.unwrap_or(DEFAULT_REGION);
    let signer = Signer::new(&sign.access_key_id, &secret, token.as_deref(), region);
    Ok(Some(signer.of_service(route.service.as_str())))
}

/// The region that S3's own clients assume.
const DEFAULT_REGION: &str = "us-east-1";
