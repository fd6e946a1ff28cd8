//! Gateway and backend in one process: what `nova up`, the tests and the figures run. The two talk in gRPC's messages, so
//! that it is the same code as in separate processes, without the connections.

mod assemble;
mod channel;
mod flags;
mod options;
mod part;
mod tls;

pub use assemble::assemble;
pub(crate) use assemble::build;
pub(crate) use channel::NOT_LOOPBACK;
pub use channel::{all_remote, in_process, remote};
pub use flags::KeptFlags;
pub(crate) use flags::flag_settings;
pub use options::{AppOptions, GatewayOptions, settings};
pub(crate) use tls::install_provider;
pub use tls::{GrpcTls, GrpcTlsArgs};

use std::{io, net::SocketAddr, sync::Arc};

use nova_backend::{Backend, ServiceName, metrics::Metrics};
use nova_flags::Flags;
use nova_guard::Board;
use prometheus_client::registry::Registry;
use tokio::net::{TcpListener, TcpSocket};

use self::part::Part;
use crate::{failure::Failure, random::SystemIds};

/// Everything, running. Dropping it ends it at once; [`App::stop`] ends it in order.
#[derive(Debug)]
pub struct App {
    /// Where clients connect: `http://127.0.0.1:PORT`.
    pub url: String,
    /// Where the operator connects.
    pub admin_url: String,
    /// What holds now, for gateway and backend alike.
    pub flags: Flags,
    /// The guards of both.
    pub board: Board,
    kept: KeptFlags,
    gateway: Part,
    backend: Part,
}

impl App {
    /// Starts on the addresses of `options.gateway`.
    ///
    /// # Errors
    /// [`Failure`] when an address is taken or a setting is wrong.
    pub async fn start(options: AppOptions) -> Result<Self, Failure> {
        let public = listen(options.gateway.http.listen)?;
        let admin = listen(options.gateway.http.admin_listen)?;
        Self::start_on(options, public, admin).await
    }

    /// Starts on listeners that are there already.
    ///
    /// # Errors
    /// [`Failure`] when a setting is wrong.
    pub async fn start_on(options: AppOptions, public: TcpListener, admin: TcpListener) -> Result<Self, Failure> {
        let (url, admin_url) = (url(&public)?, url(&admin)?);
        let mut registry = Registry::default();
        let board = Board::register(&mut registry);
        let AppOptions { backend, gateway, flags } = options;
        let kept = KeptFlags::start(&flags, Arc::clone(&gateway.clock), &mut registry).await?;
        let flags = kept.flags.clone();
        let verifier = gateway.identity.verifier(Arc::clone(&gateway.clock), &mut registry)?;
        let pool =
            nova_backend::connect(&backend, ServiceName::ALL).map_err(|error| Failure::Config(error.to_string()))?;
        let metrics = Metrics::register(&mut registry);
        let backend = Backend::new(pool, Arc::clone(&verifier), Arc::new(SystemIds), flags.clone(), metrics, &board);
        let ways = in_process(&backend.in_process(ServiceName::ALL).await);
        let backend = Part::spawn(|stopped| async move {
            tokio::select! {
                () = stopped.asked() => Ok(()),
                never = backend.work(ServiceName::ALL) => match never {},
            }
        });
        let gateway = assemble(ways, gateway, verifier, &kept, board.clone(), registry)?;
        let gateway = Part::spawn(|stopped| async move {
            let served = nova_gateway::serve(gateway, public, admin, stopped.asked());
            served.await.map_err(|error| Failure::Internal(format!("gateway: {error}")))
        });
        Ok(Self { url, admin_url, flags, board, kept, gateway, backend })
    }

    /// Waits until a part ends that should not, and says which.
    pub async fn ended(&mut self) -> Failure {
        let (part, outcome) = tokio::select! {
            outcome = self.gateway.ended() => ("gateway", outcome),
            outcome = self.backend.ended() => ("backend", outcome),
        };
        outcome.err().unwrap_or_else(|| Failure::Internal(format!("the {part} ended by itself")))
    }

    /// Ends in order: the gateway finishes what it works on, then the backend goes.
    ///
    /// # Errors
    /// What went wrong in a part on its way.
    pub async fn stop(mut self) -> Result<(), Failure> {
        let gateway = self.gateway.stop().await;
        let backend = self.backend.stop().await;
        self.kept.stop().await;
        gateway.and(backend)
    }
}

/// Clients that the kernel lets in before we have taken them, as far as it goes along (`net.core.somaxconn`). With room for few, one
/// burst of connections costs everybody who comes then a second: the kernel says nothing, and they try again.
const BACKLOG: u32 = 4_096;

/// Listens, or says which address can't be had.
pub(crate) fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    bind(address).map_err(|error| Failure::Unavailable(format!("cannot listen on {address}: {error}")))
}

/// The same, with the plain error.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A process that starts again need not wait for the connections of the one before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn url(listener: &TcpListener) -> Result<String, Failure> {
    let address: io::Result<_> = listener.local_addr();
    Ok(format!("http://{}", address.map_err(Failure::io("find out the address"))?))
}
