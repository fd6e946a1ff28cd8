//! The pool as the rest of the backend gets it: its connections, and how long a call waits for one.

use std::time::Duration;

use nova_flags::Policy;
use sqlx::PgPool;

/// How long a call waited for a connection before it was told at once.
const OLD_PATIENCE: Duration = Duration::from_secs(10);

/// A pool of connections to Postgres. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pool {
    pub(crate) connections: PgPool,
    patience: Duration,
}

impl Pool {
    pub(crate) fn new(connections: PgPool, patience: Duration) -> Self {
        Self { connections, patience }
    }

    /// The library's pool, for statements that are nobody's call.
    #[must_use]
    pub fn into_inner(self) -> PgPool {
        self.connections
    }

    /// The longest that any policy has a call wait.
    pub(crate) fn longest(patience: Duration) -> Duration {
        patience.max(OLD_PATIENCE)
    }

    /// How long a call under `policy` waits for a connection.
    pub(crate) fn patience(&self, policy: &Policy) -> Duration {
        if policy.guard_fast_acquire() { self.patience } else { Self::longest(self.patience) }
    }
}
