//! The budget of second attempts: retries and hedges take from it what first attempts have put in, so that they never add
//! more than a share to what an ailing party has to bear.
//!
//! A token bucket as in Finagle's `RetryBudget`: each call deposits a share of a token, each second attempt takes a whole one.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// Thousandths of a token.
const TOKEN: i64 = 1_000;
/// What it begins with, and what a quiet party has at least to spend: when one of several servers is killed, the calls that
/// were under way there come at once.
const RESERVE: i64 = 100 * TOKEN;
/// Most that is kept, whatever came in.
const MOST: i64 = 500 * TOKEN;

/// The share of second attempts among first ones, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share(pub u32);

/// The tokens of one other party.
#[derive(Debug)]
pub struct Budget {
    thousandths: AtomicI64,
    pub(crate) spent: AtomicU64,
    pub(crate) refused: AtomicU64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { thousandths: AtomicI64::new(RESERVE), spent: AtomicU64::new(0), refused: AtomicU64::new(0) }
    }
}

impl Budget {
    /// A first attempt is made.
    pub fn deposit(&self, share: Share) {
        let deposit = i64::from(share.0) * TOKEN / 100;
        if self.thousandths.fetch_add(deposit, Relaxed) > MOST {
            self.thousandths.fetch_sub(deposit, Relaxed);
        }
    }

    /// Takes a token for a second attempt; `false` when there is none.
    pub fn withdraw(&self) -> bool {
        let taken = self.thousandths.fetch_sub(TOKEN, Relaxed) >= TOKEN;
        if taken {
            self.spent.fetch_add(1, Relaxed);
        } else {
            self.thousandths.fetch_add(TOKEN, Relaxed);
            self.refused.fetch_add(1, Relaxed);
        }
        taken
    }

    /// Whole tokens that are left.
    #[must_use]
    pub fn left(&self) -> u64 {
        u64::try_from(self.thousandths.load(Relaxed) / TOKEN).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_attempts_are_a_share_of_first_ones() {
        let budget = Budget::default();
        let spend_all = || std::iter::repeat_with(|| budget.withdraw()).take_while(|taken| *taken).take(10_000).count();
        assert_eq!(spend_all(), 100, "the reserve");
        assert_eq!(budget.left(), 0);
        (0..100).for_each(|_| budget.deposit(Share(20)));
        assert_eq!(spend_all(), 20);
        (0..1_000_000).for_each(|_| budget.deposit(Share(20)));
        assert_eq!(spend_all(), 500, "what is not spent does not pile up");
    }
}
