//! Applies what is missing.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use tokio::time::Instant;

use crate::{MigrateError, Migration, lock, status};

/// What happened to one migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Its transaction begins.
    Started(Migration),
    /// It is committed.
    Applied(Migration, Duration),
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The versions that this run applied, in order.
    pub applied: Vec<i32>,
    /// How many were there already.
    pub already_applied: usize,
}

/// Applies every migration that the database lacks, each in a transaction of its own, and tells `progress` of each.
/// Running it again, or twice at once, does nothing more. There is no limit on how long a migration may take.
///
/// # Errors
/// [`MigrateError`]; what was applied before it stays applied.
pub async fn run(database_url: &str, mut progress: impl FnMut(&Step)) -> Result<Report, MigrateError> {
    let mut connection = lock::connect(database_url).await?;
    lock::acquire(&mut connection).await?;
    sqlx::raw_sql(
        "create table if not exists nova_migrations (
             version int primary key,
             name text not null,
             checksum text not null,
             applied_at timestamptz not null default now()
         )",
    )
    .execute(&mut connection)
    .await
    .map_err(MigrateError::Record)?;

    let mut report = Report::default();
    for entry in status::compare(&mut connection).await? {
        if entry.applied {
            report.already_applied += 1;
            continue;
        }
        let migration = entry.migration;
        progress(&Step::Started(migration));
        let started = Instant::now();
        apply(&mut connection, migration).await.map_err(|source| MigrateError::Failed {
            version: migration.version,
            name: migration.name,
            source,
        })?;
        progress(&Step::Applied(migration, started.elapsed()));
        report.applied.push(migration.version);
    }
    // The lock goes with the session; a failure to say goodbye changes nothing.
    let _ = connection.close().await;
    Ok(report)
}

async fn apply(connection: &mut PgConnection, migration: Migration) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::raw_sql(migration.sql).execute(&mut *transaction).await?;
    sqlx::query(
        "insert into nova_migrations (version, name, checksum)
         values ($1, $2, encode(sha256(convert_to($3, 'UTF8')), 'hex'))",
    )
    .bind(migration.version)
    .bind(migration.name)
    .bind(migration.sql)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await
}
