//! The machine as threads share it. What is asked most, whether it is closed, is one atomic read; all else goes through a
//! lock. Checked with loom, which brings its own atomics and lock (`tests/loom.rs`).

use std::time::Duration;

use super::{
    machine::{Machine, Outcome, Phase, Thresholds, Ticket, Verdict},
    sync::{AtomicU64, Mutex, Ordering},
};

#[derive(Debug)]
pub(super) struct Shared {
    /// The machine's generation and phase: `generation * 4 + phase`.
    word: AtomicU64,
    /// The machine's `due`, in nanoseconds.
    due: AtomicU64,
    machine: Mutex<Machine>,
}

/// Whether a call may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    Passes(Ticket),
    /// Not now; in an open breaker somebody may try after this.
    Refused {
        phase: Phase,
        due: Duration,
    },
}

/// A phase that another one followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) from: Phase,
    pub(super) to: Phase,
}

impl Shared {
    pub(super) fn new() -> Self {
        let machine = Machine::new();
        Self {
            word: AtomicU64::new(word(&machine)),
            due: AtomicU64::new(nanos(machine.due())),
            machine: Mutex::new(machine),
        }
    }

    pub(super) fn phase(&self) -> Phase {
        phase(self.word.load(Ordering::Acquire))
    }

    /// Whether a call passes now. One that may try does, if `tries`.
    pub(super) fn admit(&self, now: Duration, tries: bool) -> (Admission, Option<Turn>) {
        let word = self.word.load(Ordering::Acquire);
        let phase = phase(word);
        if phase == Phase::Closed {
            return (Admission::Passes(Ticket { generation: word / 4, probe: false }), None);
        }
        let due = Duration::from_nanos(self.due.load(Ordering::Relaxed));
        if !tries || phase == Phase::Isolated || (phase == Phase::Open && now < due) {
            return (Admission::Refused { phase, due }, None);
        }
        self.change(|machine| match machine.phase() {
            // It closed meanwhile.
            Phase::Closed => Admission::Passes(machine.pass()),
            _ => machine
                .probe(now)
                .map_or_else(|| Admission::Refused { phase: machine.phase(), due: machine.due() }, Admission::Passes),
        })
    }

    /// The ticket of a call that nothing stops.
    pub(super) fn pass(&self) -> Ticket {
        Ticket { generation: self.word.load(Ordering::Acquire) / 4, probe: false }
    }

    pub(super) fn finish(
        &self,
        ticket: Ticket,
        outcome: Outcome,
        took: Duration,
        now: Duration,
        thresholds: &Thresholds,
    ) -> (Verdict, Option<Turn>) {
        self.change(|machine| machine.finish(ticket, outcome, took, now, thresholds))
    }

    /// Changes the machine, and publishes what became of it.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Machine) -> T) -> (T, Option<Turn>) {
        let mut machine = self.machine.lock();
        let (from, generation) = (machine.phase(), machine.generation());
        let answer = change(&mut machine);
        self.due.store(nanos(machine.due()), Ordering::Relaxed);
        if machine.generation() == generation {
            return (answer, None);
        }
        self.word.store(word(&machine), Ordering::Release);
        let to = machine.phase();
        (answer, (from != to).then_some(Turn { from, to }))
    }
}

fn word(machine: &Machine) -> u64 {
    machine.generation() * 4
        + match machine.phase() {
            Phase::Closed => 0,
            Phase::Open => 1,
            Phase::HalfOpen => 2,
            Phase::Isolated => 3,
        }
}

fn phase(word: u64) -> Phase {
    match word % 4 {
        0 => Phase::Closed,
        1 => Phase::Open,
        2 => Phase::HalfOpen,
        _ => Phase::Isolated,
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
