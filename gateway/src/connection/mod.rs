//! Accepts connections and speaks HTTP/1.1 and HTTP/2 on them: how many at a time, how long their clients may take, who gives
//! way when all places are taken, how they end. It never looks at a request.

mod activity;
mod body;
mod io;
mod metrics;
mod places;
mod verdict;

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use axum::{body::Body, response::Response};
use futures_util::future::poll_immediate;
use http::{Request, Version};
use hyper::{
    body::{Body as _, Incoming},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulConnection},
};
use prometheus_client::metrics::gauge::Gauge;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout},
};

use self::{
    activity::Activity,
    body::{Arriving, Leaving},
    io::Watched,
    places::Places,
    verdict::{Reason, Verdict},
};
pub(crate) use self::{metrics::ConnectionMetrics, verdict::Patience};

/// The most a request's head may take on HTTP/1.1, in bytes, as it is sent.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// And on HTTP/2, unpacked, where each field counts 32 bytes besides and takes about 100, also where one byte stands for it.
const MAX_HEADER_LIST: u32 = 32 * 1024;
/// Requests that one HTTP/2 connection may have open.
const MAX_STREAMS: u32 = 128;
/// Streams that an HTTP/2 client may reset before we got to them, and that we may have to reset for its mistakes; with one more
/// the connection ends.
const MAX_RESETS: usize = 64;
/// How much of a body an HTTP/2 client may send ahead of who reads it, per request and for the connection, in bytes.
const WINDOWS: (u32, u32) = (64 * 1024, 256 * 1024);
/// How much of an HTTP/2 response may wait in the connection for its reader, in bytes.
const SEND_BUFFER: usize = 64 * 1024;
/// How often a silent HTTP/2 peer is asked whether it is there, and how long it may take to say so.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// The pause after `accept` fails for want of a resource, such as file descriptors: they come back when connections end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often it is tried again to make room where nobody could give way, and how often some give way while memory is short.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Which part of the places is made free at a time, while memory is short.
const RELIEF: u32 = 64;

/// Who is at the other end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// What a listener may take on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Connections at a time. For one more another gives way that waits for its client; where none does, it waits itself.
    pub(crate) connections: u32,
    /// Of these from one address; 0 is all of them.
    pub(crate) per_address: u32,
    /// How long clients may take.
    pub(crate) patience: Patience,
    /// For open requests, once `shutdown` has come.
    pub(crate) drain: Duration,
}

/// Serves `listener` until `shutdown`. While `pressure` says that memory is short, connections that wait for their clients give
/// way. Then lets open requests finish within the drain time, and cuts what is left.
pub(crate) async fn serve<A, F>(
    listener: TcpListener,
    bounds: Bounds,
    metrics: ConnectionMetrics,
    pressure: watch::Receiver<bool>,
    answer: A,
    shutdown: impl Future<Output = ()>,
) where
    A: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let (builder, epoch) = (builder(), Instant::now());
    let (drain, draining) = watch::channel(false);
    let stayed = Arc::new(Notify::new());
    let mut places = Places::new(bounds.connections, bounds.per_address);
    let mut connections = JoinSet::new();
    let mut newcomer: Option<(TcpStream, SocketAddr)> = None;
    let mut look_again = interval(LOOK_AGAIN);
    look_again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shutdown = pin!(shutdown);
    loop {
        if let Some((stream, peer)) = newcomer.take_if(|_| places.free()) {
            let activity = Activity::new(epoch);
            let connection = Connection {
                activity: Arc::clone(&activity),
                patience: bounds.patience,
                metrics: metrics.clone(),
                draining: draining.clone(),
                stayed: Arc::clone(&stayed),
            };
            let task = connections.spawn(connection.run(&builder, stream, peer, answer.clone()));
            places.take(task.id(), peer.ip(), activity);
        }
        let waits = newcomer.is_some();
        // Asked once for each newcomer, and again when who was asked is busy; LOOK_AGAIN is for when nobody could be asked.
        // Only who answers from now on counts: others were asked for another newcomer, or while memory was short.
        let stays = stayed.notified();
        let asked = waits && places.make_room();
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(ended) = connections.join_next_with_id(), if !connections.is_empty() => {
                places.leave(match ended { Ok((id, ())) => id, Err(error) => error.id() });
            }
            // Before the next is accepted, which may always be possible.
            _ = look_again.tick() => if *pressure.borrow() {
                places.relieve((bounds.connections / RELIEF + 1) as usize);
            },
            accepted = listener.accept(), if !waits => {
                newcomer = usable(accepted).await.filter(|(_, peer)| admitted(&places, peer.ip(), &metrics));
            }
            () = stays, if asked => {}
        }
    }
    drop((listener, newcomer));
    let _ = drain.send(true);
    let ended = async { while connections.join_next().await.is_some() {} };
    if timeout(bounds.drain, ended).await.is_err() {
        let open = metrics.open.get();
        tracing::warn!(open, "connections were cut: their requests did not end within the drain time");
    }
    connections.shutdown().await;
}

