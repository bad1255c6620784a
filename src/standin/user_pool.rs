//! The demo's user pool: the part of Cognito's API that signing in takes, discovery and keys.
//!
//! Served: `InitiateAuth` with `USER_PASSWORD_AUTH` and `REFRESH_TOKEN_AUTH` (`REFRESH_TOKEN`),
//! `GET /<pool id>/.well-known/jwks.json` and `openid-configuration`, and CORS preflights. All else
//! is refused in Cognito's form: status 400, `x-amzn-errortype` and `{"__type", "message"}`.

use super::directory::Directory;
use super::keys::{self, KeyRing, Retired};
use super::serve::{self, BodyError, Handler};
use super::tokens::{self, SignIn};
use crate::clock;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Why the user pool can't start or answer.
#[derive(Debug, thiserror::Error)]
pub enum StandinError {
    /// A file or folder can't be read or written.
    #[error("{}: {source}; the user pool keeps its keys there", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A key file doesn't hold what it should.
    #[error("{} doesn't hold a usable key; delete it and a new one is made", .0.display())]
    BadKey(PathBuf),
    /// The system's randomness or the cryptography failed.
    #[error("a key or token couldn't be made; try again")]
    Crypto,
}

impl StandinError {
    /// The error's stable code.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Io { .. } => "standin_io",
            Self::BadKey(_) => "standin_bad_key",
            Self::Crypto => "standin_crypto",
        }
    }

    pub(super) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}

/// The user pool. Its keys live in a folder, so a restart changes neither keys nor refresh tokens.
pub struct UserPool {
    directory: Directory,
    issuer: String,
    folder: PathBuf,
    refresh_key: [u8; 32],
    ring: watch::Sender<Ring>,
}

/// The keys: none while they are being made, or why there are none.
type Ring = Option<Result<Arc<KeyRing>, Arc<StandinError>>>;

