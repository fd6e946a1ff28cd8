//! The atomics and the lock that the breaker is made of. Loom brings others.

pub(super) use std::sync::atomic::{AtomicU64, Ordering};

pub(super) use parking_lot::Mutex;
