//! Requests that a page of another site makes a browser send. A POST of JSON is none: for that content type a browser asks
//! first (a preflight), and we say no. A GET goes out without asking, so it is looked at here. Why this is enough:
//! `docs/decisions/http.md`.

use http::{
    HeaderMap, HeaderName,
    header::{AUTHORIZATION, ORIGIN, USER_AGENT},
};

use super::{
    cors::{self, Origins},
    negotiate,
};

/// Headers that no page can add to a request for another site without a preflight. Ours, and those that Apollo's clients send.
pub(super) const FORCE_PREFLIGHT: [HeaderName; 4] = [
    AUTHORIZATION,
    HeaderName::from_static("x-nova-csrf"),
    HeaderName::from_static("apollo-require-preflight"),
    HeaderName::from_static("x-apollo-operation-name"),
];
/// What browsers say about where a request comes from, to who is reached over TLS or on loopback. A page can't change it.
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a GET may come from a page of somebody else's. What is sent by no browser, by our own pages, by a person's own
/// hand, or after a preflight does not, and who may read the answer may ask.
pub(crate) fn is_foreign(headers: &HeaderMap, trusted: &Origins) -> bool {
    let asked_first = || {
        negotiate::sends_json(headers)
            || FORCE_PREFLIGHT.iter().any(|name| headers.get(name).is_some_and(|value| !value.is_empty()))
    };
    let from_elsewhere = match headers.get(SITE) {
        Some(site) => site != "same-origin" && site != "none",
        // Over plain HTTP, and in their older versions, they don't; some say what origin a page's script sends from.
        None => headers.contains_key(ORIGIN) || is_browser(headers),
    };
    from_elsewhere && !asked_first() && !cors::is_trusted(headers, trusted)
}

/// Whether it is sent by a browser: all of them say so, by custom, and a page can't change it without a preflight.
fn is_browser(headers: &HeaderMap) -> bool {
    headers.get(USER_AGENT).is_some_and(|agent| agent.as_bytes().starts_with(b"Mozilla/"))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const BROWSER: &str =
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36";

    fn foreign(headers: &[(&'static str, &'static str)]) -> bool {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        is_foreign(&headers, &"https://app.example".parse().unwrap())
    }

    #[test]
    fn what_a_foreign_page_can_send_is_told_from_the_rest() {
        for headers in [
            &[][..],
            &[("accept", "*/*"), ("sec-fetch-mode", "cors")],
            &[("user-agent", "curl/8.14.1"), ("accept", "*/*")],
            &[("user-agent", BROWSER), ("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")],
            &[("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")],
            &[("sec-fetch-site", "same-origin"), ("origin", "https://nova.example")],
            &[("sec-fetch-site", "cross-site"), ("origin", "https://app.example")],
        ] {
            assert!(!foreign(headers), "{headers:?}");
        }
        for headers in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "")],
            &[("sec-fetch-site", "cross-site"), ("accept", "application/graphql-response+json")],
            &[("sec-fetch-site", "cross-site"), ("content-type", "text/plain")],
            &[("sec-fetch-site", "cross-site"), ("x-nova-csrf", "")],
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
            // An image over plain HTTP, or in an old browser.
            &[("user-agent", BROWSER), ("accept", "image/avif,image/webp,*/*;q=0.8")],
            &[("user-agent", BROWSER), ("sec-fetch-site", "cross-site")],
        ] {
            assert!(foreign(headers), "{headers:?}");
        }
    }

    #[test]
    fn a_header_that_forces_a_preflight_opens() {
        for header in [
            ("x-nova-csrf", "1"),
            ("apollo-require-preflight", "true"),
            ("x-apollo-operation-name", "Feed"),
            ("authorization", "Bearer x"),
            ("content-type", "application/json"),
        ] {
            assert!(!foreign(&[("sec-fetch-site", "cross-site"), header]), "{header:?}");
            assert!(!foreign(&[("origin", "https://evil.example"), header]), "{header:?}");
            assert!(!foreign(&[("user-agent", BROWSER), header]), "{header:?}");
        }
    }
}
