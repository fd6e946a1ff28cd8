//! Slow clients on a real listener.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::oneshot,
    time::interval,
};

use super::*;

mod http2;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
const LONG: Duration = Duration::from_mins(1);
/// What an ordinary client is in time for.
const SECOND: Duration = Duration::from_secs(1);
const SHORT: Duration = Duration::from_millis(50);
const PATIENCE: Patience = Patience { head: LONG, idle: LONG, write: LONG };
const BOUNDS: Bounds = Bounds { connections: 1, per_address: 0, patience: PATIENCE, drain: LONG };

struct Server {
    address: SocketAddr,
    metrics: ConnectionMetrics,
    /// Told when a request arrives, and waited for before it is answered.
    arrived: Arc<Notify>,
    go_on: Arc<Notify>,
    /// Requests that were answered.
    answered: Arc<AtomicUsize>,
    pressure: watch::Sender<bool>,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<()>,
}

/// Answers `done`, each time it is told to go on.
async fn start(bounds: Bounds) -> Server {
    let (arrived, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let answer = {
        let (arrived, go_on) = (Arc::clone(&arrived), Arc::clone(&go_on));
        move |_| {
            let (arrived, go_on) = (Arc::clone(&arrived), Arc::clone(&go_on));
            async move {
                arrived.notify_one();
                go_on.notified().await;
                Body::from("done")
            }
        }
    };
    Server { arrived, go_on, ..start_with(bounds, answer).await }
}

/// Answers with so many bytes at once.
async fn start_large(bounds: Bounds, bytes: usize) -> Server {
    let body = Bytes::from(vec![b'x'; bytes]);
    start_with(bounds, move |_| std::future::ready(Body::from(body.clone()))).await
}

async fn start_with<F>(bounds: Bounds, answer: impl Fn(Request<Body>) -> F + Clone + Send + Sync + 'static) -> Server
where
    F: Future<Output = Body> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let (metrics, answered) = (ConnectionMetrics::default(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&answered);
    let answer = move |request| {
        let (answer, count) = (answer(request), Arc::clone(&count));
        async move {
            let body = answer.await;
            count.fetch_add(1, Ordering::Relaxed);
            Response::new(body)
        }
    };
    let (pressure, pressed) = watch::channel(false);
    let ended = tokio::spawn(serve(listener, bounds, metrics.clone(), pressed, answer, async {
        let _ = stopped.await;
    }));
    Server { address, metrics, arrived: Arc::default(), go_on: Arc::default(), answered, pressure, stop, ended }
}

impl Server {
    /// A connection that has its place, and has said this much.
    async fn client(&self, says: &[u8]) -> TcpStream {
        let open = self.metrics.open.get();
        let mut client = TcpStream::connect(self.address).await.unwrap();
        client.write_all(says).await.unwrap();
        eventually(|| self.metrics.open.get() > open).await;
        client
    }

    /// A new client is served.
    async fn serves(&self) -> TcpStream {
        let mut client = TcpStream::connect(self.address).await.unwrap();
        client.write_all(REQUEST).await.unwrap();
        self.arrived.notified().await;
        self.go_on.notify_one();
        done(&mut client).await;
        client
    }
}

async fn eventually(condition: impl Fn() -> bool) {
    let wait = async {
        let mut tick = interval(Duration::from_millis(2));
        while !condition() {
            tick.tick().await;
        }
    };
    timeout(LONG, wait).await.unwrap();
}

/// Reads one answer, and leaves the connection open.
async fn done(client: &mut TcpStream) {
    let mut seen = Vec::new();
    while !seen.ends_with(b"done") {
        assert_ne!(client.read_buf(&mut seen).await.unwrap(), 0, "{}", String::from_utf8_lossy(&seen));
    }
}

/// What comes until the connection ends.
async fn rest(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let _ = timeout(LONG, stream.read_to_end(&mut text)).await.unwrap();
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn a_request_in_work_is_finished_before_it_ends() {
    let server = start(BOUNDS).await;
    let mut client = server.client(REQUEST).await;
    server.arrived.notified().await;
    server.stop.send(()).unwrap();
    server.go_on.notify_one();
    assert!(rest(&mut client).await.ends_with("done"), "and the connection is closed");
    server.ended.await.unwrap();
}

#[tokio::test]
async fn what_is_not_done_in_time_is_cut() {
    let server = start(Bounds { drain: SHORT, ..BOUNDS }).await;
    let mut client = server.client(REQUEST).await;
    server.arrived.notified().await;
    server.stop.send(()).unwrap();
    server.ended.await.unwrap();
    assert_eq!(rest(&mut client).await, "");
}

#[tokio::test]
async fn a_first_head_that_does_not_come_in_time_ends_the_connection() {
    let server = start(Bounds { patience: Patience { head: SECOND, ..PATIENCE }, connections: 8, ..BOUNDS }).await;
    let mut silent = Vec::new();
    for half in [&b""[..], b"P", b"PRI * HTTP/2.0", b"GET / HTTP/1.1\r\nhost:"] {
        silent.push(server.client(half).await);
    }
    for client in &mut silent {
        rest(client).await;
    }
    assert_eq!(server.metrics.closed_for(Reason::HeaderTimeout), 4);
    server.serves().await;
}

#[tokio::test]
async fn between_requests_a_connection_is_kept_longer_than_a_head_may_take() {
    let server = start(Bounds { patience: Patience { head: SECOND, ..PATIENCE }, connections: 8, ..BOUNDS }).await;
    let mut client = server.serves().await;
    let mut silent = server.client(b"").await;
    rest(&mut silent).await;
    client.write_all(REQUEST).await.unwrap();
    server.arrived.notified().await;
    server.go_on.notify_one();
    done(&mut client).await;
    client.write_all(b"GET / HT").await.unwrap();
    rest(&mut client).await;
    assert_eq!(server.metrics.closed_for(Reason::HeaderTimeout), 2, "half a head is one, later too");

    let server = start(Bounds { patience: Patience { idle: SHORT, ..PATIENCE }, ..BOUNDS }).await;
    let mut client = server.serves().await;
    assert_eq!(rest(&mut client).await, "");
    assert_eq!(server.metrics.closed_for(Reason::Idle), 1);
}

#[tokio::test]
async fn who_has_waited_longest_gives_way() {
    let server = start(Bounds { connections: 3, ..BOUNDS }).await;
    let mut kept = server.serves().await;
    let mut half = server.client(b"GET / HTTP/1.1\r\n").await;
    let mut silent = server.client(b"").await;
    // The first of them asks again, and is the youngest now.
    kept.write_all(REQUEST).await.unwrap();
    server.arrived.notified().await;
    server.go_on.notify_one();
    done(&mut kept).await;

    let mut fourth = server.serves().await;
    assert_eq!(rest(&mut half).await, "", "it was the first");
    let mut fifth = server.serves().await;
    assert_eq!(rest(&mut silent).await, "");
    assert_eq!(server.metrics.closed_for(Reason::Evicted), 2);
    for still_open in [&mut kept, &mut fourth, &mut fifth] {
        still_open.write_all(REQUEST).await.unwrap();
        server.arrived.notified().await;
        server.go_on.notify_one();
        done(still_open).await;
    }
}

#[tokio::test]
async fn who_is_worked_for_never_gives_way() {
    let server = start(Bounds { connections: 1, ..BOUNDS }).await;
    let mut first = server.client(REQUEST).await;
    server.arrived.notified().await;
    let mut second = TcpStream::connect(server.address).await.unwrap();
    second.write_all(REQUEST).await.unwrap();
    // Long enough for it to be asked for the place.
    assert!(timeout(LOOK_AGAIN * 4, server.arrived.notified()).await.is_err(), "nobody else is served");
    server.go_on.notify_one();
    assert!(rest(&mut first).await.ends_with("done"), "all of the answer, and only then the place is gone");
    server.arrived.notified().await;
    server.go_on.notify_one();
    done(&mut second).await;
}

/// Answers when the body is there.
async fn start_reading(bounds: Bounds) -> Server {
    let body = |request: Request<Body>| async move {
        let _ = axum::body::to_bytes(request.into_body(), usize::MAX).await;
        Body::from("done")
    };
    start_with(bounds, body).await
}

const HALF_SENT: &[u8] = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{";

#[tokio::test]
async fn who_leaves_a_request_half_sent_gives_way_too() {
    let server = start_reading(BOUNDS).await;
    let mut half = server.client(HALF_SENT).await;
    let mut client = TcpStream::connect(server.address).await.unwrap();
    client.write_all(REQUEST).await.unwrap();
    done(&mut client).await;
    assert_eq!(rest(&mut half).await, "");
    assert_eq!(server.metrics.closed_for(Reason::Evicted), 1);
}

const WRITE: Bounds = Bounds { patience: Patience { write: SHORT, ..PATIENCE }, ..BOUNDS };

#[tokio::test]
async fn who_never_reads_his_answer_loses_the_connection() {
    let server = start_large(WRITE, 64 << 20).await;
    let client = server.client(REQUEST).await;
    eventually(|| server.metrics.closed_for(Reason::WriteStalled) == 1).await;
    eventually(|| server.metrics.open.get() == 0).await;
    drop(client);
}

#[tokio::test]
async fn who_asks_on_without_reading_is_not_answered_on() {
    let server = start_large(WRITE, 1 << 20).await;
    let client = server.client(&REQUEST.repeat(1_000)).await;
    eventually(|| server.metrics.closed_for(Reason::WriteStalled) == 1).await;
    // What the kernel's buffers took, and one more.
    let answered = server.answered.load(Ordering::Relaxed);
    assert!(answered < 100, "{answered} of 1000");
    drop(client);
}

#[tokio::test]
async fn one_address_has_as_many_as_it_may() {
    let server = start(Bounds { connections: 8, per_address: 1, ..BOUNDS }).await;
    let first = server.serves().await;
    let mut second = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(rest(&mut second).await, "");
    assert_eq!(server.metrics.closed_for(Reason::AddressFull), 1);
    drop(first);
    eventually(|| server.metrics.open.get() == 0).await;
    server.serves().await;
}

#[tokio::test]
async fn under_pressure_those_go_who_let_us_wait() {
    let server = start(Bounds { connections: 8, ..BOUNDS }).await;
    let mut working = server.client(REQUEST).await;
    server.arrived.notified().await;
    let mut idle = server.client(b"GET / HTT").await;
    server.pressure.send(true).unwrap();
    assert_eq!(rest(&mut idle).await, "");
    assert_eq!(server.metrics.closed_for(Reason::Evicted), 1);
    server.pressure.send(false).unwrap();
    server.go_on.notify_one();
    done(&mut working).await;
}

#[tokio::test]
async fn under_pressure_those_go_who_leave_a_request_half_sent() {
    let server = start_reading(Bounds { connections: 8, ..BOUNDS }).await;
    let mut half = server.client(HALF_SENT).await;
    server.pressure.send(true).unwrap();
    assert_eq!(rest(&mut half).await, "");
    assert_eq!(server.metrics.closed_for(Reason::Evicted), 1);
}
