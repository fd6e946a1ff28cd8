//! Nanoseconds and bytes of something that takes less than a microsecond, alone and on two threads at once.

use std::{thread, time::Duration};

use nova_cli::say;
use tokio::time::Instant;

use crate::{
    batching::median,
    report::{Goal, Report},
};

/// How long a run of one figure takes.
const RUN: Duration = Duration::from_millis(40);
/// Calls between two looks at the clock. They are shorter than a turn of the scheduler: others on the machine hit few batches.
const BATCH: u32 = 256;
/// Calls whose allocations are counted, each run.
const COUNTED: u32 = 10_000;

/// One thing to measure.
pub(super) struct Case {
    /// What its figures are called.
    pub(super) name: &'static str,
    /// Below so many nanoseconds, on one thread.
    pub(super) goal: Option<f64>,
    /// Whether it may allocate.
    pub(super) allocates: bool,
    /// Does it once; answers whether it went as it should.
    pub(super) call: Box<dyn Fn() -> bool + Sync>,
}

/// Adds `NAME`, `NAME_two_at_once` and `NAME_bytes` of each case, and how often one went wrong.
pub(super) fn measure(report: &mut Report, runs: u32, cases: Vec<Case>) {
    let mut wrong = 0;
    let mut figures: Vec<_> = cases.into_iter().map(|case| (case, Figures::default())).collect();
    for run in 0..=runs {
        say::step(format_args!("run {run} of {runs}"));
        // All in turn, so that what the machine does meanwhile hits each of them.
        for (Case { call, .. }, figures) in &mut figures {
            let (alone, failed) = time(call);
            let (together, failed_together) = at_once(call);
            let (failed_counted, bytes) = bytes(call);
            wrong += failed + failed_together + failed_counted;
            // The first run warms up.
            if run > 0 {
                figures.alone.push(alone);
                figures.together.push(together);
                figures.bytes.push(bytes);
            }
        }
    }
    for (Case { name, goal, allocates, .. }, Figures { alone, together, bytes }) in figures {
        report.add(name, "ns", goal.map(Goal::Below), alone);
        report.add(format!("{name}_two_at_once"), "ns", None, together);
        report.add(format!("{name}_bytes"), "bytes", (!allocates).then_some(Goal::Exactly(0.0)), bytes);
    }
    report.add("wrong", "calls", Some(Goal::Exactly(0.0)), vec![f64::from(wrong)]);
}

#[derive(Default)]
struct Figures {
    alone: Vec<f64>,
    together: Vec<f64>,
    bytes: Vec<f64>,
}

type Call = Box<dyn Fn() -> bool + Sync>;

/// Nanoseconds of a call, and how many went wrong.
fn time(call: &Call) -> (f64, u32) {
    let (mut times, mut wrong) = (Vec::new(), 0);
    let start = Instant::now();
    while start.elapsed() < RUN {
        let start = Instant::now();
        wrong += repeat(call, BATCH);
        times.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(BATCH));
    }
    (median(times), wrong)
}

/// The same, while another thread does it, too.
fn at_once(call: &Call) -> (f64, u32) {
    thread::scope(|scope| {
        let other = scope.spawn(|| time(call));
        let (time, wrong) = time(call);
        (time, wrong + other.join().map_or(1, |(_, wrong)| wrong))
    })
}

/// How many went wrong, and the bytes that a call allocates.
fn bytes(call: &Call) -> (u32, f64) {
    let before = densa_alloc::thread_stats();
    let wrong = repeat(call, COUNTED);
    let bytes = densa_alloc::thread_stats().since(before).bytes_allocated;
    (wrong, f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / f64::from(COUNTED))
}

fn repeat(call: &Call, times: u32) -> u32 {
    (0..times).map(|_| u32::from(!call())).sum()
}
