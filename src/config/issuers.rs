//! Whose tokens are taken, and how they are checked.

use std::path::PathBuf;
use std::time::Duration;

use super::map::Map;
use super::problem::{At, Position};
use super::read::{Field, Reader, Section, section};
use super::value::{ClientId, Keys, PoolId, Span, Url, UrlScheme, Words};
use super::yaml::{Kind, Node, Value};

/// A Cognito user pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPool {
    /// Where it is in the file.
    pub position: Position,
    /// Its id; the region is in front of the `_`.
    pub id: String,
    /// App clients whose tokens are taken; at least one.
    pub clients: Vec<String>,
    /// The output of `aws cognito-idp list-groups`, for the roles of access tokens.
    pub groups: Option<At<PathBuf>>,
    /// The issuer of a stand-in, instead of the two that follow from the id.
    pub issuer: Option<Url>,
    /// Where its keys come from, if not from where the issuer says.
    pub jwks: Option<At<Keys>>,
}

impl UserPool {
    /// The region in its id.
    pub fn region(&self) -> &str {
        self.id.split_once('_').map_or("", |(region, _)| region)
    }

    /// The issuers its tokens may have: the one of `issuer`, or both forms that Cognito uses.
    pub fn issuers(&self) -> Vec<String> {
        match &self.issuer {
            Some(issuer) => vec![issuer.as_str().to_owned()],
            None => ["cognito-idp", "issuer-cognito-idp"]
                .map(|service| format!("https://{}", self.on(service)))
                .to_vec(),
        }
    }

    /// Its name in `Logins`, whatever its issuer.
    pub fn provider(&self) -> String {
        self.on("cognito-idp")
    }

    fn on(&self, service: &str) -> String {
        let (region, id) = (self.region(), &self.id);
        let domain = match region {
            r if r.starts_with("cn-") => "amazonaws.com.cn",
            r if r.starts_with("eusc-") => "amazonaws.eu",
            _ => "amazonaws.com",
        };
        format!("{service}.{region}.{domain}/{id}")
    }

    /// Where its keys come from: `jwks`, or `.well-known/jwks.json` under the (first) issuer.
    pub fn keys(&self) -> Keys {
        let of_issuer = || {
            let issuers = self.issuers();
            let issuer = issuers.first().map_or("", |issuer| issuer.trim_end_matches('/'));
            Keys::Url(format!("{issuer}/.well-known/jwks.json"))
        };
        self.jwks.as_ref().map_or_else(of_issuer, |jwks| jwks.value.clone())
    }
}

/// An OpenID Connect provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcProvider {
    /// Where it is in the file.
    pub position: Position,
    /// The `iss` of its tokens, exactly.
    pub issuer: Url,
    /// Audiences whose tokens are taken; at least one.
    pub audiences: Vec<String>,
    /// Where its keys come from; without `jwks` in the file, discovery.
    pub jwks: At<Keys>,
}

/// How tokens are checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRules {
    /// By how much clocks may differ.
    pub leeway: Duration,
    /// How long keys are used after they could last be fetched.
    pub max_stale: Duration,
    /// The file that lists what is revoked.
    pub revocations: Option<At<PathBuf>>,
}

impl OidcProvider {
    /// Its name in `Logins`: the issuer without its scheme.
    pub fn provider(&self) -> &str {
        let issuer = self.issuer.as_str();
        issuer.split_once("://").map_or(issuer, |(_, name)| name)
    }
}

impl Section for UserPool {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let id = map.required("id", "Its id. The region, the issuer and the keys follow from it.");
        let clients = map.some("clients", "App clients whose tokens are taken, at least one.");
        let groups = map.optional(
            "groups",
            "What `aws cognito-idp list-groups` prints, for the roles of access tokens.",
        );
        let doc = "The issuer of a stand-in, instead of the two that follow from the id.";
        let issuer: Option<Option<Url>> = map.optional("issuer", doc);
        let jwks: Option<Option<At<Keys>>> = map.optional("jwks", JWKS);
        let (PoolId(id), issuer, jwks) = (id?, issuer?, jwks?);
        demand_trust(map, issuer.as_ref(), jwks.as_ref())?;
        let clients = clients?.into_iter().map(|ClientId(client)| client).collect();
        Some(Self { position: map.here(), id, clients, groups: groups?, issuer, jwks })
    }
}

impl Section for OidcProvider {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let issuer: Option<Url> = map.required("issuer", "The `iss` of its tokens, exactly.");
        let doc = "Audiences whose tokens are taken, at least one.";
        let audiences = map.some("audiences", doc);
        let jwks: Option<Option<At<Keys>>> = map.optional("jwks", JWKS);
        let (issuer, jwks) = (issuer?, jwks?);
        demand_trust(map, Some(&issuer), jwks.as_ref())?;
        let discover = || At {
            value: Keys::Discover(issuer.join("/.well-known/openid-configuration")),
            position: map.here(),
        };
        let jwks = jwks.unwrap_or_else(discover);
        let audiences = audiences?.into_iter().map(|Words(audience)| audience).collect();
        Some(Self { position: map.here(), issuer, audiences, jwks })
    }
}

impl Section for TokenRules {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let leeway = map.bounded(
            "leeway",
            "0s",
            ["0s", "5m"],
            "By how much clocks may differ when times in tokens are checked.",
        );
        let max_stale = map.bounded(
            "max_stale",
            "24h",
            ["1m", "720h"],
            "How long keys are used after they could last be fetched.",
        );
        let doc = "A file that lists what is revoked, an object of JSON a line; looked at four times a second.";
        let revocations = map.optional::<At<FileOrNull>>("revocations", doc);
        let (Span(leeway), Span(max_stale)) = (leeway?, max_stale?);
        Some(Self { leeway, max_stale, revocations: revocations?.and_then(given) })
    }
}

section!(OidcProvider, TokenRules, UserPool);

fn given(At { value: FileOrNull(path), position }: At<FileOrNull>) -> Option<At<PathBuf>> {
    path.map(|value| At { value, position })
}

/// A path, or that there is none.
struct FileOrNull(Option<PathBuf>);

impl Field for FileOrNull {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match node.value {
            Value::Scalar { kind: Kind::Null, .. } => Some(Self(None)),
            _ => PathBuf::read(node, reader).map(|path| Self(Some(path))),
        }
    }

    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": ["string", "null"], "minLength": 1 })
    }
}

/// Where keys are fetched from the issuer, the issuer must be one whose answers can be trusted.
fn demand_trust(
    map: &mut Map<'_, '_>,
    issuer: Option<&Url>,
    jwks: Option<&At<Keys>>,
) -> Option<()> {
    match (issuer, jwks) {
        (Some(issuer), None) if issuer.scheme() == UrlScheme::Http && !issuer.is_loopback() => {
            let message = "keys are not fetched over http: from another machine; \
                           use https:, or name them in `jwks`";
            map.error(Some("issuer"), message);
            None
        }
        _ => Some(()),
    }
}

const JWKS: &str = "Where the keys come from, if not from where the issuer says: https:, http: on \
                    loopback, or file:PATH.";
