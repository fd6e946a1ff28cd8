//! The processor time of this thread, which nothing else on the machine adds to.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// What `work` takes of the processor on this thread, and what it gives.
pub(super) fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let started = used();
    let result = work();
    (used().saturating_sub(started), result)
}

fn used() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or_default())
}
