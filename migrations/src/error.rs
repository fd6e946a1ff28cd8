//! Why a migration did not happen.

/// What stopped the migrator. Whatever it had applied before stays applied; a run can be repeated.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The address is not one, or the server refused.
    #[error("can't connect to the database")]
    Connect(#[source] sqlx::Error),
    /// The server did not answer in time.
    #[error("the database did not answer within {0} s")]
    ConnectTimeout(u64),
    /// Another migrator has held the lock for as long as this one was ready to wait.
    #[error("another migrator is at work, and was still after {0} s")]
    Busy(u64),
    /// The text of an applied migration is not the text of this build.
    #[error("migration {version:04}_{name} was applied with another text than this build has")]
    Changed {
        /// Its number.
        version: i32,
        /// Its name.
        name: &'static str,
    },
    /// A statement of a migration failed; its transaction was rolled back.
    #[error("migration {version:04}_{name} failed")]
    Failed {
        /// Its number.
        version: i32,
        /// Its name.
        name: &'static str,
        /// What Postgres says.
        #[source]
        source: sqlx::Error,
    },
    /// The migrator's own bookkeeping failed.
    #[error("the record of migrations can't be read or written")]
    Record(#[source] sqlx::Error),
}
