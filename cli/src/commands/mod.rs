//! The commands of `nova`, one file each.

mod backend;
mod clean;
mod doctor;
mod documents;
mod down;
mod errors;
mod flags;
mod gateway;
mod migrate;
mod schema;
mod seed;
mod service;
mod test;
mod token;
mod up;

use std::future::Future;

use clap::{Parser, Subcommand};
use tokio::runtime::Builder;

use crate::{
    app,
    failure::Failure,
    servers::supervisor::{self, SuperviseArgs},
    world::DataArg,
};

/// Nova gateway: a social platform's GraphQL gateway, its services, and what a developer needs to run them.
#[derive(Debug, Parser)]
#[command(
    name = "nova",
    version,
    after_help = "Exit codes: 0 done, 1 a check found something, or something was left undone that is said, 2 wrong usage, 64-78 as in sysexits.h (65 a file holds something else, 66 no such file, 67 no such user, 69 something needed is not there, 78 a wrong setting), 130 interrupted."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything on this machine: database, schema, data, services, gateway.
    Up(up::UpArgs),
    /// Stop what `nova up` started.
    Down(DataArg),
    /// Stop what `nova up` started, and remove the data it made.
    Clean(DataArg),
    /// Run all tests, on a database server of their own.
    Test(test::TestArgs),
    /// Say what this machine lacks, and what mends it.
    Doctor(doctor::DoctorArgs),
    /// Print a token for a user of the running world.
    Token(token::TokenArgs),
    /// Print the GraphQL schema, or compare it with another.
    Schema(schema::SchemaArgs),
    /// Print the catalogue of error codes.
    Errors,
    /// Bring the catalogue of flags and Unleash together; print it, check it.
    Flags(flags::FlagsArgs),
    /// Make and check manifests of trusted documents.
    Documents(documents::DocumentsArgs),
    /// Fill an empty database with a social network.
    Seed(seed::SeedCommandArgs),
    /// Bring a database's schema up to date.
    Migrate(migrate::MigrateArgs),
    /// Run the gateway alone.
    Gateway(Box<gateway::GatewayArgs>),
    /// Run backend services alone.
    Backend(Box<backend::BackendArgs>),
    /// Run a program that ends with whoever holds our standard input.
    #[command(hide = true)]
    Supervise(SuperviseArgs),
}

impl Cli {
    /// Runs the command to its end.
    ///
    /// # Errors
    /// [`Failure`], with the exit code that goes with it.
    pub fn run(self) -> Result<(), Failure> {
        app::install_provider();
        // What we make is for our servers' account to read; what is not says so file by file.
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
        match self.command {
            Command::Up(args) => block_on(up::run(args)),
            Command::Down(args) => block_on(down::run(&args)),
            Command::Clean(args) => block_on(clean::run(&args)),
            Command::Test(args) => block_on(test::run(args)),
            Command::Doctor(args) => block_on(doctor::run(&args)),
            Command::Token(args) => block_on(token::run(&args)),
            Command::Schema(args) => schema::run(&args),
            Command::Errors => {
                errors::run();
                Ok(())
            }
            Command::Flags(args) => block_on(flags::run(args)),
            Command::Documents(args) => documents::run(&args),
            Command::Seed(args) => block_on(seed::run(&args)),
            Command::Migrate(args) => block_on(migrate::run(&args)),
            Command::Gateway(args) => block_on(gateway::run(*args)),
            Command::Backend(args) => block_on(backend::run(*args)),
            Command::Supervise(args) => supervise(&args),
        }
    }
}

fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Internal(format!("no run time: {error}")))?;
    let outcome = runtime.block_on(command);
    // What a thread still waits for is of no interest any more.
    runtime.shutdown_background();
    outcome
}

fn supervise(args: &SuperviseArgs) -> Result<(), Failure> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Internal(format!("no run time: {error}")))?;
    match runtime.block_on(supervisor::run(args)).map_err(Failure::io("supervise"))? {
        0 => Ok(()),
        code => Err(Failure::Exit(code)),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
