//! What the policy of a request says of its calls.

use std::time::Duration;

use nova_flags::Policy;
use nova_guard::{Share, Thresholds};

/// Which guards are in force for a call, and how they are set. What is `None` counts, and refuses nothing.
#[derive(Debug, Clone)]
pub struct Rules {
    pub(super) breaker: Option<Thresholds>,
    /// Most calls to one upstream at a time.
    pub(super) most: Option<u32>,
    pub(super) retry: Option<Retry>,
    pub(super) hedge: Option<Hedge>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Retry {
    /// Attempts after the first one.
    pub(super) most: u32,
    /// What a first attempt puts into the budget.
    pub(super) share: Share,
    /// The longest pause before the second attempt; it doubles with each further one.
    pub(super) pause: Duration,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Hedge {
    /// When a second attempt goes beside one that has no answer.
    pub(super) after: Duration,
    /// What a first attempt puts into the budget.
    pub(super) share: Share,
}

impl Rules {
    /// The rules that `policy` has.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        let millis = |millis: u32| Duration::from_millis(millis.into());
        Self {
            breaker: policy.guard_grpc_breaker().map(|payload| Thresholds {
                failures: payload.failures,
                window: Duration::from_secs(payload.window_secs.into()),
                failure_percent: payload.failure_percent,
                consecutive: if payload.consecutive == 0 { payload.failures } else { payload.consecutive },
                slow: millis(payload.slow_ms),
                slow_percent: payload.slow_percent,
                pause: millis(payload.pause_ms),
            }),
            most: policy.guard_bulkhead().map(|payload| payload.max_calls),
            retry: policy.guard_retry().map(|payload| Retry {
                most: payload.attempts,
                share: Share(payload.percent),
                pause: millis(payload.pause_ms),
            }),
            hedge: policy
                .guard_hedging()
                .map(|payload| Hedge { after: millis(payload.after_ms), share: Share(payload.percent) }),
        }
    }

    /// What a first attempt puts into the budget of second ones.
    pub(super) fn share(&self) -> Option<Share> {
        let shares = [self.retry.map(|retry| retry.share), self.hedge.map(|hedge| hedge.share)];
        shares.into_iter().flatten().max_by_key(|share| share.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_thresholds_are_those_of_the_catalogue() {
        assert_eq!(Rules::of(&Policy::defaults()).breaker, Some(crate::upstream::THRESHOLDS));
    }
}
