//! `nova bench mix`: what people do all day, in the shares in which they do it, at random and with a token each. In a
//! closed loop: how much the machine can do. In an open one: how long people wait who do not wait for each other.
//!
//! Client, gateway, backend and database share the machine, so that latencies hold the client's work too. Cores are
//! counted by the server's own process.

mod check;
mod guarded;
mod operations;

use std::time::Duration;

use nova_cli::failure::Failure;

use self::{
    guarded::Guarded,
    operations::{KIND_CREATE, Mix},
};
use crate::{
    client::Client,
    load::{Load, Scenario as _},
    outcome::Outcome,
    report::{Goal, Report},
    side::Side,
    world::{World, WorldArgs},
};

/// How long each loop runs before anything counts.
const WARM_UP: Duration = Duration::from_secs(3);
/// What is to be beaten: 95 and 99 of a hundred answers, in milliseconds.
const P95: f64 = 95.0;
const P99: f64 = 180.0;
/// Requests without a right answer, of a hundred.
const ERRORS: f64 = 1.0;

#[derive(Debug, clap::Args)]
pub(crate) struct MixArgs {
    /// Connections of the closed loop, each with one request at a time.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Requests a second of the open loop, at random and independent of each other.
    #[arg(long, default_value_t = 200.0)]
    rate: f64,
    /// Connections that the open loop has at most; when none is free, a request waits, and its latency grows.
    #[arg(long, default_value_t = 256)]
    open_connections: usize,
    /// Runs of each loop.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(5..))]
    runs: u32,
    /// Seconds of a run.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    #[command(flatten)]
    world: WorldArgs,
}

pub(crate) async fn run(args: MixArgs) -> Result<Report, Failure> {
    let world = World::start(&args.world).await?;
    let client = Client::new("nova", world.address)?;
    let mix = Mix::new(&world).await?;
    let mut report = Report::new("mix");
    let differing = check::differing(&client, &mix, &world.pool).await?;
    report.add("differing_answers", "answers", Some(Goal::Exactly(0.0)), vec![f64::from(differing)]);

    let guarded = Guarded::start(world.pool.clone());
    let server = (world.pid, world.postgres_pid);
    let closed = Load::Closed { connections: args.connections };
    let open = Load::Open { rate: args.rate, connections: args.open_connections };
    let mut sides =
        [Side::new("closed", &client, &mix, closed, server), Side::new("open", &client, &mix, open, server)];
    let mut created = 0;
    for side in &sides {
        created += side.warm_up(WARM_UP).await.answered_of(KIND_CREATE);
    }
    for run in 1..=args.runs {
        for side in &mut sides {
            side.measure(run, Duration::from_secs(args.seconds)).await;
        }
    }
    created += sides.iter().map(|side| side.answered_of(KIND_CREATE)).sum::<u64>();
    guarded.report(&mut report, &world.admin_url).await;
    let lost = mix.lost_or_doubled(&world.pool, created).await?;
    report.add("posts_lost_or_doubled", "posts", Some(Goal::Exactly(0.0)), vec![count(lost)]);
    for side in &sides {
        side.report(&mut report);
        side.add(&mut report, "errors", "%", Some(Goal::Always(ERRORS)), Outcome::error_percent);
        side.add(&mut report, "p95", "ms", Some(Goal::Below(P95)), |outcome| outcome.quantile_ms(0.95));
        side.add(&mut report, "p99", "ms", Some(Goal::Below(P99)), |outcome| outcome.quantile_ms(0.99));
        for (kind, name) in Mix::KINDS.iter().enumerate() {
            let p95 = |outcome: &Outcome| outcome.kind_quantile_ms(kind, 0.95);
            side.add(&mut report, &format!("p95_{name}"), "ms", None, p95);
        }
    }
    world.stop().await?;
    Ok(report)
}

fn count(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}
