//! The operator's door, apart from the public one: metrics, health, and the state of the process as JSON. Reads are free to
//! who is on the same machine; who comes from elsewhere needs a token with scope `ops`. Health is free to everybody, as on the
//! public port: orchestrators probe it from outside and have no token. Nothing here changes anything.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use axum::{
    Extension, Router,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, StatusCode, header};
use nova_core::token::TokenVerifier;
use nova_flags::{FlagView, SyncStatus};
use serde::Serialize;

use crate::{
    auth,
    connection::Peer,
    debug::Calls,
    gateway::Gateway,
    health::{self, UpstreamStates},
    http::{negotiate::MediaType, refusal::Refusal, respond},
    persisted::Sizes,
    rate::RatesView,
    shed::ShedReason,
};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The routes of the admin listener.
pub(crate) fn router(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/ops", get(ops))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .fallback(async || refused(&Refusal::NotFound))
        .with_state(gateway)
}

fn refused(refusal: &Refusal) -> Response {
    respond::refusal(refusal, MediaType::Json, None)
}

/// Whether `peer` may read.
async fn may_read(peer: IpAddr, headers: &HeaderMap, verifier: &TokenVerifier) -> Result<(), Refusal> {
    if peer.to_canonical().is_loopback() {
        return Ok(());
    }
    match auth::viewer(headers, verifier).await? {
        Some(viewer) if viewer.scopes.ops => Ok(()),
        Some(_) => Err(Refusal::Scope("ops")),
        None => Err(Refusal::TokenMissing),
    }
}

async fn metrics(
    State(gateway): State<Arc<Gateway>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    if let Err(refusal) = may_read(peer.0.ip(), &headers, &gateway.verifier).await {
        return refused(&refusal);
    }
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &gateway.registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], Body::from(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            refused(&Refusal::Internal)
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ops<'a> {
    build: BuildView<'a>,
    draining: bool,
    upstreams: UpstreamStates,
    flags: FlagsView,
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
struct BuildView<'a> {
    version: &'a str,
    commit: &'a str,
    started_at: &'a str,
    uptime_seconds: u64,
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

/// Where flags come from, and each of them.
#[derive(Serialize)]
struct FlagsView {
    #[serde(flatten)]
    sync: SyncStatus,
    flags: BTreeMap<&'static str, FlagView>,
}

#[derive(Serialize)]
struct Used {
    active: i64,
    max: u32,
}

async fn ops(State(gateway): State<Arc<Gateway>>, Extension(peer): Extension<Peer>, headers: HeaderMap) -> Response {
    if let Err(refusal) = may_read(peer.0.ip(), &headers, &gateway.verifier).await {
        return refused(&refusal);
    }
    let Gateway { build, config, metrics, executor, shed, .. } = gateway.as_ref();
    let (entries, bytes) = executor.documents.size();
    let view = Ops {
        build: BuildView {
            version: build.version,
            commit: build.commit,
            started_at: &gateway.started_at,
            uptime_seconds: gateway.started.elapsed().as_secs(),
        },
        draining: gateway.readiness.is_draining(),
        upstreams: gateway.readiness.upstreams().await,
        flags: FlagsView {
            sync: gateway.flag_status.snapshot(),
            // As they hold for this instance; one in rollout says so.
            flags: gateway.flags.state().explain(&gateway.flags.process()),
        },
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use nova_core::{
        clock::FixedClock,
        token::{AUDIENCE, Claims, ISSUER, TokenSecret, TokenType},
    };

    use super::*;

    #[tokio::test]
    async fn reads_are_free_here_and_need_the_scope_from_elsewhere() {
        let secret = TokenSecret::new([7; 32]).unwrap();
        let verifier = TokenVerifier::new(&secret, Arc::new(FixedClock(std::time::UNIX_EPOCH.into())));
        let with = |scope: &str| {
            let claims = Claims {
                iss: ISSUER.into(),
                aud: AUDIENCE.into(),
                sub: serde_json::from_value("00000000-0000-7000-8000-000000000007".into()).unwrap(),
                exp: 1,
                iat: 0,
                token_type: TokenType::Access,
                scope: scope.into(),
            };
            let value = format!("Bearer {}", secret.sign(&claims).unwrap()).parse().unwrap();
            HeaderMap::from_iter([(header::AUTHORIZATION, value)])
        };
        let elsewhere = IpAddr::from(Ipv4Addr::new(10, 0, 0, 1));
        for here in [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv4Addr::LOCALHOST.to_ipv6_mapped().into()] {
            assert_eq!(may_read(here, &HeaderMap::new(), &verifier).await, Ok(()));
        }
        assert_eq!(may_read(elsewhere, &with("ops"), &verifier).await, Ok(()));
        assert_eq!(may_read(elsewhere, &with("debug"), &verifier).await, Err(Refusal::Scope("ops")));
        assert_eq!(may_read(elsewhere, &HeaderMap::new(), &verifier).await, Err(Refusal::TokenMissing));
    }
}
