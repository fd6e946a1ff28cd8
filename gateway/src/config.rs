//! What can be set from outside, with units and defaults. This file never reads the environment: clap does, in the composition root.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use nova_core::Environment;

use crate::{
    client_address::{ForwardedHeader, TrustedProxies},
    connection::Patience,
    http::Origins,
};

/// The longest execution budget that can be configured, in milliseconds. Compiled in.
pub const MAX_EXECUTION_TIMEOUT_MS: u64 = 60_000;
/// The least memory for bodies of requests that can be configured, in bytes: one of the largest, and ordinary ones beside it.
const MIN_BODY_MEMORY_BYTES: u64 = 2 * 1024 * 1024;
/// The largest request body that can be configured, in bytes. Compiled in.
pub const MAX_BODY_BYTES: u64 = 1024 * 1024;

/// Settings of the gateway.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
// A group of its own name: the other rooms' settings are called `Config` too, and one command may have several.
#[group(id = "gateway")]
#[command(next_help_heading = "Gateway")]
pub struct Config {
    /// Where clients connect: address and port.
    #[arg(long = "listen", env = "NOVA_LISTEN", value_name = "NOVA_LISTEN", default_value_t = Self::default().listen)]
    pub listen: SocketAddr,

    /// Where the operator connects (metrics, health, ops): address and port.
    #[arg(long = "admin-listen", env = "NOVA_ADMIN_ADDR", value_name = "NOVA_ADMIN_ADDR", default_value_t = Self::default().admin_listen)]
    pub admin_listen: SocketAddr,

