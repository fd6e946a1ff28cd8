//! One service is broken in one way after the other; what needs the others is asked for beside it.

use std::time::Duration;

use nova_cli::{failure::Failure, say};
use nova_tests::{
    app::database,
    client::{Client, codes},
    faulty::{Fault, Faulty},
    metrics::count,
    processes::{Process, eventually},
    world::WORLD,
};
use tokio::time::Instant;

use super::{ALL, FaultsArgs, OTHERS, load::paced};
use crate::{
    process,
    report::{Goal, Report},
};

/// What the gateway may take at most under any fault, in MiB.
const PEAK: f64 = 512.0;

/// After how long a service that takes connections and does not answer is found, in milliseconds.
const FOUND: f64 = 2_000.0;

#[derive(Debug, Clone, Copy)]
enum Way {
    /// On the way to the service.
    Fault(Fault),
    /// SIGSTOP.
    Frozen,
}

const WAYS: [(&str, Way); 4] = [
    ("hangs", Way::Fault(Fault::Hold)),
    ("resets_half", Way::Fault(Fault::ResetHalf)),
    ("endless", Way::Fault(Fault::Endless)),
    ("frozen", Way::Frozen),
];

struct House {
    gateway: Process,
    social: Process,
    way: Faulty,
    client: Client,
}

impl House {
    fn set(&self, way: Way) {
        match way {
            Way::Fault(fault) => self.way.set(fault),
            Way::Frozen => self.social.freeze(),
        }
    }

    async fn mend(&self) {
        self.social.go_on();
        self.way.set(Fault::None);
        eventually(|| async { codes(&self.client.query(ALL).await).is_empty() }).await;
    }

    /// Whether calls to the social service pass its breaker.
    async fn closed(&self) -> bool {
        let closed = "nova_breaker_state{upstream=\"social\",state=\"closed\"}";
        count(&self.gateway.admin_url(), closed).await == 1
    }

    /// Calls to the services that are well which a guard refused, or counted as failed.
    async fn touched(&self) -> u64 {
        let mut sum = 0;
        for upstream in ["users", "content"] {
            for outcome in ["refused", "failure"] {
                let name = format!("nova_breaker_calls_total{{upstream=\"{upstream}\",outcome=\"{outcome}\"}}");
                sum += count(&self.gateway.admin_url(), &name).await;
            }
            let full = format!("nova_bulkhead_refused_total{{upstream=\"{upstream}\"}}");
            sum += count(&self.gateway.admin_url(), &full).await;
        }
        sum
    }
}

pub(super) async fn measure(report: &mut Report, args: &FaultsArgs) -> Result<(), Failure> {
    let (database, _pool) = database(&[WORLD]).await;
    let users = Process::backend("users", database.url(), None).await;
    let content = Process::backend("content", database.url(), None).await;
    let social = Process::backend("social", database.url(), None).await;
    let way = Faulty::before(social.port).await;
    let gateway = Process::gateway_with([&users.url(), &content.url(), &way.url()], &[]).await;
    let client = gateway.viewer();
    let house = House { gateway, social, way, client };
    house.mend().await;
    let pid = house.gateway.pid();
    for (name, way) in WAYS {
        say::step(format_args!("the social service {name}"));
        process::forget_peak_rss(pid);
        let (mut healthy, mut faulty, mut ratios, mut added) = (vec![], vec![], vec![], vec![]);
        let mut errors = 0;
        for _ in 0..args.pairs {
            let well = phase(&house, args).await;
            house.set(way);
            let ill = phase(&house, args).await;
            house.mend().await;
            errors += well.1 + ill.1;
            healthy.push(well.0);
            faulty.push(ill.0);
            ratios.push(ill.0 / well.0);
            added.push(ill.0 - well.0);
        }
        let figure = |what: &str| format!("fault.{name}.{what}");
        report.add(figure("others_healthy_p50"), "ms", None, healthy);
        report.add(figure("others_p50"), "ms", None, faulty);
        report.add(figure("others_ratio"), "×", None, ratios);
        report.add(figure("others_added"), "ms", Some(Goal::Below(2.0)), added);
        report.add(figure("others_errors"), "times", Some(Goal::Exactly(0.0)), vec![f64::from(errors)]);
        report.add(figure("peak_rss"), "MiB", Some(Goal::Always(PEAK)), vec![process::peak_rss_mib(pid)]);
    }
    say::step("how soon a frozen service is found");
    let mut found = vec![];
    for _ in 0..args.pairs {
        let begin = Instant::now();
        house.social.freeze();
        eventually(|| async { !house.closed().await }).await;
        found.push(begin.elapsed().as_secs_f64() * 1_000.0);
        house.mend().await;
    }
    report.add("fault.frozen.found_after", "ms", Some(Goal::Below(FOUND)), found);
    let touched = u32::try_from(house.touched().await).unwrap_or(u32::MAX);
    report.add("fault.healthy_upstreams_touched", "times", Some(Goal::Exactly(0.0)), vec![f64::from(touched)]);
    Ok(())
}

/// Both kinds of requests at a time. Answers the median of those that need no social service, in milliseconds, and how many of
/// them had errors.
async fn phase(house: &House, args: &FaultsArgs) -> (f64, u32) {
    let time = Duration::from_secs(args.phase_seconds);
    let (others, _) =
        tokio::join!(paced(&house.client, OTHERS, args.rate, time), paced(&house.client, ALL, args.rate, time));
    (others.quantile(0.5), others.errors)
}
