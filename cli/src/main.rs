//! The binary: parses the command line, runs one command, and turns its outcome into an exit code.

use std::process::ExitCode;

use clap::Parser as _;
use nova_cli::{commands::Cli, failure::Failure, say};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Exit(code)) => ExitCode::from(code),
        Err(failure) => {
            say::step(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}
