//! The one binary `nova` and the composition root: wiring, configuration, the clock, random numbers, and the servers that
//! a developer's machine runs.
//!
//! This room never decides what an answer is: it puts the other rooms together and starts and stops them.

pub mod app;
pub mod clock;
pub mod commands;
pub mod descriptors;
pub(crate) mod documents;
pub mod failure;
pub(crate) mod flags;
pub mod http;
mod https;
pub mod identity;
pub(crate) mod input;
pub(crate) mod output;
pub mod random;
pub mod say;
pub mod schema;
pub mod seed;
pub mod servers;
pub mod signals;
mod syntax;
pub mod telemetry;
pub mod token;
pub mod world;

pub use nova_core::chain;
