//! Verification of a token against the issuers of one configuration generation.
//!
//! Cheap checks come first, so that junk costs no signature: structure, `alg`, issuer, claim
//! types and times; then the key and the signature; then, on proven claims, use and audience.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::clock::Time;
use crate::http::IdentityHeaders;

use super::compact::{Compact, SIGNER};
use super::key::VerifyError;
use super::keys::Missing;
use super::{
    ClaimValue, Claims, Issuer, IssuerError, IssuerKind, Members, Memo, Revocations, TokenError,
    TokenUse, revocation,
};

/// The accepted issuers of one configuration generation. Immutable.
#[derive(Debug)]
pub struct Issuers {
    /// Unique in this process.
    serial: u64,
    by_issuer: HashMap<String, Arc<Issuer>>,
    by_signer: HashMap<String, Arc<Issuer>>,
    leeway: u32,
    revocations: Option<Arc<Revocations>>,
}

/// A token whose signature and claims have been verified; nothing else makes one.
#[derive(Debug)]
pub struct VerifiedToken {
    /// Unique in this process: a key for caches of what follows from the token.
    pub serial: u64,
    /// Who issued it.
    pub issuer: Arc<Issuer>,
    /// What kind of token it is.
    pub kind: TokenKind,
    /// The app client or audience that matched.
    pub client: Option<String>,
    /// Its claims.
    pub claims: Claims,
    /// The id of the key that signed it.
    pub kid: String,
    /// The generation of the issuer's keys at verification.
    pub key_generation: u64,
    /// The serial number of the [`Issuers`] that verified it.
    issuers: u64,
    /// What upstreams are told of whose it is, where there is no session of it.
    pub(crate) told: OnceLock<IdentityHeaders>,
    /// What follows from it.
    pub(crate) memo: Memo,
    /// Its text: a secret.
    text: Text,
    /// Private, so that no other module can make a token that was not verified.
    _proof: Proof,
}

#[derive(Debug)]
struct Proof;

/// The text of a token, which isn't shown.
struct Text(Arc<str>);

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// What kind of token it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// A user pool's ID token.
    Id,
    /// A user pool's access token of a user.
    Access,
    /// A user pool's access token of the client itself (client-credentials grant): `sub` is the
    /// client.
    ClientCredentials,
    /// A token of an OpenID Connect provider.
    Oidc,
    /// A load balancer's token.
    Alb,
}

impl Issuers {
    /// The issuers of a configuration; `leeway` in seconds applies to every time claim.
    ///
    /// # Errors
    /// [`IssuerError::Duplicate`] if two accept the same `iss`, [`IssuerError::Empty`] if one has
    /// none. A load balancer passes on tokens of another issuer and is told by its ARN instead.
    pub fn new(issuers: Vec<Arc<Issuer>>, leeway: u32) -> Result<Self, IssuerError> {
        let mut by_issuer = HashMap::new();
        let mut by_signer = HashMap::new();
        for issuer in issuers {
            if issuer.issuers.is_empty() || issuer.issuers.iter().any(String::is_empty) {
                return Err(IssuerError::Empty(issuer.name.clone()));
            }
            let (map, names) = match &issuer.kind {
                IssuerKind::Alb { arn } => (&mut by_signer, std::slice::from_ref(arn)),
                _ => (&mut by_issuer, issuer.issuers.as_slice()),
            };
            for name in names {
                if map.insert(name.clone(), Arc::clone(&issuer)).is_some() {
                    return Err(IssuerError::Duplicate(name.clone()));
                }
            }
        }
        let serial = ISSUERS.fetch_add(1, Ordering::Relaxed);
        Ok(Self { serial, by_issuer, by_signer, leeway, revocations: None })
    }

    /// The same, with a list of what is revoked.
    #[must_use]
    pub fn with_revocations(self, revocations: Option<Arc<Revocations>>) -> Self {
        Self { revocations, ..self }
    }

    /// The list of what is revoked, if there is one.
    pub fn revocations(&self) -> Option<&Arc<Revocations>> {
        self.revocations.as_ref()
    }

    /// Whether a token that was verified once is revoked by now.
    ///
    /// # Errors
    /// [`TokenError::Revoked`].
    pub(super) fn check_revoked(&self, token: &VerifiedToken) -> Result<(), TokenError> {
        revocation::check(self.revocations.as_ref(), token)
    }

    /// Whether a token that was verified once would still be taken at `now`.
    ///
    /// # Errors
    /// Why it wouldn't.
    pub fn still_holds(&self, token: &VerifiedToken, now: Time) -> Result<(), TokenError> {
        if !self.still_accepts(token) {
            return Err(TokenError::UnknownIssuer);
        }
        if !token.still_valid_key() {
            let (issuer, kid) = (Arc::clone(&token.issuer), token.kid.clone());
            return Err(TokenError::UnknownKey { issuer, kid });
        }
        token.check_times(now, self.leeway)?;
        self.check_revoked(token)
    }

