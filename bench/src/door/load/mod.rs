//! Attacks on a running gateway, one after the other: how much memory it takes at most, how attackers fare, and what an
//! ordinary client notices meanwhile. Client, attackers, gateway, backend and database share the machine.

mod attack;
mod attacker;
mod http2;
mod ordinary;

use std::time::Duration;

use nova_cli::{descriptors, failure::Failure, say};
use tokio::time::Instant;

use self::{attack::Attack, attacker::Target, ordinary::Ordinary};
use crate::{
    process,
    report::{Goal, Report},
    world::World,
};

/// What the gateway may take at most under any attack, in MiB. The bounds of a process are in `docs/operations.md`.
const PEAK: f64 = 1_024.0;
/// How late an ordinary client's answers may be under any attack, in milliseconds.
const P99: f64 = 1_000.0;
/// How long the ordinary client runs before anything counts, and between attacks.
const CALM: Duration = Duration::from_secs(2);

#[derive(Debug, clap::Args)]
pub(crate) struct LoadArgs {
    /// Seconds of each attack.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(3..))]
    attack_seconds: u64,
    /// Requests a second of the ordinary client.
    #[arg(long, default_value_t = 50)]
    client_rate: u32,
    /// Attackers, in percent of the full number.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100))]
    scale_percent: u32,
    /// Only these attacks, by name; left out, all.
    #[arg(long, value_delimiter = ',')]
    attacks: Vec<String>,
}

pub(super) async fn measure(report: &mut Report, args: &LoadArgs, world: &World) -> Result<(), Failure> {
    let unknown = args.attacks.iter().find(|name| Attack::ALL.iter().all(|attack| attack.name() != name.as_str()));
    if let Some(unknown) = unknown {
        let names: Vec<_> = Attack::ALL.iter().map(|attack| attack.name()).collect();
        return Err(Failure::Config(format!("--attacks: {unknown}; there are {}", names.join(", "))));
    }
    let attackers = |attack: Attack| (attack.attackers() * args.scale_percent).div_ceil(100);
    let most = Attack::ALL.iter().map(|attack| attackers(*attack)).max().unwrap_or_default();
    if descriptors::fit(most) < most {
        return Err(Failure::Config(format!(
            "{most} connections need as many file descriptors: ulimit -Hn {}",
            most + 512
        )));
    }
    let time = Duration::from_secs(args.attack_seconds);
    let ordinary = Ordinary::new(world, args.client_rate)?;
    say::step("nobody attacks");
    ordinary.run(CALM).await;
    let alone = ordinary.run(time).await;
    add_client(report, "load.nobody", &alone);
    report.add("load.nobody_peak_rss", "MiB", None, vec![process::peak_rss_mib(world.pid)]);
    for attack in Attack::ALL {
        if args.attacks.is_empty() || args.attacks.iter().any(|name| name == attack.name()) {
            run(report, attack, attackers(attack), time, world, &ordinary).await?;
        }
    }
    Ok(())
}

async fn run(
    report: &mut Report,
    attack: Attack,
    attackers: u32,
    time: Duration,
    world: &World,
    ordinary: &Ordinary,
) -> Result<(), Failure> {
    let name = format!("load.{}", attack.name());
    say::step(format_args!("{}: {attackers} attackers", attack.name()));
    process::forget_peak_rss(world.pid);
    let cpu = process::cpu(world.pid);
    let start = Instant::now();
    let target =
        Target { address: world.address, token: world.tokens.last().cloned().unwrap_or_default(), end: start + time };
    // In a thread of their own: the ordinary client is not to wait for attackers in this very program.
    let attacking = tokio::task::spawn_blocking(move || attack.run_here(attackers, &target));
    let (attacked, seen) = tokio::join!(attacking, ordinary.run(time));
    let counts = attacked.map_err(|error| Failure::Internal(error.to_string()))?.map_err(Failure::io("attack"))?;
    let cores = process::cpu(world.pid).saturating_sub(cpu).as_secs_f64() / start.elapsed().as_secs_f64();
    report.add(format!("{name}_peak_rss"), "MiB", Some(Goal::Always(PEAK)), vec![process::peak_rss_mib(world.pid)]);
    report.add(format!("{name}_cores"), "cores", None, vec![cores]);
    for (what, count) in counts {
        report.add(format!("{name}_{what}"), "times", None, vec![f64::from(count)]);
    }
    add_client(report, &name, &seen);
    // What it left is to be gone before the next begins.
    ordinary.run(CALM).await;
    Ok(())
}

fn add_client(report: &mut Report, name: &str, seen: &crate::outcome::Outcome) {
    report.add(format!("{name}_client_p50"), "ms", None, vec![seen.quantile_ms(0.5)]);
    report.add(format!("{name}_client_p99"), "ms", Some(Goal::Below(P99)), vec![seen.quantile_ms(0.99)]);
    report.add(format!("{name}_client_errors"), "%", Some(Goal::Exactly(0.0)), vec![seen.error_percent()]);
}
