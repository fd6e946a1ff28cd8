//! One of the two sides that are compared: its runs, and what they cost.

use std::time::Duration;

use nova_cli::say;

use super::{
    FeedArgs,
    client::{Client, Outcome},
};
use crate::{
    process::{cpu, cpu_of_family, peak_rss_mib},
    report::{Goal, Report},
};

/// A server process under load, and its runs so far.
pub(super) struct Side {
    pub(super) client: Client,
    pid: u32,
    runs: Vec<Run>,
}

struct Run {
    outcome: Outcome,
    server: Duration,
    postgres: Option<Duration>,
}

impl Side {
    pub(super) fn new(client: Client, pid: u32) -> Self {
        Self { client, pid, runs: Vec::new() }
    }

    pub(super) async fn measure(&mut self, args: &FeedArgs, run: u32, postgres: Option<u32>) {
        let before = (cpu(self.pid), postgres.map(cpu_of_family));
        let outcome = self.client.run(args.connections, Duration::from_secs(args.seconds), run.into()).await;
        let server = cpu(self.pid).saturating_sub(before.0);
        let postgres = postgres.map(cpu_of_family).zip(before.1).map(|(after, before)| after.saturating_sub(before));
        let run_result = Run { outcome, server, postgres };
        say::step(format_args!(
            "{} run {run}: {:.0} requests/s, {:.0} per core-second, p99 {:.2} ms, {} failed",
            self.client.name,
            run_result.outcome.per_second(),
            run_result.per_core_second(),
            run_result.outcome.quantile_ms(0.99),
            run_result.outcome.failed,
        ));
        self.runs.push(run_result);
    }

    pub(super) fn per_core_second(&self) -> impl Iterator<Item = f64> {
        self.runs.iter().map(Run::per_core_second)
    }

    pub(super) fn report(&self, report: &mut Report) {
        let name = self.client.name;
        let mut add = |figure: &str, unit, goal, value: &dyn Fn(&Run) -> f64| {
            report.add(format!("{name}_{figure}"), unit, goal, self.runs.iter().map(value).collect());
        };
        add("failed", "requests", Some(Goal::Exactly(0.0)), &|run| f64::from(run.outcome.failed));
        add("requests_per_second", "1/s", None, &|run| run.outcome.per_second());
        add("requests_per_core_second", "1/s", None, &Run::per_core_second);
        add("p50", "ms", None, &|run| run.outcome.quantile_ms(0.5));
        add("p99", "ms", None, &|run| run.outcome.quantile_ms(0.99));
        add("answer", "bytes", None, &|run| run.outcome.mean_bytes());
        if self.runs.iter().all(|run| run.postgres.is_some()) {
            add("postgres_cpu", "us/request", None, &|run| {
                run.postgres.unwrap_or_default().as_secs_f64() * 1e6 / f64::from(run.outcome.answered.max(1))
            });
        }
        report.add(format!("{name}_peak_rss"), "MiB", None, vec![peak_rss_mib(self.pid)]);
    }
}

impl Run {
    /// Requests for each second that the server's process, and no other, had a core.
    fn per_core_second(&self) -> f64 {
        f64::from(self.outcome.answered) / self.server.as_secs_f64().max(0.01)
    }
}
