//! The only way to Postgres: every statement is timed, counted, and ends at its call's deadline. What writes goes through a
//! [`Write`](crate::write::Write).

use std::{future::Future, time::Duration};

use nova_core::ErrorCode;
use nova_proto::KeyFailure;
use sqlx::{
    FromRow, PgConnection, Postgres, Transaction,
    postgres::{PgArguments, PgRow},
    query::QueryAs,
};
use tokio::time::{Instant, timeout_at};
use tonic::Status;

use crate::{
    call::Call,
    connections::{Connections, Place},
    metrics::Metrics,
    pool::Pool,
};

/// The connections and their instruments. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    connections: Connections,
    metrics: Metrics,
}

/// Why a statement has no answer. What the store said about it is in the log and nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("the store does not answer")]
    Unavailable,
    #[error("the store did not answer in time")]
    Timeout,
    #[error("internal error")]
    Internal,
}

impl Store {
    pub(crate) fn new(pool: Pool, metrics: Metrics) -> Self {
        let connections = Connections::new(pool);
        metrics.watch(&connections);
        Self { connections, metrics }
    }

    /// The connections, for the job that tidies them up.
    pub(crate) fn connections(&self) -> &Connections {
        &self.connections
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Runs one statement and reads all its rows. `operation` names it in metrics and logs.
    ///
    /// At the deadline the wait ends; the statement itself runs on until the server's `statement_timeout`.
    pub(crate) async fn rows<T>(
        &self,
        call: &Call,
        operation: &'static str,
        query: QueryAs<'_, Postgres, T, PgArguments>,
    ) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let run = async {
            let asked = Instant::now();
            let lease = self.connections.acquire(call.policy()).await;
            self.metrics.waited(asked.elapsed());
            let mut lease = lease?;
            let rows = self.run(call, operation, lease.connection(), query).await?;
            lease.keep();
            Ok(rows)
        };
        self.bounded(call, operation, run).await
    }

    /// Begins a transaction for `operation`. Its place is to be held until it has ended.
    pub(crate) async fn begin(
        &self,
        call: &Call,
        operation: &'static str,
    ) -> Result<(Transaction<'static, Postgres>, Place), StoreError> {
        let begin = async {
            let asked = Instant::now();
            let lease = self.connections.acquire(call.policy()).await;
            self.metrics.waited(asked.elapsed());
            lease?.begin().await
        };
        self.bounded(call, operation, begin).await
    }

    /// Waits for `work` until the call's deadline. What goes wrong is logged and counted here, once.
    pub(crate) async fn bounded<T>(
        &self,
        call: &Call,
        operation: &'static str,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, StoreError> {
        let outcome = timeout_at(call.deadline().instant(), work).await;
        let error = match outcome {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => {
                let kind = StoreError::from(&error);
                tracing::warn!(operation, %error, "statement failed");
                kind
            }
            Err(_) => {
                tracing::warn!(operation, "statement abandoned at the deadline");
                StoreError::Timeout
            }
        };
        self.metrics.failed(operation, error.label());
        Err(error)
    }

    /// Runs one statement on `connection` and reads all its rows.
    pub(crate) async fn run<T>(
        &self,
        call: &Call,
        operation: &'static str,
        connection: &mut PgConnection,
        query: QueryAs<'_, Postgres, T, PgArguments>,
    ) -> Result<Vec<T>, sqlx::Error>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        call.count_statement();
        let sent = Instant::now();
        let rows = query.fetch_all(connection).await?;
        let took: Duration = sent.elapsed();
        self.metrics.ran(operation, took);
        tracing::debug!(operation, rows = rows.len(), ?took, "statement");
        Ok(rows)
    }
}

impl StoreError {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Internal => "internal",
        }
    }
}

impl From<&sqlx::Error> for StoreError {
    fn from(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) | sqlx::Error::Tls(_) => {
                Self::Unavailable
            }
            sqlx::Error::Database(error) => match error.code().as_deref() {
                // query_canceled: the statement_timeout
                Some("57014") => Self::Timeout,
                // Shutdown, crash, starting up; too many connections; serialization failure and deadlock, which are undone
                // and good for another try. Lost connections below.
                Some("57P01" | "57P02" | "57P03" | "53300" | "40001" | "40P01") => Self::Unavailable,
                Some(code) if code.starts_with("08") => Self::Unavailable,
                _ => Self::Internal,
            },
            _ => Self::Internal,
        }
    }
}

impl From<StoreError> for KeyFailure {
    fn from(error: StoreError) -> Self {
        Self(match error {
            StoreError::Unavailable => ErrorCode::UpstreamUnavailable,
            StoreError::Timeout => ErrorCode::Timeout,
            StoreError::Internal => ErrorCode::Internal,
        })
    }
}

impl From<StoreError> for Status {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::Unavailable => Self::unavailable(message),
            StoreError::Timeout => Self::deadline_exceeded(message),
            StoreError::Internal => Self::internal(message),
        }
    }
}
