//! Waiting for another party without blaming it for what is our own slowness.

use std::{future::Future, pin::pin, time::Duration};

use tokio::time::timeout;

/// In how many steps the time is counted.
const STEPS: u32 = 20;

/// What `future` gives within `time`; `None` when it is late.
///
/// The time is counted in steps, and each step is a turn of this process: one that gets no processor for a while waits longer,
/// instead of taking its own standstill for the other side's.
pub async fn patiently<F: Future>(time: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..STEPS {
        if let Ok(output) = timeout(time / STEPS, &mut future).await {
            return Some(output);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, sleep};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn it_ends_with_the_time_and_not_before() {
        let begun = Instant::now();
        assert_eq!(patiently(SECOND, std::future::pending::<()>()).await, None);
        assert!((SECOND..SECOND * 2).contains(&begun.elapsed()));
        assert_eq!(patiently(SECOND, sleep(SECOND / 2)).await, Some(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_standstill_of_our_own_is_one_step() {
        let late = tokio::spawn(patiently(SECOND, sleep(SECOND * 7 / 2)));
        tokio::task::yield_now().await;
        // Nothing ran meanwhile.
        tokio::time::advance(SECOND * 3).await;
        sleep(SECOND / 4).await;
        assert!(!late.is_finished(), "it has had a turn or two, of twenty");
        assert_eq!(late.await.unwrap(), Some(()));
    }
}
