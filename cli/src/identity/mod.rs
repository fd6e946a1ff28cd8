//! Whom this process believes: where the keys come from that verify access tokens, and what a token must say.
//!
//! Which keys those are is decided at start, and only their issuer changes them afterwards. Nothing here looks at a token:
//! that is [`nova_core::token`].

mod fetch;
mod keeper;
mod metrics;
mod settings;

pub(crate) use settings::Hidden;
pub use settings::IdentityArgs;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use http::Uri;
use nova_core::{
    clock::SharedClock,
    token::{KeySet, TokenRules, TokenSecret, TokenVerifier},
};
use prometheus_client::registry::Registry;

use self::{
    fetch::HttpFetch,
    keeper::{Keeper, Schedule},
    metrics::Metrics,
};
use crate::{failure::Failure, random};

/// Whom to believe, and on what terms.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Who signs.
    pub keys: IdentityKeys,
    /// What a token must say.
    pub rules: TokenRules,
}

/// Where the keys come from.
#[derive(Debug, Clone)]
pub enum IdentityKeys {
    /// A secret shared with whoever signs (HS256): for development.
    Secret(TokenSecret),
    /// Public keys that were there at start.
    Fixed(Arc<KeySet>),
    /// Public keys that an issuer publishes.
    Published(Jwks),
}

/// Where an issuer publishes its keys, as a JSON Web Key Set.
#[derive(Debug, Clone)]
pub struct Jwks {
    /// `https://…`, or `http://…` where that is allowed.
    pub url: Uri,
    /// A PEM file with certificates of authorities to believe beside the public ones.
    pub ca: Option<PathBuf>,
    /// How often the keys are fetched without any need.
    pub refresh: Duration,
}

impl Identity {
    /// Believes what is signed with `secret`, under the default rules.
    #[must_use]
    pub fn secret(secret: TokenSecret) -> Self {
        Self { keys: IdentityKeys::Secret(secret), rules: TokenRules::default() }
    }

    /// A verifier of tokens. Published keys are fetched in the background from now on: a start does not wait for an issuer.
    ///
    /// # Errors
    /// [`Failure::Config`] for a file that can't be used.
    pub fn verifier(&self, clock: SharedClock, registry: &mut Registry) -> Result<Arc<TokenVerifier>, Failure> {
        let rules = self.rules.clone();
        Ok(Arc::new(match &self.keys {
            IdentityKeys::Secret(secret) => TokenVerifier::fixed(KeySet::secret(secret), rules, clock),
            IdentityKeys::Fixed(keys) => TokenVerifier::fixed(Arc::clone(keys), rules, clock),
            IdentityKeys::Published(jwks) => {
                let fetch = HttpFetch::new(jwks.url.clone(), jwks.ca.as_deref())?;
                let schedule = Schedule { refresh: jwks.refresh, jitter: random::fraction };
                let keeper = Keeper::start(fetch, schedule, Metrics::register(registry));
                TokenVerifier::published(Arc::new(keeper), rules, clock)
            }
        }))
    }
}

/// Reads a file that `variable` names.
pub(crate) fn read_file(variable: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::Config(format!("{variable}: {}: {error}", path.display())))
}
