//! Puts a gateway together: loaders over the upstreams, the schema, the HTTP edge.

use std::{path::Path, sync::Arc};

use nova_core::token::TokenVerifier;
use nova_gateway::{Build, Gateway, GatewayParts, MAX_MANIFEST_BYTES, Manifest};
use nova_guard::Board;
use nova_loaders::{Loaders, Means, UpstreamMetrics, Upstreams, Ways};
use nova_resolvers::SchemaConfig;
use prometheus_client::registry::Registry;

use super::{GatewayOptions, KeptFlags};
use crate::{
    failure::Failure,
    input,
    random::{self, SystemIds},
};

const MANIFEST: &str = "NOVA_DOCUMENTS_MANIFEST";

/// A gateway over the services at the ends of `ways` that serves nothing yet, believes whom `verifier` does, and obeys the flags in `kept`. Its metrics join those in
/// `registry`, and operators see the guards of `board`.
///
/// # Errors
/// [`Failure::Config`] for a manifest of trusted documents that is none; [`Failure::Internal`] when the gateway can't read its own schema.
pub fn assemble(
    ways: Ways,
    options: GatewayOptions,
    verifier: Arc<TokenVerifier>,
    kept: &KeptFlags,
    board: Board,
    mut registry: Registry,
) -> Result<Gateway, Failure> {
    let GatewayOptions { http, loaders, identity: _, cursor_secret, environment, clock, commit } = options;
    let means = Means {
        board: &board,
        metrics: &UpstreamMetrics::register(&mut registry),
        random: random::fraction,
        max_response: loaders.max_upstream_response_bytes as usize,
    };
    let upstreams = Upstreams::new(ways, &means);
    let loaders = Loaders::new(upstreams.clone(), &loaders, &mut registry);
    let manifest = http.documents_manifest.as_deref().map(manifest).transpose()?;
    let parts = GatewayParts {
        schema: nova_resolvers::schema(&SchemaConfig { cursor_secret, suggestions: http.suggests(&environment) }),
        loaders,
        flags: kept.flags.clone(),
        flag_status: kept.status.clone(),
        ids: Arc::new(SystemIds),
        verifier,
        clock,
        manifest,
        config: http,
        environment,
        registry,
        upstreams,
        board,
        build: build(commit),
    };
    Gateway::new(parts).map_err(|error| Failure::Internal(error.to_string()))
}

/// What operators are told about this binary.
pub(crate) fn build(commit: Option<String>) -> Build {
    // Known at start and for good: one small leak for the life of the process.
    Build { version: env!("CARGO_PKG_VERSION"), commit: commit.map_or("unknown", |commit| commit.leak()) }
}

/// The manifest of trusted documents at `path`. What is wrong with it is wrong with a setting.
fn manifest(path: &Path) -> Result<Manifest, Failure> {
    let bytes =
        input::read(MANIFEST, path, MAX_MANIFEST_BYTES).map_err(|failure| Failure::Config(failure.to_string()))?;
    Manifest::parse(&bytes).map_err(|error| Failure::Config(format!("{MANIFEST}: {}: {error}", path.display())))
}
