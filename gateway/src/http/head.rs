//! What the head of a request must be before anybody looks at who sends it: method, length of the URL, where it may come
//! from, what the body is said to be. It never reads the body.

use http::{Method, request::Parts};

use super::{cors::Origin, csrf, negotiate, refusal::Refusal};

/// Longest URL, in bytes: path and query as they were sent. What is longer belongs into a POST.
pub(crate) const MAX_URL_BYTES: usize = 16 * 1024;

/// Whether the request is a GET; if not, it is a POST. Pages of the `trusted` origins may send one.
pub(crate) fn check(head: &Parts, trusted: &[Origin]) -> Result<bool, Refusal> {
    let url = head.uri.path_and_query().map_or(0, |url| url.as_str().len());
    match head.method {
        _ if url > MAX_URL_BYTES => Err(Refusal::UrlTooLong(MAX_URL_BYTES)),
        Method::GET if csrf::is_foreign(&head.headers, trusted) => Err(Refusal::CrossSite),
        Method::GET => Ok(true),
        Method::POST if !negotiate::sends_json(&head.headers) => Err(Refusal::ContentType),
        Method::POST if negotiate::sends_compressed(&head.headers) => Err(Refusal::ContentEncoding),
        Method::POST => Ok(false),
        _ => Err(Refusal::Method),
    }
}
