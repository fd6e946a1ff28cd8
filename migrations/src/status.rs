//! What was applied, by the database's own record.

use sqlx::PgConnection;

use crate::{ALL, MigrateError, Migration, lock};

/// A migration of this build and whether the database has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Which.
    pub migration: Migration,
    /// Whether it was applied.
    pub applied: bool,
}

/// Lists every migration of this build. Changes nothing, also on a database that was never migrated.
///
/// # Errors
/// [`MigrateError`] when the database can't be reached or has a migration with another text.
pub async fn status(database_url: &str) -> Result<Vec<MigrationStatus>, MigrateError> {
    let mut connection = lock::connect(database_url).await?;
    let recorded: bool = sqlx::query_scalar("select to_regclass('nova_migrations') is not null")
        .fetch_one(&mut connection)
        .await
        .map_err(MigrateError::Record)?;
    if recorded {
        compare(&mut connection).await
    } else {
        Ok(ALL.iter().map(|&migration| MigrationStatus { migration, applied: false }).collect())
    }
}

/// Holds the record against this build. The server computes the checksums, so that no hash is needed here.
pub(crate) async fn compare(connection: &mut PgConnection) -> Result<Vec<MigrationStatus>, MigrateError> {
    let versions: Vec<i32> = ALL.iter().map(|migration| migration.version).collect();
    let texts: Vec<&str> = ALL.iter().map(|migration| migration.sql).collect();
    let same: Vec<Option<bool>> = sqlx::query_scalar(
        "select m.checksum = encode(sha256(convert_to(b.sql, 'UTF8')), 'hex')
         from unnest($1::int[], $2::text[]) as b(version, sql) left join nova_migrations m using (version)
         order by b.version",
    )
    .bind(versions)
    .bind(texts)
    .fetch_all(connection)
    .await
    .map_err(MigrateError::Record)?;
    ALL.iter()
        .zip(same)
        .map(|(&migration, same)| match same {
            Some(false) => Err(MigrateError::Changed { version: migration.version, name: migration.name }),
            same => Ok(MigrationStatus { migration, applied: same.is_some() }),
        })
        .collect()
}
