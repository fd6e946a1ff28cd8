//! What the operators of any process get at: who they must be, its metrics, and what every process says of itself.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderMap, header};
use nova_core::{clock::SharedClock, token::TokenVerifier};
use nova_flags::{FlagView, Flags, Status, SyncStatus};
use nova_guard::{Board, GuardsView};
use prometheus_client::{metrics::info::Info, registry::Registry};
use serde::Serialize;
use tokio::{net::TcpListener, sync::watch, time::Instant};

use super::{access, actions, refused};
use crate::{
    connection::{self, Bounds, ConnectionMetrics, Patience, Peer},
    gateway::Build,
    health,
    http::{
        around::{self, RequestIds},
        refusal::Refusal,
    },
};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Connections that operators and their tools may have open.
const CONNECTIONS: u32 = 64;
/// How long an operator's request may go on at the end.
const DRAIN: Duration = Duration::from_secs(1);

/// What operators of a process get at.
pub(crate) struct Operators {
    pub(super) verifier: Arc<TokenVerifier>,
    pub(super) board: Board,
    pub(crate) registry: Registry,
    flags: Flags,
    flag_status: Status,
    build: Build,
    /// When it started, for people.
    started_at: String,
    /// When it started, for arithmetic.
    started: Instant,
}

/// What every process says of itself.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProcessView<'a> {
    build: BuildView<'a>,
    draining: bool,
    flags: FlagsView,
    guards: GuardsView,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BuildView<'a> {
    version: &'a str,
    commit: &'a str,
    started_at: &'a str,
    uptime_seconds: u64,
}

/// Where flags come from, and each of them.
#[derive(Serialize)]
struct FlagsView {
    #[serde(flatten)]
    sync: SyncStatus,
    flags: BTreeMap<&'static str, FlagView>,
}

impl Operators {
    /// `registry` is all that there will be: nothing can join it afterwards.
    pub(crate) fn new(
        (verifier, board): (Arc<TokenVerifier>, Board),
        (flags, flag_status): (Flags, Status),
        build: Build,
        clock: &SharedClock,
        mut registry: Registry,
    ) -> Self {
        let labels = [("version", build.version), ("commit", build.commit)];
        registry.register("nova_build", "The build that runs", Info::new(labels.to_vec()));
        let started_at = clock.now().to_rfc3339();
        Self { verifier, board, registry, flags, flag_status, build, started_at, started: Instant::now() }
    }

    /// Whether who is at the other end of a connection may read.
    pub(super) async fn may_read(&self, peer: Peer, headers: &HeaderMap) -> Result<(), Refusal> {
        access::may_read(peer.0.ip(), headers, &self.verifier).await
    }

    pub(super) fn view(&self, draining: bool) -> ProcessView<'_> {
        ProcessView {
            build: BuildView {
                version: self.build.version,
                commit: self.build.commit,
                started_at: &self.started_at,
                uptime_seconds: self.started.elapsed().as_secs(),
            },
            draining,
            flags: FlagsView {
                sync: self.flag_status.snapshot(),
                // As they hold for this instance; one in rollout says so.
                flags: self.flags.state().explain(&self.flags.process()),
            },
            guards: self.board.view(),
        }
    }
}

/// The routes that are alike in all processes.
pub(super) fn routes(operators: Arc<Operators>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/ops/breakers/{name}/isolate", post(actions::isolate))
        .route("/ops/breakers/{name}/reset", post(actions::reset))
        .route("/health/live", get(health::live))
        .fallback(async || refused(&Refusal::NotFound))
        .with_state(operators)
}

async fn metrics(
    State(operators): State<Arc<Operators>>,
    axum::Extension(peer): axum::Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    if let Err(refusal) = operators.may_read(peer, &headers).await {
        return refused(&refusal);
    }
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &operators.registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], Body::from(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            refused(&Refusal::Internal)
        }
    }
}

/// Serves operators until `shutdown`. They are served however short memory is.
pub(crate) async fn serve(
    listener: TcpListener,
    patience: Patience,
    ids: Arc<RequestIds>,
    router: Router,
    shutdown: impl Future<Output = ()>,
) {
    let bounds = Bounds { connections: CONNECTIONS, per_address: 0, patience, drain: DRAIN };
    let answer = move |request| {
        let (ids, router) = (Arc::clone(&ids), router.clone());
        async move { around::answer(router, &ids, None, request).await }
    };
    let (metrics, no_pressure) = (ConnectionMetrics::default(), watch::channel(false).1);
    connection::serve(listener, bounds, metrics, no_pressure, answer, shutdown).await;
}
