//! A write: its statements, and the outbox row that tells of it, in one transaction. Until the commit is sent, whatever goes
//! wrong changes nothing, and the caller is told so. From then on a missing answer means that nobody knows.

use std::{sync::Arc, time::Duration};

use nova_core::ErrorCode;
use nova_proto::KeyFailure;
use sqlx::{
    FromRow, Postgres,
    postgres::{PgArguments, PgDatabaseError, PgRow, PgSeverity},
    query::QueryAs,
};
use tokio::time::timeout;

use crate::{
    call::Call,
    outbox::{self, Event},
    pool::{Lease, Verdict, verdict},
    store::{Store, StoreError},
};

/// How long a commit may take, whatever is left of the call's budget: to give up on it helps nobody.
const COMMIT_CAP: Duration = Duration::from_secs(5);

/// Nothing was changed, and why.
pub(crate) type Refusal = KeyFailure;

/// A transaction under way. Dropped, it is rolled back; dropped in the middle of a statement, its connection is closed, which
/// comes to the same.
pub(crate) struct Write<'a> {
    store: &'a Store,
    call: &'a Call,
    operation: &'static str,
    lease: Lease,
}

impl<'a> Write<'a> {
    /// Begins. `operation` names the write in metrics and logs.
    pub(crate) async fn begin(store: &'a Store, call: &'a Call, operation: &'static str) -> Result<Self, Refusal> {
        let lease = store.begin(call, operation).await?;
        Ok(Self { store, call, operation, lease })
    }

    /// The rows that a statement gives.
    pub(crate) async fn rows<T>(&mut self, query: QueryAs<'_, Postgres, T, PgArguments>) -> Result<Vec<T>, Refusal>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        Ok(self.store.rows_of(self.call, self.operation, &mut self.lease, query).await?)
    }

    /// The one row that a statement gives, if any.
    pub(crate) async fn row<T>(&mut self, query: QueryAs<'_, Postgres, T, PgArguments>) -> Result<Option<T>, Refusal>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        Ok(self.rows(query).await?.pop())
    }

    /// Tells of what was written. Comes after the statement that locks the row it tells of, so that the events of one row
    /// have the order of its commits.
    pub(crate) async fn tell(&mut self, event: &Event) -> Result<(), Refusal> {
        self.row(outbox::insert(event)).await.map(drop)
    }

    /// Makes it so.
    ///
    /// # Errors
    /// `OUTCOME_UNKNOWN` when the store does not say whether it is so.
    pub(crate) async fn commit(self) -> Result<(), Refusal> {
        let Self { store, operation, mut lease, .. } = self;
        let breaker = Arc::clone(store.pool().breaker());
        // A task of its own: the caller may leave at its deadline, and a commit that was sent can't be called back.
        let commit = async move {
            let permit = breaker.enter(None).ok();
            let outcome = timeout(COMMIT_CAP, lease.commit()).await;
            let verdict = match &outcome {
                Ok(Ok(())) => Verdict::Answered,
                Ok(Err(error)) => verdict(error),
                Err(_) => Verdict::Failed,
            };
            if let Some(permit) = permit {
                verdict.tell(permit);
            }
            outcome
        };
        let committed = tokio::spawn(commit).await;
        let error = match committed {
            Ok(Ok(Ok(()))) => return Ok(()),
            Ok(Ok(Err(sqlx::Error::Database(error)))) => {
                let severity = error.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::severity);
                let ends_no_session = severity == Some(PgSeverity::Error);
                let kind = StoreError::from(&sqlx::Error::Database(error));
                tracing::warn!(operation, ?severity, ?kind, "commit refused");
                // The server answers that it did not commit, except when the session itself is what ended.
                if ends_no_session && kind != StoreError::Unavailable {
                    store.metrics().failed(operation, kind.label());
                    return Err(kind.into());
                }
                kind
            }
            Ok(Ok(Err(error))) => {
                tracing::warn!(operation, %error, "commit without an answer");
                StoreError::from(&error)
            }
            Ok(Err(_)) | Err(_) => {
                tracing::warn!(operation, "commit without an answer in time");
                StoreError::Timeout
            }
        };
        store.metrics().failed(operation, error.label());
        Err(KeyFailure(ErrorCode::OutcomeUnknown))
    }
}
