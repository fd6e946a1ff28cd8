//! Accepts connections and speaks HTTP/1.1 and HTTP/2 on them: how many at a time, how long they may idle, how they end.
//! It never looks at a request.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{body::Body, response::Response};
use http::Request;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
};
use prometheus_client::metrics::gauge::Gauge;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{sleep, timeout},
};

/// The most a request's head may take, in bytes.
const MAX_HEAD_BYTES: u32 = 64 * 1024;
/// Requests that one HTTP/2 connection may have open.
const MAX_STREAMS: u32 = 128;
/// How often a silent HTTP/2 peer is asked whether it is there, and how long it may take to say so.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// The pause after `accept` fails for want of a resource, such as file descriptors: they come back when connections end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Who is at the other end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// What a listener may take on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Connections at a time; one more waits in the kernel's queue.
    pub(crate) connections: u32,
    /// For a request's head to arrive, and for an idle connection.
    pub(crate) header_timeout: Duration,
    /// For open requests, once `shutdown` has come.
    pub(crate) drain: Duration,
}

/// Serves `listener` until `shutdown`, then lets open requests finish within the drain time, and cuts what is left.
pub(crate) async fn serve<A, F>(
    listener: TcpListener,
    bounds: Bounds,
    open: Gauge,
    answer: A,
    shutdown: impl Future<Output = ()>,
) where
    A: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(bounds.connections as usize));
    let builder = builder(bounds.header_timeout);
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        while connections.try_join_next().is_some() {}
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            next = next => next,
        };
        let (Ok(place), Some((stream, peer))) = (place, usable(accepted).await) else { continue };
        let served = Arc::new(AtomicBool::new(false));
        let service = {
            let (answer, served) = (answer.clone(), Arc::clone(&served));
            service_fn(move |request: Request<Incoming>| {
                served.store(true, Ordering::Relaxed);
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(Peer(peer));
                let answer = answer(request);
                async move { Ok::<_, Infallible>(answer.await) }
            })
        };
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = graceful.watch(connection);
        let guard = Open::new(open.clone(), place);
        connections.spawn(async move {
            let _guard = guard;
            let mut connection = pin!(connection);
            // hyper's timer for heads starts when it knows which HTTP is spoken; who never says waits here.
            tokio::select! {
                biased;
                _ = &mut connection => return,
                () = sleep(bounds.header_timeout) => {}
            }
            if served.load(Ordering::Relaxed) {
                // How a connection ends is the client's business: resets and half-sent requests are no news.
                let _ = connection.await;
            }
        });
    }
    drop(listener);
    if timeout(bounds.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!(open = open.get(), "connections were cut: their requests did not end within the drain time");
    }
    connections.shutdown().await;
}

fn builder(header_timeout: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(header_timeout).max_buf_size(MAX_HEAD_BYTES as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD_BYTES)
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE);
    builder
}

/// The connection, if there is one; a pause, if that is what it takes to get the next.
async fn usable(accepted: std::io::Result<(TcpStream, SocketAddr)>) -> Option<(TcpStream, SocketAddr)> {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    match accepted {
        Ok((stream, peer)) => {
            // Answers are written whole: holding back their last packet only adds latency. Failing that, it works all the same.
            let _ = stream.set_nodelay(true);
            Some((stream, peer))
        }
        Err(error) if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) => None,
        Err(error) => {
            tracing::error!(%error, "no connection could be accepted");
            sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

/// An open connection, until it is dropped.
struct Open {
    open: Gauge,
    _place: OwnedSemaphorePermit,
}

impl Open {
    fn new(open: Gauge, place: OwnedSemaphorePermit) -> Self {
        open.inc();
        Self { open, _place: place }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.open.dec();
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        sync::{Notify, oneshot},
    };

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

    struct Server {
        address: SocketAddr,
        /// Told when a request arrives, and waited for before it is answered.
        arrived: Arc<Notify>,
        go_on: Arc<Notify>,
        stop: oneshot::Sender<()>,
        ended: tokio::task::JoinHandle<()>,
    }

    async fn start(bounds: Bounds) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (arrived, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (stop, stopped) = oneshot::channel();
        let answer = {
            let (arrived, go_on) = (Arc::clone(&arrived), Arc::clone(&go_on));
            move |_| {
                let (arrived, go_on) = (Arc::clone(&arrived), Arc::clone(&go_on));
                async move {
                    arrived.notify_one();
                    go_on.notified().await;
                    Response::new(Body::from("done"))
                }
            }
        };
        let ended = tokio::spawn(serve(listener, bounds, Gauge::default(), answer, async {
            let _ = stopped.await;
        }));
        Server { address, arrived, go_on, stop, ended }
    }

    const BOUNDS: Bounds =
        Bounds { connections: 1, header_timeout: Duration::from_mins(1), drain: Duration::from_mins(1) };

    async fn rest(stream: &mut TcpStream) -> String {
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text).await;
        text
    }

    #[tokio::test]
    async fn a_request_in_work_is_finished_before_it_ends() {
        let server = start(BOUNDS).await;
        let mut client = TcpStream::connect(server.address).await.unwrap();
        client.write_all(REQUEST).await.unwrap();
        server.arrived.notified().await;
        server.stop.send(()).unwrap();
        server.go_on.notify_one();
        assert!(rest(&mut client).await.ends_with("done"), "and the connection is closed");
        server.ended.await.unwrap();
    }

    #[tokio::test]
    async fn what_is_not_done_in_time_is_cut() {
        let server = start(Bounds { drain: Duration::from_millis(20), ..BOUNDS }).await;
        let mut client = TcpStream::connect(server.address).await.unwrap();
        client.write_all(REQUEST).await.unwrap();
        server.arrived.notified().await;
        server.stop.send(()).unwrap();
        server.ended.await.unwrap();
        assert_eq!(rest(&mut client).await, "");
    }

    #[tokio::test]
    async fn who_says_nothing_or_half_a_word_makes_room_for_who_waits() {
        let server = start(Bounds { header_timeout: Duration::from_millis(20), ..BOUNDS }).await;
        for half in [&b""[..], b"P", b"PRI * HTTP/2.0", b"GET / HTTP/1.1\r\nhost:"] {
            let mut silent = TcpStream::connect(server.address).await.unwrap();
            silent.write_all(half).await.unwrap();
            rest(&mut silent).await;
        }
        let mut client = TcpStream::connect(server.address).await.unwrap();
        client.write_all(REQUEST).await.unwrap();
        server.go_on.notify_one();
        server.arrived.notified().await;
        assert!(rest(&mut client).await.contains("done"));
    }
}
