//! What the stages share: one value for the process, put together from what the composition root hands in.

use std::sync::Arc;

use nova_core::{Environment, SharedIds, clock::SharedClock, token::TokenVerifier};
use nova_flags::{Flags, Status};
use nova_guard::Board;
use nova_loaders::{Loaders, Upstreams};
use nova_resolvers::NovaSchema;
use prometheus_client::registry::Registry;

use crate::{
    admin::operators::Operators,
    config::Config,
    document::DocumentCache,
    executor::Executor,
    guard::{Guard, SchemaError},
    health::Readiness,
    http::around::RequestIds,
    metrics::Metrics,
    persisted::{Manifest, PersistedDocuments},
    rate::Rates,
    shed::{Shed, ShedMetrics},
    viewer_check::ViewerCheck,
};

/// Which build this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Build {
    /// The version of the binary.
    pub version: &'static str,
    /// The commit it was built from, or `unknown`.
    pub commit: &'static str,
}

/// What a gateway is made of.
pub struct GatewayParts {
    /// The schema that operations run against.
    pub schema: NovaSchema,
    /// Where resolvers get their values.
    pub loaders: Loaders,
    /// Decides the policy of each request.
    pub flags: Flags,
    /// How the sources of flags are.
    pub flag_status: Status,
    /// Makes the ids of sessions.
    pub ids: SharedIds,
    /// Reads access tokens.
    pub verifier: Arc<TokenVerifier>,
    /// Tells the wall time.
    pub clock: SharedClock,
    /// The trusted documents, as `config` names them.
    pub manifest: Option<Manifest>,
    /// Settings.
    pub config: Config,
    /// Where the process runs. The page for the browser is there in development only.
    pub environment: Environment,
    /// The process's metrics, those of the other rooms already in it; the gateway adds its own and shows them all.
    pub registry: Registry,
    /// Whom readiness and probes ask.
    pub upstreams: Upstreams,
    /// The guards of the process, in its metrics already.
    pub board: Board,
    /// What `/ops` says about the binary.
    pub build: Build,
}

/// The gateway. [`serve`](crate::serve) opens its doors.
pub struct Gateway {
    pub(crate) config: Config,
    pub(crate) environment: Environment,
    pub(crate) executor: Executor,
    pub(crate) persisted: PersistedDocuments,
    pub(crate) loaders: Loaders,
    pub(crate) flags: Flags,
    pub(crate) flag_status: Status,
    pub(crate) session_ids: SharedIds,
    pub(crate) verifier: Arc<TokenVerifier>,
    pub(crate) viewers: ViewerCheck,
    pub(crate) rates: Rates,
    pub(crate) readiness: Readiness,
    pub(crate) metrics: Metrics,
    pub(crate) operators: Arc<Operators>,
    pub(crate) ids: Arc<RequestIds>,
    pub(crate) shed: Shed,
}

impl Gateway {
    /// A gateway that serves nothing yet.
    ///
    /// # Errors
    /// When the guard can't read the schema.
    pub fn new(parts: GatewayParts) -> Result<Self, SchemaError> {
        let GatewayParts {
            schema,
            loaders,
            flags,
            flag_status,
            ids,
            verifier,
            clock,
            manifest,
            config,
            environment,
            mut registry,
            upstreams,
            board,
            build,
        } = parts;
        let metrics = Metrics::register(&mut registry);
        let shed = Shed::new(&config, ShedMetrics::register(&mut registry));
        let guard = Guard::new(&schema.sdl())?;
        let persisted = PersistedDocuments::new(manifest, config.automatic_documents_bytes, &mut registry)?;
        let rates = Rates::register(&mut registry);
        let known = (Arc::clone(&verifier), board);
        Ok(Self {
            operators: Arc::new(Operators::new(known, (flags.clone(), flag_status.clone()), build, &clock, registry)),
            executor: Executor::new(schema, DocumentCache::new(guard, config.document_cache_bytes)),
            persisted,
            loaders,
            flags,
            flag_status,
            session_ids: ids,
            verifier,
            viewers: ViewerCheck::new(),
            rates,
            readiness: Readiness::new(upstreams),
            metrics,
            ids: Arc::new(RequestIds::new(clock.now().timestamp_millis())),
            shed,
            config,
            environment,
        })
    }

    /// Drops what is only kept to be faster next time.
    pub(crate) fn clear_caches(&self) {
        self.executor.documents.clear();
        self.persisted.clear();
    }

    /// What caches and bodies of requests may take together, in bytes.
    pub(crate) fn most_kept(&self) -> u64 {
        let config = &self.config;
        [config.document_cache_bytes, config.automatic_documents_bytes, config.max_body_memory_bytes]
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    /// Whether all callers are on this machine: a developer's, and it listens on loopback.
    pub(crate) fn is_for_this_machine(&self) -> bool {
        self.environment.is_development() && self.config.listen.ip().is_loopback()
    }
}
