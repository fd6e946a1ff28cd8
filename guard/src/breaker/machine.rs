//! The breaker as a plain state machine: time comes in as an argument, and nobody else is here. What it does at each step is
//! checked against a model that keeps every call (`tests`).
//!
//! After Nygard's circuit breaker (Release It!, 2007), with the windows and rates that resilience4j and Polly have.

use std::time::Duration;

use super::window::{Counts, Window};

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Failures in the window that open it, if they are also [`failure_percent`](Self::failure_percent) of its calls. As many
    /// slow calls are needed, too.
    pub failures: u32,
    /// The window: whole seconds, at most 120.
    pub window: Duration,
    /// The share of failures below which it stays closed, in percent.
    pub failure_percent: u32,
    /// Failures in a row that open it, whatever share they are.
    pub consecutive: u32,
    /// A call that takes as long, or longer, is slow.
    pub slow: Duration,
    /// The share of slow calls below which it stays closed, in percent.
    pub slow_percent: u32,
    /// How long it stays open before a call may try again.
    pub pause: Duration,
}

/// Where a breaker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Calls pass.
    Closed,
    /// Calls are refused.
    Open,
    /// One call tries; the others are refused.
    HalfOpen,
    /// Calls are refused until an operator says otherwise.
    Isolated,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was answered.
    Answered,
    /// The other side did not do its part.
    Failed,
    /// A probe was answered, and how long that took says nothing.
    Recovered,
    /// It says nothing of the other side.
    Ignored,
    /// Nobody waited for it any more.
    Left,
}

/// A call that was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    /// Under which state. What becomes of a call of an older state says nothing of this one.
    pub(super) generation: u64,
    /// Whether it is the one that tries.
    pub(super) probe: bool,
}

#[derive(Debug)]
pub(super) struct Machine {
    phase: Phase,
    /// Counts the changes of phase.
    generation: u64,
    window: Window,
    consecutive: u32,
    /// When an open breaker lets somebody try.
    due: Duration,
    /// Whether somebody tries.
    trying: bool,
}

impl Machine {
    pub(super) fn new() -> Self {
        Self {
            phase: Phase::Closed,
            generation: 0,
            window: Window::new(),
            consecutive: 0,
            due: Duration::ZERO,
            trying: false,
        }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) fn due(&self) -> Duration {
        self.due
    }

    /// What became of the calls of the last `window`.
    pub(super) fn counts(&self, now: Duration, window: Duration) -> Counts {
        self.window.sum(now, window)
    }

    /// The ticket of a call that passes whatever the phase is.
    pub(super) fn pass(&self) -> Ticket {
        Ticket { generation: self.generation, probe: false }
    }

    /// The ticket of the call that tries, if it is time and nobody does.
    pub(super) fn probe(&mut self, now: Duration) -> Option<Ticket> {
        if self.phase == Phase::Open && now >= self.due {
            self.turn(Phase::HalfOpen);
        }
        if self.phase != Phase::HalfOpen || self.trying {
            return None;
        }
        self.trying = true;
        Some(Ticket { generation: self.generation, probe: true })
    }

    /// Takes in what became of the call of `ticket`, which took `took`. Says what it was counted as.
    pub(super) fn finish(
        &mut self,
        ticket: Ticket,
        outcome: Outcome,
        took: Duration,
        now: Duration,
        thresholds: &Thresholds,
    ) -> Verdict {
        let verdict = Verdict::of(outcome, took, thresholds);
        if ticket.generation != self.generation {
            return verdict;
        }
        match self.phase {
            Phase::Closed => self.count(verdict, now, thresholds),
            Phase::HalfOpen if ticket.probe => {
                self.trying = false;
                match verdict {
                    Verdict::Ok => self.turn(Phase::Closed),
                    Verdict::Failure | Verdict::Slow => self.open(now, thresholds),
                    Verdict::Ignored => {}
                }
            }
            Phase::HalfOpen | Phase::Open | Phase::Isolated => {}
        }
        verdict
    }

    fn count(&mut self, verdict: Verdict, now: Duration, thresholds: &Thresholds) {
        let counts = match verdict {
            Verdict::Ignored => return,
            Verdict::Ok => Counts { calls: 1, ..Counts::default() },
            Verdict::Slow => Counts { calls: 1, slow: 1, failures: 0 },
            Verdict::Failure => Counts { calls: 1, slow: 0, failures: 1 },
        };
        self.window.add(now, counts);
        self.consecutive = if verdict == Verdict::Failure { self.consecutive.saturating_add(1) } else { 0 };
        if verdict == Verdict::Ok {
            return;
        }
        let sum = self.window.sum(now, thresholds.window);
        let share = |part: u32, percent: u32| {
            part >= thresholds.failures && u64::from(part) * 100 >= u64::from(percent) * u64::from(sum.calls)
        };
        if self.consecutive >= thresholds.consecutive
            || share(sum.failures, thresholds.failure_percent)
            || share(sum.slow, thresholds.slow_percent)
        {
            self.open(now, thresholds);
        }
    }

    /// Opens, whatever was counted. One that is open already begins its pause anew.
    pub(super) fn trip(&mut self, now: Duration, thresholds: &Thresholds) {
        match self.phase {
            Phase::Isolated => {}
            Phase::Open => self.due = now.saturating_add(thresholds.pause),
            Phase::Closed | Phase::HalfOpen => self.open(now, thresholds),
        }
    }

    /// Refuses until [`reset`](Self::reset).
    pub(super) fn isolate(&mut self) {
        if self.phase != Phase::Isolated {
            self.turn(Phase::Isolated);
        }
    }

    /// Closes, and forgets.
    pub(super) fn reset(&mut self) {
        self.turn(Phase::Closed);
    }

    fn open(&mut self, now: Duration, thresholds: &Thresholds) {
        self.turn(Phase::Open);
        self.due = now.saturating_add(thresholds.pause);
    }

    fn turn(&mut self, phase: Phase) {
        self.phase = phase;
        self.generation += 1;
        self.trying = false;
        self.consecutive = 0;
        self.window.clear();
    }
}

/// What a call is counted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Ok,
    Failure,
    Slow,
    Ignored,
}

impl Verdict {
    fn of(outcome: Outcome, took: Duration, thresholds: &Thresholds) -> Self {
        match outcome {
            Outcome::Failed => Self::Failure,
            Outcome::Answered | Outcome::Left if took >= thresholds.slow => Self::Slow,
            Outcome::Answered | Outcome::Recovered => Self::Ok,
            // Too young to say anything.
            Outcome::Left | Outcome::Ignored => Self::Ignored,
        }
    }
}
