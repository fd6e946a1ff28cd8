//! What becomes of a statement that nobody waits for: its connection is closed, so that the server stops, or it is left to
//! end by itself when too many were closed just now. To connect again costs the server a process.

use std::{future::Future, sync::atomic::Ordering::Relaxed, time::Duration};

use nova_guard::Phase;
use parking_lot::Mutex;
use tokio::{
    runtime::Handle,
    time::{Instant, timeout},
};

use super::{Place, Pool, connection::Connection};

/// Connections that are closed hard in [`PERIOD`], at most.
const MOST: usize = 5;
const PERIOD: Duration = Duration::from_secs(1);
/// How much later than the server's own end a statement is given up.
const SLACK: Duration = Duration::from_secs(1);

/// When the last connections were closed hard.
#[derive(Debug, Default)]
pub(super) struct HardCloses(Mutex<Times>);

#[derive(Debug, Default)]
struct Times {
    last: [Option<Instant>; MOST],
    next: usize,
}

impl HardCloses {
    /// Whether one more may be closed now.
    fn take(&self) -> bool {
        let mut times = self.0.lock();
        let next = times.next;
        let free = times.last[next].is_none_or(|then| then.elapsed() >= PERIOD);
        if free {
            times.last[next] = Some(Instant::now());
            times.next = (next + 1) % MOST;
        }
        free
    }
}

impl Pool {
    /// Nobody waits for the statement on `connection`. With `patient` it is left to end by itself.
    pub(super) fn abandon(&self, mut connection: Connection, place: Place, patient: bool) {
        let tallies = &self.0.tallies;
        if !patient {
            // Of a store that was away, or is, nobody is to be spared.
            let gone = !connection.is_of(self.0.epoch.load(Relaxed)) || self.0.breaker.phase() != Phase::Closed;
            if gone || self.0.closes.take() {
                tallies.closed_hard.fetch_add(1, Relaxed);
                drop(connection);
                // After the connection that it stands for.
                drop(place);
                return;
            }
            tallies.spared.fetch_add(1, Relaxed);
        }
        self.later(async move {
            // The answer to this comes after that to the statement.
            let _ = connection.ping().await;
            drop(connection);
            drop(place);
        });
    }

    /// Goes on with `work` after everybody left, for as long as the server may take for a statement.
    pub(super) fn later(&self, work: impl Future<Output = ()> + Send + 'static) {
        let most = self.0.limits.statement + SLACK;
        // Without a runtime the process ends, and its connections with it.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move { drop(timeout(most, work).await) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_sixth_in_a_second_is_spared() {
        let closes = HardCloses::default();
        for _ in 0..MOST {
            assert!(closes.take());
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        assert!(!closes.take());
        tokio::time::advance(Duration::from_millis(500)).await;
        assert!(closes.take(), "a second after the first");
        assert!(!closes.take());
    }
}
