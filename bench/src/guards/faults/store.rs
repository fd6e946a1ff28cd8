//! The store is killed, and frozen, under load: how fast the answer comes that it is away, and how fast it is whole again.

use std::time::Duration;

use nova_cli::{failure::Failure, say};
use nova_tests::{
    client::{Client, codes},
    postgres::OwnPostgres,
    processes::{Process, eventually},
    world::WORLD,
};
use tokio::time::Instant;

use super::{ALL, FaultsArgs, load::paced, viewer};
use crate::{
    process,
    report::{Goal, Report},
};

/// Longest answer while the store is dead, in milliseconds.
const DEAD: f64 = 100.0;
/// Median answer once the breaker is open, in milliseconds.
const OPEN: f64 = 1.0;
/// Longest time until all is whole again, in milliseconds: one pause between probes.
const RECOVERY: f64 = 1_000.0;

pub(super) async fn measure(report: &mut Report, args: &FaultsArgs) -> Result<(), Failure> {
    let mut postgres = OwnPostgres::start(WORLD, &[]).await;
    let backend = Process::backend("users,content,social", &postgres.url(), None).await;
    let gateway = Process::gateway_with([&backend.url(), &backend.url(), &backend.url()], &[]).await;
    let client = viewer(&gateway)?;
    whole(&client).await;
    let time = Duration::from_secs(args.phase_seconds);
    let pids = [gateway.pid(), backend.pid()];
    for (name, killed) in [("killed", true), ("frozen", false)] {
        say::step(format_args!("the store is {name}"));
        pids.into_iter().for_each(process::forget_peak_rss);
        let (mut first, mut p50, mut worst, mut open, mut recovery) = (vec![], vec![], vec![], vec![], vec![]);
        for _ in 0..args.pairs {
            paced(&client, ALL, args.rate, time).await;
            if killed {
                postgres.kill().await;
            } else {
                postgres.freeze();
            }
            let begin = Instant::now();
            let answer = client.query(ALL).await;
            first.push(begin.elapsed().as_secs_f64() * 1_000.0);
            assert_ne!(codes(&answer), Vec::<String>::new(), "the store is away");
            let seen = paced(&client, ALL, args.rate, time).await;
            p50.push(seen.quantile(0.5));
            worst.push(seen.max());
            open.push(one_after_the_other(&client).await);
            if killed {
                postgres.start_again().await;
            } else {
                postgres.thaw();
            }
            let begin = Instant::now();
            whole(&client).await;
            recovery.push(begin.elapsed().as_secs_f64() * 1_000.0);
        }
        let figure = |what: &str| format!("store.{name}.{what}");
        let dead = killed.then_some(Goal::Below(DEAD));
        report.add(figure("first"), "ms", dead, first);
        report.add(figure("p50"), "ms", Some(Goal::Below(DEAD)), p50);
        report.add(figure("max"), "ms", dead, worst);
        report.add(figure("open_p50"), "ms", Some(Goal::Below(OPEN)), open);
        report.add(figure("recovery"), "ms", Some(Goal::Below(RECOVERY)), recovery);
        for (who, pid) in ["gateway", "backend"].into_iter().zip(pids) {
            let peak = process::peak_rss_mib(pid);
            report.add(figure(&format!("{who}_peak_rss")), "MiB", Some(Goal::Always(512.0)), vec![peak]);
        }
    }
    Ok(())
}

async fn whole(client: &Client) {
    eventually(|| async { codes(&client.query(ALL).await).is_empty() }).await;
}

/// The median of two hundred answers, each asked for when the one before is there, in milliseconds.
async fn one_after_the_other(client: &Client) -> f64 {
    let mut took = Vec::new();
    for _ in 0..200 {
        let begin = Instant::now();
        client.query(ALL).await;
        took.push(begin.elapsed().as_secs_f64() * 1_000.0);
    }
    took.sort_by(f64::total_cmp);
    took[took.len() / 2]
}
