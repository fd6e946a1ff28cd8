//! What the driver and the queues of one request know together: who was woken, what is being filled, what is pending.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::task::{ArcWake, AtomicWaker};
use parking_lot::Mutex;
use tokio::time::Instant;

/// Shared by the driver and the queues of one request; also the waker that the request's future is polled with.
///
/// The atomics are `SeqCst`: the driver and a filler each write one and then read the other's, which weaker orders
/// allow both to miss.
#[derive(Default)]
pub struct Scope {
    /// Set by any wake since the poll began.
    woken: AtomicBool,
    /// The task that polls the driver.
    outer: AtomicWaker,
    /// Fills whose wakers have not all been called yet. A poll that ends meanwhile has seen only a part of its level.
    filling: AtomicUsize,
    /// The driver held back a flush because of `filling`, and must be polled again.
    held_back: AtomicBool,
    /// Keys that wait for the next flush.
    pending: AtomicUsize,
    /// The deadline has passed: nothing is asked any more.
    expired: AtomicBool,
    waiting: Mutex<Waiting>,
}

/// Time during which at least one flush was not answered.
#[derive(Default)]
struct Waiting {
    flushes: usize,
    since: Option<Instant>,
    total: Duration,
}

impl ArcWake for Scope {
    fn wake_by_ref(scope: &Arc<Self>) {
        scope.woken.store(true, SeqCst);
        scope.outer.wake();
    }
}

impl Scope {
    /// How long the request has waited for its sources; time in which it waited for several counts once.
    pub fn waited(&self) -> Duration {
        let waiting = self.waiting.lock();
        waiting.total + waiting.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    pub(super) fn begin_poll(&self, outer: &std::task::Waker) {
        self.outer.register(outer);
        self.woken.store(false, SeqCst);
    }

    pub(super) fn was_woken(&self) -> bool {
        self.woken.load(SeqCst)
    }

    /// Whether a poll that was not woken may flush: not while a fill is still calling its wakers. If not, the end of that
    /// fill wakes the driver.
    pub(super) fn may_flush(&self) -> bool {
        if self.filling.load(SeqCst) == 0 {
            return true;
        }
        self.held_back.store(true, SeqCst);
        self.filling.load(SeqCst) == 0 && self.held_back.swap(false, SeqCst)
    }

    pub(super) fn begin_fill(&self) {
        self.filling.fetch_add(1, SeqCst);
    }

    pub(super) fn end_fill(&self) {
        if self.filling.fetch_sub(1, SeqCst) == 1 && self.held_back.swap(false, SeqCst) {
            self.outer.wake();
        }
    }

    pub(super) fn add_pending(&self, keys: usize) {
        self.pending.fetch_add(keys, SeqCst);
    }

    pub(super) fn take_pending(&self, keys: usize) {
        self.pending.fetch_sub(keys, SeqCst);
    }

    pub(super) fn pending(&self) -> usize {
        self.pending.load(SeqCst)
    }

    pub(super) fn expire(&self) {
        self.expired.store(true, SeqCst);
    }

    pub(super) fn is_expired(&self) -> bool {
        self.expired.load(SeqCst)
    }

    /// Counts as waiting until it is dropped.
    pub(crate) fn waiting(&self) -> WaitGuard<'_> {
        self.begin_wait();
        WaitGuard(self)
    }

    pub(super) fn begin_wait(&self) {
        let mut waiting = self.waiting.lock();
        waiting.flushes += 1;
        if waiting.flushes == 1 {
            waiting.since = Some(Instant::now());
        }
    }

    pub(super) fn end_wait(&self) {
        let mut waiting = self.waiting.lock();
        waiting.flushes -= 1;
        if waiting.flushes == 0
            && let Some(since) = waiting.since.take()
        {
            waiting.total += since.elapsed();
        }
    }
}

/// A wait that is under way.
pub(crate) struct WaitGuard<'a>(&'a Scope);

impl Drop for WaitGuard<'_> {
    fn drop(&mut self) {
        self.0.end_wait();
    }
}
