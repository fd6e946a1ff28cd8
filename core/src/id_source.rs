//! New ids, injected like the clock.

use std::{fmt, sync::Arc};

use uuid::{Builder, Uuid};

use crate::clock::Clock;

/// Makes new ids. The composition root has the one with the system's randomness.
pub trait IdSource: Send + Sync + fmt::Debug + 'static {
    /// An id that nobody has.
    ///
    /// # Errors
    /// [`NoRandomness`] when the system has none to give.
    fn next_id(&self) -> Result<Uuid, NoRandomness>;
}

/// A source that many hold.
pub type SharedIds = Arc<dyn IdSource>;

/// The system has no random numbers to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no random numbers")]
pub struct NoRandomness;

/// The UUID of version 7 (RFC 9562 §5.7) of the time that `clock` tells and of `random`.
#[must_use]
pub fn uuid_v7(clock: &dyn Clock, random: &[u8; 10]) -> Uuid {
    let millis = u64::try_from(clock.now().timestamp_millis()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, random).into_uuid()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::clock::FixedClock;

    #[test]
    fn ids_sort_by_time() {
        let at = |millis| uuid_v7(&FixedClock(DateTime::from_timestamp_millis(millis).unwrap()), &[0xff; 10]);
        assert!(at(1_790_000_000_000) < at(1_790_000_000_001));
        assert_eq!(at(0).get_version_num(), 7);
    }
}
