//! Resilience, one primitive per file: breaker, bulkhead, budget of retries, and the board on which operators see them.
//!
//! A guard measures every call and refuses only those that ask it to: whether a caller does is its policy, which this room
//! does not know. Nothing here does I/O, speaks a protocol, or sleeps.

mod board;
mod breaker;
mod budget;
mod bulkhead;

pub use board::{Board, BreakerView, BulkheadView, GuardsView, UnknownBreaker};
pub use breaker::{Breaker, Permit, Phase, Probes, Refusal, Thresholds, Trip};
pub use budget::{Budget, Share};
pub use bulkhead::{Bulkhead, Full, Seat};
