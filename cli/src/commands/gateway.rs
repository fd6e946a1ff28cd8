//! `nova gateway`: the gateway alone, over backend services in other processes.

use std::sync::Arc;

use nova_guard::Board;
use nova_loaders::Ways;
use prometheus_client::registry::Registry;

use super::service::ServiceArgs;
use crate::{
    app::{self, GatewayOptions, KeptFlags},
    clock::SystemClock,
    descriptors,
    failure::Failure,
    identity::Hidden,
    signals::Stop,
};

const CURSOR_SECRET: &str = "NOVA_CURSOR_SECRET";

#[derive(Debug, clap::Args)]
pub(super) struct GatewayArgs {
    /// Where `nova.v1.Users` is served: addresses separated by commas, among which calls are balanced.
    #[arg(long, env = "USERS_URL", default_value = "http://127.0.0.1:9190", value_delimiter = ',')]
    users_url: Vec<String>,
    /// Where `nova.v1.Content` is served: addresses separated by commas, among which calls are balanced.
    #[arg(long, env = "CONTENT_URL", default_value = "http://127.0.0.1:9190", value_delimiter = ',')]
    content_url: Vec<String>,
    /// Where `nova.v1.Social` is served: addresses separated by commas, among which calls are balanced.
    #[arg(long, env = "SOCIAL_URL", default_value = "http://127.0.0.1:9190", value_delimiter = ',')]
    social_url: Vec<String>,
    /// The name in the services' certificates, where it is not the host of their URL.
    #[arg(long, env = "GRPC_TLS_DOMAIN", value_name = "GRPC_TLS_DOMAIN")]
    grpc_tls_domain: Option<String>,
    /// Secret that signs cursors, at least 32 bytes, the same in all gateways of a fleet; in development `NOVA_TOKEN_SECRET`
    /// serves where this is not set. Set the variable; an argument is there for every user of the machine to see.
    #[arg(long, env = CURSOR_SECRET, hide_env_values = true, value_name = CURSOR_SECRET, value_parser = Hidden::from_text)]
    cursor_secret: Option<Hidden>,
    #[command(flatten)]
    service: ServiceArgs,
    #[command(flatten)]
    loaders: nova_loaders::Config,
    #[command(flatten)]
    http: nova_gateway::Config,
}

pub(super) async fn run(mut args: GatewayArgs) -> Result<(), Failure> {
    args.service.start_telemetry()?;
    args.http.max_connections = descriptors::fit_clients(args.http.max_connections);
    let identity = args.service.identity()?;
    let cursor_secret = match args.cursor_secret.as_ref().or(args.service.tokens.token_secret()) {
        Some(secret) => secret.secret(CURSOR_SECRET)?,
        None => {
            return Err(Failure::Config(format!(
                "{CURSOR_SECRET}: not set; it signs cursors, and has at least 32 bytes"
            )));
        }
    };
    let tls = args.service.tls()?;
    let tls = tls.as_ref().map(|tls| tls.client(args.grpc_tls_domain.as_deref()));
    let ways = Ways {
        users: app::all_remote("USERS_URL", &args.users_url, tls.as_ref())?,
        content: app::all_remote("CONTENT_URL", &args.content_url, tls.as_ref())?,
        social: app::all_remote("SOCIAL_URL", &args.social_url, tls.as_ref())?,
    };
    let flags = args.service.flag_settings()?;
    let mut stop = Stop::listen(false)?;
    let public = app::listen(args.http.listen)?;
    let admin = app::listen(args.http.admin_listen)?;
    let options = GatewayOptions {
        http: args.http,
        loaders: args.loaders,
        identity,
        cursor_secret,
        environment: args.service.environment,
        clock: Arc::new(SystemClock),
        commit: args.service.commit,
    };
    let mut registry = Registry::default();
    let board = Board::register(&mut registry);
    let verifier = options.identity.verifier(Arc::clone(&options.clock), &mut registry)?;
    let kept = KeptFlags::start(&flags, Arc::clone(&options.clock), &mut registry).await?;
    let gateway = app::assemble(ways, options, verifier, &kept, board, registry)?;
    let served = nova_gateway::serve(gateway, public, admin, async move { stop.asked().await });
    let served = served.await.map_err(|error| Failure::Internal(format!("gateway: {error}")));
    kept.stop().await;
    served
}
