//! What an operator can set about loading.

use std::time::Duration;

/// Settings of the loaders.
#[derive(Debug, Clone, clap::Args)]
#[group(id = "loaders")]
pub struct Config {
    /// Longest time that one upstream call may take, in milliseconds, whoever waits for it.
    #[arg(long, env = "NOVA_UPSTREAM_TIMEOUT_MS", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub upstream_timeout_ms: u64,

    /// Largest message that an upstream may answer with, in bytes.
    #[arg(long, env = "NOVA_MAX_UPSTREAM_RESPONSE_BYTES", default_value_t = 32 << 20, value_parser = clap::value_parser!(u32).range(1_024..=1 << 30))]
    pub max_upstream_response_bytes: u32,

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
        Self { upstream_timeout_ms: 5_000, max_upstream_response_bytes: 32 << 20, max_batch: 5_000 }
    }
}
