//! A server process under load: its runs, and what they cost it.

use std::time::Duration;

use nova_cli::{failure::Failure, say};

use crate::{
    client::{Ask, Client},
    load::{Load, Scenario},
    outcome::Outcome,
    process::{cpu, cpu_of_family, peak_rss_mib},
    report::{Goal, Report},
};

/// The figures of one way of asking one server.
pub(crate) struct Side<'a, S> {
    client: &'a Client,
    scenario: &'a S,
    /// What its figures are called.
    name: &'static str,
    load: Load,
    server: u32,
    postgres: Option<u32>,
    runs: Vec<Run>,
}

struct Run {
    outcome: Outcome,
    server: Duration,
    postgres: Option<Duration>,
}

impl<'a, S: Scenario> Side<'a, S> {
    /// Asks the process `server`, whose database is `postgres`, if that is known.
    pub(crate) fn new(
        name: &'static str,
        client: &'a Client,
        scenario: &'a S,
        load: Load,
        (server, postgres): (u32, Option<u32>),
    ) -> Self {
        Self { client, scenario, name, load, server, postgres, runs: Vec::new() }
    }

    /// The answer to one request.
    pub(crate) async fn ask_once(&self, ask: &Ask) -> Result<bytes::Bytes, Failure> {
        self.client.ask_once(ask).await
    }

    /// Asks for as long as `time`, and counts nothing. Answers what went wrong.
    pub(crate) async fn warm_up(&self, time: Duration) -> Outcome {
        self.load.run(self.client, self.scenario, time, 0).await
    }

    /// One run. Runs of the same number ask the same.
    pub(crate) async fn measure(&mut self, run: u32, time: Duration) {
        let before = (cpu(self.server), self.postgres.map(cpu_of_family));
        let outcome = self.load.run(self.client, self.scenario, time, run.into()).await;
        let server = cpu(self.server).saturating_sub(before.0);
        let postgres =
            self.postgres.map(cpu_of_family).zip(before.1).map(|(after, before)| after.saturating_sub(before));
        let run_result = Run { outcome, server, postgres };
        say::step(format_args!(
            "{} run {run}: {:.0} requests/s, {:.0} per core-second, p99 {:.2} ms, {} failed, {} wrong",
            self.name,
            run_result.outcome.per_second(),
            run_result.per_core_second(),
            run_result.outcome.quantile_ms(0.99),
            run_result.outcome.failed,
            run_result.outcome.wrong,
        ));
        self.runs.push(run_result);
    }

    pub(crate) fn per_core_second(&self) -> impl Iterator<Item = f64> {
        self.runs.iter().map(Run::per_core_second)
    }

    /// Right answers of one kind, in all runs.
    pub(crate) fn answered_of(&self, kind: usize) -> u64 {
        self.runs.iter().map(|run| run.outcome.answered_of(kind)).sum()
    }

    /// Adds one figure, under this side's name.
    pub(crate) fn add(
        &self,
        report: &mut Report,
        figure: &str,
        unit: &'static str,
        goal: Option<Goal>,
        value: impl Fn(&Outcome) -> f64,
    ) {
        let values = self.runs.iter().map(|run| value(&run.outcome)).collect();
        report.add(format!("{}_{figure}", self.name), unit, goal, values);
    }

    /// Adds what every side has: throughput, its price, and how much was wrong.
    pub(crate) fn report(&self, report: &mut Report) {
        self.add(report, "wrong", "answers", Some(Goal::Exactly(0.0)), |outcome| f64::from(outcome.wrong));
        self.add(report, "requests_per_second", "1/s", None, Outcome::per_second);
        self.add(report, "answer", "bytes", None, Outcome::mean_bytes);
        self.add(report, "p50", "ms", None, |outcome| outcome.quantile_ms(0.5));
        let name = self.name;
        let per_core = self.per_core_second().collect();
        report.add(format!("{name}_requests_per_core_second"), "1/s", None, per_core);
        let postgres: Option<Vec<f64>> = self.runs.iter().map(Run::postgres_us).collect();
        report.add(format!("{name}_postgres_cpu"), "us/request", None, postgres.unwrap_or_default());
        report.add(format!("{name}_peak_rss"), "MiB", None, vec![peak_rss_mib(self.server)]);
    }
}

impl Run {
    /// Requests for each second that the server's process, and no other, had a core.
    fn per_core_second(&self) -> f64 {
        f64::from(self.outcome.answered) / self.server.as_secs_f64().max(0.01)
    }

    fn postgres_us(&self) -> Option<f64> {
        Some(self.postgres?.as_secs_f64() * 1e6 / f64::from(self.outcome.answered.max(1)))
    }
}
