//! Reads the body of a request: all of it, in time, up to the cap. It never looks inside.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use hyper::body::Body as _;
use tokio::time::{Instant, timeout_at};

use super::refusal::Refusal;
use crate::shed::Room;

/// How many times the cap is read and thrown away of a body that is too large. A client that is still sending often
/// does not look for an answer, and closing the connection under it loses the 413.
const DISCARD_FACTOR: usize = 8;

/// The whole body, if it is at most `cap` bytes, there within `limit`, and `room` has room for it; and the room that it takes
/// until the request ends.
pub(crate) async fn read<'a>(
    headers: &HeaderMap,
    mut body: Body,
    cap: usize,
    limit: Duration,
    mut room: Room<'a>,
) -> Result<(Bytes, Room<'a>), Refusal> {
    // Who asks first (`Expect: 100-continue`) sends nothing before it is told to.
    if headers.contains_key(header::EXPECT) && announced(headers).is_some_and(|length| length > cap) {
        return Err(Refusal::BodyTooLarge(cap));
    }
    let end = Instant::now() + limit;
    let read = timeout_at(end, whole(&mut body, cap, &mut room)).await.unwrap_or(Err(Refusal::BodyTimeout));
    match read {
        Ok(bytes) => Ok((bytes, room)),
        Err(refusal) => {
            drop(room);
            if refusal == Refusal::BodyTooLarge(cap) {
                let _ = timeout_at(end, discard(body, cap.saturating_mul(DISCARD_FACTOR))).await;
            }
            Err(refusal)
        }
    }
}

/// Copied together as it comes: a chunk can hold much more memory than its bytes.
async fn whole(body: &mut Body, cap: usize, room: &mut Room<'_>) -> Result<Bytes, Refusal> {
    let mut whole = BytesMut::new();
    loop {
        let frame = tokio::select! {
            biased;
            frame = body.frame() => frame,
            refusal = room.gave_way() => return Err(refusal),
        };
        let data = match frame {
            None => break,
            Some(Err(_)) => return Err(Refusal::BadRequest("the body ended early".into())),
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
        };
        if whole.len() + data.len() > cap {
            return Err(Refusal::BodyTooLarge(cap));
        }
        if whole.is_empty() && body.is_end_stream() {
            room.arrived(data.len(), &data)?;
            return Ok(data);
        }
        room.grow(data.len())?;
        whole.extend_from_slice(&data);
    }
    room.arrived(0, &whole)?;
    Ok(whole.freeze())
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
    use http::{Request, request::Parts};

    use super::*;
    use crate::{
        config::Config,
        shed::{PER_REQUEST, Shed, ShedMetrics, ShedReason},
    };

    /// What a request takes whose head is only the path `/`.
    const HEAD: usize = PER_REQUEST + 1;
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
        read_with(&HeaderMap::new(), body, &shed(HEAD + 100)).await
    }

    async fn read_with(headers: &HeaderMap, body: Body, shed: &Shed) -> Result<Bytes, Refusal> {
        let read = read(headers, body, 100, SECOND, shed.room(true, &head())?).await;
        let taken = read.as_ref().map_or(0, |(bytes, _)| HEAD + bytes.len());
        assert_eq!(taken_of(shed), taken, "nothing is kept of what is refused");
        read.map(|(bytes, _)| bytes)
    }

    fn head() -> Parts {
        Request::new(()).into_parts().0
    }

    fn shed(max: usize) -> Shed {
        let config = Config { max_body_memory_bytes: max as u64, ..Config::default() };
        Shed::new(&config, ShedMetrics::default())
    }

    fn taken_of(shed: &Shed) -> usize {
        shed.metrics.body_bytes.get().try_into().unwrap()
    }

    #[tokio::test]
    async fn who_sends_slowly_gives_way_to_who_needs_the_room() {
        let shed = shed(2 * HEAD + 100);
        let (headers, begun) = (HeaderMap::new(), stream::iter([Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 80]))]));
        let slow = Body::from_stream(begun.chain(stream::pending()));
        let slow = read(&headers, slow, 100, SECOND, shed.room(true, &head()).unwrap());
        let other = read_with(&headers, chunks(2, 20), &shed);
        let (slow, other) = tokio::join!(slow, other);
        assert_eq!(slow.err(), Some(Refusal::Overloaded(ShedReason::BodyMemory)));
        assert_eq!(other.unwrap().len(), 40);
        assert_eq!((taken_of(&shed), shed.metrics.refused_for(ShedReason::BodyMemory)), (0, 1));
    }

    #[tokio::test]
    async fn a_body_counts_with_what_it_is_when_it_is_parsed() {
        let shed = shed(HEAD + 1_000);
        let room = || shed.room(true, &head()).unwrap();
        let lists = read(&HeaderMap::new(), Body::from("[[],[]]"), 100, SECOND, room()).await;
        assert_eq!(lists.err(), Some(Refusal::Overloaded(ShedReason::BodyMemory)));
        let text = read(&HeaderMap::new(), Body::from("[ \"[] \" ]"), 100, SECOND, room()).await;
        assert!(text.is_ok() && taken_of(&shed) > HEAD + 200);
        drop(text);
        assert_eq!(taken_of(&shed), 0);
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
        assert_eq!(read_with(&headers, never, &shed(HEAD)).await, Err(Refusal::BodyTooLarge(100)));
    }
}
