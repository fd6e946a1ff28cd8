//! What an operator can set about flags, and what may go together.

use std::{path::PathBuf, time::Duration};

use http::{Uri, uri::Scheme};
use nova_core::{Environment, is_loopback};

use super::{
    disk::{DiskCopy, Origin},
    error::ConfigError,
    secret::Token,
};
use crate::Instance;

/// Settings of the flags.
#[derive(Debug, Clone, clap::Args)]
#[group(id = "flags")]
#[command(next_help_heading = "Flags")]
pub struct Config {
    /// Where Unleash is: its base, as `https://unleash.example`, or its `/api`. Not set: flags come from a file, or are as the
    /// catalogue has them.
    #[arg(long, env = "UNLEASH_URL", value_name = "UNLEASH_URL")]
    pub unleash_url: Option<String>,

    /// Token for Unleash's client API. Set the variable; an argument is there for every user of the machine to see.
    #[arg(long, env = "UNLEASH_TOKEN", value_name = "UNLEASH_TOKEN", hide_env_values = true)]
    pub unleash_token: Option<Token>,

    /// The environment in Unleash. Not set: `NOVA_ENVIRONMENT`.
    #[arg(long, env = "UNLEASH_ENVIRONMENT", value_name = "UNLEASH_ENVIRONMENT")]
    pub unleash_environment: Option<String>,

    /// PEM file with certificates of authorities to believe for that URL, beside the public ones.
    #[arg(long, env = "UNLEASH_CA", value_name = "UNLEASH_CA")]
    pub unleash_ca: Option<PathBuf>,

    /// File with the flags for a process that has nothing from Unleash, in the format of its `/api/client/features`.
    #[arg(long, env = "NOVA_FLAGS_FILE", value_name = "NOVA_FLAGS_FILE")]
    pub flags_file: Option<PathBuf>,

    /// Where the last good answer of Unleash is kept for the next start. Not set: nowhere.
    #[arg(long, env = "NOVA_FLAGS_CACHE", value_name = "NOVA_FLAGS_CACHE")]
    pub flags_cache: Option<PathBuf>,

    /// How often Unleash is asked, in milliseconds, a fifth more or less (100 to 60000).
    #[arg(long, env = "NOVA_FLAGS_POLL_MS", value_name = "NOVA_FLAGS_POLL_MS", default_value_t = 2_000,
          value_parser = clap::value_parser!(u64).range(100..=60_000))]
    pub flags_poll_ms: u64,

    /// How often Unleash is told how flags are used, in seconds (1 to 3600).
    #[arg(long, env = "NOVA_FLAGS_USAGE_SECS", value_name = "NOVA_FLAGS_USAGE_SECS", default_value_t = 60,
          value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub flags_usage_secs: u64,

    /// What Unleash calls the application.
    #[arg(long, env = "NOVA_APP_NAME", value_name = "NOVA_APP_NAME", default_value = "nova-gateway",
          value_parser = name)]
    pub app_name: String,

    /// This process among those of the application; rollouts by instance stick to it. Not set: another one at each start.
    #[arg(long, env = "NOVA_INSTANCE_ID", value_name = "NOVA_INSTANCE_ID", value_parser = name)]
    pub instance_id: Option<String>,

    /// Where it runs, for rollouts by region.
    #[arg(long, env = "NOVA_REGION", value_name = "NOVA_REGION", value_parser = name)]
    pub region: Option<String>,
}

/// Settings that go together.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Unleash, if there is one.
    pub unleash: Option<Unleash>,
    /// The bootstrap file.
    pub file: Option<PathBuf>,
    /// What this process is.
    pub instance: Instance,
    /// How often Unleash is asked.
    pub poll: Duration,
    /// How often it is told how flags are used.
    pub usage: Duration,
}

/// Where Unleash is, and how to get in.
#[derive(Debug, Clone)]
pub struct Unleash {
    /// Its API, without a slash at the end.
    pub api_url: String,
    /// Opens it.
    pub token: Token,
    /// The environment there.
    pub environment: String,
    /// PEM file with authorities to believe beside the public ones (`UNLEASH_CA`).
    pub ca: Option<PathBuf>,
    /// Where the last good answer is kept.
    pub cache: Option<PathBuf>,
}

