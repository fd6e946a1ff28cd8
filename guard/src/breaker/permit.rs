//! The right to one call, to be given back with the word what became of it.

use std::time::Duration;

use super::{
    Breaker,
    machine::{Outcome, Ticket},
};

/// One call under way. Dropped without a word it counts as a call that its caller left: slow when it is older than the
/// threshold, else it says nothing.
#[derive(Debug)]
#[must_use = "a permit that is dropped is a call that was left"]
pub struct Permit<'a> {
    breaker: &'a Breaker,
    ticket: Ticket,
    since: Duration,
    outcome: Outcome,
}

impl<'a> Permit<'a> {
    pub(super) fn new(breaker: &'a Breaker, ticket: Ticket, since: Duration) -> Self {
        Self { breaker, ticket, since, outcome: Outcome::Left }
    }

    /// Whether it is the call that tries whether the other side is back.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.ticket.probe
    }

    /// The other side answered, whatever it said. Slow, if it took as long.
    pub fn answered(mut self) {
        self.outcome = Outcome::Answered;
    }

    /// The other side did not do its part: no connection, a broken one, or no answer by the deadline.
    pub fn failed(mut self) {
        self.outcome = Outcome::Failed;
    }

    /// The other side is back: it answered a probe, however long it took to get there.
    pub fn recovered(mut self) {
        self.outcome = Outcome::Recovered;
    }

    /// What became of it says nothing of the other side.
    pub fn ignored(mut self) {
        self.outcome = Outcome::Ignored;
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.breaker.finish(self.ticket, self.outcome, self.since);
    }
}
