//! How the backend reaches its store, and how many connections it may have.

use std::{convert::Infallible, fmt, str::FromStr, time::Duration};

use sqlx::postgres::PgConnectOptions;

use crate::{
    ServiceName,
    pool::{Limits, Pool},
};

/// How soon the server notices that the connection of a statement is closed, and stops it. Needs PostgreSQL 14.
const CLIENT_CHECK: &str = "250ms";

/// Where Postgres is and how many connections are kept to it.
#[derive(Debug, Clone, clap::Args)]
#[group(id = "backend")]
pub struct Config {
    /// Address of the Postgres database: `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: DatabaseUrl,
    /// Connections that the process has at most, 2 or more: one asks whether the store answers, the others are for calls.
    /// [default: added up over its services: users 6, content 12, social 12]
    #[arg(long, env = "DB_MAX_CONNECTIONS")]
    pub db_max_connections: Option<u32>,
    /// Connections that are kept open. [default: half of the most]
    #[arg(long, env = "DB_MIN_CONNECTIONS")]
    pub db_min_connections: Option<u32>,
    /// Seconds that it may take to connect.
    #[arg(long, env = "DB_CONNECT_TIMEOUT_SECS", default_value_t = Config::CONNECT_TIMEOUT_SECS)]
    pub db_connect_timeout_secs: u64,
    /// Seconds that a call waits for a connection while all are taken, before it is refused; while the flag
    /// `guard.fast-acquire` is on.
    #[arg(long, env = "DB_ACQUIRE_TIMEOUT_SECS", default_value_t = Config::ACQUIRE_TIMEOUT_SECS)]
    pub db_acquire_timeout_secs: u64,
    /// Seconds after which an idle connection is closed, a tenth of them less for some.
    #[arg(long, env = "DB_IDLE_TIMEOUT_SECS", default_value_t = Config::IDLE_TIMEOUT_SECS)]
    pub db_idle_timeout_secs: u64,
    /// Seconds after which a connection is replaced, a tenth of them less for some.
    #[arg(long, env = "DB_MAX_LIFETIME_SECS", default_value_t = Config::MAX_LIFETIME_SECS)]
    pub db_max_lifetime_secs: u64,
    /// Milliseconds after which the server stops a statement, whoever waits for it.
    #[arg(long, env = "DB_STATEMENT_TIMEOUT_MS", default_value_t = Config::STATEMENT_TIMEOUT_MS)]
    pub db_statement_timeout_ms: u64,
    /// Processes that share the budget, with as many connections each as this one.
    #[arg(long, env = "DB_PROCESSES", default_value_t = Config::PROCESSES)]
    pub db_processes: u32,
    /// Connections that all processes together have at most.
    #[arg(long, env = "DB_CONNECTION_BUDGET", default_value_t = Config::CONNECTION_BUDGET)]
    pub db_connection_budget: u32,
}

impl Config {
    const CONNECT_TIMEOUT_SECS: u64 = 5;
    const ACQUIRE_TIMEOUT_SECS: u64 = 1;
    const IDLE_TIMEOUT_SECS: u64 = 600;
    const MAX_LIFETIME_SECS: u64 = 1800;
    const STATEMENT_TIMEOUT_MS: u64 = 2000;
    const PROCESSES: u32 = 1;
    const CONNECTION_BUDGET: u32 = 75;

    /// The defaults, for the database at `database_url`.
    #[must_use]
    pub fn for_url(database_url: impl Into<String>) -> Self {
        Self {
            database_url: DatabaseUrl(database_url.into()),
            db_max_connections: None,
            db_min_connections: None,
            db_connect_timeout_secs: Self::CONNECT_TIMEOUT_SECS,
            db_acquire_timeout_secs: Self::ACQUIRE_TIMEOUT_SECS,
            db_idle_timeout_secs: Self::IDLE_TIMEOUT_SECS,
            db_max_lifetime_secs: Self::MAX_LIFETIME_SECS,
            db_statement_timeout_ms: Self::STATEMENT_TIMEOUT_MS,
            db_processes: Self::PROCESSES,
            db_connection_budget: Self::CONNECTION_BUDGET,
        }
    }

    /// The bounds for a process with `services`.
    fn limits(&self, services: &[ServiceName]) -> Result<Limits, InvalidConfig> {
        let most = self.db_max_connections.unwrap_or_else(|| {
            let of_all = ServiceName::ALL.iter().filter(|service| services.contains(service));
            of_all.map(|service| service.connections()).sum()
        });
        let least = self.db_min_connections.unwrap_or(most / 2);
        if most < 2 {
            return Err(InvalidConfig::TooFew(most));
        }
        if least > most {
            return Err(InvalidConfig::MinAboveMax { least, most });
        }
        let zeroes = [
            ("DB_CONNECT_TIMEOUT_SECS", self.db_connect_timeout_secs),
            ("DB_ACQUIRE_TIMEOUT_SECS", self.db_acquire_timeout_secs),
            ("DB_IDLE_TIMEOUT_SECS", self.db_idle_timeout_secs),
            ("DB_MAX_LIFETIME_SECS", self.db_max_lifetime_secs),
            ("DB_STATEMENT_TIMEOUT_MS", self.db_statement_timeout_ms),
            ("DB_PROCESSES", self.db_processes.into()),
        ];
        if let Some((variable, _)) = zeroes.iter().find(|(_, value)| *value == 0) {
            return Err(InvalidConfig::Zero(variable));
        }
        let (processes, budget) = (self.db_processes, self.db_connection_budget);
        let sum = u64::from(most) * u64::from(processes);
        if sum > budget.into() {
            return Err(InvalidConfig::OverBudget { most, processes, sum, budget });
        }
        Ok(Limits {
            connections: most as usize,
            least: least as usize,
            connect: Duration::from_secs(self.db_connect_timeout_secs),
            acquire: Duration::from_secs(self.db_acquire_timeout_secs),
            idle: Duration::from_secs(self.db_idle_timeout_secs),
            lifetime: Duration::from_secs(self.db_max_lifetime_secs),
            statement: Duration::from_millis(self.db_statement_timeout_ms),
            budget,
        })
    }

