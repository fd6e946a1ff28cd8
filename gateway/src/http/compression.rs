//! Compresses answers for clients that ask for it, when they are long enough to gain by it: whole, before they are sent, so that
//! no encoder waits for a slow reader. It turns nobody away: what can't be sent as the client wants it is sent as it is.

use std::io::{self, Write};

use axum::{
    body::{Body, HttpBody},
    response::Response,
};
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderValue, header::CONTENT_ENCODING};
use http_body_util::BodyExt;
use tokio::task::yield_now;

use super::negotiate;

/// The shortest answer that is compressed, in bytes: a shorter one fits into one packet as it is.
const MIN_BYTES: u64 = 1024;

/// Of gzip's 9. Above it a long answer takes twice the time for a tenth less, below it is a third longer
/// (`docs/decisions/http.md`).
const LEVEL: Compression = Compression::new(2);

/// How much of an answer is compressed before others have their turn on this thread, in bytes: about 0.4 ms.
const PIECE: usize = 64 * 1024;

/// The response as the client who sent these headers reads it best.
pub(crate) async fn apply(asked: &HeaderMap, response: Response) -> Response {
    let long = response.body().size_hint().exact().is_some_and(|bytes| bytes >= MIN_BYTES);
    if !long || !negotiate::accepts_gzip(asked) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let Ok(plain) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
        // It is whole already: there is nobody it could fail to come from.
        return Response::from_parts(head, Body::empty());
    };
    let body = match gzip(&plain).await {
        Ok(compressed) => {
            head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            Body::from(compressed)
        }
        Err(error) => {
            tracing::error!(%error, "an answer could not be compressed");
            Body::from(plain)
        }
    };
    Response::from_parts(head, body)
}

async fn gzip(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), LEVEL);
    let mut pieces = plain.chunks(PIECE);
    if let Some(first) = pieces.next() {
        encoder.write_all(first)?;
    }
    for piece in pieces {
        yield_now().await;
        encoder.write_all(piece)?;
    }
    let mut compressed = encoder.finish()?;
    // A slow reader keeps it for long.
    compressed.shrink_to_fit();
    Ok(compressed)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use http::header::ACCEPT_ENCODING;

    use super::*;

    fn asking(accept: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(accept))])
    }

    #[tokio::test]
    async fn an_answer_of_any_length_comes_out_again_and_says_how_long_it_is() {
        let text: Vec<u8> = (0..u32::MAX).flat_map(u32::to_le_bytes).take(3 * PIECE + 1).collect();
        for length in [1024, 1025, PIECE, PIECE + 1, 3 * PIECE + 1] {
            let plain = &text[..length];
            let response = apply(&asking("gzip"), Response::new(Body::from(plain.to_owned()))).await;
            assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
            let announced = response.body().size_hint().exact();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(announced, Some(body.len() as u64));
            let mut unpacked = Vec::new();
            GzDecoder::new(&body[..]).read_to_end(&mut unpacked).unwrap();
            assert!(unpacked == plain, "{length}");
        }
    }

    #[tokio::test]
    async fn what_is_short_or_not_wanted_is_left_as_it_is() {
        let long = "x".repeat(2_000);
        for (accept, plain) in [("gzip", "short"), ("br, *;q=0", &long), ("identity;q=0", &long), ("", &long)] {
            let response = apply(&asking(accept), Response::new(Body::from(plain.to_owned()))).await;
            assert!(!response.headers().contains_key(CONTENT_ENCODING), "{accept}");
            assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), plain);
        }
    }
}
