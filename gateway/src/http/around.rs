//! What goes around every request, on both listeners: an id, the catch for panics, the headers that every response has, the
//! time it took. It never looks at what is asked.

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicU64, Ordering},
};

use axum::{Router, body::Body, response::Response};
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use tokio::time::Instant;
use tower::ServiceExt;
use tracing::Instrument;

use super::{negotiate::MediaType, refusal::Refusal, respond};
use crate::metrics::{Metrics, Route};

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id of a client's that is taken over, in bytes.
const MAX_ID_BYTES: usize = 128;

/// On every response that does not say something else: no page embeds it, none frames it, and it loads nothing. Whether
/// connections are encrypted is the business of whoever ends TLS, and so is `Strict-Transport-Security`.
const SAFE: [(HeaderName, HeaderValue); 5] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// Makes ids for requests that bring none: the start of the process and a count. For finding a log line, not for secrecy.
pub(crate) struct RequestIds {
    start: i64,
    next: AtomicU64,
}

impl RequestIds {
    /// Ids of the process that started at `start`, in milliseconds since the Unix epoch.
    pub(crate) fn new(start: i64) -> Self {
        Self { start, next: AtomicU64::new(0) }
    }

    /// The id of a request: its own, if it can be written to a log as it is.
    fn of(&self, headers: &HeaderMap) -> HeaderValue {
        let own = headers
            .get(&REQUEST_ID)
            .filter(|id| (1..=MAX_ID_BYTES).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic));
        own.cloned().unwrap_or_else(|| {
            let id = format!("{:x}-{:x}", self.start, self.next.fetch_add(1, Ordering::Relaxed));
            HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("-"))
        })
    }
}

/// Lets `router` answer. A panic in there costs this request and nothing else.
pub(crate) async fn answer(
    router: Router,
    ids: &RequestIds,
    metrics: Option<&Metrics>,
    request: Request<Body>,
) -> Response {
    let started = Instant::now();
    let route = Route::of(request.uri().path());
    let id = ids.of(request.headers());
    let span = tracing::error_span!("request", id = id.to_str().unwrap_or_default());
    let mut response = match AssertUnwindSafe(router.oneshot(request)).catch_unwind().instrument(span.clone()).await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(panic) => {
            span.in_scope(|| log_panic(panic.as_ref()));
            respond::refusal(&Refusal::Internal, MediaType::Json, metrics)
        }
    };
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    for (name, value) in SAFE {
        headers.entry(name).or_insert(value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(metrics) = metrics {
        metrics.request(route, response.status(), started.elapsed());
    }
    response
}

/// What `work` comes to, a panic too.
pub(crate) async fn caught<T>(work: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|panic| {
        log_panic(panic.as_ref());
        Err(Refusal::Internal)
    })
}

/// Tells of a panic that was caught.
fn log_panic(panic: &(dyn Any + Send)) {
    let text = match panic.downcast_ref::<&str>() {
        Some(text) => text,
        None => panic.downcast_ref::<String>().map_or("", String::as_str),
    };
    tracing::error!(panic = text, "a request panicked");
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use http::StatusCode;
    use http_body_util::BodyExt;

    use super::*;

    async fn panics() -> &'static str {
        panic!("at {}", "the disco")
    }

    async fn ask(id: Option<&[u8]>, path: &str) -> (Response, RequestIds) {
        let router = Router::new().route("/fine", get(|| async { "fine" })).route("/panic", get(panics));
        let mut request = Request::get(path).body(Body::empty()).unwrap();
        if let Some(id) = id {
            request.headers_mut().insert(REQUEST_ID, HeaderValue::from_bytes(id).unwrap());
        }
        let ids = RequestIds::new(0xabc);
        (answer(router, &ids, None, request).await, ids)
    }

    #[tokio::test]
    async fn a_panic_is_a_500_with_a_code_and_without_its_text() {
        let (response, _) = ask(None, "/panic").await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, r#"{"errors":[{"message":"internal error","extensions":{"code":"INTERNAL"}}]}"#);
    }

    #[tokio::test]
    async fn an_id_is_taken_over_when_it_can_be_and_made_otherwise() {
        assert_eq!(ask(Some(b"Ab-1:2"), "/fine").await.0.headers()[REQUEST_ID], "Ab-1:2");
        for own in [None, Some(&b""[..]), Some(b"a b"), Some(b"\xff"), Some(&[b'a'; 129])] {
            assert_eq!(ask(own, "/fine").await.0.headers()[REQUEST_ID], "abc-0", "{own:?}");
        }
    }
}
