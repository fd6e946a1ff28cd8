//! `nova backend`: backend services alone, for a gateway in another process.

use std::{net::SocketAddr, sync::Arc};

use nova_backend::{Backend, ServiceName, metrics::Metrics};
use nova_guard::Board;
use prometheus_client::registry::Registry;

use super::service::ServiceArgs;
use crate::{app, chain, clock::SystemClock, failure::Failure, random::SystemIds, signals::Stop};

#[derive(Debug, clap::Args)]
pub(super) struct BackendArgs {
    /// Which services: any of users, content and social.
    #[arg(long, env = "NOVA_SERVICES", value_delimiter = ',', default_values_t = ServiceName::ALL.iter().copied())]
    services: Vec<ServiceName>,
    /// Where the gateway connects: address and port.
    #[arg(long, env = "NOVA_BACKEND_LISTEN", default_value = "127.0.0.1:9190")]
    listen: SocketAddr,
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
    let verifier = args.service.identity()?.verifier(Arc::new(SystemClock), &mut registry)?;
    args.services.sort_unstable();
    args.services.dedup();
    let pool =
        nova_backend::connect(&args.store, &args.services).map_err(|error| Failure::Config(error.to_string()))?;
    let kept = args.service.flags(&mut registry).await?;
    let mut stop = Stop::listen(false)?;
    let listener = app::listen(args.listen)?;
    tracing::info!(address = %args.listen, services = ?args.services, tls = tls.is_some(), "serving");
    let metrics = Metrics::register(&mut registry);
    let board = Board::register(&mut registry);
    let backend = Backend::new(pool, verifier, Arc::new(SystemIds), kept.flags.clone(), metrics, &board);
    let backend = backend.with_tls(tls.map(|tls| tls.server()));
    let served = backend.serve(&args.services, nova_backend::tcp(listener), stop.asked());
    let served = served.await.map_err(|error| Failure::Internal(format!("backend: {}", chain(&error))));
    kept.stop().await;
    served
}