impl Unleash {
    pub(super) fn copy(&self) -> Option<DiskCopy> {
        let origin = Origin { url: self.api_url.clone(), environment: self.environment.clone() };
        self.cache.clone().map(|path| DiskCopy::new(path, origin))
    }
}

impl Config {
    /// What was set, if it goes together. `instance_id` is what this process is called when nobody says it, `app_version` the
    /// version of the binary.
    ///
    /// # Errors
    /// [`ConfigError`] names the variables.
    pub fn settings(
        &self,
        environment: &Environment,
        app_version: &str,
        instance_id: impl FnOnce() -> String,
    ) -> Result<Settings, ConfigError> {
        let environment_there = self.unleash_environment.clone().unwrap_or_else(|| environment.to_string());
        let instance = Instance {
            app_name: self.app_name.clone(),
            instance_id: self.instance_id.clone().unwrap_or_else(instance_id),
            environment: environment_there.clone(),
            app_version: app_version.to_owned(),
            region: self.region.clone(),
        };
        Ok(Settings {
            unleash: self.unleash(environment.is_development(), environment_there)?,
            file: self.flags_file.clone(),
            instance,
            poll: Duration::from_millis(self.flags_poll_ms),
            usage: Duration::from_secs(self.flags_usage_secs),
        })
    }

    fn unleash(&self, development: bool, environment: String) -> Result<Option<Unleash>, ConfigError> {
        let wrong = |text: &str| Err(ConfigError(text.to_owned()));
        let (url, token) = match (&self.unleash_url, &self.unleash_token) {
            (Some(url), Some(token)) => (url, token.clone()),
            (Some(_), None) => return wrong("UNLEASH_TOKEN: belongs to UNLEASH_URL, and is not set"),
            (None, Some(_)) => return wrong("UNLEASH_TOKEN: belongs to UNLEASH_URL, which is not set"),
            (None, None) if self.unleash_ca.is_some() => {
                return wrong("UNLEASH_CA: belongs to UNLEASH_URL, which is not set");
            }
            (None, None) => return Ok(None),
        };
        let api_url = unleash_api_url(url, development).map_err(|why| ConfigError(format!("UNLEASH_URL: {why}")))?;
        if !token.is_sendable() {
            return wrong("UNLEASH_TOKEN: is empty, or has a character in it that no token has, such as a line break");
        }
        if environment.is_empty() {
            return wrong("UNLEASH_ENVIRONMENT: is empty");
        }
        if let Some(named) = token.names_other_than(&environment) {
            return Err(ConfigError(format!(
                "UNLEASH_TOKEN: it is for the environment {named:?}, and this is {environment:?}, \
                 as UNLEASH_ENVIRONMENT says, or else NOVA_ENVIRONMENT"
            )));
        }
        Ok(Some(Unleash { api_url, token, environment, ca: self.unleash_ca.clone(), cache: self.flags_cache.clone() }))
    }
}

/// The URL of Unleash's API, from that of the server or of the API. Tokens go there, and limits come from there: over TLS, or
/// on this machine; in `development` anywhere.
///
/// # Errors
/// What is wrong with it, without a password that may be in it.
pub fn unleash_api_url(text: &str, development: bool) -> Result<String, String> {
    let example = "an example: https://unleash.example/api";
    let url: Uri = text.parse().map_err(|error| format!("{error}; {example}"))?;
    if url.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("a URL with a password is not supported".into());
    }
    let local = url.host().is_some_and(is_loopback);
    match url.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => {}
        Some(scheme) if *scheme == Scheme::HTTP && (local || development) => {}
        Some(scheme) if *scheme == Scheme::HTTP => {
            return Err(format!("{url}: another machine is reached over https:// only"));
        }
        _ => return Err(format!("neither https:// nor http://; {example}")),
    }
    if url.query().is_some() || url.path().contains("/api/") && !url.path().ends_with("/api/") {
        return Err(format!("{url}: neither the base of a server nor its /api; {example}"));
    }
    let base = text.trim_end_matches('/');
    Ok(if base.ends_with("/api") { base.to_owned() } else { format!("{base}/api") })
}

/// A name that can be sent in a header.
fn name(text: &str) -> Result<String, String> {
    let good = (1..=100).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if good { Ok(text.to_owned()) } else { Err("1 to 100 visible ASCII characters".into()) }
}

#[cfg(test)]
mod tests;
