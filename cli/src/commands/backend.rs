//! `nova backend`: backend services alone, for a gateway in another process.

use std::{net::SocketAddr, sync::Arc};

use nova_backend::{Backend, ServiceName, metrics::Metrics};
use nova_core::clock::SharedClock;
use nova_gateway::ProcessParts;
use nova_guard::Board;
use prometheus_client::registry::Registry;
use tokio::sync::oneshot;

use super::service::ServiceArgs;
use crate::{app, chain, clock::SystemClock, failure::Failure, random::SystemIds, signals::Stop};

/// The breakers before what no service can do without.
const NEEDS: &[&str] = &["postgres"];

#[derive(Debug, clap::Args)]
pub(super) struct BackendArgs {
    /// Which services: any of users, content and social.
    #[arg(long, env = "NOVA_SERVICES", value_delimiter = ',', default_values_t = ServiceName::ALL.iter().copied())]
    services: Vec<ServiceName>,
    /// Where the gateway connects: address and port.
    #[arg(long, env = "NOVA_BACKEND_LISTEN", default_value = "127.0.0.1:9190")]
    listen: SocketAddr,
    /// Where the operator connects: address and port.
    #[arg(long, env = "NOVA_ADMIN_ADDR", value_name = "NOVA_ADMIN_ADDR", default_value = "127.0.0.1:9181")]
    admin_listen: SocketAddr,
    #[command(flatten)]
    service: ServiceArgs,
    #[command(flatten)]
    store: nova_backend::Config,
}

pub(super) async fn run(mut args: BackendArgs) -> Result<(), Failure> {
    args.service.start_telemetry()?;
    let tls = args.service.tls()?;
    if tls.is_none() && !args.listen.ip().is_loopback() {
        return Err(Failure::Config(format!("NOVA_BACKEND_LISTEN: {}: {}", args.listen, app::NOT_LOOPBACK)));
    }
    let mut registry = Registry::default();
    let board = Board::register(&mut registry);
    let clock: SharedClock = Arc::new(SystemClock);
    let verifier = args.service.identity()?.verifier(Arc::clone(&clock), &mut registry)?;
    args.services.sort_unstable();
    args.services.dedup();
    let pool =
        nova_backend::connect(&args.store, &args.services).map_err(|error| Failure::Config(error.to_string()))?;
    let kept = args.service.flags(&mut registry).await?;
    let mut stop = Stop::listen(false)?;
    let listener = app::listen(args.listen)?;
    let admin = app::listen(args.admin_listen)?;
    tracing::info!(address = %args.listen, services = ?args.services, tls = tls.is_some(), "serving");
    let metrics = Metrics::register(&mut registry);
    let (ids, flags) = (Arc::new(SystemIds), kept.flags.clone());
    let backend = Backend::new(pool, Arc::clone(&verifier), ids, flags, metrics, &board);
    let backend = backend.with_tls(tls.map(|tls| tls.server()));
    let process = ProcessParts {
        verifier,
        flags: kept.flags.clone(),
        flag_status: kept.status.clone(),
        clock,
        board,
        needs: NEEDS,
        registry,
        build: app::build(args.service.commit),
    };
    // Operators watch it drain.
    let (draining, until_draining) = oneshot::channel::<()>();
    let (ended, until_ended) = oneshot::channel::<()>();
    let for_gateways = async {
        let shutdown = async {
            stop.asked().await;
            drop(draining);
        };
        // On the heap: it is large.
        let served = Box::pin(backend.serve(&args.services, nova_backend::tcp(listener), shutdown)).await;
        drop(ended);
        served.map_err(|error| Failure::Internal(format!("backend: {}", chain(&error))))
    };
    let dropped = |end: oneshot::Receiver<()>| async {
        let _ = end.await;
    };
    let for_operators = nova_gateway::serve_operators(process, admin, dropped(until_draining), dropped(until_ended));
    let (served, ()) = tokio::join!(for_gateways, for_operators);
    kept.stop().await;
    served
}
