//! Connections that nobody works with, the last used first. Here it is decided, too, who may make another one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::Instant;

use super::connection::{Connection, Slot};

/// A connection that rested for longer is asked whether it lives before it is used.
const TRUSTED: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Idle {
    rest: Mutex<Rest>,
    /// Connections for calls that exist, at work, at rest or in the making. Grows under the lock only.
    existing: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Rest {
    /// The last used last.
    stack: Vec<Resting>,
    /// What rests since before is not to be trusted.
    distrusted: Option<Instant>,
}

#[derive(Debug)]
struct Resting {
    connection: Connection,
    since: Instant,
}

impl Idle {
    pub(super) fn new() -> Self {
        Self { rest: Mutex::new(Rest { stack: Vec::new(), distrusted: None }), existing: Arc::default() }
    }

    /// The connection that was used last, if it can be used as it is.
    pub(super) fn trusted(&self) -> Option<Connection> {
        let mut rest = self.rest.lock();
        let last = rest.stack.last()?;
        let trusted = last.since.elapsed() <= TRUSTED && rest.distrusted.is_none_or(|before| last.since > before);
        if trusted { rest.stack.pop().map(|resting| resting.connection) } else { None }
    }

    /// The connection that was used last; when there is none, the right to make one, to whom it may be given. The caller has
    /// a place: so many others exist at most as there are other places.
    pub(super) fn take(&self, may_make: bool) -> Result<Connection, Option<Slot>> {
        let mut rest = self.rest.lock();
        let last = rest.stack.pop().map(|resting| resting.connection);
        last.ok_or_else(|| may_make.then(|| Slot::new(&self.existing)))
    }

    /// The right to make one, if fewer than `most` exist. The caller has a place.
    pub(super) fn reserve_below(&self, most: usize) -> Option<Slot> {
        let _rest = self.rest.lock();
        (self.existing() < most).then(|| Slot::new(&self.existing))
    }

    pub(super) fn push(&self, connection: Connection) {
        self.rest.lock().stack.push(Resting { connection, since: Instant::now() });
    }

    /// Nothing that rests now is used without being asked whether it lives.
    pub(super) fn distrust(&self) {
        self.rest.lock().distrusted = Some(Instant::now());
    }

    /// Takes out one that is too old, or that rested too long while more than `least` exist.
    pub(super) fn take_due(&self, least: usize) -> Option<Connection> {
        let mut rest = self.rest.lock();
        let is_spare = self.existing() > least;
        // From the one that rests longest on.
        let due = rest.stack.iter().position(|resting| {
            is_spare && resting.since.elapsed() >= resting.connection.idle || resting.connection.is_old()
        });
        due.map(|at| rest.stack.remove(at).connection)
    }

    /// Takes out all.
    pub(super) fn take_all(&self) -> Vec<Connection> {
        self.rest.lock().stack.drain(..).map(|resting| resting.connection).collect()
    }

    /// How many rest, and how many exist.
    pub(super) fn counts(&self) -> (usize, usize) {
        let rest = self.rest.lock();
        (rest.stack.len(), self.existing())
    }

    fn existing(&self) -> usize {
        self.existing.load(Relaxed)
    }
}
