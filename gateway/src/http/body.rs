//! Reads the body of a request: all of it, in time, up to the cap. It never looks inside.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;

use super::refusal::Refusal;

/// How many times the cap is read and thrown away of a body that is too large. A client that is still sending often
/// does not look for an answer, and closing the connection under it loses the 413.
const DISCARD_FACTOR: usize = 8;

/// The whole body, if it is at most `cap` bytes and there within `limit`.
pub(crate) async fn read(headers: &HeaderMap, mut body: Body, cap: usize, limit: Duration) -> Result<Bytes, Refusal> {
    // Who asks first (`Expect: 100-continue`) sends nothing before it is told to.
    if headers.contains_key(header::EXPECT) && announced(headers).is_some_and(|length| length > cap) {
        return Err(Refusal::BodyTooLarge(cap));
    }
    timeout(limit, async {
        match Limited::new(&mut body, cap).collect().await {
            Ok(collected) => Ok(collected.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => {
                discard(body, cap.saturating_mul(DISCARD_FACTOR)).await;
                Err(Refusal::BodyTooLarge(cap))
            }
            Err(_) => Err(Refusal::BadRequest("the body ended early".into())),
        }
    })
    .await
    .unwrap_or(Err(Refusal::BodyTimeout))
}

fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn discard(mut body: Body, at_most: usize) {
    let mut seen = 0;
    while seen < at_most
        && let Some(Ok(frame)) = body.frame().await
    {
        seen += frame.data_ref().map_or(0, Bytes::len);
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{StreamExt, stream};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn chunks(count: usize, size: usize) -> Body {
        Body::from_stream(stream::iter((0..count).map(move |_| Ok::<_, Infallible>(Bytes::from(vec![b'x'; size])))))
    }

    #[tokio::test]
    async fn the_cap_is_exact_however_the_body_is_cut() {
        let read_chunks = |count, size| read_all(chunks(count, size));
        assert_eq!(read_chunks(10, 10).await.unwrap().len(), 100);
        assert_eq!(read_chunks(1, 100).await.unwrap().len(), 100);
        assert_eq!(read_chunks(0, 0).await.unwrap().len(), 0);
        assert_eq!(read_chunks(1, 101).await, Err(Refusal::BodyTooLarge(100)));
        assert_eq!(read_chunks(101, 1).await, Err(Refusal::BodyTooLarge(100)));
    }

    async fn read_all(body: Body) -> Result<Bytes, Refusal> {
        read(&HeaderMap::new(), body, 100, SECOND).await
    }

    #[tokio::test]
    async fn an_endless_body_is_not_read_for_ever() {
        let endless = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(b"0123456789")));
        assert_eq!(read_all(Body::from_stream(endless)).await, Err(Refusal::BodyTooLarge(100)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_is_a_timeout() {
        let stuck = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"{"))]).chain(stream::pending());
        assert_eq!(read_all(Body::from_stream(stuck)).await, Err(Refusal::BodyTimeout));
    }

    #[tokio::test]
    async fn who_asks_first_is_told_before_the_body_is_asked_for() {
        let mut headers = HeaderMap::new();
        headers.insert(header::EXPECT, "100-continue".parse().unwrap());
        headers.insert(header::CONTENT_LENGTH, "101".parse().unwrap());
        let never = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        assert_eq!(read(&headers, never, 100, SECOND).await, Err(Refusal::BodyTooLarge(100)));
    }
}
