//! The one way out of the control runtime: small documents over HTTP(S), and posted log records.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use ::http::{Method, Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::time::timeout;
use tokio_rustls::rustls::ClientConfig;

use crate::token::{Fetch, FetchError, FetchFuture, MAX_KEYS_BYTES};

/// Fetches key documents. No redirect is followed: where keys come from is configuration, and a
/// redirect would let someone else choose.
#[derive(Clone)]
pub struct HttpFetch {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl HttpFetch {
    /// A client that trusts what `tls` trusts.
    pub fn new(tls: &Arc<ClientConfig>) -> Self {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(LIMIT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(ClientConfig::clone(tls))
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            // An identity provider is asked every few minutes: a kept connection would be stale.
            .pool_max_idle_per_host(0)
            .build(connector);
        Self { client }
    }

    async fn get(self, url: String) -> Result<Bytes, FetchError> {
        let request = Request::builder()
            .method(Method::GET)
            .uri(&url)
            .header(header::ACCEPT, "application/json, application/x-pem-file, */*;q=0.1")
            .header(header::USER_AGENT, USER_AGENT)
            .body(Full::new(Bytes::new()))
            .map_err(|error| FetchError::Unreachable(error.to_string()))?;
        let answer = self.client.request(request).await;
        let answer = answer.map_err(|error| FetchError::Unreachable(chain(&error)))?;
        match answer.status() {
            StatusCode::OK => {}
            status if status.is_redirection() => return Err(FetchError::Redirected),
            status => return Err(FetchError::Status(status.as_u16())),
        }
        match Limited::new(answer.into_body(), MAX_KEYS_BYTES).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                Err(FetchError::TooLarge)
            }
            Err(error) => Err(FetchError::Unreachable(chain(&*error))),
        }
    }
}

impl Fetch for HttpFetch {
    fn fetch(&self, url: &str) -> FetchFuture {
        let get = self.clone().get(url.to_owned());
        Box::pin(async move { timeout(LIMIT, get).await.unwrap_or(Err(FetchError::TimedOut)) })
    }
}

/// A fetcher without a network, for `poolgate check`: keys are then simply not there.
pub struct Offline;

impl Fetch for Offline {
    fn fetch(&self, _: &str) -> FetchFuture {
        Box::pin(async { Err(FetchError::Unreachable("not asked for".to_owned())) })
    }
}

/// Posts log records, as the decision log's `http` sink does.
pub fn post_records(tls: &Arc<ClientConfig>) -> crate::telemetry::Post {
    let fetch = HttpFetch::new(tls);
    Arc::new(move |url: String, batch: Bytes| {
        let client = fetch.client.clone();
        let post: Pin<Box<dyn Future<Output = Result<(), String>> + Send>> = Box::pin(async move {
            let request = Request::builder()
                .method(Method::POST)
                .uri(&url)
                .header(header::CONTENT_TYPE, "application/x-ndjson")
                .header(header::USER_AGENT, USER_AGENT)
                .body(Full::new(batch))
                .map_err(|error| error.to_string())?;
            let sent = timeout(LIMIT, client.request(request)).await;
            let answer =
                sent.map_err(|_| "no answer in time".to_owned())?.map_err(|error| chain(&error))?;
            match answer.status() {
                status if status.is_success() => Ok(()),
                status => Err(format!("answered {status}")),
            }
        });
        post
    })
}

/// An error with its causes: hyper's own text names none.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

const LIMIT: Duration = Duration::from_secs(3);
const USER_AGENT: &str = concat!("poolgate/", env!("CARGO_PKG_VERSION"));