fn admitted(places: &Places, address: IpAddr, metrics: &ConnectionMetrics) -> bool {
    let full = places.full_for(address);
    if full {
        metrics.closed(Reason::AddressFull);
    }
    !full
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // The time for heads is watched here, for both versions in the same way.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(MAX_HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADER_LIST)
        .max_pending_accept_reset_streams(MAX_RESETS)
        .max_local_error_reset_streams(MAX_RESETS)
        .initial_stream_window_size(WINDOWS.0)
        .initial_connection_window_size(WINDOWS.1)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE);
    builder
}

/// One connection, from its place to its end.
struct Connection {
    activity: Arc<Activity>,
    patience: Patience,
    metrics: ConnectionMetrics,
    /// Whether no more requests are taken.
    draining: watch::Receiver<bool>,
    /// Told when it was asked to give way and did not.
    stayed: Arc<Notify>,
}

impl Connection {
    fn run<A, F>(
        self,
        builder: &Builder<TokioExecutor>,
        stream: TcpStream,
        peer: SocketAddr,
        answer: A,
    ) -> impl Future<Output = ()> + Send + use<A, F>
    where
        A: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response> + Send + 'static,
    {
        let open = Counted::new(self.metrics.open.clone());
        let service = {
            let activity = Arc::clone(&self.activity);
            service_fn(move |request: Request<Incoming>| {
                let open = activity.request(request.version() == Version::HTTP_2);
                let mut request = request.map(|body| {
                    let all_there = body.is_end_stream();
                    if all_there { Body::empty() } else { Body::new(Arriving::new(body, activity.awaits())) }
                });
                request.extensions_mut().insert(Peer(peer));
                let (answer, activity) = (answer.clone(), Arc::clone(&activity));
                async move {
                    activity.writable().await;
                    let response = answer(request).await;
                    Ok::<_, Infallible>(response.map(|body| Leaving::new(body, open)))
                }
            })
        };
        let io = TokioIo::new(Watched::new(stream, Arc::clone(&self.activity)));
        let connection = builder.serve_connection(io, service).into_owned();
        async move {
            let (_open, metrics) = (open, self.metrics.clone());
            if let Some(reason) = self.until_its_end(connection).await {
                metrics.closed(reason);
            }
        }
    }

    /// Why we ended it; `None` when it ended by itself: resets and half-sent requests are no news.
    async fn until_its_end(mut self, connection: impl GracefulConnection) -> Option<Reason> {
        let mut connection = pin!(connection);
        let mut look = pin!(sleep_until(Instant::now()));
        let mut told = false;
        loop {
            let reason = tokio::select! {
                biased;
                _ = connection.as_mut() => return None,
                _ = self.draining.changed(), if !told => {
                    told = true;
                    connection.as_mut().graceful_shutdown();
                    continue;
                }
                () = self.activity.wanted.notified() => {
                    if self.activity.snapshot().gives_way().is_none() {
                        self.stayed.notify_waiters();
                        continue;
                    }
                    Reason::Evicted
                }
                () = look.as_mut() => match self.activity.snapshot().verdict(&self.patience) {
                    Verdict::Until(next) => {
                        look.as_mut().reset(self.activity.instant(next));
                        continue;
                    }
                    Verdict::Goodbye(next) => {
                        connection.as_mut().graceful_shutdown();
                        look.as_mut().reset(self.activity.instant(next));
                        continue;
                    }
                    Verdict::End(reason) => reason,
                },
            };
            // A goodbye, where there is one and it can be said at once.
            connection.as_mut().graceful_shutdown();
            let _ = poll_immediate(connection.as_mut()).await;
            return Some(reason);
        }
    }
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

/// Counts an open connection, until it is dropped.
struct Counted(Gauge);

impl Counted {
    fn new(open: Gauge) -> Self {
        open.inc();
        Self(open)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests;
