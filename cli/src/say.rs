//! Lines for the person at the terminal: progress goes to stderr, so that stdout carries results only.

use std::{fmt::Display, io::Write};

/// One line of progress. A closed stderr is no reason to stop.
pub fn step(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "nova: {text}");
}

/// One line of result.
pub fn result(text: impl Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
