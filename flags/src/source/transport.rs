//! How Unleash's client reaches Unleash: over hyper, with what the client's own transport lacks. A request has a time limit to
//! its last byte, an answer a size; what was accepted is not sent again (`ETag`); redirects are not followed; a status other
//! than success is an error. It judges nothing of what an answer says, and no error of it has a token in it.

use std::{collections::HashMap, error::Error, fmt, sync::Arc, time::Duration};

use anyhow::Result;
use async_trait::async_trait;
use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper_util::{
    client::legacy::{Client, connect::Connect},
    rt::TokioExecutor,
};
use nova_core::chain;
use parking_lot::Mutex;
use tokio::time::timeout;
use unleash_api_client::http::{Method, Request, Response, Transport};

use super::error::{NotModified, SyncError};

/// How long a request to Unleash may take, to the last byte of the answer.
pub const REQUEST_TIMEOUT: Duration = Duration::from_millis(1_500);
/// Longest answer that is read, in bytes. A thousand flags with their strategies take less than one MiB.
pub(super) const MAX_BODY_BYTES: usize = 8 << 20;

/// A client of one server, which keeps one connection to it.
pub struct HttpTransport<C> {
    client: Client<C, Full<Bytes>>,
    timeout: Duration,
    tags: Tags,
}

/// The `ETag`s of answers. Only one that was accepted is sent back: a server that keeps giving a refused answer would say
/// "not modified" otherwise, and look healthy. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Tags(Arc<Mutex<HashMap<String, Tag>>>);

#[derive(Debug)]
struct Tag {
    value: HeaderValue,
    accepted: bool,
}

impl Tags {
    /// The answer that came last from `url` was good.
    pub(super) fn accept(&self, url: &str) {
        if let Some(tag) = self.0.lock().get_mut(url) {
            tag.accepted = true;
        }
    }

    fn accepted(&self, url: &str) -> Option<HeaderValue> {
        self.0.lock().get(url).filter(|tag| tag.accepted).map(|tag| tag.value.clone())
    }

    /// Remembers the tag of an answer that nobody has looked at. There are as many as URLs that are fetched: one.
    fn offered(&self, url: &str, value: Option<HeaderValue>) {
        let mut tags = self.0.lock();
        match value {
            Some(value) => drop(tags.insert(url.to_owned(), Tag { value, accepted: false })),
            None => drop(tags.remove(url)),
        }
    }
}

impl<C: Connect + Clone + Send + Sync + 'static> HttpTransport<C> {
    /// Connects by `connector`. A request may take `timeout`, to the last byte.
    pub fn new(connector: C, timeout: Duration) -> Self {
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(1).build(connector);
        Self { client, timeout, tags: Tags::default() }
    }

    /// Where to say that an answer was good.
    #[must_use]
    pub fn tags(&self) -> Tags {
        self.tags.clone()
    }

    async fn exchange(&self, request: Request) -> Result<Response> {
        let get = matches!(request.method, Method::Get);
        let url = request.url.clone();
        let known = if get { self.tags.accepted(&url) } else { None };
        let response = self.client.request(outgoing(request, known.clone())?).await;
        let response = response.map_err(|error| unreachable(&error))?;
        match response.status() {
            status if status.is_success() => {}
            StatusCode::NOT_MODIFIED if known.is_some() => return Err(NotModified.into()),
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => return Err(SyncError::Denied(status).into()),
            status => return Err(SyncError::Status(status).into()),
        }
        let (status, tag) = (response.status().as_u16(), response.headers().get(ETAG).cloned());
        let body = collect(response.into_body()).await?;
        if get {
            self.tags.offered(&url, tag);
        }
        Ok(Response { status, body: body.into() })
    }
}

#[async_trait]
impl<C: Connect + Clone + Send + Sync + 'static> Transport for HttpTransport<C> {
    async fn execute(&self, request: Request) -> Result<Response> {
        let answer = timeout(self.timeout, self.exchange(request)).await;
        answer.unwrap_or_else(|_| Err(SyncError::Timeout(self.timeout).into()))
    }
}

impl<C> fmt::Debug for HttpTransport<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransport").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

fn outgoing(request: Request, known: Option<HeaderValue>) -> Result<http::Request<Full<Bytes>>> {
    // The settings were checked at start; if one of them can't be sent all the same, its value stays unsaid.
    let unsendable = |what: &str| SyncError::Unreachable(format!("{what} can't be sent"));
    let method = match request.method {
        Method::Get => http::Method::GET,
        Method::Post => http::Method::POST,
    };
    let mut outgoing = http::Request::builder().method(method).uri(request.url).header(ACCEPT, "application/json");
    if request.body.is_some() {
        outgoing = outgoing.header(CONTENT_TYPE, "application/json");
    }
    if let Some(tag) = known {
        outgoing = outgoing.header(IF_NONE_MATCH, tag);
    }
    for (name, value) in request.headers {
        let name: HeaderName = name.parse().map_err(|_| unsendable("the name of a header"))?;
        let mut value = HeaderValue::try_from(value).map_err(|_| unsendable(name.as_str()))?;
        value.set_sensitive(name == AUTHORIZATION);
        outgoing = outgoing.header(name, value);
    }
    let body = Full::from(request.body.unwrap_or_default());
    Ok(outgoing.body(body).map_err(|_| unsendable("the request"))?)
}

/// The whole body: refused as soon as it says, or turns out, to be too long.
async fn collect(body: Incoming) -> Result<Bytes, SyncError> {
    if body.size_hint().lower() > MAX_BODY_BYTES as u64 {
        return Err(SyncError::TooLarge);
    }
    match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(SyncError::TooLarge),
        Err(error) => Err(unreachable(&*error)),
    }
}

/// What hyper says, with its causes. It speaks of connections, never of what is sent over them.
fn unreachable(error: &dyn Error) -> SyncError {
    SyncError::Unreachable(chain(error))
}

#[cfg(test)]
mod tests;
