//! What deciding costs, for callers inside a rollout and outside, by user and by session.
//!
//! `decide_N` is all that a request pays: [`Flags::decide`] with N flags of the catalogue in rollout, and with it the
//! encoding of what travels to the backend. The catalogue has few flags yet. For more, `engine_N` is the part of it that
//! grows with their number, the same code over flags that are in no catalogue: the caller's context, and for each flag the
//! question whether it is on. What it lacks is to be seen where both have the same N. With `choice`, some flags have several
//! payloads, and the engine is also asked which of them it is.

use std::{hint::black_box, thread, time::Duration};

use nova_cli::{failure::Failure, say};
use nova_flags::{Access, Caller, Engine, FlagId, Flags, Scope, Source};
use prometheus_client::registry::Registry;
use tokio::time::Instant;

use super::{
    callers::{By, callers},
    features::{Other, answer, of_requests, others, ours_in_rollout},
    instance, refused,
};
use crate::{
    batching::median,
    report::{Goal, Report},
};

/// What deciding may cost while no flag is in rollout, in microseconds.
const GOAL: f64 = 2.0;
/// How long a run of one figure takes.
const RUN: Duration = Duration::from_millis(40);
/// Decisions between two looks at the clock.
const BATCH: u32 = 32;
/// Flags in rollout, where the catalogue does not have so many.
const FLAGS: [usize; 2] = [5, 35];

/// Decides for a caller; answers how many flags are on for them.
type Decide = Box<dyn Fn(Caller<'_>) -> usize + Sync>;

/// One figure.
struct Case {
    name: String,
    goal: Option<Goal>,
    by: By,
    callers: Vec<String>,
    /// How many flags are on for each of them.
    on: usize,
    threads: usize,
    times: Vec<f64>,
}

pub(super) fn measure(report: &mut Report, runs: u32) -> Result<(), Failure> {
    say::step("deciding");
    let ours = of_requests().count();
    let mut ways = Vec::new();
    for choice in [false, true] {
        let name = |way: &str, count| format!("{way}_{count}{}", if choice { "_choice" } else { "" });
        ways.push(Way { name: name("decide", ours), flags: ours, choice, decide: catalogue(choice)? });
        for flags in [ours].into_iter().chain(FLAGS) {
            ways.push(Way { name: name("engine", flags), flags, choice, decide: engine(others(flags, choice))? });
        }
    }
    let none = decider(Flags::defaults());
    let mut all: Vec<(&Decide, Case)> = [1, 2].map(|threads| (&none, Case::of_none(threads))).into();
    for way in &ways {
        all.extend(way.cases().into_iter().map(|case| (&way.decide, case)));
    }
    let mut wrong = 0;
    for run in 0..=runs {
        // All in turn, so that what the machine does meanwhile hits each of them.
        for (decide, case) in &mut all {
            let (time, differing) = case.run(decide);
            wrong += differing;
            // The first run warms up.
            if run > 0 {
                case.times.push(time);
            }
        }
    }
    for (_, Case { name, goal, times, .. }) in all {
        report.add(name, "us/request", goal, times);
    }
    report.add("wrong_decisions", "decisions", Some(Goal::Exactly(0.0)), vec![f64::from(wrong)]);
    Ok(())
}

/// A way to decide so many flags, which half of all callers have.
struct Way {
    name: String,
    flags: usize,
    /// Whether there are payloads to choose from.
    choice: bool,
    decide: Decide,
}

impl Way {
    fn cases(&self) -> Vec<Case> {
        let inside = self.case(By::User, true, 1);
        if self.choice {
            // Where the flag is off nobody asks for a payload, and who asks makes no other difference.
            return vec![inside];
        }
        // Two threads tell what the engine's lock costs.
        let both = self.case(By::User, true, 2);
        let rest = [(By::User, false), (By::Session, true), (By::Session, false)];
        let rest = rest.map(|(by, is_in)| self.case(by, is_in, 1));
        [inside, both].into_iter().chain(rest).collect()
    }

    fn case(&self, by: By, inside: bool, threads: usize) -> Case {
        let on = if inside { self.flags } else { 0 };
        let callers = callers(by, |caller| (self.decide)(caller) == on);
        let name = format!("{}_{}_{}", self.name, by.as_str(), if inside { "in" } else { "out" });
        Case { name: name + suffix(threads), goal: None, by, callers, on, threads, times: Vec::new() }
    }
}

fn suffix(threads: usize) -> &'static str {
    if threads == 1 { "" } else { "_two_at_once" }
}

impl Case {
    /// No flag is in rollout.
    fn of_none(threads: usize) -> Self {
        Self {
            name: format!("decide_0{}", suffix(threads)),
            goal: Some(Goal::Below(GOAL)),
            by: By::User,
            callers: callers(By::User, |_| true),
            on: of_requests().filter(|flag| flag.default).count(),
            threads,
            times: Vec::new(),
        }
    }

    /// What one decision takes, in microseconds, and how many were wrong.
    fn run(&self, decide: &Decide) -> (f64, u32) {
        thread::scope(|scope| {
            let others: Vec<_> = (1..self.threads).map(|_| scope.spawn(|| self.decide(decide))).collect();
            let (time, wrong) = self.decide(decide);
            (time, wrong + others.into_iter().filter_map(|other| Some(other.join().ok()?.1)).sum::<u32>())
        })
    }

    /// The median of batches that are shorter than a turn of the scheduler: others on the machine hit few of them.
    fn decide(&self, decide: &Decide) -> (f64, u32) {
        let (mut times, mut wrong) = (Vec::new(), 0);
        let mut ids = self.callers.iter().cycle();
        let start = Instant::now();
        while start.elapsed() < RUN {
            let start = Instant::now();
            for id in ids.by_ref().take(BATCH as usize) {
                wrong += u32::from(decide(black_box(self.by.caller(id))) != self.on);
            }
            times.push(start.elapsed().as_secs_f64() * 1e6 / f64::from(BATCH));
        }
        (median(times), wrong)
    }
}

/// [`Flags::decide`] with all flags of requests in rollout.
fn catalogue(choice: bool) -> Result<Decide, Failure> {
    let flags = Flags::new(Access::none(), instance(), &mut Registry::default()).map_err(refused)?;
    let features: Vec<_> = of_requests().map(|flag| ours_in_rollout(flag, choice)).collect();
    let features = serde_json::from_str(&answer(&features)).map_err(refused)?;
    flags.apply(features, Source::Unleash).map_err(refused)?;
    Ok(decider(flags))
}

fn decider(flags: Flags) -> Decide {
    let ours: Vec<FlagId> = FlagId::ALL.iter().copied().filter(|id| id.flag().scope == Scope::Request).collect();
    Box::new(move |caller| {
        let policy = black_box(flags.decide(caller));
        ours.iter().filter(|id| policy.is_on(**id)).count()
    })
}

/// The questions to the engine alone.
fn engine(flags: Vec<Other>) -> Result<Decide, Failure> {
    let engine = Engine::new(Access::none(), instance()).map_err(refused)?;
    let features: Vec<_> = flags.iter().map(|flag| flag.in_rollout()).collect();
    let features = serde_json::from_str(&answer(&features)).map_err(refused)?;
    engine.take(features).map_err(refused)?;
    Ok(Box::new(move |caller| {
        let context = engine.context(caller);
        let on = |flag: &&Other| {
            let on = engine.is_on(**flag, &context, true);
            if on && flag.choice {
                black_box(engine.payload(**flag, &context));
            }
            on
        };
        flags.iter().filter(on).count()
    }))
}