impl std::fmt::Debug for UserPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserPool").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl UserPool {
    /// Opens the pool with its keys in `folder`, which is made if need be. `issuer` becomes the
    /// tokens' `iss`, as given. Returns at once: at first start keys are made in the background,
    /// and requests that need them wait.
    ///
    /// # Errors
    /// If the folder can't be used or holds a broken refresh key. A broken signing key makes every
    /// request that needs it fail with InternalErrorException, see [`UserPool::ready`].
    pub fn open(
        directory: Directory,
        issuer: &str,
        folder: &Path,
    ) -> Result<Arc<Self>, StandinError> {
        std::fs::create_dir_all(folder).map_err(|error| StandinError::io(folder, error))?;
        let refresh_key = keys::secret(&folder.join("refresh.key"))?;
        let pool = Arc::new(Self {
            directory,
            issuer: issuer.to_owned(),
            folder: folder.to_owned(),
            refresh_key,
            ring: watch::Sender::new(None),
        });
        let background = Arc::clone(&pool);
        std::thread::spawn(move || {
            let ring = keys::open(&background.folder).map_err(Arc::new);
            background.ring.send_replace(Some(ring));
        });
        Ok(pool)
    }

    /// Waits until there are keys.
    ///
    /// # Errors
    /// Why there can't be any.
    pub async fn ready(&self) -> Result<(), Arc<StandinError>> {
        self.keys().await.map(|_| ())
    }

    /// Makes new keys, which sign from now on.
    ///
    /// # Errors
    /// If they can't be made or stored; the old ones then keep signing.
    pub async fn rotate(&self, retired: Retired) -> Result<(), StandinError> {
        let folder = self.folder.clone();
        let ring = tokio::task::spawn_blocking(move || keys::rotate(&folder, retired))
            .await
            .map_err(|_| StandinError::Crypto)??;
        self.ring.send_replace(Some(Ok(ring)));
        Ok(())
    }

    /// Serves until the future is dropped, which closes every connection.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) {
        serve::serve(listener, MAX_CONNECTIONS, self).await;
    }

    async fn keys(&self) -> Result<Arc<KeyRing>, Arc<StandinError>> {
        let mut changes = self.ring.subscribe();
        let ring = changes.wait_for(Option::is_some).await.map(|ring| ring.clone());
        ring.ok().flatten().unwrap_or_else(|| Err(Arc::new(StandinError::Crypto)))
    }

    async fn operation(&self, headers: &HeaderMap, body: Incoming) -> Result<Value, Refusal> {
        let mut targets = headers.get_all("x-amz-target").iter();
        let target = match (targets.next().map(HeaderValue::to_str), targets.next()) {
            (Some(Ok(target)), None) => target,
            _ => return Err(Refusal::new("UnknownOperationException", "")),
        };
        let body = serve::read(body, MAX_BODY).await.map_err(|error| match error {
            BodyError::TooLarge => Refusal {
                status: StatusCode::PAYLOAD_TOO_LARGE,
                ..Refusal::new("RequestEntityTooLargeException", "The body is over 64 KiB.")
            },
            BodyError::TooSlow | BodyError::Broken => {
                Refusal::new("SerializationException", "The body broke off.")
            }
        })?;
        let input: Value = serde_json::from_slice(&body)
            .ok()
            .filter(Value::is_object)
            .ok_or_else(|| Refusal::new("SerializationException", "The body is no JSON object."))?;
        match target.strip_prefix(TARGET_PREFIX) {
            Some("InitiateAuth") => self.initiate_auth(&input).await,
            _ => Err(Refusal::new(
                "UnknownOperationException",
                "The demo's user pool answers InitiateAuth only.",
            )),
        }
    }

    async fn initiate_auth(&self, input: &Value) -> Result<Value, Refusal> {
        let client = required(input.get("ClientId"), "clientId")?;
        let well_formed = !client.is_empty()
            && client.len() <= 128
            && client.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '+');
        if !well_formed {
            return Err(invalid(
                "1 validation error detected: Value at 'clientId' failed to \
                satisfy constraint: Member must satisfy regular expression pattern: [\\w+]+",
            ));
        }
        if !self.directory.clients.iter().any(|known| known == client) {
            let message = format!("User pool client {client} does not exist.");
            return Err(Refusal::new("ResourceNotFoundException", &message));
        }
        let parameters = input.get("AuthParameters").unwrap_or(&Value::Null);
        match required(input.get("AuthFlow"), "authFlow")? {
            "USER_PASSWORD_AUTH" => {
                let name = parameter(parameters, "USERNAME")?;
                let password = parameter(parameters, "PASSWORD")?;
                self.password(client, name, password).await
            }
            "REFRESH_TOKEN_AUTH" | "REFRESH_TOKEN" => {
                self.refresh(client, parameter(parameters, "REFRESH_TOKEN")?).await
            }
            flow @ ("USER_SRP_AUTH" | "CUSTOM_AUTH" | "USER_AUTH") => {
                Err(invalid(&format!("{flow} flow not enabled for this client")))
            }
            "ADMIN_NO_SRP_AUTH" | "ADMIN_USER_PASSWORD_AUTH" => {
                Err(invalid("Initiate Auth method not supported"))
            }
            _ => Err(invalid(
                "1 validation error detected: Value at 'authFlow' failed to satisfy \
                constraint: Member must satisfy enum value set",
            )),
        }
    }

    async fn password(&self, client: &str, name: &str, password: &str) -> Result<Value, Refusal> {
        if self.directory.sign_in(name, password).is_none() {
            return Err(not_authorized("Incorrect username or password."));
        }
        let sign_in = SignIn {
            username: name.to_owned(),
            client: client.to_owned(),
            auth_time: clock::now().secs(),
            origin_jti: tokens::uuid()?,
        };
        let mut result = self.authenticated(&sign_in).await?;
        let refresh = tokens::seal(&self.refresh_key, &self.directory.pool_id, &sign_in)?;
        if let Some(members) = result.as_object_mut() {
            members.insert("RefreshToken".into(), refresh.into());
        }
        Ok(json!({ "AuthenticationResult": result, "ChallengeParameters": {} }))
    }

    async fn refresh(&self, client: &str, token: &str) -> Result<Value, Refusal> {
        let pool = &self.directory.pool_id;
        let sign_in = tokens::open(&self.refresh_key, pool, token, clock::now())
            .filter(|sign_in| sign_in.client == client)
            .ok_or_else(|| not_authorized("Invalid Refresh Token"))?;
        let result = self.authenticated(&sign_in).await?;
        Ok(json!({ "AuthenticationResult": result, "ChallengeParameters": {} }))
    }

    async fn authenticated(&self, sign_in: &SignIn) -> Result<Value, Refusal> {
        // A refresh token may outlive its user.
        let user = self
            .directory
            .user(&sign_in.username)
            .ok_or_else(|| not_authorized("Invalid Refresh Token"))?;
        let ring = self.keys().await.map_err(|_| Refusal::internal())?;
        let now = clock::now();
        let pair = tokens::issue(&self.directory, &self.issuer, &ring, &user, sign_in, now)?;
        Ok(json!({
            "AccessToken": pair.access,
            "ExpiresIn": tokens::LIFETIME,
            "IdToken": pair.id,
            "TokenType": "Bearer",
        }))
    }

    async fn document(&self, path: &str) -> Result<String, Refusal> {
        let name = path.strip_prefix('/').and_then(|path| path.split_once("/.well-known/"));
        match name {
            Some((pool, "jwks.json")) if pool == self.directory.pool_id => {
                self.keys().await.map(|ring| ring.jwks.clone()).map_err(|_| Refusal::internal())
            }
            Some((pool, "openid-configuration")) if pool == self.directory.pool_id => {
                Ok(self.discovery().to_string())
            }
            _ => Err(Refusal {
                status: StatusCode::NOT_FOUND,
                ..Refusal::new("ResourceNotFoundException", "Nothing is served at this path.")
            }),
        }
    }

    /// OpenID Connect Discovery 1.0 §3. There are no hosted pages, so no authorization endpoint.
    fn discovery(&self) -> Value {
        json!({
            "issuer": self.issuer,
            "jwks_uri": format!("{}/.well-known/jwks.json", self.issuer),
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "token"],
            "scopes_supported": ["openid", "email", "phone", "profile"],
            "subject_types_supported": ["public"],
        })
    }
}