    /// How long one operation may run, in milliseconds (1 to 60000).
    #[arg(long, env = "NOVA_EXECUTION_TIMEOUT_MS", value_name = "NOVA_EXECUTION_TIMEOUT_MS",
          value_parser = clap::value_parser!(u64).range(1..=MAX_EXECUTION_TIMEOUT_MS),
          default_value_t = Self::default().execution_timeout_ms)]
    pub execution_timeout_ms: u64,

    /// Largest request body, in bytes (1 to 1048576).
    #[arg(long, env = "NOVA_MAX_BODY_BYTES", value_name = "NOVA_MAX_BODY_BYTES",
          value_parser = clap::value_parser!(u64).range(1..=MAX_BODY_BYTES),
          default_value_t = Self::default().max_body_bytes)]
    pub max_body_bytes: u64,

    /// How long a client may take to send a request's head, in milliseconds.
    #[arg(long, env = "NOVA_HEADER_TIMEOUT_MS", value_name = "NOVA_HEADER_TIMEOUT_MS",
          value_parser = clap::value_parser!(u64).range(1..), default_value_t = Self::default().header_timeout_ms)]
    pub header_timeout_ms: u64,

    /// How long a connection is kept on which nothing is asked, in milliseconds.
    #[arg(long, env = "NOVA_IDLE_TIMEOUT_MS", value_name = "NOVA_IDLE_TIMEOUT_MS",
          value_parser = clap::value_parser!(u64).range(1..), default_value_t = Self::default().idle_timeout_ms)]
    pub idle_timeout_ms: u64,

    /// How long a client may take nothing of an answer, in milliseconds; then its connection ends.
    #[arg(long, env = "NOVA_WRITE_TIMEOUT_MS", value_name = "NOVA_WRITE_TIMEOUT_MS",
          value_parser = clap::value_parser!(u64).range(1..), default_value_t = Self::default().write_timeout_ms)]
    pub write_timeout_ms: u64,

    /// How long a client may take to send a request's body, in milliseconds.
    #[arg(long, env = "NOVA_BODY_TIMEOUT_MS", value_name = "NOVA_BODY_TIMEOUT_MS",
          value_parser = clap::value_parser!(u64).range(1..), default_value_t = Self::default().body_timeout_ms)]
    pub body_timeout_ms: u64,

    /// GraphQL requests that are worked on at a time; one more is refused at once with 503.
    #[arg(long, env = "NOVA_MAX_REQUESTS", value_name = "NOVA_MAX_REQUESTS",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000), default_value_t = Self::default().max_requests)]
    pub max_requests: u32,

    /// Connections that are open at a time; for one more, the one that has waited longest for its client is closed.
    #[arg(long, env = "NOVA_MAX_CONNECTIONS", value_name = "NOVA_MAX_CONNECTIONS",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000), default_value_t = Self::default().max_connections)]
    pub max_connections: u32,

    /// Proxies that say for whom they ask: addresses and networks such as 10.0.0.0/8, separated by commas. Without any, a
    /// request comes from whoever connects.
    #[arg(
        long,
        env = "NOVA_TRUSTED_PROXIES",
        value_name = "NOVA_TRUSTED_PROXIES",
        default_value = "",
        hide_default_value = true
    )]
    pub trusted_proxies: TrustedProxies,

    /// The header in which they say it; no other is read.
    #[arg(long, env = "NOVA_FORWARDED_HEADER", value_name = "NOVA_FORWARDED_HEADER", value_enum,
          default_value_t = Self::default().forwarded_header)]
    pub forwarded_header: ForwardedHeader,

    /// Connections that one address may have open at a time; one more is closed at once. 0 is no bound of its own: behind a
    /// proxy all come from one address.
    #[arg(long, env = "NOVA_MAX_CONNECTIONS_PER_ADDRESS", value_name = "NOVA_MAX_CONNECTIONS_PER_ADDRESS",
          default_value_t = Self::default().max_connections_per_address)]
    pub max_connections_per_address: u32,

    /// Memory that requests with a body may take together, in bytes: each 8 KiB, its head, what has arrived of its body, and what
    /// that is at most when it is parsed. One may have an eighth. For more, the body that has been arriving longest is refused with 503, or the new one.
    #[arg(long, env = "NOVA_MAX_BODY_MEMORY_BYTES", value_name = "NOVA_MAX_BODY_MEMORY_BYTES",
          value_parser = clap::value_parser!(u64).range(MIN_BODY_MEMORY_BYTES..), default_value_t = Self::default().max_body_memory_bytes)]
    pub max_body_memory_bytes: u64,

    /// Memory that the process may have, in bytes; above a share of it (flag `limits.shedding`) requests are refused with 503.
    /// Left out: the limit of its control group, else the memory of the machine.
    #[arg(long, env = "NOVA_MAX_MEMORY_BYTES", value_name = "NOVA_MAX_MEMORY_BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_memory_bytes: Option<u64>,

    /// Origins whose pages may send requests and read answers, exact and separated by commas, such as `https://app.example`.
    #[arg(
        long,
        env = "NOVA_CORS_ORIGINS",
        value_name = "NOVA_CORS_ORIGINS",
        default_value = "",
        hide_default_value = true
    )]
    pub cors_origins: Origins,

    /// Memory that parsed documents may take at most, in bytes. Each counts as the most that its text could need: ordinary
    /// documents take a tenth of that, and the default holds about a thousand.
    #[arg(long, env = "NOVA_DOCUMENT_CACHE_BYTES", value_name = "NOVA_DOCUMENT_CACHE_BYTES",
          default_value_t = Self::default().document_cache_bytes)]
    pub document_cache_bytes: u64,

    /// Memory that documents which clients registered by their hash (automatic persisted queries) may take at most, in bytes.
    #[arg(long, env = "NOVA_AUTOMATIC_DOCUMENTS_BYTES", value_name = "NOVA_AUTOMATIC_DOCUMENTS_BYTES",
          default_value_t = Self::default().automatic_documents_bytes)]
    pub automatic_documents_bytes: u64,

    /// File with the trusted documents, as `nova documents build`, Apollo's tools or Relay's compiler write it; read at start.
    #[arg(long, env = "NOVA_DOCUMENTS_MANIFEST", value_name = "NOVA_DOCUMENTS_MANIFEST")]
    pub documents_manifest: Option<PathBuf>,

    /// Whether an unknown name in a document is answered with the names that are like it. Unless something is said, in
    /// development only: it tells strangers what there is.
    #[arg(long, env = "NOVA_SUGGESTIONS", value_name = "NOVA_SUGGESTIONS")]
    pub suggestions: Option<bool>,

    /// How long requests may go on after the gateway was told to stop, in milliseconds.
    #[arg(long, env = "NOVA_DRAIN_TIMEOUT_MS", value_name = "NOVA_DRAIN_TIMEOUT_MS",
          default_value_t = Self::default().drain_timeout_ms)]
    pub drain_timeout_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            admin_listen: SocketAddr::from(([127, 0, 0, 1], 9180)),
            execution_timeout_ms: MAX_EXECUTION_TIMEOUT_MS,
            max_body_bytes: MAX_BODY_BYTES,
            header_timeout_ms: 10_000,
            idle_timeout_ms: 75_000,
            write_timeout_ms: 30_000,
            body_timeout_ms: 10_000,
            max_requests: 1_024,
            max_connections: 8_192,
            trusted_proxies: TrustedProxies::default(),
            forwarded_header: ForwardedHeader::default(),
            cors_origins: Origins::default(),
            max_connections_per_address: 0,
            max_body_memory_bytes: 64 * 1024 * 1024,
            max_memory_bytes: None,
            document_cache_bytes: 128 * 1024 * 1024,
            automatic_documents_bytes: 64 * 1024 * 1024,
            documents_manifest: None,
            suggestions: None,
            drain_timeout_ms: 30_000,
        }
    }
}

