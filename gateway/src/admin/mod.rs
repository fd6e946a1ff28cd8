//! The operator's door, apart from the public one: metrics, health, the state of the process as JSON, and what an operator
//! may do about it. Reads are free to who is on the same machine; who comes from elsewhere, and who acts, needs a token with
//! scope `ops`. Health is free to everybody, as on the public port: orchestrators probe it from outside and have no token.
//!
//! [`operators`] is what all processes have, this file what a gateway has besides, [`process`] what others do.

mod access;
mod actions;
pub(crate) mod operators;
pub(crate) mod process;

use std::{collections::BTreeMap, sync::Arc};

use axum::{Extension, Router, extract::State, response::Response, routing::get};
use http::{HeaderMap, StatusCode};
use serde::Serialize;

use self::operators::ProcessView;
use crate::{
    connection::Peer,
    debug::Calls,
    gateway::Gateway,
    health::{self, UpstreamStates},
    http::{negotiate::MediaType, refusal::Refusal, respond},
    persisted::Sizes,
    rate::RatesView,
    shed::ShedReason,
};

/// The routes of a gateway's admin listener.
pub(crate) fn router(gateway: &Arc<Gateway>) -> Router {
    let ours = Router::new().route("/ops", get(ops)).route("/health/ready", get(health::ready));
    ours.with_state(Arc::clone(gateway)).merge(operators::routes(Arc::clone(&gateway.operators)))
}

fn refused(refusal: &Refusal) -> Response {
    respond::refusal(refusal, MediaType::Json, None)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ops<'a> {
    #[serde(flatten)]
    process: ProcessView<'a>,
    upstreams: UpstreamStates,
    /// Since the process began, by `Service/Rpc`.
    upstream_calls: BTreeMap<&'static str, Calls>,
    document_cache: DocumentCacheView,
    persisted_documents: Sizes,
    rates: RatesView,
    requests: Used,
    connections: Used,
    memory: MemoryView,
    /// Requests refused for want of room, since the process began, by reason.
    shed: BTreeMap<&'static str, u64>,
}

/// In bytes. `max` is null where nobody says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MemoryView {
    resident: i64,
    max: Option<u64>,
    /// Whether requests are refused for it.
    short: bool,
    /// What bodies of requests take of it, and may take.
    bodies: i64,
    max_bodies: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DocumentCacheView {
    entries: u64,
    bytes: u64,
    max_bytes: u64,
    hits: u64,
    misses: u64,
}

#[derive(Serialize)]
struct Used {
    active: i64,
    max: u32,
}

async fn ops(State(gateway): State<Arc<Gateway>>, Extension(peer): Extension<Peer>, headers: HeaderMap) -> Response {
    if let Err(refusal) = gateway.operators.may_read(peer, &headers).await {
        return refused(&refusal);
    }
    let Gateway { config, metrics, executor, shed, .. } = gateway.as_ref();
    let (entries, bytes) = executor.documents.size();
    let view = Ops {
        process: gateway.operators.view(gateway.readiness.is_draining()),
        upstreams: gateway.readiness.upstreams().await,
        upstream_calls: gateway.loaders.totals().into_iter().map(|(rpc, count)| (rpc, count.into())).collect(),
        document_cache: DocumentCacheView {
            entries,
            bytes,
            max_bytes: executor.documents.capacity(),
            hits: metrics.document_hits.get(),
            misses: metrics.document_misses.get(),
        },
        persisted_documents: gateway.persisted.sizes(),
        rates: gateway.rates.view(),
        requests: Used { active: shed.metrics.active_requests.get(), max: config.max_requests },
        connections: Used { active: metrics.connections.open.get(), max: config.max_connections },
        memory: MemoryView {
            resident: shed.metrics.resident_bytes.get(),
            max: shed.memory.limit(),
            short: shed.memory.is_short(),
            bodies: shed.metrics.body_bytes.get(),
            max_bodies: config.max_body_memory_bytes,
        },
        shed: ShedReason::ALL.map(|reason| (reason.as_str(), shed.metrics.refused_for(reason))).into(),
    };
    respond::json(StatusCode::OK, &view)
}
