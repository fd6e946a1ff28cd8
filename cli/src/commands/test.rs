//! `nova test`: all tests of the workspace, on throw-away servers that end with them: PostgreSQL, and Unleash over it, which
//! starts while the tests are built. What the tests run of npm is fetched first.

use std::{
    ffi::OsString,
    fs,
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
        Account, job,
        node::Node,
        npm::{Installed, Packages},
        postgres::{ScratchOptions, Server, scratch},
        unleash::{self, Unleash, UnleashArg},
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
    #[command(flatten)]
    unleash: UnleashArg,
    /// Passed on to `cargo nextest run`, or to `cargo test` where nextest is not installed.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

pub(super) async fn run(args: TestArgs) -> Result<(), Failure> {
    let nova = super::up::this_binary()?;
    // Only what is fetched is kept there, and Unleash's log.
    let world = World::open(&args.data.data)?;
    let binaries = args.postgres.binaries(world.account.as_ref()).await?;
    let server =
        scratch(ScratchOptions { nova: &nova, fetch_home: &world.home, binaries, durable: false, settings: &[] })
            .await?;
    say::step(format_args!("tests run on PostgreSQL {}", server.version()));
    let mut variables =
        vec![("NOVA_TEST_DATABASE_URL", server.url("postgres")), ("NOVA_BIN", nova.display().to_string())];
    // Most tests can do without, here and below.
    match audits(&args.checkout, &world).await {
        Ok(Installed { dir, node, .. }) => variables.extend([
            ("NOVA_TEST_GRAPHQL_HTTP", dir.display().to_string()),
            ("NOVA_TEST_NODE", node.program.display().to_string()),
        ]),
        Err(failure) => say::step(format_args!("tests that need graphql-http will fail: {failure}")),
    }
    let unleash = match start_unleash(&args, &world, &nova, &server).await {
        Ok((unleash, Installed { dir, node, .. })) => {
            let access = unleash.access();
            variables.extend([
                ("NOVA_TEST_UNLEASH_URL", access.url.clone()),
                ("NOVA_TEST_UNLEASH_TOKEN", access.client_token.clone()),
                ("NOVA_TEST_UNLEASH_ADMIN_TOKEN", access.admin_token.clone()),
                ("NOVA_UNLEASH", dir.display().to_string()),
            ]);
            variables.extend(search_path(&node).map(|path| ("PATH", path)));
            Some(unleash)
        }
        Err(failure) => {
            say::step(format_args!("tests that need Unleash will fail: {failure}"));
            None
        }
    };
    let tested = beside(unleash, cargo(&args, &variables)).await;
    server.stop().await?;
    match job::exit_code(tested?) {
        0 => Ok(()),
        code => Err(Failure::Exit(code)),
    }
}

/// The audits of GraphQL over HTTP, as the tests have them.
async fn audits(checkout: &Path, world: &World) -> Result<Installed, Failure> {
    let source = checkout.join("tests/graphql-http");
    let read = |name| fs::read_to_string(source.join(name)).map_err(Failure::io("read the tests' package files"));
    let packages = Packages {
        name: "graphql-http",
        title: "graphql-http",
        main: "graphql-http/lib/audits/index.mjs",
        package: &read("package.json")?,
        lock: &read("package-lock.json")?,
    };
    Ok(packages.find_or_fetch(&world.home, None).await?)
}

/// The search path, with this Node.js at its end: a nova that a test starts runs Unleash, too, and looks no further for one.
fn search_path(node: &Node) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the search path is where programs are looked for")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::env::split_paths(&path).chain(node.program.parent().map(Path::to_owned));
    std::env::join_paths(dirs).ok()?.into_string().ok()
}

/// Unleash over a database of `server`, started but not ready, and how it is installed.
async fn start_unleash(
    args: &TestArgs,
    world: &World,
    nova: &Path,
    server: &Server,
) -> Result<(Unleash, Installed), Failure> {
    let account = Account::for_servers()?;
    let installed = args.unleash.installed(&world.home, account.as_ref()).await?;
    let log = world.home.join("unleash-test.log");
    Ok((unleash::scratch(nova, installed.clone(), server, log).await?, installed))
}

/// Waits for cargo, and says at once when Unleash does not come up; ends Unleash after it.
async fn beside(
    unleash: Option<Unleash>,
    cargo: impl Future<Output = Result<ExitStatus, Failure>>,
) -> Result<ExitStatus, Failure> {
    let Some(mut unleash) = unleash else { return cargo.await };
    let fails = async {
        let error = match unleash.ready().await {
            Ok(()) => unleash.ended().await,
            Err(error) => error,
        };
        say::step(format_args!("tests that need Unleash will fail: {error}"));
    };
    tokio::pin!(cargo);
    let tested = tokio::select! {
        tested = &mut cargo => tested,
        () = fails => cargo.await,
    };
    unleash.stop().await?;
    tested
}

async fn cargo(args: &TestArgs, variables: &[(&str, String)]) -> Result<ExitStatus, Failure> {
    let mut terminate =
        signal(SignalKind::terminate()).map_err(|error| Failure::Internal(format!("signals: {error}")))?;
    // Ctrl-C reaches cargo too, and cargo ends; then so do we, with its exit code.
    let _interrupt = signal(SignalKind::interrupt()).map_err(|error| Failure::Internal(format!("signals: {error}")))?;
    let mut probe = Command::new("cargo");
    probe.args(["nextest", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    let nextest = probe.status().await.is_ok_and(|status| status.success());
    let mut command = Command::new("cargo");
    command.args(if nextest { &["nextest", "run"][..] } else { &["test"] });
    if !nextest {
        // Without it nobody knows which tests need the machine for themselves.
        command.env("RUST_TEST_THREADS", "1");
    }
    // All rooms, unless some are named.
    if !args.arguments.iter().any(|argument| argument == "-p" || argument == "--package") {
        command.arg("--workspace");
    }
    command.args(&args.arguments).current_dir(&args.checkout);
    command.envs(variables.iter().map(|(name, value)| (name, value)));
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
