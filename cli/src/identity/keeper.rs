//! Keeps an issuer's keys: fetched in the background from the start on, again at an interval, and when a token's key is
//! missed. What was good stays until something better comes: the issuer may be away for as long as it likes.
//!
//! One task fetches, so there is one fetch at a time. Anybody can send tokens with keys that nobody knows: a missed key
//! brings a fetch once a minute at most, and whoever waits for it waits for [`PATIENCE`] at most.

use std::{pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::FutureExt as _;
use nova_core::token::{KeySet, KeySource};
use parking_lot::{Mutex, RwLock};
use tokio::{
    sync::{Notify, Semaphore, watch},
    task::AbortHandle,
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{
    fetch::{Fetch, FetchError},
    metrics::Metrics,
};

/// How long a fetch may take, to the last byte.
const FETCH: Duration = Duration::from_secs(5);
/// Missed keys bring one fetch in this time.
const MISSES: Duration = Duration::from_mins(1);
/// How long a request waits for keys.
const PATIENCE: Duration = Duration::from_secs(2);
/// Requests that wait for keys at a time; one more is answered by the keys that are there.
const WAITING: usize = 256;
/// The pause after the first failure; each further one doubles it, up to `LONGEST_RETRY`.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_mins(1);

/// When to fetch.
pub(super) struct Schedule {
    /// The time between two fetches that nobody asked for.
    pub(super) refresh: Duration,
    /// A random number from 0 to 1: a tenth more or less keeps a fleet from asking all at once.
    pub(super) jitter: fn() -> f64,
}

impl Schedule {
    /// The pause after this many failures in a row.
    fn pause(&self, failures: u32) -> Duration {
        let pause = match failures {
            0 => self.refresh,
            _ => FIRST_RETRY.saturating_mul(1 << (failures - 1).min(10)).min(LONGEST_RETRY).min(self.refresh),
        };
        pause.mul_f64(0.9 + 0.2 * (self.jitter)())
    }
}

/// The keys, and the task that keeps them. The task ends with it.
#[derive(Debug)]
pub(super) struct Keeper {
    shared: Arc<Shared>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    keys: RwLock<Option<Arc<KeySet>>>,
    /// Whether a fetch is under way, or has been asked for and is about to be.
    fetching: watch::Sender<bool>,
    /// Rings when one is asked for.
    wanted: Notify,
    waiting: Semaphore,
    /// When a missed key last brought a fetch.
    missed: Mutex<Option<Instant>>,
    metrics: Metrics,
}

impl Keeper {
    /// Starts the task, and returns before there are keys.
    pub(super) fn start(fetch: impl Fetch, schedule: Schedule, metrics: Metrics) -> Self {
        let shared = Arc::new(Shared {
            keys: RwLock::default(),
            fetching: watch::Sender::new(true),
            wanted: Notify::new(),
            waiting: Semaphore::new(WAITING),
            missed: Mutex::default(),
            metrics,
        });
        let task = tokio::spawn(keep(Arc::clone(&shared), fetch, schedule)).abort_handle();
        Self { shared, task }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl KeySource for Keeper {
    fn keys(&self) -> Option<Arc<KeySet>> {
        self.shared.keys.read().clone()
    }

    fn missed(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.shared.missed())
    }
}

impl Shared {
    async fn missed(&self) {
        let Ok(_waiting) = self.waiting.try_acquire() else { return };
        let deadline = Instant::now() + PATIENCE;
        let before = self.keys.read().clone();
        // The one under way may have begun before the key was published: unless it brings something new, another is due.
        if self.ended(deadline).await && same(before.as_ref(), self.keys.read().as_ref()) && self.ask() {
            self.ended(deadline).await;
        }
    }

    /// Waits until no fetch is under way. Says whether that came before the deadline.
    async fn ended(&self, deadline: Instant) -> bool {
        timeout_at(deadline, self.fetching.subscribe().wait_for(|fetching| !fetching)).await.is_ok()
    }

    /// Asks for a fetch, unless a missed key did within the last minute. Says whether one is to come.
    fn ask(&self) -> bool {
        let mut missed = self.missed.lock();
        if missed.is_some_and(|at| at.elapsed() < MISSES) {
            // Somebody else may just have asked.
            return *self.fetching.borrow();
        }
        *missed = Some(Instant::now());
        self.fetching.send_replace(true);
        self.wanted.notify_one();
        true
    }

    /// Takes a fetched set in, or says what is wrong with it. `last` is what came before.
    fn take(&self, body: Bytes, last: &mut Bytes) -> Result<(), FetchError> {
        let (keys, skipped) = KeySet::from_jwks(&body)?;
        self.metrics.fetched(keys.len());
        // The same keys again: tokens that were verified with them stay verified.
        if body != *last {
            tracing::info!(keys = keys.len(), skipped, "the token issuer's keys are there");
            *self.keys.write() = Some(Arc::new(keys));
            *last = body;
        }
        Ok(())
    }
}

fn same(one: Option<&Arc<KeySet>>, other: Option<&Arc<KeySet>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}

async fn keep(shared: Arc<Shared>, fetch: impl Fetch, schedule: Schedule) {
    let mut last = Bytes::new();
    let mut failures = 0_u32;
    loop {
        shared.fetching.send_replace(true);
        // Whoever asked until now is served by this one.
        let _ = shared.wanted.notified().now_or_never();
        let fetched = timeout(FETCH, fetch.fetch()).await.unwrap_or(Err(FetchError::Timeout));
        match fetched.and_then(|body| shared.take(body, &mut last)) {
            Ok(()) => failures = 0,
            Err(error) => {
                failures = failures.saturating_add(1);
                shared.metrics.failed(&error);
                let in_use = shared.keys.read().as_ref().map_or(0, |keys| keys.len());
                tracing::warn!(%error, in_use, failures, "the token issuer's keys could not be fetched");
            }
        }
        shared.fetching.send_replace(false);
        tokio::select! {
            () = sleep(schedule.pause(failures)) => {}
            () = shared.wanted.notified() => {}
        }
    }
}

#[cfg(test)]
mod tests;
