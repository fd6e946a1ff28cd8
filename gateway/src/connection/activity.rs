//! What a connection is doing, as a few atomics: requests that are worked on, what it waits for its client for, and since
//! when. Written by the wrappers around socket and bodies, read by what decides when a connection ends. It decides nothing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

/// Microseconds since the listener opened: one scale for all its connections.
pub(super) type Moment = u64;

/// No moment.
const NEVER: u64 = u64::MAX;

/// The doings of one connection.
#[derive(Debug)]
pub(super) struct Activity {
    /// When the listener opened.
    epoch: Instant,
    /// When the connection was accepted.
    opened: Moment,
    /// Whether it ever had a request, and whether the last one came by HTTP/2.
    served: AtomicBool,
    http2: AtomicBool,
    /// Requests that are open: from the end of their head until their response is written.
    open: AtomicU32,
    /// Those of them that wait for the client: for the rest of a body, or for room to write.
    awaiting: AtomicU32,
    /// When a request began, a response began, or one ended.
    turned: AtomicU64,
    /// When the first byte of a head came.
    head: AtomicU64,
    /// Since when the socket takes no byte.
    blocked: AtomicU64,
    /// Told when it takes some again.
    unblocked: Notify,
    /// Responses that are on their way, each with the moment at which the last part of it was handed over.
    deliveries: Mutex<Vec<Arc<AtomicU64>>>,
    /// Told when somebody else needs the place.
    pub(super) wanted: Notify,
}

/// An [`Activity`] at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) now: Moment,
    pub(super) opened: Moment,
    pub(super) served: bool,
    pub(super) http2: bool,
    pub(super) open: u32,
    /// Of `open`, those that wait for the client.
    pub(super) awaiting: u32,
    pub(super) turned: Moment,
    pub(super) head: Option<Moment>,
    pub(super) blocked: Option<Moment>,
    /// When the one of them that has been left for the longest was last taken from.
    pub(super) delivery: Option<Moment>,
}

impl Activity {
    /// Of a connection that was accepted just now, by a listener that opened at `epoch`.
    pub(super) fn new(epoch: Instant) -> Arc<Self> {
        let opened = since(epoch);
        Arc::new(Self {
            epoch,
            opened,
            served: AtomicBool::new(false),
            http2: AtomicBool::new(false),
            open: AtomicU32::new(0),
            awaiting: AtomicU32::new(0),
            turned: AtomicU64::new(opened),
            head: AtomicU64::new(NEVER),
            blocked: AtomicU64::new(NEVER),
            unblocked: Notify::new(),
            deliveries: Mutex::new(Vec::new()),
            wanted: Notify::new(),
        })
    }

    pub(super) fn now(&self) -> Moment {
        since(self.epoch)
    }

    /// The instant of a moment, for timers.
    pub(super) fn instant(&self, moment: Moment) -> Instant {
        self.epoch + Duration::from_micros(moment)
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let some = |moment: u64| (moment != NEVER).then_some(moment);
        let deliveries = self.deliveries.lock();
        let delivering = u32::try_from(deliveries.len()).unwrap_or(u32::MAX);
        Snapshot {
            now: self.now(),
            opened: self.opened,
            served: self.served.load(Relaxed),
            http2: self.http2.load(Relaxed),
            open: self.open.load(Relaxed),
            awaiting: self.awaiting.load(Relaxed).saturating_add(delivering),
            turned: self.turned.load(Relaxed),
            head: some(self.head.load(Relaxed)),
            blocked: some(self.blocked.load(Relaxed)),
            delivery: deliveries.iter().map(|moved| moved.load(Relaxed)).min(),
        }
    }

    /// Bytes came.
    pub(super) fn read(&self) {
        // Between requests, so that they are a head's. While one is open they are its body's, or the head of one behind it.
        if self.open.load(Relaxed) == 0 && self.head.load(Relaxed) == NEVER {
            self.head.store(self.now(), Relaxed);
        }
    }

    /// The socket took bytes.
    pub(super) fn wrote(&self) {
        if self.blocked.swap(NEVER, Relaxed) != NEVER {
            self.unblocked.notify_waiters();
        }
    }

    /// The socket took none.
    pub(super) fn write_blocked(&self) {
        if self.blocked.load(Relaxed) == NEVER {
            self.blocked.store(self.now(), Relaxed);
        }
    }

    /// Waits until the socket takes what is written: nobody is answered who does not read the answers before.
    pub(super) async fn writable(self: &Arc<Self>) {
        let mut waiting = None;
        loop {
            let unblocked = self.unblocked.notified();
            if self.blocked.load(Relaxed) == NEVER {
                return;
            }
            waiting.get_or_insert_with(|| self.awaits());
            unblocked.await;
        }
    }

    /// A request, until the guard is dropped.
    pub(super) fn request(self: &Arc<Self>, http2: bool) -> Open {
        self.served.store(true, Relaxed);
        self.http2.store(http2, Relaxed);
        self.head.store(NEVER, Relaxed);
        self.open.fetch_add(1, Relaxed);
        self.turn();
        Open(Arc::clone(self))
    }

    /// A request waits for its client, until the guard is dropped.
    pub(super) fn awaits(self: &Arc<Self>) -> Awaits {
        self.awaiting.fetch_add(1, Relaxed);
        Awaits(Arc::clone(self))
    }

    /// A response is on its way, until the guard is dropped.
    fn delivers(self: &Arc<Self>) -> Delivers {
        let moved = Arc::new(AtomicU64::new(self.now()));
        self.deliveries.lock().push(Arc::clone(&moved));
        self.turn();
        Delivers { activity: Arc::clone(self), moved }
    }

    fn turn(&self) {
        self.turned.store(self.now(), Relaxed);
    }
}

fn since(epoch: Instant) -> Moment {
    u64::try_from(epoch.elapsed().as_micros()).unwrap_or(u64::MAX - 1)
}

/// An open request.
#[derive(Debug)]
pub(super) struct Open(Arc<Activity>);

impl Open {
    /// Its response is there.
    pub(super) fn delivers(&self) -> Delivers {
        self.0.delivers()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.turn();
        self.0.open.fetch_sub(1, Relaxed);
    }
}

/// A request that waits for its client.
#[derive(Debug)]
pub(super) struct Awaits(Arc<Activity>);

impl Drop for Awaits {
    fn drop(&mut self) {
        self.0.awaiting.fetch_sub(1, Relaxed);
        self.0.turn();
    }
}

/// A response on its way.
#[derive(Debug)]
pub(super) struct Delivers {
    activity: Arc<Activity>,
    moved: Arc<AtomicU64>,
}

impl Delivers {
    /// Its reader took something.
    pub(super) fn moved(&self) {
        self.moved.store(self.activity.now(), Relaxed);
    }
}

impl Drop for Delivers {
    fn drop(&mut self) {
        self.activity.deliveries.lock().retain(|moved| !Arc::ptr_eq(moved, &self.moved));
    }
}
