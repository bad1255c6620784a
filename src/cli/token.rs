//! `poolgate token`.

use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use clap::{Args, ValueEnum};
use http::{Request, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::NO;
use crate::standin::{CLIENT_ID, PASSWORD};

/// Sign a user of the demo in and print a token
#[derive(Debug, Args)]
pub(super) struct Token {
    /// The user: alice, bob, carol or dave
    #[arg(long, value_name = "NAME")]
    user: String,
    /// Which of the two tokens to print
    #[arg(long = "use", value_name = "USE", value_enum, default_value_t = Use::Id)]
    token_use: Use,
    /// The password; the demo's users all have the default
    #[arg(long, default_value = PASSWORD, hide_default_value = true)]
    password: String,
    /// Where the demo's gate, or a user pool, listens
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    endpoint: Uri,
    /// The app client
    #[arg(long, value_name = "ID", default_value = CLIENT_ID)]
    client: String,
}

/// `token_use`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Use {
    /// The ID token, which identity pools take
    Id,
    /// The access token
    Access,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(super) enum SignInError {
    /// The endpoint isn't `http://HOST[:PORT]`.
    #[error("--endpoint must be http://HOST:PORT")]
    Endpoint,
    /// Nobody listens, or not in time.
    #[error("no answer from {0}; is `poolgate demo` running?")]
    Unreachable(Uri),
    /// The answer isn't a user pool's.
    #[error("{0} doesn't answer as a user pool; is it the demo's address?")]
    NotAUserPool(Uri),
    /// The user pool said no.
    #[error("sign-in was refused: {0}")]
    Refused(String),
}

impl Token {
    pub(super) fn run(self) -> ExitCode {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
            eprintln!("can't start: no runtime");
            return ExitCode::from(NO);
        };
        match runtime.block_on(self.sign_in()) {
            Ok(token) => {
                println!("{token}");
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("{error}");
                ExitCode::from(NO)
            }
        }
    }

    /// The token asked for.
    async fn sign_in(&self) -> Result<String, SignInError> {
        let answer = tokio::time::timeout(TIMEOUT, self.initiate_auth())
            .await
            .map_err(|_| SignInError::Unreachable(self.endpoint.clone()))??;
        let name = match self.token_use {
            Use::Id => "IdToken",
            Use::Access => "AccessToken",
        };
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        if let Some(token) = text(answer.get("AuthenticationResult").and_then(|r| r.get(name))) {
            return Ok(token);
        }
        Err(text(answer.get("message"))
            .map_or_else(|| SignInError::NotAUserPool(self.endpoint.clone()), SignInError::Refused))
    }

    async fn initiate_auth(&self) -> Result<Value, SignInError> {
        let host = self.endpoint.host().ok_or(SignInError::Endpoint)?;
        if self.endpoint.scheme_str() != Some("http") {
            return Err(SignInError::Endpoint);
        }
        let port = self.endpoint.port_u16().unwrap_or(80);
        let unreachable = || SignInError::Unreachable(self.endpoint.clone());
        // Brackets belong to an IPv6 address in a URL, not in a socket's.
        let address = (host.trim_start_matches('[').trim_end_matches(']'), port);
        let stream = TcpStream::connect(address).await.map_err(|_| unreachable())?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|_| unreachable())?;
        let body = json!({
            "AuthFlow": "USER_PASSWORD_AUTH",
            "ClientId": self.client,
            "AuthParameters": { "USERNAME": self.user, "PASSWORD": self.password },
        });
        let request = Request::post("/")
            .header(header::HOST, format!("{host}:{port}"))
            .header(header::CONTENT_TYPE, "application/x-amz-json-1.1")
            .header("x-amz-target", "AWSCognitoIdentityProviderService.InitiateAuth")
            .body(Full::new(Bytes::from(body.to_string())))
            .map_err(|_| SignInError::Endpoint)?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(|_| unreachable())?;
            let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
            let body = body.map_err(|_| SignInError::NotAUserPool(self.endpoint.clone()))?;
            serde_json::from_slice(&body.to_bytes())
                .map_err(|_| SignInError::NotAUserPool(self.endpoint.clone()))
        };
        let driven = tokio::spawn(connection);
        let answer = exchange.await;
        driven.abort();
        answer
    }
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;

const TIMEOUT: Duration = Duration::from_secs(10);
/// The most that is read of an answer, in bytes.
const MAX_ANSWER: usize = 64 * 1024;
