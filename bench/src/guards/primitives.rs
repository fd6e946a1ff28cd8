//! The guards by themselves. Each figure has the call through a pointer in it, about 2 ns.

use std::{hint::black_box, time::Duration};

use nova_guard::{Breaker, Budget, Bulkhead, Probes, Share, Thresholds, Trip};
use tokio::time::Instant;

use super::timed::Case;

/// Nothing here opens a breaker by itself, and one that is open stays so.
const THRESHOLDS: Thresholds = Thresholds {
    failures: u32::MAX,
    window: Duration::from_mins(1),
    failure_percent: 100,
    consecutive: u32::MAX,
    slow: Duration::from_secs(1),
    slow_percent: 100,
    pause: Duration::from_hours(1),
};

pub(super) fn cases() -> Vec<Case> {
    let breaker = || Breaker::new("users", Probes::Calls, THRESHOLDS);
    let (closed, unruled, failing, open) = (breaker(), breaker(), breaker(), breaker());
    open.trip(Trip::Refused);
    let bulkhead = Bulkhead::new("users");
    let (deposits, seconds) = (Budget::default(), Budget::default());
    let case = |name, goal, call: Box<dyn Fn() -> bool + Sync>| Case { name, goal, allocates: false, call };
    vec![
        case("breaker_closed", Some(150.0), {
            Box::new(move || closed.enter(black_box(Some(&THRESHOLDS))).map(nova_guard::Permit::answered).is_ok())
        }),
        case("breaker_closed_unruled", Some(150.0), {
            Box::new(move || unruled.enter(black_box(None)).map(nova_guard::Permit::answered).is_ok())
        }),
        case("breaker_closed_failure", None, {
            Box::new(move || failing.enter(black_box(Some(&THRESHOLDS))).map(nova_guard::Permit::failed).is_ok())
        }),
        case("breaker_open", Some(100.0), {
            Box::new(move || black_box(open.enter(black_box(Some(&THRESHOLDS)))).is_err())
        }),
        case("bulkhead", None, Box::new(move || bulkhead.enter(black_box(Some(100))).is_ok())),
        case("budget_of_second_attempts", None, {
            Box::new(move || {
                deposits.deposit(black_box(Share(20)));
                true
            })
        }),
        // It never runs dry: what a second attempt takes is put in first.
        case("second_attempt", None, {
            Box::new(move || {
                seconds.deposit(black_box(Share(100)));
                seconds.withdraw()
            })
        }),
        // What a breaker cannot do without, twice for a call that passes: to say how long it took.
        case("clock", None, Box::new(|| black_box(Instant::now()).elapsed() < THRESHOLDS.pause)),
    ]
}
