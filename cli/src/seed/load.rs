//! Loads the network in one transaction: whoever interrupts it finds the database as it was.

use std::{str::FromStr, time::Duration};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, raw_sql};
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::copy::{Chunk, Table};
use super::secondary::Secondary;
use super::{Progress, SeedError, Summary};

const CONNECT: Duration = Duration::from_secs(5);
/// The longest that one step may take. Far above what a load of ten million users needs.
const STEP: Duration = Duration::from_mins(30);
/// Rows of one table between two reports.
const REPORT_EVERY: u64 = 500_000;
const SETTINGS: &str = "
    set local lock_timeout = '5s';
    set local statement_timeout = '30min';
    set local work_mem = '256MB';
    set local maintenance_work_mem = '256MB';
    lock table users, posts, comments, likes, follows, counters in access exclusive mode;";
/// Rows that come into a table emptied by the same transaction can be frozen as they come: nobody has to visit them again.
const EMPTIED: &str = "truncate users, posts, comments, likes, follows";
const ANALYZE: &str = "analyze users, posts, comments, likes, follows";
const COUNT: &str = "select rebuild_counters(); analyze counters, counter_deltas";

/// A connection for this load alone.
pub(super) async fn connect(database_url: &str) -> Result<PgConnection, SeedError> {
    let options = PgConnectOptions::from_str(database_url)?.application_name("nova seed").disable_statement_logging();
    Ok(timeout(CONNECT, PgConnection::connect_with(&options)).await.map_err(|_| SeedError::Timeout)??)
}

/// Loads what comes through `chunks` and `drawn` says is whole, all of it or nothing.
pub(super) async fn load(
    connection: &mut PgConnection,
    chunks: Receiver<Chunk>,
    drawn: JoinHandle<Result<(), SeedError>>,
    progress: &mut impl FnMut(Progress),
) -> Result<Summary, SeedError> {
    let mut transaction = connection.begin().await?;
    step(raw_sql(SETTINGS).execute(&mut *transaction)).await?;
    for table in Table::ALL {
        let statement = format!("select exists (select from {})", table.name());
        if sqlx::query_scalar(AssertSqlSafe(statement)).fetch_one(&mut *transaction).await? {
            return Err(SeedError::NotEmpty(table));
        }
    }
    let mut tables: Vec<&str> = Table::ALL.map(Table::name).into();
    tables.push("counters");
    let secondary = Secondary::put_aside(&mut transaction, &tables).await?;
    step(raw_sql(EMPTIED).execute(&mut *transaction)).await?;

    let summary = copy_all(&mut transaction, chunks, progress).await?;
    // No more chunks can also mean that drawing them failed: then this is not a whole network.
    drawn.await.map_err(|_| SeedError::Unfinished)??;

    progress(Progress::Counting);
    step(raw_sql(ANALYZE).execute(&mut *transaction)).await?;
    step(raw_sql(COUNT).execute(&mut *transaction)).await?;
    progress(Progress::Indexing);
    timeout(STEP, secondary.bring_back(&mut transaction)).await.map_err(|_| SeedError::Timeout)??;
    step(transaction.commit()).await?;
    Ok(summary)
}

async fn copy_all(
    connection: &mut PgConnection,
    mut chunks: Receiver<Chunk>,
    progress: &mut impl FnMut(Progress),
) -> Result<Summary, SeedError> {
    let mut summary = Summary::default();
    let mut next = chunks.recv().await;
    for table in Table::ALL {
        let columns = table.columns().join(", ");
        let statement = format!("copy {} ({columns}) from stdin (format binary, freeze)", table.name());
        let mut copy = step(connection.copy_in_raw(&statement)).await?;
        // Signature, flags, length of the header's extension; and, behind the rows, the mark of the end.
        step(copy.send(&b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0"[..])).await?;
        let mut report = REPORT_EVERY;
        while let Some(chunk) = next.take_if(|chunk| chunk.table == table) {
            step(copy.send(chunk.bytes)).await?;
            *summary.rows_mut(table) += chunk.rows;
            if summary.rows(table) >= report {
                report += REPORT_EVERY;
                progress(Progress::Loading { table, rows: summary.rows(table) });
            }
            next = chunks.recv().await;
        }
        step(copy.send(&(-1_i16).to_be_bytes()[..])).await?;
        step(copy.finish()).await?;
        progress(Progress::Loaded { table, rows: summary.rows(table) });
    }
    Ok(summary)
}

/// Waits for the database, but not for ever.
async fn step<T>(answer: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, SeedError> {
    Ok(timeout(STEP, answer).await.map_err(|_| SeedError::Timeout)??)
}
