//! `nova seed`: a social network for development, tests and figures: one that never was, or one around a real graph.
//!
//! The same users or graph, seed and reference instant give the same rows, byte for byte. It is loaded whole or not at
//! all, and never into tables that hold anything.

mod copy;
mod edges;
mod load;
mod names;
mod network;
mod random;
mod rows;
mod secondary;
mod words;

use std::{fmt, path::Path};

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

use network::Network;

pub use copy::Table;
pub use edges::{EdgeArgs, EdgeCounts, EdgeError};

/// Chunks that wait for the database. With the chunks of a quarter of a megabyte, what the load holds in memory.
const CHUNKS_AHEAD: usize = 8;

/// What kind of network.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct SeedArgs {
    /// People in the network. Each follows 10 others on average and wrote 3 posts, with 2 comments and 6 likes each.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub users: u32,
    /// Which of the networks of this size: the same seed gives the same rows.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// How far the load is. Its text is a line for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Lines of an edge list so far.
    Reading {
        /// How many.
        lines: u64,
    },
    /// An edge list is read.
    Read(EdgeCounts),
    /// Rows of a table so far.
    Loading {
        /// Where they go.
        table: Table,
        /// How many.
        rows: u64,
    },
    /// A table is complete.
    Loaded {
        /// Which one.
        table: Table,
        /// How many rows it got.
        rows: u64,
    },
    /// Statistics and counters are being made.
    Counting,
    /// Indexes and keys are being built.
    Indexing,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reading { lines } => write!(f, "edges: {lines} lines ..."),
            Self::Read(counts) => write!(f, "edges: {counts}"),
            Self::Loading { table, rows } => write!(f, "{}: {rows} rows ...", table.name()),
            Self::Loaded { table, rows } => write!(f, "{}: {rows} rows", table.name()),
            Self::Counting => f.write_str("statistics and counters"),
            Self::Indexing => f.write_str("indexes and keys"),
        }
    }
}

/// How many rows each table got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    rows: [u64; Table::ALL.len()],
}

impl Summary {
    /// The rows of `table`.
    #[must_use]
    pub fn rows(&self, table: Table) -> u64 {
        self.rows[table as usize]
    }

    fn rows_mut(&mut self, table: Table) -> &mut u64 {
        &mut self.rows[table as usize]
    }
}

/// Why nothing was loaded.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The edge list is not one.
    #[error(transparent)]
    Edges(#[from] EdgeError),
    /// There is something in the tables already.
    #[error("table {} is not empty: seed only into a fresh database", .0.name())]
    NotEmpty(Table),
    /// The database does not have the tables, or not the ones of this version.
    #[error("the tables are not there yet: run `nova migrate run` first")]
    NotMigrated,
    /// Somebody else works on the tables.
    #[error("the tables are in use: stop what writes to this database and seed again")]
    InUse,
    /// The database did not answer in time.
    #[error("the database did not answer in time")]
    Timeout,
    /// The database refused.
    #[error("the database refused: {0}")]
    Database(sqlx::Error),
    /// There is nobody to draw.
    #[error("a network has at least one user")]
    Nobody(#[from] rand_distr::weighted::Error),
    /// The rows stopped coming.
    #[error("the load ended before all rows were there")]
    Unfinished,
}

impl From<sqlx::Error> for SeedError {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref() {
            Some("42P01" | "42883") => Self::NotMigrated,
            Some("55P03") => Self::InUse,
            _ => Self::Database(error),
        }
    }
}

impl From<copy::Stopped> for SeedError {
    fn from(_: copy::Stopped) -> Self {
        Self::Unfinished
    }
}

/// Fills the empty tables of `database_url` with the network of `args` as it stands at `now`.
///
/// # Errors
/// [`SeedError`] says why nothing was loaded.
pub async fn run(
    database_url: &str,
    args: &SeedArgs,
    now: DateTime<Utc>,
    mut progress: impl FnMut(Progress),
) -> Result<Summary, SeedError> {
    let SeedArgs { users, seed } = *args;
    let now = now.timestamp_micros();
    fill(database_url, move || Network::drawn(users, seed, now), &mut progress).await
}

/// Fills the empty tables of `database_url` with a network around the edge list at `path`, as it stands at `now`. The list
/// is read to its end before the database is asked for anything.
///
/// # Errors
/// [`SeedError`] says why nothing was loaded.
pub async fn run_edges(
    database_url: &str,
    path: &Path,
    directed: bool,
    seed: u64,
    now: DateTime<Utc>,
    mut progress: impl FnMut(Progress),
) -> Result<Summary, SeedError> {
    let now = now.timestamp_micros();
    let graph = edges::read(path, directed, &mut progress).await?;
    fill(database_url, move || Network::recorded(graph, seed, now), &mut progress).await
}

async fn fill(
    database_url: &str,
    outline: impl FnOnce() -> Network + Send + 'static,
    progress: &mut impl FnMut(Progress),
) -> Result<Summary, SeedError> {
    let mut connection = load::connect(database_url).await?;
    let (sender, chunks) = mpsc::channel(CHUNKS_AHEAD);
    // Drawn on a thread of its own, while the database takes what came before. It ends when nobody takes its rows.
    let drawn = tokio::task::spawn_blocking(move || rows::write(&outline(), &sender));
    load::load(&mut connection, chunks, drawn, progress).await
}
