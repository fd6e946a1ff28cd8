//! `nova seed`: fills an empty database with a social network.

use nova_core::clock::Clock as _;

use crate::{
    chain,
    clock::SystemClock,
    failure::Failure,
    say,
    seed::{self, EdgeArgs, SeedArgs, SeedError},
};

#[derive(Debug, clap::Args)]
pub(super) struct SeedCommandArgs {
    /// The database, migrated and empty.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: String,
    #[command(flatten)]
    seed: SeedArgs,
    #[command(flatten)]
    edges: EdgeArgs,
}

pub(super) async fn run(args: &SeedCommandArgs) -> Result<(), Failure> {
    fill(&args.database_url, &args.seed, &args.edges).await
}

/// Fills the database and tells of it, line by line.
pub(super) async fn fill(database_url: &str, args: &SeedArgs, edges: &EdgeArgs) -> Result<(), Failure> {
    let tell = |progress| say::step(format_args!("seed: {progress}"));
    let now = SystemClock.now();
    let seeded = match &edges.edges {
        Some(path) => seed::run_edges(database_url, path, edges.directed, args.seed, now, tell).await,
        None => seed::run(database_url, args, now, tell).await,
    };
    seeded.map(drop).map_err(failure)
}

fn failure(error: SeedError) -> Failure {
    let text = format!("seed: {}", chain(&error));
    match error {
        SeedError::Edges(error) if error.is_missing() => Failure::NoInput(text),
        SeedError::Edges(error) if error.is_unreadable() => Failure::Io(text),
        SeedError::Edges(_) => Failure::Data(text),
        _ => Failure::Unavailable(text),
    }
}
