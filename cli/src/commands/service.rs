//! What `nova gateway` and `nova backend` are told alike.

use nova_core::{Environment, token::TokenSecret};

use crate::{failure::Failure, telemetry};

#[derive(Debug, clap::Args)]
pub(super) struct ServiceArgs {
    /// Secret that signs access tokens, at least 32 bytes: the same for gateway and backend. Set the variable; an
    /// argument is there for every user of the machine to see.
    #[arg(long, env = "NOVA_TOKEN_SECRET", hide_env_values = true, value_name = "NOVA_TOKEN_SECRET")]
    token_secret: String,
    /// Where this runs. `development` allows what is only good on a developer's machine.
    #[arg(long, env = "NOVA_ENVIRONMENT", default_value = "production")]
    pub(super) environment: Environment,
    /// What is logged: a level, or levels by target, as in `info,nova_gateway=debug`.
    #[arg(long, env = "NOVA_LOG", default_value = "info")]
    log: String,
    /// The commit of this build, for the operator.
    #[arg(long, env = "NOVA_COMMIT", hide = true)]
    pub(super) commit: Option<String>,
}

impl ServiceArgs {
    pub(super) fn start_telemetry(&self) -> Result<(), Failure> {
        telemetry::start(&self.log)
    }

    pub(super) fn token_secret(&self) -> Result<TokenSecret, Failure> {
        TokenSecret::new(self.token_secret.as_str())
            .map_err(|error| Failure::Config(format!("NOVA_TOKEN_SECRET: {error}")))
    }
}
