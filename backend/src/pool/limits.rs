//! How many connections, and how long for each thing that takes time.

use std::time::Duration;

/// Callers who may wait for each place: more would all be late.
const WAITING_PER_PLACE: usize = 64;
/// For small pools: callers who may wait at least.
const LEAST_WAITING: usize = 512;

/// The bounds of a pool.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Connections that exist at most: two or more, for one is the prober's.
    pub(crate) connections: usize,
    /// Connections that are kept open, the prober's among them.
    pub(crate) least: usize,
    /// How long it may take to connect.
    pub(crate) connect: Duration,
    /// How long a call waits for a place.
    pub(crate) acquire: Duration,
    /// After how long a connection that nobody uses is closed.
    pub(crate) idle: Duration,
    /// After how long a connection is replaced.
    pub(crate) lifetime: Duration,
    /// After how long the server stops a statement.
    pub(crate) statement: Duration,
    /// Connections that all processes together have at most.
    pub(crate) budget: u32,
}

impl Limits {
    /// Connections that calls have at most.
    pub(crate) fn places(&self) -> usize {
        self.connections.saturating_sub(1).max(1)
    }

    /// Connections for calls that are kept open.
    pub(crate) fn kept(&self) -> usize {
        self.least.saturating_sub(1)
    }

    /// Callers who may wait at a time.
    pub(crate) fn waiting(&self) -> usize {
        (self.places() * WAITING_PER_PLACE).max(LEAST_WAITING)
    }
}
