//! Pages of other origins that may read answers: those that the operator names, exactly, and nobody else.

use std::{fmt, str::FromStr, time::Duration};

use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{CONTENT_TYPE, ORIGIN, RETRY_AFTER},
    uri::Authority,
};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::{around::REQUEST_ID, csrf};

/// How long a browser may remember what a preflight said. Browsers have caps of their own, the lowest of them two hours.
const REMEMBERED: Duration = Duration::from_hours(2);

/// Origins of web pages, as browsers write them: `https://app.example`, with a port where it is not the scheme's own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origins(Vec<HeaderValue>);

/// A text that no browser sends as an origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no origin: that is scheme and host in lower case, as in https://app.example or http://localhost:3000, no path, no \
     wildcard"
)]
pub struct NotAnOrigin(String);

impl FromStr for Origins {
    type Err = NotAnOrigin;

    fn from_str(list: &str) -> Result<Self, NotAnOrigin> {
        let named = list.split(',').map(str::trim).filter(|text| !text.is_empty());
        named.map(|text| origin(text).ok_or_else(|| NotAnOrigin(text.to_owned()))).collect::<Result<_, _>>().map(Self)
    }
}

fn origin(text: &str) -> Option<HeaderValue> {
    let (scheme, rest) = text.split_once("://")?;
    let own_port = match scheme {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    let authority: Authority = rest.parse().ok()?;
    let exact = rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte));
    // What a browser would write for this host and port.
    let written = match authority.port_u16() {
        Some(port) if port != own_port => format!("{}:{port}", authority.host()),
        _ => authority.host().to_owned(),
    };
    let browsers = exact && written == rest && !authority.host().is_empty();
    browsers.then(|| HeaderValue::from_str(text).ok()).flatten()
}

impl fmt::Display for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, origin) in self.0.iter().enumerate() {
            let comma = if n > 0 { "," } else { "" };
            write!(f, "{comma}{}", origin.to_str().unwrap_or_default())?;
        }
        Ok(())
    }
}

impl Origins {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether a browser says that a page of one of these origins sends this.
pub(crate) fn is_trusted(headers: &HeaderMap, origins: &Origins) -> bool {
    headers.get(ORIGIN).is_some_and(|origin| origins.0.contains(origin))
}

/// Answers preflights, and lets pages of `origins` read answers. Credentials are allowed for the session's cookie, which keeps an
/// anonymous caller on one side of a rollout and has no rights: browsers send it along (`SameSite=Lax`) from origins of our own
/// site, such as `https://app.example` for `https://api.app.example`.
pub(crate) fn layer(origins: &Origins) -> CorsLayer {
    let asked =
        ["x-nova-debug", "apollographql-client-name", "apollographql-client-version"].map(HeaderName::from_static);
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.0.iter().cloned()))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(
            [CONTENT_TYPE, REQUEST_ID].into_iter().chain(csrf::FORCE_PREFLIGHT).chain(asked).collect::<Vec<_>>(),
        )
        .expose_headers([REQUEST_ID, RETRY_AFTER])
        .max_age(REMEMBERED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_exact() {
        for text in [
            "https://app.example",
            "http://localhost:3000",
            "http://127.0.0.1:8080",
            "https://[::1]:8443",
            "http://[::1]",
        ] {
            assert_eq!(text.parse::<Origins>().unwrap().to_string(), text);
        }
        for text in [
            "*",
            "null",
            "app.example",
            "https://",
            "https://*",
            "https://*.example",
            "https://app.example/",
            "https://app.example/x",
            "https://App.example",
            "https://app.example:443",
            "http://a:80",
            "https://a:",
            "https://a:x",
            "https://a:070",
            "https://a:70000",
            "https://u@a",
            "https://a b",
            "ftp://a",
            "https://a?b",
            "https://a#b",
            "https://:8080",
            "https://é",
        ] {
            assert_eq!(text.parse::<Origins>(), Err(NotAnOrigin(text.into())), "{text}");
            assert_eq!(format!("https://a,{text}").parse::<Origins>(), Err(NotAnOrigin(text.into())), "{text}");
        }
    }

    #[test]
    fn a_list_may_be_empty() {
        for text in ["", " ", ","] {
            assert!(text.parse::<Origins>().unwrap().is_empty(), "{text}");
        }
        let two: Origins = "https://app.example, http://localhost:3000".parse().unwrap();
        assert_eq!(two.to_string(), "https://app.example,http://localhost:3000");
    }

    #[test]
    fn trust_is_for_the_origin_to_the_letter() {
        let origins = "https://a.example,https://app.example".parse().unwrap();
        let trusted = |origin: &'static str| {
            is_trusted(&HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static(origin))]), &origins)
        };
        assert!(trusted("https://app.example"));
        for origin in ["https://app.example.evil.example", "http://app.example", "https://app.example:8443", "null", ""]
        {
            assert!(!trusted(origin), "{origin}");
        }
        assert!(!is_trusted(&HeaderMap::new(), &origins));
    }
}
