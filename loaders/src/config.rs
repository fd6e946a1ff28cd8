//! What an operator can set about loading.

use std::time::Duration;

/// Settings of the loaders.
#[derive(Debug, Clone, clap::Args)]
#[group(id = "loaders")]
pub struct Config {
    /// Longest time that one upstream call may take, in milliseconds, whoever waits for it.
    #[arg(long, env = "NOVA_UPSTREAM_TIMEOUT_MS", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub upstream_timeout_ms: u64,

    /// Most keys of one upstream call; a larger batch is split into calls that run at the same time.
    #[arg(long, env = "NOVA_MAX_BATCH", default_value_t = 5_000, value_parser = clap::value_parser!(u16).range(1..=5_000))]
    pub max_batch: u16,
}

impl Config {
    /// `upstream_timeout_ms` as a duration.
    #[must_use]
    pub fn upstream_timeout(&self) -> Duration {
        Duration::from_millis(self.upstream_timeout_ms)
    }
}

impl Default for Config {
    /// What holds when nothing is set.
    fn default() -> Self {
        Self { upstream_timeout_ms: 5_000, max_batch: 5_000 }
    }
}
