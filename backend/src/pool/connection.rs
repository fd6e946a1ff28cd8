//! One connection, how old it is, and the place that it has among those that exist.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use nova_guard::Trip;
use sqlx::{Connection as _, PgConnection};
use tokio::time::{Instant, timeout};

use super::{Pool, faults};

/// A connection for calls. Dropped, it is closed without a word: its socket goes.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) postgres: PgConnection,
    epoch: u64,
    born: Instant,
    lifetime: Duration,
    /// After how long of rest it may go.
    pub(super) idle: Duration,
    _slot: Slot,
}

/// One of the connections that may exist, made or in the making.
#[derive(Debug)]
pub(super) struct Slot(Arc<AtomicUsize>);

impl Slot {
    /// Counts one more of `existing`.
    pub(super) fn new(existing: &Arc<AtomicUsize>) -> Self {
        existing.fetch_add(1, Relaxed);
        Self(Arc::clone(existing))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Connection {
    /// Asks the server for a sign of life.
    pub(super) async fn ping(&mut self) -> Result<(), sqlx::Error> {
        self.postgres.ping().await
    }

    /// Whether it was made since the `epoch`-th time that the store was away.
    pub(super) fn is_of(&self, epoch: u64) -> bool {
        self.epoch == epoch
    }

    /// Whether its time is over.
    pub(super) fn is_old(&self) -> bool {
        self.born.elapsed() >= self.lifetime
    }
}

impl Pool {
    /// Makes a connection. A server that refuses opens the breaker.
    pub(super) async fn connect(&self, slot: Slot) -> Result<Connection, sqlx::Error> {
        let inner = &*self.0;
        // Read before: a connection that was begun before the store was away is of before.
        let epoch = inner.epoch.load(Relaxed);
        let begun = Instant::now();
        let made = timeout(inner.limits.connect, PgConnection::connect_with(&inner.options)).await;
        let postgres = match made {
            Ok(Ok(postgres)) => postgres,
            Ok(Err(error)) => {
                if faults::refuses(&error) {
                    inner.breaker.trip(Trip::Refused);
                }
                self.suspect();
                return Err(error);
            }
            Err(_) => {
                self.suspect();
                return Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()));
            }
        };
        let serial = inner.tallies.created(begun.elapsed());
        let (lifetime, idle) = (spread(inner.limits.lifetime, serial), spread(inner.limits.idle, serial));
        Ok(Connection { postgres, epoch, born: Instant::now(), lifetime, idle, _slot: slot })
    }
}

/// `time`, up to a tenth shorter: connections that were made together do not end together. Multiples of the golden ratio
/// lie as far from each other as can be.
fn spread(time: Duration, serial: u32) -> Duration {
    const GOLDEN: f64 = 0.618_033_988_749_895;
    time.mul_f64(1.0 - 0.1 * (f64::from(serial) * GOLDEN).fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_together_does_not_end_together() {
        let time = Duration::from_mins(30);
        let mut ends: Vec<_> = (0..20).map(|serial| spread(time, serial)).collect();
        ends.sort();
        assert!(ends[0] > time.mul_f64(0.9) && ends[19] <= time);
        assert!(ends.windows(2).all(|pair| pair[1].checked_sub(pair[0]).unwrap() > Duration::from_secs(3)), "{ends:?}");
    }
}
