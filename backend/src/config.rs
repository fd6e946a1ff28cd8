//! How the backend reaches its store.

use std::{convert::Infallible, fmt, str::FromStr, time::Duration};

use sqlx::{
    Connection as _,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::pool::Pool;

/// A connection that was idle for longer is asked whether it still lives before it is used.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// Where Postgres is and how many connections are kept to it.
#[derive(Debug, Clone, clap::Args)]
#[group(id = "backend")]
pub struct Config {
    /// Address of the Postgres database: `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: DatabaseUrl,
    /// Connections that the pool has at most.
    #[arg(long, env = "DB_MAX_CONNECTIONS", default_value_t = Config::MAX_CONNECTIONS)]
    pub db_max_connections: u32,
    /// Connections that the pool keeps open when it is idle.
    #[arg(long, env = "DB_MIN_CONNECTIONS", default_value_t = Config::MIN_CONNECTIONS)]
    pub db_min_connections: u32,
    /// Seconds that a call waits for a connection before it fails as unavailable, while the flag `guard.fast-acquire` is on.
    #[arg(long, env = "DB_ACQUIRE_TIMEOUT_SECS", default_value_t = Config::ACQUIRE_TIMEOUT_SECS)]
    pub db_acquire_timeout_secs: u64,
    /// Seconds after which an idle connection is closed.
    #[arg(long, env = "DB_IDLE_TIMEOUT_SECS", default_value_t = Config::IDLE_TIMEOUT_SECS)]
    pub db_idle_timeout_secs: u64,
    /// Seconds after which a connection is replaced.
    #[arg(long, env = "DB_MAX_LIFETIME_SECS", default_value_t = Config::MAX_LIFETIME_SECS)]
    pub db_max_lifetime_secs: u64,
    /// Milliseconds after which the server stops a statement, whoever waits for it.
    #[arg(long, env = "DB_STATEMENT_TIMEOUT_MS", default_value_t = Config::STATEMENT_TIMEOUT_MS)]
    pub db_statement_timeout_ms: u64,
}

impl Config {
    const MAX_CONNECTIONS: u32 = 20;
    const MIN_CONNECTIONS: u32 = 0;
    const ACQUIRE_TIMEOUT_SECS: u64 = 1;
    const IDLE_TIMEOUT_SECS: u64 = 600;
    const MAX_LIFETIME_SECS: u64 = 1800;
    const STATEMENT_TIMEOUT_MS: u64 = 2000;

    /// The defaults, for the database at `database_url`.
    #[must_use]
    pub fn for_url(database_url: impl Into<String>) -> Self {
        Self {
            database_url: DatabaseUrl(database_url.into()),
            db_max_connections: Self::MAX_CONNECTIONS,
            db_min_connections: Self::MIN_CONNECTIONS,
            db_acquire_timeout_secs: Self::ACQUIRE_TIMEOUT_SECS,
            db_idle_timeout_secs: Self::IDLE_TIMEOUT_SECS,
            db_max_lifetime_secs: Self::MAX_LIFETIME_SECS,
            db_statement_timeout_ms: Self::STATEMENT_TIMEOUT_MS,
        }
    }
}

/// The address of a database. It may hold a password, so it never shows itself.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(pub String);

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(..)")
    }
}

impl FromStr for DatabaseUrl {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

/// `DATABASE_URL` is not an address of Postgres. The text is not repeated: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("DATABASE_URL is not of the form postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
pub struct InvalidDatabaseUrl;

/// The pool that `config` describes. It connects when it is first needed, so that a start survives a store that is away.
///
/// # Errors
/// [`InvalidDatabaseUrl`] when the address can't be read.
pub fn connect(config: &Config) -> Result<Pool, InvalidDatabaseUrl> {
    use sqlx::ConnectOptions as _;

    let url = &config.database_url.0;
    // The library takes any scheme for Postgres.
    if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(InvalidDatabaseUrl);
    }
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| InvalidDatabaseUrl)?
        .application_name("nova-backend")
        // Compiling a plan takes longer than any of these statements should.
        .options([
            ("statement_timeout", config.db_statement_timeout_ms.to_string()),
            // A transaction whose process is gone without a word gives up its locks and its idempotency key.
            ("idle_in_transaction_session_timeout", "10s".to_owned()),
            ("jit", "off".to_owned()),
        ])
        .disable_statement_logging();
    let patience = Duration::from_secs(config.db_acquire_timeout_secs);
    let pool = PgPoolOptions::new()
        .max_connections(config.db_max_connections)
        .min_connections(config.db_min_connections)
        .acquire_timeout(Pool::longest(patience))
        .idle_timeout(Duration::from_secs(config.db_idle_timeout_secs))
        .max_lifetime(Duration::from_secs(config.db_max_lifetime_secs))
        // Not a round trip for each statement, as the pool's own test would be.
        .test_before_acquire(false)
        .before_acquire(|connection, state| {
            Box::pin(async move {
                if state.idle_for > TRUSTED_IDLE {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options);
    Ok(Pool::new(pool, patience))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_hides_itself_and_a_bad_one_is_not_repeated() {
        let config = Config::for_url("redis://u:hunter2@h");
        assert!(!format!("{config:?}").contains("hunter2"));
        let refusal = connect(&config).unwrap_err();
        assert!(!refusal.to_string().contains("hunter2"));
    }
}