impl Config {
    /// Whether unknown names are answered with likely ones, in `environment`.
    #[must_use]
    pub fn suggests(&self, environment: &Environment) -> bool {
        self.suggestions.unwrap_or_else(|| environment.is_development())
    }

    pub(crate) fn execution_timeout(&self) -> Duration {
        Duration::from_millis(self.execution_timeout_ms.min(MAX_EXECUTION_TIMEOUT_MS))
    }

    pub(crate) fn max_body(&self) -> usize {
        usize::try_from(self.max_body_bytes.min(MAX_BODY_BYTES)).unwrap_or(usize::MAX)
    }

    pub(crate) fn patience(&self) -> Patience {
        let [head, idle, write] =
            [self.header_timeout_ms, self.idle_timeout_ms, self.write_timeout_ms].map(Duration::from_millis);
        Patience { head, idle, write }
    }

    pub(crate) fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.body_timeout_ms)
    }

    pub(crate) fn drain_timeout(&self) -> Duration {
        Duration::from_millis(self.drain_timeout_ms)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        config: Config,
    }

    #[test]
    fn nothing_said_is_the_default() {
        assert_eq!(Cli::try_parse_from(["nova"]).unwrap().config, Config::default());
    }

    #[test]
    fn an_empty_list_is_none() {
        for list in ["--cors-origins", "--trusted-proxies"] {
            assert_eq!(Cli::try_parse_from(["nova", list, ""]).unwrap().config, Config::default(), "{list}");
        }
    }

    #[test]
    fn a_ceiling_can_not_be_lifted_and_the_refusal_names_the_variable() {
        for (flag, value, name) in [
            ("--execution-timeout-ms", "60001", "NOVA_EXECUTION_TIMEOUT_MS"),
            ("--max-body-bytes", "1048577", "NOVA_MAX_BODY_BYTES"),
            ("--max-requests", "0", "NOVA_MAX_REQUESTS"),
            ("--listen", "nowhere", "NOVA_LISTEN"),
            ("--trusted-proxies", "10.0.0.0/8,0.0.0.0/0", "NOVA_TRUSTED_PROXIES"),
            ("--forwarded-header", "via", "NOVA_FORWARDED_HEADER"),
            ("--suggestions", "perhaps", "NOVA_SUGGESTIONS"),
            ("--cors-origins", "https://a.example,*", "NOVA_CORS_ORIGINS"),
        ] {
            let refusal = Cli::try_parse_from(["nova", flag, value]).unwrap_err().to_string();
            assert!(refusal.contains(name), "{refusal}");
        }
        let unparsed = Config { execution_timeout_ms: u64::MAX, max_body_bytes: u64::MAX, ..Config::default() };
        assert_eq!((unparsed.execution_timeout().as_secs(), unparsed.max_body()), (60, 1024 * 1024));
    }
}
