//! When a request must have its answer.

use std::time::Duration;

use tokio::time::Instant;

/// A point on the monotonic clock. Every wait for another party ends there at the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline `budget` from now.
    #[must_use]
    pub fn after(budget: Duration) -> Self {
        Self(Instant::now() + budget)
    }

    /// The point itself, for a timer.
    #[must_use]
    pub fn instant(self) -> Instant {
        self.0
    }

    /// What is left of the budget; zero once it has passed.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whichever comes first: this deadline, or `cap` from now.
    #[must_use]
    pub fn capped(self, cap: Duration) -> Self {
        self.min(Self::after(cap))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_remainder_shrinks_to_zero_and_no_further() {
        let deadline = Deadline::after(Duration::from_secs(2));
        assert_eq!(deadline.remaining(), Duration::from_secs(2));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(deadline.remaining(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cap_only_shortens() {
        let deadline = Deadline::after(Duration::from_secs(2));
        assert_eq!(deadline.capped(Duration::from_secs(1)).remaining(), Duration::from_secs(1));
        assert_eq!(deadline.capped(Duration::from_secs(9)), deadline);
    }
}
