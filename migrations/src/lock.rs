//! The migrator's connection and the advisory lock it holds.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use tokio::time::{Instant, sleep, timeout};

use crate::MigrateError;

/// "nova" in ASCII: the advisory lock of whoever migrates this database.
const LOCK: i64 = 0x6e6f_7661;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const LOCK_TIMEOUT: Duration = Duration::from_mins(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

pub(crate) async fn connect(database_url: &str) -> Result<PgConnection, MigrateError> {
    timeout(CONNECT_TIMEOUT, PgConnection::connect(database_url))
        .await
        .map_err(|_| MigrateError::ConnectTimeout(CONNECT_TIMEOUT.as_secs()))?
        .map_err(MigrateError::Connect)
}

/// Takes the lock for the life of the session.
///
/// It tries instead of queueing: a session that waits inside `pg_advisory_lock` holds a snapshot, which a concurrent
/// index build of the lock's holder would wait for in turn.
pub(crate) async fn acquire(connection: &mut PgConnection) -> Result<(), MigrateError> {
    let give_up = Instant::now() + LOCK_TIMEOUT;
    let mut pause = Duration::from_millis(20);
    loop {
        let taken: bool = sqlx::query_scalar("select pg_try_advisory_lock($1)")
            .bind(LOCK)
            .fetch_one(&mut *connection)
            .await
            .map_err(MigrateError::Record)?;
        if taken {
            return Ok(());
        }
        if Instant::now() >= give_up {
            return Err(MigrateError::Busy(LOCK_TIMEOUT.as_secs()));
        }
        tracing::debug!("another migrator holds the lock");
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
