//! The store is killed, and frozen, under load: how fast the answer comes that it is away, and how fast it is whole again.

use std::time::Duration;

use nova_cli::{failure::Failure, say};
use nova_tests::{
    client::{Client, codes},
    flags::{bootstrap, flag_with},
    postgres::OwnPostgres,
    processes::{Process, eventually},
    world::WORLD,
};
use serde_json::json;
use sqlx::{Connection as _, PgConnection, PgPool};
use tokio::time::Instant;

use super::{ALL, FaultsArgs, load::paced};
use crate::{
    process,
    report::{Goal, Report},
};

/// Needs a store, and none of its posts.
const WITHOUT_POSTS: &str = "{ viewer { username followerCount } }";
/// What a request has whose statement is to be stopped.
const BUDGET: Duration = Duration::from_secs(1);
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
    let client = gateway.viewer();
    whole(&client).await;
    stopped(report, args, &postgres, &backend).await?;
    locked(report, args, &postgres, &client).await?;
    full(report, args, &postgres, &client).await?;
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

/// How long after a request's deadline its statement, which waits for a lock, is gone from the server.
async fn stopped(
    report: &mut Report,
    args: &FaultsArgs,
    postgres: &OwnPostgres,
    backend: &Process,
) -> Result<(), Failure> {
    say::step("a table is locked");
    let flags = bootstrap(&[flag_with("limits.execution-timeout", &json!({ "ms": BUDGET.as_millis() }))]);
    let file = flags.path().to_string_lossy();
    let url = backend.url();
    let gateway = Process::gateway_with([&url, &url, &url], &[("NOVA_FLAGS_FILE", &file)]).await;
    let client = gateway.viewer();
    whole(&client).await;
    let pool = PgPool::connect(&postgres.url()).await.map_err(failed)?;
    let mut late = vec![];
    for _ in 0..args.pairs {
        let mut lock = pool.begin().await.map_err(failed)?;
        sqlx::raw_sql("lock table posts in access exclusive mode").execute(&mut *lock).await.map_err(failed)?;
        let begin = Instant::now();
        let asking = client.query(ALL);
        let gone = async {
            eventually(|| async { waiting(&pool).await > 0 }).await;
            eventually(|| async { waiting(&pool).await == 0 }).await;
            begin.elapsed().saturating_sub(BUDGET).as_secs_f64() * 1_000.0
        };
        late.push(tokio::join!(asking, gone).1);
        lock.rollback().await.map_err(failed)?;
    }
    report.add("store.locked.stopped_after_deadline", "ms", Some(Goal::Below(500.0)), late);
    Ok(())
}

/// A table is locked, and what does not need it is asked for beside it.
async fn locked(
    report: &mut Report,
    args: &FaultsArgs,
    postgres: &OwnPostgres,
    client: &Client,
) -> Result<(), Failure> {
    say::step("a table is locked under load");
    let pool = PgPool::connect(&postgres.url()).await.map_err(failed)?;
    let time = Duration::from_secs(args.phase_seconds);
    let both = async || {
        let (others, _) =
            tokio::join!(paced(client, WITHOUT_POSTS, args.rate, time), paced(client, ALL, args.rate, time));
        (others.quantile(0.5), others.errors)
    };
    let (mut healthy, mut ill, mut added, mut errors) = (vec![], vec![], vec![], 0);
    for _ in 0..args.pairs {
        let before = both().await;
        let mut lock = pool.begin().await.map_err(failed)?;
        sqlx::raw_sql("lock table posts in access exclusive mode").execute(&mut *lock).await.map_err(failed)?;
        let during = both().await;
        lock.rollback().await.map_err(failed)?;
        whole(client).await;
        errors += before.1 + during.1;
        healthy.push(before.0);
        ill.push(during.0);
        added.push(during.0 - before.0);
    }
    report.add("store.locked.others_healthy_p50", "ms", None, healthy);
    report.add("store.locked.others_p50", "ms", None, ill);
    report.add("store.locked.others_added", "ms", Some(Goal::Below(2.0)), added);
    report.add("store.locked.others_errors", "times", Some(Goal::Exactly(0.0)), vec![f64::from(errors)]);
    Ok(())
}

/// Others have every connection that the server has, and the backend has none.
async fn full(report: &mut Report, args: &FaultsArgs, postgres: &OwnPostgres, client: &Client) -> Result<(), Failure> {
    say::step("no connection is left");
    let time = Duration::from_secs(args.phase_seconds);
    let (mut p50, mut worst, mut recovery) = (vec![], vec![], vec![]);
    for _ in 0..args.pairs {
        let mut theirs = Vec::new();
        while let Ok(mut connection) = PgConnection::connect(&postgres.url()).await {
            let ended =
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'nova-backend'";
            sqlx::raw_sql(ended).execute(&mut connection).await.map_err(failed)?;
            theirs.push(connection);
        }
        let seen = paced(client, ALL, args.rate, time).await;
        p50.push(seen.quantile(0.5));
        worst.push(seen.max());
        drop(theirs);
        let begin = Instant::now();
        whole(client).await;
        recovery.push(begin.elapsed().as_secs_f64() * 1_000.0);
    }
    report.add("store.full.p50", "ms", Some(Goal::Below(DEAD)), p50);
    report.add("store.full.max", "ms", None, worst);
    report.add("store.full.recovery", "ms", None, recovery);
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` has it")]
fn failed(error: sqlx::Error) -> Failure {
    Failure::Internal(error.to_string())
}

/// The backend's statements that wait for a lock.
async fn waiting(pool: &PgPool) -> i64 {
    let sql = "select count(*) from pg_stat_activity
        where application_name = 'nova-backend' and state <> 'idle' and wait_event_type = 'Lock'";
    sqlx::query_scalar(sql).fetch_one(pool).await.unwrap_or_default()
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
