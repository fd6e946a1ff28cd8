//! The questions that the command line asks over HTTP: does a server answer?

use std::time::Duration;

use bytes::Bytes;
use http::{
    Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use http_body_util::Full;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::time::timeout;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether the gateway at `url` executes the smallest operation there is, within 2 seconds.
pub async fn answers(url: &str) -> bool {
    let body = Full::new(Bytes::from_static(br#"{"query":"{__typename}"}"#));
    let request = Request::post(format!("{url}/graphql")).header(CONTENT_TYPE, "application/json").body(body);
    send(request).await.is_some_and(|status| status.is_success())
}

/// What `url` answers to GET with this token, within 2 seconds; the body is not read.
pub async fn status(url: &str, token: Option<&str>) -> Option<StatusCode> {
    let mut request = Request::get(url);
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, token);
    }
    send(request.body(Full::default())).await
}

async fn send(request: http::Result<Request<Full<Bytes>>>) -> Option<StatusCode> {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    Some(timeout(PATIENCE, client.request(request.ok()?)).await.ok()?.ok()?.status())
}