    /// Every issuer once, in the order of their names.
    pub fn all(&self) -> Vec<&Arc<Issuer>> {
        let mut all: Vec<_> = self.by_issuer.values().chain(self.by_signer.values()).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all.dedup_by(|a, b| Arc::ptr_eq(a, b));
        all
    }

    /// Seconds of tolerance for the time claims.
    pub fn leeway(&self) -> u32 {
        self.leeway
    }

    /// Verifies `token` at the moment `now`. Does no I/O.
    ///
    /// # Errors
    /// The first check that failed. Where [`TokenError::refreshable`] says so, refresh the keys
    /// once and try again.
    pub fn verify(&self, token: &str, now: Time) -> Result<VerifiedToken, TokenError> {
        let Compact { algorithm, kid, header, mut payload, signature, signed } =
            Compact::parse(token)?;
        let issuer = self.issuer(&header, &mut payload)?;
        if !issuer.permits(algorithm) {
            return Err(TokenError::UnsupportedAlgorithm);
        }
        let claims = Claims::new(payload)?;
        check_times(&claims, issuer, now, self.leeway)?;

        let found = issuer.keys.find(&kid).map_err(|missing| {
            let (issuer, kid) = (Arc::clone(issuer), kid.clone());
            match missing {
                Missing::NeverLoaded => TokenError::KeysUnavailable { issuer, kid },
                Missing::Stale => TokenError::KeysStale { issuer, kid },
                Missing::Unknown => TokenError::UnknownKey { issuer, kid },
            }
        })?;
        found.key.verify(algorithm, signed.as_bytes(), &signature).map_err(
            |error| match error {
                VerifyError::Algorithm => TokenError::UnsupportedAlgorithm,
                VerifyError::Signature => TokenError::BadSignature,
            },
        )?;

        let (kind, client) = match issuer.kind {
            IssuerKind::UserPool { .. } => check_user_pool(issuer, &claims)?,
            IssuerKind::Oidc => (TokenKind::Oidc, check_audience(issuer, &claims)?),
            IssuerKind::Alb { .. } => (TokenKind::Alb, check_alb_client(issuer, &header)?),
        };
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let key_generation = found.generation;
        let issuer = Arc::clone(issuer);
        Ok(VerifiedToken {
            serial,
            issuer,
            kind,
            client,
            claims,
            kid,
            key_generation,
            issuers: self.serial,
            told: OnceLock::new(),
            memo: Memo::default(),
            text: Text(token.into()),
            _proof: Proof,
        })
    }

    /// Whether a token verified under an earlier configuration is accepted under this one too.
    pub(crate) fn still_accepts(&self, token: &VerifiedToken) -> bool {
        if token.issuers == self.serial {
            return true;
        }
        let now = match &token.issuer.kind {
            IssuerKind::Alb { arn } => self.by_signer.get(arn),
            _ => self.by_issuer.get(token.claims.issuer()),
        };
        now.is_some_and(|now| Arc::ptr_eq(now, &token.issuer) || now.same_as(&token.issuer))
    }

    fn issuer(&self, header: &Members, payload: &mut Members) -> Result<&Arc<Issuer>, TokenError> {
        let Some(signer) = header.get(SIGNER) else {
            let iss = payload.get("iss").and_then(ClaimValue::as_str);
            return iss.and_then(|iss| self.by_issuer.get(iss)).ok_or(TokenError::UnknownIssuer);
        };
        let issuer = signer.as_str().and_then(|signer| self.by_signer.get(signer));
        let issuer = issuer.ok_or(TokenError::UnknownIssuer)?;
        // A load balancer states `iss` and `exp` in its header, which is signed as well; a payload
        // that has them too must agree.
        for name in ["iss", "exp"] {
            match (header.get(name), payload.get(name)) {
                (Some(stated), None) => {
                    payload.set(name, stated);
                }
                (Some(stated), Some(claim)) if stated != claim => {
                    return Err(TokenError::InvalidClaim(name));
                }
                _ => {}
            }
        }
        let iss = payload.get("iss").and_then(ClaimValue::as_str);
        match iss {
            Some(iss) if issuer.issuers.iter().any(|accepted| accepted == iss) => Ok(issuer),
            _ => Err(TokenError::UnknownIssuer),
        }
    }
}

impl VerifiedToken {
    /// A token as if it had been verified, for the tests of other rooms.
    #[cfg(test)]
    pub(crate) fn for_test(
        issuer: Arc<Issuer>,
        kind: TokenKind,
        client: Option<String>,
        claims: Claims,
    ) -> Self {
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let key_generation = issuer.keys.generation();
        let kid = "test".to_owned();
        Self {
            serial,
            issuer,
            kind,
            client,
            claims,
            kid,
            key_generation,
            issuers: 0,
            told: OnceLock::new(),
            memo: Memo::default(),
            text: Text("".into()),
            _proof: Proof,
        }
    }

