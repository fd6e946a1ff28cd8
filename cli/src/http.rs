//! The one question that the command line asks over HTTP: does the gateway answer?

use std::time::Duration;

use bytes::Bytes;
use http::{Request, header::CONTENT_TYPE};
use http_body_util::Full;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::time::timeout;

/// Whether the gateway at `url` executes the smallest operation there is, within 2 seconds.
pub async fn answers(url: &str) -> bool {
    let body = Full::new(Bytes::from_static(br#"{"query":"{__typename}"}"#));
    let Ok(request) = Request::post(format!("{url}/graphql")).header(CONTENT_TYPE, "application/json").body(body)
    else {
        return false;
    };
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    matches!(timeout(Duration::from_secs(2), client.request(request)).await, Ok(Ok(response)) if response.status().is_success())
}
