//! `nova seed`: fills an empty database with a social network.

use nova_core::clock::Clock as _;

use crate::{
    chain,
    clock::SystemClock,
    failure::Failure,
    say,
    seed::{self, Progress, SeedArgs},
};

#[derive(Debug, clap::Args)]
pub(super) struct SeedCommandArgs {
    /// The database, migrated and empty.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: String,
    #[command(flatten)]
    seed: SeedArgs,
}

pub(super) async fn run(args: &SeedCommandArgs) -> Result<(), Failure> {
    fill(&args.database_url, &args.seed).await
}

/// Fills the database and tells of it, a line for each table.
pub(super) async fn fill(database_url: &str, args: &SeedArgs) -> Result<(), Failure> {
    let tell = |progress| {
        if !matches!(progress, Progress::Loading { .. }) {
            say::step(format_args!("seed: {progress}"));
        }
    };
    let seeded = seed::run(database_url, args, SystemClock.now(), tell).await;
    seeded.map(drop).map_err(|error| Failure::Unavailable(format!("seed: {}", chain(&error))))
}
