//! What `nova gateway` and `nova backend` are told alike.

use std::sync::Arc;

use nova_core::Environment;
use prometheus_client::registry::Registry;

use crate::{
    app::{self, GrpcTls, GrpcTlsArgs, KeptFlags},
    clock::SystemClock,
    failure::Failure,
    identity::{Identity, IdentityArgs},
    telemetry,
};

#[derive(Debug, clap::Args)]
pub(super) struct ServiceArgs {
    /// Where this runs. `development` allows what is only good on a developer's machine.
    #[arg(long, env = "NOVA_ENVIRONMENT", default_value = "production")]
    pub(super) environment: Environment,
    /// What is logged: a level, or levels by target, as in `info,nova_gateway=debug`.
    #[arg(long, env = "NOVA_LOG", default_value = "info")]
    log: String,
    /// The commit of this build, for the operator.
    #[arg(long, env = "NOVA_COMMIT", hide = true)]
    pub(super) commit: Option<String>,
    #[command(flatten)]
    pub(super) tokens: IdentityArgs,
    #[command(flatten)]
    tls: GrpcTlsArgs,
    #[command(flatten)]
    flags: nova_flags::Config,
}

impl ServiceArgs {
    pub(super) fn start_telemetry(&self) -> Result<(), Failure> {
        telemetry::start(&self.log)
    }

    /// Whose tokens are believed.
    pub(super) fn identity(&self) -> Result<Identity, Failure> {
        self.tokens.identity(&self.environment)
    }

    /// Where flags come from.
    pub(super) fn flag_settings(&self) -> Result<nova_flags::Settings, Failure> {
        app::flag_settings(&self.flags, &self.environment)
    }

    /// The flags, kept in step with their sources from here on.
    pub(super) async fn flags(&self, registry: &mut Registry) -> Result<KeptFlags, Failure> {
        KeptFlags::start(&self.flag_settings()?, Arc::new(SystemClock), registry).await
    }

    /// Who we are to the other processes of the fleet.
    pub(super) fn tls(&self) -> Result<Option<GrpcTls>, Failure> {
        self.tls.load()
    }
}
