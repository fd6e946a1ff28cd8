//! What a bench says: the machine, the commit, the command, the figures, and one line of JSON at the end.

use std::{collections::BTreeMap, fs, process::Command};

use nova_cli::failure::Failure;
use serde::{Serialize, Serializer};

/// What a figure should be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    /// A figure of correctness: exactly this, or the bench fails.
    Exactly(f64),
    /// A figure of correctness: below this in every run, or the bench fails.
    Always(f64),
    /// A figure of speed: below this.
    Below(f64),
}

impl Goal {
    fn is_met(self, worst: f64) -> bool {
        match self {
            Self::Exactly(wanted) => (worst - wanted).abs() < f64::EPSILON,
            Self::Always(limit) | Self::Below(limit) => worst < limit,
        }
    }
}

impl Serialize for Goal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Exactly(wanted) => serializer.collect_str(&format_args!("= {wanted}")),
            Self::Always(limit) | Self::Below(limit) => serializer.collect_str(&format_args!("< {limit}")),
        }
    }
}

/// One figure over all runs.
#[derive(Debug, Serialize)]
struct Figure {
    median: f64,
    min: f64,
    max: f64,
    unit: &'static str,
    goal: Option<Goal>,
    ok: bool,
}

/// The figures of one bench.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    bench: &'static str,
    commit: String,
    machine: Machine,
    figures: BTreeMap<String, Figure>,
}

#[derive(Debug, Serialize)]
struct Machine {
    cpu: String,
    cores: usize,
    kernel: String,
    /// Processes that wanted a core in the minute before: figures of a busy machine are worth less.
    load: String,
}

impl Report {
    pub(crate) fn new(bench: &'static str) -> Self {
        Self { bench, commit: String::new(), machine: Machine::this(), figures: BTreeMap::new() }
    }

    /// Adds a figure: one value a run.
    pub(crate) fn add(
        &mut self,
        name: impl Into<String>,
        unit: &'static str,
        goal: Option<Goal>,
        mut values: Vec<f64>,
    ) {
        values.sort_by(f64::total_cmp);
        let (Some(&min), Some(&max)) = (values.first(), values.last()) else { return };
        let median = f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2]);
        let ok = match goal {
            None => true,
            Some(goal @ Goal::Exactly(_)) => goal.is_met(min) && goal.is_met(max),
            Some(goal @ Goal::Always(_)) => goal.is_met(max),
            Some(goal @ Goal::Below(_)) => goal.is_met(median),
        };
        let [median, min, max] = [median, min, max].map(|value| (value * 1000.0).round() / 1000.0);
        self.figures.insert(name.into(), Figure { median, min, max, unit, goal, ok });
    }

    /// Prints everything; answers whether the figures of correctness are right.
    pub(crate) fn print(mut self, commit: Option<String>) -> Result<bool, Failure> {
        self.commit = commit.or_else(asked_git).unwrap_or_else(|| "unknown".into());
        let Machine { cpu, cores, kernel, load } = &self.machine;
        println!("machine: {cpu}, {cores} cores, Linux {kernel}, load {load}");
        println!("commit:  {}", self.commit);
        println!("command: {}", std::env::args().collect::<Vec<_>>().join(" "));
        println!("{:<36} {:>12} {:>12} {:>12}  unit", "figure", "median", "min", "max");
        for (name, Figure { median, min, max, unit, goal, ok }) in &self.figures {
            let verdict = match (goal, ok) {
                (None, _) => String::new(),
                (Some(Goal::Exactly(wanted)), true) => format!("  (= {wanted}: right)"),
                (Some(Goal::Exactly(wanted)), false) => format!("  (= {wanted}: WRONG)"),
                (Some(Goal::Always(limit)), true) => format!("  (< {limit}: right)"),
                (Some(Goal::Always(limit)), false) => format!("  (< {limit}: WRONG)"),
                (Some(Goal::Below(limit)), true) => format!("  (< {limit}: met)"),
                (Some(Goal::Below(limit)), false) => format!("  (< {limit}: missed)"),
            };
            println!("{name:<36} {median:>12.3} {min:>12.3} {max:>12.3}  {unit}{verdict}");
        }
        println!("{}", serde_json::to_string(&self).map_err(|error| Failure::Internal(error.to_string()))?);
        let decides = |figure: &Figure| matches!(figure.goal, Some(Goal::Exactly(_) | Goal::Always(_)));
        Ok(self.figures.values().all(|figure| figure.ok || !decides(figure)))
    }
}

impl Machine {
    fn this() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name| cpuinfo.lines().find(|line| line.starts_with(name)).and_then(|line| line.split(": ").nth(1));
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            load: load.split(' ').next().unwrap_or_default().to_owned(),
            cpu: field("model name").unwrap_or("unknown").trim().to_owned(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: kernel.trim().to_owned(),
        }
    }
}

fn asked_git() -> Option<String> {
    let git = Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=12"]).output().ok()?;
    let commit = String::from_utf8(git.stdout).ok()?.trim().to_owned();
    (git.status.success() && !commit.is_empty()).then_some(commit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(goal: Option<Goal>, values: &[f64]) -> Figure {
        let mut report = Report::new("test");
        report.add("it", "ms", goal, values.to_vec());
        report.figures.remove("it").unwrap()
    }

    #[test]
    fn the_median_of_an_even_number_lies_in_between() {
        let figure = figure(None, &[4.0, 1.0, 2.0, 3.0]);
        assert!((figure.median - 2.5).abs() < 1e-9 && figure.ok);
    }

    #[test]
    fn one_wrong_run_is_wrong_but_one_slow_run_is_not_slow() {
        assert!(!figure(Some(Goal::Exactly(0.0)), &[0.0, 0.0, 1.0]).ok);
        assert!(!figure(Some(Goal::Always(2.0)), &[1.0, 1.0, 9.0]).ok);
        assert!(figure(Some(Goal::Below(2.0)), &[1.0, 1.0, 9.0]).ok);
    }
}
