//! `nova migrate`: brings a database's schema up to date, or tells how far it is.

use clap::Subcommand;
use nova_migrations::{MigrateError, Step};

use crate::{chain, failure::Failure, say};

#[derive(Debug, clap::Args)]
pub(super) struct MigrateArgs {
    /// The database.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    database_url: Option<String>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Apply what is missing.
    Run,
    /// List the migrations and whether they were applied.
    Status,
}

pub(super) async fn run(args: &MigrateArgs) -> Result<(), Failure> {
    let database_url = args.database_url.as_deref();
    let database_url = database_url
        .ok_or_else(|| Failure::Config("set DATABASE_URL, or name the database with --database-url".into()))?;
    match args.action {
        Action::Run => {
            let applied = migrate(database_url).await?;
            say::result(format_args!("{applied} applied"));
        }
        Action::Status => {
            for entry in nova_migrations::status(database_url).await.map_err(|error| failure(&error))? {
                let state = if entry.applied { "applied" } else { "pending" };
                say::result(format_args!("{:04} {state} {}", entry.migration.version, entry.migration.name));
            }
        }
    }
    Ok(())
}

/// Applies what is missing and tells of it; answers how many migrations that were.
pub(super) async fn migrate(database_url: &str) -> Result<usize, Failure> {
    let tell = |step: &Step| {
        if let Step::Applied(migration, took) = step {
            say::step(format_args!("migration {:04} {} ({} ms)", migration.version, migration.name, took.as_millis()));
        }
    };
    let report = nova_migrations::run(database_url, tell).await.map_err(|error| failure(&error))?;
    Ok(report.applied.len())
}

fn failure(error: &MigrateError) -> Failure {
    Failure::Unavailable(format!("migrations: {}", chain(error)))
}
