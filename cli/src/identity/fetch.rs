//! One GET of an issuer's keys. It judges nothing of what comes but its size; how long it may take is the caller's business.

use std::path::Path;

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header::ACCEPT};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

use crate::{chain, failure::Failure, https};

/// Longest answer that is read, in bytes. Keys with their certificates take some kilobytes each.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// Why an answer is of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// No connection, or it broke.
    #[error("no answer: {0}")]
    Unreachable(String),
    /// The answer is no success. Redirects are not followed: the URL is to be the right one.
    #[error("the answer is {0}")]
    Status(StatusCode),
    /// More than anybody's keys take.
    #[error("the answer has more than {MAX_BODY_BYTES} bytes")]
    TooLarge,
    /// It did not come in time.
    #[error("no answer in time")]
    Timeout,
    /// It is no set of keys.
    #[error(transparent)]
    Garbage(#[from] nova_core::token::JwksError),
}

/// Gets an issuer's keys, as bytes.
pub(super) trait Fetch: Send + 'static {
    fn fetch(&self) -> impl Future<Output = Result<Bytes, FetchError>> + Send;
}

/// Gets them by HTTP, or HTTP over TLS.
pub(super) struct HttpFetch {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    url: Uri,
}

impl HttpFetch {
    /// Gets what is at `url`, from a server that shows a certificate of a public authority, or of one in the file `ca`.
    pub(super) fn new(url: Uri, ca: Option<&Path>) -> Result<Self, Failure> {
        let connector = https::connector("NOVA_TOKEN_JWKS_CA", ca)?;
        // The next fetch is minutes away: no connection waits for it.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Ok(Self { client, url })
    }
}

impl Fetch for HttpFetch {
    async fn fetch(&self) -> Result<Bytes, FetchError> {
        let broken = |error: &dyn std::error::Error| FetchError::Unreachable(chain(error));
        let request = Request::get(self.url.clone())
            .header(ACCEPT, "application/jwk-set+json, application/json")
            .body(Empty::new())
            .map_err(|error| broken(&error))?;
        let response = self.client.request(request).await.map_err(|error| broken(&error))?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        match Limited::new(response.into_body(), MAX_BODY_BYTES).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(FetchError::TooLarge),
            Err(error) => Err(FetchError::Unreachable(error.source().map_or_else(|| error.to_string(), chain))),
        }
    }
}
