//! How long a toggle takes to reach a gateway: from the admin API's answer on a real Unleash until `/ops` of a running gateway
//! shows it. The gateway asks as often as it does by default, and toggles come at random moments of its pauses.

use std::time::Duration;

use nova_cli::{
    failure::Failure,
    say,
    servers::{postgres::Server, unleash},
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{FlagsArgs, http::Http};
use crate::{
    report::{Goal, Report},
    up::Up,
    world::database,
};

/// What 99 of 100 toggles may take, in seconds.
const GOAL: f64 = 4.0;
/// The gateway's longest pause between two polls, in milliseconds.
const LONGEST_PAUSE_MS: u64 = 2_400;
/// How often the gateway is looked at.
const LOOK: Duration = Duration::from_millis(5);
/// When a toggle counts as lost.
const LOST: Duration = Duration::from_secs(30);
/// Nobody asks the gateway for anything but `/ops`.
const USERS: u32 = 100;
const FLAG: &str = "loaders.batching";
const FEATURES: &str = "/api/admin/projects/default/features";

pub(super) async fn measure(report: &mut Report, args: &FlagsArgs) -> Result<(), Failure> {
    if args.toggles == 0 {
        say::step("no toggles: how soon a real Unleash is followed is not measured");
        return Ok(());
    }
    let home = args.nova.home()?;
    let postgres = database(&args.nova.binary()?, &home.home).await?;
    let measured = with_unleash(report, args, &postgres).await;
    postgres.stop().await?;
    measured
}

async fn with_unleash(report: &mut Report, args: &FlagsArgs, postgres: &Server) -> Result<(), Failure> {
    let (nova, home) = (args.nova.binary()?, args.nova.home()?);
    let installed = args.unleash.installed(&home.home, home.account.as_ref()).await?;
    say::step(format_args!("starting Unleash {}", unleash::VERSION));
    let mut unleash = unleash::scratch(&nova, installed, postgres, home.home.join("unleash-bench.log")).await?;
    unleash.ready().await?;
    let access = unleash.access();
    let admin = Http::new(&access.url, Some(&access.admin_token));
    admin.post(FEATURES, &json!({"name": FLAG, "type": "release"})).await?;
    let environment = [
        ("UNLEASH_URL", access.url.as_str()),
        ("UNLEASH_TOKEN", access.client_token.as_str()),
        ("NOVA_FLAGS_POLL_MS", "2000"),
    ];
    let up = Up::start(&nova, &postgres.url("nova"), USERS, &environment).await?;
    let gateway = Http::new(&up.run_file.admin_url, None);
    let seen = toggle(&admin, &gateway, args.toggles).await;
    up.stop().await?;
    unleash.stop().await?;
    let mut seen = seen?;
    seen.sort_by(f64::total_cmp);
    report.add("toggle_seen", "s", None, seen.clone());
    report.add("toggle_seen_p99", "s", Some(Goal::Below(GOAL)), percentile(&seen, 99).into_iter().collect());
    Ok(())
}

/// For each toggle, the seconds until it was seen.
async fn toggle(admin: &Http, gateway: &Http, toggles: u32) -> Result<Vec<f64>, Failure> {
    say::step(format_args!("toggling {FLAG} {toggles} times, at random moments; about {} s", toggles * 3));
    let mut random = ChaCha8Rng::seed_from_u64(4);
    let mut seen = Vec::new();
    for toggle in 0..toggles {
        let on = toggle % 2 == 0;
        let switch = if on { "on" } else { "off" };
        wait_for(gateway, !on).await?;
        sleep(Duration::from_millis(random.random_range(0..LONGEST_PAUSE_MS))).await;
        admin.post(&format!("{FEATURES}/{FLAG}/environments/development/{switch}"), &Value::Null).await?;
        seen.push(wait_for(gateway, on).await?.as_secs_f64());
        if (toggle + 1) % 20 == 0 {
            say::step(format_args!("{} of {toggles} toggles seen", toggle + 1));
        }
    }
    Ok(seen)
}

/// How long it takes until the gateway has the flag as it is in Unleash.
async fn wait_for(gateway: &Http, on: bool) -> Result<Duration, Failure> {
    let start = Instant::now();
    loop {
        let ops = gateway.get("/ops").await?;
        let flags = &ops["flags"];
        if flags["source"] == "unleash" && flags["flags"][FLAG]["value"] == on {
            return Ok(start.elapsed());
        }
        if start.elapsed() > LOST {
            return Err(Failure::Unavailable(format!("the gateway did not follow Unleash: {}", flags["lastError"])));
        }
        sleep(LOOK).await;
    }
}

/// The least value that so many of a hundred are not above (nearest rank).
fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        let near =
            |percent, wanted: f64| percentile(&values, percent).is_some_and(|value| (value - wanted).abs() < 1e-9);
        assert!(near(50, 50.0) && near(99, 99.0) && near(100, 100.0));
        assert!(percentile(&values[..60], 99).is_some_and(|value| (value - 60.0).abs() < 1e-9));
        assert!(percentile(&[], 99).is_none());
    }
}
