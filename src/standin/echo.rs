//! The demo's API: answers with the request it saw.

use super::serve::{self, BodyError, Handler};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpListener;

/// The echo API. Its answers are JSON: `method`, `path` and `query` as they came, `headers` by
/// name with repeated ones joined by `, `, and `body`, which is base64 (and `bodyBase64` true) if
/// it isn't UTF-8. Header values that aren't UTF-8 are shown with replacement characters.
#[derive(Debug, Default)]
pub struct Echo {
    requests: AtomicU64,
}

impl Echo {
    /// An API that has seen nothing yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// How many requests have reached the API, refused ones included.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Serves until the future is dropped, which closes every connection.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) {
        serve::serve(listener, MAX_CONNECTIONS, self).await;
    }
}

impl Handler for Echo {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Full<Bytes>> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let (parts, body) = request.into_parts();
        let body = match serve::read(body, MAX_BODY).await {
            Ok(body) => body,
            Err(error) => {
                let (status, message) = match error {
                    BodyError::TooLarge => {
                        (StatusCode::PAYLOAD_TOO_LARGE, "The body is over 16 MiB.")
                    }
                    BodyError::TooSlow => {
                        (StatusCode::REQUEST_TIMEOUT, "The body came too slowly.")
                    }
                    BodyError::Broken => (StatusCode::BAD_REQUEST, "The body broke off."),
                };
                return answer(status, &json!({ "message": message }));
            }
        };
        let mut seen = Map::new();
        seen.insert("method".into(), parts.method.as_str().into());
        seen.insert("path".into(), parts.uri.path().into());
        seen.insert("query".into(), parts.uri.query().unwrap_or("").into());
        seen.insert("headers".into(), headers(&parts.headers));
        match std::str::from_utf8(&body) {
            Ok(text) => seen.insert("body".into(), text.into()),
            Err(_) => {
                seen.insert("bodyBase64".into(), true.into());
                seen.insert("body".into(), STANDARD.encode(&body).into())
            }
        };
        answer(StatusCode::OK, &Value::Object(seen))
    }
}

fn headers(headers: &HeaderMap) -> Value {
    let one = |name: &header::HeaderName| {
        let values: Vec<_> =
            headers.get_all(name).iter().map(|v| String::from_utf8_lossy(v.as_bytes())).collect();
        (name.as_str().to_owned(), Value::from(values.join(", ")))
    };
    Value::Object(headers.keys().map(one).collect())
}

fn answer(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

/// Enough for a load test; beyond it connections wait.
const MAX_CONNECTIONS: usize = 4096;
const MAX_BODY: usize = 16 * 1024 * 1024;
