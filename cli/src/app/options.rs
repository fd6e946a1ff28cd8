//! What an app is told.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use clap::Args;
use nova_core::{Environment, clock::SharedClock, token::TokenSecret};

use super::flags::{flag_settings, no_source};
use crate::{clock::SystemClock, failure::Failure, identity::Identity};

/// Settings of an [`App`](super::App).
#[derive(Debug, Clone)]
pub struct AppOptions {
    /// The store and the pool.
    pub backend: nova_backend::Config,
    /// The gateway's side.
    pub gateway: GatewayOptions,
    /// Where flags come from.
    pub flags: nova_flags::Settings,
}

/// Settings of a gateway, room by room.
#[derive(Debug, Clone)]
pub struct GatewayOptions {
    /// The HTTP edge, its addresses among it.
    pub http: nova_gateway::Config,
    /// Batching.
    pub loaders: nova_loaders::Config,
    /// Whose tokens are believed, here and in the backend of the same process.
    pub identity: Identity,
    /// Signs cursors. All gateways of a fleet share it.
    pub cursor_secret: TokenSecret,
    /// Where it runs.
    pub environment: Environment,
    /// Tells the wall time.
    pub clock: SharedClock,
    /// The commit of this build, for the operator.
    pub commit: Option<String>,
}

impl AppOptions {
    /// Defaults for the database at `database_url`, on free ports of 127.0.0.1. `token_secret` signs tokens and cursors.
    #[must_use]
    pub fn new(database_url: &str, token_secret: TokenSecret) -> Self {
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            backend: nova_backend::Config::for_url(database_url),
            gateway: GatewayOptions {
                http: nova_gateway::Config { listen: free, admin_listen: free, ..nova_gateway::Config::default() },
                loaders: nova_loaders::Config::default(),
                identity: Identity::secret(token_secret.clone()),
                cursor_secret: token_secret,
                environment: Environment::development(),
                clock: Arc::new(SystemClock),
                commit: None,
            },
            flags: no_source(),
        }
    }

    /// What the environment sets, for the database at `database_url`. `token_secret` signs tokens and cursors, `flags` says
    /// where flags come from.
    ///
    /// # Errors
    /// [`Failure::Config`] names the variable with a wrong value.
    pub fn from_environment(
        database_url: &str,
        token_secret: TokenSecret,
        commit: Option<String>,
        flags: &nova_flags::Config,
    ) -> Result<Self, Failure> {
        Ok(Self {
            backend: settings(&["--database-url", database_url])?,
            gateway: GatewayOptions {
                http: settings(&[])?,
                loaders: settings(&[])?,
                identity: Identity::secret(token_secret.clone()),
                cursor_secret: token_secret,
                environment: Environment::development(),
                clock: Arc::new(SystemClock),
                commit,
            },
            flags: flag_settings(flags, &Environment::development())?,
        })
    }
}

/// A room's settings as the environment has them; `arguments` come first.
///
/// # Errors
/// [`Failure::Config`] names the variable with a wrong value.
pub fn settings<T: Args>(arguments: &[&str]) -> Result<T, Failure> {
    let command = T::augment_args(clap::Command::new("nova")).no_binary_name(true);
    let parsed = command.try_get_matches_from(arguments).and_then(|matches| T::from_arg_matches(&matches));
    parsed.map_err(|error| Failure::Config(error.render().to_string().trim_end().to_owned()))
}
