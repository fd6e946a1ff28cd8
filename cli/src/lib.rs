//! The one binary `nova` and the composition root: wiring, configuration, the clock, random numbers, and the servers that
//! a developer's machine runs.
//!
//! This room never decides what an answer is: it puts the other rooms together and starts and stops them.

pub mod app;
pub mod clock;
pub mod commands;
pub mod failure;
pub mod http;
pub mod identity;
pub mod random;
pub mod say;
pub mod schema;
pub mod seed;
pub mod servers;
pub mod signals;
pub mod telemetry;
pub mod token;
pub mod world;

use std::error::Error;

/// An error and what caused it, on one line.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
