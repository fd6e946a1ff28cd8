//! What a breaker does, step by step, on a clock that the test moves.

mod model;
mod random;

use std::time::Duration;

use tokio::time::advance;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// 20 failures in a minute.
const PERMISSIVE: Thresholds = Thresholds {
    failures: 20,
    window: Duration::from_mins(1),
    failure_percent: 50,
    consecutive: 20,
    slow: SECOND,
    slow_percent: 80,
    pause: SECOND,
};

fn fail(breaker: &Breaker, times: u32) {
    (0..times).for_each(|_| breaker.enter(Some(&PERMISSIVE)).unwrap().failed());
}

#[tokio::test(start_paused = true)]
async fn it_opens_at_the_twentieth_failure_and_closes_when_one_call_is_answered() {
    let breaker = Breaker::new("users", Probes::Calls, PERMISSIVE);
    fail(&breaker, 19);
    assert_eq!(breaker.phase(), Phase::Closed);
    fail(&breaker, 1);
    let refused = breaker.enter(Some(&PERMISSIVE)).unwrap_err();
    assert_eq!(refused, Refusal { phase: Phase::Open, retry_after: Some(SECOND) });
    let unruled = breaker.enter(None).unwrap();
    unruled.answered();
    assert_eq!(breaker.phase(), Phase::Open, "who passes by does not close it");

    advance(SECOND).await;
    let probe = breaker.enter(Some(&PERMISSIVE)).unwrap();
    assert!(probe.is_probe());
    assert_eq!(breaker.enter(Some(&PERMISSIVE)).unwrap_err().phase, Phase::HalfOpen);
    probe.answered();
    assert_eq!(breaker.phase(), Phase::Closed);
}
