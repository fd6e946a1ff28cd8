//! Stall-driven batching and flights shared between requests.
//!
//! A loader registers its key and waits. When the future of a request returns `Pending` and nothing has woken it
//! meanwhile, every resolver that can run has run: exactly then all queues are flushed, one call a source. There is no
//! timer, so a level costs no latency of its own and its size does not hang on luck.
//!
//! - [`Source`]: where values come from, many keys a call, an answer for each.
//! - [`Queue`]: one request's keys of one source: memo, waiters, and what is to be asked at the next stall.
//! - [`Drive`]: polls the request's future and finds the stalls.
//! - [`Flights`]: what the process is fetching just now, so that two requests that want one key share one fetch.
//!
//! Nothing here knows what a value means, and nothing here does I/O.

mod drive;
mod flight;
mod group;
mod queue;
mod scope;
mod source;
#[cfg(test)]
mod tests;

pub use drive::{Drive, Queues};
pub use flight::Flights;
pub use queue::{Load, Queue};
pub use scope::Scope;
pub use source::{Answer, Caller, LoadError, Source};
