//! What the head of a request must be before anybody looks at who sends it: method, length of the URL, where it may come
//! from, what the body is said to be. It never reads the body.

use http::{Method, request::Parts};

use super::{csrf, host, negotiate, refusal::Refusal};
use crate::gateway::Gateway;

/// Longest URL, in bytes: path and query as they were sent. What is longer belongs into a POST.
pub(crate) const MAX_URL_BYTES: usize = 16 * 1024;

/// Where a request has its operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// In the URL of a GET.
    Url,
    /// In the body of a POST.
    Body,
}

/// Where the operation is, when the head is in order.
pub(crate) fn check(head: &Parts, gateway: &Gateway) -> Result<Carrier, Refusal> {
    let url = head.uri.path_and_query().map_or(0, |url| url.as_str().len());
    match head.method {
        _ if gateway.is_for_this_machine() && !host::is_loopback(head) => Err(Refusal::ForeignHost),
        _ if url > MAX_URL_BYTES => Err(Refusal::UrlTooLong(MAX_URL_BYTES)),
        Method::GET if csrf::is_foreign(&head.headers, &gateway.config.cors_origins) => Err(Refusal::CrossSite),
        Method::GET => Ok(Carrier::Url),
        Method::POST if !negotiate::sends_json(&head.headers) => Err(Refusal::ContentType),
        Method::POST if negotiate::sends_compressed(&head.headers) => Err(Refusal::ContentEncoding),
        Method::POST => Ok(Carrier::Body),
        _ => Err(Refusal::Method),
    }
}
