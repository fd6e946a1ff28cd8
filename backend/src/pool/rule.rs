//! The breaker's thresholds, from the flag `guard.db-breaker`.

use std::time::Duration;

use nova_flags::{DbBreaker, Policy};
use nova_guard::Thresholds;

/// What holds until a call brings something else: what the catalogue says.
pub(super) const DEFAULTS: Thresholds = Thresholds {
    failures: 20,
    window: Duration::from_mins(1),
    failure_percent: 50,
    consecutive: 20,
    slow: Duration::from_secs(1),
    slow_percent: 100,
    pause: Duration::from_secs(1),
};

/// What holds for a call under `policy`; `None` when it only counts.
pub(super) fn of(policy: &Policy) -> Option<Thresholds> {
    let payload = policy.guard_db_breaker()?;
    let DbBreaker { failures, window_secs, failure_percent, consecutive, slow_ms, slow_percent, pause_ms } = payload;
    Some(Thresholds {
        failures,
        window: Duration::from_secs(window_secs),
        failure_percent,
        consecutive: if consecutive == 0 { failures } else { consecutive },
        slow: Duration::from_millis(slow_ms),
        slow_percent,
        pause: Duration::from_millis(pause_ms),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_thresholds_are_those_of_the_catalogue() {
        assert_eq!(of(&Policy::defaults()), Some(DEFAULTS));
        assert_eq!(of(&Policy::defaults().with(nova_flags::FlagId::GuardDbBreaker, false)), None);
    }
}
