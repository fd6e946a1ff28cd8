//! The circuit breaker: after enough failures calls are refused at once, until one that tries is answered.
//!
//! It takes no closure and wraps no future: who calls takes a [`Permit`], and says what became of it. So it works around
//! anything, and accounts for calls that are dropped halfway.

mod machine;
mod permit;
mod shared;
mod sync;
#[cfg(test)]
mod tests;
mod window;

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use parking_lot::RwLock;
use tokio::{sync::watch, time::Instant};

use self::{
    machine::{Outcome, Verdict},
    shared::{Admission, Shared, Turn},
};
pub use self::{
    machine::{Phase, Thresholds},
    permit::Permit,
};

/// Who finds out whether an open breaker may close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probes {
    /// A call that comes once the pause is over.
    Calls,
    /// Somebody whose work it is, by [`Breaker::probe`]. No call of a client ever tries.
    Prober,
}

/// The breaker is not closed, and this call may not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Where the breaker is.
    pub phase: Phase,
    /// After how long it may be worth another try; `None` when an operator decides.
    pub retry_after: Option<Duration>,
}

/// Why a breaker was opened by what is no count of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trip {
    /// The other side refuses connections, or breaks them.
    Refused,
    /// A probe found that it does not answer.
    Probe,
}

impl Trip {
    /// In a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Probe => "probe",
        }
    }
}

/// A breaker in front of one other party. It counts every call, and refuses those that are under its rule.
pub struct Breaker {
    name: &'static str,
    probes: Probes,
    shared: Shared,
    born: Instant,
    /// What holds for calls that bring no thresholds: what the last one brought.
    thresholds: RwLock<Thresholds>,
    changes: watch::Sender<Phase>,
    pub(crate) tallies: Tallies,
}

/// What a breaker has seen, since the process began.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    pub(crate) ok: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) slow: AtomicU64,
    pub(crate) ignored: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) opened: AtomicU64,
    pub(crate) half_opened: AtomicU64,
    pub(crate) closed: AtomicU64,
    pub(crate) isolated: AtomicU64,
}

impl Breaker {
    /// A closed breaker. `name` is what operators call the other party; `thresholds` hold until a call brings others.
    #[must_use]
    pub fn new(name: &'static str, probes: Probes, thresholds: Thresholds) -> Self {
        Self {
            name,
            probes,
            shared: Shared::new(),
            born: Instant::now(),
            thresholds: RwLock::new(thresholds),
            changes: watch::Sender::new(Phase::Closed),
            tallies: Tallies::default(),
        }
    }

    /// What operators call the other party.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where it is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.shared.phase()
    }

    /// Asks for one call. With thresholds, which hold from then on, it is under the breaker's rule; without, it passes, and
    /// counts like any other.
    ///
    /// # Errors
    /// [`Refusal`] when the call is under the rule and the breaker is not closed.
    pub fn enter(&self, thresholds: Option<&Thresholds>) -> Result<Permit<'_>, Refusal> {
        if let Some(thresholds) = thresholds
            && *self.thresholds.read() != *thresholds
        {
            *self.thresholds.write() = *thresholds;
        }
        let now = self.now();
        let (admission, turn) = self.shared.admit(now, self.probes == Probes::Calls);
        self.tell(turn, "its pause is over");
        match admission {
            Admission::Passes(ticket) => Ok(Permit::new(self, ticket, now)),
            Admission::Refused { .. } if thresholds.is_none() => Ok(Permit::new(self, self.shared.pass(), now)),
            Admission::Refused { phase, due } => {
                self.tallies.refused.fetch_add(1, Relaxed);
                let retry_after = (phase != Phase::Isolated).then(|| due.saturating_sub(now));
                Err(Refusal { phase, retry_after })
            }
        }
    }

    /// The permit of the one who finds out whether it may close: there is one when the pause is over and nobody tries.
    pub fn probe(&self) -> Option<Permit<'_>> {
        let now = self.now();
        let (ticket, turn) = self.shared.change(|machine| machine.probe(now));
        self.tell(turn, "its pause is over");
        Some(Permit::new(self, ticket?, now))
    }

    /// Opens at once.
    pub fn trip(&self, why: Trip) {
        let (now, thresholds) = (self.now(), *self.thresholds.read());
        let ((), turn) = self.shared.change(|machine| machine.trip(now, &thresholds));
        self.tell(turn, why.as_str());
    }

    /// Refuses calls that are under its rule until [`reset`](Self::reset). Once more changes nothing.
    pub fn isolate(&self) {
        let ((), turn) = self.shared.change(machine::Machine::isolate);
        self.tell(turn, "an operator isolated it");
    }

    /// Closes it, and forgets what it has counted.
    pub fn reset(&self) {
        let ((), turn) = self.shared.change(machine::Machine::reset);
        self.tell(turn, "an operator reset it");
    }

    /// Ends when it is not closed.
    pub async fn opened(&self) {
        let mut changes = self.changes.subscribe();
        // The sender is here.
        let _ = changes.wait_for(|phase| *phase != Phase::Closed).await;
    }

    /// The changes of its phase from now on.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Phase> {
        self.changes.subscribe()
    }

    /// What holds for calls that bring no thresholds.
    #[must_use]
    pub fn thresholds(&self) -> Thresholds {
        *self.thresholds.read()
    }

    /// Calls, failures, and slow calls in the window.
    pub(crate) fn counts(&self) -> (u32, u32, u32) {
        let (now, window) = (self.now(), self.thresholds().window);
        let (counts, _) = self.shared.change(|machine| machine.counts(now, window));
        (counts.calls, counts.failures, counts.slow)
    }

    fn now(&self) -> Duration {
        self.born.elapsed()
    }

    fn finish(&self, ticket: machine::Ticket, outcome: Outcome, since: Duration) {
        let now = self.now();
        let thresholds = *self.thresholds.read();
        let took = now.saturating_sub(since);
        let (verdict, turn) = self.shared.finish(ticket, outcome, took, now, &thresholds);
        let tally = match verdict {
            Verdict::Ok => &self.tallies.ok,
            Verdict::Failure => &self.tallies.failures,
            Verdict::Slow => &self.tallies.slow,
            Verdict::Ignored => &self.tallies.ignored,
        };
        tally.fetch_add(1, Relaxed);
        self.tell(
            turn,
            if turn.is_some_and(|turn| turn.to == Phase::Closed) { "it answers" } else { "too many failed" },
        );
    }

    fn tell(&self, turn: Option<Turn>, why: &'static str) {
        let Some(Turn { from, to }) = turn else { return };
        let tally = match to {
            Phase::Open => &self.tallies.opened,
            Phase::HalfOpen => &self.tallies.half_opened,
            Phase::Closed => &self.tallies.closed,
            Phase::Isolated => &self.tallies.isolated,
        };
        tally.fetch_add(1, Relaxed);
        match to {
            Phase::Open | Phase::Isolated => {
                tracing::warn!(breaker = self.name, from = from.as_str(), to = to.as_str(), why, "a breaker opened");
            }
            Phase::HalfOpen | Phase::Closed => {
                tracing::info!(breaker = self.name, from = from.as_str(), to = to.as_str(), why, "a breaker turned");
            }
        }
        // The phase as it is now: of two turns at one time the later one may be told first.
        self.changes.send_if_modified(|known| {
            let phase = self.phase();
            std::mem::replace(known, phase) != phase
        });
    }
}

impl Phase {
    /// In a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
            Self::Isolated => "isolated",
        }
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker").field("name", &self.name).field("phase", &self.phase()).finish_non_exhaustive()
    }
}
