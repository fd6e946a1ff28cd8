//! Requests with JSON, to Unleash and to the gateway's admin listener.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use nova_cli::failure::Failure;
use serde_json::Value;
use tokio::time::timeout;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks one server. An answer other than success is a failure.
pub(super) struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
    token: Option<String>,
}

impl Http {
    pub(super) fn new(url: &str, token: Option<&str>) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, url: url.to_owned(), token: token.map(str::to_owned) }
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.send(Method::GET, path, Full::default()).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let body = if body.is_null() { Full::default() } else { Full::from(body.to_string()) };
        self.send(Method::POST, path, body).await
    }

    async fn send(&self, method: Method, path: &str, body: Full<Bytes>) -> Result<Value, Failure> {
        let failed = |why: String| Failure::Unavailable(format!("{}{path}: {why}", self.url));
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        request = request.header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, token);
        }
        let request = request.body(body).map_err(|error| failed(error.to_string()))?;
        let answer = async {
            let response = self.client.request(request).await.map_err(|error| error.to_string())?;
            let status = response.status();
            let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
            if status.is_success() { Ok(body) } else { Err(status.to_string()) }
        };
        let answer = timeout(PATIENCE, answer).await.map_err(|_| failed("no answer".into()))?;
        // Some answers have no body.
        Ok(serde_json::from_slice(&answer.map_err(failed)?).unwrap_or_default())
    }
}
