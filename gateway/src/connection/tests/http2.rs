//! Clients of HTTP/2 that do not take what they asked for.

use super::*;

/// Types of frames.
const HEADERS: u8 = 1;
const GOAWAY: u8 = 7;

/// A client of HTTP/2 that lets the server send so many bytes of each body.
fn begin(window: u8) -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    // SETTINGS: INITIAL_WINDOW_SIZE.
    bytes.extend([0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, window]);
    bytes
}

/// HEADERS, the end of both: GET, /, http, :authority x.
fn request(stream: u8) -> [u8; 15] {
    [0, 0, 6, HEADERS, 5, 0, 0, 0, stream, 0x82, 0x84, 0x86, 0x41, 1, b'x']
}

/// The type and the stream of each whole frame.
fn frames(mut bytes: &[u8]) -> Vec<(u8, u8)> {
    let mut frames = Vec::new();
    while let [_, high, low, kind, _, _, _, _, stream, rest @ ..] = bytes
        && let Some(rest) = rest.get(usize::from(u16::from_be_bytes([*high, *low]))..)
    {
        frames.push((*kind, *stream));
        bytes = rest;
    }
    frames
}

#[tokio::test]
async fn who_opens_no_window_loses_the_connection_and_one_byte_is_none() {
    for (window, bytes) in [(0, 10), (1, 10), (1, 40_000)] {
        let server = start_large(WRITE, bytes).await;
        let mut client = server.client(&[&begin(window)[..], &request(1)].concat()).await;
        rest(&mut client).await;
        assert_eq!(server.answered.load(Ordering::Relaxed), 1, "the request was understood");
        assert_eq!(server.metrics.closed_for(Reason::WriteStalled), 1, "{window} {bytes}");
    }
}

#[tokio::test]
async fn what_is_worked_on_beside_an_answer_that_is_not_read_is_answered() {
    let write = Duration::from_secs(2);
    let server = start(Bounds { patience: Patience { write, ..PATIENCE }, ..BOUNDS }).await;
    let mut client = server.client(&[&begin(0)[..], &request(1)].concat()).await;
    server.arrived.notified().await;
    server.go_on.notify_one();
    eventually(|| server.answered.load(Ordering::Relaxed) == 1).await;
    client.write_all(&request(3)).await.unwrap();
    server.arrived.notified().await;
    let mut seen = Vec::new();
    while !frames(&seen).contains(&(GOAWAY, 0)) {
        assert_ne!(client.read_buf(&mut seen).await.unwrap(), 0, "{:?}", frames(&seen));
    }
    assert!(!frames(&seen).contains(&(HEADERS, 3)));
    server.go_on.notify_one();
    let _ = timeout(LONG, client.read_to_end(&mut seen)).await.unwrap();
    assert!(frames(&seen).contains(&(HEADERS, 3)), "{:?}", frames(&seen));
    assert_eq!(server.metrics.closed_for(Reason::WriteStalled), 1, "and then it ends");
}
