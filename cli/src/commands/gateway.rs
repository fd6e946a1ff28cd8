//! `nova gateway`: the gateway alone, over backend services in other processes.

use std::sync::Arc;

use nova_loaders::Upstreams;
use prometheus_client::registry::Registry;

use super::service::ServiceArgs;
use crate::{
    app::{self, GatewayOptions},
    clock::SystemClock,
    failure::Failure,
    signals::Stop,
};

#[derive(Debug, clap::Args)]
pub(super) struct GatewayArgs {
    /// Where `nova.v1.Users` is served.
    #[arg(long, env = "USERS_URL", default_value = "http://127.0.0.1:9190")]
    users_url: String,
    /// Where `nova.v1.Content` is served.
    #[arg(long, env = "CONTENT_URL", default_value = "http://127.0.0.1:9190")]
    content_url: String,
    /// Where `nova.v1.Social` is served.
    #[arg(long, env = "SOCIAL_URL", default_value = "http://127.0.0.1:9190")]
    social_url: String,
    #[command(flatten)]
    service: ServiceArgs,
    #[command(flatten)]
    loaders: nova_loaders::Config,
    #[command(flatten)]
    http: nova_gateway::Config,
}

pub(super) async fn run(args: GatewayArgs) -> Result<(), Failure> {
    args.service.start_telemetry()?;
    let token_secret = args.service.token_secret()?;
    let upstreams = Upstreams {
        users: app::remote("USERS_URL", &args.users_url)?,
        content: app::remote("CONTENT_URL", &args.content_url)?,
        social: app::remote("SOCIAL_URL", &args.social_url)?,
    };
    let mut stop = Stop::listen(false)?;
    let public = app::listen(args.http.listen).await?;
    let admin = app::listen(args.http.admin_listen).await?;
    let options = GatewayOptions {
        http: args.http,
        loaders: args.loaders,
        token_secret,
        environment: args.service.environment,
        clock: Arc::new(SystemClock),
        commit: args.service.commit,
    };
    let gateway = app::assemble(upstreams, options, Registry::default());
    let served = nova_gateway::serve(gateway, public, admin, async move { stop.asked().await });
    served.await.map_err(|error| Failure::Internal(format!("gateway: {error}")))
}
