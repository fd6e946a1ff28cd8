//! Serves the services over whatever byte streams come in.

use std::{
    convert::Infallible,
    future::{Future, pending},
    io,
    sync::Arc,
    time::Duration,
};

use futures_util::Stream;
use nova_core::{SharedIds, token::TokenVerifier};
use nova_flags::Flags;
use nova_guard::Board;
use nova_proto::v1::{content_server::ContentServer, social_server::SocialServer, users_server::UsersServer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    time::sleep,
};
use tonic::{
    server::NamedService,
    service::{Routes, RoutesBuilder},
    transport::{
        Server,
        server::{Connected, ServerTlsConfig, TcpIncoming},
    },
};
use tonic_reflection::server::v1::{ServerReflection, ServerReflectionServer};

use crate::{
    ServiceName,
    content::ContentService,
    fold,
    health::Health,
    metrics::Metrics,
    policy::{Peers, Policies},
    pool::Pool,
    social::SocialService,
    store::Store,
    sweep,
    users::UsersService,
};

/// Calls that one connection may have under way.
const MAX_STREAMS: u32 = 512;
/// How often an idle connection is asked whether the other end is there, and how long it has to answer.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(5));
/// How long calls under way may take once shutdown began.
const DRAIN: Duration = Duration::from_secs(10);

/// The services and what they stand on.
#[derive(Debug, Clone)]
pub struct Backend {
    store: Store,
    verifier: Arc<TokenVerifier>,
    ids: SharedIds,
    flags: Flags,
    health: Health,
    tls: Option<ServerTlsConfig>,
}

impl Backend {
    /// Services over `pool`, which believe the tokens that `verifier` does and take new ids from `ids`. Calls that bring no
    /// policy, and jobs, obey that of `flags`. The breaker before the store is shown on `board`.
    #[must_use]
    pub fn new(
        pool: Pool,
        verifier: Arc<TokenVerifier>,
        ids: SharedIds,
        flags: Flags,
        metrics: Metrics,
        board: &Board,
    ) -> Self {
        board.add_breaker(pool.breaker());
        Self { store: Store::new(pool, metrics), verifier, ids, flags, health: Health::new(), tls: None }
    }

    /// The same, spoken to over TLS only, by whom `tls` lets in.
    #[must_use]
    pub fn with_tls(self, tls: Option<ServerTlsConfig>) -> Self {
        Self { tls, ..self }
    }

    /// `services` and gRPC health for callers in this process: no transport lies between. Their jobs are
    /// [`work`](Self::work).
    pub async fn in_process(&self, services: &[ServiceName]) -> Routes {
        let (routes, names) = self.routes(services, Peers::Authenticated);
        self.health.begin(&names).await;
        routes.add_service(self.health.service()).prepare()
    }

    /// The jobs that go with `services`, until it is dropped: connections are looked after, and the store is asked whether it
    /// answers; with the social service counters are folded, with the content service what is past its time is forgotten.
    pub async fn work(&self, services: &[ServiceName]) -> Infallible {
        let folding = async {
            if services.contains(&ServiceName::Social) {
                fold::run(&self.store, &self.flags).await
            } else {
                pending().await
            }
        };
        let sweeping = async {
            if services.contains(&ServiceName::Content) {
                sweep::run(&self.store, &self.flags).await
            } else {
                pending().await
            }
        };
        let names: Vec<_> = services.iter().map(|service| full_name(*service)).collect();
        let pool = self.store.pool();
        tokio::select! {
            never = folding => never,
            never = sweeping => never,
            never = pool.work() => never,
            never = self.health.follow(&names, pool.alive(), &self.flags) => never,
        }
    }

    /// Serves `services`, gRPC health and reflection on each stream of `incoming`, until `shutdown` and then as long as
    /// calls are under way, at most 10 s. Meanwhile it does their [`work`](Self::work).
    ///
    /// # Errors
    /// The transport's, when it can't be set up.
    pub async fn serve<IO>(
        self,
        services: &[ServiceName],
        incoming: impl Stream<Item = io::Result<IO>>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), tonic::transport::Error>
    where
        IO: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
    {
        let peers = if self.tls.is_some() { Peers::Authenticated } else { Peers::Anybody };
        let (routes, names) = self.routes(services, peers);
        self.health.begin(&names).await;
        let mut server = Server::builder();
        if let Some(tls) = &self.tls {
            server = server.tls_config(tls.clone())?;
        }
        let server = server
            .max_concurrent_streams(MAX_STREAMS)
            // Callers whose clients leave cancel many at a time.
            .http2_max_pending_accept_reset_streams(Some(MAX_STREAMS as usize))
            .http2_keepalive_interval(Some(KEEPALIVE.0))
            .http2_keepalive_timeout(Some(KEEPALIVE.1))
            .add_routes(routes)
            .add_service(self.health.service())
            .add_optional_service(reflection(&names));

        let (stopping, stopped) = oneshot::channel();
        let done = server.serve_with_incoming_shutdown(incoming, async {
            shutdown.await;
            self.health.end(&names).await;
            // The receiver lives as long as this future.
            let _ = stopping.send(());
        });
        let overdue = async {
            match stopped.await {
                Ok(()) => sleep(DRAIN).await,
                Err(_) => pending().await,
            }
        };
        tokio::select! {
            outcome = done => outcome,
            () = overdue => Ok(()),
            never = self.work(services) => match never {},
        }
    }

    /// The services' routes and full names. Whether the policy of a call is obeyed depends on its `peers`.
    fn routes(&self, services: &[ServiceName], peers: Peers) -> (Routes, Vec<&'static str>) {
        let mut routes = RoutesBuilder::default();
        let mut names = Vec::new();
        let policies = Policies::new(peers, self.flags.clone(), self.store.metrics().policies());
        for service in services {
            let policies = policies.clone();
            let (store, verifier) = (self.store.for_one_of(services.len()), Arc::clone(&self.verifier));
            names.push(full_name(*service));
            match service {
                ServiceName::Users => {
                    routes.add_service(UsersServer::with_interceptor(UsersService::new(store, verifier), policies));
                }
                ServiceName::Content => {
                    let service = ContentService::new(store, verifier, Arc::clone(&self.ids));
                    routes.add_service(ContentServer::with_interceptor(service, policies));
                }
                ServiceName::Social => {
                    routes.add_service(SocialServer::with_interceptor(SocialService::new(store, verifier), policies));
                }
            }
        }
        (routes.routes(), names)
    }
}

/// What gRPC calls a service.
fn full_name(service: ServiceName) -> &'static str {
    match service {
        ServiceName::Users => UsersServer::<UsersService>::NAME,
        ServiceName::Content => ContentServer::<ContentService>::NAME,
        ServiceName::Social => SocialServer::<SocialService>::NAME,
    }
}

/// The connections that `listener` accepts, each without Nagle's delay.
pub fn tcp(listener: TcpListener) -> impl Stream<Item = io::Result<TcpStream>> {
    TcpIncoming::from(listener).with_nodelay(Some(true))
}

/// Reflection of the services in `names`. Without a readable description there is none; nothing else depends on it.
fn reflection(names: &[&str]) -> Option<ServerReflectionServer<impl ServerReflection>> {
    let builder = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(nova_proto::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
    let described = names.iter().chain(&["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"]);
    described
        .fold(builder, |builder, name| builder.with_service_name(*name))
        .build_v1()
        .inspect_err(|error| tracing::error!(%error, "no reflection"))
        .ok()
}
