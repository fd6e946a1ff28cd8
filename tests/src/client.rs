//! A client of the gateway, as plain as clients get: HTTP, JSON, a token.
#![expect(clippy::unwrap_used, reason = "a test whose client can't send has nothing to go on with")]

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{client::legacy, rt::TokioExecutor};
use serde_json::{Value, json};

/// Sends operations to one gateway.
#[derive(Debug, Clone)]
pub struct Client {
    http: legacy::Client<legacy::connect::HttpConnector, Full<Bytes>>,
    url: String,
    headers: Vec<(&'static str, String)>,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Client {
    /// A client of the gateway at `url`, anonymous.
    #[must_use]
    pub fn new(url: &str) -> Self {
        let http = legacy::Client::builder(TokioExecutor::new()).build_http();
        Self { http, url: url.to_owned(), headers: Vec::new() }
    }

    /// The same, over HTTP/2.
    #[must_use]
    pub fn over_http2(url: &str) -> Self {
        let http = legacy::Client::builder(TokioExecutor::new()).http2_only(true).build_http();
        Self { http, ..Self::new(url) }
    }

    /// The same client with one more header in each request.
    #[must_use]
    pub fn with(&self, name: &'static str, value: impl Into<String>) -> Self {
        let mut client = self.clone();
        client.headers.push((name, value.into()));
        client
    }

    /// The same client with this token.
    #[must_use]
    pub fn bearing(&self, token: &str) -> Self {
        self.with("authorization", format!("Bearer {token}"))
    }

    /// Sends anything anywhere.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn send(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Reply {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let response = self.http.request(request.body(Full::new(body.into())).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        Reply { status: head.status, headers: head.headers, body: body.collect().await.unwrap().to_bytes() }
    }

    /// Posts a body of JSON.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn post(&self, body: impl Into<Bytes>) -> Reply {
        self.with("content-type", "application/json").send(Method::POST, "/graphql", body).await
    }

    /// Runs a document with variables.
    ///
    /// # Panics
    /// When there is no answer, or it is not JSON.
    pub async fn run(&self, document: &str, variables: Value) -> Value {
        self.post(json!({ "query": document, "variables": variables }).to_string()).await.json()
    }

    /// Runs a document.
    ///
    /// # Panics
    /// When there is no answer, or it is not JSON.
    pub async fn query(&self, document: &str) -> Value {
        self.run(document, json!({})).await
    }
}

impl Reply {
    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// The code of each error, with its path: `feed.edges.0.node.author TIMEOUT`.
///
/// # Panics
/// When an error has no code.
#[must_use]
pub fn codes(answer: &Value) -> Vec<String> {
    let errors = answer["errors"].as_array().cloned().unwrap_or_default();
    errors
        .iter()
        .map(|error| {
            let path = error["path"].as_array().cloned().unwrap_or_default();
            let path: Vec<_> = path.iter().map(|step| step.to_string().replace('"', "")).collect();
            format!("{} {}", path.join("."), error["extensions"]["code"].as_str().unwrap()).trim().to_owned()
        })
        .collect()
}
