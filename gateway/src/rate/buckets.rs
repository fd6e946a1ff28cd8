//! A bucket for each caller: it holds so many, and fills up at so many a minute. The arithmetic is governor's (GCRA: one
//! number for each bucket, changed without a lock); moka keeps the buckets, and bounds how many.
//!
//! A bucket belongs to its quota, too: who is given another one begins with a full bucket, instead of paying off by a new
//! rate what was run up by an old one.

use std::{fmt, num::NonZeroU32, sync::Arc, time::Duration};

use governor::{
    RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};
use moka::sync::Cache;
use tokio::time::Instant;

use super::{Caller, Limit};

/// Buckets that are kept at a time. When there are more callers, those who ask least often are forgotten first: a flood from
/// ever new addresses pushes out itself, and not who is being held back.
pub(super) const CAPACITY: u64 = 100_000;
/// What a bucket may hold at most: what comes in within so many minutes.
const LONGEST: u32 = 10;
/// When a bucket that nobody has taken from is full again, whatever its quota, and need not be kept.
const FORGOTTEN: Duration = Duration::from_mins(11);
const MINUTE: Duration = Duration::from_mins(1);

/// How much a bucket holds, and how fast it fills up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Quota {
    per_minute: NonZeroU32,
    burst: NonZeroU32,
}

impl Quota {
    /// `per_minute` for good and `burst` at once: at least 1, and at most what ten minutes bring.
    pub(crate) fn new(per_minute: u32, burst: u32) -> Self {
        let per_minute = NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN);
        let burst = burst.min(per_minute.get().saturating_mul(LONGEST));
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        Self { per_minute, burst }
    }

    fn governor(self) -> governor::Quota {
        // Rounded up, so that never more than the rate comes in.
        let one = MINUTE.as_nanos().div_ceil(u128::from(self.per_minute.get()));
        let one = Duration::from_nanos(u64::try_from(one).unwrap_or(u64::MAX));
        governor::Quota::with_period(one)
            .unwrap_or(governor::Quota::per_minute(self.per_minute))
            .allow_burst(self.burst)
    }
}

/// There is not enough in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Empty {
    /// There will be after this time.
    For(Duration),
    /// There never will be: it holds `most`.
    Always { most: u32 },
}

/// The time, from where the buckets began.
#[derive(Debug, Clone, Copy)]
struct Ticks(Instant);

impl Clock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}

type Bucket = RateLimiter<NotKeyed, InMemoryState, Ticks, NoOpMiddleware<Nanos>>;

/// The buckets of all callers. A clone is a handle to the same.
#[derive(Clone)]
pub(crate) struct Buckets {
    kept: Cache<(Limit, Caller, Quota), Arc<Bucket>>,
    clock: Ticks,
    capacity: u64,
}

impl Buckets {
    /// None yet, and never more than about `capacity`.
    pub(crate) fn new(capacity: u64) -> Self {
        let kept = Cache::builder().max_capacity(capacity).time_to_idle(FORGOTTEN).build();
        Self { kept, clock: Ticks(Instant::now()), capacity }
    }

    /// Takes `count` from the caller's bucket, or nothing.
    ///
    /// # Errors
    /// When there is not as much in it.
    pub(crate) fn take(&self, limit: Limit, caller: Caller, quota: Quota, count: u32) -> Result<(), Empty> {
        let Some(count) = NonZeroU32::new(count) else { return Ok(()) };
        if count > quota.burst {
            return Err(Empty::Always { most: quota.burst.get() });
        }
        let new = || Arc::new(RateLimiter::direct_with_clock(quota.governor(), self.clock));
        let bucket = self.kept.get_with((limit, caller, quota), new);
        match bucket.check_n(count) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(not_until)) => Err(Empty::For(not_until.wait_time_from(self.clock.now()))),
            Err(too_many) => Err(Empty::Always { most: too_many.0 }),
        }
    }

    /// How many buckets there are, for an operator who looks.
    pub(crate) fn len(&self) -> u64 {
        self.kept.run_pending_tasks();
        self.kept.entry_count()
    }

    /// How many there may be.
    pub(crate) fn capacity(&self) -> u64 {
        self.capacity
    }
}

impl fmt::Debug for Buckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whose they are is nobody's business.
        f.debug_struct("Buckets").field("len", &self.kept.entry_count()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
