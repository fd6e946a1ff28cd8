//! The only way to Postgres: every statement is timed, counted, and ends at its call's deadline. What writes goes through a
//! [`Write`](crate::write::Write).

use std::future::Future;

use nova_core::ErrorCode;
use nova_guard::Permit;
use nova_proto::{KeyFailure, metadata};
use sqlx::{
    FromRow, Postgres,
    postgres::{PgArguments, PgRow},
    query::QueryAs,
};
use tokio::time::{Instant, timeout_at};
use tonic::{Status, metadata::AsciiMetadataValue};

use crate::{
    call::Call,
    metrics::Metrics,
    pool::{Lease, NoConnection, Pool, Share, Verdict, verdict},
};

/// The pool, the share of it that one service has, and its instruments. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pool: Pool,
    share: Share,
    metrics: Metrics,
}

/// Why a statement has no answer. What the store said about it is in the log and nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("the store does not answer")]
    Unavailable,
    #[error("the store is not asked")]
    Refused,
    #[error("the store did not answer in time")]
    Timeout,
    #[error("internal error")]
    Internal,
}

impl Store {
    pub(crate) fn new(pool: Pool, metrics: Metrics) -> Self {
        metrics.watch(&pool);
        Self { share: pool.share(1), pool, metrics }
    }

    /// The same store, for one of `services` that use it.
    pub(crate) fn for_one_of(&self, services: usize) -> Self {
        Self { share: self.pool.share(services), ..self.clone() }
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Runs one statement and reads all its rows. `operation` names it in metrics and logs.
    ///
    /// When the deadline comes, or nobody waits any more, the statement is stopped.
    pub(crate) async fn rows<T>(
        &self,
        call: &Call,
        operation: &'static str,
        query: QueryAs<'_, Postgres, T, PgArguments>,
    ) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let mut permit = None;
        let run = async {
            let mut lease = self.lease(call, &mut permit).await?;
            Ok(self.run(call, operation, &mut lease, query).await?)
        };
        let outcome = bounded(call, run).await;
        self.conclude(operation, permit, outcome)
    }

    /// Begins a transaction for `operation`.
    pub(crate) async fn begin(&self, call: &Call, operation: &'static str) -> Result<Lease, StoreError> {
        let mut permit = None;
        let begin = async {
            let mut lease = self.lease(call, &mut permit).await?;
            lease.begin().await?;
            Ok(lease)
        };
        let outcome = bounded(call, begin).await;
        self.conclude(operation, permit, outcome)
    }

    /// Runs one statement of a transaction. It is counted and never refused: who has begun may end.
    pub(crate) async fn rows_of<T>(
        &self,
        call: &Call,
        operation: &'static str,
        lease: &mut Lease,
        query: QueryAs<'_, Postgres, T, PgArguments>,
    ) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let has_time = !call.deadline().remaining().is_zero();
        let permit = has_time.then(|| self.pool.breaker().enter(None).ok()).flatten();
        let outcome = bounded(call, async { Ok(self.run(call, operation, lease, query).await?) }).await;
        self.conclude(operation, permit, outcome)
    }

    async fn lease<'a>(&'a self, call: &Call, permit: &mut Option<Permit<'a>>) -> Result<Lease, NoConnection> {
        let asked = Instant::now();
        let lease = self.pool.acquire(call.policy(), &self.share, permit).await;
        self.metrics.waited(asked.elapsed());
        lease
    }

    async fn run<T>(
        &self,
        call: &Call,
        operation: &'static str,
        lease: &mut Lease,
        query: QueryAs<'_, Postgres, T, PgArguments>,
    ) -> Result<Vec<T>, sqlx::Error>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        call.count_statement();
        let sent = Instant::now();
        let rows = lease.rows(query).await?;
        let took = sent.elapsed();
        self.metrics.ran(operation, took);
        tracing::debug!(operation, rows = rows.len(), ?took, "statement");
        Ok(rows)
    }

    /// Tells the breaker what became of a call, and the caller why there is nothing. What went wrong is logged and counted
    /// here, once.
    fn conclude<T>(
        &self,
        operation: &'static str,
        permit: Option<Permit<'_>>,
        outcome: Option<Result<T, NoConnection>>,
    ) -> Result<T, StoreError> {
        let (verdict, error) = match outcome {
            Some(Ok(answer)) => {
                if let Some(permit) = permit {
                    permit.answered();
                }
                return Ok(answer);
            }
            Some(Err(NoConnection::Refused(why))) => {
                // Under an open breaker there are many of them: they are in the metrics.
                tracing::debug!(operation, %why, "statement refused");
                (Verdict::Ignored, StoreError::Refused)
            }
            Some(Err(NoConnection::Failed(error))) => {
                tracing::warn!(operation, %error, "statement failed");
                (verdict(&error), StoreError::from(&error))
            }
            None => {
                tracing::warn!(operation, "statement abandoned at the deadline");
                // A store that answers others, or its prober, is not what is wrong: the statement is, or what it waits for.
                let verdict = if self.pool.has_answered() { Verdict::Late } else { Verdict::Failed };
                (verdict, StoreError::Timeout)
            }
        };
        if let Some(permit) = permit {
            verdict.tell(permit);
        }
        self.metrics.failed(operation, error.label());
        Err(error)
    }
}

/// Waits for `work` until the call's deadline, which makes it `None`. When that has passed nothing is begun: nobody would
/// hear the answer.
async fn bounded<T>(
    call: &Call,
    work: impl Future<Output = Result<T, NoConnection>>,
) -> Option<Result<T, NoConnection>> {
    if call.deadline().remaining().is_zero() {
        return None;
    }
    timeout_at(call.deadline().instant(), work).await.ok()
}

impl StoreError {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Internal => "internal",
        }
    }
}

impl From<&sqlx::Error> for StoreError {
    fn from(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) => Self::Unavailable,
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
            StoreError::Unavailable | StoreError::Refused => ErrorCode::UpstreamUnavailable,
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
            StoreError::Refused => {
                let mut status = Self::unavailable(message);
                let store = AsciiMetadataValue::from_static(metadata::STORE);
                status.metadata_mut().insert(metadata::REFUSED, store);
                status
            }
            StoreError::Timeout => Self::deadline_exceeded(message),
            StoreError::Internal => Self::internal(message),
        }
    }
}
