//! The flags of a process: put together, and kept in step with their sources for as long as it runs.

use nova_core::{Environment, clock::SharedClock};
use nova_flags::{
    Access, Config, ConfigError, Flags, HttpTransport, Instance, Keeper, Means, REQUEST_TIMEOUT, Settings, Status, Tags,
};
use prometheus_client::registry::Registry;

use crate::{failure::Failure, https, random};

/// Flags, what operators see of their sources, and what keeps them. They stay as they are once it is dropped.
#[derive(Debug)]
pub struct KeptFlags {
    /// What holds now.
    pub flags: Flags,
    /// How the sources are.
    pub status: Status,
    keeper: Keeper,
}

impl KeptFlags {
    /// Takes in what there is, and goes on from there. Their metrics join those in `registry`.
    ///
    /// # Errors
    /// [`Failure::Config`] for a bootstrap file or an authority that is of no use. That Unleash is away is none.
    pub async fn start(settings: &Settings, clock: SharedClock, registry: &mut Registry) -> Result<Self, Failure> {
        let (access, tags) = access(settings)?;
        let flags = Flags::new(access, settings.instance.clone(), registry)
            .map_err(|error| Failure::Config(format!("UNLEASH_URL: {error}")))?;
        let status = Status::register(registry);
        let means = Means { clock, random: random::fraction, tags, status: status.clone() };
        let keeper = Keeper::start(flags.clone(), settings, means).await?;
        Ok(Self { flags, status, keeper })
    }

    /// Tells Unleash how flags were used, and ends. Takes two seconds at most.
    pub async fn stop(self) {
        self.keeper.stop().await;
    }
}

fn access(settings: &Settings) -> Result<(Access, Tags), Failure> {
    let Some(unleash) = &settings.unleash else { return Ok((Access::none(), Tags::default())) };
    let transport = HttpTransport::new(https::connector("UNLEASH_CA", unleash.ca.as_deref())?, REQUEST_TIMEOUT);
    let tags = transport.tags();
    let (api_url, token) = (unleash.api_url.clone(), Some(unleash.token.expose().to_owned()));
    Ok((Access { api_url, token, transport: std::sync::Arc::new(transport) }, tags))
}

/// What was set, for a process in `environment`.
///
/// # Errors
/// [`Failure::Config`] names the variables that do not go together.
pub(crate) fn flag_settings(config: &Config, environment: &Environment) -> Result<Settings, Failure> {
    let instance_id = random::hex(8)?;
    Ok(config.settings(environment, env!("CARGO_PKG_VERSION"), || instance_id)?)
}

/// No source: the catalogue's defaults hold, until somebody says something else to [`Flags`] itself.
pub(super) fn no_source() -> Settings {
    use std::time::Duration;

    let instance = Instance {
        app_name: "nova-gateway".into(),
        instance_id: "nova".into(),
        environment: Environment::development().to_string(),
        app_version: env!("CARGO_PKG_VERSION").into(),
        region: None,
    };
    Settings { unleash: None, file: None, instance, poll: Duration::from_secs(2), usage: Duration::from_mins(1) }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Config(error.to_string())
    }
}
