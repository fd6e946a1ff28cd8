//! `nova test`: all tests of the workspace, on a throw-away database server that ends with them.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::Command,
    signal::unix::{SignalKind, signal},
};

use super::up::PostgresArg;
use crate::{
    failure::Failure,
    say,
    servers::{
        job,
        postgres::{ScratchOptions, scratch},
    },
    world::{DataArg, World},
};

#[derive(Debug, clap::Args)]
pub(super) struct TestArgs {
    /// The workspace.
    #[arg(long, env = "NOVA_CHECKOUT", default_value = ".", hide = true)]
    checkout: PathBuf,
    #[command(flatten)]
    data: DataArg,
    #[command(flatten)]
    postgres: PostgresArg,
    /// Passed on to `cargo nextest run`, or to `cargo test` where nextest is not installed.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

pub(super) async fn run(args: TestArgs) -> Result<(), Failure> {
    let nova = super::up::this_binary()?;
    // Only fetched binaries are kept there.
    let world = World::open(&args.data.data)?;
    let binaries = args.postgres.binaries(world.account.as_ref()).await?;
    let server =
        scratch(ScratchOptions { nova: &nova, fetch_home: &world.home, binaries, durable: false, settings: &[] })
            .await?;
    say::step(format_args!("tests run on PostgreSQL {}", server.version()));
    let tested = cargo(&args, &nova, &server.url("postgres")).await;
    server.stop().await?;
    match job::exit_code(tested?) {
        0 => Ok(()),
        code => Err(Failure::Exit(code)),
    }
}

async fn cargo(args: &TestArgs, nova: &Path, database_url: &str) -> Result<ExitStatus, Failure> {
    let mut terminate =
        signal(SignalKind::terminate()).map_err(|error| Failure::Internal(format!("signals: {error}")))?;
    // Ctrl-C reaches cargo too, and cargo ends; then so do we, with its exit code.
    let _interrupt = signal(SignalKind::interrupt()).map_err(|error| Failure::Internal(format!("signals: {error}")))?;
    let mut probe = Command::new("cargo");
    probe.args(["nextest", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    let nextest = probe.status().await.is_ok_and(|status| status.success());
    let mut command = Command::new("cargo");
    command.args(if nextest { &["nextest", "run"][..] } else { &["test"] });
    // All rooms, unless some are named.
    if !args.arguments.iter().any(|argument| argument == "-p" || argument == "--package") {
        command.arg("--workspace");
    }
    command.args(&args.arguments).current_dir(&args.checkout);
    command.env("NOVA_TEST_DATABASE_URL", database_url).env("NOVA_BIN", nova);
    let mut child = command.spawn().map_err(|error| Failure::Unavailable(format!("cargo: {error}")))?;
    loop {
        tokio::select! {
            status = child.wait() => return status.map_err(Failure::io("wait for cargo")),
            _ = terminate.recv() => {
                if let Some(pid) = child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
                    let _ = kill_process(pid, Signal::TERM);
                }
            }
        }
    }
}
