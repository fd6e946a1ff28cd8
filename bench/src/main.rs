//! `nova-bench`: the figures of the README and the documentation, each with the command that measures it.
//!
//! Speed never decides how a bench exits; a wrong answer does.

mod batching;
mod client;
mod door;
mod feed;
mod flags;
mod guards;
mod load;
mod mix;
mod outcome;
mod process;
mod report;
mod side;
mod up;
mod world;

use std::{future::Future, process::ExitCode};

use clap::{Parser, Subcommand};
use densa_alloc::CountingAllocator;
use mimalloc::MiMalloc;
use nova_cli::failure::Failure;
use report::Report;
use tokio::runtime::Builder;

#[global_allocator]
static ALLOCATOR: CountingAllocator<MiMalloc> = CountingAllocator::new(MiMalloc);

/// Measures, states what was measured on what, and ends with one line of JSON.
#[derive(Debug, Parser)]
#[command(name = "nova-bench", after_help = "Exit codes: 0 measured, 1 an answer was wrong, 64-78 as in sysexits.h.")]
struct Cli {
    #[command(subcommand)]
    bench: Bench,
    /// The commit of this build; left out, git is asked.
    #[arg(long, env = "NOVA_COMMIT", hide = true, global = true)]
    commit: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// The feed over HTTP, next to a hand-written handler of the same bytes.
    Feed(feed::FeedArgs),
    /// Feeds, people and posts in the shares of a day, closed and open loop.
    Mix(mix::MixArgs),
    /// What batching costs over plain resolvers.
    Batching(batching::BatchingArgs),
    /// What flags cost a request and a sync, and how soon a toggle on a real Unleash is seen.
    Flags(flags::FlagsArgs),
    /// What limits cost those whom they let in, and what attacks cost the gateway.
    Door(door::DoorArgs),
    /// What breaker, bulkhead and budget take of a call, in nanoseconds and bytes.
    Guards(guards::GuardsArgs),
    /// The hand-written handler, in a process of its own.
    #[command(hide = true)]
    PlainHandler(feed::PlainArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let measured = match cli.bench {
        // The client must not take more than one core from what it measures.
        Bench::Feed(args) => block_on(&mut Builder::new_current_thread(), feed::run(args)),
        Bench::Mix(args) => block_on(&mut Builder::new_current_thread(), mix::run(args)),
        Bench::Batching(args) => block_on(Builder::new_multi_thread().worker_threads(2), batching::run(args)),
        Bench::Flags(args) => block_on(&mut Builder::new_current_thread(), flags::run(args)),
        Bench::Door(args) => block_on(&mut Builder::new_current_thread(), door::run(args)),
        Bench::Guards(args) => block_on(&mut Builder::new_current_thread(), guards::run(args)),
        Bench::PlainHandler(args) => match block_on(&mut Builder::new_multi_thread(), feed::serve_plain(args)) {
            Ok(()) => return ExitCode::SUCCESS,
            Err(failure) => Err(failure),
        },
    };
    match measured.and_then(|report: Report| report.print(cli.commit.filter(|commit| !commit.is_empty()))) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(failure) => {
            nova_cli::say::step(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

fn block_on<T>(runtime: &mut Builder, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = runtime.enable_all().build();
    runtime.map_err(|error| Failure::Internal(format!("no run time: {error}")))?.block_on(work)
}
