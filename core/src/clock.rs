//! Wall time, injected. Monotonic time is `tokio::time::Instant`, which a test can pause.

use std::{fmt, sync::Arc};

use chrono::{DateTime, Utc};

/// Tells the wall time. The composition root has the one that reads the system's; a test brings its own.
pub trait Clock: Send + Sync + fmt::Debug + 'static {
    /// Now, in UTC.
    fn now(&self) -> DateTime<Utc>;
}

/// A clock that many hold.
pub type SharedClock = Arc<dyn Clock>;

/// A clock that stands still: for tests, and for whatever must give the same output twice.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub DateTime<Utc>);

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}