impl Handler for UserPool {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let mut response = if parts.method == Method::OPTIONS {
            preflight()
        } else if parts.method == Method::GET {
            let document = self.document(parts.uri.path()).await;
            document
                .map_or_else(Refusal::into_response, |text| json_response("application/json", text))
        } else if parts.method == Method::POST && parts.uri.path() == "/" {
            let answer = self.operation(&parts.headers, body).await;
            answer.map_or_else(Refusal::into_response, |value| {
                json_response(AMZ_JSON, value.to_string())
            })
        } else {
            Refusal::new("UnknownOperationException", "").into_response()
        };
        let headers = response.headers_mut();
        headers.insert("access-control-allow-origin", HeaderValue::from_static("*"));
        headers.insert("access-control-expose-headers", HeaderValue::from_static(EXPOSED));
        if let Some(id) = tokens::uuid().ok().and_then(|id| HeaderValue::try_from(id).ok()) {
            headers.insert("x-amzn-requestid", id);
        }
        response
    }
}

/// An exception in Cognito's form.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    kind: &'static str,
    message: String,
}

impl Refusal {
    fn new(kind: &'static str, message: &str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, kind, message: message.to_owned() }
    }

    fn internal() -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            ..Self::new("InternalErrorException", "The user pool's keys can't be used.")
        }
    }

    fn into_response(self) -> Response<Full<Bytes>> {
        let body = json!({ "__type": self.kind, "message": self.message }).to_string();
        let mut response = json_response(AMZ_JSON, body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        // The colon is Cognito's; SDKs cut the type there.
        if let Ok(kind) = HeaderValue::try_from(format!("{}:", self.kind)) {
            headers.insert("x-amzn-errortype", kind);
        }
        if let Ok(message) = HeaderValue::try_from(self.message) {
            headers.insert("x-amzn-errormessage", message);
        }
        response
    }
}

impl From<StandinError> for Refusal {
    fn from(_: StandinError) -> Self {
        Self::internal()
    }
}

fn invalid(message: &str) -> Refusal {
    Refusal::new("InvalidParameterException", message)
}

fn not_authorized(message: &str) -> Refusal {
    Refusal::new("NotAuthorizedException", message)
}

fn required<'v>(value: Option<&'v Value>, name: &str) -> Result<&'v str, Refusal> {
    value.and_then(Value::as_str).ok_or_else(|| {
        invalid(&format!(
            "1 validation error detected: Value null at '{name}' failed to satisfy constraint: \
             Member must not be null"
        ))
    })
}

fn parameter<'v>(parameters: &'v Value, name: &str) -> Result<&'v str, Refusal> {
    let value = parameters.get(name).and_then(Value::as_str);
    value.ok_or_else(|| invalid(&format!("Missing required parameter {name}")))
}

fn preflight() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    let headers = response.headers_mut();
    headers.insert("access-control-allow-methods", HeaderValue::from_static("GET, POST"));
    headers.insert("access-control-allow-headers", HeaderValue::from_static(ALLOWED));
    headers.insert("access-control-max-age", HeaderValue::from_static("172800"));
    response
}

fn json_response(content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    response.headers_mut().insert("content-type", HeaderValue::from_static(content_type));
    response
}

const TARGET_PREFIX: &str = "AWSCognitoIdentityProviderService.";
const AMZ_JSON: &str = "application/x-amz-json-1.1";
const EXPOSED: &str = "x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date";
/// What the SDKs for browsers send.
const ALLOWED: &str = "authorization, cache-control, content-type, x-amz-date, x-amz-target, \
    x-amz-user-agent, x-amz-security-token, amz-sdk-invocation-id, amz-sdk-request";
const MAX_CONNECTIONS: usize = 256;
const MAX_BODY: usize = 64 * 1024;