    /// Its text, as it was sent.
    pub(super) fn text(&self) -> &Arc<str> {
        &self.text.0
    }

    /// About how many bytes it takes, with its session in one identity pool, which has of the claims what is known of
    /// the principal. Of more pools, at most [`Memo`]'s, each comes on top.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.text.0.len() + 2 * self.claims.bytes() + BESIDE
    }

    /// Checks the times again; to be done on every use of a cached token. `leeway` in seconds.
    ///
    /// # Errors
    /// [`TokenError::Expired`] or [`TokenError::NotYetValid`].
    pub fn check_times(&self, now: Time, leeway: u32) -> Result<(), TokenError> {
        check_times(&self.claims, &self.issuer, now, leeway)
    }

    /// Whether the key that signed the token still stands: no key of its set was removed or
    /// replaced since, and the set is not older than `max_stale`.
    pub fn still_valid_key(&self) -> bool {
        let keys = &self.issuer.keys;
        keys.generation() == self.key_generation && !keys.is_stale()
    }
}

/// RFC 7519 §4.1.4 to §4.1.6. Not accepted *on* `exp` either. An `iat` to come is refused, but for
/// [`CLOCK_STEP`]: a token is used the moment it is issued, and no two clocks agree.
fn check_times(claims: &Claims, issuer: &Issuer, now: Time, leeway: u32) -> Result<(), TokenError> {
    let leeway = i64::from(leeway);
    if now >= claims.expires().plus_secs(leeway) {
        return Err(TokenError::Expired);
    }
    let latest = now.plus_secs(leeway);
    let issued = claims.issued_at().map(|at| at.plus_secs(-CLOCK_STEP));
    if [claims.not_before(), issued].into_iter().flatten().any(|from| from > latest) {
        return Err(TokenError::NotYetValid);
    }
    if let Some(max_age) = issuer.max_age {
        let issued = claims.issued_at().ok_or(TokenError::InvalidClaim("iat"))?;
        if now >= issued.plus_secs(i64::from(max_age) + leeway) {
            return Err(TokenError::Expired);
        }
    }
    Ok(())
}

/// Bytes of bookkeeping, and of what every session has.
const BESIDE: usize = 2560;
/// Seconds by which the clock of an issuer may be ahead of ours.
const CLOCK_STEP: i64 = 30;

fn check_user_pool(
    issuer: &Issuer,
    claims: &Claims,
) -> Result<(TokenKind, Option<String>), TokenError> {
    let token_use = claims.token_use().ok_or(TokenError::WrongTokenUse)?;
    let subject = claims.subject().ok_or(TokenError::InvalidClaim("sub"))?;
    match token_use {
        TokenUse::Id => Ok((TokenKind::Id, check_audience(issuer, claims)?)),
        TokenUse::Access => {
            let client = claims.client_id().ok_or(TokenError::InvalidClaim("client_id"))?;
            if !issuer.accepts_client(client) {
                return Err(TokenError::WrongClient);
            }
            // An access token has an `aud` only if it was bound to a resource: it is for that one.
            let bound = claims.get("aud").is_some();
            let ours = |aud: &String| issuer.resource_audiences.contains(aud);
            if bound && !claims.audiences().iter().any(ours) {
                return Err(TokenError::WrongAudience);
            }
            let kind =
                if subject == client { TokenKind::ClientCredentials } else { TokenKind::Access };
            Ok((kind, Some(client.to_owned())))
        }
    }
}

/// OpenID Connect Core §3.1.3.7: `aud` names one of ours, and so does `azp` where there is one.
fn check_audience(issuer: &Issuer, claims: &Claims) -> Result<Option<String>, TokenError> {
    if let Some(party) = claims.get("azp").and_then(ClaimValue::as_str)
        && !issuer.accepts_client(party)
    {
        return Err(TokenError::WrongAudience);
    }
    let matched = claims.audiences().iter().find(|audience| issuer.accepts_client(audience));
    match matched {
        Some(audience) => Ok(Some(audience.clone())),
        None if issuer.clients.is_empty() => Ok(None),
        None => Err(TokenError::WrongAudience),
    }
}

fn check_alb_client(issuer: &Issuer, header: &Members) -> Result<Option<String>, TokenError> {
    match header.get("client").and_then(ClaimValue::as_str) {
        Some(client) if issuer.accepts_client(client) => Ok(Some(client.to_owned())),
        _ => Err(TokenError::WrongClient),
    }
}

static SERIAL: AtomicU64 = AtomicU64::new(1);
static ISSUERS: AtomicU64 = AtomicU64::new(1);

#[cfg(test)]
mod tests;
