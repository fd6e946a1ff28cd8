//! `nova up`: everything on this machine, with one command. Each step can be interrupted and taken up again.

mod detach;
mod running;
mod start;

use std::path::PathBuf;

use crate::{
    failure::Failure,
    say,
    seed::{EdgeArgs, SeedArgs},
    servers::{
        Account,
        postgres::{self, Binaries},
        unleash::UnleashArg,
    },
    signals::Stop,
    telemetry,
    world::{DataArg, Lock, Locked, RunFile, World},
};

#[derive(Debug, Clone, clap::Args)]
pub(super) struct UpArgs {
    #[command(flatten)]
    data: DataArg,
    /// Port of 127.0.0.1 where the gateway answers; 0 takes any free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Go on in the background; `nova down` ends it.
    #[arg(long)]
    detach: bool,
    /// An existing database to use instead of a server of our own. Its data stay with `nova clean`.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    #[command(flatten)]
    seed: SeedArgs,
    #[command(flatten)]
    edges: EdgeArgs,
    #[command(flatten)]
    postgres: PostgresArg,
    /// Start Unleash, too: the page where an operator switches flags. Its data are in a server of our own, never in
    /// that of `DATABASE_URL`.
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    unleash: UnleashArg,
    /// What is logged: a level, or levels by target, as in `warn,nova_gateway=debug`.
    #[arg(long, env = "NOVA_LOG", default_value = "warn")]
    log: String,
    /// The commit of this build, for the run file.
    #[arg(long, env = "NOVA_COMMIT", hide = true)]
    commit: Option<String>,
    /// We are the background process of `--detach`.
    #[arg(long, hide = true, conflicts_with = "detach")]
    background: bool,
}

impl UpArgs {
    fn commit(&self) -> Option<String> {
        self.commit.clone().filter(|commit| !commit.is_empty())
    }
}

/// `--postgres`, as every command that starts a server takes it.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct PostgresArg {
    /// Directory of the PostgreSQL binaries to use; left out, they are looked for on the machine, then fetched.
    #[arg(long = "postgres", env = "NOVA_POSTGRES", value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl PostgresArg {
    /// The binaries that were named, if any were.
    pub(super) async fn binaries(&self, account: Option<&Account>) -> Result<Option<Binaries>, Failure> {
        let Some(dir) = &self.dir else { return Ok(None) };
        postgres::in_directory(dir, account).await.map(Some).ok_or_else(|| {
            Failure::Config(format!(
                "--postgres: no PostgreSQL {} or newer runs from {}",
                postgres::MIN_VERSION,
                dir.display()
            ))
        })
    }
}

/// The path of this very program, for the processes that we start of it.
pub(super) fn this_binary() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(Failure::io("find this program"))
}

pub(super) async fn run(args: UpArgs) -> Result<(), Failure> {
    if args.background {
        // A session of its own: the terminal's end is not ours.
        rustix::process::setsid().map_err(|error| Failure::Internal(format!("setsid: {error}")))?;
    }
    let world = World::open(&args.data.data)?;
    match world.lock()? {
        Locked::Theirs(holder) => running::report(&world, holder, args.full).await,
        Locked::Ours(lock) if args.detach => {
            drop(lock);
            detach::run(&world, &args).await
        }
        Locked::Ours(lock) => here(&world, lock, &args).await,
    }
}

/// Runs in this process until a signal comes or something breaks.
async fn here(world: &World, _lock: Lock, args: &UpArgs) -> Result<(), Failure> {
    telemetry::start(&args.log)?;
    let mut stop = Stop::listen(args.background)?;
    if let Some(stale) = RunFile::read(&world.data).unwrap_or_default() {
        let pid = stale.pids.get("nova").copied().unwrap_or_default();
        say::step(format_args!("process {pid} ended without tidying up; going on from what it left"));
        RunFile::remove(&world.data);
    }
    let mut all = tokio::select! {
        started = start::start(world, args) => started?,
        () = stop.asked() => return Err(Failure::Interrupted),
    };
    all.run_file.write(&world.data)?;
    running::show(&all.run_file, if args.background { "nova down" } else { "Ctrl-C, or nova down" });
    let outcome = tokio::select! {
        () = stop.asked() => Ok(()),
        failure = all.broken() => Err(failure),
    };
    RunFile::remove(&world.data);
    say::step("stopping");
    tokio::select! {
        stopped = all.stop() => stopped.and(outcome),
        () = stop.asked() => Err(Failure::Interrupted), // the second time: at once
    }
}
