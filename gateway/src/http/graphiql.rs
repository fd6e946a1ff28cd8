//! GraphiQL for a browser, in development: a page at `/graphql` for who asks for HTML, and what it loads. It stands before
//! the other routes and answers nothing that they would; operations go their own way. The files come from
//! `gateway/graphiql/`, compressed; nothing is read from disk.

use std::io::{self, Read};

use axum::{
    body::Body,
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use flate2::read::GzDecoder;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use super::{
    negotiate::{self, MediaType},
    refusal::Refusal,
    respond,
};

/// A file of the page.
struct Asset {
    /// Where it is: the page at `/graphql`, the others at addresses that change with their content.
    path: &'static str,
    content_type: &'static str,
    /// SHA-256 of the content, in hexadecimal.
    hash: &'static str,
    /// The content, compressed.
    gzip: &'static [u8],
}

const ASSETS: &[Asset] = include!("../../graphiql/dist/assets.rs");

/// What the page may do: load its own files, and talk to where it came from. Styles that scripts set on elements and
/// constructed style sheets are no inline styles; nothing that is one is needed.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// On all of it, beside what every response has.
const HEADERS: [(HeaderName, &str); 2] =
    [(header::CONTENT_SECURITY_POLICY, POLICY), (HeaderName::from_static("cross-origin-opener-policy"), "same-origin")];

/// Answers for the page and its files, and lets everything else through.
pub(crate) async fn before(request: Request, next: Next) -> Response {
    let asset = wanted(&request);
    match asset {
        Some(asset) => answer(asset, request.headers()),
        None => next.run(request).await,
    }
}

fn wanted(request: &Request) -> Option<&'static Asset> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return None;
    }
    let asset = ASSETS.iter().find(|asset| asset.path == request.uri().path())?;
    (!asset.is_page() || negotiate::prefers_html(request.headers())).then_some(asset)
}

fn answer(asset: &Asset, asked: &HeaderMap) -> Response {
    // Weak: it is the same content whether compressed or not.
    let tag = format!("W/\"{}\"", asset.hash);
    let mut response = if asked.get_all(header::IF_NONE_MATCH).iter().any(|known| names(known, &tag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else if negotiate::accepts_gzip(asked) {
        ([(header::CONTENT_ENCODING, "gzip")], Body::from(Bytes::from_static(asset.gzip))).into_response()
    } else {
        match asset.content() {
            Ok(content) => Body::from(content).into_response(),
            Err(error) => {
                tracing::error!(%error, path = asset.path, "a file of the page is damaged");
                return respond::refusal(&Refusal::Internal, MediaType::Json, None);
            }
        }
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(asset.caching()));
    headers.insert(header::VARY, HeaderValue::from_static("accept, accept-encoding"));
    headers.extend(HeaderValue::try_from(tag).map(|tag| (header::ETAG, tag)));
    response
}

/// Whether a value of `If-None-Match` names `tag`.
fn names(known: &HeaderValue, tag: &str) -> bool {
    let weak = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known.to_str().is_ok_and(|known| known.split(',').any(|known| known.trim() == "*" || weak(known) == weak(tag)))
}

impl Asset {
    fn is_page(&self) -> bool {
        self.path == "/graphql"
    }

    /// The page is asked for again each time; what it loads has another address when it is something else.
    fn caching(&self) -> &'static str {
        if self.is_page() { "no-cache" } else { "public, max-age=31536000, immutable" }
    }

    fn content(&self) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        GzDecoder::new(self.gzip).read_to_end(&mut content)?;
        Ok(content)
    }
}

#[cfg(test)]
mod tests {
    use std::{fmt::Write, fs, path::Path};

    use sha2::{Digest, Sha256};

    use super::*;

    fn sha256(content: &[u8]) -> String {
        Sha256::digest(content).iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        })
    }

    #[test]
    fn the_committed_files_were_made_from_the_committed_sources() {
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("graphiql");
        let mut sources: Vec<String> = fs::read_dir(home.join("src"))
            .unwrap()
            .map(|entry| format!("src/{}", entry.unwrap().file_name().to_str().unwrap()))
            .collect();
        sources.sort();
        let files = ["package.json", "package-lock.json", "build.mjs"].map(String::from).into_iter().chain(sources);
        let mut lines = String::new();
        for file in files {
            writeln!(lines, "{file} {}", sha256(&fs::read(home.join(&file)).unwrap())).unwrap();
        }
        assert_eq!(
            include_str!("../../graphiql/dist/made-from.txt").trim(),
            sha256(lines.as_bytes()),
            "in gateway/graphiql: npm ci --ignore-scripts && npm run build"
        );
    }

    #[test]
    fn each_file_is_what_its_name_says_and_the_page_loads_no_other() {
        let page = String::from_utf8(ASSETS[0].content().unwrap()).unwrap();
        for asset in ASSETS {
            assert_eq!(sha256(&asset.content().unwrap()), asset.hash, "{}", asset.path);
            if !asset.is_page() {
                assert!(asset.path.contains(&asset.hash[..16]), "{}", asset.path);
                assert!(page.contains(&format!("=\"{}\"", asset.path)), "{}", asset.path);
            }
        }
        assert_eq!(page.matches("src=").count() + page.matches("href=").count(), ASSETS.len(), "and an empty icon");
        assert!(!page.contains("//"), "no other host");
    }

    #[test]
    fn the_licence_of_each_package_is_there() {
        let licences = ASSETS.iter().find(|asset| asset.path.contains("licences")).unwrap().content().unwrap();
        let licences = String::from_utf8(licences).unwrap();
        for name in ["graphiql", "codemirror", "react", "react-dom", "graphql"] {
            assert!(licences.lines().any(|line| line.starts_with(&format!("{name} "))), "{name}");
        }
    }
}
