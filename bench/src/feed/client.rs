//! A lean HTTP/1.1 client: keep-alive connections, each with one request at a time, each request of a random viewer.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::join_all;
use hdrhistogram::Histogram;
use http::{
    HeaderValue, Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST},
};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use nova_cli::failure::Failure;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks one server.
pub(super) struct Client {
    pub(super) name: &'static str,
    address: SocketAddr,
    host: HeaderValue,
    viewers: Arc<[HeaderValue]>,
    body: Bytes,
}

/// What one run saw.
pub(super) struct Outcome {
    /// In microseconds.
    latencies: Histogram<u64>,
    pub(super) answered: u32,
    pub(super) failed: u32,
    bytes: f64,
    took: Duration,
}

/// Whether an answer is a feed without errors: those would come first.
pub(super) fn is_feed(body: &[u8]) -> bool {
    body.starts_with(br#"{"data":{"feed":{"nodes":["#)
}

impl Client {
    pub(super) fn new(name: &'static str, address: SocketAddr, tokens: &[String]) -> Result<Self, Failure> {
        let internal = |error: &dyn std::fmt::Display| Failure::Internal(error.to_string());
        let header = |text: &str| HeaderValue::from_str(text).map_err(|error| internal(&error));
        let body =
            serde_json::to_vec(&serde_json::json!({ "query": super::QUERY })).map_err(|error| internal(&error))?;
        Ok(Self {
            name,
            address,
            host: header(&address.to_string())?,
            viewers: tokens.iter().map(|token| header(&format!("Bearer {token}"))).collect::<Result<_, _>>()?,
            body: body.into(),
        })
    }

    /// The answer that one viewer gets.
    pub(super) async fn ask_once(&self, viewer: usize) -> Result<Bytes, Failure> {
        let mut connection = self.connect().await;
        let answer = self.ask(connection.as_mut(), viewer).await;
        answer.ok_or_else(|| Failure::Unavailable(format!("{} does not answer", self.name)))
    }

    /// Asks over `connections` connections for as long as `time`.
    pub(super) async fn run(&self, connections: usize, time: Duration, seed: u64) -> Outcome {
        let start = Instant::now();
        let each =
            (0_u64..).take(connections).map(|connection| self.keep_asking(start + time, seed << 32 | connection));
        let mut all = Outcome::none();
        for outcome in join_all(each).await {
            all.add(&outcome);
        }
        all.took = start.elapsed();
        all
    }

    async fn keep_asking(&self, end: Instant, seed: u64) -> Outcome {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut outcome = Outcome::none();
        let mut connection = self.connect().await;
        loop {
            let start = Instant::now();
            if start >= end {
                return outcome;
            }
            let viewer = rng.random_range(0..self.viewers.len());
            if let Some(body) = self.ask(connection.as_mut(), viewer).await.filter(|body| is_feed(body)) {
                outcome.answer(&body, start.elapsed());
            } else {
                outcome.failed += 1;
                connection = self.connect().await;
            }
        }
    }

    async fn connect(&self) -> Option<SendRequest<Full<Bytes>>> {
        let stream = timeout(PATIENCE, TcpStream::connect(self.address)).await.ok()?.ok()?;
        stream.set_nodelay(true).ok()?;
        let (sender, connection) = timeout(PATIENCE, handshake(TokioIo::new(stream))).await.ok()?.ok()?;
        tokio::spawn(connection);
        Some(sender)
    }

    /// The body of an answer with status 200.
    async fn ask(&self, sender: Option<&mut SendRequest<Full<Bytes>>>, viewer: usize) -> Option<Bytes> {
        let sender = sender?;
        let request = Request::post("/graphql")
            .header(HOST, &self.host)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(AUTHORIZATION, self.viewers.get(viewer)?)
            .body(Full::new(self.body.clone()))
            .ok()?;
        let answer = async {
            sender.ready().await?;
            let response = sender.send_request(request).await?;
            Ok::<_, hyper::Error>((response.status(), response.into_body().collect().await?.to_bytes()))
        };
        let (status, body) = timeout(PATIENCE, answer).await.ok()?.ok()?;
        (status == StatusCode::OK).then_some(body)
    }
}

impl Outcome {
    #[expect(clippy::expect_used, reason = "`new` refuses more than five significant digits, and nothing else")]
    fn none() -> Self {
        let latencies = Histogram::new(3).expect("three significant digits");
        Self { latencies, answered: 0, failed: 0, bytes: 0.0, took: Duration::ZERO }
    }

    fn answer(&mut self, body: &[u8], took: Duration) {
        self.answered += 1;
        self.bytes += f64::from(u32::try_from(body.len()).unwrap_or(u32::MAX));
        // It grows as needed: nothing is too large for it.
        let _ = self.latencies.record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    fn add(&mut self, other: &Self) {
        self.answered += other.answered;
        self.failed += other.failed;
        self.bytes += other.bytes;
        // Both resize as needed, so there is nothing that would not fit.
        let _ = self.latencies.add(&other.latencies);
    }

    pub(super) fn per_second(&self) -> f64 {
        f64::from(self.answered) / self.took.as_secs_f64()
    }

    pub(super) fn mean_bytes(&self) -> f64 {
        self.bytes / f64::from(self.answered.max(1))
    }

    pub(super) fn quantile_ms(&self, quantile: f64) -> f64 {
        let micros = self.latencies.value_at_quantile(quantile);
        Duration::from_micros(micros).as_secs_f64() * 1000.0
    }
}
