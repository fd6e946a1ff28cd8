//! Ends connections whose time is over, and keeps as many open as there should be. Never in a caller's way: what it needs a
//! place for waits until one is free.

use std::{
    convert::Infallible,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use nova_guard::Phase;
use sqlx::Connection as _;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::Pool;

const EVERY: Duration = Duration::from_secs(1);
/// How long the words of farewell may take.
const FAREWELL: Duration = Duration::from_secs(1);

impl Pool {
    /// Looks after the connections, until it is dropped.
    pub(super) async fn maintain(&self) -> Infallible {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let least = self.0.limits.kept();
            // With a place, so that nobody makes another one while this one ends.
            while let Ok(_place) = Arc::clone(&self.0.places).try_acquire_owned()
                && let Some(connection) = self.0.idle.take_due(least)
            {
                let _ = timeout(FAREWELL, connection.postgres.close()).await;
            }
            // The prober first: nobody is to be in its way.
            let well = || self.0.weighed.load(Relaxed) && self.0.breaker.phase() == Phase::Closed;
            while well() && self.add_one(least).await {}
        }
    }

    /// Opens one more, if fewer than `least` exist; `false` when that is not so, or can't be done now.
    async fn add_one(&self, least: usize) -> bool {
        let Ok(_door) = self.0.doors.try_acquire() else { return false };
        let Ok(place) = Arc::clone(&self.0.places).try_acquire_owned() else { return false };
        let Some(slot) = self.0.idle.reserve_below(least) else { return false };
        let connected = self.connect(slot).await;
        let done = connected.is_ok();
        if let Ok(connection) = connected {
            self.put_back(connection);
        }
        drop(place);
        done
    }
}
