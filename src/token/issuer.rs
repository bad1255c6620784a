//! Who may issue tokens, and for whom.

use std::sync::Arc;

use super::{Algorithm, KeySet};

/// One accepted issuer.
#[derive(Debug)]
pub struct Issuer {
    /// A stable label: the pool's id, or the issuer without its scheme, or the load balancer's ARN.
    pub name: String,
    /// What kind of issuer it is.
    pub kind: IssuerKind,
    /// Accepted values of `iss`, compared exactly.
    pub issuers: Vec<String>,
    /// Accepted app clients (OIDC: audiences); empty accepts any.
    pub clients: Vec<String>,
    /// Accepted `aud` of user-pool access tokens that are bound to a resource, any of. Empty by
    /// default: such a token is then refused.
    pub resource_audiences: Vec<String>,
    /// Greatest age by `iat`, in seconds; a token without `iat` is then refused.
    pub max_age: Option<u32>,
    /// Its keys.
    pub keys: Arc<KeySet>,
}

/// What kind of issuer it is; decides the algorithms and which claims are checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssuerKind {
    /// A Cognito user pool.
    UserPool {
        /// The pool's id.
        id: String,
        /// The region in front of the id.
        region: String,
    },
    /// Any OpenID Connect provider.
    Oidc,
    /// An Application Load Balancer (`x-amzn-oidc-data`).
    Alb {
        /// The load balancer's ARN, which its tokens carry as `signer`.
        arn: String,
    },
}

/// An issuer that cannot be accepted as configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// Not a user-pool id.
    #[error("`{0}` is not a user pool id; it looks like `eu-west-1_Ab12Cd34E`")]
    PoolId(String),
    /// Two issuers accept the same `iss` (load balancers: the same ARN).
    #[error("two issuers accept `{0}`; each issuer may be configured once")]
    Duplicate(String),
    /// An issuer without any `iss`.
    #[error("the issuer `{0}` has an empty `iss`")]
    Empty(String),
}

impl IssuerError {
    /// A stable code for logs and documentation.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::PoolId(_) => "pool_id",
            Self::Duplicate(_) => "duplicate_issuer",
            Self::Empty(_) => "empty_issuer",
        }
    }
}

impl Issuer {
    /// A user pool. Both forms of its issuer are accepted; with `issuer` (a stand-in) that one only.
    ///
    /// # Errors
    /// [`IssuerError::PoolId`].
    pub fn user_pool(
        id: &str,
        clients: Vec<String>,
        issuer: Option<String>,
        keys: Arc<KeySet>,
    ) -> Result<Self, IssuerError> {
        let (region, forms) = pool_issuers(id)?;
        let kind = IssuerKind::UserPool { id: id.to_owned(), region: region.to_owned() };
        let issuers = issuer.map_or_else(|| forms.to_vec(), |issuer| vec![issuer]);
        Ok(Self::new(id.to_owned(), kind, issuers, clients, keys))
    }

    /// An OpenID Connect provider; `audiences` are the accepted values of `aud`.
    pub fn oidc(issuer: &str, audiences: Vec<String>, keys: Arc<KeySet>) -> Self {
        let name = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
        Self::new(name.to_owned(), IssuerKind::Oidc, vec![issuer.to_owned()], audiences, keys)
    }

    /// An Application Load Balancer that authenticates against `issuer` as one of `clients`.
    pub fn alb(arn: &str, issuer: &str, clients: Vec<String>, keys: Arc<KeySet>) -> Self {
        let kind = IssuerKind::Alb { arn: arn.to_owned() };
        Self::new(arn.to_owned(), kind, vec![issuer.to_owned()], clients, keys)
    }

    fn new(
        name: String,
        kind: IssuerKind,
        issuers: Vec<String>,
        clients: Vec<String>,
        keys: Arc<KeySet>,
    ) -> Self {
        let resource_audiences = Vec::new();
        Self { name, kind, issuers, clients, resource_audiences, max_age: None, keys }
    }

    /// User pools sign with RS256 only, load balancers with ES256 only.
    pub(crate) fn permits(&self, algorithm: Algorithm) -> bool {
        match self.kind {
            IssuerKind::UserPool { .. } => algorithm == Algorithm::Rs256,
            IssuerKind::Alb { .. } => algorithm == Algorithm::Es256,
            IssuerKind::Oidc => true,
        }
    }

    pub(crate) fn accepts_client(&self, client: &str) -> bool {
        self.clients.is_empty() || self.clients.iter().any(|accepted| accepted == client)
    }

    /// Whether a token verified for `self` is just as good for `other`: same settings, same keys.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        self.name == other.name
            && self.kind == other.kind
            && self.issuers == other.issuers
            && self.clients == other.clients
            && self.resource_audiences == other.resource_audiences
            && self.max_age == other.max_age
            && Arc::ptr_eq(&self.keys, &other.keys)
    }
}

/// The region of a pool id and the two forms of its issuer, the original one first.
fn pool_issuers(id: &str) -> Result<(&str, [String; 2]), IssuerError> {
    let invalid = || IssuerError::PoolId(id.to_owned());
    let (region, name) = id.split_once('_').ok_or_else(invalid)?;
    let parts: Vec<&str> = region.split('-').collect();
    let is_region = match parts.as_slice() {
        [words @ .., number] => {
            words.len() >= 2
                && words.iter().all(|w| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase()))
                && (1..=2).contains(&number.len())
                && number.bytes().all(|b| b.is_ascii_digit())
        }
        [] => false,
    };
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric());
    if !is_region || !is_name || id.len() > MAX_POOL_ID {
        return Err(invalid());
    }
    let suffix = match parts.first() {
        Some(&"cn") => "amazonaws.com.cn",
        Some(&"eusc") => "amazonaws.eu",
        _ => "amazonaws.com",
    };
    let form = |service: &str| format!("https://{service}.{region}.{suffix}/{id}");
    Ok((region, [form("cognito-idp"), form("issuer-cognito-idp")]))
}

/// Length limit of a user pool id (UserPoolIdType of the Cognito API).
const MAX_POOL_ID: usize = 55;
