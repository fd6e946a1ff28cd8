//! A way to a real backend on which things go wrong: it lets calls through, holds them, breaks their streams, or answers without
//! end, as it is told. What passes is gRPC over HTTP/2 as a backend in another process has it.
#![expect(clippy::unwrap_used, reason = "a test without its backend has nothing to go on with")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response, header};
use http_body_util::StreamBody;
use parking_lot::Mutex;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tonic::{
    body::Body,
    service::Routes,
    transport::{Channel, Endpoint, Server, server::TcpIncoming},
};
use tower::ServiceExt as _;

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing goes wrong.
    None,
    /// It is held until the fault is another one, which then befalls it.
    Hold,
    /// Its stream breaks.
    Reset,
    /// The stream of every other one breaks.
    ResetHalf,
    /// It is answered with a gibibyte.
    Endless,
    /// It is refused with UNAVAILABLE.
    Refuse,
}

/// The way, and what has gone over it.
#[derive(Debug)]
pub struct Faulty {
    /// Where it listens.
    pub port: u16,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    fault: watch::Sender<Fault>,
    calls: AtomicU64,
    /// Calls that were held and whose caller left.
    left: AtomicU64,
    broken: AtomicU64,
    timeouts: Mutex<Vec<Duration>>,
    healthy: AtomicBool,
    backend: Channel,
}

impl Faulty {
    /// A way to the backend on `port` of this machine.
    ///
    /// # Panics
    /// When there is no port for it.
    pub async fn before(port: u16) -> Self {
        let backend = Endpoint::from_shared(format!("http://127.0.0.1:{port}")).unwrap().connect_lazy();
        let state = Arc::new(State {
            fault: watch::Sender::new(Fault::None),
            calls: AtomicU64::new(0),
            left: AtomicU64::new(0),
            broken: AtomicU64::new(0),
            timeouts: Mutex::default(),
            healthy: AtomicBool::new(true),
            backend,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let answering = Arc::clone(&state);
        let router = axum::Router::new().fallback(move |request: Request<axum::body::Body>| {
            let state = Arc::clone(&answering);
            async move { state.answer(request).await }
        });
        let serving = tokio::spawn(async move {
            let server = Server::builder().max_concurrent_streams(512).add_routes(Routes::from(router));
            server.serve_with_incoming(TcpIncoming::from(listener)).await.unwrap();
        });
        Self { port, state, serving }
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// From now on this goes wrong with calls; never with questions how the backend is.
    pub fn set(&self, fault: Fault) {
        self.state.fault.send_replace(fault);
    }

    /// From now on questions how the backend is are held, or no more.
    pub fn answer_probes(&self, answer: bool) {
        self.state.healthy.store(answer, SeqCst);
    }

    /// Calls that came; not questions how the backend is.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.state.calls.load(SeqCst)
    }

    /// Calls that were held, and that their caller gave up.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.state.left.load(SeqCst)
    }

    /// Calls whose stream was broken.
    #[must_use]
    pub fn broken(&self) -> u64 {
        self.state.broken.load(SeqCst)
    }

    /// The time that each call was given; forgets it.
    #[must_use]
    pub fn take_timeouts(&self) -> Vec<Duration> {
        std::mem::take(&mut *self.state.timeouts.lock())
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Counts a call that is dropped while it is held.
struct Held<'a>(&'a AtomicU64, bool);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(u64::from(!self.1), SeqCst);
    }
}

impl State {
    async fn answer(&self, request: Request<axum::body::Body>) -> Response<axum::body::Body> {
        if request.uri().path().starts_with("/grpc.health.v1.Health/") {
            if !self.healthy.load(SeqCst) {
                std::future::pending::<()>().await;
            }
            return self.pass(request).await;
        }
        let number = self.calls.fetch_add(1, SeqCst);
        if let Some(timeout) = request.headers().get("grpc-timeout") {
            let timeout = timeout.to_str().unwrap();
            let micros = timeout.strip_suffix('u').map(|micros| micros.parse().unwrap());
            let nanos = || timeout.strip_suffix('n').unwrap().parse().unwrap();
            self.timeouts.lock().push(micros.map_or_else(|| Duration::from_nanos(nanos()), Duration::from_micros));
        }
        let mut held = Held(&self.left, false);
        let fault = *self.fault.subscribe().wait_for(|fault| *fault != Fault::Hold).await.unwrap();
        held.1 = true;
        drop(held);
        match fault {
            Fault::None | Fault::Hold => self.pass(request).await,
            Fault::ResetHalf if number.is_multiple_of(2) => self.pass(request).await,
            Fault::Reset | Fault::ResetHalf => {
                self.broken.fetch_add(1, SeqCst);
                let broken = stream::iter([Err(std::io::Error::other("broken by the test"))]);
                answered(StreamBody::new(broken))
            }
            Fault::Endless => {
                // The head of a message of 2^30 bytes, then as much as anybody reads.
                let announced = Bytes::from_static(&[0, 0x40, 0, 0, 0]);
                let chunk = Bytes::from(vec![0; 1 << 16]);
                let frames = std::iter::once(announced).chain(std::iter::repeat_n(chunk, 1 << 14));
                answered(StreamBody::new(stream::iter(frames.map(|bytes| Ok(http_body::Frame::data(bytes))))))
            }
            Fault::Refuse => {
                let refused = tonic::Status::unavailable("refused by the test").into_http::<Body>();
                refused.map(axum::body::Body::new)
            }
        }
    }

    async fn pass(&self, request: Request<axum::body::Body>) -> Response<axum::body::Body> {
        let request = request.map(Body::new);
        match self.backend.clone().oneshot(request).await {
            Ok(response) => response.map(axum::body::Body::new),
            Err(error) => tonic::Status::from_error(error.into()).into_http::<Body>().map(axum::body::Body::new),
        }
    }
}

fn answered<S>(body: StreamBody<S>) -> Response<axum::body::Body>
where
    S: stream::Stream<Item = Result<http_body::Frame<Bytes>, std::io::Error>> + Send + 'static,
{
    Response::builder().header(header::CONTENT_TYPE, "application/grpc").body(axum::body::Body::new(body)).unwrap()
}