    fn options(&self) -> Result<PgConnectOptions, InvalidConfig> {
        use sqlx::ConnectOptions as _;

        let url = &self.database_url.0;
        // The library takes any scheme for Postgres.
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(InvalidConfig::Address);
        }
        let options = PgConnectOptions::from_str(url).map_err(|_| InvalidConfig::Address)?;
        Ok(options
            .application_name("nova-backend")
            .options([
                ("statement_timeout", self.db_statement_timeout_ms.to_string()),
                ("client_connection_check_interval", CLIENT_CHECK.to_owned()),
                // A transaction whose process is gone without a word gives up its locks and its idempotency key.
                ("idle_in_transaction_session_timeout", "10s".to_owned()),
                // Compiling a plan takes longer than any of these statements should.
                ("jit", "off".to_owned()),
            ])
            .disable_statement_logging())
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

/// Settings of the store that are wrong, or that do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfig {
    /// The address is none of Postgres. The text is not repeated: it may hold a password.
    #[error("DATABASE_URL is not of the form postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    Address,
    /// There is no connection for calls.
    #[error("DB_MAX_CONNECTIONS is {0}: 2 are needed, for one of them asks whether the store answers")]
    TooFew(u32),
    /// More are kept open than may be.
    #[error("DB_MIN_CONNECTIONS ({least}) is more than DB_MAX_CONNECTIONS ({most})")]
    MinAboveMax {
        /// Connections that are kept open.
        least: u32,
        /// Connections at most.
        most: u32,
    },
    /// Nothing takes no time.
    #[error("{0} is 0")]
    Zero(&'static str),
    /// All processes together would have more connections than they may.
    #[error(
        "DB_MAX_CONNECTIONS ({most}) times DB_PROCESSES ({processes}) is {sum}, more than DB_CONNECTION_BUDGET ({budget})"
    )]
    OverBudget {
        /// Connections of one process.
        most: u32,
        /// How many of them there are.
        processes: u32,
        /// Connections of all.
        sum: u64,
        /// What they may have.
        budget: u32,
    },
}

/// The pool that `config` describes, for a process with `services`. It connects when it is first needed, so that a start
/// survives a store that is away.
///
/// # Errors
/// [`InvalidConfig`] names the variables.
pub fn connect(config: &Config, services: &[ServiceName]) -> Result<Pool, InvalidConfig> {
    Ok(Pool::new(config.options()?, config.limits(services)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_hides_itself_and_a_bad_one_is_not_repeated() {
        let config = Config::for_url("redis://u:hunter2@h");
        assert!(!format!("{config:?}").contains("hunter2"));
        let refusal = connect(&config, ServiceName::ALL).unwrap_err();
        assert!(!refusal.to_string().contains("hunter2"));
        let pool = connect(&Config::for_url("postgres://u:hunter2@h/d"), ServiceName::ALL).unwrap();
        assert!(!format!("{pool:?}").contains("hunter2"));
    }

    fn limits(change: impl FnOnce(&mut Config)) -> Result<Limits, InvalidConfig> {
        let mut config = Config::for_url("");
        change(&mut config);
        config.limits(&[ServiceName::Content])
    }

    #[test]
    fn a_service_brings_its_connections_and_half_of_them_stay_open() {
        let of = |services: &[ServiceName]| {
            let limits = Config::for_url("").limits(services).unwrap();
            (limits.connections, limits.least)
        };
        assert_eq!(of(ServiceName::ALL), (30, 15));
        assert_eq!(of(&[ServiceName::Users]), (6, 3));
        assert_eq!(of(&[ServiceName::Social, ServiceName::Social]), (12, 6), "once each");
    }

    #[test]
    fn what_does_not_go_together_is_refused_by_name() {
        let refusal = |change: fn(&mut Config)| limits(change).unwrap_err().to_string();
        let sum = refusal(|config| config.db_processes = 7);
        assert_eq!(sum, "DB_MAX_CONNECTIONS (12) times DB_PROCESSES (7) is 84, more than DB_CONNECTION_BUDGET (75)");
        assert!(limits(|config| config.db_processes = 6).is_ok(), "72 of 75");
        let min = refusal(|config| config.db_min_connections = Some(13));
        assert_eq!(min, "DB_MIN_CONNECTIONS (13) is more than DB_MAX_CONNECTIONS (12)");
        for few in [0, 1] {
            assert_eq!(limits(|config| config.db_max_connections = Some(few)).unwrap_err(), InvalidConfig::TooFew(few));
        }
        assert_eq!(refusal(|config| config.db_acquire_timeout_secs = 0), "DB_ACQUIRE_TIMEOUT_SECS is 0");
        assert_eq!(refusal(|config| config.db_processes = 0), "DB_PROCESSES is 0");
        let huge = limits(|config| {
            config.db_max_connections = Some(u32::MAX);
            config.db_processes = u32::MAX;
        });
        assert!(huge.is_err());
    }
}
