//! Opens both doors and closes them in order: first the public one, its requests finished, then the operator's, so that the
//! drain can be watched.

use std::{io, sync::Arc};

use tokio::{net::TcpListener, sync::oneshot};

use crate::{
    admin::{self, operators},
    connection::{self, Bounds},
    gateway::Gateway,
    http::{self, around},
};

/// Serves until `shutdown`; then readiness says 503, nothing new is accepted, requests in work finish within the drain
/// timeout, and it returns.
///
/// # Errors
/// When a listener is not one that can be served.
pub async fn serve(
    gateway: Gateway,
    public: TcpListener,
    admin: TcpListener,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), io::Error> {
    tracing::info!(public = %public.local_addr()?, admin = %admin.local_addr()?, "serving");
    let gateway = Arc::new(gateway);
    let config = &gateway.config;
    let bounds = Bounds {
        connections: config.max_connections,
        per_address: config.max_connections_per_address,
        patience: config.patience(),
        drain: config.drain_timeout(),
    };
    let (drained, until_drained) = oneshot::channel::<()>();

    let for_clients = async {
        let shutdown = async {
            shutdown.await;
            tracing::info!("draining");
            gateway.readiness.drain();
        };
        let answer = {
            let (gateway, router) = (Arc::clone(&gateway), http::router(Arc::clone(&gateway)));
            move |request| {
                let (gateway, router) = (Arc::clone(&gateway), router.clone());
                async move { around::answer(router, &gateway.ids, Some(&gateway.metrics), request).await }
            }
        };
        let (metrics, pressure) = (gateway.metrics.connections.clone(), gateway.shed.memory.pressure());
        connection::serve(public, bounds, metrics, pressure, answer, shutdown).await;
        drop(drained);
    };
    let for_operators = async {
        let (ids, router) = (Arc::clone(&gateway.ids), admin::router(&gateway));
        let shutdown = async {
            let _ = until_drained.await;
        };
        operators::serve(admin, bounds.patience, ids, router, shutdown).await;
    };
    let percent = || gateway.flags.process().limits_shedding().map(|shedding| shedding.memory_percent.into());
    if gateway.shed.memory.mark_is_below(gateway.most_kept(), percent()) {
        tracing::warn!(
            kept = gateway.most_kept(),
            limit = gateway.shed.memory.limit(),
            "NOVA_DOCUMENT_CACHE_BYTES, NOVA_AUTOMATIC_DOCUMENTS_BYTES and NOVA_MAX_BODY_MEMORY_BYTES are together more than \
             the share of memory above which requests are refused"
        );
    }
    let memory = gateway.shed.memory.watch(percent, || gateway.clear_caches());
    tokio::select! {
        _ = async { tokio::join!(for_clients, for_operators) } => {}
        never = async { memory.await; std::future::pending().await } => never,
        never = gateway.readiness.watch(&gateway.flags) => match never {},
    }
    Ok(())
}
