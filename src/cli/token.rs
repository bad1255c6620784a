//! `poolgate token`.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use http::Uri;

use super::NO;
use crate::{
    load::{self, Endpoint, LoadError},
    standin::{CLIENT_ID, PASSWORD},
};

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
    /// The endpoint isn't `http://HOST[:PORT]`, or the same with `https:`.
    #[error("--endpoint must be http://HOST:PORT or https://HOST:PORT")]
    Endpoint,
    /// The system's certificates can't be read.
    #[error("{0}")]
    Tls(String),
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
        let endpoint = Endpoint::new(&self.endpoint).map_err(|error| match error {
            LoadError::Tls(message) => SignInError::Tls(message),
            _ => SignInError::Endpoint,
        })?;
        let tokens = load::sign_in(&endpoint, &self.client, &self.user, &self.password).await;
        let tokens = tokens.map_err(|error| match error {
            LoadError::Refused(message) => SignInError::Refused(message),
            LoadError::NotCognito(_) => SignInError::NotAUserPool(self.endpoint.clone()),
            _ => SignInError::Unreachable(self.endpoint.clone()),
        })?;
        Ok(match self.token_use {
            Use::Id => tokens.id,
            Use::Access => tokens.access,
        })
    }
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
