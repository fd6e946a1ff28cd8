//! What became of the calls of the last seconds, by the second.

use std::time::Duration;

/// The longest window, in seconds.
const SECONDS: usize = 120;
const MOST_SECONDS: u64 = SECONDS as u64;

#[derive(Debug, Clone, Copy, Default)]
struct Second {
    /// Which second of the breaker's life it is.
    number: u64,
    counts: Counts,
}

/// Calls by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) calls: u32,
    pub(super) failures: u32,
    pub(super) slow: u32,
}

/// A ring of seconds. Adding touches one of them; only what can open the breaker adds them up.
#[derive(Debug)]
pub(super) struct Window(Box<[Second; SECONDS]>);

impl Window {
    pub(super) fn new() -> Self {
        Self(Box::new([Second::default(); SECONDS]))
    }

    pub(super) fn add(&mut self, now: Duration, counts: Counts) {
        let number = now.as_secs();
        let second = &mut self.0[(number % MOST_SECONDS) as usize];
        if second.number != number {
            *second = Second { number, counts: Counts::default() };
        }
        second.counts.add(counts);
    }

    /// What became of the calls of the last `window`, the running second among them.
    pub(super) fn sum(&self, now: Duration, window: Duration) -> Counts {
        let newest = now.as_secs();
        let seconds = window.as_secs().clamp(1, MOST_SECONDS);
        let oldest = (newest + 1).saturating_sub(seconds);
        let mut sum = Counts::default();
        for second in self.0.iter().filter(|second| (oldest..=newest).contains(&second.number)) {
            sum.add(second.counts);
        }
        sum
    }

    pub(super) fn clear(&mut self) {
        self.0.fill(Second::default());
    }
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.failures = self.failures.saturating_add(other.failures);
        self.slow = self.slow.saturating_add(other.slow);
    }
}
